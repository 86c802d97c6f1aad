//! Whether a released file may leave now: stops of its payments, its partner's hours and cut-off, the
//! ceilings of the day, and the money that is there.
//!
//! Reads: the terms in force today, the calendars, what left today and what was made available.
//! Gives: a sentence that says why a file waits, and until when. Ceilings and halts are held a second
//! time by the transaction that records the attempt.

use jiff::Span;
use jiff::civil::Date;

use crate::domain::batch::{Batch, BatchState};
use crate::domain::calendar::{Calendar, CalendarError};
use crate::domain::hours::Leaving;
use crate::domain::money::told;
use crate::engine::config::{LeavingTerms, Provider};
use crate::engine::halt::scopes;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

/// Under which name the whole office's money of a day is counted.
const OFFICE: &str = "office";

/// Why a file does not leave now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::engine) struct Waits {
    pub why: String,
    /// It goes without anybody doing anything about it: at its hour, tomorrow, or when its money is there.
    pub by_itself: bool,
}

impl Waits {
    pub(in crate::engine) fn by_itself(why: String) -> Waits {
        Waits { why, by_itself: true }
    }

    pub(in crate::engine) fn for_somebody(why: String) -> Waits {
        Waits { why, by_itself: false }
    }
}

impl Engine {
    /// Why a released file may not leave now; nothing when it may.
    pub(in crate::engine) async fn waits(
        &self,
        batch: &Batch,
    ) -> Result<Option<Waits>, EngineError> {
        let cycle = self.cycle_of(batch).await?.label();
        let stops = self.store.stops_of_batch(batch).await?;
        if stops > 0 {
            return Ok(Some(Waits::for_somebody(format!(
                "{stops} of its payments are proposed to be stopped; another officer confirms or refuses it: \
                 chitra stop list {cycle}"
            ))));
        }
        let mut for_nobody = self.orders_for_withdrawn_heirs(batch.cycle).await?;
        for_nobody.retain(|one| one.batch == batch.number);
        if !for_nobody.is_empty() {
            return Ok(Some(Waits::for_somebody(format!(
                "{} of its payments are for an heir who was withdrawn since; take them off it: chitra stop propose {cycle} \
                 PERSON --reason TEXT --as OFFICER",
                for_nobody.len()
            ))));
        }
        let stopped = self.orders_of_stopped_payees(batch).await?;
        if !stopped.is_empty() {
            return Ok(Some(Waits::for_somebody(format!(
                "{} of its payments are for somebody of whom a partner has reported death, fraud or a court order since \
                 ({}); they are stopped: chitra stop propose {cycle} PERSON --reason TEXT --as OFFICER, or let go by who \
                 refuses that stop",
                stopped.len(),
                self.first_references(&stopped)
            ))));
        }
        let contradicted = self.store.contradicted(batch.cycle, Some(batch.number)).await?;
        if !contradicted.lets_leave() {
            let what = match (contradicted.payments, contradicted.files) {
                (0, 0) => format!(
                    "answers speak of a file as a whole in which {} of its payments were ordered before, and what they \
                     say of it is not settled",
                    contradicted.ordered_before
                ),
                (0, _) => "answers speak of it as a whole, and it never left".to_owned(),
                (payments, _) => {
                    format!("answers speak of {payments} of its payments, and it never left")
                }
            };
            return Ok(Some(Waits::for_somebody(format!(
                "{what}; look into each and resolve it: chitra queue discrepancies"
            ))));
        }
        let recalls = self.store.recalls_of_batch(batch).await?;
        if recalls > 0 {
            return Ok(Some(Waits::for_somebody(format!(
                "{recalls} of its payments are asked back, and it has not left after all; take them off it: \
                 chitra stop propose {cycle} PERSON --reason TEXT --as OFFICER, and then: \
                 chitra recall give-up {cycle} PERSON --reason TEXT --as OFFICER"
            ))));
        }
        let mut again = self.paying_again(batch.cycle).await?;
        again.retain(|one| one.batch == batch.number);
        if !again.is_empty() {
            return Ok(Some(Waits::for_somebody(format!(
                "{}; they are stopped: chitra stop propose {cycle} PERSON --reason TEXT --as OFFICER, or let go by who \
                 refuses that stop",
                self.told_as_paid_again(&again)
            ))));
        }
        let profile = self.provider(&batch.provider)?;
        let terms = &profile.on(self.clock.today()).leaving;
        if let Some(why) = self.waits_for_hours(batch, &cycle, terms) {
            return Ok(Some(why));
        }
        if let Some(why) = self.waits_for_a_ceiling(batch, terms).await? {
            return Ok(Some(why));
        }
        self.waits_for_funds(batch, terms).await
    }

    /// Why no more of a batch may leave now that leaves payment by payment; nothing when more may. Its
    /// cut-off and its funds were looked at before the first of them left.
    pub(in crate::engine) async fn stopped_for_now(
        &self,
        batch: &Batch,
    ) -> Result<Option<Waits>, EngineError> {
        match self.may_still_leave(batch).await? {
            None => self.held_back_for_now(batch).await,
            why => Ok(why),
        }
    }

    /// The same, beside halts and hours.
    pub(in crate::engine) async fn held_back_for_now(
        &self,
        batch: &Batch,
    ) -> Result<Option<Waits>, EngineError> {
        if let Err(error) = self.file_must_be_of_this_environment(batch).await {
            return Ok(Some(Waits::for_somebody(format!("{}: {error}", error.code()))));
        }
        let terms = &self.provider(&batch.provider)?.on(self.clock.today()).leaving;
        self.waits_for_a_ceiling(batch, terms).await
    }

    /// Why what is recorded and counted already may not leave at this moment: a halt, or the hours; nothing when it
    /// may.
    pub(in crate::engine) async fn may_still_leave(
        &self,
        batch: &Batch,
    ) -> Result<Option<Waits>, EngineError> {
        if let Some(halt) = self.halt_of(batch).await? {
            return Ok(Some(Waits::for_somebody(halt)));
        }
        let terms = &self.provider(&batch.provider)?.on(self.clock.today()).leaving;
        // Its value date was looked at before the first of it left: the hours alone count.
        match terms.hours.are_open(self.clock.now(), self.calendar(terms)) {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(Waits::by_itself(format!(
                "{} takes payments at other hours; what has not left goes then",
                batch.provider
            )))),
            Err(error) => Ok(Some(Waits::for_somebody(error.to_string()))),
        }
    }

    /// Puts into the transaction of a window what must hold when it is recorded. Money is counted where
    /// some of it leaves for the first time.
    pub(in crate::engine) async fn window_may_leave(
        &self,
        batch: &Batch,
        is_first: bool,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        match is_first {
            true => self.must_still_leave(batch, changes).await,
            false => {
                changes.must_not_be_halted(batch, &scopes(batch));
                Ok(())
            }
        }
    }

    fn waits_for_hours(&self, batch: &Batch, cycle: &str, terms: &LeavingTerms) -> Option<Waits> {
        let calendar = self.calendar(terms);
        let now = self.clock.now();
        match terms.hours.leaving(now, batch.value_date, calendar) {
            Ok(Leaving::Now) => None,
            Ok(Leaving::Waits { from, why }) => {
                let why = format!("{why}; it goes from {} on", from.strftime("%F %H:%M"));
                Some(Waits::by_itself(why))
            }
            Ok(Leaving::Missed { deadline }) => {
                let next = terms.hours.first_value_date(now, now.date(), calendar);
                Some(Waits::for_somebody(format!(
                    "the last moment for its value date {} was {}; it goes under another one, approved anew: \
                     chitra redate {cycle} {} --value-date {} --as OFFICER",
                    batch.value_date,
                    deadline.strftime("%F %H:%M"),
                    batch.file_name,
                    next.map_or_else(|_| "DAY".to_owned(), |day| day.to_string()),
                )))
            }
            Err(error) => Some(Waits::for_somebody(error.to_string())),
        }
    }

    async fn waits_for_a_ceiling(
        &self,
        batch: &Batch,
        terms: &LeavingTerms,
    ) -> Result<Option<Waits>, EngineError> {
        let day = self.clock.today().to_string();
        if self.store.is_counted(batch, &day).await? {
            return Ok(None);
        }
        for (scope, most) in self.day_ceilings(batch, terms) {
            let Some(most) = most else { continue };
            let sent = self.store.outflow(&scope, &day).await?;
            if batch.total_minor <= most.saturating_sub(sent) {
                continue;
            }
            let money = |minor: i64| told(i128::from(minor), self.config.currency);
            let way_out = match batch.total_minor > most {
                true => {
                    "the file alone is above it: raise it, or take the file back and order it in smaller ones"
                }
                false => "it goes tomorrow, or when the ceiling is raised",
            };
            let why = format!(
                "ceiling of {} a day for {scope}: {} have gone out today, and this file has {}; {way_out}",
                money(most),
                money(sent),
                money(batch.total_minor)
            );
            return Ok(Some(Waits { why, by_itself: batch.total_minor <= most }));
        }
        Ok(None)
    }

    async fn waits_for_funds(
        &self,
        batch: &Batch,
        terms: &LeavingTerms,
    ) -> Result<Option<Waits>, EngineError> {
        if !terms.prefunded {
            return Ok(None);
        }
        let there = self.cleared_funds(&batch.provider).await?;
        let missing = i128::from(batch.total_minor) - there;
        if missing <= 0 {
            return Ok(None);
        }
        Ok(Some(Waits::by_itself(format!(
            "cleared funds: {} are there for {}, and {} are missing; they are recorded with: \
             chitra funds record {} --amount MINOR --on DAY --reference TEXT --as OFFICER",
            told(there, self.config.currency),
            batch.provider,
            told(missing, self.config.currency),
            batch.provider
        ))))
    }

    /// Puts into the transaction of an attempt what must hold when it is recorded, whatever was read.
    pub(super) async fn must_still_leave(
        &self,
        batch: &Batch,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        changes.must_not_be_halted(batch, &scopes(batch));
        // After the line above, which waits for whoever proposes a stop at this moment.
        changes.must_not_be_stopped(batch);
        // Of a file that is leaving payment by payment only what is known to have left can be asked back, and the
        // others go on.
        if batch.state != BatchState::Sending {
            changes.must_not_be_recalled(batch);
        }
        let today = self.clock.today();
        let day = today.to_string();
        if !self.store.is_counted(batch, &day).await? {
            let terms = &self.provider(&batch.provider)?.on(today).leaving;
            let ceilings = self
                .day_ceilings(batch, terms)
                .map(|(scope, most)| (scope, most.unwrap_or(i64::MAX)));
            changes.counted(batch, &day, &ceilings);
        }
        Ok(())
    }

    /// Why the transaction of an attempt was refused, when a halt or a ceiling did it.
    pub(in crate::engine) async fn stopped_meanwhile(
        &self,
        batch: &Batch,
    ) -> Result<Option<Waits>, EngineError> {
        if let Some(halt) = self.halt_of(batch).await? {
            return Ok(Some(Waits::for_somebody(halt)));
        }
        let waits = self.waits(batch).await?;
        Ok(waits.map(|one| Waits { why: format!("waits: {}", one.why), ..one }))
    }

    fn day_ceilings(&self, batch: &Batch, terms: &LeavingTerms) -> [(String, Option<i64>); 2] {
        [
            (OFFICE.to_owned(), self.config.ceilings.day_max_minor),
            (format!("provider:{}", batch.provider), terms.day_max_minor),
        ]
    }
}

impl Engine {
    /// The calendar of a partner's business days, if one was agreed.
    pub(in crate::engine) fn calendar(&self, terms: &LeavingTerms) -> Option<&Calendar> {
        terms.calendar.as_ref().and_then(|name| self.calendars.get(name))
    }

    /// The value date of a file that is made today and still has to be approved: the wanted one while
    /// it is not past and can be met, and otherwise the first that can from tomorrow on.
    pub(in crate::engine) fn value_date_to_meet(
        &self,
        wanted: Date,
        profile: &Provider,
    ) -> Result<Date, EngineError> {
        let now = self.clock.now();
        let terms = &profile.on(now.date()).leaving;
        let calendar = self.calendar(terms);
        let uncovered = |error: CalendarError| EngineError::refused("D142", error.to_string());
        if wanted >= now.date() {
            let leaving = terms.hours.leaving(now, wanted, calendar).map_err(uncovered)?;
            if !matches!(leaving, Leaving::Missed { .. }) {
                return Ok(wanted);
            }
        }
        let tomorrow = now.date().saturating_add(Span::new().days(1));
        terms.hours.first_value_date(now, tomorrow, calendar).map_err(uncovered)
    }
}
