#![doc = include_str!("../README.md")]

mod array;
mod contents;
mod embed;
mod error;
mod generation;
mod media;
mod params;
mod pictures;
mod probe;
mod relay;
mod remarks;
mod request;
mod response;
mod schema;
mod sound;
mod stream;
mod surface;
mod thinking;
mod tools;
mod usage;
mod wire;

pub use surface::GeminiSurface;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Error, Format, Probe, Reply, Result, StreamDecoder, Target, Usage,
};

/// Bodies and answers of `:generateContent` and `:streamGenerateContent`.
pub const GENERATE: Format = Format("gemini.generate_content");

/// The same, streamed as one JSON array: what clients get that do not ask for `alt=sse`.
pub const GENERATE_ARRAY: Format = Format("gemini.generate_content_array");

/// Bodies and answers of `:countTokens`.
pub const COUNT_TOKENS: Format = Format("gemini.count_tokens");

/// Bodies and answers of `:batchEmbedContents`.
pub const EMBED: Format = Format("gemini.batch_embed_contents");

/// Bodies and answers of `:embedContent`.
pub const EMBED_ONE: Format = Format("gemini.embed_content");

/// Where Gemini is addressed. The two services differ in what they take and in where their models are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// The Gemini API of Google AI Studio: `…/v1beta/models/MODEL:VERB`.
    Studio,
    /// Vertex AI: takes labels and log probabilities, and fetches `https:` files by itself.
    Vertex,
}

/// Gemini's API as Google AI Studio speaks it.
#[derive(Clone, Copy, Debug)]
pub struct Gemini;

impl Dialect for Gemini {
    fn id(&self) -> &'static str {
        "gemini"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        params::supported(Service::Studio, &target.model)
    }

    fn fetches(&self, call: &Call, _target: &Target) -> Result<Vec<String>> {
        fetches(call, Service::Studio)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        encode(attempt, Service::Studio, &|verb| request::studio_url(attempt, verb))
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        response::decode(attempt, encoded, &body)
    }

    fn stream(&self, attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(attempt))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        response::inspect(encoded.format, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        match encoded.format {
            GENERATE_ARRAY => Box::new(array::AsArray::new(probe::watch())),
            _ => Box::new(probe::watch()),
        }
    }
}

/// URLs in the call's messages that must be fetched because the service does not fetch them.
///
/// # Errors
/// The call cannot be read.
pub fn fetches(call: &Call, service: Service) -> Result<Vec<String>> {
    request::fetches(call, service)
}

/// Writes the request for a service; `locate` gives the URL for a verb (`generateContent`).
///
/// # Errors
/// The call cannot be expressed in Gemini's words.
pub fn encode(attempt: &Attempt<'_>, service: Service, locate: &dyn Fn(&str) -> String) -> Result<Encoded> {
    request::encode(attempt, service, locate)
}

/// OpenAI's parameters that a model takes on a service, sorted.
pub fn supported_params(service: Service, model: &str) -> Vec<String> {
    params::supported(service, model)
}
