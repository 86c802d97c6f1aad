//! The lines of an approved file that leave one by one, and what the windows say of each.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::channels::one_by_one::{OneByOne, RequestTerms};
use crate::domain::batch::Batch;
use crate::domain::ids::{AttemptNo, EndToEndId, PayableNo};
use crate::domain::instruction::Instruction;
use crate::domain::send_window::{LINES_A_WINDOW_MAX, SendWindow, WindowOutcome};
use crate::engine::render::rendered_digest;
use crate::engine::{Engine, EngineError};

pub(super) type Key = (PayableNo, AttemptNo);

/// One line of an approved file.
#[derive(Clone)]
pub(super) struct Line {
    /// From 1.
    pub number: u64,
    pub bytes: Vec<u8>,
    pub reference: String,
    pub key: Key,
    /// It goes again, and nothing but its key makes that harmless; when the key first went.
    pub known_by_key_since: Option<Arc<str>>,
}

/// What the windows say of each line of a file.
pub(super) struct Covered(Vec<OfLine>);

#[derive(Clone, Default)]
pub(super) struct OfLine {
    /// When the window began in which it first may have left; none: it has not.
    pub first_at: Option<Arc<str>>,
    /// It was in a window whose process died or was succeeded, and which may still be sending.
    pub lost: bool,
}

impl Covered {
    pub fn of(batch: &Batch, windows: &[SendWindow]) -> Covered {
        let mut covered =
            Covered(vec![OfLine::default(); usize::try_from(batch.count).unwrap_or(0)]);
        windows.iter().for_each(|window| covered.add(window));
        covered
    }

    pub fn add(&mut self, window: &SendWindow) {
        let began: Arc<str> = window.started_at.as_str().into();
        for line in window.lines.iter().filter(|line| !window.unsent.contains(*line)) {
            let place = usize::try_from(line - 1).unwrap_or(usize::MAX);
            if let Some(of_line) = self.0.get_mut(place) {
                of_line.first_at.get_or_insert_with(|| began.clone());
                of_line.lost |= window.outcome == WindowOutcome::Lost;
            }
        }
    }

    pub fn of_line(&self, number: u64) -> OfLine {
        let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
        self.0.get(place).cloned().unwrap_or_default()
    }

    /// How many may have left.
    pub fn left(&self) -> i64 {
        self.0.iter().filter(|line| line.first_at.is_some()).count() as i64
    }
}

/// How many lines leave in one window: half a second of the quota, so that the two that may be open at once are
/// no more than a second of it.
pub(super) fn window_lines(terms: &RequestTerms) -> usize {
    u64::from(terms.per_second / 2).clamp(1, LINES_A_WINDOW_MAX) as usize
}

/// Whether the next window is recorded while one is sent. Two lines of one a second were two seconds.
pub(super) fn windows_overlap(terms: &RequestTerms) -> bool {
    terms.per_second >= 2
}

impl Engine {
    /// The instructions of some lines.
    pub(super) async fn states(
        &self,
        batch: &Batch,
        lines: &[Line],
    ) -> Result<BTreeMap<Key, Instruction>, EngineError> {
        let payables: Vec<PayableNo> = lines.iter().map(|line| line.key.0).collect();
        let mut states: BTreeMap<Key, Instruction> = self
            .store
            .instructions_of(&payables)
            .await?
            .into_iter()
            .map(|one| ((one.payable, one.attempt), one))
            .collect();
        states.retain(|key, one| {
            one.batch == batch.number && lines.iter().any(|line| line.key == *key)
        });
        match lines.iter().all(|line| states.contains_key(&line.key)) {
            true => Ok(states),
            false => Err(EngineError::Inconsistent(format!(
                "a line of {} is no payment of its batch",
                batch.file_name
            ))),
        }
    }

    /// The lines of the archived file, page by page.
    pub(super) fn pages(
        &self,
        batch: &Batch,
        partner: Arc<dyn OneByOne>,
        page_lines: usize,
    ) -> Result<mpsc::Receiver<Result<Vec<Line>, EngineError>>, EngineError> {
        let (send, receive) = mpsc::channel(1);
        let (archive, digest) = (self.archive.clone(), rendered_digest(batch)?);
        let (prefix, name) = (self.config.prefix.clone(), batch.file_name.clone());
        tokio::task::spawn_blocking(move || {
            let read = || -> Result<(), EngineError> {
                let file = BufReader::with_capacity(1 << 17, archive.open(&digest)?);
                let mut page = Vec::new();
                for (bytes, number) in file.split(b'\n').zip(1..) {
                    let bytes =
                        bytes.map_err(|error| EngineError::io(format!("reading {name}"), error))?;
                    let reference = partner.reference(&bytes);
                    let key = reference
                        .as_deref()
                        .and_then(|reference| EndToEndId::read(&prefix, reference));
                    let (Some(reference), Some(key)) = (reference, key) else {
                        return Err(EngineError::refused(
                            "N151",
                            format!(
                                "line {number} of {name} has no reference of ours where [provider.http] says that it \
                                 stands; correct `reference` there, or the format"
                            ),
                        ));
                    };
                    page.push(Line { number, bytes, reference, key, known_by_key_since: None });
                    if page.len() == page_lines
                        && send.blocking_send(Ok(std::mem::take(&mut page))).is_err()
                    {
                        return Ok(());
                    }
                }
                if !page.is_empty() {
                    // Nobody listens any more when sending was stopped.
                    let _ = send.blocking_send(Ok(page));
                }
                Ok(())
            };
            if let Err(error) = read() {
                let _ = send.blocking_send(Err(error));
            }
        });
        Ok(receive)
    }
}
