//! Compares the roster with the identity register and decides each row.
//!
//! Reads: the enrolments and the register records of one shard, and the period. Gives: exactly one
//! decision per enrolment, in input order. Neither the order of the rows nor that of the register
//! changes any decision, so runs with any number of workers agree.
//!
//! Two checks reach across rows: one person enrolled twice in a benefit, and one account that
//! receives for many. They see what they are given, so rows must first be brought together by
//! person, and by account, where those may lie in different shards.

use std::cmp::Reverse;

use jiff::civil::Date;

use crate::domain::hold::{HoldCode, HoldScope};
use crate::domain::identity::{BirthDate, IdentityRecord, Sex};
use crate::domain::national_id::{IdFindings, NationalId};
use crate::domain::period::Period;
use crate::identity::fold::FOLD_VERSION;
use crate::identity::grade::{IdGrade, NameComparer, grade_birth, grade_id, grade_sex};
use crate::identity::ladder::{Circumstances, Grades, LADDER_VERSION, Rule, Verdict, decide};
use crate::identity::score::{SCORE_VERSION, score_millibits};

/// What reconciliation needs of a roster row, borrowed from the import.
#[derive(Clone, Copy)]
pub struct Enrolment<'a> {
    /// Unique on the roster.
    pub enrolment_no: u64,
    /// The sender's id, and the day of the decision: of two enrolments of one person in one benefit the one
    /// that was decided earlier stands, of one day the one whose id comes first.
    pub enrolment_id: &'a str,
    pub decided_on: Option<Date>,
    /// The internal number of the beneficiary.
    pub person_no: u64,
    /// As written; empty and None are the same.
    pub national_id: Option<&'a str>,
    pub full_name: &'a str,
    pub born: Option<BirthDate>,
    pub sex: Option<Sex>,
    /// The benefit's number in the pack: one person is enrolled in it once.
    pub benefit: u16,
    /// False when the row is paid nothing whoever it is: the sender has ended or paused it, or it is
    /// refused. It stands in nobody's way.
    pub is_live: bool,
    /// True for a benefit that is paid because the person died.
    pub paid_on_death: bool,
    /// A number of the account that receives, equal for equal accounts; None for cash.
    pub account: Option<u64>,
    /// True when the payee holds an authorisation, or guardianship, for this beneficiary.
    pub payee_authorised: bool,
}

/// The thresholds that an office may set, two persons and logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReconcilePolicy {
    /// How many beneficiaries without an authorisation may be paid to one account.
    pub beneficiaries_per_account_max: u32,
}

impl Default for ReconcilePolicy {
    /// Two: husband and wife commonly share an account.
    fn default() -> ReconcilePolicy {
        ReconcilePolicy { beneficiaries_per_account_max: 2 }
    }
}

pub struct Input<'a> {
    pub enrolments: &'a [Enrolment<'a>],
    pub register: &'a [IdentityRecord<'a>],
    pub period: Period,
    pub policy: ReconcilePolicy,
}

pub struct Output {
    /// One per enrolment, in input order.
    pub decisions: Vec<Decision>,
}

/// What became of a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Goes on to be paid, and nobody has to look first.
    Confirmed,
    /// Goes on to be worked out; the payable is held.
    ConfirmedPayableHeld(HoldCode),
    /// Goes no further until released.
    Held(HoldCode),
}

/// The decision on one row, as it is kept: numbers, grades and versions, no personal data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    pub enrolment_no: u64,
    pub outcome: Outcome,
    pub rule: Rule,
    /// The rule that identified the person, when another rule held the row afterwards.
    pub identified_by: Rule,
    /// None when no record was compared.
    pub grades: Option<Grades>,
    /// The register record that was compared, or is proposed to the reviewer.
    pub record_no: Option<u64>,
    /// Only for the order of the review queue; see `identity::score`.
    pub score_millibits: i32,
    pub fold_version: u16,
    pub ladder_version: u16,
    pub score_version: u16,
}

impl Decision {
    /// True when a person must look, whether or not the payment waits for it.
    pub fn needs_review(&self) -> bool {
        self.rule.verdict() != Verdict::Auto
    }

    pub fn hold(&self) -> Option<HoldCode> {
        match self.outcome {
            Outcome::Confirmed => None,
            Outcome::ConfirmedPayableHeld(code) | Outcome::Held(code) => Some(code),
        }
    }

    /// The hold of the rule that identified the person. It is in force beside that of the rule that held
    /// the row afterwards: who releases one has not looked at the other.
    pub fn hold_of_identity(&self) -> Option<HoldCode> {
        self.identified_by.hold()
    }

    /// The rule that asks for a hold of this row.
    pub fn rule_of(&self, hold: &str) -> Rule {
        match self.hold_of_identity() {
            Some(code) if code.text() == hold => self.identified_by,
            _ => self.rule,
        }
    }
}

/// Decides every enrolment.
pub fn reconcile(input: Input<'_>) -> Output {
    let by_id = IdIndex::build(input.register);
    let mut desk = Desk { names: NameComparer::default(), period: input.period };
    let mut decisions = Vec::with_capacity(input.enrolments.len());
    let mut candidates = Vec::new();
    for enrolment in input.enrolments {
        let row = Row::read(enrolment);
        candidates.clear();
        if let RowId::Read(id) = row.id {
            candidates.extend(by_id.records(id.key()));
        }
        let best = desk.best(&row, &candidates, input.register);
        decisions.push(best.unwrap_or_else(|| not_found(&row)));
    }
    hold_second_enrolments(input.enrolments, &mut decisions);
    hold_shared_accounts(input.enrolments, input.policy, &mut decisions);
    Output { decisions }
}

/// A row with its id read once.
struct Row<'a> {
    enrolment: &'a Enrolment<'a>,
    id: RowId,
    findings: IdFindings,
}

enum RowId {
    Read(NationalId),
    Missing,
    Invalid,
}

impl<'a> Row<'a> {
    fn read(enrolment: &'a Enrolment<'a>) -> Row<'a> {
        let id = match enrolment.national_id {
            None => RowId::Missing,
            Some(text) if text.trim().is_empty() => RowId::Missing,
            Some(text) => NationalId::parse(text).map_or(RowId::Invalid, RowId::Read),
        };
        let findings = match id {
            RowId::Read(id) => id.findings(enrolment.born, enrolment.sex),
            RowId::Missing | RowId::Invalid => IdFindings::default(),
        };
        Row { enrolment, id, findings }
    }
}

/// Grades rows against records.
struct Desk {
    names: NameComparer,
    period: Period,
}

impl Desk {
    /// The decision for the best of the candidate records; None when none is the same person.
    fn best(
        &mut self,
        row: &Row<'_>,
        candidates: &[u32],
        register: &[IdentityRecord<'_>],
    ) -> Option<Decision> {
        if candidates.len() > CANDIDATES_MAX {
            return Some(ambiguous(row));
        }
        let mut best: Option<Decision> = None;
        let mut passing = 0;
        let mut dead = None;
        for at in candidates {
            let record = &register[*at as usize];
            let decision = self.compare(row, record);
            if decision.rule == Rule::NotThisPerson {
                continue;
            }
            passing += u32::from(decision.rule.verdict() == Verdict::Auto);
            if matches!(decision.rule, Rule::DeadBeforePeriod | Rule::DeadInPeriod) {
                dead = better(dead, decision);
            }
            best = better(best, decision);
        }
        // A register that has a person twice may have them once dead; that entry counts.
        match best {
            Some(_) if dead.is_some() => dead,
            Some(_) if passing > 1 => Some(ambiguous(row)),
            best => best,
        }
    }

    fn compare(&mut self, row: &Row<'_>, record: &IdentityRecord<'_>) -> Decision {
        let enrolment = row.enrolment;
        let id = match row.id {
            RowId::Read(id) => Some(id),
            RowId::Missing | RowId::Invalid => None,
        };
        let grades = Grades {
            id: match row.id {
                // An id that cannot be read is not absent: it names nobody.
                RowId::Invalid => IdGrade::Different,
                _ => grade_id(id, record.national_id, record.previous_national_id),
            },
            name: self.names.grade(enrolment.full_name, record.full_name),
            birth: grade_birth(enrolment.born, record.born),
            sex: grade_sex(enrolment.sex, record.sex),
            findings: row.findings,
        };
        let circumstances = Circumstances {
            vital: record.vital,
            period_first: self.period.first_day(),
            paid_on_death: enrolment.paid_on_death,
        };
        let rule = decide(&grades, &circumstances);
        decision(enrolment.enrolment_no, rule, Some((grades, record.record_no)))
    }
}

/// The better of two decisions, and the same one in whatever order they come.
fn better(current: Option<Decision>, other: Decision) -> Option<Decision> {
    let rank = |decision: &Decision| (decision.score_millibits, Reverse(decision.record_no));
    match current {
        Some(current) if rank(&current) >= rank(&other) => Some(current),
        _ => Some(other),
    }
}

fn decision(enrolment_no: u64, rule: Rule, compared: Option<(Grades, u64)>) -> Decision {
    let grades = compared.map(|(grades, _)| grades);
    Decision {
        enrolment_no,
        outcome: outcome(rule),
        rule,
        identified_by: rule,
        grades,
        record_no: compared.map(|(_, record_no)| record_no),
        score_millibits: grades.as_ref().map_or(0, score_millibits),
        fold_version: FOLD_VERSION,
        ladder_version: LADDER_VERSION,
        score_version: SCORE_VERSION,
    }
}

fn outcome(rule: Rule) -> Outcome {
    match rule.hold() {
        None => Outcome::Confirmed,
        Some(code) => match code.scope() {
            HoldScope::Row => Outcome::Held(code),
            HoldScope::Payable => Outcome::ConfirmedPayableHeld(code),
        },
    }
}

/// The same decision, now held by another rule.
fn held(decision: Decision, rule: Rule) -> Decision {
    Decision { outcome: outcome(rule), rule, ..decision }
}

fn not_found(row: &Row<'_>) -> Decision {
    let rule = match row.id {
        RowId::Missing => Rule::IdMissing,
        RowId::Invalid => Rule::IdFormInvalid,
        RowId::Read(_) if row.findings.contradicts_birth_or_sex() => Rule::IdContradicts,
        RowId::Read(_) => Rule::NotFound,
    };
    decision(row.enrolment.enrolment_no, rule, None)
}

/// Several records fit; none is proposed, because which came first would be chance.
fn ambiguous(row: &Row<'_>) -> Decision {
    decision(row.enrolment.enrolment_no, Rule::Ambiguous, None)
}

/// Of the rows of one person for one benefit the first stands: confirmed rows before held ones, among
/// these who surely is the person before who perhaps is, then who was decided earlier. No number of ours
/// has a say in it: two offices that pay one roster pay the same rows. The others are held whatever else
/// holds them, so that releasing that cannot pay twice. Rows are one person's when either
/// says so: the person's number, under which claims are kept and which a row has without any record,
/// or the record of the register, which two numbers may share and which one number may have two of.
fn hold_second_enrolments(enrolments: &[Enrolment<'_>], decisions: &mut [Decision]) {
    let by_person = |enrolment: &Enrolment<'_>, _: &Decision| Some(enrolment.person_no);
    let by_record = |_: &Enrolment<'_>, decision: &Decision| decision.record_no;
    let mut seconds = seconds_by(enrolments, decisions, by_person);
    seconds.extend(seconds_by(enrolments, decisions, by_record));
    for at in seconds {
        let second = &mut decisions[at as usize];
        *second = held(*second, Rule::EnrolledTwice);
    }
}

/// One row in the order in which rows of one key and benefit stand: the first of them goes on.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Standing<'a> {
    key: u64,
    benefit: u16,
    waits: bool,
    in_doubt: bool,
    has_no_day: bool,
    decided_on: Option<Date>,
    enrolment_id: &'a str,
    at: u32,
}

/// The rows that are not the first of those with the same key and benefit.
fn seconds_by(
    enrolments: &[Enrolment<'_>],
    decisions: &[Decision],
    key: impl Fn(&Enrolment<'_>, &Decision) -> Option<u64>,
) -> Vec<u32> {
    let mut rows: Vec<Standing<'_>> = Vec::with_capacity(decisions.len());
    for (at, (enrolment, decision)) in enrolments.iter().zip(decisions).enumerate() {
        let Some(key) = key(enrolment, decision).filter(|_| enrolment.is_live) else { continue };
        rows.push(Standing {
            key,
            benefit: enrolment.benefit,
            waits: matches!(decision.outcome, Outcome::Held(_)),
            in_doubt: !claims_the_person(decision),
            has_no_day: enrolment.decided_on.is_none(),
            decided_on: enrolment.decided_on,
            enrolment_id: enrolment.enrolment_id,
            at: at as u32,
        });
    }
    rows.sort_unstable();
    let of = |row: &Standing<'_>| (row.key, row.benefit);
    rows.windows(2).filter(|pair| of(&pair[0]) == of(&pair[1])).map(|pair| pair[1].at).collect()
}

/// A row whose id was most likely another person's does not push that person out, nor does a namesake
/// found without an id, who is a proposal to the reviewer.
fn claims_the_person(decision: &Decision) -> bool {
    !matches!(
        decision.identified_by,
        Rule::NameDiffers | Rule::NameNearBirthDiffers | Rule::DeadByIdAlone
    )
}

/// Holds the payables of an account that receives for more people than the policy allows without
/// an authorisation. All of them, because nothing says whose account it is.
fn hold_shared_accounts(
    enrolments: &[Enrolment<'_>],
    policy: ReconcilePolicy,
    decisions: &mut [Decision],
) {
    let unauthorised =
        |enrolment: &Enrolment<'_>| enrolment.account.filter(|_| !enrolment.payee_authorised);
    let mut receivers: Vec<(u64, (bool, u64), u32)> = enrolments
        .iter()
        .enumerate()
        .filter_map(|(at, enrolment)| {
            // Two enrolments of one person are one beneficiary, also where the roster has not
            // noticed that they are one.
            let person = match decisions[at].record_no {
                Some(record_no) if claims_the_person(&decisions[at]) => (true, record_no),
                _ => (false, enrolment.person_no),
            };
            Some((unauthorised(enrolment)?, person, at as u32))
        })
        .collect();
    receivers.sort_unstable();
    for same_account in receivers.chunk_by(|a, b| a.0 == b.0) {
        let people = same_account.chunk_by(|a, b| a.1 == b.1).count();
        if people > policy.beneficiaries_per_account_max as usize {
            for (_, _, at) in same_account {
                let decision = &mut decisions[*at as usize];
                if !matches!(decision.outcome, Outcome::Held(_)) {
                    *decision = held(*decision, Rule::AccountShared);
                }
            }
        }
    }
}

/// More records for one row than this are not compared: the row is ambiguous by then, and a hostile
/// file could make them many.
const CANDIDATES_MAX: usize = 8;

/// Finds register records by id. Entries are sorted inside buckets, so that ids chosen to collide
/// cost a binary search and not a walk.
struct IdIndex {
    entries: Vec<IdEntry>,
    /// Where each bucket begins; one more than there are buckets.
    starts: Vec<u32>,
    shift: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct IdEntry {
    key: u64,
    record: u32,
}

impl IdIndex {
    fn build(register: &[IdentityRecord<'_>]) -> IdIndex {
        let ids = |record: &IdentityRecord<'_>| {
            let previous = record.previous_national_id.map(|id| id.key());
            let current = record.national_id.key();
            [Some(current), previous.filter(|previous| *previous != current)]
        };
        let buckets_log2 = (register.len().max(2) as u64).ilog2();
        let shift = 64 - buckets_log2;
        let mut starts = vec![0_u32; (1 << buckets_log2) + 1];
        for key in register.iter().flat_map(ids).flatten() {
            starts[bucket(key, shift) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let count = *starts.last().expect("there is at least one bucket") as usize;
        let mut entries = vec![IdEntry::default(); count];
        let mut next = starts.clone();
        for (record, entry) in register.iter().enumerate() {
            for key in ids(entry).into_iter().flatten() {
                let at = &mut next[bucket(key, shift)];
                entries[*at as usize] = IdEntry { key, record: record as u32 };
                *at += 1;
            }
        }
        for ends in starts.windows(2) {
            entries[ends[0] as usize..ends[1] as usize].sort_unstable();
        }
        IdIndex { entries, starts, shift }
    }

    /// The records that have this id now or had it before.
    fn records(&self, key: u64) -> impl Iterator<Item = u32> {
        let at = bucket(key, self.shift);
        let bucket = &self.entries[self.starts[at] as usize..self.starts[at + 1] as usize];
        let first = bucket.partition_point(|entry| entry.key < key);
        let same = bucket[first..].iter().take_while(move |entry| entry.key == key);
        same.take(CANDIDATES_MAX + 1).map(|entry| entry.record)
    }
}

fn bucket(key: u64, shift: u32) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize
}

#[cfg(test)]
mod tests;
