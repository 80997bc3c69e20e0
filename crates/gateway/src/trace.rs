//! Stop 1: names and times a request.

use std::time::{Instant, SystemTime};

use http::{Request, request::Parts};
use hyper::body::Incoming;

use crate::{app::Gateway, headers};

/// A request that has been given a name.
pub(crate) struct Inbound {
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
    /// The call id: the client's `x-litellm-call-id` if it is sane, else a new one.
    pub(crate) id: String,
    pub(crate) started: Instant,
    pub(crate) received: SystemTime,
    /// The path below the configured root path.
    pub(crate) path: String,
}

/// Takes the time and gives the request its id.
pub(crate) fn begin(gateway: &Gateway, request: Request<Incoming>) -> Inbound {
    let (parts, body) = request.into_parts();
    let given =
        parts.headers.get(headers::CALL_ID).and_then(|value| value.to_str().ok()).filter(|id| sane(id));
    let id = given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
    let path = gateway.strip_root(parts.uri.path()).to_owned();
    Inbound { parts, body, id, started: Instant::now(), received: SystemTime::now(), path }
}

fn sane(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 128
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}
