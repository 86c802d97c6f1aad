//! Brings what closed cycles left unpaid into this one: the same claims, not a new entitlement.
//!
//! Reads: unpaid payables of a shard with their attempts, this month's lines and this month's rows.
//! Gives: lines that are carried, and why some of them are held. What may not be ordered again for a
//! reason is not carried past it, however many lists it waits, and nobody is paid an earlier month whom
//! this month holds back. What an earlier order turns out to have paid is not carried, or set off.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::audit::batch_root::BatchRootBuilder;
use crate::domain::claim::Claim;
use crate::domain::cycle::Cycle;
use crate::domain::exception::Subject;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::instruction::Instruction;
use crate::domain::payable::Payable;
use crate::domain::period::Period;
use crate::engine::assemble::inherited::{Directed, Inheriting, Way};
use crate::engine::heir::Heirs;
use crate::engine::paid_otherwise::{PaidOtherwise, all_of_it};
use crate::engine::payout::{OwnedClaim, Payout, TravellingLine};
use crate::engine::recall::Recalled;
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, Group, LineKind};
use crate::pipeline::recover::Owing;
use crate::pipeline::retry::{Besides, Further, PERHAPS_TWICE, further, left_by_orders};
use crate::store::Changes;
use crate::store::stops::Paid;

/// Whose orders were stopped and whom nobody has paid since: by officers, or not.
pub(super) type Stopped = HashMap<Paid, bool>;

/// What has to be heeded of the money that was carried, by the payable from which it comes.
#[derive(Default)]
pub(super) struct Carried {
    /// What earlier orders left in doubt; it holds the money also when something else does.
    pub doubts: HashMap<PayableNo, HoldCode>,
    /// Receivables for money of the same claims, which the person has or which a list lowered: so much of
    /// each is set off.
    pub set_off: HashMap<PayableNo, Vec<Owing>>,
}

/// The claims of carried lines, as they stand before they are carried.
pub(super) struct Before(HashMap<ClaimKey, Claim>);

type ClaimKey = (Shard, Period, EnrolmentNo, String, String, u16);

impl Before {
    /// The claim of a line. One that is not there is taken for what the line says, and the step that would
    /// carry it finds it missing.
    pub fn of(&self, line: &DueLine, from: PayableNo) -> Claim {
        let wanted = (
            line.owner.shard(),
            line.period,
            line.enrolment,
            line.benefit.clone(),
            line.component.clone(),
            line.revision,
        );
        let found = self.0.get(&wanted).cloned();
        found.unwrap_or_else(|| super::claim(line, from.cycle(), Some(from)))
    }
}

impl Engine {
    /// Reads the claims of the lines that are carried.
    pub(super) async fn claims_before(
        &self,
        payables: &[(PayableNo, Group)],
    ) -> Result<Before, EngineError> {
        let lines = payables.iter().flat_map(|(_, group)| &group.lines);
        let carried = lines.filter(|line| line.carried_from.is_some());
        let mut months: Vec<(Shard, Period, EnrolmentNo)> =
            carried.map(|line| (line.owner.shard(), line.period, line.enrolment)).collect();
        months.sort();
        months.dedup();
        let claims = self.store.claims_of(&months).await?;
        let keyed = claims.into_iter().map(|one| {
            let (benefit, component) = (one.benefit.clone(), one.component.clone());
            ((one.shard, one.period, one.enrolment, benefit, component, one.revision), one)
        });
        Ok(Before(keyed.collect()))
    }

    pub(super) async fn carry(
        &self,
        cycle: &Cycle,
        shard: Shard,
        (paid_otherwise, stopped, inheriting): (&PaidOtherwise, &Stopped, &mut Inheriting),
        arrived: &mut Vec<TravellingLine>,
        changes: &mut Changes,
        root: &mut BatchRootBuilder,
    ) -> Result<Carried, EngineError> {
        let mut carried = Carried::default();
        let unpaid = self.store.payables_to_carry(cycle.authority, shard).await?;
        if unpaid.is_empty() {
            return Ok(carried);
        }
        let numbers: Vec<PayableNo> = unpaid.iter().map(|payable| payable.number).collect();
        let mut attempts: HashMap<PayableNo, Vec<Instruction>> = HashMap::new();
        for instruction in self.store.instructions_of(&numbers).await? {
            attempts.entry(instruction.payable).or_default().push(instruction);
        }
        let payouts = self.payouts_of(&numbers).await?;
        // Read after the orders: whoever asks one back finds it out, and is found here when it failed since.
        let recalled = self.recalled_within(shard).await?;
        let known = (&recalled, paid_otherwise, stopped, &inheriting.heirs);
        let doubts = self.doubts_left(shard, &unpaid, &attempts, known).await?;
        let mut deaths = Deaths::default();
        for payable in &unpaid {
            let Some(payout) = payouts.get(&payable.number) else {
                return Err(EngineError::Inconsistent(format!(
                    "the details of payable {} are missing",
                    payable.number
                )));
            };
            let tried = attempts.remove(&payable.number).unwrap_or_default();
            if paid_otherwise.has_ended(payable.number) || recalled.is_asked_back(payable.number) {
                continue;
            }
            let doubt = doubts.get(&payable.number).copied();
            let besides = Besides {
                is_perhaps_paid_twice: paid_otherwise.is_perhaps_twice(payable.number),
                ..Besides::default()
            };
            let before = paid_otherwise.before(payable.number);
            // Its own order is proved paid, beside a list that was given up meanwhile.
            let mut of_itself = before.iter().filter(|one| one.order.payable == payable.number);
            let is_paid_itself = of_itself.clone().next().is_some()
                && !of_itself.any(|one| one.is_given_up)
                && !tried.iter().any(|one| one.state.is_live());
            let heir = inheriting.heirs.of(payable.beneficiary);
            // What stood against another payee or account says nothing of the heir's; whether the money was paid
            // already, and that two officers asked it back, does.
            let is_new = heir.is_some_and(|heir| payable.heir != Some(heir.number));
            let doubt = doubt.filter(|code| !is_new || outlasts_the_payee(*code));
            let is_stopped =
                stopped.contains_key(&(payable.payee, payable.beneficiary, payable.heir));
            let of_reason = match further(payable, &tried, doubt, besides) {
                _ if is_paid_itself => None,
                Further::Wait(_) => continue,
                Further::Stop(_) if is_stopped && !is_new => Some(HoldCode::ReportedByPartner),
                // Two persons asked it back; two release it.
                _ if recalled.last_came_back(&tried) => Some(HoldCode::ReportedByOfficer),
                Further::NeedsAPerson(code, _) if is_new => {
                    Some(code).filter(|code| outlasts_the_payee(*code)).or(doubt)
                }
                Further::Open(_) | Further::Uncollected => None,
                // What a partner said of the payee is void once a later cycle has paid them all the same.
                Further::Stop(_) => doubt,
                Further::NeedsAPerson(code, _) => Some(code),
            };
            let due_minor: i64 = payout.claims.iter().map(|claim| claim.amount_minor).sum();
            if !before.is_empty()
                && let Some(payments) = all_of_it(before, due_minor)
            {
                for excess in payments {
                    self.becomes_the_payment(excess, changes, root).await?;
                }
                continue;
            }
            let of_excess = before.iter().map(|excess| Owing {
                receivable: excess.receivable,
                left_minor: excess.left_minor,
            });
            let lowered = paid_otherwise.lowered.off(payable.number);
            let set_off: Vec<Owing> = of_excess.chain(lowered.iter().copied()).collect();
            let sum = |all: &[Owing]| all.iter().map(|one| one.left_minor).sum::<i64>();
            let to_set_off = (sum(lowered), sum(&set_off));
            let lines = carried_lines(payable, payout, of_reason);
            let way = self
                .way_of(inheriting, payable, (lines, &payout.detail), arrived, to_set_off)
                .await?;
            let due_minor = match &way {
                Way::Waits => continue,
                Way::ToHeir(directed) => directed.due_minor,
                Way::AsEver | Way::NotTheHeirs => due_minor,
            };
            if !set_off.is_empty() {
                // What would come to nothing is not ordered.
                if sum(&set_off) >= due_minor {
                    continue;
                }
                carried.set_off.insert(payable.number, set_off);
            }
            if let Some(code) = of_reason {
                carried.doubts.insert(payable.number, code);
            }
            if let Way::ToHeir(directed) = way {
                let Directed { detail, lines, .. } = *directed;
                arrived.extend(lines.into_iter().map(|line| TravellingLine {
                    line,
                    holds: Vec::new(),
                    detail: detail.clone(),
                }));
                continue;
            }
            // Where this month's money goes, last month's goes too; a bad account is not repeated
            // when the roster names a better one.
            let now = arrived.iter().find(|one| {
                // What was carried a moment ago says nothing about this month.
                one.line.carried_from.is_none()
                    && one.line.heir.is_none()
                    && one.line.payee == payable.payee
                    && one.line.beneficiary == payable.beneficiary
                    && one.line.fund == payable.fund
            });
            let (destination, detail, holds, apart) = match now {
                Some(one) => {
                    (one.line.destination, one.detail.clone(), one.holds.clone(), of_reason)
                }
                None => {
                    // Also once their row has left the roster, who was known to be dead stays so.
                    let was_dead = payable.heir.is_some() || was_held_as_dead(payable);
                    let dead = deaths.is_held_as_dead(self, cycle, payable.beneficiary);
                    let code = match was_dead || dead.await? {
                        true => HoldCode::UnpaidBeforeDeath,
                        false => of_reason.unwrap_or(HoldCode::NotEntitledNow),
                    };
                    let (destination, detail) = match payable.heir {
                        Some(_) => self.nowhere(payout),
                        None => (payout.destination, payout.detail.clone()),
                    };
                    (destination, detail, Vec::new(), Some(code))
                }
            };
            let apart = match way {
                Way::NotTheHeirs => Some(HoldCode::NotTheHeirs),
                _ => apart,
            };
            let lines = carried_lines(payable, payout, apart).into_iter();
            arrived.extend(lines.map(|line| TravellingLine {
                line: DueLine { destination, ..line },
                holds: holds.clone(),
                detail: detail.clone(),
            }));
        }
        Ok(carried)
    }

    /// What the orders of earlier lists left in doubt of payables that were never ordered themselves: held
    /// as they were, they have no order that says it.
    async fn doubts_left(
        &self,
        shard: Shard,
        unpaid: &[Payable],
        attempts: &HashMap<PayableNo, Vec<Instruction>>,
        (recalled, paid_otherwise, stopped, heirs): (&Recalled, &PaidOtherwise, &Stopped, &Heirs),
    ) -> Result<HashMap<PayableNo, HoldCode>, EngineError> {
        let tried = |payable: &Payable| {
            let of_payable = attempts.get(&payable.number).map_or(&[][..], Vec::as_slice);
            left_by_orders(payable, of_payable).is_some()
        };
        let never: Vec<&Payable> = unpaid.iter().filter(|payable| !tried(payable)).collect();
        let mut found = HashMap::new();
        if never.is_empty() {
            return Ok(found);
        }
        let mut earlier: HashMap<PayableNo, Vec<PayableNo>> = HashMap::new();
        for (from, to) in self.store.carried_within(shard).await? {
            earlier.entry(to).or_default().push(from);
        }
        for payable in never {
            // Who would be paid now.
            let heir = heirs.of(payable.beneficiary).map(|heir| heir.number);
            let mut numbers = earlier.get(&payable.number).cloned().unwrap_or_default();
            while !numbers.is_empty() {
                let mut before = Vec::new();
                for one in self.store.payables_of(&numbers).await? {
                    let orders = self.store.instructions_of(&[one.number]).await?;
                    if recalled.last_came_back(&orders) {
                        found.insert(payable.number, HoldCode::ReportedByOfficer);
                        continue;
                    }
                    let left = match paid_otherwise.is_perhaps_twice(one.number) {
                        true => Some(PERHAPS_TWICE),
                        false => left_by_orders(&one, &orders),
                    };
                    let paid = (one.payee, one.beneficiary, one.heir);
                    let is_of_another = one.heir != heir;
                    match left {
                        Some(Further::NeedsAPerson(HoldCode::ReportedByPartner, _))
                            if !stopped.contains_key(&paid) => {}
                        Some(Further::NeedsAPerson(code, _))
                            if is_of_another && !outlasts_the_payee(code) => {}
                        Some(Further::NeedsAPerson(code, _)) => {
                            let first = found.entry(payable.number).or_insert(code);
                            *first = (*first).min(code);
                        }
                        Some(_) => {}
                        None => before.extend(earlier.get(&one.number).into_iter().flatten()),
                    }
                }
                numbers = before;
            }
        }
        Ok(found)
    }
}

/// The lines of a payable that is carried, to where it went.
fn carried_lines(payable: &Payable, payout: &Payout, apart: Option<HoldCode>) -> Vec<DueLine> {
    let line = |claim: &OwnedClaim| DueLine {
        payee: payable.payee,
        beneficiary: payable.beneficiary,
        owner: claim.owner,
        fund: payable.fund.clone(),
        programme: payable.programme.clone(),
        province: payable.province.clone(),
        enrolment: claim.enrolment,
        benefit: claim.benefit.clone(),
        component: claim.component.clone(),
        period: claim.period,
        kind: LineKind::Carried,
        revision: claim.revision,
        amount_minor: claim.amount_minor,
        destination: payout.destination,
        heir: None,
        carried_from: Some(payable.number),
        lowers_unpaid: false,
        apart,
    };
    payout.claims.iter().map(line).collect()
}

/// Whether an earlier list held a payable because its beneficiary had died.
fn was_held_as_dead(payable: &Payable) -> bool {
    let codes = [HoldCode::DiedInPeriod, HoldCode::UnpaidBeforeDeath, HoldCode::NotTheHeirs];
    codes.iter().any(|code| code.text() == payable.code)
}

/// Whether a doubt is about the money, and not about who was to receive it.
fn outlasts_the_payee(code: HoldCode) -> bool {
    matches!(code, HoldCode::DuplicateReported | HoldCode::ReportedByOfficer)
}

/// Whose rows of this month are held because the register has their death, read a shard at a time.
#[derive(Default)]
struct Deaths {
    by_shard: BTreeMap<Shard, HashSet<PersonNo>>,
}

impl Deaths {
    async fn is_held_as_dead(
        &mut self,
        engine: &Engine,
        cycle: &Cycle,
        person: PersonNo,
    ) -> Result<bool, EngineError> {
        let shard = person.shard();
        if let Entry::Vacant(unread) = self.by_shard.entry(shard) {
            let dead = engine
                .store
                .exceptions(cycle.number, shard)
                .await?
                .into_iter()
                .filter(|one| one.subject == Subject::Row && one.code == HoldCode::Deceased.text())
                .map(|one| one.person)
                .collect();
            unread.insert(dead);
        }
        Ok(self.by_shard.get(&shard).is_some_and(|dead| dead.contains(&person)))
    }
}
