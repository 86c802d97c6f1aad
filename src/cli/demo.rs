//! pending
use crate::cli::Voice;
use crate::engine::EngineError;
use clap::Args;
#[derive(Args)]
pub struct Demo {
    #[arg(long, default_value_t = 20_000)]
    people: u64,
}
impl Demo {
    pub async fn run(self, _: &Voice) -> Result<(), EngineError> {
        Err(EngineError::refused("X", self.people.to_string()))
    }
}
