//! Who may only read an office can ask everything that is asked of it, and changes nothing.
//!
//! Reads: a folder without a single right to write, as a user who is not root. Started by root, the
//! program is run as `nobody`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chitra::domain::cycle::CycleKind::Regular;

use crate::support::office::{Base, TestOffice, run};
use crate::support::real_parts::not_run;
use crate::tidy::files_under;

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const NOBODY: &str = "65534";
const DAY: &str = "2026-09-20";

/// Commands that only read, and what they say.
const READS: &[(&[&str], &str)] = &[
    (&["cycle", "status", "2026-10"], "settling"),
    (&["cycle", "refused", "2026-10"], ".csv"),
    (&["cycle", "list"], "2026-10"),
    (&["hold", "list", "2026-10"], "H102"),
    (&["queue", "discrepancies"], "unmatched"),
    (&["queue", "receivables"], ""),
    (&["queue", "halts"], ""),
    (&["queue", "suspensions"], ""),
    (&["receivable", "list"], ""),
    (&["court-order", "list"], ""),
    (&["schedule", "due"], ""),
    (&["explain", "E2"], "social_pension"),
    (&["report", "2026-10", "--format", "html"], "</html>"),
    (&["report", "2026-10", "--format", "csv"], "2026-10"),
    (&["control-note", "2026-10"], "SHA-256"),
    (&["control-note", "2026-10", "--provider", "sheetbank", "--json"], "\"leaves_sha256\""),
    (&["audit", "verify"], "The log holds"),
    (&["audit", "key"], "chitra.office/TEST"),
];

/// A reader of the office: this process, or `nobody` where this is root.
struct Reader {
    /// A copy that `nobody` may run, wherever the project lies.
    program: PathBuf,
    as_nobody: bool,
}

impl Reader {
    /// None, after saying why, where root cannot become somebody else.
    fn of(office: &TestOffice) -> Option<Reader> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|myself| myself.uid() == 0);
        let outside = office.dir.parent().unwrap().to_path_buf();
        let program = outside.join("chitra");
        fs::copy(env!("CARGO_BIN_EXE_chitra"), &program).unwrap();
        let reader = Reader { program, as_nobody: is_root };
        if is_root {
            fs::set_permissions(&outside, Permissions::from_mode(0o755)).unwrap();
            let tried = reader.command().arg("--version").output();
            if !tried.as_ref().is_ok_and(|tried| tried.status.success()) {
                not_run(&format!("reading as nobody: setpriv does not do it here: {tried:?}"));
                return None;
            }
            let owned = Command::new("chown").args(["-R", NOBODY]).arg(&office.dir).status();
            assert!(owned.unwrap().success());
        }
        Some(reader)
    }

    fn command(&self) -> Command {
        if !self.as_nobody {
            return Command::new(&self.program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(&self.program);
        command
    }

    fn run(&self, office: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.args(["--today", DAY, "--office"]).arg(office).args(arguments);
        command.current_dir("/").output().expect("the program can be run")
    }
}

/// Takes every right to write from a folder, or gives the owner's back.
fn set_rights(dir: &Path, may_write: bool) {
    let (of_folders, of_files) = if may_write { (0o700, 0o600) } else { (0o500, 0o400) };
    fn walk(dir: &Path, of_folders: u32, of_files: u32) {
        fs::set_permissions(dir, Permissions::from_mode(0o700)).unwrap();
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), of_folders, of_files),
                false => {
                    fs::set_permissions(entry.path(), Permissions::from_mode(of_files)).unwrap();
                }
            }
        }
        fs::set_permissions(dir, Permissions::from_mode(of_folders)).unwrap();
    }
    walk(dir, of_folders, of_files);
}

/// Every file with its bytes, but the memory that readers of one database share.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files_under(dir).into_iter();
    files
        .filter(|file| !file.to_string_lossy().ends_with("-shm"))
        .map(|file| (file.clone(), fs::read(&file).unwrap()))
        .collect()
}

async fn lived_in(office: &TestOffice) {
    office.on_day(DAY);
    let other_name = format!("{AN} | register.full_name=Đặng Quốc Khánh");
    office.month("2026-10", &[&other_name, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let mut stranger = office.said(&cycle, "E2", 1, "Thành công", "").await;
    stranger.reference = "TEST0000000000000".to_owned();
    office.sheet(&[stranger]).await.unwrap();
    office.engine.sequence().await.unwrap();
}

#[track_caller]
fn check(reader: &Reader, office: &Path) {
    set_rights(office, false);
    let before = contents(office);
    for (arguments, said) in READS {
        let done = reader.run(office, arguments);
        let (out, err) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(0), "{arguments:?}: {err}");
        assert!(out.contains(said), "{arguments:?}: {out}");
    }
    // What writes is refused, and says who may.
    for arguments in [
        &["cycle", "close", "2026-10", "--as", "lan"][..],
        &["dispatch", "2026-10"],
        &["audit", "checkpoint"],
    ] {
        let done = reader.run(office, arguments);
        let err = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.contains("B109") && err.contains("only read"), "{arguments:?}: {err}");
    }
    let done = reader.run(office, &["report", "2026-10"]);
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.code() == Some(1) && err.contains("--format html"), "{err}");
    assert!(contents(office) == before, "not a byte is changed");
    set_rights(office, true);
}

#[test]
fn an_office_at_rest_is_read_without_the_right_to_write() {
    run(Base::Sqlite, |office| async move {
        lived_in(&office).await;
        let Some(reader) = Reader::of(&office) else { return };
        office.engine.store.close().await;
        assert!(!office.dir.join("office.db-wal").exists());
        check(&reader, &office.dir);

        // What cannot even be read says what to do.
        let database = office.dir.join("office.db");
        fs::set_permissions(&database, Permissions::from_mode(0o000)).unwrap();
        let done = reader.run(&office.dir, &["cycle", "list"]);
        let err = String::from_utf8_lossy(&done.stderr);
        assert!(err.contains("B108") && err.contains("the right to"), "{err}");
        set_rights(&office.dir, true);
    });
}

#[test]
fn an_office_at_work_is_read_without_the_right_to_write() {
    run(Base::Sqlite, |office| async move {
        lived_in(&office).await;
        let Some(reader) = Reader::of(&office) else { return };
        assert!(fs::metadata(office.dir.join("office.db-wal")).unwrap().len() > 0);
        check(&reader, &office.dir);
        office.ends_whole().await;
    });
}
