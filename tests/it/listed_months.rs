//! A month is decided by what was listed for it: facts that change, decisions that are made anew, corrections,
//! rows that end, are gone or refused, and come back. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular};
use chitra::domain::exception::Decision;
use chitra::engine::hold::Deciding;

use crate::explaining;
use crate::support::office::{
    MAKER, TestOffice, deciding, key, on_both_databases, period, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_fact_that_changes_leaves_the_months_before
    a_change_may_name_the_month_from_which_it_counts
    a_correction_speaks_for_its_month
    a_correction_of_a_decision_leaves_the_months_before
    a_decision_that_is_still_to_come_is_held
    a_new_decision_counts_from_its_start
    months_in_which_a_row_had_ended_are_not_owed
    months_after_an_end_that_is_told_later_are_taken_back
    months_of_a_later_decision_are_decided_once_its_fact_is_there
    what_an_ended_row_got_goes_on_under_another_id
    months_in_which_a_row_was_paused_are_not_owed_once_it_has_ended
    months_in_which_nobody_listed_a_row_are_asked_about
    months_that_are_not_owed_end_with_the_month_of_return
    others_go_on_while_a_row_that_is_back_is_held
    an_enrolment_id_is_for_one_benefit
    a_change_from_before_the_first_list_moves_no_other_month
    a_row_that_was_refused_is_owed_for_its_month
    what_was_refused_leaves_what_was_known
    a_change_leaves_what_a_new_decision_gave_before_it
    a_change_reaches_no_further_back_than_its_decision
    a_month_held_for_a_fact_is_owed_though_the_row_ended_after_it
    a_month_that_is_named_later_counts
    a_month_held_for_a_fact_is_owed_by_the_decision_of_then
    a_month_that_was_released_stays_when_a_new_decision_comes
    who_is_back_with_a_new_decision_is_asked_about_all_months_between
    months_before_a_new_decision_stand_whatever_month_is_named
    a_day_that_was_mistyped_and_is_right_again_is_no_new_decision
    a_correction_speaks_beside_a_decision_that_came_after_it
    a_decision_that_lost_its_number_or_its_day_is_no_new_one
    months_held_for_a_fact_are_owed_once_it_is_there
}

const DAY: &str = "2026-09-20";
/// 1.000.000 a month; especially severe, 1.250.000.
const SEVERE: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_assistance/k6 | disability_level=severe | bank 970405 0711000001";

const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

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

async fn a_correction_speaks_for_its_month(office: TestOffice) {
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
    // November stands on its own list.
    month(&office, "2026-12", &especially(), "entitled 1", "pending 1 = 1250000").await;
    month(&office, "2027-01", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    assert!(office.receivables().await.is_empty());
    for cycle in office.engine.store.cycles().await.unwrap() {
        explaining::asked(&office, "E1", &cycle.number.to_string());
    }
    office.ends_whole().await;
}

async fn a_correction_of_a_decision_leaves_the_months_before(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let decided = "decision_no=99/QD-UBND | decision_date=2026-09-18 | entitled_from=2026-10-01";
    let anew = format!("{} | {decided}", especially());
    month(&office, "2026-12", &anew, "entitled 1", "pending 1 = 1750000").await;
    // December was severe all the same: October and November stand on the list that named the decision.
    office.month("2026-12", &[&format!("{SEVERE} | {decided}")]).await;
    let correction = office.paid_out("2026-12", Correction).await;
    office.check(&correction, "entitled 1", "").await;
    month(&office, "2027-01", &anew, "entitled 1", "pending 1 = 1250000").await;
    office.ends_whole().await;
}

async fn a_decision_that_is_still_to_come_is_held(office: TestOffice) {
    office.on_day(DAY);
    let signed = |day: &str| format!("{SEVERE} | decision_date={day} | entitled_from=2026-09-01");
    office.month("2026-10", &[&signed("2026-09-21")]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "held 1", "").await;
    let held = office.engine.store.held(october.number).await.unwrap();
    assert_eq!(held[0].code, "H150");
    let (page, _) = explaining::asked(&office, "E1", "2026-10");
    assert!(page.contains("H150"), "{page}");
    month(&office, "2026-11", &signed("2026-09-20"), "entitled 1", "pending 1 = 2000000").await;
    office.ends_whole().await;
}

async fn a_new_decision_counts_from_its_start(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let decided = "decision_no=99/QD-UBND | decision_date=2026-09-18 | entitled_from=2026-11-01";
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

/// December's list says that the row had ended in November, which was paid; then a correction says the same of
/// October.
async fn months_after_an_end_that_is_told_later_are_taken_back(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let ceased = format!("{SEVERE} | status=ceased");
    let since_november = format!("{ceased} | changed_from=2026-11");
    for at in ["2026-12", "2027-01"] {
        month(&office, at, &since_november, "ceased 1", "").await;
        assert_eq!(office.receivables().await, ["overpayment 1000000"], "{at}");
    }
    office.month("2026-10", &[&ceased]).await;
    let correction = office.paid_out("2026-10", Correction).await;
    office.check(&correction, "ceased 1", "").await;
    assert_eq!(office.receivables().await, ["overpayment 1000000", "overpayment 1000000"]);
    month(&office, "2027-02", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.ends_whole().await;
}

/// The sender gave the enrolment another id, and tells the old one as ended.
async fn what_an_ended_row_got_goes_on_under_another_id(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let ceased = format!("{SEVERE} | status=ceased");
    let other = SEVERE.replace("E1 |", "E3 |");
    for (at, ended) in
        [("2026-11", ceased.clone()), ("2026-12", format!("{ceased} | changed_from=2026-10"))]
    {
        office.month(at, &[&ended, &other]).await;
        let cycle = office.paid_out(at, Regular).await;
        office.check(&cycle, "ceased 1, entitled 1", "pending 1 = 1000000").await;
    }
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn months_in_which_a_row_was_paused_are_not_owed_once_it_has_ended(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", &format!("{SEVERE} | status=suspended"), "ceased 1", "").await;
    month(&office, "2026-12", &format!("{SEVERE} | status=ceased"), "ceased 1", "").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

/// A decision of October is listed for December without its fact, and mended: what was paid for November is worked
/// out on it.
async fn months_of_a_later_decision_are_decided_once_its_fact_is_there(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let anew = decided_from(&especially(), "2026-11");
    let unknown = anew.replace("disability_level=especially_severe", "disability_level=");
    month(&office, "2026-12", &unknown, "held 1", "").await;
    month(&office, "2027-01", &anew, "entitled 1", "pending 1 = 2750000").await;
    office.ends_whole().await;
}

/// An officer says that the months without the row are owed; the list with them is sealed.
async fn owed_after_all(office: &TestOffice, cycle: &Cycle) -> Cycle {
    office.release_holds(cycle, "H124").await;
    let again = office.engine.recompute(&office.now(cycle).await).await.unwrap();
    let again = office.computed(&again).await;
    office.check(&again, "entitled 1", "pending 1 = 2000000").await;
    office.engine.seal(&office.now(&again).await).await.unwrap()
}

async fn months_in_which_nobody_listed_a_row_are_asked_about(office: TestOffice) {
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
    // Of months that come nobody can say anything yet.
    let lasting = Deciding { valid_to: Some(period("2027-06")), ..deciding(Decision::Release) };
    let engine = &office.engine;
    let said = engine.hold_decide(&now, &held[0].name(), lasting, MAKER, &key(MAKER)).await;
    refused(said, "H908");
    let december = owed_after_all(&office, &december).await;
    office.sent(&december, 0).await;
    explaining::asked(&office, "E1", &december.number.to_string());
    month(&office, "2027-01", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.ends_whole().await;
}

/// October, and a November whose list did not have the row.
async fn gone_in_november(office: &TestOffice) {
    office.on_day(DAY);
    month(office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    office.month("2026-11", &[BINH]).await;
    office.paid_out("2026-11", Regular).await;
}

async fn months_that_are_not_owed_end_with_the_month_of_return(office: TestOffice) {
    gone_in_november(&office).await;
    office.month("2026-12", &[SEVERE]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "held 1", "").await;
    let back = format!("{SEVERE} | entitled_from=2026-12-01");
    office.month("2026-12", &[&back]).await;
    let correction = office.paid_out("2026-12", Correction).await;
    office.check(&correction, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2027-01", &back, "entitled 1", "pending 1 = 1000000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn others_go_on_while_a_row_that_is_back_is_held(office: TestOffice) {
    const LOWER: &str = "E3 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
    office.on_day(DAY);
    office.month("2026-10", &[SEVERE, LOWER]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "nil 1, entitled 1", "pending 1 = 1000000").await;
    office.month("2026-11", &[LOWER]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 500000").await;
    office.month("2026-12", &[SEVERE, LOWER]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "held 1, entitled 1", "pending 1 = 500000").await;
    let (page, _) = explaining::asked(&office, "E1", "2026-12");
    assert!(page.contains("it would be paid for November 2026 too"), "{page}");
    office.ends_whole().await;
}

async fn an_enrolment_id_is_for_one_benefit(office: TestOffice) {
    office.on_day(DAY);
    const PENSION: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
    month(&office, "2026-10", PENSION, "entitled 1", "pending 1 = 500000").await;
    let moved = format!(
        "{SEVERE} | decision_no=99/QD-UBND | decision_date=2026-09-18 | entitled_from=2026-11-01"
    );
    office.month("2026-11", &[&moved]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "refused 1", "").await;
    let refused = office.engine.refusals(&office.now(&november).await).await.unwrap();
    assert_eq!(refused.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["I213"]);
    explaining::asked(&office, "E1", "2026-11");
    // Told as ended it takes nothing back of what the other one was paid.
    office.month("2026-11", &[&format!("{moved} | status=ceased | changed_from=2026-10")]).await;
    let correction = office.paid_out("2026-11", Correction).await;
    office.check(&correction, "ceased 1", "").await;
    assert!(office.receivables().await.is_empty());
    // As it is meant: the old admission ends, and the new one has an id of its own.
    let ended = format!("{PENSION} | entitled_to=2026-10-31");
    office.month("2026-12", &[&ended, &moved.replace("E1 |", "E9 |")]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "nil 1, entitled 1", "pending 1 = 2000000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn a_change_from_before_the_first_list_moves_no_other_month(office: TestOffice) {
    office.on_day(DAY);
    // Since September, which is when the office begins.
    let since = |row: &str| format!("{row} | decision_date=2026-08-15");
    office.month("2026-11", &[&since(SEVERE)]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 2000000").await;
    let risen = format!("{} | changed_from=2026-10", since(&especially()));
    month(&office, "2026-12", &risen, "entitled 1", "pending 1 = 1750000").await;
    month(&office, "2027-01", &since(&especially()), "entitled 1", "pending 1 = 1250000").await;
    month(&office, "2027-02", &risen, "entitled 1", "pending 1 = 1250000").await;
    assert!(office.receivables().await.is_empty());
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

async fn what_was_refused_leaves_what_was_known(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    // Somebody else's row under the same enrolment id is refused, and says nothing of it.
    let other = especially().replace("001044000101", "001044000177").replace("Văn An", "Văn Ân");
    office.month("2026-11", &[SEVERE, &other]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "refused 1, entitled 1", "pending 1 = 1000000").await;
    let pension = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
    month(&office, "2026-12", pension, "refused 1", "").await;
    // December's row is as good as none: it is owed as the row of before.
    month(&office, "2027-01", &especially(), "entitled 1", "pending 1 = 2250000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn months_held_for_a_fact_are_owed_once_it_is_there(office: TestOffice) {
    office.on_day(DAY);
    let lacking = SEVERE.replace("disability_level=severe", "");
    month(&office, "2026-10", &lacking, "held 1", "").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 2000000").await;
    month(&office, "2026-12", &lacking, "held 1", "").await;
    month(&office, "2027-01", &especially(), "entitled 1", "pending 1 = 2500000").await;
    month(&office, "2027-02", &especially(), "entitled 1", "pending 1 = 1250000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn a_decision_that_lost_its_number_or_its_day_is_no_new_one(office: TestOffice) {
    office.on_day(DAY);
    let numbered = |row: &str, number: &str| format!("{row} | decision_no={number}");
    month(
        &office,
        "2026-10",
        &numbered(&especially(), "1/QD"),
        "entitled 1",
        "pending 1 = 1250000",
    )
    .await;
    // Without a number, without a day, and with a day that is still to come: each is held.
    for (at, slip) in [
        ("2026-11", "decision_no="),
        ("2026-12", "decision_date="),
        ("2027-01", "decision_date=2026-12-20"),
    ] {
        let row = format!("{SEVERE} | {slip}");
        month(&office, at, &row, "held 1", "").await;
    }
    // November to January are decided as they were listed, or by this row: 1.000.000 each.
    let back = numbered(SEVERE, "1/QĐ-UBND");
    month(&office, "2027-02", &back, "entitled 1", "pending 1 = 4000000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

/// A decision of September that counts from a month.
fn decided_from(row: &str, month: &str) -> String {
    format!("{row} | decision_no=99/QD | decision_date=2026-09-18 | entitled_from={month}-01")
}

async fn a_change_leaves_what_a_new_decision_gave_before_it(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let risen = decided_from(&especially(), "2026-10");
    month(&office, "2026-11", &risen, "entitled 1", "pending 1 = 1500000").await;
    let fallen = format!("{} | changed_from=2026-11", decided_from(SEVERE, "2026-10"));
    month(&office, "2026-12", &fallen, "entitled 1", "pending 1 = 1000000").await;
    assert_eq!(office.receivables().await, ["overpayment 250000"], "November, and not October");
    office.ends_whole().await;
}

async fn a_change_reaches_no_further_back_than_its_decision(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let risen = decided_from(&especially(), "2026-11");
    month(&office, "2026-11", &risen, "entitled 1", "pending 1 = 1250000").await;
    let fallen = format!("{} | changed_from=2026-10", decided_from(SEVERE, "2026-11"));
    month(&office, "2026-12", &fallen, "entitled 1", "pending 1 = 1000000").await;
    assert_eq!(office.receivables().await, ["overpayment 250000"], "November, and not October");
    office.ends_whole().await;
}

async fn a_month_held_for_a_fact_is_owed_though_the_row_ended_after_it(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let lacking = SEVERE.replace("disability_level=severe", "");
    month(&office, "2026-11", &lacking, "held 1", "").await;
    let ceased = format!("{SEVERE} | status=ceased");
    month(&office, "2026-12", &ceased, "ceased 1", "").await;
    month(&office, "2027-01", SEVERE, "entitled 1", "pending 1 = 2000000").await;
    office.ends_whole().await;
}

async fn a_month_that_is_named_later_counts(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-12", &especially(), "entitled 1", "pending 1 = 1250000").await;
    let named = format!("{} | changed_from=2026-11", especially());
    month(&office, "2027-01", &named, "entitled 1", "pending 1 = 1500000").await;
    month(&office, "2027-02", &named, "entitled 1", "pending 1 = 1250000").await;
    office.ends_whole().await;
}

async fn months_before_a_new_decision_stand_whatever_month_is_named(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", &especially(), "entitled 1", "pending 1 = 1250000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let anew = decided_from(&especially(), "2026-12");
    let named = format!("{anew} | changed_from=2026-10");
    month(&office, "2026-12", &named, "entitled 1", "pending 1 = 1250000").await;
    let other = format!("{anew} | changed_from=2026-11");
    month(&office, "2027-01", &other, "entitled 1", "pending 1 = 1250000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn a_day_that_was_mistyped_and_is_right_again_is_no_new_decision(office: TestOffice) {
    office.on_day(DAY);
    let signed = |row: &str, day: &str| format!("{row} | decision_date={day}");
    let right = "2025-09-10";
    month(&office, "2026-10", &signed(SEVERE, right), "entitled 1", "pending 1 = 1000000").await;
    let slip = signed(SEVERE, "2025-08-01");
    month(&office, "2026-11", &slip, "entitled 1", "pending 1 = 1000000").await;
    let again = signed(&especially(), right);
    month(&office, "2026-12", &again, "entitled 1", "pending 1 = 1250000").await;
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

async fn a_correction_speaks_beside_a_decision_that_came_after_it(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    month(&office, "2026-11", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    // A new decision says of October and November what they were; then November is corrected.
    let anew = decided_from(SEVERE, "2026-10");
    month(&office, "2026-12", &anew, "entitled 1", "pending 1 = 1000000").await;
    office.month("2026-11", &[&decided_from(&especially(), "2026-10")]).await;
    let correction = office.paid_out("2026-11", Correction).await;
    office.check(&correction, "entitled 1", "pending 1 = 250000").await;
    month(&office, "2027-01", &anew, "entitled 1", "pending 1 = 1000000").await;
    assert!(office.receivables().await.is_empty(), "November stays as it was corrected");
    office.ends_whole().await;
}

async fn a_month_held_for_a_fact_is_owed_by_the_decision_of_then(office: TestOffice) {
    office.on_day(DAY);
    month(&office, "2026-10", SEVERE, "entitled 1", "pending 1 = 1000000").await;
    let lacking = SEVERE.replace("disability_level=severe", "");
    month(&office, "2026-11", &lacking, "held 1", "").await;
    let anew = decided_from(&especially(), "2026-12");
    month(&office, "2026-12", &anew, "entitled 1", "pending 1 = 2250000").await;
    office.ends_whole().await;
}

async fn a_month_that_was_released_stays_when_a_new_decision_comes(office: TestOffice) {
    gone_in_november(&office).await;
    office.month("2026-12", &[SEVERE]).await;
    let december = office.opened("2026-12", Regular).await;
    office.computed(&december).await;
    let december = owed_after_all(&office, &december).await;
    office.sent(&december, 0).await;
    office.month("2026-12", &[&decided_from(&especially(), "2026-12")]).await;
    let correction = office.paid_out("2026-12", Correction).await;
    office.check(&correction, "entitled 1", "pending 1 = 250000").await;
    assert!(office.receivables().await.is_empty(), "November stays");
    office.ends_whole().await;
}

async fn who_is_back_with_a_new_decision_is_asked_about_all_months_between(office: TestOffice) {
    gone_in_november(&office).await;
    let anew = decided_from(&especially(), "2026-12");
    office.month("2026-12", &[&anew]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "held 1", "").await;
    // It was not owed for November: a correction of that month says so.
    office.month("2026-11", &[&format!("{SEVERE} | status=ceased"), BINH]).await;
    office.paid_out("2026-11", Correction).await;
    month(&office, "2027-01", &anew, "entitled 1", "pending 1 = 2500000").await;
    office.ends_whole().await;
}
