//! `chitra audit`: the tamper-evident log.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::engine::{Engine, EngineError};

/// It is enough to know that some wait.
const WAITING_SHOWN_MAX: i64 = 1_000;

#[derive(Subcommand)]
pub enum Audit {
    /// Hash every entry again, and compare with the database and the signed checkpoint
    Verify,
    /// Number what waits, and sign a checkpoint
    Checkpoint,
    /// The key by which others verify the log
    Key,
}

impl Audit {
    pub fn only_reads(&self) -> bool {
        matches!(self, Audit::Verify | Audit::Key)
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            Audit::Verify => {
                let (verified, acts) = engine.audit_verify().await?;
                let unnumbered = engine.store.outbox(WAITING_SHOWN_MAX).await?.len() as i64;
                let waiting = engine.store.leaf_count().await? - verified.size as i64 + unnumbered;
                let told = json!({
                    "verified": true,
                    "size": verified.size,
                    "root": verified.root.to_string(),
                    "checkpoints": verified.checkpoints,
                    "compared_with_database": verified.compared_with_store,
                    "signed_acts": acts,
                    "waiting": waiting,
                });
                voice.say(&told, || {
                    let mut text = format!(
                        "The log holds: {} entries, root {}, {} signed checkpoints, the same entries as the database; \
                         {acts} acts are signed by the officers whom they name.",
                        verified.size, verified.root, verified.checkpoints
                    );
                    if waiting > 0 {
                        text.push_str(
                            "\nSome events are not in it yet, as after a command that was killed; \
                             they are brought into the log with: chitra audit checkpoint",
                        );
                    }
                    text
                });
                Ok(())
            }
            Audit::Checkpoint => {
                let size = engine.sequence().await?;
                voice.say(&json!({ "size": size }), || {
                    format!(
                        "checkpoint over {size} entries: {}",
                        engine.dir.join("log/checkpoint").display()
                    )
                });
                Ok(())
            }
            Audit::Key => {
                let key = engine.log_verifier.to_string();
                voice.say(&json!({ "verifier_key": key }), || key.clone());
                Ok(())
            }
        }
    }
}
