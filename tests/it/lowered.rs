//! What a correction lowers before it is paid: nothing of it is to be got back, and the money goes on with
//! what is left of it. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular};

use crate::explaining::asked;
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_was_lowered_before_it_was_paid_goes_on_with_what_is_left
    what_was_lowered_of_two_months_goes_on_together
    what_was_lowered_to_nothing_goes_nowhere
    what_was_lowered_on_its_way_is_owed_once_it_is_paid
    what_is_raised_again_is_set_off_in_full
    what_was_given_up_is_not_paid_again
    what_was_got_back_in_part_is_paid_again_in_part
    what_is_raised_above_what_was_paid_is_paid
}

const DAY: &str = "2026-09-20";
const AN: &str = "E1 | 001075000101 | Nguyễn Văn An | 1975-03-14 | male | social_assistance/k6 | disability_level=especially_severe | bank 970405 0711000001 | register.account=0711999999 | register.provider=970405";

fn less_disabled() -> String {
    AN.replace("especially_severe", "severe")
}

/// October as it was first listed and ordered.
async fn october(office: &TestOffice) -> Cycle {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 1", "pending 1 = 1000000").await;
    october
}

async fn says(office: &TestOffice, cycle: &Cycle, status: &str, reason: &str) {
    let said = office.said(cycle, "E1", 1, status, reason).await;
    office.sheet(&[said]).await.unwrap();
}

/// A correction that finds less; its list pays nobody.
async fn corrected(office: &TestOffice, row: &str, too_much: &str) -> Cycle {
    office.month("2026-10", &[row]).await;
    let correction = office.paid_out("2026-10", Correction).await;
    assert_eq!(office.receivables().await, [too_much]);
    office.closed(&correction).await
}

async fn waits(office: &TestOffice) -> bool {
    office.engine.paid_otherwise().await.unwrap().lowered.waits(1)
}

async fn what_was_lowered_before_it_was_paid_goes_on_with_what_is_left(office: TestOffice) {
    let october = october(&office).await;
    says(&office, &october, "Không thành công", "Sai số tài khoản").await;
    corrected(&office, &less_disabled(), "overpayment 250000").await;
    assert!(waits(&office).await);
    // It would go to the linked account, whole.
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.list, again.ordered), (None, 0));
    office.check(&october, "entitled 1", "rejected 1 = 1000000").await;
    office.closed(&october).await;

    office.month("2026-11", &[&less_disabled()]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 1500000").await;
    says(&office, &november, "Thành công", "").await;
    let november = office.closed(&november).await;
    office.check(&november, "entitled 1", "paid 1 = 1500000").await;
    assert_eq!(office.receivables().await, Vec::<String>::new(), "nothing is owed any more");

    office.month("2026-12", &[&less_disabled()]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "entitled 1", "pending 1 = 750000").await;
    office.ends_whole().await;
}

async fn what_was_lowered_of_two_months_goes_on_together(office: TestOffice) {
    let october = october(&office).await;
    says(&office, &october, "Không thành công", "Sai số tài khoản").await;
    office.month("2026-11", &[AN]).await;
    let november = office.paid_out("2026-11", Regular).await;
    says(&office, &november, "Không thành công", "Sai số tài khoản").await;
    let decided = "decision_no=2/QD | decision_date=2026-09-15 | entitled_from=2026-10-01";
    let anew = format!("{} | {decided}", less_disabled());
    office.month("2026-12", &[&anew]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "entitled 1", "pending 1 = 750000").await;
    assert_eq!(office.receivables().await, ["overpayment 500000"]);
    says(&office, &december, "Thành công", "").await;
    for cycle in [&october, &november, &december] {
        office.closed(cycle).await;
    }
    office.month("2027-01", &[&anew]).await;
    let january = office.paid_out("2027-01", Regular).await;
    office.check(&january, "entitled 1", "pending 1 = 2250000").await;
    says(&office, &january, "Thành công", "").await;
    office.closed(&january).await;
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.ends_whole().await;
}

async fn what_was_lowered_to_nothing_goes_nowhere(office: TestOffice) {
    let october = october(&office).await;
    says(&office, &october, "Không thành công", "Sai số tài khoản").await;
    let ended = format!("{AN} | entitled_to=2026-09-30");
    corrected(&office, &ended, "overpayment 1000000").await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.list, again.ordered), (None, 0));
    office.closed(&october).await;

    office.month("2026-11", &[&ended]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "nil 1", "").await;
    assert!(waits(&office).await);

    // The bank has paid it after all: now it is to be got back.
    says(&office, &october, "Thành công", "").await;
    assert!(!waits(&office).await);
    assert_eq!(office.receivables().await, ["overpayment 1000000"]);
    office.ends_whole().await;
}

async fn what_was_lowered_on_its_way_is_owed_once_it_is_paid(office: TestOffice) {
    let october = october(&office).await;
    corrected(&office, &less_disabled(), "overpayment 250000").await;
    office.month("2026-11", &[&less_disabled()]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 750000").await;
    says(&office, &october, "Thành công", "").await;
    says(&office, &november, "Thành công", "").await;
    office.closed(&october).await;
    office.closed(&november).await;

    // Of what is paid, a fifth of each payment.
    office.month("2026-12", &[&less_disabled()]).await;
    let december = office.paid_out("2026-12", Regular).await;
    office.check(&december, "entitled 1", "pending 1 = 600000").await;
    office.ends_whole().await;
}

/// `recovered: back 250000, on its way 0, given up 0, left 0`, of the only receivable.
async fn standing(office: &TestOffice) -> String {
    let standings = office.engine.store.standings().await.unwrap();
    let [one] = standings.as_slice() else { panic!("{standings:?}") };
    format!(
        "{}: back {}, on its way {}, given up {}, left {}",
        one.state(),
        one.got_back_minor(),
        one.reserved_minor,
        one.given_up_minor,
        one.left_minor()
    )
}

/// The row as it was first, under a decision of its own.
fn as_before(decision: u32) -> String {
    format!("{AN} | decision_no={decision}/QD-UBND")
}

/// October was paid whole, and then a correction found less: 250.000 are to be got back.
async fn paid_too_much(office: &TestOffice) {
    let october = october(office).await;
    says(office, &october, "Thành công", "").await;
    office.closed(&october).await;
    corrected(office, &less_disabled(), "overpayment 250000").await;
}

/// The correction was a mistake. Another raises October again, and pays nobody: the person has the money.
async fn what_is_raised_again_is_set_off_in_full(office: TestOffice) {
    paid_too_much(&office).await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, given up 0, left 250000");
    office.month("2026-10", &[&as_before(13)]).await;
    let given_up = office.sealed("2026-10", Correction).await;
    office.check(&given_up, "entitled 1", "").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 250000, given up 0, left 0");
    let now = office.now(&given_up).await;
    office.engine.cycle_cancel(&now, "another day", MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, given up 0, left 250000");

    let again = office.opened("2026-10", Correction).await;
    let again = office.computed(&again).await;
    office.engine.recompute(&again).await.unwrap();
    office.computed(&again).await;
    office.engine.seal(&office.now(&again).await).await.unwrap();
    office.sent(&again, 0).await;
    office.check(&again, "entitled 1", "").await;
    assert_eq!(standing(&office).await, "recovered: back 250000, on its way 0, given up 0, left 0");
    let (page, json) = asked(&office, "E1", &again.number.to_string());
    for sentence in [
        "250.000 VND của tháng 2026-10 được bù trừ hết vào khoản phải thu 1",
        "250.000 VND of 2026-10 is set off in full against receivable 1",
    ] {
        assert!(page.contains(sentence), "`{sentence}` is missing in:\n{page}");
    }
    assert_eq!(json["set_off"][0]["amount_minor"], "250000");
    office.closed(&again).await;

    office.month("2026-11", &[&as_before(14)]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 1000000").await;

    // Lowered once more, it is owed once more.
    office.month("2026-10", &[&format!("{} | decision_no=15/QD-UBND", less_disabled())]).await;
    let lowered = office.paid_out("2026-10", Correction).await;
    assert_eq!(office.receivables().await, ["overpayment 250000"]);
    office.closed(&lowered).await;
    office.ends_whole().await;
}

/// Two officers have given the money up: then it is owed no more, and not paid a second time.
async fn what_was_given_up_is_not_paid_again(office: TestOffice) {
    paid_too_much(&office).await;
    for approver in APPROVERS {
        office.engine.receivable_write_off(1, "poor", approver, &key(approver)).await.unwrap();
    }
    assert_eq!(
        standing(&office).await,
        "written_off: back 0, on its way 0, given up 250000, left 0"
    );
    office.month("2026-10", &[&as_before(13)]).await;
    let again = office.paid_out("2026-10", Correction).await;
    office.check(&again, "entitled 1", "").await;
    let after = "recovered: back 250000, on its way 0, given up 250000, left 0";
    assert_eq!(standing(&office).await, after);
    office.ends_whole().await;
}

/// A fifth of November was kept back for October before the mistake was found: so much is paid.
async fn what_was_got_back_in_part_is_paid_again_in_part(office: TestOffice) {
    paid_too_much(&office).await;
    office.month("2026-11", &[&less_disabled()]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.check(&november, "entitled 1", "pending 1 = 600000").await;
    says(&office, &november, "Thành công", "").await;
    office.closed(&november).await;
    assert_eq!(
        standing(&office).await,
        "recovering: back 150000, on its way 0, given up 0, left 100000"
    );

    office.month("2026-10", &[&as_before(13)]).await;
    let again = office.paid_out("2026-10", Correction).await;
    office.check(&again, "entitled 1", "pending 1 = 150000").await;
    says(&office, &again, "Thành công", "").await;
    office.check(&again, "entitled 1", "paid 1 = 150000").await;
    assert_eq!(standing(&office).await, "recovered: back 250000, on its way 0, given up 0, left 0");
    let (page, _) = asked(&office, "E1", &again.number.to_string());
    assert!(page.contains("100.000 VND of it is kept back for receivable 1"), "{page}");
    office.ends_whole().await;
}

/// What was lowered is raised above what was paid: only the difference is new money.
async fn what_is_raised_above_what_was_paid_is_paid(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[&less_disabled()]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 1", "pending 1 = 750000").await;
    says(&office, &october, "Thành công", "").await;
    office.closed(&october).await;
    let ended = format!("{AN} | entitled_to=2026-09-30");
    corrected(&office, &ended, "overpayment 750000").await;

    office.month("2026-10", &[&as_before(13)]).await;
    let again = office.paid_out("2026-10", Correction).await;
    office.check(&again, "entitled 1", "pending 1 = 250000").await;
    says(&office, &again, "Thành công", "").await;
    assert_eq!(standing(&office).await, "recovered: back 750000, on its way 0, given up 0, left 0");
    office.ends_whole().await;
}
