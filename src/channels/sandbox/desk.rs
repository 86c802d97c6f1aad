//! One provider of the sandbox at work: it takes payout files in, books each of them once, and puts
//! out what is due.
//!
//! Reads: the inbox, and its own ledger.
//! Gives: ledger files, files in `taken`, answers in `outbox`, and markers for the days whose
//! answers are out.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Span;
use jiff::civil::Date;

use super::bank_messages::{ENTRIES_MAX, write_notification, write_status};
use super::behaviour::{Behaviour, Draw};
use super::ledger::{Day, LedgerEntry, LedgerFile, LedgerHead, Said, write_line};
use super::payout_file::{self, Instruction, PayoutRead, Refusal};
use super::recalls::{self, RECALLS_SUFFIX, Recalled};
use super::result_files::{SaidEntry, write_sheet, write_transactions};
use super::{
    Books, FILES_MAX, LEDGER_SUFFIX, ProviderFile, ProviderFolders, ProviderKind, SandboxConfig,
    SandboxError, SandboxProvider, Ticked, failed,
};
use crate::disk::Disk;
use crate::disk::file_name::{FileName, FileNameError};
use crate::disk::publish::{Staged, publish, sweep_parts};
use crate::domain::digest::{Digest, HashingReader};

/// One provider at work.
pub(super) struct Desk<'s> {
    pub disk: &'s dyn Disk,
    pub config: &'s SandboxConfig,
    pub provider: &'s SandboxProvider,
    pub folders: ProviderFolders,
}

/// A file that came, as it is taken in: under which name and where, what it is, and when.
pub(super) struct Arrived<'a> {
    pub name: &'a FileName,
    pub inbox: &'a Path,
    pub digest: Digest,
    /// Of this file alone, in the names of what is written about it.
    pub id: &'a str,
    pub today: Date,
    /// Why it is refused whatever stands in it.
    pub forced: Option<Refusal>,
}

impl Desk<'_> {
    /// Takes away what a killed tick was writing.
    pub fn sweep(&self) -> Result<(), SandboxError> {
        for folder in [&self.folders.ledger, &self.folders.outbox] {
            sweep_parts(self.disk, folder).map_err(|error| failed(folder, error))?;
        }
        Ok(())
    }

    pub fn take_in(&self, today: Date, ticked: &mut Ticked) -> Result<(), SandboxError> {
        let inbox = &self.folders.inbox;
        let listed = self.disk.list(inbox, FILES_MAX).map_err(|error| failed(inbox, error))?;
        // What is asked back may have come with the requests for it.
        let mut requests = Vec::new();
        for file in listed {
            let at = ProviderFile { provider: self.provider.name.clone(), name: file.name };
            match FileName::parse(&at.name) {
                Ok(name) if self.asks_back(&name)? => requests.push((name, at)),
                Ok(name) => self.take(&name, false, today, at, ticked)?,
                // Still being written, or the folder's own business.
                Err(
                    FileNameError::NameMustNotBeAPart(_) | FileNameError::NameMustNotBeHidden(_),
                ) => {}
                Err(_) => ticked.left.push(at),
            }
        }
        for (name, at) in requests {
            self.take(&name, true, today, at, ticked)?;
        }
        Ok(())
    }

    /// Books or refuses one file, and moves it out of the inbox.
    fn take(
        &self,
        name: &FileName,
        is_request: bool,
        today: Date,
        at: ProviderFile,
        ticked: &mut Ticked,
    ) -> Result<(), SandboxError> {
        let inbox = self.folders.inbox.join(name.as_str());
        let digest = self.digest(&inbox)?;
        let taken = self.folders.taken.join(name.as_str());
        let id = file_id(&self.provider.name, name.as_str(), &digest);
        let suffix = if is_request { RECALLS_SUFFIX } else { LEDGER_SUFFIX };
        let ledger = format!("{}.{id}{suffix}", stem(name.as_str()));
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
            let came = Arrived { name, inbox: &inbox, digest, id: &id, today, forced };
            let is_whole = match is_request {
                true => self.decide(came, &ledger)?,
                false => self.book(came, &ledger)?,
            };
            if !is_whole {
                ticked.left.push(at);
                return Ok(());
            }
        }
        let is_refused = match is_request {
            true => {
                let books = Books::list(self.disk, &self.folders.ledger)?;
                !recalls::open(&books, &ledger)?.head.refusal.is_empty()
            }
            false => {
                let file = LedgerFile::open(self.disk, &path);
                file.map_err(|error| failed(&path, error))?.head.is_refused()
            }
        };
        if clashes {
            let aside = format!("{}.{id}.refused", stem(name.as_str()));
            self.put_away(&inbox, &self.folders.taken.join(aside))?;
        } else {
            self.put_away(&inbox, &taken)?;
        }
        if is_refused {
            ticked.refused.push(at)
        } else {
            ticked.booked.push(at)
        }
        Ok(())
    }

    /// Writes the ledger of one file. False when the file changed under the reading.
    fn book(&self, came: Arrived<'_>, ledger: &str) -> Result<bool, SandboxError> {
        let Arrived { name, inbox, digest, id, today, forced } = came;
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
                let read = read.map_err(unreadable)?;
                let (seed, files) = (self.config.seed, &self.config.script.files);
                let refuses = files.refuses(seed, &self.provider.name, name.as_str());
                let drawn = refuses.then_some(Refusal::PartnerMustAgree);
                PayoutRead { refusal: read.refusal.or(drawn), ..read }
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
    pub fn answer(&self, today: Date, ticked: &mut Ticked) -> Result<(), SandboxError> {
        let books = Books::list(self.disk, &self.folders.ledger)?;
        let recalled = recalls::recalled(&books)?;
        for name in &books.ledgers {
            let head = books.open(name)?.head;
            let of_ledger = recalled.get(name);
            for due in head.due.iter().map(|due| due.0).filter(|due| *due <= today) {
                let marker = marker_name(&head.file, &head.id, due);
                if !books.markers.contains(&marker) {
                    let answers = self.answer_day(&books, name, &head, due, of_ledger)?;
                    self.mark(&books, &marker, answers, ticked)?;
                }
            }
        }
        for name in &books.recalls {
            let book = recalls::open(&books, name)?;
            for due in book.head.due.iter().map(|due| due.0).filter(|due| *due <= today) {
                let marker = marker_name(&book.head.file, &book.head.id, due);
                if !books.markers.contains(&marker) {
                    let answers = self.answer_request(&books, &book, due)?;
                    self.mark(&books, &marker, answers, ticked)?;
                }
            }
        }
        Ok(())
    }

    /// Remembers that the answers of a day are out.
    fn mark(
        &self,
        books: &Books<'_>,
        marker: &str,
        answers: Vec<FileName>,
        ticked: &mut Ticked,
    ) -> Result<(), SandboxError> {
        let list: String = answers.iter().map(|name| format!("{name}\n")).collect();
        let digest = Digest::of(list.as_bytes());
        let marker = FileName::parse(marker)?;
        publish(self.disk, &books.folder, &marker, &digest, &mut list.as_bytes())?;
        ticked.answered.extend(answers.into_iter().map(|name| ProviderFile {
            provider: self.provider.name.clone(),
            name: name.as_str().to_owned(),
        }));
        Ok(())
    }

    /// Everything that one day says about one payout file.
    fn answer_day(
        &self,
        books: &Books<'_>,
        name: &str,
        head: &LedgerHead,
        day: Date,
        recalled: Option<&HashMap<u64, Recalled>>,
    ) -> Result<Vec<FileName>, SandboxError> {
        let mut answers = Vec::new();
        let of = (head.file.as_str(), head.id.as_str());
        let is_stopped = |entry: &LedgerEntry| {
            let recalled = recalled.and_then(|of_ledger| of_ledger.get(&entry.n));
            recalled.is_some_and(|one| one.cancelled.is_some())
        };
        let open = || -> Result<_, SandboxError> {
            let entries = books.open(name)?;
            Ok(entries.filter(|entry| !entry.as_ref().is_ok_and(is_stopped)))
        };
        let all = |_: &Said| true;
        match head.kind {
            ProviderKind::Bank => {
                if day == head.received_on.0 {
                    let entries = open()?;
                    self.write(of, "status", day, "xml", &mut answers, |out| {
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
                    self.write(of, &word, day, "xml", &mut answers, |out| {
                        write_notification(out, head, day, number, &page)?;
                        Ok(page.iter().any(|(entry, _)| is_said_again(entry)))
                    })?;
                }
            }
            ProviderKind::MobileMoney => {
                let completed = |said: &Said| *said == Said::Credited;
                let rejected = |said: &Said| *said != Said::Credited;
                let completions = said_entries(open()?, head, day, completed);
                self.write_list(head, "completions", day, &mut answers, 0, completions)?;
                let rejections = said_entries(open()?, head, day, rejected);
                self.write_list(head, "rejections", day, &mut answers, 0, rejections)?;
            }
            ProviderKind::BankSheet | ProviderKind::Wallet | ProviderKind::PayPoint => {
                let word = if head.kind == ProviderKind::PayPoint { "report" } else { "results" };
                let (seed, files) = (self.config.seed, &self.config.script.files);
                if files.sums_wrongly(seed, &head.provider, &format!("{} {day}", head.file)) {
                    let wrong = format!("{word}-wrong");
                    let entries = said_entries(open()?, head, day, all);
                    self.write_list(head, &wrong, day, &mut answers, 1, entries)?;
                }
                let entries = said_entries(open()?, head, day, all);
                self.write_list(head, word, day, &mut answers, 0, entries)?;
            }
        }
        Ok(answers)
    }

    /// Writes a sheet or a list, unless it would say nothing. A file that was refused always has
    /// its answer. The closing sum of a sheet is wrong by `off_minor`.
    pub(super) fn write_list(
        &self,
        head: &LedgerHead,
        word: &str,
        day: Date,
        answers: &mut Vec<FileName>,
        off_minor: i128,
        entries: impl Iterator<Item = SaidEntry>,
    ) -> Result<(), SandboxError> {
        let mut entries = entries.peekable();
        if entries.peek().is_none() && !(head.is_refused() && word != "completions") {
            return Ok(());
        }
        let is_json = head.kind == ProviderKind::MobileMoney;
        let of = (head.file.as_str(), head.id.as_str());
        self.write(of, word, day, if is_json { "json" } else { "csv" }, answers, |out| {
            let mut again = false;
            let mut entries = entries.inspect(|said| {
                again |= said.as_ref().is_ok_and(|(entry, _)| is_said_again(entry))
            });
            match is_json {
                true => write_transactions(out, head, day, &mut entries)?,
                false => write_sheet(out, head, day, off_minor, &mut entries)?,
            }
            Ok(again && !head.is_refused())
        })
    }

    /// Writes one answer, and writes it again under another name when `fill` says so.
    pub(super) fn write(
        &self,
        (file, id): (&str, &str),
        word: &str,
        day: Date,
        extension: &str,
        answers: &mut Vec<FileName>,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<bool>,
    ) -> Result<(), SandboxError> {
        let outbox = &self.folders.outbox;
        let stem = format!("{}.{id}.{word}-{day}", stem(file));
        let name = FileName::parse(&format!("{stem}.{extension}"))?;
        let staged = Staged::create(self.disk, outbox, name.as_str())?;
        let mut out = BufWriter::with_capacity(WRITE_BYTES, staged);
        let path = outbox.join(name.as_str());
        let again = fill(&mut out).map_err(|error| failed(&path, error))?;
        let staged = out.into_inner().map_err(|error| failed(&path, error.into_error()))?;
        let published = staged.publish(&name)?;
        answers.push(name);
        if again {
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
    entries: impl Iterator<Item = io::Result<LedgerEntry>> + 'h,
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

/// The name of the file that says that the answers of a day are out.
pub(super) fn marker_name(file: &str, id: &str, day: Date) -> String {
    format!("{}.{id}.answered-{day}", stem(file))
}
