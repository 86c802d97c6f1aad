//! The month an entitlement covers. Not the day it is paid: two months may be paid before Tết,
//! and arrears belong to the month they were owed for.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// A calendar month, written `2026-11`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    /// Months since year 0, so that arithmetic is plain.
    months: i32,
}

impl Period {
    /// The first month that can be written.
    pub const FIRST: Period = Period { months: 1900 * 12 };

    pub fn new(year: i16, month: i8) -> Result<Period, PeriodError> {
        if !(1900..=2999).contains(&year) || !(1..=12).contains(&month) {
            return Err(PeriodError(format!("{year:04}-{month:02}")));
        }
        Ok(Period { months: i32::from(year) * 12 + i32::from(month) - 1 })
    }

    /// The month in which a day lies. Days outside 1900–2999 have no period.
    pub fn of(date: Date) -> Result<Period, PeriodError> {
        Period::new(date.year(), date.month())
    }

    pub fn year(&self) -> i16 {
        (self.months / 12) as i16
    }

    pub fn month(&self) -> i8 {
        (self.months % 12 + 1) as i8
    }

    pub fn first_day(&self) -> Date {
        Date::new(self.year(), self.month(), 1).expect("the first of a month exists")
    }

    pub fn last_day(&self) -> Date {
        self.first_day().last_of_month()
    }

    /// The month `months` later, or earlier when negative.
    pub fn plus(&self, months: i32) -> Period {
        Period { months: self.months + months }
    }

    /// How many months lie from `earlier` to this one; negative when it comes before.
    pub fn months_since(&self, earlier: Period) -> i32 {
        self.months - earlier.months
    }

    /// `202611`: the form in which a period is stored and packed.
    pub fn as_number(&self) -> i32 {
        i32::from(self.year()) * 100 + i32::from(self.month())
    }

    pub fn from_number(number: i64) -> Result<Period, PeriodError> {
        let wrong = || PeriodError(number.to_string());
        let year = i16::try_from(number / 100).map_err(|_| wrong())?;
        let month = i8::try_from(number % 100).map_err(|_| wrong())?;
        Period::new(year, month)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Period, PeriodError> {
        let wrong = || PeriodError(text.chars().take(16).collect());
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 7
            && bytes[4] == b'-'
            && bytes.iter().enumerate().all(|(at, byte)| at == 4 || byte.is_ascii_digit());
        if !shaped {
            return Err(wrong());
        }
        Period::new(
            text[..4].parse().map_err(|_| wrong())?,
            text[5..].parse().map_err(|_| wrong())?,
        )
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a month written like 2026-11, between 1900 and 2999")]
pub struct PeriodError(String);

/// Reads a day written `2026-11-23`, and nothing else.
pub fn parse_date(text: &str) -> Result<Date, DateError> {
    let wrong = || DateError(text.chars().take(16).collect());
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return Err(wrong());
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().map_err(|_| wrong());
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    Date::new(year, month as i8, day as i8).map_err(|_| wrong())
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a day that exists, written like 2026-11-23")]
pub struct DateError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_and_write_as_months() {
        for text in ["2026-11", "1900-01", "2999-12"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in
            ["2026-13", "2026-00", "2026-1", "26-11", "2026/11", "1899-12", "", "２０２６-11"]
        {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn months_count_across_years() {
        let november: Period = "2026-11".parse().unwrap();
        assert_eq!(november.plus(2).to_string(), "2027-01");
        assert_eq!(november.plus(-11).to_string(), "2025-12");
        assert_eq!(november.plus(3).months_since(november), 3);
        assert_eq!(november.last_day().to_string(), "2026-11-30");
        assert_eq!(Period::from_number(202_611), Ok(november));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        assert!(parse_date("2024-02-29").is_ok());
        for text in ["2026-02-29", "2026-02-30", "2026-13-01", "2026-1-01", "01/02/2026", ""] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
