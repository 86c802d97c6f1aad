//! The slips that clerks, spreadsheets and old encodings make, one function each.
//!
//! Reads: a true value. Gives: the damaged one, or None when this slip cannot happen to it.

use crate::identity::letters::{LOWER, Letter, Tone, join, split};
use crate::synth::names::Name;
use crate::synth::random::Random;

/// All marks lost: `NGUYEN VAN DUC`.
pub fn marks_lost(name: &str) -> Option<String> {
    changed(name, name.chars().map(|letter| bare(letter, true)).collect())
}

/// The name as a bank has it: capitals without marks, no apostrophes. Not a slip, but the form that
/// account names are in; unlike a folded key it keeps the y of `MY`.
pub fn bank_form(name: &str) -> String {
    let bare = name.chars().map(|letter| bare(letter, true)).filter(|letter| *letter != '\'');
    bare.collect::<String>().to_uppercase()
}

/// Only the bar of đ lost.
pub fn bar_lost(name: &str) -> Option<String> {
    let unbarred = |letter| match letter {
        'đ' => 'd',
        'Đ' => 'D',
        other => other,
    };
    changed(name, name.chars().map(unbarred).collect())
}

/// Tones lost, vowels kept: `Nguyên Văn Đưc`.
pub fn tones_lost(name: &str) -> Option<String> {
    let toneless = |letter| match split(letter) {
        Some(parts) => join(Letter { tone: Tone::Level, ..parts }),
        None => letter,
    };
    changed(name, name.chars().map(toneless).collect())
}

/// Unicode in decomposed form, as some phones and exports write it.
pub fn decomposed(name: &str) -> Option<String> {
    let mut written = String::with_capacity(name.len() * 2);
    for letter in name.chars() {
        let Some(parts) = split(letter) else {
            written.push(letter);
            continue;
        };
        let (plain, quality) = match LOWER[usize::from(parts.vowel)][0] {
            'ă' => ('a', Some('\u{306}')),
            'â' => ('a', Some('\u{302}')),
            'ê' => ('e', Some('\u{302}')),
            'ô' => ('o', Some('\u{302}')),
            'ơ' => ('o', Some('\u{31B}')),
            'ư' => ('u', Some('\u{31B}')),
            plain => (plain, None),
        };
        written.push(if parts.upper { plain.to_ascii_uppercase() } else { plain });
        // Canonical order: the horn, then the dot below, then what stands above.
        let (mut marks, dot) = ([quality, parts.tone.mark()], parts.tone == Tone::Dot);
        if dot && quality != Some('\u{31B}') {
            marks.swap(0, 1);
        }
        written.extend(marks.into_iter().flatten());
    }
    changed(name, written)
}

/// The tone on the other vowel: `Hoà` for `Hòa`, `Thuý` for `Thúy`.
pub fn tone_moved(name: &str) -> Option<String> {
    let mut letters: Vec<char> = name.chars().collect();
    for at in 1..letters.len() {
        let ends = letters.get(at + 1).is_none_or(|next| *next == ' ');
        let (Some(first), Some(second)) = (split(letters[at - 1]), split(letters[at])) else {
            continue;
        };
        let plain = (LOWER[usize::from(first.vowel)][0], LOWER[usize::from(second.vowel)][0]);
        let movable = matches!(plain, ('o', 'a') | ('o', 'e') | ('u', 'y'));
        if ends && movable && first.tone != Tone::Level && second.tone == Tone::Level {
            letters[at - 1] = join(Letter { tone: Tone::Level, ..first });
            letters[at] = join(Letter { tone: first.tone, ..second });
        }
    }
    changed(name, letters.into_iter().collect())
}

/// i for y: `Lí`, `Mĩ`, `Quí`.
pub fn y_as_i(name: &str) -> Option<String> {
    let letters: Vec<char> = name.chars().collect();
    let written = (0..letters.len()).map(|at| {
        let ends = letters.get(at + 1).is_none_or(|next| *next == ' ');
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after_consonant =
            before.is_some_and(|before| before.is_alphabetic() && split(before).is_none());
        let after_qu = at >= 2 && matches!((letters[at - 2], letters[at - 1]), ('Q' | 'q', 'u'));
        match split(letters[at]) {
            Some(parts) if parts.vowel == 11 && ends && (after_consonant || after_qu) => {
                join(Letter { vowel: 5, ..parts })
            }
            _ => letters[at],
        }
    });
    changed(name, written.collect())
}

/// The hook for the tilde or the reverse.
pub fn tone_confused(name: &str) -> Option<String> {
    let mut done = false;
    let confused = name.chars().map(|letter| match split(letter) {
        Some(parts) if !done && matches!(parts.tone, Tone::Hook | Tone::Tilde) => {
            done = true;
            let tone = if parts.tone == Tone::Hook { Tone::Tilde } else { Tone::Hook };
            join(Letter { tone, ..parts })
        }
        _ => letter,
    });
    changed(name, confused.collect())
}

/// One word's first sound taken for another: s and x, ch and tr, d and gi, l and n, v and d, r and
/// g.
pub fn initial_confused(random: &mut Random, name: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 12] = [
        ("Tr", "Ch"),
        ("Ch", "Tr"),
        ("Gi", "D"),
        ("S", "X"),
        ("X", "S"),
        ("L", "N"),
        ("N", "L"),
        ("V", "D"),
        ("D", "Gi"),
        ("R", "G"),
        ("G", "R"),
        ("D", "V"),
    ];
    let words: Vec<&str> = name.split(' ').collect();
    let at = random.below(words.len() as u64) as usize;
    let keep = ["Ng", "Nh"].iter().any(|whole| words[at].starts_with(whole));
    let (from, to) = PAIRS.iter().find(|(from, _)| !keep && words[at].starts_with(from))?;
    let rest = &words[at][from.len()..];
    // `Giang` has the rime `ang`, but in `Giữ` and `Gì` the i is the vowel.
    let sounds = rest.chars().next().is_some_and(|next| split(next).is_some());
    replace_word(&words, at, format!("{to}{rest}")).filter(|_| sounds)
}

/// A final sound taken for another: n and ng, t and c.
pub fn final_confused(random: &mut Random, name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let at = random.below(words.len() as u64) as usize;
    let word = words[at];
    let other = match word {
        _ if word.ends_with("ng") => format!("{}n", word.strip_suffix("ng")?),
        _ if word.ends_with('n') => format!("{word}g"),
        _ if word.ends_with('t') => format!("{}c", word.strip_suffix('t')?),
        _ if word.ends_with('c') => format!("{}t", word.strip_suffix('c')?),
        _ => return None,
    };
    replace_word(&words, at, other)
}

/// One letter left out, doubled, replaced or swapped with its neighbour; never the first of a word.
pub fn typo(random: &mut Random, name: &str) -> Option<String> {
    let mut letters: Vec<char> = name.chars().collect();
    let inside: Vec<usize> = (1..letters.len())
        .filter(|at| letters[*at].is_alphabetic() && letters[at - 1].is_alphabetic())
        .collect();
    if inside.is_empty() {
        return None;
    }
    let at = *random.pick(&inside);
    match random.below(4) {
        0 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letters[at]),
        2 if at + 1 < letters.len() && letters[at + 1].is_alphabetic() => letters.swap(at, at + 1),
        _ => letters[at] = *random.pick(&['a', 'e', 'h', 'i', 'm', 'n', 'o', 'u']),
    }
    changed(name, letters.into_iter().collect())
}

/// Two spaces for one.
pub fn space_doubled(name: &str) -> Option<String> {
    changed(name, name.replacen(' ', "  ", 1))
}

/// All middle names left out.
pub fn middle_missing(name: &Name) -> Option<String> {
    let short = Name { middle: Vec::new(), ..name.clone() };
    (!name.family.is_empty() && !name.middle.is_empty()).then(|| short.full())
}

/// One of several middle names left out.
pub fn middle_partly_missing(random: &mut Random, name: &Name) -> Option<String> {
    let mut short = name.clone();
    if name.family.is_empty() || name.middle.len() < 2 {
        return None;
    }
    short.middle.remove(random.below(name.middle.len() as u64) as usize);
    Some(short.full())
}

/// The given name first, as card embossers do.
pub fn given_first(name: &Name) -> Option<String> {
    let rest = Name { given: "", ..name.clone() };
    (!name.family.is_empty()).then(|| format!("{} {}", name.given, rest.full()))
}

/// The southern form for the northern or the reverse; different names in law.
pub fn regional_variant(name: &Name) -> Option<String> {
    const VARIANTS: [(&str, &str); 4] =
        [("Hoàng", "Huỳnh"), ("Vũ", "Võ"), ("Phúc", "Phước"), ("Phượng", "Phụng")];
    let full = name.full();
    let words: Vec<&str> = full.split(' ').collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let (north, south) =
            VARIANTS.iter().find(|(north, south)| word == north || word == south)?;
        let other = if word == north { south } else { north };
        replace_word(&words, at, other.to_string())
    })
}

/// One digit of an id mistyped.
pub fn digit_mistyped(random: &mut Random, id: &str) -> Option<String> {
    let mut digits: Vec<u8> = id.bytes().collect();
    let at = random.below(digits.len() as u64) as usize;
    let shifted = digits.get(at)?.wrapping_sub(b'0') + 1 + random.below(9) as u8;
    digits[at] = b'0' + shifted % 10;
    String::from_utf8(digits).ok()
}

/// Two neighbouring digits of an id swapped.
pub fn digits_swapped(random: &mut Random, id: &str) -> Option<String> {
    let mut digits: Vec<u8> = id.bytes().collect();
    let differing: Vec<usize> =
        (1..digits.len()).filter(|at| digits[*at] != digits[at - 1]).collect();
    if differing.is_empty() {
        return None;
    }
    let at = *random.pick(&differing);
    digits.swap(at, at - 1);
    String::from_utf8(digits).ok()
}

/// Leading zeros dropped by a spreadsheet that took the id for a number.
pub fn zero_lost(id: &str) -> Option<String> {
    changed(id, id.trim_start_matches('0').to_string())
}

/// A letter without its marks.
fn bare(letter: char, bar_too: bool) -> char {
    match (split(letter), letter) {
        (Some(parts), _) => {
            let plain = ['a', 'a', 'a', 'e', 'e', 'i', 'o', 'o', 'o', 'u', 'u', 'y'];
            let plain = plain[usize::from(parts.vowel)];
            if parts.upper { plain.to_ascii_uppercase() } else { plain }
        }
        (None, 'đ') if bar_too => 'd',
        (None, 'Đ') if bar_too => 'D',
        (None, other) => other,
    }
}

fn replace_word(words: &[&str], at: usize, word: String) -> Option<String> {
    let mut words: Vec<&str> = words.to_vec();
    words[at] = &word;
    Some(words.join(" "))
}

fn changed(before: &str, after: String) -> Option<String> {
    (before != after).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::letters::compose;

    #[track_caller]
    fn check(actual: Option<String>, expected: Option<&str>) {
        assert_eq!(actual.as_deref(), expected);
    }

    #[test]
    fn slips_damage_names_the_way_people_do() {
        check(marks_lost("Nguyễn Văn Đức"), Some("Nguyen Van Duc"));
        check(marks_lost("Lan"), None);
        assert_eq!(bank_form("Nguyễn Mỹ Đức"), "NGUYEN MY DUC");
        assert_eq!(bank_form("H'Hen Niê"), "HHEN NIE");
        check(bar_lost("Đỗ Văn Đạt"), Some("Dỗ Văn Dạt"));
        check(tones_lost("Nguyễn Văn Đức"), Some("Nguyên Văn Đưc"));
        check(tone_moved("Hòa Thúy Khỏe"), Some("Hoà Thuý Khoẻ"));
        check(tone_moved("Hoàng Quý Thuyết"), None);
        check(y_as_i("Lý Mỹ Quý Thủy Yến"), Some("Lí Mĩ Quí Thủy Yến"));
        check(tone_confused("Nguyễn Văn Mẫn"), Some("Nguyển Văn Mẫn"));
        check(space_doubled("Lê Văn An"), Some("Lê  Văn An"));
        check(zero_lost("001050012345"), Some("1050012345"));
        check(zero_lost("123456789"), None);
        let name = Name { family: "Hoàng", middle: vec!["Thị", "Ngọc"], given: "Lan" };
        check(middle_missing(&name), Some("Hoàng Lan"));
        check(given_first(&name), Some("Lan Hoàng Thị Ngọc"));
        check(regional_variant(&name), Some("Huỳnh Thị Ngọc Lan"));
        let alone = Name { family: "", middle: vec![], given: "K'Brể" };
        check(given_first(&alone), None);
        check(middle_missing(&alone), None);
    }

    #[test]
    fn decomposed_names_compose_back() {
        for name in ["Nguyễn Thị Ngọc", "Đặng Ngừa Tặc", "Bưởi Đậu Trượng"] {
            let loose = decomposed(name).unwrap();
            assert!(loose.chars().count() > name.chars().count());
            assert_eq!(compose(&loose), name);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_slip_panic(text in ".{0,30}", seed: u64) {
            let random = &mut Random::stream(seed, 0);
            let _ = (marks_lost(&text), tones_lost(&text), decomposed(&text), tone_moved(&text));
            let _ = (y_as_i(&text), tone_confused(&text), initial_confused(random, &text));
            let _ = (final_confused(random, &text), typo(random, &text), space_doubled(&text));
        }
    }
}
