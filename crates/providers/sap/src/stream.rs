//! Streams: OpenAI's events, each in an envelope.

use bytes::Bytes;
use lockgate_core::{
    Error, Event, Result, StreamDecoder,
    wire::{SseDecoder, write_sse},
};

use crate::envelope::{Answer, failed};

/// Takes the envelopes off and gives what was in them to the decoder of OpenAI's streams.
pub(crate) struct Unwrapped {
    events: SseDecoder,
    inner: Box<dyn StreamDecoder>,
}

impl Unwrapped {
    pub(crate) fn new(inner: Box<dyn StreamDecoder>) -> Self {
        Self { events: SseDecoder::default(), inner }
    }

    fn event(inner: &mut dyn StreamDecoder, data: &str, out: &mut Vec<Event>) -> Result<()> {
        let mut text = Vec::with_capacity(data.len());
        if data.trim() == "[DONE]" {
            write_sse(&mut text, None, "[DONE]");
            return inner.feed(&text, out);
        }
        let answer: Answer = serde_json::from_str(data).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        match answer.result.or(answer.old) {
            Some(result) => write_sse(&mut text, None, result.get()),
            None if answer.error.is_some() => {
                let error = failed(&Bytes::copy_from_slice(data.as_bytes()));
                if out.is_empty() {
                    return Err(error);
                }
                out.push(Event::Failure(error));
                return Ok(());
            }
            // What the modules before the model have done.
            None => return Ok(()),
        }
        inner.feed(&text, out)
    }
}

impl StreamDecoder for Unwrapped {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let inner = &mut *self.inner;
        self.events.feed(bytes, &mut |event| Self::event(inner, event.data, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let inner = &mut *self.inner;
        self.events.finish(&mut |event| Self::event(inner, event.data, out))?;
        self.inner.finish(out)
    }
}
