//! The verbs, in the order a payment meets them. Pure: stages take values and return values.

pub mod entitle;

pub mod adjust;

pub mod explain;

pub mod prove;
