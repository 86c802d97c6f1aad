//! The names by which officers and partners are known in commands, files and the log.
//!
//! Reads: a text that someone typed or wrote into the configuration.
//! Gives: a name that every later reader takes, the log among them: one word of small letters, digits
//! and hyphens that begins with a letter. Full names, with spaces and accents, are personal data and
//! are not kept here.

use std::fmt;

/// `lan`, `demobank`, `bidv-hn`: 1 to 40 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShortName(String);

const LENGTH_MAX: usize = 40;
/// As many digits in a row look like a national id, a phone or an account, which the log refuses.
const DIGITS_MAX: usize = 8;

impl ShortName {
    pub fn parse(text: &str) -> Result<ShortName, ShortNameError> {
        let refused = |rule: fn(String) -> ShortNameError| {
            // What was typed is shown back, and may be anything.
            Err(rule(text.chars().take(LENGTH_MAX).flat_map(char::escape_default).collect()))
        };
        if text.is_empty() || text.len() > LENGTH_MAX {
            return refused(ShortNameError::NameMustHaveUpTo40Characters);
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.chars().all(plain) {
            return refused(ShortNameError::NameMustBeSmallLettersDigitsAndHyphens);
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return refused(ShortNameError::NameMustBeginWithALetter);
        }
        let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        if digits.unwrap_or(0) > DIGITS_MAX {
            return refused(ShortNameError::NameMustNotBeAPersonalNumber);
        }
        Ok(ShortName(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShortNameError {
    #[error("the name `{0}` is not 1 to 40 characters long")]
    NameMustHaveUpTo40Characters(String),
    #[error(
        "the name `{0}` has more than small letters without accents, digits and hyphens; write it like nguyen-lan"
    )]
    NameMustBeSmallLettersDigitsAndHyphens(String),
    #[error("the name `{0}` does not begin with a letter")]
    NameMustBeginWithALetter(String),
    #[error("the name `{0}` looks like a national id, a phone or an account; use a short name")]
    NameMustNotBeAPersonalNumber(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), fn(String) -> ShortNameError>) {
        let expected = expected.map(|()| text.to_owned()).map_err(|rule| {
            rule(text.chars().take(LENGTH_MAX).flat_map(char::escape_default).collect())
        });
        assert_eq!(ShortName::parse(text).map(|name| name.to_string()), expected, "{text:?}");
    }

    #[test]
    fn a_name_is_one_plain_word() {
        use ShortNameError as E;
        for good in ["lan", "nguyen-lan", "bidv-hn", "k12345678", "a"] {
            check(good, Ok(()));
        }
        for (bad, rule) in [
            ("", E::NameMustHaveUpTo40Characters as fn(String) -> E),
            (&"a".repeat(41), E::NameMustHaveUpTo40Characters),
            ("Lan", E::NameMustBeSmallLettersDigitsAndHyphens),
            ("nguyễn", E::NameMustBeSmallLettersDigitsAndHyphens),
            ("thi lan", E::NameMustBeSmallLettersDigitsAndHyphens),
            ("../lan", E::NameMustBeSmallLettersDigitsAndHyphens),
            ("lan\n", E::NameMustBeSmallLettersDigitsAndHyphens),
            ("1lan", E::NameMustBeginWithALetter),
            ("-lan", E::NameMustBeginWithALetter),
            ("lan-079123456789", E::NameMustNotBeAPersonalNumber),
        ] {
            check(bad, Err(rule));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,60}") {
            let _ = ShortName::parse(&text);
        }
    }
}
