//! The envelope of a file: sealed for the one key that may open it, in a format that partners open with a
//! program of their own: age (age-encryption.org/v1) or OpenPGP (RFC 9580, readable by programs of RFC 4880).
//!
//! Reads: a file as a stream, the partner's recipient or our identity as the text of a key file.
//! Gives: the sealed or the opened file as a stream. What was written before an error is to be thrown
//! away: only the end of a sealed file proves its beginning whole.

mod age_file;
mod head;
mod openpgp_file;

use std::io::{self, Read, Write};

use jiff::civil::Date;

use super::openpgp_keys::{Certificate, SecretKey};

const COPY_BYTES: usize = 64 * 1024;

/// In which format files are sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Age,
    OpenPgp,
}

impl Format {
    pub const ALL: [(&'static str, Format); 2] =
        [("age", Format::Age), ("openpgp", Format::OpenPgp)];

    /// What the name of a sealed file ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            Format::Age => ".age",
            Format::OpenPgp => ".pgp",
        }
    }
}

/// Whom files are sealed for.
pub enum Recipient {
    Age(age_file::Recipient),
    OpenPgp(Box<Certificate>),
}

/// What opens the files that are sealed for us.
pub enum Identity {
    Age(age_file::Identity),
    OpenPgp(Box<SecretKey>),
}

impl Recipient {
    /// Reads the partner's key: of age a file with one line `age1…`, where lines that begin with `#` are
    /// remarks; of OpenPGP a public key as `gpg --export` writes it, with or without `--armor`.
    ///
    /// # Errors
    /// N130 when it is none, or no key that may be used to seal on this day.
    pub fn parse(format: Format, file: &[u8], today: Date) -> Result<Recipient, EnvelopeError> {
        let parsed = match format {
            Format::Age => age_file::recipient(file).map(Recipient::Age),
            Format::OpenPgp => Certificate::parse(file)
                .filter(|certificate| certificate.encrypts(today))
                .map(|certificate| Recipient::OpenPgp(Box::new(certificate))),
        };
        parsed.ok_or(EnvelopeError::RecipientMustBeOneKey)
    }
}

impl Identity {
    /// Reads our key: of age as `age-keygen` writes it, of OpenPGP as `gpg --export-secret-keys` does, without
    /// a passphrase.
    ///
    /// # Errors
    /// N131 when it is none.
    pub fn parse(format: Format, file: &[u8]) -> Result<Identity, EnvelopeError> {
        let parsed = match format {
            Format::Age => age_file::identity(file).map(Identity::Age),
            Format::OpenPgp => SecretKey::parse(file).map(|key| Identity::OpenPgp(Box::new(key))),
        };
        parsed.ok_or(EnvelopeError::IdentityMustBeOneKey)
    }
}

/// Seals a file. Made twice, the bytes differ: what was sent once is kept, and not made again.
///
/// # Errors
/// N130 when the key cannot be used, N136 when the file cannot be read, N137 when the copy cannot be written.
pub fn seal(
    recipient: &Recipient,
    today: Date,
    source: &mut dyn Read,
    into: &mut dyn Write,
) -> Result<(), EnvelopeError> {
    match recipient {
        Recipient::Age(recipient) => age_file::seal(recipient, source, into),
        Recipient::OpenPgp(certificate) => openpgp_file::seal(certificate, today, source, into),
    }
}

/// Opens a file that was sealed for us, to its end, and gives its length.
///
/// # Errors
/// N132 when it is not sealed, N133 when it is for another key, N134 when it is not whole, N135 when it is
/// larger than `bytes_max` inside, N137 when the copy cannot be written.
pub fn open(
    identity: &Identity,
    source: impl Read + Send,
    into: &mut dyn Write,
    bytes_max: u64,
) -> Result<u64, EnvelopeError> {
    match identity {
        Identity::Age(identity) => age_file::open(identity, source, into, bytes_max),
        Identity::OpenPgp(key) => openpgp_file::open(key, source, into, bytes_max),
    }
}

/// Copies what was opened, to its end.
fn copied(
    opened: &mut dyn Read,
    into: &mut dyn Write,
    bytes_max: u64,
) -> Result<u64, EnvelopeError> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut bytes = 0;
    loop {
        let read = opened.read(&mut buffer).map_err(|_| EnvelopeError::SealMustBeWhole)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes += read as u64;
        if bytes > bytes_max {
            return Err(EnvelopeError::OpenedAnswerMustFitTheLimit(bytes_max));
        }
        into.write_all(&buffer[..read]).map_err(EnvelopeError::CopyMustBeWritable)?;
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    #[error(
        "the partner's recipient_file cannot be used: for age it has one line `age1…`, for OpenPGP it is one public key \
         with a part that encrypts, neither expired nor revoked; ask the partner for it"
    )]
    RecipientMustBeOneKey,
    #[error(
        "our identity_file cannot be used: for age it is what `age-keygen` writes, for OpenPGP one secret key without a \
         passphrase, and only its owner may read it (chmod 600)"
    )]
    IdentityMustBeOneKey,
    #[error("it is not sealed, and the agreement says that answers are; nothing of it was applied")]
    AnswerMustBeSealed,
    #[error(
        "it is sealed for another key than ours; nothing of it was applied; give the partner our recipient again, or \
         put identity_file right"
    )]
    AnswerMustBeSealedForUs,
    #[error(
        "its seal is broken: it was changed or is not whole; nothing of it was applied; have it sent again"
    )]
    SealMustBeWhole,
    #[error(
        "opened, it is larger than {} MiB; nothing of it was applied; ask the partner what it is, and for answers of that \
         size in several files",
        .0 >> 20
    )]
    OpenedAnswerMustFitTheLimit(u64),
    #[error("what is to be sealed cannot be read: {0}; look at our disk; nothing was sent")]
    FileMustBeReadable(io::Error),
    #[error("the sealed or opened copy cannot be written: {0}")]
    CopyMustBeWritable(io::Error),
}

impl EnvelopeError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            EnvelopeError::RecipientMustBeOneKey => "N130",
            EnvelopeError::IdentityMustBeOneKey => "N131",
            EnvelopeError::AnswerMustBeSealed => "N132",
            EnvelopeError::AnswerMustBeSealedForUs => "N133",
            EnvelopeError::SealMustBeWhole => "N134",
            EnvelopeError::OpenedAnswerMustFitTheLimit(_) => "N135",
            EnvelopeError::FileMustBeReadable(_) => "N136",
            EnvelopeError::CopyMustBeWritable(_) => "N137",
        }
    }
}
