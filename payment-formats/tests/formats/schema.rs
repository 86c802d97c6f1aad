//! What goes out against validators that are not ours.

use std::fs;
use std::process::Command;

use payment_formats::Formats;
use serde_json::Value;

use crate::goldens::render;
use crate::samples::shared;

#[test]
fn a_payment_file_is_valid_by_its_schema() {
    let Some(shared) = shared() else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: xmllint is not installed (package libxml2-utils)");
        return;
    }
    let formats = Formats::built_in();
    for (id, schema) in [
        ("iso20022-pain001-09", "pain.001.001.09"),
        ("iso20022-camt055-09", "camt.055.001.09"),
        ("iso20022-camt056-08", "camt.056.001.08"),
    ] {
        let format = formats.out(id).expect("a built-in format");
        assert_eq!(format.message_name(), schema);
        let (bytes, _) = render(format);
        let name = format!("payment-formats-{schema}-{}.xml", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, bytes).expect("a temporary file");
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(shared.join(format!("xsd/{schema}.xsd")))
            .arg(&file)
            .output()
            .expect("xmllint runs");
        fs::remove_file(&file).expect("the temporary file is there");
        assert!(output.status.success(), "{id}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Samples that the project wrote itself, as the schema has them.
#[test]
fn the_sample_of_a_report_within_the_day_is_valid_by_its_schema() {
    let Some(shared) = shared() else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: xmllint is not installed (package libxml2-utils)");
        return;
    }
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/formats/iso20022-camt052/sample.report.xml");
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(shared.join("xsd/camt.052.001.08.xsd"))
        .arg(sample)
        .output()
        .expect("xmllint runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The rules of the API's `requestBatchTransaction`, by hand: what its schema says of each member.
#[test]
fn a_mobile_money_batch_keeps_the_rules_of_the_api() {
    let formats = Formats::built_in();
    let format = formats.out("gsma-mobile-money-batch").expect("a built-in format");
    let (bytes, rendered) = render(format);
    let batch: Value = serde_json::from_slice(&bytes).expect("JSON that another reader reads");
    let transactions = batch["transactions"].as_array().expect("transactions");
    assert_eq!(transactions.len() as u64, rendered.totals.count);
    for transaction in transactions {
        let text = |member: &str| transaction[member].as_str().expect("a text").to_owned();
        let amount = text("amount");
        assert!(amount.bytes().all(|byte| byte.is_ascii_digit()) && !amount.starts_with('0'));
        assert_eq!(text("currency"), "VND");
        assert_eq!(text("type"), "disbursement");
        assert!(text("descriptionText").len() <= 160);
        for party in ["creditParty", "debitParty"] {
            let parties = transaction[party].as_array().expect("a list of keys and values");
            assert!((1..=10).contains(&parties.len()));
        }
        let number = transaction["creditParty"][0]["value"].as_str().expect("a number");
        assert!(number.starts_with("+84"));
    }
}
