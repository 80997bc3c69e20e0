//! OpenAI's Responses API as an upstream: for models that have no chat completions, and for clients that speak
//! Anthropic's Messages, whose blocks it keeps better.

mod reasoning;
mod request;
mod response;
mod stream;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{Attempt, Encoded, Payload, Reply, Result, StreamDecoder, hub::ChatRequest};

/// Writes the request body.
///
/// # Errors
/// The chat cannot be said in this API.
pub(crate) fn encode(attempt: &Attempt<'_>, chat: &ChatRequest) -> Result<Payload> {
    request::encode(chat, attempt.call.surface.id() == "anthropic", attempt.call.stream)
}

/// Reads a whole answer.
///
/// # Errors
/// It is not understandable, or says that the call failed.
pub(crate) fn decode(attempt: &Attempt<'_>, _encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Reply> {
    let messages = attempt.call.surface.id() == "anthropic";
    response::decode(&attempt.target.provider.quirks, messages, head, body)
}

/// Starts reading a stream.
pub(crate) fn stream(attempt: &Attempt<'_>, _encoded: &Encoded) -> Box<dyn StreamDecoder> {
    let messages = attempt.call.surface.id() == "anthropic";
    Box::new(stream::Decoder::new(&attempt.target.provider.quirks, &attempt.target.model, messages))
}
