//! What officers decide about holds: to release one or to keep it, alone or two together.
//!
//! Reads: what is held in a cycle, and the officer's key.
//! Gives: decisions that the next computation or reissue takes up. A code of the catalogue that takes
//! two persons is released when a second officer has confirmed it; until then the hold is in force.

use crate::audit::leaf::Leaf;
use crate::audit::standing::to_letters;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::exception::{Decision, Exception, Resolution, Subject};
use crate::domain::hold::{HoldCode, HoldRelease};
use crate::domain::ids::EnrolmentNo;
use crate::domain::payable::Payable;
use crate::domain::period::Period;
use crate::domain::signature::OfficerKey;
use crate::domain::state::Named;
use crate::engine::acting::{Acting, Doing};
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::registry::Counted;

/// One thing that is held, and the last decision about it.
#[derive(Clone, Debug)]
pub struct Held {
    pub exception: Exception,
    pub decided: Option<Resolution>,
    /// The decision was taken about other values than those that stand on the row, and in the register, now.
    pub is_about_others: bool,
    /// One of two proposed it, and signs no more.
    pub is_void: bool,
}

impl Held {
    /// As lists show it: SHARD-NUMBER.
    pub fn name(&self) -> String {
        name(&self.exception)
    }

    /// Whether another officer can confirm for this month what one has proposed.
    pub fn waits_in(&self, month: Period) -> bool {
        !self.is_about_others
            && !self.is_void
            && self.decided.as_ref().is_some_and(|one| one.waits_in(month))
    }
}

/// What an officer says about a hold.
#[derive(Clone, Debug)]
pub struct Deciding {
    pub decision: Decision,
    /// The last month for which it counts; the cycle's own when not said.
    pub valid_to: Option<Period>,
    pub reason: String,
}

/// A decision that was taken, and when it comes to count.
#[derive(Clone, Debug)]
pub struct Decided {
    pub hold: String,
    pub resolution: Resolution,
    pub counts: Counts,
}

/// When a released hold comes to count: a list that is sealed no longer changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counts {
    /// The cycle is not computed yet.
    WhenComputed,
    /// The cycle is computed and not sealed: it must be computed anew.
    WhenRecomputed,
    /// A payable: with a release list, once the month is released.
    WithReissue,
    /// A row of a sealed list, or anything of a closed cycle: with another list of the month or with
    /// the next month's.
    WithNextList,
}

impl Counts {
    fn of(state: CycleState, subject: Subject) -> Counts {
        match (state, subject) {
            (CycleState::Open, _) => Counts::WhenComputed,
            (CycleState::Computed, _) => Counts::WhenRecomputed,
            (CycleState::Closed | CycleState::Cancelled, _) | (_, Subject::Row) => {
                Counts::WithNextList
            }
            (_, Subject::Payable) => Counts::WithReissue,
        }
    }
}

impl Engine {
    /// What is held in a cycle, by code, of one code only when it is said: how many there are, and the
    /// first `limit` of them.
    pub async fn holds(
        &self,
        cycle: &Cycle,
        code: Option<&str>,
        limit: usize,
    ) -> Result<(usize, Vec<Held>), EngineError> {
        let mut all = self.store.held(cycle.number).await?;
        all.retain(|one| code.is_none_or(|code| code == one.code));
        let count = all.len();
        all.truncate(limit);
        let mut decided = Vec::new();
        for exception in &all {
            decided.push(match self.subject(exception).await? {
                Some(subject) => self.store.last_resolution(subject, &exception.code).await?,
                None => None,
            });
        }
        let is_release =
            |one: &Resolution| one.decision == Decision::Release && one.valid_to >= cycle.period;
        let released: Vec<&Exception> = all
            .iter()
            .zip(&decided)
            .filter(|(_, decided)| decided.as_ref().is_some_and(is_release))
            .map(|(exception, _)| exception)
            .collect();
        let seen = self.seen_of_held(cycle, &released).await?;
        let signing = self.store.officers().await?;
        let signs = |name: &str| signing.iter().any(|officer| officer.name == name);
        let mut shown = Vec::new();
        for (exception, decided) in all.into_iter().zip(decided) {
            let now = seen.get(&(exception.shard, exception.number)).copied();
            let is_about_others = decided.as_ref().is_some_and(|one| !one.is_about(now));
            let is_void = decided
                .as_ref()
                .is_some_and(|one| one.waits_for_another() && !signs(&one.decided_by));
            shown.push(Held { exception, decided, is_about_others, is_void });
        }
        Ok((count, shown))
    }

    /// An officer releases a hold or keeps it. A release that takes two persons is only proposed.
    ///
    /// # Errors
    /// H907 without a reason, H902 when nothing is held under that name, H903 when no person can release it, H904 when a
    /// release is proposed already, H148 when the decision would end before the month of the hold.
    pub async fn hold_decide(
        &self,
        cycle: &Cycle,
        hold: &str,
        deciding: Deciding,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Decided, EngineError> {
        let by = self.acting(officer, key, Doing::DecideHold).await?;
        if deciding.reason.trim().is_empty() {
            return Err(EngineError::refused(
                "H907",
                "a decision on a hold says on what it rests: --reason TEXT",
            ));
        }
        let (exception, subject) = self.held_as(cycle, hold).await?;
        let code = exception.code.parse::<HoldCode>();
        let rule = code.as_ref().map(|code| code.release());
        let release = deciding.decision == Decision::Release;
        let mended = || {
            EngineError::refused(
                "H903",
                format!(
                    "{} is not released by hand: it goes when what is missing is there. Mend the roster and take it in again \
                     (chitra roster import FILE --period {} --as OFFICER), or the partner's terms in chitra.toml; the next list \
                     that is computed goes by it",
                    exception.code, cycle.period
                ),
            )
        };
        let two_persons = match rule {
            Ok(HoldRelease::Officer) => false,
            Ok(HoldRelease::TwoPersons) => release,
            Ok(HoldRelease::WhenMended) if !release => false,
            Ok(HoldRelease::WhenMended) => return Err(mended()),
            Err(error) => return Err(EngineError::Inconsistent(error.to_string())),
        };
        let subject = match subject {
            Some(subject) => subject,
            None => return Err(mended()),
        };
        if let Some(valid_to) = deciding.valid_to.filter(|valid_to| *valid_to < cycle.period) {
            return Err(EngineError::refused(
                "H148",
                format!(
                    "{hold} is held in {}, and a decision that counts to {valid_to} would change nothing: name this month or \
                     a later one with --valid-to, or leave it out, and it counts for this month",
                    cycle.period
                ),
            ));
        }
        let about = match code {
            // The months that were looked at are owed with this list; later ones nobody has looked at.
            Ok(HoldCode::BackAfterAbsence) => {
                Some("the months before, for which it was not listed")
            }
            // What a partner tells of another order is another doubt.
            Ok(HoldCode::DuplicateReported) => Some("what a partner has told of earlier orders"),
            _ => None,
        };
        if let Some(about) = about
            && deciding.valid_to.is_some_and(|valid_to| valid_to > cycle.period)
        {
            return Err(EngineError::refused(
                "H908",
                format!(
                    "{hold} of {} is about {about}, and what is decided about that counts for this month: leave out --valid-to",
                    cycle.period
                ),
            ));
        }
        let seen = self.seen_now(cycle, &exception).await?;
        let last = self.store.last_resolution(subject, &exception.code).await?;
        let waiting =
            last.filter(|last| release && last.waits_in(cycle.period) && last.is_about(seen));
        // What somebody proposed who signs no more keeps nobody from proposing it anew.
        if let Some(waiting) = waiting
            && self.signs_still(&waiting.decided_by).await?
        {
            return Err(EngineError::refused(
                "H904",
                format!(
                    "`{}` has proposed to release {hold}; another officer confirms it: \
                     chitra hold confirm {} {hold} --as APPROVER",
                    waiting.decided_by,
                    cycle.label()
                ),
            ));
        }
        let number = self.store.next_number(Counted::Resolution).await?;
        let resolution = Resolution {
            number,
            subject,
            code: exception.code.clone(),
            decision: deciding.decision,
            seen,
            valid_to: deciding.valid_to.unwrap_or(cycle.period),
            reason: self.keys.reason(&reason_of(number), &deciding.reason),
            decided_by: by.officer.name.clone(),
            decided_at: self.stamp(),
            two_persons,
            confirmed_by: None,
            confirmed_at: None,
        };
        let event = if two_persons { "hold_release_proposed" } else { "hold_resolved" };
        let mut changes = Changes::new();
        changes.resolution(&resolution);
        changes.event(self.hold_leaf(cycle, &exception, &resolution, event, &by)?);
        self.store.commit(changes).await?;
        let counts = Counts::of(cycle.state, exception.subject);
        Ok(Decided { hold: hold.to_owned(), resolution, counts })
    }

    /// The second of the two officers who release a hold.
    ///
    /// # Errors
    /// H905 when no release waits to be confirmed, A120 when who proposed it signs no more, H163 when the one that waits is about other values, H147 when the one that waits counted to an earlier month, H906 when it is the officer who proposed it.
    pub async fn hold_confirm(
        &self,
        cycle: &Cycle,
        hold: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Decided, EngineError> {
        let by = self.acting(officer, key, Doing::ConfirmHold).await?;
        let (exception, subject) = self.held_as(cycle, hold).await?;
        let last = match subject {
            Some(subject) => self.store.last_resolution(subject, &exception.code).await?,
            None => None,
        };
        let propose = format!(
            "chitra hold resolve {} {hold} --decision release --reason TEXT --as OFFICER",
            cycle.label()
        );
        let waiting = last.filter(Resolution::waits_for_another).ok_or_else(|| {
            EngineError::refused(
                "H905",
                format!("no release of {hold} waits to be confirmed; propose one: {propose}"),
            )
        })?;
        if !waiting.waits_in(cycle.period) {
            return Err(EngineError::refused(
                "H147",
                format!(
                    "the release of {hold} that `{}` proposed counted to {}, not for {}; propose a new one: {propose}",
                    waiting.decided_by, waiting.valid_to, cycle.period
                ),
            ));
        }
        if !waiting.is_about(self.seen_now(cycle, &exception).await?) {
            return Err(EngineError::refused(
                "H163",
                format!(
                    "`{}` proposed to release {hold} about other values than those that stand on the row, or in the \
                     register, now; look at them, and propose a new one: {propose}",
                    waiting.decided_by
                ),
            ));
        }
        if waiting.decided_by == by.officer.name {
            return Err(EngineError::refused(
                "H906",
                format!(
                    "`{officer}` has proposed to release {hold}, and a hold of {} is released by two persons; another officer \
                     confirms it: chitra hold confirm {} {hold} --as APPROVER",
                    exception.code,
                    cycle.label()
                ),
            ));
        }
        let at = self.stamp();
        let mut changes = Changes::new();
        self.second_of_two(&waiting.decided_by, &propose, &mut changes).await?;
        changes.resolution_confirmed(waiting.number, &by.officer.name, &at);
        let event = "hold_release_confirmed";
        changes.event(self.hold_leaf(cycle, &exception, &waiting, event, &by)?);
        self.store.commit(changes).await?;
        let resolution =
            Resolution { confirmed_by: Some(by.officer.name), confirmed_at: Some(at), ..waiting };
        let counts = Counts::of(cycle.state, exception.subject);
        Ok(Decided { hold: hold.to_owned(), resolution, counts })
    }

    fn hold_leaf(
        &self,
        cycle: &Cycle,
        held: &Exception,
        resolution: &Resolution,
        event: &str,
        by: &Acting<'_>,
    ) -> Result<Vec<u8>, EngineError> {
        let mut leaf = Leaf::of(event, &self.stamp());
        if let Some(seen) = resolution.seen {
            leaf = leaf.text("seen", &to_letters(u128::from(seen as u64)));
        }
        by.leaf(
            leaf.number("cycle", cycle.number.0)
                // As numbers: written as a word, a long one would look like somebody's account.
                .number("shard", i64::from(held.shard.number()))
                .number("exception", held.number)
                .number("resolution", resolution.number)
                // A keyed hash, too large for a number that every reader of JSON takes as it is.
                .text("subject", &to_letters(u128::from(resolution.subject as u64)))
                .text("code", &resolution.code)
                .text("decision", resolution.decision.name())
                .text("valid_to", &resolution.valid_to.to_string())
                .digest("reason", &Digest::of(&resolution.reason)),
        )
    }

    async fn held_as(
        &self,
        cycle: &Cycle,
        hold: &str,
    ) -> Result<(Exception, Option<i64>), EngineError> {
        let held = self.store.held(cycle.number).await?;
        let one = held.into_iter().find(|one| name(one) == hold).ok_or_else(|| {
            EngineError::refused(
                "H902",
                format!("nothing is held as {hold}; see: chitra hold list {}", cycle.label()),
            )
        })?;
        let subject = self.subject(&one).await?;
        Ok((one, subject))
    }

    /// What who decides about a hold sees of it now; nothing is kept of a payable.
    async fn seen_now(&self, cycle: &Cycle, held: &Exception) -> Result<Option<i64>, EngineError> {
        let seen = self.seen_of_held(cycle, &[held]).await?;
        Ok(seen.get(&(held.shard, held.number)).copied())
    }

    /// What a decision on a held payable is about.
    pub(super) fn held_payable(&self, payable: &Payable, code: &str) -> Option<i64> {
        let (payee, beneficiary) = (payable.payee, payable.beneficiary);
        let destination = payable.destination?;
        Some(self.keys.held_payable(payee, beneficiary, destination, payable.heir, code))
    }

    /// What a decision is about: the enrolment of a row; payee, beneficiary, destination and code of a
    /// payable. Nothing where a payable has no destination.
    async fn subject(&self, held: &Exception) -> Result<Option<i64>, EngineError> {
        match (held.subject, held.payable) {
            (Subject::Row, _) => Ok(held.enrolment.map(EnrolmentNo::number)),
            (Subject::Payable, Some(payable)) => {
                let payable = self.store.payable(payable).await?;
                Ok(payable.and_then(|payable| self.held_payable(&payable, &held.code)))
            }
            (Subject::Payable, None) => {
                Err(EngineError::Inconsistent("a held payable without a number".to_owned()))
            }
        }
    }
}

/// What the reason of a decision is sealed for.
pub(super) fn reason_of(number: i64) -> String {
    format!("resolution {number}")
}

fn name(one: &Exception) -> String {
    format!("{}-{}", one.shard.number(), one.number)
}
