//! pending
use crate::cli::Voice;
use crate::engine::EngineError;
use clap::Args;
#[derive(Args)]
pub struct SandboxCommand {
    dir: std::path::PathBuf,
}
impl SandboxCommand {
    pub async fn run(self, _: &Voice) -> Result<(), EngineError> {
        Err(EngineError::refused("X", self.dir.display().to_string()))
    }
}
