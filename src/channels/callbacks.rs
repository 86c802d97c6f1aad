//! Takes what partners send by themselves: a word about a payment, or an answer file.
//!
//! Reads: requests to `/callbacks/PARTNER` whose signature, by a key that was agreed, covers method, path,
//! moment and body. Gives: the body as a file of our own, durable before the partner is told that we have
//! it; the same body is one file, however often it comes. Nothing is read in it here.
//!
//! Whoever knows no key writes nothing. Every connection has a size, a time and a number in which it must
//! be done, so that nobody can hold the door shut for long.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as InPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::Listener;
use jiff::civil::DateTime;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::http::{DATE_HEADER, Signing, canonical_request, utc, verify};
use crate::disk::Disk;
use crate::disk::file_name::FileName;
use crate::disk::publish::publish;
use crate::domain::digest::Digest;

/// The largest body that is taken.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// How far the moment of a signature may be from ours, in either direction.
pub const WINDOW: Duration = Duration::from_secs(300);
/// How long a connection may take, whatever it does.
const CONNECTION: Duration = Duration::from_secs(30);
/// How many connections are served at once; more wait.
const CONNECTIONS_MAX: usize = 64;

/// Where callbacks are taken, and from whom.
pub struct Callbacks {
    pub disk: Arc<dyn Disk>,
    /// An existing folder with one folder for each partner.
    pub folder: PathBuf,
    /// How each partner signs: with a secret that both hold, or with its RSA key, of which we have the
    /// public half.
    pub partners: BTreeMap<String, Signing>,
}

/// Where the callbacks of a partner lie until they are collected.
pub fn folder_of(folder: &Path, partner: &str) -> PathBuf {
    folder.join(partner)
}

/// Serves until the process ends.
pub async fn receive(listener: TcpListener, callbacks: Callbacks) -> io::Result<()> {
    receive_within(listener, callbacks, CONNECTION).await
}

/// The same with another time for a connection.
pub async fn receive_within(
    listener: TcpListener,
    callbacks: Callbacks,
    connection: Duration,
) -> io::Result<()> {
    let router = Router::new()
        .route("/callbacks/{partner}", post(received))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(callbacks));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    axum::serve(Door { listener, places, connection }, router).await
}

async fn received(
    State(callbacks): State<Arc<Callbacks>>,
    InPath(partner): InPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let taking = tokio::task::spawn_blocking(move || {
        callbacks.take(&partner, &headers, &body, utc(SystemTime::now()))
    });
    taking.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl Callbacks {
    /// Keeps a body, if it is the partner's and of now.
    fn take(&self, partner: &str, headers: &HeaderMap, body: &[u8], now: DateTime) -> StatusCode {
        let Some(signing) = self.partners.get(partner) else { return StatusCode::NOT_FOUND };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(at), Some(signature)) = (header(DATE_HEADER), header(signing.header())) else {
            return StatusCode::UNAUTHORIZED;
        };
        if !is_now(at, now) {
            return StatusCode::UNAUTHORIZED;
        }
        let canonical = canonical_request("POST", &format!("/callbacks/{partner}"), at, "", body);
        match verify(signing, &canonical, signature) {
            Ok(true) => {}
            Ok(false) => return StatusCode::UNAUTHORIZED,
            Err(reason) => {
                tracing::error!(partner, code = reason.code, "a callback cannot be checked");
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        }
        if body.is_empty() {
            return StatusCode::BAD_REQUEST;
        }
        let digest = Digest::of(body);
        let Ok(name) = FileName::parse(&format!("{digest}.answer")) else {
            return StatusCode::INTERNAL_SERVER_ERROR;
        };
        let folder = folder_of(&self.folder, partner);
        match publish(&*self.disk, &folder, &name, &digest, &mut { body }) {
            Ok(_) => StatusCode::OK,
            Err(error) => {
                tracing::error!(partner, %error, "a callback cannot be kept");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// Whether a moment, written `2026-11-02T01:00:00Z`, is close enough to ours.
fn is_now(at: &str, now: DateTime) -> bool {
    let at = at.strip_suffix('Z').and_then(|at| at.parse::<DateTime>().ok());
    at.is_some_and(|at| now.duration_since(at).unsigned_abs() <= WINDOW)
}

/// A listener whose connections have a place and a time.
struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    connection: Duration,
}

impl Listener for Door {
    type Io = Timed;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Timed, std::net::SocketAddr) {
        loop {
            // The semaphore is never closed.
            let Ok(place) = self.places.clone().acquire_owned().await else { continue };
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let until = Box::pin(tokio::time::sleep(self.connection));
            return (Timed { stream, until, _place: place }, address);
        }
    }

    fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends at its time, whoever is slow.
struct Timed {
    stream: TcpStream,
    until: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Timed {
    fn must_be_in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.until.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.must_be_in_time(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.must_be_in_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_within_the_window_alone() {
        let now: DateTime = "2026-11-02T01:00:00".parse().unwrap();
        for (at, counts) in [
            ("2026-11-02T01:00:00Z", true),
            ("2026-11-02T00:55:00Z", true),
            ("2026-11-02T01:05:00Z", true),
            ("2026-11-02T00:54:59Z", false),
            ("2026-11-02T01:05:01Z", false),
            ("2026-11-02T01:00:00", false),
            ("2026-11-02T01:00:00+07:00", false),
            ("-009999-01-01T00:00:00Z", false),
            ("", false),
            ("now", false),
        ] {
            assert_eq!(is_now(at, now), counts, "{at}");
        }
    }
}
