//! Verifies a whole log: every entry is hashed again, every tile and every checkpoint compared.
//!
//! Reads: a log folder, its verifier key, and what else is known: the leaves that the store
//! holds, and checkpoints that others kept.
//! Gives: the size and root that hold, or the first place that does not. It trusts nothing in the
//! folder but the signatures: a root that is compared with itself proves nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::checkpoint::{AuditVerifier, Checkpoint, CheckpointError, SignedCheckpoint};
use super::log::{CHECKPOINT, CHECKPOINTS, LogError, read_small};
use super::tiles::{Edge, Tile, TileError, TileReader};
use super::tree::leaf_hash;
use crate::disk::Disk;
use crate::domain::digest::Digest;

/// What the log is compared with, beside itself.
#[derive(Default)]
pub struct Against<'a> {
    /// The leaves that the store holds, in order from index 0; an error of the store ends it.
    pub leaves: Option<&'a mut dyn Iterator<Item = Result<Vec<u8>, String>>>,
    /// Checkpoints that an outside body kept.
    pub known: &'a [SignedCheckpoint],
}

/// A log that holds together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    pub size: u64,
    pub root: Digest,
    /// How many checkpoints were found to be states of this log, with the last one.
    pub checkpoints: usize,
    /// Whether the store's leaves were compared.
    pub compared_with_store: bool,
}

/// The folder of signed checkpoints is read up to here.
const CHECKPOINTS_MAX: usize = 1_000_000;

/// Verifies the log in `dir`.
pub fn verify(
    disk: &dyn Disk,
    dir: &Path,
    verifier: &AuditVerifier,
    against: Against<'_>,
) -> Result<Verified, VerifyError> {
    let Against { leaves, known } = against;
    let compared_with_store = leaves.is_some();
    let last = read_signed(disk, dir, verifier)?;
    let roots = roots_by_size(disk, dir, verifier, last.checkpoint(), known)?;
    let mut store = StoreLeaves { leaves, ended: false };

    let reader = TileReader::new(disk, dir, last.size());
    let mut edge = Edge::default();
    check_root(&edge, &roots)?;
    for (bundle, _) in reader.bundles() {
        let entries = reader.bundle(bundle)?;
        let stored = reader.tile(0, bundle)?;
        for (entry, stored) in entries.iter().zip(&stored.hashes) {
            let index = edge.size();
            let hash = leaf_hash(entry);
            if hash != *stored {
                return Err(VerifyError::EntryMustMatchItsTile { index });
            }
            store.must_have_next(index, entry)?;
            for tile in edge.push(hash) {
                check_tile(&reader, &tile)?;
            }
            check_root(&edge, &roots)?;
        }
    }
    for tile in edge.partial_tiles() {
        check_tile(&reader, &tile)?;
    }
    store.must_be_used_up(last.size())?;
    Ok(Verified {
        size: last.size(),
        root: *last.root(),
        checkpoints: roots.len(),
        compared_with_store,
    })
}

/// Reads the log's present checkpoint and checks its signature.
pub fn read_signed(
    disk: &dyn Disk,
    dir: &Path,
    verifier: &AuditVerifier,
) -> Result<SignedCheckpoint, VerifyError> {
    match read_small(disk, &dir.join(CHECKPOINT))? {
        Some(note) => Ok(verifier.open(&note)?),
        None => Err(LogError::CheckpointMustBeThere.into()),
    }
}

/// The root that the log must have at each size for which somebody signed or kept one.
fn roots_by_size(
    disk: &dyn Disk,
    dir: &Path,
    verifier: &AuditVerifier,
    last: &Checkpoint,
    known: &[SignedCheckpoint],
) -> Result<BTreeMap<u64, Digest>, VerifyError> {
    let mut roots = BTreeMap::from([(last.size, last.root)]);
    let mut must_agree = |checkpoint: &Checkpoint| {
        if checkpoint.origin != last.origin {
            return Err(VerifyError::Checkpoint(CheckpointError::CheckpointMustBeOfThisLog {
                expected: last.origin.clone(),
                found: checkpoint.origin.clone(),
            }));
        }
        if checkpoint.size > last.size {
            let (known, found) = (checkpoint.size, last.size);
            return Err(VerifyError::LogMustNotBeShorterThanKnown { known, found });
        }
        match roots.insert(checkpoint.size, checkpoint.root) {
            Some(other) if other != checkpoint.root => {
                Err(VerifyError::LogMustExtendTheKnownCheckpoint { size: checkpoint.size })
            }
            _ => Ok(()),
        }
    };
    for checkpoint in known {
        must_agree(checkpoint.checkpoint())?;
    }
    let folder = dir.join(CHECKPOINTS);
    let listed = match disk.list(&folder, CHECKPOINTS_MAX) {
        Ok(listed) => listed,
        // A copy of the log as others serve it has only the present checkpoint.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => {
            return Err(LogError::LogMustBeReadable { path: folder, source }.into());
        }
    };
    for file in listed {
        // Anything else in this folder is a part that a killed writer left.
        if !file.name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        if let Some(note) = read_small(disk, &folder.join(&file.name))? {
            must_agree(verifier.open(&note)?.checkpoint())?;
        }
    }
    Ok(roots)
}

fn check_root(edge: &Edge, roots: &BTreeMap<u64, Digest>) -> Result<(), VerifyError> {
    match roots.get(&edge.size()) {
        Some(root) if *root != edge.root() => {
            Err(VerifyError::LogMustExtendTheKnownCheckpoint { size: edge.size() })
        }
        _ => Ok(()),
    }
}

fn check_tile(reader: &TileReader<'_>, built: &Tile) -> Result<(), VerifyError> {
    let stored = reader.tile(built.level, built.index)?;
    match stored == *built {
        true => Ok(()),
        false => Err(VerifyError::TileMustHaveTheHashesBelowIt {
            level: built.level,
            index: built.index,
        }),
    }
}

/// The leaves of the store, taken one by one beside the entries of the log.
struct StoreLeaves<'a> {
    leaves: Option<&'a mut dyn Iterator<Item = Result<Vec<u8>, String>>>,
    ended: bool,
}

impl StoreLeaves<'_> {
    fn must_have_next(&mut self, index: u64, entry: &[u8]) -> Result<(), VerifyError> {
        let Some(leaves) = self.leaves.as_mut() else { return Ok(()) };
        match leaves.next() {
            Some(Ok(leaf)) if leaf == entry => Ok(()),
            Some(Ok(_)) => Err(VerifyError::EntryMustBeTheLeafOfTheStore { index }),
            Some(Err(reason)) => Err(VerifyError::StoreMustBeReadable { index, reason }),
            None => {
                self.ended = true;
                Err(VerifyError::StoreMustNotBeBehindTheLog { store: index })
            }
        }
    }

    fn must_be_used_up(&mut self, size: u64) -> Result<(), VerifyError> {
        match self.leaves.as_mut().filter(|_| !self.ended).and_then(|leaves| leaves.next()) {
            None => Ok(()),
            Some(Ok(_)) => Err(VerifyError::LogMustNotBeBehindTheStore { log: size }),
            Some(Err(reason)) => Err(VerifyError::StoreMustBeReadable { index: size, reason }),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(
        "entry {index} does not have the hash that its tile has: the entry or the tile was altered"
    )]
    EntryMustMatchItsTile { index: u64 },
    #[error(
        "tile {index} of level {level} does not have the hashes of the tiles below it: it was altered"
    )]
    TileMustHaveTheHashesBelowIt { level: u32, index: u64 },
    #[error(
        "the entries do not have the root that was signed at size {size}: the log was altered or forked"
    )]
    LogMustExtendTheKnownCheckpoint { size: u64 },
    #[error(
        "the log has {found} entries, but a checkpoint of {known} is known: the log was cut or rolled back"
    )]
    LogMustNotBeShorterThanKnown { known: u64, found: u64 },
    #[error("entry {index} is not the leaf that the store holds: the store or the log was altered")]
    EntryMustBeTheLeafOfTheStore { index: u64 },
    #[error(
        "the store has only {store} leaves, fewer than the log: the store was restored from an old copy; do not send before this is reconciled"
    )]
    StoreMustNotBeBehindTheLog { store: u64 },
    #[error(
        "the log has only {log} entries, fewer than the store numbered: an entry may not have been written yet, which \
         chitra audit checkpoint does; where it does not, the log was cut or rolled back"
    )]
    LogMustNotBeBehindTheStore { log: u64 },
    #[error("the store's leaf {index} cannot be read: {reason}")]
    StoreMustBeReadable { index: u64, reason: String },
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl VerifyError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            VerifyError::EntryMustMatchItsTile { .. } => "T601",
            VerifyError::TileMustHaveTheHashesBelowIt { .. } => "T602",
            VerifyError::LogMustExtendTheKnownCheckpoint { .. } => "T603",
            VerifyError::LogMustNotBeShorterThanKnown { .. } => "T604",
            VerifyError::EntryMustBeTheLeafOfTheStore { .. } => "T605",
            VerifyError::StoreMustNotBeBehindTheLog { .. } => "T606",
            VerifyError::LogMustNotBeBehindTheStore { .. } => "T607",
            VerifyError::StoreMustBeReadable { .. } => "T608",
            VerifyError::Checkpoint(error) => error.code(),
            VerifyError::Tile(error) => error.code(),
            VerifyError::Log(error) => error.code(),
        }
    }
}
