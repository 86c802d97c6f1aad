//! Directs to heirs what is due to people who have died.
//!
//! Reads: the namings that count, the register's deaths, and the lines of a shard. Gives: the lines, of which
//! those that are due go where the heir is paid, and what keeps an heir's payment back. Nothing else of such a
//! person is ordered.

use std::collections::{BTreeMap, HashSet};

use crate::domain::cycle::Cycle;
use crate::domain::hold::HoldCode;
use crate::domain::identity::VitalStatus;
use crate::domain::ids::{PersonNo, Shard};
use crate::domain::period::Period;
use crate::engine::assemble::carry::{Carried, Deaths, Stopped};
use crate::engine::assemble::gone::Gone;
use crate::engine::heir::{Heirs, InForce};
use crate::engine::payout::TravellingLine;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, Group, LineKind};
use crate::pipeline::inherit::{inherited, taken_off};

/// The namings that count for a list, and who of the people in them is gone.
#[derive(Default)]
pub(super) struct Inheriting {
    pub heirs: Heirs,
    gone: Gone,
    deaths: Deaths,
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

    /// What keeps all of a group back because its beneficiary has an heir.
    pub(super) fn is_nobody_s(&self, group: &Group) -> Option<HoldCode> {
        (group.heir.is_none() && self.heirs.of(group.beneficiary).is_some())
            .then_some(HoldCode::NotTheHeirs)
    }

    /// Why nothing is paid to an heir, where the register has them as gone.
    pub(super) fn gone(&mut self, engine: &Engine, group: &Group) -> Option<HoldCode> {
        group.heir?;
        let heir = &self.heirs.of(group.beneficiary)?.heir;
        self.gone.hold(engine.keys.person_of_id(&heir.national_id), &heir.name)
    }
}

fn direct_line(one: &mut TravellingLine, heir: &InForce, carried: &Carried) {
    one.detail = heir.detail(&one.detail);
    // They are about whom the roster names, and where it would have the money go.
    one.holds.clear();
    one.line.destination = heir.destination;
    one.line.heir = Some(heir.number);
    one.line.apart = one.line.carried_from.and_then(|from| carried.doubts.get(&from).copied());
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
    /// Directs lines of a shard to heirs. What an earlier order left in doubt of them keeps them apart.
    pub(super) async fn direct_to_heirs(
        &self,
        cycle: &Cycle,
        inheriting: &mut Inheriting,
        arrived: &mut Vec<TravellingLine>,
        carried: &Carried,
    ) -> Result<(), EngineError> {
        let mut of_the_dead: BTreeMap<(PersonNo, PersonNo, String), Vec<usize>> = BTreeMap::new();
        for (at, TravellingLine { line, .. }) in arrived.iter().enumerate() {
            if inheriting.heirs.of(line.beneficiary).is_some() {
                let key = (line.payee, line.beneficiary, line.fund.clone());
                of_the_dead.entry(key).or_default().push(at);
            }
        }
        for ((_, person, _), mut places) in of_the_dead {
            let name = arrived[places[0]].detail.entitled().0.to_owned();
            let Some(last_month) = inheriting.last_month(person, &name) else { continue };
            // While the register has the death, the law is not asked about the person and takes nothing off.
            if inheriting.deaths.is_held_as_dead(self, cycle, person).await? {
                let off = self.taken_off_after_death(arrived, &places, last_month).await?;
                places.extend(arrived.len()..arrived.len() + off.len());
                arrived.extend(off);
            }
            let Some(heir) = inheriting.heirs.of(person) else { continue };
            let lines: Vec<&DueLine> = places.iter().map(|at| &arrived[*at].line).collect();
            for at in inherited(&lines, last_month) {
                direct_line(&mut arrived[places[at]], heir, carried);
            }
        }
        Ok(())
    }

    /// Lines that take months after a death off payables in which they stand beside earlier ones.
    async fn taken_off_after_death(
        &self,
        arrived: &[TravellingLine],
        places: &[usize],
        last_month: Period,
    ) -> Result<Vec<TravellingLine>, EngineError> {
        let lines: Vec<&DueLine> = places.iter().map(|at| &arrived[*at].line).collect();
        let mut off = Vec::new();
        for (at, sum_minor) in taken_off(&lines, last_month) {
            let line = lines[at];
            let month = (line.owner.shard(), line.period, line.enrolment);
            let known = self.store.claims_of(&[month]).await?;
            let of_line = known
                .iter()
                .filter(|one| (&one.benefit, &one.component) == (&line.benefit, &line.component));
            let last = of_line.map(|one| one.revision).max().unwrap_or(line.revision);
            off.push(TravellingLine {
                line: DueLine {
                    kind: LineKind::Recovery,
                    revision: last + 1,
                    amount_minor: -sum_minor,
                    carried_from: None,
                    lowers_unpaid: true,
                    ..line.clone()
                },
                ..arrived[places[at]].clone()
            });
        }
        Ok(off)
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
        Ok(inheriting)
    }
}
