//! Officers' signatures: who submitted, approved and released which list.
//!
//! Reads: a digest, a key, and what the signature is for.
//! Gives: Ed25519 signatures that verify for one digest and one purpose only, in the text forms
//! that are printed on a digest sheet and carried back.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::digest::Digest;

/// What a signature is given for. The words are signed together with the digest, so that a
/// signature for one act cannot serve as another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// The maker hands the list over to the approvers.
    ListSubmission,
    /// An approver agrees to the list and its files.
    ListApproval,
    /// The treasury or chief accountant lets the files go.
    ListRelease,
    /// Lines are taken out of a sealed list before they are sent.
    StopAnnex,
    /// A pack, rate, format, profile, calendar, threshold, destination or role is changed.
    ConfigurationChange,
    /// A halt on a provider, a cycle or everything is lifted.
    HaltLifting,
    /// An unknown outcome is decided by two people.
    OutcomeDecision,
    /// Anything else that an officer does and the log keeps: opening, closing, deciding a hold.
    OfficerAct,
}

impl Purpose {
    pub const ALL: [Purpose; 8] = [
        Purpose::ListSubmission,
        Purpose::ListApproval,
        Purpose::ListRelease,
        Purpose::StopAnnex,
        Purpose::ConfigurationChange,
        Purpose::HaltLifting,
        Purpose::OutcomeDecision,
        Purpose::OfficerAct,
    ];

    /// The words that are signed. They never change: an old signature must still verify.
    pub fn context(self) -> &'static str {
        match self {
            Purpose::ListSubmission => "chitra list submission v1",
            Purpose::ListApproval => "chitra list approval v1",
            Purpose::ListRelease => "chitra list release v1",
            Purpose::StopAnnex => "chitra stop annex v1",
            Purpose::ConfigurationChange => "chitra configuration change v1",
            Purpose::HaltLifting => "chitra halt lifting v1",
            Purpose::OutcomeDecision => "chitra outcome decision v1",
            Purpose::OfficerAct => "chitra officer act v1",
        }
    }

    /// Context, a zero byte, the 32 bytes of the digest. The context has no zero byte, so the
    /// boundary is where it seems.
    fn message(self, digest: &Digest) -> Vec<u8> {
        let mut message = self.context().as_bytes().to_vec();
        message.push(0);
        message.extend_from_slice(digest.as_bytes());
        message
    }
}

/// An officer's private key. It lives off the server where that is possible.
pub struct OfficerKey(SigningKey);

impl OfficerKey {
    /// `seed` is 32 secret bytes, wiped by the library when the key is dropped.
    pub fn from_seed(seed: &[u8; 32]) -> OfficerKey {
        OfficerKey(SigningKey::from_bytes(seed))
    }

    pub fn public(&self) -> OfficerPublicKey {
        OfficerPublicKey(self.0.verifying_key())
    }

    pub fn sign(&self, purpose: Purpose, digest: &Digest) -> OfficerSignature {
        OfficerSignature(self.0.sign(&purpose.message(digest)).to_bytes())
    }
}

impl fmt::Debug for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfficerKey(of {}, redacted)", self.public())
    }
}

/// What verifies an officer's signatures. Written in base64, 44 characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfficerPublicKey(VerifyingKey);

impl OfficerPublicKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<OfficerPublicKey, SignatureError> {
        let key =
            VerifyingKey::from_bytes(bytes).map_err(|_| SignatureError::KeyMustBeACurvePoint)?;
        // A key of small order verifies signatures that nobody made.
        if key.is_weak() {
            return Err(SignatureError::KeyMustBeACurvePoint);
        }
        Ok(OfficerPublicKey(key))
    }

    pub fn parse(base64: &str) -> Result<OfficerPublicKey, SignatureError> {
        let bytes = decode::<32>(base64).ok_or(SignatureError::KeyMustBe32BytesOfBase64)?;
        OfficerPublicKey::from_bytes(&bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Verifies by the strict rules, under which one signature has one form.
    pub fn verify(
        &self,
        purpose: Purpose,
        digest: &Digest,
        signature: &OfficerSignature,
    ) -> Result<(), SignatureError> {
        self.0
            .verify_strict(&purpose.message(digest), &Signature::from_bytes(&signature.0))
            .map_err(|_| SignatureError::SignatureMustVerify { purpose, digest: *digest })
    }
}

impl fmt::Display for OfficerPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.as_bytes()))
    }
}

impl fmt::Debug for OfficerPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A signature, not yet verified. Written in base64, 88 characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfficerSignature([u8; 64]);

impl OfficerSignature {
    pub const fn from_bytes(bytes: [u8; 64]) -> OfficerSignature {
        OfficerSignature(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    pub fn parse(base64: &str) -> Result<OfficerSignature, SignatureError> {
        decode(base64).map(OfficerSignature).ok_or(SignatureError::SignatureMustBe64BytesOfBase64)
    }
}

impl fmt::Display for OfficerSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for OfficerSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Decodes base64 of exactly `N` bytes. A text that is carried on paper or by mail gains spaces
/// and line ends at its edges, which are forgiven; inside it nothing is.
fn decode<const N: usize>(base64: &str) -> Option<[u8; N]> {
    let text = base64.trim();
    if text.len() > N * 2 {
        return None;
    }
    BASE64.decode(text).ok()?.try_into().ok()
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("an officer's public key is 32 bytes in base64, 44 characters")]
    KeyMustBe32BytesOfBase64,
    #[error("the key is not a usable Ed25519 public key")]
    KeyMustBeACurvePoint,
    #[error("a signature is 64 bytes in base64, 88 characters")]
    SignatureMustBe64BytesOfBase64,
    #[error("the signature does not verify as a {} of {digest}: another list, another act or another key was signed", .purpose.context())]
    SignatureMustVerify { purpose: Purpose, digest: Digest },
}

impl SignatureError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            SignatureError::KeyMustBe32BytesOfBase64 => "K101",
            SignatureError::KeyMustBeACurvePoint => "K102",
            SignatureError::SignatureMustBe64BytesOfBase64 => "K103",
            SignatureError::SignatureMustVerify { .. } => "K104",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: fmt::Debug>(actual: Result<T, SignatureError>, code: &str) {
        assert_eq!(actual.unwrap_err().code(), code);
    }

    #[test]
    fn a_signature_verifies_for_its_key_its_digest_and_its_purpose_only() {
        let (approver, other) = (OfficerKey::from_seed(&[1; 32]), OfficerKey::from_seed(&[2; 32]));
        let (list, changed) = (Digest::of(b"list"), Digest::of(b"list, one line changed"));
        let signature = approver.sign(Purpose::ListApproval, &list);
        approver.public().verify(Purpose::ListApproval, &list, &signature).unwrap();

        let refused = |key: &OfficerKey, purpose, digest| {
            check(key.public().verify(purpose, digest, &signature), "K104")
        };
        refused(&other, Purpose::ListApproval, &list);
        refused(&approver, Purpose::ListApproval, &changed);
        for purpose in Purpose::ALL {
            if purpose != Purpose::ListApproval {
                refused(&approver, purpose, &list);
            }
        }
    }

    #[test]
    fn contexts_are_distinct_and_have_no_zero_byte() {
        let contexts: std::collections::BTreeSet<_> =
            Purpose::ALL.iter().map(|purpose| purpose.context()).collect();
        assert_eq!(contexts.len(), Purpose::ALL.len());
        assert!(contexts.iter().all(|context| !context.contains('\0')));
    }

    #[test]
    fn keys_and_signatures_travel_as_text() {
        let key = OfficerKey::from_seed(&[3; 32]);
        let signature = key.sign(Purpose::ListRelease, &Digest::of(b"x"));
        assert_eq!(OfficerSignature::parse(&format!(" {signature}\r\n")), Ok(signature));
        assert_eq!(OfficerPublicKey::parse(&key.public().to_string()), Ok(key.public()));

        check(OfficerSignature::parse(""), "K103");
        check(OfficerSignature::parse("AAAA"), "K103");
        check(OfficerSignature::parse(&"A".repeat(10_000)), "K103");
        check(OfficerPublicKey::parse("not base64"), "K101");
        // The point of order one, for which anybody can write a signature that verifies.
        let mut small_order = [0; 32];
        small_order[0] = 1;
        check(OfficerPublicKey::from_bytes(&small_order), "K102");
    }

    #[test]
    fn a_private_key_does_not_show_itself() {
        let key = OfficerKey::from_seed(&[0xab; 32]);
        let shown = format!("{key:?}");
        assert!(shown.contains("redacted"), "{shown}");
        assert!(!shown.contains(&BASE64.encode([0xab; 32])) && !shown.contains("abab"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,100}") {
            let _ = (OfficerPublicKey::parse(&text), OfficerSignature::parse(&text));
        }

        #[test]
        fn no_bytes_make_verifying_panic(key: [u8; 32], low: [u8; 32], high: [u8; 32]) {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&low);
            bytes[32..].copy_from_slice(&high);
            if let Ok(key) = OfficerPublicKey::from_bytes(&key) {
                let signature = OfficerSignature::from_bytes(bytes);
                let verified = key.verify(Purpose::ListApproval, &Digest::of(b"x"), &signature);
                proptest::prop_assert!(verified.is_err());
            }
        }
    }
}
