//! Tables for the language: each operator, what is unknown, what fails, days that do not exist.

use super::*;
use crate::domain::period::parse_date;
use crate::rules::diagnostic::Source;
use crate::rules::pack::BenefitId;
use crate::rules::value::FactRow;

const PACK: &str = r#"
id = "t"
version = "1"
jurisdiction = "T"
currency = "VND"
covers_from = "2020-01"
title = { vi = "t", en = "t" }
incomplete_birth = { as = "first_day", citation = "c" }
programme = [{ id = "p", title = { vi = "t", en = "t" } }]
fund = [{ id = "f", title = { vi = "t", en = "t" } }]
component = [{ id = "c", title = { vi = "t", en = "t" } }]
benefit = [{ programme = "p", code = "b", kind = "monthly", fund = "f", title = { vi = "t", en = "t" } }]
fact = [
  { name = "yes", type = "bool", title = { vi = "t", en = "t" } },
  { name = "no", type = "bool", title = { vi = "t", en = "t" } },
  { name = "unknown", type = "bool", title = { vi = "t", en = "t" } },
  { name = "five", type = "int", title = { vi = "t", en = "t" } },
  { name = "some", type = "int", title = { vi = "t", en = "t" } },
  { name = "pay", type = "money", title = { vi = "t", en = "t" } },
  { name = "share", type = "decimal", title = { vi = "t", en = "t" } },
  { name = "day", type = "date", title = { vi = "t", en = "t" } },
  { name = "leap", type = "date", title = { vi = "t", en = "t" } },
  { name = "month_fact", type = "period", title = { vi = "t", en = "t" } },
  { name = "place", type = "text", title = { vi = "t", en = "t" } },
  { name = "level", type = "enum", title = { vi = "t", en = "t" }, values = [
    { id = "low", title = { vi = "t", en = "t" } }, { id = "high", title = { vi = "t", en = "t" } } ] },
]
"#;

const RATES: &str = r#"
rate = [{ name = "base", type = "money", title = { vi = "t", en = "t" }, values = [
  { applied_from = "2024-01", known_from = "2024-01-01", value = "100", citation = "c" },
  { applied_from = "2026-07", known_from = "2026-10-05", value = "110", citation = "c" },
  { applied_from = "2026-07", known_from = "2026-11-01", value = "120", citation = "c" },
] }]
table = [{ name = "levels", file = "tables/levels.csv", keys = ["level", "percent:int"], type = "money", title = { vi = "t", en = "t" } }]
"#;

const LEVELS: &str = "level,percent,applied_from,known_from,value,citation,certainty
low,21,2020-01,2020-01-01,1000,c,A
high,21,2020-01,2020-01-01,2000,c,A
high,21,2026-07,2026-10-05,2500,c,A
";

#[derive(Debug, PartialEq)]
enum Answer {
    True,
    False,
    /// Not known, for want of these.
    Missing(&'static [&'static str]),
    Fails(Failure),
}

use Answer::{Fails, False, Missing, True};

fn pack(expression: &str) -> Pack {
    let clauses = format!(
        r#"
[[clause]]
id = "s"
kind = "start"
benefits = ["b"]
then = "month(decision_date)"
citation = "c"
reason = {{ vi = "t", en = "t" }}

[[clause]]
id = "a"
kind = "amount"
benefits = ["b"]
when = """{expression}"""
then = "1 VND"
component = "c"
rounding = "exact"
citation = "c"
reason = {{ vi = "t", en = "t" }}
"#
    );
    let sources = [
        Source { path: "pack.toml", text: PACK },
        Source { path: "p/rates.toml", text: RATES },
        Source { path: "p/tables/levels.csv", text: LEVELS },
        Source { path: "p/clauses.toml", text: &clauses },
    ];
    crate::rules::compile(&sources).unwrap_or_else(|found| {
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        panic!("{expression}\n{}", shown.join("\n"))
    })
}

fn facts(pack: &Pack) -> FactRow {
    let mut row = pack.fact_row();
    for (name, text) in [
        ("yes", "có"),
        ("no", "0"),
        ("five", "5"),
        ("pay", "500000"),
        ("share", "0.25"),
        ("day", "2026-03-31"),
        ("leap", "2024-02-29"),
        ("month_fact", "2026-02"),
        ("place", "Ba Vì"),
        ("level", "high"),
    ] {
        let index = pack.fact_index(name).unwrap();
        row.set(index, pack.parse_fact(index, text).unwrap());
    }
    row
}

/// Asks one condition for September 2026, as known on a day, with and without a tracer.
fn ask_known_at(expression: &str, known_at: &str) -> (Month, Vec<String>) {
    let pack = pack(expression);
    let facts = facts(&pack);
    let enrolments = [EnrolmentCase {
        key: 0,
        benefit: BenefitId(0),
        decision_date: Some(parse_date("2026-01-10").unwrap()),
        entitled_from: None,
        entitled_to: None,
        paid_through: None,
        facts: &facts,
        history: &[],
        before: &[],
        absent: &[],
        absent_is_owed: false,
        is_ended: false,
    }];
    let person = PersonCase {
        date_of_birth: Some((parse_date("2000-02-29").unwrap(), DobPrecision::Day)),
        sex: Some(Sex::Female),
        date_of_death: None,
        enrolments: &enrolments,
        unasked: &[],
    };
    let period = "2026-09".parse().unwrap();
    let book = LawBook::new(&pack, parse_date(known_at).unwrap(), period);
    let Standing::Within(window) = window(&book, &person, &enrolments[0], &mut Untraced) else {
        panic!("the window is plain")
    };
    let mut trace = Trace::default();
    let traced = month(&book, &person, &enrolments[0], &window, period, &mut trace);
    let fast = month(&book, &person, &enrolments[0], &window, period, &mut Untraced);
    assert_eq!(traced, fast, "{expression}");
    let mut missing = trace.missing_inputs(&pack);
    missing.sort();
    let names = missing.iter().map(|input| pack.input_name(*input)).collect();
    (fast, names)
}

#[track_caller]
fn check(table: &[(&str, Answer)]) {
    for (expression, expected) in table {
        let (month, missing) = ask_known_at(expression, "2026-09-01");
        match (month, expected) {
            (Month::Entitled(_), True) | (Month::Nil(_), False) => {}
            (Month::Held(Held::FactMissing(..)), Missing(names)) => {
                assert_eq!(&missing, names, "{expression}");
            }
            (Month::Held(Held::RulesConflict(failure, _)), Fails(expected)) => {
                assert_eq!(failure, *expected, "{expression}");
            }
            (month, expected) => panic!("{expression}: {month:?}, not {expected:?}"),
        }
    }
}

#[test]
fn each_operator_does_what_it_says() {
    check(&[
        ("five = 5", True),
        ("five != 5", False),
        ("five < 5", False),
        ("five <= 5", True),
        ("five > 4", True),
        ("five >= 6", False),
        ("five between 5 and 6", True),
        ("five between 6 and 9", False),
        ("five in (1, 5, 9)", True),
        ("five in (1, 9)", False),
        ("not yes", False),
        ("yes and not no", True),
        ("no or yes", True),
        ("no or no", False),
        ("five + 2 * 3 = 11", True),
        ("(five + 2) * 3 = 21", True),
        ("-five + 6 = 1", True),
        ("five - 6 = -1", True),
        ("share * 4 = 1", True),
        ("share + share = 0.5", True),
        ("0.1 + 0.2 = 0.3", True),
        ("pay * 1.5 = 750000 VND", True),
        ("five * pay = 2500000 VND", True),
        ("pay - 1 VND < pay", True),
        ("-pay < 0 VND", True),
        ("level = 'high'", True),
        ("level in ('low')", False),
        ("place = 'Ba Vì'", True),
        ("place != 'Sóc Sơn'", True),
        ("sex = 'female'", True),
        ("(if yes then 1 else 2) = 1", True),
        ("(if no then 1 else 2.5) = 2.5", True),
        ("min(3, five, 4) = 3", True),
        ("max(1.5, five) = 5", True),
        ("max(day, leap) = 2026-03-31", True),
        ("min(period, 2020-05) = 2020-05", True),
        ("period = 2026-09", True),
        ("period + 4 = 2027-01", True),
        ("month_fact - 2 = 2025-12", True),
        ("months_between(month_fact, period) = 7", True),
        ("month(day) = 2026-03", True),
        ("first_day(month_fact) = 2026-02-01", True),
        ("last_day(month_fact) = 2026-02-28", True),
        ("add_days(last_day(month_fact), 1) = 2026-03-01", True),
        ("known(day) and not known(date_of_death)", True),
        ("lookup(levels, level, 21) = 2000 VND", True),
        ("lookup(levels, 'low', 16 + five) = 1000 VND", True),
        ("base = 100 VND", True),
    ]);
}

#[test]
fn what_is_unknown_stays_unknown_unless_it_cannot_matter() {
    check(&[
        ("unknown", Missing(&["fact.unknown"])),
        ("not unknown", Missing(&["fact.unknown"])),
        ("unknown and yes", Missing(&["fact.unknown"])),
        ("unknown and no", False),
        ("no and unknown", False),
        ("unknown or yes", True),
        ("yes or unknown", True),
        ("unknown or no", Missing(&["fact.unknown"])),
        ("some = 3", Missing(&["fact.some"])),
        ("some = some", Missing(&["fact.some"])),
        ("some * 0 = 0", Missing(&["fact.some"])),
        ("some + five > 0 or unknown", Missing(&["fact.unknown", "fact.some"])),
        ("some in (1, 2)", Missing(&["fact.some"])),
        ("five in (some, 5)", True),
        ("five in (some, 6)", Missing(&["fact.some"])),
        ("five between some and 4", False),
        ("five between some and 5", Missing(&["fact.some"])),
        ("min(some, 1) = 1", Missing(&["fact.some"])),
        ("(if unknown then 1 else 1) = 1", True),
        ("(if unknown then 1 else 2) = 1", Missing(&["fact.unknown"])),
        ("(if yes then 1 else some) = 1", True),
        ("known(some)", False),
        ("known(some + 1)", False),
        ("known(five)", True),
        ("known(some) and some > 3", False),
        ("age(date_of_death, day, back) > 3", Missing(&["date_of_death"])),
        ("lookup(levels, level, some) > 0 VND", Missing(&["fact.some"])),
        ("month(date_of_death) + 1 = period", Missing(&["date_of_death"])),
    ]);
}

#[test]
fn what_cannot_be_worked_out_fails_instead_of_guessing() {
    check(&[
        ("9223372036854775807 + five > 0", Fails(Failure::NumberMustFit)),
        ("9223372036854775807 * five > 0", Fails(Failure::NumberMustFit)),
        (
            "999999999999999999999999999.0 * 999999999999999999999999999.0 > 0.0",
            Fails(Failure::NumberMustFit),
        ),
        ("period + 999999999 > period", Fails(Failure::DateMustFit)),
        ("period - 9223372036854775807 < period", Fails(Failure::DateMustFit)),
        ("add_months(day, 9223372036854775807, back) > day", Fails(Failure::DateMustFit)),
        ("add_years(day, 9223372036854775807, back) > day", Fails(Failure::DateMustFit)),
        ("add_days(day, 9223372036854775807) > day", Fails(Failure::DateMustFit)),
        ("age(day, leap, back) > 0", Fails(Failure::BirthMustComeFirst)),
        ("lookup(levels, level, 22) > 0 VND", Fails(Failure::TableMustHaveTheRow)),
    ]);
}

#[test]
fn days_that_do_not_exist_are_read_by_the_rounding_that_is_named() {
    check(&[
        ("add_years(leap, 1, back) = 2025-02-28", True),
        ("add_years(leap, 1, forward) = 2025-03-01", True),
        ("add_years(leap, 4, back) = 2028-02-29", True),
        ("add_months(day, 1, back) = 2026-04-30", True),
        ("add_months(day, 1, forward) = 2026-05-01", True),
        ("add_months(day, 0 - 1, back) = 2026-02-28", True),
        ("age(leap, 2025-02-27, back) = 0", True),
        ("age(leap, 2025-02-28, back) = 1", True),
        ("age(leap, 2025-02-28, forward) = 0", True),
        ("age(leap, 2025-03-01, forward) = 1", True),
        ("age(leap, 2028-02-28, back) = 3", True),
        ("age(leap, 2028-02-29, back) = 4", True),
        ("age(leap, 2028-02-29, forward) = 4", True),
        ("age(date_of_birth, 2018-02-27, back) = 17", True),
        ("age(date_of_birth, 2018-02-28, back) = 18", True),
        ("age(leap, leap, back) = 0", True),
    ]);
}

#[test]
fn a_value_is_used_only_from_the_day_it_was_law() {
    for (known_at, base, level) in [
        ("2026-10-04", "100", "2000"),
        ("2026-10-05", "110", "2500"),
        ("2026-10-31", "110", "2500"),
        ("2026-11-01", "120", "2500"),
    ] {
        let expression = format!("base = {base} VND and lookup(levels, level, 21) = {level} VND");
        let (month, _) = ask_known_at(&expression, known_at);
        assert!(matches!(month, Month::Entitled(_)), "{known_at}: {expression}");
    }
    let (month, _) = ask_known_at("base = 100 VND", "2023-12-31");
    assert!(
        matches!(month, Month::Held(Held::RulesConflict(Failure::RateMustHaveAValue, _))),
        "{month:?}"
    );
}
