//! Signatures of requests: HMAC-SHA256 or RSA-SHA256 over one canonical text.
//!
//! ```text
//! POST
//! /transactions/type/disbursement
//! 2026-11-02T01:00:00Z
//! AB010000DP00000619
//! <SHA-256 of the body, hexadecimal>
//! ```
//!
//! The path is the one below `base_url`. Where no header carries a key, its line is empty.

use std::path::PathBuf;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime;
use ring::{hmac, rand, rsa};

use super::rsa_key;
use super::secret::Secret;
use crate::channels::Reason;
use crate::domain::digest::Digest;

/// How requests are signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signing {
    /// HMAC-SHA256 with a secret that both hold.
    Hmac { secret_file: PathBuf, header: String },
    /// RSA PKCS#1 v1.5 with SHA-256 and our private key.
    Rsa { key_file: PathBuf, header: String },
}

/// The header with the moment that is signed.
pub const DATE_HEADER: &str = "X-Date";

/// The text that is signed.
pub fn canonical_request(method: &str, path: &str, at: &str, key: &str, body: &[u8]) -> String {
    format!("{method}\n{path}\n{at}\n{key}\n{}", Digest::of(body))
}

impl Signing {
    /// The header with the signature.
    pub fn header(&self) -> &str {
        let (Signing::Hmac { header, .. } | Signing::Rsa { header, .. }) = self;
        header
    }
}

/// Signs a canonical text: with the secret that both hold, or with our RSA key. Base 64.
pub fn sign(signing: &Signing, canonical: &str) -> Result<String, Reason> {
    match signing {
        Signing::Hmac { secret_file, .. } => {
            Ok(sign_hmac(&Secret::of_file(secret_file)?, canonical))
        }
        Signing::Rsa { key_file, .. } => sign_rsa(&rsa_key::private(key_file)?, canonical),
    }
}

/// Checks what a partner has signed: with the secret that both hold, or with its RSA key, of which the
/// file has the public half.
pub fn verify(signing: &Signing, canonical: &str, signature: &str) -> Result<bool, Reason> {
    match signing {
        Signing::Hmac { secret_file, .. } => {
            Ok(verify_hmac(&Secret::of_file(secret_file)?, canonical, signature))
        }
        Signing::Rsa { key_file, .. } => {
            let method = &ring::signature::RSA_PKCS1_2048_8192_SHA256;
            let key = ring::signature::UnparsedPublicKey::new(method, rsa_key::public(key_file)?);
            Ok(STANDARD
                .decode(signature.trim())
                .is_ok_and(|signature| key.verify(canonical.as_bytes(), &signature).is_ok()))
        }
    }
}

/// Checks a signature in constant time.
pub fn verify_hmac(secret: &Secret, canonical: &str, signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    STANDARD
        .decode(signature.trim())
        .is_ok_and(|signature| hmac::verify(&key, canonical.as_bytes(), &signature).is_ok())
}

#[derive(Clone)]
pub(super) struct Signer {
    signing: Signing,
}

impl Signer {
    pub fn new(signing: Signing) -> Signer {
        Signer { signing }
    }

    /// The headers of one request.
    pub fn headers(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: &[u8],
    ) -> Result<[(String, String); 2], Reason> {
        let at = moment();
        let signature = sign(&self.signing, &canonical_request(method, path, &at, key, body))?;
        Ok([(DATE_HEADER.to_owned(), at), (self.signing.header().to_owned(), signature)])
    }
}

pub fn sign_hmac(secret: &Secret, canonical: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    STANDARD.encode(hmac::sign(&key, canonical.as_bytes()))
}

fn sign_rsa(key: &rsa::KeyPair, canonical: &str) -> Result<String, Reason> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &ring::signature::RSA_PKCS1_SHA256,
        &rand::SystemRandom::new(),
        canonical.as_bytes(),
        &mut signature,
    )
    .map_err(|_| Reason::new("signing_key_must_be_usable", "the signing key does not sign"))?;
    Ok(STANDARD.encode(signature))
}

/// The machine's present moment; partners refuse what is stale by their own clock.
fn moment() -> String {
    format!("{}Z", utc(SystemTime::now()))
}

/// A moment in UTC, to the second.
pub fn utc(moment: SystemTime) -> DateTime {
    let seconds = moment.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |past| past.as_secs());
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
    epoch.checked_add(span).unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_request_alone() {
        let path = std::env::temp_dir().join(format!("chitra-hmac-{}", std::process::id()));
        std::fs::write(&path, "secret").unwrap();
        let secret = Secret::of_file(&path).unwrap();
        let signing = Signing::Hmac { secret_file: path.clone(), header: "X-Signature".to_owned() };
        let [(_, at), (header, signature)] =
            Signer::new(signing).headers("POST", "/pay", "K1", b"{}").unwrap();
        assert_eq!(header, "X-Signature");
        let right = canonical_request("POST", "/pay", &at, "K1", b"{}");
        assert!(verify_hmac(&secret, &right, &signature));
        for wrong in [
            canonical_request("PUT", "/pay", &at, "K1", b"{}"),
            canonical_request("POST", "/other", &at, "K1", b"{}"),
            canonical_request("POST", "/pay", &at, "K2", b"{}"),
            canonical_request("POST", "/pay", &at, "K1", b"{ }"),
        ] {
            assert!(!verify_hmac(&secret, &wrong, &signature), "{wrong}");
        }
        assert!(!verify_hmac(&secret, &right, "no base64"));
        std::fs::write(&path, "another").unwrap();
        assert!(!verify_hmac(&Secret::of_file(&path).unwrap(), &right, &signature));
        std::fs::remove_file(&path).unwrap();
    }
}
