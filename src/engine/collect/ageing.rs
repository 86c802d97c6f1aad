//! How a payment that nobody answers becomes unknown. Nothing leaves *unknown* by time alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Span;

use super::applying::ITEMS_A_PAGE;
use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, PayableNo, Shard};
use crate::domain::instruction::{Evidence, Instruction, InstructionEvent};
use crate::domain::payable::{Payable, PayableEvent, PayableState};
use crate::domain::period::parse_date;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::instructions::InstructionMove;
use crate::store::payables::PayableMove;

/// Why a payment is unknown that its partner has called in process.
const NO_OUTCOME: &str = "said to be in process, and no outcome within the days that are agreed";

/// How a file is overdue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Overdue {
    /// Payments that were called *in process* on this day or later are not.
    UnlessHeardSince(String),
    /// All that has no outcome is.
    WhateverWasHeard,
}

impl Engine {
    /// Ages every cycle that is settling.
    pub(super) async fn age_all(&self) -> Result<(), EngineError> {
        for cycle in self.store.cycles().await? {
            if cycle.state == CycleState::Settling {
                self.age(&cycle).await?;
            }
        }
        Ok(())
    }

    /// Payments of files whose delivery and value date are longer ago than their provider takes to answer
    /// become unknown, also where our account was debited for them. Of which it has said since that it carries them
    /// out, the days begin anew with that word, up to as many days more. Nothing leaves *unknown* by time alone; this
    /// is only how it is entered.
    pub(in crate::engine) async fn age(&self, cycle: &Cycle) -> Result<(), EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let overdue = self.overdue(cycle, &batches).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        for shards in Shard::groups() {
            let mut silent: Vec<_> = self
                .store
                .instructions_without_outcome(cycle.number, &shards)
                .await?
                .into_iter()
                .filter(|one| overdue.contains_key(&one.batch))
                .collect();
            let spoken_of: BTreeSet<BatchNo> = silent
                .iter()
                .filter(|one| one.is_said_to_be_in_process())
                .map(|one| one.batch)
                .collect();
            let mut in_process = BTreeSet::new();
            for batch in spoken_of {
                if let Some(Overdue::UnlessHeardSince(since)) = overdue.get(&batch) {
                    let heard = self.store.in_process(cycle.number, &shards, batch, since).await?;
                    in_process.extend(heard);
                }
            }
            silent.retain(|one| !in_process.contains(&(one.payable, one.attempt)));
            for page in silent.chunks(ITEMS_A_PAGE) {
                let mut changes = Changes::new();
                let mut root = BatchRootBuilder::new();
                self.lost(page, "no answer", &mut root, &mut changes).await?;
                let root = root.finish();
                changes.event(
                    Leaf::of("answers_overdue", &self.stamp())
                        .number("count", root.count as i64)
                        .digest("root", &root.root)
                        .build()?
                        .as_bytes()
                        .to_vec(),
                );
                self.store.commit(changes).await?;
            }
        }
        Ok(())
    }

    /// The files of a cycle whose provider has had more days than it takes to answer.
    pub(in crate::engine) async fn overdue(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
    ) -> Result<BTreeMap<BatchNo, Overdue>, EngineError> {
        match cycle.state {
            CycleState::Settling => self.silent_for(cycle.number, batches).await,
            _ => Ok(BTreeMap::new()),
        }
    }

    /// The files whose partner has had as many days more, in which it may have called payments *in process*.
    pub(super) async fn waited_out(
        &self,
        cycle: CycleNo,
        batches: &[Batch],
    ) -> Result<BTreeSet<BatchNo>, EngineError> {
        let mut all = self.silent_for(cycle, batches).await?;
        all.retain(|_, overdue| *overdue == Overdue::WhateverWasHeard);
        Ok(all.into_keys().collect())
    }

    async fn silent_for(
        &self,
        cycle: CycleNo,
        batches: &[Batch],
    ) -> Result<BTreeMap<BatchNo, Overdue>, EngineError> {
        let mut overdue = BTreeMap::new();
        let today = self.clock.today();
        let deliveries = self.store.deliveries(cycle).await?;
        for batch in batches.iter().filter(|batch| batch.state == BatchState::Delivered) {
            // Whoever is no partner any more is not waited for.
            let answer_days =
                self.config.provider(&batch.provider).map_or(0, |one| one.on(today).answer_days);
            let delivered = deliveries
                .iter()
                .filter(|one| one.batch == batch.number)
                .filter_map(|one| one.ended_at.as_deref())
                .filter_map(|at| parse_date(at.get(..10)?).ok())
                .max();
            // Nobody is paid before the value date, so the days of silence begin there.
            let days = delivered.and_then(|on| today.since(on.max(batch.value_date)).ok());
            let days = days.map_or(0, |days| i64::from(days.get_days()));
            if days > answer_days.saturating_mul(2) {
                overdue.insert(batch.number, Overdue::WhateverWasHeard);
            } else if days > answer_days {
                let since = today.saturating_sub(Span::new().days(answer_days));
                overdue.insert(batch.number, Overdue::UnlessHeardSince(since.to_string()));
            }
        }
        Ok(overdue)
    }

    /// Of the orders that an answer of a day names, those that an answer of the same day has called *in process*.
    pub(super) async fn heard_on(
        &self,
        day: &str,
        named: &BTreeSet<(PayableNo, AttemptNo)>,
        orders: &[Instruction],
    ) -> Result<BTreeSet<(PayableNo, AttemptNo)>, EngineError> {
        let heard: Vec<(AnswerNo, (PayableNo, AttemptNo))> = orders
            .iter()
            .filter(|one| one.is_said_to_be_in_process())
            .filter_map(|one| Some((one.evidence.answer?.0, (one.payable, one.attempt))))
            .filter(|(_, key)| named.contains(key))
            .collect();
        let answers: BTreeSet<AnswerNo> = heard.iter().map(|(answer, _)| *answer).collect();
        let of_day = self.store.answers_of_day(&answers, day).await?;
        let today = heard.into_iter().filter(|(answer, _)| of_day.contains(answer));
        Ok(today.map(|(_, key)| key).collect())
    }

    /// Puts into a commit that payments are unknown, and into its Merkle root which.
    pub(in crate::engine) async fn lost(
        &self,
        silent: &[Instruction],
        why: &'static str,
        root: &mut BatchRootBuilder,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        let mut moves = Vec::new();
        let cycles: BTreeSet<CycleNo> = silent.iter().map(|one| one.payable.cycle()).collect();
        cycles.into_iter().for_each(|cycle| changes.cycle_stays(cycle, false));
        for one in silent {
            let to = one.state.apply(InstructionEvent::OutcomeLost)?;
            root.push(format!("{} {} {to}", self.reference(one), one.state).as_bytes());
            let why = match one.is_said_to_be_in_process() {
                true => NO_OUTCOME,
                false => why,
            };
            moves.push(InstructionMove {
                evidence: Evidence { reason: Some(why.to_owned()), ..one.evidence.clone() },
                ..InstructionMove::of(one, to)
            });
        }
        changes.instructions_moved(&moves);
        let lost = PayableEvent::OutcomeLost;
        changes.payables_moved(&self.with_orders(silent, PayableState::Pending, lost).await?);
        Ok(())
    }

    /// The moves of payables whose orders, still without an outcome, move with them.
    pub(in crate::engine) async fn with_orders(
        &self,
        orders: &[Instruction],
        from: PayableState,
        event: PayableEvent,
    ) -> Result<Vec<PayableMove>, EngineError> {
        let to = from.apply(event)?;
        let numbers: Vec<PayableNo> = orders.iter().map(|one| one.payable).collect();
        let read = self.store.payables_of(&numbers).await?;
        let read: HashMap<PayableNo, Payable> =
            read.into_iter().map(|payable| (payable.number, payable)).collect();
        let moves = orders.iter().map(|one| {
            let payable = read.get(&one.payable).ok_or_else(|| {
                EngineError::Inconsistent(format!("payable {} is ordered and gone", one.payable))
            })?;
            let (code, batch) = (String::new(), Some(one.batch));
            Ok(PayableMove { from, code, batch, ..PayableMove::of(payable, to) })
        });
        moves.collect()
    }
}
