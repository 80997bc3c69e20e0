//! The Anthropic Messages dialect and surface: pure translation both ways.
//!
//! - As a [`Dialect`], [`Anthropic`] speaks to Anthropic and to servers that resemble it. A client of the Messages
//!   API is relayed byte for byte with declared edits; a client of OpenAI's API is translated through the hub.
//! - As a [`Surface`](lockgate_core::Surface), [`AnthropicSurface`] lets clients of the Messages API reach any provider.

mod betas;
pub mod claude;
mod encoder;
mod error;
mod format;
mod http;
mod media;
mod messages;
mod model;
mod names;
mod params;
mod parse;
mod probe;
mod relay;
mod repair;
mod request;
mod response;
mod schema;
mod signed;
mod stream;
mod surface;
mod thinking;
mod tools;
mod usage;
mod wire;

pub use thinking::{Reasoning, thinking_for};

use ::http::response::Parts;
use bytes::Bytes;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Error, Format, Probe, Reply, Result, StreamDecoder, Target, Usage,
};

/// Bodies and answers of `/v1/messages`.
pub const MESSAGES: Format = Format("anthropic.messages");

/// Bodies and answers of `/v1/messages/count_tokens`.
pub const COUNT_TOKENS: Format = Format("anthropic.count_tokens");

/// The Messages API as upstreams speak it.
pub struct Anthropic;

/// The Messages API as clients speak it.
pub struct AnthropicSurface;

impl Dialect for Anthropic {
    fn id(&self) -> &'static str {
        "anthropic"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        params::supported(&model::Model::new(target))
    }

    fn fetches(&self, call: &Call, _target: &Target) -> Result<Vec<String>> {
        request::fetches(call)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        request::encode(attempt)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        response::decode(attempt, encoded, &body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(attempt, encoded))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        response::inspect(encoded.format, body)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(probe::Watch::default())
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
