//! A payable: what one payee is to receive in one cycle. Its states are the partition that
//! officers and auditors count.

use crate::domain::ids::{BatchNo, DestinationNo, PayableNo, PersonNo};
use crate::domain::roster::Channel;
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    PayableState {
        /// Kept back by us, with a code.
        Held = "held",
        /// Ordered, or about to be; no outcome yet.
        Pending = "pending",
        /// It may or may not have been paid.
        Unknown = "unknown",
        Paid = "paid",
        /// The provider did not carry it out.
        Rejected = "rejected",
        /// Paid and sent back.
        Returned = "returned",
    }
);

named!(
    PayableEvent {
        Instructed = "instructed",
        OutcomeLost = "left without an outcome",
        FoundInFlight = "found in flight",
        SentAgain = "sent again",
        Settled = "settled",
        Rejected = "rejected",
        Returned = "returned",
        /// Two officers take back that it is paid: they had decided it, or its partner contradicts itself.
        DecisionReversed = "decision reversed",
        /// The list that ordered it was given up, or its person is stopped.
        HeldAgain = "held again",
    }
);

impl PayableState {
    pub const TABLE: &'static [Arrow<PayableState, PayableEvent>] = {
        use PayableEvent as E;
        use PayableState as S;
        &[
            (S::Held, E::Instructed, S::Pending),
            (S::Pending, E::OutcomeLost, S::Unknown),
            (S::Unknown, E::FoundInFlight, S::Pending),
            (S::Unknown, E::SentAgain, S::Pending),
            (S::Pending, E::Settled, S::Paid),
            (S::Unknown, E::Settled, S::Paid),
            (S::Pending, E::Rejected, S::Rejected),
            (S::Unknown, E::Rejected, S::Rejected),
            (S::Pending, E::Returned, S::Returned),
            (S::Unknown, E::Returned, S::Returned),
            (S::Paid, E::Returned, S::Returned),
            (S::Rejected, E::Instructed, S::Pending),
            (S::Returned, E::Instructed, S::Pending),
            (S::Held, E::Settled, S::Paid),
            (S::Rejected, E::Settled, S::Paid),
            (S::Returned, E::Settled, S::Paid),
            (S::Paid, E::DecisionReversed, S::Rejected),
            (S::Pending, E::HeldAgain, S::Held),
        ]
    };

    pub fn apply(self, event: PayableEvent) -> Result<PayableState, IllegalTransition> {
        follow("payable", PayableState::TABLE, self, event)
    }
}

/// One payable as the store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payable {
    pub number: PayableNo,
    pub payee: PersonNo,
    pub beneficiary: PersonNo,
    /// The naming by which an heir is paid in the place of the payee.
    pub heir: Option<i64>,
    pub destination: Option<DestinationNo>,
    pub channel: Channel,
    pub provider: String,
    pub fund: String,
    pub programme: String,
    pub province: String,
    pub amount_minor: i64,
    pub lines: i64,
    pub state: PayableState,
    /// Why it is held, or the reason of its last rejection or return; empty when there is none.
    pub code: String,
    /// The batch of its last instruction.
    pub batch: Option<BatchNo>,
    pub carried_to: Option<PayableNo>,
}
