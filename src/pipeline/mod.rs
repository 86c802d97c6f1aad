//! The verbs, in the order a payment meets them. Each stage takes values and gives values; it fails
//! only for a broken invariant, never for a bad person.

pub mod records;
pub mod intake;
pub mod reconcile;
pub mod account_name;
pub mod entitle;
pub mod adjust;
pub mod explain;
pub mod inherit;
pub mod assemble;
pub mod recover;
pub mod court_orders;
pub mod approve;
pub mod retry;
pub mod believe;
pub mod settle;
pub mod statement;
pub mod vouchers;
pub mod fees;
pub mod cash_left;
pub mod account;
mod overpaid;
pub mod prove;
