//! A provider at work on requests to give payments back: it decides about each once, and puts out what is due.
//!
//! Reads: the inbox, and its own books. Gives: the book of a request, and its answers in `outbox`.

use std::io::{self, Read};

use jiff::civil::Date;

use super::super::bank_messages::{ENTRIES_MAX, write_notification};
use super::super::desk::{Arrived, Desk};
use super::super::ledger::{Said, write_line};
use super::super::{Books, ProviderKind, SandboxError, failed};
use super::read::asks_back;
use super::resolution::{write_cancelled, write_resolution};
use super::{Came, RecallBook};
use crate::disk::file_name::FileName;
use crate::disk::publish::publish;
use crate::domain::digest::{Digest, HashingReader};

/// In so many bytes an XML file says what it is.
const BEGINNING_BYTES: u64 = 1024;

impl Desk<'_> {
    /// Whether a file asks payments back, at a provider whose answers have a word for it.
    pub(in super::super) fn asks_back(&self, name: &FileName) -> Result<bool, SandboxError> {
        if !self.provider.kind.returns() {
            return Ok(false);
        }
        let path = self.folders.inbox.join(name.as_str());
        let mut beginning = Vec::new();
        let read = self.disk.open(&path);
        read.and_then(|file| file.take(BEGINNING_BYTES).read_to_end(&mut beginning))
            .map_err(|error| failed(&path, error))?;
        Ok(asks_back(&beginning))
    }

    /// Decides about a request to give payments back, and writes its book. False when the file changed under
    /// the reading.
    pub(in super::super) fn decide(
        &self,
        came: Arrived<'_>,
        ledger: &str,
    ) -> Result<bool, SandboxError> {
        let Arrived { name, inbox, digest, id, today, forced } = came;
        let unreadable = |error| failed(inbox, error);
        let books = Books::list(self.disk, &self.folders.ledger)?;
        let mut file = HashingReader::new(self.disk.open(inbox).map_err(unreadable)?);
        let came =
            Came { file: name.as_str(), digest: digest.to_string(), id, today, refusal: forced };
        let book = super::decided(self.config, self.provider, &books, came, &mut file)?;
        io::copy(&mut file, &mut io::sink()).map_err(unreadable)?;
        if file.finish().0 != digest {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        let unwritable = |error| failed(&self.folders.ledger.join(ledger), error);
        write_line(&mut bytes, &book.head).map_err(unwritable)?;
        for entry in &book.entries {
            write_line(&mut bytes, entry).map_err(unwritable)?;
        }
        let (ledger, digest) = (FileName::parse(ledger)?, Digest::of(&bytes));
        publish(self.disk, &self.folders.ledger, &ledger, &digest, &mut bytes.as_slice())?;
        Ok(true)
    }

    /// Everything that one day says about one request: the word, and the money.
    pub(in super::super) fn answer_request(
        &self,
        books: &Books<'_>,
        book: &RecallBook,
        day: Date,
    ) -> Result<Vec<FileName>, SandboxError> {
        let mut answers = Vec::new();
        let of = (book.head.file.as_str(), book.head.id.as_str());
        let mut resolution = Vec::new();
        let groups = self.config.script.answers_groups;
        let said = write_resolution(&mut resolution, book, day, groups);
        if said.map_err(|error| failed(&books.folder, error))? {
            self.write(of, "resolution", day, "xml", &mut answers, |out| {
                out.write_all(&resolution).map(|()| false)
            })?;
        }
        let mut number = 0;
        for (head, entries) in super::money_of_day(books, book, day)? {
            let (stopped, back): (Vec<_>, Vec<_>) =
                entries.into_iter().partition(|(_, said)| *said == Said::Cancelled);
            number += 1;
            if head.kind != ProviderKind::Bank {
                let entries = stopped.into_iter().chain(back).map(Ok);
                let word = format!("results{number:03}");
                self.write_list(&head, &word, day, &mut answers, 0, entries)?;
                continue;
            }
            if !stopped.is_empty() {
                let word = format!("cancelled{number:03}");
                self.write(of, &word, day, "xml", &mut answers, |out| {
                    write_cancelled(out, &head, day, &stopped).map(|()| false)
                })?;
            }
            for page in back.chunks(ENTRIES_MAX) {
                let word = format!("notification{number:03}");
                self.write(of, &word, day, "xml", &mut answers, |out| {
                    write_notification(out, &head, day, number, page).map(|()| false)
                })?;
                number += 1;
            }
        }
        Ok(answers)
    }
}
