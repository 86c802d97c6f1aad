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
use crate::engine::payout::{PayeeDetail, TravellingLine};
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, Group, LineKind};
use crate::pipeline::inherit::{Determined, after_the_death, determined, inherited, is_inherited};

/// A revision above the last is that of a line which the law may give on the same list, for another payee.
const REVISIONS_ABOVE: u16 = 2;

/// The namings that count for a list, who of the people in them is gone, and what the list has taken off.
#[derive(Default)]
pub(super) struct Inheriting {
    pub heirs: Heirs,
    gone: Gone,
    /// The last revision that was given, of what is not committed yet.
    revisions: HashMap<Determined, u16>,
    /// How much of what the law takes off is of payables that were directed.
    by_law: HashMap<(PersonNo, Determined), i64>,
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
            } else if line.carried_from.is_none() && self.heirs.of(line.beneficiary).is_some() {
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
            for at in inherited(&lines, carried.get(&key).unwrap_or(&none), last_month) {
                direct_line(&mut arrived[places[at]], heir);
            }
        }
    }

    /// What keeps all of a group back because of the heir of its beneficiary: it is not the heir's; or the heir was
    /// withdrawn by one officer, and two let it go.
    pub(super) fn holds(&self, group: &Group) -> Option<HoldCode> {
        match (group.heir, self.heirs.of(group.beneficiary)) {
            (None, Some(_)) => Some(HoldCode::NotTheHeirs),
            (None, None) if self.heirs.is_withdrawn(group.beneficiary) => {
                Some(HoldCode::UnpaidBeforeDeath)
            }
            _ => None,
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
    /// How a payable that is carried goes to the heir of its beneficiary, where months up to the death are due in
    /// it. Later months of it are taken off again: by the law where this list has its lines (`arrived`), by what
    /// an earlier list lowered (`waits_minor`, which is set off), and otherwise by lines of their own.
    pub(super) async fn direct_payable(
        &self,
        inheriting: &mut Inheriting,
        payable: &Payable,
        (lines, detail): (Vec<DueLine>, &PayeeDetail),
        arrived: &[TravellingLine],
        mut waits_minor: i64,
    ) -> Result<Option<Directed>, EngineError> {
        let (person, name) = (payable.beneficiary, detail.entitled().0);
        let Some(last_month) = inheriting.last_month(person, name) else { return Ok(None) };
        let Some(heir) = inheriting.heirs.of(person) else { return Ok(None) };
        if !is_inherited(&lines, last_month) {
            return Ok(None);
        }
        let (number, destination, detail) = (heir.number, heir.destination, heir.detail(detail));
        let mut off = Vec::new();
        for (at, sum_minor) in after_the_death(&lines, last_month) {
            let line = &lines[at];
            let of = determined(line);
            let month = (line.owner.shard(), line.period, line.enrolment);
            let mut known = self.store.claims_of(&[month]).await?;
            known.retain(|one| (&one.benefit, &one.component) == (&line.benefit, &line.component));
            let lowered: i64 = known
                .iter()
                .filter(|one| one.payable.is_none() && one.amount_minor < 0)
                .map(|one| -one.amount_minor)
                .sum();
            let by_law: i64 = arrived
                .iter()
                .map(|one| &one.line)
                .filter(|one| one.carried_from.is_none() && one.heir.is_none())
                .filter(|one| (one.payee, &one.fund) == (payable.payee, &payable.fund))
                .filter(|one| one.amount_minor < 0 && determined(one) == of)
                .map(|one| -one.amount_minor)
                .sum();
            let used = inheriting.by_law.entry((payable.payee, of.clone())).or_default();
            let by_law = (by_law - *used).min(sum_minor);
            *used += by_law;
            let waits = lowered.min(waits_minor).min(sum_minor - by_law);
            waits_minor -= waits;
            let amount_minor = by_law + waits - sum_minor;
            if amount_minor < 0 {
                let last = known.iter().map(|one| one.revision).max();
                let revision = inheriting.next_revision(of, last);
                let (kind, carried_from) = (LineKind::Recovery, None);
                off.push(DueLine { kind, revision, amount_minor, carried_from, ..line.clone() });
            }
        }
        let lines = lines.into_iter().chain(off);
        let lines: Vec<DueLine> =
            lines.map(|line| DueLine { destination, heir: Some(number), ..line }).collect();
        let due_minor = lines.iter().map(|line| line.amount_minor).sum();
        Ok(Some(Directed { detail, lines, due_minor }))
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
