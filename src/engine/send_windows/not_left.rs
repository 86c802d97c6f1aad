//! Which payments of a file that leaves payment by payment have not left: whoever answers for them has them from
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::lines::{Covered, Key};
use crate::domain::answer::Answer;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::engine::{Engine, EngineError};

/// Lines of a file that are read at once to find where its payments stand.
const LINES_A_PAGE: usize = 1_000;

/// On which line of an archived file each payment stands, of the file that was asked about last: its bytes never
/// change, and partners answer payment by payment.
#[derive(Default)]
pub struct LinesOfPayments(Mutex<Option<OfFile>>);

#[derive(Clone)]
struct OfFile {
    file: (CycleNo, BatchNo),
    lines: Arc<BTreeMap<Key, u64>>,
}

impl LinesOfPayments {
    fn of(&self, file: (CycleNo, BatchNo)) -> Option<Arc<BTreeMap<Key, u64>>> {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.as_ref().filter(|kept| kept.file == file).map(|kept| kept.lines.clone())
    }

    fn keep(&self, file: (CycleNo, BatchNo), lines: Arc<BTreeMap<Key, u64>>) {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *kept = Some(OfFile { file, lines });
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
    /// proved that the request did not leave.
    async fn not_left(
        &self,
        batch: &Batch,
        mut waiting: Vec<Key>,
    ) -> Result<Vec<Key>, EngineError> {
        if waiting.is_empty() {
            return Ok(waiting);
        }
        let covered = Covered::of(batch, &self.store.send_windows(batch).await?);
        let Some(lines) = self.lines_of_payments(batch).await? else { return Ok(Vec::new()) };
        waiting.retain(|key| {
            lines.get(key).is_none_or(|line| covered.of_line(*line).first_at.is_none())
        });
        Ok(waiting)
    }

    /// None where the partner is no longer spoken to by requests: then nobody can tell which line is whose.
    async fn lines_of_payments(
        &self,
        batch: &Batch,
    ) -> Result<Option<Arc<BTreeMap<Key, u64>>>, EngineError> {
        let file = (batch.cycle, batch.number);
        if let Some(known) = self.lines_of_payments.of(file) {
            return Ok(Some(known));
        }
        let Some(partner) = self.partner_of(batch) else { return Ok(None) };
        let mut lines = BTreeMap::new();
        let mut pages = self.pages(batch, partner, LINES_A_PAGE)?;
        while let Some(page) = pages.recv().await {
            lines.extend(page?.into_iter().map(|line| (line.key, line.number)));
        }
        let lines = Arc::new(lines);
        self.lines_of_payments.keep(file, lines.clone());
        Ok(Some(lines))
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
pub(super) const ASKED: [&str; 2] = [SEND, STATUS];
pub(super) const SEND: &str = "send";
pub(super) const STATUS: &str = "status";

pub(super) fn kept_as(batch: &Batch, asked: &str) -> String {
    format!("{}.{asked}.jsonl", batch.file_name)
}

fn is_said_to_requests(answer: &Answer, batch: &Batch) -> bool {
    ASKED.iter().any(|asked| answer.file_name == kept_as(batch, asked))
}
