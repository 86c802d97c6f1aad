//! A definition as it is written: TOML tables, checked when they are loaded.
//!
//! Reads: the text of `format.toml` and of the answers' definitions.
//! Gives: diagnostics with the place of each fault. Compiling is in `out_format` and `in_format`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::charset::{Charset, CharsetDefinition};
use crate::expression::Library;
use crate::in_format::InFormat;
use crate::out_format::OutFormat;

/// Something that a definition's author should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The part of the definition: `xml.payment[3] PmtId/EndToEndId`.
    pub place: String,
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The definition cannot be used.
    Error,
    /// It can be used, and something is probably missing.
    Warning,
}

impl Diagnostic {
    pub(crate) fn error(place: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    pub(crate) fn warning(place: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(place, message) }
    }
}

/// Checks a definition of either direction without using it.
pub fn check(definition: &str) -> Vec<Diagnostic> {
    let direction = match toml::from_str::<Direction>(definition) {
        Ok(direction) => direction,
        Err(error) => return vec![toml_error(&error)],
    };
    match direction.direction.as_str() {
        "out" => {
            OutFormat::parse(definition).map_or_else(|faults| faults, |format| format.advice())
        }
        "in" => InFormat::parse(definition).map_or_else(|faults| faults, |format| format.advice()),
        other => vec![Diagnostic::error("direction", format!("`{other}` is neither in nor out"))],
    }
}

/// The one key that both directions share, read first.
#[derive(Deserialize)]
pub(crate) struct Direction {
    pub direction: String,
}

pub(crate) fn toml_error(error: &toml::de::Error) -> Diagnostic {
    let place = error.span().map_or_else(String::new, |span| format!("byte {}", span.start));
    Diagnostic::error(place, error.message().to_owned())
}

/// English and Vietnamese, wherever a person reads.
#[derive(Clone, Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Title {
    pub en: String,
    pub vi: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutDefinition {
    #[serde(rename = "direction")]
    pub _direction: String,
    pub id: String,
    pub version: String,
    pub title: Title,
    /// Where the layout comes from; what a reviewer compares with.
    pub reference: String,
    pub kind: OutKind,
    /// The name by which an answer or a recall calls such a file: `pain.001.001.09`.
    pub message: Option<String>,
    /// Files of this format ask payments back, and order none.
    #[serde(default)]
    pub recalls: bool,
    /// Which kinds of address the rail carries.
    pub accepts: Vec<String>,
    /// Currencies that the rail carries; empty means every one.
    #[serde(default)]
    pub currencies: Vec<String>,
    pub file: FileDefinition,
    #[serde(default)]
    pub limits: LimitsDefinition,
    #[serde(default)]
    pub charset: BTreeMap<String, CharsetDefinition>,
    #[serde(default)]
    pub table: BTreeMap<String, BTreeMap<String, String>>,
    pub tree: Option<TreeDefinition>,
    pub delimited: Option<DelimitedDefinition>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutKind {
    Xml,
    Json,
    Delimited,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileDefinition {
    pub extension: String,
    #[serde(default)]
    pub bom: bool,
    #[serde(default = "lf")]
    pub newline: Newline,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Newline {
    Lf,
    Crlf,
}

fn lf() -> Newline {
    Newline::Lf
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsDefinition {
    pub payments_max: Option<u64>,
    pub amount_min_minor: Option<i64>,
    pub amount_max_minor: Option<i64>,
    pub amount_multiple_minor: Option<i64>,
}

/// An XML or JSON document: what stands before the payments, for each payment, and after them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TreeDefinition {
    /// Every payment is a JSON document of its own, on a line: the body of one request.
    #[serde(default)]
    pub lines: bool,
    /// The path of what is repeated for each payment.
    #[serde(default)]
    pub repeat: String,
    #[serde(default)]
    pub head: Vec<ValueDefinition>,
    /// Paths relative to `repeat`.
    pub payment: Vec<ValueDefinition>,
    #[serde(default)]
    pub tail: Vec<ValueDefinition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DelimitedDefinition {
    pub separator: char,
    /// Lines before the header row.
    #[serde(default)]
    pub head: Vec<Vec<ValueDefinition>>,
    #[serde(default = "yes")]
    pub header: bool,
    pub column: Vec<ValueDefinition>,
    pub subtotal: Option<Vec<ValueDefinition>>,
    /// Lines after the last payment.
    #[serde(default)]
    pub tail: Vec<Vec<ValueDefinition>>,
}

fn yes() -> bool {
    true
}

/// One value and its place: a column, an element, an attribute or a JSON member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueDefinition {
    /// Column name, or path: `PmtId/EndToEndId`, `Amt/InstdAmt@Ccy`, `creditParty/[0]/key`.
    #[serde(default)]
    pub at: String,
    /// An expression.
    pub value: Option<String>,
    /// A constant.
    pub text: Option<String>,
    /// Left out unless this expression is not empty.
    pub when: Option<String>,
    #[serde(default)]
    pub required: bool,
    pub min: Option<usize>,
    pub max: Option<usize>,
    /// Cut at `max` rather than refused.
    #[serde(default)]
    pub truncate: bool,
    /// JSON: written without quotes.
    #[serde(default)]
    pub number: bool,
}

/// Compiles the character sets and tables that expressions refer to.
pub(crate) fn library(definition: &OutDefinition, faults: &mut Vec<Diagnostic>) -> Library {
    let mut library = Library::default();
    for (name, charset) in &definition.charset {
        match Charset::compile(charset) {
            Ok(charset) => library.charsets.push((name.clone(), charset)),
            Err(message) => faults.push(Diagnostic::error(format!("charset.{name}"), message)),
        }
    }
    for (name, table) in &definition.table {
        library.tables.push((name.clone(), table.clone()));
    }
    library
}
