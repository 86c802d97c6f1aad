//! Unpaid money of people who have died, on its way to whom two officers named as heir.
//!
//! Reads: who is an heir, what closed cycles left unpaid, and the register's deaths. Gives: which of it leaves
//! its payee for the heir, or comes back from an heir who is withdrawn. Months after the month of death are
//! never the heir's: money of such months alone stays where it is, and is held.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::cycle::{Cycle, CycleKind};
use crate::domain::identity::VitalStatus;
use crate::domain::ids::{DestinationNo, EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::payable::Payable;
use crate::domain::period::Period;
use crate::domain::roster::Channel;
use crate::engine::heir::{Heirs, InForce};
use crate::engine::import::REGISTER_LEADING;
use crate::engine::payout::{PayeeDetail, Payout};
use crate::engine::{Engine, EngineError, chunks};
use crate::identity::grade::{NameComparer, NameGrade};
use crate::pipeline::assemble::{DueLine, LineKind};
use crate::pipeline::intake::{Header, register_row};
use crate::pipeline::records::Records;
use crate::store::registry::ChunkKind;

/// What of unpaid money changes its payee with this list.
#[derive(Default)]
pub(super) struct Inherited {
    pub heirs: Heirs,
    shared_accounts: HashSet<DestinationNo>,
    /// By the shard of the new payee.
    moving: BTreeMap<Shard, Vec<Payable>>,
    moves: HashSet<PayableNo>,
    /// What is of months after the death alone.
    after: HashSet<PayableNo>,
    /// Where the register has the death.
    died: HashMap<PersonNo, Period>,
}

/// Where unpaid money of a beneficiary goes who has or had an heir.
pub(super) enum To<'a> {
    /// To the heir; also what the heir was ordered before.
    Heir(&'a InForce),
    /// Back to the person, from an heir who is withdrawn.
    Person,
    /// It is of months after the death, and goes nowhere.
    Nobody,
    /// No heir has to do with it.
    AsEver,
}

impl Inherited {
    pub(super) fn to(&self, payable: &Payable) -> To<'_> {
        if self.after.contains(&payable.number) {
            return To::Nobody;
        }
        let is_moved = self.moves.contains(&payable.number);
        match self.heirs.of(payable.beneficiary) {
            Some(heir) if is_moved || heir.payee == payable.payee => To::Heir(heir),
            None if is_moved => To::Person,
            _ => To::AsEver,
        }
    }

    /// Whether a payable leaves the shard of its payee.
    pub(super) fn moves(&self, payable: PayableNo) -> bool {
        self.moves.contains(&payable)
    }

    /// What comes to the payees of a shard, by the shard from which it comes.
    pub(super) fn arriving(&self, shard: Shard) -> BTreeMap<Shard, Vec<Payable>> {
        let mut arriving: BTreeMap<Shard, Vec<Payable>> = BTreeMap::new();
        for payable in self.moving.get(&shard).into_iter().flatten() {
            arriving.entry(payable.number.shard()).or_default().push(payable.clone());
        }
        arriving
    }

    /// The last month that is due to an heir, the register heeded.
    pub(super) fn last_month(&self, person: PersonNo, heir: &InForce) -> Period {
        heir.last_month(self.died.get(&person).copied())
    }

    /// How an heir is reached, and what keeps the money back there.
    pub(super) fn reached(
        &self,
        heir: &InForce,
        payout: &Payout,
    ) -> (PayeeDetail, Vec<crate::domain::hold::HoldCode>) {
        (heir.detail(beneficiary(payout)), heir.holds(&self.shared_accounts))
    }
}

/// Name and id of for whom a payable is.
fn beneficiary(payout: &Payout) -> (&str, &str) {
    let detail = &payout.detail;
    match detail.beneficiary.is_empty() {
        true => (&detail.name, &detail.national_id),
        false => (&detail.beneficiary, &detail.beneficiary_id),
    }
}

impl Engine {
    /// Finds what of unpaid money goes to heirs, or comes back from heirs who are withdrawn.
    pub(super) async fn inherited(&self, cycle: &Cycle) -> Result<Inherited, EngineError> {
        let heirs = self.heirs().await?;
        let mut inherited = Inherited { heirs, ..Inherited::default() };
        if inherited.heirs.is_empty() || cycle.kind != CycleKind::Regular {
            return Ok(inherited);
        }
        inherited.shared_accounts = self.shared_accounts(cycle).await?;
        let mut of_the_dead = Vec::new();
        for shard in Shard::all() {
            for payable in self.store.payables_to_carry(cycle.authority, shard).await? {
                let (payee, person) = (payable.payee, payable.beneficiary);
                match inherited.heirs.of(person) {
                    Some(_) => of_the_dead.push(payable),
                    None if inherited.heirs.is_withdrawn(payee, person) => {
                        inherited.moves.insert(payable.number);
                        inherited.moving.entry(person.shard()).or_default().push(payable);
                    }
                    None => {}
                }
            }
        }
        let numbers: Vec<PayableNo> = of_the_dead.iter().map(|one| one.number).collect();
        let payouts = self.payouts_of(&numbers).await?;
        let names: BTreeMap<PersonNo, String> = of_the_dead
            .iter()
            .filter_map(|one| {
                Some((one.beneficiary, beneficiary(payouts.get(&one.number)?).0.to_owned()))
            })
            .collect();
        inherited.died = self.deaths_in_register(cycle, &names).await?;
        for payable in of_the_dead {
            let Some(heir) = inherited.heirs.of(payable.beneficiary) else { continue };
            let last = inherited.last_month(payable.beneficiary, heir);
            let (number, shard) = (payable.number, heir.payee.shard());
            let mut claims = payouts.get(&number).into_iter().flat_map(|payout| &payout.claims);
            if !claims.any(|claim| claim.period <= last) {
                inherited.after.insert(number);
            } else if heir.payee != payable.payee {
                inherited.moves.insert(number);
                inherited.moving.entry(shard).or_default().push(payable);
            }
        }
        Ok(inherited)
    }

    /// In which month the register has people as dead, under their id and with their name: two factors, as
    /// everywhere.
    async fn deaths_in_register(
        &self,
        cycle: &Cycle,
        names: &BTreeMap<PersonNo, String>,
    ) -> Result<HashMap<PersonNo, Period>, EngineError> {
        let broken = |error: String| EngineError::Inconsistent(error);
        let header = Header::canonical_register(REGISTER_LEADING);
        let shards: BTreeSet<Shard> = names.keys().map(|person| person.shard()).collect();
        let mut comparer = NameComparer::default();
        let mut died = HashMap::new();
        for shard in shards {
            for chunk in self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await? {
                let plain = chunks::open(&self.keys.chunks, &chunk)?;
                let mut records = Records::new(plain.as_slice());
                while let Some(record) =
                    records.next_record().map_err(|error| broken(error.to_string()))?
                {
                    let row = register_row(&record, &header).map_err(|bad| broken(bad.sentence))?;
                    let VitalStatus::Deceased { on: Some(on) } = row.vital else { continue };
                    for id in [&row.national_id, &row.previous_national_id] {
                        let person = self.keys.person_of_id(id);
                        let Some(name) = names.get(&person).filter(|_| !id.is_empty()) else {
                            continue;
                        };
                        let is_it =
                            comparer.grade(name, &row.full_name) <= NameGrade::MiddleMissing;
                        if let Some(month) = Period::of(on).ok().filter(|_| is_it) {
                            died.insert(person, month);
                        }
                    }
                }
            }
        }
        Ok(died)
    }

    /// Takes back what was determined for months after a death and stands in one payable with earlier ones, so
    /// that the heir is paid these. It has revisions that no computation of this list gives.
    pub(super) async fn taken_back_after_death(
        &self,
        lines: &[DueLine],
        last: Period,
    ) -> Result<Vec<DueLine>, EngineError> {
        let mut after: BTreeMap<(EnrolmentNo, Period, &str, &str), (&DueLine, i64)> =
            BTreeMap::new();
        for line in lines.iter().filter(|line| line.period > last) {
            let key = (line.enrolment, line.period, line.benefit.as_str(), line.component.as_str());
            after.entry(key).or_insert((line, 0)).1 += line.amount_minor;
        }
        let mut taken_back = Vec::new();
        for (line, sum_minor) in after.into_values().filter(|(_, sum)| *sum > 0) {
            let month = (line.owner.shard(), line.period, line.enrolment);
            let known = self.store.claims_of(&[month]).await?;
            let of_line = known
                .iter()
                .filter(|one| (&one.benefit, &one.component) == (&line.benefit, &line.component));
            // The next number is that of a line which the law may give on this same list.
            let revision = of_line.map(|one| one.revision).max().unwrap_or(line.revision) + 2;
            taken_back.push(DueLine {
                kind: LineKind::Recovery,
                revision,
                amount_minor: -sum_minor,
                carried_from: None,
                ..line.clone()
            });
        }
        Ok(taken_back)
    }

    /// Of whom nothing is known but who they are: money that comes back from an heir waits for the roster to
    /// name where it goes.
    pub(super) fn nowhere(&self, payout: &Payout) -> (DestinationNo, PayeeDetail) {
        let (name, national_id) = beneficiary(payout);
        let detail = PayeeDetail {
            name: name.to_owned(),
            national_id: national_id.to_owned(),
            channel: Channel::Unnamed,
            named: String::new(),
            account: String::new(),
            account_name: String::new(),
            pay_point: String::new(),
            collector: String::new(),
            beneficiary: String::new(),
            beneficiary_id: String::new(),
        };
        (self.keys.destination(Channel::Unnamed, "", ""), detail)
    }
}
