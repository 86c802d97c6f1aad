//! Closes a cycle: only when every row, line and đồng is accounted for.

use crate::audit::leaf::Leaf;
use crate::domain::batch::BatchState;
use crate::domain::cycle::{Cycle, CycleEvent};
use crate::domain::digest::Digest;
use crate::domain::payable::PayableState;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::cycle::moved;
use crate::engine::figures::Figures;
use crate::engine::{Engine, EngineError};
use crate::store::{Changes, StoreError};

impl Engine {
    /// Closes a cycle. Payments whose answer is overdue become unknown first, also when the closing is
    /// then refused. What is unknown goes to suspense, its claims stay locked; anything else that is
    /// open refuses the closing and is told.
    ///
    /// # Errors
    /// C140 with what is open, C141 when another command moved money of the cycle meanwhile.
    pub async fn close(
        &self,
        cycle: &Cycle,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Cycle, EngineError> {
        let by = self.acting(officer, key, Doing::CloseCycle).await?;
        let next = moved(cycle, CycleEvent::Closed)?;
        self.age(cycle).await?;
        let (figures, moves) = self.figures_counted(cycle).await?;
        if !figures.hindrances.is_empty() {
            return Err(EngineError::refused(
                "C140",
                format!(
                    "cycle {} does not close: {}. {}",
                    cycle.label(),
                    figures.hindrances.join("; "),
                    ways_out(cycle, &figures).join(". ")
                ),
            ));
        }
        let at = self.stamp();
        let told = figures.to_json();
        let mut changes = Changes::new();
        changes.cycle_is_as_counted(cycle.number, moves);
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
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Err(EngineError::refused(
                "C141",
                format!(
                    "another command moved money of cycle {label} while it was closed; nothing was changed; close it \
                     again: chitra cycle close {label} --as OFFICER",
                    label = cycle.label()
                ),
            )),
            done => Ok(done?),
        }?;
        self.sequence().await?;
        Ok(Cycle { state: next, closed_at: Some(at), ..cycle.clone() })
    }
}

/// What ends each kind of hindrance.
fn ways_out(cycle: &Cycle, figures: &Figures) -> Vec<String> {
    let label = cycle.label();
    let is_any = |state: fn(BatchState) -> bool| figures.batches.iter().any(|one| state(one.state));
    let mut ways = Vec::new();
    if !figures.balanced() {
        ways.push("Which rows are not what was written: chitra audit verify".to_owned());
    }
    if is_any(|state| state == BatchState::Created) {
        ways.push(format!(
            "A list that waits is signed and released, as chitra cycle status {label} says, or given up: chitra list \
             cancel {label} --list NUMBER --as OFFICER"
        ));
    }
    if is_any(|state| state != BatchState::Created && state.is_open()) {
        ways.push(format!(
            "Files that have not left are sent, and partners asked about the others: chitra dispatch {label}"
        ));
    }
    let pending = figures.payables.get(&PayableState::Pending).map_or(0, |part| part.count);
    if pending > figures.overdue.count {
        ways.push(format!(
            "Outcomes come with the partners' answers: chitra collect. When they stay away longer than was agreed the \
             payments become unknown, which lets the cycle close, and two officers may decide: chitra unknown list {label}"
        ));
    }
    ways
}
