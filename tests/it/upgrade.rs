//! An office that an earlier program left in the middle of a month goes on under this one: its
//! tables are brought up to date, the rest of the month is lived through, and nothing is paid twice.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chitra::channels::sandbox::{Sandbox, Totals};
use chitra::disk::RealDisk;
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::domain::ids::{EndToEndId, ListNo, Shard};
use chitra::domain::instruction::InstructionState;
use chitra::domain::list::ListState;
use chitra::domain::signature::OfficerKey;
use chitra::domain::state::Named;
use chitra::engine::Engine;
use chitra::engine::clock::FixedClock;
use chitra::engine::office::{self, Surroundings};
use chitra::engine::progress::Silent;
use chitra::store::database::Database;
use chitra::store::postgres::Postgres;
use jiff::civil::{Date, date};

use crate::support::office::{
    APPROVERS, Base, MAKER, event_loop, new_database, on_both_databases, outside_transaction,
    payables_told, rows_told,
};
use crate::support::real_parts::{RealPart, repository};

on_both_databases! { upgraded, RealPart::Postgres;
    an_office_in_the_middle_of_a_month_goes_on
}

/// The day up to which the earlier program lived.
const LEFT_ON: Date = date(2026, 11, 3);
const REISSUED_ON: Date = date(2026, 11, 9);
const CLOSED_ON: Date = date(2026, 12, 15);
const MONTH: &str = "2026-11";

/// An office as the earlier program left it.
struct Left {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    payables: &'static str,
    /// The server and the database that was made for it.
    on_server: Option<(String, String)>,
}

fn upgraded<F: Future<Output = ()>>(base: Base, story: impl FnOnce(Left) -> F) {
    event_loop().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(LEFT_ON.at(9, 0, 0, 0)));
        let (payables, on_server) = match base {
            Base::Sqlite => {
                unpack("office-7b9f09c-sqlite.tar.zst", folder.path());
                ("pending 16 = 12420000, paid 38 = 29160000, rejected 6 = 4320000", None)
            }
            Base::Postgres(server) => {
                unpack("office-7b9f09c-postgres.tar.zst", folder.path());
                let url = new_database(&server).await;
                restore(&url, &folder.path().join("dump.sql")).await;
                let config = folder.path().join(office::CONFIG);
                let text = std::fs::read_to_string(&config).unwrap().replace("DATABASE", &url);
                std::fs::write(config, text).unwrap();
                let payables = "pending 13 = 9990000, paid 44 = 33750000, rejected 3 = 2160000";
                (payables, Some((server, url)))
            }
        };
        debit_is_proof(folder.path());
        story(Left { folder, clock, payables, on_server }).await;
    });
}

/// What the earlier program took for granted of every partner is agreed with the bank of the sandbox now.
fn debit_is_proof(office: &Path) {
    let config = office.join(office::CONFIG);
    let text = std::fs::read_to_string(&config).unwrap();
    let name = "name = \"demobank\"\n";
    assert!(text.contains(name));
    std::fs::write(config, text.replace(name, &format!("{name}debit_is_proof = true\n"))).unwrap();
}

async fn an_office_in_the_middle_of_a_month_goes_on(left: Left) {
    let dir = left.folder.path();
    let engine = left.opened().await;
    let sandbox = Sandbox::open(Arc::new(RealDisk), &dir.join("sandbox")).unwrap();
    let (before, _) = engine.audit_verify().await.unwrap();
    rows_are_what_the_log_says(&engine).await;

    // What stood, stands.
    let month = engine.cycle_find(MONTH).await.unwrap();
    assert_eq!(month.state, CycleState::Settling);
    let figures = engine.figures(&month).await.unwrap();
    assert!(figures.balanced());
    assert_eq!(rows_told(&figures), "refused 1, held 4, entitled 60");
    assert_eq!(payables_told(&figures), left.payables);

    // The rest of the month.
    let mut day = LEFT_ON;
    while day < CLOSED_ON {
        day = day.tomorrow().unwrap();
        left.clock.set(day.at(9, 0, 0, 0));
        if day == REISSUED_ON {
            let month = engine.cycle_find(MONTH).await.unwrap();
            let again = engine.reissue(&month).await.unwrap();
            let list = again.list.expect("some of sixty payments came back");
            sign_and_release(&engine, dir, list.number).await;
        }
        engine.dispatch(None).await.unwrap();
        sandbox.tick(day).unwrap();
        for answer in engine.collect_all().await.unwrap() {
            answer.unwrap_or_else(|(file, error)| panic!("{file}: {error}"));
        }
    }
    let month = engine.cycle_find(MONTH).await.unwrap();
    let month = engine.close(&month, MAKER, &key(dir, MAKER)).await.unwrap();
    assert_eq!(month.state, CycleState::Closed);
    engine.sequence().await.unwrap();

    // The earlier program's entries are the beginning of a log that is whole.
    let (verified, _) = engine.audit_verify().await.unwrap();
    rows_are_what_the_log_says(&engine).await;
    assert!(verified.size > before.size + 10);
    assert_eq!(verified.size as i64, engine.store.leaf_count().await.unwrap());
    let figures = engine.figures(&month).await.unwrap();
    assert!(figures.balanced(), "{:?}", figures.identities);
    engine.cycle_report_write(&month).await.unwrap();
    ledger_agrees(&engine, &sandbox, &month).await;
    left.removed(engine).await;
}

/// As far as the entries of the earlier program speak of them: of its money they do not.
async fn rows_are_what_the_log_says(engine: &Engine) {
    let compared = engine.audit_rows().await.unwrap();
    assert_eq!(compared.differences, []);
    assert!(compared.rows["officer"] >= 3 && compared.rows["signature"] >= 3, "{compared:?}");
    let not_compared = &compared.not_compared;
    assert!(not_compared["payable"] >= 60 && not_compared["order"] >= 60, "{compared:?}");
    assert!(!compared.rows.contains_key("payable"), "{compared:?}");
}

/// Every payment that the partners say stays credited is settled in our books with its amount or, where
/// they never said so, unknown; and nothing else is settled.
async fn ledger_agrees(engine: &Engine, sandbox: &Sandbox, month: &Cycle) {
    let Totals { credited_again, content_again, .. } = sandbox.totals().unwrap();
    assert!(credited_again.is_empty() && content_again.is_empty());
    let mut theirs: BTreeMap<String, i64> = BTreeMap::new();
    for credit in sandbox.credits().unwrap() {
        if credit.returned_on.is_none() {
            theirs.insert(credit.end_to_end_id, credit.amount_minor);
        }
    }
    let mut ours: BTreeMap<String, i64> = BTreeMap::new();
    for shard in Shard::all() {
        for one in engine.store.instructions(month.number, shard).await.unwrap() {
            let id = EndToEndId::derive(&engine.config.prefix, one.payable, one.attempt);
            match one.state {
                InstructionState::Settled => {
                    ours.insert(id.to_string(), one.amount_minor);
                }
                InstructionState::Unknown => {
                    theirs.remove(&id.to_string());
                }
                state => {
                    assert!(!theirs.contains_key(&id.to_string()), "{id} is {}", state.name());
                }
            }
        }
    }
    assert!(ours.len() >= 38);
    assert_eq!(ours, theirs);
}

async fn sign_and_release(engine: &Engine, dir: &Path, list: ListNo) {
    let month = engine.cycle_find(MONTH).await.unwrap();
    engine.submit(&month, list, MAKER, &key(dir, MAKER)).await.unwrap();
    for approver in APPROVERS {
        let month = engine.cycle_find(MONTH).await.unwrap();
        engine.approve(&month, list, approver, &key(dir, approver)).await.unwrap();
    }
    let month = engine.cycle_find(MONTH).await.unwrap();
    assert_eq!(engine.payment_list(&month, list).await.unwrap().state, ListState::Approved);
    engine.release(&month, list, APPROVERS[1], &key(dir, APPROVERS[1])).await.unwrap();
}

fn key(dir: &Path, officer: &str) -> OfficerKey {
    office::read_officer_key(&office::officer_key_path(dir, officer)).unwrap()
}

impl Left {
    async fn opened(&self) -> Engine {
        let around = Surroundings {
            disk: Arc::new(RealDisk),
            clock: self.clock.clone(),
            progress: Arc::new(Silent),
            channels: None,
        };
        office::open(self.folder.path(), around).await.unwrap()
    }

    async fn removed(self, engine: Engine) {
        engine.store.close().await;
        if let Some((server, url)) = self.on_server {
            let name = url.rsplit('/').next().expect("a URL has a last part");
            outside_transaction(&server, format!("drop database {name}")).await;
        }
    }
}

/// Runs the statements of a dump; each ends with a semicolon at the end of a line.
async fn restore(url: &str, dump: &Path) {
    let dump = std::fs::read_to_string(dump).unwrap();
    let database = Postgres::open(url).await.unwrap();
    let mut open = database.begin().await.unwrap();
    for statement in dump.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        open.execute(statement.to_owned().into(), vec![]).await.unwrap();
    }
    open.commit().await.unwrap();
    database.close().await;
}

/// Unpacks an archive of `tests/upgrade`: the plain form of tar, whose entries are a head of 512 bytes
/// and the content in blocks of as many.
fn unpack(name: &str, into: &Path) {
    const BLOCK: usize = 512;
    let file = std::fs::File::open(repository().join("tests/upgrade").join(name)).unwrap();
    let mut bytes = Vec::new();
    zstd::Decoder::new(file).unwrap().read_to_end(&mut bytes).unwrap();
    let mut rest = bytes.as_slice();
    while let Some((head, after)) = rest.split_at_checked(BLOCK) {
        let text = |from: usize, to: usize| {
            let field = head[from..to].split(|byte| *byte == 0).next().unwrap_or(&[]);
            std::str::from_utf8(field).unwrap().trim().to_owned()
        };
        let name = text(0, 100);
        if name.is_empty() {
            break;
        }
        let octal = |from, to| usize::from_str_radix(&text(from, to), 8).unwrap();
        let (mode, size) = (octal(100, 108), octal(124, 136));
        let path: PathBuf = into.join(text(345, 500)).join(&name);
        match head[156] {
            b'5' => std::fs::create_dir_all(&path).unwrap(),
            _ => std::fs::write(&path, &after[..size]).unwrap(),
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::Permissions::from_mode(u32::try_from(mode).unwrap());
            std::fs::set_permissions(&path, mode).unwrap();
        }
        rest = &after[size.next_multiple_of(BLOCK)..];
    }
}
