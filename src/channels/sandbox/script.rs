//! What goes wrong around payments, rather than with them: on the way of a request, and with a whole file.
//! Drawn by the same seed.
//!
//! Reads: shares of a thousand. Gives: the trouble of one request, and of one file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::recalls::RecallMix;
use crate::channels::http::Signing;
use crate::domain::digest::Digest;

/// The script of a sandbox. Nothing goes wrong where nothing is said.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// `id:secret` of who may ask for a token; without it nobody needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How requests are signed; without it nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<SignedSo>,
    /// A repeated idempotency key is answered without paying again.
    pub knows_keys: bool,
    /// The most payments that are taken in a second; more are asked to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_per_second: Option<u32>,
    pub requests: RequestMix,
    pub files: FileMix,
    /// How requests to give payments back are answered; where nothing is said, every one is agreed to.
    pub recalls: RecallMix,
    /// What most payments of one request are told on a day is said in one word for the group, and the others are
    /// named.
    pub answers_groups: bool,
}

impl Script {
    pub(super) fn is_empty(&self) -> bool {
        *self == Script::default()
    }

    /// The largest sum of shares that are drawn together.
    pub(super) fn sum(&self) -> u32 {
        let files = u32::from(self.files.refuse.max(self.files.wrong_total));
        let requests: u32 = self.requests.shares().iter().map(|(_, share)| u32::from(*share)).sum();
        requests.max(files).max(self.recalls.sum())
    }
}

/// How the office signs its requests, and the key by which that is looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSo {
    pub algorithm: Algorithm,
    /// The secret that both hold, or the public half of the office's RSA key; below the sandbox's folder.
    pub key_file: PathBuf,
    #[serde(default = "signature_header")]
    pub header: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "hmac-sha256")]
    Hmac,
    #[serde(rename = "rsa-sha256")]
    Rsa,
}

fn signature_header() -> String {
    "X-Signature".to_owned()
}

impl SignedSo {
    pub(super) fn signing(&self, sandbox: &Path) -> Signing {
        let (file, header) = (sandbox.join(&self.key_file), self.header.clone());
        match self.algorithm {
            Algorithm::Hmac => Signing::Hmac { secret_file: file, header },
            Algorithm::Rsa => Signing::Rsa { key_file: file, header },
        }
    }
}

/// How many requests of a thousand go wrong, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestMix {
    pub lose_before: u16,
    pub lose_after: u16,
    pub fail_after: u16,
    pub slow_down: u16,
    pub drip: u16,
}

/// How many files of a thousand are refused as a whole, and how many answers come first with a wrong sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileMix {
    pub refuse: u16,
    pub wrong_total: u16,
}

/// What goes wrong on the way of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// Nothing is done, and the connection closes.
    LoseBefore,
    /// All is done, and the connection closes.
    LoseAfter,
    /// All is done, and the server says that it failed.
    FailAfter,
    /// Nothing is done: too many requests.
    SlowDown,
    /// The answer comes a byte at a time.
    Drip,
}

impl RequestMix {
    fn shares(&self) -> [(Trouble, u16); 5] {
        [
            (Trouble::LoseBefore, self.lose_before),
            (Trouble::LoseAfter, self.lose_after),
            (Trouble::FailAfter, self.fail_after),
            (Trouble::SlowDown, self.slow_down),
            (Trouble::Drip, self.drip),
        ]
    }

    /// The trouble of one request, which is another each time that it is made.
    pub(super) fn trouble(&self, seed: u64, request: &str, time: u32) -> Option<Trouble> {
        let mut left = thousandth(&format!("{seed}\nrequest\n{request}\n{time}"));
        for (trouble, share) in self.shares() {
            if left < u64::from(share) {
                return Some(trouble);
            }
            left -= u64::from(share);
        }
        None
    }
}

impl FileMix {
    /// Whether the script has a file refused as a whole.
    pub fn refuses(&self, seed: u64, provider: &str, file: &str) -> bool {
        thousandth(&format!("{seed}\nrefuse\n{provider}\n{file}")) < u64::from(self.refuse)
    }

    pub(super) fn sums_wrongly(&self, seed: u64, provider: &str, answer: &str) -> bool {
        thousandth(&format!("{seed}\nsum\n{provider}\n{answer}")) < u64::from(self.wrong_total)
    }
}

fn thousandth(text: &str) -> u64 {
    let digest = Digest::of(text.as_bytes());
    let bytes = digest.as_bytes()[..8].iter();
    bytes.fold(0, |number: u64, byte| (number << 8) | u64::from(*byte)) % 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_drawn_by_their_shares_and_another_time_anew() {
        let mix = RequestMix {
            lose_before: 100,
            lose_after: 50,
            slow_down: 200,
            ..RequestMix::default()
        };
        let mut counts = [0; 3];
        for number in 0..10_000 {
            match mix.trouble(7, &number.to_string(), 0) {
                Some(Trouble::LoseBefore) => counts[0] += 1,
                Some(Trouble::LoseAfter) => counts[1] += 1,
                Some(Trouble::SlowDown) => counts[2] += 1,
                Some(other) => panic!("{other:?} has no share"),
                None => {}
            }
        }
        for (count, expected) in counts.into_iter().zip([1000, 500, 2000]) {
            assert!(i32::abs(count - expected) < 200, "{counts:?}");
        }
        let times: Vec<_> = (0..20).map(|time| mix.trouble(7, "one", time)).collect();
        assert!(times.contains(&None) && times.iter().any(Option::is_some), "{times:?}");
    }
}
