//! What holds a file back: money that left today, money that is there, failures, and files whose orders
//! moved to another.

use crate::domain::batch::Batch;
use crate::domain::funds::Funds;
use crate::domain::ids::{AttemptNo, BatchNo, CycleNo, ListNo, PayableNo};

use super::books::order_file_line;
use super::paged::{Many, PAGE};
use super::{Changes, Store, StoreError};

/// What a partner was sent in one cycle, and how much of it failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failures {
    pub cycle: CycleNo,
    pub sent: i64,
    pub failed: i64,
    /// How many had failed when the partner was stopped last for it.
    pub stopped_at: i64,
}

/// Orders of a file that never left and are now in another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    pub cycle: CycleNo,
    pub from: BatchNo,
    pub to: BatchNo,
    pub count: i64,
    pub total_minor: i64,
    pub at: String,
}

impl Store {
    /// Money that left on a day in the files of a scope.
    pub async fn outflow(&self, scope: &str, day: &str) -> Result<i64, StoreError> {
        let rows = self
            .query(
                "select total_minor from outflow where scope = $1 and day = $2",
                &[scope.to_owned().into(), day.to_owned().into()],
            )
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Whether a file was tried on a day before, so that it is in the day's totals.
    pub async fn is_counted(&self, batch: &Batch, day: &str) -> Result<bool, StoreError> {
        let rows = self
            .query(
                "select day from outflow_counted where cycle_no = $1 and batch_no = $2 and day = $3",
                &[batch.cycle.0.into(), batch.number.0.into(), day.to_owned().into()],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    /// Money that was recorded for a partner, or for all.
    pub async fn funds(&self, provider: Option<&str>) -> Result<Vec<Funds>, StoreError> {
        let rows = self
            .query(
                "select funds_no, provider, amount_minor, cleared_on, reference, recorded_by, recorded_at,
                   given_back from funds order by funds_no",
                &[],
            )
            .await?;
        let mut found = Vec::new();
        for row in &rows {
            if provider.is_some_and(|wanted| row.text(1).is_ok_and(|name| name != wanted)) {
                continue;
            }
            found.push(Funds {
                number: row.int(0)?,
                provider: row.text(1)?.to_owned(),
                amount_minor: row.int(2)?,
                cleared_on: row.text(3)?.to_owned(),
                reference: row.text(4)?.to_owned(),
                recorded_by: row.text(5)?.to_owned(),
                recorded_at: row.text(6)?.to_owned(),
                is_given_back: row.int(7)? == 1,
            });
        }
        Ok(found)
    }

    /// What left in files to a partner that were first tried on a day or later and are not proved to
    /// have stayed, and what of it did not arrive or came back.
    pub async fn spent_since(&self, provider: &str, day: &str) -> Result<(i64, i64), StoreError> {
        let args = [provider.to_owned().into(), day.to_owned().into()];
        let sent = self
            .query(
                "select cast(coalesce(sum(b.total_minor), 0) as bigint) from batch b
                 where b.provider = $1 and b.state in ('sending', 'delivered', 'unknown', 'refused')
                   and (select min(d.started_at) from delivery d
                        where d.cycle_no = b.cycle_no and d.batch_no = b.batch_no) >= $2",
                &args,
            )
            .await?;
        let back = self
            .query(
                "select cast(coalesce(sum(i.amount_minor), 0) as bigint) from instruction i
                 join batch b on b.cycle_no = i.cycle_no and b.batch_no = i.batch_no
                 where b.provider = $1 and b.state in ('sending', 'delivered', 'unknown', 'refused')
                   and i.state in ('rejected', 'returned', 'cancelled', 'excess_returned')
                   and (select min(d.started_at) from delivery d
                        where d.cycle_no = b.cycle_no and d.batch_no = b.batch_no) >= $2",
                &args,
            )
            .await?;
        let one = |rows: &[super::Row]| rows.first().map_or(Ok(0), |row| row.int(0));
        Ok((one(&sent)?, one(&back)?))
    }

    /// Of files to a partner that were first tried on a day or later: what was paid, and what may still be.
    pub async fn cash_out(&self, provider: &str, day: &str) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select
                   cast(coalesce(sum(case when i.state in ('settled', 'settled_excess') then i.amount_minor else 0 end), 0)
                     as bigint),
                   cast(coalesce(sum(case when i.state in ('in_batch', 'unknown') then i.amount_minor else 0 end), 0)
                     as bigint)
                 from instruction i
                 join batch b on b.cycle_no = i.cycle_no and b.batch_no = i.batch_no
                 where b.provider = $1 and b.state in ('sending', 'delivered', 'unknown', 'refused')
                   and (select min(d.started_at) from delivery d
                        where d.cycle_no = b.cycle_no and d.batch_no = b.batch_no) >= $2",
                &[provider.to_owned().into(), day.to_owned().into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// What entries of statements gave back of files to a partner that were first tried on a day or later.
    pub async fn given_back_of_files(&self, provider: &str, day: &str) -> Result<i64, StoreError> {
        let rows = self
            .query(
                "select cast(coalesce(sum(s.total_minor), 0) as bigint) from statement_share s
                 join batch b on b.cycle_no = s.cycle_no and b.batch_no = s.batch_no
                 where b.provider = $1 and s.kind in ('return', 'reversal')
                   and (select min(d.started_at) from delivery d
                        where d.cycle_no = b.cycle_no and d.batch_no = b.batch_no) >= $2",
                &[provider.to_owned().into(), day.to_owned().into()],
            )
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The money of files that a partner is to get and that have not left.
    pub async fn not_sent_yet(&self, provider: &str) -> Result<i64, StoreError> {
        let rows = self
            .query(
                "select cast(coalesce(sum(b.total_minor), 0) as bigint) from batch b
                 join cycle c on c.cycle_no = b.cycle_no
                 where b.provider = $1 and b.state in ('created', 'released') and c.state not in ('cancelled', 'closed')",
                &[provider.to_owned().into()],
            )
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// What a partner was sent in each cycle that settles, and how much of it was rejected or returned.
    pub async fn failures(&self, provider: &str) -> Result<Vec<Failures>, StoreError> {
        let rows = self
            .query(
                "select c.cycle_no,
                   cast((select coalesce(sum(b.item_count), 0) from batch b where b.cycle_no = c.cycle_no
                     and b.provider = $1 and b.state in ('delivered', 'refused')) as bigint),
                   cast((select count(*) from instruction i
                     join batch b on b.cycle_no = i.cycle_no and b.batch_no = i.batch_no
                     where i.cycle_no = c.cycle_no and b.provider = $1 and i.state in ('rejected', 'returned')
                       and i.answer_no is not null) as bigint),
                   cast(coalesce((select k.failed_count from breaker k where k.cycle_no = c.cycle_no
                     and k.provider = $1), 0) as bigint)
                 from cycle c where c.state = 'settling' order by c.cycle_no",
                &[provider.to_owned().into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Failures {
                    cycle: CycleNo(row.int(0)?),
                    sent: row.int(1)?,
                    failed: row.int(2)?,
                    stopped_at: row.int(3)?,
                })
            })
            .collect()
    }

    /// Files of a cycle whose orders are now in another.
    pub async fn moved(&self, cycle: CycleNo) -> Result<Vec<Moved>, StoreError> {
        let rows = self
            .query(
                "select from_batch, to_batch, item_count, total_minor, moved_at from moved
                 where cycle_no = $1 order by from_batch",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Moved {
                    cycle,
                    from: BatchNo(row.int(0)?),
                    to: BatchNo(row.int(1)?),
                    count: row.int(2)?,
                    total_minor: row.int(3)?,
                    at: row.text(4)?.to_owned(),
                })
            })
            .collect()
    }
}

impl Changes {
    /// Counts a file against the ceilings of the day, once; `ceilings` are scopes with the most money,
    /// always in the same order, so that two processes do not wait for each other.
    pub fn counted(&mut self, batch: &Batch, day: &str, ceilings: &[(String, i64)]) {
        for (scope, most) in ceilings {
            self.free(
                "insert into outflow (scope, day, total_minor) values ($1, $2, 0)
                 on conflict (scope, day) do nothing",
                vec![scope.clone().into(), day.to_owned().into()],
            );
            self.guarded(
                "no more money leaves on one day than the ceiling",
                "update outflow set total_minor = total_minor + $3
                 where scope = $1 and day = $2 and total_minor <= $4 - $3",
                vec![
                    scope.clone().into(),
                    day.to_owned().into(),
                    batch.total_minor.into(),
                    (*most).into(),
                ],
            );
        }
        self.bulk(
            "outflow_counted",
            &["cycle_no", "batch_no", "day"],
            [[batch.cycle.0.into(), batch.number.0.into(), day.to_owned().into()]],
        );
    }

    pub fn funds_recorded(&mut self, funds: &Funds) {
        self.bulk(
            "funds",
            &[
                "funds_no",
                "provider",
                "amount_minor",
                "cleared_on",
                "reference",
                "recorded_by",
                "recorded_at",
                "given_back",
            ],
            [[
                funds.number.into(),
                funds.provider.clone().into(),
                funds.amount_minor.into(),
                funds.cleared_on.clone().into(),
                funds.reference.clone().into(),
                funds.recorded_by.clone().into(),
                funds.recorded_at.clone().into(),
                i64::from(funds.is_given_back).into(),
            ]],
        );
    }

    /// Remembers at how many failures a partner was stopped.
    pub fn breaker_tripped(&mut self, provider: &str, failures: &Failures) {
        self.free(
            "insert into breaker (cycle_no, provider, failed_count) values ($1, $2, $3)
             on conflict (cycle_no, provider) do update set failed_count = excluded.failed_count",
            vec![failures.cycle.0.into(), provider.to_owned().into(), failures.failed.into()],
        );
    }

    pub fn moved(&mut self, moved: &Moved) {
        self.bulk(
            "moved",
            &["cycle_no", "from_batch", "to_batch", "item_count", "total_minor", "moved_at"],
            [[
                moved.cycle.0.into(),
                moved.from.0.into(),
                moved.to.0.into(),
                moved.count.into(),
                moved.total_minor.into(),
                moved.at.clone().into(),
            ]],
        );
    }

    /// Puts orders of which nothing has left into another file; each must still be in the old one.
    pub fn instructions_reordered(
        &mut self,
        orders: &[(PayableNo, AttemptNo)],
        from: BatchNo,
        list: ListNo,
        to: BatchNo,
    ) {
        const COLUMNS: &[(&str, &str)] = &[
            ("shard", "bigint"),
            ("payable_no", "bigint"),
            ("attempt", "bigint"),
            ("from_batch", "bigint"),
            ("list_no", "bigint"),
            ("to_batch", "bigint"),
        ];
        const SET: &str = "update instruction set list_no = v.list_no, batch_no = v.to_batch
             from v where instruction.shard = v.shard and instruction.payable_no = v.payable_no
             and instruction.attempt = v.attempt and instruction.batch_no = v.from_batch
             and instruction.state = 'in_batch'";
        for (payable, attempt) in orders {
            self.line(*payable, order_file_line(*payable, *attempt, from), false, false);
            self.line(*payable, order_file_line(*payable, *attempt, to), true, false);
        }
        for page in orders.chunks(PAGE) {
            let args = page.iter().flat_map(|(payable, attempt)| {
                [
                    i64::from(payable.shard().number()).into(),
                    payable.number().into(),
                    i64::from(attempt.number()).into(),
                    from.0.into(),
                    list.0.into(),
                    to.0.into(),
                ]
            });
            self.many(
                "every order is still in the file it was read in",
                Many { columns: COLUMNS, rows: page.len(), update: SET },
                args.collect(),
            );
        }
    }
}
