//! The client's half of a translation.

mod endpoint;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

pub use endpoint::{Asked, Endpoint, ListedModel};

use crate::{Call, Error, Event, Format, Operation, Payload, Reply, Result, hub::Request};

/// A format family that clients speak: OpenAI's endpoints, Anthropic's Messages, ….
pub trait Surface: Send + Sync + 'static {
    /// Its name in metrics and docs: `openai`, `anthropic`.
    fn id(&self) -> &'static str;

    /// The format of this surface's bodies for the operation.
    fn format(&self, operation: Operation) -> Format;

    /// What it offers, and where. No two endpoints share path, method and header.
    fn endpoints(&self) -> &'static [Endpoint] {
        &[]
    }

    /// Scans a client's body into a call.
    ///
    /// # Errors
    /// The body is not what the surface demands at its top level.
    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call>;

    /// Parses a call's body into the hub's view. Called at most once for each call, and never for a relayed one.
    ///
    /// # Errors
    /// A field has the wrong type or makes no sense; the message names it.
    fn parse(&self, call: &Call) -> Result<Request>;

    /// What [`Surface::parse`] leaves out because only upstreams of the surface's own format could understand it:
    /// reported as dropped wherever the call is translated.
    fn untranslated(&self, _call: &Call) -> Vec<String> {
        Vec::new()
    }

    /// The member that lists what is to be embedded, if a request for embeddings may be asked for in parts: the same
    /// body with a part of the list asks for a part of the vectors, and [`Surface::write`] loses nothing that the
    /// client asked for.
    fn inputs(&self, _call: &Call) -> Option<&'static str> {
        None
    }

    /// Whether messages and answers are made of blocks, reasoning among them, which comes back as it went. Tools of
    /// such clients are not strict unless they say so.
    fn speaks_blocks(&self) -> bool {
        false
    }

    /// Whether clients give back blocks of withheld reasoning as they got them, and no other fields of a message.
    fn keeps_blocks(&self) -> bool {
        self.speaks_blocks()
    }

    /// Whether clients are told the name of the model that they asked for where the upstream has another one for it.
    fn shows_asked_model(&self) -> bool {
        false
    }

    /// Writes a whole answer.
    ///
    /// # Errors
    /// The answer is of an operation that this surface does not have.
    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload>;

    /// Writes the list of models, for a surface that has an endpoint for it.
    fn models(&self, _models: &[ListedModel<'_>]) -> Payload {
        Payload::new()
    }

    /// Writes what is known about one model, as [`Surface::models`] does about each.
    fn model(&self, _model: &ListedModel<'_>) -> Payload {
        Payload::new()
    }

    /// The type of a streamed answer's bytes, as its header names it.
    fn stream_type(&self, _call: &Call) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// What an answer written by [`Surface::write`] is, if it is not JSON.
    fn content_type(&self, _call: &Call, _reply: &Reply) -> Option<HeaderValue> {
        None
    }

    /// Starts writing a stream.
    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder>;

    /// Writes an error with its status, in the surface's own envelope.
    fn error(&self, error: &Error) -> Response<Payload>;

    /// The bytes that keep the call's idle stream alive: a comment or a ping that every SDK of this surface ignores.
    fn keepalive(&self, call: &Call) -> Bytes;
}

/// An error as an answer: its envelope as JSON, with the status and when to come again.
pub fn refused(error: &Error, status: u16, envelope: impl Into<Payload>) -> Response<Payload> {
    let mut response = Response::new(envelope.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(delay) = error.retry_after() {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Hub events in, client bytes out. The encoder opens and closes what its protocol wants opened and closed.
pub trait StreamEncoder: Send {
    /// Writes what the event means to the client; [`Event::Done`] writes the terminator.
    fn event(&mut self, event: &Event, out: &mut Vec<u8>);

    /// Bytes of the upstream's have been relayed: what is written from now on continues them.
    fn resume(&mut self) {}

    /// Ends the stream with an error in the client's protocol. Nothing is written afterwards.
    fn fail(&mut self, error: &Error, out: &mut Vec<u8>);
}
