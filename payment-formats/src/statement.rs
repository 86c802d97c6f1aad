//! The nouns of an account statement: balances, entries, and what an entry is made of.

use serde::Deserialize;

use crate::outcome::{Outcome, Place};

/// One part of a statement, in the order of the file. Details come before the entry that they make up,
/// and a statement is told when all of it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StatementPart {
    /// Its amount, its side and its day are those of the outcome: a debit balance is owed to the bank.
    Balance(BalanceKind, Outcome),
    /// One payment of an entry.
    Detail(Booking),
    Entry(Booking),
    Statement {
        id: Option<String>,
        account: Option<String>,
        place: Place,
    },
}

/// An entry or a detail. Its outcome has amount, side, day and references; its status says whether it is
/// booked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    pub kind: EntryKind,
    /// An earlier entry of the other side is undone.
    pub is_reversal: bool,
    pub outcome: Outcome,
}

/// What an entry is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EntryKind {
    Payment,
    /// What the provider takes for its work.
    Fee,
    /// On its fees: value added tax.
    Tax,
}

impl EntryKind {
    pub(crate) const WORDS: [(&'static str, EntryKind); 3] =
        [("payment", EntryKind::Payment), ("fee", EntryKind::Fee), ("tax", EntryKind::Tax)];
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BalanceKind {
    /// Booked, before the first entry.
    Opening,
    /// Booked, after the last entry.
    Closing,
    /// Between two parts of a statement: the first opens the part, the last closes it.
    Interim,
    /// Available, forward or unknown: nothing adds up to it.
    Other,
}

impl BalanceKind {
    pub(crate) const WORDS: [(&'static str, BalanceKind); 4] = [
        ("opening", BalanceKind::Opening),
        ("closing", BalanceKind::Closing),
        ("interim", BalanceKind::Interim),
        ("other", BalanceKind::Other),
    ];
}

/// What a level of a definition gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartWord {
    Statement,
    Balance,
    Entry,
    Detail,
}
