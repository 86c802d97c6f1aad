//! What two officers decide about a payment of which no answer tells the fate.

use crate::domain::ids::{AttemptNo, CycleNo, PayableNo};
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

/// The reason that stands at a payment which two officers decided was not paid.
pub const DECIDED_NOT_PAID: &str = "decided_not_paid";

named!(
    Verdict {
        Paid = "paid",
        NotPaid = "not_paid",
    }
);

named!(
    FateState {
        /// One officer has proposed it; it changes nothing yet.
        Proposed = "proposed",
        /// Another has confirmed it, and the payment has moved.
        Confirmed = "confirmed",
        /// Another proposal for the same payment has taken its place.
        Withdrawn = "withdrawn",
    }
);

named!(
    FateEvent {
        Confirmed = "confirmed",
        Withdrawn = "withdrawn",
    }
);

impl FateState {
    pub const TABLE: &'static [Arrow<FateState, FateEvent>] = {
        use FateEvent as E;
        use FateState as S;
        &[(S::Proposed, E::Confirmed, S::Confirmed), (S::Proposed, E::Withdrawn, S::Withdrawn)]
    };

    pub fn apply(self, event: FateEvent) -> Result<FateState, IllegalTransition> {
        follow("decision on an unknown payment", FateState::TABLE, self, event)
    }
}

/// One payment of a decision. Payments that were decided at once share the number and the reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fate {
    pub decision: i64,
    pub cycle: CycleNo,
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    pub verdict: Verdict,
    /// Sealed, because it may name people.
    pub reason: Vec<u8>,
    pub state: FateState,
    pub proposed_by: String,
    pub proposed_at: String,
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<String>,
}
