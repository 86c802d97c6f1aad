//! `chitra roster import` and `chitra identity import`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::grouped;
use crate::cli::signer::Signer;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::period::Period;
use crate::engine::import::{ImportReport, Shorter};
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum Roster {
    /// Take in a roster for a month
    Import(Files),
}

#[derive(Subcommand)]
pub enum Identity {
    /// Take in an identity register for a month; before the roster
    Import(Files),
}

#[derive(clap::Args)]
pub struct Files {
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The month, like 2026-11
    #[arg(long)]
    period: String,
    /// The file has far fewer rows than the one before it, and everyone else is off the list
    #[arg(long)]
    shorter: bool,
    #[command(flatten)]
    signer: Signer,
}

impl Files {
    fn shorter(&self) -> Shorter {
        if self.shorter { Shorter::Meant } else { Shorter::Refused }
    }
}

impl Roster {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let Roster::Import(files) = self;
        let period = period(&files.period)?;
        let key = files.signer.key(engine).await?;
        for path in &files.files {
            let (by, shorter) = (&files.signer.by, files.shorter());
            tell(&engine.roster_import_over(path, period, by, &key, shorter).await?, voice);
        }
        engine.sequence().await?;
        Ok(())
    }
}

impl Identity {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let Identity::Import(files) = self;
        let period = period(&files.period)?;
        let key = files.signer.key(engine).await?;
        for path in &files.files {
            let (by, shorter) = (&files.signer.by, files.shorter());
            tell(&engine.identity_import_over(path, period, by, &key, shorter).await?, voice);
        }
        engine.sequence().await?;
        Ok(())
    }
}

pub fn period(text: &str) -> Result<Period, EngineError> {
    text.parse().map_err(|error| EngineError::refused("G102", format!("{error}")))
}

fn tell(report: &ImportReport, voice: &Voice) {
    let import = &report.import;
    let told = json!({
        "import": import.number.0,
        "kind": import.kind.to_string(),
        "period": import.period.to_string(),
        "file": import.file_name,
        "sha256": import.sha256,
        "rows": import.rows,
        "refused": import.refused,
        "refused_by_code": report.refused_by_code,
        "lists_opened_before": report.opened.iter().map(Cycle::label).collect::<Vec<_>>(),
        "refused_file": report.refused_file.as_ref().map(|path| path.display().to_string()),
    });
    voice.say(&told, || {
        let mut text = format!(
            "{} {}: {} rows, {} refused",
            import.kind,
            import.file_name,
            grouped(i128::from(import.rows)),
            grouped(i128::from(import.refused))
        );
        if let Some(path) = &report.refused_file {
            let codes: Vec<String> = report
                .refused_by_code
                .iter()
                .map(|(code, rows)| format!("{code} × {rows}"))
                .collect();
            text.push_str(&format!(
                "\n  mend these rows in the file and send the whole file again; they are in {} ({})",
                path.display(),
                codes.join(", ")
            ));
        }
        for cycle in &report.opened {
            text.push_str(&kept(cycle));
        }
        text
    });
}

/// A list that was opened before goes on with what it was opened with.
fn kept(cycle: &Cycle) -> String {
    let label = cycle.label();
    let month = cycle.period;
    let way_out = match cycle.state {
        CycleState::Open | CycleState::Computed => format!(
            "to use this file, give it up and open it anew (chitra cycle cancel {label}, chitra cycle open {month})"
        ),
        _ => format!(
            "what differs goes on another list (chitra cycle open {month} --kind correction, or supplementary)"
        ),
    };
    format!(
        "\n  list {label} ({}) was opened before and does not have this: {way_out}",
        cycle.state
    )
}
