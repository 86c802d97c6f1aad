//! The envelope of a file: sealed for the one key that may open it, in the format of age
//! (age-encryption.org/v1), which partners open with a program of their own.
//!
//! Reads: a file as a stream, the partner's recipient or our identity as text.
//! Gives: the sealed or the opened file as a stream. What was written before an error is to be thrown
//! away: only the end of a sealed file proves its beginning whole.

use std::cell::Cell;
use std::io::{self, BufReader, Read, Write};
use std::iter;
use std::rc::Rc;

use age::{DecryptError, Decryptor, Encryptor, x25519};

/// What the name of a sealed file ends with.
pub const SUFFIX: &str = ".age";
const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// A header names one recipient or a few dozen. The library parses it anew at each byte, so that a
/// longer one would cost the square of its length.
const HEADER_BYTES_MAX: u64 = 4 * 1024;
const COPY_BYTES: usize = 64 * 1024;

/// Whom files are sealed for.
pub struct Recipient(x25519::Recipient);

/// What opens the files that are sealed for us.
pub struct Identity(x25519::Identity);

impl Recipient {
    /// Reads a file with one line `age1…`; lines that begin with `#` are remarks.
    pub fn parse(text: &str) -> Result<Recipient, EnvelopeError> {
        the_line(text)
            .and_then(|line| line.parse().ok())
            .map(Recipient)
            .ok_or(EnvelopeError::RecipientMustBeOneKey)
    }
}

impl Identity {
    /// Reads a file as `age-keygen` writes it.
    pub fn parse(text: &str) -> Result<Identity, EnvelopeError> {
        the_line(text)
            .and_then(|line| line.parse().ok())
            .map(Identity)
            .ok_or(EnvelopeError::IdentityMustBeOneKey)
    }
}

/// The one line of a key file.
fn the_line(text: &str) -> Option<&str> {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().filter(|_| lines.next().is_none())
}

/// Seals a file. Made twice, the bytes differ: what was sent once is kept, and not made again.
pub fn seal(
    recipient: &Recipient,
    source: &mut dyn Read,
    into: &mut dyn Write,
) -> Result<(), EnvelopeError> {
    let encryptor = Encryptor::with_recipients(iter::once(&recipient.0 as &dyn age::Recipient))
        .map_err(|_| EnvelopeError::RecipientMustBeOneKey)?;
    let mut sealed = encryptor.wrap_output(into).map_err(EnvelopeError::CopyMustBeWritable)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = source.read(&mut buffer).map_err(EnvelopeError::FileMustBeReadable)?;
        if read == 0 {
            break;
        }
        sealed.write_all(&buffer[..read]).map_err(EnvelopeError::CopyMustBeWritable)?;
    }
    sealed.finish().map(|_| ()).map_err(EnvelopeError::CopyMustBeWritable)
}

/// Opens a file that was sealed for us, to its end, and gives its length.
pub fn open(
    identity: &Identity,
    source: impl Read,
    into: &mut dyn Write,
    bytes_max: u64,
) -> Result<u64, EnvelopeError> {
    let mut source = BufReader::with_capacity(COPY_BYTES, source);
    let mut head = vec![0; MAGIC.len()];
    if source.read_exact(&mut head).is_err() || head != MAGIC {
        return Err(EnvelopeError::AnswerMustBeSealed);
    }
    let in_header = Rc::new(Cell::new(true));
    let whole = HeaderLimit {
        inner: MAGIC.chain(source),
        in_header: in_header.clone(),
        left: HEADER_BYTES_MAX,
    };
    let broken = |error: DecryptError| match error {
        DecryptError::NoMatchingKeys => EnvelopeError::AnswerMustBeSealedForUs,
        _ => EnvelopeError::SealMustBeWhole,
    };
    let decryptor = Decryptor::new(whole).map_err(broken)?;
    in_header.set(false);
    let mut opened =
        decryptor.decrypt(iter::once(&identity.0 as &dyn age::Identity)).map_err(broken)?;
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

/// Gives no more than a header's length until the header was read.
struct HeaderLimit<R> {
    inner: R,
    in_header: Rc<Cell<bool>>,
    left: u64,
}

impl<R: Read> Read for HeaderLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.in_header.get() {
            return self.inner.read(buffer);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    #[error(
        "the partner's recipient_file cannot be used: it has one line `age1…`, from the partner"
    )]
    RecipientMustBeOneKey,
    #[error(
        "our identity_file cannot be used: it is what `age-keygen` writes, with one key, and only its owner may read \
         it (chmod 600)"
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
