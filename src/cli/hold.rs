//! `chitra hold`: the queue of what is held, and what officers decide about it.

use clap::Subcommand;
use serde_json::json;

use crate::audit::leaf::Leaf;
use crate::cli::Voice;
use crate::cli::import::period;
use crate::cli::show::table;
use crate::domain::digest::Digest;
use crate::domain::exception::{Decision, Exception, Resolution, Subject};
use crate::domain::hold::{HoldCode, HoldRelease};
use crate::domain::ids::EnrolmentNo;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::registry::Counted;

#[derive(Subcommand)]
pub enum HoldCommand {
    /// What is held in a cycle, by code
    List {
        cycle: String,
        /// Only this code
        #[arg(long)]
        code: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Decide one hold: release it, or keep it
    Resolve {
        cycle: String,
        /// As the list shows it: SHARD-NUMBER
        hold: String,
        #[arg(long = "as")]
        by: String,
        /// release or keep
        #[arg(long)]
        decision: String,
        #[arg(long)]
        reason: String,
        /// The last month for which the decision counts; the cycle's month when not said
        #[arg(long)]
        valid_to: Option<String>,
    },
}

impl HoldCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, HoldCommand::List { .. })
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            HoldCommand::List { cycle, code, limit } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let held: Vec<Exception> = engine
                    .store
                    .held(cycle.number)
                    .await?
                    .into_iter()
                    .filter(|one| code.as_ref().is_none_or(|code| *code == one.code))
                    .collect();
                let shown = &held[..limit.min(held.len())];
                let told: Vec<_> = shown
                    .iter()
                    .map(|one| {
                        json!({
                            "hold": name(one),
                            "subject": one.subject.name(),
                            "code": one.code,
                            "person": one.person.to_string(),
                            "payable": one.payable.map(|payable| payable.to_string()),
                            "source_line": one.source_line,
                            "sentence": sentence(one),
                        })
                    })
                    .collect();
                voice.say(&json!({ "held": held.len(), "shown": told }), || {
                    let rows: Vec<Vec<String>> = shown
                        .iter()
                        .map(|one| {
                            vec![
                                name(one),
                                one.code.clone(),
                                one.subject.to_string(),
                                one.person.to_string(),
                                one.source_line.map(|line| line.to_string()).unwrap_or_default(),
                                sentence(one),
                            ]
                        })
                        .collect();
                    let head = ["hold", "code", "holds a", "person", "line", "why"];
                    format!(
                        "{}\n{} of {} shown",
                        table(&head, &rows, &[4]),
                        shown.len(),
                        held.len()
                    )
                });
                Ok(())
            }
            HoldCommand::Resolve { cycle, hold, by, decision, reason, valid_to } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let officer = engine.officer(&by).await?;
                let decision = Decision::from_name(&decision).ok_or_else(|| {
                    EngineError::refused(
                        "H901",
                        format!("`{decision}` is no decision: release or keep"),
                    )
                })?;
                let held = engine.store.held(cycle.number).await?;
                let one = held.into_iter().find(|one| name(one) == hold).ok_or_else(|| {
                    EngineError::refused(
                        "H902",
                        format!(
                            "nothing is held as {hold}; see: chitra hold list {}",
                            cycle.label()
                        ),
                    )
                })?;
                let code: Option<HoldCode> = one.code.parse().ok();
                if decision == Decision::Release
                    && code.is_some_and(|code| code.release() == HoldRelease::WhenMended)
                {
                    return Err(EngineError::refused(
                        "H903",
                        format!(
                            "{} is not released by hand: it goes when what is missing is there",
                            one.code
                        ),
                    ));
                }
                let subject = match one.subject {
                    Subject::Row => one.enrolment.map(EnrolmentNo::number).unwrap_or_default(),
                    Subject::Payable => {
                        let payable = one.payable.ok_or_else(|| {
                            EngineError::Inconsistent("a held payable without a number".to_owned())
                        })?;
                        let payable = engine.store.payable(payable).await?;
                        payable.and_then(|payable| payable.destination).map_or(0, |to| to.number())
                    }
                };
                let valid_to = valid_to.as_deref().map(period).transpose()?.unwrap_or(cycle.period);
                let resolution = Resolution {
                    subject,
                    code: one.code.clone(),
                    decision,
                    valid_to,
                    reason: reason.clone(),
                    decided_by: officer.name.clone(),
                    decided_at: engine.stamp(),
                };
                let mut changes = Changes::new();
                changes
                    .resolution(engine.store.next_number(Counted::Resolution).await?, &resolution);
                changes.event(
                    Leaf::of("hold_resolved", &resolution.decided_at)
                        .number("cycle", cycle.number.0)
                        .text("hold", &hold)
                        .text("code", &one.code)
                        .text("decision", decision.name())
                        .text("officer", &officer.name)
                        .digest("reason", &Digest::of(reason.as_bytes()))
                        .build()?
                        .as_bytes()
                        .to_vec(),
                );
                engine.store.commit(changes).await?;
                engine.sequence().await?;
                voice.say(&json!({ "hold": hold, "decision": decision.name() }), || {
                    format!(
                        "{hold} ({}) is decided: {decision}. Before sealing it counts with: chitra cycle run {} --recompute; \
                         after release with: chitra reissue {}",
                        one.code,
                        cycle.label(),
                        cycle.label()
                    )
                });
                Ok(())
            }
        }
    }
}

fn name(one: &Exception) -> String {
    format!("{}-{}", one.shard.number(), one.number)
}

/// The catalogue's sentence in both languages, and what is particular to this hold.
fn sentence(one: &Exception) -> String {
    match one.code.parse::<HoldCode>() {
        Ok(code) => format!("{} / {}", code.entry().vi, code.entry().en),
        Err(_) => one.detail.clone(),
    }
}
