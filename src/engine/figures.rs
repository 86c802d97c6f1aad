//! The figures of a cycle as officers and auditors read them, summed from the store.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleKind, CycleState};
use crate::domain::exception::RowOutcome;
use crate::domain::ids::{PersonNo, Shard};
use crate::domain::instruction::InstructionState;
use crate::domain::list::PaymentList;
use crate::domain::payable::PayableState;
use crate::domain::state::Named;
use crate::engine::collect::ageing::Overdue;
use crate::engine::report::failure;
use crate::engine::{Engine, EngineError};
use crate::pipeline::account::{
    self, Identity, Input, NOTHING_NEW, Part, hindrances, identities, person_outcome, total, worse,
};
use crate::report::cycle::{FailureTally, ListSigned};
use crate::store::cycles::Tally;
use crate::store::registry::ChunkKind;
use crate::store::sums::{InstructionSum, OutcomeOf, PayableSum};

/// Everything that a status or report says of a cycle.
pub struct Figures {
    pub cycle: Cycle,
    pub rows_listed: i64,
    pub rows: BTreeMap<RowOutcome, i64>,
    pub tallies: Vec<Tally>,
    pub payables: BTreeMap<PayableState, Part>,
    pub sums: Vec<PayableSum>,
    pub instruction_sums: Vec<InstructionSum>,
    /// Those who stand on the roster, as they were counted when their rows were.
    pub people_listed: i64,
    /// Those whom the roster does not have, and to whom money of earlier lists was carried.
    pub people_carried: i64,
    pub people: BTreeMap<&'static str, i64>,
    pub failures: Vec<FailureTally>,
    pub batches: Vec<Batch>,
    pub lists: Vec<PaymentList>,
    /// The same lists, with who put their name under each.
    pub signed: Vec<ListSigned>,
    pub identities: Vec<Identity>,
    pub hindrances: Vec<String>,
    /// The claims behind the payables: those that they own, and those that went with carried ones.
    pub claims_minor: i128,
    /// What was kept back of payments for receivables; negative.
    pub recoveries: Part,
    /// What was kept back of payments for orders of courts; negative.
    pub court_orders: Part,
    pub suspense: Part,
    /// Of what is pending: the answer is overdue, so that collecting or closing makes it unknown.
    pub overdue: Part,
    pub discrepancies: i64,
    /// Orders of the cycle for which a partner names a second transaction, as long as nobody has settled it.
    pub perhaps_twice: Part,
    pub receivables: i64,
    /// What is halted: partners, cycles, or everything.
    pub halted: Vec<String>,
}

impl Figures {
    pub fn balanced(&self) -> bool {
        self.identities.iter().all(Identity::holds)
    }

    /// Rows that nobody has decided about yet: those that a computation has not come to.
    pub fn undecided(&self) -> i64 {
        match self.cycle.state.is_computed() {
            true => 0,
            false => (self.rows_listed - self.rows.values().sum::<i64>()).max(0),
        }
    }

    /// The form that `chitra cycle status --json` prints.
    pub fn to_json(&self) -> Value {
        let rows = |outcome: RowOutcome| self.rows.get(&outcome).copied().unwrap_or(0);
        let part = |state: PayableState| self.payables.get(&state).copied().unwrap_or_default();
        let all = total(&self.payables);
        let mut payables = serde_json::Map::new();
        let mut money = serde_json::Map::new();
        payables.insert("total".to_owned(), json!(all.count));
        money.insert("total".to_owned(), json!(all.minor.to_string()));
        for (word, state) in account::payable_words() {
            payables.insert(word.to_owned(), json!(part(state).count));
            money.insert(word.to_owned(), json!(part(state).minor.to_string()));
        }
        let mut people = serde_json::Map::new();
        people.insert("total".to_owned(), json!(self.people_listed + self.people_carried));
        for word in account::PERSON_OUTCOMES.iter().filter(|word| **word != "total") {
            people.insert((*word).to_owned(), json!(self.people.get(word).copied().unwrap_or(0)));
        }
        let files: Vec<Value> = self
            .batches
            .iter()
            .map(|batch| {
                json!({
                    "name": batch.file_name,
                    "format": batch.format,
                    "channel": batch.channel.name(),
                    "provider": batch.provider,
                    "value_date": batch.value_date.to_string(),
                    "created_at": batch.created_at,
                    "count": batch.count,
                    "total": batch.total_minor.to_string(),
                    "sha256": batch.sha256,
                    "state": batch.state.name(),
                    "list": batch.list.0,
                })
            })
            .collect();
        let lists: Vec<Value> = self
            .lists
            .iter()
            .map(|list| {
                json!({ "list": list.number.0, "state": list.state.name(), "digest": list.digest })
            })
            .collect();
        json!({
            "cycle": self.cycle.label(),
            "number": self.cycle.number.0,
            "period": self.cycle.period.to_string(),
            "kind": self.cycle.kind.name(),
            "state": self.cycle.state.name(),
            "rows": {
                "listed": self.rows_listed,
                "refused": rows(RowOutcome::Refused),
                "ceased": rows(RowOutcome::Ceased),
                "held": rows(RowOutcome::Held),
                "nil": rows(RowOutcome::Nil),
                "entitled": rows(RowOutcome::Entitled),
                "undecided": self.undecided(),
            },
            "payables": payables,
            "money": money,
            "people": people,
            "people_listed": self.people_listed,
            "people_carried": self.people_carried,
            "suspense": { "count": self.suspense.count, "minor": self.suspense.minor.to_string() },
            "recoveries": { "count": self.recoveries.count, "minor": self.recoveries.minor.to_string() },
            "court_orders": { "count": self.court_orders.count, "minor": self.court_orders.minor.to_string() },
            "overdue": { "count": self.overdue.count, "minor": self.overdue.minor.to_string() },
            "discrepancies": self.discrepancies,
            "perhaps_twice": { "count": self.perhaps_twice.count, "minor": self.perhaps_twice.minor.to_string() },
            "receivables": self.receivables,
            "halted": self.halted,
            "balanced": self.balanced(),
            "identities": self.identities.iter().map(|one| json!({
                "name": one.name, "left": one.left, "right": one.right, "holds": one.holds(),
            })).collect::<Vec<_>>(),
            "hinders_closing": self.hindrances,
            "lists": lists,
            "files": files,
        })
    }
}

/// How often a cycle is summed at most while other commands move its money.
const SUMMED_MAX: u32 = 5;

impl Engine {
    /// Sums a cycle, and says whether it balances: what `cycle status`, closing and the report tell. Reads
    /// every shard once, for the people.
    pub async fn figures(&self, cycle: &Cycle) -> Result<Figures, EngineError> {
        Ok(self.figures_counted(cycle).await?.0)
    }

    /// The same, with how often money of the cycle had moved. While other commands move some, it is summed again:
    /// what is read of both sides of a move does not balance.
    pub(super) async fn figures_counted(
        &self,
        cycle: &Cycle,
    ) -> Result<(Figures, i64), EngineError> {
        let mut tried = 0;
        loop {
            let moves = self.store.cycle_moves(cycle.number).await?;
            let figures = self.summed(cycle).await?;
            tried += 1;
            let is_still = self.store.cycle_moves(cycle.number).await? == moves;
            if is_still || figures.balanced() || tried == SUMMED_MAX {
                return Ok((figures, moves));
            }
        }
    }

    async fn summed(&self, cycle: &Cycle) -> Result<Figures, EngineError> {
        let import = self.store.import(cycle.roster).await?;
        // Of a cycle that was given up nothing counts, not even what stood on its list.
        let rows_listed = match cycle.state {
            CycleState::Cancelled => 0,
            _ => import.map_or(0, |import| import.rows),
        };
        let tallies = self.store.tallies(cycle.number).await?;
        let mut rows: BTreeMap<RowOutcome, i64> = BTreeMap::new();
        for tally in &tallies {
            *rows.entry(tally.outcome).or_default() += tally.rows;
        }
        let sums = self.store.payable_sums(cycle.number).await?;
        let mut payables: BTreeMap<PayableState, Part> = BTreeMap::new();
        let mut carried_out = Part::default();
        for sum in &sums {
            payables
                .entry(as_seen(sum.state, sum.batch))
                .or_default()
                .add(sum.count, sum.total_minor);
            if sum.carried {
                carried_out.add(sum.count, sum.total_minor);
            }
        }
        let batches = self.store.batches(cycle.number).await?;
        let instruction_sums = self.store.instruction_sums(cycle.number).await?;
        let mut instructed: BTreeMap<i64, Part> = BTreeMap::new();
        let mut settled = Part::default();
        let mut overdue = Part::default();
        let silent = self.overdue(cycle, &batches).await?;
        for sum in &instruction_sums {
            instructed.entry(sum.batch.0).or_default().add(sum.count, sum.total_minor);
            if sum.state == InstructionState::Settled {
                settled.add(sum.count, sum.total_minor);
            }
            if sum.state == InstructionState::InBatch && silent.contains_key(&sum.batch) {
                overdue.add(sum.count, sum.total_minor);
            }
        }
        for (batch, how) in &silent {
            let Overdue::UnlessHeardSince(since) = how else { continue };
            let (count, minor) = self.store.in_process_sum(cycle.number, *batch, since).await?;
            overdue =
                Part { count: overdue.count - count, minor: overdue.minor - i128::from(minor) };
        }
        let (claim_count, claim_minor) = self.store.claim_sum(cycle.number).await?;
        let (recovery_count, recovery_minor) = self.store.recovery_sum(cycle.number).await?;
        let (court_count, court_minor) = self.store.deduction_sum(cycle.number).await?;
        let (suspense_count, suspense_minor) = self.store.suspense(cycle.number).await?;
        let mut ordered_first = Part::default();
        for (_, _, count, minor) in self.store.batch_sums(cycle.number).await? {
            ordered_first.add(count, minor);
        }
        // Orders that are in another file now were ordered by the one that never left.
        for moved in self.store.moved(cycle.number).await? {
            instructed.entry(moved.from.0).or_default().add(moved.count, moved.total_minor);
            if batches.iter().any(|batch| batch.number == moved.from && batch.list.0 == 0) {
                ordered_first.add(moved.count, moved.total_minor);
            }
        }
        let people = self.people(cycle).await?;
        let failures: Vec<FailureTally> =
            self.store.failure_sums(cycle.number).await?.iter().map(failure).collect();
        let mut failed = Part::default();
        for one in failures.iter().filter(|one| one.aftermath.leaves_it_failed()) {
            failed =
                Part { count: failed.count + one.part.count, minor: failed.minor + one.part.minor };
        }
        let lists = self.store.lists(cycle.number).await?;
        let signed = self.lists_signed(cycle, &lists).await?;
        let counting = || signed.iter().flat_map(ListSigned::counting);
        let verified = counting().filter(|one| one.is_verified).count();
        let part = |count: i64, minor: i64| Part { count, minor: i128::from(minor) };
        let input = Input {
            cycle,
            rows_listed,
            rows: rows.clone(),
            payables: payables.clone(),
            ordered_first,
            claims: part(claim_count, claim_minor),
            carried_out_claims: carried_out,
            recoveries: part(recovery_count, recovery_minor),
            court_orders: part(court_count, court_minor),
            instructed,
            settled,
            overdue,
            batches: &batches,
            people_listed: people.listed,
            people_carried: people.carried,
            people: people.by_outcome.clone(),
            failed,
            signed: (verified as i64, counting().count() as i64),
            suspense: part(suspense_count, suspense_minor),
        };
        let mut perhaps_twice = Part::default();
        for one in self.store.discrepancy_sums(cycle.number).await? {
            if one.kind == DiscrepancyKind::PaidTwice && one.is_open && one.is_of_cycle {
                perhaps_twice.count += one.count;
                perhaps_twice.minor += one.reported_minor;
            }
        }
        let identities = identities(&input);
        let hindrances = hindrances(&input, self.config.currency);
        Ok(Figures {
            cycle: cycle.clone(),
            rows_listed,
            rows,
            tallies,
            payables,
            sums,
            instruction_sums,
            people_listed: people.listed,
            people_carried: people.carried,
            people: people.by_outcome,
            failures,
            lists,
            signed,
            identities,
            hindrances,
            claims_minor: input.claims.minor + input.carried_out_claims.minor,
            recoveries: input.recoveries,
            court_orders: input.court_orders,
            suspense: input.suspense,
            overdue: input.overdue,
            discrepancies: self.store.discrepancies().await?.len() as i64,
            perhaps_twice,
            receivables: self.store.receivables().await?.len() as i64,
            halted: self.halts().await?.into_iter().map(|halt| halt.scope).collect(),
            batches,
        })
    }

    /// Everyone once, by their worst outcome. Holds one shard of people at a time.
    async fn people(&self, cycle: &Cycle) -> Result<People, EngineError> {
        let mut people = People::default();
        if !cycle.state.is_computed() {
            return Ok(people);
        }
        // Their money is the same as what is to be got back of them.
        let set_off = self.store.set_off_people(cycle.number).await?;
        let counted = self.store.chunk_items(ChunkKind::Evidence, cycle.number.0).await?;
        for shard in Shard::all() {
            let mut known: HashMap<PersonNo, Outcome> = HashMap::new();
            for (person, of, word) in self.store.person_outcomes(cycle.number, shard).await? {
                let word = person_outcome(&word).ok_or_else(|| {
                    EngineError::Inconsistent(format!(
                        "a person's outcome is the unknown word {word}"
                    ))
                })?;
                let outcome = known.entry(person).or_insert(Outcome {
                    worst: word,
                    has_payable: false,
                    is_refused: false,
                });
                outcome.worst = worse(outcome.worst, word);
                outcome.has_payable |= of == OutcomeOf::Payable;
                outcome.is_refused |= of == OutcomeOf::RefusedRow;
            }
            if let Some(count) = counted.get(&shard) {
                people.listed += count;
                for decided in self.decided_in(cycle, shard).await? {
                    let told = known.remove(&decided.person).map(|outcome| outcome.worst);
                    let comes_to_nothing =
                        decided.has_nothing_new || set_off.contains(&decided.person);
                    // A row beside it that gives nothing says less than that there is an entitlement.
                    let nothing_new = comes_to_nothing.then_some(NOTHING_NEW);
                    if let Some(worst) = told.into_iter().chain(nothing_new).reduce(worse) {
                        *people.by_outcome.entry(worst).or_default() += 1;
                    }
                }
            }
            // About whom nothing was decided: a row was refused when it was taken in, or money came from
            // earlier lists, which only those of a month take over.
            for outcome in known.values() {
                *people.by_outcome.entry(outcome.worst).or_default() += 1;
                if outcome.is_refused {
                    people.listed += 1;
                } else if outcome.has_payable && cycle.kind == CycleKind::Regular {
                    people.carried += 1;
                }
            }
        }
        Ok(people)
    }
}

#[derive(Default)]
struct People {
    listed: i64,
    carried: i64,
    by_outcome: BTreeMap<&'static str, i64>,
}

/// What is known of one person besides the evidence.
struct Outcome {
    worst: &'static str,
    has_payable: bool,
    /// A row of the person was refused when the roster was taken in.
    is_refused: bool,
}

/// A payable as people see it: one in a file of unknown fate is unknown.
pub(super) fn as_seen(state: PayableState, batch: Option<BatchState>) -> PayableState {
    match (state, batch) {
        (PayableState::Pending, Some(BatchState::Sending | BatchState::Unknown)) => {
            PayableState::Unknown
        }
        (state, _) => state,
    }
}
