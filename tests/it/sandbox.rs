//! The sandbox provider: it reads what the library of formats writes, and everything it answers is
//! read back with the meaning that was meant; it books each file once, whatever dies under it; and
//! it pays twice when it is asked twice, so that whoever asks twice is found out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use chitra::channels::sandbox::{
    Behaviour, BehaviourMix, ProviderKind, Sandbox, SandboxConfig, SandboxProvider, Script, Ticked,
};
use chitra::disk::{Disk, RealDisk};
use jiff::Span;
use jiff::civil::{Date, date};
use payment_formats::{
    Address, Bank, Batch, ControlTotals, Currency, Environment, Formats, Outcome, OutcomeStatus,
    Party, Payment, ReasonClass, Scope,
};

use crate::support::real_parts::{RealPart, published_schema, real_part, repository};
use crate::support::sim_disk::{Fault, SimDisk};

mod recalls;

/// Compiled once for all tests.
static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::built_in);

const ROOT: &str = "/sandbox";
const DAY: Date = date(2026, 11, 20);

fn day(days: i64) -> Date {
    DAY.saturating_add(Span::new().days(days))
}

fn name_of(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Bank => "VCB",
        ProviderKind::BankSheet => "AGRI",
        ProviderKind::Wallet => "MOMO",
        ProviderKind::MobileMoney => "VTM",
        ProviderKind::PayPoint => "BUUDIEN",
    }
}

fn config(mix: BehaviourMix) -> SandboxConfig {
    let provider = |kind| SandboxProvider { name: name_of(kind).into(), kind };
    SandboxConfig {
        seed: 7,
        providers: ProviderKind::ALL.map(provider).to_vec(),
        mix,
        script: Script::default(),
    }
}

fn sandbox(disk: &SimDisk, mix: BehaviourMix) -> Sandbox {
    Sandbox::create(Arc::new(disk.clone()), Path::new(ROOT), &config(mix)).unwrap()
}

fn new_sandbox(mix: BehaviourMix) -> (SimDisk, Sandbox) {
    let disk = SimDisk::new(1);
    let sandbox = sandbox(&disk, mix);
    (disk, sandbox)
}

fn extension(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Bank => "xml",
        ProviderKind::MobileMoney => "json",
        _ => "csv",
    }
}

/// A payout file as the engine would send it: the library's own format, `count` payments.
fn payout(kind: ProviderKind, reference: &str, count: u64) -> Vec<u8> {
    let format = FORMATS
        .out(match kind {
            ProviderKind::Bank => "iso20022-pain001-09",
            ProviderKind::BankSheet => "vn-bank-bulk-csv",
            ProviderKind::Wallet => "ewallet-csv",
            ProviderKind::MobileMoney => "gsma-mobile-money-batch",
            ProviderKind::PayPoint => "pso-paypoint-csv",
        })
        .unwrap();
    let debtor = Party {
        name: "Sở Nội vụ tỉnh",
        id: "SNV01",
        account: "11004000001",
        bank: Some(Bank::Bin("970436")),
    };
    let batch = Batch {
        message_id: reference,
        batch_id: reference,
        created_at: date(2026, 11, 20).at(9, 30, 0, 0),
        utc_offset: "+07:00",
        execution_date: date(2026, 11, 20),
        currency: Currency::VND,
        debtor,
        initiating_party: debtor,
        category_purpose: "SSBE",
        label: "Trợ cấp 11/2026",
        totals: ControlTotals::of((0..count).map(amount)).unwrap(),
        environment: Environment::Test,
        original: None,
    };
    let mut out = Vec::new();
    let mut writer = format.start(&batch, &mut out).unwrap();
    for at in 0..count {
        let account = account(kind, at);
        let pay_point = format!("Bưu cục {:05}", at / 3);
        let end_to_end_id = end_to_end_id(reference, at);
        let address = match kind {
            ProviderKind::Bank | ProviderKind::BankSheet => {
                Address::BankAccount { account: &account, bank: Bank::Bin("970436") }
            }
            ProviderKind::Wallet => Address::Wallet { id: &account },
            ProviderKind::MobileMoney => Address::MobileMoney { msisdn: &account },
            ProviderKind::PayPoint => {
                Address::Cash { pay_point: &pay_point, collector: "", home_address: "" }
            }
        };
        let payment = Payment {
            end_to_end_id: &end_to_end_id,
            instruction_id: &end_to_end_id,
            amount_minor: amount(at),
            creditor_name: "H'Hen Niê & con",
            creditor_id: (kind == ProviderKind::PayPoint).then_some(&account),
            address,
            purpose: "SSBE",
            remittance: "Trợ cấp tháng 11",
            recall: None,
        };
        writer.payment(&payment).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn amount(at: u64) -> i64 {
    500_000 + (at as i64 % 7) * 250_000
}

fn account(kind: ProviderKind, at: u64) -> String {
    match kind {
        ProviderKind::MobileMoney => format!("+8490{at:07}"),
        ProviderKind::Wallet => format!("090{at:07}"),
        _ => format!("0790{at:08}"),
    }
}

fn end_to_end_id(reference: &str, at: u64) -> String {
    format!("{reference}E{at}")
}

fn file_name(kind: ProviderKind, reference: &str) -> String {
    format!("HN-TEST-REG-{reference}.{}", extension(kind))
}

fn inbox(kind: ProviderKind, name: &str) -> String {
    format!("{ROOT}/{}/inbox/{name}", name_of(kind))
}

fn taken(kind: ProviderKind, name: &str) -> String {
    format!("{ROOT}/{}/taken/{name}", name_of(kind))
}

fn send(disk: &SimDisk, kind: ProviderKind, reference: &str, count: u64) {
    disk.put(inbox(kind, &file_name(kind, reference)), &payout(kind, reference, count));
}

/// Lets days pass until nothing is due, and gives every answer with the day on which it came.
fn all_answers(disk: &SimDisk, sandbox: &Sandbox) -> Vec<(i64, String, Vec<u8>)> {
    let mut answers = Vec::new();
    for days in 0..30 {
        for file in sandbox.tick(day(days)).unwrap().answered {
            let path = sandbox.folders(&file.provider).outbox.join(&file.name);
            answers.push((days, file.name, disk.bytes(path).expect("it was said to be out")));
        }
    }
    assert_eq!(sandbox.next_due().unwrap(), None);
    answers
}

/// Reads an answer with the library's definition.
#[track_caller]
fn read(kind: ProviderKind, name: &str, bytes: &[u8]) -> Vec<Outcome> {
    let id = match kind {
        _ if name.contains(".resolution-") => "iso20022-camt029",
        ProviderKind::Bank if name.contains(".status-") => "iso20022-pain002",
        ProviderKind::Bank if name.contains(".cancelled") => "iso20022-pain002",
        ProviderKind::Bank => "iso20022-camt054",
        ProviderKind::BankSheet => "vn-bank-bulk-csv-results",
        ProviderKind::Wallet => "ewallet-csv-results",
        ProviderKind::MobileMoney if name.contains(".completions-") => {
            "gsma-mobile-money-completions"
        }
        ProviderKind::MobileMoney => "gsma-mobile-money-rejections",
        ProviderKind::PayPoint => "pso-paypoint-report",
    };
    let mut outcomes = Vec::new();
    let facts = FORMATS.read(id).unwrap().read(bytes, &mut |outcome| {
        outcomes.push(outcome);
        std::ops::ControlFlow::Continue(())
    });
    let facts = facts.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(facts.outcomes, outcomes.len() as u64);
    if !outcomes.is_empty() {
        let recognised = FORMATS.recognise(&bytes[..bytes.len().min(8192)]);
        assert_eq!(recognised.map(|format| format.id()), Some(id), "{name}");
    }
    outcomes
}

/// Whether each sentence is the expected one; of one that ends in `+n` only the beginning is expected.
fn all_fit(sentences: &[String], expected: &[&str]) -> bool {
    let fits = |sentence: &String, expected: &&str| match expected.strip_suffix("+n") {
        Some(beginning) => sentence.starts_with(beginning),
        None => sentence == expected,
    };
    sentences.len() == expected.len()
        && sentences.iter().zip(expected).all(|(sentence, expected)| fits(sentence, expected))
}

/// `+1 payment Booked`, with the reason and its class where there is one.
fn sentence(days: i64, outcome: &Outcome) -> String {
    let scope = match outcome.scope {
        Scope::File => "file",
        Scope::Batch => "batch",
        Scope::Payment => "payment",
    };
    let reason = match (&outcome.reason, outcome.reason_class) {
        (Some(reason), Some(class)) => format!(" {reason} {class:?}"),
        _ => String::new(),
    };
    format!("{scope} {:?}{reason} +{days}", outcome.status)
}

/// What is said about one payment of a provider whose accounts all behave in one way. Days that
/// the seed draws are shown as `+n`.
#[track_caller]
fn check(kind: ProviderKind, behaviour: Behaviour, expected: &[&str]) {
    let (disk, sandbox) = new_sandbox(BehaviourMix::only(behaviour));
    send(&disk, kind, "R1", 1);
    let mut sentences = Vec::new();
    for (days, name, bytes) in all_answers(&disk, &sandbox) {
        for outcome in read(kind, &name, &bytes) {
            if outcome.scope == Scope::Payment {
                assert_eq!(outcome.end_to_end_id.as_deref(), Some("R1E0"), "{name}");
                let amount = outcome.amount.map(|(minor, _)| minor);
                let lists_amounts = kind != ProviderKind::MobileMoney;
                assert_eq!(amount, lists_amounts.then_some(500_000), "{name}");
            }
            sentences.push(sentence(days, &outcome));
        }
    }
    let right = all_fit(&sentences, expected);
    assert!(right, "{kind:?} {behaviour:?}: {sentences:#?}");
    let credits = sandbox.credits().unwrap();
    let expects_credit = !expected
        .iter()
        .any(|sentence| sentence.contains("Rejected") || sentence.contains("Uncollected"));
    assert_eq!(credits.len(), usize::from(expects_credit), "{kind:?} {behaviour:?}");
    let returned = expected.iter().any(|sentence| sentence.contains("Returned"));
    assert_eq!(credits.iter().any(|credit| credit.returned_on.is_some()), returned);
}

#[test]
fn every_answer_means_to_the_library_what_the_provider_meant() {
    use Behaviour::*;
    use ProviderKind::*;
    let table: &[(ProviderKind, Behaviour, &[&str])] = &[
        (Bank, Pay, &["file Accepted +0", "payment Booked +1"]),
        (Bank, RejectClosedAccount, &["file Rejected +0", "payment Rejected AC04 PayeeData +0"]),
        (Bank, RejectName, &["file Rejected +0", "payment Rejected BE01 PayeeData +0"]),
        (
            Bank,
            ReturnClosedAccount,
            &["file Accepted +0", "payment Booked +1", "payment Returned AC04 PayeeData +n"],
        ),
        (
            Bank,
            ReturnDeceased,
            &["file Accepted +0", "payment Booked +1", "payment Returned MD07 Stop +n"],
        ),
        (Bank, Late, &["file Accepted +0", "payment Booked +n"]),
        (Bank, LoseAnswer, &["file Accepted +0"]),
        (Bank, AnswerTwice, &["file Accepted +0", "payment Booked +1", "payment Booked +1"]),
        (BankSheet, Pay, &["payment Credited +0"]),
        (BankSheet, RejectClosedAccount, &["payment Rejected Tài khoản đã đóng PayeeData +0"]),
        (BankSheet, RejectName, &["payment Rejected Sai tên PayeeData +0"]),
        (
            BankSheet,
            ReturnClosedAccount,
            &["payment Credited +0", "payment Returned Tài khoản đã đóng PayeeData +n"],
        ),
        (
            BankSheet,
            ReturnDeceased,
            &["payment Credited +0", "payment Returned Chủ tài khoản đã chết Stop +n"],
        ),
        (BankSheet, Late, &["payment Accepted +0", "payment Credited +n"]),
        (BankSheet, LoseAnswer, &[]),
        (BankSheet, AnswerTwice, &["payment Credited +0", "payment Credited +0"]),
        (Wallet, Pay, &["payment Credited +1"]),
        (Wallet, RejectClosedAccount, &["payment Rejected WALLET_NOT_FOUND PayeeData +1"]),
        (Wallet, RejectName, &["payment Rejected NAME_MISMATCH PayeeData +1"]),
        (
            Wallet,
            ReturnClosedAccount,
            &["payment Credited +1", "payment Returned WALLET_NOT_LINKED PayeeData +n"],
        ),
        (
            Wallet,
            ReturnDeceased,
            &["payment Credited +1", "payment Returned WALLET_LOCKED Review +n"],
        ),
        (Wallet, Late, &["payment Accepted +1", "payment Credited +n"]),
        (Wallet, LoseAnswer, &[]),
        (Wallet, AnswerTwice, &["payment Credited +1", "payment Credited +1"]),
        (MobileMoney, Pay, &["payment Credited +1"]),
        (MobileMoney, RejectClosedAccount, &["payment Rejected identifierError PayeeData +1"]),
        (MobileMoney, RejectName, &["payment Rejected requestDeclined Review +1"]),
        (MobileMoney, ReturnClosedAccount, &["payment Rejected identifierError PayeeData +1"]),
        (MobileMoney, ReturnDeceased, &["payment Rejected requestDeclined Review +1"]),
        (MobileMoney, Late, &["payment Credited +n"]),
        (MobileMoney, LoseAnswer, &[]),
        (MobileMoney, AnswerTwice, &["payment Credited +1", "payment Credited +1"]),
        (PayPoint, Pay, &["payment Credited +10"]),
        (PayPoint, RejectClosedAccount, &["payment Uncollected Chuyển đi Review +10"]),
        (PayPoint, RejectName, &["payment Uncollected Sai thông tin PayeeData +10"]),
        (PayPoint, ReturnClosedAccount, &["payment Uncollected Không đến nhận Review +10"]),
        (PayPoint, ReturnDeceased, &["payment Uncollected Đã chết Stop +10"]),
        (PayPoint, Late, &["payment Credited +n"]),
        (PayPoint, LoseAnswer, &[]),
        (PayPoint, AnswerTwice, &["payment Credited +10", "payment Credited +10"]),
    ];
    assert_eq!(table.len(), ProviderKind::ALL.len() * Behaviour::ALL.len());
    for (kind, behaviour, expected) in table {
        check(*kind, *behaviour, expected);
    }
}

/// A mix in which everything happens among a few hundred payments.
const LIVELY: BehaviourMix = BehaviourMix {
    reject_closed_account: 80,
    reject_name: 50,
    return_closed_account: 50,
    return_deceased: 50,
    late: 50,
    lose_answer: 50,
    answer_twice: 20,
    lost_found_after_days: None,
};

#[test]
fn what_is_said_and_what_is_booked_agree_payment_by_payment() {
    for kind in ProviderKind::ALL {
        let (disk, sandbox) = new_sandbox(LIVELY);
        send(&disk, kind, "R2", 400);
        let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut mixed = false;
        for (_, name, bytes) in all_answers(&disk, &sandbox) {
            for outcome in read(kind, &name, &bytes) {
                match outcome.end_to_end_id {
                    Some(id) => {
                        let status = match outcome.status {
                            OutcomeStatus::Booked | OutcomeStatus::Credited => "credited",
                            OutcomeStatus::Rejected | OutcomeStatus::Uncollected => "rejected",
                            OutcomeStatus::Returned => "returned",
                            OutcomeStatus::Accepted => continue,
                            other => panic!("{name}: {other:?}"),
                        };
                        said.entry(id).or_default().insert(status.into());
                    }
                    None => mixed |= outcome.status == OutcomeStatus::Mixed,
                }
            }
        }
        assert_eq!(mixed, kind == ProviderKind::Bank, "the group status is PART");
        let credits = sandbox.credits().unwrap();
        let by_id: BTreeMap<&str, _> =
            credits.iter().map(|credit| (credit.end_to_end_id.as_str(), credit)).collect();
        let mut lost = 0;
        for at in 0..400 {
            let id = end_to_end_id("R2", at);
            let account = account(kind, at);
            let credit = by_id.get(id.as_str());
            let mut expected = BTreeSet::new();
            match credit {
                Some(credit) => {
                    assert_eq!((credit.amount_minor, &credit.account), (amount(at), &account));
                    assert_eq!(credit.file, file_name(kind, "R2"));
                    match sandbox.behaviour(name_of(kind), &account) {
                        Behaviour::LoseAnswer => lost += 1,
                        _ => _ = expected.insert("credited".to_string()),
                    }
                    if credit.returned_on.is_some() {
                        expected.insert("returned".to_string());
                    }
                }
                None => _ = expected.insert("rejected".to_string()),
            }
            assert_eq!(said.remove(&id).unwrap_or_default(), expected, "{kind:?} {id}");
        }
        assert!(lost > 0 && said.is_empty(), "{kind:?}: {lost} lost, {said:?}");
        let totals = sandbox.totals().unwrap();
        let of = totals.providers.iter().find(|of| of.provider == name_of(kind)).unwrap();
        assert_eq!(of.credited.count + of.rejected.count, 400);
        let sum: i128 = (0..400).map(|at| i128::from(amount(at))).sum();
        assert_eq!(of.credited.sum_minor + of.rejected.sum_minor, sum);
        assert_eq!(of.credited.count, credits.len() as u64);
        assert!(totals.credited_again.is_empty() && totals.content_again.is_empty());
    }
}

#[test]
fn the_bank_answers_in_messages_that_the_published_schemas_accept() {
    let Some(xmllint) = real_part(RealPart::Xmllint) else { return };
    let schemas = (published_schema("pain.002.001.10"), published_schema("camt.054.001.08"));
    let (Some(status), Some(notification)) = schemas else { return };
    let folder = tempfile::tempdir().unwrap();
    let (disk, sandbox) = new_sandbox(LIVELY);
    send(&disk, ProviderKind::Bank, "R3", 300);
    let cut = payout(ProviderKind::Bank, "R4", 3);
    disk.put(inbox(ProviderKind::Bank, "cut.xml"), &cut[..cut.len() / 2]);
    let answers = all_answers(&disk, &sandbox);
    assert!(answers.len() > 8, "status, notifications, returns, a copy and a refusal");
    for (_, name, bytes) in answers {
        let file = folder.path().join(&name);
        fs::write(&file, bytes).unwrap();
        let schema = if name.contains(".status-") { &status } else { &notification };
        let script = repository().join("tests/external/xsd.sh");
        let output = Command::new(script)
            .env("CHITRA_TEST_XMLLINT", &xmllint)
            .args([&file, schema])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
    }
}

#[test]
fn a_notification_has_twenty_thousand_entries_at_most() {
    let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
    send(&disk, ProviderKind::Bank, "R5", 20_001);
    let counts: Vec<usize> = all_answers(&disk, &sandbox)
        .iter()
        .filter(|(_, name, _)| name.contains(".notification"))
        .map(|(_, name, bytes)| read(ProviderKind::Bank, name, bytes).len())
        .collect();
    assert_eq!(counts, [20_000, 1]);
}

#[test]
fn the_same_file_again_does_nothing_and_other_bytes_under_its_name_are_refused() {
    for kind in ProviderKind::ALL {
        let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
        let name = file_name(kind, "R6");
        send(&disk, kind, "R6", 3);
        let first = sandbox.tick(DAY).unwrap();
        assert_eq!((first.booked.len(), first.refused.len()), (1, 0));
        let before = disk.files();
        send(&disk, kind, "R6", 3);
        let again = sandbox.tick(DAY).unwrap();
        let known = Ticked { known: first.booked.clone(), ..Ticked::default() };
        assert_eq!(again, known);
        assert_eq!(disk.files(), before);
        assert_eq!(sandbox.tick(DAY).unwrap(), Ticked::default());

        disk.put(inbox(kind, &name), &payout(kind, "R7", 2));
        let other = sandbox.tick(day(1)).unwrap();
        assert_eq!(other.refused, first.booked);
        assert_eq!(disk.bytes(taken(kind, &name)), Some(payout(kind, "R6", 3)));
        all_answers_after(&sandbox);
        assert_eq!(sandbox.credits().unwrap().len(), 3, "{kind:?}");
        let refused = sandbox.totals().unwrap().refused_files;
        assert_eq!(refused.len(), 1);
        assert_eq!(
            (refused[0].name.as_str(), refused[0].rule.as_str()),
            (&*name, "name_must_be_new")
        );
    }
}

fn all_answers_after(sandbox: &Sandbox) {
    for days in 1..30 {
        sandbox.tick(day(days)).unwrap();
    }
}

#[test]
fn a_file_under_another_name_is_paid_again_and_that_is_seen() {
    for kind in ProviderKind::ALL {
        let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
        send(&disk, kind, "R8", 3);
        sandbox.tick(DAY).unwrap();
        let renamed = format!("renamed.{}", extension(kind));
        disk.put(inbox(kind, &renamed), &payout(kind, "R8", 3));
        all_answers_after(&sandbox);
        assert_eq!(sandbox.credits().unwrap().len(), 6, "{kind:?}");
        let totals = sandbox.totals().unwrap();
        let again: Vec<(&str, u64)> = totals
            .credited_again
            .iter()
            .map(|again| (again.end_to_end_id.as_str(), again.times))
            .collect();
        assert_eq!(again, [("R8E0", 2), ("R8E1", 2), ("R8E2", 2)]);
        let names: Vec<&str> =
            totals.content_again[0].files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, [file_name(kind, "R8").as_str(), renamed.as_str()]);
        let of = totals.providers.iter().find(|of| of.provider == name_of(kind)).unwrap();
        assert_eq!(of.credited.count, 6);
    }
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused_as_a_whole_with_an_answer() {
    for kind in ProviderKind::ALL {
        let whole = payout(kind, "R9", 3);
        let whole_without_break = whole.trim_ascii_end().len();
        let cuts: Vec<usize> = (0..whole_without_break)
            .step_by(whole.len() / 40)
            .chain(whole_without_break.saturating_sub(12)..whole_without_break)
            // A sheet without totals that ends after a row cannot be told from a whole one.
            .filter(|at| kind != ProviderKind::BankSheet || !whole[..*at].ends_with(b"\n"))
            .collect();
        let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
        for at in &cuts {
            disk.put(inbox(kind, &format!("cut-{at}.{}", extension(kind))), &whole[..*at]);
        }
        let ticked = sandbox.tick(DAY).unwrap();
        assert_eq!(ticked.booked, []);
        assert_eq!(ticked.refused.len(), cuts.iter().collect::<BTreeSet<_>>().len());
        assert_eq!(ticked.answered.len(), ticked.refused.len());
        for file in &ticked.answered {
            let path = sandbox.folders(&file.provider).outbox.join(&file.name);
            for outcome in read(kind, &file.name, &disk.bytes(path).unwrap()) {
                match kind {
                    ProviderKind::Bank => {
                        assert_eq!(outcome.scope, Scope::File);
                        assert_eq!(outcome.reason.as_deref(), Some("FF01"));
                        assert_eq!(outcome.status, OutcomeStatus::Rejected);
                    }
                    ProviderKind::PayPoint => {
                        assert_eq!(outcome.status, OutcomeStatus::Uncollected);
                    }
                    _ => assert_eq!(outcome.status, OutcomeStatus::Rejected),
                }
            }
        }
        assert_eq!(sandbox.next_due().unwrap(), None);
        assert_eq!(sandbox.credits().unwrap(), []);
        assert_eq!(sandbox.totals().unwrap().refused_files.len(), ticked.refused.len());
    }
}

/// A file whose content was altered is refused for one rule.
#[track_caller]
fn check_refused(kind: ProviderKind, from: &str, to: &str, rule: &str) {
    let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
    let text = String::from_utf8(payout(kind, "R10", 3)).unwrap();
    assert!(text.contains(from), "{kind:?}: {text}");
    disk.put(inbox(kind, "altered"), text.replacen(from, to, 1).as_bytes());
    let ticked = sandbox.tick(DAY).unwrap();
    assert_eq!((ticked.booked.len(), ticked.answered.len()), (0, 1), "{kind:?} {from}");
    let refused = sandbox.totals().unwrap().refused_files;
    assert_eq!(refused[0].rule, rule, "{kind:?} {from}");
    assert_eq!(sandbox.credits().unwrap(), []);
    let file = &ticked.answered[0];
    let path = sandbox.folders(&file.provider).outbox.join(&file.name);
    let outcomes = read(kind, &file.name, &disk.bytes(path).unwrap());
    let operator =
        outcomes.iter().all(|outcome| outcome.reason_class == Some(ReasonClass::Operator));
    assert!(kind != ProviderKind::Bank || operator, "{outcomes:?}");
}

#[test]
fn totals_that_do_not_agree_with_the_content_refuse_the_file() {
    use ProviderKind::*;
    for (kind, from, to, rule) in [
        (Bank, "<NbOfTxs>3<", "<NbOfTxs>4<", "count_must_agree"),
        (Bank, "<CtrlSum>2250000<", "<CtrlSum>2250001<", "sum_must_agree"),
        (Bank, ">500000</InstdAmt>", ">5000000</InstdAmt>", "sum_must_agree"),
        (Bank, ">500000</InstdAmt>", ">5e5</InstdAmt>", "file_must_be_readable"),
        (Bank, ">500000</InstdAmt>", ">0</InstdAmt>", "amount_must_be_positive"),
        (Bank, "Ccy=\"VND\">", "Ccy=\"USD\">", "currency_must_be_one"),
        (Bank, "pain.001.001.09", "pain.001.001.03", "file_must_be_readable"),
        (Wallet, "TOTAL,3,", "TOTAL,2,", "count_must_agree"),
        (Wallet, ",2250000,", ",2250001,", "sum_must_agree"),
        (Wallet, "TOTAL,3,", "X,3,", "file_must_be_whole"),
        (PayPoint, "TONG CONG,,3,", "TONG CONG,,4,", "count_must_agree"),
        (PayPoint, ",500000,", ",500001,", "sum_must_agree"),
        (BankSheet, ",MA ", ",XX ", "file_must_be_readable"),
        (BankSheet, ",500000,", ",-500000,", "file_must_be_readable"),
        (MobileMoney, "\"amount\":\"500000\"", "\"amount\":\"5e5\"", "file_must_be_readable"),
        (MobileMoney, "disbursement", "transfer", "file_must_be_readable"),
    ] {
        check_refused(kind, from, to, rule);
    }
}

/// Payout files of three kinds, requests to give some back, and some days: every step of it is one at which something may go
/// wrong.
fn scenario(disk: &SimDisk) -> Sandbox {
    const KINDS: [ProviderKind; 3] =
        [ProviderKind::Bank, ProviderKind::BankSheet, ProviderKind::MobileMoney];
    let provider = |kind| SandboxProvider { name: name_of(kind).into(), kind };
    let config = SandboxConfig {
        seed: 7,
        providers: KINDS.map(provider).to_vec(),
        mix: BehaviourMix {
            reject_closed_account: 300,
            answer_twice: 300,
            late: 300,
            ..LIVELY_RETURNS
        },
        script: Script::default(),
    };
    let sandbox = Sandbox::create(Arc::new(disk.clone()), Path::new(ROOT), &config).unwrap();
    for kind in KINDS {
        send(disk, kind, "R11", 3);
    }
    // The same content again, and a file that is none.
    let again = payout(ProviderKind::BankSheet, "R11", 3);
    disk.put(inbox(ProviderKind::BankSheet, "again.csv"), &again);
    disk.put(inbox(ProviderKind::Bank, "torn.xml"), b"<Document");
    // Everything is asked back on the day on which it comes.
    for kind in [ProviderKind::Bank, ProviderKind::BankSheet] {
        disk.put(inbox(kind, "recall.xml"), &recalls::request_of_scenario("R11"));
    }
    sandbox
}

const LIVELY_RETURNS: BehaviourMix = BehaviourMix { return_deceased: 100, ..BehaviourMix::ALL_PAY };

const SCENARIO_DAYS: [i64; 4] = [0, 1, 4, 8];

fn without_parts(disk: &SimDisk) -> BTreeMap<String, Vec<u8>> {
    disk.files()
        .into_iter()
        .map(|(path, bytes)| (path.display().to_string(), bytes))
        .filter(|(path, _)| !path.ends_with(".part"))
        .collect()
}

#[test]
fn whatever_dies_at_whatever_step_the_books_and_the_answers_are_the_same_in_the_end() {
    let reference = SimDisk::new(1);
    let judge = scenario(&reference);
    for days in SCENARIO_DAYS {
        judge.tick(day(days)).unwrap();
    }
    assert_eq!(judge.next_due().unwrap(), None);
    let expected = without_parts(&reference);
    let credits = judge.credits().unwrap();

    for fault in [Fault::Crash, Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::ShortWrite] {
        // A crash at every step; of the milder faults some, another set for each.
        let (first, every) = if fault == Fault::Crash { (0, 1) } else { (fault as u64, 3) };
        for step in (first..).step_by(every) {
            let disk = SimDisk::new(step * 31 + fault as u64);
            let mut sandbox = scenario(&disk);
            disk.arm(step, fault);
            for days in SCENARIO_DAYS {
                while sandbox.tick(day(days)).is_err() {
                    disk.crash();
                    sandbox = Sandbox::open(Arc::new(disk.clone()), Path::new(ROOT)).unwrap();
                }
            }
            let fired = disk.has_fired();
            disk.disarm();
            // What is there now must also survive the next power cut.
            disk.crash();
            let found = without_parts(&disk);
            let names = |files: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
                files.keys().cloned().collect()
            };
            assert_eq!(names(&found), names(&expected), "{fault:?} at step {step}");
            assert!(found == expected, "other bytes after {fault:?} at step {step}");
            assert_eq!(sandbox.credits().unwrap(), credits);
            if !fired {
                assert!(step > 150, "the scenario has more steps than {step}");
                break;
            }
        }
    }
}

#[test]
fn making_a_sandbox_may_die_at_any_step_too() {
    for step in 0.. {
        let disk = SimDisk::new(step);
        disk.arm(step, Fault::Crash);
        let config = config(LIVELY);
        let create = || Sandbox::create(Arc::new(disk.clone()), Path::new(ROOT), &config);
        let died = create().is_err();
        let fired = disk.has_fired();
        if died {
            disk.crash();
        }
        disk.disarm();
        assert_eq!(create().unwrap().config(), &config);
        disk.crash();
        let opened = Sandbox::open(Arc::new(disk.clone()), Path::new(ROOT)).unwrap();
        assert_eq!(opened.config(), &config);
        if !fired {
            break;
        }
    }
}

#[test]
fn a_sandbox_is_what_it_was_made_and_its_days_go_on() {
    let disk = SimDisk::new(1);
    let open = || Sandbox::open(Arc::new(disk.clone()), Path::new(ROOT));
    assert_eq!(open().err().unwrap().code(), "S203");
    let create = |config: &SandboxConfig| {
        Sandbox::create(Arc::new(disk.clone()), Path::new(ROOT), config).map_err(|e| e.code())
    };
    let good = config(BehaviourMix::ALL_PAY);
    let with = |change: &dyn Fn(&mut SandboxConfig)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    for (config, code) in [
        (with(&|c| c.providers[1].name = "vcb".into()), "S201"),
        (with(&|c| c.providers[1].name = "../x".into()), "V302"),
        (with(&|c| c.mix.late = 1001), "S202"),
    ] {
        assert_eq!(create(&config).err(), Some(code));
    }
    let sandbox = create(&good).unwrap();
    assert_eq!(open().unwrap().config(), &good);
    let other = with(&|c| c.seed = 8);
    assert_eq!(create(&other).err(), Some("V204"));
    assert_eq!(sandbox.today().unwrap(), None);
    assert_eq!(sandbox.credits().unwrap(), []);
    sandbox.tick(day(3)).unwrap();
    assert_eq!(sandbox.today().unwrap(), Some(day(3)));
    assert_eq!(sandbox.tick(day(2)).unwrap_err().code(), "S205");
}

#[test]
fn days_that_were_slept_through_are_made_up_for() {
    let (disk, sandbox) = new_sandbox(LIVELY);
    let (other_disk, other) = new_sandbox(LIVELY);
    for kind in ProviderKind::ALL {
        send(&disk, kind, "R12", 20);
        send(&other_disk, kind, "R12", 20);
    }
    let daily = all_answers(&disk, &sandbox);
    other.tick(DAY).unwrap();
    other.tick(day(29)).unwrap();
    assert_eq!(without_parts(&disk), without_parts(&other_disk));
    assert!(daily.len() > 10);
}

#[test]
fn only_what_has_happened_is_credited() {
    let (disk, sandbox) = new_sandbox(BehaviourMix::only(Behaviour::ReturnDeceased));
    send(&disk, ProviderKind::Bank, "R13", 1);
    sandbox.tick(DAY).unwrap();
    assert_eq!(sandbox.credits().unwrap()[0].returned_on, None);
    let mut day = sandbox.next_due().unwrap();
    while let Some(due) = day {
        sandbox.tick(due).unwrap();
        day = sandbox.next_due().unwrap();
    }
    assert_eq!(sandbox.credits().unwrap()[0].returned_on, sandbox.today().unwrap());
}

#[test]
fn it_works_on_a_real_disk_and_leaves_alone_what_is_not_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("sandbox");
    let sandbox =
        Sandbox::create(Arc::new(RealDisk), &root, &config(BehaviourMix::ALL_PAY)).unwrap();
    let inbox = sandbox.folders("VCB").inbox;
    fs::write(inbox.join("good.xml"), payout(ProviderKind::Bank, "R14", 2)).unwrap();
    fs::write(inbox.join("half.xml.part"), "<Doc").unwrap();
    fs::write(inbox.join(".hidden"), "x").unwrap();
    fs::write(inbox.join("a:b.xml"), "x").unwrap();
    let ticked = sandbox.tick(DAY).unwrap();
    assert_eq!((ticked.booked.len(), ticked.left.len()), (1, 1));
    let left: Vec<String> =
        RealDisk.list(&inbox, 10).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(left, [".hidden", "a:b.xml", "half.xml.part"]);
    assert_eq!(sandbox.credits().unwrap().len(), 2);
}
