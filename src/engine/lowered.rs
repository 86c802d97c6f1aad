//! Money that a later list lowered before it was paid.
//!
//! Reads: what lists found to be too much, and whether the money that they lowered is paid. Gives: what is to
//! be taken off each payable that is not. Until it is paid nothing of it is to be got back of anything else,
//! and it goes on only with what is left of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::ids::{CycleNo, EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::payable::PayableState;
use crate::domain::period::Period;
use crate::domain::receivable::{ReceivableCause, ReceivableState};
use crate::engine::paid_otherwise::PaidOtherwise;
use crate::engine::payout::TravellingLine;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::DueLine;
use crate::pipeline::recover::{Owing, allotted};

/// What is taken off payables that are not paid.
#[derive(Default)]
pub struct Lowered {
    by_payable: HashMap<PayableNo, Vec<Owing>>,
    waiting: HashMap<i64, i64>,
}

impl Lowered {
    /// What is to be taken off a payable, for which receivable.
    pub fn off(&self, payable: PayableNo) -> &[Owing] {
        self.by_payable.get(&payable).map_or(&[], Vec::as_slice)
    }

    /// Whether a receivable waits for the money that it lowers.
    pub fn waits(&self, receivable: i64) -> bool {
        self.waiting.contains_key(&receivable)
    }

    /// How much of a receivable waits: so much is taken off what is not paid, and off nothing else.
    pub fn waiting_minor(&self, receivable: i64) -> i64 {
        self.waiting.get(&receivable).copied().unwrap_or(0)
    }
}

impl Engine {
    /// What lists that stand have lowered and that is not paid, without the payables which an earlier order
    /// has `paid`.
    pub(super) async fn lowered_beside(
        &self,
        paid: &HashSet<PayableNo>,
    ) -> Result<Lowered, EngineError> {
        let mut unpaid: BTreeMap<i64, Vec<(PayableNo, i64)>> = BTreeMap::new();
        for one in self.store.lowered_unpaid().await? {
            if !paid.contains(&one.payable) {
                let of = unpaid.entry(one.receivable).or_default();
                of.push((one.payable, one.lowered_minor.min(one.amount_minor)));
            }
        }
        let mut lowered = Lowered::default();
        if unpaid.is_empty() {
            return Ok(lowered);
        }
        // One list may have found several receivables of one person: what it lowered of a payable is taken off
        // that once.
        let mut taken: HashMap<(Option<CycleNo>, PersonNo, PayableNo), i64> = HashMap::new();
        for standing in self.store.standings_of(ReceivableCause::Overpayment).await? {
            let receivable = standing.number;
            let Some(payables) = unpaid.get_mut(&receivable) else { continue };
            // What two persons gave up is paid as it was ordered.
            if standing.state() == ReceivableState::WrittenOff {
                continue;
            }
            let of = |payable| (standing.found_by, standing.receivable.person, payable);
            for (payable, minor) in payables.iter_mut() {
                *minor -= taken.get(&of(*payable)).copied().unwrap_or(0);
            }
            for (payable, minor) in allotted(standing.left_minor(), payables) {
                *taken.entry(of(payable)).or_default() += minor;
                *lowered.waiting.entry(receivable).or_default() += minor;
                let off = Owing { receivable, left_minor: minor };
                lowered.by_payable.entry(payable).or_default().push(off);
            }
        }
        Ok(lowered)
    }

    /// Marks the lines that lower what earlier lists determined and have not paid.
    pub(super) async fn mark_what_lowers_unpaid(
        &self,
        arrived: &mut [TravellingLine],
        paid_otherwise: &PaidOtherwise,
    ) -> Result<(), EngineError> {
        let lowers = |line: &DueLine| line.carried_from.is_none() && line.amount_minor < 0;
        let mut months: Vec<(Shard, Period, EnrolmentNo)> = arrived
            .iter()
            .filter(|one| lowers(&one.line))
            .map(|one| (one.line.owner.shard(), one.line.period, one.line.enrolment))
            .collect();
        if months.is_empty() {
            return Ok(());
        }
        months.sort();
        months.dedup();
        let mut before = self.store.claims_of(&months).await?;
        before.retain(|claim| claim.amount_minor > 0 && claim.payable.is_some());
        let numbers: BTreeSet<PayableNo> =
            before.iter().filter_map(|claim| claim.payable).collect();
        let numbers: Vec<PayableNo> = numbers.into_iter().collect();
        let mut unpaid: HashSet<PayableNo> = HashSet::new();
        for payable in self.store.payables_of(&numbers).await? {
            if payable.state != PayableState::Paid && !paid_otherwise.has_ended(payable.number) {
                unpaid.insert(payable.number);
            }
        }
        before.retain(|claim| claim.payable.is_some_and(|of| unpaid.contains(&of)));
        for one in arrived.iter_mut().filter(|one| lowers(&one.line)) {
            let line = &mut one.line;
            line.lowers_unpaid = before.iter().any(|claim| {
                claim.enrolment == line.enrolment
                    && claim.period == line.period
                    && claim.benefit == line.benefit
                    && claim.component == line.component
                    && claim.revision < line.revision
            });
        }
        Ok(())
    }
}
