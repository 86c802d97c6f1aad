//! Claims, payables, instructions, batches and deliveries.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use jiff::civil::Date;

use crate::domain::batch::{Batch, BatchState, Delivery, DeliveryOutcome, SealedCopy};
use crate::domain::claim::Claim;
use crate::domain::fact::FactKind;
use crate::domain::ids::{
    AnswerNo, AttemptNo, BatchNo, CycleNo, DestinationNo, ListNo, PayableNo, PersonNo, Shard,
};
use crate::domain::instruction::{EvidenceGrade, Instruction, InstructionState};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::period::parse_date;
use crate::domain::state::Named;

use super::books::{
    Evidence, Written, carried_line, order_file_line, order_line, order_state_line, payable_line,
    payable_state_line,
};
use super::database::Dialect;
use super::paged::{Many, PAGE, lookup, padded};
use super::registry::{broken, destination_no, enrolment_no, number, period, person_no, shard};
use super::{Changes, Row, Store, StoreError, Value};

/// One instruction's transition, with the evidence for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstructionMove {
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    pub from: InstructionState,
    pub to: InstructionState,
    pub grade: Option<EvidenceGrade>,
    pub reason: Option<String>,
    pub reason_class: Option<String>,
    pub answer: Option<(AnswerNo, i64)>,
    pub outcome_on: Option<String>,
    pub debited_on: Option<String>,
    /// What was known before.
    pub was: Evidence,
}

impl InstructionMove {
    /// The move of an instruction that keeps what else is known of it.
    pub fn of(order: &Instruction, to: InstructionState) -> InstructionMove {
        InstructionMove {
            payable: order.payable,
            attempt: order.attempt,
            from: order.state,
            to,
            grade: order.grade,
            reason: order.reason.clone(),
            reason_class: order.reason_class.clone(),
            answer: order.answer,
            outcome_on: order.outcome_on.clone(),
            debited_on: order.debited_on.clone(),
            was: Evidence::of(order),
        }
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            grade: self.grade,
            reason: self.reason.clone(),
            reason_class: self.reason_class.clone(),
            answer: self.answer,
            outcome_on: self.outcome_on.clone(),
            debited_on: self.debited_on.clone(),
        }
    }
}

/// One payable's transition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayableMove {
    pub payable: PayableNo,
    pub from: PayableState,
    pub to: PayableState,
    pub code: String,
    pub batch: Option<BatchNo>,
}

/// Count and sum of some payables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayableSum {
    pub state: PayableState,
    /// The state of the batch of the instruction that is live, paid it, or was the last; none while never
    /// instructed.
    pub batch: Option<BatchState>,
    /// Of that batch; while never instructed, the way that the roster names.
    pub channel: String,
    pub provider: String,
    /// The way that the roster names, wherever the money went: the totals of a sealed list stay the same.
    pub channel_named: String,
    pub programme: String,
    pub province: String,
    pub fund: String,
    pub code: String,
    pub carried: bool,
    pub count: i64,
    pub total_minor: i64,
}

/// Count and sum of the instructions of one batch in one state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstructionSum {
    pub batch: BatchNo,
    pub state: InstructionState,
    pub grade: Option<EvidenceGrade>,
    pub count: i64,
    pub total_minor: i64,
}

/// Orders that failed alike, and what became of their payables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailureSum {
    /// Rejected, returned or cancelled.
    pub state: InstructionState,
    pub reason: Option<String>,
    pub reason_class: Option<String>,
    /// Whether a later attempt of the same payable exists.
    pub is_superseded: bool,
    /// The state of the payable now, and of the batch of its last instruction.
    pub payable: PayableState,
    pub batch: Option<BatchState>,
    pub is_carried: bool,
    pub count: i64,
    pub total_minor: i64,
}

macro_rules! payable_columns {
    () => {
        "select payable_no, payee_no, beneficiary_no, destination_no, channel, provider, fund, programme,
         province, amount_minor, line_count, state, code, batch_no, carried_to from payable "
    };
}

macro_rules! instruction_columns {
    () => {
        "select payable_no, attempt, list_no, batch_no, destination_no, amount_minor, state, grade, reason,
         reason_class, answer_no, answer_item, outcome_on, debited_on from instruction "
    };
}

macro_rules! batch_columns {
    () => {
        "select cycle_no, batch_no, list_no, channel, provider, format, value_date, file_name, message_id,
         item_count, total_minor, sha256, file_bytes, state, created_at from batch "
    };
}

/// The beneficiary of a payable, and its state as people see it: one in a file of unknown fate is
/// unknown.
macro_rules! seen_outcomes {
    () => {
        "select p.beneficiary_no,
           case when p.state = 'pending' and b.state in ('sending', 'unknown') then 'unknown' else p.state end
         from payable p left join batch b on b.cycle_no = p.cycle_no and b.batch_no = p.batch_no "
    };
}

impl Store {
    /// What has been determined for the persons of one shard, by month, enrolment, benefit, component
    /// and revision.
    pub async fn claims(&self, shard: Shard) -> Result<Vec<Claim>, StoreError> {
        let rows = self
            .query(
                "select shard, period, enrolment_no, benefit, component, revision, amount_minor, cycle_no, payable_no,
                   carried_from, person_no, programme
                 from claim where shard = $1
                 order by period, enrolment_no, benefit, component, revision",
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter().map(claim).collect()
    }

    /// Sum and count of the claims that a cycle's payables own.
    pub async fn claim_sum(&self, cycle: CycleNo) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint), cast(coalesce(sum(amount_minor), 0) as bigint)
                 from claim where cycle_no = $1 and payable_no is not null",
                &[cycle.0.into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    pub async fn payables(&self, cycle: CycleNo, shard: Shard) -> Result<Vec<Payable>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let rows = self
            .query(
                concat!(
                    payable_columns!(),
                    "where shard = $1 and payable_no between $2 and $3 order by payable_no"
                ),
                &[i64::from(shard.number()).into(), first.into(), last.into()],
            )
            .await?;
        rows.iter().map(payable).collect()
    }

    /// The payables of one shard that were not paid and may be ordered again.
    pub async fn payables_unpaid(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Payable>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let rows = self
            .query(
                concat!(
                    payable_columns!(),
                    "where shard = $1 and payable_no between $2 and $3 and carried_to is null
                     and state in ('held', 'rejected', 'returned') order by payable_no"
                ),
                &[i64::from(shard.number()).into(), first.into(), last.into()],
            )
            .await?;
        rows.iter().map(payable).collect()
    }

    pub async fn payable(&self, number: PayableNo) -> Result<Option<Payable>, StoreError> {
        let rows = self
            .query(
                concat!(payable_columns!(), "where shard = $1 and payable_no = $2"),
                &[i64::from(number.shard().number()).into(), number.number().into()],
            )
            .await?;
        rows.first().map(payable).transpose()
    }

    /// What one beneficiary's lines became in a cycle, whoever is paid. Reads all payables of the
    /// cycle: for a person who asks, not for a run.
    pub async fn payables_of_beneficiary(
        &self,
        cycle: CycleNo,
        beneficiary: crate::domain::ids::PersonNo,
    ) -> Result<Vec<Payable>, StoreError> {
        let rows = self
            .query(
                concat!(
                    payable_columns!(),
                    "where cycle_no = $1 and beneficiary_no = $2 order by payable_no"
                ),
                &[cycle.0.into(), beneficiary.number().into()],
            )
            .await?;
        rows.iter().map(payable).collect()
    }

    /// What goes to a person, for themselves or for another.
    pub async fn payables_of_payee(
        &self,
        cycle: CycleNo,
        payee: crate::domain::ids::PersonNo,
    ) -> Result<Vec<Payable>, StoreError> {
        let rows = self
            .query(
                concat!(
                    payable_columns!(),
                    "where shard = $1 and cycle_no = $2 and payee_no = $3 order by payable_no"
                ),
                &[i64::from(payee.shard().number()).into(), cycle.0.into(), payee.number().into()],
            )
            .await?;
        rows.iter().map(payable).collect()
    }

    /// The payables with these numbers, in the order of their numbers; missing ones are left out.
    pub async fn payables_of(&self, numbers: &[PayableNo]) -> Result<Vec<Payable>, StoreError> {
        static SQLITE: LazyLock<String> =
            LazyLock::new(|| lookup(Dialect::Sqlite, payable_columns!(), &["shard", "payable_no"]));
        static POSTGRES: LazyLock<String> = LazyLock::new(|| {
            lookup(Dialect::Postgres, payable_columns!(), &["shard", "payable_no"])
        });
        let sql = match self.database.dialect() {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        };
        let mut found = Vec::with_capacity(numbers.len());
        for page in numbers.chunks(PAGE) {
            let keys = page
                .iter()
                .map(|number| [i64::from(number.shard().number()).into(), number.number().into()]);
            for row in self.query(sql, &padded(keys)).await? {
                found.push(payable(&row)?);
            }
        }
        found.sort_by_key(|payable| payable.number);
        Ok(found)
    }

    /// What was ordered of a shard and has no outcome yet, in the order of the payables.
    pub async fn instructions_without_outcome(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Instruction>, StoreError> {
        // The state stands in the text, so that the index of live orders serves.
        let sql = concat!(
            instruction_columns!(),
            "where shard = $1 and payable_no between $2 and $3 and state = 'in_batch' order by payable_no, attempt"
        );
        self.instructions_in(sql, cycle, shard).await
    }

    /// What was ordered of a shard and is unknown by itself, in the order of the payables. What is
    /// unknown with its file is not here.
    pub async fn instructions_unknown(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Instruction>, StoreError> {
        // The state stands in the text, so that the index of live orders serves.
        let sql = concat!(
            instruction_columns!(),
            "where shard = $1 and payable_no between $2 and $3 and state = 'unknown' order by payable_no, attempt"
        );
        self.instructions_in(sql, cycle, shard).await
    }

    /// Files and days of which debits are booked and nothing more is known: cycle, file, day.
    pub async fn debits(&self) -> Result<Vec<(CycleNo, BatchNo, String)>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, batch_no, debited_on from instruction
                 where debited_on is not null and state in ('in_batch', 'unknown')
                 group by cycle_no, batch_no, debited_on order by cycle_no, batch_no, debited_on",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((CycleNo(row.int(0)?), BatchNo(row.int(1)?), row.text(2)?.to_owned())))
            .collect()
    }

    /// Some of the orders of a file that were debited on a day and of which nothing more is known.
    pub async fn instructions_debited(
        &self,
        file: &Batch,
        debited_on: &str,
        count_max: usize,
    ) -> Result<Vec<Instruction>, StoreError> {
        let rows = self
            .query(
                // The states stand in the text, so that the index of debits serves.
                concat!(
                    instruction_columns!(),
                    "where cycle_no = $1 and batch_no = $2 and debited_on = $3 and debited_on is not null
                     and state in ('in_batch', 'unknown') order by shard, payable_no, attempt limit $4"
                ),
                &[
                    file.cycle.0.into(),
                    file.number.0.into(),
                    debited_on.to_owned().into(),
                    (count_max as i64).into(),
                ],
            )
            .await?;
        rows.iter().map(instruction).collect()
    }

    async fn instructions_in(
        &self,
        sql: &'static str,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Instruction>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let args = [i64::from(shard.number()).into(), first.into(), last.into()];
        self.query(sql, &args).await?.iter().map(instruction).collect()
    }

    /// What one list orders of a shard, in the order of the payables.
    pub async fn instructions_of_list(
        &self,
        cycle: CycleNo,
        list: ListNo,
        shard: Shard,
    ) -> Result<Vec<Instruction>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let rows = self
            .query(
                concat!(
                    instruction_columns!(),
                    "where shard = $1 and payable_no between $2 and $3 and list_no = $4
                     order by payable_no, attempt"
                ),
                &[i64::from(shard.number()).into(), first.into(), last.into(), list.0.into()],
            )
            .await?;
        rows.iter().map(instruction).collect()
    }

    /// The first and the last shard in which each batch of a list has payments. Batches are filled
    /// in the order of the shards, so that most are narrow.
    pub async fn batch_shards(
        &self,
        cycle: CycleNo,
        list: ListNo,
    ) -> Result<HashMap<BatchNo, (Shard, Shard)>, StoreError> {
        let mut spans: HashMap<BatchNo, (Shard, Shard)> = HashMap::new();
        for shard in Shard::all() {
            let (first, last) = numbers_of(cycle, shard)?;
            let rows = self
                .query(
                    "select distinct batch_no from instruction
                     where shard = $1 and payable_no between $2 and $3 and list_no = $4",
                    &[i64::from(shard.number()).into(), first.into(), last.into(), list.0.into()],
                )
                .await?;
            for row in &rows {
                spans.entry(BatchNo(row.int(0)?)).or_insert((shard, shard)).1 = shard;
            }
        }
        Ok(spans)
    }

    pub async fn instructions(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Instruction>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let rows = self
            .query(
                concat!(
                    instruction_columns!(),
                    "where shard = $1 and payable_no between $2 and $3 order by payable_no, attempt"
                ),
                &[i64::from(shard.number()).into(), first.into(), last.into()],
            )
            .await?;
        rows.iter().map(instruction).collect()
    }

    /// All attempts of these payables, in the order of their keys.
    pub async fn instructions_of(
        &self,
        numbers: &[PayableNo],
    ) -> Result<Vec<Instruction>, StoreError> {
        static SQLITE: LazyLock<String> = LazyLock::new(|| {
            lookup(Dialect::Sqlite, instruction_columns!(), &["shard", "payable_no"])
        });
        static POSTGRES: LazyLock<String> = LazyLock::new(|| {
            lookup(Dialect::Postgres, instruction_columns!(), &["shard", "payable_no"])
        });
        let sql = match self.database.dialect() {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        };
        let mut found = Vec::with_capacity(numbers.len());
        for page in numbers.chunks(PAGE) {
            let keys = page
                .iter()
                .map(|number| [i64::from(number.shard().number()).into(), number.number().into()]);
            for row in self.query(sql, &padded(keys)).await? {
                found.push(instruction(&row)?);
            }
        }
        found.sort_by_key(|instruction| (instruction.payable, instruction.attempt));
        Ok(found)
    }

    pub async fn batches(&self, cycle: CycleNo) -> Result<Vec<Batch>, StoreError> {
        let rows = self
            .query(
                concat!(batch_columns!(), "where cycle_no = $1 order by batch_no"),
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(batch).collect()
    }

    /// Batches of any cycle that may still have to be sent or asked about.
    pub async fn batches_to_send(&self) -> Result<Vec<Batch>, StoreError> {
        let rows = self
            .query(
                concat!(
                    batch_columns!(),
                    "where state in ('released', 'sending', 'unknown') order by cycle_no, batch_no"
                ),
                &[],
            )
            .await?;
        rows.iter().map(batch).collect()
    }

    pub async fn batch_by_message(&self, message: &str) -> Result<Option<Batch>, StoreError> {
        let rows = self
            .query(
                concat!(
                    batch_columns!(),
                    "where message_id = $1 or file_name = $1 or exists (select 1 from sealed_copy s
                       where s.file_name = $1 and s.cycle_no = batch.cycle_no and s.batch_no = batch.batch_no)"
                ),
                &[message.to_owned().into()],
            )
            .await?;
        rows.first().map(batch).transpose()
    }

    /// What leaves in place of a batch's file, if it was sealed.
    pub async fn sealed_copy(
        &self,
        cycle: CycleNo,
        batch: BatchNo,
    ) -> Result<Option<SealedCopy>, StoreError> {
        let rows = self
            .query(
                "select file_name, sha256, file_bytes from sealed_copy where cycle_no = $1 and batch_no = $2",
                &[cycle.0.into(), batch.0.into()],
            )
            .await?;
        rows.first()
            .map(|row| {
                Ok(SealedCopy {
                    file_name: row.text(0)?.to_owned(),
                    sha256: row.text(1)?.to_owned(),
                    bytes: row.int(2)?.unsigned_abs(),
                })
            })
            .transpose()
    }

    pub async fn deliveries(&self, cycle: CycleNo) -> Result<Vec<Delivery>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, batch_no, delivery_no, started_at, ended_at, outcome, detail
                 from delivery where cycle_no = $1 order by batch_no, delivery_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Delivery {
                    cycle: CycleNo(row.int(0)?),
                    batch: BatchNo(row.int(1)?),
                    number: row.int(2)?,
                    started_at: row.text(3)?.to_owned(),
                    ended_at: row.maybe_text(4)?.map(str::to_owned),
                    outcome: row.named(5)?,
                    detail: row.text(6)?.to_owned(),
                })
            })
            .collect()
    }

    /// Sums a cycle shard by shard, so that the database sorts no more than one shard at a time, and
    /// reads no other cycle. `sql` takes a shard and the first and last payable; its last two columns
    /// are a count and a sum, the others are what they are grouped by. Gives rows in the order of
    /// these.
    async fn summed(&self, cycle: CycleNo, sql: &'static str) -> Result<Vec<Row>, StoreError> {
        let mut sums: BTreeMap<Vec<Value>, (i64, i64)> = BTreeMap::new();
        for shard in Shard::all() {
            let (first, last) = numbers_of(cycle, shard)?;
            let args = [i64::from(shard.number()).into(), first.into(), last.into()];
            for Row(mut group) in self.query(sql, &args).await? {
                let row = Row(group.split_off(group.len().saturating_sub(2)));
                let (count, total) = sums.entry(group).or_default();
                let add = |sum: &mut i64, more: i64| -> Result<(), StoreError> {
                    *sum = sum.checked_add(more).ok_or_else(|| broken("a sum".to_owned()))?;
                    Ok(())
                };
                add(count, row.int(0)?)?;
                add(total, row.int(1)?)?;
            }
        }
        let row = |(mut group, (count, total)): (Vec<Value>, (i64, i64))| {
            group.extend([count.into(), total.into()]);
            Row(group)
        };
        Ok(sums.into_iter().map(row).collect())
    }

    /// Provider, batch, count and sum of what list 0 orders, as far as it is assembled.
    pub async fn batch_sums(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<(String, BatchNo, i64, i64)>, StoreError> {
        let rows = self
            .summed(
                cycle,
                "select i.batch_no, p.provider, cast(count(*) as bigint), cast(sum(i.amount_minor) as bigint)
                 from instruction i join payable p on p.shard = i.shard and p.payable_no = i.payable_no
                 where i.shard = $1 and i.payable_no between $2 and $3 and i.list_no = 0
                 group by i.batch_no, p.provider",
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok((row.text(1)?.to_owned(), BatchNo(row.int(0)?), row.int(2)?, row.int(3)?))
            })
            .collect()
    }

    /// Payables by everything that reports break down by.
    pub async fn payable_sums(&self, cycle: CycleNo) -> Result<Vec<PayableSum>, StoreError> {
        let rows = self
            .summed(
                cycle,
                "select p.state, b.state, coalesce(b.channel, p.channel), coalesce(b.provider, p.provider), p.programme, p.province, p.fund, p.code,
                   cast(case when p.carried_to is null then 0 else 1 end as bigint), p.channel,
                   cast(count(*) as bigint), cast(sum(p.amount_minor) as bigint)
                 from payable p left join batch b on b.cycle_no = p.cycle_no and b.batch_no = p.batch_no
                 where p.shard = $1 and p.payable_no between $2 and $3
                 group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(PayableSum {
                    state: row.named(0)?,
                    batch: row.maybe_text(1)?.map(|_| row.named(1)).transpose()?,
                    channel: row.text(2)?.to_owned(),
                    provider: row.text(3)?.to_owned(),
                    programme: row.text(4)?.to_owned(),
                    province: row.text(5)?.to_owned(),
                    fund: row.text(6)?.to_owned(),
                    code: row.text(7)?.to_owned(),
                    carried: row.int(8)? == 1,
                    channel_named: row.text(9)?.to_owned(),
                    count: row.int(10)?,
                    total_minor: row.int(11)?,
                })
            })
            .collect()
    }

    /// Instructions by batch, state and grade of evidence.
    pub async fn instruction_sums(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<InstructionSum>, StoreError> {
        let rows = self
            .summed(
                cycle,
                "select batch_no, state, grade, cast(count(*) as bigint), cast(sum(amount_minor) as bigint)
                 from instruction where shard = $1 and payable_no between $2 and $3
                 group by batch_no, state, grade",
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(InstructionSum {
                    batch: BatchNo(row.int(0)?),
                    state: row.named(1)?,
                    grade: row.maybe_text(2)?.map(|_| row.named(2)).transpose()?,
                    count: row.int(3)?,
                    total_minor: row.int(4)?,
                })
            })
            .collect()
    }

    /// Failed orders by reason and by what became of their payables.
    pub async fn failure_sums(&self, cycle: CycleNo) -> Result<Vec<FailureSum>, StoreError> {
        let rows = self
            .summed(
                cycle,
                "select f.state, f.reason, f.reason_class, f.superseded, f.payable_state, f.batch_state, f.carried,
                   cast(count(*) as bigint), cast(sum(f.amount_minor) as bigint)
                 from (
                   select i.state, i.reason, i.reason_class, i.amount_minor,
                     p.state as payable_state, b.state as batch_state,
                     cast(case when p.carried_to is null then 0 else 1 end as bigint) as carried,
                     cast(case when exists (
                       select 1 from instruction l
                       where l.shard = i.shard and l.payable_no = i.payable_no and l.attempt > i.attempt
                     ) then 1 else 0 end as bigint) as superseded
                   from instruction i
                   join payable p on p.shard = i.shard and p.payable_no = i.payable_no
                   left join batch b on b.cycle_no = p.cycle_no and b.batch_no = p.batch_no
                   where i.shard = $1 and i.payable_no between $2 and $3
                     and i.state in ('rejected', 'returned', 'cancelled')
                 ) f
                 group by f.state, f.reason, f.reason_class, f.superseded, f.payable_state, f.batch_state, f.carried",
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(FailureSum {
                    state: row.named(0)?,
                    reason: row.maybe_text(1)?.map(str::to_owned),
                    reason_class: row.maybe_text(2)?.map(str::to_owned),
                    is_superseded: row.int(3)? == 1,
                    payable: row.named(4)?,
                    batch: row.maybe_text(5)?.map(|_| row.named(5)).transpose()?,
                    is_carried: row.int(6)? == 1,
                    count: row.int(7)?,
                    total_minor: row.int(8)?,
                })
            })
            .collect()
    }

    /// Count and sum of the orders after the first attempt.
    pub async fn reissue_sum(&self, cycle: CycleNo) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint), cast(coalesce(sum(amount_minor), 0) as bigint)
                 from instruction where cycle_no = $1 and attempt > 1",
                &[cycle.0.into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// Outcomes of the persons of one shard: a word for each row that is not entitled, and for each
    /// payable whose payee is in the same shard. The rest is in `outcomes_elsewhere`.
    pub async fn person_outcomes(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<(PersonNo, String)>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let rows = self
            .query(
                concat!(
                    seen_outcomes!(),
                    "where p.shard = $1 and p.payable_no between $2 and $3 and p.beneficiary_no >> 55 = $1
                     union all
                     select person_no, outcome from exception
                     where shard = $1 and cycle_no = $4 and subject = 'row'"
                ),
                &[i64::from(shard.number()).into(), first.into(), last.into(), cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((person_no(row, 0)?, row.text(1)?.to_owned()))).collect()
    }

    /// Outcomes of those who are paid through a payee in another shard: a small part of all people.
    pub async fn outcomes_elsewhere(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<(PersonNo, String)>, StoreError> {
        let rows = self
            .query(
                concat!(
                    seen_outcomes!(),
                    "where p.cycle_no = $1 and p.beneficiary_no >> 55 <> p.shard"
                ),
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((person_no(row, 0)?, row.text(1)?.to_owned()))).collect()
    }

    /// The payables whose claims these took over.
    pub async fn payables_carried_to(
        &self,
        numbers: &[PayableNo],
    ) -> Result<Vec<PayableNo>, StoreError> {
        let mut found = Vec::new();
        for number in numbers {
            // What is carried stays with its payee, and so in the shard.
            let rows = self
                .query(
                    "select payable_no from payable where shard = $1 and carried_to = $2",
                    &[i64::from(number.shard().number()).into(), number.number().into()],
                )
                .await?;
            for row in &rows {
                found.push(payable_number(row, 0)?);
            }
        }
        Ok(found)
    }

    /// What was carried within one shard: from which payable, and to which.
    pub async fn carried_within(
        &self,
        shard: Shard,
    ) -> Result<Vec<(PayableNo, PayableNo)>, StoreError> {
        let rows = self
            .query(
                "select payable_no, carried_to from payable where shard = $1 and carried_to is not null",
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter().map(|row| Ok((payable_number(row, 0)?, payable_number(row, 1)?))).collect()
    }

    /// Payables of closed cycles of an authority that were not paid and not yet carried over, of the
    /// payees of one shard.
    pub async fn payables_to_carry(
        &self,
        authority: crate::domain::ids::AuthorityNo,
        shard: Shard,
    ) -> Result<Vec<Payable>, StoreError> {
        let rows = self
            .query(
                concat!(
                    payable_columns!(),
                    "where shard = $1 and carried_to is null and state in ('held', 'rejected', 'returned')
                     and cycle_no in (select cycle_no from cycle where authority_no = $2 and state = 'closed')
                     order by payable_no"
                ),
                &[i64::from(shard.number()).into(), authority.0.into()],
            )
            .await?;
        rows.iter().map(payable).collect()
    }
}

impl Changes {
    pub fn claims(&mut self, claims: impl IntoIterator<Item = Claim>) {
        self.bulk(
            "claim",
            &[
                "shard",
                "period",
                "enrolment_no",
                "person_no",
                "programme",
                "benefit",
                "component",
                "revision",
                "amount_minor",
                "cycle_no",
                "payable_no",
            ],
            claims.into_iter().map(|claim| {
                [
                    i64::from(claim.shard.number()).into(),
                    i64::from(claim.period.as_number()).into(),
                    claim.enrolment.number().into(),
                    claim.person.number().into(),
                    claim.programme.into(),
                    claim.benefit.into(),
                    claim.component.into(),
                    i64::from(claim.revision).into(),
                    claim.amount_minor.into(),
                    claim.cycle.0.into(),
                    number(claim.payable.map(PayableNo::number)),
                ]
            }),
        );
    }

    /// Moves one claim from the payable of a closed cycle to a payable of this one.
    pub fn claim_carried(&mut self, claim: &Claim, from: PayableNo, to: PayableNo) {
        self.guarded(
            "a claim is carried by the payable that owns it, once",
            "update claim set cycle_no = $7, payable_no = $8, carried_from = $9
             where shard = $1 and period = $2 and enrolment_no = $3 and benefit = $4 and component = $5
               and revision = $6 and payable_no = $9",
            vec![
                i64::from(claim.shard.number()).into(),
                i64::from(claim.period.as_number()).into(),
                claim.enrolment.number().into(),
                claim.benefit.clone().into(),
                claim.component.clone().into(),
                i64::from(claim.revision).into(),
                to.cycle().0.into(),
                to.number().into(),
                from.number().into(),
            ],
        );
    }

    /// From now on the old payable can only be found, never paid.
    pub fn payable_carried(&mut self, from: PayableNo, to: PayableNo) {
        self.written.push(Written::Line {
            // It is forgotten with the cycle that carries it on.
            cycle: to.cycle(),
            shard: from.shard(),
            line: carried_line(from, to),
            comes: true,
            row: false,
        });
        self.guarded(
            "a payable is carried once, and only when it was not paid",
            "update payable set carried_to = $3 where shard = $1 and payable_no = $2 and carried_to is null
             and state in ('held', 'rejected', 'returned')",
            vec![
                i64::from(from.shard().number()).into(),
                from.number().into(),
                to.number().into(),
            ],
        );
    }

    /// An order of a payable that was carried is the payment after all: the later list came to nothing.
    pub fn payable_paid_after_carrying(&mut self, payable: &Payable, batch: BatchNo) {
        self.payable_is(payable.number, Some(payable.state), PayableState::Paid);
        self.guarded(
            "a payable that was carried is still in the state it was read in",
            "update payable set state = 'paid', code = '', batch_no = $4
             where shard = $1 and payable_no = $2 and state = $3 and carried_to is not null",
            vec![
                i64::from(payable.number.shard().number()).into(),
                payable.number.number().into(),
                payable.state.name().into(),
                batch.0.into(),
            ],
        );
    }

    pub fn payables(&mut self, payables: impl IntoIterator<Item = Payable>) {
        let payables: Vec<Payable> = payables.into_iter().collect();
        for one in &payables {
            self.line(one.number, payable_line(one), true, true);
            self.payable_is(one.number, None, one.state);
        }
        let payables = payables.into_iter();
        self.bulk(
            "payable",
            &[
                "shard",
                "payable_no",
                "cycle_no",
                "payee_no",
                "beneficiary_no",
                "destination_no",
                "channel",
                "provider",
                "fund",
                "programme",
                "province",
                "amount_minor",
                "line_count",
                "state",
                "code",
                "batch_no",
            ],
            payables.map(|payable| {
                [
                    i64::from(payable.number.shard().number()).into(),
                    payable.number.number().into(),
                    payable.number.cycle().0.into(),
                    payable.payee.number().into(),
                    payable.beneficiary.number().into(),
                    number(payable.destination.map(DestinationNo::number)),
                    payable.channel.name().into(),
                    payable.provider.into(),
                    payable.fund.into(),
                    payable.programme.into(),
                    payable.province.into(),
                    payable.amount_minor.into(),
                    payable.lines.into(),
                    payable.state.name().into(),
                    payable.code.into(),
                    number(payable.batch.map(|batch| batch.0)),
                ]
            }),
        );
    }

    pub fn instructions(&mut self, instructions: impl IntoIterator<Item = Instruction>) {
        let instructions: Vec<Instruction> = instructions.into_iter().collect();
        for one in &instructions {
            self.line(one.payable, order_line(one), true, true);
            self.line(
                one.payable,
                order_file_line(one.payable, one.attempt, one.batch),
                true,
                false,
            );
            // Nothing is known of an order when it is made.
            let line = order_state_line(one.payable, one.attempt, one.state, &Evidence::none());
            self.line(one.payable, line, true, false);
        }
        self.bulk(
            "instruction",
            &[
                "shard",
                "payable_no",
                "attempt",
                "cycle_no",
                "list_no",
                "batch_no",
                "destination_no",
                "amount_minor",
                "state",
            ],
            instructions.into_iter().map(|instruction| {
                [
                    i64::from(instruction.payable.shard().number()).into(),
                    instruction.payable.number().into(),
                    i64::from(instruction.attempt.number()).into(),
                    instruction.payable.cycle().0.into(),
                    instruction.list.0.into(),
                    instruction.batch.0.into(),
                    instruction.destination.number().into(),
                    instruction.amount_minor.into(),
                    instruction.state.name().into(),
                ]
            }),
        );
    }

    /// Moves instructions along arrows that the caller has followed; every one must still be in the
    /// state it was read in, or nothing happens. What ends is written before what is live: the index of one
    /// live order looks at every row by itself.
    pub fn instructions_moved(&mut self, moves: &[InstructionMove]) {
        const COLUMNS: &[(&str, &str)] = &[
            ("shard", "bigint"),
            ("payable_no", "bigint"),
            ("attempt", "bigint"),
            ("from_state", "text"),
            ("to_state", "text"),
            ("grade", "text"),
            ("reason", "text"),
            ("reason_class", "text"),
            ("answer_no", "bigint"),
            ("answer_item", "bigint"),
            ("outcome_on", "text"),
            ("debited_on", "text"),
        ];
        const SET: &str = "update instruction set state = v.to_state, grade = v.grade, reason = v.reason,
             reason_class = v.reason_class, answer_no = v.answer_no, answer_item = v.answer_item, outcome_on = v.outcome_on,
             debited_on = v.debited_on
             from v where instruction.shard = v.shard and instruction.payable_no = v.payable_no
             and instruction.attempt = v.attempt and instruction.state = v.from_state";
        for one in moves {
            let line =
                |state, known: &Evidence| order_state_line(one.payable, one.attempt, state, known);
            self.line(one.payable, line(one.from, &one.was), false, false);
            self.line(one.payable, line(one.to, &one.evidence()), true, false);
        }
        let (live, ended): (Vec<_>, Vec<_>) = moves.iter().partition(|one| one.to.is_live());
        for page in ended.chunks(PAGE).chain(live.chunks(PAGE)) {
            let args = page.iter().flat_map(|one| {
                [
                    i64::from(one.payable.shard().number()).into(),
                    one.payable.number().into(),
                    i64::from(one.attempt.number()).into(),
                    one.from.name().into(),
                    one.to.name().into(),
                    one.grade.map_or(Value::Null, |grade| grade.name().into()),
                    one.reason.clone().into(),
                    one.reason_class.clone().into(),
                    number(one.answer.map(|(answer, _)| answer.0)),
                    number(one.answer.map(|(_, item)| item)),
                    one.outcome_on.clone().into(),
                    one.debited_on.clone().into(),
                ]
            });
            self.many(
                "every instruction is still in the state it was read in",
                Many { columns: COLUMNS, rows: page.len(), update: SET },
                args.collect(),
            );
        }
    }

    /// Moves payables along arrows that the caller has followed.
    pub fn payables_moved(&mut self, moves: &[PayableMove]) {
        const COLUMNS: &[(&str, &str)] = &[
            ("shard", "bigint"),
            ("payable_no", "bigint"),
            ("from_state", "text"),
            ("to_state", "text"),
            ("code", "text"),
            ("batch_no", "bigint"),
        ];
        const SET: &str =
            "update payable set state = v.to_state, code = v.code, batch_no = v.batch_no
             from v where payable.shard = v.shard and payable.payable_no = v.payable_no
             and payable.state = v.from_state and payable.carried_to is null";
        for one in moves {
            self.payable_is(one.payable, Some(one.from), one.to);
        }
        for page in moves.chunks(PAGE) {
            let args = page.iter().flat_map(|one| {
                [
                    i64::from(one.payable.shard().number()).into(),
                    one.payable.number().into(),
                    one.from.name().into(),
                    one.to.name().into(),
                    one.code.clone().into(),
                    number(one.batch.map(|batch| batch.0)),
                ]
            });
            self.many(
                "every payable is still in the state it was read in, and not carried over",
                Many { columns: COLUMNS, rows: page.len(), update: SET },
                args.collect(),
            );
        }
    }

    fn payable_is(&mut self, number: PayableNo, from: Option<PayableState>, to: PayableState) {
        if let Some(from) = from {
            self.line(number, payable_state_line(number, from), false, false);
        }
        self.line(number, payable_state_line(number, to), true, false);
    }

    pub(super) fn line(&mut self, payable: PayableNo, line: String, comes: bool, row: bool) {
        let (cycle, shard) = (payable.cycle(), payable.shard());
        self.written.push(Written::Line { cycle, shard, line, comes, row });
    }

    fn file_is(&mut self, cycle: CycleNo, batch: BatchNo, state: BatchState) {
        let key = format!("{cycle}/{batch}");
        self.written.push(Written::State { kind: FactKind::File, key, state: state.name() });
    }

    fn delivery_is(&mut self, batch: &Batch, delivery_no: i64, outcome: DeliveryOutcome) {
        let key = format!("{}/{}/{delivery_no}", batch.cycle, batch.number);
        self.written.push(Written::State { kind: FactKind::Delivery, key, state: outcome.name() });
    }

    pub fn batches(&mut self, batches: impl IntoIterator<Item = Batch>) {
        let batches: Vec<Batch> = batches.into_iter().collect();
        for one in &batches {
            self.file_is(one.cycle, one.number, one.state);
        }
        self.bulk(
            "batch",
            &[
                "cycle_no",
                "batch_no",
                "list_no",
                "channel",
                "provider",
                "format",
                "value_date",
                "file_name",
                "message_id",
                "item_count",
                "total_minor",
                "state",
            ],
            batches.into_iter().map(|batch| {
                [
                    batch.cycle.0.into(),
                    batch.number.0.into(),
                    batch.list.0.into(),
                    batch.channel.name().into(),
                    batch.provider.into(),
                    batch.format.into(),
                    batch.value_date.to_string().into(),
                    batch.file_name.into(),
                    batch.message_id.into(),
                    (batch.count as i64).into(),
                    batch.total_minor.into(),
                    batch.state.name().into(),
                ]
            }),
        );
    }

    /// When the file of a batch says it was created, and the value date that it asks for.
    pub fn batch_dated(&mut self, batch: &Batch, created_at: &str, value_date: Date) {
        self.guarded(
            "a file is dated once",
            "update batch set created_at = $3, value_date = $4
             where cycle_no = $1 and batch_no = $2 and created_at is null",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                created_at.to_owned().into(),
                value_date.to_string().into(),
            ],
        );
    }

    /// The file of a batch is archived: its digest and size.
    pub fn batch_rendered(&mut self, batch: &Batch, sha256: &str, bytes: u64) {
        self.guarded(
            "a batch is rendered once",
            "update batch set sha256 = $3, file_bytes = $4 where cycle_no = $1 and batch_no = $2 and sha256 is null",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                sha256.to_owned().into(),
                (bytes as i64).into(),
            ],
        );
    }

    pub fn batch_moved(&mut self, batch: &Batch, to: BatchState) {
        self.file_is(batch.cycle, batch.number, to);
        self.guarded(
            "the batch is still in the state it was read in",
            "update batch set state = $4 where cycle_no = $1 and batch_no = $2 and state = $3",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                batch.state.name().into(),
                to.name().into(),
            ],
        );
    }

    /// Written once, before the first attempt: another sealing of the same file has other bytes.
    pub fn sealed_copy_made(&mut self, batch: &Batch, copy: &SealedCopy, at: &str) {
        self.bulk(
            "sealed_copy",
            &["cycle_no", "batch_no", "file_name", "sha256", "file_bytes", "sealed_at"],
            [[
                batch.cycle.0.into(),
                batch.number.0.into(),
                copy.file_name.clone().into(),
                copy.sha256.clone().into(),
                copy.bytes.cast_signed().into(),
                at.to_owned().into(),
            ]],
        );
    }

    /// Written before a byte leaves.
    pub fn delivery_started(&mut self, batch: &Batch, delivery_no: i64, at: &str) {
        self.delivery_is(batch, delivery_no, DeliveryOutcome::Started);
        self.bulk(
            "delivery",
            &["cycle_no", "batch_no", "delivery_no", "started_at", "outcome", "detail"],
            [[
                batch.cycle.0.into(),
                batch.number.0.into(),
                delivery_no.into(),
                at.to_owned().into(),
                DeliveryOutcome::Started.name().into(),
                "".into(),
            ]],
        );
    }

    pub fn delivery_ended(
        &mut self,
        batch: &Batch,
        delivery_no: i64,
        outcome: DeliveryOutcome,
        detail: &str,
        at: &str,
    ) {
        self.delivery_is(batch, delivery_no, outcome);
        self.guarded(
            "a delivery ends once, unless it was unknown",
            "update delivery set outcome = $4, detail = $5, ended_at = $6
             where cycle_no = $1 and batch_no = $2 and delivery_no = $3 and outcome in ('started', 'unknown')",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                delivery_no.into(),
                outcome.name().into(),
                detail.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }
}

impl Changes {
    /// An answer proves that the last delivery arrived; one whose end is recorded stays as it is.
    pub fn delivery_proved(&mut self, batch: &Batch, detail: &str, at: &str) {
        self.written.push(Written::Proved(batch.cycle, batch.number));
        self.free(
            "update delivery set outcome = 'delivered', detail = $3, ended_at = $4
             where cycle_no = $1 and batch_no = $2 and outcome in ('started', 'unknown')",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                detail.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }
}

/// The first and last number that a payable of this cycle and shard can have.
fn numbers_of(cycle: CycleNo, shard: Shard) -> Result<(i64, i64), StoreError> {
    let number = |ordinal| {
        PayableNo::pack(cycle, shard, ordinal)
            .map(PayableNo::number)
            .map_err(|error| broken(error.to_string()))
    };
    Ok((number(0)?, number((1 << 30) - 1)?))
}

fn payable_number(row: &Row, at: usize) -> Result<PayableNo, StoreError> {
    PayableNo::from_number(row.int(at)?).map_err(|error| broken(error.to_string()))
}

fn claim(row: &Row) -> Result<Claim, StoreError> {
    let revision = row.int(5)?;
    Ok(Claim {
        shard: shard(row, 0)?,
        period: period(row, 1)?,
        enrolment: enrolment_no(row, 2)?,
        person: person_no(row, 10)?,
        programme: row.text(11)?.to_owned(),
        benefit: row.text(3)?.to_owned(),
        component: row.text(4)?.to_owned(),
        revision: u16::try_from(revision).map_err(|_| broken(format!("revision {revision}")))?,
        amount_minor: row.int(6)?,
        cycle: CycleNo(row.int(7)?),
        payable: row.maybe_int(8)?.map(|_| payable_number(row, 8)).transpose()?,
        carried_from: row.maybe_int(9)?.map(|_| payable_number(row, 9)).transpose()?,
    })
}

fn payable(row: &Row) -> Result<Payable, StoreError> {
    Ok(Payable {
        number: payable_number(row, 0)?,
        payee: person_no(row, 1)?,
        beneficiary: person_no(row, 2)?,
        destination: row.maybe_int(3)?.map(|_| destination_no(row, 3)).transpose()?,
        channel: row.named(4)?,
        provider: row.text(5)?.to_owned(),
        fund: row.text(6)?.to_owned(),
        programme: row.text(7)?.to_owned(),
        province: row.text(8)?.to_owned(),
        amount_minor: row.int(9)?,
        lines: row.int(10)?,
        state: row.named(11)?,
        code: row.text(12)?.to_owned(),
        batch: row.maybe_int(13)?.map(BatchNo),
        carried_to: row.maybe_int(14)?.map(|_| payable_number(row, 14)).transpose()?,
    })
}

fn instruction(row: &Row) -> Result<Instruction, StoreError> {
    let answer = match (row.maybe_int(10)?, row.maybe_int(11)?) {
        (Some(answer), Some(item)) => Some((AnswerNo(answer), item)),
        _ => None,
    };
    Ok(Instruction {
        payable: payable_number(row, 0)?,
        attempt: AttemptNo::new(row.int(1)?).map_err(|error| broken(error.to_string()))?,
        list: ListNo(row.int(2)?),
        batch: BatchNo(row.int(3)?),
        destination: destination_no(row, 4)?,
        amount_minor: row.int(5)?,
        state: row.named(6)?,
        grade: row.maybe_text(7)?.map(|_| row.named(7)).transpose()?,
        reason: row.maybe_text(8)?.map(str::to_owned),
        reason_class: row.maybe_text(9)?.map(str::to_owned),
        answer,
        outcome_on: row.maybe_text(12)?.map(str::to_owned),
        debited_on: row.maybe_text(13)?.map(str::to_owned),
    })
}

fn batch(row: &Row) -> Result<Batch, StoreError> {
    let unsigned = |at: usize| {
        let number = row.int(at)?;
        u64::try_from(number).map_err(|_| broken(format!("count {number}")))
    };
    Ok(Batch {
        cycle: CycleNo(row.int(0)?),
        number: BatchNo(row.int(1)?),
        list: ListNo(row.int(2)?),
        channel: row.named(3)?,
        provider: row.text(4)?.to_owned(),
        format: row.text(5)?.to_owned(),
        value_date: parse_date(row.text(6)?).map_err(|error| broken(error.to_string()))?,
        file_name: row.text(7)?.to_owned(),
        message_id: row.text(8)?.to_owned(),
        created_at: row.maybe_text(14)?.map(str::to_owned),
        count: unsigned(9)?,
        total_minor: row.int(10)?,
        sha256: row.maybe_text(11)?.map(str::to_owned),
        bytes: row.maybe_int(12)?.map(|_| unsigned(12)).transpose()?,
        state: row.named(13)?,
    })
}
