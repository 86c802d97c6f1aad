//! Asks what became of payments that left one by one, keeps what is said, and says which may go again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use serde_json::json;

use super::lines::{Covered, Key, Line, OfLine, window_lines};
use super::not_left::{STATUS, kept_as};
use super::requests::asked_about;
use crate::channels::Reason;
use crate::channels::one_by_one::{OneByOne, Reply, RequestTerms};
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::ids::{BatchNo, Shard};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::engine::lease::Lease;
use crate::engine::{Engine, EngineError};

/// So long before the end of its time a key is not relied on any more: a request may have to wait.
const KEY_MARGIN_SECONDS: i64 = 15 * 60;
/// For how long one collection asks one partner.
const POLLED_FOR_MAX: Duration = Duration::from_secs(60);

impl Engine {
    /// Batches that left line by line, of which some payment is unknown.
    pub(in crate::engine) async fn unknown_one_by_one(&self) -> Result<Vec<Batch>, EngineError> {
        let mut found = Vec::new();
        for cycle in self.store.cycles().await? {
            if cycle.state != CycleState::Settling {
                continue;
            }
            let of_cycle = self.store.batches_one_by_one(cycle.number).await?;
            if of_cycle.is_empty() {
                continue;
            }
            let sums = self.store.instruction_sums(cycle.number).await?;
            for batch in self.store.batches(cycle.number).await? {
                let is_unknown = sums
                    .iter()
                    .any(|sum| sum.batch == batch.number && sum.state == InstructionState::Unknown);
                if batch.state == BatchState::Delivered
                    && of_cycle.contains(&batch.number)
                    && is_unknown
                    && self.partner_of(&batch).is_some()
                {
                    found.push(batch);
                }
            }
        }
        Ok(found)
    }

    pub(super) fn partner_of(&self, batch: &Batch) -> Option<Arc<dyn OneByOne>> {
        self.channels.get(&batch.provider).and_then(|channel| channel.one_by_one())
    }

    /// Asks what became of payments that left one by one and have no outcome, and keeps what is said; after the
    /// open cycles, and once a day, of those that were unknown when their cycle was closed. Under the lease of the
    /// partner's dispatcher, so that its quota holds over both.
    pub(in crate::engine) async fn poll_one_by_one(&self) -> Result<(), EngineError> {
        let cycles = self.store.cycles().await?;
        let mut polled_since: BTreeMap<String, Instant> = BTreeMap::new();
        for state in [CycleState::Settling, CycleState::Closed] {
            for cycle in cycles.iter().filter(|cycle| cycle.state == state) {
                // Nothing else of a closed cycle is without an outcome.
                if state == CycleState::Settling || self.store.suspense(cycle.number).await?.0 > 0 {
                    self.poll_cycle(cycle, &mut polled_since).await?;
                }
            }
        }
        Ok(())
    }

    async fn poll_cycle(
        &self,
        cycle: &Cycle,
        polled_since: &mut BTreeMap<String, Instant>,
    ) -> Result<(), EngineError> {
        let of_cycle = self.store.batches_one_by_one(cycle.number).await?;
        let today = self.clock.today().to_string();
        let mut asked = Vec::new();
        for batch in self.store.batches(cycle.number).await? {
            let Some(partner) = self.partner_of(&batch) else { continue };
            let left = batch.state == BatchState::Delivered && of_cycle.contains(&batch.number);
            if !left || !partner.terms().can_be_asked {
                continue;
            }
            let was_asked = cycle.state == CycleState::Closed
                && self
                    .store
                    .was_answered_on(&batch.provider, &kept_as(&batch, STATUS), &today)
                    .await?;
            if !was_asked {
                asked.push((batch, partner));
            }
        }
        if asked.is_empty() {
            return Ok(());
        }
        let mut open: BTreeMap<BatchNo, Vec<Instruction>> = BTreeMap::new();
        for shards in Shard::groups() {
            let (cycle, store) = (cycle.number, &self.store);
            let mut orders = store.instructions_without_outcome(cycle, &shards).await?;
            orders.extend(store.instructions_unknown(cycle, &shards).await?);
            for one in orders {
                if asked.iter().any(|(batch, _)| batch.number == one.batch) {
                    open.entry(one.batch).or_default().push(one);
                }
            }
        }
        for (batch, partner) in asked {
            let Some(open) = open.remove(&batch.number) else { continue };
            // Whoever dispatches to it now asks as well.
            let Ok(lease) = self.lease(&format!("dispatch:{}", batch.provider)).await? else {
                continue;
            };
            let since = *polled_since.entry(batch.provider.clone()).or_insert_with(Instant::now);
            let polled = self.poll(&lease, &batch, &partner, (open, since)).await;
            self.give_back(lease).await?;
            polled?;
        }
        Ok(())
    }

    /// Whoever was heard of longest ago is asked first, and for no longer than a while: the same lease is wanted by
    /// files that have to leave.
    async fn poll(
        &self,
        lease: &Lease,
        batch: &Batch,
        partner: &Arc<dyn OneByOne>,
        (mut open, since): (Vec<Instruction>, Instant),
    ) -> Result<(), EngineError> {
        open.sort_by_key(|one| one.evidence.answer);
        let lines = open.iter().map(|one| Line {
            number: 0,
            bytes: Vec::new(),
            reference: self.reference(one).to_string(),
            key: (one.payable, one.attempt),
            known_by_key_since: None,
        });
        let lines: Vec<Line> = lines.collect();
        for page in lines.chunks(window_lines(&partner.terms())) {
            let asking = asked_about(partner, page.to_vec());
            let replies = self.while_held(lease, asking).await?;
            self.keep_replies(batch, STATUS, &replies).await?;
            // A partner that is not there is not asked a thousand times.
            let is_away = replies.iter().any(|(_, reply)| matches!(reply, Reply::NotSent(_)));
            if is_away || since.elapsed() > POLLED_FOR_MAX {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks about unknown lines, and gives those that may go again: the same bytes under the same key.
    pub(super) async fn ask_again(
        &self,
        lease: &Lease,
        batch: &Batch,
        partner: &Arc<dyn OneByOne>,
        lines: Vec<Line>,
        covered: &Covered,
    ) -> Result<Vec<Line>, EngineError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let terms = partner.terms();
        let replies = match terms.can_be_asked {
            true => {
                let asking = asked_about(partner, lines);
                self.while_held(lease, asking).await?
            }
            false => {
                let nobody = || Reply::Unknown(Reason::new("partner_cannot_be_asked", "not asked"));
                lines.into_iter().map(|line| (line, nobody())).collect()
            }
        };
        let answered = self.keep_replies(batch, STATUS, &replies).await?.keys;
        self.apply_waiting().await?;
        let now = self.clock.now();
        // What is asked back by now does not go again.
        let asked_back = self.store.asked_back_of(batch).await?;
        let open = replies
            .into_iter()
            .filter(|(line, _)| !answered.contains(&line.key) && !asked_back.contains(&line.key));
        Ok(open
            .filter_map(|(mut line, reply)| {
                let of_line = covered.of_line(line.number);
                let is_absent = matches!(reply, Reply::Absent);
                match may_go_again(&of_line, is_absent, now, &terms)? {
                    Again::Absent => {}
                    Again::ByItsKey(since) => line.known_by_key_since = Some(since),
                }
                Some(line)
            })
            .collect())
    }

    /// Keeps what was said as an answer: archived, a line for each. What the format cannot read is kept
    /// beside it and refused as a file of its own; its payment stays unknown. Gives whose words were kept.
    /// No lease is asked for: what a partner has said is evidence, whoever heard it.
    pub(super) async fn keep_replies(
        &self,
        batch: &Batch,
        asked: &'static str,
        replies: &[(Line, Reply)],
    ) -> Result<Kept, EngineError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut kept = Kept::default();
        for (line, reply) in replies {
            let Reply::Said { http, body } = reply else { continue };
            let head = json!({
                "reference": line.reference, "asked": asked, "http": http, "at": self.stamp(),
            });
            let text = line_of(&head, body);
            let words = self.words_of(&batch.provider, text.as_bytes())?;
            match words {
                Some(words) if *http != NOT_FOUND || words.iter().all(Option::is_none) => {
                    good.extend_from_slice(text.as_bytes());
                    kept.keys.push(line.key);
                }
                // What is not there and says nothing of the payment, no status and not our reference, is a path.
                Some(words)
                    if words.iter().flatten().all(String::is_empty)
                        && !body.contains(&line.reference) =>
                {
                    kept.about_the_path.push(line.key);
                }
                Some(_) | None => bad.extend_from_slice(text.as_bytes()),
            }
        }
        let shown = kept_as(batch, asked);
        if !good.is_empty() {
            self.keep_answer(&batch.provider, good, &shown).await?;
        }
        if !bad.is_empty() {
            match self.keep_answer(&batch.provider, bad, &shown).await {
                Err(EngineError::Refused { .. }) => {}
                kept => kept?,
            }
        }
        Ok(kept)
    }
}

/// A line of an answer that tells what was said: what we know of it, and its body as it came. Outside of texts, which
/// have none, a JSON object means the same without line breaks.
pub(in crate::engine) fn line_of(head: &serde_json::Value, body: &str) -> String {
    let head = head.to_string();
    let body = body.replace(['\n', '\r'], " ");
    format!("{},\"body\":{body}}}\n", head.trim_end_matches('}'))
}

/// The status under which a partner says that something is not there.
const NOT_FOUND: u16 = 404;

/// Of replies, whose words were kept as an answer, and which are about a path that is not there and no payment.
#[derive(Default)]
pub(super) struct Kept {
    pub keys: Vec<Key>,
    pub about_the_path: Vec<Key>,
}

/// Why an unknown line may go again.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Again {
    /// It is proved not to be there.
    Absent,
    /// The partner knows its key, which first went at this moment.
    ByItsKey(Arc<str>),
}

/// Whether an unknown line may go again, and why. A key that the partner still knows makes it harmless. Absence
/// is proof only where that was agreed, and where nobody can be sending it still: a window whose process
/// was stopped may go on when that process does.
fn may_go_again(
    of_line: &OfLine,
    is_absent: bool,
    now: DateTime,
    terms: &RequestTerms,
) -> Option<Again> {
    if is_absent && terms.not_found_is_proof && !of_line.lost {
        return Some(Again::Absent);
    }
    let since = of_line.first_at.clone()?;
    key_is_known(&since, now, terms).then_some(Again::ByItsKey(since))
}

/// Whether the partner still knows a key that first went to it in a window begun then. A clock that was
/// turned back tells nothing, and nothing is repeated on its word.
pub(super) fn key_is_known(began: &str, now: DateTime, terms: &RequestTerms) -> bool {
    let Some(hours) = terms.idempotency_hours else { return false };
    let began = began.get(..19).and_then(|text| text.parse::<DateTime>().ok());
    let Some(elapsed) = began.map(|began| now.duration_since(began)) else { return false };
    let good_for = i64::from(hours) * 3600 - KEY_MARGIN_SECONDS;
    !elapsed.is_negative() && elapsed.as_secs() < good_for
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(hours: Option<u32>, not_found_is_proof: bool) -> RequestTerms {
        RequestTerms {
            per_second: 1,
            concurrency: 1,
            idempotency_hours: hours,
            not_found_is_proof,
            can_be_asked: true,
        }
    }

    #[test]
    fn a_key_is_repeated_inside_its_hours_alone() {
        let began = "2026-11-02T08:00:00+07:00";
        for (now, hours, known) in [
            ("2026-11-02T08:00:00", Some(24), true),
            ("2026-11-03T07:44:59", Some(24), true),
            ("2026-11-03T07:45:00", Some(24), false),
            ("2026-11-02T07:59:59", Some(24), false),
            ("2026-11-02T08:00:01", None, false),
        ] {
            let now = now.parse().unwrap();
            assert_eq!(key_is_known(began, now, &terms(hours, false)), known, "{now} {hours:?}");
        }
        assert!(!key_is_known("yesterday", began[..19].parse().unwrap(), &terms(Some(24), false)));
    }

    #[test]
    fn what_is_absent_goes_again_where_that_is_proof_and_nobody_can_be_sending() {
        let now = "2026-11-02T09:00:00".parse().unwrap();
        let of_line = |lost| OfLine { first_at: Some("2026-11-02T08:00:00+07:00".into()), lost };
        let by_key = || Some(Again::ByItsKey("2026-11-02T08:00:00+07:00".into()));
        for (lost, absent, hours, agreed, again) in [
            (false, true, None, true, Some(Again::Absent)),
            (false, true, Some(24), true, Some(Again::Absent)),
            (false, false, None, true, None),
            (false, true, None, false, None),
            (true, true, None, true, None),
            (true, true, Some(24), true, by_key()),
            (true, false, Some(24), false, by_key()),
        ] {
            let told = may_go_again(&of_line(lost), absent, now, &terms(hours, agreed));
            assert_eq!(told, again, "{lost} {absent} {hours:?} {agreed}");
        }
    }
}
