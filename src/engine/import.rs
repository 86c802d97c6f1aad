//! Takes in rosters and identity registers: each file once for a month, whatever its name; its rows
//! sealed in bundles by shard; its bad rows in a file that the officer can mend.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::audit::leaf::Leaf;
use crate::domain::cycle::CycleState;
use crate::domain::digest::{Digest, HashingReader};
use crate::domain::ids::{DestinationNo, EnrolmentNo, ImportNo, PersonNo, SHARDS, Shard};
use crate::domain::period::Period;
use crate::domain::roster::{Channel, RefusedRow, RosterRow};
use crate::domain::state::Named;
use crate::engine::chunks;
use crate::engine::error::EngineError;
use crate::engine::names::Keys;
use crate::engine::{Engine, Programmes};
use crate::pipeline::intake::{
    Aliases, Header, register_row, roster_period, roster_row, write_register_row, write_roster_row,
};
use crate::pipeline::records::Records;
use crate::store::registry::{Chunk, ChunkKind, Counted, Import, ImportKind, ImportState};
use crate::store::{Changes, StoreError};

/// Fields that stand before the canonical columns in a stored roster row: person, enrolment, line,
/// and the check hash of the person's number (0 when the number was known before).
pub const ROSTER_LEADING: usize = 4;
/// Fields that stand before the canonical columns in a stored register row: its line.
pub const REGISTER_LEADING: usize = 1;

/// Rows of one shard are sealed when they reach this size.
const CHUNK_BYTES: usize = 128 * 1024;
/// Held by the process that takes a file in.
const IMPORT_LOCK: &str = "import.lock";
/// Chunks of one commit.
const CHUNKS_A_COMMIT: usize = 64;

/// What an import found.
#[derive(Clone, Debug)]
pub struct ImportReport {
    pub import: Import,
    /// Refused rows by code.
    pub refused_by_code: BTreeMap<String, i64>,
    /// Where the refused rows were written, when there are any.
    pub refused_file: Option<PathBuf>,
}

impl Engine {
    /// Takes in a roster for a month. `by` is who did it.
    pub async fn roster_import(
        &self,
        path: &Path,
        period: Period,
        by: &str,
    ) -> Result<ImportReport, EngineError> {
        let _alone = self.import_alone()?;
        // Who a row is about depends on the register, and an enrolment that a cycle has counted keeps
        // its person for ever: so the register comes first.
        let register = self
            .store
            .imports(ImportKind::Identity, period)
            .await?
            .into_iter()
            .find(|import| import.state == ImportState::Complete)
            .ok_or_else(|| {
                EngineError::refused(
                    "I124",
                    format!(
                        "no identity register was taken in for {period}, and a roster is read with it; \
                         take it in first: chitra identity import FILE --period {period}"
                    ),
                )
            })?;
        // Before it is read who is known: what a broken import has left is not known.
        self.drop_unfinished(ImportKind::Roster).await?;
        let people = self.known_people(register.number).await?;
        self.import(
            path,
            period,
            by,
            ImportKind::Roster,
            Source::Roster(Box::new(people), register.number),
        )
        .await
    }

    /// Who is known, and which ids a register says to be the same person.
    async fn known_people(&self, register: ImportNo) -> Result<People, EngineError> {
        let mut previous_ids = HashMap::new();
        for chunk in self.store.chunks(Shard::new(0), ChunkKind::PreviousIds, register.0).await? {
            for pair in chunks::open(&self.keys.chunks, &chunk)?.chunks_exact(16) {
                if let (Some(old), Some(new)) = (person_at(pair, 0), person_at(pair, 8)) {
                    previous_ids.insert(old, new);
                }
            }
        }
        let counted = self
            .store
            .cycles()
            .await?
            .into_iter()
            .filter(|cycle| cycle.state != CycleState::Cancelled)
            .map(|cycle| cycle.roster)
            .max()
            .unwrap_or(ImportNo(0));
        let mut free = self.store.enrolments_since(counted).await?;
        free.sort_unstable();
        let mut known = Vec::new();
        for shard in Shard::all() {
            known.extend(self.store.enrolments(shard).await?);
        }
        known.sort_unstable();
        let linked: HashSet<PersonNo> =
            previous_ids.iter().flat_map(|(old, new)| [*old, *new]).collect();
        let in_use: HashSet<PersonNo> = known
            .iter()
            .filter(|(enrolment, person)| {
                linked.contains(person) && free.binary_search(enrolment).is_err()
            })
            .map(|(_, person)| *person)
            .collect();
        let former = previous_ids
            .iter()
            .filter(|(old, _)| in_use.contains(old))
            .map(|(old, new)| (*new, *old))
            .collect();
        let aliases: HashMap<PersonNo, PersonNo> =
            self.store.aliases().await?.into_iter().collect();
        Ok(People { known, free, counted, previous_ids, former, in_use, aliases })
    }

    /// Takes in an identity register for a month.
    pub async fn identity_import(
        &self,
        path: &Path,
        period: Period,
        by: &str,
    ) -> Result<ImportReport, EngineError> {
        let _alone = self.import_alone()?;
        self.drop_unfinished(ImportKind::Identity).await?;
        self.import(path, period, by, ImportKind::Identity, Source::Register).await
    }

    /// One import runs in an office at a time, and no cycle is opened meanwhile. The lock lies in the
    /// office's folder, for either database, and the system takes it away from a process that died.
    pub(super) fn import_alone(&self) -> Result<File, EngineError> {
        let path = self.dir.join(IMPORT_LOCK);
        let failed = |error| EngineError::io(format!("locking {}", path.display()), error);
        let file = private_file(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(EngineError::refused(
                "I123",
                "a roster or register is being taken in; nothing was changed; \
                 try again when that has ended",
            )),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Drops what imports have left whose process died.
    async fn drop_unfinished(&self, kind: ImportKind) -> Result<(), EngineError> {
        for number in self.store.imports_unfinished(kind).await? {
            let mut changes = Changes::new();
            changes.import_dropped(number);
            self.store.commit(changes).await?;
        }
        Ok(())
    }

    async fn import(
        &self,
        path: &Path,
        period: Period,
        by: &str,
        kind: ImportKind,
        source: Source,
    ) -> Result<ImportReport, EngineError> {
        let shown = path.display().to_string();
        let open =
            || File::open(path).map_err(|error| EngineError::io(format!("opening {shown}"), error));
        let (digest, _) = Digest::of_reader(&mut BufReader::new(open()?))
            .map_err(|error| EngineError::io(format!("reading {shown}"), error))?;
        let sha256 = digest.to_string();
        let read_with = match &source {
            Source::Roster(_, register) => *register,
            Source::Register => ImportNo(0),
        };
        if let Some(done) = self.store.import_find(kind, period, &sha256, read_with).await? {
            return Err(match done.state {
                ImportState::Complete => EngineError::refused(
                    "I120",
                    format!(
                        "{shown} has the same bytes as {}, taken in for {period} on {}; nothing was changed",
                        done.file_name, done.imported_at
                    ),
                ),
                ImportState::Loading => taken_over(&shown),
            });
        }
        let archive = self.archive.clone();
        let mut file = open()?;
        tokio::task::spawn_blocking(move || archive.put(&mut file))
            .await
            .map_err(|error| EngineError::Inconsistent(error.to_string()))??;

        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let import = Import {
            number: ImportNo(self.store.next_number(Counted::Import).await?),
            kind,
            period,
            sha256: sha256.clone(),
            read_with,
            file_name: file_name.unwrap_or_else(|| shown.clone()),
            state: ImportState::Loading,
            rows: 0,
            refused: 0,
            imported_at: self.stamp(),
            imported_by: by.to_owned(),
        };
        let mut changes = Changes::new();
        changes.import_started(&import);
        self.store.commit(changes).await?;

        let refused_file =
            self.dir.join("refused").join(format!("{}-refused.csv", import.file_name));
        let reading = Reading {
            shown: shown.clone(),
            import: import.number,
            period,
            expected: digest,
            keys: self.keys.clone(),
            programmes: self.programmes.clone(),
            aliases: self.config.aliases.clone(),
            account_max: self.config.account_beneficiaries_max,
            refused_file: refused_file.clone(),
        };
        let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<Chunk>>(4);
        let file = open()?;
        let reader = tokio::task::spawn_blocking(move || match source {
            Source::Roster(people, _) => reading.roster(file, *people, &send),
            Source::Register => reading.register(file, &send),
        });
        let mut taken = 0;
        while let Some(sealed) = receive.recv().await {
            taken += sealed.iter().map(|chunk| chunk.items as u64).sum::<u64>();
            let mut changes = Changes::new();
            changes.import_goes_on(import.number);
            changes.chunks(sealed);
            self.commit_import(changes, &shown).await?;
            self.progress.at(kind.name(), taken, 0);
        }
        let read = reader.await.map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                // A file that cannot be read to its end leaves nothing behind.
                let mut changes = Changes::new();
                changes.import_dropped(import.number);
                self.commit_import(changes, &shown).await?;
                return Err(error);
            }
        };
        for page in read.enrolments.chunks(20_000) {
            let mut changes = Changes::new();
            changes.import_goes_on(import.number);
            changes.enrolments(import.number, page.iter().copied());
            self.commit_import(changes, &shown).await?;
        }
        let refused: i64 = read.refused_by_code.values().sum();
        let mut changes = Changes::new();
        changes.import_completed(import.number, read.rows, refused);
        if !read.rebound.is_empty() {
            changes.enrolments_rebound(read.counted, &read.rebound);
        }
        changes.event(
            Leaf::of(&format!("{kind}_imported"), &self.stamp())
                .number("import", import.number.0)
                .text("period", &period.to_string())
                .digest("sha256", &digest)
                .number("rows", read.rows)
                .number("refused", refused)
                .text("by", by)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.commit_import(changes, &shown).await?;
        let import = Import { state: ImportState::Complete, rows: read.rows, refused, ..import };
        Ok(ImportReport {
            import,
            refused_file: (refused > 0).then_some(refused_file),
            refused_by_code: read.refused_by_code,
        })
    }

    /// Commits a part of an import, unless another has dropped it as unfinished: the lock keeps two
    /// processes apart where the office's folder can be locked, this does everywhere.
    async fn commit_import(&self, changes: Changes, shown: &str) -> Result<(), EngineError> {
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Err(taken_over(shown)),
            done => Ok(done?),
        }
    }
}

fn taken_over(shown: &str) -> EngineError {
    EngineError::refused(
        "I123",
        format!(
            "{shown} is not taken in: another import was begun at the same time, and nothing of this \
             one is left; try again when that has ended"
        ),
    )
}

enum Source {
    /// With the register by which its rows are read.
    Roster(Box<People>, ImportNo),
    Register,
}

/// Who is known already.
struct People {
    /// Sorted: 16 bytes for every enrolment that was ever taken in.
    known: Vec<(EnrolmentNo, PersonNo)>,
    /// Sorted: those of them that no cycle has counted, so that nothing hangs on their person yet.
    free: Vec<EnrolmentNo>,
    /// The newest roster that a cycle stands on.
    counted: ImportNo,
    /// From an old id to the new one, as the register says.
    previous_ids: HashMap<PersonNo, PersonNo>,
    /// From a new id back to the old one, under which the person has enrolments that were counted.
    former: HashMap<PersonNo, PersonNo>,
    /// Numbers of either end that have such enrolments.
    in_use: HashSet<PersonNo>,
    aliases: HashMap<PersonNo, PersonNo>,
}

/// Who a row is about.
struct Found {
    person: PersonNo,
    /// Of what the number was made from, when it was made from the row itself; else 0.
    check: i64,
    binding: Binding,
}

/// What an import does to the enrolment of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Kept,
    /// It was free, and is another's by the register of now.
    Changed,
    New,
}

impl People {
    fn find(&self, keys: &Keys, row: &RosterRow, enrolment: EnrolmentNo) -> Found {
        let known = self
            .known
            .binary_search_by_key(&enrolment, |(known, _)| *known)
            .ok()
            .map(|at| self.known[at].1);
        if let Some(person) = known
            && self.free.binary_search(&enrolment).is_err()
        {
            return Found { person: self.canonical(person), check: 0, binding: Binding::Kept };
        }
        let (person, check) = match row.national_id.is_empty() {
            true => (
                keys.person_of_enrolment(&row.enrolment_id),
                keys.check_hash("", &row.enrolment_id),
            ),
            false => {
                let named = keys.person_of_id(&row.national_id);
                let person = self.same_person(named);
                let own = keys.check_hash(&row.national_id, &row.enrolment_id);
                (person, if person == named { own } else { 0 })
            }
        };
        let person = self.canonical(person);
        let binding = match known {
            None => Binding::New,
            Some(before) if before == person => Binding::Kept,
            Some(_) => Binding::Changed,
        };
        Found { person, check, binding }
    }

    /// The one number of a person with an old and a new id: that under which something was counted,
    /// else that of the new id.
    fn same_person(&self, named: PersonNo) -> PersonNo {
        match self.in_use.contains(&named) {
            true => named,
            false => {
                let other = self.previous_ids.get(&named).or_else(|| self.former.get(&named));
                other.copied().unwrap_or(named)
            }
        }
    }

    fn canonical(&self, person: PersonNo) -> PersonNo {
        self.aliases.get(&person).copied().unwrap_or(person)
    }
}

struct Reading {
    shown: String,
    import: ImportNo,
    period: Period,
    expected: Digest,
    keys: std::sync::Arc<Keys>,
    programmes: std::sync::Arc<Programmes>,
    aliases: Aliases,
    account_max: u32,
    refused_file: PathBuf,
}

struct Read {
    rows: i64,
    refused_by_code: BTreeMap<String, i64>,
    /// New enrolments in the order of their numbers.
    enrolments: Vec<(EnrolmentNo, PersonNo)>,
    /// Enrolments that are another's than an earlier file of the month said.
    rebound: Vec<(EnrolmentNo, PersonNo)>,
    /// The newest roster that a cycle stood on when this was read.
    counted: ImportNo,
}

impl Read {
    fn new(counted: ImportNo) -> Read {
        Read {
            rows: 0,
            refused_by_code: BTreeMap::new(),
            enrolments: vec![],
            rebound: vec![],
            counted,
        }
    }
}

type Send<'a> = &'a tokio::sync::mpsc::Sender<Vec<Chunk>>;

impl Reading {
    fn roster(&self, file: File, people: People, send: Send<'_>) -> Result<Read, EngineError> {
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
            match roster_row(&record, &header, &vocabulary) {
                Ok(row) => {
                    let enrolment = self.keys.enrolment(&row.enrolment_id);
                    let Found { person, check, binding } = people.find(&self.keys, &row, enrolment);
                    enrolments.push((enrolment, person, binding));
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
                    ];
                    let leading = [0, 1, 2, 3, 4, 5, 6].map(|at: usize| leading[at].as_str());
                    refused.row(person.shard(), leading, &out, send)?;
                }
            }
        }
        self.must_be_unchanged(records)?;
        self.must_have_rows(&read)?;
        bundles.finish(send)?;
        refused.finish(send)?;
        mend.finish()?;
        let twice = self.finish_enrolments(&mut read, enrolments);
        self.shared(accounts, twice, send)?;
        Ok(read)
    }

    /// Sorts the new enrolments for loading, and gives the ids that stand on the roster twice.
    fn finish_enrolments(
        &self,
        read: &mut Read,
        mut enrolments: Vec<(EnrolmentNo, PersonNo, Binding)>,
    ) -> Vec<EnrolmentNo> {
        enrolments.sort_unstable();
        let mut twice: Vec<EnrolmentNo> = enrolments
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0)
            .map(|pair| pair[0].0)
            .collect();
        twice.dedup();
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
        twice
    }

    /// Keeps which accounts more people use than the policy allows, and which enrolment ids stand
    /// twice. Costs 16 bytes a row while it is found.
    fn shared(
        &self,
        mut accounts: Vec<(DestinationNo, PersonNo)>,
        twice: Vec<EnrolmentNo>,
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
        for enrolment in twice {
            plain.push(b'e');
            plain.extend_from_slice(&enrolment.number().to_be_bytes());
            items += 1;
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

    fn register(&self, file: File, send: Send<'_>) -> Result<Read, EngineError> {
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
    fn person_of_refused(&self, bad: &RefusedRow) -> PersonNo {
        match (bad.national_id.as_str(), bad.enrolment_id.as_str()) {
            ("", "") => {
                self.keys.person_of_enrolment(&format!("import {} line {}", self.import, bad.line))
            }
            ("", enrolment) => self.keys.person_of_enrolment(enrolment),
            (id, _) => self.keys.person_of_id(id),
        }
    }

    fn records(&self, file: File) -> Records<HashingReader<BufReader<File>>> {
        Records::new(HashingReader::new(BufReader::with_capacity(1 << 17, file)))
    }

    /// The header as bytes, because a record borrows its reader.
    fn header_record<R: std::io::Read>(
        &self,
        records: &mut Records<R>,
    ) -> Result<Vec<u8>, EngineError> {
        let Some(record) = self.next(records)? else {
            return Err(EngineError::refused("I113", format!("{} is empty", self.shown)));
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

    fn next<'r, R: std::io::Read>(
        &self,
        records: &'r mut Records<R>,
    ) -> Result<Option<crate::pipeline::records::Record<'r>>, EngineError> {
        records
            .next_record()
            .map_err(|source| EngineError::Record { file: self.shown.clone(), source })
    }

    /// Nobody is on a file without rows: taken in, everyone of the month before would have vanished.
    fn must_have_rows(&self, read: &Read) -> Result<(), EngineError> {
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

    fn must_be_unchanged(
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

/// Rows of every shard, sealed when there are enough of them.
struct Bundles<'a> {
    reading: &'a Reading,
    kind: ChunkKind,
    shards: Vec<(Vec<u8>, i64, i64)>,
    sealed: Vec<Chunk>,
}

impl<'a> Bundles<'a> {
    fn new(reading: &'a Reading, kind: ChunkKind) -> Bundles<'a> {
        let shards = (0..SHARDS).map(|_| (Vec::new(), 0, 0)).collect();
        Bundles { reading, kind, shards, sealed: Vec::new() }
    }

    fn row<const N: usize>(
        &mut self,
        shard: Shard,
        leading: [&str; N],
        rest: &csv::ByteRecord,
        send: Send<'_>,
    ) -> Result<(), EngineError> {
        let (bytes, items, _) = &mut self.shards[usize::from(shard.number())];
        let fields = leading.iter().map(|text| text.as_bytes()).chain(rest.iter());
        write_csv(bytes, fields);
        *items += 1;
        if bytes.len() >= CHUNK_BYTES {
            self.seal(shard)?;
            if self.sealed.len() >= CHUNKS_A_COMMIT {
                hand_over(send, std::mem::take(&mut self.sealed))?;
            }
        }
        Ok(())
    }

    fn seal(&mut self, shard: Shard) -> Result<(), EngineError> {
        let (bytes, items, seq) = &mut self.shards[usize::from(shard.number())];
        if *items == 0 {
            return Ok(());
        }
        let key = &self.reading.keys.chunks;
        let owner = self.reading.import.0;
        self.sealed.push(chunks::seal(key, shard, self.kind, owner, *seq, *items, bytes)?);
        bytes.clear();
        *items = 0;
        *seq += 1;
        Ok(())
    }

    fn finish(mut self, send: Send<'_>) -> Result<(), EngineError> {
        for shard in Shard::all() {
            self.seal(shard)?;
            if self.sealed.len() >= CHUNKS_A_COMMIT {
                hand_over(send, std::mem::take(&mut self.sealed))?;
            }
        }
        hand_over(send, self.sealed)
    }
}

/// Writes one CSV record; fields with a comma, quote or line end are quoted.
pub fn write_csv<'f>(out: &mut Vec<u8>, fields: impl Iterator<Item = &'f [u8]>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
            out.push(b'"');
            for byte in field {
                if *byte == b'"' {
                    out.push(b'"');
                }
                out.push(*byte);
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(field);
        }
    }
    out.push(b'\n');
}

fn hand_over(send: Send<'_>, sealed: Vec<Chunk>) -> Result<(), EngineError> {
    if sealed.is_empty() {
        return Ok(());
    }
    send.blocking_send(sealed)
        .map_err(|_| EngineError::Inconsistent("the import was given up".to_owned()))
}

fn person_at(bytes: &[u8], at: usize) -> Option<PersonNo> {
    let number = bytes.get(at..at + 8)?.try_into().ok()?;
    PersonNo::from_number(i64::from_be_bytes(number))
}

/// The refused rows as they stood, with why, so that the officer can mend them and send them again.
/// It is made when the first row is refused.
struct RefusedFile {
    path: PathBuf,
    header: Vec<u8>,
    file: Option<std::io::BufWriter<File>>,
}

impl RefusedFile {
    fn new(path: &Path, header: Vec<u8>) -> RefusedFile {
        RefusedFile { path: path.to_path_buf(), header, file: None }
    }

    fn add(
        &mut self,
        record: &crate::pipeline::records::Record<'_>,
        bad: &RefusedRow,
    ) -> Result<(), EngineError> {
        let failed = |error| EngineError::io("writing the file of refused rows", error);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                let mut file = private_file(&self.path).map_err(failed)?;
                let header = String::from_utf8_lossy(&self.header);
                let head =
                    format!("{},refused_line,refused_code,refused_reason\n", header.trim_end());
                file.write_all(head.as_bytes()).map_err(failed)?;
                self.file.insert(std::io::BufWriter::new(file))
            }
        };
        let line = bad.line.to_string();
        let mut bytes = Vec::new();
        let why = [line.as_bytes(), bad.code.name().as_bytes(), bad.sentence.as_bytes()];
        write_csv(&mut bytes, record.fields().map(str::as_bytes).chain(why));
        file.write_all(&bytes).map_err(failed)
    }

    fn finish(self) -> Result<(), EngineError> {
        let Some(file) = self.file else { return Ok(()) };
        let failed = |error| EngineError::io("writing the file of refused rows", error);
        let mut file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.sync_all().map_err(failed)
    }
}

/// A new file that only its owner may read; an older one of the name is replaced.
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
