//! Cash that nobody came for: three months running propose that the benefit be suspended.
//!
//! The program only holds the payable (H152) and lists it; an officer looks at the person and either
//! releases the money or has the benefit suspended by a decision, which is the sender's.

use std::collections::BTreeSet;

use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::hold::HoldCode;
use crate::domain::ids::PayableNo;
use crate::domain::instruction::InstructionState;
use crate::domain::outcome::ReasonClass;
use crate::domain::roster::Channel;
use crate::domain::state::Named;
use crate::engine::hold::Held;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::Group;

/// So many lists in a row, each with money that was laid out and not collected.
pub const UNCOLLECTED_MAX: i64 = 3;

impl Engine {
    /// Groups of a shard whose carried money was laid out at a pay point three times running.
    pub(super) async fn uncollected(
        &self,
        groups: &[(PayableNo, Group)],
    ) -> Result<BTreeSet<PayableNo>, EngineError> {
        let mut found = BTreeSet::new();
        for (number, group) in groups {
            let from = group.lines.iter().filter_map(|line| line.carried_from).collect();
            if self.times_uncollected(from, group.heir).await? >= UNCOLLECTED_MAX {
                found.insert(*number);
            }
        }
        Ok(found)
    }

    /// Walks back from list to list, as long as what was carried had been laid out in cash and nobody
    /// came. A list that only held it neither counts nor ends the row. For whom somebody else was to come, an heir
    /// begins anew.
    async fn times_uncollected(
        &self,
        mut from: BTreeSet<PayableNo>,
        heir: Option<i64>,
    ) -> Result<i64, EngineError> {
        let mut times = 0;
        while !from.is_empty() && times < UNCOLLECTED_MAX {
            let numbers: Vec<PayableNo> = from.iter().copied().collect();
            let in_cash: BTreeSet<PayableNo> = self
                .store
                .payables_of(&numbers)
                .await?
                .into_iter()
                .filter(|one| one.channel == Channel::Cash && one.heir == heir)
                .map(|one| one.number)
                .collect();
            let attempts = self.store.instructions_of(&numbers).await?;
            let nobody_came = attempts.iter().any(|one| {
                let class = one.evidence.reason_class.as_deref().and_then(ReasonClass::from_name);
                in_cash.contains(&one.payable)
                    && one.state == InstructionState::Rejected
                    && class == Some(ReasonClass::Review)
            });
            let was_ordered = attempts.iter().any(|one| !one.is_given_up());
            if was_ordered && !nobody_came {
                break;
            }
            times += i64::from(was_ordered);
            from = self.store.payables_carried_to(&numbers).await?.into_iter().collect();
        }
        Ok(times)
    }

    /// Everyone for whom a suspension is proposed, in the cycles that are not closed.
    pub async fn suspensions_proposed(&self) -> Result<Vec<(Cycle, Held)>, EngineError> {
        let mut proposed = Vec::new();
        for cycle in self.store.cycles().await? {
            if matches!(cycle.state, CycleState::Closed | CycleState::Cancelled) {
                continue;
            }
            let code = HoldCode::Uncollected.text();
            let (_, held) = self.holds(&cycle, Some(code), usize::MAX).await?;
            proposed.extend(held.into_iter().map(|one| (cycle.clone(), one)));
        }
        Ok(proposed)
    }
}
