//! A partner's HTTP interface that takes one payment a request.
//!
//! Reads: settings, secrets from files of their own, lines of approved files.
//! Gives: replies, sorted by what they prove. A time-out, a broken connection, a server's own error and
//! a text that cannot be read prove nothing; a refused connection, a refused token and a request to slow
//! down prove that nothing was carried out.

mod authorization;
mod pace;
mod secret;
mod signature;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};

pub use self::pace::{Pace, Quota};
pub use self::secret::Secret;
pub use self::signature::{Signing, canonical_request, verify_hmac};

use self::authorization::Tokens;
use self::signature::Signer;
use super::one_by_one::{MayLeave, OneByOne, Reply, RequestTerms};
use super::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use crate::disk::file_name::FileName;
use crate::domain::digest::Digest;

/// How a partner is spoken to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpSettings {
    /// `https://api.partner.example/v1`; plain `http` to this machine alone.
    pub base_url: String,
    /// Where a payment is posted: `/transactions/type/disbursement`.
    pub send_path: String,
    /// Where it is asked about; `{reference}` stands for ours. None: it cannot be asked.
    pub status_path: Option<String>,
    /// The member of a line that is our reference, as a path: `requestingOrganisationTransactionReference`.
    pub reference_member: String,
    pub oauth: Option<OAuth>,
    pub signing: Option<Signing>,
    /// The header that carries the idempotency key.
    pub idempotency_header: Option<String>,
    pub idempotency_hours: Option<u32>,
    pub not_found_is_proof: bool,
    pub connect_timeout: Duration,
    pub timeout: Duration,
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

/// The largest body that is read. Real ones have some hundreds of bytes.
const BODY_BYTES_MAX: usize = 32 * 1024;
/// How often a partner may ask to slow down before a request is given up for now.
const SLOWED_MAX: u32 = 8;
/// The longest that is waited because a partner asked to.
const SLOWED_SECONDS_MAX: u64 = 60;

/// Such a channel, with its connections, token and quota.
pub struct HttpChannel {
    requests: Arc<Requests>,
}

impl HttpChannel {
    /// Connects to nothing yet, and reads no secret yet.
    pub fn new(settings: HttpSettings, quota: Quota) -> HttpChannel {
        let requests = Requests {
            pace: Pace::new(quota),
            tokens: settings.oauth.clone().map(Tokens::new),
            signer: settings.signing.clone().map(Signer::new),
            client: tokio::sync::OnceCell::new(),
            settings,
            quota,
        };
        HttpChannel { requests: Arc::new(requests) }
    }
}

impl Channel for HttpChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        DeliveryOutcome::NotDelivered(Reason::new(
            "partner_takes_one_payment_a_request",
            format!("`{}` was not sent: this partner takes one payment a request", parcel.name),
        ))
    }

    fn query(&self, name: &FileName, _: &Digest) -> QueryOutcome {
        QueryOutcome::Unavailable(Reason::new(
            "partner_takes_one_payment_a_request",
            format!("`{name}` cannot be asked about: this partner knows payments and no files"),
        ))
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        Ok(Answers::default())
    }

    fn fetch(&self, name: &FileName, _: &mut dyn Write) -> Result<Fetched, CollectError> {
        Err(CollectError::AnswerMustBeThere(name.clone()))
    }

    fn one_by_one(&self) -> Option<Arc<dyn OneByOne>> {
        Some(self.requests.clone())
    }
}

struct Requests {
    settings: HttpSettings,
    quota: Quota,
    pace: Pace,
    tokens: Option<Tokens>,
    signer: Option<Signer>,
    client: tokio::sync::OnceCell<reqwest::Client>,
}

#[async_trait]
impl OneByOne for Requests {
    fn terms(&self) -> RequestTerms {
        RequestTerms {
            per_second: self.quota.per_second,
            concurrency: self.quota.concurrency,
            idempotency_hours: self
                .settings
                .idempotency_hours
                .filter(|_| self.settings.idempotency_header.is_some()),
            not_found_is_proof: self.settings.not_found_is_proof,
            can_be_asked: self.settings.status_path.is_some(),
        }
    }

    fn reference(&self, line: &[u8]) -> Option<String> {
        let line: serde_json::Value = serde_json::from_slice(line).ok()?;
        let pointer = format!("/{}", self.settings.reference_member);
        line.pointer(&pointer)?.as_str().map(str::to_owned)
    }

    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply {
        let path = self.settings.send_path.clone();
        match self.request(Method::POST, &path, Some(reference), line, may_leave).await {
            // A path that is not there has carried out nothing; it says nothing of a payment either.
            Reply::Absent => Reply::NotSent(Reason::new(
                "partner_path_must_be_right",
                format!("{path} is not there (404); check send_path with the partner"),
            )),
            reply => reply,
        }
    }

    async fn ask(&self, reference: &str) -> Reply {
        let Some(path) = &self.settings.status_path else {
            return Reply::Unknown(Reason::new(
                "partner_cannot_be_asked",
                "this partner has no way to ask about a payment",
            ));
        };
        // References are upper-case letters and digits, so that they stand in a path as they are.
        let path = path.replace("{reference}", reference);
        self.request(Method::GET, &path, None, Vec::new(), Arc::new(|| true)).await
    }
}

impl Requests {
    async fn client(&self) -> Result<&reqwest::Client, Reason> {
        let made = || async {
            let roots = reqwest::Client::builder()
                .connect_timeout(self.settings.connect_timeout)
                .timeout(self.settings.timeout)
                // A payment goes to the address that was agreed, and is repeated by nobody but us.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .http1_only();
            // Fails only when another part of the program has chosen before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            roots.build().map_err(|error| {
                Reason::new("connection_must_be_possible", format!("HTTP cannot be used: {error}"))
            })
        };
        self.client.get_or_try_init(made).await
    }

    /// One request, at the agreed pace, again only after proof that nothing was carried out.
    async fn request(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Vec<u8>,
        may_leave: MayLeave,
    ) -> Reply {
        let client = match self.client().await {
            Ok(client) => client,
            Err(reason) => return Reply::NotSent(reason),
        };
        let mut slowed = 0;
        let mut renewed = false;
        loop {
            let mut request = client
                .request(method.clone(), format!("{}{path}", self.settings.base_url))
                .header("accept", "application/json");
            if !body.is_empty() {
                request = request.header("content-type", "application/json").body(body.clone());
            }
            if let (Some(header), Some(key)) = (&self.settings.idempotency_header, key) {
                request = request.header(header, key);
            }
            if let Some(signer) = &self.signer {
                match signer.headers(method.as_str(), path, key.unwrap_or(""), &body) {
                    Ok(headers) => {
                        for (name, value) in headers {
                            request = request.header(name, value);
                        }
                    }
                    Err(reason) => return Reply::NotSent(reason),
                }
            }
            if let Some(tokens) = &self.tokens {
                self.pace.ready().await;
                match tokens.token(client, &self.settings.base_url).await {
                    Ok(token) => request = request.bearer_auth(token),
                    Err(reason) => return Reply::NotSent(reason),
                }
            } else {
                self.pace.ready().await;
            }
            if !may_leave() {
                return Reply::NotSent(Reason::new(
                    "sender_was_succeeded",
                    "another process may have taken over, so that this one sends no more",
                ));
            }
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) if error.is_connect() => {
                    return Reply::NotSent(Reason::new("partner_not_reached", told(&error)));
                }
                Err(error) if error.is_builder() => {
                    return Reply::NotSent(Reason::new("request_must_be_possible", told(&error)));
                }
                Err(error) => return Reply::Unknown(Reason::new("answer_lost", told(&error))),
            };
            let status = response.status();
            let after = retry_after(&response);
            // 503 comes from the service itself or from whatever stands before it; only a key makes
            // it harmless to repeat.
            let busy = status == StatusCode::TOO_MANY_REQUESTS
                || (status == StatusCode::SERVICE_UNAVAILABLE
                    && after.is_some()
                    && (key.is_none() || self.settings.idempotency_header.is_some()));
            if busy {
                slowed += 1;
                let seconds = after.unwrap_or(1).min(SLOWED_SECONDS_MAX);
                self.pace.slow_down(Duration::from_secs(seconds)).await;
                if slowed < SLOWED_MAX {
                    continue;
                }
                return Reply::NotSent(Reason::new(
                    "partner_asks_to_slow_down",
                    format!("the partner asked {SLOWED_MAX} times to slow down ({status})"),
                ));
            }
            if status == StatusCode::UNAUTHORIZED
                && let Some(tokens) = &self.tokens
                && !renewed
            {
                tokens.forget().await;
                renewed = true;
                continue;
            }
            if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                return Reply::NotSent(Reason::new(
                    "partner_refuses_us",
                    format!("the partner does not accept our credentials or signature ({status})"),
                ));
            }
            if status == StatusCode::NOT_FOUND {
                return Reply::Absent;
            }
            if status.is_server_error() || status.is_redirection() || status.as_u16() == 408 {
                return Reply::Unknown(Reason::new(
                    "partner_failed",
                    format!("the partner failed to answer ({status})"),
                ));
            }
            return said(status, response).await;
        }
    }
}

/// Reads a reply's body, which is a small JSON object or proves nothing.
async fn said(status: StatusCode, mut response: reqwest::Response) -> Reply {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= BODY_BYTES_MAX => {
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                let sentence = format!("the answer is longer than {BODY_BYTES_MAX} bytes");
                return Reply::Unknown(Reason::new("answer_must_be_readable", sentence));
            }
            Ok(None) => break,
            Err(error) => return Reply::Unknown(Reason::new("answer_lost", told(&error))),
        }
    }
    match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(body) if body.is_object() => Reply::Said { http: status.as_u16(), body },
        _ => Reply::Unknown(Reason::new(
            "answer_must_be_readable",
            format!("the answer is no JSON object ({status})"),
        )),
    }
}

fn retry_after(response: &reqwest::Response) -> Option<u64> {
    response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()
}

/// An error of a connection, without the address: it names the payment.
fn told(error: &reqwest::Error) -> String {
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => "the partner could not be reached in time".to_owned(),
        (true, false) => "no answer came in time".to_owned(),
        (false, true) => "the partner could not be reached".to_owned(),
        (false, false) => "the connection broke before the answer was whole".to_owned(),
    }
}
