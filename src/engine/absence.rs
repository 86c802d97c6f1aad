//! What it proves that a partner has nothing under the name of a file that was tried.
//!
//! Reads: what the partner said, the last attempt, and what was agreed since about `taken`. Gives: the same, or
//! why its having nothing proves nothing. A partner that clears its folders has nothing under the name of a file
//! that it took as well.

use jiff::civil::Date;

use crate::channels::{QueryOutcome, Reason};
use crate::domain::batch::{Delivery, DeliveryOutcome};
use crate::domain::period::parse_date;
use crate::engine::config::Way;
use crate::engine::{Engine, EngineError};

/// The last attempt to send a file.
pub(super) struct Tried<'a> {
    pub provider: &'a str,
    pub file_name: &'a str,
    pub started_at: &'a str,
    /// It is proved already, and recorded, that this attempt did not reach the partner.
    pub is_proved_not_sent: bool,
}

impl<'a> Tried<'a> {
    pub fn of(delivery: &'a Delivery, provider: &'a str, file_name: &'a str) -> Tried<'a> {
        let is_proved_not_sent = delivery.outcome == DeliveryOutcome::NotSent;
        Tried { provider, file_name, started_at: &delivery.started_at, is_proved_not_sent }
    }
}

impl Engine {
    /// What a partner said of a file, where absence is proof only as long as it was agreed to keep in `taken` what
    /// was taken. Of requests the partner's way itself knows whether that was agreed. `otherwise` says how the file
    /// is decided by people.
    pub(super) fn absence(
        &self,
        asked: QueryOutcome,
        tried: &Tried<'_>,
        otherwise: &str,
    ) -> Result<QueryOutcome, EngineError> {
        let provider = self.provider(tried.provider)?;
        let by_requests = matches!(provider.way, Way::Http(_));
        if asked != QueryOutcome::NotThere || tried.is_proved_not_sent || by_requests {
            return Ok(asked);
        }
        let on = tried.started_at.get(..10).unwrap_or(tried.started_at);
        let on = parse_date(on).map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let today = self.clock.today();
        let kept_days = provider.taken_kept_days(on, today);
        Ok(match no_proof(kept_days, on, today) {
            None => asked,
            Some(why) => QueryOutcome::Unavailable(Reason::new(
                "absence_must_be_proof",
                format!(
                    "{file} is not at {partner} now, which proves nothing: it was tried on {on}, and {why}. Agree with \
                     {partner} on taken_kept_days, from that day on if it has kept since what it took; or ask it whether \
                     it has the file. {otherwise}",
                    file = tried.file_name,
                    partner = tried.provider,
                ),
            )),
        })
    }
}

/// Why it is no proof that a file is in neither folder, which was tried on a day.
fn no_proof(kept_days: Option<i64>, on: Date, today: Date) -> Option<String> {
    let Some(kept_days) = kept_days else {
        return Some(
            "it is not agreed for how long the partner keeps what it took (taken_kept_days)"
                .to_owned(),
        );
    };
    let past = today.since(on).map_or(i64::MAX, |span| i64::from(span.get_days()));
    if past < 0 {
        return Some(format!("today is {today}: the clock went back"));
    }
    (past > kept_days).then(|| {
        format!(
            "by its terms the partner keeps for {kept_days} days what it took (taken_kept_days)"
        )
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn absence_is_proof_within_the_agreed_days_alone() {
        for (kept_days, on, told) in [
            (None, date(2026, 11, 10), "not agreed"),
            (Some(3), date(2026, 11, 11), "went back"),
            (Some(3), date(2026, 11, 10), ""),
            (Some(3), date(2026, 11, 7), ""),
            (Some(3), date(2026, 11, 6), "for 3 days"),
            (Some(3), date(2025, 11, 9), "for 3 days"),
            (Some(400), date(2025, 11, 9), ""),
        ] {
            let found = no_proof(kept_days, on, date(2026, 11, 10));
            match found {
                None => assert_eq!(told, "", "{kept_days:?} {on}"),
                Some(why) => assert!(!told.is_empty() && why.contains(told), "{on}: {why}"),
            }
        }
    }
}
