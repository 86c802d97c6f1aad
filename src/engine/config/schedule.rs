//! A `[[schedule]]` of chitra.toml, as it is written.

use serde::Deserialize;

use super::wrong;
use crate::domain::period::parse_date;
use crate::domain::schedule::{Rule, Scheduled, When};
use crate::domain::short_name::ShortName;
use crate::domain::state::Named;
use crate::engine::error::EngineError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    name: String,
    what: String,
    when: String,
    from: String,
    #[serde(default = "catch_up_days")]
    catch_up_days: i64,
}

/// A week-end and a holiday.
fn catch_up_days() -> i64 {
    7
}

/// A month: what is later belongs to the next one.
const CATCH_UP_DAYS_MAX: i64 = 31;

impl RuleFile {
    pub(super) fn parsed(self) -> Result<Rule, EngineError> {
        let name = &self.name;
        ShortName::parse(name).map_err(|error| {
            EngineError::refused("S101", format!("chitra.toml: a [[schedule]]: {error}"))
        })?;
        let what = Scheduled::from_name(&self.what).ok_or_else(|| {
            let known: Vec<&str> = Scheduled::ALL.iter().map(|(word, _)| *word).collect();
            wrong(format!("schedule {name}: `{}` is none of {}", self.what, known.join(", ")))
        })?;
        let when = When::parse(&self.when).ok_or_else(|| {
            wrong(format!(
                "schedule {name}: when is like \"daily\", \"every monday\", \"day 5\" or \"before 25\", not `{}`",
                self.when
            ))
        })?;
        let from = parse_date(&self.from)
            .map_err(|error| wrong(format!("schedule {name}: from {error}")))?;
        if !(0..=CATCH_UP_DAYS_MAX).contains(&self.catch_up_days) {
            return Err(wrong(format!(
                "schedule {name}: catch_up_days is from 0 to {CATCH_UP_DAYS_MAX}"
            )));
        }
        Ok(Rule { name: self.name, what, when, from, catch_up_days: self.catch_up_days })
    }
}
