//! Embeddings: `actions/embedText`.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Notes, Raw, Reply, Result, Usage,
    json::{self, raw, to_raw},
    params,
    wire::view,
};

use crate::{EMBED, place, request, wire::UsageView};

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        model_id as "modelId": Option<String>,
        embeddings: Option<Vec<Raw>>,
        usage: Option<UsageView>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = Notes::default();
    let given = Cow::Borrowed(attempt.call.embedding()?);
    let given = params::effective(attempt, &attempt.policy(), given, &mut notes)?;
    let mut body = Extra::new();
    body.push("compartmentId", to_raw(place::compartment(attempt)?));
    body.push("servingMode", place::serving_mode(attempt));
    body.push("inputs", to_raw(&given.texts()?));
    if let Some(dimensions) = given.dimensions {
        body.push("outputDimensions", to_raw(&dimensions));
    }
    if given.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    body.push("truncate", raw("\"END\""));
    for (name, value) in given.extra.iter() {
        let (name, value) = match name {
            // Cohere's words, which clients of its models know.
            "input_type" => ("inputType", raw(value.get().to_ascii_uppercase())),
            name => (name, value.to_owned()),
        };
        if !attempt.call.options.consumed.contains(&name) && value.get() != "null" {
            body.push(name, value);
        }
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    request::post(attempt, "embedText", &body, EMBED, notes)
}

/// Reads the vectors.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let Some(vectors) = answer.embeddings else {
        return Err(
            Error::invalid_response("The provider's answer has no `embeddings`.").with_body(body.clone())
        );
    };
    let usage = answer.usage.map(|usage| Usage {
        input: usage.prompt_tokens.or(usage.total_tokens).unwrap_or(0),
        ..Usage::default()
    });
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: answer.model_id.unwrap_or_else(|| attempt.target.model.to_string()),
        vectors,
        usage,
        ..EmbeddingReply::default()
    })))
}
