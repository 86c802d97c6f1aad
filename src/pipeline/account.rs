//! The figures of a cycle, and whether they balance.
//!
//! Reads: what the store sums. Gives: the three partitions, the files, and every identity of
//! docs/model.md §2 that holds in the cycle's state, each with what it compares.

use crate::domain::money::{Currency, grouped, told};
use std::collections::BTreeMap;

use crate::domain::batch::Batch;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::exception::RowOutcome;
use crate::domain::payable::PayableState;
use crate::domain::state::Named;

/// Count and money of one part.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Part {
    pub count: i64,
    pub minor: i128,
}

impl Part {
    pub fn add(&mut self, count: i64, minor: i64) {
        self.count += count;
        self.minor += i128::from(minor);
    }
}

/// What the store sums for one cycle.
pub struct Input<'a> {
    pub cycle: &'a Cycle,
    /// Rows that the roster import read.
    pub rows_listed: i64,
    pub rows: BTreeMap<RowOutcome, i64>,
    /// Payables by their state as people see it (a batch of unknown fate makes its payables unknown).
    pub payables: BTreeMap<PayableState, Part>,
    /// Payables at sealing time that were not held: those that list 0 ordered.
    pub ordered_first: Part,
    pub claims: Part,
    pub carried_out_claims: Part,
    /// What the payables were reduced by for receivables; negative.
    pub recoveries: Part,
    /// What the payables were reduced by for orders of courts; negative.
    pub court_orders: Part,
    /// Instructions by batch.
    pub instructed: BTreeMap<i64, Part>,
    pub settled: Part,
    /// Pending payables whose provider has had more days than it takes to answer.
    pub overdue: Part,
    pub batches: &'a [Batch],
    /// People who stand on the roster, as they were counted when their rows were.
    pub people_listed: i64,
    /// People whom the roster does not have, and to whom money of earlier lists was carried.
    pub people_carried: i64,
    pub people: BTreeMap<&'static str, i64>,
    /// The last orders of payables that are rejected or returned: what failed and was not ordered again.
    pub failed: Part,
    /// Signatures under the lists as they are now, those that verify and all.
    pub signed: (i64, i64),
    pub suspense: Part,
}

/// One identity that must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    pub name: &'static str,
    pub left: String,
    pub right: String,
}

impl Identity {
    pub fn holds(&self) -> bool {
        self.left == self.right
    }
}

/// Every identity that applies in the cycle's state.
pub fn identities(input: &Input<'_>) -> Vec<Identity> {
    let mut found = Vec::new();
    let mut must = |name: &'static str, left: String, right: String| {
        found.push(Identity { name, left, right });
    };
    let state = input.cycle.state;
    if !state.is_computed() {
        return found;
    }
    let rows: i64 = input.rows.values().sum();
    must(
        "rows listed = refused + ceased + held + nil + entitled",
        input.rows_listed.to_string(),
        rows.to_string(),
    );
    let people: i64 = input.people.values().sum();
    must(
        "people listed + people with carried money alone = people by worst outcome",
        (input.people_listed + input.people_carried).to_string(),
        people.to_string(),
    );
    let total = total(&input.payables);
    must(
        "claims of the payables + recoveries + court orders = payables",
        (input.claims.minor
            + input.carried_out_claims.minor
            + input.recoveries.minor
            + input.court_orders.minor)
            .to_string(),
        total.minor.to_string(),
    );
    if matches!(state, CycleState::Computed) {
        return found;
    }
    for batch in input.batches {
        let part = input.instructed.get(&batch.number.0).copied().unwrap_or_default();
        must(
            "instructions of a batch = its file",
            format!("{}: {} / {}", batch.file_name, part.count, part.minor),
            format!("{}: {} / {}", batch.file_name, batch.count, batch.total_minor),
        );
        must(
            "every batch has a sealed file",
            batch.file_name.clone(),
            if batch.sha256.is_some() { batch.file_name.clone() } else { "none".to_owned() },
        );
    }
    let first: Part = input.batches.iter().filter(|batch| batch.list.0 == 0).fold(
        Part::default(),
        |mut part, batch| {
            part.add(batch.count as i64, batch.total_minor);
            part
        },
    );
    must(
        "files of the first list = payables it ordered",
        format!("{} / {}", first.count, first.minor),
        format!("{} / {}", input.ordered_first.count, input.ordered_first.minor),
    );
    let paid = input.payables.get(&PayableState::Paid).copied().unwrap_or_default();
    must(
        "settled instructions = paid payables",
        format!("{} / {}", input.settled.count, input.settled.minor),
        format!("{} / {}", paid.count, paid.minor),
    );
    let of_state = |state| input.payables.get(&state).copied().unwrap_or_default();
    let (rejected, returned) = (of_state(PayableState::Rejected), of_state(PayableState::Returned));
    must(
        "failed orders that were not ordered again = rejected + returned",
        format!("{} / {}", input.failed.count, input.failed.minor),
        format!("{} / {}", rejected.count + returned.count, rejected.minor + returned.minor),
    );
    must(
        "signatures that verify = signatures that count",
        input.signed.0.to_string(),
        input.signed.1.to_string(),
    );
    if state == CycleState::Closed {
        let pending = input.payables.get(&PayableState::Pending).copied().unwrap_or_default();
        must("nothing is pending in a closed cycle", pending.count.to_string(), "0".to_owned());
        let unknown = input.payables.get(&PayableState::Unknown).copied().unwrap_or_default();
        must(
            "what is unknown is in suspense",
            format!("{} / {}", unknown.count, unknown.minor),
            format!("{} / {}", input.suspense.count, input.suspense.minor),
        );
    }
    found
}

/// Why a cycle cannot be closed yet, in sentences; empty when it can.
pub fn hindrances(input: &Input<'_>, currency: Currency) -> Vec<String> {
    let mut found: Vec<String> = identities(input)
        .into_iter()
        .filter(|identity| !identity.holds())
        .map(|identity| {
            let shown = |side: &str| side.parse().map_or_else(|_| side.to_owned(), grouped);
            let (left, right) = (shown(&identity.left), shown(&identity.right));
            format!("{}: {left} is not {right}", identity.name)
        })
        .collect();
    for batch in input.batches {
        // Also a file of unknown fate: asked later, it would be sent, or be in flight, in a closed cycle.
        if batch.state.is_open() {
            found.push(format!("file {} is {}", batch.file_name, batch.state));
        }
    }
    // What is overdue becomes unknown when the cycle is closed.
    let pending = input.payables.get(&PayableState::Pending).copied().unwrap_or_default();
    let (count, minor) = (pending.count - input.overdue.count, pending.minor - input.overdue.minor);
    if count > 0 {
        found.push(format!(
            "{} payables ({}) have no outcome yet",
            grouped(i128::from(count)),
            told(minor, currency)
        ));
    }
    found
}

pub fn total(parts: &BTreeMap<PayableState, Part>) -> Part {
    parts.values().fold(Part::default(), |sum, part| Part {
        count: sum.count + part.count,
        minor: sum.minor + part.minor,
    })
}

/// The words by which people are counted, worst first: everyone is counted once. What is open, failed or held
/// comes before what is paid; that a row came to nothing is said only of who has no money on this list, and
/// that it ended, only of who has nothing else.
pub const PERSON_OUTCOMES: [&str; 11] = [
    "unknown",
    "rejected",
    "returned",
    "held",
    "refused",
    "pending",
    "paid",
    NOTHING_NEW,
    "nil",
    "ceased",
    "total",
];

/// Of who is entitled and has no payable on this list: another list determined it before, or what is to
/// be got back is no less.
pub const NOTHING_NEW: &str = "nothing_new";

/// Which of two outcomes of one person counts.
pub fn worse(one: &'static str, other: &'static str) -> &'static str {
    let rank = |word: &str| PERSON_OUTCOMES.iter().position(|known| *known == word);
    if rank(one) <= rank(other) { one } else { other }
}

/// The stored word of a person's outcome, as one of `PERSON_OUTCOMES`.
pub fn person_outcome(word: &str) -> Option<&'static str> {
    PERSON_OUTCOMES.iter().find(|known| **known == word && **known != "total").copied()
}

/// `held`, `pending` … in the order in which people read them.
pub fn payable_words() -> impl Iterator<Item = (&'static str, PayableState)> {
    PayableState::ALL.iter().copied()
}
