//! Money of earlier months on its way to a person: on which list it was, why it did not arrive, how it was
//! worked out then, and where it is now.
//!
//! Reads: payables, the ones whose claims they took over, and the details that both keep. Gives: one
//! account for each payable on the way, the oldest first, in both languages.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::claim::Claim;
use crate::domain::cycle::Cycle;
use crate::domain::ids::{CycleNo, EnrolmentNo, PayableNo, PersonNo};
use crate::domain::instruction::Instruction;
use crate::domain::payable::{Payable, PayableState};
use crate::domain::period::Period;
use crate::engine::compute::{ExplainedLine, ExplainedRow};
use crate::engine::explain::holds::ToldHold;
use crate::engine::explain::money::{self, Files};
use crate::engine::payout::OwnedClaim;
use crate::engine::{Engine, EngineError};
use crate::report::words::Words;

/// What of an earlier list was not paid, and came to the list that is explained.
pub struct Carried {
    /// As it stood on the earlier list when it was carried.
    pub payable: Payable,
    pub cycle: Cycle,
    pub attempts: Vec<ToldOrder>,
    /// What held it on that list, and what was decided about it.
    pub holds: Vec<ToldHold>,
    /// What that list itself determined, without what it had taken over from a still earlier one.
    pub lines: Vec<ExplainedLine>,
    /// How it stood on its list, as part of a sentence.
    pub then: Words,
    pub now: Whereabouts,
    pub told: Words,
}

/// Where money is now: the payable that no later list has taken over.
pub struct Whereabouts {
    pub payable: Payable,
    /// As people name its cycle.
    pub cycle: String,
    /// How it stands there, as part of a sentence.
    pub standing: Words,
}

/// One order, its file, and what became of it.
pub struct ToldOrder {
    pub order: Instruction,
    pub file_name: String,
    /// Part of a sentence.
    pub told: Words,
}

/// What names a claim within a person.
type ClaimKey = (EnrolmentNo, String, String, Period, u16);

fn key(claim: &OwnedClaim) -> ClaimKey {
    (claim.enrolment, claim.benefit.clone(), claim.component.clone(), claim.period, claim.revision)
}

impl Engine {
    /// What earlier lists left to these payables, whether directly or through others.
    pub(super) async fn carried_to(
        &self,
        payables: &[Payable],
    ) -> Result<Vec<Carried>, EngineError> {
        let mut into: BTreeMap<PayableNo, BTreeSet<PayableNo>> = BTreeMap::new();
        let mut waiting: Vec<PayableNo> = payables.iter().map(|one| one.number).collect();
        while let Some(number) = waiting.pop() {
            let earlier = self.store.payables_carried_to(&[number]).await?;
            waiting.extend(earlier.iter().copied());
            if !earlier.is_empty() {
                into.insert(number, earlier.into_iter().collect());
            }
        }
        let numbers: Vec<PayableNo> =
            into.values().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let payouts = self.payouts_of(&numbers).await?;
        let mut explained: HashMap<(CycleNo, PersonNo), Option<Vec<ExplainedRow>>> = HashMap::new();
        let mut found = Vec::new();
        // A number begins with its cycle's, so that the oldest come first.
        for payable in self.store.payables_of(&numbers).await? {
            let cycle = self.cycle_numbered(payable.number.cycle()).await?;
            let taken_over: HashSet<ClaimKey> = into
                .get(&payable.number)
                .into_iter()
                .flatten()
                .filter_map(|earlier| payouts.get(earlier))
                .flat_map(|payout| payout.claims.iter().map(key))
                .collect();
            let owned = payouts.get(&payable.number).map_or(&[][..], |payout| &payout.claims);
            let mut lines = Vec::new();
            for claim in owned.iter().filter(|claim| !taken_over.contains(&key(claim))) {
                let of = (cycle.number, claim.owner);
                if let Entry::Vacant(vacant) = explained.entry(of) {
                    vacant.insert(match self.explain_person(&cycle, claim.owner).await {
                        Ok(rows) => Some(rows),
                        // What was decided stands; that it cannot be said again is said in its place.
                        Err(error) if error.code() == "E101" => None,
                        Err(error) => return Err(error),
                    });
                }
                lines.push(line(claim, explained[&of].as_deref(), payable.heir.is_some()));
            }
            let (attempts, then) = self.orders_told(&payable).await?;
            let holds = self.holds_of_payable(&payable).await?;
            let now = self.whereabouts(&payable).await?;
            let told = told(&payable, &cycle, &then, owned, &now);
            found.push(Carried { payable, cycle, attempts, holds, lines, then, now, told });
        }
        Ok(found)
    }

    /// The orders of a payable, and how it stands by them.
    pub(super) async fn orders_told(
        &self,
        payable: &Payable,
    ) -> Result<(Vec<ToldOrder>, Words), EngineError> {
        let batches = self.store.batches(payable.number.cycle()).await?;
        let files: Files = batches.into_iter().map(|file| (file.number, file)).collect();
        let orders = self.store.instructions_of(&[payable.number]).await?;
        let standing = money::standing(payable, &orders, &files);
        let told = |order: Instruction| ToldOrder {
            told: money::order(&order, &files),
            file_name: files
                .get(&order.batch)
                .map_or_else(String::new, |file| file.file_name.clone()),
            order,
        };
        Ok((orders.into_iter().map(told).collect(), standing))
    }

    /// Where the money of a payable is now.
    pub(super) async fn whereabouts(&self, payable: &Payable) -> Result<Whereabouts, EngineError> {
        let mut last = payable.clone();
        while let Some(next) = last.carried_to {
            last = self.store.payable(next).await?.ok_or_else(|| {
                EngineError::Inconsistent(format!("payable {next} took over claims and is missing"))
            })?;
        }
        let cycle = self.cycle_numbered(last.number.cycle()).await?.label();
        let (_, standing) = self.orders_told(&last).await?;
        Ok(Whereabouts { payable: last, cycle, standing })
    }

    /// The cycle in which a claim was determined: it may have been carried more than once since, and only
    /// the payables know from where. Not the claim: when a list that took it is given up it comes back without
    /// whence it had been carried before, although it had been.
    pub(in crate::engine) async fn determined_in(
        &self,
        claim: &Claim,
    ) -> Result<CycleNo, EngineError> {
        let Some(mut at) = claim.payable else { return Ok(claim.cycle) };
        let wanted: ClaimKey = (
            claim.enrolment,
            claim.benefit.clone(),
            claim.component.clone(),
            claim.period,
            claim.revision,
        );
        loop {
            let earlier = self.store.payables_carried_to(&[at]).await?;
            let payouts = self.payouts_of(&earlier).await?;
            let from = payouts
                .values()
                .find(|payout| payout.claims.iter().any(|claim| key(claim) == wanted));
            match from {
                Some(payout) => at = payout.payable,
                None => return Ok(at.cycle()),
            }
        }
    }

    pub(super) async fn cycle_numbered(&self, number: CycleNo) -> Result<Cycle, EngineError> {
        self.store.cycle(number).await?.ok_or_else(|| {
            EngineError::Inconsistent(format!(
                "a payable is of the cycle {number}, which is missing"
            ))
        })
    }
}

/// A claim as its list explained it.
fn line(claim: &OwnedClaim, rows: Option<&[ExplainedRow]>, is_an_heir_s: bool) -> ExplainedLine {
    let said = rows.into_iter().flatten().filter(|row| row.enrolment == claim.enrolment);
    let found = said.flat_map(|row| &row.lines).find(|line| {
        line.component == claim.component
            && line.period == claim.period
            && line.revision == claim.revision
            && line.amount_minor == claim.amount_minor
    });
    // The law gives a line that lowers; where it gave none, a list took the month off for an heir.
    if found.is_none() && claim.amount_minor < 0 && is_an_heir_s {
        return ExplainedLine {
            component: claim.component.clone(),
            period: claim.period,
            kind: "recovery",
            revision: claim.revision,
            amount_minor: claim.amount_minor,
            clauses: Vec::new(),
            vietnamese: "Tháng sau tháng chết, trừ khỏi khoản dành cho thân nhân.".to_owned(),
            english: "A month after the month of death, taken off what is for the heir.".to_owned(),
        };
    }
    found.cloned().unwrap_or_else(|| ExplainedLine {
        component: claim.component.clone(),
        period: claim.period,
        kind: "carried",
        revision: claim.revision,
        amount_minor: claim.amount_minor,
        clauses: Vec::new(),
        vietnamese: "Số tiền đã xác định vẫn giữ nguyên; chương trình này không giải thích lại được như khi tính."
            .to_owned(),
        english: "What was determined stands; this program does not explain it as it was then."
            .to_owned(),
    })
}

/// How it stood on its list, and where it is now.
fn told(
    payable: &Payable,
    cycle: &Cycle,
    then: &Words,
    claims: &[OwnedClaim],
    now: &Whereabouts,
) -> Words {
    let months: BTreeSet<String> = claims.iter().map(|claim| claim.period.to_string()).collect();
    let months: Vec<String> = months.into_iter().collect();
    let (months, label) = (months.join(", "), cycle.label());
    if payable.state == PayableState::Paid {
        return Words::new(
            format!(
                "Khoản cho tháng {months} của kỳ {label} đã chuyển sang kỳ sau, rồi có bằng chứng lệnh của chính kỳ {label} \
                 đã chi: không chi lại nữa."
            ),
            format!(
                "Money for {months} of list {label} was carried on, and then proved paid by that list's own order: \
                 nothing of it is ordered again."
            ),
        );
    }
    let (number, at, standing) = (now.payable.number, &now.cycle, &now.standing);
    Words::new(
        format!(
            "Khoản cho tháng {months} của kỳ {label} không chi được trong kỳ đó: {}. Nay nằm trong khoản {number} của kỳ {at}: {}.",
            then.vi, standing.vi
        ),
        format!(
            "Money for {months} of list {label} was not paid there: {}. It is in payable {number} of list {at} now: {}.",
            then.en, standing.en
        ),
    )
}
