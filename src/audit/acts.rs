//! Acts of officers: the signatures that stand inside entries are verified from the log alone.
//!
//! Reads: entries in their order. Gives: how many acts are signed by the key under which their officer
//! was enrolled in an earlier entry, or the first that is not.

use std::collections::HashMap;

use serde_json::Value;

use super::leaf::{Leaf, LeafError, canonical_json};
use crate::domain::digest::Digest;
use crate::domain::signature::{OfficerPublicKey, OfficerSignature, Purpose};

/// Imports as earlier programs wrote them, unsigned: nobody writes one after the first that is signed.
const UNSIGNED_IMPORTS: &[&str] = &["roster_imported", "identity_imported"];

/// The same, signed.
const IMPORTS: &[&str] = &["roster_taken_in", "identity_taken_in"];

/// Events that are an officer's own act, and nothing without the signature.
pub const SIGNED_EVENTS: &[&str] = &[
    "roster_taken_in",
    "identity_taken_in",
    "cycle_opened",
    "cycle_cancelled",
    "cycle_closed",
    "list_released",
    "hold_resolved",
    "hold_release_proposed",
    "hold_release_confirmed",
    "discrepancy_resolved",
    "fates_proposed",
    "fates_confirmed",
    "halt_lift_agreed",
    "halt_put",
    "halt_lifted",
    "list_cancelled",
    "file_withdrawn",
    "rest_withdrawn",
    "file_redated",
    "stop_proposed",
    "stop_confirmed",
    "stop_refused",
    "heir_proposed",
    "heir_confirmed",
    "heir_withdrawn",
    "recall_proposed",
    "recall_confirmed",
    "recall_declined",
    "recall_given_up",
    "funds_recorded",
    "funds_given_back",
    "receivable_received",
    "receipt_take_back_proposed",
    "receipt_taken_back",
    "receivable_write_off_proposed",
    "receivable_written_off",
    "court_order_proposed",
    "court_order_confirmed",
    "court_order_withdrawn",
    "court_order_end_proposed",
    "court_order_ended",
    "court_transferred",
    "court_transfer_take_back_proposed",
    "court_transfer_taken_back",
    "officer_ended",
];

/// Reads entries one after another.
#[derive(Default)]
pub struct Acts {
    /// None of those who have ended: their name is never used again.
    keys: HashMap<String, Option<OfficerPublicKey>>,
    verified: u64,
    imports_are_signed: bool,
}

impl Acts {
    /// How many signed acts held so far.
    pub fn verified(&self) -> u64 {
        self.verified
    }

    /// Takes the next entry.
    pub fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), ActError> {
        let (_, mut value) =
            Leaf::parse(bytes).map_err(|error| ActError::EntryMustBeALeaf { index, error })?;
        let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let (event, officer) = (word("event"), word("officer"));
        if event == "officer_enrolled" {
            let key = OfficerPublicKey::parse(&word("public_key"))
                .map_err(|_| ActError::KeyMustBeUsable { index })?;
            // Whoever could enrol a name again could sign in it.
            return match self.keys.insert(officer, Some(key)) {
                None => Ok(()),
                Some(_) => Err(ActError::OfficerMustBeEnrolledOnce { index }),
            };
        }
        let broken = || ActError::ActMustBeSigned { index, event: event.clone() };
        if self.imports_are_signed && UNSIGNED_IMPORTS.contains(&event.as_str()) {
            return Err(broken());
        }
        if !SIGNED_EVENTS.contains(&event.as_str()) {
            return Ok(());
        }
        let key = self.keys.get(&officer).and_then(Option::as_ref).ok_or_else(broken)?;
        let fields = value.as_object_mut().ok_or_else(broken)?;
        let signature = fields
            .remove("signature")
            .and_then(|digits| from_hex(digits.as_str()?))
            .ok_or_else(broken)?;
        let unsigned = canonical_json(&value).map_err(|_| broken())?;
        key.verify(Purpose::OfficerAct, &Digest::of(&unsigned), &signature)
            .map_err(|_| broken())?;
        if event == "officer_ended" {
            let ended = value.get("ended").and_then(Value::as_str).ok_or_else(broken)?;
            self.keys.insert(ended.to_owned(), None);
        }
        self.verified += 1;
        self.imports_are_signed |= IMPORTS.contains(&event.as_str());
        Ok(())
    }
}

fn from_hex(digits: &str) -> Option<OfficerSignature> {
    if digits.len() != 128 || !digits.bytes().all(|one| one.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 64];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(OfficerSignature::from_bytes(bytes))
}

#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("entry {index} of the log cannot be read: {error}")]
    EntryMustBeALeaf { index: u64, error: LeafError },
    #[error("entry {index} enrols an officer with something that is no key")]
    KeyMustBeUsable { index: u64 },
    #[error("entry {index} enrols an officer who is enrolled already: ask who did it, and why")]
    OfficerMustBeEnrolledOnce { index: u64 },
    #[error(
        "entry {index} ({event}) is not signed by the officer whom it names: somebody wrote it in that name"
    )]
    ActMustBeSigned { index: u64, event: String },
}

impl ActError {
    pub fn code(&self) -> &'static str {
        match self {
            ActError::EntryMustBeALeaf { .. } => "T801",
            ActError::KeyMustBeUsable { .. } => "T802",
            ActError::OfficerMustBeEnrolledOnce { .. } => "T803",
            ActError::ActMustBeSigned { .. } => "T804",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signature::OfficerKey;

    fn enrolled(name: &str, key: &OfficerKey) -> Vec<u8> {
        let leaf = Leaf::of("officer_enrolled", "2026-10-20")
            .text("officer", name)
            .text("public_key", &key.public().to_string());
        leaf.build().unwrap().as_bytes().to_vec()
    }

    fn closed(name: &str, cycle: i64, key: Option<&OfficerKey>) -> Vec<u8> {
        act("cycle_closed", name, cycle, key)
    }

    fn act(event: &str, name: &str, number: i64, key: Option<&OfficerKey>) -> Vec<u8> {
        let leaf = Leaf::of(event, "2026-12-03").text("officer", name).number("cycle", number);
        let unsigned = leaf.clone().build().unwrap();
        let Some(key) = key else { return unsigned.as_bytes().to_vec() };
        let signature = key.sign(Purpose::OfficerAct, &Digest::of(unsigned.as_bytes()));
        let digits: String = signature.as_bytes().iter().map(|one| format!("{one:02x}")).collect();
        leaf.text("signature", &digits).build().unwrap().as_bytes().to_vec()
    }

    #[track_caller]
    fn check(entries: &[Vec<u8>], expected: Result<u64, &str>) {
        let mut acts = Acts::default();
        let mut read = || -> Result<u64, ActError> {
            for (index, entry) in entries.iter().enumerate() {
                acts.entry(index as u64, entry)?;
            }
            Ok(acts.verified())
        };
        assert_eq!(read().map_err(|error| error.code()), expected);
    }

    #[test]
    fn no_import_is_unsigned_after_one_that_is_signed() {
        let lan = OfficerKey::from_seed(&[1; 32]);
        let known = enrolled("lan", &lan);
        let signed = act("roster_taken_in", "lan", 2, Some(&lan));
        for event in UNSIGNED_IMPORTS {
            let unsigned = act(event, "lan", 1, None);
            check(&[known.clone(), unsigned.clone(), signed.clone()], Ok(1));
            check(&[known.clone(), signed.clone(), unsigned], Err("T804"));
        }
    }

    #[test]
    fn an_act_is_the_officers_or_it_is_nobodys() {
        let (lan, minh) = (OfficerKey::from_seed(&[1; 32]), OfficerKey::from_seed(&[2; 32]));
        let known = enrolled("lan", &lan);
        check(&[known.clone(), closed("lan", 1, Some(&lan))], Ok(1));
        check(&[known.clone(), closed("lan", 1, Some(&minh))], Err("T804"));
        check(&[known.clone(), closed("lan", 1, None)], Err("T804"));
        check(&[known.clone(), closed("minh", 1, Some(&minh))], Err("T804"));
        check(&[closed("lan", 1, Some(&lan)), known.clone()], Err("T804"));
        check(&[known.clone(), enrolled("lan", &minh)], Err("T803"));
        check(&[b"{}x".to_vec()], Err("T801"));
        // The signature of one act does not serve for another.
        let signed = String::from_utf8(closed("lan", 1, Some(&lan))).unwrap();
        let moved = signed.replace("\"cycle\":1", "\"cycle\":2");
        assert_ne!(signed, moved);
        check(&[known.clone(), moved.into_bytes()], Err("T804"));
        let other = Leaf::of("batch_sent", "2026-10-20").build().unwrap().as_bytes().to_vec();
        check(&[known, other], Ok(0));
    }
}
