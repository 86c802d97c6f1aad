//! Orders of courts: kept back month after month out of what may be attached, within share and floor, by rank
//! and before what the person owes; transferred under vouchers that statements show; entered, confirmed and
//! ended by two. Each told on both databases.

use chitra::domain::court_order::{
    CourtOrderStanding, CourtTerms, CreditorPlace, Measure, SHARE_MAX_OF_LAW, share_millionths,
};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular, Supplementary};
use chitra::domain::list::Role;
use chitra::domain::receivable::SeenOn;
use chitra::engine::court_transfer::Transferring;
use chitra::engine::{EngineError, office};
use jiff::civil::{Date, date};
use serde_json::json;

use crate::explaining::asked;
use crate::once_a_benefit;
use crate::receivables::paid_twice;
use crate::statements::{entry, last, shares, statement};
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    maintenance_is_kept_back_month_after_month
    a_share_stops_at_the_floor_and_at_the_total
    two_orders_are_served_by_rank
    an_order_comes_before_what_the_person_owes
    a_benefit_that_may_not_be_attached_gives_nothing
    nothing_is_taken_of_somebody_who_has_died
    what_is_due_for_the_month_of_a_death_is_left_whole
    a_list_that_is_computed_anew_keeps_back_the_same
    what_did_not_arrive_is_kept_back_once_when_it_is_carried
    what_turns_out_to_be_paid_is_kept_back_of_with_it
    what_is_set_off_leaves_the_orders_their_months
    what_is_lowered_to_nothing_leaves_nothing_to_keep_back
    what_is_transferred_is_what_was_kept_back_and_paid
    a_transfer_stands_on_a_statement_once
    a_transfer_that_was_a_mistake_is_taken_back_by_two
    an_order_takes_two_officers_at_both_ends
    what_is_no_order_is_refused
    a_row_that_was_changed_by_hand_is_told
    an_officer_does_it_from_the_command_line
}

const DAY: &str = "2026-09-20";
const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.account=0711999999 | register.provider=970405";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// From now on the social pension may be attached, as if a law said so.
async fn attachable(office: &mut TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let more = "\n[court_orders]\nattachable = [\"social_pension/monthly\"]\n";
    std::fs::write(&path, text + more).unwrap();
    office.reopen().await;
}

/// October is listed, and computed once, so that the office knows its people.
async fn known(office: &mut TestOffice, people: &[&str]) {
    attachable(office).await;
    office.on_day(DAY);
    office.month("2026-10", people).await;
    let first = office.opened("2026-10", Regular).await;
    let first = office.computed(&first).await;
    office.engine.cycle_cancel(&first, "orders first", MAKER, &key(MAKER)).await.unwrap();
}

/// 100.000 a month for a child, from October on, without an end; nothing is left by it but the share of the law.
fn maintenance() -> CourtTerms {
    CourtTerms {
        authority: "Chi cục THADS quận 1".to_owned(),
        decision_no: "12/QĐ-CCTHADS".to_owned(),
        decided_on: date(2026, 8, 5),
        creditor: "Trần Thị Bình".to_owned(),
        place: CreditorPlace::Account("970436 0711000002".to_owned()),
        is_maintenance: true,
        measure: Measure::Monthly { amount_minor: 100_000 },
        total_minor: None,
        first: "2026-10".parse().unwrap(),
        last: None,
        share_max_millionths: share_millionths(SHARE_MAX_OF_LAW).unwrap(),
        floor_minor: 0,
    }
}

/// A debt, of which a share is taken.
fn debt(number: &str, share: &str) -> CourtTerms {
    CourtTerms {
        decision_no: number.to_owned(),
        creditor: "Công ty Thử".to_owned(),
        place: CreditorPlace::PayPoint("Bưu điện quận 1".to_owned()),
        is_maintenance: false,
        measure: Measure::Share { millionths: share_millionths(share).unwrap() },
        ..maintenance()
    }
}

async fn proposed(office: &TestOffice, terms: CourtTerms) -> Result<i64, EngineError> {
    let person = office.person("E1").await;
    let done = office.engine.court_order_propose(person, terms, MAKER, &key(MAKER)).await;
    done.map(|standing| standing.order.number)
}

/// Entered by one and confirmed by another.
async fn ordered(office: &TestOffice, terms: CourtTerms) -> i64 {
    let number = proposed(office, terms).await.unwrap();
    let [minh, _] = APPROVERS;
    office.engine.court_order_confirm(number, minh, &key(minh)).await.unwrap();
    number
}

async fn standing(office: &TestOffice, order: i64) -> CourtOrderStanding {
    office.engine.court_order(order).await.unwrap()
}

/// `kept 100000, on its way 0, to transfer 100000`.
async fn told(office: &TestOffice, order: i64) -> String {
    let one = standing(office, order).await;
    format!(
        "kept {}, on its way {}, to transfer {}",
        one.kept_minor,
        one.on_its_way_minor,
        one.to_transfer_minor(None)
    )
}

/// `1 of 2026-10: 100000`, of the payable of E1 in a cycle.
async fn kept(office: &TestOffice, cycle: &Cycle) -> Vec<String> {
    let payable = office.payable(cycle, "E1").await;
    let found = office.engine.store.deductions_from(payable.number).await.unwrap();
    found
        .iter()
        .map(|one| format!("{} of {}: {}", one.order, one.period, -one.amount_minor))
        .collect()
}

async fn settled(office: &TestOffice, cycle: &Cycle) {
    let said = office.said(cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[said]).await.unwrap();
    office.closed(cycle).await;
}

/// A month that is listed, as October is already, paid and closed.
async fn month_paid(office: &TestOffice, month: &str) -> Cycle {
    if month != "2026-10" {
        office.month(month, &[AN]).await;
    }
    let cycle = office.paid_out(month, Regular).await;
    settled(office, &cycle).await;
    cycle
}

async fn transferred(
    office: &TestOffice,
    order: i64,
    amount_minor: i64,
    voucher: &str,
    on: Date,
) -> Result<CourtOrderStanding, EngineError> {
    let transferring = Transferring { amount_minor, voucher: voucher.to_owned(), on };
    office.engine.court_transfer(order, transferring, MAKER, &key(MAKER)).await
}

async fn maintenance_is_kept_back_month_after_month(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 1", "pending 1 = 400000").await;
    assert_eq!(kept(&office, &october).await, ["1 of 2026-10: 100000"]);
    assert_eq!(told(&office, order).await, "kept 0, on its way 100000, to transfer 0");
    let (page, told_json) = asked(&office, "E1", &october.number.to_string());
    for sentence in [
        "Khấu trừ 100.000 VND của tháng 2026-10 theo quyết định 12/QĐ-CCTHADS ngày 2026-08-05 của Chi cục THADS quận 1 (lệnh số 1): \
         100.000 VND mỗi tháng, tối đa 30%, để lại ít nhất 0 VND mỗi tháng.",
        "100.000 VND of 2026-10 is kept back by decision 12/QĐ-CCTHADS of 2026-08-05 by Chi cục THADS quận 1 (court order 1): \
         100.000 VND of each month, at most 30%, leaving at least 0 VND of each month.",
    ] {
        assert!(page.contains(sentence), "`{sentence}` is missing in:\n{page}");
    }
    let one = &told_json["payables"][0]["kept_for_courts"][0];
    assert_eq!((&one["order"], &one["amount_minor"]), (&json!(1), &json!("100000")));
    settled(&office, &october).await;
    office.check(&october, "entitled 1", "paid 1 = 400000").await;
    assert_eq!(told(&office, order).await, "kept 100000, on its way 0, to transfer 100000");
    let figures = office.figures(&october).await.to_json();
    assert_eq!(figures["court_orders"], json!({ "count": 1, "minor": "-100000" }));
    assert_eq!(figures["recoveries"], json!({ "count": 0, "minor": "0" }));

    for (month, after) in [("2026-11", 200_000), ("2026-12", 300_000)] {
        let cycle = month_paid(&office, month).await;
        office.check(&cycle, "entitled 1", "paid 1 = 400000").await;
        assert_eq!(standing(&office, order).await.kept_minor, after);
    }
    // What was determined for a month is no second time a month of which is taken.
    let again = office.sealed("2026-12", Supplementary).await;
    assert!(office.figures(&again).await.payables.values().all(|part| part.count == 0));
    office.ends_whole().await;
}

async fn a_share_stops_at_the_floor_and_at_the_total(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let with = CourtTerms { total_minor: Some(220_000), ..debt("7/QĐ", "0.25") };
    let order = ordered(&office, CourtTerms { floor_minor: 400_000, ..with }).await;
    // A quarter of 500.000 is 125.000, and 400.000 are left.
    let october = month_paid(&office, "2026-10").await;
    office.check(&october, "entitled 1", "paid 1 = 400000").await;
    let november = month_paid(&office, "2026-11").await;
    office.check(&november, "entitled 1", "paid 1 = 400000").await;
    let december = month_paid(&office, "2026-12").await;
    office.check(&december, "entitled 1", "paid 1 = 480000").await;
    assert_eq!(told(&office, order).await, "kept 220000, on its way 0, to transfer 220000");
    // The total is reached.
    let january = month_paid(&office, "2027-01").await;
    office.check(&january, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn two_orders_are_served_by_rank(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let wide = CourtTerms { share_max_millionths: 500_000, ..debt("7/QĐ", "0.40") };
    let older = CourtTerms { decided_on: date(2025, 1, 2), ..wide };
    let first = ordered(&office, older).await;
    let second = ordered(&office, maintenance()).await;
    assert_eq!((first, second), (1, 2));
    let october = office.sealed("2026-10", Regular).await;
    // Maintenance takes 100.000 though it came later, and the debt what its half leaves beside that.
    assert_eq!(kept(&office, &october).await, ["1 of 2026-10: 150000", "2 of 2026-10: 100000"]);
    office.check(&october, "entitled 1", "pending 1 = 250000").await;
    office.ends_whole().await;
}

async fn an_order_comes_before_what_the_person_owes(mut office: TestOffice) {
    attachable(&mut office).await;
    paid_twice(&office).await;
    let floor = CourtTerms { floor_minor: 350_000, ..maintenance() };
    ordered(&office, CourtTerms { first: "2026-11".parse().unwrap(), ..floor }).await;
    office.month("2026-11", &[AN]).await;
    let november = office.sealed("2026-11", Regular).await;
    // 100.000 for the child; of the 400.000 that are left a fifth would be 80.000, and 350.000 must be paid.
    office.check(&november, "entitled 1", "pending 1 = 350000").await;
    assert_eq!(kept(&office, &november).await, ["1 of 2026-11: 100000"]);
    let figures = office.figures(&november).await;
    assert_eq!((figures.recoveries.minor, figures.court_orders.minor), (-50_000, -100_000));
    let report = office.engine.cycle_report(&office.now(&november).await).await.unwrap();
    let page = chitra::report::cycle_html::html(&report, chitra::report::words::Language::Both);
    for sentence in [
        "trừ phần giữ lại để thu hồi 50.000, trừ phần khấu trừ thi hành án 100.000",
        "less what was kept back 50.000, less what was kept back for court orders 100.000",
    ] {
        assert!(page.contains(sentence), "{sentence}");
    }
    office.ends_whole().await;
}

async fn a_benefit_that_may_not_be_attached_gives_nothing(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("\n[court_orders]").unwrap();
    std::fs::write(&path, before).unwrap();
    office.reopen().await;
    let october = office.sealed("2026-10", Regular).await;
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");

    // A name that is none is told, and so is one that no programme has.
    for (attachable, code, word) in [
        ("social_pension", "G101", "PROGRAMME/BENEFIT"),
        ("social_pension/yearly", "G125", "social_pension/yearly"),
    ] {
        let more = format!("\n[court_orders]\nattachable = [\"{attachable}\"]\n");
        std::fs::write(&path, before.to_owned() + &more).unwrap();
        let said = std::process::Command::new(env!("CARGO_BIN_EXE_chitra"))
            .arg("--office")
            .arg(&office.dir)
            .args(["court-order", "list"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.starts_with(code) && said.contains(word), "{said}");
    }
    std::fs::write(&path, before).unwrap();
    office.ends_whole().await;
}

/// October is paid nothing of, because its payment came back; then the register has the death.
async fn nothing_is_taken_of_somebody_who_has_died(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");

    let died = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-10-20");
    office.month("2026-11", &[&died]).await;
    let november = office.sealed("2026-11", Regular).await;
    // What was due for October is held for whom it is due to, whole.
    office.check(&november, "held 1", "held 1 = 500000").await;
    assert!(kept(&office, &november).await.is_empty());
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    office.ends_whole().await;
}

async fn what_is_due_for_the_month_of_a_death_is_left_whole(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let died = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-10-20");
    office.month("2026-10", &[&died]).await;
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "entitled 1", "held 1 = 500000").await;
    // An officer releases it; it is the heirs' all the same.
    office.release_holds(&october, "H111").await;
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    office.computed(&october).await;
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    office.ends_whole().await;
}

async fn a_list_that_is_computed_anew_keeps_back_the_same(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let total = CourtTerms { total_minor: Some(60_000), ..maintenance() };
    let order = ordered(&office, total).await;
    let october = office.opened("2026-10", Regular).await;
    for _ in 0..3 {
        let computed = office.computed(&october).await;
        assert_eq!(kept(&office, &october).await, ["1 of 2026-10: 60000"]);
        assert_eq!(told(&office, order).await, "kept 0, on its way 60000, to transfer 0");
        office.engine.recompute(&computed).await.unwrap();
        assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    }
    let computed = office.computed(&october).await;
    let sealed = office.engine.seal(&computed).await.unwrap();
    let manifest: serde_json::Value =
        serde_json::from_str(sealed.manifest.as_deref().unwrap()).unwrap();
    assert!(manifest["court_orders"].is_string(), "the list depends on its orders: {manifest}");
    // One that is given up gives back what it kept.
    office.engine.cycle_cancel(&sealed, "another day", MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    let again = month_paid(&office, "2026-10").await;
    office.check(&again, "entitled 1", "paid 1 = 440000").await;
    office.ends_whole().await;
}

async fn what_did_not_arrive_is_kept_back_once_when_it_is_carried(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let floor = CourtTerms { floor_minor: 420_000, ..maintenance() };
    let order = ordered(&office, floor).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 1", "pending 1 = 420000").await;
    let paid = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[paid]).await.unwrap();
    assert_eq!(told(&office, order).await, "kept 80000, on its way 0, to transfer 80000");
    transferred(&office, order, 80_000, "UNC 1", date(2026, 9, 20)).await.unwrap();
    // The bank sends it back, when the creditor has the money already.
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    office.closed(&october).await;
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    assert_eq!(standing(&office, order).await.too_much_minor(), 80_000);
    let page = once_a_benefit::asked(&office, &["court-order", "list"]);
    assert!(page.contains("1: đã chuyển thừa 80.000 VND"), "{page}");
    assert!(page.contains("1: 80.000 VND more was transferred than is kept back"), "{page}");

    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    // Each month leaves its floor: the same of October as before, and once.
    assert_eq!(kept(&office, &november).await, ["1 of 2026-10: 80000", "1 of 2026-11: 80000"]);
    office.check(&november, "entitled 1", "pending 1 = 840000").await;
    settled(&office, &november).await;
    // What went too early counts.
    assert_eq!(told(&office, order).await, "kept 160000, on its way 0, to transfer 80000");
    assert_eq!(standing(&office, order).await.too_much_minor(), 0);
    let page = once_a_benefit::asked(&office, &["court-order", "show", "1"]);
    assert!(page.contains("carried on"), "{page}");
    office.ends_whole().await;
}

/// October is carried to a list that comes to nothing, and its own order is proved paid meanwhile.
async fn what_turns_out_to_be_paid_is_kept_back_of_with_it(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let october = carried_and_then_paid(&office, &[&ended()]).await;
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    office.month("2026-12", &[&ended()]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "nil 1", "").await;
    office.check(&october, "entitled 1", "paid 1 = 400000").await;
    assert!(office.receivables().await.is_empty());
    assert_eq!(told(&office, order).await, "kept 100000, on its way 0, to transfer 100000");
    office.ends_whole().await;
}

/// The same, and the list that carried it had a month of its own.
async fn what_is_set_off_leaves_the_orders_their_months(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    carried_and_then_paid(&office, &[AN]).await;
    office.month("2026-12", &[AN]).await;
    let december = office.paid_out("2026-12", Regular).await;
    // Three months, of which the person has 400.000, and 100.000 of each go to the child.
    office.check(&december, "entitled 1", "pending 1 = 800000").await;
    assert_eq!(
        kept(&office, &december).await,
        ["1 of 2026-10: 100000", "1 of 2026-11: 100000", "1 of 2026-12: 100000"]
    );
    settled(&office, &december).await;
    assert_eq!(told(&office, order).await, "kept 300000, on its way 0, to transfer 300000");
    office.ends_whole().await;
}

/// An's row as it ends with October.
fn ended() -> String {
    format!("{AN} | entitled_to=2026-10-31")
}

/// October's payment fails and is carried to November's list, which fails too; then October's order is proved
/// paid after all.
async fn carried_and_then_paid(office: &TestOffice, november: &[&str]) -> Cycle {
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    let yes = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", november).await;
    let second = office.opened("2026-11", Regular).await;
    office.computed(&second).await;
    office.release_holds(&second, "H155").await;
    let now = office.now(&second).await;
    office.engine.recompute(&now).await.unwrap();
    let computed = office.computed(&second).await;
    office.engine.seal(&computed).await.unwrap();
    office.engine.sequence().await.unwrap();
    office.sent(&second, 0).await;
    let no = office.said(&second, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.sheet(&[yes]).await.unwrap();
    assert_eq!(office.receivables().await, ["settled_excess 400000"]);
    let halts = office.engine.store.halts().await.unwrap();
    for halt in halts {
        for approver in APPROVERS {
            office.engine.halt_lift(halt.number, approver, &key(approver)).await.unwrap();
        }
    }
    office.closed(&second).await;
    october
}

/// October did not arrive, and was not owed at all.
async fn what_is_lowered_to_nothing_leaves_nothing_to_keep_back(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 1", "pending 1 = 400000").await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    let never = format!("{AN} | entitled_to=2026-09-30");
    office.month("2026-10", &[&never]).await;
    let correction = office.paid_out("2026-10", Correction).await;
    office.closed(&correction).await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    office.closed(&october).await;
    office.month("2026-11", &[&never]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "nil 1", "").await;
    assert_eq!(told(&office, order).await, "kept 0, on its way 0, to transfer 0");
    office.ends_whole().await;
}

async fn what_is_transferred_is_what_was_kept_back_and_paid(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    let today = date(2026, 9, 20);
    let october = office.paid_out("2026-10", Regular).await;
    // It is on its way, and not paid.
    refused(transferred(&office, order, 1, "UNC 1", today).await, "F144");
    settled(&office, &october).await;
    refused(transferred(&office, order, 100_001, "UNC 1", today).await, "F144");
    refused(transferred(&office, order, 0, "UNC 1", today).await, "F144");
    refused(transferred(&office, order, -5, "UNC 1", today).await, "F144");
    refused(transferred(&office, 7, 1, "UNC 1", today).await, "F130");
    for nothing in ["", " ", "a\nb"] {
        refused(transferred(&office, order, 1, nothing, today).await, "F146");
    }
    for day in [date(2026, 9, 21), date(2026, 9, 19)] {
        refused(transferred(&office, order, 1, "UNC 1", day).await, "F147");
    }
    let done = transferred(&office, order, 60_000, "UNC  1", today).await.unwrap();
    assert_eq!((done.to_transfer_minor(None), done.transferred_minor), (40_000, 60_000));
    for again in ["UNC 1", "unc 1 "] {
        refused(transferred(&office, order, 1, again, today).await, "F145");
    }
    transferred(&office, order, 40_000, "UNC 2", today).await.unwrap();
    refused(transferred(&office, order, 1, "UNC 3", today).await, "F144");
    assert_eq!(told(&office, order).await, "kept 100000, on its way 0, to transfer 0");
    // Who has no such work records none.
    office.enrol("may", Role::Operator).await;
    let by_operator = Transferring { amount_minor: 1, voucher: "UNC 4".to_owned(), on: today };
    let done = office.engine.court_transfer(order, by_operator, "may", &key("may")).await;
    refused(done, "A111");
    office.ends_whole().await;
}

/// A debit with a text of its own.
fn debit(minor: i64, text: &str) -> String {
    let detail = format!("<TxDtls><RmtInf><Ustrd>Chuyen tien THA {text}</Ustrd></RmtInf></TxDtls>");
    entry(-minor, "ICDT", &detail)
}

async fn arrives(office: &TestOffice, id: &str, (opening, closing): (i64, i64), of: &[String]) {
    let text = statement(id, "2026-10-05", (opening, closing), of);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
}

/// Two months are kept back and paid, and a partner sends statements of our account.
async fn two_months_kept(office: &mut TestOffice) -> i64 {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let answers = "\"iso20022-camt054\", \"iso20022-camt053\"]";
    let text = text.replacen("\"iso20022-camt054\"]", answers, 1);
    std::fs::write(&path, format!("{text}\n[policy]\nreceipt_seen_days = 5\n")).unwrap();
    known(office, &[AN]).await;
    let order = ordered(office, maintenance()).await;
    for month in ["2026-10", "2026-11"] {
        month_paid(office, month).await;
    }
    order
}

/// By transfer, on which entry of which statement it stands.
async fn seen(office: &TestOffice) -> String {
    let vouchers = office.engine.store.transfer_vouchers().await.unwrap();
    let told = vouchers.iter().map(|one| match one.seen {
        Some(SeenOn { statement, entry }) => format!("{} on {statement}/{entry}", one.number),
        None => format!("{} on none", one.number),
    });
    told.collect::<Vec<_>>().join(", ")
}

async fn a_transfer_stands_on_a_statement_once(mut office: TestOffice) {
    let order = two_months_kept(&mut office).await;
    let today = date(2026, 9, 20);
    for (amount, voucher) in [(50_000, "UNC 1"), (30_000, "UNC 2"), (20_000, "UNC 3")] {
        transferred(&office, order, amount, voucher, today).await.unwrap();
    }
    office.on_day("2026-10-06");
    let late: Vec<i64> =
        office.engine.transfers_not_seen().await.unwrap().iter().map(|one| one.number).collect();
    assert_eq!(late, [1, 2, 3]);
    let page = once_a_benefit::asked(&office, &["--today", "2026-10-06", "court-order", "list"]);
    assert!(page.contains("1: the transfer `UNC 1`, 50.000 VND of 2026-09-20"), "{page}");
    let entries = [
        debit(50_000, "unc 1"),
        // Two in one sum; then the first once more, and one with another amount.
        debit(50_001, "UNC 2 va UNC 3"),
        debit(50_000, "UNC 1"),
        debit(12_000, "khong ro"),
    ];
    arrives(&office, "S1", (1_000_000, 837_999), &entries).await;
    assert_eq!(
        shares(&last(&office).await),
        ["transfer 1 entries 0 payments -50000", "unexplained 3 entries 0 payments -112001"]
    );
    let why: Vec<String> =
        last(&office).await.unexplained.into_iter().map(|(one, _)| one.why).collect();
    assert_eq!(
        why,
        [
            "it names the voucher of transfer 2, 3, recorded with 50.000 VND, and 50.001 VND left",
            "it names the voucher of transfer 1, which was seen on a statement before",
            "no reference of ours stands on it, and no file has its amount",
        ]
    );
    assert_eq!(seen(&office).await, "1 on 1/1, 2 on none, 3 on none");
    arrives(&office, "S2", (837_999, 787_999), &[debit(50_000, "UNC 3 va UNC 2")]).await;
    assert_eq!(shares(&last(&office).await), ["transfer 1 entries 0 payments -50000"]);
    // The officer looks at the statement, and records what left under the bank's number of the entry.
    transferred(&office, order, 12_000, "ref12000", today).await.unwrap();
    assert_eq!(seen(&office).await, "1 on 1/1, 2 on 2/1, 3 on 2/1, 4 on 1/4");
    assert!(office.engine.transfers_not_seen().await.unwrap().is_empty());
    // A statement shows that the money left, and moves nothing of what is to be transferred.
    assert_eq!(told(&office, order).await, "kept 200000, on its way 0, to transfer 88000");
    office.ends_whole().await;
}

async fn a_transfer_that_was_a_mistake_is_taken_back_by_two(mut office: TestOffice) {
    let order = two_months_kept(&mut office).await;
    let (today, engine, [minh, hoa]) = (date(2026, 9, 20), office.engine.clone(), APPROVERS);
    transferred(&office, order, 90_000, "UNC 1", today).await.unwrap();
    let take_back = async |voucher: &str, reason: &str, officer: &str| {
        engine.court_transfer_take_back(order, voucher, reason, officer, &key(officer)).await
    };
    refused(take_back("UNC 9", "typed wrongly", MAKER).await, "F148");
    refused(take_back("UNC 1", " ", MAKER).await, "F151");
    assert!(!take_back("unc 1", "9.000, not 90.000", MAKER).await.unwrap());
    refused(take_back("UNC 1", "yes", MAKER).await, "A111");
    let alone = "update court_transfer set taken_back_by = take_back_proposed_by, taken_back_at = '2026-09-20'";
    assert!(
        office.tamper_refused(alone).await,
        "the database lets one person take a transfer back"
    );
    assert!(take_back("UNC 1", "yes", minh).await.unwrap());
    refused(take_back("UNC 1", "again", hoa).await, "F148");
    assert_eq!(told(&office, order).await, "kept 200000, on its way 0, to transfer 200000");
    // It is recorded as it was, a statement shows it, and it turns out to be a mistake all the same.
    transferred(&office, order, 9_000, "UNC 1", today).await.unwrap();
    office.on_day("2026-10-06");
    arrives(&office, "S1", (100_000, 91_000), &[debit(9_000, "UNC 1")]).await;
    assert!(!take_back("UNC 1", "another order's", hoa).await.unwrap());
    refused(take_back("UNC 1", "yes", hoa).await, "F149");
    assert!(take_back("UNC 1", "yes", minh).await.unwrap());
    let waiting = engine.store.discrepancies().await.unwrap();
    let [(number, gone)] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(
        (gone.kind.to_string().as_str(), gone.item, gone.reported_minor),
        ("transfer_taken_back", 2, Some(9_000))
    );
    assert!(gone.detail.starts_with("L149: statement 1: 9.000 VND of its entry 1"), "{gone:?}");
    // Recorded anew under the same voucher, the money stands on the same entry.
    transferred(&office, order, 9_000, "unc 1", today).await.unwrap();
    assert_eq!(seen(&office).await, "1 on none, 2 on 1/1, 3 on 1/1");
    engine.discrepancy_resolve(*number, "recorded anew", MAKER, &key(MAKER)).await.unwrap();
    let page =
        once_a_benefit::asked(&office, &["--today", "2026-10-06", "court-order", "show", "1"]);
    assert!(page.contains("another order's; proposed by hoa, confirmed by minh"), "{page}");
    drop(engine);
    office.ends_whole().await;
}

async fn an_order_takes_two_officers_at_both_ends(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let (engine, lan, [minh, hoa]) = (office.engine.clone(), key(MAKER), APPROVERS);
    let first = proposed(&office, maintenance()).await.unwrap();
    // What is only proposed keeps back nothing.
    let october = office.opened("2026-10", Regular).await;
    office.computed(&october).await;
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    refused(proposed(&office, maintenance()).await, "F139");
    refused(engine.court_order_confirm(first, MAKER, &lan).await, "A111");
    let by_hand = "update court_order set state = 'confirmed', confirmed_by = proposed_by";
    assert!(office.tamper_refused(by_hand).await, "the database lets one person confirm");
    refused(engine.court_order_end(first, "paid", MAKER, &lan).await, "F140");
    refused(engine.court_order_withdraw(first, " ", MAKER, &lan).await, "F142");
    engine.court_order_withdraw(first, "another amount", MAKER, &lan).await.unwrap();
    refused(engine.court_order_confirm(first, minh, &key(minh)).await, "F140");
    refused(engine.court_order_withdraw(first, "again", MAKER, &lan).await, "F140");

    // The paper is free again; an approver who enters it does not confirm it.
    let person = office.person("E1").await;
    let done = engine.court_order_propose(person, maintenance(), minh, &key(minh)).await.unwrap();
    let second = done.order.number;
    refused(engine.court_order_confirm(second, minh, &key(minh)).await, "F141");
    engine.court_order_confirm(second, hoa, &key(hoa)).await.unwrap();
    refused(engine.court_order_confirm(second, hoa, &key(hoa)).await, "F140");
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    office.computed(&october).await;
    office.check(&october, "entitled 1", "pending 1 = 400000").await;

    // One says that it has ended: it is kept back until another says so too.
    refused(engine.court_order_end(second, "", MAKER, &lan).await, "F142");
    assert!(
        !engine.court_order_end(second, "the child is of age", minh, &key(minh)).await.unwrap()
    );
    refused(engine.court_order_end(second, "yes", minh, &key(minh)).await, "F143");
    let by_hand = "update court_order set state = 'ended', ended_by = end_proposed_by";
    assert!(office.tamper_refused(by_hand).await, "the database lets one person end an order");
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    office.computed(&october).await;
    office.check(&october, "entitled 1", "pending 1 = 400000").await;
    assert!(engine.court_order_end(second, "yes", hoa, &key(hoa)).await.unwrap());
    office.engine.recompute(&office.now(&october).await).await.unwrap();
    office.computed(&october).await;
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    refused(engine.court_order_end(second, "again", MAKER, &lan).await, "F140");

    // What somebody proposed alone who signs no more counts for nothing.
    let third = proposed(&office, maintenance()).await.unwrap();
    office.enrol("nga", Role::Officer).await;
    engine.officer_end(MAKER, MAKER, &lan).await.unwrap();
    refused(engine.court_order_confirm(third, hoa, &key(hoa)).await, "A120");
    drop(engine);
    office.ends_whole().await;
}

async fn what_is_no_order_is_refused(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let before = office.snapshot().await;
    let later = CourtTerms { decided_on: date(2026, 9, 21), ..maintenance() };
    refused(proposed(&office, later).await, "F132");
    for (wrong, code) in [
        (CourtTerms { decision_no: " ".to_owned(), ..maintenance() }, "F131"),
        (CourtTerms { creditor: String::new(), ..maintenance() }, "F133"),
        (CourtTerms { place: CreditorPlace::Account(String::new()), ..maintenance() }, "F133"),
        (CourtTerms { measure: Measure::Monthly { amount_minor: 0 }, ..maintenance() }, "F135"),
        (CourtTerms { share_max_millionths: 1_000_000, ..maintenance() }, "F136"),
        (debt("1/QĐ", "0.31"), "F137"),
        (CourtTerms { last: Some("2026-09".parse().unwrap()), ..maintenance() }, "F138"),
    ] {
        refused(proposed(&office, wrong).await, code);
    }
    let nobody = office.engine.keys.person_of_id("001044999999");
    let unknown =
        office.engine.court_order_propose(nobody, maintenance(), MAKER, &key(MAKER)).await;
    refused(unknown, "F150");
    refused(office.engine.court_order(1).await, "F130");
    assert_eq!(office.snapshot().await, before);
    assert!(office.engine.store.court_orders().await.unwrap().is_empty());
    office.ends_whole().await;
}

async fn a_row_that_was_changed_by_hand_is_told(mut office: TestOffice) {
    known(&mut office, &[AN]).await;
    let order = ordered(&office, maintenance()).await;
    month_paid(&office, "2026-10").await;
    transferred(&office, order, 70_000, "UNC 1", date(2026, 9, 20)).await.unwrap();
    office.engine.sequence().await.unwrap();
    for (change, undo, code, row) in [
        (
            "update court_order set state = 'ended', end_proposed_by = 'lan', ended_by = 'minh'",
            "update court_order set state = 'confirmed', end_proposed_by = null, ended_by = null",
            "V207",
            "court order 1",
        ),
        (
            "update court_order set person_no = person_no + 1",
            "update court_order set person_no = person_no - 1",
            "V207",
            "court order 1",
        ),
        (
            "update court_order set confirmed_by = 'hoa'",
            "update court_order set confirmed_by = 'minh'",
            "V207",
            "court order 1",
        ),
        (
            "update court_transfer set amount_minor = 7",
            "update court_transfer set amount_minor = 70000",
            "V207",
            "transfer for a court order 1/",
        ),
        (
            "update court_transfer set voucher = 'UNC 2'",
            "update court_transfer set voucher = 'UNC 1'",
            "V208",
            "transfer for a court order 1/",
        ),
        (
            "update court_deduction set amount_minor = -1",
            "update court_deduction set amount_minor = -100000",
            "V210",
            "payables, orders and what is kept back for courts",
        ),
        (
            "update court_deduction set order_no = 9",
            "update court_deduction set order_no = 1",
            "V210",
            "payables, orders and what is kept back for courts",
        ),
    ] {
        assert_eq!(office.tamper(change, vec![]).await, 1, "{change}");
        let found = office.engine.audit_rows().await.unwrap().differences;
        let told = found.iter().any(|one| one.code == code && one.row.starts_with(row));
        assert!(told, "{change}: {found:?}");
        assert_eq!(office.tamper(undo, vec![]).await, 1, "{undo}");
        assert_eq!(office.engine.audit_rows().await.unwrap().differences, [], "{undo}");
    }
    let gone = "delete from court_transfer";
    assert_eq!(office.tamper(gone, vec![]).await, 1);
    office.ends_tampered_with("V209").await;
}

async fn an_officer_does_it_from_the_command_line(mut office: TestOffice) {
    known(&mut office, &[AN, BINH]).await;
    let [minh, hoa] = APPROVERS;
    for officer in [MAKER, minh, hoa] {
        office.hand_over_key(officer);
    }
    let ask = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["--today", DAY].iter().chain(arguments).copied().collect();
        once_a_benefit::asked(&office, &arguments)
    };
    let paper = [
        "court-order",
        "propose",
        "E1",
        "--authority",
        "Chi cục THADS quận 1",
        "--decision",
        "12/QĐ-CCTHADS",
        "--decided-on",
        "2026-08-05",
        "--creditor",
        "Trần Thị Bình",
        "--first",
        "2026-10",
        "--floor",
        "300000",
        "--as",
        MAKER,
    ];
    let with = |more: &[&'static str]| -> Vec<&str> { paper.iter().chain(more).copied().collect() };
    for (more, code) in [
        (&["--account", "1", "--amount", "1", "--share", "0.1"][..], "F134"),
        (&["--account", "1"], "F134"),
        (&["--amount", "1"], "F133"),
        (&["--account", "1", "--pay-point", "2", "--amount", "1"], "F133"),
        (&["--account", "1", "--share", "1"], "F136"),
        (&["--account", "1", "--amount", "1", "--share-max", "30%"], "F136"),
        (&["--account", "1", "--amount", "1", "--last", "2026-09"], "F138"),
        (&["--account", "1", "--amount", "1", "--last", "sometime"], "G102"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chitra"));
        command.arg("--office").arg(&office.dir).args(["--today", DAY]).args(with(more));
        let said = command.output().unwrap();
        assert_eq!(said.status.code(), Some(1));
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.starts_with(code), "{more:?}: {said}");
    }
    let said =
        ask(&with(&["--account", "970436 0711000002", "--amount", "100000", "--maintenance"]));
    assert!(said.contains("chitra court-order confirm 1"), "{said}");
    ask(&["court-order", "confirm", "1", "--as", minh]);

    let october = office.paid_out("2026-10", Regular).await;
    let mut said = Vec::new();
    for enrolment in ["E1", "E2"] {
        said.push(office.said(&october, enrolment, 1, "Thành công", "").await);
    }
    office.sheet(&said).await.unwrap();
    let label = october.number.to_string();
    let page = ask(&["cycle", "status", &label]);
    assert!(
        page.contains("Kept back for court orders, and no part of these payables: 100.000 VND")
    );
    let done = ask(&[
        "court-order",
        "transfer",
        "1",
        "--amount",
        "90000",
        "--voucher",
        "UNC 1",
        "--as",
        MAKER,
    ]);
    assert!(done.contains("10.000 VND"), "{done}");
    let page = ask(&["court-order", "show", "1"]);
    for part in [
        "Chi cục THADS quận 1 12/QĐ-CCTHADS (2026-08-05), cấp dưỡng / maintenance",
        "người được thi hành án / creditor: Trần Thị Bình, 970436 0711000002",
        "từ / from 2026-10, không kỳ hạn / without an end; tối đa / at most 30%, để lại ít nhất / leaving at least 300.000 VND",
        "kept back of 2026-10",
        "transferred 2026-09-20",
    ] {
        assert!(page.contains(part), "`{part}` is missing in:\n{page}");
    }
    let told: serde_json::Value =
        serde_json::from_str(&ask(&["--json", "court-order", "list"])).unwrap();
    assert_eq!(
        (&told[0]["kept_minor"], &told[0]["to_transfer_minor"]),
        (&json!("100000"), &json!("10000"))
    );
    assert_eq!(
        (&told[0]["state"], &told[0]["floor_minor"]),
        (&json!("confirmed"), &json!("300000"))
    );
    ask(&["court-order", "take-back", "1", "UNC 1", "--reason", "another's", "--as", MAKER]);
    let done = ask(&["court-order", "take-back", "1", "UNC 1", "--reason", "yes", "--as", minh]);
    assert!(done.contains("is taken back"), "{done}");
    ask(&["court-order", "end", "1", "--reason", "the child is of age", "--as", MAKER]);
    let page = ask(&["court-order", "list"]);
    assert!(page.contains("1: lan proposes to end it, and a second officer confirms."), "{page}");
    let done = ask(&["court-order", "end", "1", "--reason", "yes", "--as", hoa]);
    assert!(done.contains("court order 1 has ended"), "{done}");
    // What is to be transferred is told until it is.
    assert!(ask(&["court-order", "list"]).contains("100.000 VND"));
    office.ends_whole().await;
}
