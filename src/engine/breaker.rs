//! Stops a partner of which more fails than can be expected, by the evidence of its own answers.
//!
//! Reads: what was sent in every cycle that settles, and what of it was rejected or returned. Gives: a
//! halt of the partner, which two officers lift; after that only more failures stop it again.

use crate::engine::{Engine, EngineError};
use crate::store::Changes;

impl Engine {
    /// Looks at every partner whose terms say what can be expected.
    pub(super) async fn watch_failures(&self) -> Result<(), EngineError> {
        for provider in &self.config.providers {
            let Some(breaker) = provider.on(self.clock.today()).leaving.breaker else { continue };
            for mut failures in self.store.failures(&provider.name).await? {
                failures.sent += self.left_one_by_one(failures.cycle, &provider.name).await?;
                if !breaker.trips(failures.sent, failures.failed, failures.stopped_at) {
                    continue;
                }
                let cycle = self.store.cycle(failures.cycle).await?;
                let cycle = cycle.map_or_else(|| failures.cycle.to_string(), |one| one.label());
                let cause = format!(
                    "{} of {} payments of cycle {cycle} were rejected or returned, more than the {} of a million that can \
                     be expected",
                    failures.failed, failures.sent, breaker.expected_millionths
                );
                let mut changes = Changes::new();
                let at = self.stamp();
                self.halt_by_evidence(&provider.name, &cause, &at, &mut changes).await?;
                changes.breaker_tripped(&provider.name, &failures);
                self.store.commit(changes).await?;
            }
        }
        Ok(())
    }
}
