//! Stop 4: who is calling. Today there is one principal, the holder of the master key.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, header, request::Parts};
use lockgate_core::{Error, ErrorKind, Origin, Result, Secret};
use subtle::ConstantTimeEq;

use crate::{app::Live, signature::Signature, surface};

/// Headers that carry keys, in the order in which they are looked at (AU-40).
static KEY_HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("x-litellm-api-key"),
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("ocp-apim-subscription-key"),
];

/// Comes with signatures of temporary keys, which the gateway has none of.
static AWS_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Checks the caller's key, for what has no body.
///
/// # Errors
/// No key, or a wrong one.
pub(crate) fn check(live: &Live, parts: &Parts) -> Result<()> {
    claim(live, parts)?.map_or(Ok(()), |signature| signature.verify(b""))
}

/// Checks the caller's key. A signature made with it is given back: it is to be checked against the body.
///
/// # Errors
/// No key, or a wrong one.
pub(crate) fn claim(live: &Live, parts: &Parts) -> Result<Option<Signature>> {
    let Some(expected) = &live.snapshot.general.master_key else {
        return Ok(None);
    };
    if !shown_otherwise(live, parts)
        && let Some(signature) = Signature::read(parts, now())?
    {
        return if same(signature.key(), expected) { Ok(Some(signature)) } else { Err(invalid()) };
    }
    let given = live
        .key_header
        .as_ref()
        .and_then(|name| header_key(&parts.headers, name))
        .or_else(|| KEY_HEADERS.iter().find_map(|name| header_key(&parts.headers, name)));
    let found = match given {
        Some(key) => same(key, expected),
        None => match query_key(parts.uri.query()) {
            Some(key) => same(&key, expected),
            None => {
                return Err(denied(
                    "No API key was given. Send it as `Authorization: Bearer KEY`, `x-api-key` or `api-key`.",
                ));
            }
        },
    };
    if found { Ok(None) } else { Err(invalid()) }
}

/// Whether the key is in a header that goes before `authorization`.
fn shown_otherwise(live: &Live, parts: &Parts) -> bool {
    let named = live.key_header.as_ref().filter(|name| **name != header::AUTHORIZATION);
    named.into_iter().chain(&KEY_HEADERS[..1]).any(|name| parts.headers.contains_key(name))
}

/// Time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Removes every header that may carry a key of ours, so that none can travel upstream.
pub(crate) fn strip_keys(headers: &mut HeaderMap, custom: Option<&HeaderName>) {
    let secret = |name: &&HeaderName| {
        KEY_HEADERS.contains(name)
            || custom == Some(name)
            || matches!(**name, header::COOKIE | header::PROXY_AUTHORIZATION)
            || *name == AWS_TOKEN
    };
    // Nearly always there is one: looking through the few headers is cheaper than asking for each name.
    while let Some(name) = headers.keys().find(secret).cloned() {
        headers.remove(name);
    }
}

fn header_key<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    let key = match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => value,
    };
    (!key.is_empty()).then_some(key)
}

/// `?key=` of Google's clients.
fn query_key(query: Option<&str>) -> Option<String> {
    query?.split('&').find_map(|pair| pair.strip_prefix("key=")).map(|key| surface::decode(key).into_owned())
}

fn same(given: &str, expected: &Secret) -> bool {
    given.as_bytes().ct_eq(expected.expose().as_bytes()).into()
}

fn invalid() -> Error {
    denied("Invalid API key.")
}

fn denied(message: &str) -> Error {
    Error::new(ErrorKind::Authentication, Origin::Client, format!("Authentication Error, {message}"))
        .with_type("auth_error")
        .with_code("401")
}
