//! `tests/FAULTS.md` against the tests: every row of it is shown by a test or script that exists, or says
//! why it is not.

use std::collections::BTreeSet;

use super::*;

/// How many faults there are; the page has a row for each, in order.
const FAULTS: usize = 49;

#[test]
fn every_fault_is_shown_or_says_why_not() {
    let page = read(Path::new("tests/FAULTS.md"));
    let mut files = sources(&["tests/it", "src", "payment-formats/src"]);
    files.extend(files_under(&repository().join("ops")).into_iter().map(source));
    none_of(faults_at_odds(&page, &files, FAULTS));
    none_of(careless_at_odds(&page, &files));
}

/// Careless copies that no test tries, or of which the page does not say how many seeds it took; and tests of
/// the simulator that find one and have no row.
fn careless_at_odds(page: &str, files: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    let (_, table) = page.split_once("## Careless copies").unwrap_or_default();
    for line in table.lines().filter(|line| line.contains('`') && line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, copy, _, test, seeds, _] = cells.as_slice() else {
            findings.push(format!("{line}: a row has four cells"));
            continue;
        };
        let name = test.trim_matches('`');
        if !is_there(name, files) {
            findings.push(format!("{copy}: there is no test `{name}`"));
        }
        if seeds.parse::<u64>().is_err() {
            findings.push(format!("{copy}: say how many seeds it took, not {seeds:?}"));
        }
        listed.insert(name.trim_start_matches("simulator::").to_owned());
    }
    let simulator = files.iter().filter(|file| file.path == "tests/it/simulator.rs");
    for line in simulator.flat_map(|file| file.text.lines()) {
        let name = line.trim_start().strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        if let Some(name) = name.filter(|name| name.contains("found_out"))
            && !listed.contains(name)
        {
            findings.push(format!("simulator::{name} finds a careless copy that has no row"));
        }
    }
    findings
}

/// Rows that are missing, name a test or script that does not exist, or neither name one nor give a reason.
fn faults_at_odds(page: &str, files: &[Source], faults: usize) -> Vec<String> {
    let mut findings = Vec::new();
    let mut expected = 1;
    for (number, line) in page.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(row) = cells.get(1).and_then(|cell| cell.parse::<usize>().ok()) else { continue };
        let place = format!("tests/FAULTS.md:{number}: row {row}");
        if row != expected {
            findings.push(format!("{place} stands where {expected} should"));
        }
        expected = row + 1;
        let [_, _, fault, where_, must, shown, result, _] = cells.as_slice() else {
            findings.push(format!("{place}: a row has six cells, and no `|` inside one"));
            continue;
        };
        if [fault, where_, must, result].iter().any(|cell| cell.is_empty()) {
            findings.push(format!("{place}: a cell is empty"));
        }
        let names: BTreeSet<&str> = shown.split('`').skip(1).step_by(2).collect();
        let reason = shown.split_once("no test:").map(|(_, reason)| reason.trim());
        if names.is_empty() && reason.is_none_or(|reason| reason.len() < 20) {
            findings.push(format!("{place}: name a test, or say `no test:` and why"));
        }
        for name in names.into_iter().filter(|name| !is_there(name, files)) {
            findings.push(format!("{place}: there is no test or script `{name}`"));
        }
    }
    if expected != faults + 1 {
        findings.push(format!("tests/FAULTS.md: {} rows of {faults}", expected - 1));
    }
    findings
}

/// `leases::a_stale_epoch` as a test of the integration suite or of a module, `ops/chaos/x.sh` as a file.
fn is_there(name: &str, files: &[Source]) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return name.starts_with("ops/") && files.iter().any(|file| file.path == name);
    };
    let module = module.replace("::", "/");
    let beside = module.strip_suffix("/tests").unwrap_or(&module);
    let places = [
        format!("tests/it/{module}.rs"),
        format!("src/{module}.rs"),
        format!("src/{beside}.rs"),
        format!("src/{beside}/mod.rs"),
        format!("payment-formats/src/{beside}.rs"),
    ];
    let defined = format!("fn {function}(");
    files.iter().any(|file| places.contains(&file.path) && file.text.contains(&defined))
}

#[test]
fn a_row_without_a_test_is_found() {
    let files = [
        Source { path: "tests/it/leases.rs".into(), text: "async fn holds(office: X) {".into() },
        Source { path: "src/disk/mod.rs".into(), text: "mod tests { fn whole() {".into() },
        Source { path: "ops/chaos/kill.sh".into(), text: String::new() },
    ];
    let row = |number: usize, shown: &str| format!("| {number} | f | p | m | {shown} | passed |\n");
    let good = row(1, "`leases::holds`") + &row(2, "`disk::tests::whole`, `ops/chaos/kill.sh`");
    let check = |page: &str, rows: usize, part: &str| {
        let found = faults_at_odds(page, &files, rows);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}, not {part}");
    };
    assert!(faults_at_odds(&good, &files, 2).is_empty());
    assert!(faults_at_odds(&row(1, "no test: that way is not there yet"), &files, 1).is_empty());
    check(&good, 3, "2 rows of 3");
    check(&row(2, "`leases::holds`"), 2, "stands where 1 should");
    check(&row(1, "`leases::gone`"), 1, "no test or script `leases::gone`");
    check(&row(1, "`ops/chaos/gone.sh`"), 1, "no test or script `ops/chaos/gone.sh`");
    check(&row(1, "later"), 1, "name a test");
    check(&row(1, "no test: later"), 1, "name a test");
    check("| 1 | f | p | | `leases::holds` | passed |\n", 1, "a cell is empty");
    check("| 1 | f | p |\n", 1, "six cells");
}

#[test]
fn a_careless_copy_without_a_row_or_a_figure_is_found() {
    let simulator = "fn it_is_found_out() {\nfn another_is_found_out() {";
    let files = [Source { path: "tests/it/simulator.rs".into(), text: simulator.into() }];
    let page = |rows: &[(&str, &str)]| {
        let row =
            |(name, seeds): &(&str, &str)| format!("| c | b | `simulator::{name}` | {seeds} |\n");
        format!("## Careless copies\n\n{}", rows.iter().map(row).collect::<String>())
    };
    let check = |rows: &[(&str, &str)], parts: &[&str]| {
        let found = careless_at_odds(&page(rows), &files);
        assert_eq!(found.len(), parts.len(), "{found:?}");
        for (one, part) in found.iter().zip(parts) {
            assert!(one.contains(part), "{one}, not {part}");
        }
    };
    let both = [("it_is_found_out", "1"), ("another_is_found_out", "20")];
    check(&both, &[]);
    check(&both[..1], &["another_is_found_out finds"]);
    check(&[both[0], ("another_is_found_out", "some")], &["how many seeds"]);
    check(&[both[0], both[1], ("gone_is_found_out", "3")], &["no test"]);
}
