//! Sends payments one by one to a partner that takes no files, each once.
//!
//! What was approved is a file, and each of its lines is one request. Lines leave in windows of at most
//! one second of the partner's quota; a window is recorded and under a signed checkpoint before a request
//! of it leaves. What the partner says goes the way of every answer: archived, then applied. A request
//! without an answer makes its payment unknown. Then the partner is asked; the same line with the same key
//! goes again only when it is proved not to be there, or when the partner still knows the key.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use jiff::civil::DateTime;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::audit::leaf::Leaf;
use crate::channels::one_by_one::{OneByOne, Reply, RequestTerms};
use crate::domain::batch::{Batch, BatchEvent, BatchState, DeliveryOutcome as Recorded};
use crate::domain::cycle::{Cycle, CycleEvent, CycleState};
use crate::domain::digest::{Digest, Hasher};
use crate::domain::ids::{AttemptNo, EndToEndId, PayableNo, Shard};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::send_window::{LINES_A_WINDOW_MAX, Lines, SendWindow, WindowOutcome};
use crate::engine::dispatch::Dispatched;
use crate::engine::render::rendered_digest;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

/// One line of an approved file.
#[derive(Clone)]
struct Line {
    number: u64,
    bytes: Vec<u8>,
    reference: String,
    key: (PayableNo, AttemptNo),
}

/// What the windows say of one line.
#[derive(Clone, Copy, Default)]
struct Covered {
    /// The window in which it first may have left, by its place in the list, from 1.
    first: u32,
}

/// What one round of requests left open.
struct Round {
    unsent: Lines,
    /// Why no more is sent for now.
    stopped: Option<String>,
}

impl Engine {
    pub(super) async fn send_one_by_one(
        &self,
        mut batch: Batch,
        partner: Arc<dyn OneByOne>,
    ) -> Result<Dispatched, EngineError> {
        let told = |batch: &Batch, detail: String| Dispatched {
            file_name: batch.file_name.clone(),
            state: batch.state,
            detail,
        };
        let mut cycle = self.store.cycle(batch.cycle).await?.ok_or_else(|| {
            EngineError::Inconsistent(format!("the cycle of {} is missing", batch.file_name))
        })?;
        let list = self.payment_list(&cycle, batch.list).await?;
        match self.file_holds(&cycle, &list, &batch).await {
            Err(EngineError::Refused { code: "A115", sentence }) => {
                return Ok(told(&batch, format!("A115: {sentence}")));
            }
            held => held?,
        }
        self.end_lost_window(&batch, &partner).await?;
        let mut windows = self.store.send_windows(&batch).await?;
        let mut covered = vec![Covered::default(); usize::try_from(batch.count).unwrap_or(0)];
        for (at, window) in windows.iter().enumerate() {
            cover(&mut covered, at, window);
        }
        let terms = partner.terms();
        let page = window_lines(&terms);
        let mut pages = self.pages(&batch, partner.clone(), page)?;
        let (mut sent, mut asked) = (0, 0);
        let mut left_open = false;
        while let Some(lines) = pages.recv().await {
            let lines = lines?;
            let states = self.states(&batch, &lines).await?;
            let mut to_send = Vec::new();
            let mut to_ask = Vec::new();
            for line in lines {
                let place = usize::try_from(line.number - 1).unwrap_or(usize::MAX);
                let first = covered.get(place).map_or(0, |covered| covered.first);
                match (first, states[&line.key].state) {
                    (0, InstructionState::InBatch) => to_send.push(line),
                    (0, _) => {}
                    (first, InstructionState::Unknown) => to_ask.push((line, first)),
                    _ => {}
                }
            }
            asked += to_ask.len();
            to_send.extend(self.ask_again(&batch, &partner, to_ask, &windows).await?);
            if to_send.is_empty() {
                continue;
            }
            if let Some(halt) = self.halt_of(&batch).await? {
                return Ok(told(&batch, format!("halted: {halt}")));
            }
            sent += to_send.len();
            let number = windows.len() as i64 + 1;
            let round = self.send_window(&mut batch, &mut cycle, &partner, number, to_send).await?;
            sent -= round.unsent.len();
            if let Some(reason) = round.stopped {
                let detail = format!("{sent} requests sent, the rest waits: {reason}");
                return Ok(told(&batch, detail));
            }
            left_open |= !round.unsent.is_empty();
            windows = self.store.send_windows(&batch).await?;
        }
        if batch.state == BatchState::Sending && !left_open {
            batch = self
                .record(
                    &batch,
                    BatchEvent::ProvedDelivered,
                    Recorded::Delivered,
                    "every line was sent",
                )
                .await?;
        }
        Ok(told(&batch, format!("{sent} requests sent, {asked} asked about")))
    }

    /// Batches that left line by line, of which some payment is unknown.
    pub(super) async fn unknown_one_by_one(&self) -> Result<Vec<Batch>, EngineError> {
        let mut found = Vec::new();
        for cycle in self.store.cycles().await? {
            if cycle.state != CycleState::Settling {
                continue;
            }
            let of_cycle = self.store.batches_one_by_one(cycle.number).await?;
            if of_cycle.is_empty() {
                continue;
            }
            let sums = self.store.instruction_sums(cycle.number).await?;
            for batch in self.store.batches(cycle.number).await? {
                let unknown = sums
                    .iter()
                    .any(|sum| sum.batch == batch.number && sum.state == InstructionState::Unknown);
                if batch.state == BatchState::Delivered
                    && of_cycle.contains(&batch.number)
                    && unknown
                {
                    found.push(batch);
                }
            }
        }
        Ok(found)
    }

    /// Asks what became of payments that left one by one and have no outcome, and keeps what is said.
    pub(super) async fn poll_one_by_one(&self) -> Result<(), EngineError> {
        for cycle in self.store.cycles().await? {
            if cycle.state != CycleState::Settling {
                continue;
            }
            let of_cycle = self.store.batches_one_by_one(cycle.number).await?;
            for batch in self.store.batches(cycle.number).await? {
                let channel = self.channels.get(&batch.provider);
                let Some(partner) = channel.and_then(|channel| channel.one_by_one()) else {
                    continue;
                };
                let left = batch.state == BatchState::Delivered && of_cycle.contains(&batch.number);
                if !left || !partner.terms().can_be_asked {
                    continue;
                }
                for shard in Shard::all() {
                    let open: Vec<Line> = self
                        .store
                        .instructions(cycle.number, shard)
                        .await?
                        .into_iter()
                        .filter(|one| {
                            one.batch == batch.number
                                && matches!(
                                    one.state,
                                    InstructionState::InBatch | InstructionState::Unknown
                                )
                        })
                        .map(|one| Line {
                            number: 0,
                            bytes: Vec::new(),
                            reference: self.reference(&one).to_string(),
                            key: (one.payable, one.attempt),
                        })
                        .collect();
                    for page in open.chunks(window_lines(&partner.terms())) {
                        let replies = requests(&partner, page.to_vec(), Asking::Status).await?;
                        self.keep_replies(&batch, "status", &replies).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends a window that a process left open when it died: whatever of it no evidence names is unknown.
    async fn end_lost_window(
        &self,
        batch: &Batch,
        partner: &Arc<dyn OneByOne>,
    ) -> Result<(), EngineError> {
        let windows = self.store.send_windows(batch).await?;
        let Some(open) = windows.iter().find(|one| one.outcome == WindowOutcome::Started) else {
            return Ok(());
        };
        let mut lost = Vec::new();
        let mut pages = self.pages(batch, partner.clone(), window_lines(&partner.terms()))?;
        while let Some(lines) = pages.recv().await {
            let mut lines = lines?;
            lines.retain(|line| open.lines.contains(line.number));
            let states = self.states(batch, &lines).await?;
            lost.extend(lines.iter().map(|line| states[&line.key].clone()));
        }
        let mut changes = Changes::new();
        let none = Lines::default();
        changes.window_ended(batch, open.number, WindowOutcome::Lost, &none, &self.stamp());
        changes.event(self.window_leaf("window_lost", batch, open.number, &open.lines)?);
        self.end_window(lost, "the process died while it was sent", changes).await
    }

    /// Asks about unknown lines, and gives those that may go again: the same bytes under the same key.
    async fn ask_again(
        &self,
        batch: &Batch,
        partner: &Arc<dyn OneByOne>,
        lines: Vec<(Line, u32)>,
        windows: &[SendWindow],
    ) -> Result<Vec<Line>, EngineError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let terms = partner.terms();
        let first: BTreeMap<u64, u32> =
            lines.iter().map(|(line, first)| (line.number, *first)).collect();
        let lines: Vec<Line> = lines.into_iter().map(|(line, _)| line).collect();
        let replies = match terms.can_be_asked {
            true => requests(partner, lines, Asking::Status).await?,
            false => {
                let nobody = || Reply::Unknown(not_asked());
                lines.into_iter().map(|line| (line, nobody())).collect()
            }
        };
        let kept = self.keep_replies(batch, "status", &replies).await?;
        self.apply_waiting().await?;
        let mut again = Vec::new();
        for (line, reply) in replies {
            let is_absent = matches!(reply, Reply::Absent);
            let started = first
                .get(&line.number)
                .and_then(|first| windows.get(*first as usize - 1))
                .map(|window| window.started_at.as_str());
            let key_is_known = started.is_some_and(|at| key_is_known(at, self.clock.now(), &terms));
            let answered = kept.contains(&line.key);
            if !answered && ((is_absent && terms.not_found_is_proof) || key_is_known) {
                again.push(line);
            }
        }
        Ok(again)
    }

    /// Records a window, sends its lines, keeps what is said, and ends it.
    async fn send_window(
        &self,
        batch: &mut Batch,
        cycle: &mut Cycle,
        partner: &Arc<dyn OneByOne>,
        number: i64,
        lines: Vec<Line>,
    ) -> Result<Round, EngineError> {
        let numbers: Lines = lines.iter().map(|line| line.number).collect();
        let mut changes = Changes::new();
        changes.window_started(batch, number, &numbers, &self.stamp());
        let mut after = batch.clone();
        if batch.state == BatchState::Released {
            after.state = batch.state.apply(BatchEvent::AttemptRecorded)?;
            let delivery_no = self.delivery_no(batch).await? + 1;
            changes.delivery_started(batch, delivery_no, &self.stamp());
            changes.batch_moved(batch, after.state);
        }
        if cycle.state == CycleState::Released {
            let next = cycle.state.apply(CycleEvent::Dispatched)?;
            changes.cycle_moved(cycle.number, cycle.state, next);
            cycle.state = next;
        }
        let mut hasher = Hasher::new();
        lines.iter().for_each(|line| hasher.update(&line.bytes));
        changes.event(
            Leaf::of("window_started", &self.stamp())
                .number("cycle", batch.cycle.0)
                .number("batch", batch.number.0)
                .number("window", number)
                .number("count", numbers.len() as i64)
                .digest("sha256", &hasher.finish().0)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        *batch = after;
        // No byte leaves before its intent is under a signed checkpoint.
        self.sequence().await?;

        let replies = requests(partner, lines, Asking::Send).await?;
        let kept = self.keep_replies(batch, "send", &replies).await?;
        let mut unsent = Vec::new();
        let mut stopped = None;
        let mut silent = Vec::new();
        for (line, reply) in &replies {
            match reply {
                Reply::NotSent(reason) => {
                    unsent.push(line.number);
                    stopped = stopped.or(Some(reason.sentence.clone()));
                }
                _ if kept.contains(&line.key) => {}
                _ => silent.push(line.clone()),
            }
        }
        let unsent: Lines = unsent.into_iter().collect();
        let states = self.states(batch, &silent).await?;
        let mut changes = Changes::new();
        changes.window_ended(batch, number, WindowOutcome::Ended, &unsent, &self.stamp());
        changes.event(self.window_leaf("window_ended", batch, number, &unsent)?);
        let silent = states.into_values().collect();
        self.end_window(silent, "no answer to the request", changes).await?;
        self.apply_waiting().await?;
        Ok(Round { unsent, stopped })
    }

    /// Commits the end of a window, and with it that payments without an answer are unknown.
    async fn end_window(
        &self,
        mut silent: Vec<Instruction>,
        why: &'static str,
        changes: Changes,
    ) -> Result<(), EngineError> {
        silent.retain(|one| one.state == InstructionState::InBatch);
        match silent.is_empty() {
            true => Ok(self.store.commit(changes).await?),
            false => self.lose(&silent, why, changes).await,
        }
    }

    fn window_leaf(
        &self,
        event: &'static str,
        batch: &Batch,
        number: i64,
        lines: &Lines,
    ) -> Result<Vec<u8>, EngineError> {
        Ok(Leaf::of(event, &self.stamp())
            .number("cycle", batch.cycle.0)
            .number("batch", batch.number.0)
            .number("window", number)
            .number("count", lines.len() as i64)
            .digest("lines", &Digest::of(lines.to_string().as_bytes()))
            .build()?
            .as_bytes()
            .to_vec())
    }

    /// Keeps what was said as an answer: archived, a line for each. What the format cannot read is kept
    /// beside it and refused as a file of its own; its payment stays unknown. Gives whose words were kept.
    async fn keep_replies(
        &self,
        batch: &Batch,
        asked: &'static str,
        replies: &[(Line, Reply)],
    ) -> Result<Vec<(PayableNo, AttemptNo)>, EngineError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut kept = Vec::new();
        for (line, reply) in replies {
            let Reply::Said { http, body } = reply else { continue };
            let said = json!({
                "reference": line.reference, "asked": asked, "http": http, "at": self.stamp(), "body": body,
            });
            let text = format!("{said}\n");
            match self.can_be_read(&batch.provider, text.as_bytes())? {
                true => {
                    good.extend_from_slice(text.as_bytes());
                    kept.push(line.key);
                }
                false => bad.extend_from_slice(text.as_bytes()),
            }
        }
        let shown = format!("{}.{asked}.jsonl", batch.file_name);
        if !bad.is_empty() {
            match self.keep_answer(&batch.provider, bad, &shown).await {
                Err(EngineError::Refused { .. }) => {}
                kept => kept?,
            }
        }
        if !good.is_empty() {
            self.keep_answer(&batch.provider, good, &shown).await?;
        }
        Ok(kept)
    }

    /// The instructions of some lines.
    async fn states(
        &self,
        batch: &Batch,
        lines: &[Line],
    ) -> Result<BTreeMap<(PayableNo, AttemptNo), Instruction>, EngineError> {
        let payables: Vec<PayableNo> = lines.iter().map(|line| line.key.0).collect();
        let mut states: BTreeMap<(PayableNo, AttemptNo), Instruction> = self
            .store
            .instructions_of(&payables)
            .await?
            .into_iter()
            .map(|one| ((one.payable, one.attempt), one))
            .collect();
        states.retain(|key, one| {
            one.batch == batch.number && lines.iter().any(|line| line.key == *key)
        });
        match lines.iter().all(|line| states.contains_key(&line.key)) {
            true => Ok(states),
            false => Err(EngineError::Inconsistent(format!(
                "a line of {} is no payment of its batch",
                batch.file_name
            ))),
        }
    }

    /// The lines of the archived file, page by page.
    fn pages(
        &self,
        batch: &Batch,
        partner: Arc<dyn OneByOne>,
        page_lines: usize,
    ) -> Result<mpsc::Receiver<Result<Vec<Line>, EngineError>>, EngineError> {
        let (send, receive) = mpsc::channel(1);
        let (archive, digest) = (self.archive.clone(), rendered_digest(batch)?);
        let (prefix, name) = (self.config.prefix.clone(), batch.file_name.clone());
        tokio::task::spawn_blocking(move || {
            let read = || -> Result<(), EngineError> {
                let file = BufReader::with_capacity(1 << 17, archive.open(&digest)?);
                let mut page = Vec::new();
                for (bytes, number) in file.split(b'\n').zip(1..) {
                    let bytes =
                        bytes.map_err(|error| EngineError::io(format!("reading {name}"), error))?;
                    let reference = partner.reference(&bytes);
                    let key = reference
                        .as_deref()
                        .and_then(|reference| EndToEndId::read(&prefix, reference));
                    let (Some(reference), Some(key)) = (reference, key) else {
                        return Err(EngineError::refused(
                            "N151",
                            format!(
                                "line {number} of {name} has no reference of ours where [provider.http] says that it \
                                 stands; correct `reference` there, or the format"
                            ),
                        ));
                    };
                    page.push(Line { number, bytes, reference, key });
                    if page.len() == page_lines
                        && send.blocking_send(Ok(std::mem::take(&mut page))).is_err()
                    {
                        return Ok(());
                    }
                }
                if !page.is_empty() {
                    // Nobody listens any more when sending was stopped.
                    let _ = send.blocking_send(Ok(page));
                }
                Ok(())
            };
            if let Err(error) = read() {
                let _ = send.blocking_send(Err(error));
            }
        });
        Ok(receive)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Send,
    Status,
}

/// Runs requests, as many at once as was agreed. After proof that one could not be sent, no other begins.
async fn requests(
    partner: &Arc<dyn OneByOne>,
    lines: Vec<Line>,
    asking: Asking,
) -> Result<Vec<(Line, Reply)>, EngineError> {
    let concurrency = partner.terms().concurrency.max(1) as usize;
    let mut running: JoinSet<(Line, Reply)> = JoinSet::new();
    let mut replies = Vec::new();
    let mut stopped = None;
    let mut lines = lines.into_iter();
    loop {
        while running.len() < concurrency {
            let Some(line) = lines.next() else { break };
            if let Some(reason) = &stopped {
                replies.push((line, Reply::NotSent(Clone::clone(reason))));
                continue;
            }
            let partner = partner.clone();
            running.spawn(async move {
                let reply = match asking {
                    Asking::Send => partner.send(&line.reference, line.bytes.clone()).await,
                    Asking::Status => partner.ask(&line.reference).await,
                };
                (line, reply)
            });
        }
        let Some(done) = running.join_next().await else { return Ok(replies) };
        let (line, reply) = done.map_err(|error| {
            EngineError::Inconsistent(format!("a request ended early: {error}"))
        })?;
        if let Reply::NotSent(reason) = &reply {
            stopped.get_or_insert_with(|| reason.clone());
        }
        replies.push((line, reply));
    }
}

fn cover(covered: &mut [Covered], at: usize, window: &SendWindow) {
    for line in window.lines.iter().filter(|line| !window.unsent.contains(*line)) {
        let place = usize::try_from(line - 1).unwrap_or(usize::MAX);
        if let Some(covered) = covered.get_mut(place).filter(|covered| covered.first == 0) {
            covered.first = u32::try_from(at + 1).unwrap_or(u32::MAX);
        }
    }
}

fn window_lines(terms: &RequestTerms) -> usize {
    u64::from(terms.per_second.max(1)).min(LINES_A_WINDOW_MAX) as usize
}

fn not_asked() -> crate::channels::Reason {
    crate::channels::Reason::new("partner_cannot_be_asked", "this partner cannot be asked")
}

/// Whether the partner still knows a key that first went to it in a window begun then. A clock that was
/// turned back tells nothing, and nothing is repeated on its word.
fn key_is_known(started_at: &str, now: DateTime, terms: &RequestTerms) -> bool {
    let Some(hours) = terms.idempotency_hours else { return false };
    let started = started_at.get(..19).and_then(|text| text.parse::<DateTime>().ok());
    let Some(elapsed) = started.map(|started| now.duration_since(started)) else { return false };
    !elapsed.is_negative() && elapsed.as_secs() < i64::from(hours) * 3600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_repeated_inside_its_hours_alone() {
        let terms = |hours| RequestTerms {
            per_second: 1,
            concurrency: 1,
            idempotency_hours: hours,
            not_found_is_proof: false,
            can_be_asked: true,
        };
        let started = "2026-11-02T08:00:00+07:00";
        for (now, hours, known) in [
            ("2026-11-02T08:00:00", Some(24), true),
            ("2026-11-03T07:59:59", Some(24), true),
            ("2026-11-03T08:00:00", Some(24), false),
            ("2026-11-02T07:59:59", Some(24), false),
            ("2026-11-02T08:00:01", None, false),
        ] {
            let now = now.parse().unwrap();
            assert_eq!(key_is_known(started, now, &terms(hours)), known, "{now} {hours:?}");
        }
        assert!(!key_is_known("yesterday", started[..19].parse().unwrap(), &terms(Some(24))));
    }
}
