//! `chitra audit`: the tamper-evident log.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::engine::{Engine, EngineError};

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
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            Audit::Verify => {
                engine.sequence().await?;
                let verified = engine.audit_verify().await?;
                let told = json!({
                    "verified": true,
                    "size": verified.size,
                    "root": verified.root.to_string(),
                    "checkpoints": verified.checkpoints,
                    "compared_with_database": verified.compared_with_store,
                });
                voice.say(&told, || {
                    format!(
                        "The log holds: {} entries, root {}, {} signed checkpoints, the same entries as the database.",
                        verified.size, verified.root, verified.checkpoints
                    )
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
