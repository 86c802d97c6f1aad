//! What a list finds to be too much: taken off the same payment while that is within the policy, and otherwise
//! money to be got back, so that the month is paid.
//!
//! Reads: the lines of one group, the policy, and what orders of courts keep back first. Gives: which of them are no part of the payment, and how
//! much is taken off what is left. What lowers money that is not paid is taken off nothing else; what is
//! carried and was lowered so stays where it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{EnrolmentNo, PayableNo};
use crate::domain::period::Period;
use crate::pipeline::assemble::{AssembleError, DueLine};
use crate::pipeline::recover::RecoveryPolicy;

/// What orders of courts keep back of the lines of one group that come to so much, before anything else is.
pub type KeptFirst<'a> = dyn Fn(&[&DueLine], i64) -> (i64, i64) + 'a;

/// A claim without its revision.
pub(super) type Claimed<'a> = (EnrolmentNo, Period, &'a str, &'a str);

pub(super) fn claimed(line: &DueLine) -> Claimed<'_> {
    (line.enrolment, line.period, &line.benefit, &line.component)
}

/// How the lines of one group part.
#[derive(Default)]
pub(super) struct Parted {
    /// The places of the lines that become money to be got back.
    pub overpaid: BTreeSet<usize>,
    /// What months that were overpaid take off the payment at once.
    pub taken_minor: i64,
}

/// Parts the lines of one group. `stays` are payables of earlier lists that are not carried to this one: what
/// becomes money to be got back adds those that it lowers.
pub(super) fn parted(
    policy: &RecoveryPolicy,
    kept_first: &KeptFirst<'_>,
    lines: &[DueLine],
    stays: &mut BTreeSet<PayableNo>,
) -> Result<Parted, AssembleError> {
    let mut parted = Parted::default();
    if !lines.iter().any(is_lowered) {
        return Ok(parted);
    }
    loop {
        let leaves = next((policy, kept_first), lines, stays, &mut parted)?;
        if leaves.is_empty() {
            return Ok(parted);
        }
        let lowered: BTreeSet<Claimed<'_>> = leaves
            .iter()
            .map(|at| &lines[*at])
            .filter(|one| is_lowered(one))
            .map(claimed)
            .collect();
        stays.extend(
            lines
                .iter()
                .filter(|one| lowered.contains(&claimed(one)))
                .filter_map(|one| one.carried_from),
        );
        parted.overpaid.extend(leaves);
    }
}

/// A line of this list that takes from what was determined before.
pub(super) fn is_lowered(line: &DueLine) -> bool {
    line.carried_from.is_none() && line.amount_minor < 0
}

/// The next lines that are no part of the payment; none when what is left may be paid as it is.
fn next(
    (policy, kept_first): (&RecoveryPolicy, &KeptFirst<'_>),
    lines: &[DueLine],
    stays: &BTreeSet<PayableNo>,
    parted: &mut Parted,
) -> Result<BTreeSet<usize>, AssembleError> {
    let in_play: Vec<(usize, &DueLine)> = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| {
            !parted.overpaid.contains(at)
                && line.carried_from.is_none_or(|from| !stays.contains(&from))
        })
        .collect();
    let carried: BTreeSet<Claimed<'_>> = in_play
        .iter()
        .filter(|(_, line)| line.carried_from.is_some())
        .map(|(_, line)| claimed(line))
        .collect();
    let of_unpaid: BTreeSet<usize> = in_play
        .iter()
        .filter(|(_, line)| {
            is_lowered(line) && line.lowers_unpaid && !carried.contains(&claimed(line))
        })
        .map(|(at, _)| *at)
        .collect();
    if !of_unpaid.is_empty() {
        return Ok(of_unpaid);
    }
    // What is carried counts in its month where a line lowers it, and otherwise as it is.
    let lowered: BTreeSet<Claimed<'_>> =
        in_play.iter().filter(|(_, one)| is_lowered(one)).map(|(_, one)| claimed(one)).collect();
    let mut months: BTreeMap<Period, Month> = BTreeMap::new();
    let mut given: i64 = 0;
    let mut total: i64 = 0;
    for (at, line) in &in_play {
        let is_own = line.carried_from.is_none();
        total = total.checked_add(line.amount_minor).ok_or(AssembleError::SumMustFit)?;
        if !is_own && !lowered.contains(&claimed(line)) {
            given = given.checked_add(line.amount_minor).ok_or(AssembleError::SumMustFit)?;
            continue;
        }
        let month = months.entry(line.period).or_default();
        month.sum = month.sum.checked_add(line.amount_minor).ok_or(AssembleError::SumMustFit)?;
        if is_own {
            month.own_sum =
                month.own_sum.checked_add(line.amount_minor).ok_or(AssembleError::SumMustFit)?;
            month.own.push(*at);
        }
    }
    let (overpaid, others): (Vec<Month>, Vec<Month>) =
        months.into_values().partition(|month| month.sum < 0 && month.own_sum < 0);
    let sum =
        |months: &[Month]| months.iter().try_fold(0_i64, |sum, month| sum.checked_add(month.sum));
    let taken = sum(&overpaid).and_then(i64::checked_neg).ok_or(AssembleError::SumMustFit)?;
    given = sum(&others)
        .and_then(|others| given.checked_add(others))
        .ok_or(AssembleError::SumMustFit)?;
    // Orders of courts come first, and the policy is about what remains.
    let all: Vec<&DueLine> = in_play.iter().map(|(_, line)| *line).collect();
    let (kept, floor_minor) = kept_first(&all, given);
    let floor_minor = policy.floor_minor.max(floor_minor);
    let policy = RecoveryPolicy { floor_minor, ..*policy };
    if taken > policy.most(given - kept) {
        return Ok(overpaid.into_iter().flat_map(|month| month.own).collect());
    }
    parted.taken_minor = taken;
    // What is carried and comes to nothing is not carried.
    if total <= 0 && !carried.is_empty() {
        let comes_to_nothing =
            |line: &DueLine| is_lowered(line) && carried.contains(&claimed(line));
        let lines = in_play.iter().filter(|(_, line)| comes_to_nothing(line));
        return Ok(lines.map(|(at, _)| *at).collect());
    }
    Ok(BTreeSet::new())
}

/// What the lines of one month come to.
#[derive(Default)]
struct Month {
    sum: i64,
    /// Without what is carried.
    own_sum: i64,
    own: Vec<usize>,
}
