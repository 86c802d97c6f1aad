//! What two officers decide about payments of unknown fate.

use crate::domain::fate::{Fate, FateEvent, FateState};
use crate::domain::ids::{AttemptNo, CycleNo, PayableNo};
use crate::domain::state::{IllegalTransition, Named};

use super::paged::{Many, PAGE};
use super::registry::broken;
use super::{Changes, Row, Store, StoreError};

impl Store {
    /// What is proposed in a cycle and not confirmed, in the order of the payments.
    pub async fn fates_proposed(&self, cycle: CycleNo) -> Result<Vec<Fate>, StoreError> {
        let rows = self
            .query(
                "select decision_no, cycle_no, payable_no, attempt, verdict, reason, state, proposed_by, proposed_at,
                   confirmed_by, confirmed_at
                 from fate where cycle_no = $1 and state = 'proposed' order by payable_no, attempt",
                &[cycle.0.into()],
            )
            .await?;
        rows.iter().map(fate).collect()
    }
}

impl Changes {
    pub fn fates(&mut self, fates: &[Fate]) {
        self.bulk(
            "fate",
            &[
                "decision_no",
                "shard",
                "payable_no",
                "attempt",
                "cycle_no",
                "verdict",
                "reason",
                "state",
                "proposed_by",
                "proposed_at",
            ],
            fates.iter().map(|one| {
                [
                    one.decision.into(),
                    i64::from(one.payable.shard().number()).into(),
                    one.payable.number().into(),
                    i64::from(one.attempt.number()).into(),
                    one.cycle.0.into(),
                    one.verdict.name().into(),
                    one.reason.clone().into(),
                    one.state.name().into(),
                    one.proposed_by.clone().into(),
                    one.proposed_at.clone().into(),
                ]
            }),
        );
    }

    /// Other proposals take their place.
    pub fn fates_withdrawn(&mut self, fates: &[Fate]) -> Result<(), IllegalTransition> {
        const SET: &str = "update fate set state = v.to_state from v where fate.decision_no = v.decision_no
             and fate.shard = v.shard and fate.payable_no = v.payable_no and fate.attempt = v.attempt
             and fate.state = v.from_state";
        for page in fates.chunks(PAGE) {
            let mut args = Vec::new();
            for one in page {
                let to = one.state.apply(FateEvent::Withdrawn)?;
                args.extend(key(one, to));
            }
            self.many(
                "a proposal that is replaced was not confirmed meanwhile",
                Many { columns: KEY, rows: page.len(), update: SET },
                args,
            );
        }
        Ok(())
    }

    /// The second of two officers, who is another person.
    pub fn fates_confirmed(
        &mut self,
        fates: &[Fate],
        by: &str,
        at: &str,
    ) -> Result<(), IllegalTransition> {
        const COLUMNS: &[(&str, &str)] =
            &[KEY[0], KEY[1], KEY[2], KEY[3], KEY[4], KEY[5], ("officer", "text"), ("at", "text")];
        const SET: &str = "update fate set state = v.to_state, confirmed_by = v.officer, confirmed_at = v.at from v
             where fate.decision_no = v.decision_no and fate.shard = v.shard and fate.payable_no = v.payable_no
             and fate.attempt = v.attempt and fate.state = v.from_state and fate.proposed_by <> v.officer";
        for page in fates.chunks(PAGE) {
            let mut args = Vec::new();
            for one in page {
                let to = one.state.apply(FateEvent::Confirmed)?;
                args.extend(key(one, to));
                args.push(by.to_owned().into());
                args.push(at.to_owned().into());
            }
            self.many(
                "the second officer who decides on an unknown payment is another person",
                Many { columns: COLUMNS, rows: page.len(), update: SET },
                args,
            );
        }
        Ok(())
    }
}

const KEY: &[(&str, &str)] = &[
    ("decision_no", "bigint"),
    ("shard", "bigint"),
    ("payable_no", "bigint"),
    ("attempt", "bigint"),
    ("from_state", "text"),
    ("to_state", "text"),
];

fn key(one: &Fate, to: FateState) -> [super::Value; 6] {
    [
        one.decision.into(),
        i64::from(one.payable.shard().number()).into(),
        one.payable.number().into(),
        i64::from(one.attempt.number()).into(),
        one.state.name().into(),
        to.name().into(),
    ]
}

fn fate(row: &Row) -> Result<Fate, StoreError> {
    Ok(Fate {
        decision: row.int(0)?,
        cycle: CycleNo(row.int(1)?),
        payable: PayableNo::from_number(row.int(2)?).map_err(|error| broken(error.to_string()))?,
        attempt: AttemptNo::new(row.int(3)?).map_err(|error| broken(error.to_string()))?,
        verdict: row.named(4)?,
        reason: row.blob(5)?.to_vec(),
        state: row.named(6)?,
        proposed_by: row.text(7)?.to_owned(),
        proposed_at: row.text(8)?.to_owned(),
        confirmed_by: row.maybe_text(9)?.map(str::to_owned),
        confirmed_at: row.maybe_text(10)?.map(str::to_owned),
    })
}
