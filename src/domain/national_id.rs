//! The citizen identification number of Vietnam: what its digits say, and what they contradict.
//!
//! Reads: the text of an id column. Gives: a `NationalId` with the form it was written in, or the
//! rule the text broke. Twelve digits are `PPP G YY RRRRRR`: where the birth was registered,
//! century with sex, year of birth, and six random digits (Circular 07/2016/TT-BCA, Art 7). There
//! is no check digit, so digits that disagree with the record are findings, never refusals: births
//! are corrected and sexes re-registered while the number stays.

use std::fmt;

use crate::domain::identity::{BirthDate, Sex};

/// A national id that has one of the known lengths. Compares and hashes by what it identifies: an
/// id whose leading zero a spreadsheet dropped is equal to the whole one only through `key`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NationalId {
    number: u64,
    form: IdForm,
}

/// How the id was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum IdForm {
    /// Twelve digits: the citizen id in force.
    Citizen,
    /// Ten or eleven digits: a citizen id whose leading zeros were lost on the way.
    CitizenZeroLost,
    /// Nine digits: the old identity card, not valid as identification since 1 January 2025.
    OldCard,
    /// Eight digits: an old card whose leading zero was lost.
    OldCardZeroLost,
}

impl NationalId {
    /// Reads digits. Spaces, dots and hyphens between groups and the apostrophe by which a
    /// spreadsheet marks text are passed over, because they cannot change which id is meant;
    /// anything else is refused.
    pub fn parse(text: &str) -> Result<NationalId, NationalIdError> {
        let mut number: u64 = 0;
        let mut count: u32 = 0;
        let text = text.trim();
        for byte in text.strip_prefix('\'').unwrap_or(text).bytes() {
            match byte {
                b'0'..=b'9' => {
                    count += 1;
                    if count > 12 {
                        return Err(NationalIdError::LengthMustBeKnown(13));
                    }
                    number = number * 10 + u64::from(byte - b'0');
                }
                b' ' | b'.' | b'-' => {}
                _ => return Err(NationalIdError::OnlyDigits),
            }
        }
        let form = match count {
            12 => IdForm::Citizen,
            // A citizen id starts with 0, so a spreadsheet that reads it as a number drops one
            // digit, and two where the province is 001 to 008.
            11 if number >= CITIZEN_LOST_ONE => IdForm::CitizenZeroLost,
            10 if number >= CITIZEN_LOST_TWO => IdForm::CitizenZeroLost,
            9 => IdForm::OldCard,
            8 if number >= OLD_CARD_LOST_ONE => IdForm::OldCardZeroLost,
            0 => return Err(NationalIdError::MustNotBeEmpty),
            8 | 10 | 11 => return Err(NationalIdError::LeadingZeroCannotBeRestored),
            other => return Err(NationalIdError::LengthMustBeKnown(other)),
        };
        if number == 0 {
            return Err(NationalIdError::MustNotBeZeros);
        }
        Ok(NationalId { number, form })
    }

    pub fn form(&self) -> IdForm {
        self.form
    }

    /// One number for one id, whichever form it was written in; citizen ids and old cards never
    /// share a key.
    pub fn key(&self) -> u64 {
        match self.is_citizen() {
            true => self.number,
            false => self.number + OLD_CARD_KEYS,
        }
    }

    /// The digits, restored to their full length and padded on the right with nothing.
    pub fn digits(&self) -> IdDigits {
        let length = if self.is_citizen() { 12 } else { 9 };
        let mut digits = [b'0'; 12];
        let mut rest = self.number;
        for place in (0..length).rev() {
            digits[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        IdDigits { digits, length }
    }

    pub fn is_citizen(&self) -> bool {
        matches!(self.form, IdForm::Citizen | IdForm::CitizenZeroLost)
    }

    /// True when leading zeros had to be put back.
    pub fn zero_was_lost(&self) -> bool {
        matches!(self.form, IdForm::CitizenZeroLost | IdForm::OldCardZeroLost)
    }

    /// The province where the birth was registered, which says nothing of where the person lives.
    /// None for old cards and for births registered abroad.
    pub fn province_of_birth(&self) -> Option<&'static BirthProvince> {
        let prefix = (self.number / 1_000_000_000) as u16;
        let at = BIRTH_PROVINCES.binary_search_by_key(&prefix, |province| province.prefix);
        at.ok().filter(|_| self.is_citizen()).map(|at| &BIRTH_PROVINCES[at])
    }

    /// Sex and year of birth as the digits have them. None for old cards.
    pub fn birth_digits(&self) -> Option<(Sex, i16)> {
        if !self.is_citizen() {
            return None;
        }
        let century_and_sex = (self.number / 100_000_000 % 10) as i16;
        let year = (self.number / 1_000_000 % 100) as i16;
        let sex = if century_and_sex % 2 == 0 { Sex::Male } else { Sex::Female };
        Some((sex, 1900 + century_and_sex / 2 * 100 + year))
    }

    /// What the digits contradict in a record. Nothing is found where either side is silent.
    pub fn findings(&self, born: Option<BirthDate>, sex: Option<Sex>) -> IdFindings {
        let mut findings = IdFindings::default();
        let Some((digit_sex, digit_year)) = self.birth_digits() else {
            return findings;
        };
        findings.province_unknown = self.province_of_birth().is_none();
        findings.sex_contradicts = sex.is_some_and(|sex| sex != digit_sex);
        findings.year_contradicts = born.is_some_and(|born| born.year() != digit_year);
        findings
    }
}

/// Shows the length and hides the digits: ids of people do not belong in logs.
impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NationalId({:?})", self.form)
    }
}

/// The digits of one id, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdDigits {
    digits: [u8; 12],
    length: usize,
}

impl IdDigits {
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("ids are ASCII digits")
    }
}

/// Where the digits and the record disagree. Findings go to the reviewer; alone they hold nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct IdFindings {
    /// The first three digits are no province of Vietnam: registered abroad, or mistyped.
    pub province_unknown: bool,
    /// The century-and-sex digit says the other sex.
    pub sex_contradicts: bool,
    /// The century and year digits say another year of birth.
    pub year_contradicts: bool,
}

impl IdFindings {
    pub fn contradicts_birth_or_sex(&self) -> bool {
        self.sex_contradicts || self.year_contradicts
    }
}

/// A province as it was when births were registered, before the mergers of 2025.
#[derive(PartialEq, Eq, Debug)]
pub struct BirthProvince {
    /// The first three digits of the citizen id.
    pub prefix: u16,
    pub name: &'static str,
    /// Code of the province that holds it since 1 July 2025 (Decision 19/2025/QĐ-TTg).
    pub now: u8,
}

const CITIZEN_LOST_ONE: u64 = 10_000_000_000;
const CITIZEN_LOST_TWO: u64 = 1_000_000_000;
const OLD_CARD_LOST_ONE: u64 = 10_000_000;
const OLD_CARD_KEYS: u64 = 10_000_000_000_000;

const fn province(prefix: u16, name: &'static str, now: u8) -> BirthProvince {
    BirthProvince { prefix, name, now }
}

/// The 63 provinces of birth registration (Circular 07/2016/TT-BCA, appendix), in prefix order.
pub const BIRTH_PROVINCES: [BirthProvince; 63] = [
    province(1, "Hà Nội", 1),
    province(2, "Hà Giang", 8),
    province(4, "Cao Bằng", 4),
    province(6, "Bắc Kạn", 19),
    province(8, "Tuyên Quang", 8),
    province(10, "Lào Cai", 15),
    province(11, "Điện Biên", 11),
    province(12, "Lai Châu", 12),
    province(14, "Sơn La", 14),
    province(15, "Yên Bái", 15),
    province(17, "Hòa Bình", 25),
    province(19, "Thái Nguyên", 19),
    province(20, "Lạng Sơn", 20),
    province(22, "Quảng Ninh", 22),
    province(24, "Bắc Giang", 24),
    province(25, "Phú Thọ", 25),
    province(26, "Vĩnh Phúc", 25),
    province(27, "Bắc Ninh", 24),
    province(30, "Hải Dương", 31),
    province(31, "Hải Phòng", 31),
    province(33, "Hưng Yên", 33),
    province(34, "Thái Bình", 33),
    province(35, "Hà Nam", 37),
    province(36, "Nam Định", 37),
    province(37, "Ninh Bình", 37),
    province(38, "Thanh Hóa", 38),
    province(40, "Nghệ An", 40),
    province(42, "Hà Tĩnh", 42),
    province(44, "Quảng Bình", 44),
    province(45, "Quảng Trị", 44),
    province(46, "Thừa Thiên Huế", 46),
    province(48, "Đà Nẵng", 48),
    province(49, "Quảng Nam", 48),
    province(51, "Quảng Ngãi", 51),
    province(52, "Bình Định", 52),
    province(54, "Phú Yên", 66),
    province(56, "Khánh Hòa", 56),
    province(58, "Ninh Thuận", 56),
    province(60, "Bình Thuận", 68),
    province(62, "Kon Tum", 51),
    province(64, "Gia Lai", 52),
    province(66, "Đắk Lắk", 66),
    province(67, "Đắk Nông", 68),
    province(68, "Lâm Đồng", 68),
    province(70, "Bình Phước", 75),
    province(72, "Tây Ninh", 80),
    province(74, "Bình Dương", 79),
    province(75, "Đồng Nai", 75),
    province(77, "Bà Rịa-Vũng Tàu", 79),
    province(79, "Hồ Chí Minh", 79),
    province(80, "Long An", 80),
    province(82, "Tiền Giang", 82),
    province(83, "Bến Tre", 86),
    province(84, "Trà Vinh", 86),
    province(86, "Vĩnh Long", 86),
    province(87, "Đồng Tháp", 82),
    province(89, "An Giang", 91),
    province(91, "Kiên Giang", 91),
    province(92, "Cần Thơ", 92),
    province(93, "Hậu Giang", 92),
    province(94, "Sóc Trăng", 92),
    province(95, "Bạc Liêu", 96),
    province(96, "Cà Mau", 96),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NationalIdError {
    #[error("the id is empty")]
    MustNotBeEmpty,
    #[error(
        "an id is digits only; a number such as 1.2E+11 was damaged by a spreadsheet: format the column as text"
    )]
    OnlyDigits,
    #[error("an id has 12 digits, or 9 on an old card, not {0}")]
    LengthMustBeKnown(u32),
    #[error(
        "the id is short, and putting zeros back in front does not make a citizen id or an old card"
    )]
    LeadingZeroCannotBeRestored,
    #[error("an id is not all zeros")]
    MustNotBeZeros,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(IdForm, &str), NationalIdError>) {
        let actual = NationalId::parse(text);
        match (actual, expected) {
            (Ok(id), Ok((form, digits))) => {
                assert_eq!((id.form(), id.digits().as_str()), (form, digits), "{text}")
            }
            (actual, expected) => {
                assert_eq!(actual.map(|_| ()), expected.map(|_| ()), "{text}")
            }
        }
    }

    #[test]
    fn ids_are_read_in_every_form_they_are_met_in() {
        use IdForm::*;
        check("001050012345", Ok((Citizen, "001050012345")));
        check("'001050012345", Ok((Citizen, "001050012345")));
        check(" 001 050 012 345 ", Ok((Citizen, "001050012345")));
        check("1050012345", Ok((CitizenZeroLost, "001050012345")));
        check("79050012345", Ok((CitizenZeroLost, "079050012345")));
        check("012345678", Ok((OldCard, "012345678")));
        check("12345678", Ok((OldCardZeroLost, "012345678")));
        check("01050012345", Err(NationalIdError::LeadingZeroCannotBeRestored));
        check("0010500123456", Err(NationalIdError::LengthMustBeKnown(13)));
        check("1234567", Err(NationalIdError::LengthMustBeKnown(7)));
        check("1.05E+10", Err(NationalIdError::OnlyDigits));
        check("00105001234O", Err(NationalIdError::OnlyDigits));
        check("٠٠١٠٥٠٠١٢٣٤٥", Err(NationalIdError::OnlyDigits));
        check("000000000000", Err(NationalIdError::MustNotBeZeros));
        check("", Err(NationalIdError::MustNotBeEmpty));
        check("''", Err(NationalIdError::OnlyDigits));
    }

    #[test]
    fn the_key_is_one_per_id_and_keeps_cards_and_citizen_ids_apart() {
        let key = |text| NationalId::parse(text).unwrap().key();
        assert_eq!(key("001050012345"), key("1050012345"));
        assert_eq!(key("012345678"), key("12345678"));
        assert_ne!(key("000012345678"), key("012345678"));
    }

    #[test]
    fn the_digits_name_a_province_a_sex_and_a_year() {
        for (text, province, sex, year) in [
            ("001050012345", Some("Hà Nội"), Sex::Male, 1950),
            ("079150012345", Some("Hồ Chí Minh"), Sex::Female, 1950),
            ("096218012345", Some("Cà Mau"), Sex::Male, 2018),
            ("015307012345", Some("Yên Bái"), Sex::Female, 2007),
            ("003050012345", None, Sex::Male, 1950),
        ] {
            let id = NationalId::parse(text).unwrap();
            assert_eq!(id.province_of_birth().map(|province| province.name), province, "{text}");
            assert_eq!(id.birth_digits(), Some((sex, year)), "{text}");
        }
        assert_eq!(NationalId::parse("012345678").unwrap().birth_digits(), None);
    }

    #[test]
    fn contradictions_are_findings() {
        let id = NationalId::parse("001050012345").unwrap();
        let year = |year| Some(BirthDate::in_year(year).unwrap());
        assert_eq!(id.findings(year(1950), Some(Sex::Male)), IdFindings::default());
        assert_eq!(id.findings(None, None), IdFindings::default());
        assert!(id.findings(year(1951), Some(Sex::Male)).year_contradicts);
        assert!(id.findings(year(2050), None).year_contradicts);
        assert!(id.findings(year(1950), Some(Sex::Female)).sex_contradicts);
    }

    #[test]
    fn the_provinces_stand_in_order() {
        assert!(BIRTH_PROVINCES.windows(2).all(|pair| pair[0].prefix < pair[1].prefix));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,30}") {
            if let Ok(id) = NationalId::parse(&text) {
                let again = NationalId::parse(id.digits().as_str()).unwrap();
                proptest::prop_assert_eq!(again.key(), id.key());
                let _ = id.findings(None, Some(Sex::Male));
            }
        }
    }
}
