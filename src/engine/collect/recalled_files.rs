//! What partners say in one word of everything that was asked back of a payment file.
//!
//! Reads: an item of an answer that names the payment file, or a case of it, and no payment.
//! Gives: the same move for every payment of that request of which the answer says nothing by itself and which has
//! no end yet.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use payment_formats::{Outcome as Answered, OutcomeStatus, Scope};

use super::recalls::Unfit;
use crate::domain::answer::{Answer, DiscrepancyKind};
use crate::domain::ids::{AttemptNo, PayableNo};
use crate::domain::recall::{Recall, RecallFileState, RecallState};
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

/// A word about a whole request.
pub(super) struct WholeWord<'a> {
    pub item: i64,
    pub answered: &'a Answered,
    pub request: Vec<Recall>,
}

/// What an answer names by items of their own, whether they say something new or not.
#[derive(Default)]
pub(super) struct NamedItself {
    recalls: HashSet<i64>,
    pub(super) orders: HashSet<(PayableNo, AttemptNo)>,
    /// Those of which it says what became of them, and not only that they are on their way.
    pub(super) decided: HashSet<(PayableNo, AttemptNo)>,
    /// It says of some payment that it was carried out, and not of which.
    pub(super) credits_somebody: bool,
    /// The same of one that was not.
    pub(super) refuses_somebody: bool,
}

impl NamedItself {
    pub fn add(&mut self, case: Option<&str>, order: Option<(PayableNo, AttemptNo)>) {
        self.recalls.extend(case.and_then(Recall::number_in));
        self.orders.extend(order);
    }

    fn has(&self, recall: &Recall) -> bool {
        self.recalls.contains(&recall.number)
            || self.orders.contains(&(recall.payable, recall.attempt))
    }
}

/// What an item is about.
pub(super) enum Meant {
    /// One payment, or one that was asked back by itself.
    One,
    /// It stands around payments that the answer names, and says no more than they do.
    Nothing,
    /// A whole request; without what the answer names by itself.
    Request(Vec<Recall>),
    /// A file that was asked back in several requests, of which more than one is open.
    Several,
}

impl Engine {
    /// Whether an item speaks of a request as a whole, and of which.
    pub(super) async fn recalls_meant(
        &self,
        profile: &Provider,
        answered: &Answered,
        named: &NamedItself,
    ) -> Result<Meant, EngineError> {
        let names_a_payment = answered.end_to_end_id.is_some() || answered.instruction_id.is_some();
        if names_a_payment || answered.scope == Scope::Payment {
            return Ok(Meant::One);
        }
        if let Some(case) = answered.case_id.as_deref() {
            // Each payment has a case of its own, so that a case is about one.
            let Some(number) = Recall::number_in(case) else { return Ok(Meant::One) };
            let of_case = self.store.recall(number).await?;
            let is_told = of_case.is_some_and(|recall| named.has(&recall));
            return Ok(if is_told { Meant::Nothing } else { Meant::One });
        }
        let names = [&answered.original_batch_id, &answered.original_message_id];
        let Some(name) = names.into_iter().flatten().next() else { return Ok(Meant::One) };
        let Some(file) = self.store.batch_by_message(name.trim()).await? else {
            return Ok(Meant::One);
        };
        let mut of_file = self.store.recalls(file.cycle).await?;
        of_file.retain(|recall| {
            recall.batch == file.number && recall.provider == profile.name && recall.is_in_request()
        });
        let requests: BTreeSet<i64> =
            of_file.iter().filter(|one| named.has(one)).map(Recall::request).collect();
        if !requests.is_empty() {
            // What stands around the payments that it names is said of the requests with which they were asked back.
            of_file.retain(|recall| {
                recall.asked_with.is_some()
                    && requests.contains(&recall.request())
                    && !named.has(recall)
            });
            return Ok(if of_file.is_empty() { Meant::Nothing } else { Meant::Request(of_file) });
        }
        of_file.retain(|recall| recall.asked_with.is_some());
        let open = self.requests_answered(&of_file).await?;
        if open.len() > 1 {
            return Ok(Meant::Several);
        }
        // Said of what has its end already, it is about the last one.
        let request = open.first().copied().or_else(|| of_file.iter().map(Recall::request).max());
        of_file.retain(|recall| Some(recall.request()) == request);
        Ok(if of_file.is_empty() { Meant::One } else { Meant::Request(of_file) })
    }

    /// The requests that have left, or may have, and of which something has no end yet.
    async fn requests_answered(&self, of_file: &[Recall]) -> Result<BTreeSet<i64>, EngineError> {
        use RecallState as S;
        let mut left = BTreeSet::new();
        let mut waiting = BTreeSet::new();
        for recall in of_file {
            match recall.state {
                S::Sent | S::Pending => _ = left.insert(recall.request()),
                S::Confirmed => _ = waiting.insert(recall.request()),
                _ => {}
            }
        }
        for request in waiting {
            let file = self.store.recall_file(request).await?;
            if file.is_some_and(|file| file.state != RecallFileState::Released) {
                left.insert(request);
            }
        }
        Ok(left)
    }

    /// Moves every recall of a request that has no answer of its own.
    pub(super) async fn answer_request(
        &self,
        changes: &mut Changes,
        answer: &Answer,
        whole: WholeWord<'_>,
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
