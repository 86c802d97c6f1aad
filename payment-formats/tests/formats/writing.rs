//! What goes out, byte for byte.
use jiff::civil::date;
use payment_formats::*;

#[test]
fn smoke() {
    let formats = Formats::built_in();
    let totals = ControlTotals::of([750_000]).unwrap();
    let debtor = Party {
        name: "Bảo hiểm xã hội tỉnh",
        id: "BHXH01",
        account: "VN67BHXH0000000011004000001",
        bank: Some(Bank::Bin("970436")),
    };
    let batch = Batch {
        message_id: "M1",
        batch_id: "B1",
        created_at: date(2026, 11, 20).at(9, 30, 0, 0),
        utc_offset: "+07:00",
        execution_date: date(2026, 11, 25),
        currency: Currency::VND,
        debtor,
        initiating_party: debtor,
        category_purpose: "SSBE",
        label: "Trợ cấp 11/2026",
        totals,
        environment: Environment::Test,
    };
    for (id, address) in [
        (
            "iso20022-pain001-09",
            Address::BankAccount { account: "0123456789", bank: Bank::Bin("970436") },
        ),
        ("gsma-mobile-money-batch", Address::MobileMoney { msisdn: "+84901234567" }),
        (
            "vn-bank-bulk-csv",
            Address::BankAccount { account: "0123456789", bank: Bank::Bin("970436") },
        ),
        ("ewallet-csv", Address::Wallet { id: "+84901234567" }),
        (
            "pso-paypoint-csv",
            Address::Cash { pay_point: "Bưu cục 1", collector: "", home_address: "" },
        ),
    ] {
        let p = Payment {
            end_to_end_id: "E1",
            instruction_id: "I1",
            amount_minor: 750_000,
            creditor_name: "H'Hen Niê & con",
            creditor_id: None,
            address,
            purpose: "SSBE",
            remittance: "Trợ cấp tháng 11",
        };
        let mut out = Vec::new();
        let f = formats.out(id).unwrap();
        f.check_payment(&batch, &p).unwrap();
        let mut w = f.start(&batch, &mut out).unwrap();
        w.payment(&p).unwrap();
        w.finish().unwrap();
        println!("{}", String::from_utf8(out).unwrap());
    }
}
