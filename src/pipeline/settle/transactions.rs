//! By which transactions a partner said that orders were paid or debited: one transaction pays one order once.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::answer::{DiscrepancyKind, ToldTransaction};
use crate::domain::ids::EndToEndId;
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};

use super::{OrderKey, ToldOf, key};

pub(super) struct Transactions<'a> {
    of_order: BTreeMap<OrderKey, BTreeSet<String>>,
    /// Of which orders they were told first, also those of other pages.
    orders: BTreeMap<String, OrderKey>,
    /// None where a partner's reference may be that of many payments.
    told_of: Option<ToldOf<'a>>,
    /// Those that were not known before, in the order in which they were told.
    pub(super) new: Vec<ToldTransaction>,
}

impl<'a> Transactions<'a> {
    pub(super) fn known(
        of_order: &BTreeMap<OrderKey, BTreeSet<String>>,
        told_of: Option<ToldOf<'a>>,
    ) -> Transactions<'a> {
        Transactions {
            of_order: of_order.clone(),
            orders: told_of.map(|told| told.orders.clone()).unwrap_or_default(),
            told_of,
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
    ) -> Option<String> {
        use InstructionState as S;
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
        let code = DiscrepancyKind::PaidTwice.code().unwrap_or_default();
        match &outcome.transaction {
            Transaction::Named(reference) if stands && !self.knows(outcome) => {
                let first = self.of_order.get(&key(outcome))?.first()?;
                Some(format!(
                    "{code}: {what} by the transaction {reference}, and before by {first}: the money may have left \
                     twice; nothing was changed"
                ))
            }
            // What one answer lists twice has been done twice, unless a transaction says that it is one.
            Transaction::Unnamed if stands && in_this_answer => Some(format!(
                "{code}: {what} twice in one answer, and no transaction says that it is one payment: the money may \
                 have left twice; nothing was changed"
            )),
            _ => None,
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
        if let Some(reference) = moving(outcome)
            && self.of_order.entry(key(outcome)).or_default().insert(reference.clone())
        {
            self.orders.entry(reference.clone()).or_insert(key(outcome));
            self.new.push(ToldTransaction {
                instruction: key(outcome),
                reference: reference.clone(),
                item: outcome.item,
            });
        }
    }
}

/// The transaction by which an outcome says that money moved to the payee.
pub fn moving(outcome: &Outcome) -> Option<&String> {
    match (&outcome.transaction, outcome.reported) {
        (Transaction::Named(reference), Reported::Paid(_) | Reported::Debited) => Some(reference),
        _ => None,
    }
}
