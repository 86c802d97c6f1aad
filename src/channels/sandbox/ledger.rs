//! The sandbox's own books: one file for each payout file, written once, never changed.
//!
//! Reads: nothing but its own files.
//! Gives: a head line, and a line for each payment, as JSON. What is in them follows from the
//! payout file, its name, the day and the sandbox's configuration, and from nothing else.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::behaviour::Behaviour;
use super::requests::REQUESTS;
use super::{ProviderKind, SandboxProvider};
use crate::disk::Disk;

/// The first line of a ledger file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerHead {
    pub provider: String,
    pub kind: ProviderKind,
    /// The name under which the file came.
    pub file: String,
    pub digest: String,
    /// Names this (provider, name, content): the end of the names of everything made from it.
    pub id: String,
    pub received_on: Day,
    /// The word of the rule for which the whole file was refused; empty when it was booked.
    pub refusal: String,
    /// The same as an ISO 20022 status reason.
    pub refusal_reason: String,
    pub message_id: String,
    pub debtor_account: String,
    pub debtor_has_iban: bool,
    pub currency: String,
    /// Payments of the file, as far as it could be read.
    pub count: u64,
    pub sum_minor: i64,
    pub rejected: u64,
    /// The days on which something is to be said about this file, in order.
    pub due: Vec<Day>,
}

impl LedgerHead {
    /// In place of a file's, for payments that came one by one.
    pub fn of_requests(provider: &SandboxProvider, today: Date) -> LedgerHead {
        LedgerHead {
            provider: provider.name.clone(),
            kind: provider.kind,
            file: REQUESTS.to_owned(),
            digest: String::new(),
            id: String::new(),
            received_on: Day(today),
            refusal: String::new(),
            refusal_reason: String::new(),
            message_id: String::new(),
            debtor_account: String::new(),
            debtor_has_iban: false,
            currency: String::new(),
            count: 0,
            sum_minor: 0,
            rejected: 0,
            due: Vec::new(),
        }
    }

    pub fn is_refused(&self) -> bool {
        !self.refusal.is_empty()
    }

    /// The day of the first result.
    pub fn answers_on(&self) -> Date {
        self.received_on.0.saturating_add(Span::new().days(self.kind.answer_days()))
    }

    /// What the provider calls a payment: `FT3fa1b2c49d07e618-17`.
    pub fn provider_reference(&self, entry: &LedgerEntry) -> String {
        format!("FT{}-{}", self.id, entry.n)
    }
}

/// One payment of a payout file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerEntry {
    /// Its place in the file, from 1.
    pub n: u64,
    pub e2e: String,
    pub account: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub batch: String,
    pub amount_minor: i64,
    pub behaviour: Behaviour,
    /// None: refused.
    pub credited: Option<Day>,
    /// When the credit or the refusal is said; None: never.
    pub said: Option<Day>,
    pub returned: Option<Day>,
}

/// What is said about a payment on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    Processing,
    Credited,
    Rejected,
    Returned,
    /// Returned because it was asked back.
    TakenBack,
    /// Asked back and stopped before it was booked.
    Cancelled,
}

impl LedgerEntry {
    /// What this day's answer says about the payment; None: nothing.
    pub fn said_on(&self, day: Date, head: &LedgerHead) -> Option<Said> {
        let is_today = |other: Option<Day>| other == Some(Day(day));
        if is_today(self.returned) {
            Some(Said::Returned)
        } else if is_today(self.said) {
            Some(if self.credited.is_some() { Said::Credited } else { Said::Rejected })
        } else if self.behaviour == Behaviour::Late
            && head.kind.says_processing()
            && day == head.answers_on()
        {
            Some(Said::Processing)
        } else {
            None
        }
    }
}

/// A day, written `2026-11-20`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub Date);

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Day).map_err(serde::de::Error::custom)
    }
}

/// Appends one line.
pub(super) fn write_line(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    out.write_all(&bytes)
}

/// A ledger file, read line by line.
pub(super) struct LedgerFile {
    pub head: LedgerHead,
    lines: io::Lines<BufReader<Box<dyn Read + Send>>>,
    line: u64,
}

impl LedgerFile {
    pub fn open(disk: &dyn Disk, path: &Path) -> io::Result<LedgerFile> {
        let mut lines = BufReader::new(disk.open(path)?).lines();
        let first = lines.next().ok_or_else(|| damaged(1))??;
        let head = serde_json::from_str(&first).map_err(|_| damaged(1))?;
        Ok(LedgerFile { head, lines, line: 1 })
    }
}

impl Iterator for LedgerFile {
    type Item = io::Result<LedgerEntry>;

    fn next(&mut self) -> Option<io::Result<LedgerEntry>> {
        let text = self.lines.next()?;
        self.line += 1;
        let line = self.line;
        Some(text.and_then(|text| serde_json::from_str(&text).map_err(|_| damaged(line))))
    }
}

fn damaged(line: u64) -> io::Error {
    let sentence = format!("line {line} of the sandbox's ledger is damaged");
    io::Error::new(io::ErrorKind::InvalidData, sentence)
}
