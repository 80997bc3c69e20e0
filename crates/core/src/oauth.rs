//! The token endpoint of OAuth 2: the form that asks for a token and the answer that grants it, for all clouds.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use sha2::{Digest, Sha256};

use crate::{
    Error, ErrorKind, Origin, Payload, Result, Secret, Signer, Token, TokenSource, token::TokenSigner,
    uri::form, wire::view,
};

/// What a token is good for if the answer does not say.
const USUAL_LIFETIME: Duration = Duration::from_secs(3600);
/// Nothing is kept for longer.
const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);
/// From here on a time is given in milliseconds.
const MILLISECONDS: u64 = 100_000_000_000;

view! {
    #[derive(Clone, Default)]
    struct Granted {
        access_token: Option<String>,
        token: Option<String>,
        expires_in: Option<serde_json::Value>,
        expires_at: Option<serde_json::Value>,
    }
}

/// Credentials that are exchanged by the same form each time.
pub struct Source {
    issuer: &'static str,
    url: String,
    form: Secret,
    authorization: Option<HeaderValue>,
    key: String,
}

impl Source {
    /// A form with these fields, posted to `url`. `issuer` is who grants the token, for people to read.
    pub fn new(issuer: &'static str, url: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let (url, form) = (url.into(), form(fields.iter().copied()));
        let key = key(issuer, &[&url, &form]);
        Self { issuer, url, form: Secret::new(form), authorization: None, key }
    }

    /// The same, with a value of the header `Authorization` (`Basic …`).
    ///
    /// # Errors
    /// It cannot stand in a header.
    pub fn with_authorization(mut self, value: &str) -> Result<Self> {
        self.key = key(self.issuer, &[&self.url, self.form.expose(), value]);
        self.authorization = Some(Secret::new(value).header_value("")?);
        Ok(self)
    }

    /// The signer of a deployment that has these credentials.
    pub fn signer(self) -> Arc<dyn Signer> {
        Arc::new(TokenSigner(self))
    }
}

impl TokenSource for Source {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, _now: SystemTime) -> Result<Request<Payload>> {
        let mut request = post(&self.url, self.form.expose().to_owned())?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        Ok(request)
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
        granted(self.issuer, head, body, now)
    }
}

/// The value of `Authorization` for a name and a password.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// A form, posted.
///
/// # Errors
/// `url` is no URL.
pub fn ask(url: &str, fields: &[(&str, &str)]) -> Result<Request<Payload>> {
    post(url, form(fields.iter().copied()))
}

/// The token in an answer of `issuer`.
///
/// # Errors
/// It was refused, or is not there.
pub fn granted(issuer: &str, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
    let granted: Granted = serde_json::from_slice(body).unwrap_or_default();
    if let (true, Some(token)) =
        (head.status.is_success(), granted.access_token.as_ref().or(granted.token.as_ref()))
    {
        let expires = now + granted.lifetime(now).min(LONGEST_LIFETIME);
        return Token::bearer(token, expires)
            .ok_or_else(|| wrong(format!("The token of {issuer} cannot stand in a header.")));
    }
    let status = head.status.as_u16();
    let kind = match status {
        429 => ErrorKind::RateLimit,
        500.. => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Authentication,
    };
    let said = said(body).unwrap_or_else(|| format!("status {status}"));
    let message = format!("{issuer} gave no token for the credentials: {said}");
    Err(Error::new(kind, Origin::Upstream, message).with_status(status))
}

/// A credential that cannot be used as it was written.
pub fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Authentication, Origin::Gateway, message)
}

/// What tells the credentials of an issuer apart without showing them: [`TokenSource::key`].
pub fn key(issuer: &str, credentials: &[&str]) -> String {
    let mut digest = Sha256::new();
    for credential in credentials {
        digest.update(credential.len().to_le_bytes());
        digest.update(credential);
    }
    format!("{issuer}:{}", hex::encode(digest.finalize()))
}

fn post(url: &str, form: String) -> Result<Request<Payload>> {
    Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .body(Payload::from(form))
        .map_err(|_| wrong(format!("The address for tokens, `{url}`, is no URL.")))
}

impl Granted {
    fn lifetime(&self, now: SystemTime) -> Duration {
        if let Some(seconds) = self.expires_in.as_ref().and_then(number) {
            return Duration::from_secs(seconds);
        }
        let Some(at) = self.expires_at.as_ref().and_then(number) else { return USUAL_LIFETIME };
        let at = if at >= MILLISECONDS { Duration::from_millis(at) } else { Duration::from_secs(at) };
        let at = SystemTime::UNIX_EPOCH.checked_add(at).unwrap_or(now);
        at.duration_since(now).unwrap_or_default()
    }
}

fn number(value: &serde_json::Value) -> Option<u64> {
    match value {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// What the issuer says is wrong, in any of the usual members.
fn said(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let names = ["error", "error_description", "errorMessage", "message"];
    let words: Vec<&str> = names.iter().filter_map(|name| answer.get(name)?.as_str()).collect();
    (!words.is_empty()).then(|| words.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16) -> Parts {
        let mut response = http::Response::new(());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response.into_parts().0
    }

    #[test]
    fn tokens_in_everyone_s_words() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (body, lifetime) in [
            (r#"{"access_token":"t","expires_in":60}"#, 60),
            (r#"{"access_token":"t","expires_in":"60"}"#, 60),
            (r#"{"access_token":"t","expires_at":1000000060000}"#, 60),
            (r#"{"token":"t","expires_at":1000000060}"#, 60),
            (r#"{"token":"t","expires_at":5}"#, 0),
            (r#"{"access_token":"t","expires_in":{}}"#, 3600),
            (r#"{"access_token":"t","expires_in":99999999999999}"#, 86_400),
        ] {
            let token = granted("it", &head(200), &Bytes::from_static(body.as_bytes()), now).unwrap();
            assert_eq!(token.value.to_str().unwrap(), "Bearer t");
            assert_eq!(token.expires_at, now + Duration::from_secs(lifetime), "{body}");
        }
    }

    #[test]
    fn refusals_say_why() {
        let refusal = |status, body: &'static str| {
            let error =
                granted("It", &head(status), &Bytes::from_static(body.as_bytes()), SystemTime::UNIX_EPOCH);
            let error = error.unwrap_err();
            (error.kind().status(), error.message().to_owned())
        };
        let start = "It gave no token for the credentials: ";
        let bad = r#"{"error":"invalid_client","error_description":"who?"}"#;
        assert_eq!(refusal(400, bad), (401, format!("{start}invalid_client: who?")));
        assert_eq!(refusal(503, "<html>"), (503, format!("{start}status 503")));
        assert_eq!(refusal(200, r#"{"access_token":7}"#), (401, format!("{start}status 200")));
        assert_eq!(refusal(429, r#"{"errorMessage":"slow"}"#), (429, format!("{start}slow")));
    }

    #[test]
    fn keys_tell_credentials_apart_and_do_not_show_them() {
        assert_ne!(key("a", &["bc", "d"]), key("a", &["b", "cd"]));
        assert!(!key("a", &["secret"]).contains("secret"));
        assert_eq!(basic("a", "b"), "Basic YTpi");
    }
}
