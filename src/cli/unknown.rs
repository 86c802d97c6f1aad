//! `chitra unknown`: payments of which no answer tells the fate, and what two officers decide.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::{grouped, money, table};
use crate::cli::signer::Signer;
use crate::domain::batch::BatchState;
use crate::domain::fate::Verdict;
use crate::domain::instruction::InstructionState;
use crate::domain::state::Named;
use crate::engine::fate::{Decided, Unknown};
use crate::engine::{Engine, EngineError, named_file};

#[derive(Subcommand)]
pub enum UnknownCommand {
    /// What may or may not have been paid: since when, where, and what is proposed
    List {
        /// Of every cycle when none is named
        cycle: Option<String>,
    },
    /// Propose what became of payments; it counts when another officer confirms it
    Decide {
        cycle: String,
        #[command(flatten)]
        which: Which,
        /// They were paid
        #[arg(long, conflicts_with = "not_paid", required_unless_present = "not_paid")]
        paid: bool,
        /// They were not paid, and may be ordered again
        #[arg(long)]
        not_paid: bool,
        /// On what the decision rests; it is sealed
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// The second officer, an approver, confirms what another proposed
    Confirm {
        cycle: String,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        signer: Signer,
    },
}

#[derive(Args)]
pub struct Which {
    /// References of payments, or names of files for all that is unknown in them
    #[arg(required_unless_present = "list")]
    references: Vec<String>,
    /// A CSV with such references: the column `reference`, or the first one
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

impl Which {
    fn read(&self) -> Result<Vec<String>, EngineError> {
        let mut all = self.references.clone();
        if let Some(path) = &self.list {
            all.extend(references(path)?);
        }
        Ok(all)
    }
}

impl UnknownCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, UnknownCommand::List { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            UnknownCommand::List { cycle } => {
                let cycles = match cycle {
                    Some(text) => vec![engine.cycle_find(&text).await?],
                    None => engine.store.cycles().await?,
                };
                let mut found = Vec::new();
                for cycle in cycles {
                    let of_cycle = engine.unknowns(&cycle).await?;
                    found.extend(of_cycle.into_iter().map(|one| (cycle.label(), one)));
                }
                let told: Vec<Value> =
                    found.iter().map(|(cycle, one)| as_json(cycle, one)).collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = found
                        .iter()
                        .map(|(cycle, one)| {
                            vec![
                                one.reference.to_string(),
                                cycle.clone(),
                                one.days.map(|days| days.to_string()).unwrap_or_default(),
                                one.provider.clone(),
                                one.file_name.clone(),
                                money(i128::from(one.amount_minor), engine.config.currency),
                                known(one),
                                proposed(one),
                            ]
                        })
                        .collect();
                    let head = [
                        "reference",
                        "cycle",
                        "days",
                        "partner",
                        "file",
                        "amount",
                        "what is known",
                        "proposed",
                    ];
                    table(&head, &rows, &[2, 5])
                });
                Ok(())
            }
            UnknownCommand::Decide { cycle, which, paid, not_paid: _, reason, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let verdict = if paid { Verdict::Paid } else { Verdict::NotPaid };
                let key = signer.key(engine).await?;
                let named = which.read()?;
                let done =
                    engine.fate_propose(&cycle, &named, verdict, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                tell(&done, "proposed", engine, voice, || {
                    format!(
                        "; another officer confirms it: chitra unknown confirm {} REFERENCE --as APPROVER",
                        cycle.label()
                    )
                });
                Ok(())
            }
            UnknownCommand::Confirm { cycle, which, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let key = signer.key(engine).await?;
                let done = engine.fate_confirm(&cycle, &which.read()?, &signer.by, &key).await?;
                engine.sequence().await?;
                tell(&done, "confirmed", engine, voice, String::new);
                Ok(())
            }
        }
    }
}

fn tell(
    done: &Decided,
    state: &str,
    engine: &Engine,
    voice: &Voice,
    next: impl FnOnce() -> String,
) {
    let told = json!({
        "state": state,
        "paid": done.paid,
        "not_paid": done.not_paid,
        "total_minor": done.total_minor.to_string(),
    });
    voice.say(&told, || {
        let verdicts: Vec<String> = [(done.paid, "paid"), (done.not_paid, "not paid")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", grouped(i128::from(count))))
            .collect();
        format!(
            "{state}: {}, {}{}",
            verdicts.join(", "),
            money(i128::from(done.total_minor), engine.config.currency),
            next()
        )
    });
}

fn as_json(cycle: &str, one: &Unknown) -> Value {
    json!({
        "reference": one.reference.as_str(),
        "cycle": cycle,
        "days": one.days,
        "sent_on": one.sent_on,
        "partner": one.provider,
        "file": one.file_name,
        "state": one.state.name(),
        "file_state": one.file.name(),
        "amount_minor": one.amount_minor.to_string(),
        "reason": one.reason,
        "debited_on": one.debited_on,
        "proposed": one.proposed.as_ref().map(|proposed| json!({
            "verdict": proposed.verdict.name(),
            "by": proposed.by,
            "at": proposed.at,
            "reason": proposed.reason,
        })),
    })
}

fn known(one: &Unknown) -> String {
    if one.state == InstructionState::Settled {
        return "it is held to be paid, and the queue has what speaks against it".to_owned();
    }
    if let Some(day) = &one.debited_on {
        return format!("our account was debited on {day}; whether the payee has it is not known");
    }
    match one.file {
        BatchState::Sending | BatchState::Unknown => {
            "whether its file has left is not known".to_owned()
        }
        _ => one.reason.clone().unwrap_or_else(|| "the partner cannot tell".to_owned()),
    }
}

fn proposed(one: &Unknown) -> String {
    let told = |proposed: &crate::engine::fate::Proposed| {
        let verdict = match proposed.verdict {
            Verdict::Paid => "paid",
            Verdict::NotPaid => "not paid",
        };
        format!("{verdict}, by {}: {}", proposed.by, proposed.reason)
    };
    one.proposed.as_ref().map(told).unwrap_or_default()
}

/// The references of a CSV: of its column `reference`, or of the first one where there is no such head.
fn references(path: &Path) -> Result<Vec<String>, EngineError> {
    named_file::must_be_readable(path)?;
    let failed = |error: csv::Error| {
        EngineError::io(format!("reading {}", path.display()), std::io::Error::other(error))
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(path)
        .map_err(failed)?;
    let mut column = 0;
    let mut found = Vec::new();
    for (at, row) in reader.records().enumerate() {
        let row = row.map_err(failed)?;
        let head = row.iter().position(|cell| {
            cell.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case("reference")
        });
        if let (0, Some(head)) = (at, head) {
            column = head;
            continue;
        }
        let cell = row.get(column).unwrap_or("").trim_start_matches('\u{feff}').trim();
        if !cell.is_empty() {
            found.push(cell.to_owned());
        }
    }
    Ok(found)
}
