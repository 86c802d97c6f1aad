//! Reports: documents for people, rendered from values alone.
//!
//! Reads: a `CycleReport` that the engine has filled. Gives: one self-contained HTML document and
//! its CSV. No clock, no disk, no store: the same values give the same bytes.

pub mod cycle;
pub mod cycle_html;
mod cycle_proof;
mod cycle_bank;
pub mod cycle_csv;
pub mod pay_sheet;
pub mod control_note;
pub mod words;
pub mod wording;
pub mod figure;
pub mod page;
pub mod chart;

#[cfg(test)]
mod tests;
