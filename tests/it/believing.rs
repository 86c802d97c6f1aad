//! What partners say that cannot be taken at its word: another account than the ordered one, a second
//! transaction for one order, one transaction for two orders, a day that cannot be. Nothing of it is booked, and a person is told. Each told on
//! both databases.

use std::path::Path;
use std::process::Command;

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::leaving::agreed;
use crate::support::office::{
    Base, MAKER, TestOffice, key, on_both_databases, period, refused, run,
};
use crate::support::real_parts::RealPart;
use crate::support::small_office::{PROGRAM, Ran};

on_both_databases! { run, RealPart::Postgres;
    another_account_is_not_paid_and_is_told
    a_way_of_writing_is_no_other_account
    a_slip_about_a_rejected_payment_holds_it
    a_second_transaction_is_perhaps_a_second_payment
    of_two_transactions_one_may_stand_when_the_other_came_back
    a_second_debit_is_perhaps_a_second_payment
    what_is_said_again_is_counted_and_not_booked
    one_transaction_pays_one_order
    a_booking_of_many_payments_has_one_reference
    a_day_that_cannot_be_is_told
    a_file_in_the_wrong_outbox_is_told_once
    entries_of_an_account_that_is_not_ours_are_refused_whole
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CU: &str = "E3 | 001145000103 | Đỗ Văn Cư | 1945-07-09 | male | social_pension/monthly | monthly_pension=0 | ewallet momo 0901234567";
const DUNG: &str = "E4 | 001145000104 | Lê Thị Dung | 1945-07-10 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004";
const HOA: &str = "E5 | 001145000105 | Lê Thị Hoa | 1945-07-11 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000005";

/// A month of these people, sent on 1 October; it is the 6th.
async fn sent(office: &TestOffice, people: &[&str]) -> Cycle {
    office.on_day("2026-10-01");
    office.month("2026-10", people).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-06");
    october
}

async fn reference(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> String {
    office.said(cycle, enrolment, 1, "", "").await.reference
}

/// One row of a bank's result sheet: enrolment, account, status, transaction, day.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

/// A result sheet; gives how many of its items were known before.
async fn sheet(office: &TestOffice, cycle: &Cycle, rows: &[Row<'_>]) -> i64 {
    let mut text =
        "STT,Số tài khoản,Tên người hưởng,Số tiền,Nội dung,Trạng thái,Ghi chú,Số FT,Ngày giao dịch\n".to_owned();
    let mut total = 0;
    for (at, (enrolment, account, status, transaction, day)) in rows.iter().enumerate() {
        let said = office.said(cycle, enrolment, 1, "", "").await;
        let (reference, minor) = (said.reference, said.amount_minor);
        text.push_str(&format!(
            "{},{account},NGUYEN VAN,{minor},MA {reference} TRO CAP,{status},,{transaction},{day}\n",
            at + 1
        ));
        total += minor;
    }
    text.push_str(&format!("Tổng cộng,{},,{total},,,,,\n", rows.len()));
    office.answered("sheetbank", "csv", text.as_bytes()).await.unwrap().repeated
}

/// What stands in the queue: the code and what follows it.
async fn queue(office: &TestOffice) -> Vec<String> {
    let open = office.engine.store.discrepancies().await.unwrap();
    open.into_iter().map(|(_, one)| format!("{}: {}", one.kind, one.detail)).collect()
}

#[track_caller]
fn told(queue: &[String], expected: &[&str]) {
    let all = queue.len() == expected.len()
        && queue.iter().zip(expected).all(|(told, part)| told.contains(part));
    assert!(all, "{queue:#?}, not {expected:#?}");
}

async fn another_account_is_not_paid_and_is_told(office: TestOffice) {
    let october = sent(&office, &[AN, BINH, CU]).await;
    let before = office.snapshot().await;
    sheet(&office, &october, &[("E1", "0711000009", "Thành công", "FT1", "05/10/2026")]).await;
    sheet(&office, &october, &[("E1", "9999999999", "Không thành công", "", "05/10/2026")]).await;

    let binh = reference(&office, &october, "E2").await;
    let status = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-1</MsgId><CreDtTm>2026-10-06T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>F</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>{binh}</OrgnlEndToEndId><TxSts>ACCC</TxSts>
<OrgnlTxRef><CdtrAcct><Id><Othr><Id>0711000003</Id></Othr></Id></CdtrAcct></OrgnlTxRef></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"#
    );
    office.answered("isobank", "xml", status.as_bytes()).await.unwrap();
    office
        .answered("isobank", "xml", notice(&binh, "DBIT", "A1", "0711000003").as_bytes())
        .await
        .unwrap();

    let mut cu = office.said(&october, "E3", 1, "SUCCESS", "").await;
    cu.account = "0909999999".to_owned();
    office.wallet(&[cu]).await.unwrap();

    office.check(&october, "entitled 3", "pending 3 = 1500000").await;
    let queue = queue(&office).await;
    told(
        &queue,
        &[
            "account_differs: L122: the account is …0009, ordered was …0001",
            "account_differs: L122: the account is …9999, ordered was …0001",
            "account_differs: L122: the account is …0003, ordered was …0002",
            "account_differs: L122: the account is …0003, ordered was …0002",
            "account_differs: L122: the account is …9999, ordered was …4567",
        ],
    );
    assert!(queue.iter().all(|one| !one.contains("0711")), "no account is shown: {queue:?}");
    let moved: Vec<String> = before
        .into_iter()
        .filter(|one| one.starts_with("Instruction") || one.starts_with("Payable"))
        .collect();
    let after = office.snapshot().await;
    assert!(moved.iter().all(|one| after.contains(one)), "nothing was changed");

    // The bank corrects itself, and what it says then counts.
    sheet(&office, &october, &[("E1", "0711000001", "Thành công", "FT1", "05/10/2026")]).await;
    // Money that came back is credited to us: the account of the creditor is ours.
    let back = notice(&binh, "CRDT", "A2", "VN67BHXH0000000011004000001");
    office.answered("isobank", "xml", back.as_bytes()).await.unwrap();
    office
        .check(&october, "entitled 3", "pending 1 = 500000, paid 1 = 500000, returned 1 = 500000")
        .await;
    office.ends_whole().await;
}

/// An entry of our account about one payment, with the transaction and the creditor's account.
fn notice(reference: &str, entry: &str, transaction: &str, account: &str) -> String {
    let reason = match entry {
        "CRDT" => "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>",
        _ => "",
    };
    let transaction = match transaction {
        "" => String::new(),
        transaction => format!("<AcctSvcrRef>{transaction}</AcctSvcrRef>"),
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>N-{entry}-{transaction}</MsgId><CreDtTm>2026-10-06T18:00:00</CreDtTm></GrpHdr>
<Ntfctn><Id>N</Id><Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>
<Ntry><Amt Ccy="VND">500000</Amt><CdtDbtInd>{entry}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-10-05</Dt></BookgDt>
<NtryDtls><TxDtls><Refs>{transaction}<EndToEndId>{reference}</EndToEndId></Refs><Amt Ccy="VND">500000</Amt>
<CdtDbtInd>{entry}</CdtDbtInd><RltdPties><CdtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></CdtrAcct></RltdPties>
{reason}</TxDtls></NtryDtls></Ntry></Ntfctn>
</BkToCstmrDbtCdtNtfctn></Document>
"#
    )
    .replace("<MsgId>N-DBIT-<AcctSvcrRef>", "<MsgId>N-")
    .replace("<MsgId>N-CRDT-<AcctSvcrRef>", "<MsgId>R-")
    .replace("</AcctSvcrRef></MsgId>", "</MsgId>")
}

async fn a_way_of_writing_is_no_other_account(office: TestOffice) {
    let october = sent(&office, &[AN, BINH, CU, DUNG]).await;
    sheet(&office, &october, &[("E1", "0711 000.001", "Thành công", "FT1", "05/10/2026")]).await;
    // This sheet goes through a spreadsheet, which drops the zeros.
    sheet(&office, &october, &[("E4", "711000004", "Thành công", "FT2", "05/10/2026")]).await;
    let mut cu = office.said(&october, "E3", 1, "SUCCESS", "").await;
    cu.account = "+84 901 234 567".to_owned();
    office.wallet(&[cu]).await.unwrap();
    // An answer that states no account is as it ever was.
    let binh = reference(&office, &october, "E2").await;
    let debit = notice(&binh, "DBIT", "A1", "")
        .replace("<CdtrAcct><Id><Othr><Id></Id></Othr></Id></CdtrAcct>", "");
    office.answered("isobank", "xml", debit.as_bytes()).await.unwrap();
    told(&queue(&office).await, &[]);
    office.check(&october, "entitled 4", "pending 1 = 500000, paid 3 = 1500000").await;
    assert_eq!(
        office.instructions(&october, "E2").await[0].evidence.debited_on.as_deref(),
        Some("2026-10-05")
    );
    office.ends_whole().await;
}

async fn of_two_transactions_one_may_stand_when_the_other_came_back(office: TestOffice) {
    let october = sent(&office, &[AN, DUNG]).await;
    let an = |status, transaction| ("E1", "0711000001", status, transaction, "05/10/2026");
    sheet(&office, &october, &[an("Thành công", "FT1"), an("Thành công", "FT2")]).await;
    let mut back = office.said(&october, "E1", 1, "Hoàn trả", "Tài khoản đã đóng").await;
    back.transaction = "FT2".to_owned();
    office.sheet(&[back]).await.unwrap();
    office.check(&october, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.list, again.ordered), (None, 0), "{:?}", again.waiting);
    assert!(again.waiting.keys().any(|why| why.contains("more was told of it")));
    let dung = office.said(&october, "E4", 1, "Thành công", "").await;
    office.sheet(&[dung]).await.unwrap();

    // Carried it waits for two persons, also after an officer has looked at the queue, and from list to list.
    let (number, _) = office.engine.store.discrepancies().await.unwrap()[0].clone();
    let engine = &office.engine;
    engine.discrepancy_resolve(number, "asked the bank", MAKER, &key(MAKER)).await.unwrap();
    let mut before = october;
    for month in ["2026-11", "2026-12"] {
        office.closed(&before).await;
        office.month(month, &[DUNG]).await;
        before = office.paid_out(month, Regular).await;
        let held = office.engine.store.held(before.number).await.unwrap();
        assert_eq!(held.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["H153"]);
        let dung = office.said(&before, "E4", 1, "Thành công", "").await;
        office.sheet(&[dung]).await.unwrap();
    }
    office.ends_whole().await;
}

/// Rejected, and then said to be paid with a slip: what counts as no evidence is still a reason to wait.
async fn a_slip_about_a_rejected_payment_holds_it(office: TestOffice) {
    let october = sent(&office, &[AN, DUNG]).await;
    let no = office.said(&october, "E1", 1, "Thất bại", "Tài khoản đã đóng").await;
    office.sheet(&[no]).await.unwrap();
    let mut yes = office.said(&october, "E1", 1, "Thành công", "").await;
    yes.amount_minor -= 1000;
    office.sheet(&[yes]).await.unwrap();
    office.check(&october, "entitled 2", "pending 1 = 500000, rejected 1 = 500000").await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.list, again.ordered), (None, 0), "{:?}", again.waiting);
    let dung = office.said(&october, "E4", 1, "Thành công", "").await;
    office.sheet(&[dung]).await.unwrap();
    office.closed(&october).await;
    office.month("2026-11", &[DUNG]).await;
    let november = office.paid_out("2026-11", Regular).await;
    let held = office.engine.store.held(november.number).await.unwrap();
    assert_eq!(held.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["H153"]);
    office.ends_whole().await;
}

async fn a_second_transaction_is_perhaps_a_second_payment(office: TestOffice) {
    let october = sent(&office, &[AN, DUNG]).await;
    let an = |transaction| ("E1", "0711000001", "Thành công", transaction, "05/10/2026");
    let dung = |transaction| ("E4", "0711000004", "Thành công", transaction, "05/10/2026");
    // In one file, by two transactions.
    assert_eq!(sheet(&office, &october, &[an("FT1"), an("FT2")]).await, 0);
    told(
        &queue(&office).await,
        &["paid_twice: L123: paid by the transaction FT2, and before by FT1"],
    );
    let twice = |figures: &chitra::engine::figures::Figures| {
        (figures.perhaps_twice.count, figures.perhaps_twice.minor)
    };
    assert_eq!(twice(&office.figures(&october).await), (1, 500_000));
    // In another file, by a third; and the second once more, which is known.
    assert_eq!(sheet(&office, &october, &[an("FT3"), an("FT2")]).await, 1);
    // Twice in one file, and nothing says that it is one payment.
    assert_eq!(sheet(&office, &october, &[dung(""), dung("")]).await, 0);
    told(
        &queue(&office).await,
        &["FT2, and before by FT1", "FT3, and before by", "L123: paid twice in one answer"],
    );
    // Each is paid once in our books, and nothing is to be got back before somebody knows.
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    assert!(office.receivables().await.is_empty());
    assert_eq!(twice(&office.figures(&october).await), (3, 1_500_000));

    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        let reason = "the bank says that it booked once and numbered twice";
        office.engine.discrepancy_resolve(number, reason, MAKER, &key(MAKER)).await.unwrap();
    }
    assert_eq!(twice(&office.figures(&october).await), (0, 0));
    office.ends_whole().await;
}

async fn a_second_debit_is_perhaps_a_second_payment(office: TestOffice) {
    let october = sent(&office, &[BINH]).await;
    let binh = reference(&office, &october, "E2").await;
    let debit = |transaction: &str| notice(&binh, "DBIT", transaction, "0711000002");
    office.answered("isobank", "xml", debit("A1").as_bytes()).await.unwrap();
    let again = debit("A1").replace("18:00:00", "19:00:00");
    assert_eq!(office.answered("isobank", "xml", again.as_bytes()).await.unwrap().repeated, 1);
    told(&queue(&office).await, &[]);
    office.answered("isobank", "xml", debit("A2").as_bytes()).await.unwrap();
    told(&queue(&office).await, &["L123: debited by the transaction A2, and before by A1"]);
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.figures(&october).await.perhaps_twice.count, 1);
    office.ends_whole().await;
}

async fn what_is_said_again_is_counted_and_not_booked(office: TestOffice) {
    let october = sent(&office, &[AN, DUNG]).await;
    let paid = ("E1", "0711000001", "Thành công", "FT1", "05/10/2026");
    let refused = ("E4", "0711000004", "Không thành công", "", "05/10/2026");
    // Once more in the same file, under the same transaction.
    assert_eq!(sheet(&office, &october, &[paid, refused, paid]).await, 1);
    // Once more in a later file.
    let later = ("E1", "0711000001", "Thành công", "FT1", "06/10/2026");
    assert_eq!(sheet(&office, &october, &[later, refused]).await, 2);
    // One that names its transaction, after one that did not, is no second one.
    told(&queue(&office).await, &[]);
    office.check(&october, "entitled 2", "paid 1 = 500000, rejected 1 = 500000").await;
    let answers = office.engine.store.answers().await.unwrap();
    assert_eq!(answers.iter().map(|one| one.repeated).collect::<Vec<_>>(), [1, 2]);

    // It came back, and the credit is told once more: no news.
    let back = ("E1", "0711000001", "Hoàn trả", "FT9", "06/10/2026");
    sheet(&office, &october, &[back]).await;
    assert_eq!(sheet(&office, &october, &[paid, paid]).await, 2);
    told(&queue(&office).await, &[]);
    office.check(&october, "entitled 2", "rejected 1 = 500000, returned 1 = 500000").await;
    office.ends_whole().await;
}

/// One transaction credits one account once: who says that it paid two orders says something untrue of one.
async fn one_transaction_pays_one_order(office: TestOffice) {
    let october = sent(&office, &[AN, DUNG, CU]).await;
    let an = |transaction| ("E1", "0711000001", "Thành công", transaction, "05/10/2026");
    let dung = |transaction| ("E4", "0711000004", "Thành công", transaction, "05/10/2026");
    let first = reference(&office, &october, "E1").await;
    let shared = format!(
        "transaction_shared: L141: paid by the transaction FT1, which was told for {first} before"
    );
    // In one file, and in a later one.
    assert_eq!(sheet(&office, &october, &[an("FT1"), dung("FT1"), an("FT1")]).await, 1);
    assert_eq!(sheet(&office, &october, &[dung("FT1")]).await, 0);
    told(&queue(&office).await, &[&shared, &shared]);
    office.check(&october, "entitled 3", "pending 2 = 1000000, paid 1 = 500000").await;
    assert!(office.halts().await.is_empty());
    let open = office.engine.store.discrepancies().await.unwrap();
    let dung_order = office.instructions(&october, "E4").await[0].clone();
    assert_eq!(open[0].1.instruction, Some((dung_order.payable, dung_order.attempt)));
    assert_eq!(
        (open[0].1.expected_minor, open[0].1.reported_minor),
        (Some(500_000), Some(500_000))
    );

    // Another partner numbers for itself.
    let mut cu = office.said(&october, "E3", 1, "SUCCESS", "").await;
    cu.transaction = "FT1".to_owned();
    office.wallet(&[cu]).await.unwrap();
    // What the bank says of her under a number of her own counts.
    assert_eq!(sheet(&office, &october, &[dung("FT2")]).await, 0);
    assert_eq!(queue(&office).await.len(), 2);
    office.check(&october, "entitled 3", "paid 3 = 1500000").await;

    // Nor is next month paid by it, to the same person, or by what paid another; a return is no payment.
    office.on_day("2026-11-01");
    office.month("2026-11", &[AN, DUNG]).await;
    let november = office.paid_out("2026-11", Regular).await;
    office.on_day("2026-11-05");
    let an = |transaction| ("E1", "0711000001", "Thành công", transaction, "03/11/2026");
    let back = ("E4", "0711000004", "Hoàn trả", "FT1", "03/11/2026");
    sheet(&office, &november, &[an("FT1"), an("FT2"), back]).await;
    let second = reference(&office, &october, "E4").await;
    let of_second = format!("FT2, which was told for {second} before");
    told(&queue(&office).await, &[&shared, &shared, &shared, &of_second]);
    office.check(&november, "entitled 2", "pending 1 = 580000, returned 1 = 580000").await;
    // Named by no transaction, it is as it ever was.
    sheet(&office, &november, &[an("")]).await;
    office.check(&november, "entitled 2", "paid 1 = 580000, returned 1 = 580000").await;
    office.ends_whole().await;
}

/// A file is debited in one sum, and the bank writes the reference of that entry beside each payment.
async fn a_booking_of_many_payments_has_one_reference(office: TestOffice) {
    let october = sent(&office, &[BINH, HOA]).await;
    for enrolment in ["E2", "E5"] {
        let payment = reference(&office, &october, enrolment).await;
        let account = office.said(&october, enrolment, 1, "", "").await.account;
        let debit = notice(&payment, "DBIT", "A1", &account)
            .replace("<MsgId>N-A1", &format!("<MsgId>N-{enrolment}"));
        office.answered("isobank", "xml", debit.as_bytes()).await.unwrap();
        let debited = &office.instructions(&october, enrolment).await[0].evidence.debited_on;
        assert_eq!(debited.as_deref(), Some("2026-10-05"));
        // What the bank says of the credit has a number of its own; that of the debit is another matter.
        let status = credited(&payment, "A1", &account);
        if enrolment == "E2" {
            office.answered("isobank", "xml", status.as_bytes()).await.unwrap();
        }
    }
    told(&queue(&office).await, &[]);
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    // Of credits the bank says which: one number is one credit.
    let hoa = reference(&office, &october, "E5").await;
    let status = credited(&hoa, "A1", "0711000005");
    office.answered("isobank", "xml", status.as_bytes()).await.unwrap();
    told(&queue(&office).await, &["transaction_shared: L141: paid by the transaction A1"]);
    office.check(&october, "entitled 2", "pending 1 = 500000, paid 1 = 500000").await;
    office.ends_whole().await;
}

/// A status report that a payment was credited, by a transaction.
fn credited(reference: &str, transaction: &str, account: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-{reference}</MsgId><CreDtTm>2026-10-06T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>F</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>ACCC</TxSts><AcctSvcrRef>{transaction}</AcctSvcrRef>
<OrgnlTxRef><CdtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></CdtrAcct></OrgnlTxRef></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"#
    )
}

async fn a_day_that_cannot_be_is_told(office: TestOffice) {
    let october = sent(&office, &[AN, DUNG]).await;
    for day in ["05/10/2036", "11/10/2026", "05/10/2025", "23/09/2026"] {
        sheet(&office, &october, &[("E1", "0711000001", "Thành công", "FT1", day)]).await;
    }
    told(
        &queue(&office).await,
        &[
            "date_impossible: L124: 2036-10-05 is still to come",
            "date_impossible: L124: 2026-10-11 is still to come",
            "L124: 2025-10-05 is long before the file was made, on 2026-10-01",
            "L124: 2026-09-23 is long before",
        ],
    );
    office.check(&october, "entitled 2", "pending 2 = 1000000").await;
    // A booking that a bank dates back, and one for the next business day.
    for (person, account, day) in
        [("E1", "0711000001", "24/09/2026"), ("E4", "0711000004", "10/10/2026")]
    {
        sheet(&office, &october, &[(person, account, "Thành công", "", day)]).await;
    }
    office.check(&october, "entitled 2", "paid 2 = 1000000").await;
    assert_eq!(queue(&office).await.len(), 4);
    office.ends_whole().await;
}

async fn a_file_in_the_wrong_outbox_is_told_once(office: TestOffice) {
    let october = sent(&office, &[AN]).await;
    sheet(&office, &october, &[("E1", "0711000001", "Thành công", "FT1", "05/10/2026")]).await;
    let outbox = office.dir.join("sheetbank/outbox");
    let lies = std::fs::read_dir(outbox).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&lies, office.dir.join("wallet/outbox/RESULT.csv")).unwrap();
    let collected = || async { office.engine.collect_all().await.unwrap() };
    let once = collected().await;
    let [Err((name, error))] = once.as_slice() else { panic!("{once:?}") };
    assert_eq!((name.as_str(), error.code()), ("RESULT.csv", "L107"));
    for _ in 0..2 {
        assert!(collected().await.is_empty(), "it is told once");
        told(
            &queue(&office).await,
            &["file_refused: L107: RESULT.csv has the bytes of answer 1 of sheetbank"],
        );
    }
    let (number, _) = office.engine.store.discrepancies().await.unwrap().remove(0);
    let reason = "the bank put it into the wrong folder; it is taken away";
    office.engine.discrepancy_resolve(number, reason, MAKER, &key(MAKER)).await.unwrap();
    assert!(collected().await.is_empty());
    told(&queue(&office).await, &[]);
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn entries_of_an_account_that_is_not_ours_are_refused_whole(mut office: TestOffice) {
    agreed(&mut office, "isobank", "debit_is_proof = true").await;
    let october = sent(&office, &[BINH]).await;
    let binh = reference(&office, &october, "E2").await;
    let ours = "<Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>";
    let theirs = "<Acct><Id><Othr><Id>99887766554433</Id></Othr></Id></Acct>";
    let of_another = notice(&binh, "DBIT", "A1", "0711000002").replace(ours, theirs);
    let told_of = refused(office.answered("isobank", "xml", of_another.as_bytes()).await, "L135");
    assert!(told_of.contains("…4433") && !told_of.contains("99887766"), "{told_of}");
    told(&queue(&office).await, &["file_refused: L135: ANSWER-"]);
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    assert_eq!(office.instructions(&october, "E2").await[0].evidence.debited_on, None);

    // One that names no account is as it ever was, and what the partner may name is an agreement.
    let unnamed = notice(&binh, "CRDT", "A2", "").replace(ours, "");
    agreed(&mut office, "isobank", "our_accounts = [\"9988 7766 554433\"]").await;
    let collected = office.engine.collect_all().await.unwrap();
    assert!(matches!(collected.as_slice(), [Ok(one)] if one.items == 1), "{collected:?}");
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.answered("isobank", "xml", unnamed.as_bytes()).await.unwrap();
    office.check(&october, "entitled 1", "returned 1 = 500000").await;
    told(&queue(&office).await, &[]);
    office.ends_whole().await;
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_missing() {
    run(Base::Sqlite, |office| async move {
        let (nowhere, folder) = (Path::new("/nowhere/at/all.csv"), office.dir.clone());
        // Reading a device never ends, and a pipe waits for who writes.
        let (device, pipe) = (Path::new("/dev/zero"), office.dir.join("pipe.csv"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [nowhere, folder.as_path(), device, pipe.as_path()] {
            let engine = &office.engine;
            let month = period("2026-10");
            let said = [
                refused(engine.identity_import(path, month, MAKER, &key(MAKER)).await, "I126"),
                refused(engine.collect_file("sheetbank", path).await, "I126"),
            ];
            for sentence in said {
                assert!(sentence.contains(&path.display().to_string()), "{sentence}");
                assert!(sentence.contains("look at its name and place"), "{sentence}");
            }
        }
        office.month("2026-10", &[AN]).await;
        let month = period("2026-10");
        refused(office.engine.roster_import(nowhere, month, MAKER, &key(MAKER)).await, "I126");
    });
    let sandbox = tempfile::tempdir().unwrap();
    for arguments in [
        &["formats", "check", "/nowhere/at/all.csv"][..],
        &["sandbox", "new", "--script", "/nowhere/at/all.csv"],
    ] {
        let mut program = Command::new(PROGRAM);
        let ran = Ran::of(program.current_dir(sandbox.path()).arg("--json").args(arguments));
        assert_eq!(ran.code(), "I126", "{arguments:?}: {}", ran.stderr);
    }
}
