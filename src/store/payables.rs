//! Payables: what a payee is owed by one list, and what becomes of it.

use crate::domain::ids::{BatchNo, CycleNo, DestinationNo, PayableNo, SHARDS_IN_GROUP, Shard};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::state::Named;

use super::books::{
    Written, carried_line, payable_line, payable_state_line, payable_stay_line, payable_way_line,
};
use super::paged::{Lookup, Many, PAGE, lookup, padded};
use super::registry::{broken, destination_no, number, person_no};
use super::several_shards::{within, within_shards};
use super::{Changes, Row, Store, StoreError};

/// One payable's transition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayableMove {
    pub payable: PayableNo,
    pub from: PayableState,
    pub to: PayableState,
    pub code: String,
    pub batch: Option<BatchNo>,
    /// The code and the file that it was read with.
    pub was: (String, Option<BatchNo>),
}

impl PayableMove {
    /// The move of a payable, as it was read, that keeps its code and its file.
    pub fn of(read: &Payable, to: PayableState) -> PayableMove {
        PayableMove {
            payable: read.number,
            from: read.state,
            to,
            code: read.code.clone(),
            batch: read.batch,
            was: (read.code.clone(), read.batch),
        }
    }
}

macro_rules! columns {
    () => {
        "select payable_no, payee_no, beneficiary_no, destination_no, channel, provider, fund, programme,
         province, amount_minor, line_count, state, code, batch_no, carried_to, heir_no from "
    };
}

macro_rules! payable_columns {
    () => {
        concat!(columns!(), "payable ")
    };
}

/// The payables of a cycle in some shards.
macro_rules! of_several_shards {
    () => {
        concat!(
            columns!(),
            "part cross join payable p
             where p.shard = part.shard and p.payable_no between part.first_no and part.last_no"
        )
    };
}

impl Store {
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

    /// The payables of some shards, in the order of their numbers: shard by shard.
    pub async fn payables_of_shards(
        &self,
        cycle: CycleNo,
        shards: &[Shard; SHARDS_IN_GROUP],
    ) -> Result<Vec<Payable>, StoreError> {
        let sql = concat!(within!(), of_several_shards!(), " order by payable_no");
        self.query(sql, &within_shards(cycle, shards)?).await?.iter().map(payable).collect()
    }

    /// The payables of some shards that were not paid and may be ordered again, in the order of their numbers.
    pub async fn payables_unpaid(
        &self,
        cycle: CycleNo,
        shards: &[Shard; SHARDS_IN_GROUP],
    ) -> Result<Vec<Payable>, StoreError> {
        let sql = concat!(
            within!(),
            of_several_shards!(),
            " and carried_to is null and state in ('held', 'rejected', 'returned') order by payable_no"
        );
        self.query(sql, &within_shards(cycle, shards)?).await?.iter().map(payable).collect()
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

    /// What one beneficiary's lines became in a cycle, whoever is paid. Reads all payables of the cycle in
    /// one shard: for a person who asks, not for a run.
    pub async fn payables_of_beneficiary(
        &self,
        cycle: CycleNo,
        beneficiary: crate::domain::ids::PersonNo,
    ) -> Result<Vec<Payable>, StoreError> {
        let shard = beneficiary.shard();
        let (first, last) = numbers_of(cycle, shard)?;
        let rows = self
            .query(
                concat!(
                    payable_columns!(),
                    "where shard = $1 and payable_no between $2 and $3 and beneficiary_no = $5 union all ",
                    payable_columns!(),
                    "where cycle_no = $4 and beneficiary_no = $5 and beneficiary_no >> 55 <> shard"
                ),
                &[
                    i64::from(shard.number()).into(),
                    first.into(),
                    last.into(),
                    cycle.0.into(),
                    beneficiary.number().into(),
                ],
            )
            .await?;
        let mut found: Vec<Payable> = rows.iter().map(payable).collect::<Result<_, _>>()?;
        found.sort_by_key(|one| one.number);
        Ok(found)
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
        static LOOKUP: Lookup =
            Lookup::new(|dialect| lookup(dialect, payable_columns!(), &["shard", "payable_no"]));
        let sql = LOOKUP.sql(self.database.dialect());
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
        self.payable_stays(payable.number, (&payable.code, payable.batch), ("", Some(batch)));
        self.guarded(
            "a payable that was carried is still as it was read",
            "update payable set state = 'paid', code = '', batch_no = $4
             where shard = $1 and payable_no = $2 and state = $3 and carried_to is not null
             and code = $5 and batch_no is not distinct from $6",
            vec![
                i64::from(payable.number.shard().number()).into(),
                payable.number.number().into(),
                payable.state.name().into(),
                batch.0.into(),
                payable.code.clone().into(),
                number(payable.batch.map(|batch| batch.0)),
            ],
        );
    }

    pub fn payables(&mut self, payables: impl IntoIterator<Item = Payable>) {
        let payables: Vec<Payable> = payables.into_iter().collect();
        for one in &payables {
            self.line(one.number, payable_line(one), true, true);
            self.payable_is(one.number, None, one.state);
            self.way(one.number, payable_way_line(one), true, true);
            self.way(one.number, payable_stay_line(one.number, &one.code, one.batch), true, false);
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
                "heir_no",
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
                    number(payable.heir),
                ]
            }),
        );
    }

    /// Moves payables along arrows that the caller has followed. Of a payable that was carried on only what its
    /// own order paid after all can fall away again: whatever else becomes of its money is for the list that
    /// has it.
    pub fn payables_moved(&mut self, moves: &[PayableMove]) {
        const COLUMNS: &[(&str, &str)] = &[
            ("shard", "bigint"),
            ("payable_no", "bigint"),
            ("from_state", "text"),
            ("to_state", "text"),
            ("code", "text"),
            ("batch_no", "bigint"),
            ("was_code", "text"),
            ("was_batch_no", "bigint"),
        ];
        const SET: &str =
            "update payable set state = v.to_state, code = v.code, batch_no = v.batch_no
             from v where payable.shard = v.shard and payable.payable_no = v.payable_no
             and payable.state = v.from_state and (payable.carried_to is null or v.from_state = 'paid')
             and payable.code = v.was_code and payable.batch_no is not distinct from v.was_batch_no";
        for one in moves {
            self.payable_is(one.payable, Some(one.from), one.to);
            let (code, batch) = &one.was;
            self.payable_stays(one.payable, (code, *batch), (&one.code, one.batch));
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
                    one.was.0.clone().into(),
                    number(one.was.1.map(|batch| batch.0)),
                ]
            });
            self.many(
                "every payable is still as it was read, and of those carried on only what is paid moves",
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

    /// Most moves change neither code nor file: their lines stay.
    fn payable_stays(
        &mut self,
        number: PayableNo,
        was: (&str, Option<BatchNo>),
        is: (&str, Option<BatchNo>),
    ) {
        if was != is {
            self.way(number, payable_stay_line(number, was.0, was.1), false, false);
            self.way(number, payable_stay_line(number, is.0, is.1), true, false);
        }
    }

    fn way(&mut self, payable: PayableNo, line: String, comes: bool, row: bool) {
        let (cycle, shard) = (payable.cycle(), payable.shard());
        self.written.push(Written::Way { cycle, shard, line, comes, row });
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

pub(super) fn payable_number(row: &Row, at: usize) -> Result<PayableNo, StoreError> {
    PayableNo::from_number(row.int(at)?).map_err(|error| broken(error.to_string()))
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
        heir: row.maybe_int(15)?,
    })
}
