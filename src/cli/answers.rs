//! `chitra queue`: what needs a person after answers came in.

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::halt;
use crate::cli::recall;
use crate::cli::show::{money, table};
use crate::cli::signer::Signer;
use crate::domain::answer::Discrepancy;
use crate::domain::ids::{BatchNo, CycleNo, EndToEndId};
use crate::domain::state::Named;
use crate::engine::overdue::Overdue;
use crate::engine::{Engine, EngineError};
use crate::report::wording;

#[derive(Subcommand)]
pub enum Queue {
    /// Items of answers that fit nothing, contradict, or have another amount
    Discrepancies,
    /// Say that a discrepancy is settled, and how
    Resolve {
        number: i64,
        #[command(flatten)]
        signer: Signer,
        #[arg(long)]
        reason: String,
    },
    /// Money to be got back
    Receivables,
    /// Cash that nobody collected three times running: for whom a suspension is proposed
    Suspensions,
    /// Acknowledgements of files that are late: what is missing, since when, and whom to call
    Acknowledgements,
    /// What was asked back and is late, or is refused by the partner
    Recalls,
    /// What is halted
    Halts,
    /// One of the two officers who lift a halt
    Lift {
        halt: i64,
        #[command(flatten)]
        signer: Signer,
    },
}

impl Queue {
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            Queue::Discrepancies
                | Queue::Receivables
                | Queue::Suspensions
                | Queue::Acknowledgements
                | Queue::Recalls
                | Queue::Halts
        )
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            Queue::Discrepancies => {
                let open = engine.store.discrepancies().await?;
                let files = files_of(engine, &open).await?;
                let told: Vec<_> = open
                    .iter()
                    .map(|(number, one)| {
                        json!({
                            "number": number,
                            "kind": one.kind.name(),
                            "provider": one.provider,
                            "answer": one.answer.0,
                            "item": one.item,
                            "payment": payment(engine, one),
                            "file": file_of(&files, one),
                            "expected_minor": one.expected_minor.map(|minor| minor.to_string()),
                            "reported_minor": one.reported_minor.map(|minor| minor.to_string()),
                            "sentence": one.detail,
                            "since": one.opened_at,
                        })
                    })
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = open
                        .iter()
                        .map(|(number, one)| {
                            vec![
                                number.to_string(),
                                format!("{}: {}", one.kind, wording::discrepancy(one.kind).vi),
                                one.provider.clone(),
                                format!("{}/{}", one.answer, one.item),
                                payment(engine, one).or(file_of(&files, one)).unwrap_or_default(),
                                amounts(engine, one),
                                one.detail.clone(),
                                one.opened_at.clone(),
                            ]
                        })
                        .collect();
                    table(
                        &[
                            "number",
                            "kind",
                            "provider",
                            "answer/item",
                            "payment or file",
                            "ordered, told",
                            "why",
                            "since",
                        ],
                        &rows,
                        &[0],
                    )
                });
                Ok(())
            }
            Queue::Resolve { number, signer, reason } => {
                let key = signer.key(engine).await?;
                engine.discrepancy_resolve(number, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&json!({ "number": number, "state": "resolved" }), || {
                    format!("discrepancy {number} is resolved")
                });
                Ok(())
            }
            Queue::Receivables => {
                let open = engine.store.receivables().await?;
                let told: Vec<_> = open
                    .iter()
                    .map(|one| {
                        json!({
                            "cause": one.cause.name(),
                            "person": one.person.to_string(),
                            "amount_minor": one.amount_minor.to_string(),
                            "since": one.opened_at,
                        })
                    })
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = open
                        .iter()
                        .map(|one| {
                            vec![
                                one.cause.to_string(),
                                one.person.to_string(),
                                one.amount_minor.to_string(),
                                one.opened_at.clone(),
                            ]
                        })
                        .collect();
                    table(&["cause", "person", "minor units", "since"], &rows, &[2])
                });
                Ok(())
            }
            Queue::Suspensions => {
                let proposed = engine.suspensions_proposed().await?;
                let told: Vec<_> = proposed
                    .iter()
                    .map(|(cycle, one)| {
                        json!({
                            "cycle": cycle.label(),
                            "hold": one.name(),
                            "person": one.exception.person.to_string(),
                            "payable": one.exception.payable.map(|payable| payable.to_string()),
                            "decided": one.decided.as_ref().map(|decided| decided.decision.name()),
                        })
                    })
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = proposed
                        .iter()
                        .map(|(cycle, one)| {
                            let decided = one.decided.as_ref();
                            vec![
                                cycle.label(),
                                one.name(),
                                one.exception.person.to_string(),
                                decided.map_or("", |decided| decided.decision.name()).to_owned(),
                            ]
                        })
                        .collect();
                    table(&["cycle", "hold", "person", "decided"], &rows, &[])
                });
                Ok(())
            }
            Queue::Acknowledgements => {
                let late = engine.overdue_acknowledgements(None).await?;
                voice.say(&overdue_json(&late), || overdue_table(&late));
                Ok(())
            }
            Queue::Recalls => {
                let found = engine.recalls_to_look_at().await?;
                let standings: Vec<_> = found.into_iter().map(|(_, one)| one).collect();
                recall::tell(&standings, "nothing that was asked back is open", engine, voice);
                Ok(())
            }
            Queue::Halts => halt::list(engine, voice).await,
            Queue::Lift { halt, signer } => halt::lift(halt, &signer, engine, voice).await,
        }
    }
}

/// Late acknowledgements as `--json` has them.
pub fn overdue_json(late: &[Overdue]) -> serde_json::Value {
    late.iter()
        .map(|one| {
            json!({
                "cycle": one.cycle,
                "file": one.file_name,
                "provider": one.provider,
                "acknowledgement": one.kind.name(),
                "due": one.due.map(|due| due.strftime("%FT%T").to_string()),
                "without_result": one.without_result,
                "contact": one.contact,
                "sentence": one.sentence.en,
                "sentence_vi": one.sentence.vi,
            })
        })
        .collect()
}

pub fn overdue_table(late: &[Overdue]) -> String {
    let rows: Vec<Vec<String>> = late
        .iter()
        .map(|one| {
            vec![
                one.due.map_or_else(String::new, |due| due.strftime("%F %H:%M").to_string()),
                one.kind.to_string(),
                format!("{} / {}", one.sentence.vi, one.sentence.en),
            ]
        })
        .collect();
    table(&["due until", "missing", "what and whom to call"], &rows, &[])
}

/// The reference of the payment that a discrepancy is about.
fn payment(engine: &Engine, one: &Discrepancy) -> Option<String> {
    let (payable, attempt) = one.instruction?;
    Some(EndToEndId::derive(&engine.config.prefix, payable, attempt).to_string())
}

/// The names of the files that discrepancies are about.
async fn files_of(
    engine: &Engine,
    open: &[(i64, Discrepancy)],
) -> Result<BTreeMap<(CycleNo, BatchNo), String>, EngineError> {
    let cycles: BTreeSet<CycleNo> =
        open.iter().filter_map(|(_, one)| one.file).map(|(cycle, _)| cycle).collect();
    let mut files = BTreeMap::new();
    for cycle in cycles {
        for batch in engine.store.batches(cycle).await? {
            files.insert((cycle, batch.number), batch.file_name);
        }
    }
    Ok(files)
}

fn file_of(files: &BTreeMap<(CycleNo, BatchNo), String>, one: &Discrepancy) -> Option<String> {
    files.get(&one.file?).cloned()
}

fn amounts(engine: &Engine, one: &Discrepancy) -> String {
    let told = |minor: Option<i64>| {
        minor.map_or_else(String::new, |minor| money(i128::from(minor), engine.config.currency))
    };
    match (one.expected_minor, one.reported_minor) {
        (None, None) => String::new(),
        (expected, reported) => format!("{}, {}", told(expected), told(reported)),
    }
}
