//! Numbers, tables and progress as people read them.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};

use crate::cli::Voice;
use crate::domain::money::{Currency, Money};
use crate::engine::progress::Progress;

/// `1.234.567`: whole numbers grouped as Vietnamese do.
pub fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// Money as people read it: `1.234.567 VND`, `12,50 USD`.
pub fn money(minor: i128, currency: Currency) -> String {
    match currency.digits() {
        0 => format!("{} {currency}", grouped(minor)),
        _ => match i64::try_from(minor) {
            Ok(minor) => {
                let plain = Money::from_minor(minor, currency).to_string();
                let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
                let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
                format!("{whole},{fraction} {currency}")
            }
            Err(_) => format!("{} minor units {currency}", grouped(minor)),
        },
    }
}

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
}

struct Bar {
    bar: Mutex<Option<(String, indicatif::ProgressBar)>>,
}

impl Progress for Bar {
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
