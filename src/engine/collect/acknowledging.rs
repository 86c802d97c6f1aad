//! Which files an answer acknowledges: received, accepted, executed.
//!
//! An acknowledgement holds for the file that it names with the count and the total that we hold; where it
//! repeats others, it may be about another file or a part of one, and nothing of it is believed.

use std::collections::{BTreeMap, BTreeSet};

use payment_formats::{Outcome as Answered, OutcomeStatus, parse_minor};

use super::believing::coded;
use super::matching::doubted;
use crate::audit::leaf::Leaf;
use crate::domain::acknowledgement::{Acknowledgement, AcknowledgementKind};
use crate::domain::answer::{Answer, Discrepancy, DiscrepancyKind};
use crate::domain::batch::{Batch, BatchState};
use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::money::Currency;
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

/// What a status says of the file in which a payment was ordered, when the payment or the file has it.
pub(super) fn says(status: &OutcomeStatus) -> &'static [AcknowledgementKind] {
    use AcknowledgementKind as K;
    match status {
        OutcomeStatus::Received | OutcomeStatus::Review | OutcomeStatus::Unrecognised(_) => {
            &[K::Received]
        }
        OutcomeStatus::Announced
        | OutcomeStatus::RecallAccepted
        | OutcomeStatus::RecallPartial
        | OutcomeStatus::RecallPending
        | OutcomeStatus::RecallRefused => &[],
        OutcomeStatus::Accepted | OutcomeStatus::Mixed => &[K::Received, K::Accepted],
        OutcomeStatus::Rejected
        | OutcomeStatus::DebtorSettled
        | OutcomeStatus::Booked
        | OutcomeStatus::Credited
        | OutcomeStatus::Returned
        | OutcomeStatus::Reversed
        | OutcomeStatus::Cancelled
        | OutcomeStatus::Uncollected => &[K::Received, K::Accepted, K::Executed],
    }
}

/// What one page of an answer acknowledges.
#[derive(Default)]
pub(super) struct Acknowledged {
    /// By the item that says it, for payments whose file is looked up later.
    by_item: BTreeMap<i64, &'static [AcknowledgementKind]>,
    files: BTreeSet<(CycleNo, BatchNo, AcknowledgementKind)>,
}

impl Acknowledged {
    pub(super) fn item(&mut self, item: i64, status: &OutcomeStatus) {
        self.by_item.insert(item, says(status));
    }

    pub(super) fn payment(&mut self, item: i64, batch: &Batch) {
        self.file(batch, self.by_item.get(&item).copied().unwrap_or_default());
    }

    pub(super) fn file(&mut self, batch: &Batch, kinds: &[AcknowledgementKind]) {
        let may_be_there = matches!(
            batch.state,
            BatchState::Sending | BatchState::Unknown | BatchState::Delivered | BatchState::Refused
        );
        if may_be_there {
            self.files.extend(kinds.iter().map(|kind| (batch.cycle, batch.number, *kind)));
        }
    }
}

impl Engine {
    /// Puts what is acknowledged for the first time into a page's changes.
    pub(super) async fn acknowledge(
        &self,
        changes: &mut Changes,
        answer: &Answer,
        acknowledged: Acknowledged,
    ) -> Result<(), EngineError> {
        let mut known: BTreeSet<(CycleNo, BatchNo, AcknowledgementKind)> = BTreeSet::new();
        let cycles: BTreeSet<CycleNo> =
            acknowledged.files.iter().map(|(cycle, ..)| *cycle).collect();
        for cycle in cycles {
            let held = self.store.acknowledgements(cycle).await?;
            known.extend(held.iter().map(|one| (one.cycle, one.batch, one.kind)));
        }
        let mut new = Vec::new();
        for (cycle, batch, kind) in acknowledged.files.difference(&known).copied() {
            changes.event(
                Leaf::of("file_acknowledged", &answer.received_at)
                    .number("cycle", cycle.0)
                    .number("batch", batch.0)
                    .text("kind", kind.name())
                    .number("answer", answer.number.0)
                    .build()?
                    .as_bytes()
                    .to_vec(),
            );
            let at = answer.received_at.clone();
            new.push(Acknowledgement { cycle, batch, kind, at, answer: answer.number });
        }
        changes.acknowledged(&new);
        Ok(())
    }
}

/// Whether no byte of a file has left, by our books.
pub(super) fn never_left(batch: &Batch) -> bool {
    matches!(batch.state, BatchState::Created | BatchState::Released | BatchState::Withdrawn)
}

/// The discrepancy of an answer about a whole file that never left. Its payments may stand in another file:
/// whoever has this one could pay them as well, so that nothing more is sent there before it is cleared up.
pub(super) fn about_what_never_left(batch: &Batch, item: i64, answer: &Answer) -> Discrepancy {
    let detail = format!(
        "the answer is about {}, which is {} and never left; nothing was changed: ask the partner where it has \
         the file from, before it pays",
        batch.file_name, batch.state
    );
    contradicts_file(batch, item, answer, detail)
}

/// The discrepancy of an answer about a whole file of which payments leave one by one and some have not left: its
/// partner has no such file, and cannot speak of what it never got.
pub(super) fn about_what_is_half_sent(batch: &Batch, item: i64, answer: &Answer) -> Discrepancy {
    let detail = format!(
        "the answer is about {} as a whole, whose payments leave one by one and of which some have not left; \
         nothing was changed: ask the partner what it speaks of",
        batch.file_name
    );
    contradicts_file(batch, item, answer, detail)
}

/// The discrepancy of an answer that says another thing of a file as a whole than itself, or than an answer before it.
pub(super) fn about_what_is_said_both_ways(
    batch: &Batch,
    item: i64,
    answer: &Answer,
) -> Discrepancy {
    let detail = format!(
        "of {} as a whole it is said that it was rejected and that it was carried out; nothing was changed: ask the \
         partner which of the two holds",
        batch.file_name
    );
    contradicts_file(batch, item, answer, detail)
}

/// The discrepancy of a file that was rejected as a whole, and for which our account was debited.
pub(super) fn about_a_debit_of_a_rejected_file(
    batch: &Batch,
    item: i64,
    answer: &Answer,
) -> Discrepancy {
    let detail = format!(
        "{} is said to be rejected as a whole, and statements have a debit of our account for it that has not come back; \
         ask the partner which of the two holds, before its payments are ordered again",
        batch.file_name
    );
    contradicts_file(batch, item, answer, detail)
}

fn contradicts_file(batch: &Batch, item: i64, answer: &Answer, detail: String) -> Discrepancy {
    Discrepancy {
        file: Some((batch.cycle, batch.number)),
        expected_minor: Some(batch.total_minor),
        ..Discrepancy::of_item(DiscrepancyKind::Contradiction, answer, item, detail)
    }
}

/// The discrepancy of an answer about a whole file that cannot be taken at its word.
pub(super) fn about_what_is_unclear(
    batch: &Batch,
    item: i64,
    answered: &Answered,
    answer: &Answer,
) -> Discrepancy {
    let kind = DiscrepancyKind::Unclear;
    let doubt = answered.doubt.as_deref().unwrap_or_default();
    Discrepancy {
        file: Some((batch.cycle, batch.number)),
        expected_minor: Some(batch.total_minor),
        ..Discrepancy::of_item(
            kind,
            answer,
            item,
            coded(kind, &format!("of {}, {}", batch.file_name, doubted(doubt))),
        )
    }
}

/// The discrepancy of a word about a whole file that says something went wrong with it, and not what became of its
/// payments.
pub(super) fn about_what_decides_nothing(
    batch: &Batch,
    item: i64,
    answered: &Answered,
    answer: &Answer,
) -> Option<Discrepancy> {
    let (kind, what) = match answered.status {
        OutcomeStatus::Cancelled => (DiscrepancyKind::Unclear, "it is said that it was cancelled"),
        OutcomeStatus::Review => {
            (DiscrepancyKind::Unclear, "it is said that it is blocked and waits for a person")
        }
        OutcomeStatus::Unrecognised(_) => {
            (DiscrepancyKind::StatusUnknown, "it is said what no rule of the format knows")
        }
        _ => return None,
    };
    let detail = format!(
        "of {} as a whole {what}; nothing was changed: ask the partner what became of each of its payments",
        batch.file_name
    );
    Some(Discrepancy {
        file: Some((batch.cycle, batch.number)),
        expected_minor: Some(batch.total_minor),
        ..Discrepancy::of_item(kind, answer, item, coded(kind, &detail))
    })
}

impl Engine {
    /// Whether the queue has the same sentence about a file already: a partner that is asked says it anew each time.
    pub(super) async fn is_open_about(&self, found: &Discrepancy) -> Result<bool, EngineError> {
        let open = self.store.discrepancies().await?;
        Ok(open.iter().any(|(_, one)| (one.file, &one.detail) == (found.file, &found.detail)))
    }
}

/// The discrepancy of an answer about a whole file that repeats another count or total than ours.
pub(super) fn other_totals(
    batch: &Batch,
    item: i64,
    answered: &Answered,
    answer: &Answer,
    currency: Currency,
) -> Option<Discrepancy> {
    // A partner may write decimals that the currency does not have, as long as they are nought.
    let of_format = payment_formats::Currency::parse(currency.code());
    let reported = answered.original_sum.as_deref();
    let reported = reported.map(|text| of_format.and_then(|one| parse_minor(text, one).ok()));
    let count_differs = answered.original_count.is_some_and(|count| count != batch.count);
    let total_differs = reported.as_ref().is_some_and(|total| *total != Some(batch.total_minor));
    if !count_differs && !total_differs {
        return None;
    }
    let detail = format!(
        "the answer is about {}, which has {} payments, and repeats another count ({}) or total; \
         nothing was changed",
        batch.file_name,
        batch.count,
        answered.original_count.map_or_else(|| "none".to_owned(), |count| count.to_string()),
    );
    Some(Discrepancy {
        file: Some((batch.cycle, batch.number)),
        expected_minor: Some(batch.total_minor),
        reported_minor: reported.flatten(),
        ..Discrepancy::of_item(DiscrepancyKind::TotalsDiffer, answer, item, detail)
    })
}
