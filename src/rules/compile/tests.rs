//! What a writer of packs is told, and that no pack, however hostile, makes the compiler panic.

use super::*;
use crate::rules::builtin::builtin_sources;

/// The Vietnamese pack with one piece of text replaced.
fn edited(file: &str, from: &str, to: &str) -> Vec<Diagnostic> {
    let sources = builtin_sources("vn");
    let found = sources.iter().find(|source| source.path.ends_with(file)).unwrap();
    assert!(found.text.contains(from), "{file} has no `{from}`");
    let text = found.text.replacen(from, to, 1);
    let sources: Vec<Source<'_>> = sources
        .iter()
        .map(|source| match source.path == found.path {
            true => Source { path: source.path, text: &text },
            false => *source,
        })
        .collect();
    check(&sources)
}

/// A condition of one clause, and what is said of it: the code and what the caret underlines.
#[track_caller]
fn check_expressions(table: &[(&str, &[(&str, &str)])]) {
    for (expression, expected) in table {
        let found = edited("social_pension/clauses.toml", "age_now < 70", expression);
        let found: Vec<(String, String)> = found
            .iter()
            .map(|d| {
                let under = d.excerpt.chars().skip(d.column as usize - 1).take(d.width as usize);
                (d.code.text().to_owned(), under.collect())
            })
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(c, u)| ((*c).to_owned(), (*u).to_owned())).collect();
        assert_eq!(found, expected, "{expression}");
    }
}

#[test]
fn type_errors_are_shown_where_they_are() {
    check_expressions(&[
        ("age_now", &[("R304", "age_now")]),
        ("monthly_pension > 0", &[("R304", "0")]),
        ("age_now < 'a'", &[("R304", "'a'")]),
        ("age_now and pregnant", &[("R304", "age_now")]),
        ("not age_now", &[("R304", "age_now")]),
        ("-pregnant = 1", &[("R304", "-pregnant")]),
        ("sp_level * sp_level > 0 VND", &[("R304", "sp_level * sp_level")]),
        ("sp_level + 1 > 0 VND", &[("R304", "sp_level + 1")]),
        ("pregnant < pregnant", &[("R304", "pregnant < pregnant")]),
        ("household_poverty < 'poor'", &[("R304", "household_poverty < 'poor'")]),
        ("household_poverty = 'rich'", &[("R305", "'rich'")]),
        ("household_poverty in ('poor', 'rich')", &[("R305", "'rich'")]),
        ("household_poverty = disability_level", &[("R304", "disability_level")]),
        ("age_know < 5", &[("R301", "age_know")]),
        ("ages(date_of_birth) < 5", &[("R302", "ages(date_of_birth)")]),
        ("month(period) = period", &[("R304", "period")]),
        ("first_day(1, 2) = level_day", &[("R303", "first_day(1, 2)")]),
        ("min(1) = 1", &[("R303", "min(1)")]),
        ("age_now in ()", &[("R303", "age_now in ()")]),
        ("age(date_of_birth, level_day) < 5", &[("R306", "age(date_of_birth, level_day)")]),
        ("level_day + 1 > level_day", &[("R306", "level_day + 1")]),
        ("(if pregnant then 1 else level_day) = 1", &[("R304", "level_day")]),
        ("lookup(nothing, 1) = 1", &[("R303", "lookup(nothing, 1)")]),
        ("1 < 2 < 3", &[("R202", "<")]),
        ("age_now < 5 §", &[("R201", "§")]),
    ]);
}

#[test]
fn several_errors_are_found_at_once() {
    check_expressions(&[
        ("age_know < 5 and pregnent", &[("R301", "age_know"), ("R301", "pregnent")]),
        ("foo(1) = bar", &[("R302", "foo(1)"), ("R301", "bar")]),
    ]);
    let found =
        edited("social_pension/clauses.toml", "component = \"allowance\"", "component = \"x\"");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code, Code::ReferenceMustExist);
}

#[test]
fn a_diagnostic_reads_like_this() {
    let found = edited(
        "social_pension/clauses.toml",
        "monthly_pension >= sp_level",
        "monthly_pension >= 5",
    );
    let line = found[0].line;
    assert!(line > 1);
    assert_eq!(
        found[0].to_string(),
        format!(
            "\
error[R304]: a Money and an Int are not alike; an amount is written with its currency, as in 0 VND
  --> programmes/vn/social_pension/clauses.toml:{line}:28
   | when = \"monthly_pension >= 5\"
   |                            ^"
        )
    );
}

#[test]
fn a_pack_that_contradicts_itself_is_refused() {
    for (file, from, to, code) in [
        ("pack.toml", "id = \"vn\"", "id = \"vn", Code::FileMustBeToml),
        ("pack.toml", "id = \"vn\"", "id = \"vn\"\nidd = 1", Code::FileMustBeToml),
        ("pack.toml", "currency = \"VND\"", "currency = \"XYZ\"", Code::LiteralMustRead),
        ("pack.toml", "covers_from = \"2021-07\"", "covers_from = \"2021\"", Code::LiteralMustRead),
        ("pack.toml", "code = \"k2\"", "code = \"k1\"", Code::IdMustBeUnique),
        ("pack.toml", "name = \"study_ends\"", "name = \"studying\"", Code::IdMustBeUnique),
        ("pack.toml", "name = \"study_ends\"", "name = \"sa_base\"", Code::IdMustBeUnique),
        ("pack.toml", "type = \"int\"", "type = \"float\"", Code::ReferenceMustExist),
        (
            "pack.toml",
            "fund = \"social_pension\"",
            "fund = \"elsewhere\"",
            Code::ReferenceMustExist,
        ),
        (
            "pack.toml",
            "among = [\"@article_6\"]",
            "among = [\"@article_7\"]",
            Code::ReferenceMustExist,
        ),
        (
            "rates.toml",
            "known_from = \"2024-07-01\"",
            "known_from = \"2024-02-30\"",
            Code::LiteralMustRead,
        ),
        ("rates.toml", "value = \"500000\"", "value = \"5e5\"", Code::LiteralMustRead),
        (
            "rates.toml",
            "applied_from = \"2024-07\"\nknown_from = \"2024-07-01\"",
            "applied_from = \"2021-07\"\nknown_from = \"2021-07-01\"",
            Code::RateNeedsValues,
        ),
        ("social_assistance/clauses.toml", "rounding = \"exact\"", "", Code::RoundingMustBeNamed),
        (
            "social_assistance/clauses.toml",
            "rounding = \"exact\"",
            "rounding = \"some\"",
            Code::RoundingMustBeNamed,
        ),
        (
            "social_assistance/clauses.toml",
            "rounding = \"exact\"",
            "rounding = { mode = \"up\", unit = 0 }",
            Code::RoundingMustBeNamed,
        ),
        (
            "social_assistance/clauses.toml",
            "to = \"2025-06\"",
            "from = \"2026-01\"\nto = \"2025-06\"",
            Code::IntervalMustRunForward,
        ),
        ("social_assistance/clauses.toml", "then = \"decision_start\"", "", Code::FieldMissing),
        (
            "pack.toml",
            "number = \"required\", citation = \"NĐ 176/2025/NĐ-CP Điều 5; NĐ 147/2025/NĐ-CP Điều 5\"",
            "number = \"not_needed\"",
            Code::FieldMissing,
        ),
        (
            "social_assistance/clauses.toml",
            "when = \"not studying\"",
            "when = \"not studying\"\nthen = \"1 VND\"",
            Code::FieldNotAllowed,
        ),
        (
            "social_assistance/clauses.toml",
            "then = \"decision_start\"",
            "then = \"period\"",
            Code::NameNotAllowedHere,
        ),
        (
            "social_assistance/clauses.toml",
            "when = \"known(date_of_death)\"",
            "when = \"sa_base > 0 VND\"",
            Code::NameNotAllowedHere,
        ),
        (
            "social_assistance/clauses.toml",
            "benefits = [\"k2\"]",
            "benefits = [\"k22\"]",
            Code::ReferenceMustExist,
        ),
        (
            "social_pension/clauses.toml",
            "id = \"sp.bar.under_70\"",
            "id = \"sa.k2\"",
            Code::IdMustBeUnique,
        ),
        (
            "social_assistance/cases.toml",
            "component = \"allowance\"",
            "component = \"x\"",
            Code::ReferenceMustExist,
        ),
        (
            "social_assistance/cases.toml",
            "total = \"1250000\"",
            "total = \"1,250,000\"",
            Code::LiteralMustRead,
        ),
    ] {
        let found = edited(file, from, to);
        assert!(found.iter().any(|d| d.code == code && d.is_error()), "{from} → {to}: {found:?}");
    }
}

#[test]
fn warnings_do_not_stop_a_pack() {
    let fact = "\n[[fact]]\nname = \"idle\"\ntype = \"bool\"\ntitle = { vi = \"t\", en = \"t\" }\n\n[[benefit]]\n";
    let found = edited("pack.toml", "\n[[benefit]]\n", fact);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].code, found[0].severity),
        (Code::Unused, crate::rules::diagnostic::Severity::Warning)
    );
}

#[test]
fn definitions_cannot_grow_without_end() {
    let mut definitions = String::new();
    for at in 1..64 {
        let before = at - 1;
        definitions += &format!(
            "[[definition]]\nname = \"d{at}\"\nvalue = \"d{before} + d{before}\"\ncitation = \"c\"\ntitle = {{ vi = \"t\", en = \"t\" }}\n\n"
        );
    }
    let all = format!(
        "[[definition]]\nname = \"d0\"\nvalue = \"1\"\ncitation = \"c\"\ntitle = {{ vi = \"t\", en = \"t\" }}\n\n{definitions}[[definition]]\nname = \"level_day\""
    );
    let found = edited("pack.toml", "[[definition]]\nname = \"level_day\"", &all);
    assert!(found.iter().any(|d| d.code == Code::ExpressionTooCostly), "{found:?}");

    // A definition sees only those above it: naming itself is naming nothing.
    let found = edited(
        "pack.toml",
        "value = \"age(date_of_birth, level_day, back)\"",
        "value = \"age_now\"",
    );
    assert!(found.iter().any(|d| d.code == Code::NameUnknown), "{found:?}");
}

#[test]
fn a_table_is_read_or_refused_row_by_row() {
    let rates = "table = [{ name = \"t\", file = \"tables/t.csv\", keys = [\"disability_level\", \"n:int\"], type = \"money\", title = { vi = \"t\", en = \"t\" } }]\n";
    let header = "disability_level,n,applied_from,known_from,value,citation,certainty\n";
    let row = "severe,21,2021-07,2021-07-01,1000,c,A\n";
    for (csv, expected) in [
        (format!("{header}{row}"), None),
        (String::new(), Some(Code::TableMustRead)),
        ("a,b\n".to_owned(), Some(Code::TableMustRead)),
        (format!("{header}mild,21,2021-07,2021-07-01,1000,c,A\n"), Some(Code::TableMustRead)),
        (format!("{header}severe,x,2021-07,2021-07-01,1000,c,A\n"), Some(Code::TableMustRead)),
        (format!("{header}severe,21,2021-13,2021-07-01,1000,c,A\n"), Some(Code::TableMustRead)),
        (format!("{header}severe,21,2021-07,2021-07-01,1.000,c,A\n"), Some(Code::LiteralMustRead)),
        (
            format!("{header}severe,21,2021-07,2021-07-01,\"1,000\",c,A\n"),
            Some(Code::LiteralMustRead),
        ),
        (format!("{header}severe\n"), Some(Code::TableMustRead)),
        (format!("{header}{row}{row}"), Some(Code::RateNeedsValues)),
    ] {
        let mut sources = builtin_sources("vn").to_vec();
        sources.push(Source { path: "programmes/vn/extra/rates.toml", text: rates });
        sources.push(Source { path: "programmes/vn/extra/tables/t.csv", text: &csv });
        let found = check(&sources);
        assert_eq!(found.first().map(|d| d.code), expected, "{csv}: {found:?}");
    }
    let mut sources = builtin_sources("vn").to_vec();
    sources.push(Source { path: "programmes/vn/extra/rates.toml", text: rates });
    assert_eq!(check(&sources)[0].code, Code::FileMustExist);
}

#[test]
fn without_its_first_file_there_is_no_pack() {
    assert_eq!(check(&[])[0].code, Code::FileMustExist);
    let stray = Source { path: "programmes/vn/readme.txt", text: "x" };
    let sources: Vec<Source<'_>> = builtin_sources("vn").iter().copied().chain([stray]).collect();
    assert_eq!(check(&sources)[0].code, Code::FileMustBeExpected);
    assert!(compile(&sources).is_ok());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn no_text_in_any_file_makes_the_compiler_panic(
        which in 0_usize..7,
        at in 0_usize..60_000,
        piece in ".{0,40}",
        cut in 0_usize..200,
    ) {
        let sources = builtin_sources("vn");
        let text = sources[which].text;
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(at % (text.len() + 1));
        let end = floor(start + cut);
        let broken = format!("{}{piece}{}", &text[..start], &text[end..]);
        let sources: Vec<Source<'_>> = sources
            .iter()
            .enumerate()
            .map(|(index, source)| match index == which {
                true => Source { path: source.path, text: &broken },
                false => *source,
            })
            .collect();
        for diagnostic in check(&sources) {
            let _ = diagnostic.to_string();
        }
    }
}

/// The law itself grants it, or there is a decision: the pack says so, and when it is silent there is one.
#[test]
fn a_programme_says_whether_its_rows_name_a_decision() {
    let sources = builtin_sources("vn");
    let root = sources.iter().find(|source| source.path.ends_with("pack.toml")).unwrap();
    let line = root.text.lines().find(|line| line.starts_with("decision = ")).unwrap();
    for (written, needed) in [
        (line, true),
        ("", true),
        ("decision = { citation = \"Luật\" }", true),
        ("decision = { number = \"not_needed\", citation = \"Luật\" }", false),
    ] {
        let text = root.text.replacen(line, written, 1);
        let edited: Vec<Source<'_>> = sources
            .iter()
            .map(|source| match source.path == root.path {
                true => Source { path: source.path, text: &text },
                false => *source,
            })
            .collect();
        let pack = compile(&edited).unwrap();
        assert_eq!(pack.needs_decision_number("social_assistance"), needed, "{written}");
        assert!(pack.needs_decision_number("social_pension"));
        assert!(pack.needs_decision_number("of another pack"));
    }
}
