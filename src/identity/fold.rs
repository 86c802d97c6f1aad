//! Folds a name to what can be compared: lower-case ASCII letters, single spaces, no marks.
//!
//! Reads: a name as anyone wrote it. Gives: a *key* for matching; the name itself is kept beside it
//! and is what gets printed. Two keys exist: the folded key without marks, and the writing key,
//! which keeps the vowels and tones and forgets only how they were typed (NFC or NFD, tone
//! placement, i or y, case, spaces, the look-alikes of Đ).

use crate::identity::letters::{LOWER, Tone, is_quality_mark, split, with_quality};

/// Changes when any name would get another key; recorded in every decision.
pub const FOLD_VERSION: u16 = 1;

/// Writes the folded key of a name into `key`, which is cleared first: `Nguyễn Thị  Lý` →
/// `nguyen thi li`. Apostrophes vanish, other punctuation becomes a space, and scripts other than
/// Latin stay as they are.
pub fn fold_into(name: &str, key: &mut Vec<u8>) {
    let bytes = name.as_bytes();
    // No character folds to more bytes than it has, and the last word ends with one space.
    key.clear();
    key.resize(bytes.len() + 1, 0);
    let written = key.as_mut_slice();
    let mut end = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let (letter, length) = match byte {
            0..=0x7F => (ASCII[usize::from(byte)], 1),
            0xC2..=0xDF => (fold_two(byte, bytes[at + 1]), 2),
            0xE0..=0xEF => (fold_three(byte, bytes[at + 1], bytes[at + 2]), 3),
            _ => (KEEP, 4),
        };
        match letter {
            SKIP => {}
            b' ' => end = end_token(written, end),
            KEEP => {
                // What no table knows stays, byte by byte, so that different names stay different.
                written[end..end + length].copy_from_slice(&bytes[at..at + length]);
                end += length;
            }
            letter => {
                written[end] = letter;
                end += 1;
            }
        }
        at += length;
    }
    end = end_token(written, end);
    key.truncate(end.saturating_sub(1));
}

/// Folds a character of two bytes, U+0080 to U+07FF.
#[inline]
fn fold_two(first: u8, second: u8) -> u8 {
    let point = usize::from(first & 0x1F) << 6 | usize::from(second & 0x3F);
    match point {
        0xC0..=0x24F => LATIN[point - 0xC0],
        0x300..=0x36F => SKIP,
        0x256 => b'd',
        0xA0 | 0xAD => b' ',
        0xB4 | 0x2B9..=0x2BF => SKIP,
        _ => KEEP,
    }
}

/// Folds a character of three bytes, U+0800 to U+FFFF.
#[inline]
fn fold_three(first: u8, second: u8, third: u8) -> u8 {
    let low = usize::from(second & 0x3F) << 6 | usize::from(third & 0x3F);
    let point = usize::from(first & 0x0F) << 12 | low;
    match point {
        0x1E00..=0x1EFF => EXTENDED[point - 0x1E00],
        0x2018 | 0x2019 | 0x201B | 0x2032 => SKIP,
        0x200B..=0x200D | 0xFEFF => SKIP,
        0x2000..=0x2031 | 0x3000 => b' ',
        _ => KEEP,
    }
}

/// The folded key as text.
pub fn fold(name: &str) -> String {
    let mut key = Vec::new();
    fold_into(name, &mut key);
    String::from_utf8(key).expect("folding writes ASCII and whole characters of its input")
}

/// Writes the writing key into `key`: each syllable's letters with their quality, then its tone.
/// `hoà`, `hòa`, `HÒA` and their decomposed forms are one; `hoa` and `hoá` are others.
pub fn writing_into(name: &str, key: &mut Vec<u8>) {
    key.clear();
    let mut tone = Tone::Level;
    let mut last_vowel = None;
    for letter in name.chars() {
        if let Some(parts) = split(letter) {
            if parts.tone != Tone::Level {
                tone = parts.tone;
            }
            last_vowel = Some((key.len(), parts));
            key.push(vowel_byte(parts.vowel));
            continue;
        }
        if let Some(mark) = Tone::of_mark(letter) {
            tone = mark;
            continue;
        }
        if is_quality_mark(letter) {
            let made = last_vowel.and_then(|(at, parts)| Some((at, with_quality(parts, letter)?)));
            if let Some((at, parts)) = made {
                key[at] = vowel_byte(parts.vowel);
            }
            continue;
        }
        match letter {
            'Đ' | 'đ' | 'Ð' | 'ð' | 'Ɖ' | 'ɖ' => key.push(0x8F),
            _ if letter.is_ascii() => match ASCII[letter as usize] {
                SKIP => {}
                b' ' => end_writing(key, &mut tone),
                folded => key.push(folded),
            },
            _ => match fold_char(letter) {
                SKIP => {}
                b' ' => end_writing(key, &mut tone),
                KEEP => key.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                // A foreign accented letter keeps its mark by keeping its own bytes.
                _ => key.extend(letter.to_lowercase().flat_map(|lower| {
                    let mut bytes = [0; 4];
                    let length = lower.encode_utf8(&mut bytes).len();
                    bytes.into_iter().take(length)
                })),
            },
        }
    }
    end_writing(key, &mut tone);
    if key.last() == Some(&b' ') {
        key.pop();
    }
}

/// Folds a key further, to how it sounds where s and x, ch and tr, d gi r and v, l and n, final n
/// and ng, c and t are not told apart. For matching a mismatch only.
pub fn phonetic_into(folded: &[u8], key: &mut Vec<u8>) {
    key.clear();
    for token in folded.split(|byte| *byte == b' ') {
        if !key.is_empty() {
            key.push(b' ');
        }
        let (initial, rest): (&[u8], &[u8]) = match token {
            [b'n', b'g', b'h', rest @ ..] | [b'n', b'g', rest @ ..] => (b"ng", rest),
            [b'n', b'h', rest @ ..] => (b"nh", rest),
            [b'g', b'i', rest @ ..] if rest.first().is_some_and(|next| b"aeou".contains(next)) => {
                (b"d", rest)
            }
            [b'g', b'h', rest @ ..] => (b"g", rest),
            [b't', b'r', rest @ ..] | [b'c', b'h', rest @ ..] => (b"ch", rest),
            [b't', b'h', rest @ ..] => (b"th", rest),
            [b's' | b'x', rest @ ..] => (b"s", rest),
            [b'd' | b'r' | b'v', rest @ ..] => (b"d", rest),
            [b'l' | b'n', rest @ ..] => (b"n", rest),
            [b'k' | b'q' | b'c', rest @ ..] => (b"c", rest),
            rest => (b"", rest),
        };
        key.extend_from_slice(initial);
        let (nucleus, coda): (&[u8], &[u8]) = match rest {
            [nucleus @ .., b'n', b'g'] => (nucleus, b"n"),
            [nucleus @ .., b'c'] => (nucleus, b"t"),
            _ => (rest, b""),
        };
        key.extend(nucleus.iter().map(|byte| if *byte == b'y' { b'i' } else { *byte }));
        key.extend_from_slice(coda);
    }
}

/// Ends a token of the folded key, and gives where the next begins: one space, and i for the y of
/// `Lý`, `Mỹ`, `Quý`.
#[inline]
fn end_token(written: &mut [u8], end: usize) -> usize {
    match written[..end].last() {
        None | Some(b' ') => return end,
        Some(b'y') => y_to_i(&mut written[..end]),
        Some(_) => {}
    }
    written[end] = b' ';
    end + 1
}

/// Ends a token of the writing key: the tone moves behind the syllable, wherever it was typed.
fn end_writing(key: &mut Vec<u8>, tone: &mut Tone) {
    match key.last() {
        None | Some(b' ') => return,
        Some(b'y') => y_to_i(key),
        Some(_) => {}
    }
    if *tone != Tone::Level {
        key.push(b'0' + *tone as u8);
    }
    *tone = Tone::Level;
    key.push(b' ');
}

/// A final y that stands alone after a consonant, or after qu, sounds and is often written as i.
/// `Thủy` and `Thúi` differ, so a y after another vowel stays.
fn y_to_i(key: &mut [u8]) {
    let alone = match key {
        [.., b'q', b'u', b'y'] => true,
        [.., before, b'y'] => before.is_ascii_lowercase() && !b"aeiouy".contains(before),
        _ => false,
    };
    if alone && let Some(last) = key.last_mut() {
        *last = b'i';
    }
}

/// The byte of a toneless vowel in a writing key.
fn vowel_byte(vowel: u8) -> u8 {
    match LOWER[usize::from(vowel)][0] {
        plain if plain.is_ascii() => plain as u8,
        _ => 0x80 + vowel,
    }
}

fn fold_char(letter: char) -> u8 {
    let mut key = Vec::with_capacity(4);
    fold_into(letter.encode_utf8(&mut [0; 4]), &mut key);
    match (key.as_slice(), letter) {
        ([one], _) if one.is_ascii() => *one,
        ([], mark) if !mark.is_whitespace() && ('\u{300}'..='\u{36F}').contains(&mark) => SKIP,
        (
            [],
            '\u{2B9}'..='\u{2BF}' | '\u{B4}' | '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2032}',
        ) => SKIP,
        ([], '\u{200B}'..='\u{200D}' | '\u{FEFF}') => SKIP,
        ([], _) => b' ',
        _ => KEEP,
    }
}

const SKIP: u8 = 0;
const KEEP: u8 = b'.';

/// ASCII: letters lower, digits as they are, apostrophes skipped, the rest a space.
const ASCII: [u8; 128] = {
    let mut table = [b' '; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() {
            table[at] = byte.to_ascii_lowercase();
        }
        at += 1;
    }
    table[b'\'' as usize] = SKIP;
    table[b'`' as usize] = SKIP;
    table
};

/// U+00C0 to U+024F: the base letter, or a point where there is none.
const LATIN: &[u8; 400] = b"\
    aaaaaaaceeeeiiiidnooooo.ouuuuy.saaaaaaaceeeeiiiidnooooo.ouuuuy.y\
    aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkkkllllll.\
    .llnnnnnn.nnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzz.\
    b........dd............i..l.....oo..pp......t..uu....zz.........\
    .............aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa....\
    aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy.........l..\
    ...b............";

/// U+1E00 to U+1EFF.
const EXTENDED: &[u8; 256] = b"\
    aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm\
    mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv\
    wwwwwwwwwwxxxxyyzzzzzzhtwy....s.aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee\
    eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::letters::{LOWER, UPPER};

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(fold(name), expected, "{name}");
    }

    #[track_caller]
    fn same_writing(left: &str, right: &str, expected: bool) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        writing_into(left, &mut a);
        writing_into(right, &mut b);
        assert_eq!(a == b, expected, "{left} / {right}");
    }

    #[test]
    fn names_fold_to_letters() {
        check("Nguyễn Thị Minh Khai", "nguyen thi minh khai");
        check("NGUYỄN  THỊ\u{a0}MINH KHAI ", "nguyen thi minh khai");
        check("Nguye\u{302}\u{303}n Va\u{306}n \u{110}u\u{31b}\u{301}c", "nguyen van duc");
        check("Nguy\u{ea}\u{303}n", "nguyen");
        check("Đặng Ðức Ɖạt ðình", "dang duc dat dinh");
        check("Lý Mỹ Quý Thủy", "li mi qui thuy");
        check("H'Hen Niê", "hhen nie");
        check("H’Hen Niê", "hhen nie");
        check("HʼHen Niê", "hhen nie");
        check("K'Brể", "kbre");
        check("Y Bhăm", "y bham");
        check("Đạt", "dat");
        check("Tôn-Thất Thuyết", "ton that thuyet");
        check("Nguyễn V. Hùng", "nguyen v hung");
        check("Jürgen Ñandú Øst", "jurgen nandu ost");
        check("阮文德", "阮文德");
        check("", "");
        check("  '  ", "");
    }

    #[test]
    fn all_134_accented_letters_fold_to_their_base() {
        for (at, letter) in LOWER.iter().chain(&UPPER).flatten().enumerate() {
            let base = PLAIN[at % 72 / 6];
            assert_eq!(fold(&format!("x{letter}x")), format!("x{base}x"), "{letter}");
        }
        assert_eq!(fold("đĐ"), "dd");
    }

    const PLAIN: [char; 12] = ['a', 'a', 'a', 'e', 'e', 'i', 'o', 'o', 'o', 'u', 'u', 'y'];

    #[test]
    fn the_writing_key_forgets_how_it_was_typed_and_nothing_else() {
        same_writing("Hoà", "Hòa", true);
        same_writing("Thuý Khoẻ", "THÚY KHỎE", true);
        same_writing("Nguyễn", "Nguye\u{302}\u{303}n", true);
        same_writing("Nguyễn", "Nguy\u{ea}\u{303}n", true);
        same_writing("tập", "ta\u{323}\u{302}p", true);
        same_writing("Lý Mỹ", "Lí Mĩ", true);
        same_writing("Đức", "Ðức", true);
        same_writing("H'Hen Niê", "H’Hen  Niê", true);
        same_writing("Hùng", "Hưng", false);
        same_writing("Hòa", "Hóa", false);
        same_writing("Hòa", "Hoa", false);
        same_writing("Thủy", "Thúy", false);
        same_writing("Thúy", "Thúi", false);
        same_writing("Dung", "Đung", false);
        same_writing("Huỳnh", "Hoàng", false);
    }

    #[test]
    fn what_sounds_alike_in_some_province_has_one_phonetic_key() {
        let phonetic = |name: &str| {
            let mut key = Vec::new();
            phonetic_into(fold(name).as_bytes(), &mut key);
            String::from_utf8(key).unwrap()
        };
        for (left, right, same) in [
            ("Sinh", "Xinh", true),
            ("Trinh", "Chinh", true),
            ("Giang", "Dang", true),
            ("Văn", "Dăng", true),
            ("Lan", "Nan", true),
            ("Phát", "Phác", true),
            ("Hoàng", "Huỳnh", false),
            ("Vũ", "Võ", false),
            ("Phúc", "Phước", false),
            ("Thanh", "Tanh", false),
            ("Nhàn", "Ngàn", false),
        ] {
            assert_eq!(phonetic(left) == phonetic(right), same, "{left} / {right}");
        }
    }

    proptest::proptest! {
        #[test]
        fn folding_never_panics_and_folds_once(name in ".{0,60}") {
            let once = fold(&name);
            proptest::prop_assert_eq!(fold(&once), once.clone());
            let mut key = Vec::new();
            writing_into(&name, &mut key);
            phonetic_into(once.as_bytes(), &mut key);
        }

        #[test]
        fn equal_writing_is_equally_folded(left in "[HhòàóaĐđuyý' ]{0,8}", right in "[HhòàóaĐđuyý' ]{0,8}") {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            writing_into(&left, &mut a);
            writing_into(&right, &mut b);
            if a == b {
                proptest::prop_assert_eq!(fold(&left), fold(&right));
            }
        }
    }
}
