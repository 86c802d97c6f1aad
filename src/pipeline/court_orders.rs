//! How much of a payment is kept back for orders of courts, and for which.
//!
//! Reads: what a payment comes to month by month, which of it may be attached, and the orders against the
//! beneficiary. Gives: what is kept back for each order of each month. Every month of benefits stands for
//! itself: what was kept back of a payment that did not arrive is kept back again when its lines are paid on
//! a later list, and of no month is more kept back because several are paid at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::court_order::{Measure, Rank};
use crate::domain::period::Period;
use crate::pipeline::assemble::DueLine;

const WHOLE: i128 = 1_000_000;

/// The benefits of which an order may take, as programme and benefit. None where none is named: a benefit is
/// not attachable unless the law and the office say so.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Attachable(BTreeSet<(String, String)>);

impl Attachable {
    pub fn new(benefits: impl IntoIterator<Item = (String, String)>) -> Attachable {
        Attachable(benefits.into_iter().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }

    fn holds(&self, line: &DueLine) -> bool {
        let is_it = |one: &(String, String)| one.0 == line.programme && one.1 == line.benefit;
        self.0.iter().any(is_it)
    }
}

/// What a payment comes to, before anything is kept back for orders.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Payment {
    months: BTreeMap<Period, MonthDue>,
    /// What would be paid; less than the lines where the list sets something off.
    total_minor: i64,
    /// So much the office pays whatever is owed.
    floor_minor: i64,
}

/// What the lines of one month come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct MonthDue {
    attachable_minor: i64,
    all_minor: i64,
}

impl Payment {
    pub fn of<'a>(
        lines: impl IntoIterator<Item = &'a DueLine>,
        attachable: &Attachable,
        total_minor: i64,
        floor_minor: i64,
    ) -> Payment {
        let mut months: BTreeMap<Period, MonthDue> = BTreeMap::new();
        for line in lines {
            let month = months.entry(line.period).or_default();
            month.all_minor = month.all_minor.saturating_add(line.amount_minor);
            if attachable.holds(line) {
                month.attachable_minor = month.attachable_minor.saturating_add(line.amount_minor);
            }
        }
        Payment { months, total_minor, floor_minor }
    }
}

/// An order while it is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serving {
    pub order: i64,
    pub rank: Rank,
    pub measure: Measure,
    pub first: Period,
    pub last: Option<Period>,
    pub share_max_millionths: u32,
    pub floor_minor: i64,
    /// What is left of its total, where it has one.
    pub left_minor: Option<i64>,
    /// What other payments keep back for it, by the month of the benefits.
    pub kept: BTreeMap<Period, i64>,
}

impl Serving {
    /// What it wants of a month of which so much may be attached.
    fn wants(&self, period: Period, attachable_minor: i64) -> i64 {
        if period < self.first || self.last.is_some_and(|last| period > last) {
            return 0;
        }
        let of_month = match self.measure {
            Measure::Monthly { amount_minor } => {
                amount_minor - self.kept.get(&period).copied().unwrap_or(0)
            }
            Measure::Share { millionths } => share(attachable_minor, millionths),
        };
        self.left_minor.map_or(of_month, |left| of_month.min(left))
    }
}

/// Part of what a payment is lowered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    pub order: i64,
    pub period: Period,
    /// Positive.
    pub amount_minor: i64,
}

/// What is kept back of one payment.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeptForOrders {
    pub parts: Vec<Kept>,
    /// The highest floor of those orders: nothing else takes the payment below it.
    pub floor_minor: i64,
}

impl KeptForOrders {
    pub fn total_minor(&self) -> i64 {
        self.parts.iter().map(|part| part.amount_minor).sum()
    }
}

/// Keeps back of one payment for the orders, in the order of their ranks, and lowers what is left of each.
///
/// An order takes of the months for which it holds, and of their attachable benefits alone. What is kept back
/// of a month, with what orders before it took, passes neither its largest share nor its floor; and neither
/// the floor of any order that was served nor the office's is paid less than. What that does not cover is
/// not caught up later: a share of nothing is nothing.
pub fn keep_back(payment: &Payment, orders: &mut [Serving]) -> KeptForOrders {
    orders.sort_by_key(|one| one.rank);
    let mut found = KeptForOrders::default();
    let mut left = payment.total_minor;
    // By month: what was kept back for the orders before, and the highest floor of those.
    let mut taken: BTreeMap<Period, (i64, i64)> = BTreeMap::new();
    for order in orders {
        for (period, month) in &payment.months {
            let (before, floor_before) = taken.get(period).copied().unwrap_or_default();
            let by_share = share(month.attachable_minor, order.share_max_millionths) - before;
            let by_floor = month.all_minor - floor_before.max(order.floor_minor) - before;
            let floor = payment.floor_minor.max(order.floor_minor).max(found.floor_minor);
            // Something is always paid.
            let of_payment = (left - floor).min(left - 1);
            let wanted = order.wants(*period, month.attachable_minor);
            let amount_minor = wanted.min(by_share).min(by_floor).min(of_payment);
            if amount_minor <= 0 {
                continue;
            }
            left -= amount_minor;
            taken.insert(*period, (before + amount_minor, floor_before.max(order.floor_minor)));
            found.floor_minor = found.floor_minor.max(order.floor_minor);
            *order.kept.entry(*period).or_default() += amount_minor;
            if let Some(of_total) = &mut order.left_minor {
                *of_total -= amount_minor;
            }
            found.parts.push(Kept { order: order.order, period: *period, amount_minor });
        }
    }
    found
}

/// Rounded down, in the debtor's favour; of less than nothing it is nothing.
fn share(minor: i64, millionths: u32) -> i64 {
    let part = i128::from(minor.max(0)) * i128::from(millionths) / WHOLE;
    i64::try_from(part).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::court_order::{CourtTerms, CreditorPlace};
    use jiff::civil::date;

    fn month(text: &str) -> Period {
        text.parse().unwrap()
    }

    fn rank(is_maintenance: bool, number: i64) -> Rank {
        let terms = CourtTerms {
            authority: "a".to_owned(),
            decision_no: "1".to_owned(),
            decided_on: date(2026, 8, 5),
            creditor: "c".to_owned(),
            place: CreditorPlace::Account("1".to_owned()),
            is_maintenance,
            measure: Measure::Monthly { amount_minor: 1 },
            total_minor: None,
            first: month("2026-10"),
            last: None,
            share_max_millionths: 300_000,
            floor_minor: 0,
        };
        terms.rank(number)
    }

    /// Three in ten at most, from October on, without an end.
    fn monthly(number: i64, amount_minor: i64) -> Serving {
        Serving {
            order: number,
            rank: rank(false, number),
            measure: Measure::Monthly { amount_minor },
            first: month("2026-10"),
            last: None,
            share_max_millionths: 300_000,
            floor_minor: 0,
            left_minor: None,
            kept: BTreeMap::new(),
        }
    }

    fn of_share(number: i64, millionths: u32) -> Serving {
        Serving { measure: Measure::Share { millionths }, ..monthly(number, 0) }
    }

    /// Months with what may be attached and what may not; all of it is paid.
    fn payment(months: &[(&str, i64, i64)]) -> Payment {
        let due = |(period, attachable, other): &(&str, i64, i64)| {
            let all_minor = attachable + other;
            (month(period), MonthDue { attachable_minor: *attachable, all_minor })
        };
        let months: BTreeMap<Period, MonthDue> = months.iter().map(due).collect();
        let total_minor = months.values().map(|one| one.all_minor).sum();
        Payment { months, total_minor, floor_minor: 0 }
    }

    /// `1 of 2026-10: 150`.
    #[track_caller]
    fn check(payment: &Payment, mut orders: Vec<Serving>, expected: &[&str]) {
        let found = keep_back(payment, &mut orders);
        let told: Vec<String> = found
            .parts
            .iter()
            .map(|part| format!("{} of {}: {}", part.order, part.period, part.amount_minor))
            .collect();
        assert_eq!(told, expected, "{payment:?}");
    }

    #[test]
    fn an_order_takes_no_more_than_its_amount_its_share_and_what_is_above_its_floor() {
        let october = payment(&[("2026-10", 1_000, 0)]);
        check(&october, vec![monthly(1, 150)], &["1 of 2026-10: 150"]);
        check(&october, vec![monthly(1, 400)], &["1 of 2026-10: 300"]);
        check(&october, vec![of_share(1, 250_000)], &["1 of 2026-10: 250"]);
        check(&payment(&[("2026-10", 999, 0)]), vec![of_share(1, 333_333)], &["1 of 2026-10: 299"]);
        for (floor, expected) in [(800, 200), (999, 1), (700, 300)] {
            let with = Serving { floor_minor: floor, ..monthly(1, 400) };
            check(&october, vec![with], &[&format!("1 of 2026-10: {expected}")]);
        }
        check(&october, vec![Serving { floor_minor: 1_000, ..monthly(1, 400) }], &[]);
        let office = Payment { floor_minor: 900, ..october.clone() };
        check(&office, vec![monthly(1, 400)], &["1 of 2026-10: 100"]);
        // What may not be attached leaves the floor, and is no part of the share.
        let mixed = payment(&[("2026-10", 400, 600)]);
        let with = Serving { floor_minor: 900, ..monthly(1, 500) };
        check(&mixed, vec![with], &["1 of 2026-10: 100"]);
        check(&mixed, vec![monthly(1, 500)], &["1 of 2026-10: 120"]);
        check(&payment(&[("2026-10", 0, 1_000)]), vec![monthly(1, 500)], &[]);
    }

    #[test]
    fn an_order_holds_for_its_months_and_up_to_its_total() {
        let three = payment(&[("2026-09", 1_000, 0), ("2026-10", 1_000, 0), ("2026-11", 1_000, 0)]);
        check(&three, vec![monthly(1, 150)], &["1 of 2026-10: 150", "1 of 2026-11: 150"]);
        let one = Serving { last: Some(month("2026-10")), ..monthly(1, 150) };
        check(&three, vec![one], &["1 of 2026-10: 150"]);
        let total = Serving { left_minor: Some(200), ..monthly(1, 150) };
        check(&three, vec![total], &["1 of 2026-10: 150", "1 of 2026-11: 50"]);
        check(&three, vec![Serving { left_minor: Some(0), ..monthly(1, 150) }], &[]);
        // Another payment of the month gave some of it.
        let some = Serving { kept: BTreeMap::from([(month("2026-11"), 120)]), ..monthly(1, 150) };
        check(&three, vec![some], &["1 of 2026-10: 150", "1 of 2026-11: 30"]);
    }

    #[test]
    fn orders_are_served_by_rank_within_the_largest_share_and_above_every_floor() {
        let october = payment(&[("2026-10", 1_000, 0)]);
        let maintenance = Serving { rank: rank(true, 2), ..monthly(2, 200) };
        let both = ["2 of 2026-10: 200", "1 of 2026-10: 100"];
        check(&october, vec![monthly(1, 150), maintenance.clone()], &both);
        check(&october, vec![maintenance.clone(), monthly(1, 150)], &both);
        check(&october, vec![monthly(1, 300), monthly(2, 300)], &["1 of 2026-10: 300"]);
        // What a wider share of the second leaves is above the floor of the first.
        let first = Serving { floor_minor: 650, ..monthly(1, 200) };
        let second = Serving { share_max_millionths: 500_000, ..monthly(2, 400) };
        let both = ["1 of 2026-10: 200", "2 of 2026-10: 150"];
        check(&october, vec![first, second.clone()], &both);
        // One that cannot be served protects nothing.
        let none = Serving { floor_minor: 1_000, ..monthly(1, 200) };
        check(&october, vec![none, second], &["2 of 2026-10: 400"]);
    }

    #[test]
    fn what_the_list_sets_off_leaves_less_above_the_floors() {
        let less = Payment { total_minor: 100, ..payment(&[("2026-10", 1_000, 0)]) };
        check(&less, vec![monthly(1, 300)], &["1 of 2026-10: 99"]);
        let with = Serving { floor_minor: 40, ..monthly(1, 300) };
        check(&less, vec![with], &["1 of 2026-10: 60"]);
        // A month of which less than nothing is left gives nothing.
        let lowered = payment(&[("2026-10", -160, 0), ("2026-11", 1_000, 0)]);
        check(&lowered, vec![monthly(1, 300)], &["1 of 2026-11: 300"]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_paid_stays_above_every_floor_and_no_order_takes_more_than_it_may(
            months in proptest::collection::btree_map(
                1_i8..12, (0_i64..5_000_000, -200_000_i64..3_000_000), 1..5,
            ),
            orders in proptest::collection::vec(
                (
                    proptest::option::of(1_i64..2_000_000), 1_u32..999_999, 1_u32..999_999,
                    0_i64..2_000_000, proptest::option::of(1_i64..3_000_000), 1_i8..12,
                    proptest::bool::ANY,
                ),
                0..5,
            ),
            set_off in 0_i64..3_000_000, office_floor in 0_i64..2_000_000, rotate in 0_usize..5,
        ) {
            let months: BTreeMap<Period, MonthDue> = months.into_iter().map(|(at, (mine, other))| {
                let due = MonthDue { attachable_minor: mine, all_minor: mine + other };
                (Period::new(2026, at).unwrap(), due)
            }).collect();
            let sum: i64 = months.values().map(|one| one.all_minor).sum();
            let total_minor = (sum - set_off).max(1);
            let payment = Payment { months, total_minor, floor_minor: office_floor };
            let serving: Vec<Serving> = orders.iter().zip(1..).map(|(one, number)| {
                let (amount, wanted, most, floor, total, first, is_maintenance) = *one;
                Serving {
                    rank: rank(is_maintenance, number),
                    measure: match amount {
                        Some(amount_minor) => Measure::Monthly { amount_minor },
                        None => Measure::Share { millionths: wanted },
                    },
                    first: Period::new(2026, first).unwrap(),
                    share_max_millionths: most,
                    floor_minor: floor,
                    left_minor: total,
                    ..monthly(number, 0)
                }
            }).collect();
            let mut served = serving.clone();
            let found = keep_back(&payment, &mut served);
            let kept = found.total_minor();
            let paid = payment.total_minor - kept;
            proptest::prop_assert!(paid > 0);
            proptest::prop_assert!(kept == 0 || (paid >= office_floor && paid >= found.floor_minor));
            for one in &serving {
                let of_order: Vec<&Kept> =
                    found.parts.iter().filter(|part| part.order == one.order).collect();
                let sum: i64 = of_order.iter().map(|part| part.amount_minor).sum();
                let after = served.iter().find(|other| other.order == one.order).unwrap();
                proptest::prop_assert!(of_order.iter().all(|part| part.amount_minor > 0));
                proptest::prop_assert!(one.left_minor.is_none_or(|left| sum <= left));
                // Nothing is lost between what is taken and what is remembered of it.
                proptest::prop_assert_eq!(after.kept.values().sum::<i64>(), sum);
                proptest::prop_assert_eq!(
                    after.left_minor.map(|left| left + sum), one.left_minor
                );
                for part in of_order {
                    let due = payment.months[&part.period];
                    // No order that comes before another takes of the month what is that one's share.
                    let so_far: i64 = found.parts.iter()
                        .take_while(|other| *other != part)
                        .filter(|other| other.period == part.period)
                        .map(|other| other.amount_minor).sum::<i64>() + part.amount_minor;
                    proptest::prop_assert!(part.period >= one.first);
                    proptest::prop_assert!(
                        so_far <= share(due.attachable_minor, one.share_max_millionths)
                    );
                    proptest::prop_assert!(due.all_minor - so_far >= one.floor_minor);
                    match one.measure {
                        Measure::Monthly { amount_minor } => {
                            proptest::prop_assert!(part.amount_minor <= amount_minor);
                        }
                        Measure::Share { millionths } => proptest::prop_assert!(
                            part.amount_minor <= share(due.attachable_minor, millionths)
                        ),
                    }
                }
            }
            let mut turned = serving.clone();
            if !turned.is_empty() {
                let by = rotate % turned.len();
                turned.rotate_left(by);
            }
            turned.reverse();
            proptest::prop_assert_eq!(keep_back(&payment, &mut turned), found);
        }
    }
}
