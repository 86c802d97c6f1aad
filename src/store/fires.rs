//! What the schedule has fired: once for a rule and a day.

use crate::domain::period::parse_date;
use crate::domain::schedule::{Fire, FireState};
use crate::domain::state::Named;

use super::registry::broken;
use super::{Changes, Row, Store, StoreError};

impl Store {
    /// Everything that fired, by rule and day.
    pub async fn fires(&self) -> Result<Vec<Fire>, StoreError> {
        let rows = self
            .query(
                "select rule, due_on, what, fired_at, state, detail from fire order by rule, due_on",
                &[],
            )
            .await?;
        rows.iter().map(fire).collect()
    }
}

impl Changes {
    /// Takes a day of a rule for this process. Another process that took it first is a conflict.
    pub fn fire_started(&mut self, fire: &Fire) {
        self.guarded(
            "a rule fires once for a day",
            "insert into fire (rule, due_on, what, fired_at, state, detail)
             values ($1, $2, $3, $4, $5, $6) on conflict (rule, due_on) do nothing",
            vec![
                fire.rule.clone().into(),
                fire.due_on.to_string().into(),
                fire.what.name().into(),
                fire.fired_at.clone().into(),
                fire.state.name().into(),
                fire.detail.clone().into(),
            ],
        );
    }

    pub fn fire_ended(&mut self, fire: &Fire, state: FireState, detail: &str) {
        self.guarded(
            "what a rule set off ends once",
            "update fire set state = $3, detail = $4 where rule = $1 and due_on = $2 and state = 'started'",
            vec![
                fire.rule.clone().into(),
                fire.due_on.to_string().into(),
                state.name().into(),
                detail.to_owned().into(),
            ],
        );
    }
}

fn fire(row: &Row) -> Result<Fire, StoreError> {
    Ok(Fire {
        rule: row.text(0)?.to_owned(),
        due_on: parse_date(row.text(1)?).map_err(|error| broken(error.to_string()))?,
        what: row.named(2)?,
        fired_at: row.text(3)?.to_owned(),
        state: row.named(4)?,
        detail: row.text(5)?.to_owned(),
    })
}
