//! Payments that are asked back, and what a provider of the sandbox makes of it: one file beside the payout
//! ledgers for each request, written once, never changed.
//!
//! Reads: requests, the provider's own ledgers, and what it decided before.
//! Gives: for each payment what is said on which day, and when its credit is taken back. A credit is taken back
//! once, whoever asks how often, and not at all when it is back already.

mod behaviour;
mod desk;
mod read;
mod resolution;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, Read};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use self::behaviour::{Course, RecallDraw, Word};
pub use self::behaviour::{RecallBehaviour, RecallMix};
use self::read::{AskedBack, RecallRead};
use super::ledger::{Day, LedgerEntry, LedgerHead, Said};
use super::payout_file::Refusal;
use super::{Books, ProviderKind, SandboxConfig, SandboxError, SandboxProvider, failed};

/// How the names of these files end.
pub(super) const RECALLS_SUFFIX: &str = ".recalls";

/// The first line of the file of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecallHead {
    pub provider: String,
    /// The name under which the request came.
    pub file: String,
    pub digest: String,
    /// As of a payout file.
    pub id: String,
    pub received_on: Day,
    /// The word of the rule for which it was refused; empty when it was taken.
    pub refusal: String,
    /// camt.056, which is answered in another place of camt.029.
    pub is_between_banks: bool,
    pub count: u64,
    pub due: Vec<Day>,
}

/// One payment that is asked back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecallEntry {
    pub case_id: String,
    pub creator: String,
    pub e2e: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub batch_id: String,
    pub amount_minor: i64,
    pub currency: String,
    /// Where the payment stands; none: not in the books.
    pub of: Option<OfLedger>,
    words: Vec<Word>,
    /// Taken off the books before it was booked.
    pub cancelled: Option<Day>,
    /// Given back, once.
    pub taken_back: Option<Day>,
}

/// A payment in a payout ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfLedger {
    pub ledger: String,
    pub entry: LedgerEntry,
}

/// A request and everything that follows from it.
pub(super) struct RecallBook {
    pub head: RecallHead,
    pub entries: Vec<RecallEntry>,
}

/// When a payment was taken off the books, or its credit taken back.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Recalled {
    pub cancelled: Option<Day>,
    pub taken_back: Option<Day>,
}

impl Recalled {
    /// The entry as it stands after what was asked back.
    pub fn apply(self, mut entry: LedgerEntry) -> LedgerEntry {
        if self.cancelled.is_some() {
            (entry.credited, entry.said, entry.returned) = (None, None, None);
        }
        entry.returned = entry.returned.or(self.taken_back);
        entry
    }
}

/// What was asked back of a provider: by ledger and place.
pub(super) type RecalledOf = HashMap<String, HashMap<u64, Recalled>>;

/// What the requests in a provider's books have made of its payments.
pub(super) fn recalled(books: &Books<'_>) -> Result<RecalledOf, SandboxError> {
    let mut found = RecalledOf::new();
    for name in &books.recalls {
        for entry in &open(books, name)?.entries {
            note(&mut found, entry);
        }
    }
    Ok(found)
}

fn note(found: &mut RecalledOf, entry: &RecallEntry) {
    let Some(of) = &entry.of else { return };
    let recalled = Recalled { cancelled: entry.cancelled, taken_back: entry.taken_back };
    if recalled.cancelled.is_some() || recalled.taken_back.is_some() {
        found.entry(of.ledger.clone()).or_default().insert(of.entry.n, recalled);
    }
}

pub(super) fn open(books: &Books<'_>, name: &str) -> Result<RecallBook, SandboxError> {
    let path = books.folder.join(name);
    let opened = books.disk.open(&path).and_then(parsed);
    opened.map_err(|error| failed(&path, error))
}

fn parsed(file: Box<dyn Read + Send>) -> io::Result<RecallBook> {
    let damaged =
        |_| io::Error::new(io::ErrorKind::InvalidData, "the book of a request is damaged");
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let head: RecallHead = serde_json::from_str(&first).map_err(damaged)?;
    let entries: Vec<RecallEntry> = lines
        .map(|line| line.and_then(|line| serde_json::from_str(&line).map_err(damaged)))
        .collect::<io::Result<_>>()?;
    match entries.len() as u64 == head.count {
        true => Ok(RecallBook { head, entries }),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "the book of a request was cut")),
    }
}

/// A request as it came.
struct Came<'a> {
    pub file: &'a str,
    pub digest: String,
    pub id: &'a str,
    pub today: Date,
    /// For something around the file.
    pub refusal: Option<Refusal>,
}

/// Reads a request and decides about every payment of it.
fn decided(
    config: &SandboxConfig,
    provider: &SandboxProvider,
    books: &Books<'_>,
    came: Came<'_>,
    input: &mut dyn Read,
) -> Result<RecallBook, SandboxError> {
    let read = match came.refusal {
        Some(refusal) => RecallRead { refusal: Some(refusal), ..RecallRead::default() },
        None => read::read(input).map_err(|error| failed(&books.folder, error))?,
    };
    let mut before = recalled(books)?;
    let candidates = payments(books, &read.asked)?;
    let mut entries = Vec::new();
    let mut due = BTreeSet::new();
    for asked in read.asked {
        let of = candidates.get(&asked.e2e).map_or(&[][..], Vec::as_slice);
        let entry = decide(config, provider, of, &before, asked, came.today);
        due.extend(entry.words.iter().map(|word| word.on));
        due.extend(entry.cancelled);
        due.extend(entry.taken_back);
        note(&mut before, &entry);
        entries.push(entry);
    }
    let head = RecallHead {
        provider: provider.name.clone(),
        file: came.file.to_owned(),
        digest: came.digest,
        id: came.id.to_owned(),
        received_on: Day(came.today),
        refusal: read.refusal.map_or("", Refusal::word).to_owned(),
        is_between_banks: read.is_between_banks,
        count: entries.len() as u64,
        due: due.into_iter().collect(),
    };
    Ok(RecallBook { head, entries })
}

/// A payment that a request may mean.
struct Candidate {
    ledger: String,
    message_id: String,
    received_on: Date,
    entry: LedgerEntry,
}

/// The payments in the books that have the references of a request.
fn payments(
    books: &Books<'_>,
    asked: &[AskedBack],
) -> Result<BTreeMap<String, Vec<Candidate>>, SandboxError> {
    let wanted: BTreeSet<&str> = asked.iter().map(|one| one.e2e.as_str()).collect();
    let mut found: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    for ledger in &books.ledgers {
        let mut file = books.open(ledger)?;
        let head = file.head.clone();
        if head.is_refused() {
            continue;
        }
        for entry in &mut file {
            let entry = entry.map_err(|error| failed(&books.folder.join(ledger), error))?;
            if wanted.contains(entry.e2e.as_str()) {
                found.entry(entry.e2e.clone()).or_default().push(Candidate {
                    ledger: ledger.clone(),
                    message_id: head.message_id.clone(),
                    received_on: head.received_on.0,
                    entry,
                });
            }
        }
    }
    Ok(found)
}

fn decide(
    config: &SandboxConfig,
    provider: &SandboxProvider,
    of: &[Candidate],
    before: &RecalledOf,
    asked: AskedBack,
    today: Date,
) -> RecallEntry {
    let after = |one: &Candidate| {
        let recalled = before.get(&one.ledger).and_then(|ledger| ledger.get(&one.entry.n));
        recalled.copied().unwrap_or_default().apply(one.entry.clone())
    };
    let is_meant = |one: &&Candidate| {
        let file = one.message_id.is_empty()
            || asked.message_id.is_empty()
            || one.message_id == asked.message_id;
        file && one.entry.amount_minor == asked.amount_minor
    };
    let meant: Vec<&Candidate> = of.iter().filter(is_meant).collect();
    // A file that came twice was paid twice: what is still out is meant.
    let out = |one: &&&Candidate| {
        let entry = after(one);
        entry.credited.is_some() && entry.returned.is_none()
    };
    let chosen = meant.iter().find(out).or(meant.first()).copied();
    let is_booked = chosen
        .is_none_or(|one| provider.kind == ProviderKind::BankSheet || one.received_on != today);
    let course = match chosen.map(after) {
        None => Course::refused(today, "NOOR"),
        Some(entry) => match (entry.credited, entry.returned) {
            (None, _) => Course::refused(today, "ARDT"),
            (_, Some(back)) if back.0 <= today => Course::refused(today, "ARDT"),
            (_, Some(_)) => Course::on_its_way(today),
            (Some(_), None) => {
                let mix = &config.script.recalls;
                RecallDraw::of(config.seed, mix, &provider.name, &entry.account)
                    .course(today, is_booked)
            }
        },
    };
    let is_stopped = !is_booked && course.ends == Some(today);
    let ends = course.ends.map(Day);
    RecallEntry {
        case_id: asked.case_id,
        creator: asked.creator,
        e2e: asked.e2e,
        message_id: asked.message_id,
        batch_id: asked.batch_id,
        amount_minor: asked.amount_minor,
        currency: asked.currency,
        of: chosen.map(|one| OfLedger { ledger: one.ledger.clone(), entry: one.entry.clone() }),
        words: course.words,
        cancelled: ends.filter(|_| is_stopped),
        taken_back: ends.filter(|_| !is_stopped),
    }
}

/// What becomes of requests for one account.
pub(super) fn behaviour(config: &SandboxConfig, provider: &str, account: &str) -> RecallBehaviour {
    RecallDraw::of(config.seed, &config.script.recalls, provider, account).behaviour
}

/// What a request has made of payments of one payout file, under the head for it.
type OfOneLedger = (LedgerHead, Vec<(LedgerEntry, Said)>);

/// The payments of a request that are told on a day with what happened to them, by payout ledger, under a head
/// that names what is made from it for the request.
fn money_of_day(
    books: &Books<'_>,
    book: &RecallBook,
    day: Date,
) -> Result<Vec<OfOneLedger>, SandboxError> {
    let mut by_ledger: BTreeMap<&str, Vec<(LedgerEntry, Said)>> = BTreeMap::new();
    for entry in &book.entries {
        let Some(of) = &entry.of else { continue };
        let said = match Some(Day(day)) {
            on if on == entry.cancelled => Said::Cancelled,
            on if on == entry.taken_back => Said::TakenBack,
            _ => continue,
        };
        by_ledger.entry(&of.ledger).or_default().push((of.entry.clone(), said));
    }
    let mut told = Vec::new();
    for (ledger, entries) in by_ledger {
        let mut head = books.open(ledger)?.head;
        head.file.clone_from(&book.head.file);
        head.id.clone_from(&book.head.id);
        told.push((head, entries));
    }
    Ok(told)
}
