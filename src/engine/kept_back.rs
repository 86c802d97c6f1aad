//! What is kept back of payments when a list is assembled, for what people owe.
//!
//! Reads: what is left of each receivable, what earlier lists found to be too much of the claims that this one
//! raises, and the orders of courts, which come before what people owe. Gives: by how much each payable is
//! lowered, for which receivable or order; and what is set off so that nothing is left to be paid. The share
//! of ordinary recovery does not bound what is the same money.

use std::collections::{BTreeSet, HashMap};

use crate::domain::claim::Claim;
use crate::domain::court_order::CourtDeduction;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::ids::{CycleNo, EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::period::Period;
use crate::domain::receivable::{ReceivableCause, Recovery, SetOff};
use crate::engine::kept_for_courts::OrdersInForce;
use crate::engine::paid_otherwise::PaidOtherwise;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, Group, Output};
use crate::pipeline::recover::{Owing, RecoveryPolicy, recover};

/// What people owe when a list is assembled.
pub(super) struct Owed {
    /// What may be kept back, the oldest receivable of each person first.
    by_person: HashMap<PersonNo, Vec<Owing>>,
    /// What lists found to be too much, by the list and the person: receivables, each with what two persons
    /// gave up of it.
    found_by: HashMap<(CycleNo, PersonNo), Vec<Owing>>,
}

/// What is taken off the money of one list.
#[derive(Default)]
pub(super) struct KeptBack {
    pub recoveries: Vec<Recovery>,
    pub for_courts: Vec<CourtDeduction>,
    /// Of money of which nothing is left to be paid.
    pub set_off: Vec<SetOff>,
}

type ClaimKey = (Shard, Period, EnrolmentNo, String, String);

/// What earlier lists found to be too much of claims that a list raises, the newest first.
pub(super) struct TooMuch(HashMap<ClaimKey, Vec<Claim>>);

/// Part of a line that is the same money as what is to be got back.
struct SameMoney<'a> {
    line: &'a DueLine,
    person: PersonNo,
    receivable: i64,
    amount_minor: i64,
}

impl Owed {
    /// Lowers the payables of those who owe something, and tells by how much and for what. `set_off` names,
    /// by the payable that money was carried from, receivables for the same claims: of that money they take
    /// all up to the amount beside them, and of nothing else more than the policy's share. What stands on a list
    /// that has not paid it is taken off nothing else (`paid_otherwise`). What raises a claim that was `too_much` takes all that is
    /// left of it, also what was given up; a payable of which nothing is left is none. What is the same money was
    /// paid already, and is set off first; then come orders of courts, unless the beneficiary `has_died`, and
    /// what is left is lowered within the policy, above the floor of every order that was served.
    pub(super) fn kept_back(
        &mut self,
        engine: &Engine,
        assembled: &mut Output,
        set_off: &HashMap<PayableNo, Vec<Owing>>,
        paid_otherwise: &PaidOtherwise,
        too_much: &TooMuch,
        (courts, has_died): (&mut OrdersInForce, &dyn Fn(&Group) -> bool),
    ) -> KeptBack {
        let mut kept = KeptBack::default();
        let mut payables = Vec::with_capacity(assembled.payables.len());
        for (payable, mut group) in std::mem::take(&mut assembled.payables) {
            let mut already = self.set_off_of_carried(&mut group, set_off);
            let same = self.same_money(&group, set_off, too_much);
            for one in &same {
                self.take(one.person, one.receivable, one.amount_minor);
            }
            let of_same: i64 = same.iter().map(|one| one.amount_minor).sum();
            let paid_before: Vec<DueLine> = same
                .iter()
                .map(|one| DueLine { amount_minor: -one.amount_minor, ..one.line.clone() })
                .collect();
            if of_same > 0 && of_same == group.total_minor {
                kept.set_off.extend(same.iter().map(set_off_line));
                group.total_minor = 0;
                assembled.uncovered.push(group);
                continue;
            }
            for one in &same {
                add(&mut already, one.receivable, one.amount_minor);
            }
            group.total_minor -= of_same;
            let (for_courts, floor_minor) = match has_died(&group) {
                true => (Vec::new(), 0),
                false => courts.keep_back(payable, &mut group, &paid_before),
            };
            kept.for_courts.extend(for_courts);
            let set_off_here = |receivable| already.iter().any(|(one, _)| *one == receivable);
            let mut owing: Vec<&mut Owing> = self
                .by_person
                .get_mut(&group.beneficiary)
                .into_iter()
                .flatten()
                // What the person owed is the estate's, and is not the heir's to pay.
                .filter(|one| group.heir.is_none() && !set_off_here(one.receivable))
                .collect();
            let may_take =
                |one: &Owing| paid_otherwise.takes_at_most(one.receivable, one.left_minor);
            let mut left: Vec<Owing> =
                owing.iter().map(|one| Owing { left_minor: may_take(one), ..**one }).collect();
            let (policy, at_once) = (engine.config.recovery, group.taken_minor);
            let floor_minor = policy.floor_minor.max(floor_minor);
            let policy = RecoveryPolicy { floor_minor, ..policy };
            let taken = recover(&policy, group.total_minor + at_once, at_once, &mut left);
            for (receivable, amount) in &taken {
                group.total_minor -= amount;
                for one in owing.iter_mut().filter(|one| one.receivable == *receivable) {
                    one.left_minor -= amount;
                }
            }
            kept.recoveries.extend(already.into_iter().chain(taken).map(|(receivable, amount)| {
                Recovery { receivable, payable, amount_minor: -amount }
            }));
            payables.push((payable, group));
        }
        assembled.payables = payables;
        kept
    }

    /// Sets money that was carried off against receivables for the same claims.
    fn set_off_of_carried(
        &mut self,
        group: &mut Group,
        set_off: &HashMap<PayableNo, Vec<Owing>>,
    ) -> Vec<(i64, i64)> {
        let from: BTreeSet<PayableNo> =
            group.lines.iter().filter_map(|line| line.carried_from).collect();
        let mut already = Vec::new();
        for (from, receivables) in from.iter().filter_map(|from| set_off.get_key_value(from)) {
            let carried = group.lines.iter().filter(|line| line.carried_from == Some(*from));
            let mut part: i64 = carried.map(|line| line.amount_minor).sum();
            for Owing { receivable, left_minor: most } in receivables {
                let mut all = self.by_person.values_mut().flatten();
                let Some(owing) = all.find(|one| one.receivable == *receivable) else {
                    continue;
                };
                let amount = owing.left_minor.min(part).min(*most);
                // Something is always left to be paid; otherwise it stays owed.
                if amount <= 0 || amount >= group.total_minor {
                    continue;
                }
                owing.left_minor -= amount;
                part -= amount;
                group.total_minor -= amount;
                add(&mut already, *receivable, amount);
            }
        }
        already
    }

    /// What of a group raises claims that earlier lists lowered, while what was paid for them is not back.
    fn same_money<'a>(
        &self,
        group: &'a Group,
        set_off: &HashMap<PayableNo, Vec<Owing>>,
        too_much: &TooMuch,
    ) -> Vec<SameMoney<'a>> {
        let mut found: Vec<SameMoney<'a>> = Vec::new();
        let mut room = group.total_minor;
        for line in &group.lines {
            if line.carried_from.is_some_and(|from| set_off.contains_key(&from)) {
                continue;
            }
            let mut part = line.amount_minor;
            for before in too_much.of(line) {
                let mut most = -before.amount_minor;
                let key = (before.cycle, before.person);
                for one in self.found_by.get(&key).into_iter().flatten() {
                    let planned = found.iter().filter(|other| other.receivable == one.receivable);
                    let planned: i64 = planned.map(|other| other.amount_minor).sum();
                    let left = self.left(before.person, one.receivable) + one.left_minor - planned;
                    let amount_minor = left.min(part).min(most).min(room);
                    if amount_minor <= 0 {
                        continue;
                    }
                    part -= amount_minor;
                    most -= amount_minor;
                    room -= amount_minor;
                    let receivable = one.receivable;
                    let person = before.person;
                    found.push(SameMoney { line, person, receivable, amount_minor });
                }
            }
        }
        // The claims of carried money stay with its payable, of which something is always left.
        if room == 0 && group.lines.iter().any(|line| line.carried_from.is_some()) {
            found.retain(|one| one.line.carried_from.is_none());
            if found.iter().map(|one| one.amount_minor).sum::<i64>() == group.total_minor {
                found.clear();
            }
        }
        found
    }

    fn left(&self, person: PersonNo, receivable: i64) -> i64 {
        let mut all = self.by_person.get(&person).into_iter().flatten();
        all.find(|one| one.receivable == receivable).map_or(0, |one| one.left_minor)
    }

    /// Takes first of what is left of a receivable, then of what was given up of it.
    fn take(&mut self, person: PersonNo, receivable: i64, amount_minor: i64) {
        let mut more = amount_minor;
        let left = self.by_person.get_mut(&person).into_iter().flatten();
        let given_up = self.found_by.iter_mut().filter(|((_, of), _)| *of == person);
        for one in left.chain(given_up.flat_map(|(_, all)| all)) {
            if one.receivable == receivable {
                let part = one.left_minor.min(more);
                one.left_minor -= part;
                more -= part;
            }
        }
    }
}

/// A payable is lowered once for each receivable, by all that is taken off for it.
fn add(already: &mut Vec<(i64, i64)>, receivable: i64, amount_minor: i64) {
    match already.iter_mut().find(|(one, _)| *one == receivable) {
        Some((_, amount)) => *amount += amount_minor,
        None => already.push((receivable, amount_minor)),
    }
}

impl TooMuch {
    fn of(&self, line: &DueLine) -> impl Iterator<Item = &Claim> {
        let before = self.0.get(&key(line)).into_iter().flatten();
        let is_raised = line.amount_minor > 0;
        before.filter(move |one| is_raised && one.revision < line.revision)
    }
}

fn key(line: &DueLine) -> ClaimKey {
    (line.owner.shard(), line.period, line.enrolment, line.benefit.clone(), line.component.clone())
}

fn set_off_line(one: &SameMoney<'_>) -> SetOff {
    let line = one.line;
    SetOff {
        receivable: one.receivable,
        shard: line.owner.shard(),
        period: line.period,
        enrolment: line.enrolment,
        benefit: line.benefit.clone(),
        component: line.component.clone(),
        revision: line.revision,
        amount_minor: one.amount_minor,
    }
}

impl Engine {
    /// What may be kept back in a cycle. What a list worked out that may still be cancelled is not
    /// among it, nor is what the cycle itself worked out: computing it again must give the same.
    pub(super) async fn owed(&self, cycle: &Cycle) -> Result<Owed, EngineError> {
        let mut certain: HashMap<CycleNo, bool> = HashMap::new();
        for one in self.store.cycles().await? {
            let stands = matches!(
                one.state,
                CycleState::Released | CycleState::Settling | CycleState::Closed
            );
            certain.insert(one.number, stands && one.number != cycle.number);
        }
        let mut owed = Owed { by_person: HashMap::new(), found_by: HashMap::new() };
        for standing in self.store.standings().await? {
            let stands = standing.found_by.is_none_or(|by| certain.get(&by) == Some(&true));
            let receivable = &standing.receivable;
            if !stands || !receivable.cause.is_recovered_from_entitlements() {
                continue;
            }
            let left_minor = standing.left_minor();
            if left_minor > 0 {
                owed.by_person
                    .entry(receivable.person)
                    .or_default()
                    .push(Owing { receivable: standing.number, left_minor });
            }
            let given_up = standing.not_back_minor() - left_minor;
            if let (ReceivableCause::Overpayment, Some(by)) = (receivable.cause, standing.found_by)
                && left_minor + given_up > 0
            {
                owed.found_by
                    .entry((by, receivable.person))
                    .or_default()
                    .push(Owing { receivable: standing.number, left_minor: given_up });
            }
        }
        Ok(owed)
    }

    /// What earlier lists found to be too much of the claims that these payables raise: they lowered them
    /// without a payable, so that it became a receivable.
    pub(super) async fn too_much_before(
        &self,
        payables: &[(PayableNo, Group)],
    ) -> Result<TooMuch, EngineError> {
        let lines = payables.iter().flat_map(|(_, group)| &group.lines);
        let raised = lines.filter(|line| line.revision > 0 && line.amount_minor > 0);
        let mut months: Vec<(Shard, Period, EnrolmentNo)> =
            raised.map(|line| (line.owner.shard(), line.period, line.enrolment)).collect();
        months.sort();
        months.dedup();
        let mut found: HashMap<ClaimKey, Vec<Claim>> = HashMap::new();
        for one in self.store.claims_of(&months).await? {
            if one.payable.is_none() && one.amount_minor < 0 {
                let (benefit, component) = (one.benefit.clone(), one.component.clone());
                let key = (one.shard, one.period, one.enrolment, benefit, component);
                found.entry(key).or_default().push(one);
            }
        }
        for claims in found.values_mut() {
            claims.sort_by_key(|one| std::cmp::Reverse(one.revision));
        }
        Ok(TooMuch(found))
    }
}
