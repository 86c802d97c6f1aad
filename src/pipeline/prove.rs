//! Runs the cases of a pack through the same stage that decides real people, and compares exactly.
//!
//! Reads: a pack and its cases. Gives: a report: what failed, expected beside actual, and which
//! clauses no case reaches.

use std::collections::BTreeSet;
use std::fmt;

use crate::pipeline::entitle::{Cycle, Line, LineKind, Outcome, entitle};
use crate::rules::cases::{Case, ExpectedLine, ExpectedOutcome};
use crate::rules::law::LawBook;
use crate::rules::pack::{ClauseId, NOTHING_APPLIES, Pack};
use crate::rules::question::{EnrolmentCase, PersonCase};

/// What came of every case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseReport {
    pub results: Vec<CaseResult>,
    /// Clauses that decided nothing in any case.
    pub unproven: Vec<String>,
}

/// One case, as rows of text on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseResult {
    pub id: String,
    pub name: String,
    pub file: String,
    pub line: u32,
    pub expected: Vec<String>,
    pub actual: Vec<String>,
}

impl CaseResult {
    pub fn passed(&self) -> bool {
        self.expected == self.actual
    }
}

impl CaseReport {
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.passed()).count()
    }
}

/// Runs every case. Pure: the law is known as of the day each case names.
pub fn run_cases(pack: &Pack, cases: &[Case]) -> CaseReport {
    let mut fired: BTreeSet<ClauseId> = BTreeSet::from([NOTHING_APPLIES]);
    let results = cases.iter().map(|case| run_case(pack, case, &mut fired)).collect();
    let unproven = pack
        .clauses()
        .iter()
        .enumerate()
        .filter(|(at, _)| !fired.contains(&ClauseId(*at as u16)))
        .map(|(_, clause)| clause.id.clone())
        .collect();
    CaseReport { results, unproven }
}

fn run_case(pack: &Pack, case: &Case, fired: &mut BTreeSet<ClauseId>) -> CaseResult {
    let cycle = Cycle { period: case.period, months: case.months, history_from: case.history_from };
    let book = LawBook::new(pack, case.known_at, cycle.last());
    let enrolments: Vec<EnrolmentCase<'_>> = case
        .enrolments
        .iter()
        .enumerate()
        .map(|(at, enrolment)| EnrolmentCase {
            key: at as u64,
            benefit: enrolment.benefit,
            decision_date: enrolment.decision_date,
            entitled_from: enrolment.entitled_from,
            entitled_to: enrolment.entitled_to,
            paid_through: enrolment.paid_through,
            facts: &enrolment.facts,
            history: &enrolment.history,
            before: &[],
            absent: &[],
            absent_is_owed: false,
            is_ended: false,
        })
        .collect();
    let person = PersonCase {
        date_of_birth: case.date_of_birth,
        sex: case.sex,
        date_of_death: case.date_of_death,
        enrolments: &enrolments,
        unasked: &[],
    };
    let entitled = entitle(&book, &cycle, &person);

    let mut expected: Vec<String> =
        case.lines.iter().map(|line| expected_row(pack, case, line)).collect();
    let mut actual: Vec<String> =
        entitled.lines.iter().map(|line| actual_row(pack, case, line)).collect();
    expected.sort();
    actual.sort();
    for line in &entitled.lines {
        fired.extend([line.start_clause, line.clause]);
    }
    for (at, enrolment) in case.enrolments.iter().enumerate() {
        let name = &enrolment.name;
        expected.push(match &enrolment.outcome {
            ExpectedOutcome::Entitled => format!("{name} is entitled"),
            ExpectedOutcome::Nil(clause) => nil_row(pack, name, *clause),
            ExpectedOutcome::Held(missing) => held_row(name, missing),
        });
        actual.push(match entitled.outcomes.get(at) {
            Some(Outcome::Entitled) => format!("{name} is entitled"),
            Some(Outcome::Nil(clause)) => {
                fired.insert(*clause);
                nil_row(pack, name, *clause)
            }
            Some(Outcome::Held { missing, .. }) => {
                let names: Vec<String> =
                    missing.iter().map(|input| pack.input_name(*input)).collect();
                held_row(name, &names)
            }
            None => format!("{name} has no outcome"),
        });
    }
    // What is carried stands beside the lines: it is paid with them and is no new entitlement.
    let lines: i128 = entitled.lines.iter().map(|line| i128::from(line.amount_minor)).sum();
    let carried: i128 = case.carried.iter().map(|carried| i128::from(carried.amount_minor)).sum();
    expected.push(sum_row(case.new_entitlement_minor, case.total_minor));
    actual.push(sum_row(lines, lines + carried));
    CaseResult {
        id: case.id.clone(),
        name: case.name.clone(),
        file: case.file.clone(),
        line: case.line,
        expected,
        actual,
    }
}

fn expected_row(pack: &Pack, case: &Case, line: &ExpectedLine) -> String {
    let known = LineKind::ALL.iter().any(|(word, _)| *word == line.kind);
    let kind = if known { line.kind.clone() } else { format!("{} (no such kind)", line.kind) };
    let clauses: Vec<&str> =
        line.clauses.iter().map(|clause| pack.clause_at(*clause).id.as_str()).collect();
    row(
        &case.enrolments[line.enrolment].name,
        line.period,
        &kind,
        &pack.component_at(line.component).id,
        line.revision,
        line.amount_minor,
        &clauses,
    )
}

fn actual_row(pack: &Pack, case: &Case, line: &Line) -> String {
    let clauses = [line.start_clause, line.clause].map(|clause| pack.clause_at(clause).id.as_str());
    row(
        &case.enrolments[usize::from(line.enrolment)].name,
        line.period,
        line.kind.word(),
        &pack.component_at(line.component).id,
        line.revision,
        line.amount_minor,
        &clauses,
    )
}

fn row(
    name: &str,
    period: crate::domain::period::Period,
    kind: &str,
    component: &str,
    revision: u16,
    amount_minor: i64,
    clauses: &[&str],
) -> String {
    let clauses = clauses.join(" ");
    format!("{name} {period} {kind} {component}#{revision} {amount_minor} by {clauses}")
}

fn nil_row(pack: &Pack, name: &str, clause: ClauseId) -> String {
    format!("{name} is nil by {}", pack.clause_at(clause).id)
}

fn held_row(name: &str, missing: &[String]) -> String {
    format!("{name} is held for {}", missing.join(" "))
}

fn sum_row(new: i128, total: i128) -> String {
    format!("new entitlement {new}, with what is carried {total}")
}

/// Failures with both sides, then one line that counts.
impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for result in self.results.iter().filter(|result| !result.passed()) {
            writeln!(f, "FAILED {} {}", result.id, result.name)?;
            writeln!(f, "  --> {}:{}", result.file, result.line)?;
            let missing = |row: &&String| !result.actual.contains(row);
            let extra = |row: &&String| !result.expected.contains(row);
            for row in result.expected.iter().filter(missing) {
                writeln!(f, "  expected  {row}")?;
            }
            for row in result.actual.iter().filter(extra) {
                writeln!(f, "  actual    {row}")?;
            }
        }
        let (all, failed) = (self.results.len(), self.failed());
        write!(f, "{} of {all} cases hold", all - failed)?;
        if !self.unproven.is_empty() {
            write!(f, "; no case reaches {}", self.unproven.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::builtin::BUILTIN;
    use crate::rules::cases::read_cases;

    #[test]
    fn every_case_of_every_pack_holds_and_every_clause_is_proven() {
        for (id, files) in BUILTIN {
            let pack = crate::rules::compile(files).unwrap();
            let (cases, found) = read_cases(&pack, files);
            assert!(found.is_empty(), "{found:?}");
            let report = run_cases(&pack, &cases);
            assert!(report.failed() == 0 && !cases.is_empty(), "{id}:\n{report}");
            assert!(report.unproven.is_empty(), "{id}:\n{report}");
        }
    }

    #[test]
    fn a_case_that_does_not_hold_shows_both_sides() {
        let files = crate::rules::builtin_sources("vn");
        let pack = crate::rules::compile(files).unwrap();
        let cases = files.iter().find(|f| f.path.ends_with("social_pension/cases.toml")).unwrap();
        let text = cases.text.replacen("amount = \"500000\"", "amount = \"500001\"", 1);
        let edited = [crate::rules::Source { path: cases.path, text: &text }];
        let (cases, found) = read_cases(&pack, &edited);
        assert!(found.is_empty(), "{found:?}");
        let shown = run_cases(&pack, &cases[..1]).to_string();
        let expected = "\
FAILED SP-01 A person of seventy-six without a pension is paid the social pension
  --> programmes/vn/social_pension/cases.toml:4
  expected  pension 2025-08 regular allowance#0 500001 by sp.start.signed sp.monthly
  actual    pension 2025-08 regular allowance#0 500000 by sp.start.signed sp.monthly
0 of 1 cases hold; no case reaches ";
        assert!(shown.starts_with(expected), "{shown}");
    }
}
