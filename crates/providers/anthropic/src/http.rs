//! The request around the body: address and headers.

use ::http::{HeaderValue, Method, Request, header};
use lockgate_core::{Attempt, Error, Operation, Payload, Result};

use crate::betas::Betas;

const VERSION: &str = "2023-06-01";

/// Features that the client or the operator named.
pub(crate) fn named_betas(attempt: &Attempt<'_>) -> Betas {
    let mut betas = Betas::default();
    betas.merge_headers(&attempt.call.headers);
    let row = attempt.target.provider.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let operator = attempt
        .target
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
    let client =
        attempt.call.options.extra_headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in row.chain(operator).chain(client) {
        if name.eq_ignore_ascii_case("anthropic-beta") {
            betas.merge(value);
        }
    }
    betas
}

/// A request with this body, unsigned.
pub(crate) fn post(attempt: &Attempt<'_>, body: Payload, betas: &Betas) -> Result<Request<Payload>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url(attempt))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body)
        .map_err(|error| Error::internal(format!("The provider's address makes no URL: {error}")))?;
    let headers = request.headers_mut();
    let version = attempt.call.headers.get("anthropic-version").cloned();
    let elsewhere = attempt.target.headers.iter().any(|(name, _)| name.as_str() == "anthropic-version");
    if !elsewhere {
        let version = version.unwrap_or(HeaderValue::from_static(VERSION));
        headers.insert("anthropic-version", version);
    }
    if let Some(value) = betas.header() {
        headers.insert("anthropic-beta", value);
    }
    Ok(request)
}

/// The endpoint. Operators give the base with or without the path.
fn url(attempt: &Attempt<'_>) -> String {
    let base = attempt.base();
    let base = base.trim_end_matches('/');
    let path = attempt.target.provider.quirks.paths.get("chat");
    let messages = match path {
        Some(path) => format!("{base}{path}"),
        None if base.ends_with("/v1/messages") => base.to_owned(),
        None if base.ends_with("/v1") => format!("{base}/messages"),
        None => format!("{base}/v1/messages"),
    };
    match attempt.call.operation {
        Operation::CountTokens => format!("{messages}/count_tokens"),
        _ => messages,
    }
}
