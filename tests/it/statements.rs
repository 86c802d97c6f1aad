//! Statements of the account that pays, held against what was ordered: balances, bulk and single debits,
//! lump returns, fees and tax, and entries that nobody can explain. Each told on both databases.

use chitra::domain::batch::Batch;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::funds::Funding;
use chitra::engine::office;
use chitra::engine::statement::StatementSeen;

use crate::answer_files::status_of;
use crate::support::office::{MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_bulk_debit_its_fees_and_a_lump_of_returns_are_explained
    a_statement_that_does_not_add_up_changes_nothing
    a_gap_is_told_until_the_missing_statement_comes
    what_fits_no_order_waits_for_an_officer
    a_file_is_not_debited_twice
    money_that_was_recorded_as_available_is_found_on_the_statement_once
    a_rejection_of_a_debited_file_is_a_contradiction
    a_debit_of_a_rejected_file_is_a_contradiction
    an_entry_is_not_believed_for_more_than_it_books
    what_two_statements_book_of_a_payment_has_moved_twice
    what_was_taken_for_a_rejected_payment_is_given_back
}

const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000003";

/// Two people paid half a million each by a file to `isobank`, which sends statements of our account.
pub async fn sent(office: &mut TestOffice, agreed: &str) -> (Cycle, Batch) {
    let path = office.dir.join(office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let name = "name = \"isobank\"\n";
    let text = text.replacen(name, &format!("{name}{agreed}\n"), 1).replacen(
        "\"iso20022-camt054\"]",
        "\"iso20022-camt054\", \"iso20022-camt053\"]",
        1,
    );
    std::fs::write(&path, text).unwrap();
    office.reopen().await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[BINH, CHI]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-06");
    let batch = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
    assert_eq!((batch.count, batch.total_minor), (2, 1_000_000));
    (cycle, batch)
}

/// An entry: its amount with `-` for a debit, its code, and what stands in its details.
pub fn entry(minor: i64, code: &str, details: &str) -> String {
    let side = if minor < 0 { "DBIT" } else { "CRDT" };
    let details = match details {
        "" => String::new(),
        some => format!("<NtryDtls>{some}</NtryDtls>"),
    };
    format!(
        "<Ntry><Amt Ccy=\"VND\">{}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
         <BookgDt><Dt>2026-10-05</Dt></BookgDt><AcctSvcrRef>REF{}</AcctSvcrRef>\
         <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>{code}</SubFmlyCd></Fmly></Domn></BkTxCd>{details}</Ntry>",
        minor.abs(),
        minor.abs()
    )
}

pub fn of_file(batch: &Batch) -> String {
    format!("<Btch><PmtInfId>{}</PmtInfId></Btch>", batch.message_id)
}

pub fn of_payment(reference: &str, minor: i64, reason: &str) -> String {
    let reason = match reason {
        "" => String::new(),
        code => format!("<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>"),
    };
    format!(
        "<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><Amt Ccy=\"VND\">{minor}</Amt>{reason}</TxDtls>"
    )
}

pub fn statement(
    id: &str,
    day: &str,
    (opening, closing): (i64, i64),
    entries: &[String],
) -> String {
    let balance = |code: &str, minor: i64| {
        let side = if minor < 0 { "DBIT" } else { "CRDT" };
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"VND\">{}</Amt>\
             <CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>",
            minor.abs()
        )
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>M{id}</MsgId><CreDtTm>{day}T18:00:00</CreDtTm></GrpHdr>\
         <Stmt><Id>{id}</Id><Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>{}{}{}</Stmt>\
         </BkToCstmrStmt></Document>",
        balance("OPBD", opening),
        balance("CLBD", closing),
        entries.concat()
    )
}

/// `debit 1 entries 2 payments -1000000`, share by share.
pub fn shares(seen: &StatementSeen) -> Vec<String> {
    let told = seen.shares.iter().map(|one| {
        format!(
            "{} {} entries {} payments {}",
            one.kind, one.entries, one.payments, one.total_minor
        )
    });
    told.collect()
}

pub async fn last(office: &TestOffice) -> StatementSeen {
    office.engine.statements_seen().await.unwrap().pop().expect("a statement was taken in")
}

pub async fn reference(office: &TestOffice, cycle: &Cycle, enrolment: &str) -> String {
    office.said(cycle, enrolment, 1, "", "").await.reference
}

async fn a_bulk_debit_its_fees_and_a_lump_of_returns_are_explained(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, "debit_booking = \"bulk\"").await;
    let entries = [
        entry(-1_000_000, "SALA", &of_file(&batch)),
        entry(-3_300, "CHRG", ""),
        entry(-330, "TAXE", ""),
    ];
    let first = statement("S1", "2026-10-05", (10_000_000, 8_996_370), &entries);
    let taken = office.answered("isobank", "xml", first.as_bytes()).await.unwrap();
    assert_eq!((taken.format.as_str(), taken.items), ("iso20022-camt053", 3));
    assert_eq!(
        shares(&last(&office).await),
        [
            "debit 1 entries 2 payments -1000000",
            "fee 1 entries 0 payments -3300",
            "tax 1 entries 0 payments -330",
        ]
    );
    // The bank has the money; that the two have it is not said.
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;

    let (binh, chi) =
        (reference(&office, &cycle, "E2").await, reference(&office, &cycle, "E3").await);
    let lump = of_payment(&binh, 500_000, "AC04") + &of_payment(&chi, 500_000, "AC06");
    let second =
        statement("S2", "2026-10-06", (8_996_370, 9_996_370), &[entry(1_000_000, "RRTN", &lump)]);
    office.answered("isobank", "xml", second.as_bytes()).await.unwrap();
    assert_eq!(shares(&last(&office).await), ["return 1 entries 2 payments 1000000"]);
    assert!(last(&office).await.gap.is_none());
    office.check(&cycle, "entitled 2", "returned 2 = 1000000").await;
    assert!(office.discrepancies().await.is_empty());

    let report = office.engine.cycle_report(&office.now(&cycle).await).await.unwrap();
    let [file] = report.reconciled.as_slice() else { panic!("{:?}", report.reconciled) };
    assert_eq!(
        (file.ordered_minor, file.debited_minor, file.back_minor, file.difference_minor()),
        (1_000_000, 1_000_000, 1_000_000, 0)
    );
    let told: Vec<(i64, i64)> =
        report.statements.iter().map(|one| (one.files_minor, one.fees_minor)).collect();
    assert_eq!(told, [(-1_000_000, -3_630), (1_000_000, 0)]);
    office.ends_whole().await;
}

async fn a_statement_that_does_not_add_up_changes_nothing(mut office: TestOffice) {
    let (cycle, _) = sent(&mut office, "").await;
    let binh = reference(&office, &cycle, "E2").await;
    let back = [entry(500_000, "RRTN", &of_payment(&binh, 500_000, "AC04"))];
    let whole = statement("S1", "2026-10-06", (100, 500_100), &back);
    for (text, code) in [
        (statement("S1", "2026-10-06", (100, 500_101), &back), "L136"),
        (statement("S1", "2026-10-06", (i64::MAX - 500_000, i64::MAX), &back), "L151"),
        (whole.replace("CLBD", "CLAV"), "L137"),
        (whole.replace("<Id>S1</Id>", ""), "L137"),
        (whole.replace("VND", "USD"), "L138"),
        (whole.replace("VN67BHXH0000000011004000001", "VN67BHXH0000000011004000002"), "L135"),
    ] {
        refused(office.answered("isobank", "xml", text.as_bytes()).await, code);
    }
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    assert_eq!(office.discrepancies().await, ["file_refused"; 6]);
    assert!(office.engine.statements_seen().await.unwrap().is_empty());

    office.answered("isobank", "xml", whole.as_bytes()).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 500000, returned 1 = 500000").await;
    assert!(office.answered("isobank", "xml", whole.as_bytes()).await.unwrap().replayed);
    // The same statement with other bytes may be a correction, or a forgery: a person asks.
    let again = whole.replace("MS1", "MS1-COPY");
    refused(office.answered("isobank", "xml", again.as_bytes()).await, "L139");
    assert_eq!(office.engine.statements_seen().await.unwrap().len(), 1);
    office.ends_whole().await;
}

async fn a_gap_is_told_until_the_missing_statement_comes(mut office: TestOffice) {
    sent(&mut office, "").await;
    for (id, day, opening, closing) in
        [("S1", "2026-10-05", 1_000, 900), ("S3", "2026-10-07", 700, -50)]
    {
        let fee = [entry(closing - opening, "CHRG", "")];
        let text = statement(id, day, (opening, closing), &fee);
        office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    }
    let gap = last(&office).await.gap.expect("S3 does not begin where S1 ended");
    assert_eq!((gap.id.as_str(), gap.closing_minor), ("S1", 900));
    let missing = statement("S2", "2026-10-06", (900, 700), &[entry(-200, "CHRG", "")]);
    office.answered("isobank", "xml", missing.as_bytes()).await.unwrap();
    let seen = office.engine.statements_seen().await.unwrap();
    let order: Vec<&str> = seen.iter().map(|one| one.statement.id.as_str()).collect();
    assert_eq!(order, ["S1", "S2", "S3"]);
    assert!(seen.iter().all(|one| one.gap.is_none()));
    refused(office.engine.statement_find(9).await.map(|_| ()), "L140");
    office.ends_whole().await;
}

async fn what_fits_no_order_waits_for_an_officer(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, "debit_booking = \"single\"").await;
    let binh = reference(&office, &cycle, "E2").await;
    let mixed = of_payment(&binh, 500_000, "") + &of_payment("STRANGER", 100, "");
    let entries = [
        entry(-500_000, "DMCT", &of_payment(&binh, 500_000, "")),
        entry(-1_000_000, "DMCT", &of_file(&batch)),
        entry(500_100, "RCDT", &mixed),
        entry(2_000_000, "RCDT", ""),
    ];
    let sum: i64 = -500_000 - 1_000_000 + 500_100 + 2_000_000;
    let text = statement("S1", "2026-10-05", (-5, sum - 5), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let seen = last(&office).await;
    assert_eq!(
        shares(&seen),
        [
            "debit 1 entries 1 payments -500000",
            &format!("unexplained 3 entries 0 payments {}", sum + 500_000)
        ]
    );
    let why: Vec<(i64, i64, &str)> = seen
        .unexplained
        .iter()
        .map(|(one, _)| (one.entry, one.amount_minor, one.why.split(';').next().unwrap_or("")))
        .collect();
    let of_the_file = format!("one entry for {}", batch.file_name);
    assert_eq!(
        why,
        [
            (2, -1_000_000, of_the_file.as_str()),
            (3, 500_100, "1 of its 2 payments are none of ours, or have another amount"),
            (4, 2_000_000, "no reference of ours stands on it"),
        ]
    );
    // What is between the balances is explained or listed, to the đồng.
    let told: i64 = seen.shares.iter().map(|one| one.total_minor).sum();
    assert_eq!(told, seen.statement.closing_minor - seen.statement.opening_minor);

    let open = office.engine.store.discrepancies().await.unwrap();
    let unexplained: Vec<i64> = open
        .iter()
        .filter(|(_, one)| one.kind.to_string() == "unexplained_entry")
        .map(|(number, _)| *number)
        .collect();
    assert_eq!((seen.open(), unexplained.len()), (3, 3));
    let reason = "the treasury paid in, order 12";
    office.engine.discrepancy_resolve(unexplained[2], reason, MAKER, &key(MAKER)).await.unwrap();
    let seen = last(&office).await;
    assert_eq!((seen.open(), seen.unexplained.len()), (2, 3));
    office.ends_whole().await;
}

async fn a_file_is_not_debited_twice(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, "").await;
    // No reference stands on it, and only one file has this amount.
    let first = statement("S1", "2026-10-05", (1_000_000, 0), &[entry(-1_000_000, "DMCT", "")]);
    office.answered("isobank", "xml", first.as_bytes()).await.unwrap();
    assert_eq!(shares(&last(&office).await), ["debit 1 entries 2 payments -1000000"]);
    let entries = [
        entry(-1_000_000, "DMCT", &of_file(&batch)),
        entry(-1_000_000, "DMCT", ""),
        entry(1_000_000, "DMCT", &of_file(&batch)).replace("<Sts>", "<RvslInd>true</RvslInd><Sts>"),
    ];
    let text = statement("S2", "2026-10-06", (0, -1_000_000), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let seen = last(&office).await;
    assert_eq!(
        shares(&seen),
        ["reversal 1 entries 2 payments 1000000", "unexplained 2 entries 0 payments -2000000"]
    );
    let why = &seen.unexplained[0].0.why;
    assert!(why.contains("this would be taken twice"), "{why}");
    office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
    office.ends_whole().await;
}

async fn money_that_was_recorded_as_available_is_found_on_the_statement_once(
    mut office: TestOffice,
) {
    sent(&mut office, "").await;
    let funding = Funding {
        provider: "isobank".to_owned(),
        amount_minor: 5_000_000,
        cleared_on: "2026-10-05".parse().unwrap(),
        reference: "KB 2026/12".to_owned(),
        is_given_back: false,
    };
    office.engine.funds_record(funding, MAKER, &key(MAKER)).await.unwrap();
    let paid_in = |minor: i64, text: &str| {
        let details = format!(
            "<TxDtls><RmtInf><Ustrd>Cap kinh phi kb {text} thang 10</Ustrd></RmtInf></TxDtls>"
        );
        entry(minor, "RCDT", &details)
    };
    let entries = [
        paid_in(5_000_001, "2026/12"),
        paid_in(5_000_000, "2026/123"),
        paid_in(5_000_000, "2026/12"),
        paid_in(5_000_000, "2026/12"),
    ];
    let text = statement("S1", "2026-10-05", (0, 20_000_001), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let told = ["funds 1 entries 0 payments 5000000", "unexplained 3 entries 0 payments 15000001"];
    assert_eq!(shares(&last(&office).await), told);
    let again = statement("S2", "2026-10-06", (20_000_001, 25_000_001), &entries[3..]);
    office.answered("isobank", "xml", again.as_bytes()).await.unwrap();
    assert_eq!(shares(&last(&office).await), ["unexplained 1 entries 0 payments 5000000"]);
    office.ends_whole().await;
}

/// The month's file as it is rejected, and the entry that takes the money for it.
fn rejected_and_debited(batch: &Batch) -> [String; 2] {
    let rejected = status_of(batch, 2, "1000000", "RJCT").replace("<Cd>FF01</Cd>", "<Cd>TM01</Cd>");
    let entries = [entry(-1_000_000, "SALA", &of_file(batch))];
    [rejected, statement("S1", "2026-10-05", (10_000_000, 9_000_000), &entries)]
}

/// The month's payments are rejected, something is open about the file, and nothing is ordered again before an
/// officer has looked.
async fn waits_for_an_officer(office: &TestOffice, cycle: &Cycle) {
    office.check(cycle, "entitled 2", "rejected 2 = 1000000").await;
    let open = office.engine.store.discrepancies().await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].1.detail.contains("a debit of our account for it"), "{open:?}");
    let again = office.engine.reissue(&office.now(cycle).await).await.unwrap();
    assert!(again.list.is_none(), "{again:?}");
    let why = "the bank gives it back";
    office.engine.discrepancy_resolve(open[0].0, why, MAKER, &key(MAKER)).await.unwrap();
    let again = office.engine.reissue(&office.now(cycle).await).await.unwrap();
    assert_eq!(again.ordered, 2, "{again:?}");
}

async fn a_rejection_of_a_debited_file_is_a_contradiction(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, "debit_booking = \"bulk\"").await;
    let [rejected, debited] = rejected_and_debited(&batch);
    office.answered("isobank", "xml", debited.as_bytes()).await.unwrap();
    assert!(office.discrepancies().await.is_empty());
    office.answered("isobank", "xml", rejected.as_bytes()).await.unwrap();
    waits_for_an_officer(&office, &cycle).await;
    office.ends_whole().await;
}

/// Whatever the bank calls an entry: between the balances of another statement it is another entry.
async fn what_two_statements_book_of_a_payment_has_moved_twice(mut office: TestOffice) {
    let (cycle, _) = sent(&mut office, "").await;
    let binh = reference(&office, &cycle, "E2").await;
    let referred = "<Refs><AcctSvcrRef>FT7</AcctSvcrRef>";
    let under = |minor: i64, reason: &str| {
        let details = of_payment(&binh, minor.abs(), reason).replace("<Refs>", referred);
        entry(minor, "DMCT", &details)
    };
    let mut balance = 5_000_000;
    for (number, minor, reason, expected, payables) in [
        (1, -500_000, "", &[][..], "pending 2 = 1000000"),
        (2, -500_000, "", &["paid_twice"], "pending 2 = 1000000"),
        (3, 500_000, "AC04", &["paid_twice"], "pending 1 = 500000, returned 1 = 500000"),
        (
            4,
            500_000,
            "AC04",
            &["paid_twice", "came_back_twice"],
            "pending 1 = 500000, returned 1 = 500000",
        ),
    ] {
        let balances = (balance, balance + minor);
        balance += minor;
        let text =
            statement(&format!("S{number}"), "2026-10-05", balances, &[under(minor, reason)]);
        office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
        assert_eq!(office.discrepancies().await, expected, "statement {number}");
        office.check(&cycle, "entitled 2", payables).await;
    }
    office.ends_whole().await;
}

/// A bank books first, learns that a payment cannot be made, and gives the money back: nothing is open.
async fn what_was_taken_for_a_rejected_payment_is_given_back(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, "debit_booking = \"single\"").await;
    let binh = reference(&office, &cycle, "E2").await;
    let taken = entry(-500_000, "DMCT", &of_payment(&binh, 500_000, ""));
    let text = statement("S1", "2026-10-05", (5_000_000, 4_500_000), &[taken]);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    let rejected = status_of(&batch, 2, "1000000", "PART").replace(
        "</OrgnlGrpInfAndSts>",
        &format!(
            "</OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId><TxInfAndSts>\
             <OrgnlEndToEndId>{binh}</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>\
             </TxInfAndSts></OrgnlPmtInfAndSts>",
            batch.message_id
        ),
    );
    office.answered("isobank", "xml", rejected.as_bytes()).await.unwrap();
    office.check(&cycle, "entitled 2", "pending 1 = 500000, rejected 1 = 500000").await;
    let back = entry(500_000, "RRTN", &of_payment(&binh, 500_000, "AC04"));
    let text = statement("S2", "2026-10-06", (4_500_000, 5_000_000), &[back]);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(office.discrepancies().await, [""; 0]);
    assert_eq!(shares(&last(&office).await), ["return 1 entries 1 payments 500000"]);
    office.check(&cycle, "entitled 2", "pending 1 = 500000, rejected 1 = 500000").await;
    let again = entry(500_000, "RRTN", &of_payment(&binh, 500_000, "AC04"));
    let text = statement("S3", "2026-10-07", (5_000_000, 5_500_000), &[again]);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(office.discrepancies().await, ["came_back_twice"]);
    // One that does not begin where the last one ended may tell it again.
    let again = entry(500_000, "RRTN", &of_payment(&binh, 500_000, "AC04"));
    let text = statement("M10", "2026-10-31", (5_000_000, 5_500_000), &[again]);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    assert_eq!(office.discrepancies().await, ["came_back_twice"]);
    office.ends_whole().await;
}

/// The bank gives one of two payments back, and names both; it takes one, and names both, with and without amounts.
async fn an_entry_is_not_believed_for_more_than_it_books(mut office: TestOffice) {
    let (cycle, _) = sent(&mut office, "debit_is_proof = true").await;
    let (binh, chi) =
        (reference(&office, &cycle, "E2").await, reference(&office, &cycle, "E3").await);
    let both =
        |reason: &str| of_payment(&binh, 500_000, reason) + &of_payment(&chi, 500_000, reason);
    let untold = both("").replace("<Amt Ccy=\"VND\">500000</Amt>", "");
    let mut balance = 5_000_000;
    for (number, details, minor) in
        [(1, both(""), -500_000), (2, untold.clone(), -500_000), (3, both("AC04"), 500_000)]
    {
        let entries = [entry(minor, "DMCT", &details)];
        let balances = (balance, balance + minor);
        let text = statement(&format!("S{number}"), "2026-10-05", balances, &entries);
        office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
        balance += minor;
        office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
        let told = office.discrepancies().await;
        assert_eq!(told.len(), 3 * number, "{told:?}");
        assert_eq!(told.iter().filter(|kind| **kind == "unclear").count(), 2 * number, "{told:?}");
    }
    // What adds up is believed, whether it says the amounts or not.
    let entries = [entry(-1_000_000, "DMCT", &untold)];
    let text = statement("S4", "2026-10-05", (balance, balance - 1_000_000), &entries);
    office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    office.check(&cycle, "entitled 2", "paid 2 = 1000000").await;
    office.ends_whole().await;
}

async fn a_debit_of_a_rejected_file_is_a_contradiction(mut office: TestOffice) {
    let (cycle, batch) = sent(&mut office, "debit_booking = \"bulk\"").await;
    let [rejected, debited] = rejected_and_debited(&batch);
    office.answered("isobank", "xml", rejected.as_bytes()).await.unwrap();
    assert!(office.discrepancies().await.is_empty());
    office.answered("isobank", "xml", debited.as_bytes()).await.unwrap();
    waits_for_an_officer(&office, &cycle).await;
    office.ends_whole().await;
}
