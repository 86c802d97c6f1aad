//! The books of a provider that takes one payment a request: one file, a line for each payment, written
//! and made durable before anything is said.
//!
//! Reads and gives: ledger entries by reference. A line that was half written when the process died was
//! never answered, and is taken away.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::ledger::{LedgerEntry, write_line};
use crate::disk::Disk;

pub(super) const REQUESTS: &str = "requests.log";

pub(super) struct RequestBooks {
    file: File,
    /// The last entry of each reference: paid twice, it stands twice in the file.
    by_reference: BTreeMap<String, LedgerEntry>,
    last: u64,
}

impl RequestBooks {
    pub fn open(ledger: &Path) -> io::Result<RequestBooks> {
        let path = ledger.join(REQUESTS);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        File::open(ledger)?.sync_all()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = whole_lines(&text);
        file.set_len(whole.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        let entries = parsed(whole)?;
        let last = entries.last().map_or(0, |entry| entry.n);
        let by_reference = entries.into_iter().map(|entry| (entry.e2e.clone(), entry)).collect();
        Ok(RequestBooks { file, by_reference, last })
    }

    pub fn find(&self, reference: &str) -> Option<&LedgerEntry> {
        self.by_reference.get(reference)
    }

    pub fn book(&mut self, entry: LedgerEntry) -> io::Result<()> {
        let entry = LedgerEntry { n: self.last + 1, ..entry };
        let mut line = Vec::new();
        write_line(&mut line, &entry)?;
        io::Write::write_all(&mut self.file, &line)?;
        self.file.sync_data()?;
        self.last = entry.n;
        self.by_reference.insert(entry.e2e.clone(), entry);
        Ok(())
    }
}

/// Every entry of a provider's book, for whoever judges.
pub(super) fn entries(disk: &dyn Disk, ledger: &Path) -> io::Result<Vec<LedgerEntry>> {
    let path = ledger.join(REQUESTS);
    if !disk.exists(&path)? {
        return Ok(Vec::new());
    }
    let mut text = String::new();
    disk.open(&path)?.read_to_string(&mut text)?;
    parsed(whole_lines(&text))
}

fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

fn parsed(text: &str) -> io::Result<Vec<LedgerEntry>> {
    let damaged = |_| io::Error::new(io::ErrorKind::InvalidData, "the book of requests is damaged");
    text.lines().map(|line| serde_json::from_str(line).map_err(damaged)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::behaviour::Behaviour;
    use super::super::ledger::Day;
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_half_written_line_is_taken_away_and_the_rest_is_found_again() {
        let folder = std::env::temp_dir().join(format!("chitra-requests-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let entry = |e2e: &str| LedgerEntry {
            n: 0,
            e2e: e2e.to_owned(),
            account: "+84901".to_owned(),
            name: String::new(),
            batch: String::new(),
            amount_minor: 5,
            behaviour: Behaviour::Pay,
            credited: Some(Day(date(2026, 11, 2))),
            said: None,
            returned: None,
        };
        RequestBooks::open(&folder).unwrap().book(entry("A")).unwrap();
        let path = folder.join(REQUESTS);
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"n\":2,\"e2e\":\"B");
        std::fs::write(&path, torn).unwrap();
        assert_eq!(entries(&RealDisk, &folder).unwrap().len(), 1);
        let mut books = RequestBooks::open(&folder).unwrap();
        assert!(books.find("A").is_some() && books.find("B").is_none());
        books.book(entry("B")).unwrap();
        let found = entries(&RealDisk, &folder).unwrap();
        assert_eq!(found.iter().map(|one| one.n).collect::<Vec<_>>(), [1, 2]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
