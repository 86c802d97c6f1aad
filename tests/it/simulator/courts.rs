//! Courts order some of what people are paid in the simulated months to be kept back, and no order is served
//! twice for one month.
//!
//! Reads: who was on the first list, and the orders. Gives: orders, entered by one officer and confirmed by
//! another, transferred under vouchers, some of them ended by two; a sentence when more was kept back than a court
//! wants, or of whom no court may.

use std::collections::{BTreeMap, BTreeSet};

use chitra::domain::court_order::{
    CourtOrderState, CourtTerms, CreditorPlace, Measure, SHARE_MAX_OF_LAW, share_millionths,
};
use chitra::domain::cycle::Cycle;
use chitra::domain::ids::{PayableNo, PersonNo, Shard};
use chitra::domain::payable::{Payable, PayableState};
use chitra::domain::period::Period;
use chitra::engine::court_transfer::Transferring;
use chitra::engine::{Engine, EngineError};
use jiff::Span;
use jiff::civil::Date;

use super::dice::Dice;
use super::months::{APPROVERS, MAKER, Stopped, already_there};
use super::world::officer_key;

/// The benefit that may be attached here, as if a law said so.
pub const ATTACHABLE: &str = "social_pension/monthly";
const PROGRAMME: &str = "social_pension";

/// How many orders come in before a month's list.
const A_MONTH: usize = 6;

/// What courts order before the list of a month is computed; and what they have ordered before may end.
pub async fn order_courts(
    engine: &Engine,
    first: &Cycle,
    month: Period,
    today: Date,
    mut dice: Dice,
) -> Result<(), Stopped> {
    let standing = engine.store.court_orders().await.map_err(EngineError::from)?;
    for one in standing {
        let is_old = !one.order.proposed_at.starts_with(&today.to_string());
        if one.order.state == CourtOrderState::Confirmed && is_old && dice.below(3) == 0 {
            for by in [MAKER, APPROVERS[0]] {
                let why = "the debt is paid";
                let done =
                    engine.court_order_end(one.order.number, why, by, &officer_key(by)).await;
                // Who proposed it before the machine died may not confirm it.
                already_there(done.map(|_| ()), &["F140", "F143", "A111"])?;
            }
        }
    }
    // The first list is the same in every run of a shape.
    let mut people: BTreeSet<PersonNo> = BTreeSet::new();
    for shards in Shard::groups() {
        let payables = engine.store.payables_of_shards(first.number, &shards).await;
        let payables = payables.map_err(EngineError::from)?;
        let of_benefit = payables.iter().filter(|one| one.programme == PROGRAMME);
        people.extend(of_benefit.map(|one| one.beneficiary));
    }
    let mut people: Vec<PersonNo> = people.into_iter().collect();
    for at in 0..A_MONTH.min(people.len()) {
        let person = people.swap_remove(dice.below(people.len() as u64) as usize);
        let (measure, total_minor) = match dice.below(3) {
            0 => (Measure::Monthly { amount_minor: 70_000 }, None),
            1 => (Measure::Monthly { amount_minor: 120_000 }, Some(200_000)),
            _ => (Measure::Share { millionths: millionths("0.2") }, None),
        };
        let terms = CourtTerms {
            authority: "Chi cục THADS".to_owned(),
            decision_no: format!("{at}/{month}"),
            decided_on: today.checked_sub(Span::new().days(30)).expect("the calendar has begun"),
            creditor: "Công ty Mô phỏng".to_owned(),
            place: CreditorPlace::Account("970436 0711000002".to_owned()),
            is_maintenance: dice.below(2) == 0,
            measure,
            total_minor,
            first: month,
            last: None,
            share_max_millionths: millionths(SHARE_MAX_OF_LAW),
            floor_minor: 100_000,
        };
        let entered = engine.court_order_propose(person, terms, MAKER, &officer_key(MAKER)).await;
        already_there(entered.map(|_| ()), &["F139"])?;
    }
    for one in engine.store.court_orders().await.map_err(EngineError::from)? {
        if one.order.state == CourtOrderState::Proposed {
            let by = APPROVERS[0];
            engine.court_order_confirm(one.order.number, by, &officer_key(by)).await?;
        }
    }
    Ok(())
}

/// What was kept back of paid payments goes to the creditors when a month ends.
pub async fn transfer(engine: &Engine, month: &Cycle, today: Date) -> Result<(), Stopped> {
    for one in engine.store.court_orders().await.map_err(EngineError::from)? {
        let total = engine.court_terms(&one.order)?.total_minor;
        let amount_minor = one.to_transfer_minor(total);
        if amount_minor == 0 {
            continue;
        }
        let number = one.order.number;
        let transferring = Transferring {
            amount_minor,
            on: today,
            voucher: format!("{}-{number}", month.label()),
        };
        let done = engine.court_transfer(number, transferring, MAKER, &officer_key(MAKER)).await;
        already_there(done.map(|_| ()), &["F145"])?;
    }
    Ok(())
}

/// Of each month no more was kept back than the court wants, of nobody's but the debtor's own attachable benefits.
/// Gives how many deductions stand.
pub async fn served(
    engine: &Engine,
    payables: &[Payable],
    paid_beyond: &BTreeSet<PayableNo>,
    broken: &mut Vec<String>,
) -> Result<i64, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let by_number: BTreeMap<PayableNo, &Payable> =
        payables.iter().map(|one| (one.number, one)).collect();
    let orders = engine.store.court_orders().await.map_err(|error| told(&error))?;
    let mut stand = 0;
    for one in orders {
        let (number, debtor) = (one.order.number, one.order.person);
        let terms = engine.court_terms(&one.order).map_err(|error| told(&error))?;
        let mut of_month: BTreeMap<Period, i64> = BTreeMap::new();
        // What was ordered again and arrived twice is kept back of twice, and got back.
        let mut is_beyond = false;
        let deductions = engine.store.deductions_for(number).await.map_err(|error| told(&error))?;
        for deduction in deductions {
            let Some(payable) = by_number.get(&deduction.payable) else {
                broken.push(format!(
                    "order {number} is served by {}, which is none",
                    deduction.payable
                ));
                continue;
            };
            if payable.beneficiary != debtor || payable.programme != PROGRAMME {
                broken.push(format!(
                    "order {number} is served by {}, not the debtor's",
                    payable.number
                ));
            }
            if payable.heir.is_some() {
                broken.push(format!("order {number} is served by an heir's {}", payable.number));
            }
            if deduction.period < terms.first {
                broken.push(format!("order {number} is served of {}", deduction.period));
            }
            is_beyond |= paid_beyond.contains(&payable.number);
            if payable.state == PayableState::Paid {
                stand += 1;
                *of_month.entry(deduction.period).or_default() -= deduction.amount_minor;
            }
        }
        if is_beyond {
            continue;
        }
        if let Measure::Monthly { amount_minor } = terms.measure {
            for (month, kept) in of_month.iter().filter(|(_, kept)| **kept > amount_minor) {
                broken.push(format!(
                    "order {number} has {kept} of {month}, and wants {amount_minor}"
                ));
            }
        }
        let all: i64 = of_month.values().sum();
        if terms.total_minor.is_some_and(|total| all > total) {
            broken.push(format!("order {number} has {all} of {:?}", terms.total_minor));
        }
    }
    Ok(stand)
}

fn millionths(share: &str) -> u32 {
    share_millionths(share).expect("a share is a number between nothing and one")
}
