//! What officers settle after answers came in: discrepancies.

use crate::audit::leaf::Leaf;
use crate::domain::digest::Digest;
use crate::domain::ids::PayableNo;
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
        let cycle = found.instruction.map(|(payable, _)| payable.cycle());
        if let Some(cycle) = cycle.or(found.file.map(|(cycle, _)| cycle)) {
            let mut proposed = self.store.fates_proposed(cycle).await?;
            let payables: Vec<PayableNo> = proposed.iter().map(|fate| fate.payable).collect();
            let orders = self.store.instructions_of(&payables).await?;
            proposed.retain(|fate| {
                orders.iter().any(|one| {
                    let key = (one.payable, one.attempt);
                    key == (fate.payable, fate.attempt)
                        && one.state == InstructionState::Settled
                        && (found.instruction == Some(key)
                            || found.file == Some((cycle, one.batch)))
                })
            });
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
