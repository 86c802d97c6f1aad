//! Real-shaped status reports and notifications against facts that other tools extracted.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use payment_formats::{
    BalanceKind, Direction, FileFacts, Formats, Outcome, OutcomeStatus, ReadError, Scope,
    StatementPart,
};
use serde_json::Value;

/// The folder of shared evidence; None, with a reason, where it is absent.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("CHITRA_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    // A worktree lies one level deeper than the repository.
    let deeper = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let found = [folder, deeper].into_iter().find(|folder| folder.join("samples").is_dir());
    if found.is_none() {
        println!("skipped: no shared samples; set CHITRA_SHARED to their folder");
    }
    found
}

pub fn read(id: &str, bytes: &[u8]) -> Result<(FileFacts, Vec<Outcome>), ReadError> {
    let formats = Formats::built_in();
    let format = formats.read(id).expect("a built-in format");
    let mut outcomes = Vec::new();
    let facts = format.read(bytes, &mut |outcome| {
        outcomes.push(outcome);
        ControlFlow::Continue(())
    })?;
    Ok((facts, outcomes))
}

/// Calls `check` with the facts and the bytes of every sample of a kind; gives their number.
fn each(prefix: &str, check: impl Fn(&str, &Value, &[u8])) -> Option<usize> {
    let samples = shared()?.join("samples");
    let manifest = fs::read_to_string(samples.join("MANIFEST.jsonl")).expect("a manifest");
    let mut seen = 0;
    for line in manifest.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        if !entry["kind"].as_str().is_some_and(|kind| kind.starts_with(prefix)) {
            continue;
        }
        let file = entry["file"].as_str().expect("a file name");
        let path = samples.join(file.strip_prefix("dev/").unwrap_or(file));
        let Ok(bytes) = fs::read(&path) else { continue };
        check(file, &entry["facts"], &bytes);
        seen += 1;
    }
    assert!(seen > 0, "no sample of {prefix} was found");
    Some(seen)
}

#[test]
fn status_reports_say_what_others_read_in_them() {
    each("pain.002", |file, facts, bytes| {
        if facts["wellformed"] == false {
            // Its schema-instance namespace has a typographic hyphen, which changes nothing for us.
            return;
        }
        let (read_facts, outcomes) =
            read("iso20022-pain002", bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        let of = |scope| outcomes.iter().filter(move |outcome| outcome.scope == scope);
        let text = |status: &OutcomeStatus| match status {
            OutcomeStatus::Rejected => "RJCT",
            OutcomeStatus::Mixed => "PART",
            OutcomeStatus::DebtorSettled => "ACSC",
            OutcomeStatus::Accepted => "accepted",
            _ => "other",
        };
        let expected = |status: &Value| match status.as_str() {
            Some("ACTC" | "ACCP" | "ACSP") => "accepted".to_owned(),
            Some(status) => status.to_owned(),
            None => "none".to_owned(),
        };
        let groups: Vec<&str> = of(Scope::File).map(|outcome| text(&outcome.status)).collect();
        match &facts["grp_sts"] {
            Value::Null => assert!(groups.is_empty(), "{file}"),
            status => assert_eq!(groups, [expected(status)], "{file}"),
        }
        let batches: Vec<&str> = of(Scope::Batch).map(|outcome| text(&outcome.status)).collect();
        let statuses: Vec<String> =
            facts["pmt_inf_sts"].as_array().into_iter().flatten().map(expected).collect();
        assert_eq!(batches, statuses, "{file}");
        assert_eq!(of(Scope::Payment).count() as u64, facts["n_tx"], "{file}");
        for (outcome, tx) in of(Scope::Payment).zip(facts["tx"].as_array().into_iter().flatten()) {
            assert_eq!(outcome.end_to_end_id.as_deref(), tx["e2e"].as_str(), "{file}");
            assert_eq!(text(&outcome.status), expected(&tx["sts"]), "{file}");
            assert_eq!(outcome.reason.as_deref(), tx["rsn"][0].as_str(), "{file}");
        }
        let original = facts["orgnl_msg_id"].as_str();
        assert!(
            outcomes.iter().all(|outcome| outcome.original_message_id.as_deref() == original),
            "{file}"
        );
        assert!(read_facts.message_name.starts_with("pain.002.001."), "{file}");
    });
}

#[test]
fn notifications_have_the_entries_and_returns_that_others_found() {
    camt("camt.054", "iso20022-camt054", "n_ntfctn");
}

#[test]
fn statements_have_the_entries_and_returns_that_others_found() {
    camt("camt.053", "iso20022-camt053", "n_stmt");
}

#[test]
fn reports_within_the_day_have_the_entries_that_others_found() {
    camt("camt.052", "iso20022-camt052", "n_rpt");
}

/// Balances and entries of whole statements give each other; a reader that took the wrong side or the wrong
/// entry would not add up.
#[test]
fn statements_add_up_where_they_are_whole() {
    let formats = Formats::built_in();
    let format = formats.read("iso20022-camt053").expect("a built-in format");
    let whole = std::cell::Cell::new(0);
    let seen = each("camt.053", |file, facts, bytes| {
        if facts["wellformed"] == false || facts["n_stmt"].is_null() {
            return;
        }
        let mut parts = Vec::new();
        let read = format.read_statement(bytes, &mut |part| {
            parts.push(part);
            ControlFlow::Continue(())
        });
        if read.is_err() {
            return;
        }
        let signed = |one: &Outcome| {
            let minor = one.amount.map_or(0, |(minor, _)| minor);
            if one.direction == Some(Direction::Debit) { -minor } else { minor }
        };
        let (mut opening, mut closing, mut booked) = (None, None, 0);
        let (mut entries, mut details, mut statements) = (0, 0, 0);
        for part in &parts {
            match part {
                StatementPart::Balance(BalanceKind::Opening, one) => {
                    opening = opening.or(Some(signed(one)));
                }
                StatementPart::Balance(BalanceKind::Closing, one) => closing = Some(signed(one)),
                StatementPart::Balance(..) => {}
                StatementPart::Detail(_) => details += 1,
                StatementPart::Entry(one) => {
                    entries += 1;
                    let is_booked = matches!(
                        one.outcome.status,
                        OutcomeStatus::Booked
                            | OutcomeStatus::Returned
                            | OutcomeStatus::Reversed
                            // A credit that is undone: booked, and for a person.
                            | OutcomeStatus::Review
                    );
                    booked += if is_booked { signed(&one.outcome) } else { 0 };
                }
                StatementPart::Statement { .. } => {
                    statements += 1;
                    let agrees = opening.zip(closing).is_some_and(|(from, to)| from + booked == to);
                    whole.set(whole.get() + i32::from(agrees));
                    (opening, closing, booked) = (None, None, 0);
                }
            }
        }
        assert_eq!(statements, facts["n_stmt"], "{file}");
        assert_eq!(entries, facts["n_entries"], "{file}");
        assert_eq!(details, facts["n_txdtls"], "{file}");
    });
    // The others are invented by test suites, say no side of their balances, or book nothing that they list.
    assert!(seen.is_none() || whole.get() >= 19, "{} of {seen:?}", whole.get());
}

#[test]
fn resolutions_name_the_recalled_payments_and_are_never_money() {
    let cases = std::cell::Cell::new(0_usize);
    let seen = each("camt.029", |file, facts, bytes| {
        let (_, outcomes) =
            read("iso20022-camt029", bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(outcomes.len() as u64, facts["n_tx"], "{file}");
        for outcome in &outcomes {
            assert_eq!(outcome.scope, Scope::Payment, "{file}");
            assert!(outcome.status.answers_recall(), "{file}: {:?}", outcome.status);
            assert!(outcome.end_to_end_id.is_some(), "{file}");
            cases.set(cases.get() + usize::from(outcome.case_id.is_some()));
        }
    });
    // Answers between banks may leave the case out.
    assert!(seen.is_none() || cases.get() >= 3, "{} cases in {seen:?}", cases.get());
}

fn camt(prefix: &str, id: &str, reports: &str) {
    let refused = std::cell::RefCell::new(Vec::new());
    let seen = each(prefix, |file, facts, bytes| {
        // The first draft had a body of another name, and no bank sends it.
        let is_draft = facts["namespace"].as_str().is_some_and(|one| one.ends_with(".001.01"));
        if facts["wellformed"] == false || facts[reports].is_null() || is_draft {
            return;
        }
        let (_, outcomes) = match read(id, bytes) {
            Ok(read) => read,
            Err(error) => {
                refused.borrow_mut().push(format!("{}\t{file}: {error}", error.code()));
                return;
            }
        };
        let payments = outcomes.iter().filter(|outcome| outcome.scope == Scope::Payment).count();
        assert_eq!(payments as u64, facts["n_txdtls"], "{file}");
        let entries = outcomes.iter().filter(|outcome| outcome.scope == Scope::Batch).count();
        if facts["n_txdtls"] == 0 {
            assert_eq!(entries as u64, facts["n_entries"], "{file}");
        }
        let mut reasons: Vec<&str> =
            outcomes.iter().filter_map(|outcome| outcome.reason.as_deref()).collect();
        let mut expected: Vec<&str> = facts["return_reasons"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        reasons.sort_unstable();
        expected.sort_unstable();
        assert_eq!(reasons, expected, "{file}");
    });
    let refused = refused.into_inner();
    if let Some(seen) = seen {
        println!("{prefix}: {seen} samples, {} refused\n{}", refused.len(), refused.join("\n"));
    }
    // Each refused sample is wrong in itself: a currency that does not exist, or more details in a
    // batch than the batch declares.
    for line in &refused {
        assert!(line.starts_with("M116") || line.starts_with("M135"), "{line}");
    }
    assert!(refused.len() <= 4, "{refused:?}");
}
