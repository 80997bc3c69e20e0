//! What the tests of this crate share.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use http::HeaderMap;
use lockgate_anthropic::{Anthropic, AnthropicSurface};
use lockgate_core::{
    Attempt, Call, Encoded, Error, Format, Media, Operation, Payload, Reply, Result, StreamDecoder,
    StreamEncoder, Surface, Target, hub::Request, surface::Asked,
};
use lockgate_testkit::sample;

pub(crate) static DIALECT: Anthropic = Anthropic;
pub(crate) static SURFACE: AnthropicSurface = AnthropicSurface;
static CHAT: ChatSurface = ChatSurface;

/// Clients whose bodies are the hub's own words.
struct ChatSurface;

impl Surface for ChatSurface {
    fn id(&self) -> &'static str {
        "chat"
    }

    fn format(&self, _operation: Operation) -> Format {
        Format("chat")
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        Call::from_json(self, asked, headers, body)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        let request = serde_json::from_slice(call.body.source());
        request
            .map(|request| Request::Chat(Box::new(request)))
            .map_err(|error| Error::bad_request(error.to_string()))
    }

    fn write(&self, _call: &Call, _reply: &Reply) -> Result<Payload> {
        Ok(Payload::new())
    }

    fn encoder(&self, _call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(Mute)
    }

    fn error(&self, _error: &Error) -> http::Response<Payload> {
        http::Response::new(Payload::new())
    }

    fn keepalive(&self, _call: &Call) -> Bytes {
        Bytes::new()
    }
}

struct Mute;

impl StreamEncoder for Mute {
    fn event(&mut self, _event: &lockgate_core::Event, _out: &mut Vec<u8>) {}

    fn fail(&mut self, _error: &Error, _out: &mut Vec<u8>) {}
}

pub(crate) fn target(model: &str) -> Target {
    sample::target(sample::provider(&DIALECT), model)
}

/// A call in the hub's words.
pub(crate) fn chat(body: &str) -> Call {
    sample::call(&CHAT, Operation::Chat, body).unwrap()
}

/// A call of the Messages API.
pub(crate) fn messages(body: &str) -> Call {
    sample::call(&SURFACE, Operation::Chat, body).unwrap()
}

pub(crate) fn with<T>(target: &Target, call: &Call, run: impl FnOnce(&Attempt<'_>, &Encoded) -> T) -> T {
    let media = Media::default();
    let attempt = Attempt { call, target, media: &media };
    let encoded = attempt.dialect().encode(&attempt).unwrap();
    run(&attempt, &encoded)
}

/// The upstream body for a request in the hub's words, and the whole of what was encoded.
pub(crate) fn encode(target: &Target, body: &str) -> Result<(serde_json::Value, Encoded)> {
    let call = chat(body);
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    let encoded = attempt.dialect().encode(&attempt)?;
    let body = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
    Ok((body, encoded))
}

pub(crate) fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    attempt.dialect().stream(attempt, encoded, &sample::head(200, "text/event-stream"))
}

/// Events as Anthropic frames them.
pub(crate) fn sse(events: &[&str]) -> String {
    let frame = |data: &&str| {
        let kind: serde_json::Value = serde_json::from_str(data).unwrap();
        format!("event: {}\ndata: {data}\n\n", kind["type"].as_str().unwrap())
    };
    events.iter().map(frame).collect()
}
