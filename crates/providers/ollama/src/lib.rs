#![doc = include_str!("../README.md")]

mod embed;
mod error;
mod media;
mod messages;
mod options;
mod prompt;
mod request;
mod response;
mod stream;
mod think;
mod wire;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Error, Format, Probe, Reply, Result, StreamDecoder, Target, Usage,
    Watch, params,
};

/// Bodies and answers of `/api/chat`.
pub const CHAT: Format = Format("ollama.chat");

/// Bodies and answers of `/api/generate`.
pub const GENERATE: Format = Format("ollama.generate");

/// Bodies and answers of `/api/embed`.
pub const EMBED: Format = Format("ollama.embed");

/// Ollama's own API, by the endpoint that conversations go to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ollama {
    /// `/api/generate`: a prompt.
    Generate,
    /// `/api/chat`: messages.
    Chat,
}

impl Dialect for Ollama {
    fn id(&self) -> &'static str {
        match self {
            Self::Generate => "ollama",
            Self::Chat => "ollama_chat",
        }
    }

    fn supported_params(&self, _target: &Target) -> Vec<String> {
        params::names(options::TAKEN.into_iter().chain(["stream", "stream_options"]))
    }

    fn fetches(&self, call: &Call, _target: &Target) -> Result<Vec<String>> {
        request::fetches(call)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        request::encode(attempt, *self)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        response::decode(attempt, encoded, &body)
    }

    fn stream(&self, attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(&attempt.target.model, &attempt.call.id))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, _encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        response::inspect(body)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(Watch::new(stream::Decoder::new("", "")))
    }
}
