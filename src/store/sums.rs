//! Counts and sums of claims, payables and orders, by what they have in common.

use std::collections::BTreeMap;

use crate::domain::batch::BatchState;
use crate::domain::ids::{BatchNo, CycleNo, PersonNo, Shard};
use crate::domain::instruction::{EvidenceGrade, InstructionState};
use crate::domain::payable::PayableState;

use super::payables::numbers_of;
use super::registry::{broken, person_no};
use super::several_shards::{within, within_shards};
use super::{Row, Store, StoreError, Value};

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
    /// Rejected, returned or cancelled; or one that failed and was proved paid when a later list had its
    /// payable already.
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

/// Of what an outcome of a person is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeOf {
    Payable,
    /// A row of the roster that was read.
    Row,
    /// A row that the import refused.
    RefusedRow,
}

/// The beneficiary of a payable, and its state as people see it: one in a file of unknown fate is
/// unknown.
macro_rules! seen_outcomes {
    () => {
        "select p.beneficiary_no, cast(0 as bigint),
           case when p.state = 'pending' and b.state in ('sending', 'unknown') then 'unknown' else p.state end
         from payable p left join batch b on b.cycle_no = p.cycle_no and b.batch_no = p.batch_no "
    };
}

impl Store {
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

    /// Sums a cycle some shards at a time, so that the database sorts no more than those, and reads no other
    /// cycle. `sql` begins with `within!`; its last two columns are a count and a sum, the others are what they
    /// are grouped by. Gives rows in the order of these. SQLite goes through the tables of a `cross join` in
    /// the order in which they are written.
    async fn summed(&self, cycle: CycleNo, sql: &'static str) -> Result<Vec<Row>, StoreError> {
        let mut sums: BTreeMap<Vec<Value>, (i64, i64)> = BTreeMap::new();
        for shards in Shard::groups() {
            for Row(mut group) in self.query(sql, &within_shards(cycle, &shards)?).await? {
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
                concat!(
                    within!(),
                    "select i.batch_no, p.provider, cast(count(*) as bigint), cast(sum(i.amount_minor) as bigint)
                     from part cross join instruction i
                     join payable p on p.shard = i.shard and p.payable_no = i.payable_no
                     where i.shard = part.shard and i.payable_no between part.first_no and part.last_no
                       and i.list_no = 0
                     group by i.batch_no, p.provider"
                ),
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
                concat!(
                    within!(),
                    "select p.state, b.state, coalesce(b.channel, p.channel), coalesce(b.provider, p.provider),
                       p.programme, p.province, p.fund, p.code,
                       cast(case when p.carried_to is null then 0 else 1 end as bigint), p.channel,
                       cast(count(*) as bigint), cast(sum(p.amount_minor) as bigint)
                     from part cross join payable p
                     left join batch b on b.cycle_no = p.cycle_no and b.batch_no = p.batch_no
                     where p.shard = part.shard and p.payable_no between part.first_no and part.last_no
                     group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
                ),
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
                concat!(
                    within!(),
                    "select i.batch_no, i.state, i.grade, cast(count(*) as bigint), cast(sum(i.amount_minor) as bigint)
                     from part cross join instruction i
                     where i.shard = part.shard and i.payable_no between part.first_no and part.last_no
                     group by i.batch_no, i.state, i.grade"
                ),
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
                concat!(
                    within!(),
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
                   from part cross join instruction i
                   join payable p on p.shard = i.shard and p.payable_no = i.payable_no
                   left join batch b on b.cycle_no = p.cycle_no and b.batch_no = p.batch_no
                   where i.shard = part.shard and i.payable_no between part.first_no and part.last_no
                     and (i.state in ('rejected', 'returned', 'cancelled')
                       or (i.state in ('settled_excess', 'excess_returned') and p.state in ('rejected', 'returned')))
                 ) f
                 group by f.state, f.reason, f.reason_class, f.superseded, f.payable_state, f.batch_state, f.carried"
                ),
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
    /// payable, whoever is paid for them and in whichever shard.
    pub async fn person_outcomes(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<(PersonNo, OutcomeOf, String)>, StoreError> {
        let (first, last) = numbers_of(cycle, shard)?;
        let (first_person, last_person) = persons_of(shard);
        let rows = self
            .query(
                concat!(
                    seen_outcomes!(),
                    "where p.shard = $1 and p.payable_no between $2 and $3 and p.beneficiary_no >> 55 = $1
                     union all ",
                    seen_outcomes!(),
                    "where p.cycle_no = $4 and p.beneficiary_no between $5 and $6 and p.beneficiary_no >> 55 <> p.shard
                     union all
                     select person_no, cast(case when enrolment_no is null then 2 else 1 end as bigint), outcome
                     from exception
                     where shard = $1 and cycle_no = $4 and subject = 'row'"
                ),
                &[
                    i64::from(shard.number()).into(),
                    first.into(),
                    last.into(),
                    cycle.0.into(),
                    first_person.into(),
                    last_person.into(),
                ],
            )
            .await?;
        rows.iter().map(outcome).collect()
    }
}

/// The first and last number that a person of a shard can have: the shard is the number's first bits.
fn persons_of(shard: Shard) -> (i64, i64) {
    let first = i64::from(shard.number()) << 55;
    (first, first | ((1 << 55) - 1))
}

fn outcome(row: &Row) -> Result<(PersonNo, OutcomeOf, String), StoreError> {
    let of = match row.int(1)? {
        0 => OutcomeOf::Payable,
        1 => OutcomeOf::Row,
        _ => OutcomeOf::RefusedRow,
    };
    Ok((person_no(row, 0)?, of, row.text(2)?.to_owned()))
}
