//! The client's half of a translation.

use bytes::Bytes;
use http::HeaderMap;

use crate::{Call, Error, Event, Format, Operation, Payload, Reply, Result, hub::Request};

/// A format family that clients speak: OpenAI's endpoints, Anthropic's Messages, ….
pub trait Surface: Send + Sync + 'static {
    /// Its name in metrics and docs: `openai`, `anthropic`.
    fn id(&self) -> &'static str;

    /// The format of this surface's bodies for the operation.
    fn format(&self, operation: Operation) -> Format;

    /// Scans a client's body into a call. `path_model` is the model named by the path, if it names one.
    ///
    /// # Errors
    /// The body is not what the surface demands at its top level.
    fn read(
        &'static self,
        operation: Operation,
        headers: HeaderMap,
        body: Bytes,
        path_model: Option<&str>,
    ) -> Result<Call>;

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

    /// Writes a whole answer.
    ///
    /// # Errors
    /// The answer is of an operation that this surface does not have.
    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload>;

    /// Starts writing a stream.
    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder>;

    /// Writes an error with its status, in the surface's own envelope.
    fn error(&self, error: &Error) -> http::Response<Payload>;

    /// The bytes that keep an idle stream alive: a comment or a ping that every SDK of this surface ignores.
    fn keepalive(&self) -> Bytes;
}

/// Hub events in, client bytes out. The encoder opens and closes what its protocol wants opened and closed.
pub trait StreamEncoder: Send {
    /// Writes what the event means to the client; [`Event::Done`] writes the terminator.
    fn event(&mut self, event: &Event, out: &mut Vec<u8>);

    /// Ends the stream with an error in the client's protocol. Nothing is written afterwards.
    fn fail(&mut self, error: &Error, out: &mut Vec<u8>);
}
