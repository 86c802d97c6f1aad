//! Sends released files, each once.
//!
//! An attempt is recorded and under a signed checkpoint before a byte leaves. What became of it is
//! one of three: there, not there, unknown. Unknown is ended only by asking the provider; a file is
//! sent again only when it is proved not to have left, under the same name and with the same bytes.

use std::collections::BTreeMap;

use crate::audit::leaf::Leaf;
use crate::channels::file_signature::SUFFIX;
use crate::channels::{Channel, DeliveryOutcome, Parcel, QueryOutcome, Reason};
use crate::disk::file_name::FileName;
use crate::domain::answer::Halt;
use crate::domain::batch::{Batch, BatchEvent, BatchState, DeliveryOutcome as Recorded};
use crate::domain::cycle::{Cycle, CycleEvent, CycleState};
use crate::domain::digest::Digest;
use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::money::Money;
use crate::engine::absence::Tried;
use crate::engine::halt::{provider_scope, scopes};
use crate::engine::lease::{Lease, TAKEN_OVER};
use crate::engine::{Engine, EngineError, aside};
use crate::store::{Changes, StoreError};

/// What dispatch did with one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispatched {
    pub file_name: String,
    pub state: BatchState,
    pub detail: String,
    /// It did not leave, and goes without anybody doing anything about it.
    pub waits: bool,
}

impl Dispatched {
    /// Whether it should have left by now and did not, or nobody knows whether it did: it is halted or refused,
    /// its partner cannot be reached, or somebody must act first.
    pub fn is_hindered(&self) -> bool {
        use BatchState::{Released, Sending, Unknown};
        matches!(self.state, Released | Sending | Unknown) && !self.waits
    }
}

/// An archived file on its way to a partner.
pub(super) struct OutgoingFile<'a> {
    pub provider: &'a str,
    /// As it is called there.
    pub name: &'a str,
    pub digest: Digest,
    pub count: u64,
    pub total_minor: i64,
}

/// How it ended that the bytes of a file left.
pub(super) struct Left {
    pub outcome: Recorded,
    pub detail: String,
    /// What is told instead where it halted the partner: not kept, because a halt is lifted.
    pub halted: Option<String>,
}

mod leaving;

pub(super) use leaving::Waits;

type BatchKey = (CycleNo, BatchNo);

fn key(batch: &Batch) -> BatchKey {
    (batch.cycle, batch.number)
}

fn told(batch: &Batch, state: BatchState, detail: String) -> Dispatched {
    Dispatched { file_name: batch.file_name.clone(), state, detail, waits: false }
}

/// Whether what happened with one partner says nothing of the others.
fn stops_no_other(error: &EngineError) -> bool {
    match error {
        EngineError::Refused { code, .. } => *code != TAKEN_OVER,
        EngineError::Store(StoreError::Conflict { .. }) => true,
        _ => false,
    }
}

impl Engine {
    /// Sends what is released, and asks about what is unknown, for one cycle or for all.
    pub async fn dispatch(&self, cycle: Option<CycleNo>) -> Result<Vec<Dispatched>, EngineError> {
        // Evidence that is here decides before anything is asked or repeated.
        self.apply_waiting().await?;
        let mut by_provider: BTreeMap<String, Vec<BatchKey>> = BTreeMap::new();
        let waiting = self.waiting_to_leave().await?;
        for batch in waiting.iter().filter(|one| cycle.is_none_or(|cycle| cycle == one.cycle)) {
            by_provider.entry(batch.provider.clone()).or_default().push(key(batch));
        }
        let recalls = self.recall_files_waiting(cycle).await?;
        for file in &recalls {
            by_provider.entry(file.provider.clone()).or_default();
        }
        if !by_provider.is_empty() {
            self.store.must_be_sound().await?;
        }
        let mut done = Vec::new();
        for (provider, keys) in by_provider {
            match self.lease(&format!("dispatch:{provider}")).await? {
                Ok(lease) => {
                    let asked = self.dispatch_recalls(&lease, &provider, cycle, &mut done).await;
                    let sent = match asked {
                        Ok(()) => self.dispatch_provider(&lease, &provider, &keys, &mut done).await,
                        Err(error) => Err(error),
                    };
                    let given_back = self.give_back(lease).await;
                    match sent {
                        // What is wrong with one partner, or was changed beside it, is told of its files, and stops no
                        // other's.
                        Err(error) if stops_no_other(&error) => {
                            let known: Vec<String> =
                                done.iter().map(|one| one.file_name.clone()).collect();
                            let left = waiting.iter().filter(|batch| {
                                keys.contains(&key(batch)) && !known.contains(&batch.file_name)
                            });
                            let why = format!("{}: {error}", error.code());
                            for batch in left {
                                // Whoever was beside it may have moved it.
                                let now = self.store.batches(batch.cycle).await?;
                                let now = now.into_iter().find(|one| one.number == batch.number);
                                let state = now.map_or(batch.state, |now| now.state);
                                done.push(told(batch, state, why.clone()));
                            }
                        }
                        // What went wrong first is what is told.
                        sent => sent?,
                    }
                    given_back?;
                }
                Err(holder) => done.extend(
                    waiting
                        .iter()
                        .filter(|batch| keys.contains(&key(batch)))
                        .map(|batch| told(batch, batch.state, holder.clone()))
                        .map(|one| Dispatched { waits: true, ..one }),
                ),
            }
        }
        // Those of recalls are in no order of payment files, and come first.
        done.sort_by_key(|one| waiting.iter().position(|batch| batch.file_name == one.file_name));
        self.sequence().await?;
        Ok(done)
    }

    /// Sends what waits for one provider. What waits is read again under the lease: whoever held it
    /// before may have sent some of it.
    async fn dispatch_provider(
        &self,
        lease: &Lease,
        provider: &str,
        keys: &[BatchKey],
        done: &mut Vec<Dispatched>,
    ) -> Result<(), EngineError> {
        for batch in self.waiting_to_leave().await? {
            if batch.provider == provider && keys.contains(&key(&batch)) {
                done.push(self.dispatch_batch(lease, batch).await?);
            }
        }
        Ok(())
    }

    /// Files that are to leave or to be asked about, and those that left payment by payment of which
    /// some payment is unknown.
    async fn waiting_to_leave(&self) -> Result<Vec<Batch>, EngineError> {
        let mut waiting = self.store.batches_to_send().await?;
        waiting.extend(self.unknown_one_by_one().await?);
        Ok(waiting)
    }

    /// How a file began to leave is how it goes on: whatever was agreed since, its partner may have it.
    async fn began_another_way(
        &self,
        batch: &Batch,
        one_by_one: bool,
    ) -> Result<bool, EngineError> {
        let left_so = self.store.batches_one_by_one(batch.cycle).await?.contains(&batch.number);
        let left = !matches!(batch.state, BatchState::Released);
        Ok(if one_by_one { left && !left_so } else { left_so })
    }

    async fn dispatch_batch(&self, lease: &Lease, batch: Batch) -> Result<Dispatched, EngineError> {
        if let Some(halt) = self.halt_of(&batch).await? {
            return Ok(told(&batch, batch.state, halt));
        }
        let channel = self.channel(&batch)?;
        let one_by_one = channel.one_by_one();
        if self.began_another_way(&batch, one_by_one.is_some()).await? {
            let detail = "waits: it began to leave by another way than the one that [[provider]] says now; \
                          put that way back, or decide what is unknown: chitra unknown decide";
            return Ok(told(&batch, batch.state, detail.to_owned()));
        }
        if let Some(partner) = one_by_one {
            return self.send_one_by_one(lease, batch, partner).await;
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
                    // Only where it was agreed that a partner keeps what it took: see `absence`.
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
                        let halted = self.halt_provider(&batch.provider, &cause).await?;
                        return Ok(told(&batch, batch.state, halted));
                    }
                    QueryOutcome::Unavailable(reason) => {
                        if batch.state == BatchState::Sending {
                            self.record(
                                lease,
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
                let after = self.record(lease, &batch, event, outcome, &detail).await?;
                if after.state == BatchState::Delivered {
                    return Ok(told(&after, after.state, detail));
                }
                after
            }
            _ => batch,
        };

        if let Err(error) = self.file_must_be_of_this_environment(&batch).await {
            return Ok(told(&batch, batch.state, format!("{}: {error}", error.code())));
        }
        if let Some(why) = self.waits(&batch).await? {
            let told = told(&batch, batch.state, format!("waits: {}", why.why));
            return Ok(Dispatched { waits: why.by_itself, ..told });
        }
        // Before the attempt is recorded: what is damaged is made good, or is no attempt.
        let cycle = self.cycle_of(&batch).await?;
        match self.file_holds(&cycle, &batch).await {
            Err(EngineError::Refused { code: "A115", sentence }) => {
                return Ok(told(&batch, batch.state, format!("A115: {sentence}")));
            }
            held => held?,
        }
        let delivery_no = self.delivery_no(&batch).await? + 1;
        match self.seal_for_partner(&batch, delivery_no - 1).await {
            Err(EngineError::Refused { code, sentence }) => {
                return Ok(told(&batch, batch.state, format!("{code}: {sentence}")));
            }
            sealed => sealed?,
        }
        let (file_name, digest) = self.leaves_as(&batch).await?;
        match self.sign_for_partner(&batch.provider, digest, delivery_no - 1).await {
            Err(EngineError::Refused { code, sentence }) => {
                return Ok(told(&batch, batch.state, format!("{code}: {sentence}")));
            }
            signed => signed?,
        }
        let sending = match self.record_attempt(lease, &batch, cycle, delivery_no, digest).await? {
            Ok(sending) => sending,
            Err(Waits { why, by_itself }) => {
                return Ok(Dispatched { waits: by_itself, ..told(&batch, batch.state, why) });
            }
        };
        // No byte leaves before its intent is under a signed checkpoint.
        self.sequence().await?;

        let leaving = OutgoingFile {
            provider: &batch.provider,
            name: &file_name,
            digest,
            count: batch.count,
            total_minor: batch.total_minor,
        };
        let Left { outcome, detail, halted } = self.bytes_leave(lease, channel, leaving).await?;
        let event = match outcome {
            Recorded::Delivered => BatchEvent::ProvedDelivered,
            Recorded::NotSent => BatchEvent::ProvedNotSent,
            Recorded::Started | Recorded::Unknown => BatchEvent::OutcomeLost,
        };
        let after = self.record(lease, &sending, event, outcome, &detail).await?;
        Ok(told(&after, after.state, halted.unwrap_or(detail)))
    }

    /// Records that a file is about to leave; or gives why it does not after all.
    async fn record_attempt(
        &self,
        lease: &Lease,
        batch: &Batch,
        mut cycle: Cycle,
        delivery_no: i64,
        digest: Digest,
    ) -> Result<Result<Batch, Waits>, EngineError> {
        let sending =
            Batch { state: batch.state.apply(BatchEvent::AttemptRecorded)?, ..batch.clone() };
        loop {
            let mut changes = Changes::new();
            changes.delivery_started(batch, delivery_no, &self.stamp());
            self.must_still_leave(batch, &mut changes).await?;
            changes.batch_moved(batch, sending.state);
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
            let Err(error) = self.commit_under(lease, changes).await else {
                return Ok(Ok(sending));
            };
            if let Some(why) = self.stopped_meanwhile(batch).await? {
                return Ok(Err(why));
            }
            // Somebody who sends to another partner may have moved the cycle on at this moment.
            let before = std::mem::replace(&mut cycle, self.cycle_of(batch).await?);
            if cycle.state == before.state {
                return Err(error);
            }
        }
    }

    pub(super) async fn cycle_of(&self, batch: &Batch) -> Result<Cycle, EngineError> {
        self.store.cycle(batch.cycle).await?.ok_or_else(|| {
            EngineError::Inconsistent(format!("the cycle of {} is missing", batch.file_name))
        })
    }

    /// Lets the bytes of an archived file leave, whose attempt is recorded and under a checkpoint. Gives how that
    /// ended; a name that is taken at the partner halts it.
    pub(super) async fn bytes_leave(
        &self,
        lease: &Lease,
        channel: std::sync::Arc<dyn Channel>,
        file: OutgoingFile<'_>,
    ) -> Result<Left, EngineError> {
        let (archive, digest, count) = (self.archive.clone(), file.digest, file.count);
        let total = Money::from_minor(file.total_minor, self.config.currency);
        let parsed = |name: &str| {
            FileName::parse(name).map_err(|error| EngineError::Inconsistent(error.to_string()))
        };
        let name = parsed(file.name)?;
        let signature = match self.signature_of(&digest).await? {
            Some(made) => Some((parsed(&format!("{}{SUFFIX}", file.name))?, made)),
            None => None,
        };
        // The last moment before bytes leave: whoever was stopped since the attempt was recorded learns it.
        self.renew(lease).await?;
        let leaving = aside(move || {
            // The signature goes first: who finds the file finds it signed. By itself it orders nothing.
            if let Some((name, digest)) = signature {
                let mut source = archive.open(&digest)?;
                let nothing = Money::from_minor(0, total.currency());
                let parcel = Parcel { name, source: &mut source, digest, count: 0, total: nothing };
                match channel.deliver(parcel) {
                    DeliveryOutcome::Delivered(_) => {}
                    DeliveryOutcome::NotDelivered(reason) | DeliveryOutcome::Unknown(reason) => {
                        let sentence = format!("its signature did not arrive: {}", reason.sentence);
                        return Ok(DeliveryOutcome::NotDelivered(Reason { sentence, ..reason }));
                    }
                }
            }
            let mut source = archive.open(&digest)?;
            Ok(channel.deliver(Parcel { name, source: &mut source, digest, count, total }))
        });
        let mut halted = None;
        let (outcome, detail) = match self.while_held(lease, leaving).await? {
            DeliveryOutcome::Delivered(delivery) => (
                Recorded::Delivered,
                match delivery.already_there {
                    true => "was there already, the same bytes".to_owned(),
                    false => "delivered and read back".to_owned(),
                },
            ),
            DeliveryOutcome::NotDelivered(reason) => {
                if reason.code == crate::disk::publish::NAME_TAKEN {
                    halted = Some(self.halt_provider(file.provider, &reason.sentence).await?);
                }
                (Recorded::NotSent, reason.sentence)
            }
            DeliveryOutcome::Unknown(reason) => (Recorded::Unknown, reason.sentence),
        };
        Ok(Left { outcome, detail, halted })
    }

    /// Records how the last delivery of a batch ended.
    pub(super) async fn record(
        &self,
        lease: &Lease,
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
        if matches!(event, BatchEvent::ProvedDelivered | BatchEvent::ProvedNotSent) {
            // Who has proposed what became of its payments did not know of this.
            let proposed = self.fates_of_batch(batch).await?;
            changes.fates_withdrawn(&proposed)?;
        }
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
        self.commit_under(lease, changes).await?;
        Ok(after)
    }

    /// What the partner has of a file, as far as it proves something.
    pub(super) async fn ask(
        &self,
        batch: &Batch,
        channel: std::sync::Arc<dyn Channel>,
    ) -> Result<QueryOutcome, EngineError> {
        let asked = self.looked_for(batch, channel.clone()).await?;
        let deliveries = self.store.deliveries(batch.cycle).await?;
        let of_batch = deliveries.iter().filter(|one| one.batch == batch.number);
        let Some(last) = of_batch.max_by_key(|one| one.number) else { return Ok(asked) };
        let otherwise = format!(
            "What it says two officers enter about the file as a whole: chitra unknown decide {} {} --paid (or --not-paid) \
             --reason TEXT --as OFFICER",
            self.cycle_of(batch).await?.label(),
            batch.file_name
        );
        let tried = Tried::of(last, &batch.provider, &batch.file_name);
        self.absence(asked, channel, &tried, &otherwise).await
    }

    /// What lies at the partner under the name of a file.
    pub(super) async fn looked_for(
        &self,
        batch: &Batch,
        channel: std::sync::Arc<dyn Channel>,
    ) -> Result<QueryOutcome, EngineError> {
        let (file_name, digest) = self.leaves_as(batch).await?;
        let name = FileName::parse(&file_name)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        aside(move || Ok(channel.query(&name, &digest))).await
    }

    pub(super) async fn delivery_no(&self, batch: &Batch) -> Result<i64, EngineError> {
        let deliveries = self.store.deliveries(batch.cycle).await?;
        let of_batch = deliveries.iter().filter(|one| one.batch == batch.number);
        Ok(of_batch.map(|one| one.number).max().unwrap_or(0))
    }

    pub(super) fn channel(
        &self,
        batch: &Batch,
    ) -> Result<std::sync::Arc<dyn Channel>, EngineError> {
        self.channels
            .get(&batch.provider)
            .cloned()
            .ok_or_else(|| self.config.unknown_provider(&batch.provider))
    }

    /// Why a batch may not be sent, if it is halted, and how it goes on.
    pub(super) async fn halt_of(&self, batch: &Batch) -> Result<Option<String>, EngineError> {
        let scopes = scopes(batch);
        let halts = self.store.halts().await?;
        Ok(halts.iter().find(|halt| scopes.contains(&halt.scope)).map(Halt::told))
    }

    /// Stops a provider by evidence. Gives what is told of it.
    pub(super) async fn halt_provider(
        &self,
        provider: &str,
        cause: &str,
    ) -> Result<String, EngineError> {
        let mut changes = Changes::new();
        self.halt_by_evidence(provider, cause, &self.stamp(), &mut changes).await?;
        self.store.commit(changes).await?;
        // Another may have been put before: that one is lifted.
        let halts = self.store.halts().await?;
        let halt = halts.iter().find(|halt| halt.scope == provider_scope(provider));
        Ok(halt.map_or_else(|| format!("halted: {cause}"), Halt::told))
    }
}
