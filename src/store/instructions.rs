//! Instructions: the orders by which payables are paid, attempt by attempt.

use std::collections::BTreeSet;

use crate::domain::batch::Batch;
use crate::domain::ids::{
    AnswerNo, AttemptNo, BatchNo, CycleNo, DestinationNo, ListNo, PayableNo, SHARDS_IN_GROUP, Shard,
};
use crate::domain::instruction::{Evidence, Instruction, InstructionState};
use crate::domain::state::Named;

use super::books::{order_file_line, order_line, order_state_line};
use super::paged::{Lookup, Many, PAGE, lookup, padded};
use super::payables::{numbers_of, payable_number};
use super::registry::{broken, destination_no, number};
use super::several_shards::{within, within_shards};
use super::{Changes, Row, Store, StoreError, Value};

/// One instruction's transition, with the evidence for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstructionMove {
    pub payable: PayableNo,
    pub attempt: AttemptNo,
    pub from: InstructionState,
    pub to: InstructionState,
    pub evidence: Evidence,
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
            evidence: order.evidence.clone(),
            was: order.evidence.clone(),
        }
    }
}

/// In the order in which `instruction` reads them.
macro_rules! columns {
    () => {
        "select payable_no, attempt, list_no, batch_no, destination_no, amount_minor, state, grade, reason,
         reason_class, answer_no, answer_item, outcome_on, debited_on "
    };
}

macro_rules! instruction_columns {
    () => {
        concat!(columns!(), "from instruction ")
    };
}

/// The orders `i` of a cycle in some shards.
macro_rules! of_several_shards {
    () => {
        concat!(
            columns!(),
            "from part cross join instruction i
             where i.shard = part.shard and i.payable_no between part.first_no and part.last_no"
        )
    };
}

macro_rules! in_order {
    () => {
        " order by i.payable_no, i.attempt"
    };
}

/// Of orders `i` of a file, those on their way of which their partner has said since a day that it carries them out.
macro_rules! in_process {
    () => {
        " from instruction i join answer a on a.answer_no = i.answer_no
         where i.cycle_no = $1 and i.batch_no = $2 and i.state = 'in_batch' and i.reason = 'in_process'
           and substr(a.received_at, 1, 10) >= $3"
    };
}

/// What was known of an instruction among those that were read, which are in the order of their keys.
pub fn known_before(read: &[Instruction], after: &Instruction) -> Evidence {
    let key = (after.payable, after.attempt);
    let found = read.binary_search_by_key(&key, |one| (one.payable, one.attempt));
    found.map_or_else(|_| Evidence::default(), |at| read[at].evidence.clone())
}

impl Store {
    /// What was ordered of some shards and has no outcome yet, in the order of the payables.
    pub async fn instructions_without_outcome(
        &self,
        cycle: CycleNo,
        shards: &[Shard; SHARDS_IN_GROUP],
    ) -> Result<Vec<Instruction>, StoreError> {
        // The state stands in the text, so that the index of live orders serves.
        let sql =
            concat!(within!(), of_several_shards!(), " and i.state = 'in_batch'", in_order!());
        self.query(sql, &within_shards(cycle, shards)?).await?.iter().map(instruction).collect()
    }

    /// What one file orders, in the order of the payables.
    pub async fn orders_of_file(&self, file: &Batch) -> Result<Vec<Instruction>, StoreError> {
        let sql = concat!(within!(), of_several_shards!(), " and i.batch_no = $49", in_order!());
        let mut orders = Vec::new();
        for shards in Shard::groups() {
            let mut args = within_shards(file.cycle, &shards)?;
            args.push(file.number.0.into());
            for row in &self.query(sql, &args).await? {
                orders.push(instruction(row)?);
            }
        }
        Ok(orders)
    }

    /// Of what is on its way of a file in some shards, of which its partner has said on a day or later that it carries
    /// it out.
    pub async fn in_process(
        &self,
        cycle: CycleNo,
        shards: &[Shard; SHARDS_IN_GROUP],
        batch: BatchNo,
        since: &str,
    ) -> Result<BTreeSet<(PayableNo, AttemptNo)>, StoreError> {
        let sql = concat!(
            "select i.payable_no, i.attempt",
            in_process!(),
            " and i.shard between $4 and $5"
        );
        let [first, .., last] = shards.map(|shard| i64::from(shard.number()));
        let args =
            [cycle.0.into(), batch.0.into(), since.to_owned().into(), first.into(), last.into()];
        let rows = self.query(sql, &args).await?;
        rows.iter()
            .map(|row| {
                let payable = PayableNo::from_number(row.int(0)?);
                let attempt = AttemptNo::new(row.int(1)?);
                Ok((
                    payable.map_err(|error| broken(error.to_string()))?,
                    attempt.map_err(|error| broken(error.to_string()))?,
                ))
            })
            .collect()
    }

    /// How many they are of a file, and how much money.
    pub async fn in_process_sum(
        &self,
        cycle: CycleNo,
        batch: BatchNo,
        since: &str,
    ) -> Result<(i64, i64), StoreError> {
        let sql = concat!(
            "select cast(count(*) as bigint), cast(coalesce(sum(i.amount_minor), 0) as bigint)",
            in_process!()
        );
        let args = [cycle.0.into(), batch.0.into(), since.to_owned().into()];
        let rows = self.query(sql, &args).await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// What was ordered of some shards and is unknown by itself, in the order of the payables. What is
    /// unknown with its file is not here.
    pub async fn instructions_unknown(
        &self,
        cycle: CycleNo,
        shards: &[Shard; SHARDS_IN_GROUP],
    ) -> Result<Vec<Instruction>, StoreError> {
        let sql = concat!(within!(), of_several_shards!(), " and i.state = 'unknown'", in_order!());
        self.query(sql, &within_shards(cycle, shards)?).await?.iter().map(instruction).collect()
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

    /// Some of the orders of a file that were debited on a day and of which nothing more is known. Not those of which
    /// anything that could not be booked was told: whether the money came back, no number of days tells.
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
                     and state in ('in_batch', 'unknown')
                     and payable_no * 32 + attempt not in (select payable_no * 32 + attempt from discrepancy
                       where (payable_no >> 38) = $1 and attempt is not null)
                     order by shard, payable_no, attempt limit $4"
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
        shards: &[Shard; SHARDS_IN_GROUP],
    ) -> Result<Vec<Instruction>, StoreError> {
        let sql = concat!(within!(), of_several_shards!(), " and i.list_no = $49", in_order!());
        let mut args = within_shards(cycle, shards)?;
        args.push(list.0.into());
        self.query(sql, &args).await?.iter().map(instruction).collect()
    }

    pub async fn instructions(
        &self,
        cycle: CycleNo,
        shard: Shard,
    ) -> Result<Vec<Instruction>, StoreError> {
        let sql = concat!(
            instruction_columns!(),
            "where shard = $1 and payable_no between $2 and $3 order by payable_no, attempt"
        );
        self.instructions_in(sql, cycle, shard).await
    }

    /// All attempts of these payables, in the order of their keys.
    pub async fn instructions_of(
        &self,
        numbers: &[PayableNo],
    ) -> Result<Vec<Instruction>, StoreError> {
        static LOOKUP: Lookup = Lookup::new(|dialect| {
            lookup(dialect, instruction_columns!(), &["shard", "payable_no"])
        });
        let sql = LOOKUP.sql(self.database.dialect());
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

    /// All orders to these destinations with these amounts, by an index of their own: of partners whose results carry
    /// no reference of ours every item asks.
    pub async fn instructions_to(
        &self,
        wanted: &[(DestinationNo, i64)],
    ) -> Result<Vec<Instruction>, StoreError> {
        static LOOKUP: Lookup = Lookup::new(|dialect| {
            lookup(dialect, instruction_columns!(), &["destination_no", "amount_minor"])
        });
        let sql = LOOKUP.sql(self.database.dialect());
        let mut found = Vec::new();
        for page in wanted.chunks(PAGE) {
            let keys = page.iter().map(|(to, minor)| [to.number().into(), (*minor).into()]);
            for row in self.query(sql, &padded(keys)).await? {
                found.push(instruction(&row)?);
            }
        }
        found.sort_by_key(|instruction| (instruction.payable, instruction.attempt));
        Ok(found)
    }
}

impl Changes {
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
            let line = order_state_line(one.payable, one.attempt, one.state, &Evidence::default());
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
    /// state it was read in, and known of no more, or nothing happens. What ends is written before what is live: the index of one
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
            ("was_reason", "text"),
            ("was_answer_no", "bigint"),
            ("was_answer_item", "bigint"),
            ("was_debited_on", "text"),
        ];
        // What was known is held as well as the state: a word that leaves the state as it is may have come between.
        const SET: &str = "update instruction set state = v.to_state, grade = v.grade, reason = v.reason,
             reason_class = v.reason_class, answer_no = v.answer_no, answer_item = v.answer_item, outcome_on = v.outcome_on,
             debited_on = v.debited_on
             from v where instruction.shard = v.shard and instruction.payable_no = v.payable_no
             and instruction.attempt = v.attempt and instruction.state = v.from_state
             and instruction.reason is not distinct from v.was_reason
             and instruction.answer_no is not distinct from v.was_answer_no
             and instruction.answer_item is not distinct from v.was_answer_item
             and instruction.debited_on is not distinct from v.was_debited_on";
        for one in moves {
            let line =
                |state, known: &Evidence| order_state_line(one.payable, one.attempt, state, known);
            self.line(one.payable, line(one.from, &one.was), false, false);
            self.line(one.payable, line(one.to, &one.evidence), true, false);
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
                    one.evidence.grade.map_or(Value::Null, |grade| grade.name().into()),
                    one.evidence.reason.clone().into(),
                    one.evidence.reason_class.clone().into(),
                    number(one.evidence.answer.map(|(answer, _)| answer.0)),
                    number(one.evidence.answer.map(|(_, item)| item)),
                    one.evidence.outcome_on.clone().into(),
                    one.evidence.debited_on.clone().into(),
                    one.was.reason.clone().into(),
                    number(one.was.answer.map(|(answer, _)| answer.0)),
                    number(one.was.answer.map(|(_, item)| item)),
                    one.was.debited_on.clone().into(),
                ]
            });
            self.many(
                "every instruction is still in the state it was read in",
                Many { columns: COLUMNS, rows: page.len(), update: SET },
                args.collect(),
            );
        }
    }
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
        evidence: Evidence {
            grade: row.maybe_text(7)?.map(|_| row.named(7)).transpose()?,
            reason: row.maybe_text(8)?.map(str::to_owned),
            reason_class: row.maybe_text(9)?.map(str::to_owned),
            answer,
            outcome_on: row.maybe_text(12)?.map(str::to_owned),
            debited_on: row.maybe_text(13)?.map(str::to_owned),
        },
    })
}
