//! The machine's own clock jumps, and several processes look at the same moment. The office lives by the
//! clock here: no day is said on the command line.

use std::fs;

use serde_json::Value;

use crate::support::injectors::Running;
use crate::support::real_parts::{RealPart, real_part};
use crate::support::small_office::{CYCLE, Ran, SENT_ON, SmallOffice, Stage};

const RULES: &str = r#"
[[schedule]]
name = "remind-open"
what = "open"
when = "before 21"
from = "2026-10-01"
catch_up_days = 3

[[schedule]]
name = "send"
what = "dispatch"
when = "daily"
from = "2026-11-01"
catch_up_days = 0
"#;

fn scheduled(office: &SmallOffice) {
    let config = office.dir.join("chitra.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + RULES).unwrap();
}

/// Of each fire its day, its rule and how it ended.
#[track_caller]
fn fired(ran: &Ran) -> Vec<String> {
    // What failed is told among the others, and then ends the command with a code.
    let said: Value = match ran.code().as_str() {
        "D183" => serde_json::from_str(&ran.stdout).expect("what is said is JSON"),
        _ => ran.said(),
    };
    let rows = said.as_array().expect("it tells of each fire");
    let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let of_row = |row| ["day", "rule", "state"].map(|key| word(row, key)).join(" ");
    rows.iter().map(of_row).collect()
}

#[test]
fn a_clock_that_jumps_fires_no_day_twice() {
    let Some(library) = real_part(RealPart::Faketime) else { return };
    let office = SmallOffice::at(Stage::Released);
    scheduled(&office);
    // Of the office, whose clock is seven hours ahead of the one that is set here.
    for (moment, expected) in [
        ("2026-10-19 16:30:00", &[][..]),
        ("2026-10-19 17:30:00", &["2026-10-20 remind-open reminded"]),
        // An hour back over midnight, and on again.
        ("2026-10-19 16:30:00", &[]),
        ("2026-10-19 17:30:00", &[]),
        // Thirty days on by a fault, when the files are too late for their value date; back, and there in its
        // time.
        ("2026-11-18 17:30:00", &["2026-11-19 send failed"]),
        ("2026-10-20 02:00:00", &[]),
        ("2026-11-01 02:00:00", &["2026-11-01 send done"]),
        ("2026-11-01 01:00:00", &[]),
        ("2026-11-18 18:30:00", &[]),
        ("2026-11-19 17:30:00", &["2026-11-20 remind-open reminded", "2026-11-20 send done"]),
    ] {
        let mut command = office.command(None, &["schedule", "run"]);
        command.env("LD_PRELOAD", &library).env("FAKETIME", format!("@{moment}")).env("TZ", "UTC");
        let mut told = fired(&Ran::of(&mut command));
        told.sort();
        assert_eq!(told, expected, "{moment}");
    }
    // The first of these days sent the files; each went once.
    assert_eq!(office.inboxes(), office.approved_files());
    office.ends_as_undisturbed();
}

#[test]
fn processes_that_look_at_once_do_the_work_once() {
    let office = SmallOffice::at(Stage::Released);
    scheduled(&office);
    for day in ["2026-10-20", SENT_ON] {
        let all: Vec<Running> = (0..4)
            .map(|_| Running::of(&mut office.command(Some(day), &["schedule", "run"])))
            .collect();
        let mut fires = Vec::new();
        for one in all {
            let ran = one.ends();
            fires.extend(fired(&ran));
        }
        assert_eq!(fires.len(), 1, "{day}: {fires:?}");
        let again = office.run(day, &["schedule", "run"]);
        assert!(fired(&again).is_empty(), "{day}: {}", again.stdout);
    }
    office.ends_as_undisturbed();
}

#[test]
fn processes_that_dispatch_at_once_send_every_file_once() {
    for _ in 0..4 {
        let office = SmallOffice::at(Stage::Released);
        let all: Vec<Running> = (0..3)
            .map(|_| Running::of(&mut office.command(Some(SENT_ON), &["dispatch"])))
            .collect();
        for one in all {
            one.ends().said();
        }
        assert_eq!(office.inboxes(), office.approved_files());
        office.ends_as_undisturbed();
    }
}

#[test]
fn a_month_that_two_open_at_once_is_opened_once() {
    let office = SmallOffice::at(Stage::Opened);
    // The month that is open is given up, so that there is one to open.
    let cancel = ["cycle", "cancel", CYCLE, "--reason", "again", "--as", "lan"];
    office.run("2026-10-21", &cancel).said();
    let open = ["cycle", "open", CYCLE, "--value-date", "2026-11-03", "--as", "lan"];
    let all: Vec<Running> =
        (0..4).map(|_| Running::of(&mut office.command(Some("2026-10-21"), &open))).collect();
    let ended: Vec<String> = all.into_iter().map(|one| one.ends().code()).collect();
    let cycles = office.run("2026-10-21", &["cycle", "list"]).said();
    let open = cycles.as_array().expect("a list of cycles");
    let open = open.iter().filter(|cycle| cycle["state"] != "cancelled").count();
    assert_eq!(open, 1, "{ended:?}: {cycles}");
}
