//! The stop annex: takes the payments of a person off a sealed list before their file leaves.
//!
//! Reads: the payments of a person in a cycle, their files, and the officers' keys.
//! Gives: at the word of one officer a file that waits; at the word of another the payments held, and
//! the others of the file, under the same end-to-end ids, in a new file that is approved anew. Nothing
//! is ever added. What may have left is not stopped: that is for a recall and for what comes back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchEvent, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::exception::{Exception, RowOutcome, Subject};
use crate::domain::hold::HoldCode;
use crate::domain::ids::{BatchNo, EndToEndId, PayableNo, PersonNo, Shard};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::list::PaymentList;
use crate::domain::signature::OfficerKey;
use crate::domain::stop::{Stop, StopEvent, StopState};
use crate::engine::acting::{Acting, Doing};
use crate::engine::send_windows::is_half_sent;
use crate::engine::taking_back::Why;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::registry::Counted;

/// One payment that is proposed to be stopped.
#[derive(Clone, Debug)]
pub struct Stopping {
    pub reference: EndToEndId,
    pub person: PersonNo,
    pub file_name: String,
    pub amount_minor: i64,
    pub by: String,
    pub at: String,
    pub reason: String,
}

/// What a proposal, a confirmation or a refusal was about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stopped {
    pub count: i64,
    pub total_minor: i64,
    /// The list that orders what else stood in the files, where anything did.
    pub list: Option<PaymentList>,
    /// Payments of the person that may have left, and are not stopped.
    pub left: i64,
}

impl Engine {
    /// What is proposed to be stopped in a cycle, in the order of the payments.
    pub async fn stops(&self, cycle: &Cycle) -> Result<Vec<Stopping>, EngineError> {
        let files = self.batches_by_number(cycle).await?;
        let proposed = self.store.stops_proposed(cycle.number).await?;
        let numbers: Vec<PayableNo> = proposed.iter().map(|stop| stop.payable).collect();
        let payables: HashMap<PayableNo, _> = self
            .store
            .payables_of(&numbers)
            .await?
            .into_iter()
            .map(|payable| (payable.number, payable))
            .collect();
        proposed
            .into_iter()
            .map(|stop| {
                let payable = payables.get(&stop.payable).ok_or_else(|| gone(stop.payable))?;
                Ok(Stopping {
                    reference: self.reference_of(&stop),
                    person: payable.beneficiary,
                    file_name: files
                        .get(&stop.batch)
                        .ok_or_else(|| no_file(stop.batch))?
                        .file_name
                        .clone(),
                    amount_minor: payable.amount_minor,
                    reason: self.keys.opened_reason(&reason_of(stop.number), &stop.reason)?,
                    by: stop.proposed_by,
                    at: stop.proposed_at,
                })
            })
            .collect()
    }

    /// One officer wants everything stopped that goes to a person, or is for them, and has not left.
    /// From now on the files in which it stands do not leave.
    ///
    /// # Errors
    /// D160 when the cycle is not sealed or is over, D161 when nothing of the person lies with us, D162
    /// when it is proposed already, D163 without a reason, D128 when it left meanwhile.
    pub async fn stop_propose(
        &self,
        cycle: &Cycle,
        person: PersonNo,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Stopped, EngineError> {
        let by = self.acting(officer, key, Doing::ProposeStop).await?;
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "D163",
                "a stop says on what it rests, such as who reported the death: --reason TEXT",
            ));
        }
        use CycleState as S;
        let way_out = match cycle.state {
            S::Open | S::Computed => Some(
                "its list is not sealed: take in a register or roster that says so, or end the enrolment",
            ),
            S::Closed | S::Cancelled => Some("nothing of it leaves any more"),
            S::Sealed | S::Submitted | S::Approved | S::Released | S::Settling => None,
        };
        if let Some(way_out) = way_out {
            return Err(EngineError::refused(
                "D160",
                format!("cycle {} is {}; {way_out}", cycle.label(), cycle.state),
            ));
        }
        let batches = self.batches_by_number(cycle).await?;
        let orders = self.live_orders(cycle, person).await?;
        let with_us = |one: &&Instruction| {
            one.state == InstructionState::InBatch
                && batches.get(&one.batch).is_some_and(|batch| {
                    matches!(batch.state, BatchState::Created | BatchState::Released)
                })
        };
        let (stopping, left): (Vec<&Instruction>, Vec<&Instruction>) =
            orders.iter().partition(with_us);
        if stopping.is_empty() {
            let known = self.store.payables_of_person(cycle.number, person).await?;
            let states: BTreeSet<String> = known.iter().map(|one| one.state.to_string()).collect();
            let one_by_one = self.store.batches_one_by_one(cycle.number).await?;
            let half_sent: Vec<&Batch> =
                batches.values().filter(|batch| is_half_sent(batch, &one_by_one)).collect();
            let (here, file) = self.still_here(&half_sent, &orders).await?;
            let sentence = match left.len() {
                0 if known.is_empty() => {
                    format!("there is no payment of this person in {}", cycle.label())
                }
                0 => format!(
                    "no payment of this person in {} waits to leave ({}); what became of each is told by: chitra \
                     explain PERSON --period {}",
                    cycle.label(),
                    states.into_iter().collect::<Vec<_>>().join(", "),
                    cycle.period
                ),
                _ if here > 0 => format!(
                    "{here} payments of this person in {label} have not left of {}, of which others have: what has not left \
                     of it is taken back as a whole with chitra withdraw {label} {} --as OFFICER, ordered again without this \
                     person's by chitra reissue {label} and a stop on that list",
                    file.as_deref().unwrap_or_default(),
                    file.as_deref().unwrap_or_default(),
                    label = cycle.label()
                ),
                count => format!(
                    "{count} payments of this person in {} may have left: ask for them back with: chitra recall propose \
                     {} PERSON --reason-code CUST --reason TEXT --as OFFICER; what was paid for months after a death is \
                     found by the next computation (chitra queue receivables)",
                    cycle.label(),
                    cycle.label()
                ),
            };
            return Err(EngineError::refused("D161", sentence));
        }
        let mut proposed = self.store.stops_proposed(cycle.number).await?;
        proposed.retain(|stop| stopping.iter().any(|one| one.payable == stop.payable));
        // What somebody proposed who signs no more is void, and this takes its place: the file stays meanwhile.
        let (mut void, mut waiting) = (Vec::new(), Vec::new());
        for stop in proposed {
            match self.signs_still(&stop.proposed_by).await? {
                true => waiting.push(stop),
                false => void.push(stop),
            }
        }
        if let Some(stop) = waiting.first() {
            return Err(EngineError::refused(
                "D162",
                format!(
                    "`{}` has proposed it; another officer confirms it: chitra stop confirm {} PERSON --as APPROVER",
                    stop.proposed_by,
                    cycle.label()
                ),
            ));
        }
        let (number, at) = (self.store.next_number(Counted::Stop).await?, self.stamp());
        let sealed = self.keys.reason(&reason_of(number), reason);
        let stops: Vec<Stop> = stopping
            .iter()
            .map(|one| Stop {
                number,
                cycle: cycle.number,
                payable: one.payable,
                attempt: one.attempt,
                batch: one.batch,
                reason: sealed.clone(),
                state: StopState::Proposed,
                proposed_by: by.officer.name.clone(),
                proposed_at: at.clone(),
            })
            .collect();
        let mut changes = Changes::new();
        for batch in files_of(&stops, &batches)? {
            changes.must_not_have_left(batch);
        }
        if !void.is_empty() {
            for stop in &void {
                let to = stop.state.apply(StopEvent::Refused)?;
                changes.stop_ended(stop, to, &by.officer.name, &at);
            }
            changes.event(self.stop_leaf("stop_refused", cycle, &void, &at, &by)?);
        }
        changes.stops_proposed(&stops);
        changes.event(self.stop_leaf("stop_proposed", cycle, &stops, &at, &by)?);
        self.commit_taken_back(changes).await?;
        let total_minor = stopping.iter().map(|one| one.amount_minor).sum();
        Ok(Stopped { count: stops.len() as i64, total_minor, list: None, left: left.len() as i64 })
    }

    /// Another officer confirms a stop: the payments are held with H160, and what else stands in their
    /// files moves into new ones on a list that is approved anew.
    ///
    /// # Errors
    /// D164 when nothing is proposed, A120 when who proposed it signs no more, D165 when it is the officer who proposed it, D166 when a list
    /// waits to be released, D168 when a payment was taken back meanwhile, and those of taking a file back.
    pub async fn stop_confirm(
        &self,
        cycle: &Cycle,
        person: PersonNo,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Stopped, EngineError> {
        let by = self.acting(officer, key, Doing::DecideStop).await?;
        self.finish_begun(cycle).await?;
        let stops = self.stops_of(cycle, person, &by).await?;
        let batches = self.store.batches(cycle.number).await?;
        let list = self.next_list(cycle).await?;
        let mut last = batches.iter().map(|batch| batch.number.0).max().unwrap_or(0);
        let at = self.stamp();
        let mut changes = Changes::new();
        let anew =
            format!("chitra stop propose {} PERSON --reason TEXT --as OFFICER", cycle.label());
        for one in stops.iter().map(|stop| stop.proposed_by.as_str()).collect::<BTreeSet<_>>() {
            self.second_of_two(one, &anew, &mut changes).await?;
        }
        let stopped: BTreeSet<PayableNo> = stops.iter().map(|stop| stop.payable).collect();
        self.must_wait_in_files(cycle, &stops).await?;
        let mut taken = Vec::new();
        let mut whole = Vec::new();
        let mut moving = Vec::new();
        for file in stops.iter().map(|stop| stop.batch).collect::<BTreeSet<_>>() {
            let batch = batches.iter().find(|one| one.number == file);
            let batch = batch.ok_or_else(|| no_file(file))?;
            if batch.state == BatchState::Created {
                return Err(EngineError::refused(
                    "D166",
                    format!(
                        "the list of {} is not released; release it, and confirm then: the file does not leave meanwhile: \
                         chitra release {} --list {} --as APPROVER",
                        batch.file_name,
                        cycle.label(),
                        batch.list
                    ),
                ));
            }
            let old = self.not_sent(cycle, &batches, &batch.file_name).await?;
            let (off, stay): (Vec<_>, Vec<_>) = self
                .store
                .orders_of_file(old)
                .await?
                .into_iter()
                .partition(|one| stopped.contains(&one.payable));
            taken.extend(off);
            if stay.is_empty() {
                changes.batch_moved(old, old.state.apply(BatchEvent::Withdrawn)?);
                whole.push(old);
                continue;
            }
            last += 1;
            let new = self.moved_file(cycle, old, list, BatchNo(last), &stay)?;
            moving.push((old, Batch { value_date: old.value_date, ..new }, stay));
        }
        self.take_back(cycle, &taken, &Why::Stopped, &mut changes).await?;
        let exceptions = self.stopped_exceptions(cycle, &taken).await?;
        changes.exceptions(cycle.number, exceptions);
        for stop in &stops {
            let to = stop.state.apply(StopEvent::Confirmed)?;
            changes.stop_ended(stop, to, &by.officer.name, &at);
        }
        changes.event(self.stop_leaf("stop_confirmed", cycle, &stops, &at, &by)?);
        let has_moved = !moving.is_empty();
        if has_moved {
            self.move_orders(cycle, list, moving, &mut changes).await?;
        } else {
            self.settles_without(cycle, &batches, &whole, &mut changes)?;
        }
        self.commit_taken_back(changes).await?;
        let list = match has_moved {
            true => Some(self.seal_release_list(cycle, list).await?),
            false => None,
        };
        let total_minor = taken.iter().map(|one| one.amount_minor).sum();
        Ok(Stopped { count: taken.len() as i64, total_minor, list, left: 0 })
    }

    /// What was taken back meanwhile and is not ordered again stands in no file from which it could be taken; when
    /// it is ordered again, its new file waits for the stop.
    async fn must_wait_in_files(&self, cycle: &Cycle, stops: &[Stop]) -> Result<(), EngineError> {
        let numbers: Vec<PayableNo> = stops.iter().map(|stop| stop.payable).collect();
        let mut orders = self.store.instructions_of(&numbers).await?;
        orders.retain(|one| one.state == InstructionState::InBatch);
        let waits = |stop: &Stop| orders.iter().any(|order| order.payable == stop.payable);
        match stops.iter().find(|stop| !waits(stop)) {
            None => Ok(()),
            Some(stop) => Err(EngineError::refused(
                "D168",
                format!(
                    "{} was taken back and waits in no file; confirm when it is ordered again, its file does not leave \
                     before, or refuse the stop: chitra stop refuse {} PERSON --as APPROVER",
                    self.reference_of(stop),
                    cycle.label()
                ),
            )),
        }
    }

    /// Another officer refuses a stop: the files may leave as they are.
    ///
    /// # Errors
    /// As for a confirmation, of which it is the contrary.
    pub async fn stop_refuse(
        &self,
        cycle: &Cycle,
        person: PersonNo,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Stopped, EngineError> {
        let by = self.acting(officer, key, Doing::DecideStop).await?;
        let stops = self.stops_of(cycle, person, &by).await?;
        let numbers: Vec<PayableNo> = stops.iter().map(|stop| stop.payable).collect();
        let payables = self.store.payables_of(&numbers).await?;
        let at = self.stamp();
        let mut changes = Changes::new();
        for stop in &stops {
            changes.stop_ended(stop, stop.state.apply(StopEvent::Refused)?, &by.officer.name, &at);
        }
        changes.event(self.stop_leaf("stop_refused", cycle, &stops, &at, &by)?);
        self.commit_taken_back(changes).await?;
        let total_minor = payables.iter().map(|one| one.amount_minor).sum();
        Ok(Stopped { count: stops.len() as i64, total_minor, list: None, left: 0 })
    }

    /// What is proposed for a person, by another than the officer who decides.
    async fn stops_of(
        &self,
        cycle: &Cycle,
        person: PersonNo,
        by: &Acting<'_>,
    ) -> Result<Vec<Stop>, EngineError> {
        let of_person: BTreeSet<PayableNo> = self
            .store
            .payables_of_person(cycle.number, person)
            .await?
            .into_iter()
            .map(|payable| payable.number)
            .collect();
        let mut stops = self.store.stops_proposed(cycle.number).await?;
        stops.retain(|stop| of_person.contains(&stop.payable));
        if stops.is_empty() {
            return Err(EngineError::refused(
                "D164",
                format!(
                    "no stop is proposed for this person; see: chitra stop list {}",
                    cycle.label()
                ),
            ));
        }
        if stops.iter().any(|stop| stop.proposed_by == by.officer.name) {
            return Err(EngineError::refused(
                "D165",
                format!(
                    "`{}` has proposed it, and a payment is taken off a sealed list by two persons; another officer confirms \
                     it: chitra stop confirm {} PERSON --as APPROVER",
                    by.officer.name,
                    cycle.label()
                ),
            ));
        }
        Ok(stops)
    }

    /// The live orders of everything that goes to a person or is for them.
    async fn live_orders(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Vec<Instruction>, EngineError> {
        let payables = self.store.payables_of_person(cycle.number, person).await?;
        let numbers: Vec<PayableNo> = payables.iter().map(|payable| payable.number).collect();
        let mut orders = self.store.instructions_of(&numbers).await?;
        orders.retain(|one| {
            matches!(one.state, InstructionState::InBatch | InstructionState::Unknown)
        });
        Ok(orders)
    }

    /// Why payments are held that stood on a sealed list; what was proved paid meanwhile is not.
    async fn stopped_exceptions(
        &self,
        cycle: &Cycle,
        taken: &[Instruction],
    ) -> Result<Vec<Exception>, EngineError> {
        let numbers: Vec<PayableNo> = taken.iter().map(|one| one.payable).collect();
        let paid: BTreeSet<PayableNo> = self
            .store
            .instructions_of(&numbers)
            .await?
            .into_iter()
            .filter(|one| one.state == InstructionState::SettledExcess)
            .map(|one| one.payable)
            .collect();
        let mut last: BTreeMap<Shard, i64> = BTreeMap::new();
        let mut found = Vec::new();
        for payable in self.store.payables_of(&numbers).await? {
            if paid.contains(&payable.number) {
                continue;
            }
            let shard = payable.number.shard();
            if let std::collections::btree_map::Entry::Vacant(free) = last.entry(shard) {
                let known = self.store.exceptions(cycle.number, shard).await?;
                free.insert(known.iter().map(|one| one.number).max().unwrap_or(0));
            }
            let number = last.entry(shard).or_default();
            *number += 1;
            found.push(Exception {
                shard,
                number: *number,
                subject: Subject::Payable,
                outcome: RowOutcome::Held,
                code: HoldCode::ReportedByOfficer.text().to_owned(),
                person: payable.beneficiary,
                enrolment: None,
                payable: Some(payable.number),
                source_line: None,
                detail: "taken off the sealed list by two officers before it left".to_owned(),
            });
        }
        Ok(found)
    }

    async fn batches_by_number(
        &self,
        cycle: &Cycle,
    ) -> Result<BTreeMap<BatchNo, Batch>, EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        Ok(batches.into_iter().map(|batch| (batch.number, batch)).collect())
    }

    fn stop_leaf(
        &self,
        event: &str,
        cycle: &Cycle,
        stops: &[Stop],
        at: &str,
        by: &Acting<'_>,
    ) -> Result<Vec<u8>, EngineError> {
        let references: Vec<String> =
            stops.iter().map(|stop| self.reference_of(stop).to_string()).collect();
        let mut leaf = Leaf::of(event, at)
            .number("cycle", cycle.number.0)
            .number("count", stops.len() as i64)
            .texts("references", &references);
        if let Some(stop) = stops.first() {
            leaf = leaf.number("stop", stop.number).digest("reason", &Digest::of(&stop.reason));
        }
        by.leaf(leaf)
    }

    fn reference_of(&self, stop: &Stop) -> EndToEndId {
        EndToEndId::derive(&self.config.prefix, stop.payable, stop.attempt)
    }
}

fn files_of<'a>(
    stops: &[Stop],
    batches: &'a BTreeMap<BatchNo, Batch>,
) -> Result<Vec<&'a Batch>, EngineError> {
    let numbers: BTreeSet<BatchNo> = stops.iter().map(|stop| stop.batch).collect();
    numbers.iter().map(|number| batches.get(number).ok_or_else(|| no_file(*number))).collect()
}

fn no_file(number: BatchNo) -> EngineError {
    EngineError::Inconsistent(format!("file {} of a stopped payment is missing", number.0))
}

fn gone(number: PayableNo) -> EngineError {
    EngineError::Inconsistent(format!("payable {number} is to be stopped and gone"))
}

fn reason_of(number: i64) -> String {
    format!("stop {number}")
}
