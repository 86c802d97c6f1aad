//! Files that partners acknowledge: received, accepted, executed; what is late by the partner's calendar,
//! and whom to call. Each told on both databases.

use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::office;

use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_late_acknowledgement_is_told_by_the_calendar_and_changes_nothing
    an_acknowledgement_of_another_count_or_total_is_not_believed
}

const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000003";

const AGREED: &str = r#"calendar = "vn"
windows = ["08:00-11:30", "13:00-16:30"]
acknowledgements = { received = "2 hours", accepted = "4 banking hours", executed = "8 banking hours", escalation_contact = "payments desk, 024 3825 0000" }
"#;

/// Two people paid through `isobank` by a file that leaves on Thursday 1 October 2026 at nine.
async fn sent(office: &mut TestOffice, agreed: &str) -> (Cycle, Batch) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let name = "name = \"isobank\"\n";
    std::fs::write(&path, text.replacen(name, &format!("{name}{agreed}"), 1)).unwrap();
    office.reopen().await;
    at(office, "2026-10-01T09:00");
    office.month("2026-10", &[BINH, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let batch = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
    (cycle, batch)
}

fn at(office: &TestOffice, moment: &str) {
    office.clock.set(moment.parse().unwrap());
}

/// `received 2026-10-01 11:00`, the longest late first.
async fn late(office: &TestOffice) -> Vec<String> {
    let late = office.engine.overdue_acknowledgements(None).await.unwrap();
    let due = |due: jiff::civil::DateTime| due.strftime("%F %H:%M").to_string();
    let told = late.iter().map(|one| {
        let open = one.without_result.map_or(String::new(), |open| format!(" {open} open"));
        format!("{} {}{open}", one.kind, one.due.map_or("unknown".to_owned(), due))
    });
    told.collect()
}

/// A pain.002 about a file, with its group status, and the payments that it names.
async fn says(
    office: &TestOffice,
    batch: &Batch,
    (count, sum): (u64, i64),
    group: &str,
    payments: &[(&str, &str)],
) {
    let payments: String = payments
        .iter()
        .map(|(reference, status)| {
            format!(
                "<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts></TxInfAndSts>"
            )
        })
        .collect();
    let of_payments = match payments.is_empty() {
        true => String::new(),
        false => format!(
            "<OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId>{payments}</OrgnlPmtInfAndSts>",
            batch.message_id
        ),
    };
    let text = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>S{group}{count}{}</MsgId><CreDtTm>2026-10-01T12:00:00</CreDtTm></GrpHdr>\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>\
         <OrgnlNbOfTxs>{count}</OrgnlNbOfTxs><OrgnlCtrlSum>{sum}</OrgnlCtrlSum><GrpSts>{group}</GrpSts>\
         </OrgnlGrpInfAndSts>{of_payments}</CstmrPmtStsRpt></Document>",
        payments.len(),
        batch.message_id
    );
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
}

async fn reference(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> String {
    office.said(cycle, enrolment, 1, "", "").await.reference
}

async fn a_late_acknowledgement_is_told_by_the_calendar_and_changes_nothing(
    mut office: TestOffice,
) {
    let (cycle, batch) = sent(&mut office, AGREED).await;
    let whole = (batch.count, batch.total_minor);
    for (now, told) in [
        ("2026-10-01T11:00", &[][..]),
        ("2026-10-01T11:01", &["received 2026-10-01 11:00"]),
        // The midday break is no banking hour.
        ("2026-10-01T14:30", &["received 2026-10-01 11:00"]),
        ("2026-10-01T14:31", &["received 2026-10-01 11:00", "accepted 2026-10-01 14:30"]),
    ] {
        at(&office, now);
        assert_eq!(late(&office).await, told, "{now}");
    }
    let alarm = office.engine.overdue_acknowledgements(Some(&cycle)).await.unwrap().remove(0);
    assert_eq!(alarm.contact.as_deref(), Some("payments desk, 024 3825 0000"));
    assert!(alarm.sentence.en.ends_with("Call: payments desk, 024 3825 0000."), "{alarm:?}");
    assert!(alarm.sentence.vi.contains("chưa báo đã nhận tệp"), "{alarm:?}");
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;

    says(&office, &batch, whole, "RCVD", &[]).await;
    assert_eq!(late(&office).await, ["accepted 2026-10-01 14:30"]);
    says(&office, &batch, whole, "ACTC", &[]).await;
    assert!(late(&office).await.is_empty());

    // The value date is a Saturday: eight banking hours end on Tuesday.
    at(&office, "2026-10-06T09:00");
    assert!(late(&office).await.is_empty());
    at(&office, "2026-10-06T09:01");
    assert_eq!(late(&office).await, ["executed 2026-10-06 09:00 2 open"]);
    let binh = reference(&office, &cycle, "E2").await;
    says(&office, &batch, whole, "PART", &[(&binh, "ACCC")]).await;
    assert_eq!(late(&office).await, ["executed 2026-10-06 09:00 1 open"]);
    office.reopen().await;
    let chi = reference(&office, &cycle, "E3").await;
    says(&office, &batch, whole, "PART", &[(&chi, "ACCC"), (&binh, "ACCC")]).await;
    assert!(late(&office).await.is_empty());

    let held = office.engine.store.acknowledgements(cycle.number).await.unwrap();
    let mut told: Vec<String> =
        held.iter().map(|one| format!("{} by answer {}", one.kind, one.answer)).collect();
    told.sort();
    assert_eq!(told, ["accepted by answer 2", "executed by answer 3", "received by answer 1"]);
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

async fn an_acknowledgement_of_another_count_or_total_is_not_believed(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, AGREED).await;
    at(&office, "2026-10-01T11:01");
    for (count, sum) in
        [(batch.count - 1, batch.total_minor), (batch.count, batch.total_minor - 1), (0, 0)]
    {
        says(&office, &batch, (count, sum), "RCVD", &[]).await;
        assert_eq!(late(&office).await, ["received 2026-10-01 11:00"], "{count} and {sum}");
    }
    // Nor is the file refused by an answer about other totals.
    says(&office, &batch, (batch.count, batch.total_minor + 1), "RJCT", &[]).await;
    assert_eq!(office.discrepancies().await, ["totals_differ"; 4]);
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;

    says(&office, &batch, (batch.count, batch.total_minor), "RJCT", &[]).await;
    assert!(late(&office).await.is_empty(), "a file that was refused waits for nothing");
    office.check(&cycle, "entitled 2", "rejected 2 = 1000000").await;
    let state = office.engine.store.batches(cycle.number).await.unwrap().remove(0).state;
    assert_eq!(state, BatchState::Refused);
    office.ends_whole().await;
}
