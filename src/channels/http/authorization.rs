//! OAuth 2.0 client credentials: a token is kept until shortly before it expires.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::OAuth;
use super::secret::Secret;
use crate::channels::Reason;

/// So long before a token's end another is asked for.
const EARLY: Duration = Duration::from_secs(30);
/// What a token is good for when the server does not say.
const UNSAID_SECONDS: u64 = 60;

pub(super) struct Tokens {
    oauth: OAuth,
    held: Mutex<Option<(String, Instant)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    pub fn new(oauth: OAuth) -> Tokens {
        Tokens { oauth, held: Mutex::new(None) }
    }

    /// The token in force, or a new one; many requests at once ask for one.
    pub async fn token(&self, client: &reqwest::Client, base: &str) -> Result<String, Reason> {
        let mut held = self.held.lock().await;
        if let Some((token, until)) = &*held
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let secret = Secret::of_file(&self.oauth.secret_file)?;
        let scope = self.oauth.scope.as_ref().map(|scope| format!("&scope={}", encoded(scope)));
        let denied = |why: String| {
            Reason::new("token_must_be_granted", format!("the partner grants no token: {why}"))
        };
        let response = client
            .post(format!("{base}{}", self.oauth.token_path))
            .basic_auth(&self.oauth.client_id, Some(secret.text()?))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials{}", scope.unwrap_or_default()))
            .send()
            .await
            .map_err(|error| denied(super::caller::told(&error)))?;
        if !response.status().is_success() {
            return Err(denied(response.status().to_string()));
        }
        // What the error says might repeat what was sent.
        let granted: Granted = response
            .json()
            .await
            .map_err(|_| denied("its answer has no access_token".to_owned()))?;
        let seconds = Duration::from_secs(granted.expires_in.unwrap_or(UNSAID_SECONDS));
        let until = Instant::now() + seconds.saturating_sub(EARLY);
        *held = Some((granted.access_token.clone(), until));
        Ok(granted.access_token)
    }

    /// Forgets a token that the partner refuses.
    pub async fn forget(&self) {
        *self.held.lock().await = None;
    }
}

/// Percent-encodes a form value, or a part of a path.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
