//! What stands in the database, held against what the log says of it: a row that somebody changed by hand
//! is found, told with both sides, and never repaired.
//!
//! Reads: the log's entries as the database has them (that these are the log's own is proved before), what
//! waits to be numbered, and the rows, in pages. Gives: differences, and how many rows could not be compared
//! because an earlier program's entries do not speak of them.

mod claims;
mod kept;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::audit::standing::{MoneySum, Standing, to_letters};
use crate::domain::batch::Batch;
use crate::domain::court_order::CourtDeduction;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::ids::{CycleNo, Shard};
use crate::domain::instruction::{Evidence, EvidenceGrade, Instruction, InstructionState};
use crate::domain::list::{Act, ListState, PaymentList, Signature};
use crate::domain::payable::{Payable, PayableState};
use crate::domain::state::Named;
use crate::engine::{Engine, EngineError};
use crate::pipeline::approve;
use crate::store::books::{
    carried_line, court_deduction_line, order_file_line, order_line, order_state_line,
    payable_line, payable_state_line,
};

/// Entries and rows that are read at once.
const PAGE: i64 = 2_000;
/// So often the database may be written to while it is compared.
const TRIES: u32 = 3;

/// One thing on which log and database do not agree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub code: &'static str,
    /// `file 1/3`: the kind of row and its key.
    pub row: String,
    pub log: String,
    pub database: String,
    pub sentence: String,
}

/// What was compared.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Compared {
    /// Rows by kind, those of money and of receivables among them.
    pub rows: BTreeMap<&'static str, u64>,
    /// Rows of which the log does not say enough.
    pub not_compared: BTreeMap<&'static str, u64>,
    pub differences: Vec<Difference>,
}

impl Compared {
    fn counted(&mut self, kind: &'static str, is_compared: bool) {
        let counts = if is_compared { &mut self.rows } else { &mut self.not_compared };
        *counts.entry(kind).or_default() += 1;
    }

    fn differs(
        &mut self,
        code: &'static str,
        row: String,
        log: String,
        database: String,
        why: &str,
    ) {
        let sentence = format!("{row}: the log says {log}, the database says {database}; {why}");
        self.differences.push(Difference { code, row, log, database, sentence });
    }

    fn is_gone(&mut self, row: String, log: String) {
        let why = "the row was taken away without a command";
        self.differs("V209", row, log, "nothing of it".to_owned(), why);
    }

    fn is_unheard_of(&mut self, row: String, database: String) {
        let why = "the row was written without a command";
        self.differs("V208", row, "nothing of it".to_owned(), database, why);
    }

    /// A released list has as many approvers as stood in what they signed.
    fn approved_by_enough(&mut self, list: &PaymentList, signatures: &[Signature]) {
        let Some(need) = approve::sealed_approvals(&list.body) else { return };
        let approvers: BTreeSet<&str> = signatures
            .iter()
            .filter(|one| one.list == list.number && one.digest == list.digest)
            .filter(|one| one.act == Act::Approve && one.voided_at.is_none())
            .map(|one| one.officer.as_str())
            .collect();
        if list.state == ListState::Released && approvers.len() < need {
            self.differs(
                "V310",
                format!("list {}/{}", list.cycle, list.number),
                format!("that it was sealed for {need} approvers"),
                format!("{} approvals, and that it is released", approvers.len()),
                "it was released without as many as it asks for; send nothing of it",
            );
        }
    }

    /// Value date and manifest of a cycle are those of its sealed list.
    fn cycle_as_sealed(&mut self, cycle: &Cycle, list: &PaymentList, body: &Value) {
        let manifest = Digest::of(cycle.manifest.clone().unwrap_or_default().as_bytes());
        for (field, stands) in
            [("value_date", cycle.value_date.to_string()), ("manifest", manifest.to_string())]
        {
            let Some(sealed) = body.get(field).and_then(Value::as_str) else { continue };
            if sealed != stands {
                self.differs(
                    "V311",
                    format!("cycle {}", cycle.number),
                    format!("{field} {sealed} when list {} was sealed", list.number),
                    format!("{field} {stands}"),
                    "it was changed without a command",
                );
            }
        }
    }

    fn is_not_as_signed(&mut self, row: String, log: String, database: String) {
        let why = "what was sealed and signed is another file";
        self.differs("V213", row, log, database, why);
    }

    /// # Errors
    /// V215 when log and database differ.
    pub fn must_agree(&self) -> Result<(), EngineError> {
        match self.differences.first() {
            None => Ok(()),
            Some(first) => Err(EngineError::refused(
                "V215",
                format!(
                    "{} rows of the database are not what the log says, the first: {} {}. Nothing was repaired: send and \
                     release nothing, find out who can write to the database, and put back a backup from before the \
                     change, or let two officers decide what is true",
                    self.differences.len(),
                    first.code,
                    first.sentence
                ),
            )),
        }
    }
}

impl Engine {
    /// Holds every row of which the log speaks against what the log says.
    ///
    /// # Errors
    /// V216 when another process goes on writing meanwhile.
    pub async fn audit_rows(&self) -> Result<Compared, EngineError> {
        for _ in 0..TRIES {
            let before = self.store.events_written().await?;
            let standing = self.standing().await?;
            let archived = self.must_be_archived(&standing).await?;
            let mut compared = self.compared(standing).await?;
            if before == self.store.events_written().await? {
                self.archive_holds(archived, &mut compared).await?;
                return Ok(compared);
            }
        }
        Err(EngineError::refused(
            "V216",
            "another process goes on writing while the rows are compared with the log; do it again when nothing \
             else runs in this office",
        ))
    }

    /// What the log says, and what waits to come into it.
    async fn standing(&self) -> Result<Standing, EngineError> {
        let mut standing = Standing::default();
        let mut index = 0;
        loop {
            let leaves = self.store.leaves(index, PAGE).await?;
            for leaf in &leaves {
                standing.entry(leaf, &self.config.prefix)?;
            }
            index += leaves.len() as i64;
            if (leaves.len() as i64) < PAGE {
                break;
            }
        }
        for (_, _, leaf) in self.store.outbox(i64::MAX).await? {
            standing.entry(&leaf, &self.config.prefix)?;
        }
        standing.ended();
        Ok(standing)
    }

    async fn compared(&self, mut standing: Standing) -> Result<Compared, EngineError> {
        let mut compared = Compared::default();
        for (_, kind) in FactKind::ALL {
            let mut after = 0;
            loop {
                let facts = self.store.facts(*kind, PAGE, after).await?;
                for fact in &facts {
                    compared.fact(fact, &mut standing);
                }
                after += facts.len() as i64;
                if (facts.len() as i64) < PAGE {
                    break;
                }
            }
        }
        for ((kind, key), fields) in &standing.facts {
            let log: Vec<String> =
                fields.iter().map(|(field, told)| format!("{field} {}", shown(told))).collect();
            let log = format!("that it is there ({})", log.join(", "));
            compared.is_gone(format!("{kind} {key}"), log);
        }
        let cycles = self.store.cycles().await?;
        self.signatures_hold(&mut compared).await?;
        for cycle in &cycles {
            self.lists_hold(cycle, &mut compared).await?;
        }
        self.money_stands(&cycles, &standing, &mut compared).await?;
        self.claims_stand(&standing, &mut compared).await?;
        self.owed_stands(&standing, &mut compared).await?;
        self.kept_stands(&standing, &mut compared).await?;
        self.rows_are_in_their_place(&mut compared).await?;
        Ok(compared)
    }

    /// Every signature is that of its officer, by the key that is registered.
    async fn signatures_hold(&self, compared: &mut Compared) -> Result<(), EngineError> {
        let officers = self.store.officers_ever().await?;
        for cycle in self.store.cycles().await? {
            for one in self.store.signatures(cycle.number).await? {
                let officer = officers.iter().find(|officer| officer.name == one.officer);
                let holds = match (officer, Digest::parse(&one.digest)) {
                    (Some(officer), Ok(digest)) => approve::verify(officer, &one, &digest).is_ok(),
                    _ => false,
                };
                if !holds {
                    compared.differs(
                        "V212",
                        format!("signature {}/{}/{}", one.cycle, one.list, one.officer),
                        "that it was verified when it was given".to_owned(),
                        "one that does not verify with the officer's key".to_owned(),
                        "the signature, its digest or the key of the officer was changed",
                    );
                }
            }
        }
        Ok(())
    }

    /// The files of a list are those that stand in what was signed.
    async fn lists_hold(&self, cycle: &Cycle, compared: &mut Compared) -> Result<(), EngineError> {
        // What was computed for a cancelled cycle is forgotten.
        if cycle.state == CycleState::Cancelled {
            return Ok(());
        }
        let files = self.store.batches(cycle.number).await?;
        let signatures = self.store.signatures(cycle.number).await?;
        for list in self.store.lists(cycle.number).await? {
            compared.approved_by_enough(&list, &signatures);
            let body: Value = serde_json::from_str(&list.body).unwrap_or_default();
            let of_list = body.get("value_date").and_then(Value::as_str).unwrap_or_default();
            compared.cycle_as_sealed(cycle, &list, &body);
            let listed = body.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
            for file in &listed {
                let told = |field: &str| match file.get(field) {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Number(number)) => number.to_string(),
                    _ => String::new(),
                };
                let name = told("name");
                let row = format!("file {name} of list {}/{}", cycle.number, list.number);
                let Some(batch) = files.iter().find(|batch| batch.file_name == name) else {
                    let log = "that it was sealed".to_owned();
                    compared.is_not_as_signed(row, log, "nothing of it".to_owned());
                    continue;
                };
                let value_date = match told("value_date") {
                    date if date.is_empty() => of_list.to_owned(),
                    date => date,
                };
                for (field, signed, stands) in [
                    ("message_id", told("message_id"), batch.message_id.clone()),
                    ("provider", told("provider"), batch.provider.clone()),
                    ("channel", told("channel"), batch.channel.to_string()),
                    ("format", told("format"), batch.format.clone()),
                    ("count", told("count"), batch.count.to_string()),
                    ("total_minor", told("total_minor"), batch.total_minor.to_string()),
                    ("sha256", told("sha256"), batch.sha256.clone().unwrap_or_default()),
                    ("value_date", value_date, batch.value_date.to_string()),
                    ("list", list.number.to_string(), batch.list.to_string()),
                ] {
                    if signed != stands {
                        let (log, stands) =
                            (format!("{field} {signed}"), format!("{field} {stands}"));
                        compared.is_not_as_signed(row.clone(), log, stands);
                    }
                }
            }
        }
        Ok(())
    }

    /// Sums what stands of money, and compares it with what was written.
    async fn money_stands(
        &self,
        cycles: &[Cycle],
        standing: &Standing,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        let mut stands: BTreeMap<(i64, u8), MoneySum> = BTreeMap::new();
        let mut ways: BTreeMap<(i64, u8), MoneySum> = BTreeMap::new();
        for cycle in cycles {
            let is_whole = standing.whole.contains(&cycle.number.0);
            let is_told = !standing.says_nothing_of_ways(cycle.number.0);
            let mut for_courts: BTreeMap<Shard, Vec<CourtDeduction>> = BTreeMap::new();
            for one in self.store.deductions(cycle.number).await? {
                for_courts.entry(one.payable.shard()).or_default().push(one);
            }
            for shards in Shard::groups() {
                let mut of_group = self.store.payables_of_shards(cycle.number, &shards).await?;
                for shard in shards {
                    let payables = shard.taken_from(&mut of_group, |one| one.number.shard());
                    for one in &payables {
                        compared.counted("payable", is_whole);
                        if is_whole && !is_told {
                            compared.counted("way of a payable", false);
                        }
                        if is_told {
                            let ways = ways.entry((cycle.number.0, shard.number())).or_default();
                            ways.add(1, self.way_number(one));
                        }
                        if let Some(to) = one.carried_to {
                            let money = stands.entry((to.cycle().0, shard.number())).or_default();
                            money.sum = money
                                .sum
                                .wrapping_add(self.keys.line(&carried_line(one.number, to)));
                        }
                    }
                    let kept = for_courts.remove(&shard).unwrap_or_default();
                    if payables.is_empty() && !is_whole {
                        continue;
                    }
                    let orders = self.store.instructions(cycle.number, shard).await?;
                    let lines = payables.iter().flat_map(payable_lines);
                    let lines = lines.chain(orders.iter().flat_map(order_lines));
                    let lines = lines.chain(kept.iter().map(court_deduction_line));
                    let money = stands.entry((cycle.number.0, shard.number())).or_default();
                    money.rows += (payables.len() + orders.len() + kept.len()) as i64;
                    for line in lines {
                        money.sum = money.sum.wrapping_add(self.keys.line(&line));
                    }
                    for _ in &orders {
                        compared.counted("order", is_whole);
                    }
                    for _ in &kept {
                        compared.counted("kept back for a court", is_whole);
                    }
                }
            }
        }
        for cycle in &standing.whole {
            for shard in Shard::all() {
                let key = (*cycle, shard.number());
                let of = |sums: &BTreeMap<(i64, u8), MoneySum>| {
                    sums.get(&key).copied().unwrap_or_default()
                };
                let (written, stands) = (of(&standing.money), of(&stands));
                if written != stands {
                    self.altered(CycleNo(*cycle), shard, written, stands, compared).await?;
                }
            }
        }
        self.ways_stand(standing, &ways, compared).await
    }

    /// Names the row of money that was altered, when it is one payable and its orders: each is thought
    /// otherwise until the sum is that of the log, which nothing but the truth gives.
    async fn altered(
        &self,
        cycle: CycleNo,
        shard: Shard,
        written: MoneySum,
        stands: MoneySum,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        let payables = self.store.payables(cycle, shard).await?;
        let orders = self.store.instructions(cycle, shard).await?;
        let missing = written.sum.wrapping_sub(stands.sum);
        let files = self.store.batches(cycle).await?;
        for payable in payables.iter().filter(|_| written.rows == stands.rows) {
            let of_payable: Vec<&Instruction> =
                orders.iter().filter(|order| order.payable == payable.number).collect();
            let nothing = || vec![Otherwise { differs: 0, told: None }];
            let mut first = nothing();
            first.extend(self.payable_otherwise(payable, &of_payable));
            let mut second = nothing();
            for order in &of_payable {
                second.extend(self.order_otherwise(order, payable, &files));
            }
            let found = first.iter().find_map(|one| {
                let rest = missing.wrapping_sub(one.differs);
                second.iter().find(|other| other.differs == rest).map(|other| (one, other))
            });
            if let Some((one, other)) = found {
                for (row, log, database) in
                    [one, other].into_iter().filter_map(|one| one.told.clone())
                {
                    compared.differs(
                        "V211",
                        row,
                        log,
                        database,
                        "the row was changed without a command",
                    );
                }
                return Ok(());
            }
        }
        compared.differs(
            "V210",
            format!(
                "payables, orders and what is kept back for courts of cycle {cycle} in shard {}",
                shard.number()
            ),
            format!("{} rows with the sum {}", written.rows, to_letters(written.sum)),
            format!("{} rows with the sum {}", stands.rows, to_letters(stands.sum)),
            "rows were changed, added or taken away without a command; compare these rows with a backup",
        );
        Ok(())
    }

    fn payable_otherwise(&self, one: &Payable, orders: &[&Instruction]) -> Vec<Otherwise> {
        let row = format!("payable {}", one.number);
        let states = PayableState::ALL.iter().filter(|(_, state)| *state != one.state);
        let mut found: Vec<Otherwise> = states
            .map(|(name, state)| {
                let (log, stands) = (
                    payable_state_line(one.number, *state),
                    payable_state_line(one.number, one.state),
                );
                self.otherwise(&row, (&log, *name), (&stands, one.state.name()))
            })
            .collect();
        for order in orders.iter().filter(|order| order.amount_minor != one.amount_minor) {
            let thought = Payable { amount_minor: order.amount_minor, ..one.clone() };
            found.push(self.otherwise(
                &row,
                (&payable_line(&thought), &thought.amount_minor.to_string()),
                (&payable_line(one), &one.amount_minor.to_string()),
            ));
        }
        found
    }

    fn order_otherwise(
        &self,
        one: &Instruction,
        payable: &Payable,
        files: &[Batch],
    ) -> Vec<Otherwise> {
        let row = format!("order {}", self.reference(one));
        let line =
            |state, known: &Evidence| order_state_line(one.payable, one.attempt, state, known);
        let known = one.evidence.clone();
        let stands = line(one.state, &known);
        let mut found = Vec::new();
        for (name, state) in InstructionState::ALL.iter().filter(|(_, state)| *state != one.state) {
            for known in [known.clone(), Evidence::default()] {
                let log = line(*state, &known);
                found.push(self.otherwise(&row, (&log, *name), (&stands, one.state.name())));
            }
        }
        let grades = EvidenceGrade::ALL.iter().map(|(_, grade)| Some(*grade)).chain([None]);
        for grade in grades.filter(|grade| *grade != one.evidence.grade) {
            let told = |grade: Option<EvidenceGrade>| match grade {
                Some(grade) => format!("{} proved by {grade}", one.state),
                None => format!("{} without a proof", one.state),
            };
            let log = line(one.state, &Evidence { grade, ..known.clone() });
            found.push(self.otherwise(
                &row,
                (&log, &told(grade)),
                (&stands, &told(one.evidence.grade)),
            ));
        }
        for file in files.iter().filter(|file| file.number != one.batch) {
            let line = |batch| order_file_line(one.payable, one.attempt, batch);
            let (log, stands) = (line(file.number), line(one.batch));
            let told = |batch| format!("in file {batch}");
            found.push(self.otherwise(
                &row,
                (&log, &told(file.number)),
                (&stands, &told(one.batch)),
            ));
        }
        if payable.amount_minor != one.amount_minor {
            let thought = Instruction { amount_minor: payable.amount_minor, ..one.clone() };
            found.push(self.otherwise(
                &row,
                (&order_line(&thought), &thought.amount_minor.to_string()),
                (&order_line(one), &one.amount_minor.to_string()),
            ));
        }
        found
    }

    fn otherwise(&self, row: &str, log: (&str, &str), stands: (&str, &str)) -> Otherwise {
        Otherwise {
            differs: self.keys.line(log.0).wrapping_sub(self.keys.line(stands.0)),
            told: Some((row.to_owned(), log.1.to_owned(), stands.1.to_owned())),
        }
    }

    /// Money to be got back is what was found, each with its amount.
    async fn owed_stands(
        &self,
        standing: &Standing,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        let mut expected = standing.owed.clone();
        for (number, line, is_set_aside) in self.store.owed().await? {
            let row = format!("receivable {number}");
            match expected.remove(&number) {
                Some(owed) => {
                    compared.counted("amount owed", true);
                    let of_death = |is_so| match is_so {
                        true => "that it was set aside",
                        false => "that it was not set aside",
                    };
                    let differs = if owed.token != to_letters(self.keys.line(&line)) {
                        Some(("another amount, cause or order", "what stands there now"))
                    } else if is_set_aside != standing.set_aside.contains(&number) {
                        Some((of_death(!is_set_aside), of_death(is_set_aside)))
                    } else {
                        None
                    };
                    if let Some((log, stands)) = differs {
                        compared.differs(
                            "V214",
                            row,
                            log.to_owned(),
                            stands.to_owned(),
                            "it was changed without a command; compare it with a backup",
                        );
                    }
                }
                None if standing.has_older => compared.counted("amount owed", false),
                None => compared.is_unheard_of(row, "that it is owed".to_owned()),
            }
        }
        for number in expected.keys() {
            compared.is_gone(format!("receivable {number}"), "that it is owed".to_owned());
        }
        Ok(())
    }
}

/// What would be if one thing of a row were otherwise.
struct Otherwise {
    differs: u128,
    /// The row, what the log would say of it, and what stands.
    told: Option<(String, String, String)>,
}

fn payable_lines(one: &Payable) -> [String; 2] {
    [payable_line(one), payable_state_line(one.number, one.state)]
}

fn order_lines(one: &Instruction) -> [String; 3] {
    [
        order_line(one),
        order_file_line(one.payable, one.attempt, one.batch),
        order_state_line(one.payable, one.attempt, one.state, &one.evidence),
    ]
}

impl Compared {
    fn fact(&mut self, fact: &Fact, standing: &mut Standing) {
        let is_whole = || {
            let cycle = fact.key.split('/').next().and_then(|cycle| cycle.parse().ok());
            cycle.is_some_and(|cycle: i64| standing.whole.contains(&cycle))
        };
        // Of files and deliveries, earlier programs said less than everything.
        let of_older = matches!(fact.kind, FactKind::File | FactKind::Delivery) && !is_whole();
        let row = format!("{} {}", fact.kind, fact.key);
        let Some(said) = standing.facts.remove(&(fact.kind, fact.key.clone())) else {
            match fact.kind {
                // Whether a scope was ever halted by officers is told by other facts.
                FactKind::HaltByEvidence => {}
                _ if of_older => self.counted(fact.kind.name(), false),
                _ => {
                    let stands: Vec<String> = fact
                        .fields
                        .iter()
                        .map(|(field, told)| format!("{field} {}", shown(told)))
                        .collect();
                    let database = format!("that it is there ({})", stands.join(", "));
                    self.is_unheard_of(row, database);
                }
            }
            return;
        };
        let mut is_compared = true;
        for (field, stands) in &fact.fields {
            match said.get(field) {
                Some(_) if of_older => is_compared = false,
                Some(told) if told == stands => {}
                Some(told) => {
                    let (log, database) =
                        (format!("{field} {}", shown(told)), format!("{field} {}", shown(stands)));
                    let why = "the row was changed without a command";
                    self.differs("V207", row.clone(), log, database, why);
                }
                None => is_compared = false,
            }
        }
        self.counted(fact.kind.name(), is_compared);
    }
}

fn shown(told: &str) -> &str {
    if told.is_empty() { "nothing" } else { told }
}
