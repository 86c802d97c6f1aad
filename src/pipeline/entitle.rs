//! Decides what one person is owed in a cycle: this month, months before it that were owed
//! differently, and what has to be taken back.
//!
//! Reads: the law as known on a day, the cycle, a person with all enrolments and their history.
//! Gives: signed lines, and one outcome for every enrolment.

mod reach;

use std::borrow::Cow;

use crate::domain::period::Period;
use crate::pipeline::adjust::{AdjustError, Difference, Recomputed, adjust};
use crate::rules::combine::{Claimant, combine};
use crate::rules::evaluate::{self, Amounts, Held, Month, Standing};
use crate::rules::law::LawBook;
use crate::rules::pack::{BenefitId, BenefitKind, ClauseId, ComponentId, FundId, NOTHING_APPLIES};
use crate::rules::question::{Determined, EnrolmentCase, PersonCase};
use crate::rules::value::Input;

use self::reach::{Reach, Reaches};

/// The months that a cycle pays. The law known on the cycle's day is in the `LawBook`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cycle {
    pub period: Period,
    /// How many months are paid together: 1, or 2 before Tết. 0 counts as 1.
    pub months: u8,
    /// Everything before this month was settled by the predecessor, unless the row's own
    /// `paid_through` says otherwise.
    pub history_from: Period,
}

impl Cycle {
    /// The last month that the cycle pays.
    pub fn last(&self) -> Period {
        self.period.plus(i32::from(self.months.max(1)) - 1)
    }
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum LineKind {
    /// Owed for a month that the cycle pays.
    Regular,
    /// More than was determined for a month, or owed for an earlier one.
    Arrears,
    /// Owed once.
    OneOff,
    /// Less than was determined: negative, netted later, never a payment.
    Recovery,
}

impl LineKind {
    pub const ALL: [(&'static str, LineKind); 4] = [
        ("regular", LineKind::Regular),
        ("arrears", LineKind::Arrears),
        ("one_off", LineKind::OneOff),
        ("recovery", LineKind::Recovery),
    ];

    /// The stable word: `arrears`.
    pub fn word(self) -> &'static str {
        match self {
            LineKind::Regular => "regular",
            LineKind::Arrears => "arrears",
            LineKind::OneOff => "one_off",
            LineKind::Recovery => "recovery",
        }
    }
}

/// One amount for one enrolment, month and component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// The position of the enrolment in the person's list.
    pub enrolment: u16,
    pub benefit: BenefitId,
    pub component: ComponentId,
    /// The month the money is owed for, not the month it is paid in.
    pub period: Period,
    /// The month whose law gives the amount: that month, but where what is owed once moved to another month
    /// after it was determined.
    pub law_of: Period,
    pub kind: LineKind,
    pub revision: u16,
    /// Negative for a recovery.
    pub amount_minor: i64,
    pub fund: FundId,
    /// The clause from which the enrolment started.
    pub start_clause: ClauseId,
    /// The clause that gives the amount, or that says why nothing is owed any more.
    pub clause: ClauseId,
}

impl Line {
    /// The ids of the clauses that the line rests on, as they are stored.
    pub fn clause_ids<'p>(&self, book: &LawBook<'p>) -> [&'p str; 2] {
        let pack = book.pack();
        [&pack.clause_at(self.start_clause).id, &pack.clause_at(self.clause).id]
    }

    /// The rates that the amount was made from: name and value in force, with its citation.
    pub fn rates<'p>(
        &self,
        book: &LawBook<'p>,
    ) -> impl Iterator<Item = (&'p str, &'p crate::rules::rate::Version)> {
        let pack = book.pack();
        let period = self.law_of;
        let rates: Vec<usize> = pack.clause_rates(self.clause).collect();
        let dated = |rate: &usize| Some((*rate, book.rate_in_force(*rate, period)?));
        let found: Vec<_> = rates.iter().filter_map(dated).collect();
        found.into_iter().map(move |(rate, version)| (pack.rates()[rate].name.as_str(), version))
    }
}

/// Where an enrolment leaves the stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Something is owed for a month of the cycle, or for an earlier one.
    Entitled,
    /// Nothing is owed, and this clause says why. There may still be recovery lines.
    Nil(ClauseId),
    /// Cannot be decided; no line is made. `missing` lists every input that was asked for in vain.
    Held { held: Held, missing: Vec<Input> },
}

/// The person's share of the cycle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entitled {
    /// In the order of months, then of enrolments, then of components.
    pub lines: Vec<Line>,
    /// One for each enrolment, in its order.
    pub outcomes: Vec<Outcome>,
}

/// Decides one person.
pub fn entitle(book: &LawBook<'_>, cycle: &Cycle, person: &PersonCase<'_>) -> Entitled {
    let mut entitled = Entitled::default();
    entitle_into(book, cycle, person, &mut Scratch::default(), &mut entitled);
    entitled
}

/// The enrolment as it was listed for a month.
pub fn listed_for<'a>(
    book: &LawBook<'a>,
    cycle: &Cycle,
    person: &PersonCase<'a>,
    enrolment: &EnrolmentCase<'a>,
    period: Period,
) -> EnrolmentCase<'a> {
    Reaches::listed_for(book, cycle, person, enrolment, period)
}

/// Room that is used again from person to person.
#[derive(Default)]
pub struct Scratch {
    reaches: Reaches,
    /// The enrolments, then what is not asked about.
    claimants: Vec<Claimant>,
    /// Of each enrolment, what decided the month.
    spans: Vec<usize>,
    months: Vec<Month>,
    /// Why months are held that were determined before; none of those that are not asked about.
    kept: Vec<Option<Held>>,
    /// What the months were before benefits excluded each other.
    alone: Vec<Month>,
    current: Vec<Option<Month>>,
    differences: Vec<Difference>,
}

/// Decides one person into `entitled`, which is cleared first. For the hot path.
pub fn entitle_into<'a>(
    book: &LawBook<'a>,
    cycle: &Cycle,
    person: &PersonCase<'a>,
    scratch: &mut Scratch,
    entitled: &mut Entitled,
) {
    scratch.reaches.clear();
    scratch.claimants.clear();
    for enrolment in person.enrolments {
        scratch.reaches.push(book, cycle, person, enrolment);
    }
    scratch.claimants.extend(person.enrolments.iter().map(Claimant::from));
    scratch.claimants.extend(person.unasked.iter().map(Claimant::from));
    // What is held takes no part, and takes nothing off of what was determined: without it other benefits are due.
    // Each time round holds one more.
    loop {
        months_into(book, cycle, person, scratch, entitled);
        let held = |at: usize| match scratch.current[at] {
            Some(Month::Held(held)) => Some((at, held)),
            _ => Some((at, Held::BackAfterAbsence(absent_month(person, at, entitled)?))),
        };
        let open = (0..person.enrolments.len()).filter(|at| !scratch.reaches.is_held(*at));
        // What lacks something first, then who is back, each by key: the order of rows never decides.
        let first = open.filter_map(held).min_by_key(|(at, held)| {
            let rank = match held {
                Held::AnotherWasPaid(_) => 2,
                Held::BackAfterAbsence(_) => 1,
                _ => 0,
            };
            (rank, person.enrolments[*at].key)
        });
        let Some((at, held)) = first else { break };
        scratch.reaches.hold(at, held);
    }
    outcomes_into(book, cycle, person, scratch, entitled);
}

/// The first month that an enrolment would be paid for although it was not listed for it.
fn absent_month(person: &PersonCase<'_>, at: usize, entitled: &Entitled) -> Option<Period> {
    let enrolment = &person.enrolments[at];
    if enrolment.absent_is_owed {
        return None;
    }
    let was_absent = |month: Period| enrolment.absent.iter().any(|absence| absence.has(month));
    let of_it = entitled.lines.iter().filter(|line| usize::from(line.enrolment) == at);
    let owed = of_it.filter(|line| line.amount_minor > 0 && line.revision == 0);
    owed.map(|line| line.period).find(|month| was_absent(*month))
}

/// Works out the lines of all months.
fn months_into<'a>(
    book: &LawBook<'a>,
    cycle: &Cycle,
    person: &PersonCase<'a>,
    scratch: &mut Scratch,
    entitled: &mut Entitled,
) {
    entitled.lines.clear();
    scratch.current.clear();
    scratch.current.resize(person.enrolments.len(), None);
    let last = cycle.last();
    let first = scratch.reaches.first();
    let mut period = first.unwrap_or(last.plus(1)).min(cycle.period);
    while period <= last {
        scratch.months.clear();
        scratch.kept.clear();
        scratch.spans.clear();
        for (at, enrolment) in person.enrolments.iter().enumerate() {
            let decided = scratch.reaches.decide(book, person, (at, enrolment), period);
            scratch.spans.push(decided.span);
            // An ended row settles what was determined, and nothing besides.
            let is_over =
                enrolment.is_ended && Amounts::determined(period, enrolment.history).is_none();
            let month = if is_over { Month::Nil(NOTHING_APPLIES) } else { decided.month };
            // Held as it may be now, what was determined for the month was paid, and others gave way to it.
            let (month, held) = match month {
                Month::Held(held) => match Amounts::determined(period, enrolment.history) {
                    Some(amounts) => (Month::Entitled(amounts), Some(held)),
                    None => (month, None),
                },
                _ => (month, None),
            };
            scratch.months.push(month);
            scratch.kept.push(held);
            let claimant = &mut scratch.claimants[at];
            claimant.was_paid = Amounts::determined(period, enrolment.history).is_some();
            claimant.decided = scratch.reaches.decided_on(decided.span, enrolment);
        }
        for (at, one) in (person.enrolments.len()..).zip(person.unasked) {
            let amounts = Amounts::determined(period, one.history);
            scratch.claimants[at].was_paid = amounts.is_some();
            scratch.months.push(amounts.map_or(Month::Nil(NOTHING_APPLIES), Month::Entitled));
        }
        scratch.alone.clone_from(&scratch.months);
        combine(book, period, &scratch.claimants, &mut scratch.months);
        hold_what_displaces(book, person, period, scratch);
        for (month, held) in scratch.months.iter_mut().zip(&scratch.kept) {
            if let Some(held) = held {
                *month = Month::Held(*held);
            }
        }
        settle_month(book, cycle, person, period, scratch, entitled);
        period = period.plus(1);
    }
}

/// Says of every enrolment how it ends, and takes away the lines of those that are held.
fn outcomes_into(
    book: &LawBook<'_>,
    cycle: &Cycle,
    person: &PersonCase<'_>,
    scratch: &Scratch,
    entitled: &mut Entitled,
) {
    entitled.outcomes.clear();
    for (at, enrolment) in person.enrolments.iter().enumerate() {
        let index = at as u16;
        let month = scratch.current[at].unwrap_or(Month::Nil(NOTHING_APPLIES));
        let outcome = match month {
            Month::Held(held) => {
                entitled.lines.retain(|line| line.enrolment != index);
                let missing = missing_inputs(book, cycle, person, enrolment);
                Outcome::Held { held, missing }
            }
            Month::Entitled(_) => Outcome::Entitled,
            Month::Nil(clause) => {
                let owed = |line: &Line| line.enrolment == index && line.amount_minor > 0;
                match entitled.lines.iter().any(owed) {
                    true => Outcome::Entitled,
                    false => Outcome::Nil(clause),
                }
            }
        };
        entitled.outcomes.push(outcome);
    }
}

/// Holds what would be paid for a month although a benefit that gives way to it was paid for it already: under
/// an enrolment that is held or not asked about, or by a predecessor. Nobody takes that off.
fn hold_what_displaces(
    book: &LawBook<'_>,
    person: &PersonCase<'_>,
    period: Period,
    scratch: &mut Scratch,
) {
    let count = person.enrolments.len();
    let was_paid = |at: usize| match person.enrolments.get(at) {
        None => true,
        Some(one) => {
            scratch.kept[at].is_some()
                || scratch.reaches.was_paid_elsewhere(scratch.spans[at], one, period)
        }
    };
    for loser in (0..scratch.claimants.len()).filter(|at| was_paid(*at)) {
        let gave_way = matches!(
            (scratch.alone[loser], scratch.months[loser]),
            (Month::Entitled(_), Month::Nil(_))
        );
        if !gave_way {
            continue;
        }
        for winner in (0..count).filter(|at| !was_paid(*at)) {
            if !matches!(scratch.months[winner], Month::Entitled(_)) {
                continue;
            }
            let pair = [scratch.claimants[winner], scratch.claimants[loser]];
            let mut months = [scratch.alone[winner], scratch.alone[loser]];
            combine(book, period, &pair, &mut months);
            let is_open = scratch.reaches.reach(scratch.spans[winner]).is_open(period);
            if is_open && matches!(months[1], Month::Nil(_)) {
                scratch.current[winner] = Some(Month::Held(Held::AnotherWasPaid(period)));
            }
        }
    }
}

/// Makes the lines of one month from what is owed for it now.
fn settle_month(
    book: &LawBook<'_>,
    cycle: &Cycle,
    person: &PersonCase<'_>,
    period: Period,
    scratch: &mut Scratch,
    entitled: &mut Entitled,
) {
    for (at, enrolment) in person.enrolments.iter().enumerate() {
        let index = at as u16;
        let reach = scratch.reaches.reach(scratch.spans[at]);
        let month = scratch.months[at];
        remember(&mut scratch.current[at], cycle, period, reach, month);
        if !reach.is_open(period) || reach.only_month().is_some_and(|only| only != period) {
            continue;
        }
        let recomputed = match month {
            Month::Entitled(amounts) => Recomputed::Owed(amounts),
            Month::Nil(clause) => Recomputed::Nothing(clause),
            Month::Held(held) => {
                // A month that was never decided keeps the row back until it can be. One that was stays as it is.
                if Amounts::determined(period, enrolment.history).is_none() {
                    scratch.current[at] = Some(Month::Held(held));
                }
                continue;
            }
        };
        let fund = book.pack().benefit_at(enrolment.benefit).fund;
        scratch.differences.clear();
        let differences = &mut scratch.differences;
        // What is owed once stays settled for the month for which it was determined, and is not owed again
        // because a day is mended.
        let (settled_for, history) = match reach.only_month() {
            None => (period, Cow::Borrowed(enrolment.history)),
            Some(_) => determined_once(period, enrolment.history),
        };
        if let Err(error) = adjust(settled_for, &recomputed, &history, fund, differences) {
            let clause = match recomputed {
                Recomputed::Owed(amounts) => amounts.parts()[0].clause,
                Recomputed::Nothing(clause) => clause,
            };
            let failure = match error {
                AdjustError::SumMustFit(_) | AdjustError::RevisionMustFit(_) => {
                    evaluate::Failure::NumberMustFit
                }
            };
            scratch.current[at] = Some(Month::Held(Held::RulesConflict(failure, clause)));
            continue;
        }
        let start_clause = match reach.standing {
            Standing::Within(window) => window.start_clause,
            Standing::Nil(clause) => clause,
            Standing::Held(_) => NOTHING_APPLIES,
        };
        entitled.lines.extend(scratch.differences.iter().map(|difference| Line {
            enrolment: index,
            benefit: enrolment.benefit,
            component: difference.component,
            period: settled_for,
            law_of: period,
            kind: line_kind(reach.kind, cycle, settled_for, difference),
            revision: difference.revision,
            amount_minor: difference.amount_minor,
            fund: difference.fund,
            start_clause,
            clause: difference.clause,
        }));
    }
}

/// The month for which what is owed once in `month` is settled, and all that was determined of it, as of that
/// month.
fn determined_once(month: Period, history: &[Determined]) -> (Period, Cow<'_, [Determined]>) {
    let sum = |of: Period| {
        let of_it = history.iter().filter(|one| one.period == of);
        of_it.map(|one| i128::from(one.amount_minor)).sum::<i128>()
    };
    let settled_for = history.iter().map(|one| one.period).filter(|of| sum(*of) > 0).min();
    let settled_for = settled_for.unwrap_or(month);
    if history.iter().all(|one| one.period == settled_for) {
        return (settled_for, Cow::Borrowed(history));
    }
    let counts = history.iter().filter(|one| one.period == settled_for || sum(one.period) != 0);
    (settled_for, counts.map(|one| Determined { period: settled_for, ..*one }).collect())
}

/// Keeps what the enrolment comes to in this cycle: its first month, unless a later one gives more.
fn remember(
    current: &mut Option<Month>,
    cycle: &Cycle,
    period: Period,
    reach: &Reach,
    month: Month,
) {
    // What is owed once is decided in its own month, which may lie before the cycle's.
    let decides = period >= cycle.period
        || (reach.kind == BenefitKind::OneOff
            && reach.from.is_some()
            && matches!(reach.standing, Standing::Within(window) if window.start == period));
    let better = match (*current, month) {
        (None, _) => true,
        (Some(Month::Held(_)), _) => false,
        (Some(Month::Nil(_)), Month::Entitled(_) | Month::Held(_)) => true,
        _ => false,
    };
    if decides && better {
        *current = Some(month);
    }
}

fn line_kind(
    kind: BenefitKind,
    cycle: &Cycle,
    period: Period,
    difference: &Difference,
) -> LineKind {
    match (kind, difference) {
        (_, Difference { amount_minor: ..0, .. }) => LineKind::Recovery,
        (_, Difference { revision: 1.., .. }) => LineKind::Arrears,
        (BenefitKind::OneOff, _) => LineKind::OneOff,
        (BenefitKind::Monthly, _) if period < cycle.period => LineKind::Arrears,
        (BenefitKind::Monthly, _) => LineKind::Regular,
    }
}

/// Every input that was asked for in vain, found by the same evaluation with tracing on.
fn missing_inputs<'a>(
    book: &LawBook<'a>,
    cycle: &Cycle,
    person: &PersonCase<'a>,
    enrolment: &EnrolmentCase<'a>,
) -> Vec<Input> {
    if enrolment.decision_date.is_none() {
        return vec![Input::DecisionDate];
    }
    let mut trace = evaluate::Trace::default();
    let mut bars = Vec::new();
    if let Standing::Within(window) = evaluate::window(book, person, enrolment, &mut trace) {
        for offset in 0..=cycle.last().months_since(cycle.period) {
            let period = match book.pack().benefit_at(enrolment.benefit).kind {
                BenefitKind::OneOff => window.start,
                BenefitKind::Monthly => cycle.period.plus(offset),
            };
            evaluate::month(book, person, enrolment, &window, period, &mut trace);
            bars.extend(evaluate::undecided_bars(book, person, enrolment, period));
        }
    }
    let mut missing = trace.missing_inputs(book.pack());
    missing.extend(bars);
    missing.sort();
    missing.dedup();
    missing
}

#[cfg(test)]
mod tests;
