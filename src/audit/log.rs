//! The log itself: appends leaves, writes tiles, signs checkpoints.
//!
//! Reads: leaves with the indexes that the store gave them.
//! Gives: the folder of a C2SP log: `tile/`, `checkpoint`, and beside them `checkpoints/<size>`
//! (every checkpoint ever signed) and `state` (what we have decided to sign).
//!
//! Order is everything. Tiles are durable before the state names them, the state is durable before
//! it is signed, and a checkpoint is signed only if it extends the state before it. After a crash
//! at any point, opening the log and appending the same leaves again gives the same files. One
//! process writes at a time; the engine's sequencer sees to that, and the log refuses to sign when
//! it notices another.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::{AuditSigner, Checkpoint, CheckpointError, Origin, SignedCheckpoint};
use super::tiles::{
    ENTRY_BYTES_MAX, Edge, TILE_WIDTH, TileError, TileReader, bundle_path, encode_bundle,
    encode_tile, hash_entries,
};
use super::tree::{leaf_hash, root_at};
use crate::disk::Disk;
use crate::disk::file_name::FileName;
use crate::disk::publish::{PublishError, create_dirs, publish, replace, sweep_parts};
use crate::domain::digest::Digest;

/// A log that is open for appending.
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    signer: AuditSigner,
    edge: Edge,
    /// The entries of the last, incomplete bundle.
    tail: Vec<Vec<u8>>,
    last: SignedCheckpoint,
    folders: HashSet<PathBuf>,
    /// A write failed, so that memory and disk may differ: the log must be opened again.
    broken: bool,
}

/// The signed checkpoint of the present.
pub const CHECKPOINT: &str = "checkpoint";
/// Every checkpoint that was signed, under its size.
pub const CHECKPOINTS: &str = "checkpoints";
/// The checkpoint we have decided to sign, without a signature.
const STATE: &str = "state";
/// Far more than a checkpoint has.
const SMALL_FILE_BYTES_MAX: u64 = 128 * 1024;

impl Log {
    /// Begins a new, empty log in an existing folder that has none, and signs its empty state.
    /// Creating is not part of opening: an office whose log has disappeared must notice.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: impl Into<PathBuf>,
        signer: AuditSigner,
    ) -> Result<Log, LogError> {
        let dir = dir.into();
        let state = dir.join(STATE);
        if disk.exists(&state).map_err(|source| LogError::unreadable(&state, source))? {
            return Err(LogError::LogMustBeNew(dir));
        }
        let origin = signer.origin().clone();
        let empty = Checkpoint { origin, size: 0, root: Edge::default().root() };
        replace(&*disk, &dir, &file_name(STATE), empty.body().as_bytes())?;
        Log::open(disk, dir, signer)
    }

    /// Opens a log, checks that its right edge has the root that was decided, and signs what a
    /// crash left unsigned. `verify` is what checks all the rest.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: impl Into<PathBuf>,
        signer: AuditSigner,
    ) -> Result<Log, LogError> {
        let dir = dir.into();
        let state = read_state(&*disk, &dir, signer.origin())?;
        Log::open_at(disk, dir, signer, state, true)
    }

    /// Opens a log to look at it: nothing is written, and what a crash left unsigned stays so.
    pub fn open_to_read(
        disk: Arc<dyn Disk>,
        dir: impl Into<PathBuf>,
        signer: AuditSigner,
    ) -> Result<Log, LogError> {
        let dir = dir.into();
        let state = read_state(&*disk, &dir, signer.origin())?;
        Log::open_at(disk, dir, signer, state, false)
    }

    fn open_at(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        signer: AuditSigner,
        state: Checkpoint,
        may_write: bool,
    ) -> Result<Log, LogError> {
        if may_write {
            make_good(&*disk, &dir)?;
        }
        let reader = TileReader::new(&*disk, &dir, state.size);
        let edge = reader.edge()?;
        let tail = match edge.bundle_width() {
            0 => Vec::new(),
            _ => reader.bundle(state.size / TILE_WIDTH as u64)?,
        };
        let tail_hashes = edge.partial_tiles().find(|tile| tile.level == 0);
        let tail_hashes = tail_hashes.map_or(Vec::new(), |tile| tile.hashes);
        if edge.root() != state.root || hash_entries(&tail) != tail_hashes {
            return Err(LogError::TilesMustHaveTheRootOfTheState { size: state.size });
        }
        let last = match read_checkpoint(&*disk, &dir, &signer)? {
            Some(signed) => {
                check_extends(&*disk, &dir, signed.checkpoint(), &state)?;
                signed
            }
            None if state.size == 0 && may_write => publish_signed(&*disk, &dir, &signer, &state)?,
            None => return Err(LogError::CheckpointMustBeThere),
        };
        let last = match last.checkpoint() == &state || !may_write {
            true => last,
            false => publish_signed(&*disk, &dir, &signer, &state)?,
        };
        Ok(Log { disk, dir, signer, edge, tail, last, folders: HashSet::new(), broken: false })
    }

    /// Takes over what another process has written since: what lies on the disk counts, and it must extend
    /// what we know. Call it when no other process is writing.
    pub fn catch_up(&mut self) -> Result<(), LogError> {
        self.must_be_whole()?;
        let state = read_state(&*self.disk, &self.dir, self.signer.origin())?;
        if state != *self.last.checkpoint() {
            check_extends(&*self.disk, &self.dir, self.last.checkpoint(), &state)?;
            *self = Log::open(self.disk.clone(), self.dir.clone(), self.signer.clone())?;
        }
        Ok(())
    }

    /// How many entries the log has, with those that no checkpoint covers yet.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The newest entries, at most a bundle of them, with the index of the first.
    pub fn newest(&self) -> Result<(u64, Vec<Vec<u8>>), LogError> {
        let (size, width) = (self.size(), TILE_WIDTH as u64);
        if size == 0 || !self.tail.is_empty() {
            return Ok((size - self.tail.len() as u64, self.tail.clone()));
        }
        let bundle = size / width - 1;
        Ok((bundle * width, TileReader::new(&*self.disk, &self.dir, size).bundle(bundle)?))
    }

    /// The last checkpoint that was signed.
    pub fn last_checkpoint(&self) -> &SignedCheckpoint {
        &self.last
    }

    /// Appends leaves, the first of which has index `first_index`. Leaves that the log has already
    /// are compared and passed over, so that a caller who does not know how far it got begins where
    /// its memory ends. Gives the size after it. Nothing is promised to outlive a crash before
    /// `checkpoint` returns.
    pub fn append<T: AsRef<[u8]>>(
        &mut self,
        first_index: u64,
        leaves: &[T],
    ) -> Result<u64, LogError> {
        self.must_be_whole()?;
        let size = self.size();
        if first_index > size {
            return Err(LogError::LeavesMustFollowTheLog { size, first_index });
        }
        for (index, leaf) in (first_index..).zip(leaves) {
            let bytes = leaf.as_ref().len();
            if bytes == 0 || bytes > ENTRY_BYTES_MAX {
                return Err(LogError::LeafMustHaveUpTo65535Bytes { index, bytes });
            }
        }
        let known = usize::try_from(size - first_index).unwrap_or(usize::MAX).min(leaves.len());
        let (repeated, new) = leaves.split_at(known);
        self.must_repeat(first_index, repeated)?;
        for leaf in new {
            let pushed = self.push(leaf.as_ref());
            self.broken |= pushed.is_err();
            pushed?;
        }
        Ok(self.size())
    }

    /// Makes everything appended durable and signs it. Without new leaves it gives the last
    /// checkpoint again.
    pub fn checkpoint(&mut self) -> Result<SignedCheckpoint, LogError> {
        self.must_be_whole()?;
        if self.size() == self.last.size() {
            return Ok(self.last.clone());
        }
        let signed = self.write_and_sign();
        self.broken |= signed.is_err();
        self.last = signed?;
        Ok(self.last.clone())
    }

    fn must_be_whole(&self) -> Result<(), LogError> {
        match self.broken {
            true => Err(LogError::LogMustBeReopened),
            false => Ok(()),
        }
    }

    /// Compares leaves that are in the log with the entries that they claim to be.
    fn must_repeat<T: AsRef<[u8]>>(&self, first_index: u64, leaves: &[T]) -> Result<(), LogError> {
        let width = TILE_WIDTH as u64;
        let tail_start = self.size() - self.tail.len() as u64;
        // Everything before the tail is in full bundles.
        let reader = TileReader::new(&*self.disk, &self.dir, tail_start);
        let mut bundle = Vec::new();
        let mut bundle_index = None;
        for (index, leaf) in (first_index..).zip(leaves) {
            let entry = if index >= tail_start {
                &self.tail[(index - tail_start) as usize]
            } else {
                if bundle_index != Some(index / width) {
                    bundle = reader.bundle(index / width)?;
                    bundle_index = Some(index / width);
                }
                &bundle[(index % width) as usize]
            };
            if entry != leaf.as_ref() {
                return Err(LogError::LeafMustBeTheOneLogged { index });
            }
        }
        Ok(())
    }

    fn push(&mut self, leaf: &[u8]) -> Result<(), LogError> {
        self.tail.push(leaf.to_vec());
        for tile in self.edge.push(leaf_hash(leaf)) {
            if tile.level == 0 {
                let bundle = encode_bundle(&self.tail);
                self.write(bundle_path(tile.index, TILE_WIDTH), tile.entries_end(), &bundle)?;
                self.tail.clear();
            }
            self.write(tile.path(), tile.entries_end(), &encode_tile(&tile.hashes))?;
        }
        Ok(())
    }

    fn write_and_sign(&mut self) -> Result<SignedCheckpoint, LogError> {
        let size = self.size();
        if !self.tail.is_empty() {
            let path = bundle_path(size / TILE_WIDTH as u64, self.tail.len());
            let bundle = encode_bundle(&self.tail);
            self.write(path, size, &bundle)?;
        }
        for tile in self.edge.partial_tiles().collect::<Vec<_>>() {
            self.write(tile.path(), tile.entries_end(), &encode_tile(&tile.hashes))?;
        }
        let origin = self.signer.origin().clone();
        let next = Checkpoint { origin, size, root: self.edge.root() };
        // Both from disk: what others wrote there counts, not what we remember.
        let state = read_state(&*self.disk, &self.dir, self.signer.origin())?;
        if state != *self.last.checkpoint() {
            return Err(LogError::LogMustHaveOneWriter {
                ours: self.last.size(),
                found: state.size,
            });
        }
        check_extends(&*self.disk, &self.dir, &state, &next)?;
        replace(&*self.disk, &self.dir, &file_name(STATE), next.body().as_bytes())?;
        publish_signed(&*self.disk, &self.dir, &self.signer, &next)
    }

    /// Writes a tile or a bundle that covers the entries before `entries_end`. One that is under a
    /// checkpoint never changes. One that is not may be what a crash left of leaves that then
    /// got other indexes, and is replaced.
    fn write(&mut self, path: PathBuf, entries_end: u64, bytes: &[u8]) -> Result<(), LogError> {
        let parent = path.parent().expect("a tile lies in a folder").to_path_buf();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = file_name(name.expect("the name of a tile is digits"));
        if !self.folders.contains(&parent) {
            create_dirs(&*self.disk, &self.dir, &parent)?;
            self.folders.insert(parent.clone());
        }
        let folder = self.dir.join(parent);
        match publish(&*self.disk, &folder, &name, &Digest::of(bytes), &mut { bytes }) {
            Err(PublishError::NameAlreadyTakenByOtherBytes { .. })
                if entries_end > self.last.size() =>
            {
                replace(&*self.disk, &folder, &name, bytes)?;
            }
            published => {
                published?;
            }
        }
        Ok(())
    }
}

/// Takes away what writers have left that died, and makes durable what they named.
fn make_good(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    sweep_parts(disk, dir).map_err(|source| LogError::unreadable(dir, source))?;
    // A process that was killed between renaming and syncing left a state or a checkpoint that a
    // power cut would take back: the one must not be signed, the other not be handed out.
    disk.sync_dir(dir).map_err(|source| LogError::unreadable(dir, source))
}

fn file_name(name: &str) -> FileName {
    FileName::parse(name).expect("the log's own names are plain")
}

/// Reads a small file of the log; none when it is not there.
pub(super) fn read_small(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, LogError> {
    let mut bytes = Vec::new();
    let read =
        disk.open(path).and_then(|file| file.take(SMALL_FILE_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LogError::unreadable(path, source)),
    }
}

fn read_state(disk: &dyn Disk, dir: &Path, origin: &Origin) -> Result<Checkpoint, LogError> {
    let path = dir.join(STATE);
    let bytes = read_small(disk, &path)?.ok_or_else(|| LogError::LogMustExist(dir.to_owned()))?;
    let state = std::str::from_utf8(&bytes)
        .map_err(|_| CheckpointError::CheckpointMustHaveThreeLines)
        .and_then(Checkpoint::parse_body)?;
    if state.origin != *origin {
        return Err(LogError::Checkpoint(CheckpointError::CheckpointMustBeOfThisLog {
            expected: origin.clone(),
            found: state.origin,
        }));
    }
    Ok(state)
}

fn read_checkpoint(
    disk: &dyn Disk,
    dir: &Path,
    signer: &AuditSigner,
) -> Result<Option<SignedCheckpoint>, LogError> {
    match read_small(disk, &dir.join(CHECKPOINT))? {
        Some(note) => Ok(Some(signer.verifier().open(&note)?)),
        None => Ok(None),
    }
}

/// Refuses a checkpoint that is smaller than the one before it or does not extend it. The root at
/// the old size is computed from the tiles that the new one stands on.
fn check_extends(
    disk: &dyn Disk,
    dir: &Path,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<(), LogError> {
    if new.size < old.size {
        return Err(LogError::CheckpointMustNotShrink { from: old.size, to: new.size });
    }
    let mut reader = TileReader::new(disk, dir, new.size);
    if root_at(&mut reader, old.size)? != old.root || root_at(&mut reader, new.size)? != new.root {
        return Err(LogError::CheckpointMustExtendTheLast { from: old.size, to: new.size });
    }
    Ok(())
}

/// Signs a state that is durable, and publishes the checkpoint.
fn publish_signed(
    disk: &dyn Disk,
    dir: &Path,
    signer: &AuditSigner,
    state: &Checkpoint,
) -> Result<SignedCheckpoint, LogError> {
    let signed = signer.sign(state);
    let note = signed.note().as_bytes();
    create_dirs(disk, dir, Path::new(CHECKPOINTS))?;
    // Written once and never replaced: two checkpoints of one size cannot both be here.
    let by_size = file_name(&state.size.to_string());
    publish(disk, &dir.join(CHECKPOINTS), &by_size, &Digest::of(note), &mut { note })?;
    replace(disk, dir, &file_name(CHECKPOINT), note)?;
    Ok(signed)
}

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("there is no log in {}; if there was one, restore it, otherwise create it", .0.display())]
    LogMustExist(PathBuf),
    #[error("there is a log in {} already", .0.display())]
    LogMustBeNew(PathBuf),
    #[error("{} cannot be read: {source}", .path.display())]
    LogMustBeReadable { path: PathBuf, source: io::Error },
    #[error("the log has no checkpoint although it has entries; restore it from a copy")]
    CheckpointMustBeThere,
    #[error(
        "the last tiles do not have the root that was decided at size {size}: the log was altered; verify it and restore it from a copy"
    )]
    TilesMustHaveTheRootOfTheState { size: u64 },
    #[error(
        "a checkpoint of size {to} after one of size {from} is refused: the log was rolled back"
    )]
    CheckpointMustNotShrink { from: u64, to: u64 },
    #[error(
        "the log at size {to} does not extend the checkpoint at size {from}: it was altered or forked"
    )]
    CheckpointMustExtendTheLast { from: u64, to: u64 },
    #[error("the state on disk has size {found}, ours has {ours}: another process writes this log")]
    LogMustHaveOneWriter { ours: u64, found: u64 },
    #[error(
        "leaves from {first_index} on leave a gap: the log has {size} entries; it was rolled back, or the store is ahead"
    )]
    LeavesMustFollowTheLog { size: u64, first_index: u64 },
    #[error("leaf {index} is not the entry that the log has at this index")]
    LeafMustBeTheOneLogged { index: u64 },
    #[error("leaf {index} has {bytes} bytes; an entry has 1 to 65535")]
    LeafMustHaveUpTo65535Bytes { index: u64, bytes: usize },
    #[error("an earlier write failed; open the log again and append from where it stands")]
    LogMustBeReopened,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl LogError {
    fn unreadable(path: &Path, source: io::Error) -> LogError {
        LogError::LogMustBeReadable { path: path.to_path_buf(), source }
    }

    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            LogError::LogMustExist(_) => "T501",
            LogError::LogMustBeNew(_) => "T502",
            LogError::LogMustBeReadable { .. } => "T503",
            LogError::CheckpointMustBeThere => "T504",
            LogError::TilesMustHaveTheRootOfTheState { .. } => "T505",
            LogError::CheckpointMustNotShrink { .. } => "T506",
            LogError::CheckpointMustExtendTheLast { .. } => "T507",
            LogError::LogMustHaveOneWriter { .. } => "T508",
            LogError::LeavesMustFollowTheLog { .. } => "T509",
            LogError::LeafMustBeTheOneLogged { .. } => "T510",
            LogError::LeafMustHaveUpTo65535Bytes { .. } => "T511",
            LogError::LogMustBeReopened => "T512",
            LogError::Checkpoint(error) => error.code(),
            LogError::Tile(error) => error.code(),
            LogError::Publish(error) => error.code(),
        }
    }
}
