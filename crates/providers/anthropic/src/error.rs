//! What the provider says when it refuses or fails.

use std::time::Duration;

use ::http::{HeaderMap, response::Parts};
use bytes::Bytes;
use lockgate_core::{Attempt, Error, ErrorKind, Origin, Retry};

use crate::wire::{ErrorBody, ErrorEnvelope};

/// How much of a body that is no JSON goes into the message.
const LONGEST_TEXT: usize = 2000;

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    let status = head.status.as_u16();
    let said = Said::read(body);
    let kind = kind(status, &said);
    let mut error = Error::new(kind, Origin::Upstream, said.message)
        .with_status(status)
        .with_provider(&*attempt.target.provider.id)
        .with_body(body.clone());
    if let Some(type_) = said.type_ {
        error = error.with_type(type_);
    }
    if let Some(id) = header(&head.headers, "request-id").map(str::to_owned).or(said.request_id) {
        error = error.with_request_id(id);
    }
    if let Some(delay) = retry_after(&head.headers) {
        error = error.with_retry_after(delay);
    }
    // An account without credit, and a header that asks for no second try.
    if is_out_of_credit(error.message()) {
        return error.with_retry(Retry::Other);
    }
    match header(&head.headers, "x-should-retry") {
        Some("false") if error.retry() == Retry::Same => error.with_retry(Retry::Other),
        _ => error,
    }
}

/// An error that came with a good status: a whole answer or an event of a stream.
pub(crate) fn in_answer(body: &[u8]) -> Error {
    let said = Said::read(body);
    let status = match said.type_.as_deref() {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("billing_error") => 402,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("request_too_large") => 413,
        Some("rate_limit_error") => 429,
        Some("timeout_error") => 504,
        Some("overloaded_error") => 529,
        _ => 500,
    };
    let mut error = Error::new(kind(status, &said), Origin::Upstream, said.message).with_status(status);
    if let Some(type_) = said.type_ {
        error = error.with_type(type_);
    }
    match said.request_id {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// What an error says.
struct Said {
    message: String,
    type_: Option<String>,
    request_id: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let envelope: ErrorEnvelope = serde_json::from_slice(body).unwrap_or_default();
        let raw = envelope.error.as_ref().map(|raw| raw.get()).unwrap_or_default();
        let inner: ErrorBody = serde_json::from_str(raw).unwrap_or_default();
        // Servers that only resemble Anthropic's give a bare text, in `error` or beside it.
        let message = inner
            .message
            .or_else(|| serde_json::from_str(raw).ok())
            .or_else(|| text(envelope.extra.get("message")?.get()))
            .or_else(|| text(envelope.extra.get("detail")?.get()))
            .unwrap_or_else(|| as_text(body));
        Self { message, type_: inner.kind, request_id: envelope.request_id }
    }
}

fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

fn as_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return "The provider gave no reason.".to_owned();
    }
    text.chars().take(LONGEST_TEXT).collect()
}

fn kind(status: u16, said: &Said) -> ErrorKind {
    let message = said.message.to_ascii_lowercase();
    if (400..500).contains(&status) && status != 429 {
        if is_too_long(&message) {
            return ErrorKind::ContextWindow;
        }
        if message.contains("content filtering policy") || message.contains("content policy") {
            return ErrorKind::ContentPolicy;
        }
    }
    match (status, said.type_.as_deref()) {
        (500.., Some("overloaded_error")) => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::from_status(status),
    }
}

fn is_too_long(message: &str) -> bool {
    const SIGNS: [&str; 5] = [
        "prompt is too long",
        "exceed context limit",
        "exceeds the context window",
        "maximum context length",
        "too many tokens in prompt",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

fn is_out_of_credit(message: &str) -> bool {
    message.contains("credit balance is too low")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = header(headers, "retry-after-ms").and_then(|value| value.trim().parse::<f64>().ok());
    let seconds = header(headers, "retry-after").and_then(|value| value.trim().parse::<f64>().ok());
    let seconds = milliseconds.map(|value| value / 1000.0).or(seconds)?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_type_and_message() {
        let of = |text: &str| in_answer(text.as_bytes()).kind();
        assert_eq!(
            of(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
            ErrorKind::ServiceUnavailable
        );
        assert_eq!(
            of(r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#),
            ErrorKind::ContextWindow
        );
        assert_eq!(of(r#"{"error":"rate limited"}"#), ErrorKind::Internal);
        assert_eq!(in_answer(b"<html>").message(), "<html>");
        assert_eq!(in_answer(br#"{"error":"no"}"#).message(), "no");
    }
}
