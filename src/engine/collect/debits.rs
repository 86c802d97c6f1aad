//! How a payment for which our account was debited becomes paid, by what was agreed with its partner: when
//! nothing came back in the agreed days, or at once where the debit is the proof and that was written down
//! only after it was taken in. Without a booked debit no number of days pays anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Span;
use jiff::civil::Date;

use super::applying::ITEMS_A_PAGE;
use crate::audit::batch_root::BatchRootBuilder;
use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::calendar::{Calendar, CalendarError};
use crate::domain::ids::{CycleNo, PayableNo};
use crate::domain::instruction::{Evidence, EvidenceGrade, Instruction, InstructionEvent};
use crate::domain::payable::{Payable, PayableEvent};
use crate::domain::period::parse_date;
use crate::domain::state::Named;
use crate::engine::config::{Debit, Provider};
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::instructions::InstructionMove;
use crate::store::payables::PayableMove;

impl Engine {
    /// Settles what was debited and is paid by the agreement, after the answers were taken in. Partners
    /// that were not heard are left out: a return may lie with them unread. Gives what could not be
    /// decided, by partner.
    pub(super) async fn settle_debits(
        &self,
        unheard: &BTreeSet<String>,
    ) -> Result<Vec<(String, EngineError)>, EngineError> {
        let mut undecided: BTreeMap<String, EngineError> = BTreeMap::new();
        let mut of_cycle: Option<(CycleNo, Vec<Batch>)> = None;
        for (cycle, number, debited_on) in self.store.debits().await? {
            if of_cycle.as_ref().is_none_or(|(known, _)| *known != cycle) {
                of_cycle = Some((cycle, self.store.batches(cycle).await?));
            }
            let mut batches = of_cycle.iter().flat_map(|(_, batches)| batches);
            let file = batches.find(|batch| batch.number == number);
            // Of a file that we hold as never sent, a debit is a contradiction for people.
            let Some(file) = file.filter(|file| file.state == BatchState::Delivered) else {
                continue;
            };
            let Some(carrier) = self.config.provider(&file.provider) else { continue };
            if unheard.contains(&carrier.name) {
                continue;
            }
            match self.proved_by_now(carrier, &debited_on) {
                Ok(Some(grade)) => self.settle_debited(file, &debited_on, grade).await?,
                Ok(None) => {}
                Err(error) => {
                    let refused = EngineError::refused(
                        "L121",
                        format!("what was debited on {debited_on} waits: {error}"),
                    );
                    undecided.entry(carrier.name.clone()).or_insert(refused);
                }
            }
        }
        Ok(undecided.into_iter().collect())
    }

    /// How a debit of that day proves the payment today, by the terms in force when it was booked.
    fn proved_by_now(
        &self,
        carrier: &Provider,
        debited_on: &str,
    ) -> Result<Option<EvidenceGrade>, CalendarError> {
        let Ok(debited_on) = parse_date(debited_on) else { return Ok(None) };
        let terms = carrier.on(debited_on);
        Ok(match terms.debit {
            Debit::Evidence => None,
            Debit::PaidAfter(days) => {
                let last = days_after(debited_on, days, self.calendar(&terms.leaving))?;
                (self.clock.today() > last).then_some(EvidenceGrade::Unreturned)
            }
            Debit::Proof => Some(EvidenceGrade::Statement),
        })
    }

    async fn settle_debited(
        &self,
        file: &Batch,
        debited_on: &str,
        grade: EvidenceGrade,
    ) -> Result<(), EngineError> {
        let closed = self.is_closed(file.cycle).await?;
        loop {
            let page = self.store.instructions_debited(file, debited_on, ITEMS_A_PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.settle_page(file, closed, grade, &page).await?;
        }
    }

    async fn settle_page(
        &self,
        file: &Batch,
        closed: bool,
        grade: EvidenceGrade,
        page: &[Instruction],
    ) -> Result<(), EngineError> {
        let numbers: Vec<PayableNo> = page.iter().map(|one| one.payable).collect();
        let payables: HashMap<PayableNo, Payable> = self
            .store
            .payables_of(&numbers)
            .await?
            .into_iter()
            .map(|payable| (payable.number, payable))
            .collect();
        let mut changes = Changes::new();
        let mut moves = Vec::new();
        let mut payable_moves = Vec::new();
        let mut root = BatchRootBuilder::new();
        for one in page {
            let payable = payables.get(&one.payable).ok_or_else(|| {
                EngineError::Inconsistent(format!("payable {} is ordered and gone", one.payable))
            })?;
            let to = one.state.apply(InstructionEvent::Settled)?;
            root.push(format!("{} {} {to}", self.reference(one), one.state).as_bytes());
            moves.push(InstructionMove {
                evidence: Evidence {
                    grade: Some(grade),
                    reason: None,
                    reason_class: None,
                    outcome_on: one.evidence.debited_on.clone(),
                    ..one.evidence.clone()
                },
                ..InstructionMove::of(one, to)
            });
            let settled = payable.state.apply(PayableEvent::Settled)?;
            payable_moves.push(PayableMove {
                code: String::new(),
                batch: Some(one.batch),
                ..PayableMove::of(payable, settled)
            });
            if closed {
                changes.suspense_cleared(payable.number);
            }
        }
        // What officers proposed while nobody knew is about what is known now.
        let mut proposed = self.fates_of_batch(file).await?;
        proposed.retain(|fate| {
            page.iter().any(|one| (one.payable, one.attempt) == (fate.payable, fate.attempt))
        });
        changes.fates_withdrawn(&proposed)?;
        changes.cycle_stays(file.cycle, closed);
        changes.instructions_moved(&moves);
        changes.payables_moved(&payable_moves);
        let root = root.finish();
        changes.event(
            Leaf::of("debits_settled", &self.stamp())
                .number("cycle", file.cycle.0)
                .number("batch", file.number.0)
                .text("grade", grade.name())
                .number("count", root.count as i64)
                .digest("root", &root.root)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }
}

/// So many days after a day: business days where there is a calendar.
fn days_after(day: Date, days: i64, calendar: Option<&Calendar>) -> Result<Date, CalendarError> {
    let Some(calendar) = calendar else {
        return Ok(day.saturating_add(Span::new().days(days)));
    };
    let mut day = day;
    for _ in 0..days {
        day = calendar.after(day)?;
    }
    Ok(day)
}
