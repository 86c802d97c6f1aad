//! What must stand in the database by what the log says: the entries are taken one after another, and each
//! says something of rows.
//!
//! Reads: entries in their order. Gives: facts by kind and key, the sums of what was written about money, and
//! which cycles they are whole for. A field of which no entry says anything is not there, and is not compared:
//! entries of earlier programs say less.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::leaf::{Leaf, LeafError};
use crate::domain::digest::Digest;
use crate::domain::fact::FactKind;
use crate::domain::ids::{EndToEndId, OfficePrefix};
use crate::domain::period::Period;

/// What a step wrote of money and states, in words: the entry that every such step leaves beside its own.
pub const ROWS_WRITTEN: &str = "rows_written";

/// The fields of a fact that the log speaks of.
pub type Fields = BTreeMap<&'static str, String>;

/// What was written about the money of one cycle in one shard.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct MoneySum {
    pub rows: i64,
    pub sum: u128,
}

impl MoneySum {
    /// Adds the numbers of some rows; what goes is what must be added to come back to where it was.
    pub fn add(&mut self, rows: i64, sum: u128) {
        self.rows += rows;
        self.sum = self.sum.wrapping_add(sum);
    }
}

/// Money to be got back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owed {
    pub token: String,
    pub cycle: i64,
    pub order: String,
}

#[derive(Default)]
pub struct Standing {
    pub facts: BTreeMap<(FactKind, String), Fields>,
    /// By cycle and shard.
    pub money: BTreeMap<(i64, u8), MoneySum>,
    /// By cycle and shard, of the ways of payables.
    ways: BTreeMap<(i64, u8), MoneySum>,
    /// Cycles of which every payable has the line of its way in the log.
    ways_told: BTreeSet<i64>,
    pub owed: BTreeMap<i64, Owed>,
    /// Receivables that stand on a death whose evidence was found wrong.
    pub set_aside: BTreeSet<i64>,
    /// By cycle and shard, and by the cycle whose computation did it.
    claims: BTreeMap<(i64, u8, i64), MoneySum>,
    /// Cycles of which every claim has its line in the log.
    claims_told: BTreeSet<i64>,
    /// What was kept of each answer, by its number and what of it.
    kept: BTreeMap<(i64, String), MoneySum>,
    /// Answers of which everything that is kept has its line in the log.
    kept_told: BTreeSet<i64>,
    /// Cycles of which every row of money has its line in the log.
    pub whole: BTreeSet<i64>,
    /// True when a cycle was opened by a program that wrote no such lines.
    pub has_older: bool,
    opened: BTreeSet<i64>,
    /// How often each order was proposed to be stopped.
    stops: BTreeMap<String, u64>,
}

impl Standing {
    /// Takes the next entry. References of orders begin with the office's prefix.
    pub fn entry(&mut self, bytes: &[u8], prefix: &OfficePrefix) -> Result<(), LeafError> {
        let (_, value) = Leaf::parse(bytes)?;
        let said = Said(&value);
        match said.text("event").as_str() {
            ROWS_WRITTEN => self.rows_written(&said),
            event => self.event(event, &said, prefix),
        }
        Ok(())
    }

    /// Ends the reading.
    pub fn ended(&mut self) {
        self.has_older = self.opened.iter().any(|cycle| !self.whole.contains(cycle));
    }

    /// Whether an earlier program opened a cycle, and said nothing of its claims.
    pub fn says_nothing_of_claims(&self, cycle: i64) -> bool {
        self.opened.contains(&cycle) && !self.claims_told.contains(&cycle)
    }

    /// Whether an earlier program opened a cycle, and said nothing of the ways of its payables.
    pub fn says_nothing_of_ways(&self, cycle: i64) -> bool {
        self.opened.contains(&cycle) && !self.ways_told.contains(&cycle)
    }

    /// What must stand of the ways of payables, by cycle and shard.
    pub fn way_sums(&self) -> BTreeMap<(i64, u8), MoneySum> {
        let told = self.ways.iter().filter(|((cycle, _), _)| self.ways_told.contains(cycle));
        told.map(|(key, ways)| (*key, *ways)).collect()
    }

    /// What must stand of the claims of each cycle and shard.
    pub fn claim_sums(&self) -> BTreeMap<(i64, u8), MoneySum> {
        let mut sums: BTreeMap<(i64, u8), MoneySum> = BTreeMap::new();
        for ((cycle, shard, _), one) in &self.claims {
            let claims = sums.entry((*cycle, *shard)).or_default();
            claims.add(one.rows, one.sum);
        }
        sums
    }

    /// Whether everything that is kept of an answer has its line in the log.
    pub fn says_what_is_kept_of(&self, answer: i64) -> bool {
        self.kept_told.contains(&answer)
    }

    /// What must stand of what was kept of answers.
    pub fn kept_sums(&self) -> BTreeMap<(i64, String), MoneySum> {
        let told = self.kept.iter().filter(|((answer, _), _)| self.kept_told.contains(answer));
        told.map(|(key, kept)| (key.clone(), *kept)).collect()
    }

    /// The digests of the files that were archived when they were taken in, and what each is.
    pub fn archived(&self) -> BTreeMap<String, String> {
        let digests = self.facts.iter().filter_map(|((kind, key), fields)| {
            let field = |name: &str| fields.get(name).filter(|text| !text.is_empty()).cloned();
            let digest = match kind {
                FactKind::Import | FactKind::Answer | FactKind::SealedCopy => field("sha256")?,
                FactKind::FileSignature => field("signature_sha256")?,
                FactKind::SealedAnswer => key.clone(),
                _ => return None,
            };
            Some((digest, format!("{kind} {key}")))
        });
        digests.collect()
    }

    fn set(&mut self, kind: FactKind, key: String, fields: &[(&'static str, String)]) {
        self.facts.entry((kind, key)).or_default().extend(fields.iter().cloned());
    }

    fn add(&mut self, kind: FactKind, key: String, field: &'static str, more: i64) {
        let counted = self.facts.entry((kind, key)).or_default().entry(field).or_default();
        *counted = (counted.parse().unwrap_or(0) + more).to_string();
    }

    fn event(&mut self, event: &str, said: &Said<'_>, prefix: &OfficePrefix) {
        use FactKind as K;
        let (list, file) = (said.key(&["cycle", "list"]), said.key(&["cycle", "batch"]));
        let is = |field: &'static str| (field, said.text(field));
        let by = |field: &'static str| (field, said.text("officer"));
        let none = |field: &'static str| (field, String::new());
        match event {
            "officer_enrolled" => self.set(
                K::Officer,
                said.text("officer"),
                &[is("role"), is("public_key"), ("standing", "registered".to_owned())],
            ),
            "officer_ended" => {
                self.set(K::Officer, said.text("ended"), &[("standing", "ended".to_owned())])
            }
            "roster_taken_in" | "identity_taken_in" | "roster_imported" | "identity_imported" => {
                let kind = event.split('_').next().unwrap_or_default().to_owned();
                let who = if event.ends_with("_taken_in") { "officer" } else { "by" };
                self.set(
                    K::Import,
                    said.text("import"),
                    &[
                        ("kind", kind),
                        ("period", said.period("period")),
                        is("sha256"),
                        is("rows"),
                        is("refused"),
                        ("by", said.text(who)),
                    ],
                );
            }
            "cycle_opened" => {
                self.opened.insert(said.number("cycle"));
                self.set(
                    K::Cycle,
                    said.text("cycle"),
                    &[
                        ("period", said.period("period")),
                        is("kind"),
                        is("roster_import"),
                        is("identity_import"),
                        is("law_known_at"),
                        by("opened_by"),
                        none("cancelled_for"),
                    ],
                );
                // Earlier programs did not say them here.
                for later in ["value_date", "currency", "history_from"].map(is) {
                    if !later.1.is_empty() {
                        self.set(K::Cycle, said.text("cycle"), &[later]);
                    }
                }
            }
            "cycle_cancelled" => {
                self.set(K::Cycle, said.text("cycle"), &[("cancelled_for", said.text("reason"))])
            }
            "list_sealed" => {
                self.set(K::List, list, &[is("digest"), ("body", said.text("digest"))]);
            }
            "list_submitted" | "list_signed" => self.set(
                K::Signature,
                said.key(&["cycle", "list", "digest", "officer"]),
                &[
                    is("act"),
                    is("signature"),
                    ("signed_at", said.text("at")),
                    ("standing", "valid".to_owned()),
                ],
            ),
            "approval_voided" => {
                let of_list = format!("{list}/");
                let from = (K::Signature, of_list.clone());
                for ((kind, key), fields) in self.facts.range_mut(from..) {
                    if *kind != K::Signature || !key.starts_with(&of_list) {
                        break;
                    }
                    fields.insert("standing", "void".to_owned());
                }
            }
            "file_sealed" => {
                self.set(K::SealedCopy, file, &[("sha256", said.text("sealed_sha256"))]);
            }
            "file_signed" => {
                let key = said.text("sha256");
                self.set(K::FileSignature, key, &[is("signature_sha256")]);
            }
            "delivery_started" => self.set(
                K::Delivery,
                said.key(&["cycle", "batch", "delivery"]),
                &[("outcome", "started".to_owned())],
            ),
            "delivery_ended" => {
                self.set(K::Delivery, said.key(&["cycle", "batch", "delivery"]), &[is("outcome")]);
            }
            "window_started" => self.set(
                K::Window,
                said.key(&["cycle", "batch", "window"]),
                &[("outcome", "started".to_owned()), ("unsent", Digest::of(b"").to_string())],
            ),
            "window_ended" | "window_lost" => self.set(
                K::Window,
                said.key(&["cycle", "batch", "window"]),
                &[
                    ("outcome", event.trim_start_matches("window_").to_owned()),
                    ("unsent", said.text("unsent_lines")),
                ],
            ),
            "file_acknowledged" => {
                self.set(
                    K::Acknowledgement,
                    said.key(&["cycle", "batch", "kind"]),
                    &[is("answer")],
                );
            }
            "answer_received" => self.set(
                K::Answer,
                said.text("answer"),
                &[is("provider"), is("sha256"), is("items"), ("applied", "0".to_owned())],
            ),
            "answer_applied" => {
                self.set(K::Answer, said.text("answer"), &[("applied", said.text("to_item"))]);
                self.queued(said, said.number("discrepancies"));
            }
            "statement_taken" => {
                self.set(
                    K::Statement,
                    said.text("statement"),
                    &[is("answer"), is("opening_minor"), is("closing_minor"), is("entries")],
                );
                self.queued(said, said.number("unexplained") + said.number("contradictions"));
            }
            "answer_refused" => {
                self.set(
                    K::RefusedAnswer,
                    said.text("answer"),
                    &[is("provider"), is("sha256"), is("code")],
                );
                self.queued(said, 1);
            }
            "answer_opened" => {
                let key = said.text("sealed_sha256");
                self.set(K::SealedAnswer, key, &[is("sha256"), is("provider")]);
            }
            "discrepancy_resolved" => {
                let key = said.text("discrepancy");
                self.set(K::ResolvedDiscrepancy, key, &[is("officer"), is("reason")]);
            }
            "hold_resolved" | "hold_release_proposed" => {
                let persons = if event == "hold_resolved" { "1" } else { "2" };
                let number = said.text("resolution");
                // Of what an earlier program wrote, and of payables, nothing is kept.
                let seen = from_letters(&said.text("seen"));
                // Whom it is about: earlier programs did not say it.
                if let Some(subject) = from_letters(&said.text("subject")) {
                    let subject = (subject as i64).to_string();
                    self.set(K::Hold, number.clone(), &[("subject", subject)]);
                }
                self.set(
                    K::Hold,
                    number,
                    &[
                        is("code"),
                        is("decision"),
                        ("valid_to", said.period("valid_to")),
                        is("reason"),
                        is("officer"),
                        ("persons", persons.to_owned()),
                        none("confirmed_by"),
                        ("seen", seen.map_or_else(String::new, |seen| (seen as i64).to_string())),
                    ],
                );
            }
            "hold_release_confirmed" => {
                self.set(K::Hold, said.text("resolution"), &[by("confirmed_by")]);
            }
            "fates_proposed" => self.set(
                K::Fate,
                said.text("decision"),
                &[is("count"), is("verdict"), is("officer")],
            ),
            "fates_confirmed" => {
                let key = said.key(&["cycle", "officer", "at"]);
                self.add(K::ConfirmedFates, key.clone(), "paid", said.number("paid"));
                self.add(K::ConfirmedFates, key, "not_paid", said.number("not_paid"));
            }
            "stop_proposed" => {
                for order in said.orders(prefix) {
                    let nth = self.stops.entry(order.clone()).or_default();
                    *nth += 1;
                    let key = format!("{order}/{nth}");
                    let proposed = ("state", "proposed".to_owned());
                    let fields =
                        [is("at"), proposed, is("officer"), is("reason"), none("ended_by")];
                    self.set(K::Stop, key, &fields);
                }
            }
            "stop_confirmed" | "stop_refused" => {
                let state = event.trim_start_matches("stop_").to_owned();
                for order in said.orders(prefix) {
                    if let Some(nth) = self.stops.get(&order) {
                        let key = format!("{order}/{nth}");
                        self.set(K::Stop, key, &[("state", state.clone()), by("ended_by")]);
                    }
                }
            }
            "heir_proposed" => self.set(
                K::Heir,
                said.text("heir"),
                &[
                    is("record"),
                    ("state", "proposed".to_owned()),
                    is("officer"),
                    none("confirmed_by"),
                    none("withdrawn_by"),
                    none("reason"),
                ],
            ),
            "heir_confirmed" => self.set(
                K::Heir,
                said.text("heir"),
                &[("state", "confirmed".to_owned()), by("confirmed_by")],
            ),
            "heir_withdrawn" => self.set(
                K::Heir,
                said.text("heir"),
                &[("state", "withdrawn".to_owned()), by("withdrawn_by"), is("reason")],
            ),
            "halt_put" => {
                self.set(
                    K::HaltByHand,
                    said.text("halt"),
                    &[is("scope"), is("cause"), is("officer")],
                );
            }
            "provider_halted" => {
                let scope = format!("provider:{}", said.text("provider"));
                self.set(K::HaltByEvidence, scope, &[]);
                self.facts.remove(&(K::LiftedHalt, said.text("void_lift")));
            }
            "halt_lift_agreed" => self.set(
                K::LiftedHalt,
                said.text("halt"),
                &[by("first_lift_by"), none("second_lift_by"), ("standing", "in force".to_owned())],
            ),
            "halt_lifted" => self.set(
                K::LiftedHalt,
                said.text("halt"),
                &[by("second_lift_by"), ("standing", "lifted".to_owned())],
            ),
            "funds_recorded" | "funds_given_back" => self.set(
                K::Funds,
                said.text("funds"),
                &[
                    is("provider"),
                    is("amount_minor"),
                    is("cleared_on"),
                    is("reference"),
                    is("officer"),
                    ("given_back", i64::from(event == "funds_given_back").to_string()),
                ],
            ),
            "receivable_received" => self.set(
                K::Receipt,
                said.receipt("counts"),
                &[
                    is("amount_minor"),
                    is("source"),
                    is("officer"),
                    none("take_back_reason"),
                    none("take_back_proposed_by"),
                    none("taken_back_by"),
                ],
            ),
            "receipt_take_back_proposed" => self.set(
                K::Receipt,
                said.receipt("counts"),
                &[
                    ("take_back_reason", said.text("reason")),
                    by("take_back_proposed_by"),
                    none("taken_back_by"),
                ],
            ),
            // It stays to be seen, and its voucher may be recorded anew.
            "receipt_taken_back" => {
                let it = self.facts.remove(&(K::Receipt, said.receipt("counts")));
                let fields: Vec<_> =
                    it.into_iter().flatten().chain([by("taken_back_by")]).collect();
                let key = said.receipt(&format!("taken back {}", said.text("receipt")));
                self.set(K::Receipt, key, &fields);
                // Money that a statement shows has nobody any more, and waits in the queue.
                self.queued(said, i64::from(!said.text("answer").is_empty()));
            }
            "receivable_write_off_proposed" => self.set(
                K::WriteOff,
                said.part_given_up(),
                &[is("amount_minor"), is("reason"), is("officer"), none("confirmed_by")],
            ),
            "receivable_written_off" => {
                self.set(K::WriteOff, said.part_given_up(), &[by("confirmed_by")]);
                let state = [("state", "written_off".to_owned())];
                self.set(K::WrittenOff, said.text("receivable"), &state);
            }
            "court_order_proposed" => {
                let person = from_letters(&said.text("person"));
                self.set(
                    K::CourtOrder,
                    said.text("order"),
                    &[
                        ("person", person.map_or_else(String::new, |one| one.to_string())),
                        is("record"),
                        is("paper"),
                        ("state", "proposed".to_owned()),
                        is("officer"),
                        none("confirmed_by"),
                        none("end_reason"),
                        none("end_proposed_by"),
                        none("ended_by"),
                    ],
                );
            }
            "court_order_confirmed" => self.set(
                K::CourtOrder,
                said.text("order"),
                &[("state", "confirmed".to_owned()), by("confirmed_by")],
            ),
            "court_order_withdrawn" => self.set(
                K::CourtOrder,
                said.text("order"),
                &[
                    ("state", "withdrawn".to_owned()),
                    ("end_reason", said.text("reason")),
                    by("ended_by"),
                ],
            ),
            "court_order_end_proposed" => self.set(
                K::CourtOrder,
                said.text("order"),
                &[("end_reason", said.text("reason")), by("end_proposed_by")],
            ),
            "court_order_ended" => self.set(
                K::CourtOrder,
                said.text("order"),
                &[("state", "ended".to_owned()), by("ended_by")],
            ),
            "court_transferred" => self.set(
                K::CourtTransfer,
                said.transfer("counts"),
                &[
                    is("amount_minor"),
                    is("transferred_on"),
                    is("officer"),
                    none("take_back_reason"),
                    none("take_back_proposed_by"),
                    none("taken_back_by"),
                ],
            ),
            "court_transfer_take_back_proposed" => self.set(
                K::CourtTransfer,
                said.transfer("counts"),
                &[
                    ("take_back_reason", said.text("reason")),
                    by("take_back_proposed_by"),
                    none("taken_back_by"),
                ],
            ),
            // It stays to be seen, and its voucher may be recorded anew.
            "court_transfer_taken_back" => {
                let it = self.facts.remove(&(K::CourtTransfer, said.transfer("counts")));
                let fields: Vec<_> =
                    it.into_iter().flatten().chain([by("taken_back_by")]).collect();
                let key = said.transfer(&format!("taken back {}", said.text("transfer")));
                self.set(K::CourtTransfer, key, &fields);
                self.queued(said, i64::from(!said.text("answer").is_empty()));
            }
            "schedule_fired" | "schedule_done" => {
                self.set(K::Fire, said.key(&["rule", "due_on"]), &[is("what"), is("state")]);
            }
            _ => {}
        }
    }

    fn queued(&mut self, said: &Said<'_>, more: i64) {
        if more > 0 {
            self.add(FactKind::Queued, said.text("answer"), "items", more);
        }
    }

    fn rows_written(&mut self, said: &Said<'_>) {
        for word in said.texts("states") {
            let Some((row, state)) = word.split_once('=') else { continue };
            let Some((noun, key)) = row.split_once(':') else { continue };
            match noun {
                "cycle" => {
                    // A cycle that is opened, or computed anew, begins with nothing.
                    if let ("open", Ok(cycle)) = (state, key.parse()) {
                        self.whole.insert(cycle);
                    }
                    self.set(FactKind::Cycle, key.to_owned(), &[("state", state.to_owned())]);
                }
                "list" => self.set(FactKind::List, key.to_owned(), &[("state", state.to_owned())]),
                "file" => self.set(FactKind::File, key.to_owned(), &[("state", state.to_owned())]),
                "delivery" => {
                    let outcome = ("outcome", state.to_owned());
                    self.set(FactKind::Delivery, key.to_owned(), &[outcome]);
                }
                "claims" => {
                    if let Ok(cycle) = key.parse() {
                        self.claims_told.insert(cycle);
                    }
                }
                "ways" => {
                    if let Ok(cycle) = key.parse() {
                        self.ways_told.insert(cycle);
                    }
                }
                "kept" => {
                    if let Ok(answer) = key.parse() {
                        self.kept_told.insert(answer);
                    }
                }
                "proved" => self.proved(key),
                "owed" => {
                    let mut parts = state.split('.').map(str::to_owned);
                    let (token, cycle, order) = (parts.next(), parts.next(), parts.next());
                    if let (Ok(number), Some(token), Some(cycle), Some(order)) =
                        (key.parse(), token, cycle.and_then(|one| one.parse().ok()), order)
                    {
                        self.owed.insert(number, Owed { token, cycle, order });
                    }
                }
                "set_aside" => {
                    if let Ok(number) = key.parse() {
                        match state {
                            "yes" => self.set_aside.insert(number),
                            _ => self.set_aside.remove(&number),
                        };
                    }
                }
                "not_owed" => self.owed.retain(|_, owed| owed.order != key),
                _ => {}
            }
        }
        for cycle in said.texts("dropped") {
            self.dropped(&cycle);
        }
        for (field, sums) in [("sums", &mut self.money), ("ways", &mut self.ways)] {
            for word in said.texts(field) {
                let parsed = sum_of(&word).and_then(|(key, rows, sum)| {
                    let (cycle, shard) = key.split_once('/')?;
                    Some(((cycle.parse().ok()?, shard.parse().ok()?), rows, sum))
                });
                if let Some((key, rows, sum)) = parsed {
                    sums.entry(key).or_default().add(rows, sum);
                }
            }
        }
        for word in said.texts("kept") {
            let parsed = sum_of(&word).and_then(|(key, rows, sum)| {
                let (answer, of) = key.split_once('/')?;
                Some(((answer.parse().ok()?, of.to_owned()), rows, sum))
            });
            if let Some((key, rows, sum)) = parsed {
                self.kept.entry(key).or_default().add(rows, sum);
            }
        }
        for word in said.texts("claims") {
            let parsed = sum_of(&word).and_then(|(key, rows, sum)| {
                let (cycle, rest) = key.split_once('/')?;
                let (shard, by) = rest.split_once('/')?;
                let key = (cycle.parse().ok()?, shard.parse().ok()?, by.parse().ok()?);
                Some((key, rows, sum))
            });
            if let Some((key, rows, sum)) = parsed {
                self.claims.entry(key).or_default().add(rows, sum);
            }
        }
    }

    /// A file is proved to have arrived: what was sent of it and not known to have ended is delivered.
    fn proved(&mut self, file: &str) {
        let of_file = format!("{file}/");
        let from = (FactKind::Delivery, of_file.clone());
        for ((kind, key), fields) in self.facts.range_mut(from..) {
            if *kind != FactKind::Delivery || !key.starts_with(&of_file) {
                break;
            }
            if fields.get("outcome").is_some_and(|told| told == "started" || told == "unknown") {
                fields.insert("outcome", "delivered".to_owned());
            }
        }
    }

    fn dropped(&mut self, cycle: &str) {
        let of_cycle = format!("{cycle}/");
        self.facts.retain(|(kind, key), fields| match kind {
            FactKind::File => !key.starts_with(&of_cycle),
            FactKind::List => {
                let is_sealed = fields.get("state").is_some_and(|state| state == "sealed");
                !(key.starts_with(&of_cycle) && is_sealed)
            }
            _ => true,
        });
        if let Ok(number) = cycle.parse::<i64>() {
            self.money.retain(|(of, _), _| *of != number);
            self.ways.retain(|(of, _), _| *of != number);
            // What it took from others is theirs again.
            self.claims.retain(|(_, _, by), _| *by != number);
            self.owed.retain(|_, owed| owed.cycle != number);
        }
    }
}

/// The fields of an entry, as texts. One that an entry of an earlier program does not have is empty.
struct Said<'a>(&'a Value);

impl Said<'_> {
    fn text(&self, field: &str) -> String {
        match self.0.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn texts(&self, field: &str) -> Vec<String> {
        let texts = self.0.get(field).and_then(Value::as_array);
        let texts = texts.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    fn number(&self, field: &str) -> i64 {
        self.0.get(field).and_then(Value::as_i64).unwrap_or(0)
    }

    fn key(&self, parts: &[&str]) -> String {
        parts.iter().map(|part| self.text(part)).collect::<Vec<_>>().join("/")
    }

    /// A receivable, and which part of it when it is not the first. Entries of an earlier program name none:
    /// nothing was given up twice.
    fn part_given_up(&self) -> String {
        match self.number("part") {
            0 | 1 => self.text("receivable"),
            _ => self.key(&["receivable", "part"]),
        }
    }

    /// A month as the database has it.
    fn period(&self, field: &str) -> String {
        let text = self.text(field);
        text.parse::<Period>().map_or(text, |period| period.as_number().to_string())
    }

    /// A voucher, which may stand for a receipt that was taken back and for one that counts.
    fn receipt(&self, standing: &str) -> String {
        format!("{}/{standing}", self.key(&["receivable", "reference"]))
    }

    /// The same of a transfer for a court order.
    fn transfer(&self, standing: &str) -> String {
        format!("{}/{standing}", self.key(&["order", "voucher"]))
    }

    /// The orders that an entry names by their references: payable and attempt.
    fn orders(&self, prefix: &OfficePrefix) -> Vec<String> {
        let references = match self.0.get("references") {
            Some(Value::String(one)) => vec![one.clone()],
            _ => self.texts("references"),
        };
        let orders = references.iter().filter_map(|text| EndToEndId::read(prefix, text));
        orders
            .map(|(payable, attempt)| format!("{}/{}", payable.number(), attempt.number()))
            .collect()
    }
}

/// `1/3=2.aaaa…`: key, rows and sum.
fn sum_of(word: &str) -> Option<(&str, i64, u128)> {
    let (key, told) = word.split_once('=')?;
    let (rows, sum) = told.split_once('.')?;
    Some((key, rows.parse().ok()?, from_letters(sum)?))
}

/// A number in letters: in digits a leaf would take it for somebody's account.
pub fn to_letters(number: u128) -> String {
    let nibbles = (0..32).rev().map(|place| (number >> (place * 4)) as u8 & 15);
    nibbles.map(|nibble| char::from(b'a' + nibble)).collect()
}

pub fn from_letters(text: &str) -> Option<u128> {
    if text.len() != 32 {
        return None;
    }
    text.bytes().try_fold(0, |number: u128, letter| match letter {
        b'a'..=b'p' => Some(number << 4 | u128::from(letter - b'a')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(leaves: &[&str]) -> Standing {
        let prefix = OfficePrefix::parse("AB01").unwrap();
        let mut standing = Standing::default();
        for leaf in leaves {
            standing.entry(leaf.as_bytes(), &prefix).unwrap();
        }
        standing.ended();
        standing
    }

    #[test]
    fn numbers_in_letters_read_back() {
        for number in [0, 1, 15, 16, u128::from(u64::MAX), u128::MAX - 7] {
            assert_eq!(from_letters(&to_letters(number)), Some(number));
        }
        assert_eq!(from_letters("abc"), None);
        assert_eq!(from_letters(&"z".repeat(32)), None);
    }

    #[test]
    fn a_cycle_that_is_computed_anew_has_only_what_came_since() {
        let sum = |number| to_letters(number);
        let made = format!(
            r#"{{"at":"2026-10-21","event":"rows_written","states":["cycle:1=open","file:1/1=created","owed:7={}.1.-"],"sums":["1/3=2.{}"]}}"#,
            sum(5),
            sum(40)
        );
        let more = format!(
            r#"{{"at":"2026-10-21","event":"rows_written","sums":["1/3=1.{}"]}}"#,
            sum(u128::MAX)
        );
        let first = standing(&[&made, &more]);
        assert_eq!(first.money.get(&(1, 3)), Some(&MoneySum { rows: 3, sum: 39 }));
        assert_eq!((first.whole.contains(&1), first.owed.len()), (true, 1));
        let again = format!(
            r#"{{"at":"2026-10-22","dropped":["1"],"event":"rows_written","states":["cycle:1=open"],"sums":["1/4=1.{}"]}}"#,
            sum(9)
        );
        let second = standing(&[&made, &more, &again]);
        assert_eq!(second.money.len(), 1);
        assert_eq!(second.money.get(&(1, 4)), Some(&MoneySum { rows: 1, sum: 9 }));
        assert!(second.owed.is_empty());
        assert!(!second.facts.contains_key(&(FactKind::File, "1/1".to_owned())));
    }

    #[test]
    fn claims_that_a_forgotten_cycle_took_are_back_where_they_were() {
        let (five, four) = (to_letters(5), to_letters(4));
        let minus_five = to_letters(0u128.wrapping_sub(5));
        let made = format!(
            r#"{{"at":"2026-10-21","claims":["1/3/1=1.{five}"],"event":"rows_written","states":["claims:1=told"]}}"#
        );
        let carried = format!(
            r#"{{"at":"2026-11-21","claims":["1/3/2=-1.{minus_five}","2/3/2=1.{four}"],"event":"rows_written","states":["claims:2=told"]}}"#
        );
        let forgotten = r#"{"at":"2026-11-22","dropped":["2"],"event":"rows_written"}"#;
        let rows = |sum, rows| MoneySum { rows, sum };
        let after = standing(&[&made, &carried]).claim_sums();
        assert_eq!(after, BTreeMap::from([((1, 3), rows(0, 0)), ((2, 3), rows(4, 1))]));
        let again = standing(&[&made, &carried, forgotten]).claim_sums();
        assert_eq!(again, BTreeMap::from([((1, 3), rows(5, 1))]));
    }

    #[test]
    fn ways_are_summed_where_the_log_has_all_of_them() {
        let (five, four) = (to_letters(5), to_letters(4));
        let opened = r#"{"at":"2026-10-21","cycle":1,"event":"cycle_opened","officer":"lan"}"#;
        let made = |cycle: i64, sum: &str| {
            format!(r#"{{"at":"2026-10-21","event":"rows_written","ways":["{cycle}/3=1.{sum}"]}}"#)
        };
        let told = r#"{"at":"2026-11-21","event":"rows_written","states":["ways:2=told"]}"#;
        let (old, new) = (made(1, &five), made(2, &four));
        let both = standing(&[opened, &old, told, &new]);
        assert!(both.says_nothing_of_ways(1) && !both.says_nothing_of_ways(2));
        let ways = MoneySum { rows: 1, sum: 4 };
        assert_eq!(both.way_sums(), BTreeMap::from([((2, 3), ways)]));
        let forgotten = r#"{"at":"2026-11-22","dropped":["2"],"event":"rows_written"}"#;
        assert!(standing(&[told, &new, forgotten]).way_sums().is_empty());
    }

    #[test]
    fn what_is_kept_of_an_answer_is_summed_where_the_log_has_all_of_it() {
        let (five, four) = (to_letters(5), to_letters(4));
        let begun = r#"{"at":"2026-11-03","event":"rows_written","states":["kept:7=told"]}"#;
        let page = |sum: &str| {
            format!(
                r#"{{"at":"2026-11-03","event":"rows_written","kept":["6/queue=1.{sum}","7/queue=1.{sum}"]}}"#
            )
        };
        let standing = standing(&[begun, &page(&five), &page(&four)]);
        let kept = MoneySum { rows: 2, sum: 9 };
        assert_eq!(standing.kept_sums(), BTreeMap::from([((7, "queue".to_owned()), kept)]));
        assert!(standing.says_what_is_kept_of(7) && !standing.says_what_is_kept_of(6));
    }

    #[test]
    fn whom_a_decision_is_about_is_compared_where_the_log_says_it() {
        let subject = |fields: &str| {
            let leaf = format!(
                r#"{{"at":"2026-10-21","code":"H121","decision":"keep","event":"hold_resolved","resolution":1{fields}}}"#
            );
            let standing = standing(&[&leaf]);
            standing.facts[&(FactKind::Hold, "1".to_owned())].get("subject").cloned()
        };
        assert_eq!(subject(""), None);
        let said = format!(r#","subject":"{}""#, to_letters(u128::from(u64::MAX >> 1)));
        assert_eq!(subject(&said), Some(i64::MAX.to_string()));
    }

    #[test]
    fn what_an_earlier_program_wrote_is_known_as_such() {
        let opened = r#"{"at":"2026-10-21","cycle":1,"event":"cycle_opened","officer":"lan"}"#;
        let written = r#"{"at":"2026-10-21","event":"rows_written","states":["cycle:1=open"]}"#;
        assert!(standing(&[opened]).has_older);
        assert!(!standing(&[opened, written]).has_older);
        assert!(standing(&[opened, written]).says_nothing_of_claims(1));
        let claims = r#"{"at":"2026-10-21","event":"rows_written","states":["claims:1=told"]}"#;
        assert!(!standing(&[opened, written, claims]).says_nothing_of_claims(1));
        assert!(!standing(&[opened]).says_nothing_of_claims(2), "nobody ever opened it");
    }
}
