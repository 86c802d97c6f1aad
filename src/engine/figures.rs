//! The figures of a cycle as officers and auditors read them, summed from the store.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::Cycle;
use crate::domain::exception::RowOutcome;
use crate::domain::ids::{PersonNo, Shard};
use crate::domain::instruction::InstructionState;
use crate::domain::list::PaymentList;
use crate::domain::payable::PayableState;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::pipeline::account::{
    self, Identity, Input, Part, hindrances, identities, person_outcome, total, worse,
};
use crate::store::cycles::Tally;
use crate::store::sums::{InstructionSum, PayableSum};

/// Everything that a status or report says of a cycle.
pub struct Figures {
    pub cycle: Cycle,
    pub rows_listed: i64,
    pub rows: BTreeMap<RowOutcome, i64>,
    pub tallies: Vec<Tally>,
    pub payables: BTreeMap<PayableState, Part>,
    pub sums: Vec<PayableSum>,
    pub instruction_sums: Vec<InstructionSum>,
    pub people: BTreeMap<&'static str, i64>,
    pub batches: Vec<Batch>,
    pub lists: Vec<PaymentList>,
    pub identities: Vec<Identity>,
    pub hindrances: Vec<String>,
    /// What was kept back of payments for receivables; negative.
    pub recoveries: Part,
    pub suspense: Part,
    /// Of what is pending: the answer is overdue, so that collecting or closing makes it unknown.
    pub overdue: Part,
    pub discrepancies: i64,
    /// Orders of the cycle for which a partner names a second transaction, as long as nobody has settled it.
    pub perhaps_twice: Part,
    pub receivables: i64,
}

impl Figures {
    pub fn balanced(&self) -> bool {
        self.identities.iter().all(Identity::holds)
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
        people.insert("total".to_owned(), json!(self.people.values().sum::<i64>()));
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
            },
            "payables": payables,
            "money": money,
            "people": people,
            "suspense": { "count": self.suspense.count, "minor": self.suspense.minor.to_string() },
            "recoveries": { "count": self.recoveries.count, "minor": self.recoveries.minor.to_string() },
            "overdue": { "count": self.overdue.count, "minor": self.overdue.minor.to_string() },
            "discrepancies": self.discrepancies,
            "perhaps_twice": { "count": self.perhaps_twice.count, "minor": self.perhaps_twice.minor.to_string() },
            "receivables": self.receivables,
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

impl Engine {
    /// Sums a cycle. Reads every shard once, for the people.
    pub async fn figures(&self, cycle: &Cycle) -> Result<Figures, EngineError> {
        let import = self.store.import(cycle.roster).await?;
        let rows_listed = import.map_or(0, |import| import.rows);
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
            if sum.state == InstructionState::InBatch && silent.contains(&sum.batch) {
                overdue.add(sum.count, sum.total_minor);
            }
        }
        let (claim_count, claim_minor) = self.store.claim_sum(cycle.number).await?;
        let (recovery_count, recovery_minor) = self.store.recovery_sum(cycle.number).await?;
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
        let listed_people: i64 = people.values().sum();
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
            instructed,
            settled,
            overdue,
            batches: &batches,
            people_listed: listed_people,
            people: people.clone(),
            suspense: part(suspense_count, suspense_minor),
        };
        let mut perhaps_twice = Part::default();
        for one in self.store.discrepancy_sums(cycle.number).await? {
            if one.kind == DiscrepancyKind::PaidTwice && one.is_open && one.is_of_cycle {
                perhaps_twice.add(one.count, one.reported_minor);
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
            people,
            lists: self.store.lists(cycle.number).await?,
            identities,
            hindrances,
            recoveries: input.recoveries,
            suspense: input.suspense,
            overdue: input.overdue,
            discrepancies: self.store.discrepancies().await?.len() as i64,
            perhaps_twice,
            receivables: self.store.receivables().await?.len() as i64,
            batches,
        })
    }

    /// Everyone once, by their worst outcome. Holds one shard of people at a time, and those who are
    /// paid through a payee of another shard.
    async fn people(&self, cycle: &Cycle) -> Result<BTreeMap<&'static str, i64>, EngineError> {
        let mut people: BTreeMap<&'static str, i64> = BTreeMap::new();
        if !cycle.state.is_computed() {
            return Ok(people);
        }
        let elsewhere = self.store.outcomes_elsewhere(cycle.number).await?;
        let mut elsewhere_by_shard: HashMap<Shard, Vec<(PersonNo, String)>> = HashMap::new();
        for (person, word) in elsewhere {
            elsewhere_by_shard.entry(person.shard()).or_default().push((person, word));
        }
        let mut worst: HashMap<PersonNo, &'static str> = HashMap::new();
        for shard in Shard::all() {
            worst.clear();
            let here = self.store.person_outcomes(cycle.number, shard).await?;
            for (person, word) in
                here.into_iter().chain(elsewhere_by_shard.remove(&shard).unwrap_or_default())
            {
                let word = person_outcome(&word).ok_or_else(|| {
                    EngineError::Inconsistent(format!(
                        "a person's outcome is the unknown word {word}"
                    ))
                })?;
                worst.entry(person).and_modify(|known| *known = worse(known, word)).or_insert(word);
            }
            for word in worst.values() {
                *people.entry(word).or_default() += 1;
            }
        }
        Ok(people)
    }
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
