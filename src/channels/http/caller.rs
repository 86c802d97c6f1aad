//! One request to a partner and what it proves: at the agreed pace, with token and signature, and again
//! by itself only after proof that nothing was carried out.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::authorization::Tokens;
use super::pace::Pace;
use super::signature::Signer;
use super::{HttpSettings, Quota};
use crate::channels::Reason;
use crate::channels::one_by_one::MayLeave;

/// How often a partner may ask to slow down before a request is given up for now.
const SLOWED_MAX: u32 = 8;
/// The longest that is waited because a partner asked to.
const SLOWED_SECONDS_MAX: u64 = 60;

/// What is sent.
pub(super) struct Call<'c> {
    pub method: Method,
    /// Below the base URL.
    pub path: &'c str,
    /// The idempotency key; none where nothing is carried out.
    pub key: Option<&'c str>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub may_leave: MayLeave,
}

impl<'c> Call<'c> {
    /// A question.
    pub fn get(path: &'c str) -> Call<'c> {
        let (method, may_leave) = (Method::GET, Arc::new(|| Ok(())));
        Call { method, path, key: None, headers: Vec::new(), body: Vec::new(), may_leave }
    }
}

/// What is known after a request.
pub(super) enum Called {
    /// The partner answered, with whatever status is not told below.
    Answered(Answered),
    /// Proven: nothing of it was carried out.
    NotSent(Reason),
    /// It may have been carried out.
    Unknown(Reason),
}

/// An answer, of which the body may be still to come: until it is dropped, a request is under way.
pub(super) struct Answered {
    pub response: Response,
    _place: Option<OwnedSemaphorePermit>,
}

impl Answered {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }
}

/// What a request came to that was not answered.
enum Failed {
    NotSent(Reason),
    Unknown(Reason),
}

/// Connections to one partner, with its token and its quota.
pub(super) struct Caller {
    settings: Arc<HttpSettings>,
    pace: Arc<Pace>,
    /// As many requests as were agreed are under way, whoever makes them.
    places: Arc<Semaphore>,
    tokens: Option<Arc<Tokens>>,
    signer: Option<Signer>,
    client: tokio::sync::OnceCell<Client>,
}

impl Caller {
    /// Connects to nothing yet, and reads no secret yet.
    pub fn new(settings: HttpSettings, quota: Quota) -> Caller {
        Caller {
            pace: Arc::new(Pace::new(quota)),
            places: Arc::new(Semaphore::new(quota.concurrency.max(1) as usize)),
            tokens: settings.oauth.clone().map(Tokens::new).map(Arc::new),
            signer: settings.signing.clone().map(Signer::new),
            client: tokio::sync::OnceCell::new(),
            settings: Arc::new(settings),
        }
    }

    /// The same with connections of its own, for another event loop.
    pub fn anew(&self) -> Caller {
        Caller {
            settings: self.settings.clone(),
            pace: self.pace.clone(),
            places: self.places.clone(),
            tokens: self.tokens.clone(),
            signer: self.signer.clone(),
            client: tokio::sync::OnceCell::new(),
        }
    }

    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    async fn client(&self) -> Result<&Client, Reason> {
        let made = || async {
            let client = Client::builder()
                .connect_timeout(self.settings.connect_timeout)
                .timeout(self.settings.timeout)
                // A payment goes to the address that was agreed, and is repeated by nobody but us.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .http1_only();
            // Fails only when another part of the program has chosen before, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            self.settings.tls.apply(client)?.build().map_err(|error| {
                Reason::new("connection_must_be_possible", format!("HTTP cannot be used: {error}"))
            })
        };
        self.client.get_or_try_init(made).await
    }

    pub async fn call(&self, call: Call<'_>) -> Called {
        // It is never closed.
        let place = self.places.clone().acquire_owned().await.ok();
        let mut is_doubtful = false;
        let is_keyed = call.key.is_some();
        // That the last attempt did nothing says nothing of one that failed before it.
        match self.attempts(call, &mut is_doubtful).await {
            Ok(response)
                if is_doubtful && is_keyed && response.status() == StatusCode::NOT_FOUND =>
            {
                Called::Unknown(Reason::new(
                    "partner_failed",
                    "the partner failed to answer (503), and then its path was not there (404)",
                ))
            }
            Ok(response) => Called::Answered(Answered { response, _place: place }),
            Err(Failed::NotSent(reason)) if is_doubtful => Called::Unknown(reason),
            Err(Failed::NotSent(reason)) => Called::NotSent(reason),
            Err(Failed::Unknown(reason)) => Called::Unknown(reason),
        }
    }

    async fn attempts(&self, call: Call<'_>, is_doubtful: &mut bool) -> Result<Response, Failed> {
        let client = match self.client().await {
            Ok(client) => client,
            Err(reason) => return Err(Failed::NotSent(reason)),
        };
        let mut slowed = 0;
        let mut renewed = false;
        loop {
            let mut request = client
                .request(call.method.clone(), format!("{}{}", self.settings.base_url, call.path));
            for (name, value) in &call.headers {
                request = request.header(*name, value);
            }
            if !call.body.is_empty() {
                request = request.body(call.body.clone());
            }
            if let (Some(header), Some(key)) = (&self.settings.idempotency_header, call.key) {
                request = request.header(header, key);
            }
            if let Some(signer) = &self.signer {
                // A key that is sent in no header is none to the partner.
                let sent = call.key.filter(|_| self.settings.idempotency_header.is_some());
                let key = sent.unwrap_or("");
                match signer.headers(call.method.as_str(), call.path, key, &call.body) {
                    Ok(headers) => {
                        for (name, value) in headers {
                            request = request.header(name, value);
                        }
                    }
                    Err(reason) => return Err(Failed::NotSent(reason)),
                }
            }
            self.pace.ready().await;
            if let Some(tokens) = &self.tokens {
                match tokens.token(client, &self.settings.base_url).await {
                    Ok(token) => request = request.bearer_auth(token),
                    Err(reason) => return Err(Failed::NotSent(reason)),
                }
            }
            if let Err(reason) = (call.may_leave)() {
                return Err(Failed::NotSent(reason));
            }
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) if error.is_connect() => {
                    return Err(Failed::NotSent(Reason::new("partner_not_reached", told(&error))));
                }
                Err(error) if error.is_builder() => {
                    return Err(Failed::NotSent(Reason::new(
                        "request_must_be_possible",
                        told(&error),
                    )));
                }
                Err(error) => {
                    return Err(Failed::Unknown(Reason::new("answer_lost", told(&error))));
                }
            };
            let status = response.status();
            let after = retry_after(&response);
            // 503 comes from the service itself or from whatever stands before it; only a key makes
            // it harmless to repeat.
            let busy = status == StatusCode::TOO_MANY_REQUESTS
                || (status == StatusCode::SERVICE_UNAVAILABLE
                    && after.is_some()
                    && (call.key.is_none() || self.settings.idempotency_header.is_some()));
            if busy {
                slowed += 1;
                *is_doubtful |= status != StatusCode::TOO_MANY_REQUESTS;
                let seconds = after.unwrap_or(1).min(SLOWED_SECONDS_MAX);
                self.pace.slow_down(Duration::from_secs(seconds)).await;
                if slowed < SLOWED_MAX {
                    continue;
                }
                return Err(Failed::NotSent(Reason::new(
                    "partner_asks_to_slow_down",
                    format!("the partner asked {SLOWED_MAX} times to slow down ({status})"),
                )));
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
                return Err(Failed::NotSent(Reason::new(
                    "partner_refuses_us",
                    format!("the partner does not accept our credentials or signature ({status})"),
                )));
            }
            if status.is_server_error() || status.is_redirection() || status.as_u16() == 408 {
                return Err(Failed::Unknown(Reason::new(
                    "partner_failed",
                    format!("the partner failed to answer ({status})"),
                )));
            }
            return Ok(response);
        }
    }
}

/// Reads a small body, which is a JSON object or proves nothing.
pub(super) async fn json_object(
    response: Response,
    bytes_max: usize,
) -> Result<serde_json::Value, Reason> {
    let status = response.status();
    let text = json_object_text(response, bytes_max).await?;
    serde_json::from_str(&text).map_err(|_| no_object(status))
}

/// The text of a small body, as it came: a member may stand in it twice, and whoever reads it has to see that.
pub(super) async fn json_object_text(
    mut response: Response,
    bytes_max: usize,
) -> Result<String, Reason> {
    let status = response.status();
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= bytes_max => {
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                let sentence = format!("the answer is longer than {bytes_max} bytes");
                return Err(Reason::new("answer_must_be_readable", sentence));
            }
            Ok(None) => break,
            Err(error) => return Err(Reason::new("answer_lost", told(&error))),
        }
    }
    match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(body) if body.is_object() => String::from_utf8(bytes).map_err(|_| no_object(status)),
        _ => Err(no_object(status)),
    }
}

fn no_object(status: StatusCode) -> Reason {
    Reason::new("answer_must_be_readable", format!("the answer is no JSON object ({status})"))
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()
}

/// An error of a connection, without the address: it names the payment.
pub(super) fn told(error: &reqwest::Error) -> String {
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => "the partner could not be reached in time".to_owned(),
        (true, false) => "no answer came in time".to_owned(),
        (false, true) => "the partner could not be reached".to_owned(),
        (false, false) => "the connection broke before the answer was whole".to_owned(),
    }
}
