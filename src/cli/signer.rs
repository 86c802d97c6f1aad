//! `--as OFFICER --key FILE`: in whose name a command is done, and the key that proves it.

use std::path::PathBuf;

use clap::Args;

use crate::domain::signature::OfficerKey;
use crate::engine::{Engine, EngineError, office};

#[derive(Args)]
pub struct Signer {
    #[arg(long = "as", value_name = "OFFICER")]
    pub by: String,
    /// The officer's private key; keys/officers/OFFICER.key of the office when not said
    #[arg(long)]
    key: Option<PathBuf>,
}

impl Signer {
    /// The officer's key. Who nobody registered is told so, rather than that a file is missing.
    pub async fn key(&self, engine: &Engine) -> Result<OfficerKey, EngineError> {
        engine.officer(&self.by).await?;
        let path = match &self.key {
            Some(path) => path.clone(),
            None => office::officer_key_path(&engine.dir, &self.by),
        };
        if !path.exists() {
            return Err(EngineError::refused(
                "A114",
                format!(
                    "the key of `{}` is not in {}; say where: --key FILE",
                    self.by,
                    path.display()
                ),
            ));
        }
        office::read_officer_key(&path)
    }
}
