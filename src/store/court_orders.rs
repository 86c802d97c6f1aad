//! Orders of courts: what stands on file, what payables were reduced by for them, and what was transferred.

use std::collections::BTreeMap;

use crate::domain::court_order::{
    CourtDeduction, CourtOrder, CourtOrderEnd, CourtOrderStanding, CourtTransfer,
};
use crate::domain::ids::{CycleNo, PayableNo};
use crate::domain::period::Period;
use crate::domain::receivable::{Receipt, SeenOn, TakeBack, Voucher};
use crate::domain::state::Named;

use super::books::court_deduction_line;
use super::registry::{broken, period, person_no};
use super::{Changes, Row, Store, StoreError};

/// What is on its way is what was kept back of payables that may still be paid: those of a cycle that is not
/// closed, and of a closed one those of unknown fate. What is unpaid in a closed cycle is kept back again by
/// the list that carries it.
macro_rules! court_orders {
    () => {
        "select o.order_no, o.person_no, o.record, o.paper, o.state, o.proposed_by, o.proposed_at, o.confirmed_by,
           o.end_reason, o.end_proposed_by, o.end_proposed_at, o.ended_by,
           cast(coalesce((
             select -sum(x.amount_minor) from court_deduction x
             join payable p on p.shard = x.shard and p.payable_no = x.payable_no
             where x.order_no = o.order_no and p.state = 'paid'), 0) as bigint),
           cast(coalesce((
             select -sum(x.amount_minor) from court_deduction x
             join payable p on p.shard = x.shard and p.payable_no = x.payable_no
             join cycle c on c.cycle_no = x.cycle_no
             where x.order_no = o.order_no and p.state <> 'paid' and p.carried_to is null
               and (c.state <> 'closed' or p.state in ('pending', 'unknown'))), 0) as bigint),
           cast(coalesce((
             select sum(t.amount_minor) from court_transfer t
             where t.order_no = o.order_no and t.taken_back_at is null), 0) as bigint)
         from court_order o "
    };
}

macro_rules! deduction_columns {
    () => {
        "select order_no, payable_no, period, amount_minor from court_deduction "
    };
}

impl Store {
    /// Every order with how far it has come, the oldest first.
    pub async fn court_orders(&self) -> Result<Vec<CourtOrderStanding>, StoreError> {
        let rows = self.query(concat!(court_orders!(), "order by o.order_no"), &[]).await?;
        rows.iter().map(standing).collect()
    }

    pub async fn court_order(&self, order: i64) -> Result<Option<CourtOrderStanding>, StoreError> {
        let rows =
            self.query(concat!(court_orders!(), "where o.order_no = $1"), &[order.into()]).await?;
        rows.first().map(standing).transpose()
    }

    /// By order and month of benefits, what is kept back of payables that are paid or may still be; positive.
    pub async fn kept_for_orders(&self) -> Result<BTreeMap<(i64, Period), i64>, StoreError> {
        let rows = self
            .query(
                "select x.order_no, x.period, cast(-sum(x.amount_minor) as bigint) from court_deduction x
                 join payable p on p.shard = x.shard and p.payable_no = x.payable_no
                 join cycle c on c.cycle_no = x.cycle_no
                 where p.state = 'paid'
                    or (p.carried_to is null and (c.state <> 'closed' or p.state in ('pending', 'unknown')))
                 group by x.order_no, x.period",
                &[],
            )
            .await?;
        rows.iter().map(|row| Ok(((row.int(0)?, period(row, 1)?), row.int(2)?))).collect()
    }

    /// What was kept back for one order, in the order of the payables.
    pub async fn deductions_for(&self, order: i64) -> Result<Vec<CourtDeduction>, StoreError> {
        let sql = concat!(deduction_columns!(), "where order_no = $1 order by payable_no, period");
        self.query(sql, &[order.into()]).await?.iter().map(deduction).collect()
    }

    /// What a payable was reduced by, in the order of the orders and months.
    pub async fn deductions_from(
        &self,
        payable: PayableNo,
    ) -> Result<Vec<CourtDeduction>, StoreError> {
        let sql = concat!(
            deduction_columns!(),
            "where shard = $1 and payable_no = $2 order by order_no, period"
        );
        let of = [i64::from(payable.shard().number()).into(), payable.number().into()];
        self.query(sql, &of).await?.iter().map(deduction).collect()
    }

    /// What the payables of a cycle were reduced by: few, beside the payables.
    pub async fn deductions(&self, cycle: CycleNo) -> Result<Vec<CourtDeduction>, StoreError> {
        let sql = concat!(
            deduction_columns!(),
            "where cycle_no = $1 order by payable_no, order_no, period"
        );
        self.query(sql, &[cycle.0.into()]).await?.iter().map(deduction).collect()
    }

    /// The orders for which a cycle keeps back, in their order.
    pub async fn orders_served(&self, cycle: CycleNo) -> Result<Vec<i64>, StoreError> {
        let rows = self
            .query(
                "select distinct order_no from court_deduction where cycle_no = $1 order by order_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| row.int(0)).collect()
    }

    /// What the payables of a cycle were reduced by, without those whose claims another list has: how many,
    /// and their sum, which is negative.
    pub async fn deduction_sum(&self, cycle: CycleNo) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint), cast(coalesce(sum(x.amount_minor), 0) as bigint)
                 from court_deduction x join payable p on p.shard = x.shard and p.payable_no = x.payable_no
                 where x.cycle_no = $1 and p.carried_to is null",
                &[cycle.0.into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// What was transferred for one order, in the order in which it was recorded.
    pub async fn transfers_of(&self, order: i64) -> Result<Vec<CourtTransfer>, StoreError> {
        let rows = self
            .query(
                "select transfer_no, order_no, amount_minor, voucher, transferred_on, recorded_by, recorded_at,
                   take_back_reason, take_back_proposed_by, take_back_proposed_at, taken_back_by
                 from court_transfer where order_no = $1 order by transfer_no",
                &[order.into()],
            )
            .await?;
        rows.iter().map(transfer).collect()
    }

    /// Every transfer as statements look for it, whether it counts or was taken back.
    pub async fn transfer_vouchers(&self) -> Result<Vec<Voucher>, StoreError> {
        let rows = self
            .query(
                "select t.transfer_no, t.order_no, t.amount_minor, t.voucher, t.transferred_on,
                   cast(case when t.taken_back_at is null then 1 else 0 end as bigint), e.statement_no, e.entry_no
                 from court_transfer t left join court_transfer_entry e on e.transfer_no = t.transfer_no
                 order by t.transfer_no",
                &[],
            )
            .await?;
        rows.iter().map(super::statements::voucher).collect()
    }

    /// Entries without a reason by which this amount left the account and which no transfer has yet, and the
    /// provider's own reference of each, in the order in which they were taken in.
    pub async fn entries_without_transfer(
        &self,
        amount_minor: i64,
    ) -> Result<Vec<(SeenOn, String)>, StoreError> {
        let rows = self
            .query(
                "select u.statement_no, u.entry_no, u.reference from unexplained_entry u
                 where u.amount_minor = $1 and u.reference is not null and not exists
                   (select 1 from court_transfer_entry e
                    where e.statement_no = u.statement_no and e.entry_no = u.entry_no)
                 order by u.statement_no, u.entry_no",
                &[(-amount_minor).into()],
            )
            .await?;
        let of = |row: &Row| {
            let on = SeenOn { statement: row.int(0)?, entry: row.int(1)? };
            Ok((on, row.text(2)?.to_owned()))
        };
        rows.iter().map(of).collect()
    }

    /// When the first list was opened of whose payments something was kept back for an order.
    pub async fn first_kept_for(&self, order: i64) -> Result<Option<String>, StoreError> {
        let rows = self
            .query(
                "select min(c.opened_at) from court_deduction x join cycle c on c.cycle_no = x.cycle_no
                 where x.order_no = $1",
                &[order.into()],
            )
            .await?;
        Ok(rows.first().map_or(Ok(None), |row| row.maybe_text(0))?.map(str::to_owned))
    }
}

impl Changes {
    pub fn court_order_proposed(&mut self, order: &CourtOrder) {
        self.bulk(
            "court_order",
            &[
                "order_no",
                "shard",
                "person_no",
                "record",
                "paper",
                "state",
                "proposed_by",
                "proposed_at",
            ],
            [[
                order.number.into(),
                i64::from(order.person.shard().number()).into(),
                order.person.number().into(),
                order.record.clone().into(),
                order.paper.clone().into(),
                order.state.name().into(),
                order.proposed_by.clone().into(),
                order.proposed_at.clone().into(),
            ]],
        );
    }

    /// The second of two officers says that the order stands.
    pub fn court_order_confirmed(&mut self, order: i64, by: &str, at: &str) {
        self.guarded(
            "the second officer who confirms a court order is another person, and it is still proposed",
            "update court_order set state = 'confirmed', confirmed_by = $2, confirmed_at = $3
             where order_no = $1 and state = 'proposed' and proposed_by <> $2",
            vec![order.into(), by.to_owned().into(), at.to_owned().into()],
        );
    }

    /// What nobody has confirmed is given up by one officer.
    pub fn court_order_withdrawn(&mut self, order: i64, reason: &[u8], by: &str, at: &str) {
        self.guarded(
            "a court order that is withdrawn is still proposed",
            "update court_order set state = 'withdrawn', end_reason = $2, ended_by = $3, ended_at = $4
             where order_no = $1 and state = 'proposed'",
            vec![
                order.into(),
                reason.to_vec().into(),
                by.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }

    /// One officer says that an order has ended; an earlier proposal that nobody has confirmed is replaced.
    pub fn court_order_end_proposed(&mut self, order: i64, end: &CourtOrderEnd) {
        self.guarded(
            "a court order that is to end is confirmed",
            "update court_order set end_reason = $2, end_proposed_by = $3, end_proposed_at = $4
             where order_no = $1 and state = 'confirmed'",
            vec![
                order.into(),
                end.reason.clone().into(),
                end.proposed_by.clone().into(),
                end.proposed_at.clone().into(),
            ],
        );
    }

    /// The second of two persons ends an order, for the reason that was proposed.
    pub fn court_order_ended(&mut self, order: i64, end: &CourtOrderEnd, by: &str, at: &str) {
        self.guarded(
            "the second officer who ends a court order is another person, and the proposal is as it was read",
            "update court_order set state = 'ended', ended_by = $2, ended_at = $3
             where order_no = $1 and state = 'confirmed' and end_proposed_by = $4 and end_proposed_by <> $2
               and end_proposed_at = $5",
            vec![
                order.into(),
                by.to_owned().into(),
                at.to_owned().into(),
                end.proposed_by.clone().into(),
                end.proposed_at.clone().into(),
            ],
        );
    }

    /// What payables are reduced by for orders: written with them.
    pub fn court_deductions(&mut self, cycle: CycleNo, deductions: &[CourtDeduction]) {
        for one in deductions {
            self.line(one.payable, court_deduction_line(one), true, true);
        }
        self.bulk(
            "court_deduction",
            &["shard", "payable_no", "order_no", "period", "cycle_no", "amount_minor"],
            deductions.iter().map(|one| {
                [
                    i64::from(one.payable.shard().number()).into(),
                    one.payable.number().into(),
                    one.order.into(),
                    i64::from(one.period.as_number()).into(),
                    cycle.0.into(),
                    one.amount_minor.into(),
                ]
            }),
        );
    }

    pub fn court_transferred(&mut self, transfer: &CourtTransfer) {
        self.bulk(
            "court_transfer",
            &[
                "transfer_no",
                "order_no",
                "amount_minor",
                "voucher",
                "compared",
                "transferred_on",
                "recorded_by",
                "recorded_at",
            ],
            [[
                transfer.number.into(),
                transfer.order.into(),
                transfer.amount_minor.into(),
                transfer.voucher.clone().into(),
                Receipt::compared(&transfer.voucher).into(),
                transfer.transferred_on.clone().into(),
                transfer.recorded_by.clone().into(),
                transfer.recorded_at.clone().into(),
            ]],
        );
    }

    /// One officer says that a transfer was a mistake; an earlier proposal that nobody has confirmed is replaced.
    pub fn transfer_take_back_proposed(&mut self, transfer: i64, take_back: &TakeBack) {
        self.guarded(
            "a transfer that counts is proposed to be taken back",
            "update court_transfer
             set take_back_reason = $2, take_back_proposed_by = $3, take_back_proposed_at = $4
             where transfer_no = $1 and taken_back_at is null",
            vec![
                transfer.into(),
                take_back.reason.clone().into(),
                take_back.proposed_by.clone().into(),
                take_back.proposed_at.clone().into(),
            ],
        );
    }

    /// The second of two persons takes a transfer back. Whether a statement shows its money must be as it was
    /// when they were told.
    pub fn transfer_taken_back(&mut self, transfer: i64, is_seen: bool, by: &str, at: &str) {
        self.guarded(
            "the second officer who takes a transfer back is another person, and knows what statements show of it",
            "update court_transfer set taken_back_by = $2, taken_back_at = $3
             where transfer_no = $1 and taken_back_at is null and take_back_proposed_by <> $2
               and (select count(*) from court_transfer_entry e
                    where e.transfer_no = court_transfer.transfer_no) = $4",
            vec![
                transfer.into(),
                by.to_owned().into(),
                at.to_owned().into(),
                i64::from(is_seen).into(),
            ],
        );
    }

    /// That money of transfers that count stands on entries.
    pub fn transfers_seen(&mut self, seen: &[(i64, SeenOn)]) {
        for (transfer, on) in seen {
            self.guarded(
                "money that is found on a statement is that of a transfer that counts, once",
                "insert into court_transfer_entry (transfer_no, statement_no, entry_no)
                 select transfer_no, $2, $3 from court_transfer where transfer_no = $1 and taken_back_at is null",
                vec![(*transfer).into(), on.statement.into(), on.entry.into()],
            );
        }
    }
}

fn standing(row: &Row) -> Result<CourtOrderStanding, StoreError> {
    // What was withdrawn was ended by one officer, and proposed by none.
    let end_by = row.maybe_text(9)?.or(row.maybe_text(11)?);
    let end = match end_by {
        None => None,
        Some(by) => Some(CourtOrderEnd {
            reason: row.blob(8)?.to_vec(),
            proposed_by: by.to_owned(),
            proposed_at: row.maybe_text(10)?.unwrap_or_default().to_owned(),
            ended_by: row.maybe_text(11)?.map(str::to_owned),
        }),
    };
    Ok(CourtOrderStanding {
        order: CourtOrder {
            number: row.int(0)?,
            person: person_no(row, 1)?,
            record: row.blob(2)?.to_vec(),
            paper: row.text(3)?.to_owned(),
            state: row.named(4)?,
            proposed_by: row.text(5)?.to_owned(),
            proposed_at: row.text(6)?.to_owned(),
            confirmed_by: row.maybe_text(7)?.map(str::to_owned),
            end,
        },
        kept_minor: row.int(12)?,
        on_its_way_minor: row.int(13)?,
        transferred_minor: row.int(14)?,
    })
}

fn deduction(row: &Row) -> Result<CourtDeduction, StoreError> {
    Ok(CourtDeduction {
        order: row.int(0)?,
        payable: PayableNo::from_number(row.int(1)?).map_err(|error| broken(error.to_string()))?,
        period: period(row, 2)?,
        amount_minor: row.int(3)?,
    })
}

fn transfer(row: &Row) -> Result<CourtTransfer, StoreError> {
    let take_back = match row.maybe_text(8)? {
        None => None,
        Some(by) => Some(TakeBack {
            reason: row.blob(7)?.to_vec(),
            proposed_by: by.to_owned(),
            proposed_at: row.text(9)?.to_owned(),
            taken_back_by: row.maybe_text(10)?.map(str::to_owned),
        }),
    };
    Ok(CourtTransfer {
        number: row.int(0)?,
        order: row.int(1)?,
        amount_minor: row.int(2)?,
        voucher: row.text(3)?.to_owned(),
        transferred_on: row.text(4)?.to_owned(),
        recorded_by: row.text(5)?.to_owned(),
        recorded_at: row.text(6)?.to_owned(),
        take_back,
    })
}
