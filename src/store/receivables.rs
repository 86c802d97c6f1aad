//! Money to be got back: what is owed, what payables were reduced by, what was paid in, what was
//! given up.

use std::collections::{BTreeMap, HashSet};

use crate::domain::ids::{AttemptNo, CycleNo, PayableNo, PersonNo};
use crate::domain::receivable::{
    Receipt, Receivable, ReceivableCause, ReceivableStanding, ReceivableState, Recovery, SetOff,
    TakeBack, WriteOff,
};
use crate::domain::state::Named;

use super::answers::instruction_key;
use super::books::{Written, excess_order, owed_line, owed_order};
use super::registry::{broken, enrolment_no, number, period, person_no, shard};
use super::{Changes, Row, Store, StoreError};

/// Receivables of one cause and state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivableSum {
    pub cause: ReceivableCause,
    pub state: ReceivableState,
    /// False for those that come from no payable: they are the office's, of every cycle.
    pub is_of_cycle: bool,
    pub count: i64,
    pub total_minor: i64,
}

/// What is on its way back is what was taken off payables that may still be paid: those of a cycle that
/// is not closed, and of a closed one those of unknown fate. A payable's number carries its shard in
/// the eight bits above the last thirty.
macro_rules! standings {
    () => {
        "select r.receivable_no, r.cause, r.person_no, r.payable_no, r.attempt, r.amount_minor, r.opened_at,
           r.cycle_no,
           cast(coalesce((
             select -sum(x.amount_minor) from recovery x
             join payable p on p.shard = x.shard and p.payable_no = x.payable_no
             where x.receivable_no = r.receivable_no and p.state = 'paid'), 0) as bigint),
           cast(coalesce((
             select -sum(x.amount_minor) from recovery x
             join payable p on p.shard = x.shard and p.payable_no = x.payable_no
             join cycle c on c.cycle_no = x.cycle_no
             where x.receivable_no = r.receivable_no and p.state <> 'paid' and p.carried_to is null
               and (c.state <> 'closed' or p.state in ('pending', 'unknown'))), 0)
             + coalesce((
             select sum(s.amount_minor) from set_off s join cycle c on c.cycle_no = s.cycle_no
             where s.receivable_no = r.receivable_no and c.state not in ('released', 'settling', 'closed')), 0)
             as bigint),
           cast(coalesce((
             select sum(m.amount_minor) from receipt m
             where m.receivable_no = r.receivable_no and m.taken_back_at is null), 0) as bigint),
           cast(case when exists (
             select 1 from instruction i where i.shard = ((r.payable_no >> 30) & 255)
               and i.payable_no = r.payable_no and i.attempt = r.attempt and (i.state in ('excess_returned', 'returned', 'rejected', 'cancelled')
                 or (r.cause = 'settled_excess' and i.state <> 'settled_excess')))
             then r.amount_minor else 0 end as bigint),
           cast(coalesce((
             select sum(w.amount_minor) from write_off w
             where w.receivable_no = r.receivable_no and w.confirmed_by is not null), 0) as bigint),
           cast(coalesce((
             select sum(s.amount_minor) from set_off s join cycle c on c.cycle_no = s.cycle_no
             where s.receivable_no = r.receivable_no and c.state in ('released', 'settling', 'closed')), 0) as bigint),
           r.set_aside_at
         from receivable r "
    };
}

macro_rules! set_off_columns {
    () => {
        "select s.cycle_no, s.receivable_no, s.shard, s.period, s.enrolment_no, s.benefit, s.component, s.revision,
         s.amount_minor from set_off s "
    };
}

/// A payable that is not paid, some claim of which a later list lowered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoweredUnpaid {
    pub receivable: i64,
    pub payable: PayableNo,
    /// What it comes to, with what is kept back of it for orders of courts.
    pub amount_minor: i64,
    /// By how much the list lowered the claims that stand in it.
    pub lowered_minor: i64,
}

impl Store {
    /// The payables that are not paid and of which lists that stand found claims to be too much, in the order
    /// of receivables and payables. What such a list lowered of a claim is a later revision of it without a
    /// payable.
    pub async fn lowered_unpaid(&self) -> Result<Vec<LoweredUnpaid>, StoreError> {
        let rows = self
            .query(
                "select receivable_no, payable_no,
                   cast(amount_minor - coalesce((
                     select sum(x.amount_minor) from court_deduction x
                     where x.shard = ((lowered_claim.payable_no >> 30) & 255)
                       and x.payable_no = lowered_claim.payable_no), 0) as bigint),
                   cast(sum(case when part < lowered then part else lowered end) as bigint)
                 from (
                   select r.receivable_no, p.payable_no, p.amount_minor, u.shard, u.period, u.enrolment_no, u.benefit,
                     u.component, u.revision, -u.amount_minor as lowered, sum(o.amount_minor) as part
                   from receivable r
                   join cycle c on c.cycle_no = r.cycle_no and c.state in ('released', 'settling', 'closed')
                   join claim u on u.shard = (r.person_no >> 55) and u.cycle_no = r.cycle_no
                     and u.person_no = r.person_no and u.payable_no is null and u.amount_minor < 0
                   join claim o on o.shard = u.shard and o.period = u.period and o.enrolment_no = u.enrolment_no
                     and o.benefit = u.benefit and o.component = u.component and o.revision < u.revision
                   join payable p on p.shard = ((o.payable_no >> 30) & 255) and p.payable_no = o.payable_no
                   where r.cause = 'overpayment' and p.state <> 'paid'
                   group by r.receivable_no, p.payable_no, p.amount_minor, u.shard, u.period, u.enrolment_no, u.benefit,
                     u.component, u.revision, u.amount_minor) lowered_claim
                 group by receivable_no, payable_no, amount_minor
                 order by receivable_no, payable_no",
                &[],
            )
            .await?;
        let of = |row: &Row| {
            Ok(LoweredUnpaid {
                receivable: row.int(0)?,
                payable: PayableNo::from_number(row.int(1)?)
                    .map_err(|error| StoreError::RowMustBeWhole(error.to_string()))?,
                amount_minor: row.int(2)?,
                lowered_minor: row.int(3)?,
            })
        };
        rows.iter().map(of).collect()
    }

    /// Every receivable with how far it has come, the oldest first.
    pub async fn standings(&self) -> Result<Vec<ReceivableStanding>, StoreError> {
        let rows = self.query(concat!(standings!(), "order by r.receivable_no"), &[]).await?;
        rows.iter().map(standing).collect()
    }

    /// Every receivable of one cause with how far it has come, the oldest first.
    pub async fn standings_of(
        &self,
        cause: ReceivableCause,
    ) -> Result<Vec<ReceivableStanding>, StoreError> {
        let sql = concat!(standings!(), "where r.cause = $1 order by r.receivable_no");
        let rows = self.query(sql, &[cause.name().into()]).await?;
        rows.iter().map(standing).collect()
    }

    /// What is to be got back of one order, with how far it has come.
    pub async fn standings_of_order(
        &self,
        (payable, attempt): (PayableNo, AttemptNo),
    ) -> Result<Vec<ReceivableStanding>, StoreError> {
        let sql = concat!(
            standings!(),
            "where r.payable_no = $1 and r.attempt = $2 order by r.receivable_no"
        );
        let order = [payable.number().into(), i64::from(attempt.number()).into()];
        let rows = self.query(sql, &order).await?;
        rows.iter().map(standing).collect()
    }

    /// Whether there is a receivable for the same order and cause, open or not.
    pub async fn is_owed_already(&self, owed: &Receivable) -> Result<bool, StoreError> {
        let Some((payable, attempt)) = owed.instruction else { return Ok(false) };
        let rows = self
            .query(
                "select 1 from receivable where payable_no = $1 and attempt = $2 and cause = $3",
                &[
                    payable.number().into(),
                    i64::from(attempt.number()).into(),
                    owed.cause.name().into(),
                ],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    pub async fn standing(
        &self,
        receivable: i64,
    ) -> Result<Option<ReceivableStanding>, StoreError> {
        let sql = concat!(standings!(), "where r.receivable_no = $1");
        let rows = self.query(sql, &[receivable.into()]).await?;
        rows.first().map(standing).transpose()
    }

    /// What is still to be got back.
    pub async fn receivables(&self) -> Result<Vec<Receivable>, StoreError> {
        let standings = self.standings().await?.into_iter();
        Ok(standings.filter(|one| one.state().is_open()).map(|one| one.receivable).collect())
    }

    /// Receivables from a cycle's payables, and those from no payable, counted.
    pub async fn receivable_sums(&self, cycle: CycleNo) -> Result<Vec<ReceivableSum>, StoreError> {
        let mut sums: BTreeMap<(ReceivableCause, ReceivableState, bool), (i64, i64)> =
            BTreeMap::new();
        for standing in self.standings().await? {
            let of = standing.receivable.instruction.map(|(payable, _)| payable.cycle());
            if of.is_none_or(|of| of == cycle) {
                let key = (standing.receivable.cause, standing.state(), of.is_some());
                let (count, total_minor) = sums.entry(key).or_default();
                *count += 1;
                *total_minor += standing.receivable.amount_minor;
            }
        }
        let sum = |((cause, state, is_of_cycle), (count, total_minor))| ReceivableSum {
            cause,
            state,
            is_of_cycle,
            count,
            total_minor,
        };
        Ok(sums.into_iter().map(sum).collect())
    }

    /// What the payables of a cycle were reduced by, without those whose claims another list has: how
    /// many, and their sum, which is negative.
    pub async fn recovery_sum(&self, cycle: CycleNo) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint), cast(coalesce(sum(x.amount_minor), 0) as bigint)
                 from recovery x join payable p on p.shard = x.shard and p.payable_no = x.payable_no
                 where x.cycle_no = $1 and p.carried_to is null",
                &[cycle.0.into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// What was taken off payables for one receivable, in the order of the payables.
    pub async fn recoveries_of(&self, receivable: i64) -> Result<Vec<Recovery>, StoreError> {
        let rows = self
            .query(
                "select receivable_no, payable_no, amount_minor from recovery
                 where receivable_no = $1 order by payable_no",
                &[receivable.into()],
            )
            .await?;
        rows.iter().map(recovery).collect()
    }

    /// What a payable was reduced by, in the order of the receivables.
    pub async fn recoveries_from(&self, payable: PayableNo) -> Result<Vec<Recovery>, StoreError> {
        let rows = self
            .query(
                "select receivable_no, payable_no, amount_minor from recovery
                 where shard = $1 and payable_no = $2 order by receivable_no",
                &[i64::from(payable.shard().number()).into(), payable.number().into()],
            )
            .await?;
        rows.iter().map(recovery).collect()
    }

    /// What was set off against one receivable, and on which list.
    pub async fn set_off_against(
        &self,
        receivable: i64,
    ) -> Result<Vec<(CycleNo, SetOff)>, StoreError> {
        let sql = concat!(
            set_off_columns!(),
            "where s.receivable_no = $1 order by s.cycle_no, s.period, s.benefit, s.component, s.revision"
        );
        self.query(sql, &[receivable.into()]).await?.iter().map(set_off).collect()
    }

    /// What a list set off of the money of one person.
    pub async fn set_off_of(
        &self,
        cycle: CycleNo,
        person: PersonNo,
    ) -> Result<Vec<SetOff>, StoreError> {
        let sql = concat!(
            set_off_columns!(),
            "join receivable r on r.receivable_no = s.receivable_no
             where s.cycle_no = $1 and r.person_no = $2 and s.shard = $3
             order by s.period, s.benefit, s.component, s.revision, s.receivable_no"
        );
        let of =
            [cycle.0.into(), person.number().into(), i64::from(person.shard().number()).into()];
        let rows = self.query(sql, &of).await?;
        rows.iter().map(|row| set_off(row).map(|(_, one)| one)).collect()
    }

    /// Whose money a list set off in full.
    pub async fn set_off_people(&self, cycle: CycleNo) -> Result<HashSet<PersonNo>, StoreError> {
        let rows = self
            .query(
                "select distinct r.person_no from set_off s join receivable r on r.receivable_no = s.receivable_no
                 where s.cycle_no = $1",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| person_no(row, 0)).collect()
    }

    /// What was paid in for one receivable, in the order in which it was recorded.
    pub async fn receipts_of(&self, receivable: i64) -> Result<Vec<Receipt>, StoreError> {
        let rows = self
            .query(
                "select receivable_no, source, amount_minor, reference, received_on, recorded_by, recorded_at,
                   receipt_no, take_back_reason, take_back_proposed_by, take_back_proposed_at, taken_back_by
                 from receipt where receivable_no = $1 order by receipt_no",
                &[receivable.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let take_back = match row.maybe_text(9)? {
                    None => None,
                    Some(by) => Some(TakeBack {
                        reason: row.blob(8)?.to_vec(),
                        proposed_by: by.to_owned(),
                        proposed_at: row.text(10)?.to_owned(),
                        taken_back_by: row.maybe_text(11)?.map(str::to_owned),
                    }),
                };
                Ok(Receipt {
                    number: row.int(7)?,
                    receivable: row.int(0)?,
                    source: row.named(1)?,
                    amount_minor: row.int(2)?,
                    reference: row.text(3)?.to_owned(),
                    received_on: row.text(4)?.to_owned(),
                    recorded_by: row.text(5)?.to_owned(),
                    recorded_at: row.text(6)?.to_owned(),
                    take_back,
                })
            })
            .collect()
    }

    /// What was given up of one receivable, part by part, and last what is proposed to be.
    pub async fn write_offs(&self, receivable: i64) -> Result<Vec<WriteOff>, StoreError> {
        let rows = self
            .query(
                "select receivable_no, part, amount_minor, reason, proposed_by, proposed_at, confirmed_by
                 from write_off where receivable_no = $1 order by part",
                &[receivable.into()],
            )
            .await?;
        let of = |row: &Row| {
            Ok(WriteOff {
                receivable: row.int(0)?,
                part: row.int(1)?,
                amount_minor: row.int(2)?,
                reason: row.blob(3)?.to_vec(),
                proposed_by: row.text(4)?.to_owned(),
                proposed_at: row.text(5)?.to_owned(),
                confirmed_by: row.maybe_text(6)?.map(str::to_owned),
            })
        };
        rows.iter().map(of).collect()
    }
}

impl Changes {
    /// Money to be got back that evidence of a payment proved.
    pub fn receivables(&mut self, first_no: i64, receivables: &[Receivable]) {
        self.receivables_of(None, first_no, receivables);
    }

    /// What was paid beside another order is no excess once that order is taken back. When part of it
    /// is got back already, the books have to be put right first.
    pub fn excess_void(&mut self, payable: PayableNo, attempt: AttemptNo) {
        self.written.push(Written::NotOwed { order: excess_order(payable, attempt) });
        self.guarded(
            "an excess falls away only while nothing of it is got back or given up",
            "delete from receivable where payable_no = $1 and attempt = $2 and cause = 'settled_excess'
             and not exists (select 1 from recovery r where r.receivable_no = receivable.receivable_no)
             and not exists (select 1 from receipt r
                             where r.receivable_no = receivable.receivable_no and r.taken_back_at is null)
             and not exists (select 1 from write_off w where w.receivable_no = receivable.receivable_no)",
            vec![payable.number().into(), i64::from(attempt.number()).into()],
        );
    }

    /// What an estate owed is not owed: the evidence of the death was found wrong.
    pub fn set_aside(&mut self, receivable: i64, at: &str) {
        self.written.push(Written::SetAside { number: receivable, is_so: true });
        self.guarded(
            "what an estate owes is set aside once",
            "update receivable set set_aside_at = $2
             where receivable_no = $1 and cause = 'post_death' and set_aside_at is null",
            vec![receivable.into(), at.to_owned().into()],
        );
    }

    /// What was set aside is owed again: the evidence of the death stands after all.
    pub fn owed_again(&mut self, receivable: i64) {
        self.written.push(Written::SetAside { number: receivable, is_so: false });
        self.guarded(
            "what is owed again was set aside",
            "update receivable set set_aside_at = null where receivable_no = $1 and set_aside_at is not null",
            vec![receivable.into()],
        );
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
        for (one, number) in receivables.iter().zip(first_no..) {
            // Only what is too much can fall away with its order.
            let order = match one.cause {
                ReceivableCause::SettledExcess => owed_order(one),
                _ => None,
            };
            let line = owed_line(number, one, cycle);
            self.written.push(Written::Owed { number, cycle, line, order });
        }
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

    /// What payables are reduced by: written with them.
    pub fn recoveries(&mut self, cycle: CycleNo, recoveries: impl IntoIterator<Item = Recovery>) {
        self.bulk(
            "recovery",
            &["shard", "payable_no", "receivable_no", "cycle_no", "amount_minor"],
            recoveries.into_iter().map(|one| {
                [
                    i64::from(one.payable.shard().number()).into(),
                    one.payable.number().into(),
                    one.receivable.into(),
                    cycle.0.into(),
                    one.amount_minor.into(),
                ]
            }),
        );
    }

    /// Money of which nothing is left to be paid: written with its claims, which have no payable.
    pub fn set_off(&mut self, cycle: CycleNo, set_off: impl IntoIterator<Item = SetOff>) {
        self.bulk(
            "set_off",
            &[
                "shard",
                "period",
                "enrolment_no",
                "benefit",
                "component",
                "revision",
                "receivable_no",
                "cycle_no",
                "amount_minor",
            ],
            set_off.into_iter().map(|one| {
                [
                    i64::from(one.shard.number()).into(),
                    i64::from(one.period.as_number()).into(),
                    one.enrolment.number().into(),
                    one.benefit.into(),
                    one.component.into(),
                    i64::from(one.revision).into(),
                    one.receivable.into(),
                    cycle.0.into(),
                    one.amount_minor.into(),
                ]
            }),
        );
    }

    pub fn received(&mut self, receipt: &Receipt) {
        self.bulk(
            "receipt",
            &[
                "receipt_no",
                "receivable_no",
                "source",
                "amount_minor",
                "reference",
                "compared",
                "received_on",
                "recorded_by",
                "recorded_at",
            ],
            [[
                receipt.number.into(),
                receipt.receivable.into(),
                receipt.source.name().into(),
                receipt.amount_minor.into(),
                receipt.reference.clone().into(),
                Receipt::compared(&receipt.reference).into(),
                receipt.received_on.clone().into(),
                receipt.recorded_by.clone().into(),
                receipt.recorded_at.clone().into(),
            ]],
        );
    }

    /// One officer says that a receipt was a mistake; an earlier proposal that nobody has confirmed is replaced.
    pub fn take_back_proposed(&mut self, receipt: i64, take_back: &TakeBack) {
        self.guarded(
            "a receipt that counts is proposed to be taken back",
            "update receipt set take_back_reason = $2, take_back_proposed_by = $3, take_back_proposed_at = $4
             where receipt_no = $1 and taken_back_at is null",
            vec![
                receipt.into(),
                take_back.reason.clone().into(),
                take_back.proposed_by.clone().into(),
                take_back.proposed_at.clone().into(),
            ],
        );
    }

    /// The second of two persons takes a receipt back. Whether a statement shows its money must be as it was
    /// when they were told.
    pub fn taken_back(&mut self, receipt: i64, is_seen: bool, by: &str, at: &str) {
        self.guarded(
            "the second officer who takes a receipt back is another person, and knows what statements show of it",
            "update receipt set taken_back_by = $2, taken_back_at = $3
             where receipt_no = $1 and taken_back_at is null and take_back_proposed_by <> $2
               and (select count(*) from receipt_entry e where e.receipt_no = receipt.receipt_no) = $4",
            vec![
                receipt.into(),
                by.to_owned().into(),
                at.to_owned().into(),
                i64::from(is_seen).into(),
            ],
        );
    }

    /// A proposal takes the place of an earlier one that nobody has confirmed.
    pub fn write_off_proposed(&mut self, write_off: &WriteOff) {
        self.free(
            "delete from write_off where receivable_no = $1 and confirmed_by is null",
            vec![write_off.receivable.into()],
        );
        self.bulk(
            "write_off",
            &["receivable_no", "part", "amount_minor", "reason", "proposed_by", "proposed_at"],
            [[
                write_off.receivable.into(),
                write_off.part.into(),
                write_off.amount_minor.into(),
                write_off.reason.clone().into(),
                write_off.proposed_by.clone().into(),
                write_off.proposed_at.clone().into(),
            ]],
        );
    }

    /// The second of two persons gives up what is left of a receivable.
    pub fn written_off(&mut self, write_off: &WriteOff, by: &str, at: &str) {
        self.guarded(
            "the second officer who writes a receivable off is another person, and it is what was proposed",
            "update write_off set confirmed_by = $3, confirmed_at = $4
             where receivable_no = $1 and part = $5 and amount_minor = $2 and confirmed_by is null
               and proposed_by <> $3",
            vec![
                write_off.receivable.into(),
                write_off.amount_minor.into(),
                by.to_owned().into(),
                at.to_owned().into(),
                write_off.part.into(),
            ],
        );
        // It says that something was given up; how much, and what is left, is summed.
        self.guarded(
            "a receivable of which something is given up exists",
            "update receivable set state = 'written_off' where receivable_no = $1",
            vec![write_off.receivable.into()],
        );
    }
}

fn standing(row: &Row) -> Result<ReceivableStanding, StoreError> {
    Ok(ReceivableStanding {
        number: row.int(0)?,
        receivable: Receivable {
            cause: row.named(1)?,
            person: person_no(row, 2)?,
            instruction: instruction_key(row, 3)?,
            amount_minor: row.int(5)?,
            opened_at: row.text(6)?.to_owned(),
        },
        found_by: row.maybe_int(7)?.map(CycleNo),
        recovered_minor: row.int(8)?,
        reserved_minor: row.int(9)?,
        received_minor: row.int(10)?,
        returned_minor: row.int(11)?,
        given_up_minor: row.int(12)?,
        set_off_minor: row.int(13)?,
        is_set_aside: row.maybe_text(14)?.is_some(),
    })
}

fn set_off(row: &Row) -> Result<(CycleNo, SetOff), StoreError> {
    let one = SetOff {
        receivable: row.int(1)?,
        shard: shard(row, 2)?,
        period: period(row, 3)?,
        enrolment: enrolment_no(row, 4)?,
        benefit: row.text(5)?.to_owned(),
        component: row.text(6)?.to_owned(),
        revision: u16::try_from(row.int(7)?).map_err(|error| broken(error.to_string()))?,
        amount_minor: row.int(8)?,
    };
    Ok((CycleNo(row.int(0)?), one))
}

fn recovery(row: &Row) -> Result<Recovery, StoreError> {
    Ok(Recovery {
        receivable: row.int(0)?,
        payable: PayableNo::from_number(row.int(1)?).map_err(|error| broken(error.to_string()))?,
        amount_minor: row.int(2)?,
    })
}
