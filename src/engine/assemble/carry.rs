//! Brings what closed cycles left unpaid into this one: the same claims, not a new entitlement.
//!
//! Reads: unpaid payables of a shard with their attempts, this month's lines and this month's rows.
//! Gives: lines that are carried, and why some of them are held. What may not be ordered again for a
//! reason is not carried past it, and nobody is paid an earlier month whom this month holds back.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::cycle::Cycle;
use crate::domain::exception::Subject;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{CycleNo, PayableNo, PersonNo, Shard};
use crate::domain::instruction::{Instruction, InstructionState};
use crate::engine::chunks;
use crate::engine::payout::{Payout, TravellingLine, read_payouts};
use crate::engine::{Engine, EngineError};
use crate::pipeline::assemble::{DueLine, LineKind};
use crate::pipeline::retry::{Further, further};
use crate::store::registry::ChunkKind;

impl Engine {
    /// Payables whose money is proved paid under an order that we held dead, and those that later lists
    /// made of them: nothing of them is ordered or carried before the books agree.
    pub(in crate::engine) async fn paid_otherwise(
        &self,
    ) -> Result<HashSet<PayableNo>, EngineError> {
        let with_excess = self.store.payables_with_excess().await?;
        let mut next: BTreeSet<PayableNo> = self
            .store
            .instructions_of(&with_excess)
            .await?
            .into_iter()
            .filter(|one| one.state == InstructionState::SettledExcess)
            .map(|one| one.payable)
            .collect();
        let mut found = HashSet::new();
        while !next.is_empty() {
            let numbers: Vec<PayableNo> = next.into_iter().collect();
            let carried = self.store.payables_of(&numbers).await?;
            found.extend(numbers);
            next = carried
                .into_iter()
                .filter_map(|payable| payable.carried_to)
                .filter(|to| !found.contains(to))
                .collect();
        }
        Ok(found)
    }

    pub(super) async fn carry(
        &self,
        cycle: &Cycle,
        shard: Shard,
        paid_otherwise: &HashSet<PayableNo>,
        arrived: &mut Vec<TravellingLine>,
    ) -> Result<(), EngineError> {
        let unpaid = self.store.payables_to_carry(cycle.authority, shard).await?;
        if unpaid.is_empty() {
            return Ok(());
        }
        let numbers: Vec<PayableNo> = unpaid.iter().map(|payable| payable.number).collect();
        let mut attempts: HashMap<PayableNo, Vec<Instruction>> = HashMap::new();
        for instruction in self.store.instructions_of(&numbers).await? {
            attempts.entry(instruction.payable).or_default().push(instruction);
        }
        let mut payouts: HashMap<PayableNo, Payout> = HashMap::new();
        let cycles: BTreeSet<CycleNo> = numbers.iter().map(|number| number.cycle()).collect();
        for from in cycles {
            for chunk in self.store.chunks(shard, ChunkKind::Payout, from.0).await? {
                for payout in read_payouts(&chunks::open(&self.keys.chunks, &chunk)?)? {
                    payouts.insert(payout.payable, payout);
                }
            }
        }
        let mut deaths = Deaths::default();
        for payable in &unpaid {
            let Some(payout) = payouts.get(&payable.number) else {
                return Err(EngineError::Inconsistent(format!(
                    "the details of payable {} are missing",
                    payable.number
                )));
            };
            let tried = attempts.remove(&payable.number).unwrap_or_default();
            let is_paid_otherwise = paid_otherwise.contains(&payable.number);
            let of_reason = match further(payable, &tried, is_paid_otherwise) {
                Further::Open(_) | Further::Uncollected => None,
                Further::NeedsAPerson(code, _) => Some(code),
                Further::Wait(_) | Further::Stop(_) => continue,
            };
            // Where this month's money goes, last month's goes too; a bad account is not repeated
            // when the roster names a better one.
            let now = arrived.iter().find(|one| {
                one.line.payee == payable.payee
                    && one.line.beneficiary == payable.beneficiary
                    && one.line.fund == payable.fund
            });
            let (destination, detail, hold, apart) = match now {
                Some(one) => (one.line.destination, one.detail.clone(), one.hold, of_reason),
                None => {
                    let code =
                        match deaths.is_held_as_dead(self, cycle, payable.beneficiary).await? {
                            true => HoldCode::UnpaidBeforeDeath,
                            false => of_reason.unwrap_or(HoldCode::NotEntitledNow),
                        };
                    (payout.destination, payout.detail.clone(), None, Some(code))
                }
            };
            for claim in &payout.claims {
                arrived.push(TravellingLine {
                    line: DueLine {
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
                        destination,
                        carried_from: Some(payable.number),
                        apart,
                    },
                    hold,
                    detail: detail.clone(),
                });
            }
        }
        Ok(())
    }
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
