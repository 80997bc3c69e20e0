//! LiteLLM's response headers, where their meaning exists here.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use lockgate_core::{Error, Money, Notes};
use lockgate_router::Deployment;

/// The version that `x-litellm-version` names.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every answer says.
pub(crate) fn identity(headers: &mut HeaderMap, id: &str) {
    set(headers, "x-litellm-call-id", id);
    headers.insert(HeaderName::from_static("x-litellm-version"), HeaderValue::from_static(VERSION));
}

/// What an error answer says besides its body.
pub(crate) fn failure(headers: &mut HeaderMap, error: &Error) {
    if let Some(id) = error.request_id() {
        set(headers, "llm_provider-x-request-id", id);
    }
}

/// Who answered and after how many tries.
pub(crate) fn deployment(headers: &mut HeaderMap, deployment: &Deployment, retries: u32, fallbacks: u32) {
    set(headers, "x-litellm-model-id", &deployment.id);
    set(headers, "x-litellm-model-group", &deployment.group);
    set(headers, "x-litellm-model-api-base", &deployment.target.base);
    count(headers, "x-litellm-attempted-retries", retries);
    count(headers, "x-litellm-attempted-fallbacks", fallbacks);
}

/// What it cost.
pub(crate) fn cost(headers: &mut HeaderMap, cost: Option<Money>) {
    if let Some(cost) = cost {
        set(headers, "x-litellm-response-cost", &cost.to_string());
    }
}

/// How long it took, and how much of that was ours.
pub(crate) fn timing(headers: &mut HeaderMap, total: Duration, upstream: Duration) {
    set(headers, "x-litellm-response-duration-ms", &millis(total));
    set(headers, "x-litellm-overhead-duration-ms", &millis(total.saturating_sub(upstream)));
}

/// What was not sent as the client said it (PRM-2).
pub(crate) fn notes(headers: &mut HeaderMap, notes: &Notes) {
    if !notes.dropped.is_empty() {
        set(headers, "x-lockgate-dropped-params", &notes.dropped.join(","));
    }
    if !notes.rewritten.is_empty() {
        set(headers, "x-lockgate-rewritten-params", &notes.rewritten.join(","));
    }
}

/// The provider's own headers: each as `llm_provider-NAME`, its rate limits also under their own names.
pub(crate) fn upstream(headers: &mut HeaderMap, from: &HeaderMap) {
    for (name, value) in from {
        let name = name.as_str();
        if HIDDEN.contains(&name) {
            continue;
        }
        if name.starts_with("x-ratelimit-")
            && let Ok(own) = HeaderName::try_from(name)
        {
            headers.insert(own, value.clone());
        }
        if let Ok(prefixed) = HeaderName::try_from(format!("llm_provider-{name}")) {
            headers.append(prefixed, value.clone());
        }
    }
}

/// Headers of one connection, and cookies, which are nobody's business.
const HIDDEN: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn millis(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1000.0)
}

fn count(headers: &mut HeaderMap, name: &'static str, number: u32) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
