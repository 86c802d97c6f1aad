//! Turns the lines that are due to the payees of one shard into payables.
//!
//! Reads: lines, already exchanged to their payee's shard, and lines carried over from closed
//! cycles. Gives: payables in a fixed order, numbered; groups that come to less than nothing become
//! receivables. Every line is in exactly one of the two.

use std::collections::BTreeMap;

use crate::domain::hold::HoldCode;
use crate::domain::ids::{
    CycleNo, DestinationNo, EnrolmentNo, IdError, PayableNo, PersonNo, Shard,
};
use crate::domain::period::Period;
use crate::domain::state::named;

named!(
    /// Why a line is on this list.
    LineKind {
        Regular = "regular",
        Arrears = "arrears",
        OneOff = "one_off",
        /// A difference that was paid too much; negative.
        Recovery = "recovery",
        /// Unpaid money of a closed cycle: not a new entitlement, and no new claim.
        Carried = "carried",
    }
);

/// One line that somebody is to be paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueLine {
    pub payee: PersonNo,
    pub beneficiary: PersonNo,
    /// The person to whom the enrolment belongs: its shard is the claim's shard.
    pub owner: PersonNo,
    pub fund: String,
    pub programme: String,
    pub province: String,
    pub enrolment: EnrolmentNo,
    pub benefit: String,
    pub component: String,
    pub period: Period,
    pub kind: LineKind,
    pub revision: u16,
    pub amount_minor: i64,
    /// The destination that the roster names for this enrolment.
    pub destination: DestinationNo,
    /// The payable of a closed cycle from which it is carried.
    pub carried_from: Option<PayableNo>,
    /// A hold of this line alone: lines that have it are paid apart, so that the month's own money goes on.
    pub apart: Option<HoldCode>,
}

/// Lines that are paid together: one payee, one beneficiary, one fund, one destination, and no hold or
/// the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub payee: PersonNo,
    pub beneficiary: PersonNo,
    pub fund: String,
    pub destination: DestinationNo,
    pub apart: Option<HoldCode>,
    pub lines: Vec<DueLine>,
    /// The sum of the lines, less what is kept back for receivables.
    pub total_minor: i64,
}

#[derive(Default, PartialEq, Eq, Debug)]
pub struct Output {
    /// Positive groups with their numbers, in the order of the numbers.
    pub payables: Vec<(PayableNo, Group)>,
    /// Groups that come to nothing or less: their claims stand, a negative sum is owed to us.
    pub uncovered: Vec<Group>,
}

/// Groups and numbers the lines of one shard. The order of the input does not matter.
pub fn assemble(
    cycle: CycleNo,
    shard: Shard,
    lines: Vec<DueLine>,
) -> Result<Output, AssembleError> {
    type Key = (PersonNo, PersonNo, String, DestinationNo, Option<HoldCode>);
    let mut groups: BTreeMap<Key, Vec<DueLine>> = BTreeMap::new();
    for line in lines {
        if line.payee.shard() != shard {
            return Err(AssembleError::LineMustBeInItsPayeesShard);
        }
        let key = (line.payee, line.beneficiary, line.fund.clone(), line.destination, line.apart);
        groups.entry(key).or_default().push(line);
    }
    let mut output = Output::default();
    for ((payee, beneficiary, fund, destination, apart), mut lines) in groups {
        lines.sort_by(|a, b| {
            let key = |line: &DueLine| {
                (
                    line.enrolment,
                    line.period,
                    line.benefit.clone(),
                    line.component.clone(),
                    line.revision,
                )
            };
            key(a).cmp(&key(b))
        });
        let mut total_minor: i64 = 0;
        for line in &lines {
            total_minor =
                total_minor.checked_add(line.amount_minor).ok_or(AssembleError::SumMustFit)?;
        }
        let group = Group { payee, beneficiary, fund, destination, apart, lines, total_minor };
        if total_minor > 0 {
            let ordinal =
                u32::try_from(output.payables.len()).map_err(|_| AssembleError::SumMustFit)?;
            output.payables.push((PayableNo::pack(cycle, shard, ordinal)?, group));
        } else {
            output.uncovered.push(group);
        }
    }
    Ok(output)
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssembleError {
    #[error("a line was not exchanged to the shard of its payee")]
    LineMustBeInItsPayeesShard,
    #[error("the sum of a group does not fit")]
    SumMustFit,
    #[error(transparent)]
    Number(#[from] IdError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: i64) -> PersonNo {
        PersonNo::from_number((5 << 55) + n).unwrap()
    }

    fn line(payee: i64, beneficiary: i64, destination: i64, amount_minor: i64) -> DueLine {
        DueLine {
            payee: person(payee),
            beneficiary: person(beneficiary),
            owner: person(beneficiary),
            fund: "state".to_owned(),
            programme: "sa".to_owned(),
            province: "01".to_owned(),
            enrolment: EnrolmentNo::from_number(beneficiary).unwrap(),
            benefit: "k6".to_owned(),
            component: "allowance".to_owned(),
            period: "2026-11".parse().unwrap(),
            kind: LineKind::Regular,
            revision: 0,
            amount_minor,
            destination: DestinationNo::from_number(destination).unwrap(),
            carried_from: None,
            apart: None,
        }
    }

    #[track_caller]
    fn check(lines: Vec<DueLine>, payables: &[i64], uncovered: &[i64]) {
        let output = assemble(CycleNo(1), Shard::new(5), lines).unwrap();
        let totals = |groups: Vec<&Group>| groups.iter().map(|g| g.total_minor).collect::<Vec<_>>();
        assert_eq!(totals(output.payables.iter().map(|(_, group)| group).collect()), payables);
        assert_eq!(totals(output.uncovered.iter().collect()), uncovered);
    }

    #[test]
    fn lines_are_grouped_by_payee_beneficiary_fund_and_destination() {
        check(vec![line(1, 1, 9, 500), line(1, 1, 9, 40)], &[540], &[]);
        check(vec![line(1, 1, 9, 500), line(1, 1, 8, 40)], &[40, 500], &[]);
        // A son who collects for both parents gets two payments.
        check(vec![line(1, 2, 9, 500), line(1, 3, 9, 500)], &[500, 500], &[]);
        check(vec![line(1, 1, 9, 500), line(1, 1, 9, -40)], &[460], &[]);
        check(vec![line(1, 1, 9, 500), line(1, 1, 9, -600)], &[], &[-100]);
        check(vec![line(1, 1, 9, 500), line(1, 1, 9, -500)], &[], &[0]);
        check(vec![], &[], &[]);
    }

    proptest::proptest! {
        #[test]
        fn every_line_is_in_one_group_and_order_does_not_matter(
            rows in proptest::collection::vec((0_i64..4, 0_i64..4, 0_i64..2, -300_i64..900), 0..40),
            rotate in 0_usize..40,
        ) {
            let lines: Vec<DueLine> =
                rows.iter().map(|(p, b, d, a)| line(*p, *b, *d, *a)).collect();
            let mut turned = lines.clone();
            if !turned.is_empty() {
                let by = rotate % turned.len();
                turned.rotate_left(by);
            }
            let totals = |output: &Output| -> i64 {
                output.payables.iter().map(|(_, g)| g.total_minor).sum::<i64>()
                    + output.uncovered.iter().map(|g| g.total_minor).sum::<i64>()
            };
            let one = assemble(CycleNo(1), Shard::new(5), lines.clone()).unwrap();
            let two = assemble(CycleNo(1), Shard::new(5), turned).unwrap();
            proptest::prop_assert_eq!(totals(&one), lines.iter().map(|l| l.amount_minor).sum::<i64>());
            proptest::prop_assert_eq!(totals(&one), totals(&two));
            proptest::prop_assert_eq!(
                one.payables.iter().map(|(n, g)| (*n, g.total_minor)).collect::<Vec<_>>(),
                two.payables.iter().map(|(n, g)| (*n, g.total_minor)).collect::<Vec<_>>()
            );
            proptest::prop_assert!(one.payables.iter().all(|(_, g)| g.total_minor > 0));
        }
    }
}
