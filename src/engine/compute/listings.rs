//! How enrolments were listed for the months before.
//!
//! Reads: the rosters of all lists that were computed, in the order in which they were opened, shard by
//! shard. Gives: for each enrolment what was listed from which month on, where it changed. What differs from
//! before counts from the month of its list, or from the month that the row names.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;

use super::Terms;
use super::stored::{Listed, unwritten};
use crate::domain::cycle::CycleKind;
use crate::domain::ids::{CycleNo, EnrolmentNo};
use crate::domain::period::{Period, parse_date};
use crate::domain::roster::{EnrolmentStatus, RosterColumn};
use crate::domain::state::Named;
use crate::engine::import::ROSTER_LEADING;
use crate::engine::{EngineError, chunks};
use crate::pipeline::intake::CANONICAL_CORE;
use crate::pipeline::records::{Record, Records};
use crate::rules::question::{Absence, ListedBefore, Next};
use crate::store::registry::Chunk;

/// The roster of a list, of one shard.
#[derive(Clone)]
pub struct EarlierRoster {
    pub list: CycleNo,
    pub period: Period,
    pub kind: CycleKind,
    pub roster: Vec<Chunk>,
    pub refused: Vec<EnrolmentNo>,
    /// Lines of the roster that were read, and refused when the list was computed.
    pub refused_lines: BTreeSet<u64>,
    /// The day on which the list was opened: a decision of a later one is a slip.
    pub opened_on: Date,
}

/// What is compared of two rows: their columns, in this order, then the facts. A number of a decision that is
/// written otherwise is no difference.
const COMPARED: [RosterColumn; 7] = [
    RosterColumn::programme,
    RosterColumn::benefit,
    RosterColumn::decision_date,
    RosterColumn::entitled_from,
    RosterColumn::entitled_to,
    RosterColumn::status,
    RosterColumn::paid_through,
];

/// What a roster says of an enrolment.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Said {
    /// What is compared of a row, each field after a separator.
    Listed(String),
    /// A regular list that did not have it.
    Absent,
}

#[derive(Clone, Debug)]
struct Listing {
    /// The month of the list.
    of: Period,
    /// The month from which on it counts; a new decision counts from where it starts.
    from: Period,
    said: Said,
}

/// The listings of a shard.
#[derive(Default)]
pub struct Listings(HashMap<EnrolmentNo, Known>);

/// What lists said of one enrolment.
#[derive(Default)]
struct Known {
    /// By the month of the list, then as they became known. Of what counts for a month the last decides it.
    listings: Vec<Listing>,
    /// The row of the newest month, and the month from which it said that it counts.
    row: Option<Said>,
    named: Option<Period>,
    newest: Option<Period>,
}

/// How one enrolment was listed before.
#[derive(Default)]
pub struct Before {
    pub listings: Vec<ListedBefore>,
    /// When regular lists did not have it.
    pub absent: Vec<Absence>,
}

impl Listings {
    /// Goes through the rosters, in the order in which they became known; the last is that of `listed_now`.
    pub fn read(
        terms: &Terms,
        rosters: &[EarlierRoster],
        listed_now: &[Listed],
    ) -> Result<Listings, EngineError> {
        let repeated = listed_now.iter().filter(|one| one.is_repeated);
        let repeated_now: BTreeSet<u64> = repeated.map(|one| one.row.line).collect();
        let mut listings = Listings::default();
        // The first list has nothing before it.
        let rosters = if rosters.len() < 2 { &[] } else { rosters };
        for one in rosters {
            let mut listed = BTreeSet::new();
            let refused_lines = match one.list == terms.cycle.number {
                true => &repeated_now,
                false => &one.refused_lines,
            };
            for chunk in &one.roster {
                let plain = chunks::open(&terms.keys.chunks, chunk)?;
                let mut records = Records::new(plain.as_slice());
                while let Some(record) = records.next_record().map_err(|_| unwritten())? {
                    let number = record.field(1).and_then(|text| text.parse::<i64>().ok());
                    let enrolment =
                        number.and_then(EnrolmentNo::from_number).ok_or_else(unwritten)?;
                    listed.insert(enrolment);
                    // What is refused leaves what was known, and so does a decision that nobody has signed yet.
                    let line = record.field(2).and_then(|text| text.parse::<u64>().ok());
                    let is_refused = line.is_some_and(|line| refused_lines.contains(&line));
                    let decided_on = record.field(place(RosterColumn::decision_date));
                    let decided_on = decided_on.and_then(|day| parse_date(day).ok());
                    let is_to_come = decided_on.is_some_and(|day| day > one.opened_on);
                    if is_refused || (is_to_come && one.list != terms.cycle.number) {
                        continue;
                    }
                    let said = Said::Listed(compared(&record));
                    listings.says(enrolment, (one.period, changed_from(&record)), said);
                }
            }
            if one.kind == CycleKind::Regular {
                listed.extend(&one.refused);
                let known = listings.0.iter();
                let gone: Vec<EnrolmentNo> = known
                    .filter(|(_, known)| {
                        known.listings.iter().any(|listing| listing.of < one.period)
                    })
                    .map(|(enrolment, _)| *enrolment)
                    .filter(|enrolment| !listed.contains(enrolment))
                    .collect();
                for enrolment in gone {
                    listings.says(enrolment, (one.period, None), Said::Absent);
                }
            }
        }
        Ok(listings)
    }

    /// The list of a month says something of an enrolment: for that month, or for those since an earlier one
    /// that the row names.
    fn says(&mut self, enrolment: EnrolmentNo, (of, named): (Period, Option<Period>), said: Said) {
        let known = self.0.entry(enrolment).or_default();
        let at = known.listings.partition_point(|listing| listing.of <= of);
        let is_newest = known.newest.is_none_or(|newest| newest < of);
        // The row of a month is compared with that of the month before, whatever was corrected of it since.
        let before = match is_newest {
            true => known.row.as_ref(),
            false => known.listings[..at].last().map(|listing| &listing.said),
        };
        let differs = before != Some(&said);
        let is_named_anew = named != known.named;
        if is_newest && said != Said::Absent {
            (known.row, known.named, known.newest) = (Some(said.clone()), named, Some(of));
        }
        let from = match named.filter(|from| *from < of && (differs || is_named_anew)) {
            // What was listed first counts for all months before.
            _ if known.listings.is_empty() => Period::FIRST,
            Some(from) => from,
            None => of,
        };
        let reaching = known.step_back(at, of);
        known.listings.splice(at..at, reaching.into_iter().chain([Listing { of, from, said }]));
    }

    /// How an enrolment was listed before what is listed now, for the months up to that of the list.
    pub fn before(&self, terms: &Terms, enrolment: EnrolmentNo) -> Result<Before, EngineError> {
        let mut before = Before::default();
        let Some(Known { listings: all, .. }) = self.0.get(&enrolment) else {
            return Ok(before);
        };
        let until = all.partition_point(|listing| listing.of <= terms.cycle.period);
        let Some(Listing { said: Said::Listed(now), .. }) = all[..until].last() else {
            return Ok(before);
        };
        let benefit = fields(now)[..2].to_vec();
        // A row of another benefit was refused, or nothing came of it.
        let mut known: Vec<Listing> = all[..until].to_vec();
        known.retain(|one| match &one.said {
            Said::Listed(text) => fields(text)[..2] == benefit,
            Said::Absent => true,
        });
        once_each(&mut known);
        let (mut decided_on, mut first_decided_on) = ("", None);
        let mut absence: Option<Absence> = None;
        for (at, one) in known.iter().enumerate() {
            let next = known[at + 1..].iter().find_map(|next| match &next.said {
                Said::Listed(then) => Some((next.of, next.from, then)),
                Said::Absent => None,
            });
            let Some((back, until, then)) = next else { break };
            let fields = match &one.said {
                Said::Listed(text) => fields(text),
                // What was listed before counts for these months, when an officer says that they are owed.
                Said::Absent => {
                    before.absent.push(Absence { from: one.of, until: back });
                    continue;
                }
            };
            let mut listed = listed(terms, &fields)?;
            listed.until = until;
            // A number that is written otherwise, or a day that is missing or was mended to an earlier one, is no
            // new decision.
            if !fields[2].is_empty() {
                let day = fields[2];
                decided_on = decided_on.max(day);
                first_decided_on = Some(first_decided_on.map_or(day, |first: &str| first.min(day)));
            }
            let then = self::fields(then)[2];
            listed.next = if !decided_on.is_empty() && then > decided_on {
                Next::DecidedAnew
            } else if first_decided_on.is_some_and(|first| then > first) {
                Next::NotBeforeItsStart
            } else {
                Next::AsListed
            };
            let between = known.get(at + 1).filter(|next| next.said == Said::Absent);
            if let Some(gone) = between {
                absence = Some(Absence { from: gone.of, until: back });
            }
            // A correction of the month of return says so too. A new decision says nothing of what it follows.
            let is_anew = listed.next == Next::DecidedAnew;
            let of_return = absence.filter(|absence| absence.until == back && !is_anew);
            listed.gone_from = of_return.map(|absence| absence.from);
            before.listings.push(listed);
        }
        Ok(before)
    }
}

/// What one list said after another in the same words is one thing, from the first month on that any names.
fn once_each(known: &mut Vec<Listing>) {
    known.dedup_by(|next, one| {
        let is_same = next.said == one.said;
        if is_same {
            one.from = one.from.min(next.from);
        }
        is_same
    });
}

impl Known {
    /// Lets what later lists said of a month and of those before it step back behind what is said of that
    /// month now. Gives what stays of it for the months before.
    fn step_back(&mut self, at: usize, of: Period) -> Vec<Listing> {
        let mut reaching = Vec::new();
        for place in at..self.listings.len() {
            let latest = self.listings[..place].iter().filter_map(Listing::decided_on).max();
            let is_decided_anew = latest.is_some() && self.listings[place].decided_on() > latest;
            let listing = &mut self.listings[place];
            if listing.said != Said::Absent && (listing.from <= of || is_decided_anew) {
                reaching.push(Listing {
                    of,
                    from: listing.from.min(of),
                    said: listing.said.clone(),
                });
                listing.from = listing.from.max(of.plus(1));
            }
        }
        reaching
    }
}

impl Listing {
    /// The day of the decision, where there is one.
    fn decided_on(&self) -> Option<&str> {
        match &self.said {
            Said::Listed(text) => fields(text).get(2).copied().filter(|day| !day.is_empty()),
            Said::Absent => None,
        }
    }
}

fn place(column: RosterColumn) -> usize {
    ROSTER_LEADING + column as usize
}

const BETWEEN: char = '\u{1f}';

fn compared(record: &Record<'_>) -> String {
    let core = COMPARED.iter().map(|column| record.field(place(*column)));
    let facts = (ROSTER_LEADING + CANONICAL_CORE..).map_while(|at| record.field(at)).map(Some);
    let mut text = String::new();
    for field in core.chain(facts) {
        text.push_str(field.unwrap_or_default());
        text.push(BETWEEN);
    }
    text
}

/// The fields of a row that was kept for comparing; one that a shorter row does not have is none.
fn fields(text: &str) -> Vec<&str> {
    let text = text.strip_suffix(BETWEEN).unwrap_or(text);
    text.split(BETWEEN).collect()
}

fn changed_from(record: &Record<'_>) -> Option<Period> {
    record.field(place(RosterColumn::period)).and_then(|text| text.parse().ok())
}

/// A row as it was listed, from what was kept of it.
fn listed(terms: &Terms, fields: &[&str]) -> Result<ListedBefore, EngineError> {
    let pack = &terms.programmes.pack;
    let date = |at: usize| match fields[at] {
        "" => Ok(None),
        day => parse_date(day).map(Some).map_err(|_| unwritten()),
    };
    let mut facts = pack.fact_row();
    let known = terms.programmes.fact_count();
    let texts = fields[COMPARED.len()..].iter().take(known).enumerate();
    for (at, text) in texts.filter(|(_, text)| !text.is_empty()) {
        // A word that the pack of then knew and this one does not is unknown, so that the month stands.
        if let Ok(value) = pack.parse_fact(at, text) {
            facts.set(at, value);
        }
    }
    Ok(ListedBefore {
        until: terms.cycle.period,
        next: Next::AsListed,
        gone_from: None,
        is_ended: fields[5] == EnrolmentStatus::Ceased.name(),
        decision_date: date(2)?,
        entitled_from: date(3)?,
        entitled_to: date(4)?,
        paid_through: match fields[6] {
            "" => None,
            month => Some(month.parse().map_err(|_| unwritten())?),
        },
        facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists as they became known, `month=what` or `month<from=what`, `-` where the row was absent; and from
    /// which months on what is in force.
    fn check(lists: &str, expected: &str) {
        let enrolment = EnrolmentNo::from_number(7).unwrap();
        let mut listings = Listings::default();
        for list in lists.split(' ') {
            let (month, what) = list.split_once('=').unwrap();
            let (of, named) = match month.split_once('<') {
                Some((of, named)) => (of, Some(named)),
                None => (month, None),
            };
            let said = match what {
                "-" => Said::Absent,
                what => Said::Listed(what.to_owned()),
            };
            let period = |month: &str| format!("2026-{month}").parse::<Period>().unwrap();
            listings.says(enrolment, (period(of), named.map(period)), said);
        }
        let mut known = listings.0[&enrolment].listings.clone();
        once_each(&mut known);
        let told = known.iter().map(|one| {
            let from = match one.from == Period::FIRST {
                true => "ever".to_owned(),
                false => format!("{:02}", one.from.month()),
            };
            match &one.said {
                Said::Listed(what) => format!("{from}={what}"),
                Said::Absent => format!("{from}=-"),
            }
        });
        assert_eq!(told.collect::<Vec<_>>().join(" "), expected, "{lists}");
    }

    #[test]
    fn what_is_listed_is_in_force_from_its_month_or_the_one_it_names() {
        for (lists, expected) in [
            ("05=a 06=a 07=b 08=b 09=a", "ever=a 07=b 09=a"),
            // A correction speaks for its month, and for months that have no list of their own.
            ("05=a 06=a 07=b 06=c", "ever=a 06=c 07=b"),
            ("05=a 06=a 07=a 06=b 08=a", "ever=a 06=b 07=a"),
            ("05=a 06=a 06=b 07=a 08=a", "ever=a 06=b 07=a"),
            ("05=a 06=a 08=a 06=b", "ever=a 06=b 08=a"),
            ("06=a 07=a 06=b 05=c", "ever=a 05=c 06=a 06=b 07=a"),
            // From an earlier month: before the first list, in its month, after it, and again.
            ("07=a 08<05=b 09=b", "ever=a 05=b"),
            ("07=a 08<07=b 09=b", "ever=a 07=b"),
            ("05=a 08<07=b 09=b 10<07=b", "ever=a 07=b"),
            // Who goes on naming the month changes nothing; who names it later does.
            ("05=a 07<06=b 06=c 08<06=b", "ever=a 06=b 06=c 07=b"),
            ("05=a 08<05=b 06=c 09<05=b", "ever=a 05=b 06=c 07=b"),
            ("05=a 07=b 08<06=b", "ever=a 06=b"),
            ("05=a 06<05=b 06=c 07<05=b", "ever=a 05=b 06=c 07=b"),
            // It counts for every month since, whatever was listed for it.
            ("05=a 06=b 07=c 08<06=d 09=d", "ever=a 06=b 07=c 06=d"),
            ("05=a 07=b 08<06=c 09=a", "ever=a 07=b 06=c 09=a"),
            ("05=a 06=b 08<05=a", "ever=a 06=b 05=a"),
            // Months without the row stay to be asked about.
            ("05=a 06=- 07=a 08=b", "ever=a 06=- 07=a 08=b"),
            ("05=a 06=- 07<05=b 08=b", "ever=a 06=- 05=b"),
        ] {
            check(lists, expected);
        }
    }
}
