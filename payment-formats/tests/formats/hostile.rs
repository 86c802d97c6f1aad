//! Input that is broken or made to harm is refused with a code and a place, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

use payment_formats::Formats;

use crate::samples::read;

const NS: &str = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10";

fn report(inside: &str) -> String {
    format!(
        "<Document xmlns=\"{NS}\"><CstmrPmtStsRpt><GrpHdr><MsgId>A</MsgId></GrpHdr>\
         <OrgnlGrpInfAndSts><OrgnlMsgId>M</OrgnlMsgId></OrgnlGrpInfAndSts>{inside}\
         </CstmrPmtStsRpt></Document>"
    )
}

fn transaction(inside: &str) -> String {
    report(&format!("<OrgnlPmtInfAndSts><TxInfAndSts>{inside}</TxInfAndSts></OrgnlPmtInfAndSts>"))
}

fn notification(inside: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">\
         <BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>A</MsgId></GrpHdr><Ntfctn><Id>N</Id>{inside}\
         </Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    )
}

fn entry(amount: &str, rest: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
         {rest}</Ntry>"
    )
}

#[track_caller]
fn check(id: &str, text: impl AsRef<[u8]>, code: &str) {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned();
    match read(id, text) {
        Ok(_) => assert_eq!(code, "", "read: {shown}"),
        Err(error) => {
            assert_eq!(error.code(), code, "{error}: {shown}");
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn broken_status_reports() {
    let check = |text: String, code| check("iso20022-pain002", text, code);
    let good = transaction("<OrgnlEndToEndId>E</OrgnlEndToEndId><TxSts>RJCT</TxSts>");
    check(good.clone(), "");
    check(format!("\u{FEFF}<?xml version=\"1.0\"?>\n{good}\n"), "");
    check(format!("<!DOCTYPE Document>{good}"), "M140");
    check(format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{good}"), "M140");
    check(transaction("<TxSts>&e;</TxSts>"), "M141");
    check(transaction("<TxSts>RJ&#x1F;CT</TxSts>"), "M148");
    check(report("<Other>&e;</Other>"), "M141");
    check(transaction("<TxSts>RJ&#67;T</TxSts>"), "");
    check(format!("{good}{good}"), "M146");
    check(format!("{good}text"), "M146");
    check(format!("<Envelope>{good}{good}</Envelope>"), "M145");
    check(
        format!(
            "<Envelope><AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\"/>{good}</Envelope>"
        ),
        "",
    );
    check(good.replace("pain.002.001.10", "pain.001.001.09"), "M142");
    check(good.replace("pain.002.001.10", "pain.002.001.99"), "M142");
    check(good.replace("pain.002.001.10", "else"), "M142");
    check(good.replace(&format!(" xmlns=\"{NS}\""), ""), "M143");
    check(good.replace("CstmrPmtStsRpt", "Another"), "M139");
    check("<x/>".into(), "M139");
    check(String::new(), "M137");
    check("   ".into(), "M137");
    for cut in [good.len() / 2, good.len() - 1, good.len() - 11, 20] {
        let text = good[..cut].to_owned();
        let refused = read("iso20022-pain002", text.as_bytes()).expect_err("a cut file");
        assert!(["M137", "M148"].contains(&refused.code()), "{refused}");
    }
    check(transaction("<TxSts>RJ<!-- x -->CT</TxSts>"), "M147");
    check(transaction("<TxSts>RJ<?x y?>CT</TxSts>"), "M147");
    check(transaction("<!-- why --><TxSts>RJCT</TxSts>"), "");
    check(transaction("<TxSts>RJCT</TxSts><TxSts>ACSC</TxSts>"), "M144");
    check(
        transaction("<OrgnlEndToEndId>A</OrgnlEndToEndId><OrgnlEndToEndId>B</OrgnlEndToEndId>"),
        "M144",
    );
    check(transaction("<TxSts>RJCT</Sts>"), "M148");
    check(transaction("<q:TxSts>RJCT</q:TxSts>"), "M148");
}

#[test]
fn a_foreign_namespace_is_not_ours() {
    let text = transaction(
        "<x:TxSts xmlns:x=\"urn:other\">ACCC</x:TxSts><TxSts>RJCT</TxSts><Unknown><TxSts>ACCC</TxSts></Unknown>",
    );
    let (_, outcomes) = read("iso20022-pain002", text.as_bytes()).expect("a right report");
    assert_eq!(outcomes[0].status, payment_formats::OutcomeStatus::Rejected);
}

#[test]
fn prefixes_change_nothing() {
    let text = transaction("<TxSts>RJCT</TxSts>")
        .replace("</", "</p:")
        .replace('<', "<p:")
        .replace("<p:/p:", "</p:")
        .replace("xmlns=", "xmlns:p=");
    let (_, outcomes) = read("iso20022-pain002", text.as_bytes()).expect("a right report");
    assert_eq!(outcomes[0].status, payment_formats::OutcomeStatus::Rejected);
}

#[test]
fn amounts_and_dates_of_notifications() {
    let check = |text: String, code| check("iso20022-camt054", notification(&text), code);
    check(entry("750000", ""), "");
    for amount in [
        "1e3",
        "-500",
        "+500",
        "1,000",
        "1 000",
        "1.",
        "0x10",
        "1234567890123456789012345678901234567890",
        "1.5",
    ] {
        check(entry(amount, ""), "M102");
    }
    check(entry("1<!--x-->000", ""), "M147");
    check(entry("1", "").replace("VND", "XYZ"), "M116");
    check(entry("1", "").replace("DBIT", "BOTH"), "M119");
    for date in ["2026-02-30", "2026-13-01", "20261120", "30/11/2026", "2026-11-20x"] {
        check(entry("1", &format!("<BookgDt><Dt>{date}</Dt></BookgDt>")), "M117");
    }
}

#[test]
fn broken_reports_within_the_day() {
    let check = |text: String, code| check("iso20022-camt052", text, code);
    let report = |inside: &str| {
        let text = notification(inside).replace("camt.054", "camt.052");
        text.replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrAcctRpt").replace("Ntfctn>", "Rpt>")
    };
    let good = report(&entry("750000", ""));
    check(good.clone(), "");
    // A balance is not looked at: it closes nothing.
    check(report(&format!("<Bal><Amt Ccy=\"VND\">x</Amt></Bal>{}", entry("1", ""))), "");
    check(report(&entry("1e3", "")), "M102");
    check(report(&entry("1", "").replace("VND", "XYZ")), "M116");
    check(report(&entry("1", "").replace("DBIT", "BOTH")), "M119");
    check(report(&entry("1", "<BookgDt><DtTm>2026-02-30T10:00:00</DtTm></BookgDt>")), "M117");
    let summary = "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>";
    check(report(&format!("{summary}{}", entry("1", ""))), "M135");
    // The first draft had another body, and the message of another kind is not this one.
    check(good.replace("camt.052.001.08", "camt.052.001.01"), "M142");
    check(good.replace("camt.052", "camt.053"), "M142");
    check(good.replace("BkToCstmrAcctRpt", "BkToCstmrStmt"), "M139");
    check(good[..good.len() - 20].to_owned(), "M148");
    check(format!("<!DOCTYPE Document>{good}"), "M140");
}

/// What is not booked is no evidence, whatever stands on it, in every message about an account.
#[test]
fn entries_that_are_not_booked_are_announced() {
    use payment_formats::OutcomeStatus::{Announced, Booked};
    for (status, expected) in
        [("BOOK", Booked), ("PDNG", Announced), ("INFO", Announced), ("FUTR", Announced)]
    {
        for details in ["", "<NtryDtls><TxDtls/></NtryDtls>"] {
            let text = notification(&entry("1", details).replace("BOOK", status));
            let report = text.replace("camt.054", "camt.052");
            let report = report.replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrAcctRpt");
            let statement = text.replace("camt.054", "camt.053");
            let statement = statement.replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrStmt");
            for (id, text) in [
                ("iso20022-camt054", text),
                ("iso20022-camt052", report.replace("Ntfctn>", "Rpt>")),
                ("iso20022-camt053", statement.replace("Ntfctn>", "Stmt>")),
            ] {
                let (_, outcomes) = read(id, text.as_bytes()).expect("a right message");
                assert_eq!(outcomes.len(), 1, "{id}");
                assert_eq!(outcomes[0].status, expected, "{id} {status}");
            }
        }
    }
}

#[test]
fn declared_totals_must_agree_with_the_content() {
    let check = |text: String, code| check("iso20022-camt054", notification(&text), code);
    let declared = |count: &str, sum: &str| {
        format!(
            "<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries><Sum>{sum}</Sum></TtlNtries>\
             </TxsSummry>{}{}",
            entry("100", ""),
            entry("250", "")
        )
    };
    check(declared("2", "350"), "");
    check(declared("3", "350"), "M135");
    check(declared("2", "351"), "M135");
    check(declared("2", "3e2"), "M102");
    let batch = |count: &str| {
        entry(
            "100",
            &format!(
                "<NtryDtls><Btch><NbOfTxs>{count}</NbOfTxs></Btch><TxDtls/><TxDtls/></NtryDtls>"
            ),
        )
    };
    check(batch("2"), "");
    check(batch("3"), "");
    check(batch("1"), "M135");
}

#[test]
fn sheets_that_are_not_as_they_should_be() {
    let check = |text: &[u8], code| check("ewallet-csv-results", text, code);
    let sheet = |rows: &str| {
        format!(
            "partner_reference,wallet_id,amount,currency,status,reason_code,message,transaction_id,completed_at\n{rows}"
        )
    };
    let row = "E1,0901234567,750000,VND,SUCCESS,,,T1,2026-11-25\n";
    check(sheet(&format!("{row}TOTAL,1,750000\n")).as_bytes(), "");
    check(format!("\u{FEFF}{}", sheet(&format!("{row}TOTAL,1,750000"))).as_bytes(), "");
    check(sheet(&format!("{row}TOTAL,1,750000\n").replace('\n', "\r\n")).as_bytes(), "");
    check(sheet(row).as_bytes(), "M114");
    check(sheet(&format!("{row}TOTAL,2,750000\n")).as_bytes(), "M135");
    check(sheet(&format!("{row}TOTAL,1,750001\n")).as_bytes(), "M135");
    check(sheet(&format!("{row}TOTAL,1,75e4\n")).as_bytes(), "M102");
    check(sheet(&format!("{row}TOTAL,one,750000\n")).as_bytes(), "M110");
    check(sheet(&format!("TOTAL,0,0\n{row}")).as_bytes(), "M111");
    check(b"", "M137");
    check(b"one,two\n", "M113");
    check(sheet("").replace("wallet_id", "amount").as_bytes(), "M113");
    check(sheet("E1,0901234567\n").as_bytes(), "M112");
    check(sheet(&row.replace("T1", "T1,x")).as_bytes(), "M112");
    check(sheet(&row.replace("T1", "T\"1")).as_bytes(), "M115");
    check(sheet(&row.replace("T1", "\"T\"1")).as_bytes(), "M115");
    check(sheet(&row.replace("T1", "\"T1")).as_bytes(), "M115");
    check(sheet(&row.replace("T1", "a\rb")).as_bytes(), "M115");
    check(sheet(&row.replace("E1", "")).as_bytes(), "M125");
    for amount in ["1e3", "-500", "\"1,000\"", "1234567890123456789012345678901234567890", "1.5"] {
        check(sheet(&row.replace("750000", amount)).as_bytes(), "M102");
    }
    check(sheet(&row.replace("11-25", "02-30")).as_bytes(), "M117");
    check(sheet(&row.replace("VND", "XYZ")).as_bytes(), "M116");
    let mut bytes = sheet(row).into_bytes();
    bytes.extend(b"E2,\xff\xfe,1,VND,SUCCESS,,,T,2026-11-25\n");
    check(&bytes, "M120");
}

#[test]
fn json_that_is_not_as_it_should_be() {
    let check = |text: &str, code| check("gsma-mobile-money-rejections", text, code);
    let item = r#"{"rejectionReason":"identifierError","rejectionDate":"2026-11-25T10:00:00Z"}"#;
    check(&format!("[{item}]"), "");
    check(&format!("\u{FEFF}[{item},{item}]\n"), "");
    check("[]", "");
    check(&format!("[{item}"), "M137");
    check(&format!("[{item}] []"), "M131");
    check(&format!("[{item},]"), "M131");
    check(item, "M132");
    check(r#"[{"rejectionDate":"2026-11-25"}]"#, "M125");
    check(r#"[{"rejectionReason":"a","rejectionReason":"b"}]"#, "M130");
    check(r#"[{"rejectionReason":["a"]}]"#, "M132");
    check(r#"[{"rejectionReason":"a","fee":1.5}]"#, "M132");
    check(r#"[{"rejectionReason":"a","rejectionDate":"2026-02-30"}]"#, "M117");
    check(&format!("[{}", "[".repeat(200_000)), "M118");
}

#[test]
fn text_that_is_not_utf8() {
    let bytes = transaction("<TxSts>RJCT</TxSts>").replace('M', "\u{1}").into_bytes();
    let bytes: Vec<u8> = bytes.into_iter().map(|b| if b == 1 { 0xff } else { b }).collect();
    check("iso20022-pain002", bytes, "M120");
    check("gsma-mobile-money-rejections", b"[{\"rejectionReason\":\"\xff\"}]", "M120");
}

/// Bytes without end, of which a reader takes as many as it wants: it must not want many.
struct Endless {
    start: io::Cursor<Vec<u8>>,
    pattern: &'static [u8],
    at: usize,
    given: usize,
    limit: usize,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let first = self.start.read(into)?;
        if first > 0 {
            return Ok(first);
        }
        assert!(self.given <= self.limit, "more than {} bytes were read", self.limit);
        self.given += into.len();
        for byte in into.iter_mut() {
            *byte = self.pattern[self.at];
            self.at = (self.at + 1) % self.pattern.len();
        }
        Ok(into.len())
    }
}

#[track_caller]
fn check_endless(id: &str, start: &str, pattern: &'static [u8], code: &str) {
    let input = Endless {
        start: io::Cursor::new(start.as_bytes().to_vec()),
        pattern,
        at: 0,
        given: 0,
        limit: 1024 * 1024,
    };
    let formats = Formats::built_in();
    let format = formats.read(id).expect("a built-in format");
    let input: &mut dyn BufRead = &mut BufReader::new(input);
    let refused = format.read(input, &mut |_| ControlFlow::Continue(()));
    assert_eq!(refused.expect_err("endless").code(), code, "{start}");
}

#[test]
fn what_has_no_end_is_refused_early() {
    let open = format!("<Document xmlns=\"{NS}\"><CstmrPmtStsRpt>");
    check_endless("iso20022-pain002", &open, b"<a>", "M118");
    check_endless("iso20022-pain002", "", b"<a>", "M118");
    check_endless("iso20022-pain002", &open, b"x", "M133");
    check_endless("iso20022-pain002", &format!("{open}<!--"), b"<x> ", "M133");
    check_endless("iso20022-pain002", &format!("{open}<![CDATA["), b"<x> ", "M133");
    check_endless("iso20022-pain002", &format!("{open}<a "), b"b='c' ", "M133");
    check_endless("iso20022-pain002", "<Document xmlns=\"", b"n", "M133");
    let value = format!("{open}<GrpHdr><MsgId>");
    check_endless("iso20022-pain002", &value, b"x&amp;", "M138");
    check_endless("ewallet-csv-results", "", b"x", "M133");
    check_endless("ewallet-csv-results", "", b"x,", "M133");
    check_endless("ewallet-csv-results", "\"", b"x\n", "M133");
    check_endless("gsma-mobile-money-rejections", "[\"", b"x", "M133");
    check_endless("gsma-mobile-money-rejections", "[", b"[", "M118");
    check_endless("gsma-mobile-money-rejections", "[{\"a\":[", b"1,", "M133");
    check_endless("gsma-mobile-money-rejections", "", b" ", "M133");
}

#[test]
fn two_hundred_megabytes_in_one_slice_are_refused() {
    let line = vec![b'x'; 200 * 1024 * 1024];
    for id in ["iso20022-pain002", "ewallet-csv-results"] {
        let refused = read(id, &line).expect_err("one line of 200 MB");
        assert_eq!(refused.code(), "M133", "{id}");
    }
}

#[test]
fn a_place_has_a_line_a_record_and_a_field() {
    let text = notification(&format!("\n{}\n{}\n", entry("1", ""), entry("1e3", "")));
    let refused = read("iso20022-camt054", text.as_bytes()).expect_err("an exponent");
    assert_eq!((refused.place.line, refused.place.record), (3, 2));
    assert_eq!(refused.place.field.as_deref(), Some("amount"));
    assert!(refused.to_string().starts_with("line 3, record 2, amount: "), "{refused}");
}

#[test]
fn an_entry_lends_its_amount_to_an_only_child_and_to_no_other() {
    let details = |count: usize| format!("<NtryDtls>{}</NtryDtls>", "<TxDtls/>".repeat(count));
    for (inside, expected) in [
        (details(1), vec![Some(100)]),
        (details(2), vec![None, None]),
        (details(1).repeat(2), vec![None, None]),
        (details(1).repeat(3), vec![None, None, None]),
    ] {
        let text = notification(&format!("{}{}", entry("100", &inside), entry("7", "")));
        let (_, outcomes) = read("iso20022-camt054", text.as_bytes()).expect("a right notice");
        let (last, children) = outcomes.split_last().expect("outcomes");
        let amounts: Vec<Option<i64>> =
            children.iter().map(|outcome| outcome.amount.map(|(minor, _)| minor)).collect();
        assert_eq!(amounts, expected, "{inside}");
        assert_eq!(last.amount.map(|(minor, _)| minor), Some(7));
    }
}

#[test]
fn a_caller_may_stop() {
    let formats = Formats::built_in();
    let format = formats.read("iso20022-pain002").expect("a built-in format");
    let text = transaction("<TxSts>RJCT</TxSts>");
    let stopped = format.read(text.as_bytes(), &mut |_| ControlFlow::Break(()));
    assert_eq!(stopped.expect_err("stopped").code(), "M134");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(0_u8..=255, 0..400)) {
        for id in ["iso20022-pain002", "iso20022-camt054", "ewallet-csv-results", "gsma-mobile-money-rejections"] {
            let _ = read(id, &bytes);
        }
        let _ = Formats::built_in().recognise(&bytes);
    }

    #[test]
    fn no_mutation_of_a_report_makes_reading_panic(at in 0..200_usize, byte in 0_u8..=255) {
        let mut bytes = notification(&entry("100", "<NtryDtls><TxDtls/></NtryDtls>")).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read("iso20022-camt054", &bytes);
    }
}

#[test]
fn lines_of_replies_are_read_one_by_one() {
    let check = |text: &str, code| check("gsma-mobile-money-transaction-results", text, code);
    let good =
        "{\"reference\":\"E\",\"http\":201,\"body\":{\"transactionStatus\":\"completed\"}}\n";
    check(good, "");
    check(&good.repeat(3), "");
    check(good.trim_end(), "");
    check(&good.replace("\"reference\":\"E\",", ""), "M125");
    check(&good.replace("201", "201,\"http\":400"), "M130");
    check(&format!("{good}[]x\n"), "M131");
    check(&format!("{good}{{\"reference\":"), "M137");
    check(&good.replace("completed", &"x".repeat(70_000)), "M133");
}
