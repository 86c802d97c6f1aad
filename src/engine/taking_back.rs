//! Taking back what has not left: a list that waits to be released, or a released file that is proved
//! not to have been sent.
//!
//! Reads: the list or file, every attempt of its payables, and the officer's key.
//! Gives: cancelled orders, and payables that are what they were, or rejected with a code of ours, so
//! that they can be ordered again. What may have left is never taken back: only evidence ends that.

use std::collections::{BTreeMap, HashMap};

use crate::audit::batch_root::{BatchRoot, BatchRootBuilder};
use crate::audit::leaf::Leaf;
use crate::channels::QueryOutcome;
use crate::domain::batch::{Batch, BatchEvent, BatchState};
use crate::domain::cycle::{Cycle, CycleEvent, CycleState};
use crate::domain::exception::Subject;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{AttemptNo, ListNo, PayableNo, Shard};
use crate::domain::instruction::{
    Evidence, Instruction, InstructionEvent, InstructionState, LIST_CANCELLED, STOPPED, WITHDRAWN,
};
use crate::domain::list::{ListEvent, ListState};
use crate::domain::outcome::ReasonClass;
use crate::domain::payable::{Payable, PayableEvent};
use crate::domain::signature::OfficerKey;
use crate::domain::state::Named;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::store::answers::Contradicted;
use crate::store::instructions::InstructionMove;
use crate::store::leaving::Moved;
use crate::store::payables::PayableMove;
use crate::store::{Changes, StoreError, rule_told};

/// What was taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenBack {
    pub files: Vec<String>,
    pub count: i64,
    pub total_minor: i128,
    /// How many payments of the file have left and stay what they are.
    pub left: i64,
}

/// Why orders are taken back, which says what their payables become.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// The payables are what they were before they were ordered; those of the month that only moved to
    /// the list are rejected, as when their first file is withdrawn.
    ListCancelled,
    /// The payables are rejected, and may be ordered again the same way.
    Withdrawn,
    /// The payables are held, because officers have stopped them.
    Stopped,
}

impl Engine {
    /// Gives up a list that waits to be released: its files are withdrawn, its orders cancelled, and
    /// its payables are again held, rejected or returned as they were; payments of the month that were moved
    /// to it are rejected with a code of ours. Whoever was proved paid by an earlier order meanwhile is paid.
    ///
    /// # Errors
    /// D120 for the list of the month, D121 when it is released, D122 when there is no such list, D123
    /// when an answer speaks of one of its payments, D128 when the books have moved on.
    pub async fn list_cancel(
        &self,
        cycle: &Cycle,
        number: ListNo,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<TakenBack, EngineError> {
        let by = self.acting(officer, key, Doing::TakeBack).await?;
        if number.0 == 0 {
            return Err(EngineError::refused(
                "D120",
                format!(
                    "list 0 is the month itself; it is given up with: chitra cycle cancel {} --reason TEXT --as OFFICER",
                    cycle.label()
                ),
            ));
        }
        let lists = self.store.lists(cycle.number).await?;
        let list = lists.into_iter().find(|list| list.number == number);
        if let Some(list) = &list
            && matches!(list.state, ListState::Released | ListState::Cancelled)
        {
            return Err(EngineError::refused(
                "D121",
                format!(
                    "list {number} is {}; only a list that waits to be released is given up. A released file that was \
                     not sent is taken back by itself: chitra withdraw {} FILE --as OFFICER",
                    list.state,
                    cycle.label()
                ),
            ));
        }
        let batches = self.store.batches(cycle.number).await?;
        let files: Vec<&Batch> = batches
            .iter()
            .filter(|one| one.list == number && one.state == BatchState::Created)
            .collect();
        // A list that was begun and never sealed has files, and no row of its own.
        if list.is_none() && files.is_empty() {
            return Err(EngineError::refused(
                "D122",
                format!(
                    "cycle {} has no list {number}; see: chitra cycle status {}",
                    cycle.label(),
                    cycle.label()
                ),
            ));
        }
        for file in &files {
            let contradicted = self.store.contradicted(cycle.number, Some(file.number)).await?;
            if !contradicted.is_nothing() {
                return Err(answers_speak_of(contradicted));
            }
        }
        let mut orders = Vec::new();
        for shards in Shard::groups() {
            orders.extend(self.store.instructions_of_list(cycle.number, number, &shards).await?);
        }
        let mut changes = Changes::new();
        let root = self.take_back(cycle, &orders, &Why::ListCancelled, &mut changes).await?;
        for batch in &files {
            changes.batch_moved(batch, batch.state.apply(BatchEvent::Withdrawn)?);
        }
        if let Some(list) = &list {
            changes.list_moved(list, list.state.apply(ListEvent::Cancelled)?);
        }
        changes.payouts_dropped(cycle.number, number);
        changes.event(
            by.leaf(
                Leaf::of("list_cancelled", &self.stamp())
                    .number("cycle", cycle.number.0)
                    .number("list", number.0)
                    .number("count", root.count as i64)
                    .digest("root", &root.root),
            )?,
        );
        self.settles_without(cycle, &batches, &files, &mut changes)?;
        self.commit_taken_back(changes).await?;
        Ok(taken_back(&files, &orders))
    }

    /// Takes back a released file that is proved not to have left: its orders are cancelled, and its
    /// payables are rejected with a code of ours. Of a file that leaves payment by payment, what has not
    /// left is taken back.
    ///
    /// # Errors
    /// D123 when an answer speaks of one of its payments, D124 when the cycle has no such file, D125
    /// when it is not released, D126 when it may be at the partner, D128 when the books have moved on, D167
    /// when the rest of a file cannot be taken back now.
    pub async fn withdraw(
        &self,
        cycle: &Cycle,
        file_name: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<TakenBack, EngineError> {
        let by = self.acting(officer, key, Doing::TakeBack).await?;
        let batches = self.store.batches(cycle.number).await?;
        if let Some(batch) = self.half_sent(&batches, file_name).await? {
            return self.withdraw_rest(cycle, batch, &by).await;
        }
        let batch = self.not_sent(cycle, &batches, file_name).await?;
        let orders = self.store.orders_of_file(batch).await?;
        let mut changes = Changes::new();
        let root = self.take_back(cycle, &orders, &Why::Withdrawn, &mut changes).await?;
        changes.batch_moved(batch, batch.state.apply(BatchEvent::Withdrawn)?);
        changes.event(
            by.leaf(
                Leaf::of("file_withdrawn", &self.stamp())
                    .number("cycle", cycle.number.0)
                    .number("batch", batch.number.0)
                    .number("count", root.count as i64)
                    .digest("root", &root.root),
            )?,
        );
        self.settles_without(cycle, &batches, &[batch], &mut changes)?;
        self.commit_taken_back(changes).await?;
        Ok(taken_back(&[batch], &orders))
    }

    /// A released file of a cycle, with proof that it has not left: it was never tried, or the last
    /// attempt is proved not to have left and the partner, asked again, has nothing to say against it.
    pub(super) async fn not_sent<'a>(
        &self,
        cycle: &Cycle,
        batches: &'a [Batch],
        file_name: &str,
    ) -> Result<&'a Batch, EngineError> {
        let label = cycle.label();
        let batch = batches
            .iter()
            .find(|one| one.file_name == file_name)
            .ok_or_else(|| no_such_file(&label, file_name))?;
        let why = match batch.state {
            BatchState::Released => None,
            BatchState::Created => Some(match batch.list.0 {
                0 => format!(
                    "its list is not released: chitra cycle cancel {label} --reason TEXT --as OFFICER"
                ),
                list => format!(
                    "its list is not released: chitra list cancel {label} --list {list} --as OFFICER"
                ),
            }),
            BatchState::Sending | BatchState::Unknown => Some(format!(
                "it may have left; the partner is asked with: chitra dispatch {label}"
            )),
            BatchState::Delivered => Some(format!(
                "the partner has it; what of it must not be paid is asked back: chitra recall propose {label} PERSON \
                 --reason-code CUST --reason TEXT --as OFFICER, or all of it: --file {file_name}"
            )),
            BatchState::Refused | BatchState::Withdrawn => {
                let moved = self.store.moved(cycle.number).await?;
                Some(nothing_live(batch, batches, &moved, &label))
            }
        };
        if let Some(why) = why {
            return Err(EngineError::refused(
                "D125",
                format!("{file_name} is {} and cannot be taken back: {why}", batch.state),
            ));
        }
        let contradicted = self.store.contradicted(batch.cycle, Some(batch.number)).await?;
        if !contradicted.is_nothing() {
            return Err(answers_speak_of(contradicted));
        }
        let deliveries = self.store.deliveries(batch.cycle).await?;
        if deliveries.iter().any(|one| one.batch == batch.number) {
            let channel = self.channel(batch)?;
            let why = match self.ask(batch, channel).await? {
                QueryOutcome::NotThere => None,
                QueryOutcome::Held { .. } => Some("it is at the partner".to_owned()),
                QueryOutcome::DifferentBytes { .. } => {
                    Some("a file of this name with other bytes is at the partner".to_owned())
                }
                QueryOutcome::Unavailable(reason) => Some(reason.sentence),
            };
            if let Some(why) = why {
                return Err(EngineError::refused(
                    "D126",
                    format!(
                        "{file_name} was tried before, and is not proved not to have left: {why}. \
                         The partner is asked with: chitra dispatch {label}"
                    ),
                ));
            }
        }
        Ok(batch)
    }

    /// Cancels orders of which nothing has left, and moves their payables. Gives a Merkle root over
    /// what moved.
    pub(super) async fn take_back(
        &self,
        cycle: &Cycle,
        orders: &[Instruction],
        why: &Why,
        changes: &mut Changes,
    ) -> Result<BatchRoot, EngineError> {
        must_be_untouched(orders)?;
        let numbers: Vec<PayableNo> = orders.iter().map(|one| one.payable).collect();
        let payables: HashMap<PayableNo, Payable> = self
            .store
            .payables_of(&numbers)
            .await?
            .into_iter()
            .map(|payable| (payable.number, payable))
            .collect();
        let mut attempts: BTreeMap<PayableNo, Vec<Instruction>> = BTreeMap::new();
        for one in self.store.instructions_of(&numbers).await? {
            attempts.entry(one.payable).or_default().push(one);
        }
        let held = self.codes_of_held(cycle, &numbers).await?;
        let mut moves = Vec::new();
        let mut payable_moves = Vec::new();
        let mut root = BatchRootBuilder::new();
        for order in orders {
            let missing = || {
                EngineError::Inconsistent(format!("payable {} is ordered and gone", order.payable))
            };
            let payable = payables.get(&order.payable).ok_or_else(missing)?;
            let of_payable = attempts.get(&order.payable).ok_or_else(missing)?;
            let to = order.state.apply(InstructionEvent::Cancelled)?;
            root.push(format!("{} {} {to}", self.reference(order), order.state).as_bytes());
            let earlier = of_payable
                .iter()
                .filter(|one| one.attempt < order.attempt && !one.is_given_up())
                .max_by_key(|one| one.attempt);
            // Ordered with the month and moved here since, it was nothing before: it is taken back as its
            // first file would be.
            let was_nothing_before = earlier.is_none() && !held.contains_key(&order.payable);
            let why = match why {
                Why::ListCancelled if was_nothing_before => &Why::Withdrawn,
                why => why,
            };
            let (reason, class) = match why {
                Why::ListCancelled => (LIST_CANCELLED, None),
                Why::Withdrawn => (WITHDRAWN, Some(ReasonClass::Retry)),
                Why::Stopped => (STOPPED, None),
            };
            moves.push(InstructionMove {
                evidence: Evidence {
                    reason: Some(reason.to_owned()),
                    reason_class: class.map(|class| class.name().to_owned()),
                    ..order.evidence.clone()
                },
                ..InstructionMove::of(order, to)
            });
            let excess = of_payable.iter().find(|one| {
                one.attempt != order.attempt && one.state == InstructionState::SettledExcess
            });
            let reason_of = |one: &Instruction| {
                one.evidence.reason.clone().unwrap_or_else(|| "no reason given".to_owned())
            };
            let (event, code, batch) = match (excess, why, earlier) {
                // Proved paid while this one waited: now it is the payment, and no excess.
                (Some(paid), _, _) => {
                    let to = paid.state.apply(InstructionEvent::StandsAlone)?;
                    root.push(format!("{} {} {to}", self.reference(paid), paid.state).as_bytes());
                    moves.push(InstructionMove::of(paid, to));
                    changes.excess_void(paid.payable, paid.attempt);
                    (PayableEvent::Settled, String::new(), Some(paid.batch))
                }
                (None, Why::Withdrawn, _) => {
                    (PayableEvent::Rejected, WITHDRAWN.to_owned(), Some(order.batch))
                }
                (None, Why::Stopped, _) => {
                    (PayableEvent::HeldAgain, HoldCode::ReportedByOfficer.text().to_owned(), None)
                }
                (None, Why::ListCancelled, None) => {
                    let code = held.get(&order.payable).ok_or_else(|| {
                        EngineError::Inconsistent(format!(
                            "payable {} was ordered for the first time, and nothing says what it was before",
                            order.payable
                        ))
                    })?;
                    (PayableEvent::HeldAgain, code.clone(), None)
                }
                (None, Why::ListCancelled, Some(one)) => match one.state {
                    InstructionState::Returned | InstructionState::ExcessReturned => {
                        (PayableEvent::Returned, reason_of(one), Some(one.batch))
                    }
                    _ => (PayableEvent::Rejected, reason_of(one), Some(one.batch)),
                },
            };
            let to = payable.state.apply(event)?;
            payable_moves.push(PayableMove { code, batch, ..PayableMove::of(payable, to) });
        }
        changes.cycle_stays(cycle.number, cycle.state == CycleState::Closed);
        changes.instructions_moved(&moves);
        changes.payables_moved(&payable_moves);
        Ok(root.finish())
    }

    /// The codes of payables that were held when the month was assembled.
    async fn codes_of_held(
        &self,
        cycle: &Cycle,
        numbers: &[PayableNo],
    ) -> Result<HashMap<PayableNo, String>, EngineError> {
        let mut codes = HashMap::new();
        let mut shards: Vec<Shard> = numbers.iter().map(|number| number.shard()).collect();
        shards.sort_unstable();
        shards.dedup();
        for shard in shards {
            for one in self.store.exceptions(cycle.number, shard).await? {
                if let (Subject::Payable, Some(payable)) = (one.subject, one.payable) {
                    // The first is what the payable itself says; a doubt beside it comes after.
                    codes.entry(payable).or_insert(one.code);
                }
            }
        }
        Ok(codes)
    }

    /// A released cycle of which nothing is left to be sent settles, as one without files does.
    pub(super) fn settles_without(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
        taken: &[&Batch],
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        let left = |one: &&Batch| one.state.is_open() && !taken.iter().any(|two| two == one);
        if cycle.state == CycleState::Released && !batches.iter().any(|one| left(&one)) {
            let next = cycle.state.apply(CycleEvent::Dispatched)?;
            changes.cycle_moved(cycle.number, cycle.state, next);
        }
        Ok(())
    }

    pub(super) async fn commit_taken_back(&self, changes: Changes) -> Result<(), EngineError> {
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { rule }) => Err(EngineError::refused(
                "D128",
                format!(
                    "it cannot be taken back as it was read ({}); nothing was changed. Look at it again: \
                     chitra cycle status CYCLE",
                    rule_told(&rule)
                ),
            )),
            done => Ok(done?),
        }
    }
}

/// Where the payments of a file are that is withdrawn or refused, and what is done for them.
fn nothing_live(batch: &Batch, batches: &[Batch], moved: &[Moved], label: &str) -> String {
    let mut files = vec![batch];
    let mut last = Vec::new();
    // Each move is into a file with a higher number, so that this ends.
    while let Some(file) = files.pop() {
        let to = moved.iter().filter(|one| one.from == file.number);
        let to: Vec<&Batch> =
            to.filter_map(|one| batches.iter().find(|batch| batch.number == one.to)).collect();
        match to.is_empty() {
            true => last.push(file),
            false => files.extend(to),
        }
    }
    let live =
        last.iter().find(|one| !matches!(one.state, BatchState::Refused | BatchState::Withdrawn));
    match live {
        Some(file) => format!(
            "its payments moved to {} of list {}, which is {}: that file is named instead, or see: chitra cycle status {label}",
            file.file_name, file.list, file.state
        ),
        None => format!(
            "nothing of it is live; what of its payments may be ordered again is, with: chitra reissue {label}"
        ),
    }
}

/// What an answer has spoken of may have left, whatever we believe.
pub(super) fn must_be_untouched(orders: &[Instruction]) -> Result<(), EngineError> {
    let is_told = |one: &&Instruction| {
        one.state != InstructionState::InBatch || one.evidence.debited_on.is_some()
    };
    let told = orders.iter().filter(is_told).count();
    if told == 0 {
        return Ok(());
    }
    Err(answers_speak_of(Contradicted { payments: told as i64, ..Contradicted::default() }))
}

pub(super) fn answers_speak_of(told: Contradicted) -> EngineError {
    let Contradicted { payments, files, .. } = told;
    let of_what = match (payments, files) {
        (_, 0) => format!("{payments} of these payments"),
        (0, _) => format!("{files} of these files as a whole"),
        _ => format!("{payments} of these payments and {files} of these files as a whole"),
    };
    EngineError::refused(
        "D123",
        format!(
            "answers speak of {of_what}, so that they may have left; nothing is taken back before each is looked into and \
             resolved. See: chitra queue discrepancies"
        ),
    )
}

pub(super) fn taken_back(files: &[&Batch], orders: &[Instruction]) -> TakenBack {
    TakenBack {
        files: files.iter().map(|batch| batch.file_name.clone()).collect(),
        count: orders.len() as i64,
        total_minor: orders.iter().map(|one| i128::from(one.amount_minor)).sum(),
        left: 0,
    }
}

/// The attempt after the last one, whatever became of it: an id names one attempt for ever.
pub(super) fn next_attempt(attempts: &[Instruction]) -> Result<AttemptNo, EngineError> {
    match attempts.iter().map(|one| one.attempt).max() {
        Some(last) => Ok(last.next()?),
        None => Ok(AttemptNo::FIRST),
    }
}

/// A file that the cycle does not have.
pub(super) fn no_such_file(label: &str, file_name: &str) -> EngineError {
    EngineError::refused(
        "D124",
        format!("cycle {label} has no file {file_name}; see: chitra cycle status {label}"),
    )
}
