//! Every rail that is known: those of this library, and those that a country adds by text.

use crate::amount::Currency;
use crate::definition::{Diagnostic, Direction, toml_error};
use crate::in_format::InFormat;
use crate::out_format::OutFormat;

macro_rules! built_in {
    ($path:literal) => {
        ($path, include_str!(concat!("../formats/", $path)))
    };
}

/// The definitions of the library, by folder and file; a test holds this list and the folders
/// equal.
pub(crate) const BUILT_IN: &[(&str, &str)] = &[
    built_in!("ewallet-csv/format.toml"),
    built_in!("ewallet-csv/results.toml"),
    built_in!("gsma-mobile-money-batch/completions.toml"),
    built_in!("gsma-mobile-money-batch/format.toml"),
    built_in!("gsma-mobile-money-batch/rejections.toml"),
    built_in!("gsma-mobile-money-transaction/format.toml"),
    built_in!("gsma-mobile-money-transaction/results.toml"),
    built_in!("iso20022-camt029/recall.toml"),
    built_in!("iso20022-camt052/report.toml"),
    built_in!("iso20022-camt053/statement.toml"),
    built_in!("iso20022-camt054/returns.toml"),
    built_in!("iso20022-camt055-09/format.toml"),
    built_in!("iso20022-camt056-08/format.toml"),
    built_in!("iso20022-pain001-09/format.toml"),
    built_in!("iso20022-pain002/status.toml"),
    built_in!("pso-paypoint-csv/format.toml"),
    built_in!("pso-paypoint-csv/report.toml"),
    built_in!("vn-bank-bulk-csv/format.toml"),
    built_in!("vn-bank-bulk-csv/results.toml"),
];

/// A set of compiled formats.
#[derive(Default)]
pub struct Formats {
    out: Vec<OutFormat>,
    read: Vec<InFormat>,
}

/// One line of `formats list`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FormatSummary<'f> {
    pub id: &'f str,
    pub version: &'f str,
    /// Payments, or requests to give some back, go out; otherwise answers come in.
    pub out: bool,
    pub title_en: &'f str,
    pub title_vi: &'f str,
}

impl Formats {
    /// The formats of this library.
    pub fn built_in() -> Formats {
        let mut formats = Formats::default();
        for (path, definition) in BUILT_IN {
            if let Err(faults) = formats.add(definition) {
                panic!("the built-in definition {path} is tested to be right: {faults:?}");
            }
        }
        formats
    }

    /// Adds a definition of either direction, or replaces the one of the same id and direction: a
    /// country's own directory comes after the library's formats.
    pub fn add(&mut self, definition: &str) -> Result<(), Vec<Diagnostic>> {
        let direction: Direction =
            toml::from_str(definition).map_err(|error| vec![toml_error(&error)])?;
        match direction.direction.as_str() {
            "out" => {
                let format = OutFormat::parse(definition)?;
                self.out.retain(|known| known.id() != format.id());
                self.out.push(format);
                self.out.sort_by(|left, right| left.id().cmp(right.id()));
            }
            "in" => {
                let format = InFormat::parse(definition)?;
                self.read.retain(|known| known.id() != format.id());
                self.read.push(format);
                self.read.sort_by(|left, right| left.id().cmp(right.id()));
            }
            other => {
                let message = format!("`{other}` is neither in nor out");
                return Err(vec![Diagnostic::error("direction", message)]);
            }
        }
        Ok(())
    }

    /// The library's formats and the given definitions.
    pub fn with<'t>(
        definitions: impl IntoIterator<Item = &'t str>,
    ) -> Result<Formats, Vec<Diagnostic>> {
        let mut formats = Formats::built_in();
        definitions.into_iter().try_for_each(|definition| formats.add(definition))?;
        Ok(formats)
    }

    /// Says in which currency the caller orders: what an amount is in where an answer of a format with
    /// `currency = "ordered"` does not say.
    pub fn ordered_in(&mut self, currency: Currency) {
        self.read.iter_mut().for_each(|format| format.ordered_in(currency));
    }

    pub fn list(&self) -> Vec<FormatSummary<'_>> {
        let out = self.out.iter().map(|format| FormatSummary {
            id: format.id(),
            version: format.version(),
            out: true,
            title_en: format.title_en(),
            title_vi: format.title_vi(),
        });
        let read = self.read.iter().map(|format| FormatSummary {
            id: format.id(),
            version: format.version(),
            out: false,
            title_en: format.title_en(),
            title_vi: format.title_vi(),
        });
        out.chain(read).collect()
    }

    pub fn out(&self, id: &str) -> Option<&OutFormat> {
        self.out.iter().find(|format| format.id() == id)
    }

    pub fn read(&self, id: &str) -> Option<&InFormat> {
        self.read.iter().find(|format| format.id() == id)
    }

    /// The format of an answer by its beginning (some kilobytes). None when no format or more than
    /// one claims it: a guess between two banks' sheets would misread money.
    pub fn recognise(&self, first_bytes: &[u8]) -> Option<&InFormat> {
        let mut claims = self.read.iter().filter(|format| format.claims(first_bytes));
        match (claims.next(), claims.next()) {
            (Some(format), None) => Some(format),
            _ => None,
        }
    }
}
