//! Takes in what providers answer: each file archived, checked as a whole, and applied once.
//!
//! A file that breaks a rule anywhere is refused before anything of it is applied. Items are applied in
//! pages; a restart goes on where the last page ended. What fits nothing goes to a queue.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read as _, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use payment_formats::{Direction, InFormat, Outcome as Answered, OutcomeStatus, Scope};

use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::disk::file_name::FileName;
use crate::domain::answer::{Answer, AnswerState, Discrepancy, DiscrepancyKind, Receivable};
use crate::domain::batch::{Batch, BatchEvent, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, EndToEndId, PayableNo, Shard};
use crate::domain::instruction::{EvidenceGrade, Instruction, InstructionEvent, InstructionState};
use crate::domain::outcome::{Outcome, ReasonClass, Reported};
use crate::domain::payable::{PayableEvent, PayableState};
use crate::domain::period::parse_date;
use crate::domain::roster::Channel;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError, aside};
use crate::pipeline::settle::{self, settle};
use crate::store::Changes;
use crate::store::payments::{InstructionMove, PayableMove};
use crate::store::registry::Counted;

/// Items of an answer that are applied in one commit.
const ITEMS_A_PAGE: usize = 2_000;
/// How much of a file is looked at to tell its format.
const HEAD_BYTES: usize = 8 * 1024;

/// What became of one answer file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collected {
    pub file_name: String,
    pub format: String,
    pub items: i64,
    /// The same bytes were applied before; nothing was changed.
    pub replayed: bool,
}

impl Engine {
    /// Takes in everything that lies in the outbox of every provider. A file that is refused does not
    /// stop the others; it is told.
    pub async fn collect_all(
        &self,
    ) -> Result<Vec<Result<Collected, (String, EngineError)>>, EngineError> {
        let mut done = Vec::new();
        let providers: Vec<String> =
            self.config.providers.iter().map(|provider| provider.name.clone()).collect();
        for name in providers {
            let Some(channel) = self.channels.get(&name).cloned() else { continue };
            let listing = channel.clone();
            let answers = aside(move || Ok(listing.answers()?)).await?;
            for answer in answers.files {
                let shown = answer.name.as_str().to_owned();
                let taken = self.collect_from(&name, channel.clone(), answer.name).await;
                match taken {
                    // What lies in the outbox stays there; only what is new is told.
                    Ok(collected) if collected.replayed => {}
                    Ok(collected) => done.push(Ok(collected)),
                    Err(EngineError::Refused { code: "L104", .. }) => {}
                    Err(error @ EngineError::Refused { .. }) => done.push(Err((shown, error))),
                    Err(error) => return Err(error),
                }
            }
        }
        self.age_all().await?;
        self.sequence().await?;
        Ok(done)
    }

    /// Ages every cycle that is settling.
    async fn age_all(&self) -> Result<(), EngineError> {
        for cycle in self.store.cycles().await? {
            if cycle.state == CycleState::Settling {
                self.age(&cycle).await?;
            }
        }
        Ok(())
    }

    /// Payments of files that were delivered longer ago than their provider takes to answer become
    /// unknown. Nothing leaves *unknown* by time; this is only how it is entered.
    pub(super) async fn age(&self, cycle: &Cycle) -> Result<(), EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let overdue = self.overdue(cycle, &batches).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        for shard in Shard::all() {
            let silent: Vec<_> = self
                .store
                .instructions(cycle.number, shard)
                .await?
                .into_iter()
                .filter(|one| {
                    one.state == InstructionState::InBatch && overdue.contains(&one.batch)
                })
                .collect();
            for page in silent.chunks(ITEMS_A_PAGE) {
                self.lose(page).await?;
            }
        }
        Ok(())
    }

    /// The files of a cycle whose provider has had more days than it takes to answer.
    pub(super) async fn overdue(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
    ) -> Result<BTreeSet<BatchNo>, EngineError> {
        let mut overdue = BTreeSet::new();
        if cycle.state != CycleState::Settling {
            return Ok(overdue);
        }
        let deliveries = self.store.deliveries(cycle.number).await?;
        for batch in batches.iter().filter(|batch| batch.state == BatchState::Delivered) {
            let Some(profile) = self.config.provider(&batch.provider) else { continue };
            let delivered = deliveries
                .iter()
                .filter(|one| one.batch == batch.number)
                .filter_map(|one| one.ended_at.as_deref())
                .filter_map(|at| parse_date(at.get(..10)?).ok())
                .max();
            let days = delivered.and_then(|on| self.clock.today().since(on).ok());
            if days.is_some_and(|days| i64::from(days.get_days()) > profile.answer_days) {
                overdue.insert(batch.number);
            }
        }
        Ok(overdue)
    }

    async fn lose(&self, silent: &[Instruction]) -> Result<(), EngineError> {
        let mut moves = Vec::new();
        let mut payable_moves = Vec::new();
        let mut root = BatchRootBuilder::new();
        for one in silent {
            let to = one.state.apply(InstructionEvent::OutcomeLost)?;
            root.push(format!("{} {} {to}", self.reference(one), one.state).as_bytes());
            moves.push(InstructionMove {
                payable: one.payable,
                attempt: one.attempt,
                from: one.state,
                to,
                grade: None,
                reason: Some("no answer".to_owned()),
                reason_class: None,
                answer: None,
                outcome_on: None,
            });
            payable_moves.push(PayableMove {
                payable: one.payable,
                from: PayableState::Pending,
                to: PayableState::Pending.apply(PayableEvent::OutcomeLost)?,
                code: String::new(),
                batch: Some(one.batch),
            });
        }
        let mut changes = Changes::new();
        changes.instructions_moved(&moves);
        changes.payables_moved(&payable_moves);
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
        Ok(())
    }

    async fn collect_from(
        &self,
        provider: &str,
        channel: std::sync::Arc<dyn crate::channels::Channel>,
        name: FileName,
    ) -> Result<Collected, EngineError> {
        let shown = name.as_str().to_owned();
        // What was applied before is told by its hash, without being copied again.
        let (asking, asked) = (channel.clone(), name.clone());
        let seen = aside(move || Ok(asking.fetch(&asked, &mut std::io::sink())?)).await?;
        if let Some(done) = self.store.answer_find(&seen.digest.to_string()).await?
            && done.state == AnswerState::Applied
        {
            return Ok(Collected {
                file_name: shown,
                format: done.format,
                items: done.items,
                replayed: true,
            });
        }
        let folder = self.dir.join("collecting");
        let path = folder.join(&shown);
        let copy = path.clone();
        aside(move || {
            let failed = |error| EngineError::io("copying an answer", error);
            std::fs::create_dir_all(&folder).map_err(failed)?;
            let mut file = crate::engine::import::private_file(&copy).map_err(failed)?;
            channel.fetch(&name, &mut file)?;
            Ok(())
        })
        .await?;
        let taken = self.collect_named(provider, &path, &shown).await;
        std::fs::remove_file(&path)
            .map_err(|error| EngineError::io("removing the copy of an answer", error))?;
        taken
    }

    /// Takes in one answer file that a person names.
    pub async fn collect_file(
        &self,
        provider: &str,
        path: &Path,
    ) -> Result<Collected, EngineError> {
        let shown = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let shown = shown.unwrap_or_else(|| path.display().to_string());
        let collected = self.collect_named(provider, path, &shown).await?;
        self.sequence().await?;
        Ok(collected)
    }

    async fn collect_named(
        &self,
        provider: &str,
        path: &Path,
        shown: &str,
    ) -> Result<Collected, EngineError> {
        let profile = self.provider(provider)?.clone();
        let failed = |error| EngineError::io(format!("reading {shown}"), error);
        let mut file = File::open(path).map_err(failed)?;
        let (digest, _) = Digest::of_reader(&mut BufReader::new(&mut file)).map_err(failed)?;
        let sha256 = digest.to_string();
        let answer = match self.store.answer_find(&sha256).await? {
            Some(done) if done.state == AnswerState::Applied => {
                return Ok(Collected {
                    file_name: shown.to_owned(),
                    format: done.format,
                    items: done.items,
                    replayed: true,
                });
            }
            Some(refused) if refused.state == AnswerState::Refused => {
                return Err(EngineError::refused(
                    "L104",
                    format!("{shown} was refused before: {}", refused.detail),
                ));
            }
            Some(unfinished) => unfinished,
            None => {
                let archive = self.archive.clone();
                file.seek(SeekFrom::Start(0)).map_err(failed)?;
                let kept = aside(move || Ok(archive.put(&mut file)?)).await?;
                if kept != digest {
                    return Err(EngineError::refused(
                        "L105",
                        format!("{shown} was changed while it was read; take it in again"),
                    ));
                }
                self.receive(&profile, shown, &digest).await?
            }
        };
        self.apply(&profile, &digest, answer.clone()).await?;
        Ok(Collected {
            file_name: shown.to_owned(),
            format: answer.format,
            items: answer.items,
            replayed: false,
        })
    }

    /// Reads an archived answer whole, and takes it in or refuses it. From here on the file that was
    /// named is not looked at again: it may change, what is archived cannot.
    async fn receive(
        &self,
        profile: &Provider,
        shown: &str,
        digest: &Digest,
    ) -> Result<Answer, EngineError> {
        let failed = |error| EngineError::io(format!("reading {shown}"), error);
        let mut head = Vec::new();
        let archived = self.archive.open(digest)?;
        archived.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        let number = AnswerNo(self.store.next_number(Counted::Answer).await?);
        let mut answer = Answer {
            number,
            provider: profile.name.clone(),
            file_name: shown.to_owned(),
            sha256: digest.to_string(),
            format: String::new(),
            received_at: self.stamp(),
            items: 0,
            applied: 0,
            state: AnswerState::Applying,
            detail: String::new(),
        };
        let read = match self.answer_format(profile, &head) {
            None => Err(EngineError::refused(
                "L101",
                format!(
                    "{shown} is in none of the formats in which {} answers ({})",
                    profile.name,
                    profile.answers.join(", ")
                ),
            )),
            Some(format) => {
                answer.format = format.id().to_owned();
                let archived = self.archive.open(digest)?;
                let mut items = 0_i64;
                format
                    .read(BufReader::with_capacity(1 << 17, archived), &mut |_| {
                        items += 1;
                        ControlFlow::Continue(())
                    })
                    .map(|_| items)
                    .map_err(|error| {
                        EngineError::refused(error.code(), format!("{shown}: {error}"))
                    })
            }
        };
        let refusal = match read {
            Ok(items) => {
                answer.items = items;
                None
            }
            Err(error) => {
                answer.state = AnswerState::Refused;
                answer.detail = format!("{}: {error}", error.code());
                Some(error)
            }
        };
        let mut changes = Changes::new();
        changes.answer_received(&answer);
        changes.event(
            Leaf::of(
                if refusal.is_none() { "answer_received" } else { "answer_refused" },
                &answer.received_at,
            )
            .number("answer", number.0)
            .text("provider", &profile.name)
            .digest("sha256", digest)
            .number("items", answer.items)
            .build()?
            .as_bytes()
            .to_vec(),
        );
        self.store.commit(changes).await?;
        match refusal {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    fn answer_format(&self, profile: &Provider, head: &[u8]) -> Option<&InFormat> {
        match self.formats.recognise(head) {
            Some(format) if profile.answers.iter().any(|id| id == format.id()) => Some(format),
            Some(_) => None,
            // Sheets of one provider may look alike to a stranger; the profile names few.
            None => {
                let mut of_profile = profile
                    .answers
                    .iter()
                    .filter_map(|id| self.formats.read(id))
                    .filter(|format| format.claims(head));
                match (of_profile.next(), of_profile.next()) {
                    (Some(only), None) => Some(only),
                    _ => None,
                }
            }
        }
    }

    /// Applies the items that are not applied yet.
    async fn apply(
        &self,
        profile: &Provider,
        digest: &Digest,
        mut answer: Answer,
    ) -> Result<(), EngineError> {
        let format_id = answer.format.clone();
        let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<(i64, Answered)>>(4);
        let (formats, from) = (self.formats.clone(), answer.applied);
        let (archive, digest) = (self.archive.clone(), *digest);
        let reader = tokio::task::spawn_blocking(move || {
            let format = formats.read(&format_id).ok_or_else(|| {
                EngineError::refused(
                    "G115",
                    format!("nobody defines the format {format_id} any more"),
                )
            })?;
            let file = archive.open(&digest)?;
            let mut item = 0_i64;
            let mut page = Vec::new();
            let mut given_up = false;
            format
                .read(BufReader::with_capacity(1 << 17, file), &mut |outcome| {
                    item += 1;
                    // What is said of a whole file counts for the payments that nothing else names, so
                    // it is applied last, and read again after a restart.
                    if item > from || outcome.scope != Scope::Payment {
                        page.push((item, outcome));
                    }
                    if page.len() == ITEMS_A_PAGE {
                        given_up = send.blocking_send(std::mem::take(&mut page)).is_err();
                    }
                    match given_up {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                })
                .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
            if !page.is_empty() && send.blocking_send(page).is_err() {
                return Ok(());
            }
            Ok::<(), EngineError>(())
        });
        let mut of_groups = Vec::new();
        while let Some(page) = receive.recv().await {
            let to = page.last().map_or(answer.applied, |(item, _)| *item);
            let (groups, payments): (Vec<_>, Vec<_>) =
                page.into_iter().partition(|(_, outcome)| outcome.scope != Scope::Payment);
            of_groups.extend(groups);
            if !payments.is_empty() && to > answer.applied {
                self.apply_page(profile, &answer, payments, to, AnswerState::Applying).await?;
                answer.applied = to;
            }
            self.progress.at("collect", to as u64, answer.items as u64);
        }
        reader.await.map_err(|error| {
            EngineError::Inconsistent(format!("reading ended early: {error}"))
        })??;
        self.apply_page(profile, &answer, of_groups, answer.items, AnswerState::Applied).await
    }

    async fn apply_page(
        &self,
        profile: &Provider,
        answer: &Answer,
        page: Vec<(i64, Answered)>,
        to: i64,
        state: AnswerState,
    ) -> Result<(), EngineError> {
        let mut changes = Changes::new();
        let mut discrepancies: Vec<Discrepancy> = Vec::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut of_batches: Vec<(i64, Answered, Batch)> = Vec::new();
        // Entries of our own account name payments of every partner; a partner's results only its own.
        let mut of_account: BTreeSet<i64> = BTreeSet::new();
        for (item, answered) in page {
            if answered.direction.is_some() {
                of_account.insert(item);
            }
            match self.match_item(profile, item, &answered).await? {
                Matched::Instruction(outcome) => outcomes.push(outcome),
                Matched::Batch(batch) => of_batches.push((item, answered, *batch)),
                Matched::Nothing(detail) => discrepancies.push(Discrepancy {
                    kind: DiscrepancyKind::Unmatched,
                    provider: profile.name.clone(),
                    answer: answer.number,
                    item,
                    instruction: None,
                    expected_minor: None,
                    reported_minor: answered.amount.map(|(minor, _)| minor),
                    detail,
                    opened_at: answer.received_at.clone(),
                }),
            }
        }
        let mut proved: BTreeSet<BatchNo> = BTreeSet::new();
        let mut refused_batches: Vec<Batch> = Vec::new();
        for (item, answered, batch) in of_batches {
            match answered.status {
                OutcomeStatus::Rejected => {
                    outcomes.extend(
                        self.all_of_batch(&batch, item, &answered, Reported::Rejected).await?,
                    );
                    refused_batches.push(batch);
                }
                OutcomeStatus::Credited => {
                    let reported = Reported::Paid(EvidenceGrade::ProviderResult);
                    outcomes.extend(self.all_of_batch(&batch, item, &answered, reported).await?);
                }
                // Received, accepted, settled on our side: the file is there, nothing is paid yet.
                _ if matches!(batch.state, BatchState::Sending | BatchState::Unknown) => {
                    proved.insert(batch.number);
                    self.prove_delivered(&mut changes, &batch, answer)?;
                }
                _ => {}
            }
        }

        let numbers: Vec<PayableNo> = outcomes
            .iter()
            .map(|outcome| outcome.payable)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let payables = self.store.payables_of(&numbers).await?;
        let instructions = self.store.instructions_of(&numbers).await?;
        let ordered_in: BTreeMap<(PayableNo, AttemptNo), BatchNo> =
            instructions.iter().map(|one| ((one.payable, one.attempt), one.batch)).collect();
        let cycles: BTreeSet<_> = numbers.iter().map(|number| number.cycle()).collect();
        let mut moves = Vec::new();
        let mut payable_moves = Vec::new();
        let mut owed = Vec::new();
        let mut halt = None;
        let mut root = BatchRootBuilder::new();
        for cycle in cycles {
            let closed = self.is_closed(cycle).await?;
            let batches = self.store.batches(cycle).await?;
            let states: BTreeMap<BatchNo, BatchState> =
                batches.iter().map(|batch| (batch.number, batch.state)).collect();
            let elsewhere: BTreeSet<BatchNo> = batches
                .iter()
                .filter(|batch| batch.provider != profile.name)
                .map(|batch| batch.number)
                .collect();
            let carried_by_another = |outcome: &Outcome| {
                let batch = ordered_in.get(&(outcome.payable, outcome.attempt));
                !of_account.contains(&outcome.item)
                    && batch.is_some_and(|batch| elsewhere.contains(batch))
            };
            let (foreign, of_cycle): (Vec<Outcome>, Vec<Outcome>) = outcomes
                .iter()
                .filter(|one| one.payable.cycle() == cycle)
                .cloned()
                .partition(carried_by_another);
            discrepancies.extend(foreign.into_iter().map(|outcome| Discrepancy {
                kind: DiscrepancyKind::Contradiction,
                provider: profile.name.clone(),
                answer: answer.number,
                item: outcome.item,
                instruction: Some((outcome.payable, outcome.attempt)),
                expected_minor: None,
                reported_minor: outcome.amount.and_then(Result::ok),
                detail: "the payment went to another partner; nothing was changed".to_owned(),
                opened_at: answer.received_at.clone(),
            }));
            let output = settle(settle::Input {
                outcomes: &of_cycle,
                payables: payables
                    .iter()
                    .filter(|one| one.number.cycle() == cycle)
                    .cloned()
                    .collect(),
                instructions: instructions
                    .iter()
                    .filter(|one| one.payable.cycle() == cycle)
                    .cloned()
                    .collect(),
                batches: &states,
            })?;
            for settled in &output.instructions {
                root.push(self.transition_record(settled).as_bytes());
                let after = &settled.after;
                moves.push(InstructionMove {
                    payable: after.payable,
                    attempt: after.attempt,
                    from: settled.before,
                    to: after.state,
                    grade: after.grade,
                    reason: after.reason.clone(),
                    reason_class: after.reason_class.clone(),
                    answer: Some((answer.number, settled.item)),
                    outcome_on: after.outcome_on.clone(),
                });
            }
            for (from, payable) in output.payables {
                // What was in suspense since its cycle closed is decided now.
                if closed && payable.state != PayableState::Unknown {
                    changes.suspense_cleared(payable.number);
                }
                payable_moves.push(PayableMove {
                    payable: payable.number,
                    from,
                    to: payable.state,
                    code: payable.code,
                    batch: payable.batch,
                });
            }
            discrepancies.extend(output.discrepancies.into_iter().map(|found| Discrepancy {
                kind: found.kind,
                provider: profile.name.clone(),
                answer: answer.number,
                item: found.item,
                instruction: Some(found.instruction),
                expected_minor: found.expected_minor,
                reported_minor: found.reported_minor,
                detail: found.detail,
                opened_at: answer.received_at.clone(),
            }));
            owed.extend(output.receivables.into_iter().map(|owed| Receivable {
                cause: owed.cause,
                person: owed.person,
                instruction: Some(owed.instruction),
                amount_minor: owed.amount_minor,
                opened_at: answer.received_at.clone(),
            }));
            halt = halt.or(output.halt);
            for batch in batches.iter().filter(|one| output.proved_delivered.contains(&one.number))
            {
                if proved.insert(batch.number) {
                    self.prove_delivered(&mut changes, batch, answer)?;
                }
            }
        }
        for batch in refused_batches {
            if matches!(batch.state, BatchState::Delivered) {
                changes.batch_moved(&batch, batch.state.apply(BatchEvent::FileRefused)?);
            }
        }
        changes.instructions_moved(&moves);
        changes.payables_moved(&payable_moves);
        if !discrepancies.is_empty() {
            discrepancies.sort_by_key(|one| (one.item, one.kind));
            discrepancies.dedup_by_key(|one| (one.item, one.kind));
            let first = self.store.next_number(Counted::Discrepancy).await?;
            changes.discrepancies(first, &discrepancies);
        }
        if !owed.is_empty() {
            changes.receivables(self.store.next_number(Counted::Receivable).await?, &owed);
        }
        if let Some(cause) = halt {
            let number = self.store.next_number(Counted::Halt).await?;
            let scope = format!("provider:{}", profile.name);
            changes.halt_put(number, &scope, &cause, "evidence", &answer.received_at);
            changes.event(self.halt_leaf(&profile.name)?);
        }
        changes.answer_applied(answer.number, answer.applied, to, state);
        let root = root.finish();
        changes.event(
            Leaf::of("answer_applied", &self.stamp())
                .number("answer", answer.number.0)
                .number("from_item", answer.applied)
                .number("to_item", to)
                .number("moved", root.count as i64)
                .digest("root", &root.root)
                .number("discrepancies", discrepancies.len() as i64)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }

    async fn is_closed(&self, cycle: CycleNo) -> Result<bool, EngineError> {
        let cycle = self.store.cycle(cycle).await?;
        Ok(cycle.is_some_and(|cycle| cycle.state == CycleState::Closed))
    }

    /// One line about one transition, under the Merkle root of its page.
    fn transition_record(&self, settled: &settle::Settled) -> String {
        let after = &settled.after;
        let end_to_end = EndToEndId::derive(&self.config.prefix, after.payable, after.attempt);
        format!("{end_to_end} {} {} {}", settled.before, after.state, settled.item)
    }

    fn prove_delivered(
        &self,
        changes: &mut Changes,
        batch: &Batch,
        answer: &Answer,
    ) -> Result<(), EngineError> {
        // A process that died while sending left no outcome: the answer is the evidence.
        changes.delivery_proved(
            batch,
            &format!("proved by answer {}", answer.number),
            &answer.received_at,
        );
        changes.batch_moved(batch, batch.state.apply(BatchEvent::ProvedDelivered)?);
        Ok(())
    }

    async fn match_item(
        &self,
        profile: &Provider,
        item: i64,
        answered: &Answered,
    ) -> Result<Matched, EngineError> {
        if answered.scope != Scope::Payment {
            let reference =
                answered.original_batch_id.as_deref().or(answered.original_message_id.as_deref());
            return Ok(match reference {
                Some(reference) => match self.store.batch_by_message(reference).await? {
                    Some(batch) if batch.provider == profile.name => {
                        Matched::Batch(Box::new(batch))
                    }
                    _ => Matched::Nothing("the answer is about a file that is not ours".to_owned()),
                },
                None => {
                    Matched::Nothing("the answer names neither a file nor a payment".to_owned())
                }
            });
        }
        let found = [answered.end_to_end_id.as_deref(), answered.instruction_id.as_deref()]
            .into_iter()
            .flatten()
            .find_map(|text| EndToEndId::read(&self.config.prefix, text.trim()));
        let Some((payable, attempt)) = found else {
            return Ok(Matched::Nothing("no reference of ours stands in the item".to_owned()));
        };
        let incoming = answered.direction == Some(Direction::Credit);
        let reported = match (&answered.status, incoming) {
            (OutcomeStatus::Booked, true) => {
                return Ok(Matched::Nothing(
                    "money came in that is not marked as a return".to_owned(),
                ));
            }
            (OutcomeStatus::Booked, false) => Reported::Paid(EvidenceGrade::Statement),
            (OutcomeStatus::Credited, _) if profile.channel == Channel::Cash => {
                Reported::Paid(EvidenceGrade::Signature)
            }
            (OutcomeStatus::Credited, _) => Reported::Paid(EvidenceGrade::ProviderResult),
            (OutcomeStatus::Rejected | OutcomeStatus::Uncollected, _) => Reported::Rejected,
            (OutcomeStatus::Returned | OutcomeStatus::Reversed, _) => Reported::Returned,
            (OutcomeStatus::Cancelled, _) => Reported::Cancelled,
            (OutcomeStatus::Unrecognised(_), _) => Reported::CannotTell,
            (
                OutcomeStatus::Received
                | OutcomeStatus::Accepted
                | OutcomeStatus::Mixed
                | OutcomeStatus::Review
                | OutcomeStatus::DebtorSettled,
                _,
            ) => Reported::InFlight,
        };
        Ok(Matched::Instruction(outcome(
            item,
            (payable, attempt),
            answered,
            reported,
            self.config.currency.code(),
        )))
    }

    /// The instructions of a batch that nothing has named yet: the group's status is theirs.
    async fn all_of_batch(
        &self,
        batch: &Batch,
        item: i64,
        answered: &Answered,
        reported: Reported,
    ) -> Result<Vec<Outcome>, EngineError> {
        let mut found = Vec::new();
        for shard in Shard::all() {
            for one in self.store.instructions(batch.cycle, shard).await? {
                if one.batch == batch.number && one.state == InstructionState::InBatch {
                    let mut outcome = outcome(
                        item,
                        (one.payable, one.attempt),
                        answered,
                        reported,
                        self.config.currency.code(),
                    );
                    outcome.amount = None;
                    found.push(outcome);
                }
            }
        }
        Ok(found)
    }
}

/// Where an item belongs.
enum Matched {
    Instruction(Outcome),
    Batch(Box<Batch>),
    Nothing(String),
}

fn outcome(
    item: i64,
    (payable, attempt): (PayableNo, AttemptNo),
    answered: &Answered,
    reported: Reported,
    currency: &str,
) -> Outcome {
    let class = answered.reason_class.map(class);
    Outcome {
        item,
        payable,
        attempt,
        reported,
        amount: answered.amount.map(|(minor, of)| match of.code() == currency {
            true => Ok(minor),
            false => Err(of.code().to_owned()),
        }),
        reason: answered.reason.clone().or_else(|| match answered.status {
            OutcomeStatus::Uncollected => Some("uncollected".to_owned()),
            _ => None,
        }),
        // Cash that nobody collected is carried to the next list, not ordered again by itself.
        class: match answered.status {
            OutcomeStatus::Uncollected => class.or(Some(ReasonClass::Review)),
            _ => class,
        },
        on: answered.date.map(|date| date.to_string()),
    }
}

fn class(class: payment_formats::ReasonClass) -> ReasonClass {
    use payment_formats::ReasonClass as F;
    match class {
        F::Retry => ReasonClass::Retry,
        F::OtherChannel => ReasonClass::OtherChannel,
        F::PayeeData => ReasonClass::PayeeData,
        F::Stop => ReasonClass::Stop,
        F::Operator => ReasonClass::Operator,
        F::Review => ReasonClass::Review,
        F::Duplicate => ReasonClass::Duplicate,
        F::NotApplicable => ReasonClass::NotApplicable,
    }
}
