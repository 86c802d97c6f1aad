//! What a partner says of a file as a whole, and for which of its payments that counts.
//!
//! Reads: an item about a whole file, and every payment of that file. Gives: outcomes for the payments that nothing
//! else decides, and discrepancies where the word is not what is known of the others. A word about a whole file is a
//! weaker one than a word about a payment: what an answer says of a payment by itself stands against it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use payment_formats::{Outcome as Answered, OutcomeStatus, Scope};

use super::acknowledging::about_a_debit_of_a_rejected_file;
use super::matching::outcome;
use super::recalled_files::NamedItself;
use crate::domain::answer::{Answer, Discrepancy, DiscrepancyKind};
use crate::domain::batch::Batch;
use crate::domain::digest::Digest;
use crate::domain::ids::{AnswerNo, AttemptNo, BatchNo, CycleNo, PayableNo};
use crate::domain::instruction::{EvidenceGrade, InstructionState};
use crate::domain::outcome::{Outcome, Reported, Transaction};
use crate::engine::{Engine, EngineError, aside};

/// What follows from a word about a whole file.
#[derive(Default)]
pub(super) struct SaidOfWhole {
    pub outcomes: Vec<Outcome>,
    /// Where it is not what is known of payments.
    pub discrepancies: Vec<Discrepancy>,
    /// Nothing of the file is paid or open any more: it is refused.
    pub is_refused: bool,
}

/// Whether it decides what becomes of all payments of a file that its answer does not name.
pub(super) fn decides_whole(one: &Answered) -> bool {
    one.scope != Scope::Payment
        && matches!(one.status, OutcomeStatus::Rejected | OutcomeStatus::Credited)
}

/// Whether a word about a whole file says, or may say, what became of its payments.
pub(super) fn says_what_became_of_whole(status: &OutcomeStatus) -> bool {
    !matches!(
        status,
        OutcomeStatus::Received
            | OutcomeStatus::Accepted
            | OutcomeStatus::Mixed
            | OutcomeStatus::Announced
    )
}

/// Of which files one answer says as a whole that they were rejected, and of which that they were carried out.
#[derive(Default)]
pub(super) struct OppositeWords {
    rejected: BTreeSet<(CycleNo, BatchNo)>,
    carried_out: BTreeSet<(CycleNo, BatchNo)>,
}

impl OppositeWords {
    pub fn add(&mut self, batch: &Batch, answered: &Answered) {
        let said = match answered.status {
            OutcomeStatus::Rejected => &mut self.rejected,
            OutcomeStatus::Credited | OutcomeStatus::DebtorSettled => &mut self.carried_out,
            _ => return,
        };
        said.insert((batch.cycle, batch.number));
    }

    pub fn is_both(&self, file: &(CycleNo, BatchNo)) -> bool {
        self.rejected.contains(file) && self.carried_out.contains(file)
    }
}

/// Of the answer that is being applied, the files of which it says what became of every payment: its pages do not
/// each read all of it again.
#[derive(Default)]
pub struct DecidedFiles(Mutex<Option<OfAnswer>>);

type OfAnswer = (AnswerNo, BTreeSet<(CycleNo, BatchNo)>);

impl DecidedFiles {
    fn has(&self, answer: AnswerNo, file: &(CycleNo, BatchNo)) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().is_some_and(|(of, files)| *of == answer && files.contains(file))
    }

    fn add(&self, answer: AnswerNo, file: (CycleNo, BatchNo)) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_mut().filter(|(of, _)| *of == answer) {
            Some((_, files)) => _ = files.insert(file),
            None => *kept = Some((answer, BTreeSet::from([file]))),
        }
    }
}

impl Engine {
    /// Of which payments an answer speaks by themselves, wherever in it.
    pub(super) async fn named_by_itself(
        &self,
        answer: &Answer,
        digest: &Digest,
    ) -> Result<NamedItself, EngineError> {
        let (engine, format_id, digest) = (self.clone(), answer.format.clone(), *digest);
        aside(move || {
            let mut named = NamedItself::default();
            let Some(format) = engine.formats.read(&format_id) else { return Ok(named) };
            let file = BufReader::with_capacity(1 << 17, engine.archive.open(&digest)?);
            format
                .read(file, &mut |one| {
                    if one.scope == Scope::Payment {
                        let order = engine.our_reference(&one);
                        let is_nobodys = order.is_none();
                        named.credits_somebody |= is_nobodys
                            && matches!(
                                one.status,
                                OutcomeStatus::Credited | OutcomeStatus::DebtorSettled
                            );
                        named.refuses_somebody |= is_nobodys
                            && matches!(
                                one.status,
                                OutcomeStatus::Rejected | OutcomeStatus::Cancelled
                            );
                        let is_decided = matches!(
                            one.status,
                            OutcomeStatus::Rejected
                                | OutcomeStatus::Cancelled
                                | OutcomeStatus::Uncollected
                                | OutcomeStatus::Returned
                                | OutcomeStatus::Credited
                        );
                        named.decided.extend(order.filter(|_| is_decided));
                        named.add(None, order);
                    }
                    ControlFlow::Continue(())
                })
                .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
            Ok(named)
        })
        .await
    }

    /// One payment of a file that was rejected as a whole is proved paid: so may be those of it that nothing else
    /// is known of and of which this answer does not say what became of them. While that is open they are not ordered
    /// again.
    pub(super) async fn rest_of_rejected(
        &self,
        (answer, item): (&Answer, i64),
        file: &Batch,
        moved: &BTreeSet<(PayableNo, AttemptNo)>,
    ) -> Result<Option<Discrepancy>, EngineError> {
        let key = Some((file.cycle, file.number));
        if self.decided_files.has(answer.number, &(file.cycle, file.number)) {
            return Ok(None);
        }
        let open = self.store.discrepancies().await?;
        if open.iter().any(|(_, one)| one.kind == DiscrepancyKind::Contradiction && one.file == key)
        {
            return Ok(None);
        }
        let digest: Digest = answer.sha256.parse().map_err(|_| {
            EngineError::Inconsistent(format!("answer {} has no digest", answer.number))
        })?;
        let named = self.named_by_itself(answer, &digest).await?;
        let said_of_files = self.store.said_of_files(file.cycle).await?;
        let mut rest = self.store.orders_of_file(file).await?;
        rest.retain(|one| {
            let key = (one.payable, one.attempt);
            one.state == InstructionState::Rejected
                && one.evidence.answer.is_none_or(|by| said_of_files.contains(&by))
                && !moved.contains(&key)
                && !named.decided.contains(&key)
        });
        if rest.is_empty() {
            self.decided_files.add(answer.number, (file.cycle, file.number));
            return Ok(None);
        }
        let detail = format!(
            "a payment of {}, which was rejected as a whole, is proved paid, and so may be {} others of it that are \
             rejected; ask the partner what became of each before they are ordered again",
            file.file_name,
            rest.len()
        );
        let minor = rest.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount_minor));
        Ok(Some(Discrepancy {
            file: key,
            expected_minor: Some(minor),
            ..Discrepancy::of_item(DiscrepancyKind::Contradiction, answer, item, detail)
        }))
    }

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
        named: &NamedItself,
    ) -> Result<SaidOfWhole, EngineError> {
        use InstructionState as S;
        let is_rejected = answered.status == OutcomeStatus::Rejected;
        let reported = match is_rejected {
            true => Reported::Rejected,
            false => Reported::Paid(EvidenceGrade::ProviderResult),
        };
        let orders = self.store.orders_of_file(batch).await?;
        let said_of_files = self.store.said_of_files(batch.cycle).await?;
        let mut said = SaidOfWhole { is_refused: is_rejected, ..SaidOfWhole::default() };
        let mut refuting = (0_u64, 0_i64);
        for one in &orders {
            let key = (one.payable, one.attempt);
            // Also by an item without our reference, in an earlier page.
            let by_itself = one
                .evidence
                .answer
                .is_some_and(|by| by.0 == answer.number && !said_of_files.contains(&by));
            let is_named = by_itself || named.orders.contains(&key);
            let is_decided = one.evidence.grade == Some(EvidenceGrade::Decision);
            match (one.state, is_rejected) {
                (S::InBatch | S::Unknown, _) if is_named => {
                    said.is_refused = false;
                    continue;
                }
                (S::InBatch | S::Unknown, _) => {}
                (S::Settled | S::SettledExcess, true) => {
                    said.is_refused = false;
                    if !is_named && !is_decided {
                        refuting = (refuting.0 + 1, refuting.1.saturating_add(one.amount_minor));
                    }
                    if is_named || !is_decided {
                        continue;
                    }
                }
                _ if is_named => continue,
                // Two officers, or a word like this one, said that it was not carried out: it turns out that it was.
                (S::Rejected, false)
                    if one.evidence.answer.is_none_or(|by| said_of_files.contains(&by)) => {}
                // We took it back ourselves: of that the partner says nothing.
                (S::Cancelled, false) if one.evidence.answer.is_none() => continue,
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
        if is_rejected && said.is_refused {
            let shares = self.store.statement_shares_of(batch.cycle).await?;
            let of_file =
                shares.iter().filter(|share| share.file == Some((batch.cycle, batch.number)));
            let money = of_file.filter(|share| share.kind.is_money_of_a_file());
            if money.map(|share| i128::from(share.total_minor)).sum::<i128>() < 0 {
                said.discrepancies.push(about_a_debit_of_a_rejected_file(batch, item, answer));
            }
        }
        // Whom it means by an item without our reference nobody can tell.
        let of_others = match is_rejected {
            true if named.credits_somebody => Some(("rejected", "carried out")),
            false if named.refuses_somebody => Some(("carried out", "not carried out")),
            _ => None,
        };
        let name = &batch.file_name;
        let against = match (of_others, refuting) {
            (Some((whole, others)), _) => Some((
                None,
                format!(
                    "the answer says that {name} was {whole} as a whole, and that payments without a reference of ours \
                     were {others}; nothing was changed: ask the partner which they are"
                ),
            )),
            (None, (0, _)) => None,
            (None, (count, minor)) => Some((
                Some(minor),
                format!(
                    "the answer says that {name} was rejected as a whole, and {count} of its payments are proved paid; \
                     nothing was changed: ask the partner what became of each"
                ),
            )),
        };
        if let Some((expected_minor, detail)) = against {
            return Ok(SaidOfWhole {
                discrepancies: vec![Discrepancy {
                    file: Some((batch.cycle, batch.number)),
                    expected_minor,
                    ..Discrepancy::of_item(DiscrepancyKind::Contradiction, answer, item, detail)
                }],
                ..SaidOfWhole::default()
            });
        }
        Ok(said)
    }
}

/// Puts what was found of many payments for one item about a whole file into one: the file has it. What is to be got
/// back stays with each payment.
pub(super) fn told_of_files(
    found: Vec<Discrepancy>,
    files: &BTreeMap<i64, Batch>,
) -> Vec<Discrepancy> {
    let mut told: Vec<Discrepancy> = Vec::new();
    // Of each item its place among them, and how many payments each sentence is about.
    let mut of_items: BTreeMap<i64, (usize, BTreeMap<String, u64>)> = BTreeMap::new();
    for one in found {
        let is_one = one.instruction.is_some() && one.kind == DiscrepancyKind::Contradiction;
        let Some(file) = files.get(&one.item).filter(|_| is_one) else {
            told.push(one);
            continue;
        };
        let (item, detail) = (one.item, one.detail.clone());
        let (_, sentences) = of_items.entry(item).or_insert_with(|| {
            told.push(Discrepancy {
                instruction: None,
                file: Some((file.cycle, file.number)),
                ..one
            });
            (told.len() - 1, BTreeMap::new())
        });
        *sentences.entry(detail).or_default() += 1;
    }
    for (item, (place, sentences)) in of_items {
        let name = files.get(&item).map_or("", |file| file.file_name.as_str());
        let told_of =
            |(detail, count): (String, u64)| format!("{count} payments of {name}: {detail}");
        told[place].detail = sentences.into_iter().map(told_of).collect::<Vec<_>>().join("; ");
    }
    told
}
