//! Embeddings: `/v2/embed`.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Notes, Raw, Reply, Result, Usage,
    hub::EmbeddingRequest,
    json, params,
    wire::{quote, view},
};

use crate::{
    EMBED, error, request,
    wire::{UnitsView, count, raw, read, to_raw},
};

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        embeddings: Option<Raw>,
        meta: Option<Meta>,
        message: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Meta {
        billed_units: Option<UnitsView>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = Notes::default();
    let given = Cow::Borrowed(attempt.call.embedding()?);
    let given = params::effective(attempt, &attempt.policy(), given, &mut notes)?;
    let mut body = Extra::new();
    body.push("model", to_raw(request::model(attempt)));
    put_inputs(&given, &mut body)?;
    if let Some(dimensions) = given.dimensions {
        body.push("output_dimension", to_raw(&dimensions));
    }
    if let Some(kind) = own_type(given.encoding_format.as_deref()) {
        body.push("embedding_types", to_raw(&[kind]));
    }
    if given.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    request::own(attempt, &given.extra, &mut body);
    request::post(attempt, "/v2/embed", body, EMBED, notes)
}

/// Reads the vectors.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let Some(given) = answer.embeddings else {
        return Err(match answer.message.as_deref() {
            Some(words) => error::failed(Some(words)),
            None => {
                Error::invalid_response("The provider's answer has no `embeddings`.").with_body(body.clone())
            }
        });
    };
    let asked = attempt.call.embedding()?;
    let Some(vectors) = vectors(&given, own_type(asked.encoding_format.as_deref())) else {
        return Err(
            Error::invalid_response("The provider's `embeddings` cannot be read.").with_body(body.clone())
        );
    };
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: request::model(attempt).to_owned(),
        vectors,
        usage: answer.meta.and_then(|meta| meta.billed_units).map(|units| usage(&units)),
        ..EmbeddingReply::default()
    })))
}

/// Checks an answer that is relayed.
pub(crate) fn inspect(body: &Bytes) -> Result<Option<Usage>> {
    let answer: Answer = json::answer(body)?;
    match (&answer.embeddings, answer.message.as_deref()) {
        (None, Some(words)) => Err(error::failed(Some(words))),
        _ => Ok(answer.meta.and_then(|meta| meta.billed_units).map(|units| usage(&units))),
    }
}

/// Texts, images (data URLs), or both.
fn put_inputs(request: &EmbeddingRequest, body: &mut Extra) -> Result<()> {
    let inputs = request.texts()?;
    let images = inputs.iter().filter(|input| is_image(input)).count();
    let kind = if images > 0 && images == inputs.len() {
        body.push("images", to_raw(&inputs));
        "\"image\""
    } else if images > 0 {
        let inputs: Vec<Raw> = inputs.into_iter().map(mixed).collect();
        body.push("inputs", to_raw(&inputs));
        "\"search_document\""
    } else {
        body.push("texts", to_raw(&inputs));
        "\"search_document\""
    };
    body.push("input_type", raw(kind));
    Ok(())
}

fn is_image(input: &str) -> bool {
    input.starts_with("data:image/")
}

/// One of several inputs of different kinds.
fn mixed(input: &str) -> Raw {
    let text = quote(input);
    raw(if is_image(input) {
        format!("{{\"content\":[{{\"type\":\"image_url\",\"image_url\":{{\"url\":{text}}}}}]}}")
    } else {
        format!("{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}]}}")
    })
}

/// Cohere's name of an encoding that OpenAI does not have.
fn own_type(format: Option<&str>) -> Option<&str> {
    format.filter(|format| !matches!(*format, "float" | "base64"))
}

/// The vectors of the wanted type, or of the one there is.
fn vectors(given: &Raw, wanted: Option<&str>) -> Option<Vec<Raw>> {
    if let Some(list) = read(given) {
        return Some(list);
    }
    let by_type: Extra = read(given)?;
    let lists = by_type.iter().filter_map(|(name, list)| Some((name, read::<Vec<Raw>>(list)?)));
    let mut lists: Vec<(&str, Vec<Raw>)> = lists.collect();
    let at = lists.iter().position(|(name, _)| *name == wanted.unwrap_or("float")).unwrap_or(0);
    (at < lists.len()).then(|| lists.swap_remove(at).1)
}

fn usage(units: &UnitsView) -> Usage {
    let images = units.images.map(|images| count(Some(images)));
    Usage {
        input: count(units.input_tokens).saturating_add(images.unwrap_or(0)),
        image_input: images.filter(|images| *images > 0),
        ..Usage::default()
    }
}
