//! The Anthropic Messages dialect and surface: pure translation both ways.

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Error, Format, Operation, Payload, Probe, Reply, Result, StreamDecoder, StreamEncoder, Surface,
    Usage, hub::Request,
};

/// The Messages API as upstreams speak it.
pub struct Anthropic;

/// The Messages API as clients speak it.
pub struct AnthropicSurface;

impl Dialect for Anthropic {
    fn id(&self) -> &'static str {
        "anthropic"
    }
    fn encode(&self, _attempt: &Attempt<'_>) -> Result<Encoded> {
        Err(Error::internal("unavailable"))
    }
    fn decode(&self, _attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts, _body: Bytes) -> Result<Reply> {
        Err(Error::internal("unavailable"))
    }
    fn stream(&self, _attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        panic!("unavailable")
    }
    fn reject(&self, _attempt: &Attempt<'_>, _head: &Parts, _body: &Bytes) -> Error {
        Error::internal("unavailable")
    }
    fn inspect(&self, _encoded: &Encoded, _head: &Parts, _body: &Bytes) -> Result<Option<Usage>> {
        Ok(None)
    }
    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        panic!("unavailable")
    }
}

impl Surface for AnthropicSurface {
    fn id(&self) -> &'static str {
        "anthropic"
    }
    fn format(&self, _operation: Operation) -> Format {
        Format("anthropic.messages")
    }
    fn read(&'static self, operation: Operation, headers: HeaderMap, body: Bytes, path_model: Option<&str>) -> Result<Call> {
        Call::from_json(self, operation, headers, body, path_model)
    }
    fn parse(&self, _call: &Call) -> Result<Request> {
        Err(Error::internal("unavailable"))
    }
    fn write(&self, _call: &Call, _reply: &Reply) -> Result<Payload> {
        Err(Error::internal("unavailable"))
    }
    fn encoder(&self, _call: &Call) -> Box<dyn StreamEncoder> {
        panic!("unavailable")
    }
    fn error(&self, error: &Error) -> http::Response<Payload> {
        http::Response::new(Payload::from(error.message().to_owned()))
    }
    fn keepalive(&self) -> Bytes {
        Bytes::from_static(b"event: ping\ndata: {\"type\":\"ping\"}\n\n")
    }
}
