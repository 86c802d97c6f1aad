//! What partners are owed for paying, by dated tariffs, held against what statements show that they took; and
//! fees that a partner netted from payments, which stay unexplained. On both databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::office;

use crate::statements::{entry, last, of_file, of_payment, sent, shares, statement};
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    fees_are_owed_for_what_was_paid_and_held_against_statements
    a_fee_is_never_netted_from_payments
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | cash";
const DUNG: &str = "E4 | 001145000104 | Phạm Văn Dũng | 1945-07-04 | male | social_pension/monthly | monthly_pension=0 | cash";
const EM: &str = "E5 | 001145000105 | Đỗ Thị Em | 1945-07-05 | female | social_pension/monthly | monthly_pension=0 | cash";

/// Adds terms to one partner, and statements to those that `isobank` sends.
async fn agreed(office: &mut TestOffice, partner: &str, terms: &str) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once(&format!("name = \"{partner}\"\n")).unwrap();
    let (table, rest) = match after.split_once("\n[[provider]]") {
        Some((table, rest)) => (table, format!("\n[[provider]]{rest}")),
        None => (after, String::new()),
    };
    let text = format!("{before}name = \"{partner}\"\n{table}\n{terms}\n{rest}");
    let answers = "\"iso20022-camt054\", \"iso20022-camt053\"]";
    std::fs::write(&path, text.replacen("\"iso20022-camt054\"]", answers, 1)).unwrap();
    office.reopen().await;
}

/// `paypoint: 2 paid 1000000, fee 0, tax 0; charged 0 + 0, difference 0`, by the statements where they stand.
async fn fees(office: &TestOffice, from: &str, to: &str) -> Vec<String> {
    let seen = office.engine.fees_seen(from.parse().unwrap(), to.parse().unwrap()).await.unwrap();
    let told = seen.iter().map(|(place, seen)| {
        let owed = seen.owed.iter().map(|(provider, fees)| {
            format!(
                "{provider}: {} paid {}, fee {}, tax {}",
                fees.payments, fees.paid_minor, fees.fee_minor, fees.tax_minor
            )
        });
        format!(
            "{place}: {}; charged {} + {}, difference {}",
            owed.collect::<Vec<_>>().join(", "),
            seen.fee_charged,
            seen.tax_charged,
            seen.difference()
        )
    });
    told.collect()
}

async fn fees_are_owed_for_what_was_paid_and_held_against_statements(mut office: TestOffice) {
    let terms = "[provider.fees]\nper_payment_minor = 5500\nvat = \"0.08\"\nrounding = \"half_up\"\n\
                 on_statements_of = \"isobank\"\n\
                 [[provider.terms]]\nfrom = \"2026-10-10\"\n[provider.terms.fees]\nshare = \"0.0065\"\n\
                 maximum_minor = 3000\nvat = \"0.10\"\nrounding = \"half_up\"\non_statements_of = \"isobank\"\n";
    agreed(&mut office, "paypoint", terms).await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, DUNG, EM]).await;
    let october = office.paid_out("2026-10", Regular).await;
    // On the list, and not paid: nothing is owed.
    assert_eq!(
        fees(&office, "2026-10-01", "2026-10-31").await,
        ["isobank: paypoint: 0 paid 0, fee 0, tax 0; charged 0 + 0, difference 0"]
    );
    for (day, enrolment, status) in [
        ("2026-10-09", "E1", "Đã chi"),
        ("2026-10-10", "E4", "Đã chi"),
        ("2026-10-10", "E5", "Chưa chi"),
    ] {
        office.on_day(day);
        let said = office.said(&october, enrolment, 1, status, "").await;
        office.paypoint(&[said]).await.unwrap();
    }
    office.check(&october, "entitled 3", "paid 2 = 1000000, rejected 1 = 500000").await;
    // 5,500 and 8 % by the old tariff; 0.65 % of 500,000, held at 3,000, and 10 % by the new one.
    for (from, to, expected) in [
        ("2026-10-01", "2026-10-09", "1 paid 500000, fee 5500, tax 440"),
        ("2026-10-10", "2026-10-31", "1 paid 500000, fee 3000, tax 300"),
        ("2026-10-01", "2026-10-31", "2 paid 1000000, fee 8500, tax 740"),
        ("2026-10-11", "2026-10-31", "0 paid 0, fee 0, tax 0"),
    ] {
        let told = fees(&office, from, to).await;
        assert!(told[0].starts_with(&format!("isobank: paypoint: {expected};")), "{told:?}");
    }
    office.on_day("2026-10-12");
    let entries = [entry(-8_500, "CHRG", ""), entry(-700, "TAXE", "")];
    let text = statement("S1", "2026-10-12", (100_000, 90_800), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let owed = "isobank: paypoint: 2 paid 1000000, fee 8500, tax 740";
    assert_eq!(
        fees(&office, "2026-10-01", "2026-10-31").await,
        [format!("{owed}; charged 8500 + 700, difference -40")]
    );
    let text = statement("S2", "2026-10-13", (90_800, 90_750), &[entry(-50, "TAXE", "")]);
    office.on_day("2026-10-13");
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(
        fees(&office, "2026-10-01", "2026-10-31").await,
        [format!("{owed}; charged 8500 + 750, difference 10")]
    );
    // What people get is what they are owed, whatever the organisation takes.
    office.check(&october, "entitled 3", "paid 2 = 1000000, rejected 1 = 500000").await;
    office.ends_whole().await;
}

async fn a_fee_is_never_netted_from_payments(mut office: TestOffice) {
    let terms =
        "[provider.fees]\nper_payment_minor = 5500\nvat = \"0.10\"\nrounding = \"half_up\"\n";
    agreed(&mut office, "isobank", terms).await;
    let (cycle, batch) = sent(&mut office, "").await;
    let of_payments = {
        let mut of = String::new();
        for enrolment in ["E2", "E3"] {
            let reference = office.said(&cycle, enrolment, 1, "", "").await.reference;
            of.push_str(&of_payment(&reference, 500_000, ""));
        }
        of
    };
    let entries = [
        // With the fee, with fee and tax, and with the fee taken off.
        entry(-1_011_000, "SALA", &of_file(&batch)),
        entry(-1_012_100, "SALA", ""),
        entry(-989_000, "SALA", ""),
        entry(-1_012_100, "SALA", &of_payments),
        // Another amount has another reason.
        entry(-1_011_001, "SALA", ""),
    ];
    let sum = -1_011_000 - 1_012_100 - 989_000 - 1_012_100 - 1_011_001;
    let text = statement("S1", "2026-10-06", (0, sum), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let seen = last(&office).await;
    assert_eq!(shares(&seen), [format!("unexplained 5 entries 0 payments {sum}")]);
    let netted = |tax: &str| {
        format!(
            "it differs from the money of {} by the fee of its 2 payments by the tariff, 11.000 VND{tax}: a fee is \
             booked by itself and never netted; ask isobank to book both apart",
            batch.file_name
        )
    };
    let nobody = "no reference of ours stands on it, and no file has its amount";
    let with_tax = netted(" and tax of 1.100 VND");
    let why: Vec<&str> = seen.unexplained.iter().map(|(one, _)| one.why.as_str()).collect();
    let taken =
        format!("1.011.000 VND were taken for {}, which orders 1.000.000 VND", batch.file_name);
    assert!(why[0].starts_with(&taken) && why[0].ends_with(&netted("")), "{}", why[0]);
    assert_eq!(why[1], format!("{nobody}; {with_tax}"));
    assert_eq!(why[2], format!("{nobody}; {}", netted("")));
    assert!(why[3].ends_with(&with_tax), "{}", why[3]);
    assert_eq!(why[4], nobody);
    // Nothing is owed for what nobody has proved to be paid, and no payment moved.
    assert_eq!(
        fees(&office, "2026-10-01", "2026-10-31").await,
        ["isobank: isobank: 0 paid 0, fee 0, tax 0; charged 0 + 0, difference 0"]
    );
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;

    // Booked apart, each is what it is.
    let apart = [
        entry(-1_000_000, "SALA", &of_file(&batch)),
        entry(-11_000, "CHRG", ""),
        entry(-1_100, "TAXE", ""),
    ];
    let text = statement("S2", "2026-10-07", (sum, sum - 1_012_100), &apart);
    office.on_day("2026-10-07");
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(
        shares(&last(&office).await),
        [
            "debit 1 entries 2 payments -1000000",
            "fee 1 entries 0 payments -11000",
            "tax 1 entries 0 payments -1100",
        ]
    );
    office.ends_whole().await;
}
