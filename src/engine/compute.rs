//! Decides every row of a cycle: who it is, what is owed, and why.
//!
//! Works shard by shard: reads the sealed rows of roster and register, reconciles, asks the law, and
//! commits decisions as evidence, rows that are not entitled as exceptions, and lines on their way to
//! the shard of their payee. A unit of shards is one commit; what is done is skipped after a restart.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;
use serde_json::json;

use crate::audit::leaf::Leaf;
use crate::domain::claim::Claim;
use crate::domain::cycle::{Cycle, CycleEvent, CycleState};
use crate::domain::exception::{Decision as OfficerDecision, Exception, RowOutcome, Subject};
use crate::domain::hold::HoldCode;
use crate::domain::identity::{IdentityRecord, VitalStatus};
use crate::domain::ids::{CycleNo, DestinationNo, EnrolmentNo, PersonNo, Shard};
use crate::domain::national_id::NationalId;
use crate::domain::period::Period;
use crate::domain::roster::{Channel, EnrolmentStatus, RosterRow};
use crate::domain::state::Named;
use crate::engine::chunks;
use crate::engine::import::{REGISTER_LEADING, ROSTER_LEADING};
use crate::engine::names::Keys;
use crate::engine::payout::{PayeeDetail, TravellingLine, rows, write_travelling};
use crate::engine::{Engine, EngineError, Programmes, aside};
use crate::pipeline::assemble::{DueLine, LineKind};
use crate::pipeline::entitle::{self, Entitled, Scratch, entitle_into};
use crate::pipeline::explain;
use crate::pipeline::intake::{Header, RegisterRow, register_row, roster_row};
use crate::pipeline::reconcile::{self, ReconcilePolicy, reconcile};
use crate::pipeline::records::Records;
use crate::rules::explain::Language;
use crate::rules::pack::BenefitKind;
use crate::rules::{Determined, DobPrecision, EnrolmentCase, LawBook, PersonCase, Sex};
use crate::store::Changes;
use crate::store::cycles::Tally;
use crate::store::registry::{Chunk, ChunkKind, PersonRow};

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
    /// Holds that an officer decided on: enrolment and code.
    resolutions: HashMap<(i64, String), OfficerDecision>,
    /// Accounts that too many people use.
    shared_accounts: HashSet<DestinationNo>,
    /// Enrolment ids that stand on the roster twice.
    twice: HashSet<EnrolmentNo>,
}

/// What is read for one shard.
struct Loaded {
    shard: Shard,
    roster: Vec<Chunk>,
    refused: Vec<Chunk>,
    register: Vec<Chunk>,
    persons: HashMap<PersonNo, i64>,
    claims: Vec<Claim>,
}

/// What one shard gives.
#[derive(Default)]
struct Decided {
    shard: Option<Shard>,
    evidence: Vec<u8>,
    evidence_items: i64,
    persons: Vec<PersonRow>,
    exceptions: Vec<Exception>,
    tally: BTreeMap<(RowOutcome, String, String, String), i64>,
    /// Lines by the shard of their payee.
    travelling: BTreeMap<Shard, (Vec<u8>, i64)>,
}

impl Engine {
    /// Decides every row. Goes on where an earlier run stopped.
    pub async fn compute(&self, cycle: &Cycle) -> Result<Cycle, EngineError> {
        if cycle.state != CycleState::Open {
            return Err(EngineError::refused(
                "C110",
                format!("cycle {} is {}", cycle.label(), cycle.state),
            ));
        }
        let import = self.store.import(cycle.roster).await?;
        let rows = import.map_or(0, |import| import.rows);
        let width = shards_a_unit(rows);
        let units = i64::from(256 / width);
        let terms = Arc::new(self.terms(cycle).await?);
        let done: HashSet<i64> =
            self.store.work_done(cycle.number, STAGE).await?.into_iter().collect();
        let mut committing: Option<tokio::task::JoinHandle<Result<(), EngineError>>> = None;
        for unit in 0..units {
            self.progress.at(STAGE, unit as u64, units as u64);
            if done.contains(&unit) {
                continue;
            }
            let mut loaded = Vec::new();
            for shard in shards_of(unit, width) {
                loaded.push(self.load(cycle, shard, &terms).await?);
            }
            let shared = terms.clone();
            let decided = aside(move || {
                // Made once for all shards of the unit: it costs as much as thousands of people.
                let pack = &shared.programmes.pack;
                let book = LawBook::new(pack, shared.cycle.law_known_at, shared.months.last());
                loaded
                    .into_par_iter()
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
            state => state.apply(CycleEvent::Recomputed)?,
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
        for chunk in self.store.chunks(Shard::new(0), ChunkKind::Shared, cycle.roster.0).await? {
            for item in chunks::open(&self.keys.chunks, &chunk)?.chunks_exact(9) {
                let number: [u8; 8] = item[1..].try_into().expect("nine bytes less one");
                let number = i64::from_be_bytes(number);
                match item[0] {
                    b'a' => shared_accounts.extend(DestinationNo::from_number(number)),
                    _ => twice.extend(EnrolmentNo::from_number(number)),
                }
            }
        }
        let resolutions = self
            .store
            .resolutions(cycle.period)
            .await?
            .into_iter()
            .map(|one| ((one.subject, one.code), one.decision))
            .collect();
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
            resolutions,
            shared_accounts,
            twice,
        })
    }

    async fn load(
        &self,
        cycle: &Cycle,
        shard: Shard,
        terms: &Terms,
    ) -> Result<Loaded, EngineError> {
        Ok(Loaded {
            shard,
            roster: self.store.chunks(shard, ChunkKind::Roster, cycle.roster.0).await?,
            refused: self.store.chunks(shard, ChunkKind::Refused, cycle.roster.0).await?,
            register: self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await?,
            persons: self.store.persons(shard).await?.into_iter().collect(),
            claims: self.store.claims(shard, terms.months.history_from).await?,
        })
    }

    async fn commit_unit(
        &self,
        cycle: CycleNo,
        unit: i64,
        decided: Vec<Decided>,
    ) -> Result<(), EngineError> {
        let mut changes = Changes::new();
        let mut travelling: BTreeMap<Shard, (Vec<u8>, i64)> = BTreeMap::new();
        for one in decided {
            let Some(shard) = one.shard else { continue };
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

/// A roster row with the numbers it was given at import.
struct Listed {
    person: PersonNo,
    enrolment: EnrolmentNo,
    check: i64,
    row: RosterRow,
}

/// How one row ended.
struct Ended {
    outcome: RowOutcome,
    code: String,
    detail: String,
    rule: &'static str,
}

/// Decides all rows of one shard.
fn decide(terms: &Terms, book: &LawBook<'_>, loaded: Loaded) -> Result<Decided, EngineError> {
    let mut decided = Decided { shard: Some(loaded.shard), ..Decided::default() };
    let mut listed = read_roster(terms, &loaded)?;
    listed.sort_by(|a, b| {
        (a.person, a.enrolment, a.row.line).cmp(&(b.person, b.enrolment, b.row.line))
    });
    let register = read_register(terms, &loaded)?;
    refused_rows(terms, &loaded, &mut decided)?;

    let decisions = reconcile_rows(terms, &listed, &register);
    let pack = book.pack();
    let mut history: HashMap<EnrolmentNo, Vec<&Claim>> = HashMap::new();
    for claim in &loaded.claims {
        history.entry(claim.enrolment).or_default().push(claim);
    }
    let mut scratch = Scratch::default();
    let mut entitled = Entitled::default();
    let mut at = 0;
    for rows in listed.chunk_by(|a, b| a.person == b.person) {
        let person = rows[0].person;
        let these = &decisions[at..at + rows.len()];
        at += rows.len();
        let known_check = loaded.persons.get(&person).copied();
        let made_check = rows.iter().map(|row| row.check).find(|check| *check != 0);
        if known_check.is_none() {
            decided.persons.push(person_row(terms, person, made_check.unwrap_or(0), &rows[0].row));
        }
        let mut ended = prior_ends(terms, rows, these, known_check.or(made_check));

        let record = these.iter().find_map(|decision| decision.record_no);
        let facts =
            rows.iter().map(|row| fact_row(terms, &row.row)).collect::<Result<Vec<_>, _>>()?;
        let histories: Vec<Vec<Determined>> =
            rows.iter().map(|row| determined(terms, history.get(&row.enrolment))).collect();
        let mut case_rows = Vec::new();
        let mut cases = Vec::new();
        for (place, listed) in rows.iter().enumerate() {
            if ended[place].is_some() {
                continue;
            }
            let benefit = pack.benefit(&listed.row.programme, &listed.row.benefit);
            let Some(benefit) = benefit else {
                return Err(EngineError::Inconsistent(
                    "a stored row names a benefit that the pack no longer has".to_owned(),
                ));
            };
            case_rows.push(place);
            cases.push(enrolment_case(listed, benefit, &facts[place], &histories[place]));
        }
        let first = &rows[case_rows.first().copied().unwrap_or(0)].row;
        let case = PersonCase {
            date_of_birth: first.date_of_birth.map(birth),
            sex: first.sex.map(sex),
            date_of_death: record.and_then(|number| died_on(&register, number, these)),
            enrolments: &cases,
        };
        if !cases.is_empty() {
            entitle_into(book, &terms.months, &case, &mut scratch, &mut entitled);
        } else {
            entitled = Entitled::default();
        }
        for (outcome, place) in entitled.outcomes.iter().zip(&case_rows) {
            let rule = these[*place].rule.id();
            ended[*place] = match outcome {
                entitle::Outcome::Entitled => None,
                entitle::Outcome::Nil(clause) => {
                    let clause = pack.clause_at(*clause);
                    Some(Ended {
                        outcome: RowOutcome::Nil,
                        code: clause.id.clone(),
                        detail: clause.reason.en.clone(),
                        rule,
                    })
                }
                entitle::Outcome::Held { held, missing } => {
                    let names: Vec<String> =
                        missing.iter().map(|input| pack.input_name(*input)).collect();
                    Some(Ended {
                        outcome: RowOutcome::Held,
                        code: held.code().to_owned(),
                        detail: match names.is_empty() {
                            true => "the law cannot decide this row".to_owned(),
                            false => format!("missing: {}", names.join(", ")),
                        },
                        rule,
                    })
                }
            };
        }

        for line in &entitled.lines {
            let place = case_rows[usize::from(line.enrolment)];
            let listed = &rows[place];
            let hold = match these[place].outcome {
                reconcile::Outcome::ConfirmedPayableHeld(code)
                    if !released(terms, listed.enrolment, code) =>
                {
                    Some(code)
                }
                _ => None,
            };
            let due = due_line(terms, listed, line, pack);
            let hold = hold.or_else(|| {
                let shared = listed.row.payee.is_none()
                    && terms.shared_accounts.contains(&due.destination)
                    && !released(terms, listed.enrolment, HoldCode::AccountShared);
                shared.then_some(HoldCode::AccountShared)
            });
            let travelling = TravellingLine { hold, detail: payee_detail(&listed.row), line: due };
            let (bytes, items) =
                decided.travelling.entry(travelling.line.payee.shard()).or_default();
            write_travelling(bytes, &travelling);
            *items += 1;
        }

        tell(terms, &mut decided, person, rows, these, &ended, &entitled, &case_rows, book)?;
    }
    Ok(decided)
}

/// How the rows of one person ended that do not go on to the law.
fn prior_ends(
    terms: &Terms,
    rows: &[Listed],
    decisions: &[reconcile::Decision],
    check: Option<i64>,
) -> Vec<Option<Ended>> {
    let mut ended: Vec<Option<Ended>> = Vec::with_capacity(rows.len());
    for (place, (listed, decision)) in rows.iter().zip(decisions).enumerate() {
        let end = |outcome, code: &str, detail: &str| {
            Some(Ended {
                outcome,
                code: code.to_owned(),
                detail: detail.to_owned(),
                rule: decision.rule.id(),
            })
        };
        let repeated = terms.twice.contains(&listed.enrolment)
            && rows[..place].iter().any(|other| other.enrolment == listed.enrolment);
        let collides =
            listed.check != 0 && check.is_some_and(|known| known != 0 && known != listed.check);
        ended.push(if repeated {
            end(RowOutcome::Refused, "I209", "this enrolment id stands on the roster already")
        } else if collides {
            end(RowOutcome::Refused, "I210", "the person's number belongs to another national id")
        } else if listed.row.status != EnrolmentStatus::Active {
            let detail = "the sender reports the enrolment as ended or paused";
            end(RowOutcome::Ceased, listed.row.status.name(), detail)
        } else {
            match decision.outcome {
                reconcile::Outcome::Held(code) if !released(terms, listed.enrolment, code) => {
                    end(RowOutcome::Held, code.text(), code.entry().en)
                }
                _ => None,
            }
        });
    }
    ended
}

fn enrolment_case<'a>(
    listed: &Listed,
    benefit: crate::rules::BenefitId,
    facts: &'a crate::rules::FactRow,
    history: &'a [Determined],
) -> EnrolmentCase<'a> {
    EnrolmentCase {
        key: listed.enrolment.number() as u64,
        benefit,
        decision_date: listed.row.decision_date,
        entitled_from: listed.row.entitled_from,
        entitled_to: listed.row.entitled_to,
        paid_through: listed.row.paid_through,
        facts,
        history,
    }
}

/// One row of a person as it is explained.
pub struct ExplainedRow {
    pub enrolment: EnrolmentNo,
    pub source_line: u64,
    pub programme: String,
    pub benefit: String,
    pub outcome: RowOutcome,
    pub code: String,
    pub rule: &'static str,
    /// Why the row was identified or held so, Vietnamese and English.
    pub identity: (&'static str, &'static str),
    /// Why the law gives what it gives, Vietnamese and English.
    pub law: (String, String),
    pub lines: Vec<ExplainedLine>,
}

/// One line as it is explained.
pub struct ExplainedLine {
    pub component: String,
    pub period: Period,
    pub kind: &'static str,
    pub revision: u16,
    pub amount_minor: i64,
    pub clauses: Vec<String>,
    pub vietnamese: String,
    pub english: String,
}

impl Engine {
    /// Decides one person's rows again, as the cycle did, with every reason. Fails when the result is
    /// not the stored evidence: an evaluator that was mended later may not rewrite history.
    pub async fn explain_person(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Vec<ExplainedRow>, EngineError> {
        let terms = self.terms(cycle).await?;
        let mut loaded = self.load(cycle, person.shard(), &terms).await?;
        // What this and later cycles determined was not known when it was decided.
        loaded.claims.retain(|claim| {
            claim.carried_from.map_or(claim.cycle, |from| from.cycle()) < cycle.number
        });
        let mut evidence = None;
        for chunk in self.store.chunks(person.shard(), ChunkKind::Evidence, cycle.number.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let told: serde_json::Value = serde_json::from_slice(line)
                    .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
                if told["person"] == person.to_string() {
                    evidence = Some(told);
                }
            }
        }
        explained(&terms, &loaded, person, evidence.as_ref())
    }
}

fn explained(
    terms: &Terms,
    loaded: &Loaded,
    person: PersonNo,
    evidence: Option<&serde_json::Value>,
) -> Result<Vec<ExplainedRow>, EngineError> {
    let mut listed = read_roster(terms, loaded)?;
    listed.sort_by_key(|row| (row.person, row.enrolment, row.row.line));
    let register = read_register(terms, loaded)?;
    let decisions = reconcile_rows(terms, &listed, &register);
    let Some(from) = listed.iter().position(|row| row.person == person) else { return Ok(vec![]) };
    let to = from + listed[from..].iter().take_while(|row| row.person == person).count();
    let (rows, these) = (&listed[from..to], &decisions[from..to]);
    let pack = &terms.programmes.pack;
    let book = LawBook::new(pack, terms.cycle.law_known_at, terms.months.last());
    let check = loaded.persons.get(&person).copied();
    let ended = prior_ends(terms, rows, these, check);
    let facts = rows.iter().map(|row| fact_row(terms, &row.row)).collect::<Result<Vec<_>, _>>()?;
    let histories: Vec<Vec<Determined>> = rows
        .iter()
        .map(|row| {
            let claims: Vec<&Claim> =
                loaded.claims.iter().filter(|claim| claim.enrolment == row.enrolment).collect();
            determined(terms, Some(&claims))
        })
        .collect();
    let mut case_rows = Vec::new();
    let mut cases = Vec::new();
    for (place, row) in rows.iter().enumerate().filter(|(place, _)| ended[*place].is_none()) {
        let benefit = pack.benefit(&row.row.programme, &row.row.benefit).ok_or_else(unwritten)?;
        case_rows.push(place);
        cases.push(enrolment_case(row, benefit, &facts[place], &histories[place]));
    }
    let first = &rows[case_rows.first().copied().unwrap_or(0)].row;
    let record = these.iter().find_map(|decision| decision.record_no);
    let case = PersonCase {
        date_of_birth: first.date_of_birth.map(birth),
        sex: first.sex.map(sex),
        date_of_death: record.and_then(|number| died_on(&register, number, these)),
        enrolments: &cases,
    };
    let entitled = match cases.is_empty() {
        true => Entitled::default(),
        false => entitle::entitle(&book, &terms.months, &case),
    };
    if let Some(evidence) = evidence {
        let stored: Vec<String> = evidence["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| format!("{} {} {}", line["period"], line["amount"], line["revision"]))
            .collect();
        let again: Vec<String> = entitled
            .lines
            .iter()
            .map(|line| {
                let (period, amount) = (line.period.to_string(), line.amount_minor.to_string());
                format!("{} {} {}", json!(period), json!(amount), json!(line.revision))
            })
            .collect();
        if stored != again {
            return Err(EngineError::refused(
                "E101",
                "the recomputed lines are not the stored evidence: what was decided stands, and this program explains it differently",
            ));
        }
    }
    let languages = [Language::Vietnamese, Language::English];
    let mut told = Vec::new();
    for (place, (row, decision)) in rows.iter().zip(these).enumerate() {
        let at_case = case_rows.iter().position(|at| *at == place);
        let (outcome, code, law) = match (&ended[place], at_case) {
            (Some(ended), _) => {
                (ended.outcome, ended.code.clone(), (ended.detail.clone(), ended.detail.clone()))
            }
            (None, Some(at)) => {
                let [vi, en] = languages.map(|language| {
                    explain::explain_outcome(
                        &book,
                        &terms.months,
                        &cases[at],
                        &entitled.outcomes[at],
                        language,
                    )
                });
                match &entitled.outcomes[at] {
                    entitle::Outcome::Entitled => (RowOutcome::Entitled, String::new(), (vi, en)),
                    entitle::Outcome::Nil(clause) => {
                        (RowOutcome::Nil, pack.clause_at(*clause).id.clone(), (vi, en))
                    }
                    entitle::Outcome::Held { held, .. } => {
                        (RowOutcome::Held, held.code().to_owned(), (vi, en))
                    }
                }
            }
            (None, None) => return Err(unwritten()),
        };
        let entry = decision.rule.entry();
        let mut lines = Vec::new();
        for line in
            entitled.lines.iter().filter(|line| Some(usize::from(line.enrolment)) == at_case)
        {
            let tell = |language| {
                explain::explain(&book, &terms.months, &case, line, language)
                    .map_err(|error| EngineError::refused("E101", error.to_string()))
            };
            lines.push(ExplainedLine {
                component: pack.component_at(line.component).id.clone(),
                period: line.period,
                kind: line.kind.word(),
                revision: line.revision,
                amount_minor: line.amount_minor,
                clauses: line.clause_ids(&book).iter().map(|id| (*id).to_owned()).collect(),
                vietnamese: tell(Language::Vietnamese)?,
                english: tell(Language::English)?,
            });
        }
        told.push(ExplainedRow {
            enrolment: row.enrolment,
            source_line: row.row.line,
            programme: row.row.programme.clone(),
            benefit: row.row.benefit.clone(),
            outcome,
            code,
            rule: decision.rule.id(),
            identity: (entry.vi, entry.en),
            law,
            lines,
        });
    }
    Ok(told)
}

/// Writes the evidence of one person, tallies the rows and keeps those that are not entitled.
#[allow(clippy::too_many_arguments)]
fn tell(
    terms: &Terms,
    decided: &mut Decided,
    person: PersonNo,
    rows: &[Listed],
    decisions: &[reconcile::Decision],
    ended: &[Option<Ended>],
    entitled: &Entitled,
    case_rows: &[usize],
    book: &LawBook<'_>,
) -> Result<(), EngineError> {
    let pack = book.pack();
    let shard = person.shard();
    let mut told_rows = Vec::with_capacity(rows.len());
    for ((listed, decision), ended) in rows.iter().zip(decisions).zip(ended) {
        let (outcome, code) = match ended {
            Some(ended) => (ended.outcome, ended.code.as_str()),
            None => (RowOutcome::Entitled, ""),
        };
        let key = (
            outcome,
            code.to_owned(),
            listed.row.programme.clone(),
            listed.row.province().to_owned(),
        );
        *decided.tally.entry(key).or_default() += 1;
        told_rows.push(json!({
            "enrolment": listed.enrolment.to_string(),
            "line": listed.row.line,
            "programme": listed.row.programme,
            "benefit": listed.row.benefit,
            "rule": decision.rule.id(),
            "identified_by": decision.identified_by.id(),
            "score": decision.score_millibits,
            "ladder": decision.ladder_version,
            "outcome": outcome.name(),
            "code": code,
        }));
        if let Some(ended) = ended {
            let number = decided.exceptions.len() as i64;
            decided.exceptions.push(Exception {
                shard,
                number,
                subject: Subject::Row,
                outcome: ended.outcome,
                code: ended.code.clone(),
                person,
                enrolment: Some(listed.enrolment),
                payable: None,
                source_line: Some(listed.row.line),
                detail: format!("{} (rule {})", ended.detail, ended.rule),
            });
        }
    }
    let told_lines: Vec<serde_json::Value> = entitled
        .lines
        .iter()
        .map(|line| {
            let listed = &rows[case_rows[usize::from(line.enrolment)]];
            let rates: serde_json::Map<String, serde_json::Value> = line
                .rates(book)
                .map(|(name, version)| (name.to_owned(), json!(rate_text(&version.value))))
                .collect();
            json!({
                "enrolment": listed.enrolment.to_string(),
                "benefit": listed.row.benefit,
                "component": pack.component_at(line.component).id,
                "period": line.period.to_string(),
                "kind": line.kind.word(),
                "revision": line.revision,
                "amount": line.amount_minor.to_string(),
                "fund": pack.fund_at(line.fund).id,
                "clauses": line.clause_ids(book),
                "rates": rates,
            })
        })
        .collect();
    let told = json!({
        "person": person.to_string(),
        "rows": told_rows,
        "lines": told_lines,
        "law_known_at": terms.cycle.law_known_at.to_string(),
        "pack": format!("{} {}", pack.id(), pack.version()),
    });
    serde_json::to_writer(&mut decided.evidence, &told)
        .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
    decided.evidence.push(b'\n');
    decided.evidence_items += 1;
    Ok(())
}

fn released(terms: &Terms, enrolment: EnrolmentNo, code: HoldCode) -> bool {
    terms.resolutions.get(&(enrolment.number(), code.text().to_owned()))
        == Some(&OfficerDecision::Release)
}

fn read_roster(terms: &Terms, loaded: &Loaded) -> Result<Vec<Listed>, EngineError> {
    let vocabulary = terms.programmes.vocabulary();
    let vocabulary = vocabulary.view();
    let header = Header::canonical_roster(ROSTER_LEADING, terms.programmes.fact_count());
    let mut listed = Vec::new();
    for chunk in &loaded.roster {
        let plain = chunks::open(&terms.keys.chunks, chunk)?;
        let mut records = Records::new(plain.as_slice());
        while let Some(record) = records.next_record().map_err(stored)? {
            let number = |at: usize| {
                record.field(at).and_then(|text| text.parse::<i64>().ok()).ok_or_else(unwritten)
            };
            let mut row = roster_row(&record, &header, &vocabulary).map_err(|_| unwritten())?;
            row.line = number(2)? as u64;
            listed.push(Listed {
                person: PersonNo::from_number(number(0)?).ok_or_else(unwritten)?,
                enrolment: EnrolmentNo::from_number(number(1)?).ok_or_else(unwritten)?,
                check: number(3)?,
                row,
            });
        }
    }
    Ok(listed)
}

fn read_register(terms: &Terms, loaded: &Loaded) -> Result<Vec<RegisterRow>, EngineError> {
    let header = Header::canonical_register(REGISTER_LEADING);
    let mut found = Vec::new();
    for chunk in &loaded.register {
        let plain = chunks::open(&terms.keys.chunks, chunk)?;
        let mut records = Records::new(plain.as_slice());
        while let Some(record) = records.next_record().map_err(stored)? {
            let line = record.field(0).and_then(|text| text.parse().ok()).ok_or_else(unwritten)?;
            let row = register_row(&record, &header).map_err(|_| unwritten())?;
            found.push(RegisterRow { line, ..row });
        }
    }
    Ok(found)
}

fn refused_rows(terms: &Terms, loaded: &Loaded, decided: &mut Decided) -> Result<(), EngineError> {
    for chunk in &loaded.refused {
        let plain = chunks::open(&terms.keys.chunks, chunk)?;
        let refused = rows(&plain, |row| {
            Ok((
                row.person(0)?,
                row.number(1)? as u64,
                row.text(2)?.to_owned(),
                row.text(4)?.to_owned(),
                row.text(5)?.to_owned(),
                row.text(6)?.to_owned(),
            ))
        })?;
        for (person, line, code, sentence, programme, province) in refused {
            let key = (RowOutcome::Refused, code.clone(), programme, province);
            *decided.tally.entry(key).or_default() += 1;
            let number = decided.exceptions.len() as i64;
            decided.exceptions.push(Exception {
                shard: loaded.shard,
                number,
                subject: Subject::Row,
                outcome: RowOutcome::Refused,
                code,
                person,
                enrolment: None,
                payable: None,
                source_line: Some(line),
                detail: sentence,
            });
        }
    }
    Ok(())
}

fn reconcile_rows(
    terms: &Terms,
    listed: &[Listed],
    register: &[RegisterRow],
) -> Vec<reconcile::Decision> {
    let pack = &terms.programmes.pack;
    let records: Vec<IdentityRecord<'_>> = register
        .iter()
        .filter_map(|row| {
            Some(IdentityRecord {
                record_no: row.line,
                national_id: NationalId::parse(&row.national_id).ok()?,
                previous_national_id: NationalId::parse(&row.previous_national_id).ok(),
                full_name: &row.full_name,
                born: row.date_of_birth,
                sex: row.sex,
                vital: row.vital,
            })
        })
        .collect();
    let enrolments: Vec<reconcile::Enrolment<'_>> = listed
        .iter()
        .map(|one| {
            let benefit = pack.benefit(&one.row.programme, &one.row.benefit);
            let entry = benefit.map(|benefit| pack.benefit_at(benefit));
            reconcile::Enrolment {
                enrolment_no: one.enrolment.number() as u64,
                person_no: one.person.number() as u64,
                national_id: Some(one.row.national_id.as_str()),
                full_name: &one.row.full_name,
                born: one.row.date_of_birth,
                sex: one.row.sex,
                benefit: benefit.map_or(u16::MAX, |benefit| benefit.0),
                paid_on_death: entry.is_some_and(|benefit| benefit.kind == BenefitKind::OneOff),
                // Accounts are compared across shards, at import.
                account: None,
                payee_authorised: one.row.payee.is_some(),
            }
        })
        .collect();
    reconcile(reconcile::Input {
        enrolments: &enrolments,
        register: &records,
        period: terms.cycle.period,
        policy: ReconcilePolicy { beneficiaries_per_account_max: terms.account_max },
    })
    .decisions
}

/// The register's day of death, when a row's decision rests on that record.
fn died_on(
    register: &[RegisterRow],
    record: u64,
    decisions: &[reconcile::Decision],
) -> Option<Date> {
    decisions.iter().find(|decision| decision.record_no == Some(record))?;
    match register.iter().find(|row| row.line == record)?.vital {
        VitalStatus::Deceased { on } => on,
        _ => None,
    }
}

fn fact_row(terms: &Terms, row: &RosterRow) -> Result<crate::rules::FactRow, EngineError> {
    let pack = &terms.programmes.pack;
    let mut facts = pack.fact_row();
    for (at, text) in row.facts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        facts.set(at, pack.parse_fact(at, text).map_err(|_| unwritten())?);
    }
    Ok(facts)
}

/// What earlier cycles determined for an enrolment, by month and component.
fn determined(terms: &Terms, claims: Option<&Vec<&Claim>>) -> Vec<Determined> {
    let pack = &terms.programmes.pack;
    let mut found: Vec<Determined> = Vec::new();
    for claim in claims.into_iter().flatten() {
        let Some(component) = pack.component(&claim.component) else { continue };
        match found.iter_mut().find(|one| one.period == claim.period && one.component == component)
        {
            Some(one) => {
                one.amount_minor += claim.amount_minor;
                one.revision = one.revision.max(claim.revision);
            }
            None => found.push(Determined {
                period: claim.period,
                component,
                revision: claim.revision,
                amount_minor: claim.amount_minor,
            }),
        }
    }
    found
}

fn due_line(
    terms: &Terms,
    listed: &Listed,
    line: &entitle::Line,
    pack: &crate::rules::Pack,
) -> DueLine {
    let row = &listed.row;
    let payee = match &row.payee {
        None => listed.person,
        Some(payee) if payee.national_id.is_empty() => {
            terms.keys.payee_of_name(&row.enrolment_id, &payee.name)
        }
        Some(payee) => terms.keys.person_of_id(&payee.national_id),
    };
    let account = match row.channel {
        Channel::Cash => pay_point(row),
        _ => row.account.as_str(),
    };
    DueLine {
        payee,
        beneficiary: listed.person,
        owner: listed.person,
        fund: pack.fund_at(line.fund).id.clone(),
        programme: row.programme.clone(),
        province: row.province().to_owned(),
        enrolment: listed.enrolment,
        benefit: row.benefit.clone(),
        component: pack.component_at(line.component).id.clone(),
        period: line.period,
        kind: LineKind::from_name(line.kind.word()).unwrap_or(LineKind::Regular),
        revision: line.revision,
        amount_minor: line.amount_minor,
        destination: terms.keys.destination(row.channel, &row.provider, account),
        carried_from: None,
    }
}

/// Cash is paid out in the commune, unless the roster names another pay point.
fn pay_point(row: &RosterRow) -> &str {
    match (row.channel, row.account.is_empty()) {
        (Channel::Cash, false) => &row.account,
        _ => &row.commune_code,
    }
}

fn payee_detail(row: &RosterRow) -> PayeeDetail {
    let payee = row.payee.as_ref();
    PayeeDetail {
        name: payee.map_or(&row.full_name, |payee| &payee.name).clone(),
        national_id: payee.map_or(&row.national_id, |payee| &payee.national_id).clone(),
        channel: row.channel,
        named: row.provider.clone(),
        account: row.account.clone(),
        account_name: row.account_name.clone(),
        pay_point: pay_point(row).to_owned(),
        collector: String::new(),
    }
}

/// A rate as evidence keeps it: exact digits.
fn rate_text(value: &crate::rules::value::Value<'_>) -> String {
    use crate::rules::value::Value;
    match value {
        Value::Int(number) => number.to_string(),
        Value::Decimal(exact) | Value::Money(exact) => exact.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Period(period) => period.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Enum(at) => at.to_string(),
        Value::Text(text) => (*text).to_owned(),
        Value::Unknown(_) => String::new(),
    }
}

fn person_row(terms: &Terms, person: PersonNo, check_hash: i64, row: &RosterRow) -> PersonRow {
    let told = json!({
        "national_id": row.national_id,
        "full_name": row.full_name,
        "date_of_birth": row.date_of_birth.map(|born| born.to_string()),
        "sex": row.sex.map(|sex| sex.word()),
    });
    PersonRow {
        number: person,
        check_hash,
        first_cycle: terms.cycle.number.0,
        sealed: terms
            .keys
            .persons
            .seal(&person.number().to_be_bytes(), told.to_string().as_bytes()),
    }
}

fn birth(born: crate::domain::identity::BirthDate) -> (Date, DobPrecision) {
    let precision = match (born.date(), born.month()) {
        (Some(_), _) => DobPrecision::Day,
        (None, Some(_)) => DobPrecision::Month,
        (None, None) => DobPrecision::Year,
    };
    (born.reckoned(), precision)
}

fn sex(sex: crate::domain::identity::Sex) -> Sex {
    match sex {
        crate::domain::identity::Sex::Female => Sex::Female,
        crate::domain::identity::Sex::Male => Sex::Male,
    }
}

fn stored(error: crate::pipeline::records::RecordError) -> EngineError {
    EngineError::Inconsistent(format!("a stored bundle cannot be read: {error}"))
}

fn unwritten() -> EngineError {
    EngineError::Inconsistent("a stored bundle has a row that we never write".to_owned())
}
