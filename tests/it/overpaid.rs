//! Months that a list finds overpaid: a small correction is taken off at once, more is got back within the
//! share of later payments, and what was never paid is taken off nothing else. On both databases.

use std::sync::Arc;

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular};
use chitra::pipeline::recover::RecoveryPolicy;

use crate::explaining::asked;
use crate::receivables::standing;
use crate::support::office::{TestOffice, on_both_databases, payables_told, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_was_overpaid_for_months_is_got_back_within_the_share
    a_small_correction_is_taken_off_at_once
    what_lowers_money_in_doubt_is_taken_off_nothing_else
    what_lowers_money_on_its_way_is_got_back_once_it_is_paid
}

const DAY: &str = "2026-09-20";
const AN: &str = "E1 | 001075000101 | Nguyễn Văn An | 1975-03-14 | male | social_assistance/k6 | disability_level=especially_severe | bank 970405 0711000001";

fn less_disabled() -> String {
    format!("{} | changed_from=2026-10", AN.replace("especially_severe", "severe"))
}

/// The lower of two decisions, 750.000 a month.
fn lower() -> String {
    AN.replace("/k6 | disability_level=especially_severe", "/k8 | ")
}

/// The higher one, which comes to the office later and gives 1.000.000.
fn higher() -> String {
    AN.replace("E1", "E2")
}

/// A month's list of these rows.
async fn month(office: &TestOffice, month: &str, rows: &[&str], payables: &str) -> Cycle {
    office.month(month, rows).await;
    let cycle = office.paid_out(month, Regular).await;
    let figures = office.figures(&cycle).await;
    assert_eq!(payables_told(&figures), payables, "{month}");
    assert!(figures.balanced(), "{:?}", figures.identities);
    cycle
}

async fn is_paid(office: &TestOffice, cycle: &Cycle) {
    says(office, cycle, "Thành công", "").await;
    office.closed(cycle).await;
}

async fn says(office: &TestOffice, cycle: &Cycle, status: &str, reason: &str) {
    let said = office.said(cycle, "E1", 1, status, reason).await;
    office.sheet(&[said]).await.unwrap();
}

#[track_caller]
fn tells(page: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(page.contains(sentence), "`{sentence}` is missing in:\n{page}");
    }
}

/// The degree was wrong for two months: December is paid, and a fifth of each later payment is kept back.
async fn what_was_overpaid_for_months_is_got_back_within_the_share(office: TestOffice) {
    office.on_day(DAY);
    for month_no in ["2026-10", "2026-11"] {
        let cycle = month(&office, month_no, &[AN], "pending 1 = 1000000").await;
        is_paid(&office, &cycle).await;
    }
    let december = month(&office, "2026-12", &[&less_disabled()], "pending 1 = 750000").await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    let (page, json) = asked(&office, "E1", "2026-12");
    tells(
        &page,
        &[
            "Đã xác định thừa 500.000 VND cho tháng 2026-10, 2026-11: thành khoản phải thu 1.",
            "500.000 VND too much was determined for 2026-10, 2026-11: it is to be got back as receivable 1.",
        ],
    );
    assert_eq!(json["too_much"][0]["amount_minor"], "500000");
    assert!(json["nothing_is_paid"].is_null() && json["payables"][0]["taken_off"].is_null());
    is_paid(&office, &december).await;
    for (month_no, paid, after) in [
        ("2027-01", 600_000, "recovering: back 150000, on its way 0, left 350000"),
        ("2027-02", 600_000, "recovering: back 300000, on its way 0, left 200000"),
    ] {
        let payables = format!("pending 1 = {paid}");
        let cycle = month(&office, month_no, &[&less_disabled()], &payables).await;
        is_paid(&office, &cycle).await;
        assert_eq!(standing(&office).await, after, "{month_no}");
    }

    // A list that only takes back pays nothing, and says so.
    office.month("2027-02", &[&format!("{} | entitled_to=2026-12-31", less_disabled())]).await;
    let correction = office.paid_out("2027-02", Correction).await;
    office.check(&correction, "nil 1", "").await;
    let (page, json) = asked(&office, "E1", &correction.number.to_string());
    tells(&page, &["Kỳ này không chi khoản nào", "Nothing is paid to this person by this list."]);
    assert!(json["nothing_is_paid"]["en"].is_string());
    office.ends_whole().await;
}

/// One month too much, in an office that keeps back up to two fifths: it is taken off at once. Where so much
/// is protected that it would not be paid, it is not.
async fn a_small_correction_is_taken_off_at_once(mut office: TestOffice) {
    office.on_day(DAY);
    let october = month(&office, "2026-10", &[AN], "pending 1 = 1000000").await;
    is_paid(&office, &october).await;

    Arc::make_mut(&mut office.engine.config).recovery =
        RecoveryPolicy::parse("0.40", 500_001).unwrap();
    office.month("2026-11", &[&less_disabled()]).await;
    let november = office.opened("2026-11", Regular).await;
    let november = office.computed(&november).await;
    office.check(&november, "entitled 1", "pending 1 = 750000").await;
    assert_eq!(office.receivables().await, ["overpayment 250000"]);

    Arc::make_mut(&mut office.engine.config).recovery =
        RecoveryPolicy::parse("0.40", 500_000).unwrap();
    office.engine.recompute(&november).await.unwrap();
    let november = office.computed(&office.now(&november).await).await;
    office.check(&november, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.receivables().await, Vec::<String>::new());
    let (page, json) = asked(&office, "E1", &november.number.to_string());
    tells(
        &page,
        &[
            "Đã trừ ngay 250.000 VND xác định thừa cho tháng 2026-10.",
            "250.000 VND that was determined too much for 2026-10 is taken off it at once.",
        ],
    );
    assert_eq!(json["payables"][0]["taken_off"]["amount_minor"], "250000");
    office.ends_whole().await;
}

/// October's money waits for two officers when a higher decision takes its place: the higher one is paid
/// whole, and what was never paid stays where it is. Then the bank has paid it after all.
async fn what_lowers_money_in_doubt_is_taken_off_nothing_else(office: TestOffice) {
    office.on_day(DAY);
    let october = month(&office, "2026-10", &[&lower()], "pending 1 = 750000").await;
    says(&office, &october, "Không thành công", "Trùng giao dịch").await;
    office.closed(&october).await;

    let both = [lower(), higher()];
    let both = [both[0].as_str(), both[1].as_str()];
    office.month("2026-11", &both).await;
    let november = office.sealed("2026-11", Regular).await;
    // Also before the list is released.
    let waits = "750.000 VND of it is not paid, and nothing of that is to be got back yet.";
    tells(&asked(&office, "E1", "2026-11").0, &[waits]);
    office.sent(&november, 0).await;
    office.check(&november, "nil 1, entitled 1", "pending 1 = 2000000").await;
    assert_eq!(office.receivables().await, ["overpayment 750000"]);
    assert_eq!(office.payable(&october, "E1").await.carried_to, None);
    assert!(office.engine.paid_otherwise().await.unwrap().lowered.waits(1));
    let (page, _) = asked(&office, "E1", "2026-11");
    tells(&page, &[waits]);
    is_paid(&office, &november).await;
    let december = month(&office, "2026-12", &both, "pending 1 = 1000000").await;
    is_paid(&office, &december).await;

    says(&office, &october, "Thành công", "").await;
    assert!(!office.engine.paid_otherwise().await.unwrap().lowered.waits(1));
    month(&office, "2027-01", &both, "pending 1 = 800000").await;
    office.ends_whole().await;
}

/// The same, while October's money is on its way, and arrives.
async fn what_lowers_money_on_its_way_is_got_back_once_it_is_paid(office: TestOffice) {
    office.on_day(DAY);
    let october = month(&office, "2026-10", &[&lower()], "pending 1 = 750000").await;
    let both = [lower(), higher()];
    let both = [both[0].as_str(), both[1].as_str()];
    let november = month(&office, "2026-11", &both, "pending 1 = 2000000").await;
    assert!(office.engine.paid_otherwise().await.unwrap().lowered.waits(1));
    is_paid(&office, &october).await;
    is_paid(&office, &november).await;
    month(&office, "2026-12", &both, "pending 1 = 800000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 200000, left 550000");
    office.ends_whole().await;
}
