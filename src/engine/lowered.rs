//! Money that a later list lowered before it was paid.
//!
//! Reads: what lists found to be too much, and whether the money that they lowered is paid. Gives: what is to
//! be taken off each payable that is not. Until it is paid nothing of it is to be got back of anything else,
//! and it goes on only with what is left of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::ids::PayableNo;
use crate::domain::receivable::{ReceivableCause, ReceivableState};
use crate::engine::{Engine, EngineError};
use crate::pipeline::recover::{Owing, allotted};

/// What is taken off payables that are not paid.
#[derive(Default)]
pub struct Lowered {
    by_payable: HashMap<PayableNo, Vec<Owing>>,
    receivables: HashSet<i64>,
}

impl Lowered {
    /// What is to be taken off a payable, for which receivable.
    pub fn off(&self, payable: PayableNo) -> &[Owing] {
        self.by_payable.get(&payable).map_or(&[], Vec::as_slice)
    }

    /// Whether a receivable waits for the money that it lowers.
    pub fn waits(&self, receivable: i64) -> bool {
        self.receivables.contains(&receivable)
    }
}

impl Engine {
    /// What lists that stand have lowered and that is not paid.
    pub async fn lowered(&self) -> Result<Lowered, EngineError> {
        let mut unpaid: BTreeMap<i64, Vec<(PayableNo, i64)>> = BTreeMap::new();
        for one in self.store.lowered_unpaid().await? {
            unpaid.entry(one.receivable).or_default().push((one.payable, one.amount_minor));
        }
        let mut lowered = Lowered::default();
        if unpaid.is_empty() {
            return Ok(lowered);
        }
        for standing in self.store.standings_of(ReceivableCause::Overpayment).await? {
            let receivable = standing.number;
            let Some(payables) = unpaid.get(&receivable) else { continue };
            // What two persons gave up is paid as it was ordered.
            if standing.state() == ReceivableState::WrittenOff {
                continue;
            }
            lowered.receivables.insert(receivable);
            for (payable, minor) in allotted(standing.left_minor(), payables) {
                let off = Owing { receivable, left_minor: minor };
                lowered.by_payable.entry(payable).or_default().push(off);
            }
        }
        Ok(lowered)
    }
}
