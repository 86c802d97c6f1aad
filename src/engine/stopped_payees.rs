//! Orders that wait to leave for people of whom a partner has said since that they must not be paid.
//!
//! Reads: words of the class *stop* that came after a cycle was opened, and the orders of a file of it.
//! Gives: the orders that stay until an officer proposes to stop them, or lets them go by refusing such a stop.

use std::collections::BTreeMap;

use crate::domain::batch::Batch;
use crate::domain::ids::PayableNo;
use crate::domain::instruction::Instruction;
use crate::engine::{Engine, EngineError};

/// How many payables are looked up at once.
const AT_ONCE: usize = 2_000;

impl Engine {
    /// Live orders of a file for payees, for the same person, of whom a partner has reported death, fraud or a court
    /// order since its cycle was opened, and which no officer has looked at after that. Who was held for it when the
    /// list was made, and let go by two persons, is not among them.
    pub async fn orders_of_stopped_payees(
        &self,
        batch: &Batch,
    ) -> Result<Vec<Instruction>, EngineError> {
        let cycle = self.cycle_of(batch).await?;
        let words = self.store.stop_words_since(&cycle.opened_at).await?;
        if words.is_empty() {
            return Ok(vec![]);
        }
        let held = self.store.payables_held_for_stops(cycle.number).await?;
        let numbers: Vec<PayableNo> =
            self.store.orders_of_file(batch).await?.iter().map(|one| one.payable).collect();
        let mut since: BTreeMap<PayableNo, String> = BTreeMap::new();
        for some in numbers.chunks(AT_ONCE) {
            for payable in self.store.payables_of(some).await? {
                let paid = (payable.payee, payable.beneficiary, payable.heir);
                if let Some(at) = words.get(&paid).filter(|_| !held.contains(&payable.number)) {
                    since.insert(payable.number, at.clone());
                }
            }
        }
        let mut orders = self.not_looked_at(cycle.number, &since).await?;
        orders.retain(|one| one.batch == batch.number);
        Ok(orders)
    }
}
