//! What an officer had before the eyes who decided about a hold of a row. A release counts as long as the
//! same stands there: whoever comes under the same enrolment later is another case.
//!
//! Reads: the row, the record of the register it was compared with, and of a second enrolment the person's
//! others. Gives: one keyed hash, which is kept with the decision.

use std::collections::HashMap;

use super::Loaded;
use super::Terms;
use super::judge::{PersonRows, reconciled};
use super::stored::{self, Listed, Register, unwritten};
use crate::domain::cycle::Cycle;
use crate::domain::exception::{Exception, Subject};
use crate::domain::hold::HoldCode;
use crate::domain::ids::Shard;
use crate::domain::national_id::NationalId;
use crate::domain::roster::EnrolmentStatus;
use crate::engine::{Engine, EngineError};
use crate::pipeline::intake::RegisterRow;
use crate::store::registry::ChunkKind;

/// What a release was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    These(i64),
    /// A list was computed by a program that did not ask.
    Anything,
}

/// True when officers decided that this hold does not keep the row back, about what stands on it now.
pub fn released(
    terms: &Terms,
    register: &Register,
    rows: PersonRows<'_>,
    place: usize,
    code: HoldCode,
) -> bool {
    let key = (rows.listed[place].enrolment.number(), code.text().to_owned());
    let Some(about) = terms.released.get(&key) else { return false };
    about.contains(&About::Anything)
        || about.contains(&About::These(seen(terms, register, rows, place, code)))
}

/// What is seen of the row in this place by who decides about its hold.
pub fn seen(
    terms: &Terms,
    register: &Register,
    rows: PersonRows<'_>,
    place: usize,
    code: HoldCode,
) -> i64 {
    let listed = &rows.listed[place];
    let record = rows.decisions[place].record_no.and_then(|line| register.record(line));
    let mut told = vec![code.text().to_owned()];
    told.extend(identity(listed));
    told.extend(record.into_iter().flat_map(recorded));
    let row = &listed.row;
    if matches!(
        code,
        HoldCode::EnrolledTwice | HoldCode::PerhapsKnown | HoldCode::DecisionNumberMissing
    ) {
        let day =
            |day: Option<jiff::civil::Date>| day.map_or_else(String::new, |day| day.to_string());
        told.extend([row.programme.clone(), row.benefit.clone()]);
        told.extend([day(row.decision_date), day(row.entitled_from)]);
    }
    if code == HoldCode::EnrolledTwice {
        let is_other = |one: &&Listed| {
            one.enrolment != listed.enrolment
                && !one.is_repeated
                && one.row.status == EnrolmentStatus::Active
                && (&one.row.programme, &one.row.benefit) == (&row.programme, &row.benefit)
        };
        let others = rows.listed.iter().filter(is_other);
        told.extend(others.map(|one| one.enrolment.to_string()));
    }
    terms.keys.seen(&told.join("\u{1f}"))
}

/// Who the row says it is.
fn identity(listed: &Listed) -> [String; 4] {
    let row = &listed.row;
    [
        id(&row.national_id),
        name(&row.full_name),
        row.date_of_birth.map_or_else(String::new, |born| born.to_string()),
        row.sex.map_or_else(String::new, |sex| sex.word().to_owned()),
    ]
}

/// Whom the register has.
fn recorded(row: &RegisterRow) -> [String; 6] {
    [
        id(&row.national_id),
        id(&row.previous_national_id),
        name(&row.full_name),
        row.date_of_birth.map_or_else(String::new, |born| born.to_string()),
        row.sex.map_or_else(String::new, |sex| sex.word().to_owned()),
        format!("{:?}", row.vital),
    ]
}

/// Every spelling of one id is the same id.
fn id(written: &str) -> String {
    match NationalId::parse(written) {
        Ok(id) => id.digits().as_str().to_owned(),
        Err(_) => written.trim().to_owned(),
    }
}

fn name(written: &str) -> String {
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Engine {
    /// What is seen now of rows that are held: of each, by its shard and number. Nothing of payables.
    pub(in crate::engine) async fn seen_of_held(
        &self,
        cycle: &Cycle,
        held: &[&Exception],
    ) -> Result<HashMap<(Shard, i64), i64>, EngineError> {
        let mut of_shards: HashMap<Shard, Vec<&Exception>> = HashMap::new();
        for one in held.iter().filter(|one| one.subject == Subject::Row) {
            of_shards.entry(one.shard).or_default().push(one);
        }
        let mut found = HashMap::new();
        if of_shards.is_empty() {
            return Ok(found);
        }
        let terms = self.terms(cycle).await?;
        for (shard, held) in of_shards {
            let loaded = Loaded {
                rosters: vec![],
                shard,
                roster: self.store.chunks(shard, ChunkKind::Roster, cycle.roster.0).await?,
                refused: vec![],
                register: self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await?,
                persons: HashMap::new(),
                claims: vec![],
            };
            let listed = stored::roster(&terms, &loaded)?;
            let register = stored::register(&terms, &loaded)?;
            let decisions = reconciled(&terms, &listed, &register);
            for one in held {
                let code: HoldCode = one
                    .code
                    .parse()
                    .map_err(|error| EngineError::Inconsistent(format!("{error}")))?;
                let from = listed.partition_point(|row| row.person < one.person);
                let to = listed.partition_point(|row| row.person <= one.person);
                let rows =
                    PersonRows { listed: &listed[from..to], decisions: &decisions[from..to] };
                let is_it = |row: &Listed| {
                    Some(row.enrolment) == one.enrolment && Some(row.row.line) == one.source_line
                };
                let place = rows.listed.iter().position(is_it).ok_or_else(unwritten)?;
                let now = seen(&terms, &register, rows, place, code);
                found.insert((one.shard, one.number), now);
            }
        }
        Ok(found)
    }
}
