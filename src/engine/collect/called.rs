//! What is looked for by what is written on an entry: money that was made available, drawn or given back, and
//! money that was paid back.

use payment_formats::Outcome as Answered;

use super::statements::Known;
use crate::domain::receivable::Voucher;
use crate::domain::roster::Channel;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::store::leaving::Funds;

impl Engine {
    /// The record of money that was made available, drawn or given back, has this amount and is called so on
    /// the statement; it is on no other one.
    pub(super) async fn funds_called(
        &self,
        profile: &Provider,
        known: &mut Known,
        minor: i64,
        names: &[String],
    ) -> Result<Option<i64>, EngineError> {
        if known.funds.is_none() {
            let seen = self.store.funds_on_statements().await?;
            let mut open = self.store.funds(None).await?;
            open.retain(|one| !seen.contains(&one.number));
            known.funds = Some(open);
        }
        let Some(open) = &mut known.funds else { return Ok(None) };
        // What is drawn for an organisation that pays cash leaves the account, and comes back to it; what is
        // made available to the partner whose statement it is comes in.
        let fits = |one: &Funds| {
            let carrier = self.config.provider(&one.provider);
            let is_of_cash = carrier.is_some_and(|one| one.channel == Channel::Cash);
            match (is_of_cash, one.is_given_back) {
                (true, true) => one.amount_minor == minor,
                (true, false) => {
                    one.amount_minor == -minor
                        || (one.amount_minor == minor && one.provider == profile.name)
                }
                (false, _) => one.amount_minor == minor && one.provider == profile.name,
            }
        };
        let is_called = |one: &Funds| {
            let words = |text: &str| -> Vec<String> {
                text.split_whitespace().map(str::to_uppercase).collect()
            };
            let wanted = words(&one.reference);
            names
                .iter()
                .any(|name| words(name).windows(wanted.len()).any(|some| some == wanted.as_slice()))
        };
        let place = open.iter().position(|one| fits(one) && is_called(one));
        Ok(place.map(|place| open.remove(place).number))
    }

    /// The vouchers of money that was paid back.
    pub(super) async fn vouchers_known<'k>(
        &self,
        known: &'k mut Known,
    ) -> Result<&'k [Voucher], EngineError> {
        if known.vouchers.is_none() {
            known.vouchers = Some(self.store.vouchers().await?);
        }
        Ok(known.vouchers.as_deref().unwrap_or_default())
    }
}

/// Under what an entry or a detail may be known to an officer.
pub(super) fn called(outcome: &Answered) -> impl Iterator<Item = String> {
    let names = [
        &outcome.end_to_end_id,
        &outcome.instruction_id,
        &outcome.provider_reference,
        &outcome.reason_text,
    ];
    names.into_iter().flatten().cloned().collect::<Vec<_>>().into_iter()
}
