//! The nouns: what a payment is made of, before anything is done with it.
//!
//! Pure: no clock, no disk, no network, no randomness. Read the modules in this order.

pub mod digest;
pub mod money;
pub mod period;
pub mod sealed;
pub mod signature;
