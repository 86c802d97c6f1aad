//! Applies what providers report to what we hold.
//!
//! Reads: outcomes of one page of an answer, the payables and all their attempts. Gives: the
//! transitions, and for whatever fits nothing a discrepancy: nothing is skipped in silence. Amounts
//! are compared, never assumed; evidence of payment is never dropped.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::answer::{DiscrepancyKind, ToldTransaction};
use crate::domain::batch::BatchState;
use crate::domain::ids::{
    AnswerNo, AttemptNo, BatchNo, EndToEndId, OfficePrefix, PayableNo, PersonNo,
};
use crate::domain::instruction::{EvidenceGrade, Instruction, InstructionEvent, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};
use crate::domain::payable::{Payable, PayableEvent, PayableState};
use crate::domain::receivable::ReceivableCause;
use crate::domain::state::IllegalTransition;

pub struct Input<'a> {
    pub outcomes: &'a [Outcome],
    /// The payables that the outcomes name.
    pub payables: Vec<Payable>,
    /// All attempts of those payables.
    pub instructions: Vec<Instruction>,
    /// The states of the batches of those attempts.
    pub batches: &'a BTreeMap<BatchNo, BatchState>,
    /// Their cycle is closed: what is unknown is in suspense.
    pub closed: bool,
    /// Batches whose payments leave one by one: that one of them arrived proves nothing of the others.
    pub one_by_one: &'a BTreeSet<BatchNo>,
    /// By which transactions this partner has said in this format that an attempt was paid or debited.
    pub transactions: &'a BTreeMap<(PayableNo, AttemptNo), BTreeSet<String>>,
    /// Of which orders the transactions of the outcomes were told before. None where a partner's reference
    /// may be that of many payments.
    pub told_of: Option<ToldOf<'a>>,
    /// The answer that the outcomes are of; none for decisions of officers.
    pub answer: Option<AnswerNo>,
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
    /// Every payable that moved: its state before, and the payable after.
    pub payables: Vec<(PayableState, Payable)>,
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

/// Applies every outcome in order. Fails only when what is stored breaks the state tables.
pub fn settle(input: Input<'_>) -> Result<Output, IllegalTransition> {
    let mut payables: BTreeMap<PayableNo, Payable> =
        input.payables.into_iter().map(|payable| (payable.number, payable)).collect();
    let before: BTreeMap<(PayableNo, AttemptNo), InstructionState> =
        input.instructions.iter().map(|one| ((one.payable, one.attempt), one.state)).collect();
    let payable_before = payables.clone();
    let mut attempts: BTreeMap<(PayableNo, AttemptNo), Instruction> =
        input.instructions.into_iter().map(|one| ((one.payable, one.attempt), one)).collect();
    let mut items: BTreeMap<(PayableNo, AttemptNo), i64> = BTreeMap::new();
    let mut transactions = input.transactions.clone();
    let mut told_of = input.told_of.map(|told| told.orders.clone()).unwrap_or_default();
    let mut output = Output::default();

    for outcome in input.outcomes {
        let key = (outcome.payable, outcome.attempt);
        let found = |kind, detail: String| Found {
            kind,
            item: outcome.item,
            instruction: key,
            expected_minor: None,
            reported_minor: None,
            detail,
        };
        let (Some(instruction), Some(payable)) =
            (attempts.get(&key), payables.get(&outcome.payable))
        else {
            let detail = "the reference has our form, but no such attempt was ever made".to_owned();
            output.discrepancies.push(found(DiscrepancyKind::Unmatched, detail));
            continue;
        };
        match &outcome.amount {
            Some(Ok(minor)) if *minor != instruction.amount_minor => {
                output.discrepancies.push(Found {
                    expected_minor: Some(instruction.amount_minor),
                    reported_minor: Some(*minor),
                    ..found(
                        DiscrepancyKind::AmountDiffers,
                        "the reported amount is not the ordered one; nothing was changed"
                            .to_owned(),
                    )
                });
                continue;
            }
            Some(Err(currency)) => {
                output.discrepancies.push(Found {
                    expected_minor: Some(instruction.amount_minor),
                    ..found(
                        DiscrepancyKind::AmountDiffers,
                        format!("the amount is reported in {currency}; nothing was changed"),
                    )
                });
                continue;
            }
            _ => {}
        }
        if !outcome.unbelievable.is_empty() {
            for (kind, detail) in &outcome.unbelievable {
                output.discrepancies.push(Found {
                    expected_minor: Some(instruction.amount_minor),
                    reported_minor: outcome.amount.clone().and_then(Result::ok),
                    ..found(*kind, detail.clone())
                });
            }
            continue;
        }
        let known = transactions.entry(key).or_default();
        if let Some(told) = input.told_of
            && let Some(detail) = of_another(outcome, known, &told_of, told.prefix)
        {
            output.discrepancies.push(Found {
                expected_minor: Some(instruction.amount_minor),
                reported_minor: Some(instruction.amount_minor),
                ..found(DiscrepancyKind::TransactionShared, detail)
            });
            continue;
        }
        match input.batches.get(&instruction.batch) {
            Some(BatchState::Sending) if input.one_by_one.contains(&instruction.batch) => {}
            Some(BatchState::Sending | BatchState::Unknown) => {
                output.proved_delivered.insert(instruction.batch);
            }
            Some(BatchState::Created | BatchState::Released | BatchState::Withdrawn) => {
                let detail = "the partner answers for a payment whose file never left".to_owned();
                output.halt = Some(detail.clone());
                output.discrepancies.push(found(DiscrepancyKind::Contradiction, detail));
                // The order can still leave: what is said of it now must not have it made a second time.
                if instruction.state == InstructionState::InBatch {
                    continue;
                }
            }
            Some(BatchState::Delivered | BatchState::Refused) | None => {}
        }
        let other_live = attempts
            .range((outcome.payable, AttemptNo::FIRST)..)
            .take_while(|((payable, _), _)| *payable == outcome.payable)
            .any(|((_, attempt), other)| *attempt != outcome.attempt && other.state.is_live());
        let in_this_answer = items.contains_key(&key)
            || instruction.answer.is_some_and(|(answer, _)| Some(answer) == input.answer);
        if let Some(detail) = perhaps_twice(instruction, outcome, known, in_this_answer) {
            output.discrepancies.push(Found {
                expected_minor: Some(instruction.amount_minor),
                reported_minor: Some(instruction.amount_minor),
                ..found(DiscrepancyKind::PaidTwice, detail)
            });
            told(outcome, known, &mut told_of, &mut output.transactions);
            continue;
        }
        let step = match &outcome.transaction {
            // A credit that was known before the money came back is no news, where no days tell the order.
            Transaction::Named(reference)
                if known.contains(reference)
                    && matches!(outcome.reported, Reported::Paid(_))
                    && instruction.state == InstructionState::Returned
                    && (outcome.on.is_none() || instruction.outcome_on.is_none()) =>
            {
                Step::nothing()
            }
            _ => decide(instruction, payable, outcome, other_live, input.closed),
        };
        told(outcome, known, &mut told_of, &mut output.transactions);
        let told_nothing = !step.upgrade && !step.debited && step.discrepancy.is_none();
        if let Some((kind, detail)) = step.discrepancy {
            if kind == DiscrepancyKind::SettledExcess {
                output.receivables.push(Owed {
                    cause: ReceivableCause::SettledExcess,
                    person: payable.payee,
                    instruction: key,
                    amount_minor: instruction.amount_minor,
                });
                output.halt = Some(detail.clone());
            }
            output.discrepancies.push(found(kind, detail));
        }
        let Some(event) = step.event else {
            let says_what_became = !matches!(
                outcome.reported,
                Reported::InFlight | Reported::CannotTell | Reported::DecidedNotPaid
            );
            output.repeated += i64::from(told_nothing && says_what_became);
            if let Some(instruction) = attempts.get_mut(&key) {
                if step.upgrade {
                    record(instruction, outcome);
                    items.insert(key, outcome.item);
                }
                if step.debited {
                    instruction.debited_on.clone_from(&outcome.on);
                    items.insert(key, outcome.item);
                }
            }
            continue;
        };
        let next = instruction.state.apply(event)?;
        let payable_event = match event {
            InstructionEvent::Settled => Some(PayableEvent::Settled),
            InstructionEvent::Rejected | InstructionEvent::Cancelled => {
                Some(PayableEvent::Rejected)
            }
            InstructionEvent::OutcomeLost => Some(PayableEvent::OutcomeLost),
            InstructionEvent::FoundInFlight => Some(PayableEvent::FoundInFlight),
            InstructionEvent::SentAgain => Some(PayableEvent::SentAgain),
            InstructionEvent::Returned if instruction.state == InstructionState::SettledExcess => {
                None
            }
            InstructionEvent::Returned => Some(PayableEvent::Returned),
            InstructionEvent::SettledBesideAnother | InstructionEvent::StandsAlone => None,
            InstructionEvent::DecisionReversed => Some(PayableEvent::DecisionReversed),
        };
        if let (Some(event), Some(payable)) = (payable_event, payables.get_mut(&outcome.payable)) {
            payable.state = payable.state.apply(event)?;
            payable.code = match payable.state {
                PayableState::Rejected | PayableState::Returned => {
                    outcome.reason.clone().unwrap_or_else(|| "no reason given".to_owned())
                }
                _ => String::new(),
            };
            payable.batch = Some(instruction.batch);
        }
        if let Some(instruction) = attempts.get_mut(&key) {
            instruction.state = next;
            record(instruction, outcome);
            items.insert(key, outcome.item);
        }
        // The order beside which another was proved paid has come to nothing: what was too much is the
        // payment now, and nothing of it is to be got back.
        let came_to_nothing = matches!(
            next,
            InstructionState::Rejected | InstructionState::Returned | InstructionState::Cancelled
        );
        if came_to_nothing
            && let Some(payable) = payables.get_mut(&outcome.payable)
            && payable.carried_to.is_none()
            && let Some((excess_key, excess)) = attempts
                .range_mut((outcome.payable, AttemptNo::FIRST)..)
                .take_while(|((payable, _), _)| *payable == outcome.payable)
                .find(|(_, one)| one.state == InstructionState::SettledExcess)
        {
            excess.state = excess.state.apply(InstructionEvent::StandsAlone)?;
            items.insert(*excess_key, outcome.item);
            payable.state = payable.state.apply(PayableEvent::Settled)?;
            payable.code = String::new();
            payable.batch = Some(excess.batch);
        }
    }

    for (key, item) in items {
        if let Some(after) = attempts.remove(&key) {
            output.instructions.push(Settled { before: before[&key], after, item });
        }
    }
    for (number, payable) in payables {
        // Also the batch: when the money turns out to have gone by another order, only that differs.
        let before = &payable_before[&number];
        if *before != payable {
            output.payables.push((before.state, payable));
        }
    }
    Ok(output)
}

/// Why a second transaction for one order may be a second payment. What is held stays: whether the money
/// left twice, a person finds out with the partner.
fn perhaps_twice(
    instruction: &Instruction,
    outcome: &Outcome,
    known: &BTreeSet<String>,
    in_this_answer: bool,
) -> Option<String> {
    use InstructionState as S;
    // A credit that came back and is dated before the return was read as its own beginning until now.
    let before_its_return = matches!(
        (&outcome.on, &instruction.outcome_on),
        (Some(on), Some(returned)) if on <= returned
    );
    let (stands, what) = match outcome.reported {
        Reported::Paid(_) => (
            matches!(instruction.state, S::Settled | S::SettledExcess)
                || (instruction.state == S::Returned && before_its_return),
            "paid",
        ),
        Reported::Debited => (
            instruction.debited_on.is_some()
                || matches!(instruction.state, S::Settled | S::SettledExcess),
            "debited",
        ),
        _ => return None,
    };
    let code = DiscrepancyKind::PaidTwice.code().unwrap_or_default();
    match &outcome.transaction {
        Transaction::Named(reference) if stands && !known.contains(reference) => {
            let first = known.first()?;
            Some(format!(
                "{code}: {what} by the transaction {reference}, and before by {first}: the money may have left twice; \
                 nothing was changed"
            ))
        }
        // What one answer lists twice has been done twice, unless a transaction says that it is one.
        Transaction::Unnamed if stands && in_this_answer => Some(format!(
            "{code}: {what} twice in one answer, and no transaction says that it is one payment: the money may have \
             left twice; nothing was changed"
        )),
        _ => None,
    }
}

/// Why the transaction of an outcome cannot be the one that paid its order: it was told for another before,
/// and one transaction credits one account once. One of both people is perhaps unpaid.
fn of_another(
    outcome: &Outcome,
    known: &BTreeSet<String>,
    told_of: &BTreeMap<String, (PayableNo, AttemptNo)>,
    prefix: &OfficePrefix,
) -> Option<String> {
    let reference = moving(outcome).filter(|reference| !known.contains(*reference))?;
    let (payable, attempt) = *told_of.get(reference)?;
    if (payable, attempt) == (outcome.payable, outcome.attempt) {
        return None;
    }
    let code = DiscrepancyKind::TransactionShared.code().unwrap_or_default();
    let other = EndToEndId::derive(prefix, payable, attempt);
    Some(format!(
        "{code}: paid by the transaction {reference}, which was told for {other} before: one of both may not have the \
         money; nothing was changed"
    ))
}

/// The transaction by which an outcome says that money moved to the payee.
pub fn moving(outcome: &Outcome) -> Option<&String> {
    match (&outcome.transaction, outcome.reported) {
        (Transaction::Named(reference), Reported::Paid(_) | Reported::Debited) => Some(reference),
        _ => None,
    }
}

/// Remembers the transaction of an outcome that says that money moved to the payee.
fn told(
    outcome: &Outcome,
    known: &mut BTreeSet<String>,
    told_of: &mut BTreeMap<String, (PayableNo, AttemptNo)>,
    transactions: &mut Vec<ToldTransaction>,
) {
    if let Some(reference) = moving(outcome)
        && known.insert(reference.clone())
    {
        told_of.entry(reference.clone()).or_insert((outcome.payable, outcome.attempt));
        transactions.push(ToldTransaction {
            instruction: (outcome.payable, outcome.attempt),
            reference: reference.clone(),
            item: outcome.item,
        });
    }
}

/// What one outcome does to one instruction.
#[derive(Default)]
struct Step {
    event: Option<InstructionEvent>,
    /// The state stays; the grade of evidence gets better.
    upgrade: bool,
    /// The state stays; that our account was debited is remembered.
    debited: bool,
    discrepancy: Option<(DiscrepancyKind, String)>,
}

impl Step {
    fn to(event: InstructionEvent) -> Step {
        Step { event: Some(event), ..Step::default() }
    }

    fn nothing() -> Step {
        Step::default()
    }

    fn contradiction(detail: &str) -> Step {
        let discrepancy = Some((DiscrepancyKind::Contradiction, detail.to_owned()));
        Step { discrepancy, ..Step::default() }
    }

    fn but(self, kind: DiscrepancyKind, detail: &str) -> Step {
        Step { discrepancy: Some((kind, detail.to_owned())), ..self }
    }
}

fn decide(
    instruction: &Instruction,
    payable: &Payable,
    outcome: &Outcome,
    other_live: bool,
    closed: bool,
) -> Step {
    use InstructionEvent as E;
    use InstructionState as S;
    match (outcome.reported, instruction.state) {
        // What is in suspense is decided by an outcome, not by hearing that it is on its way.
        (Reported::InFlight, S::Unknown) if !closed => Step::to(E::FoundInFlight),
        (Reported::InFlight, _) => Step::nothing(),

        (Reported::Debited, S::InBatch | S::Unknown) => {
            Step { debited: instruction.debited_on.is_none(), ..Step::default() }
        }
        // What was known before a rejection or a return is no news after it.
        (Reported::Debited, S::Rejected | S::Cancelled | S::Returned)
            if instruction.debited_on.is_some() =>
        {
            Step::nothing()
        }
        (Reported::Debited, S::Rejected | S::Cancelled) => Step::contradiction(
            "our account was debited although the payment was reported as not carried out",
        ),
        // Money that came back had left.
        (Reported::Debited, S::Returned | S::Settled | S::SettledExcess | S::ExcessReturned) => {
            Step::nothing()
        }

        (Reported::CannotTell, S::InBatch) => Step::to(E::OutcomeLost).but(
            DiscrepancyKind::StatusUnknown,
            "the provider cannot tell, or uses an unknown status word",
        ),
        (Reported::CannotTell, _) => Step {
            discrepancy: Some((
                DiscrepancyKind::StatusUnknown,
                "the provider cannot tell, or uses an unknown status word".to_owned(),
            )),
            ..Step::default()
        },

        (Reported::Paid(_), S::InBatch | S::Unknown) => Step::to(E::Settled),
        (Reported::Paid(grade), S::Settled) => {
            Step { upgrade: instruction.grade.is_none_or(|held| grade < held), ..Step::default() }
        }
        // Answers overtake each other: a payment that was returned later is no news, whatever was ordered
        // since.
        (Reported::Paid(_), S::Returned)
            if matches!(
                (&outcome.on, &instruction.outcome_on),
                (Some(paid), Some(returned)) if paid <= returned
            ) =>
        {
            Step::nothing()
        }
        (Reported::Paid(_), S::Returned)
            if outcome.on.is_none() || instruction.outcome_on.is_none() =>
        {
            Step::contradiction("reported paid and returned, without days to tell the order")
        }
        (Reported::Paid(_), S::Rejected | S::Cancelled | S::Returned) if other_live => {
            Step::to(E::SettledBesideAnother).but(
                DiscrepancyKind::SettledExcess,
                "proved paid although another attempt is live: the money is to be got back",
            )
        }
        // A list that carried the claim over has its own live or future attempt for the same money.
        (Reported::Paid(_), S::Rejected | S::Cancelled | S::Returned)
            if payable.carried_to.is_some() =>
        {
            Step::to(E::SettledBesideAnother).but(
                DiscrepancyKind::SettledExcess,
                "proved paid although a later list carried it over: the money is to be got back",
            )
        }
        (Reported::Paid(_), S::Returned) => Step::to(E::Settled)
            .but(DiscrepancyKind::Contradiction, "proved paid after it was reported returned"),
        (Reported::Paid(_), S::Rejected | S::Cancelled) => Step::to(E::Settled).but(
            DiscrepancyKind::Contradiction,
            "proved paid after it was reported as not carried out",
        ),
        (Reported::Paid(_), S::SettledExcess | S::ExcessReturned) => Step::nothing(),

        (Reported::Rejected, S::InBatch | S::Unknown) => Step::to(E::Rejected),
        (Reported::Rejected, S::Rejected | S::Returned | S::Cancelled | S::ExcessReturned) => {
            Step::nothing()
        }
        (Reported::Rejected, S::Settled | S::SettledExcess) => {
            Step::contradiction("reported rejected although it is proved paid")
        }

        (Reported::Returned, S::InBatch | S::Unknown | S::Settled | S::SettledExcess) => {
            Step::to(E::Returned)
        }
        (Reported::Returned, S::Returned | S::ExcessReturned) => Step::nothing(),
        (Reported::Returned, S::Rejected | S::Cancelled) => {
            Step::contradiction("reported returned although it was reported as not carried out")
        }

        (Reported::Cancelled, S::InBatch) => Step::to(E::Cancelled),
        (Reported::Cancelled, S::Unknown) => Step::to(E::Rejected),
        (Reported::Cancelled, S::Rejected | S::Cancelled | S::Returned | S::ExcessReturned) => {
            Step::nothing()
        }
        (Reported::Cancelled, S::Settled | S::SettledExcess) => {
            Step::contradiction("reported cancelled although it is proved paid")
        }

        (Reported::DecidedNotPaid, S::InBatch | S::Unknown) => Step::to(E::Rejected),
        (Reported::DecidedNotPaid, S::Settled)
            if instruction.grade == Some(EvidenceGrade::Decision) =>
        {
            Step::to(E::DecisionReversed)
        }
        (Reported::DecidedNotPaid, S::Settled | S::SettledExcess) => {
            Step::contradiction("decided not paid although it is proved paid")
        }
        (
            Reported::DecidedNotPaid,
            S::Rejected | S::Returned | S::Cancelled | S::ExcessReturned,
        ) => Step::nothing(),
    }
}

fn record(instruction: &mut Instruction, outcome: &Outcome) {
    instruction.grade = match outcome.reported {
        Reported::Paid(grade) => Some(grade),
        Reported::DecidedNotPaid => None,
        _ => instruction.grade,
    };
    instruction.reason.clone_from(&outcome.reason);
    instruction.reason_class =
        outcome.class.map(|class| crate::domain::state::Named::name(class).to_owned());
    instruction.outcome_on.clone_from(&outcome.on);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{CycleNo, DestinationNo, ListNo, Shard};
    use crate::domain::outcome::ReasonClass;
    use crate::domain::roster::Channel;
    use crate::domain::state::Named;

    fn payable_no() -> PayableNo {
        PayableNo::pack(CycleNo(1), Shard::new(3), 7).unwrap()
    }

    fn payable(state: PayableState, carried: bool) -> Payable {
        let person = PersonNo::from_number(3 << 55).unwrap();
        Payable {
            number: payable_no(),
            payee: person,
            beneficiary: person,
            destination: None,
            channel: Channel::Bank,
            provider: "B".to_owned(),
            fund: "state".to_owned(),
            programme: "sa".to_owned(),
            province: "01".to_owned(),
            amount_minor: 810_000,
            lines: 1,
            state,
            code: String::new(),
            batch: Some(BatchNo(1)),
            carried_to: carried.then(|| PayableNo::pack(CycleNo(2), Shard::new(3), 0).unwrap()),
        }
    }

    fn attempt(number: i64, state: InstructionState) -> Instruction {
        Instruction {
            payable: payable_no(),
            attempt: AttemptNo::new(number).unwrap(),
            list: ListNo(0),
            batch: BatchNo(number),
            destination: DestinationNo::from_number(1).unwrap(),
            amount_minor: 810_000,
            state,
            grade: None,
            reason: None,
            reason_class: None,
            answer: None,
            outcome_on: (state == InstructionState::Returned).then(|| "2026-11-09".to_owned()),
            debited_on: None,
        }
    }

    fn reported(word: &str) -> Reported {
        match word {
            "in flight" => Reported::InFlight,
            "debited" => Reported::Debited,
            "paid" => Reported::Paid(EvidenceGrade::Statement),
            "rejected" => Reported::Rejected,
            "returned" => Reported::Returned,
            "cancelled" => Reported::Cancelled,
            _ => Reported::CannotTell,
        }
    }

    /// `attempts` are the states of attempts 1, 2 …; the outcome is about attempt 1.
    #[track_caller]
    fn check(sentence: &str, payable_is: &str, attempts: &[&str], word: &str, expected: &str) {
        let outcome = Outcome {
            item: 1,
            payable: payable_no(),
            attempt: AttemptNo::FIRST,
            reported: reported(word),
            amount: Some(Ok(810_000)),
            reason: Some("AC04".to_owned()),
            class: Some(ReasonClass::PayeeData),
            on: Some("2026-11-05".to_owned()),
            transaction: Transaction::None,
            unbelievable: Vec::new(),
        };
        let carried = payable_is.ends_with(" carried");
        let state = PayableState::from_name(payable_is.trim_end_matches(" carried")).unwrap();
        let instructions = attempts
            .iter()
            .zip(1..)
            .map(|(state, number)| attempt(number, InstructionState::from_name(state).unwrap()))
            .collect();
        let batches = BTreeMap::from([
            (BatchNo(1), BatchState::Delivered),
            (BatchNo(2), BatchState::Delivered),
        ]);
        let output = settle(Input {
            outcomes: &[outcome],
            payables: vec![payable(state, carried)],
            instructions,
            batches: &batches,
            closed: false,
            one_by_one: &BTreeSet::new(),
            transactions: &BTreeMap::new(),
            told_of: None,
            answer: None,
        })
        .unwrap();
        let mut said: Vec<String> = output
            .instructions
            .iter()
            .map(|one| format!("attempt {}", one.after.state))
            .chain(output.payables.iter().map(|(_, payable)| format!("payable {}", payable.state)))
            .chain(output.discrepancies.iter().map(|one| one.kind.to_string()))
            .chain(output.receivables.iter().map(|one| format!("owed {}", one.amount_minor)))
            .collect();
        if output.halt.is_some() {
            said.push("halt".to_owned());
        }
        assert_eq!(said.join(", "), expected, "{sentence}");
    }

    #[test]
    fn evidence_moves_what_it_proves_and_nothing_else() {
        check("paid", "pending", &["in_batch"], "paid", "attempt settled, payable paid");
        check("in flight", "pending", &["in_batch"], "in flight", "");
        check(
            "found on its way",
            "unknown",
            &["unknown"],
            "in flight",
            "attempt in_batch, payable pending",
        );
        check(
            "rejected",
            "pending",
            &["in_batch"],
            "rejected",
            "attempt rejected, payable rejected",
        );
        check("returned", "paid", &["settled"], "returned", "attempt returned, payable returned");
        check(
            "never reported paid",
            "pending",
            &["in_batch"],
            "returned",
            "attempt returned, payable returned",
        );
        check(
            "unknown ends by evidence",
            "unknown",
            &["unknown"],
            "paid",
            "attempt settled, payable paid",
        );
        check(
            "a status nobody knows",
            "pending",
            &["in_batch"],
            "??",
            "attempt unknown, payable unknown, status_unknown",
        );
        check(
            "debited, and the payee may have it",
            "pending",
            &["in_batch"],
            "debited",
            "attempt in_batch",
        );
        check("no debit ends unknown", "unknown", &["unknown"], "debited", "attempt unknown");
        check("a debit of what is paid", "paid", &["settled"], "debited", "");
        check("a debit of what came back", "returned", &["returned"], "debited", "");
        check("a debit of what is rejected", "rejected", &["rejected"], "debited", "contradiction");
        check("said twice", "rejected", &["rejected"], "rejected", "");
        check("a rejection of what is paid", "paid", &["settled"], "rejected", "contradiction");
        check(
            "paid after rejected",
            "rejected",
            &["rejected"],
            "paid",
            "attempt settled, payable paid, contradiction",
        );
        check(
            "paid although the reissue is live",
            "paid",
            &["rejected", "settled"],
            "paid",
            "attempt settled_excess, settled_excess, owed 810000, halt",
        );
        check(
            "paid although a later list carried it",
            "returned carried",
            &["rejected"],
            "paid",
            "attempt settled_excess, settled_excess, owed 810000, halt",
        );
        check(
            "the excess comes back",
            "paid",
            &["settled_excess", "settled"],
            "returned",
            "attempt excess_returned",
        );
        check(
            "the order beside an excess comes back",
            "paid",
            &["settled", "settled_excess"],
            "returned",
            "attempt returned, attempt settled, payable paid",
        );
        check("an older credit of what was returned", "returned", &["returned"], "paid", "");
        check(
            "cancelled",
            "pending",
            &["in_batch"],
            "cancelled",
            "attempt cancelled, payable rejected",
        );
    }

    #[test]
    fn another_amount_changes_nothing_and_is_kept() {
        for amount in [Ok(1), Ok(810_001), Err("USD".to_owned())] {
            let outcome = Outcome {
                item: 4,
                payable: payable_no(),
                attempt: AttemptNo::FIRST,
                reported: Reported::Paid(EvidenceGrade::ProviderResult),
                amount: Some(amount),
                reason: None,
                class: None,
                on: None,
                transaction: Transaction::None,
                unbelievable: Vec::new(),
            };
            let output = settle(Input {
                outcomes: &[outcome],
                payables: vec![payable(PayableState::Pending, false)],
                instructions: vec![attempt(1, InstructionState::InBatch)],
                batches: &BTreeMap::new(),
                closed: false,
                one_by_one: &BTreeSet::new(),
                transactions: &BTreeMap::new(),
                told_of: None,
                answer: None,
            })
            .unwrap();
            assert!(output.instructions.is_empty() && output.payables.is_empty());
            assert_eq!(output.discrepancies[0].kind, DiscrepancyKind::AmountDiffers);
            assert_eq!(output.discrepancies[0].expected_minor, Some(810_000));
        }
    }

    /// The attempt is held in a state, dated the 9th where it came back, and FT1 is known of it; the item says
    /// that it was paid, by a transaction or none, on a day.
    #[track_caller]
    fn check_again(held: &str, transaction: &str, on: &str, same_answer: bool, expected: &str) {
        let outcome = Outcome {
            item: 2,
            payable: payable_no(),
            attempt: AttemptNo::FIRST,
            reported: Reported::Paid(EvidenceGrade::ProviderResult),
            amount: Some(Ok(810_000)),
            reason: None,
            class: None,
            on: (!on.is_empty()).then(|| format!("2026-11-{on}")),
            transaction: match transaction {
                "" => Transaction::Unnamed,
                named => Transaction::Named(named.to_owned()),
            },
            unbelievable: Vec::new(),
        };
        let state = InstructionState::from_name(held).unwrap();
        let payable_is = match state {
            InstructionState::Settled => PayableState::Paid,
            InstructionState::Returned => PayableState::Returned,
            _ => PayableState::Pending,
        };
        let before = Instruction {
            grade: Some(EvidenceGrade::ProviderResult),
            answer: Some((AnswerNo(1), 1)),
            ..attempt(1, state)
        };
        let known = BTreeMap::from([(
            (payable_no(), AttemptNo::FIRST),
            BTreeSet::from(["FT1".to_owned()]),
        )]);
        let output = settle(Input {
            outcomes: &[outcome],
            payables: vec![payable(payable_is, false)],
            instructions: vec![before],
            batches: &BTreeMap::from([(BatchNo(1), BatchState::Delivered)]),
            closed: false,
            one_by_one: &BTreeSet::new(),
            transactions: &known,
            told_of: None,
            answer: Some(AnswerNo(if same_answer { 1 } else { 2 })),
        })
        .unwrap();
        let mut said: Vec<String> =
            output.instructions.iter().map(|one| one.after.state.to_string()).collect();
        said.extend(output.discrepancies.iter().map(|one| one.kind.to_string()));
        said.extend(output.transactions.iter().map(|one| format!("new {}", one.reference)));
        said.extend((output.repeated > 0).then(|| "repeated".to_owned()));
        assert_eq!(said.join(", "), expected, "{held}, {transaction} on {on}");
    }

    #[test]
    fn another_transaction_is_perhaps_another_payment() {
        check_again("settled", "FT1", "05", false, "repeated");
        check_again("settled", "FT1", "05", true, "repeated");
        check_again("settled", "FT2", "05", false, "paid_twice, new FT2");
        check_again("settled", "FT2", "05", true, "paid_twice, new FT2");
        check_again("settled", "", "05", false, "repeated");
        check_again("settled", "", "05", true, "paid_twice");
        check_again("in_batch", "FT2", "05", false, "settled, new FT2");
        check_again("unknown", "FT1", "05", false, "settled");
        check_again("returned", "FT1", "05", false, "repeated");
        check_again("returned", "FT1", "", false, "repeated");
        check_again("returned", "FT2", "05", false, "paid_twice, new FT2");
        check_again("returned", "FT2", "12", false, "settled, contradiction, new FT2");
        check_again("returned", "FT2", "", false, "contradiction, new FT2");
    }

    /// FT1 was told of another order, and FT3 of this one; the item says that this one was paid, debited or came
    /// back by a transaction.
    #[track_caller]
    fn check_shared(word: &str, transaction: Transaction, compared: bool, expected: &str) {
        let outcome = |item, payable, transaction| Outcome {
            item,
            payable,
            attempt: AttemptNo::FIRST,
            reported: reported(word),
            amount: Some(Ok(810_000)),
            reason: None,
            class: None,
            on: Some("2026-11-05".to_owned()),
            transaction,
            unbelievable: Vec::new(),
        };
        let second = PayableNo::pack(CycleNo(5), Shard::new(3), 8).unwrap();
        let third = PayableNo::pack(CycleNo(5), Shard::new(3), 9).unwrap();
        let orders = BTreeMap::from([
            ("FT1".to_owned(), (third, AttemptNo::FIRST)),
            ("FT3".to_owned(), (payable_no(), AttemptNo::FIRST)),
        ]);
        let prefix = OfficePrefix::parse("AB01").unwrap();
        let pending = |number| Payable { number, ..payable(PayableState::Pending, false) };
        let order = |payable| Instruction { payable, ..attempt(1, InstructionState::InBatch) };
        // What the first item is told of counts for the second.
        let outcomes =
            [outcome(1, payable_no(), transaction.clone()), outcome(2, second, transaction)];
        let output = settle(Input {
            outcomes: &outcomes,
            payables: vec![pending(payable_no()), pending(second)],
            instructions: vec![order(payable_no()), order(second)],
            batches: &BTreeMap::from([(BatchNo(1), BatchState::Delivered)]),
            closed: false,
            one_by_one: &BTreeSet::new(),
            transactions: &BTreeMap::new(),
            told_of: compared.then_some(ToldOf { orders: &orders, prefix: &prefix }),
            answer: Some(AnswerNo(2)),
        })
        .unwrap();
        let mut said: Vec<String> =
            output.instructions.iter().map(|one| one.after.state.to_string()).collect();
        said.extend(output.discrepancies.iter().map(|one| format!("{} {}", one.item, one.kind)));
        said.extend(output.transactions.iter().map(|one| format!("new {}", one.reference)));
        assert_eq!(said.join(", "), expected, "{word}, {compared}");
    }

    #[test]
    fn one_transaction_is_of_one_order() {
        let named = |text: &str| Transaction::Named(text.to_owned());
        let both = "1 transaction_shared, 2 transaction_shared";
        check_shared("paid", named("FT1"), true, both);
        check_shared("paid", named("FT2"), true, "settled, 2 transaction_shared, new FT2");
        check_shared("paid", named("FT3"), true, "settled, 2 transaction_shared, new FT3");
        check_shared("debited", named("FT1"), true, both);
        check_shared("paid", named("FT1"), false, "settled, settled, new FT1, new FT1");
        check_shared("paid", Transaction::Unnamed, true, "settled, settled");
        // Of money that came back, was refused or is on its way, one reference may tell of many.
        check_shared("returned", named("FT1"), true, "returned, returned");
        check_shared("rejected", named("FT1"), true, "rejected, rejected");
        check_shared("in flight", named("FT1"), true, "");
    }

    #[test]
    fn an_outcome_proves_that_a_file_of_unknown_fate_arrived() {
        let outcome = Outcome {
            item: 1,
            payable: payable_no(),
            attempt: AttemptNo::FIRST,
            reported: Reported::InFlight,
            amount: None,
            reason: None,
            class: None,
            on: None,
            transaction: Transaction::None,
            unbelievable: Vec::new(),
        };
        for (batch, proved, halted) in [
            (BatchState::Unknown, true, false),
            (BatchState::Sending, true, false),
            (BatchState::Delivered, false, false),
            (BatchState::Released, false, true),
        ] {
            let output = settle(Input {
                outcomes: std::slice::from_ref(&outcome),
                payables: vec![payable(PayableState::Pending, false)],
                instructions: vec![attempt(1, InstructionState::InBatch)],
                batches: &BTreeMap::from([(BatchNo(1), batch)]),
                closed: false,
                one_by_one: &BTreeSet::new(),
                transactions: &BTreeMap::new(),
                told_of: None,
                answer: None,
            })
            .unwrap();
            assert_eq!(output.proved_delivered.contains(&BatchNo(1)), proved, "{batch}");
            assert_eq!(output.halt.is_some(), halted, "{batch}");
        }
    }

    proptest::proptest! {
        /// Whatever is reported in whatever order, what is stored never leaves the tables, at most
        /// one attempt is live, and every item moves something, is kept, or told nothing new.
        #[test]
        fn any_sequence_of_reports_keeps_the_invariants(
            words in proptest::collection::vec((0_usize..7, 1_i64..3, 1_u32..28), 0..12),
        ) {
            const WORDS: [&str; 7] = ["in flight", "debited", "paid", "rejected", "returned", "cancelled", "??"];
            let outcomes: Vec<Outcome> = words.iter().zip(1..).map(|((word, number, day), item)| Outcome {
                item,
                payable: payable_no(),
                attempt: AttemptNo::new(*number).unwrap(),
                reported: reported(WORDS[*word]),
                amount: None,
                reason: None,
                class: None,
                on: Some(format!("2026-11-{day:02}")),
                transaction: Transaction::None,
                unbelievable: Vec::new(),
            }).collect();
            let output = settle(Input {
                outcomes: &outcomes,
                payables: vec![payable(PayableState::Pending, false)],
                instructions: vec![attempt(1, InstructionState::Rejected), attempt(2, InstructionState::InBatch)],
                batches: &BTreeMap::from([(BatchNo(1), BatchState::Delivered), (BatchNo(2), BatchState::Delivered)]),
            closed: false,
            one_by_one: &BTreeSet::new(),
                transactions: &BTreeMap::new(),
                told_of: None,
                answer: None,
            }).unwrap();
            let state = |number: i64, held: InstructionState| output.instructions.iter()
                .find(|one| one.after.attempt.number() == number as u8).map_or(held, |one| one.after.state);
            let first = state(1, InstructionState::Rejected);
            let second = state(2, InstructionState::InBatch);
            proptest::prop_assert!(!(first.is_live() && second.is_live()), "{first} {second}");
        }
    }
}
