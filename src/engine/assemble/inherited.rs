//! Directs to heirs what is due to people who have died.
//!
//! Reads: the namings that count, the register's deaths, and the lines of a shard. Gives: the lines, of which
//! those that are due go where the heir is paid, what is taken off carried ones, and what keeps an heir's payment
//! back. Nothing else of such a person is ordered.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::cycle::Cycle;
use crate::domain::hold::HoldCode;
use crate::domain::identity::VitalStatus;
use crate::domain::ids::{PersonNo, Shard};
use crate::domain::payable::Payable;
use crate::domain::period::Period;
use crate::engine::assemble::carry::Stopped;
use crate::engine::assemble::gone::Gone;
use crate::engine::heir::{Heirs, InForce};
use crate::engine::payout::{PayeeDetail, TravellingLine, read_travelling};
use crate::engine::{Engine, EngineError, chunks};
use crate::pipeline::assemble::{DueLine, Group, LineKind};
use crate::pipeline::inherit::{Determined, after_the_death, determined, inherited, is_inherited};
use crate::rules::written::BenefitKind;
use crate::store::registry::ChunkKind;

/// A revision above the last is that of a line which the law may give on the same list, for another payee.
const REVISIONS_ABOVE: u16 = 2;

/// The namings that count for a list, who of the people in them is gone, and what the list has taken off.
#[derive(Default)]
pub(super) struct Inheriting {
    pub heirs: Heirs,
    gone: Gone,
    /// The last revision that was given, of what is not committed yet.
    revisions: HashMap<Determined, u16>,
    /// What the law takes off on this list of what was determined for people who have an heir, whoever is the payee.
    by_law: HashMap<Determined, i64>,
    /// Programme and code of benefits that are paid because somebody died: they are for whom the roster names.
    paid_on_death: HashSet<(String, String)>,
}

/// How a carried payable goes of somebody who has an heir.
pub(super) enum Way {
    /// As without one: nobody has an heir, or it is paid because of the death.
    AsEver,
    ToHeir(Box<Directed>),
    /// Months up to the death do not come to anything in it.
    NotTheHeirs,
    /// This list's law takes off what stands in it beside other money. The next list sets that off.
    Waits,
}

/// How a carried payable goes to an heir.
pub(super) struct Directed {
    pub detail: PayeeDetail,
    /// Its lines, and those that take months after the death off again.
    pub lines: Vec<DueLine>,
    pub due_minor: i64,
}

impl Inheriting {
    /// The last month that is due: the paper's, or the register's where that is earlier.
    fn last_month(&mut self, person: PersonNo, name: &str) -> Option<Period> {
        let of_paper = self.heirs.of(person)?.heir.last_month;
        let of_register = match self.gone.of(person, name) {
            Some(VitalStatus::Deceased { on: Some(on) }) => Period::of(*on).ok(),
            _ => None,
        };
        Some(of_register.map_or(of_paper, |month| month.min(of_paper)))
    }

    /// Directs the new lines of a shard to heirs.
    pub(super) fn direct(&mut self, arrived: &mut [TravellingLine]) {
        let mut of_the_dead: BTreeMap<(PersonNo, PersonNo, String), Vec<usize>> = BTreeMap::new();
        let mut carried: BTreeMap<(PersonNo, PersonNo, String), BTreeSet<Determined>> =
            BTreeMap::new();
        for (at, TravellingLine { line, .. }) in arrived.iter().enumerate() {
            let key = (line.payee, line.beneficiary, line.fund.clone());
            if line.heir.is_some() {
                carried.entry(key).or_default().insert(determined(line));
            } else if line.carried_from.is_none()
                && self.heirs.of(line.beneficiary).is_some()
                && !self.is_paid_on_death(line)
            {
                of_the_dead.entry(key).or_default().push(at);
            }
        }
        for (key, places) in of_the_dead {
            let person = key.1;
            let name = arrived[places[0]].detail.entitled().0.to_owned();
            let Some(last_month) = self.last_month(person, &name) else { continue };
            let Some(heir) = self.heirs.of(person) else { continue };
            let lines: Vec<&DueLine> = places.iter().map(|at| &arrived[*at].line).collect();
            let none = BTreeSet::new();
            let goes = inherited(&lines, carried.get(&key).unwrap_or(&none), last_month);
            for (at, place) in places.into_iter().enumerate() {
                let one = &mut arrived[place];
                match goes.contains(&at) {
                    true => direct_line(one, heir),
                    false if one.line.amount_minor > 0 => {
                        one.line.apart = Some(HoldCode::NotTheHeirs);
                    }
                    false => {}
                }
            }
        }
    }

    fn is_paid_on_death(&self, line: &DueLine) -> bool {
        self.paid_on_death
            .iter()
            .any(|(programme, code)| (programme, code) == (&line.programme, &line.benefit))
    }

    /// Since when a group waits for two officers, because one of them withdrew the heir of its beneficiary.
    pub(super) fn withdrawn_at(&self, group: &Group) -> Option<&str> {
        match group.lines.iter().all(|line| self.is_paid_on_death(line)) {
            true => None,
            false => self.heirs.withdrawn_at(group.beneficiary),
        }
    }

    /// Why nothing is paid to an heir, where the register has them as gone.
    pub(super) fn gone(&mut self, engine: &Engine, group: &Group) -> Option<HoldCode> {
        group.heir?;
        let heir = &self.heirs.of(group.beneficiary)?.heir;
        self.gone.hold(engine.keys.person_of_id(&heir.national_id), &heir.name)
    }

    fn next_revision(&mut self, of: Determined, known: Option<u16>) -> u16 {
        let last = self.revisions.entry(of).or_default();
        *last = (*last).max(known.unwrap_or_default()) + REVISIONS_ABOVE;
        *last
    }
}

fn direct_line(one: &mut TravellingLine, heir: &InForce) {
    one.detail = heir.detail(&one.detail);
    // They are about whom the roster names, and where it would have the money go.
    one.holds.clear();
    one.line.destination = heir.destination;
    one.line.heir = Some(heir.number);
}

/// Why orders of a group were stopped before, and nobody was paid since. What a partner said of whom the roster
/// names holds nothing of the heir's: two officers have looked into it.
pub(super) fn stopped_before(stopped: &Stopped, group: &Group) -> Option<HoldCode> {
    let of = |heir: Option<i64>| stopped.get(&(group.payee, group.beneficiary, heir)).copied();
    let by_officers = match group.heir {
        None => of(None)?,
        Some(_) => match of(group.heir) {
            Some(by_officers) => by_officers || of(None) == Some(true),
            None => of(None).filter(|by_officers| *by_officers)?,
        },
    };
    Some(match by_officers {
        true => HoldCode::ReportedByOfficer,
        false => HoldCode::ReportedByPartner,
    })
}

impl Engine {
    /// How a payable that is carried goes. To the heir goes one in which months up to the death are due. Later months
    /// of it are taken off again: by the law where this list has just that (`arrived`), by what an earlier list
    /// lowered (`waits_minor` of `set_off_minor`, which is set off), and otherwise by lines of their own.
    pub(super) async fn way_of(
        &self,
        inheriting: &mut Inheriting,
        payable: &Payable,
        (lines, detail): (Vec<DueLine>, &PayeeDetail),
        arrived: &[TravellingLine],
        (mut waits_minor, set_off_minor): (i64, i64),
    ) -> Result<Way, EngineError> {
        let (person, name) = (payable.beneficiary, detail.entitled().0);
        let Some(last_month) = inheriting.last_month(person, name) else { return Ok(Way::AsEver) };
        let Some(heir) = inheriting.heirs.of(person) else { return Ok(Way::AsEver) };
        let of_death = lines.iter().filter(|line| inheriting.is_paid_on_death(line));
        match of_death.count() {
            0 => {}
            all if all == lines.len() => return Ok(Way::AsEver),
            // They would have to be parted, and are looked at by people.
            _ => return Ok(Way::NotTheHeirs),
        }
        if !is_inherited(&lines, last_month) {
            return Ok(Way::NotTheHeirs);
        }
        let (number, destination, detail) = (heir.number, heir.destination, heir.detail(detail));
        let after = after_the_death(&lines, last_month);
        let is_apart = lines.iter().any(|line| line.apart.is_some());
        let mut taken: BTreeMap<Determined, i64> =
            after.iter().map(|(at, sum_minor)| (determined(&lines[*at]), *sum_minor)).collect();
        for of in lines.iter().map(determined).collect::<BTreeSet<_>>() {
            let Some(by_law) = inheriting.by_law.get(&of) else { continue };
            let is_here = arrived.iter().map(|one| &one.line).any(|one| {
                (one.payee, &one.fund) == (payable.payee, &payable.fund)
                    && one.carried_from.is_none()
                    && one.amount_minor == -by_law
                    && determined(one) == of
            });
            let is_just_that = taken.get(&of) == Some(by_law);
            // Of a month that is due the law takes a part, which goes with it where nothing else does.
            let is_part = of.1 <= last_month && set_off_minor == 0;
            if !is_here || is_apart || !(is_part || is_just_that && set_off_minor == 0) {
                return Ok(Way::Waits);
            }
            taken.remove(&of);
        }
        let mut off = Vec::new();
        for (at, sum_minor) in after {
            let line = &lines[at];
            let of = determined(line);
            if !taken.contains_key(&of) {
                continue;
            }
            let month = (line.owner.shard(), line.period, line.enrolment);
            let mut known = self.store.claims_of(&[month]).await?;
            known.retain(|one| (&one.benefit, &one.component) == (&line.benefit, &line.component));
            let lowered: i64 = known
                .iter()
                .filter(|one| one.payable.is_none() && one.amount_minor < 0)
                .map(|one| -one.amount_minor)
                .sum();
            let waits = lowered.min(waits_minor).min(sum_minor);
            waits_minor -= waits;
            if waits < sum_minor {
                let last = known.iter().map(|one| one.revision).max();
                off.push(DueLine {
                    kind: LineKind::Recovery,
                    revision: inheriting.next_revision(of, last),
                    amount_minor: waits - sum_minor,
                    carried_from: None,
                    ..line.clone()
                });
            }
        }
        let lines = lines.into_iter().chain(off);
        let lines: Vec<DueLine> =
            lines.map(|line| DueLine { destination, heir: Some(number), ..line }).collect();
        let due_minor = lines.iter().map(|line| line.amount_minor).sum();
        Ok(Way::ToHeir(Box::new(Directed { detail, lines, due_minor })))
    }

    /// The namings that count for a list. Their people are looked up in the register, which holds them in many
    /// shards; nobody else of it is kept.
    pub(super) async fn inheriting(&self, cycle: &Cycle) -> Result<Inheriting, EngineError> {
        let mut inheriting = Inheriting { heirs: self.heirs().await?, ..Inheriting::default() };
        let wanted: HashSet<PersonNo> = inheriting
            .heirs
            .iter()
            .flat_map(|(person, one)| [person, self.keys.person_of_id(&one.heir.national_id)])
            .collect();
        let shards: HashSet<Shard> = wanted.iter().map(|person| person.shard()).collect();
        for shard in shards {
            self.look_up_the_gone(cycle, shard, &wanted, &mut inheriting.gone).await?;
        }
        let benefits = self.programmes.pack.benefits().iter();
        inheriting.paid_on_death = benefits
            .filter(|benefit| benefit.kind == BenefitKind::OneOff)
            .map(|benefit| (benefit.programme.clone(), benefit.code.clone()))
            .collect();
        if wanted.is_empty() {
            return Ok(inheriting);
        }
        for shard in Shard::all() {
            for chunk in self.store.chunks(shard, ChunkKind::Exchange, cycle.number.0).await? {
                for one in read_travelling(&chunks::open(&self.keys.chunks, &chunk)?)? {
                    let line = &one.line;
                    if line.amount_minor < 0 && inheriting.heirs.of(line.beneficiary).is_some() {
                        *inheriting.by_law.entry(determined(line)).or_default() -=
                            line.amount_minor;
                    }
                }
            }
        }
        Ok(inheriting)
    }
}
