//! What Cohere says when it refuses or fails: `{"message": "…"}`.

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{Attempt, Error, ErrorKind, Origin, Raw, wire::view};
use serde_json::value::RawValue;

use crate::wire::read;

/// How much of a body that is no JSON goes into the message.
const LONGEST_TEXT: usize = 2000;

view! {
    #[derive(Clone, Debug, Default)]
    struct Envelope {
        message: Option<Raw>,
        error: Option<Raw>,
    }
}

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    let envelope: Envelope = serde_json::from_slice(body).unwrap_or_default();
    let said = envelope.message.as_deref().or(envelope.error.as_deref()).and_then(text);
    let message = said.unwrap_or_else(|| plain(body));
    let error = explain(head.status.as_u16(), message)
        .with_provider(&*attempt.target.provider.id)
        .with_body(body.clone());
    match head.headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok()) {
        Some(seconds) => error.with_retry_after(Duration::from_secs(seconds)),
        None => error,
    }
}

/// The provider failed while it answered.
pub(crate) fn failed(said: Option<&RawValue>) -> Error {
    explain(500, said.and_then(text).unwrap_or_else(|| "The provider failed while it answered.".to_owned()))
}

/// A body that is not what was promised.
pub(crate) fn malformed(body: &Bytes, why: &serde_json::Error) -> Error {
    Error::invalid_response(format!("The provider's answer cannot be read: {why}")).with_body(body.clone())
}

fn explain(status: u16, message: String) -> Error {
    let lower = message.to_ascii_lowercase();
    let too_long = ["too many tokens", "context length", "exceeds the maximum number of tokens"];
    let kind = match status {
        400..=499 if status != 429 && too_long.iter().any(|sign| lower.contains(sign)) => {
            ErrorKind::ContextWindow
        }
        // Cohere's own status for blocked inputs and outputs.
        498 => ErrorKind::ContentPolicy,
        _ => ErrorKind::from_status(status),
    };
    Error::new(kind, Origin::Upstream, message).with_status(status)
}

/// The words of an error: a string, or an object with a message.
fn text(raw: &RawValue) -> Option<String> {
    let words = read::<String>(raw).or_else(|| read(read::<Envelope>(raw)?.message.as_deref()?));
    words.filter(|words| !words.trim().is_empty())
}

fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        "" => "The provider gave no reason.".to_owned(),
        text => text.chars().take(LONGEST_TEXT).collect(),
    }
}
