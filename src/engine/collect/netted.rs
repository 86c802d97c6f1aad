//! Debits in which a partner has netted its fee: money that belongs to no payment, told as what it is.
//!
//! A fee is a booking of its own. What is taken for a file with the fee in it stays unexplained, because what
//! is left of it would belong to nobody; the sentence says whose mistake it is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use jiff::civil::Date;

use crate::domain::batch::Batch;
use crate::domain::ids::CycleNo;
use crate::domain::money::told;
use crate::domain::statement::FileKey;
use crate::domain::tariff::Paid;
use crate::engine::{Engine, EngineError};
use crate::pipeline::fees::{Fees, netted, owed};
use crate::store::statements::OrdersOfAmount;

/// What debits without a reason are held against: looked up once for all entries that are read together.
#[derive(Default)]
pub(super) struct Netting {
    batches: BTreeMap<CycleNo, Vec<Batch>>,
    /// Files that nothing debited when the first of the entries was read.
    not_debited: Option<Vec<FileKey>>,
    orders: BTreeMap<FileKey, Vec<OrdersOfAmount>>,
    /// By file and day: what is owed when all of it was carried out, and when what failed was not.
    owed: BTreeMap<(FileKey, Date), Vec<Fees>>,
}

impl Engine {
    /// That a debit is the money of a file with its fee added or taken off. `file`: the one that it is about;
    /// where that is not known, files of the partner that nothing debited yet.
    pub(super) async fn fee_netted(
        &self,
        netting: &mut Netting,
        provider: &str,
        file: Option<FileKey>,
        taken_minor: i64,
        on: Date,
    ) -> Result<Option<String>, EngineError> {
        let charges = self.config.providers.iter().any(|one| one.charges());
        if !charges {
            return Ok(None);
        }
        let files = match (file, &netting.not_debited) {
            (Some(file), _) => vec![file],
            (None, Some(files)) => files.clone(),
            (None, None) => {
                let files = self.store.all_files_not_debited(provider).await?;
                netting.not_debited.insert(files).clone()
            }
        };
        for file in files {
            self.know_what_is_owed(netting, file, on).await?;
            let owed = netting.owed.get(&(file, on)).map_or(&[][..], Vec::as_slice);
            let found = owed.iter().find_map(|fees| netted(taken_minor, fees.paid_minor, *fees));
            if let (Some(fees), Some(batch)) = (found, netting.batch(file)) {
                return Ok(Some(self.told_as_netted(&batch.file_name, &batch.provider, fees)));
            }
        }
        Ok(None)
    }

    /// Looks up what a partner is owed for a file by the tariff of a day.
    async fn know_what_is_owed(
        &self,
        netting: &mut Netting,
        file: FileKey,
        on: Date,
    ) -> Result<(), EngineError> {
        if netting.owed.contains_key(&(file, on)) {
            return Ok(());
        }
        let (cycle, number) = file;
        if let Place::Vacant(place) = netting.batches.entry(cycle) {
            place.insert(self.store.batches(cycle).await?);
        }
        let carrier = netting.batch(file).and_then(|one| self.config.provider(&one.provider));
        let tariff = carrier.and_then(|partner| partner.on(on).charging.tariff.as_ref());
        let mut of_file: Vec<Fees> = Vec::new();
        if let Some(tariff) = tariff {
            if let Place::Vacant(place) = netting.orders.entry(file) {
                place.insert(self.store.orders_by_amount(cycle, number).await?);
            }
            let orders = netting.orders.get(&file).map_or(&[][..], Vec::as_slice);
            for with_failed in [true, false] {
                let kept = orders.iter().filter(|one| with_failed || !one.is_rejected);
                let paid: Vec<Paid> = kept
                    .map(|one| Paid { on, amount_minor: one.amount_minor, count: one.count })
                    .collect();
                let Ok(fees) = owed(&paid, |_| Some(tariff), self.config.currency) else {
                    continue;
                };
                if of_file.iter().all(|one| one.paid_minor != fees.paid_minor) {
                    of_file.push(fees);
                }
            }
        }
        netting.owed.insert((file, on), of_file);
        Ok(())
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

impl Netting {
    fn batch(&self, (cycle, number): FileKey) -> Option<&Batch> {
        self.batches.get(&cycle)?.iter().find(|one| one.number == number)
    }
}
