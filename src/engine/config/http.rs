//! `[provider.http]`: a partner that takes one payment a request over HTTP, or a whole file.
//!
//! Secrets are in files of their own, which are named here and read when they are needed.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::wrong;
use crate::channels::http::{Carries, HttpSettings, OAuth, OurCertificate, Signing, Tls};
use crate::engine::error::EngineError;

/// A `[provider.http]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpFile {
    kind: String,
    base_url: String,
    send_path: String,
    status_path: Option<String>,
    answers_path: Option<String>,
    reference: Option<String>,
    oauth: Option<OAuthFile>,
    signing: Option<SigningFile>,
    #[serde(default)]
    tls: TlsFile,
    idempotency_header: Option<String>,
    idempotency_hours: Option<u32>,
    #[serde(default)]
    not_found_is_proof: bool,
    #[serde(default = "ten")]
    connect_timeout_seconds: u64,
    timeout_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OAuthFile {
    token_path: String,
    client_id: String,
    secret_file: String,
    scope: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TlsFile {
    ca_file: Option<String>,
    certificate_file: Option<String>,
    key_file: Option<String>,
}

/// A `[provider.signing]` of requests, or a `[provider.callbacks]`: by which key what is sent is signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SigningFile {
    /// `hmac-sha256` or `rsa-sha256`.
    algorithm: String,
    key_file: String,
    #[serde(default = "signature_header")]
    header: String,
}

/// Where our reference stands in a payment of the GSMA Mobile Money API.
const GSMA_REFERENCE: &str = "requestingOrganisationTransactionReference";
/// A payment is answered at once, a file takes its time to travel.
const PAYMENT_SECONDS: u64 = 30;
const FILE_SECONDS: u64 = 600;

impl SigningFile {
    pub(super) fn parsed(self, provider: &str, office: &Path) -> Result<Signing, EngineError> {
        let (file, header) = (office.join(self.key_file), self.header);
        match self.algorithm.as_str() {
            "hmac-sha256" => Ok(Signing::Hmac { secret_file: file, header }),
            "rsa-sha256" => Ok(Signing::Rsa { key_file: file, header }),
            other => Err(wrong(format!(
                "provider {provider}: algorithm is hmac-sha256 or rsa-sha256, not `{other}`"
            ))),
        }
    }
}

fn signature_header() -> String {
    "X-Signature".to_owned()
}

fn ten() -> u64 {
    10
}

impl HttpFile {
    /// Parses the settings; files are relative to the office's folder.
    pub(super) fn parsed(self, provider: &str, office: &Path) -> Result<HttpSettings, EngineError> {
        let said = |sentence: String| wrong(format!("provider {provider}: http: {sentence}"));
        let (carries, named, seconds) = match (self.kind.as_str(), self.answers_path) {
            ("payments", None) => {
                let reference_member = self.reference.unwrap_or_else(|| GSMA_REFERENCE.to_owned());
                (Carries::Payments { reference_member }, &["{reference}"][..], PAYMENT_SECONDS)
            }
            ("files", Some(answers_path)) if self.reference.is_none() => {
                let is_path = answers_path.starts_with('/') && !answers_path.ends_with('/');
                if !is_path || self.status_path.is_none() || self.idempotency_header.is_none() {
                    return Err(said(
                        "a partner that takes files has a status_path, an answers_path, and an \
                         idempotency_header: a file that is sent twice is one"
                            .to_owned(),
                    ));
                }
                (Carries::Files { answers_path }, &["{name}", "{key}"][..], FILE_SECONDS)
            }
            ("payments" | "files", _) => {
                return Err(said(
                    "answers_path is for files and needed there, reference is for payments"
                        .to_owned(),
                ));
            }
            (other, _) => {
                return Err(said(format!("kind is payments or files, not `{other}`")));
            }
        };
        let is_file = matches!(carries, Carries::Files { .. });
        let base_url = self.base_url.trim_end_matches('/').to_owned();
        must_be_private(&base_url, provider)?;
        let paths = [Some(&self.send_path), self.status_path.as_ref()];
        if paths.into_iter().flatten().any(|path| !path.starts_with('/')) {
            return Err(said("a path begins with /".to_owned()));
        }
        if self
            .status_path
            .as_ref()
            .is_some_and(|path| !named.iter().any(|name| path.contains(name)))
        {
            let named = named.join(" or ");
            return Err(said(format!("status_path says where our {named} stands")));
        }
        if !is_file && self.idempotency_hours.is_some() != self.idempotency_header.is_some() {
            return Err(said(
                "idempotency_header and idempotency_hours belong together: without both nothing is repeated"
                    .to_owned(),
            ));
        }
        if self.not_found_is_proof && self.status_path.is_none() {
            return Err(said("not_found_is_proof needs a status_path".to_owned()));
        }
        let timeout_seconds = self.timeout_seconds.unwrap_or(seconds);
        if timeout_seconds == 0 || self.connect_timeout_seconds == 0 {
            return Err(said("time-outs are at least a second".to_owned()));
        }
        let signing = self.signing.map(|signing| signing.parsed(provider, office)).transpose()?;
        let ours = match (self.tls.certificate_file, self.tls.key_file) {
            (Some(certificate), Some(key)) => Some(OurCertificate {
                certificate_file: office.join(certificate),
                key_file: office.join(key),
            }),
            (None, None) => None,
            _ => {
                return Err(said(
                    "tls: certificate_file and key_file belong together: the partner knows us by both"
                        .to_owned(),
                ));
            }
        };
        let tls = Tls { ca_file: self.tls.ca_file.map(|file| office.join(file)), ours };
        if tls != Tls::default() && !base_url.starts_with("https://") {
            return Err(said(
                "tls: base_url begins with https://, or nothing of it is used".to_owned(),
            ));
        }
        Ok(HttpSettings {
            base_url,
            send_path: self.send_path,
            status_path: self.status_path,
            carries,
            oauth: self.oauth.map(|oauth| OAuth {
                token_path: oauth.token_path,
                client_id: oauth.client_id,
                secret_file: office.join(oauth.secret_file),
                scope: oauth.scope,
            }),
            signing,
            tls,
            idempotency_header: self.idempotency_header,
            idempotency_hours: self.idempotency_hours,
            not_found_is_proof: self.not_found_is_proof,
            connect_timeout: Duration::from_secs(self.connect_timeout_seconds),
            timeout: Duration::from_secs(timeout_seconds),
        })
    }
}

/// Payments and secrets leave this machine under TLS only.
fn must_be_private(url: &str, provider: &str) -> Result<(), EngineError> {
    if url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains('@')) {
        return Ok(());
    }
    let host = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or(""));
    let at_home = host.is_some_and(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            match port.bytes().all(|byte| byte.is_ascii_digit()) {
                true => name,
                false => host,
            }
        });
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    });
    match at_home {
        true => Ok(()),
        false => Err(EngineError::refused(
            "N150",
            format!(
                "chitra.toml: provider {provider}: base_url begins with https://, because payments and secrets \
                 travel there; plain http is for this machine alone (127.0.0.1, localhost, [::1])"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(more: &str, told: &str) {
        let text = format!("kind = \"payments\"\nsend_path = \"/pay\"\n{more}");
        let parsed = toml::from_str::<HttpFile>(&text)
            .map_err(|error| wrong(error.to_string()))
            .and_then(|file| file.parsed("mobile", Path::new("/office")));
        match parsed {
            Ok(_) => assert_eq!(told, "", "{more}"),
            Err(error) => {
                let error = format!("{} {error}", error.code());
                assert!(!told.is_empty() && error.contains(told), "{more}: {error}");
            }
        }
    }

    #[test]
    fn what_leaves_this_machine_is_under_tls() {
        check("base_url = \"https://api.partner.example\"", "");
        for home in ["http://127.0.0.1:8080/v1", "http://localhost", "http://[::1]:80"] {
            check(&format!("base_url = \"{home}\""), "");
        }
        for away in [
            "http://api.partner.example",
            "http://127.0.0.1.partner.example",
            "http://localhost@partner.example",
            "http://10.0.0.1:80",
            "ftp://localhost",
            "https://",
            "https://user:secret@partner.example",
        ] {
            check(&format!("base_url = \"{away}\""), "N150");
        }
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let here = "base_url = \"https://api.partner.example\"\n";
        let check = |more: &str, told: &str| check(&format!("{here}{more}"), told);
        check("status_path = \"/of/{reference}\"\nnot_found_is_proof = true", "");
        check("not_found_is_proof = true", "needs a status_path");
        check("status_path = \"/of\"", "{reference}");
        check("status_path = \"of/{reference}\"", "begins with /");
        check("idempotency_hours = 24", "belong together");
        check("timeout_seconds = 0", "at least a second");
        check("[tls]\nca_file = \"keys/bank.pem\"", "");
        check("[tls]\ncertificate_file = \"a\"\nkey_file = \"b\"", "");
        check("[tls]\ncertificate_file = \"a\"", "belong together");
        check("[tls]\nkey_file = \"b\"", "belong together");
        check("speed = 3", "speed");
        check("signing = { algorithm = \"md5\", key_file = \"k\" }", "hmac-sha256");
        check("signing = { algorithm = \"rsa-sha256\", key_file = \"k\" }", "");
        check("answers_path = \"/answers\"", "for files");
    }

    #[test]
    fn a_partner_that_takes_files_can_be_asked_and_knows_keys() {
        let files = |more: &str| {
            let text = format!(
                "kind = \"files\"\nbase_url = \"https://api.bank.example\"\nsend_path = \"/files/{{name}}\"\n{more}"
            );
            toml::from_str::<HttpFile>(&text)
                .map_err(|error| wrong(error.to_string()))
                .and_then(|file| file.parsed("bank", Path::new("/office")))
        };
        let status = "status_path = \"/files/{name}\"\n";
        let answers = "answers_path = \"/answers\"\n";
        let key = "idempotency_header = \"Idempotency-Key\"\n";
        let parsed = files(&format!("{status}{answers}{key}")).unwrap();
        assert_eq!(parsed.timeout, Duration::from_secs(600));
        for (more, told) in [
            (format!("{status}{key}"), "answers_path is for files and needed there"),
            (format!("{answers}{key}"), "has a status_path"),
            (format!("{status}{answers}"), "has a status_path"),
            (format!("{status}{answers}{key}reference = \"id\""), "for payments"),
            (format!("status_path = \"/files\"\n{answers}{key}"), "{name} or {key}"),
        ] {
            let error = files(&more).unwrap_err().to_string();
            assert!(error.contains(told), "{more}: {error}");
        }
    }
}
