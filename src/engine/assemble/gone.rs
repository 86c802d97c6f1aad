//! Who is gone by the register: dead, or declared missing. Of those who receive for another, and of heirs.
//!
//! Reads: the register's records of the shards in which they are, which are others than the beneficiary's. Gives:
//! the hold of what would be paid to them. As for a beneficiary, two factors must agree: the id and the name.

use std::collections::{HashMap, HashSet};

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

/// Who is gone, under each number and name that the register has of them.
#[derive(Default)]
pub(super) struct Gone {
    recorded: HashMap<PersonNo, Vec<(String, VitalStatus)>>,
    names: NameComparer,
}

impl Gone {
    /// What the register says of a person who is gone.
    pub(super) fn of(&mut self, person: PersonNo, name: &str) -> Option<&VitalStatus> {
        if name.trim().is_empty() {
            return None;
        }
        let recorded = self.recorded.get(&person)?;
        let names = &mut self.names;
        recorded
            .iter()
            .find(|(other, _)| names.grade(name, other) <= NameGrade::MiddleMissing)
            .map(|(_, vital)| vital)
    }

    /// Why nothing is paid to a person, where the register has them as gone.
    pub(super) fn hold(&mut self, person: PersonNo, name: &str) -> Option<HoldCode> {
        self.of(person, name).map(|vital| match vital {
            VitalStatus::Missing => HoldCode::PayeeMissing,
            _ => HoldCode::PayeeDeceased,
        })
    }

    /// Why nothing is paid to the payee of a group, who receives for another.
    pub(super) fn hold_of_payee(
        &mut self,
        group: &Group,
        detail: &PayeeDetail,
    ) -> Option<HoldCode> {
        match group.payee == group.beneficiary {
            true => None,
            false => self.hold(group.payee, &detail.name),
        }
    }
}

impl Engine {
    /// Looks up in the register those of a shard who receive for another.
    pub(super) async fn gone_payees(
        &self,
        cycle: &Cycle,
        shard: Shard,
        arrived: &[TravellingLine],
    ) -> Result<Gone, EngineError> {
        let for_another = arrived.iter().filter(|one| one.line.payee != one.line.beneficiary);
        let payees: HashSet<PersonNo> = for_another.map(|one| one.line.payee).collect();
        let mut gone = Gone::default();
        if !payees.is_empty() {
            self.look_up_the_gone(cycle, shard, &payees, &mut gone).await?;
        }
        Ok(gone)
    }

    /// Looks up people in the register's records of one shard.
    pub(super) async fn look_up_the_gone(
        &self,
        cycle: &Cycle,
        shard: Shard,
        wanted: &HashSet<PersonNo>,
        gone: &mut Gone,
    ) -> Result<(), EngineError> {
        let broken = |error: String| EngineError::Inconsistent(error);
        let header = Header::canonical_register(REGISTER_LEADING);
        for chunk in self.store.chunks(shard, ChunkKind::Register, cycle.identity.0).await? {
            let plain = chunks::open(&self.keys.chunks, &chunk)?;
            let mut records = Records::new(plain.as_slice());
            while let Some(record) =
                records.next_record().map_err(|error| broken(error.to_string()))?
            {
                let row = register_row(&record, &header).map_err(|bad| broken(bad.sentence))?;
                if matches!(row.vital, VitalStatus::Alive | VitalStatus::Unknown) {
                    continue;
                }
                for id in [&row.national_id, &row.previous_national_id] {
                    let person = self.keys.person_of_id(id);
                    if !id.is_empty() && wanted.contains(&person) {
                        let known = gone.recorded.entry(person).or_default();
                        known.push((row.full_name.clone(), row.vital));
                    }
                }
            }
        }
        Ok(())
    }
}
