//! The promises, held against the books of the providers after the months were lived through.
//!
//! Reads: the closed office and the sandbox's ledger. Gives: a sentence for every promise that is
//! broken, and the part of the result that no fault may change.

use std::collections::{BTreeMap, BTreeSet};

use chitra::domain::batch::{Batch, BatchState};
use chitra::domain::claim::Claim;
use chitra::domain::cycle::CycleState;
use chitra::domain::digest::Digest;
use chitra::domain::ids::{EndToEndId, OfficePrefix, PayableNo, Shard};
use chitra::domain::instruction::{Instruction, InstructionState};
use chitra::domain::payable::{Payable, PayableState};
use chitra::domain::recall::RecallState;
use chitra::engine::Engine;
use chitra::engine::recall::Standing;

use super::courts::served;
use super::heirs::{inherited, who_has_heirs};
use super::machine::Machine;
use super::world::{OPERATOR, PREFIX, World, period};

/// What a run with faults has in common with a run without: of the first month the rows, the payables and
/// the files of its list, byte for byte; of every month what is owed. What a later month carries depends
/// on when answers came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entitled {
    pub rows: Vec<(String, i64)>,
    pub payables: (i64, i128),
    pub claims: BTreeSet<String>,
    /// Name, digest, count and total of each file.
    pub files: Vec<(String, String, u64, i64)>,
}

/// What was found in closed months.
pub struct Found {
    pub broken: Vec<String>,
    pub entitled: Entitled,
    /// How many payables ended in each state.
    pub payables: BTreeMap<String, i64>,
    /// The same of recalls.
    pub recalls: BTreeMap<String, i64>,
    pub lists: usize,
    /// How many payables for heirs were paid.
    pub to_heirs: i64,
    /// How many deductions for orders of courts stand.
    pub for_courts: i64,
}

/// Money that a provider credited and has not taken back, by payable.
type Kept = BTreeMap<PayableNo, Vec<i64>>;

pub async fn examine(world: &World, engine: &Engine, months: usize) -> Result<Found, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let mut broken = Vec::new();
    let mut figures = Vec::new();
    let mut payables: Vec<Payable> = Vec::new();
    let mut recalls = Vec::new();
    for month in 0..months {
        let month = period(month).to_string();
        let month = engine.cycle_find(&month).await.map_err(|error| told(&error))?;
        let of_month = engine.figures(&month).await.map_err(|error| told(&error))?;
        if month.state != CycleState::Closed {
            broken.push(format!("{} is {}, not closed", month.label(), month.state));
        }
        for identity in of_month.identities.iter().filter(|one| !one.holds()) {
            let (name, left, right) = (identity.name, &identity.left, &identity.right);
            broken
                .push(format!("{} does not balance: {name}: {left} is not {right}", month.label()));
        }
        for shards in Shard::groups() {
            let found = engine.store.payables_of_shards(month.number, &shards).await;
            payables.extend(found.map_err(|error| told(&error))?);
        }
        recalls.extend(engine.recalls(&month).await.map_err(|error| told(&error))?);
        figures.push(of_month);
    }
    let mut claims: Vec<Claim> = Vec::new();
    for shard in Shard::all() {
        claims.extend(engine.store.claims(shard).await.map_err(|error| told(&error))?);
    }
    let mut claimed = BTreeSet::new();
    for claim in &claims {
        if !claimed.insert(sentence(claim)) {
            broken.push(format!("claimed twice: {}", sentence(claim)));
        }
    }
    let with_heirs = who_has_heirs(engine).await?;
    for claim in claims.iter().filter(|claim| claim.revision > 0) {
        if with_heirs.contains(&claim.person) {
            claimed.remove(&sentence(claim));
        }
    }

    let numbers: Vec<PayableNo> = payables.iter().map(|one| one.number).collect();
    let instructions =
        engine.store.instructions_of(&numbers).await.map_err(|error| told(&error))?;
    let excess: BTreeSet<PayableNo> = instructions
        .iter()
        .filter(|one| one.state == InstructionState::SettledExcess)
        .map(|one| one.payable)
        .collect();
    let kept = kept(world, engine, &mut broken)?;
    judge(&payables, &kept, &excess, &mut broken);
    asked_back(&recalls, &instructions, &mut broken);
    let to_heirs = inherited(world, engine, &payables, &mut broken).await?;
    let for_courts = served(engine, &payables, &excess, &mut broken).await?;
    for of_month in &figures {
        deliveries(world, &of_month.batches, &mut broken)?;
    }
    log(engine, &world.machine, &mut broken).await?;

    let first = &figures[0];
    let all = chitra::pipeline::account::total(&first.payables);
    let files = first.batches.iter().filter(|batch| batch.list.0 == 0).map(|batch| {
        let digest = batch.sha256.clone().unwrap_or_default();
        (batch.file_name.clone(), digest, batch.count, batch.total_minor)
    });
    let mut states: BTreeMap<String, i64> = BTreeMap::new();
    for (state, part) in figures.iter().flat_map(|one| &one.payables) {
        *states.entry(state.to_string()).or_default() += part.count;
    }
    Ok(Found {
        broken,
        entitled: Entitled {
            rows: first.rows.iter().map(|(word, rows)| (word.to_string(), *rows)).collect(),
            payables: (all.count, all.minor),
            claims: claimed,
            files: files.collect(),
        },
        payables: states,
        recalls: by_state(&recalls),
        to_heirs,
        for_courts,
        lists: figures.iter().map(|one| one.lists.len()).sum(),
    })
}

/// What the providers' books say that payees have, under our references.
fn kept(world: &World, engine: &Engine, broken: &mut Vec<String>) -> Result<Kept, String> {
    let mut kept = Kept::new();
    for credit in world.sandbox.credits().map_err(|error| error.to_string())? {
        let is_ours = EndToEndId::read(&engine.config.prefix, &credit.end_to_end_id).is_some();
        if !is_ours && credit.returned_on.is_some() {
            broken.push(format!("{} was credited and is not ours", credit.end_to_end_id));
        }
    }
    for (reference, amount_minor) in world.kept_credits().map_err(|error| error.to_string())? {
        match EndToEndId::read(&engine.config.prefix, &reference) {
            Some((payable, _)) => kept.entry(payable).or_default().push(amount_minor),
            None => broken.push(format!("{reference} was credited and is not ours")),
        }
    }
    let totals = world.sandbox.totals().map_err(|error| error.to_string())?;
    for again in &totals.credited_again {
        broken.push(format!("{} was credited {} times", again.end_to_end_id, again.times));
    }
    for again in &totals.content_again {
        broken.push(format!("the providers had one content under {} names", again.files.len()));
    }
    let unplanned =
        totals.refused_files.iter().filter(|refused| refused.rule != "partner_must_agree");
    for refused in unplanned {
        broken.push(format!("{} refused {} ({})", refused.provider, refused.name, refused.rule));
    }
    Ok(kept)
}

/// What the providers' books alone say of payables that were credited more than once: also when the
/// office came to a stop and can say nothing.
pub fn credited_again(world: &World) -> Vec<String> {
    let prefix = OfficePrefix::parse(PREFIX).expect("the office was opened with it");
    let mut times: BTreeMap<PayableNo, usize> = BTreeMap::new();
    match world.kept_credits() {
        Err(error) => return vec![format!("the providers' books: {error}")],
        Ok(credits) => {
            for (reference, _) in credits {
                if let Some((payable, _)) = EndToEndId::read(&prefix, &reference) {
                    *times.entry(payable).or_default() += 1;
                }
            }
        }
    }
    let again = times.into_iter().filter(|(_, times)| *times > 1);
    again.map(|(number, times)| format!("payable {number} was credited {times} times")).collect()
}

fn judge(
    payables: &[Payable],
    kept: &Kept,
    excess: &BTreeSet<PayableNo>,
    broken: &mut Vec<String>,
) {
    for payable in payables {
        let number = payable.number;
        let credits = kept.get(&number).map_or(&[][..], Vec::as_slice);
        if credits.len() > 1 {
            broken.push(format!("payable {number} was credited {} times", credits.len()));
        }
        if let Some(other) = credits.iter().find(|minor| **minor != payable.amount_minor) {
            broken.push(format!("payable {number} is {}, credited {other}", payable.amount_minor));
        }
        match (payable.state, credits.is_empty()) {
            (PayableState::Paid, true) => {
                broken.push(format!("payable {number} is paid in our books and in no other"));
            }
            (PayableState::Paid | PayableState::Unknown, _) | (_, true) => {}
            (_, false) if excess.contains(&number) => {}
            (state, false) => {
                broken.push(format!("payable {number} was credited, and we hold it {state}"));
            }
        }
    }
    let known: BTreeSet<PayableNo> = payables.iter().map(|one| one.number).collect();
    for number in kept.keys().filter(|number| !known.contains(number)) {
        broken.push(format!("payable {number} was credited, and we have no such payable"));
    }
}

fn by_state(recalls: &[Standing]) -> BTreeMap<String, i64> {
    let mut states: BTreeMap<String, i64> = BTreeMap::new();
    for one in recalls {
        *states.entry(one.recall.state.to_string()).or_default() += 1;
    }
    states
}

/// What the partner agreed to is back by now, and what came back is not ordered again in its month.
fn asked_back(recalls: &[Standing], orders: &[Instruction], broken: &mut Vec<String>) {
    for one in recalls {
        let (recall, reference) = (&one.recall, &one.reference);
        let asked = recall.decided_by.is_some();
        if matches!(recall.state, RecallState::Accepted | RecallState::Pending) {
            broken.push(format!("the recall of {reference} is {} for ever", recall.state));
        }
        let again = orders
            .iter()
            .any(|order| order.payable == recall.payable && order.attempt > recall.attempt);
        if asked && recall.state == RecallState::Over && again {
            broken.push(format!(
                "{reference} came back when it was asked back, and was ordered again"
            ));
        }
    }
}

/// What was delivered is what was approved.
fn deliveries(world: &World, batches: &[Batch], broken: &mut Vec<String>) -> Result<(), String> {
    for batch in batches.iter().filter(|batch| batch.provider != OPERATOR) {
        let name = &batch.file_name;
        let there = world.at_provider(&batch.provider, name).map(|bytes| Digest::of(&bytes));
        match (there, batch.state) {
            (Some(found), _) if Some(found.to_string()) != batch.sha256 => {
                broken.push(format!("{name} lies at the provider with other bytes than approved"));
            }
            (None, BatchState::Delivered) => {
                broken.push(format!("{name} is delivered in our books, and is not there"));
            }
            (Some(_), BatchState::Created | BatchState::Withdrawn) => {
                broken.push(format!("{name} is {} and lies at the provider", batch.state));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The log verifies, and every sending had its intent under a signed checkpoint before.
async fn log(engine: &Engine, machine: &Machine, broken: &mut Vec<String>) -> Result<(), String> {
    let sent = machine.sent();
    if let Err(error) = engine.audit_verify().await {
        broken.push(format!("the log does not verify: {error}"));
    }
    let count = engine.store.leaf_count().await.map_err(|error| error.to_string())?;
    let leaves = engine.store.leaves(0, count).await.map_err(|error| error.to_string())?;
    let mut intents: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut windows: Vec<(u64, i64)> = Vec::new();
    for (index, leaf) in (0..).zip(&leaves) {
        let leaf: serde_json::Value =
            serde_json::from_slice(leaf).map_err(|error| format!("leaf {index}: {error}"))?;
        if leaf["event"] == "window_started" {
            windows.push((index, leaf["count"].as_i64().unwrap_or(0)));
        }
        let text = leaf.to_string();
        if !text.contains("delivery_started") {
            continue;
        }
        let digests = sent.iter().map(|one| one.digest.to_string());
        for digest in digests.collect::<BTreeSet<_>>() {
            if text.contains(&digest) {
                intents.entry(digest).or_default().push(index);
            }
        }
    }
    for (nth, signed_leaves) in (1..).zip(machine.requested()) {
        let told = windows.iter().filter(|(index, _)| *index < signed_leaves);
        let told: i64 = told.map(|(_, count)| count).sum();
        if told < nth {
            broken.push(format!(
                "request {nth} left when windows of {told} requests were under a signed checkpoint"
            ));
        }
    }
    let mut sendings: BTreeMap<&Digest, usize> = BTreeMap::new();
    for one in &sent {
        let nth = sendings.entry(&one.digest).or_default();
        *nth += 1;
        let before = intents.get(&one.digest.to_string()).map_or(0, |indexes| {
            indexes.iter().filter(|index| **index < one.signed_leaves).count()
        });
        if before < *nth {
            broken.push(format!(
                "sending {nth} of {} had only {before} intents under a signed checkpoint",
                one.name
            ));
        }
    }
    Ok(())
}

fn sentence(claim: &Claim) -> String {
    format!(
        "{} {} {} {} revision {}",
        claim.enrolment.number(),
        claim.period,
        claim.benefit,
        claim.component,
        claim.revision
    )
}
