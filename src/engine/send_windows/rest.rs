//! Takes back what has not left of a batch that leaves payment by payment, when its partner takes no more.

use super::lines::{Covered, window_lines};
use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchEvent, BatchState, DeliveryOutcome as Recorded};
use crate::domain::cycle::Cycle;
use crate::domain::instruction::{Instruction, InstructionState};
use crate::engine::acting::Acting;
use crate::engine::lease::Lease;
use crate::engine::taking_back::{TakenBack, Why, answers_speak_of, taken_back};
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

impl Engine {
    /// The batch of that name, if some of it has left payment by payment and the rest waits.
    pub(in crate::engine) async fn half_sent<'a>(
        &self,
        batches: &'a [Batch],
        file_name: &str,
    ) -> Result<Option<&'a Batch>, EngineError> {
        let named = batches.iter().find(|one| one.file_name == file_name);
        let Some(batch) = named.filter(|one| one.state == BatchState::Sending) else {
            return Ok(None);
        };
        let of_cycle = self.store.batches_one_by_one(batch.cycle).await?;
        Ok(of_cycle.contains(&batch.number).then_some(batch))
    }

    /// Cancels the orders of which no window has told that they may have left, under the lease of the
    /// dispatcher, so that none of them leaves meanwhile. What has left stays what it is.
    pub(in crate::engine) async fn withdraw_rest(
        &self,
        cycle: &Cycle,
        batch: &Batch,
        by: &Acting<'_>,
    ) -> Result<TakenBack, EngineError> {
        match self.lease(&format!("dispatch:{}", batch.provider)).await? {
            Ok(lease) => {
                let done = self.withdraw_rest_under(&lease, cycle, batch, by).await;
                self.give_back(lease).await?;
                done
            }
            Err(holder) => Err(stays(batch, &format!("{holder}; halt the partner first"))),
        }
    }

    async fn withdraw_rest_under(
        &self,
        lease: &Lease,
        cycle: &Cycle,
        batch: &Batch,
        by: &Acting<'_>,
    ) -> Result<TakenBack, EngineError> {
        let partner = self.channel(batch)?.one_by_one().ok_or_else(|| {
            stays(batch, "its partner is no longer spoken to by requests; put that way back")
        })?;
        // What is said of single payments waits for two officers when they are ordered again; of the whole file nobody
        // knows of which payments it speaks.
        let contradicted = self.store.contradicted(batch.cycle, Some(batch.number)).await?;
        if contradicted.files > 0 {
            return Err(answers_speak_of(contradicted));
        }
        self.end_lost_windows(lease, batch, &partner).await?;
        let covered = Covered::of(batch, &self.store.send_windows(batch).await?);
        let mut orders: Vec<Instruction> = Vec::new();
        let mut pages = self.pages(batch, partner.clone(), window_lines(&partner.terms()))?;
        while let Some(lines) = pages.recv().await {
            let mut lines = lines?;
            lines.retain(|line| covered.of_line(line.number).first_at.is_none());
            let states = self.states(batch, &lines).await?.into_values();
            orders.extend(states.filter(|one| one.state == InstructionState::InBatch));
        }
        if orders.is_empty() {
            return Err(stays(batch, "all of it may have left; chitra dispatch asks about it"));
        }
        let mut changes = Changes::new();
        let root = self.take_back(cycle, &orders, &Why::Withdrawn, &mut changes).await?;
        let delivery_no = self.delivery_no(batch).await?;
        let (at, detail) = (self.stamp(), "the rest was taken back");
        changes.delivery_ended(batch, delivery_no, Recorded::Delivered, detail, &at);
        changes.batch_moved(batch, batch.state.apply(BatchEvent::ProvedDelivered)?);
        changes.event(
            by.leaf(
                Leaf::of("rest_withdrawn", &at)
                    .number("cycle", cycle.number.0)
                    .number("batch", batch.number.0)
                    .number("left", covered.left())
                    .number("count", root.count as i64)
                    .digest("root", &root.root),
            )?,
        );
        lease.fences(&mut changes);
        self.commit_taken_back(changes).await?;
        Ok(TakenBack { left: covered.left(), ..taken_back(&[batch], &orders) })
    }
}

fn stays(batch: &Batch, why: &str) -> EngineError {
    EngineError::refused(
        "D167",
        format!("what has not left of {} cannot be taken back now: {why}", batch.file_name),
    )
}
