//! A payment instruction: one order to credit one destination once (ISO 20022 `CdtTrfTxInf`).
//!
//! Until evidence names it, an instruction follows its batch: `in_batch` means created, released,
//! sent or unknown as the batch is. So a whole file is released, or becomes unknown, in one write.

use crate::domain::batch::BatchState;
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, DestinationNo, ListNo, PayableNo};
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

/// The reason that stands at an order of a list that was given up before it was released: it was never
/// tried, and its payable is again what it was before.
pub const LIST_CANCELLED: &str = "list_cancelled";

/// The reason that stands at an order whose file was taken back, proved not to have left.
pub const WITHDRAWN: &str = "withdrawn";

/// The reason that stands at an order that officers took off a sealed list before it left.
pub const STOPPED: &str = "stopped";

/// The reason that stands at an order of which its partner has said last that it is still being carried out.
pub const IN_PROCESS: &str = "in_process";

named!(
    InstructionState {
        InBatch = "in_batch",
        /// It may or may not have been paid. Only evidence, or two persons, end this.
        Unknown = "unknown",
        Settled = "settled",
        Rejected = "rejected",
        Returned = "returned",
        Cancelled = "cancelled",
        /// Proved paid although another attempt is live: money to be got back.
        SettledExcess = "settled_excess",
        ExcessReturned = "excess_returned",
    }
);

named!(
    InstructionEvent {
        Settled = "settled",
        Rejected = "rejected",
        Returned = "returned",
        OutcomeLost = "left without an outcome",
        /// The provider has it and has not decided: no longer unknown.
        FoundInFlight = "found in flight",
        /// The same order goes once more, under the key that makes it harmless.
        SentAgain = "sent again",
        Cancelled = "cancelled",
        /// Proof of payment for an attempt that we hold dead, while another is live.
        SettledBesideAnother = "settled beside another attempt",
        /// Two officers take back that it is paid: they had decided it and nothing else ever proved it, or what
        /// proved it stands against another word of its partner that waits in the queue.
        DecisionReversed = "decision reversed",
        /// The attempt beside which this one was proved paid came to nothing, or was taken back before it
        /// left: this is the payment.
        StandsAlone = "stands alone",
    }
);

named!(
    /// What an instruction is as people see it: its own state, or its batch's.
    InstructionStanding {
        Created = "created",
        Released = "released",
        Sent = "sent",
        Unknown = "unknown",
        Settled = "settled",
        Rejected = "rejected",
        Returned = "returned",
        Cancelled = "cancelled",
        SettledExcess = "settled_excess",
        ExcessReturned = "excess_returned",
    }
);

named!(
    /// How well it is proved that a payment reached the payee, best first. Settlement on the
    /// debtor's side alone (ISO 20022 `ACSC`) is no grade: it is not proof of credit.
    EvidenceGrade {
        /// The payee signed at the pay point.
        Signature = "signature",
        /// The provider that holds the payee's account says it is credited (`ACCC`, `CPUC`, a
        /// wallet's, operator's or bank's result).
        ProviderResult = "provider_result",
        /// An entry booked on our account names the payment (camt.053, camt.054), and it was agreed with
        /// the partner that this proves it.
        Statement = "statement",
        /// Our account was debited for it, and in the days that were agreed with its partner nothing came
        /// back.
        Unreturned = "unreturned",
        /// Two officers decided it, because no answer told the fate. The least there is.
        Decision = "decision",
    }
);

impl InstructionState {
    pub const TABLE: &'static [Arrow<InstructionState, InstructionEvent>] = {
        use InstructionEvent as E;
        use InstructionState as S;
        &[
            (S::InBatch, E::Settled, S::Settled),
            (S::InBatch, E::Rejected, S::Rejected),
            (S::InBatch, E::Returned, S::Returned),
            (S::InBatch, E::OutcomeLost, S::Unknown),
            (S::InBatch, E::Cancelled, S::Cancelled),
            (S::Unknown, E::FoundInFlight, S::InBatch),
            (S::Unknown, E::SentAgain, S::InBatch),
            (S::Unknown, E::Settled, S::Settled),
            (S::Unknown, E::Rejected, S::Rejected),
            (S::Unknown, E::Returned, S::Returned),
            (S::Settled, E::Returned, S::Returned),
            (S::Rejected, E::Settled, S::Settled),
            (S::Cancelled, E::Settled, S::Settled),
            (S::Returned, E::Settled, S::Settled),
            (S::Rejected, E::SettledBesideAnother, S::SettledExcess),
            (S::Cancelled, E::SettledBesideAnother, S::SettledExcess),
            (S::Returned, E::SettledBesideAnother, S::SettledExcess),
            (S::SettledExcess, E::Returned, S::ExcessReturned),
            (S::Settled, E::DecisionReversed, S::Rejected),
            (S::SettledExcess, E::StandsAlone, S::Settled),
        ]
    };

    /// The states that the one-live index covers; migrations spell the same three words.
    pub const LIVE: [InstructionState; 3] =
        [InstructionState::InBatch, InstructionState::Unknown, InstructionState::Settled];

    pub fn apply(self, event: InstructionEvent) -> Result<InstructionState, IllegalTransition> {
        follow("instruction", InstructionState::TABLE, self, event)
    }

    pub fn is_live(self) -> bool {
        InstructionState::LIVE.contains(&self)
    }

    pub fn standing(self, batch: BatchState) -> InstructionStanding {
        use InstructionStanding as I;
        match self {
            InstructionState::InBatch => match batch {
                BatchState::Created => I::Created,
                BatchState::Released => I::Released,
                BatchState::Delivered => I::Sent,
                BatchState::Sending | BatchState::Unknown => I::Unknown,
                BatchState::Refused => I::Rejected,
                BatchState::Withdrawn => I::Cancelled,
            },
            InstructionState::Unknown => I::Unknown,
            InstructionState::Settled => I::Settled,
            InstructionState::Rejected => I::Rejected,
            InstructionState::Returned => I::Returned,
            InstructionState::Cancelled => I::Cancelled,
            InstructionState::SettledExcess => I::SettledExcess,
            InstructionState::ExcessReturned => I::ExcessReturned,
        }
    }
}

/// One instruction as the store keeps it. Its end-to-end id is derived from the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instruction {
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    pub list: ListNo,
    pub batch: BatchNo,
    pub destination: DestinationNo,
    pub amount_minor: i64,
    pub state: InstructionState,
    pub evidence: Evidence,
}

/// What is known of an instruction besides its state: how it ended, and who says so.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Evidence {
    pub grade: Option<EvidenceGrade>,
    pub reason: Option<String>,
    pub reason_class: Option<String>,
    /// The answer that said so, and its item.
    pub answer: Option<(AnswerNo, i64)>,
    /// The day that the partner gave for it.
    pub outcome_on: Option<String>,
    /// The day on which our account was debited for it, where an entry says so. What that proves was
    /// agreed with the partner.
    pub debited_on: Option<String>,
}

impl Instruction {
    /// Whether it stood on a list that was given up, or was taken off one: then it is as if it had never
    /// been ordered, but that its id is used up.
    pub fn is_given_up(&self) -> bool {
        self.state == InstructionState::Cancelled
            && matches!(self.evidence.reason.as_deref(), Some(LIST_CANCELLED | STOPPED))
    }

    /// Whether two officers took it off a sealed list: what they know of the payee still holds.
    pub fn is_stopped(&self) -> bool {
        self.state == InstructionState::Cancelled
            && self.evidence.reason.as_deref() == Some(STOPPED)
    }

    /// Whether its partner has said last that it is still being carried out.
    pub fn is_said_to_be_in_process(&self) -> bool {
        self.evidence.reason.as_deref() == Some(IN_PROCESS)
    }

    /// Whether it ever left us, as far as is known. An order that was taken back never did.
    pub fn was_tried(&self) -> bool {
        let withdrawn = self.state == InstructionState::Cancelled
            && self.evidence.reason.as_deref() == Some(WITHDRAWN);
        !withdrawn && !self.is_given_up()
    }
}
