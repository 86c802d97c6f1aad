//! What partners say in one word of everything that was asked back of a payment file.
//!
//! Reads: an item of an answer that names the payment file, or a case of it, and no payment.
//! Gives: the same move for every payment of that request of which the answer says nothing by itself and which has
//! no end yet.

use std::collections::{BTreeMap, BTreeSet};

use payment_formats::{Outcome as Answered, OutcomeStatus, Scope};

use super::recalls::Unfit;
use crate::domain::answer::{Answer, DiscrepancyKind};
use crate::domain::recall::{Recall, RecallState};
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

/// A word about a whole request.
pub(super) struct WholeWord<'a> {
    pub item: i64,
    pub answered: &'a Answered,
    pub request: Vec<Recall>,
}

impl Engine {
    /// The recalls of the request about which an item speaks as a whole; none when it speaks of a payment, or of
    /// what was asked back by itself. Nothing is left of it where the answer has named every payment already.
    pub(super) async fn whole_request_meant(
        &self,
        profile: &Provider,
        answered: &Answered,
        spoken: &BTreeSet<i64>,
    ) -> Result<Option<Vec<Recall>>, EngineError> {
        let names_a_payment = answered.end_to_end_id.is_some() || answered.instruction_id.is_some();
        if names_a_payment || answered.scope == Scope::Payment {
            return Ok(None);
        }
        let mut of_file = Vec::new();
        let number = answered.case_id.as_deref().map(Recall::number_in);
        if let Some(number) = number {
            let Some(number) = number else { return Ok(None) };
            let Some(recall) = self.store.recall(number).await? else { return Ok(None) };
            let case = answered.case_id.as_deref().unwrap_or_default();
            let is_case = recall.case_id(&self.recalled(&recall)) == case;
            if is_case && recall.asked_with.is_some() {
                of_file = self.store.recalls_of_request(recall.request()).await?;
            }
        } else {
            let names = [&answered.original_batch_id, &answered.original_message_id];
            let Some(name) = names.into_iter().flatten().next() else { return Ok(None) };
            let Some(file) = self.store.batch_by_message(name.trim()).await? else {
                return Ok(None);
            };
            of_file = self.store.recalls(file.cycle).await?;
            of_file.retain(|recall| recall.batch == file.number);
            // What stands around the payments that it names is said of them.
            let named = of_file.iter().any(|recall| spoken.contains(&recall.number));
            of_file.retain(|recall| recall.asked_with.is_some());
            if of_file.is_empty() && named {
                return Ok(Some(of_file));
            }
        }
        of_file.retain(|recall| recall.provider == profile.name && recall.is_in_request());
        // Asked back once more, it is the last request that is answered.
        let last = of_file.iter().map(Recall::request).max();
        of_file.retain(|recall| Some(recall.request()) == last);
        Ok((!of_file.is_empty()).then_some(of_file))
    }

    /// Moves every recall of a request that has no answer of its own.
    pub(super) async fn answer_request(
        &self,
        changes: &mut Changes,
        answer: &Answer,
        whole: WholeWord<'_>,
        spoken: &BTreeSet<i64>,
        seen: &mut BTreeMap<i64, Recall>,
    ) -> Result<Vec<Unfit>, EngineError> {
        use RecallState as S;
        let WholeWord { item, answered, request } = whole;
        let told = match &answered.status {
            // Some are given back and some are not: which, the answers about payments say.
            OutcomeStatus::RecallPartial => return Ok(vec![]),
            OutcomeStatus::RecallAccepted => S::Accepted,
            OutcomeStatus::RecallRefused => S::Refused,
            _ => S::Pending,
        };
        let mut unfit = Vec::new();
        let mut moved = 0;
        let mut against = None;
        for recall in request {
            if spoken.contains(&recall.number) {
                moved += 1;
                continue;
            }
            let recall = seen.get(&recall.number).cloned().unwrap_or(recall);
            match recall.state {
                S::Confirmed | S::Sent | S::Pending => {
                    moved += 1;
                    let found =
                        self.answer_recall(changes, answer, item, answered, recall, seen).await?;
                    let is_one = found.is_some();
                    unfit.extend(found);
                    // What is wrong with the word is wrong with it for all.
                    if is_one {
                        break;
                    }
                }
                S::Accepted | S::Partly | S::Refused
                    if told != S::Pending && told != recall.state =>
                {
                    against = Some(recall);
                }
                _ => moved += i32::from(recall.state == told),
            }
        }
        if let Some(recall) = against.filter(|_| moved == 0) {
            unfit.push(Unfit {
                kind: DiscrepancyKind::Contradiction,
                detail: format!(
                    "the partner says {told} of everything that was asked back of a file, and said {} before; nothing \
                     was changed",
                    recall.state
                ),
                recall: Some(recall),
            });
        }
        Ok(unfit)
    }
}
