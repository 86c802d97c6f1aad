//! The law as known on a day, for a span of months: which clauses hold and what each rate is.
//!
//! Made once for a cycle and shared by every person, so that nothing about dates of law is
//! decided a million times. Months in which nothing changed share one entry.

use jiff::civil::Date;

use crate::domain::period::Period;
use crate::rules::evaluate::fold;
use crate::rules::pack::{ClauseId, Pack};
use crate::rules::rate::{Version, in_force};
use crate::rules::value::Value;

/// A pack, asked as of one day.
#[derive(Debug)]
pub struct LawBook<'p> {
    pack: &'p Pack,
    known_at: Date,
    first: Period,
    months: Vec<u16>,
    laws: Vec<Law>,
    /// By month: what depends on the month alone, worked out once. None where it fails; then the
    /// person's own evaluation says how.
    folds: Vec<Vec<Option<Value<'p>>>>,
    /// Start and stop clauses by benefit: those known on the day.
    pub(crate) starts: Vec<Vec<ClauseId>>,
    pub(crate) stops: Vec<Vec<ClauseId>>,
}

/// What holds in a month.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Law {
    pub(crate) rates: Vec<Option<Value<'static>>>,
    versions: Vec<Option<usize>>,
    pub(crate) bars: Vec<Vec<ClauseId>>,
    pub(crate) amounts: Vec<Vec<ClauseId>>,
    /// Indices into the pack's combinations, in their order.
    pub(crate) combinations: Vec<usize>,
}

impl<'p> LawBook<'p> {
    /// The law of all months from the first that the pack covers to `last`, as known at `known_at`.
    pub fn new(pack: &'p Pack, known_at: Date, last: Period) -> LawBook<'p> {
        let first = pack.covers_from;
        let mut book = LawBook {
            pack,
            known_at,
            first,
            months: Vec::new(),
            laws: Vec::new(),
            folds: Vec::new(),
            starts: known(pack, known_at, |benefit| &benefit.starts),
            stops: known(pack, known_at, |benefit| &benefit.stops),
        };
        for offset in 0..=last.months_since(first).clamp(-1, MONTHS_MAX) {
            let law = law_of(pack, first.plus(offset), known_at);
            if book.laws.last() != Some(&law) {
                book.laws.push(law);
            }
            book.months.push(book.laws.len() as u16 - 1);
            book.folds.push(fold(&book, first.plus(offset)));
        }
        book
    }

    pub fn pack(&self) -> &'p Pack {
        self.pack
    }

    /// The day as of which the law is asked.
    pub fn known_at(&self) -> Date {
        self.known_at
    }

    /// The first month that the book has.
    pub fn first(&self) -> Period {
        self.first
    }

    pub fn covers(&self, period: Period) -> bool {
        self.law(period).is_some()
    }

    /// The version of a rate that holds in a month.
    pub fn rate_in_force(&self, rate: usize, period: Period) -> Option<&'p Version> {
        let version = (*self.law(period)?.versions.get(rate)?)?;
        self.pack.rates[rate].versions.get(version)
    }

    /// What depends on the month alone, by the program's slots.
    pub(crate) fn folds(&self, period: Period) -> &[Option<Value<'p>>] {
        let month = usize::try_from(period.months_since(self.first)).ok();
        month.and_then(|month| self.folds.get(month)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn law(&self, period: Period) -> Option<&Law> {
        let month = usize::try_from(period.months_since(self.first)).ok()?;
        self.months.get(month).map(|law| &self.laws[usize::from(*law)])
    }
}

/// Fifty years are past any look-back, and keep a hostile date from costing memory.
const MONTHS_MAX: i32 = 600;

fn law_of(pack: &Pack, period: Period, known_at: Date) -> Law {
    let versions: Vec<Option<usize>> =
        pack.rates.iter().map(|rate| in_force(&rate.versions, period, known_at)).collect();
    let rates = pack
        .rates
        .iter()
        .zip(&versions)
        .map(|(rate, version)| version.map(|version| rate.versions[version].value))
        .collect();
    let holding = |ids: &Vec<ClauseId>| -> Vec<ClauseId> {
        let holds = |id: &ClauseId| pack.clause_at(*id).interval.holds(period, known_at);
        ids.iter().copied().filter(holds).collect()
    };
    Law {
        rates,
        versions,
        bars: pack.benefits.iter().map(|benefit| holding(&benefit.bars)).collect(),
        amounts: pack.benefits.iter().map(|benefit| holding(&benefit.amounts)).collect(),
        combinations: pack
            .combinations
            .iter()
            .enumerate()
            .filter(|(_, c)| pack.clause_at(c.clause).interval.holds(period, known_at))
            .map(|(at, _)| at)
            .collect(),
    }
}

fn known(
    pack: &Pack,
    known_at: Date,
    of: impl Fn(&crate::rules::pack::Benefit) -> &Vec<ClauseId>,
) -> Vec<Vec<ClauseId>> {
    let is_known = |id: &ClauseId| pack.clause_at(*id).interval.known(known_at);
    pack.benefits.iter().map(|b| of(b).iter().copied().filter(is_known).collect()).collect()
}
