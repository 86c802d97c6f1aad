//! A way on which every payment is a request of its own.
//!
//! Reads: lines of the approved file, each the body of one request.
//! Gives: what came back for each, in kinds that are never mixed up: said, absent, not sent, unknown.
//! Like a [`super::Channel`] it never decides to send again.

use std::sync::Arc;

use async_trait::async_trait;

use super::Reason;

#[async_trait]
pub trait OneByOne: Send + Sync {
    /// How fast, and what may be repeated.
    fn terms(&self) -> RequestTerms;

    /// Our reference in a line, if it has one.
    fn reference(&self, line: &[u8]) -> Option<String>;

    /// Sends one line. The reference is the idempotency key, whatever the attempt. Whoever sends may
    /// have to wait, and asks at the last moment whether it still may leave.
    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply;

    /// Asks what became of a reference.
    async fn ask(&self, reference: &str) -> Reply;
}

/// Whether a request may still leave, or why not, asked when it is about to.
pub type MayLeave = Arc<dyn Fn() -> Result<(), Reason> + Send + Sync>;

/// What was agreed about requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestTerms {
    /// How many may leave in a second.
    pub per_second: u32,
    /// How many may be under way at once.
    pub concurrency: u32,
    /// For so long the partner answers a repeated key without paying again; none: it knows no keys.
    pub idempotency_hours: Option<u32>,
    /// A reference that the partner does not know was never received. Agreed with it, not guessed.
    pub not_found_is_proof: bool,
    /// Whether it can be asked at all.
    pub can_be_asked: bool,
}

/// What is known after a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The partner said something of this payment: its HTTP status and the text of a JSON object, as it came.
    Said { http: u16, body: String },
    /// The partner knows no such reference.
    Absent,
    /// Proven: nothing of it was carried out. It may be sent again.
    NotSent(Reason),
    /// It may have been carried out.
    Unknown(Reason),
}
