//! Debits in which a partner has netted its fee: money that belongs to no payment, told as what it is.
//!
//! A fee is a booking of its own. What is taken for a file with the fee in it stays unexplained, because what
//! is left of it would belong to nobody; the sentence says whose mistake it is.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::domain::money::told;
use crate::domain::statement::FileKey;
use crate::domain::tariff::Paid;
use crate::engine::{Engine, EngineError};
use crate::pipeline::fees::{Fees, netted, owed};

impl Engine {
    /// That a debit is the money of a file with its fee added or taken off. `file`: the one that it is about;
    /// where that is not known, files of the partner that nothing debited yet.
    pub(super) async fn fee_netted(
        &self,
        provider: &str,
        file: Option<FileKey>,
        taken_minor: i64,
        on: Date,
    ) -> Result<Option<String>, EngineError> {
        let charges = self.config.providers.iter().any(|one| one.charges());
        if !charges {
            return Ok(None);
        }
        let files = match file {
            Some(file) => vec![file],
            None => self.store.all_files_not_debited(provider).await?,
        };
        for (cycle, number) in files {
            let batches = self.store.batches(cycle).await?;
            let Some(batch) = batches.into_iter().find(|one| one.number == number) else {
                continue;
            };
            let Some(partner) = self.config.provider(&batch.provider) else { continue };
            let Some(tariff) = &partner.on(on).charging.tariff else { continue };
            let orders = self.store.orders_by_amount(cycle, number).await?;
            let carried_out = |failed: bool| -> Vec<Paid> {
                let kept = orders.iter().filter(|one| failed || !one.is_rejected);
                kept.map(|one| Paid { on, amount_minor: one.amount_minor, count: one.count })
                    .collect()
            };
            let mut tried: BTreeSet<i64> = BTreeSet::new();
            for payments in [carried_out(true), carried_out(false)] {
                let Ok(fees) = owed(&payments, |_| Some(tariff), self.config.currency) else {
                    continue;
                };
                if !tried.insert(fees.paid_minor) {
                    continue;
                }
                if let Some(fees) = netted(taken_minor, fees.paid_minor, fees) {
                    return Ok(Some(self.told_as_netted(&batch.file_name, &batch.provider, fees)));
                }
            }
        }
        Ok(None)
    }

    fn told_as_netted(&self, file_name: &str, provider: &str, fees: Fees) -> String {
        let money = |minor: i64| told(i128::from(minor), self.config.currency);
        let tax = match fees.tax_minor {
            0 => String::new(),
            tax => format!(" and tax of {}", money(tax)),
        };
        format!(
            "it differs from the money of {file_name} by the fee of its {} payments by the tariff, {}{tax}: a fee is \
             booked by itself and never netted; ask {provider} to book both apart",
            fees.payments,
            money(fees.fee_minor)
        )
    }
}
