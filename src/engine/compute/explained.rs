//! Decides one person again, as the cycle did, with every reason in words.

use super::evidence::{Evidence, EvidenceLine};
use std::collections::HashMap;

use super::judge::{
    Judge, PersonRows, by_person, ended_before_the_law, holds_before_the_law, known, reconciled,
    released,
};
use super::stored;
use super::{Loaded, Terms};
use crate::domain::cycle::Cycle;
use crate::domain::exception::{Decision as OfficerDecision, RowOutcome};
use crate::domain::hold::HoldCode;
use crate::domain::ids::{EnrolmentNo, PersonNo};
use crate::domain::period::Period;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError, chunks};
use crate::pipeline::entitle::Entitled;
use crate::pipeline::explain;
use crate::report::wording;
use crate::report::words::Words;
use crate::rules::LawBook;
use crate::rules::explain::Language;
use crate::store::registry::ChunkKind;

/// One row of a person as it is explained.
pub struct ExplainedRow {
    pub enrolment: EnrolmentNo,
    pub source_line: u64,
    pub programme: String,
    pub benefit: String,
    pub outcome: RowOutcome,
    pub code: String,
    pub rule: &'static str,
    /// Why the row was identified or held so, Vietnamese and English.
    pub identity: (&'static str, &'static str),
    /// Why the law gives what it gives, Vietnamese and English.
    pub law: (String, String),
    /// Holds that would have kept the row back, and did not, because officers had released them.
    pub set_aside: Vec<HoldCode>,
    pub lines: Vec<ExplainedLine>,
}

/// One line as it is explained.
#[derive(Clone)]
pub struct ExplainedLine {
    pub component: String,
    pub period: Period,
    pub kind: &'static str,
    pub revision: u16,
    pub amount_minor: i64,
    pub clauses: Vec<String>,
    pub vietnamese: String,
    pub english: String,
}

impl Engine {
    /// Decides one person's rows again, as the cycle did, with every reason. Fails when the result is
    /// not the stored evidence: an evaluator that was mended later may not rewrite history.
    pub async fn explain_person(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Vec<ExplainedRow>, EngineError> {
        let mut terms = self.terms(cycle).await?;
        let mut loaded = self.load(cycle, person.shard()).await?;
        // What this and later cycles determined was not known when it was decided.
        let mut known = Vec::new();
        for claim in std::mem::take(&mut loaded.claims) {
            if claim.person == person && self.determined_in(&claim).await? < cycle.number {
                known.push(claim);
            }
        }
        loaded.claims = known;
        let name = person.to_string();
        let mut stored = None;
        for chunk in self.store.chunks(person.shard(), ChunkKind::Evidence, cycle.number.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let told: Evidence<'_> = serde_json::from_slice(line)
                    .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
                if told.person == name {
                    self.released_then(&told, cycle, &mut terms).await?;
                    stored = Some(told.lines.iter().map(StoredLine::of).collect::<Vec<_>>());
                }
            }
        }
        explained(&terms, &loaded, person, stored)
    }

    /// Puts the decisions of officers back to those that counted when a person was decided: what held a row
    /// then had not been released, whatever was decided since; and what was ever released and did not hold it
    /// had been.
    async fn released_then(
        &self,
        told: &Evidence<'_>,
        cycle: &Cycle,
        terms: &mut Terms,
    ) -> Result<(), EngineError> {
        let mut counted = HashMap::new();
        for row in &told.rows {
            let enrolment = EnrolmentNo::parse(&row.enrolment).ok_or_else(stored::unwritten)?;
            let is_held = row.outcome == RowOutcome::Held.name();
            for one in self.store.resolutions_on(enrolment.number(), cycle.period).await? {
                if one.releases() && !(is_held && one.code == row.code) {
                    counted.insert((one.subject, one.code), OfficerDecision::Release);
                }
            }
        }
        terms.resolutions = counted;
        Ok(())
    }
}

/// What of a line must come out again as it was written down.
#[derive(PartialEq, Eq)]
struct StoredLine {
    period: String,
    amount: String,
    revision: u16,
}

impl StoredLine {
    fn of(line: &EvidenceLine<'_>) -> StoredLine {
        StoredLine {
            period: line.period.to_string(),
            amount: line.amount.to_string(),
            revision: line.revision,
        }
    }
}

fn explained(
    terms: &Terms,
    loaded: &Loaded,
    person: PersonNo,
    stored: Option<Vec<StoredLine>>,
) -> Result<Vec<ExplainedRow>, EngineError> {
    let listed = stored::roster(terms, loaded)?;
    let register = stored::register(terms, loaded)?;
    let decisions = reconciled(terms, &listed, &register);
    let from = listed.partition_point(|row| row.person < person);
    let to = listed.partition_point(|row| row.person <= person);
    if from == to {
        return Ok(vec![]);
    }
    let rows = PersonRows { listed: &listed[from..to], decisions: &decisions[from..to] };
    let pack = &terms.programmes.pack;
    let book = LawBook::new(pack, terms.cycle.law_known_at, terms.months.last());
    let check = loaded.persons.get(&person).copied();
    let ended = ended_before_the_law(terms, rows, check);
    let history = by_person(&loaded.claims);
    let claims = history.get(&person).map_or(&[][..], Vec::as_slice);
    let known = known(terms, rows, &ended, claims)?;
    let mut entitled = Entitled::default();
    let mut judge = Judge::new(terms, &book, &register);
    let judged = judge.person(rows, ended, &known, &mut entitled)?;
    if let Some(stored) = stored {
        let again = entitled.lines.iter().map(|line| StoredLine {
            period: line.period.to_string(),
            amount: line.amount_minor.to_string(),
            revision: line.revision,
        });
        if !again.eq(stored) {
            return Err(EngineError::refused(
                "E101",
                format!(
                    "the recomputed lines are not the stored evidence of {}: what was decided stands, and this program \
                     explains it differently. Explain it with the program that computed the cycle, and tell the maintainers",
                    terms.cycle.label()
                ),
            ));
        }
    }
    let mut told = Vec::new();
    for (place, (row, decision)) in rows.listed.iter().zip(rows.decisions).enumerate() {
        let asked_at = judged.asked.iter().position(|at| *at == place);
        let (outcome, code, detail) = match &judged.ended[place] {
            Some(ended) => (ended.outcome, ended.code.clone(), ended.detail.clone()),
            None => (RowOutcome::Entitled, String::new(), String::new()),
        };
        let law = match asked_at {
            // What ends before the law is asked is told by its code, in both languages.
            None => {
                let of_code = wording::hold(&code).map(|(why, _)| why).or(wording::row_code(&code));
                let Words { vi, en } = of_code.unwrap_or(Words::name(detail));
                (vi.into_owned(), en.into_owned())
            }
            Some(at) => {
                let [vi, en] = [Language::Vietnamese, Language::English].map(|language| {
                    let (case, outcome) = (&judged.cases[at], &entitled.outcomes[at]);
                    explain::explain_outcome(&book, &terms.months, case, outcome, language)
                });
                (vi, en)
            }
        };
        let mut lines = Vec::new();
        for line in
            entitled.lines.iter().filter(|line| Some(usize::from(line.enrolment)) == asked_at)
        {
            let tell = |language| {
                explain::explain(&book, &terms.months, &judged.case(), line, language)
                    .map_err(|error| EngineError::refused("E101", error.to_string()))
            };
            lines.push(ExplainedLine {
                component: pack.component_at(line.component).id.clone(),
                period: line.period,
                kind: line.kind.word(),
                revision: line.revision,
                amount_minor: line.amount_minor,
                clauses: line.clause_ids(&book).iter().map(|id| (*id).to_owned()).collect(),
                vietnamese: tell(Language::Vietnamese)?,
                english: tell(Language::English)?,
            });
        }
        let set_aside = match outcome {
            // Of these the holds were never asked.
            RowOutcome::Refused | RowOutcome::Ceased => Vec::new(),
            _ => holds_before_the_law(terms, row, decision)
                .filter(|held| released(terms, row.enrolment, *held))
                .collect(),
        };
        let rule = match outcome {
            RowOutcome::Held => decision.rule_of(&code),
            _ => decision.rule,
        };
        told.push(ExplainedRow {
            enrolment: row.enrolment,
            source_line: row.row.line,
            programme: row.row.programme.clone(),
            benefit: row.row.benefit.clone(),
            outcome,
            code,
            rule: rule.id(),
            identity: (rule.entry().vi, rule.entry().en),
            law,
            set_aside,
            lines,
        });
    }
    Ok(told)
}
