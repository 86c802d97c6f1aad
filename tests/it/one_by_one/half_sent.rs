//! Files that leave payment by payment, of which the operator took some: what becomes of the others.

use chitra::channels::sandbox::operator::{Operator, Twist};
use chitra::domain::answer::DiscrepancyKind;
use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::Cycle;
use chitra::domain::fate::Verdict;
use chitra::domain::payable::PayableState;
use chitra::engine::recall::{Asking, Whom};

use super::{ASKED, agreed, dispatched, released, rules};
use crate::answer_files::{answers_in, status_of};
use crate::support::office::{
    APPROVERS, MAKER, TestOffice, archived_file, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_is_asked_back_of_a_half_sent_file_holds_nobody_else
    what_turns_out_to_be_paid_stays_of_a_half_sent_file
    what_turns_out_to_be_paid_does_not_go_again
    answers_are_taken_in_beside_a_half_sent_file_that_is_damaged
    an_answer_about_what_never_left_of_a_half_sent_file_is_a_contradiction
    an_answer_about_a_half_sent_file_as_a_whole_is_a_contradiction
    the_rest_of_a_file_that_stands_still_is_taken_back
}

/// One request a second, and whatever is refused stops the rest.
const SLOW: &str = "expected_rate = \"0.02\"\nbreaker_count_min = 1\nquota_per_second = 1";
const QUICK: &str = "quota_per_second = 50";

/// The operator refuses the first payment that leaves, so that the others wait.
async fn half_sent(office: &mut TestOffice, operator: &Operator, cycle: &Cycle) {
    agreed(office, SLOW).await;
    operator.script(&[Twist::Reject]);
    let told = dispatched(office, cycle).await;
    assert!(told.starts_with("sending: 1 requests sent, the rest waits: halted"), "{told}");
}

async fn last_file(office: &TestOffice, cycle: &Cycle) -> Batch {
    office.engine.store.batches(cycle.number).await.unwrap().pop().unwrap()
}

async fn every_halt_lifted(office: &TestOffice) {
    for halt in office.engine.store.halts().await.unwrap() {
        for officer in APPROVERS {
            office.engine.halt_lift(halt.number, officer, &key(officer)).await.unwrap();
        }
    }
}

/// Whose payments wait.
async fn waiting(office: &TestOffice, cycle: &Cycle) -> Vec<&'static str> {
    let mut waiting = Vec::new();
    for enrolment in ["E1", "E2", "E3"] {
        if office.payable(cycle, enrolment).await.state == PayableState::Pending {
            waiting.push(enrolment);
        }
    }
    waiting
}

/// The operator calls about the first attempt of each.
async fn calls_paid(office: &TestOffice, cycle: &Cycle, enrolments: &[&str]) {
    for enrolment in enrolments {
        let reference = office.said(cycle, enrolment, 1, "", "").await.reference;
        let said = serde_json::json!({
            "requestingOrganisationTransactionReference": reference, "transactionStatus": "completed",
            "transactionReference": format!("MM-{reference}"), "amount": "540000", "currency": "VND",
        });
        calls(office, &said.to_string());
    }
    let taken = office.engine.collect_all().await.unwrap();
    assert_eq!(taken.len(), enrolments.len());
}

fn calls(office: &TestOffice, body: &str) {
    let callbacks = office.dir.join("callbacks/operator");
    std::fs::create_dir_all(&callbacks).unwrap();
    let at = std::fs::read_dir(&callbacks).unwrap().count();
    std::fs::write(callbacks.join(format!("{at}.answer")), body).unwrap();
}

async fn what_is_asked_back_of_a_half_sent_file_holds_nobody_else(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    agreed(&mut office, SLOW).await;
    operator.script(&[Twist::Pay, Twist::Reject]);
    let told = dispatched(&office, &cycle).await;
    assert!(told.starts_with("sending: 2 requests sent, the rest waits: halted: 1 of 2"), "{told}");
    let cycle = office.now(&cycle).await;
    for enrolment in ["E1", "E2", "E3"] {
        let whom = Whom::Person(office.person(enrolment).await);
        let asking = Asking { code: "DUPL", reason: "ordered twice", by_letter: true };
        let asked = office.engine.recall_propose(&cycle, whom, asking, MAKER, &key(MAKER)).await;
        match office.payable(&cycle, enrolment).await.state {
            PayableState::Paid => assert_eq!(asked.unwrap().count, 1),
            PayableState::Pending => {
                let told = refused(asked, "D171");
                assert!(told.contains("leaving payment by payment"), "{told}");
            }
            _ => {
                refused(asked, "D171");
            }
        }
    }
    for officer in APPROVERS {
        office.engine.halt_lift(1, officer, &key(officer)).await.unwrap();
    }
    agreed(&mut office, QUICK).await;
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 1 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    office.ends_whole().await;
}

/// A month of which nothing was heard of the first orders, and two decided that they were not paid: they are ordered
/// again.
async fn ordered_again(office: &mut TestOffice, operator: &Operator, terms: &str) -> Cycle {
    let cycle = released(office, operator, terms).await;
    operator.script(&[Twist::LoseAnswerBeforeBooking; 3]);
    dispatched(office, &cycle).await;
    let now = office.now(&cycle).await;
    let unknown = office.engine.unknowns(&now).await.unwrap();
    let named: Vec<String> = unknown.iter().map(|one| one.reference.to_string()).collect();
    decided_not_paid(office, &now, &named).await;
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 3, "{:?}", again.waiting);
    office.released(&cycle, again.list.unwrap().number.0).await;
    cycle
}

async fn decided_not_paid(office: &TestOffice, now: &Cycle, named: &[String]) {
    let (engine, second, no) = (&office.engine, APPROVERS[0], Verdict::NotPaid);
    engine.fate_propose(now, named, no, "its books", MAKER, &key(MAKER)).await.unwrap();
    engine.fate_confirm(now, named, second, &key(second)).await.unwrap();
}

/// Half of the second orders have left when the operator says of the others that the first paid them.
async fn what_turns_out_to_be_paid_stays_of_a_half_sent_file(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = ordered_again(&mut office, &operator, ASKED).await;
    half_sent(&mut office, &operator, &cycle).await;
    let posted = operator.posted().len();
    let waits = waiting(&office, &cycle).await;
    calls_paid(&office, &cycle, &waits).await;
    every_halt_lifted(&office).await;
    agreed(&mut office, QUICK).await;
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("2 of its payments do not leave"), "{told}");
    assert_eq!(operator.posted().len(), posted);
    let (now, file) = (office.now(&cycle).await, last_file(&office, &cycle).await.file_name);
    office.engine.withdraw(&now, &file, MAKER, &key(MAKER)).await.unwrap();
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    office.ends_whole().await;
}

/// The second orders are lost as well, and the partner has agreed that what it does not know was never received. They
/// would go again, had the first not turned out to have paid one of them.
async fn what_turns_out_to_be_paid_does_not_go_again(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = ordered_again(&mut office, &operator, ASKED).await;
    operator.script(&[Twist::LoseAnswerBeforeBooking; 3]);
    dispatched(&office, &cycle).await;
    office.check(&cycle, "entitled 3", "unknown 3 = 1620000").await;
    calls_paid(&office, &cycle, &["E2"]).await;
    every_halt_lifted(&office).await;
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let proof = format!("{ASKED}\nnot_found_is_proof = true");
    std::fs::write(&path, text.replace(ASKED, &proof)).unwrap();
    office.reopen().await;
    let posted = operator.posted().len();
    let told = dispatched(&office, &cycle).await;
    assert!(told.starts_with("delivered: 2 requests sent"), "{told}");
    assert!(told.contains("1 unknown ones do not go again"), "{told}");
    assert_eq!(operator.posted().len(), posted + 2);
    // Its fate is for two officers; then the first order is the payment.
    let now = office.now(&cycle).await;
    let left: Vec<_> = office.engine.unknowns(&now).await.unwrap();
    let named: Vec<String> = left.iter().map(|one| one.reference.to_string()).collect();
    assert_eq!(named.len(), 1);
    decided_not_paid(&office, &now, &named).await;
    assert_eq!(office.attempts(&cycle, "E2").await, "1 settled, 2 rejected");
    office.check(&cycle, "entitled 3", "paid 3 = 1620000").await;
    office.ends_whole().await;
}

/// Nobody can tell then which payments have left; what partners say is taken in all the same.
async fn answers_are_taken_in_beside_a_half_sent_file_that_is_damaged(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    half_sent(&mut office, &operator, &cycle).await;
    let file = last_file(&office, &cycle).await;
    let path = archived_file(&office.dir.join("archive"), file.sha256.as_ref().unwrap());
    let kept = std::fs::read(&path).unwrap();
    std::fs::write(&path, "damaged").unwrap();
    let waits = waiting(&office, &cycle).await;
    calls_paid(&office, &cycle, &waits[..1]).await;
    std::fs::write(&path, kept).unwrap();
    assert!(office.discrepancies().await.is_empty());
    let expected = "unknown 1 = 540000, paid 1 = 540000, rejected 1 = 540000";
    office.check(&cycle, "entitled 3", expected).await;
    office.ends_whole().await;
}

/// Nobody but us has what waits: who says that it is paid has it from elsewhere.
async fn an_answer_about_what_never_left_of_a_half_sent_file_is_a_contradiction(
    mut office: TestOffice,
) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    half_sent(&mut office, &operator, &cycle).await;
    every_halt_lifted(&office).await;
    let engine = &office.engine;
    let cause = "its help desk does not answer";
    let put = engine.halt_put("provider:operator", cause, MAKER, &key(MAKER)).await.unwrap();
    let (first, second) = (APPROVERS[0], APPROVERS[1]);
    assert!(!engine.halt_lift(put.number, first, &key(first)).await.unwrap());
    let waits = waiting(&office, &cycle).await;
    calls_paid(&office, &cycle, &waits[..1]).await;
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    // Who agreed to lift the halt did not know of this.
    let halt = engine.store.halts().await.unwrap().remove(0);
    assert!(halt.causes().contains("not left, of a file of which others have"), "{halt:?}");
    assert_eq!((halt.number, halt.first_lift_by.as_deref()), (put.number, None));
    assert!(!engine.halt_lift(put.number, second, &key(second)).await.unwrap());
    assert!(engine.halt_lift(put.number, first, &key(first)).await.unwrap());
    office.check(&cycle, "entitled 3", "unknown 2 = 1080000, rejected 1 = 540000").await;

    agreed(&mut office, QUICK).await;
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("1 requests sent, the rest waits: 1 of its payments do not"), "{told}");
    assert_eq!(waiting(&office, &cycle).await, waits[..1]);
    let (found, _) = office.engine.store.discrepancies().await.unwrap().pop().unwrap();
    let asked = "the operator mixed it up with another office's";
    office.engine.discrepancy_resolve(found, asked, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 1 requests sent, 0 asked about");
    office.check(&cycle, "entitled 3", "paid 2 = 1080000, rejected 1 = 540000").await;
    office.ends_whole().await;
}

async fn an_answer_about_a_half_sent_file_as_a_whole_is_a_contradiction(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    half_sent(&mut office, &operator, &cycle).await;
    every_halt_lifted(&office).await;
    answers_in(&mut office.engine, "operator", &["iso20022-pain002"]);
    let file = last_file(&office, &cycle).await;
    for status in ["ACTC", "RJCT"] {
        calls(&office, &status_of(&file, 3, "1620000", status));
        office.engine.collect_all().await.unwrap();
        let halts = office.engine.store.halts().await.unwrap();
        assert_eq!(halts.len(), 1, "{status}");
        assert_eq!(last_file(&office, &cycle).await.state, BatchState::Sending, "{status}");
        every_halt_lifted(&office).await;
    }
    // While that is open nothing of it leaves, and nothing is taken back.
    let posted = operator.posted().len();
    agreed(&mut office, QUICK).await;
    let told = dispatched(&office, &cycle).await;
    assert!(told.contains("2 of its payments do not leave"), "{told}");
    assert_eq!(operator.posted().len(), posted);
    let now = office.now(&cycle).await;
    let engine = &office.engine;
    refused(engine.withdraw(&now, &file.file_name, MAKER, &key(MAKER)).await, "D123");
    office.check(&cycle, "entitled 3", "unknown 2 = 1080000, rejected 1 = 540000").await;
    let open = engine.store.discrepancies().await.unwrap();
    assert!(open.len() >= 2, "{open:?}");
    for (number, found) in open {
        assert_eq!(found.kind, DiscrepancyKind::Contradiction);
        let reason = "it was about another office's file";
        engine.discrepancy_resolve(number, reason, MAKER, &key(MAKER)).await.unwrap();
    }
    assert_eq!(dispatched(&office, &cycle).await, "delivered: 2 requests sent, 0 asked about");
    office.ends_whole().await;
}

async fn the_rest_of_a_file_that_stands_still_is_taken_back(mut office: TestOffice) {
    let operator = Operator::start(rules()).await.unwrap();
    let cycle = released(&mut office, &operator, ASKED).await;
    half_sent(&mut office, &operator, &cycle).await;
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    let file = batches[0].file_name.clone();
    let cycle = office.now(&cycle).await;
    // Who is to be stopped is found by the reference of the payment, and told how what has not left is taken back.
    let waits = waiting(&office, &cycle).await;
    let reference = office.said(&cycle, waits[0], 1, "", "").await.reference;
    let engine = &office.engine;
    let person = engine.person_find(&reference, &cycle).await.unwrap();
    assert_eq!(person, office.person(waits[0]).await);
    let stop = engine.stop_propose(&cycle, person, "reported dead", MAKER, &key(MAKER)).await;
    let told = refused(stop, "D161");
    assert!(
        told.contains(&format!("1 payments of this person in 2026-10 have not left of {file}")),
        "{told}"
    );
    let taken = engine.withdraw(&cycle, &file, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!((taken.count, taken.total_minor, taken.left), (2, 1_080_000, 1));
    office.check(&cycle, "entitled 3", "rejected 3 = 1620000").await;
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    assert_eq!(batches[0].state, BatchState::Delivered);
    refused(office.engine.withdraw(&cycle, &file, MAKER, &key(MAKER)).await, "D125");
    for officer in APPROVERS {
        office.engine.halt_lift(1, officer, &key(officer)).await.unwrap();
    }
    dispatched(&office, &cycle).await;
    assert_eq!(operator.posted().len(), 1, "what was taken back does not leave");
    // What was taken back is ordered again the same way, and what the operator refused is paid in cash.
    assert_eq!(office.engine.reissue(&cycle).await.unwrap().ordered, 3);
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    let again: Vec<_> = batches[1..].iter().map(|one| (one.provider.as_str(), one.count)).collect();
    assert_eq!(again, [("operator", 2), ("paypoint", 1)]);
    office.ends_whole().await;
}
