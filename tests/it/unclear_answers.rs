//! Items of answers that lack what would make them evidence, contradict themselves, or state another amount
//! than the ordered one: nothing of them is booked, and a person is told. Each told on both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;

use crate::answer_files::status_of;
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    cash_is_paid_by_a_dated_signature_and_nothing_less
    what_contradicts_itself_is_told_in_every_format
    what_waits_for_a_person_at_the_bank_is_told
    a_status_of_a_whole_file_that_contradicts_itself_is_told
    a_word_about_a_whole_file_that_decides_nothing_is_told_once
    a_list_of_an_operator_is_held_against_the_orders
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | cash";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CU: &str = "E3 | 001145000103 | Đỗ Văn Cư | 1945-07-09 | male | social_pension/monthly | monthly_pension=0 | ewallet momo 0901234567";
const DUNG: &str = "E4 | 001145000104 | Lê Thị Dung | 1945-07-10 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004";
const HOA: &str = "E5 | 001145000105 | Lê Thị Hoa | 1945-07-11 | female | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234567";

/// A month of these people, sent on 1 October; it is the 6th.
async fn sent(office: &TestOffice, people: &[&str]) -> Cycle {
    office.on_day("2026-10-01");
    office.month("2026-10", people).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-06");
    october
}

/// The queue is exactly these: the kind and what its sentence says.
async fn told(office: &TestOffice, expected: &[&str]) {
    let open = office.engine.store.discrepancies().await.unwrap();
    let queue: Vec<String> =
        open.into_iter().map(|(_, one)| format!("{}: {}", one.kind, one.detail)).collect();
    let all = queue.len() == expected.len()
        && queue.iter().zip(expected).all(|(told, part)| told.contains(part));
    assert!(all, "{queue:#?}, not {expected:#?}");
}

/// A report of a pay point with one row: status, day, reason.
async fn reported(office: &TestOffice, reference: &str, row: (&str, &str, &str)) {
    let (status, day, reason) = row;
    let text = format!(
        "STT,Mã tham chiếu,Họ và tên,Số định danh,Số tiền,Trạng thái,Ngày ký nhận,Lý do\n\
         1,{reference},Nguyen Van An,001044000101,500000,{status},{day},{reason}\n\
         Tổng cộng,,1,,500000,,,\n"
    );
    assert_eq!(office.answered("paypoint", "csv", text.as_bytes()).await.unwrap().items, 1);
}

async fn cash_is_paid_by_a_dated_signature_and_nothing_less(office: TestOffice) {
    let october = sent(&office, &[AN]).await;
    let an = office.said(&october, "E1", 1, "", "").await.reference;
    for row in [
        ("Đã chi", "", ""),
        ("đã  chi", "", ""),
        ("Chưa chi", "05/10/2026", "Không đến nhận"),
        ("Đã chi", "05/10/2026", "Đã chết"),
        ("Đã chi", "05/10/2026", "Không đến nhận"),
    ] {
        reported(&office, &an, row).await;
    }
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    told(
        &office,
        &[
            "unclear: L145: it says paid, and lacks the day of the signature; nothing was changed",
            "unclear: L145: it says paid, and lacks the day of the signature",
            "unclear: L145: it says not paid, and has the day of a signature",
            "unclear: L145: it says paid, and gives a reason for which a payment is not made",
            "unclear: L145: it says paid, and gives a reason for which a payment is not made",
        ],
    )
    .await;
    // What the pay point corrects counts; a remark is no reason against a payment.
    reported(&office, &an, ("Đã chi", "05/10/2026", "con trai nhận thay")).await;
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

/// A bank's status of one payment; gives its reason where it has one.
fn status(reference: &str, status: &str, reason: &str) -> String {
    let reason = match reason {
        "" => String::new(),
        code => format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"),
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-1</MsgId><CreDtTm>2026-10-06T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>F</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}</TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"#
    )
}

async fn what_contradicts_itself_is_told_in_every_format(office: TestOffice) {
    let october = sent(&office, &[BINH, CU, DUNG]).await;
    let cu = office.said(&october, "E3", 1, "SUCCESS", "WALLET_LOCKED").await;
    office.wallet(&[cu]).await.unwrap();
    let dung = office.said(&october, "E4", 1, "Thành công", "Tài khoản đã đóng").await;
    office.sheet(&[dung]).await.unwrap();
    let binh = office.said(&october, "E2", 1, "", "").await.reference;
    office.answered("isobank", "xml", status(&binh, "ACCC", "AC04").as_bytes()).await.unwrap();
    office.check(&october, "entitled 3", "pending 3 = 1500000").await;
    let sentence =
        "unclear: L145: it says paid, and gives a reason for which a payment is not made";
    told(&office, &[sentence; 3]).await;

    // A code that only explains, and words of success, are no reasons against it.
    office.answered("isobank", "xml", status(&binh, "ACCC", "G000").as_bytes()).await.unwrap();
    let dung = office.said(&october, "E4", 1, "Thành công", "Giao dịch thành công").await;
    office.sheet(&[dung]).await.unwrap();
    let cu = office.said(&october, "E3", 1, "SUCCESS", "00").await;
    office.wallet(&[cu]).await.unwrap();
    office.check(&october, "entitled 3", "paid 3 = 1500000").await;
    told(&office, &[sentence; 3]).await;
    office.ends_whole().await;
}

async fn what_waits_for_a_person_at_the_bank_is_told(office: TestOffice) {
    let october = sent(&office, &[BINH]).await;
    let binh = office.said(&october, "E2", 1, "", "").await.reference;
    for word in ["BLCK", "RVNM"] {
        office.answered("isobank", "xml", status(&binh, word, "").as_bytes()).await.unwrap();
    }
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    told(&office, &["unclear: L145: the partner has not carried it out and waits for a person"; 2])
        .await;
    office.answered("isobank", "xml", status(&binh, "ACCC", "").as_bytes()).await.unwrap();
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_status_of_a_whole_file_that_contradicts_itself_is_told(office: TestOffice) {
    let october = sent(&office, &[BINH]).await;
    let batches = office.engine.store.batches(october.number).await.unwrap();
    let file = batches.into_iter().find(|one| one.provider == "isobank").unwrap();
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>S-2</MsgId><CreDtTm>2026-10-06T18:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>ACCC</GrpSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts>
</CstmrPmtStsRpt></Document>
"#,
        file.message_id
    );
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    told(&office, &["it says paid, and gives a reason for which a payment is not made"]).await;
    office.ends_whole().await;
}

async fn a_word_about_a_whole_file_that_decides_nothing_is_told_once(office: TestOffice) {
    let october = sent(&office, &[BINH]).await;
    let batches = office.engine.store.batches(october.number).await.unwrap();
    let file = batches.into_iter().find(|one| one.provider == "isobank").unwrap();
    let mut expected = Vec::new();
    for (word, part) in [
        (
            "CANC",
            "unclear: L145: of TEST-TEST-202610-R-C1-L0-B001.xml as a whole it is said that it was cancelled",
        ),
        (
            "XXXX",
            "status_unknown: of TEST-TEST-202610-R-C1-L0-B001.xml as a whole it is said what no rule",
        ),
        ("PDNG", ""),
        (
            "BLCK",
            "unclear: L145: of TEST-TEST-202610-R-C1-L0-B001.xml as a whole it is said that it is blocked",
        ),
    ] {
        expected.extend(Some(part).filter(|part| !part.is_empty()));
        for _ in 0..2 {
            let text = status_of(&file, 1, "500000", word);
            // What the message says comes first, and says less.
            let text = text.replace(&format!("<GrpSts>{word}"), "<GrpSts>PART");
            let time = office.engine.clock.now();
            let text = text.replace("2026-10-05T09:00:00", &format!("{time}{}", expected.len()));
            office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
            office.check(&october, "entitled 1", "pending 1 = 500000").await;
            told(&office, &expected).await;
        }
    }
    office.ends_whole().await;
}

/// Adds a mobile-money operator that takes files.
pub async fn with_operator(office: &mut TestOffice) {
    for place in ["inbox", "outbox", "taken"] {
        std::fs::create_dir_all(office.dir.join("mobile").join(place)).unwrap();
    }
    let path = office.dir.join("chitra.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(
        r#"
[[provider]]
name = "mobile"
channel = "mobile_money"
format = "gsma-mobile-money-batch"
answers = ["gsma-mobile-money-completions", "gsma-mobile-money-rejections"]
serves = ["*"]
count_max = 1000
total_max_minor = 900000000000
amount_max_minor = 400000000
answer_days = 12
taken_kept_days = 30
inbox = "mobile/inbox"
outbox = "mobile/outbox"
taken = "mobile/taken"
"#,
    );
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
}

/// One item of an operator's list: members beside the reference, and the phones that are credited.
fn item(reference: &str, members: &str, phones: &[&str]) -> String {
    let phones: Vec<String> =
        phones.iter().map(|one| format!(r#"{{"key":"msisdn","value":"{one}"}}"#)).collect();
    format!(
        r#"{{"requestingOrganisationTransactionReference":"{reference}",{members},
"creditParty":[{}],"debitParty":[{{"key":"accountid","value":"VN67BHXH0000000011004000001"}}]}}"#,
        phones.join(",")
    )
}

async fn a_list_of_an_operator_is_held_against_the_orders(mut office: TestOffice) {
    with_operator(&mut office).await;
    let october = sent(&office, &[HOA]).await;
    let hoa = office.said(&october, "E5", 1, "", "").await;
    let (hoa, phone) = (hoa.reference, hoa.account);
    let completed =
        r#""transactionReference":"T1","completionDate":"2026-10-05T08:00:00Z","link":"/t/1""#;
    let rejected = r#""rejectionReason":"identifierError","rejectionDate":"2026-10-05T08:00:00Z""#;
    for (members, phones) in [
        (format!(r#"{completed},"amount":"1""#), vec![phone.as_str()]),
        (format!(r#"{completed},"amount":"1","currency":"VND""#), vec![&phone]),
        (format!(r#"{completed},"amount":500000,"currency":"KES""#), vec![&phone]),
        (format!(r#"{rejected},"amount":"1""#), vec![&phone]),
        (completed.to_owned(), vec![&phone, "+84911111111"]),
        (rejected.to_owned(), vec![&phone, "+84911111111"]),
    ] {
        let list = format!("[{}]", item(&hoa, &members, &phones));
        assert_eq!(office.answered("mobile", "json", list.as_bytes()).await.unwrap().items, 1);
    }
    office.check(&october, "entitled 1", "pending 1 = 500000").await;
    told(
        &office,
        &[
            "amount_differs: the reported amount is not the ordered one",
            "amount_differs: the reported amount is not the ordered one",
            "amount_differs: the amount is reported in KES",
            "amount_differs: the reported amount is not the ordered one",
            "unclear: L145: it states two different values of `account`",
            "unclear: L145: it states two different values of `account`",
        ],
    )
    .await;
    // The ordered amount, one phone said twice: as good as none and once.
    let right = item(&hoa, &format!(r#"{completed},"amount":"500000.00""#), &[&phone, &phone]);
    office.answered("mobile", "json", format!("[{right}]").as_bytes()).await.unwrap();
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}
