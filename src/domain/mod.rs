//! The nouns: what a payment is made of, before anything is done with it.
//!
//! Pure: no clock, no disk, no network, no randomness. Read the modules in this order.

pub mod answer;
pub mod outcome;
pub mod batch;
pub mod claim;
pub mod cycle;
pub mod exception;
pub mod ids;
pub mod instruction;
pub mod list;
pub mod digest;
pub mod money;
pub mod payable;
pub mod period;
pub mod person;
pub mod roster;
pub mod state;
pub mod sealed;
pub mod signature;
