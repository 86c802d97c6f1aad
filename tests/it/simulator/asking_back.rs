//! Officers ask payments back in the simulated months, and what they are told is held against the providers'
//! books each day.
//!
//! Reads: orders of the month, and what became of recalls. Gives: recalls, proposed by one officer and confirmed
//! or declined by another, and given up at the end; a sentence when a recall says what is not so.

use std::collections::BTreeSet;

use chitra::domain::batch::BatchState;
use chitra::domain::cycle::Cycle;
use chitra::domain::instruction::Instruction;
use chitra::domain::recall::RecallState;
use chitra::engine::recall::{Asking, Whom};
use chitra::engine::{Engine, EngineError};

use super::dice::Dice;
use super::months::{APPROVERS, MAKER, Stopped, already_there};
use super::world::{ASKED_BACK, World, officer_key};

/// How many payments are asked back on one day, at most.
const A_DAY: usize = 4;

/// Asks back some of what the month has ordered. What was done before a crash is refused the second time.
pub async fn ask_back(engine: &Engine, month: &Cycle, mut dice: Dice) -> Result<(), Stopped> {
    let batches = engine.store.batches(month.number).await.map_err(EngineError::from)?;
    let can_be_asked = batches
        .iter()
        .filter(|batch| batch.list.0 == 0 && ASKED_BACK.iter().any(|one| one.0 == batch.provider));
    let mut orders: Vec<Instruction> = Vec::new();
    for batch in can_be_asked {
        let of_file = engine.store.orders_of_file(batch);
        orders.extend(of_file.await.map_err(EngineError::from)?);
    }
    orders.sort_by_key(|one| (one.payable, one.attempt));
    for _ in 0..A_DAY.min(orders.len()) {
        let order = orders.swap_remove(dice.below(orders.len() as u64) as usize);
        let is_confirmed = dice.below(8) > 0;
        let whom = Whom::Payment(order.payable, order.attempt);
        let asking = Asking { code: "DUPL", reason: "paid by hand", by_letter: false };
        let done = engine.recall_propose(month, whom, asking, MAKER, &officer_key(MAKER)).await;
        // It has not left or is back, or it is asked back already.
        already_there(done.map(|_| ()), &["D170", "D171", "D172"])?;
        let by = APPROVERS[0];
        let done = match is_confirmed {
            true => engine.recall_confirm(month, whom, by, &officer_key(by)).await,
            false => engine.recall_decline(month, whom, by, &officer_key(by)).await,
        };
        already_there(done.map(|_| ()), &["D171", "D176"])?;
    }
    Ok(())
}

/// Lets go what was asked back of a file that may have left and is proved not to have: it leaves only when nothing of it
/// is wanted back.
pub async fn let_go(engine: &Engine, month: &Cycle) -> Result<(), Stopped> {
    let batches = engine.store.batches(month.number).await.map_err(EngineError::from)?;
    let stays: BTreeSet<_> = batches
        .iter()
        .filter(|batch| batch.state == BatchState::Released)
        .map(|batch| batch.number)
        .collect();
    let mut asked = BTreeSet::new();
    for one in engine.recalls(month).await? {
        let recall = one.recall;
        if !stays.contains(&recall.batch) {
            continue;
        }
        asked.insert((recall.payable, recall.attempt));
        if !recall.state.is_live() {
            continue;
        }
        let whom = Whom::Payment(recall.payable, recall.attempt);
        let (by, key) = (APPROVERS[0], officer_key(APPROVERS[0]));
        let done = match recall.state {
            RecallState::Proposed => engine.recall_decline(month, whom, by, &key).await,
            _ => engine.recall_give_up(month, whom, "it has not left", by, &key).await,
        };
        // Its own file may be leaving: the partner is asked first. What was asked back twice is let go at once.
        already_there(done.map(|_| ()), &["D176", "D178"])?;
    }
    // That the partner refuses to give back what it never had, when nobody wants it back any more, is looked into.
    for (number, one) in engine.store.discrepancies().await.map_err(EngineError::from)? {
        if one.instruction.is_some_and(|of| asked.contains(&of)) && one.detail.contains("recall") {
            let (why, key) = ("it never had the file", officer_key(MAKER));
            engine.discrepancy_resolve(number, why, MAKER, &key).await?;
        }
    }
    Ok(())
}

/// Before the month is closed officers expect nothing more of every second recall that was refused or not answered.
pub async fn end_recalls(engine: &Engine, month: &Cycle) -> Result<(), Stopped> {
    for one in engine.recalls(month).await? {
        let recall = one.recall;
        let goes_on = matches!(recall.state, RecallState::Refused | RecallState::Sent);
        if goes_on && recall.number % 2 == 0 {
            let whom = Whom::Payment(recall.payable, recall.attempt);
            let why = "the bank says no";
            let done = engine.recall_give_up(month, whom, why, MAKER, &officer_key(MAKER)).await;
            // What was asked back twice is given up at once.
            already_there(done.map(|_| ()), &["D176"])?;
        }
    }
    Ok(())
}

/// Every day: who is said to have given back has no credit left, and no order is asked back twice at a time.
pub async fn recalls_are_true(
    world: &World,
    engine: &Engine,
    month: &Cycle,
) -> Result<(), Stopped> {
    let recalls = engine.recalls(month).await?;
    if recalls.is_empty() {
        return Ok(());
    }
    let credits = world
        .sandbox
        .credits()
        .map_err(|error| Stopped::Broken(format!("the sandbox's books: {error}")))?;
    let kept: BTreeSet<&str> = credits
        .iter()
        .filter(|credit| credit.returned_on.is_none())
        .map(|credit| credit.end_to_end_id.as_str())
        .collect();
    let mut live = BTreeSet::new();
    for one in &recalls {
        let reference = one.reference.as_str();
        if one.recall.state == RecallState::Over && kept.contains(reference) {
            return Err(Stopped::Broken(format!(
                "{reference} is said to be back, and the payee has the money"
            )));
        }
        if one.recall.state.is_live() && !live.insert((one.recall.payable, one.recall.attempt)) {
            return Err(Stopped::Broken(format!("{reference} is asked back twice at a time")));
        }
    }
    Ok(())
}
