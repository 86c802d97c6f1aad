//! `chitra hold`: the queue of what is held, and what officers decide about it.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::import::period;
use crate::cli::show::table;
use crate::cli::signer::Signer;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::exception::Decision;
use crate::domain::hold::{HoldCode, HoldScope};
use crate::domain::period::Period;
use crate::domain::state::Named;
use crate::engine::hold::{Counts, Decided, Deciding, Held};
use crate::engine::{Engine, EngineError};

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
    /// Decide one hold: release it, or keep it; some codes are released by two officers
    Resolve {
        cycle: String,
        /// As the list shows it: SHARD-NUMBER
        hold: String,
        #[command(flatten)]
        signer: Signer,
        /// release or keep
        #[arg(long)]
        decision: String,
        #[arg(long)]
        reason: String,
        /// The last month for which the decision counts; the cycle's month when not said
        #[arg(long)]
        valid_to: Option<String>,
    },
    /// The second of the two officers who release a hold
    Confirm {
        cycle: String,
        /// As the list shows it: SHARD-NUMBER
        hold: String,
        #[command(flatten)]
        signer: Signer,
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
                let (count, shown) = engine.holds(&cycle, code.as_deref(), limit).await?;
                let told: Vec<_> = shown
                    .iter()
                    .map(|held| {
                        let one = &held.exception;
                        json!({
                            "hold": held.name(),
                            "subject": one.subject.name(),
                            "code": one.code,
                            "person": one.person.to_string(),
                            "payable": one.payable.map(|payable| payable.to_string()),
                            "source_line": one.source_line,
                            "sentence": sentence(held),
                            "decision": held.decided.as_ref().map(|one| one.decision.name()),
                            "decided_by": held.decided.as_ref().map(|one| &one.decided_by),
                            "confirmed_by": held.decided.as_ref().and_then(|one| one.confirmed_by.as_ref()),
                            "waits_for_another": held.waits_in(cycle.period),
                            "valid_to": held.decided.as_ref().map(|one| one.valid_to.to_string()),
                            "about_other_values": held.is_about_others,
                            "void": held.is_void,
                        })
                    })
                    .collect();
                voice.say(&json!({ "held": count, "shown": told }), || {
                    let rows: Vec<Vec<String>> = shown
                        .iter()
                        .map(|held| {
                            let one = &held.exception;
                            vec![
                                held.name(),
                                one.code.clone(),
                                one.subject.to_string(),
                                one.person.to_string(),
                                one.source_line.map(|line| line.to_string()).unwrap_or_default(),
                                decided(held, cycle.period),
                                sentence(held),
                            ]
                        })
                        .collect();
                    let head = ["hold", "code", "holds a", "person", "line", "decided", "why"];
                    format!("{}\n{} of {count} shown", table(&head, &rows, &[4]), shown.len())
                });
                Ok(())
            }
            HoldCommand::Resolve { cycle, hold, signer, decision, reason, valid_to } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let decision = Decision::from_name(&decision).ok_or_else(|| {
                    EngineError::refused(
                        "H901",
                        format!("`{decision}` is no decision: release or keep"),
                    )
                })?;
                let valid_to = valid_to.as_deref().map(period).transpose()?;
                let key = signer.key(engine).await?;
                let deciding = Deciding { decision, valid_to, reason };
                let done = engine.hold_decide(&cycle, &hold, deciding, &signer.by, &key).await?;
                engine.sequence().await?;
                tell(&cycle, &done, voice);
                Ok(())
            }
            HoldCommand::Confirm { cycle, hold, signer } => {
                let cycle = engine.cycle_find(&cycle).await?;
                let key = signer.key(engine).await?;
                let done = engine.hold_confirm(&cycle, &hold, &signer.by, &key).await?;
                engine.sequence().await?;
                tell(&cycle, &done, voice);
                Ok(())
            }
        }
    }
}

fn tell(cycle: &Cycle, done: &Decided, voice: &Voice) {
    let one = &done.resolution;
    let counts = match done.counts {
        Counts::WhenComputed => "when_computed",
        Counts::WhenRecomputed => "when_recomputed",
        Counts::WithReissue => "with_reissue",
        Counts::WithNextList => "with_next_list",
    };
    let told = json!({
        "hold": done.hold,
        "decision": one.decision.name(),
        "decided_by": one.decided_by,
        "confirmed_by": one.confirmed_by,
        "waits_for_another": one.waits_for_another(),
        "valid_to": one.valid_to.to_string(),
        "counts": (one.decision == Decision::Release).then_some(counts),
    });
    voice.say(&told, || {
        let hold = format!("{} ({})", done.hold, one.code);
        if one.decision == Decision::Keep {
            return format!("{hold} stays held");
        }
        if one.waits_for_another() {
            return format!(
                "one of two: `{}` proposes to release {hold}, which stays held until another officer confirms it: \
                 chitra hold confirm {} {} --as APPROVER",
                one.decided_by,
                cycle.label(),
                done.hold
            );
        }
        format!("{hold} is released. {}", when(cycle, done))
    });
}

/// When a released hold is paid: a list that is sealed no longer changes.
fn when(cycle: &Cycle, done: &Decided) -> String {
    let label = cycle.label();
    let sealed = format!("List 0 of {label} is {} and no longer changes", cycle.state);
    match done.counts {
        Counts::WhenComputed => format!("It counts with: chitra cycle run {label}"),
        Counts::WhenRecomputed => format!("It counts with: chitra cycle run {label} --recompute"),
        Counts::WithReissue => {
            let first = match cycle.state {
                CycleState::Released | CycleState::Settling => "",
                _ => ", once the month is released",
            };
            format!(
                "{sealed}; the payment goes with a list of its own{first}: chitra reissue {label}"
            )
        }
        Counts::WithNextList if is_of_payable(&done.resolution.code) => format!(
            "{sealed}; what is held of it goes on with the next month's list, if the decision counts for that month: it counts \
             to {} (--valid-to)",
            done.resolution.valid_to
        ),
        Counts::WithNextList => format!(
            "{sealed}; this is paid with a supplementary list of the month \
             (chitra cycle open {} --kind supplementary --value-date DAY --as OFFICER) or with the next month's, \
             if the decision counts for that month: it counts to {} (--valid-to)",
            cycle.period, done.resolution.valid_to
        ),
    }
}

/// Whether a hold is of a payable, which no supplementary list takes up, and not of a row.
fn is_of_payable(code: &str) -> bool {
    code.parse().is_ok_and(|code: HoldCode| code.scope() == HoldScope::Payable)
}

fn decided(held: &Held, month: Period) -> String {
    let Some(one) = &held.decided else { return String::new() };
    if one.valid_to < month {
        let what = if one.waits_for_another() { "proposed" } else { one.decision.name() };
        return format!(
            "{what} by {}, counted to {}, not for this month",
            one.decided_by, one.valid_to
        );
    }
    if held.is_void {
        return format!("proposed by {}, who signs no more; it does not count", one.decided_by);
    }
    if held.is_about_others {
        let what = if one.waits_for_another() { "proposed" } else { one.decision.name() };
        return format!(
            "{what} by {}, about other values than those that stand now; it does not count",
            one.decided_by
        );
    }
    if one.waits_for_another() {
        return format!("one of two, waiting for another officer than {}", one.decided_by);
    }
    let second = one.confirmed_by.as_ref().map(|name| format!(" and {name}")).unwrap_or_default();
    format!("{} by {}{second}, to {}", one.decision, one.decided_by, one.valid_to)
}

/// The catalogue's sentence in both languages, and what is particular to this hold.
fn sentence(held: &Held) -> String {
    match held.exception.code.parse::<HoldCode>() {
        Ok(code) => format!("{} / {}", code.entry().vi, code.entry().en),
        Err(_) => held.exception.detail.clone(),
    }
}
