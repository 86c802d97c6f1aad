//! Leases: one worker at a time does a piece of work, such as sending to one partner, and one that was
//! stopped past its lease changes nothing any more.
//!
//! Reads: the lease's row, the clock and a lock beside the office.
//! Gives: a `Lease`, whose fence stands in every commit of the work. Time decides only when another may
//! take over; that the earlier holder's commits touch no row follows from the epoch, whatever clocks say.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use crate::engine::clock::stamp;
use crate::engine::{Engine, EngineError};
use crate::store::leases::FENCE;
use crate::store::{Changes, StoreError};

/// For how long nobody takes a lease over whose holder is not heard of.
const HELD_SECONDS: i64 = 120;
/// For how long the holder may act on what it was told of its lease.
const CERTAIN: Duration = Duration::from_secs(HELD_SECONDS as u64 - 30);
/// How often the holder of a long work is heard of.
const RENEWED_SECONDS: u64 = 30;

/// The right to do a piece of work, until another takes it over.
#[derive(Debug)]
pub struct Lease {
    name: String,
    epoch: i64,
    /// When it was last certain that it is ours.
    certain_at: Arc<Mutex<Instant>>,
    /// Held while this process lives, where no other on the host holds it: whoever has it knows that an
    /// earlier holder of the same folder is dead.
    _alone: Option<File>,
}

impl Lease {
    /// Puts into a commit that it is refused when the lease was taken over.
    pub(super) fn fences(&self, changes: &mut Changes) {
        changes.fence(&self.name, self.epoch);
    }

    /// Whether nobody can have taken it over yet, by a clock that nobody sets: for the last moment before
    /// bytes leave, where asking the database would be too late as well.
    pub(super) fn still_held(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let certain_at = self.certain_at.clone();
        Arc::new(move || {
            let certain_at = certain_at.lock().unwrap_or_else(PoisonError::into_inner);
            certain_at.elapsed() < CERTAIN
        })
    }
}

/// What is said where another process of this office is at the same lease in this moment.
const BESIDE: &str = "another process on this machine does this at the moment";

/// The rule that a lease was taken over by another process.
pub(super) const TAKEN_OVER: &str = "D150";

impl Engine {
    /// Takes a lease; `Err` of the inner result says who holds it.
    pub(super) async fn lease(&self, name: &str) -> Result<Result<Lease, String>, EngineError> {
        let alone = self.alone(&format!("{}.lock", name.replace(':', "-")))?;
        let held_until = self.held_until();
        let mut changes = Changes::new();
        let epoch = match self.store.lease(name).await? {
            // Whoever has the lock is about to take the lease, or gives it back at this moment. Taken beside them it
            // would be a lease without the lock, and the next process here would take its holder for dead.
            None if alone.is_none() => return Ok(Err(BESIDE.to_owned())),
            None => {
                changes.lease_begun(name, &self.holder, &held_until);
                1
            }
            Some(before) => {
                let was_given_back = before.holder.is_empty();
                if was_given_back
                    && alone.is_none()
                    && before.held_until > self.stamp_at(-HELD_SECONDS)
                {
                    return Ok(Err(BESIDE.to_owned()));
                }
                let is_over = was_given_back || before.held_until < self.stamp();
                let is_dead = before.holder == self.holder && alone.is_some();
                if !is_over && !is_dead {
                    return Ok(Err(format!(
                        "another process ({}) does this until {}",
                        before.holder, before.held_until
                    )));
                }
                changes.lease_taken(&before, &self.holder, &held_until);
                before.epoch + 1
            }
        };
        let asked_at = Instant::now();
        match self.store.commit(changes).await {
            Ok(()) => {
                let certain_at = Arc::new(Mutex::new(asked_at));
                Ok(Ok(Lease { name: name.to_owned(), epoch, certain_at, _alone: alone }))
            }
            Err(StoreError::Conflict { .. }) => {
                Ok(Err("another process took this over at the same moment".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says that the holder is still there.
    pub(super) async fn renew(&self, lease: &Lease) -> Result<(), EngineError> {
        self.commit_renewing(lease, Changes::new()).await
    }

    /// Waits for long work, such as the sending of a large file, and is heard of meanwhile. The work goes
    /// on to its end even when the lease is lost: its outcome is then refused by the fence.
    pub(super) async fn while_held<T>(
        &self,
        lease: &Lease,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let mut work = std::pin::pin!(work);
        let mut heard = tokio::time::interval(std::time::Duration::from_secs(RENEWED_SECONDS));
        heard.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = heard.tick() => {}
            }
            // Outside of `select!`: a transaction that is dropped half way would poison its connection.
            match self.renew(lease).await {
                Ok(()) | Err(EngineError::Refused { .. }) => {}
                Err(error) => tracing::warn!(code = error.code(), "a lease could not be renewed"),
            }
        }
    }

    /// Lets others take it at once. One that was taken over meanwhile is theirs already.
    pub(super) async fn give_back(&self, lease: Lease) -> Result<(), EngineError> {
        let mut changes = Changes::new();
        changes.lease_until(&lease.name, lease.epoch, "", &self.stamp());
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Commits a step of work that is done under a lease.
    ///
    /// # Errors
    /// D150 when the lease was taken over: nothing was changed.
    pub(super) async fn commit_under(
        &self,
        lease: &Lease,
        mut changes: Changes,
    ) -> Result<(), EngineError> {
        lease.fences(&mut changes);
        self.commit_fenced(changes).await
    }

    /// Commits a step of work that is done under a lease, and says with it that the holder is still there.
    ///
    /// # Errors
    /// D150 when the lease was taken over: nothing was changed.
    pub(super) async fn commit_renewing(
        &self,
        lease: &Lease,
        mut changes: Changes,
    ) -> Result<(), EngineError> {
        changes.lease_until(&lease.name, lease.epoch, &self.holder, &self.held_until());
        let asked_at = Instant::now();
        self.commit_fenced(changes).await?;
        *lease.certain_at.lock().unwrap_or_else(PoisonError::into_inner) = asked_at;
        Ok(())
    }

    async fn commit_fenced(&self, changes: Changes) -> Result<(), EngineError> {
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { rule }) if rule == FENCE => Err(EngineError::refused(
                TAKEN_OVER,
                "another has taken over, as when one process stands still for long or several begin at once; nothing \
                 was changed here: it goes on there",
            )),
            done => Ok(done?),
        }
    }

    fn held_until(&self) -> String {
        self.stamp_at(HELD_SECONDS)
    }

    fn stamp_at(&self, seconds_from_now: i64) -> String {
        let at = self.clock.now().saturating_add(SignedDuration::from_secs(seconds_from_now));
        stamp(at, &self.config.utc_offset)
    }
}
