//! The registry, the checks of definitions, and a bank that is added without Rust.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use payment_formats::{Formats, OutcomeStatus, ReasonClass, Severity, check, fields, functions};

#[test]
fn every_definition_in_the_folders_is_in_the_registry() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    let formats = Formats::built_in();
    let known: BTreeSet<(String, bool)> =
        formats.list().iter().map(|format| (format.id.to_owned(), format.out)).collect();
    let mut found = BTreeSet::new();
    for rail in fs::read_dir(folder).expect("the folder of formats") {
        let rail = rail.expect("a folder").path();
        for file in fs::read_dir(&rail).expect("a rail's folder") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a definition");
            let diagnostics = check(&text);
            assert!(diagnostics.is_empty(), "{}: {diagnostics:?}", path.display());
            let id = text
                .lines()
                .find_map(|line| line.strip_prefix("id = \""))
                .and_then(|rest| rest.strip_suffix('"'))
                .expect("a definition has an id");
            let out = path.file_name().is_some_and(|name| name == "format.toml");
            if out {
                assert_eq!(rail.file_name().and_then(|name| name.to_str()), Some(id));
            }
            assert!(found.insert((id.to_owned(), out)), "{id} stands twice");
        }
    }
    assert_eq!(found, known);
}

#[test]
fn the_documentation_names_every_field_and_function() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
        .expect("the library's README");
    for field in fields() {
        assert!(readme.contains(&format!("`{}`", field.name)), "{} is missing", field.name);
    }
    for (function, _) in functions() {
        assert!(readme.contains(&format!("`{function}`")), "{function} is missing");
    }
}

const OUT: &str = r#"
direction = "out"
id = "some-bank"
version = "1"
title = { en = "Some bank", vi = "Ngân hàng" }
reference = "the bank's letter"
kind = "delimited"
accepts = ["bank_account"]
[file]
extension = "txt"
[charset.name]
allow = "A-Z "
signs = " "
[delimited]
separator = ";"
column = [
  { at = "Amount", value = "money(payment.amount)" },
  { at = "Name", value = "clean('name', upper(strip_accents(payment.creditor_name)))", required = true },
]
"#;

#[track_caller]
fn check_fault(definition: &str, message: &str) {
    let diagnostics = check(definition);
    let found = diagnostics.iter().any(|diagnostic| {
        diagnostic.severity == Severity::Error && diagnostic.message.contains(message)
    });
    assert!(found, "{message}: {diagnostics:?}");
}

#[test]
fn faults_of_definitions_are_named() {
    assert!(check(OUT).is_empty(), "{:?}", check(OUT));
    let with = |from: &str, to: &str| OUT.replace(from, to);
    check_fault(&with("payment.creditor_name", "payment.nickname"), "not a field");
    check_fault(&with("money(payment.amount)", "payment.amount"), "write money(");
    check_fault(&with("money(payment.amount)", "money(payment.purpose)"), "not an amount");
    check_fault(&with("upper(", "lower("), "no function");
    check_fault(&with("clean('name'", "clean('other'"), "no charset");
    check_fault(&with("payment.creditor_name", "group.key"), "no value here");
    check_fault(&with("money(payment.amount)", "money(payment.amount"), "`)` was expected");
    check_fault(&with("money(payment.amount)", "money(payment.amount) x"), "after the end");
    check_fault(&with("signs = \" \"", "signs = \"_\""), "not itself allowed");
    check_fault(&with("separator = \";\"", "separator = '\"'"), "separator");
    check_fault(&with("[\"bank_account\"]", "[\"post\"]"), "not an address");
    check_fault(&with("kind = \"delimited\"", "kind = \"xml\""), "[tree]");
    check_fault(&with("version = \"1\"", "version = \"1\"\nspeed = 3"), "unknown field");
    check_fault(&with("\"out\"", "\"sideways\""), "neither in nor out");
    check_fault("direction = ", "");
    let deep = format!("{}payment.purpose{}", "upper(".repeat(40), ")".repeat(40));
    check_fault(&with("payment.creditor_name", &deep), "too deeply");
}

const RESULTS: &str = r#"
direction = "in"
id = "some-bank-results"
version = "1"
title = { en = "Some bank", vi = "Ngân hàng" }
reference = "the bank's letter"
[meaning]
currency = "USD"
date = "dd-mm-yyyy"
required = ["end_to_end_id"]
status = [{ when.status = ["Xong"], is = "credited" }, { when.status = ["Hỏng"], is = "rejected" }]
[meaning.reason_text]
"sai tên" = "payee_data"
[delimited]
separator = ";"
skip_rows = 2
column.status = { header = ["Kết quả"] }
column.end_to_end_id = { header = ["Ref"] }
column.amount = { header = ["Amount"] }
column.reason = { header = ["Vì sao"] }
column.date = { header = ["Ngày"] }
"#;

#[test]
fn another_bank_is_text_and_no_code() {
    let formats = Formats::with([OUT, RESULTS]).expect("two right definitions");
    assert!(formats.out("some-bank").is_some());
    let text = "BANK\n\nreport;1\nREF;KET QUA;vì sao;ngay;amount;new\nE1;xong;;20-11-2026;12.50;\n\
                E2;hong;Lỗi: SAI TEN người nhận;;7;\nE3;đang chờ;;;7;\n";
    let text = text.replace("BANK\n\n", "BANK\n");
    let format = formats.recognise(text.as_bytes()).expect("its header is known");
    assert_eq!(format.id(), "some-bank-results");
    let mut outcomes = Vec::new();
    let facts = format
        .read(text.as_bytes(), &mut |outcome| {
            outcomes.push(outcome);
            ControlFlow::Continue(())
        })
        .expect("a right sheet");
    assert_eq!((facts.payments.count, facts.payments.sum_minor), (3, 12_50 + 7_00 + 7_00));
    assert_eq!(outcomes[0].status, OutcomeStatus::Credited);
    assert_eq!(outcomes[0].date.map(|date| date.to_string()).as_deref(), Some("2026-11-20"));
    assert_eq!(outcomes[1].status, OutcomeStatus::Rejected);
    assert_eq!(outcomes[1].reason_class, Some(ReasonClass::PayeeData));
    assert_eq!(outcomes[2].status, OutcomeStatus::Unrecognised("đang chờ".into()));
    assert_eq!(outcomes[2].place.line, 6);
}

#[test]
fn a_definition_of_the_same_id_takes_the_place() {
    let own = OUT.replace("some-bank", "vn-bank-bulk-csv");
    let formats = Formats::with([own.as_str()]).expect("a right definition");
    assert_eq!(formats.out("vn-bank-bulk-csv").map(|format| format.title_en()), Some("Some bank"));
    assert_eq!(formats.list().len(), Formats::built_in().list().len());
}
