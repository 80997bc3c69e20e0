//! LiteLLM's response headers, where their meaning exists here.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use fnv::FnvBuildHasher;
use http::{HeaderMap, HeaderName, HeaderValue};
use lockgate_core::{Decimal, Error, Money, Notes};
use lockgate_router::Deployment;

/// The version that `x-litellm-version` names.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Names as constants: what is made from a string is checked and hashed anew for every answer.
macro_rules! names {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) const $name: HeaderName = HeaderName::from_static($text);)*
    };
}

names! {
    CALL_ID = "x-litellm-call-id";
    LITELLM_VERSION = "x-litellm-version";
    PROVIDER_REQUEST_ID = "llm_provider-x-request-id";
    MODEL_ID = "x-litellm-model-id";
    MODEL_GROUP = "x-litellm-model-group";
    MODEL_API_BASE = "x-litellm-model-api-base";
    ATTEMPTED_RETRIES = "x-litellm-attempted-retries";
    ATTEMPTED_FALLBACKS = "x-litellm-attempted-fallbacks";
    RESPONSE_COST = "x-litellm-response-cost";
    RESPONSE_DURATION = "x-litellm-response-duration-ms";
    OVERHEAD_DURATION = "x-litellm-overhead-duration-ms";
    DROPPED_PARAMS = "x-lockgate-dropped-params";
    REWRITTEN_PARAMS = "x-lockgate-rewritten-params";
    ESTIMATED = "x-lockgate-estimated";
}

/// About as many headers as an answer has of our own, so that its map is made once.
const OWN: usize = 12;

/// What every answer says.
pub(crate) fn identity(headers: &mut HeaderMap, id: &str) {
    set(headers, CALL_ID, id);
    headers.insert(LITELLM_VERSION, HeaderValue::from_static(VERSION));
}

/// What an error answer says besides its body.
pub(crate) fn failure(headers: &mut HeaderMap, error: &Error) {
    if let Some(id) = error.request_id() {
        set(headers, PROVIDER_REQUEST_ID, id);
    }
}

/// Who answered and after how many tries.
pub(crate) fn deployment(headers: &mut HeaderMap, deployment: &Deployment, retries: u32, fallbacks: u32) {
    set(headers, MODEL_ID, &deployment.id);
    set(headers, MODEL_GROUP, &deployment.group);
    set(headers, MODEL_API_BASE, &deployment.target.base);
    headers.insert(ATTEMPTED_RETRIES, count(retries));
    headers.insert(ATTEMPTED_FALLBACKS, count(fallbacks));
}

/// What it cost.
pub(crate) fn cost(headers: &mut HeaderMap, cost: Option<Money>) {
    if let Some(cost) = cost {
        print(headers, RESPONSE_COST, cost);
    }
}

/// How long it took, and how much of that was ours.
pub(crate) fn timing(headers: &mut HeaderMap, total: Duration, upstream: Duration) {
    print(headers, RESPONSE_DURATION, Decimal::millis(total));
    print(headers, OVERHEAD_DURATION, Decimal::millis(total.saturating_sub(upstream)));
}

/// What was not sent as the client said it (PRM-2).
pub(crate) fn notes(headers: &mut HeaderMap, notes: &Notes) {
    if !notes.dropped.is_empty() {
        set(headers, DROPPED_PARAMS, &notes.dropped.join(","));
    }
    if !notes.rewritten.is_empty() {
        set(headers, REWRITTEN_PARAMS, &notes.rewritten.join(","));
    }
}

/// A count that was made here and is not exact.
pub(crate) fn estimated(headers: &mut HeaderMap) {
    headers.insert(ESTIMATED, HeaderValue::from_static("true"));
}

/// The provider's own headers, for an answer that has none yet: each as `llm_provider-NAME`, its rate limits also under
/// their own names.
pub(crate) fn upstream(from: HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(from.len() + OWN);
    let mut last = None;
    for (name, value) in from {
        // Only the first of several values comes with their name.
        if let Some(name) = name {
            last = Some((prefixed(&name), name));
        }
        match &last {
            Some((Shown::As(prefixed), _)) => {
                headers.append(prefixed.clone(), value);
            }
            Some((Shown::AlsoAsItself(prefixed), name)) => {
                headers.insert(name.clone(), value.clone());
                headers.append(prefixed.clone(), value);
            }
            Some((Shown::Hidden, _)) | None => {}
        }
    }
    headers
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
    static SHOWN: RefCell<HashMap<HeaderName, Shown, FnvBuildHasher>> = RefCell::default();
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

/// Nearly always zero, which costs no allocation.
fn count(number: u32) -> HeaderValue {
    if number == 0 { HeaderValue::from_static("0") } else { HeaderValue::from(number) }
}

fn print(headers: &mut HeaderMap, name: HeaderName, value: impl ToString) {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        headers.insert(name, value);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
