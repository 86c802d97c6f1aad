//! The cash that an organisation has of ours over two months: drawn, paid at its pay points, left over, sent
//! back; and what is drawn for the next list is its lines less what is left over. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::EngineError;
use chitra::engine::funds::Funding;
use chitra::engine::office;

use crate::statements::{entry, last, reference, shares, statement};
use crate::support::office::{MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_draw_is_the_lines_of_the_next_list_less_what_is_left_over
    draws_and_what_is_sent_back_are_found_on_statements
    what_is_sent_back_has_its_day_and_is_recorded_by_one_officer
    what_a_statement_gives_back_of_a_list_counts_once
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | cash";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | cash";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | cash";
const DAY: &str = "2026-09-20";

fn funding(provider: &str, amount_minor: i64, reference: &str, is_given_back: bool) -> Funding {
    Funding {
        provider: provider.to_owned(),
        amount_minor,
        cleared_on: DAY.parse().unwrap(),
        reference: reference.to_owned(),
        is_given_back,
    }
}

async fn recorded(office: &TestOffice, funding: Funding) -> Result<(), EngineError> {
    office.engine.funds_record(funding, MAKER, &key(MAKER)).await.map(|_| ())
}

/// What the pay point says of some people of a list.
async fn reported(office: &TestOffice, cycle: &Cycle, of: &[(&str, &str)]) {
    let mut items = Vec::new();
    for (enrolment, status) in of {
        items.push(office.said(cycle, enrolment, 1, status, "").await);
    }
    office.paypoint(&items).await.unwrap();
}

/// `drawn 0, paid 0, given back 0, balance 0, open 0, next 0, to draw 0`.
async fn told(office: &TestOffice) -> String {
    let left = office.engine.cash_left().await.unwrap();
    let [(provider, books)] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(provider, "paypoint");
    format!(
        "drawn {}, paid {}, given back {}, balance {}, open {}, next {}, to draw {}",
        books.drawn,
        books.paid,
        books.given_back,
        books.balance(),
        books.open,
        books.next,
        books.to_draw()
    )
}

async fn a_draw_is_the_lines_of_the_next_list_less_what_is_left_over(office: TestOffice) {
    office.on_day(DAY);
    let check = |expected: &'static str| {
        let office = &office;
        async move { assert_eq!(told(office).await, expected) }
    };
    office.month("2026-10", &[AN, BINH, CHI]).await;
    let october = office.sealed("2026-10", Regular).await;
    check("drawn 0, paid 0, given back 0, balance 0, open 0, next 1500000, to draw 1500000").await;
    recorded(&office, funding("paypoint", 1_500_000, "RUT 10/2026", false)).await.unwrap();
    check("drawn 1500000, paid 0, given back 0, balance 1500000, open 0, next 1500000, to draw 0")
        .await;
    office.sent(&october, 0).await;
    check("drawn 1500000, paid 0, given back 0, balance 1500000, open 1500000, next 0, to draw 0")
        .await;
    reported(&office, &october, &[("E1", "Đã chi"), ("E2", "Chưa chi")]).await;
    check(
        "drawn 1500000, paid 500000, given back 0, balance 1000000, open 500000, next 0, to draw 0",
    )
    .await;
    reported(&office, &october, &[("E3", "Đã chi")]).await;
    check("drawn 1500000, paid 1000000, given back 0, balance 500000, open 0, next 0, to draw 0")
        .await;
    office.closed(&october).await;

    // November pays Bình two months, and draws one: the other lies at the organisation.
    office.month("2026-11", &[AN, BINH, CHI]).await;
    let november = office.sealed("2026-11", Regular).await;
    check(
        "drawn 1500000, paid 1000000, given back 0, balance 500000, open 0, next 2000000, to draw 1500000",
    )
    .await;
    recorded(&office, funding("paypoint", 1_500_000, "RUT 11/2026", false)).await.unwrap();
    office.sent(&november, 0).await;
    let of = [("E1", "Đã chi"), ("E2", "Chưa chi"), ("E3", "Đã chi")];
    reported(&office, &november, &of).await;
    check("drawn 3000000, paid 2000000, given back 0, balance 1000000, open 0, next 0, to draw 0")
        .await;

    // The organisation sends back what nobody collected: no more than it has, and each time once.
    let too_much = funding("paypoint", 1_000_001, "NOP LAI 11/2026", true);
    refused(recorded(&office, too_much).await, "D147");
    let of_a_bank = funding("isobank", 1, "NOP LAI 11/2026", true);
    refused(recorded(&office, of_a_bank).await, "D146");
    let back = || funding("paypoint", 1_000_000, "NOP LAI 11/2026", true);
    recorded(&office, back()).await.unwrap();
    check("drawn 3000000, paid 2000000, given back 1000000, balance 0, open 0, next 0, to draw 0")
        .await;
    refused(recorded(&office, back()).await, "D147");
    // It may pay with no more than it has.
    assert_eq!(office.engine.cleared_funds("paypoint").await.unwrap(), 0);
    office.closed(&november).await;
    office.month("2026-12", &[AN, BINH, CHI]).await;
    office.sealed("2026-12", Regular).await;
    check(
        "drawn 3000000, paid 2000000, given back 1000000, balance 0, open 0, next 2500000, to draw 2500000",
    )
    .await;
    office.ends_whole().await;
}

/// A partner sends statements of our account.
async fn with_statements(office: &mut TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let answers = "\"iso20022-camt054\", \"iso20022-camt053\"]";
    std::fs::write(&path, text.replacen("\"iso20022-camt054\"]", answers, 1)).unwrap();
    office.reopen().await;
    office.on_day(DAY);
}

async fn draws_and_what_is_sent_back_are_found_on_statements(mut office: TestOffice) {
    with_statements(&mut office).await;
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    recorded(&office, funding("paypoint", 1_000_000, "RUT 10/2026", false)).await.unwrap();
    recorded(&office, funding("isobank", 900_000, "CAP 10/2026", false)).await.unwrap();
    reported(&office, &october, &[("E1", "Đã chi"), ("E2", "Chưa chi")]).await;
    recorded(&office, funding("paypoint", 500_000, "NOP LAI 10", true)).await.unwrap();

    let named = |minor: i64, text: &str| {
        let details = format!("<TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>");
        entry(minor, "DMCT", &details)
    };
    let entries = [
        named(-1_000_000, "Rut kinh phi rut 10/2026"),
        named(500_000, "Buu dien nop lai 10"),
        named(900_000, "cap 10/2026"),
        // Each is found once, and on the side on which it is.
        named(-1_000_000, "RUT 10/2026"),
        named(-900_000, "CAP 10/2026"),
        named(-500_000, "NOP LAI 10"),
    ];
    let sum = -1_000_000 + 500_000 + 900_000 - 1_000_000 - 900_000 - 500_000;
    let text = statement("S1", DAY, (5_000_000, 5_000_000 + sum), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(
        shares(&last(&office).await),
        ["funds 3 entries 0 payments 400000", "unexplained 3 entries 0 payments -2400000"]
    );
    assert_eq!(
        told(&office).await,
        "drawn 1000000, paid 500000, given back 500000, balance 0, open 0, next 0, to draw 0"
    );
    office.ends_whole().await;
}

async fn what_is_sent_back_has_its_day_and_is_recorded_by_one_officer(office: TestOffice) {
    // A list that left before the organisation's books were begun: it is in the first draw.
    office.on_day("2026-09-18");
    office.month("2026-10", &[AN, BINH]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.on_day(DAY);
    recorded(&office, funding("paypoint", 500_000, "RUT 1", false)).await.unwrap();
    reported(&office, &october, &[("E1", "Đã chi"), ("E2", "Chưa chi")]).await;
    let back = |day: &str, reference: &str| Funding {
        cleared_on: day.parse().unwrap(),
        ..funding("paypoint", 500_000, reference, true)
    };
    let begun = "drawn 500000, paid 0, given back 0, balance 500000, open 0, next 0, to draw 0";
    for day in ["2026-09-21", "2026-09-19", "2026-09-01"] {
        refused(recorded(&office, back(day, "NOP LAI")).await, "D151");
        assert_eq!(told(&office).await, begun, "{day}");
    }

    // Two officers record at once what both found on one paper: the second sees what the first has written.
    for round in 1..=12_u64 {
        let (one, other) = (format!("NOP LAI {round}"), format!("NOP LAI {round} B"));
        let late = async {
            tokio::time::sleep(std::time::Duration::from_micros(400 * round)).await;
            recorded(&office, back(DAY, &other)).await
        };
        let (first, second) = tokio::join!(recorded(&office, back(DAY, &one)), late);
        assert!(first.is_ok() != second.is_ok(), "{round}: {first:?} {second:?}");
        assert!(told(&office).await.contains("balance 0, "), "{round}");
        let next = funding("paypoint", 500_000, &format!("RUT {}", round + 1), false);
        recorded(&office, next).await.unwrap();
    }
    assert_eq!(office.engine.cleared_funds("paypoint").await.unwrap(), 500_000);
    office.ends_whole().await;
}

async fn what_a_statement_gives_back_of_a_list_counts_once(mut office: TestOffice) {
    with_statements(&mut office).await;
    office.month("2026-10", &[AN, BINH, CHI]).await;
    recorded(&office, funding("paypoint", 1_500_000, "RUT 10/2026", false)).await.unwrap();
    let october = office.paid_out("2026-10", Regular).await;
    let of = [("E1", "Đã chi"), ("E2", "Chưa chi"), ("E3", "Chưa chi")];
    reported(&office, &october, &of).await;
    recorded(&office, funding("paypoint", 500_000, "NOP LAI 10", true)).await.unwrap();
    assert_eq!(office.engine.cleared_funds("paypoint").await.unwrap(), 500_000);

    // Both name the payment that was not collected; one of them is what the officer has recorded.
    let mut entries = Vec::new();
    for (enrolment, text) in [("E2", "Nop lai 10"), ("E3", "Khong nhan")] {
        let reference = reference(&office, &october, enrolment).await;
        let details = format!(
            "<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><Amt Ccy=\"VND\">500000</Amt>\
             <RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
        );
        entries.push(entry(500_000, "RCDT", &details));
    }
    let text = statement("S1", DAY, (0, 1_000_000), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(
        shares(&last(&office).await),
        ["funds 1 entries 0 payments 500000", "return 1 entries 1 payments 500000"]
    );
    assert_eq!(
        told(&office).await,
        "drawn 1500000, paid 500000, given back 1000000, balance 0, open 0, next 0, to draw 0"
    );
    // It may pay its next list with nothing that it has sent back.
    assert_eq!(office.engine.cleared_funds("paypoint").await.unwrap(), 0);
    office.ends_whole().await;
}
