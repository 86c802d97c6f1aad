//! Money that was paid back and recorded under its voucher, found on statements of the account that pays:
//! once each, also several in one sum, also when the statement came first; told when it is not seen in the
//! agreed days; and what becomes of it when its receipt is taken back. Each told on both databases.

use chitra::domain::receivable::{ReceiptSource, SeenOn};
use chitra::engine::EngineError;
use chitra::engine::office;
use chitra::engine::receivable::Receiving;
use jiff::civil::date;

use crate::once_a_benefit::asked;
use crate::receivables::{paid_twice, standing};
use crate::statements::{entry, last, shares, statement};
use crate::support::office::{APPROVERS, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    vouchers_are_found_on_statements_once
    another_amount_waits_and_a_statement_may_come_first
    the_money_of_a_receipt_that_was_taken_back_waits_for_somebody
}

/// Half a million is to be got back, and a partner sends statements of our account.
async fn owed(office: &mut TestOffice) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let answers = "\"iso20022-camt054\", \"iso20022-camt053\"]";
    let text = text.replacen("\"iso20022-camt054\"]", answers, 1);
    std::fs::write(&path, format!("{text}\n[policy]\nreceipt_seen_days = 5\n")).unwrap();
    office.reopen().await;
    paid_twice(office).await;
    let (engine, lan) = (&office.engine, key(MAKER));
    for (number, _) in engine.store.discrepancies().await.unwrap() {
        engine.discrepancy_resolve(number, "it is owed", MAKER, &lan).await.unwrap();
    }
}

async fn paid_in(office: &TestOffice, minor: i64, reference: &str) -> Result<(), EngineError> {
    let receiving = Receiving {
        amount_minor: minor,
        source: ReceiptSource::Person,
        reference: reference.to_owned(),
        on: date(2026, 9, 20),
    };
    office.engine.receivable_received(1, receiving, MAKER, &key(MAKER)).await.map(|_| ())
}

/// Both officers take a receipt back.
async fn taken_back(office: &TestOffice, reference: &str) {
    for (officer, is_done) in [(MAKER, false), (APPROVERS[0], true)] {
        let key = key(officer);
        let done = office.engine.receipt_take_back(1, reference, "another's", officer, &key).await;
        assert_eq!(done.unwrap(), is_done);
    }
}

/// A credit, and what is written in its details.
fn credit(minor: i64, texts: &[&str]) -> String {
    let detail = |text: &&str| {
        format!("<TxDtls><RmtInf><Ustrd>Nop tra lai {text} thang 9</Ustrd></RmtInf></TxDtls>")
    };
    entry(minor, "RCDT", &texts.iter().map(detail).collect::<String>())
}

async fn arrives(office: &TestOffice, id: &str, (opening, closing): (i64, i64), of: &[String]) {
    let text = statement(id, "2026-10-05", (opening, closing), of);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
}

/// By receipt, on which entry of which statement it stands: `1 on 1/2, 2 on none`.
async fn seen(office: &TestOffice) -> String {
    let vouchers = office.engine.store.vouchers().await.unwrap();
    let told = vouchers.iter().map(|one| match one.seen {
        Some(SeenOn { statement, entry }) => format!("{} on {statement}/{entry}", one.number),
        None => format!("{} on none", one.number),
    });
    told.collect::<Vec<_>>().join(", ")
}

async fn not_seen(office: &TestOffice) -> Vec<i64> {
    let late = office.engine.vouchers_not_seen().await.unwrap();
    late.into_iter().map(|one| one.number).collect()
}

async fn why(office: &TestOffice) -> Vec<String> {
    last(office).await.unexplained.into_iter().map(|(one, _)| one.why).collect()
}

async fn vouchers_are_found_on_statements_once(mut office: TestOffice) {
    owed(&mut office).await;
    for (minor, reference) in [(120_000, "PT 17"), (80_000, "PT 18"), (50_000, "PT 19")] {
        paid_in(&office, minor, reference).await.unwrap();
    }
    assert!(not_seen(&office).await.is_empty());
    office.on_day("2026-09-26");
    assert_eq!(not_seen(&office).await, [1, 2, 3]);

    office.on_day("2026-10-06");
    let entries = [
        credit(120_000, &["pt 17"]),
        // Two people's money in one sum.
        credit(130_000, &["PT 18", "PT  19"]),
        credit(120_000, &["PT 17"]),
        credit(7, &["PT 170"]),
    ];
    arrives(&office, "S1", (0, 370_007), &entries).await;
    assert_eq!(
        shares(&last(&office).await),
        ["receipt 2 entries 0 payments 250000", "unexplained 2 entries 0 payments 120007"]
    );
    assert_eq!(seen(&office).await, "1 on 1/1, 2 on 1/2, 3 on 1/2");
    assert_eq!(
        why(&office).await,
        [
            "it names the voucher of receipt 1, which was seen on a statement before",
            "no reference of ours stands on it",
        ]
    );
    assert!(not_seen(&office).await.is_empty());
    arrives(&office, "S2", (370_007, 420_007), &[credit(50_000, &["PT 19"])]).await;
    assert_eq!(shares(&last(&office).await), ["unexplained 1 entries 0 payments 50000"]);
    assert_eq!(seen(&office).await, "1 on 1/1, 2 on 1/2, 3 on 1/2");
    // A statement shows that the money came, and moves nothing of what is owed.
    assert_eq!(standing(&office).await, "recovering: back 250000, on its way 0, left 250000");
    assert_eq!(office.discrepancies().await, ["unexplained_entry"; 3]);
    office.ends_whole().await;
}

async fn another_amount_waits_and_a_statement_may_come_first(mut office: TestOffice) {
    owed(&mut office).await;
    paid_in(&office, 120_000, "PT 17").await.unwrap();
    paid_in(&office, 40_000, "PT 18").await.unwrap();
    office.on_day("2026-10-06");
    let entries = [
        credit(119_000, &["PT 17"]),
        // All that it names must be in it, and nothing else.
        credit(40_000, &["PT 18 va PT 17"]),
        credit(30_000, &["Nguyen Van An"]),
    ];
    arrives(&office, "S1", (0, 189_000), &entries).await;
    assert_eq!(
        why(&office).await,
        [
            "it names the voucher of receipt 1, recorded with 120.000 VND, and 119.000 VND came in",
            "it names the voucher of receipt 1, 2, recorded with 160.000 VND, and 40.000 VND came in",
            "no reference of ours stands on it",
        ]
    );
    assert_eq!(not_seen(&office).await, [1, 2]);

    // The officer looks at the statement, and records what came under the bank's number of the entry.
    paid_in(&office, 30_000, "ref30000").await.unwrap();
    assert_eq!(seen(&office).await, "1 on none, 2 on none, 3 on 1/3");
    assert_eq!(not_seen(&office).await, [1, 2]);
    // Its entry may be there, and wait: the program says what it knows.
    let said = asked(&office, &["receivable", "list"]);
    for sentence in [
        "1: phiếu thu `PT 17`, 120.000 VND, ngày 2026-09-20, quá 5 ngày chưa khớp với bút toán nào của sao kê.",
        "1: the voucher `PT 17`, 120.000 VND of 2026-09-20, is matched with no entry of a statement after 5 days.",
    ] {
        assert!(said.contains(sentence), "{said}");
    }
    // That entry has its receipt.
    refused(paid_in(&office, 30_000, "REF30000 ").await, "F112");
    office.ends_whole().await;
}

async fn the_money_of_a_receipt_that_was_taken_back_waits_for_somebody(mut office: TestOffice) {
    owed(&mut office).await;
    paid_in(&office, 120_000, "PT 17").await.unwrap();
    paid_in(&office, 5_000, "PT 18").await.unwrap();
    // Before a statement shows the money, a mistake is a mistake.
    taken_back(&office, "PT 18").await;
    assert!(office.discrepancies().await.is_empty());

    office.on_day("2026-10-06");
    arrives(&office, "S1", (0, 120_000), &[credit(120_000, &["PT 17"])]).await;
    assert_eq!(seen(&office).await, "1 on 1/1, 2 on none");
    taken_back(&office, "PT 17").await;
    assert_eq!(standing(&office).await, "open: back 0, on its way 0, left 500000");
    let waiting = office.engine.store.discrepancies().await.unwrap();
    let [(number, left_over)] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(
        (left_over.kind.to_string().as_str(), left_over.item, left_over.reported_minor),
        ("receipt_taken_back", 1, Some(120_000))
    );
    assert!(left_over.detail.starts_with("L143: statement 1: 120.000 VND of its entry 1"));

    // Recorded anew for whom it came, the money stands on the same entry, and on no other receipt after it.
    paid_in(&office, 119_999, "PT 17").await.unwrap();
    taken_back(&office, "PT 17").await;
    paid_in(&office, 120_000, "Pt 17").await.unwrap();
    assert_eq!(seen(&office).await, "1 on 1/1, 2 on none, 3 on none, 4 on 1/1");
    let reason = "recorded for who paid it";
    office.engine.discrepancy_resolve(*number, reason, MAKER, &key(MAKER)).await.unwrap();
    assert!(office.discrepancies().await.is_empty());
    // It can turn out to be another's once more.
    taken_back(&office, "PT 17").await;
    assert_eq!(office.discrepancies().await, ["receipt_taken_back"]);
    let none = office.engine.receipt_take_back(1, "PT 17", "again", MAKER, &key(MAKER)).await;
    refused(none, "F120");
    office.ends_whole().await;
}
