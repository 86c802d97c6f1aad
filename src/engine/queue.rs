//! What officers settle after answers came in: discrepancies, and halts that two of them lift.

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

    /// One of the two officers who lift a halt. True when it is lifted.
    pub async fn halt_lift(
        &self,
        number: i64,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<bool, EngineError> {
        let acting = self.acting(officer, key, Doing::LiftHalt).await?;
        let by = &acting.officer;
        let halts = self.store.halts().await?;
        let halt = halts.into_iter().find(|halt| halt.number == number).ok_or_else(|| {
            EngineError::refused(
                "D101",
                format!("there is no halt {number} in force; see: chitra queue halts"),
            )
        })?;
        let mut changes = Changes::new();
        let lifted = match &halt.first_lift_by {
            None => {
                changes.halt_first_lift(number, &by.name);
                false
            }
            Some(first) if *first == by.name => {
                return Err(EngineError::refused(
                    "D102",
                    format!("`{officer}` has agreed already; a halt is lifted by two persons"),
                ));
            }
            Some(_) => {
                changes.halt_lifted(number, &by.name, &self.stamp());
                true
            }
        };
        let event = if lifted { "halt_lifted" } else { "halt_lift_agreed" };
        changes.event(acting.leaf(Leaf::of(event, &self.stamp()).number("halt", number))?);
        self.store.commit(changes).await?;
        Ok(lifted)
    }
}
