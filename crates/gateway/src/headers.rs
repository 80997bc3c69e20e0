//! LiteLLM's response headers, where their meaning exists here.

use std::{cell::RefCell, collections::HashMap, time::Duration};

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

/// A count that was made here and is not exact.
pub(crate) fn estimated(headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("x-lockgate-estimated"), HeaderValue::from_static("true"));
}

/// The provider's own headers: each as `llm_provider-NAME`, its rate limits also under their own names.
pub(crate) fn upstream(headers: &mut HeaderMap, from: &HeaderMap) {
    headers.reserve(from.len());
    for (name, value) in from {
        match prefixed(name) {
            Shown::Hidden => {}
            Shown::As(prefixed) => {
                headers.append(prefixed, value.clone());
            }
            Shown::AlsoAsItself(prefixed) => {
                headers.append(prefixed, value.clone());
                headers.insert(name.clone(), value.clone());
            }
        }
    }
}

/// How a provider's header is shown to the client.
#[derive(Clone)]
enum Shown {
    Hidden,
    As(HeaderName),
    AlsoAsItself(HeaderName),
}

thread_local! {
    /// Providers send the same few names with every answer; making the longer name each time costs more than all
    /// else that is done with them. Bounded, because an upstream could make names up.
    static SHOWN: RefCell<HashMap<HeaderName, Shown>> = RefCell::default();
}

const MOST_NAMES: usize = 512;

fn prefixed(name: &HeaderName) -> Shown {
    SHOWN.with_borrow_mut(|known| {
        if let Some(shown) = known.get(name) {
            return shown.clone();
        }
        let shown = match HeaderName::try_from(format!("llm_provider-{name}")) {
            _ if HIDDEN.contains(&name.as_str()) => Shown::Hidden,
            Ok(prefixed) if name.as_str().starts_with("x-ratelimit-") => Shown::AlsoAsItself(prefixed),
            Ok(prefixed) => Shown::As(prefixed),
            Err(_) => Shown::Hidden,
        };
        if known.len() < MOST_NAMES {
            known.insert(name.clone(), shown.clone());
        }
        shown
    })
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
