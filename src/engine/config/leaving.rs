//! What a partner's terms say about letting files go: ceilings, hours, funds, failures and what is tried
//! again.

use serde::Deserialize;

use crate::domain::hours::{Hours, LATE_DAYS_MAX, ValueDateRule};
use crate::domain::outcome::ReasonClass;
use crate::domain::state::Named;
use crate::pipeline::retry::{RetryRule, Then};

/// Terms about letting files go. Nothing was agreed where nothing is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeavingTerms {
    /// The most money in files that leave on one day, minor units.
    pub day_max_minor: Option<i64>,
    /// The calendar of its business days, by name.
    pub calendar: Option<String>,
    pub hours: Hours,
    /// It pays only what was made available to it before.
    pub prefunded: bool,
    pub breaker: Option<Breaker>,
    pub retry: Vec<RetryRule>,
}

/// When failures stop a partner: more than the expected rate of what was sent, and so many at least.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breaker {
    pub expected_millionths: i64,
    pub count_min: i64,
}

impl Breaker {
    /// Whether so many failures are more than can be expected.
    pub fn trips(&self, sent: i64, failed: i64, stopped_at: i64) -> bool {
        let expected = i128::from(sent) * i128::from(self.expected_millionths);
        failed - stopped_at >= self.count_min && i128::from(failed) * 1_000_000 > expected
    }
}

impl LeavingTerms {
    pub(super) const NONE: LeavingTerms = LeavingTerms {
        day_max_minor: None,
        calendar: None,
        hours: Hours {
            cut_off: None,
            late_days: None,
            windows: Vec::new(),
            rule: ValueDateRule::UpTo,
        },
        prefunded: false,
        breaker: None,
        retry: Vec::new(),
    };

    /// These terms with what another agreement changes; the rule that is broken otherwise.
    pub(super) fn changed(&self, by: &LeavingFile) -> Result<LeavingTerms, String> {
        let mut terms = self.clone();
        if let Some(most) = by.day_max_minor {
            if most <= 0 {
                return Err("limits are positive".to_owned());
            }
            terms.day_max_minor = Some(most);
        }
        if let Some(name) = &by.calendar {
            terms.calendar = Some(name.clone());
        }
        if let Some(text) = &by.cut_off {
            let time = Hours::time(text);
            terms.hours.cut_off =
                Some(time.ok_or(format!("cut_off is written like 15:30, not `{text}`"))?);
        }
        if let Some(days) = by.late_days {
            if !(0..=LATE_DAYS_MAX).contains(&days) {
                return Err(format!("late_days is from 0 to {LATE_DAYS_MAX}"));
            }
            terms.hours.late_days = Some(days);
        }
        if let Some(windows) = &by.windows {
            let mut read = Vec::new();
            for text in windows {
                let window = Hours::window(text)
                    .ok_or(format!("a window is written like 08:00-11:30, not `{text}`"))?;
                if read.last().is_some_and(|(_, to)| window.0 < *to) {
                    return Err("windows stand in their order and do not overlap".to_owned());
                }
                read.push(window);
            }
            terms.hours.windows = read;
        }
        if let Some(text) = &by.value_date_rule {
            terms.hours.rule = ValueDateRule::from_name(text)
                .ok_or(format!("value_date_rule is up_to, same_day or day_before, not `{text}`"))?;
        }
        if let Some(prefunded) = by.prefunded {
            terms.prefunded = prefunded;
        }
        if let Some(text) = &by.expected_rate {
            let expected_millionths = millionths(text).ok_or(format!(
                "expected_rate is a decimal from 0 to less than 1 with up to 6 digits, not `{text}`"
            ))?;
            let count_min = by.breaker_count_min.or(terms.breaker.map(|one| one.count_min));
            terms.breaker =
                Some(Breaker { expected_millionths, count_min: count_min.unwrap_or(20) });
        }
        if let Some(count_min) = by.breaker_count_min {
            match &mut terms.breaker {
                Some(breaker) if count_min > 0 => breaker.count_min = count_min,
                _ => {
                    return Err(
                        "breaker_count_min is positive and stands beside expected_rate".to_owned()
                    );
                }
            }
        }
        if let Some(rules) = &by.retry {
            terms.retry = rules.iter().map(RetryFile::parsed).collect::<Result<_, _>>()?;
        }
        Ok(terms)
    }
}

/// A share in millionths, of an exact decimal that is less than 1.
fn millionths(text: &str) -> Option<i64> {
    let decimals = text.strip_prefix("0.")?;
    let digits = !decimals.is_empty() && decimals.bytes().all(|byte| byte.is_ascii_digit());
    (digits && decimals.len() <= 6).then(|| format!("{decimals:0<6}").parse().ok()).flatten()
}

/// As it is written, beside a partner's name or in its `[[provider.terms]]`.
#[derive(Default)]
pub(super) struct LeavingFile {
    pub(super) day_max_minor: Option<i64>,
    pub(super) calendar: Option<String>,
    pub(super) cut_off: Option<String>,
    pub(super) late_days: Option<i64>,
    pub(super) windows: Option<Vec<String>>,
    pub(super) value_date_rule: Option<String>,
    pub(super) prefunded: Option<bool>,
    pub(super) expected_rate: Option<String>,
    pub(super) breaker_count_min: Option<i64>,
    pub(super) retry: Option<Vec<RetryFile>>,
}

/// A `[[provider.retry]]`: what is done after failures of a class, or with one reason.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryFile {
    class: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    wait_days: i64,
    attempts_max: Option<u8>,
    then: String,
}

impl RetryFile {
    fn parsed(&self) -> Result<RetryRule, String> {
        let class = match &self.class {
            Some(text) => {
                Some(ReasonClass::from_name(text).ok_or(format!("retry: `{text}` is no class"))?)
            }
            None => None,
        };
        if class.is_some() == self.reason.is_some() {
            return Err("retry: each rule is for a class or for a reason".to_owned());
        }
        let then = Then::from_name(&self.then).ok_or(format!(
            "retry: then is same, other_channel, hold or stop, not `{}`",
            self.then
        ))?;
        let looser = matches!(then, Then::Same | Then::OtherChannel);
        if looser && matches!(class, Some(ReasonClass::Stop | ReasonClass::Duplicate)) {
            return Err(
                "retry: what is stopped, or was seen before, is not ordered again by itself"
                    .to_owned(),
            );
        }
        if self.wait_days < 0 || self.attempts_max == Some(0) {
            return Err("retry: wait_days is not negative and attempts_max is positive".to_owned());
        }
        Ok(RetryRule {
            class,
            reason: self.reason.clone(),
            wait_days: self.wait_days,
            attempts_max: self.attempts_max,
            then,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_trip_above_the_expected_rate_and_not_again_by_themselves() {
        let breaker = Breaker { expected_millionths: 20_000, count_min: 5 };
        for (sent, failed, stopped_at, trips) in [
            (100, 2, 0, false),
            (100, 4, 0, false),
            (100, 5, 0, true),
            (250, 5, 0, false),
            (249, 5, 0, true),
            (100, 5, 5, false),
            (100, 9, 5, false),
            (100, 10, 5, true),
            (0, 0, 0, false),
        ] {
            assert_eq!(breaker.trips(sent, failed, stopped_at), trips, "{failed} of {sent}");
        }
    }

    #[test]
    fn a_rate_is_an_exact_decimal() {
        for (text, expected) in [
            ("0.02", Some(20_000)),
            ("0.000001", Some(1)),
            ("0.0", Some(0)),
            ("1.0", None),
            ("0.0000001", None),
            (".02", None),
            ("2%", None),
        ] {
            assert_eq!(millionths(text), expected, "{text}");
        }
    }
}
