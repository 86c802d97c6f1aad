//! `chitra list cancel` and `chitra withdraw`: take back what has not left.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::{money, payments};
use crate::cli::signer::Signer;
use crate::domain::cycle::Cycle;
use crate::domain::ids::ListNo;
use crate::engine::taking_back::TakenBack;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum ListCommand {
    /// Give up a release list that waits: its payments are again what they were
    Cancel {
        cycle: String,
        #[arg(long)]
        list: i64,
        #[command(flatten)]
        signer: Signer,
    },
}

impl ListCommand {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let ListCommand::Cancel { cycle, list, signer } = self;
        let cycle = engine.cycle_find(&cycle).await?;
        let key = signer.key(engine).await?;
        let done = engine.list_cancel(&cycle, ListNo(list), &signer.by, &key).await?;
        engine.sequence().await?;
        tell(&format!("list {list} is cancelled"), &cycle, &done, engine, voice);
        Ok(())
    }
}

#[derive(Args)]
pub struct Withdraw {
    cycle: String,
    /// A released file that was not sent
    file: String,
    #[command(flatten)]
    signer: Signer,
}

impl Withdraw {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let key = self.signer.key(engine).await?;
        let done = engine.withdraw(&cycle, &self.file, &self.signer.by, &key).await?;
        engine.sequence().await?;
        let what = match done.left {
            0 => format!("{} is withdrawn", self.file),
            left => format!(
                "what had not left of {} is withdrawn, and {} that left stay what they are",
                self.file,
                payments(left)
            ),
        };
        tell(&what, &cycle, &done, engine, voice);
        Ok(())
    }
}

fn tell(what: &str, cycle: &Cycle, done: &TakenBack, engine: &Engine, voice: &Voice) {
    let told = json!({
        "files": done.files,
        "count": done.count,
        "total_minor": done.total_minor.to_string(),
        "left": done.left,
    });
    voice.say(&told, || {
        format!(
            "{what}: {}, {}; what may be ordered again goes with: chitra reissue {}",
            payments(done.count),
            money(done.total_minor, engine.config.currency),
            cycle.label()
        )
    });
}
