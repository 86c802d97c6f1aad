//! Orders that are proved paid after a later list had their money: whatever comes first, nothing is kept
//! back of anything else while that list may still pay, and in the end the person has what is owed. On both
//! databases.

use std::process::Command;

use chitra::domain::cycle::{Cycle, CycleKind::Regular};

use crate::carried::{let_go_on, said_of};
use crate::receivables::standing;
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_a_closed_list_holds_is_not_kept_back_of_the_next
    what_an_open_list_holds_is_not_kept_back_of_the_next
    what_was_held_on_two_lists_is_not_kept_back_of_the_next
    what_was_kept_back_before_the_later_order_came_back_is_paid
    what_a_second_order_may_still_pay_is_not_kept_back
}

/// The law of September: the pension is 500 000 đồng.
const DAY: &str = "2026-09-20";
const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.account=0711999999 | register.provider=970405";

/// October, rejected with a reason after which the next list goes on with it or holds it.
async fn october(office: &TestOffice, reason: &str) -> Cycle {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    says(office, &october, 1, "Không thành công", reason).await;
    office.closed(&october).await
}

async fn says(office: &TestOffice, cycle: &Cycle, attempt: i64, status: &str, reason: &str) {
    let said = office.said(cycle, "E1", attempt, status, reason).await;
    office.sheet(&[said]).await.unwrap();
}

/// The bank says that October's order was paid after all, and officers let it go on.
async fn is_proved_paid(office: &TestOffice, october: &Cycle) {
    says(office, october, 1, "Thành công", "").await;
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    let_go_on(office).await;
}

/// A month's list, of which what is not held is paid.
async fn month(office: &TestOffice, month: &str, payables: &str) -> Cycle {
    office.month(month, &[AN]).await;
    let cycle = office.paid_out(month, Regular).await;
    office.check(&cycle, "entitled 1", payables).await;
    let of = office.engine.store.payables_of_beneficiary(cycle.number, office.person("E1").await);
    for one in of.await.unwrap().into_iter().filter(|one| one.code.is_empty()) {
        let said = said_of(office, one.number, one.amount_minor, "Thành công").await;
        office.sheet(&[said]).await.unwrap();
    }
    cycle
}

fn listed(office: &TestOffice) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitra"));
    let said = command.arg("--office").arg(&office.dir).args(["receivable", "list"]).output();
    String::from_utf8(said.unwrap().stdout).unwrap()
}

/// October waits on November's list for two officers when it is proved paid. The list that ends it keeps
/// nothing back for it.
async fn what_a_closed_list_holds_is_not_kept_back_of_the_next(office: TestOffice) {
    let october = october(&office, "Trùng giao dịch").await;
    let november = month(&office, "2026-11", "held 1 = 500000, pending 1 = 500000").await;
    is_proved_paid(&office, &october).await;
    office.closed(&november).await;

    office.month("2026-12", &[AN]).await;
    let december = office.opened("2026-12", Regular).await;
    let december = office.computed(&december).await;
    for _ in 0..2 {
        office.check(&december, "entitled 1", "pending 1 = 500000").await;
        assert_eq!(standing(&office).await, "recovered: back 500000, on its way 0, left 0");
        office.engine.recompute(&office.now(&december).await).await.unwrap();
        office.computed(&office.now(&december).await).await;
    }
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

/// The same, with December computed before November is closed: that list keeps nothing back, says why, and
/// the one after it ends it.
async fn what_an_open_list_holds_is_not_kept_back_of_the_next(office: TestOffice) {
    let october = october(&office, "Trùng giao dịch").await;
    let november = month(&office, "2026-11", "held 1 = 500000, pending 1 = 500000").await;
    is_proved_paid(&office, &october).await;
    let told = listed(&office);
    for sentence in [
        "has the same money and is not paid, so nothing is kept back of other payments",
        "mang cùng số tiền này và chưa chi",
    ] {
        assert!(told.contains(sentence), "`{sentence}` is missing in:\n{told}");
    }
    let december = month(&office, "2026-12", "pending 1 = 500000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");
    office.closed(&november).await;
    office.closed(&december).await;

    let january = month(&office, "2027-01", "pending 1 = 500000").await;
    assert_eq!(standing(&office).await, "recovered: back 500000, on its way 0, left 0");
    assert!(!listed(&office).contains("has the same money"), "nothing waits any more");
    office.closed(&january).await;
    office.ends_whole().await;
}

/// October was carried twice, and December's list is sealed, when it is proved paid.
async fn what_was_held_on_two_lists_is_not_kept_back_of_the_next(office: TestOffice) {
    let october = october(&office, "Trùng giao dịch").await;
    let both = "held 1 = 500000, pending 1 = 500000";
    let november = month(&office, "2026-11", both).await;
    office.closed(&november).await;
    office.month("2026-12", &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    is_proved_paid(&office, &october).await;
    office.sent(&december, 0).await;
    office.check(&december, "entitled 1", both).await;

    let january = month(&office, "2027-01", "pending 1 = 500000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");
    let person = office.person("E1").await;
    let of = office.engine.store.payables_of_beneficiary(december.number, person).await.unwrap();
    let own = of.into_iter().find(|one| one.code.is_empty()).unwrap();
    let said = said_of(&office, own.number, own.amount_minor, "Thành công").await;
    office.sheet(&[said]).await.unwrap();
    for cycle in [&december, &january] {
        office.closed(cycle).await;
    }
    month(&office, "2027-02", "pending 1 = 500000").await;
    assert_eq!(standing(&office).await, "recovered: back 500000, on its way 0, left 0");
    assert_eq!(office.attempts(&october, "E1").await, "1 settled");
    office.ends_whole().await;
}

/// October was paid by both orders, so that a fifth of December was kept back for it. Then the later order
/// comes back: of its two months 500.000 are in the person's hands, and the fifth is paid with the rest.
async fn what_was_kept_back_before_the_later_order_came_back_is_paid(office: TestOffice) {
    let october = october(&office, "Sai số tài khoản").await;
    let november = month(&office, "2026-11", "pending 1 = 1000000").await;
    is_proved_paid(&office, &october).await;
    office.closed(&november).await;
    let december = month(&office, "2026-12", "pending 1 = 400000").await;
    office.closed(&december).await;
    assert_eq!(standing(&office).await, "recovering: back 100000, on its way 0, left 400000");

    says(&office, &november, 1, "Hoàn trả", "Sai số tài khoản").await;
    assert!(listed(&office).contains("has the same money and is not paid"));
    // October to January are 2.000.000, of which the person has October's 500.000 and December's 400.000.
    let january = month(&office, "2027-01", "pending 1 = 1100000").await;
    office.check(&january, "entitled 1", "paid 1 = 1100000").await;
    assert_eq!(standing(&office).await, "recovered: back 500000, on its way 0, left 0");
    office.closed(&january).await;
    month(&office, "2027-02", "pending 1 = 500000").await;
    office.ends_whole().await;
}

/// The second order of October is on its way when the first is proved paid: a list that is made meanwhile
/// keeps nothing back. Once the second is paid too, a fifth of each payment is.
async fn what_a_second_order_may_still_pay_is_not_kept_back(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    says(&office, &october, 1, "Không thành công", "Sai số tài khoản").await;
    office.engine.reissue(&office.now(&october).await).await.unwrap();
    office.sent(&october, 1).await;
    is_proved_paid(&office, &october).await;

    let november = month(&office, "2026-11", "pending 1 = 500000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");
    says(&office, &october, 2, "Thành công", "").await;
    office.closed(&october).await;
    office.closed(&november).await;
    month(&office, "2026-12", "pending 1 = 400000").await;
    assert_eq!(standing(&office).await, "recovering: back 100000, on its way 0, left 400000");
    office.ends_whole().await;
}
