//! Proofs that travel: an entry is in the log, a later checkpoint extends an earlier one.
//!
//! Reads: a log folder and its verifier key; proofs as text.
//! Gives: inclusion proofs in the format of c2sp.org/tlog-proof, which carry their checkpoint and
//! are checked offline, and consistency proofs between two sizes.

use std::fmt;
use std::path::Path;

use super::checkpoint::{
    AuditVerifier, Checkpoint, CheckpointError, SignedCheckpoint, decode_hash, encode_hash,
};
use super::tiles::{TileError, TileReader};
use super::tree::{
    consistency_holds, consistency_proof, inclusion_holds, inclusion_proof, leaf_hash,
};
use super::verify::{VerifyError, read_signed};
use crate::disk::Disk;
use crate::domain::digest::Digest;

/// An entry's place under a signed checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InclusionProof {
    pub index: u64,
    pub hashes: Vec<Digest>,
    pub checkpoint: SignedCheckpoint,
}

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2⁶⁴ entries has proofs of this length.
const HASHES_MAX: usize = 64;

impl InclusionProof {
    /// Whether the proof shows that these bytes are the entry. The checkpoint's signature was
    /// checked when the proof was read or made.
    pub fn holds(&self, entry: &[u8]) -> bool {
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        inclusion_holds(&leaf_hash(entry), self.index, size, &self.hashes, root)
    }

    /// Reads a `.tlog-proof` and checks the signature of its checkpoint. An `extra` line is
    /// allowed by the format and means nothing here.
    pub fn parse(text: &str, verifier: &AuditVerifier) -> Result<InclusionProof, ProveError> {
        let malformed = || ProveError::ProofMustBeWellFormed;
        let (head, note) = text.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed());
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(|digits| digits.parse().ok()).ok_or_else(malformed)?;
        let hashes: Option<Vec<Digest>> = lines.take(HASHES_MAX + 1).map(decode_hash).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= HASHES_MAX).ok_or_else(malformed)?;
        let checkpoint = verifier.open(note.as_bytes())?;
        Ok(InclusionProof { index, hashes, checkpoint })
    }
}

impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}\nindex {}\n", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", encode_hash(hash)))?;
        write!(f, "\n{}", self.checkpoint.note())
    }
}

/// Proves that the entry at `index` is under the log's present checkpoint. Gives the entry too.
pub fn prove_inclusion(
    disk: &dyn Disk,
    dir: &Path,
    verifier: &AuditVerifier,
    index: u64,
) -> Result<(Vec<u8>, InclusionProof), ProveError> {
    let checkpoint = read_signed(disk, dir, verifier)?;
    let size = checkpoint.size();
    if index >= size {
        return Err(ProveError::EntryMustBeInTheLog { index, size });
    }
    let mut reader = TileReader::new(disk, dir, size);
    let entry = reader.entry(index)?;
    let hashes = inclusion_proof(&mut reader, index, size)?;
    let proof = InclusionProof { index, hashes, checkpoint };
    match proof.holds(&entry) {
        true => Ok((entry, proof)),
        false => Err(ProveError::LogMustHoldTogether { index }),
    }
}

/// Finds the first entry with these bytes, by its hash, under the log's present checkpoint.
pub fn find_entry(
    disk: &dyn Disk,
    dir: &Path,
    verifier: &AuditVerifier,
    entry: &[u8],
) -> Result<Option<u64>, ProveError> {
    let hash = leaf_hash(entry);
    let reader = TileReader::new(disk, dir, read_signed(disk, dir, verifier)?.size());
    for (bundle, _) in reader.bundles() {
        let tile = reader.tile(0, bundle)?;
        if let Some(at) = tile.hashes.iter().position(|found| *found == hash) {
            return Ok(Some(bundle * super::tiles::TILE_WIDTH as u64 + at as u64));
        }
    }
    Ok(None)
}

/// Proves that the log's present checkpoint extends the tree of `old_size` entries: what a
/// witness asks for before it signs.
pub fn prove_consistency(
    disk: &dyn Disk,
    dir: &Path,
    verifier: &AuditVerifier,
    old_size: u64,
) -> Result<(SignedCheckpoint, Vec<Digest>), ProveError> {
    let checkpoint = read_signed(disk, dir, verifier)?;
    let size = checkpoint.size();
    if old_size > size {
        return Err(ProveError::NewMustNotBeSmaller { old: old_size, new: size });
    }
    let hashes = consistency_proof(&mut TileReader::new(disk, dir, size), old_size, size)?;
    Ok((checkpoint, hashes))
}

/// The rule of a witness: accepts a checkpoint after another one of the same log only with a proof
/// that it extends it. A smaller one is a rollback (a witness answers 409), a proof that does not
/// hold is a fork (422).
pub fn check_extension(
    old: &Checkpoint,
    new: &Checkpoint,
    proof: &[Digest],
) -> Result<(), ProveError> {
    if new.origin != old.origin {
        return Err(ProveError::Checkpoint(CheckpointError::CheckpointMustBeOfThisLog {
            expected: old.origin.clone(),
            found: new.origin.clone(),
        }));
    }
    if new.size < old.size {
        return Err(ProveError::NewMustNotBeSmaller { old: old.size, new: new.size });
    }
    match consistency_holds((old.size, &old.root), (new.size, &new.root), proof) {
        true => Ok(()),
        false => Err(ProveError::NewMustExtendTheOld { old: old.size, new: new.size }),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("entry {index} is not in the log, whose checkpoint has {size} entries")]
    EntryMustBeInTheLog { index: u64, size: u64 },
    #[error(
        "the tiles do not prove entry {index} under the signed root: the log was altered; verify it"
    )]
    LogMustHoldTogether { index: u64 },
    #[error(
        "the text is not a tlog-proof: a header, `index N`, hashes in base64, an empty line, a checkpoint"
    )]
    ProofMustBeWellFormed,
    #[error(
        "the checkpoint of size {new} is smaller than the known one of size {old}: the log was rolled back"
    )]
    NewMustNotBeSmaller { old: u64, new: u64 },
    #[error(
        "the checkpoint of size {new} does not extend the known one of size {old}: the log was altered or forked"
    )]
    NewMustExtendTheOld { old: u64, new: u64 },
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Log(#[from] VerifyError),
}

impl ProveError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            ProveError::EntryMustBeInTheLog { .. } => "T701",
            ProveError::LogMustHoldTogether { .. } => "T702",
            ProveError::ProofMustBeWellFormed => "T703",
            ProveError::NewMustNotBeSmaller { .. } => "T704",
            ProveError::NewMustExtendTheOld { .. } => "T705",
            ProveError::Checkpoint(error) => error.code(),
            ProveError::Tile(error) => error.code(),
            ProveError::Log(error) => error.code(),
        }
    }
}
