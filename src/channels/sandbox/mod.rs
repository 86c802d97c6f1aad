//! The sandbox: seeded banks, wallets, mobile-money operators and pay-point organisations that work
//! over drop folders, with books of their own. The books are the judge: what they credited is
//! compared with what ours say.
//!
//! Reads: the payout files in each provider's `inbox`, with readers that share nothing with the
//! engine's writers.
//! Gives: answers in `outbox`, what was taken in `taken`, and the books in `ledger`.
//!
//! ```text
//! <root>/sandbox.json                 the configuration, written once
//! <root>/today.json                   the latest day that has begun
//! <root>/<provider>/inbox/<name>      a payout file, put there by a channel
//! <root>/<provider>/taken/<name>      the same, once it is booked or refused
//! <root>/<provider>/ledger/<stem>.<id>.jsonl              what was done with it
//! <root>/<provider>/ledger/<stem>.<id>.answered-<day>     that the answers of a day are out
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
mod ledger;
mod payout_file;
mod result_files;

pub use behaviour::{Behaviour, BehaviourMix};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use self::bank_messages::{ENTRIES_MAX, write_notification, write_status};
use self::behaviour::Draw;
use self::ledger::{Day, LedgerEntry, LedgerFile, LedgerHead, Said, write_line};
use self::payout_file::{Instruction, PayoutRead, Refusal};
use self::result_files::{SaidEntry, write_sheet, write_transactions};
use crate::disk::Disk;
use crate::disk::file_name::{FileName, FileNameError};
use crate::disk::publish::{PublishError, Staged, create_dirs, publish, replace, sweep_parts};
use crate::domain::digest::{Digest, HashingReader};

/// What a sandbox is made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxConfig {
    /// From which every account's behaviour is drawn.
    pub seed: u64,
    pub providers: Vec<SandboxProvider>,
    pub mix: BehaviourMix,
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
        if config.mix.sum() > 1000 {
            return Err(SandboxError::MixMustFitAThousand(config.mix.sum()));
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
            for name in &books.ledgers {
                let head = books.open(name)?.head;
                for due in &head.due {
                    if !books.markers.contains(&marker_name(&head, due.0)) {
                        next = Some(next.map_or(due.0, |other| other.min(due.0)));
                    }
                }
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
        self.each_head(&mut |head| {
            let file = ProviderFile { provider: head.provider.clone(), name: head.file.clone() };
            if head.is_refused() {
                refused_files.push(RefusedFile {
                    provider: file.provider.clone(),
                    name: file.name.clone(),
                    rule: head.refusal.clone(),
                });
            }
            by_content.entry(head.digest.clone()).or_default().push(file);
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

    fn each_head(&self, look: &mut dyn FnMut(&LedgerHead)) -> Result<(), SandboxError> {
        for provider in &self.config.providers {
            let books = Books::list(&*self.disk, &self.folders(&provider.name).ledger)?;
            for name in &books.ledgers {
                look(&books.open(name)?.head);
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
            for name in &books.ledgers {
                let mut file = books.open(name)?;
                let head = file.head.clone();
                let mut count = 0;
                for entry in &mut file {
                    let entry = entry.map_err(|error| failed(&books.folder.join(name), error))?;
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
    markers: BTreeSet<String>,
}

impl<'d> Books<'d> {
    fn list(disk: &'d dyn Disk, folder: &Path) -> Result<Books<'d>, SandboxError> {
        let listed = disk.list(folder, FILES_MAX).map_err(|error| failed(folder, error))?;
        let names = listed.into_iter().map(|file| file.name);
        let (ledgers, others) = names.partition(|name: &String| name.ends_with(LEDGER_SUFFIX));
        let markers = Vec::into_iter(others).collect();
        Ok(Books { disk, folder: folder.to_path_buf(), ledgers, markers })
    }

    fn open(&self, name: &str) -> Result<LedgerFile, SandboxError> {
        let path = self.folder.join(name);
        LedgerFile::open(self.disk, &path).map_err(|error| failed(&path, error))
    }
}

/// One provider at work.
struct Desk<'s> {
    disk: &'s dyn Disk,
    config: &'s SandboxConfig,
    provider: &'s SandboxProvider,
    folders: ProviderFolders,
}

impl Desk<'_> {
    /// Takes away what a killed tick was writing.
    fn sweep(&self) -> Result<(), SandboxError> {
        for folder in [&self.folders.ledger, &self.folders.outbox] {
            sweep_parts(self.disk, folder).map_err(|error| failed(folder, error))?;
        }
        Ok(())
    }

    fn take_in(&self, today: Date, ticked: &mut Ticked) -> Result<(), SandboxError> {
        let inbox = &self.folders.inbox;
        let listed = self.disk.list(inbox, FILES_MAX).map_err(|error| failed(inbox, error))?;
        for file in listed {
            let at = ProviderFile { provider: self.provider.name.clone(), name: file.name };
            match FileName::parse(&at.name) {
                Ok(name) => self.take(&name, today, at, ticked)?,
                // Still being written, or the folder's own business.
                Err(
                    FileNameError::NameMustNotBeAPart(_) | FileNameError::NameMustNotBeHidden(_),
                ) => {}
                Err(_) => ticked.left.push(at),
            }
        }
        Ok(())
    }

    /// Books or refuses one file, and moves it out of the inbox.
    fn take(
        &self,
        name: &FileName,
        today: Date,
        at: ProviderFile,
        ticked: &mut Ticked,
    ) -> Result<(), SandboxError> {
        let inbox = self.folders.inbox.join(name.as_str());
        let digest = self.digest(&inbox)?;
        let taken = self.folders.taken.join(name.as_str());
        let id = file_id(&self.provider.name, name.as_str(), &digest);
        let ledger = format!("{}.{id}{LEDGER_SUFFIX}", stem(name.as_str()));
        let path = self.folders.ledger.join(&ledger);
        let is_booked = self.exists(&path)?;
        let clashes = match self.exists(&taken)? {
            true if self.digest(&taken)? == digest => {
                self.put_away(&inbox, &taken)?;
                ticked.known.push(at);
                return Ok(());
            }
            clashes => clashes,
        };
        if is_booked {
            // The tick that wrote it may have died before it could make the name last.
            self.disk
                .sync_file(&path)
                .and_then(|()| self.disk.sync_dir(&self.folders.ledger))
                .map_err(|error| failed(&path, error))?;
        } else {
            let forced = clashes.then_some(Refusal::NameMustBeNew);
            if !self.book(name, &inbox, digest, &id, &ledger, today, forced)? {
                ticked.left.push(at);
                return Ok(());
            }
        }
        let head = LedgerFile::open(self.disk, &path).map_err(|error| failed(&path, error))?.head;
        if clashes {
            let aside = format!("{}.{id}.refused", stem(name.as_str()));
            self.put_away(&inbox, &self.folders.taken.join(aside))?;
        } else {
            self.put_away(&inbox, &taken)?;
        }
        if head.is_refused() {
            ticked.refused.push(at)
        } else {
            ticked.booked.push(at)
        }
        Ok(())
    }

    /// Writes the ledger of one file. False when the file changed under the reading.
    #[expect(clippy::too_many_arguments, reason = "all of it stands in the ledger's head")]
    fn book(
        &self,
        name: &FileName,
        inbox: &Path,
        digest: Digest,
        id: &str,
        ledger: &str,
        today: Date,
        forced: Option<Refusal>,
    ) -> Result<bool, SandboxError> {
        let kind = self.provider.kind;
        let unreadable = |error| failed(inbox, error);
        // The first reading finds the verdict, which stands before the entries.
        let mut sums = Sums::default();
        let read = match forced {
            Some(refusal) => PayoutRead { head: Default::default(), refusal: Some(refusal) },
            None => {
                let mut file = self.disk.open(inbox).map_err(unreadable)?;
                let read = payout_file::read(kind, &mut *file, &mut |_, instruction| {
                    sums.add(&self.entry(instruction, today), kind, today);
                    Ok(())
                });
                read.map_err(unreadable)?
            }
        };
        if read.refusal.is_some() {
            sums.due = BTreeSet::new();
            sums.rejected = sums.count;
            // A name that was used before is not answered: the answer would seem to be about the
            // file that had it.
            if forced.is_none() {
                sums.due.insert(Day(today));
            }
            // A bank refuses the group and names no payments.
            if kind == ProviderKind::Bank {
                sums = Sums { due: sums.due, ..Sums::default() };
            }
        } else if kind == ProviderKind::Bank {
            sums.due.insert(Day(today));
        }
        let head = LedgerHead {
            provider: self.provider.name.clone(),
            kind,
            file: name.as_str().to_owned(),
            digest: digest.to_string(),
            id: id.to_owned(),
            received_on: Day(today),
            refusal: read.refusal.map_or("", Refusal::word).to_owned(),
            refusal_reason: read.refusal.map_or("", Refusal::iso_reason).to_owned(),
            message_id: read.head.message_id,
            debtor_account: read.head.debtor_account,
            debtor_has_iban: read.head.debtor_has_iban,
            currency: read.head.currency,
            count: sums.count,
            sum_minor: sums.sum_minor,
            rejected: sums.rejected,
            due: sums.due.into_iter().collect(),
        };
        let staged = Staged::create(self.disk, &self.folders.ledger, ledger)?;
        let mut out = BufWriter::with_capacity(WRITE_BYTES, staged);
        let unwritable = |error| failed(&self.folders.ledger.join(ledger), error);
        write_line(&mut out, &head).map_err(unwritable)?;
        let mut file = HashingReader::new(self.disk.open(inbox).map_err(unreadable)?);
        if head.count > 0 {
            let mut n = 0;
            let read = payout_file::read(kind, &mut file, &mut |_, instruction| {
                n += 1;
                let mut entry = self.entry(instruction, today);
                entry.n = n;
                if head.is_refused() {
                    (entry.credited, entry.said, entry.returned) = (None, Some(Day(today)), None);
                }
                write_line(&mut out, &entry)
            });
            read.map_err(unreadable)?;
        }
        io::copy(&mut file, &mut io::sink()).map_err(unreadable)?;
        if file.finish().0 != digest {
            return Ok(false);
        }
        let staged = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
        staged.publish(&FileName::parse(ledger)?)?;
        Ok(true)
    }

    fn entry(&self, instruction: Instruction, today: Date) -> LedgerEntry {
        let SandboxConfig { seed, mix, .. } = self.config;
        let draw = Draw::of(*seed, mix, &self.provider.name, &instruction.account);
        let fate = draw.fate(self.provider.kind, today);
        LedgerEntry {
            n: 0,
            e2e: instruction.end_to_end_id,
            account: instruction.account,
            name: instruction.name,
            batch: instruction.batch_id,
            amount_minor: instruction.amount_minor,
            behaviour: draw.behaviour,
            credited: fate.credited_on.map(Day),
            said: fate.said_on.map(Day),
            returned: fate.returned_on.map(Day),
        }
    }

    /// Moves a file out of the inbox, or removes it when it is out already.
    fn put_away(&self, inbox: &Path, to: &Path) -> Result<(), SandboxError> {
        let moved = match self.disk.rename_no_replace(inbox, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.remove(inbox),
            moved => moved,
        };
        moved
            .and_then(|()| self.disk.sync_dir(&self.folders.taken))
            .and_then(|()| self.disk.sync_dir(&self.folders.inbox))
            .map_err(|error| failed(inbox, error))
    }

    /// Puts out every answer that is due and not marked as out.
    fn answer(&self, today: Date, ticked: &mut Ticked) -> Result<(), SandboxError> {
        let books = Books::list(self.disk, &self.folders.ledger)?;
        for name in &books.ledgers {
            let head = books.open(name)?.head;
            for due in head.due.iter().map(|due| due.0).filter(|due| *due <= today) {
                let marker = marker_name(&head, due);
                if books.markers.contains(&marker) {
                    continue;
                }
                let answers = self.answer_day(&books, name, &head, due)?;
                let list: String = answers.iter().map(|name| format!("{name}\n")).collect();
                let digest = Digest::of(list.as_bytes());
                let marker = FileName::parse(&marker)?;
                publish(self.disk, &books.folder, &marker, &digest, &mut list.as_bytes())?;
                ticked.answered.extend(answers.into_iter().map(|name| ProviderFile {
                    provider: self.provider.name.clone(),
                    name: name.as_str().to_owned(),
                }));
            }
        }
        Ok(())
    }

    /// Everything that one day says about one payout file.
    fn answer_day(
        &self,
        books: &Books<'_>,
        name: &str,
        head: &LedgerHead,
        day: Date,
    ) -> Result<Vec<FileName>, SandboxError> {
        let mut answers = Vec::new();
        let open = || books.open(name);
        let all = |_: &Said| true;
        match head.kind {
            ProviderKind::Bank => {
                if day == head.received_on.0 {
                    let entries = open()?;
                    self.write(head, "status", day, "xml", &mut answers, |out| {
                        write_status(out, head, entries).map(|()| false)
                    })?;
                }
                let booked = |said: &Said| *said != Said::Rejected;
                let mut said = said_entries(open()?, head, day, booked);
                for number in 1.. {
                    let page: io::Result<Vec<(LedgerEntry, Said)>> =
                        said.by_ref().take(ENTRIES_MAX).collect();
                    let page = page.map_err(|error| failed(&books.folder.join(name), error))?;
                    if page.is_empty() {
                        break;
                    }
                    let word = format!("notification{number:03}");
                    self.write(head, &word, day, "xml", &mut answers, |out| {
                        write_notification(out, head, day, number, &page)?;
                        Ok(page.iter().any(|(entry, _)| is_said_again(entry)))
                    })?;
                }
            }
            ProviderKind::MobileMoney => {
                let completed = |said: &Said| *said == Said::Credited;
                let rejected = |said: &Said| *said != Said::Credited;
                let completions = said_entries(open()?, head, day, completed);
                self.write_list(head, "completions", day, &mut answers, completions)?;
                let rejections = said_entries(open()?, head, day, rejected);
                self.write_list(head, "rejections", day, &mut answers, rejections)?;
            }
            ProviderKind::BankSheet | ProviderKind::Wallet => {
                self.write_list(
                    head,
                    "results",
                    day,
                    &mut answers,
                    said_entries(open()?, head, day, all),
                )?;
            }
            ProviderKind::PayPoint => {
                self.write_list(
                    head,
                    "report",
                    day,
                    &mut answers,
                    said_entries(open()?, head, day, all),
                )?;
            }
        }
        Ok(answers)
    }

    /// Writes a sheet or a list, unless it would say nothing. A file that was refused always has
    /// its answer.
    fn write_list(
        &self,
        head: &LedgerHead,
        word: &str,
        day: Date,
        answers: &mut Vec<FileName>,
        entries: impl Iterator<Item = SaidEntry>,
    ) -> Result<(), SandboxError> {
        let mut entries = entries.peekable();
        if entries.peek().is_none() && !(head.is_refused() && word != "completions") {
            return Ok(());
        }
        let is_json = head.kind == ProviderKind::MobileMoney;
        self.write(head, word, day, if is_json { "json" } else { "csv" }, answers, |out| {
            let mut again = false;
            let mut entries = entries.inspect(|said| {
                again |= said.as_ref().is_ok_and(|(entry, _)| is_said_again(entry))
            });
            match is_json {
                true => write_transactions(out, head, day, &mut entries)?,
                false => write_sheet(out, head, day, &mut entries)?,
            }
            Ok(again)
        })
    }

    /// Writes one answer, and writes it again under another name when `fill` says so.
    fn write(
        &self,
        head: &LedgerHead,
        word: &str,
        day: Date,
        extension: &str,
        answers: &mut Vec<FileName>,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<bool>,
    ) -> Result<(), SandboxError> {
        let outbox = &self.folders.outbox;
        let stem = format!("{}.{}.{word}-{day}", stem(&head.file), head.id);
        let name = FileName::parse(&format!("{stem}.{extension}"))?;
        let staged = Staged::create(self.disk, outbox, name.as_str())?;
        let mut out = BufWriter::with_capacity(WRITE_BYTES, staged);
        let path = outbox.join(name.as_str());
        let again = fill(&mut out).map_err(|error| failed(&path, error))?;
        let staged = out.into_inner().map_err(|error| failed(&path, error.into_error()))?;
        let published = staged.publish(&name)?;
        answers.push(name);
        if again && !head.is_refused() {
            let copy = FileName::parse(&format!("{stem}.again.{extension}"))?;
            let mut source = self.disk.open(&path).map_err(|error| failed(&path, error))?;
            publish(self.disk, outbox, &copy, &published.digest, &mut *source)?;
            answers.push(copy);
        }
        Ok(())
    }

    fn digest(&self, path: &Path) -> Result<Digest, SandboxError> {
        self.disk
            .open(path)
            .and_then(|mut file| Digest::of_reader(&mut file))
            .map(|(digest, _)| digest)
            .map_err(|error| failed(path, error))
    }

    fn exists(&self, path: &Path) -> Result<bool, SandboxError> {
        self.disk.exists(path).map_err(|error| failed(path, error))
    }
}

const WRITE_BYTES: usize = 256 * 1024;

/// What is known of a file when it was read once.
#[derive(Default)]
struct Sums {
    count: u64,
    sum_minor: i64,
    rejected: u64,
    due: BTreeSet<Day>,
}

impl Sums {
    fn add(&mut self, entry: &LedgerEntry, kind: ProviderKind, today: Date) {
        self.count += 1;
        // The reader has refused sums that do not fit.
        self.sum_minor = self.sum_minor.saturating_add(entry.amount_minor);
        self.rejected += u64::from(entry.credited.is_none());
        self.due.extend(entry.said);
        self.due.extend(entry.returned);
        if entry.behaviour == Behaviour::Late && kind.says_processing() {
            self.due.insert(Day(today.saturating_add(Span::new().days(kind.answer_days()))));
        }
    }
}

/// The entries of which a day's answer says something that is wanted.
fn said_entries<'h>(
    entries: LedgerFile,
    head: &'h LedgerHead,
    day: Date,
    wanted: impl Fn(&Said) -> bool + 'h,
) -> impl Iterator<Item = SaidEntry> + 'h {
    entries.filter_map(move |entry| match entry {
        Ok(entry) => {
            let said = entry.said_on(day, head).filter(&wanted)?;
            Some(Ok((entry, said)))
        }
        Err(error) => Some(Err(error)),
    })
}

fn is_said_again(entry: &LedgerEntry) -> bool {
    entry.behaviour == Behaviour::AnswerTwice
}

/// Names a (provider, name, content) in 16 digits.
fn file_id(provider: &str, name: &str, digest: &Digest) -> String {
    let text = format!("{provider}\n{name}\n{digest}");
    Digest::of(text.as_bytes()).to_string()[..16].to_owned()
}

/// A file's name without its extension, short enough for names that are made from it.
fn stem(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut end = stem.len().min(STEM_BYTES_MAX);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    &stem[..end]
}

const STEM_BYTES_MAX: usize = 120;

fn marker_name(head: &LedgerHead, day: Date) -> String {
    format!("{}.{}.answered-{day}", stem(&head.file), head.id)
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

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("two providers have the name `{0}` (capitals make no difference); rename one")]
    ProviderNamesMustDiffer(String),
    #[error("the shares of the behaviours add up to {0} of a thousand; lower them")]
    MixMustFitAThousand(u32),
    #[error("a provider's name is a folder's name: {0}")]
    NameMustBePlain(#[from] FileNameError),
    #[error("there is no sandbox at {}; create one first", .0.display())]
    SandboxMustBeThere(PathBuf),
    #[error("{} is damaged; a sandbox that was altered judges nothing, so make a new one", .0.display())]
    SandboxFileMustBeWhole(PathBuf),
    #[error("{today} is before {latest}, which has begun in this sandbox; go on from there")]
    DayMustNotGoBack { today: Date, latest: Date },
    #[error("{} cannot be read or written: {source}; put the folder right and tick again", .path.display())]
    DiskMustWork { path: PathBuf, source: io::Error },
    #[error(transparent)]
    FileMustBePublished(#[from] PublishError),
}

impl SandboxError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            SandboxError::ProviderNamesMustDiffer(_) => "provider_names_must_differ",
            SandboxError::MixMustFitAThousand(_) => "mix_must_fit_a_thousand",
            SandboxError::NameMustBePlain(error) => error.code(),
            SandboxError::SandboxMustBeThere(_) => "sandbox_must_be_there",
            SandboxError::SandboxFileMustBeWhole(_) => "sandbox_file_must_be_whole",
            SandboxError::DayMustNotGoBack { .. } => "day_must_not_go_back",
            SandboxError::DiskMustWork { .. } => "disk_must_work",
            SandboxError::FileMustBePublished(error) => error.code(),
        }
    }
}
