//! `chitra audit`: the tamper-evident log.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::engine::standing::Compared;
use crate::engine::{Engine, EngineError};

/// It is enough to know that some wait.
const WAITING_SHOWN_MAX: i64 = 1_000;

#[derive(Subcommand)]
pub enum Audit {
    /// Hash every entry again, compare with the signed checkpoints, and hold the rows of which the log speaks against it
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
                let compared = engine.audit_rows().await?;
                let unnumbered = engine.store.outbox(WAITING_SHOWN_MAX).await?.len() as i64;
                let waiting = engine.store.leaf_count().await? - verified.size as i64 + unnumbered;
                let told = json!({
                    "verified": compared.differences.is_empty(),
                    "size": verified.size,
                    "root": verified.root.to_string(),
                    "checkpoints": verified.checkpoints,
                    "compared_with_database": verified.compared_with_store,
                    "signed_acts": acts,
                    "waiting": waiting,
                    "rows": compared.rows,
                    "rows_not_compared": compared.not_compared,
                    "differences": compared.differences.iter().map(|one| json!({
                        "code": one.code,
                        "row": one.row,
                        "log": one.log,
                        "database": one.database,
                        "sentence": one.sentence,
                    })).collect::<Vec<_>>(),
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
                    text.push_str(&rows_told(&compared));
                    text
                });
                compared.must_agree()
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

/// What was held against the log, and each row that is not what it says.
fn rows_told(compared: &Compared) -> String {
    let sum = |counts: &std::collections::BTreeMap<&'static str, u64>| counts.values().sum::<u64>();
    let mut text = format!(
        "\n{} rows of the database are held against it, {} differ.",
        sum(&compared.rows),
        compared.differences.len()
    );
    if !compared.not_compared.is_empty() {
        let kinds: Vec<String> =
            compared.not_compared.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        text.push_str(&format!(
            "\n{} rows are from before the log spoke of such rows and could not be compared: {}.",
            sum(&compared.not_compared),
            kinds.join(", ")
        ));
    }
    for one in &compared.differences {
        text.push_str(&format!("\n{}  {}", one.code, one.sentence));
    }
    text
}
