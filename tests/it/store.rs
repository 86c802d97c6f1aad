//! One story of the store, told on both databases: a step is written whole or not at all, every guard
//! of docs/model.md §4 refuses, and what is written comes back as it was.

use std::collections::BTreeSet;
use std::fs;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use chitra::domain::acknowledgement::{Acknowledgement, AcknowledgementKind};
use chitra::domain::answer::{Answer, AnswerState, Halt, RefusedAnswer, ToldTransaction};
use chitra::domain::batch::{Batch, BatchState, SealedCopy};
use chitra::domain::claim::Claim;
use chitra::domain::court_order::{
    CourtDeduction, CourtOrder, CourtOrderEnd, CourtOrderState, CourtTransfer,
};
use chitra::domain::cycle::{Cycle, CycleKind, CycleState};
use chitra::domain::fate::{Fate, FateState, Verdict};
use chitra::domain::funds::Funds;
use chitra::domain::heir::{HeirRow, HeirState};
use chitra::domain::ids::{
    AnswerNo, AttemptNo, AuthorityNo, BatchNo, CycleNo, DestinationNo, EnrolmentNo, ImportNo,
    ListNo, PayableNo, PersonNo, Shard,
};
use chitra::domain::instruction::{Evidence, IN_PROCESS, Instruction, InstructionState};
use chitra::domain::list::{Act, Signature};
use chitra::domain::recall::{Recall, RecallFile, RecallFileState, RecallState};
use chitra::domain::receivable::{Receipt, ReceiptSource, SeenOn, WriteOff};
use chitra::domain::roster::Channel;
use chitra::domain::schedule::{Fire, FireState, Scheduled};
use chitra::domain::statement::{FundedEntry, Statement};
use chitra::domain::stop::{Stop, StopState};
use chitra::store::cycles::LastingSettings;
use chitra::store::database::{Database, Dialect};
use chitra::store::instructions::InstructionMove;
use chitra::store::leaving::Moved;
use chitra::store::postgres::Postgres;
use chitra::store::registry::{
    Chunk, ChunkKind, Counted, DestinationRow, Import, ImportKind, ImportState, PersonRow,
};
use chitra::store::sqlite::Sqlite;
use chitra::store::{Changes, Store, StoreError, Value};
use tempfile::TempDir;

use crate::support::office::{
    Base, event_loop, new_database, on_both_databases, outside_transaction, period,
};
use crate::support::real_parts::{RealPart, repository};

on_both_databases! { run, RealPart::Postgres;
    a_step_is_written_whole_or_not_at_all
    every_guard_of_the_model_refuses
    many_rows_with_every_letter_come_back
    a_transaction_is_found_by_its_reference
    a_migration_that_was_changed_is_refused
    a_database_that_would_forget_is_refused
    two_writers_conflict
    a_begin_that_was_dropped_swallows_no_write
}

/// An empty store with what is needed to open it again.
struct Fresh {
    store: Store,
    url: String,
    _folder: TempDir,
    server: Option<String>,
}

impl Fresh {
    async fn raw(&self) -> Box<dyn Database> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => Box::new(Sqlite::open(path).await.unwrap()),
            None => Box::new(Postgres::open(&self.url).await.unwrap()),
        }
    }

    /// How many rows a table has.
    async fn count(&self, sql: &'static str) -> i64 {
        let raw = self.raw().await;
        let rows = raw.query(sql, &[]).await.unwrap();
        raw.close().await;
        rows[0].int(0).unwrap()
    }

    async fn write(&self, sql: &'static str, args: Vec<Value>) {
        let raw = self.raw().await;
        let mut open = raw.begin().await.unwrap();
        open.execute(sql.into(), args).await.unwrap();
        open.commit().await.unwrap();
        raw.close().await;
    }
}

fn run<F: Future<Output = Fresh>>(base: Base, story: impl FnOnce(Fresh) -> F) {
    event_loop().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (url, server) = match base {
            Base::Sqlite => (format!("sqlite:{}", folder.path().join("s.db").display()), None),
            Base::Postgres(server) => (new_database(&server).await, Some(server)),
        };
        let store = Store::open(&url).await.unwrap();
        let fresh = story(Fresh { store, url, _folder: folder, server }).await;
        fresh.store.close().await;
        if let Some(server) = &fresh.server {
            let name = fresh.url.rsplit('/').next().unwrap();
            outside_transaction(server, format!("drop database {name}")).await;
        }
    });
}

async fn a_step_is_written_whole_or_not_at_all(fresh: Fresh) -> Fresh {
    let store = &fresh.store;
    let mut first = Changes::new();
    first.cycle_opened(&cycle(1, 1), &lasting());
    first.event(b"one".to_vec());
    store.commit(first).await.unwrap();

    // Good rows, an event, and one row that cannot be: none of it is there.
    let mut broken = Changes::new();
    broken.claims([claim(1)]);
    broken.cycle_opened(&Cycle { kind: CycleKind::Correction, ..cycle(2, 1) }, &lasting());
    broken.event(b"two".to_vec());
    broken.cycle_opened(&cycle(1, 9), &lasting());
    let refused = store.commit(broken).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
    assert_eq!(store.cycles().await.unwrap(), [cycle(1, 1)]);
    assert!(store.claims(shard()).await.unwrap().is_empty());
    assert_eq!(store.outbox(10).await.unwrap(), [(1, 1, b"one".to_vec())]);

    // A guard that touches no row takes back what stood before it, too.
    let mut late = Changes::new();
    late.claims([claim(1)]);
    late.event(b"three".to_vec());
    late.cycle_moved(CycleNo(1), CycleState::Sealed, CycleState::Submitted);
    assert_eq!(store.commit(late).await.unwrap_err().code(), "B102");
    assert!(store.claims(shard()).await.unwrap().is_empty());

    // The next event follows the last one that was written.
    let mut next = Changes::new();
    next.claims([claim(1)]);
    next.event(b"four".to_vec());
    store.commit(next).await.unwrap();
    assert_eq!(store.claims(shard()).await.unwrap(), [claim(1)]);
    assert_eq!(store.outbox(10).await.unwrap()[1], (1, 2, b"four".to_vec()));
    fresh
}

/// What is written first, and what a guard then refuses.
type Guarded = (&'static str, fn(&mut Changes), fn(&mut Changes));

/// Every row of the table of guards, with a step that it must refuse.
const GUARDS: &[Guarded] = &[
    (
        "cycle (authority, period) where kind = 'regular' and state <> 'cancelled'",
        |changes| changes.cycle_opened(&cycle(1, 1), &lasting()),
        |changes| changes.cycle_opened(&cycle(2, 2), &lasting()),
    ),
    (
        "cycle (authority, period, kind, sequence)",
        |changes| {
            changes
                .cycle_opened(&Cycle { kind: CycleKind::Supplementary, ..cycle(1, 1) }, &lasting());
        },
        |changes| {
            changes
                .cycle_opened(&Cycle { kind: CycleKind::Supplementary, ..cycle(2, 1) }, &lasting());
        },
    ),
    (
        "import (kind, period, sha256, read_with)",
        |changes| changes.import_started(&import(1, "one.csv")),
        |changes| changes.import_started(&import(2, "renamed.csv")),
    ),
    (
        "claim (shard, period, enrolment, benefit, component, revision)",
        |changes| changes.claims([claim(1)]),
        |changes| changes.claims([claim(2)]),
    ),
    (
        "instruction (shard, payable) where state in ('in_batch','unknown','settled')",
        |changes| changes.instructions([instruction(1, InstructionState::Unknown)]),
        |changes| changes.instructions([instruction(2, InstructionState::InBatch)]),
    ),
    (
        "instruction (shard, payable, attempt)",
        |changes| changes.instructions([instruction(1, InstructionState::Rejected)]),
        |changes| changes.instructions([instruction(1, InstructionState::Returned)]),
    ),
    (
        "signature (cycle, list, digest, officer)",
        |changes| changes.signed(&signature("lan", Act::Submit)),
        |changes| changes.signed(&signature("lan", Act::Approve)),
    ),
    (
        "batch (file_name)",
        |changes| changes.batches([batch(1, "A.csv", "M1")]),
        |changes| changes.batches([batch(2, "A.csv", "M2")]),
    ),
    (
        "answer (sha256)",
        |changes| changes.answer_received(&answer(1, "one.csv")),
        |changes| changes.answer_received(&answer(2, "renamed.csv")),
    ),
    (
        "acknowledgement (cycle, batch, kind)",
        |changes| changes.acknowledged(&[acknowledgement(1)]),
        |changes| changes.acknowledged(&[acknowledgement(2)]),
    ),
    (
        "transaction_told (shard, payable, attempt, provider, format, reference)",
        |changes| changes.transactions_told(&answer(1, "one.csv"), &[told_transaction()]),
        |changes| changes.transactions_told(&answer(2, "two.csv"), &[told_transaction()]),
    ),
    (
        "statement (provider, account, statement_id)",
        |changes| changes.statement_taken(&statement(1), &[], &[]),
        |changes| changes.statement_taken(&statement(2), &[], &[]),
    ),
    (
        "funded_entry (funds)",
        |changes| changes.entries_funded(&[FundedEntry { funds: 1, statement: 1, entry: 1 }]),
        |changes| changes.entries_funded(&[FundedEntry { funds: 1, statement: 2, entry: 1 }]),
    ),
    (
        "receipt_entry (receipt), its guarded statement",
        |changes| {
            changes.received(&Receipt { number: 7, receivable: 7, ..receipt() });
            changes.receipts_seen(&[(7, SeenOn { statement: 1, entry: 1 })]);
        },
        |changes| changes.receipts_seen(&[(7, SeenOn { statement: 2, entry: 1 })]),
    ),
    (
        "refused_answer (provider, sha256, code)",
        |changes| changes.answer_refused(&refused_answer(1)),
        |changes| changes.answer_refused(&refused_answer(2)),
    ),
    (
        "sealed_copy (cycle, batch)",
        |changes| changes.sealed_copy_made(&batch(1, "A.csv", "M1"), &copy("A.csv.age"), AT),
        |changes| changes.sealed_copy_made(&batch(1, "A.csv", "M1"), &copy("B.csv.age"), AT),
    ),
    (
        "sealed_copy (file_name)",
        |changes| changes.sealed_copy_made(&batch(3, "C.csv", "M3"), &copy("C.csv.age"), AT),
        |changes| changes.sealed_copy_made(&batch(4, "D.csv", "M4"), &copy("C.csv.age"), AT),
    ),
    (
        "sealed_answer (arrived_sha256)",
        |changes| changes.answer_opened("arrived", "one", "bank", AT),
        |changes| changes.answer_opened("arrived", "another", "bank", AT),
    ),
    (
        "receipt (receivable, reference) while it counts; a check that who takes it back is another",
        |changes| changes.received(&receipt()),
        |changes| changes.received(&Receipt { number: 2, reference: " pt  1".into(), ..receipt() }),
    ),
    (
        "write_off, its check",
        |changes| changes.write_off_proposed(&write_off()),
        |changes| changes.written_off(&write_off(), "lan", AT),
    ),
    (
        "court_order (shard, person, paper) while it stands",
        |changes| changes.court_order_proposed(&court_order(1)),
        |changes| changes.court_order_proposed(&court_order(2)),
    ),
    (
        "court_order, a check that who confirms is another",
        |changes| changes.court_order_proposed(&CourtOrder { paper: "b".into(), ..court_order(3) }),
        |changes| changes.court_order_confirmed(3, "lan", AT),
    ),
    (
        "court_order, a check that who ends is another",
        |changes| {
            changes.court_order_proposed(&CourtOrder { paper: "c".into(), ..court_order(4) });
            changes.court_order_confirmed(4, "minh", AT);
            changes.court_order_end_proposed(4, &court_order_end());
        },
        |changes| changes.court_order_ended(4, &court_order_end(), "lan", AT),
    ),
    (
        "court_deduction (shard, payable, order, period)",
        |changes| changes.court_deductions(CycleNo(1), &[court_deduction(-1)]),
        |changes| changes.court_deductions(CycleNo(1), &[court_deduction(-2)]),
    ),
    (
        "court_transfer (order, voucher) while it counts; a check that who takes it back is another",
        |changes| changes.court_transferred(&court_transfer(1, "UNC 1")),
        |changes| changes.court_transferred(&court_transfer(2, " unc  1")),
    ),
    (
        "court_transfer_entry (transfer), its guarded statement",
        |changes| {
            changes.court_transferred(&court_transfer(7, "UNC 7"));
            changes.transfers_seen(&[(7, SeenOn { statement: 1, entry: 1 })]);
        },
        |changes| changes.transfers_seen(&[(7, SeenOn { statement: 2, entry: 1 })]),
    ),
    (
        "fire (rule, due_on)",
        |changes| changes.fire_started(&fire()),
        |changes| changes.fire_started(&fire()),
    ),
    (
        "fate (shard, payable, attempt) where state = 'proposed'; a check that who confirms is another",
        |changes| changes.fates(&[fate(1)]),
        |changes| changes.fates(&[fate(2)]),
    ),
    (
        "stop (shard, payable) where state = 'proposed'; a check that who ends it is another",
        |changes| changes.stops_proposed(&[stop(1)]),
        |changes| changes.stops_proposed(&[stop(2)]),
    ),
    (
        "heir (shard, person) where state in ('proposed','confirmed'); a check that who confirms is another",
        |changes| changes.heir_proposed(&heir(1)),
        |changes| changes.heir_proposed(&heir(2)),
    ),
    (
        "recall (shard, payable, attempt) while something is to come of it; a check that who decides is another",
        |changes| {
            changes.instructions([instruction(1, InstructionState::Settled)]);
            changes.recalls_proposed(&[recall(1)]);
        },
        |changes| changes.recalls_proposed(&[recall(2)]),
    ),
    (
        "recall_file (file_name), (message_id)",
        |changes| changes.recall_file_made(&recall_file(1)),
        |changes| changes.recall_file_made(&recall_file(2)),
    ),
    (
        "halt (scope) where lifted_at is null",
        |changes| changes.halt_put_by_hand(&halt(1)),
        |changes| changes.halt_put_by_hand(&halt(2)),
    ),
    (
        "outflow (scope, day), its guarded statement",
        |changes| changes.counted(&batch(1, "A.csv", "M1"), "2026-11-03", &ceiling()),
        |changes| changes.counted(&batch(2, "B.csv", "M2"), "2026-11-03", &ceiling()),
    ),
    (
        "outflow_counted (cycle, batch, day)",
        |changes| changes.counted(&batch(5, "A.csv", "M1"), "2026-11-04", &[]),
        |changes| changes.counted(&batch(5, "A.csv", "M1"), "2026-11-04", &[]),
    ),
    (
        "moved (cycle, from_batch)",
        |changes| changes.moved(&moved(2)),
        |changes| changes.moved(&moved(3)),
    ),
    (
        "funds (provider, reference)",
        |changes| changes.funds_recorded(&funds(1)),
        |changes| changes.funds_recorded(&funds(2)),
    ),
    (
        "send_window (cycle, batch, window_no % 2) where outcome = 'started'",
        |changes| {
            let (first, second) = ((1..=25).collect(), (26..=50).collect());
            changes.window_started(&batch(1, "A.csv", "M1"), 1, &first, "2026-10-01T09:00:00");
            changes.window_started(&batch(1, "A.csv", "M1"), 2, &second, "2026-10-01T09:00:00");
        },
        |changes| {
            let third = (51..=75).collect();
            changes.window_started(&batch(1, "A.csv", "M1"), 3, &third, "2026-10-01T09:00:01");
        },
    ),
    (
        "audit_outbox (writer, n), audit_leaf (idx)",
        |changes| {
            changes.event(b"an event".to_vec());
        },
        // Numbered twice: the second time nothing waits any more.
        |changes| {
            changes.numbered(0, &[(1, 1, b"an event".to_vec())]);
            changes.numbered(1, &[(1, 1, b"an event".to_vec())]);
        },
    ),
];

async fn every_guard_of_the_model_refuses(fresh: Fresh) -> Fresh {
    let page = fs::read_to_string(repository().join("docs/model.md")).unwrap();
    let (_, section) = page.split_once("## 4. Unique indexes").unwrap();
    let told: BTreeSet<String> = section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").next().unwrap().replace('`', ""))
        .map(|guard| guard.trim().to_owned())
        .collect();
    let tried: BTreeSet<String> = GUARDS.iter().map(|(guard, ..)| (*guard).to_owned()).collect();
    assert_eq!(told, tried, "every guard of the page is tried here");

    for (guard, first, second) in GUARDS {
        let mut changes = Changes::new();
        first(&mut changes);
        fresh.store.commit(changes).await.unwrap_or_else(|error| panic!("{guard}: {error}"));
        let mut changes = Changes::new();
        second(&mut changes);
        let refused = fresh.store.commit(changes).await.expect_err(guard);
        assert!(matches!(refused, StoreError::Conflict { .. }), "{guard}: {refused}");
        clear(&fresh).await;
    }

    // What the indexes must let through: evidence of an excess, and a new list after a cancelled one.
    let mut changes = Changes::new();
    changes.instructions([
        instruction(1, InstructionState::SettledExcess),
        instruction(2, InstructionState::Settled),
    ]);
    changes.cycle_opened(&Cycle { state: CycleState::Cancelled, ..cycle(1, 1) }, &lasting());
    changes.cycle_opened(&cycle(2, 2), &lasting());
    changes.signed(&signature("lan", Act::Submit));
    changes.signed(&signature("minh", Act::Approve));
    fresh.store.commit(changes).await.unwrap();

    // Two makers of one list, and one person who lifts a halt alone, are refused by the tables.
    let mut changes = Changes::new();
    changes.signed(&signature("hoa", Act::Submit));
    assert_eq!(fresh.store.commit(changes).await.unwrap_err().code(), "B102");
    let mut changes = Changes::new();
    changes.halt_put(1, "all", "a doubt", "lan", "2026-10-01T09:00:00+07:00");
    changes.halt_first_lift(1, "minh");
    fresh.store.commit(changes).await.unwrap();
    let mut changes = Changes::new();
    changes.halt_lifted(1, "minh", "2026-10-01T10:00:00+07:00");
    assert_eq!(fresh.store.commit(changes).await.unwrap_err().code(), "B102");
    // A cycle is closed at the count of its figures, and of one that is closed nothing moves as if it were not.
    let moves = fresh.store.cycle_moves(CycleNo(2)).await.unwrap();
    let counted = |count| {
        let mut changes = Changes::new();
        changes.cycle_is_as_counted(CycleNo(2), count);
        changes
    };
    let stays = |is_closed| {
        let mut changes = Changes::new();
        changes.cycle_stays(CycleNo(2), is_closed);
        changes
    };
    for (changes, refused) in [
        (stays(true), true),
        (stays(false), false),
        (counted(moves), true),
        (counted(moves + 1), false),
    ] {
        assert_eq!(fresh.store.commit(changes).await.is_err(), refused);
    }
    // Of an order something more was heard while it was looked at: what is to become of it is looked at anew.
    let order = instruction(2, InstructionState::Settled);
    let heard = Evidence {
        reason: Some(IN_PROCESS.to_owned()),
        answer: Some((AnswerNo(1), 1)),
        ..Evidence::default()
    };
    let word = InstructionMove {
        evidence: heard.clone(),
        ..InstructionMove::of(&order, InstructionState::Settled)
    };
    let stale = InstructionMove::of(&order, InstructionState::Returned);
    let known = InstructionMove { was: heard, ..stale.clone() };
    for (moved, refused) in [(word, false), (stale, true), (known, false)] {
        let mut changes = Changes::new();
        changes.instructions_moved(&[moved]);
        assert_eq!(fresh.store.commit(changes).await.is_err(), refused);
    }
    // What came up since is not lifted by who agreed before it.
    let half_lifted = Halt { first_lift_by: Some("minh".to_owned()), ..halt(1) };
    for (known, refused) in [(halt(1), true), (half_lifted, false)] {
        let mut changes = Changes::new();
        changes.halt_evidence_added(&known, "a file that never left", AT);
        assert_eq!(fresh.store.commit(changes).await.is_err(), refused);
    }
    let mut changes = Changes::new();
    changes.halt_lifted(1, "lan", AT);
    assert_eq!(fresh.store.commit(changes).await.unwrap_err().code(), "B102");
    fresh
}

/// Empties what the guards' cases write.
fn receipt() -> Receipt {
    Receipt {
        number: 1,
        take_back: None,
        receivable: 1,
        source: ReceiptSource::Person,
        amount_minor: 1,
        reference: "PT 1".to_owned(),
        received_on: "2026-11-03".to_owned(),
        recorded_by: "lan".to_owned(),
        recorded_at: AT.to_owned(),
    }
}

fn write_off() -> WriteOff {
    WriteOff {
        part: 1,
        receivable: 1,
        amount_minor: 500_000,
        reason: b"sealed".to_vec(),
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
        confirmed_by: None,
    }
}

fn court_order(number: i64) -> CourtOrder {
    CourtOrder {
        number,
        person: PersonNo::from_number(5).unwrap(),
        record: b"sealed".to_vec(),
        paper: "a".to_owned(),
        state: CourtOrderState::Proposed,
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
        confirmed_by: None,
        end: None,
    }
}

fn court_order_end() -> CourtOrderEnd {
    CourtOrderEnd {
        reason: b"sealed".to_vec(),
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
        ended_by: None,
    }
}

fn court_deduction(amount_minor: i64) -> CourtDeduction {
    CourtDeduction {
        order: 1,
        payable: PayableNo::pack(CycleNo(1), shard(), 0).unwrap(),
        period: period("2026-10"),
        amount_minor,
    }
}

fn court_transfer(number: i64, voucher: &str) -> CourtTransfer {
    CourtTransfer {
        number,
        order: 1,
        amount_minor: 1,
        voucher: voucher.to_owned(),
        transferred_on: "2026-11-03".to_owned(),
        recorded_by: "lan".to_owned(),
        recorded_at: AT.to_owned(),
        take_back: None,
    }
}

fn fire() -> Fire {
    Fire {
        rule: "collect".to_owned(),
        due_on: jiff::civil::date(2026, 11, 3),
        what: Scheduled::Collect,
        fired_at: AT.to_owned(),
        state: FireState::Started,
        detail: String::new(),
    }
}

fn fate(decision: i64) -> Fate {
    let order = instruction(1, InstructionState::Unknown);
    Fate {
        decision,
        cycle: order.payable.cycle(),
        payable: order.payable,
        attempt: order.attempt,
        verdict: Verdict::Paid,
        reason: b"sealed".to_vec(),
        state: FateState::Proposed,
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
        confirmed_by: None,
        confirmed_at: None,
    }
}

fn halt(number: i64) -> Halt {
    Halt {
        number,
        scope: "all".to_owned(),
        cause: "the list is looked at".to_owned(),
        put_by: "lan".to_owned(),
        put_at: AT.to_owned(),
        first_lift_by: None,
        later_cause: None,
    }
}

/// Room for one of the batches of these tests, and not for two.
fn ceiling() -> [(String, i64); 1] {
    [("office".to_owned(), batch(1, "A.csv", "M1").total_minor)]
}

fn moved(to: i64) -> Moved {
    Moved {
        cycle: CycleNo(1),
        from: BatchNo(1),
        to: BatchNo(to),
        count: 1,
        total_minor: 500_000,
        at: AT.to_owned(),
    }
}

fn funds(number: i64) -> Funds {
    Funds {
        number,
        provider: "bank".to_owned(),
        amount_minor: 500_000,
        cleared_on: "2026-11-03".to_owned(),
        reference: "LENH 1".to_owned(),
        recorded_by: "lan".to_owned(),
        recorded_at: AT.to_owned(),
        is_given_back: false,
    }
}

async fn clear(fresh: &Fresh) {
    for sql in [
        "delete from cycle",
        "delete from import",
        "delete from claim",
        "delete from instruction",
        "delete from signature",
        "delete from batch",
        "delete from send_window",
        "delete from answer",
        "delete from audit_outbox",
        "delete from audit_leaf",
        "delete from counter",
    ] {
        fresh.write(sql, vec![]).await;
    }
}

/// Every letter that a row, a page or a copy could stumble over. PostgreSQL has no zero letter.
fn hard_text() -> String {
    let controls: String = (1..=31).chain([127]).filter_map(char::from_u32).collect();
    format!(
        "{controls}\\ \\N \\. \\\\ \\x41 \\t ' \" ; -- $1 ? % {{}} ,\t\r\n Nguyễn Thị Ánh Đào Nguyễn 🪪 \u{FEFF}\u{202E}\u{10FFFF}"
    )
}

async fn many_rows_with_every_letter_come_back(fresh: Fresh) -> Fresh {
    let store = &fresh.store;
    let every_byte: Vec<u8> = (0..=255).collect();
    // More than one page of SQLite's inserts, not a multiple of it, and more than one `copy` message.
    let people: Vec<PersonRow> = (1..=1_501)
        .map(|number| PersonRow {
            number: PersonNo::from_number(number).unwrap(),
            check_hash: i64::MAX - number,
            first_cycle: 1,
            sealed: every_byte.repeat(if number % 100 == 0 { 40 } else { 1 }),
        })
        .collect();
    let text = hard_text();
    let chunk = Chunk {
        shard: Shard::new(255),
        kind: ChunkKind::Evidence,
        owner: i64::MAX,
        seq: 0,
        items: 0,
        sha256: text.clone(),
        body: every_byte.repeat(8 * 1024),
    };
    let destination = DestinationRow {
        payee: people[0].number,
        number: DestinationNo::from_number(7).unwrap(),
        channel: "bank".to_owned(),
        provider: text.clone(),
        first_period: period("2026-10"),
        confirmed_by: None,
        sealed: vec![],
    };
    let named = Import { file_name: text.clone(), imported_by: text.clone(), ..import(1, "") };
    let mut changes = Changes::new();
    changes.persons(people.iter().cloned());
    changes.chunks([chunk.clone()]);
    changes.destinations([destination.clone()]);
    changes.import_started(&named);
    changes.event(every_byte.clone());
    store.commit(changes).await.unwrap();

    let mut back = Vec::new();
    for shard in Shard::all() {
        back.extend(store.persons(shard).await.unwrap());
    }
    let wrote: Vec<(PersonNo, i64)> =
        people.iter().map(|person| (person.number, person.check_hash)).collect();
    assert_eq!(back, wrote);
    for person in people.iter().step_by(99) {
        assert_eq!(store.person(person.number).await.unwrap().as_ref(), Some(person));
    }
    let chunks = store.chunks(Shard::new(255), ChunkKind::Evidence, i64::MAX).await.unwrap();
    assert_eq!(chunks, [chunk]);
    let destinations = store.destinations(destination.payee.shard()).await.unwrap();
    assert_eq!(destinations, [destination]);
    assert_eq!(store.import(ImportNo(1)).await.unwrap(), Some(named));
    assert_eq!(store.outbox(1).await.unwrap()[0].2, every_byte);
    fresh
}

/// Of a partner's transactions, those that name one payment, over more than a page of look-ups.
async fn a_transaction_is_found_by_its_reference(fresh: Fresh) -> Fresh {
    let store = &fresh.store;
    let told = |ordinal: u32, attempt: i64, reference: &str| ToldTransaction {
        instruction: (
            PayableNo::pack(CycleNo(1), shard(), ordinal).unwrap(),
            AttemptNo::new(attempt).unwrap(),
        ),
        reference: reference.to_owned(),
        item: i64::from(ordinal),
    };
    let many: Vec<ToldTransaction> =
        (1..=450).map(|n| told(n, 31, &format!("FT {n} 'số'"))).collect();
    let mut changes = Changes::new();
    changes.transactions_told(&answer(1, "one.csv"), &many);
    let booked = Answer { format: "bookings".to_owned(), ..answer(2, "two.xml") };
    changes.transactions_told(&booked, &[told(500, 1, "FT 1 'số'"), told(501, 1, "B1")]);
    let of_another = Answer { provider: "another".to_owned(), ..answer(3, "three.csv") };
    changes.transactions_told(&of_another, &[told(502, 1, "W1")]);
    // An earlier program kept it for two.
    changes.transactions_told(&answer(4, "four.csv"), &[told(503, 1, "FT 2 'số'")]);
    store.commit(changes).await.unwrap();

    let asked: BTreeSet<String> = (1..=460)
        .map(|n| format!("FT {n} 'số'"))
        .chain(["B1", "W1", "never"].map(str::to_owned))
        .collect();
    let provider = answer(1, "one.csv").provider;
    let found = store.told_of(&provider, &asked, |format| format != "bookings").await.unwrap();
    assert_eq!(found.len(), 450);
    assert!(many.iter().all(|one| found[&one.reference] == one.instruction));
    let found = store.told_of(&provider, &BTreeSet::new(), |_| true).await.unwrap();
    assert!(found.is_empty());
    fresh
}

async fn a_migration_that_was_changed_is_refused(fresh: Fresh) -> Fresh {
    // Opening again runs nothing twice.
    Store::open(&fresh.url).await.unwrap().close().await;
    let before = fresh.count("select cast(count(*) as bigint) from migration").await;
    fresh
        .write("update migration set sha256 = 'another' where name = '0003_payments'", vec![])
        .await;
    match Store::open(&fresh.url).await.err().expect("a changed migration is refused") {
        StoreError::MigrationMustNotChange { name } => assert_eq!(name, "0003_payments"),
        other => panic!("{other}"),
    }
    let sql = "delete from migration where name = '0003_payments'";
    fresh.write(sql, vec![]).await;
    // As a newer program would leave it: this one does not know what else changed.
    let newer = "insert into migration (name, sha256) values ('9999_newer', 'x')";
    fresh.write(newer, vec![]).await;
    assert_eq!(Store::open(&fresh.url).await.err().expect("refused").code(), "B105");
    assert_eq!(fresh.count("select cast(count(*) as bigint) from migration").await, before);
    fresh
}

async fn a_database_that_would_forget_is_refused(fresh: Fresh) -> Fresh {
    let raw = fresh.raw().await;
    let dialect = raw.dialect();
    raw.close().await;
    let (setting, refused) = match dialect {
        // In memory there is no write-ahead log.
        Dialect::Sqlite => ("journal_mode", Sqlite::open(":memory:").await.err()),
        Dialect::Postgres => {
            let name = fresh.url.rsplit('/').next().unwrap();
            let server = fresh.server.as_deref().unwrap();
            let sql = format!("alter database {name} set synchronous_commit = off");
            outside_transaction(server, sql).await;
            ("synchronous_commit", Store::open(&fresh.url).await.err())
        }
    };
    match refused.expect("it would lose what it acknowledged") {
        StoreError::SettingMustBeDurable { setting: found, .. } => assert_eq!(found, setting),
        other => panic!("{other}"),
    }
    for nowhere in ["mysql://localhost/office", "sqlite::memory:", "my office"] {
        let refused = Store::open(nowhere).await.err().expect("refused");
        assert_eq!(refused.code(), "B101", "{nowhere}");
    }
    fresh
}

async fn two_writers_conflict(fresh: Fresh) -> Fresh {
    let mut changes = Changes::new();
    changes.cycle_opened(&cycle(1, 1), &lasting());
    fresh.store.commit(changes).await.unwrap();
    let other = Store::open(&fresh.url).await.unwrap();
    for round in 0..10 {
        let (from, to) = match round % 2 {
            0 => (CycleState::Open, CycleState::Computed),
            _ => (CycleState::Computed, CycleState::Open),
        };
        let step = |store: Store| {
            tokio::spawn(async move {
                let mut changes = Changes::new();
                changes.event(b"moved".to_vec());
                changes.cycle_moved(CycleNo(1), from, to);
                store.commit(changes).await
            })
        };
        let (one, two) = (step(fresh.store.clone()), step(other.clone()));
        let ended = [one.await.unwrap(), two.await.unwrap()];
        let won = ended.iter().filter(|ended| ended.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {ended:?}");
        let lost = ended.into_iter().find_map(Result::err).unwrap();
        assert!(matches!(lost, StoreError::Conflict { .. }), "{lost}");
    }
    // One event for each step that was written, without a gap.
    let numbers: Vec<i64> =
        fresh.store.outbox(100).await.unwrap().into_iter().map(|(_, n, _)| n).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<i64>>());
    // Numbers that are read and used by two at once meet the key of the second.
    assert_eq!(fresh.store.next_number(Counted::Cycle).await.unwrap(), 2);
    other.close().await;
    fresh
}

/// A future that begins a transaction is dropped half way, as a time-out would do it. What is
/// acknowledged afterwards is there for everybody, and nobody waits for the transaction that was begun.
async fn a_begin_that_was_dropped_swallows_no_write(fresh: Fresh) -> Fresh {
    let raw: Arc<dyn Database> = Arc::from(fresh.raw().await);
    let store = Store::over(raw.clone()).await.unwrap();
    let mut dropped = 0;
    for round in 0..60_u64 {
        for polls in 1..4 {
            let mut begin = raw.begin();
            let mut is_done = false;
            for _ in 0..polls {
                is_done =
                    is_done || poll_fn(|cx| Poll::Ready(begin.as_mut().poll(cx).is_ready())).await;
                std::thread::sleep(Duration::from_micros(round * 5));
            }
            dropped += u64::from(!is_done);
        }
        let mut changes = Changes::new();
        changes.event(b"acknowledged".to_vec());
        store.commit(changes).await.unwrap();
    }
    assert!(dropped > 20, "only {dropped} were dropped half way");
    assert_eq!(fresh.count("select count(*) from audit_outbox").await, 60);
    raw.close().await;
    fresh
}

// --- Rows -----------------------------------------------------------------------------------------

const AT: &str = "2026-10-01T09:00:00+07:00";

fn shard() -> Shard {
    Shard::new(3)
}

fn lasting() -> LastingSettings {
    LastingSettings { currency: "VND".to_owned(), history_from: 202_607 }
}

fn cycle(number: i64, sequence: i64) -> Cycle {
    Cycle {
        number: CycleNo(number),
        authority: AuthorityNo(1),
        period: period("2026-10"),
        kind: CycleKind::Regular,
        sequence,
        state: CycleState::Open,
        law_known_at: "2026-09-20".parse().unwrap(),
        value_date: "2026-10-03".parse().unwrap(),
        roster: ImportNo(2),
        identity: ImportNo(1),
        opened_at: AT.to_owned(),
        opened_by: "lan".to_owned(),
        manifest: None,
        sealed_at: None,
        closed_at: None,
    }
}

fn import(number: i64, file_name: &str) -> Import {
    Import {
        number: ImportNo(number),
        kind: ImportKind::Roster,
        period: period("2026-10"),
        sha256: "ab".repeat(32),
        read_with: ImportNo(0),
        file_name: file_name.to_owned(),
        state: ImportState::Loading,
        rows: 0,
        refused: 0,
        imported_at: AT.to_owned(),
        imported_by: "lan".to_owned(),
    }
}

fn claim(of_cycle: i64) -> Claim {
    Claim {
        shard: shard(),
        period: period("2026-10"),
        enrolment: EnrolmentNo::from_number(5).unwrap(),
        person: PersonNo::from_number(5).unwrap(),
        programme: "social_pension".to_owned(),
        benefit: "monthly".to_owned(),
        component: "allowance".to_owned(),
        revision: 0,
        amount_minor: 500_000,
        cycle: CycleNo(of_cycle),
        payable: Some(PayableNo::pack(CycleNo(of_cycle), shard(), 0).unwrap()),
        carried_from: None,
    }
}

fn instruction(attempt: i64, state: InstructionState) -> Instruction {
    Instruction {
        payable: PayableNo::pack(CycleNo(1), shard(), 0).unwrap(),
        attempt: AttemptNo::new(attempt).unwrap(),
        list: ListNo(0),
        batch: BatchNo(1),
        destination: DestinationNo::from_number(1).unwrap(),
        amount_minor: 500_000,
        state,
        evidence: Evidence::default(),
    }
}

fn signature(officer: &str, act: Act) -> Signature {
    Signature {
        cycle: CycleNo(1),
        list: ListNo(0),
        digest: "cd".repeat(32),
        officer: officer.to_owned(),
        act,
        signature: "s".to_owned(),
        signed_at: AT.to_owned(),
        voided_at: None,
    }
}

fn batch(number: i64, file_name: &str, message: &str) -> Batch {
    Batch {
        cycle: CycleNo(1),
        number: BatchNo(number),
        list: ListNo(0),
        channel: Channel::Bank,
        provider: "bank".to_owned(),
        format: "vn-bank-bulk-csv".to_owned(),
        value_date: "2026-10-03".parse().unwrap(),
        file_name: file_name.to_owned(),
        message_id: message.to_owned(),
        created_at: None,
        count: 1,
        total_minor: 500_000,
        sha256: None,
        bytes: None,
        state: BatchState::Created,
    }
}

fn copy(file_name: &str) -> SealedCopy {
    SealedCopy { file_name: file_name.to_owned(), sha256: "sealed".to_owned(), bytes: 1 }
}

fn heir(number: i64) -> HeirRow {
    HeirRow {
        number,
        person: PersonNo::from_number(7).unwrap(),
        record: b"sealed".to_vec(),
        state: HeirState::Proposed,
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
        confirmed_by: None,
        confirmed_at: None,
        withdrawn_by: None,
        withdrawn_at: None,
        withdrawn_reason: None,
    }
}

fn stop(number: i64) -> Stop {
    let order = instruction(1, InstructionState::InBatch);
    Stop {
        number,
        cycle: order.payable.cycle(),
        payable: order.payable,
        attempt: order.attempt,
        batch: order.batch,
        reason: b"sealed".to_vec(),
        state: StopState::Proposed,
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
    }
}

fn recall(number: i64) -> Recall {
    let order = instruction(1, InstructionState::Settled);
    Recall {
        number,
        cycle: order.payable.cycle(),
        payable: order.payable,
        attempt: order.attempt,
        batch: order.batch,
        provider: "bank".to_owned(),
        amount_minor: order.amount_minor,
        reason_code: "DUPL".to_owned(),
        reason: b"sealed".to_vec(),
        by_letter: false,
        state: RecallState::Proposed,
        proposed_by: "lan".to_owned(),
        proposed_at: AT.to_owned(),
        decided_by: None,
        asked_at: None,
        answered_at: None,
        answer_reason: None,
        asked_with: None,
    }
}

fn recall_file(recall: i64) -> RecallFile {
    RecallFile {
        recall,
        provider: "bank".to_owned(),
        format: "iso20022-camt055-09".to_owned(),
        file_name: "RECALL.xml".to_owned(),
        message_id: "RECALL".to_owned(),
        created_at: AT.to_owned(),
        sha256: "ab".repeat(32),
        bytes: 1,
        state: RecallFileState::Released,
        sealed: None,
    }
}

fn acknowledgement(answer: i64) -> Acknowledgement {
    Acknowledgement {
        cycle: CycleNo(1),
        batch: BatchNo(1),
        kind: AcknowledgementKind::Received,
        at: AT.to_owned(),
        answer: AnswerNo(answer),
    }
}

fn statement(number: i64) -> Statement {
    Statement {
        number,
        answer: AnswerNo(number),
        provider: "bank".to_owned(),
        account: "0011".to_owned(),
        id: "S-1".to_owned(),
        opening_minor: 0,
        closing_minor: 0,
        closed_on: jiff::civil::date(2026, 11, 3),
        entries: 0,
        pending: 0,
    }
}

fn refused_answer(number: i64) -> RefusedAnswer {
    RefusedAnswer {
        number: AnswerNo(number),
        provider: "bank".to_owned(),
        file_name: "one.csv".to_owned(),
        sha256: "ef".repeat(32),
        code: "L101".to_owned(),
        refused_at: AT.to_owned(),
    }
}

fn told_transaction() -> ToldTransaction {
    let order = instruction(1, InstructionState::Settled);
    ToldTransaction {
        instruction: (order.payable, order.attempt),
        reference: "FT26329000001".to_owned(),
        item: 1,
    }
}

fn answer(number: i64, file_name: &str) -> Answer {
    Answer {
        number: AnswerNo(number),
        provider: "bank".to_owned(),
        file_name: file_name.to_owned(),
        sha256: "ef".repeat(32),
        format: "vn-bank-bulk-csv-results".to_owned(),
        received_at: AT.to_owned(),
        items: 1,
        applied: 0,
        repeated: 0,
        state: AnswerState::Applying,
    }
}
