//! A month of bank transfers against a bank that is not ours: the file that dispatch delivers is
//! held to that bank's own rules, and everything it answers is taken in until the cycle closes.
//!
//! Reads: the roster below. Needs: Python with `mock-bank`; what is absent is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chitra::disk::RealDisk;
use chitra::domain::answer::DiscrepancyKind;
use chitra::domain::batch::BatchState;
use chitra::domain::cycle::{CycleKind, CycleState};
use chitra::domain::ids::{ListNo, Shard};
use chitra::domain::instruction::{EvidenceGrade, Instruction, InstructionState};
use chitra::domain::list::Role;
use chitra::domain::payable::PayableState;
use chitra::domain::roster::Channel;
use chitra::domain::signature::OfficerKey;
use chitra::domain::state::Named;
use chitra::engine::clock::FixedClock;
use chitra::engine::cycle::Opening;
use chitra::engine::office::{self, Surroundings};
use chitra::engine::progress::Silent;
use chitra::engine::{Engine, EngineError};
use jiff::civil::date;
use serde_json::Value;

use crate::support::real_parts::{RealPart, real_part, repository};

/// Dead since, says the bank, three business days after it paid.
const DIED: &str = "E03";
/// Her account is the bank's own, and closed.
const CLOSED: &str = "E07";
/// The bank recognises its own accounts by their IBAN.
const CLOSED_ACCOUNT: &str = "VN35BHXH0000000011004000092";
/// Years of birth by enrolment, so that everyone has an age of entitlement.
const PEOPLE: [(&str, &str, &str); 12] = [
    ("E01", "Nguyễn Thị Ánh Đào", "1941"),
    ("E02", "Trần Văn Được", "1942"),
    ("E03", "Lê Hữu Phước", "1943"),
    ("E04", "Phạm Thị Tuyết", "1944"),
    ("E05", "Hoàng Văn Nghĩa", "1945"),
    ("E06", "Đỗ Thị Mỹ Lệ", "1940"),
    ("E07", "Vũ Thị Hường", "1946"),
    ("E08", "Y Bhit Ama Ksor", "1947"),
    ("E09", "H'Hen Niê", "1948"),
    ("E10", "Bùi Quang Thuận", "1939"),
    ("E11", "Đặng Thị Quyên", "1938"),
    ("E12", "Ngô Minh Mỹ", "1937"),
];

#[test]
fn a_month_with_an_independent_bank_closes_balanced() {
    let Some(python) = real_part(RealPart::Python) else { return };
    let folder = tempfile::tempdir().expect("a folder for the test");
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    runtime.block_on(live(&python, folder.path())).unwrap_or_else(|error| panic!("{error}"));
}

async fn live(python: &str, dir: &Path) -> Result<(), EngineError> {
    let clock = Arc::new(FixedClock::new(date(2026, 10, 20).at(8, 0, 0, 0)));
    let office = Office::open(dir, clock.clone()).await?;
    let engine = &office.engine;

    let period = "2026-11".parse().expect("a month");
    for (kind, text) in [("identity", register()), ("roster", roster())] {
        let path = dir.join(format!("{kind}.csv"));
        fs::write(&path, text).expect("the folder is ours");
        let report = match kind {
            "identity" => engine.identity_import(&path, period, "lan", &key("lan")).await?,
            _ => engine.roster_import(&path, period, "lan", &key("lan")).await?,
        };
        assert_eq!((report.import.rows, report.import.refused), (12, 0), "{kind}");
    }
    let opening = Opening {
        period,
        kind: CycleKind::Regular,
        law_known_at: None,
        value_date: date(2026, 11, 3),
        by: "lan".to_owned(),
    };
    let cycle = engine.cycle_open(opening, &key("lan")).await?;
    let cycle = engine.compute(&cycle).await?;
    let cycle = engine.assemble(&cycle).await?;
    engine.seal(&cycle).await?;
    office.sign_and_release(ListNo(0)).await?;

    clock.set(date(2026, 11, 2).at(8, 0, 0, 0));
    let sent = engine.dispatch(None).await?;
    let [file] = sent.as_slice() else { panic!("one file was to leave: {sent:?}") };
    assert_eq!(file.state, BatchState::Delivered, "{}", file.detail);
    let file = office.folder("bank", "inbox").join(&file.file_name);

    let answers = dir.join("answers");
    let reference_of_died = office.by_enrolment().await?[DIED].reference.clone();
    let died = ["--return-later", "3", "--reason", "MD07", "--return-only", &reference_of_died];
    let closed = ["--closed-account", CLOSED_ACCOUNT];
    let days = ["--advance", "8"];
    let said = converse(python, &file, &answers, &[&died[..], &closed, &days].concat());
    assert_eq!(said["findings"], serde_json::json!([]), "{said}");
    assert_eq!(said["file_status"], "PART", "{said}");
    let kinds = office.take_in(&answers, &said).await?;
    let read = ["pain.002", "camt.054", "camt.053"].map(|kind| kinds.get(kind).copied());
    assert!(read.iter().all(Option::is_some), "the bank said only {kinds:?}");
    assert!(kinds.contains_key("pacs.004"), "the return was to come between banks too: {kinds:?}");

    // What the bank's own ledger says is what our books say, and to the đồng.
    let mut paid_minor = 0;
    for (enrolment, paid) in office.by_enrolment().await? {
        let first = &paid.attempts[0];
        let told =
            (first.state, first.evidence.grade, first.evidence.reason.as_deref(), paid.state);
        let expected = match enrolment.as_str() {
            // The first evidence of payment stays on record beside the reason of the return.
            DIED => (
                InstructionState::Returned,
                Some(EvidenceGrade::Statement),
                Some("MD07"),
                PayableState::Returned,
            ),
            CLOSED => (InstructionState::Rejected, None, Some("AC04"), PayableState::Rejected),
            _ => {
                paid_minor += first.amount_minor;
                (
                    InstructionState::Settled,
                    Some(EvidenceGrade::Statement),
                    None,
                    PayableState::Paid,
                )
            }
        };
        assert_eq!(told, expected, "{enrolment}");
        let class = first.evidence.reason_class.as_deref();
        assert_eq!(enrolment == DIED, class == Some("stop"), "{enrolment}: {class:?}");
    }
    assert_eq!(said["balance_minor"], 1_000_000_000_000_000 - paid_minor, "{said}");
    let queue = engine.store.discrepancies().await?;
    assert!(queue.is_empty(), "everything the bank said fits: {queue:?}");
    assert!(engine.store.halts().await?.is_empty());

    clock.set(date(2026, 11, 12).at(8, 0, 0, 0));
    let month = engine.cycle_find("2026-11").await?;
    let again = engine.reissue(&month).await?;
    assert_eq!(again.ordered, 1, "{:?}", again.waiting);
    let waiting = BTreeMap::from([("the provider reports death, fraud or a court order", 1)]);
    assert_eq!(again.waiting, waiting);
    office.sign_and_release(ListNo(1)).await?;
    let sent = engine.dispatch(None).await?;
    let [cash] = sent.as_slice() else { panic!("one cash list was to leave: {sent:?}") };
    assert_eq!(cash.state, BatchState::Delivered, "{}", cash.detail);
    let orders = office.by_enrolment().await?;
    let order = orders[CLOSED].attempts.last().expect("it was ordered again");
    assert_eq!((order.attempt.number(), order.state), (2, InstructionState::InBatch));
    let report = format!(
        "STT,Điểm chi trả,Mã tham chiếu,Họ và tên,Số tiền,Trạng thái,Ngày ký nhận,Lý do\n\
         1,00001,{reference},Vu Thi Huong,{amount},Đã chi,14/11/2026,\n\
         Tổng cộng,,1,,{amount},,,\n",
        reference = engine.reference(order),
        amount = order.amount_minor
    );
    fs::write(office.folder("cash", "outbox").join("report.csv"), report).expect("ours");
    for answer in engine.collect_all().await? {
        if let Err((name, error)) = answer {
            panic!("{name}: {error}");
        }
    }

    clock.set(date(2026, 12, 4).at(8, 0, 0, 0));
    let month = engine.cycle_find("2026-11").await?;
    // A later list finds nothing: the dead are not paid, and nobody twice.
    assert_eq!(engine.reissue(&month).await?.ordered, 0);
    let closed = engine.close(&month, "lan", &key("lan")).await?;
    assert_eq!(closed.state, CycleState::Closed);
    let figures = engine.figures(&closed).await?.to_json();
    assert_eq!(figures["balanced"], true, "{figures:#}");
    assert_eq!(figures["payables"]["paid"], 11, "{figures:#}");
    assert_eq!(figures["payables"]["returned"], 1, "{figures:#}");
    assert_eq!(figures["payables"]["total"], 12, "{figures:#}");
    let cash = office.by_enrolment().await?;
    let last = cash[CLOSED].attempts.last().expect("it was ordered again");
    assert_eq!(last.evidence.grade, Some(EvidenceGrade::Signature));
    engine.audit_verify().await?;
    Ok(())
}

/// An office with its officers' keys.
struct Office {
    engine: Engine,
    dir: PathBuf,
}

/// What the books hold of one enrolment's money.
struct Ordered {
    state: PayableState,
    /// The end-to-end id of the first attempt.
    reference: String,
    attempts: Vec<Instruction>,
}

impl Office {
    async fn open(dir: &Path, clock: Arc<FixedClock>) -> Result<Office, EngineError> {
        let root = dir.join("office");
        office::create(&root, CONFIG, [7; 32])?;
        for (partner, place) in
            ["bank", "cash"].iter().flat_map(|one| ["inbox", "outbox", "taken"].map(|at| (one, at)))
        {
            fs::create_dir_all(root.join(partner).join(place)).expect("the folder is ours");
        }
        let around = Surroundings {
            disk: Arc::new(RealDisk),
            clock,
            progress: Arc::new(Silent),
            channels: None,
        };
        let engine = office::open(&root, around).await?;
        for (name, role) in
            [("lan", Role::Officer), ("minh", Role::Approver), ("hoa", Role::Approver)]
        {
            engine.officer_enrol(name, role, &key(name).public().to_string()).await?;
        }
        Ok(Office { engine, dir: root })
    }

    fn folder(&self, partner: &str, place: &str) -> PathBuf {
        self.dir.join(partner).join(place)
    }

    async fn sign_and_release(&self, list: ListNo) -> Result<(), EngineError> {
        let month = self.engine.cycle_find("2026-11").await?;
        self.engine.submit(&month, list, "lan", &key("lan")).await?;
        for approver in ["minh", "hoa"] {
            let month = self.engine.cycle_find("2026-11").await?;
            self.engine.approve(&month, list, approver, &key(approver)).await?;
        }
        let month = self.engine.cycle_find("2026-11").await?;
        self.engine.release(&month, list, "hoa", &key("hoa")).await?;
        Ok(())
    }

    /// Puts the bank's messages into the outbox one by one, in the order in which they came, and
    /// takes each in. How many came of each kind.
    async fn take_in(
        &self,
        answers: &Path,
        said: &Value,
    ) -> Result<BTreeMap<String, u32>, EngineError> {
        let mut kinds = BTreeMap::new();
        for message in said["messages"].as_array().expect("a list of messages") {
            let name = message["file"].as_str().expect("a file's name");
            let kind = message["type"].as_str().expect("a message's name");
            let kind = kind.split('.').take(2).collect::<Vec<&str>>().join(".");
            fs::copy(answers.join(name), self.folder("bank", "outbox").join(name)).expect("ours");
            let taken = self.engine.collect_all().await?;
            match (kind.as_str(), taken.as_slice()) {
                ("pain.002" | "camt.054" | "camt.053", [Ok(one)]) => assert!(!one.replayed),
                // The bank tells its customer of a return by camt.054 too: the message between
                // banks is named as what it is and changes nothing; an officer sets it aside.
                ("pacs.004", [Err((_, error))]) => {
                    assert_eq!(error.code(), "L101", "{error}");
                    for (number, found) in self.engine.store.discrepancies().await? {
                        if found.kind == DiscrepancyKind::FileRefused {
                            let reason = "a message between banks; camt.054 tells us the same";
                            let lan = key("lan");
                            self.engine.discrepancy_resolve(number, reason, "lan", &lan).await?;
                        }
                    }
                }
                _ => panic!("{name}: {taken:?}"),
            }
            *kinds.entry(kind).or_default() += 1;
        }
        Ok(kinds)
    }

    /// The payables and their attempts by the enrolment they pay. Everyone has one enrolment.
    async fn by_enrolment(&self) -> Result<BTreeMap<String, Ordered>, EngineError> {
        let cycle = self.engine.cycle_find("2026-11").await?;
        let mut people = BTreeMap::new();
        for (at, (enrolment, _, year)) in PEOPLE.iter().enumerate() {
            let person = self.engine.person_find(&national_id(at, year), &cycle).await?;
            people.insert(person, (*enrolment).to_owned());
        }
        let mut found = BTreeMap::new();
        for shard in Shard::all() {
            let instructions = self.engine.store.instructions(cycle.number, shard).await?;
            for payable in self.engine.store.payables(cycle.number, shard).await? {
                let mut attempts: Vec<Instruction> = instructions
                    .iter()
                    .filter(|one| one.payable == payable.number)
                    .cloned()
                    .collect();
                attempts.sort_by_key(|one| one.attempt);
                let enrolment = people[&payable.payee].clone();
                assert!(!attempts.is_empty(), "{enrolment} is {}", payable.state);
                let reference = self.engine.reference(&attempts[0]).as_str().to_owned();
                found.insert(enrolment, Ordered { state: payable.state, reference, attempts });
            }
        }
        assert_eq!(found.len(), PEOPLE.len(), "everyone is owed something");
        Ok(found)
    }
}

/// Sends the file to a bank of its own and gives what the bank did.
fn converse(python: &str, file: &Path, answers: &Path, options: &[&str]) -> Value {
    let output = Command::new(python)
        .arg(repository().join("tests/external/mock_bank.py"))
        .arg(file)
        .args(["--clock", "2026-11-02T09:00", "--out"])
        .arg(answers)
        .args(options)
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{complaint}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn key(officer: &str) -> OfficerKey {
    let mut seed = [0; 32];
    seed[..officer.len()].copy_from_slice(officer.as_bytes());
    OfficerKey::from_seed(&seed)
}

/// A woman's number of the twentieth century, from the first province.
fn national_id(at: usize, year: &str) -> String {
    format!("0011{}{:06}", &year[2..], at + 1)
}

fn account(at: usize, enrolment: &str) -> String {
    match enrolment {
        CLOSED => CLOSED_ACCOUNT.to_owned(),
        _ => format!("{}", 3_774_840_000 + at),
    }
}

fn roster() -> String {
    let mut text = String::from(
        "enrolment_id,national_id,full_name,date_of_birth,sex,commune_code,programme,benefit,\
         decision_no,decision_date,entitled_from,status,channel,provider,account,account_name,\
         fact.household_poverty,fact.monthly_pension,period\n",
    );
    for (at, (enrolment, name, year)) in PEOPLE.iter().enumerate() {
        let id = national_id(at, year);
        let account = account(at, enrolment);
        text.push_str(&format!(
            "{enrolment},{id},{name},{year}-04-27,female,00001,social_pension,monthly,\
             63/QĐ-UBND,2025-09-02,2025-09-01,active,{channel},970436,{account},,neither,0,2026-11\n",
            channel = Channel::Bank.name(),
        ));
    }
    text
}

fn register() -> String {
    let mut text = String::from(
        "national_id,full_name,date_of_birth,sex,vital_status,commune_code,account,provider\n",
    );
    for (at, (_, name, year)) in PEOPLE.iter().enumerate() {
        let id = national_id(at, year);
        text.push_str(&format!("{id},{name},{year}-04-27,female,alive,00001,,\n"));
    }
    text
}

const CONFIG: &str = r#"
[office]
name = "Phong Noi vu phuong Ben Nghe"
prefix = "BNGE"
authority = 1
currency = "VND"
utc_offset = "+07:00"
environment = "test"
database = "sqlite:office.db"
approvals = 2
history_from = "2026-11"

[debtor]
name = "Kho bac Nha nuoc"
id = "1100400"
account = "VN67BHXH0000000011004000001"
bin = "970436"

[[provider]]
name = "bank"
channel = "bank"
format = "iso20022-pain001-09"
answers = ["iso20022-pain002", "iso20022-camt054", "iso20022-camt053"]
# It settles a payment in one booking, and reports ACCP or RJCT before that: of the credit it says nothing.
debit_is_proof = true
serves = ["*"]
count_max = 1000
total_max_minor = 900000000000
amount_max_minor = 400000000
taken_kept_days = 30
inbox = "bank/inbox"
outbox = "bank/outbox"
taken = "bank/taken"

[[provider]]
name = "cash"
channel = "cash"
format = "pso-paypoint-csv"
answers = ["pso-paypoint-report"]
serves = ["*"]
count_max = 1000
total_max_minor = 900000000000
amount_max_minor = 400000000
taken_kept_days = 30
inbox = "cash/inbox"
outbox = "cash/outbox"
taken = "cash/taken"
"#;
