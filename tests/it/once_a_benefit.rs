//! One person is paid once in a benefit, whatever the register has of them and whatever one officer releases;
//! and one enrolment id is one person's. Told on both databases.

use std::process::Command;

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::engine::hold::Deciding;
use serde_json::Value;

use crate::explaining;
use crate::support::office::{
    APPROVERS, MAKER, TestOffice, deciding, key, on_both_databases, period, refused, register_of,
    roster_of, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_register_with_one_id_under_two_names_does_not_pay_twice
    one_officer_does_not_release_a_second_enrolment
    a_row_with_another_name_is_not_released_beside_the_right_one
    the_register_has_the_person_in_two_equal_rows
    an_enrolment_that_has_ended_stands_in_nobodys_way
    a_proposal_of_last_month_keeps_nobody_from_proposing_again
    a_decision_that_ends_before_its_hold_is_refused
    one_enrolment_id_for_two_persons_is_refused_for_both
    an_enrolment_id_stays_with_who_has_it
    rows_that_are_refused_while_computing_are_named
    what_gives_way_is_not_paid_for_months_of_what_is_gone
    what_displaces_a_benefit_that_is_gone_waits_for_its_row
    what_displaces_a_benefit_that_is_ended_is_paid
    what_displaces_what_somebody_else_paid_is_held
    who_comes_back_under_a_new_number_is_held
    who_is_ended_and_begins_under_a_new_number_is_held
    whose_last_day_has_come_and_who_begins_under_a_new_number_is_held
    a_namesake_of_somebody_who_stays_is_another_person
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const CHI: &str = "E4 | 001046000104 | Lê Thị Chi | 1946-01-05 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004";
const DAY: &str = "2026-09-20";
const OTHER_NAME: &str = "Vũ Thị Mai Lan";

/// A second enrolment of the same person in the same benefit, to another account.
fn second() -> String {
    AN.replace("E1", "E3").replace("0711000001", "0711000003")
}

/// Takes in a month whose register has exactly these rows, also the same id more than once.
async fn month_with(office: &TestOffice, month: &str, roster: &[&str], register: &[&str]) {
    let mut text = String::new();
    for (at, person) in register.iter().enumerate() {
        let one = register_of(&[person]);
        text.push_str(if at == 0 { &one } else { one.split_once('\n').unwrap().1 });
    }
    let file = office.written("register.csv", text.as_bytes());
    office.engine.identity_import(&file, period(month), MAKER, &key(MAKER)).await.unwrap();
    let file = office.written("roster.csv", roster_of(roster).as_bytes());
    office.engine.roster_import(&file, period(month), MAKER, &key(MAKER)).await.unwrap();
}

async fn codes(office: &TestOffice, cycle: &Cycle) -> Vec<String> {
    let held = office.engine.store.held(cycle.number).await.unwrap();
    held.into_iter().map(|one| one.code).collect()
}

async fn again(office: &TestOffice, cycle: &Cycle) {
    let again = office.engine.recompute(&office.now(cycle).await).await.unwrap();
    office.computed(&again).await;
}

/// One officer releases whatever one officer can.
async fn one_officer_releases_all(office: &TestOffice, cycle: &Cycle) {
    let now = office.now(cycle).await;
    let (_, held) = office.engine.holds(&now, None, usize::MAX).await.unwrap();
    for one in held {
        let said = deciding(Decision::Release);
        let name = one.name();
        office.engine.hold_decide(&now, &name, said, MAKER, &key(MAKER)).await.unwrap();
    }
    again(office, cycle).await;
}

/// What the program says.
pub fn asked(office: &TestOffice, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitra"));
    let said = command.arg("--office").arg(&office.dir).args(arguments).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}

fn json(office: &TestOffice, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
    serde_json::from_str(&asked(office, &arguments)).unwrap()
}

async fn a_register_with_one_id_under_two_names_does_not_pay_twice(office: TestOffice) {
    office.on_day(DAY);
    let renamed = second().replace("Nguyễn Văn An", OTHER_NAME);
    month_with(&office, "2026-10", &[AN, &renamed, BINH], &[AN, &renamed, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    assert_eq!(codes(&office, &october).await, ["H120"]);
    one_officer_releases_all(&office, &october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn one_officer_does_not_release_a_second_enrolment(office: TestOffice) {
    office.on_day(DAY);
    let second = second();
    // The register does not have the id.
    month_with(&office, "2026-10", &[AN, &second, BINH], &[BINH, CHI]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "held 2, entitled 1", "pending 1 = 500000").await;
    assert_eq!(codes(&office, &october).await, ["H101", "H120"]);
    one_officer_releases_all(&office, &october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    assert_eq!(codes(&office, &october).await, ["H120"]);

    // Two officers have looked: there are two decisions. That the register lacks the person is another
    // matter, and holds the row until it is looked at too.
    let (_, held) = office.engine.holds(&october, Some("H120"), 9).await.unwrap();
    let (name, second) = (held[0].name(), APPROVERS[0]);
    office.engine.hold_confirm(&october, &name, second, &key(second)).await.unwrap();
    again(&office, &october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    assert_eq!(codes(&office, &october).await, ["H101"]);
    one_officer_releases_all(&office, &october).await;
    office.check(&october, "entitled 3", "held 1 = 500000, pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_row_with_another_name_is_not_released_beside_the_right_one(office: TestOffice) {
    office.on_day(DAY);
    let renamed = second().replace("Nguyễn Văn An", OTHER_NAME);
    month_with(&office, "2026-10", &[AN, &renamed, BINH], &[AN, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    one_officer_releases_all(&office, &october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    assert_eq!(codes(&office, &october).await, ["H120"]);
    let held = office.engine.store.held(october.number).await.unwrap();
    assert_eq!(held[0].enrolment, Some(office.engine.keys.enrolment("E3")), "the right row stands");
    office.ends_whole().await;
}

async fn the_register_has_the_person_in_two_equal_rows(office: TestOffice) {
    office.on_day(DAY);
    let second = second();
    month_with(&office, "2026-10", &[AN, &second, BINH], &[AN, AN, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    assert_eq!(codes(&office, &october).await, ["H108", "H120"]);
    one_officer_releases_all(&office, &october).await;
    office.check(&october, "held 1, entitled 2", "pending 2 = 1000000").await;
    office.engine.seal(&office.now(&october).await).await.unwrap();
    office.engine.sequence().await.unwrap();
    office.sent(&october, 0).await;

    // The next month the register is mended: the second enrolment is held as before.
    let paid = if office.claims("E1").await.is_empty() { "E3" } else { "E1" };
    for enrolment in ["E2", paid] {
        let said = office.said(&october, enrolment, 1, "Thành công", "").await;
        office.sheet(&[said]).await.unwrap();
    }
    office.closed(&october).await;
    month_with(&office, "2026-11", &[AN, &second, BINH], &[AN, BINH]).await;
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    office.check(&november, "held 1, entitled 2", "pending 2 = 1000000").await;
    assert_eq!(codes(&office, &november).await, ["H120"]);
    office.ends_whole().await;
}

async fn an_enrolment_that_has_ended_stands_in_nobodys_way(office: TestOffice) {
    office.on_day(DAY);
    let ended = format!("{AN} | status=ceased");
    let second = second();
    month_with(&office, "2026-10", &[&ended, &second, BINH], &[AN, BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "ceased 1, entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_proposal_of_last_month_keeps_nobody_from_proposing_again(office: TestOffice) {
    office.on_day(DAY);
    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-08-02");
    office.month("2026-10", &[&dead, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let name = office.engine.holds(&october, None, 9).await.unwrap().1[0].name();
    let engine = office.engine.clone();
    let said = || deciding(Decision::Release);
    engine.hold_decide(&october, &name, said(), MAKER, &key(MAKER)).await.unwrap();
    let binh = office.said(&october, "E2", 1, "Thành công", "").await;
    office.sheet(&[binh]).await.unwrap();
    office.closed(&october).await;

    office.month("2026-11", &[&dead, BINH]).await;
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    let name = engine.holds(&november, None, 9).await.unwrap().1[0].name();
    let page = asked(&office, &["hold", "list", "2026-11"]);
    assert!(page.contains("counted to 2026-10, not for this month"), "{page}");
    let second = APPROVERS[0];
    let told = refused(engine.hold_confirm(&november, &name, second, &key(second)).await, "H147");
    assert!(told.contains("counted to 2026-10, not for 2026-11"), "{told}");
    engine.hold_decide(&november, &name, said(), MAKER, &key(MAKER)).await.unwrap();
    refused(engine.hold_decide(&november, &name, said(), MAKER, &key(MAKER)).await, "H904");
    engine.hold_confirm(&november, &name, second, &key(second)).await.unwrap();
    again(&office, &november).await;
    let rows = office.figures(&november).await;
    assert_eq!(crate::support::office::rows_told(&rows), "entitled 2");
    office.ends_whole().await;
}

async fn a_decision_that_ends_before_its_hold_is_refused(office: TestOffice) {
    office.on_day(DAY);
    month_with(&office, "2026-10", &[AN, BINH], &[BINH]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    let name = office.engine.holds(&october, None, 9).await.unwrap().1[0].name();
    let before = office.snapshot().await;
    let decide = |valid_to: &str| Deciding {
        valid_to: Some(period(valid_to)),
        ..deciding(Decision::Release)
    };
    let engine = office.engine.clone();
    let past = engine.hold_decide(&october, &name, decide("2026-09"), MAKER, &key(MAKER)).await;
    let told = refused(past, "H148");
    assert!(told.contains("--valid-to"), "{told}");
    assert_eq!(office.snapshot().await, before);
    engine.hold_decide(&october, &name, decide("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    office.ends_whole().await;
}

async fn one_enrolment_id_for_two_persons_is_refused_for_both(office: TestOffice) {
    office.on_day(DAY);
    let chi = CHI.replace("E4", "E1");
    office.month("2026-10", &[AN, BINH, &chi]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "refused 2, entitled 1", "pending 1 = 500000").await;
    for id in ["001044000101", "001046000104"] {
        let told = json(&office, &["explain", id]);
        let row = &told["rows"][0];
        assert_eq!((&row["outcome"], &row["code"]), (&"refused".into(), &"I209".into()), "{told}");
    }
    let lines: Vec<u64> =
        office.engine.refusals(&october).await.unwrap().iter().map(|one| one.line).collect();
    assert_eq!(lines, [2, 4]);

    // Whose it is, the mended roster says.
    let file = office.written("roster.csv", roster_of(&[AN, BINH, CHI]).as_bytes());
    office.engine.roster_import(&file, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
    let october = office.now(&october).await;
    office.engine.cycle_cancel(&october, "mended", MAKER, &key(MAKER)).await.unwrap();
    let mended = office.opened("2026-10", Regular).await;
    office.computed(&mended).await;
    assert_eq!(
        office.person("E1").await,
        office.engine.keys.person_of_id("001044000101"),
        "the id was nobody's while two had it"
    );
    office.ends_whole().await;
}

async fn an_enrolment_id_stays_with_who_has_it(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    for enrolment in ["E1", "E2"] {
        let said = office.said(&october, enrolment, 1, "Thành công", "").await;
        office.sheet(&[said]).await.unwrap();
    }
    office.closed(&october).await;

    // Another person comes under the same id, and stands before on the file.
    let chi = CHI.replace("E4", "E1");
    office.month("2026-11", &[&chi, AN, BINH]).await;
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    office.check(&november, "refused 1, entitled 2", "pending 2 = 1000000").await;
    assert_eq!(office.claims("E1").await.len(), 2);
    let told = json(&office, &["explain", "001046000104"]);
    assert_eq!(told["refused"][0]["code"], "I209", "{told}");
    assert_eq!(told["refused"][0]["source"]["line"], 2, "{told}");
    let an = json(&office, &["explain", "001044000101"]);
    assert!(an["rows"].as_array().unwrap().iter().any(|row| row["outcome"] == "entitled"), "{an}");
    office.ends_whole().await;
}

async fn rows_that_are_refused_while_computing_are_named(office: TestOffice) {
    office.on_day(DAY);
    let again = AN.replace("0711000001", "0711000009");
    let unreadable = CHI.replace("1946-01-05", "1946-13-05");
    let register = [AN, BINH];
    month_with(&office, "2026-10", &[AN, BINH, &again, &unreadable], &register).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "refused 2, entitled 2", "pending 2 = 1000000").await;
    let status = asked(&office, &["cycle", "status", "2026-10"]);
    assert!(status.contains("chitra cycle refused 2026-10"), "{status}");
    let page = asked(&office, &["cycle", "refused", "2026-10"]);
    assert!(page.contains("I209  E1") && page.contains("I203"), "{page}");
    let told = json(&office, &["cycle", "refused", "2026-10"]);
    let rows: Vec<_> = told["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, [(4, "I209"), (5, "I203")]);
    assert_eq!(told["refused"][0]["enrolment_id"], "E1");
    let csv = asked(&office, &["report", "2026-10", "--format", "csv"]);
    assert!(csv.contains("refused_row,4/I209/E1,1"), "{csv}");
    office.ends_whole().await;
}

/// The same name, birth, benefit and account under another number and another enrolment id.
fn under_a_new_number() -> String {
    AN.replace("E1", "E9").replace("001044000101", "001044000199")
}

/// The same person's two benefits, of which only the higher is due: 1.000.000, and 500.000.
const HIGHER: &str = "E7 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_assistance/k6 | disability_level=severe | bank 970405 0711000001";

async fn what_gives_way_is_not_paid_for_months_of_what_is_gone(office: TestOffice) {
    office.on_day(DAY);
    let lower = AN;
    month_with(&office, "2026-10", &[lower, HIGHER], &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "nil 1, entitled 1", "pending 1 = 1000000").await;
    // What was paid for October stays paid for it, however the row ends.
    let ceased = format!("{HIGHER} | status=ceased");
    let slip = HIGHER.replace("Nguyễn Văn An", OTHER_NAME);
    for (month, roster, rows) in [
        ("2026-11", vec![lower], "entitled 1"),
        ("2026-12", vec![lower, &ceased], "ceased 1, entitled 1"),
        ("2027-01", vec![lower, &slip], "held 1, entitled 1"),
    ] {
        month_with(&office, month, &roster, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        office.check(&cycle, rows, "pending 1 = 500000").await;
    }
    office.ends_whole().await;
}

async fn what_displaces_a_benefit_that_is_gone_waits_for_its_row(office: TestOffice) {
    office.on_day(DAY);
    month_with(&office, "2026-10", &[AN], &[AN]).await;
    office.paid_out("2026-10", Regular).await;
    month_with(&office, "2026-11", &[HIGHER], &[AN]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "held 1", "").await;
    assert_eq!(codes(&office, &november).await, ["H123"]);
    office.sent(&november, 0).await;
    // With both rows what October had is taken back; it came out of another fund.
    month_with(&office, "2026-12", &[AN, HIGHER], &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "nil 1, entitled 1", "pending 1 = 3000000").await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    office.ends_whole().await;
}

/// The old row is listed as ended: what was paid under it is taken back, as under a row that goes on.
async fn what_displaces_a_benefit_that_is_ended_is_paid(office: TestOffice) {
    office.on_day(DAY);
    month_with(&office, "2026-10", &[AN], &[AN]).await;
    office.paid_out("2026-10", Regular).await;
    month_with(&office, "2026-11", &[HIGHER], &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    assert_eq!(codes(&office, &november).await, ["H123"]);
    let ceased = format!("{AN} | status=ceased");
    month_with(&office, "2026-12", &[&ceased, HIGHER], &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "ceased 1, entitled 1", "pending 1 = 3000000").await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    office.ends_whole().await;
}

async fn what_displaces_what_somebody_else_paid_is_held(office: TestOffice) {
    office.on_day(DAY);
    let elsewhere = format!("{AN} | paid_through=2026-10");
    month_with(&office, "2026-11", &[&elsewhere, HIGHER], &[AN]).await;
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    // The lower benefit goes on meanwhile.
    office.check(&november, "held 1, entitled 1", "pending 1 = 500000").await;
    assert_eq!(codes(&office, &november).await, ["H123"]);
    let page = explaining::asked(&office, "E7", "2026-11").0;
    assert!(page.contains("for October 2026 another benefit was paid that gives way"), "{page}");
    office.ends_whole().await;
}

async fn who_is_ended_and_begins_under_a_new_number_is_held(office: TestOffice) {
    begins_under_a_new_number(office, "status=ceased").await;
}

async fn whose_last_day_has_come_and_who_begins_under_a_new_number_is_held(office: TestOffice) {
    begins_under_a_new_number(office, "entitled_to=2026-10-31").await;
}

async fn begins_under_a_new_number(office: TestOffice, over: &str) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    office.paid_out("2026-10", Regular).await;
    let ended = format!("{AN} | {over}");
    office.month("2026-11", &[&ended, BINH, &under_a_new_number()]).await;
    let november = office.sealed("2026-11", Regular).await;
    assert_eq!(codes(&office, &november).await, ["H122"], "{over}");
    office.sent(&november, 0).await;
    office.ends_whole().await;
}

async fn who_comes_back_under_a_new_number_is_held(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    office.paid_out("2026-10", Regular).await;
    let new = under_a_new_number();
    let people = [new.as_str(), BINH, CHI];
    office.month("2026-11", &people).await;
    let november = office.sealed("2026-11", Regular).await;
    // Chi is new as well, and looks like nobody.
    office.check(&november, "held 1, entitled 2", "pending 2 = 1500000").await;
    assert_eq!(codes(&office, &november).await, ["H122"]);
    office.sent(&november, 0).await;

    // As long as nothing was determined under the new number, and until two officers have looked.
    office.month("2026-12", &people).await;
    let december = office.opened("2026-12", Regular).await;
    office.computed(&december).await;
    office.check(&december, "held 1, entitled 2", "pending 2 = 1000000").await;
    one_officer_releases_all(&office, &december).await;
    office.check(&december, "held 1, entitled 2", "pending 2 = 1000000").await;
    let now = office.now(&december).await;
    let (_, held) = office.engine.holds(&now, Some("H122"), usize::MAX).await.unwrap();
    let second = APPROVERS[0];
    office.engine.hold_confirm(&now, &held[0].name(), second, &key(second)).await.unwrap();
    again(&office, &december).await;
    office.check(&december, "entitled 3", "pending 3 = 2500000").await;
    let december = office.engine.seal(&office.now(&december).await).await.unwrap();
    office.sent(&december, 0).await;

    office.month("2027-01", &people).await;
    let january = office.opened("2027-01", Regular).await;
    office.computed(&january).await;
    office.check(&january, "entitled 3", "pending 3 = 1500000").await;
    office.ends_whole().await;
}

async fn a_namesake_of_somebody_who_stays_is_another_person(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    office.paid_out("2026-10", Regular).await;
    office.month("2026-11", &[AN, &under_a_new_number(), BINH]).await;
    let november = office.opened("2026-11", Regular).await;
    office.computed(&november).await;
    office.check(&november, "entitled 3", "pending 3 = 2000000").await;
    office.ends_whole().await;
}
