//! Brings audit events from the outbox into the signed log.

use std::fs::File;
use std::time::Duration;

use crate::audit::acts::Acts;
use crate::audit::verify::{Against, Verified, verify};
use crate::engine::{Engine, EngineError, aside};
use crate::store::{Changes, StoreError};

/// Outbox entries that get their numbers in one commit.
const NUMBERED_A_COMMIT: i64 = 500;
/// How long one process waits for another that writes the log: together half a minute.
const TURN_TRIES: u32 = 1_500;
const TURN_WAIT: Duration = Duration::from_millis(20);
/// So often another may have been faster at numbering.
const CONFLICTS_MAX: u32 = 50;
/// Leaves that are written to the tiles at once.
const LEAVES_A_PAGE: i64 = 2_000;

impl Engine {
    /// Numbers what waits, writes the tiles and signs a checkpoint over all of it. After `Ok` every
    /// event that was committed before the call is under a signed checkpoint, unless the office was
    /// opened to read: then what waits goes on waiting for a command that writes.
    pub async fn sequence(&self) -> Result<u64, EngineError> {
        if self.only_reads {
            return self.log_size();
        }
        self.number_what_waits().await?;
        let count = self.store.leaf_count().await? as u64;
        loop {
            let size = self.log_size()?;
            let leaves = match size < count {
                true => self.store.leaves(size as i64, LEAVES_A_PAGE).await?,
                false => Vec::new(),
            };
            if size < count && leaves.is_empty() {
                return Err(EngineError::Inconsistent(format!(
                    "the database has numbered {count} entries and lacks number {size}"
                )));
            }
            // Nothing is asked of the database during the turn: one that does not answer keeps nobody
            // else from the log.
            let turn = self.turn_at_the_log().await?;
            let log = self.log.clone();
            let signed = aside(move || {
                let mut log = log.lock().map_err(|_| log_poisoned())?;
                log.catch_up()?;
                log.append(size, &leaves)?;
                if log.last_checkpoint().size() < log.size() {
                    log.checkpoint()?;
                }
                Ok(log.last_checkpoint().size())
            })
            .await?;
            drop(turn);
            if signed >= count {
                return Ok(signed);
            }
        }
    }

    /// Gives the events of the outbox their numbers. Another process may give them at the same moment:
    /// the database lets one, and the other looks again.
    async fn number_what_waits(&self) -> Result<(), EngineError> {
        let mut conflicts = 0;
        loop {
            let waiting = self.store.outbox(NUMBERED_A_COMMIT).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            let mut changes = Changes::new();
            changes.numbered(self.store.leaf_count().await?, &waiting);
            match self.store.commit(changes).await {
                Err(StoreError::Conflict { .. }) if conflicts < CONFLICTS_MAX => conflicts += 1,
                done => done?,
            }
        }
    }

    /// Waits until no other process of this office writes the log. Whoever dies has had its turn.
    async fn turn_at_the_log(&self) -> Result<File, EngineError> {
        for _ in 0..TURN_TRIES {
            if let Some(turn) = self.alone("log.lock")? {
                return Ok(turn);
            }
            tokio::time::sleep(TURN_WAIT).await;
        }
        Err(EngineError::refused(
            "T513",
            "another process of this office has been writing the log for half a minute; what was done is \
             recorded and comes into the log with the next command: see what that process does",
        ))
    }

    /// Hashes every entry of the log again, and compares it with the database and with the signed
    /// checkpoint.
    ///
    /// Gives what holds, and how many acts of officers are signed by the key under which they were
    /// enrolled.
    pub async fn audit_verify(&self) -> Result<(Verified, u64), EngineError> {
        let mut count = self.store.leaf_count().await?;
        if self.only_reads {
            // What a killed command numbered and did not write is in the database alone, and waits.
            count = count.min(self.log_size()? as i64);
        }
        let mut leaves = Vec::new();
        while (leaves.len() as i64) < count {
            leaves.extend(self.store.leaves(leaves.len() as i64, LEAVES_A_PAGE).await?);
        }
        let (disk, dir, verifier) =
            (self.disk.clone(), self.dir.join("log"), self.log_verifier.clone());
        aside(move || {
            let mut held = leaves.iter().cloned().map(Ok);
            let against = Against { leaves: Some(&mut held), known: &[] };
            let verified = verify(disk.as_ref(), &dir, &verifier, against)
                .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
            // The entries are the log's by now, so what is signed in them is in the log.
            let mut acts = Acts::default();
            for (index, leaf) in leaves.iter().enumerate() {
                acts.entry(index as u64, leaf)
                    .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
            }
            Ok((verified, acts.verified()))
        })
        .await
    }

    fn log_size(&self) -> Result<u64, EngineError> {
        Ok(self.log.lock().map_err(|_| log_poisoned())?.size())
    }
}

fn log_poisoned() -> EngineError {
    EngineError::Inconsistent(
        "an earlier step failed inside the log; open the office again".to_owned(),
    )
}
