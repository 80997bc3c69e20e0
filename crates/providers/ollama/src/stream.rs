//! A stream of JSON lines into hub events.

use lockgate_core::{Error, Event, Result, StreamDecoder, wire::NdjsonDecoder};

use crate::{
    error,
    response::{self, Ids},
    think::{Piece, Splitter},
    wire::{AnswerView, CallView},
};

/// Reads the lines of one answer. Each has the next piece of the message; the last one says `done`.
pub(crate) struct Decoder {
    lines: NdjsonDecoder,
    state: State,
}

struct State {
    model: String,
    ids: Ids,
    started: bool,
    ended: bool,
    calls: u32,
    text: Splitter,
}

impl Decoder {
    pub(crate) fn new(model: &str, call: &str) -> Self {
        let state = State {
            model: model.to_owned(),
            ids: Ids::new(call),
            started: false,
            ended: false,
            calls: 0,
            text: Splitter::default(),
        };
        Self { lines: NdjsonDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.lines.feed(bytes, &mut |line| state.line(line, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.lines.finish(&mut |line| state.line(line, out))?;
        if state.ended {
            return Ok(());
        }
        Err(Error::invalid_response("The provider's stream ended before the answer was complete."))
    }
}

impl State {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let mut view: AnswerView = serde_json::from_str(line).map_err(|why| {
            Error::invalid_response(format!("A line of the provider's stream cannot be read: {why}"))
        })?;
        if let Err(error) = error::check(view.error.as_deref()) {
            self.ended = true;
            out.push(Event::Failure(error));
            return Ok(());
        }
        if !self.started {
            self.started = true;
            let model = view.model.take().unwrap_or_else(|| std::mem::take(&mut self.model));
            out.push(Event::Start { id: String::new(), model, created: None, usage: None });
        }
        if let Some(message) = view.take_message() {
            if let Some(text) = message.thinking.filter(|text| !text.is_empty()) {
                out.push(Event::Reasoning { choice: 0, text });
            }
            let mut pieces = Vec::new();
            self.text.push(&message.content.unwrap_or_default(), &mut pieces);
            out.extend(pieces.into_iter().map(said));
            message.tool_calls.into_iter().flatten().for_each(|call| self.call(call, out));
        }
        if view.done == Some(true) {
            self.end(&view, out);
        }
        Ok(())
    }

    /// A tool call comes whole.
    fn call(&mut self, call: CallView, out: &mut Vec<Event>) {
        let index = self.calls;
        self.calls += 1;
        let id = self.ids.id(&call, index);
        let (name, fragment) = response::function(call);
        out.push(Event::ToolStart { choice: 0, index, id, name, extra: None });
        out.push(Event::ToolArguments { choice: 0, index, fragment });
    }

    fn end(&mut self, view: &AnswerView, out: &mut Vec<Event>) {
        self.ended = true;
        let mut pieces = Vec::new();
        self.text.finish(&mut pieces);
        out.extend(pieces.into_iter().map(said));
        out.push(Event::Finish {
            choice: 0,
            reason: response::finish(view.done_reason.as_deref(), self.calls > 0),
            native: view.done_reason.clone(),
            stop_sequence: None,
        });
        if let Some(usage) = view.usage() {
            out.push(Event::Usage(Box::new(usage)));
        }
        out.push(Event::Done);
    }
}

fn said(piece: Piece) -> Event {
    match piece {
        Piece::Reasoning(text) => Event::Reasoning { choice: 0, text },
        Piece::Text(text) => Event::Text { choice: 0, text },
    }
}
