//! Claims, held against what was written of them: whoever takes one away is paid again, whoever makes one
//! up is not paid at all.
//!
//! Reads: the claims of all shards, and the sums of the log. Gives: differences; one claim by itself where
//! trying finds it, else the cycle and shard of the money.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::standing::{MoneySum, Standing, to_letters};
use crate::domain::claim::Claim;
use crate::domain::ids::{CycleNo, Shard};
use crate::engine::{Engine, EngineError};
use crate::store::books::{claim_carried_line, claim_line, claim_shard};

use super::Compared;

/// Of so many cycles and shards single claims are looked for: each takes reading all claims.
const LOOKED_INTO: usize = 16;
/// A month that somebody changed is looked for so many months before and after.
const MONTHS: i32 = 60;
const REVISIONS: u16 = 12;

impl Engine {
    /// Sums the claims that stand, and compares them with what was written.
    pub(super) async fn claims_stand(
        &self,
        standing: &Standing,
        compared: &mut Compared,
    ) -> Result<(), EngineError> {
        let mut stands: BTreeMap<(i64, u8), MoneySum> = BTreeMap::new();
        for shard in Shard::all() {
            for one in self.store.claims(shard).await? {
                let is_told = !standing.says_nothing_of_claims(one.cycle.0);
                compared.counted("claim", is_told);
                if is_told {
                    let claims = stands.entry(key(&one)).or_default();
                    claims.rows += 1;
                    claims.sum = claims.sum.wrapping_add(self.claim_number(&one));
                }
            }
        }
        let mut written = standing.claim_sums();
        written.retain(|(cycle, _), _| !standing.says_nothing_of_claims(*cycle));
        let keys: BTreeSet<(i64, u8)> = written.keys().chain(stands.keys()).copied().collect();
        let of =
            |sums: &BTreeMap<(i64, u8), MoneySum>, key| sums.get(key).copied().unwrap_or_default();
        let wrong = keys.iter().filter(|key| of(&written, key) != of(&stands, key));
        for (at, key) in wrong.enumerate() {
            let (written, stands) = (of(&written, key), of(&stands, key));
            if at >= LOOKED_INTO || !self.claim_named(*key, written, stands, compared).await? {
                let (cycle, shard) = key;
                compared.differs(
                    "V220",
                    format!("claims of cycle {cycle} in shard {shard}"),
                    format!("{} rows with the sum {}", written.rows, to_letters(written.sum)),
                    format!("{} rows with the sum {}", stands.rows, to_letters(stands.sum)),
                    "claims were changed, added or taken away without a command; compare these rows with a backup",
                );
            }
        }
        Ok(())
    }

    /// Names the claim that was altered or made up, when it is one: each is thought otherwise until the sum is
    /// that of the log.
    async fn claim_named(
        &self,
        of: (i64, u8),
        written: MoneySum,
        stands: MoneySum,
        compared: &mut Compared,
    ) -> Result<bool, EngineError> {
        let one_more = stands.rows == written.rows + 1;
        if stands.rows != written.rows && !one_more {
            return Ok(false);
        }
        let mut claims = Vec::new();
        for shard in Shard::all() {
            let all = self.store.claims(shard).await?;
            claims.extend(all.into_iter().filter(|one| key(one) == of));
        }
        if one_more {
            let surplus = stands.sum.wrapping_sub(written.sum);
            let Some(one) = claims.iter().find(|one| self.claim_number(one) == surplus) else {
                return Ok(false);
            };
            compared.differs(
                "V222",
                row(one),
                "nothing of it".to_owned(),
                format!("{} for person {}", one.amount_minor, one.person.number()),
                "the claim was written without a command, and keeps somebody from being paid",
            );
            return Ok(true);
        }
        let missing = written.sum.wrapping_sub(stands.sum);
        let due = self.dues(of).await?;
        for one in &claims {
            let of_payable = claims.iter().filter(|other| other.payable == one.payable);
            let beside: i64 = of_payable.map(|other| other.amount_minor).sum();
            let amount_minor = one.payable.and_then(|payable| due.get(&payable.number()));
            let amount_minor = amount_minor.map(|due| due - (beside - one.amount_minor));
            let stands = self.claim_number(one);
            for (thought, log, database) in otherwise(one, amount_minor) {
                if self.claim_number(&thought).wrapping_sub(stands) == missing {
                    let why = "the claim was changed without a command";
                    compared.differs("V221", row(one), log, database, why);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What the payables of a cycle and shard pay, by their numbers.
    async fn dues(&self, (cycle, shard): (i64, u8)) -> Result<BTreeMap<i64, i64>, EngineError> {
        let Some(shard) = Shard::all().find(|one| one.number() == shard) else {
            return Ok(BTreeMap::new());
        };
        let payables = self.store.payables(CycleNo(cycle), shard).await?;
        Ok(payables.iter().map(|one| (one.number.number(), one.amount_minor)).collect())
    }

    /// What a claim adds to the sum of its cycle and shard.
    fn claim_number(&self, one: &Claim) -> u128 {
        let carried = claim_carried_line(one).map_or(0, |line| self.keys.line(&line));
        self.keys.line(&claim_line(one)).wrapping_add(carried)
    }
}

fn key(one: &Claim) -> (i64, u8) {
    (one.cycle.0, claim_shard(one).number())
}

/// How a claim may have been before somebody changed it, what that says, and what stands.
fn otherwise(one: &Claim, amount_minor: Option<i64>) -> Vec<(Claim, String, String)> {
    let mut found = Vec::new();
    let mut thought = |other: Claim, log: String, stands: String| found.push((other, log, stands));
    for months in (-MONTHS..=MONTHS).filter(|months| *months != 0) {
        let period = one.period.plus(months);
        let other = Claim { period, ..one.clone() };
        thought(other, format!("month {period}"), format!("month {}", one.period));
    }
    for revision in (0..REVISIONS).filter(|revision| *revision != one.revision) {
        let other = Claim { revision, ..one.clone() };
        thought(other, format!("revision {revision}"), format!("revision {}", one.revision));
    }
    if let Some(amount_minor) = amount_minor {
        let other = Claim { amount_minor, ..one.clone() };
        thought(other, format!("amount {amount_minor}"), format!("amount {}", one.amount_minor));
    }
    found
}

fn row(one: &Claim) -> String {
    let payable = match one.payable {
        Some(payable) => format!("in payable {payable}"),
        None => "in no payable".to_owned(),
    };
    format!(
        "claim of enrolment {} for {} ({}/{}, revision {}) {payable}",
        one.enrolment.number(),
        one.period,
        one.benefit,
        one.component,
        one.revision
    )
}
