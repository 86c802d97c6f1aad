//! Keys of OpenPGP (RFC 9580): which part of one may encrypt, or sign, on a day.
//!
//! Reads: a key file, with or without armour. Gives: the partner's public key, or our secret one, and of
//! either the newest part that its owner made for a purpose and that is neither revoked nor expired. Only what
//! the key itself has signed counts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use pgp::composed::{Deserializable as _, SignedPublicKey, SignedPublicSubKey, SignedSecretKey};
use pgp::packet::{self, KeyFlags, Signature, SignatureType};
use pgp::types::{KeyDetails as _, Tag};

/// A key of a partner.
pub struct Certificate(SignedPublicKey);

/// A key of ours, without a passphrase.
pub struct SecretKey {
    pub(super) secret: SignedSecretKey,
    public: Certificate,
}

/// The part of a key that is used.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Primary(&'a packet::PublicKey),
    Sub(&'a packet::PublicSubkey),
}

/// The part of our key that signs.
pub(super) enum SigningPart<'a> {
    Primary(&'a packet::SecretKey),
    Sub(&'a packet::SecretSubkey),
}

impl Certificate {
    /// None when the file is not one public key.
    pub fn parse(file: &[u8]) -> Option<Certificate> {
        let (mut keys, _) = SignedPublicKey::from_reader_many(file).ok()?;
        let key = keys.next()?.ok()?;
        keys.next().is_none().then_some(Certificate(key))
    }

    /// Whether something can be sealed for it on a day.
    pub fn encrypts(&self, today: Date) -> bool {
        self.encryption(today).is_some()
    }

    /// Whether a signature of it counts on a day.
    pub fn signs(&self, today: Date) -> bool {
        !self.signing(today).is_empty()
    }

    pub(super) fn encryption(&self, today: Date) -> Option<Part<'_>> {
        let encrypts = |flags: &KeyFlags| flags.encrypt_comms() || flags.encrypt_storage();
        self.parts(encrypts, today).into_iter().next()
    }

    pub(super) fn signing(&self, today: Date) -> Vec<Part<'_>> {
        self.parts(KeyFlags::sign, today)
    }

    /// The parts for a purpose, the newest first.
    fn parts(&self, is_for: impl Fn(&KeyFlags) -> bool, today: Date) -> Vec<Part<'_>> {
        let Certificate(key) = self;
        let Some(of_primary) = self.self_signature(today) else { return Vec::new() };
        let mut parts: Vec<(SystemTime, Part<'_>)> = key
            .public_subkeys
            .iter()
            .filter_map(|subkey| {
                let binding = self.binding(subkey, today)?;
                is_for(&binding.key_flags())
                    .then_some((subkey.key.created_at().into(), Part::Sub(&subkey.key)))
            })
            .collect();
        parts.sort_by_key(|(made, _)| std::cmp::Reverse(*made));
        let primary = is_for(&of_primary.key_flags()).then_some(Part::Primary(&key.primary_key));
        parts.into_iter().map(|(_, part)| part).chain(primary).collect()
    }

    /// What the key says last of itself; nothing when it is revoked or expired.
    fn self_signature(&self, today: Date) -> Option<&Signature> {
        let Certificate(key) = self;
        if !key.details.revocation_signatures.is_empty() {
            return None;
        }
        let direct = key.details.direct_signatures.iter();
        let direct = direct.filter(|one| one.verify_key(&key.primary_key).is_ok());
        let of_users = key.details.users.iter().flat_map(|user| {
            let by_itself = |one: &&Signature| {
                one.is_certification()
                    && one.verify_certification(&key.primary_key, Tag::UserId, &user.id).is_ok()
            };
            user.signatures.iter().filter(by_itself)
        });
        let newest = direct.chain(of_users).max_by_key(|one| made_at(one))?;
        is_alive(key.primary_key.created_at().into(), newest, today).then_some(newest)
    }

    /// What binds a part to the key; nothing when it is revoked or expired.
    fn binding<'a>(&self, subkey: &'a SignedPublicSubKey, today: Date) -> Option<&'a Signature> {
        let primary = &self.0.primary_key;
        let of_type = |wanted: SignatureType| {
            subkey.signatures.iter().filter(move |one| one.typ() == Some(wanted))
        };
        if of_type(SignatureType::SubkeyRevocation).next().is_some() {
            return None;
        }
        let binds = |one: &&Signature| {
            // Who signs with a part has shown that it is theirs.
            let is_shown = !one.key_flags().sign()
                || one.embedded_signature().is_some_and(|back| {
                    back.verify_primary_key_binding(&subkey.key, primary).is_ok()
                });
            is_shown && one.verify_subkey_binding(primary, &subkey.key).is_ok()
        };
        let newest =
            of_type(SignatureType::SubkeyBinding).filter(binds).max_by_key(|one| made_at(one))?;
        is_alive(subkey.key.created_at().into(), newest, today).then_some(newest)
    }
}

impl SecretKey {
    /// None when the file is not one secret key, or a part of it is behind a passphrase.
    pub fn parse(file: &[u8]) -> Option<SecretKey> {
        let (mut keys, _) = SignedSecretKey::from_reader_many(file).ok()?;
        let secret = keys.next()?.ok()?;
        let is_open = !secret.primary_key.secret_params().is_encrypted()
            && secret.secret_subkeys.iter().all(|one| !one.key.secret_params().is_encrypted());
        let public = Certificate(secret.to_public_key());
        (is_open && keys.next().is_none()).then_some(SecretKey { secret, public })
    }

    /// Its public half, as partners have it.
    pub fn public(&self) -> &Certificate {
        &self.public
    }

    /// The newest part that signs on a day and whose secret half is here.
    pub(super) fn signing(&self, today: Date) -> Option<SigningPart<'_>> {
        self.public.signing(today).into_iter().find_map(|part| match part {
            Part::Primary(_) => Some(SigningPart::Primary(&self.secret.primary_key)),
            Part::Sub(public) => {
                let mut subkeys = self.secret.secret_subkeys.iter();
                let found = subkeys.find(|one| one.key.fingerprint() == public.fingerprint());
                found.map(|one| SigningPart::Sub(&one.key))
            }
        })
    }
}

fn made_at(signature: &Signature) -> SystemTime {
    signature.created().map_or(UNIX_EPOCH, SystemTime::from)
}

/// Whether a part that was made then has not expired when the day begins.
fn is_alive(made: SystemTime, signature: &Signature, today: Date) -> bool {
    let epoch = Date::constant(1970, 1, 1);
    let days = today.since(epoch).map_or(0, |span| span.get_days());
    let day = UNIX_EPOCH + Duration::from_secs(u64::try_from(days).unwrap_or(0) * 86_400);
    let lasts = signature.key_expiration_time().map(|lasts| lasts.as_secs()).unwrap_or(0);
    lasts == 0 || made + Duration::from_secs(u64::from(lasts)) > day
}
