//! Sealed values: how national ids, accounts, phones and health facts rest in the store, and how
//! they can still be looked up.
//!
//! Reads: one office master key, values and the place where each value lives.
//! Gives: sealed bytes (authenticated encryption), keyed indexes, and the salts of commitments.
//!
//! Everything here is deterministic: the same value sealed for the same place gives the same bytes.
//! That needs no source of randomness, it makes a repeated run byte-identical, and a broken random
//! generator cannot break it. The nonce is a keyed hash of the place and the value, so two
//! different values can share a nonce only if that hash collides at 192 bits. What it gives away is
//! equality within one context, and length: whoever can read the store sees that two sealed values
//! of the same context are the same value. A context that names the row as well as the column gives
//! away nothing of the kind, and also keeps a sealed value from being moved to another row.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The master key of one office: 32 bytes from a file or an environment, from which every other
/// symmetric key is derived. Losing it is losing every sealed value.
pub struct OfficeKey(Secret);

impl OfficeKey {
    pub fn from_bytes(bytes: [u8; 32]) -> OfficeKey {
        OfficeKey(Secret::new(bytes))
    }

    /// The key that seals values of one purpose, such as `registry` or `archive`. Keys of
    /// different purposes cannot open each other's values.
    pub fn sealing(&self, purpose: &str) -> SealingKey {
        SealingKey::from_bytes(self.derive("sealing", purpose))
    }

    pub fn blind(&self) -> BlindKey {
        BlindKey(Secret::new(self.derive("blind index", "")))
    }

    pub fn commitments(&self) -> CommitmentKey {
        CommitmentKey(Secret::new(self.derive("commitment salts", "")))
    }

    /// A seed for something that takes 32 bytes, such as the log's signer when an office keeps
    /// no separate key for it.
    pub fn seed(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.derive("seed", purpose))
    }

    fn derive(&self, family: &str, purpose: &str) -> [u8; 32] {
        self.0.mac(&[b"chitra key v1", family.as_bytes(), purpose.as_bytes()])
    }
}

impl fmt::Debug for OfficeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfficeKey(redacted)")
    }
}

/// Seals and opens values: XChaCha20-Poly1305 with a synthetic nonce.
pub struct SealingKey {
    cipher: XChaCha20Poly1305,
    nonce: Secret,
}

/// The first byte of every sealed value, so that another construction can follow this one.
const SEALED_FORM: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// How many bytes a sealed value is longer than its plaintext.
pub const SEALED_OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;

impl SealingKey {
    pub fn from_bytes(bytes: [u8; 32]) -> SealingKey {
        let root = Secret::new(bytes);
        let encryption = Zeroizing::new(root.mac(&[b"chitra sealing v1", b"encryption"]));
        let cipher = XChaCha20Poly1305::new((&*encryption).into());
        SealingKey { cipher, nonce: Secret::new(root.mac(&[b"chitra sealing v1", b"nonce"])) }
    }

    /// Seals a value for one place. `context` says which place (column, row, what the value
    /// means); it is not stored, and opening needs the same one.
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mac = self.nonce.mac(&[context, plaintext]);
        let nonce: [u8; NONCE_BYTES] =
            mac[..NONCE_BYTES].try_into().expect("a MAC has 32 bytes, of which 24 are taken");
        let associated = associated(context);
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: &associated })
            .expect("the cipher takes up to 256 GiB, and a value is held in memory");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(SEALED_FORM);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens a sealed value, or says that it is not whole, not ours, or not from this place.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        let (form, rest) = sealed.split_first().ok_or(SealedError::SealedValueMustBeWhole)?;
        if *form != SEALED_FORM {
            return Err(SealedError::SealedFormMustBeKnown(*form));
        }
        let (nonce, ciphertext) =
            rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealedError::SealedValueMustBeWhole)?;
        if ciphertext.len() < TAG_BYTES {
            return Err(SealedError::SealedValueMustBeWhole);
        }
        let associated = associated(context);
        self.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &associated })
            .map(Zeroizing::new)
            .map_err(|_| SealedError::SealMustBeUnbroken)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

/// What the tag covers beside the ciphertext.
fn associated(context: &[u8]) -> Vec<u8> {
    let mut associated = vec![SEALED_FORM];
    associated.extend_from_slice(context);
    associated
}

/// Makes the keyed index by which a sealed value is looked up.
///
/// National ids have few enough values to try them all, so an unkeyed hash would hide nothing.
pub struct BlindKey(Secret);

impl BlindKey {
    /// The index of one value. `kind` keeps families apart (`national_id`, `account`, `phone`): the
    /// same digits as an id and as an account have different indexes. The caller normalises the
    /// value first: two spellings have two indexes.
    pub fn blind(&self, kind: &str, value: &str) -> BlindIndex {
        let mac = self.0.mac(&[kind.as_bytes(), value.as_bytes()]);
        BlindIndex(mac[..16].try_into().expect("a MAC has 32 bytes, of which 16 are taken"))
    }
}

impl fmt::Debug for BlindKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindKey(redacted)")
    }
}

/// A keyed index: equal values have equal indexes, and nobody without the key can tell which value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlindIndex([u8; 16]);

impl BlindIndex {
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub const fn from_bytes(bytes: [u8; 16]) -> BlindIndex {
        BlindIndex(bytes)
    }

    /// The first eight bytes, for a place that wants one number. Among ten million values two
    /// share a number with a chance of about three in a million, so it may narrow a search but
    /// never decide that two values are one.
    pub fn as_u64(&self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("the index has 16 bytes"))
    }
}

/// Makes the salts of the commitments in the log. An office that keeps this key can open any
/// commitment to an auditor; without the salt a commitment gives nothing away.
pub struct CommitmentKey(Secret);

impl CommitmentKey {
    /// The salt of one commitment. The parts name the place: event, leaf, field.
    pub fn salt(&self, place: &[&str]) -> [u8; 32] {
        let parts: Vec<&[u8]> = place.iter().map(|part| part.as_bytes()).collect();
        self.0.mac(&parts)
    }
}

impl fmt::Debug for CommitmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitmentKey(redacted)")
    }
}

/// Key bytes that are wiped when dropped.
struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    fn new(bytes: [u8; 32]) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    /// HMAC-SHA256 over parts. Each part is preceded by its length, so that moving a byte from
    /// one part to the next gives another result.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0[..])
            .expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealedError {
    #[error("the sealed value is shorter than a seal: it was cut, or it is not a sealed value")]
    SealedValueMustBeWhole,
    #[error("the sealed value has form {0}, which this version does not know")]
    SealedFormMustBeKnown(u8),
    #[error(
        "the seal does not hold: the value was altered, comes from another place, or was sealed with another key"
    )]
    SealMustBeUnbroken,
}

impl SealedError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            SealedError::SealedValueMustBeWhole => "K201",
            SealedError::SealedFormMustBeKnown(_) => "K202",
            SealedError::SealMustBeUnbroken => "K203",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office(byte: u8) -> OfficeKey {
        OfficeKey::from_bytes([byte; 32])
    }

    #[track_caller]
    fn check_refused(key: &SealingKey, context: &[u8], sealed: &[u8], code: &str) {
        match key.open(context, sealed) {
            Ok(_) => panic!("opened, but should be refused as {code}"),
            Err(error) => assert_eq!(error.code(), code),
        }
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_with_its_key() {
        let key = office(1).sealing("registry");
        let sealed = key.seal(b"person.national_id:17", b"079123456789");
        assert_eq!(&**key.open(b"person.national_id:17", &sealed).unwrap(), b"079123456789");
        assert_eq!(sealed.len(), 12 + SEALED_OVERHEAD_BYTES);

        let other_office = office(2).sealing("registry");
        let other_purpose = office(1).sealing("archive");
        check_refused(&key, b"person.national_id:18", &sealed, "K203");
        check_refused(&other_office, b"person.national_id:17", &sealed, "K203");
        check_refused(&other_purpose, b"person.national_id:17", &sealed, "K203");
        check_refused(&key, b"person.national_id:17", b"", "K201");
        check_refused(&key, b"person.national_id:17", &sealed[..40], "K201");
        check_refused(&key, b"person.national_id:17", &[9; 60], "K202");
    }

    #[test]
    fn the_seal_is_the_same_on_every_machine_and_in_every_version() {
        // Frozen: a change here would make the sealed values of every office unreadable.
        let office = office(7);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&office.sealing("registry").seal(b"account:1", b"0011")), SEALED);
        assert_eq!(hex(office.blind().blind("national_id", "079123456789").as_bytes()), BLIND);
        assert_eq!(hex(&office.commitments().salt(&["list", "1", "total"])), SALT);
    }

    const SEALED: &str = "0164c85c9fc5a547bde6d416ce5ff2e180fb57ee5708c24f212a303e6fedb42e96706c863f016870258e4c3114";
    const BLIND: &str = "3195286f519bff6966479df7f5252fe3";
    const SALT: &str = "51e4c46a145b22c33a386dca538baf2f23fca1fc41719272731a3e8c018b60ab";

    #[test]
    fn a_blind_index_depends_on_kind_value_and_key() {
        let key = office(1).blind();
        let index = key.blind("national_id", "079123456789");
        assert_eq!(index, key.blind("national_id", "079123456789"));
        assert_eq!(index, BlindIndex::from_bytes(*index.as_bytes()));
        for other in [
            key.blind("account", "079123456789"),
            key.blind("national_id", "079123456780"),
            key.blind("national_id0", "79123456789"),
            office(2).blind().blind("national_id", "079123456789"),
        ] {
            assert_ne!(index, other);
            assert_ne!(index.as_u64(), other.as_u64());
        }
    }

    #[test]
    fn keys_do_not_show_themselves() {
        let office = office(0xab);
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            office,
            office.sealing("x"),
            office.blind(),
            office.commitments()
        );
        assert!(!shown.contains("ab, ") && !shown.contains("171"), "{shown}");
        assert_eq!(shown.matches("redacted").count(), 4);
    }

    proptest::proptest! {
        #[test]
        fn what_is_sealed_opens(context: Vec<u8>, value: Vec<u8>) {
            let key = office(1).sealing("registry");
            let sealed = key.seal(&context, &value);
            proptest::prop_assert_eq!(&**key.open(&context, &sealed).unwrap(), &value[..]);
            proptest::prop_assert_eq!(key.seal(&context, &value), sealed);
        }

        #[test]
        fn one_changed_bit_breaks_the_seal(value: Vec<u8>, at: proptest::sample::Index, bit in 0..8) {
            let key = office(1).sealing("registry");
            let mut sealed = key.seal(b"context", &value);
            let at = at.index(sealed.len());
            sealed[at] ^= 1u8 << bit;
            proptest::prop_assert!(key.open(b"context", &sealed).is_err());
        }

        #[test]
        fn no_bytes_make_opening_panic(context: Vec<u8>, sealed: Vec<u8>) {
            proptest::prop_assert!(office(1).sealing("registry").open(&context, &sealed).is_err());
        }
    }
}
