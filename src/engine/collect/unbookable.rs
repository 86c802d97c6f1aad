//! What an answer says of one payment and cannot be booked keeps nothing else of its file out.
//!
//! Reads: a page of an answer. Gives: its items booked in one commit, or, where a rule of the store forbids
//! that, in parts, down to the item that breaks it: that one waits in the queue, with the rule in words.

use payment_formats::Outcome as Answered;

use super::applying::Page;
use crate::domain::answer::{Answer, AnswerState, Discrepancy, DiscrepancyKind};
use crate::domain::outcome::Outcome;
use crate::engine::collect::recalled_files::NamedItself;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::store::{StoreError, rule_told};

impl Engine {
    /// Books what a page says of payments. Counts in the answer how far it is applied, and how many items said
    /// once more what was known.
    pub(super) async fn apply_payments(
        &self,
        profile: &Provider,
        answer: &mut Answer,
        payments: Vec<(i64, Answered)>,
    ) -> Result<(), EngineError> {
        let mut parts = vec![payments];
        while let Some(mut part) = parts.pop() {
            let Some(to) = part.last().map(|(item, _)| *item) else { continue };
            let page = |items: &[(i64, Answered)], unbookable: Option<String>| Page {
                items: items.to_vec(),
                to,
                state: AnswerState::Applying,
                unbookable,
                named: NamedItself::default(),
            };
            let mut booked = self.apply_page(profile, answer, page(&part, None)).await;
            if part.len() > 1 && booked.as_ref().err().and_then(rule_broken).is_some() {
                let rest = part.split_off(part.len() / 2);
                parts.extend([rest, part]);
                continue;
            }
            // Another command may have changed the same rows first: what is so no more is booked now.
            if booked.as_ref().err().and_then(rule_broken).is_some() {
                booked = self.apply_page(profile, answer, page(&part, None)).await;
            }
            if let Some(rule) = booked.as_ref().err().and_then(rule_broken) {
                tracing::warn!(
                    answer = answer.number.0,
                    item = to,
                    rule,
                    "an item cannot be booked"
                );
                booked = self.apply_page(profile, answer, page(&part, Some(rule))).await;
            }
            answer.repeated += booked?;
            answer.applied = to;
        }
        Ok(())
    }
}

/// The rule that stored rows or the state tables set against a commit; nothing of it was written.
fn rule_broken(error: &EngineError) -> Option<String> {
    match error {
        EngineError::Store(StoreError::Conflict { rule }) => Some(rule_told(rule).to_owned()),
        EngineError::Transition(error) => Some(error.to_string()),
        _ => None,
    }
}

/// For the queue: what was told of a payment and is not booked.
pub(super) fn not_booked(outcome: &Outcome, rule: &str, answer: &Answer) -> Discrepancy {
    let kind = DiscrepancyKind::NotBooked;
    let code = kind.code().unwrap_or_default();
    Discrepancy {
        instruction: Some((outcome.payable, outcome.attempt)),
        reported_minor: outcome.amount.clone().and_then(Result::ok),
        ..Discrepancy::of_item(
            kind,
            answer,
            outcome.item,
            format!("{code}: it is not booked ({rule}); see: chitra audit verify"),
        )
    }
}
