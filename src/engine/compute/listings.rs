//! How enrolments were listed for the months before.
//!
//! Reads: the rosters of all lists that were computed, in the order in which they were opened, shard by
//! shard. Gives: for each enrolment what was listed from which month on, where it changed. What differs from
//! before counts from the month of its list, or from the month that the row names.

use std::collections::{BTreeSet, HashMap};

use super::Terms;
use super::stored::unwritten;
use crate::domain::cycle::CycleKind;
use crate::domain::ids::{CycleNo, EnrolmentNo};
use crate::domain::period::{Period, parse_date};
use crate::domain::roster::{EnrolmentStatus, RosterColumn};
use crate::domain::state::Named;
use crate::engine::import::ROSTER_LEADING;
use crate::engine::{EngineError, chunks};
use crate::pipeline::intake::CANONICAL_CORE;
use crate::pipeline::records::{Record, Records};
use crate::rules::ListedBefore;
use crate::store::registry::Chunk;

/// The roster of a list, of one shard.
#[derive(Clone)]
pub struct EarlierRoster {
    pub list: CycleNo,
    pub period: Period,
    pub kind: CycleKind,
    pub roster: Vec<Chunk>,
    pub refused: Vec<EnrolmentNo>,
}

/// What is compared of two rows: their columns, in this order, then the facts.
const COMPARED: [RosterColumn; 8] = [
    RosterColumn::programme,
    RosterColumn::benefit,
    RosterColumn::decision_no,
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
    from: Period,
    said: Said,
}

/// The listings of a shard.
#[derive(Default)]
pub struct Listings(HashMap<EnrolmentNo, Vec<Listing>>);

/// How one enrolment was listed before.
#[derive(Default)]
pub struct Before {
    pub listings: Vec<ListedBefore>,
    /// From which month on regular lists did not have it, and the first month for which one had it again.
    pub absent: Vec<(Period, Period)>,
}

impl Listings {
    /// Goes through the rosters, in the order in which they became known.
    pub fn read(terms: &Terms, rosters: &[EarlierRoster]) -> Result<Listings, EngineError> {
        let mut listings = Listings::default();
        // The first list has nothing before it.
        let rosters = if rosters.len() < 2 { &[] } else { rosters };
        for one in rosters {
            let mut listed = BTreeSet::new();
            for chunk in &one.roster {
                let plain = chunks::open(&terms.keys.chunks, chunk)?;
                let mut records = Records::new(plain.as_slice());
                while let Some(record) = records.next_record().map_err(|_| unwritten())? {
                    let number = record.field(1).and_then(|text| text.parse::<i64>().ok());
                    let enrolment =
                        number.and_then(EnrolmentNo::from_number).ok_or_else(unwritten)?;
                    listed.insert(enrolment);
                    let from = changed_from(&record).unwrap_or(one.period);
                    listings.says(enrolment, from.min(one.period), Said::Listed(compared(&record)));
                }
            }
            if one.kind == CycleKind::Regular {
                listed.extend(&one.refused);
                let known = listings.0.iter();
                let gone: Vec<EnrolmentNo> = known
                    .filter(|(_, listings)| {
                        listings.iter().any(|listing| listing.from < one.period)
                    })
                    .map(|(enrolment, _)| *enrolment)
                    .filter(|enrolment| !listed.contains(enrolment))
                    .collect();
                for enrolment in gone {
                    listings.says(enrolment, one.period, Said::Absent);
                }
            }
        }
        Ok(listings)
    }

    fn says(&mut self, enrolment: EnrolmentNo, from: Period, said: Said) {
        let known = self.0.entry(enrolment).or_default();
        let at = known.partition_point(|listing| listing.from <= from);
        let in_force = at.checked_sub(1).or(Some(0)).and_then(|at| known.get(at));
        if in_force.is_some_and(|listing| listing.said == said) {
            return;
        }
        match at.checked_sub(1).and_then(|at| known.get_mut(at)) {
            Some(listing) if listing.from == from => listing.said = said,
            _ => known.insert(at, Listing { from, said }),
        }
    }

    /// How an enrolment was listed before what is listed now, for the months up to that of the list.
    pub fn before(&self, terms: &Terms, enrolment: EnrolmentNo) -> Result<Before, EngineError> {
        let mut before = Before::default();
        let Some(all) = self.0.get(&enrolment) else { return Ok(before) };
        let until = all.partition_point(|listing| listing.from <= terms.cycle.period);
        let known = &all[..until];
        let [.., _, Listing { said: Said::Listed(now), .. }] = known else {
            return Ok(before);
        };
        let now = fields(now);
        for pair in known.windows(2) {
            let [one, next] = pair else { continue };
            let fields = match &one.said {
                Said::Listed(text) => fields(text),
                // What is listed next counts for these months, when an officer says that they are owed.
                Said::Absent => {
                    before.absent.push((one.from, next.from));
                    continue;
                }
            };
            // Of another benefit: it is another enrolment's past.
            if fields[..2] != now[..2] {
                before.listings.clear();
                continue;
            }
            let mut listed = listed(terms, &fields)?;
            listed.until = next.from;
            if let Said::Listed(then) = &next.said {
                listed.then_decided_anew = self::fields(then)[2..4] != fields[2..4];
            }
            before.listings.push(listed);
        }
        Ok(before)
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
        then_decided_anew: false,
        is_ended: fields[6] == EnrolmentStatus::Ceased.name(),
        decision_date: date(3)?,
        entitled_from: date(4)?,
        entitled_to: date(5)?,
        paid_through: match fields[7] {
            "" => None,
            month => Some(month.parse().map_err(|_| unwritten())?),
        },
        facts,
    })
}
