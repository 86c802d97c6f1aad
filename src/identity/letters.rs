//! The 134 accented letters of Vietnamese: which vowel, which tone, which case.
//!
//! Gives: `split` and `join` between a letter and its parts. Everything that compares or damages
//! Vietnamese text is written in terms of these parts.

/// The twelve vowels without a tone, in the order of the alphabet.
pub const VOWELS: [char; 12] = ['a', 'ă', 'â', 'e', 'ê', 'i', 'o', 'ô', 'ơ', 'u', 'ư', 'y'];

/// The six tones, in the order of the columns of `LOWER`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Tone {
    Level,
    Grave,
    Hook,
    Tilde,
    Acute,
    Dot,
}

impl Tone {
    pub const ALL: [Tone; 6] =
        [Tone::Level, Tone::Grave, Tone::Hook, Tone::Tilde, Tone::Acute, Tone::Dot];

    /// The tone that a combining mark writes.
    pub fn of_mark(mark: char) -> Option<Tone> {
        match mark {
            '\u{300}' | '\u{340}' => Some(Tone::Grave),
            '\u{309}' => Some(Tone::Hook),
            '\u{303}' => Some(Tone::Tilde),
            '\u{301}' | '\u{341}' => Some(Tone::Acute),
            '\u{323}' => Some(Tone::Dot),
            _ => None,
        }
    }

    /// The combining mark that writes this tone; the level tone has none.
    pub fn mark(self) -> Option<char> {
        match self {
            Tone::Level => None,
            Tone::Grave => Some('\u{300}'),
            Tone::Hook => Some('\u{309}'),
            Tone::Tilde => Some('\u{303}'),
            Tone::Acute => Some('\u{301}'),
            Tone::Dot => Some('\u{323}'),
        }
    }
}

/// A vowel in its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Index into `VOWELS`.
    pub vowel: u8,
    pub tone: Tone,
    pub upper: bool,
}

/// Takes a Vietnamese vowel apart. None for consonants, đ and everything else.
pub fn split(letter: char) -> Option<Letter> {
    let code = match letter as u32 {
        at @ 0x41..=0x1B1 => LATIN[(at - 0x41) as usize],
        at @ 0x1EA0..=0x1EFF => EXTENDED[(at - 0x1EA0) as usize],
        _ => 0,
    };
    let at = code.checked_sub(1)?;
    let tone = Tone::ALL[usize::from(at % 6)];
    Some(Letter { vowel: at / 6 % 12, tone, upper: at >= 72 })
}

/// Puts a vowel together.
pub fn join(letter: Letter) -> char {
    let rows = if letter.upper { &UPPER } else { &LOWER };
    rows[usize::from(letter.vowel)][letter.tone as usize]
}

/// Makes NFC of Vietnamese text in NFD or in the mixed form of Windows (ê and a loose tone), and
/// replaces the look-alikes of Đ. What is not Vietnamese is passed through.
pub fn compose(text: &str) -> String {
    let mut composed = String::with_capacity(text.len());
    for letter in text.chars() {
        let previous = composed.chars().next_back().and_then(split);
        let joined = match (previous, letter) {
            (Some(vowel), mark) if is_quality_mark(mark) => with_quality(vowel, mark),
            (Some(vowel), mark) => Tone::of_mark(mark)
                .filter(|_| vowel.tone == Tone::Level)
                .map(|tone| Letter { tone, ..vowel }),
            (None, _) => None,
        };
        match (joined, letter) {
            (Some(vowel), _) => {
                composed.pop();
                composed.push(join(vowel));
            }
            (None, 'Ð' | 'Ɖ') => composed.push('Đ'),
            (None, 'ð' | 'ɖ') => composed.push('đ'),
            (None, other) => composed.push(other),
        }
    }
    composed
}

/// The combining marks that make ă, â, ê, ô, ơ, ư.
pub fn is_quality_mark(mark: char) -> bool {
    matches!(mark, '\u{302}' | '\u{306}' | '\u{31B}')
}

/// The vowel that a quality mark makes of a plain one, when the alphabet has it.
pub fn with_quality(letter: Letter, mark: char) -> Option<Letter> {
    let vowel = match (VOWELS[usize::from(letter.vowel)], mark) {
        ('a', '\u{306}') => 1,
        ('a', '\u{302}') => 2,
        ('e', '\u{302}') => 4,
        ('o', '\u{302}') => 7,
        ('o', '\u{31B}') => 8,
        ('u', '\u{31B}') => 10,
        _ => return None,
    };
    Some(Letter { vowel, ..letter })
}

/// Vowels in the order of `VOWELS`, tones in the order of `Tone::ALL`.
pub const LOWER: [[char; 6]; 12] = [
    ['a', 'à', 'ả', 'ã', 'á', 'ạ'],
    ['ă', 'ằ', 'ẳ', 'ẵ', 'ắ', 'ặ'],
    ['â', 'ầ', 'ẩ', 'ẫ', 'ấ', 'ậ'],
    ['e', 'è', 'ẻ', 'ẽ', 'é', 'ẹ'],
    ['ê', 'ề', 'ể', 'ễ', 'ế', 'ệ'],
    ['i', 'ì', 'ỉ', 'ĩ', 'í', 'ị'],
    ['o', 'ò', 'ỏ', 'õ', 'ó', 'ọ'],
    ['ô', 'ồ', 'ổ', 'ỗ', 'ố', 'ộ'],
    ['ơ', 'ờ', 'ở', 'ỡ', 'ớ', 'ợ'],
    ['u', 'ù', 'ủ', 'ũ', 'ú', 'ụ'],
    ['ư', 'ừ', 'ử', 'ữ', 'ứ', 'ự'],
    ['y', 'ỳ', 'ỷ', 'ỹ', 'ý', 'ỵ'],
];

pub const UPPER: [[char; 6]; 12] = [
    ['A', 'À', 'Ả', 'Ã', 'Á', 'Ạ'],
    ['Ă', 'Ằ', 'Ẳ', 'Ẵ', 'Ắ', 'Ặ'],
    ['Â', 'Ầ', 'Ẩ', 'Ẫ', 'Ấ', 'Ậ'],
    ['E', 'È', 'Ẻ', 'Ẽ', 'É', 'Ẹ'],
    ['Ê', 'Ề', 'Ể', 'Ễ', 'Ế', 'Ệ'],
    ['I', 'Ì', 'Ỉ', 'Ĩ', 'Í', 'Ị'],
    ['O', 'Ò', 'Ỏ', 'Õ', 'Ó', 'Ọ'],
    ['Ô', 'Ồ', 'Ổ', 'Ỗ', 'Ố', 'Ộ'],
    ['Ơ', 'Ờ', 'Ở', 'Ỡ', 'Ớ', 'Ợ'],
    ['U', 'Ù', 'Ủ', 'Ũ', 'Ú', 'Ụ'],
    ['Ư', 'Ừ', 'Ử', 'Ữ', 'Ứ', 'Ự'],
    ['Y', 'Ỳ', 'Ỷ', 'Ỹ', 'Ý', 'Ỵ'],
];

/// Codes of the vowels between `A` and U+01B1: 0 for none, else 1 + case × 72 + vowel × 6 + tone.
const LATIN: [u8; 0x171] = codes(0x41);
/// The same from U+1EA0 on.
const EXTENDED: [u8; 0x60] = codes(0x1EA0);

const fn codes<const N: usize>(first: u32) -> [u8; N] {
    let mut codes = [0; N];
    let mut at = 0;
    while at < 144 {
        let (vowel, tone) = (at % 72 / 6, at % 6);
        let letter = if at < 72 { LOWER[vowel][tone] } else { UPPER[vowel][tone] } as u32;
        if letter >= first && letter < first + N as u32 {
            codes[(letter - first) as usize] = at as u8 + 1;
        }
        at += 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_134_accented_letters_and_each_splits_and_joins() {
        let vowels = LOWER.iter().chain(&UPPER).flatten();
        let accented = vowels.clone().filter(|letter| !letter.is_ascii()).count();
        assert_eq!(accented + "đĐ".chars().count(), 134);
        for letter in vowels {
            let parts = split(*letter).unwrap();
            assert_eq!(join(parts), *letter);
            assert_eq!(parts.upper, letter.is_uppercase(), "{letter}");
        }
        for letter in "đĐbzØñ1 ".chars() {
            assert_eq!(split(letter), None, "{letter}");
        }
    }

    #[test]
    fn every_way_of_writing_a_letter_composes_to_one() {
        for (text, expected) in [
            ("Nguye\u{302}\u{303}n", "Nguyễn"),
            ("Nguy\u{ea}\u{303}n", "Nguyễn"),
            ("Nguyễn", "Nguyễn"),
            ("ta\u{323}\u{302}p", "tập"),
            ("ta\u{306}\u{323}c", "tặc"),
            ("\u{d0}ảm", "Đảm"),
            ("\u{189}u\u{31b}\u{301}c", "Đức"),
            ("H\u{301}", "H\u{301}"),
            ("", ""),
        ] {
            assert_eq!(compose(text), expected);
        }
    }
}
