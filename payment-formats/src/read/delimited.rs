//! Reading a sheet with separators as a stream of rows.
//!
//! The splitter is our own because it must refuse what others repair: a quote inside a plain cell,
//! text after a closing quote, a quote that is never closed. Each of these has moved an amount into
//! another row.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::budget::{Budget, Budgeted, io_rule};
use super::{FITS, ReadError, ReadRule, VALUE_BYTES_MAX};
use crate::amount::parse_minor;
use crate::answer::{AnswerField, Draft, Meaning, fold, parse_count};
use crate::definition::Diagnostic;
use crate::outcome::{FileFacts, Outcome, Place, Scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SheetDefinition {
    pub separator: char,
    /// Title rows before the header row.
    #[serde(default)]
    pub skip_rows: u64,
    pub column: BTreeMap<String, ColumnDefinition>,
    /// Rows whose first cell says so are passed over: subtotals.
    #[serde(default)]
    pub ignore_first: Vec<String>,
    pub total: Option<TotalDefinition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnDefinition {
    /// Names that the column may have; compared without marks, case and extra spaces.
    pub header: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    /// The value is the word that follows this text, as our reference in a remark.
    pub after: Option<String>,
}

/// The closing row, by the position of its cells from 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotalDefinition {
    pub first: String,
    pub count: Option<usize>,
    pub sum: Option<usize>,
    #[serde(default)]
    pub required: bool,
}

pub(crate) struct SheetAnswer {
    separator: u8,
    skip_rows: u64,
    columns: Vec<(AnswerField, Column)>,
    ignore_first: Vec<String>,
    total: Option<TotalDefinition>,
}

struct Column {
    header: Vec<String>,
    optional: bool,
    after: Option<String>,
}

impl SheetAnswer {
    pub fn compile(definition: SheetDefinition, faults: &mut Vec<Diagnostic>) -> SheetAnswer {
        let mut fault = |message: &str| faults.push(Diagnostic::error("delimited", message));
        let separator = match u8::try_from(definition.separator) {
            Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => byte,
            _ => {
                fault("a separator is one ASCII character, not a quote");
                b','
            }
        };
        let mut columns = Vec::new();
        for (word, column) in definition.column {
            let Some(field) = AnswerField::parse(&word) else {
                fault(&format!("`{word}` is not a field"));
                continue;
            };
            let header = column.header.iter().map(|name| fold(name)).collect();
            columns
                .push((field, Column { header, optional: column.optional, after: column.after }));
        }
        SheetAnswer {
            separator,
            skip_rows: definition.skip_rows,
            columns,
            ignore_first: definition.ignore_first.iter().map(|first| fold(first)).collect(),
            total: definition
                .total
                .map(|total| TotalDefinition { first: fold(&total.first), ..total }),
        }
    }

    /// Whether the header row has this sheet's columns.
    pub fn claims(&self, beginning: &[u8]) -> bool {
        let (input, budget) = Budgeted::new(beginning);
        let mut rows = Rows::new(input, budget, self.separator);
        let mut cells = Vec::new();
        for _ in 0..self.skip_rows {
            if rows.next(&mut cells) != Ok(true) {
                return false;
            }
        }
        rows.next(&mut cells) == Ok(true) && self.positions(&cells).is_ok()
    }

    /// Why it does not claim an answer that begins so.
    pub fn why_not(&self, beginning: &[u8]) -> String {
        let (input, budget) = Budgeted::new(beginning);
        let mut rows = Rows::new(input, budget, self.separator);
        let mut cells = Vec::new();
        for _ in 0..=self.skip_rows {
            match rows.next(&mut cells) {
                Ok(true) => {}
                Ok(false) => return "ends before its header".to_owned(),
                Err(rule) => return format!("has no header that can be read ({rule})"),
            }
        }
        let Err(field) = self.positions(&cells) else { return FITS.to_owned() };
        let column = self.columns.iter().find(|(known, _)| *known == field);
        let named = column.and_then(|(_, column)| column.header.first());
        format!("has no column `{}`, or two", named.map_or(field.word(), String::as_str))
    }

    /// Where each column stands, or the field whose column is missing or stands twice.
    fn positions(&self, header: &[String]) -> Result<Vec<Option<usize>>, AnswerField> {
        let header: Vec<String> = header.iter().map(|name| fold(name)).collect();
        self.columns
            .iter()
            .map(|(field, column)| {
                let mut found = (0..header.len()).filter(|at| column.header.contains(&header[*at]));
                match (found.next(), found.next()) {
                    (Some(at), None) => Ok(Some(at)),
                    (None, _) if column.optional => Ok(None),
                    _ => Err(*field),
                }
            })
            .collect()
    }

    pub fn read<R: BufRead>(
        &self,
        meaning: &Meaning,
        input: R,
        mut facts: FileFacts,
        sink: &mut dyn FnMut(Outcome) -> ControlFlow<()>,
    ) -> Result<FileFacts, ReadError> {
        let (input, budget) = Budgeted::new(input);
        let mut rows = Rows::new(input, budget, self.separator);
        let mut cells = Vec::new();
        let mut record = 0;
        for _ in 0..=self.skip_rows {
            match rows.next(&mut cells) {
                Ok(true) => {}
                Ok(false) => return Err(rows.refuse(record, ReadRule::FileMustBeWhole)),
                Err(rule) => return Err(rows.refuse(record, rule)),
            }
        }
        let width = cells.len();
        let positions = self.positions(&cells).map_err(|field| {
            let mut refused = rows.refuse(record, ReadRule::HeaderMustMatch);
            refused.place.field = Some(field.word().to_owned());
            refused
        })?;
        let mut total_seen = false;
        while rows.next(&mut cells).map_err(|rule| rows.refuse(record + 1, rule))? {
            record += 1;
            if total_seen {
                return Err(rows.refuse(record, ReadRule::NothingAfterTheTotal));
            }
            let first = fold(cells.first().map_or("", String::as_str));
            if let Some(total) = &self.total
                && total.first == first
            {
                check_total(total, &cells, meaning, &facts)
                    .map_err(|rule| rows.refuse(record, rule))?;
                total_seen = true;
                continue;
            }
            if self.ignore_first.contains(&first) {
                continue;
            }
            if cells.len() != width {
                let rule = ReadRule::ColumnsMustAgree { expected: width, found: cells.len() };
                return Err(rows.refuse(record, rule));
            }
            let mut draft = Draft::default();
            for ((field, column), position) in self.columns.iter().zip(&positions) {
                let Some(position) = position else { continue };
                let cell = cells[*position].trim();
                if cell.len() > VALUE_BYTES_MAX {
                    return Err(rows.refuse(record, ReadRule::ValueMustFit));
                }
                let value = match &column.after {
                    None => cell,
                    Some(mark) => {
                        let mut words = words_after(cell, mark);
                        let first = words.next().unwrap_or("");
                        // Other words may stand after the same mark; what looks like the first may be meant as well.
                        let bare = |word: &'_ str| {
                            word.trim_matches(|one: char| !one.is_alphanumeric()).to_owned()
                        };
                        let meant = bare(first);
                        let looks_alike = |one: &str| {
                            let one = bare(one);
                            one != meant
                                && one.len() == meant.len()
                                && one.bytes().any(|byte| byte.is_ascii_digit())
                        };
                        if words.any(looks_alike) {
                            draft.states_two(*field);
                        }
                        first
                    }
                };
                if !value.is_empty() {
                    draft.set(*field, value.to_owned());
                }
            }
            let place = Place { line: rows.line, record, field: None };
            let outcome = meaning.outcome(draft, Scope::Payment, place)?;
            facts.outcomes += 1;
            let minor = outcome.amount.map_or(0, |(minor, _)| minor);
            facts.payments.add(minor).map_err(|_| rows.refuse(record, ReadRule::TotalsMustFit))?;
            if sink(outcome).is_break() {
                return Err(rows.refuse(record, ReadRule::StoppedByCaller));
            }
        }
        match &self.total {
            Some(total) if total.required && !total_seen => {
                Err(rows.refuse(record, ReadRule::TotalMustBeThere))
            }
            _ => Ok(facts),
        }
    }
}

fn check_total(
    total: &TotalDefinition,
    cells: &[String],
    meaning: &Meaning,
    facts: &FileFacts,
) -> Result<(), ReadRule> {
    let cell = |at: usize| cells.get(at).map_or("", |cell| cell.trim());
    if let Some(at) = total.count {
        let declared = parse_count(cell(at)).ok_or(ReadRule::CountMustBeDigits)?;
        if declared != facts.payments.count {
            return Err(ReadRule::TotalsMustAgree {
                declared: declared.to_string(),
                found: facts.payments.count.to_string(),
            });
        }
    }
    if let Some(at) = total.sum {
        let currency =
            meaning.amount_currency(&Draft::default()).ok_or(ReadRule::CurrencyMustBeKnown)?;
        let declared = parse_minor(cell(at), currency).map_err(ReadRule::Amount)?;
        if i128::from(declared) != facts.payments.sum_minor {
            return Err(ReadRule::TotalsMustAgree {
                declared: format!("{declared} minor units"),
                found: format!("{} minor units", facts.payments.sum_minor),
            });
        }
    }
    Ok(())
}

/// The words after a mark that itself begins a word, wherever it stands.
fn words_after<'t>(text: &'t str, mark: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(mark)
        .filter(|(at, _)| {
            *at == 0 || text[..*at].ends_with(|before: char| !before.is_alphanumeric())
        })
        .filter_map(|(at, _)| text[at + mark.len()..].split_whitespace().next())
}

/// Splits bytes into rows of cells.
struct Rows<R> {
    input: Budgeted<R>,
    budget: Budget,
    separator: u8,
    first: bool,
    /// Where the row in hand begins.
    line: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// A quote inside a quoted cell: it ends the cell, or is the first of two.
    Quote,
    /// A carriage return that a line feed must follow.
    Return,
}

impl<R: BufRead> Rows<R> {
    fn new(input: Budgeted<R>, budget: Budget, separator: u8) -> Rows<R> {
        Rows { input, budget, separator, first: true, line: 1 }
    }

    /// Reads the next row that is not blank. False at the end.
    fn next(&mut self, cells: &mut Vec<String>) -> Result<bool, ReadRule> {
        loop {
            cells.clear();
            self.budget.renew();
            self.line = self.budget.line();
            let more = self.row(cells)?;
            if self.first {
                self.first = false;
                if let Some(cell) = cells.first_mut()
                    && let Some(rest) = cell.strip_prefix('\u{FEFF}')
                {
                    *cell = rest.to_owned();
                }
            }
            let blank = cells.len() <= 1 && cells.first().is_none_or(|cell| cell.is_empty());
            match (blank, more) {
                (false, _) => return Ok(true),
                (true, true) => {}
                (true, false) => return Ok(false),
            }
        }
    }

    /// Reads one row. False when the input has ended.
    fn row(&mut self, cells: &mut Vec<String>) -> Result<bool, ReadRule> {
        let mut cell: Vec<u8> = Vec::new();
        let mut state = State::CellStart;
        loop {
            let bytes = self.input.fill_buf().map_err(|error| io_rule(&error))?;
            if bytes.is_empty() {
                if matches!(state, State::Quoted | State::Return) {
                    return Err(ReadRule::QuotesMustBalance);
                }
                end_cell(&mut cell, cells)?;
                return Ok(false);
            }
            let mut used = 0;
            let mut ended = false;
            for byte in bytes {
                used += 1;
                state = match (state, *byte) {
                    (State::Quoted, b'"') => State::Quote,
                    (State::Quoted, byte) => {
                        cell.push(byte);
                        State::Quoted
                    }
                    (State::Quote, b'"') => {
                        cell.push(b'"');
                        State::Quoted
                    }
                    (State::Return, b'\n') | (_, b'\n') => {
                        ended = true;
                        break;
                    }
                    (State::Return, _) => return Err(ReadRule::QuotesMustBalance),
                    (State::CellStart, b'"') => State::Quoted,
                    (_, b'\r') => State::Return,
                    (_, byte) if byte == self.separator => {
                        end_cell(&mut cell, cells)?;
                        State::CellStart
                    }
                    (State::Quote, _) | (State::Plain, b'"') => {
                        return Err(ReadRule::QuotesMustBalance);
                    }
                    (_, byte) => {
                        cell.push(byte);
                        State::Plain
                    }
                };
            }
            self.input.consume(used);
            if ended {
                end_cell(&mut cell, cells)?;
                return Ok(true);
            }
        }
    }

    fn refuse(&self, record: u64, rule: ReadRule) -> ReadError {
        ReadError { rule, place: Place { line: self.line, record, field: None } }
    }
}

fn end_cell(cell: &mut Vec<u8>, cells: &mut Vec<String>) -> Result<(), ReadRule> {
    let text = String::from_utf8(std::mem::take(cell)).map_err(|_| ReadRule::TextMustBeUtf8)?;
    cells.push(text);
    Ok(())
}
