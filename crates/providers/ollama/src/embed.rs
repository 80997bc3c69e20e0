//! Embeddings: `/api/embed`.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Notes, Reply, Result, Usage, json, params,
};

use crate::{
    EMBED, error, options, request,
    wire::{EmbedView, to_raw},
};

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = Notes::default();
    let given = Cow::Borrowed(attempt.call.embedding()?);
    let given = params::effective(attempt, &attempt.policy(), given, &mut notes)?;
    let mut body = Extra::new();
    body.push("model", to_raw(&*attempt.target.model));
    body.push("input", to_raw(&given.texts()?));
    if let Some(dimensions) = given.dimensions {
        body.push("dimensions", to_raw(&dimensions));
    }
    if given.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    let mut own = Extra::new();
    options::own(&given.extra, &attempt.call.options.consumed, &mut own, &mut body);
    if !own.is_empty() {
        body.push("options", to_raw(&own));
    }
    request::post(attempt, "/api/embed", body, EMBED, notes)
}

/// Reads the vectors.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: EmbedView = json::answer(body)?;
    error::check(answer.error.as_deref())?;
    let Some(vectors) = answer.embeddings else {
        return Err(
            Error::invalid_response("The provider's answer has no `embeddings`.").with_body(body.clone())
        );
    };
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: attempt.target.model.to_string(),
        vectors,
        usage: answer.prompt_eval_count.map(|input| Usage { input, ..Usage::default() }),
        ..EmbeddingReply::default()
    })))
}
