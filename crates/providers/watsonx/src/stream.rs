//! A stream of text generation into hub events.

use lockgate_core::{
    Error, ErrorKind, Event, Origin, Result, Retry, StreamDecoder, Usage,
    wire::{SseDecoder, SseEvent},
};

use crate::{
    error,
    wire::{Generated, Piece},
};

/// Reads the events of one answer.
pub(crate) struct Decoder {
    events: SseDecoder,
    state: State,
}

struct State {
    model: String,
    started: bool,
    ended: bool,
    usage: Usage,
}

impl Decoder {
    pub(crate) fn new(model: &str) -> Self {
        let state = State { model: model.to_owned(), started: false, ended: false, usage: Usage::default() };
        Self { events: SseDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.events.feed(bytes, &mut |event: SseEvent<'_>| state.event(&event, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.events.finish(&mut |event: SseEvent<'_>| state.event(&event, out))?;
        if state.ended {
            return Ok(());
        }
        let message = "The provider's stream ended before the answer was complete.";
        Err(match state.started {
            true => Error::new(ErrorKind::MidStream, Origin::Upstream, message).with_retry(Retry::Other),
            false => Error::new(ErrorKind::Connection, Origin::Upstream, message),
        })
    }
}

impl State {
    fn event(&mut self, event: &SseEvent<'_>, out: &mut Vec<Event>) -> Result<()> {
        let data = event.data.trim();
        if self.ended || !data.starts_with('{') {
            return Ok(());
        }
        if let Some((message, code)) = error::first(data.as_bytes()) {
            let error = Error::new(ErrorKind::Internal, Origin::Upstream, message).with_code(code);
            self.ended = self.started;
            if !self.started {
                return Err(error);
            }
            out.push(Event::Failure(error));
            return Ok(());
        }
        let answer: Generated = serde_json::from_str(data).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        for piece in answer.results.unwrap_or_default() {
            self.piece(&piece, out);
        }
        Ok(())
    }

    fn piece(&mut self, piece: &Piece, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: String::new(), model, created: None, usage: None });
        }
        let told = piece.usage();
        self.usage.input = self.usage.input.max(told.input);
        self.usage.output = self.usage.output.max(told.output);
        let text = piece.text();
        if !text.is_empty() {
            out.push(Event::Text { choice: 0, text });
        }
        if let Some((reason, native)) = piece.finish().filter(|_| !self.ended) {
            self.ended = true;
            out.push(Event::Finish { choice: 0, reason, native, stop_sequence: None });
            out.push(Event::Usage(Box::new(std::mem::take(&mut self.usage))));
            out.push(Event::Done);
        }
    }
}
