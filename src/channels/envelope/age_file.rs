//! Files sealed in the format of age.

use std::io::{BufReader, Read, Write};
use std::iter;
use std::sync::atomic::Ordering;

use age::{DecryptError, Decryptor, Encryptor, x25519};

use super::head::Head;
use super::{COPY_BYTES, EnvelopeError, copied};

const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// The library parses a header anew at each byte, so that a longer one would cost the square of its length.
const HEADER_BYTES_MAX: u64 = 4 * 1024;

pub struct Recipient(x25519::Recipient);

pub struct Identity(x25519::Identity);

pub fn recipient(file: &[u8]) -> Option<Recipient> {
    the_line(file).and_then(|line| line.parse().ok()).map(Recipient)
}

pub fn identity(file: &[u8]) -> Option<Identity> {
    the_line(file).and_then(|line| line.parse().ok()).map(Identity)
}

/// The one line of a key file.
fn the_line(file: &[u8]) -> Option<&str> {
    let text = str::from_utf8(file).ok()?;
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().filter(|_| lines.next().is_none())
}

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
    let (whole, head_is_read) = Head::of(MAGIC.chain(source), HEADER_BYTES_MAX);
    let broken = |error: DecryptError| match error {
        DecryptError::NoMatchingKeys => EnvelopeError::AnswerMustBeSealedForUs,
        _ => EnvelopeError::SealMustBeWhole,
    };
    let decryptor = Decryptor::new(whole).map_err(broken)?;
    head_is_read.store(true, Ordering::Relaxed);
    let mut opened =
        decryptor.decrypt(iter::once(&identity.0 as &dyn age::Identity)).map_err(broken)?;
    copied(&mut opened, into, bytes_max)
}
