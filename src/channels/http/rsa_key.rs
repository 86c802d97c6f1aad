//! RSA keys by which requests and callbacks are signed, as partners and `openssl` write them: PEM or DER.
//!
//! Reads: the file of a key. Gives: a key that signs, or the public half as the verifier takes it; or why not.

use std::path::Path;

use ring::rsa::KeyPair;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use spki::SubjectPublicKeyInfoRef;
use spki::der::Decode as _;
use zeroize::Zeroizing;

use crate::channels::Reason;

/// Our private key: PKCS#8 or PKCS#1.
pub(super) fn private(path: &Path) -> Result<KeyPair, Reason> {
    let file = Zeroizing::new(read(path)?);
    let pair = match is_pem(&file) {
        true => match PrivateKeyDer::from_pem_slice(&file) {
            Ok(PrivateKeyDer::Pkcs8(key)) => KeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
            Ok(PrivateKeyDer::Pkcs1(key)) => KeyPair::from_der(key.secret_pkcs1_der()).ok(),
            _ => None,
        },
        false => KeyPair::from_pkcs8(&file).or_else(|_| KeyPair::from_der(&file)).ok(),
    };
    pair.ok_or_else(|| {
        Reason::new(
            "signing_key_must_be_usable",
            format!(
                "the signing key {} is no private RSA key of 2048 to 4096 bits without a passphrase; make one with: \
                 openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out FILE",
                path.display()
            ),
        )
    })
}

/// The public half of a partner's key, as PKCS#1 in DER. The file has it so, or within a
/// SubjectPublicKeyInfo (RFC 5280 section 4.1).
pub(super) fn public(path: &Path) -> Result<Vec<u8>, Reason> {
    let file = read(path)?;
    let key = match is_pem(&file) {
        true => SubjectPublicKeyInfoDer::from_pem_slice(&file).ok().and_then(|key| inner(&key)),
        // Whatever is no SubjectPublicKeyInfo is taken for the key itself, and holds no signature when it is none.
        false => inner(&file).or(Some(file)),
    };
    key.ok_or_else(|| {
        Reason::new(
            "signing_key_must_be_usable",
            format!(
                "the partner's key {} is no public RSA key; ask the partner for it as PEM (BEGIN PUBLIC KEY), which \
                 openssl rsa -pubout writes",
                path.display()
            ),
        )
    })
}

fn inner(der: &[u8]) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    key.subject_public_key.as_bytes().map(<[u8]>::to_vec)
}

fn is_pem(file: &[u8]) -> bool {
    file.trim_ascii_start().starts_with(b"-----BEGIN")
}

fn read(path: &Path) -> Result<Vec<u8>, Reason> {
    std::fs::read(path).map_err(|error| {
        Reason::new(
            "secret_must_be_readable",
            format!(
                "the key {} cannot be read ({error}); put it there, readable by this user alone",
                path.display()
            ),
        )
    })
}
