//! An office for one test: real keys, files, database and log in a folder of its own, a clock that
//! stands where it is put, partners that answer what the test writes, and faults on the way to them.
//!
//! Reads: people, one a line. Gives: cycles as far as the test drives them, and what stands in them
//! as short sentences.
//!
//! ```text
//! office.month("2026-10", &["E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001"]).await;
//! let october = office.released("2026-10", Regular).await;
//! office.sheet(&[office.said(&october, "E1", 1, "Thành công", "").await]).await;
//! office.check(&october, "entitled 1", "paid 1 = 540000").await;
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use chitra::channels::one_by_one::OneByOne;
use chitra::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use chitra::disk::file_name::FileName;
use chitra::disk::{Disk, RealDisk};
use chitra::domain::answer::DiscrepancyKind;
use chitra::domain::cycle::{Cycle, CycleKind};
use chitra::domain::digest::Digest;
use chitra::domain::exception::Decision;
use chitra::domain::hours::VALUE_DAYS_AHEAD;
use chitra::domain::ids::{AttemptNo, EndToEndId, ListNo, PayableNo, PersonNo, Shard};
use chitra::domain::instruction::Instruction;
use chitra::domain::list::Role;
use chitra::domain::payable::{Payable, PayableState};
use chitra::domain::period::Period;
use chitra::domain::signature::OfficerKey;
use chitra::domain::state::Named;
use chitra::engine::clock::{Clock as _, FixedClock};
use chitra::engine::collect::Collected;
use chitra::engine::config::Config;
use chitra::engine::cycle::Opening;
use chitra::engine::figures::Figures;
use chitra::engine::hold::Deciding;
use chitra::engine::import::ImportReport;
use chitra::engine::office::{self, Surroundings};
use chitra::engine::progress::Silent;
use chitra::engine::{Engine, EngineError};
use chitra::pipeline::account::{Identity, Part};
use chitra::report::cycle::CycleReport;
use chitra::report::cycle_csv::csv;
use chitra::report::cycle_html::html;
use chitra::report::words::Language;
use chitra::store::Value;
use chitra::store::database::Database;
use chitra::store::postgres::Postgres;
use chitra::store::sqlite::Sqlite;
use jiff::Span;
use jiff::civil::Date;
use sqlx::Connection as _;
use tempfile::TempDir;

pub const MAKER: &str = "lan";
pub const APPROVERS: [&str; 2] = ["minh", "hoa"];

/// Name, channel, format, answers, and the values of the roster's provider column that it serves.
const PARTNERS: [(&str, &str, &str, &str, &str); 4] = [
    ("sheetbank", "bank", "vn-bank-bulk-csv", r#""vn-bank-bulk-csv-results""#, "*"),
    (
        "isobank",
        "bank",
        "iso20022-pain001-09",
        r#""iso20022-pain002", "iso20022-camt054""#,
        "970436",
    ),
    ("wallet", "ewallet", "ewallet-csv", r#""ewallet-csv-results""#, "*"),
    ("paypoint", "cash", "pso-paypoint-csv", r#""pso-paypoint-report""#, "*"),
];

/// The database that a test runs on.
#[derive(Clone)]
pub enum Base {
    Sqlite,
    /// The URL of a superuser, who makes a database for the test.
    Postgres(String),
}

/// Runs one story on a new office over `base`, on an event loop of its own.
pub fn run<F: Future<Output = ()>>(base: Base, story: impl FnOnce(TestOffice) -> F) {
    event_loop().block_on(async { story(TestOffice::new(base).await).await });
}

pub fn event_loop() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("an event loop of two threads can be made")
}

/// Makes two tests of each story: on SQLite always, on PostgreSQL where there is one.
macro_rules! on_both_databases {
    ($run:path, $part:expr; $($story:ident)*) => {
        $(mod $story {
            use super::*;

            #[test]
            fn on_sqlite() {
                $run($crate::support::office::Base::Sqlite, super::$story);
            }

            #[test]
            fn on_postgres() {
                let Some(url) = $crate::support::real_parts::real_part($part) else { return };
                $run($crate::support::office::Base::Postgres(url), super::$story);
            }
        })*
    };
}
pub(crate) use on_both_databases;

/// What happens on the way to a partner the next time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The process dies after the bytes left.
    DiesAfterSending,
    /// The process dies after the attempt was recorded, before a byte left.
    DiesBeforeSending,
    /// The bytes leave, and the connection breaks before anything is known.
    LosesTheOutcome,
    /// The partner cannot be asked.
    CannotBeAsked,
}

struct FaultyChannel {
    inner: Arc<dyn Channel>,
    fault: Arc<Mutex<Option<Fault>>>,
    /// How often bytes were handed over, by file name.
    sent: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl FaultyChannel {
    fn fault(&self) -> Option<Fault> {
        *self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Channel for FaultyChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        let fault = self.fault();
        assert!(fault != Some(Fault::DiesBeforeSending), "the process dies here, by the test");
        let name = parcel.name.as_str().to_owned();
        *self.sent.lock().expect("no test panics while it counts").entry(name).or_default() += 1;
        let outcome = self.inner.deliver(parcel);
        assert!(fault != Some(Fault::DiesAfterSending), "the process dies here, by the test");
        match fault {
            Some(Fault::LosesTheOutcome) => {
                DeliveryOutcome::Unknown(Reason::new("connection_lost", "the connection broke"))
            }
            _ => outcome,
        }
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        match self.fault() {
            Some(Fault::CannotBeAsked) => {
                QueryOutcome::Unavailable(Reason::new("partner_silent", "nobody answers"))
            }
            _ => self.inner.query(name, digest),
        }
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        self.inner.answers()
    }

    fn fetch(
        &self,
        name: &FileName,
        into: &mut dyn std::io::Write,
    ) -> Result<Fetched, CollectError> {
        self.inner.fetch(name, into)
    }

    fn one_by_one(&self) -> Option<Arc<dyn OneByOne>> {
        self.inner.one_by_one()
    }
}

/// One item of an answer.
#[derive(Clone, Debug)]
pub struct Said {
    pub reference: String,
    pub amount_minor: i64,
    pub status: String,
    pub reason: String,
    /// `2026-11-05`.
    pub on: String,
    /// Where the money was ordered to go.
    pub account: String,
    /// By which transaction, the same whenever it is said.
    pub transaction: String,
}

pub struct TestOffice {
    _folder: TempDir,
    pub dir: PathBuf,
    pub engine: Engine,
    pub clock: Arc<FixedClock>,
    pub fault: Arc<Mutex<Option<Fault>>>,
    pub sent: Arc<Mutex<BTreeMap<String, u32>>>,
    base: Base,
    pub url: String,
    files: AtomicU32,
}

impl TestOffice {
    /// An office with its officers, on 15 September 2026, over an empty database.
    pub async fn new(base: Base) -> TestOffice {
        let folder = tempfile::tempdir().expect("a folder for the office can be made");
        let dir = folder.path().join("office");
        let url = match &base {
            Base::Sqlite => "sqlite:office.db".to_owned(),
            Base::Postgres(server) => new_database(server).await,
        };
        office::create(&dir, &config(&url), *Digest::of(b"office").as_bytes()).unwrap();
        for (partner, ..) in PARTNERS {
            for place in ["inbox", "outbox", "taken"] {
                std::fs::create_dir_all(dir.join(partner).join(place)).unwrap();
            }
        }
        let clock = Arc::new(FixedClock::new(at("2026-09-15")));
        let (fault, sent) = (Arc::default(), Arc::default());
        let engine = open(&dir, &clock, &fault, &sent).await;
        let office = TestOffice {
            _folder: folder,
            dir,
            engine,
            clock,
            fault,
            sent,
            base,
            url,
            files: AtomicU32::new(0),
        };
        office.enrol(MAKER, Role::Officer).await;
        for approver in APPROVERS {
            office.enrol(approver, Role::Approver).await;
        }
        office
    }

    pub async fn enrol(&self, name: &str, role: Role) {
        let public = key(name).public().to_string();
        self.engine.officer_enrol(name, role, &public).await.unwrap();
    }

    /// As if the process had ended, however it did, and another began.
    pub async fn reopen(&mut self) {
        self.engine.store.close().await;
        self.engine = open(&self.dir, &self.clock, &self.fault, &self.sent).await;
    }

    pub fn on_day(&self, day: &str) {
        self.clock.set(at(day));
    }

    pub fn next_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = fault;
    }

    /// How often the bytes of a file were handed over to its partner.
    pub fn times_sent(&self, file_name: &str) -> u32 {
        self.sent
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(file_name)
            .copied()
            .unwrap_or_default()
    }

    /// A connection beside the office's own, for what only a tamperer would do.
    pub async fn database(&self) -> Box<dyn Database> {
        match &self.base {
            Base::Sqlite => {
                let path = self.dir.join("office.db");
                Box::new(Sqlite::open(&path.display().to_string()).await.unwrap())
            }
            Base::Postgres(_) => Box::new(Postgres::open(&self.url).await.unwrap()),
        }
    }

    /// Runs one statement past the engine, and tells how many rows it touched.
    pub async fn tamper(&self, sql: &'static str, args: Vec<Value>) -> u64 {
        let database = self.database().await;
        let mut open = database.begin().await.unwrap();
        let touched = open.execute(sql.into(), args).await.unwrap();
        open.commit().await.unwrap();
        database.close().await;
        touched
    }

    /// True when the database itself refuses a statement.
    pub async fn tamper_refused(&self, sql: &'static str) -> bool {
        let database = self.database().await;
        let mut open = database.begin().await.unwrap();
        let refused = open.execute(sql.into(), vec![]).await.is_err();
        drop(open);
        database.close().await;
        refused
    }

    // --- What comes in ---------------------------------------------------------------------------

    /// Takes in a register and a roster for a month, both from lines of people.
    pub async fn month(&self, month: &str, people: &[&str]) -> ImportReport {
        let people: Vec<Person> = people.iter().map(|line| Person::parse(line)).collect();
        let register = self.written("identity.csv", register_csv(&people).as_bytes());
        match self.engine.identity_import(&register, period(month), MAKER, &key(MAKER)).await {
            Ok(report) => assert_eq!(report.import.refused, 0, "{:?}", report.refused_by_code),
            // The same people as before: the register of the month is there.
            Err(error) => assert_eq!(error.code(), "I120", "{error}"),
        }
        let roster = self.written("roster.csv", roster_csv(&people).as_bytes());
        self.engine.roster_import(&roster, period(month), MAKER, &key(MAKER)).await.unwrap()
    }

    /// Writes a file that a test hands in, under a name that no other has.
    pub fn written(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let folder = self.dir.join("input");
        std::fs::create_dir_all(&folder).unwrap();
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{number}-{name}"));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    // --- The month -------------------------------------------------------------------------------

    /// Opens a cycle with the law as it is known today, for the third of its month or the day that is
    /// nearest to it of those that can be named today.
    pub async fn opened(&self, month: &str, kind: CycleKind) -> Cycle {
        let wanted = opening(month, kind);
        let today = self.clock.today();
        let last = today.saturating_add(Span::new().days(VALUE_DAYS_AHEAD));
        let value_date = wanted.value_date.clamp(today, last);
        let opening = Opening { value_date, ..wanted };
        self.engine.cycle_open(opening, &key(MAKER)).await.unwrap()
    }

    /// Computes an open cycle.
    pub async fn computed(&self, cycle: &Cycle) -> Cycle {
        let cycle = self.engine.compute(&self.now(cycle).await).await.unwrap();
        let cycle = self.engine.assemble(&cycle).await.unwrap();
        assert!(self.engine.figures(&cycle).await.unwrap().balanced());
        cycle
    }

    /// Opens, computes and seals.
    pub async fn sealed(&self, month: &str, kind: CycleKind) -> Cycle {
        let cycle = self.opened(month, kind).await;
        let cycle = self.computed(&cycle).await;
        let cycle = self.engine.seal(&cycle).await.unwrap();
        self.engine.sequence().await.unwrap();
        cycle
    }

    /// Submits and approves a list with the officers' real keys.
    pub async fn approved(&self, cycle: &Cycle, list: i64) {
        let list = ListNo(list);
        let now = self.now(cycle).await;
        self.engine.submit(&now, list, MAKER, &key(MAKER)).await.unwrap();
        for approver in APPROVERS {
            let now = self.now(cycle).await;
            self.engine.approve(&now, list, approver, &key(approver)).await.unwrap();
        }
    }

    /// Approves and releases a list.
    pub async fn released(&self, cycle: &Cycle, list: i64) {
        self.approved(cycle, list).await;
        let now = self.now(cycle).await;
        self.engine.release(&now, ListNo(list), APPROVERS[0], &key(APPROVERS[0])).await.unwrap();
    }

    /// Approves, releases and sends a list; every file must arrive.
    pub async fn sent(&self, cycle: &Cycle, list: i64) {
        self.released(cycle, list).await;
        for sent in self.engine.dispatch(Some(cycle.number)).await.unwrap() {
            assert_eq!(sent.state.name(), "delivered", "{}: {}", sent.file_name, sent.detail);
        }
    }

    /// A whole list from opening to sending.
    pub async fn paid_out(&self, month: &str, kind: CycleKind) -> Cycle {
        let cycle = self.sealed(month, kind).await;
        self.sent(&cycle, 0).await;
        self.now(&cycle).await
    }

    pub async fn closed(&self, cycle: &Cycle) -> Cycle {
        self.engine.close(&self.now(cycle).await, MAKER, &key(MAKER)).await.unwrap()
    }

    /// The cycle as it stands now.
    pub async fn now(&self, cycle: &Cycle) -> Cycle {
        self.engine.store.cycle(cycle.number).await.unwrap().expect("the cycle was opened")
    }

    // --- Answers ---------------------------------------------------------------------------------

    /// What a partner says of one attempt, with the ordered amount, today.
    pub async fn said(
        &self,
        cycle: &Cycle,
        enrolment: &str,
        attempt: i64,
        status: &str,
        reason: &str,
    ) -> Said {
        let payable = self.payable(cycle, enrolment).await;
        self.said_of(&payable, attempt, status, reason).await
    }

    /// The same of a payable that goes to somebody else.
    pub async fn said_of(
        &self,
        payable: &Payable,
        attempt: i64,
        status: &str,
        reason: &str,
    ) -> Said {
        let attempt = AttemptNo::new(attempt).unwrap();
        let reference =
            EndToEndId::derive(&self.engine.config.prefix, payable.number, attempt).to_string();
        Said {
            transaction: format!("FT{reference}"),
            reference,
            amount_minor: payable.amount_minor,
            status: status.to_owned(),
            reason: reason.to_owned(),
            on: self.engine.clock.today().to_string(),
            account: self.account(payable.number, attempt).await,
        }
    }

    /// The account of an attempt, as it was ordered; empty where there is no such attempt, and for cash.
    pub async fn account(&self, payable: PayableNo, attempt: AttemptNo) -> String {
        let store = &self.engine.store;
        let attempts = store.instructions_of(&[payable]).await.unwrap();
        let payee = store.payable(payable).await.unwrap().map(|one| one.payee);
        let ordered = attempts.into_iter().find(|one| one.attempt == attempt);
        let (Some(payee), Some(ordered)) = (payee, ordered) else { return String::new() };
        let found = store.destinations_at(&[(payee, ordered.destination)]).await.unwrap();
        let Some(found) = found.first() else { return String::new() };
        let key = &self.engine.keys.destinations;
        let plain = key.open(&found.number.number().to_be_bytes(), &found.sealed).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        told["account"].as_str().unwrap_or_default().to_owned()
    }

    /// Leaves a bank's result sheet in the outbox of `sheetbank` and collects.
    pub async fn sheet(&self, items: &[Said]) -> Result<Collected, EngineError> {
        let mut text =
            "STT,Số tài khoản,Tên người hưởng,Số tiền,Nội dung,Trạng thái,Ghi chú,Số FT,Ngày giao dịch\n".to_owned();
        for (at, item) in items.iter().enumerate() {
            let Said { reference, amount_minor, status, reason, on, account, transaction } = item;
            let on = on.parse::<Date>().unwrap().strftime("%d/%m/%Y");
            let ordinal = at + 1;
            text.push_str(&format!(
                "{ordinal},{account},NGUYEN VAN AN,{amount_minor},MA {reference} TRO CAP,{status},{reason},{transaction},{on}\n"
            ));
        }
        let total: i64 = items.iter().map(|item| item.amount_minor).sum();
        text.push_str(&format!("Tổng cộng,{},,{total},,,,,\n", items.len()));
        self.answered("sheetbank", "csv", text.as_bytes()).await
    }

    /// Leaves a wallet's results and collects.
    pub async fn wallet(&self, items: &[Said]) -> Result<Collected, EngineError> {
        let mut text = "partner_reference,wallet_id,amount,currency,status,reason_code,message,transaction_id,completed_at\n".to_owned();
        for item in items {
            let Said { reference, amount_minor, status, reason, on, account, transaction } = item;
            text.push_str(&format!(
                "{reference},{account},{amount_minor},VND,{status},{reason},,{transaction},{on}T10:00:00+07:00\n"
            ));
        }
        let total: i64 = items.iter().map(|item| item.amount_minor).sum();
        text.push_str(&format!("TOTAL,{},{total}\n", items.len()));
        self.answered("wallet", "csv", text.as_bytes()).await
    }

    /// Leaves a pay point's report, which names nobody, and collects.
    pub async fn paypoint(&self, items: &[Said]) -> Result<Collected, EngineError> {
        let mut text =
            "STT,Điểm chi trả,Mã tham chiếu,Họ và tên,Số tiền,Trạng thái,Ngày ký nhận,Lý do\n"
                .to_owned();
        for (at, item) in items.iter().enumerate() {
            let Said { reference, amount_minor, status, reason, on, .. } = item;
            // Who has not come has signed on no day.
            let signed = (!status.starts_with("Chưa")).then(|| on.parse::<Date>().unwrap());
            let on = signed.map_or_else(String::new, |day| day.strftime("%d/%m/%Y").to_string());
            text.push_str(&format!(
                "{},Buu cuc,{reference},,{amount_minor},{status},{on},{reason}\n",
                at + 1
            ));
        }
        let total: i64 = items.iter().map(|item| item.amount_minor).sum();
        text.push_str(&format!("Tổng cộng,,{},,{total},,,\n", items.len()));
        self.answered("paypoint", "csv", text.as_bytes()).await
    }

    /// Leaves an answer file in a partner's outbox and collects it, and no other.
    pub async fn answered(
        &self,
        partner: &str,
        extension: &str,
        bytes: &[u8],
    ) -> Result<Collected, EngineError> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let name = format!("ANSWER-{number}.{extension}");
        std::fs::write(self.dir.join(partner).join("outbox").join(&name), bytes).unwrap();
        let mut of_file = self.engine.collect_all().await.unwrap();
        let place = of_file.iter().position(|taken| match taken {
            Ok(collected) => collected.file_name == name,
            Err((shown, _)) => *shown == name,
        });
        match place {
            Some(place) => of_file.remove(place).map_err(|(_, error)| error),
            // A replayed file is not told of by `collect_all`: asked for by hand, it is.
            None => {
                let path = self.dir.join(partner).join("outbox").join(&name);
                self.engine.collect_file(partner, &path).await
            }
        }
    }

    // --- What stands -----------------------------------------------------------------------------

    pub async fn person(&self, enrolment: &str) -> PersonNo {
        let number = self.engine.keys.enrolment(enrolment);
        let person = self.engine.store.enrolment(number).await.unwrap();
        person.unwrap_or_else(|| panic!("nobody has the enrolment {enrolment}"))
    }

    /// The one payable of a cycle for the person of an enrolment.
    pub async fn payable(&self, cycle: &Cycle, enrolment: &str) -> Payable {
        let person = self.person(enrolment).await;
        let found = self.engine.store.payables_of_beneficiary(cycle.number, person).await.unwrap();
        let [one] = found.as_slice() else {
            panic!("{enrolment} has {} payables in {}", found.len(), cycle.label())
        };
        one.clone()
    }

    pub async fn instructions(&self, cycle: &Cycle, enrolment: &str) -> Vec<Instruction> {
        let payable = self.payable(cycle, enrolment).await;
        self.engine.store.instructions_of(&[payable.number]).await.unwrap()
    }

    /// `1 rejected, 2 settled`.
    pub async fn attempts(&self, cycle: &Cycle, enrolment: &str) -> String {
        let attempts = self.instructions(cycle, enrolment).await;
        let told: Vec<String> =
            attempts.iter().map(|one| format!("{} {}", one.attempt.number(), one.state)).collect();
        told.join(", ")
    }

    /// The claims of an enrolment: `2026-10 r0 500000 cycle 1`, in the order of their keys.
    pub async fn claims(&self, enrolment: &str) -> Vec<String> {
        let number = self.engine.keys.enrolment(enrolment);
        let shard = self.person(enrolment).await.shard();
        let claims = self.engine.store.claims(shard).await.unwrap();
        let mut told: Vec<String> = claims
            .iter()
            .filter(|claim| claim.enrolment == number)
            .map(|claim| {
                format!(
                    "{} r{} {} cycle {}",
                    claim.period, claim.revision, claim.amount_minor, claim.cycle
                )
            })
            .collect();
        told.sort();
        told
    }

    pub async fn figures(&self, cycle: &Cycle) -> Figures {
        self.engine.figures(&self.now(cycle).await).await.unwrap()
    }

    /// Holds a cycle against `rows` and `payables` as they are told, and against every identity.
    pub async fn check(&self, cycle: &Cycle, rows: &str, payables: &str) {
        let figures = self.figures(cycle).await;
        let label = cycle.label();
        assert_eq!(rows_told(&figures), rows, "rows of {label}");
        assert_eq!(payables_told(&figures), payables, "payables of {label}");
        must_balance(&figures);
    }

    /// Open discrepancies by kind, in their order.
    pub async fn discrepancies(&self) -> Vec<&'static str> {
        let open = self.engine.store.discrepancies().await.unwrap();
        open.iter().map(|(_, one)| one.kind.name()).collect()
    }

    /// Money to be got back: `settled_excess 500000`.
    pub async fn receivables(&self) -> Vec<String> {
        let open = self.engine.store.receivables().await.unwrap();
        open.iter().map(|one| format!("{} {}", one.cause, one.amount_minor)).collect()
    }

    /// Puts an officer's key where the program looks for it.
    pub fn hand_over_key(&self, officer: &str) {
        let path = chitra::engine::office::officer_key_path(&self.dir, officer);
        let seed = Digest::of(officer.as_bytes());
        chitra::engine::office::write_officer_key(&path, seed.as_bytes()).unwrap();
    }

    pub async fn halts(&self) -> Vec<String> {
        let halts = self.engine.store.halts().await.unwrap();
        halts.into_iter().map(|halt| halt.scope).collect()
    }

    /// Releases every hold of a cycle with a code, as officers do: a second one confirms what takes two.
    pub async fn release_holds(&self, cycle: &Cycle, code: &str) {
        let now = self.now(cycle).await;
        let (_, held) = self.engine.holds(&now, Some(code), usize::MAX).await.unwrap();
        for one in held {
            let said = deciding(Decision::Release);
            let name = one.name();
            let done = self.engine.hold_decide(&now, &name, said, MAKER, &key(MAKER)).await;
            if done.unwrap().resolution.waits_for_another() {
                let second = APPROVERS[0];
                self.engine.hold_confirm(&now, &name, second, &key(second)).await.unwrap();
            }
        }
    }

    /// Everything that may not change when something is refused: rows of every table that carries
    /// money, people or states, and what lies at the partners.
    pub async fn snapshot(&self) -> Vec<String> {
        let store = &self.engine.store;
        let mut told = Vec::new();
        for cycle in store.cycles().await.unwrap() {
            told.push(format!("{cycle:?}"));
            told.extend(store.lists(cycle.number).await.unwrap().iter().map(|x| format!("{x:?}")));
            told.extend(
                store.signatures(cycle.number).await.unwrap().iter().map(|x| format!("{x:?}")),
            );
            told.extend(
                store.batches(cycle.number).await.unwrap().iter().map(|x| format!("{x:?}")),
            );
            told.extend(
                store.deliveries(cycle.number).await.unwrap().iter().map(|x| format!("{x:?}")),
            );
            for shard in Shard::all() {
                let payables = store.payables(cycle.number, shard).await.unwrap();
                told.extend(payables.iter().map(|x| format!("{x:?}")));
                let instructions = store.instructions(cycle.number, shard).await.unwrap();
                told.extend(instructions.iter().map(|x| format!("{x:?}")));
            }
        }
        for shard in Shard::all() {
            let claims = store.claims(shard).await.unwrap();
            told.extend(claims.iter().map(|x| format!("{x:?}")));
        }
        for shards in Shard::groups() {
            let enrolments = store.enrolments(&shards).await.unwrap();
            told.extend(enrolments.iter().map(|x| format!("{x:?}")));
        }
        // That a file was refused is told in the queue; what it is about stays as it was.
        let discrepancies = store.discrepancies().await.unwrap();
        let of_items = discrepancies.iter().filter(|(_, x)| x.kind != DiscrepancyKind::FileRefused);
        told.extend(of_items.map(|x| format!("{x:?}")));
        told.extend(store.receivables().await.unwrap().iter().map(|x| format!("{x:?}")));
        told.extend(store.halts().await.unwrap().iter().map(|x| format!("{x:?}")));
        for (partner, ..) in PARTNERS {
            let folder = std::fs::read_dir(self.dir.join(partner).join("inbox")).unwrap();
            let names: BTreeSet<String> = folder
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            told.push(format!("{partner}: {names:?}"));
        }
        told
    }

    /// The end of every story: all cycles balance, the log holds every event, and every row is what it says.
    pub async fn ends_whole(self) {
        self.ends(None).await;
    }

    /// The end of a story in which a row was changed by hand and left so: it is told with this code.
    pub async fn ends_tampered_with(self, code: &str) {
        self.ends(Some(code)).await;
    }

    /// The report says what `cycle status` says, and its tables add up.
    async fn report_must_balance(&self, figures: &Figures) {
        let report = self.engine.cycle_report(&figures.cycle).await.unwrap();
        let label = &report.label;
        let is_computed = figures.cycle.state.is_computed();
        assert_eq!(report.is_balanced(), is_computed.then(|| figures.balanced()), "{label}");
        assert_eq!(report.identities, figures.identities, "{label}");
        let (page, table) = (html(&report, Language::Both), csv(&report));
        assert!(!page.contains("DOES NOT BALANCE") && !page.contains('✗'), "{label}: {page}");
        assert!(!table.contains("DIFFERS"), "{label}: {table}");
        if is_computed {
            must_add_up(&report);
        }
    }

    async fn ends(self, tampered_with: Option<&str>) {
        self.engine.sequence().await.unwrap();
        let waiting = self.engine.store.outbox(1).await.unwrap();
        assert!(waiting.is_empty(), "events wait outside the log");
        let (verified, _) = self.engine.audit_verify().await.unwrap();
        let compared = self.engine.audit_rows().await.unwrap();
        let codes: Vec<&str> = compared.differences.iter().map(|one| one.code).collect();
        match tampered_with {
            None => assert_eq!(compared.differences, [], "rows are not what the log says"),
            Some(code) => assert!(codes.contains(&code), "{codes:?}"),
        }
        assert!(compared.not_compared.is_empty(), "{:?}", compared.not_compared);
        assert_eq!(verified.size as i64, self.engine.store.leaf_count().await.unwrap());
        for cycle in self.engine.store.cycles().await.unwrap() {
            let figures = self.engine.figures(&cycle).await.unwrap();
            // A forged signature counts and does not verify: status and report tell it as well.
            if tampered_with == Some("V212") {
                let broken: Vec<&Identity> =
                    figures.identities.iter().filter(|identity| !identity.holds()).collect();
                assert!(
                    matches!(broken.as_slice(), [one] if one.name.starts_with("signatures")),
                    "{broken:?}"
                );
                continue;
            }
            must_balance(&figures);
            self.report_must_balance(&figures).await;
        }
        self.engine.store.close().await;
        if let Base::Postgres(server) = &self.base {
            let name = self.url.rsplit('/').next().expect("a URL has a last part");
            outside_transaction(server, format!("drop database {name}")).await;
        }
    }
}

/// Every table of a report has what its summary has.
fn must_add_up(report: &CycleReport) {
    let label = &report.label;
    let add = |sum: Part, part: Part| Part {
        count: sum.count + part.count,
        minor: sum.minor + part.minor,
    };
    let all = report.payables_by_state();
    let sum = |parts: Vec<Part>| parts.into_iter().fold(Part::default(), add);
    for by in [
        report.payables_by(|one| &one.channel),
        report.payables_by(|one| &one.provider),
        report.payables_by(|one| &one.programme),
        report.payables_by(|one| &one.province),
        report.payables_by(|one| &one.fund),
    ] {
        assert_eq!(sum(by.values().map(|one| one.total()).collect()), all.total(), "{label}");
    }
    let rows: i64 = report.rows_by_outcome().iter().map(|(_, rows)| rows).sum();
    assert_eq!(rows, report.rows_listed, "rows of {label}");
    let people: i64 = report.people.values().sum();
    assert_eq!(people, report.people_listed + report.people_carried, "people of {label}");
    assert_eq!(
        all.total().minor,
        report.claims_minor + report.recoveries.minor + report.court_orders.minor,
        "the claims of {label}"
    );
    let held: Vec<Part> = report.holds().into_values().map(|(_, part)| part).collect();
    assert_eq!(sum(held), all.of(PayableState::Held), "holds of {label}");
    if report.files.is_empty() {
        return;
    }
    let paid = report.evidence().into_iter().map(|(_, part)| part).collect();
    assert_eq!(sum(paid), all.of(PayableState::Paid), "proofs of {label}");
    let failed = report.failures.iter().filter(|one| one.aftermath.leaves_it_failed());
    assert_eq!(
        sum(failed.map(|one| one.part).collect()),
        add(all.of(PayableState::Rejected), all.of(PayableState::Returned)),
        "what failed of {label}"
    );
}

/// `entitled 2, held 1`: the rows of a cycle by outcome, those that there are.
pub fn rows_told(figures: &Figures) -> String {
    let told: Vec<String> = figures
        .rows
        .iter()
        .filter(|(_, rows)| **rows > 0)
        .map(|(outcome, rows)| format!("{outcome} {rows}"))
        .collect();
    told.join(", ")
}

/// `paid 1 = 500000, rejected 1 = 540000`.
pub fn payables_told(figures: &Figures) -> String {
    let told: Vec<String> = figures
        .payables
        .iter()
        .filter(|(_, part)| part.count > 0)
        .map(|(state, part)| format!("{state} {} = {}", part.count, part.minor))
        .collect();
    told.join(", ")
}

/// The three partitions and every identity of a cycle.
fn must_balance(figures: &Figures) {
    let label = figures.cycle.label();
    for identity in &figures.identities {
        let (left, right) = (&identity.left, &identity.right);
        assert!(identity.holds(), "{label}: {}: {left} is not {right}", identity.name);
    }
    if figures.cycle.state.is_computed() {
        assert_eq!(figures.rows.values().sum::<i64>(), figures.rows_listed, "rows of {label}");
        let told = figures.to_json();
        let sum = |part: &str| -> i64 {
            let parts = told[part].as_object().expect("a partition is an object");
            parts
                .iter()
                .filter(|(word, _)| *word != "total" && *word != "listed")
                .map(|(_, count)| count.as_i64().expect("counts are whole"))
                .sum()
        };
        assert_eq!(sum("rows"), told["rows"]["listed"], "rows of {label}");
        assert_eq!(sum("payables"), told["payables"]["total"], "payables of {label}");
        assert_eq!(sum("people"), told["people"]["total"], "people of {label}");
        assert_eq!(told["balanced"], true, "{label}");
    }
}

/// The result is a refusal with this code; gives its sentence.
#[track_caller]
pub fn refused<T>(result: Result<T, EngineError>, code: &str) -> String {
    let error = result.err().unwrap_or_else(|| panic!("{code} was expected, and it went through"));
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

/// Where the archive keeps a file: somewhere below its folder, under its digest.
pub fn archived_file(archive: &Path, sha256: &str) -> PathBuf {
    let files = crate::tidy::files_under(archive);
    let ends = &sha256[sha256.len() - 40..];
    let mut found = files.into_iter().filter(|file| file.to_string_lossy().ends_with(ends));
    let one = found.next().expect("the file is archived under its digest");
    assert!(found.next().is_none());
    one
}

pub fn period(month: &str) -> Period {
    month.parse().unwrap()
}

pub fn opening(month: &str, kind: CycleKind) -> Opening {
    let month = period(month);
    Opening {
        period: month,
        kind,
        law_known_at: None,
        value_date: Date::new(month.year(), month.month(), 3).unwrap(),
        by: MAKER.to_owned(),
    }
}

pub fn deciding(decision: Decision) -> Deciding {
    Deciding { decision, valid_to: None, reason: "seen the papers of Nguyen Van An".to_owned() }
}

/// An officer's key, made of the name.
pub fn key(officer: &str) -> OfficerKey {
    OfficerKey::from_seed(Digest::of(officer.as_bytes()).as_bytes())
}

fn at(day: &str) -> jiff::civil::DateTime {
    day.parse::<Date>().unwrap().at(9, 0, 0, 0)
}

async fn open(
    dir: &Path,
    clock: &Arc<FixedClock>,
    fault: &Arc<Mutex<Option<Fault>>>,
    sent: &Arc<Mutex<BTreeMap<String, u32>>>,
) -> Engine {
    let text = std::fs::read_to_string(dir.join(office::CONFIG)).unwrap();
    let config = Config::parse(&text, dir).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let channels = config
        .providers
        .iter()
        .map(|provider| {
            let quota = provider.on(clock.today()).quota;
            let inner = office::channel_of(&provider.way, quota, &disk);
            let channel = FaultyChannel { inner, fault: fault.clone(), sent: sent.clone() };
            (provider.name.clone(), Arc::new(channel) as Arc<dyn Channel>)
        })
        .collect();
    let around = Surroundings {
        disk: Arc::new(RealDisk),
        clock: clock.clone(),
        progress: Arc::new(Silent),
        channels: Some(channels),
    };
    office::open(dir, around).await.unwrap()
}

fn config(url: &str) -> String {
    let mut text = format!(
        r#"[office]
name = "Phong Noi vu phuong Thu"
prefix = "TEST"
authority = 1
currency = "VND"
utc_offset = "+07:00"
environment = "test"
database = "{url}"
approvals = 2
history_from = "2026-10"

[debtor]
name = "Kho bac Nha nuoc Thu"
id = "1100400"
account = "VN67BHXH0000000011004000001"
bin = "970436"
"#
    );
    for (name, channel, format, answers, serves) in PARTNERS {
        text.push_str(&format!(
            r#"
[[provider]]
name = "{name}"
channel = "{channel}"
format = "{format}"
answers = [{answers}]
serves = ["{serves}"]
count_max = 1000
total_max_minor = 900000000000
amount_max_minor = 400000000
answer_days = 12
taken_kept_days = 30
inbox = "{name}/inbox"
outbox = "{name}/outbox"
taken = "{name}/taken"
"#
        ));
    }
    text
}

/// A database that no other test has, on the server of `url`.
pub async fn new_database(url: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_nanos());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("chitra_{}_{nanos}_{count}", std::process::id());
    outside_transaction(url, format!("create database {name}")).await;
    let (server, _) = url.rsplit_once('/').expect("the server's URL names a database");
    format!("{server}/{name}")
}

/// Runs a statement that PostgreSQL does not take inside a transaction.
pub async fn outside_transaction(url: &str, sql: String) {
    let mut server = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
}

// --- People ---------------------------------------------------------------------------------------

const ROSTER: [&str; 26] = [
    "enrolment_id",
    "national_id",
    "full_name",
    "date_of_birth",
    "sex",
    "commune_code",
    "programme",
    "benefit",
    "decision_no",
    "decision_date",
    "entitled_from",
    "entitled_to",
    "paid_through",
    "changed_from",
    "status",
    "payee_name",
    "payee_national_id",
    "payee_relation",
    "channel",
    "provider",
    "account",
    "account_name",
    "home_address",
    "fact.monthly_pension",
    "fact.household_poverty",
    "fact.disability_level",
];

const REGISTER: [&str; 10] = [
    "national_id",
    "previous_national_id",
    "full_name",
    "date_of_birth",
    "sex",
    "vital_status",
    "date_of_death",
    "commune_code",
    "account",
    "provider",
];

/// One line of a roster, and what the register says of the same person.
struct Person {
    roster: BTreeMap<String, String>,
    register: BTreeMap<String, String>,
}

impl Person {
    /// `enrolment | national id | name | birth | sex | programme/benefit | facts | channel provider account | more…`
    /// where more is `column=value` for the roster and `register.column=value` for the register.
    fn parse(line: &str) -> Person {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [enrolment, id, name, birth, sex, benefit, facts, way, more @ ..] = parts.as_slice()
        else {
            panic!("a person is eight parts or more: {line}")
        };
        let (programme, benefit) = benefit.split_once('/').expect("programme/benefit");
        let mut way = way.split(' ');
        let mut roster: BTreeMap<String, String> = [
            ("enrolment_id", *enrolment),
            ("national_id", id),
            ("full_name", name),
            ("date_of_birth", birth),
            ("sex", sex),
            ("commune_code", "00004"),
            ("programme", programme),
            ("benefit", benefit),
            ("decision_no", "12/QD-UBND"),
            ("decision_date", "2025-08-05"),
            ("status", "active"),
            ("channel", way.next().unwrap_or("")),
            ("provider", way.next().unwrap_or("")),
            ("account", way.next().unwrap_or("")),
        ]
        .into_iter()
        .map(|(column, value)| (column.to_owned(), value.to_owned()))
        .collect();
        for fact in facts.split(' ').filter(|fact| !fact.is_empty()) {
            let (fact, value) = fact.split_once('=').expect("fact=value");
            roster.insert(format!("fact.{fact}"), value.to_owned());
        }
        let mut register: BTreeMap<String, String> = REGISTER[..5]
            .iter()
            .filter(|column| **column != "previous_national_id")
            .map(|column| ((*column).to_owned(), roster[*column].clone()))
            .collect();
        register.insert("vital_status".to_owned(), "alive".to_owned());
        for more in more {
            let (column, value) = more.split_once('=').expect("column=value");
            match column.strip_prefix("register.") {
                Some(column) => register.insert(column.to_owned(), value.to_owned()),
                None => roster.insert(column.to_owned(), value.to_owned()),
            };
        }
        Person { roster, register }
    }
}

/// A roster of these people as a file, for tests that spoil it.
pub fn roster_of(people: &[&str]) -> String {
    let people: Vec<Person> = people.iter().map(|line| Person::parse(line)).collect();
    roster_csv(&people)
}

/// What the register says of these people, as a file.
pub fn register_of(people: &[&str]) -> String {
    let people: Vec<Person> = people.iter().map(|line| Person::parse(line)).collect();
    register_csv(&people)
}

fn roster_csv(people: &[Person]) -> String {
    csv_of(&ROSTER, people.iter().map(|person| &person.roster))
}

/// Everyone once, as the register has them.
fn register_csv(people: &[Person]) -> String {
    let mut seen = BTreeSet::new();
    let once = people.iter().map(|person| &person.register);
    csv_of(&REGISTER, once.filter(|row| seen.insert(row["national_id"].clone())))
}

fn csv_of<'a>(
    columns: &[&str],
    rows: impl Iterator<Item = &'a BTreeMap<String, String>>,
) -> String {
    let mut text = columns.join(",") + "\n";
    for row in rows {
        for column in row.keys() {
            assert!(columns.contains(&column.as_str()), "no file has the column {column}");
        }
        let fields: Vec<&str> =
            columns.iter().map(|column| row.get(*column).map_or("", String::as_str)).collect();
        text.push_str(&(fields.join(",") + "\n"));
    }
    text
}
