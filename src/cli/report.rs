//! `chitra report CYCLE`.
//! pending the report module
use crate::cli::Voice;
use crate::engine::{Engine, EngineError};
use clap::Args;
#[derive(Args)]
pub struct Report {
    cycle: String,
}
impl Report {
    pub async fn run(self, _: &Engine, _: &Voice) -> Result<(), EngineError> {
        Err(EngineError::refused("X", self.cycle))
    }
}
