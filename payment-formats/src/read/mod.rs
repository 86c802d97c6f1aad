//! Reading answers as streams: hostile input is refused with a code and a place, in bounded memory.

pub(crate) mod budget;
pub(crate) mod delimited;
pub(crate) mod json;
pub(crate) mod xml;

use crate::amount::AmountError;
use crate::outcome::Place;

/// The most bytes of one line, item, tag or text. Real ones have some hundreds.
pub(crate) const PIECE_BYTES_MAX: u64 = 64 * 1024;
/// The deepest element of a message. Real ones stay under twenty.
pub(crate) const DEPTH_MAX: usize = 64;
/// The longest value that is kept.
pub(crate) const VALUE_BYTES_MAX: usize = 4 * 1024;

/// Why a format is not taken for an answer that it claims.
pub(crate) const FITS: &str = "fits, and so does another";

/// Why a whole answer is refused. Outcomes that were given before are void: an answer is taken in
/// one transaction, or not at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {}, record {}{}: {rule}", place.line, place.record, field_part(place))]
pub struct ReadError {
    pub rule: ReadRule,
    pub place: Place,
}

fn field_part(place: &Place) -> String {
    place.field.as_ref().map_or_else(String::new, |field| format!(", {field}"))
}

impl ReadError {
    /// Stable, for quarantine reports.
    pub fn code(&self) -> &'static str {
        self.rule.code()
    }
}

/// The rule that an answer broke.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadRule {
    #[error("the text is not UTF-8: ask for the file in UTF-8")]
    TextMustBeUtf8,
    #[error("one line, item, tag or text is longer than {PIECE_BYTES_MAX} bytes")]
    PieceMustFit,
    #[error("a value is longer than {VALUE_BYTES_MAX} bytes")]
    ValueMustFit,
    #[error("elements are nested deeper than {DEPTH_MAX}")]
    DepthMustFit,
    #[error("a document type declaration is never needed, and may hide entities")]
    DoctypeMustBeAbsent,
    #[error("an entity that XML does not predefine")]
    EntityMustBePredefined,
    #[error("the XML is not well formed: {0}")]
    XmlMustBeWellFormed(String),
    #[error("a second root element, or text after the document")]
    OneRootOnly,
    #[error("a second message in one file")]
    OneMessageOnly,
    #[error("the document has no ISO 20022 namespace")]
    NamespaceMustBeThere,
    #[error("the message is `{found}`, not `{expected}` in a version that is read")]
    MessageMustBeExpected { expected: String, found: String },
    #[error("there is no `{0}` in the document")]
    BodyMustBeThere(String),
    #[error("a comment or instruction splits a value")]
    ValueMustBeWhole,
    #[error("stands more than once, and one of them must be wrong")]
    FieldMustBeUnique,
    #[error("the file ends before its end")]
    FileMustBeWhole,
    #[error("the header row has no column for it, or two")]
    HeaderMustMatch,
    #[error("the row has {found} columns, and the header has {expected}")]
    ColumnsMustAgree { expected: usize, found: usize },
    #[error("a quote stands where it may not, or is never closed")]
    QuotesMustBalance,
    #[error("a row after the closing total")]
    NothingAfterTheTotal,
    #[error("the closing total is missing: the file may have been cut")]
    TotalMustBeThere,
    #[error("the JSON is not right: {0}")]
    JsonMustBeRight(String),
    #[error("a member stands twice")]
    MembersMustBeUnique,
    #[error("must be a text or a whole number")]
    MemberMustBeText,
    #[error("is missing")]
    FieldMustBeThere,
    #[error("{0}")]
    Amount(AmountError),
    #[error("the currency is not in ISO 4217, or is not said")]
    CurrencyMustBeKnown,
    #[error("not a day that exists")]
    DateMustExist,
    #[error("neither CRDT nor DBIT")]
    DirectionMustBeKnown,
    #[error("a count is plain digits")]
    CountMustBeDigits,
    #[error("declared {declared}, but the content has {found}")]
    TotalsMustAgree { declared: String, found: String },
    #[error("the totals are too large to be held")]
    TotalsMustFit,
    #[error("reading was stopped by its caller")]
    StoppedByCaller,
    #[error("the file could not be read: {0}")]
    Io(String),
}

impl ReadRule {
    /// Whether the text itself is broken or cut, whatever should stand in it.
    pub(crate) fn is_of_the_text(&self) -> bool {
        matches!(
            self,
            ReadRule::TextMustBeUtf8
                | ReadRule::PieceMustFit
                | ReadRule::DepthMustFit
                | ReadRule::FileMustBeWhole
                | ReadRule::JsonMustBeRight(_)
                | ReadRule::MembersMustBeUnique
        )
    }

    pub fn code(&self) -> &'static str {
        match self {
            ReadRule::TextMustBeUtf8 => "M120",
            ReadRule::PieceMustFit => "M133",
            ReadRule::ValueMustFit => "M138",
            ReadRule::DepthMustFit => "M118",
            ReadRule::DoctypeMustBeAbsent => "M140",
            ReadRule::EntityMustBePredefined => "M141",
            ReadRule::XmlMustBeWellFormed(_) => "M148",
            ReadRule::OneRootOnly => "M146",
            ReadRule::OneMessageOnly => "M145",
            ReadRule::NamespaceMustBeThere => "M143",
            ReadRule::MessageMustBeExpected { .. } => "M142",
            ReadRule::BodyMustBeThere(_) => "M139",
            ReadRule::ValueMustBeWhole => "M147",
            ReadRule::FieldMustBeUnique => "M144",
            ReadRule::FileMustBeWhole => "M137",
            ReadRule::HeaderMustMatch => "M113",
            ReadRule::ColumnsMustAgree { .. } => "M112",
            ReadRule::QuotesMustBalance => "M115",
            ReadRule::NothingAfterTheTotal => "M111",
            ReadRule::TotalMustBeThere => "M114",
            ReadRule::JsonMustBeRight(_) => "M131",
            ReadRule::MembersMustBeUnique => "M130",
            ReadRule::MemberMustBeText => "M132",
            ReadRule::FieldMustBeThere => "M125",
            ReadRule::Amount(_) => "M102",
            ReadRule::CurrencyMustBeKnown => "M116",
            ReadRule::DateMustExist => "M117",
            ReadRule::DirectionMustBeKnown => "M119",
            ReadRule::CountMustBeDigits => "M110",
            ReadRule::TotalsMustAgree { .. } => "M135",
            ReadRule::TotalsMustFit => "M136",
            ReadRule::StoppedByCaller => "M134",
            ReadRule::Io(_) => "M129",
        }
    }
}
