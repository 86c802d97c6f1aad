//! Payments that officers take off a sealed list.

use std::collections::{HashMap, HashSet};

use crate::domain::batch::Batch;
use crate::domain::ids::{AttemptNo, BatchNo, CycleNo, PayableNo, PersonNo, Shard};
use crate::domain::payable::Payable;
use crate::domain::state::Named;
use crate::domain::stop::{Stop, StopState};

use super::payables::payable_number;
use super::registry::{broken, person_no};
use super::{Changes, Row, Store, StoreError};

/// A payee, a beneficiary, and the naming by which an heir is paid in the payee's place.
pub type Paid = (PersonNo, PersonNo, Option<i64>);

impl Store {
    /// What is proposed to be stopped in a cycle, in the order of the payments: each with the file in which the
    /// payment waits now, whatever moved it since.
    pub async fn stops_proposed(&self, cycle: CycleNo) -> Result<Vec<Stop>, StoreError> {
        let rows = self
            .query(
                "select s.stop_no, s.cycle_no, s.payable_no, s.attempt, coalesce(i.batch_no, s.batch_no),
                   s.reason, s.state, s.proposed_by, s.proposed_at
                 from stop s left join instruction i
                   on i.shard = s.shard and i.payable_no = s.payable_no and i.state = 'in_batch'
                 where s.cycle_no = $1 and s.state = 'proposed' order by s.payable_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(stop).collect()
    }

    /// Since when officers know of the payments of a cycle of which a stop was proposed: those still waiting for
    /// the second officer (none), and those that were let go, with the last moment in which one was.
    pub async fn stops_looked_at(
        &self,
        cycle: CycleNo,
    ) -> Result<HashMap<PayableNo, Option<String>>, StoreError> {
        let rows = self
            .query(
                "select payable_no, min(case when state = 'proposed' then 0 else 1 end), max(ended_at)
                 from stop where cycle_no = $1 and state <> 'confirmed' group by payable_no",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let let_go_at = match row.int(1)? {
                    0 => None,
                    _ => row.maybe_text(2)?.map(str::to_owned),
                };
                Ok((payable_number(row, 0)?, let_go_at))
            })
            .collect()
    }

    /// How many payments of a file are proposed to be stopped, in whichever file they were then.
    pub async fn stops_of_batch(&self, batch: &Batch) -> Result<i64, StoreError> {
        let rows = self
            .query(
                "select cast(count(*) as bigint) from stop s join instruction i
                   on i.shard = s.shard and i.payable_no = s.payable_no
                 where s.cycle_no = $1 and s.state = 'proposed' and i.batch_no = $2 and i.state = 'in_batch'",
                &[batch.cycle.0.into(), batch.number.0.into()],
            )
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Payees and beneficiaries of a shard, with the naming where it was an heir's, whose orders were stopped, of every
    /// cycle but one: by officers (true), or by a partner (death, fraud, a court order). Void is what came before a
    /// later cycle was opened that has paid them: there two persons have let them be paid. What had left by then says
    /// nothing of it.
    pub async fn stopped_before(
        &self,
        shard: Shard,
        besides: Option<CycleNo>,
    ) -> Result<HashMap<Paid, bool>, StoreError> {
        let rows = self
            .query(
                "select p.payee_no, p.beneficiary_no, p.heir_no,
                   cast(max(case when i.reason = 'stopped' then 1 else 0 end) as bigint)
                 from instruction i join payable p on p.shard = i.shard and p.payable_no = i.payable_no
                 where i.shard = $1 and (i.reason_class = 'stop' or i.reason = 'stopped') and i.cycle_no <> $2
                   and not exists (select 1 from payable q where q.shard = p.shard and q.payee_no = p.payee_no
                     and q.beneficiary_no = p.beneficiary_no and coalesce(q.heir_no, 0) = coalesce(p.heir_no, 0)
                     and q.cycle_no > p.cycle_no and q.state = 'paid'
                     and exists (select 1 from cycle c where c.cycle_no = q.cycle_no and c.opened_at >= coalesce(
                       (select a.received_at from answer a where a.answer_no = i.answer_no),
                       (select max(s.ended_at) from stop s
                        where s.shard = i.shard and s.payable_no = i.payable_no and s.state = 'confirmed'), '')))
                 group by p.payee_no, p.beneficiary_no, p.heir_no",
                &[i64::from(shard.number()).into(), besides.map_or(0, |cycle| cycle.0).into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let paid = (person_no(row, 0)?, person_no(row, 1)?, row.maybe_int(2)?);
                Ok((paid, row.int(3)? == 1))
            })
            .collect()
    }

    /// Whose payments a partner has stopped (death, fraud, a court order) after a moment, each with the last word of it.
    pub async fn stop_words_since(
        &self,
        moment: &str,
    ) -> Result<HashMap<Paid, String>, StoreError> {
        let rows = self
            .query(
                "select p.payee_no, p.beneficiary_no, p.heir_no, max(a.received_at)
                 from instruction i join answer a on a.answer_no = i.answer_no
                 join payable p on p.shard = i.shard and p.payable_no = i.payable_no
                 where i.reason_class = 'stop' and a.received_at > $1
                 group by p.payee_no, p.beneficiary_no, p.heir_no",
                &[moment.to_owned().into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let paid = (person_no(row, 0)?, person_no(row, 1)?, row.maybe_int(2)?);
                Ok((paid, row.text(3)?.to_owned()))
            })
            .collect()
    }

    /// The payables of a cycle that were held for such a word, or because officers stopped another payment, when its
    /// list was made: whoever let them go knew of it.
    pub async fn payables_held_for_stops(
        &self,
        cycle: CycleNo,
    ) -> Result<HashSet<PayableNo>, StoreError> {
        let rows = self
            .query(
                "select distinct payable_no from exception
                 where cycle_no = $1 and code in ('H158', 'H160') and payable_no is not null",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| payable_number(row, 0)).collect()
    }

    /// Everything of a cycle that goes to a person or is for them.
    pub async fn payables_of_person(
        &self,
        cycle: CycleNo,
        person: PersonNo,
    ) -> Result<Vec<Payable>, StoreError> {
        let mut found = self.payables_of_beneficiary(cycle, person).await?;
        found.extend(self.payables_of_payee(cycle, person).await?);
        found.sort_by_key(|one| one.number);
        found.dedup_by_key(|one| one.number);
        Ok(found)
    }
}

impl Changes {
    pub fn stops_proposed(&mut self, stops: &[Stop]) {
        self.bulk(
            "stop",
            &[
                "stop_no",
                "shard",
                "payable_no",
                "attempt",
                "cycle_no",
                "batch_no",
                "reason",
                "state",
                "proposed_by",
                "proposed_at",
            ],
            stops.iter().map(|one| {
                [
                    one.number.into(),
                    i64::from(one.payable.shard().number()).into(),
                    one.payable.number().into(),
                    i64::from(one.attempt.number()).into(),
                    one.cycle.0.into(),
                    one.batch.0.into(),
                    one.reason.clone().into(),
                    one.state.name().into(),
                    one.proposed_by.clone().into(),
                    one.proposed_at.clone().into(),
                ]
            }),
        );
    }

    /// A stop is proposed only for what still lies with us in the file that was read.
    pub fn must_not_have_left(&mut self, batch: &Batch) {
        self.guarded(
            "what is to be stopped has not left",
            "update batch set state = state where cycle_no = $1 and batch_no = $2 and state in ('created', 'released')",
            vec![batch.cycle.0.into(), batch.number.0.into()],
        );
    }

    /// The second of two officers, who is another person, confirms or refuses it.
    pub fn stop_ended(&mut self, stop: &Stop, to: StopState, by: &str, at: &str) {
        self.guarded(
            "the second officer who decides on a stop is another person",
            "update stop set state = $4, ended_by = $5, ended_at = $6
             where stop_no = $1 and shard = $2 and payable_no = $3 and state = 'proposed' and proposed_by <> $5",
            vec![
                stop.number.into(),
                i64::from(stop.payable.shard().number()).into(),
                stop.payable.number().into(),
                to.name().into(),
                by.to_owned().into(),
                at.to_owned().into(),
            ],
        );
    }

    /// No attempt is recorded for a file of which a payment is to be stopped, however late that came.
    pub fn must_not_be_stopped(&mut self, batch: &Batch) {
        self.guarded(
            "a file with a payment that is to be stopped is not sent",
            "update batch set state = state where cycle_no = $1 and batch_no = $2 and not exists
               (select 1 from stop s join instruction i on i.shard = s.shard and i.payable_no = s.payable_no
                where s.cycle_no = $1 and s.state = 'proposed' and i.batch_no = $2 and i.state = 'in_batch')",
            vec![batch.cycle.0.into(), batch.number.0.into()],
        );
    }
}

fn stop(row: &Row) -> Result<Stop, StoreError> {
    Ok(Stop {
        number: row.int(0)?,
        cycle: CycleNo(row.int(1)?),
        payable: PayableNo::from_number(row.int(2)?).map_err(|error| broken(error.to_string()))?,
        attempt: AttemptNo::new(row.int(3)?).map_err(|error| broken(error.to_string()))?,
        batch: BatchNo(row.int(4)?),
        reason: row.blob(5)?.to_vec(),
        state: row.named(6)?,
        proposed_by: row.text(7)?.to_owned(),
        proposed_at: row.text(8)?.to_owned(),
    })
}
