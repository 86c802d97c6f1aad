//! `chitra cycle`: open, run, look at and close a month.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::answers::{overdue_json, overdue_table};
use crate::cli::import::period;
use crate::cli::recall;
use crate::cli::show::{grouped, money, payments, table};
use crate::cli::signer::Signer;
use crate::domain::cycle::{Cycle, CycleKind, CycleState};
use crate::domain::exception::RowOutcome;
use crate::domain::money::Currency;
use crate::domain::period::parse_date;
use crate::domain::state::Named;
use crate::engine::cycle::Opening;
use crate::engine::figures::Figures;
use crate::engine::refused::Refusal;
use crate::engine::{Engine, EngineError};
use crate::pipeline::account;
use crate::report::wording;

#[derive(Subcommand)]
pub enum CycleCommand {
    /// Open a cycle over the newest roster and register of a month
    Open {
        period: String,
        /// regular, supplementary or correction
        #[arg(long, default_value = "regular")]
        kind: String,
        /// The law as known on this day; today when not said
        #[arg(long)]
        law_as_of: Option<String>,
        /// When our account is to be debited
        #[arg(long)]
        value_date: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Decide, assemble, render and seal; goes on where it stopped
    Run {
        cycle: String,
        /// Stop before sealing, to work the queue of holds
        #[arg(long)]
        until_computed: bool,
        /// Decide everything anew, with the holds that were resolved
        #[arg(long)]
        recompute: bool,
    },
    /// Where every row, payable and đồng is
    Status { cycle: String },
    /// Which rows of the roster are refused: the line to mend, and why
    Refused { cycle: String },
    /// All cycles
    List,
    /// Close: only when everything is accounted for
    Close {
        cycle: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Give a cycle up before it is released
    Cancel {
        cycle: String,
        #[command(flatten)]
        signer: Signer,
        #[arg(long)]
        reason: String,
    },
}

impl CycleCommand {
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            CycleCommand::Status { .. } | CycleCommand::Refused { .. } | CycleCommand::List
        )
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            CycleCommand::Open { period: month, kind, law_as_of, value_date, signer } => {
                let date = |text: &str| {
                    parse_date(text)
                        .map_err(|error| EngineError::refused("G102", error.to_string()))
                };
                let kind = CycleKind::from_name(&kind).ok_or_else(|| {
                    EngineError::refused(
                        "G103",
                        format!(
                            "`{kind}` is no kind of cycle: regular, supplementary or correction"
                        ),
                    )
                })?;
                let opening = Opening {
                    period: period(&month)?,
                    kind,
                    law_known_at: law_as_of.as_deref().map(date).transpose()?,
                    value_date: date(&value_date)?,
                    by: signer.by.clone(),
                };
                let key = signer.key(engine).await?;
                let cycle = engine.cycle_open(opening, &key).await?;
                engine.sequence().await?;
                voice.say(&json!({ "cycle": cycle.label(), "number": cycle.number.0 }), || {
                    format!("cycle {} (number {}) is open", cycle.label(), cycle.number)
                });
                Ok(())
            }
            CycleCommand::Run { cycle, until_computed, recompute } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let cycle = run(engine, cycle, until_computed, recompute).await?;
                tell(engine, &cycle, voice).await
            }
            CycleCommand::Status { cycle } => {
                let cycle = engine.cycle_find(&cycle).await?;
                tell(engine, &cycle, voice).await
            }
            CycleCommand::Refused { cycle } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let roster = engine.store.import(cycle.roster).await?;
                let file = roster.map(|import| import.file_name).unwrap_or_default();
                let all = engine.refusals(&cycle).await?;
                let told: Vec<_> = all.iter().map(refusal_json).collect();
                voice.say(&json!({ "file": file, "refused": told }), || {
                    let rows: Vec<Vec<String>> = all.iter().map(refusal_row).collect();
                    let head = ["line", "code", "enrolment", "person", "why"];
                    format!("{file}\n{}", table(&head, &rows, &[0]))
                });
                Ok(())
            }
            CycleCommand::List => {
                let cycles = engine.store.cycles().await?;
                let told: Vec<_> = cycles
                    .iter()
                    .map(|one| json!({ "number": one.number.0, "cycle": one.label(), "state": one.state.name() }))
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = cycles
                        .iter()
                        .map(|one| {
                            vec![
                                one.number.to_string(),
                                one.label(),
                                one.state.to_string(),
                                one.opened_at.clone(),
                            ]
                        })
                        .collect();
                    table(&["number", "cycle", "state", "opened"], &rows, &[0])
                });
                Ok(())
            }
            CycleCommand::Close { cycle, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let key = signer.key(engine).await?;
                let cycle = engine.close(&cycle, &signer.by, &key).await?;
                tell(engine, &cycle, voice).await
            }
            CycleCommand::Cancel { cycle, signer, reason } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let key = signer.key(engine).await?;
                engine.cycle_cancel(&cycle, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&json!({ "cycle": cycle.label(), "state": "cancelled" }), || {
                    format!("cycle {} is cancelled; its claims are free", cycle.label())
                });
                Ok(())
            }
        }
    }
}

fn refusal_json(one: &Refusal) -> serde_json::Value {
    let why = wording::row_code(&one.code);
    json!({
        "line": one.line,
        "code": one.code,
        "enrolment_id": one.enrolment_id,
        "person": one.person.to_string(),
        "sentence": one.sentence,
        "vi": why.as_ref().map(|why| &why.vi),
        "en": why.as_ref().map(|why| &why.en),
    })
}

fn refusal_row(one: &Refusal) -> Vec<String> {
    let why = match wording::row_code(&one.code) {
        Some(why) => format!("{} / {} ({})", why.vi, why.en, one.sentence),
        None => one.sentence.clone(),
    };
    let enrolment = one.enrolment_id.clone().unwrap_or_default();
    vec![one.line.to_string(), one.code.clone(), enrolment, one.person.to_string(), why]
}

/// Brings a cycle as far as it can go without officers.
pub async fn run(
    engine: &Engine,
    mut cycle: Cycle,
    until_computed: bool,
    recompute: bool,
) -> Result<Cycle, EngineError> {
    if recompute {
        cycle = engine.recompute(&cycle).await?;
    }
    if cycle.state == CycleState::Open {
        cycle = engine.compute(&cycle).await?;
        cycle = engine.assemble(&cycle).await?;
    }
    if cycle.state == CycleState::Computed && !until_computed {
        cycle = engine.seal(&cycle).await?;
    }
    engine.sequence().await?;
    Ok(cycle)
}

async fn tell(engine: &Engine, cycle: &Cycle, voice: &Voice) -> Result<(), EngineError> {
    let figures = engine.figures(cycle).await?;
    let late = engine.overdue_acknowledgements(Some(cycle)).await?;
    let mut told = figures.to_json();
    told["overdue_acknowledgements"] = overdue_json(&late);
    let newer = engine.newer_imports(cycle).await?;
    told["taken_in_since"] = newer.iter().map(|one| one.number.0).collect();
    let recalls = engine.recalls(cycle).await?;
    told["recalls"] = recall::counted(&recalls);
    voice.say(&told, || {
        let mut parts = vec![text(&figures, engine.config.currency)];
        if !late.is_empty() {
            parts.push(overdue_table(&late));
        }
        parts.extend(newer.iter().map(|one| {
            format!(
                "The {} {} was taken in after this list was opened, which does not have it.",
                one.kind, one.file_name
            )
        }));
        parts.extend(recall::told_shortly(&recalls, cycle));
        parts.join("\n\n")
    });
    Ok(())
}

/// The status of a cycle for people.
pub fn text(figures: &Figures, currency: Currency) -> String {
    let cycle = &figures.cycle;
    let mut parts = vec![format!(
        "Cycle {} is {}. {}",
        cycle.label(),
        cycle.state,
        match (figures.balanced(), cycle.state.is_computed()) {
            (false, _) => "IT DOES NOT BALANCE.",
            (true, true) => "Everything balances.",
            (true, false) if cycle.state == CycleState::Cancelled => "Nothing of it counts.",
            (true, false) => "It is not computed.",
        }
    )];
    let count = |number: i64| grouped(i128::from(number));
    let mut rows: Vec<String> =
        figures.rows.iter().map(|(outcome, rows)| format!("{outcome} {}", count(*rows))).collect();
    if figures.undecided() > 0 {
        rows.push(format!("undecided {}", count(figures.undecided())));
    }
    parts.push(format!("Rows: {} listed = {}", count(figures.rows_listed), rows.join(" + ")));
    if figures.rows.iter().any(|(outcome, rows)| *outcome == RowOutcome::Refused && *rows > 0) {
        parts.push(format!(
            "Refused rows are paid nothing until their lines are mended. Which: chitra cycle refused {}",
            cycle.label()
        ));
    }
    if !figures.people.is_empty() {
        let people: Vec<String> = account::PERSON_OUTCOMES
            .iter()
            .filter_map(|word| Some(format!("{word} {}", count(*figures.people.get(word)?))))
            .collect();
        let carried = match figures.people_carried {
            0 => String::new(),
            alone => format!(" and {} with carried money alone", count(alone)),
        };
        parts.push(format!(
            "People, each once: {} listed{carried} = {}",
            count(figures.people_listed),
            people.join(" + ")
        ));
    }
    let all = account::total(&figures.payables);
    let mut lines: Vec<Vec<String>> = account::payable_words()
        .map(|(word, state)| {
            let part = figures.payables.get(&state).copied().unwrap_or_default();
            vec![word.to_owned(), count(part.count), money(part.minor, currency)]
        })
        .collect();
    lines.push(vec!["total".to_owned(), count(all.count), money(all.minor, currency)]);
    parts.push(table(&["payables", "count", "money"], &lines, &[1, 2]));
    if figures.court_orders.count > 0 {
        parts.push(format!(
            "Kept back for court orders, and no part of these payables: {}. See: chitra court-order list",
            money(-figures.court_orders.minor, currency)
        ));
    }
    if figures.overdue.count > 0 {
        parts.push(format!(
            "Overdue: {} ({}) of what is pending, whose partners have had more days than they take to answer. \
             What is overdue becomes unknown with the next: chitra collect, or: chitra cycle close {}",
            payments(figures.overdue.count),
            money(figures.overdue.minor, currency),
            cycle.label()
        ));
    }
    if figures.perhaps_twice.count > 0 {
        parts.push(format!(
            "For {} ({}) a partner tells a second transaction, or a statement a second debit: the money may have left twice. \
             See: chitra queue discrepancies",
            payments(figures.perhaps_twice.count),
            money(figures.perhaps_twice.minor, currency)
        ));
    }
    for (number, of, see) in [
        (
            figures.discrepancies,
            match figures.discrepancies {
                1 => "discrepancy of this office is open",
                _ => "discrepancies of this office are open",
            },
            "chitra queue discrepancies",
        ),
        (
            figures.receivables,
            "sums are to be got back, such as what was paid twice",
            "chitra queue receivables",
        ),
    ] {
        if number > 0 {
            parts.push(format!("{} {of}. See: {see}", count(number)));
        }
    }
    if !figures.halted.is_empty() {
        parts.push(format!("Halted: {}. See: chitra halt list", figures.halted.join(", ")));
    }
    if !figures.batches.is_empty() {
        let files: Vec<Vec<String>> = figures
            .batches
            .iter()
            .map(|batch| {
                vec![
                    batch.file_name.clone(),
                    batch.channel.to_string(),
                    count(batch.count as i64),
                    money(i128::from(batch.total_minor), currency),
                    batch.sha256.as_deref().unwrap_or("").chars().take(16).collect(),
                    batch.state.to_string(),
                ]
            })
            .collect();
        parts.push(table(
            &["file", "channel", "count", "total", "SHA-256", "state"],
            &files,
            &[2, 3],
        ));
    }
    for identity in figures.identities.iter().filter(|one| !one.holds()) {
        parts.push(format!(
            "does not hold: {}: {} is not {}",
            identity.name, identity.left, identity.right
        ));
    }
    parts.join("\n\n")
}
