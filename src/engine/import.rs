//! Takes in rosters and identity registers: each file once for a month, whatever its name; its rows
//! sealed in bundles by shard; its bad rows in a file that the officer can mend.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::audit::leaf::Leaf;
use crate::domain::cycle::{Cycle, CycleState};
use crate::domain::digest::Digest;
use crate::domain::ids::{ImportNo, PersonNo, Shard};
use crate::domain::period::Period;
use crate::domain::signature::OfficerKey;
use crate::domain::state::Named;
use crate::engine::Engine;
use crate::engine::acting::{Acting, Doing};
use crate::engine::chunks;
use crate::engine::error::EngineError;
use crate::engine::named_file;
use crate::store::registry::{Chunk, ChunkKind, Counted, Import, ImportKind, ImportState};
use crate::store::{Changes, StoreError};

mod bundles;
mod newcomers;
mod people;
mod reading;

pub use bundles::{private_file, write_csv};
pub use newcomers::PERHAPS_KNOWN;
use people::People;
use reading::{Read, Reading};

/// Fields that stand before the canonical columns in a stored roster row: person, enrolment, line,
/// and the check hash of the person's number (0 when the number was known before).
pub const ROSTER_LEADING: usize = 4;
/// Fields that stand before the canonical columns in a stored register row: its line.
pub const REGISTER_LEADING: usize = 1;

/// Held by the process that takes a file in.
const IMPORT_LOCK: &str = "import.lock";

/// What an import found.
#[derive(Clone, Debug)]
pub struct ImportReport {
    pub import: Import,
    /// Refused rows by code.
    pub refused_by_code: BTreeMap<String, i64>,
    /// Where the refused rows were written, when there are any.
    pub refused_file: Option<PathBuf>,
    /// Lists of the month that stand on what was taken in before, and go on doing so.
    pub opened: Vec<Cycle>,
}

impl Engine {
    /// Takes in a roster for a month, in the name of an officer who signs it.
    pub async fn roster_import(
        &self,
        path: &Path,
        period: Period,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<ImportReport, EngineError> {
        self.roster_import_over(path, period, officer, key, Shorter::Refused).await
    }

    /// Takes in a roster that may have far fewer rows than the one before it.
    pub async fn roster_import_over(
        &self,
        path: &Path,
        period: Period,
        officer: &str,
        key: &OfficerKey,
        shorter: Shorter,
    ) -> Result<ImportReport, EngineError> {
        let _alone = self.import_alone()?;
        let by = self.acting(officer, key, Doing::Import).await?;
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
        self.import(path, period, &by, shorter, Source::Roster(Box::new(people), register.number))
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
        for shards in Shard::groups() {
            known.extend(self.store.enrolments(&shards).await?);
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
        officer: &str,
        key: &OfficerKey,
    ) -> Result<ImportReport, EngineError> {
        self.identity_import_over(path, period, officer, key, Shorter::Refused).await
    }

    /// Takes in a register that may have far fewer rows than the one before it.
    pub async fn identity_import_over(
        &self,
        path: &Path,
        period: Period,
        officer: &str,
        key: &OfficerKey,
        shorter: Shorter,
    ) -> Result<ImportReport, EngineError> {
        let _alone = self.import_alone()?;
        let by = self.acting(officer, key, Doing::Import).await?;
        self.drop_unfinished(ImportKind::Identity).await?;
        self.import(path, period, &by, shorter, Source::Register).await
    }

    /// One import runs in an office at a time, and no cycle is opened meanwhile. The lock lies in the
    /// office's folder, for either database, and the system takes it away from a process that died.
    pub(super) fn import_alone(&self) -> Result<File, EngineError> {
        self.alone(IMPORT_LOCK)?.ok_or_else(|| {
            EngineError::refused(
                "I123",
                "a roster or register is being taken in; nothing was changed; \
                 try again when that has ended",
            )
        })
    }

    /// Locks a file of the office's folder; None when another process has it.
    pub(super) fn alone(&self, lock: &str) -> Result<Option<File>, EngineError> {
        let path = self.dir.join(lock);
        let failed = |error| EngineError::io(format!("locking {}", path.display()), error);
        let file = private_file(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
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
        by: &Acting<'_>,
        shorter: Shorter,
        source: Source,
    ) -> Result<ImportReport, EngineError> {
        let kind = match source {
            Source::Roster(..) => ImportKind::Roster,
            Source::Register => ImportKind::Identity,
        };
        let shown = path.display().to_string();
        named_file::must_be_readable(path)?;
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
                ImportState::Complete => {
                    let newest =
                        self.store.imports(kind, period).await?.into_iter().find(|one| {
                            one.state == ImportState::Complete && one.number > done.number
                        });
                    let counts = newest.map_or_else(String::new, |newest| {
                        format!(
                            ". It is not the file that counts: {} was taken in after it, on {}. To have {shown} \
                             count again, send it with an empty line at its end",
                            newest.file_name, newest.imported_at
                        )
                    });
                    EngineError::refused(
                        "I120",
                        format!(
                            "{shown} has the same bytes as {}, taken in for {period} on {}; nothing was changed{counts}",
                            done.file_name, done.imported_at
                        ),
                    )
                }
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
            imported_by: by.officer.name.clone(),
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
        let before = self
            .store
            .imports(kind, period)
            .await?
            .into_iter()
            .find(|import| import.state == ImportState::Complete);
        let read = read.and_then(|read| match shorter {
            Shorter::Refused => must_not_shrink(read, before.as_ref(), &shown),
            Shorter::Meant => Ok(read),
        });
        let mut read = match read {
            Ok(read) => read,
            Err(error) => {
                // A file that cannot be read to its end leaves nothing behind.
                let mut changes = Changes::new();
                changes.import_dropped(import.number);
                self.commit_import(changes, &shown).await?;
                return Err(error);
            }
        };
        let newcomers = std::mem::take(&mut read.newcomers);
        if let Some(chunk) = self.perhaps_known(newcomers, read.counted, import.number).await? {
            let mut changes = Changes::new();
            changes.import_goes_on(import.number);
            changes.chunks([chunk]);
            self.commit_import(changes, &shown).await?;
        }
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
            by.leaf(
                Leaf::of(&format!("{kind}_taken_in"), &self.stamp())
                    .number("import", import.number.0)
                    .text("period", &period.to_string())
                    .digest("sha256", &digest)
                    .number("rows", read.rows)
                    .number("refused", refused),
            )?,
        );
        self.commit_import(changes, &shown).await?;
        let import = Import { state: ImportState::Complete, rows: read.rows, refused, ..import };
        let mut opened = self.store.cycles_of(period).await?;
        opened.retain(|one| one.state != CycleState::Cancelled);
        Ok(ImportReport {
            import,
            refused_file: (refused > 0).then_some(refused_file),
            refused_by_code: read.refused_by_code,
            opened,
        })
    }

    /// What was taken in for the month of a list that is not released, after the list was opened.
    pub async fn newer_imports(&self, cycle: &Cycle) -> Result<Vec<Import>, EngineError> {
        let mut newer = Vec::new();
        let waits = !matches!(
            cycle.state,
            CycleState::Released
                | CycleState::Settling
                | CycleState::Closed
                | CycleState::Cancelled
        );
        for (kind, used) in
            [(ImportKind::Roster, cycle.roster), (ImportKind::Identity, cycle.identity)]
        {
            if waits {
                newer.extend(
                    self.store
                        .imports(kind, cycle.period)
                        .await?
                        .into_iter()
                        .filter(|one| one.state == ImportState::Complete && one.number.0 > used.0),
                );
            }
        }
        Ok(newer)
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

/// What becomes of a file with far fewer rows than the one of the month before it, which it replaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shorter {
    Refused,
    /// An officer has said that everybody else is off the list.
    Meant,
}

/// With fewer rows than this, an officer sees at a glance who is missing.
const ROWS_SEEN_AT_A_GLANCE: i64 = 20;

/// The newest file of a month counts alone: one with a tenth of the rows missing, such as only those
/// that were mended, would leave everyone else unpaid.
fn must_not_shrink(read: Read, before: Option<&Import>, shown: &str) -> Result<Read, EngineError> {
    let Some(before) = before else { return Ok(read) };
    if before.rows < ROWS_SEEN_AT_A_GLANCE || read.rows * 10 >= before.rows * 9 {
        return Ok(read);
    }
    Err(EngineError::refused(
        "I125",
        format!(
            "{shown} has {} rows, and {} of the same month has {}: it would count instead of that file, not \
             besides, and whoever is missing is not paid; send the whole file again, with the mended rows in \
             it. When all of them are off the list: --shorter",
            read.rows, before.file_name, before.rows
        ),
    ))
}

enum Source {
    /// With the register by which its rows are read.
    Roster(Box<People>, ImportNo),
    Register,
}

fn person_at(bytes: &[u8], at: usize) -> Option<PersonNo> {
    let number = bytes.get(at..at + 8)?.try_into().ok()?;
    PersonNo::from_number(i64::from_be_bytes(number))
}
