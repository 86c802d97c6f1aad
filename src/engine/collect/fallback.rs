//! To which order an item belongs that carries no reference of ours: by account, amount and day.
//!
//! Only an order without an outcome, in a file that this partner has, is looked for, and only when nothing
//! else fits: also not one that has its outcome of that day, of which the item may speak once more. One son may
//! collect for two parents, with the same amount on the same day: what fits several
//! orders goes to a person, who is told which. Money that came back is never matched so.

use std::collections::{BTreeMap, BTreeSet};

use payment_formats::{Outcome as Answered, OutcomeStatus, Scope};

use crate::domain::batch::BatchState;
use crate::domain::cycle::CycleState;
use crate::domain::ids::{BatchNo, CycleNo, DestinationNo, Shard};
use crate::domain::instruction::InstructionState;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};

/// How many references a sentence names.
const NAMED_MAX: usize = 5;

/// What an item without a reference may belong to.
pub(super) enum Fallback {
    /// Nothing else fits; its end-to-end id.
    Only(String),
    /// Several orders fit, or several items fit one; the sentence for the queue.
    Ambiguous(String),
}

impl Engine {
    /// Looks for the orders of the items of a page that carry no reference of ours.
    pub(super) async fn fallbacks(
        &self,
        profile: &Provider,
        page: &[(i64, Answered)],
    ) -> Result<BTreeMap<i64, Fallback>, EngineError> {
        let lost: Vec<&(i64, Answered)> =
            page.iter().filter(|(_, answered)| self.may_fall_back(answered)).collect();
        if lost.is_empty() {
            return Ok(BTreeMap::new());
        }
        let banks = self.store.destination_providers(profile.channel).await?;
        // Account, amount and day of an item, and the numbers that its account has at every bank.
        let mut wanted: BTreeSet<(DestinationNo, i64)> = BTreeSet::new();
        let mut asked: Vec<(i64, Vec<DestinationNo>, i64, String)> = Vec::new();
        for (item, answered) in lost {
            let (Some(account), Some((minor, _)), Some(date)) =
                (&answered.account, answered.amount, answered.date)
            else {
                continue;
            };
            let account: String = account.chars().filter(|c| !c.is_whitespace()).collect();
            let numbers: Vec<DestinationNo> = banks
                .iter()
                .map(|bank| self.keys.destination(profile.channel, bank, &account))
                .collect();
            wanted.extend(numbers.iter().map(|number| (*number, minor)));
            asked.push((*item, numbers, minor, date.to_string()));
        }
        let fitting = self.orders_by_destination(profile, &wanted).await?;
        let decided = self.decided_by_destination(&fitting).await?;
        let mut claimed: BTreeMap<&str, i64> = BTreeMap::new();
        let mut found: Vec<(i64, Vec<&str>)> = Vec::new();
        for (item, numbers, minor, on) in &asked {
            let mut references: Vec<&str> = numbers
                .iter()
                .filter_map(|number| fitting.get(&(*number, *minor)))
                .flatten()
                .filter(|(_, value_date)| value_date <= on)
                .map(|(reference, _)| reference.as_str())
                .collect();
            // Of what has its outcome the item may speak once more; by itself it tells nothing then.
            if !references.is_empty() {
                let of_day = numbers
                    .iter()
                    .filter_map(|number| decided.get(&(*number, *minor)))
                    .flatten()
                    .filter(|(_, outcome_on)| outcome_on == on);
                references.extend(of_day.map(|(reference, _)| reference.as_str()));
            }
            references.sort_unstable();
            for reference in &references {
                *claimed.entry(reference).or_default() += 1;
            }
            found.push((*item, references));
        }
        let mut fallbacks = BTreeMap::new();
        for (item, references) in found {
            let fallback = match references.as_slice() {
                [] => continue,
                [only] if claimed.get(only) == Some(&1) => Fallback::Only((*only).to_owned()),
                [only] => Fallback::Ambiguous(format!(
                    "no reference of ours stands in the item; by account, amount and day it may be {only}, and so may \
                     another item of this answer"
                )),
                several => {
                    let named = several.iter().take(NAMED_MAX).copied().collect::<Vec<_>>();
                    let more = match several.len().saturating_sub(NAMED_MAX) {
                        0 => String::new(),
                        more => format!(" and {more} more"),
                    };
                    Fallback::Ambiguous(format!(
                        "no reference of ours stands in the item; by account, amount and day it may be any of: {}{more}",
                        named.join(", ")
                    ))
                }
            };
            fallbacks.insert(item, fallback);
        }
        Ok(fallbacks)
    }

    /// The orders to the same destinations, with the same amounts, that have their outcome, and its day.
    async fn decided_by_destination(
        &self,
        fitting: &BTreeMap<(DestinationNo, i64), Vec<(String, String)>>,
    ) -> Result<BTreeMap<(DestinationNo, i64), Vec<(String, String)>>, EngineError> {
        let wanted: Vec<(DestinationNo, i64)> = fitting.keys().copied().collect();
        let mut decided: BTreeMap<_, Vec<(String, String)>> = BTreeMap::new();
        for one in self.store.instructions_to(&wanted).await? {
            let is_open =
                matches!(one.state, InstructionState::InBatch | InstructionState::Unknown);
            let reference = self.reference(&one).to_string();
            if let Some(day) = one.evidence.outcome_on.filter(|_| !is_open) {
                decided
                    .entry((one.destination, one.amount_minor))
                    .or_default()
                    .push((reference, day));
            }
        }
        Ok(decided)
    }

    /// A result of one payment that says what became of it, and not of whom.
    fn may_fall_back(&self, answered: &Answered) -> bool {
        let is_result = matches!(
            answered.status,
            OutcomeStatus::Credited | OutcomeStatus::Rejected | OutcomeStatus::Uncollected
        );
        let in_our_currency =
            answered.amount.is_some_and(|(_, of)| of.code() == self.config.currency.code());
        answered.scope == Scope::Payment
            && is_result
            && in_our_currency
            && self.our_reference(answered).is_none()
    }

    /// The orders without an outcome that this partner has, by where their money goes and how much it is:
    /// their end-to-end ids and value dates.
    async fn orders_by_destination(
        &self,
        profile: &Provider,
        wanted: &BTreeSet<(DestinationNo, i64)>,
    ) -> Result<BTreeMap<(DestinationNo, i64), Vec<(String, String)>>, EngineError> {
        let mut orders: BTreeMap<(DestinationNo, i64), Vec<(String, String)>> = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(orders);
        }
        let mut there: BTreeMap<(CycleNo, BatchNo), String> = BTreeMap::new();
        let cycles: Vec<CycleNo> = self
            .store
            .cycles()
            .await?
            .iter()
            .filter(|cycle| matches!(cycle.state, CycleState::Settling | CycleState::Closed))
            .map(|cycle| cycle.number)
            .collect();
        for cycle in &cycles {
            for batch in self.store.batches(*cycle).await? {
                let may_be_there = matches!(
                    batch.state,
                    BatchState::Sending | BatchState::Unknown | BatchState::Delivered
                );
                if batch.provider == profile.name && may_be_there {
                    there.insert((*cycle, batch.number), batch.value_date.to_string());
                }
            }
        }
        for cycle in cycles {
            if !there.keys().any(|(of, _)| *of == cycle) {
                continue;
            }
            for shards in Shard::groups() {
                let mut open = self.store.instructions_without_outcome(cycle, &shards).await?;
                open.extend(self.store.instructions_unknown(cycle, &shards).await?);
                for one in open {
                    let key = (one.destination, one.amount_minor);
                    if let Some(value_date) = there.get(&(cycle, one.batch))
                        && wanted.contains(&key)
                    {
                        let order = (self.reference(&one).to_string(), value_date.clone());
                        orders.entry(key).or_default().push(order);
                    }
                }
            }
        }
        Ok(orders)
    }
}
