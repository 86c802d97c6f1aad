//! What officers settle after answers came in: discrepancies.

use crate::audit::leaf::Leaf;
use crate::domain::digest::Digest;
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
        if !self.store.discrepancies().await?.iter().any(|(open, _)| *open == number) {
            return Err(EngineError::refused(
                "D110",
                format!("no discrepancy {number} is open; see: chitra queue discrepancies"),
            ));
        }
        let at = self.stamp();
        let sealed = self.keys.reason(&format!("discrepancy {number}"), reason);
        let mut changes = Changes::new();
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
