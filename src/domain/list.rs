//! A payment list: what officers approve. List 0 is the month; the others release reissues and
//! holds that were lifted after sealing.

use crate::domain::ids::{CycleNo, ListNo};
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

/// A sealed list: what an approval is bound to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentList {
    pub cycle: CycleNo,
    pub number: ListNo,
    pub state: ListState,
    /// SHA-256 of `body`, in hexadecimal.
    pub digest: String,
    /// Canonical JSON: manifest and evidence digests, control totals, every file with its SHA-256.
    pub body: String,
    pub sealed_at: String,
}

/// An officer's signature under a digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    pub cycle: CycleNo,
    pub list: ListNo,
    pub digest: String,
    pub officer: String,
    pub act: Act,
    /// Ed25519 over the digest in the context of the act, in hexadecimal.
    pub signature: String,
    pub signed_at: String,
    /// Set when the list was found changed: the signature no longer counts.
    pub voided_at: Option<String>,
}

named!(
    Role {
        Officer = "officer",
        Approver = "approver",
        Auditor = "auditor",
        Operator = "operator",
        Viewer = "viewer",
    }
);

/// Someone who may sign. The office keeps only the public half of the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Officer {
    pub name: String,
    pub role: Role,
    pub public_key: String,
}
