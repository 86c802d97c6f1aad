//! Where files leave and answers arrive.
//!
//! Reads: parcels (approved bytes under a name) and providers' folders or servers.
//! Gives: what became of each delivery, in three outcomes and never two: delivered, not delivered,
//! unknown. A channel never decides to send again; it only says what it knows.

pub mod directory;
pub mod sftp;
pub mod one_by_one;
pub mod http;
pub mod envelope;
pub mod file_signature;
pub mod openpgp_keys;
pub mod callbacks;

pub mod sandbox;

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use self::one_by_one::OneByOne;
use crate::disk::file_name::{FileName, FileNameError, shown};
use crate::domain::digest::Digest;
use crate::domain::money::Money;

/// One way to one provider.
///
/// The calls block; the engine runs them off its event loop. An attempt is recorded by the engine
/// before `deliver` is called, because afterwards may be too late.
pub trait Channel: Send + Sync {
    /// Delivers a parcel, or finds that it was already delivered.
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome;

    /// Asks whether a parcel is with the provider.
    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome;

    /// What the provider has left for us.
    fn answers(&self) -> Result<Answers, CollectError>;

    /// Copies one answer, and says what was copied. What was written before an error is to be
    /// thrown away.
    fn fetch(&self, name: &FileName, into: &mut dyn Write) -> Result<Fetched, CollectError>;

    /// The same way, when the partner takes no files but one payment a request; then nothing is
    /// delivered through the functions above.
    fn one_by_one(&self) -> Option<Arc<dyn OneByOne>> {
        None
    }
}

/// Approved bytes on their way out.
pub struct Parcel<'a> {
    /// Never reused: environment, office, period, kind, sequence.
    pub name: FileName,
    pub source: &'a mut (dyn Read + Send),
    /// The digest of the bytes of `source`, as approved.
    pub digest: Digest,
    /// How many instructions it carries; for channels that tell the provider beside the file.
    pub count: u64,
    /// Their sum; for channels that tell the provider beside the file.
    pub total: Money,
}

/// What is known after a delivery was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeliveryOutcome {
    /// The provider's side holds these bytes.
    Delivered(Delivery),
    /// Proven: nothing of this attempt reached the provider. It may be tried again.
    NotDelivered(Reason),
    /// It may have arrived. Only evidence or two people may decide.
    Unknown(Reason),
}

/// What was delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    pub digest: Digest,
    pub bytes: u64,
    /// The same bytes had been delivered under this name before.
    pub already_there: bool,
}

/// What a provider's side says about a parcel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryOutcome {
    /// It holds exactly these bytes.
    Held { bytes: u64 },
    /// It has nothing under this name now. No proof that it never had: a provider takes files out
    /// of its inbox.
    NotThere,
    /// It holds other bytes under this name. Someone has to look.
    DifferentBytes { found: Digest },
    /// It could not be asked.
    Unavailable(Reason),
}

/// Why, as a stable code for rules and a sentence for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    pub code: &'static str,
    pub sentence: String,
}

impl Reason {
    pub fn new(code: &'static str, sentence: impl fmt::Display) -> Reason {
        Reason { code, sentence: sentence.to_string() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// What lies in a provider's outbox.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answers {
    /// Sorted by name.
    pub files: Vec<AnswerFile>,
    /// Files that are not taken in for their names. They stay where they are.
    pub refused: Vec<RefusedName>,
}

/// A file in an outbox whose name cannot be one of a file of ours, so that it cannot be copied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedName {
    /// As the partner's side wrote it: hostile, and fit for no message. See `shown`.
    pub listed: String,
    pub bytes: u64,
    pub reason: Reason,
}

impl RefusedName {
    pub fn new(listed: &str, bytes: u64, error: &FileNameError) -> RefusedName {
        let reason = Reason::new(error.code(), error);
        RefusedName { listed: listed.to_owned(), bytes, reason }
    }

    /// A file whose name is no text: `listed` has the bytes that are none written out.
    pub fn no_text(listed: &str, bytes: u64) -> RefusedName {
        let sentence =
            format!("its name `{}` cannot be read, because it is not UTF-8", shown(listed));
        RefusedName { listed: listed.to_owned(), bytes, reason: Reason::new("L147", sentence) }
    }

    /// What is no file but a link to one, which whoever can write into the folder could point anywhere.
    pub fn link(listed: &str) -> RefusedName {
        let sentence = format!("`{}` is a link, and links are not followed", shown(listed));
        RefusedName { listed: listed.to_owned(), bytes: 0, reason: Reason::new("L150", sentence) }
    }

    /// The name as people may see it.
    pub fn shown(&self) -> String {
        shown(&self.listed)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerFile {
    pub name: FileName,
    /// As listed; a file that is still growing shows another size next time.
    pub bytes: u64,
}

/// What was copied from an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fetched {
    pub digest: Digest,
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(
        "the folder {folder} cannot be listed: {source}; check that it is mounted and readable"
    )]
    FolderMustBeReadable { folder: String, source: std::io::Error },
    #[error("there is no answer `{0}` any more: the partner has taken it back; collect again")]
    AnswerMustBeThere(FileName),
    #[error(
        "the answer `{name}` is larger than {} MiB, which is more than there is to say of one file of ours; nothing of it \
         was taken in; ask the partner what it is, and for answers of that size in several files",
        bytes_max >> 20
    )]
    AnswerMustFitTheLimit { name: String, bytes_max: u64 },
    #[error(
        "reading the answer `{name}` failed: {source}; look at its folder and rights, and collect again"
    )]
    AnswerMustBeReadable { name: FileName, source: std::io::Error },
    #[error(
        "writing the copy of the answer `{name}` failed: {source}; look whether our disk is full, and collect again"
    )]
    CopyMustBeWritable { name: FileName, source: std::io::Error },
    #[error("{0}")]
    WayMustBeOpen(Reason),
}

impl CollectError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            CollectError::FolderMustBeReadable { .. } => "N101",
            CollectError::AnswerMustBeThere(_) => "N102",
            CollectError::AnswerMustFitTheLimit { .. } => "N103",
            CollectError::AnswerMustBeReadable { .. } => "N104",
            CollectError::CopyMustBeWritable { .. } => "N105",
            CollectError::WayMustBeOpen(reason) => reason.code,
        }
    }
}
