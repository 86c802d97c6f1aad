//! Durable publishing: a file is absent or whole, never partial, and is never overwritten.
//!
//! Reads: bytes and, where it is known, the digest they must have.
//! Gives: a file under its final name that was read back and compared, or an error that says
//! whether anything may have become visible.
//!
//! The order: write a part, sync it, read it back, rename it without replacing, sync the folder, read it
//! back under its name: bytes that a disk kept wrongly never get a name that somebody reads.
//! A final name that exists is adopted if its bytes are ours, and refused otherwise.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::file_name::{FileName, PART_SUFFIX};
use super::{Disk, DiskFile};
use crate::domain::digest::{Digest, Hasher};

/// A file that is durably there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Published {
    pub digest: Digest,
    pub bytes: u64,
    /// The same bytes were already there under this name: an earlier attempt had got that far.
    pub adopted: bool,
}

/// Publishes what `source` gives under a name. `expected` is the digest that was approved: other
/// bytes are refused before they have a name.
pub fn publish(
    disk: &dyn Disk,
    dir: &Path,
    name: &FileName,
    expected: &Digest,
    source: &mut dyn Read,
) -> Result<Published, PublishError> {
    let path = dir.join(name.as_str());
    if disk.exists(&path).map_err(|error| PublishError::not_visible(Step::LookUp, &path, error))? {
        return adopt(disk, dir, &path, expected);
    }
    let mut staged = Staged::create(disk, dir, name.as_str())?;
    staged.copy_from(source)?;
    staged.must_have(expected)?;
    staged.publish(name)
}

/// Replaces the one file that names the present (the checkpoint, the state) in one step.
/// Everything else is written once, by `publish`.
pub fn replace(
    disk: &dyn Disk,
    dir: &Path,
    name: &FileName,
    bytes: &[u8],
) -> Result<Published, PublishError> {
    let path = dir.join(name.as_str());
    let mut staged = Staged::create(disk, dir, name.as_str())?;
    staged.copy_from(&mut { bytes })?;
    staged.sync()?;
    disk.rename_replacing(&staged.part, &path)
        .map_err(|error| PublishError::from_rename(&path, error))?;
    staged.renamed = true;
    let written = staged.written();
    confirm(disk, dir, &path, written)
}

/// Creates the folders of `relative` below an existing `root`, durably. Each parent is synced
/// even when its folder was already there: a process that died between creating and syncing left
/// a folder that a power cut would still take away.
pub fn create_dirs(disk: &dyn Disk, root: &Path, relative: &Path) -> Result<(), PublishError> {
    let mut dir = root.to_path_buf();
    for component in relative.components() {
        let parent = dir.clone();
        dir.push(component);
        disk.create_dir(&dir)
            .and_then(|()| disk.sync_dir(&parent))
            .map_err(|error| PublishError::not_visible(Step::CreateFolder, &dir, error))?;
    }
    Ok(())
}

/// Removes the parts that killed writers left in a folder of our own. Gives how many it removed.
pub fn sweep_parts(disk: &dyn Disk, dir: &Path) -> io::Result<usize> {
    sweep(disk, dir, |name| name.ends_with(PART_SUFFIX))
}

/// Removes the parts that killed writers of one file left in a folder that others use too.
pub fn sweep_parts_of(disk: &dyn Disk, dir: &Path, file: &FileName) -> io::Result<usize> {
    sweep(disk, dir, |name| {
        let rest = name.strip_prefix(file.as_str()).and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| rest.ends_with(PART_SUFFIX))
    })
}

fn sweep(disk: &dyn Disk, dir: &Path, ours: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for file in disk.list(dir, SWEEP_MAX)? {
        if ours(&file.name) && disk.remove_abandoned(&dir.join(&file.name))? {
            removed += 1;
        }
    }
    Ok(removed)
}

/// A folder is looked through up to here when parts are swept; what is left waits for the next
/// time.
const SWEEP_MAX: usize = 100_000;

/// A file being written, not visible under any name that is read. Dropped before it is published,
/// it is taken away again.
pub struct Staged<'d> {
    disk: &'d dyn Disk,
    dir: PathBuf,
    part: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    hasher: Hasher,
    renamed: bool,
}

impl<'d> Staged<'d> {
    /// Begins a new part in `dir`. `label` only makes the part recognisable to a person.
    pub fn create(disk: &'d dyn Disk, dir: &Path, label: &str) -> Result<Staged<'d>, PublishError> {
        let part = dir.join(format!("{label}.{}{PART_SUFFIX}", disk.part_token()));
        let file = disk
            .create_new(&part)
            .map_err(|error| PublishError::not_visible(Step::CreatePart, &part, error))?;
        let dir = dir.to_path_buf();
        Ok(Staged { disk, dir, part, file: Some(file), hasher: Hasher::new(), renamed: false })
    }

    /// Writes everything that a reader gives.
    pub fn copy_from(&mut self, source: &mut dyn Read) -> Result<(), PublishError> {
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(PublishError::not_visible(Step::ReadSource, &self.part, error));
                }
            };
            self.write_all(&buffer[..read])
                .map_err(|error| PublishError::not_visible(Step::WritePart, &self.part, error))?;
        }
    }

    /// Refuses bytes that are not the ones that were promised.
    fn must_have(&self, expected: &Digest) -> Result<(), PublishError> {
        let (found, _) = self.hasher.clone().finish();
        if found != *expected {
            return Err(PublishError::SourceMustHaveTheApprovedDigest {
                expected: *expected,
                found,
            });
        }
        Ok(())
    }

    /// Gives the file its name, durably. Whatever happens, an existing file is not touched.
    pub fn publish(mut self, name: &FileName) -> Result<Published, PublishError> {
        let path = self.dir.join(name.as_str());
        self.sync()?;
        self.must_read_back()?;
        match self.disk.rename_no_replace(&self.part, &path) {
            Ok(()) => self.renamed = true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (digest, _) = self.written();
                return adopt(self.disk, &self.dir, &path, &digest);
            }
            Err(error) => return Err(PublishError::from_rename(&path, error)),
        }
        confirm(self.disk, &self.dir, &path, self.written())
    }

    /// Makes the bytes durable. A failure is final for this part. The file stays open until it has
    /// its name: as long as it is open, nobody takes the part for an abandoned one.
    fn sync(&mut self) -> Result<(), PublishError> {
        let file = self.file.as_mut().expect("a part is open until it is dropped");
        file.sync().map_err(|error| PublishError::not_visible(Step::SyncPart, &self.part, error))
    }

    /// What was written is there, as far as the system shows what the device has.
    fn must_read_back(&self) -> Result<(), PublishError> {
        let (expected, _) = self.written();
        let (found, _) = self
            .disk
            .read_back(&self.part)
            .and_then(|mut file| Digest::of_reader(&mut file))
            .map_err(|error| PublishError::not_visible(Step::ReadBack, &self.part, error))?;
        match found == expected {
            true => Ok(()),
            false => {
                Err(PublishError::PartMustReadBack { path: self.part.clone(), expected, found })
            }
        }
    }

    fn written(&self) -> (Digest, u64) {
        self.hasher.clone().finish()
    }
}

const COPY_BYTES: usize = 64 * 1024;

impl Write for Staged<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.file.as_mut().expect("a part is open until it is dropped");
        let written = file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            self.file = None;
            // Best effort: a part that stays behind is never read, and is swept at the next start.
            let _ = self.disk.remove(&self.part);
        }
    }
}

/// Makes the name durable and compares what is now there with what was written.
fn confirm(
    disk: &dyn Disk,
    dir: &Path,
    path: &Path,
    (digest, bytes): (Digest, u64),
) -> Result<Published, PublishError> {
    disk.sync_dir(dir)
        .map_err(|error| PublishError::may_be_visible(Step::SyncFolder, path, error))?;
    let (found, _) = disk
        .read_back(path)
        .and_then(|mut file| Digest::of_reader(&mut file))
        .map_err(|error| PublishError::may_be_visible(Step::ReadBack, path, error))?;
    if found != digest {
        return Err(PublishError::PublishedBytesMustReadBack {
            path: path.to_path_buf(),
            expected: digest,
            found,
        });
    }
    Ok(Published { digest, bytes, adopted: false })
}

/// Takes over a file that already has the name, if it has the bytes too. It is synced first: the
/// attempt that wrote it may have died before it could do that.
fn adopt(
    disk: &dyn Disk,
    dir: &Path,
    path: &Path,
    expected: &Digest,
) -> Result<Published, PublishError> {
    let unsure = |step| move |error| PublishError::may_be_visible(step, path, error);
    let (found, bytes) = disk
        .read_back(path)
        .and_then(|mut file| Digest::of_reader(&mut file))
        .map_err(unsure(Step::ReadBack))?;
    if found != *expected {
        return Err(PublishError::NameAlreadyTakenByOtherBytes {
            path: path.to_path_buf(),
            expected: *expected,
            found,
        });
    }
    disk.sync_file(path).map_err(unsure(Step::SyncPart))?;
    disk.sync_dir(dir).map_err(unsure(Step::SyncFolder))?;
    Ok(Published { digest: found, bytes, adopted: true })
}

/// The step of publishing at which the system refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    LookUp,
    CreateFolder,
    CreatePart,
    ReadSource,
    WritePart,
    SyncPart,
    Rename,
    SyncFolder,
    ReadBack,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::LookUp => "looking whether the name is taken",
            Step::CreateFolder => "creating the folder",
            Step::CreatePart => "creating the part",
            Step::ReadSource => "reading what is to be written",
            Step::WritePart => "writing the part",
            Step::SyncPart => "syncing the part",
            Step::Rename => "renaming the part",
            Step::SyncFolder => "syncing the folder",
            Step::ReadBack => "reading the file back",
        })
    }
}

/// Whether another reader of the folder may have seen bytes of this attempt under the final name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visibility {
    /// Proven: nothing of this attempt was ever under the final name.
    NotVisible,
    /// It cannot be ruled out, so the outcome is unknown until there is evidence.
    MayBeVisible,
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("{step} failed, and nothing was published as {}: {source}; put the folder right and try again", .path.display())]
    NothingWasPublished { step: Step, path: PathBuf, source: io::Error },
    #[error("{step} failed, and {} may already be there: {source}; trying again will compare before it decides", .path.display())]
    FileMayBeThere { step: Step, path: PathBuf, source: io::Error },
    #[error(
        "the bytes to publish have digest {found}, but {expected} was approved; nothing was published"
    )]
    SourceMustHaveTheApprovedDigest { expected: Digest, found: Digest },
    #[error("{} is taken by other bytes ({found}, not {expected}); names are never reused, so find out who wrote it", .path.display())]
    NameAlreadyTakenByOtherBytes { path: PathBuf, expected: Digest, found: Digest },
    #[error("{} reads back as {found}, but {expected} was written, and it got no name; do not trust this disk", .path.display())]
    PartMustReadBack { path: PathBuf, expected: Digest, found: Digest },
    #[error("{} reads back as {found}, but {expected} was written; do not trust this disk", .path.display())]
    PublishedBytesMustReadBack { path: PathBuf, expected: Digest, found: Digest },
}

/// The code of a name that other bytes have: what was sent is not what lies there.
pub const NAME_TAKEN: &str = "V204";

impl PublishError {
    pub(super) fn not_visible(step: Step, path: &Path, source: io::Error) -> PublishError {
        PublishError::NothingWasPublished { step, path: path.to_path_buf(), source }
    }

    fn may_be_visible(step: Step, path: &Path, source: io::Error) -> PublishError {
        PublishError::FileMayBeThere { step, path: path.to_path_buf(), source }
    }

    /// A refused rename proves that nothing happened only when the system says why it could not;
    /// on a network file system a lost reply is also an error, after the rename was done.
    fn from_rename(path: &Path, source: io::Error) -> PublishError {
        use io::ErrorKind::*;
        match source.kind() {
            PermissionDenied | ReadOnlyFilesystem | StorageFull | QuotaExceeded
            | CrossesDevices | NotADirectory | InvalidFilename | Unsupported => {
                PublishError::not_visible(Step::Rename, path, source)
            }
            _ => PublishError::may_be_visible(Step::Rename, path, source),
        }
    }

    pub fn visibility(&self) -> Visibility {
        match self {
            PublishError::NothingWasPublished { .. }
            | PublishError::SourceMustHaveTheApprovedDigest { .. }
            | PublishError::PartMustReadBack { .. }
            | PublishError::NameAlreadyTakenByOtherBytes { .. } => Visibility::NotVisible,
            PublishError::FileMayBeThere { .. }
            | PublishError::PublishedBytesMustReadBack { .. } => Visibility::MayBeVisible,
        }
    }

    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            PublishError::NothingWasPublished { .. } => "V201",
            PublishError::FileMayBeThere { .. } => "V202",
            PublishError::SourceMustHaveTheApprovedDigest { .. } => "V203",
            PublishError::NameAlreadyTakenByOtherBytes { .. } => NAME_TAKEN,
            PublishError::PublishedBytesMustReadBack { .. } => "V205",
            PublishError::PartMustReadBack { .. } => "V206",
        }
    }
}
