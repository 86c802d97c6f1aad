//! What is wrong with a pack, and where: file, line, column, a caret, and a code.
//!
//! Reads: byte ranges in pack sources. Gives: `Diagnostic`, one per broken rule, several at once.

use std::fmt;
use std::ops::Range;

/// One file of a pack: its path inside the pack's tree and its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source<'a> {
    pub path: &'a str,
    pub text: &'a str,
}

/// Whether the pack can be used in spite of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Severity {
    Error,
    Warning,
}

macro_rules! codes {
    ($($name:ident $text:literal $title:literal)*) => {
        /// The catalogue of what can be wrong with a pack. A code is never given a second meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The stable text: `R301`.
            pub fn text(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    FileMustBeToml "R101" "the file is not TOML of the expected shape"
    FileMustExist "R102" "a file that the pack needs is not there"
    FileMustBeExpected "R103" "the pack has no use for this file"
    IdMustBeUnique "R104" "two things have one id"
    ReferenceMustExist "R105" "it names something the pack does not declare"
    LiteralMustRead "R106" "a date, month, number or amount cannot be read"
    LimitExceeded "R107" "the pack is larger than a pack may be"
    CharacterUnexpected "R201" "a character that no expression has"
    TokenUnexpected "R202" "the expression does not read"
    ExpressionTooDeep "R203" "the expression is nested too deeply"
    ExpressionTooLong "R204" "the expression is too long"
    ExpressionTooCostly "R205" "the expression takes too many steps"
    NameUnknown "R301" "no fact, rate or definition has this name"
    FunctionUnknown "R302" "no function has this name"
    ArgumentsMustFit "R303" "the function takes other arguments"
    TypesMustAgree "R304" "the types do not fit"
    EnumValueUnknown "R305" "the fact has no such value"
    DateRoundingMustBeNamed "R306" "an ambiguous date must name its rounding"
    NameNotAllowedHere "R307" "this name has no meaning in this place"
    RateNeedsValues "R401" "the rate has no value, or two for one time"
    RoundingMustBeNamed "R402" "a rule that makes money must name its rounding"
    FieldMissing "R403" "the clause lacks a field that its kind needs"
    FieldNotAllowed "R404" "the clause has a field that its kind has no use for"
    IntervalMustRunForward "R405" "the interval ends before it begins"
    TableMustRead "R406" "the table cannot be read"
    BenefitNeedsClauses "R407" "the benefit can never be decided"
    Unused "R501" "nothing uses it"
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// One finding in one place of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    /// The line as it stands in the file; empty when the place is the whole file.
    pub excerpt: String,
    /// How many characters the caret underlines; at least 1.
    pub width: u32,
    pub message: String,
}

impl Diagnostic {
    /// A finding at a byte range of a source. A range outside the text points at its end.
    pub fn at(
        code: Code,
        source: Source<'_>,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        let text = source.text;
        let start = floor_boundary(text, range.start);
        let end = floor_boundary(text, range.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[..line_start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        let shown = text[line_start..line_end].trim_end_matches('\r');
        let width = text[start..end.min(line_end)].chars().count().max(1);
        Diagnostic {
            severity: severity(code),
            code,
            file: source.path.to_owned(),
            line: line as u32,
            column: text[line_start..start].chars().count() as u32 + 1,
            // A hostile line may be megabytes long; what a person can read is enough.
            excerpt: shown.chars().take(EXCERPT_MAX).collect(),
            width: width.min(EXCERPT_MAX) as u32,
            message: message.into(),
        }
    }

    /// A finding about a whole file, or about one that is not there.
    pub fn file(code: Code, path: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: severity(code),
            code,
            file: path.to_owned(),
            line: 1,
            column: 1,
            excerpt: String::new(),
            width: 1,
            message: message.into(),
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The form that people read:
///
/// ```text
/// error[R304]: a Money cannot be compared with an Int
///   --> programmes/vn/social_pension/clauses.toml:31:9
///    | when = "pension >= 5"
///    |         ^^^^^^^^^^^^
/// ```
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}[{}]: {}", self.code, self.message)?;
        write!(f, "  --> {}:{}:{}", self.file, self.line, self.column)?;
        if !self.excerpt.is_empty() {
            // Tabs are kept under the caret line so that the caret stands under its character.
            let margin: String = self
                .excerpt
                .chars()
                .take(self.column as usize - 1)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            write!(f, "\n   | {}\n   | {margin}{}", self.excerpt, "^".repeat(self.width as usize))?;
        }
        Ok(())
    }
}

fn severity(code: Code) -> Severity {
    match code {
        Code::Unused | Code::FileMustBeExpected => Severity::Warning,
        _ => Severity::Error,
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

const EXCERPT_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_vietnamese_text() {
        let text = "a = 1\nlý_do = \"tuổi > 5\"\n";
        let at = text.find("tuổi").unwrap();
        let source = Source { path: "x.toml", text };
        let shown =
            Diagnostic::at(Code::NameUnknown, source, at..at + "tuổi".len(), "no").to_string();
        assert_eq!(
            shown,
            "error[R301]: no\n  --> x.toml:2:10\n   | lý_do = \"tuổi > 5\"\n   |          ^^^^"
        );
    }

    #[test]
    fn a_range_outside_the_text_does_not_panic() {
        let backwards = Range { start: 5, end: 2 };
        for range in [0..0, backwards, 900..901, 3..900] {
            for text in ["", "é\né", "\r\n\r\n"] {
                Diagnostic::at(Code::NameUnknown, Source { path: "x", text }, range.clone(), "no")
                    .to_string();
            }
        }
    }

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].text() < pair[1].text()));
    }
}
