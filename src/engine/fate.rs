//! What officers decide about payments of unknown fate, two of them together.
//!
//! Reads: what is unknown, the references or files that an officer names, and the officer's key.
//! Gives: proposals that change nothing, and decisions by a second officer that do. What is decided
//! *paid* has the least grade of evidence; what is decided *not paid* may be ordered again from then
//! on, and not before. Nothing else ends *unknown* but an answer, or a debit
//! that nothing returned where that was agreed. What its partner called paid and then contradicted, so that it
//! waits in the queue, two officers may decide *not paid* as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::{Batch, BatchEvent, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::fate::{DECIDED_NOT_PAID, Fate, FateState, Verdict};
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, EndToEndId, PayableNo, Shard};
use crate::domain::instruction::{Evidence, EvidenceGrade, Instruction, InstructionState};
use crate::domain::outcome::{Outcome, ReasonClass, Reported, Transaction};
use crate::domain::payable::PayableState;
use crate::domain::period::parse_date;
use crate::domain::signature::OfficerKey;
use crate::domain::state::Named;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::pipeline::settle::{self, settle};
use crate::store::Changes;
use crate::store::instructions::{InstructionMove, known_before};
use crate::store::payables::PayableMove;
use crate::store::registry::Counted;

type Key = (PayableNo, AttemptNo);

/// One payment that may or may not have been made, and what is known of it.
#[derive(Clone, Debug)]
pub struct Unknown {
    pub reference: EndToEndId,
    pub provider: String,
    pub file_name: String,
    pub amount_minor: i64,
    /// `no answer`, the provider's word, or nothing where the file itself is of unknown fate.
    pub reason: Option<String>,
    /// What is known of it: *settled* where it is proposed that a contradicted payment was not made.
    pub state: InstructionState,
    /// The state of its file.
    pub file: BatchState,
    /// The day on which its last sending ended or began.
    pub sent_on: Option<String>,
    /// Days since then.
    pub days: Option<i64>,
    /// The day on which our account was debited for it, where an entry says so.
    pub debited_on: Option<String>,
    pub proposed: Option<Proposed>,
}

/// What one officer has proposed, and another has not confirmed.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub verdict: Verdict,
    pub by: String,
    pub at: String,
    pub reason: String,
}

/// What a proposal or a confirmation was about.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Decided {
    pub paid: u64,
    pub not_paid: u64,
    pub total_minor: i64,
}

impl Decided {
    fn add(&mut self, verdict: Verdict, amount_minor: i64) {
        match verdict {
            Verdict::Paid => self.paid += 1,
            Verdict::NotPaid => self.not_paid += 1,
        }
        self.total_minor += amount_minor;
    }

    pub fn count(&self) -> u64 {
        self.paid + self.not_paid
    }
}

/// The payments that were named, and the files that were named as a whole.
struct Chosen {
    payments: Vec<Instruction>,
    files: BTreeSet<BatchNo>,
    batches: Vec<Batch>,
}

/// What the queue has open against what is known of payments.
struct Contradicted {
    payments: BTreeSet<Key>,
    files: BTreeSet<BatchNo>,
    said_of_files: BTreeSet<(AnswerNo, i64)>,
}

impl Contradicted {
    /// Something is open about the payment itself, or about the file by a word about which as a whole it is known.
    fn speaks_against(&self, one: &Instruction) -> bool {
        let by_its_file = || {
            self.files.contains(&one.batch)
                && one.evidence.answer.is_some_and(|by| self.said_of_files.contains(&by))
        };
        self.payments.contains(&(one.payable, one.attempt)) || by_its_file()
    }
}

impl Engine {
    /// Every payment of a cycle whose fate is unknown, and those of which something else is proposed, in the order of
    /// the payments.
    pub async fn unknowns(&self, cycle: &Cycle) -> Result<Vec<Unknown>, EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let by_number: BTreeMap<BatchNo, &Batch> =
            batches.iter().map(|batch| (batch.number, batch)).collect();
        let deliveries = self.store.deliveries(cycle.number).await?;
        let sent: BTreeMap<BatchNo, String> = deliveries
            .into_iter()
            .map(|one| (one.batch, one.ended_at.unwrap_or(one.started_at)))
            .collect();
        let proposed: BTreeMap<Key, Fate> = self.fates_by_key(cycle).await?;
        let today = self.clock.today();
        let mut found = Vec::new();
        let mut listed = self.unknown_instructions(cycle, &batches).await?;
        let known: BTreeSet<Key> = listed.iter().map(|one| (one.payable, one.attempt)).collect();
        let besides: Vec<PayableNo> = proposed
            .keys()
            .filter(|key| !known.contains(*key))
            .map(|(payable, _)| *payable)
            .collect();
        let besides = self.store.instructions_of(&besides).await?.into_iter();
        listed.extend(besides.filter(|one| {
            let key = (one.payable, one.attempt);
            proposed.contains_key(&key) && !known.contains(&key)
        }));
        listed.sort_by_key(|one| (one.payable, one.attempt));
        for one in listed {
            let batch = by_number.get(&one.batch).ok_or_else(|| {
                EngineError::Inconsistent(format!(
                    "the file of {} is missing",
                    self.reference(&one)
                ))
            })?;
            let sent_on = sent.get(&one.batch).and_then(|at| at.get(..10)).map(str::to_owned);
            let days = sent_on
                .as_deref()
                .and_then(|on| today.since(parse_date(on).ok()?).ok())
                .map(|span| i64::from(span.get_days()));
            let proposed = match proposed.get(&(one.payable, one.attempt)) {
                Some(fate) => Some(Proposed {
                    verdict: fate.verdict,
                    by: fate.proposed_by.clone(),
                    at: fate.proposed_at.clone(),
                    reason: self.keys.opened_reason(&reason_of(fate.decision), &fate.reason)?,
                }),
                None => None,
            };
            found.push(Unknown {
                reference: self.reference(&one),
                provider: batch.provider.clone(),
                file_name: batch.file_name.clone(),
                amount_minor: one.amount_minor,
                reason: one.evidence.reason.clone(),
                state: one.state,
                file: batch.state,
                sent_on,
                days,
                debited_on: one.evidence.debited_on.clone(),
                proposed,
            });
        }
        Ok(found)
    }

    /// One officer proposes what became of payments, named by reference, or by the name of their file
    /// for all of it. A proposal changes nothing; it takes the place of an earlier one.
    ///
    /// # Errors
    /// L110 when a name is of no payment or file of the cycle, L111 when the fate of a payment is
    /// known, L112 when it hangs on its file, L115 without a reason.
    pub async fn fate_propose(
        &self,
        cycle: &Cycle,
        named: &[String],
        verdict: Verdict,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Decided, EngineError> {
        let by = self.acting(officer, key, Doing::DecideFate).await?;
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "L115",
                "a decision on an unknown payment says on what it rests: --reason TEXT",
            ));
        }
        let named = self.fates_named(cycle, named, Some(verdict)).await?;
        let waiting = self.fates_by_key(cycle).await?;
        let decision = self.store.next_number(Counted::Fate).await?;
        let at = self.stamp();
        let sealed = self.keys.reason(&reason_of(decision), reason);
        let mut decided = Decided::default();
        let mut root = BatchRootBuilder::new();
        let mut fates = Vec::new();
        let mut replaced = Vec::new();
        for one in &named.payments {
            decided.add(verdict, one.amount_minor);
            root.push(format!("{} {verdict}", self.reference(one)).as_bytes());
            replaced.extend(waiting.get(&(one.payable, one.attempt)).cloned());
            fates.push(Fate {
                decision,
                cycle: cycle.number,
                payable: one.payable,
                attempt: one.attempt,
                verdict,
                reason: sealed.clone(),
                state: FateState::Proposed,
                proposed_by: by.officer.name.clone(),
                proposed_at: at.clone(),
                confirmed_by: None,
                confirmed_at: None,
            });
        }
        let root = root.finish();
        let mut changes = Changes::new();
        changes.fates_withdrawn(&replaced)?;
        changes.fates(&fates);
        changes.event(
            by.leaf(
                Leaf::of("fates_proposed", &at)
                    .number("cycle", cycle.number.0)
                    .number("decision", decision)
                    .text("verdict", verdict.name())
                    .number("count", root.count as i64)
                    .number("total_minor", decided.total_minor)
                    .digest("root", &root.root)
                    .digest("reason", &Digest::of(&sealed)),
            )?,
        );
        self.store.commit(changes).await?;
        Ok(decided)
    }

    /// The second officer confirms what another proposed, and the payments move.
    ///
    /// # Errors
    /// L113 when nothing is proposed for a payment that is named, A120 when who proposed it signs no more, L114 when the officer proposed it,
    /// and those of [`Engine::fate_propose`].
    pub async fn fate_confirm(
        &self,
        cycle: &Cycle,
        named: &[String],
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Decided, EngineError> {
        let by = self.acting(officer, key, Doing::ConfirmFate).await?;
        let named = self.fates_named(cycle, named, None).await?;
        let mut waiting = self.fates_by_key(cycle).await?;
        let mut fates = Vec::new();
        for one in &named.payments {
            let fate = waiting.remove(&(one.payable, one.attempt)).ok_or_else(|| {
                EngineError::refused(
                    "L113",
                    format!(
                        "nothing is proposed for {}; propose it first: \
                         chitra unknown decide {} {} --paid (or --not-paid) --reason TEXT --as OFFICER",
                        self.reference(one),
                        cycle.label(),
                        self.reference(one)
                    ),
                )
            })?;
            if fate.proposed_by == by.officer.name {
                return Err(EngineError::refused(
                    "L114",
                    format!(
                        "`{officer}` has proposed what became of {reference}, and an unknown payment is decided by two persons; \
                         another officer confirms it: chitra unknown confirm {} {reference} --as APPROVER",
                        cycle.label(),
                        reference = self.reference(one)
                    ),
                ));
            }
            fates.push(fate);
        }
        let at = self.stamp();
        let mut changes = Changes::new();
        let proposers: BTreeSet<&str> = fates.iter().map(|one| one.proposed_by.as_str()).collect();
        for one in proposers {
            let anew = format!(
                "chitra unknown decide {} REFERENCE… --paid (or --not-paid) --reason TEXT --as OFFICER",
                cycle.label()
            );
            self.second_of_two(one, &anew, &mut changes).await?;
        }
        self.files_decided(&mut changes, &named, &fates, &at)?;
        changes.fates_confirmed(&fates, &by.officer.name, &at)?;
        let (decided, root) = self.fates_applied(&mut changes, cycle, &named, &fates).await?;
        changes.event(
            by.leaf(
                Leaf::of("fates_confirmed", &at)
                    .number("cycle", cycle.number.0)
                    .number("paid", decided.paid as i64)
                    .number("not_paid", decided.not_paid as i64)
                    .number("total_minor", decided.total_minor)
                    .digest("root", &root),
            )?,
        );
        self.store.commit(changes).await?;
        Ok(decided)
    }

    /// A file of unknown fate whose payments are all decided has arrived, or will never be sent: it
    /// moves in the commit of its payments, so that nothing of it leaves after it was decided unpaid.
    fn files_decided(
        &self,
        changes: &mut Changes,
        named: &Chosen,
        fates: &[Fate],
        at: &str,
    ) -> Result<(), EngineError> {
        let verdicts: BTreeMap<Key, Verdict> =
            fates.iter().map(|fate| ((fate.payable, fate.attempt), fate.verdict)).collect();
        for batch in named.batches.iter().filter(|batch| named.files.contains(&batch.number)) {
            if batch.state != BatchState::Unknown {
                continue;
            }
            let of_file: BTreeSet<Verdict> = named
                .payments
                .iter()
                .filter(|one| one.batch == batch.number)
                .filter_map(|one| verdicts.get(&(one.payable, one.attempt)).copied())
                .collect();
            let event = match of_file.iter().collect::<Vec<_>>().as_slice() {
                [Verdict::NotPaid] => BatchEvent::FileRefused,
                // Somebody was paid, so it arrived.
                _ => {
                    changes.delivery_proved(batch, "two officers decided that it arrived", at);
                    BatchEvent::ProvedDelivered
                }
            };
            changes.batch_moved(batch, batch.state.apply(event)?);
        }
        Ok(())
    }

    /// Moves the payments along the arrows by which answers move them.
    async fn fates_applied(
        &self,
        changes: &mut Changes,
        cycle: &Cycle,
        named: &Chosen,
        fates: &[Fate],
    ) -> Result<(Decided, Digest), EngineError> {
        let numbers: Vec<PayableNo> =
            fates.iter().map(|fate| fate.payable).collect::<BTreeSet<_>>().into_iter().collect();
        let today = self.clock.today().to_string();
        let outcomes: Vec<Outcome> = fates
            .iter()
            .map(|fate| {
                let paid = fate.verdict == Verdict::Paid;
                Outcome {
                    item: 0,
                    payable: fate.payable,
                    attempt: fate.attempt,
                    reported: match paid {
                        true => Reported::Paid(EvidenceGrade::Decision),
                        false => Reported::DecidedNotPaid,
                    },
                    amount: None,
                    reason: (!paid).then(|| DECIDED_NOT_PAID.to_owned()),
                    class: (!paid).then_some(ReasonClass::Retry),
                    on: Some(today.clone()),
                    transaction: Transaction::None,
                    unbelievable: Vec::new(),
                }
            })
            .collect();
        let batches: BTreeMap<BatchNo, BatchState> =
            named.batches.iter().map(|batch| (batch.number, batch.state)).collect();
        let before = self.store.instructions_of(&numbers).await?;
        let output = settle(settle::Input {
            outcomes: &outcomes,
            payables: self.store.payables_of(&numbers).await?,
            instructions: before.clone(),
            batches: &batches,
            closed: cycle.state == CycleState::Closed,
            waited_out: &BTreeSet::new(),
            heard_today: &BTreeSet::new(),
            one_by_one: &self.store.batches_one_by_one(cycle.number).await?,
            said_of_files: &BTreeSet::new(),
            not_left: &BTreeSet::new(),
            transactions: &BTreeMap::new(),
            told_of: None,
            entries: settle::Entries::OfNoStatement,
            answer: None,
        })?;
        let decisions: BTreeMap<Key, &Fate> =
            fates.iter().map(|fate| ((fate.payable, fate.attempt), fate)).collect();
        let is_decided =
            |one: &settle::Settled| decisions.contains_key(&(one.after.payable, one.after.attempt));
        let stands_alone = |one: &settle::Settled| {
            one.before == InstructionState::SettledExcess
                && one.after.state == InstructionState::Settled
        };
        // Whatever is not the plain move of every payment, and of what stands alone by it, is for answers
        // and not for officers.
        if output.instructions.iter().filter(|one| is_decided(one)).count() != fates.len()
            || output.instructions.iter().any(|one| !is_decided(one) && !stands_alone(one))
            || !output.discrepancies.is_empty()
        {
            return Err(EngineError::Inconsistent(
                "a payment that may be decided does not move by the decision".to_owned(),
            ));
        }
        let mut decided = Decided::default();
        let mut root = BatchRootBuilder::new();
        let mut moves = Vec::new();
        for settled in &output.instructions {
            let after = &settled.after;
            let told = format!("{} {} {}", self.reference(after), settled.before, after.state);
            match decisions.get(&(after.payable, after.attempt)) {
                Some(fate) => {
                    decided.add(fate.verdict, after.amount_minor);
                    root.push(format!("{told} decision {}", fate.decision).as_bytes());
                }
                None => root.push(told.as_bytes()),
            }
            moves.push(InstructionMove {
                from: settled.before,
                evidence: Evidence { answer: None, ..after.evidence.clone() },
                was: known_before(&before, after),
                ..InstructionMove::of(after, after.state)
            });
        }
        let mut payable_moves = Vec::new();
        for (before, payable) in output.payables {
            if cycle.state == CycleState::Closed && payable.state != PayableState::Unknown {
                changes.suspense_cleared(payable.number);
            }
            payable_moves.push(PayableMove {
                code: payable.code,
                batch: payable.batch,
                ..PayableMove::of(&before, payable.state)
            });
        }
        changes.cycle_stays(cycle.number, cycle.state == CycleState::Closed);
        changes.instructions_moved(&moves);
        changes.payables_moved(&payable_moves);
        Ok((decided, root.finish().root))
    }

    pub(super) async fn fates_by_key(
        &self,
        cycle: &Cycle,
    ) -> Result<BTreeMap<Key, Fate>, EngineError> {
        let proposed = self.store.fates_proposed(cycle.number).await?;
        Ok(proposed.into_iter().map(|fate| ((fate.payable, fate.attempt), fate)).collect())
    }

    /// What is proposed about the payments of a file.
    pub(super) async fn fates_of_batch(&self, batch: &Batch) -> Result<Vec<Fate>, EngineError> {
        let mut proposed = self.store.fates_proposed(batch.cycle).await?;
        if proposed.is_empty() {
            return Ok(proposed);
        }
        let payables: Vec<PayableNo> = proposed.iter().map(|fate| fate.payable).collect();
        let orders = self.store.instructions_of(&payables).await?;
        let of_file: BTreeSet<Key> = orders
            .iter()
            .filter(|order| order.batch == batch.number)
            .map(|order| (order.payable, order.attempt))
            .collect();
        proposed.retain(|fate| of_file.contains(&(fate.payable, fate.attempt)));
        Ok(proposed)
    }

    /// What is unknown by itself or with its file.
    async fn unknown_instructions(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
    ) -> Result<Vec<Instruction>, EngineError> {
        // What leaves payment by payment is unknown by itself, and not with its file.
        let one_by_one = self.store.batches_one_by_one(cycle.number).await?;
        let lost: BTreeSet<BatchNo> = batches
            .iter()
            .filter(|batch| matches!(batch.state, BatchState::Sending | BatchState::Unknown))
            .filter(|batch| !one_by_one.contains(&batch.number))
            .map(|batch| batch.number)
            .collect();
        let mut found = Vec::new();
        for shards in Shard::groups() {
            found.extend(self.store.instructions_unknown(cycle.number, &shards).await?);
            if !lost.is_empty() {
                let silent = self.store.instructions_without_outcome(cycle.number, &shards).await?;
                found.extend(silent.into_iter().filter(|one| lost.contains(&one.batch)));
            }
        }
        found.sort_by_key(|one| (one.payable, one.attempt));
        Ok(found)
    }

    /// What is open in the queue about payments of a cycle, and about its files as a whole.
    async fn contradicted(&self, cycle: &Cycle) -> Result<Contradicted, EngineError> {
        let mut open = self.store.discrepancies().await?;
        open.retain(|(_, one)| {
            matches!(one.kind, DiscrepancyKind::Contradiction | DiscrepancyKind::Unclear)
        });
        Ok(Contradicted {
            payments: open.iter().filter_map(|(_, one)| one.instruction).collect(),
            files: open
                .iter()
                .filter_map(|(_, one)| one.file)
                .filter(|(of, _)| *of == cycle.number)
                .map(|(_, file)| file)
                .collect(),
            said_of_files: self.store.said_of_files(cycle.number).await?,
        })
    }

    /// The payments that officers may decide on, of those that they name. A verdict is said when one
    /// is proposed; a confirmation takes what was.
    async fn fates_named(
        &self,
        cycle: &Cycle,
        named: &[String],
        verdict: Option<Verdict>,
    ) -> Result<Chosen, EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let mut files = BTreeSet::new();
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        for text in named.iter().map(|text| text.trim()) {
            let payment = EndToEndId::read(&self.config.prefix, text)
                .filter(|(payable, _)| payable.cycle() == cycle.number);
            let file = batches.iter().find(|batch| batch.file_name == text);
            match (payment, file) {
                (Some(key), _) => _ = keys.insert(key),
                (None, Some(batch)) => _ = files.insert(batch.number),
                (None, None) => return Err(nothing_named(text, cycle)),
            }
        }
        if !files.is_empty() {
            for one in self.unknown_instructions(cycle, &batches).await? {
                if files.contains(&one.batch) {
                    keys.insert((one.payable, one.attempt));
                }
            }
        }
        let numbers: Vec<PayableNo> =
            keys.iter().map(|(payable, _)| *payable).collect::<BTreeSet<_>>().into_iter().collect();
        let contradicted = self.contradicted(cycle).await?;
        let mut attempts: BTreeMap<Key, Instruction> = self
            .store
            .instructions_of(&numbers)
            .await?
            .into_iter()
            .map(|one| ((one.payable, one.attempt), one))
            .collect();
        let states: BTreeMap<BatchNo, BatchState> =
            batches.iter().map(|batch| (batch.number, batch.state)).collect();
        let mut payments = Vec::new();
        for key in keys {
            let Some(one) = attempts.remove(&key) else {
                let reference = EndToEndId::derive(&self.config.prefix, key.0, key.1);
                return Err(nothing_named(reference.as_str(), cycle));
            };
            let file = states.get(&one.batch).copied();
            match (one.state, file) {
                (InstructionState::Unknown, _) => {}
                // What two decided, two take back, as long as nothing else has proved it; and what its partner said
                // once, and then otherwise.
                (InstructionState::Settled, _)
                    if verdict != Some(Verdict::Paid)
                        && (one.evidence.grade == Some(EvidenceGrade::Decision)
                            || contradicted.speaks_against(&one)) => {}
                (InstructionState::InBatch, Some(BatchState::Unknown))
                    if files.contains(&one.batch) => {}
                (InstructionState::InBatch, Some(BatchState::Sending | BatchState::Unknown)) => {
                    return Err(EngineError::refused(
                        "L112",
                        format!(
                            "whether the file of {} has left is not known; ask its partner: chitra dispatch {}; \
                             where it cannot be asked, decide about the file as a whole, by its name",
                            self.reference(&one),
                            cycle.label()
                        ),
                    ));
                }
                (state, file) => {
                    let standing = file
                        .map_or_else(|| state.to_string(), |file| state.standing(file).to_string());
                    return Err(EngineError::refused(
                        "L111",
                        format!(
                            "{} is {standing}; officers decide only on what is unknown (chitra unknown list {}), and that \
                             something was not paid also where the queue has a contradiction about it: \
                             chitra queue discrepancies",
                            self.reference(&one),
                            cycle.label()
                        ),
                    ));
                }
            }
            payments.push(one);
        }
        match payments.is_empty() {
            true => Err(nothing_named(&named.join(", "), cycle)),
            false => Ok(Chosen { payments, files, batches }),
        }
    }
}

fn nothing_named(text: &str, cycle: &Cycle) -> EngineError {
    let shown: String = text.chars().take(60).collect();
    EngineError::refused(
        "L110",
        format!(
            "`{shown}` names no unknown payment of {label} and no file with one; nothing was changed; \
             see: chitra unknown list {label}",
            label = cycle.label()
        ),
    )
}

/// What the reason of a decision is sealed for.
fn reason_of(decision: i64) -> String {
    format!("fate {decision}")
}
