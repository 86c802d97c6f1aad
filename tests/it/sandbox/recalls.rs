//! The sandbox is asked to give payments back: what it says is read back with the meaning that was meant, and
//! its books give a credit back once, and never what is back already.

use chitra::channels::sandbox::{RecallBehaviour, RecallMix};
use payment_formats::{OriginalFile, Recall};

use super::*;

const CUSTOMER: &str = "iso20022-camt055-09";
const BETWEEN_BANKS: &str = "iso20022-camt056-08";

/// What is asked back: the place of the payment in its file, the number of the case, the amount.
#[derive(Clone, Copy)]
struct Asked {
    at: u64,
    case: u64,
    amount_minor: i64,
}

const fn asked(at: u64, case: u64) -> Asked {
    Asked { at, case, amount_minor: 500_000 + (at as i64 % 7) * 250_000 }
}

/// A request as the engine would send it.
fn request(format: &str, reference: &str, payments: &[Asked]) -> Vec<u8> {
    let debtor = Party {
        name: "Sở Nội vụ tỉnh",
        id: "SNV01",
        account: "11004000001",
        bank: Some(Bank::Bin("970436")),
    };
    let name = format!("{reference}RECALL");
    let batch = Batch {
        message_id: &name,
        batch_id: "",
        created_at: date(2026, 11, 22).at(9, 30, 0, 0),
        utc_offset: "+07:00",
        execution_date: date(2026, 11, 20),
        currency: Currency::VND,
        debtor,
        initiating_party: debtor,
        category_purpose: "SSBE",
        label: "",
        totals: ControlTotals::of(payments.iter().map(|one| one.amount_minor)).unwrap(),
        environment: Environment::Test,
        original: Some(OriginalFile {
            message_id: reference,
            batch_id: reference,
            message_name: "pain.001.001.09",
        }),
    };
    let mut out = Vec::new();
    let mut writer = FORMATS.out(format).unwrap().start(&batch, &mut out).unwrap();
    for one in payments {
        let end_to_end_id = end_to_end_id(reference, one.at);
        let case_id = format!("{end_to_end_id}-R{}", one.case);
        let payment = Payment {
            end_to_end_id: &end_to_end_id,
            instruction_id: &end_to_end_id,
            amount_minor: one.amount_minor,
            creditor_name: "",
            creditor_id: None,
            address: Address::Cash { pay_point: "", collector: "", home_address: "" },
            purpose: "",
            remittance: "",
            recall: Some(Recall { case_id: &case_id, reason_code: "DUPL" }),
        };
        writer.payment(&payment).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn recalling(mix: BehaviourMix, recalls: RecallMix) -> (SimDisk, Sandbox) {
    let disk = SimDisk::new(1);
    let script = Script { recalls, ..Script::default() };
    let config = SandboxConfig { script, ..config(mix) };
    let sandbox = Sandbox::create(Arc::new(disk.clone()), Path::new(ROOT), &config).unwrap();
    (disk, sandbox)
}

fn ask(disk: &SimDisk, kind: ProviderKind, name: &str, request: &[u8]) {
    disk.put(inbox(kind, name), request);
}

/// What is said from a day on, in sentences.
fn told(disk: &SimDisk, sandbox: &Sandbox, kind: ProviderKind, days: i64) -> Vec<String> {
    let mut sentences = Vec::new();
    for days in days..days + 30 {
        for file in sandbox.tick(day(days)).unwrap().answered {
            let path = sandbox.folders(&file.provider).outbox.join(&file.name);
            let bytes = disk.bytes(path).expect("it was said to be out");
            for outcome in read(kind, &file.name, &bytes) {
                if file.name.contains(".resolution-") {
                    let case = outcome.case_id.as_deref().unwrap_or_default();
                    let e2e = outcome.end_to_end_id.as_deref().unwrap_or_default();
                    assert!(case.starts_with(&format!("{e2e}-R")), "{case} {e2e}");
                    assert!(outcome.amount.is_some(), "{outcome:?}");
                }
                sentences.push(sentence(days, &outcome));
            }
        }
    }
    assert_eq!(sandbox.next_due().unwrap(), None);
    sentences
}

/// One payment that is asked back so many days after its file came: what is said of it from then on, and whether
/// the payee has the money in the end.
#[track_caller]
fn check_asked(
    kind: ProviderKind,
    (behaviour, recall): (Behaviour, RecallBehaviour),
    after: i64,
    expected: &[&str],
    is_kept: bool,
) {
    let (disk, sandbox) = recalling(BehaviourMix::only(behaviour), RecallMix::only(recall));
    send(&disk, kind, "R1", 1);
    for days in 0..after {
        sandbox.tick(day(days)).unwrap();
    }
    ask(&disk, kind, "recall.xml", &request(CUSTOMER, "R1", &[asked(0, 1)]));
    let sentences = told(&disk, &sandbox, kind, after);
    let right = all_fit(&sentences, expected);
    assert!(right, "{kind:?} {behaviour:?} {recall:?} after {after}: {sentences:#?}");
    let credits = sandbox.credits().unwrap();
    let kept = credits.iter().filter(|credit| credit.returned_on.is_none()).count();
    assert_eq!(kept == 1, is_kept, "{kind:?} {behaviour:?} {recall:?} after {after}: {credits:?}");
    let totals = sandbox.totals().unwrap();
    let of = totals.providers.iter().find(|of| of.provider == name_of(kind)).unwrap();
    assert_eq!(of.credited.count - of.returned.count, u64::from(is_kept));
}

#[test]
fn every_answer_to_a_request_means_to_the_library_what_the_provider_meant() {
    use Behaviour::*;
    use ProviderKind::*;
    use RecallBehaviour::*;
    let paid = |recall| (Pay, recall);
    for (kind, behaviours, after, expected, is_kept) in [
        (
            Bank,
            paid(Agree),
            2,
            &["payment RecallAccepted +3", "payment Returned FOCR Review +3"][..],
            false,
        ),
        (
            Bank,
            paid(AgreeLater),
            2,
            &["payment RecallAccepted +3", "payment Returned FOCR Review +n"],
            false,
        ),
        (
            Bank,
            paid(AgreeTwice),
            2,
            &[
                "payment RecallAccepted +3",
                "payment Returned FOCR Review +3",
                "payment RecallAccepted +4",
            ],
            false,
        ),
        (Bank, paid(Refuse), 2, &["payment RecallRefused CUST Review +3"], true),
        (
            Bank,
            paid(PendThenAgree),
            2,
            &[
                "payment RecallPending +3",
                "payment RecallAccepted +n",
                "payment Returned FOCR Review +n",
            ],
            false,
        ),
        (
            Bank,
            paid(PendThenRefuse),
            2,
            &["payment RecallPending +3", "payment RecallRefused NOAS Retry +n"],
            true,
        ),
        (Bank, paid(Ignore), 2, &[], true),
        // Stopped before it is booked: nothing was debited, and nothing comes back.
        (
            Bank,
            paid(Agree),
            0,
            &["file Accepted +0", "payment RecallAccepted +0", "payment Cancelled +0"],
            false,
        ),
        // Who takes time to agree has booked it by then.
        (
            Bank,
            paid(AgreeLater),
            0,
            &[
                "file Accepted +0",
                "payment Booked +1",
                "payment RecallAccepted +1",
                "payment Returned FOCR Review +n",
            ],
            false,
        ),
        // The credit was never said; that it is back is.
        (
            Bank,
            (LoseAnswer, Agree),
            2,
            &["payment RecallAccepted +3", "payment Returned FOCR Review +3"],
            false,
        ),
        // What was never paid, or came back by itself, is not given back again.
        (Bank, (RejectName, Agree), 2, &["payment RecallRefused ARDT Review +3"], false),
        (Bank, (ReturnDeceased, Agree), 9, &["payment RecallRefused ARDT Review +10"], false),
        // On its way back by itself: agreed to, and back once.
        (
            Bank,
            (ReturnDeceased, Agree),
            1,
            &["payment Booked +1", "payment RecallAccepted +2", "payment Returned MD07 Stop +n"],
            false,
        ),
        (
            BankSheet,
            paid(Agree),
            0,
            &[
                "payment Credited +0",
                "payment RecallAccepted +1",
                "payment Returned Theo yêu cầu hoàn trả Review +1",
            ],
            false,
        ),
        (BankSheet, paid(Refuse), 1, &["payment RecallRefused CUST Review +2"], true),
        (
            Wallet,
            paid(Agree),
            0,
            &["payment RecallAccepted +0", "payment Rejected RECALLED Review +0"],
            false,
        ),
        (
            Wallet,
            paid(Agree),
            2,
            &["payment RecallAccepted +3", "payment Returned RECALLED Review +3"],
            false,
        ),
    ] {
        check_asked(kind, behaviours, after, expected, is_kept);
    }
}

#[test]
fn what_is_not_in_the_books_is_not_given_back() {
    let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
    let kind = ProviderKind::Bank;
    send(&disk, kind, "R1", 2);
    sandbox.tick(day(0)).unwrap();
    sandbox.tick(day(1)).unwrap();
    let other_amount = Asked { amount_minor: 500_001, ..asked(0, 2) };
    let cases = [asked(7, 1), other_amount];
    ask(&disk, kind, "recall.xml", &request(CUSTOMER, "R1", &cases));
    // Of another payout file than the one in which it was ordered.
    let text = String::from_utf8(request(BETWEEN_BANKS, "R1", &[asked(1, 3)])).unwrap();
    let text = text.replace("<OrgnlMsgId>R1<", "<OrgnlMsgId>R0<");
    ask(&disk, kind, "recall-of-other.xml", text.as_bytes());
    assert_eq!(told(&disk, &sandbox, kind, 2), vec!["payment RecallRefused NOOR Review +3"; 3]);
    assert!(sandbox.credits().unwrap().iter().all(|credit| credit.returned_on.is_none()));
}

#[test]
fn a_credit_is_taken_back_once_whoever_asks_how_often() {
    for format in [CUSTOMER, BETWEEN_BANKS] {
        let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
        let kind = ProviderKind::Bank;
        send(&disk, kind, "R1", 2);
        sandbox.tick(day(0)).unwrap();
        sandbox.tick(day(1)).unwrap();
        // Two cases for one payment in one file, the same file under another name, and the same again.
        let twice = request(format, "R1", &[asked(0, 1), asked(0, 2)]);
        ask(&disk, kind, "a.xml", &twice);
        ask(&disk, kind, "b.xml", &twice);
        let first = sandbox.tick(day(2)).unwrap();
        assert_eq!((first.booked.len(), first.refused.len()), (2, 0));
        ask(&disk, kind, "a.xml", &twice);
        assert_eq!(sandbox.tick(day(2)).unwrap().known.len(), 1);
        let said = told(&disk, &sandbox, kind, 3);
        let count = |word: &str| said.iter().filter(|one| one.contains(word)).count();
        assert_eq!((count("RecallAccepted"), count("Returned")), (4, 1), "{said:?}");
        // Asked once more when it is back.
        ask(&disk, kind, "c.xml", &request(format, "R1", &[asked(0, 3)]));
        assert_eq!(told(&disk, &sandbox, kind, 40), ["payment RecallRefused ARDT Review +41"]);
        let credits = sandbox.credits().unwrap();
        let back = credits.iter().filter(|credit| credit.returned_on.is_some());
        assert_eq!((credits.len(), back.count()), (2, 1));
        let again = sandbox.totals().unwrap().content_again;
        let names: Vec<&str> = again[0].files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.xml", "b.xml"], "a careful office asks under one name");
    }
}

#[test]
fn a_request_that_is_none_is_refused_and_changes_nothing() {
    let (disk, sandbox) = new_sandbox(BehaviourMix::ALL_PAY);
    send(&disk, ProviderKind::Bank, "R1", 1);
    sandbox.tick(day(0)).unwrap();
    let whole = request(CUSTOMER, "R1", &[asked(0, 1)]);
    ask(&disk, ProviderKind::Bank, "cut.xml", &whole[..whole.len() - 20]);
    let text = String::from_utf8(whole.clone()).unwrap();
    let other = text.replace("<NbOfTxs>1<", "<NbOfTxs>2<");
    ask(&disk, ProviderKind::Bank, "count.xml", other.as_bytes());
    // An operator's answers have no word for money that is given back.
    ask(&disk, ProviderKind::MobileMoney, "recall.xml", &whole);
    let ticked = sandbox.tick(day(1)).unwrap();
    assert_eq!(ticked.refused.len(), 3, "{ticked:?}");
    let refused = sandbox.totals().unwrap().refused_files;
    let rules: BTreeSet<&str> = refused.iter().map(|one| one.rule.as_str()).collect();
    assert!(rules.contains("file_must_be_whole") && rules.contains("count_must_agree"));
    all_answers_after(&sandbox);
    assert_eq!(sandbox.credits().unwrap()[0].returned_on, None);
}

#[test]
fn requests_are_answered_in_messages_that_the_published_schemas_accept() {
    let Some(xmllint) = real_part(RealPart::Xmllint) else { return };
    let schemas = ["camt.029.001.09", "pain.002.001.10", "camt.054.001.08"].map(published_schema);
    let [Some(resolution), Some(status), Some(notification)] = schemas else { return };
    let folder = tempfile::tempdir().unwrap();
    let recalls = RecallMix {
        agree_later: 150,
        agree_twice: 100,
        refuse: 150,
        pend_then_agree: 150,
        pend_then_refuse: 150,
        ignore: 100,
    };
    let (disk, sandbox) = recalling(LIVELY, recalls);
    let kind = ProviderKind::Bank;
    send(&disk, kind, "R3", 60);
    let all: Vec<Asked> = (0..60).map(|at| asked(at, at + 1)).collect();
    ask(&disk, kind, "early.xml", &request(CUSTOMER, "R3", &all[..20]));
    let mut answers = Vec::new();
    for days in 0..30 {
        if days == 2 {
            ask(&disk, kind, "customer.xml", &request(CUSTOMER, "R3", &all[20..40]));
            ask(&disk, kind, "banks.xml", &request(BETWEEN_BANKS, "R3", &all[40..]));
        }
        answers.extend(sandbox.tick(day(days)).unwrap().answered);
    }
    let mut seen = BTreeSet::new();
    for file in answers {
        let path = sandbox.folders(&file.provider).outbox.join(&file.name);
        let (word, schema) = match &file.name {
            name if name.contains(".resolution-") => ("resolution", &resolution),
            name if name.contains(".notification") => ("notification", &notification),
            _ => ("status", &status),
        };
        if file.name.contains(".cancelled") {
            seen.insert("cancelled");
        }
        seen.insert(word);
        let on_disk = folder.path().join(&file.name);
        fs::write(&on_disk, disk.bytes(path).unwrap()).unwrap();
        let output = Command::new(repository().join("tests/external/xsd.sh"))
            .env("CHITRA_TEST_XMLLINT", &xmllint)
            .arg(&on_disk)
            .arg(schema)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", file.name);
    }
    assert_eq!(seen, BTreeSet::from(["cancelled", "notification", "resolution", "status"]));
}

/// What a request of [`super::scenario`] asks: payments of the bank and of the sheet bank, on the day on which
/// they come.
pub(super) fn request_of_scenario(reference: &str) -> Vec<u8> {
    request(CUSTOMER, reference, &[asked(0, 1), asked(1, 2), asked(2, 3)])
}
