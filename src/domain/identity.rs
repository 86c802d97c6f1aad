//! What a civil register says of one person: name, birth, sex, and whether they live.
//!
//! Reads: the fields of one register row. Gives: an `IdentityRecord` that contradicts itself in
//! nothing, or the rule that the row broke.

use std::fmt;

use jiff::civil::Date;

use crate::domain::national_id::NationalId;
use crate::domain::period::parse_date;

/// One person in the identity register. Text is borrowed from the import, as it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdentityRecord<'a> {
    /// The register's own number for the record in this store; opaque, and unique in a register.
    pub record_no: u64,
    pub national_id: NationalId,
    /// The card that the person had before, when the register knows it.
    pub previous_national_id: Option<NationalId>,
    pub full_name: &'a str,
    pub born: Option<BirthDate>,
    pub sex: Option<Sex>,
    pub vital: VitalStatus,
}

/// Hides the person: records of people do not belong in logs.
impl fmt::Debug for IdentityRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityRecord({}, {:?})", self.record_no, self.vital)
    }
}

/// Whether a person lives, as the register knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VitalStatus {
    Alive,
    /// The day may be unknown; then every period counts as after the death.
    Deceased {
        on: Option<Date>,
    },
    /// Declared missing by a court.
    Missing,
    Unknown,
}

impl VitalStatus {
    /// Reads the columns `vital_status` and `date_of_death`. A living person with a date of death
    /// contradicts itself, and is refused rather than believed either way.
    pub fn parse(status: &str, died_on: &str) -> Result<VitalStatus, IdentityRecordError> {
        let died_on = match died_on.trim() {
            "" => None,
            text => Some(parse_date(text).map_err(|_| IdentityRecordError::DateOfDeathMustBeADay)?),
        };
        let status = match status.trim() {
            "alive" => VitalStatus::Alive,
            "deceased" => return Ok(VitalStatus::Deceased { on: died_on }),
            "missing" => VitalStatus::Missing,
            "" | "unknown" => VitalStatus::Unknown,
            _ => return Err(IdentityRecordError::VitalStatusMustBeKnown),
        };
        match died_on {
            Some(_) => Err(IdentityRecordError::OnlyTheDeceasedHaveADateOfDeath),
            None => Ok(status),
        }
    }

    pub fn is_deceased(&self) -> bool {
        matches!(self, VitalStatus::Deceased { .. })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    /// Reads the words and letters that rosters use; empty is unknown.
    pub fn parse(text: &str) -> Result<Option<Sex>, IdentityRecordError> {
        const MALE: [&str; 7] = ["male", "Male", "M", "m", "nam", "Nam", "NAM"];
        const FEMALE: [&str; 8] = ["female", "Female", "F", "f", "nữ", "Nữ", "NỮ", "nu"];
        match text.trim() {
            "" => Ok(None),
            word if MALE.contains(&word) => Ok(Some(Sex::Male)),
            word if FEMALE.contains(&word) => Ok(Some(Sex::Female)),
            _ => Err(IdentityRecordError::SexMustBeKnownOrEmpty),
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Sex::Male => "male",
            Sex::Female => "female",
        }
    }
}

/// A birth as it is known: a day, a month, or only a year. Many who were born before 1965 have no
/// more than the year.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BirthDate {
    year: i16,
    /// 0 when unknown.
    month: i8,
    /// 0 when unknown.
    day: i8,
}

impl BirthDate {
    pub fn on(date: Date) -> Result<BirthDate, BirthDateError> {
        BirthDate::in_year(date.year())?;
        Ok(BirthDate { year: date.year(), month: date.month(), day: date.day() })
    }

    pub fn in_year(year: i16) -> Result<BirthDate, BirthDateError> {
        match (1800..=2200).contains(&year) {
            true => Ok(BirthDate { year, month: 0, day: 0 }),
            false => Err(BirthDateError),
        }
    }

    /// Reads `1950-03-12`, `1950-03` or `1950`; `1950-00-00` and `1950-03-00` are how some systems
    /// write what they do not know.
    pub fn parse(text: &str) -> Result<BirthDate, BirthDateError> {
        let bytes = text.as_bytes();
        let number = |range: std::ops::Range<usize>| -> Result<i16, BirthDateError> {
            let part = bytes.get(range).ok_or(BirthDateError)?;
            part.iter().try_fold(0_i16, |value, byte| match byte {
                b'0'..=b'9' => Ok(value * 10 + i16::from(byte - b'0')),
                _ => Err(BirthDateError),
            })
        };
        let year = number(0..4)?;
        let (month, day) = match bytes.len() {
            4 => (0, 0),
            7 if bytes[4] == b'-' => (number(5..7)?, 0),
            10 if bytes[4] == b'-' && bytes[7] == b'-' => (number(5..7)?, number(8..10)?),
            _ => return Err(BirthDateError),
        };
        BirthDate::of_parts(year, month as i8, day as i8)
    }

    /// Reads `12/03/1950`, `12-03-1950`, `03/1950` or `1950`: the Vietnamese order, day first.
    pub fn parse_day_first(text: &str) -> Result<BirthDate, BirthDateError> {
        let mut parts = [0_i16; 3];
        let mut count = 0;
        for part in text.split(['/', '-', '.']) {
            let digits =
                !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
            if !digits || count == 3 {
                return Err(BirthDateError);
            }
            parts[count] = part.parse().map_err(|_| BirthDateError)?;
            count += 1;
        }
        let (day, month, year) = match count {
            3 => (parts[0], parts[1], parts[2]),
            2 => (0, parts[0], parts[1]),
            _ => (0, 0, parts[0]),
        };
        if day > 31 || month > 12 {
            return Err(BirthDateError);
        }
        BirthDate::of_parts(year, month as i8, day as i8)
    }

    pub fn year(&self) -> i16 {
        self.year
    }

    pub fn month(&self) -> Option<i8> {
        (self.month != 0).then_some(self.month)
    }

    /// The day, when all of it is known.
    pub fn date(&self) -> Option<Date> {
        Date::new(self.year, self.month, self.day).ok()
    }

    /// True when only the year can be relied on: nothing more is known, or it is 1 January, which
    /// is what clerks write when nothing more is known.
    pub fn is_year_only(&self) -> bool {
        self.month == 0 || (self.month == 1 && self.day <= 1)
    }

    /// The day on which ages are counted, by custom 1 January where only the year is known and the
    /// first where only the month is.
    pub fn reckoned(&self) -> Date {
        Date::new(self.year, self.month.max(1), self.day.max(1)).expect("parts were checked")
    }

    fn of_parts(year: i16, month: i8, day: i8) -> Result<BirthDate, BirthDateError> {
        BirthDate::in_year(year)?;
        if month == 0 && day != 0 {
            return Err(BirthDateError);
        }
        Date::new(year, month.max(1), day.max(1)).map_err(|_| BirthDateError)?;
        Ok(BirthDate { year, month, day })
    }
}

/// Writes what is known: `1950-03-12`, `1950-03` or `1950`.
impl fmt::Display for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if self.month != 0 {
            write!(f, "-{:02}", self.month)?;
        }
        if self.day != 0 {
            write!(f, "-{:02}", self.day)?;
        }
        Ok(())
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(hidden)")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a birth is a day that exists, a month or a year, written 1950-03-12, 1950-03 or 1950")]
pub struct BirthDateError;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityRecordError {
    #[error("vital_status is alive, deceased, missing or unknown")]
    VitalStatusMustBeKnown,
    #[error("date_of_death is a day that exists, written like 2026-11-23, or empty")]
    DateOfDeathMustBeADay,
    #[error("date_of_death is filled although vital_status is not deceased: one of them is wrong")]
    OnlyTheDeceasedHaveADateOfDeath,
    #[error("sex is male, female (nam, nữ) or empty")]
    SexMustBeKnownOrEmpty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let iso = BirthDate::parse(text).ok().map(|born| born.to_string());
        assert_eq!(iso.as_deref(), expected, "{text}");
    }

    #[test]
    fn births_are_known_to_the_day_the_month_or_the_year() {
        check("1950-03-12", Some("1950-03-12"));
        check("1950-03-00", Some("1950-03"));
        check("1950-00-00", Some("1950"));
        check("1950-03", Some("1950-03"));
        check("1950", Some("1950"));
        check("2024-02-29", Some("2024-02-29"));
        for text in
            ["1950-02-29", "1950-13-01", "1950-00-12", "195", "1799", "1950/03/12", "", "１９５０"]
        {
            check(text, None);
        }
    }

    #[test]
    fn births_are_read_day_first_when_asked() {
        for (text, expected) in [
            ("12/03/1950", Some("1950-03-12")),
            ("2.9.1945", Some("1945-09-02")),
            ("03/1950", Some("1950-03")),
            ("1950", Some("1950")),
            ("31/02/1950", None),
            ("1950-03-12", None),
            ("1//1950", None),
            ("1/2/3/1950", None),
            ("99999/1/1", None),
        ] {
            let born = BirthDate::parse_day_first(text).ok().map(|born| born.to_string());
            assert_eq!(born.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_first_of_january_is_what_clerks_write_for_a_year() {
        let year_only = |text| BirthDate::parse(text).unwrap().is_year_only();
        assert!(year_only("1950") && year_only("1950-01-01") && year_only("1950-01"));
        assert!(!year_only("1950-01-02") && !year_only("1950-02"));
    }

    #[test]
    fn the_living_have_no_date_of_death() {
        let day = parse_date("2026-10-02").unwrap();
        for (status, died_on, expected) in [
            ("alive", "", Ok(VitalStatus::Alive)),
            ("deceased", "2026-10-02", Ok(VitalStatus::Deceased { on: Some(day) })),
            ("deceased", "", Ok(VitalStatus::Deceased { on: None })),
            ("", "", Ok(VitalStatus::Unknown)),
            ("missing", "", Ok(VitalStatus::Missing)),
            ("alive", "2026-10-02", Err(IdentityRecordError::OnlyTheDeceasedHaveADateOfDeath)),
            ("dead", "", Err(IdentityRecordError::VitalStatusMustBeKnown)),
            ("deceased", "2026-02-30", Err(IdentityRecordError::DateOfDeathMustBeADay)),
        ] {
            assert_eq!(VitalStatus::parse(status, died_on), expected, "{status} {died_on}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,20}") {
            let _ = (BirthDate::parse(&text), BirthDate::parse_day_first(&text), Sex::parse(&text));
            let _ = VitalStatus::parse(&text, &text);
        }

        #[test]
        fn what_is_written_reads_back(text in "[12][0-9]{3}(-[01][0-9](-[0-3][0-9])?)?") {
            if let Ok(born) = BirthDate::parse(&text) {
                proptest::prop_assert_eq!(BirthDate::parse(&born.to_string()), Ok(born));
            }
        }
    }
}
