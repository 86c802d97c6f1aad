//! Heirs that officers name.

use std::collections::BTreeMap;

use crate::domain::heir::{HeirRow, HeirState};
use crate::domain::ids::{CycleNo, PayableNo, PersonNo};
use crate::domain::state::Named;

use super::payables::payable_number;
use super::registry::person_no;
use super::{Changes, Row, Store, StoreError};

macro_rules! heirs {
    () => {
        "select heir_no, person_no, record, state, proposed_by, proposed_at, confirmed_by, confirmed_at,
           withdrawn_by, withdrawn_at, withdrawn_reason from heir "
    };
}

impl Store {
    /// Every naming of an heir, in the order of their numbers.
    pub async fn heirs(&self) -> Result<Vec<HeirRow>, StoreError> {
        let rows = self.query(concat!(heirs!(), "order by heir_no"), &[]).await?;
        rows.iter().map(heir).collect()
    }

    /// The namings for which a cycle is computed, as a digest.
    pub async fn heirs_of_cycle(&self, cycle: CycleNo) -> Result<Option<String>, StoreError> {
        let rows =
            self.query("select heirs from cycle where cycle_no = $1", &[cycle.0.into()]).await?;
        let of = rows.first().map(|row| Ok::<_, StoreError>(row.maybe_text(0)?.map(str::to_owned)));
        Ok(of.transpose()?.flatten())
    }

    /// Payables of a cycle that were made for heirs: how many, and their sum in minor units.
    pub async fn payables_to_heirs(&self, cycle: CycleNo) -> Result<(i64, i64), StoreError> {
        let rows = self
            .query(
                "select count(*), cast(coalesce(sum(amount_minor), 0) as bigint) from payable
                 where cycle_no = $1 and heir_no is not null",
                &[cycle.0.into()],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// Payables of a cycle that were made for namings which do not count any more, and since when.
    pub async fn payables_of_withdrawn_heirs(
        &self,
        cycle: CycleNo,
    ) -> Result<BTreeMap<PayableNo, String>, StoreError> {
        let rows = self
            .query(
                "select p.payable_no, coalesce(h.withdrawn_at, '') from payable p
                 left join heir h on h.heir_no = p.heir_no
                 where p.cycle_no = $1 and p.heir_no is not null and coalesce(h.state, '') <> 'confirmed'",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((payable_number(row, 0)?, row.text(1)?.to_owned()))).collect()
    }

    /// How many namings were withdrawn.
    pub async fn heirs_withdrawn(&self) -> Result<i64, StoreError> {
        let sql = "select cast(count(*) as bigint) from heir where state = 'withdrawn'";
        let rows = self.query(sql, &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    pub async fn heir(&self, number: i64) -> Result<Option<HeirRow>, StoreError> {
        let rows = self.query(concat!(heirs!(), "where heir_no = $1"), &[number.into()]).await?;
        rows.first().map(heir).transpose()
    }

    /// The namings of the heirs of one person, in the order of their numbers.
    pub async fn heirs_of(&self, person: PersonNo) -> Result<Vec<HeirRow>, StoreError> {
        let rows = self
            .query(
                concat!(heirs!(), "where shard = $1 and person_no = $2 order by heir_no"),
                &[i64::from(person.shard().number()).into(), person.number().into()],
            )
            .await?;
        rows.iter().map(heir).collect()
    }
}

impl Changes {
    pub fn cycle_for_heirs(&mut self, cycle: CycleNo, digest: &str) {
        self.guarded(
            "a cycle is computed for one set of heirs",
            "update cycle set heirs = $2 where cycle_no = $1 and heirs is null",
            vec![cycle.0.into(), digest.to_owned().into()],
        );
    }

    pub fn heir_proposed(&mut self, heir: &HeirRow) {
        self.bulk(
            "heir",
            &["heir_no", "shard", "person_no", "record", "state", "proposed_by", "proposed_at"],
            [[
                heir.number.into(),
                i64::from(heir.person.shard().number()).into(),
                heir.person.number().into(),
                heir.record.clone().into(),
                heir.state.name().into(),
                heir.proposed_by.clone().into(),
                heir.proposed_at.clone().into(),
            ]],
        );
    }

    /// The second of two officers, who is another person.
    pub fn heir_confirmed(&mut self, heir: &HeirRow, to: HeirState, by: &str, at: &str) {
        self.guarded(
            "the second officer who confirms an heir is another person",
            "update heir set state = $2, confirmed_by = $3, confirmed_at = $4
             where heir_no = $1 and state = 'proposed' and proposed_by <> $3",
            vec![heir.number.into(), to.name().into(), by.to_owned().into(), at.to_owned().into()],
        );
    }

    pub fn heir_withdrawn(
        &mut self,
        heir: &HeirRow,
        to: HeirState,
        by: &str,
        at: &str,
        reason: Vec<u8>,
    ) {
        self.guarded(
            "an heir is withdrawn as it was read",
            "update heir set state = $3, withdrawn_by = $4, withdrawn_at = $5, withdrawn_reason = $6
             where heir_no = $1 and state = $2",
            vec![
                heir.number.into(),
                heir.state.name().into(),
                to.name().into(),
                by.to_owned().into(),
                at.to_owned().into(),
                reason.into(),
            ],
        );
    }
}

fn heir(row: &Row) -> Result<HeirRow, StoreError> {
    let text = |at: usize| Ok::<_, StoreError>(row.maybe_text(at)?.map(str::to_owned));
    let state: HeirState = row.named(3)?;
    let is_withdrawn = state == HeirState::Withdrawn;
    Ok(HeirRow {
        number: row.int(0)?,
        person: person_no(row, 1)?,
        record: row.blob(2)?.to_vec(),
        state,
        proposed_by: row.text(4)?.to_owned(),
        proposed_at: row.text(5)?.to_owned(),
        confirmed_by: text(6)?,
        confirmed_at: text(7)?,
        withdrawn_by: text(8)?,
        withdrawn_at: text(9)?,
        withdrawn_reason: is_withdrawn.then(|| row.blob(10).map(<[u8]>::to_vec)).transpose()?,
    })
}
