//! When a file may leave for a partner: its hours, the cut-off of a value date, and business days.
//!
//! Reads: the present moment, the file's value date, what was agreed, and the partner's calendar.
//! Gives: that it may leave now, from when on, or that its value date is missed.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span};

use crate::domain::calendar::{Calendar, CalendarError};
use crate::domain::state::named;

named!(
    /// On which days a file may leave for its value date.
    ValueDateRule {
        /// On any day up to the value date.
        UpTo = "up_to",
        /// On the value date itself.
        SameDay = "same_day",
        /// At the latest on the business day before.
        DayBefore = "day_before",
    }
);

/// What was agreed about hours and days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hours {
    /// The last moment on the last day; without one that is the end of the day.
    pub cut_off: Option<Time>,
    /// How many days after its value date a file is still taken, where that was agreed.
    pub late_days: Option<i64>,
    /// From when to when on a business day; at any time when there is none.
    pub windows: Vec<(Time, Time)>,
    pub rule: ValueDateRule,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaving {
    Now,
    /// Not before this moment, and why.
    Waits {
        from: DateTime,
        why: &'static str,
    },
    /// The last moment has passed, or nothing that is open comes before it.
    Missed {
        deadline: DateTime,
    },
}

/// The furthest that a value date lies ahead: nobody lists a benefit more than a quarter before it is
/// paid, and a slip of the year is seen by it.
pub const VALUE_DAYS_AHEAD: i64 = 92;

/// Days after its value date on which a file may leave where nothing was agreed.
const LATE_DAYS: i64 = 5;

/// The most of them that can be agreed: later, the list that was approved says what is not so.
pub const LATE_DAYS_MAX: i64 = 31;

/// How far ahead an open hour is looked for: longer than any row of holidays.
const DAYS_AHEAD: i64 = 60;

impl Hours {
    /// Reads `15:30`.
    pub fn time(text: &str) -> Option<Time> {
        let (hour, minute) = text.split_once(':')?;
        let two = |part: &str| {
            (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<i8>().ok())
                .flatten()
        };
        Time::new(two(hour)?, two(minute)?, 0, 0).ok()
    }

    /// Reads `08:00-11:30`.
    pub fn window(text: &str) -> Option<(Time, Time)> {
        let (from, to) = text.split_once('-')?;
        let window = (Hours::time(from)?, Hours::time(to)?);
        (window.0 < window.1).then_some(window)
    }

    /// Whether a file with this value date may leave now.
    pub fn leaving(
        &self,
        now: DateTime,
        value_date: Date,
        calendar: Option<&Calendar>,
    ) -> Result<Leaving, CalendarError> {
        let is_business =
            |day: Date| calendar.map_or(Ok(true), |calendar| calendar.is_business_day(day));
        // A partner books what is due on a holiday on the next business day.
        let due = calendar.map_or(Ok(value_date), |calendar| calendar.on_or_after(value_date))?;
        let last = match self.rule {
            ValueDateRule::UpTo | ValueDateRule::SameDay => due,
            ValueDateRule::DayBefore => match calendar {
                Some(calendar) => calendar.before(due)?,
                None => due.saturating_sub(Span::new().days(1)),
            },
        };
        let last = last.saturating_add(Span::new().days(self.late_days()));
        let deadline = last.to_datetime(self.cut_off.unwrap_or(Time::MAX));
        if now > deadline {
            return Ok(Leaving::Missed { deadline });
        }
        let today = now.date();
        let first = match self.rule {
            ValueDateRule::SameDay => due.max(today),
            _ => today,
        };
        let why = match () {
            () if first > today => "it leaves on its value date",
            () if !is_business(today)? => "today is no business day",
            () => "the partner takes files at other hours",
        };
        for ahead in 0..DAYS_AHEAD {
            let day = first.saturating_add(Span::new().days(ahead));
            if day > last {
                return Ok(Leaving::Missed { deadline });
            }
            if !is_business(day)? {
                continue;
            }
            let Some(open) = self.open_from(day, now) else { continue };
            return Ok(match open {
                open if open > deadline => Leaving::Missed { deadline },
                open if open == now => Leaving::Now,
                open => Leaving::Waits { from: open, why },
            });
        }
        Ok(Leaving::Missed { deadline })
    }

    /// The first value date from a day on with which a file can still leave.
    pub fn first_value_date(
        &self,
        now: DateTime,
        from: Date,
        calendar: Option<&Calendar>,
    ) -> Result<Date, CalendarError> {
        let mut day = from.max(now.date());
        for _ in 0..DAYS_AHEAD {
            day = calendar.map_or(Ok(day), |calendar| calendar.on_or_after(day))?;
            if !matches!(self.leaving(now, day, calendar)?, Leaving::Missed { .. }) {
                return Ok(day);
            }
            day = day.saturating_add(Span::new().days(1));
        }
        Ok(day)
    }

    /// The moment at which so much time has passed while the partner works: in its windows, on its
    /// business days.
    pub fn after_open_time(
        &self,
        from: DateTime,
        length: SignedDuration,
        calendar: Option<&Calendar>,
    ) -> Result<DateTime, CalendarError> {
        let mut left = length;
        let mut day = from.date();
        loop {
            let next = day.saturating_add(Span::new().days(1));
            if calendar.map_or(Ok(true), |calendar| calendar.is_business_day(day))? {
                let whole =
                    [(day.to_datetime(Time::midnight()), next.to_datetime(Time::midnight()))];
                let windows: Vec<(DateTime, DateTime)> = self
                    .windows
                    .iter()
                    .map(|(open, close)| (day.to_datetime(*open), day.to_datetime(*close)))
                    .collect();
                let open = if windows.is_empty() { &whole[..] } else { &windows[..] };
                for (open, close) in open {
                    let open = (*open).max(from);
                    let there = close.duration_since(open);
                    if there >= left {
                        return Ok(open.saturating_add(left));
                    }
                    left -= there.max(SignedDuration::ZERO);
                }
            }
            day = next;
        }
    }

    /// Where nothing was agreed about days, a file that a bad line held up for some of them leaves without
    /// being approved anew: partners book it at once.
    fn late_days(&self) -> i64 {
        let nothing_agreed = self.cut_off.is_none() && self.rule == ValueDateRule::UpTo;
        self.late_days.unwrap_or(if nothing_agreed { LATE_DAYS } else { 0 })
    }

    /// Whether the partner takes anything at this moment, whatever its value date.
    pub fn are_open(
        &self,
        now: DateTime,
        calendar: Option<&Calendar>,
    ) -> Result<bool, CalendarError> {
        let today = now.date();
        let is_business = calendar.map_or(Ok(true), |calendar| calendar.is_business_day(today))?;
        Ok(is_business && self.open_from(today, now) == Some(now))
    }

    /// The first moment of a day, not before now, at which the partner takes files.
    fn open_from(&self, day: Date, now: DateTime) -> Option<DateTime> {
        let whole = [(Time::midnight(), Time::MAX)];
        let windows = if self.windows.is_empty() { &whole[..] } else { &self.windows[..] };
        windows
            .iter()
            .find(|(_, to)| day.to_datetime(*to) > now)
            .map(|(from, _)| day.to_datetime(*from).max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(cut_off: &str, windows: &[&str], rule: ValueDateRule) -> Hours {
        Hours {
            cut_off: Hours::time(cut_off),
            late_days: None,
            windows: windows.iter().map(|text| Hours::window(text).unwrap()).collect(),
            rule,
        }
    }

    fn told(hours: &Hours, now: &str, value_date: &str) -> String {
        let calendar = Calendar::parse(include_str!("../../calendars/vn.toml")).unwrap();
        match hours.leaving(now.parse().unwrap(), value_date.parse().unwrap(), Some(&calendar)) {
            Ok(Leaving::Now) => "now".to_owned(),
            Ok(Leaving::Waits { from, .. }) => format!("from {}", from.strftime("%F %R")),
            Ok(Leaving::Missed { deadline }) => format!("missed {}", deadline.strftime("%F %R")),
            Err(_) => "not covered".to_owned(),
        }
    }

    #[test]
    fn what_is_leaving_goes_on_within_the_hours_of_business_days() {
        let calendar = Calendar::parse(include_str!("../../calendars/vn.toml")).unwrap();
        let windows: &[&str] = &["08:00-11:30", "13:00-16:30"];
        let hours = hours("11:00", windows, ValueDateRule::SameDay);
        for (now, open) in [
            ("2026-11-02T08:00:00", true),
            ("2026-11-02T07:59:59", false),
            ("2026-11-02T11:30:00", false),
            // After the cut-off as well: that is for what has not begun to leave.
            ("2026-11-02T16:29:59", true),
            ("2026-11-02T16:30:00", false),
            ("2026-11-01T09:00:00", false),
        ] {
            let told = hours.are_open(now.parse().unwrap(), Some(&calendar)).unwrap();
            assert_eq!(told, open, "{now}");
        }
    }

    #[test]
    fn a_file_leaves_within_hours_up_to_the_cut_off() {
        use ValueDateRule as R;
        let windows: &[&str] = &["08:00-11:30", "13:00-16:30"];
        for (cut_off, windows, rule, now, value_date, expected) in [
            // Nothing was agreed: some days late, and not a month.
            ("", &[][..], R::UpTo, "2026-11-21T03:00", "2026-11-20", "from 2026-11-23 00:00"),
            ("", &[], R::UpTo, "2026-11-25T23:59", "2026-11-20", "now"),
            ("", &[], R::UpTo, "2026-11-26T00:00", "2026-11-20", "missed 2026-11-25 23:59"),
            ("", &[], R::SameDay, "2026-11-20T23:59", "2026-11-20", "now"),
            ("", &[], R::SameDay, "2026-11-21T00:00", "2026-11-20", "missed 2026-11-20 23:59"),
            ("", &[], R::DayBefore, "2026-11-20T03:00", "2026-11-20", "missed 2026-11-19 23:59"),
            ("15:30", windows, R::UpTo, "2026-11-03T08:00", "2026-11-03", "now"),
            ("15:30", windows, R::UpTo, "2026-11-03T07:59", "2026-11-03", "from 2026-11-03 08:00"),
            ("15:30", windows, R::UpTo, "2026-11-03T11:30", "2026-11-03", "from 2026-11-03 13:00"),
            ("15:30", windows, R::UpTo, "2026-11-03T15:30", "2026-11-03", "now"),
            (
                "15:30",
                windows,
                R::UpTo,
                "2026-11-03T15:31",
                "2026-11-03",
                "missed 2026-11-03 15:30",
            ),
            ("15:30", windows, R::UpTo, "2026-11-02T17:00", "2026-11-03", "from 2026-11-03 08:00"),
            (
                "12:00",
                windows,
                R::UpTo,
                "2026-11-03T11:45",
                "2026-11-03",
                "missed 2026-11-03 12:00",
            ),
            // 24 November 2026 is a holiday: what is due then is booked on the 25th.
            ("15:30", windows, R::UpTo, "2026-11-24T09:00", "2026-11-24", "from 2026-11-25 08:00"),
            (
                "15:30",
                windows,
                R::SameDay,
                "2026-11-20T09:00",
                "2026-11-24",
                "from 2026-11-25 08:00",
            ),
            ("15:30", windows, R::SameDay, "2026-11-25T09:00", "2026-11-25", "now"),
            ("15:30", windows, R::DayBefore, "2026-11-23T09:00", "2026-11-24", "now"),
            (
                "15:30",
                windows,
                R::DayBefore,
                "2026-11-23T16:00",
                "2026-11-24",
                "missed 2026-11-23 15:30",
            ),
            // Over the year's end and a swapped day off.
            ("15:30", windows, R::UpTo, "2026-12-31T16:40", "2027-01-04", "from 2027-01-04 08:00"),
            (
                "15:30",
                windows,
                R::DayBefore,
                "2026-12-31T16:40",
                "2027-01-04",
                "missed 2026-12-31 15:30",
            ),
            // A working Saturday.
            ("15:30", windows, R::SameDay, "2026-01-10T09:00", "2026-01-10", "now"),
            ("15:30", windows, R::UpTo, "2027-02-08T09:00", "2027-02-08", "not covered"),
        ] {
            let hours = hours(cut_off, windows, rule);
            assert_eq!(told(&hours, now, value_date), expected, "{rule} {value_date} at {now}");
        }
    }

    #[test]
    fn days_of_grace_are_agreed() {
        for (late_days, now, expected) in [
            (0, "2026-11-03T15:31", "missed 2026-11-03 15:30"),
            (2, "2026-11-05T15:30", "now"),
            (2, "2026-11-05T15:31", "missed 2026-11-05 15:30"),
        ] {
            let agreed = hours("15:30", &[], ValueDateRule::UpTo);
            let agreed = Hours { late_days: Some(late_days), ..agreed };
            assert_eq!(told(&agreed, now, "2026-11-03"), expected, "{late_days} at {now}");
        }
    }

    #[test]
    fn the_first_value_date_that_can_still_be_met() {
        use ValueDateRule as R;
        let calendar = Calendar::parse(include_str!("../../calendars/vn.toml")).unwrap();
        for (rule, now, from, expected) in [
            (R::UpTo, "2026-11-23T09:00", "2026-11-23", "2026-11-23"),
            (R::UpTo, "2026-11-23T15:31", "2026-11-23", "2026-11-25"),
            (R::DayBefore, "2026-11-23T09:00", "2026-11-23", "2026-11-25"),
            (R::UpTo, "2026-12-31T18:00", "2026-12-31", "2027-01-04"),
        ] {
            let hours = hours("15:30", &[], rule);
            let found = hours.first_value_date(
                now.parse().unwrap(),
                from.parse().unwrap(),
                Some(&calendar),
            );
            assert_eq!(found, Ok(expected.parse().unwrap()), "{rule} at {now}");
        }
    }

    #[test]
    fn what_is_no_hour_is_refused() {
        for text in ["", "8:00", "24:00", "12:60", "12", "12:0a"] {
            assert_eq!(Hours::time(text), None, "{text}");
        }
        for text in ["08:00", "11:30-08:00", "08:00-08:00", "08:00-24:00"] {
            assert_eq!(Hours::window(text), None, "{text}");
        }
    }
}
