//! Reports of an account within the day (camt.052) beside the statement of the evening (camt.053): what is
//! booked is evidence at once, what is pending is none, and the statement tells all of it again. Each told
//! on both databases.

use std::sync::Arc;

use chitra::disk::RealDisk;
use chitra::engine::office::{self, Surroundings};
use chitra::engine::progress::Silent;

use crate::statements::{entry, last, of_file, of_payment, reference, sent, shares, statement};
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_a_report_tells_in_the_morning_the_statement_does_not_book_again
    what_is_pending_or_for_information_moves_nothing
    a_second_debit_is_found_in_the_statement_as_if_no_report_had_come
    reports_within_the_day_are_agreed_beside_statements
}

/// Our account at some hour, with a balance that closes nothing.
fn report(id: &str, hour: &str, entries: &[String]) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.052.001.08\"><BkToCstmrAcctRpt>\
         <GrpHdr><MsgId>M{id}</MsgId><CreDtTm>2026-10-06T{hour}:00:00</CreDtTm></GrpHdr>\
         <Rpt><Id>{id}</Id><Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>\
         <Bal><Tp><CdOrPrtry><Cd>ITBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"VND\">77</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
         <Dt><DtTm>2026-10-06T{hour}:00:00</DtTm></Dt></Bal>{}</Rpt></BkToCstmrAcctRpt></Document>",
        entries.concat()
    )
}

/// A partner that reports within the day too.
fn with_reports(office: &TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let text =
        text.replacen("\"iso20022-camt054\"", "\"iso20022-camt054\", \"iso20022-camt052\"", 1);
    let text =
        text.replacen("\"iso20022-camt052\"]", "\"iso20022-camt052\", \"iso20022-camt053\"]", 1);
    std::fs::write(&path, text).unwrap();
}

fn not_booked(entry: &str, status: &str) -> String {
    entry.replace("<Cd>BOOK</Cd>", &format!("<Cd>{status}</Cd>"))
}

/// A payment of an entry, with the bank's own reference.
fn under(bank_reference: &str, of_payment: &str) -> String {
    let named = format!("<Refs><AcctSvcrRef>{bank_reference}</AcctSvcrRef>");
    of_payment.replace("<Refs>", &named)
}

async fn what_a_report_tells_in_the_morning_the_statement_does_not_book_again(
    mut office: TestOffice,
) {
    with_reports(&office);
    let (cycle, batch) = sent(&mut office, "debit_booking = \"bulk\"").await;
    let (binh, chi) =
        (reference(&office, &cycle, "E2").await, reference(&office, &cycle, "E3").await);
    let back = |who: &str, reason: &str, bank: &str| {
        entry(500_000, "RRTN", &under(bank, &of_payment(who, 500_000, reason)))
    };
    let taken = entry(-1_000_000, "SALA", &of_file(&batch));
    let fee = entry(-3_300, "CHRG", "");
    let stranger = entry(70_000, "RCDT", "");
    let pending = not_booked(&back(&chi, "AC06", "RT-2"), "PDNG");
    let so_far =
        [taken.clone(), back(&binh, "AC04", "RT-1"), fee.clone(), stranger.clone(), pending];
    let morning = report("R1", "10", &so_far);
    let collected = office.answered("isobank", "xml", morning.as_bytes()).await.unwrap();
    assert_eq!((collected.format.as_str(), collected.items), ("iso20022-camt052", 5));
    office.check(&cycle, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    // It is no statement: nothing is chained with it, and what is none of ours waits for the evening.
    assert!(office.engine.statements_seen().await.unwrap().is_empty());
    assert!(office.discrepancies().await.is_empty());

    let noon = report("R2", "12", &so_far);
    let collected = office.answered("isobank", "xml", noon.as_bytes()).await.unwrap();
    assert_eq!(collected.repeated, 1);
    office.check(&cycle, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;

    // What was pending at noon was not booked in the end.
    let entries = [taken, back(&binh, "AC04", "RT-1"), fee, stranger];
    let sum = -1_000_000 + 500_000 - 3_300 + 70_000;
    let evening = statement("S1", "2026-10-06", (5_000_000, 5_000_000 + sum), &entries);
    let collected = office.answered("isobank", "xml", evening.as_bytes()).await.unwrap();
    assert_eq!(collected.repeated, 1);
    office.check(&cycle, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    assert_eq!(office.attempts(&cycle, "E2").await, "1 returned");
    assert_eq!(
        shares(&last(&office).await),
        [
            "debit 1 entries 2 payments -1000000",
            "fee 1 entries 0 payments -3300",
            "return 1 entries 1 payments 500000",
            "unexplained 1 entries 0 payments 70000",
        ]
    );
    assert_eq!(office.discrepancies().await, ["unexplained_entry"]);

    // The next day begins where the statement ended, whatever balance the reports told.
    let next = statement("S2", "2026-10-07", (5_000_000 + sum, 5_000_000 + sum), &[]);
    office.on_day("2026-10-07");
    office.answered("isobank", "xml", next.as_bytes()).await.unwrap();
    let seen = office.engine.statements_seen().await.unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|one| one.gap.is_none()));
    office.ends_whole().await;
}

async fn what_is_pending_or_for_information_moves_nothing(mut office: TestOffice) {
    with_reports(&office);
    let (cycle, batch) = sent(&mut office, "debit_is_proof = true").await;
    let binh = reference(&office, &cycle, "E2").await;
    office.on_day("2026-10-20");
    office.engine.collect_all().await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let debit = entry(-500_000, "DMCT", &of_payment(&binh, 500_000, ""));
    let back = entry(500_000, "RRTN", &of_payment(&binh, 500_000, "AC04"));
    let whole = entry(-1_000_000, "SALA", &of_file(&batch));
    let entries: Vec<String> = ["PDNG", "INFO", "FUTR"]
        .iter()
        .flat_map(|status| [&debit, &back, &whole].map(|one| not_booked(one, status)))
        .collect();
    let told = report("R1", "10", &entries);
    let collected = office.answered("isobank", "xml", told.as_bytes()).await.unwrap();
    assert_eq!((collected.items, collected.repeated), (9, 0));
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    // On a statement and in a notification they say as little.
    let text = statement("S1", "2026-10-20", (0, 0), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let notice = told
        .replace("camt.052", "camt.054")
        .replace("BkToCstmrAcctRpt", "BkToCstmrDbtCdtNtfctn")
        .replace("Rpt>", "Ntfctn>");
    let collected = office.answered("isobank", "xml", notice.as_bytes()).await.unwrap();
    assert_eq!((collected.format.as_str(), collected.items), ("iso20022-camt054", 9));
    office.check(&cycle, "entitled 2", "unknown 2 = 1000000").await;
    let seen = last(&office).await;
    assert_eq!((seen.statement.entries, seen.statement.pending), (0, 9));
    assert!(office.discrepancies().await.is_empty());
    assert!(office.engine.store.acknowledgements(cycle.number).await.unwrap().is_empty());

    let booked = report("R2", "11", &[debit]);
    office.answered("isobank", "xml", booked.as_bytes()).await.unwrap();
    office.check(&cycle, "entitled 2", "unknown 1 = 500000, paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_second_debit_is_found_in_the_statement_as_if_no_report_had_come(mut office: TestOffice) {
    with_reports(&office);
    let (cycle, _) = sent(&mut office, "debit_is_proof = true").await;
    let binh = reference(&office, &cycle, "E2").await;
    let debit = |bank: &str| entry(-500_000, "DMCT", &under(bank, &of_payment(&binh, 500_000, "")));
    let morning = report("R1", "10", &[debit("TX-1")]);
    office.answered("isobank", "xml", morning.as_bytes()).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    let entries = [debit("TX-1"), debit("TX-2")];
    let evening = statement("S1", "2026-10-06", (1_000_000, 0), &entries);
    let collected = office.answered("isobank", "xml", evening.as_bytes()).await.unwrap();
    assert_eq!(collected.repeated, 1);
    office.check(&cycle, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    assert_eq!(office.discrepancies().await, ["paid_twice"]);
    office.ends_whole().await;
}

async fn reports_within_the_day_are_agreed_beside_statements(mut office: TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let before = std::fs::read_to_string(&path).unwrap();
    let text = before.replacen("\"iso20022-camt054\"]", "\"iso20022-camt052\"]", 1);
    std::fs::write(&path, &text).unwrap();
    office.engine.store.close().await;
    let around = || Surroundings {
        disk: Arc::new(RealDisk),
        clock: office.clock.clone(),
        progress: Arc::new(Silent),
        channels: None,
    };
    let error = office::open(&office.dir, around()).await.err().expect("no statement is agreed");
    assert_eq!(error.code(), "G124", "{error}");
    let text = text.replacen("camt052\"]", "camt052\", \"iso20022-camt053\"]", 1);
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    office.ends_whole().await;
}
