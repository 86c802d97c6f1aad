//! The verbs, in the order a payment meets them. Each stage takes slices and returns values.

pub mod reconcile;
