//! Who is paid, and where: the details that rows do not hold, sealed in bundles beside them.
//!
//! A line travels to the shard of its payee with its details; a payable keeps them, with the claims
//! that it owns, in the order of the payables.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::exception::RowOutcome;
use crate::domain::hold::HoldCode;
use crate::domain::ids::{CycleNo, DestinationNo, EnrolmentNo, PayableNo, PersonNo, Shard};
use crate::domain::period::Period;
use crate::domain::roster::Channel;
use crate::domain::state::Named;
use crate::engine::error::EngineError;
use crate::engine::import::write_csv;
use crate::engine::{Engine, chunks};
use crate::pipeline::assemble::{DueLine, LineKind};
use crate::store::registry::ChunkKind;

/// How one payee is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayeeDetail {
    pub name: String,
    pub national_id: String,
    pub channel: Channel,
    /// The bank, wallet, operator or organisation that the roster names.
    pub named: String,
    pub account: String,
    pub account_name: String,
    /// The commune, which is the pay point of those who are paid in cash.
    pub pay_point: String,
    /// Who collects instead, as a cash list says it: the payee's name and id, where the roster names another
    /// payee than who is entitled.
    pub collector: String,
    /// The name and id of who is entitled, where another is the payee; both empty otherwise.
    pub beneficiary: String,
    pub beneficiary_id: String,
    /// Where cash is brought to who cannot come; empty for everybody else.
    pub home_address: String,
}

impl PayeeDetail {
    /// Name and id of who is entitled, also where another is paid; a list of cash has the payment under them.
    pub fn entitled(&self) -> (&str, &str) {
        match self.beneficiary.is_empty() {
            true => (&self.name, &self.national_id),
            false => (&self.beneficiary, &self.beneficiary_id),
        }
    }
}

/// A line on its way to the shard of its payee.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TravellingLine {
    pub line: DueLine,
    /// What the payable is held for; each is released by itself.
    pub holds: Vec<HoldCode>,
    pub detail: PayeeDetail,
}

/// One claim of a payable, as its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedClaim {
    /// The person whose shard is the claim's.
    pub owner: PersonNo,
    pub enrolment: EnrolmentNo,
    pub benefit: String,
    pub component: String,
    pub period: Period,
    pub revision: u16,
    pub amount_minor: i64,
}

/// What a payable needs to be rendered, carried over or explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payout {
    pub payable: PayableNo,
    pub destination: DestinationNo,
    pub detail: PayeeDetail,
    pub remittance: String,
    pub claims: Vec<OwnedClaim>,
}

impl Engine {
    /// The details of payables of any cycles; those of the newest list that ordered them.
    pub(super) async fn payouts_of(
        &self,
        numbers: &[PayableNo],
    ) -> Result<HashMap<PayableNo, Payout>, EngineError> {
        let wanted: HashSet<PayableNo> = numbers.iter().copied().collect();
        let bundles: BTreeSet<(Shard, CycleNo)> =
            numbers.iter().map(|number| (number.shard(), number.cycle())).collect();
        let mut found = HashMap::new();
        for (shard, cycle) in bundles {
            for chunk in self.store.chunks(shard, ChunkKind::Payout, cycle.0).await? {
                for payout in read_payouts(&chunks::open(&self.keys.chunks, &chunk)?)? {
                    // The newest list's details come last and count.
                    if wanted.contains(&payout.payable) {
                        found.insert(payout.payable, payout);
                    }
                }
            }
        }
        Ok(found)
    }
}

pub fn write_travelling(out: &mut Vec<u8>, travelling: &TravellingLine) {
    let line = &travelling.line;
    let numbers = [
        line.payee.number().to_string(),
        line.beneficiary.number().to_string(),
        line.owner.number().to_string(),
        line.enrolment.number().to_string(),
        line.period.as_number().to_string(),
        line.revision.to_string(),
        line.amount_minor.to_string(),
        line.destination.number().to_string(),
        line.carried_from.map(|payable| payable.number().to_string()).unwrap_or_default(),
    ];
    let holds: Vec<&str> = travelling.holds.iter().map(HoldCode::text).collect();
    let holds = holds.join(" ");
    let words = [
        line.fund.as_str(),
        &line.programme,
        &line.province,
        &line.benefit,
        &line.component,
        line.kind.name(),
        &holds,
    ];
    let fields =
        numbers.iter().map(String::as_str).chain(words).chain(detail_fields(&travelling.detail));
    write_csv(out, fields.map(str::as_bytes));
}

pub fn read_travelling(bytes: &[u8]) -> Result<Vec<TravellingLine>, EngineError> {
    rows(bytes, |row| {
        Ok(TravellingLine {
            line: DueLine {
                payee: row.person(0)?,
                beneficiary: row.person(1)?,
                owner: row.person(2)?,
                enrolment: EnrolmentNo::from_number(row.number(3)?).ok_or_else(broken)?,
                period: Period::from_number(row.number(4)?).map_err(|_| broken())?,
                revision: u16::try_from(row.number(5)?).map_err(|_| broken())?,
                amount_minor: row.number(6)?,
                destination: DestinationNo::from_number(row.number(7)?).ok_or_else(broken)?,
                carried_from: match row.text(8)? {
                    "" => None,
                    _ => Some(PayableNo::from_number(row.number(8)?)?),
                },
                heir: None,
                lowers_unpaid: false,
                apart: None,
                fund: row.text(9)?.to_owned(),
                programme: row.text(10)?.to_owned(),
                province: row.text(11)?.to_owned(),
                benefit: row.text(12)?.to_owned(),
                component: row.text(13)?.to_owned(),
                kind: LineKind::from_name(row.text(14)?).ok_or_else(broken)?,
            },
            holds: row
                .text(15)?
                .split_whitespace()
                .map(|code| code.parse().map_err(|_| broken()))
                .collect::<Result<_, _>>()?,
            detail: detail(row, 16)?,
        })
    })
}

pub fn write_payout(out: &mut Vec<u8>, payout: &Payout) {
    let claims: Vec<String> = payout
        .claims
        .iter()
        .map(|claim| {
            format!(
                "{} {} {} {} {} {} {}",
                claim.owner.number(),
                claim.enrolment.number(),
                claim.benefit,
                claim.component,
                claim.period.as_number(),
                claim.revision,
                claim.amount_minor
            )
        })
        .collect();
    let claims = claims.join(";");
    let payable = payout.payable.number().to_string();
    let destination = payout.destination.number().to_string();
    let fields = [payable.as_str(), &destination, &payout.remittance, &claims];
    write_csv(out, fields.into_iter().chain(detail_fields(&payout.detail)).map(str::as_bytes));
}

pub fn read_payouts(bytes: &[u8]) -> Result<Vec<Payout>, EngineError> {
    rows(bytes, |row| {
        Ok(Payout {
            payable: PayableNo::from_number(row.number(0)?)?,
            destination: DestinationNo::from_number(row.number(1)?).ok_or_else(broken)?,
            remittance: row.text(2)?.to_owned(),
            claims: row
                .text(3)?
                .split(';')
                .filter(|text| !text.is_empty())
                .map(|text| {
                    let parts: Vec<&str> = text.split(' ').collect();
                    let [owner, enrolment, benefit, component, period, revision, amount] =
                        parts[..]
                    else {
                        return Err(broken());
                    };
                    let number = |text: &str| text.parse::<i64>().map_err(|_| broken());
                    Ok(OwnedClaim {
                        owner: PersonNo::from_number(number(owner)?).ok_or_else(broken)?,
                        enrolment: EnrolmentNo::from_number(number(enrolment)?)
                            .ok_or_else(broken)?,
                        benefit: benefit.to_owned(),
                        component: component.to_owned(),
                        period: Period::from_number(number(period)?).map_err(|_| broken())?,
                        revision: u16::try_from(number(revision)?).map_err(|_| broken())?,
                        amount_minor: number(amount)?,
                    })
                })
                .collect::<Result<_, EngineError>>()?,
            detail: detail(row, 4)?,
        })
    })
}

fn detail_fields(detail: &PayeeDetail) -> [&str; 11] {
    [
        &detail.name,
        &detail.national_id,
        detail.channel.name(),
        &detail.named,
        &detail.account,
        &detail.account_name,
        &detail.pay_point,
        &detail.collector,
        &detail.beneficiary,
        &detail.beneficiary_id,
        &detail.home_address,
    ]
}

fn detail(row: &Fields<'_>, from: usize) -> Result<PayeeDetail, EngineError> {
    let text = |at: usize| row.text(from + at).map(str::to_owned);
    // Earlier programs kept no more than who is paid.
    let later = |at: usize| row.0.get(from + at).unwrap_or_default().to_owned();
    Ok(PayeeDetail {
        name: text(0)?,
        national_id: text(1)?,
        channel: Channel::from_name(row.text(from + 2)?).ok_or_else(broken)?,
        named: text(3)?,
        account: text(4)?,
        account_name: text(5)?,
        pay_point: text(6)?,
        collector: text(7)?,
        beneficiary: later(8),
        beneficiary_id: later(9),
        home_address: later(10),
    })
}

/// One record of a bundle that we wrote ourselves.
pub struct Fields<'a>(&'a csv::StringRecord);

impl Fields<'_> {
    pub fn text(&self, at: usize) -> Result<&str, EngineError> {
        self.0.get(at).ok_or_else(broken)
    }

    pub fn number(&self, at: usize) -> Result<i64, EngineError> {
        self.text(at)?.parse().map_err(|_| broken())
    }

    pub fn person(&self, at: usize) -> Result<PersonNo, EngineError> {
        PersonNo::from_number(self.number(at)?).ok_or_else(broken)
    }

    pub fn outcome(&self, at: usize) -> Result<RowOutcome, EngineError> {
        RowOutcome::from_name(self.text(at)?).ok_or_else(broken)
    }
}

/// Reads the records of a bundle that we wrote ourselves.
pub fn rows<T>(
    bytes: &[u8],
    mut read: impl FnMut(&Fields<'_>) -> Result<T, EngineError>,
) -> Result<Vec<T>, EngineError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let mut found = Vec::new();
    while reader.read_record(&mut record).map_err(|_| broken())? {
        found.push(read(&Fields(&record))?);
    }
    Ok(found)
}

fn broken() -> EngineError {
    EngineError::Inconsistent("a stored bundle has a record that we never write".to_owned())
}
