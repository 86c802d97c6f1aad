//! The nouns: what a payment is made of, before anything is done with it.
//!
//! Pure: no clock, no disk, no network, no randomness. Read the modules in this order.

pub mod money;
pub mod period;
pub mod calendar;
pub mod hours;
pub mod ids;
pub mod state;
pub mod national_id;
pub mod province;
pub mod roster;
pub mod identity;
pub mod hold;
pub mod cycle;
pub mod list;
pub mod batch;
pub mod send_window;
pub mod instruction;
pub mod payable;
pub mod claim;
pub mod exception;
pub mod payee_account;
pub mod outcome;
pub mod fact;
pub mod fate;
pub mod heir;
pub mod stop;
pub mod recall;
pub mod answer;
pub mod acknowledgement;
pub mod statement;
pub mod receivable;
pub mod funds;
pub mod court_order;
pub mod tariff;
pub mod digest;
pub mod sealed;
pub mod schedule;
pub mod short_name;
pub mod signature;
