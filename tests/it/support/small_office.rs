//! A small office as its users have it: made, run and looked at by the program alone, so that a test can do
//! to the process what happens to processes.
//!
//! Reads: nothing. Gives: offices at a stage of their month, each a copy of one that was made once for the
//! program as it is built; and what an undisturbed month comes to, to compare with.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use chitra::store::database::Database as _;
use chitra::store::sqlite::Sqlite;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::office::event_loop;
use crate::support::real_parts::repository;
use crate::tidy::files_under;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_chitra");
pub const CYCLE: &str = "2026-11";
const PEOPLE: &str = "60";

/// How far a month is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Register and roster are taken in, the cycle is open.
    Opened,
    /// Submitted and approved by two.
    Approved,
    /// Five files wait to be sent.
    Released,
}

/// From empty to opened.
const BEGINNING: &[(&str, &[&str])] = &[
    (
        "2026-10-20",
        &["identity", "import", "{month}/identity.csv", "--period", CYCLE, "--as", "lan"],
    ),
    ("2026-10-20", &["roster", "import", "{month}/roster.csv", "--period", CYCLE, "--as", "lan"]),
    ("2026-10-21", &["cycle", "open", CYCLE, "--value-date", "2026-11-03", "--as", "lan"]),
];

/// From opened to released.
pub const TO_RELEASE: &[(&str, &[&str])] = &[
    ("2026-10-21", &["cycle", "run", CYCLE]),
    ("2026-10-23", &["submit", CYCLE, "--as", "lan"]),
    ("2026-10-23", &["approve", CYCLE, "--as", "minh"]),
    ("2026-10-23", &["approve", CYCLE, "--as", "hoa"]),
    ("2026-10-23", &["release", CYCLE, "--as", "hoa"]),
];

/// The day on which files leave, and the one by which most answers are there.
pub const SENT_ON: &str = "2026-11-02";
const ANSWERED_ON: &str = "2026-11-09";

pub struct SmallOffice {
    _folder: Option<TempDir>,
    pub dir: PathBuf,
}

/// How a run of the program ended, and what it said.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Ran {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The code of the refusal; `done` when there was none, `killed` when a signal ended it, `no code` when the
    /// program could not even say one.
    pub fn code(&self) -> String {
        match self.status.code() {
            Some(0) => "done".to_owned(),
            None => "killed".to_owned(),
            Some(code) if code > 128 => "killed".to_owned(),
            Some(_) => {
                let told = self.stderr.lines().map(serde_json::from_str::<Value>);
                let code = |told: Value| told["error"].as_str().map(str::to_owned);
                told.flatten().find_map(code).unwrap_or_else(|| "no code".to_owned())
            }
        }
    }

    /// What it said, when it was done.
    #[track_caller]
    pub fn said(&self) -> Value {
        assert!(self.status.success(), "{}: {}", self.status, self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// What dispatch said of the file of one partner: its state and why.
    #[track_caller]
    pub fn of_file(&self, name: &str) -> (String, String) {
        // A file that did not leave is told, and then ends the command with a code.
        let said: Value = match self.code().as_str() {
            "D181" => serde_json::from_str(&self.stdout).expect("what is said is JSON"),
            _ => self.said(),
        };
        let files = said.as_array().expect("dispatch tells of each file");
        let file = files.iter().find(|file| file["file"] == name);
        let file = file.unwrap_or_else(|| panic!("nothing is said of {name}: {said}"));
        let text = |key: &str| file[key].as_str().expect("it is a text").to_owned();
        (text("state"), text("detail"))
    }
}

/// The office that others are copied from, and what becomes of it when nothing goes wrong.
struct Model {
    dir: PathBuf,
}

impl Model {
    /// Made once for the program as it is built, and kept beside it.
    fn made() -> Model {
        let built = fs::metadata(PROGRAM).expect("the program is built");
        let since = built.modified().expect("files have a time");
        let since = since.duration_since(std::time::UNIX_EPOCH).expect("it was built after 1970");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let dir = folder.join(format!("small-office-{}", since.as_nanos()));
        let lock = fs::File::create(folder.join("small-office.lock")).expect("the folder is ours");
        lock.lock().expect("the file system has locks");
        if !dir.exists() {
            for old in fs::read_dir(folder).expect("the folder is ours").flatten() {
                if old.file_name().to_string_lossy().starts_with("small-office-") {
                    let _ = fs::remove_dir_all(old.path());
                }
            }
            let part = folder.join("small-office-part");
            fs::create_dir_all(&part).expect("the folder is ours");
            Model::make(&part);
            fs::rename(&part, &dir).expect("the folder is ours");
        }
        Model { dir }
    }

    fn make(dir: &Path) {
        let office = SmallOffice { _folder: None, dir: dir.join("office") };
        office.begin("sqlite:office.db", &dir.join("month"), None);
        copy(&office.dir, &dir.join("opened"));
        for (day, step) in TO_RELEASE {
            if step[0] == "release" {
                copy(&office.dir, &dir.join("approved"));
            }
            office.run(day, step).said();
        }
        copy(&office.dir, &dir.join("released"));
        office.run(SENT_ON, &["dispatch", CYCLE]).said();
        let sent = office.inboxes();
        assert_eq!(sent.len(), 5, "{:?}", sent.keys());
        for (name, bytes) in sent {
            let path = dir.join("sent").join(name);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it is ours");
            fs::write(path, bytes).expect("it is ours");
        }
        let came_to = office.answered();
        fs::write(dir.join("came-to.json"), came_to.to_string()).expect("it is ours");
        fs::remove_dir_all(&office.dir).expect("it is ours");
    }

    fn sent(&self) -> BTreeMap<String, Vec<u8>> {
        contents(&self.dir.join("sent"))
    }

    fn came_to(&self) -> Value {
        let text = fs::read_to_string(self.dir.join("came-to.json")).expect("it was made");
        serde_json::from_str(&text).expect("it was written as JSON")
    }
}

impl SmallOffice {
    /// An office of its own at this stage.
    pub fn at(stage: Stage) -> SmallOffice {
        let folder = tempfile::tempdir().expect("a folder for the office");
        let dir = folder.path().join("office");
        SmallOffice::at_place(stage, &dir);
        SmallOffice { _folder: Some(folder), dir }
    }

    /// An office at this stage in a folder that somebody else made.
    pub fn at_place(stage: Stage, dir: &Path) -> SmallOffice {
        let name = format!("{stage:?}").to_lowercase();
        copy(&Model::made().dir.join(name), dir);
        SmallOffice { _folder: None, dir: dir.to_owned() }
    }

    /// The same office over another database, which is new: opened. Its key is the model's, so that its
    /// files have the same bytes.
    pub fn over(url: &str, dir: &Path) -> SmallOffice {
        let office = SmallOffice { _folder: None, dir: dir.to_owned() };
        let model = Model::made().dir;
        office.begin(url, &model.join("month"), Some(&model.join("opened/keys/office.key")));
        office
    }

    /// Takes an office that somebody else has put there.
    pub fn found(dir: &Path) -> SmallOffice {
        SmallOffice { _folder: None, dir: dir.to_owned() }
    }

    fn begin(&self, database: &str, month: &Path, key: Option<&Path>) {
        let program = |arguments: &[&str]| {
            Ran::of(Command::new(PROGRAM).arg("--json").args(arguments)).said();
        };
        if !month.exists() {
            program(&["synth", "--people", PEOPLE, "--seed", "1", "--out", text(month)]);
        }
        let history = ["--history-from", CYCLE, "--database", database];
        program(&[&["init", text(&self.dir), "--prefix", "AB01"][..], &history].concat());
        if let Some(key) = key {
            fs::copy(key, self.dir.join("keys/office.key")).expect("the model has a key");
        }
        let config = self.dir.join("chitra.toml");
        let partners = repository().join("examples/sandbox-partners.toml");
        let partners = fs::read_to_string(partners).expect("the example is there");
        let office = fs::read_to_string(&config).expect("it was just made");
        fs::write(&config, office + &partners).expect("it is ours");
        program(&["sandbox", text(&self.dir.join("sandbox"))]);
        for (name, role) in [("lan", "officer"), ("minh", "approver"), ("hoa", "approver")] {
            let enrol = ["officer", "enrol", name, "--role", role, "--new-key"];
            Ran::of(&mut self.command(None, &enrol)).said();
        }
        for (day, step) in BEGINNING {
            let step: Vec<String> =
                step.iter().map(|word| word.replace("{month}", text(month))).collect();
            self.run(day, &step.iter().map(String::as_str).collect::<Vec<_>>()).said();
        }
    }

    /// The program and its arguments, to be run under something else.
    pub fn line(&self, day: Option<&str>, arguments: &[&str]) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec![PROGRAM.into(), "--json".into(), "--office".into()];
        line.push(self.dir.clone().into());
        if let Some(day) = day {
            line.extend(["--today".into(), day.into()]);
        }
        line.extend(arguments.iter().map(OsString::from));
        line
    }

    pub fn command(&self, day: Option<&str>, arguments: &[&str]) -> Command {
        let line = self.line(day, arguments);
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env_remove("CHITRA_LOG").env_remove("RUST_BACKTRACE");
        command
    }

    pub fn run(&self, day: &str, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(Some(day), arguments))
    }

    /// Brings what stands in the database's log of writes into its one file.
    pub fn comes_to_rest(&self) {
        event_loop().block_on(async {
            let path = self.dir.join("office.db");
            let database = Sqlite::open(text(&path)).await.expect("the database can be opened");
            let folded = database.query("pragma wal_checkpoint(truncate)", &[]).await;
            folded.expect("nobody else has it open");
            database.close().await;
        });
        assert!(!self.dir.join("office.db-wal").exists());
    }

    pub fn dispatch(&self) -> Ran {
        self.run(SENT_ON, &["dispatch", CYCLE])
    }

    /// The folder in which a partner looks for its files.
    pub fn inbox(&self, partner: &str) -> PathBuf {
        self.dir.join("sandbox").join(partner).join("inbox")
    }

    /// The file of a partner, by its name and place.
    pub fn file_of(&self, partner: &str) -> (String, PathBuf) {
        let sent = Model::made().sent();
        let of_partner = format!("{partner}/inbox/");
        let name = sent.keys().find_map(|name| name.strip_prefix(&of_partner));
        let name = name.expect("the partner gets a file").to_owned();
        (name.clone(), self.inbox(partner).join(name))
    }

    /// What lies in the partners' inboxes.
    pub fn inboxes(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = contents(&self.dir.join("sandbox"));
        found.retain(|name, _| name.contains("/inbox/"));
        found
    }

    /// What an undisturbed month sends.
    pub fn approved_files(&self) -> BTreeMap<String, Vec<u8>> {
        Model::made().sent()
    }

    /// Takes what is left of the way to released; what was done already is refused with these codes.
    pub fn go_on_to_release(&self) {
        for (day, step) in TO_RELEASE {
            let ran = self.run(day, step);
            let code = ran.code();
            let done_already = ["done", "C110", "A108", "A109", "C100"].contains(&code.as_str());
            assert!(done_already, "{step:?}: {}", ran.stderr);
        }
    }

    /// Sends until everything is delivered; then holds the office and its partners against a month that
    /// nobody disturbed: the same files, each once, the same figures, the same ledger, and a log that
    /// verifies.
    #[track_caller]
    pub fn ends_as_undisturbed(&self) {
        for _ in 0..3 {
            let sent = self.dispatch();
            let sent = sent.said();
            let files = sent.as_array().expect("dispatch tells of each file");
            if files.iter().all(|file| file["state"] == "delivered") {
                break;
            }
        }
        let model = Model::made();
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        let (found, wanted) = (self.inboxes(), model.sent());
        assert_eq!(names(&found), names(&wanted), "the files at the partners");
        assert!(found == wanted, "the files have the same bytes");
        self.comes_to_the_same();
    }

    /// Lives to the day of the answers: figures, ledger and log are those of an undisturbed month.
    #[track_caller]
    pub fn comes_to_the_same(&self) {
        assert_eq!(self.answered(), Model::made().came_to());
    }

    /// Lives through the days of the answers, and tells what the office and the partners hold then.
    fn answered(&self) -> Value {
        let sandbox = self.dir.join("sandbox");
        let at_partners = |more: &[&str]| {
            let mut command = Command::new(PROGRAM);
            Ran::of(command.args(["--json", "sandbox", text(&sandbox)]).args(more))
        };
        at_partners(&["--day", SENT_ON]).said();
        at_partners(&["--day", ANSWERED_ON]).said();
        self.run(ANSWERED_ON, &["collect"]).said();
        let ledger = at_partners(&[]).said();
        assert_eq!(ledger["credited_again"], 0, "nobody is paid twice: {ledger}");
        assert_eq!(self.run(ANSWERED_ON, &["audit", "verify"]).said()["verified"], true);
        let mut status = self.run(ANSWERED_ON, &["cycle", "status", CYCLE]).said();
        assert_eq!(status["balanced"], true, "{status:#}");
        // The digest of a list is of its run, with its keys and moments.
        if let Some(lists) = status.get_mut("lists") {
            *lists = Value::Null;
        }
        serde_json::json!({ "status": status, "ledger": ledger })
    }
}

/// The files of a folder, by their names below it.
pub fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let relative = |path: &Path| {
        let path = path.strip_prefix(dir).expect("it is below the folder");
        path.display().to_string()
    };
    let read = |path: PathBuf| (relative(&path), fs::read(&path).expect("it can be read"));
    files_under(dir).into_iter().map(read).collect()
}

/// Copies a folder as it is, with its rights and times.
pub fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp can be run");
    assert!(done.success(), "{} to {}", from.display(), to.display());
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("the test's folders have plain names")
}
