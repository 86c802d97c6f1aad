//! Payees who receive for another and are gone by the register: dead, or declared missing.
//!
//! Reads: the register's records of the payee's shard, which is another than the beneficiary's. Gives: the hold of
//! what would be paid to them. As for a beneficiary, two factors must agree: the id and the name.

use std::collections::HashMap;

use crate::domain::cycle::Cycle;
use crate::domain::hold::HoldCode;
use crate::domain::identity::VitalStatus;
use crate::domain::ids::{PersonNo, Shard};
use crate::engine::import::REGISTER_LEADING;
use crate::engine::payout::{PayeeDetail, TravellingLine};
use crate::engine::{Engine, EngineError, chunks};
use crate::identity::grade::{NameComparer, NameGrade};
use crate::pipeline::assemble::Group;
use crate::pipeline::intake::{Header, register_row};
use crate::pipeline::records::Records;
use crate::store::registry::ChunkKind;

/// Who of the payees of a shard is gone, under each number that the register has of them.
#[derive(Default)]
pub(super) struct GonePayees {
    recorded: HashMap<PersonNo, Vec<(String, HoldCode)>>,
    names: NameComparer,
}

impl GonePayees {
    /// Why nothing is paid to the payee of a group, where the register has them as gone.
    pub(super) fn hold(&mut self, group: &Group, detail: &PayeeDetail) -> Option<HoldCode> {
        if group.payee == group.beneficiary || detail.name.trim().is_empty() {
            return None;
        }
        let names = &mut self.names;
        let recorded = self.recorded.get(&group.payee)?;
        let is_it = |name: &str, names: &mut NameComparer| {
            names.grade(&detail.name, name) <= NameGrade::MiddleMissing
        };
        recorded.iter().find(|(name, _)| is_it(name, names)).map(|(_, code)| *code)
    }
}

impl Engine {
    /// Looks up in the register those of a shard who receive for another.
    pub(super) async fn gone_payees(
        &self,
        cycle: &Cycle,
        shard: Shard,
        arrived: &[TravellingLine],
    ) -> Result<GonePayees, EngineError> {
        let mut gone = GonePayees::default();
        if arrived.iter().all(|one| one.line.payee == one.line.beneficiary) {
            return Ok(gone);
        }
        let broken = |error: String| EngineError::Inconsistent(error);
        let header = Header::canonical_register(REGISTER_LEADING);
        for chunk in self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            let mut records = Records::new(plain.as_slice());
            while let Some(record) =
                records.next_record().map_err(|error| broken(error.to_string()))?
            {
                let row = register_row(&record, &header).map_err(|bad| broken(bad.sentence))?;
                let code = match row.vital {
                    VitalStatus::Deceased { .. } => HoldCode::PayeeDeceased,
                    VitalStatus::Missing => HoldCode::PayeeMissing,
                    VitalStatus::Alive | VitalStatus::Unknown => continue,
                };
                for id in [&row.national_id, &row.previous_national_id] {
                    if !id.is_empty() {
                        let person = self.keys.person_of_id(id);
                        let known = gone.recorded.entry(person).or_default();
                        known.push((row.full_name.clone(), code));
                    }
                }
            }
        }
        Ok(gone)
    }
}
