//! What the provider says when it refuses or fails.

use ::http::{HeaderMap, response::Parts};
use bytes::Bytes;
use lockgate_core::{Attempt, Error, ErrorKind, Retry, refusal::Refusal};

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    explain(Refusal::of_body(body), head.status.as_u16(), &head.headers, body)
        .with_provider(&*attempt.target.provider.id)
}

/// An error that came with a good status: a whole answer or an event of a stream.
pub(crate) fn in_answer(body: &[u8]) -> Error {
    let said = Refusal::of_body(body);
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
    explain(said, status, &HeaderMap::new(), &Bytes::copy_from_slice(body))
}

fn explain(said: Refusal, status: u16, headers: &HeaderMap, body: &Bytes) -> Error {
    let overloaded = status >= 500 && said.type_.as_deref() == Some("overloaded_error");
    let error = said.into_error(status, headers, body);
    if overloaded {
        return error.with_kind(ErrorKind::ServiceUnavailable);
    }
    // An account without credit: another one may have some.
    if error.message().contains("credit balance is too low") { error.with_retry(Retry::Other) } else { error }
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
        assert!(in_answer(b"<html>").message().contains("HTML"));
        assert_eq!(in_answer(br#"{"error":"no"}"#).message(), "no");
    }
}
