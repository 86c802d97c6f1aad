//! Answers, discrepancies, halts and suspense: what came back and what it left.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::answer::{
    Answer, AnswerState, Discrepancy, DiscrepancyKind, Halt, RefusedAnswer, ToldTransaction,
};
use crate::domain::batch::Batch;
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, PayableNo, Shard};
use crate::domain::state::Named;

use super::books::{Kept, Written, discrepancy_line, transaction_line};
use super::paged::{Lookup, PAGE, lookup, lookup_texts, padded};
use super::registry::{broken, number};
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
    pub expected_minor: i128,
    /// What partners wrote, whatever it was: no sum of it overflows.
    pub reported_minor: i128,
}

/// What answers contradict and nobody has looked into.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Contradicted {
    /// How often they speak of payments.
    pub payments: i64,
    /// Of how many files they speak as a whole.
    pub files: i64,
    /// How many of these payments were ordered before in a file of which they speak as a whole.
    pub ordered_before: i64,
}

impl Contradicted {
    /// Whether they speak of nothing that is taken back.
    pub fn is_nothing(&self) -> bool {
        self.payments == 0 && self.files == 0
    }

    /// Whether they speak of nothing for which a file stays.
    pub fn lets_leave(&self) -> bool {
        *self == Contradicted::default()
    }
}

/// `open_file`: the files about which something is open in the queue as a whole, and those into which they were moved.
/// `doubted`: the payables of which an order in one of them came to nothing, or one by itself of which something is open
/// that could not be booked, and those to which these were carried. What a partner says of such a file, or order, may
/// be that they were paid after all.
macro_rules! doubted {
    () => {
        "with recursive open_file (cycle_no, batch_no) as (
           select cycle_no, batch_no from discrepancy
           where state = 'open' and payable_no is null and batch_no is not null
             and kind in ('contradiction', 'totals_differ', 'unclear')
           union select m.cycle_no, m.to_batch from moved m
             join open_file f on f.cycle_no = m.cycle_no and f.batch_no = m.from_batch),
         doubted (payable_no) as (
           select i.payable_no from open_file f
             join instruction i on i.cycle_no = f.cycle_no and i.batch_no = f.batch_no
             where i.state in ('rejected', 'returned', 'cancelled', 'excess_returned')
           union select i.payable_no from discrepancy d
             join instruction i on i.shard = ((d.payable_no >> 30) & 255)
               and i.payable_no = d.payable_no and i.attempt = d.attempt
             where d.state = 'open' and i.state in ('rejected', 'returned', 'cancelled', 'excess_returned')
               and d.kind in ('contradiction', 'not_booked', 'amount_differs', 'account_differs', 'date_impossible',
                 'unclear', 'status_unknown')
           union select p.carried_to from doubted x
             join payable p on p.shard = ((x.payable_no >> 30) & 255) and p.payable_no = x.payable_no
             where p.carried_to is not null)
         "
    };
}

macro_rules! answer_columns {
    () => {
        "select answer_no, provider, file_name, sha256, format, received_at, item_count, applied_count, state, repeated_count
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

    /// The digest of what was in an answer that arrived sealed, if it was opened before.
    pub async fn answer_opened(&self, arrived_sha256: &str) -> Result<Option<String>, StoreError> {
        let rows = self
            .query(
                "select sha256 from sealed_answer where arrived_sha256 = $1",
                &[arrived_sha256.to_owned().into()],
            )
            .await?;
        rows.first().map(|row| Ok(row.text(0)?.to_owned())).transpose()
    }

    /// Whether a partner's file with these bytes was refused for the rule of this code before.
    pub async fn answer_refused_before(
        &self,
        provider: &str,
        sha256: &str,
        code: &str,
    ) -> Result<bool, StoreError> {
        let rows = self
            .query(
                "select 1 from refused_answer where provider = $1 and sha256 = $2 and code = $3",
                &[provider.to_owned().into(), sha256.to_owned().into(), code.to_owned().into()],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    /// Whether a partner's file with these bytes was refused, and an officer has said of every fault
    /// found in it that it is settled.
    pub async fn answer_set_aside(&self, provider: &str, sha256: &str) -> Result<bool, StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint),
                   cast(coalesce(sum(case when d.state = 'open' then 1 else 0 end), 0) as bigint)
                 from refused_answer r
                 join discrepancy d on d.answer_no = r.answer_no and d.kind = 'file_refused'
                 where r.provider = $1 and r.sha256 = $2",
                &[provider.to_owned().into(), sha256.to_owned().into()],
            )
            .await?;
        rows.first().map_or(Ok(false), |row| Ok(row.int(0)? > 0 && row.int(1)? == 0))
    }

    /// By which transactions a partner has said, in one format, that these payables' orders were paid or
    /// debited; of statements also what they booked without a reference, and what they gave back.
    pub async fn transactions_told(
        &self,
        provider: &str,
        format: &str,
        numbers: &[PayableNo],
    ) -> Result<BTreeMap<(PayableNo, AttemptNo), BTreeSet<String>>, StoreError> {
        const SELECT: &str =
            "select payable_no, attempt, provider, format, reference from transaction_told";
        static LOOKUP: Lookup =
            Lookup::new(|dialect| lookup(dialect, SELECT, &["shard", "payable_no"]));
        let sql = LOOKUP.sql(self.database.dialect());
        let mut told: BTreeMap<(PayableNo, AttemptNo), BTreeSet<String>> = BTreeMap::new();
        for page in numbers.chunks(PAGE) {
            let keys = page
                .iter()
                .map(|number| [i64::from(number.shard().number()).into(), number.number().into()]);
            for row in self.query(sql, &padded(keys)).await? {
                if row.text(2)? == provider
                    && row.text(3)? == format
                    && let Some(key) = instruction_key(&row, 0)?
                {
                    told.entry(key).or_default().insert(row.text(4)?.to_owned());
                }
            }
        }
        Ok(told)
    }

    /// Of which order a partner has told each of these transactions first, in any format that is `among` those
    /// whose references name one payment.
    pub async fn told_of(
        &self,
        provider: &str,
        references: &BTreeSet<String>,
        among: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, (PayableNo, AttemptNo)>, StoreError> {
        // One row a transaction and format, however many orders an earlier program has kept under it.
        const SELECT: &str =
            "select reference, format, min(payable_no * 32 + attempt) from transaction_told";
        const GROUP: &str = " group by reference, format";
        const KEY: &[&str] = &["provider", "reference"];
        static LOOKUP: Lookup = Lookup::new(|dialect| lookup_texts(dialect, SELECT, KEY) + GROUP);
        let sql = LOOKUP.sql(self.database.dialect());
        let whole =
            |error: crate::domain::ids::IdError| StoreError::RowMustBeWhole(error.to_string());
        let mut orders = BTreeMap::new();
        let references: Vec<&String> = references.iter().collect();
        for page in references.chunks(PAGE) {
            let keys = page
                .iter()
                .map(|reference| [provider.to_owned().into(), (*reference).clone().into()]);
            for row in self.query(sql, &padded(keys)).await? {
                if among(row.text(1)?) {
                    let order = row.int(2)?;
                    let payable = PayableNo::from_number(order / 32).map_err(whole)?;
                    let attempt = AttemptNo::new(order % 32).map_err(whole)?;
                    orders.entry(row.text(0)?.to_owned()).or_insert((payable, attempt));
                }
            }
        }
        Ok(orders)
    }

    /// Which of these answers were received on a day, `2026-11-09`.
    pub async fn answers_of_day(
        &self,
        numbers: &BTreeSet<AnswerNo>,
        day: &str,
    ) -> Result<BTreeSet<AnswerNo>, StoreError> {
        const SELECT: &str = "select answer_no, received_at from answer";
        static LOOKUP: Lookup = Lookup::new(|dialect| lookup(dialect, SELECT, &["answer_no"]));
        let sql = LOOKUP.sql(self.database.dialect());
        let numbers: Vec<AnswerNo> = numbers.iter().copied().collect();
        let mut found = BTreeSet::new();
        for page in numbers.chunks(PAGE) {
            for row in self.query(sql, &padded(page.iter().map(|one| [one.0.into()]))).await? {
                if row.text(1)?.starts_with(day) {
                    found.insert(AnswerNo(row.int(0)?));
                }
            }
        }
        Ok(found)
    }

    /// Whether something under this name came from a partner on a day, `2026-11-09`, whether it was taken in or
    /// refused.
    pub async fn was_answered_on(
        &self,
        provider: &str,
        file_name: &str,
        day: &str,
    ) -> Result<bool, StoreError> {
        let rows = self
            .query(
                "select 1 from answer
                 where provider = $1 and file_name = $2 and substr(received_at, 1, 10) = $3
                 union all
                 select 1 from refused_answer
                 where provider = $1 and file_name = $2 and substr(refused_at, 1, 10) = $3",
                &[provider.to_owned().into(), file_name.to_owned().into(), day.to_owned().into()],
            )
            .await?;
        Ok(!rows.is_empty())
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
                   cast(coalesce(sum(d.expected_minor >> 32), 0) as bigint),
                   cast(coalesce(sum(d.expected_minor & 4294967295), 0) as bigint),
                   cast(coalesce(sum(d.reported_minor >> 32), 0) as bigint),
                   cast(coalesce(sum(d.reported_minor & 4294967295), 0) as bigint)
                 from (
                   select kind, provider, state, expected_minor, reported_minor,
                     cast(case when payable_no is null and cycle_no is null then 0 else 1 end as bigint) as of_cycle
                   from discrepancy
                   where (payable_no >> 38) = $1 or cycle_no = $1 or (payable_no is null and cycle_no is null)
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
                    expected_minor: (i128::from(row.int(5)?) << 32) + i128::from(row.int(6)?),
                    reported_minor: (i128::from(row.int(7)?) << 32) + i128::from(row.int(8)?),
                })
            })
            .collect()
    }

    /// How often answers contradict orders of a cycle, or of one file of it, and how many of its files they
    /// contradict as a whole, into which nobody has looked. What is contradicted stays so when it moves into
    /// another file, or is taken back and ordered again.
    pub async fn contradicted(
        &self,
        cycle: CycleNo,
        batch: Option<BatchNo>,
    ) -> Result<Contradicted, StoreError> {
        let of_file = batch.map_or(-1, |batch| batch.0);
        let rows = self
            .query(
                concat!(
                    doubted!(),
                    "select
                   (select cast(count(*) as bigint) from discrepancy d
                    join instruction i on i.shard = ((d.payable_no >> 30) & 255)
                      and i.payable_no = d.payable_no and i.attempt = d.attempt
                    where d.state = 'open' and d.kind = 'contradiction' and i.cycle_no = $1
                      and ($2 = -1 or i.batch_no = $2 or exists (select 1 from instruction l
                        where l.shard = i.shard and l.payable_no = i.payable_no and l.batch_no = $2
                          and l.state = 'in_batch'))),
                   (select cast(count(*) as bigint) from open_file
                    where cycle_no = $1 and ($2 = -1 or batch_no = $2)),
                   (select cast(count(*) as bigint) from doubted x
                    join instruction l on l.shard = ((x.payable_no >> 30) & 255) and l.payable_no = x.payable_no
                    where l.cycle_no = $1 and l.batch_no = $2 and l.state = 'in_batch')"
                ),
                &[cycle.0.into(), of_file.into()],
            )
            .await?;
        rows.first().map_or(Ok(Contradicted::default()), |row| {
            Ok(Contradicted {
                payments: row.int(0)?,
                files: row.int(1)?,
                ordered_before: row.int(2)?,
            })
        })
    }

    /// The payments of a file, without an outcome or unknown, of which an answer contradicts an order, and into which
    /// nobody has looked.
    pub async fn contradicted_payments(
        &self,
        batch: &Batch,
    ) -> Result<BTreeSet<(PayableNo, AttemptNo)>, StoreError> {
        let rows = self
            .query(
                concat!(
                    doubted!(),
                    "select l.payable_no, l.attempt from discrepancy d
                 join instruction l on l.shard = ((d.payable_no >> 30) & 255) and l.payable_no = d.payable_no
                 where d.state = 'open' and d.kind = 'contradiction' and l.cycle_no = $1 and l.batch_no = $2
                   and l.state in ('in_batch', 'unknown')
                 union select l.payable_no, l.attempt from doubted x
                 join instruction l on l.shard = ((x.payable_no >> 30) & 255) and l.payable_no = x.payable_no
                 where l.cycle_no = $1 and l.batch_no = $2 and l.state in ('in_batch', 'unknown')"
                ),
                &[batch.cycle.0.into(), batch.number.0.into()],
            )
            .await?;
        let whole = |error: &dyn std::fmt::Display| broken(error.to_string());
        rows.iter()
            .map(|row| {
                let payable = PayableNo::from_number(row.int(0)?).map_err(|error| whole(&error))?;
                let attempt = AttemptNo::new(row.int(1)?).map_err(|error| whole(&error))?;
                Ok((payable, attempt))
            })
            .collect()
    }

    /// Items of answers that spoke of a whole file of a cycle, and decided payments of it.
    pub async fn said_of_files(
        &self,
        cycle: CycleNo,
    ) -> Result<BTreeSet<(AnswerNo, i64)>, StoreError> {
        let rows = self
            .query(
                "select answer_no, item from said_of_file where cycle_no = $1",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((AnswerNo(row.int(0)?), row.int(1)?))).collect()
    }

    /// Open discrepancies, the oldest first.
    pub async fn discrepancies(&self) -> Result<Vec<(i64, Discrepancy)>, StoreError> {
        let rows = self
            .query(
                "select discrepancy_no, kind, provider, answer_no, item, payable_no, attempt, expected_minor,
                 reported_minor, detail, opened_at, cycle_no, batch_no from discrepancy where state = 'open' order by discrepancy_no",
                &[],
            )
            .await?;
        numbered_discrepancies(&rows)
    }

    /// The payables of which something of either kind ever came into the queue.
    pub async fn payables_in_queue(
        &self,
        kinds: &[DiscrepancyKind],
    ) -> Result<HashSet<PayableNo>, StoreError> {
        let mut found = HashSet::new();
        let sql = concat!(doubted!(), "select payable_no from doubted");
        for row in self.query(sql, &[]).await? {
            let payable = PayableNo::from_number(row.int(0)?);
            found.insert(payable.map_err(|error| broken(error.to_string()))?);
        }
        for kind in kinds {
            let sql = "select distinct payable_no from discrepancy where kind = $1 and payable_no is not null";
            for row in self.query(sql, &[kind.name().into()]).await? {
                let payable = PayableNo::from_number(row.int(0)?);
                found.insert(payable.map_err(|error| broken(error.to_string()))?);
            }
        }
        Ok(found)
    }

    /// Every item that ever came into the queue, after a number.
    pub async fn discrepancies_ever(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Discrepancy)>, StoreError> {
        let rows = self
            .query(
                "select discrepancy_no, kind, provider, answer_no, item, payable_no, attempt, expected_minor,
                 reported_minor, detail, opened_at, cycle_no, batch_no from discrepancy where discrepancy_no > $1
                 order by discrepancy_no limit $2",
                &[after.into(), limit.into()],
            )
            .await?;
        numbered_discrepancies(&rows)
    }

    /// The lines of all transactions told of the orders of a shard, with their answers.
    pub async fn transaction_lines(
        &self,
        shard: Shard,
    ) -> Result<Vec<(AnswerNo, String)>, StoreError> {
        let rows = self
            .query(
                "select payable_no, attempt, provider, format, reference, answer_no, item from transaction_told
                 where shard = $1",
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let answer = AnswerNo(row.int(5)?);
                let instruction = instruction_key(row, 0)?.ok_or_else(|| {
                    StoreError::RowMustBeWhole("a transaction of no order".to_owned())
                })?;
                let told = ToldTransaction {
                    instruction,
                    reference: row.text(4)?.to_owned(),
                    item: row.int(6)?,
                };
                Ok((answer, transaction_line(answer, row.text(2)?, row.text(3)?, &told)))
            })
            .collect()
    }
}

fn numbered_discrepancies(rows: &[Row]) -> Result<Vec<(i64, Discrepancy)>, StoreError> {
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
                    file: row
                        .maybe_int(11)?
                        .zip(row.maybe_int(12)?)
                        .map(|(cycle, batch)| (CycleNo(cycle), BatchNo(batch))),
                    expected_minor: row.maybe_int(7)?,
                    reported_minor: row.maybe_int(8)?,
                    detail: row.text(9)?.to_owned(),
                    opened_at: row.text(10)?.to_owned(),
                },
            ))
        })
        .collect()
}

impl Store {
    /// Halts that are in force.
    pub async fn halts(&self) -> Result<Vec<Halt>, StoreError> {
        let rows = self
            .query(
                "select halt_no, scope, cause, put_by, put_at, first_lift_by, later_cause from halt
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
                    later_cause: row.maybe_text(6)?.map(str::to_owned),
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
        self.written.push(Written::AnswerBegins(answer.number));
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
                "".into(),
            ]],
        );
        // Refused before under other terms, or by an earlier program: that is settled now.
        self.free(
            "update discrepancy set state = 'resolved', resolved_by = 'evidence', resolved_at = $3
             where kind = 'file_refused' and state = 'open' and answer_no in
               (select answer_no from refused_answer where provider = $1 and sha256 = $2)",
            vec![
                answer.provider.clone().into(),
                answer.sha256.clone().into(),
                answer.received_at.clone().into(),
            ],
        );
    }

    pub fn answer_refused(&mut self, refused: &RefusedAnswer) {
        self.written.push(Written::AnswerBegins(refused.number));
        self.bulk(
            "refused_answer",
            &["answer_no", "provider", "file_name", "sha256", "code", "refused_at"],
            [[
                refused.number.0.into(),
                refused.provider.clone().into(),
                refused.file_name.clone().into(),
                refused.sha256.clone().into(),
                refused.code.clone().into(),
                refused.refused_at.clone().into(),
            ]],
        );
    }

    pub fn answer_opened(&mut self, arrived_sha256: &str, sha256: &str, provider: &str, at: &str) {
        self.bulk(
            "sealed_answer",
            &["arrived_sha256", "sha256", "provider", "opened_at"],
            [[
                arrived_sha256.to_owned().into(),
                sha256.to_owned().into(),
                provider.to_owned().into(),
                at.to_owned().into(),
            ]],
        );
    }

    /// Moves an answer's progress; a second process that applies the same items is a conflict.
    pub fn answer_applied(
        &mut self,
        answer: AnswerNo,
        from: i64,
        to: i64,
        repeated: i64,
        state: AnswerState,
    ) {
        self.guarded(
            "an answer's items are applied once, in order",
            "update answer set applied_count = $3, state = $4, repeated_count = repeated_count + $5
             where answer_no = $1 and applied_count = $2 and state = 'applying'",
            vec![answer.0.into(), from.into(), to.into(), state.name().into(), repeated.into()],
        );
    }

    /// Keeps the transactions by which an answer says that orders were paid or debited.
    pub fn transactions_told(&mut self, answer: &Answer, told: &[ToldTransaction]) {
        self.written.extend(told.iter().map(|one| Written::Kept {
            answer: answer.number,
            of: Kept::Transaction,
            line: transaction_line(answer.number, &answer.provider, &answer.format, one),
        }));
        self.bulk(
            "transaction_told",
            &[
                "shard",
                "payable_no",
                "attempt",
                "provider",
                "format",
                "reference",
                "answer_no",
                "item",
            ],
            told.iter().map(|one| {
                let (payable, attempt) = one.instruction;
                [
                    i64::from(payable.shard().number()).into(),
                    payable.number().into(),
                    i64::from(attempt.number()).into(),
                    answer.provider.clone().into(),
                    answer.format.clone().into(),
                    one.reference.clone().into(),
                    answer.number.0.into(),
                    one.item.into(),
                ]
            }),
        );
    }

    /// An item of an answer speaks of a whole file, and decides payments of it.
    pub fn said_of_file(&mut self, answer: AnswerNo, item: i64, batch: &Batch) {
        self.bulk(
            "said_of_file",
            &["answer_no", "item", "cycle_no", "batch_no"],
            [[answer.0.into(), item.into(), batch.cycle.0.into(), batch.number.0.into()]],
        );
    }

    pub fn discrepancies(&mut self, first_no: i64, discrepancies: &[Discrepancy]) {
        self.written.extend(discrepancies.iter().zip(first_no..).map(|(one, number)| {
            Written::Kept {
                answer: one.answer,
                of: Kept::Discrepancy,
                line: discrepancy_line(number, one),
            }
        }));
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
                "cycle_no",
                "batch_no",
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
                    number(one.file.map(|(cycle, _)| cycle.0)),
                    number(one.file.map(|(_, batch)| batch.0)),
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

    /// Something more came up against a scope that is halted: who has agreed to lift the halt did not know of it.
    pub fn halt_evidence_added(&mut self, halt: &Halt, cause: &str, at: &str) {
        self.guarded(
            "nobody agrees to lift a halt while evidence is added to it",
            "update halt set later_cause = $2, later_at = $3, first_lift_by = null
             where halt_no = $1 and lifted_at is null and coalesce(first_lift_by, '') = $4",
            vec![
                halt.number.into(),
                cause.to_owned().into(),
                at.to_owned().into(),
                halt.first_lift_by.clone().unwrap_or_default().into(),
            ],
        );
    }

    /// Stops a scope by an officer's hand; one that is stopped already is refused by the index.
    pub fn halt_put_by_hand(&mut self, halt: &Halt) {
        self.bulk(
            "halt",
            &["halt_no", "scope", "cause", "put_by", "put_at"],
            [[
                halt.number.into(),
                halt.scope.clone().into(),
                halt.cause.clone().into(),
                halt.put_by.clone().into(),
                halt.put_at.clone().into(),
            ]],
        );
    }

    /// No attempt is recorded under a halt, however late it was put.
    pub fn must_not_be_halted(&mut self, batch: &Batch, scopes: &[String; 3]) {
        let [all, provider, cycle] = scopes.clone();
        self.guarded(
            "nothing that is halted is sent",
            "update batch set state = state where cycle_no = $1 and batch_no = $2 and not exists
               (select 1 from halt where lifted_at is null and scope in ($3, $4, $5))",
            vec![
                batch.cycle.0.into(),
                batch.number.0.into(),
                all.into(),
                provider.into(),
                cycle.into(),
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

    /// The first of two officers who signs still takes the place of one who does not.
    pub fn halt_first_lift_replaced(&mut self, halt_no: i64, ended: &str, by: &str) {
        self.guarded(
            "who agreed to lift a halt and has ended is replaced by another",
            "update halt set first_lift_by = $3 where halt_no = $1 and first_lift_by = $2 and lifted_at is null",
            vec![halt_no.into(), ended.to_owned().into(), by.to_owned().into()],
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
        repeated: row.int(9)?,
    })
}

pub(super) fn instruction_key(
    row: &Row,
    at: usize,
) -> Result<Option<(PayableNo, AttemptNo)>, StoreError> {
    let whole = |error: crate::domain::ids::IdError| StoreError::RowMustBeWhole(error.to_string());
    match (row.maybe_int(at)?, row.maybe_int(at + 1)?) {
        (Some(payable), Some(attempt)) => Ok(Some((
            PayableNo::from_number(payable).map_err(whole)?,
            AttemptNo::new(attempt).map_err(whole)?,
        ))),
        _ => Ok(None),
    }
}
