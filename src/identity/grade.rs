//! Grades how well each field of a roster row agrees with a register record.
//!
//! Reads: both values of a field. Gives: one grade of a short, ordered scale per field. Edit
//! distances are only taken where the cheap comparisons already failed.

use rapidfuzz::distance::{jaro_winkler, osa};

use crate::domain::identity::{BirthDate, Sex};
use crate::domain::national_id::NationalId;
use crate::identity::fold::{fold_into, phonetic_into, writing_into};
use crate::identity::legacy::{self, LegacyEncoding};

/// How the name agrees, best first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum NameGrade {
    /// The same bytes.
    Identical,
    /// The same letters and tones, typed otherwise: case, spaces, tone placement, i or y, NFC or
    /// NFD.
    SameWriting,
    /// The same letters once marks are dropped.
    SameFolded,
    /// The same words in another order.
    Permuted,
    /// One side lacks middle names or has initials for them.
    MiddleMissing,
    /// One letter more, less, other, or two neighbours swapped.
    OneEdit,
    /// The same where some sounds are not told apart.
    Phonetic,
    /// Family and given name agree, the middle names differ.
    FamilyAndGiven,
    /// The same after reading one side in a legacy encoding; a person must confirm the reading.
    LegacyEncoding,
    Different,
    /// One side has no name.
    Missing,
}

impl NameGrade {
    pub const ALL: [NameGrade; 11] = [
        NameGrade::Identical,
        NameGrade::SameWriting,
        NameGrade::SameFolded,
        NameGrade::Permuted,
        NameGrade::MiddleMissing,
        NameGrade::OneEdit,
        NameGrade::Phonetic,
        NameGrade::FamilyAndGiven,
        NameGrade::LegacyEncoding,
        NameGrade::Different,
        NameGrade::Missing,
    ];

    /// The same name, as far as matching is concerned.
    pub fn agrees(self) -> bool {
        self <= NameGrade::SameFolded
    }

    /// Not the same, but close enough to be a slip.
    pub fn is_near(self) -> bool {
        (NameGrade::Permuted..=NameGrade::Phonetic).contains(&self)
    }
}

/// How the date of birth agrees, best first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum BirthGrade {
    /// The same day, which is not the first of January.
    Same,
    /// The same year, and one side or both know no more; two firsts of January are this too,
    /// because agreeing on a default is no evidence.
    YearOnly,
    /// Day and month changed places.
    Swapped,
    /// One year off, as by lunar age, and the rest agrees as far as it is known.
    YearOff,
    Different,
    Missing,
}

impl BirthGrade {
    pub const ALL: [BirthGrade; 6] = [
        BirthGrade::Same,
        BirthGrade::YearOnly,
        BirthGrade::Swapped,
        BirthGrade::YearOff,
        BirthGrade::Different,
        BirthGrade::Missing,
    ];

    pub fn agrees(self) -> bool {
        self <= BirthGrade::YearOnly
    }

    pub fn is_near(self) -> bool {
        matches!(self, BirthGrade::Swapped | BirthGrade::YearOff)
    }
}

/// How the sex agrees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SexGrade {
    Same,
    Missing,
    Different,
}

impl SexGrade {
    pub const ALL: [SexGrade; 3] = [SexGrade::Same, SexGrade::Missing, SexGrade::Different];
}

/// How the id agrees, best first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum IdGrade {
    Same,
    /// It is the card that the person had before.
    Previous,
    /// The same once the zeros that a spreadsheet dropped are put back.
    ZeroRestored,
    /// One digit other, more or less.
    OneEdit,
    /// Two neighbouring digits swapped.
    Swap,
    Different,
    Missing,
}

impl IdGrade {
    pub const ALL: [IdGrade; 7] = [
        IdGrade::Same,
        IdGrade::Previous,
        IdGrade::ZeroRestored,
        IdGrade::OneEdit,
        IdGrade::Swap,
        IdGrade::Different,
        IdGrade::Missing,
    ];

    /// The id names this record.
    pub fn links(self) -> bool {
        self <= IdGrade::ZeroRestored
    }
}

/// Compares names without allocating more than once; keep one per worker.
#[derive(Default)]
pub struct NameComparer {
    left: Vec<u8>,
    right: Vec<u8>,
    left_more: Vec<u8>,
    right_more: Vec<u8>,
}

impl NameComparer {
    /// Grades two names. Symmetric, except that `legacy_encoding` tells which reading was needed.
    pub fn grade(&mut self, left: &str, right: &str) -> NameGrade {
        if left == right && !left.trim().is_empty() {
            return NameGrade::Identical;
        }
        fold_into(left, &mut self.left);
        fold_into(right, &mut self.right);
        if self.left.is_empty() || self.right.is_empty() {
            return NameGrade::Missing;
        }
        if self.left == self.right {
            writing_into(left, &mut self.left_more);
            writing_into(right, &mut self.right_more);
            return match self.left_more == self.right_more {
                true => NameGrade::SameWriting,
                false => NameGrade::SameFolded,
            };
        }
        match self.grade_unequal() {
            NameGrade::Different if self.repaired_agrees(left, right) => NameGrade::LegacyEncoding,
            grade => grade,
        }
    }

    /// Jaro-Winkler similarity of the folded names in thousandths: the order of a review queue, and
    /// never a decision.
    pub fn similarity_permille(&mut self, left: &str, right: &str) -> u16 {
        fold_into(left, &mut self.left);
        fold_into(right, &mut self.right);
        let (left, right) = (&self.left[..self.left.len().min(256)], &self.right);
        let right = &right[..right.len().min(256)];
        (jaro_winkler::similarity(left.iter(), right.iter()) * 1_000.0) as u16
    }

    /// `self.left` and `self.right` hold folded keys that are not equal.
    fn grade_unequal(&mut self) -> NameGrade {
        let (left, right) = (&self.left, &self.right);
        // Names of a length that no person has are not worth a quadratic comparison.
        if left.len().max(right.len()) > 256 {
            return NameGrade::Different;
        }
        let (mut left_words, mut right_words) = ([&[][..]; WORDS_MAX], [&[][..]; WORDS_MAX]);
        let (Some(left_words), Some(right_words)) =
            (split_words(left, &mut left_words), split_words(right, &mut right_words))
        else {
            return NameGrade::Different;
        };
        if letters(left).eq(letters(right)) {
            // Only the spaces differ: `H Hen` and `H'Hen`.
            return NameGrade::SameFolded;
        }
        let family_and_given = left_words.len() >= 2
            && right_words.len() >= 2
            && left_words.first() == right_words.first()
            && left_words.last() == right_words.last();
        if family_and_given {
            let left_middle = &left_words[1..left_words.len() - 1];
            let right_middle = &right_words[1..right_words.len() - 1];
            if abbreviates(left_middle, right_middle) || abbreviates(right_middle, left_middle) {
                return NameGrade::MiddleMissing;
            }
        }
        if left_words.len() == right_words.len() {
            left_words.sort_unstable();
            right_words.sort_unstable();
            if left_words == right_words {
                return NameGrade::Permuted;
            }
        }
        // One letter is much of a short name: `An` and `Ân` fold alike, `An` and `Ba` do not.
        let long_enough = left.len().min(right.len()) >= 5;
        let one_apart = left.len().abs_diff(right.len()) <= 1;
        if long_enough && one_apart && osa::distance(left.iter(), right.iter()) <= 1 {
            return NameGrade::OneEdit;
        }
        phonetic_into(left, &mut self.left_more);
        phonetic_into(right, &mut self.right_more);
        if self.left_more == self.right_more {
            return NameGrade::Phonetic;
        }
        match family_and_given {
            true => NameGrade::FamilyAndGiven,
            false => NameGrade::Different,
        }
    }

    fn repaired_agrees(&mut self, left: &str, right: &str) -> bool {
        match (legacy::recognise(left), legacy::recognise(right)) {
            (Some(repair), None) => {
                fold_into(&repair.text, &mut self.left);
                self.left == self.right
            }
            (None, Some(repair)) => {
                fold_into(&repair.text, &mut self.right);
                self.left == self.right
            }
            _ => false,
        }
    }
}

/// The encoding that a name seems to be in, for the reviewer.
pub fn legacy_encoding(name: &str) -> Option<LegacyEncoding> {
    legacy::recognise(name).map(|repair| repair.encoding)
}

/// The letters of a folded key without its spaces.
fn letters(key: &[u8]) -> impl Iterator<Item = &u8> {
    key.iter().filter(|byte| **byte != b' ')
}

/// More words than any person's name has.
const WORDS_MAX: usize = 24;

/// The words of a folded key, on the stack; None when they are too many.
fn split_words<'a, 'b>(
    key: &'a [u8],
    words: &'b mut [&'a [u8]; WORDS_MAX],
) -> Option<&'b mut [&'a [u8]]> {
    let mut count = 0;
    for word in key.split(|byte| *byte == b' ') {
        *words.get_mut(count)? = word;
        count += 1;
    }
    Some(&mut words[..count])
}

/// True when `short` is `long` with words left out or cut to initials, and is shorter by that.
fn abbreviates(short: &[&[u8]], long: &[&[u8]]) -> bool {
    let mut rest = long.iter();
    short.len() <= long.len()
        && short.iter().all(|word| {
            rest.any(|full| word == full || (word.len() == 1 && full.first() == word.first()))
        })
}

/// Grades two dates of birth.
pub fn grade_birth(left: Option<BirthDate>, right: Option<BirthDate>) -> BirthGrade {
    let (Some(left), Some(right)) = (left, right) else {
        return BirthGrade::Missing;
    };
    let year_only = left.is_year_only() || right.is_year_only();
    if left.year() == right.year() {
        if year_only {
            return BirthGrade::YearOnly;
        }
        return match (left.date(), right.date()) {
            (Some(a), Some(b)) if a == b => BirthGrade::Same,
            (Some(a), Some(b)) if a.day() == b.month() && a.month() == b.day() => {
                BirthGrade::Swapped
            }
            (Some(_), Some(_)) => BirthGrade::Different,
            // One side knows only the month.
            _ if left.month() == right.month() => BirthGrade::YearOnly,
            _ => BirthGrade::Different,
        };
    }
    let one_off = (i32::from(left.year()) - i32::from(right.year())).abs() == 1;
    let rest_agrees = year_only
        || match (left.date(), right.date()) {
            (Some(a), Some(b)) => (a.month(), a.day()) == (b.month(), b.day()),
            _ => left.month() == right.month(),
        };
    match one_off && rest_agrees {
        true => BirthGrade::YearOff,
        false => BirthGrade::Different,
    }
}

/// Grades two sexes.
pub fn grade_sex(left: Option<Sex>, right: Option<Sex>) -> SexGrade {
    match (left, right) {
        (Some(left), Some(right)) if left == right => SexGrade::Same,
        (Some(_), Some(_)) => SexGrade::Different,
        _ => SexGrade::Missing,
    }
}

/// Grades a roster's id against the id and the previous id of a record.
pub fn grade_id(
    roster: Option<NationalId>,
    current: NationalId,
    previous: Option<NationalId>,
) -> IdGrade {
    let Some(roster) = roster else {
        return IdGrade::Missing;
    };
    if roster.key() == current.key() {
        return match roster.zero_was_lost() {
            true => IdGrade::ZeroRestored,
            false => IdGrade::Same,
        };
    }
    if previous.is_some_and(|previous| previous.key() == roster.key()) {
        return IdGrade::Previous;
    }
    let near = [Some(current), previous].into_iter().flatten().map(|id| near_id(roster, id));
    near.min().unwrap_or(IdGrade::Different)
}

fn near_id(left: NationalId, right: NationalId) -> IdGrade {
    let (left, right) = (left.digits(), right.digits());
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if osa::distance(left.iter(), right.iter()) > 1 {
        return IdGrade::Different;
    }
    let differing = left.iter().zip(right).filter(|(a, b)| a != b).count();
    match left.len() == right.len() && differing == 2 {
        true => IdGrade::Swap,
        false => IdGrade::OneEdit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(left: &str, right: &str, expected: NameGrade) {
        let mut comparer = NameComparer::default();
        assert_eq!(comparer.grade(left, right), expected, "{left} / {right}");
        assert_eq!(comparer.grade(right, left), expected, "{right} / {left}");
    }

    #[test]
    fn names_are_graded_from_identical_to_different() {
        use NameGrade::*;
        check_name("Nguyễn Thị Lan", "Nguyễn Thị Lan", Identical);
        check_name("Nguyễn Thị Hoà", "NGUYỄN  THỊ HÒA", SameWriting);
        check_name("Nguyễn Thị Lan", "Nguye\u{302}\u{303}n Thi\u{323} Lan", SameWriting);
        check_name("Lý Thị Mỹ", "Lí Thị Mĩ", SameWriting);
        check_name("Nguyễn Thị Lan", "NGUYEN THI LAN", SameFolded);
        check_name("Đỗ Văn Hùng", "Do Van Hung", SameFolded);
        check_name("H'Hen Niê", "H’Hen Niê", SameWriting);
        check_name("H'Hen Niê", "H Hen Nie", SameFolded);
        check_name("Nguyễn Thị Lan", "Lan Nguyễn Thị", Permuted);
        check_name("Nguyễn Thị Ngọc Lan", "Nguyễn Lan", MiddleMissing);
        check_name("Nguyễn Thị Ngọc Lan", "Nguyễn Thị Lan", MiddleMissing);
        check_name("Nguyễn Thị Ngọc Lan", "Nguyễn T. N. Lan", MiddleMissing);
        check_name("Nguyễn Thị Loan", "Nguyễn Thị Lon", OneEdit);
        check_name("Nguyễn Thị Loan", "Nguyễn Thị Laon", OneEdit);
        check_name("Trần Xuân Trinh", "Chần Suân Chinh", Phonetic);
        check_name("Nguyễn Văn Hùng", "Nguyễn Đức Hùng", FamilyAndGiven);
        check_name("NguyÔn V¨n §øc", "Nguyễn Văn Đức", LegacyEncoding);
        check_name("Huỳnh Văn Tư", "Hoàng Văn Tư", Different);
        check_name("Nguyễn Văn Hùng", "Trần Thị Lan", Different);
        check_name("Niê", "Ni", Different);
        check_name("", "Nguyễn Văn Hùng", Missing);
        check_name("", "", Missing);
        check_name("  ", "  ", Missing);
    }

    #[track_caller]
    fn check_birth(left: &str, right: &str, expected: BirthGrade) {
        let born = |text| BirthDate::parse(text).ok();
        assert_eq!(grade_birth(born(left), born(right)), expected, "{left} / {right}");
        assert_eq!(grade_birth(born(right), born(left)), expected, "{right} / {left}");
    }

    #[test]
    fn births_are_graded_by_what_is_known() {
        use BirthGrade::*;
        check_birth("1950-03-12", "1950-03-12", Same);
        check_birth("1950-01-01", "1950-01-01", YearOnly);
        check_birth("1950", "1950-03-12", YearOnly);
        check_birth("1950-01-01", "1950-03-12", YearOnly);
        check_birth("1950-03", "1950-03-12", YearOnly);
        check_birth("1950-04", "1950-03-12", Different);
        check_birth("1950-12-03", "1950-03-12", Swapped);
        check_birth("1951-03-12", "1950-03-12", YearOff);
        check_birth("1951", "1950-03-12", YearOff);
        check_birth("1951-03-13", "1950-03-12", Different);
        check_birth("1950-03-13", "1950-03-12", Different);
        check_birth("", "1950-03-12", Missing);
    }

    #[track_caller]
    fn check_id(roster: &str, current: &str, previous: &str, expected: IdGrade) {
        let id = |text| NationalId::parse(text).ok();
        assert_eq!(grade_id(id(roster), id(current).unwrap(), id(previous)), expected, "{roster}");
    }

    #[test]
    fn ids_are_graded_by_what_happened_to_them() {
        use IdGrade::*;
        check_id("001050012345", "001050012345", "012345678", Same);
        check_id("1050012345", "001050012345", "", ZeroRestored);
        check_id("012345678", "001050012345", "012345678", Previous);
        check_id("12345678", "001050012345", "012345678", Previous);
        check_id("001050012346", "001050012345", "", OneEdit);
        check_id("001050012354", "001050012345", "", Swap);
        check_id("012345687", "001050012345", "012345678", Swap);
        check_id("001050019999", "001050012345", "", Different);
        check_id("", "001050012345", "", Missing);
    }

    #[test]
    fn grades_are_listed_in_order() {
        assert!(NameGrade::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(BirthGrade::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(IdGrade::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(SexGrade::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    proptest::proptest! {
        #[test]
        fn grading_is_symmetric_and_never_panics(left in ".{0,40}", right in ".{0,40}") {
            let mut comparer = NameComparer::default();
            let grade = comparer.grade(&left, &right);
            proptest::prop_assert_eq!(comparer.grade(&right, &left), grade);
            proptest::prop_assert!(comparer.similarity_permille(&left, &right) <= 1_000);
        }
    }
}
