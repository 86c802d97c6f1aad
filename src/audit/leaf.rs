//! Leaves: one decision each, as canonical JSON that names no person in the clear.
//!
//! Reads: fields of an event (codes, ids, numbers, digests) and commitments to what is personal.
//! Gives: bytes that are the same for the same event everywhere, and commitments that can be
//! opened to an auditor who is given the salt and the value.
//!
//! Canonical: one object on one line, keys sorted, no spaces, whole numbers up to 2⁵³ − 1, so that
//! every JSON reader sees the same values (RFC 8785 gives the same bytes).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::tiles::ENTRY_BYTES_MAX;
use crate::domain::digest::{Digest, Hasher};

/// One entry of the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf(Vec<u8>);

impl Leaf {
    /// Begins a leaf. `event` is a code in the past tense, such as `list_approved`; `at` is the
    /// moment it was recorded, as the caller writes it.
    pub fn of(event: &str, at: &str) -> LeafBuilder {
        LeafBuilder { fields: BTreeMap::new(), refused: None }.text("event", event).text("at", at)
    }

    /// Reads an entry back, and refuses what is not a canonical leaf.
    pub fn parse(bytes: &[u8]) -> Result<(Leaf, Value), LeafError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(LeafError::LeafMustFit(bytes.len()));
        }
        let value: Value =
            serde_json::from_slice(bytes).map_err(|_| LeafError::LeafMustBeCanonical)?;
        if !value.is_object() || canonical_json(&value)? != bytes {
            return Err(LeafError::LeafMustBeCanonical);
        }
        Ok((Leaf(bytes.to_vec()), value))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Leaf {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Collects the fields of a leaf. A field that may not be in the log makes `build` refuse.
#[derive(Clone, Debug)]
pub struct LeafBuilder {
    fields: BTreeMap<String, Value>,
    refused: Option<LeafError>,
}

impl LeafBuilder {
    /// What the entry is about.
    pub fn event(&self) -> &str {
        self.fields.get("event").and_then(Value::as_str).unwrap_or_default()
    }

    /// A code, an id, a version, a moment: one word of letters, digits and `-_.:/+=`. Words with
    /// nine or more digits in a row are refused, because national ids, phones and accounts look
    /// like that; they go in as commitments.
    pub fn text(self, key: &str, word: &str) -> LeafBuilder {
        let value = checked_word(key, word).map(Value::from);
        self.field(key, value)
    }

    /// Several words, in the order given.
    pub fn texts<T: AsRef<str>>(self, key: &str, words: &[T]) -> LeafBuilder {
        let value: Result<Vec<Value>, LeafError> =
            words.iter().map(|word| checked_word(key, word.as_ref()).map(Value::from)).collect();
        self.field(key, value.map(Value::Array))
    }

    /// A count or an amount in minor units.
    pub fn number(self, key: &str, number: i64) -> LeafBuilder {
        let value = match number.unsigned_abs() <= EXACT_NUMBER_MAX {
            true => Ok(Value::from(number)),
            false => Err(LeafError::NumberMustBeExactEverywhere(key.to_owned())),
        };
        self.field(key, value)
    }

    pub fn flag(self, key: &str, flag: bool) -> LeafBuilder {
        self.field(key, Ok(Value::from(flag)))
    }

    /// The digest of a list, a file, a pack.
    pub fn digest(self, key: &str, digest: &Digest) -> LeafBuilder {
        self.field(key, Ok(Value::from(digest.to_string())))
    }

    /// What is personal, or could be guessed.
    pub fn commitment(self, key: &str, commitment: &Commitment) -> LeafBuilder {
        self.digest(key, &commitment.0)
    }

    pub fn build(self) -> Result<Leaf, LeafError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let bytes = canonical_json(&Value::Object(self.fields.into_iter().collect()))?;
        match bytes.len() {
            0..=ENTRY_BYTES_MAX => Ok(Leaf(bytes)),
            longer => Err(LeafError::LeafMustFit(longer)),
        }
    }

    /// Remembers the first refusal, so that a chain of fields needs one check at its end.
    fn field(mut self, key: &str, value: Result<Value, LeafError>) -> LeafBuilder {
        let value = value.and_then(|value| checked_key(key).map(|()| value));
        let added = value.and_then(|value| match self.fields.insert(key.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(LeafError::KeyMustBeUsedOnce(key.to_owned())),
        });
        if let Err(error) = added {
            self.refused.get_or_insert(error);
        }
        self
    }
}

/// The largest whole number that every JSON reader holds exactly: 2⁵³ − 1.
const EXACT_NUMBER_MAX: u64 = (1 << 53) - 1;
const WORD_BYTES_MAX: usize = 512;
const PERSONAL_DIGITS_MIN: usize = 9;

fn checked_key(key: &str) -> Result<(), LeafError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match !key.is_empty() && key.len() <= 64 && key.chars().all(plain) {
        true => Ok(()),
        false => Err(LeafError::KeyMustBeAPlainWord(key.chars().take(64).collect())),
    }
}

fn checked_word(key: &str, word: &str) -> Result<String, LeafError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+=".contains(c);
    if word.is_empty() || word.len() > WORD_BYTES_MAX || !word.chars().all(plain) {
        return Err(LeafError::TextMustBeOneWord(key.to_owned()));
    }
    let personal = |part: &str| {
        part.len() >= PERSONAL_DIGITS_MIN && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if word.split(|c: char| !c.is_ascii_alphanumeric()).any(personal) {
        return Err(LeafError::TextMustNotBeAPersonalNumber(key.to_owned()));
    }
    Ok(word.to_owned())
}

/// Writes JSON in its canonical form: sorted keys, no spaces, no fractions.
pub fn canonical_json(value: &Value) -> Result<Vec<u8>, LeafError> {
    let mut bytes = Vec::new();
    write_canonical(value, "", &mut bytes)?;
    Ok(bytes)
}

/// Depth is bounded, because a value comes from our own builder or from a reader that bounds it.
fn write_canonical(value: &Value, key: &str, bytes: &mut Vec<u8>) -> Result<(), LeafError> {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= EXACT_NUMBER_MAX);
            let whole =
                whole.ok_or_else(|| LeafError::NumberMustBeExactEverywhere(key.to_owned()))?;
            bytes.extend_from_slice(whole.to_string().as_bytes());
        }
        Value::Null | Value::Bool(_) | Value::String(_) => write_plain(value, bytes),
        Value::Array(values) => {
            bytes.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                write_canonical(value, key, bytes)?;
            }
            bytes.push(b']');
        }
        Value::Object(fields) => {
            // Sorted here and now: the map keeps another order when some crate asks it to.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            bytes.push(b'{');
            for (at, (key, value)) in fields.into_iter().enumerate() {
                checked_key(key)?;
                if at > 0 {
                    bytes.push(b',');
                }
                write_plain(&Value::from(key.as_str()), bytes);
                bytes.push(b':');
                write_canonical(value, key, bytes)?;
            }
            bytes.push(b'}');
        }
    }
    Ok(())
}

fn write_plain(value: &Value, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(value.to_string().as_bytes());
}

/// A promise about a value that shows nothing of it: SHA-256 over a secret salt and the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commitment(Digest);

impl Commitment {
    /// Commits to a value. The salt is 32 bytes that are used for this value only and kept with
    /// the office's keys; without it, few possible values could be tried one by one.
    pub fn to(salt: &[u8; 32], value: &[u8]) -> Commitment {
        let mut hasher = Hasher::new();
        hasher.update(b"chitra commitment v1\0");
        hasher.update(salt);
        hasher.update(value);
        Commitment(hasher.finish().0)
    }

    /// Whether this is the commitment to that value: what an auditor checks.
    pub fn opens(&self, salt: &[u8; 32], value: &[u8]) -> bool {
        *self == Commitment::to(salt, value)
    }

    /// Reads a commitment as it stands in a leaf.
    pub const fn from_digest(digest: Digest) -> Commitment {
        Commitment(digest)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LeafError {
    #[error("the leaf is not canonical JSON: one object, sorted keys, no spaces, whole numbers")]
    LeafMustBeCanonical,
    #[error(
        "the leaf has {0} bytes, and an entry has at most 65535; put what is long behind a digest"
    )]
    LeafMustFit(usize),
    #[error("the key `{0}` is not lower-case letters, digits and underscores")]
    KeyMustBeAPlainWord(String),
    #[error("the key `{0}` is used twice")]
    KeyMustBeUsedOnce(String),
    #[error(
        "the text of `{0}` is not one word of letters, digits and -_.:/+=; commit to it instead"
    )]
    TextMustBeOneWord(String),
    #[error(
        "the text of `{0}` looks like a national id, a phone or an account; commit to it instead"
    )]
    TextMustNotBeAPersonalNumber(String),
    #[error("the number of `{0}` is not a whole number up to 9007199254740991")]
    NumberMustBeExactEverywhere(String),
}

impl LeafError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            LeafError::LeafMustBeCanonical => "T101",
            LeafError::LeafMustFit(_) => "T102",
            LeafError::KeyMustBeAPlainWord(_) => "T103",
            LeafError::KeyMustBeUsedOnce(_) => "T104",
            LeafError::TextMustBeOneWord(_) => "T105",
            LeafError::TextMustNotBeAPersonalNumber(_) => "T106",
            LeafError::NumberMustBeExactEverywhere(_) => "T107",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> LeafBuilder {
        Leaf::of("list_approved", "2026-11-23T10:00:00Z")
    }

    #[test]
    fn a_leaf_is_canonical() {
        let commitment = Commitment::to(&[1; 32], b"Nguyen Van A");
        let leaf = leaf()
            .text("zone", "HN/001")
            .number("amount_minor", -750_000)
            .flag("second_person", true)
            .texts("reasons", &["b", "a"])
            .commitment("payee", &commitment)
            .build()
            .unwrap();
        let expected = format!(
            "{{\"amount_minor\":-750000,\"at\":\"2026-11-23T10:00:00Z\",\"event\":\"list_approved\",\
             \"payee\":\"{}\",\"reasons\":[\"b\",\"a\"],\"second_person\":true,\"zone\":\"HN/001\"}}",
            commitment.0
        );
        assert_eq!(std::str::from_utf8(leaf.as_bytes()).unwrap(), expected);
        assert_eq!(Leaf::parse(leaf.as_bytes()).unwrap().0, leaf);
    }

    #[track_caller]
    fn check(leaf: LeafBuilder, code: &str) {
        assert_eq!(leaf.build().map_or_else(|error| error.code(), |_| "ok"), code);
    }

    #[test]
    fn what_may_not_be_in_the_log_is_refused() {
        check(leaf().text("list", "HN-2026-11-0007"), "ok");
        check(leaf().text("list", ""), "T105");
        check(leaf().text("name", "Nguyen Van A"), "T105");
        check(leaf().text("name", "Nguyễn"), "T105");
        check(leaf().text("mail", "a@b.vn"), "T105");
        check(leaf().text("id", "079123456789"), "T106");
        check(leaf().text("id", "id:079123456789"), "T106");
        check(leaf().text("phone", "+84912345678"), "T106");
        check(leaf().texts("ids", &["x", "123456789"]), "T106");
        check(leaf().text("id", "12345678"), "ok");
        check(leaf().number("sum", 9_007_199_254_740_991), "ok");
        check(leaf().number("sum", 9_007_199_254_740_992), "T107");
        check(leaf().number("sum", i64::MIN), "T107");
        check(leaf().text("event", "again"), "T104");
        check(leaf().text("Event", "x"), "T103");
        check(leaf().text("", "x"), "T103");
        check(leaf().texts("many", &vec!["x".repeat(512); 128]), "T102");
    }

    #[test]
    fn only_canonical_bytes_are_read_back() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        for (bytes, expected) in [
            (r#"{"a":1,"b":"x"}"#, "ok"),
            (r#"{"b":"x","a":1}"#, "T101"),
            (r#"{"a":1, "b":"x"}"#, "T101"),
            (r#"{"a":1,"a":1}"#, "T101"),
            (r#"{"a":"\u0041"}"#, "T101"),
            (r#"{"a":1.5}"#, "T107"),
            (r#"{"a":1e3}"#, "T107"),
            (r#"{"a":-0}"#, "T107"),
            (r#"[1]"#, "T101"),
            ("", "T101"),
            (deep.as_str(), "T101"),
        ] {
            let actual = Leaf::parse(bytes.as_bytes()).map_or_else(|error| error.code(), |_| "ok");
            assert_eq!(actual, expected, "{bytes}");
        }
    }

    #[test]
    fn a_commitment_opens_only_with_its_salt_and_its_value() {
        let commitment = Commitment::to(&[1; 32], b"079123456789");
        assert!(commitment.opens(&[1; 32], b"079123456789"));
        assert!(!commitment.opens(&[2; 32], b"079123456789"));
        assert!(!commitment.opens(&[1; 32], b"079123456780"));
    }

    proptest::proptest! {
        #[test]
        fn fields_in_any_order_give_the_same_leaf(
            fields in proptest::collection::btree_map("[a-z_]{3,8}", 0i64..1000, 0..8),
        ) {
            proptest::prop_assume!(!fields.contains_key("event") && !fields.contains_key("at"));
            let forth = fields.iter().fold(leaf(), |leaf, (key, n)| leaf.number(key, *n));
            let back = fields.iter().rev().fold(leaf(), |leaf, (key, n)| leaf.number(key, *n));
            let (forth, back) = (forth.build().unwrap(), back.build().unwrap());
            proptest::prop_assert_eq!(&forth, &back);
            proptest::prop_assert!(Leaf::parse(forth.as_bytes()).is_ok());
        }

        #[test]
        fn no_bytes_make_parsing_panic(bytes: Vec<u8>, text in "\\PC{0,60}") {
            let _ = (Leaf::parse(&bytes), Leaf::parse(text.as_bytes()));
        }
    }
}
