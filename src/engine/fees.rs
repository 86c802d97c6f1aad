//! What partners are owed for paying, beside what statements show that they took.
//!
//! Reads: the payments that are paid, the tariff of each day, and the fee and tax entries of statements. Gives:
//! owed, charged and the difference, by the partner on whose statements the fees stand. Worked out anew whenever
//! it is looked at.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::domain::statement::ShareKind;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::pipeline::fees::{Fees, owed};

/// The fees that stand on the statements of one partner.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FeesSeen {
    /// Each partner whose fees stand there, and what it is owed.
    pub owed: Vec<(String, Fees)>,
    /// What the statements of the period show that was taken, minor units.
    pub fee_charged: i64,
    pub tax_charged: i64,
}

impl FeesSeen {
    pub fn fee_owed(&self) -> i64 {
        self.owed.iter().map(|(_, fees)| fees.fee_minor).sum()
    }

    pub fn tax_owed(&self) -> i64 {
        self.owed.iter().map(|(_, fees)| fees.tax_minor).sum()
    }

    /// What was taken beyond what is owed; less than nothing while it is still to be taken.
    pub fn difference(&self) -> i64 {
        self.fee_charged + self.tax_charged - self.fee_owed() - self.tax_owed()
    }
}

impl Engine {
    /// Fees of the payments that were paid from a day to another, both included, by the partner on whose
    /// statements they stand; and the fees on the statements that were closed in those days.
    ///
    /// # Errors
    /// D148 when a sum is more than can be counted.
    pub async fn fees_seen(
        &self,
        from: Date,
        to: Date,
    ) -> Result<BTreeMap<String, FeesSeen>, EngineError> {
        let mut seen: BTreeMap<String, FeesSeen> = BTreeMap::new();
        for provider in &self.config.providers {
            if !provider.charges() {
                continue;
            }
            let fees = self.fees_owed(provider, from, to).await?;
            let terms = &provider.on(to).charging;
            let place = terms.on_statements_of.as_ref().unwrap_or(&provider.name);
            seen.entry(place.clone()).or_default().owed.push((provider.name.clone(), fees));
        }
        for statement in self.statements_seen().await? {
            let closed_on = statement.statement.closed_on;
            let (fee, tax) = (-statement.sum(ShareKind::Fee), -statement.sum(ShareKind::Tax));
            if (fee, tax) == (0, 0) || closed_on < from || closed_on > to {
                continue;
            }
            let place = seen.entry(statement.statement.provider).or_default();
            place.fee_charged += fee;
            place.tax_charged += tax;
        }
        Ok(seen)
    }

    /// What one partner is owed for what it paid in a period.
    async fn fees_owed(
        &self,
        provider: &Provider,
        from: Date,
        to: Date,
    ) -> Result<Fees, EngineError> {
        let paid = self.store.paid_by_day(&provider.name, from, to).await?;
        let tariff = |day: Date| provider.on(day).charging.tariff.as_ref();
        owed(&paid, tariff, self.config.currency).map_err(|error| {
            EngineError::refused(
                "D148",
                format!(
                    "the fees of {} cannot be counted: {error}; ask for fewer days: --from, --to",
                    provider.name
                ),
            )
        })
    }
}
