//! What Google's APIs say when they refuse or fail.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{
    Attempt, Error, ErrorKind, Raw, Result,
    refusal::Refusal,
    wire::{lenient_view, view},
};

use crate::wire::read;

view! {
    #[derive(Clone, Debug, Default)]
    struct Envelope {
        error: Option<Raw>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Status {
        code: u16,
        status: String,
        details: Vec<Detail>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Detail {
        reason: String,
        retry_delay as "retryDelay": String,
    }
}

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    explain(head.status.as_u16(), &head.headers, body).with_provider(&*attempt.target.provider.id)
}

/// Checks that a body with a good status is not an error all the same: Google sends single errors and lists of them.
pub(crate) fn check(error: Option<&Raw>, body: &[u8]) -> Result<()> {
    let Some(raw) = error.filter(|raw| !crate::wire::is_blank(raw)) else { return Ok(()) };
    let status = read::<Status>(raw).and_then(|status| status.code).filter(|code| *code >= 400);
    Err(explain(status.unwrap_or(500), &HeaderMap::new(), &Bytes::copy_from_slice(body)))
}

fn explain(status: u16, headers: &HeaderMap, body: &Bytes) -> Error {
    let own = own_words(body);
    let mut said = Refusal::of_body(body);
    said.code = own.status.or(said.code);
    let mut error = said.into_error(status, headers, body);
    let details = own.details.unwrap_or_default();
    let reason = |detail: &Detail| detail.reason.as_deref().is_some_and(|why| why.starts_with("API_KEY_"));
    let key =
        details.iter().any(reason) || error.message().to_ascii_lowercase().contains("api key not valid");
    if status == 400 && key {
        error = error.with_kind(ErrorKind::Authentication);
    }
    let delay = details.iter().find_map(|detail| seconds(detail.retry_delay.as_deref()?));
    match delay {
        Some(delay) => error.with_retry_after(delay),
        None => error,
    }
}

/// What only Google's errors have.
fn own_words(body: &[u8]) -> Status {
    let envelope = serde_json::from_slice::<Envelope>(body).ok().or_else(|| {
        // Without `alt=sse`, errors of streams come in a list.
        serde_json::from_slice::<Vec<Envelope>>(body).ok()?.into_iter().next()
    });
    envelope.and_then(|envelope| read(envelope.error.as_deref()?)).unwrap_or_default()
}

/// `36s`.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_reasons_and_messages() {
        let of = |status: u16, body: &str| {
            explain(status, &HeaderMap::new(), &Bytes::copy_from_slice(body.as_bytes()))
        };
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
        assert!(of(502, "<html>").message().contains("HTML"));
    }
}
