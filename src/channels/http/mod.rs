//! A partner's HTTP interface: one payment a request, or a whole file.
//!
//! Reads: settings, secrets from files of their own, approved files or lines of them.
//! Gives: what came back, sorted by what it proves. A time-out, a broken connection, a server's own error
//! and a text that cannot be read prove nothing; a refused connection, a refused token and a request to
//! slow down prove that nothing was carried out.

mod authorization;
mod caller;
mod files;
mod pace;
mod payments;
mod rsa_key;
mod secret;
mod signature;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

pub use self::files::HttpFilesChannel;
pub use self::pace::{Pace, Quota};
pub use self::payments::{HttpPaymentsChannel, path_must_be_right};
pub use self::secret::Secret;
pub use self::signature::{
    DATE_HEADER, Signing, canonical_request, sign, sign_hmac, utc, verify, verify_hmac,
};
pub use self::tls::{OurCertificate, Tls};

/// How a partner is spoken to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpSettings {
    /// `https://api.partner.example/v1`; plain `http` to this machine alone.
    pub base_url: String,
    pub carries: Carries,
    /// Where a payment or a file is posted: `/transactions/type/disbursement`, `/files/{name}`.
    pub send_path: String,
    /// Where it is asked about; `{reference}` stands for ours, `{name}` and `{key}` for a file's. None: it
    /// cannot be asked.
    pub status_path: Option<String>,
    pub oauth: Option<OAuth>,
    pub signing: Option<Signing>,
    pub tls: Tls,
    /// The header that carries the idempotency key.
    pub idempotency_header: Option<String>,
    pub idempotency_hours: Option<u32>,
    pub not_found_is_proof: bool,
    pub connect_timeout: Duration,
    pub timeout: Duration,
}

/// What a request carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Carries {
    /// One payment. The member of a line that is our reference, as a path:
    /// `requestingOrganisationTransactionReference`.
    Payments { reference_member: String },
    /// A whole file. Where the list of answers is: `/answers`.
    Files { answers_path: String },
}

/// OAuth 2.0 client credentials (RFC 6749 §4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OAuth {
    /// Path below the base URL.
    pub token_path: String,
    pub client_id: String,
    pub secret_file: PathBuf,
    pub scope: Option<String>,
}
