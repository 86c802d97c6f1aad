//! Rows of a roster that are refused, and where each stands in its file, so that the sender can mend it.
//!
//! Reads: what was refused when a cycle was computed, and the rows behind it. Gives: line, code and sentence
//! of each, and the enrolment id where it is known. A row that could not be read is in the folder `refused`
//! as well; one whose enrolment id stands on the roster twice could be read, and is only here.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::cycle::Cycle;
use crate::domain::ids::{PersonNo, Shard};
use crate::domain::roster::RefusalCode;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};

/// One refused row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub line: u64,
    pub code: String,
    pub sentence: String,
    pub person: PersonNo,
    /// The sender's id; None where the row could not be read.
    pub enrolment_id: Option<String>,
}

/// A row whose enrolment id stands on the roster for another row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepeatedRow {
    pub line: u64,
    pub enrolment_id: String,
    /// Under whom the row was counted: the person who has the enrolment.
    pub counted_under: PersonNo,
    /// Whom its own national id names.
    pub named: PersonNo,
    pub programme: String,
    pub province: String,
}

impl Engine {
    /// The rows of a cycle's roster that are refused, by line.
    pub async fn refusals(&self, cycle: &Cycle) -> Result<Vec<Refusal>, EngineError> {
        let ids: BTreeMap<u64, String> = self
            .repeated_rows(cycle)
            .await?
            .into_iter()
            .map(|row| (row.line, row.enrolment_id))
            .collect();
        let refused = self.store.refused(cycle.number).await?;
        let mut all: Vec<Refusal> = refused
            .into_iter()
            .map(|one| {
                let line = one.source_line.unwrap_or(0);
                let enrolment_id = ids.get(&line).filter(|_| is_repeated(&one.code)).cloned();
                Refusal {
                    line,
                    code: one.code,
                    sentence: one.detail,
                    person: one.person,
                    enrolment_id,
                }
            })
            .collect();
        all.sort_by_key(|one| one.line);
        Ok(all)
    }

    /// The rows that were refused for their enrolment id. Only the shards are read in which there are any.
    pub(super) async fn repeated_rows(
        &self,
        cycle: &Cycle,
    ) -> Result<Vec<RepeatedRow>, EngineError> {
        let refused = self.store.refused(cycle.number).await?;
        let shards: BTreeSet<Shard> =
            refused.iter().filter(|one| is_repeated(&one.code)).map(|one| one.shard).collect();
        match shards.is_empty() {
            true => Ok(vec![]),
            false => self.repeated_in(cycle, shards).await,
        }
    }
}

fn is_repeated(code: &str) -> bool {
    code == RefusalCode::EnrolmentTwice.name()
}
