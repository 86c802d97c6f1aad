//! Sends payments one by one to a partner that takes no files, each once.
//!
//! What was approved is a file, and each of its lines is one request. Lines leave in windows of half a
//! second of the partner's quota; a window is recorded and under a signed checkpoint before a request
//! of it leaves. While its requests leave, the one before it is answered and ended and the next one
//! recorded, so that the quota is used. What the partner says goes the way of every answer: archived,
//! then applied. A request without an answer makes its payment unknown. Then the partner is asked; the
//! same line with the same key goes again only when it is proved not to be there, or when the partner
//! still knows the key.

mod asking;
mod held;
mod lines;
mod not_left;
mod requests;
mod rest;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::channels::Reason;
use crate::channels::http::path_must_be_right;
use crate::channels::one_by_one::{OneByOne, Reply};
use crate::domain::batch::{Batch, BatchEvent, BatchState, DeliveryOutcome as Recorded};
use crate::domain::cycle::{Cycle, CycleEvent, CycleState};
use crate::domain::digest::{Digest, Hasher};
use crate::domain::ids::CycleNo;
use crate::domain::instruction::{Instruction, InstructionEvent, InstructionState};
use crate::domain::payable::{PayableEvent, PayableState};
use crate::domain::send_window::{Lines, SendWindow, WindowOutcome};
use crate::engine::dispatch::{Dispatched, Waits};
use crate::engine::lease::Lease;
use crate::engine::{Engine, EngineError};
use crate::store::instructions::InstructionMove;
use crate::store::{Changes, StoreError};

pub(super) use self::asking::line_of;
use self::asking::{Kept, key_is_known};
use self::held::Held;
use self::lines::{Covered, Key, Line, window_lines, windows_overlap};
pub use self::not_left::HalfSentFiles;
use self::not_left::SEND;
pub(super) use self::not_left::is_half_sent;
use self::requests::{LineMayLeave, Requests, Stop, set_going};

/// How often the end of a window is tried: an answer that arrives by another way at the same moment moves
/// a payment that was silent when it was read.
const ENDINGS_MAX: u32 = 3;
/// How often it is looked, while requests wait for their turn, whether a halt was put or the hours ended.
const LOOKED_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// One round over the lines of a batch.
struct Round<'a> {
    lease: &'a Lease,
    partner: &'a Arc<dyn OneByOne>,
    batch: Batch,
    cycle: Cycle,
    covered: Covered,
    /// The number of the last window.
    window: i64,
    /// Why no request begins any more.
    stop: Stop,
    sent: usize,
    asked: usize,
    rejected: i64,
    /// How many were rejected when the breaker last looked.
    looked_at: i64,
    /// What of it must not leave for what has become known of it.
    held: Held,
    /// How many lines that never left stayed for that.
    stayed: usize,
    /// How many that are unknown did not go again for that. They have left, and keep no file from being delivered.
    not_again: usize,
}

/// What a window is about.
struct Leaving {
    lines: Vec<Line>,
    /// Those of them that left before and are unknown.
    again: Vec<Instruction>,
}

/// A window that is recorded, whose requests may leave.
struct Ready {
    window: SendWindow,
    leaving: Leaving,
}

/// A window whose requests are set going.
struct Going {
    window: SendWindow,
    again: Vec<Instruction>,
    requests: Requests,
}

/// What comes after a window.
enum Next {
    Window(Box<Ready>),
    /// Nothing more, or why nothing more is sent for now.
    End(Option<Waits>),
}

impl Engine {
    pub(super) async fn send_one_by_one(
        &self,
        lease: &Lease,
        batch: Batch,
        partner: Arc<dyn OneByOne>,
    ) -> Result<Dispatched, EngineError> {
        let told = |batch: &Batch, detail: String| Dispatched {
            file_name: batch.file_name.clone(),
            state: batch.state,
            detail,
            waits: false,
        };
        let cycle = self.cycle_of(&batch).await?;
        // Of one that stands half way, what is unknown is asked about all the same.
        if batch.state == BatchState::Released
            && let Err(error) = self.file_must_be_of_this_environment(&batch).await
        {
            return Ok(told(&batch, format!("{}: {error}", error.code())));
        }
        if batch.state == BatchState::Released
            && let Some(why) = self.waits(&batch).await?
        {
            let told = told(&batch, format!("waits: {}", why.why));
            return Ok(Dispatched { waits: why.by_itself, ..told });
        }
        match self.file_holds(&cycle, &batch).await {
            Err(EngineError::Refused { code: "A115", sentence }) => {
                return Ok(told(&batch, format!("A115: {sentence}")));
            }
            held => held?,
        }
        self.end_lost_windows(lease, &batch, &partner).await?;
        let windows = self.store.send_windows(&batch).await?;
        let mut round = Round {
            lease,
            partner: &partner,
            covered: Covered::of(&batch, &windows),
            window: windows.last().map_or(0, |window| window.number),
            stop: Stop::default(),
            batch,
            cycle,
            sent: 0,
            asked: 0,
            rejected: 0,
            looked_at: 0,
            held: Held::default(),
            stayed: 0,
            not_again: 0,
        };
        let stopped = self.go_over(&mut round).await?;
        if round.rejected > 0 {
            self.watch_failures().await?;
        }
        let sent = round.sent;
        if let Some(Waits { why, by_itself }) = stopped {
            let told = told(&round.batch, format!("{sent} requests sent, the rest waits: {why}"));
            return Ok(Dispatched { waits: by_itself, ..told });
        }
        if round.batch.state == BatchState::Sending {
            let event = BatchEvent::ProvedDelivered;
            let detail = "every line was sent";
            round.batch =
                self.record(lease, &round.batch, event, Recorded::Delivered, detail).await?;
        }
        let mut detail = format!("{sent} requests sent, {} asked about", round.asked);
        if round.not_again > 0 {
            detail.push_str(&format!(
                "; {} unknown ones do not go again: an earlier order of them is now proved to have paid, their heir was \
                 withdrawn, or answers contradict them; two officers decide: chitra unknown list {}",
                round.not_again,
                round.cycle.label()
            ));
        }
        Ok(told(&round.batch, detail))
    }

    /// Goes over the lines once: sends what never left, asks about what is unknown, sends that again
    /// where it may go. Gives why it stopped before the end.
    async fn go_over(&self, round: &mut Round<'_>) -> Result<Option<Waits>, EngineError> {
        let page = window_lines(&round.partner.terms());
        let overlaps = windows_overlap(&round.partner.terms());
        let mut pages = self.pages(&round.batch, round.partner.clone(), page)?;
        let mut next = self.next_window(round, &mut pages).await?;
        let mut before: Option<Going> = None;
        loop {
            let ready = match next {
                Next::Window(ready) => *ready,
                Next::End(why) => {
                    let stopped = self.window_over(round, before.take()).await?;
                    return Ok(stopped.or(why));
                }
            };
            let (batch, stop) = (round.batch.clone(), round.stop.clone());
            let setting_going = self.set_going(round.lease, round.partner, batch, ready, stop);
            if !overlaps {
                let going = setting_going.await?;
                let stopped = self.window_over(round, Some(going)).await?;
                if stopped.is_some() {
                    return Ok(stopped);
                }
                next = self.next_window(round, &mut pages).await?;
                continue;
            }
            let meanwhile = async {
                let after = match self.window_over(round, before.take()).await {
                    Ok(Some(why)) => Ok(Next::End(Some(why))),
                    Ok(None) => self.next_window(round, &mut pages).await,
                    Err(error) => Err(error),
                };
                // Whatever went wrong here is no moment for more requests to leave.
                if let Err(error) = &after {
                    round.stop.put(Waits::for_somebody(format!("{}: {error}", error.code())));
                }
                after
            };
            let (going, after) = tokio::join!(setting_going, meanwhile);
            before = Some(going?);
            next = match after {
                Ok(next) => next,
                Err(error) => {
                    // What the partner says is kept all the same; what went wrong first is what is told.
                    if let Err(second) = self.window_over(round, before.take()).await {
                        tracing::warn!(code = second.code(), "a window was not ended either");
                    }
                    return Err(error);
                }
            };
        }
    }

    /// Looks for the next lines that may leave, and records them as a window.
    async fn next_window(
        &self,
        round: &mut Round<'_>,
        pages: &mut mpsc::Receiver<Result<Vec<Line>, EngineError>>,
    ) -> Result<Next, EngineError> {
        while let Some(lines) = pages.recv().await {
            let lines = match lines {
                // The agreement or the format is wrong: other partners are not stopped by it.
                Err(error @ EngineError::Refused { .. }) => {
                    let why = format!("{}: {error}", error.code());
                    return Ok(Next::End(Some(Waits::for_somebody(why))));
                }
                lines => lines?,
            };
            let mut states = self.states(&round.batch, &lines).await?;
            let (mut to_send, mut to_ask) = (Vec::new(), Vec::new());
            for line in lines {
                let never_left = round.covered.of_line(line.number).first_at.is_none();
                match (never_left, states.get(&line.key).map(|one| one.state)) {
                    (true, Some(InstructionState::InBatch)) => to_send.push(line),
                    (false, Some(InstructionState::Unknown)) => to_ask.push(line),
                    _ => {}
                }
            }
            round.asked += to_ask.len();
            let mut may_go = self
                .ask_again(round.lease, &round.batch, round.partner, to_ask, &round.covered)
                .await?;
            if to_send.is_empty() && may_go.is_empty() {
                continue;
            }
            // After the partner was asked: what it said may be why something stays.
            self.look_up_held(round).await?;
            let (would_leave, would_go_again) = (to_send.len(), may_go.len());
            to_send.retain(|line| !round.held.stays(&line.key));
            may_go.retain(|line| !round.held.stays(&line.key));
            round.stayed += would_leave - to_send.len();
            round.not_again += would_go_again - may_go.len();
            let again = may_go.iter().filter_map(|line| states.remove(&line.key)).collect();
            to_send.extend(may_go);
            if to_send.is_empty() {
                continue;
            }
            if let Some(why) = self.may_still_leave(&round.batch).await? {
                // Of what is recorded already nothing more leaves either.
                round.stop.put(why.clone());
                return Ok(Next::End(Some(why)));
            }
            if let Some(why) = self.held_back_for_now(&round.batch).await? {
                return Ok(Next::End(Some(why)));
            }
            return self.record_window(round, Leaving { lines: to_send, again }).await;
        }
        let (cycle, file) = (round.cycle.label(), &round.batch.file_name);
        Ok(Next::End((round.stayed > 0).then(|| {
            Waits::for_somebody(format!(
                "{} of its payments do not leave: an earlier order of them is now proved to have paid, their heir was \
                 withdrawn, or answers contradict them or the file (chitra queue discrepancies); what has not left is taken \
                 back with: chitra withdraw {cycle} {file} --as OFFICER",
                round.stayed
            ))
        })))
    }

    /// Records a window, under a signed checkpoint; or gives why no more is sent.
    async fn record_window(
        &self,
        round: &mut Round<'_>,
        leaving: Leaving,
    ) -> Result<Next, EngineError> {
        let Leaving { lines, again } = &leaving;
        let number = round.window + 1;
        let window = SendWindow {
            cycle: round.batch.cycle,
            batch: round.batch.number,
            number,
            lines: lines.iter().map(|line| line.number).collect(),
            started_at: self.stamp(),
            outcome: WindowOutcome::Started,
            unsent: Lines::default(),
        };
        let mut hasher = Hasher::new();
        lines.iter().for_each(|line| hasher.update(&line.bytes));
        let lines_digest = hasher.finish();
        let mut after = round.batch.clone();
        if round.batch.state == BatchState::Released {
            after.state = round.batch.state.apply(BatchEvent::AttemptRecorded)?;
        }
        loop {
            let mut changes = Changes::new();
            changes.window_started(&round.batch, number, &window.lines, &window.started_at);
            self.window_may_leave(&round.batch, lines.len() > again.len(), &mut changes).await?;
            if after.state != round.batch.state {
                let delivery_no = self.delivery_no(&round.batch).await? + 1;
                changes.delivery_started(&round.batch, delivery_no, &window.started_at);
                changes.batch_moved(&round.batch, after.state);
            }
            let released = round.cycle.state;
            if released == CycleState::Released {
                let next = released.apply(CycleEvent::Dispatched)?;
                changes.cycle_moved(round.cycle.number, released, next);
            }
            self.sent_again(&round.cycle, again, &mut changes).await?;
            changes.event(
                Leaf::of("window_started", &window.started_at)
                    .number("cycle", window.cycle.0)
                    .number("batch", window.batch.0)
                    .number("window", number)
                    .number("count", window.lines.len() as i64)
                    .digest("sha256", &lines_digest.0)
                    .build()?
                    .as_bytes()
                    .to_vec(),
            );
            let done = self.commit_renewing(round.lease, changes).await;
            if let Err(error) = done {
                let why = match round.batch.state {
                    BatchState::Released => self.stopped_meanwhile(&round.batch).await?,
                    _ => self.stopped_for_now(&round.batch).await?,
                };
                if why.is_some() {
                    return Ok(Next::End(why));
                }
                // Somebody who sends to another partner may have moved the cycle on at this moment.
                round.cycle = self.cycle_of(&round.batch).await?;
                if round.cycle.state == released {
                    return Err(error);
                }
                continue;
            }
            if released == CycleState::Released {
                round.cycle.state = released.apply(CycleEvent::Dispatched)?;
            }
            break;
        }
        round.batch = after;
        round.window = number;
        // No byte leaves before its intent is under a signed checkpoint.
        if let Err(error) = self.sequence().await {
            // Nothing of it has left, and is not to be taken for lost.
            let why = Reason::new("stopped", format!("{}: {error}", error.code()));
            let requests = Requests::none(leaving.lines, &why);
            let going = Going { window, again: leaving.again, requests };
            if let Err(second) = self.window_over(round, Some(going)).await {
                tracing::warn!(
                    code = second.code(),
                    "a window of which nothing left was not ended"
                );
            }
            return Err(error);
        }
        Ok(Next::Window(Box::new(Ready { window, leaving })))
    }

    /// Sets the requests of a window going at the partner's pace, and returns when the last is: what the partner
    /// says to them is waited for while those of the next window queue up behind, or a slow partner's quota would
    /// be lost between windows. Nothing more leaves once one request could not be sent, nor when a halt is put or
    /// the hours end.
    async fn set_going(
        &self,
        lease: &Lease,
        partner: &Arc<dyn OneByOne>,
        batch: Batch,
        ready: Ready,
        stop: Stop,
    ) -> Result<Going, EngineError> {
        let Ready { window, leaving: Leaving { lines, again } } = ready;
        // Where that cannot be known nothing leaves, and of a window that did not leave nothing is unknown.
        self.stop_if_it_may_not_leave(&batch, &stop).await;
        // The last moment before requests leave. Since the window was recorded nobody can have taken the lease
        // over, unless this process was stopped meanwhile: then it learns it.
        let still_held = lease.still_held();
        if stop.why().is_none()
            && !still_held()
            && let Err(error) = self.renew(lease).await
        {
            stop.put(Waits::for_somebody(format!("{}: {error}", error.code())));
        }
        if let Some(reason) = stop.reason() {
            return Ok(Going { window, again, requests: Requests::none(lines, &reason) });
        }
        let (clock, terms) = (self.clock.clone(), partner.terms());
        let may_leave: LineMayLeave = Arc::new(move |line| {
            let since = line.known_by_key_since.as_deref();
            match (since.is_none_or(|it| key_is_known(it, clock.now(), &terms)), still_held()) {
                (true, true) => Ok(()),
                (false, _) => Err(Reason::new(
                    "partner_may_forget_the_key",
                    "a payment that goes again waited so long that the partner may not know its key any more",
                )),
                (_, false) => Err(Reason::new(
                    "sender_was_succeeded",
                    "another process may have taken over, so that this one sends no more",
                )),
            }
        });
        let work = set_going(partner, lines, may_leave, &stop);
        let requests = self.while_held(lease, self.while_it_may_leave(&batch, &stop, work)).await?;
        Ok(Going { window, again, requests })
    }

    /// Waits for requests, and looks meanwhile whether those that have not left may still: they may wait for
    /// minutes when the partner asks to slow down.
    async fn while_it_may_leave<T>(
        &self,
        batch: &Batch,
        stop: &Stop,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let mut work = std::pin::pin!(work);
        let mut look = tokio::time::interval(LOOKED_EVERY);
        look.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = look.tick() => {}
            }
            if stop.why().is_none() {
                self.stop_if_it_may_not_leave(batch, stop).await;
            }
        }
    }

    async fn stop_if_it_may_not_leave(&self, batch: &Batch, stop: &Stop) {
        match self.may_still_leave(batch).await {
            Ok(None) => {}
            Ok(Some(why)) => stop.put(why),
            Err(error) => stop.put(Waits::for_somebody(format!("{}: {error}", error.code()))),
        }
    }

    /// Waits for what the partner says to a window, keeps it and ends the window. Gives why no more is sent.
    async fn window_over(
        &self,
        round: &mut Round<'_>,
        going: Option<Going>,
    ) -> Result<Option<Waits>, EngineError> {
        let Some(Going { mut window, again, requests }) = going else { return Ok(None) };
        let work = requests.answered();
        let work = self.while_it_may_leave(&round.batch, &round.stop, work);
        let replies = self.while_held(round.lease, work).await?;
        let wrong_path = || path_must_be_right("what send_path names");
        let Kept { keys: kept, about_the_path } =
            self.keep_replies(&round.batch, SEND, &replies).await?;
        if !about_the_path.is_empty() {
            round
                .stop
                .put(Waits::for_somebody(path_must_be_right("what send_path names").sentence));
        }
        let (mut unsent, mut silent, mut stopped) = (Vec::new(), Vec::new(), None);
        for (line, reply) in &replies {
            let not_sent = match reply {
                Reply::NotSent(reason) => Some(reason.sentence.clone()),
                // It says nothing of the payment, and carried out nothing: the path is not there.
                _ if about_the_path.contains(&line.key) => Some(wrong_path().sentence),
                _ => None,
            };
            match not_sent {
                Some(why) => {
                    unsent.push(line.number);
                    stopped = stopped
                        .or_else(|| round.stop.why().cloned())
                        .or_else(|| Some(Waits::for_somebody(why)));
                    // It left before, and of that nothing was learnt.
                    if again.iter().any(|one| (one.payable, one.attempt) == line.key) {
                        silent.push(line.clone());
                    }
                }
                None if kept.contains(&line.key) => {}
                None => silent.push(line.clone()),
            }
        }
        round.sent += window.lines.len() - unsent.len();
        window.unsent = unsent.into_iter().collect();
        window.outcome = WindowOutcome::Ended;
        self.end_window(round.lease, &round.batch, &window, &silent).await?;
        round.covered.add(&window);
        self.apply_waiting().await?;
        let lines: Vec<Line> = replies.into_iter().map(|(line, _)| line).collect();
        let states = self.states(&round.batch, &lines).await?;
        let rejected = states.values().filter(|one| one.state == InstructionState::Rejected);
        round.rejected += rejected.count() as i64;
        // The breaker looks whenever enough more has failed, and not later than after another window.
        let terms = &self.provider(&round.batch.provider)?.on(self.clock.today()).leaving;
        let count_min = terms.breaker.map_or(i64::MAX, |breaker| breaker.count_min);
        if round.rejected - round.looked_at >= count_min {
            round.looked_at = round.rejected;
            self.watch_failures().await?;
        }
        Ok(stopped)
    }

    /// Payments that go again are on their way, and no longer for officers to decide: who has proposed
    /// what became of them did not know of this.
    async fn sent_again(
        &self,
        cycle: &Cycle,
        again: &[Instruction],
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        if again.is_empty() {
            return Ok(());
        }
        changes.cycle_stays(cycle.number, false);
        let mut moves = Vec::new();
        for one in again {
            let to = one.state.apply(InstructionEvent::SentAgain)?;
            moves.push(InstructionMove::of(one, to));
        }
        changes.instructions_moved(&moves);
        let sent = PayableEvent::SentAgain;
        changes.payables_moved(&self.with_orders(again, PayableState::Unknown, sent).await?);
        let mut proposed = self.fates_by_key(cycle).await?;
        let moot: Vec<_> =
            again.iter().filter_map(|one| proposed.remove(&(one.payable, one.attempt))).collect();
        Ok(changes.fates_withdrawn(&moot)?)
    }

    /// Ends the windows that a process left open when it died: whatever of them no evidence names is unknown.
    async fn end_lost_windows(
        &self,
        lease: &Lease,
        batch: &Batch,
        partner: &Arc<dyn OneByOne>,
    ) -> Result<(), EngineError> {
        let mut open = self.store.send_windows(batch).await?;
        open.retain(|one| one.outcome == WindowOutcome::Started);
        if open.is_empty() {
            return Ok(());
        }
        let mut lost: Vec<Vec<Line>> = vec![Vec::new(); open.len()];
        let mut pages = self.pages(batch, partner.clone(), window_lines(&partner.terms()))?;
        while let Some(lines) = pages.recv().await {
            for line in lines? {
                for (window, lost) in open.iter().zip(&mut lost) {
                    if window.lines.contains(line.number) {
                        lost.push(line.clone());
                    }
                }
            }
        }
        for (window, lost) in open.into_iter().zip(lost) {
            let window = SendWindow { outcome: WindowOutcome::Lost, ..window };
            self.end_window(lease, batch, &window, &lost).await?;
        }
        Ok(())
    }

    /// Commits the end of a window, and with it that payments without an answer are unknown.
    async fn end_window(
        &self,
        lease: &Lease,
        batch: &Batch,
        window: &SendWindow,
        silent: &[Line],
    ) -> Result<(), EngineError> {
        let (event, why) = match window.outcome {
            WindowOutcome::Lost => ("window_lost", "the process died while it was sent"),
            _ => ("window_ended", "no answer to the request"),
        };
        let mut tried = 0;
        loop {
            let states: BTreeMap<Key, Instruction> = self.states(batch, silent).await?;
            let lost: Vec<Instruction> =
                states.into_values().filter(|one| one.state == InstructionState::InBatch).collect();
            let mut root = BatchRootBuilder::new();
            let mut changes = Changes::new();
            changes.window_ended(
                batch,
                window.number,
                window.outcome,
                &window.unsent,
                &self.stamp(),
            );
            self.lost(&lost, why, &mut root, &mut changes).await?;
            let root = root.finish();
            changes.event(
                Leaf::of(event, &self.stamp())
                    .number("cycle", batch.cycle.0)
                    .number("batch", batch.number.0)
                    .number("window", window.number)
                    .number("unsent", window.unsent.len() as i64)
                    .digest("unsent_lines", &Digest::of(window.unsent.to_string().as_bytes()))
                    .number("unknown", root.count as i64)
                    .digest("root", &root.root)
                    .build()?
                    .as_bytes()
                    .to_vec(),
            );
            tried += 1;
            match self.commit_under(lease, changes).await {
                Err(EngineError::Store(StoreError::Conflict { .. })) if tried < ENDINGS_MAX => {}
                done => return done,
            }
        }
    }

    /// How many payments of batches to a partner that are still leaving one by one may have left.
    pub(super) async fn left_one_by_one(
        &self,
        cycle: CycleNo,
        provider: &str,
    ) -> Result<i64, EngineError> {
        let of_cycle = self.store.batches_one_by_one(cycle).await?;
        if of_cycle.is_empty() {
            return Ok(0);
        }
        let mut left = 0;
        for batch in self.store.batches(cycle).await? {
            if batch.provider == provider
                && batch.state == BatchState::Sending
                && of_cycle.contains(&batch.number)
            {
                left += Covered::of(&batch, &self.store.send_windows(&batch).await?).left();
            }
        }
        Ok(left)
    }
}
