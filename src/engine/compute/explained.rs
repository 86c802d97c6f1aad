//! Decides one person again, as the cycle did, with every reason in words.

use super::evidence::{Evidence, EvidenceLine};
use std::collections::{BTreeSet, HashMap};

use super::judge::{
    Judge, PersonRows, by_person, ended_before_the_law, holds_before_the_law, known, reconciled,
};
use super::listings::{EarlierRoster, Listings};
use super::seen::{About, released, seen};
use super::stored;
use super::{Loaded, Terms};
use crate::domain::claim::Claim;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::exception::RowOutcome;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{CycleNo, EnrolmentNo, PersonNo};
use crate::domain::period::Period;
use crate::domain::state::Named;
use crate::engine::assemble::STAGE as ASSEMBLED;
use crate::engine::{Engine, EngineError, chunks};
use crate::pipeline::assemble::LineKind;
use crate::pipeline::entitle::Entitled;
use crate::pipeline::explain;
use crate::report::wording;
use crate::report::words::Words;
use crate::rules::LawBook;
use crate::rules::explain::Language;
use crate::store::registry::ChunkKind;

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
    /// Holds that would have kept the row back, and did not, because officers had released them.
    pub set_aside: Vec<HoldCode>,
    /// What an officer sees who decides now about those holds, or about the one that is in force.
    pub seen: HashMap<HoldCode, i64>,
    pub lines: Vec<ExplainedLine>,
}

/// One line as it is explained.
#[derive(Clone)]
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

/// Why what is told of a row is what the list kept, and not worked out again.
const AS_KEPT: Words = Words::fixed(
    "Danh sách khác của người này đã được tính hoặc bị hủy sau khi danh sách này được tính, nên không tính lại được như khi đó; dưới đây là kết quả mà danh sách này đã lưu.",
    "Another list of this person was computed or given up after this one was computed, so that it cannot be worked out again as it was then; what follows is what this list has kept.",
);

impl Engine {
    /// Decides one person's rows again, as the cycle did, with every reason. Where another list has come or
    /// gone since, so that what was known then is known no more, tells what the cycle has kept. Fails when
    /// the result is not the stored evidence and nothing explains it: an evaluator that was mended later may
    /// not rewrite history.
    pub async fn explain_person(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Vec<ExplainedRow>, EngineError> {
        let mut terms = self.terms(cycle).await?;
        let others = self.computed_lists(cycle).await?;
        let mut loaded = self.load(cycle, &others, person.shard()).await?;
        let mut claims = Vec::new();
        for claim in std::mem::take(&mut loaded.claims) {
            if claim.person == person {
                claims.push((self.determined_in(&claim).await?, claim));
            }
        }
        let stored = self.kept_of(cycle, person).await?;
        if let Some(kept) = &stored {
            self.released_then(kept, cycle, &mut terms).await?;
        }
        // What this and later cycles determined was not known when it was decided.
        let mut lists: BTreeSet<CycleNo> = claims.iter().map(|(list, _)| *list).collect();
        lists.remove(&cycle.number);
        let by_number: BTreeSet<CycleNo> =
            lists.iter().copied().filter(|list| *list < cycle.number).collect();
        let known_to = |known: &BTreeSet<CycleNo>| {
            let known = claims.iter().filter(|(list, _)| known.contains(list));
            known.map(|(_, claim)| claim.clone()).collect()
        };
        let rosters = std::mem::take(&mut loaded.rosters);
        let listed_by = |is_known: &dyn Fn(CycleNo) -> bool| -> Vec<EarlierRoster> {
            let known = |one: &&EarlierRoster| one.list == cycle.number || is_known(one.list);
            rosters.iter().filter(known).cloned().collect()
        };
        loaded.claims = known_to(&by_number);
        loaded.rosters = listed_by(&|list| list < cycle.number);
        let first = explained(&terms, &loaded, person)?;
        let Some(kept) = stored.filter(|kept| first.lines != kept.lines) else {
            return Ok(first.rows);
        };
        // A list that was opened earlier may have been computed later, and the other way round. Two moments
        // of one second do not say which was first.
        let order = self.order_of_computing(cycle, &lists).await?;
        for known in [&order.surely_before, &order.perhaps_before] {
            loaded.claims = known_to(known);
            loaded.rosters = listed_by(&|list| order.computed_before.contains(&list));
            let again = explained(&terms, &loaded, person)?;
            if again.lines == kept.lines {
                return Ok(again.rows);
            }
        }
        let own = claims.iter().filter(|(list, _)| *list == cycle.number).map(|(_, claim)| claim);
        if order.has_moved && kept.is_what_was_claimed(own) {
            return Ok(kept.told(first.rows));
        }
        Err(EngineError::refused(
            "E101",
            format!(
                "the recomputed lines are not the stored evidence of {}: what was decided stands, and this program explains \
                 it differently. Explain it with the program that computed the cycle, and tell the maintainers",
                cycle.label()
            ),
        ))
    }

    /// What a cycle has kept of a person; the newest, when there are two.
    async fn kept_of(
        &self,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<Option<KeptPerson>, EngineError> {
        let name = person.to_string();
        let mut found = None;
        for chunk in self.store.chunks(person.shard(), ChunkKind::Evidence, cycle.number.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let told: Evidence<'_> = serde_json::from_slice(line)
                    .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
                if told.person == name {
                    found = Some(KeptPerson::of(&told)?);
                }
            }
        }
        Ok(found)
    }

    /// Which lists of a person were computed before a cycle was, and whether what was known then may be known
    /// no more: a list was given up, or computed since although it was opened earlier.
    async fn order_of_computing(
        &self,
        cycle: &Cycle,
        lists: &BTreeSet<CycleNo>,
    ) -> Result<Order, EngineError> {
        let mut order = Order::default();
        let computed = self.store.work_done_between(cycle.number, super::STAGE).await?;
        let Some((first, last)) = computed else { return Ok(order) };
        for other in self.store.cycles().await?.iter().filter(|one| one.number != cycle.number) {
            order.has_moved |= other.state == CycleState::Cancelled;
            let Some((_, done)) = self.store.work_done_between(other.number, ASSEMBLED).await?
            else {
                continue;
            };
            order.has_moved |= done >= first && other.number < cycle.number;
            if done <= last {
                order.computed_before.insert(other.number);
            }
            if lists.contains(&other.number) && done < first {
                order.surely_before.insert(other.number);
            }
            if lists.contains(&other.number) && done <= last {
                order.perhaps_before.insert(other.number);
            }
        }
        Ok(order)
    }

    /// Puts the decisions of officers back to those that counted when a person was decided: what held a row
    /// then had not been released, whatever was decided since; and what was ever released and did not hold it
    /// had been.
    async fn released_then(
        &self,
        kept: &KeptPerson,
        cycle: &Cycle,
        terms: &mut Terms,
    ) -> Result<(), EngineError> {
        let mut counted: HashMap<(i64, String), Vec<About>> = HashMap::new();
        for row in &kept.rows {
            let is_held = row.outcome == RowOutcome::Held;
            for one in self.store.resolutions_on(row.enrolment.number(), Some(cycle.period)).await?
            {
                if one.releases() && !(is_held && one.code == row.code) {
                    // An earlier program did not ask what had been looked at.
                    let about = one.seen.map_or(About::Anything, About::These);
                    counted.entry((one.subject, one.code)).or_default().push(about);
                }
            }
        }
        terms.released = counted;
        Ok(())
    }
}

/// Lists of a person by when they were computed.
#[derive(Default)]
struct Order {
    surely_before: BTreeSet<CycleNo>,
    perhaps_before: BTreeSet<CycleNo>,
    /// Of all lists, whoever is on them: computed before this one was, or in the same second.
    computed_before: BTreeSet<CycleNo>,
    has_moved: bool,
}

/// What of a line must come out again as it was written down.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct StoredLine {
    period: Period,
    amount_minor: i64,
    revision: u16,
}

/// What a cycle has kept of a person.
struct KeptPerson {
    rows: Vec<KeptRow>,
    lines: Vec<StoredLine>,
}

struct KeptRow {
    enrolment: EnrolmentNo,
    source_line: u64,
    outcome: RowOutcome,
    code: String,
    lines: Vec<ExplainedLine>,
}

impl KeptPerson {
    fn of(told: &Evidence<'_>) -> Result<KeptPerson, EngineError> {
        let mut rows = Vec::new();
        for row in &told.rows {
            let of_row = told.lines.iter().filter(|line| line.enrolment == row.enrolment);
            let outcome = RowOutcome::from_name(&row.outcome).ok_or_else(stored::unwritten)?;
            rows.push(KeptRow {
                enrolment: EnrolmentNo::parse(&row.enrolment).ok_or_else(stored::unwritten)?,
                source_line: row.line,
                outcome,
                code: row.code.to_string(),
                lines: match outcome {
                    // The same id may stand on a second row, which is refused.
                    RowOutcome::Refused => Vec::new(),
                    _ => of_row.map(kept_line).collect::<Result<_, _>>()?,
                },
            });
        }
        let lines = told.lines.iter().map(|line| {
            Ok(StoredLine {
                period: line.period.parse().map_err(|_| stored::unwritten())?,
                amount_minor: line.amount.parse().map_err(|_| stored::unwritten())?,
                revision: line.revision,
            })
        });
        let lines = lines.collect::<Result<_, EngineError>>()?;
        Ok(KeptPerson { rows, lines })
    }

    /// Whether the lines are those that became the claims of the list.
    fn is_what_was_claimed<'a>(&self, claims: impl Iterator<Item = &'a Claim>) -> bool {
        let mut claimed: Vec<StoredLine> = claims
            .map(|claim| StoredLine {
                period: claim.period,
                amount_minor: claim.amount_minor,
                revision: claim.revision,
            })
            .collect();
        let mut kept: Vec<&StoredLine> = self.lines.iter().collect();
        claimed.sort();
        kept.sort();
        claimed.iter().eq(kept)
    }

    /// The rows as they were kept; a reason that came out again stands as it is.
    fn told(self, again: Vec<ExplainedRow>) -> Vec<ExplainedRow> {
        let mut told = Vec::new();
        for (mut row, kept) in again.into_iter().zip(self.rows) {
            // Both are in the order of enrolments and lines.
            debug_assert_eq!((row.enrolment, row.source_line), (kept.enrolment, kept.source_line));
            let same = |one: &ExplainedLine, other: &ExplainedLine| {
                (one.period, &one.component, one.amount_minor, one.revision)
                    == (other.period, &other.component, other.amount_minor, other.revision)
            };
            let is_as_it_was = (row.outcome, &row.code) == (kept.outcome, &kept.code)
                && row.lines.len() == kept.lines.len()
                && row.lines.iter().zip(&kept.lines).all(|(one, other)| same(one, other));
            if !is_as_it_was {
                row.law = (AS_KEPT.vi.into_owned(), AS_KEPT.en.into_owned());
                row.outcome = kept.outcome;
                row.code = kept.code;
                row.lines = kept
                    .lines
                    .into_iter()
                    .map(|line| match row.lines.iter().find(|one| same(one, &line)) {
                        Some(one) => one.clone(),
                        None => line,
                    })
                    .collect();
            }
            told.push(row);
        }
        told
    }
}

/// A line without the sentences that working it out again would give.
fn kept_line(line: &EvidenceLine<'_>) -> Result<ExplainedLine, EngineError> {
    let clauses: Vec<String> = line.clauses.iter().map(|id| id.to_string()).collect();
    let rates: Vec<String> =
        line.rates.iter().map(|(name, digits)| format!("{name} = {digits}")).collect();
    let (of, by) = (clauses.join(", "), rates.join(", "));
    Ok(ExplainedLine {
        component: line.component.to_string(),
        period: line.period.parse().map_err(|_| stored::unwritten())?,
        kind: LineKind::ALL
            .iter()
            .find(|(word, _)| *word == line.kind)
            .map(|(word, _)| *word)
            .ok_or_else(stored::unwritten)?,
        revision: line.revision,
        amount_minor: line.amount.parse().map_err(|_| stored::unwritten())?,
        vietnamese: format!("Như đã lưu: điều khoản {of}; mức {by}."),
        english: format!("As it was kept: clauses {of}; rates {by}."),
        clauses,
    })
}

/// A person as worked out again: the rows, and all their lines.
struct Again {
    rows: Vec<ExplainedRow>,
    lines: Vec<StoredLine>,
}

fn explained(terms: &Terms, loaded: &Loaded, person: PersonNo) -> Result<Again, EngineError> {
    let listed = stored::roster(terms, loaded)?;
    let listings = Listings::read(terms, &loaded.rosters, &listed)?;
    let register = stored::register(terms, loaded)?;
    let decisions = reconciled(terms, &listed, &register);
    let from = listed.partition_point(|row| row.person < person);
    let to = listed.partition_point(|row| row.person <= person);
    if from == to {
        return Ok(Again { rows: vec![], lines: vec![] });
    }
    let rows = PersonRows { listed: &listed[from..to], decisions: &decisions[from..to] };
    let pack = &terms.programmes.pack;
    let book = LawBook::new(pack, terms.cycle.law_known_at, terms.months.last());
    let check = loaded.persons.get(&person).copied();
    let history = by_person(&loaded.claims);
    let claims = history.get(&person).map_or(&[][..], Vec::as_slice);
    let ended = ended_before_the_law(terms, &register, rows, check, claims);
    let known = known(terms, rows, &ended, claims, &listings)?;
    let mut entitled = Entitled::default();
    let mut judge = Judge::new(terms, &book, &register);
    let judged = judge.person(rows, ended, &known, &mut entitled)?;
    let lines = entitled.lines.iter().map(|line| StoredLine {
        period: line.period,
        amount_minor: line.amount_minor,
        revision: line.revision,
    });
    let lines = lines.collect();
    let mut told = Vec::new();
    for (place, (row, decision)) in rows.listed.iter().zip(rows.decisions).enumerate() {
        let asked_at = judged.asked.iter().position(|at| *at == place);
        let (outcome, code, detail) = match &judged.ended[place] {
            Some(ended) => (ended.outcome, ended.code.clone(), ended.detail.clone()),
            None => (RowOutcome::Entitled, String::new(), String::new()),
        };
        let law = match asked_at.filter(|_| outcome != RowOutcome::Ceased) {
            // What ends before the law is asked is told by its code, in both languages.
            None => {
                let of_code = wording::hold(&code).map(|(why, _)| why).or(wording::row_code(&code));
                let Words { vi, en } = of_code.unwrap_or(Words::name(detail));
                (vi.into_owned(), en.into_owned())
            }
            Some(at) => {
                let [vi, en] = [Language::Vietnamese, Language::English].map(|language| {
                    let (case, outcome) = (&judged.cases[at], &entitled.outcomes[at]);
                    explain::explain_outcome(&book, &terms.months, case, outcome, language)
                });
                (vi, en)
            }
        };
        let mut lines = Vec::new();
        for line in
            entitled.lines.iter().filter(|line| Some(usize::from(line.enrolment)) == asked_at)
        {
            let tell = |language| {
                explain::explain(&book, &terms.months, &judged.case(), line, language)
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
        let set_aside: Vec<HoldCode> = match outcome {
            // Of these the holds were never asked.
            RowOutcome::Refused | RowOutcome::Ceased => Vec::new(),
            _ => holds_before_the_law(terms, row, decision)
                .filter(|held| released(terms, &register, rows, place, *held))
                .collect(),
        };
        let in_force = code.parse::<HoldCode>().ok().filter(|_| outcome == RowOutcome::Held);
        let seen_now = set_aside.iter().copied().chain(in_force);
        let seen = seen_now.map(|held| (held, seen(terms, &register, rows, place, held))).collect();
        let rule = match outcome {
            RowOutcome::Held => decision.rule_of(&code),
            _ => decision.rule,
        };
        told.push(ExplainedRow {
            enrolment: row.enrolment,
            source_line: row.row.line,
            programme: row.row.programme.clone(),
            benefit: row.row.benefit.clone(),
            outcome,
            code,
            rule: rule.id(),
            identity: (rule.entry().vi, rule.entry().en),
            law,
            set_aside,
            seen,
            lines,
        });
    }
    Ok(Again { rows: told, lines })
}
