//! The nouns: what a payment is made of, before anything is done with it.
//!
//! Pure: no clock, no disk, no network, no randomness. Read the modules in this order.

pub mod hold;
pub mod identity;
pub mod money;
pub mod national_id;
pub mod period;
