//! Officers name heirs in the simulated months, and where the money went is held against the providers' books.
//!
//! Reads: what the month has not paid, and the namings. Gives: namings, made by one officer and confirmed by
//! another, some of them withdrawn later; a sentence when money for the dead went where nobody said.

use std::collections::{BTreeMap, BTreeSet};

use chitra::domain::cycle::Cycle;
use chitra::domain::heir::HeirState;
use chitra::domain::hold::HoldCode;
use chitra::domain::ids::{EndToEndId, PayableNo, PersonNo, Shard};
use chitra::domain::payable::{Payable, PayableState};
use chitra::domain::period::Period;
use chitra::engine::heir::{NamedHeir, Naming};
use chitra::engine::{Engine, EngineError};
use jiff::civil::Date;

use super::dice::Dice;
use super::months::{APPROVERS, MAKER, Stopped, already_there};
use super::world::{World, officer_key};

/// Of how many people an heir is named in a month, at most.
const A_MONTH: usize = 5;

/// Names heirs of people whom the month has not paid, and withdraws some that were named before.
pub async fn name_heirs(
    engine: &Engine,
    month: &Cycle,
    today: Date,
    mut dice: Dice,
) -> Result<(), Stopped> {
    for one in engine.heirs_named(None).await? {
        let is_old = !one.row.proposed_at.starts_with(&today.to_string());
        if one.row.state == HeirState::Confirmed && is_old && dice.below(4) == 0 {
            let (by, why) = (APPROVERS[1], "the family is not agreed");
            let done = engine.heir_withdraw(one.row.number, why, by, &officer_key(by)).await;
            already_there(done.map(|_| ()), &["D192"])?;
        }
    }
    let mut unpaid: Vec<Payable> = Vec::new();
    for shards in Shard::groups() {
        let found = engine.store.payables_unpaid(month.number, &shards).await;
        unpaid.extend(found.map_err(EngineError::from)?);
    }
    for _ in 0..A_MONTH.min(unpaid.len()) {
        let of = unpaid.swap_remove(dice.below(unpaid.len() as u64) as usize);
        let account = format!("0711{:06}", dice.below(1_000_000));
        let day = match dice.below(2) {
            0 => today,
            // In the month before: nothing of this one is due.
            _ => today.first_of_month().yesterday().expect("the calendar does not end here"),
        }
        .to_string();
        let naming = Naming {
            died_on: &day,
            name: "Nguyễn Văn Con",
            national_id: "001170000901",
            relation: "con",
            channel: "bank",
            provider: if dice.below(2) == 0 { "970405" } else { "970436" },
            account: &account,
            account_name: "NGUYEN VAN CON",
            paper: "Giấy ủy quyền",
            paper_date: &day,
        };
        let done = engine.heir_propose(of.beneficiary, &naming, MAKER, &officer_key(MAKER)).await;
        already_there(done.map(|_| ()), &["D191"])?;
        let named = engine.heirs_named(Some(of.beneficiary)).await?;
        let number = named.last().expect("it was named above, or before").row.number;
        let by = APPROVERS[0];
        let done = engine.heir_confirm(number, by, &officer_key(by)).await;
        already_there(done.map(|_| ()), &["D192"])?;
    }
    Ok(())
}

/// Of whom a list may take months off when it carries money to an heir, which depends on when answers came.
pub async fn who_has_heirs(engine: &Engine) -> Result<BTreeSet<PersonNo>, String> {
    let named = engine.heirs_named(None).await.map_err(|error| error.to_string())?;
    Ok(named.into_iter().map(|one| one.row.person).collect())
}

/// What was ordered for an heir was credited to the heir's account, and of people who have an heir nothing else was
/// ordered by a list that was made for the naming.
pub async fn inherited(
    world: &World,
    engine: &Engine,
    payables: &[Payable],
    broken: &mut Vec<String>,
) -> Result<i64, String> {
    let named = engine.heirs_named(None).await.map_err(|error| error.to_string())?;
    let by_number: BTreeMap<i64, &NamedHeir> =
        named.iter().map(|one| (one.row.number, one)).collect();
    let mut credited: BTreeMap<PayableNo, Vec<String>> = BTreeMap::new();
    for credit in world.sandbox.credits().map_err(|error| error.to_string())? {
        if let Some((payable, _)) = EndToEndId::read(&engine.config.prefix, &credit.end_to_end_id) {
            credited.entry(payable).or_default().push(credit.account);
        }
    }
    let mut paid = 0;
    for payable in payables {
        let Some(number) = payable.heir else { continue };
        let Some(naming) = by_number.get(&number) else {
            broken
                .push(format!("payable {} is for naming {number}, which is none", payable.number));
            continue;
        };
        if naming.row.person != payable.beneficiary {
            broken.push(format!("payable {} is for an heir of another", payable.number));
        }
        for account in credited.get(&payable.number).into_iter().flatten() {
            if *account != naming.heir.account {
                broken.push(format!("payable {} went elsewhere than to the heir", payable.number));
            }
        }
        paid += i64::from(payable.state == PayableState::Paid);
    }
    months_after(engine, payables, &by_number, broken).await?;
    // A list of a later month was made when the namings that are in force had been confirmed.
    for naming in named.iter().filter(|one| one.row.state == HeirState::Confirmed) {
        let of_person = payables.iter().filter(|one| one.beneficiary == naming.row.person);
        for one in of_person.filter(|one| one.heir != Some(naming.row.number)) {
            let cycle = engine.store.cycle(one.number.cycle()).await;
            let cycle = cycle.map_err(|error| error.to_string())?.ok_or("a payable of no cycle")?;
            let is_later = naming.row.confirmed_at.as_ref().is_some_and(|at| *at < cycle.opened_at);
            if is_later && one.code != HoldCode::NotTheHeirs.text() {
                broken.push(format!("payable {} is held from no heir: {}", one.number, one.code));
            }
        }
    }
    Ok(paid)
}

/// Nothing of a month after the death stands in what is for an heir, and no month is taken off twice.
async fn months_after(
    engine: &Engine,
    payables: &[Payable],
    by_number: &BTreeMap<i64, &NamedHeir>,
    broken: &mut Vec<String>,
) -> Result<(), String> {
    let last: BTreeMap<PayableNo, Period> = payables
        .iter()
        .filter_map(|one| Some((one.number, by_number.get(&one.heir?)?.heir.last_month)))
        .collect();
    let mut after: BTreeMap<PayableNo, i64> = BTreeMap::new();
    let mut determined: BTreeMap<(i64, Period, String, String), i64> = BTreeMap::new();
    for shard in Shard::all() {
        for claim in engine.store.claims(shard).await.map_err(|error| error.to_string())? {
            let month = (claim.enrolment.number(), claim.period, claim.benefit, claim.component);
            *determined.entry(month).or_default() += claim.amount_minor;
            let Some(payable) = claim.payable else { continue };
            if last.get(&payable).is_some_and(|last| claim.period > *last) {
                *after.entry(payable).or_default() += claim.amount_minor;
            }
        }
    }
    for (payable, minor) in after.into_iter().filter(|(_, minor)| *minor > 0) {
        broken.push(format!("payable {payable} has {minor} of months after the death for an heir"));
    }
    for ((enrolment, month, ..), minor) in determined.into_iter().filter(|(_, minor)| *minor < 0) {
        broken.push(format!("{month} of enrolment {enrolment} comes to {minor}"));
    }
    Ok(())
}
