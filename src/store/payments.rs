//! Claims, payables and instructions.

use std::sync::LazyLock;

use crate::domain::batch::Batch;
use crate::domain::claim::Claim;
use crate::domain::ids::{
    AnswerNo, AttemptNo, BatchNo, CycleNo, DestinationNo, EnrolmentNo, ListNo, PayableNo, Shard,
};
use crate::domain::instruction::{EvidenceGrade, Instruction, InstructionState};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::period::Period;
use crate::domain::state::Named;

use super::books::{
    Evidence, Written, carried_line, claim_carried_line, claim_line, claim_shard, order_file_line,
    order_line, order_state_line, payable_line, payable_state_line,
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

macro_rules! claim_columns {
    () => {
        "select shard, period, enrolment_no, benefit, component, revision, amount_minor, cycle_no, payable_no,
         carried_from, person_no, programme from claim "
    };
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

impl Store {
    /// What has been determined for the persons of one shard, by month, enrolment, benefit, component
    /// and revision.
    pub async fn claims(&self, shard: Shard) -> Result<Vec<Claim>, StoreError> {
        let rows = self
            .query(
                concat!(
                    claim_columns!(),
                    "where shard = $1 order by period, enrolment_no, benefit, component, revision"
                ),
                &[i64::from(shard.number()).into()],
            )
            .await?;
        rows.iter().map(claim).collect()
    }

    /// All claims of these months of enrolments.
    pub async fn claims_of(
        &self,
        months: &[(Shard, Period, EnrolmentNo)],
    ) -> Result<Vec<Claim>, StoreError> {
        const KEY: &[&str] = &["shard", "period", "enrolment_no"];
        static SQLITE: LazyLock<String> =
            LazyLock::new(|| lookup(Dialect::Sqlite, claim_columns!(), KEY));
        static POSTGRES: LazyLock<String> =
            LazyLock::new(|| lookup(Dialect::Postgres, claim_columns!(), KEY));
        let sql = match self.database.dialect() {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        };
        let mut found = Vec::with_capacity(months.len());
        for page in months.chunks(PAGE) {
            let keys = page.iter().map(|(shard, period, enrolment)| {
                [
                    i64::from(shard.number()).into(),
                    i64::from(period.as_number()).into(),
                    enrolment.number().into(),
                ]
            });
            for row in self.query(sql, &padded(keys)).await? {
                found.push(claim(&row)?);
            }
        }
        Ok(found)
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
        let claims: Vec<Claim> = claims.into_iter().collect();
        for one in &claims {
            self.claim_comes(one);
        }
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

    /// Moves one claim from the payable of a closed cycle to a payable of this one. `claim` is as it was
    /// read.
    pub fn claim_carried(&mut self, claim: &Claim, from: PayableNo, to: PayableNo) {
        self.claim_goes(claim, from, to.cycle());
        self.claim_comes(&Claim {
            cycle: to.cycle(),
            payable: Some(to),
            carried_from: Some(from),
            ..claim.clone()
        });
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

    fn claim_comes(&mut self, one: &Claim) {
        let (cycle, shard) = (one.cycle, claim_shard(one));
        let line = claim_line(one);
        self.written.push(Written::Claim { cycle, shard, by: cycle, line, comes: true, row: true });
        if let Some(line) = claim_carried_line(one) {
            let (comes, row) = (true, false);
            self.written.push(Written::Claim { cycle, shard, by: cycle, line, comes, row });
        }
    }

    fn claim_goes(&mut self, one: &Claim, from: PayableNo, by: CycleNo) {
        let (cycle, shard) = (from.cycle(), from.shard());
        let line = claim_line(one);
        self.written.push(Written::Claim { cycle, shard, by, line, comes: false, row: true });
        if let Some(line) = claim_carried_line(one) {
            // When the cycle that took it is forgotten, the claim comes back, but not whence it had been
            // carried before.
            let (comes, row) = (false, false);
            self.written.push(Written::Claim { cycle, shard, by: cycle, line, comes, row });
        }
    }

    pub(super) fn line(&mut self, payable: PayableNo, line: String, comes: bool, row: bool) {
        let (cycle, shard) = (payable.cycle(), payable.shard());
        self.written.push(Written::Line { cycle, shard, line, comes, row });
    }
}

/// The first and last number that a payable of this cycle and shard can have.
pub(super) fn numbers_of(cycle: CycleNo, shard: Shard) -> Result<(i64, i64), StoreError> {
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
