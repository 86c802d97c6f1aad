//! `chitra stop`: the payments of a person are taken off a sealed list before they leave.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::{grouped, money, payments, table};
use crate::cli::signer::Signer;
use crate::engine::stop::Stopped;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum StopCommand {
    /// What is proposed to be stopped in a cycle
    List { cycle: String },
    /// Propose to stop what goes to a person; their files wait from now on
    Propose {
        cycle: String,
        /// Number, national id or enrolment id, or the reference of a payment
        person: String,
        /// On what it rests, such as who reported the death; it is sealed
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// The second officer, an approver, confirms: the payments are held, the others go in a new file
    Confirm {
        cycle: String,
        person: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// The second officer, an approver, refuses: the files may leave as they are
    Refuse {
        cycle: String,
        person: String,
        #[command(flatten)]
        signer: Signer,
    },
}

impl StopCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, StopCommand::List { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            StopCommand::List { cycle } => list(engine, &cycle, voice).await,
            StopCommand::Propose { cycle, person, reason, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let found = engine.person_find(&person, &cycle).await?;
                let key = signer.key(engine).await?;
                let done = engine.stop_propose(&cycle, found, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    let mut text = format!(
                        "{}: what it is in waits until another officer decides: chitra stop confirm {} {person} --as APPROVER",
                        told(&done, engine),
                        cycle.label()
                    );
                    if done.left > 0 {
                        text.push_str(&format!(
                            "\n{} more may have left, and are not stopped",
                            grouped(i128::from(done.left))
                        ));
                    }
                    text
                });
                Ok(())
            }
            StopCommand::Confirm { cycle, person, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let found = engine.person_find(&person, &cycle).await?;
                let key = signer.key(engine).await?;
                let done = engine.stop_confirm(&cycle, found, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    let of_others = done.list.as_ref().map_or_else(String::new, |list| {
                        format!(
                            "; list {} orders what else stood in the files, and is submitted and approved: \
                             chitra submit {} --list {} --as OFFICER",
                            list.number,
                            cycle.label(),
                            list.number
                        )
                    });
                    format!("held with H160: {}{of_others}", told(&done, engine))
                });
                Ok(())
            }
            StopCommand::Refuse { cycle, person, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let found = engine.person_find(&person, &cycle).await?;
                let key = signer.key(engine).await?;
                let done = engine.stop_refuse(&cycle, found, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    format!(
                        "not stopped: {}; the files may leave: chitra dispatch {}",
                        told(&done, engine),
                        cycle.label()
                    )
                });
                Ok(())
            }
        }
    }
}

async fn list(engine: &Engine, cycle: &str, voice: &Voice) -> Result<(), EngineError> {
    let cycle = engine.cycle_find(cycle).await?;
    let found = engine.stops(&cycle).await?;
    let told: Vec<Value> = found
        .iter()
        .map(|one| {
            json!({
                "reference": one.reference.to_string(),
                "person": one.person.to_string(),
                "file": one.file_name,
                "amount_minor": one.amount_minor.to_string(),
                "by": one.by,
                "at": one.at,
                "reason": one.reason,
            })
        })
        .collect();
    voice.say(&json!(told), || {
        if found.is_empty() {
            return "no stop is proposed".to_owned();
        }
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|one| {
                vec![
                    one.reference.to_string(),
                    one.person.to_string(),
                    one.file_name.clone(),
                    money(i128::from(one.amount_minor), engine.config.currency),
                    one.by.clone(),
                    one.at.clone(),
                    one.reason.clone(),
                ]
            })
            .collect();
        table(&["reference", "person", "file", "amount", "by", "at", "reason"], &rows, &[3])
    });
    Ok(())
}

fn told(done: &Stopped, engine: &Engine) -> String {
    format!(
        "{} of {}",
        payments(done.count),
        money(i128::from(done.total_minor), engine.config.currency)
    )
}

fn as_json(done: &Stopped) -> Value {
    json!({
        "count": done.count,
        "total_minor": done.total_minor.to_string(),
        "list": done.list.as_ref().map(|list| list.number.0),
        "left": done.left,
    })
}
