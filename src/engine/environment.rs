//! Files are sent in the environment for which they were made: what was made while an office tried things out
//! never leaves as a real order, nor a real order by the way of a trial.
//!
//! For which it was made stands in the name of a file, which is approved with its list and never changes.

use payment_formats::Environment;

use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::Cycle;
use crate::domain::ids::ListNo;
use crate::engine::{Engine, EngineError};

fn is_of(file_name: &str, environment: Environment) -> bool {
    file_name.split('-').next() == Some(words(environment).1)
}

/// How `chitra.toml` writes an environment, and how the names of its files begin.
const fn words(environment: Environment) -> (&'static str, &'static str) {
    match environment {
        Environment::Production => ("production", "PROD"),
        Environment::Test => ("test", "TEST"),
    }
}

impl Engine {
    /// How the names of files begin that are made now.
    pub(super) fn environment_mark(&self) -> &'static str {
        words(self.config.environment).1
    }

    /// Refuses a file that was made in the other environment.
    pub(super) fn must_be_of_this_environment(
        &self,
        file_name: &str,
        way_out: &str,
    ) -> Result<(), EngineError> {
        let present = self.config.environment;
        if is_of(file_name, present) {
            return Ok(());
        }
        let (now, _) = words(present);
        let made_in = match is_of(file_name, Environment::Test) {
            true => words(Environment::Test).0,
            false => words(Environment::Production).0,
        };
        Err(EngineError::refused(
            "D180",
            format!(
                "{file_name} was made while `environment` of chitra.toml was `{made_in}`, and now it is `{now}`: it does \
                 not go on. {way_out}; or put `environment = \"{made_in}\"` back"
            ),
        ))
    }

    /// The same of all files of a list that is to be signed or released.
    pub(super) async fn list_must_be_of_this_environment(
        &self,
        cycle: &Cycle,
        list: ListNo,
    ) -> Result<(), EngineError> {
        for batch in self.store.batches(cycle.number).await? {
            if batch.list == list && batch.state == BatchState::Created {
                let month = format!(
                    "chitra cycle cancel {} --reason TEXT --as OFFICER, and opened anew",
                    cycle.label()
                );
                let way_out = given_up(cycle, list, &month);
                self.must_be_of_this_environment(&batch.file_name, &way_out)?;
            }
        }
        Ok(())
    }

    /// The same of a released file of which something is to leave.
    pub(super) async fn file_must_be_of_this_environment(
        &self,
        batch: &Batch,
    ) -> Result<(), EngineError> {
        // It is asked before every window of requests: nothing is read while there is nothing to say.
        if is_of(&batch.file_name, self.config.environment) {
            return Ok(());
        }
        let cycle = self.cycle_of(batch).await?.label();
        self.must_be_of_this_environment(
            &batch.file_name,
            &format!(
                "It is taken back, chitra withdraw {cycle} {} --as OFFICER, and its payments are ordered anew, chitra reissue \
                 {cycle}",
                batch.file_name
            ),
        )
    }

    /// The same of a file that is to be written.
    pub(super) fn may_be_written(&self, cycle: &Cycle, batch: &Batch) -> Result<(), EngineError> {
        let month = format!("chitra cycle run {} --recompute", cycle.label());
        self.must_be_of_this_environment(&batch.file_name, &given_up(cycle, batch.list, &month))
    }
}

/// How a list that waits is made anew.
fn given_up(cycle: &Cycle, list: ListNo, month: &str) -> String {
    match list.0 {
        0 => format!("The month is made anew, {month}"),
        list => format!(
            "The list is given up, chitra list cancel {} --list {list} --as OFFICER, and ordered anew, chitra reissue {}",
            cycle.label(),
            cycle.label()
        ),
    }
}
