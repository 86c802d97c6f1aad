//! How a payment that nobody answers becomes unknown. Nothing leaves *unknown* by time alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Span;

use super::applying::ITEMS_A_PAGE;
use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::ids::{BatchNo, PayableNo, Shard};
use crate::domain::instruction::{Evidence, Instruction, InstructionEvent};
use crate::domain::payable::{Payable, PayableEvent, PayableState};
use crate::domain::period::parse_date;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::instructions::InstructionMove;
use crate::store::payables::PayableMove;

/// Why a payment is unknown that its partner has called in process.
const SILENT_SINCE: &str = "said to be in process, and no answer since";

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
    /// out, the days begin anew with that word. Nothing leaves *unknown* by time alone; this
    /// is only how it is entered.
    pub(in crate::engine) async fn age(&self, cycle: &Cycle) -> Result<(), EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let overdue = self.overdue(cycle, &batches).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        for shard in Shard::all() {
            let mut silent: Vec<_> = self
                .store
                .instructions_without_outcome(cycle.number, shard)
                .await?
                .into_iter()
                .filter(|one| overdue.contains_key(&one.batch))
                .collect();
            if silent.iter().any(Instruction::is_said_to_be_in_process) {
                let mut in_process = BTreeSet::new();
                for (batch, since) in &overdue {
                    in_process
                        .extend(self.store.in_process(cycle.number, shard, *batch, since).await?);
                }
                silent.retain(|one| !in_process.contains(&(one.payable, one.attempt)));
            }
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

    /// The files of a cycle whose provider has had more days than it takes to answer, and the first day of which a
    /// word about one of their payments is not that old.
    pub(in crate::engine) async fn overdue(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
    ) -> Result<BTreeMap<BatchNo, String>, EngineError> {
        let mut overdue = BTreeMap::new();
        if cycle.state != CycleState::Settling {
            return Ok(overdue);
        }
        let today = self.clock.today();
        let deliveries = self.store.deliveries(cycle.number).await?;
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
            if days.is_some_and(|days| i64::from(days.get_days()) > answer_days) {
                let since = today.saturating_sub(Span::new().days(answer_days));
                overdue.insert(batch.number, since.to_string());
            }
        }
        Ok(overdue)
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
        for one in silent {
            let to = one.state.apply(InstructionEvent::OutcomeLost)?;
            root.push(format!("{} {} {to}", self.reference(one), one.state).as_bytes());
            let why = match one.is_said_to_be_in_process() {
                true => SILENT_SINCE,
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
