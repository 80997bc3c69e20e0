//! What Cohere says when it refuses or fails.

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{Attempt, Error, ErrorKind, refusal::Refusal};
use serde_json::value::RawValue;

/// Cohere's own status for blocked inputs and outputs.
const BLOCKED: u16 = 498;

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    let status = head.status.as_u16();
    let error = Refusal::of_body(body).into_error(status, &head.headers, body);
    let error = if status == BLOCKED { error.with_kind(ErrorKind::ContentPolicy) } else { error };
    error.with_provider(&*attempt.target.provider.id)
}

/// The provider failed while it answered.
pub(crate) fn failed(said: Option<&RawValue>) -> Error {
    let mut refusal = said.map(|said| Refusal::of_member(said.get())).unwrap_or_default();
    if refusal.message.is_empty() {
        refusal.message = "The provider failed while it answered.".to_owned();
    }
    refusal.into_error(500, &HeaderMap::new(), &Bytes::new())
}
