//! What of a file that leaves payment by payment stays, for what has become known since it was released.

use std::collections::BTreeSet;

use super::Round;
use super::lines::Key;
use crate::domain::instruction::Instruction;
use crate::engine::{Engine, EngineError};
use crate::store::registry::Counted;

/// Payments of a file that do not leave, for the first time or again, whatever was approved: an earlier order of them
/// is proved paid, their heir was withdrawn, a partner said that their payee must not be paid, or an answer contradicts
/// them. Each is looked up anew when the books have
/// more of what it rests on.
#[derive(Default)]
pub(super) struct Held {
    paid_again: Known,
    for_withdrawn_heirs: Known,
    for_stopped_payees: Known,
    contradicted: Known,
    /// An answer contradicts the file as a whole: nothing of it leaves.
    is_whole_file: bool,
}

#[derive(Default)]
struct Known {
    payments: BTreeSet<Key>,
    /// How many entries the books had when it was looked up.
    of: Option<i64>,
}

impl Known {
    fn now(of: i64, payments: impl IntoIterator<Item = Key>) -> Known {
        Known { payments: payments.into_iter().collect(), of: Some(of) }
    }
}

impl Held {
    pub fn stays(&self, key: &Key) -> bool {
        self.is_whole_file
            || [
                &self.paid_again,
                &self.for_withdrawn_heirs,
                &self.for_stopped_payees,
                &self.contradicted,
            ]
            .iter()
            .any(|known| known.payments.contains(key))
    }
}

impl Engine {
    /// Looks up what must not leave any more, where the books have changed since it was looked up.
    pub(super) async fn look_up_held(&self, round: &mut Round<'_>) -> Result<(), EngineError> {
        let (cycle, batch) = (round.batch.cycle, &round.batch);
        let held = &mut round.held;
        let of_file = |orders: Vec<Instruction>| {
            let of_file = orders.into_iter().filter(|one| one.batch == batch.number);
            of_file.map(|one| (one.payable, one.attempt)).collect::<Vec<_>>()
        };
        let receivables = self.store.next_number(Counted::Receivable).await?;
        if held.paid_again.of != Some(receivables) {
            let orders = self.paying_again(cycle).await?;
            held.paid_again = Known::now(receivables, of_file(orders));
        }
        let withdrawn = self.store.heirs_withdrawn().await?;
        if held.for_withdrawn_heirs.of != Some(withdrawn) {
            let orders = self.orders_for_withdrawn_heirs(cycle).await?;
            held.for_withdrawn_heirs = Known::now(withdrawn, of_file(orders));
        }
        let answers = self.store.next_number(Counted::Answer).await?;
        if held.for_stopped_payees.of != Some(answers) {
            let orders = self.orders_of_stopped_payees(batch).await?;
            held.for_stopped_payees = Known::now(answers, of_file(orders));
        }
        let discrepancies = self.store.next_number(Counted::Discrepancy).await?;
        if held.contradicted.of != Some(discrepancies) {
            let payments = self.store.contradicted_payments(batch).await?;
            held.contradicted = Known::now(discrepancies, payments);
            held.is_whole_file =
                self.store.contradicted(cycle, Some(batch.number)).await?.files > 0;
        }
        Ok(())
    }
}
