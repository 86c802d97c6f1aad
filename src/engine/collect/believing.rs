//! Holds what the items of an answer say against what was ordered: the account or the person that they state,
//! and their day.
//!
//! An account or an id is compared by the number that it has under the office's key. Only one that differs
//! there is opened and compared as it is written: the details of one payment lie in a bundle with those of
//! many others.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::Batch;
use crate::domain::ids::{AttemptNo, DestinationNo, PayableNo, PersonNo};
use crate::domain::instruction::Instruction;
use crate::domain::outcome::Outcome;
use crate::domain::payable::Payable;
use crate::domain::period::parse_date;
use crate::domain::roster::Channel;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::pipeline::believe::{Signatory, impossible_day, other_account, other_person};
use crate::store::registry::DestinationRow;

/// What the items of a page are about.
#[derive(Clone, Copy)]
pub(super) struct Ordered<'a> {
    pub payables: &'a [Payable],
    pub instructions: &'a [Instruction],
}

impl Engine {
    /// Marks the outcomes whose item states another account than the ordered one. `stated` are the accounts
    /// by the place of their item.
    pub(super) async fn hold_against_orders(
        &self,
        outcomes: &mut [Outcome],
        stated: &BTreeMap<i64, String>,
        ordered: Ordered<'_>,
        zeros_dropped: bool,
    ) -> Result<(), EngineError> {
        let payables: BTreeMap<PayableNo, &Payable> =
            ordered.payables.iter().map(|payable| (payable.number, payable)).collect();
        let destinations: BTreeMap<(PayableNo, AttemptNo), DestinationNo> = ordered
            .instructions
            .iter()
            .map(|one| ((one.payable, one.attempt), one.destination))
            .collect();
        let order_of = |outcome: &Outcome| {
            let account = stated.get(&outcome.item)?;
            let payable = payables.get(&outcome.payable)?;
            let destination = destinations.get(&(outcome.payable, outcome.attempt))?;
            let written = self.keys.destination(payable.channel, &payable.provider, account);
            (written != *destination).then_some((account, payable.payee, *destination))
        };
        let unlike: BTreeSet<(PersonNo, DestinationNo)> =
            outcomes.iter().filter_map(order_of).map(|(_, payee, at)| (payee, at)).collect();
        if unlike.is_empty() {
            return Ok(());
        }
        let mut opened: BTreeMap<(PersonNo, DestinationNo), (Channel, String)> = BTreeMap::new();
        let keys: Vec<(PersonNo, DestinationNo)> = unlike.into_iter().collect();
        for row in self.store.destinations_at(&keys).await? {
            if let Some(account) = self.account_at(&row)? {
                opened.insert((row.payee, row.number), account);
            }
        }
        for outcome in outcomes.iter_mut() {
            let Some((account, payee, destination)) = order_of(outcome) else { continue };
            let Some((channel, ordered)) = opened.get(&(payee, destination)) else { continue };
            if let Some(sentence) = other_account(ordered, account, *channel, zeros_dropped) {
                unbelievable(outcome, DiscrepancyKind::AccountDiffers, &sentence);
            }
        }
        Ok(())
    }

    /// Marks the outcomes whose item names another person than the one for whom cash was laid out. `stated`
    /// are the persons by the place of their item.
    pub(super) async fn hold_against_persons(
        &self,
        outcomes: &mut [Outcome],
        stated: &BTreeMap<i64, Signatory>,
        ordered: Ordered<'_>,
    ) -> Result<(), EngineError> {
        let payees: BTreeMap<PayableNo, PersonNo> =
            // An heir's id is in the details; the payee's is that of who has died, or received for them.
            ordered
                .payables
                .iter()
                .filter(|payable| payable.heir.is_none())
                .map(|payable| (payable.number, payable.payee))
                .collect();
        let is_payee = |outcome: &Outcome, person: &Signatory| {
            !person.id.is_empty()
                && payees.get(&outcome.payable) == Some(&self.keys.person_of_id(&person.id))
        };
        let named = |outcome: &Outcome| {
            let person = stated.get(&outcome.item)?;
            (!is_payee(outcome, person)).then_some((outcome.payable, person))
        };
        let payables: BTreeSet<PayableNo> =
            outcomes.iter().filter_map(named).map(|(payable, _)| payable).collect();
        if payables.is_empty() {
            return Ok(());
        }
        let payables: Vec<PayableNo> = payables.into_iter().collect();
        let payouts = self.payouts_of(&payables).await?;
        for outcome in outcomes.iter_mut() {
            let Some((payable, person)) = named(outcome) else { continue };
            let Some(detail) = payouts.get(&payable).map(|payout| &payout.detail) else { continue };
            // A list of cash has who is entitled and who collects; a report may repeat either.
            let names =
                [&detail.name, &detail.account_name, &detail.collector, &detail.beneficiary];
            let ordered = |id: &str| Signatory {
                id: id.to_owned(),
                names: names.into_iter().filter(|name| !name.is_empty()).cloned().collect(),
            };
            let is_entitled = !detail.beneficiary.is_empty()
                && other_person(&ordered(&detail.beneficiary_id), person).is_none();
            if let Some(sentence) = other_person(&ordered(&detail.national_id), person)
                && !is_entitled
            {
                unbelievable(outcome, DiscrepancyKind::AccountDiffers, sentence);
            }
        }
        Ok(())
    }

    /// Channel and account of a destination. Cash has none.
    fn account_at(&self, row: &DestinationRow) -> Result<Option<(Channel, String)>, EngineError> {
        let Some(channel) = Channel::from_name(&row.channel) else { return Ok(None) };
        if matches!(channel, Channel::Cash | Channel::Unnamed) {
            return Ok(None);
        }
        let plain = self.keys.destinations.open(&row.number.number().to_be_bytes(), &row.sealed)?;
        let told: serde_json::Value = serde_json::from_slice(&plain)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let account = told["account"].as_str().unwrap_or_default();
        Ok((!account.is_empty()).then(|| (channel, account.to_owned())))
    }
}

/// Marks an outcome whose day cannot be.
pub(super) fn dated(mut outcome: Outcome, file: Option<&Batch>, received_on: &str) -> Outcome {
    let made_on = file.and_then(|file| parse_date(file.created_at.as_deref()?.get(..10)?).ok());
    let on = outcome.on.as_deref().and_then(|day| parse_date(day).ok());
    if let (Some(on), Ok(today)) = (on, parse_date(received_on))
        && let Some(sentence) = impossible_day(outcome.reported, on, made_on, today)
    {
        unbelievable(&mut outcome, DiscrepancyKind::DateImpossible, &sentence);
    }
    outcome
}

pub(super) fn unbelievable(outcome: &mut Outcome, kind: DiscrepancyKind, sentence: &str) {
    outcome.unbelievable.push((kind, coded(kind, sentence)));
}

/// A sentence with the code by which the page of errors explains it.
pub(super) fn coded(kind: DiscrepancyKind, sentence: &str) -> String {
    let code = kind.code().map(|code| format!("{code}: ")).unwrap_or_default();
    format!("{code}{sentence}")
}
