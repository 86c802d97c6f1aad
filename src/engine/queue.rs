//! What officers settle after answers came in: discrepancies.

use crate::audit::leaf::Leaf;
use crate::domain::digest::Digest;
use crate::domain::instruction::InstructionState;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

impl Engine {
    /// An officer says that a discrepancy is settled, and how.
    pub async fn discrepancy_resolve(
        &self,
        number: i64,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<(), EngineError> {
        let by = self.acting(officer, key, Doing::ResolveDiscrepancy).await?;
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "D111",
                "how a discrepancy was settled is told to whoever looks later: --reason TEXT",
            ));
        }
        let open = self.store.discrepancies().await?;
        let Some((_, found)) = open.into_iter().find(|(open, _)| *open == number) else {
            return Err(EngineError::refused(
                "D110",
                format!("no discrepancy {number} is open; see: chitra queue discrepancies"),
            ));
        };
        let at = self.stamp();
        let sealed = self.keys.reason(&format!("discrepancy {number}"), reason);
        let mut changes = Changes::new();
        // What was proposed because of it is proposed no more.
        if let Some((payable, attempt)) = found.instruction {
            let key = (payable, attempt);
            let orders = self.store.instructions_of(&[payable]).await?;
            let is_settled = orders.iter().any(|one| {
                (one.payable, one.attempt) == key && one.state == InstructionState::Settled
            });
            let mut proposed = self.store.fates_proposed(payable.cycle()).await?;
            proposed.retain(|fate| is_settled && (fate.payable, fate.attempt) == key);
            changes.fates_withdrawn(&proposed)?;
        }
        changes.event(
            by.leaf(
                Leaf::of("discrepancy_resolved", &at)
                    .number("discrepancy", number)
                    .digest("reason", &Digest::of(&sealed)),
            )?,
        );
        changes.discrepancy_resolved(number, &by.officer.name, sealed, &at);
        Ok(self.store.commit(changes).await?)
    }
}
