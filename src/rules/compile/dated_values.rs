//! Reads the dated values of a pack: rates, and tables from CSV.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::{Builder, ITEMS_MAX, bilingual, shortened, type_named};
use crate::domain::period::parse_date;
use crate::rules::diagnostic::{Code, Diagnostic, Source};
use crate::rules::exact::Exact;
use crate::rules::expression::Binding;
use crate::rules::rate::{Key, Rate, Table, Version};
use crate::rules::value::{Type, Value};
use crate::rules::written::{RatesFile, TableFile, VersionFile};

impl Builder {
    pub(super) fn rates(&mut self, source: Source<'_>, file: &RatesFile, sources: &[Source<'_>]) {
        for rate in &file.rate {
            let kind = match type_named(rate.kind.get_ref()) {
                Some(kind @ (Type::Int | Type::Decimal | Type::Money)) => kind,
                _ => {
                    let message = "a rate is int, decimal or money";
                    self.fault(source, &rate.kind, Code::ReferenceMustExist, message);
                    continue;
                }
            };
            let versions = self.versions(source, kind, &rate.values);
            self.version_times(source, rate.name.span(), &versions);
            let index = self.pack.rates.len() as u16;
            if self.pack.rates.len() < ITEMS_MAX
                && self.bind(source, &rate.name, Binding::Rate(index, kind))
            {
                self.pack.rates.push(Rate {
                    name: rate.name.get_ref().clone(),
                    kind,
                    title: bilingual(&rate.title),
                    versions,
                });
            }
        }
        for table in &file.table {
            self.table(source, table, sources);
        }
    }

    fn versions(&mut self, source: Source<'_>, kind: Type, files: &[VersionFile]) -> Vec<Version> {
        let mut versions = Vec::new();
        for file in files {
            let applied_from = self.period(source, &file.applied_from);
            let known_from = self.date(source, &file.known_from);
            let value = self.value(source, kind, file.value.get_ref(), file.value.span());
            if let (Some(applied_from), Some(known_from), Some(value)) =
                (applied_from, known_from, value)
            {
                versions.push(Version {
                    applied_from,
                    known_from,
                    value,
                    citation: file.citation.clone(),
                    certainty: file.certainty.clone(),
                });
            }
        }
        versions
    }

    fn version_times(&mut self, source: Source<'_>, place: Range<usize>, versions: &[Version]) {
        let mut seen = HashSet::new();
        let twice = versions.iter().any(|v| !seen.insert((v.applied_from, v.known_from)));
        if versions.is_empty() || twice {
            let message = match twice {
                true => "two values apply from one month and are known from one day",
                false => "it needs at least one value",
            };
            self.found.push(Diagnostic::at(Code::RateNeedsValues, source, place, message));
        }
    }

    fn value(
        &mut self,
        source: Source<'_>,
        kind: Type,
        text: &str,
        place: Range<usize>,
    ) -> Option<Value<'static>> {
        let value = match kind {
            Type::Int => match text.bytes().all(|byte| byte.is_ascii_digit()) {
                true => text.parse().ok().map(Value::Int),
                false => None,
            },
            Type::Decimal => Exact::parse(text).ok().map(Value::Decimal),
            Type::Money => {
                let money = crate::rules::pack::money(text, self.pack.currency).ok();
                money.map(|m| Value::Money(Exact::from_minor(m.minor(), self.pack.currency)))
            }
            _ => None,
        };
        if value.is_none() {
            let message = format!("`{}` is not a plain {}", shortened(text), kind.name());
            self.found.push(Diagnostic::at(Code::LiteralMustRead, source, place, message));
        }
        value
    }

    fn table(&mut self, source: Source<'_>, file: &TableFile, sources: &[Source<'_>]) {
        let Some(gives @ (Type::Int | Type::Decimal | Type::Money)) =
            type_named(file.kind.get_ref())
        else {
            let message = "a table gives int, decimal or money";
            return self.fault(source, &file.kind, Code::ReferenceMustExist, message);
        };
        let mut keys = Vec::new();
        for key in &file.keys {
            let (name, kind) = match key.get_ref().split_once(':') {
                Some((name, kind)) => (name, type_named(kind)),
                None => (
                    key.get_ref().as_str(),
                    match self.names.bindings.get(key.get_ref()) {
                        Some(Binding::Input(_, kind)) => Some(*kind),
                        _ => None,
                    },
                ),
            };
            match kind {
                Some(kind @ (Type::Bool | Type::Int | Type::Enum(_) | Type::Text)) => {
                    keys.push((name.to_owned(), kind));
                }
                _ => {
                    let message = "a key is a fact, or column:int, column:bool, column:text";
                    return self.fault(source, key, Code::ReferenceMustExist, message);
                }
            }
        }
        let folder = source.path.strip_suffix("rates.toml").unwrap_or("");
        let path = format!("{folder}{}", file.file.get_ref());
        let Some(csv) = sources.iter().find(|candidate| candidate.path == path) else {
            let message = format!("`{path}` is not among the files");
            return self.fault(source, &file.file, Code::FileMustExist, message);
        };
        let rows = self.table_rows(*csv, &keys, gives);
        let index = self.pack.tables.len() as u16;
        let kinds = keys.iter().map(|(_, kind)| *kind).collect();
        if self.pack.tables.len() < ITEMS_MAX
            && self.bind(source, &file.name, Binding::Table { index, keys: kinds, gives })
        {
            let (name, title) = (file.name.get_ref().clone(), bilingual(&file.title));
            self.pack.tables.push(Table { name, title, keys, gives, rows });
        }
    }

    /// Rows of `key…, applied_from, known_from, value, citation, certainty`.
    fn table_rows(
        &mut self,
        source: Source<'_>,
        keys: &[(String, Type)],
        gives: Type,
    ) -> Vec<(Vec<Key>, Vec<Version>)> {
        let mut rows: BTreeMap<Vec<Key>, Vec<Version>> = BTreeMap::new();
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                self.found.push(Diagnostic::file(
                    Code::TableMustRead,
                    source.path,
                    error.to_string(),
                ));
                return Vec::new();
            }
        };
        let column = |name: &str| header.iter().position(|found| found.trim() == name);
        let wanted: Vec<Option<usize>> = keys
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(["applied_from", "known_from", "value", "citation", "certainty"])
            .map(column)
            .collect();
        if wanted.iter().any(Option::is_none) {
            let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!(
                "the columns are {}, applied_from, known_from, value, citation, certainty",
                names.join(", ")
            );
            self.found.push(Diagnostic::at(Code::TableMustRead, source, 0..0, message));
            return Vec::new();
        }
        let wanted: Vec<usize> = wanted.into_iter().flatten().collect();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let message = error.to_string();
                    self.found.push(Diagnostic::file(Code::TableMustRead, source.path, message));
                    return Vec::new();
                }
            };
            let start = record.position().map_or(0, |position| position.byte() as usize);
            let end = source.text.get(start..).and_then(|rest| rest.find('\n'));
            let place = start..end.map_or(source.text.len(), |end| start + end);
            let cell = |which: usize| record.get(wanted[which]).unwrap_or("").trim();
            let key: Option<Vec<Key>> =
                keys.iter().enumerate().map(|(at, (_, kind))| self.key(*kind, cell(at))).collect();
            let dates = (cell(keys.len()).parse(), parse_date(cell(keys.len() + 1)));
            let (Some(key), Ok(applied_from), Ok(known_from)) = (key, dates.0, dates.1) else {
                let message = "a key, month or day of this row cannot be read";
                self.found.push(Diagnostic::at(Code::TableMustRead, source, place, message));
                continue;
            };
            let Some(value) = self.value(source, gives, cell(keys.len() + 2), place.clone()) else {
                continue;
            };
            let versions = rows.entry(key).or_default();
            if versions.iter().any(|v| v.applied_from == applied_from && v.known_from == known_from)
            {
                let message = "this row stands twice for one month and day";
                self.found.push(Diagnostic::at(Code::RateNeedsValues, source, place, message));
            }
            versions.push(Version {
                applied_from,
                known_from,
                value,
                citation: cell(keys.len() + 3).to_owned(),
                certainty: cell(keys.len() + 4).to_owned(),
            });
        }
        rows.into_iter().collect()
    }

    fn key(&self, kind: Type, text: &str) -> Option<Key> {
        match kind {
            Type::Bool => text.parse().ok().map(Key::Bool),
            Type::Int => text.parse().ok().map(Key::Int),
            Type::Text => Some(Key::Text(text.into())),
            Type::Enum(which) => {
                let values = &self.pack.enumerations[usize::from(which)];
                values.iter().position(|value| value == text).map(|at| Key::Enum(at as u16))
            }
            _ => None,
        }
    }
}
