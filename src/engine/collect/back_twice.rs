//! Money that comes back although it was got back already: kept back of payments, paid in, or set off.
//!
//! Reads: orders that an answer brings back, and what was to be got back of them. Gives: a discrepancy that
//! says how much is back beyond what was owed, because it belongs to who paid it.

use crate::domain::answer::{Answer, Discrepancy, DiscrepancyKind};
use crate::domain::instruction::InstructionState as S;
use crate::domain::money::told;
use crate::domain::receivable::ReceivableStanding;
use crate::engine::{Engine, EngineError};
use crate::pipeline::settle::Settled;

impl Engine {
    /// Looks at the orders that come back, each with what was to be got back of it.
    pub(super) async fn back_twice(
        &self,
        answer: &Answer,
        settled: &[Settled],
    ) -> Result<Vec<Discrepancy>, EngineError> {
        let mut found = Vec::new();
        for one in settled {
            let order = (one.after.payable, one.after.attempt);
            // Most orders of an answer settle for the first time, and nothing comes back by that.
            let came_back = one.before == S::SettledExcess
                || matches!(one.after.state, S::Returned | S::ExcessReturned);
            if !came_back {
                continue;
            }
            for standing in self.store.standings_of_order(order).await? {
                let cause = standing.receivable.cause;
                if cause.is_back_with(one.before) || !cause.is_back_with(one.after.state) {
                    continue;
                }
                let too_much = standing.got_back_otherwise_minor();
                if too_much == 0 {
                    continue;
                }
                found.push(Discrepancy {
                    instruction: Some(order),
                    expected_minor: Some((standing.receivable.amount_minor - too_much).max(0)),
                    reported_minor: Some(standing.receivable.amount_minor),
                    ..Discrepancy::of_item(
                        DiscrepancyKind::CameBackTwice,
                        answer,
                        one.item,
                        self.told_as_back_twice(&standing, too_much),
                    )
                });
            }
        }
        Ok(found)
    }

    fn told_as_back_twice(&self, standing: &ReceivableStanding, too_much: i64) -> String {
        let amount = |minor: i64| told(i128::from(minor), self.config.currency);
        let mut parts = Vec::new();
        for (minor, what) in [
            (standing.received_minor, "paid in"),
            (standing.recovered_minor, "kept back of payments"),
            (standing.reserved_minor, "being kept back of payments that are on their way"),
        ] {
            if minor > 0 {
                parts.push(format!("{} {what}", amount(minor)));
            }
        }
        format!(
            "{code}: by this nothing is owed of receivable {number}, and before it {before}: {too_much} more than is \
             owed; it belongs to who paid it, and is to be given back; see: chitra receivable show {number}",
            code = DiscrepancyKind::CameBackTwice.code().unwrap_or_default(),
            number = standing.number,
            before = parts.join(", "),
            too_much = amount(too_much)
        )
    }
}
