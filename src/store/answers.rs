//! Answers, discrepancies, receivables, halts and suspense: what came back and what it left.

use crate::domain::answer::{
    Answer, AnswerState, Discrepancy, DiscrepancyKind, Halt, Receivable, ReceivableCause,
};
use crate::domain::ids::{AnswerNo, AttemptNo, CycleNo, PayableNo, PersonNo};
use crate::domain::state::Named;

use super::registry::number;
use super::{Changes, Row, Store, StoreError};

/// Discrepancies that are alike, of one cycle or of none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscrepancySum {
    pub kind: DiscrepancyKind,
    pub provider: String,
    pub is_open: bool,
    /// False when the items fit no payable of any cycle.
    pub is_of_cycle: bool,
    pub count: i64,
    pub expected_minor: i64,
    pub reported_minor: i64,
}

/// Receivables of one cause, open or settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivableSum {
    pub cause: ReceivableCause,
    pub is_open: bool,
    /// False for those that come from no payable: they are the office's, of every cycle.
    pub is_of_cycle: bool,
    pub count: i64,
    pub total_minor: i64,
}

macro_rules! answer_columns {
    () => {
        "select answer_no, provider, file_name, sha256, format, received_at, item_count, applied_count, state, detail
         from answer "
    };
}

impl Store {
    pub async fn answer_find(&self, sha256: &str) -> Result<Option<Answer>, StoreError> {
        let rows = self
            .query(concat!(answer_columns!(), "where sha256 = $1"), &[sha256.to_owned().into()])
            .await?;
        rows.first().map(answer).transpose()
    }

    /// Answers that are taken in and not applied to their end.
    pub async fn answers_waiting(&self) -> Result<Vec<Answer>, StoreError> {
        let rows = self
            .query(concat!(answer_columns!(), "where state = 'applying' order by answer_no"), &[])
            .await?;
        rows.iter().map(answer).collect()
    }

    pub async fn answers(&self) -> Result<Vec<Answer>, StoreError> {
        let rows = self.query(concat!(answer_columns!(), "order by answer_no"), &[]).await?;
        rows.iter().map(answer).collect()
    }

    /// The answers that decided at least one instruction of a cycle.
    pub async fn answers_of(&self, cycle: CycleNo) -> Result<Vec<Answer>, StoreError> {
        let rows = self
            .query(
                concat!(
                    answer_columns!(),
                    "where answer_no in (select answer_no from instruction where cycle_no = $1) order by answer_no"
                ),
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(answer).collect()
    }

    /// Discrepancies of a cycle's payables, and those that fit no payable at all, counted.
    pub async fn discrepancy_sums(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<DiscrepancySum>, StoreError> {
        let rows = self
            .query(
                // A payable's number carries its cycle in its upper 20 bits.
                "select d.kind, d.provider, d.state, d.of_cycle, cast(count(*) as bigint),
                   cast(coalesce(sum(d.expected_minor), 0) as bigint),
                   cast(coalesce(sum(d.reported_minor), 0) as bigint)
                 from (
                   select kind, provider, state, expected_minor, reported_minor,
                     cast(case when payable_no is null then 0 else 1 end as bigint) as of_cycle
                   from discrepancy where payable_no is null or (payable_no >> 38) = $1
                 ) d
                 group by d.kind, d.provider, d.state, d.of_cycle
                 order by d.kind, d.provider, d.state, d.of_cycle",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(DiscrepancySum {
                    kind: row.named(0)?,
                    provider: row.text(1)?.to_owned(),
                    is_open: row.text(2)? == "open",
                    is_of_cycle: row.int(3)? == 1,
                    count: row.int(4)?,
                    expected_minor: row.int(5)?,
                    reported_minor: row.int(6)?,
                })
            })
            .collect()
    }

    /// Receivables from a cycle's payables, and those from no payable, counted.
    pub async fn receivable_sums(&self, cycle: CycleNo) -> Result<Vec<ReceivableSum>, StoreError> {
        let rows = self
            .query(
                "select r.cause, r.state, r.of_cycle, cast(count(*) as bigint), cast(sum(r.amount_minor) as bigint)
                 from (
                   select cause, state, amount_minor,
                     cast(case when payable_no is null then 0 else 1 end as bigint) as of_cycle
                   from receivable where payable_no is null or (payable_no >> 38) = $1
                 ) r
                 group by r.cause, r.state, r.of_cycle order by r.cause, r.state, r.of_cycle",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ReceivableSum {
                    cause: row.named(0)?,
                    is_open: row.text(1)? == "open",
                    is_of_cycle: row.int(2)? == 1,
                    count: row.int(3)?,
                    total_minor: row.int(4)?,
                })
            })
            .collect()
    }

    /// Open discrepancies: number, kind, provider, age since, sentence.
    pub async fn discrepancies(&self) -> Result<Vec<(i64, Discrepancy)>, StoreError> {
        let rows = self
            .query(
                "select discrepancy_no, kind, provider, answer_no, item, payable_no, attempt, expected_minor,
                 reported_minor, detail, opened_at from discrepancy where state = 'open' order by discrepancy_no",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.int(0)?,
                    Discrepancy {
                        kind: row.named(1)?,
                        provider: row.text(2)?.to_owned(),
                        answer: AnswerNo(row.int(3)?),
                        item: row.int(4)?,
                        instruction: instruction_key(row, 5)?,
                        expected_minor: row.maybe_int(7)?,
                        reported_minor: row.maybe_int(8)?,
                        detail: row.text(9)?.to_owned(),
                        opened_at: row.text(10)?.to_owned(),
                    },
                ))
            })
            .collect()
    }

    pub async fn receivables(&self) -> Result<Vec<Receivable>, StoreError> {
        let rows = self
            .query(
                "select cause, person_no, payable_no, attempt, amount_minor, opened_at from receivable
                 where state = 'open' order by receivable_no",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Receivable {
                    cause: row.named(0)?,
                    person: PersonNo::from_number(row.int(1)?)
                        .ok_or_else(|| StoreError::RowMustBeWhole("person number".to_owned()))?,
                    instruction: instruction_key(row, 2)?,
                    amount_minor: row.int(4)?,
                    opened_at: row.text(5)?.to_owned(),
                })
            })
            .collect()
    }

    /// Halts that are in force.
    pub async fn halts(&self) -> Result<Vec<Halt>, StoreError> {
        let rows = self
            .query(
                "select halt_no, scope, cause, put_by, put_at, first_lift_by from halt
                 where lifted_at is null order by halt_no",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Halt {
                    number: row.int(0)?,
                    scope: row.text(1)?.to_owned(),
                    cause: row.text(2)?.to_owned(),
                    put_by: row.text(3)?.to_owned(),
                    put_at: row.text(4)?.to_owned(),
                    first_lift_by: row.maybe_text(5)?.map(str::to_owned),
                })
            })
            .collect()
    }

    /// Count and sum of what a cycle left in suspense.
    pub async fn suspense(&self, cycle: CycleNo) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint), cast(coalesce(sum(amount_minor), 0) as bigint)
                 from suspense where cycle_no = $1",
                &[cycle.0.into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }
}

impl Changes {
    pub fn answer_received(&mut self, answer: &Answer) {
        self.bulk(
            "answer",
            &[
                "answer_no",
                "provider",
                "file_name",
                "sha256",
                "format",
                "received_at",
                "item_count",
                "applied_count",
                "state",
                "detail",
            ],
            [[
                answer.number.0.into(),
                answer.provider.clone().into(),
                answer.file_name.clone().into(),
                answer.sha256.clone().into(),
                answer.format.clone().into(),
                answer.received_at.clone().into(),
                answer.items.into(),
                answer.applied.into(),
                answer.state.name().into(),
                answer.detail.clone().into(),
            ]],
        );
    }

    /// Moves an answer's progress; a second process that applies the same items is a conflict.
    pub fn answer_applied(&mut self, answer: AnswerNo, from: i64, to: i64, state: AnswerState) {
        self.guarded(
            "an answer's items are applied once, in order",
            "update answer set applied_count = $3, state = $4
             where answer_no = $1 and applied_count = $2 and state = 'applying'",
            vec![answer.0.into(), from.into(), to.into(), state.name().into()],
        );
    }

    pub fn discrepancies(&mut self, first_no: i64, discrepancies: &[Discrepancy]) {
        self.bulk(
            "discrepancy",
            &[
                "discrepancy_no",
                "kind",
                "provider",
                "answer_no",
                "item",
                "payable_no",
                "attempt",
                "expected_minor",
                "reported_minor",
                "detail",
                "opened_at",
                "state",
            ],
            discrepancies.iter().zip(first_no..).map(|(one, discrepancy_no)| {
                [
                    discrepancy_no.into(),
                    one.kind.name().into(),
                    one.provider.clone().into(),
                    one.answer.0.into(),
                    one.item.into(),
                    number(one.instruction.map(|(payable, _)| payable.number())),
                    number(one.instruction.map(|(_, attempt)| i64::from(attempt.number()))),
                    number(one.expected_minor),
                    number(one.reported_minor),
                    one.detail.clone().into(),
                    one.opened_at.clone().into(),
                    "open".into(),
                ]
            }),
        );
    }

    pub fn discrepancy_resolved(
        &mut self,
        discrepancy_no: i64,
        by: &str,
        reason: Vec<u8>,
        at: &str,
    ) {
        self.guarded(
            "a discrepancy is resolved once",
            "update discrepancy set state = 'resolved', resolved_by = $2, reason = $3, resolved_at = $4
             where discrepancy_no = $1 and state = 'open'",
            vec![
                discrepancy_no.into(),
                by.to_owned().into(),
                reason.into(),
                at.to_owned().into(),
            ],
        );
    }

    /// Money to be got back that evidence of a payment proved.
    pub fn receivables(&mut self, first_no: i64, receivables: &[Receivable]) {
        self.receivables_of(None, first_no, receivables);
    }

    /// Money to be got back that a cycle worked out; it is forgotten with the cycle's computation.
    pub fn overpayments(&mut self, cycle: CycleNo, first_no: i64, receivables: &[Receivable]) {
        self.receivables_of(Some(cycle), first_no, receivables);
    }

    fn receivables_of(
        &mut self,
        cycle: Option<CycleNo>,
        first_no: i64,
        receivables: &[Receivable],
    ) {
        self.bulk(
            "receivable",
            &[
                "receivable_no",
                "cause",
                "person_no",
                "payable_no",
                "attempt",
                "amount_minor",
                "opened_at",
                "state",
                "cycle_no",
            ],
            receivables.iter().zip(first_no..).map(|(one, receivable_no)| {
                [
                    receivable_no.into(),
                    one.cause.name().into(),
                    one.person.number().into(),
                    number(one.instruction.map(|(payable, _)| payable.number())),
                    number(one.instruction.map(|(_, attempt)| i64::from(attempt.number()))),
                    one.amount_minor.into(),
                    one.opened_at.clone().into(),
                    "open".into(),
                    number(cycle.map(|cycle| cycle.0)),
                ]
            }),
        );
    }

    /// Stops a scope; a scope that is stopped already stays so, with its first cause.
    pub fn halt_put(&mut self, halt_no: i64, scope: &str, cause: &str, by: &str, at: &str) {
        self.free(
            "insert into halt (halt_no, scope, cause, put_by, put_at)
             select $1, $2, $3, $4, $5 where not exists
               (select 1 from halt where scope = $2 and lifted_at is null)",
            vec![
                halt_no.into(),
                scope.to_owned().into(),
                cause.to_owned().into(),
                by.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }

    pub fn halt_first_lift(&mut self, halt_no: i64, by: &str) {
        self.guarded(
            "the first of two officers lifts a halt once",
            "update halt set first_lift_by = $2 where halt_no = $1 and first_lift_by is null and lifted_at is null",
            vec![halt_no.into(), by.to_owned().into()],
        );
    }

    pub fn halt_lifted(&mut self, halt_no: i64, by: &str, at: &str) {
        self.guarded(
            "the second officer who lifts a halt is another person",
            "update halt set second_lift_by = $2, lifted_at = $3
             where halt_no = $1 and first_lift_by is not null and first_lift_by <> $2 and lifted_at is null",
            vec![halt_no.into(), by.to_owned().into(), at.to_owned().into()],
        );
    }

    /// Puts what is unknown at closing in suspense: one row for every unknown payable.
    pub fn unknown_suspended(&mut self, cycle: CycleNo, at: &str) {
        self.free(
            "insert into suspense (shard, payable_no, cycle_no, amount_minor, entered_at)
             select shard, payable_no, cycle_no, amount_minor, $2 from payable
             where cycle_no = $1 and state = 'unknown'",
            vec![cycle.0.into(), at.to_owned().into()],
        );
    }

    pub fn suspense_cleared(&mut self, payable: PayableNo) {
        self.free(
            "delete from suspense where shard = $1 and payable_no = $2",
            vec![i64::from(payable.shard().number()).into(), payable.number().into()],
        );
    }
}

fn answer(row: &Row) -> Result<Answer, StoreError> {
    Ok(Answer {
        number: AnswerNo(row.int(0)?),
        provider: row.text(1)?.to_owned(),
        file_name: row.text(2)?.to_owned(),
        sha256: row.text(3)?.to_owned(),
        format: row.text(4)?.to_owned(),
        received_at: row.text(5)?.to_owned(),
        items: row.int(6)?,
        applied: row.int(7)?,
        state: row.named(8)?,
        detail: row.text(9)?.to_owned(),
    })
}

fn instruction_key(row: &Row, at: usize) -> Result<Option<(PayableNo, AttemptNo)>, StoreError> {
    let whole = |error: crate::domain::ids::IdError| StoreError::RowMustBeWhole(error.to_string());
    match (row.maybe_int(at)?, row.maybe_int(at + 1)?) {
        (Some(payable), Some(attempt)) => Ok(Some((
            PayableNo::from_number(payable).map_err(whole)?,
            AttemptNo::new(attempt).map_err(whole)?,
        ))),
        _ => Ok(None),
    }
}
