//! What a bank says of a file as a whole: it decides the payments that nothing else decides, and where it is not
//! what is known of the others, nobody is paid a second time for it and it is told. Each story on both databases.

use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::fate::Verdict;

use crate::answer_files::status_of;
use crate::support::office::{APPROVERS, Fault, MAKER, TestOffice, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_rejection_of_the_whole_that_is_corrected_is_not_paid_again
    one_proof_holds_the_rest_of_a_rejected_file
    a_graver_reason_that_is_said_later_is_looked_at
    what_is_open_about_an_earlier_order_holds_the_later_one
    an_order_made_again_before_the_correction_does_not_leave
    a_rejection_of_the_whole_beside_proof_moves_nothing
    what_is_said_of_a_payment_by_itself_stands_against_a_word_about_the_whole
    several_that_are_reported_by_themselves_stand
    a_word_about_the_whole_is_not_about_what_the_same_answer_names
    a_refused_file_with_an_open_payment_is_not_refused
    a_correction_is_heard_when_the_word_decided_one_payment
    what_is_repeated_of_a_payment_by_itself_stands_too
    an_answer_that_says_both_moves_nothing
    a_correction_with_other_totals_holds_what_was_rejected
    what_was_carried_waits_for_the_first_month_s_file
    our_account_settled_for_a_rejected_file_is_a_contradiction
    what_is_said_of_nobody_knows_whom_stops_a_word_about_the_whole
    what_is_said_by_itself_after_a_decision_stands
    what_arrived_is_not_sent_again_though_nothing_of_it_is_believed
    what_aged_to_unknown_is_decided_by_a_word_about_the_whole
    what_two_officers_decided_gives_way_to_a_word_about_the_whole
}

const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CU: &str = "E3 | 001145000103 | Đỗ Văn Cư | 1945-07-09 | male | social_pension/monthly | monthly_pension=0 | bank 970436 0711000003";
const DAY: &str = "2026-09-20";

/// A month of two people in one file to a bank that has it.
async fn sent(office: &TestOffice) -> Cycle {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, CU]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-06");
    october
}

async fn file(office: &TestOffice, cycle: &Cycle) -> Batch {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.into_iter().find(|one| one.list.0 == 0).expect("the month has a file")
}

/// The bank's word about the file, and about single payments of it: enrolment, status.
async fn said(office: &TestOffice, cycle: &Cycle, whole: &str, of: &[(&str, &str)]) {
    let text = status(office, cycle, whole, of).await;
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
}

async fn status(office: &TestOffice, cycle: &Cycle, whole: &str, of: &[(&str, &str)]) -> String {
    let file = file(office, cycle).await;
    let mut payments = String::new();
    for (enrolment, status) in of {
        let order = office.instructions(cycle, enrolment).await.remove(0);
        let reference = office.engine.reference(&order);
        let (status, code) = status.split_once(' ').unwrap_or((status, "AC04"));
        let reason = match status {
            "RJCT" => format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"),
            _ => String::new(),
        };
        payments.push_str(&format!(
            "<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}</TxInfAndSts>"
        ));
    }
    status_of(&file, 2, "1000000", whole)
        .replace("<Cd>FF01</Cd>", "<Cd>TM01</Cd>")
        .replace("<MsgId>STATUS", &format!("<MsgId>{}", of.len()))
        .replace("</OrgnlPmtInfAndSts>", &format!("{payments}</OrgnlPmtInfAndSts>"))
}

/// What waits in the queue, without the sentence's end.
async fn queue(office: &TestOffice) -> Vec<String> {
    let open = office.engine.store.discrepancies().await.unwrap();
    open.into_iter().map(|(_, one)| format!("{}: {}", one.kind, one.detail)).collect()
}

#[track_caller]
fn each_has(queue: &[String], parts: &[&str]) {
    assert_eq!(queue.len(), parts.len(), "{queue:#?}");
    for (one, part) in queue.iter().zip(parts) {
        assert!(one.contains(part), "{one} has no `{part}`");
    }
}

async fn a_rejection_of_the_whole_that_is_corrected_is_not_paid_again(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    said(&office, &october, "ACCC", &[]).await;
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    let name = file(&office, &october).await.file_name;
    let told =
        format!("2 payments of {name}: proved paid after it was reported as not carried out");
    each_has(&queue(&office).await, &[&told]);
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none(), "{again:?}");
    office.ends_whole().await;
}

/// The bank rejects the file, and then says of one of its payments that it was paid: so may be the other, also when the
/// bank says that it is on its way.
async fn one_proof_holds_the_rest_of_a_rejected_file(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    said(&office, &october, "PART", &[("E2", "ACCC"), ("E3", "ACSP")]).await;
    each_has(
        &queue(&office).await,
        &["so may be 1 others of it", "proved paid after it was reported"],
    );
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none(), "{again:?}");
    // The bank has looked, and says of each what became of it.
    said(&office, &october, "PART", &[("E2", "ACCC"), ("E3", "RJCT TM01")]).await;
    let open = office.engine.store.discrepancies().await.unwrap();
    let of_file = open.iter().find(|(_, one)| one.file.is_some()).expect("it is about the file");
    let (engine, why) = (&office.engine, "the bank says of each what became of it");
    engine.discrepancy_resolve(of_file.0, why, MAKER, &key(MAKER)).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{again:?}");
    office.ends_whole().await;
}

/// First a passing trouble, and then that the payee has died.
async fn a_graver_reason_that_is_said_later_is_looked_at(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "PART", &[("E2", "RJCT TM01"), ("E3", "RJCT TM01")]).await;
    said(&office, &october, "PART", &[("E3", "RJCT MD07")]).await;
    each_has(&queue(&office).await, &["now because the payee must not be paid again"]);
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.ordered, again.waiting.len()), (1, 1), "{again:?}");
    office.released(&october, 1).await;
    said(&office, &october, "PART", &[("E2", "RJCT MD07")]).await;
    assert_eq!(office.discrepancies().await, ["contradiction"; 2]);
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told.iter().all(|one| one.state == BatchState::Released), "{told:?}");
    // Said again, either way, it is no news.
    said(&office, &october, "PART", &[("E3", "RJCT TM01"), ("E2", "RJCT MD07")]).await;
    assert_eq!(office.discrepancies().await, ["contradiction"; 2]);
    office.ends_whole().await;
}

/// The bank uses a word about the first order that nobody knows, when the second is ready to leave.
async fn what_is_open_about_an_earlier_order_holds_the_later_one(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "PART", &[("E2", "RJCT TM01")]).await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{again:?}");
    office.released(&october, 1).await;
    said(&office, &october, "PART", &[("E2", "XYZW")]).await;
    assert_eq!(office.discrepancies().await, ["status_unknown"]);
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told.iter().all(|one| one.state == BatchState::Released), "{told:?}");
    let open = office.engine.store.discrepancies().await.unwrap();
    let engine = &office.engine;
    let why = "the bank says that it was rejected";
    engine.discrepancy_resolve(open[0].0, why, MAKER, &key(MAKER)).await.unwrap();
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told.iter().all(|one| one.state == BatchState::Delivered), "{told:?}");
    office.ends_whole().await;
}

async fn an_order_made_again_before_the_correction_does_not_leave(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 2, "{again:?}");
    office.released(&october, 1).await;
    said(&office, &october, "ACCC", &[]).await;
    assert_eq!(office.discrepancies().await, ["settled_excess"; 2]);
    assert_eq!(office.receivables().await.len(), 2);
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told.iter().all(|one| one.state == BatchState::Released), "{told:?}");
    office.ends_whole().await;
}

async fn a_rejection_of_the_whole_beside_proof_moves_nothing(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "PART", &[("E2", "ACCC")]).await;
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    said(&office, &october, "RJCT", &[]).await;
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    each_has(&queue(&office).await, &["1 of its payments are proved paid; nothing was changed"]);
    assert_eq!(file(&office, &october).await.state, BatchState::Delivered);
    said(&office, &october, "ACCC", &[]).await;
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

async fn what_is_said_of_a_payment_by_itself_stands_against_a_word_about_the_whole(
    office: TestOffice,
) {
    let october = sent(&office).await;
    said(&office, &october, "PART", &[("E2", "RJCT")]).await;
    said(&office, &october, "ACCC", &[]).await;
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    each_has(&queue(&office).await, &["was reported by itself as not carried out, which stands"]);
    // It is not paid again while nobody knows which of the two holds.
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none(), "{again:?}");
    office.ends_whole().await;
}

/// Also when there are several, and each of them is told.
async fn several_that_are_reported_by_themselves_stand(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "PART", &[("E2", "RJCT"), ("E3", "RJCT")]).await;
    said(&office, &october, "ACCC", &[]).await;
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    assert_eq!(office.discrepancies().await, ["contradiction"; 2]);
    office.ends_whole().await;
}

async fn a_word_about_the_whole_is_not_about_what_the_same_answer_names(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "ACCC", &[("E2", "PDNG")]).await;
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    said(&office, &october, "ACCC", &[("E2", "RJCT")]).await;
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    // The bank says all of it once more.
    said(&office, &october, "ACCC", &[("E3", "ACCC"), ("E2", "RJCT")]).await;
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    assert!(office.discrepancies().await.is_empty(), "{:?}", queue(&office).await);
    office.ends_whole().await;
}

/// Nobody would wait for what stands open in a file that is refused, nor decide it.
async fn a_refused_file_with_an_open_payment_is_not_refused(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[("E2", "PDNG")]).await;
    office.check(&october, "entitled 2", "pending 1 = 500000, rejected 1 = 500000").await;
    assert_eq!(file(&office, &october).await.state, BatchState::Delivered);
    office.on_day("2026-12-20");
    office.engine.collect_all().await.unwrap();
    office.check(&october, "entitled 2", "unknown 1 = 500000, rejected 1 = 500000").await;
    said(&office, &october, "RJCT", &[]).await;
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    assert_eq!(file(&office, &october).await.state, BatchState::Refused);
    office.ends_whole().await;
}

async fn a_correction_is_heard_when_the_word_decided_one_payment(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[("E2", "RJCT")]).await;
    assert_eq!(file(&office, &october).await.state, BatchState::Refused);
    said(&office, &october, "ACCC", &[("E2", "RJCT")]).await;
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    each_has(&queue(&office).await, &["1 payments of"]);
    // What is paid of it shows that it was carried out.
    assert_eq!(file(&office, &october).await.state, BatchState::Delivered);
    office.ends_whole().await;
}

async fn what_is_repeated_of_a_payment_by_itself_stands_too(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    said(&office, &october, "PART", &[("E2", "RJCT")]).await;
    said(&office, &october, "ACCC", &[]).await;
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    office.ends_whole().await;
}

async fn an_answer_that_says_both_moves_nothing(office: TestOffice) {
    let october = sent(&office).await;
    let text = status(&office, &october, "RJCT", &[]).await;
    // A credit beside the reason of a rejection is a doubt of its own, and says no less that it was carried out.
    let doubted = text.replacen("<GrpSts>RJCT", "<GrpSts>ACCC", 1);
    office.answered("isobank", "xml", doubted.as_bytes()).await.unwrap();
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    let both = "that it was rejected and that it was carried out";
    each_has(&queue(&office).await, &["unclear: ", both]);
    let (before, after) = doubted.split_once("<StsRsnInf>").unwrap();
    let clear = format!("{before}{}", after.split_once("</StsRsnInf>").unwrap().1);
    office.answered("isobank", "xml", clear.as_bytes()).await.unwrap();
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    each_has(&queue(&office).await, &["unclear: ", both, both]);
    assert_eq!(file(&office, &october).await.state, BatchState::Delivered);
    office.ends_whole().await;
}

/// Whether it is about our file nobody knows before somebody has asked; meanwhile nothing of it is paid again.
async fn a_correction_with_other_totals_holds_what_was_rejected(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    office.released(&october, again.list.unwrap().number.0).await;
    let first = file(&office, &october).await;
    let other = status_of(&first, 2, "1000001", "ACCC");
    office.answered("isobank", "xml", other.as_bytes()).await.unwrap();
    let told = office.engine.dispatch(None).await.unwrap().remove(0);
    assert!(told.detail.contains("in which 2 of its payments were ordered before"), "{told:?}");
    let second = told.file_name.clone();
    let now = office.now(&october).await;
    office.engine.withdraw(&now, &second, MAKER, &key(MAKER)).await.unwrap();
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none(), "{again:?}");
    resolved(&office).await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 2, "{again:?}");
    office.ends_whole().await;
}

/// Also what was carried to another month.
async fn what_was_carried_waits_for_the_first_month_s_file(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    let first = file(&office, &october).await;
    office.closed(&october).await;
    office.month("2026-11", &[BINH, CU]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 2", "pending 2 = 2160000").await;
    office.released(&november, 0).await;
    let other = status_of(&first, 2, "1000001", "ACCC");
    office.answered("isobank", "xml", other.as_bytes()).await.unwrap();
    let told = office.engine.dispatch(None).await.unwrap().remove(0);
    assert!(told.detail.contains("in which 2 of its payments were ordered before"), "{told:?}");
    resolved(&office).await;
    let told = office.engine.dispatch(None).await.unwrap().remove(0);
    assert_eq!(told.state, BatchState::Delivered, "{told:?}");
    office.ends_whole().await;
}

async fn resolved(office: &TestOffice) {
    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        let (why, by) = ("of another office", key(MAKER));
        office.engine.discrepancy_resolve(number, why, MAKER, &by).await.unwrap();
    }
}

async fn our_account_settled_for_a_rejected_file_is_a_contradiction(office: TestOffice) {
    let october = sent(&office).await;
    said(&office, &october, "RJCT", &[]).await;
    said(&office, &october, "ACSC", &[]).await;
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    each_has(&queue(&office).await, &["that it was rejected and that it was carried out"]);
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert!(again.list.is_none(), "{again:?}");
    office.ends_whole().await;
}

/// Of whom the bank speaks without our reference nobody can tell.
async fn what_is_said_of_nobody_knows_whom_stops_a_word_about_the_whole(office: TestOffice) {
    let october = sent(&office).await;
    let order = office.instructions(&october, "E2").await.remove(0);
    let reference = office.engine.reference(&order).to_string();
    for (whole, one, told) in [
        ("RJCT", "ACCC", "payments without a reference of ours were carried out"),
        ("ACCC", "RJCT", "payments without a reference of ours were not carried out"),
    ] {
        let text = status(&office, &october, whole, &[("E2", one)]).await;
        let named = format!("<OrgnlEndToEndId>{reference}<");
        let nobody = text.replace(&named, "<OrgnlEndToEndId>NOTPROVIDED<");
        office.answered("isobank", "xml", nobody.as_bytes()).await.unwrap();
        office.check(&october, "entitled 2", "pending 2 = 1000000").await;
        let queue = queue(&office).await;
        assert!(queue.iter().any(|one| one.contains(told)), "{queue:?}");
    }
    office.ends_whole().await;
}

async fn what_arrived_is_not_sent_again_though_nothing_of_it_is_believed(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, CU]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(None).await.unwrap();
    office.next_fault(Some(Fault::CannotBeAsked));
    let text = status(&office, &october, "ACCC", &[("E2", "ACCC"), ("E3", "ACCC")]).await;
    let doubted = text.replace(
        "<TxSts>ACCC</TxSts>",
        "<TxSts>ACCC</TxSts><OrgnlTxRef><Amt><InstdAmt Ccy=\"VND\">7</InstdAmt></Amt></OrgnlTxRef>",
    );
    office.answered("isobank", "xml", doubted.as_bytes()).await.unwrap();
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(office.discrepancies().await, ["amount_differs"; 2]);
    assert_eq!(file(&office, &october).await.state, BatchState::Delivered);
    office.ends_whole().await;
}

async fn what_aged_to_unknown_is_decided_by_a_word_about_the_whole(office: TestOffice) {
    let october = sent(&office).await;
    office.on_day("2026-11-20");
    office.engine.collect_all().await.unwrap();
    office.check(&october, "entitled 2", "unknown 2 = 1000000").await;
    said(&office, &october, "RJCT", &[]).await;
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    assert!(office.discrepancies().await.is_empty(), "{:?}", queue(&office).await);
    office.ends_whole().await;
}

/// Two officers decide that neither was paid.
async fn decided_not_paid(office: &TestOffice, october: &Cycle) {
    office.on_day("2026-11-20");
    office.engine.collect_all().await.unwrap();
    let mut named = Vec::new();
    for enrolment in ["E2", "E3"] {
        let order = office.instructions(october, enrolment).await.remove(0);
        named.push(office.engine.reference(&order).to_string());
    }
    let now = office.now(october).await;
    let (engine, by, not_paid) = (&office.engine, APPROVERS[0], Verdict::NotPaid);
    engine.fate_propose(&now, &named, not_paid, "they say so", MAKER, &key(MAKER)).await.unwrap();
    engine.fate_confirm(&now, &named, by, &key(by)).await.unwrap();
}

async fn what_is_said_by_itself_after_a_decision_stands(office: TestOffice) {
    let october = sent(&office).await;
    decided_not_paid(&office, &october).await;
    said(&office, &october, "PART", &[("E2", "RJCT")]).await;
    said(&office, &october, "ACCC", &[]).await;
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    office.ends_whole().await;
}

async fn what_two_officers_decided_gives_way_to_a_word_about_the_whole(office: TestOffice) {
    let october = sent(&office).await;
    decided_not_paid(&office, &october).await;
    let engine = &office.engine;
    let again = engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!(again.ordered, 2, "{again:?}");
    office.released(&october, 1).await;
    said(&office, &october, "ACCC", &[]).await;
    assert_eq!(office.discrepancies().await, ["settled_excess"; 2]);
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(told.iter().all(|one| one.state == BatchState::Released), "{told:?}");
    office.ends_whole().await;
}
