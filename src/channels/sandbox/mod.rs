//! The sandbox: seeded banks, wallets, mobile-money operators and pay-point organisations that work
//! over drop folders, with books of their own. The books are the judge: what they credited is
//! compared with what ours say.
//!
//! Reads: the payout files and the requests to give payments back in each provider's `inbox`, with readers
//! that share nothing with the engine's writers.
//! Gives: answers in `outbox`, what was taken in `taken`, and the books in `ledger`.
//!
//! ```text
//! <root>/sandbox.json                 the configuration, written once
//! <root>/today.json                   the latest day that has begun
//! <root>/<provider>/inbox/<name>      a payout file, put there by a channel
//! <root>/<provider>/taken/<name>      the same, once it is booked or refused
//! <root>/<provider>/ledger/<stem>.<id>.jsonl              what was done with it
//! <root>/<provider>/ledger/<stem>.<id>.recalls            what was decided about a request
//! <root>/<provider>/ledger/<stem>.<id>.answered-<day>     that the answers of a day are out
//! <root>/<provider>/ledger/requests.log                   payments that came one by one over HTTP
//! <root>/<provider>/outbox/<stem>.<id>.<word>-<day>….xml  an answer
//! ```
//!
//! The order for a payout file is: ledger written and synced, file moved, answers written, answers
//! marked as written. Every name and every byte follows from what came before, so that a tick that
//! died is repeated, and what it had done is found and left.
//!
//! It is like a careless bank: a file under another name is a new file, and is paid again.

mod bank_messages;
mod behaviour;
mod script;
mod desk;
mod elements;
mod error;
mod ledger;
mod payout_file;
mod recalls;
mod result_files;
mod requests;
mod wire;
pub mod listening;
pub mod operator;

pub use behaviour::{Behaviour, BehaviourMix};
pub use error::SandboxError;
pub use recalls::{RecallBehaviour, RecallMix};
pub use script::{FileMix, RequestMix, Script};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use self::behaviour::Draw;
use self::desk::{Desk, marker_name};
use self::ledger::{Day, LedgerEntry, LedgerFile, LedgerHead};
use self::recalls::RECALLS_SUFFIX;
use crate::disk::Disk;
use crate::disk::file_name::FileName;
use crate::disk::publish::{create_dirs, publish, replace, sweep_parts};
use crate::domain::digest::Digest;

/// What a sandbox is made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxConfig {
    /// From which every account's behaviour is drawn.
    pub seed: u64,
    pub providers: Vec<SandboxProvider>,
    pub mix: BehaviourMix,
    /// What goes wrong around the payments.
    #[serde(default, skip_serializing_if = "Script::is_empty")]
    pub script: Script,
}

/// One provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxProvider {
    /// Also the name of its folder.
    pub name: String,
    pub kind: ProviderKind,
}

/// What a provider reads, and in what it answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// pain.001.001.09 in; pain.002.001.10 on the day, camt.054.001.08 from the next day on.
    Bank,
    /// A bank's bulk sheet in CSV; a result sheet on the day, returns later.
    BankSheet,
    /// An e-wallet's list in CSV; results on the next day, refunds later.
    Wallet,
    /// A batch of the GSMA Mobile Money API; completions and rejections on the next day.
    MobileMoney,
    /// A cash list by pay point in CSV; the report of paid and unpaid after ten days.
    PayPoint,
}

impl ProviderKind {
    pub const ALL: [ProviderKind; 5] = [
        ProviderKind::Bank,
        ProviderKind::BankSheet,
        ProviderKind::Wallet,
        ProviderKind::MobileMoney,
        ProviderKind::PayPoint,
    ];

    /// How many days after receipt the result of a payment is said.
    fn answer_days(self) -> i64 {
        match self {
            ProviderKind::BankSheet => 0,
            ProviderKind::Bank | ProviderKind::Wallet | ProviderKind::MobileMoney => 1,
            ProviderKind::PayPoint => 10,
        }
    }

    /// How many days after receipt a refusal is said. A bank knows its accounts at once.
    fn rejection_days(self) -> i64 {
        match self {
            ProviderKind::Bank => 0,
            other => other.answer_days(),
        }
    }

    /// Whether its answers have a word for money that came back.
    fn returns(self) -> bool {
        !matches!(self, ProviderKind::MobileMoney | ProviderKind::PayPoint)
    }

    /// Whether its answers have a word for what is not decided yet.
    fn says_processing(self) -> bool {
        matches!(self, ProviderKind::BankSheet | ProviderKind::Wallet)
    }
}

/// A provider's folders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderFolders {
    /// Where payout files are put.
    pub inbox: PathBuf,
    /// Where its answers lie.
    pub outbox: PathBuf,
    /// Where it moves what it has taken.
    pub taken: PathBuf,
    /// Its books. Nobody else reads them but through [`Sandbox`].
    pub ledger: PathBuf,
}

impl ProviderFolders {
    /// The folders of a provider in the sandbox at `root`.
    pub fn of(root: &Path, provider: &str) -> ProviderFolders {
        let folder = root.join(provider);
        ProviderFolders {
            inbox: folder.join("inbox"),
            outbox: folder.join("outbox"),
            taken: folder.join("taken"),
            ledger: folder.join("ledger"),
        }
    }
}

/// What one tick did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ticked {
    /// Payout files that were booked.
    pub booked: Vec<ProviderFile>,
    /// Payout files that were refused as a whole.
    pub refused: Vec<ProviderFile>,
    /// Payout files that had been taken before under the same name with the same bytes.
    pub known: Vec<ProviderFile>,
    /// What could not be taken: a name that is none, or a file that changed while it was read.
    pub left: Vec<ProviderFile>,
    /// Answers that were put into the outbox.
    pub answered: Vec<ProviderFile>,
}

/// A file of a provider, by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProviderFile {
    pub provider: String,
    pub name: String,
}

/// A payment that was really credited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credit {
    pub provider: String,
    /// The name of the payout file that ordered it.
    pub file: String,
    pub end_to_end_id: String,
    /// The account, wallet or number; for cash the payee's identifier, or pay point and name.
    pub account: String,
    pub amount_minor: i64,
    pub credited_on: Date,
    /// None: the payee still has it.
    pub returned_on: Option<Date>,
}

/// The sandbox's totals, for comparison with the books of the office.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// In the order of the configuration.
    pub providers: Vec<ProviderTotals>,
    /// End-to-end ids that were credited more than once anywhere, in order.
    pub credited_again: Vec<CreditedAgain>,
    /// Files whose content came under more than one name, in order.
    pub content_again: Vec<ContentAgain>,
    /// Files that were refused as a whole, in order.
    pub refused_files: Vec<RefusedFile>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderTotals {
    pub provider: String,
    /// Everything that was credited, also what came back later.
    pub credited: Tally,
    pub returned: Tally,
    /// Payments that were refused, in files that were taken.
    pub rejected: Tally,
}

/// A count and a sum in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub count: u64,
    pub sum_minor: i128,
}

impl Tally {
    fn add(&mut self, amount_minor: i64) {
        self.count += 1;
        self.sum_minor += i128::from(amount_minor);
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditedAgain {
    pub end_to_end_id: String,
    pub times: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentAgain {
    pub digest: String,
    pub files: Vec<ProviderFile>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RefusedFile {
    pub provider: String,
    pub name: String,
    /// The word of the rule that was broken, such as `sum_must_agree`.
    pub rule: String,
}

/// A sandbox on a disk. One process at a time may tick it.
pub struct Sandbox {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    config: SandboxConfig,
}

const CONFIG: &str = "sandbox.json";
const TODAY: &str = "today.json";
const FILES_MAX: usize = 1_000_000;
const LEDGER_SUFFIX: &str = ".jsonl";

#[derive(Serialize, Deserialize)]
struct Today {
    today: Day,
}

impl Sandbox {
    /// Makes the folders of a new sandbox below an existing folder's `root`. Repeated with the same
    /// configuration it finds what is there; another configuration is refused.
    pub fn create(
        disk: Arc<dyn Disk>,
        root: &Path,
        config: &SandboxConfig,
    ) -> Result<Sandbox, SandboxError> {
        let mut names = BTreeSet::new();
        for provider in &config.providers {
            FileName::parse(&provider.name)?;
            if !names.insert(provider.name.to_lowercase()) {
                return Err(SandboxError::ProviderNamesMustDiffer(provider.name.clone()));
            }
        }
        let sum = config.mix.sum().max(config.script.sum());
        if sum > 1000 {
            return Err(SandboxError::MixMustFitAThousand(sum));
        }
        if let (Some(parent), Some(name)) = (root.parent(), root.file_name()) {
            create_dirs(&*disk, parent, Path::new(name))?;
        }
        for provider in &config.providers {
            for folder in ["inbox", "outbox", "taken", "ledger"] {
                create_dirs(&*disk, root, &Path::new(&provider.name).join(folder))?;
            }
        }
        let mut bytes = serde_json::to_vec_pretty(config).expect("a configuration is plain JSON");
        bytes.push(b'\n');
        let name = plain_name(CONFIG);
        publish(&*disk, root, &name, &Digest::of(&bytes), &mut bytes.as_slice())?;
        Ok(Sandbox { disk, root: root.to_path_buf(), config: config.clone() })
    }

    /// Opens a sandbox that was created.
    pub fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Sandbox, SandboxError> {
        let path = root.join(CONFIG);
        let bytes = match read_small(&*disk, &path)? {
            Some(bytes) => bytes,
            None => return Err(SandboxError::SandboxMustBeThere(root.to_path_buf())),
        };
        let config = serde_json::from_slice(&bytes).map_err(|_| damaged(&path))?;
        Ok(Sandbox { disk, root: root.to_path_buf(), config })
    }

    pub fn config(&self) -> &SandboxConfig {
        &self.config
    }

    pub fn folders(&self, provider: &str) -> ProviderFolders {
        ProviderFolders::of(&self.root, provider)
    }

    /// What happens to payments to an account of a provider.
    pub fn behaviour(&self, provider: &str, account: &str) -> Behaviour {
        Draw::of(self.config.seed, &self.config.mix, provider, account).behaviour
    }

    /// What becomes of requests to give back payments to an account of a provider.
    pub fn recall_behaviour(&self, provider: &str, account: &str) -> RecallBehaviour {
        recalls::behaviour(&self.config, provider, account)
    }

    /// Lets a day begin or go on: takes every file from each inbox, books it once, and puts every
    /// answer that is due by `today` into the outbox. After an error it is repeated, on the same
    /// day or a later one; nothing is done twice.
    pub fn tick(&self, today: Date) -> Result<Ticked, SandboxError> {
        self.begin(today)?;
        let mut ticked = Ticked::default();
        for provider in &self.config.providers {
            let desk = Desk {
                disk: &*self.disk,
                config: &self.config,
                provider,
                folders: self.folders(&provider.name),
            };
            desk.sweep()?;
            desk.take_in(today, &mut ticked)?;
            desk.answer(today, &mut ticked)?;
        }
        Ok(ticked)
    }

    /// The latest day that has begun.
    pub fn today(&self) -> Result<Option<Date>, SandboxError> {
        let path = self.root.join(TODAY);
        let Some(bytes) = read_small(&*self.disk, &path)? else { return Ok(None) };
        let today: Today = serde_json::from_slice(&bytes).map_err(|_| damaged(&path))?;
        Ok(Some(today.today.0))
    }

    /// The next day on which something is to be said that has not been said yet. A day that has
    /// begun is named as long as its tick was not finished.
    pub fn next_due(&self) -> Result<Option<Date>, SandboxError> {
        let mut next: Option<Date> = None;
        for provider in &self.config.providers {
            let books = Books::list(&*self.disk, &self.folders(&provider.name).ledger)?;
            let mut all = Vec::new();
            for name in &books.ledgers {
                let LedgerHead { file, id, due, .. } = books.open(name)?.head;
                all.push((file, id, due));
            }
            for name in &books.recalls {
                let head = recalls::open(&books, name)?.head;
                all.push((head.file, head.id, head.due));
            }
            for (file, id, due) in &all {
                let is_left = |day: &&Day| !books.markers.contains(&marker_name(file, id, day.0));
                let first = due.iter().filter(is_left).map(|day| day.0).min();
                next = next.into_iter().chain(first).min();
            }
        }
        Ok(next)
    }

    /// The judge: every payment that was credited by the latest day, in the order of providers,
    /// ledger files and payments.
    pub fn credits(&self) -> Result<Vec<Credit>, SandboxError> {
        let mut credits = Vec::new();
        self.each_entry(&mut |head, entry, happened| {
            if let Some(credited_on) = happened.credited_on {
                credits.push(Credit {
                    provider: head.provider.clone(),
                    file: head.file.clone(),
                    end_to_end_id: entry.e2e,
                    account: entry.account,
                    amount_minor: entry.amount_minor,
                    credited_on,
                    returned_on: happened.returned_on,
                });
            }
        })?;
        Ok(credits)
    }

    /// Totals by the latest day, and what a careful office would never have caused.
    pub fn totals(&self) -> Result<Totals, SandboxError> {
        let blank = |provider: &SandboxProvider| ProviderTotals {
            provider: provider.name.clone(),
            credited: Tally::default(),
            returned: Tally::default(),
            rejected: Tally::default(),
        };
        let mut totals: BTreeMap<String, ProviderTotals> =
            self.config.providers.iter().map(|p| (p.name.clone(), blank(p))).collect();
        let mut times: HashMap<String, u64> = HashMap::new();
        self.each_entry(&mut |head, entry, happened| {
            let Some(tallies) = totals.get_mut(&head.provider) else { return };
            match happened.credited_on {
                Some(_) => {
                    tallies.credited.add(entry.amount_minor);
                    *times.entry(entry.e2e).or_default() += 1;
                }
                None if entry.credited.is_none() => tallies.rejected.add(entry.amount_minor),
                None => {}
            }
            if happened.returned_on.is_some() {
                tallies.returned.add(entry.amount_minor);
            }
        })?;
        let mut credited_again: Vec<CreditedAgain> = times
            .into_iter()
            .filter(|(_, times)| *times > 1)
            .map(|(end_to_end_id, times)| CreditedAgain { end_to_end_id, times })
            .collect();
        credited_again.sort_by(|left, right| left.end_to_end_id.cmp(&right.end_to_end_id));
        let mut by_content: BTreeMap<String, Vec<ProviderFile>> = BTreeMap::new();
        let mut refused_files = Vec::new();
        self.each_file(&mut |file, digest, refusal| {
            if !refusal.is_empty() {
                refused_files.push(RefusedFile {
                    provider: file.provider.clone(),
                    name: file.name.clone(),
                    rule: refusal,
                });
            }
            by_content.entry(digest).or_default().push(file);
        })?;
        refused_files.sort();
        let content_again = by_content
            .into_iter()
            .filter(|(_, files)| files.len() > 1)
            .map(|(digest, files)| ContentAgain { digest, files })
            .collect();
        let providers = self
            .config
            .providers
            .iter()
            .map(|provider| totals.remove(&provider.name).unwrap_or_else(|| blank(provider)))
            .collect();
        Ok(Totals { providers, credited_again, content_again, refused_files })
    }

    fn begin(&self, today: Date) -> Result<(), SandboxError> {
        sweep_parts(&*self.disk, &self.root).map_err(|error| failed(&self.root, error))?;
        match self.today()? {
            Some(latest) if latest > today => Err(SandboxError::DayMustNotGoBack { today, latest }),
            Some(latest) if latest == today => Ok(()),
            _ => {
                let today = Today { today: Day(today) };
                let mut bytes = serde_json::to_vec(&today).expect("a day is plain JSON");
                bytes.push(b'\n');
                replace(&*self.disk, &self.root, &plain_name(TODAY), &bytes)?;
                Ok(())
            }
        }
    }

    /// Every file that came, also requests: its digest, and why it was refused.
    fn each_file(
        &self,
        look: &mut dyn FnMut(ProviderFile, String, String),
    ) -> Result<(), SandboxError> {
        for provider in &self.config.providers {
            let books = Books::list(&*self.disk, &self.folders(&provider.name).ledger)?;
            let of = |name| ProviderFile { provider: provider.name.clone(), name };
            for name in &books.ledgers {
                let head = books.open(name)?.head;
                look(of(head.file), head.digest, head.refusal);
            }
            for name in &books.recalls {
                let head = recalls::open(&books, name)?.head;
                look(of(head.file), head.digest, head.refusal);
            }
        }
        Ok(())
    }

    fn each_entry(
        &self,
        look: &mut dyn FnMut(&LedgerHead, LedgerEntry, Happened),
    ) -> Result<(), SandboxError> {
        let Some(today) = self.today()? else { return Ok(()) };
        let by_today = |day: Option<Day>| day.map(|day| day.0).filter(|day| *day <= today);
        for provider in &self.config.providers {
            let books = Books::list(&*self.disk, &self.folders(&provider.name).ledger)?;
            let recalled = recalls::recalled(&books)?;
            for name in &books.ledgers {
                let mut file = books.open(name)?;
                let head = file.head.clone();
                let of_ledger = recalled.get(name);
                let mut count = 0;
                for entry in &mut file {
                    let entry = entry.map_err(|error| failed(&books.folder.join(name), error))?;
                    let asked = of_ledger.and_then(|of_ledger| of_ledger.get(&entry.n));
                    let entry = asked.copied().unwrap_or_default().apply(entry);
                    count += 1;
                    let happened = Happened {
                        credited_on: by_today(entry.credited),
                        returned_on: by_today(entry.returned),
                    };
                    look(&head, entry, happened);
                }
                if count != head.count {
                    return Err(damaged(&books.folder.join(name)));
                }
            }
            let of_requests = requests::entries(&*self.disk, &books.folder);
            let head = LedgerHead::of_requests(provider, today);
            for entry in of_requests.map_err(|error| failed(&books.folder, error))? {
                let credited_on = by_today(entry.credited);
                look(&head, entry, Happened { credited_on, returned_on: None });
            }
        }
        Ok(())
    }
}

/// What has happened by the latest day.
struct Happened {
    credited_on: Option<Date>,
    returned_on: Option<Date>,
}

/// The names in a ledger folder.
struct Books<'d> {
    disk: &'d dyn Disk,
    folder: PathBuf,
    ledgers: Vec<String>,
    /// The books of requests to give payments back.
    recalls: Vec<String>,
    markers: BTreeSet<String>,
}

impl<'d> Books<'d> {
    fn list(disk: &'d dyn Disk, folder: &Path) -> Result<Books<'d>, SandboxError> {
        let listed = disk.list(folder, FILES_MAX).map_err(|error| failed(folder, error))?;
        let names = listed.into_iter().map(|file| file.name);
        let (ledgers, others): (Vec<String>, Vec<String>) =
            names.partition(|name| name.ends_with(LEDGER_SUFFIX));
        let (recalls, markers): (Vec<String>, Vec<String>) =
            others.into_iter().partition(|name| name.ends_with(RECALLS_SUFFIX));
        let markers = markers.into_iter().collect();
        Ok(Books { disk, folder: folder.to_path_buf(), ledgers, recalls, markers })
    }

    fn open(&self, name: &str) -> Result<LedgerFile, SandboxError> {
        let path = self.folder.join(name);
        LedgerFile::open(self.disk, &path).map_err(|error| failed(&path, error))
    }
}

fn plain_name(name: &'static str) -> FileName {
    FileName::parse(name).expect("a constant of this file is a plain name")
}

/// A file of some lines; None when there is none.
fn read_small(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, SandboxError> {
    let mut bytes = Vec::new();
    match disk.open(path).and_then(|file| file.take(SMALL_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, error)),
    }
}

const SMALL_BYTES_MAX: u64 = 1 << 20;

fn failed(path: &Path, source: io::Error) -> SandboxError {
    match source.kind() {
        io::ErrorKind::InvalidData => damaged(path),
        _ => SandboxError::DiskMustWork { path: path.to_path_buf(), source },
    }
}

fn damaged(path: &Path) -> SandboxError {
    SandboxError::SandboxFileMustBeWhole(path.to_path_buf())
}
