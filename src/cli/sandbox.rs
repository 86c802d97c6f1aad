//! `chitra sandbox`: a seeded bank, wallet, operator and paying organisation, over drop folders or HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::channels::sandbox::{
    BehaviourMix, ProviderKind, ProviderTotals, Sandbox, SandboxConfig, SandboxProvider, Script,
    listening,
};
use crate::cli::Voice;
use crate::cli::show::{grouped, table};
use crate::disk::RealDisk;
use crate::domain::period::parse_date;
use crate::engine::clock::{Clock as _, SystemClock};
use crate::engine::{EngineError, named_file};

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
    /// Shares of what goes wrong, when the sandbox is made: [mix], [around.requests], [around.files] and
    /// [around.recalls] in TOML
    #[arg(long)]
    script: Option<PathBuf>,
    /// Serves the partners over HTTP at this address, like 127.0.0.1:8080, until it is stopped; days pass by
    /// POST /day/2026-11-05
    #[arg(long)]
    listen: Option<String>,
}

/// What `--script` says: how accounts behave, and what goes wrong around payments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    mix: Option<BehaviourMix>,
    #[serde(default)]
    around: Script,
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
            let (mix, script) = script(self.script.as_deref())?;
            create(&dir, self.seed, mix, script)?;
        }
        let sandbox = Sandbox::open(Arc::new(RealDisk), &dir).map_err(failed)?;
        if let Some(address) = self.listen {
            let begun = sandbox.today().map_err(failed)?;
            let day = day.or(begun).unwrap_or_else(|| SystemClock::new(0).today());
            let unheard = |error| EngineError::io(format!("listening at {address}"), error);
            let listener = tokio::net::TcpListener::bind(&address).await.map_err(unheard)?;
            let at = listener.local_addr().map_err(unheard)?;
            voice.say(&json!({ "listening": at.to_string(), "today": day.to_string() }), || {
                format!("http://{at} serves the partners of {}, on {day}", dir.display())
            });
            return listening::listen(listener, sandbox, day).await.map_err(failed);
        }
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
                let balance = balance(one);
                json!({
                    "provider": one.provider,
                    "credited": { "count": one.credited.count, "minor": one.credited.sum_minor.to_string() },
                    "returned": { "count": one.returned.count, "minor": one.returned.sum_minor.to_string() },
                    "rejected": { "count": one.rejected.count, "minor": one.rejected.sum_minor.to_string() },
                    "balance": { "count": balance.0, "minor": balance.1.to_string() },
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
                        let balance = balance(one);
                        vec![
                            one.provider.clone(),
                            count(one.credited.count),
                            grouped(one.credited.sum_minor),
                            count(one.returned.count),
                            grouped(one.returned.sum_minor),
                            grouped(balance.0),
                            grouped(balance.1),
                            count(one.rejected.count),
                            grouped(one.rejected.sum_minor),
                        ]
                    })
                    .collect();
                format!(
                    "{}\n{} references were credited more than once",
                    table(
                        &[
                            "partner",
                            "credited",
                            "minor units",
                            "returned",
                            "minor units",
                            "balance",
                            "minor units",
                            "rejected",
                            "minor units",
                        ],
                        &rows,
                        &[1, 2, 3, 4, 5, 6, 7, 8]
                    ),
                    totals.credited_again.len()
                )
            },
        );
        Ok(())
    }
}

/// What payees have of a partner: what was credited to them, less what came back.
fn balance(one: &ProviderTotals) -> (i128, i128) {
    (
        i128::from(one.credited.count) - i128::from(one.returned.count),
        one.credited.sum_minor - one.returned.sum_minor,
    )
}

/// Reads what `--script` names; without it accounts behave as a bank's do, and nothing goes wrong around them.
pub fn script(path: Option<&Path>) -> Result<(BehaviourMix, Script), EngineError> {
    let Some(path) = path else { return Ok((BehaviourMix::default(), Script::default())) };
    let text = named_file::text(path)?;
    let file: ScriptFile = toml::from_str(&text).map_err(|error| {
        EngineError::refused("S217", format!("{} is no script: {error}", path.display()))
    })?;
    Ok((file.mix.unwrap_or_default(), file.around))
}

/// Makes a sandbox with all partners.
pub fn create(dir: &Path, seed: u64, mix: BehaviourMix, script: Script) -> Result<(), EngineError> {
    std::fs::create_dir_all(dir).map_err(|error| EngineError::io("making the sandbox", error))?;
    let providers = PARTNERS
        .iter()
        .map(|(name, kind)| SandboxProvider { name: (*name).to_owned(), kind: *kind })
        .collect();
    let config = SandboxConfig { seed, providers, mix, script };
    Sandbox::create(Arc::new(RealDisk), dir, &config)
        .map(|_| ())
        .map_err(|error| EngineError::refused(error.code(), error.to_string()))
}
