//! What watsonx says when it refuses.

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Dialect, Error, Raw,
    json::read,
    wire::{quote, view},
};
use lockgate_openai::OpenAi;

view! {
    #[derive(Default)]
    struct Envelope {
        errors: Option<Vec<Said>>,
    }
}

view! {
    #[derive(Default)]
    struct Said {
        code: Option<Raw>,
        message: Option<Raw>,
    }
}

/// Explains an answer with an error status.
pub(crate) fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    match in_openai_s_words(body) {
        Some(words) => OpenAi.reject(attempt, head, &words).with_body(body.clone()),
        None => OpenAi.reject(attempt, head, body),
    }
}

/// The first error of the list.
pub(crate) fn first(body: &[u8]) -> Option<(String, String)> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let said = envelope.errors?.into_iter().next()?;
    let word = |raw: Option<Raw>| raw.and_then(|raw| read::<String>(&raw));
    Some((word(said.message)?, word(said.code).unwrap_or_default()))
}

fn in_openai_s_words(body: &[u8]) -> Option<Bytes> {
    let (message, code) = first(body)?;
    Some(format!("{{\"error\":{{\"message\":{},\"code\":{}}}}}", quote(&message), quote(&code)).into())
}
