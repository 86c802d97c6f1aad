//! Which files were not acknowledged in time: what is missing, since when, and whom to call.
//!
//! Reads: the terms in force when a file was delivered, the partner's calendar, what answers acknowledged.
//! Gives: alarms for a person. They are worked out anew whenever they are looked at, and change nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{DateTime, Time};

use crate::domain::acknowledgement::AcknowledgementKind;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::calendar::CalendarError;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::ids::BatchNo;
use crate::domain::state::Named;
use crate::engine::config::Terms;
use crate::engine::{Engine, EngineError};
use crate::report::words::Words;

/// An acknowledgement of a file that is late.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overdue {
    pub cycle: String,
    pub file_name: String,
    pub provider: String,
    pub kind: AcknowledgementKind,
    /// The moment until which it was due; none where the calendar does not cover the days.
    pub due: Option<DateTime>,
    /// For a file that is carried out: payments without a result.
    pub without_result: Option<i64>,
    /// Whom to call.
    pub contact: Option<String>,
    pub sentence: Words,
}

impl Engine {
    /// The acknowledgements that are late, of one cycle or of all, the longest first.
    pub async fn overdue_acknowledgements(
        &self,
        cycle: Option<&Cycle>,
    ) -> Result<Vec<Overdue>, EngineError> {
        let cycles = match cycle {
            Some(cycle) => vec![cycle.clone()],
            None => self.store.cycles().await?,
        };
        let mut overdue = Vec::new();
        for cycle in cycles.iter().filter(|cycle| cycle.state == CycleState::Settling) {
            overdue.extend(self.overdue_of(cycle).await?);
        }
        overdue.sort_by(|a, b| (a.due, &a.file_name, a.kind).cmp(&(b.due, &b.file_name, b.kind)));
        Ok(overdue)
    }

    async fn overdue_of(&self, cycle: &Cycle) -> Result<Vec<Overdue>, EngineError> {
        let mut delivered: BTreeMap<BatchNo, DateTime> = BTreeMap::new();
        for one in self.store.deliveries(cycle.number).await? {
            if let Some(at) = one.ended_at.as_deref().and_then(civil) {
                delivered.insert(one.batch, at);
            }
        }
        let mut agreed: Vec<(Batch, DateTime, &Terms)> = Vec::new();
        for batch in self.store.batches(cycle.number).await? {
            let (Some(at), Some(profile)) =
                (delivered.get(&batch.number), self.config.provider(&batch.provider))
            else {
                continue;
            };
            let terms = profile.on(at.date());
            let any = AcknowledgementKind::ALL
                .iter()
                .any(|(_, kind)| terms.acknowledging.within(*kind).is_some());
            if any && batch.state == BatchState::Delivered {
                agreed.push((batch, *at, terms));
            }
        }
        if agreed.is_empty() {
            return Ok(Vec::new());
        }
        let held: BTreeSet<(BatchNo, AcknowledgementKind)> = self
            .store
            .acknowledgements(cycle.number)
            .await?
            .iter()
            .map(|one| (one.batch, one.kind))
            .collect();
        let without_result = self.store.without_result(cycle.number).await?;
        let mut overdue = Vec::new();
        for (batch, at, terms) in agreed {
            let open = without_result.get(&batch.number).copied().unwrap_or(0);
            for (_, kind) in AcknowledgementKind::ALL {
                let Some(within) = terms.acknowledging.within(*kind) else { continue };
                // Results of all payments stand for everything that was to be said before.
                if open == 0
                    || (*kind != AcknowledgementKind::Executed
                        && held.contains(&(batch.number, *kind)))
                {
                    continue;
                }
                let from = match kind {
                    // Nothing is carried out before its value date.
                    AcknowledgementKind::Executed => {
                        at.max(batch.value_date.to_datetime(Time::midnight()))
                    }
                    _ => at,
                };
                let calendar = self.calendar(&terms.leaving);
                let due = within.deadline(from, &terms.leaving.hours, calendar);
                if due.as_ref().is_ok_and(|due| self.clock.now() <= *due) {
                    continue;
                }
                overdue.push(alarm(cycle, &batch, *kind, due, open, terms));
            }
        }
        Ok(overdue)
    }
}

fn alarm(
    cycle: &Cycle,
    batch: &Batch,
    kind: AcknowledgementKind,
    due: Result<DateTime, CalendarError>,
    open: i64,
    terms: &Terms,
) -> Overdue {
    let (provider, file) = (&batch.provider, &batch.file_name);
    let (mut vi, mut en) = match kind {
        AcknowledgementKind::Received => (
            format!("{provider} chưa báo đã nhận tệp {file}"),
            format!("{provider} has not said that it received {file}"),
        ),
        AcknowledgementKind::Accepted => (
            format!("{provider} chưa báo chấp nhận tệp {file}"),
            format!("{provider} has not said that it accepts {file}"),
        ),
        AcknowledgementKind::Executed => (
            format!(
                "{provider} chưa trả kết quả của {open}/{} khoản trong tệp {file}",
                batch.count
            ),
            format!(
                "{provider} has given no result for {open} of {} payments of {file}",
                batch.count
            ),
        ),
    };
    match &due {
        Ok(due) => {
            let due = due.strftime("%F %H:%M").to_string();
            vi.push_str(&format!("; hạn là {due}."));
            en.push_str(&format!("; it was due until {due}."));
        }
        Err(error) => {
            vi.push_str("; chưa tính được hạn vì lịch làm việc không có các ngày này.");
            en.push_str(&format!("; until when it is due is not known: {error}."));
        }
    }
    if let Some(contact) = &terms.acknowledging.escalation_contact {
        vi.push_str(&format!(" Liên hệ: {contact}."));
        en.push_str(&format!(" Call: {contact}."));
    }
    Overdue {
        cycle: cycle.label(),
        file_name: file.clone(),
        provider: provider.clone(),
        kind,
        due: due.ok(),
        without_result: (kind == AcknowledgementKind::Executed).then_some(open),
        contact: terms.acknowledging.escalation_contact.clone(),
        sentence: Words::new(vi, en),
    }
}

/// The office's civil time of a stored stamp.
fn civil(stamp: &str) -> Option<DateTime> {
    stamp.get(..19)?.parse().ok()
}
