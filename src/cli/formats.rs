//! `chitra formats`: what partners read and write.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::table;
use crate::engine::{EngineError, named_file};

#[derive(Subcommand)]
pub enum FormatsCommand {
    /// Every format, out and in
    List,
    /// The words that a definition may use as sources
    Fields,
    /// Check a definition
    Check { file: PathBuf },
}

impl FormatsCommand {
    pub fn run(self, voice: &Voice) -> Result<(), EngineError> {
        match self {
            FormatsCommand::List => {
                let formats = payment_formats::Formats::built_in();
                let list = formats.list();
                let told: Vec<_> = list
                    .iter()
                    .map(|one| {
                        json!({ "id": one.id, "version": one.version, "direction": if one.out { "out" } else { "in" }, "vi": one.title_vi, "en": one.title_en })
                    })
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = list
                        .iter()
                        .map(|one| {
                            vec![
                                one.id.to_owned(),
                                if one.out { "out" } else { "in" }.to_owned(),
                                one.title_vi.to_owned(),
                                one.title_en.to_owned(),
                            ]
                        })
                        .collect();
                    table(&["format", "", "tiếng Việt", "English"], &rows, &[])
                });
                Ok(())
            }
            FormatsCommand::Fields => {
                let fields = payment_formats::fields();
                let told: Vec<_> = fields
                    .iter()
                    .map(|one| json!({ "field": one.name, "meaning": one.meaning }))
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = fields
                        .iter()
                        .map(|one| vec![one.name.to_owned(), one.meaning.to_owned()])
                        .collect();
                    table(&["field", "meaning"], &rows, &[])
                });
                Ok(())
            }
            FormatsCommand::Check { file } => {
                let text = named_file::text(&file)?;
                let faults = payment_formats::check(&text);
                let severity = |fault: &payment_formats::Diagnostic| match fault.severity {
                    payment_formats::Severity::Error => "error",
                    payment_formats::Severity::Warning => "warning",
                };
                let told: Vec<_> = faults
                    .iter()
                    .map(|fault| {
                        json!({ "severity": severity(fault), "place": fault.place, "sentence": fault.message })
                    })
                    .collect();
                voice.say(&json!(told), || match faults.is_empty() {
                    true => "the definition is right".to_owned(),
                    false => faults
                        .iter()
                        .map(|fault| {
                            format!("{}: {}: {}", severity(fault), fault.place, fault.message)
                        })
                        .collect::<Vec<_>>()
                        .join("\n"),
                });
                match faults.iter().any(|fault| fault.severity == payment_formats::Severity::Error)
                {
                    true => Err(EngineError::refused(
                        "F101",
                        "the definition has the faults that are listed; mend them, and check it again",
                    )),
                    false => Ok(()),
                }
            }
        }
    }
}
