#![doc = include_str!("../README.md")]

use bytes::Bytes;
use http::{Uri, response::Parts};
use lockgate_core::{
    Attempt, Carried, Carrier, Dialect, Encoded, Error, Extra, Format, Operation, Payload, Raw, Reply,
    Result, Usage,
    json::{read, to_raw},
    refusal::{self, Refusal},
    wire::{Edits, Object, view},
};
use lockgate_openai::OpenAi;
use serde_json::value::RawValue;

/// Answers of `/contextualizedembeddings` and `/multimodalembeddings`, which clients get as they come.
pub const INPUTS: Format = Format("voyage.inputs");

/// Voyage AI.
#[derive(Clone, Copy, Debug)]
pub struct Voyage;

/// The endpoints with formats of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Endpoint {
    Contextualized,
    Multimodal,
}

impl Endpoint {
    fn of(attempt: &Attempt<'_>) -> Option<Self> {
        let model = &attempt.target.model;
        match attempt.call.operation {
            Operation::Embedding if model.contains("context") => Some(Self::Contextualized),
            Operation::Embedding if model.contains("multimodal") => Some(Self::Multimodal),
            _ => None,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Contextualized => "/contextualizedembeddings",
            Self::Multimodal => "/multimodalembeddings",
        }
    }
}

impl Carrier for Voyage {
    fn id(&self) -> &'static str {
        "voyage"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let encoded = OpenAi.encode(attempt)?;
        match Endpoint::of(attempt) {
            None => Ok(encoded),
            Some(endpoint) => addressed(encoded, endpoint),
        }
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == INPUTS {
            return Ok(Reply::Raw(pass(encoded, head, body)?.0.into_bytes()));
        }
        OpenAi.decode(attempt, encoded, head, body)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        if encoded.format == INPUTS {
            return pass(encoded, head, body);
        }
        OpenAi.pass(encoded, head, body)
    }
}

/// The request for the endpoint, from the one for `/embeddings`.
fn addressed(mut encoded: Encoded, endpoint: Endpoint) -> Result<Encoded> {
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let body = Object::scan(body).map_err(|why| Error::internal(format!("An invalid request: {why}")))?;
    let mut edits = Edits::new();
    if let Some(input) = body.raw("input") {
        let inputs = match endpoint {
            Endpoint::Contextualized => documents(input),
            Endpoint::Multimodal => contents(input),
        };
        edits.remove("input");
        edits.set("inputs", inputs.get().to_owned());
    }
    *encoded.request.body_mut() = body.splice(&edits);
    let uri = encoded.request.uri().to_string();
    // An operator's base may be the endpoint itself, or that of the other embeddings.
    let root = uri.strip_suffix("/embeddings").unwrap_or(&uri);
    let root = root.strip_suffix(endpoint.path()).unwrap_or(root);
    *encoded.request.uri_mut() = Uri::try_from(format!("{root}{}", endpoint.path()))
        .map_err(|why| Error::bad_request(format!("The model's URL is not valid: {why}")))?;
    Ok(Encoded { format: INPUTS, relay: true, ..encoded })
}

/// Documents as lists of their chunks.
fn documents(input: &str) -> Raw {
    let given = lockgate_core::json::raw(input);
    let Some(list) = read::<Vec<Raw>>(&given) else { return to_raw(&[[given]]) };
    if list.iter().any(|one| one.get().starts_with('[')) { given } else { to_raw(&[list]) }
}

/// Each input as a list of its parts.
fn contents(input: &str) -> Raw {
    let given = lockgate_core::json::raw(input);
    let list = read::<Vec<Raw>>(&given).unwrap_or_else(|| vec![given]);
    to_raw(&list.iter().map(|one| content(one)).collect::<Vec<Raw>>())
}

fn content(input: &RawValue) -> Raw {
    let Some(text) = read::<String>(input) else { return input.to_owned() };
    let member = match text.as_str() {
        text if text.starts_with("data:image/") => "image_base64",
        text if is_image(text) => "image_url",
        _ => "text",
    };
    let mut part = Extra::new();
    part.push("type", to_raw(member));
    part.push(member, to_raw(&text));
    let mut content = Extra::new();
    content.push("content", to_raw(&[part]));
    to_raw(&content)
}

fn is_image(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let ends = [".png", ".jpg", ".jpeg", ".webp", ".gif"];
    text.starts_with("https://") && !text.contains(' ') && ends.iter().any(|end| path.ends_with(end))
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        total_tokens: Option<u64>,
        prompt_tokens: Option<u64>,
    }
}

/// The answer as it came, with the usage that OpenAI's clients look for.
fn pass(encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
    let object = Object::scan(body.clone()).map_err(|why| refusal::malformed(&body, why))?;
    if !object.contains("data") {
        return Err(Refusal::of_body(&body).into_error(500, &head.headers, &body));
    }
    let mut edits = Edits::new();
    if let Some(name) = encoded.memo.client_model.as_deref().filter(|_| object.contains("model")) {
        edits.set_str("model", name);
    }
    let counted = object.raw("usage").and_then(|usage| serde_json::from_str::<Counted>(usage).ok());
    let usage = counted.and_then(|counted| {
        let input = counted.prompt_tokens.or(counted.total_tokens)?;
        let shown = Counted { prompt_tokens: Some(input), ..counted };
        edits.set("usage", to_raw(&shown).get().to_owned());
        Some(Usage { input, ..Usage::default() })
    });
    Ok((object.splice(&edits), usage))
}
