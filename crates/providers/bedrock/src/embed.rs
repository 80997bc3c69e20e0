//! Embeddings, through Invoke: Titan, Nova, Cohere.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, response::Parts};
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, ErrorKind, Exchange, Extra, Format, Memo, Notes, Origin,
    Payload, Raw, Reply, Result, Step, Usage,
    hub::EmbeddingRequest,
    json::{self, raw, read, to_raw},
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    invoke::counted,
    model::{Family, Model},
    request,
};

/// All inputs in one request.
pub(crate) const EMBED: Format = Format("bedrock.embed");
/// A request for each input.
pub(crate) const ONE_BY_ONE: Format = Format("bedrock.embed_one");

view! {
    /// One answer, or several put together.
    #[derive(Clone, Debug, Default)]
    struct Answer {
        embedding: Option<Raw>,
        by_type as "embeddingsByType": Option<Extra>,
        embeddings: Option<Raw>,
        tokens as "inputTextTokenCount": Option<u64>,
        parts: Option<Vec<Answer>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct One {
        embedding: Option<Raw>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let given = attempt.call.embedding()?;
    let mut notes = Notes::default();
    settle(attempt, given, model, &mut notes)?;
    let inputs = given.texts()?;
    let (body, format) = match model.family {
        Family::Cohere => (cohere(attempt, given, &inputs), EMBED),
        _ => {
            let first = inputs.first().ok_or_else(|| Error::bad_field("input", "`input` is empty."))?;
            (one(attempt, given, model, first), ONE_BY_ONE)
        }
    };
    let request = post(attempt, model, body)?;
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// Asks for one input after the other.
pub(crate) fn exchange(attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
    let model = Model::of(attempt.target);
    let given = attempt.call.embedding().ok()?;
    let inputs = given.texts().ok()?;
    let rest = inputs.iter().skip(1).map(|input| post(attempt, &model, one(attempt, given, &model, input)));
    let mut rest: Vec<Request<Payload>> = rest.collect::<Result<_>>().ok()?;
    rest.reverse();
    (!rest.is_empty()).then(|| Box::new(OneByOne { rest, answers: Vec::new() }) as Box<dyn Exchange>)
}

struct OneByOne {
    /// What is still to be asked, the last first.
    rest: Vec<Request<Payload>>,
    answers: Vec<Raw>,
}

impl Exchange for OneByOne {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        self.answers.push(json::answer(body)?);
        Ok(match self.rest.pop() {
            Some(request) => Step::Send { request, after: Duration::ZERO },
            None => Step::Answer(format!(r#"{{"parts":{}}}"#, to_raw(&self.answers).get()).into()),
        })
    }
}

pub(crate) fn decode(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let given = attempt.call.embedding()?;
    let several = answer.parts.as_deref().unwrap_or(std::slice::from_ref(&answer));
    let vectors: Vec<Raw> = several.iter().flat_map(vectors).collect();
    if vectors.is_empty() {
        return Err(
            Error::invalid_response("The provider's answer has no embeddings.").with_body(body.clone())
        );
    }
    let counts = several.iter().map(|one| one.tokens);
    let said = counts.sum::<Option<u64>>().map(|input| Usage { input, ..Usage::default() });
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: Model::of(attempt.target).name.to_owned(),
        vectors,
        kind: answer.embeddings.as_deref().and_then(kind),
        usage: said.or_else(|| counted(&head.headers)).or_else(|| given.counted(&attempt.target.facts)),
        ..EmbeddingReply::default()
    })))
}

/// The vectors of an answer, in whatever form the model has them.
fn vectors(answer: &Answer) -> Vec<Raw> {
    if let Some(vector) = &answer.embedding {
        return vec![vector.clone()];
    }
    if let Some((_, vector)) = answer.by_type.as_ref().and_then(|types| types.iter().next()) {
        return vec![vector.to_owned()];
    }
    let Some(list) = &answer.embeddings else { return Vec::new() };
    // By type: `{"float": [[…]]}`.
    let list = match read::<Extra>(list) {
        Some(types) => types.iter().next().map(|(_, list)| list.to_owned()).unwrap_or_else(|| raw("[]")),
        None => list.clone(),
    };
    let elements: Vec<Raw> = read(&list).unwrap_or_default();
    let own = |element: Raw| read::<One>(&element).and_then(|one| one.embedding).unwrap_or(element);
    elements.into_iter().map(own).collect()
}

/// The type of vectors that come by type.
fn kind(embeddings: &RawValue) -> Option<String> {
    read::<Extra>(embeddings)?.iter().next().map(|(kind, _)| kind.to_owned())
}

/// Refuses what the model does not take.
fn settle(
    attempt: &Attempt<'_>,
    given: &EmbeddingRequest,
    model: &Model<'_>,
    notes: &mut Notes,
) -> Result<()> {
    let policy = attempt.policy();
    let fixed = model.id.contains("titan-embed-text-v1")
        || model.family == Family::Cohere && model.id.contains("-v3");
    let named = policy.allowed_openai_params.iter().any(|name| name == "dimensions");
    if given.dimensions.is_some() && fixed && !named {
        if !policy.drop_params {
            let message =
                format!("The model {} has vectors of one size: `dimensions` is not supported.", model.id);
            let error = Error::new(ErrorKind::UnsupportedParams, Origin::Client, message);
            return Err(error.with_param("dimensions"));
        }
        notes.dropped.push("dimensions".to_owned());
    }
    if given.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    Ok(())
}

fn post(attempt: &Attempt<'_>, model: &Model<'_>, mut body: Extra) -> Result<Request<Payload>> {
    let added = attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body);
    added.for_each(|(name, value)| body.push(name.as_str(), value.clone()));
    request::post(attempt, model, "invoke", to_raw(&body).get().to_owned().into())
}

fn cohere(attempt: &Attempt<'_>, given: &EmbeddingRequest, inputs: &[&str]) -> Extra {
    let mut body = Extra::new();
    body.push("input_type", raw("\"search_document\""));
    let images = inputs.iter().all(|input| input.starts_with("data:image/"));
    body.push(if images { "images" } else { "texts" }, to_raw(inputs));
    if images {
        body.push("input_type", raw("\"image\""));
    }
    if let Some(size) = given.dimensions {
        body.push("output_dimension", to_raw(&size));
    }
    own(attempt, given, &mut body);
    body
}

/// The body for one input: a text, or an image as a data URL.
fn one(attempt: &Attempt<'_>, given: &EmbeddingRequest, model: &Model<'_>, input: &str) -> Extra {
    let mut body = Extra::new();
    let image = input.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    if model.family == Family::Nova {
        let size = given.dimensions.unwrap_or(3072);
        let content = match image {
            Some((format, data)) => format!(
                r#""image":{{"format":{},"source":{{"bytes":{}}}}}"#,
                to_raw(format).get(),
                to_raw(data).get()
            ),
            None => format!(r#""text":{{"truncationMode":"END","value":{}}}"#, to_raw(input).get()),
        };
        let single =
            format!(r#"{{"embeddingPurpose":"GENERIC_INDEX","embeddingDimension":{size},{content}}}"#);
        body.push("taskType", raw("\"SINGLE_EMBEDDING\""));
        body.push("singleEmbeddingParams", raw(single));
    } else {
        match image {
            Some((_, data)) => body.push("inputImage", to_raw(data)),
            None => body.push("inputText", to_raw(input)),
        }
        if let Some(size) = given.dimensions {
            if model.id.contains("titan-embed-image") {
                body.push("embeddingConfig", raw(format!(r#"{{"outputEmbeddingLength":{size}}}"#)));
            } else if !model.id.contains("titan-embed-text-v1") {
                body.push("dimensions", to_raw(&size));
            }
        }
    }
    own(attempt, given, &mut body);
    body
}

/// Members that OpenAI does not know, and the operator's defaults.
fn own(attempt: &Attempt<'_>, given: &EmbeddingRequest, body: &mut Extra) {
    for (name, value) in attempt.target.defaults.iter() {
        body.push(name.as_str(), value.clone());
    }
    let consumed = &attempt.call.options.consumed;
    for (name, value) in
        given.extra.iter().filter(|(name, value)| !consumed.contains(name) && value.get() != "null")
    {
        body.push(name, value.to_owned());
    }
    for name in &attempt.policy().additional_drop_params {
        body.remove(name);
    }
}
