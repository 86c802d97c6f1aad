//! Rules of an office's schedule: what is to happen, and on which days it is due.
//!
//! Days alone decide: a rule is due on a day or it is not, and what has fired is remembered by that day.
//! So a clock that goes back makes nothing due again, and one that ran ahead has skipped nothing.

use jiff::Span;
use jiff::civil::{Date, Weekday};

use crate::domain::calendar::weekday;
use crate::domain::state::named;

named!(
    /// What a rule sets off. What takes an officer's key is only reminded of.
    Scheduled {
        Dispatch = "dispatch",
        Collect = "collect",
        Report = "report",
        Open = "open",
        Submit = "submit",
        Approve = "approve",
        Reissue = "reissue",
        Close = "close",
    }
);

impl Scheduled {
    /// True for what the program does by itself.
    pub fn is_done_alone(self) -> bool {
        matches!(self, Scheduled::Dispatch | Scheduled::Collect | Scheduled::Report)
    }
}

/// On which days a rule is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    Daily,
    /// The same weekday of every week.
    Weekly(Weekday),
    /// A day of the month; the last one of a shorter month.
    Monthly(i8),
}

impl When {
    /// Reads `daily`, `every monday`, `day 5` or `before 25`, which is the day before the 25th.
    pub fn parse(text: &str) -> Option<When> {
        let day = |text: &str, from: i8| {
            text.parse::<i8>()
                .ok()
                .filter(|day| (from..=31).contains(day) && !text.starts_with('+'))
        };
        match text.split_once(' ') {
            None if text == "daily" => Some(When::Daily),
            Some(("every", rest)) => weekday(rest).map(When::Weekly),
            Some(("day", rest)) => day(rest, 1).map(When::Monthly),
            Some(("before", rest)) => day(rest, 2).map(|day| When::Monthly(day - 1)),
            _ => None,
        }
    }

    pub fn is_due_on(self, day: Date) -> bool {
        match self {
            When::Daily => true,
            When::Weekly(weekday) => day.weekday() == weekday,
            When::Monthly(of_month) => day.day() == of_month.min(day.days_in_month()),
        }
    }
}

/// One rule of the schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Names it for ever: what has fired is remembered under it.
    pub name: String,
    pub what: Scheduled,
    pub when: When,
    /// The first day on which it holds.
    pub from: Date,
    /// How many days late it still fires; what is later is missed, and told.
    pub catch_up_days: i64,
}

/// How far back missed days are told of.
const TOLD_DAYS: i64 = 62;

impl Rule {
    /// The days up to `today` on which it was due and may still fire, the earliest first.
    pub fn due(&self, today: Date) -> Vec<Date> {
        self.days(today, self.catch_up_days, -1)
    }

    /// The days on which it was due that are too long ago to fire.
    pub fn overdue(&self, today: Date) -> Vec<Date> {
        self.days(today, TOLD_DAYS.max(self.catch_up_days), self.catch_up_days)
    }

    /// The next day after `today` on which it is due.
    pub fn next(&self, today: Date) -> Option<Date> {
        let after = today.max(self.from.saturating_sub(Span::new().days(1)));
        (1..=TOLD_DAYS)
            .map(|days| after.saturating_add(Span::new().days(days)))
            .find(|day| self.when.is_due_on(*day))
    }

    /// From `oldest` days ago to more than `newest` days ago.
    fn days(&self, today: Date, oldest: i64, newest: i64) -> Vec<Date> {
        (newest + 1..=oldest)
            .rev()
            .map(|ago| today.saturating_sub(Span::new().days(ago)))
            .filter(|day| *day >= self.from && self.when.is_due_on(*day))
            .collect()
    }
}

named!(
    FireState {
        /// Begun; a process that died leaves it so, and it is not done again by itself.
        Started = "started",
        Done = "done",
        /// An officer has to act.
        Reminded = "reminded",
        Failed = "failed",
    }
);

/// That a rule fired for a day on which it was due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fire {
    pub rule: String,
    pub due_on: Date,
    pub what: Scheduled,
    pub fired_at: String,
    pub state: FireState,
    /// A sentence without personal data.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(when: &str, from: Date, catch_up_days: i64, today: Date) -> String {
        let when = When::parse(when).unwrap();
        let rule =
            Rule { name: "r".to_owned(), what: Scheduled::Collect, when, from, catch_up_days };
        let told = |days: Vec<Date>| {
            let days: Vec<String> =
                days.iter().map(|day| day.strftime("%d/%m").to_string()).collect();
            days.join(" ")
        };
        let next = rule.next(today).map_or_else(String::new, |day| day.to_string());
        format!("due {}; missed {}; next {next}", told(rule.due(today)), told(rule.overdue(today)))
    }

    #[test]
    fn a_rule_is_due_on_its_days_from_its_first_on() {
        let from = date(2026, 10, 1);
        for (when, catch_up, today, told) in [
            ("before 25", 3, date(2026, 10, 23), "due ; missed ; next 2026-10-24"),
            ("before 25", 3, date(2026, 10, 24), "due 24/10; missed ; next 2026-11-24"),
            ("before 25", 3, date(2026, 10, 27), "due 24/10; missed ; next 2026-11-24"),
            ("before 25", 3, date(2026, 10, 28), "due ; missed 24/10; next 2026-11-24"),
            ("before 25", 40, date(2026, 11, 25), "due 24/10 24/11; missed ; next 2026-12-24"),
            ("day 31", 0, date(2026, 11, 30), "due 30/11; missed 31/10; next 2026-12-31"),
            ("every monday", 7, date(2026, 10, 12), "due 05/10 12/10; missed ; next 2026-10-19"),
            ("daily", 1, date(2026, 10, 2), "due 01/10 02/10; missed ; next 2026-10-03"),
            ("daily", 1, date(2026, 9, 20), "due ; missed ; next 2026-10-01"),
        ] {
            assert_eq!(days(when, from, catch_up, today), told, "{when} on {today}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in
            ["", "day", "day 0", "day 32", "day +5", "before 1", "every", "every mon", "Daily"]
        {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }
}
