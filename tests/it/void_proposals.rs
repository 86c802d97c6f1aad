//! What one of two officers proposed is void when they sign no more: their key may have been another's. Told of
//! everything that takes two, on both databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::domain::fate::Verdict;
use chitra::domain::list::Role;
use chitra::engine::recall::{Asking, Whom};

use crate::support::office::{
    APPROVERS, MAKER, TestOffice, deciding, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_hold_that_an_ended_officer_proposed_to_release_is_not_confirmed
    a_halt_takes_two_who_sign_still
    a_stop_of_an_ended_officer_is_proposed_anew_while_the_file_waits
    a_recall_of_an_ended_officer_is_not_confirmed
    a_fate_of_an_ended_officer_is_not_confirmed
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";
const DAY: &str = "2026-09-20";
const REASON: &str = "the letter of the commune";

/// The first approver ends, after what he proposed.
async fn ended(office: &TestOffice) {
    office.engine.officer_end(APPROVERS[0], MAKER, &key(MAKER)).await.unwrap();
}

async fn a_hold_that_an_ended_officer_proposed_to_release_is_not_confirmed(office: TestOffice) {
    office.on_day(DAY);
    let dead = format!("{AN} | register.vital_status=deceased | register.date_of_death=2026-03-01");
    office.month("2026-10", &[&dead, BINH]).await;
    let cycle = office.opened("2026-10", Regular).await;
    let cycle = office.computed(&cycle).await;
    let (engine, [minh, hoa]) = (&office.engine, APPROVERS);
    let (_, held) = engine.holds(&cycle, Some("H110"), 9).await.unwrap();
    let hold = held[0].name();
    let release = || deciding(Decision::Release);
    engine.hold_decide(&cycle, &hold, release(), minh, &key(minh)).await.unwrap();
    ended(&office).await;
    let told = refused(engine.hold_confirm(&cycle, &hold, hoa, &key(hoa)).await, "A120");
    assert!(told.contains("minh") && told.contains("chitra hold resolve 2026-10"), "{told}");
    let (_, held) = engine.holds(&cycle, Some("H110"), 9).await.unwrap();
    assert!(held[0].is_void && !held[0].waits_in(cycle.period));

    engine.hold_decide(&cycle, &hold, release(), MAKER, &key(MAKER)).await.unwrap();
    let done = engine.hold_confirm(&cycle, &hold, hoa, &key(hoa)).await.unwrap();
    assert!(done.resolution.releases());
    office.ends_whole().await;
}

async fn a_halt_takes_two_who_sign_still(office: TestOffice) {
    office.on_day(DAY);
    office.enrol("nga", Role::Approver).await;
    let (engine, [minh, hoa]) = (&office.engine, APPROVERS);
    let halt = engine.halt_put("all", "a doubt", MAKER, &key(MAKER)).await.unwrap().number;
    assert!(!engine.halt_lift(halt, minh, &key(minh)).await.unwrap());
    ended(&office).await;
    // His consent is void: the second one is a first, and takes another.
    assert!(!engine.halt_lift(halt, hoa, &key(hoa)).await.unwrap());
    refused(engine.halt_lift(halt, hoa, &key(hoa)).await, "D102");
    assert!(engine.halt_lift(halt, "nga", &key("nga")).await.unwrap());
    assert!(office.halts().await.is_empty());
    office.ends_whole().await;
}

async fn a_stop_of_an_ended_officer_is_proposed_anew_while_the_file_waits(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let (engine, [minh, hoa]) = (&office.engine, APPROVERS);
    let (an, now) = (office.person("E1").await, office.now(&cycle).await);
    engine.stop_propose(&now, an, REASON, minh, &key(minh)).await.unwrap();
    ended(&office).await;
    let told = refused(engine.stop_confirm(&now, an, hoa, &key(hoa)).await, "A120");
    assert!(told.contains("chitra stop propose 2026-10 PERSON"), "{told}");
    let waits = engine.dispatch(None).await.unwrap();
    assert!(waits[0].detail.starts_with("waits: 1 of its payments"), "{}", waits[0].detail);

    engine.stop_propose(&now, an, REASON, MAKER, &key(MAKER)).await.unwrap();
    refused(engine.stop_propose(&now, an, REASON, MAKER, &key(MAKER)).await, "D162");
    let open = engine.stops(&now).await.unwrap();
    assert_eq!((open.len(), open[0].by.as_str()), (1, MAKER));
    engine.stop_confirm(&now, an, hoa, &key(hoa)).await.unwrap();
    office.check(&cycle, "entitled 2", "held 1 = 500000, pending 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_recall_of_an_ended_officer_is_not_confirmed(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let (engine, [minh, hoa]) = (&office.engine, APPROVERS);
    let whom = Whom::Person(office.person("E1").await);
    let asking = || Asking { code: "DUPL", reason: REASON, by_letter: true };
    engine.recall_propose(&cycle, whom, asking(), minh, &key(minh)).await.unwrap();
    ended(&office).await;
    let told = refused(engine.recall_confirm(&cycle, whom, hoa, &key(hoa)).await, "A120");
    assert!(told.contains("chitra recall refuse 2026-10 PERSON"), "{told}");
    engine.recall_decline(&cycle, whom, hoa, &key(hoa)).await.unwrap();
    engine.recall_propose(&cycle, whom, asking(), MAKER, &key(MAKER)).await.unwrap();
    engine.recall_confirm(&cycle, whom, hoa, &key(hoa)).await.unwrap();
    office.ends_whole().await;
}

async fn a_fate_of_an_ended_officer_is_not_confirmed(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-20");
    office.engine.collect_all().await.unwrap();
    let cycle = office.now(&cycle).await;
    let (engine, [minh, hoa]) = (&office.engine, APPROVERS);
    let an = vec![office.said(&cycle, "E1", 1, "", "").await.reference];
    let paid = Verdict::Paid;
    engine.fate_propose(&cycle, &an, paid, REASON, minh, &key(minh)).await.unwrap();
    ended(&office).await;
    let told = refused(engine.fate_confirm(&cycle, &an, hoa, &key(hoa)).await, "A120");
    assert!(told.contains("chitra unknown decide 2026-10"), "{told}");
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    engine.fate_propose(&cycle, &an, paid, REASON, MAKER, &key(MAKER)).await.unwrap();
    engine.fate_confirm(&cycle, &an, hoa, &key(hoa)).await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    office.ends_whole().await;
}
