//! What of somebody who has died is paid to the heir.
//!
//! Reads: the lines that a list determines or carries for one beneficiary, and the last month that is due.
//! Gives: which of them go to the heir, and what of carried ones has to be taken off them. Months after the death
//! are nobody's. What the person was paid too much stays where it was, and takes nothing off what the heir is paid.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::EnrolmentNo;
use crate::domain::period::Period;
use crate::pipeline::assemble::DueLine;

/// What is determined once and may be changed later, of one enrolment.
pub type Determined = (EnrolmentNo, Period, String, String);

pub fn determined(line: &DueLine) -> Determined {
    (line.enrolment, line.period, line.benefit.clone(), line.component.clone())
}

/// Whether a carried payable goes to the heir: months up to the death come to something in it.
pub fn is_inherited(lines: &[DueLine], last_month: Period) -> bool {
    let due = lines.iter().filter(|line| line.period <= last_month);
    due.map(|line| i128::from(line.amount_minor)).sum::<i128>() > 0
}

/// What stands in a carried payable of months after the death: a place at which it stands, and how much. Of a month
/// in which part was taken off another only the rest is there.
pub fn after_the_death(lines: &[DueLine], last_month: Period) -> Vec<(usize, i64)> {
    let mut months: BTreeMap<Period, i64> = BTreeMap::new();
    let mut sums: BTreeMap<Determined, (usize, i64)> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.period > last_month) {
        *months.entry(line.period).or_default() += line.amount_minor;
        sums.entry(determined(line)).or_insert((at, 0)).1 += line.amount_minor;
    }
    let mut found = Vec::new();
    for (of, (at, sum)) in sums {
        let left = months.entry(of.1).or_default();
        let part = sum.min(*left);
        if part > 0 {
            *left -= part;
            found.push((at, part));
        }
    }
    found
}

/// The places of the new lines of a list that go to the heir. `carried` is what goes there of earlier lists. All lines
/// are of one payee, one beneficiary and one fund.
pub fn inherited(
    lines: &[&DueLine],
    carried: &BTreeSet<Determined>,
    last_month: Period,
) -> BTreeSet<usize> {
    let lowers_it = |line: &DueLine| line.amount_minor < 0 && carried.contains(&determined(line));
    let mut sums: BTreeMap<Period, i128> = BTreeMap::new();
    for line in lines.iter().filter(|line| !lowers_it(line)) {
        *sums.entry(line.period).or_default() += i128::from(line.amount_minor);
    }
    let is_due = |line: &DueLine| line.period <= last_month && sums[&line.period] >= 0;
    (0..lines.len()).filter(|at| lowers_it(lines[*at]) || is_due(lines[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::assemble::tests::of;

    fn last() -> Period {
        "2026-10".parse().unwrap()
    }

    /// Death in October; the amounts of the new lines that go to the heir, beside what is carried there.
    #[track_caller]
    fn check(lines: &[DueLine], carried: &[DueLine], to_the_heir: &[i64]) {
        let lines: Vec<&DueLine> = lines.iter().collect();
        let found = inherited(&lines, &carried.iter().map(determined).collect(), last());
        let amounts: Vec<i64> = found.into_iter().map(|at| lines[at].amount_minor).collect();
        assert_eq!(amounts, to_the_heir);
    }

    #[test]
    fn what_is_due_up_to_the_month_of_death_goes_to_the_heir() {
        check(&[], &[], &[]);
        check(&[of("2026-10", 500)], &[], &[500]);
        check(&[of("2026-11", 500)], &[], &[]);
        check(&[of("2026-09", 40), of("2026-10", 500), of("2026-11", 501)], &[], &[40, 500]);
    }

    #[test]
    fn what_was_paid_too_much_takes_nothing_off_what_the_heir_is_paid() {
        check(&[of("2026-09", -100), of("2026-10", 500)], &[], &[500]);
        check(&[of("2026-11", -500), of("2026-10", 500)], &[], &[500]);
        // A month that came to less under one name and to more under another is one month.
        let other = DueLine { benefit: "k7".to_owned(), ..of("2026-09", 540) };
        check(&[of("2026-09", -500), other.clone()], &[], &[-500, 540]);
        check(&[of("2026-09", -600), other], &[], &[]);
    }

    #[test]
    fn what_lowers_money_that_goes_to_the_heir_goes_with_it() {
        let (october, november) = (of("2026-10", 500), of("2026-11", 510));
        check(&[of("2026-10", -100)], std::slice::from_ref(&october), &[-100]);
        check(&[of("2026-11", -510)], &[october, november.clone()], &[-510]);
        check(&[of("2026-11", -510)], &[], &[]);
        check(&[of("2026-11", 30)], &[november], &[]);
    }

    #[test]
    fn a_carried_payable_goes_when_months_up_to_the_death_come_to_something_in_it() {
        #[track_caller]
        fn check(lines: &[DueLine], goes: bool, after: &[i64]) {
            assert_eq!(is_inherited(lines, last()), goes);
            let found = after_the_death(lines, last());
            assert_eq!(found.into_iter().map(|(_, sum)| sum).collect::<Vec<_>>(), after);
        }
        let (october, november) = (of("2026-10", 500), of("2026-11", 510));
        check(&[october.clone(), november.clone()], true, &[510]);
        check(std::slice::from_ref(&november), false, &[510]);
        // Part of an earlier month was taken off at once.
        check(&[of("2026-09", -100), october.clone()], true, &[]);
        check(&[of("2026-10", -100), november.clone()], false, &[510]);
        let arrears = DueLine { revision: 1, ..of("2026-11", 70) };
        check(&[october.clone(), november.clone(), arrears], true, &[580]);
        // Part of the month was taken off for what had been paid under another name.
        let less = DueLine { benefit: "k7".to_owned(), ..of("2026-11", -300) };
        check(&[october.clone(), less, november.clone()], true, &[210]);
        // It was taken off before.
        check(&[october, november, DueLine { revision: 2, ..of("2026-11", -510) }], true, &[]);
    }

    proptest::proptest! {
        #[test]
        fn no_later_month_goes_and_no_month_takes_from_another(
            rows in proptest::collection::vec((1_u8..9, -500_i64..900, 0_u8..3), 0..14),
            last in 1_u8..9,
        ) {
            let lines: Vec<DueLine> = rows.iter().map(|(month, amount, benefit)| {
                DueLine { benefit: format!("k{benefit}"), ..of(&format!("2026-0{month}"), *amount) }
            }).collect();
            let lines: Vec<&DueLine> = lines.iter().collect();
            let last: Period = format!("2026-0{last}").parse().unwrap();
            let found = inherited(&lines, &BTreeSet::new(), last);
            let mut sums: BTreeMap<Period, i64> = BTreeMap::new();
            for at in &found {
                *sums.entry(lines[*at].period).or_default() += lines[*at].amount_minor;
            }
            for (month, sum) in sums {
                proptest::prop_assert!(month <= last && sum >= 0);
            }
            // What nothing stands against goes.
            if lines.iter().all(|line| line.period <= last && line.amount_minor >= 0) {
                proptest::prop_assert_eq!(found.len(), lines.len());
            }
        }
    }
}
