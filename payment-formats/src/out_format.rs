//! A format that goes out: compiled once from its definition, then used for any number of files.
//!
//! Reads: the text of a `format.toml`.
//! Gives: a writer for a batch, and the pre-flight check of one payment, which evaluates the very
//! same values as the writer and so cannot disagree with it.

use std::io::Write;

use crate::definition::{
    Diagnostic, FileDefinition, LimitsDefinition, OutDefinition, OutKind, Title, library,
    toml_error,
};
use crate::expression::Library;
use crate::field::Scene;
use crate::file_writer::{FileWriter, WriteError};
use crate::layout::{Compiler, Layout};
use crate::payment::{Batch, ControlTotals, Payment};

/// A compiled outgoing format.
pub struct OutFormat {
    id: String,
    version: String,
    title: Title,
    reference: String,
    message: Option<String>,
    recalls: bool,
    accepts: Vec<String>,
    currencies: Vec<String>,
    pub(crate) file: FileDefinition,
    pub(crate) limits: LimitsDefinition,
    pub(crate) library: Library,
    pub(crate) layout: Layout,
}

impl OutFormat {
    /// Compiles a definition, or says everything that is wrong with it.
    pub fn parse(definition: &str) -> Result<OutFormat, Vec<Diagnostic>> {
        let definition: OutDefinition =
            toml::from_str(definition).map_err(|error| vec![toml_error(&error)])?;
        let mut faults = Vec::new();
        let library = library(&definition, &mut faults);
        let mut compiler = Compiler { library: &library, faults: &mut faults };
        let layout = match (definition.kind, &definition.tree, &definition.delimited) {
            (OutKind::Delimited, None, Some(delimited)) => {
                Some(Layout::Delimited(compiler.delimited(delimited)))
            }
            (OutKind::Xml | OutKind::Json, Some(tree), None) => {
                Some(Layout::Tree(compiler.tree(definition.kind, tree)))
            }
            _ => {
                let message = "xml and json have a [tree], delimited has [delimited]";
                faults.push(Diagnostic::error("kind", message));
                None
            }
        };
        for kind in &definition.accepts {
            if !["bank_account", "wallet", "mobile_money", "cash"].contains(&kind.as_str()) {
                faults.push(Diagnostic::error("accepts", format!("`{kind}` is not an address")));
            }
        }
        for code in &definition.currencies {
            if crate::Currency::parse(code).is_none() {
                faults.push(Diagnostic::error("currencies", format!("`{code}` is not ISO 4217")));
            }
        }
        if definition.accepts.is_empty() {
            faults.push(Diagnostic::error("accepts", "a rail carries some kind of address"));
        }
        match layout {
            Some(layout) if faults.is_empty() => Ok(OutFormat {
                id: definition.id,
                version: definition.version,
                title: definition.title,
                reference: definition.reference,
                message: definition.message,
                recalls: definition.recalls,
                accepts: definition.accepts,
                currencies: definition.currencies,
                file: definition.file,
                limits: definition.limits,
                library,
                layout,
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

    /// The message's name, such as `pain.001.001.09`; the format's own where it is no ISO message.
    pub fn message_name(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.id)
    }

    /// Whether its files ask payments back; then they order none.
    pub fn recalls(&self) -> bool {
        self.recalls
    }

    /// Kinds of address that the rail carries, by the words of [`crate::Address::kind`].
    pub fn accepts(&self) -> &[String] {
        &self.accepts
    }

    /// File name extension, without a dot.
    pub fn extension(&self) -> &str {
        &self.file.extension
    }

    /// The most payments that one file may hold, where the rail has such a limit.
    pub fn payments_max(&self) -> Option<u64> {
        self.limits.payments_max
    }

    /// Begins a file. Everything that stands before the first payment is written from `batch`.
    pub fn start<'f, W: Write>(
        &'f self,
        batch: &'f Batch<'f>,
        out: W,
    ) -> Result<FileWriter<'f, W>, WriteError> {
        self.check_batch(batch)?;
        FileWriter::start(self, batch, out)
    }

    /// What this format would refuse in one payment, before anything is written: length,
    /// characters, limits, address, a name that would come out empty.
    pub fn check_payment(
        &self,
        batch: &Batch<'_>,
        payment: &Payment<'_>,
    ) -> Result<(), FieldRefused> {
        self.check_terms(payment)?;
        let written = ControlTotals { count: 1, sum_minor: i128::from(payment.amount_minor) };
        let scene = Scene { batch, written, payment: Some(payment), group: None };
        let mut text = String::new();
        let mut evaluate = |value: &crate::layout::Value| {
            value.evaluate(&scene, &self.library, &mut text).map(|_| ())
        };
        match &self.layout {
            Layout::Tree(tree) => {
                for leaf in &tree.payment {
                    evaluate(&leaf.value)?;
                    for (_, value) in &tree.nodes[leaf.node].attributes {
                        evaluate(value)?;
                    }
                }
            }
            Layout::Delimited(delimited) => {
                delimited.columns.iter().try_for_each(evaluate)?;
            }
        }
        Ok(())
    }

    /// What is not a matter of one field: the address and the amount.
    pub(crate) fn check_terms(&self, payment: &Payment<'_>) -> Result<(), FieldRefused> {
        let refuse = |place: &str, rule| Err(FieldRefused { place: place.to_owned(), rule });
        let amount = payment.amount_minor;
        let limits = &self.limits;
        if !self.accepts.iter().any(|kind| kind == payment.address.kind()) {
            return refuse("payment.address", FieldRule::AddressNotCarried);
        }
        if amount <= 0 {
            return refuse("payment.amount", FieldRule::AmountMustBePositive);
        }
        if limits.amount_min_minor.is_some_and(|min| amount < min) {
            return refuse("payment.amount", FieldRule::AmountUnderLimit);
        }
        if limits.amount_max_minor.is_some_and(|max| amount > max) {
            return refuse("payment.amount", FieldRule::AmountOverLimit);
        }
        if limits.amount_multiple_minor.is_some_and(|unit| unit > 0 && amount % unit != 0) {
            return refuse("payment.amount", FieldRule::AmountNotAMultiple);
        }
        Ok(())
    }

    fn check_batch(&self, batch: &Batch<'_>) -> Result<(), WriteError> {
        if batch.totals.count == 0 {
            return Err(WriteError::BatchMustNotBeEmpty);
        }
        if let Some(max) = self.limits.payments_max
            && batch.totals.count > max
        {
            return Err(WriteError::TooManyPayments { max });
        }
        if !self.currencies.is_empty()
            && !self.currencies.iter().any(|code| code == batch.currency.code())
        {
            return Err(WriteError::CurrencyNotCarried);
        }
        Ok(())
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
        advice
    }
}

/// A payment that a format cannot carry as it is. Holds no personal data: the place is a field of
/// the file, not its value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct FieldRefused {
    /// Column or path of the file.
    pub place: String,
    pub rule: FieldRule,
}

impl FieldRefused {
    pub fn code(&self) -> &'static str {
        self.rule.code()
    }
}

/// The rule that a value broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FieldRule {
    #[error("it must not be empty, and nothing is left after the letters were made to fit")]
    MustNotBeEmpty,
    #[error("it has more than {max} characters")]
    TooLong { max: usize },
    #[error("it has fewer than {min} characters")]
    TooShort { min: usize },
    #[error("it has a character that the partner does not take")]
    CharacterNotAllowed,
    #[error("it has a control character")]
    ControlCharacter,
    #[error("the partner's table has no entry for it")]
    NotInTable,
    #[error("this rail does not carry such an address")]
    AddressNotCarried,
    #[error("an amount must be positive")]
    AmountMustBePositive,
    #[error("the amount is under the rail's limit")]
    AmountUnderLimit,
    #[error("the amount is over the rail's limit")]
    AmountOverLimit,
    #[error("the rail pays whole multiples only")]
    AmountNotAMultiple,
}

impl FieldRule {
    /// Stable, for holds and reports.
    pub fn code(&self) -> &'static str {
        match self {
            FieldRule::MustNotBeEmpty => "M123",
            FieldRule::TooLong { .. } => "M124",
            FieldRule::TooShort { .. } => "M126",
            FieldRule::CharacterNotAllowed => "M121",
            FieldRule::ControlCharacter => "M122",
            FieldRule::NotInTable => "M127",
            FieldRule::AddressNotCarried => "M101",
            FieldRule::AmountMustBePositive => "M106",
            FieldRule::AmountUnderLimit => "M104",
            FieldRule::AmountOverLimit => "M103",
            FieldRule::AmountNotAMultiple => "M105",
        }
    }
}
