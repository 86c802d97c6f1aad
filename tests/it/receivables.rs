//! Money to be got back: kept back of later payments within the law's share, given back when the list is
//! cancelled or the payment does not arrive, paid in outside, given up by two. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::domain::list::Role;
use chitra::domain::receivable::ReceiptSource;
use chitra::domain::state::Named as _;
use chitra::engine::hold::Deciding;
use chitra::engine::receivable::Receiving;
use jiff::civil::date;

use crate::explaining::asked;
use crate::once_a_benefit;
use crate::support::office::{
    APPROVERS, MAKER, TestOffice, deciding, key, on_both_databases, period, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_is_owed_is_kept_back_of_later_payments
    a_payment_that_comes_back_gives_its_recovery_back
    money_is_paid_in_and_given_up_by_two
    one_voucher_counts_once_however_it_is_typed
    a_receipt_that_was_a_mistake_is_taken_back_by_two
    no_more_is_given_up_than_two_agreed_to
    what_fell_away_is_given_up_as_a_part_of_its_own
    what_was_paid_after_a_death_is_owed_by_the_estate
    an_estate_owes_nothing_while_two_officers_have_seen_the_person
    an_estate_owes_less_when_the_death_was_later
    what_an_estate_paid_and_the_bank_returns_is_told
    what_was_kept_back_and_the_bank_returns_is_told
    what_was_paid_in_for_what_is_no_excess_any_more_is_told
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.account=0711999999 | register.provider=970405";
const DAY: &str = "2026-09-20";

/// October was paid twice: the first order was rejected, the second settled, then the first proved paid.
pub async fn paid_twice(office: &TestOffice) -> Cycle {
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
pub async fn standing(office: &TestOffice) -> String {
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
        on: date(2026, 9, 20),
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
    assert_eq!(standing(&office).await, "written_off: back 200000, on its way 0, left 0");
    refused(engine.receivable_write_off(1, "again", MAKER, &lan).await, "F114");
    let rest = engine.receivable_received(1, paid_in(1, "PT-19"), MAKER, &lan).await;
    refused(rest, "F111");

    // Nothing is kept back any more.
    office.month("2026-11", &[AN]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 500000").await;
    office.ends_whole().await;
}

async fn one_voucher_counts_once_however_it_is_typed(office: TestOffice) {
    paid_twice(&office).await;
    let paid_in = |reference: &str, on| Receiving {
        amount_minor: 10_000,
        source: ReceiptSource::Person,
        reference: reference.to_owned(),
        on,
    };
    let (engine, lan, today) = (&office.engine, key(MAKER), date(2026, 9, 20));
    for nothing in ["", "  ", "\t", "a\nb"] {
        refused(engine.receivable_received(1, paid_in(nothing, today), MAKER, &lan).await, "F118");
    }
    // Not tomorrow, and not before it was sent.
    for day in [date(2026, 9, 21), date(2099, 1, 1), date(2026, 9, 19)] {
        refused(engine.receivable_received(1, paid_in("V 1", day), MAKER, &lan).await, "F119");
    }
    engine.receivable_received(1, paid_in("V  1", today), MAKER, &lan).await.unwrap();
    for again in ["V 1", "v 1", " V 1 ", "V  1"] {
        refused(engine.receivable_received(1, paid_in(again, today), MAKER, &lan).await, "F112");
    }
    engine.receivable_received(1, paid_in("V 11", today), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 20000, on its way 0, left 480000");
    let receipts = engine.store.receipts_of(1).await.unwrap();
    assert_eq!(receipts[0].reference, "V  1", "it stands as it was typed");
    // Also when it covered all that was left.
    let rest = || Receiving { amount_minor: 480_000, ..paid_in("V 12", today) };
    engine.receivable_received(1, rest(), MAKER, &lan).await.unwrap();
    refused(engine.receivable_received(1, rest(), MAKER, &lan).await, "F112");
    office.ends_whole().await;
}

async fn a_receipt_that_was_a_mistake_is_taken_back_by_two(office: TestOffice) {
    paid_twice(&office).await;
    let paid_in = |amount_minor: i64| Receiving {
        amount_minor,
        source: ReceiptSource::Person,
        reference: "PT 17".to_owned(),
        on: date(2026, 9, 20),
    };
    let (engine, lan, [minh, hoa]) = (&office.engine, key(MAKER), APPROVERS);
    engine.receivable_received(1, paid_in(500_000), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovered: back 500000, on its way 0, left 0");

    let take_back = async |reference: &str, reason: &str, officer: &str| {
        engine.receipt_take_back(1, reference, reason, officer, &key(officer)).await
    };
    refused(take_back("PT 18", "typed wrongly", MAKER).await, "F120");
    refused(take_back("pt 17", " ", MAKER).await, "F122");
    assert!(!take_back("pt 17", "50.000, not 500.000", MAKER).await.unwrap());
    refused(take_back("PT 17", "yes", MAKER).await, "A111");
    assert_eq!(standing(&office).await, "recovered: back 500000, on its way 0, left 0");
    let alone =
        "update receipt set taken_back_by = take_back_proposed_by, taken_back_at = '2026-09-20'";
    assert!(office.tamper_refused(alone).await, "the database lets one person take a receipt back");
    // Who proposed it signs no more: it is proposed anew, by an approver who cannot confirm it.
    office.enrol("nga", Role::Approver).await;
    engine.officer_end(MAKER, hoa, &key(hoa)).await.unwrap();
    assert!(!take_back("PT 17", "50.000, not 500.000", minh).await.unwrap());
    refused(take_back("PT 17", "yes", minh).await, "F121");
    assert!(take_back("PT 17", "yes", "nga").await.unwrap());
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");
    refused(take_back("PT 17", "yes", hoa).await, "F120");

    // The voucher is recorded as it is, and what was said before stands there.
    let hoas = key(hoa);
    engine.receivable_received(1, paid_in(50_000), hoa, &hoas).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 50000, on its way 0, left 450000");
    let told: Vec<String> = steps(&office).into_iter().map(|(step, _)| step).collect();
    assert_eq!(told, ["received 2026-09-20", "taken back", "received 2026-09-20"]);
    office.ends_whole().await;
}

/// Two officers give up what is left.
async fn given_up(office: &TestOffice, receivable: i64) {
    for (approver, is_second) in APPROVERS.into_iter().zip([false, true]) {
        let done =
            office.engine.receivable_write_off(receivable, "poor", approver, &key(approver)).await;
        assert_eq!(done.unwrap(), is_second);
    }
}

/// What each part that was given up comes to.
async fn parts_given_up(office: &TestOffice) -> Vec<i64> {
    let parts = office.engine.store.write_offs(1).await.unwrap();
    assert!(parts.iter().all(|one| one.confirmed_by.is_some()));
    parts.iter().map(|one| one.amount_minor).collect()
}

/// The rest is given up while a sealed list keeps part of it back; then that list is cancelled.
async fn no_more_is_given_up_than_two_agreed_to(office: TestOffice) {
    paid_twice(&office).await;
    office.month("2026-11", &[AN]).await;
    let november = office.sealed("2026-11", Regular).await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 100000, left 400000");
    given_up(&office, 1).await;
    assert_eq!(standing(&office).await, "written_off: back 0, on its way 100000, left 0");

    let now = office.now(&november).await;
    office.engine.cycle_cancel(&now, "another value date", MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 100000");
    assert_eq!(parts_given_up(&office).await, [400_000]);
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);

    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 400000").await;
    assert_eq!(standing(&office).await, "written_off: back 0, on its way 100000, left 0");
    settled(&office, &november).await;
    assert_eq!(standing(&office).await, "written_off: back 100000, on its way 0, left 0");

    office.month("2026-12", &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(parts_given_up(&office).await, [400_000]);
    office.ends_whole().await;
}

/// The same, and the payment that was reduced does not arrive; of what is owed again some is paid in, and the
/// rest is given up by two once more.
async fn what_fell_away_is_given_up_as_a_part_of_its_own(office: TestOffice) {
    paid_twice(&office).await;
    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    given_up(&office, 1).await;
    let no = office.said(&november, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&november).await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 100000");

    let paid_in = |amount_minor: i64, reference: &str| Receiving {
        amount_minor,
        source: ReceiptSource::Person,
        reference: reference.to_owned(),
        on: date(2026, 9, 20),
    };
    let (engine, lan) = (&office.engine, key(MAKER));
    refused(engine.receivable_received(1, paid_in(100_001, "PT-1"), MAKER, &lan).await, "F111");
    engine.receivable_received(1, paid_in(30_000, "PT-1"), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 30000, on its way 0, left 70000");
    let minh = key(APPROVERS[0]);
    assert!(!engine.receivable_write_off(1, "poor", APPROVERS[0], &minh).await.unwrap());
    refused(engine.receivable_write_off(1, "poor", APPROVERS[0], &minh).await, "F115");
    let hoa = key(APPROVERS[1]);
    assert!(engine.receivable_write_off(1, "agreed", APPROVERS[1], &hoa).await.unwrap());
    assert_eq!(standing(&office).await, "written_off: back 30000, on its way 0, left 0");
    assert_eq!(parts_given_up(&office).await, [400_000, 70_000]);
    refused(engine.receivable_write_off(1, "again", MAKER, &lan).await, "F114");

    office.month("2026-12", &[AN]).await;
    let december = office.sealed("2026-12", Regular).await;
    office.check(&december, "entitled 1", "pending 1 = 1000000").await;
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
        on: date(2026, 9, 20),
    };
    let (engine, lan) = (&office.engine, key(MAKER));
    engine.receivable_received(1, heirs(200_000, "PT-1"), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 200000, on its way 0, left 300000");
    engine.receivable_received(1, heirs(300_000, "PT-2"), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "reclaimed: back 500000, on its way 0, left 0");
    office.ends_whole().await;
}

/// What waits in the queue: kind, expected and reported amounts, and the sentence of the only item.
async fn only_discrepancy(office: &TestOffice) -> (&'static str, Option<i64>, Option<i64>, String) {
    let open = office.engine.store.discrepancies().await.unwrap();
    let [(_, one)] = open.as_slice() else { panic!("{open:?}") };
    (one.kind.name(), one.expected_minor, one.reported_minor, one.detail.clone())
}

/// The steps of the only receivable, as `receivable show` lists them, without payables and references.
fn steps(office: &TestOffice) -> Vec<(String, String)> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chitra"));
    command.arg("--office").arg(&office.dir).args(["--json", "receivable", "show", "1"]);
    let said = command.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let told: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let text = |one: &serde_json::Value, field: &str| one[field].as_str().unwrap().to_owned();
    let of = |one: &serde_json::Value| (text(one, "step"), text(one, "minor"));
    told["steps"].as_array().unwrap().iter().map(of).collect()
}

/// The heirs have paid for the month after the death, and then the bank returns the payment.
/// An as the register knows him from now on: `deceased`, on a day.
fn died(on: &str) -> String {
    format!("{AN} | register.vital_status=deceased | register.date_of_death={on}")
}

async fn an_estate_owes_nothing_while_two_officers_have_seen_the_person(office: TestOffice) {
    office.on_day(DAY);
    for month in ["2026-10", "2026-11"] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        settled(&office, &cycle).await;
    }
    let dead = died("2026-10-15");
    office.month("2026-12", &[&dead]).await;
    let december = office.opened("2026-12", Regular).await;
    office.computed(&december).await;
    let heirs = Receiving {
        amount_minor: 200_000,
        source: ReceiptSource::Estate,
        reference: "PT-1".to_owned(),
        on: date(2026, 9, 20),
    };
    let (engine, lan) = (&office.engine, key(MAKER));
    engine.receivable_received(1, heirs.clone(), MAKER, &lan).await.unwrap();
    assert_eq!(standing(&office).await, "recovering: back 200000, on its way 0, left 300000");

    // He comes in person, for this month.
    let now = office.now(&december).await;
    let (_, held) = engine.holds(&now, Some("H110"), 1).await.unwrap();
    let hold = held[0].name();
    let said = Deciding { valid_to: Some(period("2026-12")), ..deciding(Decision::Release) };
    engine.hold_decide(&now, &hold, said, MAKER, &lan).await.unwrap();
    let again = engine.recompute(&office.now(&december).await).await.unwrap();
    office.computed(&again).await;
    assert_eq!(standing(&office).await, "recovering: back 200000, on its way 0, left 300000");
    let now = office.now(&december).await;
    let (_, held) = engine.holds(&now, Some("H110"), 1).await.unwrap();
    let second = APPROVERS[0];
    engine.hold_confirm(&now, &held[0].name(), second, &key(second)).await.unwrap();
    let again = engine.recompute(&office.now(&december).await).await.unwrap();
    office.computed(&again).await;
    office.check(&december, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(standing(&office).await, "set_aside: back 200000, on its way 0, left 0");
    let told = once_a_benefit::asked(&office, &["receivable", "list", "--all"]);
    assert!(told.contains("1: nothing is owed: the death was found to be wrong"), "{told}");
    assert!(told.contains("200.000 VND more came back than is owed"), "{told}");
    let more = Receiving { reference: "PT-2".to_owned(), ..heirs };
    refused(engine.receivable_received(1, more, MAKER, &lan).await, "F111");
    refused(engine.receivable_write_off(1, "nothing", MAKER, &lan).await, "F114");
    let sealed = engine.seal(&office.now(&december).await).await.unwrap();
    office.sent(&sealed, 0).await;
    settled(&office, &december).await;

    // The release has run out and the register says what it said: now for December too.
    office.month("2027-01", &[&dead]).await;
    let january = office.opened("2027-01", Regular).await;
    office.computed(&january).await;
    let told = office.receivables().await;
    assert_eq!(told, ["post_death 500000", "post_death 500000"]);

    // It is put right there, and nothing is owed of either month.
    office.month("2027-02", &[AN]).await;
    let february = office.opened("2027-02", Regular).await;
    office.computed(&february).await;
    assert!(office.receivables().await.is_empty());
    office.engine.sequence().await.unwrap();
    let compared = office.engine.audit_rows().await.unwrap();
    assert_eq!(compared.differences, [], "rows are not what the log says");

    let by_hand = "update receivable set set_aside_at = null where receivable_no = $1";
    assert_eq!(office.tamper(by_hand, vec![2.into()]).await, 1);
    office.ends_tampered_with("V214").await;
}

async fn an_estate_owes_less_when_the_death_was_later(office: TestOffice) {
    office.on_day(DAY);
    for month in ["2026-10", "2026-11"] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        settled(&office, &cycle).await;
    }
    for (on, owed) in [
        ("2026-09-15", &["post_death 500000", "post_death 500000"][..]),
        ("2026-11-02", &[]),
        ("2026-10-30", &["post_death 500000"]),
    ] {
        office.month("2026-12", &[&died(on)]).await;
        let cycle = office.opened("2026-12", Regular).await;
        office.computed(&cycle).await;
        assert_eq!(office.receivables().await, owed, "died on {on}");
        let now = office.now(&cycle).await;
        office
            .engine
            .cycle_cancel(&now, "the register is asked", MAKER, &key(MAKER))
            .await
            .unwrap();
    }
    office.ends_whole().await;
}

async fn what_an_estate_paid_and_the_bank_returns_is_told(office: TestOffice) {
    office.on_day(DAY);
    let mut paid = Vec::new();
    for month in ["2026-10", "2026-11"] {
        office.month(month, &[AN]).await;
        let cycle = office.paid_out(month, Regular).await;
        settled(&office, &cycle).await;
        paid.push(cycle);
    }
    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-10-15");
    office.month("2026-12", &[&dead]).await;
    office.sealed("2026-12", Regular).await;
    let heirs = Receiving {
        amount_minor: 500_000,
        source: ReceiptSource::Estate,
        reference: "PT-1".to_owned(),
        on: date(2026, 9, 20),
    };
    let (engine, lan) = (&office.engine, key(MAKER));
    engine.receivable_received(1, heirs.clone(), MAKER, &lan).await.unwrap();

    let back = office.said(&paid[1], "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    assert_eq!(standing(&office).await, "reclaimed: back 1000000, on its way 0, left 0");
    let (kind, expected, reported, sentence) = only_discrepancy(&office).await;
    assert_eq!((kind, expected, reported), ("came_back_twice", Some(0), Some(500_000)));
    for part in ["L142", "500.000 VND paid in", "500.000 VND more than is owed"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let of = |step: &str, minor: &str| (step.to_owned(), minor.to_owned());
    let listed = [of("received 2026-09-20", "500000"), of("returned 2026-09-20", "500000")];
    assert_eq!(steps(&office), listed);

    // The heirs pay nothing on top.
    let more = Receiving { reference: "PT-2".to_owned(), ..heirs };
    refused(engine.receivable_received(1, more, MAKER, &lan).await, "F111");
    engine.discrepancy_resolve(1, "given back to the heirs", MAKER, &lan).await.unwrap();
    assert!(office.discrepancies().await.is_empty());
    office.ends_whole().await;
}

/// A fifth was kept back of November's payment, and then the bank returns October's second payment.
async fn what_was_kept_back_and_the_bank_returns_is_told(office: TestOffice) {
    let october = paid_twice(&office).await;
    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        office.engine.discrepancy_resolve(number, "known", MAKER, &key(MAKER)).await.unwrap();
    }
    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    settled(&office, &november).await;
    assert_eq!(standing(&office).await, "recovering: back 100000, on its way 0, left 400000");
    let back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    assert_eq!(standing(&office).await, "recovered: back 600000, on its way 0, left 0");
    let (kind, expected, reported, sentence) = only_discrepancy(&office).await;
    assert_eq!((kind, expected, reported), ("came_back_twice", Some(400_000), Some(500_000)));
    assert!(sentence.contains("100.000 VND kept back of payments"), "{sentence}");
    assert!(sentence.contains("100.000 VND more than is owed"), "{sentence}");
    office.ends_whole().await;
}

/// Part of what was too much was paid in; then the order beside it comes back, so that it is the payment.
async fn what_was_paid_in_for_what_is_no_excess_any_more_is_told(office: TestOffice) {
    let october = paid_twice(&office).await;
    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        office.engine.discrepancy_resolve(number, "known", MAKER, &key(MAKER)).await.unwrap();
    }
    let paid_in = Receiving {
        amount_minor: 120_000,
        source: ReceiptSource::Person,
        reference: "PT-1".to_owned(),
        on: date(2026, 9, 20),
    };
    office.engine.receivable_received(1, paid_in, MAKER, &key(MAKER)).await.unwrap();
    let back = office.said(&october, "E1", 2, "Hoàn trả", "Tài khoản đã đóng").await;
    office.sheet(&[back]).await.unwrap();
    assert_eq!(office.attempts(&october, "E1").await, "1 settled, 2 returned");
    assert_eq!(standing(&office).await, "recovered: back 620000, on its way 0, left 0");
    let (kind, _, _, sentence) = only_discrepancy(&office).await;
    assert_eq!(kind, "came_back_twice");
    assert!(sentence.contains("120.000 VND more than is owed"), "{sentence}");
    office.ends_whole().await;
}
