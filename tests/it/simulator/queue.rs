//! Officers look into what answers said of single payments that could not be booked.
//!
//! Reads: the queue, and the providers' books, which stand for what a provider says when it is asked. Gives: entries
//! that are settled, of payments that the payee does not have.

use std::collections::BTreeSet;

use chitra::domain::ids::{EndToEndId, OfficePrefix};
use chitra::engine::{Engine, EngineError};

use super::months::{MAKER, Stopped};
use super::world::{PREFIX, World, officer_key};

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
