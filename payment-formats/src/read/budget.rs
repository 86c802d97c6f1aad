//! A reader that gives only so many bytes for one piece of an answer, and counts lines.
//!
//! Parsers collect a line, a text or an item before they give it, and none of them has a limit of
//! its own. Here the limit lies under them: when a piece has used its budget, reading fails, and
//! 200 MB of one line cost 64 KiB.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::{PIECE_BYTES_MAX, ReadRule};

/// Shared by the reader, which a parser owns, and whoever knows where a piece begins.
#[derive(Clone, Default)]
pub(crate) struct Budget {
    spent: Rc<Cell<u64>>,
    lines: Rc<Cell<u64>>,
}

impl Budget {
    /// A new piece begins.
    pub fn renew(&self) {
        self.spent.set(0);
    }

    /// The line on which reading stands, from one.
    pub fn line(&self) -> u64 {
        self.lines.get() + 1
    }
}

pub(crate) struct Budgeted<R> {
    inner: R,
    budget: Budget,
}

impl<R: BufRead> Budgeted<R> {
    pub fn new(inner: R) -> (Budgeted<R>, Budget) {
        let budget = Budget::default();
        (Budgeted { inner, budget: budget.clone() }, budget)
    }
}

impl<R: BufRead> BufRead for Budgeted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = PIECE_BYTES_MAX.saturating_sub(self.budget.spent.get());
        let bytes = self.inner.fill_buf()?;
        if left == 0 && !bytes.is_empty() {
            return Err(io::Error::other(OverBudget));
        }
        // A caller's slice may be the whole file; a parser may take all that it is shown.
        let shown = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(&bytes[..shown])
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            let taken = &bytes[..amount.min(bytes.len())];
            let lines = taken.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.budget.lines.set(self.budget.lines.get() + lines);
        }
        self.budget.spent.set(self.budget.spent.get() + amount as u64);
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Budgeted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let amount = bytes.len().min(into.len());
        into[..amount].copy_from_slice(&bytes[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a piece is too long")]
struct OverBudget;

/// What a failed read means.
pub(crate) fn io_rule(error: &io::Error) -> ReadRule {
    let over = error.get_ref().is_some_and(|inner| inner.is::<OverBudget>());
    match over {
        true => ReadRule::PieceMustFit,
        false if error.kind() == io::ErrorKind::InvalidData => ReadRule::TextMustBeUtf8,
        false => ReadRule::Io(error.kind().to_string()),
    }
}
