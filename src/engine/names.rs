//! The numbers by which people, enrolments and destinations are known, made from what the roster
//! says by the office's key.

use crate::domain::ids::{DestinationNo, EnrolmentNo, PersonNo};
use crate::domain::national_id::NationalId;
use crate::domain::roster::Channel;
use crate::domain::sealed::{BlindKey, OfficeKey, SealedError, SealingKey};
use crate::domain::state::Named;

/// Every key that is derived from the office's one secret.
pub struct Keys {
    pub blind: BlindKey,
    pub chunks: SealingKey,
    pub persons: SealingKey,
    pub destinations: SealingKey,
    pub heirs: SealingKey,
    reasons: SealingKey,
    pub log_seed: zeroize::Zeroizing<[u8; 32]>,
}

impl Keys {
    pub fn of(office: &OfficeKey) -> Keys {
        Keys {
            blind: office.blind(),
            chunks: office.sealing("chunks"),
            persons: office.sealing("persons"),
            destinations: office.sealing("destinations"),
            heirs: office.sealing("heirs"),
            reasons: office.sealing("reasons"),
            log_seed: office.seed("log"),
        }
    }

    /// Seals what an officer wrote as a reason, which may name people. `of` says of what it is the
    /// reason. The log has the digest of these bytes, which shows nothing and binds them.
    pub fn reason(&self, of: &str, text: &str) -> Vec<u8> {
        self.reasons.seal(of.as_bytes(), text.as_bytes())
    }

    /// What stands in the log for a line about money: it shows nothing of the line, and nobody without the
    /// office's key can find another line that it would stand for.
    pub fn line(&self, line: &str) -> u128 {
        u128::from_be_bytes(*self.blind.blind("books", line).as_bytes())
    }

    /// Opens a reason that was sealed for the same thing.
    pub fn opened_reason(&self, of: &str, sealed: &[u8]) -> Result<String, SealedError> {
        let plain = self.reasons.open(of.as_bytes(), sealed)?;
        Ok(String::from_utf8_lossy(&plain).into_owned())
    }

    /// A person by national id: the same number for every spelling of one id.
    pub fn person_of_id(&self, national_id: &str) -> PersonNo {
        match NationalId::parse(national_id) {
            Ok(id) => self.person("national_id", id.digits().as_str()),
            // What is no id still names the same unknown person the next time.
            Err(_) => self.person("unreadable_id", national_id.trim()),
        }
    }

    /// A person of whom no id is known: by the enrolment, until an id comes.
    pub fn person_of_enrolment(&self, enrolment_id: &str) -> PersonNo {
        self.person("enrolment_person", enrolment_id)
    }

    /// A payee of whom only the name is known.
    pub fn payee_of_name(&self, enrolment_id: &str, name: &str) -> PersonNo {
        self.person("payee_name", &format!("{enrolment_id}\u{1f}{name}"))
    }

    fn person(&self, kind: &str, value: &str) -> PersonNo {
        PersonNo::from_hash(*self.blind.blind(kind, value).as_bytes())
    }

    /// A second, independent hash of what a person's number was made from.
    pub fn check_hash(&self, national_id: &str, enrolment_id: &str) -> i64 {
        let value = match NationalId::parse(national_id) {
            Ok(id) => id.digits().as_str().to_owned(),
            Err(_) if national_id.trim().is_empty() => format!("enrolment\u{1f}{enrolment_id}"),
            Err(_) => national_id.trim().to_owned(),
        };
        (self.blind.blind("person_check", &value).as_u64() >> 1) as i64
    }

    pub fn enrolment(&self, enrolment_id: &str) -> EnrolmentNo {
        EnrolmentNo::from_hash(*self.blind.blind("enrolment", enrolment_id).as_bytes())
    }

    /// What a decision on a held payable is about: one payee's money for one beneficiary, to one
    /// destination, held for one code; for an heir, by one naming. Of another person who uses the same account or pay point the
    /// number is another, so that releasing one hold releases nobody else's.
    pub fn held_payable(
        &self,
        payee: PersonNo,
        beneficiary: PersonNo,
        destination: DestinationNo,
        heir: Option<i64>,
        code: &str,
    ) -> i64 {
        let heir = heir.map(|naming| format!("\u{1f}heir {naming}")).unwrap_or_default();
        let value = format!("{payee}\u{1f}{beneficiary}\u{1f}{destination}\u{1f}{code}{heir}");
        (self.blind.blind("held_payable", &value).as_u64() >> 1) as i64
    }

    /// What an officer saw who decided about a hold of a row: a number for the values that stood there, from
    /// which nobody can tell them.
    pub fn seen(&self, values: &str) -> i64 {
        (self.blind.blind("seen", values).as_u64() >> 1) as i64
    }

    /// Equal accounts have equal numbers, whoever owns them.
    pub fn destination(&self, channel: Channel, provider: &str, account: &str) -> DestinationNo {
        let value = format!("{}\u{1f}{provider}\u{1f}{account}", channel.name());
        DestinationNo::from_hash(*self.blind.blind("destination", &value).as_bytes())
    }
}
