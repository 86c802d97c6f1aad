//! A payment cycle: one list of one authority for one period, from opening to closing.

use jiff::civil::Date;

use crate::domain::ids::{AuthorityNo, CycleNo, ImportNo};
use crate::domain::period::Period;
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    /// Why a list is drawn up. One regular list per authority and period; the others are numbered.
    CycleKind {
        Regular = "regular",
        /// Late additions to a month that has its regular list.
        Supplementary = "supplementary",
        /// Differences to what was determined before.
        Correction = "correction",
    }
);

named!(
    CycleState {
        Open = "open",
        Computed = "computed",
        Sealed = "sealed",
        Submitted = "submitted",
        Approved = "approved",
        Released = "released",
        Settling = "settling",
        Closed = "closed",
        Cancelled = "cancelled",
    }
);

named!(
    CycleEvent {
        Computed = "computed",
        Recomputed = "recomputed",
        Sealed = "sealed",
        Submitted = "submitted",
        Approved = "approved",
        Changed = "changed",
        Released = "released",
        Dispatched = "dispatched",
        Closed = "closed",
        Cancelled = "cancelled",
    }
);

impl CycleState {
    pub const TABLE: &'static [Arrow<CycleState, CycleEvent>] = {
        use CycleEvent as E;
        use CycleState as S;
        &[
            (S::Open, E::Computed, S::Computed),
            (S::Computed, E::Recomputed, S::Open),
            (S::Computed, E::Sealed, S::Sealed),
            (S::Sealed, E::Submitted, S::Submitted),
            (S::Submitted, E::Approved, S::Approved),
            (S::Submitted, E::Changed, S::Sealed),
            (S::Approved, E::Changed, S::Sealed),
            (S::Approved, E::Released, S::Released),
            (S::Released, E::Dispatched, S::Settling),
            (S::Settling, E::Closed, S::Closed),
            (S::Open, E::Cancelled, S::Cancelled),
            (S::Computed, E::Cancelled, S::Cancelled),
            (S::Sealed, E::Cancelled, S::Cancelled),
            (S::Submitted, E::Cancelled, S::Cancelled),
            (S::Approved, E::Cancelled, S::Cancelled),
        ]
    };

    pub fn apply(self, event: CycleEvent) -> Result<CycleState, IllegalTransition> {
        follow("cycle", CycleState::TABLE, self, event)
    }

    /// Whether the figures of the cycle exist and must balance.
    pub fn is_computed(self) -> bool {
        !matches!(self, CycleState::Open | CycleState::Cancelled)
    }
}

/// One cycle as the store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cycle {
    pub number: CycleNo,
    pub authority: AuthorityNo,
    pub period: Period,
    pub kind: CycleKind,
    pub sequence: i64,
    pub state: CycleState,
    /// The law as it was known on this day is applied, also to past months.
    pub law_known_at: Date,
    /// The day on which the debtor's account is to be debited.
    pub value_date: Date,
    pub roster: ImportNo,
    pub identity: ImportNo,
    pub opened_at: String,
    pub opened_by: String,
    /// Canonical JSON of everything that the list depends on; set at sealing.
    pub manifest: Option<String>,
    /// When list 0 was sealed: its files and the reports carry it, so that a repeat gives the same bytes.
    pub sealed_at: Option<String>,
    pub closed_at: Option<String>,
}

impl Cycle {
    /// How people call it: `2026-11`, or `2026-11-supplementary-1`.
    pub fn label(&self) -> String {
        match self.kind {
            CycleKind::Regular => self.period.to_string(),
            kind => format!("{}-{}-{}", self.period, kind, self.sequence),
        }
    }
}
