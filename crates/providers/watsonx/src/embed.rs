//! Embeddings.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Notes, Reply, Result, Usage,
    json::{read, to_raw},
    params,
};

use crate::{EMBEDDING, generation, wire::Embedded};

/// Writes the request. What OpenAI does not know are watsonx' parameters.
///
/// # Errors
/// The input is not text, or nobody said for which project.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = Notes::default();
    let request = Cow::Borrowed(attempt.call.embedding()?);
    let request = params::effective(attempt, &attempt.policy(), request, &mut notes)?;
    let mut parameters = Extra::new();
    for (name, value) in request.extra.iter() {
        if !attempt.call.options.consumed.contains(&name) {
            parameters.push(name, value.to_owned());
        }
    }
    params::settle_sizeless(attempt, &attempt.policy(), &request, &mut notes)?;
    let mut body = Extra::new();
    body.push("inputs", to_raw(&request.texts()?));
    body.push("parameters", to_raw(&parameters));
    generation::post(attempt, "text/embeddings", body, EMBEDDING, notes)
}

/// Reads the vectors.
///
/// # Errors
/// There are none.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Embedded = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    let Some(results) = answer.results else {
        return Err(malformed("The provider's answer has no `results`.".to_owned()));
    };
    let vectors = results.into_iter().filter_map(|result| result.embedding);
    let input = answer.input_token_count.as_deref().and_then(read);
    let model = answer.model_id.as_deref().and_then(read);
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: model.unwrap_or_else(|| attempt.target.model.to_string()),
        vectors: vectors.collect(),
        usage: input.map(|input| Usage { input, ..Usage::default() }),
        ..EmbeddingReply::default()
    })))
}
