//! A calendar of business days: weekends, holidays, and the working Saturdays for which a day off was
//! swapped.
//!
//! Reads: a calendar as data, with its version and the days that it covers. Gives: whether a day is a
//! business day, and the next or the last one. A day that the calendar does not cover is not guessed:
//! holidays and swaps are announced late, some a week before.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::{Date, Weekday};
use serde::Deserialize;

use crate::domain::period::parse_date;
use crate::domain::state::{Named, named};

named!(
    /// What a day is that is not what its weekday says.
    DayKind {
        Closed = "closed",
        /// A day of a weekend on which work was put.
        Working = "working",
    }
);

/// One version of one calendar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    pub name: String,
    pub version: String,
    from: Date,
    to: Date,
    weekend: Vec<Weekday>,
    days: BTreeMap<Date, DayKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarFile {
    name: String,
    version: String,
    /// The first and the last day about which it is certain.
    from: String,
    to: String,
    weekend: Vec<String>,
    /// Where it was taken from, for people.
    #[serde(rename = "citation")]
    _citation: String,
    #[serde(default)]
    day: Vec<DayFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DayFile {
    on: String,
    is: String,
    /// What it is called, for people.
    #[serde(rename = "name")]
    _name: String,
}

impl Calendar {
    /// Reads a calendar that is written in TOML.
    pub fn parse(text: &str) -> Result<Calendar, CalendarError> {
        let wrong = |what: String| CalendarError::MustBeWellFormed(what);
        let file: CalendarFile =
            toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
        let day = |text: &str| parse_date(text).map_err(|error| wrong(error.to_string()));
        let (from, to) = (day(&file.from)?, day(&file.to)?);
        if from > to {
            return Err(wrong(format!("it covers the days from {from} to {to}")));
        }
        let weekend = file
            .weekend
            .iter()
            .map(|name| weekday(name).ok_or_else(|| wrong(format!("`{name}` is no weekday"))))
            .collect::<Result<Vec<Weekday>, _>>()?;
        let mut days = BTreeMap::new();
        for one in &file.day {
            let on = day(&one.on)?;
            let kind = DayKind::from_name(&one.is)
                .ok_or_else(|| wrong(format!("{on} is closed or working, not `{}`", one.is)))?;
            if on < from || on > to {
                return Err(wrong(format!("{on} lies outside the days that it covers")));
            }
            if days.insert(on, kind).is_some() {
                return Err(wrong(format!("{on} stands twice")));
            }
        }
        Ok(Calendar { name: file.name, version: file.version, from, to, weekend, days })
    }

    pub fn is_business_day(&self, day: Date) -> Result<bool, CalendarError> {
        if day < self.from || day > self.to {
            return Err(CalendarError::MustCover { name: self.name.clone(), day, to: self.to });
        }
        Ok(match self.days.get(&day) {
            Some(kind) => *kind == DayKind::Working,
            None => !self.weekend.contains(&day.weekday()),
        })
    }

    /// The day itself, or the first business day after it.
    pub fn on_or_after(&self, day: Date) -> Result<Date, CalendarError> {
        let mut day = day;
        while !self.is_business_day(day)? {
            day = day.saturating_add(Span::new().days(1));
        }
        Ok(day)
    }

    /// The first business day after a day.
    pub fn after(&self, day: Date) -> Result<Date, CalendarError> {
        self.on_or_after(day.saturating_add(Span::new().days(1)))
    }

    /// The last business day before a day.
    pub fn before(&self, day: Date) -> Result<Date, CalendarError> {
        let mut day = day.saturating_sub(Span::new().days(1));
        while !self.is_business_day(day)? {
            day = day.saturating_sub(Span::new().days(1));
        }
        Ok(day)
    }
}

/// A day of the week by its English name, in small letters.
pub(super) fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CalendarError {
    #[error("a calendar is not well formed: {0}")]
    MustBeWellFormed(String),
    #[error(
        "the calendar {name} does not cover {day}: it is certain up to {to}; put a newer one into the office's \
         calendars/ folder"
    )]
    MustCover { name: String, day: Date, to: Date },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vn() -> Calendar {
        Calendar::parse(include_str!("../../calendars/vn.toml")).unwrap()
    }

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn business_days_of_vietnam_follow_holidays_and_swaps() {
        // A day, whether it is a business day, the last before it, and the first after it.
        for (on, is_business, before, after) in [
            ("2025-05-02", false, "2025-04-29", "2025-05-05"),
            ("2025-04-26", true, "2025-04-25", "2025-04-28"),
            ("2025-12-31", true, "2025-12-30", "2026-01-05"),
            ("2026-01-02", false, "2025-12-31", "2026-01-05"),
            ("2026-01-10", true, "2026-01-09", "2026-01-12"),
            ("2026-02-15", false, "2026-02-13", "2026-02-23"),
            ("2026-02-28", false, "2026-02-27", "2026-03-02"),
            ("2026-04-27", false, "2026-04-24", "2026-04-28"),
            ("2026-08-31", false, "2026-08-28", "2026-09-03"),
            ("2026-11-24", false, "2026-11-23", "2026-11-25"),
            ("2026-12-31", true, "2026-12-30", "2027-01-04"),
        ] {
            let calendar = vn();
            assert_eq!(calendar.is_business_day(day(on)), Ok(is_business), "{on}");
            assert_eq!(calendar.before(day(on)), Ok(day(before)), "before {on}");
            assert_eq!(calendar.after(day(on)), Ok(day(after)), "after {on}");
        }
    }

    #[test]
    fn what_a_calendar_does_not_cover_is_not_guessed() {
        let error = vn().is_business_day(day("2027-02-08")).unwrap_err();
        assert!(error.to_string().contains("certain up to 2027-01-31"), "{error}");
        assert!(vn().after(day("2027-01-31")).is_err());
        assert!(vn().before(day("2025-01-01")).is_err());
    }

    #[test]
    fn a_leap_day_is_a_day_like_others() {
        let text = "name = \"x\"\nversion = \"1\"\nfrom = \"2028-02-01\"\nto = \"2028-03-31\"\n\
                    weekend = [\"saturday\", \"sunday\"]\ncitation = \"none\"\n";
        let calendar = Calendar::parse(text).unwrap();
        assert_eq!(calendar.is_business_day(day("2028-02-29")), Ok(true));
        assert_eq!(calendar.after(day("2028-02-28")), Ok(day("2028-02-29")));
        assert_eq!(calendar.before(day("2028-03-01")), Ok(day("2028-02-29")));
    }

    #[test]
    fn calendars_that_contradict_themselves_are_refused() {
        let head = "name = \"x\"\nversion = \"1\"\nfrom = \"2026-01-01\"\nto = \"2026-12-31\"\ncitation = \"none\"\n";
        for (text, told) in [
            ("weekend = [\"caturday\"]", "no weekday"),
            ("weekend = []\n[[day]]\non = \"2027-01-01\"\nis = \"closed\"\nname = \"\"", "outside"),
            (
                "weekend = []\n[[day]]\non = \"2026-01-01\"\nis = \"shut\"\nname = \"\"",
                "closed or working",
            ),
            ("weekend = []\nweekdays = []", "weekdays"),
        ] {
            let error = Calendar::parse(&format!("{head}{text}")).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
