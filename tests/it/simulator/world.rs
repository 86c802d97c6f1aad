//! The world of one run: some people, an office on a machine that goes wrong, and the sandbox's
//! providers, whose books are the judge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chitra::channels::Channel;
use chitra::channels::directory::DirectoryChannel;
use chitra::channels::sandbox::{
    BehaviourMix, FileMix, ProviderFile, ProviderKind, RecallMix, Sandbox, SandboxConfig,
    SandboxError, SandboxProvider, Script,
};
use chitra::disk::Disk;
use chitra::domain::digest::Digest;
use chitra::domain::period::Period;
use chitra::domain::signature::OfficerKey;
use chitra::engine::clock::FixedClock;
use chitra::engine::config::Config;
use chitra::engine::office::{self, Surroundings};
use chitra::engine::progress::Silent;
use chitra::engine::{Engine, EngineError};
use chitra::store::sqlite::Sqlite;
use chitra::store::{Database, Store};
use chitra::synth::rows::{REGISTER_COLUMNS, ROSTER_COLUMNS, RosterRow, fill_record};
use chitra::synth::{Rates, SynthConfig, SynthRow, generate};
use jiff::civil::{Date, date};

use super::courts::ATTACHABLE;
use super::database::{MachineDatabase, OnCommits, forget_what_was_not_synced};
use super::line::{MachineChannel, OnRecalls, OnTimeOut};
use super::machine::{Machine, Plan};
use super::operator::{Agreed, KEY_HOURS, OnRequests, Operator, OperatorLine};

/// How much is lived through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Shape {
    /// Decides who the people are, and what the officers do.
    pub population: u64,
    pub people: u64,
    /// Months one after another, what was not paid of one carried to the next.
    pub months: usize,
    /// Whether officers take back, move, stop, release and decide on the way.
    pub officers_act: bool,
}

/// The office's, before every reference.
pub const PREFIX: &str = "SIMU";

/// The partners: name, what the sandbox plays, channel, format, answers, whom they serve.
const PARTNERS: [(&str, ProviderKind, &str, &str, &str, &str); 5] = [
    (
        "demobank",
        ProviderKind::Bank,
        "bank",
        "iso20022-pain001-09",
        r#""iso20022-pain002", "iso20022-camt054", "iso20022-camt029""#,
        "*",
    ),
    (
        "sheetbank",
        ProviderKind::BankSheet,
        "bank",
        "vn-bank-bulk-csv",
        r#""vn-bank-bulk-csv-results", "iso20022-camt029""#,
        "970405",
    ),
    ("wallet", ProviderKind::Wallet, "ewallet", "ewallet-csv", r#""ewallet-csv-results""#, "*"),
    (
        "mobile",
        ProviderKind::MobileMoney,
        "mobile_money",
        "gsma-mobile-money-batch",
        r#""gsma-mobile-money-completions", "gsma-mobile-money-rejections""#,
        "*",
    ),
    (
        "paypoint",
        ProviderKind::PayPoint,
        "cash",
        "pso-paypoint-csv",
        r#""pso-paypoint-report""#,
        "*",
    ),
];

/// The partner that takes one payment a request, and the word of the roster's `provider` column that it serves.
pub const OPERATOR: &str = "operator";
const OF_OPERATOR: &str = "VIETTELMONEY";

/// Much goes wrong at these providers, so that fifty people are enough.
const MIX: BehaviourMix = BehaviourMix {
    reject_closed_account: 120,
    reject_name: 100,
    return_closed_account: 80,
    return_deceased: 40,
    late: 80,
    lose_answer: 60,
    answer_twice: 60,
    lost_found_after_days: None,
};

/// Who can be asked to give payments back, and in which form.
pub const ASKED_BACK: [(&str, &str); 2] =
    [("demobank", "iso20022-camt055-09"), ("sheetbank", "iso20022-camt056-08")];

/// What they say when they are asked.
const RECALLS: RecallMix = RecallMix {
    agree_later: 200,
    agree_twice: 100,
    refuse: 150,
    pend_then_agree: 150,
    pend_then_refuse: 100,
    ignore: 100,
};

/// Whole files that they refuse, and answers of which the total is wrong.
const FILES: FileMix = FileMix { refuse: 80, wrong_total: 80 };

/// What a careless copy of the office does otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manners {
    pub on_time_out: OnTimeOut,
    /// Whether files in the providers' inboxes, and their names, are synced.
    pub syncs_inboxes: bool,
    pub on_recalls: OnRecalls,
    pub on_requests: OnRequests,
    pub on_commits: OnCommits,
}

pub const CAREFUL: Manners = Manners {
    on_time_out: OnTimeOut::Tell,
    syncs_inboxes: true,
    on_recalls: OnRecalls::AsBuilt,
    on_requests: OnRequests::AsBuilt,
    on_commits: OnCommits::Keep,
};

pub struct World {
    folder: tempfile::TempDir,
    pub machine: Machine,
    pub clock: Arc<FixedClock>,
    pub sandbox: Sandbox,
    pub operator: Operator,
    config: String,
    seed: u64,
    manners: Manners,
}

impl World {
    /// Makes the people, the office and the providers; nothing has happened yet. `shape` decides
    /// the people and what officers do, `seed` everything else.
    pub fn new(seed: u64, shape: Shape, plan: Plan, manners: Manners) -> World {
        // In memory where there is such a folder: SQLite's own durability is measured elsewhere, here
        // it is what keeps its promise.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let dir = folder.path();
        let inboxes = PARTNERS.iter().map(|one| dir.join("sandbox").join(one.0).join("inbox"));
        let unsynced = match manners.syncs_inboxes {
            true => Vec::new(),
            false => inboxes.collect(),
        };
        let machine = Machine::new(seed, plan, unsynced);
        let mut above: Vec<&Path> = dir.ancestors().collect();
        above.reverse();
        let inside = ["archive", "log", "sandbox"].map(|name| dir.join(name));
        let folders = above.into_iter().skip(1).chain(inside.iter().map(PathBuf::as_path));
        for folder in folders {
            machine.sim.create_dir(folder).unwrap();
            machine.sim.sync_dir(folder.parent().unwrap()).unwrap();
        }
        let agreed = Agreed::of(shape.population);
        let config = config(agreed);
        office::create(dir, &config, secret("office")).unwrap();
        write_people(&dir.join("input"), shape);
        let sandbox = SandboxConfig {
            seed,
            providers: PARTNERS
                .iter()
                .map(|one| SandboxProvider { name: one.0.to_owned(), kind: one.1 })
                .collect(),
            mix: MIX,
            script: Script { recalls: RECALLS, files: FILES, ..Script::default() },
        };
        let sandbox =
            Sandbox::create(Arc::new(machine.sim.clone()), &dir.join("sandbox"), &sandbox).unwrap();
        let first = date(2026, 10, 20);
        let clock = Arc::new(FixedClock::new(first.at(8, 0, 0, 0)));
        let operator = Operator::new(seed, agreed, first);
        World { folder, machine, clock, sandbox, operator, config, seed, manners }
    }

    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// A day on which something is decided or signed. Its moment stands in files and in what is owed, so that it is
    /// right.
    pub fn set_day(&self, day: Date) {
        self.clock.set(day.at(8, 0, 0, 0));
    }

    /// A day on which files leave and are answered, with nobody who enters anything when `only_answers`.
    pub fn set_day_of_answers(&self, day: Date, only_answers: bool) {
        self.clock.set(self.machine.morning(day, only_answers));
    }

    /// The database itself, without faults.
    pub async fn database(&self) -> Result<Arc<dyn Database>, EngineError> {
        let path = self.dir().join("office.db");
        if self.forgets() && self.machine.lost_its_power() {
            forget_what_was_not_synced(&path);
        }
        Ok(Arc::new(
            Sqlite::open(path.to_str().expect("a temporary folder has a plain name")).await?,
        ))
    }

    fn forgets(&self) -> bool {
        self.manners.on_commits == OnCommits::ForgetInAPowerCut
    }

    /// Opens the office on the machine, over a database that is open.
    pub async fn office(&self, database: Arc<dyn Database>) -> Result<Engine, EngineError> {
        let faulty = MachineDatabase {
            machine: self.machine.clone(),
            inner: database,
            forgets: self.forgets().then(|| self.dir().join("office.db")),
        };
        let store = Store::over(Arc::new(faulty)).await?;
        let config = Config::parse(&self.config, self.dir())?;
        let checkpoint = self.dir().join("log/checkpoint");
        let line = OperatorLine {
            machine: self.machine.clone(),
            operator: self.operator.clone(),
            checkpoint: checkpoint.clone(),
            on_requests: self.manners.on_requests,
        };
        let mut channels: BTreeMap<String, Arc<dyn Channel>> = PARTNERS
            .iter()
            .map(|one| {
                let folders = self.sandbox.folders(one.0);
                let inner = DirectoryChannel::new(
                    self.machine.disk(),
                    folders.inbox,
                    folders.outbox,
                    1 << 20,
                )
                .with_taken_folder(folders.taken);
                let channel = MachineChannel {
                    machine: self.machine.clone(),
                    inner,
                    checkpoint: checkpoint.clone(),
                    on_time_out: self.manners.on_time_out,
                    on_recalls: self.manners.on_recalls,
                };
                (one.0.to_owned(), Arc::new(channel) as Arc<dyn Channel>)
            })
            .collect();
        channels.insert(OPERATOR.to_owned(), Arc::new(line));
        let around = Surroundings {
            disk: self.machine.disk(),
            clock: self.clock.clone(),
            progress: Arc::new(Silent),
            channels: Some(channels),
        };
        office::open_with(self.dir(), config, store, around).await
    }

    /// Whether a file is refused because the script says so, and for nothing that stands in it.
    pub fn has_refused_as_planned(&self, file: &ProviderFile) -> bool {
        FILES.refuses(self.seed, &file.provider, &file.name)
    }

    /// What the partners' books say that payees have: reference and amount.
    ///
    /// # Errors
    /// When the sandbox's books cannot be read.
    pub fn kept_credits(&self) -> Result<Vec<(String, i64)>, SandboxError> {
        let credits = self.sandbox.credits()?;
        let kept = credits.into_iter().filter(|credit| credit.returned_on.is_none());
        let kept = kept.map(|credit| (credit.end_to_end_id, credit.amount_minor));
        Ok(kept.chain(self.operator.credits()).collect())
    }

    /// The next day on which a partner says or does something.
    ///
    /// # Errors
    /// When the sandbox's books cannot be read.
    pub fn next_due(&self) -> Result<Option<Date>, SandboxError> {
        Ok(self.sandbox.next_due()?.into_iter().chain(self.operator.next_due()).min())
    }

    /// The bytes of a file that a provider has, taken or not.
    pub fn at_provider(&self, provider: &str, name: &str) -> Option<Vec<u8>> {
        let folders = self.sandbox.folders(provider);
        let taken = self.machine.sim.bytes(folders.taken.join(name));
        taken.or_else(|| self.machine.sim.bytes(folders.inbox.join(name)))
    }
}

pub fn officer_key(name: &str) -> OfficerKey {
    OfficerKey::from_seed(&secret(name))
}

/// The months of a run, from November 2026 on.
pub fn period(month: usize) -> Period {
    let first = Period::new(2026, 11).expect("November exists");
    first.plus(i32::try_from(month).expect("a few months"))
}

fn secret(of: &str) -> [u8; 32] {
    *Digest::of(format!("simulated {of}").as_bytes()).as_bytes()
}

/// Who leaves the roster in some month: one of so many rows, others each month.
const ONE_IN_LEAVES: usize = 23;

/// One register, and a roster for each month: the same rows, less those who have left.
fn write_people(folder: &Path, shape: Shape) {
    std::fs::create_dir_all(folder).unwrap();
    let roster =
        |month| csv::Writer::from_path(folder.join(format!("roster-{month}.csv"))).unwrap();
    let mut rosters: Vec<_> = (0..shape.months).map(roster).collect();
    let mut register = csv::Writer::from_path(folder.join("identity.csv")).unwrap();
    for roster in &mut rosters {
        roster.write_record(ROSTER_COLUMNS).unwrap();
    }
    register.write_record(REGISTER_COLUMNS).unwrap();
    let mut record = csv::ByteRecord::new();
    let config = SynthConfig {
        people: shape.people,
        seed: shape.population,
        period: period(0),
        rates: Rates::default(),
    };
    let mut rows = 0;
    generate(&config, &mut |row| match row {
        SynthRow::Roster(row) => {
            rows += 1;
            match rows % ONE_IN_BY_PHONE {
                0 => fill_record(&mut record, &by_phone(row, rows).fields()),
                _ => fill_record(&mut record, &row.fields()),
            }
            for (month, roster) in rosters.iter_mut().enumerate() {
                if month == 0 || (rows + month * 5) % ONE_IN_LEAVES != 0 {
                    roster.write_byte_record(&record).unwrap();
                }
            }
        }
        SynthRow::Register(row) => {
            fill_record(&mut record, &row.fields());
            register.write_byte_record(&record).unwrap();
        }
        SynthRow::Truth(_) => {}
    });
    for roster in &mut rosters {
        roster.flush().unwrap();
    }
    register.flush().unwrap();
}

/// So many rows are paid to a mobile number, besides those that are anyway: few are.
const ONE_IN_BY_PHONE: usize = 9;

/// The same row, paid to a mobile number that no other has.
fn by_phone(row: &RosterRow, number: usize) -> RosterRow {
    RosterRow {
        channel: "mobile_money",
        provider: OF_OPERATOR,
        account: format!("+8499{number:07}"),
        ..row.clone()
    }
}

fn config(agreed: Agreed) -> String {
    let mut text = format!(
        r#"
[office]
name = "Phong Noi vu Mo phong"
prefix = "{PREFIX}"
authority = 1
currency = "VND"
utc_offset = "+07:00"
environment = "test"
database = "sqlite:office.db"
approvals = 2
history_from = "2026-11"

[debtor]
name = "Kho bac Nha nuoc Mo phong"
id = "1100400"
account = "VN67BHXH0000000011004000001"
bin = "970436"

[court_orders]
attachable = ["{ATTACHABLE}"]
"#,
    );
    for (name, _, channel, format, answers, serves) in PARTNERS {
        // The sandbox's bank debits our account in the moment in which it credits the payee, and says
        // nothing of the credit alone.
        let debit = if name == "demobank" { "debit_is_proof = true\n" } else { "" };
        let asked = ASKED_BACK.iter().find(|one| one.0 == name).map_or(String::new(), |one| {
            format!("recalls = {{ format = \"{}\", answer_days = 10 }}\n", one.1)
        });
        text.push_str(&format!(
            r#"
[[provider]]
name = "{name}"
{debit}{asked}channel = "{channel}"
format = "{format}"
answers = [{answers}]
serves = ["{serves}"]
count_max = 1000
total_max_minor = 900000000000000
amount_max_minor = 400000000
answer_days = 25
taken_kept_days = 90
inbox = "sandbox/{name}/inbox"
outbox = "sandbox/{name}/outbox"
taken = "sandbox/{name}/taken"
"#
        ));
    }
    let keys = match agreed.knows_keys {
        true => {
            format!("idempotency_header = \"X-Correlation-ID\"\nidempotency_hours = {KEY_HOURS}\n")
        }
        false => String::new(),
    };
    text.push_str(&format!(
        r#"
[[provider]]
name = "{OPERATOR}"
channel = "mobile_money"
format = "gsma-mobile-money-transaction"
answers = ["gsma-mobile-money-transaction-results"]
serves = ["{OF_OPERATOR}"]
count_max = 1000
total_max_minor = 900000000000000
amount_max_minor = 400000000
answer_days = 25

[provider.http]
kind = "payments"
base_url = "http://127.0.0.1:1"
send_path = "/transactions/type/disbursement"
status_path = "/transactions/of/{{reference}}"
not_found_is_proof = {}
{keys}"#,
        agreed.not_found_is_proof,
    ));
    text
}
