//! What is kept of one decision: a line of JSON for each person, with everything it rests on.
//!
//! The fields are written in the order of their names. What is written stays as it is for ten years,
//! so a field is never renamed or given another meaning.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::exception::RowOutcome;
use crate::domain::state::Named;

/// What tells how a person stands in a cycle, without the reasons.
#[derive(Deserialize)]
pub struct PersonDecided<'a> {
    pub person: Cow<'a, str>,
    rows: Vec<RowDecided<'a>>,
    lines: Vec<LineDecided<'a>>,
}

#[derive(Deserialize)]
struct RowDecided<'a> {
    outcome: Cow<'a, str>,
}

#[derive(Deserialize)]
struct LineDecided<'a> {
    amount: Cow<'a, str>,
}

impl PersonDecided<'_> {
    /// Entitled, and what is owed on this list comes to nothing or less.
    pub fn has_nothing_new(&self) -> bool {
        let owed = self.lines.iter().map(|line| line.amount.parse::<i128>().unwrap_or(0));
        self.rows.iter().any(|row| row.outcome == RowOutcome::Entitled.name())
            && owed.sum::<i128>() <= 0
    }
}

/// One person in one cycle.
#[derive(Serialize, Deserialize)]
pub struct Evidence<'a> {
    pub law_known_at: Cow<'a, str>,
    pub lines: Vec<EvidenceLine<'a>>,
    /// Id and version of the programme pack.
    pub pack: Cow<'a, str>,
    pub person: Cow<'a, str>,
    pub rows: Vec<EvidenceRow<'a>>,
}

/// A row of the roster: who it is, and how it ended.
#[derive(Serialize, Deserialize)]
pub struct EvidenceRow<'a> {
    pub benefit: Cow<'a, str>,
    pub code: Cow<'a, str>,
    pub enrolment: Cow<'a, str>,
    /// The rule that identified the person, when another rule held the row afterwards.
    pub identified_by: Cow<'a, str>,
    pub ladder: u16,
    /// The line of the source file.
    pub line: u64,
    pub outcome: Cow<'a, str>,
    pub programme: Cow<'a, str>,
    pub rule: Cow<'a, str>,
    /// In thousandths of a bit.
    pub score: i32,
}

/// What is owed for one month and component, and by which clauses and rates.
#[derive(Serialize, Deserialize)]
pub struct EvidenceLine<'a> {
    /// Minor units; negative for a recovery.
    pub amount: Cow<'a, str>,
    pub benefit: Cow<'a, str>,
    pub clauses: Vec<Cow<'a, str>>,
    pub component: Cow<'a, str>,
    pub enrolment: Cow<'a, str>,
    pub fund: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    pub period: Cow<'a, str>,
    /// Exact digits by the rate's name.
    pub rates: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    pub revision: u16,
}
