//! Decides every row of a cycle: who it is, what is owed, and why.
//!
//! Works shard by shard: reads the sealed rows of roster and register, reconciles, asks the law, and
//! commits decisions as evidence, rows that are not entitled as exceptions, and lines on their way to
//! the shard of their payee. A unit of shards is one commit; what is done is skipped after a restart.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;

use crate::audit::leaf::Leaf;
use crate::domain::claim::Claim;
use crate::domain::cycle::{Cycle, CycleEvent, CycleState};
use crate::domain::exception::Decision as OfficerDecision;
use crate::domain::ids::{CycleNo, DestinationNo, EnrolmentNo, PersonNo, Shard};
use crate::domain::period::parse_date;
use crate::domain::receivable::ReceivableCause;
use crate::engine::cycle::moved;
use crate::engine::import::PERHAPS_KNOWN;
use crate::engine::names::Keys;
use crate::engine::refused::RepeatedRow;
use crate::engine::{Engine, EngineError, Programmes, aside, chunks};
use crate::pipeline::entitle;
use crate::rules::LawBook;
use crate::store::Changes;
use crate::store::cycles::Tally;
use crate::store::registry::{Chunk, ChunkKind};

mod decide;
mod evidence;
mod explained;
mod judge;
mod listings;
mod seen;
mod stored;

use decide::{Decided, decide};
use evidence::PersonDecided;
pub use explained::{ExplainedLine, ExplainedRow};
use listings::EarlierRoster;
use seen::About;
pub use stored::{RefusedRow, refused_in};

/// The name of the stage in the table of work.
pub const STAGE: &str = "compute";
/// About how many rows one unit of shards has: one commit.
const ROWS_A_UNIT: i64 = 6_000;

/// Shards of one unit. The results do not depend on it: numbers are counted within shards.
pub fn shards_a_unit(rows: i64) -> u16 {
    let units = (rows / ROWS_A_UNIT).clamp(1, 256) as u16;
    (256 / units.next_power_of_two().min(256)).max(1)
}

/// The shards of a unit.
pub fn shards_of(unit: i64, width: u16) -> impl Iterator<Item = Shard> {
    let first = unit as u16 * width;
    (first..first + width).map(|number| Shard::new(number as u8))
}

/// What all shards of a cycle are decided with.
struct Terms {
    cycle: Cycle,
    keys: Arc<Keys>,
    programmes: Arc<Programmes>,
    months: entitle::Cycle,
    account_max: u32,
    /// The day on which the list was opened: nothing was decided after it.
    opened_on: Date,
    /// Holds of rows that officers have released, by enrolment and code, and what they had looked at.
    released: HashMap<(i64, String), Vec<About>>,
    /// Accounts that too many people use.
    shared_accounts: HashSet<DestinationNo>,
    /// Enrolment ids that stand on the roster twice.
    twice: HashSet<EnrolmentNo>,
    /// Those of them that were nobody's before, and stand there for two persons.
    of_two_persons: HashSet<EnrolmentNo>,
    /// What a person with two numbers is enrolled in a second time.
    under_both_numbers: HashSet<EnrolmentNo>,
    /// New enrolments that look like somebody's who is gone from the roster.
    perhaps_known: HashSet<EnrolmentNo>,
    /// People after whose death something was paid that is to be got back.
    estates: HashSet<PersonNo>,
}

/// One person of whom the evidence of a cycle tells.
pub(super) struct PersonStanding {
    pub person: PersonNo,
    /// Entitled, and nothing is to be paid for it on this list.
    pub has_nothing_new: bool,
}

/// A list that was computed and stands.
struct EarlierList {
    list: Cycle,
    /// Lines of its roster that were refused.
    refused: HashMap<Shard, BTreeSet<u64>>,
}

/// What is read for one shard.
struct Loaded {
    shard: Shard,
    roster: Vec<Chunk>,
    refused: Vec<Chunk>,
    register: Vec<Chunk>,
    persons: HashMap<PersonNo, i64>,
    claims: Vec<Claim>,
    /// The rosters of the lists that were computed, in the order in which they were opened, and last this one's.
    rosters: Vec<EarlierRoster>,
}

impl Engine {
    /// Decides every row. Goes on where an earlier run stopped.
    pub async fn compute(&self, cycle: &Cycle) -> Result<Cycle, EngineError> {
        if cycle.state != CycleState::Open {
            return Err(EngineError::refused(
                "C110",
                format!(
                    "cycle {label} is {}, and only an open one is computed; how far it is: chitra cycle status {label}. One \
                     that is computed and not sealed is computed anew with: chitra cycle run {label} --recompute",
                    cycle.state,
                    label = cycle.label()
                ),
            ));
        }
        self.store.must_be_sound().await?;
        let import = self.store.import(cycle.roster).await?;
        let rows = import.map_or(0, |import| import.rows);
        let width = shards_a_unit(rows);
        let units = i64::from(256 / width);
        let terms = Arc::new(self.terms(cycle).await?);
        let done: HashSet<i64> =
            self.store.work_done(cycle.number, STAGE).await?.into_iter().collect();
        let others = self.computed_lists(cycle).await?;
        let mut committing: Option<tokio::task::JoinHandle<Result<(), EngineError>>> = None;
        for unit in 0..units {
            self.progress.at(STAGE, unit as u64, units as u64);
            if done.contains(&unit) {
                continue;
            }
            let mut loaded = Vec::new();
            for shard in shards_of(unit, width) {
                loaded.push(self.load(cycle, &others, shard).await?);
            }
            let shared = terms.clone();
            let decided = aside(move || {
                // Made once for all shards of the unit: it costs as much as thousands of people.
                let pack = &shared.programmes.pack;
                let book = LawBook::new(pack, shared.cycle.law_known_at, shared.months.last());
                loaded
                    .par_iter()
                    .map(|one| decide(&shared, &book, one))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
            // One commit runs beside the deciding of the next unit, never two.
            if let Some(running) = committing.take() {
                finished(running).await?;
            }
            let engine = self.clone();
            let number = cycle.number;
            committing =
                Some(tokio::spawn(async move { engine.commit_unit(number, unit, decided).await }));
        }
        if let Some(running) = committing.take() {
            finished(running).await?;
        }
        self.progress.at(STAGE, units as u64, units as u64);
        Ok(cycle.clone())
    }

    /// Forgets a computation that is not sealed, so that resolved holds count in the next one.
    pub async fn recompute(&self, cycle: &Cycle) -> Result<Cycle, EngineError> {
        let next = match cycle.state {
            // A computation that was interrupted may be begun again as well.
            CycleState::Open => CycleState::Open,
            _ => moved(cycle, CycleEvent::Recomputed)?,
        };
        let mut changes = Changes::new();
        changes.computation_dropped(cycle.number);
        // A sealing that was refused or interrupted has fixed a manifest of what is now dropped.
        changes.manifest_dropped(cycle.number);
        changes.cycle_moved(cycle.number, cycle.state, next);
        changes.event(
            Leaf::of("cycle_recomputed", &self.stamp())
                .number("cycle", cycle.number.0)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(Cycle { state: next, manifest: None, sealed_at: None, ..cycle.clone() })
    }

    async fn terms(&self, cycle: &Cycle) -> Result<Terms, EngineError> {
        let mut shared_accounts = HashSet::new();
        let mut twice = HashSet::new();
        let mut of_two_persons = HashSet::new();
        let mut under_both_numbers = HashSet::new();
        let mut perhaps_known = HashSet::new();
        for chunk in self.store.chunks(Shard::new(0), ChunkKind::Shared, cycle.roster.0).await? {
            for item in chunks::open(&self.keys.chunks, &chunk)?.chunks_exact(9) {
                let number: [u8; 8] = item[1..].try_into().expect("nine bytes less one");
                let number = i64::from_be_bytes(number);
                match item[0] {
                    b'a' => shared_accounts.extend(DestinationNo::from_number(number)),
                    b'p' => of_two_persons.extend(EnrolmentNo::from_number(number)),
                    PERHAPS_KNOWN => perhaps_known.extend(EnrolmentNo::from_number(number)),
                    b'd' => under_both_numbers.extend(EnrolmentNo::from_number(number)),
                    _ => twice.extend(EnrolmentNo::from_number(number)),
                }
            }
        }
        let estates = self.store.standings_of(ReceivableCause::PostDeath).await?.into_iter();
        let mut released: HashMap<(i64, String), Vec<About>> = HashMap::new();
        for one in self.store.resolutions(cycle.period).await? {
            // What does not say what was looked at was decided before this was kept: a person looks again.
            if let (OfficerDecision::Release, Some(seen)) = (one.decision, one.seen) {
                released.entry((one.subject, one.code)).or_default().push(About::These(seen));
            }
        }
        Ok(Terms {
            cycle: cycle.clone(),
            keys: self.keys.clone(),
            programmes: self.programmes.clone(),
            months: entitle::Cycle {
                period: cycle.period,
                months: 1,
                history_from: self.config.history_from,
            },
            account_max: self.config.account_beneficiaries_max,
            opened_on: day_of(&cycle.opened_at)?,
            released,
            shared_accounts,
            twice,
            of_two_persons,
            under_both_numbers,
            perhaps_known,
            estates: estates.map(|one| one.receivable.person).collect(),
        })
    }

    /// The rows of these shards whose enrolment id stands on the roster twice and does not mean them.
    pub(super) async fn repeated_in(
        &self,
        cycle: &Cycle,
        shards: BTreeSet<Shard>,
    ) -> Result<Vec<RepeatedRow>, EngineError> {
        let terms = self.terms(cycle).await?;
        let mut found = Vec::new();
        for shard in shards {
            let roster = self.store.chunks(shard, ChunkKind::Roster, cycle.roster.0).await?;
            let loaded = Loaded {
                shard,
                roster,
                refused: vec![],
                register: vec![],
                persons: HashMap::new(),
                claims: vec![],
                rosters: vec![],
            };
            for one in stored::roster(&terms, &loaded)?.into_iter().filter(|one| one.is_repeated) {
                found.push(RepeatedRow {
                    line: one.row.line,
                    counted_under: one.person,
                    named: stored::named_person(&terms, &one).unwrap_or(one.person),
                    programme: one.row.programme.clone(),
                    province: one.row.province().to_owned(),
                    enrolment_id: one.row.enrolment_id,
                });
            }
        }
        Ok(found)
    }

    /// The other lists that were computed and stand, in the order in which they were opened.
    async fn computed_lists(&self, cycle: &Cycle) -> Result<Vec<EarlierList>, EngineError> {
        let mut lists = self.store.cycles().await?;
        lists.retain(|one| {
            let is_computed = one.state.is_computed() && one.state != CycleState::Cancelled;
            one.number != cycle.number && is_computed
        });
        let mut known = Vec::with_capacity(lists.len());
        for list in lists {
            let mut refused: HashMap<Shard, BTreeSet<u64>> = HashMap::new();
            for one in self.store.refused(list.number).await? {
                refused.entry(one.shard).or_default().extend(one.source_line);
            }
            known.push(EarlierList { list, refused });
        }
        Ok(known)
    }

    async fn load(
        &self,
        cycle: &Cycle,
        others: &[EarlierList],
        shard: Shard,
    ) -> Result<Loaded, EngineError> {
        let roster = self.store.chunks(shard, ChunkKind::Roster, cycle.roster.0).await?;
        let mut rosters = Vec::new();
        // Where nobody is listed now, nothing is decided.
        for one in others.iter().filter(|_| !roster.is_empty()) {
            rosters.push(self.earlier_roster(one, shard).await?);
        }
        rosters.push(EarlierRoster {
            list: cycle.number,
            period: cycle.period,
            kind: cycle.kind,
            roster: roster.clone(),
            refused: vec![],
            refused_lines: BTreeSet::new(),
            opened_on: day_of(&cycle.opened_at)?,
        });
        Ok(Loaded {
            shard,
            rosters,
            roster,
            refused: self.store.chunks(shard, ChunkKind::Refused, cycle.roster.0).await?,
            register: self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await?,
            persons: self.store.persons(shard).await?.into_iter().collect(),
            claims: self.store.claims(shard).await?,
        })
    }

    async fn earlier_roster(
        &self,
        earlier: &EarlierList,
        shard: Shard,
    ) -> Result<EarlierRoster, EngineError> {
        let cycle = &earlier.list;
        let refused_lines = earlier.refused.get(&shard).cloned().unwrap_or_default();
        let mut refused = Vec::new();
        for chunk in self.store.chunks(shard, ChunkKind::Refused, cycle.roster.0).await? {
            let rows = stored::refused_in(&chunks::open(&self.keys.chunks, &chunk)?)?;
            refused.extend(rows.iter().filter_map(|row| row.enrolment));
        }
        let roster = self.store.chunks(shard, ChunkKind::Roster, cycle.roster.0).await?;
        Ok(EarlierRoster {
            list: cycle.number,
            period: cycle.period,
            kind: cycle.kind,
            roster,
            refused,
            refused_lines,
            opened_on: day_of(&cycle.opened_at)?,
        })
    }

    /// Whom the evidence of a shard tells of, and whether something new is owed to them.
    pub(super) async fn decided_in(
        &self,
        cycle: &Cycle,
        shard: Shard,
    ) -> Result<Vec<PersonStanding>, EngineError> {
        let mut found = Vec::new();
        for chunk in self.store.chunks(shard, ChunkKind::Evidence, cycle.number.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let told: PersonDecided<'_> = serde_json::from_slice(line)
                    .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
                found.push(PersonStanding {
                    person: PersonNo::parse(&told.person).ok_or_else(stored::unwritten)?,
                    has_nothing_new: told.has_nothing_new(),
                });
            }
        }
        Ok(found)
    }

    async fn commit_unit(
        &self,
        cycle: CycleNo,
        unit: i64,
        decided: Vec<Decided>,
    ) -> Result<(), EngineError> {
        let mut changes = Changes::new();
        let mut travelling: BTreeMap<Shard, (Vec<u8>, i64)> = BTreeMap::new();
        let mut after_death = BTreeMap::new();
        let mut certain = HashSet::new();
        for one in decided {
            after_death.extend(one.after_death);
            certain.extend(one.certain);
            let shard = one.shard;
            for (to, (bytes, items)) in one.travelling {
                let (all, count) = travelling.entry(to).or_default();
                all.extend_from_slice(&bytes);
                *count += items;
            }
            changes.persons(one.persons);
            changes.exceptions(cycle, one.exceptions);
            changes.tallies(
                cycle,
                one.tally.into_iter().map(|((outcome, code, programme, province), rows)| Tally {
                    shard,
                    outcome,
                    code,
                    programme,
                    province,
                    rows,
                }),
            );
            if one.evidence_items > 0 {
                changes.chunks([chunks::seal(
                    &self.keys.chunks,
                    shard,
                    ChunkKind::Evidence,
                    cycle.0,
                    0,
                    one.evidence_items,
                    &one.evidence,
                )?]);
            }
        }
        let mut sealed = Vec::with_capacity(travelling.len());
        for (to, (bytes, items)) in travelling {
            sealed.push(chunks::seal(
                &self.keys.chunks,
                to,
                ChunkKind::Exchange,
                cycle.0,
                unit,
                items,
                &bytes,
            )?);
        }
        changes.chunks(sealed);
        self.reclaim_after_death(&after_death, &certain, &mut changes).await?;
        changes.work_done(cycle, STAGE, unit, &self.stamp());
        self.store.commit(changes).await?;
        Ok(())
    }
}

async fn finished(
    running: tokio::task::JoinHandle<Result<(), EngineError>>,
) -> Result<(), EngineError> {
    running
        .await
        .map_err(|error| EngineError::Inconsistent(format!("a commit ended early: {error}")))?
}

/// The day of a moment that was written by the office's clock.
fn day_of(moment: &str) -> Result<Date, EngineError> {
    let day = moment.get(..10).unwrap_or(moment);
    parse_date(day).map_err(|error| EngineError::Inconsistent(error.to_string()))
}
