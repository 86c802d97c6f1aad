//! What a list found to be too much of earlier months: what it took off a payment at once, and what it made
//! money to be got back.
//!
//! Reads: the receivables that a list found, the person's lines, and the claims of payables. Gives: sentences
//! in both languages.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::cycle::Cycle;
use crate::domain::ids::{PayableNo, PersonNo};
use crate::domain::money::told;
use crate::domain::payable::PayableState;
use crate::domain::period::Period;
use crate::domain::receivable::ReceivableCause;
use crate::engine::compute::ExplainedRow;
use crate::engine::{Engine, EngineError};
use crate::report::words::Words;

/// What a list made money to be got back.
pub struct FoundTooMuch {
    pub receivable: i64,
    pub amount_minor: i64,
    /// What of it was never paid: it is taken off that money, and off nothing else.
    pub waiting_minor: i64,
    pub told: Words,
}

/// What months that were overpaid take off one payment at once.
pub struct TakenOff {
    pub amount_minor: i64,
    pub told: Words,
}

impl Engine {
    /// What a list found of a person that is too much to be taken off at once.
    pub(super) async fn found_too_much(
        &self,
        cycle: &Cycle,
        person: PersonNo,
        rows: &[ExplainedRow],
    ) -> Result<Vec<FoundTooMuch>, EngineError> {
        let of_list = self.store.standings_of(ReceivableCause::Overpayment).await?;
        let found = of_list
            .into_iter()
            .filter(|one| one.found_by == Some(cycle.number) && one.receivable.person == person);
        let mut sentences = Vec::new();
        let mut lowered: Option<Lowered> = None;
        for one in found {
            if lowered.is_none() {
                lowered = Some(self.lowered_here(cycle, person, rows).await?);
            }
            let Some(lowered) = &mut lowered else { continue };
            let months = months_told(&lowered.months);
            let (number, minor) = (one.number, one.receivable.amount_minor);
            let amount = told(i128::from(minor), self.config.currency);
            let mut words = Words::new(
                format!(
                    "Đã xác định thừa {amount} cho tháng {months}: thành khoản phải thu {number}. Kỳ này không trừ; các kỳ sau mỗi \
                     lần chi chỉ giữ lại trong tỷ lệ của đơn vị và không dưới mức tối thiểu."
                ),
                format!(
                    "{amount} too much was determined for {months}: it is to be got back as receivable {number}. Nothing of it is \
                     taken off here; of later payments at most the office's share is kept back, and the protected minimum is paid."
                ),
            );
            let waiting_minor = lowered.unpaid_minor.min(one.left_minor());
            lowered.unpaid_minor -= waiting_minor;
            if waiting_minor > 0 {
                let amount = told(i128::from(waiting_minor), self.config.currency);
                words = Words::new(
                    format!("{} Trong đó {amount} chưa chi nên chưa phải thu hồi.", words.vi),
                    format!(
                        "{} {amount} of it is not paid, and nothing of that is to be got back yet.",
                        words.en
                    ),
                );
            }
            sentences.push(FoundTooMuch {
                receivable: number,
                amount_minor: minor,
                waiting_minor,
                told: words,
            });
        }
        Ok(sentences)
    }

    /// What a list lowered of a person's claims without a payable, whether it is released yet or not.
    async fn lowered_here(
        &self,
        cycle: &Cycle,
        person: PersonNo,
        rows: &[ExplainedRow],
    ) -> Result<Lowered, EngineError> {
        let lines = rows.iter().flat_map(|row| row.lines.iter().map(move |line| (row, line)));
        let months: BTreeSet<_> = lines
            .filter(|(_, line)| line.amount_minor < 0)
            .map(|(row, line)| (person.shard(), line.period, row.enrolment))
            .collect();
        let months: Vec<_> = months.into_iter().collect();
        let claims = self.store.claims_of(&months).await?;
        let paid_otherwise = self.paid_otherwise().await?;
        let numbers: BTreeSet<PayableNo> = claims.iter().filter_map(|one| one.payable).collect();
        let numbers: Vec<PayableNo> = numbers.into_iter().collect();
        let payables = self.store.payables_of(&numbers).await?;
        let is_unpaid = |number: PayableNo| {
            let of = payables.iter().find(|one| one.number == number);
            of.is_some_and(|one| one.state != PayableState::Paid)
                && !paid_otherwise.has_ended(number)
        };
        let mut lowered = Lowered::default();
        for less in claims.iter().filter(|one| {
            one.cycle == cycle.number && one.payable.is_none() && one.amount_minor < 0
        }) {
            let before = claims.iter().filter(|one| {
                let same = (one.period, one.enrolment, &one.benefit, &one.component);
                same == (less.period, less.enrolment, &less.benefit, &less.component)
                    && one.revision < less.revision
                    && one.payable.is_some_and(is_unpaid)
            });
            let unpaid: i64 = before.map(|one| one.amount_minor).sum();
            lowered.unpaid_minor += unpaid.clamp(0, -less.amount_minor);
            lowered.months.insert(less.period);
        }
        Ok(lowered)
    }

    /// What overpaid months take off each of these payables.
    pub(super) async fn taken_off(
        &self,
        payables: &[PayableNo],
    ) -> Result<BTreeMap<PayableNo, TakenOff>, EngineError> {
        let mut found = BTreeMap::new();
        for (number, payout) in self.payouts_of(payables).await? {
            let mut months: BTreeMap<Period, i64> = BTreeMap::new();
            for claim in &payout.claims {
                *months.entry(claim.period).or_default() += claim.amount_minor;
            }
            months.retain(|_, sum| *sum < 0);
            let amount_minor = -months.values().sum::<i64>();
            if amount_minor == 0 {
                continue;
            }
            let months = months_told(&months.into_keys().collect());
            let amount = told(i128::from(amount_minor), self.config.currency);
            let told = Words::new(
                format!("Đã trừ ngay {amount} xác định thừa cho tháng {months}."),
                format!(
                    "{amount} that was determined too much for {months} is taken off it at once."
                ),
            );
            found.insert(number, TakenOff { amount_minor, told });
        }
        Ok(found)
    }
}

/// What a list lowered of a person's claims without a payable.
#[derive(Default)]
struct Lowered {
    months: BTreeSet<Period>,
    /// What of it lowered money that is not paid.
    unpaid_minor: i64,
}

fn months_told(months: &BTreeSet<Period>) -> String {
    months.iter().map(Period::to_string).collect::<Vec<_>>().join(", ")
}
