//! A format that comes back: compiled once from its definition, then used for any number of files.
//!
//! Reads: the text of a definition, and answers as byte streams.
//! Gives: one [`Outcome`] after another, then [`FileFacts`]; or the rule for which the answer as a
//! whole is refused.

use std::io::BufRead;
use std::ops::ControlFlow;

use serde::Deserialize;

use crate::amount::Currency;
use crate::answer::{Meaning, MeaningDefinition};
use crate::definition::{Diagnostic, Title, toml_error};
use crate::outcome::{FileFacts, Outcome};
use crate::read::ReadError;
use crate::read::delimited::{SheetAnswer, SheetDefinition};
use crate::read::json::{JsonAnswer, JsonDefinition};
use crate::read::xml::{Sink, XmlAnswer, XmlDefinition};
use crate::statement::StatementPart;

/// A compiled incoming format.
pub struct InFormat {
    id: String,
    version: String,
    title: Title,
    reference: String,
    meaning: Meaning,
    kind: Kind,
    /// The same message read as an account statement.
    statement: Option<XmlAnswer>,
}

enum Kind {
    Xml(XmlAnswer),
    Json(JsonAnswer),
    Delimited(SheetAnswer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InDefinition {
    #[serde(rename = "direction")]
    _direction: String,
    id: String,
    version: String,
    title: Title,
    reference: String,
    #[serde(default)]
    meaning: MeaningDefinition,
    xml: Option<XmlDefinition>,
    json: Option<JsonDefinition>,
    delimited: Option<SheetDefinition>,
}

impl InFormat {
    /// Compiles a definition, or says everything that is wrong with it.
    pub fn parse(definition: &str) -> Result<InFormat, Vec<Diagnostic>> {
        let definition: InDefinition =
            toml::from_str(definition).map_err(|error| vec![toml_error(&error)])?;
        let mut faults = Vec::new();
        let meaning = Meaning::compile(&definition.meaning, &mut faults);
        let statement =
            definition.xml.as_ref().and_then(|xml| XmlAnswer::compile_statement(xml, &mut faults));
        let kind = match (definition.xml, definition.json, definition.delimited) {
            (Some(xml), None, None) => Some(Kind::Xml(XmlAnswer::compile(&xml, &mut faults))),
            (None, Some(json), None) => Some(Kind::Json(JsonAnswer::compile(&json, &mut faults))),
            (None, None, Some(sheet)) => {
                Some(Kind::Delimited(SheetAnswer::compile(sheet, &mut faults)))
            }
            _ => {
                faults.push(Diagnostic::error("", "give one of [xml], [json] and [delimited]"));
                None
            }
        };
        match kind {
            Some(kind) if faults.is_empty() => Ok(InFormat {
                id: definition.id,
                version: definition.version,
                title: definition.title,
                reference: definition.reference,
                meaning,
                kind,
                statement,
            }),
            _ => Err(faults),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn title_en(&self) -> &str {
        &self.title.en
    }

    pub fn title_vi(&self) -> &str {
        &self.title.vi
    }

    /// Where the layout comes from.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Says in which currency the caller orders, for formats whose answers leave it out.
    pub(crate) fn ordered_in(&mut self, currency: Currency) {
        self.meaning.ordered_in(currency);
    }

    /// Whether zeros at the beginning of an account are lost in this format.
    pub fn drops_account_zeros(&self) -> bool {
        self.meaning.drops_account_zeros()
    }

    /// Whether the partner's reference of a payment may be that of a booking or batch of many.
    pub fn refers_to_many(&self) -> bool {
        self.meaning.refers_to_many()
    }

    /// Whether it tells of an account within the day: its balances close nothing, and the statement tells all
    /// of it again.
    pub fn is_before_statement(&self) -> bool {
        self.meaning.is_before_statement()
    }

    /// Reads an answer and gives its outcomes in the order of the file.
    ///
    /// An error makes void what was given before it: take an answer in one transaction, and roll
    /// it back. A half-read answer must never move money.
    pub fn read(
        &self,
        input: impl BufRead,
        sink: &mut dyn FnMut(Outcome) -> ControlFlow<()>,
    ) -> Result<FileFacts, ReadError> {
        let facts = FileFacts { format_id: self.id.clone(), ..FileFacts::default() };
        match &self.kind {
            Kind::Xml(answer) => answer.read(&self.meaning, input, facts, Sink::Outcomes(sink)),
            Kind::Json(answer) => answer.read(&self.meaning, input, facts, Some(sink)),
            Kind::Delimited(answer) => answer.read(&self.meaning, input, facts, sink),
        }
    }

    /// Whether its files are account statements, with balances.
    pub fn is_statement(&self) -> bool {
        self.statement.is_some()
    }

    /// Whether its files have entries that bound what their payments come to (`FileFacts::overstated`).
    pub fn bounds_payments(&self) -> bool {
        matches!(&self.kind, Kind::Xml(answer) if answer.bounds_payments())
    }

    /// Whether its files say what becomes of recalls; then nothing in them is about money.
    pub fn answers_recalls(&self) -> bool {
        self.meaning.answers_recalls()
    }

    /// Reads the balances and entries of an account statement; gives nothing where the format has none.
    /// Whether they add up is for the caller, who knows the account. An error makes void what was given.
    pub fn read_statement(
        &self,
        input: impl BufRead,
        sink: &mut dyn FnMut(StatementPart) -> ControlFlow<()>,
    ) -> Result<FileFacts, ReadError> {
        let facts = FileFacts { format_id: self.id.clone(), ..FileFacts::default() };
        match &self.statement {
            Some(answer) => answer.read(&self.meaning, input, facts, Sink::Parts(sink)),
            None => Ok(facts),
        }
    }

    /// Whether an answer that begins so is in this format.
    pub fn claims(&self, first_bytes: &[u8]) -> bool {
        let beginning = String::from_utf8_lossy(first_bytes);
        match &self.kind {
            Kind::Xml(answer) => answer.claims(&beginning),
            Kind::Json(answer) => answer.claims(&beginning),
            Kind::Delimited(answer) => answer.claims(first_bytes),
        }
    }

    /// Why it does not claim an answer that begins so: what follows the word "it".
    pub fn why_not(&self, first_bytes: &[u8]) -> String {
        let beginning = String::from_utf8_lossy(first_bytes);
        match &self.kind {
            Kind::Xml(answer) => answer.why_not(&beginning),
            Kind::Json(answer) => answer.why_not(&beginning),
            Kind::Delimited(answer) => answer.why_not(first_bytes),
        }
    }

    /// Where the text of an answer is broken or cut, whatever should stand in it. Only JSON that begins as one
    /// of its answers does is looked at: the other kinds tell by their reading.
    pub fn fault_of_the_text(&self, first_bytes: &[u8], input: impl BufRead) -> Option<ReadError> {
        let beginning = String::from_utf8_lossy(first_bytes);
        match &self.kind {
            Kind::Json(answer) if answer.opens(&beginning) => {
                let read = answer.read(&self.meaning, input, FileFacts::default(), None);
                read.err().filter(|error| error.rule.is_of_the_text())
            }
            _ => None,
        }
    }

    /// Whether the whole of an answer is a list with nothing in it. Which list it is, its members cannot
    /// tell; its name may (`named`).
    pub fn is_empty_list(&self, first_bytes: &[u8]) -> bool {
        let beginning = String::from_utf8_lossy(first_bytes);
        matches!(&self.kind, Kind::Json(answer) if answer.is_empty_list(&beginning))
    }

    /// Words that stand in the names of its files, in small letters.
    pub fn named(&self) -> &[String] {
        match &self.kind {
            Kind::Json(answer) => answer.named(),
            Kind::Xml(_) | Kind::Delimited(_) => &[],
        }
    }

    /// What a reviewer should look at although the definition works.
    pub(crate) fn advice(&self) -> Vec<Diagnostic> {
        let mut advice = Vec::new();
        if self.title.vi.is_empty() || self.title.en.is_empty() {
            advice.push(Diagnostic::warning("title", "say it in English and in Vietnamese"));
        }
        if self.reference.is_empty() {
            advice.push(Diagnostic::warning("reference", "say where the layout comes from"));
        }
        if self.meaning.required().is_empty() && !matches!(self.kind, Kind::Xml(_)) {
            let message = "no field is required: a row without a reference is not refused";
            advice.push(Diagnostic::warning("meaning.required", message));
        }
        advice
    }
}
