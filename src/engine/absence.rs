//! What it proves that a partner has nothing under the name of a file that was tried.
//!
//! Reads: what the partner said, the last attempt, and what was agreed since about `taken`. Gives: the same, or
//! why its having nothing proves nothing. A partner that clears its folders has nothing under the name of a file
//! that it took as well.

use std::sync::Arc;

use jiff::civil::Date;

use crate::channels::{Channel, QueryOutcome, Reason};
use crate::domain::batch::{Batch, BatchState, Delivery, DeliveryOutcome};
use crate::domain::period::parse_date;
use crate::engine::config::Way;
use crate::engine::{Engine, EngineError};

/// How a delivery is recorded that nobody saw in the folders.
const PROVED_OTHERWISE: [&str; 2] = ["proved by", "two officers"];

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
    pub(super) async fn absence(
        &self,
        asked: QueryOutcome,
        channel: Arc<dyn Channel>,
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
        let agree = format!(
            "Agree with {} on taken_kept_days, from that day on if it has kept since what it took",
            tried.provider
        );
        let why = match no_proof(kept_days, on, today) {
            None => self
                .missing_beside(tried, channel)
                .await?
                .map(|why| (why, "Put the folders right and dispatch again".to_owned())),
            Some(why) => Some((why, agree)),
        };
        Ok(match why {
            None => asked,
            Some((why, way_out)) => QueryOutcome::Unavailable(Reason::new(
                "absence_must_be_proof",
                format!(
                    "{file} is not at {partner} now, which proves nothing: it was tried on {on}, and {why}. {way_out}; \
                     or ask {partner} whether it has the file. {otherwise}",
                    file = tried.file_name,
                    partner = tried.provider,
                ),
            )),
        })
    }

    /// Why absence proves nothing although it was agreed that it does: the last file that this partner was delivered
    /// in these days is gone as well. A folder that is not mounted is an empty folder.
    async fn missing_beside(
        &self,
        tried: &Tried<'_>,
        channel: Arc<dyn Channel>,
    ) -> Result<Option<String>, EngineError> {
        let (today, partner) = (self.clock.today(), self.provider(tried.provider)?);
        let mut last: Option<(String, Batch)> = None;
        for cycle in self.store.cycles().await? {
            let batches = self.store.batches(cycle.number).await?;
            for delivery in self.store.deliveries(cycle.number).await? {
                // What is said to have arrived was perhaps never seen in the folders.
                let was_seen = delivery.outcome == DeliveryOutcome::Delivered
                    && !PROVED_OTHERWISE.iter().any(|by| delivery.detail.starts_with(by));
                let at = delivery.started_at;
                let day = at.get(..10).and_then(|day| parse_date(day).ok());
                let was_kept = day.is_some_and(|day| {
                    no_proof(partner.taken_kept_days(day, today), day, today).is_none()
                });
                if !was_seen || !was_kept {
                    continue;
                }
                let batch = batches.iter().find(|one| {
                    one.number == delivery.batch
                        && one.provider == tried.provider
                        && one.file_name != tried.file_name
                        && one.state == BatchState::Delivered
                });
                if let Some(batch) = batch
                    && last.as_ref().is_none_or(|(before, _)| *before < at)
                {
                    last = Some((at, batch.clone()));
                }
            }
        }
        let Some((at, batch)) = last else { return Ok(None) };
        let asked = self.looked_for(&batch, channel).await?;
        let is_held = matches!(asked, QueryOutcome::Held { .. });
        Ok((!is_held).then(|| {
            format!(
                "{}, which was delivered on {}, is not there as it was either, so that the folders are not those of then (are they \
                 mounted?)",
                batch.file_name,
                at.get(..10).unwrap_or(&at)
            )
        }))
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
