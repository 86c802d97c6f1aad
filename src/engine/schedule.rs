//! Fires the rules of the schedule: once for each day on which one is due, whatever the clock does and
//! however many processes look.
//!
//! The day is taken in the database before anything is done, and is never given back: a process that
//! dies while it works leaves the fire *started*, which is told. What takes an officer's key is not
//! done; the officer is reminded.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::audit::leaf::Leaf;
use crate::domain::cycle::CycleState;
use crate::domain::schedule::{Fire, FireState, Rule, Scheduled};
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::store::{Changes, StoreError};

/// What is due of the schedule today.
pub struct Due<'a> {
    /// What would fire now, the earliest day first.
    pub now: Vec<(&'a Rule, Date)>,
    /// Days on which a rule was due that are too long ago: nobody fires them any more.
    pub missed: Vec<(&'a Rule, Date)>,
}

impl Engine {
    /// What is due and has not fired.
    pub async fn schedule_due(&self) -> Result<Due<'_>, EngineError> {
        let fired: BTreeSet<(String, Date)> =
            self.store.fires().await?.into_iter().map(|fire| (fire.rule, fire.due_on)).collect();
        let today = self.clock.today();
        let mut due = Due { now: Vec::new(), missed: Vec::new() };
        for rule in &self.config.schedule {
            let unfired = |day: &Date| !fired.contains(&(rule.name.clone(), *day));
            due.now.extend(rule.due(today).into_iter().filter(unfired).map(|day| (rule, day)));
            due.missed
                .extend(rule.overdue(today).into_iter().filter(unfired).map(|day| (rule, day)));
        }
        due.now.sort_by_key(|(_, day)| *day);
        Ok(due)
    }

    /// Fires what is due. One that fails does not keep the others back: it is recorded with its reason.
    pub async fn schedule_run(&self) -> Result<Vec<Fire>, EngineError> {
        let mut fired = Vec::new();
        for (rule, due_on) in self.schedule_due().await?.now {
            let fire = Fire {
                rule: rule.name.clone(),
                due_on,
                what: rule.what,
                fired_at: self.stamp(),
                state: FireState::Started,
                detail: String::new(),
            };
            let mut changes = Changes::new();
            changes.fire_started(&fire);
            changes.event(self.fire_leaf("schedule_fired", &fire)?);
            match self.store.commit(changes).await {
                // Another process fires it.
                Err(StoreError::Conflict { .. }) => continue,
                done => done?,
            }
            let (state, detail) = match self.set_off(rule.what).await {
                Ok(detail) if rule.what.is_done_alone() => (FireState::Done, detail),
                Ok(detail) => (FireState::Reminded, detail),
                Err(error) => (FireState::Failed, format!("{}: {error}", error.code())),
            };
            let mut changes = Changes::new();
            changes.fire_ended(&fire, state, &detail);
            let fire = Fire { state, detail, ..fire };
            changes.event(self.fire_leaf("schedule_done", &fire)?);
            self.store.commit(changes).await?;
            fired.push(fire);
        }
        self.sequence().await?;
        Ok(fired)
    }

    /// Does what needs no officer, and says of the rest what an officer has to do.
    async fn set_off(&self, what: Scheduled) -> Result<String, EngineError> {
        Ok(match what {
            Scheduled::Dispatch => {
                let sent = self.dispatch(None).await?;
                let mut hindered = sent.iter().filter(|one| one.is_hindered());
                if let Some(first) = hindered.next() {
                    return Err(EngineError::refused(
                        "D182",
                        format!(
                            "{} of {} files did not leave, or nobody knows whether they did, the first: {} ({})",
                            1 + hindered.count(),
                            sent.len(),
                            first.file_name,
                            first.detail
                        ),
                    ));
                }
                format!("{} files were looked after", sent.len())
            }
            Scheduled::Collect => {
                let answers = self.collect_all().await?;
                let refused = answers.iter().filter(|one| one.is_err()).count();
                format!("{} answers were taken in, {refused} refused", answers.len() - refused)
            }
            Scheduled::Report => {
                let mut written = 0;
                for cycle in self.store.cycles().await? {
                    if cycle.state.is_computed() && cycle.state != CycleState::Closed {
                        self.cycle_report_write(&cycle).await?;
                        written += 1;
                    }
                }
                format!("{written} reports were written")
            }
            Scheduled::Open => "an officer opens the next cycle".to_owned(),
            Scheduled::Submit => "a maker submits the sealed list".to_owned(),
            Scheduled::Approve => "approvers sign the submitted list".to_owned(),
            Scheduled::Reissue => "an officer orders again what came back".to_owned(),
            Scheduled::Close => "an officer closes the cycle".to_owned(),
        })
    }

    fn fire_leaf(&self, event: &str, fire: &Fire) -> Result<Vec<u8>, EngineError> {
        Ok(Leaf::of(event, &self.stamp())
            .text("rule", &fire.rule)
            .text("due_on", &fire.due_on.to_string())
            .text("what", fire.what.name())
            .text("state", fire.state.name())
            .build()?
            .as_bytes()
            .to_vec())
    }
}
