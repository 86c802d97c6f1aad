//! HTTP/1.1 by hand, because a server that behaves would not do what partners do: close the connection
//! after it has booked, fail before or after, let its words drip.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::channels::http::{DATE_HEADER, Signing, canonical_request, verify};

/// The longest line of a head, and the most lines.
const LINE_BYTES_MAX: u64 = 16 * 1024;
const LINES_MAX: usize = 100;
const BODY_BYTES_MAX: usize = 300 << 20;
/// How long a client may be silent.
const SILENT: Duration = Duration::from_secs(60);
/// Between two drops of an answer that drips.
const DRIP: Duration = Duration::from_millis(100);

/// A request as it came.
pub(super) struct Asked {
    pub method: String,
    pub path: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is answered.
pub(super) struct Said {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// A byte at a time.
    pub drips: bool,
}

impl Said {
    pub fn json(status: u16, body: Value) -> Said {
        let headers = vec![("content-type", "application/json".to_owned())];
        Said { status, headers, body: body.to_string().into_bytes(), drips: false }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Said {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// Serves one connection. None from `answer`: the connection closes without a word.
pub(super) async fn serve<F>(
    stream: TcpStream,
    answer: impl Fn(Asked) -> F + Send,
) -> std::io::Result<()>
where
    F: Future<Output = Option<Said>> + Send,
{
    let mut stream = BufReader::new(stream);
    loop {
        let asked = tokio::time::timeout(SILENT, read(&mut stream)).await;
        let Some(asked) = asked.map_err(std::io::Error::other)?? else { return Ok(()) };
        let Some(said) = answer(asked).await else { return Ok(()) };
        let mut head = format!("HTTP/1.1 {} x\r\n", said.status);
        for (name, value) in &said.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", said.body.len()));
        stream.write_all(head.as_bytes()).await?;
        match said.drips {
            false => stream.write_all(&said.body).await?,
            true => {
                for byte in said.body {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(DRIP).await;
                }
            }
        }
        stream.flush().await?;
    }
}

async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Asked>> {
    let Some(line) = line_of(stream).await? else { return Ok(None) };
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = BTreeMap::new();
    for _ in 0..LINES_MAX {
        let Some(line) = line_of(stream).await? else { return Ok(None) };
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse::<usize>().ok());
    let length = length.unwrap_or(0);
    if length > BODY_BYTES_MAX {
        return Err(std::io::Error::other("the body is too long"));
    }
    let mut body = vec![0; length];
    AsyncReadExt::read_exact(stream, &mut body).await?;
    Ok(Some(Asked { method, path, headers, body }))
}

async fn line_of(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    let read = AsyncReadExt::take(stream, LINE_BYTES_MAX).read_until(b'\n', &mut text).await?;
    if read == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&text).trim_end().to_owned()))
}

/// OAuth 2.0 client credentials: what is said to who asks for a token, or has none. None: it may go on.
pub(super) fn let_in(asked: &Asked, token_path: &str, id: &str, secret: &str) -> Option<Said> {
    if asked.path == token_path {
        let right = STANDARD.encode(format!("{id}:{secret}"));
        return Some(match asked.header("authorization") == format!("Basic {right}") {
            true => Said::json(200, json!({ "access_token": TOKEN, "expires_in": 3600 })),
            false => Said::json(401, json!({ "error": "invalid_client" })),
        });
    }
    let has_token = asked.header("authorization") == format!("Bearer {TOKEN}");
    (!has_token).then(|| Said::json(401, json!({ "errorCode": "clientAuthorisationError" })))
}

/// What is said to whom has not signed a request as was agreed, by its path below the partner's own. None: it may go on.
pub(super) fn must_be_signed(asked: &Asked, path: &str, signing: &Signing) -> Option<Said> {
    let keys = [asked.header("x-correlation-id"), asked.header("idempotency-key")];
    let key = keys.into_iter().find(|key| !key.is_empty()).unwrap_or_default();
    let at = asked.header(&DATE_HEADER.to_lowercase());
    let signature = asked.header(&signing.header().to_lowercase());
    let canonical = canonical_request(&asked.method, path, at, key, &asked.body);
    match verify(signing, &canonical, signature) {
        Ok(true) if !at.is_empty() => None,
        Ok(_) => Some(Said::json(401, json!({ "errorCode": "clientAuthorisationError" }))),
        Err(reason) => Some(Said::json(500, json!({ "error": reason.sentence }))),
    }
}

const TOKEN: &str = "token-of-the-sandbox";
