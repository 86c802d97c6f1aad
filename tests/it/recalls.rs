//! Payments that have left and are asked back: two officers, a file that leaves once, an answer that is no money,
//! and a return that is. Each told on both databases.

mod answered_by_sandbox;
mod whole_files;

use std::process::Command;

use age::secrecy::ExposeSecret as _;
use chitra::channels::envelope::{Format, Identity, open};
use chitra::domain::answer::DiscrepancyKind;
use chitra::domain::batch::BatchState;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::domain::ids::AttemptNo;
use chitra::engine::recall::{Asked, Asking, Standing, Whom};
use chitra::engine::{EngineError, office};

use self::answered_by_sandbox::*;
use self::whole_files::*;
use crate::support::office::{
    APPROVERS, Fault, MAKER, TestOffice, key, on_both_databases, refused, run,
};
use crate::support::real_parts::{RealPart, published_schema, real_part, repository};

on_both_databases! { run, RealPart::Postgres;
    accepted_is_no_money_until_it_is_returned
    refused_by_the_bank_stays_visible_until_it_is_given_up
    pending_then_partly_then_accepted
    an_answer_twice_changes_nothing
    an_answer_to_another_case_goes_to_the_queue
    it_is_asked_back_once_and_by_two_persons
    what_has_not_left_or_is_back_is_not_asked_back
    a_crash_on_the_way_sends_it_once
    a_lost_outcome_is_proved_by_the_answer
    a_request_that_was_taken_and_cleared_is_given_up_and_not_sent_again
    what_is_asked_back_does_not_leave_a_second_time
    a_file_that_the_partner_does_not_take_goes_later_with_the_same_bytes
    a_damaged_file_is_made_again_to_the_byte
    a_partner_that_reads_sealed_files_is_asked_in_one
    a_rejection_ends_it_and_nothing_is_ordered_again
    what_is_asked_back_is_not_ordered_again_meanwhile
    money_that_came_back_is_held_on_the_next_list
    what_one_officer_gave_up_and_came_back_is_not_ordered_again
    without_agreed_format_it_is_asked_by_letter
    a_partner_takes_the_reasons_of_its_terms
    an_excess_is_asked_back_from_a_halted_partner
    a_closed_month_can_be_asked_back
    a_month_in_which_the_bank_answers_in_every_way
    what_is_back_by_itself_meanwhile_is_no_contradiction
    the_bank_answers_for_a_whole_file
    everything_of_a_file_is_asked_back_in_one_request
    an_answer_about_the_whole_holds_for_what_has_none_of_its_own
    a_word_about_a_file_of_which_one_payment_was_asked_back_is_not_believed
    a_word_around_one_payment_is_not_said_of_another_request
    two_requests_for_a_file_are_not_proposed_at_once
    a_file_is_asked_back_by_two_persons_and_decided_at_once
    what_comes_back_before_the_request_leaves_is_not_waited_for
    a_request_for_a_file_leaves_once_whatever_dies
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970436 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";
const REASON: &str = "ordered twice: paid by hand on 2026-10-01";
const TERMS: &str = "recalls = { format = \"iso20022-camt055-09\", answer_days = 10 }";

/// An office whose bank takes recalls, with October paid out to An and Binh.
async fn paid_out(office: &mut TestOffice, terms: &str) -> Cycle {
    agreed(office, terms).await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH]).await;
    office.paid_out("2026-10", Regular).await
}

/// Puts terms into the agreement with the bank, which answers recalls from now on.
async fn agreed(office: &mut TestOffice, terms: &str) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let name = "name = \"isobank\"\n";
    let answers = "\"iso20022-pain002\", \"iso20022-camt054\"";
    assert!(text.contains(name) && text.contains(answers));
    let text = text.replacen(name, &format!("{name}{terms}\n"), 1);
    std::fs::write(&path, text.replacen(answers, &format!("{answers}, \"iso20022-camt029\""), 1))
        .unwrap();
    office.reopen().await;
}

async fn whom(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> Whom {
    Whom::Payment(office.payable(cycle, enrolment).await.number, AttemptNo::new(1).unwrap())
}

fn asking(code: &str) -> Asking<'_> {
    Asking { code, reason: REASON, by_letter: false }
}

async fn proposed(
    office: &TestOffice,
    cycle: &Cycle,
    enrolment: &str,
    asking: Asking<'_>,
) -> Result<Asked, EngineError> {
    let (now, whom) = (office.now(cycle).await, whom(office, cycle, enrolment).await);
    office.engine.recall_propose(&now, whom, asking, MAKER, &key(MAKER)).await
}

async fn confirmed(
    office: &TestOffice,
    cycle: &Cycle,
    enrolment: &str,
) -> Result<Asked, EngineError> {
    let (now, whom) = (office.now(cycle).await, whom(office, cycle, enrolment).await);
    let by = APPROVERS[0];
    office.engine.recall_confirm(&now, whom, by, &key(by)).await
}

/// Proposed and confirmed; the name of the file that was made.
async fn made(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> String {
    proposed(office, cycle, enrolment, asking("DUPL")).await.unwrap();
    confirmed(office, cycle, enrolment).await.unwrap().files.remove(0)
}

/// The same, and sent.
async fn asked_back(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> String {
    let file = made(office, cycle, enrolment).await;
    let told = office.engine.dispatch(None).await.unwrap();
    let of_file = told.iter().find(|one| one.file_name == file).expect("dispatch tells of it");
    assert_eq!(of_file.state, BatchState::Delivered, "{}", of_file.detail);
    file
}

/// What stands of the recalls of a cycle: `1 DUPL sent delivered`.
async fn recalls(office: &TestOffice, cycle: &Cycle) -> Vec<String> {
    let found = office.engine.recalls(cycle).await.unwrap();
    let file = |one: &Standing| {
        one.file.as_ref().map_or("no file".to_owned(), |file| file.state.to_string())
    };
    let told = |one: &Standing| {
        let recall = &one.recall;
        let late = if one.is_late { " late" } else { "" };
        format!("{} {} {} {}{late}", recall.number, recall.reason_code, recall.state, file(one))
    };
    found.iter().map(told).collect()
}

/// What the bank says of a case.
struct Word<'a> {
    case: &'a str,
    reference: &'a str,
    status: &'a str,
    reason: &'a str,
    amount: &'a str,
}

/// A camt.029 about one payment, distinct by `id`.
async fn resolved(office: &TestOffice, cycle: &Cycle, id: &str, word: Word<'_>) {
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).message_id;
    let Word { case, reference, status, reason, amount } = word;
    let reason = match reason {
        "" => String::new(),
        code => format!("<CxlStsRsnInf><Rsn><Cd>{code}</Cd></Rsn></CxlStsRsnInf>"),
    };
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09"><RsltnOfInvstgtn>
<Assgnmt><Id>{id}</Id><Assgnr><Pty><Nm>Bank</Nm></Pty></Assgnr><Assgne><Pty><Nm>Office</Nm></Pty></Assgne><CreDtTm>2026-10-05T09:00:00</CreDtTm></Assgnmt>
<Sts><Conf>INFO</Conf></Sts>
<CxlDtls><OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}</OrgnlPmtInfId>
<TxInfAndSts><RslvdCase><Id>{case}</Id><Cretr><Pty><Nm>Office</Nm></Pty></Cretr></RslvdCase>
<OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxCxlSts>{status}</TxCxlSts>{reason}<OrgnlInstdAmt Ccy="VND">{amount}</OrgnlInstdAmt></TxInfAndSts>
</OrgnlPmtInfAndSts></CxlDtls></RsltnOfInvstgtn></Document>
"#
    );
    let taken = office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!((taken.format.as_str(), taken.items), ("iso20022-camt029", 1));
}

/// The bank's word about the first recall of a cycle.
async fn answered(office: &TestOffice, cycle: &Cycle, id: &str, status: &str, reason: &str) {
    let standing = office.engine.recalls(cycle).await.unwrap().remove(0);
    let (case, reference) = (standing.case_id, standing.reference.to_string());
    let word = Word { case: &case, reference: &reference, status, reason, amount: "500000" };
    resolved(office, cycle, id, word).await;
}

/// An entry of our account about the first order of a person, which brings the money back.
async fn returned(office: &TestOffice, cycle: &Cycle, enrolment: &str, reason: &str) {
    let reference = office.said(cycle, enrolment, 1, "", "").await.reference;
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>R-{reference}</MsgId><CreDtTm>2026-10-08T09:00:00</CreDtTm></GrpHdr>
<Ntfctn><Id>R-{enrolment}</Id><Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>
<Ntry><Amt Ccy="VND">500000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-10-08</Dt></BookgDt>
<NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><Amt Ccy="VND">500000</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
"#
    );
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
}

/// What the bank reports of an order: `ACCC`, `RJCT`.
async fn reported(office: &TestOffice, cycle: &Cycle, enrolment: &str, attempt: i64, status: &str) {
    let reference = office.said(cycle, enrolment, attempt, "", "").await.reference;
    let orders = office.instructions(cycle, enrolment).await;
    let batch = orders.iter().find(|one| i64::from(one.attempt.number()) == attempt).unwrap().batch;
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    let file = &batches.iter().find(|one| one.number == batch).unwrap().message_id;
    let reason = match status {
        "RJCT" => "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>",
        _ => "",
    };
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-{reference}-{status}</MsgId><CreDtTm>2026-10-02T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}</TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"#
    );
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
}

async fn accepted_is_no_money_until_it_is_returned(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    office.on_day("2026-10-04");
    reported(&office, &cycle, "E1", 1, "ACCC").await;
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    let file = made(&office, &cycle, "E1").await;
    assert_eq!(file, "TEST-TEST-202610-RECALL000001.xml");
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL confirmed released"]);
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!((told.len(), told[0].file_name.as_str()), (1, file.as_str()));
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL sent delivered"]);
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    assert_eq!(office.times_sent(&file), 1);

    // The bank can read it, and it says nothing of the payee.
    let path = office.dir.join("isobank/inbox").join(&file);
    let text = std::fs::read_to_string(&path).unwrap();
    let standing = office.engine.recalls(&cycle).await.unwrap().remove(0);
    let batch = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
    for part in [
        format!("<OrgnlMsgId>{}</OrgnlMsgId>", batch.message_id),
        format!("<OrgnlEndToEndId>{}</OrgnlEndToEndId>", standing.reference),
        format!("<Case><Id>{}</Id>", standing.case_id),
        "<OrgnlInstdAmt Ccy=\"VND\">500000</OrgnlInstdAmt>".to_owned(),
        "<CxlRsnInf><Rsn><Cd>DUPL</Cd></Rsn></CxlRsnInf>".to_owned(),
        "<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>".to_owned(),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
    for personal in ["0711000001", "001044000101", "NGUYEN", "Nguyen"] {
        assert!(!text.contains(personal), "{text}");
    }
    if let (Some(xmllint), Some(schema)) =
        (real_part(RealPart::Xmllint), published_schema("camt.055.001.09"))
    {
        let mut script = Command::new(repository().join("tests/external/xsd.sh"));
        let output = script.env("CHITRA_TEST_XMLLINT", xmllint).arg(&path).arg(schema).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    office.on_day("2026-10-05");
    answered(&office, &cycle, "A1", "ACCR", "").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL accepted delivered"]);
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    // Agreed to, and not back in the agreed days: somebody looks.
    office.on_day("2026-10-16");
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL accepted delivered late"]);
    assert_eq!(office.engine.recalls_to_look_at().await.unwrap().len(), 1);

    office.on_day("2026-10-08");
    returned(&office, &cycle, "E1", "FOCR").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    office.check(&cycle, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    assert!(office.discrepancies().await.is_empty());
    // Said once more when it is back, it changes nothing.
    answered(&office, &cycle, "A2", "ACCR", "").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    assert!(office.discrepancies().await.is_empty());
    office.ends_whole().await;
}

async fn refused_by_the_bank_stays_visible_until_it_is_given_up(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    office.on_day("2026-10-05");
    answered(&office, &cycle, "A1", "RJCR", "NOAS").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL refused delivered"]);
    let look = office.engine.recalls_to_look_at().await.unwrap();
    assert_eq!(look[0].1.recall.answer_reason.as_deref(), Some("NOAS"));
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    // The contrary afterwards is nothing that moves by itself.
    answered(&office, &cycle, "A2", "ACCR", "").await;
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL refused delivered"]);

    let (engine, now) = (&office.engine, office.now(&cycle).await);
    let whom = whom(&office, &cycle, "E1").await;
    refused(engine.recall_give_up(&now, whom, " ", MAKER, &key(MAKER)).await, "D174");
    engine
        .recall_give_up(&now, whom, "the payee does not agree", MAKER, &key(MAKER))
        .await
        .unwrap();
    assert!(engine.recalls_to_look_at().await.unwrap().is_empty());
    refused(engine.recall_give_up(&now, whom, "again", MAKER, &key(MAKER)).await, "D176");
    // It may be asked back once more, under another case.
    asked_back(&office, &cycle, "E1").await;
    assert_eq!(
        recalls(&office, &cycle).await,
        ["1 DUPL given_up delivered", "2 DUPL sent delivered"]
    );
    office.ends_whole().await;
}

async fn pending_then_partly_then_accepted(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    for (id, status, state) in
        [("A1", "PDCR", "pending"), ("A2", "PACR", "partly"), ("A3", "ACCR", "accepted")]
    {
        answered(&office, &cycle, id, status, "").await;
        assert_eq!(recalls(&office, &cycle).await, [format!("1 DUPL {state} delivered")]);
    }
    // Answers between banks may leave the case out: the payment was asked back once, so that it is clear.
    asked_back(&office, &cycle, "E2").await;
    let other = office.said(&cycle, "E2", 1, "", "").await.reference;
    let word = |status| Word { case: "", reference: &other, status, reason: "", amount: "500000" };
    resolved(&office, &cycle, "B1", word("RJCR")).await;
    assert_eq!(recalls(&office, &cycle).await[1], "2 DUPL refused delivered");
    asked_back(&office, &cycle, "E2").await;
    resolved(&office, &cycle, "B2", word("ACCR")).await;
    assert_eq!(
        recalls(&office, &cycle).await[2],
        "3 DUPL sent delivered",
        "it may be about either"
    );
    assert_eq!(office.discrepancies().await, ["unmatched"]);
    // A late word of before does not undo it.
    answered(&office, &cycle, "A4", "PDCR", "").await;
    assert_eq!(recalls(&office, &cycle).await[0], "1 DUPL accepted delivered");
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn an_answer_twice_changes_nothing(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    answered(&office, &cycle, "A1", "RJCR", "CUST").await;
    let before = office.snapshot().await;
    // The same bytes again, and the same word in another message.
    for id in ["A1", "A2"] {
        answered(&office, &cycle, id, "RJCR", "CUST").await;
    }
    assert_eq!(office.snapshot().await, before);
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL refused delivered"]);
    office.ends_whole().await;
}

async fn an_answer_to_another_case_goes_to_the_queue(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    let standing = office.engine.recalls(&cycle).await.unwrap().remove(0);
    let (case, ours) = (standing.case_id.as_str(), standing.reference.to_string());
    let other = office.said(&cycle, "E2", 1, "", "").await.reference;
    let forged = format!("{other}-R1");
    let word =
        |case, reference, status, amount| Word { case, reference, status, reason: "", amount };
    let cases: [(Word<'_>, DiscrepancyKind); 7] = [
        (word("BANK-4711", &ours, "ACCR", "500000"), DiscrepancyKind::Unmatched),
        // The number of a recall of ours under the name of another payment.
        (word(&forged, &other, "ACCR", "500000"), DiscrepancyKind::Unmatched),
        (word(&case[..case.len() - 1], &ours, "ACCR", "500000"), DiscrepancyKind::Unmatched),
        (word(case, &other, "ACCR", "500000"), DiscrepancyKind::Contradiction),
        (word(case, &ours, "ACCR", "499999"), DiscrepancyKind::AmountDiffers),
        (word(case, &ours, "MAYB", "500000"), DiscrepancyKind::StatusUnknown),
        // An answer about a payment that nobody asked back says nothing of it.
        (word("", &other, "RJCR", "500000"), DiscrepancyKind::Unmatched),
    ];
    let mut expected = Vec::new();
    for (at, (word, kind)) in cases.into_iter().enumerate() {
        let label = format!("{} {} {}", word.case, word.status, word.amount);
        resolved(&office, &cycle, &format!("A{at}"), word).await;
        expected.push(kind);
        let open = office.engine.store.discrepancies().await.unwrap();
        let kinds: Vec<DiscrepancyKind> = open.iter().map(|(_, one)| one.kind).collect();
        assert_eq!(kinds, expected, "{label}");
        assert_eq!(recalls(&office, &cycle).await, ["1 DUPL sent delivered"], "{label}");
    }
    // Another partner answers in our partner's name: it answers no recalls at all.
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 in_batch");
    office.ends_whole().await;
}

async fn it_is_asked_back_once_and_by_two_persons(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    let engine = &office.engine;
    let [first, second] = APPROVERS;
    refused(proposed(&office, &cycle, "E1", asking("XXXX")).await, "D173");
    let silent = Asking { code: "DUPL", reason: " ", by_letter: false };
    refused(proposed(&office, &cycle, "E1", silent).await, "D174");
    refused(confirmed(&office, &cycle, "E1").await, "D176");
    let (now, whom) = (office.now(&cycle).await, whom(&office, &cycle, "E1").await);
    engine.recall_propose(&now, whom, asking("DUPL"), first, &key(first)).await.unwrap();
    let before = office.snapshot().await;
    refused(proposed(&office, &cycle, "E1", asking("DUPL")).await, "D172");
    // Asked for the whole person, the payment stands in the way all the same.
    let an = Whom::Person(office.person("E1").await);
    let of_person = engine.recall_propose(&now, an, asking("CUST"), MAKER, &key(MAKER)).await;
    refused(of_person, "D172");
    refused(engine.recall_confirm(&now, whom, MAKER, &key(MAKER)).await, "A111");
    refused(engine.recall_confirm(&now, whom, first, &key(first)).await, "D177");
    refused(engine.recall_decline(&now, whom, first, &key(first)).await, "D177");
    assert_eq!(office.snapshot().await, before);
    // Past the program, the database refuses both.
    let decided = "update recall set state = 'confirmed', decided_by = proposed_by, decided_at = '2026-10-01'";
    assert!(office.tamper_refused(decided).await, "one person decides alone");
    let twice = "insert into recall (recall_no, shard, payable_no, attempt, cycle_no, batch_no, provider, amount_minor, \
                 reason_code, reason, by_letter, state, proposed_by, proposed_at) \
                 select recall_no + 1, shard, payable_no, attempt, cycle_no, batch_no, provider, amount_minor, reason_code, \
                 reason, by_letter, state, proposed_by, proposed_at from recall";
    assert!(office.tamper_refused(twice).await, "a second live recall of one order");

    engine.recall_decline(&now, whom, second, &key(second)).await.unwrap();
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL declined no file"]);
    assert!(engine.dispatch(None).await.unwrap().is_empty(), "nobody is asked");
    refused(engine.recall_confirm(&now, whom, second, &key(second)).await, "D176");
    asked_back(&office, &cycle, "E1").await;
    office.ends_whole().await;
}

async fn what_has_not_left_or_is_back_is_not_asked_back(mut office: TestOffice) {
    agreed(&mut office, TERMS).await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    refused(proposed(&office, &cycle, "E1", asking("DUPL")).await, "D170");
    office.released(&cycle, 0).await;
    refused(proposed(&office, &cycle, "E1", asking("DUPL")).await, "D170");
    // One file has gone; the other waits.
    let halt = office.engine.halt_put("provider:isobank", "it is down", MAKER, &key(MAKER)).await;
    office.engine.dispatch(None).await.unwrap();
    let told = refused(proposed(&office, &cycle, "E1", asking("DUPL")).await, "D171");
    assert!(told.contains("stop propose"), "{told}");
    for by in APPROVERS {
        office.engine.halt_lift(halt.as_ref().unwrap().number, by, &key(by)).await.unwrap();
    }
    office.engine.dispatch(None).await.unwrap();
    proposed(&office, &cycle, "E1", asking("DUPL")).await.unwrap();
    // It comes back by itself before anybody was asked.
    office.on_day("2026-10-08");
    returned(&office, &cycle, "E1", "AC04").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over no file"]);
    refused(confirmed(&office, &cycle, "E1").await, "D176");
    refused(proposed(&office, &cycle, "E1", asking("DUPL")).await, "D171");
    let nobody =
        Whom::Payment(office.payable(&cycle, "E1").await.number, AttemptNo::new(7).unwrap());
    let now = office.now(&cycle).await;
    let engine = &office.engine;
    let of_nobody = engine.recall_propose(&now, nobody, asking("DUPL"), MAKER, &key(MAKER)).await;
    refused(of_nobody, "D171");
    // One officer's proposal that came to nothing holds nothing up.
    let again = engine.reissue(&now).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.ends_whole().await;
}

async fn a_crash_on_the_way_sends_it_once(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    // Between the confirmation and the sending.
    let file = made(&office, &cycle, "E1").await;
    office.reopen().await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL confirmed released"]);
    // After the attempt was recorded, before a byte left.
    office.next_fault(Some(Fault::DiesBeforeSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(None);
    office.reopen().await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL confirmed sending"]);
    let now = office.now(&cycle).await;
    let whom_ = whom(&office, &cycle, "E1").await;
    refused(office.engine.recall_give_up(&now, whom_, "x", MAKER, &key(MAKER)).await, "D178");
    // After the bytes left.
    office.next_fault(Some(Fault::DiesAfterSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(Some(Fault::CannotBeAsked));
    office.reopen().await;
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state, BatchState::Unknown);
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL confirmed unknown"]);
    office.next_fault(None);
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(
        (told[0].state, told[0].detail.as_str()),
        (BatchState::Delivered, "found at the provider")
    );
    assert_eq!(office.times_sent(&file), 1);
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL sent delivered"]);
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    office.ends_whole().await;
}

async fn a_request_that_was_taken_and_cleared_is_given_up_and_not_sent_again(
    mut office: TestOffice,
) {
    let cycle = paid_out(&mut office, TERMS).await;
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("taken_kept_days = 30\n", "")).unwrap();
    office.reopen().await;
    let file = made(&office, &cycle, "E1").await;
    office.next_fault(Some(Fault::DiesAfterSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(None);
    office.reopen().await;
    std::fs::remove_file(office.dir.join("isobank/inbox").join(&file)).unwrap();
    for _ in 0..2 {
        let told = office.engine.dispatch(None).await.unwrap();
        assert_eq!(told[0].state, BatchState::Unknown, "{}", told[0].detail);
        for part in ["taken_kept_days", "chitra recall give-up 2026-10"] {
            assert!(told[0].detail.contains(part), "{}", told[0].detail);
        }
    }
    assert_eq!(office.times_sent(&file), 1);
    let (now, whom_) = (office.now(&cycle).await, whom(&office, &cycle, "E1").await);
    office.engine.recall_give_up(&now, whom_, "never had it", MAKER, &key(MAKER)).await.unwrap();
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    let again = made(&office, &cycle, "E1").await;
    office.engine.dispatch(None).await.unwrap();
    assert_eq!((office.times_sent(&file), office.times_sent(&again)), (1, 1));
    assert_eq!(
        recalls(&office, &cycle).await,
        ["1 DUPL given_up unknown", "2 DUPL sent delivered"]
    );
    office.ends_whole().await;
}

async fn a_lost_outcome_is_proved_by_the_answer(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    let file = made(&office, &cycle, "E1").await;
    // Not asked yet: an answer to it cannot be.
    answered(&office, &cycle, "A0", "ACCR", "").await;
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(None).await.unwrap();
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL confirmed unknown"]);
    office.next_fault(Some(Fault::CannotBeAsked));
    answered(&office, &cycle, "A1", "ACCR", "").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL accepted delivered"]);
    office.next_fault(None);
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    assert_eq!(office.times_sent(&file), 1);
    office.ends_whole().await;
}

async fn what_is_asked_back_does_not_leave_a_second_time(mut office: TestOffice) {
    agreed(&mut office, TERMS).await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    // Nobody knows whether the file has left; it is asked back for one of its payments.
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(None).await.unwrap();
    let payments = office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name;
    std::fs::remove_file(office.dir.join("isobank/inbox").join(&payments)).unwrap();
    office.next_fault(Some(Fault::CannotBeAsked));
    proposed(&office, &cycle, "E1", asking("CUST")).await.unwrap();
    confirmed(&office, &cycle, "E1").await.unwrap();
    proposed(&office, &cycle, "E2", asking("CUST")).await.unwrap();
    office.next_fault(None);
    // The bank never had it: the payments do not leave now.
    let told = office.engine.dispatch(None).await.unwrap();
    let [recall, waits] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(recall.state, BatchState::Delivered, "{}", recall.detail);
    assert!(
        waits.detail.starts_with("waits: 2 of its payments are asked back"),
        "{}",
        waits.detail
    );
    assert_eq!(office.times_sent(&payments), 1);
    // What has not left is not asked back: the second officer sees it.
    refused(confirmed(&office, &cycle, "E2").await, "D171");
    let (engine, now) = (&office.engine, office.now(&cycle).await);
    let binh = whom(&office, &cycle, "E2").await;
    engine.recall_decline(&now, binh, APPROVERS[0], &key(APPROVERS[0])).await.unwrap();
    let (an, by) = (office.person("E1").await, APPROVERS[0]);
    engine.stop_propose(&now, an, REASON, MAKER, &key(MAKER)).await.unwrap();
    let list = engine.stop_confirm(&now, an, by, &key(by)).await.unwrap().list.unwrap();
    let whom_an = whom(&office, &cycle, "E1").await;
    engine.recall_give_up(&now, whom_an, "it never left", MAKER, &key(MAKER)).await.unwrap();
    office.sent(&cycle, list.number.0).await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled");
    office.check(&cycle, "entitled 2", "held 1 = 500000, pending 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_file_that_the_partner_does_not_take_goes_later_with_the_same_bytes(
    mut office: TestOffice,
) {
    let cycle = paid_out(&mut office, TERMS).await;
    let file = made(&office, &cycle, "E1").await;
    let (inbox, aside) = (office.dir.join("isobank/inbox"), office.dir.join("isobank/aside"));
    std::fs::rename(&inbox, &aside).unwrap();
    let told = office.engine.dispatch(None).await.unwrap();
    assert!(
        matches!(told[0].state, BatchState::Released | BatchState::Unknown),
        "{}: {}",
        told[0].state,
        told[0].detail
    );
    std::fs::rename(&aside, &inbox).unwrap();
    office.on_day("2026-10-03");
    office.engine.dispatch(None).await.unwrap();
    let digest = Digest::of(&std::fs::read(inbox.join(&file)).unwrap());
    let standing = office.engine.recalls(&cycle).await.unwrap().remove(0);
    assert_eq!(standing.file.unwrap().sha256, digest.to_string(), "the bytes that were confirmed");

    // Under a name that is taken nothing leaves, and the partner is halted.
    let second = made(&office, &cycle, "E2").await;
    std::fs::write(inbox.join(&second), "other bytes").unwrap();
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state, BatchState::Released, "{}", told[0].detail);
    assert_eq!(office.halts().await, ["provider:isobank"]);
    assert_eq!(recalls(&office, &cycle).await[1], "2 DUPL confirmed released");
    // It is given up before it left, and does not leave any more.
    let (now, whom) = (office.now(&cycle).await, whom(&office, &cycle, "E2").await);
    office
        .engine
        .recall_give_up(&now, whom, "told by telephone", MAKER, &key(MAKER))
        .await
        .unwrap();
    assert_eq!(recalls(&office, &cycle).await[1], "2 DUPL given_up withdrawn");
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    office.ends_whole().await;
}

async fn a_damaged_file_is_made_again_to_the_byte(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    let file = made(&office, &cycle, "E1").await;
    let sha256 = office.engine.recalls(&cycle).await.unwrap().remove(0).file.unwrap().sha256;
    let archived = crate::support::office::archived_file(&office.dir.join("archive"), &sha256);
    std::fs::remove_file(&archived).unwrap();
    let told = office.engine.dispatch(None).await.unwrap();
    assert_eq!(told[0].state, BatchState::Delivered, "{}", told[0].detail);
    let sent = std::fs::read(office.dir.join("isobank/inbox").join(&file)).unwrap();
    assert_eq!(Digest::of(&sent).to_string(), sha256);
    office.ends_whole().await;
}

async fn a_partner_that_reads_sealed_files_is_asked_in_one(mut office: TestOffice) {
    let identity = age::x25519::Identity::generate();
    let path = office.dir.join("keys/bank.pub");
    std::fs::write(&path, identity.to_public().to_string()).unwrap();
    let sealed = "envelope = { encrypt = \"age\", recipient_file = \"keys/bank.pub\" }";
    let cycle = paid_out(&mut office, &format!("{TERMS}\n{sealed}")).await;
    made(&office, &cycle, "E1").await;
    // Sealed once: another key that is given meanwhile changes nothing.
    office.next_fault(Some(Fault::DiesBeforeSending));
    office.engine.dispatch(None).await.unwrap_err();
    let other = age::x25519::Identity::generate();
    std::fs::write(&path, other.to_public().to_string()).unwrap();
    office.next_fault(None);
    office.reopen().await;
    office.engine.dispatch(None).await.unwrap();
    let file = office.engine.recalls(&cycle).await.unwrap().remove(0).file.unwrap();
    let copy = file.sealed.expect("it is sealed for the bank");
    assert_eq!(copy.file_name, format!("{}.age", file.file_name));
    let sent = std::fs::read(office.dir.join("isobank/inbox").join(&copy.file_name)).unwrap();
    let key =
        Identity::parse(Format::Age, identity.to_string().expose_secret().as_bytes()).unwrap();
    let mut plain = Vec::new();
    open(&key, &sent[..], &mut plain, 1 << 20).unwrap();
    assert_eq!(Digest::of(&plain).to_string(), file.sha256, "what was confirmed is inside");
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL sent delivered"]);
    office.ends_whole().await;
}

async fn a_rejection_ends_it_and_nothing_is_ordered_again(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    reported(&office, &cycle, "E1", 1, "RJCT").await;
    reported(&office, &cycle, "E2", 1, "RJCT").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    office.check(&cycle, "entitled 2", "rejected 2 = 1000000").await;
    // Of two that failed alike only the one that nobody asked back is ordered again.
    let again = office.engine.reissue(&office.now(&cycle).await).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    assert!(again.waiting.keys().any(|why| why.starts_with("officers asked it back")));
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected");
    office.ends_whole().await;
}

async fn what_is_asked_back_is_not_ordered_again_meanwhile(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    // Silent past the days in which payments are answered: two officers decide that it was not paid.
    office.on_day("2026-11-20");
    office.engine.collect_all().await.unwrap();
    let now = office.now(&cycle).await;
    let reference = office.said(&cycle, "E1", 1, "", "").await.reference;
    decided_not_paid(&office, &now, &reference).await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected");
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL sent delivered late"]);
    let again = office.engine.reissue(&now).await.unwrap();
    assert_eq!(again.ordered, 0, "{:?}", again.waiting);
    assert!(again.waiting.keys().any(|why| why.starts_with("it is asked back")));
    let whom = whom(&office, &cycle, "E1").await;
    let reason = "the bank has no trace of it";
    office.engine.recall_give_up(&now, whom, reason, MAKER, &key(MAKER)).await.unwrap();
    let again = office.engine.reissue(&now).await.unwrap();
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    office.ends_whole().await;
}

/// Two officers decide that an unknown payment was not paid.
async fn decided_not_paid(office: &TestOffice, cycle: &Cycle, reference: &str) {
    use chitra::domain::fate::Verdict;
    let of = [reference.to_owned()];
    let engine = &office.engine;
    let by = APPROVERS[0];
    engine.fate_propose(cycle, &of, Verdict::NotPaid, REASON, MAKER, &key(MAKER)).await.unwrap();
    engine.fate_confirm(cycle, &of, by, &key(by)).await.unwrap();
}

/// Two officers asked for it. That one of them expects nothing more does not undo it.
async fn what_one_officer_gave_up_and_came_back_is_not_ordered_again(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    let (now, whom) = (office.now(&cycle).await, whom(&office, &cycle, "E1").await);
    let reason = "the bank says no";
    office.engine.recall_give_up(&now, whom, reason, MAKER, &key(MAKER)).await.unwrap();
    office.on_day("2026-10-08");
    returned(&office, &cycle, "E1", "AC04").await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 returned");
    let again = office.engine.reissue(&now).await.unwrap();
    assert_eq!((again.ordered, again.waiting.len()), (0, 1), "{:?}", again.waiting);
    office.ends_whole().await;
}

async fn money_that_came_back_is_held_on_the_next_list(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    office.on_day("2026-10-08");
    reported(&office, &cycle, "E2", 1, "ACCC").await;
    returned(&office, &cycle, "E1", "AC04").await;
    office.closed(&cycle).await;
    office.check(&cycle, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.check(&november, "entitled 2", "held 1 = 500000, pending 2 = 1160000").await;
    let (_, holds) = office.engine.holds(&november, None, 10).await.unwrap();
    assert!(holds.iter().all(|one| one.exception.code == "H160"), "{holds:?}");
    assert_eq!(
        office.claims("E1").await,
        ["2026-10 r0 500000 cycle 2", "2026-10 r1 40000 cycle 2", "2026-11 r0 540000 cycle 2"]
    );
    office.ends_whole().await;
}

async fn without_agreed_format_it_is_asked_by_letter(mut office: TestOffice) {
    let cycle = paid_out(&mut office, "").await;
    let told = refused(proposed(&office, &cycle, "E1", asking("CUST")).await, "D175");
    assert!(told.contains("--by-letter"), "{told}");
    let by_letter = Asking { code: "CUST", reason: REASON, by_letter: true };
    proposed(&office, &cycle, "E1", by_letter).await.unwrap();
    assert!(confirmed(&office, &cycle, "E1").await.unwrap().files.is_empty());
    assert_eq!(recalls(&office, &cycle).await, ["1 CUST sent no file"]);
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    office.on_day("2026-10-08");
    returned(&office, &cycle, "E1", "FOCR").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 CUST over no file"]);
    office.ends_whole().await;
}

async fn a_partner_takes_the_reasons_of_its_terms(mut office: TestOffice) {
    let terms = "recalls = { format = \"iso20022-camt055-09\", reasons = [\"DUPL\", \"TECH\"] }";
    let cycle = paid_out(&mut office, terms).await;
    let told = refused(proposed(&office, &cycle, "E1", asking("CUST")).await, "D173");
    assert!(told.contains("DUPL, TECH"), "{told}");
    proposed(&office, &cycle, "E1", asking("TECH")).await.unwrap();
    office.ends_whole().await;
}

async fn an_excess_is_asked_back_from_a_halted_partner(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    reported(&office, &cycle, "E1", 1, "RJCT").await;
    let list = office.engine.reissue(&office.now(&cycle).await).await.unwrap().list.unwrap();
    office.sent(&cycle, list.number.0).await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 rejected, 2 in_batch");
    office.on_day("2026-10-08");
    reported(&office, &cycle, "E1", 1, "ACCC").await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 settled_excess, 2 in_batch");
    assert_eq!(office.halts().await, ["provider:isobank"]);
    assert_eq!(office.receivables().await, ["settled_excess 500000"]);
    // What evidence halted are payments: what is asked back goes.
    asked_back(&office, &cycle, "E1").await;
    returned(&office, &cycle, "E1", "FOCR").await;
    assert_eq!(office.attempts(&cycle, "E1").await, "1 excess_returned, 2 in_batch");
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    // What an officer halts stops everything.
    made(&office, &cycle, "E2").await;
    let engine = &office.engine;
    engine.halt_put("all", "the keys may be known", MAKER, &key(MAKER)).await.unwrap();
    let told = engine.dispatch(None).await.unwrap();
    assert!(told[0].detail.starts_with("halted: the keys may be known; "), "{}", told[0].detail);
    office.ends_whole().await;
}

async fn a_closed_month_can_be_asked_back(mut office: TestOffice) {
    let cycle = paid_out(&mut office, TERMS).await;
    for enrolment in ["E1", "E2"] {
        reported(&office, &cycle, enrolment, 1, "ACCC").await;
    }
    let cycle = office.closed(&cycle).await;
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    let an = Whom::Person(office.person("E1").await);
    let engine = &office.engine;
    let asked =
        engine.recall_propose(&cycle, an, asking("FRAD"), MAKER, &key(MAKER)).await.unwrap();
    assert_eq!((asked.count, asked.total_minor), (1, 500_000));
    let by = APPROVERS[1];
    engine.recall_confirm(&cycle, an, by, &key(by)).await.unwrap();
    engine.dispatch(None).await.unwrap();
    office.on_day("2026-10-08");
    answered(&office, &cycle, "A1", "ACCR", "").await;
    returned(&office, &cycle, "E1", "FOCR").await;
    office.check(&cycle, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 FRAD over delivered"]);
    office.ends_whole().await;
}
