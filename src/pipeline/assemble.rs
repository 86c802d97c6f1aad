//! Turns the lines that are due to the payees of one shard into payables.
//!
//! Reads: lines, already exchanged to their payee's shard, lines carried over from closed cycles, how much
//! of a payment may be kept back, and what orders of courts keep back before. Gives: payables in a fixed order, numbered; what was too much, and is more
//! than may be taken off at once, becomes receivables. Every line is in exactly one of the two, but those of
//! carried payables that stay where they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::hold::HoldCode;
use crate::domain::ids::{
    CycleNo, DestinationNo, EnrolmentNo, IdError, PayableNo, PersonNo, Shard,
};
use crate::domain::period::Period;
use crate::domain::state::named;
pub use crate::pipeline::overpaid::KeptFirst;
use crate::pipeline::overpaid::{Claimed, Parted, claimed, is_lowered, parted};
use crate::pipeline::recover::RecoveryPolicy;

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
    /// The destination that the roster names for this enrolment, or the heir's.
    pub destination: DestinationNo,
    /// The naming by which an heir is paid in the place of the payee.
    pub heir: Option<i64>,
    /// The payable of a closed cycle from which it is carried.
    pub carried_from: Option<PayableNo>,
    /// What was determined for it before is on a payable that is not paid.
    pub lowers_unpaid: bool,
    /// A hold of this line alone: lines that have it are paid apart, so that the month's own money goes on.
    pub apart: Option<HoldCode>,
}

/// Lines that are paid together: one payee or heir, one beneficiary, one fund, one destination, and no hold
/// or the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub payee: PersonNo,
    pub beneficiary: PersonNo,
    pub fund: String,
    pub destination: DestinationNo,
    /// The naming by which an heir is paid in the place of the payee.
    pub heir: Option<i64>,
    pub apart: Option<HoldCode>,
    pub lines: Vec<DueLine>,
    /// The sum of the lines, less what is kept back for receivables.
    pub total_minor: i64,
    /// What months that were overpaid take off the others of these lines.
    pub taken_minor: i64,
}

#[derive(Default, PartialEq, Eq, Debug)]
pub struct Output {
    /// Positive groups with their numbers, in the order of the numbers.
    pub payables: Vec<(PayableNo, Group)>,
    /// Lines that come to nothing or less: their claims stand, a negative sum is owed to us.
    pub uncovered: Vec<Group>,
}

type Key = (PersonNo, PersonNo, String, DestinationNo, Option<i64>, Option<HoldCode>);

/// Groups and numbers the lines of one shard. The order of the input does not matter.
pub fn assemble(
    cycle: CycleNo,
    shard: Shard,
    lines: Vec<DueLine>,
    policy: &RecoveryPolicy,
    kept_first: &KeptFirst<'_>,
) -> Result<Output, AssembleError> {
    let mut groups: BTreeMap<Key, Vec<DueLine>> = BTreeMap::new();
    for line in lines {
        if line.payee.shard() != shard {
            return Err(AssembleError::LineMustBeInItsPayeesShard);
        }
        let (fund, destination) = (line.fund.clone(), line.destination);
        let key = (line.payee, line.beneficiary, fund, destination, line.heir, line.apart);
        groups.entry(key).or_default().push(line);
    }
    for lines in groups.values_mut() {
        lines.sort_by(|a, b| (claimed(a), a.revision).cmp(&(claimed(b), b.revision)));
    }
    let (stays, parts) = parts_of(&groups, policy, kept_first)?;
    let mut output = Output::default();
    for ((key, lines), parted) in groups.into_iter().zip(parts) {
        let (mut due, mut overpaid) = (Vec::new(), Vec::new());
        for (at, line) in lines.into_iter().enumerate() {
            if parted.overpaid.contains(&at) {
                overpaid.push(line);
            } else if line.carried_from.is_none_or(|from| !stays.contains(&from)) {
                due.push(line);
            }
        }
        for (lines, taken_minor) in [(due, parted.taken_minor), (overpaid, 0)] {
            if lines.is_empty() {
                continue;
            }
            let group = group(&key, lines, taken_minor)?;
            if group.total_minor > 0 {
                let ordinal =
                    u32::try_from(output.payables.len()).map_err(|_| AssembleError::SumMustFit)?;
                output.payables.push((PayableNo::pack(cycle, shard, ordinal)?, group));
            } else {
                output.uncovered.push(group);
            }
        }
    }
    Ok(output)
}

const NOTHING: RecoveryPolicy = RecoveryPolicy { share_max_millionths: 0, floor_minor: 0 };

/// How each group parts, and the carried payables that stay where they are.
fn parts_of(
    groups: &BTreeMap<Key, Vec<DueLine>>,
    policy: &RecoveryPolicy,
    kept_first: &KeptFirst<'_>,
) -> Result<(BTreeSet<PayableNo>, Vec<Parted>), AssembleError> {
    let mut stays = BTreeSet::new();
    loop {
        let before = stays.len();
        let mut parts = Vec::with_capacity(groups.len());
        let mut lowered: BTreeSet<Claimed<'_>> = BTreeSet::new();
        for (key, lines) in groups {
            // Of what an heir is paid nothing is taken off for what the person was paid too much.
            let policy = if key.4.is_some() { &NOTHING } else { policy };
            let parted = parted(policy, kept_first, lines, &mut stays)?;
            let overpaid = parted.overpaid.iter().map(|at| &lines[*at]);
            lowered.extend(overpaid.filter(|line| is_lowered(line)).map(claimed));
            parts.push(parted);
        }
        // Money that is held apart is another group's, and is lowered all the same.
        if !lowered.is_empty() {
            let all = groups.values().flatten().filter(|line| lowered.contains(&claimed(line)));
            stays.extend(all.filter_map(|line| line.carried_from));
        }
        if stays.len() == before {
            return Ok((stays, parts));
        }
    }
}

fn group(key: &Key, lines: Vec<DueLine>, taken_minor: i64) -> Result<Group, AssembleError> {
    let mut total_minor: i64 = 0;
    for line in &lines {
        total_minor =
            total_minor.checked_add(line.amount_minor).ok_or(AssembleError::SumMustFit)?;
    }
    let (payee, beneficiary, fund, destination, heir, apart) = key.clone();
    Ok(Group {
        payee,
        beneficiary,
        fund,
        destination,
        heir,
        apart,
        lines,
        total_minor,
        taken_minor,
    })
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
pub(super) mod tests {
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
            heir: None,
            carried_from: None,
            lowers_unpaid: false,
            apart: None,
        }
    }

    fn nothing(_: &[&DueLine], _: i64) -> (i64, i64) {
        (0, 0)
    }

    /// A fifth, and 300 are always paid.
    fn a_fifth() -> RecoveryPolicy {
        RecoveryPolicy::parse("0.20", 300).unwrap()
    }

    pub(in crate::pipeline) fn of(month: &str, amount_minor: i64) -> DueLine {
        DueLine { period: month.parse().unwrap(), ..line(1, 1, 9, amount_minor) }
    }

    fn carried(month: &str, amount_minor: i64) -> DueLine {
        let from = PayableNo::pack(CycleNo(7), Shard::new(5), 0).unwrap();
        DueLine { kind: LineKind::Carried, carried_from: Some(from), ..of(month, amount_minor) }
    }

    fn of_unpaid(line: DueLine) -> DueLine {
        DueLine { revision: 1, lowers_unpaid: true, ..line }
    }

    fn apart(line: DueLine) -> DueLine {
        DueLine { apart: Some(HoldCode::NotEntitledNow), ..line }
    }

    #[track_caller]
    fn check(lines: Vec<DueLine>, payables: &[i64], uncovered: &[i64]) {
        let output = assemble(CycleNo(1), Shard::new(5), lines, &a_fifth(), &nothing).unwrap();
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

    #[test]
    fn what_was_too_much_is_taken_off_at_once_only_within_the_policy() {
        let now = of("2026-12", 800);
        // 160 are a fifth of 800.
        check(vec![of("2026-11", -160), now.clone()], &[640], &[]);
        check(vec![of("2026-11", -161), now.clone()], &[800], &[-161]);
        let months = |each| ["2026-09", "2026-10", "2026-11"].map(|month| of(month, each));
        check([months(-270).to_vec(), vec![now.clone()]].concat(), &[800], &[-810]);
        check([months(-50).to_vec(), vec![now.clone()]].concat(), &[650], &[]);
        // A month that was too little gives, and one whose parts agree takes nothing.
        check(vec![of("2026-10", -800), of("2026-11", 270), now.clone()], &[1_070], &[-800]);
        check(vec![of("2026-11", -800), of("2026-11", 1_080), now.clone()], &[1_080], &[]);
        check(vec![of("2026-11", -600), of("2026-11", 300), now.clone()], &[800], &[-300]);
        // What is protected is paid.
        check(vec![of("2026-11", -60), of("2026-12", 350)], &[350], &[-60]);
        check(vec![of("2026-11", -50), of("2026-12", 350)], &[300], &[]);
    }

    #[test]
    fn what_a_court_keeps_back_first_leaves_less_to_be_taken_off_at_once() {
        let of_court = |lines: &[&DueLine], total: i64| {
            assert_eq!((lines.len(), total), (2, 800));
            240
        };
        // 240 are the court's, and 112 a fifth of the rest, unless the court leaves more.
        for (too_much, floor, payables, uncovered) in [
            (112, 0, vec![688], vec![]),
            (113, 0, vec![800], vec![-113]),
            (112, 448, vec![688], vec![]),
            (112, 449, vec![800], vec![-112]),
        ] {
            let lines = vec![of("2026-11", -too_much), of("2026-12", 800)];
            let found = assemble(CycleNo(1), Shard::new(5), lines, &a_fifth(), &|lines, total| {
                if lines.len() < 2 { (0, 0) } else { (of_court(lines, total), floor) }
            })
            .unwrap();
            let paid: Vec<i64> = found.payables.iter().map(|(_, one)| one.total_minor).collect();
            let owed: Vec<i64> = found.uncovered.iter().map(|one| one.total_minor).collect();
            assert_eq!((paid, owed), (payables, uncovered), "{too_much}");
        }
    }

    #[test]
    fn what_lowers_unpaid_money_is_taken_off_that_and_nothing_else() {
        let now = of("2026-12", 800);
        let less = of_unpaid(of("2026-11", -50));
        // The money is on its way, or nobody knows where.
        check(vec![less.clone(), now.clone()], &[800], &[-50]);
        let all = of_unpaid(of("2026-11", -800));
        // It is carried here, with the correction.
        check(vec![carried("2026-11", 800), less.clone(), now.clone()], &[1_550], &[]);
        check(vec![carried("2026-11", 800), all.clone(), now.clone()], &[800], &[]);
        // It is held apart, or comes to nothing: it stays where it is.
        check(vec![apart(carried("2026-11", 800)), all.clone(), now.clone()], &[800], &[-800]);
        check(vec![carried("2026-11", 800), all], &[], &[-800]);
        // Part of what was determined is carried, the rest was paid.
        let more = of_unpaid(of("2026-11", -1_070));
        check(vec![carried("2026-11", 270), more, now], &[800], &[-1_070]);
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
            let one = assemble(CycleNo(1), Shard::new(5), lines.clone(), &a_fifth(), &nothing).unwrap();
            let two = assemble(CycleNo(1), Shard::new(5), turned, &a_fifth(), &nothing).unwrap();
            proptest::prop_assert_eq!(totals(&one), lines.iter().map(|l| l.amount_minor).sum::<i64>());
            proptest::prop_assert_eq!(totals(&one), totals(&two));
            proptest::prop_assert_eq!(
                one.payables.iter().map(|(n, g)| (*n, g.total_minor)).collect::<Vec<_>>(),
                two.payables.iter().map(|(n, g)| (*n, g.total_minor)).collect::<Vec<_>>()
            );
            proptest::prop_assert!(one.payables.iter().all(|(_, g)| g.total_minor > 0));
        }

        #[test]
        fn nobody_is_paid_less_than_the_policy_allows_and_no_money_is_lost(
            rows in proptest::collection::vec((1_u8..7, -900_i64..900, 0_u8..8), 1..14),
            share in 0_u32..1_000_000, floor in 0_i64..700,
        ) {
            let policy = RecoveryPolicy { share_max_millionths: share, floor_minor: floor };
            // Within a month each line is another benefit; some are carried from one payable each.
            let lines: Vec<DueLine> = rows.iter().enumerate().map(|(at, (month, amount, how))| {
                let benefit = format!("k{at}");
                let line = DueLine { benefit, ..of(&format!("2026-0{month}"), *amount) };
                match how {
                    0 => DueLine {
                        amount_minor: amount.abs() + 1,
                        carried_from: Some(PayableNo::pack(CycleNo(7), Shard::new(5), at as u32).unwrap()),
                        ..line
                    },
                    1 => of_unpaid(line),
                    _ => line,
                }
            }).collect();
            let output = assemble(CycleNo(1), Shard::new(5), lines.clone(), &policy, &nothing).unwrap();
            let groups = output.payables.iter().map(|(_, group)| group).chain(&output.uncovered);
            let after: i64 = groups.map(|group| group.total_minor).sum();
            proptest::prop_assert_eq!(after, lines.iter().map(|line| line.amount_minor).sum::<i64>());
            proptest::prop_assert!(output.uncovered.iter().all(|group| group.total_minor <= 0));
            for (_, group) in &output.payables {
                let due = group.total_minor + group.taken_minor;
                proptest::prop_assert!(group.taken_minor <= policy.most(due));
                proptest::prop_assert!(group.taken_minor == 0 || group.total_minor >= floor);
                let mut months: BTreeMap<Period, i64> = BTreeMap::new();
                for line in group.lines.iter().filter(|line| line.carried_from.is_none()) {
                    *months.entry(line.period).or_default() += line.amount_minor;
                    proptest::prop_assert!(!line.lowers_unpaid || line.amount_minor >= 0);
                }
                let taken: i64 = months.values().filter(|sum| **sum < 0).map(|sum| -sum).sum();
                proptest::prop_assert_eq!(taken, group.taken_minor);
            }
        }
    }
}
