//! Money to be got back: why, how far it has come, and what may still happen to it.
//!
//! How much is back is never stored as a state: it follows from the payables that were reduced and
//! paid, from what was paid in, and from excess that a partner returned. What two persons give up is a
//! part of its own: no more is given up than they agreed to. So a payment that comes back,
//! or a list that is cancelled, leaves nothing to be undone.

use jiff::civil::Date;

use crate::domain::ids::{AttemptNo, CycleNo, EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::instruction::InstructionState;
use crate::domain::period::Period;
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

    /// Whether nothing is to be got back while its order is in this state: the partner returned the money, it never
    /// left after all, or what was too much is the payment.
    pub fn is_back_with(self, order: InstructionState) -> bool {
        match order {
            InstructionState::Returned
            | InstructionState::ExcessReturned
            | InstructionState::Rejected
            | InstructionState::Cancelled => true,
            InstructionState::SettledExcess => false,
            _ => self == ReceivableCause::SettledExcess,
        }
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
        /// Nothing of it is left to be got back, and a part two persons have given up.
        WrittenOff = "written_off",
        /// Nothing of it is owed: the death was set aside, or is known to be a later one.
        SetAside = "set_aside",
    }
);

named!(
    ReceivableEvent {
        PartGotBack = "part got back",
        AllGotBack = "all got back",
        Reclaimed = "reclaimed",
        WrittenOff = "written off",
        RestGotBack = "rest got back",
        PartFellAway = "part fell away",
        AllFellAway = "all fell away",
        DeathSetAside = "death set aside",
        DeathCountsAgain = "death counts again",
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
            (S::Open, E::RestGotBack, S::WrittenOff),
            (S::Recovering, E::RestGotBack, S::WrittenOff),
            (S::WrittenOff, E::RestGotBack, S::WrittenOff),
            (S::WrittenOff, E::AllGotBack, S::Recovered),
            (S::WrittenOff, E::Reclaimed, S::Reclaimed),
            (S::Recovering, E::PartFellAway, S::Recovering),
            (S::Recovering, E::AllFellAway, S::Open),
            (S::Recovered, E::PartFellAway, S::Recovering),
            (S::Reclaimed, E::PartFellAway, S::Recovering),
            (S::Reclaimed, E::AllFellAway, S::Open),
            (S::Recovered, E::AllFellAway, S::Open),
            (S::WrittenOff, E::PartFellAway, S::Recovering),
            (S::WrittenOff, E::AllFellAway, S::Open),
            (S::Open, E::DeathSetAside, S::SetAside),
            (S::Recovering, E::DeathSetAside, S::SetAside),
            (S::Reclaimed, E::DeathSetAside, S::SetAside),
            (S::WrittenOff, E::DeathSetAside, S::SetAside),
            (S::SetAside, E::DeathCountsAgain, S::Open),
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
    /// What two persons have given up, and nothing beside it.
    pub given_up_minor: i64,
    /// Taken off payables that are paid.
    pub recovered_minor: i64,
    /// Taken off payables that are not paid yet, or set off on a list that may still be cancelled.
    pub reserved_minor: i64,
    /// Paid in outside.
    pub received_minor: i64,
    /// Sent back by the partner that had paid twice.
    pub returned_minor: i64,
    /// Set off against money for the same claims, of which nothing was left to be paid.
    pub set_off_minor: i64,
    /// True while the evidence of the death on which it stands is found wrong.
    pub is_set_aside: bool,
}

impl ReceivableStanding {
    pub fn got_back_minor(&self) -> i64 {
        self.recovered_minor + self.received_minor + self.returned_minor + self.set_off_minor
    }

    /// What is neither back, nor on its way, nor given up.
    pub fn left_minor(&self) -> i64 {
        (self.not_back_minor() - self.given_up_minor).max(0)
    }

    /// What is neither back nor on its way, whoever gave it up.
    pub fn not_back_minor(&self) -> i64 {
        (self.owed_minor() - self.got_back_minor() - self.reserved_minor).max(0)
    }

    /// What is back beyond all that was owed.
    pub fn too_much_minor(&self) -> i64 {
        (self.got_back_minor() - self.owed_minor()).max(0)
    }

    fn owed_minor(&self) -> i64 {
        if self.is_set_aside { 0 } else { self.receivable.amount_minor }
    }

    /// What is back, or on its way, in other ways than by its order: all of it is too much once that has
    /// come back too.
    pub fn got_back_otherwise_minor(&self) -> i64 {
        self.got_back_minor() - self.returned_minor + self.reserved_minor
    }

    pub fn state(&self) -> ReceivableState {
        if self.is_set_aside {
            return ReceivableState::SetAside;
        }
        let back = self.got_back_minor();
        if back >= self.receivable.amount_minor {
            return match self.receivable.cause {
                ReceivableCause::PostDeath => ReceivableState::Reclaimed,
                ReceivableCause::Overpayment | ReceivableCause::SettledExcess => {
                    ReceivableState::Recovered
                }
            };
        }
        match (self.given_up_minor > 0 && self.left_minor() == 0, back > 0) {
            (true, _) => ReceivableState::WrittenOff,
            (false, true) => ReceivableState::Recovering,
            (false, false) => ReceivableState::Open,
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

/// Money for a claim that a list raised, set off in full against what was to be got back of the same claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetOff {
    pub receivable: i64,
    pub shard: Shard,
    pub period: Period,
    pub enrolment: EnrolmentNo,
    pub benefit: String,
    pub component: String,
    pub revision: u16,
    pub amount_minor: i64,
}

/// Money that came back outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub number: i64,
    pub receivable: i64,
    pub source: ReceiptSource,
    pub amount_minor: i64,
    pub reference: String,
    pub received_on: String,
    pub recorded_by: String,
    pub recorded_at: String,
    pub take_back: Option<TakeBack>,
}

/// A receipt that was a mistake: one officer says so, another takes it back, and it stays to be seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakeBack {
    /// Sealed, because it may name people.
    pub reason: Vec<u8>,
    pub proposed_by: String,
    pub proposed_at: String,
    pub taken_back_by: Option<String>,
}

/// Which entry of which statement shows some money.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SeenOn {
    pub statement: i64,
    /// Its place among the entries of the file, counted from 1.
    pub entry: i64,
}

/// A receipt, or a transfer for a court order, as statements look for it: by the reference of its voucher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Voucher {
    /// The number of the receipt or transfer.
    pub number: i64,
    /// The receivable or the court order for which it is.
    pub of: i64,
    pub amount_minor: i64,
    pub reference: String,
    /// The day on which the money came, or left.
    pub on: Date,
    /// False when two officers have taken it back.
    pub counts: bool,
    pub seen: Option<SeenOn>,
}

impl Receipt {
    /// False when two officers have taken it back.
    pub fn counts(&self) -> bool {
        self.take_back.as_ref().is_none_or(|one| one.taken_back_by.is_none())
    }

    /// The reference as it is compared: one voucher counts once, whatever blanks and capitals are typed.
    pub fn compared(reference: &str) -> String {
        let words: Vec<&str> = reference.split_whitespace().collect();
        words.join(" ").to_lowercase()
    }
}

/// What one officer proposed to give up, until another confirms it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteOff {
    pub receivable: i64,
    /// 1 for the first, one more for each part that is given up after what was on its way fell away.
    pub part: i64,
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
        use ReceivableState as S;
        for (cause, back, on_its_way, given_up, state, left) in [
            (ReceivableCause::Overpayment, 0, 10, 0, S::Open, 90),
            (ReceivableCause::Overpayment, 40, 10, 0, S::Recovering, 50),
            (ReceivableCause::Overpayment, 90, 10, 0, S::Recovering, 0),
            (ReceivableCause::Overpayment, 100, 0, 0, S::Recovered, 0),
            (ReceivableCause::PostDeath, 100, 0, 0, S::Reclaimed, 0),
            // The rest was given up, then what was on its way fell away, is kept back anew, and is paid.
            (ReceivableCause::Overpayment, 0, 60, 40, S::WrittenOff, 0),
            (ReceivableCause::Overpayment, 0, 0, 40, S::Open, 60),
            (ReceivableCause::Overpayment, 20, 0, 40, S::Recovering, 40),
            (ReceivableCause::Overpayment, 60, 0, 40, S::WrittenOff, 0),
            (ReceivableCause::Overpayment, 100, 0, 40, S::Recovered, 0),
            (ReceivableCause::PostDeath, 0, 0, 100, S::WrittenOff, 0),
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
                given_up_minor: given_up,
                recovered_minor: back,
                reserved_minor: on_its_way,
                received_minor: 0,
                returned_minor: 0,
                set_off_minor: 0,
                is_set_aside: false,
            };
            assert_eq!(
                (standing.state(), standing.left_minor()),
                (state, left),
                "{cause}: {back} back, {on_its_way} on its way, {given_up} given up"
            );
        }
    }
}
