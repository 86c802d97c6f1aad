//! Applies what providers report to what we hold.
//!
//! Reads: outcomes of one page of an answer, the payables and all their attempts. Gives: the
//! transitions, and for whatever fits nothing a discrepancy: nothing is skipped in silence. Amounts
//! are compared, never assumed; evidence of payment is never dropped.

mod decide;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::answer::{DiscrepancyKind, ToldTransaction};
use crate::domain::batch::BatchState;
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, OfficePrefix, PayableNo, PersonNo};
use crate::domain::instruction::{IN_PROCESS, Instruction, InstructionEvent, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};
use crate::domain::payable::{Payable, PayableEvent, PayableState};
use crate::domain::receivable::ReceivableCause;
use crate::domain::state::{IllegalTransition, Named};

use self::decide::{Step, decide};
use self::transactions::Transactions;
pub use self::transactions::moving;

pub struct Input<'a> {
    pub outcomes: &'a [Outcome],
    /// The payables that the outcomes name.
    pub payables: Vec<Payable>,
    /// All attempts of those payables.
    pub instructions: Vec<Instruction>,
    /// The states of the batches of those attempts.
    pub batches: &'a BTreeMap<BatchNo, BatchState>,
    /// Items of answers that spoke of a whole file.
    pub said_of_files: &'a BTreeSet<(AnswerNo, i64)>,
    /// Their cycle is closed: what is unknown is in suspense.
    pub closed: bool,
    /// Batches whose partner has had all the days that words such as *in process* may take.
    pub waited_out: &'a BTreeSet<BatchNo>,
    /// Orders that their partner has called *in process* on the day of this answer before: to hear it again is no
    /// news.
    pub heard_today: &'a BTreeSet<(PayableNo, AttemptNo)>,
    /// Batches whose payments leave one by one: that one of them arrived proves nothing of the others.
    pub one_by_one: &'a BTreeSet<BatchNo>,
    /// Orders of such batches that have not left though others have.
    pub not_left: &'a BTreeSet<(PayableNo, AttemptNo)>,
    /// By which transactions this partner has said in this format that an attempt was paid or debited; in its
    /// statements also that it came back.
    pub transactions: &'a BTreeMap<(PayableNo, AttemptNo), BTreeSet<String>>,
    /// Of which orders the transactions of the outcomes were told before. None where a partner's reference
    /// may be that of many payments.
    pub told_of: Option<ToldOf<'a>>,
    /// Whether the outcomes are entries of a statement with balances.
    pub entries: Entries,
    /// The answer that the outcomes are of; none for decisions of officers.
    pub answer: Option<AnswerNo>,
}

/// Whether what is told are entries of a statement with balances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entries {
    OfNoStatement,
    /// It does not begin where the one before it ended: it may tell again what that had booked.
    OfOneThatMayOverlap,
    /// It begins where the one before it ended: what it tells again was booked again.
    OfOneThatFollows,
}

/// Of which order a partner has said first that it was paid by a transaction.
#[derive(Clone, Copy)]
pub struct ToldOf<'a> {
    pub orders: &'a BTreeMap<String, (PayableNo, AttemptNo)>,
    pub prefix: &'a OfficePrefix,
}

/// How an instruction ended up, and with which evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    pub before: InstructionState,
    pub after: Instruction,
    /// The item of the answer that moved it last.
    pub item: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub kind: DiscrepancyKind,
    pub item: i64,
    pub instruction: (PayableNo, AttemptNo),
    pub expected_minor: Option<i64>,
    pub reported_minor: Option<i64>,
    pub detail: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owed {
    pub cause: ReceivableCause,
    pub person: PersonNo,
    pub instruction: (PayableNo, AttemptNo),
    pub amount_minor: i64,
}

#[derive(Default, PartialEq, Eq, Debug)]
pub struct Output {
    /// Every instruction that moved, once, in the order of their keys.
    pub instructions: Vec<Settled>,
    /// Every payable that moved: before, and after.
    pub payables: Vec<(Payable, Payable)>,
    pub discrepancies: Vec<Found>,
    pub receivables: Vec<Owed>,
    /// Why the provider must be halted, when it must.
    pub halt: Option<String>,
    /// Batches that were not known to have arrived, and of which an outcome now speaks.
    pub proved_delivered: BTreeSet<BatchNo>,
    /// Items that said once more of a payment what was known of it.
    pub repeated: i64,
    /// Transactions that were not known before.
    pub transactions: Vec<ToldTransaction>,
}

impl Output {
    /// The partner has it from elsewhere, and gets nothing more before that is cleared up.
    fn speaks_of_what_never_left(&mut self, outcome: &Outcome, detail: &str) {
        self.halt = Some(detail.to_owned());
        self.discrepancies.push(found(outcome, DiscrepancyKind::Contradiction, detail.to_owned()));
    }
}

/// Applies every outcome in order. Fails only when what is stored breaks the state tables.
pub fn settle(input: Input<'_>) -> Result<Output, IllegalTransition> {
    let outcomes = input.outcomes;
    let mut page = Page::of(input);
    for outcome in outcomes {
        page.apply(outcome)?;
    }
    Ok(page.moved())
}

type OrderKey = (PayableNo, AttemptNo);

/// What the outcomes of one page speak of, while they are applied.
struct Page<'a> {
    batches: &'a BTreeMap<BatchNo, BatchState>,
    one_by_one: &'a BTreeSet<BatchNo>,
    said_of_files: &'a BTreeSet<(AnswerNo, i64)>,
    not_left: &'a BTreeSet<OrderKey>,
    waited_out: &'a BTreeSet<BatchNo>,
    heard_today: &'a BTreeSet<OrderKey>,
    closed: bool,
    answer: Option<AnswerNo>,
    payables_before: BTreeMap<PayableNo, Payable>,
    payables: BTreeMap<PayableNo, Payable>,
    states_before: BTreeMap<OrderKey, InstructionState>,
    attempts: BTreeMap<OrderKey, Instruction>,
    transactions: Transactions<'a>,
    /// The item that moved an attempt last.
    items: BTreeMap<OrderKey, i64>,
    output: Output,
}

fn key(outcome: &Outcome) -> OrderKey {
    (outcome.payable, outcome.attempt)
}

fn found(outcome: &Outcome, kind: DiscrepancyKind, detail: String) -> Found {
    Found {
        kind,
        item: outcome.item,
        instruction: key(outcome),
        expected_minor: None,
        reported_minor: None,
        detail,
    }
}

impl<'a> Page<'a> {
    fn of(input: Input<'a>) -> Page<'a> {
        let payables: BTreeMap<PayableNo, Payable> =
            input.payables.into_iter().map(|payable| (payable.number, payable)).collect();
        let attempts: BTreeMap<OrderKey, Instruction> =
            input.instructions.into_iter().map(|one| ((one.payable, one.attempt), one)).collect();
        Page {
            batches: input.batches,
            one_by_one: input.one_by_one,
            said_of_files: input.said_of_files,
            not_left: input.not_left,
            waited_out: input.waited_out,
            heard_today: input.heard_today,
            closed: input.closed,
            answer: input.answer,
            payables_before: payables.clone(),
            payables,
            states_before: attempts.iter().map(|(key, one)| (*key, one.state)).collect(),
            attempts,
            transactions: Transactions::known(input.transactions, input.told_of, input.entries),
            items: BTreeMap::new(),
            output: Output::default(),
        }
    }

    fn apply(&mut self, outcome: &Outcome) -> Result<(), IllegalTransition> {
        let key = key(outcome);
        let (Some(instruction), Some(payable)) =
            (self.attempts.get(&key), self.payables.get(&outcome.payable))
        else {
            let detail = "the reference has our form, but no such attempt is known: none was made, or its list was given up".to_owned();
            self.output.discrepancies.push(found(outcome, DiscrepancyKind::Unmatched, detail));
            return Ok(());
        };
        let doubts = self.doubts(outcome, instruction);
        if !doubts.is_empty() {
            self.output.discrepancies.extend(doubts);
            return Ok(());
        }
        // Officers decide of what they know to have left.
        let file = self.batches.get(&instruction.batch);
        match file.filter(|_| outcome.reported != Reported::DecidedNotPaid) {
            Some(BatchState::Sending) if self.not_left.contains(&key) => {
                let detail = "the partner answers for a payment that has not left, of a file of which others have";
                self.output.speaks_of_what_never_left(outcome, detail);
                return Ok(());
            }
            Some(BatchState::Sending) if self.one_by_one.contains(&instruction.batch) => {}
            Some(BatchState::Sending | BatchState::Unknown) => {
                self.output.proved_delivered.insert(instruction.batch);
            }
            Some(BatchState::Created | BatchState::Released | BatchState::Withdrawn) => {
                // The order can still leave: what is said of it now must not have it made a second time.
                let can_leave = instruction.state == InstructionState::InBatch;
                let detail = "the partner answers for a payment whose file never left";
                self.output.speaks_of_what_never_left(outcome, detail);
                if can_leave {
                    return Ok(());
                }
            }
            Some(BatchState::Delivered | BatchState::Refused) | None => {}
        }
        let in_this_answer = self.items.contains_key(&key)
            || instruction.evidence.answer.is_some_and(|(answer, _)| Some(answer) == self.answer);
        if let Some((kind, detail)) =
            self.transactions.perhaps_twice(instruction, outcome, in_this_answer)
        {
            self.output.discrepancies.push(Found {
                expected_minor: Some(instruction.amount_minor),
                reported_minor: Some(instruction.amount_minor),
                ..found(outcome, kind, detail)
            });
            self.transactions.remember(outcome);
            return Ok(());
        }
        let step = self.step(outcome, instruction, payable);
        self.transactions.remember(outcome);
        if let Some((kind, detail)) = &step.discrepancy {
            if *kind == DiscrepancyKind::SettledExcess {
                self.output.receivables.push(Owed {
                    cause: ReceivableCause::SettledExcess,
                    person: payable.payee,
                    instruction: key,
                    amount_minor: instruction.amount_minor,
                });
                self.output.halt = Some(detail.clone());
            }
            self.output.discrepancies.push(found(outcome, *kind, detail.clone()));
        }
        match step.event {
            Some(event) => self.go(outcome, event),
            None => {
                self.stay(outcome, &step);
                Ok(())
            }
        }
    }

    /// Why an outcome changes nothing: it is of another amount, another payee, or another order's transaction.
    fn doubts(&self, outcome: &Outcome, instruction: &Instruction) -> Vec<Found> {
        let differs = |detail: String| Found {
            expected_minor: Some(instruction.amount_minor),
            ..found(outcome, DiscrepancyKind::AmountDiffers, detail)
        };
        match &outcome.amount {
            Some(Ok(minor)) if *minor != instruction.amount_minor => {
                let detail = "the reported amount is not the ordered one; nothing was changed";
                return vec![Found { reported_minor: Some(*minor), ..differs(detail.to_owned()) }];
            }
            Some(Err(currency)) => {
                return vec![differs(format!(
                    "the amount is reported in {currency}; nothing was changed"
                ))];
            }
            Some(Ok(_)) | None => {}
        }
        if !outcome.unbelievable.is_empty() {
            let unbelievable = outcome.unbelievable.iter().map(|(kind, detail)| Found {
                expected_minor: Some(instruction.amount_minor),
                reported_minor: outcome.amount.clone().and_then(Result::ok),
                ..found(outcome, *kind, detail.clone())
            });
            return unbelievable.collect();
        }
        let shared = self.transactions.of_another(outcome).map(|detail| Found {
            expected_minor: Some(instruction.amount_minor),
            reported_minor: Some(instruction.amount_minor),
            ..found(outcome, DiscrepancyKind::TransactionShared, detail)
        });
        shared.into_iter().collect()
    }

    fn step(&self, outcome: &Outcome, instruction: &Instruction, payable: &Payable) -> Step {
        // A credit that was known before the money came back is no news, where no days tell the order.
        let is_old_news = matches!(&outcome.transaction, Transaction::Named(_))
            && self.transactions.knows(outcome)
            && matches!(outcome.reported, Reported::Paid(_))
            && instruction.state == InstructionState::Returned
            && (outcome.on.is_none() || instruction.evidence.outcome_on.is_none());
        if is_old_news {
            return Step::nothing();
        }
        let other_live = self
            .attempts
            .range((outcome.payable, AttemptNo::FIRST)..)
            .take_while(|((payable, _), _)| *payable == outcome.payable)
            .any(|((_, attempt), other)| *attempt != outcome.attempt && other.state.is_live());
        let waits_for_an_outcome = self.closed || self.waited_out.contains(&instruction.batch);
        let step = decide(instruction, payable, outcome, other_live, waits_for_an_outcome);
        let is_news = !self.heard_today.contains(&key(outcome));
        // What was said of its file as a whole, or decided by officers, is now said of it by itself.
        let by_itself =
            instruction.evidence.answer.is_some_and(|by| !self.said_of_files.contains(&by));
        let is_confirmed = !by_itself
            && instruction.state == InstructionState::Rejected
            && matches!(outcome.reported, Reported::Rejected | Reported::Cancelled)
            && outcome.transaction != Transaction::None;
        // The first reason that is said of it by itself is no second word.
        let is_first_word = is_confirmed && !other_live && payable.carried_to.is_none();
        let discrepancy = step.discrepancy.filter(|_| !(step.graver && is_first_word));
        Step {
            in_process: step.in_process && is_news,
            upgrade: step.upgrade || is_confirmed,
            discrepancy,
            ..step
        }
    }

    /// The attempt stays in its state; what is known of it may become better.
    fn stay(&mut self, outcome: &Outcome, step: &Step) {
        let told_nothing = !step.upgrade && !step.debited && step.discrepancy.is_none();
        let says_what_became = !matches!(
            outcome.reported,
            Reported::InFlight
                | Reported::UnderReview
                | Reported::CannotTell
                | Reported::DecidedNotPaid
        );
        self.output.repeated += i64::from(told_nothing && says_what_became);
        let Some(instruction) = self.attempts.get_mut(&key(outcome)) else { return };
        if step.upgrade {
            record(instruction, outcome);
        }
        if step.debited {
            instruction.evidence.debited_on.clone_from(&outcome.on);
        }
        if step.in_process {
            instruction.evidence.reason = Some(IN_PROCESS.to_owned());
        }
        if step.graver {
            instruction.evidence.reason.clone_from(&outcome.reason);
            instruction.evidence.reason_class = outcome.class.map(|class| class.name().to_owned());
        }
        if step.upgrade || step.debited || step.in_process || step.graver {
            self.items.insert(key(outcome), outcome.item);
        }
    }

    /// The attempt goes on to another state, and its payable with it.
    fn go(&mut self, outcome: &Outcome, event: InstructionEvent) -> Result<(), IllegalTransition> {
        let (Some(instruction), Some(payable)) =
            (self.attempts.get_mut(&key(outcome)), self.payables.get_mut(&outcome.payable))
        else {
            return Ok(());
        };
        if let Some(payable_event) = of_the_payable(event, instruction.state) {
            payable.state = payable.state.apply(payable_event)?;
            payable.code = match payable.state {
                PayableState::Rejected | PayableState::Returned => {
                    outcome.reason.clone().unwrap_or_else(|| "no reason given".to_owned())
                }
                _ => String::new(),
            };
            payable.batch = Some(instruction.batch);
        }
        instruction.state = instruction.state.apply(event)?;
        record(instruction, outcome);
        if event == InstructionEvent::FoundInFlight {
            instruction.evidence.reason = Some(IN_PROCESS.to_owned());
        }
        self.items.insert(key(outcome), outcome.item);
        let came_to_nothing = matches!(
            instruction.state,
            InstructionState::Rejected | InstructionState::Returned | InstructionState::Cancelled
        );
        if came_to_nothing && payable.carried_to.is_none() {
            self.excess_stands_alone(outcome)?;
        }
        Ok(())
    }

    /// The order beside which another was proved paid has come to nothing: what was too much is the payment
    /// now, and nothing of it is to be got back.
    fn excess_stands_alone(&mut self, outcome: &Outcome) -> Result<(), IllegalTransition> {
        let excess = self
            .attempts
            .range_mut((outcome.payable, AttemptNo::FIRST)..)
            .take_while(|((payable, _), _)| *payable == outcome.payable)
            .find(|(_, one)| one.state == InstructionState::SettledExcess);
        if let (Some((excess_key, excess)), Some(payable)) =
            (excess, self.payables.get_mut(&outcome.payable))
        {
            excess.state = excess.state.apply(InstructionEvent::StandsAlone)?;
            self.items.insert(*excess_key, outcome.item);
            payable.state = payable.state.apply(PayableEvent::Settled)?;
            payable.code = String::new();
            payable.batch = Some(excess.batch);
        }
        Ok(())
    }

    fn moved(mut self) -> Output {
        for (key, item) in self.items {
            if let Some(after) = self.attempts.remove(&key) {
                let before = self.states_before[&key];
                self.output.instructions.push(Settled { before, after, item });
            }
        }
        // Both are in the order of their numbers, which are the same.
        for (before, after) in self.payables_before.into_values().zip(self.payables.into_values()) {
            // Also the batch: when the money turns out to have gone by another order, only that differs.
            if before != after {
                self.output.payables.push((before, after));
            }
        }
        self.output.transactions = self.transactions.new;
        self.output
    }
}

/// What happens to a payable when its attempt, in `state` until now, does `event`.
fn of_the_payable(event: InstructionEvent, state: InstructionState) -> Option<PayableEvent> {
    match event {
        InstructionEvent::Settled => Some(PayableEvent::Settled),
        InstructionEvent::Rejected | InstructionEvent::Cancelled => Some(PayableEvent::Rejected),
        InstructionEvent::OutcomeLost => Some(PayableEvent::OutcomeLost),
        InstructionEvent::FoundInFlight => Some(PayableEvent::FoundInFlight),
        InstructionEvent::SentAgain => Some(PayableEvent::SentAgain),
        InstructionEvent::Returned if state == InstructionState::SettledExcess => None,
        InstructionEvent::Returned => Some(PayableEvent::Returned),
        InstructionEvent::SettledBesideAnother | InstructionEvent::StandsAlone => None,
        InstructionEvent::DecisionReversed => Some(PayableEvent::DecisionReversed),
    }
}

fn record(instruction: &mut Instruction, outcome: &Outcome) {
    instruction.evidence.grade = match outcome.reported {
        Reported::Paid(grade) => Some(grade),
        Reported::DecidedNotPaid => None,
        _ => instruction.evidence.grade,
    };
    instruction.evidence.reason.clone_from(&outcome.reason);
    instruction.evidence.reason_class = outcome.class.map(|class| class.name().to_owned());
    instruction.evidence.outcome_on.clone_from(&outcome.on);
}

#[cfg(test)]
mod tests;
