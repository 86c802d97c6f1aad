//! Closes a cycle: only when every row, line and đồng is accounted for.

use crate::audit::leaf::Leaf;
use crate::domain::cycle::{Cycle, CycleEvent};
use crate::domain::digest::Digest;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

impl Engine {
    /// Closes a cycle. Payments whose answer is overdue become unknown first, also when the closing is
    /// then refused. What is unknown goes to suspense, its claims stay locked; anything else that is
    /// open refuses the closing and is told.
    pub async fn close(
        &self,
        cycle: &Cycle,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Cycle, EngineError> {
        let by = self.acting(officer, key, Doing::CloseCycle).await?;
        let next = cycle.state.apply(CycleEvent::Closed)?;
        self.age(cycle).await?;
        let figures = self.figures(cycle).await?;
        if !figures.hindrances.is_empty() {
            return Err(EngineError::refused(
                "C140",
                format!(
                    "cycle {} does not close: {}",
                    cycle.label(),
                    figures.hindrances.join("; ")
                ),
            ));
        }
        let at = self.stamp();
        let told = figures.to_json();
        let mut changes = Changes::new();
        changes.unknown_suspended(cycle.number, &at);
        changes.cycle_closed_at(cycle.number, &at);
        changes.cycle_moved(cycle.number, cycle.state, next);
        changes.event(
            by.leaf(
                Leaf::of("cycle_closed", &at)
                    .number("cycle", cycle.number.0)
                    .digest("figures", &Digest::of(told.to_string().as_bytes())),
            )?,
        );
        self.store.commit(changes).await?;
        self.sequence().await?;
        Ok(Cycle { state: next, closed_at: Some(at), ..cycle.clone() })
    }
}
