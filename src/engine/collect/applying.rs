//! Applies the items of an archived answer, page by page, each page in one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::ops::ControlFlow;

use payment_formats::{Direction, Outcome as Answered, OutcomeStatus, Scope};

use super::acknowledging::{
    Acknowledged, about_what_decides_nothing, about_what_is_half_sent,
    about_what_is_said_both_ways, about_what_is_unclear, about_what_never_left, never_left,
    other_totals, says,
};
use super::believing::{Ordered, dated};
use super::fallback::Fallback;
use super::matching::Matched;
use super::unbookable::not_booked;
use super::whole_files::{OppositeWords, decides_whole, says_what_became_of_whole, told_of_files};
use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::domain::answer::{Answer, AnswerState, Discrepancy, DiscrepancyKind};
use crate::domain::batch::{Batch, BatchEvent, BatchState};
use crate::domain::cycle::CycleState;
use crate::domain::digest::Digest;
use crate::domain::fate::Fate;
use crate::domain::ids::{AttemptNo, BatchNo, CycleNo, EndToEndId, PayableNo};
use crate::domain::instruction::{Evidence, InstructionState};
use crate::domain::outcome::{Outcome, Reported};
use crate::domain::payable::PayableState;
use crate::domain::receivable::Receivable;
use crate::domain::roster::Channel;
use crate::engine::collect::recalled_files::NamedItself;
use crate::engine::config::Provider;
use crate::engine::send_windows::is_half_sent;
use crate::engine::{Engine, EngineError};
use crate::pipeline::believe::Signatory;
use crate::pipeline::settle::{self, Entries, ToldOf, moving, settle};
use crate::store::Changes;
use crate::store::instructions::{InstructionMove, known_before};
use crate::store::payables::PayableMove;
use crate::store::registry::Counted;

/// Items of an answer that are applied in one commit.
pub const ITEMS_A_PAGE: usize = 2_000;

/// A run of the items of one answer, and how far the answer has come with them.
pub(super) struct Page {
    pub items: Vec<(i64, Answered)>,
    /// The last item that is applied with them.
    pub to: i64,
    pub state: AnswerState,
    /// The rule that does not let them be booked: what they say of payments goes to the queue.
    pub unbookable: Option<String>,
    /// Of an answer to recalls, what it names by items of their own: what is said of a whole is not said of them.
    pub named: NamedItself,
}

impl Engine {
    /// Applies the items that are not applied yet. Gives how many of all said once more what was known.
    pub(super) async fn apply(
        &self,
        profile: &Provider,
        digest: &Digest,
        mut answer: Answer,
    ) -> Result<i64, EngineError> {
        let format_id = answer.format.clone();
        let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<(i64, Answered)>>(4);
        let (formats, from) = (self.formats.clone(), answer.applied);
        let (archive, digest) = (self.archive.clone(), *digest);
        // A word about a whole request has to know of everything that the answer names, also before a restart.
        let names_recalls =
            self.formats.read(&answer.format).is_some_and(|format| format.answers_recalls());
        let overstated = self.overstated(self.formats.read(&answer.format), &digest).await?;
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
                .read(BufReader::with_capacity(1 << 17, file), &mut |mut outcome| {
                    item += 1;
                    outcome.doubt = outcome.doubt.or_else(|| overstated.doubt_of(item));
                    // What is said of a whole file counts for the payments that nothing else names, so
                    // it is applied last, and read again after a restart.
                    if item > from || outcome.scope != Scope::Payment || names_recalls {
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
        let mut named = NamedItself::default();
        while let Some(page) = receive.recv().await {
            let read = page.last().map_or(answer.applied, |(item, _)| *item);
            let (groups, mut payments): (Vec<_>, Vec<_>) =
                page.into_iter().partition(|(_, outcome)| outcome.scope != Scope::Payment);
            of_groups.extend(groups);
            if names_recalls {
                for (_, one) in &payments {
                    named.add(one.case_id.as_deref(), self.our_reference(one));
                }
                payments.retain(|(item, _)| *item > from);
            }
            self.apply_payments(profile, &mut answer, payments).await?;
            self.progress.at("collect", read as u64, answer.items as u64);
        }
        reader.await.map_err(|error| {
            EngineError::Inconsistent(format!("reading ended early: {error}"))
        })??;
        if !names_recalls && of_groups.iter().any(|(_, one)| decides_whole(one)) {
            named = self.named_by_itself(&answer, &digest).await?;
        }
        let last = Page {
            items: of_groups,
            to: answer.items,
            state: AnswerState::Applied,
            unbookable: None,
            named,
        };
        let repeated = self.apply_page(profile, &answer, last).await?;
        Ok(answer.repeated + repeated)
    }

    pub(super) async fn apply_page(
        &self,
        profile: &Provider,
        answer: &Answer,
        page: Page,
    ) -> Result<i64, EngineError> {
        let Page { items: page, to, state, unbookable, named } = page;
        let mut changes = Changes::new();
        let mut discrepancies: Vec<Discrepancy> = Vec::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut of_batches: Vec<(i64, Answered, Batch)> = Vec::new();
        let mut opposite = OppositeWords::default();
        // Files of which something is said as a whole, and proposals of officers that are void by what is said.
        let mut said_of_whole: BTreeMap<(CycleNo, BatchNo), Batch> = BTreeMap::new();
        let mut void: BTreeMap<(PayableNo, AttemptNo), ((CycleNo, BatchNo), Fate)> =
            BTreeMap::new();
        // Entries of our own account name payments of every partner; a partner's results only its own.
        let mut of_account: BTreeSet<i64> = BTreeSet::new();
        let mut acknowledged = Acknowledged::default();
        let page = match self.formats.read(&answer.format).is_some_and(|one| one.answers_recalls())
        {
            true => {
                // What is said of a recall says nothing about money.
                self.answer_recalls(
                    &mut changes,
                    profile,
                    answer,
                    page,
                    &named,
                    &mut discrepancies,
                )
                .await?;
                vec![]
            }
            false => page,
        };
        let mut halt: Option<String> = None;
        let format = self.formats.read(&answer.format);
        let is_statement = format.is_some_and(|format| format.is_statement());
        // The accounts that items state, by their place.
        let mut stated: BTreeMap<i64, String> = BTreeMap::new();
        // The persons that a pay point names. Other partners write a payee's name in ways of their own.
        let mut persons: BTreeMap<i64, Signatory> = BTreeMap::new();
        let entries = match is_statement {
            true => self.entries_of(answer).await?,
            false => Entries::OfNoStatement,
        };
        // A report within the day is told again by the statement, which explains what names no order of ours.
        let is_before_statement = format.is_some_and(|format| format.is_before_statement());
        let mut fallbacks = match is_statement || is_before_statement {
            true => BTreeMap::new(),
            false => self.fallbacks(profile, &page).await?,
        };
        for (item, mut answered) in page {
            let mut candidates = None;
            match fallbacks.remove(&item) {
                Some(Fallback::Only(reference)) => answered.end_to_end_id = Some(reference),
                Some(Fallback::Ambiguous(sentence)) => candidates = Some(sentence),
                None => {}
            }
            if answered.direction.is_some() {
                of_account.insert(item);
            }
            match self.match_item(profile, item, &answered).await? {
                // What an entry without a reference of ours is for, the statement has told.
                Matched::Nothing(_) if is_before_statement => {}
                Matched::Announced => {}
                Matched::Nothing(_) if is_statement && self.our_reference(&answered).is_none() => {}
                Matched::Instruction(outcome) => {
                    acknowledged.item(item, &answered.status);
                    // On money that comes to us, the account of who is credited is ours.
                    if answered.direction != Some(Direction::Credit)
                        && let Some(account) = answered.account
                    {
                        stated.insert(item, account);
                    }
                    let (id, name) = (answered.payee_id.take(), answered.name.take());
                    if profile.channel == Channel::Cash && (id.is_some() || name.is_some()) {
                        let names = name.into_iter().collect();
                        persons.insert(item, Signatory { id: id.unwrap_or_default(), names });
                    }
                    outcomes.push(outcome);
                }
                Matched::Batch(batch) if never_left(&batch) => {
                    let found = about_what_never_left(&batch, item, answer);
                    halt = halt.or_else(|| Some(found.detail.clone()));
                    discrepancies.push(found);
                }
                Matched::Batch(batch)
                    if is_half_sent(&batch, &self.store.batches_one_by_one(batch.cycle).await?) =>
                {
                    let found = about_what_is_half_sent(&batch, item, answer);
                    halt = halt.or_else(|| Some(found.detail.clone()));
                    discrepancies.push(found);
                }
                Matched::Batch(batch) => {
                    // Also what cannot be believed stands against its contrary.
                    opposite.add(&batch, &answered);
                    if says_what_became_of_whole(&answered.status) {
                        said_of_whole.insert((batch.cycle, batch.number), (*batch).clone());
                    }
                    match other_totals(&batch, item, &answered, answer, self.config.currency) {
                        Some(discrepancy) => discrepancies.push(discrepancy),
                        None if answered.doubt.is_some() => {
                            discrepancies
                                .push(about_what_is_unclear(&batch, item, &answered, answer));
                        }
                        None => {
                            acknowledged.file(&batch, says(&answered.status));
                            of_batches.push((item, answered, *batch));
                        }
                    }
                }
                Matched::Nothing(detail) => discrepancies.push(Discrepancy {
                    reported_minor: answered.amount.map(|(minor, _)| minor),
                    ..Discrepancy::of_item(
                        DiscrepancyKind::Unmatched,
                        answer,
                        item,
                        candidates.unwrap_or(detail),
                    )
                }),
            }
        }
        if let Some(rule) = &unbookable {
            let waits = outcomes.drain(..).map(|outcome| not_booked(&outcome, rule, answer));
            discrepancies.extend(waits);
        }
        let mut proved: BTreeSet<(CycleNo, BatchNo)> = BTreeSet::new();
        let mut weighed: BTreeSet<(CycleNo, BatchNo)> = BTreeSet::new();
        let mut said_undecided: BTreeSet<((CycleNo, BatchNo), String)> = BTreeSet::new();
        let mut refused_batches: BTreeMap<(CycleNo, BatchNo), Batch> = BTreeMap::new();
        let mut whole: BTreeMap<i64, Batch> = BTreeMap::new();
        for (item, answered, mut batch) in of_batches {
            let file = (batch.cycle, batch.number);
            // Received, accepted, settled on our side, or decided: the file is there.
            if matches!(batch.state, BatchState::Sending | BatchState::Unknown) {
                if proved.insert(file) {
                    self.prove_delivered(&mut changes, &batch, answer).await?;
                }
                batch.state = BatchState::Delivered;
            }
            if let Some(found) = about_what_decides_nothing(&batch, item, &answered, answer)
                && said_undecided.insert((file, found.detail.clone()))
                && !self.is_open_about(&found).await?
            {
                discrepancies.push(found);
            }
            // Of a file that was rejected our account was debited.
            let is_debited = answered.status == OutcomeStatus::DebtorSettled
                && batch.state == BatchState::Refused;
            // The message and the group in it say the same: once is enough.
            if !(decides_whole(&answered) || is_debited) || !weighed.insert(file) {
                continue;
            }
            if opposite.is_both(&file) || is_debited {
                discrepancies.push(about_what_is_said_both_ways(&batch, item, answer));
                continue;
            }
            let said = self.said_of_whole((answer, item), &batch, &answered, &named).await?;
            outcomes.extend(said.outcomes);
            discrepancies.extend(said.discrepancies);
            if said.is_refused && batch.state == BatchState::Delivered {
                refused_batches.insert(file, batch.clone());
            }
            changes.said_of_file(answer.number, item, &batch);
            whole.insert(item, batch);
        }

        let numbers: Vec<PayableNo> = outcomes
            .iter()
            .map(|outcome| outcome.payable)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let payables = self.store.payables_of(&numbers).await?;
        let instructions = self.store.instructions_of(&numbers).await?;
        let zeros_dropped = format.is_some_and(|format| format.drops_account_zeros());
        let ordered = Ordered { payables: &payables, instructions: &instructions };
        self.hold_against_orders(&mut outcomes, &stated, ordered, zeros_dropped).await?;
        self.hold_against_persons(&mut outcomes, &persons, ordered).await?;
        // Of an order without an outcome no transaction was told: an ordinary page asks of none.
        let told_about: BTreeSet<PayableNo> = instructions
            .iter()
            .filter(|one| {
                one.evidence.debited_on.is_some()
                    || !matches!(one.state, InstructionState::InBatch | InstructionState::Unknown)
            })
            .map(|one| one.payable)
            .collect();
        let told_about: Vec<PayableNo> = told_about.into_iter().collect();
        let transactions =
            self.store.transactions_told(&profile.name, &answer.format, &told_about).await?;
        let names_one = |id: &str| self.formats.read(id).is_none_or(|one| !one.refers_to_many());
        let mut told_of = match names_one(&answer.format) {
            true => {
                let references = outcomes.iter().filter_map(moving).cloned().collect();
                Some(self.store.told_of(&profile.name, &references, names_one).await?)
            }
            false => None,
        };
        let ordered_in: BTreeMap<(PayableNo, AttemptNo), BatchNo> =
            instructions.iter().map(|one| ((one.payable, one.attempt), one.batch)).collect();
        let cycles: BTreeSet<_> = numbers.iter().map(|number| number.cycle()).collect();
        let mut carried_out: BTreeMap<(CycleNo, BatchNo), Batch> = BTreeMap::new();
        let mut proved_of_rejected: BTreeMap<(CycleNo, BatchNo), (i64, Batch)> = BTreeMap::new();
        let mut moves = Vec::new();
        let mut payable_moves = Vec::new();
        let mut owed = Vec::new();
        let mut repeated = 0;
        let mut told = Vec::new();
        let mut root = BatchRootBuilder::new();
        for cycle in cycles {
            let closed = self.is_closed(cycle).await?;
            let one_by_one = self.store.batches_one_by_one(cycle).await?;
            let batches = self.store.batches(cycle).await?;
            let said_of_files = self.store.said_of_files(cycle).await?;
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
                instruction: Some((outcome.payable, outcome.attempt)),
                reported_minor: outcome.amount.and_then(Result::ok),
                ..Discrepancy::of_item(
                    DiscrepancyKind::Contradiction,
                    answer,
                    outcome.item,
                    "the payment went to another partner; nothing was changed".to_owned(),
                )
            }));
            let by_number: BTreeMap<BatchNo, &Batch> =
                batches.iter().map(|batch| (batch.number, batch)).collect();
            let received_on = answer.received_at.get(..10).unwrap_or_default();
            let of_cycle: Vec<Outcome> = of_cycle
                .into_iter()
                .map(|outcome| {
                    let number = ordered_in.get(&(outcome.payable, outcome.attempt));
                    let file = number.and_then(|number| by_number.get(number));
                    if let Some(file) = file {
                        acknowledged.payment(outcome.item, file);
                    }
                    let weighed =
                        self.weighed(outcome, file.map(|file| file.provider.as_str()), received_on);
                    dated(weighed, file.copied(), received_on)
                })
                .collect();
            let half_sent: Vec<&Batch> =
                batches.iter().filter(|batch| is_half_sent(batch, &one_by_one)).collect();
            let named = of_cycle.iter().map(|one| (one.payable, one.attempt)).collect();
            let not_left = self.not_left_by(answer, &half_sent, &named, &instructions).await?;
            let in_process = of_cycle
                .iter()
                .any(|one| matches!(one.reported, Reported::InFlight | Reported::UnderReview));
            let (waited_out, heard_today) = match in_process {
                true => (
                    self.waited_out(cycle, &batches).await?,
                    self.heard_on(received_on, &named, &instructions).await?,
                ),
                false => (BTreeSet::new(), BTreeSet::new()),
            };
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
                said_of_files: &said_of_files,
                closed,
                waited_out: &waited_out,
                heard_today: &heard_today,
                one_by_one: &one_by_one,
                not_left: &not_left,
                transactions: &transactions,
                told_of: told_of
                    .as_ref()
                    .map(|orders| ToldOf { orders, prefix: &self.config.prefix }),
                entries,
                answer: Some(answer.number),
            })?;
            // What moves money of a cycle that is closed meanwhile is looked at anew.
            let moves_money = !output.instructions.is_empty()
                || !output.payables.is_empty()
                || !output.proved_delivered.is_empty();
            if moves_money {
                changes.cycle_stays(cycle, closed);
            }
            repeated += output.repeated;
            if let Some(orders) = &mut told_of {
                for one in &output.transactions {
                    orders.entry(one.reference.clone()).or_insert(one.instruction);
                }
            }
            told.extend(output.transactions);
            discrepancies.extend(self.back_twice(answer, &output.instructions).await?);
            for settled in &output.instructions {
                root.push(self.transition_record(settled).as_bytes());
                let after = &settled.after;
                // Of a file that was refused something was carried out after all.
                let is_paid = matches!(
                    after.state,
                    InstructionState::Settled | InstructionState::SettledExcess
                );
                if let Some(file) = by_number.get(&after.batch)
                    && file.state == BatchState::Refused
                    && is_paid
                {
                    carried_out.insert((cycle, file.number), (*file).clone());
                }
                // So was what a word about its whole file had rejected.
                let was_by = known_before(&instructions, after).answer;
                if let Some(file) = by_number.get(&after.batch)
                    && is_paid
                    && settled.before == InstructionState::Rejected
                    && was_by
                        .map_or(file.state == BatchState::Refused, |by| said_of_files.contains(&by))
                {
                    proved_of_rejected
                        .entry((cycle, file.number))
                        .or_insert_with(|| (settled.item, (*file).clone()));
                }
                moves.push(InstructionMove {
                    from: settled.before,
                    evidence: Evidence {
                        answer: Some((answer.number, settled.item)),
                        ..after.evidence.clone()
                    },
                    was: known_before(&instructions, after),
                    ..InstructionMove::of(after, after.state)
                });
            }
            // What two officers were to decide of a payment, its partner has now spoken of.
            let moved = output
                .instructions
                .iter()
                .filter(|one| one.before != one.after.state)
                .map(|one| (one.after.payable, one.after.attempt));
            let says_what_became = |one: &&Outcome| {
                !matches!(
                    one.reported,
                    Reported::InFlight | Reported::UnderReview | Reported::CannotTell
                )
            };
            let said =
                of_cycle.iter().filter(says_what_became).map(|one| (one.payable, one.attempt));
            let spoken_of: BTreeSet<_> = moved.chain(said).collect();
            for fate in self.store.fates_proposed(cycle).await? {
                let key = (fate.payable, fate.attempt);
                if spoken_of.contains(&key)
                    && let Some(batch) = ordered_in.get(&key)
                {
                    void.insert(key, ((cycle, *batch), fate));
                }
            }
            for (before, payable) in output.payables {
                // What was in suspense since its cycle closed is decided now.
                if closed && payable.state != PayableState::Unknown {
                    changes.suspense_cleared(payable.number);
                }
                payable_moves.push(PayableMove {
                    code: payable.code,
                    batch: payable.batch,
                    ..PayableMove::of(&before, payable.state)
                });
            }
            let found = output.discrepancies.into_iter().map(|found| Discrepancy {
                instruction: Some(found.instruction),
                expected_minor: found.expected_minor,
                reported_minor: found.reported_minor,
                ..Discrepancy::of_item(found.kind, answer, found.item, found.detail)
            });
            discrepancies.extend(told_of_files(found.collect(), &whole));
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
                if proved.insert((cycle, batch.number)) {
                    self.prove_delivered(&mut changes, batch, answer).await?;
                }
            }
        }
        for file in said_of_whole.into_values() {
            for fate in self.fates_of_batch(&file).await? {
                void.insert((fate.payable, fate.attempt), ((file.cycle, file.number), fate));
            }
        }
        // With a file that is proved to have arrived went what was proposed of it.
        void.retain(|_, (file, _)| !proved.contains(file));
        let void: Vec<Fate> = void.into_values().map(|(_, fate)| fate).collect();
        changes.fates_withdrawn(&void)?;
        let moved = moves.iter().map(|one| (one.payable, one.attempt)).collect();
        for (item, file) in proved_of_rejected.into_values() {
            discrepancies.extend(self.rest_of_rejected((answer, item), &file, &moved).await?);
        }
        for batch in refused_batches.into_values() {
            changes.batch_moved(&batch, batch.state.apply(BatchEvent::FileRefused)?);
        }
        for batch in carried_out.into_values() {
            let detail = format!("proved by answer {}", answer.number);
            changes.delivery_proved(&batch, &detail, &answer.received_at);
            changes.batch_moved(&batch, batch.state.apply(BatchEvent::ProvedCarriedOut)?);
        }
        self.end_recalls(&mut changes, &moves, answer).await?;
        changes.instructions_moved(&moves);
        changes.payables_moved(&payable_moves);
        changes.transactions_told(answer, &told);
        if !discrepancies.is_empty() {
            discrepancies.sort_by_key(|one| (one.item, one.kind, one.instruction));
            discrepancies.dedup_by_key(|one| (one.item, one.kind, one.instruction));
            let first = self.store.next_number(Counted::Discrepancy).await?;
            changes.discrepancies(first, &discrepancies);
        }
        // What was too much once, fell away and is too much again is still one thing to be got back: its
        // order says whether it is owed.
        for at in (0..owed.len()).rev() {
            if self.store.is_owed_already(&owed[at]).await? {
                owed.remove(at);
            }
        }
        if !owed.is_empty() {
            changes.receivables(self.store.next_number(Counted::Receivable).await?, &owed);
        }
        if let Some(cause) = halt {
            let at = &answer.received_at;
            self.halt_by_evidence(&profile.name, &cause, at, &mut changes).await?;
        }
        self.acknowledge(&mut changes, answer, acknowledged).await?;
        changes.answer_applied(answer.number, answer.applied, to, repeated, state);
        let root = root.finish();
        changes.event(
            Leaf::of("answer_applied", &self.stamp())
                .number("answer", answer.number.0)
                .number("from_item", answer.applied)
                .number("to_item", to)
                .number("moved", root.count as i64)
                .digest("root", &root.root)
                .number("discrepancies", discrepancies.len() as i64)
                .number("repeated", repeated)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(repeated)
    }

    pub(super) async fn is_closed(&self, cycle: CycleNo) -> Result<bool, EngineError> {
        let cycle = self.store.cycle(cycle).await?;
        Ok(cycle.is_some_and(|cycle| cycle.state == CycleState::Closed))
    }

    /// One line about one transition, under the Merkle root of its page.
    pub(super) fn transition_record(&self, settled: &settle::Settled) -> String {
        let after = &settled.after;
        let end_to_end = EndToEndId::derive(&self.config.prefix, after.payable, after.attempt);
        format!("{end_to_end} {} {} {}", settled.before, after.state, settled.item)
    }

    pub(super) async fn prove_delivered(
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
        // What officers proposed while nobody knew whether it had left is about what is known now.
        changes.fates_withdrawn(&self.fates_of_batch(batch).await?)?;
        Ok(())
    }
}
