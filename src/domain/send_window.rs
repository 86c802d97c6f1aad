//! A window: the requests of a batch that leave within half a second of a partner's quota.
//!
//! Where a partner takes payments one by one, an attempt is recorded for a window of them: before a
//! request of it leaves, and so that after a crash no more than two windows are unknown, which is a
//! second of the quota.

use std::collections::BTreeSet;

use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::state::named;

named!(
    WindowOutcome {
        /// Recorded, and not ended yet or never: the process died.
        Started = "started",
        /// Every line of it was answered, is unknown, or is proved not to have left.
        Ended = "ended",
        /// The process died inside it: what no evidence names is unknown.
        Lost = "lost",
    }
);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendWindow {
    pub cycle: CycleNo,
    pub batch: BatchNo,
    pub number: i64,
    pub lines: Lines,
    pub started_at: String,
    pub outcome: WindowOutcome,
    /// Lines of it that are proved not to have left.
    pub unsent: Lines,
}

/// Lines of a file, from 1, written as ranges: `1-50`, `7,12-13`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lines(BTreeSet<u64>);

impl Lines {
    pub fn read(text: &str) -> Option<Lines> {
        let mut lines = BTreeSet::new();
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
            if first == 0 || last < first || last - first >= LINES_A_WINDOW_MAX {
                return None;
            }
            lines.extend(first..=last);
        }
        Some(Lines(lines))
    }

    pub fn contains(&self, line: u64) -> bool {
        self.0.contains(&line)
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The most lines of one window, whatever a partner's quota.
pub const LINES_A_WINDOW_MAX: u64 = 1_000;

impl FromIterator<u64> for Lines {
    fn from_iter<I: IntoIterator<Item = u64>>(lines: I) -> Lines {
        Lines(lines.into_iter().collect())
    }
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines = self.0.iter().copied().peekable();
        let mut comma = "";
        while let Some(first) = lines.next() {
            let mut last = first;
            while lines.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_as_ranges_and_read_back() {
        for (lines, text) in [
            (vec![], ""),
            (vec![1], "1"),
            (vec![1, 2, 3], "1-3"),
            (vec![13, 7, 12], "7,12-13"),
            ((1..=1000).collect(), "1-1000"),
        ] {
            let lines: Lines = lines.into_iter().collect();
            assert_eq!(lines.to_string(), text);
            assert_eq!(Lines::read(text), Some(lines));
        }
        for wrong in ["0", "3-1", "x", "1-", "1-1001", "-1"] {
            assert_eq!(Lines::read(wrong), None, "{wrong}");
        }
    }
}
