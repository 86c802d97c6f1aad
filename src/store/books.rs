//! What a step writes of money and of states, said once more for the log.
//!
//! Reads: the same values that `Changes` writes into rows. Gives: `Written`, of which a `Witness` makes
//! leaves that go into the log in the same transaction; and the same lines from rows that are read, so that
//! what stands can be held against what was written.

use crate::domain::answer::{Discrepancy, ToldTransaction};
use crate::domain::claim::Claim;
use crate::domain::court_order::CourtDeduction;
use crate::domain::fact::FactKind;
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, PayableNo, Shard};
use crate::domain::instruction::{Evidence, Instruction, InstructionState};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::receivable::Receivable;
use crate::domain::state::{Named, named};

/// One thing that a step writes, in the order in which it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// A row of few is in this state from now on.
    State { kind: FactKind, key: String, state: &'static str },
    /// One of many lines about money comes to be true, or is true no more. `row` is the first line of
    /// its row.
    Line { cycle: CycleNo, shard: Shard, line: String, comes: bool, row: bool },
    /// One of many lines about the ways of payables: by whom and where their money is paid, in which file, and
    /// what keeps it.
    Way { cycle: CycleNo, shard: Shard, line: String, comes: bool, row: bool },
    /// One of many lines about claims, of the money of a cycle and shard. `by` is the cycle whose
    /// computation does it: forgotten, that puts back what it took from others.
    Claim { cycle: CycleNo, shard: Shard, by: CycleNo, line: String, comes: bool, row: bool },
    /// Everything that was computed for a cycle is forgotten.
    Dropped(CycleNo),
    /// An answer proves that a file arrived: what was sent and not known to have ended is delivered.
    Proved(CycleNo, BatchNo),
    /// Money to be got back. `order` names the order that was too much, to be found when it falls away.
    Owed { number: i64, cycle: Option<CycleNo>, line: String, order: Option<String> },
    /// A file of a partner is taken in, or refused: from here on what is kept of it has its lines.
    AnswerBegins(AnswerNo),
    /// One of many lines that are kept of an answer, and never change.
    Kept { answer: AnswerNo, of: Kept, line: String },
    /// The order was not too much after all.
    NotOwed { order: String },
    /// What an estate owed is not owed, or is owed again.
    SetAside { number: i64, is_so: bool },
}

named!(
    /// What is kept of an answer in rows of its own.
    Kept {
        Transaction = "transactions",
        Discrepancy = "queue",
    }
);

/// Makes the leaves that tell what was written.
pub trait Witness: Send + Sync {
    fn leaves(&self, written: &[Written]) -> Result<Vec<Vec<u8>>, String>;
}

/// What never changes of a payable.
pub fn payable_line(one: &Payable) -> String {
    let destination = one.destination.map_or(0, |destination| destination.number());
    let heir = one.heir.map(|naming| format!(" heir {naming}")).unwrap_or_default();
    format!(
        "payable {} {} {} {} {destination} {} {}{heir}",
        one.number.number(),
        one.amount_minor,
        one.payee.number(),
        one.beneficiary.number(),
        one.fund,
        one.programme
    )
}

pub fn payable_state_line(number: PayableNo, state: PayableState) -> String {
    format!("payable {} is {state}", number.number())
}

/// The way of a payable: by whom and where it is paid, and how many lines it pays. It never changes.
pub fn payable_way_line(one: &Payable) -> String {
    format!(
        "payable {} goes {}\u{1f}{}\u{1f}{}\u{1f}{}",
        one.number.number(),
        one.channel,
        one.provider,
        one.province,
        one.lines
    )
}

/// The file of a payable's last order, and why it is held or came back.
pub fn payable_stay_line(number: PayableNo, code: &str, batch: Option<BatchNo>) -> String {
    let batch = batch.map_or(0, |batch| batch.0);
    format!("payable {} in {batch} for {code}", number.number())
}

pub fn carried_line(from: PayableNo, to: PayableNo) -> String {
    format!("payable {} is carried to {}", from.number(), to.number())
}

/// A claim where it stands: what is determined, and which payable pays it.
pub fn claim_line(one: &Claim) -> String {
    format!(
        "claim {}\u{1f}{}\u{1f}{}\u{1f}{} in {} {}",
        claim_key(one),
        one.person.number(),
        one.programme,
        one.amount_minor,
        one.cycle.0,
        one.payable.map_or(0, |payable| payable.number())
    )
}

/// Whence a claim was carried to where it stands.
pub fn claim_carried_line(one: &Claim) -> Option<String> {
    let from = one.carried_from?;
    let payable = one.payable.map_or(0, |payable| payable.number());
    Some(format!("claim {} in {payable} from {}", claim_key(one), from.number()))
}

/// The shard with whose money a claim is counted: that of its payable, which is the payee's.
pub fn claim_shard(one: &Claim) -> Shard {
    one.payable.map_or(one.shard, |payable| payable.shard())
}

fn claim_key(one: &Claim) -> String {
    format!(
        "{} {} {}\u{1f}{}\u{1f}{}\u{1f}{}",
        one.shard.number(),
        one.period.as_number(),
        one.enrolment.number(),
        one.benefit,
        one.component,
        one.revision
    )
}

/// What never changes of an order.
pub fn order_line(one: &Instruction) -> String {
    format!(
        "order {} {} {} {}",
        one.payable.number(),
        one.attempt.number(),
        one.amount_minor,
        one.destination.number()
    )
}

pub fn order_file_line(payable: PayableNo, attempt: AttemptNo, batch: BatchNo) -> String {
    format!("order {} {} in {}", payable.number(), attempt.number(), batch.0)
}

pub fn order_state_line(
    payable: PayableNo,
    attempt: AttemptNo,
    state: InstructionState,
    known: &Evidence,
) -> String {
    let (answer, item) = known.answer.map_or((0, 0), |(answer, item)| (answer.0, item));
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    format!(
        "order {} {} is {state}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{answer}\u{1f}{item}\u{1f}{}\u{1f}{}",
        payable.number(),
        attempt.number(),
        known.grade.map_or("", |grade| grade.name()),
        word(&known.reason),
        word(&known.reason_class),
        word(&known.outcome_on),
        word(&known.debited_on)
    )
}

/// What a payable was reduced by for a court order, out of one month. It never changes.
pub fn court_deduction_line(one: &CourtDeduction) -> String {
    format!(
        "kept {} for {} of {} {}",
        one.payable.number(),
        one.order,
        one.period.as_number(),
        one.amount_minor
    )
}

/// By which transaction a partner said that an order was paid or debited.
pub fn transaction_line(
    answer: AnswerNo,
    provider: &str,
    format: &str,
    told: &ToldTransaction,
) -> String {
    let (payable, attempt) = told.instruction;
    format!(
        "transaction {} {} {} {}\u{1f}{provider}\u{1f}{format}\u{1f}{}",
        answer.0,
        told.item,
        payable.number(),
        attempt.number(),
        told.reference
    )
}

/// What never changes of an item in the queue: all but who resolved it.
pub fn discrepancy_line(number: i64, one: &Discrepancy) -> String {
    let order = one.instruction.map(|(payable, attempt)| excess_order(payable, attempt));
    let minor =
        |minor: Option<i64>| minor.map_or_else(|| "-".to_owned(), |minor| minor.to_string());
    format!(
        "discrepancy {number} {} {} {} {} {} {}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}",
        one.answer.0,
        one.item,
        one.file.map_or(0, |(cycle, _)| cycle.0),
        one.file.map_or(0, |(_, batch)| batch.0),
        minor(one.expected_minor),
        minor(one.reported_minor),
        one.kind,
        one.provider,
        order.unwrap_or_default(),
        one.detail
    )
}

pub fn owed_line(number: i64, one: &Receivable, cycle: Option<CycleNo>) -> String {
    format!(
        "receivable {number} {} {} {} {} {}",
        one.cause,
        one.person.number(),
        owed_order(one).unwrap_or_default(),
        one.amount_minor,
        cycle.map_or(0, |cycle| cycle.0)
    )
}

/// The order of which a receivable speaks.
pub fn owed_order(one: &Receivable) -> Option<String> {
    one.instruction.map(|(payable, attempt)| excess_order(payable, attempt))
}

pub fn excess_order(payable: PayableNo, attempt: AttemptNo) -> String {
    format!("order {} {}", payable.number(), attempt.number())
}
