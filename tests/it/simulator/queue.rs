//! Officers look into what answers said of single payments that could not be booked.
//!
//! Reads: the queue, and the providers' books, which stand for what a provider says when it is asked. Gives: entries
//! that are settled, of payments that the payee does not have.

use std::collections::BTreeSet;

use chitra::domain::batch::BatchState;
use chitra::domain::cycle::Cycle;
use chitra::domain::ids::{EndToEndId, OfficePrefix};
use chitra::engine::{Engine, EngineError};

use super::months::{APPROVERS, MAKER, Stopped, already_there};
use super::world::{PREFIX, World, officer_key};

/// Looks at what waits to leave for people of whom a partner has said since that they must not be paid: one officer
/// proposes to stop it, and the other has seen the person.
pub async fn look_at_words_of_death(engine: &Engine, month: &Cycle) -> Result<(), Stopped> {
    for file in engine.store.batches(month.number).await.map_err(EngineError::from)? {
        let is_to_leave =
            matches!(file.state, BatchState::Released | BatchState::Sending | BatchState::Unknown);
        if !is_to_leave {
            continue;
        }
        for order in engine.orders_of_stopped_payees(&file).await? {
            let payable = engine.store.payable(order.payable).await.map_err(EngineError::from)?;
            let person = payable.expect("an order has a payable").beneficiary;
            let why = "the bank reports a death";
            let done = engine.stop_propose(month, person, why, MAKER, &officer_key(MAKER)).await;
            already_there(done.map(|_| ()), &["D161", "D162"])?;
            let by = APPROVERS[0];
            let done = engine.stop_refuse(month, person, by, &officer_key(by)).await;
            already_there(done.map(|_| ()), &["D164"])?;
        }
    }
    Ok(())
}

/// Settles what is open about payments that came to nothing. What the payee has is left open: the books must agree first.
pub async fn look_into_queue(world: &World, engine: &Engine) -> Result<(), Stopped> {
    let open = engine.store.discrepancies().await.map_err(EngineError::from)?;
    if open.iter().all(|(_, one)| one.instruction.is_none()) {
        return Ok(());
    }
    let credits = world
        .sandbox
        .credits()
        .map_err(|error| Stopped::Broken(format!("the sandbox's books: {error}")))?;
    let mut kept: BTreeSet<String> = credits
        .iter()
        .filter(|credit| credit.returned_on.is_none())
        .map(|credit| credit.end_to_end_id.clone())
        .collect();
    kept.extend(world.operator.credits().into_iter().map(|(reference, _)| reference));
    let prefix = OfficePrefix::parse(PREFIX).expect("the prefix of the simulated office is one");
    for (number, one) in open {
        let Some((payable, attempt)) = one.instruction else { continue };
        let reference = EndToEndId::derive(&prefix, payable, attempt).to_string();
        if !kept.contains(&reference) {
            let (why, key) = ("it says that the payee does not have it", officer_key(MAKER));
            engine.discrepancy_resolve(number, why, MAKER, &key).await?;
        }
    }
    Ok(())
}
