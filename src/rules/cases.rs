//! The cases that prove a pack: a person, what has been determined, and exactly what must come out.
//!
//! Reads: `cases.toml` files of a pack. Gives: cases with every name resolved, or diagnostics. They
//! are run by `pipeline::prove`.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::domain::period::{Period, parse_date};
use crate::rules::diagnostic::{Code, Diagnostic, Source};
use crate::rules::pack::{BenefitId, ClauseId, ComponentId, Pack};
use crate::rules::question::{Determined, DobPrecision, Sex};
use crate::rules::value::FactRow;
use crate::rules::written::Text;

/// One sentence about the law and the figures that make it true.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    pub id: String,
    /// A sentence.
    pub name: String,
    pub certainty: String,
    pub file: String,
    pub line: u32,
    pub period: Period,
    pub months: u8,
    pub history_from: Period,
    pub known_at: Date,
    pub date_of_birth: Option<(Date, DobPrecision)>,
    pub sex: Option<Sex>,
    pub date_of_death: Option<Date>,
    pub enrolments: Vec<CaseEnrolment>,
    pub lines: Vec<ExpectedLine>,
    /// Unpaid money of earlier lists, as the engine would add it: no new entitlement.
    pub carried: Vec<Carried>,
    /// Lines and carried money together, in minor units.
    pub total_minor: i128,
    /// Lines alone.
    pub new_entitlement_minor: i128,
}

#[derive(Clone, PartialEq, Debug)]
pub struct CaseEnrolment {
    pub name: String,
    pub benefit: BenefitId,
    pub decision_date: Option<Date>,
    pub entitled_from: Option<Date>,
    pub entitled_to: Option<Date>,
    pub paid_through: Option<Period>,
    pub facts: FactRow,
    pub history: Vec<Determined>,
    pub outcome: ExpectedOutcome,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExpectedOutcome {
    Entitled,
    Nil(ClauseId),
    /// The names of the inputs that are missing.
    Held(Vec<String>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedLine {
    pub enrolment: usize,
    /// `regular`, `arrears`, `one_off` or `recovery`.
    pub kind: String,
    pub period: Period,
    pub component: ComponentId,
    pub revision: u16,
    pub amount_minor: i64,
    /// The clause of the start and that of the amount.
    pub clauses: Vec<ClauseId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    pub enrolment: usize,
    pub period: Period,
    pub amount_minor: i64,
}

/// Reads the cases in all `cases.toml` of the sources. A broken case does not stop the others.
pub fn read_cases(pack: &Pack, sources: &[Source<'_>]) -> (Vec<Case>, Vec<Diagnostic>) {
    let mut cases: Vec<Case> = Vec::new();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with("/cases.toml")) {
        let file: CasesFile = match toml::from_str(source.text) {
            Ok(file) => file,
            Err(error) => {
                let place = error.span().unwrap_or(0..0);
                let message: String = error.message().chars().take(300).collect();
                found.push(Diagnostic::at(Code::FileMustBeToml, *source, place, message));
                continue;
            }
        };
        for written in &file.case {
            let mut reader = Reader { pack, source: *source, found: &mut found };
            if cases.iter().any(|case| case.id == *written.id.get_ref()) {
                reader.fault::<()>(&written.id, Code::IdMustBeUnique, "this case stands twice");
            }
            cases.extend(reader.case(written));
        }
    }
    (cases, found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    #[serde(default)]
    case: Vec<CaseFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    id: Text,
    name: String,
    #[serde(default)]
    certainty: String,
    #[serde(default)]
    #[allow(dead_code, reason = "a note is for whoever reads the file")]
    note: String,
    period: Text,
    #[serde(default = "one")]
    months: u8,
    history_from: Option<Text>,
    law_known_at: Text,
    date_of_birth: Option<Text>,
    #[serde(default)]
    birth_known_to: BirthKnownTo,
    sex: Option<SexFile>,
    date_of_death: Option<Text>,
    enrolment: Vec<EnrolmentFile>,
    #[serde(default)]
    line: Vec<LineFile>,
    #[serde(default)]
    carried: Vec<CarriedFile>,
    total: Text,
    new_entitlement: Option<Text>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum BirthKnownTo {
    #[default]
    Day,
    Month,
    Year,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SexFile {
    Female,
    Male,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolmentFile {
    name: Text,
    benefit: Text,
    decision_date: Option<Text>,
    entitled_from: Option<Text>,
    entitled_to: Option<Text>,
    paid_through: Option<Text>,
    #[serde(default)]
    facts: BTreeMap<String, Text>,
    #[serde(default)]
    history: Vec<HistoryFile>,
    /// The clause, when nothing is owed.
    nil_because: Option<Text>,
    /// The inputs, when it is held.
    held_for: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryFile {
    period: Text,
    /// Up to and with this month, when the same amount was determined for several.
    through: Option<Text>,
    component: Text,
    #[serde(default)]
    revision: u16,
    amount: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    enrolment: Text,
    kind: String,
    period: Text,
    through: Option<Text>,
    component: Text,
    #[serde(default)]
    revision: u16,
    /// With a sign for a recovery.
    amount: Text,
    clauses: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CarriedFile {
    enrolment: Text,
    period: Text,
    amount: Text,
}

fn one() -> u8 {
    1
}

struct Reader<'a> {
    pack: &'a Pack,
    source: Source<'a>,
    found: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The case, when everything in it could be read.
    fn case(&mut self, written: &CaseFile) -> Option<Case> {
        let before = self.found.len();
        let period = self.period(&written.period);
        let enrolments: Vec<Option<CaseEnrolment>> =
            written.enrolment.iter().map(|enrolment| self.enrolment(enrolment)).collect();
        let lines: Vec<ExpectedLine> =
            written.line.iter().flat_map(|line| self.line(written, line)).collect();
        let carried: Vec<Option<Carried>> = written
            .carried
            .iter()
            .map(|carried| {
                Some(Carried {
                    enrolment: self.enrolment_index(written, &carried.enrolment)?,
                    period: self.period(&carried.period)?,
                    amount_minor: self.amount(&carried.amount)?,
                })
            })
            .collect();
        let history_from = match &written.history_from {
            Some(text) => self.period(text),
            None => period,
        };
        let precision = match written.birth_known_to {
            BirthKnownTo::Day => DobPrecision::Day,
            BirthKnownTo::Month => DobPrecision::Month,
            BirthKnownTo::Year => DobPrecision::Year,
        };
        let known_at = self.date(&written.law_known_at);
        let date_of_birth = self.optional_date(&written.date_of_birth);
        let date_of_death = self.optional_date(&written.date_of_death);
        let total = self.amount(&written.total);
        let new_entitlement = match &written.new_entitlement {
            Some(text) => self.amount(text),
            None => total,
        };
        if self.found.len() > before {
            return None;
        }
        let place = Diagnostic::at(Code::IdMustBeUnique, self.source, written.id.span(), "");
        Some(Case {
            id: written.id.get_ref().clone(),
            name: written.name.clone(),
            certainty: written.certainty.clone(),
            file: self.source.path.to_owned(),
            line: place.line,
            period: period?,
            months: written.months,
            history_from: history_from?,
            known_at: known_at?,
            date_of_birth: date_of_birth.map(|date| (date, precision)),
            sex: written.sex.map(|sex| match sex {
                SexFile::Female => Sex::Female,
                SexFile::Male => Sex::Male,
            }),
            date_of_death,
            enrolments: enrolments.into_iter().collect::<Option<_>>()?,
            lines,
            carried: carried.into_iter().collect::<Option<_>>()?,
            total_minor: i128::from(total?),
            new_entitlement_minor: i128::from(new_entitlement?),
        })
    }

    fn enrolment(&mut self, written: &EnrolmentFile) -> Option<CaseEnrolment> {
        let named = written.benefit.get_ref().split_once('/');
        let Some(benefit) = named.and_then(|(programme, code)| self.pack.benefit(programme, code))
        else {
            let message = "a benefit is written programme/code, as the pack declares it";
            return self.fault(&written.benefit, Code::ReferenceMustExist, message);
        };
        let mut facts = self.pack.fact_row();
        for (name, text) in &written.facts {
            let Some(index) = self.pack.fact_index(name) else {
                let message = format!("the pack declares no fact `{name}`");
                self.fault::<()>(text, Code::ReferenceMustExist, message);
                continue;
            };
            match self.pack.parse_fact(index, text.get_ref()) {
                Ok(value) => facts.set(index, value),
                Err(error) => {
                    self.fault::<()>(text, Code::LiteralMustRead, error.to_string());
                }
            }
        }
        let mut history = Vec::new();
        for entry in &written.history {
            let component = self.component(&entry.component)?;
            let amount_minor = self.amount(&entry.amount)?;
            for period in self.months(&entry.period, entry.through.as_ref()) {
                history.push(Determined {
                    period,
                    component,
                    revision: entry.revision,
                    amount_minor,
                });
            }
        }
        let outcome = match (&written.nil_because, &written.held_for) {
            (Some(text), None) => ExpectedOutcome::Nil(self.clause(text)?),
            (None, Some(missing)) => ExpectedOutcome::Held(missing.clone()),
            (None, None) => ExpectedOutcome::Entitled,
            (Some(text), Some(_)) => {
                let message = "an enrolment is nil or held, not both";
                return self.fault(text, Code::FieldNotAllowed, message);
            }
        };
        Some(CaseEnrolment {
            name: written.name.get_ref().clone(),
            benefit,
            decision_date: self.optional_date(&written.decision_date),
            entitled_from: self.optional_date(&written.entitled_from),
            entitled_to: self.optional_date(&written.entitled_to),
            paid_through: written.paid_through.as_ref().and_then(|text| self.period(text)),
            facts,
            history,
            outcome,
        })
    }

    fn line(&mut self, case: &CaseFile, written: &LineFile) -> Vec<ExpectedLine> {
        let enrolment = self.enrolment_index(case, &written.enrolment);
        let component = self.component(&written.component);
        let amount = self.amount(&written.amount);
        let clauses: Option<Vec<ClauseId>> =
            written.clauses.iter().map(|clause| self.clause(clause)).collect();
        let months = self.months(&written.period, written.through.as_ref());
        let (Some(enrolment), Some(component), Some(amount_minor), Some(clauses)) =
            (enrolment, component, amount, clauses)
        else {
            return Vec::new();
        };
        let expected = |period| ExpectedLine {
            enrolment,
            kind: written.kind.clone(),
            period,
            component,
            revision: written.revision,
            amount_minor,
            clauses: clauses.clone(),
        };
        months.into_iter().map(expected).collect()
    }

    fn months(&mut self, first: &Text, through: Option<&Text>) -> Vec<Period> {
        let Some(from) = self.period(first) else { return Vec::new() };
        let Some(text) = through else { return vec![from] };
        let Some(last) = self.period(text) else { return Vec::new() };
        let count = last.months_since(from);
        if !(0..1_200).contains(&count) {
            let message = format!("{last} does not follow {from}");
            self.fault::<()>(text, Code::IntervalMustRunForward, message);
            return Vec::new();
        }
        (0..=count).map(|offset| from.plus(offset)).collect()
    }

    fn enrolment_index(&mut self, case: &CaseFile, name: &Text) -> Option<usize> {
        let found = case.enrolment.iter().position(|e| e.name.get_ref() == name.get_ref());
        if found.is_none() {
            let message = format!("the case has no enrolment `{}`", name.get_ref());
            return self.fault(name, Code::ReferenceMustExist, message);
        }
        found
    }

    fn component(&mut self, text: &Text) -> Option<ComponentId> {
        let found = self.pack.component(text.get_ref());
        if found.is_none() {
            let message = format!("the pack declares no component `{}`", text.get_ref());
            return self.fault(text, Code::ReferenceMustExist, message);
        }
        found
    }

    fn clause(&mut self, text: &Text) -> Option<ClauseId> {
        let found = self.pack.clause_by_id(text.get_ref());
        if found.is_none() {
            let message = format!("the pack has no clause `{}`", text.get_ref());
            return self.fault(text, Code::ReferenceMustExist, message);
        }
        found
    }

    fn amount(&mut self, text: &Text) -> Option<i64> {
        let written = text.get_ref();
        let (sign, digits) = match written.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, written.as_str()),
        };
        match crate::rules::pack::money(digits, self.pack.currency()) {
            Ok(money) => Some(sign * money.minor()),
            Err(error) => self.fault(text, Code::LiteralMustRead, error.to_string()),
        }
    }

    fn period(&mut self, text: &Text) -> Option<Period> {
        match text.get_ref().parse::<Period>() {
            Ok(period) => Some(period),
            Err(error) => self.fault(text, Code::LiteralMustRead, error.to_string()),
        }
    }

    fn date(&mut self, text: &Text) -> Option<Date> {
        match parse_date(text.get_ref()) {
            Ok(date) => Some(date),
            Err(error) => self.fault(text, Code::LiteralMustRead, error.to_string()),
        }
    }

    fn optional_date(&mut self, text: &Option<Text>) -> Option<Date> {
        text.as_ref().and_then(|text| self.date(text))
    }

    fn fault<T>(
        &mut self,
        text: &Spanned<String>,
        code: Code,
        message: impl Into<String>,
    ) -> Option<T> {
        self.found.push(Diagnostic::at(code, self.source, text.span(), message));
        None
    }
}
