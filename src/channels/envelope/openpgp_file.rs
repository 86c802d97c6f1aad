//! Files sealed as a message of OpenPGP: encrypted with AES-256 and a code over the whole (SEIPD version 1),
//! which every program of the standard reads.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::sync::atomic::Ordering;

use jiff::civil::Date;
use pgp::composed::{DecryptionOptions, Message, MessageBuilder, TheRing};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::types::{Password, Seipdv1ReadMode};
use rand_core::OsRng;

use super::super::openpgp_keys::{Certificate, Part, SecretKey};
use super::head::Head;
use super::{COPY_BYTES, EnvelopeError, copied};

/// What precedes the contents: for whom they are sealed.
const HEAD_BYTES_MAX: u64 = 256 * 1024;
/// Programs compress once, and sign inside; more layers are no file of a partner.
const LAYERS_MAX: usize = 4;

pub fn seal(
    certificate: &Certificate,
    today: Date,
    source: &mut dyn Read,
    into: &mut dyn Write,
) -> Result<(), EnvelopeError> {
    let unusable = |_| EnvelopeError::RecipientMustBeOneKey;
    let part = certificate.encryption(today).ok_or(EnvelopeError::RecipientMustBeOneKey)?;
    let mut source = Noted { inner: source, failed: None };
    let mut message =
        MessageBuilder::from_reader("", &mut source).seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
    match part {
        Part::Primary(key) => message.encrypt_to_key(OsRng, key).map(|_| ()),
        Part::Sub(key) => message.encrypt_to_key(OsRng, key).map(|_| ()),
    }
    .map_err(unusable)?;
    let sealed = message.to_writer(OsRng, into);
    match (sealed, source.failed) {
        (_, Some(error)) => Err(EnvelopeError::FileMustBeReadable(error)),
        (Err(error), None) => Err(EnvelopeError::CopyMustBeWritable(io::Error::other(error))),
        (Ok(()), None) => Ok(()),
    }
}

/// Opens a message to its end. The code over the whole is proved there; until then nobody looks at what
/// was written.
pub fn open(
    key: &SecretKey,
    source: impl Read + Send,
    into: &mut dyn Write,
    bytes_max: u64,
) -> Result<u64, EnvelopeError> {
    let (source, head_is_read) = Head::of(source, HEAD_BYTES_MAX);
    let source = BufReader::with_capacity(COPY_BYTES, source);
    let (message, _) =
        Message::from_reader(source).map_err(|_| EnvelopeError::AnswerMustBeSealed)?;
    if !message.is_encrypted() {
        return Err(EnvelopeError::AnswerMustBeSealed);
    }
    head_is_read.store(true, Ordering::Relaxed);
    let without = Password::empty();
    let ring = TheRing {
        secret_keys: vec![&key.secret],
        key_passwords: vec![&without],
        decrypt_options: DecryptionOptions::new()
            .enable_gnupg_aead()
            .set_seipdv1_read_mode(Seipdv1ReadMode::Streaming),
        ..TheRing::default()
    };
    let (mut message, _) = message.decrypt_the_ring(ring, true).map_err(|error| match error {
        pgp::errors::Error::MissingKey => EnvelopeError::AnswerMustBeSealedForUs,
        _ => EnvelopeError::SealMustBeWhole,
    })?;
    let mut layers = 0;
    while message.is_compressed() {
        layers += 1;
        if layers > LAYERS_MAX {
            return Err(EnvelopeError::SealMustBeWhole);
        }
        message = message.decompress().map_err(|_| EnvelopeError::SealMustBeWhole)?;
    }
    if message.is_encrypted() {
        return Err(EnvelopeError::SealMustBeWhole);
    }
    copied(&mut message, into, bytes_max)
}

/// Remembers why reading failed: the library tells reading and writing alike.
struct Noted<'a> {
    inner: &'a mut dyn Read,
    failed: Option<io::Error>,
}

impl Read for Noted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let told = io::Error::from(error.kind());
            self.failed = Some(error);
            told
        })
    }
}

impl fmt::Debug for Noted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Noted")
    }
}
