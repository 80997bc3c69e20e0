//! Streams into hub events.

use lockgate_core::{
    Error, Event, FinishReason, Result, StreamDecoder,
    wire::{NdjsonDecoder, SseDecoder},
};

use crate::{
    answer::Piece,
    api::{Api, Framing},
};

/// Reads the stream of one answer.
pub(crate) struct Decoder {
    frames: Frames,
    state: State,
}

enum Frames {
    Events(SseDecoder),
    Lines(NdjsonDecoder),
}

struct State {
    api: &'static dyn Api,
    model: String,
    started: bool,
    ended: bool,
    /// What is known of the end so far.
    last: Piece,
}

impl Decoder {
    pub(crate) fn new(api: &'static dyn Api, model: &str) -> Self {
        let frames = match api.framing() {
            Framing::Events => Frames::Events(SseDecoder::new()),
            Framing::Lines => Frames::Lines(NdjsonDecoder::new()),
        };
        let state =
            State { api, model: model.to_owned(), started: false, ended: false, last: Piece::default() };
        Self { frames, state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        match &mut self.frames {
            Frames::Events(frames) => {
                frames.feed(bytes, &mut |event| state.event(event.event, event.data, out))
            }
            Frames::Lines(frames) => frames.feed(bytes, &mut |line| state.event("", line, out)),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        match &mut self.frames {
            Frames::Events(frames) => {
                frames.finish(&mut |event| state.event(event.event, event.data, out))?
            }
            Frames::Lines(frames) => frames.finish(&mut |line| state.event("", line, out))?,
        }
        if state.ended {
            return Ok(());
        }
        if state.started && state.api.ends_unmarked() {
            state.end(out);
            return Ok(());
        }
        Err(Error::invalid_response("The provider's stream ended before the answer was complete."))
    }
}

impl State {
    fn event(&mut self, event: &str, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || data == "[DONE]" {
            return Ok(());
        }
        let piece = match self.api.piece(event, data) {
            Ok(piece) => piece,
            Err(error) if self.started => {
                self.ended = true;
                out.push(Event::Failure(error));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if !self.started {
            self.started = true;
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: String::new(), model, created: None, usage: None });
        }
        if !piece.text.is_empty() {
            out.push(Event::Text { choice: 0, text: piece.text });
        }
        let last = &mut self.last;
        last.finish = piece.finish.or(last.finish.take());
        last.native = piece.native.or(last.native.take());
        last.usage = piece.usage.or(last.usage.take());
        if piece.done {
            self.end(out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.ended = true;
        out.push(Event::Finish {
            choice: 0,
            reason: self.last.finish.take().unwrap_or(FinishReason::Stop),
            native: self.last.native.take(),
            stop_sequence: None,
        });
        if let Some(usage) = self.last.usage.take() {
            out.push(Event::Usage(Box::new(usage)));
        }
        out.push(Event::Done);
    }
}
