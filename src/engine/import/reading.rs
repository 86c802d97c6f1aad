//! Reads one file to its end: good rows into bundles, bad rows into a file to be mended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use super::bundles::{Bundles, RefusedFile, Send, hand_over};
use super::newcomers::Newcomers;
use super::people::{Binding, Found, People};
use crate::domain::digest::{Digest, HashingReader};
use crate::domain::ids::{DestinationNo, EnrolmentNo, ImportNo, PersonNo, Shard};
use crate::domain::period::Period;
use crate::domain::roster::{Channel, EnrolmentStatus, RefusedRow};
use crate::domain::state::Named;
use crate::engine::error::EngineError;
use crate::engine::names::Keys;
use crate::engine::{Programmes, chunks};
use crate::pipeline::intake::{
    Aliases, Header, register_row, roster_period, roster_row_of, write_register_row,
    write_roster_row,
};
use crate::pipeline::records::Records;
use crate::rules::Pack;
use crate::rules::pack::BenefitId;
use crate::store::registry::ChunkKind;

pub struct Reading {
    pub shown: String,
    pub import: ImportNo,
    pub period: Period,
    pub expected: Digest,
    pub keys: std::sync::Arc<Keys>,
    pub programmes: std::sync::Arc<Programmes>,
    pub aliases: Aliases,
    pub account_max: u32,
    pub refused_file: PathBuf,
}

pub struct Read {
    pub rows: i64,
    pub refused_by_code: BTreeMap<String, i64>,
    /// New enrolments in the order of their numbers.
    pub enrolments: Vec<(EnrolmentNo, PersonNo)>,
    /// Enrolments that are another's than an earlier file of the month said.
    pub rebound: Vec<(EnrolmentNo, PersonNo)>,
    /// The newest roster that a cycle stood on when this was read.
    pub counted: ImportNo,
    pub newcomers: Newcomers,
}

impl Read {
    pub fn new(counted: ImportNo) -> Read {
        Read {
            rows: 0,
            refused_by_code: BTreeMap::new(),
            enrolments: vec![],
            rebound: vec![],
            counted,
            newcomers: Newcomers::default(),
        }
    }
}

impl Reading {
    pub fn roster(&self, file: File, people: People, send: Send<'_>) -> Result<Read, EngineError> {
        let vocabulary = self.programmes.vocabulary();
        let vocabulary = vocabulary.view();
        let mut records = self.records(file);
        let header_record = self.header_record(&mut records)?;
        let header = {
            let mut reread = Records::new(header_record.as_slice());
            let record = self.next(&mut reread)?.expect("the header was read a moment ago");
            Header::of_roster(&record, &self.aliases, &vocabulary)
                .map_err(|source| EngineError::Header { file: self.shown.clone(), source })?
        };
        let mut bundles = Bundles::new(self, ChunkKind::Roster);
        let mut refused = Bundles::new(self, ChunkKind::Refused);
        let mut mend = RefusedFile::new(&self.refused_file, header_record);
        let mut read = Read::new(people.counted);
        let mut accounts: Vec<(DestinationNo, PersonNo)> = Vec::new();
        let mut enrolments: Vec<(EnrolmentNo, PersonNo, Binding)> = Vec::new();
        let mut numbered_twice: Vec<Enrolled> = Vec::new();
        let mut out = csv::ByteRecord::new();
        while let Some(record) = self.next(&mut records)? {
            read.rows += 1;
            if let Some(text) = roster_period(&record, &header)
                && text.parse::<Period>() != Ok(self.period)
            {
                return Err(EngineError::refused(
                    "I121",
                    format!(
                        "{} line {}: the row belongs to `{}`, and the roster is being taken in for {}",
                        self.shown,
                        record.line,
                        text.chars().take(10).collect::<String>(),
                        self.period
                    ),
                ));
            }
            match roster_row_of(self.period, &record, &header, &vocabulary) {
                Ok(row) => {
                    let enrolment = self.keys.enrolment(&row.enrolment_id);
                    let Found { person, check, binding } = people.find(&self.keys, &row, enrolment);
                    enrolments.push((enrolment, person, binding));
                    if people.counted.0 != 0 {
                        let is_new = people.is_new(enrolment);
                        let new = (is_new, self.period);
                        read.newcomers.row(&self.keys, &row, (enrolment, person), new);
                    }
                    if let Some(other) = people.other_number(person)
                        && row.status == EnrolmentStatus::Active
                    {
                        numbered_twice.push(Enrolled {
                            person: person.min(other),
                            benefit: self.programmes.pack.benefit(&row.programme, &row.benefit),
                            enrolment,
                            under: person,
                        });
                    }
                    if row.payee.is_none()
                        && row.channel != Channel::Cash
                        && !row.account.is_empty()
                    {
                        let destination =
                            self.keys.destination(row.channel, &row.provider, &row.account);
                        accounts.push((destination, person));
                    }
                    write_roster_row(&row, &mut out);
                    let line = row.line.to_string();
                    let person_text = person.number().to_string();
                    let enrolment_text = enrolment.number().to_string();
                    let check_text = check.to_string();
                    let leading = [&person_text, &enrolment_text, &line, &check_text];
                    bundles.row(person.shard(), leading.map(String::as_str), &out, send)?;
                }
                Err(bad) => {
                    *read.refused_by_code.entry(bad.code.to_string()).or_default() += 1;
                    mend.add(&record, &bad)?;
                    let person = self.person_of_refused(&bad);
                    out.clear();
                    let leading = [
                        person.number().to_string(),
                        bad.line.to_string(),
                        bad.code.name().to_owned(),
                        bad.column.to_owned(),
                        bad.sentence.clone(),
                        bad.programme.chars().take(60).collect(),
                        bad.commune_code.chars().take(2).collect(),
                        match bad.enrolment_id.as_str() {
                            "" => String::new(),
                            named => self.keys.enrolment(named).number().to_string(),
                        },
                    ];
                    let leading = [0, 1, 2, 3, 4, 5, 6, 7].map(|at: usize| leading[at].as_str());
                    refused.row(person.shard(), leading, &out, send)?;
                }
            }
        }
        self.must_be_unchanged(records)?;
        self.must_have_rows(&read)?;
        bundles.finish(send)?;
        refused.finish(send)?;
        mend.finish()?;
        let (twice, of_two_persons) = self.finish_enrolments(&mut read, enrolments);
        let under_both = enrolled_under_both(numbered_twice, &self.programmes.pack);
        let tagged = [(b'e', twice), (b'p', of_two_persons), (b'd', under_both)];
        self.shared(accounts, tagged, send)?;
        Ok(read)
    }

    /// Sorts the new enrolments for loading, and gives the ids that stand on the roster twice, and those of
    /// them that stand there for two persons: they are nobody's until the sender has mended them.
    pub fn finish_enrolments(
        &self,
        read: &mut Read,
        mut enrolments: Vec<(EnrolmentNo, PersonNo, Binding)>,
    ) -> (Vec<EnrolmentNo>, Vec<EnrolmentNo>) {
        enrolments.sort_unstable();
        let mut twice = Vec::new();
        let mut of_two_persons = Vec::new();
        for same in enrolments.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            twice.push(same[0].0);
            if same.iter().any(|one| one.1 != same[0].1) {
                of_two_persons.push(same[0].0);
            }
        }
        enrolments.retain(|(enrolment, _, _)| of_two_persons.binary_search(enrolment).is_err());
        enrolments.dedup_by_key(|(enrolment, _, _)| *enrolment);
        let bound = |wanted: Binding| {
            enrolments
                .iter()
                .filter(|(_, _, binding)| *binding == wanted)
                .map(|(enrolment, person, _)| (*enrolment, *person))
                .collect()
        };
        read.enrolments = bound(Binding::New);
        read.rebound = bound(Binding::Changed);
        (twice, of_two_persons)
    }

    /// Keeps which accounts more people use than the policy allows, which enrolment ids stand twice and for
    /// two persons, and what a person with two numbers is enrolled in a second time. Costs 16 bytes a row while it is found.
    pub fn shared(
        &self,
        mut accounts: Vec<(DestinationNo, PersonNo)>,
        tagged: [(u8, Vec<EnrolmentNo>); 3],
        send: Send<'_>,
    ) -> Result<(), EngineError> {
        accounts.sort_unstable();
        accounts.dedup();
        let mut plain = Vec::new();
        let mut items = 0;
        for group in accounts.chunk_by(|a, b| a.0 == b.0) {
            if group.len() > self.account_max as usize {
                plain.push(b'a');
                plain.extend_from_slice(&group[0].0.number().to_be_bytes());
                items += 1;
            }
        }
        for (tag, enrolments) in tagged {
            for enrolment in enrolments {
                plain.push(tag);
                plain.extend_from_slice(&enrolment.number().to_be_bytes());
                items += 1;
            }
        }
        let chunk = chunks::seal(
            &self.keys.chunks,
            Shard::new(0),
            ChunkKind::Shared,
            self.import.0,
            0,
            items,
            &plain,
        )?;
        hand_over(send, vec![chunk])
    }

    pub fn register(&self, file: File, send: Send<'_>) -> Result<Read, EngineError> {
        let mut records = self.records(file);
        let header_record = self.header_record(&mut records)?;
        let header = {
            let mut reread = Records::new(header_record.as_slice());
            let record = self.next(&mut reread)?.expect("the header was read a moment ago");
            Header::of_register(&record, &self.aliases)
                .map_err(|source| EngineError::Header { file: self.shown.clone(), source })?
        };
        let mut bundles = Bundles::new(self, ChunkKind::Register);
        let mut readable = 0_u64;
        let mut mend = RefusedFile::new(&self.refused_file, header_record);
        let mut read = Read::new(ImportNo(0));
        let mut previous: Vec<(PersonNo, PersonNo)> = Vec::new();
        let mut out = csv::ByteRecord::new();
        while let Some(record) = self.next(&mut records)? {
            read.rows += 1;
            match register_row(&record, &header) {
                Ok(row) => {
                    readable += 1;
                    let person = self.keys.person_of_id(&row.national_id);
                    write_register_row(&row, &mut out);
                    let line = row.line.to_string();
                    bundles.row(person.shard(), [line.as_str()], &out, send)?;
                    if !row.previous_national_id.is_empty() {
                        let old = self.keys.person_of_id(&row.previous_national_id);
                        previous.push((old, person));
                        // Who was counted under the old id keeps that number, and is looked for there.
                        if old.shard() != person.shard() {
                            bundles.row(old.shard(), [line.as_str()], &out, send)?;
                        }
                    }
                }
                Err(bad) => {
                    *read.refused_by_code.entry(bad.code.to_string()).or_default() += 1;
                    mend.add(&record, &bad)?;
                }
            }
        }
        self.must_be_unchanged(records)?;
        self.must_have_rows(&read)?;
        bundles.finish(send)?;
        mend.finish()?;
        if readable == 0 {
            return Err(EngineError::refused(
                "I115",
                format!(
                    "no row of {} can be read, and an empty register would hold everybody as not found; \
                     see why in {}",
                    self.shown,
                    self.refused_file.display()
                ),
            ));
        }
        previous.sort_unstable();
        // An old id that two people had means neither of them.
        let unique = previous
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|group| group.iter().all(|pair| pair.1 == group[0].1))
            .map(|group| group[0]);
        let plain: Vec<u8> = unique
            .flat_map(|(old, new)| {
                [old.number().to_be_bytes(), new.number().to_be_bytes()].concat()
            })
            .collect();
        let items = (plain.len() / 16) as i64;
        let chunk = chunks::seal(
            &self.keys.chunks,
            Shard::new(0),
            ChunkKind::PreviousIds,
            self.import.0,
            0,
            items,
            &plain,
        )?;
        hand_over(send, vec![chunk])?;
        Ok(read)
    }

    /// Someone must be counted for a refused row, even when nothing in it can be read.
    pub fn person_of_refused(&self, bad: &RefusedRow) -> PersonNo {
        match (bad.national_id.as_str(), bad.enrolment_id.as_str()) {
            ("", "") => {
                self.keys.person_of_enrolment(&format!("import {} line {}", self.import, bad.line))
            }
            ("", enrolment) => self.keys.person_of_enrolment(enrolment),
            (id, _) => self.keys.person_of_id(id),
        }
    }

    pub fn records(&self, file: File) -> Records<HashingReader<BufReader<File>>> {
        Records::new(HashingReader::new(BufReader::with_capacity(1 << 17, file)))
    }

    /// The header as bytes, because a record borrows its reader.
    pub fn header_record<R: std::io::Read>(
        &self,
        records: &mut Records<R>,
    ) -> Result<Vec<u8>, EngineError> {
        let Some(record) = self.next(records)? else {
            return Err(EngineError::refused(
                "I113",
                format!("{} is empty; export it again", self.shown),
            ));
        };
        let mut bytes = Vec::new();
        let mut writer = csv::Writer::from_writer(&mut bytes);
        writer
            .write_record(record.fields())
            .and_then(|()| writer.flush().map_err(csv::Error::from))
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        drop(writer);
        Ok(bytes)
    }

    pub fn next<'r, R: std::io::Read>(
        &self,
        records: &'r mut Records<R>,
    ) -> Result<Option<crate::pipeline::records::Record<'r>>, EngineError> {
        records
            .next_record()
            .map_err(|source| EngineError::Record { file: self.shown.clone(), source })
    }

    /// Nobody is on a file without rows: taken in, everyone of the month before would have vanished.
    pub fn must_have_rows(&self, read: &Read) -> Result<(), EngineError> {
        if read.rows > 0 {
            return Ok(());
        }
        Err(EngineError::refused(
            "I114",
            format!(
                "{} has a header and no rows; export it again. When nobody is listed this month, \
                 there is nothing to take in",
                self.shown
            ),
        ))
    }

    pub fn must_be_unchanged(
        &self,
        records: Records<HashingReader<BufReader<File>>>,
    ) -> Result<(), EngineError> {
        let (digest, _) = records.into_source().finish();
        if digest != self.expected {
            return Err(EngineError::refused(
                "I122",
                format!("{} was changed while it was being read; take it in again", self.shown),
            ));
        }
        Ok(())
    }
}

/// An active enrolment of a person who has two numbers; `person` is the smaller of them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Enrolled {
    pub person: PersonNo,
    pub benefit: Option<BenefitId>,
    pub enrolment: EnrolmentNo,
    /// Under which of the two.
    pub under: PersonNo,
}

/// All but the first enrolment of a person in a benefit, and what a benefit under the other number excludes.
/// Within one number the reconciliation and the law see to it; two numbers lie in two shards.
fn enrolled_under_both(mut all: Vec<Enrolled>, pack: &Pack) -> Vec<EnrolmentNo> {
    all.sort();
    all.dedup();
    let mut found = Vec::new();
    for of_one in all.chunk_by(|a, b| a.person == b.person) {
        let mut stand: Vec<&Enrolled> = Vec::new();
        for one in of_one {
            let stands_against = |other: &&Enrolled| match (other.benefit, one.benefit) {
                (Some(a), Some(b)) if a != b => {
                    other.under != one.under && pack.exclude_each_other(a, b)
                }
                (a, b) => a == b,
            };
            match stand.iter().any(stands_against) {
                true => found.push(one.enrolment),
                false => stand.push(one),
            }
        }
    }
    found
}
