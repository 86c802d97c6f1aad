//! What can go wrong in a command: a rule that refuses, with a code and a way out, or an operation
//! that failed.

use crate::audit::leaf::LeafError;
use crate::audit::log::LogError;
use crate::channels::CollectError;
use crate::disk::archive::ArchiveError;
use crate::domain::ids::IdError;
use crate::domain::sealed::SealedError;
use crate::domain::signature::SignatureError;
use crate::domain::state::IllegalTransition;
use crate::pipeline::assemble::AssembleError;
use crate::pipeline::intake::HeaderError;
use crate::pipeline::records::RecordError;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A rule refused, and nothing was changed.
    #[error("{sentence}")]
    Refused { code: &'static str, sentence: String },
    /// A file was refused from one place on.
    #[error("{file}: {source}")]
    Record { file: String, source: RecordError },
    #[error("{file}: {source}")]
    Header { file: String, source: HeaderError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} (see: chitra cycle list)")]
    Transition(#[from] IllegalTransition),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Leaf(#[from] LeafError),
    #[error(transparent)]
    Sealed(#[from] SealedError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error(transparent)]
    Id(#[from] IdError),
    #[error("{doing}: {source}; look at the disk and at the rights of this user, and do it again")]
    Io {
        doing: String,
        #[source]
        source: std::io::Error,
    },
    /// What is stored is not what we wrote: never repaired in silence.
    #[error(
        "what is stored does not agree with itself: {0}; go no further, and look: chitra audit verify"
    )]
    Inconsistent(String),
}

impl EngineError {
    pub fn refused(code: &'static str, sentence: impl Into<String>) -> EngineError {
        EngineError::Refused { code, sentence: sentence.into() }
    }

    pub fn io(doing: impl Into<String>, source: std::io::Error) -> EngineError {
        EngineError::Io { doing: doing.into(), source }
    }

    /// Stable, for scripts and runbooks.
    pub fn code(&self) -> &'static str {
        match self {
            EngineError::Refused { code, .. } => code,
            EngineError::Record { source, .. } => source.code(),
            EngineError::Header { source, .. } => source.code(),
            EngineError::Store(error) => error.code(),
            EngineError::Transition(_) => "C100",
            EngineError::Archive(error) => error.code(),
            EngineError::Log(error) => error.code(),
            EngineError::Leaf(error) => error.code(),
            EngineError::Sealed(error) => error.code(),
            EngineError::Signature(error) => error.code(),
            EngineError::Collect(error) => error.code(),
            EngineError::Assemble(_) | EngineError::Id(_) => "C190",
            EngineError::Io { .. } => "C191",
            EngineError::Inconsistent(_) => "C192",
        }
    }
}
