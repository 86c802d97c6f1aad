//! The transparency log: every decision, in an order that nobody can change afterwards unseen.
//!
//! Reads: leaves (canonical JSON without personal data) in the order the store gave them.
//! Gives: a log in the C2SP tlog-tiles layout with signed checkpoints, proofs that a third party
//! checks with standard tools, and a verification that hashes every entry again.

pub mod acts;
pub mod batch_root;
pub mod checkpoint;
pub mod leaf;
pub mod log;
pub mod prove;
pub mod standing;
pub mod tiles;
pub mod tree;
pub mod verify;

pub use checkpoint::{AuditSigner, AuditVerifier, Checkpoint, Origin, SignedCheckpoint};
pub use leaf::{Commitment, Leaf, LeafBuilder};
pub use log::{Log, LogError};
pub use verify::{Against, Verified, VerifyError, verify};
