//! Dated values: what the law says an amount or a coefficient is, from when it applies, and from
//! when that was known.
//!
//! Vietnamese decrees are retroactive as a rule, so every value has two times. The month of the
//! benefit picks by `applied_from`; the day the question is asked picks by `known_from`.

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::value::{Type, Value};

/// A sentence in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bilingual {
    pub vi: String,
    pub en: String,
}

/// One value of a rate or of a table row, with both its times.
#[derive(Clone, PartialEq, Debug)]
pub struct Version {
    pub applied_from: Period,
    pub known_from: Date,
    pub value: Value<'static>,
    pub citation: String,
    /// A: the text was seen. B: a secondary source or an interpretation. C: derived.
    pub certainty: String,
}

/// A named value of the law.
#[derive(Clone, PartialEq, Debug)]
pub struct Rate {
    pub name: String,
    pub kind: Type,
    pub title: Bilingual,
    pub versions: Vec<Version>,
}

/// Rows of values by exact keys: decision tables and levels that must never be computed.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    pub name: String,
    pub title: Bilingual,
    pub keys: Vec<(String, Type)>,
    pub gives: Type,
    /// In the order of their keys.
    pub rows: Vec<(Vec<Key>, Vec<Version>)>,
}

/// One key of a table's row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    Bool(bool),
    Int(i64),
    Enum(u16),
    Text(Box<str>),
}

/// The version that applies to a month, by what was known on a day: the latest `applied_from`, and
/// for one `applied_from` the latest `known_from`.
pub fn in_force(versions: &[Version], period: Period, known_at: Date) -> Option<usize> {
    let applies =
        |version: &Version| version.applied_from <= period && version.known_from <= known_at;
    versions
        .iter()
        .enumerate()
        .filter(|(_, version)| applies(version))
        .max_by_key(|(_, version)| (version.applied_from, version.known_from))
        .map(|(at, _)| at)
}

impl Table {
    /// The row with these keys. Values of other types than the table's find nothing.
    pub fn row(&self, keys: &[Value<'_>]) -> Option<&[Version]> {
        let found = self.rows.binary_search_by(|(row, _)| {
            row.iter().map(key_order).cmp(keys.iter().map(value_order))
        });
        found.ok().map(|at| self.rows[at].1.as_slice())
    }
}

/// Orders keys and values alike without copying texts.
fn key_order(key: &Key) -> (u8, i64, &str) {
    match key {
        Key::Bool(b) => (0, i64::from(*b), ""),
        Key::Int(i) => (1, *i, ""),
        Key::Enum(e) => (2, i64::from(*e), ""),
        Key::Text(t) => (3, 0, t),
    }
}

fn value_order<'v>(value: &Value<'v>) -> (u8, i64, &'v str) {
    match value {
        Value::Bool(b) => (0, i64::from(*b), ""),
        Value::Int(i) => (1, *i, ""),
        Value::Enum(e) => (2, i64::from(*e), ""),
        Value::Text(t) => (3, 0, t),
        _ => (4, 0, ""),
    }
}
