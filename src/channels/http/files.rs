//! A partner that takes a whole file in one request, and gives its answers as files.
//!
//! The key of a file is the beginning of its name, which is its message id and is never used again: a
//! partner that gets it twice with the same bytes has one file. It is asked for by name, and says which
//! bytes it holds; only that proves a delivery.

use std::io::{Read, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};

use super::caller::{Answered, Call, Called, Caller, json_object, told};
use super::{HttpSettings, Quota};
use crate::channels::{
    AnswerFile, Answers, Channel, CollectError, Delivery, DeliveryOutcome, Fetched, Parcel,
    QueryOutcome, Reason, RefusedName,
};
use crate::disk::file_name::FileName;
use crate::disk::publish::NAME_TAKEN;
use crate::domain::digest::{Digest, Hasher};

/// The largest file that leaves in one request.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// The largest list of answers, and the largest word about a file.
const LIST_BYTES_MAX: usize = 8 << 20;

pub struct HttpFilesChannel {
    caller: Caller,
    answers_path: String,
    answer_bytes_max: u64,
}

impl HttpFilesChannel {
    /// Connects to nothing yet, and reads no secret yet. `answer_bytes_max` is the largest answer that
    /// is taken in.
    pub fn new(
        settings: HttpSettings,
        answers_path: &str,
        quota: Quota,
        answer_bytes_max: u64,
    ) -> HttpFilesChannel {
        let caller = Caller::new(settings, quota);
        HttpFilesChannel { caller, answers_path: answers_path.to_owned(), answer_bytes_max }
    }

    /// Runs one operation on an event loop of its own, with connections of its own.
    fn within<T>(&self, doing: impl AsyncFnOnce(Caller) -> T) -> Result<T, Reason> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(
            |error| {
                Reason::new("connection_must_be_possible", format!("HTTP cannot be used: {error}"))
            },
        )?;
        let done = runtime.block_on(doing(self.caller.anew()));
        runtime.shutdown_background();
        Ok(done)
    }
}

impl Channel for HttpFilesChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        let Parcel { name, source, digest, count, total } = parcel;
        let mut body = Vec::new();
        let unread = |why: String| {
            let sentence = format!("`{name}` was not sent: {why}");
            DeliveryOutcome::NotDelivered(Reason::new("file_must_be_whole", sentence))
        };
        match source.take(FILE_BYTES_MAX + 1).read_to_end(&mut body) {
            Err(error) => return unread(error.to_string()),
            Ok(read) if read as u64 > FILE_BYTES_MAX => {
                return unread(format!(
                    "it has more than {FILE_BYTES_MAX} bytes, which is the most in one request; agree on fewer \
                     payments a file (count_max)"
                ));
            }
            Ok(_) if Digest::of(&body) != digest => {
                return unread("its bytes are not the approved ones".to_owned());
            }
            Ok(_) => {}
        }
        let bytes = body.len() as u64;
        let headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            ("content-digest", content_digest(&digest)),
            ("x-payment-count", count.to_string()),
            ("x-payment-total-minor", total.minor().to_string()),
        ];
        let sent = self.within(async |caller: Caller| {
            let path = placed(&caller.settings().send_path, &name);
            let call = Call {
                method: Method::POST,
                path: &path,
                key: Some(key_of(&name)),
                headers,
                body,
                may_leave: Arc::new(|| Ok(())),
            };
            let status = match caller.call(call).await {
                Called::NotSent(reason) => return DeliveryOutcome::NotDelivered(reason),
                Called::Unknown(reason) => return DeliveryOutcome::Unknown(reason),
                Called::Answered(answered) => answered.status(),
            };
            // What the partner says that it holds is proof; that it said yes is none.
            let held = look(&caller, &name, &digest).await;
            match (held, status) {
                (QueryOutcome::Held { .. }, _) => DeliveryOutcome::Delivered(Delivery {
                    digest,
                    bytes,
                    already_there: status == StatusCode::OK,
                }),
                (QueryOutcome::DifferentBytes { found }, _) => {
                    DeliveryOutcome::NotDelivered(Reason::new(
                        NAME_TAKEN,
                        format!("the partner holds other bytes as `{name}` ({found})"),
                    ))
                }
                // The file itself is refused, so that nothing of it is carried out.
                (QueryOutcome::NotThere, refused) if REFUSED.contains(&refused.as_u16()) => {
                    DeliveryOutcome::NotDelivered(Reason::new(
                        "partner_refuses_the_file",
                        format!("the partner refuses `{name}` ({refused}), and does not have it"),
                    ))
                }
                (QueryOutcome::NotThere, status) => DeliveryOutcome::Unknown(Reason::new(
                    "partner_contradicts_itself",
                    format!("the partner said {status} to `{name}`, and does not know it"),
                )),
                (QueryOutcome::Unavailable(reason), _) => DeliveryOutcome::Unknown(reason),
            }
        });
        sent.unwrap_or_else(DeliveryOutcome::NotDelivered)
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        let asked = self.within(async |caller: Caller| look(&caller, name, digest).await);
        asked.unwrap_or_else(QueryOutcome::Unavailable)
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        let listed = self.within(async |caller: Caller| {
            let answered = answered(&caller, &self.answers_path).await?;
            let list = json_object(answered.response, LIST_BYTES_MAX).await?;
            let listed = list["answers"].as_array().ok_or_else(|| {
                Reason::new("answer_must_be_readable", "the list of answers has no `answers`")
            })?;
            let mut answers = Answers::default();
            for one in listed {
                let name = one["name"].as_str().unwrap_or_default();
                let bytes = one["bytes"].as_u64().unwrap_or_default();
                match FileName::parse(name) {
                    Ok(name) => answers.files.push(AnswerFile { name, bytes }),
                    Err(error) => {
                        answers.refused.push(RefusedName::new(name, bytes, &error));
                    }
                }
            }
            answers.files.sort_by(|left, right| left.name.as_str().cmp(right.name.as_str()));
            answers.files.dedup_by(|left, right| left.name == right.name);
            Ok::<Answers, Reason>(answers)
        });
        listed.and_then(|listed| listed).map_err(closed)
    }

    fn fetch(&self, name: &FileName, into: &mut dyn Write) -> Result<Fetched, CollectError> {
        let fetched = self.within(async |caller: Caller| {
            let path = format!("{}/{}", self.answers_path, in_path(name));
            let mut answered = answered(&caller, &path).await.map_err(closed)?;
            let promised = answered.response.headers().get("content-digest").cloned();
            let (mut hasher, mut bytes) = (Hasher::new(), 0_u64);
            loop {
                let chunk = answered.response.chunk().await;
                let chunk =
                    chunk.map_err(|error| closed(Reason::new("answer_lost", told(&error))))?;
                let Some(chunk) = chunk else { break };
                bytes += chunk.len() as u64;
                if bytes > self.answer_bytes_max {
                    return Err(CollectError::AnswerMustFitTheLimit {
                        name: name.to_string(),
                        bytes_max: self.answer_bytes_max,
                    });
                }
                hasher.update(&chunk);
                into.write_all(&chunk).map_err(|source| CollectError::CopyMustBeWritable {
                    name: name.clone(),
                    source,
                })?;
            }
            let digest = hasher.finish().0;
            let is_another = promised.is_some_and(|promised| {
                promised.to_str().is_ok_and(|text| {
                    text.contains("sha-256=") && !text.contains(&content_digest(&digest))
                })
            });
            match is_another {
                false => Ok(Fetched { digest, bytes }),
                true => Err(closed(Reason::new(
                    "answer_must_be_readable",
                    format!("`{name}` has another digest than its content-digest"),
                ))),
            }
        });
        fetched.map_err(closed)?
    }
}

/// Statuses by which a partner refuses a file for what it is.
const REFUSED: [u16; 7] = [400, 404, 405, 411, 413, 415, 422];

/// Asks what the partner holds under a name. That it knows nothing of it is proof where that was agreed.
async fn look(caller: &Caller, name: &FileName, digest: &Digest) -> QueryOutcome {
    let settings = caller.settings();
    let path = placed(settings.status_path.as_deref().unwrap_or("/"), name);
    let answered = match caller.call(Call::get(&path)).await {
        Called::Answered(answered) => answered,
        Called::NotSent(reason) | Called::Unknown(reason) => {
            return QueryOutcome::Unavailable(reason);
        }
    };
    let status = answered.status();
    if status == StatusCode::NOT_FOUND && settings.not_found_is_proof {
        return QueryOutcome::NotThere;
    }
    if !status.is_success() {
        return QueryOutcome::Unavailable(Reason::new(
            "partner_does_not_tell",
            format!("the partner, asked about `{name}`, said {status}, which proves nothing"),
        ));
    }
    let held = match json_object(answered.response, LIST_BYTES_MAX).await {
        Ok(held) => held,
        Err(reason) => return QueryOutcome::Unavailable(reason),
    };
    match held["sha256"].as_str().map(|text| Digest::parse(&text.to_lowercase())) {
        Some(Ok(found)) if found == *digest => {
            QueryOutcome::Held { bytes: held["bytes"].as_u64().unwrap_or_default() }
        }
        Some(Ok(found)) => QueryOutcome::DifferentBytes { found },
        _ => QueryOutcome::Unavailable(Reason::new(
            "partner_does_not_tell",
            format!("the partner knows `{name}` and does not say with which bytes (sha256)"),
        )),
    }
}

/// A question that is answered with success.
async fn answered(caller: &Caller, path: &str) -> Result<Answered, Reason> {
    match caller.call(Call::get(path)).await {
        Called::Answered(answered) if answered.status().is_success() => Ok(answered),
        Called::Answered(answered) => Err(Reason::new(
            "partner_does_not_tell",
            format!("the partner, asked for its answers, said {}", answered.status()),
        )),
        Called::NotSent(reason) | Called::Unknown(reason) => Err(reason),
    }
}

fn closed(reason: Reason) -> CollectError {
    CollectError::WayMustBeOpen(Reason::new("N161", reason.sentence))
}

/// The key of a file: the beginning of its name, also where it is sealed.
fn key_of(name: &FileName) -> &str {
    name.as_str().split('.').next().unwrap_or_default()
}

fn placed(path: &str, name: &FileName) -> String {
    path.replace("{name}", &in_path(name)).replace("{key}", key_of(name))
}

/// A name as a part of a path.
fn in_path(name: &FileName) -> String {
    super::authorization::encoded(name.as_str())
}

/// RFC 9530.
fn content_digest(digest: &Digest) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest.as_bytes()))
}
