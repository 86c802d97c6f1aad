//! Rules that reach across the enrolments of one person: only the highest, once each, one scheme
//! instead of another.
//!
//! Reads: what each enrolment is owed for one month. Gives: the same, where those that must give
//! way are nil with the clause that says why. A held enrolment takes no part: what is certain is
//! paid, and the difference follows when the held one is decided. What was determined for a month under an
//! enrolment that is held, or not asked about, does: it is paid.
//!
//! Ties are broken by, in this order: the higher amount, what was determined for the month before, fewer
//! decisions, the earlier decision date, the benefit that stands first in the pack, the lower enrolment key. The order of rows never
//! decides.

use std::cmp::{Ordering, Reverse};

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::evaluate::Month;
use crate::rules::law::LawBook;
use crate::rules::pack::{BenefitId, ClauseId, CombinationKind, is_listed};
use crate::rules::question::{EnrolmentCase, Unasked};

/// Who may have to give way, or make others do so.
#[derive(Clone, Copy, Debug)]
pub struct Claimant {
    pub benefit: BenefitId,
    /// Something was determined under it for the month: among equals it stays.
    pub was_paid: bool,
    /// The day of the decision on which the month rests.
    pub decided: Option<Date>,
    key: u64,
}

impl From<&EnrolmentCase<'_>> for Claimant {
    fn from(one: &EnrolmentCase<'_>) -> Claimant {
        Claimant { benefit: one.benefit, was_paid: false, decided: one.decision_date, key: one.key }
    }
}

impl From<&Unasked<'_>> for Claimant {
    fn from(one: &Unasked<'_>) -> Claimant {
        Claimant { benefit: one.benefit, was_paid: false, decided: None, key: one.key }
    }
}

/// Lets combination rules make months nil. `months` runs parallel to `enrolments`.
pub fn combine(book: &LawBook<'_>, period: Period, enrolments: &[Claimant], months: &mut [Month]) {
    if enrolments.len() < 2 {
        return;
    }
    let Some(law) = book.law(period) else { return };
    for at in &law.combinations {
        let rule = &book.pack().combinations[*at];
        let side = |which: usize| rule.sides.get(which).map_or(&[][..], Vec::as_slice);
        match rule.kind {
            CombinationKind::HighestOnly => {
                let members = members(enrolments, months, side(0));
                if members.len() > 1 {
                    let kept = highest(&members, &rule.may_add);
                    give_way(&members, months, rule.clause, |member| kept.contains(&member.at));
                }
            }
            CombinationKind::OnceEach => {
                let members = members(enrolments, months, side(0));
                for first in &members {
                    let rivals = members.iter().filter(|rival| rival.benefit == first.benefit);
                    let best = rivals.max_by_key(|rival| rival.rank()).map(|best| best.at);
                    if best != Some(first.at) {
                        months[first.at] = Month::Nil(rule.clause);
                    }
                }
            }
            CombinationKind::HigherSide => {
                let first = members(enrolments, months, side(0));
                let second = members(enrolments, months, side(1));
                if first.is_empty() || second.is_empty() {
                    continue;
                }
                let loser = match total(&first).cmp(&total(&second)) {
                    Ordering::Less => &first,
                    Ordering::Equal if was_paid(&second) && !was_paid(&first) => &first,
                    Ordering::Equal | Ordering::Greater => &second,
                };
                give_way(loser, months, rule.clause, |_| false);
            }
            CombinationKind::Excludes => {
                if !members(enrolments, months, side(0)).is_empty() {
                    let excluded = members(enrolments, months, side(1));
                    give_way(&excluded, months, rule.clause, |_| false);
                }
            }
        }
    }
}

/// An enrolment that is owed something for the month.
#[derive(Clone, Copy)]
struct Member {
    at: usize,
    benefit: BenefitId,
    total_minor: i128,
    was_paid: bool,
    decided: Option<Date>,
    key: u64,
}

impl Member {
    /// Greater is better. See the module's rule for ties.
    fn rank(&self) -> impl Ord + use<> {
        (self.total_minor, self.was_paid, Reverse((self.decided, self.benefit, self.key)))
    }
}

fn members(enrolments: &[Claimant], months: &[Month], listed: &[bool]) -> Vec<Member> {
    enrolments
        .iter()
        .zip(months)
        .enumerate()
        .filter(|(_, (enrolment, _))| is_listed(listed, enrolment.benefit))
        .filter_map(|(at, (enrolment, month))| match month {
            Month::Entitled(amounts) => Some(Member {
                at,
                benefit: enrolment.benefit,
                total_minor: amounts.total_minor(),
                was_paid: enrolment.was_paid,
                decided: enrolment.decided,
                key: enrolment.key,
            }),
            Month::Nil(_) | Month::Held(_) => None,
        })
        .collect()
}

/// The members that stay: the best alone, or the best two that may stand together if they come to
/// more.
fn highest(members: &[Member], may_add: &[(Vec<bool>, Vec<bool>)]) -> Vec<usize> {
    let Some(alone) = members.iter().max_by_key(|member| member.rank()) else {
        return Vec::new();
    };
    let mut kept = vec![alone.at];
    let mut best = alone.total_minor;
    for (one_of, with_one_of) in may_add {
        let pick = |listed: &[bool], except: Option<usize>| {
            members
                .iter()
                .filter(|member| is_listed(listed, member.benefit) && Some(member.at) != except)
                .max_by_key(|member| member.rank())
        };
        let Some(one) = pick(one_of, None) else { continue };
        let Some(other) = pick(with_one_of, Some(one.at)) else { continue };
        let together = one.total_minor + other.total_minor;
        if together > best {
            best = together;
            kept = vec![one.at, other.at];
        }
    }
    kept
}

fn give_way(
    members: &[Member],
    months: &mut [Month],
    clause: ClauseId,
    kept: impl Fn(&Member) -> bool,
) {
    for member in members.iter().filter(|member| !kept(member)) {
        months[member.at] = Month::Nil(clause);
    }
}

fn was_paid(members: &[Member]) -> bool {
    members.iter().any(|member| member.was_paid)
}

fn total(members: &[Member]) -> i128 {
    members.iter().map(|member| member.total_minor).sum()
}
