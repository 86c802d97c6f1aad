//! What partners say of recalls, and when a recall is over.
//!
//! Reads: the items of an answer to recalls; the moves of orders in any answer.
//! Gives: moves of recalls. An agreement is no money: it moves no order. What does not fit the case, the
//! payment and the amount that we asked for goes to the queue.

use std::collections::{BTreeMap, BTreeSet};

use payment_formats::{Outcome as Answered, OutcomeStatus, Scope};

use crate::domain::answer::{Answer, Discrepancy, DiscrepancyKind};
use crate::domain::batch::DeliveryOutcome;
use crate::domain::ids::{AttemptNo, PayableNo};
use crate::domain::instruction::InstructionState;
use crate::domain::recall::{Recall, RecallEvent, RecallFileEvent, RecallFileState, RecallState};
use crate::domain::state::Named;
use crate::engine::collect::recalled_files::{Meant, NamedItself, WholeWord};
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::instructions::InstructionMove;

/// ISO 20022: the payment has been returned already.
const ALREADY_BACK: &str = "ARDT";

/// Why an item moves no recall.
pub(super) struct Unfit {
    pub kind: DiscrepancyKind,
    pub recall: Option<Recall>,
    pub detail: String,
}

impl Unfit {
    /// As it waits in the queue.
    fn told(self, answer: &Answer, item: i64, answered: &Answered) -> Discrepancy {
        let recall = self.recall.as_ref();
        Discrepancy {
            instruction: recall.map(|recall| (recall.payable, recall.attempt)),
            expected_minor: recall.map(|recall| recall.amount_minor),
            reported_minor: answered.amount.map(|(minor, _)| minor),
            ..Discrepancy::of_item(self.kind, answer, item, self.detail)
        }
    }

    fn unmatched(detail: &str) -> Unfit {
        Unfit { kind: DiscrepancyKind::Unmatched, recall: None, detail: detail.to_owned() }
    }
}

impl Engine {
    /// Applies the items of an answer to recalls.
    pub(super) async fn answer_recalls(
        &self,
        changes: &mut Changes,
        profile: &Provider,
        answer: &Answer,
        page: Vec<(i64, Answered)>,
        named: &NamedItself,
        discrepancies: &mut Vec<Discrepancy>,
    ) -> Result<(), EngineError> {
        // As this page has left them so far.
        let mut seen: BTreeMap<i64, Recall> = BTreeMap::new();
        for (item, answered) in page {
            match self.recalls_meant(profile, &answered, named).await? {
                Meant::One => {}
                Meant::Nothing => continue,
                Meant::Request(request) => {
                    let whole = WholeWord { item, answered: &answered, request };
                    let unfit = self.answer_request(changes, answer, whole, &mut seen).await?;
                    discrepancies
                        .extend(unfit.into_iter().map(|one| one.told(answer, item, &answered)));
                    continue;
                }
                Meant::Several => {
                    let unfit = Unfit::unmatched(
                        "the answer is about everything that was asked back of a file, and that was asked back in \
                         several requests; nothing was changed: ask the partner which it means",
                    );
                    discrepancies.push(unfit.told(answer, item, &answered));
                    continue;
                }
            }
            let unfit = match self.recall_meant(profile, &answered, &seen).await? {
                // Above a payment, that some are given back and some are not says nothing of one.
                Ok(_)
                    if answered.scope != Scope::Payment
                        && answered.status == OutcomeStatus::RecallPartial =>
                {
                    None
                }
                Ok(recall) => {
                    self.answer_recall(changes, answer, item, &answered, recall, &mut seen).await?
                }
                Err(unfit) => Some(unfit),
            };
            discrepancies.extend(unfit.map(|unfit| unfit.told(answer, item, &answered)));
        }
        Ok(())
    }

    /// The recall of ours that an item names, whole: its case, its partner, and whatever it repeats of the payment.
    async fn recall_meant(
        &self,
        profile: &Provider,
        answered: &Answered,
        seen: &BTreeMap<i64, Recall>,
    ) -> Result<Result<Recall, Unfit>, EngineError> {
        let number = match answered.case_id.as_deref() {
            Some(case) => Recall::number_in(case),
            None => self.only_recall_of(answered).await?,
        };
        let found = match number {
            None => None,
            Some(number) => match seen.get(&number) {
                Some(recall) => Some(recall.clone()),
                None => self.store.recall(number).await?,
            },
        };
        let is_case = |recall: &Recall| {
            let case = answered.case_id.as_deref();
            case.is_none_or(|case| recall.case_id(&self.recalled(recall)) == case)
        };
        let ours = found.filter(|recall| recall.provider == profile.name && is_case(recall));
        let Some(recall) = ours else {
            return Ok(Err(Unfit::unmatched("the answer names no recall of ours at this partner")));
        };
        let reference = self.recalled(&recall);
        let other = |said: &Option<String>| {
            said.as_deref().is_some_and(|said| said.trim() != reference.as_str())
        };
        if other(&answered.end_to_end_id) || other(&answered.instruction_id) {
            let detail =
                "the case is ours, and the payment beside it is another; nothing was changed";
            return Ok(Err(Unfit {
                kind: DiscrepancyKind::Contradiction,
                recall: Some(recall),
                detail: detail.to_owned(),
            }));
        }
        let files = [&answered.original_message_id, &answered.original_batch_id];
        for said in files.into_iter().flatten() {
            let file = self.store.batch_by_message(said.trim()).await?;
            let is_that =
                file.is_some_and(|file| (file.cycle, file.number) == (recall.cycle, recall.batch));
            if !is_that {
                let detail = "the case is ours, and the file beside it is not the one of its payment; nothing was changed";
                return Ok(Err(Unfit {
                    kind: DiscrepancyKind::Contradiction,
                    recall: Some(recall),
                    detail: detail.to_owned(),
                }));
            }
        }
        let currency = self.config.currency.code();
        let differs = answered
            .amount
            .is_some_and(|(minor, of)| of.code() != currency || minor != recall.amount_minor);
        if differs {
            return Ok(Err(Unfit {
                kind: DiscrepancyKind::AmountDiffers,
                recall: Some(recall),
                detail: "the answer to a recall repeats another amount than was ordered; nothing was changed"
                    .to_owned(),
            }));
        }
        Ok(Ok(recall))
    }

    /// The recall that an answer without a case can only mean: the payment and the file that it names were asked
    /// back once, ever. After a second time it might be about either.
    async fn only_recall_of(&self, answered: &Answered) -> Result<Option<i64>, EngineError> {
        let names_a_file =
            answered.original_message_id.is_some() || answered.original_batch_id.is_some();
        let Some((payable, attempt)) = self.our_reference(answered).filter(|_| names_a_file) else {
            return Ok(None);
        };
        let mut of_order = self.store.recalls_of_payables(&[payable]).await?;
        of_order.retain(|recall| recall.attempt == attempt);
        Ok(match of_order.as_slice() {
            [only] => Some(only.number),
            _ => None,
        })
    }

    /// Moves a recall by what its partner says of it. Said again, nothing changes.
    pub(super) async fn answer_recall(
        &self,
        changes: &mut Changes,
        answer: &Answer,
        item: i64,
        answered: &Answered,
        mut recall: Recall,
        seen: &mut BTreeMap<i64, Recall>,
    ) -> Result<Option<Unfit>, EngineError> {
        use RecallState as S;
        let (event, told) = match &answered.status {
            OutcomeStatus::RecallAccepted => (RecallEvent::Accepted, S::Accepted),
            OutcomeStatus::RecallPartial => (RecallEvent::AcceptedInPart, S::Partly),
            OutcomeStatus::RecallPending => (RecallEvent::NotDecided, S::Pending),
            OutcomeStatus::RecallRefused => (RecallEvent::Refused, S::Refused),
            other => {
                let word = match other {
                    OutcomeStatus::Unrecognised(word) => word.as_str(),
                    _ => "",
                };
                return Ok(Some(Unfit {
                    kind: DiscrepancyKind::StatusUnknown,
                    recall: Some(recall),
                    detail: format!(
                        "the answer to a recall says `{word}`, which the format does not know"
                    ),
                }));
            }
        };
        // A word that came late, or the same once more, changes nothing: what was agreed to may be back by now.
        let is_behind = match recall.state {
            state if state == told => true,
            S::Accepted | S::Partly | S::Refused => told == S::Pending,
            // That it cannot be given back because it is back is what we know.
            S::Over => told != S::Refused || answered.reason.as_deref() == Some(ALREADY_BACK),
            _ => false,
        };
        if is_behind {
            seen.insert(recall.number, recall);
            return Ok(None);
        }
        if recall.state == S::Confirmed
            && !self.recall_was_there(changes, &mut recall, answer, seen).await?
        {
            return Ok(Some(Unfit {
                kind: DiscrepancyKind::Contradiction,
                recall: Some(recall),
                detail: "the partner answers a recall that has not left; nothing was changed"
                    .to_owned(),
            }));
        }
        let Ok(to) = recall.state.apply(event) else {
            let detail = format!(
                "the partner says {told} of a recall that is {}; nothing was changed",
                recall.state
            );
            let kind = DiscrepancyKind::Contradiction;
            return Ok(Some(Unfit { kind, recall: Some(recall), detail }));
        };
        let at = &answer.received_at;
        let reason = answered.reason.as_deref();
        changes.recall_answered(
            recall.number,
            (recall.state, to),
            (answer.number, item),
            reason,
            at,
        );
        changes.event(
            self.recall_leaf("recall_answered", &recall, at)
                .text("state", to.name())
                .number("answer", answer.number.0)
                .number("item", item)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        recall.state = to;
        seen.insert(recall.number, recall);
        Ok(None)
    }

    /// Whether a file of unknown fate is proved to be there by an answer to it; then the partner was asked, for
    /// everything that stands in the file.
    async fn recall_was_there(
        &self,
        changes: &mut Changes,
        recall: &mut Recall,
        answer: &Answer,
        seen: &mut BTreeMap<i64, Recall>,
    ) -> Result<bool, EngineError> {
        let request = recall.request();
        let Some(file) = self.store.recall_file(request).await? else { return Ok(false) };
        if !matches!(file.state, RecallFileState::Sending | RecallFileState::Unknown) {
            return Ok(false);
        }
        let at = &answer.received_at;
        let to = file.state.apply(RecallFileEvent::ProvedDelivered)?;
        let last = self.store.recall_delivery_last(request).await?;
        let (outcome, detail) = (DeliveryOutcome::Delivered, "proved by an answer");
        changes.recall_delivery_ended(request, last, outcome, detail, at);
        changes.recall_file_moved(request, file.state, to);
        for mut one in self.store.recalls_of_request(request).await? {
            if one.state == RecallState::Confirmed {
                one.state = one.state.apply(RecallEvent::Asked)?;
                changes.recall_asked(one.number, one.state, at);
                seen.insert(one.number, one);
            }
        }
        recall.state = recall.state.apply(RecallEvent::Asked)?;
        Ok(true)
    }

    /// Ends the recalls of orders whose money is back or was never paid out, by evidence.
    pub(super) async fn end_recalls(
        &self,
        changes: &mut Changes,
        moves: &[InstructionMove],
        answer: &Answer,
    ) -> Result<(), EngineError> {
        use InstructionState as I;
        let ended = |one: &&InstructionMove| {
            matches!(one.to, I::Returned | I::Rejected | I::Cancelled | I::ExcessReturned)
        };
        let back: BTreeSet<(PayableNo, AttemptNo)> =
            moves.iter().filter(ended).map(|one| (one.payable, one.attempt)).collect();
        let payables: BTreeSet<PayableNo> = back.iter().map(|(payable, _)| *payable).collect();
        let payables: Vec<PayableNo> = payables.into_iter().collect();
        let at = &answer.received_at;
        for recall in self.store.recalls_of_payables(&payables).await? {
            let is_open = recall.state.is_live() || recall.state == RecallState::Refused;
            if !is_open || !back.contains(&(recall.payable, recall.attempt)) {
                continue;
            }
            let to = recall.state.apply(RecallEvent::CameBack)?;
            changes.recall_ended(&recall, to, "evidence", at);
            changes.event(
                self.recall_leaf("recall_over", &recall, at)
                    .number("answer", answer.number.0)
                    .build()?
                    .as_bytes()
                    .to_vec(),
            );
        }
        Ok(())
    }
}
