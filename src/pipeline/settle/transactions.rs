//! By which transactions a partner said that orders were paid or debited: one transaction pays one order once.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::answer::{DiscrepancyKind, ToldTransaction};
use crate::domain::ids::EndToEndId;
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};

use super::{Entries, OrderKey, ToldOf, key};

/// What is remembered of a return that a statement booked begins so; no text of XML has such a character.
const RETURN: &str = "return\u{1f}";

/// On which side of our account an entry stands.
#[derive(Clone, Copy)]
enum Side {
    Debit,
    Return,
}

pub(super) struct Transactions<'a> {
    of_order: BTreeMap<OrderKey, BTreeSet<String>>,
    /// Of which orders they were told first, also those of other pages.
    orders: BTreeMap<String, OrderKey>,
    /// None where a partner's reference may be that of many payments.
    told_of: Option<ToldOf<'a>>,
    entries: Entries,
    /// Those that were not known before, in the order in which they were told.
    pub(super) new: Vec<ToldTransaction>,
}

impl<'a> Transactions<'a> {
    pub(super) fn known(
        of_order: &BTreeMap<OrderKey, BTreeSet<String>>,
        told_of: Option<ToldOf<'a>>,
        entries: Entries,
    ) -> Transactions<'a> {
        Transactions {
            of_order: of_order.clone(),
            orders: told_of.map(|told| told.orders.clone()).unwrap_or_default(),
            told_of,
            entries,
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
        if self.entries == Entries::OfOneThatFollows
            && let Some(found) = self.booked_twice(instruction, outcome)
        {
            return Some(found);
        }
        let (stands, what) = match outcome.reported {
            Reported::Paid(_) => (is_paid_at(instruction, outcome), "paid"),
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
            Transaction::Named(reference) if stands && !self.knows(outcome) => {
                let first = self.booked(outcome, Side::Debit)?;
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

    /// Why an entry of a statement that follows the one before it has moved money that an entry had moved already:
    /// between balances money moves as often as it is booked, whatever the entries are called.
    fn booked_twice(
        &self,
        instruction: &Instruction,
        outcome: &Outcome,
    ) -> Option<(DiscrepancyKind, String)> {
        use InstructionState as S;
        let (kind, side, what, harm) = match outcome.reported {
            Reported::Paid(_) if is_paid_at(instruction, outcome) => {
                (DiscrepancyKind::PaidTwice, Side::Debit, "debited", "the money has left twice")
            }
            Reported::Debited => {
                (DiscrepancyKind::PaidTwice, Side::Debit, "debited", "the money has left twice")
            }
            Reported::Returned => {
                let is_back = matches!(instruction.state, S::Returned | S::ExcessReturned)
                    || instruction.evidence.debited_on.is_some()
                        && matches!(instruction.state, S::Rejected | S::Cancelled);
                if !is_back {
                    return None;
                }
                let harm = "the money came back twice, and once belongs to whose it is";
                (DiscrepancyKind::CameBackTwice, Side::Return, "given back", harm)
            }
            _ => return None,
        };
        let first = named(self.booked(outcome, side)?);
        let now = named(reference_of(&outcome.transaction)?);
        let code = kind.code().unwrap_or_default();
        let sentence = format!(
            "{code}: {what}{now} by an entry of a statement, and{first} by another: {harm}; nothing was changed"
        );
        Some((kind, sentence))
    }

    /// The reference of what was told of the order of an outcome on one side; empty where the entry had none.
    fn booked(&self, outcome: &Outcome, side: Side) -> Option<&str> {
        let known = self.of_order.get(&key(outcome))?;
        known.iter().find_map(|one| match (one.strip_prefix(RETURN), side) {
            (Some(reference), Side::Return) => Some(reference),
            (None, Side::Debit) => Some(one.as_str()),
            _ => None,
        })
    }

    /// Under what an item is remembered: an entry of a statement by its reference, if it has one; of other answers
    /// only what names its transaction.
    fn booking(&self, outcome: &Outcome) -> Option<String> {
        if self.entries == Entries::OfNoStatement {
            return moving(outcome).cloned();
        }
        let reference = reference_of(&outcome.transaction)?;
        match outcome.reported {
            Reported::Paid(_) | Reported::Debited => Some(reference.to_owned()),
            Reported::Returned => Some(format!("{RETURN}{reference}")),
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

/// Whether an order was paid when an outcome says that it is. A credit that came back and is dated before the return
/// was read as its own beginning until now.
fn is_paid_at(instruction: &Instruction, outcome: &Outcome) -> bool {
    use InstructionState as S;
    let before_its_return = matches!(
        (&outcome.on, &instruction.evidence.outcome_on),
        (Some(on), Some(returned)) if on <= returned
    );
    matches!(instruction.state, S::Settled | S::SettledExcess)
        || (instruction.state == S::Returned && before_its_return)
}

/// The reference of an item about one transaction; empty where it names none.
fn reference_of(transaction: &Transaction) -> Option<&str> {
    match transaction {
        Transaction::None => None,
        Transaction::Unnamed => Some(""),
        Transaction::Named(reference) => Some(reference),
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
