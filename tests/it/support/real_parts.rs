//! What some suites need beyond Rust: a PostgreSQL server, xmllint, Python with other people's
//! validators, and the folder of shared facts and samples.
//!
//! Reads: the environment that `ops/test` sets.
//! Gives: the part when it is here. When it is not, the test says `NOT RUN:` with the reason and
//! ends; when `CHITRA_TEST_REQUIRE` names the part, its absence is a failure instead. So a plain
//! `cargo test` works on any machine, and the full run cannot leave a suite out unnoticed.
//!
//! ```text
//! let Some(url) = real_part(RealPart::Postgres) else { return };
//! ```

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::panic::Location;
use std::path::{Path, PathBuf};

/// Something that a test cannot bring along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RealPart {
    /// A server to create databases on: the URL of a superuser.
    Postgres,
    /// The path of the `xmllint` program.
    Xmllint,
    /// The path of a Python that has the packages of `tests/external/requirements.txt`.
    Python,
    /// The path of OpenSSH's `sshd`, which a test starts on a port of its own.
    Sftp,
    /// The path of the program `age`, which seals and opens files.
    Age,
    /// The path of the program `gpg`, which makes keys of OpenPGP, seals, signs and verifies.
    Gpg,
    /// The path of the program `openssl`, which makes keys, certificates and signatures.
    Openssl,
    /// The path of `strace`, where processes may be traced: it makes system calls fail.
    Strace,
    /// The path of libfaketime, which shows a program another clock.
    Faketime,
    /// Root who may mount: a file system of a test's own, which fills up, turns read-only or loses its power.
    Mounts,
    /// The folder in which a group of processes with a limit of memory can be made.
    Cgroup,
    /// The folder of PostgreSQL's programs, for a server of a test's own that may be killed.
    PostgresPrograms,
    /// The folder with schemas, samples and specifications that are not ours to pass on.
    Shared,
}

impl RealPart {
    pub const ALL: [RealPart; 13] = [
        RealPart::Postgres,
        RealPart::Xmllint,
        RealPart::Python,
        RealPart::Sftp,
        RealPart::Age,
        RealPart::Gpg,
        RealPart::Openssl,
        RealPart::Strace,
        RealPart::Faketime,
        RealPart::Mounts,
        RealPart::Cgroup,
        RealPart::PostgresPrograms,
        RealPart::Shared,
    ];

    /// The word for it in `CHITRA_TEST_REQUIRE`.
    fn word(self) -> &'static str {
        match self {
            RealPart::Postgres => "postgres",
            RealPart::Xmllint => "xmllint",
            RealPart::Python => "python",
            RealPart::Sftp => "sftp",
            RealPart::Age => "age",
            RealPart::Gpg => "gpg",
            RealPart::Openssl => "openssl",
            RealPart::Strace => "strace",
            RealPart::Faketime => "faketime",
            RealPart::Mounts => "mounts",
            RealPart::Cgroup => "cgroup",
            RealPart::PostgresPrograms => "postgres_programs",
            RealPart::Shared => "shared",
        }
    }
}

/// The part's URL or path, or `None` after saying which suite is not run and why.
///
/// Panics when `CHITRA_TEST_REQUIRE` names the part.
#[track_caller]
pub fn real_part(part: RealPart) -> Option<String> {
    match look(part, &variable) {
        Ok(here) => Some(here),
        Err(reason) => {
            let place = Location::caller();
            let suite = suite_of(Path::new(place.file()));
            let required = required(&variable).unwrap_or_else(|error| panic!("{error}"));
            assert!(!required.contains(&part), "{suite} was to be run: {reason}");
            not_run(&format!("{suite} (line {}): {reason}", place.line()));
            None
        }
    }
}

/// The folder of shared facts: `CHITRA_SHARED`, or `shared` beside the repository.
#[track_caller]
pub fn shared_dir() -> Option<PathBuf> {
    real_part(RealPart::Shared).map(PathBuf::from)
}

/// The published XML schema of a message such as `pain.001.001.09`: from the shared folder, or
/// from the packages of `tests/external/schemas.txt`, which lack some versions.
///
/// Panics when both are here and neither has it: then the name is wrong.
#[track_caller]
pub fn published_schema(message: &str) -> Option<PathBuf> {
    let name = format!("{message}.xsd");
    let shared = look(RealPart::Shared, &variable).map(|folder| Path::new(&folder).join("xsd"));
    let packages = look(RealPart::Python, &variable)
        .map(|python| Path::new(&python).with_file_name("../lib"))
        .map(|folder| crate::tidy::files_under(&folder));
    let found = match (&shared, &packages) {
        (Ok(folder), _) if folder.join(&name).is_file() => Some(folder.join(&name)),
        (_, Ok(files)) => files.iter().find(|file| file.ends_with(&name)).cloned(),
        _ => None,
    };
    if found.is_none() {
        assert!(shared.is_err() || packages.is_err(), "there is no published schema {name}");
        let place = Location::caller();
        let reasons: Vec<String> = [shared.err(), packages.err()].into_iter().flatten().collect();
        not_run(&format!(
            "{} (line {}): no schema {name}: {}",
            suite_of(Path::new(place.file())),
            place.line(),
            reasons.join("; ")
        ));
    }
    found
}

/// Where the part is, or why it cannot be used.
fn look(part: RealPart, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    match part {
        RealPart::Postgres => variable("CHITRA_TEST_POSTGRES_URL").ok_or_else(|| {
            "no PostgreSQL: CHITRA_TEST_POSTGRES_URL is not set (ops/test starts a server)".into()
        }),
        RealPart::Xmllint => match variable("CHITRA_TEST_XMLLINT") {
            Some(path) => file_at(Path::new(&path), "CHITRA_TEST_XMLLINT"),
            None => in_path("xmllint", variable)
                .ok_or_else(|| "no xmllint in PATH (Debian: libxml2-utils)".into()),
        },
        RealPart::Age => match variable("CHITRA_TEST_AGE") {
            Some(path) => file_at(Path::new(&path), "CHITRA_TEST_AGE"),
            None => in_path("age", variable).ok_or_else(|| "no age in PATH (Debian: age)".into()),
        },
        RealPart::Gpg => {
            in_path("gpg", variable).ok_or_else(|| "no gpg in PATH (Debian: gnupg)".into())
        }
        RealPart::Openssl => in_path("openssl", variable)
            .ok_or_else(|| "no openssl in PATH (Debian: openssl)".into()),
        RealPart::Strace => {
            let strace = in_path("strace", variable)
                .ok_or_else(|| String::from("no strace in PATH (Debian: strace)"))?;
            match works(&strace, &["-f", "-o", "/dev/null", "true"]) {
                true => Ok(strace),
                false => Err("processes may not be traced here (ptrace)".into()),
            }
        }
        RealPart::Faketime => {
            let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
            let mut places =
                folders.iter().map(|folder| format!("{folder}/faketime/libfaketime.so.1"));
            places
                .find(|place| Path::new(place).is_file())
                .ok_or_else(|| "no libfaketime (Debian: faketime)".into())
        }
        RealPart::Mounts => {
            let mkfs = in_path("mkfs.ext4", variable).or_else(|| {
                Some("/usr/sbin/mkfs.ext4".to_owned()).filter(|path| Path::new(path).is_file())
            });
            let mkfs = mkfs.ok_or_else(|| String::from("no mkfs.ext4 (Debian: e2fsprogs)"))?;
            let may = works("unshare", &["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);
            match may && Path::new("/dev/loop-control").exists() {
                true => Ok(mkfs),
                false => Err("file systems may not be mounted here (root, loop devices)".into()),
            }
        }
        RealPart::Cgroup => {
            let folders = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(Path::new);
            let controls = |folder: &&Path| {
                ["memory.limit_in_bytes", "cgroup.subtree_control"]
                    .iter()
                    .any(|file| fs::OpenOptions::new().write(true).open(folder.join(file)).is_ok())
            };
            let found = folders.iter().find(|folder| controls(folder));
            found
                .map(|folder| folder.display().to_string())
                .ok_or_else(|| "memory of processes may not be limited here (cgroup)".into())
        }
        RealPart::PostgresPrograms => {
            let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path().join("bin"))
                .filter(|folder| folder.join("initdb").is_file())
                .collect();
            folders.sort();
            let newest = folders.pop().map(|folder| folder.display().to_string());
            newest.ok_or_else(|| "no initdb below /usr/lib/postgresql (Debian: postgresql)".into())
        }
        RealPart::Python => match variable("CHITRA_TEST_VENV") {
            Some(venv) => file_at(&Path::new(&venv).join("bin/python"), "CHITRA_TEST_VENV"),
            None => Err("no validators: CHITRA_TEST_VENV is not set (ops/test makes one)".into()),
        },
        RealPart::Sftp => match variable("CHITRA_TEST_SSHD") {
            Some(path) => file_at(Path::new(&path), "CHITRA_TEST_SSHD"),
            None => Some("/usr/sbin/sshd".to_owned())
                .filter(|path| Path::new(path).is_file())
                .ok_or_else(|| "no sshd in /usr/sbin (Debian: openssh-server)".into()),
        },
        RealPart::Shared => {
            let folder = variable("CHITRA_SHARED")
                .map_or_else(|| repository().join("../shared"), PathBuf::from);
            match folder.is_dir() {
                true => Ok(folder.display().to_string()),
                false => Err(format!(
                    "no shared facts and samples at {} (CHITRA_SHARED names another folder)",
                    folder.display()
                )),
            }
        }
    }
}

/// Whether a command runs to a good end.
fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new(program);
    let quiet = || std::process::Stdio::null();
    command.args(arguments).stdin(quiet()).stdout(quiet()).stderr(quiet());
    command.status().is_ok_and(|status| status.success())
}

/// A program by its name.
fn in_path(program: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let path = variable("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.is_file()).map(|place| place.display().to_string())
}

fn file_at(path: &Path, named_by: &str) -> Result<String, String> {
    match path.is_file() {
        true => Ok(path.display().to_string()),
        false => Err(format!("{} does not exist ({named_by} names it)", path.display())),
    }
}

/// The parts whose absence is a failure. A word that names none is an error, because a misspelt
/// requirement would require nothing.
fn required(variable: &dyn Fn(&str) -> Option<String>) -> Result<BTreeSet<RealPart>, String> {
    let words = variable("CHITRA_TEST_REQUIRE").unwrap_or_default();
    words
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| {
            RealPart::ALL.into_iter().find(|part| part.word() == word).ok_or_else(|| {
                let known = RealPart::ALL.map(RealPart::word).join(", ");
                format!("CHITRA_TEST_REQUIRE names `{word}`; the words are {known}")
            })
        })
        .collect()
}

/// An empty variable is one that is not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `tests/it/store/story.rs` → `store/story`.
fn suite_of(file: &Path) -> String {
    let file = file.strip_prefix(repository()).unwrap_or(file).with_extension("");
    file.strip_prefix("tests/it").unwrap_or(&file).display().to_string()
}

/// Says that a test ends early, and writes it into the list that `ops/test` prints, because a
/// runner that runs each test in a process of its own shows nothing of those that pass.
pub fn not_run(what: &str) {
    say(&format!("NOT RUN: {what}"));
    if let Some(list) = variable("CHITRA_TEST_NOT_RUN") {
        let opened = OpenOptions::new().append(true).create(true).open(&list);
        let written = opened.and_then(|mut file| file.write_all(format!("{what}\n").as_bytes()));
        written.unwrap_or_else(|error| panic!("{list}: {error}"));
    }
}

/// Writes past the capture of passing tests, which would hide what was left out.
fn say(line: &str) {
    let written = writeln!(std::io::stderr(), "{line}");
    written.expect("standard error is open while tests run");
}

/// The suites that ask for a part, found by reading them.
fn suites_that_need(part: RealPart) -> Vec<String> {
    let asks = match part {
        RealPart::Shared => "shared_dir()".to_string(),
        _ => format!("RealPart::{part:?}"),
    };
    let folder = repository().join("tests/it");
    let mut suites: Vec<String> = crate::tidy::rust_files(&folder)
        .into_iter()
        .filter(|file| !file.starts_with(folder.join("support")))
        .filter(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&asks)))
        .map(|file| suite_of(&file))
        .collect();
    suites.sort();
    suites
}

#[test]
fn names_the_suites_left_out() {
    let required = required(&variable).unwrap_or_else(|error| panic!("{error}"));
    for part in RealPart::ALL {
        if let Err(reason) = look(part, &variable) {
            assert!(!required.contains(&part), "{} was to be here: {reason}", part.word());
            let suites = suites_that_need(part).join(", ");
            let suites = if suites.is_empty() { "nothing yet".to_string() } else { suites };
            say(&format!("LEFT OUT for want of {}: {suites}: {reason}", part.word()));
        }
    }
}

#[test]
fn a_part_is_here_absent_or_misspelt() {
    let none = |_: &str| None;
    for part in [RealPart::Postgres, RealPart::Xmllint, RealPart::Python] {
        assert!(look(part, &none).is_err(), "{part:?}");
    }
    let here = |name: &str| match name {
        "CHITRA_TEST_POSTGRES_URL" => Some("postgres://u@localhost/p".to_string()),
        "CHITRA_TEST_XMLLINT" => Some("/nowhere/xmllint".to_string()),
        "CHITRA_TEST_VENV" => Some("/nowhere".to_string()),
        "CHITRA_SHARED" => Some("/nowhere/shared".to_string()),
        "CHITRA_TEST_REQUIRE" => Some("postgres, python".to_string()),
        _ => None,
    };
    assert_eq!(look(RealPart::Postgres, &here).as_deref(), Ok("postgres://u@localhost/p"));
    for (part, place) in [
        (RealPart::Xmllint, "/nowhere/xmllint"),
        (RealPart::Python, "/nowhere/bin/python"),
        (RealPart::Shared, "/nowhere/shared"),
    ] {
        let reason = look(part, &here).expect_err("nothing is there");
        assert!(reason.contains(place), "{reason}");
    }
    assert_eq!(required(&here), Ok(BTreeSet::from([RealPart::Postgres, RealPart::Python])));
    assert_eq!(required(&none), Ok(BTreeSet::new()));
    let misspelt = |_: &str| Some("postgres,xmlint".to_string());
    assert!(required(&misspelt).is_err_and(|error| error.contains("`xmlint`")));
}

#[test]
fn a_suite_is_named_by_its_file() {
    assert_eq!(suite_of(Path::new("tests/it/store/story.rs")), "store/story");
    assert_eq!(suite_of(&repository().join("tests/it/tidy.rs")), "tidy");
    assert!(suites_that_need(RealPart::Xmllint).contains(&"external_validators".to_string()));
}
