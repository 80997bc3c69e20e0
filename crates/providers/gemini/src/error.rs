//! What Google's APIs say when they refuse or fail.

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{Attempt, Error, ErrorKind, Origin, Raw, Result, wire::view};

use crate::wire::{Lax, read};

/// How much of a body that is no JSON goes into the message.
const LONGEST_TEXT: usize = 2000;

view! {
    #[derive(Clone, Debug, Default)]
    struct Envelope {
        error: Option<Raw>,
        message: Lax<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Status {
        code: Lax<u16>,
        message: Lax<String>,
        status: Lax<String>,
        details: Lax<Vec<Detail>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Detail {
        reason: Lax<String>,
        retry_delay as "retryDelay": Lax<String>,
    }
}

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    let status = head.status.as_u16();
    let header = head.headers.get("retry-after").and_then(|value| value.to_str().ok());
    let mut error =
        Said::read(body).error(status).with_provider(&*attempt.target.provider.id).with_body(body.clone());
    if error.retry_after().is_none()
        && let Some(delay) = header.and_then(seconds)
    {
        error = error.with_retry_after(delay);
    }
    error
}

/// Checks that a body with a good status is not an error all the same: Google sends single errors and lists of them.
pub(crate) fn check(error: Option<&Raw>, body: &[u8]) -> Result<()> {
    let Some(raw) = error.filter(|raw| !crate::wire::is_blank(raw)) else { return Ok(()) };
    let status = read::<Status>(raw).and_then(|status| status.code.0).unwrap_or(500);
    let status = if status < 400 { 500 } else { status };
    Err(Said::read(body).error(status))
}

/// A body that is not what was promised.
pub(crate) fn malformed(body: &Bytes, why: &serde_json::Error) -> Error {
    Error::invalid_response(format!("The provider's answer cannot be read: {why}")).with_body(body.clone())
}

/// What an error says.
struct Said {
    message: String,
    status: Option<String>,
    reasons: Vec<String>,
    delay: Option<Duration>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let envelope: Option<Envelope> = serde_json::from_slice(body).ok().or_else(|| {
            // Without `alt=sse`, errors of streams come in a list.
            serde_json::from_slice::<Vec<Envelope>>(body).ok()?.into_iter().next()
        });
        let envelope = envelope.unwrap_or_default();
        let error = envelope.error.as_deref();
        let said = error.and_then(read::<Status>).unwrap_or_default();
        let message = said.message.0.or_else(|| read(error?)).or(envelope.message.0);
        let details = said.details.0.unwrap_or_default();
        Self {
            message: message.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| as_text(body)),
            status: said.status.0,
            delay: details.iter().find_map(|detail| seconds(detail.retry_delay.0.as_deref()?)),
            reasons: details.into_iter().filter_map(|detail| detail.reason.0).collect(),
        }
    }

    fn error(self, status: u16) -> Error {
        let mut error = Error::new(self.kind(status), Origin::Upstream, self.message).with_status(status);
        if let Some(own) = self.status {
            error = error.with_code(own);
        }
        match self.delay {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        let message = self.message.to_ascii_lowercase();
        let client = (400..500).contains(&status) && status != 429;
        if client && is_too_long(&message) {
            return ErrorKind::ContextWindow;
        }
        let key = self.reasons.iter().any(|reason| reason.starts_with("API_KEY_"));
        if status == 400 && (key || message.contains("api key not valid")) {
            return ErrorKind::Authentication;
        }
        ErrorKind::from_status(status)
    }
}

fn is_too_long(message: &str) -> bool {
    const SIGNS: [&str; 5] = [
        "exceeds the maximum number of tokens",
        "exceeds the maximum number of input tokens",
        "input token count exceeds",
        "maximum context length",
        "prompt is too long",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

/// Seconds, with or without their unit.
fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.trim().trim_end_matches('s').parse().ok()?;
    Duration::try_from_secs_f64(number).ok()
}

fn as_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return "The provider gave no reason.".to_owned();
    }
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_reasons_and_messages() {
        let of = |status: u16, body: &str| Said::read(body.as_bytes()).error(status);
        let quota = of(
            429,
            r#"{"error":{"code":429,"message":"Quota.","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"36s"}]}}"#,
        );
        assert_eq!((quota.kind(), quota.message()), (ErrorKind::RateLimit, "Quota."));
        assert_eq!(quota.retry_after(), Some(Duration::from_secs(36)));
        assert_eq!(quota.code(), Some("RESOURCE_EXHAUSTED"));
        let key = of(400, r#"{"error":{"message":"no","details":[{"reason":"API_KEY_INVALID"}]}}"#);
        assert_eq!(key.kind(), ErrorKind::Authentication);
        let long = of(
            400,
            r#"[{"error":{"message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}}]"#,
        );
        assert_eq!(long.kind(), ErrorKind::ContextWindow);
        assert_eq!(of(502, "<html>").message(), "<html>");
    }
}
