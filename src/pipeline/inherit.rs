//! Which lines of somebody who has died are paid to the heir.
//!
//! Reads: the lines that a list determines or carries for one beneficiary, and the last month that is due.
//! Gives: those that go to the heir, and what has to be taken off them. Months after the death are nobody's; where
//! they stand in one payable with earlier ones it goes to the heir only when the list takes them off again. A month
//! that was paid too much is what the person owed: it stays where it was, and takes nothing off what the heir is paid.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{EnrolmentNo, PayableNo};
use crate::domain::period::Period;
use crate::pipeline::assemble::DueLine;

/// What stays or goes as a whole: the lines of one carried payable, or one line that is new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whole {
    Carried(PayableNo),
    New(usize),
}

fn whole(at: usize, line: &DueLine) -> Whole {
    line.carried_from.map_or(Whole::New(at), Whole::Carried)
}

/// The places of the lines that go to the heir. All lines are of one payee, one beneficiary and one fund.
pub fn inherited(lines: &[&DueLine], last_month: Period) -> BTreeSet<usize> {
    let mut stays: BTreeSet<Whole> = BTreeSet::new();
    loop {
        let goes = |at: &usize| !stays.contains(&whole(*at, lines[*at]));
        let mut sums: BTreeMap<Period, i128> = BTreeMap::new();
        for line in (0..lines.len()).filter(goes).map(|at| lines[at]) {
            *sums.entry(line.period).or_default() += i128::from(line.amount_minor);
        }
        let is_due = |month: Period| match month <= last_month {
            true => sums.get(&month).is_none_or(|sum| *sum >= 0),
            false => sums.get(&month).is_none_or(|sum| *sum == 0),
        };
        let leave: BTreeSet<Whole> = (0..lines.len())
            .filter(goes)
            .filter(|at| !is_due(lines[*at].period))
            .map(|at| whole(at, lines[at]))
            .collect();
        if leave.is_empty() {
            return (0..lines.len()).filter(goes).collect();
        }
        stays.extend(leave);
    }
}

/// What has to be taken off so that carried payables in which later months stand beside due ones can go to the
/// heir: for each claim a place at which it stands, and how much of it is carried. A month of which the list
/// determines anything is the law's.
pub fn taken_off(lines: &[&DueLine], last_month: Period) -> Vec<(usize, i64)> {
    let (mut due, mut after): (BTreeSet<PayableNo>, BTreeSet<PayableNo>) = Default::default();
    for line in lines {
        let side = if line.period <= last_month { &mut due } else { &mut after };
        side.extend(line.carried_from);
    }
    if due.is_disjoint(&after) {
        return Vec::new();
    }
    let by_law: BTreeSet<(EnrolmentNo, Period)> = lines
        .iter()
        .filter(|line| line.carried_from.is_none())
        .map(|line| (line.enrolment, line.period))
        .collect();
    let mut sums: BTreeMap<(EnrolmentNo, Period, &str, &str), (usize, i64)> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.period > last_month) {
        if !by_law.contains(&(line.enrolment, line.period)) {
            let key = (line.enrolment, line.period, line.benefit.as_str(), line.component.as_str());
            sums.entry(key).or_insert((at, 0)).1 += line.amount_minor;
        }
    }
    sums.into_values().filter(|(_, sum)| *sum > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{CycleNo, Shard};
    use crate::pipeline::assemble::LineKind;
    use crate::pipeline::assemble::tests::of;

    fn carried(from: u32, month: &str, amount_minor: i64) -> DueLine {
        let from = PayableNo::pack(CycleNo(7), Shard::new(5), from).unwrap();
        DueLine { kind: LineKind::Carried, carried_from: Some(from), ..of(month, amount_minor) }
    }

    /// Death in October; the amounts of the lines that go to the heir.
    #[track_caller]
    fn check(lines: &[DueLine], to_the_heir: &[i64]) {
        let lines: Vec<&DueLine> = lines.iter().collect();
        let found = inherited(&lines, "2026-10".parse().unwrap());
        let amounts: Vec<i64> = found.into_iter().map(|at| lines[at].amount_minor).collect();
        assert_eq!(amounts, to_the_heir);
    }

    #[test]
    fn what_is_due_up_to_the_month_of_death_goes_to_the_heir() {
        check(&[], &[]);
        check(&[of("2026-10", 500)], &[500]);
        check(&[of("2026-11", 500)], &[]);
        check(&[carried(1, "2026-09", 400), of("2026-10", 500), of("2026-11", 501)], &[400, 500]);
        check(&[carried(1, "2026-11", 400)], &[]);
    }

    #[test]
    fn a_later_month_in_one_payable_with_an_earlier_one_keeps_both_until_it_is_taken_off() {
        let both = [carried(1, "2026-10", 500), carried(1, "2026-11", 510)];
        check(&both, &[]);
        let [october, november] = both.clone();
        check(&[october.clone(), november.clone(), of("2026-11", -510)], &[500, 510, -510]);
        // Only part of it is taken off, or more than that.
        check(&[october.clone(), november.clone(), of("2026-11", -500)], &[]);
        check(&[october.clone(), november.clone(), of("2026-11", -900)], &[]);
        // One that stays keeps whatever stands on it.
        let other = carried(2, "2026-11", 70);
        check(
            &[october.clone(), november.clone(), other.clone(), of("2026-11", -580)],
            &[500, 510, 70, -580],
        );
        let december = carried(2, "2026-12", 9);
        let all =
            [october, november, other, december, of("2026-11", -580), carried(3, "2026-09", 3)];
        check(&all, &[3]);
    }

    #[test]
    fn later_months_are_taken_off_once_where_they_stand_beside_due_ones() {
        #[track_caller]
        fn check(lines: &[DueLine], off: &[(&str, i64)]) {
            let lines: Vec<&DueLine> = lines.iter().collect();
            let found = taken_off(&lines, "2026-10".parse().unwrap());
            let told = found.into_iter().map(|(at, sum)| (lines[at].period.to_string(), sum));
            let off = off.iter().map(|(month, sum)| ((*month).to_owned(), *sum));
            assert_eq!(told.collect::<Vec<_>>(), off.collect::<Vec<_>>());
        }
        let both = [carried(1, "2026-10", 500), carried(1, "2026-11", 510)];
        let [october, november] = both.clone();
        check(&both, &[("2026-11", 510)]);
        // Alone it stays, and is held.
        check(&[november.clone(), carried(2, "2026-10", 500)], &[]);
        // The same month in two payables is taken off once.
        let arrears = DueLine { revision: 1, ..carried(2, "2026-11", 70) };
        check(&[october.clone(), november.clone(), arrears], &[("2026-11", 580)]);
        let other = DueLine { benefit: "k7".to_owned(), ..carried(1, "2026-11", 70) };
        check(&[october.clone(), november.clone(), other], &[("2026-11", 510), ("2026-11", 70)]);
        // Taken off before, or of this list's law.
        let before = carried(1, "2026-11", -510);
        check(&[october.clone(), november.clone(), before], &[]);
        check(&[october, november, of("2026-11", -100)], &[]);
    }

    #[test]
    fn what_was_paid_too_much_takes_nothing_off_what_the_heir_is_paid() {
        check(&[of("2026-09", -100), of("2026-10", 500)], &[500]);
        check(
            &[carried(1, "2026-09", 400), of("2026-09", -100), of("2026-10", 500)],
            &[400, -100, 500],
        );
        check(&[of("2026-11", -500), of("2026-10", 500)], &[500]);
    }

    proptest::proptest! {
        #[test]
        fn no_later_month_is_paid_and_no_month_is_less_than_nothing(
            rows in proptest::collection::vec((1_u8..9, -500_i64..900, 0_u32..6), 0..14),
            last in 1_u8..9,
        ) {
            let lines: Vec<DueLine> = rows.iter().map(|(month, amount, from)| {
                let month = format!("2026-0{month}");
                match from {
                    0 | 1 => of(&month, *amount),
                    _ => carried(*from, &month, amount.abs() + 1),
                }
            }).collect();
            let lines: Vec<&DueLine> = lines.iter().collect();
            let last: Period = format!("2026-0{last}").parse().unwrap();
            let found = inherited(&lines, last);
            let mut sums: BTreeMap<Period, i64> = BTreeMap::new();
            for at in &found {
                *sums.entry(lines[*at].period).or_default() += lines[*at].amount_minor;
            }
            for (month, sum) in sums {
                let is_due = if month > last { sum == 0 } else { sum >= 0 };
                proptest::prop_assert!(is_due);
            }
            // A carried payable is not parted, and what nothing stands against goes.
            for (at, line) in lines.iter().enumerate() {
                let together = lines.iter().enumerate().filter(|(_, one)| {
                    line.carried_from.is_some() && one.carried_from == line.carried_from
                });
                for (other, _) in together {
                    proptest::prop_assert_eq!(found.contains(&at), found.contains(&other));
                }
            }
            if lines.iter().all(|line| line.period <= last && line.amount_minor >= 0) {
                proptest::prop_assert_eq!(found.len(), lines.len());
            }
        }
    }
}
