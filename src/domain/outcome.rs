//! What a provider reports about one instruction, after its file was read and its reference matched.

use crate::domain::answer::DiscrepancyKind;
use crate::domain::ids::{AttemptNo, PayableNo};
use crate::domain::instruction::EvidenceGrade;
use crate::domain::state::named;

named!(
    /// What a reason code asks for (the classes of the ISO 20022 external reason codes and of the
    /// operators' error codes).
    ReasonClass {
        /// Passing trouble: the same payment may be ordered again.
        Retry = "retry",
        /// This way cannot carry it; another may.
        OtherChannel = "other_channel",
        /// The payee's account or name is wrong: another destination is needed.
        PayeeData = "payee_data",
        /// Not to be paid again: death, fraud, court.
        Stop = "stop",
        /// Our file or our account is at fault.
        Operator = "operator",
        /// A person must look.
        Review = "review",
        /// The provider saw it before: never sent again before the books agree.
        Duplicate = "duplicate",
        NotApplicable = "not_applicable",
    }
);

/// The reason of cash that was laid out and that nobody came for.
pub const UNCOLLECTED: &str = "uncollected";

/// What is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reported {
    /// Received, accepted, or settled on the debtor's side only: still in flight.
    InFlight,
    /// Still in flight, and the partner waits for a person: it is blocked, or the name does not match.
    UnderReview,
    /// Our account was debited: the bank took the money, and the payee may or may not have it.
    Debited,
    Paid(EvidenceGrade),
    Rejected,
    Returned,
    Cancelled,
    /// Two officers decided that it was not paid, because no answer told the fate, or one contradicts another.
    DecidedNotPaid,
    /// The provider says that it cannot tell, or uses a word that is in no table.
    CannotTell,
}

/// By which transaction of the partner an item says that something became of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transaction {
    /// The item speaks of a whole file, or it is a decision of officers: of no one transaction.
    None,
    /// Of one transaction that it does not name.
    Unnamed,
    /// The partner's reference, such as `FT26329000001`.
    Named(String),
}

/// One item of an answer about one instruction of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Its place in the answer, counted from 1.
    pub item: i64,
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    pub reported: Reported,
    /// Minor units in our currency; `Err` when it is in another currency.
    pub amount: Option<Result<i64, String>>,
    pub reason: Option<String>,
    pub class: Option<ReasonClass>,
    /// The day it took effect, `2026-11-05`.
    pub on: Option<String>,
    pub transaction: Transaction,
    /// Why it cannot be believed, each with a sentence: then it is told to a person and changes nothing.
    pub unbelievable: Vec<(DiscrepancyKind, String)>,
}
