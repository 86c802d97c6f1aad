//! `chitra submit`, `approve` and `release`.

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::signer::Signer;
use crate::domain::ids::ListNo;
use crate::domain::list::{Act, PaymentList};
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};

#[derive(Args)]
pub struct Sign {
    cycle: String,
    #[command(flatten)]
    signer: Signer,
    /// A release list; 0 is the month
    #[arg(long, default_value_t = 0)]
    list: i64,
}

#[derive(Args)]
pub struct Release {
    cycle: String,
    #[command(flatten)]
    signer: Signer,
    /// A release list; 0 is the month
    #[arg(long, default_value_t = 0)]
    list: i64,
}

impl Sign {
    pub async fn submit(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let key = self.signer.key(engine).await?;
        let list = engine.submit(&cycle, ListNo(self.list), &self.signer.by, &key).await?;
        engine.sequence().await?;
        tell(&list, voice);
        Ok(())
    }

    pub async fn approve(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let key = self.signer.key(engine).await?;
        let list = engine.approve(&cycle, ListNo(self.list), &self.signer.by, &key).await?;
        engine.sequence().await?;
        let signatures = engine.store.signatures(cycle.number).await?;
        let have = signatures
            .iter()
            .filter(|one| one.list == list.number && one.digest == list.digest)
            .filter(|one| one.act == Act::Approve && one.voided_at.is_none())
            .count();
        let need = engine.approvals_needed(&list);
        let told = json!({
            "list": list.number.0,
            "state": list.state.name(),
            "digest": list.digest,
            "approvals": have,
            "approvals_needed": need,
        });
        voice.say(&told, || {
            format!(
                "list {} has {have} of {need} approvals and is {}; digest {}",
                list.number, list.state, list.digest
            )
        });
        Ok(())
    }
}

impl Release {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let key = self.signer.key(engine).await?;
        let list = engine.release(&cycle, ListNo(self.list), &self.signer.by, &key).await?;
        engine.sequence().await?;
        tell(&list, voice);
        Ok(())
    }
}

fn tell(list: &PaymentList, voice: &Voice) {
    let told = json!({ "list": list.number.0, "state": list.state.name(), "digest": list.digest });
    voice.say(&told, || format!("list {} is {}; digest {}", list.number, list.state, list.digest));
}
