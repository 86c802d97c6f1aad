//! Fills the sheet that is signed at pay points, from what a list orders in cash and what came back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use crate::domain::cycle::Cycle;
use crate::domain::ids::{BatchNo, ListNo, PayableNo, Shard};
use crate::domain::instruction::InstructionState;
use crate::domain::roster::Channel;
use crate::engine::payout::Payout;
use crate::engine::report::write_whole;
use crate::engine::{Engine, EngineError, aside};
use crate::report::pay_sheet::{PayLine, PayPoint, PaySheet, Standing, html};

impl Engine {
    /// What a list orders in cash, by pay point.
    pub async fn pay_sheet(&self, cycle: &Cycle, list: ListNo) -> Result<PaySheet, EngineError> {
        let batches = self.store.batches(cycle.number).await?;
        let cash: Vec<_> = batches
            .into_iter()
            .filter(|batch| batch.list == list && batch.channel == Channel::Cash)
            .collect();
        let wanted: HashSet<BatchNo> = cash.iter().map(|batch| batch.number).collect();
        let mut points: BTreeMap<String, Vec<PayLine>> = BTreeMap::new();
        for shards in Shard::groups() {
            let mut ordered = self.store.instructions_of_list(cycle.number, list, &shards).await?;
            ordered.retain(|one| wanted.contains(&one.batch));
            let mut payouts: HashMap<PayableNo, Payout> = HashMap::new();
            let on_sheet: HashSet<PayableNo> = ordered.iter().map(|one| one.payable).collect();
            let holding: BTreeSet<Shard> = ordered.iter().map(|one| one.payable.shard()).collect();
            for shard in holding {
                let mut of_shard = self.payouts_of_list(cycle, list, shard).await?;
                of_shard.retain(|payable, _| on_sheet.contains(payable));
                payouts.extend(of_shard);
            }
            for one in &ordered {
                let payout = payouts.remove(&one.payable).ok_or_else(|| {
                    EngineError::Inconsistent(format!(
                        "the details of payable {} are missing",
                        one.payable
                    ))
                })?;
                let (name, id) = payout.detail.entitled();
                let (name, national_id) = (name.to_owned(), id.to_owned());
                points.entry(payout.detail.pay_point).or_default().push(PayLine {
                    reference: self.reference(one).to_string(),
                    name,
                    national_id,
                    collector: payout.detail.collector,
                    home_address: payout.detail.home_address,
                    amount_minor: one.amount_minor,
                    standing: match one.state {
                        InstructionState::Settled | InstructionState::SettledExcess => {
                            Standing::Paid
                        }
                        InstructionState::InBatch | InstructionState::Unknown => {
                            Standing::NotReported
                        }
                        InstructionState::Rejected
                        | InstructionState::Cancelled
                        | InstructionState::Returned
                        | InstructionState::ExcessReturned => Standing::NotCollected,
                    },
                });
            }
        }
        let points = points
            .into_iter()
            .map(|(name, mut lines)| {
                lines.sort_by(|a, b| (&a.name, &a.reference).cmp(&(&b.name, &b.reference)));
                PayPoint { name, lines }
            })
            .collect();
        Ok(PaySheet {
            office: self.config.name.clone(),
            is_test: self.config.environment == payment_formats::Environment::Test,
            currency: self.config.currency,
            label: cycle.label(),
            list: list.0,
            value_date: cycle.value_date,
            files: cash
                .into_iter()
                .map(|batch| (batch.file_name, batch.sha256.unwrap_or_default()))
                .collect(),
            points,
        })
    }

    /// Writes the sheet over an earlier one of the same list.
    pub async fn pay_sheet_write(
        &self,
        cycle: &Cycle,
        list: ListNo,
    ) -> Result<PathBuf, EngineError> {
        let sheet = self.pay_sheet(cycle, list).await?;
        let (disk, folder) = (self.disk.clone(), self.dir.join("reports"));
        aside(move || {
            let path = folder.join(format!("{}-L{}-cash.html", sheet.label, sheet.list));
            write_whole(disk.as_ref(), &folder, &path, html(&sheet).as_bytes())
                .map_err(|error| EngineError::io(format!("writing {}", path.display()), error))?;
            Ok(path)
        })
        .await
    }
}
