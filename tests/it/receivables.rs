//! Money to be got back: kept back of later payments within the law's share, given back when the list is
//! cancelled or the payment does not arrive, paid in outside, given up by two. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::receivable::ReceiptSource;
use chitra::engine::receivable::Receiving;
use jiff::civil::date;

use crate::explaining::asked;
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_is_owed_is_kept_back_of_later_payments
    a_payment_that_comes_back_gives_its_recovery_back
    money_is_paid_in_and_given_up_by_two
    what_was_paid_after_a_death_is_owed_by_the_estate
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.account=0711999999 | register.provider=970405";
const DAY: &str = "2026-09-20";

/// October was paid twice: the first order was rejected, the second settled, then the first proved paid.
async fn paid_twice(office: &TestOffice) -> Cycle {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.engine.reissue(&office.now(&october).await).await.unwrap();
    office.sent(&october, 1).await;
    let second = office.said(&october, "E1", 2, "Thành công", "").await;
    office.sheet(&[second]).await.unwrap();
    let first = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[first]).await.unwrap();
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    for approver in APPROVERS {
        office.engine.halt_lift(1, approver, &key(approver)).await.unwrap();
    }
    office.closed(&october).await
}

/// `recovering: back 100000, on its way 0, left 400000`.
async fn standing(office: &TestOffice) -> String {
    let standings = office.engine.store.standings().await.unwrap();
    let [one] = standings.as_slice() else { panic!("{standings:?}") };
    format!(
        "{}: back {}, on its way {}, left {}",
        one.state(),
        one.got_back_minor(),
        one.reserved_minor,
        one.left_minor()
    )
}

async fn settled(office: &TestOffice, cycle: &Cycle) {
    let said = office.said(cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[said]).await.unwrap();
    office.closed(cycle).await;
}

async fn what_is_owed_is_kept_back_of_later_payments(office: TestOffice) {
    paid_twice(&office).await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");

    // A list that is cancelled gives back what it kept.
    office.month("2026-11", &[AN]).await;
    let given_up = office.sealed("2026-11", Regular).await;
    office.check(&given_up, "entitled 1", "pending 1 = 400000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 100000, left 400000");
    let now = office.now(&given_up).await;
    office.engine.cycle_cancel(&now, "another value date", MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");

    // One that is computed anew keeps the same once.
    let november = office.opened("2026-11", Regular).await;
    let november = office.computed(&november).await;
    office.engine.recompute(&november).await.unwrap();
    office.computed(&november).await;
    let november = office.engine.seal(&office.now(&november).await).await.unwrap();
    office.check(&november, "entitled 1", "pending 1 = 400000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 100000, left 400000");
    let (page, json) = asked(&office, "E1", &november.number.to_string());
    for sentence in [
        "Giữ lại 100.000 VND để thu hồi khoản phải thu 1: chi thừa.",
        "100.000 VND of it is kept back for receivable 1: settled in excess.",
    ] {
        assert!(page.contains(sentence), "`{sentence}` is missing in:\n{page}");
    }
    let kept = &json["payables"][0]["kept_back"][0];
    assert_eq!((&kept["receivable"], &kept["cause"]), (&1.into(), &"settled_excess".into()));
    assert_eq!(kept["amount_minor"], "100000");
    office.sent(&november, 0).await;
    settled(&office, &november).await;
    office.check(&november, "entitled 1", "paid 1 = 400000").await;
    assert_eq!(standing(&office).await, "recovering: back 100000, on its way 0, left 400000");
    let told = office.figures(&november).await.to_json();
    assert_eq!(told["recoveries"], serde_json::json!({ "count": 1, "minor": "-100000" }));

    // What is left of it in the end is less than the share.
    for (month, paid, after) in [
        ("2026-12", 400_000, "recovering: back 200000, on its way 0, left 300000"),
        ("2027-01", 400_000, "recovering: back 300000, on its way 0, left 200000"),
        ("2027-02", 400_000, "recovering: back 400000, on its way 0, left 100000"),
        ("2027-03", 400_000, "recovered: back 500000, on its way 0, left 0"),
        ("2027-04", 500_000, "recovered: back 500000, on its way 0, left 0"),
    ] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        office.check(&cycle, "entitled 1", &format!("pending 1 = {paid}")).await;
        settled(&office, &cycle).await;
        assert_eq!(standing(&office).await, after, "{month}");
    }
    assert!(office.receivables().await.is_empty());
    office.ends_whole().await;
}

/// The payment that was reduced is returned and carried: the whole claim goes to the next list, which
/// keeps back its own share of it.
async fn a_payment_that_comes_back_gives_its_recovery_back(office: TestOffice) {
    paid_twice(&office).await;
    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    let no = office.said(&november, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&november).await;
    office.check(&november, "entitled 1", "rejected 1 = 400000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");

    office.month("2026-12", &[AN]).await;
    let december = office.paid_out("2026-12", Regular).await;
    // Two months of 500.000, less a fifth.
    office.check(&december, "entitled 1", "pending 1 = 800000").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 200000, left 300000");
    settled(&office, &december).await;
    assert_eq!(standing(&office).await, "recovering: back 200000, on its way 0, left 300000");
    office.ends_whole().await;
}

async fn money_is_paid_in_and_given_up_by_two(office: TestOffice) {
    paid_twice(&office).await;
    let paid_in = |amount_minor: i64, reference: &str| Receiving {
        amount_minor,
        source: ReceiptSource::Person,
        reference: reference.to_owned(),
        on: date(2026, 10, 12),
    };
    let engine = &office.engine;
    let lan = key(MAKER);
    let first = paid_in(120_000, "PT-17");
    engine.receivable_received(1, first.clone(), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 120000, on its way 0, left 380000");
    refused(engine.receivable_received(1, first, MAKER, &lan).await, "F112");
    refused(engine.receivable_received(1, paid_in(380_001, "PT-18"), MAKER, &lan).await, "F111");
    refused(engine.receivable_received(1, paid_in(0, "PT-18"), MAKER, &lan).await, "F111");
    refused(engine.receivable_received(7, paid_in(1, "PT-18"), MAKER, &lan).await, "F110");
    let of_estate = Receiving { source: ReceiptSource::Estate, ..paid_in(1, "PT-18") };
    refused(engine.receivable_received(1, of_estate, MAKER, &lan).await, "F113");

    // One proposes; the same person, and one who approves nothing, do not confirm.
    assert!(!engine.receivable_write_off(1, "nothing left", MAKER, &lan).await.unwrap());
    refused(engine.receivable_write_off(1, "nothing left", MAKER, &lan).await, "A111");
    // Some more came meanwhile: what was proposed is another amount, so it is proposed anew.
    engine.receivable_received(1, paid_in(80_000, "PT-18"), MAKER, &lan).await.unwrap();
    let minh = key(APPROVERS[0]);
    assert!(!engine.receivable_write_off(1, "so little", APPROVERS[0], &minh).await.unwrap());
    refused(engine.receivable_write_off(1, "so little", APPROVERS[0], &minh).await, "F115");
    let by_hand = office
        .tamper_refused("update write_off set confirmed_by = proposed_by where receivable_no = 1")
        .await;
    assert!(by_hand, "the database lets one person write off");
    let hoa = key(APPROVERS[1]);
    assert!(engine.receivable_write_off(1, "agreed", APPROVERS[1], &hoa).await.unwrap());
    assert!(standing(&office).await.starts_with("written_off: back 200000"));
    refused(engine.receivable_write_off(1, "again", MAKER, &lan).await, "F114");
    let rest = engine.receivable_received(1, paid_in(1, "PT-19"), MAKER, &lan).await;
    refused(rest, "C100");

    // Nothing is kept back any more.
    office.month("2026-11", &[AN]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 500000").await;
    office.ends_whole().await;
}

async fn what_was_paid_after_a_death_is_owed_by_the_estate(office: TestOffice) {
    office.on_day(DAY);
    for month in ["2026-10", "2026-11"] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        settled(&office, &cycle).await;
    }
    assert!(office.receivables().await.is_empty());

    // The register learns in December that he died in October: the month of death was due.
    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-10-15");
    office.month("2026-12", &[&dead]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "held 1", "").await;
    assert_eq!(office.receivables().await, ["post_death 500000"]);
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");

    // It stands on its evidence: given up with no cycle, and found once.
    let now = office.now(&december).await;
    office.engine.cycle_cancel(&now, "another value date", MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(office.receivables().await, ["post_death 500000"]);
    office.sealed("2026-12", Regular).await;
    assert_eq!(office.receivables().await, ["post_death 500000"]);

    let heirs = |amount_minor: i64, reference: &str| Receiving {
        amount_minor,
        source: ReceiptSource::Estate,
        reference: reference.to_owned(),
        on: date(2026, 12, 20),
    };
    let (engine, lan) = (&office.engine, key(MAKER));
    engine.receivable_received(1, heirs(200_000, "PT-1"), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 200000, on its way 0, left 300000");
    engine.receivable_received(1, heirs(300_000, "PT-2"), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "reclaimed: back 500000, on its way 0, left 0");
    office.ends_whole().await;
}
