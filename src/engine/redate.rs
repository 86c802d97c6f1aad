//! Gives files that missed their value date another one, with proof that they have not left.
//!
//! Reads: released files, their orders and details, the terms and the calendar of their partner.
//! Gives: a release list with new files, under new names and message ids, that orders the same payments
//! under the same end-to-end ids. It is approved anew; the old files are retired for ever.

use std::collections::{BTreeMap, HashMap};

use jiff::Span;
use jiff::civil::Date;

use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchEvent};
use crate::domain::cycle::Cycle;
use crate::domain::hours::{Leaving, VALUE_DAYS_AHEAD};
use crate::domain::ids::{BatchNo, ListNo, PayableNo, Shard};
use crate::domain::instruction::Instruction;
use crate::domain::list::PaymentList;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::payout::{Payout, read_payouts, write_payout};
use crate::engine::taking_back::must_be_untouched;
use crate::engine::{Engine, EngineError, chunks};
use crate::store::Changes;
use crate::store::leaving::Moved;
use crate::store::payables::PayableMove;
use crate::store::registry::ChunkKind;

impl Engine {
    /// Moves the orders of released files that have not left into files with another value date.
    ///
    /// # Errors
    /// D123 to D128 as for taking a file back; D130 when the day is past, more than a quarter ahead or no business
    /// day of the partner, D131 when its cut-off cannot be met, D132 when a file is named twice.
    pub async fn redate(
        &self,
        cycle: &Cycle,
        files: &[String],
        value_date: Date,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<PaymentList, EngineError> {
        let by = self.acting(officer, key, Doing::Redate).await?;
        self.finish_begun(cycle).await?;
        let batches = self.store.batches(cycle.number).await?;
        let list = self.next_list(cycle).await?;
        let mut number = batches.iter().map(|batch| batch.number.0).max().unwrap_or(0);
        let mut changes = Changes::new();
        let mut moving = Vec::new();
        for (at, file) in files.iter().enumerate() {
            if files[..at].contains(file) {
                return Err(EngineError::refused(
                    "D132",
                    format!("{file} is named twice; name it once"),
                ));
            }
            let old = self.not_sent(cycle, &batches, file).await?;
            self.must_be_met(&old.provider, value_date)?;
            let orders = self.store.orders_of_file(old).await?;
            must_be_untouched(&orders)?;
            number += 1;
            let new = self.moved_file(cycle, old, list, BatchNo(number), &orders)?;
            let new = Batch { value_date, ..new };
            changes.event(
                by.leaf(
                    Leaf::of("file_redated", &self.stamp())
                        .number("cycle", cycle.number.0)
                        .number("batch", old.number.0)
                        .number("to_batch", number)
                        .number("list", list.0)
                        .number("count", orders.len() as i64)
                        .text("value_date", &value_date.to_string()),
                )?,
            );
            moving.push((old, new, orders));
        }
        self.move_orders(cycle, list, moving, &mut changes).await?;
        self.commit_taken_back(changes).await?;
        self.seal_release_list(cycle, list).await
    }

    /// A file for orders of another one that has not left.
    pub(super) fn moved_file(
        &self,
        cycle: &Cycle,
        old: &Batch,
        list: ListNo,
        number: BatchNo,
        orders: &[Instruction],
    ) -> Result<Batch, EngineError> {
        let total: i64 = orders.iter().map(|one| one.amount_minor).sum();
        let profile = self.provider(&old.provider)?;
        self.batch(cycle, list, number, profile, orders.len() as u64, total)
    }

    /// Withdraws files and puts their orders, with all details, into new ones of another list. The
    /// payments stay what they are: one order each, under the same end-to-end id.
    pub(super) async fn move_orders(
        &self,
        cycle: &Cycle,
        list: ListNo,
        moving: Vec<(&Batch, Batch, Vec<Instruction>)>,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        let mut wanted: BTreeMap<(Shard, ListNo), Vec<PayableNo>> = BTreeMap::new();
        let mut payable_moves = Vec::new();
        for (old, new, orders) in &moving {
            changes.batch_moved(old, old.state.apply(BatchEvent::Withdrawn)?);
            let keys: Vec<_> = orders.iter().map(|one| (one.payable, one.attempt)).collect();
            changes.instructions_reordered(&keys, old.number, list, new.number);
            changes.moved(&Moved {
                cycle: cycle.number,
                from: old.number,
                to: new.number,
                count: new.count as i64,
                total_minor: new.total_minor,
                at: self.stamp(),
            });
            let numbers: Vec<PayableNo> = orders.iter().map(|one| one.payable).collect();
            for payable in self.store.payables_of(&numbers).await? {
                payable_moves.push(PayableMove {
                    batch: Some(new.number),
                    ..PayableMove::of(&payable, payable.state)
                });
                wanted.entry((payable.number.shard(), old.list)).or_default().push(payable.number);
            }
        }
        let mut details: BTreeMap<Shard, BTreeMap<PayableNo, Payout>> = BTreeMap::new();
        for ((shard, from), numbers) in wanted {
            let chunk = self.store.chunk(shard, ChunkKind::Payout, cycle.number.0, from.0).await?;
            let mut known: HashMap<PayableNo, Payout> = HashMap::new();
            if let Some(chunk) = chunk {
                for payout in read_payouts(&chunks::open(&self.keys.chunks, &chunk)?)? {
                    known.insert(payout.payable, payout);
                }
            }
            for number in numbers {
                let payout = known.remove(&number).ok_or_else(|| {
                    EngineError::Inconsistent(format!(
                        "the details of payable {number} are missing"
                    ))
                })?;
                details.entry(shard).or_default().insert(number, payout);
            }
        }
        for (shard, payouts) in &details {
            let mut plain = Vec::new();
            payouts.values().for_each(|payout| write_payout(&mut plain, payout));
            changes.chunks([chunks::seal(
                &self.keys.chunks,
                *shard,
                ChunkKind::Payout,
                cycle.number.0,
                list.0,
                payouts.len() as i64,
                &plain,
            )?]);
        }
        changes.cycle_stays(cycle.number, false);
        changes.payables_moved(&payable_moves);
        changes.batches(moving.into_iter().map(|(_, new, _)| new));
        Ok(())
    }

    /// A value date must be one on which the partner pays, and for which the file can still leave.
    fn must_be_met(&self, provider: &str, value_date: Date) -> Result<(), EngineError> {
        let now = self.clock.now();
        let terms = &self.provider(provider)?.on(now.date()).leaving;
        let calendar = self.calendar(terms);
        let uncovered = |error: crate::domain::calendar::CalendarError| {
            EngineError::refused("D133", error.to_string())
        };
        let is_business = calendar
            .map_or(Ok(true), |calendar| calendar.is_business_day(value_date))
            .map_err(uncovered)?;
        let next = terms.hours.first_value_date(now, now.date(), calendar).map_err(uncovered)?;
        let last = now.date().saturating_add(Span::new().days(VALUE_DAYS_AHEAD));
        if value_date < now.date() || value_date > last || !is_business {
            return Err(EngineError::refused(
                "D130",
                format!(
                    "{value_date} is past, after {last}, or no business day of {provider}; the next value date \
                     that can be met is {next}"
                ),
            ));
        }
        let leaving = terms.hours.leaving(now, value_date, calendar).map_err(uncovered)?;
        if matches!(leaving, Leaving::Missed { .. }) {
            return Err(EngineError::refused(
                "D131",
                format!(
                    "the cut-off of {value_date} cannot be met any more; the next value date that can be is {next}"
                ),
            ));
        }
        Ok(())
    }
}
