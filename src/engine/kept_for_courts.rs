//! What is kept back of payments for orders of courts when a list is assembled.
//!
//! Reads: the confirmed orders, what is kept back for them of other payments, of whom this list knows that
//! they died, and which benefits may be attached. Gives: by how much each payable is lowered, for which order
//! and month. An order against somebody who has died takes nothing: what was due to them is the heirs'.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::court_order::{CourtDeduction, CourtOrderState};
use crate::domain::cycle::Cycle;
use crate::domain::exception::Subject;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{PayableNo, PersonNo, Shard};
use crate::domain::period::Period;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, Group};
use crate::pipeline::court_orders::{Attachable, Payment, Serving, keep_back};

/// Orders in force while a list is assembled, by the person against whom they are.
pub(super) struct OrdersInForce {
    by_person: HashMap<PersonNo, Vec<Serving>>,
    attachable: Attachable,
    /// The floor of the office's own recovery, which orders leave as well.
    floor_minor: i64,
}

impl Engine {
    /// The orders for which a cycle may keep back. What another list keeps back, and may still pay or has paid,
    /// is taken off what they want; what this cycle's own earlier units kept back is among it.
    pub(super) async fn orders_in_force(
        &self,
        cycle: &Cycle,
    ) -> Result<OrdersInForce, EngineError> {
        let mut found = OrdersInForce {
            by_person: HashMap::new(),
            attachable: self.config.attachable.clone(),
            floor_minor: self.config.recovery.floor_minor,
        };
        let mut kept: HashMap<i64, BTreeMap<Period, i64>> = HashMap::new();
        for ((order, period), minor) in self.store.kept_for_orders().await? {
            kept.entry(order).or_default().insert(period, minor);
        }
        let mut dead: HashMap<Shard, HashSet<PersonNo>> = HashMap::new();
        for standing in self.store.court_orders().await? {
            let order = &standing.order;
            if order.state != CourtOrderState::Confirmed {
                continue;
            }
            let shard = order.person.shard();
            let dead = match dead.entry(shard) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(unread) => unread.insert(self.held_as_dead(cycle, shard).await?),
            };
            if dead.contains(&order.person) {
                continue;
            }
            let terms = self.court_terms(order)?;
            found.by_person.entry(order.person).or_default().push(Serving {
                order: order.number,
                rank: terms.rank(order.number),
                measure: terms.measure,
                first: terms.first,
                last: terms.last,
                share_max_millionths: terms.share_max_millionths,
                floor_minor: terms.floor_minor,
                left_minor: terms.total_minor.map(|total| standing.left_of(total)),
                kept: kept.remove(&order.number).unwrap_or_default(),
            });
        }
        Ok(found)
    }

    /// Whose rows of a cycle are held because the register has their death.
    async fn held_as_dead(
        &self,
        cycle: &Cycle,
        shard: Shard,
    ) -> Result<HashSet<PersonNo>, EngineError> {
        let held = self.store.exceptions(cycle.number, shard).await?;
        let dead = held
            .into_iter()
            .filter(|one| one.subject == Subject::Row && one.code == HoldCode::Deceased.text());
        Ok(dead.map(|one| one.person).collect())
    }
}

impl OrdersInForce {
    /// The most that orders would keep back of lines that come to so much, and the floor above which they leave it:
    /// what is taken off at once for overpaid months comes after it.
    pub(super) fn most(&self, lines: &[&DueLine], total_minor: i64) -> (i64, i64) {
        let beneficiary = lines.first().map(|line| line.beneficiary);
        let orders = beneficiary.and_then(|person| self.by_person.get(&person));
        let Some(orders) = orders else { return (0, 0) };
        let lines = lines.iter().copied();
        let payment = Payment::of(lines, &self.attachable, total_minor, self.floor_minor);
        let found = keep_back(&payment, &mut orders.clone());
        (found.total_minor(), found.floor_minor)
    }

    /// Lowers a payable, tells by how much for which order, and gives the floor that stands for all that is kept
    /// back of it afterwards. `same` takes off what was paid before and is set off: of that orders have had theirs.
    pub(super) fn keep_back(
        &mut self,
        payable: PayableNo,
        group: &mut Group,
        same: &[DueLine],
    ) -> (Vec<CourtDeduction>, i64) {
        let Some(orders) = self.by_person.get_mut(&group.beneficiary) else {
            return (Vec::new(), 0);
        };
        let lines = group.lines.iter().chain(same);
        let payment = Payment::of(lines, &self.attachable, group.total_minor, self.floor_minor);
        let found = keep_back(&payment, orders);
        group.total_minor -= found.total_minor();
        let deductions = found.parts.iter().map(|part| CourtDeduction {
            order: part.order,
            payable,
            period: part.period,
            amount_minor: -part.amount_minor,
        });
        (deductions.collect(), found.floor_minor)
    }
}

/// Whether what holds a payment says that its beneficiary has died.
pub(super) fn says_died(code: HoldCode) -> bool {
    matches!(code, HoldCode::Deceased | HoldCode::DiedInPeriod | HoldCode::UnpaidBeforeDeath)
}
