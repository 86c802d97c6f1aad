//! `chitra sandbox`: a seeded bank, wallet, operator and paying organisation, over drop folders.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::channels::sandbox::{
    BehaviourMix, ProviderKind, Sandbox, SandboxConfig, SandboxProvider,
};
use crate::cli::Voice;
use crate::cli::show::{grouped, table};
use crate::disk::RealDisk;
use crate::domain::period::parse_date;
use crate::engine::EngineError;

/// The partners that a new sandbox plays: their folders' names and what they are.
pub const PARTNERS: [(&str, ProviderKind); 5] = [
    ("demobank", ProviderKind::Bank),
    ("sheetbank", ProviderKind::BankSheet),
    ("wallet", ProviderKind::Wallet),
    ("mobile", ProviderKind::MobileMoney),
    ("paypoint", ProviderKind::PayPoint),
];

#[derive(Args)]
pub struct SandboxCommand {
    /// Its folder: PARTNER/inbox, outbox, taken and ledger; made when it is missing
    dir: PathBuf,
    /// The day to live through, like 2026-11-03: takes what lies in the inboxes, answers what is due
    #[arg(long)]
    day: Option<String>,
    /// Decides what happens to each account, when the sandbox is made
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl SandboxCommand {
    pub async fn run(self, voice: &Voice) -> Result<(), EngineError> {
        let failed = |error: crate::channels::sandbox::SandboxError| {
            EngineError::refused(error.code(), error.to_string())
        };
        let day = self.day.as_deref().map(parse_date).transpose();
        let day = day.map_err(|error| EngineError::refused("G102", error.to_string()))?;
        // Its folder's folder is synced, so a name alone is not enough.
        let dir = std::path::absolute(&self.dir)
            .map_err(|error| EngineError::io(format!("finding {}", self.dir.display()), error))?;
        if !dir.join("sandbox.json").exists() {
            create(&dir, self.seed)?;
        }
        let sandbox = Sandbox::open(Arc::new(RealDisk), &dir).map_err(failed)?;
        if let Some(day) = day {
            let ticked = sandbox.tick(day).map_err(failed)?;
            voice.say(
                &json!({
                    "booked": ticked.booked.len(),
                    "refused": ticked.refused.len(),
                    "answered": ticked.answered.len(),
                }),
                || {
                    format!(
                        "{day}: {} files booked, {} refused, {} answers laid out",
                        ticked.booked.len(),
                        ticked.refused.len(),
                        ticked.answered.len()
                    )
                },
            );
            return Ok(());
        }
        let totals = sandbox.totals().map_err(failed)?;
        let told: Vec<_> = totals
            .providers
            .iter()
            .map(|one| {
                json!({
                    "provider": one.provider,
                    "credited": { "count": one.credited.count, "minor": one.credited.sum_minor.to_string() },
                    "returned": { "count": one.returned.count, "minor": one.returned.sum_minor.to_string() },
                    "rejected": { "count": one.rejected.count, "minor": one.rejected.sum_minor.to_string() },
                })
            })
            .collect();
        voice.say(
            &json!({ "providers": told, "credited_again": totals.credited_again.len() }),
            || {
                let count = |number: u64| grouped(i128::from(number));
                let rows: Vec<Vec<String>> = totals
                    .providers
                    .iter()
                    .map(|one| {
                        vec![
                            one.provider.clone(),
                            count(one.credited.count),
                            grouped(one.credited.sum_minor),
                            count(one.returned.count),
                            count(one.rejected.count),
                        ]
                    })
                    .collect();
                format!(
                    "{}\n{} references were credited more than once",
                    table(
                        &["partner", "credited", "minor units", "returned", "rejected"],
                        &rows,
                        &[1, 2, 3, 4]
                    ),
                    totals.credited_again.len()
                )
            },
        );
        Ok(())
    }
}

/// Makes a sandbox with all partners.
pub fn create(dir: &std::path::Path, seed: u64) -> Result<(), EngineError> {
    std::fs::create_dir_all(dir).map_err(|error| EngineError::io("making the sandbox", error))?;
    let providers = PARTNERS
        .iter()
        .map(|(name, kind)| SandboxProvider { name: (*name).to_owned(), kind: *kind })
        .collect();
    let config = SandboxConfig { seed, providers, mix: BehaviourMix::default() };
    Sandbox::create(Arc::new(RealDisk), dir, &config)
        .map(|_| ())
        .map_err(|error| EngineError::refused(error.code(), error.to_string()))
}
