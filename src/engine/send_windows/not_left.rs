//! Which payments of a file that leaves payment by payment have not left: whoever answers for them has them from
//! elsewhere.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::lines::Key;
use crate::domain::answer::Answer;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::send_window::{SendWindow, WindowOutcome};
use crate::engine::{Engine, EngineError};

/// Lines of a file that are read at once to find where its payments stand.
const LINES_A_PAGE: usize = 1_000;
/// How many half-sent files are remembered: partners answer payment by payment, and of several files by turns.
const FILES_MAX: usize = 8;

/// Of half-sent files, on which line each payment stands and which lines may have left by the windows that ended.
#[derive(Default)]
pub struct HalfSentFiles(Mutex<Vec<OfFile>>);

#[derive(Clone)]
struct OfFile {
    file: (CycleNo, BatchNo),
    /// In the order of the payments. The bytes of a file never change.
    lines: Arc<[(Key, u64)]>,
    /// By line, what windows up to the last of `ended` say.
    left: Vec<bool>,
    ended: i64,
}

impl OfFile {
    /// Adds windows in their order, up to the first that has not ended: what of that one is proved not to have left
    /// is said when it ends.
    fn add_ended(&mut self, windows: &[SendWindow]) {
        for window in windows.iter().take_while(|one| one.outcome != WindowOutcome::Started) {
            self.ended = window.number;
            for line in window.lines.iter().filter(|line| !window.unsent.contains(*line)) {
                if let Some(left) = self.left.get_mut(place(line)) {
                    *left = true;
                }
            }
        }
    }

    /// Whether a payment stands in the file and may have left, by these windows as well. None when it does not stand
    /// there.
    fn has_left(&self, key: Key, windows: &[SendWindow]) -> Option<bool> {
        let at = self.lines.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let line = self.lines[at].1;
        let by_open = windows
            .iter()
            .any(|window| window.lines.contains(line) && !window.unsent.contains(line));
        Some(by_open || self.left.get(place(line)).copied().unwrap_or(false))
    }
}

fn place(line: u64) -> usize {
    usize::try_from(line - 1).unwrap_or(usize::MAX)
}

impl HalfSentFiles {
    fn of(&self, file: (CycleNo, BatchNo)) -> Option<OfFile> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| kept.file == file).cloned()
    }

    fn keep(&self, of_file: OfFile) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.file != of_file.file);
        if kept.len() >= FILES_MAX {
            kept.remove(0);
        }
        kept.push(of_file);
    }
}

impl Engine {
    /// Of orders that an answer names, those of half-sent files that have not left.
    pub(in crate::engine) async fn not_left_by(
        &self,
        answer: &Answer,
        half_sent: &[&Batch],
        named: &BTreeSet<Key>,
        orders: &[Instruction],
    ) -> Result<BTreeSet<Key>, EngineError> {
        let mut not_left = BTreeSet::new();
        for batch in half_sent {
            // What was said to our own requests is about what has left.
            if !is_said_to_requests(answer, batch) {
                let mut waiting = waiting_in(batch, orders);
                waiting.retain(|key| named.contains(key));
                not_left.extend(self.not_left(batch, waiting).await?);
            }
        }
        Ok(not_left)
    }

    /// Of orders that wait in half-sent files, how many have not left, and the name of one of these files.
    pub(in crate::engine) async fn still_here(
        &self,
        half_sent: &[&Batch],
        orders: &[Instruction],
    ) -> Result<(usize, Option<String>), EngineError> {
        let (mut count, mut name) = (0, None);
        for batch in half_sent {
            let here = self.not_left(batch, waiting_in(batch, orders)).await?.len();
            count += here;
            name = name.or_else(|| (here > 0).then(|| batch.file_name.clone()));
        }
        Ok((count, name))
    }

    /// Of these payments of a half-sent file, those that have not left: no window over their line has begun, or it is
    /// proved that the request did not leave. Where the file cannot be read nobody can tell, and it is none.
    async fn not_left(
        &self,
        batch: &Batch,
        mut waiting: Vec<Key>,
    ) -> Result<Vec<Key>, EngineError> {
        if waiting.is_empty() {
            return Ok(waiting);
        }
        let file = (batch.cycle, batch.number);
        let known = match self.half_sent_files.of(file) {
            Some(known) => known,
            None => match self.read_half_sent(batch).await {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(Vec::new()),
                // Sending tells of it, and renders the file again; what other partners say is taken in meanwhile.
                Err(error @ (EngineError::Refused { .. } | EngineError::Archive(_))) => {
                    tracing::warn!(
                        code = error.code(),
                        file = batch.file_name,
                        "a half-sent file cannot be read"
                    );
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            },
        };
        let windows = self.store.send_windows_after(batch, known.ended).await?;
        waiting.retain(|key| known.has_left(*key, &windows) == Some(false));
        let mut known = known;
        known.add_ended(&windows);
        self.half_sent_files.keep(known);
        Ok(waiting)
    }

    /// None where the partner is no longer spoken to by requests: then nobody can tell which line is whose.
    async fn read_half_sent(&self, batch: &Batch) -> Result<Option<OfFile>, EngineError> {
        let Some(partner) = self.partner_of(batch) else { return Ok(None) };
        let mut lines = Vec::new();
        let mut pages = self.pages(batch, partner, LINES_A_PAGE)?;
        while let Some(page) = pages.recv().await {
            lines.extend(page?.into_iter().map(|line| (line.key, line.number)));
        }
        lines.sort_unstable();
        Ok(Some(OfFile {
            file: (batch.cycle, batch.number),
            left: vec![false; lines.len()],
            lines: lines.into(),
            ended: 0,
        }))
    }
}

fn waiting_in(batch: &Batch, orders: &[Instruction]) -> Vec<Key> {
    let waiting = orders
        .iter()
        .filter(|one| one.batch == batch.number && one.state == InstructionState::InBatch);
    waiting.map(|one| (one.payable, one.attempt)).collect()
}

/// Whether a file leaves payment by payment and has not left to its end.
pub(in crate::engine) fn is_half_sent(batch: &Batch, one_by_one: &BTreeSet<BatchNo>) -> bool {
    batch.state == BatchState::Sending && one_by_one.contains(&batch.number)
}

/// Under the names of which what is said to requests is kept.
const ASKED: [&str; 2] = [SEND, STATUS];
pub(super) const SEND: &str = "send";
pub(super) const STATUS: &str = "status";

pub(super) fn kept_as(batch: &Batch, asked: &str) -> String {
    format!("{}.{asked}.jsonl", batch.file_name)
}

fn is_said_to_requests(answer: &Answer, batch: &Batch) -> bool {
    ASKED.iter().any(|asked| answer.file_name == kept_as(batch, asked))
}
