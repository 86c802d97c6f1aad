//! The stop annex: a payment that is taken off a sealed list before it leaves, by two officers.

use crate::domain::ids::{AttemptNo, BatchNo, CycleNo, PayableNo};
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    StopState {
        /// One officer has proposed it; the file in which the payment stands does not leave.
        Proposed = "proposed",
        /// Another has confirmed it: the payment is held, and the others of its file go in a new one.
        Confirmed = "confirmed",
        /// Another has refused it: the file may leave as it is.
        Refused = "refused",
    }
);

named!(
    StopEvent {
        Confirmed = "confirmed",
        Refused = "refused",
    }
);

impl StopState {
    pub const TABLE: &'static [Arrow<StopState, StopEvent>] = {
        use StopEvent as E;
        use StopState as S;
        &[(S::Proposed, E::Confirmed, S::Confirmed), (S::Proposed, E::Refused, S::Refused)]
    };

    pub fn apply(self, event: StopEvent) -> Result<StopState, IllegalTransition> {
        follow("stop of a payment", StopState::TABLE, self, event)
    }
}

/// One payment of a stop. Payments of a person that were stopped at once share the number and reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    pub number: i64,
    pub cycle: CycleNo,
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    /// The file in which the payment stood when it was proposed.
    pub batch: BatchNo,
    /// Sealed, because it may name people.
    pub reason: Vec<u8>,
    pub state: StopState,
    pub proposed_by: String,
    pub proposed_at: String,
}
