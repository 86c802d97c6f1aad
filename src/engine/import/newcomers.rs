//! Rows that are new and look like somebody who is gone or has ended: the same name, birth and benefit as a
//! row of the roster before, under another number and another enrolment id. The register does not say that they are one
//! person, and the months of the one could be paid to the other again.
//!
//! Reads: the new rows of a roster, and the roster on which the newest cycle stands. Gives: a bundle that
//! names the enrolments to be held (H122).

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::ids::{EnrolmentNo, ImportNo, PersonNo, Shard};
use crate::domain::period::Period;
use crate::domain::roster::{EnrolmentStatus, RosterRow};
use crate::engine::names::Keys;
use crate::engine::{Engine, EngineError, chunks};
use crate::identity::fold::fold_into;
use crate::pipeline::intake::{Header, roster_row};
use crate::pipeline::records::Records;
use crate::store::registry::{Chunk, ChunkKind};

use super::ROSTER_LEADING;

/// Marks the enrolments of a bundle of what reaches across shards.
pub const PERHAPS_KNOWN: u8 = b'g';

/// Of one roster: which enrolments are on it, and the new ones by what they look like.
#[derive(Default)]
pub struct Newcomers {
    /// 8 bytes a row; sorted when it is whole.
    present: Vec<EnrolmentNo>,
    /// Of these, the ones that are paid no more.
    ended: HashSet<EnrolmentNo>,
    new: HashMap<u128, Vec<(EnrolmentNo, PersonNo)>>,
}

impl Newcomers {
    pub fn row(
        &mut self,
        keys: &Keys,
        row: &RosterRow,
        (enrolment, person): (EnrolmentNo, PersonNo),
        (is_new, month): (bool, Period),
    ) {
        self.present.push(enrolment);
        let is_over = row.entitled_to.is_some_and(|last| last < month.first_day());
        if row.status != EnrolmentStatus::Active || is_over {
            self.ended.insert(enrolment);
        }
        if let Some(looks) = looks(keys, row).filter(|_| is_new) {
            self.new.entry(looks).or_default().push((enrolment, person));
        }
    }
}

impl Newcomers {
    fn has(&self, enrolment: EnrolmentNo) -> bool {
        self.present.binary_search(&enrolment).is_ok()
    }
}

/// What two rows of one person in one benefit have in common, whatever their numbers. None without a birth:
/// a name alone is many people's.
fn looks(keys: &Keys, row: &RosterRow) -> Option<u128> {
    let born = row.date_of_birth?;
    let mut name = Vec::new();
    fold_into(&row.full_name, &mut name);
    let name = String::from_utf8_lossy(&name);
    let (programme, benefit) = (&row.programme, &row.benefit);
    Some(keys.line(&format!("looks\u{1f}{name}\u{1f}{born}\u{1f}{programme}\u{1f}{benefit}")))
}

impl Engine {
    /// The new enrolments that look like somebody who is gone, and those that did when they were new and have
    /// been determined nothing since.
    pub(super) async fn perhaps_known(
        &self,
        mut newcomers: Newcomers,
        before: ImportNo,
        import: ImportNo,
    ) -> Result<Option<Chunk>, EngineError> {
        if before.0 == 0 {
            return Ok(None);
        }
        newcomers.present.sort_unstable();
        let mut found = self.still_perhaps_known(&newcomers, before).await?;
        if !newcomers.new.is_empty() {
            for shard in Shard::all() {
                for chunk in self.store.chunks(shard, ChunkKind::Roster, before.0).await? {
                    let plain = chunks::open(&self.keys.chunks, &chunk)?;
                    self.gone_in(&plain, &newcomers, &mut found)?;
                }
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        let mut plain = Vec::with_capacity(found.len() * 9);
        for enrolment in &found {
            plain.push(PERHAPS_KNOWN);
            plain.extend_from_slice(&enrolment.number().to_be_bytes());
        }
        let (key, first, items) = (&self.keys.chunks, Shard::new(0), found.len() as i64);
        Ok(Some(chunks::seal(key, first, ChunkKind::Shared, import.0, 1, items, &plain)?))
    }

    fn gone_in(
        &self,
        plain: &[u8],
        newcomers: &Newcomers,
        found: &mut BTreeSet<EnrolmentNo>,
    ) -> Result<(), EngineError> {
        let unwritten =
            || EngineError::Inconsistent("a stored roster row cannot be read".to_owned());
        let vocabulary = self.programmes.vocabulary();
        let vocabulary = vocabulary.view();
        let header = Header::canonical_roster(ROSTER_LEADING, self.programmes.fact_count());
        let mut records = Records::new(plain);
        while let Some(record) = records.next_record().map_err(|_| unwritten())? {
            let number = |at: usize| record.field(at).and_then(|text| text.parse::<i64>().ok());
            let person = number(0).and_then(PersonNo::from_number).ok_or_else(unwritten)?;
            let enrolment = number(1).and_then(EnrolmentNo::from_number).ok_or_else(unwritten)?;
            if newcomers.has(enrolment) && !newcomers.ended.contains(&enrolment) {
                continue;
            }
            let row = roster_row(&record, &header, &vocabulary).map_err(|_| unwritten())?;
            let alike = looks(&self.keys, &row).and_then(|looks| newcomers.new.get(&looks));
            for (new, named) in alike.into_iter().flatten() {
                // Under the number of the one who is gone it is that person, and nothing is paid again.
                if *named != person {
                    found.insert(*new);
                }
            }
        }
        Ok(())
    }

    async fn still_perhaps_known(
        &self,
        newcomers: &Newcomers,
        before: ImportNo,
    ) -> Result<BTreeSet<EnrolmentNo>, EngineError> {
        let mut found = BTreeSet::new();
        for chunk in self.store.chunks(Shard::new(0), ChunkKind::Shared, before.0).await? {
            for item in chunks::open(&self.keys.chunks, &chunk)?.chunks_exact(9) {
                let number: [u8; 8] = item[1..].try_into().expect("nine bytes less one");
                let enrolment = EnrolmentNo::from_number(i64::from_be_bytes(number));
                found.extend(
                    enrolment
                        .filter(|enrolment| item[0] == PERHAPS_KNOWN && newcomers.has(*enrolment)),
                );
            }
        }
        let mut determined = BTreeSet::new();
        for enrolment in &found {
            let Some(person) = self.store.enrolment(*enrolment).await? else { continue };
            let claims = self.store.claims(person.shard()).await?;
            if claims.iter().any(|claim| claim.enrolment == *enrolment) {
                determined.insert(*enrolment);
            }
        }
        found.retain(|enrolment| !determined.contains(enrolment));
        Ok(found)
    }
}
