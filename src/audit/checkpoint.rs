//! Signed checkpoints: how large the log is and what its root is, in the signed-note format.
//!
//! Reads: 32 bytes of a signing key, an origin; notes and verifier keys as text.
//! Gives: C2SP checkpoints (origin, size, root) signed with Ed25519, and the check of them.
//!
//! Formats: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::domain::digest::Digest;

/// The name of one log for ever, such as `payouts.hanoi.example/log`. It is also the name of its
/// key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// C2SP lets an origin be this long where it is cosigned.
const ORIGIN_BYTES_MAX: usize = 255;

impl Origin {
    pub fn parse(text: &str) -> Result<Origin, CheckpointError> {
        let misread = |c: char| c == '+' || c.is_whitespace() || c.is_control();
        if text.is_empty() || text.len() > ORIGIN_BYTES_MAX || text.contains(misread) {
            return Err(CheckpointError::OriginMustBeOneWord);
        }
        Ok(Origin(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A state of the log: so many entries, with this root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    pub origin: Origin,
    pub size: u64,
    pub root: Digest,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.as_bytes()))
    }

    /// Reads the text that is signed. Extension lines, which C2SP advises against, are refused:
    /// this log writes none.
    pub fn parse_body(body: &str) -> Result<Checkpoint, CheckpointError> {
        let malformed = CheckpointError::CheckpointMustHaveThreeLines;
        let lines: Vec<&str> = body.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else { return Err(malformed) };
        let plain = size.bytes().all(|byte| byte.is_ascii_digit())
            && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| plain);
        let root = decode_hash(root);
        match (size, root) {
            (Some(size), Some(root)) => {
                Ok(Checkpoint { origin: Origin::parse(origin)?, size, root })
            }
            _ => Err(malformed),
        }
    }
}

/// Reads the base64 of one hash.
pub(super) fn decode_hash(text: &str) -> Option<Digest> {
    let bytes = if text.len() == 44 { BASE64.decode(text).ok()? } else { return None };
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}

/// Writes the base64 of one hash.
pub(super) fn encode_hash(hash: &Digest) -> String {
    BASE64.encode(hash.as_bytes())
}

/// A checkpoint whose signature was verified, or that we signed. The note is kept as it came,
/// with the signatures of witnesses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    pub fn root(&self) -> &Digest {
        &self.checkpoint.root
    }

    /// The signed note, as it is published.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// Signs the checkpoints of one log.
#[derive(Clone)]
pub struct AuditSigner {
    origin: Origin,
    key: SigningKey,
}

impl AuditSigner {
    /// `seed` is the 32 secret bytes of the log's Ed25519 key.
    pub fn from_seed(origin: Origin, seed: &[u8; 32]) -> AuditSigner {
        AuditSigner { origin, key: SigningKey::from_bytes(seed) }
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn verifier(&self) -> AuditVerifier {
        AuditVerifier { origin: self.origin.clone(), key: self.key.verifying_key() }
    }

    /// Only the log signs, after it has made sure that the checkpoint extends the last one.
    pub(super) fn sign(&self, checkpoint: &Checkpoint) -> SignedCheckpoint {
        let body = checkpoint.body();
        let mut signature = self.verifier().key_id().to_vec();
        signature.extend_from_slice(&self.key.sign(body.as_bytes()).to_bytes());
        let note = format!("{body}\n\u{2014} {} {}\n", self.origin, BASE64.encode(signature));
        SignedCheckpoint { checkpoint: checkpoint.clone(), note }
    }
}

impl fmt::Debug for AuditSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditSigner(of {}, redacted)", self.origin)
    }
}

/// Verifies the checkpoints of one log. Written as a signed-note verifier key:
/// `origin+key id+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct AuditVerifier {
    origin: Origin,
    key: VerifyingKey,
}

/// The number of Ed25519 in signed notes.
const ED25519: u8 = 1;
/// A checkpoint with the signatures of a hundred witnesses is far smaller.
const NOTE_BYTES_MAX: usize = 64 * 1024;

impl AuditVerifier {
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Reads a verifier key, and checks its key id.
    pub fn parse(text: &str) -> Result<AuditVerifier, CheckpointError> {
        let malformed = CheckpointError::VerifierKeyMustBeWellFormed;
        let mut parts = text.trim().splitn(3, '+');
        let (Some(origin), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        let key: [u8; 33] = match BASE64.decode(key).map(TryInto::try_into) {
            Ok(Ok(key)) => key,
            _ => return Err(malformed),
        };
        let [ED25519, key @ ..] = key else { return Err(malformed) };
        let key = VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak());
        let verifier =
            AuditVerifier { origin: Origin::parse(origin)?, key: key.ok_or(malformed.clone())? };
        if hex(&verifier.key_id()) != id {
            return Err(malformed);
        }
        Ok(verifier)
    }

    /// The first four bytes of the hash of name and key, by which a signature finds its key.
    fn key_id(&self) -> [u8; 4] {
        let mut named = format!("{}\n", self.origin).into_bytes();
        named.push(ED25519);
        named.extend_from_slice(self.key.as_bytes());
        let [a, b, c, d, ..] = *Digest::of(&named).as_bytes();
        [a, b, c, d]
    }

    /// Reads a signed checkpoint and checks its signature and its origin. Signatures by others
    /// are kept and not judged.
    pub fn open(&self, note: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
        let malformed = CheckpointError::NoteMustBeWellFormed;
        if note.len() > NOTE_BYTES_MAX {
            return Err(malformed);
        }
        let note = std::str::from_utf8(note).map_err(|_| malformed.clone())?;
        if note.contains(|c: char| c.is_control() && c != '\n') {
            return Err(malformed);
        }
        let (body, signatures) = note.rsplit_once("\n\n").ok_or_else(|| malformed.clone())?;
        let body = format!("{body}\n");
        let signatures = signatures.strip_suffix('\n').ok_or_else(|| malformed.clone())?;
        let mut verified = false;
        for line in signatures.split('\n') {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|line| line.split_once(' '))
                .ok_or_else(|| malformed.clone())?;
            let signature = BASE64.decode(signature).map_err(|_| malformed.clone())?;
            let (id, signature) =
                signature.split_first_chunk::<4>().ok_or_else(|| malformed.clone())?;
            if name != self.origin.as_str() || *id != self.key_id() {
                continue;
            }
            let signature = Signature::from_slice(signature)
                .map_err(|_| CheckpointError::CheckpointSignatureMustVerify)?;
            self.key
                .verify_strict(body.as_bytes(), &signature)
                .map_err(|_| CheckpointError::CheckpointSignatureMustVerify)?;
            verified = true;
        }
        if !verified {
            return Err(CheckpointError::CheckpointMustBeSignedByTheLog(self.origin.clone()));
        }
        let checkpoint = Checkpoint::parse_body(&body)?;
        if checkpoint.origin != self.origin {
            return Err(CheckpointError::CheckpointMustBeOfThisLog {
                expected: self.origin.clone(),
                found: checkpoint.origin,
            });
        }
        Ok(SignedCheckpoint { checkpoint, note: note.to_owned() })
    }
}

impl fmt::Display for AuditVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.origin, hex(&self.key_id()), BASE64.encode(key))
    }
}

impl fmt::Debug for AuditVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the origin of a log is one word of up to 255 bytes, without spaces and plus signs")]
    OriginMustBeOneWord,
    #[error(
        "a verifier key is written origin+key id+base64 of an Ed25519 key, and the id must be the key's"
    )]
    VerifierKeyMustBeWellFormed,
    #[error("the checkpoint is not a signed note")]
    NoteMustBeWellFormed,
    #[error("a checkpoint is three lines: origin, size, root in base64")]
    CheckpointMustHaveThreeLines,
    #[error("the checkpoint has no signature by the key of {0}")]
    CheckpointMustBeSignedByTheLog(Origin),
    #[error("the signature of the checkpoint does not verify: it was altered after it was signed")]
    CheckpointSignatureMustVerify,
    #[error(
        "the checkpoint is of the log {found}, not of {expected}; the last part is the prefix of chitra.toml: put back the one \
             with which this office began"
    )]
    CheckpointMustBeOfThisLog { expected: Origin, found: Origin },
}

impl CheckpointError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            CheckpointError::OriginMustBeOneWord => "T401",
            CheckpointError::VerifierKeyMustBeWellFormed => "T402",
            CheckpointError::NoteMustBeWellFormed => "T403",
            CheckpointError::CheckpointMustHaveThreeLines => "T404",
            CheckpointError::CheckpointMustBeSignedByTheLog(_) => "T405",
            CheckpointError::CheckpointSignatureMustVerify => "T406",
            CheckpointError::CheckpointMustBeOfThisLog { .. } => "T407",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> AuditSigner {
        AuditSigner::from_seed(Origin::parse("payouts.example/log").unwrap(), &[4; 32])
    }

    fn signed() -> String {
        let origin = signer().origin().clone();
        let checkpoint = Checkpoint { origin, size: 109_482, root: Digest::of(b"root") };
        signer().sign(&checkpoint).note().to_owned()
    }

    #[track_caller]
    fn check(note: &str, code: &str) {
        let actual = signer().verifier().open(note.as_bytes());
        assert_eq!(actual.map_or_else(|error| error.code(), |_| "ok"), code, "{note}");
    }

    #[test]
    fn an_edited_checkpoint_is_refused() {
        let note = signed();
        check(&note, "ok");
        check(&note.replace("109482", "109483"), "T406");
        check(&note.replace("payouts.example/log\n1", "payouts.example/other\n1"), "T406");
        check(&format!("{note}\u{2014} witness.example AAAAAAAA\n"), "ok");
        check(&format!("{note}\u{2014} witness.example !\n"), "T403");
        check(&note.replace("\u{2014} payouts", "\u{2014} others"), "T405");
        check(&note.replace("\n\n", "\n"), "T403");
        check(note.trim_end(), "T403");
        check(&note.replace("109482\n", "109482\r\n"), "T403");
        check("", "T403");
        check(&"x\n".repeat(40_000), "T403");
    }

    #[test]
    fn a_checkpoint_is_three_lines_in_one_spelling() {
        let root = BASE64.encode([7; 32]);
        for (body, expected) in [
            (format!("o\n0\n{root}\n"), "ok"),
            (format!("o\n18446744073709551615\n{root}\n"), "ok"),
            (format!("o\n18446744073709551616\n{root}\n"), "T404"),
            (format!("o\n01\n{root}\n"), "T404"),
            (format!("o\n+1\n{root}\n"), "T404"),
            (format!("o\n1\n{root}"), "T404"),
            (format!("o\n1\n{root}\nextension\n"), "T404"),
            (format!("o\n1\n{}\n", &root[4..]), "T404"),
            (format!("\n1\n{root}\n"), "T401"),
            (format!("a b\n1\n{root}\n"), "T401"),
        ] {
            let parsed = Checkpoint::parse_body(&body);
            if let Ok(checkpoint) = &parsed {
                assert_eq!(checkpoint.body(), body);
            }
            assert_eq!(parsed.map_or_else(|error| error.code(), |_| "ok"), expected, "{body}");
        }
    }

    #[test]
    fn a_verifier_key_travels_as_text() {
        let verifier = signer().verifier();
        let text = verifier.to_string();
        assert_eq!(AuditVerifier::parse(&format!("{text}\n")), Ok(verifier));
        let other_origin = text.replace("payouts", "others");
        for broken in ["", "a+b", &text[..text.len() - 4], &other_origin, "a+00000000+AAAA"] {
            assert!(AuditVerifier::parse(broken).is_err(), "{broken}");
        }
        assert!(!format!("{:?}", signer()).contains("4, 4"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_opening_panic(note: Vec<u8>, text in "\\PC{0,80}") {
            let verifier = signer().verifier();
            proptest::prop_assert!(verifier.open(&note).is_err());
            proptest::prop_assert!(verifier.open(text.as_bytes()).is_err());
            proptest::prop_assert!(AuditVerifier::parse(&text).is_err());
            let _ = Checkpoint::parse_body(&text);
        }

        #[test]
        fn one_changed_byte_is_refused(at: proptest::sample::Index, to in b' '..b'~') {
            let mut note = signed().into_bytes();
            let at = at.index(note.len());
            proptest::prop_assume!(note[at] != to);
            note[at] = to;
            proptest::prop_assert!(signer().verifier().open(&note).is_err());
        }
    }
}
