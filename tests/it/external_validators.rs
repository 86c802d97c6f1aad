//! The validators that other suites lean on are themselves put to the test: each accepts a good
//! file and refuses a bad one, so that a green run means that something was checked.
//!
//! Reads: samples below. Needs: xmllint, Python with its packages, PostgreSQL, shared facts; what
//! is absent is said.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::support::real_parts::{RealPart, published_schema, real_part, repository, shared_dir};

#[test]
fn xmllint_tells_valid_from_invalid_from_undecided() {
    let Some(xmllint) = real_part(RealPart::Xmllint) else { return };
    let folder = fresh_folder("xmllint");
    let schema = folder.join("amount.xsd");
    fs::write(&schema, AMOUNT_XSD).expect("the folder is ours");
    for (name, text, expected) in [
        ("good.xml", "<amount>750000</amount>", 0),
        ("letters.xml", "<amount>x</amount>", 1),
        ("other.xml", "<sum>750000</sum>", 1),
        ("torn.xml", "<amount>750000", 1),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).expect("the folder is ours");
        let output = script("xsd.sh", &xmllint).arg(&file).arg(&schema).output();
        check(name, output, expected);
    }
    let good = folder.join("good.xml");
    for (name, file, schema) in [
        ("no such file", folder.join("none.xml"), schema.clone()),
        ("no such schema", good.clone(), folder.join("none.xsd")),
        ("not a schema", good.clone(), good.clone()),
    ] {
        check(name, script("xsd.sh", &xmllint).arg(file).arg(schema).output(), 2);
    }
    check("no xmllint", script("xsd.sh", "/nowhere/xmllint").arg(&good).arg(&schema).output(), 2);
}

#[test]
fn the_payment_message_of_these_tests_satisfies_the_published_schema() {
    let Some(xmllint) = real_part(RealPart::Xmllint) else { return };
    let Some(schema) = published_schema("pain.001.001.09") else { return };
    let file = fresh_folder("published").join("pain.001.xml");
    fs::write(&file, PAIN_001).expect("the folder is ours");
    check("pain.001", script("xsd.sh", &xmllint).arg(&file).arg(schema).output(), 0);
}

#[test]
fn a_mobile_money_batch_is_held_to_the_published_specification() {
    let (Some(python), Some(shared)) = (real_part(RealPart::Python), shared_dir()) else { return };
    let folder = fresh_folder("gsma");
    let specifications = shared.join("openapi");
    for (name, batch, expected) in [
        ("good", GSMA_BATCH.to_string(), 0),
        ("decimal comma", GSMA_BATCH.replace("750000", "12,5"), 1),
        ("trailing zero", GSMA_BATCH.replace("750000", "15.20"), 1),
        ("a number, not a string", GSMA_BATCH.replace("\"750000\"", "750000"), 1),
        ("no creditor", GSMA_BATCH.replace("creditParty", "creditor"), 1),
        ("no transactions", "{\"transactions\": []}".to_string(), 1),
        ("not JSON", "transactions".to_string(), 1),
    ] {
        let file = folder.join("batch.json");
        fs::write(&file, batch).expect("the folder is ours");
        let output = external(&python, "gsma_batch.py").arg(&file).arg(&specifications).output();
        check(name, output, expected);
    }
    let file = folder.join("batch.json");
    check(
        "no specification",
        external(&python, "gsma_batch.py").arg(&file).arg(&folder).output(),
        2,
    );
}

#[test]
fn an_independent_bank_settles_returns_and_rejects() {
    let Some(python) = real_part(RealPart::Python) else { return };
    let plain = converse(&python, "plain", PAIN_001, &["--advance", "1"]);
    assert_eq!(plain["findings"], serde_json::json!([]), "{plain}");
    assert_eq!(plain["file_status"], "ACCP");
    assert_eq!(statuses(&plain), [("CT0001", "accepted"), ("CT0002", "accepted")]);
    assert_eq!(plain["balance_minor"], 1_000_000_000_000_000_i64 - 1_500_000);
    assert_eq!(kinds(&plain), ["pain.002", "camt.054", "camt.053"]);

    let died =
        ["--advance", "7", "--return-later", "3", "--reason", "MD07", "--return-only", "CT0001"];
    let died = converse(&python, "died", PAIN_001, &died);
    assert_eq!(statuses(&died), [("CT0001", "returned"), ("CT0002", "accepted")]);
    assert!(kinds(&died).contains(&"pacs.004".to_string()), "{died}");

    let closed = ["--closed-account", "9876543210"];
    let closed = converse(&python, "closed", PAIN_001, &closed);
    assert_eq!(closed["file_status"], "PART");
    assert_eq!(statuses(&closed), [("CT0001", "accepted"), ("CT0002", "rejected")]);
    assert_eq!(closed["payments"][0]["reason"], "AC04", "{closed}");

    let sum = PAIN_001.replace("<CtrlSum>1500000", "<CtrlSum>1500001");
    let sum = converse(&python, "sum", &sum, &[]);
    assert_eq!(sum["accepted"], false);
    assert!(sum["findings"][0].as_str().is_some_and(|finding| finding.contains("AM10")), "{sum}");
}

#[test]
fn a_conversation_that_did_not_take_place_is_not_an_answer() {
    let Some(python) = real_part(RealPart::Python) else { return };
    let folder = fresh_folder("no_conversation");
    let file = folder.join("file.xml");
    fs::write(&file, "<Document/>").expect("the folder is ours");
    let run = || {
        let mut command = external(&python, "mock_bank.py");
        command.arg(&file).args(["--clock", "2026-11-23T09:00", "--out"]);
        command
    };
    check("no payment in it", run().arg(folder.join("answers")).output(), 2);
    fs::write(&file, PAIN_001).expect("the folder is ours");
    check("a folder with other answers", run().arg(&folder).output(), 2);
    let unknown = ["--behaviour", "nonsense"];
    check("no such behaviour", run().arg(folder.join("answers")).args(unknown).output(), 2);
}

/// The server that other suites are given speaks PostgreSQL: it answers the first message of the
/// protocol, the question whether it offers TLS.
#[test]
fn the_database_server_answers() {
    let Some(url) = real_part(RealPart::Postgres) else { return };
    let address =
        url.split(['@', '/', '?']).nth(3).expect("postgres://user:password@host:port/name");
    let mut server =
        TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    server.set_read_timeout(Some(Duration::from_secs(10))).expect("ten seconds is a time-out");
    server.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).expect("the server reads");
    let mut answer = [0];
    server.read_exact(&mut answer).expect("the server answers");
    assert!(matches!(answer, [b'S' | b'N']), "{answer:?} is not PostgreSQL");
}

/// Sends a file to the bank and gives its summary; every message it names has been written.
#[track_caller]
fn converse(python: &str, name: &str, file: &str, options: &[&str]) -> Value {
    let folder = fresh_folder(&format!("bank_{name}"));
    let sent = folder.join("sent.xml");
    fs::write(&sent, file).expect("the folder is ours");
    let answers = folder.join("answers");
    let output = external(python, "mock_bank.py")
        .arg(&sent)
        .args(["--clock", "2026-11-23T09:00", "--out"])
        .arg(&answers)
        .args(options)
        .output();
    let text = check(name, output, 0);
    let summary: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for message in summary["messages"].as_array().expect("a list of messages") {
        let written = answers.join(message["file"].as_str().expect("a file name"));
        assert!(written.is_file(), "{} was not written", written.display());
    }
    summary
}

/// End-to-end id and status of each payment, in order.
fn statuses<'a>(summary: &'a Value) -> Vec<(&'a str, &'a str)> {
    let payments = summary["payments"].as_array().expect("a list of payments");
    let text = |value: &'a Value| value.as_str().unwrap_or("not a text");
    let mut statuses: Vec<(&str, &str)> = payments
        .iter()
        .map(|payment| (text(&payment["end_to_end_id"]), text(&payment["status"])))
        .collect();
    statuses.sort();
    statuses
}

/// `pain.002.001.10` → `pain.002`, in the order the bank sent them.
fn kinds(summary: &Value) -> Vec<String> {
    let messages = summary["messages"].as_array().expect("a list of messages");
    messages
        .iter()
        .filter_map(|message| message["type"].as_str())
        .map(|kind| kind.split('.').take(2).collect::<Vec<&str>>().join("."))
        .collect()
}

/// The exit code is the one expected; gives the standard output.
#[track_caller]
fn check(name: &str, output: std::io::Result<Output>, expected: i32) -> String {
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(expected), "{name}: {said}");
    assert!(expected == 0 || !said.trim().is_empty(), "{name}: refused without a reason");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn script(name: &str, xmllint: &str) -> Command {
    let mut command = Command::new(repository().join("tests/external").join(name));
    command.env("CHITRA_TEST_XMLLINT", xmllint);
    command
}

fn external(python: &str, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(repository().join("tests/external").join(name));
    command
}

/// An empty folder for one test, left for a look after a failure.
fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
    fs::create_dir_all(&folder).expect("the build folder can be written");
    folder
}

const AMOUNT_XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="amount" type="xs:nonNegativeInteger"/>
</xs:schema>"#;

const GSMA_BATCH: &str = r#"{"transactions": [{
  "amount": "750000", "currency": "VND", "type": "disbursement",
  "creditParty": [{"key": "msisdn", "value": "+84900000001"}],
  "debitParty": [{"key": "accountid", "value": "11004000001"}]
}]}"#;

/// Two payments in đồng: one to another bank, one to an account of the bank itself.
const PAIN_001: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>
  <GrpHdr>
    <MsgId>2026-11-R0-1</MsgId><CreDtTm>2026-11-23T08:00:00Z</CreDtTm>
    <NbOfTxs>2</NbOfTxs><CtrlSum>1500000</CtrlSum><InitgPty><Nm>So Noi vu</Nm></InitgPty>
  </GrpHdr>
  <PmtInf>
    <PmtInfId>2026-11-R0-1-1</PmtInfId><PmtMtd>TRF</PmtMtd>
    <NbOfTxs>2</NbOfTxs><CtrlSum>1500000</CtrlSum><ReqdExctnDt><Dt>2026-11-24</Dt></ReqdExctnDt>
    <Dbtr><Nm>So Noi vu</Nm></Dbtr>
    <DbtrAcct><Id><Othr><Id>11004000001</Id></Othr></Id><Ccy>VND</Ccy></DbtrAcct>
    <DbtrAgt><FinInstnId><ClrSysMmbId><MmbId>970436</MmbId></ClrSysMmbId></FinInstnId></DbtrAgt>
    <CdtTrfTxInf>
      <PmtId><EndToEndId>CT0001</EndToEndId></PmtId><Amt><InstdAmt Ccy="VND">750000</InstdAmt></Amt>
      <CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>970418</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>
      <Cdtr><Nm>NGUYEN THI A</Nm></Cdtr><CdtrAcct><Id><Othr><Id>0123456789</Id></Othr></Id></CdtrAcct>
    </CdtTrfTxInf>
    <CdtTrfTxInf>
      <PmtId><EndToEndId>CT0002</EndToEndId></PmtId><Amt><InstdAmt Ccy="VND">750000</InstdAmt></Amt>
      <CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>999999992</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>
      <Cdtr><Nm>TRAN VAN B</Nm></Cdtr><CdtrAcct><Id><Othr><Id>9876543210</Id></Othr></Id></CdtrAcct>
    </CdtTrfTxInf>
  </PmtInf>
</CstmrCdtTrfInitn></Document>
"#;
