//! What goes out, byte for byte, for a batch of awkward people; and what comes back, outcome by
//! outcome. The files stand beside the definitions, because a bank's people read them too.
//!
//! `UPDATE_GOLDENS=1` writes them anew; the difference is then read before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use payment_formats::{
    Address, Bank, Batch, ControlTotals, Currency, Environment, FieldRule, Formats, OriginalFile,
    OutFormat, Party, Payment, Recall, Rendered, WriteError,
};

use crate::samples::read;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("formats")
}

#[track_caller]
fn check_golden(name: &str, actual: &[u8]) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, actual).expect("a golden file is written");
    }
    let golden = fs::read(&path).unwrap_or_default();
    if golden != actual {
        panic!("{name} differs; the new text is\n{}", String::from_utf8_lossy(actual));
    }
}

/// Debtor, as a bank that simulates the whole exchange can hold it: an account in the shape of an
/// IBAN with right check digits.
const DEBTOR: Party<'static> = Party {
    name: "Bảo hiểm xã hội tỉnh Đắk Lắk",
    id: "BHXH066",
    account: "VN67BHXH0000000011004000001",
    bank: Some(Bank::Bin("970436")),
};

pub fn batch(totals: ControlTotals) -> Batch<'static> {
    Batch {
        message_id: "DL-2026-11-BANK-0001",
        batch_id: "DL-2026-11-BANK-0001-1",
        created_at: date(2026, 11, 20).at(9, 30, 0, 0),
        utc_offset: "+07:00",
        execution_date: date(2026, 11, 25),
        currency: Currency::VND,
        debtor: DEBTOR,
        initiating_party: DEBTOR,
        category_purpose: "SSBE",
        label: "Trợ cấp xã hội tháng 11/2026",
        totals,
        environment: Environment::Test,
        original: Some(OriginalFile {
            message_id: "DL-2026-11-BANK-0001",
            batch_id: "DL-2026-11-BANK-0001-1",
            message_name: "pain.001.001.09",
        }),
    }
}

/// Names that break things: decomposed, minority, very long, with signs and quotes.
pub const PEOPLE: &[(&str, &str, i64)] = &[
    ("DL0000000000001A", "Nguyễn Thị Ánh Đào", 750_000),
    (
        "DL0000000000002B",
        "Nguye\u{0302}\u{0303}n Thi\u{0323} A\u{0301}nh \u{0110}a\u{0300}o",
        1_500_000,
    ),
    ("DL0000000000003C", "H'Hen Niê", 375_000),
    ("DL0000000000004D", "H’Bia Êban & con", 1),
    (
        "DL0000000000005E",
        "Công Tằng Tôn Nữ Thị Phương Thảo Nguyên Hoàng Ngọc Bảo Trân Châu Minh Anh Khuê Tú Uyên Quỳnh Như Diễm My Thanh Tâm Kim Ngân Hải Đường Bích Phượng Cẩm Tú",
        499_999_999,
    ),
    ("DL0000000000006F", "Y Ƀhĭt  \"Ama\" Ksor", 10_000),
];

pub fn address(format: &OutFormat, at: usize) -> Address<'static> {
    const PHONES: [&str; 3] = ["+84901234567", "+84912345678", "+84383456789"];
    const BANKS: [(&str, Bank<'static>); 3] = [
        ("0071000123456", Bank::Bin("970436")),
        ("101870012345", Bank::Bin("970415")),
        ("19034567890123", Bank::Citad("01310001")),
    ];
    match format.accepts()[0].as_str() {
        "bank_account" => {
            let (account, bank) = BANKS[at % 3];
            Address::BankAccount { account, bank }
        }
        "wallet" => Address::Wallet { id: PHONES[at % 3] },
        "mobile_money" => Address::MobileMoney { msisdn: PHONES[at % 3] },
        "cash" if at < 4 => Address::Cash {
            pay_point: "Bưu cục Buôn Đôn",
            collector: if at == 1 { "Trần Văn Được" } else { "" },
            home_address: "",
        },
        "cash" => Address::Cash {
            pay_point: "Điểm chi trả xã Ea Súp, thôn 3",
            collector: "",
            home_address: if at == 5 { "Số 5, buôn Trí" } else { "" },
        },
        other => panic!("{other} is not an address"),
    }
}

const CASES: [&str; 6] = [
    "DL0000000000001A-R1",
    "DL0000000000002B-R2",
    "DL0000000000003C-R3",
    "DL0000000000004D-R4",
    "DL0000000000005E-R5",
    "DL0000000000006F-R6",
];
const REASONS: [&str; 3] = ["DUPL", "AC03", "CUST"];

pub fn payment<'p>(
    format: &OutFormat,
    at: usize,
    (id, name, amount): &'p (&'p str, &'p str, i64),
) -> Payment<'p> {
    Payment {
        end_to_end_id: id,
        instruction_id: id,
        amount_minor: (*amount).min(if format.accepts()[0] == "wallet" {
            99_999_999
        } else {
            *amount
        }),
        creditor_name: name,
        creditor_id: (at.is_multiple_of(2)).then_some("066190001234"),
        address: address(format, at),
        purpose: if at.is_multiple_of(2) { "SSBE" } else { "" },
        remittance: "Trợ cấp xã hội tháng 11/2026, theo QĐ số 12/QĐ-UBND",
        recall: Some(Recall { case_id: CASES[at % CASES.len()], reason_code: REASONS[at % 3] }),
    }
}

pub fn render(format: &OutFormat) -> (Vec<u8>, Rendered) {
    let payments: Vec<Payment> =
        PEOPLE.iter().enumerate().map(|(at, person)| payment(format, at, person)).collect();
    let totals = ControlTotals::of(payments.iter().map(|payment| payment.amount_minor));
    let batch = batch(totals.expect("a small sum"));
    let mut bytes = Vec::new();
    let mut writer = format.start(&batch, &mut bytes).expect("a right batch");
    for payment in &payments {
        format.check_payment(&batch, payment).expect("the check agrees with the writer");
        writer.payment(payment).expect("a right payment");
    }
    let rendered = writer.finish().expect("totals that agree");
    assert_eq!(rendered.bytes, bytes.len() as u64);
    (bytes, rendered)
}

#[test]
fn what_goes_out_is_the_same_to_the_byte() {
    let formats = Formats::built_in();
    for summary in formats.list().iter().filter(|format| format.out) {
        let format = formats.out(summary.id).expect("a listed format");
        let (bytes, _) = render(format);
        check_golden(&format!("{}/golden.{}", format.id(), format.extension()), &bytes);
    }
}

#[test]
fn decomposed_and_composed_names_give_the_same_bytes() {
    let formats = Formats::built_in();
    for summary in formats.list().iter().filter(|format| format.out) {
        let format = formats.out(summary.id).expect("a listed format");
        let write = |name: &str| {
            let payment = Payment { creditor_name: name, ..payment(format, 0, &PEOPLE[0]) };
            let batch = batch(ControlTotals::of([payment.amount_minor]).expect("one amount"));
            let mut bytes = Vec::new();
            let mut writer = format.start(&batch, &mut bytes).expect("a right batch");
            writer.payment(&payment).expect("a right payment");
            writer.finish().expect("totals that agree");
            bytes
        };
        assert_eq!(write(PEOPLE[0].1), write(PEOPLE[1].1), "{}", format.id());
    }
}

#[test]
fn payments_that_a_format_cannot_carry_are_refused_and_leave_no_trace() {
    let formats = Formats::built_in();
    for summary in formats.list().iter().filter(|format| format.out) {
        let format = formats.out(summary.id).expect("a listed format");
        // A recall names no payee.
        if format.recalls() {
            continue;
        }
        let good = payment(format, 0, &PEOPLE[0]);
        let wrong_address = match good.address {
            Address::BankAccount { .. } => Address::Wallet { id: "0901234567" },
            _ => Address::BankAccount { account: "1234567", bank: Bank::Bin("970436") },
        };
        let batch = batch(ControlTotals::of([good.amount_minor]).expect("one amount"));
        let mut bytes = Vec::new();
        let mut writer = format.start(&batch, &mut bytes).expect("a right batch");
        let long = "A".repeat(300);
        let mut refuse = |payment: Payment<'_>, code: &str| {
            let Err(checked) = format.check_payment(&batch, &payment) else {
                panic!("{} must refuse by {code}", format.id());
            };
            assert_eq!(checked.code(), code, "{}: {checked}", format.id());
            match writer.payment(&payment).expect_err("a wrong payment") {
                WriteError::Refused(refused) => assert_eq!(refused, checked, "{}", format.id()),
                other => panic!("{other}"),
            }
        };
        refuse(Payment { creditor_name: "", ..good }, "M123");
        refuse(Payment { creditor_name: "  !!! ", ..good }, "M123");
        refuse(Payment { creditor_name: "山田太郎", ..good }, "M121");
        refuse(Payment { creditor_name: "A\u{0}B", ..good }, "M122");
        refuse(Payment { creditor_name: "A\nB", ..good }, "M122");
        refuse(Payment { end_to_end_id: "", ..good }, "M123");
        refuse(Payment { end_to_end_id: "=1+1", ..good }, "M121");
        refuse(Payment { end_to_end_id: "Đ1", ..good }, "M121");
        refuse(Payment { amount_minor: 0, ..good }, "M106");
        refuse(Payment { amount_minor: -5, ..good }, "M106");
        refuse(Payment { address: wrong_address, ..good }, "M101");
        refuse(Payment { end_to_end_id: &long, ..good }, "M124");
        if format.id() == "vn-bank-bulk-csv" {
            refuse(Payment { amount_minor: 500_000_000, ..good }, "M103");
        }
        writer.payment(&good).expect("a right payment");
        writer.finish().expect("totals that agree");
        let mut alone = Vec::new();
        let mut writer = format.start(&batch, &mut alone).expect("a right batch");
        writer.payment(&good).expect("a right payment");
        writer.finish().expect("totals that agree");
        assert_eq!(bytes, alone, "{}", format.id());
    }
}

#[test]
fn a_recall_without_its_references_is_refused() {
    let formats = Formats::built_in();
    let format = formats.out("iso20022-camt055-09").expect("a built-in format");
    let good = payment(format, 0, &PEOPLE[0]);
    let whole = batch(ControlTotals { count: 1, sum_minor: 750_000 });
    let case = |case_id, reason_code| Payment {
        recall: Some(Recall { case_id, reason_code }),
        ..payment(format, 0, &PEOPLE[0])
    };
    for (payment, code) in [
        (Payment { recall: None, ..good }, "M123"),
        (Payment { end_to_end_id: "", ..good }, "M123"),
        (case("", "DUPL"), "M123"),
        (case("DL1-R1", ""), "M123"),
        (case("DL1-R1", "DUPLICATE"), "M124"),
        (case("DL1 R1", "DUPL"), "M121"),
    ] {
        let refused = format.check_payment(&whole, &payment).expect_err("a wrong recall");
        assert_eq!(refused.code(), code, "{refused}");
    }
    let without = Batch { original: None, ..whole };
    assert!(format.start(&without, Vec::new()).is_err(), "it names no file that left");
}

#[test]
fn totals_must_be_what_was_declared() {
    let formats = Formats::built_in();
    let format = formats.out("iso20022-pain001-09").expect("a built-in format");
    let good = payment(format, 0, &PEOPLE[0]);
    for (count, sum_minor) in [(2, 750_000), (1, 750_001), (2, 1_500_000)] {
        let batch = batch(ControlTotals { count, sum_minor });
        let mut writer = format.start(&batch, Vec::new()).expect("a right batch");
        writer.payment(&good).expect("a right payment");
        assert_eq!(writer.finish().expect_err("other totals").code(), "M135");
    }
    let mut writer_batch = batch(ControlTotals { count: 1, sum_minor: 750_000 });
    let mut writer = format.start(&writer_batch, Vec::new()).expect("a right batch");
    writer.payment(&good).expect("a right payment");
    assert_eq!(writer.payment(&good).expect_err("one too many").code(), "M135");
    drop(writer);
    writer_batch.totals = ControlTotals::default();
    assert_eq!(format.start(&writer_batch, Vec::new()).err().map(|e| e.code()), Some("M108"));
}

#[test]
fn pay_points_come_in_order() {
    let formats = Formats::built_in();
    let format = formats.out("pso-paypoint-csv").expect("a built-in format");
    let at = |pay_point| Payment {
        address: Address::Cash { pay_point, collector: "", home_address: "" },
        ..payment(format, 0, &PEOPLE[0])
    };
    let batch = batch(ControlTotals { count: 3, sum_minor: 3 * 750_000 });
    let mut writer = format.start(&batch, Vec::new()).expect("a right batch");
    writer.payment(&at("B")).expect("the first");
    assert_eq!(writer.payment(&at("A")).expect_err("backwards").code(), "M128");
    writer.payment(&at("B")).expect("the second");
    let refused = Payment { creditor_name: "", ..at("C") };
    assert_eq!(
        format.check_payment(&batch, &refused).map_err(|refused| refused.rule),
        Err(FieldRule::MustNotBeEmpty)
    );
    writer.payment(&refused).expect_err("a name is missing");
    writer.payment(&at("B")).expect("a refused payment began no group");
    writer.finish().expect("totals that agree");
}

/// An answer of a folder, and the outcomes that it gives, one by line.
#[track_caller]
fn check_answer(id: &str, sample: &str) {
    let bytes = fs::read(folder().join(sample)).expect("a sample of an answer");
    let formats = Formats::built_in();
    let recognised = formats.recognise(&bytes[..bytes.len().min(4096)]);
    assert_eq!(recognised.map(|format| format.id()), Some(id), "{sample}");
    let (facts, outcomes) = read(id, &bytes).unwrap_or_else(|error| panic!("{sample}: {error}"));
    let mut text = format!(
        "{} {} payments, {} minor units\n",
        facts.format_id, facts.payments.count, facts.payments.sum_minor
    );
    for outcome in &outcomes {
        let field = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        text.push_str(&format!(
            "line {} {:?} {:?} {} {} {} {} {} {}\n",
            outcome.place.line,
            outcome.scope,
            outcome.status,
            field(&outcome.end_to_end_id),
            outcome.amount.map_or("-".into(), |(minor, of)| format!("{minor} {}", of.code())),
            field(&outcome.reason),
            outcome.reason_class.map_or("-".into(), |class| format!("{class:?}")),
            outcome.date.map_or("-".into(), |date| date.to_string()),
            field(&outcome.provider_reference),
        ));
        if let Some(doubt) = &outcome.doubt {
            text.pop();
            text.push_str(&format!(" doubt: {doubt}\n"));
        }
        if let Some(case) = &outcome.case_id {
            text.pop();
            text.push_str(&format!(" case {case}\n"));
        }
    }
    check_golden(&format!("{sample}.outcomes"), text.as_bytes());
}

#[test]
fn answers_give_their_outcomes() {
    check_answer("ewallet-csv-results", "ewallet-csv/sample.results.csv");
    check_answer("vn-bank-bulk-csv-results", "vn-bank-bulk-csv/sample.results.csv");
    check_answer("pso-paypoint-report", "pso-paypoint-csv/sample.report.csv");
    check_answer(
        "gsma-mobile-money-completions",
        "gsma-mobile-money-batch/sample.completions.json",
    );
    check_answer("gsma-mobile-money-rejections", "gsma-mobile-money-batch/sample.rejections.json");
    check_answer(
        "gsma-mobile-money-transaction-results",
        "gsma-mobile-money-transaction/sample.results.jsonl",
    );
    check_answer("iso20022-pain002", "iso20022-pain002/sample.status.xml");
    check_answer("iso20022-camt052", "iso20022-camt052/sample.report.xml");
    check_answer("iso20022-camt054", "iso20022-camt054/sample.returns.xml");
    check_answer("iso20022-camt029", "iso20022-camt029/sample.recall.xml");
    check_answer("iso20022-camt029", "iso20022-camt029/sample.whole.xml");
    check_answer("iso20022-camt029", "iso20022-camt029/sample.group.xml");
}

#[test]
fn another_csv_reader_reads_what_we_write() {
    let formats = Formats::built_in();
    for (id, column) in [("vn-bank-bulk-csv", 3), ("ewallet-csv", 4)] {
        let format = formats.out(id).expect("a built-in format");
        let (bytes, rendered) = render(format);
        let mut sum = 0_i128;
        for row in csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..]).records() {
            let row = row.expect("a row that another reader reads");
            if &row[0] != "TOTAL" {
                sum += row[column].parse::<i128>().expect("an amount");
            }
        }
        assert_eq!(sum, rendered.totals.sum_minor, "{id}");
    }
}

proptest::proptest! {
    #[test]
    fn any_name_is_written_whole_or_refused(name in "\\PC{0,60}") {
        let formats = Formats::built_in();
        let format = formats.out("vn-bank-bulk-csv").expect("a built-in format");
        let payment = Payment { creditor_name: &name, ..payment(format, 0, &PEOPLE[0]) };
        let batch = batch(ControlTotals { count: 1, sum_minor: 750_000 });
        let mut bytes = Vec::new();
        let mut writer = format.start(&batch, &mut bytes).expect("a right batch");
        if writer.payment(&payment).is_ok() {
            writer.finish().expect("totals that agree");
            let mut rows = csv::Reader::from_reader(&bytes[..]);
            let row = rows.records().next().expect("one row").expect("a row that is read");
            proptest::prop_assert_eq!(row.len(), 6);
            proptest::prop_assert!(!row[2].is_empty());
            proptest::prop_assert!(row[2].bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b" '.-".contains(&b)));
        }
    }
}
