//! Heirs: what is still due to somebody who has died is paid to whom two officers name.
//!
//! Reads: who the heir is and on which paper it rests, and the officers' keys. Gives: namings that count from
//! the second officer's word on, and from then on where what the next list assembles or carries is paid, up to
//! the month of death. What was ordered before is not touched: claims see to it that nothing is paid twice.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::audit::leaf::Leaf;
use crate::domain::cycle::Cycle;
use crate::domain::digest::{Digest, Hasher};
use crate::domain::heir::{Heir, HeirEvent, HeirRow, HeirState};
use crate::domain::hold::HoldCode;
use crate::domain::ids::{CycleNo, DestinationNo, ListNo, PayableNo, PersonNo};
use crate::domain::instruction::Instruction;
use crate::domain::national_id::NationalId;
use crate::domain::payable::{Payable, PayableState};
use crate::domain::period::{Period, parse_date};
use crate::domain::roster::Channel;
use crate::domain::signature::OfficerKey;
use crate::domain::state::Named;
use crate::engine::acting::Doing;
use crate::engine::assemble;
use crate::engine::payout::{PayeeDetail, Payout};
use crate::engine::{Engine, EngineError};
use crate::pipeline::account_name::AccountNames;
use crate::store::Changes;
use crate::store::registry::Counted;

/// An heir as an officer names them, before anything is looked at.
#[derive(Clone, Debug, Default)]
pub struct Naming<'a> {
    pub died_on: &'a str,
    pub name: &'a str,
    pub national_id: &'a str,
    pub relation: &'a str,
    pub channel: &'a str,
    pub provider: &'a str,
    /// Of cash the pay point.
    pub account: &'a str,
    pub account_name: &'a str,
    pub paper: &'a str,
    pub paper_date: &'a str,
}

/// A naming, opened.
#[derive(Clone, Debug)]
pub struct NamedHeir {
    pub row: HeirRow,
    pub heir: Heir,
    /// Why it was withdrawn.
    pub reason: Option<String>,
    /// Who proposed it signs no more, and nobody has confirmed it.
    pub is_void: bool,
}

/// Whom a list pays in the place of those who have died.
#[derive(Default)]
pub struct Heirs {
    in_force: HashMap<PersonNo, InForce>,
    /// Of whom two officers said that they died, and one withdrew the heir; when.
    withdrawn: HashMap<PersonNo, String>,
}

/// An heir who is paid from now on.
pub struct InForce {
    /// The naming's.
    pub number: i64,
    pub destination: DestinationNo,
    pub heir: Heir,
}

/// A naming as it is sealed.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(default)]
    of_name: String,
    #[serde(default)]
    of_national_id: String,
    died_on: String,
    name: String,
    national_id: String,
    relation: String,
    channel: String,
    provider: String,
    account: String,
    account_name: String,
    paper: String,
    paper_date: String,
}

impl Heirs {
    /// The heir of a person, where one is confirmed.
    pub fn of(&self, person: PersonNo) -> Option<&InForce> {
        self.in_force.get(&person)
    }

    /// Who has died, each with the heir.
    pub fn iter(&self) -> impl Iterator<Item = (PersonNo, &InForce)> {
        self.in_force.iter().map(|(person, one)| (*person, one))
    }

    /// When the last heir of a person was withdrawn whom two officers had named, where none counts.
    pub fn withdrawn_at(&self, person: PersonNo) -> Option<&str> {
        self.withdrawn.get(&person).map(String::as_str)
    }

    /// Whether a payable is of the naming in force, or of none where there is none.
    pub fn stand_as_for(&self, payable: &Payable) -> bool {
        let is_nobody_s = payable.code == HoldCode::NotTheHeirs.text();
        match (self.of(payable.beneficiary), payable.heir) {
            (Some(heir), Some(naming)) => heir.number == naming,
            (Some(_), None) => is_nobody_s,
            (None, Some(_)) => false,
            (None, None) => !is_nobody_s,
        }
    }
}

impl InForce {
    /// How the heir is reached. Lists of cash show both: for whom the money is, and who collects.
    pub fn detail(&self, of: &PayeeDetail) -> PayeeDetail {
        let heir = &self.heir;
        let (name, national_id) = of.entitled();
        let (account_name, pay_point) = match heir.channel {
            Channel::Cash => (String::new(), heir.account.clone()),
            _ => (heir.account_name.clone(), String::new()),
        };
        PayeeDetail {
            name: heir.name.clone(),
            national_id: heir.national_id.clone(),
            channel: heir.channel,
            named: heir.provider.clone(),
            account: heir.account.clone(),
            account_name,
            pay_point,
            collector: format!("{}, {}", heir.name, heir.national_id),
            beneficiary: name.to_owned(),
            beneficiary_id: national_id.to_owned(),
            home_address: String::new(),
        }
    }
}

impl Engine {
    /// Whom lists pay in the place of those who have died.
    pub async fn heirs(&self) -> Result<Heirs, EngineError> {
        let mut heirs = Heirs::default();
        for row in self.store.heirs().await? {
            if let (Some(_), Some(at)) = (&row.confirmed_by, &row.withdrawn_at) {
                heirs.withdrawn.insert(row.person, at.clone());
            }
            if row.state != HeirState::Confirmed {
                continue;
            }
            let heir = self.opened_heir(&row)?;
            let destination = self.keys.destination(heir.channel, &heir.provider, &heir.account);
            heirs.in_force.insert(row.person, InForce { number: row.number, destination, heir });
        }
        let Heirs { in_force, withdrawn } = &mut heirs;
        withdrawn.retain(|person, _| !in_force.contains_key(person));
        Ok(heirs)
    }

    /// Every naming, or those of one person, in the order in which they were made.
    pub async fn heirs_named(
        &self,
        person: Option<PersonNo>,
    ) -> Result<Vec<NamedHeir>, EngineError> {
        let rows = match person {
            Some(person) => self.store.heirs_of(person).await?,
            None => self.store.heirs().await?,
        };
        let signing: HashSet<String> =
            self.store.officers().await?.into_iter().map(|officer| officer.name).collect();
        rows.into_iter()
            .map(|row| {
                let reason = row.withdrawn_reason.as_deref();
                Ok(NamedHeir {
                    heir: self.opened_heir(&row)?,
                    reason: reason
                        .map(|sealed| self.keys.opened_reason(&reason_of(row.number), sealed))
                        .transpose()?,
                    is_void: row.state == HeirState::Proposed
                        && !signing.contains(&row.proposed_by),
                    row,
                })
            })
            .collect()
    }

    /// The payee and the details of the last payable that was for a person, where there is one.
    async fn last_paid(&self, person: PersonNo) -> Result<Option<(PersonNo, Payout)>, EngineError> {
        for cycle in self.store.cycles().await?.into_iter().rev() {
            let payables = self.store.payables_of_beneficiary(cycle.number, person).await?;
            let own = payables.iter().filter(|one| one.heir.is_none());
            let Some(payable) = own.max_by_key(|one| one.number) else { continue };
            let found = self.payouts_of(&[payable.number]).await?.remove(&payable.number);
            return Ok(found.map(|payout| (payable.payee, payout)));
        }
        Ok(None)
    }

    /// One naming, opened.
    ///
    /// # Errors
    /// D192 when there is none of the number.
    pub async fn heir_shown(&self, number: i64) -> Result<NamedHeir, EngineError> {
        let person = self.naming_in(number, |_| true).await?.person;
        let named = self.heirs_named(Some(person)).await?;
        named.into_iter().find(|one| one.row.number == number).ok_or_else(|| {
            EngineError::Inconsistent(format!("naming {number} of an heir is of another shard"))
        })
    }

    /// One officer names the heir of somebody who has died. It changes nothing until another confirms it.
    ///
    /// # Errors
    /// D190 when the naming lacks something or says what cannot be, D191 when the person has an heir already,
    /// confirmed or proposed.
    pub async fn heir_propose(
        &self,
        person: PersonNo,
        naming: &Naming<'_>,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<NamedHeir, EngineError> {
        let by = self.acting(officer, key, Doing::ProposeHeir).await?;
        let mut heir = self.read_naming(person, naming)?;
        if let Some((payee, last)) = self.last_paid(person).await? {
            let (name, national_id) = last.detail.entitled();
            (heir.of_name, heir.of_national_id) = (name.to_owned(), national_id.to_owned());
            let at = self.keys.destination(heir.channel, &heir.provider, &heir.account);
            if payee == person && at == last.destination && heir.channel != Channel::Cash {
                return Err(lacking(
                    "--account is where the person was paid who has died: the heir has one of their own",
                ));
            }
        }
        let live = self.store.heirs_of(person).await?;
        if let Some(live) = live.iter().find(|one| one.state != HeirState::Withdrawn) {
            return Err(EngineError::refused(
                "D191",
                format!(
                    "naming {} of this person is {} (by `{}`), and one heir is paid at a time; see: chitra heir list; it is \
                     withdrawn with: chitra heir withdraw NUMBER --reason TEXT --as OFFICER",
                    live.number, live.state, live.proposed_by
                ),
            ));
        }
        let number = self.store.next_number(Counted::Heir).await?;
        let record = Record::of(&heir);
        let text = serde_json::to_vec(&record)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let row = HeirRow {
            number,
            person,
            record: self.keys.heirs.seal(context(number, person).as_bytes(), &text),
            state: HeirState::Proposed,
            proposed_by: by.officer.name.clone(),
            proposed_at: self.stamp(),
            confirmed_by: None,
            confirmed_at: None,
            withdrawn_by: None,
            withdrawn_at: None,
            withdrawn_reason: None,
        };
        let mut changes = Changes::new();
        changes.heir_proposed(&row);
        let leaf = Leaf::of("heir_proposed", &row.proposed_at)
            .number("heir", number)
            .digest("record", &Digest::of(&row.record));
        changes.event(by.leaf(leaf)?);
        self.store.commit(changes).await?;
        Ok(NamedHeir { row, heir, reason: None, is_void: false })
    }

    /// Payments of months after the death, by the paper, that were made to the person: how many, and how much.
    /// Only a death in the register makes them owed.
    pub async fn paid_after_death(&self, named: &NamedHeir) -> Result<(usize, i64), EngineError> {
        let (person, last) = (named.row.person, named.heir.last_month);
        let mut claims = self.store.claims(person.shard()).await?;
        claims.retain(|one| one.person == person && one.period > last);
        let numbers: BTreeSet<PayableNo> = claims.iter().filter_map(|one| one.payable).collect();
        let numbers: Vec<PayableNo> = numbers.into_iter().collect();
        let mut paid = self.store.payables_of(&numbers).await?;
        paid.retain(|one| one.state == PayableState::Paid);
        let paid: BTreeSet<PayableNo> = paid.into_iter().map(|one| one.number).collect();
        let of_paid = claims.iter().filter(|one| one.payable.is_some_and(|of| paid.contains(&of)));
        Ok((paid.len(), of_paid.map(|one| one.amount_minor).sum()))
    }

    /// Another officer confirms it: the next list that is assembled pays the heir.
    ///
    /// # Errors
    /// D192 when nothing waits for it, D193 when it is the officer who proposed it, A120 when who proposed it
    /// signs no more.
    pub async fn heir_confirm(
        &self,
        number: i64,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<NamedHeir, EngineError> {
        let by = self.acting(officer, key, Doing::ConfirmHeir).await?;
        let row = self.naming_in(number, |state| state == HeirState::Proposed).await?;
        if row.proposed_by == by.officer.name {
            return Err(EngineError::refused(
                "D193",
                format!(
                    "`{}` has named the heir, and two persons do; another officer, an approver, confirms it: chitra heir \
                     confirm NUMBER --as APPROVER",
                    by.officer.name
                ),
            ));
        }
        let (heir, at) = (self.opened_heir(&row)?, self.stamp());
        let mut changes = Changes::new();
        let anew = "chitra heir withdraw NUMBER --reason TEXT --as OFFICER, then chitra heir propose PERSON … --as OFFICER";
        self.second_of_two(&row.proposed_by, anew, &mut changes).await?;
        let to = row.state.apply(HeirEvent::Confirmed)?;
        changes.heir_confirmed(&row, to, &by.officer.name, &at);
        changes.event(by.leaf(heir_leaf("heir_confirmed", &row, &at))?);
        self.store.commit(changes).await?;
        let confirmed_by = Some(by.officer.name.clone());
        let row = HeirRow { state: to, confirmed_by, confirmed_at: Some(at), ..row };
        Ok(NamedHeir { row, heir, reason: None, is_void: false })
    }

    /// One officer withdraws a naming, confirmed or not. That stops money and lets none go: of who was said to be
    /// dead by two officers nothing is paid until two let it go (H156), or another heir is confirmed.
    ///
    /// # Errors
    /// D192 when there is none, D194 without a reason.
    pub async fn heir_withdraw(
        &self,
        number: i64,
        reason: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<NamedHeir, EngineError> {
        let by = self.acting(officer, key, Doing::WithdrawHeir).await?;
        if reason.trim().is_empty() {
            return Err(EngineError::refused(
                "D194",
                "who withdraws an heir says on what it rests: --reason TEXT",
            ));
        }
        let row = self.naming_in(number, |state| state != HeirState::Withdrawn).await?;
        let (heir, at) = (self.opened_heir(&row)?, self.stamp());
        let to = row.state.apply(HeirEvent::Withdrawn)?;
        let sealed = self.keys.reason(&reason_of(row.number), reason);
        let mut changes = Changes::new();
        changes.heir_withdrawn(&row, to, &by.officer.name, &at, sealed.clone());
        let leaf = heir_leaf("heir_withdrawn", &row, &at).digest("reason", &Digest::of(&sealed));
        changes.event(by.leaf(leaf)?);
        self.store.commit(changes).await?;
        let (withdrawn_by, withdrawn_at) = (Some(by.officer.name.clone()), Some(at));
        let withdrawn_reason = Some(sealed);
        let row = HeirRow { state: to, withdrawn_by, withdrawn_at, withdrawn_reason, ..row };
        Ok(NamedHeir { row, heir, reason: Some(reason.to_owned()), is_void: false })
    }

    /// The namings that ever counted, and which of them count, as one digest.
    pub(super) async fn heirs_digest(&self) -> Result<Digest, EngineError> {
        let mut hasher = Hasher::new();
        for one in self.store.heirs().await?.iter().filter(|one| one.confirmed_by.is_some()) {
            let record = Digest::of(&one.record);
            hasher.update(format!("{} {} {record}\n", one.number, one.state).as_bytes());
        }
        Ok(hasher.finish().0)
    }

    /// Fixes the namings for which a cycle is computed, before anything is assembled for them.
    ///
    /// # Errors
    /// C121 when it was begun for others.
    pub(super) async fn heirs_stay(&self, cycle: &Cycle) -> Result<(), EngineError> {
        let digest = self.heirs_digest().await?.to_string();
        let is_begun = !self.store.work_done(cycle.number, assemble::STAGE).await?.is_empty();
        if self.store.heirs_of_cycle(cycle.number).await?.is_none() && !is_begun {
            let mut changes = Changes::new();
            changes.cycle_for_heirs(cycle.number, &digest);
            return Ok(self.store.commit(changes).await?);
        }
        self.heirs_are_as_computed(cycle).await
    }

    /// A list is sealed for the namings for which it was computed.
    ///
    /// # Errors
    /// C121, with what to do.
    pub(super) async fn heirs_are_as_computed(&self, cycle: &Cycle) -> Result<(), EngineError> {
        // An earlier program computed for nobody's heirs.
        let nobody_s = || Hasher::new().finish().0.to_string();
        let computed = self.store.heirs_of_cycle(cycle.number).await?.unwrap_or_else(nobody_s);
        if computed == self.heirs_digest().await?.to_string() {
            return Ok(());
        }
        Err(EngineError::refused(
            "C121",
            format!(
                "an heir was confirmed or withdrawn after cycle {label} was computed; compute it anew: chitra cycle run \
                 {label} --recompute",
                label = cycle.label()
            ),
        ))
    }

    /// Orders of a cycle that have not left and are for heirs who were withdrawn since, but those of which officers
    /// have proposed a stop, or looked at one.
    pub(super) async fn orders_for_withdrawn_heirs(
        &self,
        cycle: CycleNo,
    ) -> Result<Vec<Instruction>, EngineError> {
        let since = self.store.payables_of_withdrawn_heirs(cycle).await?;
        self.not_looked_at(cycle, &since).await
    }

    /// A list is signed and released only for heirs who count.
    ///
    /// # Errors
    /// D195, with the payments by their references and the way out.
    pub(super) async fn heirs_must_stand(
        &self,
        cycle: &Cycle,
        list: ListNo,
    ) -> Result<(), EngineError> {
        let mut orders = self.orders_for_withdrawn_heirs(cycle.number).await?;
        orders.retain(|one| one.list == list);
        if orders.is_empty() {
            return Ok(());
        }
        let named: Vec<String> =
            orders.iter().take(5).map(|one| self.reference(one).to_string()).collect();
        Err(EngineError::refused(
            "D195",
            format!(
                "{count} of the payments of list {list} are for an heir who was withdrawn since ({named}). Each is proposed to \
                 be stopped, then the list can be signed and released and the stop confirmed: chitra stop propose {label} \
                 PERSON --reason TEXT --as OFFICER",
                count = orders.len(),
                named = named.join(", "),
                label = cycle.label()
            ),
        ))
    }

    /// A payable's naming, opened. What became of the naming since does not change it.
    pub(super) async fn heir_of(
        &self,
        payable: &Payable,
    ) -> Result<Option<NamedHeir>, EngineError> {
        let Some(number) = payable.heir else { return Ok(None) };
        let named = self.heirs_named(Some(payable.beneficiary)).await?;
        named.into_iter().find(|one| one.row.number == number).map(Some).ok_or_else(|| {
            EngineError::Inconsistent(format!(
                "naming {number} of payable {} is missing",
                payable.number
            ))
        })
    }

    /// Of whom nothing is known but who they are: money that comes back from an heir waits for the roster to
    /// name where it goes.
    pub(super) fn nowhere(&self, payout: &Payout) -> (DestinationNo, PayeeDetail) {
        let (name, national_id) = payout.detail.entitled();
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
            home_address: String::new(),
        };
        (self.keys.destination(Channel::Unnamed, "", ""), detail)
    }

    async fn naming_in(
        &self,
        number: i64,
        fits: impl Fn(HeirState) -> bool,
    ) -> Result<HeirRow, EngineError> {
        let row = self.store.heir(number).await?;
        let is = match &row {
            Some(row) if fits(row.state) => return Ok(row.clone()),
            Some(row) => format!("naming {number} of an heir is {}", row.state),
            None => format!("there is no naming {number} of an heir"),
        };
        Err(EngineError::refused(
            "D192",
            format!("{is}, and nothing waits for that; see: chitra heir list"),
        ))
    }

    /// Looks at what an officer says of an heir.
    fn read_naming(&self, person: PersonNo, naming: &Naming<'_>) -> Result<Heir, EngineError> {
        let lacks = |sentence: String| lacking(&sentence);
        let needed = [
            ("--name", naming.name),
            ("--relation", naming.relation),
            ("--paper", naming.paper),
            ("--account", naming.account),
        ];
        for (option, text) in needed {
            if text.trim().is_empty() || text.chars().count() > 200 || text.contains('\n') {
                return Err(lacks(format!(
                    "an heir is named with {option}, one line of up to 200 characters"
                )));
            }
        }
        let day = |option: &str, text: &str| match parse_date(text) {
            Ok(day) if day <= self.clock.today() => Ok(day),
            Ok(_) => Err(lacks(format!("{option} {text} is a day to come"))),
            Err(error) => Err(lacks(format!("{option}: {error}"))),
        };
        let died_on = day("--died-on", naming.died_on)?;
        let paper_date = day("--paper-date", naming.paper_date)?;
        let Ok(last_month) = Period::of(died_on) else {
            return Err(lacks(format!("--died-on {died_on} is a day of no month that is known")));
        };
        if paper_date < died_on {
            return Err(lacks(format!(
                "--paper-date {paper_date} is before the death: who dies names no heir of what is due then"
            )));
        }
        if NationalId::parse(naming.national_id).is_err() {
            return Err(lacks(
                "--national-id is no national id: 12 digits, or 9 on an old card".to_owned(),
            ));
        }
        if self.keys.person_of_id(naming.national_id) == person {
            return Err(lacks("--national-id is that of who has died".to_owned()));
        }
        let Some(channel) =
            Channel::from_name(naming.channel).filter(|one| *one != Channel::Unnamed)
        else {
            return Err(lacks(format!("--channel {} is none: see docs/inputs.md", naming.channel)));
        };
        let is_a_bank_s_id = |id: &str| id.len() == 6 && id.bytes().all(|one| one.is_ascii_digit());
        let lacks_provider = match channel {
            Channel::Cash => false,
            Channel::Bank => !is_a_bank_s_id(naming.provider.trim()),
            _ => naming.provider.trim().is_empty(),
        };
        if lacks_provider {
            return Err(lacks(
                "an account is one of a bank, wallet or operator, and is named with --provider; a bank with its six digits, as on rosters"
                    .to_owned(),
            ));
        }
        if self.config.route(channel, naming.provider).is_none() {
            return Err(lacks(format!(
                "no partner of chitra.toml carries money by {channel} to `{}`",
                naming.provider
            )));
        }
        let mut names = AccountNames::default();
        if !names.is_of(channel, naming.account_name, naming.name) {
            return Err(lacks(
                "--account-name is another's than the heir's --name: money goes to whom the paper names".to_owned(),
            ));
        }
        Ok(Heir {
            of_name: String::new(),
            of_national_id: String::new(),
            died_on,
            last_month,
            name: naming.name.trim().to_owned(),
            national_id: naming.national_id.trim().to_owned(),
            relation: naming.relation.trim().to_owned(),
            channel,
            provider: naming.provider.trim().to_owned(),
            account: naming.account.trim().to_owned(),
            account_name: naming.account_name.trim().to_owned(),
            paper: naming.paper.trim().to_owned(),
            paper_date,
        })
    }

    fn opened_heir(&self, row: &HeirRow) -> Result<Heir, EngineError> {
        let broken = |what: String| {
            EngineError::Inconsistent(format!("naming {} of an heir: {what}", row.number))
        };
        let context = context(row.number, row.person);
        let plain = self.keys.heirs.open(context.as_bytes(), &row.record)?;
        let record: Record =
            serde_json::from_slice(&plain).map_err(|error| broken(error.to_string()))?;
        let day = |text: &str| parse_date(text).map_err(|error| broken(error.to_string()));
        let died_on = day(&record.died_on)?;
        Ok(Heir {
            of_name: record.of_name,
            of_national_id: record.of_national_id,
            died_on,
            last_month: Period::of(died_on).map_err(|error| broken(error.to_string()))?,
            paper_date: day(&record.paper_date)?,
            channel: Channel::from_name(&record.channel)
                .ok_or_else(|| broken(format!("`{}` is no channel", record.channel)))?,
            name: record.name,
            national_id: record.national_id,
            relation: record.relation,
            provider: record.provider,
            account: record.account,
            account_name: record.account_name,
            paper: record.paper,
        })
    }
}

impl Record {
    fn of(heir: &Heir) -> Record {
        Record {
            of_name: heir.of_name.clone(),
            of_national_id: heir.of_national_id.clone(),
            died_on: heir.died_on.to_string(),
            name: heir.name.clone(),
            national_id: heir.national_id.clone(),
            relation: heir.relation.clone(),
            channel: heir.channel.name().to_owned(),
            provider: heir.provider.clone(),
            account: heir.account.clone(),
            account_name: heir.account_name.clone(),
            paper: heir.paper.clone(),
            paper_date: heir.paper_date.to_string(),
        }
    }
}

/// What a naming lacks, or says that cannot be.
fn lacking(sentence: &str) -> EngineError {
    EngineError::refused("D190", sentence)
}

fn heir_leaf(event: &str, row: &HeirRow, at: &str) -> crate::audit::leaf::LeafBuilder {
    Leaf::of(event, at).number("heir", row.number).digest("record", &Digest::of(&row.record))
}

/// The record opens only for the person for whom it was sealed.
fn context(number: i64, person: PersonNo) -> String {
    format!("heir {number} {person}")
}

fn reason_of(number: i64) -> String {
    format!("heir {number} withdrawn")
}
