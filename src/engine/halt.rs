//! Stopping a partner, a cycle or everything, and letting it go on: put by one person at once, lifted
//! by two.
//!
//! Reads: the halts in force, and the officer's key. Gives: a halt that every later sending looks at,
//! also between the files of one run and in the commit of an attempt.

use crate::audit::leaf::Leaf;
use crate::domain::answer::Halt;
use crate::domain::batch::Batch;
use crate::domain::digest::Digest;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::{Engine, EngineError};
use crate::store::registry::Counted;
use crate::store::{Changes, StoreError};

/// How long a cause may be: it is read in lists.
const CAUSE_LENGTH_MAX: usize = 200;
/// Before the number of a cycle that is halted.
const CYCLE: &str = "cycle:";

/// What may be stopped for a batch to stay.
pub(super) fn scopes(batch: &Batch) -> [String; 3] {
    ["all".to_owned(), provider_scope(&batch.provider), format!("{CYCLE}{}", batch.cycle)]
}

pub(super) fn provider_scope(name: &str) -> String {
    format!("provider:{name}")
}

impl Engine {
    /// One officer stops `all`, `provider:NAME` or `cycle:CYCLE` at once.
    ///
    /// # Errors
    /// D103 when the scope is none, D104 when it is stopped already, D105 when the cause is no sentence.
    pub async fn halt_put(
        &self,
        scope: &str,
        cause: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Halt, EngineError> {
        let by = self.acting(officer, key, Doing::PutHalt).await?;
        let named = scope;
        let scope = self.halt_scope(named).await?;
        let cause = cause.trim();
        if cause.is_empty()
            || cause.chars().count() > CAUSE_LENGTH_MAX
            || cause.chars().any(char::is_control)
        {
            return Err(EngineError::refused(
                "D105",
                format!(
                    "a cause has 1 to {CAUSE_LENGTH_MAX} characters on one line, and names nobody: --cause TEXT"
                ),
            ));
        }
        let there = |cause: &str| {
            EngineError::refused(
                "D104",
                format!("{named} is halted already ({cause}); see: chitra halt list"),
            )
        };
        if let Some(halt) = self.store.halts().await?.iter().find(|halt| halt.scope == scope) {
            return Err(there(&halt.causes()));
        }
        let halt = Halt {
            number: self.store.next_number(Counted::Halt).await?,
            scope: scope.clone(),
            cause: cause.to_owned(),
            put_by: by.officer.name.clone(),
            put_at: self.stamp(),
            first_lift_by: None,
            later_cause: None,
        };
        let mut changes = Changes::new();
        changes.halt_put_by_hand(&halt);
        changes.event(
            by.leaf(
                Leaf::of("halt_put", &halt.put_at)
                    .number("halt", halt.number)
                    .text("scope", &halt.scope)
                    .digest("cause", &Digest::of(halt.cause.as_bytes())),
            )?,
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Err(there("another process halted it just now")),
            done => Ok(done.map(|()| halt)?),
        }
    }

    /// Puts into a commit that evidence stops a partner. Where it is stopped already, the cause is added to that halt,
    /// and who has agreed to lift it has agreed to something else.
    pub(super) async fn halt_by_evidence(
        &self,
        provider: &str,
        cause: &str,
        at: &str,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        let scope = provider_scope(provider);
        let leaf = Leaf::of("provider_halted", &self.stamp()).text("provider", provider);
        let halts = self.store.halts().await?;
        let leaf = match halts.iter().find(|halt| halt.scope == scope) {
            Some(halt) => {
                changes.halt_evidence_added(halt, cause, at);
                match &halt.first_lift_by {
                    Some(_) => leaf.number("void_lift", halt.number),
                    None => leaf,
                }
            }
            None => {
                let number = self.store.next_number(Counted::Halt).await?;
                changes.halt_put(number, &scope, cause, "evidence", at);
                leaf
            }
        };
        changes.event(leaf.build()?.as_bytes().to_vec());
        Ok(())
    }

    /// What is halted, each scope as officers name it: a cycle by its month and kind.
    pub async fn halts(&self) -> Result<Vec<Halt>, EngineError> {
        let mut halts = self.store.halts().await?;
        let cycles = self.store.cycles().await?;
        for halt in &mut halts {
            let Some(number) = halt.scope.strip_prefix(CYCLE) else { continue };
            if let Some(cycle) = cycles.iter().find(|cycle| cycle.number.to_string() == number) {
                halt.scope = format!("{CYCLE}{}", cycle.label());
            }
        }
        Ok(halts)
    }

    async fn halt_scope(&self, scope: &str) -> Result<String, EngineError> {
        match scope.split_once(':') {
            None if scope == "all" => Ok(scope.to_owned()),
            Some(("provider", name)) => {
                self.provider(name)?;
                Ok(scope.to_owned())
            }
            Some(("cycle", label)) => {
                Ok(format!("{CYCLE}{}", self.cycle_find(label).await?.number))
            }
            _ => Err(EngineError::refused(
                "D103",
                format!("`{scope}` is nothing to halt: all, provider:NAME or cycle:CYCLE"),
            )),
        }
    }

    /// One of the two officers who lift a halt. True when it is lifted.
    pub async fn halt_lift(
        &self,
        number: i64,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<bool, EngineError> {
        let acting = self.acting(officer, key, Doing::LiftHalt).await?;
        let by = &acting.officer;
        let halts = self.store.halts().await?;
        let halt = halts.into_iter().find(|halt| halt.number == number).ok_or_else(|| {
            EngineError::refused(
                "D101",
                format!("there is no halt {number} in force; see: chitra halt list"),
            )
        })?;
        let mut changes = Changes::new();
        let again = format!("chitra halt lift {number} --as OFFICER");
        let lifted = match &halt.first_lift_by {
            None => {
                changes.halt_first_lift(number, &by.name);
                false
            }
            // The consent of who signs no more is void: this one takes its place, and another lifts the halt.
            Some(first) if !self.signs_still(first).await? => {
                changes.halt_first_lift_replaced(number, first, &by.name);
                false
            }
            Some(first) if *first == by.name => {
                return Err(EngineError::refused(
                    "D102",
                    format!(
                        "`{officer}` has agreed already, and a halt is lifted by two persons; another officer does: {again}"
                    ),
                ));
            }
            Some(first) => {
                self.second_of_two(first, &again, &mut changes).await?;
                changes.halt_lifted(number, &by.name, &self.stamp());
                true
            }
        };
        let event = if lifted { "halt_lifted" } else { "halt_lift_agreed" };
        changes.event(acting.leaf(Leaf::of(event, &self.stamp()).number("halt", number))?);
        self.store.commit(changes).await?;
        Ok(lifted)
    }
}
