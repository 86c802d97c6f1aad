//! `chitra schedule`: the rules by which things happen, what is due, and firing it.

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::cli::Voice;
use crate::cli::show::table;
use crate::domain::schedule::{FireState, Rule};
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum ScheduleCommand {
    /// The rules of chitra.toml, when each is due next, and what it fired last
    List,
    /// What would fire now, and what was missed
    Due,
    /// Fire what is due, once; to be called by cron or a timer as often as wished
    Run,
}

impl ScheduleCommand {
    pub fn only_reads(&self) -> bool {
        !matches!(self, ScheduleCommand::Run)
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            ScheduleCommand::List => {
                let fires = engine.store.fires().await?;
                let today = engine.clock.today();
                let rows: Vec<Vec<String>> = engine
                    .config
                    .schedule
                    .iter()
                    .map(|rule| {
                        let last = fires.iter().rfind(|fire| fire.rule == rule.name);
                        vec![
                            rule.name.clone(),
                            rule.what.to_string(),
                            rule.next(today).map_or_else(String::new, |day| day.to_string()),
                            last.map_or_else(String::new, |fire| fire.due_on.to_string()),
                            last.map_or_else(String::new, |fire| fire.state.to_string()),
                            last.map_or_else(String::new, |fire| fire.detail.clone()),
                        ]
                    })
                    .collect();
                tell(voice, &["rule", "what", "next", "last", "state", "detail"], &rows);
            }
            ScheduleCommand::Due => {
                let due = engine.schedule_due().await?;
                let told = |standing: &str, rule: &Rule, day: Date| {
                    let alone = match rule.what.is_done_alone() {
                        true => "by itself",
                        false => "reminds an officer",
                    };
                    vec![
                        day.to_string(),
                        rule.name.clone(),
                        rule.what.name().to_owned(),
                        standing.to_owned(),
                        alone.to_owned(),
                    ]
                };
                let rows: Vec<Vec<String>> = due
                    .missed
                    .iter()
                    .map(|(rule, day)| told("missed", rule, *day))
                    .chain(due.now.iter().map(|(rule, day)| told("due", rule, *day)))
                    .collect();
                tell(voice, &["day", "rule", "what", "standing", "how"], &rows);
            }
            ScheduleCommand::Run => {
                let fired = engine.schedule_run().await?;
                let failed = fired.iter().filter(|fire| fire.state == FireState::Failed).count();
                let rows: Vec<Vec<String>> = fired
                    .into_iter()
                    .map(|fire| {
                        vec![
                            fire.due_on.to_string(),
                            fire.rule,
                            fire.state.to_string(),
                            fire.detail,
                        ]
                    })
                    .collect();
                tell(voice, &["day", "rule", "state", "detail"], &rows);
                if failed > 0 {
                    return Err(EngineError::refused(
                        "D183",
                        format!(
                            "{failed} of what was due failed, as told above; it is not fired again by itself"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn tell(voice: &Voice, head: &[&str], rows: &[Vec<String>]) {
    let told: Vec<Value> = rows
        .iter()
        .map(|row| {
            let fields = head.iter().zip(row);
            Value::Object(fields.map(|(key, cell)| ((*key).to_owned(), json!(cell))).collect())
        })
        .collect();
    voice.say(&json!(told), || table(head, rows, &[]));
}
