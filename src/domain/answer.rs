//! What came back: answer files, items that fit nothing, halts.

use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, PayableNo};
use crate::domain::state::named;

named!(
    AnswerState {
        Applying = "applying",
        Applied = "applied",
    }
);

/// One file from a provider, archived by its hash and applied once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub number: AnswerNo,
    pub provider: String,
    pub file_name: String,
    pub sha256: String,
    pub format: String,
    pub received_at: String,
    pub items: i64,
    /// How many items are applied; the rest is applied after a restart.
    pub applied: i64,
    /// How many of the applied items said once more what was known.
    pub repeated: i64,
    pub state: AnswerState,
}

/// A file from a provider that broke a rule as a whole; nothing of it was applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedAnswer {
    pub number: AnswerNo,
    pub provider: String,
    pub file_name: String,
    pub sha256: String,
    /// The code of the rule that it broke.
    pub code: String,
    pub refused_at: String,
}

named!(
    /// Why an answer's item needs a person.
    DiscrepancyKind {
        /// The reference is not one of ours, and no fallback fits.
        Unmatched = "unmatched",
        /// The amount or currency is not the ordered one.
        AmountDiffers = "amount_differs",
        /// The state it reports cannot follow the state that is held.
        Contradiction = "contradiction",
        /// Proof of a payment that we hold dead, while another attempt is live.
        SettledExcess = "settled_excess",
        /// A status word that the format's table does not know.
        StatusUnknown = "status_unknown",
        /// A file that broke a rule as a whole. Resolved, it is set aside and not looked at again.
        FileRefused = "file_refused",
        /// An answer about a whole file repeats another count or total than the file has.
        TotalsDiffer = "totals_differ",
        /// An entry of an account statement for which our books have no reason.
        UnexplainedEntry = "unexplained_entry",
        /// The account that it says was credited is not the ordered one.
        AccountDiffers = "account_differs",
        /// A second transaction for an order that is proved paid, or debited: perhaps the money left twice.
        PaidTwice = "paid_twice",
        /// The transaction by which it is said to be paid was told for another order before.
        TransactionShared = "transaction_shared",
        /// Its payment comes back, and was got back already.
        CameBackTwice = "came_back_twice",
        /// A statement shows money whose receipt two officers took back: whose is it? Its item is the number of
        /// the receipt, because one entry may hold several.
        ReceiptTakenBack = "receipt_taken_back",
        /// A statement shows money that left, whose transfer two officers took back: for whom did it leave? Its
        /// item is the number of the transfer.
        TransferTakenBack = "transfer_taken_back",
        /// A day long before the file left, or still to come.
        DateImpossible = "date_impossible",
        /// It lacks what would make it evidence, contradicts itself, or asks for a person.
        Unclear = "unclear",
        /// What is stored does not let it be booked; the rest of its file is.
        NotBooked = "not_booked",
    }
);

impl DiscrepancyKind {
    /// The code by which the page of errors explains it, where the kind has one of its own.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            DiscrepancyKind::AccountDiffers => Some("L122"),
            DiscrepancyKind::PaidTwice => Some("L123"),
            DiscrepancyKind::DateImpossible => Some("L124"),
            DiscrepancyKind::TransactionShared => Some("L141"),
            DiscrepancyKind::CameBackTwice => Some("L142"),
            DiscrepancyKind::ReceiptTakenBack => Some("L143"),
            DiscrepancyKind::TransferTakenBack => Some("L149"),
            DiscrepancyKind::Unclear => Some("L145"),
            DiscrepancyKind::NotBooked => Some("L148"),
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discrepancy {
    pub kind: DiscrepancyKind,
    pub provider: String,
    pub answer: AnswerNo,
    pub item: i64,
    pub instruction: Option<(PayableNo, AttemptNo)>,
    /// The file that it is about, when it is about a whole one.
    pub file: Option<(CycleNo, BatchNo)>,
    pub expected_minor: Option<i64>,
    pub reported_minor: Option<i64>,
    /// A sentence without personal data.
    pub detail: String,
    pub opened_at: String,
}

impl Discrepancy {
    /// An item of an answer, found when the answer came: about no payment and no file, and without amounts.
    pub fn of_item(
        kind: DiscrepancyKind,
        answer: &Answer,
        item: i64,
        detail: String,
    ) -> Discrepancy {
        Discrepancy {
            kind,
            provider: answer.provider.clone(),
            answer: answer.number,
            item,
            instruction: None,
            file: None,
            expected_minor: None,
            reported_minor: None,
            detail,
            opened_at: answer.received_at.clone(),
        }
    }
}

/// A transaction of the partner by which an order was paid, or our account debited for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldTransaction {
    pub instruction: (PayableNo, AttemptNo),
    /// As the partner writes it.
    pub reference: String,
    /// The item of the answer that tells of it.
    pub item: i64,
}

/// A provider, a cycle or everything is stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Halt {
    pub number: i64,
    /// `all`, `provider:NAME` or `cycle:NUMBER`; for officers, `cycle:LABEL`.
    pub scope: String,
    pub cause: String,
    pub put_by: String,
    pub put_at: String,
    /// The first of the two officers who lift it.
    pub first_lift_by: Option<String>,
    /// What evidence came up last while it was in force.
    pub later_cause: Option<String>,
}

impl Halt {
    /// Why something does not leave, and how it goes on.
    pub fn told(&self) -> String {
        format!("halted: {}; two officers lift it: chitra halt lift {}", self.causes(), self.number)
    }

    /// Why it was put, and what came up last since.
    pub fn causes(&self) -> String {
        match &self.later_cause {
            None => self.cause.clone(),
            Some(later) => format!("{}; and since then: {later}", self.cause),
        }
    }
}
