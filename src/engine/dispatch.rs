//! Sends released files, each once.
//!
//! An attempt is recorded and under a signed checkpoint before a byte leaves. What became of it is
//! one of three: there, not there, unknown. Unknown is ended only by asking the provider; a file is
//! sent again only when it is proved not to have left, under the same name and with the same bytes.

use crate::audit::leaf::Leaf;
use crate::channels::{Channel, DeliveryOutcome, Parcel, QueryOutcome};
use crate::disk::file_name::FileName;
use crate::domain::batch::{Batch, BatchEvent, BatchState, DeliveryOutcome as Recorded};
use crate::domain::cycle::{CycleEvent, CycleState};
use crate::domain::ids::CycleNo;
use crate::domain::money::Money;
use crate::engine::render::rendered_digest;
use crate::engine::{Engine, EngineError, aside};
use crate::store::Changes;
use crate::store::registry::Counted;

/// What dispatch did with one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispatched {
    pub file_name: String,
    pub state: BatchState,
    pub detail: String,
}

impl Engine {
    /// Sends what is released, and asks about what is unknown, for one cycle or for all.
    pub async fn dispatch(&self, cycle: Option<CycleNo>) -> Result<Vec<Dispatched>, EngineError> {
        let mut done = Vec::new();
        // Evidence that is here decides before anything is asked or repeated.
        self.apply_waiting().await?;
        for batch in self.store.batches_to_send().await? {
            if cycle.is_some_and(|cycle| cycle != batch.cycle) {
                continue;
            }
            done.push(self.dispatch_batch(batch).await?);
        }
        for batch in self.unknown_one_by_one().await? {
            if cycle.is_none_or(|cycle| cycle == batch.cycle)
                && !done.iter().any(|one| one.file_name == batch.file_name)
            {
                done.push(self.dispatch_batch(batch).await?);
            }
        }
        self.sequence().await?;
        Ok(done)
    }

    async fn dispatch_batch(&self, batch: Batch) -> Result<Dispatched, EngineError> {
        let told = |batch: &Batch, state, detail: String| Dispatched {
            file_name: batch.file_name.clone(),
            state,
            detail,
        };
        if let Some(halt) = self.halt_of(&batch).await? {
            return Ok(told(&batch, batch.state, format!("halted: {halt}")));
        }
        let channel = self.channel(&batch)?;
        if let Some(partner) = channel.one_by_one() {
            return self.send_one_by_one(batch, partner).await;
        }
        // A batch that is `sending` here was left by a process that died: its outcome is unknown, and
        // only the provider can tell.
        let batch = match batch.state {
            BatchState::Sending | BatchState::Unknown => {
                let asked = self.ask(&batch, channel.clone()).await?;
                let (event, outcome, detail) = match asked {
                    QueryOutcome::Held { .. } => (
                        BatchEvent::ProvedDelivered,
                        Recorded::Delivered,
                        "found at the provider".to_owned(),
                    ),
                    // The profile names the folder in which the provider keeps what it took, so a
                    // file that is in neither folder has not left.
                    QueryOutcome::NotThere => (
                        BatchEvent::ProvedNotSent,
                        Recorded::NotSent,
                        "not at the provider".to_owned(),
                    ),
                    QueryOutcome::DifferentBytes { found } => {
                        let cause = format!(
                            "{} lies at the provider with other bytes ({found})",
                            batch.file_name
                        );
                        self.halt_provider(&batch.provider, &cause).await?;
                        return Ok(told(&batch, batch.state, cause));
                    }
                    QueryOutcome::Unavailable(reason) => {
                        if batch.state == BatchState::Sending {
                            self.record(
                                &batch,
                                BatchEvent::OutcomeLost,
                                Recorded::Unknown,
                                &reason.sentence,
                            )
                            .await?;
                        }
                        return Ok(told(&batch, BatchState::Unknown, reason.sentence));
                    }
                };
                let after = self.record(&batch, event, outcome, &detail).await?;
                if after.state == BatchState::Delivered {
                    return Ok(told(&after, after.state, detail));
                }
                after
            }
            _ => batch,
        };

        // Before the attempt is recorded: what is damaged is made good, or is no attempt.
        let cycle = self.store.cycle(batch.cycle).await?.ok_or_else(|| {
            EngineError::Inconsistent(format!("the cycle of {} is missing", batch.file_name))
        })?;
        let list = self.payment_list(&cycle, batch.list).await?;
        match self.file_holds(&cycle, &list, &batch).await {
            Err(EngineError::Refused { code: "A115", sentence }) => {
                return Ok(told(&batch, batch.state, format!("A115: {sentence}")));
            }
            held => held?,
        }
        let digest = rendered_digest(&batch)?;
        let delivery_no = self.delivery_no(&batch).await? + 1;
        let sending =
            Batch { state: batch.state.apply(BatchEvent::AttemptRecorded)?, ..batch.clone() };
        let mut changes = Changes::new();
        changes.delivery_started(&batch, delivery_no, &self.stamp());
        changes.batch_moved(&batch, sending.state);
        if cycle.state == CycleState::Released {
            let next = cycle.state.apply(CycleEvent::Dispatched)?;
            changes.cycle_moved(cycle.number, cycle.state, next);
        }
        changes.event(
            Leaf::of("delivery_started", &self.stamp())
                .number("cycle", batch.cycle.0)
                .number("batch", batch.number.0)
                .number("delivery", delivery_no)
                .digest("sha256", &digest)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        // No byte leaves before its intent is under a signed checkpoint.
        self.sequence().await?;

        let (archive, name) = (self.archive.clone(), batch.file_name.clone());
        let total = Money::from_minor(batch.total_minor, self.config.currency);
        let count = batch.count;
        let outcome = aside(move || {
            let mut source = archive.open(&digest)?;
            let name = FileName::parse(&name)
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
            Ok(channel.deliver(Parcel { name, source: &mut source, digest, count, total }))
        })
        .await?;
        let (event, recorded, detail) = match outcome {
            DeliveryOutcome::Delivered(delivery) => (
                BatchEvent::ProvedDelivered,
                Recorded::Delivered,
                match delivery.already_there {
                    true => "was there already, the same bytes".to_owned(),
                    false => "delivered and read back".to_owned(),
                },
            ),
            DeliveryOutcome::NotDelivered(reason) => {
                if reason.code == crate::disk::publish::NAME_TAKEN {
                    self.halt_provider(&batch.provider, &reason.sentence).await?;
                }
                (BatchEvent::ProvedNotSent, Recorded::NotSent, reason.sentence)
            }
            DeliveryOutcome::Unknown(reason) => {
                (BatchEvent::OutcomeLost, Recorded::Unknown, reason.sentence)
            }
        };
        let after = self.record(&sending, event, recorded, &detail).await?;
        Ok(told(&after, after.state, detail))
    }

    /// Records how the last delivery of a batch ended.
    pub(super) async fn record(
        &self,
        batch: &Batch,
        event: BatchEvent,
        outcome: Recorded,
        detail: &str,
    ) -> Result<Batch, EngineError> {
        let after = Batch { state: batch.state.apply(event)?, ..batch.clone() };
        let mut changes = Changes::new();
        let delivery_no = self.delivery_no(batch).await?;
        changes.delivery_ended(batch, delivery_no, outcome, detail, &self.stamp());
        changes.batch_moved(batch, after.state);
        changes.event(
            Leaf::of("delivery_ended", &self.stamp())
                .number("cycle", batch.cycle.0)
                .number("batch", batch.number.0)
                .number("delivery", delivery_no)
                .text("outcome", crate::domain::state::Named::name(outcome))
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(after)
    }

    async fn ask(
        &self,
        batch: &Batch,
        channel: std::sync::Arc<dyn Channel>,
    ) -> Result<QueryOutcome, EngineError> {
        let digest = rendered_digest(batch)?;
        let name = FileName::parse(&batch.file_name)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        aside(move || Ok(channel.query(&name, &digest))).await
    }

    pub(super) async fn delivery_no(&self, batch: &Batch) -> Result<i64, EngineError> {
        let deliveries = self.store.deliveries(batch.cycle).await?;
        let of_batch = deliveries.iter().filter(|one| one.batch == batch.number);
        Ok(of_batch.map(|one| one.number).max().unwrap_or(0))
    }

    fn channel(&self, batch: &Batch) -> Result<std::sync::Arc<dyn Channel>, EngineError> {
        self.channels
            .get(&batch.provider)
            .cloned()
            .ok_or_else(|| self.config.unknown_provider(&batch.provider))
    }

    /// Why a batch may not be sent, if it is halted.
    pub(super) async fn halt_of(&self, batch: &Batch) -> Result<Option<String>, EngineError> {
        let scopes = [
            "all".to_owned(),
            format!("provider:{}", batch.provider),
            format!("cycle:{}", batch.cycle),
        ];
        let halts = self.store.halts().await?;
        Ok(halts.into_iter().find(|halt| scopes.contains(&halt.scope)).map(|halt| halt.cause))
    }

    /// Stops a provider by evidence.
    pub(super) async fn halt_provider(
        &self,
        provider: &str,
        cause: &str,
    ) -> Result<(), EngineError> {
        let mut changes = Changes::new();
        let number = self.store.next_number(Counted::Halt).await?;
        changes.halt_put(number, &format!("provider:{provider}"), cause, "evidence", &self.stamp());
        changes.event(self.halt_leaf(provider)?);
        self.store.commit(changes).await?;
        Ok(())
    }

    pub(super) fn halt_leaf(&self, provider: &str) -> Result<Vec<u8>, EngineError> {
        Ok(Leaf::of("provider_halted", &self.stamp())
            .text("provider", provider)
            .build()?
            .as_bytes()
            .to_vec())
    }
}
