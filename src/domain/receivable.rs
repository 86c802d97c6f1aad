//! Money to be got back: why, how far it has come, and what may still happen to it.
//!
//! How much is back is never stored as a state: it follows from the payables that were reduced and
//! paid, from what was paid in, and from excess that a partner returned. So a payment that comes back,
//! or a list that is cancelled, leaves nothing to be undone.

use crate::domain::ids::{AttemptNo, CycleNo, PayableNo, PersonNo};
use crate::domain::state::{Arrow, IllegalTransition, follow, named};

named!(
    ReceivableCause {
        /// A group of lines that sums to less than nothing.
        Overpayment = "overpayment",
        /// Paid for months after the month of death, which was known later: the estate owes it.
        PostDeath = "post_death",
        /// Two orders of one payable were paid.
        SettledExcess = "settled_excess",
    }
);

impl ReceivableCause {
    /// What an estate owes is never taken from anybody's own entitlement.
    pub fn is_recovered_from_entitlements(self) -> bool {
        self != ReceivableCause::PostDeath
    }
}

named!(
    ReceivableState {
        /// Nothing of it is back.
        Open = "open",
        /// Part of it is back.
        Recovering = "recovering",
        Recovered = "recovered",
        /// All of it is back, from the estate of someone who died.
        Reclaimed = "reclaimed",
        /// Two persons have given it up.
        WrittenOff = "written_off",
    }
);

named!(
    ReceivableEvent {
        PartGotBack = "part got back",
        AllGotBack = "all got back",
        Reclaimed = "reclaimed",
        WrittenOff = "written off",
        PartFellAway = "part fell away",
        AllFellAway = "all fell away",
    }
);

impl ReceivableState {
    pub const TABLE: &'static [Arrow<ReceivableState, ReceivableEvent>] = {
        use ReceivableEvent as E;
        use ReceivableState as S;
        &[
            (S::Open, E::PartGotBack, S::Recovering),
            (S::Recovering, E::PartGotBack, S::Recovering),
            (S::Open, E::AllGotBack, S::Recovered),
            (S::Recovering, E::AllGotBack, S::Recovered),
            (S::Open, E::Reclaimed, S::Reclaimed),
            (S::Recovering, E::Reclaimed, S::Reclaimed),
            (S::Open, E::WrittenOff, S::WrittenOff),
            (S::Recovering, E::WrittenOff, S::WrittenOff),
            (S::Recovering, E::PartFellAway, S::Recovering),
            (S::Recovering, E::AllFellAway, S::Open),
            (S::Recovered, E::PartFellAway, S::Recovering),
            (S::Recovered, E::AllFellAway, S::Open),
        ]
    };

    pub fn apply(self, event: ReceivableEvent) -> Result<ReceivableState, IllegalTransition> {
        follow("receivable", ReceivableState::TABLE, self, event)
    }

    /// True while it is still to be got back.
    pub fn is_open(self) -> bool {
        matches!(self, ReceivableState::Open | ReceivableState::Recovering)
    }
}

named!(
    /// Who paid money back.
    ReceiptSource {
        Person = "person",
        /// The heirs, out of what the deceased left.
        Estate = "estate",
    }
);

/// Money to be got back, when it is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receivable {
    pub cause: ReceivableCause,
    pub person: PersonNo,
    pub instruction: Option<(PayableNo, AttemptNo)>,
    pub amount_minor: i64,
    pub opened_at: String,
}

/// A receivable with how far it has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivableStanding {
    pub number: i64,
    pub receivable: Receivable,
    /// The cycle whose lines came out negative.
    pub found_by: Option<CycleNo>,
    pub is_written_off: bool,
    /// Taken off payables that are paid.
    pub recovered_minor: i64,
    /// Taken off payables that are not paid yet.
    pub reserved_minor: i64,
    /// Paid in outside.
    pub received_minor: i64,
    /// Sent back by the partner that had paid twice.
    pub returned_minor: i64,
}

impl ReceivableStanding {
    pub fn got_back_minor(&self) -> i64 {
        self.recovered_minor + self.received_minor + self.returned_minor
    }

    /// What is neither back nor on its way.
    pub fn left_minor(&self) -> i64 {
        (self.receivable.amount_minor - self.got_back_minor() - self.reserved_minor).max(0)
    }

    pub fn state(&self) -> ReceivableState {
        let back = self.got_back_minor();
        match (self.is_written_off, self.receivable.cause) {
            (true, _) => ReceivableState::WrittenOff,
            (_, ReceivableCause::PostDeath) if back >= self.receivable.amount_minor => {
                ReceivableState::Reclaimed
            }
            _ if back >= self.receivable.amount_minor => ReceivableState::Recovered,
            _ if back > 0 => ReceivableState::Recovering,
            _ => ReceivableState::Open,
        }
    }
}

/// What a payable was reduced by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    pub receivable: i64,
    pub payable: PayableNo,
    /// Negative.
    pub amount_minor: i64,
}

/// Money that came back outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub receivable: i64,
    pub source: ReceiptSource,
    pub amount_minor: i64,
    pub reference: String,
    pub received_on: String,
    pub recorded_by: String,
    pub recorded_at: String,
}

/// What one officer proposed to give up, until another confirms it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteOff {
    pub receivable: i64,
    pub amount_minor: i64,
    pub reason: Vec<u8>,
    pub proposed_by: String,
    pub proposed_at: String,
    pub confirmed_by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_has_come_follows_from_what_is_back() {
        let person = PersonNo::from_number(3 << 55).unwrap();
        for (cause, back, written_off, state, left) in [
            (ReceivableCause::Overpayment, 0, false, ReceivableState::Open, 90),
            (ReceivableCause::Overpayment, 40, false, ReceivableState::Recovering, 50),
            (ReceivableCause::Overpayment, 90, false, ReceivableState::Recovering, 0),
            (ReceivableCause::Overpayment, 100, false, ReceivableState::Recovered, 0),
            (ReceivableCause::Overpayment, 40, true, ReceivableState::WrittenOff, 50),
            (ReceivableCause::PostDeath, 100, false, ReceivableState::Reclaimed, 0),
        ] {
            let receivable = Receivable {
                cause,
                person,
                instruction: None,
                amount_minor: 100,
                opened_at: String::new(),
            };
            let standing = ReceivableStanding {
                number: 1,
                receivable,
                found_by: None,
                is_written_off: written_off,
                recovered_minor: back,
                reserved_minor: if back < 100 { 10 } else { 0 },
                received_minor: 0,
                returned_minor: 0,
            };
            assert_eq!((standing.state(), standing.left_minor()), (state, left), "{cause} {back}");
        }
    }
}
