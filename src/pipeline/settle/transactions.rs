//! By which transactions a partner said that orders were paid or debited: one transaction pays one order once.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::answer::{DiscrepancyKind, ToldTransaction};
use crate::domain::ids::EndToEndId;
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};

use super::{OrderKey, ToldOf, key};

/// What is remembered of a return that a statement booked begins so.
const RETURN: &str = "return ";

pub(super) struct Transactions<'a> {
    of_order: BTreeMap<OrderKey, BTreeSet<String>>,
    /// Of which orders they were told first, also those of other pages.
    orders: BTreeMap<String, OrderKey>,
    /// None where a partner's reference may be that of many payments.
    told_of: Option<ToldOf<'a>>,
    /// Whether the outcomes are entries of a statement with balances.
    of_statement: bool,
    /// Those that were not known before, in the order in which they were told.
    pub(super) new: Vec<ToldTransaction>,
}

impl<'a> Transactions<'a> {
    pub(super) fn known(
        of_order: &BTreeMap<OrderKey, BTreeSet<String>>,
        told_of: Option<ToldOf<'a>>,
        of_statement: bool,
    ) -> Transactions<'a> {
        Transactions {
            of_order: of_order.clone(),
            orders: told_of.map(|told| told.orders.clone()).unwrap_or_default(),
            told_of,
            of_statement,
            new: Vec::new(),
        }
    }

    /// Whether the transaction of an outcome was told of its order before.
    pub(super) fn knows(&self, outcome: &Outcome) -> bool {
        match &outcome.transaction {
            Transaction::Named(reference) => {
                self.of_order.get(&key(outcome)).is_some_and(|known| known.contains(reference))
            }
            Transaction::Unnamed | Transaction::None => false,
        }
    }

    /// Why a second transaction for one order may be a second payment. What is held stays: whether the money
    /// left twice, a person finds out with the partner.
    pub(super) fn perhaps_twice(
        &self,
        instruction: &Instruction,
        outcome: &Outcome,
        in_this_answer: bool,
    ) -> Option<(DiscrepancyKind, String)> {
        use InstructionState as S;
        if self.of_statement && outcome.reported == Reported::Returned {
            return self.back_twice(instruction, outcome);
        }
        // A credit that came back and is dated before the return was read as its own beginning until now.
        let before_its_return = matches!(
            (&outcome.on, &instruction.evidence.outcome_on),
            (Some(on), Some(returned)) if on <= returned
        );
        let (stands, what) = match outcome.reported {
            Reported::Paid(_) => (
                matches!(instruction.state, S::Settled | S::SettledExcess)
                    || (instruction.state == S::Returned && before_its_return),
                "paid",
            ),
            Reported::Debited => (
                instruction.evidence.debited_on.is_some()
                    || matches!(instruction.state, S::Settled | S::SettledExcess),
                "debited",
            ),
            _ => return None,
        };
        let kind = DiscrepancyKind::PaidTwice;
        let code = kind.code().unwrap_or_default();
        let sentence = match &outcome.transaction {
            // Whatever it is called: between the balances of statements it left twice.
            Transaction::Named(_) | Transaction::Unnamed if stands && self.of_statement => {
                let first = self.booked(outcome, "")?;
                let now = self.booking(outcome)?;
                format!(
                    "{code}: {what} on a statement{}, and on a statement before{}: the money has left twice; nothing \
                     was changed",
                    named(&now),
                    named(first)
                )
            }
            Transaction::Named(reference) if stands && !self.knows(outcome) => {
                let first = self.of_order.get(&key(outcome))?.first()?;
                format!(
                    "{code}: {what} by the transaction {reference}, and before by {first}: the money may have left \
                     twice; nothing was changed"
                )
            }
            // What one answer lists twice has been done twice, unless a transaction says that it is one.
            Transaction::Unnamed if stands && in_this_answer => format!(
                "{code}: {what} twice in one answer, and no transaction says that it is one payment: the money may \
                 have left twice; nothing was changed"
            ),
            _ => return None,
        };
        Some((kind, sentence))
    }

    /// Why a credit of a statement is not the one that brought an order back: a statement had that before.
    fn back_twice(
        &self,
        instruction: &Instruction,
        outcome: &Outcome,
    ) -> Option<(DiscrepancyKind, String)> {
        use InstructionState as S;
        let stands = matches!(instruction.state, S::Returned | S::ExcessReturned);
        let first = self.booked(outcome, RETURN).filter(|_| stands)?;
        let now = self.booking(outcome)?;
        let kind = DiscrepancyKind::CameBackTwice;
        Some((
            kind,
            format!(
                "{}: came back on a statement{}, and on a statement before{}: it came back twice, and once belongs to \
                 whose it is; nothing was changed",
                kind.code().unwrap_or_default(),
                named(now.strip_prefix(RETURN).unwrap_or_default()),
                named(first.strip_prefix(RETURN).unwrap_or_default())
            ),
        ))
    }

    /// What a statement booked of the order of an outcome: its debit, or its return under [`RETURN`].
    fn booked(&self, outcome: &Outcome, side: &str) -> Option<&str> {
        let known = self.of_order.get(&key(outcome))?;
        let of_side = |one: &&String| one.starts_with(RETURN) != side.is_empty();
        known.iter().find(of_side).map(String::as_str)
    }

    /// Under what a statement's entry is remembered: by its reference, if it has one. Of other answers only what
    /// names its transaction is.
    fn booking(&self, outcome: &Outcome) -> Option<String> {
        let reference = match &outcome.transaction {
            Transaction::None => return None,
            Transaction::Unnamed => "",
            Transaction::Named(reference) => reference,
        };
        match outcome.reported {
            Reported::Paid(_) | Reported::Debited if self.of_statement => {
                Some(reference.to_owned())
            }
            Reported::Returned if self.of_statement => Some(format!("{RETURN}{reference}")),
            _ => moving(outcome).cloned(),
        }
    }

    /// Why the transaction of an outcome cannot be the one that paid its order: it was told for another before,
    /// and one transaction credits one account once. One of both people is perhaps unpaid.
    pub(super) fn of_another(&self, outcome: &Outcome) -> Option<String> {
        let prefix = self.told_of?.prefix;
        let reference = moving(outcome).filter(|_| !self.knows(outcome))?;
        let (payable, attempt) = *self.orders.get(reference)?;
        if (payable, attempt) == key(outcome) {
            return None;
        }
        let code = DiscrepancyKind::TransactionShared.code().unwrap_or_default();
        let other = EndToEndId::derive(prefix, payable, attempt);
        Some(format!(
            "{code}: paid by the transaction {reference}, which was told for {other} before: one of both may not have \
             the money; nothing was changed"
        ))
    }

    /// Remembers the transaction of an outcome that says that money moved to the payee.
    pub(super) fn remember(&mut self, outcome: &Outcome) {
        if let Some(reference) = self.booking(outcome)
            && self.of_order.entry(key(outcome)).or_default().insert(reference.clone())
        {
            self.orders.entry(reference.clone()).or_insert(key(outcome));
            self.new.push(ToldTransaction {
                instruction: key(outcome),
                reference,
                item: outcome.item,
            });
        }
    }
}

/// ` as FT26329000001`, of an entry that has a reference.
fn named(reference: &str) -> String {
    match reference {
        "" => String::new(),
        reference => format!(" as {reference}"),
    }
}

/// The transaction by which an outcome says that money moved to the payee.
pub fn moving(outcome: &Outcome) -> Option<&String> {
    match (&outcome.transaction, outcome.reported) {
        (Transaction::Named(reference), Reported::Paid(_) | Reported::Debited) => Some(reference),
        _ => None,
    }
}
