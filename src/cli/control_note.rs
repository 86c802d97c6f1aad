//! `chitra control-note`: what a partner is told of each file by another way than with the file.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::engine::{Engine, EngineError};
use crate::report::control_note::{ControlNote, HasLeft, NotedFile, Seal, text};

#[derive(Args)]
pub struct ControlNoteCommand {
    cycle: String,
    /// Of the files of this partner alone
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

impl ControlNoteCommand {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let note = engine.control_note(&cycle, self.provider.as_deref()).await?;
        voice.say(&as_json(&note), || text(&note));
        Ok(())
    }
}

fn as_json(note: &ControlNote) -> Value {
    let files: Vec<Value> = note
        .partners
        .iter()
        .flat_map(|partner| partner.files.iter().map(|file| of_file(&partner.provider, file)))
        .collect();
    let left_out: Vec<Value> = note
        .left_out
        .iter()
        .map(|one| {
            json!({
                "partner": one.provider,
                "file": one.file_name,
                "why": { "vi": one.why.vi, "en": one.why.en },
            })
        })
        .collect();
    json!({
        "office": note.office,
        "test": note.is_test,
        "currency": note.currency.code(),
        "cycle": note.label,
        "made_on": note.made_on.to_string(),
        "files": files,
        "not_noted": left_out,
    })
}

fn of_file(partner: &str, file: &NotedFile) -> Value {
    json!({
        "partner": partner,
        "file": file.file_name,
        "message_id": file.message_id,
        "list": file.list,
        "value_date": file.value_date.to_string(),
        "count": file.count,
        "total_minor": file.total_minor.to_string(),
        "sha256": file.sha256,
        "sealed_later": file.seal == Seal::Later,
        "leaves_as": file.leaves_as(),
        "leaves_sha256": file.leaves_sha256(),
        "has_left": match file.has_left {
            HasLeft::Not => "no",
            HasLeft::MayHave => "unknown",
            HasLeft::Has => "yes",
        },
    })
}
