//! A month is decided by what was listed for it: facts that change, decisions that are made anew, corrections,
//! rows that end, are gone or refused, and come back. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular};
use chitra::domain::exception::Decision;

use crate::explaining;
use crate::support::office::{MAKER, TestOffice, deciding, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_fact_that_changes_leaves_the_months_before
    a_change_may_name_the_month_from_which_it_counts
    a_correction_speaks_until_the_next_change
    a_new_decision_counts_from_its_start
    months_in_which_a_row_had_ended_are_not_owed
    months_in_which_nobody_listed_a_row_are_asked_about
    a_row_that_was_refused_is_owed_for_its_month
}

const DAY: &str = "2026-09-20";
/// 1.000.000 a month; especially severe, 1.250.000.
const SEVERE: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_assistance/k6 | disability_level=severe | bank 970405 0711000001";

fn especially() -> String {
    SEVERE.replace("=severe", "=especially_severe")
}

/// A month that is paid: rows, and money.
async fn month(office: &TestOffice, month: &str, row: &str, rows: &str, money: &str) -> Cycle {
    office.month(month, &[row]).await;
    let cycle = office.paid_out(month, Regular).await;
    office.check(&cycle, rows, money).await;
    // What was decided comes out again.
    explaining::asked(office, "E1", &cycle.number.to_string());
    cycle
}

async fn a_fact_that_changes_leaves_the_months_before(office: TestOffice) {
    office.on_day(DAY);
    let especially = especially();
    for (at, row, money) in [
        ("2026-10", SEVERE, 1_000_000),
        ("2026-11", &especially, 1_250_000),
        ("2026-12", &especially, 1_250_000),
        ("2027-01", SEVERE, 1_000_000),
        ("2027-02", SEVERE, 1_000_000),
    ] {
        month(&office, at, row, "entitled 1", &format!("pending 1 = {money}")).await;
    }
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn a_change_may_name_the_month_from_which_it_counts(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let risen = format!("{} | changed_from=2026-11", especially());
    month(&office, "2026-12", &risen, "entitled 1", "pending 1 = 1500000").await;
    // The sender goes on naming it: nothing changes by that.
    month(&office, "2027-01", &risen, "entitled 1", "pending 1 = 1250000").await;
    let fallen = format!("{SEVERE} | changed_from=2027-01");
    month(&office, "2027-02", &fallen, "entitled 1", "pending 1 = 1000000").await;
    // January's money is on its way: what was too much of it is owed once it is paid.
    assert_eq!(office.receivables().await, ["overpayment 250000"]);
    office.ends_whole().await;
}

async fn a_correction_speaks_until_the_next_change(office: TestOffice) {
    office.on_day(DAY);
    let october = month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let november = month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.month("2026-10", &[&especially()]).await;
    let correction = office.paid_out("2026-10", Correction).await;
    office.check(&correction, "entitled 1", "pending 1 = 250000").await;
    // What was decided before stands on what was listed before.
    for cycle in [&october, &november, &correction] {
        explaining::asked(&office, "E1", &cycle.number.to_string());
    }
    // November stands on the same listing as October.
    month(&office, "2026-12", &especially(), "entitled 1", "pending 1 = 1500000").await;
    month(&office, "2027-01", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    assert!(office.receivables().await.is_empty());
    for cycle in office.engine.store.cycles().await.unwrap() {
        explaining::asked(&office, "E1", &cycle.number.to_string());
    }
    office.ends_whole().await;
}

async fn a_new_decision_counts_from_its_start(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let decided = "decision_no=99/QD-UBND | decision_date=2026-11-10 | entitled_from=2026-11-01";
    let anew = format!("{} | {decided}", especially());
    month(&office, "2026-12", &anew, "entitled 1", "pending 1 = 1500000").await;
    month(&office, "2027-01", &anew, "entitled 1", "pending 1 = 1250000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn months_in_which_a_row_had_ended_are_not_owed(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let ceased = format!("{SEVERE} | status=ceased");
    month(&office, "2026-11", &ceased, "ceased 1", "").await;
    month(&office, "2026-12", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.ends_whole().await;
}

async fn months_in_which_nobody_listed_a_row_are_asked_about(office: TestOffice) {
    const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.month("2026-11", &[BINH]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 1000000").await;
    office.month("2026-12", &[SEVERE]).await;
    let december = office.opened("2026-12", Regular).await;
    office.computed(&december).await;
    office.check(&december, "held 1", "").await;
    let now = office.now(&december).await;
    let (_, held) = office.engine.holds(&now, Some("H124"), 1).await.unwrap();
    let said = deciding(Decision::Release);
    office.engine.hold_decide(&now, &held[0].name(), said, MAKER, &key(MAKER)).await.unwrap();
    let again = office.engine.recompute(&office.now(&december).await).await.unwrap();
    office.computed(&again).await;
    office.check(&december, "entitled 1", "pending 1 = 2000000").await;
    let december = office.engine.seal(&office.now(&december).await).await.unwrap();
    office.sent(&december, 0).await;
    explaining::asked(&office, "E1", &december.number.to_string());
    month(&office, "2027-01", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.ends_whole().await;
}

async fn a_row_that_was_refused_is_owed_for_its_month(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let bad = format!("{SEVERE} | decision_date=2026-02-30");
    month(&office, "2026-11", &bad, "refused 1", "").await;
    month(&office, "2026-12", SEVERE, "entitled 1", "pending 1 = 2000000").await;
    office.ends_whole().await;
}
