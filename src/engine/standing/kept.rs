//! What is kept of answers, and the archived files, held against the log: the transactions by which partners
//! told of payments (without them a second payment is not found), the queue, and every file that came or went.
//!
//! Reads: transactions told by shard, the queue, the archive. Gives: differences, by answer and by file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::audit::standing::{MoneySum, Standing, to_letters};
use crate::disk::archive::ArchiveError;
use crate::domain::cycle::CycleState;
use crate::domain::digest::Digest;
use crate::domain::ids::Shard;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError, aside};
use crate::store::books::{Kept, discrepancy_line};

use super::{Compared, PAGE};

type Sums = BTreeMap<(i64, String), MoneySum>;

impl Engine {
    /// Sums what is kept of answers, and compares it with what was written.
    pub(super) async fn kept_stands(
        &self,
        standing: &Standing,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        let mut stands = Sums::new();
        let mut count = |of: Kept, answer: i64, line: &str, compared: &mut Compared| {
            let is_told = standing.says_what_is_kept_of(answer);
            let kind = match of {
                Kept::Transaction => "transaction told",
                Kept::Discrepancy => "item of the queue",
            };
            compared.counted(kind, is_told);
            if is_told {
                let kept = stands.entry((answer, of.name().to_owned())).or_default();
                kept.rows += 1;
                kept.sum = kept.sum.wrapping_add(self.keys.line(line));
            }
        };
        for shard in Shard::all() {
            for (answer, line) in self.store.transaction_lines(shard).await? {
                count(Kept::Transaction, answer.0, &line, compared);
            }
        }
        let mut after = 0;
        loop {
            let page = self.store.discrepancies_ever(after, PAGE).await?;
            for (number, one) in &page {
                count(Kept::Discrepancy, one.answer.0, &discrepancy_line(*number, one), compared);
            }
            match page.last() {
                Some((last, _)) if page.len() as i64 == PAGE => after = *last,
                _ => break,
            }
        }
        let written = standing.kept_sums();
        let keys: BTreeSet<&(i64, String)> = written.keys().chain(stands.keys()).collect();
        for key in keys {
            let of = |sums: &Sums| sums.get(key).copied().unwrap_or_default();
            let (written, stands) = (of(&written), of(&stands));
            if written != stands {
                let told = |sum: MoneySum| {
                    format!("{} rows with the sum {}", sum.rows, to_letters(sum.sum))
                };
                compared.differs(
                    "V312",
                    format!("{} of answer {}", key.1, key.0),
                    told(written),
                    told(stands),
                    "rows were changed, added or taken away without a command; compare them with a backup",
                );
            }
        }
        Ok(())
    }

    /// A row is found by its shard and its cycle, which its number says as well: one that was moved away is as
    /// good as gone.
    pub(super) async fn rows_are_in_their_place(
        &self,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        for (table, rows, first) in self.store.misplaced().await? {
            compared.differs(
                "V314",
                format!("table {table}"),
                "rows in the shard and cycle of their payable's number".to_owned(),
                format!("{rows} rows elsewhere, the first of payable number {first}"),
                "columns were changed without a command; compare them with a backup",
            );
        }
        Ok(())
    }

    /// The digests of all files that must be in the archive, and what each is: what was taken in, and the
    /// files of lists that were sealed.
    pub(super) async fn must_be_archived(
        &self,
        standing: &Standing,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let mut archived = standing.archived();
        for cycle in self.store.cycles().await? {
            if cycle.state == CycleState::Cancelled {
                continue;
            }
            for list in self.store.lists(cycle.number).await? {
                let body: Value = serde_json::from_str(&list.body).unwrap_or_default();
                for file in body.get("files").and_then(Value::as_array).into_iter().flatten() {
                    let told = |field: &str| file.get(field).and_then(Value::as_str);
                    if let (Some(name), Some(digest)) = (told("name"), told("sha256")) {
                        archived.insert(digest.to_owned(), format!("file {name}"));
                    }
                }
            }
        }
        Ok(archived)
    }

    /// Every file that came or went is in the archive, whole to its last byte. Reading a file costs less than
    /// comparing the rows that stand for its lines.
    pub(super) async fn archive_holds(
        &self,
        archived: BTreeMap<String, String>,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        for (digest, what) in archived {
            let Ok(digest) = Digest::parse(&digest) else { continue };
            let archive = self.archive.clone();
            let read = aside(move || Ok(archive.get(&digest, &mut std::io::sink()))).await?;
            compared.counted("archived file", true);
            let stands = match read {
                Ok(_) => continue,
                Err(ArchiveError::FileMustBeArchived(_)) => "has nothing of it",
                Err(ArchiveError::ArchivedFileMustBeWhole(_)) => "has a damaged copy",
                Err(error) => return Err(error.into()),
            };
            compared.archive_lacks(what, &digest, stands);
        }
        Ok(())
    }
}

impl Compared {
    fn archive_lacks(&mut self, what: String, digest: &Digest, stands: &str) {
        let sentence = format!(
            "{what}: the log says that it was archived as {digest}, the archive {stands}; put archive/ back from a \
             backup"
        );
        self.differences.push(super::Difference {
            code: "V313",
            row: what,
            log: format!("archived as {digest}"),
            database: format!("the archive {stands}"),
            sentence,
        });
    }
}
