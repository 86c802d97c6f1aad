//! The signature of a file, in a file of its own beside it: OpenPGP (RFC 9580), detached and binary.
//!
//! Reads: a file as a stream, and a key. Gives: the signature to send with it, or whether one that came with it
//! is by the partner's key and over these bytes.

use std::io::{self, Read};
use std::time::SystemTime;

use jiff::civil::Date;
use pgp::composed::{Deserializable as _, DetachedSignature, SubpacketConfig};
use pgp::packet::{Signature, Subpacket, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, Password, SigningKey, Timestamp};
use rand_core::OsRng;

use super::openpgp_keys::{Certificate, Part, SecretKey, SigningPart};

/// What the name of a signature that we send ends with, after the whole name of its file.
pub const SUFFIX: &str = ".sig";
/// How partners name theirs.
pub const SUFFIXES: [&str; 2] = [SUFFIX, ".asc"];
/// A signature has some hundred bytes; several of them, in letters, a few thousand.
pub const BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error(
        "our ours_file cannot be used: it is one secret key of OpenPGP without a passphrase, with a part that signs, \
         neither expired nor revoked, and only its owner may read it (chmod 600)"
    )]
    OurKeyMustSign,
    #[error(
        "the partner's theirs_file cannot be used: it is one public key of OpenPGP with a part that signs, neither \
         expired nor revoked; ask the partner for it"
    )]
    TheirKeyMustSign,
    #[error(
        "its signature is not there (NAME.sig or NAME.asc beside it), and the agreement says that answers are signed; \
         nothing of it was applied; it is looked for again at the next collection"
    )]
    AnswerMustBeSigned,
    #[error(
        "its signature is not by the partner's key, or the file was changed after it was signed; nothing of it was \
         applied; have it sent again"
    )]
    SignatureMustHold,
    #[error("what is to be signed or compared cannot be read: {0}")]
    FileMustBeReadable(io::Error),
}

impl SignatureError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            SignatureError::OurKeyMustSign => "N171",
            SignatureError::TheirKeyMustSign => "N172",
            SignatureError::AnswerMustBeSigned => "N173",
            SignatureError::SignatureMustHold => "N174",
            SignatureError::FileMustBeReadable(_) => "N175",
        }
    }
}

/// Signs a file. Made twice, the bytes may differ: what was sent once is kept, and not made again.
///
/// # Errors
/// N171 when the key cannot sign on this day, N175 when the file cannot be read.
pub fn sign(
    key: &SecretKey,
    today: Date,
    now: SystemTime,
    source: &mut dyn Read,
) -> Result<Vec<u8>, SignatureError> {
    let part = key.signing(today).ok_or(SignatureError::OurKeyMustSign)?;
    let signature = match part {
        SigningPart::Primary(key) => signed(key, now, source),
        SigningPart::Sub(key) => signed(key, now, source),
    }?;
    signature.to_bytes().map_err(|_| SignatureError::OurKeyMustSign)
}

fn signed(
    key: &impl SigningKey,
    now: SystemTime,
    source: &mut dyn Read,
) -> Result<DetachedSignature, SignatureError> {
    let unusable = |_| SignatureError::OurKeyMustSign;
    let made = Timestamp::try_from(now).map_err(|_| SignatureError::OurKeyMustSign)?;
    let hashed = [
        SubpacketData::SignatureCreationTime(made),
        SubpacketData::IssuerFingerprint(key.fingerprint()),
    ];
    let unhashed = [SubpacketData::IssuerKeyId(key.legacy_key_id())];
    let all = |data: Vec<SubpacketData>| {
        data.into_iter().map(Subpacket::regular).collect::<Result<Vec<_>, _>>()
    };
    let subpackets = SubpacketConfig::UserDefined {
        hashed: all(hashed.into()).map_err(unusable)?,
        unhashed: all(unhashed.into()).map_err(unusable)?,
    };
    let hash = key.hash_alg();
    DetachedSignature::sign_binary_data_with_subpackets(
        OsRng,
        key,
        &Password::empty(),
        hash,
        source,
        subpackets,
    )
    .map_err(|error| SignatureError::FileMustBeReadable(io::Error::other(error)))
}

/// Proves that a signature is by the partner's key, on this day, and over these bytes. `open` gives the file from
/// its beginning.
///
/// # Errors
/// N172 when the key cannot be used, N174 when no signature holds, N175 when the file cannot be read.
pub fn verify<R: Read>(
    certificate: &Certificate,
    today: Date,
    signature: &[u8],
    open: impl Fn() -> io::Result<R>,
) -> Result<(), SignatureError> {
    let parts = certificate.signing(today);
    if parts.is_empty() {
        return Err(SignatureError::TheirKeyMustSign);
    }
    let Ok((found, _)) = DetachedSignature::from_reader_many(signature) else {
        return Err(SignatureError::SignatureMustHold);
    };
    // Of hundreds of signatures in one file none is the partner's.
    for one in found.take(8).flatten() {
        let signature = &one.signature;
        for part in parts.iter().filter(|part| is_by(signature, part)) {
            let source = open().map_err(SignatureError::FileMustBeReadable)?;
            let holds = match part {
                Part::Primary(key) => signature.verify(key, source),
                Part::Sub(key) => signature.verify(key, source),
            };
            if holds.is_ok() {
                return Ok(());
            }
        }
    }
    Err(SignatureError::SignatureMustHold)
}

/// Whether a signature says that it was made with a part. One that says nothing is none.
fn is_by(signature: &Signature, part: &Part<'_>) -> bool {
    let (fingerprint, id) = match part {
        Part::Primary(key) => (key.fingerprint(), key.legacy_key_id()),
        Part::Sub(key) => (key.fingerprint(), key.legacy_key_id()),
    };
    signature.issuer_fingerprint().into_iter().any(|one| *one == fingerprint)
        || signature.issuer_key_id().into_iter().any(|one| *one == id)
}
