//! A statement of the account that pays: what it began with, what every entry was for, what it ended with.

use jiff::civil::Date;

use crate::domain::ids::{AnswerNo, BatchNo, CycleNo};
use crate::domain::state::named;

named!(
    /// How a provider debits our account for a file.
    DebitBooking {
        /// One entry for the whole file.
        Bulk = "bulk",
        /// One entry for each payment.
        Single = "single",
    }
);

named!(
    /// What an entry is for.
    ShareKind {
        /// The provider took the money of a file of ours.
        Debit = "debit",
        /// Money of payments that did not arrive came back.
        Return = "return",
        /// The provider undid its own booking.
        Reversal = "reversal",
        /// Money that was made available to the provider came in, as an officer had recorded.
        Funds = "funds",
        /// Money that was paid back came in, under the voucher that an officer had recorded.
        Receipt = "receipt",
        /// Money that was kept back for a court order went to its creditor, under the voucher that an officer
        /// had recorded.
        Transfer = "transfer",
        Fee = "fee",
        /// On its fees.
        Tax = "tax",
        /// Nothing in our books says why.
        Unexplained = "unexplained",
    }
);

impl ShareKind {
    /// Whether it is money of a file that went to the provider or came back from it, and no price of that.
    pub fn is_money_of_a_file(self) -> bool {
        matches!(self, ShareKind::Debit | ShareKind::Reversal | ShareKind::Return)
    }
}

/// Which file of which cycle.
pub type FileKey = (CycleNo, BatchNo);

/// One statement. Its balances and its booked entries add up, or it was never taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    pub number: i64,
    pub answer: AnswerNo,
    pub provider: String,
    pub account: String,
    /// The provider's own name for it.
    pub id: String,
    pub opening_minor: i64,
    pub closing_minor: i64,
    pub closed_on: Date,
    /// Booked entries.
    pub entries: i64,
    /// Entries that are announced and not booked; nothing adds them up.
    pub pending: i64,
}

/// The booked entries of a statement that are for one thing, and for one file where they are for a file.
/// The shares of a statement add up to what lies between its balances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementShare {
    pub statement: i64,
    pub kind: ShareKind,
    pub file: Option<FileKey>,
    pub entries: i64,
    /// Payments of ours.
    pub payments: i64,
    /// From the account's side: what left it is negative.
    pub total_minor: i64,
}

/// That an entry is money which an officer had recorded as available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FundedEntry {
    pub funds: i64,
    pub statement: i64,
    pub entry: i64,
}

/// An entry for which our books have no reason; a discrepancy until an officer has found one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnexplainedEntry {
    pub statement: i64,
    /// Its place among the entries of the file, counted from 1.
    pub entry: i64,
    pub amount_minor: i64,
    pub booked_on: Option<Date>,
    /// The provider's own reference.
    pub reference: Option<String>,
    /// A sentence without personal data.
    pub why: String,
}
