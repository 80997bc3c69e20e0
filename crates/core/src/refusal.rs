//! What upstreams say when they refuse or fail, read from any of the shapes that servers use: one reader for all
//! dialects, which add what only their own servers say.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, response::Parts};
use lockgate_wire::view;

use crate::{Error, ErrorKind, Origin, Raw, Retry};

/// How much of a body that is not JSON goes into a message.
const EXCERPT: usize = 500;

/// Headers in which upstreams name a request.
const REQUEST_IDS: [&str; 6] =
    ["x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-goog-request-id", "cf-ray"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Envelope {
        error: Option<Raw>,
        errors: Option<Raw>,
        detail: Option<Raw>,
        message: Option<Raw>,
        msg: Option<Raw>,
        kind as "type": Option<Raw>,
        error_type: Option<Raw>,
        code: Option<Raw>,
        param: Option<Raw>,
        request_id: Option<Raw>,
    }
}

/// What an error says, wherever it says it.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// The words for people; empty if there are none.
    pub message: String,
    /// The error's type (`invalid_request_error`).
    pub type_: Option<String>,
    /// The error's code, also if it is a number.
    pub code: Option<String>,
    /// The request's field at fault.
    pub param: Option<String>,
    /// The upstream's name of the request, if the body gives it.
    pub request_id: Option<String>,
}

/// Explains an answer with an error status.
pub fn reject(head: &Parts, body: &Bytes) -> Error {
    Refusal::of_body(body).into_error(head.status.as_u16(), &head.headers, body)
}

/// A body that should have been an answer and is none.
pub fn malformed(body: &[u8], why: impl std::fmt::Display) -> Error {
    let message = if body.iter().all(u8::is_ascii_whitespace) {
        "The provider's answer is empty.".to_owned()
    } else if looks_like_html(body) {
        format!("The provider answered with an HTML page instead of JSON{}.", title(body))
    } else {
        format!("The provider's answer is not valid JSON: {why}")
    };
    Error::invalid_response(message).with_body(Bytes::copy_from_slice(body))
}

/// Whether the value of an `error` member says that there is one.
pub fn is_error(text: &str) -> bool {
    !matches!(text, "null" | "\"\"" | "{}" | "[]" | "false" | "0")
}

impl Refusal {
    /// Reads the body of an answer.
    pub fn of_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        // A list around the object: some gateways wrap their errors so.
        let trimmed = text.trim();
        let inner = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(trimmed);
        serde_json::from_str::<Envelope>(inner).ok().map(Self::of_envelope).unwrap_or_default()
    }

    /// Reads the value of an `error` member: an object, or just a text.
    pub fn of_member(text: &str) -> Self {
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

    /// What it means: mostly the status, but a prompt that is too long and one that a policy forbids come with
    /// several.
    pub fn kind(&self, status: u16) -> ErrorKind {
        let kind = ErrorKind::from_status(status);
        // A rate limit on tokens also speaks of too many tokens; waiting helps there.
        if !matches!(
            kind,
            ErrorKind::BadRequest | ErrorKind::TooLarge | ErrorKind::Unprocessable | ErrorKind::Internal
        ) {
            return kind;
        }
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.to_lowercase();
        if code == "context_length_exceeded" || CONTEXT_WINDOW.iter().any(|phrase| message.contains(phrase)) {
            return ErrorKind::ContextWindow;
        }
        let policy = CONTENT_POLICY_CODES.contains(&code) || self.type_.as_deref() == Some("content_filter");
        if policy || CONTENT_POLICY.iter().any(|phrase| message.contains(phrase)) {
            return ErrorKind::ContentPolicy;
        }
        kind
    }

    /// The error, with what the answer's head says about it. Without words of its own, the body's speak.
    pub fn into_error(self, status: u16, headers: &HeaderMap, body: &Bytes) -> Error {
        let kind = self.kind(status);
        let message = if self.message.is_empty() { excerpt(status, body) } else { self.message };
        let mut error =
            Error::new(kind, Origin::Upstream, message).with_status(status).with_body(body.clone());
        if let Some(type_) = self.type_ {
            error = error.with_type(type_);
        }
        if let Some(code) = self.code {
            error = error.with_code(code);
        }
        if let Some(param) = self.param {
            error = error.with_param(param);
        }
        let named = REQUEST_IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok());
        if let Some(id) = named.map(str::to_owned).or(self.request_id) {
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

    fn of_envelope(envelope: Envelope) -> Self {
        let outer = Self {
            message: [&envelope.message, &envelope.msg, &envelope.detail, &envelope.errors]
                .into_iter()
                .flatten()
                .map(|raw| plain(raw.get()))
                .find(|message| !message.is_empty())
                .unwrap_or_default(),
            type_: word(envelope.kind).or(word(envelope.error_type)).filter(|type_| type_ != "error"),
            code: word(envelope.code),
            param: word(envelope.param),
            request_id: word(envelope.request_id),
        };
        let Some(error) = envelope.error else { return outer };
        let inner = Self::of_member(error.get());
        Self {
            message: if inner.message.is_empty() { outer.message } else { inner.message },
            type_: inner.type_.or(outer.type_),
            code: inner.code.or(outer.code),
            param: inner.param.or(outer.param),
            request_id: inner.request_id.or(outer.request_id),
        }
    }
}

/// `retry-after-ms`, or `retry-after`: seconds, or a date, which counts from the answer's own `date`.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |name: &str| text(name)?.parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"));
    if let Some(seconds) = seconds {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |name: &str| httpdate::parse_http_date(text(name)?).ok();
    let (until, now) = (date(header::RETRY_AFTER.as_str())?, date(header::DATE.as_str())?);
    until.duration_since(now).ok()
}

/// A message as text: a string's content, or JSON as it stands.
fn plain(json: &str) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(text) => text.trim().to_owned(),
        Err(_) if matches!(json, "null" | "{}" | "[]" | "false") => String::new(),
        Err(_) => json.to_owned(),
    }
}

fn word(raw: Option<Raw>) -> Option<String> {
    Some(plain(raw?.get())).filter(|word| !word.is_empty() && !word.starts_with(['{', '[']))
}

fn excerpt(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() || looks_like_html(text.as_bytes()) {
        let page = if text.is_empty() { "no body" } else { "an HTML page" };
        let reason = StatusCode::from_u16(status).ok().and_then(|known| known.canonical_reason());
        let status = reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"));
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

const CONTEXT_WINDOW: [&str; 24] = [
    "context length",
    "context limit",
    "context size",
    "context window",
    "exceed the maximum number of tokens",
    "exceeds maximum context",
    "exceeds the available context",
    "exceeds the maximum number of input tokens",
    "exceeds the maximum number of tokens",
    "exceeds the model's context",
    "input is too long",
    "input token count exceeds",
    "input tokens exceed",
    "maximum context",
    "maximum prompt length",
    "prompt is too long",
    "prompt too long",
    "reduce the length of the messages",
    "reduce the length of the prompt",
    "tokens + `max_new_tokens` must be <=",
    "too many input tokens",
    "too many tokens in prompt",
    "too many tokens: total tokens",
    "too many tokens: the total",
];

const CONTENT_POLICY_CODES: [&str; 3] =
    ["content_policy_violation", "content_filter", "ResponsibleAIPolicyViolation"];

const CONTENT_POLICY: [&str; 6] = [
    "content filtering policy",
    "content management policy",
    "content policy",
    "rejected as a result of our safety system",
    "responsible ai practices",
    "violates our usage policy",
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
            (r#"{"type":"error","error":{"type":"t","message":"No."},"request_id":"r"}"#, "No."),
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
        let error =
            refused(400, r#"{"error":{"message":"No.","type":"t","param":"p","code":7},"request_id":"r"}"#);
        assert_eq!((error.type_(), error.param(), error.code()), (Some("t"), Some("p"), Some("7")));
        assert_eq!(error.request_id(), Some("r"));
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
    fn when_to_try_again() {
        let delay = |headers: &[(&str, &str)]| retry_after(&head(429, headers).headers);
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        for (headers, wanted) in [
            (vec![("retry-after", "2.5")], Some(2500)),
            (vec![("retry-after-ms", "1500"), ("retry-after", "9")], Some(1500)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], Some(30_000)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT")], None),
            (vec![("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], None),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            assert_eq!(delay(&headers), wanted.map(Duration::from_millis), "{headers:?}");
        }
    }

    #[test]
    fn bodies_that_are_no_answers() {
        assert_eq!(malformed(b" ", "").message(), "The provider's answer is empty.");
        assert!(malformed(b"<html>", "").message().contains("HTML"));
        assert!(malformed(b"{", "it ends").message().contains("it ends"));
    }
}
