//! TLS with one partner: by which authority its server is known, and by which certificate we are.
//!
//! Reads: PEM files that the agreement names. Gives: a client that speaks to nobody else's server; or why not.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Identity};
use zeroize::Zeroizing;

use crate::channels::Reason;

/// What the agreement says beyond the authorities that the machine trusts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tls {
    /// The certificates of the authority that signed the partner's; then no other authority counts.
    pub ca_file: Option<PathBuf>,
    /// Our certificate with its chain, and its private key: the partner knows us by it (mutual TLS).
    pub ours: Option<OurCertificate>,
}

/// Two files in PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OurCertificate {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

impl Tls {
    pub(super) fn apply(&self, mut client: ClientBuilder) -> Result<ClientBuilder, Reason> {
        if let Some(path) = &self.ca_file {
            let trusted = Certificate::from_pem_bundle(&read(path)?).unwrap_or_default();
            if trusted.is_empty() {
                return Err(unusable(path, "has no certificate in PEM (BEGIN CERTIFICATE)"));
            }
            client = client.tls_certs_only(trusted);
        }
        if let Some(OurCertificate { certificate_file, key_file }) = &self.ours {
            let mut pem = Zeroizing::new(read(certificate_file)?);
            pem.push(b'\n');
            pem.extend_from_slice(&Zeroizing::new(read(key_file)?));
            let identity = Identity::from_pem(&pem).map_err(|_| {
                let beside = format!(
                    "is no certificate in PEM, or {} no private key in PEM without a passphrase",
                    key_file.display()
                );
                unusable(certificate_file, &beside)
            })?;
            client = client.identity(identity);
        }
        Ok(client)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Reason> {
    std::fs::read(path).map_err(|error| unusable(path, &format!("cannot be read ({error})")))
}

fn unusable(path: &Path, why: &str) -> Reason {
    Reason::new(
        "tls_files_must_be_usable",
        format!("{} {why}; see [provider.http.tls] of the partner in chitra.toml", path.display()),
    )
}
