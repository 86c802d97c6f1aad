//! What a partner says of a file as a whole, and for which of its payments that counts.
//!
//! Reads: an item about a whole file, and every payment of that file. Gives: outcomes for the payments that nothing
//! else decides, and discrepancies where the word is not what is known of the others. A word about a whole file is a
//! weaker one than a word about a payment: what an answer says of a payment by itself stands against it.

use std::collections::{BTreeMap, HashSet};

use payment_formats::Outcome as Answered;

use super::matching::outcome;
use crate::domain::answer::{Answer, Discrepancy, DiscrepancyKind};
use crate::domain::batch::Batch;
use crate::domain::ids::{AnswerNo, AttemptNo, PayableNo, Shard};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};
use crate::engine::{Engine, EngineError};

/// What follows from a word about a whole file.
#[derive(Default)]
pub(super) struct SaidOfWhole {
    pub outcomes: Vec<Outcome>,
    /// Where it is not what is known of payments.
    pub discrepancies: Vec<Discrepancy>,
    /// What is known of its payments does not let the word be believed: the file stays what it is.
    pub is_refuted: bool,
}

impl Engine {
    /// Weighs that a file was rejected or credited as a whole. `named`: the payments of which the same answer speaks
    /// by themselves, for which a word about the whole says nothing.
    ///
    /// A rejection beside payments that are proved paid moves nothing at all: which of the others it is true of
    /// nobody can tell, and what is not rejected is not ordered again.
    pub(super) async fn said_of_whole(
        &self,
        (answer, item): (&Answer, i64),
        batch: &Batch,
        answered: &Answered,
        reported: Reported,
        named: &HashSet<(PayableNo, AttemptNo)>,
    ) -> Result<SaidOfWhole, EngineError> {
        use InstructionState as S;
        let mut orders = Vec::new();
        for shards in Shard::groups() {
            let of_file = self.store.instructions_of_batch(batch.cycle, &shards, batch.number);
            orders.extend(of_file.await?);
        }
        let by_whole = decided_by_whole_words(&orders, batch);
        let is_rejected = reported == Reported::Rejected;
        let mut said = SaidOfWhole::default();
        let mut refuting = (0_u64, 0_i64);
        for one in orders.iter().filter(|one| !named.contains(&(one.payable, one.attempt))) {
            let key = (one.payable, one.attempt);
            match (one.state, is_rejected) {
                (S::InBatch | S::Unknown, _) => {}
                (S::Settled | S::SettledExcess, true) => {
                    refuting = (refuting.0 + 1, refuting.1.saturating_add(one.amount_minor));
                    continue;
                }
                // Two officers, or a word like this one, said that it was not carried out: it turns out that it was.
                (S::Rejected, false)
                    if one.evidence.answer.is_none_or(|by| by_whole.contains(&by)) => {}
                (S::Rejected | S::Cancelled, false) => {
                    let detail = format!(
                        "the answer says that {} was carried out as a whole, and this payment was reported by itself as \
                         not carried out, which stands; ask the partner whether it was paid",
                        batch.file_name
                    );
                    said.discrepancies.push(Discrepancy {
                        instruction: Some(key),
                        expected_minor: Some(one.amount_minor),
                        ..Discrepancy::of_item(DiscrepancyKind::Contradiction, answer, item, detail)
                    });
                    continue;
                }
                (S::Rejected | S::Cancelled | S::Returned | S::ExcessReturned, true)
                | (S::Settled | S::SettledExcess | S::Returned | S::ExcessReturned, false) => {
                    continue;
                }
            }
            let currency = self.config.currency.code();
            said.outcomes.push(Outcome {
                amount: None,
                transaction: Transaction::None,
                ..outcome(item, key, answered, reported, currency)
            });
        }
        if refuting.0 > 0 {
            let detail = format!(
                "the answer says that {} was rejected as a whole, and {} of its payments are proved paid; nothing was \
                 changed: ask the partner what became of each",
                batch.file_name, refuting.0
            );
            let discrepancy = Discrepancy {
                file: Some((batch.cycle, batch.number)),
                expected_minor: Some(refuting.1),
                ..Discrepancy::of_item(DiscrepancyKind::Contradiction, answer, item, detail)
            };
            return Ok(SaidOfWhole {
                outcomes: Vec::new(),
                discrepancies: vec![discrepancy],
                is_refuted: true,
            });
        }
        Ok(said)
    }
}

/// The items by which several payments of a file were decided at once, or its only one.
fn decided_by_whole_words(orders: &[Instruction], batch: &Batch) -> HashSet<(AnswerNo, i64)> {
    let mut times: BTreeMap<(AnswerNo, i64), u64> = BTreeMap::new();
    for by in orders.iter().filter_map(|one| one.evidence.answer) {
        *times.entry(by).or_default() += 1;
    }
    let several = times.into_iter().filter(|(_, times)| *times > 1 || batch.count == 1);
    several.map(|(by, _)| by).collect()
}

/// Puts what was found of many payments for one item about a whole file into one: the file has it. What is to be got
/// back stays with each payment.
pub(super) fn told_of_files(
    found: Vec<Discrepancy>,
    files: &BTreeMap<i64, Batch>,
) -> Vec<Discrepancy> {
    let mut told: Vec<Discrepancy> = Vec::new();
    let mut places: BTreeMap<(i64, String), (usize, u64)> = BTreeMap::new();
    for one in found {
        let file = files
            .get(&one.item)
            .filter(|_| one.instruction.is_some() && one.kind == DiscrepancyKind::Contradiction);
        let Some(file) = file else {
            told.push(one);
            continue;
        };
        match places.get_mut(&(one.item, one.detail.clone())) {
            Some((_, count)) => *count += 1,
            None => {
                places.insert((one.item, one.detail.clone()), (told.len(), 1));
                told.push(Discrepancy {
                    instruction: None,
                    file: Some((file.cycle, file.number)),
                    ..one
                });
            }
        }
    }
    for ((item, detail), (place, count)) in places {
        let name = files.get(&item).map_or("", |file| file.file_name.as_str());
        told[place].detail = format!("{count} payments of {name}: {detail}");
    }
    told
}
