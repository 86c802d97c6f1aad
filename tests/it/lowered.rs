//! What a correction lowers before it is paid: nothing of it is to be got back, and the money goes on with
//! what is left of it. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::{Correction, Regular};

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_was_lowered_before_it_was_paid_goes_on_with_what_is_left
    what_was_lowered_to_nothing_goes_nowhere
    what_was_lowered_on_its_way_is_owed_once_it_is_paid
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
    office.engine.lowered().await.unwrap().waits(1)
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
