//! A partner that takes one payment a request.

use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};

use super::caller::{Call, Called, Caller, json_object_text};
use super::{HttpSettings, Quota};
use crate::channels::one_by_one::{MayLeave, OneByOne, Reply, RequestTerms};
use crate::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use crate::disk::file_name::FileName;
use crate::domain::digest::Digest;

/// The largest body that is read. Real ones have some hundreds of bytes.
const BODY_BYTES_MAX: usize = 32 * 1024;

pub struct HttpPaymentsChannel {
    requests: Arc<Requests>,
}

impl HttpPaymentsChannel {
    /// Connects to nothing yet, and reads no secret yet.
    pub fn new(
        settings: HttpSettings,
        reference_member: &str,
        quota: Quota,
    ) -> HttpPaymentsChannel {
        let reference = format!("/{reference_member}");
        let requests = Requests { caller: Caller::new(settings, quota), quota, reference };
        HttpPaymentsChannel { requests: Arc::new(requests) }
    }
}

impl Channel for HttpPaymentsChannel {
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
    caller: Caller,
    quota: Quota,
    /// A JSON pointer to our reference in a line.
    reference: String,
}

#[async_trait]
impl OneByOne for Requests {
    fn terms(&self) -> RequestTerms {
        let settings = self.caller.settings();
        RequestTerms {
            per_second: self.quota.per_second,
            concurrency: self.quota.concurrency,
            idempotency_hours: settings
                .idempotency_hours
                .filter(|_| settings.idempotency_header.is_some()),
            not_found_is_proof: settings.not_found_is_proof,
            can_be_asked: settings.status_path.is_some(),
        }
    }

    fn reference(&self, line: &[u8]) -> Option<String> {
        let line: serde_json::Value = serde_json::from_slice(line).ok()?;
        line.pointer(&self.reference)?.as_str().map(str::to_owned)
    }

    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply {
        let path = &self.caller.settings().send_path;
        let call = Call {
            method: Method::POST,
            path,
            key: Some(reference),
            headers: vec![("accept", JSON.to_owned()), ("content-type", JSON.to_owned())],
            body: line,
            may_leave,
        };
        match self.said(call).await {
            // What is not there has carried out nothing. Without a body it is the path; with one it may be the payee,
            // which the partner's format knows.
            Reply::Absent => Reply::NotSent(path_must_be_right(path)),
            reply => reply,
        }
    }

    async fn ask(&self, reference: &str) -> Reply {
        let Some(path) = &self.caller.settings().status_path else {
            return Reply::Unknown(Reason::new(
                "partner_cannot_be_asked",
                "this partner has no way to ask about a payment",
            ));
        };
        // References are upper-case letters and digits, so that they stand in a path as they are.
        let path = path.replace("{reference}", reference);
        let headers = vec![("accept", JSON.to_owned())];
        match self.said(Call { headers, ..Call::get(&path) }).await {
            Reply::Said { http: NOT_FOUND, .. } => Reply::Absent,
            reply => reply,
        }
    }
}

/// Why nothing more is sent to a path that is not there.
pub fn path_must_be_right(path: &str) -> Reason {
    Reason::new(
        "partner_path_must_be_right",
        format!("{path} is not there (404); check send_path with the partner"),
    )
}

const JSON: &str = "application/json";
const NOT_FOUND: u16 = StatusCode::NOT_FOUND.as_u16();

impl Requests {
    async fn said(&self, call: Call<'_>) -> Reply {
        // Its place is held until the body is read.
        let answered = match self.caller.call(call).await {
            Called::Answered(answered) => answered,
            Called::NotSent(reason) => return Reply::NotSent(reason),
            Called::Unknown(reason) => return Reply::Unknown(reason),
        };
        let status = answered.status();
        match json_object_text(answered.response, BODY_BYTES_MAX).await {
            Ok(body) => Reply::Said { http: status.as_u16(), body },
            Err(_) if status == StatusCode::NOT_FOUND => Reply::Absent,
            Err(reason) => Reply::Unknown(reason),
        }
    }
}
