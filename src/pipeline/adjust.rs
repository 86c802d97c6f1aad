//! Arrears and recoveries: what is owed for a month, less what was already determined for it.
//!
//! Reads: the recomputed amounts of one enrolment and month, and what earlier cycles determined.
//! Gives: one signed difference for each component where they differ. Nothing determined is ever
//! overwritten: a difference is a new revision.

use crate::domain::period::Period;
use crate::rules::evaluate::Amounts;
use crate::rules::pack::{ClauseId, ComponentId, FundId};
use crate::rules::question::Determined;

/// What has to be added for one component of one month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    pub component: ComponentId,
    /// Recomputed less determined; never zero.
    pub amount_minor: i64,
    /// One more than the last; 0 when nothing was determined yet.
    pub revision: u16,
    pub fund: FundId,
    /// The clause that gives the recomputed amount, or that says why there is none.
    pub clause: ClauseId,
}

/// The month recomputed: amounts, or nothing with the clause that says why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recomputed {
    Owed(Amounts),
    Nothing(ClauseId),
}

/// The difference cannot be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AdjustError {
    #[error("the amounts determined for {0} do not fit when summed")]
    SumMustFit(Period),
    #[error("{0} has been revised too often")]
    RevisionMustFit(Period),
}

/// Pushes the differences for one month, in the order of the benefit's components: those owed
/// first, then those that were determined and are not owed any more. `fund` bears what is taken
/// back for a component that is owed no more.
pub fn adjust(
    period: Period,
    recomputed: &Recomputed,
    history: &[Determined],
    fund: FundId,
    differences: &mut Vec<Difference>,
) -> Result<(), AdjustError> {
    let (parts, nothing) = match recomputed {
        Recomputed::Owed(amounts) => (amounts.parts(), None),
        Recomputed::Nothing(clause) => (&[][..], Some(*clause)),
    };
    for part in parts {
        let determined = determined(period, part.component, history)?;
        push(determined, part.component, part.amount_minor, part.fund, part.clause, differences)
            .ok_or(AdjustError::SumMustFit(period))?;
    }
    for (at, entry) in history.iter().enumerate() {
        let earlier = &history[..at];
        let again =
            |other: &Determined| other.period == period && other.component == entry.component;
        if entry.period != period
            || parts.iter().any(|part| part.component == entry.component)
            || earlier.iter().any(again)
        {
            continue;
        }
        let clause = nothing.or(parts.first().map(|part| part.clause));
        let clause = clause.unwrap_or(crate::rules::pack::NOTHING_APPLIES);
        let determined = determined(period, entry.component, history)?;
        push(determined, entry.component, 0, fund, clause, differences)
            .ok_or(AdjustError::SumMustFit(period))?;
    }
    Ok(())
}

/// The sum determined for a month and component, and the revision that comes next.
fn determined(
    period: Period,
    component: ComponentId,
    history: &[Determined],
) -> Result<(i64, u16), AdjustError> {
    let mut sum = 0_i64;
    let mut next = 0_u16;
    for entry in history {
        if entry.period == period && entry.component == component {
            sum = sum.checked_add(entry.amount_minor).ok_or(AdjustError::SumMustFit(period))?;
            let after = entry.revision.checked_add(1);
            next = next.max(after.ok_or(AdjustError::RevisionMustFit(period))?);
        }
    }
    Ok((sum, next))
}

fn push(
    (determined, revision): (i64, u16),
    component: ComponentId,
    owed: i64,
    fund: FundId,
    clause: ClauseId,
    differences: &mut Vec<Difference>,
) -> Option<()> {
    let amount_minor = owed.checked_sub(determined)?;
    if amount_minor != 0 {
        differences.push(Difference { component, amount_minor, revision, fund, clause });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: ComponentId = ComponentId(0);
    const OTHER: ComponentId = ComponentId(1);

    fn july() -> Period {
        "2026-07".parse().unwrap()
    }

    fn entry(period: &str, component: ComponentId, revision: u16, amount_minor: i64) -> Determined {
        Determined { period: period.parse().unwrap(), component, revision, amount_minor }
    }

    #[track_caller]
    fn check(history: &[Determined], expected: &[(ComponentId, i64, u16)]) {
        let mut found = Vec::new();
        let nothing = Recomputed::Nothing(ClauseId(3));
        adjust(july(), &nothing, history, FundId(0), &mut found).unwrap();
        let found: Vec<(ComponentId, i64, u16)> =
            found.iter().map(|d| (d.component, d.amount_minor, d.revision)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_owed_no_more_is_taken_back_once_for_each_component() {
        check(&[], &[]);
        check(&[entry("2026-06", ALLOWANCE, 0, 750_000)], &[]);
        check(&[entry("2026-07", ALLOWANCE, 0, 750_000)], &[(ALLOWANCE, -750_000, 1)]);
        check(
            &[
                entry("2026-07", ALLOWANCE, 0, 750_000),
                entry("2026-07", ALLOWANCE, 2, 60_000),
                entry("2026-07", OTHER, 0, 500_000),
            ],
            &[(ALLOWANCE, -810_000, 3), (OTHER, -500_000, 1)],
        );
    }

    #[test]
    fn what_was_already_taken_back_is_not_taken_twice() {
        check(&[entry("2026-07", ALLOWANCE, 0, 5), entry("2026-07", ALLOWANCE, 1, -5)], &[]);
    }

    #[test]
    fn sums_that_do_not_fit_are_an_error() {
        let nothing = Recomputed::Nothing(ClauseId(3));
        for history in [
            vec![entry("2026-07", ALLOWANCE, 0, i64::MAX), entry("2026-07", ALLOWANCE, 1, 1)],
            vec![entry("2026-07", ALLOWANCE, u16::MAX, 1)],
            vec![entry("2026-07", ALLOWANCE, 0, i64::MIN)],
        ] {
            assert!(adjust(july(), &nothing, &history, FundId(0), &mut Vec::new()).is_err());
        }
    }
}
