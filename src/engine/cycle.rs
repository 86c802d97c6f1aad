//! Opening, finding and cancelling cycles.

use jiff::Span;
use jiff::civil::Date;

use crate::audit::leaf::Leaf;
use crate::domain::cycle::{Cycle, CycleEvent, CycleKind, CycleState};
use crate::domain::digest::Digest;
use crate::domain::hours::VALUE_DAYS_AHEAD;
use crate::domain::ids::CycleNo;
use crate::domain::list::ListEvent;
use crate::domain::period::Period;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::taking_back::answers_speak_of;
use crate::engine::{Engine, EngineError};
use crate::store::cycles::LastingSettings;
use crate::store::registry::{Counted, Import, ImportKind, ImportState};
use crate::store::{Changes, StoreError};

/// What the officer says when a cycle is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    pub period: Period,
    pub kind: CycleKind,
    /// The law as it was known on this day; today when not said.
    pub law_known_at: Option<Date>,
    /// When the debtor's account is to be debited.
    pub value_date: Date,
    pub by: String,
}

impl Engine {
    /// Opens a cycle over the newest whole roster and register of its month.
    ///
    /// # Errors
    /// C101 and C105 when roster and register do not stand ready, C102 when the month has its regular
    /// list, C106 when the value date is past or too far ahead.
    pub async fn cycle_open(
        &self,
        opening: Opening,
        key: &OfficerKey,
    ) -> Result<Cycle, EngineError> {
        let by = self.acting(&opening.by, key, Doing::OpenCycle).await?;
        let today = self.clock.today();
        let last = today.saturating_add(Span::new().days(VALUE_DAYS_AHEAD));
        if opening.value_date < today || opening.value_date > last {
            return Err(EngineError::refused(
                "C106",
                format!(
                    "the value date {} is past, or more than {VALUE_DAYS_AHEAD} days ahead; name a day from {today} \
                     to {last}: --value-date",
                    opening.value_date
                ),
            ));
        }
        // An import may still say who is who; a cycle counts on it.
        let _alone = self.import_alone()?;
        let roster = self.newest(ImportKind::Roster, opening.period).await?;
        let identity = self.newest(ImportKind::Identity, opening.period).await?;
        if identity.number > roster.number {
            return Err(EngineError::refused(
                "C101",
                format!(
                    "the register was taken in after the roster; take in the roster again, also the same \
                     file, so that old ids are found: chitra roster import FILE --period {} --as OFFICER",
                    opening.period
                ),
            ));
        }
        if let Some(day) = opening.law_known_at.filter(|day| *day > today) {
            return Err(EngineError::refused(
                "C107",
                format!(
                    "nobody knows today, {today}, which law will be known on {day}; name a day that has been, or leave \
                     --law-as-of away for today"
                ),
            ));
        }
        let law_known_at = opening.law_known_at.unwrap_or(today);
        let paid = self.store.cycles().await?.into_iter().filter(|one| {
            matches!(one.state, CycleState::Released | CycleState::Settling | CycleState::Closed)
        });
        if let Some(later) = paid.max_by_key(|one| one.law_known_at)
            && later.law_known_at > law_known_at
        {
            return Err(EngineError::refused(
                "C108",
                format!(
                    "list {} was paid by the law known on {}, and the law of {law_known_at} would take back what it gave; name \
                     that day or a later one, or leave --law-as-of away for today",
                    later.label(),
                    later.law_known_at
                ),
            ));
        }
        let of_month = self.store.cycles_of(opening.period).await?;
        if opening.kind == CycleKind::Regular
            && let Some(there) = of_month
                .iter()
                .find(|one| one.kind == CycleKind::Regular && one.state != CycleState::Cancelled)
        {
            return Err(EngineError::refused(
                "C102",
                format!(
                    "{month} has its regular list already (cycle {}, {}): chitra cycle status {}. What it does not have \
                     goes on another list: chitra cycle open {month} --kind supplementary --value-date DAY --as OFFICER",
                    there.number,
                    there.state,
                    there.number,
                    month = opening.period
                ),
            ));
        }
        let sequence = of_month.iter().filter(|one| one.kind == opening.kind).count() as i64 + 1;
        let cycle = Cycle {
            number: CycleNo(self.store.next_number(Counted::Cycle).await?),
            authority: self.config.authority,
            period: opening.period,
            kind: opening.kind,
            sequence,
            state: CycleState::Open,
            law_known_at,
            value_date: opening.value_date,
            roster: roster.number,
            identity: identity.number,
            opened_at: self.stamp(),
            opened_by: opening.by.clone(),
            manifest: None,
            sealed_at: None,
            closed_at: None,
        };
        let mut changes = Changes::new();
        let settings = LastingSettings {
            currency: self.config.currency.code().to_owned(),
            history_from: i64::from(self.config.history_from.as_number()),
        };
        changes.cycle_opened(&cycle, &settings);
        changes.event(
            by.leaf(
                Leaf::of("cycle_opened", &cycle.opened_at)
                    .number("cycle", cycle.number.0)
                    .text("period", &cycle.period.to_string())
                    .text("kind", &cycle.kind.to_string())
                    .number("roster_import", cycle.roster.0)
                    .number("identity_import", cycle.identity.0)
                    .text("law_known_at", &cycle.law_known_at.to_string())
                    .text("value_date", &cycle.value_date.to_string())
                    .text("currency", &settings.currency)
                    .number("history_from", settings.history_from),
            )?,
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Err(EngineError::refused(
                "C102",
                format!(
                    "another process opened a list for {} at the same moment; see: chitra cycle list",
                    opening.period
                ),
            )),
            done => Ok(done.map(|()| cycle)?),
        }
    }

    /// Finds a cycle by its number or, when only one fits, by its label such as `2026-11`.
    pub async fn cycle_find(&self, text: &str) -> Result<Cycle, EngineError> {
        let cycles = self.store.cycles().await?;
        let by_number = text.parse::<i64>().ok();
        let (found, cancelled): (Vec<Cycle>, Vec<Cycle>) = cycles
            .into_iter()
            .filter(|one| by_number == Some(one.number.0) || one.label() == text)
            .partition(|one| by_number.is_some() || one.state != CycleState::Cancelled);
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                let numbers: Vec<String> =
                    cancelled.iter().map(|one| one.number.to_string()).collect();
                let sentence = match numbers.is_empty() {
                    true => format!("there is no cycle `{text}`; see: chitra cycle list"),
                    false => format!(
                        "cycle `{text}` was cancelled, and none has taken its place; it is looked at by its number: {}",
                        numbers.join(", ")
                    ),
                };
                Err(EngineError::refused("C103", sentence))
            }
            several => {
                let numbers: Vec<String> =
                    several.iter().map(|one| one.number.to_string()).collect();
                Err(EngineError::refused(
                    "C104",
                    format!(
                        "`{text}` fits several cycles; name one by its number: {} (chitra cycle list)",
                        numbers.join(", ")
                    ),
                ))
            }
        }
    }

    /// Gives a cycle up before it is released: its claims are free again.
    pub async fn cycle_cancel(
        &self,
        cycle: &Cycle,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<(), EngineError> {
        let by = self.acting(officer, key, Doing::CancelCycle).await?;
        let next = moved(cycle, CycleEvent::Cancelled)?;
        // Its claims would be free, and what a partner says it has paid would be ordered anew.
        let contradicted = self.store.contradicted(cycle.number, None).await?;
        if !contradicted.is_nothing() {
            return Err(answers_speak_of(contradicted));
        }
        let mut changes = Changes::new();
        for list in self.store.lists(cycle.number).await? {
            changes.list_moved(&list, list.state.apply(ListEvent::Cancelled)?);
        }
        changes.computation_dropped(cycle.number);
        changes.cycle_moved(cycle.number, cycle.state, next);
        let sealed = self.keys.reason(&format!("cycle {}", cycle.number), reason);
        changes.event(
            by.leaf(
                Leaf::of("cycle_cancelled", &self.stamp())
                    .number("cycle", cycle.number.0)
                    .digest("reason", &Digest::of(&sealed)),
            )?,
        );
        changes.cycle_cancelled_for(cycle.number, sealed);
        Ok(self.store.commit(changes).await?)
    }

    async fn newest(&self, kind: ImportKind, period: Period) -> Result<Import, EngineError> {
        let imports = self.store.imports(kind, period).await?;
        imports.into_iter().find(|one| one.state == ImportState::Complete).ok_or_else(|| {
            EngineError::refused(
                "C105",
                format!("no {kind} was taken in for {period}; see: chitra {kind} import FILE --period {period} --as OFFICER"),
            )
        })
    }
}

/// The state in which a cycle is after an event, or why that cannot be and how the cycle goes on.
pub(super) fn moved(cycle: &Cycle, event: CycleEvent) -> Result<CycleState, EngineError> {
    cycle.state.apply(event).map_err(|error| {
        EngineError::refused(
            "C100",
            format!("cycle {}: {error}; {}", cycle.label(), goes_on(cycle)),
        )
    })
}

/// The command with which a cycle goes on, as a sentence.
pub(super) fn goes_on(cycle: &Cycle) -> String {
    let label = cycle.label();
    let command = match cycle.state {
        CycleState::Open | CycleState::Computed => format!("chitra cycle run {label}"),
        CycleState::Sealed => format!("chitra submit {label} --as OFFICER"),
        CycleState::Submitted => format!("chitra approve {label} --as OFFICER"),
        CycleState::Approved => format!("chitra release {label} --as OFFICER"),
        CycleState::Released => format!("chitra dispatch {label}"),
        CycleState::Settling => format!("chitra cycle status {label}"),
        CycleState::Closed => {
            return "what it left unpaid goes with the next month's list".to_owned();
        }
        CycleState::Cancelled => {
            let month = cycle.period;
            return format!(
                "another list of the month: chitra cycle open {month} --value-date DAY --as OFFICER"
            );
        }
    };
    format!("it goes on with: {command}")
}
