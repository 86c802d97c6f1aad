//! What of a file that leaves payment by payment stays, for what has become known since it was released.

use std::collections::BTreeSet;

use super::Round;
use super::lines::Key;
use crate::domain::digest::Digest;
use crate::engine::{Engine, EngineError};
use crate::store::registry::Counted;

/// Payments of a file that do not leave any more, whatever was approved: an earlier order of them is proved paid,
/// their heir was withdrawn, or an answer contradicts them.
#[derive(Default)]
pub(super) struct Held {
    pub payments: BTreeSet<Key>,
    /// The books as they were when it was looked up: how many receivables and discrepancies there were, and the heirs.
    of: Option<(i64, i64, Digest)>,
}

impl Engine {
    /// Looks up what must not leave any more, when the books have changed since it was looked up.
    pub(super) async fn look_up_held(&self, round: &mut Round<'_>) -> Result<(), EngineError> {
        let of = Some((
            self.store.next_number(Counted::Receivable).await?,
            self.store.next_number(Counted::Discrepancy).await?,
            self.heirs_digest().await?,
        ));
        if round.held.of == of {
            return Ok(());
        }
        let (cycle, batch) = (round.batch.cycle, &round.batch);
        let mut orders = self.paying_again(cycle).await?;
        orders.extend(self.orders_for_withdrawn_heirs(cycle).await?);
        orders.retain(|one| one.batch == batch.number);
        let mut payments: BTreeSet<Key> =
            orders.into_iter().map(|one| (one.payable, one.attempt)).collect();
        payments.extend(self.store.contradicted_payments(batch).await?);
        round.held = Held { payments, of };
        Ok(())
    }
}
