//! What Ollama says when it refuses or fails: `{"error": "…"}`.

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{Attempt, Error, Result, refusal::Refusal};
use serde_json::value::RawValue;

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    lockgate_core::refusal::reject(head, body).with_provider(&*attempt.target.provider.id)
}

/// Checks that an answer with a good status, or a line of a stream, is not an error all the same.
pub(crate) fn check(error: Option<&RawValue>) -> Result<()> {
    match error.filter(|raw| !matches!(raw.get(), "null" | "\"\"")) {
        Some(raw) => {
            let body = Bytes::copy_from_slice(raw.get().as_bytes());
            Err(Refusal::of_member(raw.get()).into_error(500, &HeaderMap::new(), &body))
        }
        None => Ok(()),
    }
}
