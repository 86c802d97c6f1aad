//! `chitra dispatch`: send what is released.

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::table;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};

#[derive(Args)]
pub struct Dispatch {
    /// Only this cycle
    cycle: Option<String>,
}

impl Dispatch {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = match &self.cycle {
            Some(text) => Some(engine.cycle_find(text).await?.number),
            None => None,
        };
        let done = engine.dispatch(cycle).await?;
        let told: Vec<_> = done
            .iter()
            .map(|one| json!({ "file": one.file_name, "state": one.state.name(), "detail": one.detail }))
            .collect();
        voice.say(&json!(told), || match done.is_empty() {
            true => "nothing waits to be sent".to_owned(),
            false => {
                let rows: Vec<Vec<String>> = done
                    .iter()
                    .map(|one| {
                        vec![one.file_name.clone(), one.state.to_string(), one.detail.clone()]
                    })
                    .collect();
                table(&["file", "state", "what happened"], &rows, &[])
            }
        });
        let hindered: Vec<_> = done.iter().filter(|one| one.is_hindered()).collect();
        match hindered.first() {
            None => Ok(()),
            Some(first) => Err(EngineError::refused(
                "D181",
                format!(
                    "{} of {} files did not leave, or nobody knows whether they did, the first: {} ({}). Each is told \
                     above with what is done about it; afterwards: chitra dispatch",
                    hindered.len(),
                    done.len(),
                    first.file_name,
                    first.detail
                ),
            )),
        }
    }
}
