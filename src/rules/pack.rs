//! A programme pack after compilation: everything the law says, resolved to indices.
//!
//! Reads nothing; `compile` builds it. Gives: benefits, facts, rates, clauses and combination
//! rules, and the reading of facts from roster cells. Indices belong to one pack version; what is
//! stored must be the texts (`Benefit::code`, `Clause::id`).

use std::collections::HashMap;

use crate::domain::money::{Currency, Money, MoneyError, Rounding};
use crate::domain::period::{DateError, Period, PeriodError, parse_date};
use crate::rules::exact::Exact;
use crate::rules::expression::{Compiled, Program};
use crate::rules::rate::{Bilingual, Rate, Table};
use crate::rules::value::{FactRow, FactValue, Input, Type};
use crate::rules::written::IncompleteBirth;
pub use crate::rules::written::{BenefitKind, ClauseKind, CombinationKind, DecisionNumber};

macro_rules! index {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub u16);

        impl $name {
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    )*};
}

index! {
    /// A benefit of the pack, in the order of `pack.toml`.
    BenefitId
    /// A part of a benefit that is accounted for by itself.
    ComponentId
    /// Who bears the cost.
    FundId
    /// A clause or a combination rule.
    ClauseId
}

/// The law of one jurisdiction, ready to be asked.
#[derive(Clone, Debug)]
pub struct Pack {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) jurisdiction: String,
    pub(crate) currency: Currency,
    pub(crate) title: Bilingual,
    pub(crate) covers_from: Period,
    pub(crate) incomplete_birth: IncompleteBirth,
    pub(crate) incomplete_birth_citation: String,
    pub(crate) programmes: Vec<Programme>,
    pub(crate) facts: Vec<FactColumn>,
    pub(crate) fact_by_name: HashMap<String, usize>,
    pub(crate) funds: Vec<Named>,
    pub(crate) components: Vec<Named>,
    pub(crate) benefits: Vec<Benefit>,
    pub(crate) rates: Vec<Rate>,
    pub(crate) tables: Vec<Table>,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) combinations: Vec<Combination>,
    pub(crate) program: Program,
    pub(crate) enumerations: Vec<Vec<String>>,
}

/// A programme: its id, what people call it, and whether its rows must name the decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Programme {
    pub id: String,
    pub title: Bilingual,
    pub decision_number: DecisionNumber,
    pub decision_citation: String,
    pub decision_certainty: String,
}

/// A fund or component: its id and what people call it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    pub id: String,
    pub title: Bilingual,
}

/// A roster column `fact.<name>` that the pack declares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactColumn {
    pub name: String,
    pub kind: Type,
    pub title: Bilingual,
    /// The values of an Enum, in the order of their indices.
    pub values: Vec<FactChoice>,
    pub sensitive: bool,
}

/// One value of an Enum fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactChoice {
    pub id: String,
    pub title: Bilingual,
    pub also: Vec<String>,
}

/// One kind of payment of a programme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Benefit {
    pub programme: String,
    pub code: String,
    pub kind: BenefitKind,
    pub fund: FundId,
    pub tags: Vec<String>,
    pub title: Bilingual,
    pub(crate) starts: Vec<ClauseId>,
    pub(crate) stops: Vec<ClauseId>,
    pub(crate) bars: Vec<ClauseId>,
    pub(crate) amounts: Vec<ClauseId>,
}

/// A named expression with its citation.
#[derive(Clone, PartialEq, Debug)]
pub struct Definition {
    pub name: String,
    pub title: Bilingual,
    pub citation: String,
    pub certainty: String,
    pub(crate) value: Compiled,
}

/// One sentence of the law as a rule: what it cites, when it holds, what follows.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause {
    pub id: String,
    pub role: ClauseRole,
    pub interval: Interval,
    pub citation: String,
    /// A: the text was seen. B: a secondary source or an interpretation. C: derived.
    pub certainty: String,
    pub reason: Bilingual,
    pub note: String,
    pub(crate) when: Option<Compiled>,
    pub(crate) then: Option<Compiled>,
    pub component: ComponentId,
    pub fund: Option<FundId>,
    pub rounding: Rounding,
}

/// What a clause is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ClauseRole {
    Decides(ClauseKind),
    Combines(CombinationKind),
    /// Stands for "no clause of the pack applies".
    NothingApplies,
}

/// When a clause holds, and when that was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interval {
    pub from: Option<Period>,
    pub to: Option<Period>,
    pub known_from: Option<jiff::civil::Date>,
    pub to_known_from: Option<jiff::civil::Date>,
}

/// A rule across the enrolments of one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Combination {
    pub clause: ClauseId,
    pub kind: CombinationKind,
    /// One list for `HighestOnly` and `OnceEach`, two for the others; by benefit index.
    pub(crate) sides: Vec<Vec<bool>>,
    pub(crate) may_add: Vec<(Vec<bool>, Vec<bool>)>,
}

/// The clause that explains a month for which no clause of the pack gives anything.
pub const NOTHING_APPLIES: ClauseId = ClauseId(0);

/// Whether a list by benefit index has a benefit.
pub(crate) fn is_listed(listed: &[bool], benefit: BenefitId) -> bool {
    listed.get(benefit.index()).copied().unwrap_or(false)
}

impl Pack {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn jurisdiction(&self) -> &str {
        &self.jurisdiction
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    pub fn title(&self) -> &Bilingual {
        &self.title
    }

    /// The first month whose law the pack has.
    pub fn covers_from(&self) -> Period {
        self.covers_from
    }

    pub fn programmes(&self) -> &[Programme] {
        &self.programmes
    }

    /// Whether a row of this programme is held when it names no decision.
    pub fn needs_decision_number(&self, programme: &str) -> bool {
        let known = self.programmes.iter().find(|known| known.id == programme);
        known.is_none_or(|known| known.decision_number == DecisionNumber::Required)
    }

    pub fn benefits(&self) -> &[Benefit] {
        &self.benefits
    }

    pub fn components(&self) -> &[Named] {
        &self.components
    }

    pub fn funds(&self) -> &[Named] {
        &self.funds
    }

    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// The columns `fact.<name>`; the position is the index of the fact.
    pub fn fact_columns(&self) -> &[FactColumn] {
        &self.facts
    }

    pub fn fact_index(&self, name: &str) -> Option<usize> {
        self.fact_by_name.get(name).copied()
    }

    /// A row in which nothing is known yet.
    pub fn fact_row(&self) -> FactRow {
        FactRow::unknown(self.facts.len())
    }

    /// The benefit that a roster row names by its columns `programme` and `benefit`.
    pub fn benefit(&self, programme: &str, code: &str) -> Option<BenefitId> {
        let found =
            self.benefits.iter().position(|b| b.programme == programme && b.code == code)?;
        Some(BenefitId(found as u16))
    }

    /// Whether a benefit is paid once, on an event such as a death.
    pub fn is_one_off(&self, programme: &str, code: &str) -> bool {
        let found = self.benefits.iter().find(|b| b.programme == programme && b.code == code);
        found.is_some_and(|benefit| benefit.kind == BenefitKind::OneOff)
    }

    pub fn component(&self, id: &str) -> Option<ComponentId> {
        let found = self.components.iter().position(|component| component.id == id)?;
        Some(ComponentId(found as u16))
    }

    pub fn clause_by_id(&self, id: &str) -> Option<ClauseId> {
        let found = self.clauses.iter().position(|clause| clause.id == id)?;
        Some(ClauseId(found as u16))
    }

    /// Reads one cell of the column at `index`. An empty cell is `Unknown`, never a default.
    pub fn parse_fact(&self, index: usize, text: &str) -> Result<FactValue, FactRefused> {
        let column = self.facts.get(index).ok_or(FactRefused::FactMustBeDeclared(index))?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(FactValue::Unknown);
        }
        let shown = || text.chars().take(24).collect::<String>();
        match column.kind {
            Type::Bool => match text.to_lowercase().as_str() {
                "true" | "yes" | "y" | "1" | "có" => Ok(FactValue::Bool(true)),
                "false" | "no" | "n" | "0" | "không" => Ok(FactValue::Bool(false)),
                _ => Err(FactRefused::BoolMustBeYesOrNo(shown())),
            },
            Type::Int => match text.bytes().all(|byte| byte.is_ascii_digit()) {
                true => text.parse().map(FactValue::Int).ok(),
                false => None,
            }
            .ok_or_else(|| FactRefused::IntMustBeDigits(shown())),
            Type::Decimal => Ok(FactValue::Decimal(Exact::parse(text)?)),
            Type::Money => Ok(FactValue::Money(money(text, self.currency)?.minor())),
            Type::Date => Ok(FactValue::Date(parse_date(text)?)),
            Type::Period => Ok(FactValue::Period(text.parse()?)),
            Type::Text => Ok(FactValue::Text(text.chars().take(TEXT_MAX).collect())),
            Type::Enum(_) => {
                let is = |choice: &FactChoice| {
                    choice.id == text
                        || choice.title.vi == text
                        || choice.also.iter().any(|also| also == text)
                };
                match column.values.iter().position(is) {
                    Some(at) => Ok(FactValue::Enum(at as u16)),
                    None => Err(FactRefused::ValueMustBeDeclared {
                        given: shown(),
                        allowed: column
                            .values
                            .iter()
                            .map(|choice| choice.id.as_str())
                            .collect::<Vec<_>>()
                            .join(", "),
                    }),
                }
            }
        }
    }

    /// The name of an input as a roster has it: `date_of_birth`, `fact.disability_level`.
    pub fn input_name(&self, input: Input) -> String {
        match input {
            Input::Fact(at) => match self.facts.get(usize::from(at)) {
                Some(column) => format!("fact.{}", column.name),
                None => format!("fact.{at}"),
            },
            built_in => Input::BUILT_IN
                .iter()
                .find(|(_, input)| *input == built_in)
                .map_or_else(String::new, |(name, _)| (*name).to_owned()),
        }
    }

    /// Whether a rule of some month makes one of two benefits give way to the other.
    pub fn exclude_each_other(&self, one: BenefitId, other: BenefitId) -> bool {
        let pairs = [(one, other), (other, one)];
        self.combinations.iter().any(|rule| {
            let on = |side: usize, benefit: BenefitId| {
                rule.sides.get(side).is_some_and(|listed| is_listed(listed, benefit))
            };
            match rule.kind {
                CombinationKind::HighestOnly => {
                    let add = rule.may_add.iter().any(|(some, with)| {
                        pairs.iter().any(|(a, b)| is_listed(some, *a) && is_listed(with, *b))
                    });
                    on(0, one) && on(0, other) && !add
                }
                CombinationKind::OnceEach => one == other && on(0, one),
                CombinationKind::HigherSide | CombinationKind::Excludes => {
                    pairs.iter().any(|(a, b)| on(0, *a) && on(1, *b))
                }
            }
        })
    }

    pub fn benefit_at(&self, id: BenefitId) -> &Benefit {
        &self.benefits[id.index()]
    }

    pub fn clause_at(&self, id: ClauseId) -> &Clause {
        &self.clauses[id.index()]
    }

    pub fn component_at(&self, id: ComponentId) -> &Named {
        &self.components[id.index()]
    }

    pub fn fund_at(&self, id: FundId) -> &Named {
        &self.funds[id.index()]
    }

    /// The rates that a clause reads to make its amount, as indices into `rates()`.
    pub fn clause_rates(&self, id: ClauseId) -> impl Iterator<Item = usize> + '_ {
        self.clause_at(id)
            .then
            .iter()
            .flat_map(|then| then.reads.rates.iter().map(|at| usize::from(*at)))
    }
}

impl Interval {
    /// Whether the clause holds for a month, by what was known on a day.
    pub fn holds(&self, month: Period, known_at: jiff::civil::Date) -> bool {
        self.known(known_at)
            && self.from.is_none_or(|from| from <= month)
            && self.last(known_at).is_none_or(|to| month <= to)
    }

    pub fn known(&self, known_at: jiff::civil::Date) -> bool {
        self.known_from.is_none_or(|known_from| known_from <= known_at)
    }

    /// The last month, if it was already known on that day that there is one.
    fn last(&self, known_at: jiff::civil::Date) -> Option<Period> {
        match self.to_known_from {
            Some(known_from) if known_at < known_from => None,
            _ => self.to,
        }
    }
}

/// Reads an amount of a pack or a roster. Where the currency has no minor unit a point is refused:
/// `540.000` is how a Vietnamese sheet writes five hundred and forty thousand, and reading it as
/// 540 would be a thousandfold error.
pub(crate) fn money(text: &str, currency: Currency) -> Result<Money, MoneyError> {
    if currency.digits() == 0 && text.contains('.') {
        return Err(MoneyError::DecimalsMustFitTheCurrency(currency));
    }
    Money::parse(text, currency)
}

/// Why a cell of a `fact.` column cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FactRefused {
    #[error("the pack declares no fact with index {0}")]
    FactMustBeDeclared(usize),
    #[error("`{0}` is neither yes nor no (có/không, true/false, 1/0)")]
    BoolMustBeYesOrNo(String),
    #[error("`{0}` is not a whole number in plain digits")]
    IntMustBeDigits(String),
    #[error("`{given}` is none of {allowed}")]
    ValueMustBeDeclared { given: String, allowed: String },
    #[error(transparent)]
    AmountMustRead(#[from] MoneyError),
    #[error(transparent)]
    DateMustRead(#[from] DateError),
    #[error(transparent)]
    PeriodMustRead(#[from] PeriodError),
}

const TEXT_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> jiff::civil::Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn an_end_that_was_not_known_yet_does_not_end_a_clause() {
        let interval = Interval {
            from: Some("2021-07".parse().unwrap()),
            to: Some("2025-06".parse().unwrap()),
            known_from: Some(day("2021-07-01")),
            to_known_from: Some(day("2025-09-01")),
        };
        for (month, known_at, holds) in [
            ("2021-06", "2025-10-01", false),
            ("2021-07", "2021-06-30", false),
            ("2021-07", "2021-07-01", true),
            ("2025-06", "2025-10-01", true),
            ("2025-07", "2025-08-31", true),
            ("2025-07", "2025-09-01", false),
        ] {
            assert_eq!(interval.holds(month.parse().unwrap(), day(known_at)), holds, "{month}");
        }
    }

    #[test]
    fn fact_cells_are_read_by_their_type_or_refused() {
        let pack = crate::rules::compile(crate::rules::builtin_sources("vn")).unwrap();
        for (name, text, expected) in [
            ("disability_level", "severe", Ok(FactValue::Enum(0))),
            ("disability_level", " đặc biệt nặng ", Ok(FactValue::Enum(1))),
            ("disability_level", "", Ok(FactValue::Unknown)),
            ("disability_level", "mild", Err("none of severe, especially_severe")),
            ("studying", "CÓ", Ok(FactValue::Bool(true))),
            ("studying", "0", Ok(FactValue::Bool(false))),
            ("studying", "perhaps", Err("neither yes nor no")),
            ("raised_children", "3", Ok(FactValue::Int(3))),
            ("raised_children", "-3", Err("plain digits")),
            ("raised_children", "3.0", Err("plain digits")),
            ("raised_children", "99999999999999999999", Err("plain digits")),
            ("monthly_pension", "3500000", Ok(FactValue::Money(3_500_000))),
            // A thousandfold error in waiting: 3.500.000 and 540.000 are not decimals.
            ("monthly_pension", "3.500.000", Err("decimals")),
            ("monthly_pension", "540.000", Err("decimals")),
            ("monthly_pension", "3,500,000", Err("plain digits")),
            ("monthly_pension", "1e6", Err("plain digits")),
            ("study_ends", "2026-05-31", Ok(FactValue::Date(day("2026-05-31")))),
            ("study_ends", "31/05/2026", Err("not a day")),
        ] {
            let index = pack.fact_index(name).unwrap();
            match (pack.parse_fact(index, text), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{name} {text}"),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{name} {text}: {error}");
                }
                (actual, expected) => panic!("{name} {text}: {actual:?}, not {expected:?}"),
            }
        }
        assert!(pack.parse_fact(9_999, "1").is_err());
    }
}
