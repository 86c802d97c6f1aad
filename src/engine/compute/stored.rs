//! The bundles that the import and earlier cycles left, read back for one shard.
//!
//! What we wrote ourselves and cannot read is an inconsistency of the store, never a refused row.

use jiff::civil::Date;

use super::{Loaded, Terms};
use crate::domain::identity::VitalStatus;
use crate::domain::ids::{EnrolmentNo, PersonNo};
use crate::domain::roster::RosterRow;
use crate::engine::import::{REGISTER_LEADING, ROSTER_LEADING};
use crate::engine::payout::rows;
use crate::engine::{EngineError, chunks};
use crate::pipeline::intake::{Header, RegisterRow, register_row, roster_row};
use crate::pipeline::records::{RecordError, Records};

/// A roster row with the numbers it was given at import.
pub struct Listed {
    pub person: PersonNo,
    pub enrolment: EnrolmentNo,
    /// A second hash of the national id; 0 when the row has none.
    pub check: i64,
    /// Its enrolment id stands on the roster twice, and this is not the row that it means.
    pub is_repeated: bool,
    pub row: RosterRow,
}

/// A row that was refused at import, as far as it could be read.
pub struct RefusedRow {
    pub person: PersonNo,
    /// None when the row names no enrolment, or was taken in before this was kept.
    pub enrolment: Option<EnrolmentNo>,
    pub line: u64,
    pub code: String,
    pub sentence: String,
    pub programme: String,
    pub province: String,
}

/// The register's records of one shard, in the order of their lines.
pub struct Register(Vec<RegisterRow>);

impl Register {
    pub fn rows(&self) -> &[RegisterRow] {
        &self.0
    }

    /// The record on this line.
    pub fn record(&self, line: u64) -> Option<&RegisterRow> {
        let at = self.0.binary_search_by_key(&line, |row| row.line).ok()?;
        Some(&self.0[at])
    }

    /// The name of the record on this line.
    pub fn full_name(&self, line: u64) -> Option<&str> {
        self.record(line).map(|row| row.full_name.as_str())
    }

    /// Whether the record on this line says that the person lives.
    pub fn says_alive(&self, line: u64) -> bool {
        self.record(line).is_some_and(|row| row.vital == VitalStatus::Alive)
    }

    /// The day of death that the record on this line gives.
    pub fn died_on(&self, line: u64) -> Option<Date> {
        match self.record(line)?.vital {
            VitalStatus::Deceased { on } => on,
            _ => None,
        }
    }
}

/// The rows of the roster, those of one person together.
pub fn roster(terms: &Terms, loaded: &Loaded) -> Result<Vec<Listed>, EngineError> {
    let vocabulary = terms.programmes.vocabulary();
    let vocabulary = vocabulary.view();
    let header = Header::canonical_roster(ROSTER_LEADING, terms.programmes.fact_count());
    let mut listed = Vec::new();
    for chunk in &loaded.roster {
        let plain = chunks::open(&terms.keys.chunks, chunk)?;
        let mut records = Records::new(plain.as_slice());
        while let Some(record) = records.next_record().map_err(unreadable)? {
            let number = |at: usize| {
                record.field(at).and_then(|text| text.parse::<i64>().ok()).ok_or_else(unwritten)
            };
            let mut row = roster_row(&record, &header, &vocabulary).map_err(|_| unwritten())?;
            row.line = number(2)? as u64;
            listed.push(Listed {
                person: PersonNo::from_number(number(0)?).ok_or_else(unwritten)?,
                enrolment: EnrolmentNo::from_number(number(1)?).ok_or_else(unwritten)?,
                check: number(3)?,
                is_repeated: false,
                row,
            });
        }
    }
    listed.sort_by_key(|one| (one.person, one.enrolment, one.row.line));
    for same in listed.chunk_by_mut(|a, b| a.enrolment == b.enrolment) {
        if terms.twice.contains(&same[0].enrolment) {
            mark_repeated(terms, same);
        }
    }
    Ok(listed)
}

/// Of the rows of one enrolment id one goes on, and only when it is plain which: the first that names the
/// person who has the enrolment, or the first of rows that all name one person. Where two people are named
/// and the enrolment is nobody's yet, both are refused.
fn mark_repeated(terms: &Terms, same: &mut [Listed]) {
    let named = |one: &Listed| named_person(terms, one);
    let meant = match terms.of_two_persons.contains(&same[0].enrolment) {
        true => None,
        false => same.iter().position(|one| named(one) == Some(one.person)).or_else(|| {
            let who = |one: &Listed| match one.row.national_id.is_empty() {
                true => (None, one.row.full_name.clone()),
                false => (named(one), String::new()),
            };
            same.iter().all(|one| who(one) == who(&same[0])).then_some(0)
        }),
    };
    for (at, one) in same.iter_mut().enumerate() {
        one.is_repeated = meant != Some(at);
    }
}

/// The person whom the national id of a row names, whoever has its enrolment.
pub fn named_person(terms: &Terms, one: &Listed) -> Option<PersonNo> {
    let id = &one.row.national_id;
    (!id.is_empty()).then(|| terms.keys.person_of_id(id))
}

/// The records of the register.
pub fn register(terms: &Terms, loaded: &Loaded) -> Result<Register, EngineError> {
    let header = Header::canonical_register(REGISTER_LEADING);
    let mut found = Vec::new();
    for chunk in &loaded.register {
        let plain = chunks::open(&terms.keys.chunks, chunk)?;
        let mut records = Records::new(plain.as_slice());
        while let Some(record) = records.next_record().map_err(unreadable)? {
            let line = record.field(0).and_then(|text| text.parse().ok()).ok_or_else(unwritten)?;
            let row = register_row(&record, &header).map_err(|_| unwritten())?;
            found.push(RegisterRow { line, ..row });
        }
    }
    found.sort_by_key(|row: &RegisterRow| row.line);
    Ok(Register(found))
}

/// The rows that the import refused.
pub fn refused(terms: &Terms, loaded: &Loaded) -> Result<Vec<RefusedRow>, EngineError> {
    let mut found = Vec::new();
    for chunk in &loaded.refused {
        found.append(&mut refused_in(&chunks::open(&terms.keys.chunks, chunk)?)?);
    }
    Ok(found)
}

/// The refused rows of one opened bundle.
pub fn refused_in(plain: &[u8]) -> Result<Vec<RefusedRow>, EngineError> {
    rows(plain, |row| {
        Ok(RefusedRow {
            person: row.person(0)?,
            enrolment: match row.text(7) {
                Ok(number) => number.parse().ok().and_then(EnrolmentNo::from_number),
                Err(_) => None,
            },
            line: row.number(1)? as u64,
            code: row.text(2)?.to_owned(),
            sentence: row.text(4)?.to_owned(),
            programme: row.text(5)?.to_owned(),
            province: row.text(6)?.to_owned(),
        })
    })
}

fn unreadable(error: RecordError) -> EngineError {
    EngineError::Inconsistent(format!("a stored bundle cannot be read: {error}"))
}

pub fn unwritten() -> EngineError {
    EngineError::Inconsistent("a stored bundle has a row that we never write".to_owned())
}
