//! The demo's month through the program itself: what it says adds up, the same seed gives the same
//! files, a kill at any stage changes nothing, and strangers' validators accept what was sent.
//!
//! Reads: nothing. Needs: xmllint and Python for the validators; what is absent is said.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::real_parts::{RealPart, published_schema, real_part, repository, shared_dir};
use crate::tidy::files_under;

const PEOPLE: &str = "300";
const SEED: &str = "3";
const CYCLE: &str = "2026-11";

/// One month that nobody disturbs; the tests of this file look at it and change nothing.
static MONTH: LazyLock<Month> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let dir = folder.path().join("demo");
    let said = check(chitra(&["demo", "--people", PEOPLE, "--seed", SEED, "--dir", text(&dir)]), 0);
    Month { _folder: folder, dir, said }
});

struct Month {
    _folder: TempDir,
    dir: PathBuf,
    said: Value,
}

#[test]
fn everyone_and_every_dong_is_accounted_for() {
    let said = &MONTH.said;
    assert_eq!(said["balanced"], true, "{said:#}");
    assert_eq!(said["state"], "closed");
    assert_eq!(said["hinders_closing"], serde_json::json!([]));
    for (partition, whole) in
        [("rows", "listed"), ("payables", "total"), ("money", "total"), ("people", "total")]
    {
        let parts = said[partition].as_object().expect("an object of figures");
        let sum: i128 =
            parts.iter().filter(|(name, _)| *name != whole).map(|(_, part)| number(part)).sum();
        assert_eq!(sum, number(&parts[whole]), "{partition}: {parts:?}");
        assert!(sum > 0, "{partition}: {parts:?}");
    }
    assert_eq!(said["payables"]["pending"], 0, "nothing is pending in a closed cycle");
    for identity in said["identities"].as_array().expect("a list of identities") {
        assert_eq!(identity["holds"], true, "{identity}");
    }
    let listed = fs::read_to_string(MONTH.dir.join("input/roster.csv")).expect("it is there");
    assert_eq!(number(&said["rows"]["listed"]), listed.lines().count() as i128 - 1);
    // What left for the first time is what was owed and not held.
    let files = said["files"].as_array().expect("a list of files");
    let first = files.iter().filter(|file| file["list"] == 0);
    let sent: i128 = first.map(|file| number(&file["total"])).sum();
    assert_eq!(sent, number(&said["money"]["total"]) - number(&said["money"]["held"]));
}

#[test]
fn the_partners_own_ledger_equals_our_books() {
    let said = &MONTH.said;
    assert_eq!(said["payables"]["unknown"], 0, "else the partners may know of more: {said:#}");
    assert_eq!(said["sandbox"]["credited"], said["payables"]["paid"]);
    assert_eq!(said["sandbox"]["minor"], said["money"]["paid"]);
    let ledger = check(chitra(&["sandbox", text(&MONTH.dir.join("sandbox"))]), 0);
    assert_eq!(ledger["credited_again"], 0, "{ledger}");
    let kept: i128 = ledger["providers"]
        .as_array()
        .expect("a list of partners")
        .iter()
        .map(|one| number(&one["credited"]["minor"]) - number(&one["returned"]["minor"]))
        .sum();
    assert_eq!(kept, number(&said["money"]["paid"]), "{ledger}");
}

#[test]
fn the_same_seed_gives_the_same_files_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let dir = folder.path().join("again");
    let demo = ["demo", "--people", PEOPLE, "--seed", SEED, "--dir", text(&dir)];
    let first = check(chitra(&demo), 0);
    assert_eq!(first, MONTH.said);
    assert_eq!(taken(&dir), taken(&MONTH.dir));
    let before = (taken(&dir), contents(&dir.join("log")));
    assert_eq!(check(chitra(&demo), 0), first);
    assert_eq!((taken(&dir), contents(&dir.join("log"))), before);
    // Another seed in the same folder is refused and touches nothing.
    let other = ["demo", "--people", PEOPLE, "--seed", "4", "--dir", text(&dir)];
    assert_eq!(check(chitra(&other), 1)["error"], "G130");
    assert_eq!((taken(&dir), contents(&dir.join("log"))), before);
}

#[test]
fn a_kill_at_any_stage_is_made_good_by_starting_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (control, victim) = (folder.path().join("control"), folder.path().join("victim"));
    let mut lines = Vec::new();
    assert!(watch(&control, &mut |line| {
        lines.push(line.to_owned());
        false
    }));
    let mut times: HashMap<&str, usize> = HashMap::new();
    for line in &lines {
        *times.entry(line).or_default() += 1;
    }
    let marks: Vec<&String> = lines.iter().filter(|line| times[line.as_str()] == 1).collect();
    for stage in ["roster", "compute", "assemble", "render", "dispatch", "collect"] {
        let word = if stage == "dispatch" { "delivered" } else { stage };
        assert!(lines.iter().any(|line| line.contains(word)), "{stage} says nothing: {lines:#?}");
    }
    // Six kills, spread over what the log can tell apart; each kills in the midst of what follows.
    for kill in 0..6 {
        let mark = marks[(2 * kill + 1) * marks.len() / 12];
        let finished = watch(&victim, &mut |line| line == mark);
        assert!(!finished, "kill {kill} never came: the run passed by `{mark}`");
    }
    assert!(watch(&victim, &mut |_| false), "the last resumption finishes");
    assert_eq!(taken(&victim), taken(&control));
    let status = |dir| check(chitra(&["--office", text(dir), "cycle", "status", CYCLE]), 0);
    assert_eq!(status(&victim), status(&control));
    assert_eq!(status(&victim)["state"], "closed");
    assert_eq!(check(chitra(&["--office", text(&victim), "audit", "verify"]), 0)["verified"], true);
    let ledger = |dir: &Path| check(chitra(&["sandbox", text(&dir.join("sandbox"))]), 0);
    assert_eq!(ledger(&victim), ledger(&control));
}

#[test]
fn a_demo_that_died_before_it_began_is_begun_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let dir = folder.path().join("demo");
    fs::create_dir(&dir).expect("the folder is ours");
    fs::write(dir.join("demo.json.part"), "{").expect("the folder is ours");
    let demo = ["demo", "--people", "20", "--dir", text(&dir)];
    assert_eq!(check(chitra(&demo), 0)["state"], "closed");
}

#[test]
fn what_was_sent_satisfies_the_published_schemas() {
    let files = taken(&MONTH.dir);
    let of_kind = |ending: &str| -> Vec<PathBuf> {
        let found = files.keys().filter(|name| name.ends_with(ending));
        found.map(|name| MONTH.dir.join("sandbox").join(name)).collect()
    };
    let (xml, json) = (of_kind(".xml"), of_kind(".json"));
    assert!(!xml.is_empty() && !json.is_empty(), "{:?}", files.keys());
    if let (Some(xmllint), Some(schema)) =
        (real_part(RealPart::Xmllint), published_schema("pain.001.001.09"))
    {
        for file in xml {
            let mut command = Command::new(repository().join("tests/external/xsd.sh"));
            command.env("CHITRA_TEST_XMLLINT", &xmllint).arg(&file).arg(&schema);
            check_validator(&file, command);
        }
    }
    if let (Some(python), Some(shared)) = (real_part(RealPart::Python), shared_dir()) {
        for file in json {
            let mut command = Command::new(&python);
            command.arg(repository().join("tests/external/gsma_batch.py"));
            command.arg(&file).arg(shared.join("openapi"));
            check_validator(&file, command);
        }
    }
}

#[test]
fn commands_answer_in_json_and_by_their_exit_codes() {
    let office = text(&MONTH.dir);
    let ask = |arguments: &[&str], code| {
        check(chitra(&[&["--office", office], arguments].concat()), code)
    };
    let status = ask(&["cycle", "status", CYCLE], 0);
    assert_eq!(status["payables"], MONTH.said["payables"]);
    let held = ask(&["hold", "list", CYCLE, "--limit", "3"], 0);
    let held_rows = number(&status["rows"]["held"]) + number(&status["payables"]["held"]);
    assert_eq!(number(&held["held"]), held_rows, "{held}");
    assert_eq!(held["shown"].as_array().map(Vec::len), Some(3), "{held}");
    let roster = fs::read_to_string(MONTH.dir.join("input/roster.csv")).expect("it is there");
    let enrolment = roster.lines().nth(8).and_then(|line| line.split(',').next());
    let told = ask(&["explain", enrolment.expect("a row")], 0);
    assert_eq!(told["cycle"], CYCLE);
    assert!(told["rows"][0]["law"]["vi"].is_string(), "{told:#}");
    let verified = ask(&["audit", "verify"], 0);
    assert_eq!(
        (&verified["verified"], &verified["compared_with_database"]),
        (&true.into(), &true.into())
    );

    assert_eq!(ask(&["cycle", "status", "2031-01"], 1)["error"], "C103");
    assert!(ask(&["explain", "E9999999999"], 1)["sentence"].is_string());
    for misuse in [&["cycle", "status"][..], &["nonsense"], &["demo", "--people", "many"]] {
        let told = check(chitra(misuse), 2);
        assert_eq!(told["error"], "U101", "{misuse:?}");
        assert!(told["sentence"].as_str().is_some_and(|said| said.contains("--help")), "{told}");
    }
    // Where nobody asked for JSON, the same is said for people; help is an answer and no misuse.
    let plain = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chitra"));
        command.args(arguments).output().expect("the program starts")
    };
    let output = plain(&["nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.starts_with(b"U101: ") && output.stdout.is_empty());
    assert_eq!(plain(&["--help"]).status.code(), Some(0));
    let page = fs::read_to_string(repository().join("docs/errors.md")).expect("it is there");
    for row in ["| 0 | done |", "| 1 | refused", "| 2 | the command line cannot be read (U101) |"] {
        assert!(page.contains(row), "docs/errors.md has no row {row}");
    }

    // In an officer's name nothing is done without the officer, and the key.
    let by = |name: &str, rest: &[&str]| ask(&[rest, &["--as", name]].concat(), 1)["error"].clone();
    for act in [
        &["cycle", "close", CYCLE][..],
        &["cycle", "cancel", CYCLE, "--reason", "none"],
        &["release", CYCLE],
        &["submit", CYCLE],
        &["hold", "resolve", CYCLE, "0-0", "--decision", "release", "--reason", "none"],
        &["hold", "confirm", CYCLE, "0-0"],
        &["queue", "resolve", "1", "--reason", "none"],
        &["queue", "lift", "1"],
        &["cycle", "open", CYCLE, "--value-date", "2026-11-03"],
        &["roster", "import", "none.csv", "--period", CYCLE],
        &["identity", "import", "none.csv", "--period", CYCLE],
    ] {
        assert_eq!(by("nobody", act), "A102", "{act:?}");
        let stolen = MONTH.dir.join("keys/office.key");
        let with = [act, &["--key", text(&stolen)]].concat();
        assert!(["A104", "A111", "A108"].contains(&by("lan", &with).as_str().unwrap()), "{act:?}");
        assert_eq!(
            chitra(&[&["--office", office], act].concat()).status.code(),
            Some(2),
            "{act:?}"
        );
    }
    let empty = tempfile::tempdir().expect("a folder for the test");
    let dir = empty.path().join("new");
    let init = ["init", text(&dir), "--history-from", "2026-11", "--database"];
    assert_eq!(check(chitra(&[&init[..], &["my office"]].concat()), 1)["error"], "G104");
    assert!(!dir.exists());
    let odd = ["--name", "Phòng \"A\"\n[office]"];
    assert_eq!(check(chitra(&[&init[..], &["sqlite:o.db"], &odd].concat()), 1)["error"], "G101");
    let named = ["--name", "Phòng \"Nội vụ\""];
    check(chitra(&[&init[..], &["sqlite:o.db"], &named].concat()), 0);
    let at_new = ["--office", text(&dir), "officer", "enrol"];
    let enrol = ["../../lan", "--role", "officer", "--new-key"];
    assert_eq!(check(chitra(&[&at_new[..], &enrol].concat()), 1)["error"], "G120");
    assert!(!dir.join("keys/lan.key").exists() && !dir.join("lan.key").exists());
}

/// Runs the program and waits for it.
fn chitra(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitra"));
    command.env_remove("CHITRA_LOG").args(arguments).arg("--json");
    command.output().expect("the program starts")
}

/// The exit code is the expected one; gives what was said, on standard error when it was refused.
#[track_caller]
fn check(output: Output, code: i32) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{complaint}");
    let said = if code == 0 { &output.stdout } else { &output.stderr };
    serde_json::from_slice(said)
        .unwrap_or_else(|error| panic!("{error}: {}{complaint}", String::from_utf8_lossy(said)))
}

#[track_caller]
fn check_validator(file: &Path, mut command: Command) {
    let output = command.output().expect("the validator starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{}: {said}", file.display());
}

/// Runs the demo and shows each line of its log, without its time, to `kill`, which may kill it.
/// True when it finished. Nothing is cleaned up, as after a power cut of the program alone.
fn watch(dir: &Path, kill: &mut dyn FnMut(&str) -> bool) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chitra"))
        .args(["demo", "--people", PEOPLE, "--seed", SEED, "--dir", text(dir)])
        .envs([("CHITRA_LOG", "chitra=debug"), ("NO_COLOR", "1")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let log = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut last = String::new();
    for line in log.lines() {
        let line = line.expect("the log is text");
        // `TIME DEBUG MODULE: words` of the engine, ` SECONDS s  words` of the demo.
        let words = match line.split_once(" DEBUG ").and_then(|(_, rest)| rest.split_once(": ")) {
            Some((_, words)) => words,
            None => line.split_once(" s  ").map_or(line.as_str(), |(_, words)| words),
        };
        if kill(words) {
            child.kill().expect("it is ours");
            child.wait().expect("it was started");
            return false;
        }
        last = line;
    }
    let status = child.wait().expect("it was started");
    assert!(status.success(), "{status}: {last}");
    true
}

/// The files that partners took, by partner and name.
fn taken(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = contents(&dir.join("sandbox"));
    found.retain(|name, _| name.contains("/taken/"));
    assert!(!found.is_empty(), "nothing was sent from {}", dir.display());
    found
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let relative = |path: &PathBuf| {
        let path = path.strip_prefix(dir).expect("it is below the folder");
        path.display().to_string()
    };
    let read = |path: PathBuf| (relative(&path), fs::read(&path).expect("it can be read"));
    files_under(dir).into_iter().map(read).collect()
}

/// A count, or money as a text of minor units.
#[track_caller]
fn number(value: &Value) -> i128 {
    match value {
        Value::String(text) => text.parse().expect("minor units"),
        other => i128::from(other.as_i64().expect("a count")),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the test's folders have plain names")
}
