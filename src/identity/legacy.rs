//! Recognises names typed in the encodings before Unicode, and offers the repair.
//!
//! Reads: a name whose bytes were taken for Latin-1 or Windows-1252 somewhere on the way.
//! Gives: at most one `Repair`, for a person to confirm; nothing here changes a name by itself.
//! Recognition rests on one fact: Vietnamese syllables are a short closed list. A repair is
//! offered when the text is not made of syllables, exactly one decoding is, and the others fail.

use crate::identity::letters::{LOWER, Letter, Tone, UPPER, compose, join, split};

/// The encodings that old rolls come in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum LegacyEncoding {
    /// TCVN 5712 with the ABC fonts (.VnTime): one byte a letter; capitals with tones were a matter
    /// of the font, so case is lost.
    Tcvn3,
    /// VNI for Windows: the letter, then its marks as one more letter.
    Vni,
    /// Windows-1258: some letters whole, the tone behind its vowel.
    Windows1258,
    /// UTF-8 that was read as Windows-1252.
    Utf8TakenForWindows1252,
}

impl LegacyEncoding {
    pub const ALL: [LegacyEncoding; 4] = [
        LegacyEncoding::Tcvn3,
        LegacyEncoding::Vni,
        LegacyEncoding::Windows1258,
        LegacyEncoding::Utf8TakenForWindows1252,
    ];

    /// The name by which officers know the encoding.
    pub fn name(self) -> &'static str {
        match self {
            LegacyEncoding::Tcvn3 => "TCVN3 (ABC)",
            LegacyEncoding::Vni => "VNI",
            LegacyEncoding::Windows1258 => "Windows-1258",
            LegacyEncoding::Utf8TakenForWindows1252 => "UTF-8 read as Windows-1252",
        }
    }

    /// Writes a Vietnamese name as this encoding would show it: the error model and tests need the
    /// way in.
    pub fn damage(self, name: &str) -> String {
        let name = compose(name);
        match self {
            LegacyEncoding::Tcvn3 => name.chars().map(tcvn3_of).collect(),
            LegacyEncoding::Vni => name.chars().fold(String::new(), push_vni),
            LegacyEncoding::Windows1258 => name.chars().fold(String::new(), push_windows_1258),
            LegacyEncoding::Utf8TakenForWindows1252 => {
                name.bytes().map(|byte| WINDOWS_1252[usize::from(byte)]).collect()
            }
        }
    }

    /// Reads the text as this encoding. None when a character cannot occur in it.
    fn decode(self, text: &str) -> Option<String> {
        match self {
            LegacyEncoding::Tcvn3 => text.chars().map(tcvn3_read).collect(),
            LegacyEncoding::Vni => vni_read(text),
            LegacyEncoding::Windows1258 => {
                let marked: Option<String> = text.chars().map(windows_1258_read).collect();
                Some(compose(&marked?))
            }
            LegacyEncoding::Utf8TakenForWindows1252 => {
                let bytes: Option<Vec<u8>> = text.chars().map(windows_1252_byte).collect();
                String::from_utf8(bytes?).ok()
            }
        }
    }
}

/// A reading of a damaged name, for a person to confirm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    pub encoding: LegacyEncoding,
    pub text: String,
}

/// Offers the one legacy reading that makes Vietnamese of a name which is not.
pub fn recognise(name: &str) -> Option<Repair> {
    // Damage only ever makes characters below U+0100 and the specials of Windows-1252, and a name
    // of a bank's or a register's length; anything else is not worth a decoding.
    let damaged = name.chars().all(|letter| windows_1252_byte(letter).is_some());
    if name.is_ascii() || name.len() > 400 || !damaged || is_vietnamese(name) {
        return None;
    }
    let mut repairs = LegacyEncoding::ALL.into_iter().filter_map(|encoding| {
        let text = encoding.decode(name)?;
        let changed = text != name;
        (changed && is_vietnamese(&text)).then_some(Repair { encoding, text })
    });
    let first = repairs.next()?;
    repairs.all(|other| other.text.to_lowercase() == first.text.to_lowercase()).then_some(first)
}

/// True when every word is a Vietnamese syllable with its marks in place.
pub fn is_vietnamese(name: &str) -> bool {
    let composed = compose(name);
    let mut words = composed.split_whitespace().peekable();
    words.peek().is_some() && words.all(is_syllable)
}

/// One syllable: an initial, a rime of the closed list, at most one tone.
fn is_syllable(word: &str) -> bool {
    let mut plain = String::with_capacity(word.len());
    let mut tones = 0;
    for letter in word.chars() {
        match split(letter) {
            Some(parts) => {
                tones += u32::from(parts.tone != Tone::Level);
                plain.push(LOWER[usize::from(parts.vowel)][0]);
            }
            None if letter == 'Đ' || letter == 'đ' => plain.push('đ'),
            None if letter.is_ascii_alphabetic() => plain.push(letter.to_ascii_lowercase()),
            None => return false,
        }
    }
    // Initials are listed longest first; `gi` and `qu` also stand for g + i… and q + u….
    tones <= 1
        && INITIALS.iter().any(|initial| {
            plain.strip_prefix(initial).is_some_and(|rime| RIMES.binary_search(&rime).is_ok())
        })
}

const INITIALS: [&str; 29] = [
    "ngh", "ch", "gh", "gi", "kh", "ng", "nh", "ph", "qu", "th", "tr", "b", "c", "d", "đ", "g",
    "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "x", "q", "",
];

/// Every rime of the language without its tone, in byte order.
const RIMES: [&str; 162] = [
    "a", "ac", "ach", "ai", "am", "an", "ang", "anh", "ao", "ap", "at", "au", "ay", "e", "ec",
    "em", "en", "eng", "eo", "ep", "et", "i", "ia", "ich", "im", "in", "inh", "ip", "it", "iu",
    "iêc", "iêm", "iên", "iêng", "iêp", "iêt", "iêu", "o", "oa", "oac", "oach", "oai", "oam",
    "oan", "oang", "oanh", "oao", "oap", "oat", "oay", "oc", "oe", "oen", "oeo", "oet", "oi", "om",
    "on", "ong", "ooc", "oong", "op", "ot", "oăc", "oăm", "oăn", "oăng", "oăt", "u", "ua", "uc",
    "ui", "um", "un", "ung", "up", "ut", "uy", "uya", "uych", "uynh", "uyp", "uyt", "uyu", "uyên",
    "uyêt", "uân", "uâng", "uât", "uây", "uê", "uêch", "uênh", "uôc", "uôi", "uôm", "uôn", "uông",
    "uôt", "uơ", "y", "ych", "ynh", "yt", "yêm", "yên", "yêng", "yêt", "yêu", "âc", "âm", "ân",
    "âng", "âp", "ât", "âu", "ây", "ê", "êch", "êm", "ên", "ênh", "êp", "êt", "êu", "ô", "ôc",
    "ôi", "ôm", "ôn", "ông", "ôp", "ôt", "ăc", "ăm", "ăn", "ăng", "ăp", "ăt", "ơ", "ơi", "ơm",
    "ơn", "ơp", "ơt", "ư", "ưa", "ưc", "ưi", "ưm", "ưn", "ưng", "ưt", "ưu", "ươc", "ươi", "ươm",
    "ươn", "ương", "ươp", "ươt", "ươu",
];

/// TCVN 5712 from byte A1 on; a point where the byte is no letter of the ABC fonts.
const TCVN3: &str = "ĂÂÊÔƠƯĐăâêôơưđ......àảãáạ.ằẳẵắ.......ặầẩẫấậè.ẻẽéẹềểễếệìỉ...ĩíịò.ỏõóọồổỗốộờởỡớợù.ủũúụừửữứựỳỷỹýỵ";

fn tcvn3_read(shown: char) -> Option<char> {
    match shown as u32 {
        point @ 0xA1..=0xFE => {
            TCVN3.chars().nth((point - 0xA1) as usize).filter(|letter| *letter != '.')
        }
        0x20..=0x7E => Some(shown),
        _ => None,
    }
}

fn tcvn3_of(letter: char) -> char {
    // Capitals with tones have no byte of their own; the font drew them from the small letters.
    let byte_of = |letter| TCVN3.chars().position(|known| known == letter);
    let small = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
    match byte_of(letter).or_else(|| byte_of(small(letter))) {
        Some(at) => char::from(0xA1 + at as u8),
        None => letter,
    }
}

/// VNI: what stands for the quality and tone of a, e, o, u after the bare letter, by vowel row of
/// `LOWER` and tone. Rows with their own letters (i, ơ, ư, y) are in `VNI_WHOLE` and below.
const VNI_MARKS: [(u8, &str); 8] = [
    (0, ".øûõùï"),
    (1, "êèúüéë"),
    (2, "âàåãáä"),
    (3, ".øûõùï"),
    (4, "âàåãáä"),
    (6, ".øûõùï"),
    (7, "âàåãáä"),
    (9, ".øûõùï"),
];
/// The tone marks behind ô (which stands for ơ) and ö (which stands for ư).
const VNI_TONES: &str = ".øûõùï";
/// Letters that VNI writes whole: i and y by tone; a point where the letter takes a mark.
const VNI_I: &str = "iìæóíò";
const VNI_Y: &str = "y....î";

fn push_vni(mut shown: String, letter: char) -> String {
    let upper_of = |mark: char, upper: bool| match upper {
        true => mark.to_uppercase().next().unwrap_or(mark),
        false => mark,
    };
    let Some(Letter { vowel, tone, upper }) = split(letter) else {
        shown.push(match letter {
            'đ' => 'ñ',
            'Đ' => 'Ñ',
            other => other,
        });
        return shown;
    };
    let nth = |marks: &str| marks.chars().nth(tone as usize).filter(|mark| *mark != '.');
    let rows = if upper { &UPPER } else { &LOWER };
    let (bare, mark) = match vowel {
        5 => (nth(VNI_I).unwrap_or('i'), None),
        11 => match nth(VNI_Y) {
            Some(whole) => (whole, None),
            None => ('y', nth(VNI_TONES)),
        },
        8 => ('ô', nth(VNI_TONES)),
        10 => ('ö', nth(VNI_TONES)),
        _ => {
            let marks = VNI_MARKS.iter().find(|(row, _)| *row == vowel);
            let plain = match vowel {
                0..=2 => rows[0][0],
                3 | 4 => rows[3][0],
                6 | 7 => rows[6][0],
                _ => rows[9][0],
            };
            (plain, marks.and_then(|(_, marks)| nth(marks)))
        }
    };
    shown.push(upper_of(bare, upper));
    shown.extend(mark.map(|mark| upper_of(mark, upper)));
    shown
}

fn vni_read(text: &str) -> Option<String> {
    let mut read = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(shown) = letters.next() {
        if shown as u32 > 0xFF {
            return None;
        }
        let upper = shown.is_uppercase();
        let small = shown.to_lowercase().next().unwrap_or(shown);
        let mark = letters.peek().and_then(|mark| mark.to_lowercase().next());
        let at = |marks: &str, mark| marks.chars().position(|known| Some(known) == mark);
        let (vowel, tone, marked) = match small {
            'ñ' => {
                read.push(if upper { 'Đ' } else { 'đ' });
                continue;
            }
            'a' | 'e' | 'o' | 'u' => {
                let rows: &[u8] = match small {
                    'a' => &[0, 1, 2],
                    'e' => &[3, 4],
                    'o' => &[6, 7],
                    _ => &[9],
                };
                let found = VNI_MARKS
                    .iter()
                    .filter(|(row, _)| rows.contains(row))
                    .find_map(|(row, marks)| Some((*row, at(marks, mark)?)));
                match found {
                    Some((row, tone)) => (row, tone, true),
                    None => (rows[0], 0, false),
                }
            }
            'ô' | 'ö' => {
                let tone = at(VNI_TONES, mark);
                (if small == 'ô' { 8 } else { 10 }, tone.unwrap_or(0), tone.is_some())
            }
            'y' => {
                let tone = at(VNI_TONES, mark);
                (11, tone.unwrap_or(0), tone.is_some())
            }
            'î' => (11, 5, false),
            _ if VNI_I.contains(small) => (5, at(VNI_I, Some(small))?, false),
            _ if small.is_ascii() => {
                read.push(shown);
                continue;
            }
            _ => return None,
        };
        if marked {
            letters.next();
        }
        read.push(join(Letter { vowel, tone: Tone::ALL[tone], upper }));
    }
    Some(read)
}

/// Windows-1258 where it differs from Latin-1: what the byte means.
const WINDOWS_1258: [(char, char); 15] = [
    ('Ã', 'Ă'),
    ('ã', 'ă'),
    ('Ð', 'Đ'),
    ('ð', 'đ'),
    ('Õ', 'Ơ'),
    ('õ', 'ơ'),
    ('Ý', 'Ư'),
    ('ý', 'ư'),
    ('Ì', '\u{300}'),
    ('Ò', '\u{309}'),
    ('Þ', '\u{303}'),
    ('ì', '\u{301}'),
    ('ò', '\u{323}'),
    ('þ', '₫'),
    ('Ñ', 'Ñ'),
];

fn windows_1258_read(shown: char) -> Option<char> {
    if shown as u32 > 0xFF {
        return None;
    }
    let known = WINDOWS_1258.iter().find(|(byte, _)| *byte == shown);
    Some(known.map_or(shown, |(_, letter)| *letter))
}

fn push_windows_1258(mut shown: String, letter: char) -> String {
    let byte_of = |letter| {
        let known = WINDOWS_1258.iter().find(|(_, meant)| *meant == letter);
        known.map_or(letter, |(byte, _)| *byte)
    };
    match split(letter) {
        Some(parts) => {
            shown.push(byte_of(join(Letter { tone: Tone::Level, ..parts })));
            shown.extend(parts.tone.mark().map(byte_of));
        }
        None => shown.push(byte_of(letter)),
    }
    shown
}

/// What Windows-1252 shows for each byte; its five unassigned bytes show as control characters, as
/// browsers do.
const WINDOWS_1252: [char; 256] = {
    let mut table = ['\0'; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = at as u8 as char;
        at += 1;
    }
    let specials = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let mut special = 0;
    while special < 32 {
        table[0x80 + special] = specials[special];
        special += 1;
    }
    table
};

fn windows_1252_byte(shown: char) -> Option<u8> {
    match shown as u32 {
        point @ (0..=0x7F | 0xA0..=0xFF) => Some(point as u8),
        _ => WINDOWS_1252.iter().position(|known| *known == shown).map(|at| at as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: &str, expected: Option<(LegacyEncoding, &str)>) {
        let repair = recognise(shown);
        let actual = repair.as_ref().map(|repair| (repair.encoding, repair.text.as_str()));
        assert_eq!(actual, expected, "{shown}");
    }

    #[test]
    fn old_rolls_are_recognised_and_a_repair_offered() {
        use LegacyEncoding::*;
        check("NguyÔn V¨n", Some((Tcvn3, "Nguyễn Văn")));
        check("TrÇn ThÞ", Some((Tcvn3, "Trần Thị")));
        check("§Æng §øc", Some((Tcvn3, "Đặng Đức")));
        check("Ph¹m Hoµng", Some((Tcvn3, "Phạm Hoàng")));
        check("Lª", Some((Tcvn3, "Lê")));
        check("Nguyeãn Vaên", Some((Vni, "Nguyễn Văn")));
        check("Traàn Thò", Some((Vni, "Trần Thị")));
        check("Ñaëng Ñöùc", Some((Vni, "Đặng Đức")));
        check("NguyêÞn Vãn Ðýìc", Some((Windows1258, "Nguyễn Văn Đức")));
        check("Nguyá»…n VÄƒn Äá»©c", None);
        check("Nguyá»…n VÄƒn", Some((Utf8TakenForWindows1252, "Nguyễn Văn")));
    }

    #[test]
    fn names_that_are_names_are_left_alone() {
        for name in [
            "Nguyễn Văn Đức",
            "NGUYEN VAN DUC",
            "Lê",
            "Tô",
            "Hà",
            "Y Bhăm",
            "H'Hen Niê",
            "K'Brể",
            "Jürgen",
            "Thạch Sô Phy",
            "",
            "   ",
            "Quách Thị Quyên",
            "Giàng A Páo",
            "Ông Ích Khiêm",
        ] {
            check(name, None);
        }
    }

    #[test]
    fn every_damage_of_a_common_name_is_repaired_or_left_for_a_person() {
        let names = [
            "Nguyễn Thị Hương",
            "Trần Văn Dũng",
            "Đỗ Thị Thuỷ",
            "Phạm Quốc Khánh",
            "Bùi Thị Bưởi",
            "Vũ Đình Đệ",
            "Huỳnh Thị Ngọc Ẩn",
            "Võ Thành Được",
        ];
        for name in names {
            for encoding in LegacyEncoding::ALL {
                let shown = encoding.damage(name);
                let Some(repair) = recognise(&shown) else {
                    panic!("{name} as {encoding:?} is `{shown}`: not recognised")
                };
                assert_eq!(repair.text.to_lowercase(), compose(name).to_lowercase(), "{shown}");
            }
        }
    }

    #[test]
    fn the_rimes_stand_in_order() {
        assert!(RIMES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            INITIALS.windows(2).all(|pair| pair[0].len() >= pair[1].len() || pair[0].len() == 1)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_recognition_panic(text in ".{0,80}", latin in "[ -ÿ]{0,40}") {
            let _ = (recognise(&text), recognise(&latin));
            for encoding in LegacyEncoding::ALL {
                let _ = encoding.damage(&text);
            }
        }
    }
}
