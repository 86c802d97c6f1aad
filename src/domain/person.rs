//! Facts about a person that every part reads: sex, and a date of birth with its precision.

use jiff::civil::Date;

use crate::domain::period::{DateError, parse_date};
use crate::domain::state::named;

named!(
    Sex {
        Female = "F",
        Male = "M",
    }
);

named!(
    /// How much of a date of birth is known. Many old people have a year only, and 1 January of
    /// that year stands in for age rules.
    DobPrecision {
        Day = "day",
        Year = "year",
    }
);

named!(
    /// What the civil register says about a person's life.
    VitalStatus {
        Alive = "alive",
        Deceased = "deceased",
        Missing = "missing",
    }
);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DateOfBirth {
    /// The day, or 1 January when only the year is known.
    pub date: Date,
    pub precision: DobPrecision,
}

impl DateOfBirth {
    /// Reads `1950-03-14` or `1950`.
    pub fn parse(text: &str) -> Result<DateOfBirth, DateError> {
        if text.len() == 4 {
            let date = parse_date(&format!("{text}-01-01"))?;
            return Ok(DateOfBirth { date, precision: DobPrecision::Year });
        }
        Ok(DateOfBirth { date: parse_date(text)?, precision: DobPrecision::Day })
    }
}

impl std::fmt::Display for DateOfBirth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.precision {
            DobPrecision::Day => self.date.fmt(f),
            DobPrecision::Year => write!(f, "{:04}", self.date.year()),
        }
    }
}
