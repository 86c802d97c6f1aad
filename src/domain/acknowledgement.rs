//! What a partner says about a whole file: that it has it, that it will carry it out, that it has. Three
//! different things, each agreed with a time within which it must come.
//!
//! Reads: what was agreed, when the file was delivered, the partner's hours and calendar. Gives: until
//! when an acknowledgement is due. A late one is an alarm for a person; it changes nothing about money.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::domain::calendar::{Calendar, CalendarError};
use crate::domain::hours::Hours;
use crate::domain::ids::{AnswerNo, BatchNo, CycleNo};
use crate::domain::state::named;

named!(
    AcknowledgementKind {
        /// The partner has the file, with the number of payments and the total that we hold.
        Received = "received",
        /// It was checked and will be carried out.
        Accepted = "accepted",
        /// Its payments have results.
        Executed = "executed",
    }
);

/// That an answer acknowledged a file, for the first time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledgement {
    pub cycle: CycleNo,
    pub batch: BatchNo,
    pub kind: AcknowledgementKind,
    pub at: String,
    pub answer: AnswerNo,
}

/// A time within which something must come: `2 hours`, or `4 banking hours`, which pass only while the
/// partner works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Within {
    hours: u16,
    banking: bool,
}

impl Within {
    pub fn parse(text: &str) -> Option<Within> {
        let words: Vec<&str> = text.split(' ').collect();
        let (count, banking) = match words.as_slice() {
            [count, "hour" | "hours"] => (count, false),
            [count, "banking", "hour" | "hours"] => (count, true),
            _ => return None,
        };
        let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let hours = digits.then(|| count.parse().ok()).flatten().filter(|hours| *hours > 0)?;
        Some(Within { hours, banking })
    }

    /// The last moment at which it is in time.
    pub fn deadline(
        self,
        from: DateTime,
        hours: &Hours,
        calendar: Option<&Calendar>,
    ) -> Result<DateTime, CalendarError> {
        let length = SignedDuration::from_hours(i64::from(self.hours));
        match self.banking {
            true => hours.after_open_time(from, length, calendar),
            false => Ok(from.saturating_add(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hours::ValueDateRule;

    #[test]
    fn a_time_is_so_many_hours_or_so_many_banking_hours() {
        for (text, expected) in [
            ("1 hour", Some((1, false))),
            ("48 hours", Some((48, false))),
            ("4 banking hours", Some((4, true))),
            ("0 hours", None),
            ("2", None),
            ("2 days", None),
            ("-2 hours", None),
            ("2  hours", None),
            ("70000 hours", None),
        ] {
            let read = Within::parse(text).map(|within| (within.hours, within.banking));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn banking_hours_pass_only_while_the_partner_works() {
        let calendar = Calendar::parse(include_str!("../../calendars/vn.toml")).unwrap();
        let hours = |windows: &[&str]| Hours {
            late_days: None,
            cut_off: None,
            windows: windows.iter().map(|text| Hours::window(text).unwrap()).collect(),
            rule: ValueDateRule::UpTo,
        };
        let office: &[&str] = &["08:00-11:30", "13:00-16:30"];
        for (text, windows, from, expected) in [
            ("2 hours", office, "2026-11-20T23:30", "2026-11-21 01:30"),
            ("2 banking hours", office, "2026-11-03T08:15", "2026-11-03 10:15"),
            ("4 banking hours", office, "2026-11-03T08:15", "2026-11-03 13:45"),
            ("3 banking hours", office, "2026-11-03T13:30", "2026-11-03 16:30"),
            // Friday, then Saturday and Sunday; 24 November 2026 is a holiday.
            ("4 banking hours", office, "2026-11-20T15:30", "2026-11-23 11:00"),
            ("7 banking hours", office, "2026-11-23T08:00", "2026-11-23 16:30"),
            ("8 banking hours", office, "2026-11-23T08:00", "2026-11-25 09:00"),
            // Without agreed hours a business day is all of the day.
            ("24 banking hours", &[], "2026-11-20T12:00", "2026-11-23 12:00"),
        ] {
            let within = Within::parse(text).unwrap();
            let found =
                within.deadline(from.parse().unwrap(), &hours(windows), Some(&calendar)).unwrap();
            assert_eq!(found.strftime("%F %R").to_string(), expected, "{text} from {from}");
        }
        let late = Within::parse("4 banking hours").unwrap();
        let outside =
            late.deadline("2028-01-03T09:00".parse().unwrap(), &hours(office), Some(&calendar));
        assert!(outside.is_err(), "a day that the calendar does not cover is not guessed");
    }
}
