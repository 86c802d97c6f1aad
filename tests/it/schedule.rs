//! The schedule fires once for a day on which a rule is due: clocks that jump, processes that look at the
//! same moment, nights on which nobody looked. On both databases.

use std::path::Path;

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::schedule::{Fire, FireState};

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_clock_that_jumps_makes_no_second_fire_and_skips_no_month
    two_processes_fire_once
    what_needs_an_officer_is_reminded_and_the_rest_is_done
    files_that_should_have_left_and_did_not_are_a_failure
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";

const RULES: &str = r#"
[[schedule]]
name = "remind-open"
what = "open"
when = "before 21"
from = "2026-10-01"
catch_up_days = 3
"#;

const WORK: &str = r#"
[[schedule]]
name = "send"
what = "dispatch"
when = "daily"
from = "2026-10-02"
catch_up_days = 0

[[schedule]]
name = "answers"
what = "collect"
when = "daily"
from = "2026-10-02"
catch_up_days = 0

[[schedule]]
name = "papers"
what = "report"
when = "every friday"
from = "2026-10-02"
"#;

fn scheduled(dir: &Path, rules: &str) {
    let path = dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + rules).unwrap();
}

/// `2026-10-20 remind-open reminded`.
fn told(fires: &[Fire]) -> Vec<String> {
    let told = fires.iter();
    told.map(|fire| format!("{} {} {}", fire.due_on, fire.rule, fire.state)).collect()
}

async fn a_clock_that_jumps_makes_no_second_fire_and_skips_no_month(mut office: TestOffice) {
    scheduled(&office.dir, RULES);
    office.reopen().await;
    for (day, fires) in [
        ("2026-10-19", &[][..]),
        ("2026-10-20", &["2026-10-20 remind-open reminded"]),
        ("2026-10-20", &[]),
        // An hour back over midnight, and on again.
        ("2026-10-19", &[]),
        ("2026-10-20", &[]),
        // Thirty days ahead by a fault: November's day is taken early, once.
        ("2026-11-20", &["2026-11-20 remind-open reminded"]),
        ("2026-10-21", &[]),
        ("2026-11-20", &[]),
        // Nobody looked for two days, then for a week.
        ("2026-12-22", &["2026-12-20 remind-open reminded"]),
        ("2027-01-27", &[]),
        ("2027-02-20", &["2027-02-20 remind-open reminded"]),
    ] {
        office.on_day(day);
        let fired = office.engine.schedule_run().await.unwrap();
        assert_eq!(told(&fired), fires, "{day}");
    }
    let due = office.engine.schedule_due().await.unwrap();
    let missed: Vec<String> = due.missed.iter().map(|(_, day)| day.to_string()).collect();
    assert_eq!(missed, ["2027-01-20"]);
    // A clock that ran ahead while October's day was still to come takes nothing from October.
    let october = told(&office.engine.store.fires().await.unwrap());
    assert_eq!(october.len(), 4);
    drop(due);
    office.ends_whole().await;
}

/// Both see the day as due; the database lets one take it.
async fn two_processes_fire_once(mut office: TestOffice) {
    scheduled(&office.dir, RULES);
    office.reopen().await;
    office.on_day("2026-10-20");
    let (one, other) = (office.engine.clone(), office.engine.clone());
    let (one, other) = tokio::join!(one.schedule_run(), other.schedule_run());
    // The log has one writer at a time: who meets the other there says so, and has fired all the same.
    let fired: usize =
        [&one, &other].iter().filter_map(|done| done.as_ref().ok()).map(Vec::len).sum();
    assert!(fired <= 1);
    assert!(office.engine.schedule_run().await.unwrap().is_empty());
    assert_eq!(
        told(&office.engine.store.fires().await.unwrap()),
        ["2026-10-20 remind-open reminded"]
    );

    // Whoever writes past the program meets the same rule.
    let again = "insert into fire (rule, due_on, what, fired_at, state, detail)
                 values ('remind-open', '2026-10-20', 'open', 'x', 'started', '')";
    assert!(office.tamper_refused(again).await);
    office.ends_whole().await;
}

async fn what_needs_an_officer_is_reminded_and_the_rest_is_done(mut office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    scheduled(&office.dir, RULES);
    scheduled(&office.dir, WORK);
    office.reopen().await;
    office.on_day("2026-10-02");
    let fired = office.engine.schedule_run().await.unwrap();
    assert_eq!(
        told(&fired),
        ["2026-10-02 send done", "2026-10-02 answers done", "2026-10-02 papers done"]
    );
    let details: Vec<&str> = fired.iter().map(|fire| fire.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "1 files were looked after",
            "0 answers were taken in, 0 refused",
            "1 reports were written"
        ]
    );
    assert_eq!(office.attempts(&cycle, "E1").await, "1 in_batch");
    let files = office.engine.store.batches(cycle.number).await.unwrap();
    assert_eq!(office.times_sent(&files[0].file_name), 1);
    // The same day again sends nothing.
    assert!(office.engine.schedule_run().await.unwrap().is_empty());
    assert_eq!(office.times_sent(&files[0].file_name), 1);

    office.on_day("2026-10-20");
    let fired = office.engine.schedule_run().await.unwrap();
    assert!(told(&fired).contains(&"2026-10-20 remind-open reminded".to_owned()));
    // Reminded of, and not done.
    assert_eq!(office.engine.store.cycles().await.unwrap().len(), 1);
    office.ends_whole().await;
}

async fn files_that_should_have_left_and_did_not_are_a_failure(mut office: TestOffice) {
    scheduled(&office.dir, WORK);
    office.reopen().await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let by = crate::support::office::MAKER;
    let key = crate::support::office::key(by);
    office.engine.halt_put("cycle:2026-10", "a doubt", by, &key).await.unwrap();
    office.on_day("2026-10-02");
    let fired = office.engine.schedule_run().await.unwrap();
    let sent = fired.iter().find(|fire| fire.rule == "send").unwrap();
    assert_eq!(sent.state, FireState::Failed);
    assert!(sent.detail.starts_with("D182: 1 of 1 files did not leave"), "{}", sent.detail);
    office.ends_whole().await;
}
