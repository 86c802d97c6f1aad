//! What must hold for any person: fast and traced agree, row order never matters, what was
//! determined is not determined again, and every birthday changes the level on its day.

use std::collections::BTreeSet;

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;
use crate::domain::period::parse_date;
use crate::rules::evaluate::{Trace, Untraced};
use crate::rules::pack::Pack;
use crate::rules::question::{Absence, DobPrecision, ListedBefore, Next, Sex};
use crate::rules::value::FactRow;

fn vn() -> &'static Pack {
    static PACK: std::sync::OnceLock<Pack> = std::sync::OnceLock::new();
    PACK.get_or_init(|| crate::rules::compile(crate::rules::builtin_sources("vn")).unwrap())
}

fn date(text: &str) -> Date {
    parse_date(text).unwrap()
}

fn period(text: &str) -> Period {
    text.parse().unwrap()
}

/// A row that owns what an `EnrolmentCase` borrows.
#[derive(Clone, Debug)]
struct Row {
    key: u64,
    benefit: BenefitId,
    decision_date: Option<Date>,
    entitled_from: Option<Date>,
    entitled_to: Option<Date>,
    paid_through: Option<Period>,
    facts: FactRow,
    history: Vec<Determined>,
    before: Vec<ListedBefore>,
    absent: Vec<Absence>,
}

impl Row {
    fn new(programme: &str, code: &str, decided: &str, facts: &[(&str, &str)]) -> Row {
        let pack = vn();
        let mut row = pack.fact_row();
        for (name, text) in facts {
            let index = pack.fact_index(name).unwrap();
            row.set(index, pack.parse_fact(index, text).unwrap());
        }
        Row {
            key: 0,
            benefit: pack.benefit(programme, code).unwrap(),
            decision_date: Some(date(decided)),
            entitled_from: None,
            entitled_to: None,
            paid_through: None,
            facts: row,
            history: Vec::new(),
            before: Vec::new(),
            absent: Vec::new(),
        }
    }

    fn case(&self) -> EnrolmentCase<'_> {
        EnrolmentCase {
            key: self.key,
            benefit: self.benefit,
            decision_date: self.decision_date,
            entitled_from: self.entitled_from,
            entitled_to: self.entitled_to,
            paid_through: self.paid_through,
            facts: &self.facts,
            history: &self.history,
            before: &self.before,
            absent: &self.absent,
            absent_is_owed: false,
            is_ended: false,
        }
    }
}

fn cases(rows: &[Row]) -> Vec<EnrolmentCase<'_>> {
    rows.iter().map(Row::case).collect()
}

fn person<'a>(
    born: Option<(Date, DobPrecision)>,
    died: Option<Date>,
    enrolments: &'a [EnrolmentCase<'a>],
) -> PersonCase<'a> {
    PersonCase {
        date_of_birth: born,
        sex: Some(Sex::Female),
        date_of_death: died,
        enrolments,
        unasked: &[],
    }
}

/// The regular amount of one enrolment for one month, 0 when nothing is owed.
fn regular(row: &Row, born: &str, month: &str, known_at: &str) -> i64 {
    let rows = [row.case()];
    let cycle = Cycle { period: period(month), months: 1, history_from: period(month) };
    let book = LawBook::new(vn(), date(known_at), cycle.last());
    let born = Some((date(born), DobPrecision::Day));
    let entitled = entitle(&book, &cycle, &person(born, None, &rows));
    assert!(
        !matches!(entitled.outcomes[0], Outcome::Held { .. }),
        "{born:?} {month}: {:?}",
        entitled.outcomes
    );
    entitled.lines.iter().map(|line| line.amount_minor).sum()
}

#[test]
fn each_birthday_changes_the_level_on_its_day() {
    let k1 = Row::new("social_assistance", "k1", "2024-01-05", &[]);
    let k5a = Row::new("social_assistance", "k5a", "2022-01-05", &[]);
    let severe = [("disability_level", "severe")];
    let mut k6 = Row::new("social_assistance", "k6", "2022-01-05", &severe);
    k6.entitled_from = k6.decision_date;
    let pension = [("monthly_pension", "0"), ("household_poverty", "neither")];
    let sp = Row::new("social_pension", "monthly", "2025-07-01", &pension);
    // Before July 2025 the age on the last day of the month counts: a birth one day later still
    // has the level of the younger. After it, the age on the last day of the month before.
    for (row, month, born, expected) in [
        (&k1, "2025-05", "2021-05-30", 750_000),
        (&k1, "2025-05", "2021-05-31", 750_000),
        (&k1, "2025-05", "2021-06-01", 1_250_000),
        (&k1, "2025-09", "2021-08-30", 750_000),
        (&k1, "2025-09", "2021-08-31", 750_000),
        (&k1, "2025-09", "2021-09-01", 1_250_000),
        (&k1, "2025-04", "2009-04-01", 750_000),
        (&k1, "2025-04", "2009-03-31", 0),
        (&k5a, "2025-03", "1965-03-31", 750_000),
        (&k5a, "2025-03", "1965-04-01", 0),
        (&k5a, "2025-03", "1945-03-31", 1_000_000),
        (&k5a, "2025-03", "1945-04-01", 750_000),
        (&k6, "2025-03", "2009-03-31", 750_000),
        (&k6, "2025-03", "2009-04-01", 1_000_000),
        (&k6, "2025-03", "1965-03-31", 1_000_000),
        (&k6, "2025-03", "1965-04-01", 750_000),
        (&k6, "2025-09", "1965-08-31", 1_000_000),
        (&k6, "2025-09", "1965-09-01", 750_000),
        (&sp, "2025-09", "1950-08-30", 500_000),
        (&sp, "2025-09", "1950-08-31", 500_000),
        (&sp, "2025-09", "1950-09-01", 0),
    ] {
        assert_eq!(regular(row, born, month, "2025-08-24"), expected, "born {born}, {month}");
    }
}

#[test]
fn a_birth_on_29_february_comes_of_age_in_february() {
    let k1 = Row::new("social_assistance", "k1", "2024-01-05", &[]);
    let k5a = Row::new("social_assistance", "k5a", "2023-01-05", &[]);
    for (row, month, born, expected) in [
        // Four on 29 February 2024, a day that exists.
        (&k1, "2024-01", "2020-02-29", 900_000),
        (&k1, "2024-02", "2020-02-29", 540_000),
        // Sixteen on 29 February 2024: paid for that month and not for the next.
        (&k1, "2024-02", "2008-02-29", 540_000),
        (&k1, "2024-03", "2008-02-29", 0),
        // Sixty-one in a year without the day changes nothing; sixty on 29 February 2024 does.
        (&k5a, "2024-01", "1964-02-29", 0),
        (&k5a, "2024-02", "1964-02-29", 540_000),
        (&k5a, "2025-02", "1964-02-29", 750_000),
        // Eighty in February 2024, eighty-one on the last of February 2025.
        (&k5a, "2024-01", "1944-02-29", 540_000),
        (&k5a, "2024-02", "1944-02-29", 720_000),
    ] {
        assert_eq!(regular(row, born, month, "2025-08-24"), expected, "born {born}, {month}");
    }
}

#[test]
fn a_held_person_has_no_line_and_says_everything_that_is_missing() {
    let rows = [Row::new("social_pension", "monthly", "2025-08-01", &[])];
    let cycle = Cycle { period: period("2025-08"), months: 1, history_from: period("2025-08") };
    let book = LawBook::new(vn(), date("2025-08-24"), cycle.last());
    let rows = cases(&rows);
    let entitled = entitle(&book, &cycle, &person(None, None, &rows));
    assert!(entitled.lines.is_empty());
    let Outcome::Held { held, missing } = &entitled.outcomes[0] else {
        panic!("{:?}", entitled.outcomes)
    };
    assert_eq!(held.code(), "H130");
    let pension = vn().fact_index("monthly_pension").unwrap() as u16;
    assert_eq!(missing, &[Input::DateOfBirth, Input::Fact(pension)]);
}

#[test]
fn one_held_enrolment_does_not_hold_the_others() {
    let mut k6 = Row::new("social_assistance", "k6", "2025-08-01", &[]);
    k6.facts.set(vn().fact_index("disability_level").unwrap(), crate::rules::FactValue::Enum(0));
    let rows = [k6, Row::new("social_pension", "monthly", "2025-08-01", &[])];
    let rows = cases(&rows);
    let cycle = Cycle { period: period("2025-08"), months: 1, history_from: period("2025-08") };
    let book = LawBook::new(vn(), date("2025-08-24"), cycle.last());
    let born = Some((date("1949-01-01"), DobPrecision::Year));
    let entitled = entitle(&book, &cycle, &person(born, None, &rows));
    assert_eq!(entitled.outcomes[0], Outcome::Entitled);
    assert!(matches!(entitled.outcomes[1], Outcome::Held { .. }));
    assert_eq!(entitled.lines.len(), 1);
}

/// Especially severe and poor, which excludes the social pension; paid for a month already.
fn higher_and_lower(paid_for: &str) -> [Row; 2] {
    let mut higher =
        Row::new("social_assistance", "k6", "2026-01-05", &[("disability_level", "severe")]);
    higher.key = 1;
    let mut lower =
        Row::new("social_pension", "monthly", "2026-01-05", &[("monthly_pension", "0")]);
    lower.paid_through = Some(period("2026-02"));
    higher.paid_through = Some(period("2026-02"));
    higher.history.push(Determined {
        period: period(paid_for),
        component: vn().component("allowance").unwrap_or(ComponentId(0)),
        revision: 0,
        amount_minor: 1_000_000,
    });
    [higher, lower]
}

/// What two rows come to in April 2026: the months of the lower one's lines, and the code that holds the
/// higher one.
fn april(rows: &[Row; 2]) -> (Vec<Period>, Option<&'static str>) {
    let cycle = Cycle { period: period("2026-04"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(vn(), date("2026-03-24"), cycle.last());
    let rows = cases(rows);
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    let entitled = entitle(&book, &cycle, &person(born, None, &rows));
    let of_lower = entitled.lines.iter().filter(|line| line.enrolment == 1);
    let code = match &entitled.outcomes[0] {
        Outcome::Held { held, .. } => Some(held.code()),
        _ => None,
    };
    (of_lower.map(|line| line.period).collect(), code)
}

#[test]
fn what_was_determined_stays_paid_while_its_row_is_held() {
    let april_only = vec![period("2026-04")];
    let rows = higher_and_lower("2026-03");
    assert_eq!(april(&rows), (vec![], None));
    // Without its fact the higher row is held for all months: March was paid all the same.
    let mut unknown = rows.clone();
    unknown[0].facts = vn().fact_row();
    assert_eq!(april(&unknown), (april_only.clone(), Some("H130")));
    // Nothing was paid for March: the lower one is owed for it.
    unknown[0].history.clear();
    assert_eq!(april(&unknown), (vec![period("2026-03"), period("2026-04")], Some("H130")));
}

/// A row as it was listed until a month, before it is what it is now.
fn listed_until(row: &Row, month: &str) -> ListedBefore {
    ListedBefore {
        until: period(month),
        next: Next::AsListed,
        gone_from: None,
        is_ended: false,
        decision_date: row.decision_date,
        entitled_from: row.entitled_from,
        entitled_to: row.entitled_to,
        paid_through: row.paid_through,
        facts: row.facts.clone(),
    }
}

#[test]
fn what_was_paid_under_a_row_that_lacks_something_now_is_not_displaced() {
    let [mut higher, mut lower] = higher_and_lower("2026-03");
    std::mem::swap(&mut higher.history, &mut lower.history);
    lower.history[0].amount_minor = 500_000;
    let cycle = Cycle { period: period("2026-04"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(vn(), date("2026-03-24"), cycle.last());
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    lower.before.push(listed_until(&lower, "2026-04"));
    for lacking in ["fact", "day"] {
        let mut lower = lower.clone();
        match lacking {
            "fact" => lower.facts = vn().fact_row(),
            _ => lower.decision_date = None,
        }
        let rows = [higher.clone(), lower];
        let rows = cases(&rows);
        let entitled = entitle(&book, &cycle, &person(born, None, &rows));
        let codes = entitled.outcomes.iter().map(|outcome| match outcome {
            Outcome::Held { held, .. } => held.code(),
            other => panic!("{other:?}"),
        });
        let held_for = if lacking == "fact" { "H130" } else { "H150" };
        assert_eq!(codes.collect::<Vec<_>>(), ["H123", held_for]);
        assert_eq!(entitled.lines, [], "March was paid");
    }
}

/// Two rows of one amount, of which the one that was decided later was paid for March.
#[test]
fn among_equals_a_month_stays_with_the_row_that_was_paid() {
    let [mut paid, _] = higher_and_lower("2026-03");
    paid.decision_date = Some(date("2026-02-20"));
    let mut other = paid.clone();
    (other.key, other.decision_date) = (2, Some(date("2026-01-05")));
    other.history.clear();
    let cycle = Cycle { period: period("2026-04"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(vn(), date("2026-03-24"), cycle.last());
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    let check = |rows: [Row; 2], of_april: u16| {
        let rows = cases(&rows);
        let entitled = entitle(&book, &cycle, &person(born, None, &rows));
        let lines = entitled.lines.iter().map(|line| (line.enrolment, line.period.to_string()));
        assert_eq!(lines.collect::<Vec<_>>(), [(of_april, "2026-04".to_owned())]);
    };
    check([other.clone(), paid.clone()], 0);
    // A decision that is to count from June leaves the one before it, which is the earlier one.
    let mut before = listed_until(&paid, "2026-04");
    (before.decision_date, before.next) = (Some(date("2026-01-02")), Next::DecidedAnew);
    paid.before.push(before);
    paid.entitled_from = Some(date("2026-06-01"));
    check([other, paid], 1);
}

/// Of two rows of one benefit one is paid here. The other was listed for the months before and gave way; that somebody
/// else paid it until then is said of it only since it has a new decision.
#[test]
fn what_a_later_decision_says_was_paid_elsewhere_holds_nobody_before() {
    let mut paid =
        Row::new("social_assistance", "k6", "2025-07-08", &[("disability_level", "severe")]);
    paid.history.push(Determined {
        period: period("2026-03"),
        component: vn().component("allowance").unwrap_or(ComponentId(0)),
        revision: 0,
        amount_minor: 1_000_000,
    });
    let mut other = paid.clone();
    (other.key, other.decision_date) = (1, Some(date("2025-07-05")));
    other.history.clear();
    let before = ListedBefore { next: Next::DecidedAnew, ..listed_until(&other, "2026-02") };
    other.before = vec![ListedBefore { paid_through: Some(period("2026-02")), ..before }];
    other.entitled_from = Some(date("2026-04-01"));
    other.paid_through = Some(period("2026-03"));
    let rows = [paid, other];
    let cycle = Cycle { period: period("2026-03"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(vn(), date("2026-03-20"), cycle.last());
    let rows = cases(&rows);
    let born = Some((date("1980-01-01"), DobPrecision::Day));
    let entitled = entitle(&book, &cycle, &person(born, None, &rows));
    let held = |outcome: &Outcome| matches!(outcome, Outcome::Held { .. });
    assert!(!entitled.outcomes.iter().any(held), "{:?}", entitled.outcomes);
    assert!(entitled.lines.iter().all(|line| line.enrolment == 0), "{:?}", entitled.lines);
}

/// A decision that is to count from May was listed in March; the row is gone in April, and back as it was.
#[test]
fn a_start_that_was_known_before_says_nothing_of_months_without_the_row() {
    let [before, _] = higher_and_lower("2026-03");
    let mut anew = before.clone();
    anew.decision_date = Some(date("2026-02-20"));
    anew.entitled_from = Some(date("2026-05-01"));
    for back in ["2026-05", "2026-06"] {
        let mut row = anew.clone();
        let mut listed = listed_until(&before, "2026-03");
        listed.next = Next::DecidedAnew;
        let mut gone = listed_until(&anew, back);
        gone.gone_from = Some(period("2026-04"));
        (row.before, row.absent) =
            (vec![listed, gone], vec![Absence { from: period("2026-04"), until: period(back) }]);
        let cycle = Cycle { period: period(back), months: 1, history_from: period("2026-03") };
        let book = LawBook::new(vn(), date("2026-04-24"), cycle.last());
        let born = Some((date("1944-03-14"), DobPrecision::Day));
        let rows = [row.case()];
        let entitled = entitle(&book, &cycle, &person(born, None, &rows));
        let held = Held::BackAfterAbsence(period("2026-04"));
        assert_eq!(entitled.outcomes, [Outcome::Held { held, missing: vec![] }], "{back}");
    }
}

#[test]
fn others_go_on_while_a_row_that_is_back_is_held() {
    let mut rows = higher_and_lower("2026-03");
    rows[0].history.clear();
    rows[0].absent.push(Absence { from: period("2026-03"), until: period("2026-04") });
    let both = vec![period("2026-03"), period("2026-04")];
    assert_eq!(april(&rows), (both, Some("H124")));
    rows[0].absent.clear();
    assert_eq!(april(&rows), (vec![], None));
}

#[test]
fn months_without_the_row_are_decided_by_what_was_listed_before() {
    let [mut row, _] = higher_and_lower("2026-03");
    let cycle = Cycle { period: period("2026-05"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(vn(), date("2026-04-24"), cycle.last());
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    let level = vn().fact_index("disability_level").unwrap();
    row.before.push(ListedBefore {
        until: period("2026-05"),
        next: Next::AsListed,
        gone_from: Some(period("2026-04")),
        is_ended: false,
        decision_date: row.decision_date,
        entitled_from: row.entitled_from,
        entitled_to: None,
        paid_through: row.paid_through,
        facts: row.facts.clone(),
    });
    row.absent.push(Absence { from: period("2026-04"), until: period("2026-05") });
    row.facts.set(level, vn().parse_fact(level, "especially_severe").unwrap());
    let lines = |row: &Row, is_owed: bool| {
        let mut cases = [row.case()];
        cases[0].absent_is_owed = is_owed;
        let entitled = entitle(&book, &cycle, &person(born, None, &cases));
        let told = entitled.lines.iter().map(|line| (line.period, line.amount_minor));
        (told.collect::<Vec<_>>(), entitled.outcomes[0].clone())
    };
    let (april, may) = ((period("2026-04"), 1_000_000), (period("2026-05"), 1_250_000));
    assert_eq!(lines(&row, true).0, [april, may]);
    let (none, outcome) = lines(&row, false);
    assert_eq!(none, []);
    let held = Held::BackAfterAbsence(period("2026-04"));
    assert_eq!(outcome, Outcome::Held { held, missing: vec![] });
    // The month of return says that April is not owed.
    let mut returned = row.clone();
    returned.entitled_from = Some(date("2026-05-01"));
    assert_eq!(lines(&returned, false).0, [may]);
}

#[test]
fn who_comes_back_without_a_claim_is_asked_about_the_months_between() {
    let [_, mut row] = higher_and_lower("2026-03");
    let pension = vn().fact_index("monthly_pension").unwrap();
    row.before.push(ListedBefore {
        until: period("2026-05"),
        next: Next::AsListed,
        gone_from: Some(period("2026-04")),
        is_ended: false,
        decision_date: row.decision_date,
        entitled_from: None,
        entitled_to: None,
        paid_through: row.paid_through,
        facts: row.facts.clone(),
    });
    row.absent.push(Absence { from: period("2026-04"), until: period("2026-05") });
    row.facts.set(pension, vn().parse_fact(pension, "3500000").unwrap());
    let cycle = Cycle { period: period("2026-05"), months: 1, history_from: period("2026-04") };
    let book = LawBook::new(vn(), date("2026-04-24"), cycle.last());
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    let decided = |is_owed: bool| {
        let mut cases = [row.case()];
        cases[0].absent_is_owed = is_owed;
        entitle(&book, &cycle, &person(born, None, &cases))
    };
    let held = Held::BackAfterAbsence(period("2026-04"));
    assert_eq!(decided(false).outcomes, [Outcome::Held { held, missing: vec![] }]);
    let months: Vec<_> = decided(true).lines.iter().map(|line| line.period).collect();
    assert_eq!(months, [period("2026-03"), period("2026-04")]);
}

#[test]
fn a_month_whose_row_lacked_a_fact_is_decided_by_the_mended_row() {
    let [mut row, _] = higher_and_lower("2026-03");
    let known = row.facts.clone();
    let listed = |until: &str, facts: FactRow| ListedBefore {
        until: period(until),
        next: Next::AsListed,
        gone_from: None,
        is_ended: false,
        decision_date: row.decision_date,
        entitled_from: None,
        entitled_to: None,
        paid_through: row.paid_through,
        facts,
    };
    row.before = vec![listed("2026-04", known.clone()), listed("2026-05", vn().fact_row())];
    let cycle = Cycle { period: period("2026-05"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(vn(), date("2026-04-24"), cycle.last());
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    let decided = |row: &Row| entitle(&book, &cycle, &person(born, None, &[row.case()]));
    let months = |row: &Row| decided(row).lines.iter().map(|line| line.period).collect::<Vec<_>>();
    // March was paid; April was held.
    assert_eq!(months(&row), [period("2026-04"), period("2026-05")]);
    // The first row lacked it.
    row.before.remove(0);
    row.history.clear();
    assert_eq!(months(&row), [period("2026-03"), period("2026-04"), period("2026-05")]);
    // Nobody has said it yet, and nobody is dropped.
    row.facts = vn().fact_row();
    assert!(matches!(decided(&row).outcomes[..], [Outcome::Held { .. }]));
}

#[test]
fn what_was_paid_once_is_not_owed_again_when_its_day_is_mended() {
    let pack = vn();
    let mut funeral = Row::new("social_assistance", "funeral", "2026-04-05", &[]);
    let cycle = Cycle { period: period("2026-04"), months: 1, history_from: period("2026-03") };
    let book = LawBook::new(pack, date("2026-04-24"), cycle.last());
    let born = Some((date("1944-03-14"), DobPrecision::Day));
    let lines = |funeral: &Row, died: &str| {
        let rows = [funeral.case()];
        let entitled = entitle(&book, &cycle, &person(born, Some(date(died)), &rows));
        assert_eq!(entitled.outcomes, [Outcome::Entitled], "{died}");
        entitled.lines
    };
    let first = lines(&funeral, "2026-03-31");
    assert_eq!(first.iter().map(|line| line.period).collect::<Vec<_>>(), [period("2026-03")]);
    funeral.history.extend(first.iter().map(|line| Determined {
        period: line.period,
        component: line.component,
        revision: line.revision,
        amount_minor: line.amount_minor,
    }));
    assert_eq!(lines(&funeral, "2026-03-31"), []);
    assert_eq!(lines(&funeral, "2026-04-01"), []);
    // A part of it was determined: the rest is owed for the month for which it was, by the law of its own.
    funeral.history[0].amount_minor -= 1_000;
    let rest = lines(&funeral, "2026-04-01");
    let told: Vec<_> = rest.iter().map(|one| (one.period, one.law_of, one.amount_minor)).collect();
    assert_eq!(told, [(period("2026-03"), period("2026-04"), 1_000)]);
}

#[test]
fn law_before_the_pack_is_not_guessed() {
    let mut row = Row::new("social_assistance", "k5a", "2015-01-05", &[]);
    row.paid_through = Some(period("2019-12"));
    let rows = [row.case()];
    let cycle = Cycle { period: period("2025-08"), months: 1, history_from: period("2025-08") };
    let book = LawBook::new(vn(), date("2025-08-24"), cycle.last());
    let born = Some((date("1940-01-01"), DobPrecision::Day));
    let entitled = entitle(&book, &cycle, &person(born, None, &rows));
    assert!(matches!(
        entitled.outcomes[0],
        Outcome::Held { held: Held::LawNotCovered(from), .. } if from == period("2020-01")
    ));
}

fn any_date(from: i16, to: i16) -> impl Strategy<Value = Date> {
    (from..=to, 1_i8..=12, 1_i8..=31).prop_map(|(year, month, day)| {
        let first = Date::new(year, month, 1).unwrap();
        Date::new(year, month, day.min(first.days_in_month())).unwrap()
    })
}

/// Facts of a row: for each column nothing, or one of four values.
fn facts(choices: &[Option<u16>]) -> FactRow {
    use crate::rules::value::Type;
    let pack = vn();
    let mut row = pack.fact_row();
    for (index, choice) in choices.iter().enumerate() {
        let Some(choice) = choice else { continue };
        let text = match pack.fact_columns()[index].kind {
            Type::Bool => ["có", "không"][usize::from(choice % 2)],
            Type::Int => ["0", "1", "2", "3"][usize::from(*choice)],
            Type::Money => ["0", "420000", "500000", "3500000"][usize::from(*choice)],
            Type::Date => {
                ["2022-03-04", "2024-02-29", "2025-05-08", "2026-06-30"][usize::from(*choice)]
            }
            _ => {
                let values = &pack.fact_columns()[index].values;
                values[usize::from(*choice) % values.len()].id.as_str()
            }
        };
        row.set(index, pack.parse_fact(index, text).unwrap());
    }
    row
}

/// What one roster says of a row.
type Listing = (Option<Date>, Option<Date>, Option<Date>, Option<i32>, Vec<Option<u16>>);

fn any_listing() -> impl Strategy<Value = Listing> {
    let count = vn().fact_columns().len();
    (
        often(
            95,
            prop_oneof![any_date(2021, 2026), Just(date("2024-05-06")), Just(date("2025-07-08"))],
        ),
        proptest::option::of(any_date(2021, 2026)),
        often(20, any_date(2025, 2026)),
        often(20, 0_i32..12),
        proptest::collection::vec(proptest::option::of(0_u16..4), count),
    )
}

fn paid_through(months: Option<i32>) -> Option<Period> {
    months.map(|months| period("2025-10").plus(months))
}

/// How a row was listed for some months, up to one of the ten in which histories lie.
fn any_listed_before() -> impl Strategy<Value = ListedBefore> {
    (any_listing(), 1_i32..9, 0_usize..3, often(20, Just(())), often(20, 0_i32..9)).prop_map(
        |((decision_date, entitled_from, entitled_to, paid, chosen), until, anew, ended, gone)| {
            ListedBefore {
                until: period("2026-01").plus(until),
                next: [Next::AsListed, Next::DecidedAnew, Next::NotBeforeItsStart][anew],
                gone_from: gone.map(|months| period("2026-01").plus(months)),
                is_ended: ended.is_some(),
                decision_date,
                entitled_from,
                entitled_to,
                paid_through: paid_through(paid),
                facts: facts(&chosen),
            }
        },
    )
}

fn any_row() -> impl Strategy<Value = Row> {
    let history = proptest::collection::vec((0_i32..10, 0_u16..3, 0_i64..3), 0..6);
    let before = prop_oneof![
        2 => Just(Vec::new()),
        1 => proptest::collection::vec(any_listed_before(), 1..3),
    ];
    (
        // A few benefits and days come often, so that rows meet in combination rules and tie.
        prop_oneof![0..vn().benefits().len(), proptest::sample::select(vec![3_usize, 8, 8, 12])],
        any_listing(),
        history,
        before,
        often(20, (0_i32..9, 1_i32..3)),
    )
        .prop_map(|(benefit, listing, history, mut before, absent)| {
            let (decision_date, entitled_from, entitled_to, paid, chosen) = listing;
            before.sort_by_key(|one| one.until);
            before.dedup_by_key(|one| one.until);
            Row {
                key: 0,
                benefit: BenefitId(benefit as u16),
                decision_date,
                entitled_from,
                entitled_to,
                paid_through: paid_through(paid),
                facts: facts(&chosen),
                history: history
                    .into_iter()
                    .map(|(offset, component, thousands)| Determined {
                        period: period("2026-01").plus(offset),
                        component: ComponentId(component),
                        revision: 0,
                        amount_minor: thousands * 250_000,
                    })
                    .collect(),
                before,
                absent: absent
                    .map(|(from, months)| {
                        let from = period("2026-01").plus(from);
                        Absence { from, until: from.plus(months) }
                    })
                    .into_iter()
                    .collect(),
            }
        })
}

fn any_person() -> impl Strategy<Value = (Vec<Row>, Option<(Date, DobPrecision)>, Option<Date>)> {
    let precision = prop_oneof![
        4 => Just(DobPrecision::Day),
        1 => Just(DobPrecision::Month),
        1 => Just(DobPrecision::Year),
    ];
    (
        proptest::collection::vec(any_row(), 1..5),
        often(95, (any_date(1930, 2025), precision)),
        often(30, any_date(2025, 2026)),
    )
        .prop_map(|(mut rows, born, died)| {
            for (at, row) in rows.iter_mut().enumerate() {
                row.key = at as u64;
            }
            (rows, born, died)
        })
}

fn october(months: u8) -> (LawBook<'static>, Cycle) {
    let cycle = Cycle { period: period("2026-10"), months, history_from: period("2026-03") };
    (LawBook::new(vn(), date("2026-10-24"), cycle.last()), cycle)
}

proptest! {
    #[test]
    fn traced_and_fast_evaluation_agree((rows, born, died) in any_person()) {
        let (book, cycle) = october(1);
        let enrolments = cases(&rows);
        let person = person(born, died, &enrolments);
        for enrolment in &enrolments {
            let mut trace = Trace::default();
            let fast = evaluate::window(&book, &person, enrolment, &mut Untraced);
            prop_assert_eq!(evaluate::window(&book, &person, enrolment, &mut trace), fast);
            if let Standing::Within(window) = fast {
                for offset in -12..=1 {
                    let at = cycle.period.plus(offset);
                    let fast = evaluate::month(&book, &person, enrolment, &window, at, &mut Untraced);
                    let traced = evaluate::month(&book, &person, enrolment, &window, at, &mut trace);
                    prop_assert_eq!(traced, fast);
                }
            }
        }
    }

    #[test]
    fn the_order_of_rows_never_matters((rows, born, died) in any_person(), turn in 0_usize..5) {
        let (book, cycle) = october(1);
        let straight = cases(&rows);
        let mut turned = straight.clone();
        turned.rotate_left(turn % rows.len());
        turned.reverse();
        let one = entitle(&book, &cycle, &person(born, died, &straight));
        let other = entitle(&book, &cycle, &person(born, died, &turned));
        let by_key = |entitled: &Entitled, cases: &[EnrolmentCase<'_>]| {
            let mut lines: Vec<String> = entitled
                .lines
                .iter()
                .map(|line| {
                    let key = cases[usize::from(line.enrolment)].key;
                    format!("{key} {:?}", Line { enrolment: 0, ..*line })
                })
                .collect();
            lines.extend(
                cases.iter().zip(&entitled.outcomes).map(|(c, o)| format!("{} {o:?}", c.key)),
            );
            lines.sort();
            lines
        };
        prop_assert_eq!(by_key(&one, &straight), by_key(&other, &turned));
    }

    /// Lines come anew only for rows that were held: what others were determined meanwhile may decide them.
    #[test]
    fn what_was_determined_is_not_determined_again((rows, born, died) in any_person(), months in 1_u8..3) {
        let (book, cycle) = october(months);
        let mut rows = rows;
        let mut before: Option<Vec<Outcome>> = None;
        let mut claims = BTreeSet::new();
        for round in 0_usize.. {
            let enrolments = cases(&rows);
            let now = entitle(&book, &cycle, &person(born, died, &enrolments));
            prop_assert_eq!(now.outcomes.len(), rows.len());
            if before.is_some() && now.lines.is_empty() {
                break;
            }
            prop_assert!(round <= rows.len(), "computing does not come to rest");
            for line in &now.lines {
                let claim = (line.enrolment, line.period, line.component, line.revision);
                prop_assert!(claims.insert(claim), "the same claim twice: {:?}", line);
                prop_assert_ne!(line.amount_minor, 0);
                prop_assert_eq!(line.kind == LineKind::Recovery, line.amount_minor < 0);
                let is_held = |outcomes: &[Outcome]| {
                    matches!(outcomes[usize::from(line.enrolment)], Outcome::Held { .. })
                };
                prop_assert!(!is_held(&now.outcomes), "a held enrolment has a line");
                prop_assert!(before.as_deref().is_none_or(is_held), "determined again: {:?}", line);
                rows[usize::from(line.enrolment)].history.push(Determined {
                    period: line.period,
                    component: line.component,
                    revision: line.revision,
                    amount_minor: line.amount_minor,
                });
            }
            before = Some(now.outcomes);
        }
    }

    #[test]
    fn scratch_from_another_person_changes_nothing(
        (rows, born, died) in any_person(),
        (others, other_born, other_died) in any_person(),
    ) {
        let (book, cycle) = october(1);
        let enrolments = cases(&rows);
        let others = cases(&others);
        let (mut scratch, mut entitled) = (Scratch::default(), Entitled::default());
        let other = person(other_born, other_died, &others);
        entitle_into(&book, &cycle, &other, &mut scratch, &mut entitled);
        let person = person(born, died, &enrolments);
        entitle_into(&book, &cycle, &person, &mut scratch, &mut entitled);
        prop_assert_eq!(entitled, entitle(&book, &cycle, &person));
    }
}

/// Some value in so many of a hundred cases.
fn often<T: std::fmt::Debug + Clone>(
    percent: u32,
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    (0..100_u32, value).prop_map(move |(drawn, value)| (drawn < percent).then_some(value))
}
