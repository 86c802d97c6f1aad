//! Claims: what has been determined for whom, and which payable owns it.

use crate::domain::claim::Claim;
use crate::domain::ids::{CycleNo, EnrolmentNo, PayableNo, Shard};
use crate::domain::period::Period;

use super::books::{Written, claim_carried_line, claim_line, claim_shard};
use super::paged::{Lookup, PAGE, lookup, padded};
use super::payables::payable_number;
use super::registry::{broken, enrolment_no, number, period, person_no, shard};
use super::{Changes, Row, Store, StoreError};

macro_rules! claim_columns {
    () => {
        "select shard, period, enrolment_no, benefit, component, revision, amount_minor, cycle_no, payable_no,
         carried_from, person_no, programme from claim "
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
        static LOOKUP: Lookup = Lookup::new(|dialect| lookup(dialect, claim_columns!(), KEY));
        let sql = LOOKUP.sql(self.database.dialect());
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
