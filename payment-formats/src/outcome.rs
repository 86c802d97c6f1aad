//! The nouns of what comes back.

use jiff::civil::Date;

use crate::amount::Currency;
use crate::entry_bounds::OverstatedEntry;
use crate::payment::ControlTotals;
use crate::reason::ReasonClass;

/// What an answer says about one payment, a batch or a whole file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub scope: Scope,
    pub status: OutcomeStatus,
    pub end_to_end_id: Option<String>,
    pub instruction_id: Option<String>,
    /// The reference of the file that is answered (`OrgnlMsgId`, `Refs/MsgId`).
    pub original_message_id: Option<String>,
    /// The reference of the set of payments (`OrgnlPmtInfId`, `Refs/PmtInfId`).
    pub original_batch_id: Option<String>,
    /// The statement or notification that holds the entry.
    pub statement_id: Option<String>,
    /// The account of which that statement or notification tells.
    pub statement_account: Option<String>,
    /// As the provider wrote it: `AC04`, `identifierError`, `Sai tên người hưởng`.
    pub reason: Option<String>,
    pub reason_class: Option<ReasonClass>,
    pub reason_text: Option<String>,
    pub amount: Option<(i64, Currency)>,
    /// Of a statement entry, from the account owner's side.
    pub direction: Option<Direction>,
    /// How many payments an entry stands for, where it says so.
    pub payments: Option<u64>,
    /// Of a file or a batch: how many payments the file that is answered had, as the answer repeats it.
    pub original_count: Option<u64>,
    /// Of a file or a batch: the sum of the file that is answered, as the answer repeats it; in the
    /// file's one currency, which the answer does not repeat.
    pub original_sum: Option<String>,
    pub account: Option<String>,
    pub name: Option<String>,
    /// The national or other identifier of the payee.
    pub payee_id: Option<String>,
    pub date: Option<Date>,
    pub provider_reference: Option<String>,
    /// The recall that is answered, by the name that we gave it (`RslvdCase/Id`).
    pub case_id: Option<String>,
    /// Why what it says cannot be taken at its word: it lacks what would make it evidence, or contradicts
    /// itself. A sentence without personal data; then a person must look, and nothing may be booked.
    pub doubt: Option<String>,
    pub place: Place,
}

/// What an outcome is about. A file's or a batch's outcome holds for the payments that the answer
/// does not name; a payment that it names has its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    File,
    Batch,
    Payment,
}

/// Our word for what a provider says. A grade of evidence, not a promise: only `Credited` proves
/// that the payee has the money.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum OutcomeStatus {
    /// The provider has the file or payment and has decided nothing.
    Received,
    /// Checked or being executed; more will come.
    Accepted,
    /// Some were accepted and some not: look at the payments. Those not named keep their state.
    Mixed,
    /// A person must look: blocked after acceptance, or the payee's name does not match.
    Review,
    /// Not executed.
    Rejected,
    /// The debtor's side has settled (ISO `ACSC`). Not proof of credit.
    DebtorSettled,
    /// An entry of a statement or notification on our account.
    Booked,
    /// An entry that is told and not booked: pending, in the future, or for information. No evidence.
    Announced,
    /// The payee has the money: ISO `ACCC` or `CPUC`, a provider's result, a signature.
    Credited,
    /// Executed, and the money came back.
    Returned,
    /// The provider undid its own booking.
    Reversed,
    /// Cancelled at our request.
    Cancelled,
    /// Cash that nobody has collected yet.
    Uncollected,
    /// The partner agrees to give a payment back. Not money: only a return proves that it came.
    RecallAccepted,
    /// The partner gives back less than all of a payment, or agrees to a part of the request.
    RecallPartial,
    /// The partner has the recall and has decided nothing.
    RecallPending,
    /// The partner does not give the payment back.
    RecallRefused,
    /// A word that the definition does not know. Never a success.
    Unrecognised(String),
}

impl OutcomeStatus {
    /// The words that a definition's rules use.
    pub(crate) const WORDS: [(&'static str, OutcomeStatus); 17] = [
        ("received", OutcomeStatus::Received),
        ("accepted", OutcomeStatus::Accepted),
        ("mixed", OutcomeStatus::Mixed),
        ("review", OutcomeStatus::Review),
        ("rejected", OutcomeStatus::Rejected),
        ("debtor_settled", OutcomeStatus::DebtorSettled),
        ("booked", OutcomeStatus::Booked),
        ("announced", OutcomeStatus::Announced),
        ("credited", OutcomeStatus::Credited),
        ("returned", OutcomeStatus::Returned),
        ("reversed", OutcomeStatus::Reversed),
        ("cancelled", OutcomeStatus::Cancelled),
        ("uncollected", OutcomeStatus::Uncollected),
        ("recall_accepted", OutcomeStatus::RecallAccepted),
        ("recall_partial", OutcomeStatus::RecallPartial),
        ("recall_pending", OutcomeStatus::RecallPending),
        ("recall_refused", OutcomeStatus::RecallRefused),
    ];
}

impl OutcomeStatus {
    /// Whether it answers a recall; then it says nothing about money.
    pub fn answers_recall(&self) -> bool {
        matches!(
            self,
            OutcomeStatus::RecallAccepted
                | OutcomeStatus::RecallPartial
                | OutcomeStatus::RecallPending
                | OutcomeStatus::RecallRefused
        )
    }
}

/// Whether money left the account or came to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    Debit,
    Credit,
}

impl Direction {
    /// By its ISO 20022 code.
    pub(crate) fn parse(code: &str) -> Option<Direction> {
        match code {
            "CRDT" => Some(Direction::Credit),
            "DBIT" => Some(Direction::Debit),
            _ => None,
        }
    }
}

/// Where in an answer something stands. Lines and records count from one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    pub line: u64,
    /// The ordinal of the transaction, entry, row or item.
    pub record: u64,
    /// Column, path or member.
    pub field: Option<String>,
}

/// What a whole answer says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileFacts {
    pub format_id: String,
    /// `pain.002.001.10`; empty where answers have no message name.
    pub message_name: String,
    pub message_id: Option<String>,
    /// The first statement or notification; others are in their outcomes.
    pub statement_id: Option<String>,
    /// The totals of the file that is answered, as the answer repeats them.
    pub original_count: Option<u64>,
    pub original_sum: Option<String>,
    /// Payments by outcome, and the sum of the amounts that they gave.
    pub payments: ControlTotals,
    /// Outcomes of every scope.
    pub outcomes: u64,
    /// Entries whose payments come to more than they book, or may do so.
    pub overstated: Vec<OverstatedEntry>,
}
