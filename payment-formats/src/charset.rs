//! What characters a partner's system takes, and how a Vietnamese name is made to fit.
//!
//! Marks are taken off first, by a table that covers Vietnamese and the Latin letters of minority
//! names; composed (NFC) and decomposed (NFD) text give the same. Only then is the allowed set
//! applied: general European transliteration tables do not know Latin Extended Additional and turn
//! `Nguyễn Thị Ánh` into `Nguy.n Th. nh`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::out_format::FieldRule;

/// Takes the marks off Latin letters, Đ and đ included; everything else stays as it is.
pub fn strip_vietnamese_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    append_stripped(&mut out, text);
    out
}

pub(crate) fn append_stripped(out: &mut String, text: &str) {
    out.extend(text.chars().filter_map(base_letter));
}

/// The letter without its marks, from a table of the ranges where such letters live: names are
/// folded for every payment.
fn base_letter(letter: char) -> Option<char> {
    let code = letter as usize;
    match code {
        0..0x80 => Some(letter),
        0x80..0x250 => BASES.low[code - 0x80],
        0x300..0x370 => None,
        0x1E00..0x1F00 => BASES.additional[code - 0x1E00],
        _ => Some(letter),
    }
}

struct Bases {
    low: [Option<char>; 0x250 - 0x80],
    additional: [Option<char>; 0x100],
}

static BASES: LazyLock<Bases> = LazyLock::new(|| {
    let base = |code: usize| char::from_u32(code as u32).and_then(find_base);
    Bases {
        low: std::array::from_fn(|at| base(at + 0x80)),
        additional: std::array::from_fn(|at| base(at + 0x1E00)),
    }
});

/// The letter without its marks; None for a combining mark that stands alone, as in NFD text.
fn find_base(letter: char) -> Option<char> {
    Some(match letter {
        '\u{0300}'..='\u{036F}' => return None,
        'à' | 'á' | 'ả' | 'ã' | 'ạ' | 'ă' | 'ằ' | 'ắ' | 'ẳ' | 'ẵ' | 'ặ' | 'â' | 'ầ' | 'ấ' | 'ẩ'
        | 'ẫ' | 'ậ' | 'ä' | 'å' | 'ā' | 'ą' => 'a',
        'À' | 'Á' | 'Ả' | 'Ã' | 'Ạ' | 'Ă' | 'Ằ' | 'Ắ' | 'Ẳ' | 'Ẵ' | 'Ặ' | 'Â' | 'Ầ' | 'Ấ' | 'Ẩ'
        | 'Ẫ' | 'Ậ' | 'Ä' | 'Å' | 'Ā' | 'Ą' => 'A',
        'è' | 'é' | 'ẻ' | 'ẽ' | 'ẹ' | 'ê' | 'ề' | 'ế' | 'ể' | 'ễ' | 'ệ' | 'ë' | 'ĕ' | 'ē' | 'ę'
        | 'ě' => 'e',
        'È' | 'É' | 'Ẻ' | 'Ẽ' | 'Ẹ' | 'Ê' | 'Ề' | 'Ế' | 'Ể' | 'Ễ' | 'Ệ' | 'Ë' | 'Ĕ' | 'Ē' | 'Ę'
        | 'Ě' => 'E',
        'ì' | 'í' | 'ỉ' | 'ĩ' | 'ị' | 'î' | 'ï' | 'ĭ' | 'ī' => 'i',
        'Ì' | 'Í' | 'Ỉ' | 'Ĩ' | 'Ị' | 'Î' | 'Ï' | 'Ĭ' | 'Ī' => 'I',
        'ò' | 'ó' | 'ỏ' | 'õ' | 'ọ' | 'ô' | 'ồ' | 'ố' | 'ổ' | 'ỗ' | 'ộ' | 'ơ' | 'ờ' | 'ớ' | 'ở'
        | 'ỡ' | 'ợ' | 'ö' | 'ŏ' | 'ō' => 'o',
        'Ò' | 'Ó' | 'Ỏ' | 'Õ' | 'Ọ' | 'Ô' | 'Ồ' | 'Ố' | 'Ổ' | 'Ỗ' | 'Ộ' | 'Ơ' | 'Ờ' | 'Ớ' | 'Ở'
        | 'Ỡ' | 'Ợ' | 'Ö' | 'Ŏ' | 'Ō' => 'O',
        'ù' | 'ú' | 'ủ' | 'ũ' | 'ụ' | 'ư' | 'ừ' | 'ứ' | 'ử' | 'ữ' | 'ự' | 'û' | 'ü' | 'ŭ' | 'ū' => {
            'u'
        }
        'Ù' | 'Ú' | 'Ủ' | 'Ũ' | 'Ụ' | 'Ư' | 'Ừ' | 'Ứ' | 'Ử' | 'Ữ' | 'Ự' | 'Û' | 'Ü' | 'Ŭ' | 'Ū' => {
            'U'
        }
        'ỳ' | 'ý' | 'ỷ' | 'ỹ' | 'ỵ' | 'ÿ' => 'y',
        'Ỳ' | 'Ý' | 'Ỷ' | 'Ỹ' | 'Ỵ' | 'Ÿ' => 'Y',
        'đ' | 'ð' => 'd',
        'Đ' | 'Ð' => 'D',
        'ƀ' => 'b',
        'Ƀ' => 'B',
        'ç' | 'č' => 'c',
        'Ç' | 'Č' => 'C',
        'ñ' | 'ń' => 'n',
        'Ñ' | 'Ń' => 'N',
        other => other,
    })
}

/// The set as a definition writes it.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct CharsetDefinition {
    /// ASCII characters and ranges, as in `A-Za-z0-9 .-`. A hyphen stands first or last.
    pub allow: String,
    /// What stands for a sign that is not allowed: a text, or absent to refuse it.
    #[serde(default)]
    pub signs: Option<String>,
    /// What stands for a letter that has no Latin form: a text, or absent to refuse it.
    #[serde(default)]
    pub letters: Option<String>,
    /// Signs with a replacement of their own, such as `&`.
    #[serde(default)]
    pub map: BTreeMap<char, String>,
}

/// A compiled set and its policy.
pub(crate) struct Charset {
    allowed: [bool; 128],
    signs: Option<String>,
    letters: Option<String>,
    map: BTreeMap<char, String>,
}

impl Charset {
    pub fn compile(definition: &CharsetDefinition) -> Result<Charset, String> {
        let mut charset = Charset {
            allowed: [false; 128],
            signs: definition.signs.clone(),
            letters: definition.letters.clone(),
            map: definition.map.clone(),
        };
        let letters: Vec<char> = definition.allow.chars().collect();
        let mut at = 0;
        while at < letters.len() {
            let first = letters[at];
            let ranged = at + 2 < letters.len() && letters[at + 1] == '-';
            let last = if ranged { letters[at + 2] } else { first };
            if !printable(first) || !printable(last) || last < first {
                return Err(format!("`{first}` to `{last}` is not a range of printable ASCII"));
            }
            for allowed in first..=last {
                charset.allowed[allowed as usize] = true;
            }
            at += if ranged { 3 } else { 1 };
        }
        let stray = charset
            .map
            .values()
            .chain(&charset.signs)
            .chain(&charset.letters)
            .flat_map(|replacement| replacement.chars())
            .find(|letter| !charset.allows(*letter));
        match stray {
            Some(letter) => Err(format!("the replacement `{letter}` is not itself allowed")),
            None => Ok(charset),
        }
    }

    fn allows(&self, letter: char) -> bool {
        (letter as usize) < 128 && self.allowed[letter as usize]
    }

    /// Replaces `tail[start..]` by its cleaned form: marks off, the set applied, runs of spaces
    /// made one and the ends trimmed.
    pub fn clean(&self, tail: &mut String, start: usize) -> Result<(), FieldRule> {
        let bytes = &tail.as_bytes()[start..];
        let mut before = b' ';
        let fits = bytes.iter().all(|byte| {
            let doubled = before == b' ' && *byte == b' ';
            before = *byte;
            *byte < 128 && self.allowed[usize::from(*byte)] && !doubled
        });
        if fits && bytes.last() != Some(&b' ') {
            return Ok(());
        }
        let original = tail.split_off(start);
        for letter in original.chars().filter_map(base_letter) {
            // Almost every letter goes this way; spaces and signs need more care.
            if letter != ' ' && self.allows(letter) {
                tail.push(letter);
            } else {
                self.append(tail, start, letter)?;
            }
        }
        let kept = start + tail[start..].trim_end_matches(' ').len();
        tail.truncate(kept);
        Ok(())
    }

    fn append(&self, tail: &mut String, start: usize, letter: char) -> Result<(), FieldRule> {
        let mut push = |letter: char| {
            let opening = tail.len() == start || tail.ends_with(' ');
            if letter != ' ' || !opening {
                tail.push(letter);
            }
        };
        if self.allows(letter) {
            push(letter);
            return Ok(());
        }
        let replacement = match self.map.get(&letter) {
            Some(replacement) => replacement.as_str(),
            None if letter.is_control() => return Err(FieldRule::ControlCharacter),
            None if letter.is_whitespace() && self.allows(' ') => " ",
            None if invisible(letter) => "",
            None if letter.is_alphanumeric() => {
                self.letters.as_deref().ok_or(FieldRule::CharacterNotAllowed)?
            }
            None => self.signs.as_deref().ok_or(FieldRule::CharacterNotAllowed)?,
        };
        replacement.chars().for_each(&mut push);
        Ok(())
    }

    /// Refuses anything outside the set and changes nothing: for identifiers and accounts.
    pub fn exact(&self, text: &str) -> Result<(), FieldRule> {
        match text.bytes().all(|byte| byte < 128 && self.allowed[usize::from(byte)]) {
            true => Ok(()),
            false => Err(FieldRule::CharacterNotAllowed),
        }
    }
}

fn printable(letter: char) -> bool {
    (' '..='~').contains(&letter)
}

/// Zero-width and formatting characters that come with text copied from documents.
fn invisible(letter: char) -> bool {
    matches!(letter, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Charset {
        Charset::compile(&CharsetDefinition {
            allow: "A-Za-z0-9'. -".into(),
            signs: Some(" ".into()),
            letters: None,
            map: BTreeMap::from([('&', " va ".into()), ('’', "'".into())]),
        })
        .expect("a right set")
    }

    #[track_caller]
    fn check(text: &str, expected: Result<&str, FieldRule>) {
        let mut tail = format!("kept|{text}");
        let actual = names().clean(&mut tail, 5).map(|()| tail[5..].to_owned());
        assert_eq!(actual.as_deref().map_err(|rule| *rule), expected, "{text}");
        assert!(tail.starts_with("kept|"));
    }

    #[test]
    fn names_lose_their_marks_and_keep_their_letters() {
        for (text, expected) in [
            ("Nguyễn Thị Ánh Đào", "Nguyen Thi Anh Dao"),
            ("Nguye\u{0302}\u{0303}n Thi\u{0323} A\u{0301}nh Đa\u{0300}o", "Nguyen Thi Anh Dao"),
            ("H'Hen Niê", "H'Hen Nie"),
            ("H’Hen Niê", "H'Hen Nie"),
            ("Y Ƀhĭt Êƀan", "Y Bhit Eban"),
            ("  Trần \u{00A0} Văn\tB  ", "Tran Van B"),
            ("Lê & Con", "Le va Con"),
            ("Ng\u{200B}uyễn", "Nguyen"),
            ("O U\u{031B}\u{0301} Ơ", "O U O"),
            ("!!!", ""),
            ("", ""),
        ] {
            if text.contains('\t') {
                check(text, Err(FieldRule::ControlCharacter));
            } else {
                check(text, Ok(expected));
            }
        }
        check("山田", Err(FieldRule::CharacterNotAllowed));
    }

    #[test]
    fn every_vietnamese_letter_has_a_base() {
        let letters = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ";
        for letter in letters.chars().chain(letters.to_uppercase().chars()) {
            let base = base_letter(letter);
            assert!(base.is_some_and(|base| base.is_ascii_alphabetic()), "{letter}");
            assert_eq!(base.map(|b| b.is_uppercase()), Some(letter.is_uppercase()), "{letter}");
        }
    }
}
