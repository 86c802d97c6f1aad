//! A payment list: what officers approve. List 0 is the month; the others release reissues and
//! holds that were lifted after sealing.

use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    ListState {
        Sealed = "sealed",
        Submitted = "submitted",
        Approved = "approved",
        Released = "released",
        Cancelled = "cancelled",
    }
);

named!(
    ListEvent {
        Submitted = "submitted",
        Approved = "approved",
        Changed = "changed",
        Released = "released",
        Cancelled = "cancelled",
    }
);

named!(
    /// What an officer put their signature under.
    Act {
        /// The maker presents the list.
        Submit = "submit",
        /// An approver, who is not the maker, agrees to exactly this digest.
        Approve = "approve",
    }
);

impl ListState {
    pub const TABLE: &'static [Arrow<ListState, ListEvent>] = {
        use ListEvent as E;
        use ListState as S;
        &[
            (S::Sealed, E::Submitted, S::Submitted),
            (S::Submitted, E::Approved, S::Approved),
            (S::Submitted, E::Changed, S::Sealed),
            (S::Approved, E::Changed, S::Sealed),
            (S::Approved, E::Released, S::Released),
            (S::Sealed, E::Cancelled, S::Cancelled),
            (S::Submitted, E::Cancelled, S::Cancelled),
            (S::Approved, E::Cancelled, S::Cancelled),
        ]
    };

    pub fn apply(self, event: ListEvent) -> Result<ListState, IllegalTransition> {
        follow("payment list", ListState::TABLE, self, event)
    }
}
