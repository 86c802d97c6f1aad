//! Asks back payments that have left and must not be paid: the payee has died, the account was wrong, it was
//! ordered twice.
//!
//! Reads: orders that have left, the terms with their partner, and the officers' keys.
//! Gives: at the word of two officers a file for the partner, or the record of a letter; and what is not over
//! yet. No order and no payable moves here: the money is back when a return says so.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Span;
use jiff::civil::Date;

use crate::audit::leaf::{Leaf, LeafBuilder};
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::ids::{AttemptNo, BatchNo, EndToEndId, PayableNo, PersonNo, Shard};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::period::parse_date;
use crate::domain::recall::{REASON_CODES, Recall, RecallEvent, RecallFile, RecallState};
use crate::domain::signature::OfficerKey;
use crate::engine::acting::{Acting, Doing};
use crate::engine::{Engine, EngineError};
use crate::store::registry::Counted;
use crate::store::{Changes, StoreError};

mod file;
mod whole_file;

/// What is asked back: one payment, everything that went to a person or was for them, or everything of one file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    Payment(PayableNo, AttemptNo),
    Person(PersonNo),
    File(BatchNo),
}

/// Why something is asked back, as an officer says it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// ISO 20022 external cancellation reason.
    pub code: &'a str,
    /// For people; it is sealed.
    pub reason: &'a str,
    /// By other means than a file.
    pub by_letter: bool,
}

/// What is asked back, or came back so, of one shard: money that is not simply ordered again.
#[derive(Default)]
pub(super) struct Recalled {
    live: HashSet<PayableNo>,
    over: HashSet<(PayableNo, AttemptNo)>,
    given_up: HashSet<(PayableNo, AttemptNo)>,
}

impl Recalled {
    /// Whether something is still to come of a recall of one of its orders.
    pub(super) fn is_asked_back(&self, payable: PayableNo) -> bool {
        self.live.contains(&payable)
    }

    /// Whether an order ended after two officers had asked it back.
    pub(super) fn came_back(&self, order: &Instruction) -> bool {
        let key = (order.payable, order.attempt);
        // What one officer expected nothing more of, and that came back all the same, two had asked for.
        let is_back = order.state == InstructionState::Returned;
        self.over.contains(&key) || (is_back && self.given_up.contains(&key))
    }

    /// The same of the last order of a payable that tells something.
    pub(super) fn last_came_back(&self, orders: &[Instruction]) -> bool {
        let telling = orders.iter().filter(|one| !one.is_given_up());
        telling.max_by_key(|one| one.attempt).is_some_and(|last| self.came_back(last))
    }
}

/// What an act was about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    pub count: i64,
    pub total_minor: i64,
    /// The files that were made.
    pub files: Vec<String>,
}

/// A recall as it is looked at.
#[derive(Clone, Debug)]
pub struct Standing {
    pub recall: Recall,
    pub reference: EndToEndId,
    pub case_id: String,
    pub person: PersonNo,
    pub reason: String,
    pub file: Option<RecallFile>,
    /// Until when the partner answers, or gives back what it agreed to.
    pub due: Option<Date>,
    pub is_late: bool,
}

impl Standing {
    /// Whether somebody must look: it is late, or refused and the money is not back.
    pub fn needs_a_person(&self) -> bool {
        self.is_late || self.recall.state == RecallState::Refused
    }
}

impl Engine {
    /// Everything that was asked back of a cycle, the oldest first.
    pub async fn recalls(&self, cycle: &Cycle) -> Result<Vec<Standing>, EngineError> {
        let found = self.store.recalls(cycle.number).await?;
        let numbers: Vec<PayableNo> = found.iter().map(|one| one.payable).collect();
        let beneficiaries: HashMap<PayableNo, PersonNo> = self
            .store
            .payables_of(&numbers)
            .await?
            .into_iter()
            .map(|payable| (payable.number, payable.beneficiary))
            .collect();
        let today = self.clock.today();
        let mut standings = Vec::new();
        let mut files: HashMap<i64, Option<RecallFile>> = HashMap::new();
        for recall in found {
            let request = recall.request();
            if let std::collections::hash_map::Entry::Vacant(place) = files.entry(request) {
                place.insert(self.store.recall_file(request).await?);
            }
            let reference = self.recalled(&recall);
            let due = self.recall_due(&recall);
            standings.push(Standing {
                case_id: recall.case_id(&reference),
                person: *beneficiaries.get(&recall.payable).ok_or_else(|| gone(recall.payable))?,
                reason: self.keys.opened_reason(&reason_of(&recall), &recall.reason)?,
                file: files.get(&request).cloned().flatten().filter(|_| recall.is_in_request()),
                is_late: due.is_some_and(|due| due < today),
                due,
                reference,
                recall,
            });
        }
        Ok(standings)
    }

    pub(super) async fn recalled_within(&self, shard: Shard) -> Result<Recalled, EngineError> {
        let mut found = Recalled::default();
        for recall in self.store.recalls_within(shard).await? {
            match recall.state.is_live() {
                true => _ = found.live.insert(recall.payable),
                // What one officer alone had proposed when it came back by itself, nobody asked for.
                false if recall.decided_by.is_none() => {}
                false if recall.state == RecallState::GivenUp => {
                    _ = found.given_up.insert((recall.payable, recall.attempt));
                }
                false => _ = found.over.insert((recall.payable, recall.attempt)),
            }
        }
        Ok(found)
    }

    /// Recalls at which somebody must look, of every cycle.
    pub async fn recalls_to_look_at(&self) -> Result<Vec<(Cycle, Standing)>, EngineError> {
        let cycles: HashSet<_> =
            self.store.recalls_open().await?.into_iter().map(|one| one.cycle).collect();
        let mut found = Vec::new();
        for cycle in self.store.cycles().await? {
            if cycles.contains(&cycle.number) {
                let of_cycle = self.recalls(&cycle).await?.into_iter();
                found.extend(
                    of_cycle.filter(Standing::needs_a_person).map(|one| (cycle.clone(), one)),
                );
            }
        }
        Ok(found)
    }

    /// One officer wants payments back that have left.
    ///
    /// # Errors
    /// D170 when nothing of the cycle has left, D171 when there is nothing to ask back, D172 when it is asked
    /// back already, D173 when the code is none that the partner takes, D174 without a reason, D175 when the
    /// partner takes no file, D179 when the books have moved on.
    pub async fn recall_propose(
        &self,
        cycle: &Cycle,
        whom: Whom,
        asking: Asking<'_>,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Asked, EngineError> {
        let by = self.acting(officer, key, Doing::ProposeRecall).await?;
        must_say_why(asking.reason)?;
        if !REASON_CODES.iter().any(|(code, _)| *code == asking.code) {
            let known: Vec<String> =
                REASON_CODES.iter().map(|(code, told)| format!("{code} ({told})")).collect();
            return Err(no_reason(format!(
                "`{}` is no reason code: {}",
                asking.code,
                known.join("; ")
            )));
        }
        if !matches!(cycle.state, CycleState::Settling | CycleState::Closed) {
            return Err(EngineError::refused(
                "D170",
                format!(
                    "cycle {} is {}, and nothing of it has left; take payments off its list with: chitra stop propose \
                     {} PERSON --reason TEXT --as OFFICER",
                    cycle.label(),
                    cycle.state,
                    cycle.label()
                ),
            ));
        }
        let batches = self.files_of_orders(cycle).await?;
        let leaving = self.leaving_one_by_one(cycle, &batches).await?;
        let orders = self.orders_of(cycle, whom).await?;
        let mut asked_back: Vec<&Instruction> =
            orders.iter().filter(|one| is_out(one, &batches, &leaving)).collect();
        if asked_back.is_empty() {
            return Err(nothing_to_ask(cycle, whom, &batches, &leaving, &orders));
        }
        let mut open = self.store.recalls(cycle.number).await?;
        open.retain(|recall| recall.state.is_live());
        let by_order: HashMap<(PayableNo, AttemptNo), &Recall> =
            open.iter().map(|recall| ((recall.payable, recall.attempt), recall)).collect();
        let asked_as = |one: &Instruction| by_order.get(&(one.payable, one.attempt)).copied();
        let mut live = asked_back.iter().find_map(|one| asked_as(one));
        if let Whom::File(file) = whom {
            // Of a whole file what is asked back already is left to that; but two requests for one file are not
            // proposed at once, because they would be decided as one.
            if asked_back.iter().any(|one| asked_as(one).is_none()) {
                asked_back.retain(|one| asked_as(one).is_none());
                live = open.iter().find(|recall| {
                    recall.batch == file
                        && recall.asked_with.is_some()
                        && recall.state == RecallState::Proposed
                });
            }
        }
        if let Some(live) = live {
            return Err(EngineError::refused(
                "D172",
                format!(
                    "{} is asked back already, and that is {}; see: chitra recall list {}",
                    self.recalled(live),
                    live.state,
                    cycle.label()
                ),
            ));
        }
        let first = self.store.next_number(Counted::Recall).await?;
        let at = self.stamp();
        let mut recalls = Vec::new();
        for (number, order) in (first..).zip(asked_back) {
            let batch = batches.get(&order.batch).ok_or_else(|| no_file(order.batch))?;
            self.partner_takes(&batch.provider, &asking)?;
            let mut recall = Recall {
                number,
                cycle: cycle.number,
                payable: order.payable,
                attempt: order.attempt,
                batch: order.batch,
                provider: batch.provider.clone(),
                amount_minor: order.amount_minor,
                reason_code: asking.code.to_owned(),
                reason: Vec::new(),
                by_letter: asking.by_letter,
                state: RecallState::Proposed,
                proposed_by: by.officer.name.clone(),
                proposed_at: at.clone(),
                decided_by: None,
                asked_at: None,
                answered_at: None,
                answer_reason: None,
                asked_with: matches!(whom, Whom::File(_)).then_some(first),
            };
            recall.reason = self.keys.reason(&reason_of(&recall), asking.reason);
            recalls.push(recall);
        }
        let mut changes = Changes::new();
        changes.recalls_proposed(&recalls);
        for (leaf, first) in self.recall_leaves("recall_proposed", whom, &recalls, &batches, &at) {
            let leaf = leaf.text("code", asking.code).digest("reason", &Digest::of(&first.reason));
            changes.event(by.leaf(leaf)?);
        }
        self.commit_recall(changes).await?;
        Ok(asked(&recalls, vec![]))
    }

    /// Another officer confirms: a file is made for the partner, and leaves with the next dispatch; of a letter
    /// it is recorded that it was sent.
    ///
    /// # Errors
    /// D176 when nothing is proposed, A120 when who proposed it signs no more, D177 when it is the officer who proposed it, D171 when the money is back
    /// or was never paid, D175 when the partner takes no file any more, D179 when the books have moved on.
    pub async fn recall_confirm(
        &self,
        cycle: &Cycle,
        whom: Whom,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Asked, EngineError> {
        let by = self.acting(officer, key, Doing::DecideRecall).await?;
        let recalls = self.recalls_proposed(cycle, whom, &by).await?;
        let orders = self.orders_of(cycle, whom).await?;
        let batches = self.files_of_orders(cycle).await?;
        let leaving = self.leaving_one_by_one(cycle, &batches).await?;
        let at = self.stamp();
        let mut changes = Changes::new();
        let (label, of) = (cycle.label(), named(whom, &batches));
        let anew = format!(
            "chitra recall refuse {label} {of} --as OFFICER, then chitra recall propose {label} {of} --reason-code \
             CODE --reason TEXT --as OFFICER"
        );
        for one in recalls.iter().map(|one| one.proposed_by.as_str()).collect::<BTreeSet<_>>() {
            self.second_of_two(one, &anew, &mut changes).await?;
        }
        let out: HashSet<(PayableNo, AttemptNo)> = orders
            .iter()
            .filter(|one| is_out(one, &batches, &leaving))
            .map(|one| (one.payable, one.attempt))
            .collect();
        let mut confirmed = Vec::new();
        for recall in &recalls {
            if !out.contains(&(recall.payable, recall.attempt)) {
                return Err(nothing_to_ask(cycle, whom, &batches, &leaving, &orders));
            }
            changes.must_be_recallable(recall);
            let to = recall.state.apply(RecallEvent::Confirmed)?;
            changes.recall_decided(recall, to, &by.officer.name, &at);
            if recall.by_letter {
                let sent = to.apply(RecallEvent::Asked)?;
                changes.recall_asked(recall.number, sent, &at);
            }
            let decided_by = Some(by.officer.name.clone());
            confirmed.push(Recall { state: to, decided_by, ..recall.clone() });
        }
        let mut files = Vec::new();
        let requests: Vec<&[Recall]> = match whom {
            Whom::File(_) => vec![&confirmed],
            _ => confirmed.chunks(1).collect(),
        };
        let leaves = self.recall_leaves("recall_confirmed", whom, &confirmed, &batches, &at);
        for (request, (leaf, first)) in requests.into_iter().zip(leaves) {
            let leaf = match first.by_letter {
                true => leaf.text("by", "letter"),
                false => {
                    let file = self.recall_file(cycle, request, &at).await?;
                    changes.recall_file_made(&file);
                    let leaf = leaf
                        .text("message_id", &file.message_id)
                        .digest("sha256", &super::envelope::digest_of(&file.sha256)?);
                    files.push(file.file_name);
                    leaf
                }
            };
            changes.event(by.leaf(leaf)?);
        }
        self.commit_recall(changes).await?;
        Ok(asked(&recalls, files))
    }

    /// Another officer declines: nobody is asked.
    ///
    /// # Errors
    /// D176 when nothing is proposed, D177 when it is the officer who proposed it.
    pub async fn recall_decline(
        &self,
        cycle: &Cycle,
        whom: Whom,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Asked, EngineError> {
        let by = self.acting(officer, key, Doing::DecideRecall).await?;
        let recalls = self.recalls_proposed(cycle, whom, &by).await?;
        let at = self.stamp();
        let mut changes = Changes::new();
        for recall in &recalls {
            let to = recall.state.apply(RecallEvent::Declined)?;
            changes.recall_decided(recall, to, &by.officer.name, &at);
        }
        let batches = self.files_of_orders(cycle).await?;
        for (leaf, _) in self.recall_leaves("recall_declined", whom, &recalls, &batches, &at) {
            changes.event(by.leaf(leaf)?);
        }
        self.commit_recall(changes).await?;
        Ok(asked(&recalls, vec![]))
    }

    /// An officer expects nothing more of what was asked back: it was refused, or nobody answers. The payment
    /// stays what it is.
    ///
    /// # Errors
    /// D174 without a reason, D176 when nothing of it was asked, D178 while its file may be leaving.
    pub async fn recall_give_up(
        &self,
        cycle: &Cycle,
        whom: Whom,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Asked, EngineError> {
        let by = self.acting(officer, key, Doing::GiveUpRecall).await?;
        must_say_why(reason)?;
        let mut recalls = self.recalls_of(cycle, whom).await?;
        recalls.retain(|one| one.state.apply(RecallEvent::GivenUp).is_ok());
        if recalls.is_empty() {
            return Err(none_waits(cycle, "nothing that was asked back of it is open"));
        }
        let at = self.stamp();
        let mut changes = Changes::new();
        for file in self.must_not_be_leaving(cycle, whom, &mut recalls).await? {
            changes.recall_file_stays(&file);
        }
        let mut ended = Vec::new();
        for recall in &recalls {
            let to = recall.state.apply(RecallEvent::GivenUp)?;
            let sealed = self.keys.reason(&format!("{} given up", reason_of(recall)), reason);
            changes.recall_given_up(recall, to, &by.officer.name, &at, sealed.clone());
            ended.push(Recall { reason: sealed, ..recall.clone() });
        }
        let batches = self.files_of_orders(cycle).await?;
        for (leaf, first) in self.recall_leaves("recall_given_up", whom, &ended, &batches, &at) {
            changes.event(by.leaf(leaf.digest("reason", &Digest::of(&first.reason)))?);
        }
        self.commit_recall(changes).await?;
        Ok(asked(&recalls, vec![]))
    }

    /// The name of the payment that a recall asks back.
    pub(super) fn recalled(&self, recall: &Recall) -> EndToEndId {
        EndToEndId::derive(&self.config.prefix, recall.payable, recall.attempt)
    }

    pub(super) fn recall_leaf(&self, event: &str, recall: &Recall, at: &str) -> LeafBuilder {
        Leaf::of(event, at)
            .number("recall", recall.number)
            .number("cycle", recall.cycle.0)
            .text("reference", self.recalled(recall).as_str())
    }

    /// Until when something is to come of a recall; the terms are those of the day from which it counts.
    fn recall_due(&self, recall: &Recall) -> Option<Date> {
        let since = match recall.state {
            RecallState::Accepted => recall.answered_at.as_deref(),
            state if state.waits_for_an_answer() => recall.asked_at.as_deref(),
            _ => None,
        };
        let since = parse_date(since?.get(..10)?).ok()?;
        let terms = &self.config.provider(&recall.provider)?.on(since).recalling;
        Some(since.saturating_add(Span::new().days(terms.answer_days)))
    }

    /// Whether a partner can be asked so, by the terms of today.
    fn partner_takes(&self, provider: &str, asking: &Asking<'_>) -> Result<(), EngineError> {
        if asking.by_letter {
            return Ok(());
        }
        let today = self.clock.today();
        let terms = &self.provider(provider)?.on(today).recalling;
        self.recall_format(provider)?;
        match &terms.reasons {
            Some(taken) if !taken.iter().any(|code| code == asking.code) => {
                Err(no_reason(format!(
                    "{provider} takes no recall for {}; by its terms it takes: {}. Another reason is told by letter: \
                     --by-letter",
                    asking.code,
                    taken.join(", ")
                )))
            }
            _ => Ok(()),
        }
    }

    /// The orders of a cycle that are meant, of whatever state.
    async fn orders_of(&self, cycle: &Cycle, whom: Whom) -> Result<Vec<Instruction>, EngineError> {
        let numbers: Vec<PayableNo> = match whom {
            Whom::File(batch) => {
                let file = self.batch_of(cycle.number, batch).await?;
                return Ok(self.store.orders_of_file(&file).await?);
            }
            Whom::Payment(payable, _) if payable.cycle() == cycle.number => vec![payable],
            Whom::Payment(..) => vec![],
            Whom::Person(person) => {
                let payables = self.store.payables_of_person(cycle.number, person).await?;
                payables.iter().map(|payable| payable.number).collect()
            }
        };
        let mut orders = self.store.instructions_of(&numbers).await?;
        if let Whom::Payment(_, attempt) = whom {
            orders.retain(|one| one.attempt == attempt);
        }
        Ok(orders)
    }

    async fn files_of_orders(
        &self,
        cycle: &Cycle,
    ) -> Result<BTreeMap<BatchNo, Batch>, EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        Ok(batches.into_iter().map(|batch| (batch.number, batch)).collect())
    }

    /// Of these files those that are leaving payment by payment.
    async fn leaving_one_by_one(
        &self,
        cycle: &Cycle,
        batches: &BTreeMap<BatchNo, Batch>,
    ) -> Result<BTreeSet<BatchNo>, EngineError> {
        let mut leaving = self.store.batches_one_by_one(cycle.number).await?;
        leaving.retain(|number| {
            batches.get(number).is_some_and(|batch| batch.state == BatchState::Sending)
        });
        Ok(leaving.into_iter().collect())
    }

    async fn recalls_of(&self, cycle: &Cycle, whom: Whom) -> Result<Vec<Recall>, EngineError> {
        let mut recalls = self.store.recalls(cycle.number).await?;
        if let Whom::File(batch) = whom {
            recalls.retain(|recall| recall.batch == batch && recall.asked_with.is_some());
            return Ok(recalls);
        }
        let orders = self.orders_of(cycle, whom).await?;
        recalls.retain(|recall| orders.iter().any(|one| is_of(recall, one.payable, one.attempt)));
        Ok(recalls)
    }

    /// What is proposed, by another than the officer who decides.
    async fn recalls_proposed(
        &self,
        cycle: &Cycle,
        whom: Whom,
        by: &Acting<'_>,
    ) -> Result<Vec<Recall>, EngineError> {
        let mut recalls = self.recalls_of(cycle, whom).await?;
        recalls.retain(|one| one.state == RecallState::Proposed);
        self.must_be_decided_as_proposed(cycle, whom, &mut recalls).await?;
        if recalls.is_empty() {
            return Err(none_waits(cycle, "no recall of it is proposed"));
        }
        if recalls.iter().any(|one| one.proposed_by == by.officer.name) {
            return Err(EngineError::refused(
                "D177",
                format!(
                    "`{}` has proposed it, and a payment is asked back by two persons; another officer confirms it: chitra \
                     recall confirm {} {} --as APPROVER",
                    by.officer.name,
                    cycle.label(),
                    named(whom, &self.files_of_orders(cycle).await?)
                ),
            ));
        }
        Ok(recalls)
    }

    async fn commit_recall(&self, changes: Changes) -> Result<(), EngineError> {
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { rule }) => Err(EngineError::refused(
                "D179",
                format!(
                    "the books have moved on since they were read ({rule}); nothing was changed. Look again: \
                     chitra recall list CYCLE"
                ),
            )),
            done => Ok(done?),
        }
    }
}

fn is_of(recall: &Recall, payable: PayableNo, attempt: AttemptNo) -> bool {
    (recall.payable, recall.attempt) == (payable, attempt)
}

/// Whether an order may have reached its partner, and its money is not back. Of a file that is leaving payment by
/// payment that is known when the partner has said something, or when nothing came.
fn is_out(
    order: &Instruction,
    batches: &BTreeMap<BatchNo, Batch>,
    leaving: &BTreeSet<BatchNo>,
) -> bool {
    use BatchState as B;
    match order.state {
        InstructionState::Unknown | InstructionState::Settled | InstructionState::SettledExcess => {
            true
        }
        InstructionState::InBatch => batches
            .get(&order.batch)
            .filter(|batch| !leaving.contains(&batch.number))
            .is_some_and(|batch| matches!(batch.state, B::Sending | B::Unknown | B::Delivered)),
        _ => false,
    }
}

/// Why nothing of what is meant can be asked back, and what can be done instead.
fn nothing_to_ask(
    cycle: &Cycle,
    whom: Whom,
    batches: &BTreeMap<BatchNo, Batch>,
    leaving: &BTreeSet<BatchNo>,
    orders: &[Instruction],
) -> EngineError {
    let label = cycle.label();
    let whole = match whom {
        Whom::File(batch) => batches.get(&batch),
        _ => None,
    };
    let last = orders.iter().max_by_key(|one| one.attempt);
    let sentence = match (whole, last) {
        (Some(file), _) => whole_file::nothing_of_it(file, &label),
        (None, None) => format!("nothing is ordered for it in {label}; see: chitra explain PERSON"),
        (None, Some(last))
            if last.state == InstructionState::InBatch && leaving.contains(&last.batch) =>
        {
            format!(
                "its file is leaving payment by payment, and nothing is known of this one yet; ask it back when all of it \
                 has left (chitra dispatch {label}), or take back what has not: chitra withdraw {label} FILE --as OFFICER"
            )
        }
        (None, Some(last)) if last.state == InstructionState::InBatch => format!(
            "its file has not left; take it off the list: chitra stop propose {label} PERSON --reason TEXT --as OFFICER"
        ),
        (None, Some(last)) => {
            format!(
                "its last order is {}, and there is no money to ask back; what became of it: chitra explain PERSON \
                 --period {label}",
                last.state
            )
        }
    };
    EngineError::refused("D171", sentence)
}

/// How an officer names what is meant on the command line.
fn named(whom: Whom, batches: &BTreeMap<BatchNo, Batch>) -> String {
    match whom {
        Whom::File(batch) => match batches.get(&batch) {
            Some(file) => format!("--file {}", file.file_name),
            None => "--file NAME".to_owned(),
        },
        _ => "PERSON".to_owned(),
    }
}

/// The reason of an act, which is not empty.
fn must_say_why(reason: &str) -> Result<(), EngineError> {
    match reason.trim().is_empty() {
        false => Ok(()),
        true => Err(EngineError::refused(
            "D174",
            "whoever asks back or gives up says on what it rests, such as who reported it: --reason TEXT",
        )),
    }
}

fn no_reason(sentence: String) -> EngineError {
    EngineError::refused("D173", sentence)
}

fn none_waits(cycle: &Cycle, what: &str) -> EngineError {
    EngineError::refused("D176", format!("{what}; see: chitra recall list {}", cycle.label()))
}

fn asked(recalls: &[Recall], files: Vec<String>) -> Asked {
    let total_minor = recalls.iter().map(|one| one.amount_minor).sum();
    Asked { count: recalls.len() as i64, total_minor, files }
}

fn no_file(number: BatchNo) -> EngineError {
    EngineError::Inconsistent(format!("file {} of a recalled payment is missing", number.0))
}

fn gone(number: PayableNo) -> EngineError {
    EngineError::Inconsistent(format!("payable {number} was asked back and is gone"))
}

fn reason_of(recall: &Recall) -> String {
    format!("recall {}", recall.number)
}
