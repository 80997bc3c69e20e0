//! What upstreams say when they refuse, read from any of the shapes that OpenAI-like servers use.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, response::Parts};
use lockgate_core::{Error, ErrorKind, Origin, Raw, Retry, wire::view};

use crate::lax::Lax;

/// How much of a body that is not JSON goes into a message.
const EXCERPT: usize = 500;

/// Headers in which upstreams name a request.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "request-id", "apim-request-id", "cf-ray"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Envelope {
        error: Option<Raw>,
        errors: Option<Raw>,
        detail: Option<Raw>,
        message: Option<Raw>,
        msg: Option<Raw>,
        kind as "type": Lax<String>,
        error_type: Lax<String>,
        code: Option<Raw>,
        param: Lax<String>,
    }
}

/// What an error says, wherever it says it.
#[derive(Debug, Default)]
struct Said {
    message: String,
    type_: Option<String>,
    code: Option<String>,
    param: Option<String>,
}

/// Explains an answer with an error status.
pub(crate) fn reject(head: &Parts, body: &Bytes) -> Error {
    from_body(head.status, &head.headers, body)
}

/// Explains an error that came with a success status, as a whole answer.
pub(crate) fn in_answer(error: &str, headers: &HeaderMap) -> Error {
    let said = Said::of_member(error);
    let status =
        said.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    build(status.unwrap_or(500), said, headers)
}

/// Explains an error event of a stream.
pub(crate) fn in_stream(error: &str) -> Error {
    in_answer(error, &HeaderMap::new())
}

/// A body that should have been an answer and is none.
pub(crate) fn malformed(body: &[u8], why: impl std::fmt::Display) -> Error {
    let message = if body.iter().all(u8::is_ascii_whitespace) {
        "The provider's answer is empty.".to_owned()
    } else if looks_like_html(body) {
        format!("The provider answered with an HTML page instead of JSON{}.", title(body))
    } else {
        format!("The provider's answer is not valid JSON: {why}")
    };
    Error::invalid_response(message).with_body(Bytes::copy_from_slice(body))
}

fn from_body(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Error {
    let said = Said::of_body(status, body);
    build(status.as_u16(), said, headers).with_body(body.clone())
}

fn build(status: u16, said: Said, headers: &HeaderMap) -> Error {
    let kind = kind(status, &said);
    let mut error = Error::new(kind, Origin::Upstream, said.message).with_status(status);
    if let Some(type_) = said.type_ {
        error = error.with_type(type_);
    }
    if let Some(code) = said.code {
        error = error.with_code(code);
    }
    if let Some(param) = said.param {
        error = error.with_param(param);
    }
    if let Some(id) = REQUEST_IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok()) {
        error = error.with_request_id(id);
    }
    if let Some(delay) = retry_after(headers) {
        error = error.with_retry_after(delay);
    }
    match headers.get("x-should-retry").map(http::HeaderValue::as_bytes) {
        Some(b"true") => error.with_retry(Retry::Same),
        Some(b"false") if error.retry() == Retry::Same => error.with_retry(Retry::Other),
        _ => error,
    }
}

/// `retry-after-ms`, or `retry-after` in seconds. Dates need a clock and are left to the caller's own back-off.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

impl Said {
    fn of_body(status: StatusCode, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        // A list around the object: some gateways wrap their errors so.
        let trimmed = text.trim();
        let inner = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(trimmed);
        let envelope = serde_json::from_str::<Envelope>(inner).ok();
        let said = envelope.map(Self::of_envelope).filter(|said| !said.message.is_empty());
        said.unwrap_or_else(|| Self { message: excerpt(status, &text), ..Self::default() })
    }

    fn of_envelope(envelope: Envelope) -> Self {
        let outer = Self {
            message: [&envelope.message, &envelope.msg, &envelope.detail, &envelope.errors]
                .into_iter()
                .flatten()
                .map(|raw| plain(raw.get()))
                .find(|message| !message.is_empty())
                .unwrap_or_default(),
            type_: envelope.kind.0.or(envelope.error_type.0).filter(|type_| type_ != "error"),
            code: envelope.code.as_deref().and_then(|raw| word(raw.get())),
            param: envelope.param.0,
        };
        let Some(error) = envelope.error else { return outer };
        let inner = Self::of_member(error.get());
        Self {
            message: if inner.message.is_empty() { outer.message } else { inner.message },
            type_: inner.type_.or(outer.type_),
            code: inner.code.or(outer.code),
            param: inner.param.or(outer.param),
        }
    }

    /// The value of an `error` member: an object, or just a text.
    fn of_member(text: &str) -> Self {
        match serde_json::from_str::<Envelope>(text) {
            Ok(envelope) => {
                let mut said = Self::of_envelope(Envelope { error: None, ..envelope });
                if said.message.is_empty() {
                    said.message = plain(text);
                }
                said
            }
            Err(_) => Self { message: plain(text), ..Self::default() },
        }
    }
}

/// A message as text: a string's content, or JSON as it stands.
fn plain(json: &str) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(text) => text.trim().to_owned(),
        Err(_) if matches!(json, "null" | "{}" | "[]" | "false") => String::new(),
        Err(_) => json.to_owned(),
    }
}

fn word(json: &str) -> Option<String> {
    Some(plain(json)).filter(|word| !word.is_empty() && !word.starts_with(['{', '[']))
}

fn excerpt(status: StatusCode, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || looks_like_html(text.as_bytes()) {
        let page = if text.is_empty() { "no body" } else { "an HTML page" };
        return format!("The provider answered {status} with {page}{}.", title(text.as_bytes()));
    }
    text.chars().take(EXCERPT).collect()
}

fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

fn title(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let inner = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    match inner.map(|(title, _)| title.trim()) {
        Some(title) if !title.is_empty() => format!(" ({})", title.chars().take(100).collect::<String>()),
        _ => String::new(),
    }
}

fn kind(status: u16, said: &Said) -> ErrorKind {
    let kind = ErrorKind::from_status(status);
    // A rate limit on tokens also speaks of too many tokens; waiting helps there.
    if !matches!(
        kind,
        ErrorKind::BadRequest | ErrorKind::TooLarge | ErrorKind::Unprocessable | ErrorKind::Internal
    ) {
        return kind;
    }
    let code = said.code.as_deref().unwrap_or_default();
    let message = said.message.to_lowercase();
    if code == "context_length_exceeded" || CONTEXT_WINDOW.iter().any(|phrase| message.contains(phrase)) {
        return ErrorKind::ContextWindow;
    }
    let policy = ["content_policy_violation", "content_filter", "ResponsibleAIPolicyViolation"]
        .contains(&code)
        || said.type_.as_deref() == Some("content_filter");
    if policy || CONTENT_POLICY.iter().any(|phrase| message.contains(phrase)) {
        return ErrorKind::ContentPolicy;
    }
    kind
}

const CONTEXT_WINDOW: [&str; 14] = [
    "maximum context length",
    "maximum prompt length",
    "context window",
    "context limit",
    "context length",
    "context size",
    "exceeds the model's context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input tokens exceed",
    "too many input tokens",
    "exceed the maximum number of tokens",
    "tokens + `max_new_tokens` must be <=",
];

const CONTENT_POLICY: [&str; 5] = [
    "content management policy",
    "rejected as a result of our safety system",
    "violates our content policy",
    "content policy violation",
    "responsible ai practices",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn refused(status: u16, body: &str) -> Error {
        reject(&head(status, &[]), &Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn every_shape_gives_its_message() {
        for (body, message) in [
            (r#"{"error":{"message":"No.","type":"t","param":"p","code":"c"}}"#, "No."),
            (r#"{"error":"Input validation error","error_type":"validation"}"#, "Input validation error"),
            (r#"{"detail":"Not authenticated"}"#, "Not authenticated"),
            (r#"{"detail":[{"msg":"Field required"}]}"#, r#"[{"msg":"Field required"}]"#),
            (r#"{"object":"error","message":{"detail":[1]},"type":"t"}"#, r#"{"detail":[1]}"#),
            (r#"[{"error":{"message":"in a list","code":400}}]"#, "in a list"),
            (r#"{"errors":[{"message":"several"}]}"#, r#"[{"message":"several"}]"#),
            ("plain words", "plain words"),
            (
                "<html><head><title>502 Bad</title></head></html>",
                "The provider answered 400 Bad Request with an HTML page (502 Bad).",
            ),
            ("", "The provider answered 400 Bad Request with no body."),
            (r#"{"error":null}"#, r#"{"error":null}"#),
        ] {
            assert_eq!(refused(400, body).message(), message, "{body}");
        }
        let error = refused(400, r#"{"error":{"message":"No.","type":"t","param":"p","code":7}}"#);
        assert_eq!((error.type_(), error.param(), error.code()), (Some("t"), Some("p"), Some("7")));
    }

    #[test]
    fn kinds_and_verdicts() {
        let context =
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":null}}"#;
        assert_eq!(refused(400, context).kind(), ErrorKind::ContextWindow);
        assert_eq!(refused(400, context).retry(), Retry::Larger);
        assert_eq!(refused(429, context).kind(), ErrorKind::RateLimit);
        let policy = r#"{"error":{"message":"x","code":"content_policy_violation"}}"#;
        assert_eq!(refused(400, policy).kind(), ErrorKind::ContentPolicy);
        assert_eq!(refused(503, "{}").retry(), Retry::Same);
        assert_eq!(refused(401, "{}").kind(), ErrorKind::Authentication);
    }

    #[test]
    fn headers_are_kept() {
        let head = head(429, &[("x-request-id", "req_1"), ("retry-after", "7"), ("x-should-retry", "true")]);
        let error = reject(&head, &Bytes::from_static(br#"{"error":{"message":"Slow down."}}"#));
        assert_eq!(error.request_id(), Some("req_1"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.retry(), Retry::Same);
    }

    #[test]
    fn errors_inside_a_success() {
        let error = in_answer(r#"{"message":"Credits","code":402}"#, &HeaderMap::new());
        assert_eq!((error.kind(), error.status()), (ErrorKind::PaymentRequired, Some(402)));
        assert_eq!(in_stream(r#""overloaded""#).kind(), ErrorKind::Internal);
        assert_eq!(malformed(b" ", "").message(), "The provider's answer is empty.");
    }
}
