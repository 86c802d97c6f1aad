//! A debit of our account proves that the bank took the money, and by itself no more: what makes the
//! payment *paid* is the payee's side, or what was agreed with the partner.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::office;

use crate::leaving::agreed;
use crate::support::office::{MAKER, TestOffice, key, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_debit_alone_leaves_a_payment_in_flight
    what_a_debit_proves_is_a_dated_term
    what_nothing_returned_is_paid_after_the_agreed_days
    what_came_back_in_a_way_that_cannot_be_booked_is_not_paid_by_days
    unknown_ends_by_a_debit_and_the_agreed_days_and_not_by_days
    a_debit_of_what_was_not_carried_out_is_for_a_person
    a_partner_that_is_not_heard_may_have_returned_it
    a_debit_that_undoes_a_credit_is_for_a_person
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970436 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";

/// Both are ordered of the bank on 18 September.
async fn sent(office: &TestOffice) -> Cycle {
    office.on_day("2026-09-18");
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    october
}

/// An entry of our account about one payment: `DBIT`, or `CRDT` with the reason of a return; `undone DBIT` undoes a
/// credit.
async fn booked(office: &TestOffice, cycle: &Cycle, enrolment: &str, entry: &str, on: &str) {
    booked_of(office, cycle, enrolment, entry, on, 500_000).await;
}

async fn booked_of(
    office: &TestOffice,
    cycle: &Cycle,
    enrolment: &str,
    entry: &str,
    on: &str,
    minor: i64,
) {
    let reference = office.said(cycle, enrolment, 1, "", "").await.reference;
    let reason = match entry {
        "CRDT" => "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>",
        _ => "",
    };
    let (entry, undoes) = match entry.strip_prefix("undone ") {
        Some(entry) => (entry, "<RvslInd>true</RvslInd>"),
        None => (entry, ""),
    };
    let now = office.engine.clock.now();
    let notice = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>N-{entry}-{on}</MsgId><CreDtTm>{now}</CreDtTm></GrpHdr>
<Ntfctn><Id>N-{enrolment}</Id><Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>
<Ntry><Amt Ccy="VND">{minor}</Amt><CdtDbtInd>{entry}</CdtDbtInd>{undoes}<Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{on}</Dt></BookgDt>
<NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><Amt Ccy="VND">{minor}</Amt>
<CdtDbtInd>{entry}</CdtDbtInd>{reason}</TxDtls></NtryDtls></Ntry></Ntfctn>
</BkToCstmrDbtCdtNtfctn></Document>
"#
    );
    let taken = office.answered("isobank", "xml", notice.as_bytes()).await.unwrap();
    assert_eq!((taken.format.as_str(), taken.items), ("iso20022-camt054", 1));
}

/// What the bank reports of one payment: `ACSC`, `ACCC`, `RJCT`.
async fn reported(office: &TestOffice, cycle: &Cycle, enrolment: &str, status: &str) {
    let reference = office.said(cycle, enrolment, 1, "", "").await.reference;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).message_id;
    let reason = match status {
        "RJCT" => "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>",
        _ => "",
    };
    let report = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-{enrolment}-{status}</MsgId><CreDtTm>2026-10-06T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}</TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"#
    );
    let taken = office.answered("isobank", "xml", report.as_bytes()).await.unwrap();
    assert_eq!(taken.format, "iso20022-pain002");
}

/// `in_batch, debited 2026-10-03`, `settled by unreturned, debited 2026-10-03`.
async fn told(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> String {
    let one = office.instructions(cycle, enrolment).await.remove(0);
    let grade = one.evidence.grade.map(|grade| format!(" by {grade}")).unwrap_or_default();
    let debited = one.evidence.debited_on.map(|day| format!(", debited {day}")).unwrap_or_default();
    format!("{}{grade}{debited}", one.state)
}

async fn collected(office: &TestOffice, day: &str) {
    office.on_day(day);
    for taken in office.engine.collect_all().await.unwrap() {
        taken.unwrap_or_else(|(file, error)| panic!("{file}: {error}"));
    }
}

async fn a_debit_alone_leaves_a_payment_in_flight(office: TestOffice) {
    let october = sent(&office).await;
    office.on_day("2026-10-04");
    booked(&office, &october, "E1", "DBIT", "2026-10-03").await;
    reported(&office, &october, "E1", "ACSC").await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(told(&office, &october, "E1").await, "in_batch, debited 2026-10-03");
    // Said once more, by a later statement, it tells nothing new.
    office.on_day("2026-10-05");
    booked(&office, &october, "E1", "DBIT", "2026-10-04").await;
    assert_eq!(told(&office, &october, "E1").await, "in_batch, debited 2026-10-03");

    // The days of who was spoken of begin with that word. No day makes it paid; the payee's bank does.
    collected(&office, "2026-10-16").await;
    office.check(&october, "entitled 2", "pending 1 = 500000, unknown 1 = 500000").await;
    collected(&office, "2026-10-17").await;
    office.check(&october, "entitled 2", "unknown 2 = 1000000").await;
    assert_eq!(told(&office, &october, "E1").await, "unknown, debited 2026-10-03");
    let unknown = office.engine.unknowns(&office.now(&october).await).await.unwrap();
    let days: Vec<_> = unknown.into_iter().filter_map(|one| one.debited_on).collect();
    assert_eq!(days, ["2026-10-03"], "whoever decides sees that the bank took the money");
    let october = office.closed(&october).await;
    collected(&office, "2027-03-01").await;
    office.check(&october, "entitled 2", "unknown 2 = 1000000").await;
    reported(&office, &october, "E1", "ACCC").await;
    office.check(&october, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    assert_eq!(
        told(&office, &october, "E1").await,
        "settled by provider_result, debited 2026-10-03"
    );
    assert!(office.discrepancies().await.is_empty());
    office.ends_whole().await;
}

async fn what_a_debit_proves_is_a_dated_term(mut office: TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let last = "taken = \"isobank/taken\"\n";
    let terms = "\n[[provider.terms]]\nfrom = \"2026-10-10\"\ndebit_is_proof = true\n";
    assert!(text.contains(last));
    std::fs::write(&path, text.replace(last, &format!("{last}{terms}"))).unwrap();
    office.reopen().await;
    let october = sent(&office).await;
    // What was agreed on the day of the booking counts, whenever it is read.
    office.on_day("2026-10-12");
    booked(&office, &october, "E1", "DBIT", "2026-10-09").await;
    booked(&office, &october, "E2", "DBIT", "2026-10-10").await;
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    assert_eq!(told(&office, &october, "E1").await, "in_batch, debited 2026-10-09");
    assert_eq!(told(&office, &october, "E2").await, "settled by statement");
    booked(&office, &october, "E2", "CRDT", "2026-10-12").await;
    office.check(&october, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;

    // The terms were older than had been written down: answers are applied once, debits are remembered.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("from = \"2026-10-10\"", "from = \"2026-10-01\"")).unwrap();
    office.reopen().await;
    collected(&office, "2026-10-13").await;
    assert_eq!(told(&office, &october, "E1").await, "settled by statement, debited 2026-10-09");
    office.check(&october, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;
    office.ends_whole().await;
}

async fn what_nothing_returned_is_paid_after_the_agreed_days(mut office: TestOffice) {
    agreed(&mut office, "isobank", "paid_after_days = 3\ncalendar = \"vn\"").await;
    let october = sent(&office).await;
    office.on_day("2026-10-03");
    booked(&office, &october, "E1", "DBIT", "2026-10-02").await;
    // A Friday; the third business day after it is Wednesday the 7th.
    collected(&office, "2026-10-07").await;
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    collected(&office, "2026-10-08").await;
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    assert_eq!(told(&office, &october, "E1").await, "settled by unreturned, debited 2026-10-02");

    // A later return is a return, as after every other proof; and who was not debited is not paid by days.
    office.on_day("2026-10-12");
    booked(&office, &october, "E1", "CRDT", "2026-10-12").await;
    collected(&office, "2026-11-30").await;
    office.check(&october, "entitled 2", "unknown 1 = 500000, returned 1 = 500000").await;
    assert!(office.discrepancies().await.is_empty());

    // Days that no calendar covers are not guessed: the payment waits, and it is told.
    office.on_day("2027-01-29");
    booked(&office, &october, "E2", "DBIT", "2027-01-29").await;
    office.on_day("2027-02-20");
    let told_of = office.engine.collect_all().await.unwrap();
    let codes: Vec<_> = told_of.iter().filter_map(|one| one.as_ref().err()).collect();
    assert_eq!(codes.len(), 1, "{codes:?}");
    assert_eq!((codes[0].0.as_str(), codes[0].1.code()), ("isobank", "L121"), "{codes:?}");
    assert_eq!(told(&office, &october, "E2").await, "unknown, debited 2027-01-29");
    office.ends_whole().await;
}

async fn unknown_ends_by_a_debit_and_the_agreed_days_and_not_by_days(mut office: TestOffice) {
    agreed(&mut office, "isobank", "paid_after_days = 30").await;
    let october = sent(&office).await;
    office.on_day("2026-10-04");
    booked(&office, &october, "E1", "DBIT", "2026-10-03").await;
    collected(&office, "2026-10-16").await;
    office.check(&october, "entitled 2", "unknown 2 = 1000000").await;
    let october = office.closed(&october).await;
    assert_eq!(office.engine.store.suspense(october.number).await.unwrap(), (2, 1_000_000));
    collected(&office, "2026-11-02").await;
    office.check(&october, "entitled 2", "unknown 2 = 1000000").await;
    collected(&office, "2026-11-03").await;
    office.check(&october, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    assert_eq!(office.engine.store.suspense(october.number).await.unwrap(), (1, 500_000));
    collected(&office, "2027-11-03").await;
    assert_eq!(told(&office, &october, "E2").await, "unknown");
    // A debit that is told so late is the evidence that was missing.
    booked(&office, &october, "E2", "DBIT", "2026-10-03").await;
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    assert_eq!(office.engine.store.suspense(october.number).await.unwrap(), (0, 0));
    office.ends_whole().await;
}

async fn a_debit_of_what_was_not_carried_out_is_for_a_person(office: TestOffice) {
    let october = sent(&office).await;
    office.on_day("2026-10-04");
    // Debited first, then rejected: the debit was no proof, and is none now.
    booked(&office, &october, "E1", "DBIT", "2026-10-03").await;
    reported(&office, &october, "E1", "RJCT").await;
    assert_eq!(told(&office, &october, "E1").await, "rejected, debited 2026-10-03");
    assert!(office.discrepancies().await.is_empty());
    // Rejected first: somebody must ask the bank, and nothing moves by itself.
    reported(&office, &october, "E2", "RJCT").await;
    booked(&office, &october, "E2", "DBIT", "2026-10-03").await;
    assert_eq!(told(&office, &october, "E2").await, "rejected");
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    office.check(&october, "entitled 2", "rejected 2 = 1000000").await;
    office.ends_whole().await;
}

/// The bank takes a fee off of what it gives back.
async fn what_came_back_in_a_way_that_cannot_be_booked_is_not_paid_by_days(mut office: TestOffice) {
    agreed(&mut office, "isobank", "paid_after_days = 3").await;
    let october = sent(&office).await;
    office.on_day("2026-10-04");
    booked(&office, &october, "E1", "DBIT", "2026-10-03").await;
    booked(&office, &october, "E2", "DBIT", "2026-10-03").await;
    office.on_day("2026-10-05");
    booked_of(&office, &october, "E1", "CRDT", "2026-10-05", 494_500).await;
    assert_eq!(office.discrepancies().await, ["amount_differs"]);
    collected(&office, "2026-10-09").await;
    assert_eq!(told(&office, &october, "E1").await, "in_batch, debited 2026-10-03");
    assert_eq!(told(&office, &october, "E2").await, "settled by unreturned, debited 2026-10-03");
    // Also when an officer has looked: it becomes unknown, and two decide.
    let open = office.engine.store.discrepancies().await.unwrap();
    let engine = &office.engine;
    engine.discrepancy_resolve(open[0].0, "less a fee", MAKER, &key(MAKER)).await.unwrap();
    collected(&office, "2026-10-12").await;
    assert_eq!(told(&office, &october, "E1").await, "in_batch, debited 2026-10-03");
    office.ends_whole().await;
}

async fn a_partner_that_is_not_heard_may_have_returned_it(mut office: TestOffice) {
    agreed(&mut office, "isobank", "paid_after_days = 3").await;
    let october = sent(&office).await;
    office.on_day("2026-10-04");
    booked(&office, &october, "E1", "DBIT", "2026-10-03").await;
    let outbox = office.dir.join("isobank/outbox");
    let away = office.dir.join("isobank/away");
    std::fs::rename(&outbox, &away).unwrap();
    office.on_day("2026-10-09");
    let told_of = office.engine.collect_all().await.unwrap();
    assert!(told_of.iter().any(Result::is_err), "{told_of:?}");
    assert_eq!(told(&office, &october, "E1").await, "in_batch, debited 2026-10-03");
    std::fs::rename(&away, &outbox).unwrap();
    booked(&office, &october, "E1", "CRDT", "2026-10-08").await;
    assert_eq!(told(&office, &october, "E1").await, "returned, debited 2026-10-03");
    office.check(&october, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    office.ends_whole().await;
}

/// The bank takes back what it had returned: the money is perhaps with the payee after all.
async fn a_debit_that_undoes_a_credit_is_for_a_person(office: TestOffice) {
    let october = sent(&office).await;
    office.on_day("2026-10-06");
    booked(&office, &october, "E1", "DBIT", "2026-10-03").await;
    booked(&office, &october, "E1", "CRDT", "2026-10-04").await;
    office.check(&october, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    booked(&office, &october, "E1", "undone DBIT", "2026-10-05").await;
    booked(&office, &october, "E2", "undone DBIT", "2026-10-05").await;
    office.check(&october, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    assert_eq!(office.discrepancies().await.len(), 2);
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.list, again.ordered), (None, 0), "{:?}", again.waiting);
    office.ends_whole().await;
}
