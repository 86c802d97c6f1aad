//! Payments of which no answer tells the fate: two officers decide, and nothing else moves them.
//! Each told on both databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::cycle::{Cycle, CycleState};
use chitra::domain::fate::Verdict;
use chitra::pipeline::account::Part;

use crate::answer_files::status_of;
use crate::support::office::{
    APPROVERS, Fault, MAKER, Said, TestOffice, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    two_officers_decide_what_no_answer_tells
    a_decision_in_a_closed_cycle_clears_its_suspense
    a_file_of_unknown_fate_is_decided_as_a_whole
    what_was_proposed_of_a_file_is_void_once_it_is_sent
    what_is_decided_not_paid_leaves_the_proved_payment_standing
    what_its_partner_takes_back_is_decided_not_paid
    what_is_taken_back_of_a_whole_file_is_decided_not_paid
    silence_is_counted_from_the_value_date
    what_is_said_to_be_in_process_is_waited_for_anew
    what_was_proposed_of_a_file_is_void_once_its_partner_speaks
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const CU: &str = "E1 | 001145000103 | Đỗ Văn Cư | 1945-07-09 | male | social_pension/monthly | monthly_pension=0 | ewallet momo 0901234567";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000002";

/// A month that was sent, and of which nobody has heard for longer than the bank takes.
async fn silent(office: &TestOffice) -> Cycle {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-20");
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    office.now(&cycle).await
}

async fn propose(office: &TestOffice, cycle: &Cycle, named: &[String], verdict: Verdict) {
    let reason = "the bank's letter of 19 October";
    let engine = &office.engine;
    engine.fate_propose(cycle, named, verdict, reason, MAKER, &key(MAKER)).await.unwrap();
}

async fn reference(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> Vec<String> {
    vec![office.said(cycle, enrolment, 1, "", "").await.reference]
}

async fn two_officers_decide_what_no_answer_tells(office: TestOffice) {
    let cycle = silent(&office).await;
    let engine = &office.engine;
    let (an, binh) =
        (reference(&office, &cycle, "E1").await, reference(&office, &cycle, "E2").await);
    let second = APPROVERS[0];

    // One officer alone changes nothing, and what is not unknown is not decided.
    refused(engine.fate_confirm(&cycle, &an, second, &key(second)).await, "L113");
    let stranger = vec!["nothing".to_owned()];
    let paid = Verdict::Paid;
    let by = key(MAKER);
    refused(engine.fate_propose(&cycle, &stranger, paid, "seen", MAKER, &by).await, "L110");
    refused(engine.fate_propose(&cycle, &an, paid, " ", MAKER, &by).await, "L115");
    let before = office.snapshot().await;
    propose(&office, &cycle, &an, Verdict::NotPaid).await;
    propose(&office, &cycle, &an, paid).await;
    propose(&office, &cycle, &binh, Verdict::NotPaid).await;
    assert_eq!(office.snapshot().await, before);
    assert!(engine.reissue(&cycle).await.unwrap().list.is_none());

    // The second is another person with another role; also the database says so.
    refused(engine.fate_confirm(&cycle, &an, MAKER, &by).await, "A111");
    let approver = key(second);
    engine.fate_propose(&cycle, &an, paid, "seen", second, &approver).await.unwrap();
    refused(engine.fate_confirm(&cycle, &an, second, &approver).await, "L114");
    assert_eq!(office.snapshot().await, before);

    let third = APPROVERS[1];
    let both: Vec<String> = an.iter().chain(&binh).cloned().collect();
    let done = engine.fate_confirm(&cycle, &both, third, &key(third)).await.unwrap();
    assert_eq!((done.paid, done.not_paid, done.total_minor), (1, 1, 1_000_000));
    office.check(&cycle, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    refused(engine.fate_confirm(&cycle, &both, third, &key(third)).await, "L111");
    assert!(engine.unknowns(&cycle).await.unwrap().is_empty());

    // What was decided not paid may be ordered again, and only now. Then the first turns out paid.
    let again = engine.reissue(&cycle).await.unwrap();
    assert_eq!((again.ordered, again.ordered_minor), (1, 500_000));
    let late = office.said(&cycle, "E2", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    assert_eq!(office.attempts(&cycle, "E2").await, "1 settled_excess, 2 in_batch");
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    // And an answer proves better what was decided paid.
    let proof = office.said(&cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[proof]).await.unwrap();
    let of_an = office.instructions(&cycle, "E1").await;
    assert_eq!(
        of_an[0].evidence.grade.map(|grade| grade.to_string()).as_deref(),
        Some("provider_result")
    );
    refused(engine.fate_propose(&cycle, &an, Verdict::NotPaid, "seen", MAKER, &by).await, "L111");
    office.ends_whole().await;
}

async fn a_decision_in_a_closed_cycle_clears_its_suspense(office: TestOffice) {
    let cycle = silent(&office).await;
    let closed = office.closed(&cycle).await;
    assert_eq!(closed.state, CycleState::Closed);
    assert_eq!(office.engine.store.suspense(cycle.number).await.unwrap(), (2, 1_000_000));
    let an = reference(&office, &closed, "E1").await;
    let second = APPROVERS[0];
    propose(&office, &closed, &an, Verdict::Paid).await;
    office.engine.fate_confirm(&closed, &an, second, &key(second)).await.unwrap();
    office.check(&closed, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    assert_eq!(office.engine.store.suspense(cycle.number).await.unwrap(), (1, 500_000));

    // What two decided, two take back while nothing else has proved it.
    propose(&office, &closed, &an, Verdict::NotPaid).await;
    office.engine.fate_confirm(&closed, &an, second, &key(second)).await.unwrap();
    office.check(&closed, "entitled 2", "unknown 1 = 500000, rejected 1 = 500000").await;
    office.ends_whole().await;
}

async fn what_was_proposed_of_a_file_is_void_once_it_is_sent(mut office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    office.next_fault(Some(Fault::DiesBeforeSending));
    office.engine.dispatch(Some(cycle.number)).await.unwrap_err();
    office.next_fault(Some(Fault::CannotBeAsked));
    office.reopen().await;
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    let cycle = office.now(&cycle).await;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name;
    let file = vec![file];
    propose(&office, &cycle, &file, Verdict::NotPaid).await;
    office.next_fault(None);
    let sent = office.engine.dispatch(Some(cycle.number)).await.unwrap();
    assert_eq!(sent[0].detail, "delivered and read back");
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    // Nobody answers, and what was proposed before it was sent is confirmed by nobody.
    office.on_day("2026-12-31");
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let (now, second) = (office.now(&cycle).await, APPROVERS[0]);
    let an = reference(&office, &now, "E1").await;
    let engine = &office.engine;
    refused(engine.fate_confirm(&now, &an, second, &key(second)).await, "L113");
    refused(engine.fate_confirm(&now, &file, second, &key(second)).await, "L113");
    office.ends_whole().await;
}

async fn a_file_of_unknown_fate_is_decided_as_a_whole(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    let sent = office.engine.dispatch(Some(cycle.number)).await.unwrap();
    let cycle = office.now(&cycle).await;
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let an = reference(&office, &cycle, "E1").await;
    let by = key(MAKER);
    let engine = &office.engine;
    refused(engine.fate_propose(&cycle, &an, Verdict::NotPaid, "seen", MAKER, &by).await, "L112");

    let file = vec![sent[0].file_name.clone()];
    propose(&office, &cycle, &file, Verdict::NotPaid).await;
    let second = APPROVERS[0];
    let done = engine.fate_confirm(&cycle, &file, second, &key(second)).await.unwrap();
    assert_eq!(done.count(), 2);
    office.check(&cycle, "entitled 2", "rejected 2 = 1000000").await;
    // It is never sent again, whatever the partner says of it.
    office.next_fault(None);
    assert!(engine.dispatch(Some(cycle.number)).await.unwrap().is_empty());
    assert_eq!(office.times_sent(&file[0]), 1);
    office.ends_whole().await;
}

/// A bank says that a file was credited as a whole, and then that it was rejected: two officers decide, and what was
/// proposed is void once the bank speaks again or the queue is settled.
async fn what_is_taken_back_of_a_whole_file_is_decided_not_paid(office: TestOffice) {
    office.on_day("2026-09-20");
    office
        .month("2026-10", &[&AN.replace("970405", "970436"), &BINH.replace("970405", "970436")])
        .await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-05");
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    let file = batches.into_iter().find(|one| one.provider == "isobank").unwrap();
    let (maker, by) = (MAKER, APPROVERS[0]);
    let mut said = 0;
    let mut says = async |word: &str| {
        said += 1;
        let text =
            status_of(&file, 2, "1000000", word).replace("09:00:00", &format!("09:00:0{said}"));
        office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    };
    says("ACCC").await;
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    let now = office.now(&cycle).await;
    let named = reference(&office, &cycle, "E1").await;
    let propose = async || {
        let reason = "the bank's letter of 5 October";
        office.engine.fate_propose(&now, &named, Verdict::NotPaid, reason, maker, &key(maker)).await
    };
    let confirm = async || office.engine.fate_confirm(&now, &named, by, &key(by)).await;
    refused(propose().await, "L111");
    says("RJCT").await;
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    propose().await.unwrap();
    says("ACCC").await;
    refused(confirm().await, "L113");
    propose().await.unwrap();
    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        office.engine.discrepancy_resolve(number, "asked", maker, &key(maker)).await.unwrap();
    }
    assert!(office.engine.unknowns(&now).await.unwrap().is_empty());
    refused(confirm().await, "L111");
    says("RJCT").await;
    propose().await.unwrap();
    assert_eq!(confirm().await.unwrap().not_paid, 1);
    office.check(&cycle, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    office.ends_whole().await;
}

/// A wallet takes its own word back: two officers decide, and the next list pays once two have looked.
async fn what_its_partner_takes_back_is_decided_not_paid(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[CU]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let paid = office.said(&cycle, "E1", 1, "SUCCESS", "").await;
    let named = vec![paid.reference.clone()];
    office.wallet(std::slice::from_ref(&paid)).await.unwrap();
    let now = office.now(&cycle).await;
    let (maker, by) = (MAKER, APPROVERS[0]);
    let not_paid = async |named: &[String]| {
        let reason = "MoMo writes that its first word was a mistake";
        office.engine.fate_propose(&now, named, Verdict::NotPaid, reason, maker, &key(maker)).await
    };
    // Nobody contradicts it yet.
    refused(not_paid(&named).await, "L111");
    let failed = office.said(&cycle, "E1", 1, "FAILED", "WALLET_NOT_FOUND").await;
    office.wallet(std::slice::from_ref(&failed)).await.unwrap();
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    office.check(&cycle, "entitled 1", "paid 1 = 500000").await;
    let paid_after_all = Verdict::Paid;
    let reason = "it is paid";
    let said =
        office.engine.fate_propose(&now, &named, paid_after_all, reason, maker, &key(maker)).await;
    refused(said, "L111");
    // A proposal is void once the wallet says anything of it, or the queue is settled.
    assert_eq!(not_paid(&named).await.unwrap().not_paid, 1);
    let listed = office.engine.unknowns(&now).await.unwrap();
    assert_eq!(listed[0].proposed.as_ref().map(|one| one.verdict), Some(Verdict::NotPaid));
    let mut again = paid.clone();
    again.transaction.clear();
    office.wallet(&[again]).await.unwrap();
    refused(office.engine.fate_confirm(&now, &named, by, &key(by)).await, "L113");
    assert_eq!(not_paid(&named).await.unwrap().not_paid, 1);
    let open = office.engine.store.discrepancies().await.unwrap()[0].0;
    office.engine.discrepancy_resolve(open, "asked MoMo", maker, &key(maker)).await.unwrap();
    assert!(office.engine.unknowns(&now).await.unwrap().is_empty());
    refused(office.engine.fate_confirm(&now, &named, by, &key(by)).await, "L111");
    let mut failed = failed.clone();
    failed.transaction = "FT-2".to_owned();
    office.wallet(&[failed]).await.unwrap();
    assert_eq!(not_paid(&named).await.unwrap().not_paid, 1);
    office.engine.fate_confirm(&now, &named, by, &key(by)).await.unwrap();
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected");
    office.check(&cycle, "entitled 1", "rejected 1 = 500000").await;
    // More was told of it than is booked: the next list has it, held until two officers have looked.
    let open = office.engine.store.discrepancies().await.unwrap()[0].0;
    office.engine.discrepancy_resolve(open, "decided by two", maker, &key(maker)).await.unwrap();
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!((again.list, again.ordered), (None, 0), "{:?}", again.waiting);
    office.closed(&office.now(&cycle).await).await;
    office.on_day("2026-10-20");
    office.month("2026-11", &[CU]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 1", "held 1 = 500000, pending 1 = 580000").await;
    let (_, held) = office.engine.holds(&november, Some("H153"), 9).await.unwrap();
    assert_eq!(held.len(), 1);
    office.ends_whole().await;
}

/// The first order is proved paid beside the second, of which nobody hears: two officers decide that the
/// second was not paid, and the first is the payment.
async fn what_is_decided_not_paid_leaves_the_proved_payment_standing(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let no = office.said(&cycle, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    office.sent(&cycle, 1).await;
    let late = office.said(&cycle, "E1", 1, "Thành công", "").await;
    office.sheet(&[late]).await.unwrap();
    office.on_day("2026-10-25");
    office.engine.collect_all().await.unwrap();
    assert_eq!(office.attempts(&cycle, "E1").await, "1 settled_excess, 2 unknown");

    let now = office.now(&cycle).await;
    let second = vec![office.said(&cycle, "E1", 2, "", "").await.reference];
    propose(&office, &now, &second, Verdict::NotPaid).await;
    let by = APPROVERS[0];
    office.engine.fate_confirm(&now, &second, by, &key(by)).await.unwrap();
    assert_eq!(office.attempts(&cycle, "E1").await, "1 settled, 2 rejected");
    assert_eq!(office.receivables().await, Vec::<String>::new());
    office.check(&cycle, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

/// A file that was sent two weeks ahead is not overdue before anybody could be paid.
async fn silence_is_counted_from_the_value_date(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    assert_eq!(cycle.value_date.to_string(), "2026-10-03");
    let days = office.engine.config.provider("sheetbank").unwrap().on(cycle.value_date).answer_days;
    for (after, told) in [(days, "pending"), (days + 1, "unknown")] {
        let day = cycle.value_date.checked_add(jiff::Span::new().days(after)).unwrap();
        office.on_day(&day.to_string());
        office.engine.collect_all().await.unwrap();
        office.check(&cycle, "entitled 2", &format!("{told} 2 = 1000000")).await;
    }
    office.ends_whole().await;
}

/// A partner that says *in process* has answered: its days begin anew, up to as many more, and what was proposed
/// before its word is void.
async fn what_is_said_to_be_in_process_is_waited_for_anew(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    assert_eq!(cycle.value_date.to_string(), "2026-10-03");
    let terms = office.engine.config.provider("sheetbank").unwrap().on(cycle.value_date);
    assert_eq!(terms.answer_days, 12);
    let says = async |day: &str| {
        office.on_day(day);
        let word = office.said(&cycle, "E1", 1, "Đang xử lý", "").await;
        office.sheet(&[Said { on: day.to_owned(), ..word }]).await.unwrap();
        office.engine.collect_all().await.unwrap();
    };
    let collected_on = async |day: &str| {
        office.on_day(day);
        office.engine.collect_all().await.unwrap();
    };
    let (one_is, both_are) = ("pending 1 = 500000, unknown 1 = 500000", "unknown 2 = 1000000");
    let second = APPROVERS[0];
    collected_on("2026-10-16").await;
    office.check(&cycle, "entitled 2", both_are).await;
    let (now, an) = (office.now(&cycle).await, reference(&office, &cycle, "E1").await);
    propose(&office, &now, &an, Verdict::NotPaid).await;
    says("2026-10-17").await;
    office.check(&cycle, "entitled 2", one_is).await;
    assert_eq!(office.engine.figures(&now).await.unwrap().overdue, Part::default());
    // The day of the last word counts, and what is heard twice on a day is heard once.
    let told = office.instructions(&cycle, "E1").await.remove(0).evidence.answer;
    let mut again = office.said(&cycle, "E1", 1, "Đang xử lý", "").await;
    again.on = "2026-10-16".to_owned();
    office.sheet(&[again]).await.unwrap();
    assert_eq!(office.instructions(&cycle, "E1").await.remove(0).evidence.answer, told);
    collected_on("2026-10-27").await;
    office.check(&cycle, "entitled 2", one_is).await;

    // Twice the days are over: it is unknown, whatever is said, and no more than unknown.
    for day in ["2026-10-28", "2026-10-29"] {
        says(day).await;
        office.check(&cycle, "entitled 2", both_are).await;
    }
    let known = office.instructions(&cycle, "E1").await.remove(0);
    assert!(known.is_said_to_be_in_process(), "{:?}", known.evidence);
    refused(office.engine.fate_confirm(&now, &an, second, &key(second)).await, "L113");
    let closed = office.closed(&cycle).await;
    assert_eq!(closed.state, CycleState::Closed);
    office.ends_whole().await;
}

/// Nobody knows whether a file has left, and *not paid* is proposed of all of it. Then its partner speaks of one payment.
async fn what_was_proposed_of_a_file_is_void_once_its_partner_speaks(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(Some(cycle.number)).await.unwrap();
    let cycle = office.now(&cycle).await;
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let file = vec![office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name];
    propose(&office, &cycle, &file, Verdict::NotPaid).await;
    let word = office.said(&cycle, "E1", 1, "Đang xử lý", "").await;
    office.sheet(&[word]).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    office.on_day("2026-12-31");
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let (now, second) = (office.now(&cycle).await, APPROVERS[0]);
    for enrolment in ["E1", "E2"] {
        let named = reference(&office, &now, enrolment).await;
        refused(office.engine.fate_confirm(&now, &named, second, &key(second)).await, "L113");
    }
    office.ends_whole().await;
}
