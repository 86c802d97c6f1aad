//! Numbers, tables and progress as people read them.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};

use crate::cli::Voice;
pub use crate::domain::money::{grouped, told as money};

/// `1 payment`, `1.234 payments`.
pub fn payments(count: i64) -> String {
    let word = if count == 1 { "payment" } else { "payments" };
    format!("{} {word}", grouped(i128::from(count)))
}
use crate::engine::progress::Progress;

/// A table with columns as wide as their widest cell; columns named in `right` are right-aligned.
pub fn table(head: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let fill = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
                if right.contains(&at) { format!("{fill}{cell}") } else { format!("{cell}{fill}") }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.push(widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  "));
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// A bar on a terminal; elsewhere lines of the program's log, for who sets `CHITRA_LOG=chitra=debug`.
pub fn progress(voice: &Voice) -> Arc<dyn Progress> {
    match voice.quiet || voice.json || !std::io::stderr().is_terminal() {
        true => Arc::new(Logged),
        false => Arc::new(Bar { bar: Mutex::new(None) }),
    }
}

struct Logged;

impl Progress for Logged {
    fn at(&self, stage: &str, done: u64, total: u64) {
        tracing::debug!("{stage} {done}/{total}");
    }

    fn notice(&self, code: &'static str, sentence: &str) {
        eprintln!("{code}: {sentence}");
    }
}

struct Bar {
    bar: Mutex<Option<(String, indicatif::ProgressBar)>>,
}

impl Progress for Bar {
    fn notice(&self, code: &'static str, sentence: &str) {
        let Ok(bar) = self.bar.lock() else { return };
        let say = || eprintln!("{code}: {sentence}");
        match bar.as_ref() {
            Some((_, bar)) => bar.suspend(say),
            None => say(),
        }
    }

    fn at(&self, stage: &str, done: u64, total: u64) {
        let Ok(mut bar) = self.bar.lock() else { return };
        if bar.as_ref().is_none_or(|(shown, _)| shown != stage) {
            if let Some((_, old)) = bar.take() {
                old.finish_and_clear();
            }
            let new = match total {
                0 => indicatif::ProgressBar::new_spinner(),
                total => indicatif::ProgressBar::new(total),
            };
            if let Ok(style) = indicatif::ProgressStyle::with_template(
                "  {msg:<10} {bar:32} {pos}/{len} {elapsed}",
            ) {
                new.set_style(style);
            }
            new.set_message(stage.to_owned());
            *bar = Some((stage.to_owned(), new));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_position(done);
            if total > 0 && done >= total {
                bar.finish_and_clear();
            }
        }
    }
}
