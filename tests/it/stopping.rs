//! A death that is reported after the list was sealed: one officer makes the file wait, another takes
//! the payment off, and the others are paid. Each told on both databases.

use chitra::domain::batch::BatchState;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::engine::stop::Stopped;

use crate::carried::let_go_on;
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    one_is_held_and_the_others_of_the_file_are_paid
    the_heirs_are_paid_when_two_have_released_it
    a_stop_that_another_refuses_lets_the_file_go
    the_only_payment_of_a_file_takes_the_file_with_it
    what_is_not_released_yet_waits_too
    what_has_left_is_not_stopped
    what_was_ordered_again_can_be_stopped
    the_list_of_the_others_can_be_given_up
    a_stop_follows_its_payment_into_another_file
    a_stop_holds_what_is_taken_back_and_ordered_again
    a_stop_let_go_before_the_evidence_says_nothing_of_it
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | cash";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";
const DUNG: &str = "E4 | 001144000104 | Phạm Thị Dung | 1944-07-04 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004";
const DAY: &str = "2026-09-20";
const REASON: &str = "the commune reports that he died on 2026-09-18";

async fn proposed(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> Stopped {
    let (person, now) = (office.person(enrolment).await, office.now(cycle).await);
    office.engine.stop_propose(&now, person, REASON, MAKER, &key(MAKER)).await.unwrap()
}

async fn confirmed(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> Stopped {
    let (person, now) = (office.person(enrolment).await, office.now(cycle).await);
    let by = APPROVERS[0];
    office.engine.stop_confirm(&now, person, by, &key(by)).await.unwrap()
}

/// What dispatch says of each file that it looks at.
async fn dispatched(office: &TestOffice) -> Vec<String> {
    let told = office.engine.dispatch(None).await.unwrap();
    told.into_iter().map(|one| format!("{}: {}", one.state, one.detail)).collect()
}

/// The states of the files of a cycle, in the order of their numbers.
async fn files(office: &TestOffice, cycle: &Cycle) -> Vec<BatchState> {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.iter().map(|one| one.state).collect()
}

async fn one_is_held_and_the_others_of_the_file_are_paid(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    let now = office.now(&cycle).await;
    refused(engine.stop_propose(&now, an, " ", MAKER, &key(MAKER)).await, "D163");
    refused(engine.stop_confirm(&now, an, APPROVERS[0], &key(APPROVERS[0])).await, "D164");
    let stop = proposed(&office, &cycle, "E1").await;
    assert_eq!((stop.count, stop.total_minor, stop.left), (1, 500_000, 0));
    refused(engine.stop_propose(&now, an, REASON, MAKER, &key(MAKER)).await, "D162");
    let open = engine.stops(&now).await.unwrap();
    assert_eq!((open.len(), open[0].reason.as_str(), open[0].by.as_str()), (1, REASON, MAKER));

    // The file waits; the pay point's goes.
    let told = dispatched(&office).await;
    let [waits, delivered] = told.as_slice() else { panic!("{told:?}") };
    assert!(waits.starts_with("released: waits: 1 of its payments are proposed"), "{waits}");
    assert!(delivered.starts_with("delivered"), "{delivered}");

    refused(engine.stop_confirm(&now, an, MAKER, &key(MAKER)).await, "A111");
    let stop = confirmed(&office, &cycle, "E1").await;
    let list = stop.list.expect("the others are ordered anew");
    assert!(engine.stops(&now).await.unwrap().is_empty());
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled");
    assert_eq!(office.attempts(&cycle, "E3").await, "1 in_batch", "under the same id");
    office.check(&cycle, "entitled 3", "held 1 = 500000, pending 2 = 1000000").await;
    use BatchState::{Created, Delivered, Withdrawn};
    assert_eq!(files(&office, &cycle).await, [Withdrawn, Delivered, Created]);
    assert!(dispatched(&office).await.is_empty(), "nothing leaves before it is approved");

    office.sent(&cycle, list.number.0).await;
    assert_eq!(files(&office, &cycle).await, [Withdrawn, Delivered, Delivered]);
    let binh = office.said(&cycle, "E2", 1, "Đã chi", "").await;
    let chi = office.said(&cycle, "E3", 1, "Thành công", "").await;
    office.paypoint(&[binh]).await.unwrap();
    office.sheet(&[chi]).await.unwrap();
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 3", "held 1 = 500000, paid 2 = 1000000").await;

    // The register knows nothing of the death yet: what the officers know holds next month, and after.
    for (month, held) in [("2026-11", "2 = 1000000"), ("2026-12", "2 = 1500000")] {
        office.month(month, &[AN, CHI]).await;
        let cycle = office.sealed(month, Regular).await;
        office.check(&cycle, "entitled 2", &format!("held {held}, pending 1 = 500000")).await;
        let (_, holds) = office.engine.holds(&cycle, None, 10).await.unwrap();
        assert!(holds.iter().all(|one| one.exception.code == "H160"), "{holds:?}");
        office.sent(&cycle, 0).await;
        let chi = office.said(&cycle, "E3", 1, "Thành công", "").await;
        office.sheet(&[chi]).await.unwrap();
        office.closed(&cycle).await;
    }
    office.ends_whole().await;
}

async fn the_heirs_are_paid_when_two_have_released_it(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    proposed(&office, &cycle, "E1").await;
    let list = confirmed(&office, &cycle, "E1").await.list.unwrap();
    office.sent(&cycle, list.number.0).await;
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert!(again.list.is_none(), "what is held is not ordered");
    office.release_holds(&cycle, "H160").await;
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 1);
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled, 2 in_batch");
    // Given up once more, it is held for the same reason.
    let now = office.now(&cycle).await;
    let number = again.list.unwrap().number;
    office.engine.list_cancel(&now, number, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(office.payable(&cycle, "E1").await.code, "H160");
    office.ends_whole().await;
}

async fn a_stop_that_another_refuses_lets_the_file_go(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    let [first, second] = APPROVERS;
    let now = office.now(&cycle).await;
    engine.stop_propose(&now, an, REASON, first, &key(first)).await.unwrap();
    refused(engine.stop_refuse(&now, an, first, &key(first)).await, "D165");
    refused(engine.stop_confirm(&now, an, first, &key(first)).await, "D165");
    engine.stop_refuse(&now, an, second, &key(second)).await.unwrap();
    assert_eq!(dispatched(&office).await, ["delivered: delivered and read back"]);
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn the_only_payment_of_a_file_takes_the_file_with_it(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    proposed(&office, &cycle, "E1").await;
    assert!(confirmed(&office, &cycle, "E1").await.list.is_none());
    assert_eq!(files(&office, &cycle).await, [BatchState::Withdrawn]);
    assert_eq!(office.now(&cycle).await.state, CycleState::Settling);
    office.check(&cycle, "entitled 1", "held 1 = 500000").await;
    office.closed(&cycle).await;
    office.ends_whole().await;
}

async fn what_is_not_released_yet_waits_too(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.computed(&office.opened("2026-10", Regular).await).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    refused(engine.stop_propose(&cycle, an, REASON, MAKER, &key(MAKER)).await, "D160");
    office.ends_whole().await;
}

async fn what_has_left_is_not_stopped(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let (engine, an) = (&office.engine, office.person("E1").await);
    let now = office.now(&cycle).await;
    let before = office.snapshot().await;
    let told = refused(engine.stop_propose(&now, an, REASON, MAKER, &key(MAKER)).await, "D161");
    assert!(told.starts_with("1 payments of this person"), "{told}");
    assert_eq!(office.snapshot().await, before);
    office.ends_whole().await;
}

async fn what_was_ordered_again_can_be_stopped(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let an = office.said(&cycle, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    office.sheet(&[an]).await.unwrap();
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap().list.unwrap();
    proposed(&office, &cycle, "E1").await;
    let (engine, person) = (&office.engine, office.person("E1").await);
    let now = office.now(&cycle).await;
    let by = APPROVERS[0];
    refused(engine.stop_confirm(&now, person, by, &key(by)).await, "D166");
    // It can be released: its file does not leave.
    office.released(&cycle, again.number.0).await;
    assert!(dispatched(&office).await[0].starts_with("released: waits: 1 of its payments"));
    confirmed(&office, &cycle, "E1").await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected, 2 cancelled");
    office.check(&cycle, "entitled 2", "held 1 = 500000, pending 1 = 500000").await;
    office.release_holds(&cycle, "H160").await;
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 1);
    office.ends_whole().await;
}

async fn the_list_of_the_others_can_be_given_up(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    proposed(&office, &cycle, "E1").await;
    let list = confirmed(&office, &cycle, "E1").await.list.unwrap();
    let now = office.now(&cycle).await;
    office.engine.list_cancel(&now, list.number, MAKER, &key(MAKER)).await.unwrap();
    office
        .check(&cycle, "entitled 3", "held 1 = 500000, pending 1 = 500000, rejected 1 = 500000")
        .await;
    assert_eq!(office.payable(&cycle, "E1").await.code, "H160");
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 1);
    office.sent(&cycle, again.list.unwrap().number.0).await;
    let chi = office.said(&cycle, "E3", 2, "Thành công", "").await;
    office.sheet(&[chi]).await.unwrap();
    office
        .check(&cycle, "entitled 3", "held 1 = 500000, pending 1 = 500000, paid 1 = 500000")
        .await;
    office.ends_whole().await;
}

/// Two people of one file: the second stop waits in the file into which the first one moved it.
async fn a_stop_follows_its_payment_into_another_file(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI, DUNG]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    proposed(&office, &cycle, "E1").await;
    proposed(&office, &cycle, "E3").await;
    let list = confirmed(&office, &cycle, "E1").await.list.unwrap();
    let (now, chi) = (office.now(&cycle).await, office.person("E3").await);
    let by = APPROVERS[0];
    refused(office.engine.stop_confirm(&now, chi, by, &key(by)).await, "D166");
    office.released(&cycle, list.number.0).await;
    let told = dispatched(&office).await;
    assert!(told[0].starts_with("released: waits: 1 of its payments are proposed"), "{told:?}");
    let stops = office.engine.stops(&office.now(&cycle).await).await.unwrap();
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    assert_eq!(stops[0].file_name, batches.last().unwrap().file_name);
    let list = confirmed(&office, &cycle, "E3").await.list.unwrap();
    office.sent(&cycle, list.number.0).await;
    assert_eq!(office.attempts(&cycle, "E3").await, "1 cancelled");
    office.check(&cycle, "entitled 3", "held 2 = 1000000, pending 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_stop_holds_what_is_taken_back_and_ordered_again(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    proposed(&office, &cycle, "E1").await;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name;
    let now = office.now(&cycle).await;
    office.engine.withdraw(&now, &file, MAKER, &key(MAKER)).await.unwrap();
    let (an, by) = (office.person("E1").await, APPROVERS[0]);
    let told = refused(office.engine.stop_confirm(&now, an, by, &key(by)).await, "D168");
    assert!(told.contains("waits in no file"), "{told}");
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    office.released(&cycle, again.list.unwrap().number.0).await;
    let told = dispatched(&office).await;
    assert!(told[0].starts_with("released: waits: 1 of its payments are proposed"), "{told:?}");
    let list = confirmed(&office, &cycle, "E1").await.list.unwrap();
    office.sent(&cycle, list.number.0).await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled, 2 cancelled");
    office.check(&cycle, "entitled 2", "held 1 = 500000, pending 1 = 500000").await;
    office.ends_whole().await;
}

/// A rumour was let go; then the first order is proved paid, and the second one waits all the same.
async fn a_stop_let_go_before_the_evidence_says_nothing_of_it(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let no = office.said(&cycle, "E1", 1, "Thất bại", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    office.released(&cycle, again.list.unwrap().number.0).await;
    proposed(&office, &cycle, "E1").await;
    let (now, an, by) = (office.now(&cycle).await, office.person("E1").await, APPROVERS[0]);
    office.engine.stop_refuse(&now, an, by, &key(by)).await.unwrap();
    office.on_day("2026-09-21");
    let yes = office.said(&cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[yes]).await.unwrap();
    let_go_on(&office).await;
    let told = dispatched(&office).await;
    assert!(told[0].contains("order money that an earlier order is now proved"), "{told:?}");
    // Looked at once more, it is theirs to let go.
    proposed(&office, &cycle, "E1").await;
    let now = office.now(&cycle).await;
    office.engine.stop_refuse(&now, an, by, &key(by)).await.unwrap();
    assert_eq!(dispatched(&office).await, ["delivered: delivered and read back"]);
    office.ends_whole().await;
}
