#![doc = include_str!("../README.md")]

mod embed;
mod error;
mod messages;
pub mod parse;
mod relay;
mod remarks;
mod request;
mod response;
mod stream;
mod surface;
pub mod v1;
mod wire;

pub use surface::CohereSurface;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Dialect, Encoded, Error, Format, Probe, Reply, Result, StreamDecoder, Target, Usage, Watch,
    params,
};

/// Bodies and answers of `/v2/chat`.
pub const CHAT: Format = Format("cohere.chat");

/// Bodies and answers of `/v2/embed`.
pub const EMBED: Format = Format("cohere.embed");

/// Bodies and answers of `/v1/embed`.
pub const EMBED_V1: Format = Format("cohere.embed_v1");

/// Bodies and answers of `/v2/parse`.
pub const PARSE: Format = Format("cohere.parse");

/// Cohere's own API, version 2.
#[derive(Clone, Copy, Debug)]
pub struct Cohere;

impl Dialect for Cohere {
    fn id(&self) -> &'static str {
        "cohere"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        let taken: &[&str] = if v1::is_asked(target) { &v1::TAKEN } else { &request::TAKEN };
        params::names(taken.iter().copied().chain(["stream", "stream_options"]))
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        request::encode(attempt)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        response::decode(attempt, encoded, &body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        let model = request::model(attempt);
        if encoded.format == v1::CHAT_V1 {
            return Box::new(stream::Decoder::new(v1::State::new(model, &attempt.call.id)));
        }
        Box::new(stream::Decoder::new(stream::State::new(model)))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        response::inspect(encoded.format, body)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(Watch::new(stream::Decoder::new(stream::State::new(""))))
    }
}
