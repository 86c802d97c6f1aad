//! Statements of the accounts that pay: their balances, what their entries were for, and what is not
//! explained.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::domain::answer::DiscrepancyKind;
use crate::domain::ids::{AnswerNo, BatchNo, CycleNo};
use crate::domain::period::parse_date;
use crate::domain::receivable::{SeenOn, Voucher};
use crate::domain::state::Named;
use crate::domain::statement::{
    FileKey, FundedEntry, ShareKind, Statement, StatementShare, UnexplainedEntry,
};
use crate::domain::tariff::Paid;

use super::registry::broken;
use super::{Changes, Row, Store, StoreError};

macro_rules! share_columns {
    () => {
        "select statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor
         from statement_share "
    };
}

impl Store {
    /// Every statement, by account and in the order of its days.
    pub async fn statements(&self) -> Result<Vec<Statement>, StoreError> {
        let rows = self
            .query(
                "select statement_no, answer_no, provider, account, statement_id, opening_minor, closing_minor,
                   closed_on, entry_count, pending_count
                 from statement order by provider, account, closed_on, statement_no",
                &[],
            )
            .await?;
        rows.iter().map(statement).collect()
    }

    /// Whether a provider's statement of this name was taken in.
    pub async fn statement_is_known(
        &self,
        provider: &str,
        account: &str,
        id: &str,
    ) -> Result<bool, StoreError> {
        let rows = self
            .query(
                "select 1 from statement where provider = $1 and account = $2 and statement_id = $3",
                &[provider.to_owned().into(), account.to_owned().into(), id.to_owned().into()],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    /// What the entries of all statements were for.
    pub async fn statement_shares(&self) -> Result<Vec<StatementShare>, StoreError> {
        let order = concat!(share_columns!(), "order by statement_no, kind, cycle_no, batch_no");
        self.query(order, &[]).await?.iter().map(share).collect()
    }

    /// What statements say of the files of a cycle.
    pub async fn statement_shares_of(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<StatementShare>, StoreError> {
        let rows = self
            .query(
                concat!(
                    share_columns!(),
                    "where cycle_no = $1 order by statement_no, kind, cycle_no, batch_no"
                ),
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(share).collect()
    }

    /// Entries without a reason, and whether an officer has found one since.
    pub async fn unexplained_entries(
        &self,
    ) -> Result<BTreeMap<i64, Vec<(UnexplainedEntry, bool)>>, StoreError> {
        let rows = self
            .query(
                "select u.statement_no, u.entry_no, u.amount_minor, u.booked_on, u.reference, u.why,
                   cast(case when d.state = 'resolved' then 1 else 0 end as bigint)
                 from unexplained_entry u
                 join statement s on s.statement_no = u.statement_no
                 left join discrepancy d on d.answer_no = s.answer_no and d.item = u.entry_no and d.kind = $1
                 order by u.statement_no, u.entry_no",
                &[DiscrepancyKind::UnexplainedEntry.name().into()],
            )
            .await?;
        let mut by_statement: BTreeMap<i64, Vec<(UnexplainedEntry, bool)>> = BTreeMap::new();
        for row in &rows {
            let booked_on = row.maybe_text(3)?.map(parse_date).transpose();
            let entry = UnexplainedEntry {
                statement: row.int(0)?,
                entry: row.int(1)?,
                amount_minor: row.int(2)?,
                booked_on: booked_on.map_err(|error| broken(error.to_string()))?,
                reference: row.maybe_text(4)?.map(str::to_owned),
                why: row.text(5)?.to_owned(),
            };
            by_statement.entry(entry.statement).or_default().push((entry, row.int(6)? == 1));
        }
        Ok(by_statement)
    }

    /// The records of available money that stand on a statement.
    pub async fn funds_on_statements(&self) -> Result<BTreeSet<i64>, StoreError> {
        let rows = self.query("select funds_no from funded_entry", &[]).await?;
        rows.iter().map(|row| row.int(0)).collect()
    }

    /// Every receipt as statements look for it, whether it counts or was taken back.
    pub async fn vouchers(&self) -> Result<Vec<Voucher>, StoreError> {
        let rows = self
            .query(
                "select m.receipt_no, m.receivable_no, m.amount_minor, m.reference, m.received_on,
                   cast(case when m.taken_back_at is null then 1 else 0 end as bigint), e.statement_no, e.entry_no
                 from receipt m left join receipt_entry e on e.receipt_no = m.receipt_no order by m.receipt_no",
                &[],
            )
            .await?;
        rows.iter().map(voucher).collect()
    }

    /// Entries without a reason that have this amount and no receipt yet, and the provider's own reference of
    /// each, in the order in which they were taken in.
    pub async fn entries_without_receipt(
        &self,
        amount_minor: i64,
    ) -> Result<Vec<(SeenOn, String)>, StoreError> {
        let rows = self
            .query(
                "select u.statement_no, u.entry_no, u.reference from unexplained_entry u
                 where u.amount_minor = $1 and u.reference is not null and not exists (select 1 from receipt_entry e
                   where e.statement_no = u.statement_no and e.entry_no = u.entry_no)
                 order by u.statement_no, u.entry_no",
                &[amount_minor.into()],
            )
            .await?;
        let of = |row: &Row| {
            let on = SeenOn { statement: row.int(0)?, entry: row.int(1)? };
            Ok((on, row.text(2)?.to_owned()))
        };
        rows.iter().map(of).collect()
    }

    /// Files at a provider that have exactly this total, and that no statement has debited.
    pub async fn files_not_debited(
        &self,
        provider: &str,
        total_minor: i64,
    ) -> Result<Vec<FileKey>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, batch_no from batch b
                 where provider = $1 and total_minor = $2 and state in ('sending', 'unknown', 'delivered')
                   and not exists (select 1 from statement_share s
                     where s.cycle_no = b.cycle_no and s.batch_no = b.batch_no and s.kind = $3)
                 order by cycle_no, batch_no",
                &[provider.to_owned().into(), total_minor.into(), ShareKind::Debit.name().into()],
            )
            .await?;
        rows.iter().map(|row| Ok((CycleNo(row.int(0)?), BatchNo(row.int(1)?)))).collect()
    }
}

/// Orders of one amount in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrdersOfAmount {
    pub amount_minor: i64,
    pub count: i64,
    /// They were not carried out.
    pub is_rejected: bool,
}

impl Store {
    /// Files at a provider that no statement has debited.
    pub async fn all_files_not_debited(&self, provider: &str) -> Result<Vec<FileKey>, StoreError> {
        let rows = self
            .query(
                "select cycle_no, batch_no from batch b
                 where provider = $1 and state in ('sending', 'unknown', 'delivered')
                   and not exists (select 1 from statement_share s
                     where s.cycle_no = b.cycle_no and s.batch_no = b.batch_no and s.kind = $2)
                 order by cycle_no, batch_no",
                &[provider.to_owned().into(), ShareKind::Debit.name().into()],
            )
            .await?;
        rows.iter().map(|row| Ok((CycleNo(row.int(0)?), BatchNo(row.int(1)?)))).collect()
    }

    /// The orders of a file, counted by their amounts.
    pub async fn orders_by_amount(
        &self,
        cycle: CycleNo,
        batch: BatchNo,
    ) -> Result<Vec<OrdersOfAmount>, StoreError> {
        let rows = self
            .query(
                "select amount_minor, cast(count(*) as bigint),
                   cast(case when state in ('rejected', 'cancelled') then 1 else 0 end as bigint) as failed
                 from instruction where cycle_no = $1 and batch_no = $2
                 group by amount_minor, case when state in ('rejected', 'cancelled') then 1 else 0 end
                 order by amount_minor, failed",
                &[cycle.0.into(), batch.0.into()],
            )
            .await?;
        let of = |row: &Row| {
            Ok(OrdersOfAmount {
                amount_minor: row.int(0)?,
                count: row.int(1)?,
                is_rejected: row.int(2)? == 1,
            })
        };
        rows.iter().map(of).collect()
    }

    /// What a partner paid from a day to another, both included, counted by day and amount. What it gave no
    /// day for was paid on the value date of its file.
    pub async fn paid_by_day(
        &self,
        provider: &str,
        from: Date,
        to: Date,
    ) -> Result<Vec<Paid>, StoreError> {
        let rows = self
            .query(
                "select paid_on, amount_minor, cast(count(*) as bigint) from (
                   select coalesce(substr(i.outcome_on, 1, 10), b.value_date) as paid_on, i.amount_minor
                   from instruction i join batch b on b.cycle_no = i.cycle_no and b.batch_no = i.batch_no
                   where b.provider = $1 and i.state in ('settled', 'settled_excess')) paid
                 where paid_on >= $2 and paid_on <= $3
                 group by paid_on, amount_minor order by paid_on, amount_minor",
                &[provider.to_owned().into(), from.to_string().into(), to.to_string().into()],
            )
            .await?;
        let of = |row: &Row| {
            Ok(Paid {
                on: parse_date(row.text(0)?).map_err(|error| broken(error.to_string()))?,
                amount_minor: row.int(1)?,
                count: row.int(2)?,
            })
        };
        rows.iter().map(of).collect()
    }
}

impl Changes {
    /// That money of receipts that count stands on entries.
    pub fn receipts_seen(&mut self, seen: &[(i64, SeenOn)]) {
        for (receipt, on) in seen {
            self.guarded(
                "money that is found on a statement is that of a receipt that counts, once",
                "insert into receipt_entry (receipt_no, statement_no, entry_no)
                 select receipt_no, $2, $3 from receipt where receipt_no = $1 and taken_back_at is null",
                vec![(*receipt).into(), on.statement.into(), on.entry.into()],
            );
        }
    }

    pub fn entries_funded(&mut self, funded: &[FundedEntry]) {
        self.bulk(
            "funded_entry",
            &["funds_no", "statement_no", "entry_no"],
            funded.iter().map(|one| [one.funds.into(), one.statement.into(), one.entry.into()]),
        );
    }

    pub fn statement_taken(
        &mut self,
        statement: &Statement,
        shares: &[StatementShare],
        unexplained: &[UnexplainedEntry],
    ) {
        self.bulk(
            "statement",
            &[
                "statement_no",
                "answer_no",
                "provider",
                "account",
                "statement_id",
                "opening_minor",
                "closing_minor",
                "closed_on",
                "entry_count",
                "pending_count",
            ],
            [[
                statement.number.into(),
                statement.answer.0.into(),
                statement.provider.clone().into(),
                statement.account.clone().into(),
                statement.id.clone().into(),
                statement.opening_minor.into(),
                statement.closing_minor.into(),
                statement.closed_on.to_string().into(),
                statement.entries.into(),
                statement.pending.into(),
            ]],
        );
        self.bulk(
            "statement_share",
            &[
                "statement_no",
                "kind",
                "cycle_no",
                "batch_no",
                "entry_count",
                "payment_count",
                "total_minor",
            ],
            shares.iter().map(|one| {
                let (cycle, batch) = one.file.map_or((0, 0), |(cycle, batch)| (cycle.0, batch.0));
                [
                    one.statement.into(),
                    one.kind.name().into(),
                    cycle.into(),
                    batch.into(),
                    one.entries.into(),
                    one.payments.into(),
                    one.total_minor.into(),
                ]
            }),
        );
        self.bulk(
            "unexplained_entry",
            &["statement_no", "entry_no", "amount_minor", "booked_on", "reference", "why"],
            unexplained.iter().map(|one| {
                [
                    one.statement.into(),
                    one.entry.into(),
                    one.amount_minor.into(),
                    one.booked_on.map(|on| on.to_string()).into(),
                    one.reference.clone().into(),
                    one.why.clone().into(),
                ]
            }),
        );
    }
}

fn statement(row: &Row) -> Result<Statement, StoreError> {
    Ok(Statement {
        number: row.int(0)?,
        answer: AnswerNo(row.int(1)?),
        provider: row.text(2)?.to_owned(),
        account: row.text(3)?.to_owned(),
        id: row.text(4)?.to_owned(),
        opening_minor: row.int(5)?,
        closing_minor: row.int(6)?,
        closed_on: parse_date(row.text(7)?).map_err(|error| broken(error.to_string()))?,
        entries: row.int(8)?,
        pending: row.int(9)?,
    })
}

/// Number, what it is for, amount, reference, day, whether it counts, and the entry on which it stands.
pub(super) fn voucher(row: &Row) -> Result<Voucher, StoreError> {
    let seen = row.maybe_int(6)?.zip(row.maybe_int(7)?);
    Ok(Voucher {
        number: row.int(0)?,
        of: row.int(1)?,
        amount_minor: row.int(2)?,
        reference: row.text(3)?.to_owned(),
        on: parse_date(row.text(4)?).map_err(|error| broken(error.to_string()))?,
        counts: row.int(5)? == 1,
        seen: seen.map(|(statement, entry)| SeenOn { statement, entry }),
    })
}

fn share(row: &Row) -> Result<StatementShare, StoreError> {
    let (cycle, batch) = (row.int(2)?, row.int(3)?);
    Ok(StatementShare {
        statement: row.int(0)?,
        kind: row.named(1)?,
        file: (cycle != 0).then_some((CycleNo(cycle), BatchNo(batch))),
        entries: row.int(4)?,
        payments: row.int(5)?,
        total_minor: row.int(6)?,
    })
}
