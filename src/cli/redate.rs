//! `chitra redate`: another value date for files that missed theirs and have not left.

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::signer::Signer;
use crate::domain::period::parse_date;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};

#[derive(Args)]
pub struct Redate {
    cycle: String,
    /// Released files that were not sent
    #[arg(required = true)]
    files: Vec<String>,
    #[arg(long, value_name = "DAY")]
    value_date: String,
    #[command(flatten)]
    signer: Signer,
}

impl Redate {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let day = parse_date(&self.value_date)
            .map_err(|error| EngineError::refused("D134", format!("--value-date: {error}")))?;
        let key = self.signer.key(engine).await?;
        let list = engine.redate(&cycle, &self.files, day, &self.signer.by, &key).await?;
        engine.sequence().await?;
        let told = json!({
            "list": list.number.0,
            "state": list.state.name(),
            "digest": list.digest,
            "value_date": self.value_date,
            "retired": self.files,
        });
        voice.say(&told, || {
            format!(
                "list {} orders the same payments for {}; the old files are retired, and it is submitted and approved \
                 anew: chitra submit {} --list {} --as OFFICER",
                list.number,
                self.value_date,
                cycle.label(),
                list.number
            )
        });
        Ok(())
    }
}
