//! What did not go the ordinary way: a roster row that is refused, ceased, held or nil, or a
//! payable that is held. Ordinary rows have no record of their own.

use crate::domain::ids::{EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::state::named;

named!(
    /// Where a roster row ended. These partition the rows listed.
    RowOutcome {
        /// Unusable: the officer mends the row and sends it again.
        Refused = "refused",
        /// The sender says that the enrolment has ended or is paused.
        Ceased = "ceased",
        /// Kept back by us, with a code; may be released.
        Held = "held",
        /// Decided: nothing is owed this time, with the clause that says why.
        Nil = "nil",
        Entitled = "entitled",
    }
);

named!(
    Subject {
        Row = "row",
        Payable = "payable",
    }
);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exception {
    pub shard: Shard,
    /// Counted within cycle and shard.
    pub number: i64,
    pub subject: Subject,
    pub outcome: RowOutcome,
    pub code: String,
    pub person: PersonNo,
    pub enrolment: Option<EnrolmentNo>,
    pub payable: Option<PayableNo>,
    pub source_line: Option<u64>,
    /// A sentence without personal data.
    pub detail: String,
}

named!(
    /// What an officer decided about a hold.
    Decision {
        Release = "release",
        Keep = "keep",
    }
);

/// An officer's decision; it counts whenever the same subject is held for the same code, until the
/// period `valid_to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolution {
    pub number: i64,
    /// The enrolment's number for a row; for a payable a keyed hash of payee, beneficiary, destination
    /// and code.
    pub subject: i64,
    pub code: String,
    pub decision: Decision,
    /// A keyed hash of what stood on the row, and in the register, that was decided about. None of a payable,
    /// and of what was decided before this was kept.
    pub seen: Option<i64>,
    pub valid_to: crate::domain::period::Period,
    /// Sealed, because it may name people.
    pub reason: Vec<u8>,
    pub decided_by: String,
    pub decided_at: String,
    /// It counts only when another officer has confirmed it.
    pub two_persons: bool,
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<String>,
}

impl Resolution {
    /// Whether the hold keeps nothing back any more.
    pub fn releases(&self) -> bool {
        self.decision == Decision::Release && !self.waits_for_another()
    }

    /// Whether it was taken about what stands now: None for a payable, of which nothing else is kept. What an
    /// earlier program wrote does not say it, and a person must look again.
    pub fn is_about(&self, seen: Option<i64>) -> bool {
        seen.is_none() || self.seen == seen
    }

    /// One of two persons has decided, and the hold is in force still.
    pub fn waits_for_another(&self) -> bool {
        self.two_persons && self.confirmed_by.is_none()
    }

    /// Whether a second person could still confirm it for this month: what was proposed for months that are
    /// over keeps nobody from proposing again.
    pub fn waits_in(&self, month: crate::domain::period::Period) -> bool {
        self.waits_for_another() && self.valid_to >= month
    }
}
