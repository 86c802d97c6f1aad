//! Batch roots: one leaf of the log that stands for a million instructions, any of which can
//! still be proved.
//!
//! Reads: the records of a batch in their order.
//! Gives: their count and Merkle root, which go into a leaf, and the proof of one record.
//!
//! The tree is that of the log (RFC 9162), so the same tools check both. A record that could be
//! guessed must carry a salt or a commitment: whoever has the proof of one record has the hash of
//! its neighbour.

use std::fmt;

use super::checkpoint::{decode_hash, encode_hash};
use super::tree::{Frontier, MemoryTree, inclusion_holds, inclusion_proof, leaf_hash};
use crate::domain::digest::Digest;

/// What a leaf says of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchRoot {
    pub count: u64,
    pub root: Digest,
}

/// Builds a batch root from records as they come, in constant memory.
#[derive(Clone, Default)]
pub struct BatchRootBuilder(Frontier);

impl BatchRootBuilder {
    pub fn new() -> BatchRootBuilder {
        BatchRootBuilder::default()
    }

    pub fn push(&mut self, record: &[u8]) {
        self.0.push(leaf_hash(record));
    }

    pub fn finish(self) -> BatchRoot {
        BatchRoot { count: self.0.size(), root: self.0.root() }
    }
}

/// All hashes of a batch, 64 bytes for a record: for making proofs.
pub struct BatchTree(MemoryTree);

impl BatchTree {
    pub fn new<T: AsRef<[u8]>>(records: impl IntoIterator<Item = T>) -> BatchTree {
        let leaves = records.into_iter().map(|record| leaf_hash(record.as_ref())).collect();
        BatchTree(MemoryTree::new(leaves))
    }

    pub fn root(&mut self) -> BatchRoot {
        BatchRoot { count: self.0.size(), root: self.0.root() }
    }

    /// The proof of the record at `index`, counted from 0; none when the batch is shorter.
    pub fn prove(&mut self, index: u64) -> Option<RecordProof> {
        let count = self.0.size();
        if index >= count {
            return None;
        }
        let Ok(hashes) = inclusion_proof(&mut self.0, index, count);
        Some(RecordProof { index, hashes })
    }
}

/// The proof that a record is in a batch. Written as lines: what it is, the index, the hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordProof {
    pub index: u64,
    pub hashes: Vec<Digest>,
}

const HEADER: &str = "chitra batch proof v1";
/// A tree of 2⁶⁴ records has proofs of this length.
const HASHES_MAX: usize = 64;

impl RecordProof {
    pub fn holds(&self, batch: &BatchRoot, record: &[u8]) -> bool {
        inclusion_holds(&leaf_hash(record), self.index, batch.count, &self.hashes, &batch.root)
    }

    pub fn parse(text: &str) -> Result<RecordProof, RecordProofError> {
        let malformed = RecordProofError::ProofMustBeWellFormed;
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(malformed);
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")?.parse().ok());
        let index = index.ok_or(malformed.clone())?;
        let hashes: Option<Vec<Digest>> = lines.take(HASHES_MAX + 1).map(decode_hash).collect();
        match hashes.filter(|hashes| hashes.len() <= HASHES_MAX) {
            Some(hashes) => Ok(RecordProof { index, hashes }),
            None => Err(malformed),
        }
    }
}

impl fmt::Display for RecordProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}\nindex {}\n", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", encode_hash(hash)))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordProofError {
    #[error("the text is not a batch proof: a header, `index N`, and up to 64 hashes in base64")]
    ProofMustBeWellFormed,
}

impl RecordProofError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        "T201"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: u64) -> impl Iterator<Item = String> {
        (0..count).map(|n| format!("E2E{n:08}"))
    }

    #[test]
    fn every_record_of_a_batch_can_be_proved_and_no_other() {
        for count in [1, 2, 3, 255, 256, 257, 1000] {
            let mut builder = BatchRootBuilder::new();
            records(count).for_each(|record| builder.push(record.as_bytes()));
            let batch = builder.finish();
            let mut tree = BatchTree::new(records(count));
            assert_eq!(tree.root(), batch);
            for (index, record) in (0..).zip(records(count)) {
                let proof = tree.prove(index).unwrap();
                assert_eq!(RecordProof::parse(&proof.to_string()).as_ref(), Ok(&proof));
                assert!(proof.holds(&batch, record.as_bytes()));
                assert!(!proof.holds(&batch, b"another record"));
            }
            assert_eq!(tree.prove(count), None);
        }
    }

    #[test]
    fn an_empty_batch_has_a_root_and_no_proofs() {
        let mut tree = BatchTree::new(Vec::<String>::new());
        assert_eq!(tree.root(), BatchRootBuilder::new().finish());
        assert_eq!(tree.prove(0), None);
    }

    #[test]
    fn proofs_that_are_none_are_refused() {
        let hash = encode_hash(&Digest::of(b""));
        for text in [
            String::new(),
            HEADER.to_owned(),
            format!("{HEADER}\nindex x\n"),
            format!("{HEADER}\nindex 1\nabc\n"),
            format!("{HEADER}\nindex 1\n{}", format!("{hash}\n").repeat(65)),
        ] {
            assert_eq!(RecordProof::parse(&text), Err(RecordProofError::ProofMustBeWellFormed));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,80}") {
            let _ = RecordProof::parse(&text);
        }
    }
}
