//! Money that was carried to a later list, and then proved paid under the order of the earlier one.
//!
//! Reads: receivables that such proofs left, their orders, and where the claims went. Gives: what stands in
//! front of a payable, and what follows from it when the payable has come to nothing: the order of the
//! earlier list is the payment after all, or what the person has already is set off.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::audit::batch_root::BatchRootBuilder;
use crate::domain::answer::DiscrepancyKind;
use crate::domain::ids::{AttemptNo, CycleNo, PayableNo};
use crate::domain::instruction::{Instruction, InstructionEvent, InstructionState};
use crate::domain::money::told;
use crate::domain::payable::{Payable, PayableEvent, PayableState};
use crate::domain::receivable::ReceivableCause;
use crate::engine::lowered::Lowered;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::instructions::InstructionMove;
use crate::store::payables::PayableMove;

/// A payment that was proved although a later list had carried its claims on.
#[derive(Clone, Debug)]
pub(super) struct Excess {
    pub receivable: i64,
    pub order: Instruction,
    /// What was kept back of its payable for orders of courts: where the order is the payment, that is kept too.
    kept_minor: i64,
    /// What of it is neither back nor on its way.
    pub left_minor: i64,
    /// Nothing of it is back, on its way or given up.
    is_whole: bool,
    /// Two officers have given up to get it back.
    pub is_given_up: bool,
    /// When it was found.
    known_since: String,
}

/// What is proved paid under earlier lists, by the payables of later ones; and what later lists lowered.
#[derive(Default)]
pub struct PaidOtherwise {
    pub lowered: Lowered,
    /// Receivables whose money stands on a list that has not paid it, by the payable that has its claims now.
    covered: HashMap<i64, PayableNo>,
    before: HashMap<PayableNo, Vec<Excess>>,
    /// With the moment from which that is known.
    ended: HashMap<PayableNo, String>,
    /// Payables of which an earlier order is proved paid beside a later one.
    twice: HashMap<PayableNo, String>,
    /// Payables of which an answer said something that did not count, and that they were paid may be behind it.
    perhaps_twice: HashSet<PayableNo>,
}

impl PaidOtherwise {
    /// Whether nothing of a payable is ordered as it is: the person has money of the same claims, which is
    /// not set off, or was given up.
    pub(super) fn concerns(&self, payable: PayableNo) -> bool {
        let stands = |one: &Excess| one.left_minor > 0 || one.is_given_up;
        self.before(payable).iter().any(stands) || self.has_ended(payable)
    }

    /// The payable that has the claims of an excess and is not paid: while it is not, nothing of the excess is
    /// to be got back of anything else, because the order that was proved may be the payment after all.
    pub fn covered_by(&self, receivable: i64) -> Option<PayableNo> {
        self.covered.get(&receivable).copied()
    }

    /// How much of what is left of a receivable may be kept back of other payments.
    pub(super) fn takes_at_most(&self, receivable: i64, left_minor: i64) -> i64 {
        match self.covered_by(receivable) {
            Some(_) => 0,
            None => (left_minor - self.lowered.waiting_minor(receivable)).max(0),
        }
    }

    /// Whether all of a payable is paid by the order of an earlier list, for good.
    pub(super) fn has_ended(&self, payable: PayableNo) -> bool {
        self.ended.contains_key(&payable)
    }

    /// Whether a second transaction was told for an order of a payable, or something that could not be booked,
    /// also when an officer has looked at it.
    pub(super) fn is_perhaps_twice(&self, payable: PayableNo) -> bool {
        self.perhaps_twice.contains(&payable)
    }

    /// Payables whose live orders would pay what somebody has already, and since when that is known.
    fn again(&self) -> BTreeMap<PayableNo, String> {
        let mut all: BTreeMap<PayableNo, String> = BTreeMap::new();
        let mut add = |payable: PayableNo, since: &str| {
            let known = all.entry(payable).or_default();
            if known.as_str() < since {
                *known = since.to_owned();
            }
        };
        for (to, before) in &self.before {
            for one in before.iter().filter(|one| one.left_minor > 0) {
                add(*to, &one.known_since);
            }
        }
        self.ended.iter().chain(&self.twice).for_each(|(payable, since)| add(*payable, since));
        all
    }

    pub(super) fn before(&self, payable: PayableNo) -> &[Excess] {
        self.before.get(&payable).map_or(&[], Vec::as_slice)
    }
}

/// The excess that is the payment of a payable which has come to nothing: one order of each earlier
/// payable, whole, and together, with what courts get of them, no less than what is owed. A later order may hold what an earlier one was for, so
/// that the largest count, and no more than are needed. None when they are not all of it.
pub(super) fn all_of_it(before: &[Excess], due_minor: i64) -> Option<Vec<&Excess>> {
    let mut taken: HashSet<PayableNo> = HashSet::new();
    let mut whole: Vec<&Excess> =
        before.iter().filter(|one| one.is_whole && taken.insert(one.order.payable)).collect();
    whole.sort_by_key(|one| Reverse(one.order.amount_minor));
    let mut sum = 0;
    let needed = whole.iter().position(|one| {
        sum += one.order.amount_minor + one.kept_minor;
        sum >= due_minor
    })?;
    whole.truncate(needed + 1);
    Some(whole)
}

/// What an answer may have said of a payment without that it counts: perhaps the person has the money.
const PERHAPS_PAID: [DiscrepancyKind; 7] = [
    DiscrepancyKind::Contradiction,
    DiscrepancyKind::PaidTwice,
    DiscrepancyKind::NotBooked,
    DiscrepancyKind::AmountDiffers,
    DiscrepancyKind::AccountDiffers,
    DiscrepancyKind::DateImpossible,
    DiscrepancyKind::Unclear,
];

/// Whether an officer has looked at a payment since something became known: a stop of it waits for a second
/// officer, or one was let go after that.
fn is_looked_at(
    looked_at: &HashMap<PayableNo, Option<String>>,
    payable: PayableNo,
    known_since: Option<&String>,
) -> bool {
    match looked_at.get(&payable) {
        None => false,
        Some(None) => true,
        Some(Some(let_go_at)) => known_since.is_none_or(|since| since <= let_go_at),
    }
}

impl Engine {
    /// What is proved paid under earlier lists, and what later lists lowered.
    pub async fn paid_otherwise(&self) -> Result<PaidOtherwise, EngineError> {
        let perhaps_twice = self.store.payables_in_queue(&PERHAPS_PAID).await?;
        Ok(PaidOtherwise { perhaps_twice, ..self.proved_otherwise().await? })
    }

    /// The same without what only waits in the queue.
    async fn proved_otherwise(&self) -> Result<PaidOtherwise, EngineError> {
        let standings = self.store.standings_of(ReceivableCause::SettledExcess).await?;
        let proved: Vec<_> = standings
            .into_iter()
            .filter_map(|one| Some((one.receivable.instruction?, one)))
            .collect();
        let numbers: BTreeSet<PayableNo> = proved.iter().map(|((number, _), _)| *number).collect();
        let numbers: Vec<PayableNo> = numbers.into_iter().collect();
        let payables: HashMap<PayableNo, Payable> = self
            .store
            .payables_of(&numbers)
            .await?
            .into_iter()
            .map(|payable| (payable.number, payable))
            .collect();
        let orders: HashMap<(PayableNo, AttemptNo), Instruction> = self
            .store
            .instructions_of(&numbers)
            .await?
            .into_iter()
            .map(|order| ((order.payable, order.attempt), order))
            .collect();
        let mut found = PaidOtherwise::default();
        for (key, standing) in proved {
            let (Some(order), Some(payable)) = (orders.get(&key), payables.get(&key.0)) else {
                continue;
            };
            let is_excess = order.state == InstructionState::SettledExcess;
            if !is_excess && order.state != InstructionState::Settled {
                continue;
            }
            let known_since = standing.receivable.opened_at.clone();
            let left_minor = standing.left_minor();
            if is_excess && left_minor > 0 {
                found.twice.insert(payable.number, known_since.clone());
            }
            let mut is_paid = payable.state == PayableState::Paid;
            let mut last = payable.number;
            let mut next = payable.carried_to;
            let kept = self.store.deductions_from(payable.number).await?;
            let excess = Excess {
                receivable: standing.number,
                order: order.clone(),
                kept_minor: -kept.iter().map(|one| one.amount_minor).sum::<i64>(),
                left_minor,
                is_whole: left_minor == standing.receivable.amount_minor,
                is_given_up: standing.given_up_minor > 0,
                known_since: known_since.clone(),
            };
            // The list that had carried it on was given up, or is computed anew.
            if is_excess && next.is_none() {
                found.before.entry(payable.number).or_default().push(excess.clone());
            }
            while let Some(to) = next {
                if is_excess {
                    found.before.entry(to).or_default().push(excess.clone());
                } else {
                    found.ended.insert(to, known_since.clone());
                }
                last = to;
                let later = self.store.payable(to).await?;
                is_paid |= later.as_ref().is_some_and(|one| one.state == PayableState::Paid);
                next = later.and_then(|payable| payable.carried_to);
            }
            if is_excess && !is_paid {
                found.covered.insert(standing.number, last);
            }
        }
        let ended: HashSet<PayableNo> = found.ended.keys().copied().collect();
        found.lowered = self.lowered_beside(&ended).await?;
        Ok(found)
    }

    /// Live orders of a cycle for money that an earlier order is proved to have paid meanwhile, and about
    /// which no officer has proposed or refused a stop.
    pub(super) async fn paying_again(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<Instruction>, EngineError> {
        let mut since = self.proved_otherwise().await?.again();
        since.retain(|number, _| number.cycle() == cycle);
        self.not_looked_at(cycle, &since).await
    }

    /// Of payables of a cycle, about which something became known at these moments, the live orders that no officer
    /// has looked at since.
    pub(super) async fn not_looked_at(
        &self,
        cycle: CycleNo,
        since: &BTreeMap<PayableNo, String>,
    ) -> Result<Vec<Instruction>, EngineError> {
        if since.is_empty() {
            return Ok(vec![]);
        }
        let looked_at = self.store.stops_looked_at(cycle).await?;
        let numbers: Vec<PayableNo> = since.keys().copied().collect();
        let mut orders = self.store.instructions_of(&numbers).await?;
        orders.retain(|one| {
            // What is unknown may go again where its partner takes payments one by one.
            matches!(one.state, InstructionState::InBatch | InstructionState::Unknown)
                && !is_looked_at(&looked_at, one.payable, since.get(&one.payable))
        });
        Ok(orders)
    }

    /// The first few of some orders, by their references.
    pub(super) fn first_references(&self, orders: &[Instruction]) -> String {
        let mut named: Vec<String> =
            orders.iter().take(5).map(|one| self.reference(one).to_string()).collect();
        if orders.len() > named.len() {
            named.push("…".to_owned());
        }
        named.join(", ")
    }

    /// Says which orders would pay again, the first few by their references.
    pub(super) fn told_as_paid_again(&self, orders: &[Instruction]) -> String {
        let total: i128 = orders.iter().map(|one| i128::from(one.amount_minor)).sum();
        format!(
            "{} of its payments, {}, order money that an earlier order is now proved to have paid ({})",
            orders.len(),
            told(total, self.config.currency),
            self.first_references(orders)
        )
    }

    /// The list that carried the money on has come to nothing, or was given up, and the order of the earlier one
    /// paid all of it: that order is the payment, and nothing is to be got back. It stands on its evidence,
    /// whatever becomes of the list that finds it.
    pub(super) async fn becomes_the_payment(
        &self,
        excess: &Excess,
        changes: &mut Changes,
        root: &mut BatchRootBuilder,
    ) -> Result<(), EngineError> {
        let order = &excess.order;
        let payable = self.store.payable(order.payable).await?.ok_or_else(|| {
            EngineError::Inconsistent(format!("payable {} of an order is missing", order.payable))
        })?;
        let to = order.state.apply(InstructionEvent::StandsAlone)?;
        let paid = payable.state.apply(PayableEvent::Settled)?;
        root.push(format!("{} {} {to}", self.reference(order), order.state).as_bytes());
        changes.instructions_moved(&[InstructionMove::of(order, to)]);
        match payable.carried_to {
            Some(_) => changes.payable_paid_after_carrying(&payable, order.batch),
            None => {
                let batch = Some(order.batch);
                let moved =
                    PayableMove { code: String::new(), batch, ..PayableMove::of(&payable, paid) };
                changes.payables_moved(&[moved]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BatchNo, DestinationNo, ListNo, Shard};
    use crate::domain::instruction::Evidence;

    fn excess(payable: u32, attempt: i64, amount_minor: i64, left_minor: i64) -> Excess {
        let order = Instruction {
            payable: PayableNo::pack(CycleNo(1), Shard::new(3), payable).unwrap(),
            attempt: AttemptNo::new(attempt).unwrap(),
            list: ListNo(0),
            batch: BatchNo(1),
            destination: DestinationNo::from_number(1).unwrap(),
            amount_minor,
            state: InstructionState::SettledExcess,
            evidence: Evidence::default(),
        };
        Excess {
            receivable: 1,
            order,
            kept_minor: 0,
            left_minor,
            is_whole: left_minor == amount_minor,
            is_given_up: false,
            known_since: String::new(),
        }
    }

    fn kept(kept_minor: i64, excess: Excess) -> Excess {
        Excess { kept_minor, ..excess }
    }

    #[test]
    fn only_what_is_all_of_it_is_the_payment() {
        for (before, due, expected) in [
            (vec![excess(1, 1, 500, 500)], 500, Some(1)),
            (vec![excess(1, 1, 500, 500)], 1_000, None),
            (vec![excess(1, 1, 500, 500), excess(2, 1, 500, 500)], 1_000, Some(2)),
            // The second order had the money of the first in it.
            (vec![excess(1, 1, 500, 500), excess(2, 1, 1_000, 1_000)], 1_000, Some(1)),
            // A court gets what the person did not.
            (vec![kept(100, excess(1, 1, 400, 400))], 500, Some(1)),
            (vec![kept(99, excess(1, 1, 400, 400))], 500, None),
            // Part of it was kept back of other payments: it is owed again.
            (vec![excess(1, 1, 500, 400)], 500, None),
            // Two orders of one payable were paid: one is the payment, the other is too much.
            (vec![excess(1, 1, 500, 500), excess(1, 2, 500, 500)], 500, Some(1)),
            (vec![excess(1, 1, 500, 500), excess(1, 2, 500, 500)], 1_000, None),
        ] {
            let found = all_of_it(&before, due).map(|found| found.len());
            assert_eq!(found, expected, "{due} of {before:?}");
        }
    }
}
