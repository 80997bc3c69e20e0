//! OpenAI's Responses API, both halves.
//!
//! As an upstream: for clients of the same API (relayed, [`relay`] and [`probe`]), for models that have no chat
//! completions, and for clients that speak Anthropic's Messages, whose blocks it keeps better. As a surface
//! ([`surface`]): for every model, read into a chat ([`parse`], [`items`]) and written from its answer ([`write`],
//! [`encoder`]).

mod compaction;
mod encoder;
mod id;
mod items;
mod parse;
mod probe;
mod reasoning;
mod relay;
mod request;
mod response;
mod stream;
mod surface;
mod write;

pub use id::{is_own, own, unwrap, wrap};
pub(crate) use probe::Watcher;
pub use reasoning::withheld;
pub use relay::{edits, usage};
pub(crate) use relay::{pass, prepare};
pub use surface::{CompactSurface, ResponsesSurface};
pub use write::{error, queued};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, Encoded, Format, Operation, Payload, Reply, Result, StreamDecoder, hub::ChatRequest,
    wire::quote,
};

/// Requests for the count of an input's tokens.
pub const INPUT_TOKENS: Format = Format("openai.responses.input_tokens");
/// Requests to make a conversation shorter.
pub const COMPACT: Format = Format("openai.responses.compact");

/// Whether the provider speaks this API to clients of it, in that format; else they are served by a chat.
pub(crate) fn is_native(attempt: &Attempt<'_>) -> bool {
    let target = attempt.target;
    let operation = match attempt.call.format {
        crate::RESPONSES => Operation::Responses,
        INPUT_TOKENS => Operation::InputTokens,
        COMPACT => Operation::Compact,
        _ => return false,
    };
    target.provider.offers(operation) && target.param("use_chat_completions_api") != Some("true")
}

/// What the answer says of the response that it continues, where the provider does not know that one: a declared edit.
pub(crate) fn continued(call: &Call) -> Option<(String, String, String)> {
    let moved = |id: &str| is_own(id) || (call.pin.is_none() && unwrap(id).is_some());
    let own = call.body.str("previous_response_id").filter(|id| moved(id))?;
    Some(("previous_response_id".to_owned(), "null".to_owned(), quote(&own)))
}

/// The members of a chat for which this API has no word, and which change the answer.
pub(crate) fn untold(chat: &ChatRequest) -> impl Iterator<Item = &'static str> {
    let given = [
        ("audio", chat.audio.is_some()),
        ("frequency_penalty", chat.frequency_penalty.is_some()),
        ("logit_bias", chat.logit_bias.is_some()),
        ("modalities", chat.modalities.is_some()),
        ("n", chat.n.is_some_and(|n| n != 1)),
        ("prediction", chat.prediction.is_some()),
        ("presence_penalty", chat.presence_penalty.is_some()),
        ("seed", chat.seed.is_some()),
        ("stop", chat.stop.is_some()),
        ("top_k", chat.top_k.is_some()),
    ];
    given.into_iter().filter_map(|(name, given)| given.then_some(name))
}

/// Writes the request body.
///
/// # Errors
/// The chat cannot be said in this API.
pub(crate) fn encode(attempt: &Attempt<'_>, chat: &ChatRequest) -> Result<Payload> {
    request::encode(chat, attempt.call.surface.speaks_blocks(), attempt.call.stream)
}

/// Reads a whole answer.
///
/// # Errors
/// It is not understandable, or says that the call failed.
pub(crate) fn decode(attempt: &Attempt<'_>, _encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Reply> {
    let blocks = attempt.call.surface.speaks_blocks();
    response::decode(&attempt.target.provider.quirks, blocks, head, body)
}

/// Starts reading a stream.
pub(crate) fn stream(attempt: &Attempt<'_>, _encoded: &Encoded) -> Box<dyn StreamDecoder> {
    let blocks = attempt.call.surface.speaks_blocks();
    Box::new(stream::Decoder::new(&attempt.target.provider, &attempt.target.model, blocks))
}
