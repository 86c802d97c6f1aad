//! What is looked for by what is written on an entry: money that was made available, drawn or given back, and
//! money that was paid back.

use std::collections::BTreeSet;

use payment_formats::Outcome as Answered;

use super::statements::Known;
use crate::domain::funds::Funds;
use crate::domain::roster::Channel;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::pipeline::statement::Entry;
use crate::pipeline::vouchers::Sought;

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
        let open = self.funds_known(known).await?;
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
        let place = open.iter().position(|one| fits(one) && is_called(one, names));
        Ok(place.map(|place| open.remove(place).number))
    }

    /// The record of what an organisation that pays cash gave back, where an entry gives back payments of its
    /// files and of nobody else's, has its amount, and is called so.
    pub(super) async fn given_back_called(
        &self,
        known: &mut Known,
        entry: &Entry,
        names: &[String],
    ) -> Result<Option<i64>, EngineError> {
        let payments: i64 = entry.named.values().map(|sum| sum.minor).sum();
        let is_theirs_alone = entry.charge.is_none() && entry.charges.is_empty();
        let is_whole = entry.strange == 0 && is_theirs_alone && payments == entry.minor;
        if entry.minor <= 0 || entry.is_reversal || !is_whole {
            return Ok(None);
        }
        let files = entry.named.keys().map(|file| known.files.get(file));
        let carriers: BTreeSet<Option<String>> =
            files.map(|books| books.map(|one| one.provider.clone())).collect();
        let mut carriers = carriers.into_iter();
        let (Some(Some(carrier)), None) = (carriers.next(), carriers.next()) else {
            return Ok(None);
        };
        let open = self.funds_known(known).await?;
        let fits = |one: &Funds| {
            one.is_given_back && one.provider == carrier && one.amount_minor == entry.minor
        };
        let place = open.iter().position(|one| fits(one) && is_called(one, names));
        Ok(place.map(|place| open.remove(place).number))
    }

    /// The records of money that are on no statement yet.
    async fn funds_known<'k>(
        &self,
        known: &'k mut Known,
    ) -> Result<&'k mut Vec<Funds>, EngineError> {
        let open = match known.funds.take() {
            Some(open) => open,
            None => {
                let seen = self.store.funds_on_statements().await?;
                let mut open = self.store.funds(None).await?;
                open.retain(|one| !seen.contains(&one.number));
                open
            }
        };
        Ok(known.funds.insert(open))
    }

    /// The vouchers of money that was paid back.
    pub(super) async fn vouchers_known<'k>(
        &self,
        known: &'k mut Known,
    ) -> Result<&'k Sought, EngineError> {
        let sought = match known.vouchers.take() {
            Some(sought) => sought,
            None => Sought::new(self.store.vouchers().await?),
        };
        Ok(known.vouchers.insert(sought))
    }

    /// The vouchers of money that was transferred for court orders.
    pub(super) async fn transfers_known<'k>(
        &self,
        known: &'k mut Known,
    ) -> Result<&'k Sought, EngineError> {
        let sought = match known.transfers.take() {
            Some(sought) => sought,
            None => Sought::new(self.store.transfer_vouchers().await?),
        };
        Ok(known.transfers.insert(sought))
    }
}

/// Whether the reference of a record stands, as whole words, in what an entry is called.
fn is_called(funds: &Funds, names: &[String]) -> bool {
    let words =
        |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_uppercase).collect() };
    let wanted = words(&funds.reference);
    names.iter().any(|name| words(name).windows(wanted.len()).any(|some| some == wanted.as_slice()))
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
