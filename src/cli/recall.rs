//! `chitra recall`: payments that have left and must not be paid are asked back.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::{money, payments, table};
use crate::cli::signer::Signer;
use crate::domain::cycle::Cycle;
use crate::domain::ids::EndToEndId;
use crate::domain::recall::RecallState;
use crate::domain::state::Named;
use crate::engine::recall::{Asked, Asking, Standing, Whom};
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum RecallCommand {
    /// What was asked back of a cycle, and what became of it
    List {
        /// Only of this cycle
        cycle: Option<String>,
    },
    /// Propose to ask back one payment, everything that went to a person, or everything of a file
    Propose {
        cycle: String,
        #[command(flatten)]
        of: Of,
        /// AC03, AGNT, AM09, CURR, CUST, CUTA, DUPL, FRAD, TECH or UPAY (ISO 20022)
        #[arg(long)]
        reason_code: String,
        /// On what it rests, such as who reported it; it is sealed
        #[arg(long)]
        reason: String,
        /// Asked by other means than a file; confirming says that it was
        #[arg(long)]
        by_letter: bool,
        #[command(flatten)]
        signer: Signer,
    },
    /// The second officer, an approver, confirms: a file is made, and leaves with the next dispatch
    Confirm {
        cycle: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        signer: Signer,
    },
    /// The second officer, an approver, refuses: nobody is asked
    Refuse {
        cycle: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        signer: Signer,
    },
    /// Expect nothing more of what was asked back; the payment stays what it is
    GiveUp {
        cycle: String,
        #[command(flatten)]
        of: Of,
        /// On what it rests, such as what the partner said; it is sealed
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
}

/// What is asked back.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Of {
    /// The payment's reference, or a person: number, national id or enrolment id
    of: Option<String>,
    /// A payment file that should not have been sent, by its name: everything of it that is out
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
}

impl Of {
    /// A reference of ours names a payment; everything else a person.
    async fn whom(&self, cycle: &Cycle, engine: &Engine) -> Result<Whom, EngineError> {
        if let Some(name) = &self.file {
            return engine.recalled_file(cycle, name).await;
        }
        let text = self.of.as_deref().unwrap_or_default();
        match EndToEndId::read(&engine.config.prefix, text.trim()) {
            Some((payable, attempt)) => Ok(Whom::Payment(payable, attempt)),
            None => Ok(Whom::Person(engine.person_find(text, cycle).await?)),
        }
    }

    /// As it was written.
    fn written(&self) -> String {
        match &self.file {
            Some(name) => format!("--file {name}"),
            None => self.of.clone().unwrap_or_default(),
        }
    }
}

impl RecallCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, RecallCommand::List { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            RecallCommand::List { cycle } => {
                let cycles = match cycle {
                    Some(cycle) => vec![engine.cycle_find(&cycle).await?],
                    None => engine.store.cycles().await?,
                };
                let mut found = Vec::new();
                for cycle in cycles {
                    found.extend(engine.recalls(&cycle).await?);
                }
                tell(&found, "nothing was asked back", engine, voice);
            }
            RecallCommand::Propose { cycle, of, reason_code, reason, by_letter, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let whom = of.whom(&cycle, engine).await?;
                let key = signer.key(engine).await?;
                let code = reason_code.as_str();
                let asking = Asking { code, reason: &reason, by_letter };
                let done = engine.recall_propose(&cycle, whom, asking, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    format!(
                        "{}: nobody is asked until another officer confirms: chitra recall confirm {} {} --as APPROVER",
                        told(&done, engine),
                        cycle.label(),
                        of.written()
                    )
                });
            }
            RecallCommand::Confirm { cycle, of, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let whom = of.whom(&cycle, engine).await?;
                let key = signer.key(engine).await?;
                let done = engine.recall_confirm(&cycle, whom, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    let how = match done.files.is_empty() {
                        true => "by letter".to_owned(),
                        false => format!(
                            "{}; it leaves with: chitra dispatch {}",
                            done.files.join(", "),
                            cycle.label()
                        ),
                    };
                    format!("asked back: {}: {how}", told(&done, engine))
                });
            }
            RecallCommand::Refuse { cycle, of, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let whom = of.whom(&cycle, engine).await?;
                let key = signer.key(engine).await?;
                let done = engine.recall_decline(&cycle, whom, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || format!("not asked back: {}", told(&done, engine)));
            }
            RecallCommand::GiveUp { cycle, of, reason, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let whom = of.whom(&cycle, engine).await?;
                let key = signer.key(engine).await?;
                let done = engine.recall_give_up(&cycle, whom, &reason, &signer.by, &key).await?;
                engine.sequence().await?;
                voice.say(&as_json(&done), || {
                    format!("nothing more is expected of {}", told(&done, engine))
                });
            }
        }
        Ok(())
    }
}

/// Recalls as a list, for `recall list` and `queue recalls`.
pub fn tell(found: &[Standing], none: &str, engine: &Engine, voice: &Voice) {
    let json: Vec<Value> = found
        .iter()
        .map(|one| {
            json!({
                "recall": one.recall.number,
                "cycle": one.recall.cycle.0,
                "reference": one.reference.to_string(),
                "case": one.case_id,
                "asked_with": one.recall.asked_with,
                "person": one.person.to_string(),
                "provider": one.recall.provider,
                "amount_minor": one.recall.amount_minor.to_string(),
                "code": one.recall.reason_code,
                "by_letter": one.recall.by_letter,
                "state": one.recall.state.name(),
                "file": one.file.as_ref().map(|file| file.file_name.clone()),
                "file_state": one.file.as_ref().map(|file| file.state.name()),
                "by": one.recall.proposed_by,
                "at": one.recall.proposed_at,
                "decided_by": one.recall.decided_by,
                "asked_at": one.recall.asked_at,
                "answered_at": one.recall.answered_at,
                "answer_reason": one.recall.answer_reason,
                "due": one.due.map(|due| due.to_string()),
                "late": one.is_late,
                "reason": one.reason,
            })
        })
        .collect();
    voice.say(&json!(json), || {
        if found.is_empty() {
            return none.to_owned();
        }
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|one| {
                let due = one.due.map_or_else(String::new, |due| match one.is_late {
                    true => format!("{due}, late"),
                    false => due.to_string(),
                });
                let state = match &one.recall.answer_reason {
                    Some(reason) => format!("{} ({reason})", one.recall.state),
                    None => one.recall.state.to_string(),
                };
                vec![
                    one.recall.number.to_string(),
                    one.reference.to_string(),
                    one.person.to_string(),
                    money(i128::from(one.recall.amount_minor), engine.config.currency),
                    one.recall.reason_code.clone(),
                    state,
                    due,
                    one.recall.proposed_by.clone(),
                    one.reason.clone(),
                ]
            })
            .collect();
        table(
            &["recall", "reference", "person", "amount", "code", "state", "due", "by", "reason"],
            &rows,
            &[0, 3],
        )
    });
}

/// How many recalls of a cycle there are by state, and how many need somebody, for `cycle status --json`.
pub fn counted(found: &[Standing]) -> Value {
    let mut counts = serde_json::Map::new();
    for (name, state) in RecallState::ALL {
        let count = found.iter().filter(|one| one.recall.state == *state).count();
        if count > 0 {
            counts.insert((*name).to_owned(), json!(count));
        }
    }
    let late = found.iter().filter(|one| one.is_late).count();
    json!({ "by_state": counts, "late": late })
}

/// What `cycle status` says of recalls that are not over; nothing when all are.
pub fn told_shortly(found: &[Standing], cycle: &Cycle) -> Option<String> {
    let open: Vec<&Standing> = found
        .iter()
        .filter(|one| one.recall.state.is_live() || one.recall.state == RecallState::Refused)
        .collect();
    let late = open.iter().filter(|one| one.is_late).count();
    let refused = open.iter().filter(|one| one.recall.state == RecallState::Refused).count();
    (!open.is_empty()).then(|| {
        format!(
            "Asked back and not over: {}, of which {late} are late and {refused} refused: chitra recall list {}",
            payments(open.len() as i64),
            cycle.label()
        )
    })
}

fn told(done: &Asked, engine: &Engine) -> String {
    format!(
        "{} of {}",
        payments(done.count),
        money(i128::from(done.total_minor), engine.config.currency)
    )
}

fn as_json(done: &Asked) -> Value {
    json!({
        "count": done.count,
        "total_minor": done.total_minor.to_string(),
        "files": done.files,
    })
}
