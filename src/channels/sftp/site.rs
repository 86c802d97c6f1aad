//! Where a partner's SFTP server is, who we are there, and how we know that it is it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};

use super::error::{SftpError, said};

/// A server, a user and three folders.
#[derive(Clone)]
pub struct Site {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// An OpenSSH private key without a passphrase, read anew for each connection.
    pub key_file: PathBuf,
    pub host_key: HostKey,
    /// Where the partner reads.
    pub inbox: String,
    /// Where it answers.
    pub outbox: String,
    /// Where it puts what it has taken.
    pub taken: String,
    pub times: Times,
}

/// How long is waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// For a connection on which files can be asked for.
    pub connect: Duration,
    /// For the answer to one request.
    pub answer: Duration,
    /// For one operation with all its requests: a server that drips never comes to an end.
    pub whole: Duration,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("host_key", &self.host_key)
            .finish_non_exhaustive()
    }
}

/// The key that the server must show.
#[derive(Clone, PartialEq, Eq)]
pub enum HostKey {
    /// The key itself: `ssh-ed25519 AAAA…`.
    Key(Box<PublicKey>),
    /// Its fingerprint: `SHA256:…`.
    Fingerprint(String),
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "host_key is a line of an OpenSSH public key (`ssh-ed25519 AAAA…`) or a fingerprint (`SHA256:…`)"
)]
pub struct HostKeyError;

/// What a SHA-256 has in base64 without padding.
const FINGERPRINT_LENGTH: usize = 43;

impl HostKey {
    pub fn parse(text: &str) -> Result<HostKey, HostKeyError> {
        let text = text.trim();
        match text.strip_prefix("SHA256:") {
            Some(digest) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
                match digest.len() == FINGERPRINT_LENGTH && digest.chars().all(plain) {
                    true => Ok(HostKey::Fingerprint(text.to_owned())),
                    false => Err(HostKeyError),
                }
            }
            None => PublicKey::from_openssh(text)
                .map(|key| HostKey::Key(Box::new(key)))
                .map_err(|_| HostKeyError),
        }
    }

    pub(super) fn is(&self, shown: &PublicKey) -> bool {
        match self {
            HostKey::Key(pinned) => pinned.key_data() == shown.key_data(),
            HostKey::Fingerprint(pinned) => *pinned == fingerprint(shown),
        }
    }

    /// The kinds of key that are asked for, where the pin tells: a server with several keys shows
    /// the first that is asked for.
    pub(super) fn kinds(&self) -> Option<Cow<'static, [Algorithm]>> {
        let HostKey::Key(pinned) = self else { return None };
        Some(match pinned.algorithm() {
            Algorithm::Rsa { .. } => Cow::Owned(vec![
                Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
                Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
            ]),
            other => Cow::Owned(vec![other]),
        })
    }
}

pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostKey::Key(key) => f.write_str(&fingerprint(key)),
            HostKey::Fingerprint(text) => f.write_str(text),
        }
    }
}

impl Site {
    /// Our private key.
    pub(super) fn key(&self) -> Result<PrivateKey, SftpError> {
        let unusable = SftpError::KeyFileMustBePrivate;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata =
                std::fs::metadata(&self.key_file).map_err(|error| unusable(error.to_string()))?;
            if metadata.permissions().mode() & 0o077 != 0 {
                return Err(unusable("others may read it".to_owned()));
            }
        }
        russh::keys::load_secret_key(&self.key_file, None).map_err(|error| unusable(said(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_key_is_a_key_or_its_fingerprint() {
        let line =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti bank";
        let key = HostKey::parse(line).unwrap();
        let HostKey::Key(shown) = &key else { panic!("{key:?}") };
        let print = fingerprint(shown);
        assert!(key.is(shown));
        assert!(HostKey::parse(&print).unwrap().is(shown));
        let other = format!("SHA256:{}", "A".repeat(43));
        assert!(!HostKey::parse(&other).unwrap().is(shown));
        for text in ["", "SHA256:short", "MD5:00:11", "ssh-ed25519", &"A".repeat(43)] {
            assert_eq!(HostKey::parse(text), Err(HostKeyError), "{text}");
        }
    }
}
