//! A stream into hub events: server-sent events, or JSON, each event on a line of its own.

use lockgate_core::{
    Error, Event, Result, StreamDecoder, Usage,
    wire::{NdjsonDecoder, SseDecoder},
};
use serde::de::DeserializeOwned;

use crate::{
    error, remarks, response,
    wire::{CallView, DeltaView, EventView, MessageView, elements, parts, to_raw},
};

/// What the events of one answer mean.
pub(crate) trait Events: Send {
    /// What an event looks like.
    type View: DeserializeOwned;

    /// Takes the next event.
    fn event(&mut self, event: Self::View, out: &mut Vec<Event>);

    /// Whether the answer is complete, or has failed.
    fn ended(&self) -> bool;

    /// Reads the next event, unless all is said.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        let data = data.trim();
        if self.ended() || !data.starts_with('{') {
            return Ok(());
        }
        let event = serde_json::from_str(data).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        self.event(event, out);
        Ok(())
    }
}

/// Reads the events of one answer.
pub(crate) struct Decoder<S> {
    /// How events are written: the first byte tells.
    frames: Option<Frames>,
    state: S,
}

enum Frames {
    Events(SseDecoder),
    Lines(NdjsonDecoder),
}

/// The second version's.
pub(crate) struct State {
    model: String,
    started: bool,
    ended: bool,
    /// The tool calls, in the order in which they started.
    calls: Vec<Started>,
}

struct Started {
    /// Cohere's number.
    number: i64,
    /// Whether it has arguments.
    argued: bool,
}

impl<S: Events> Decoder<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { frames: None, state }
    }
}

impl<S: Events> StreamDecoder for Decoder<S> {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        let bytes = if self.frames.is_some() { bytes } else { bytes.trim_ascii_start() };
        let Some(first) = bytes.first() else { return Ok(()) };
        let frames = self.frames.get_or_insert_with(|| match first {
            b'{' => Frames::Lines(NdjsonDecoder::new()),
            _ => Frames::Events(SseDecoder::new()),
        });
        match frames {
            Frames::Events(events) => events.feed(bytes, &mut |event| state.read(event.data, out)),
            Frames::Lines(lines) => lines.feed(bytes, &mut |line| state.read(line, out)),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        match &mut self.frames {
            Some(Frames::Events(events)) => events.finish(&mut |event| state.read(event.data, out))?,
            Some(Frames::Lines(lines)) => lines.finish(&mut |line| state.read(line, out))?,
            None => {}
        }
        if state.ended() {
            return Ok(());
        }
        Err(Error::invalid_response("The provider's stream ended before the answer was complete."))
    }
}

impl Events for State {
    type View = EventView;

    fn event(&mut self, event: EventView, out: &mut Vec<Event>) {
        let delta = event.delta.unwrap_or_default();
        let message = delta.message.clone().unwrap_or_default();
        match event.kind.as_deref() {
            None if event.message.is_some() => {
                self.fail(error::failed(event.message.map(|words| to_raw(&words)).as_deref()), out);
                return;
            }
            // The end may be a failure before any beginning.
            Some("message-end") => {}
            _ => self.start(event.id, out),
        }
        match event.kind.as_deref() {
            Some("content-start" | "content-delta") => {
                content(&message, out);
                if let Some(logprobs) = event.logprobs.and_then(|given| remarks::logprobs(&[given])) {
                    out.push(Event::Logprobs { choice: 0, logprobs });
                }
            }
            Some("tool-plan-delta") => {
                out.extend(message.tool_plan.filter(|text| !text.is_empty()).map(reasoning));
            }
            Some("tool-call-start") => self.call(event.index, &message, out),
            Some("tool-call-delta") => self.arguments(event.index, &message, out),
            Some("tool-call-end") => self.settle(event.index, out),
            Some("citation-start") => {
                let annotations = remarks::annotations(message.citations.as_deref());
                out.extend(annotations.map(|annotations| Event::Annotations { choice: 0, annotations }));
            }
            Some("message-end") => self.end(delta, out),
            _ => {}
        }
    }

    fn ended(&self) -> bool {
        self.ended
    }
}

impl State {
    pub(crate) fn new(model: &str) -> Self {
        Self { model: model.to_owned(), started: false, ended: false, calls: Vec::new() }
    }

    fn start(&mut self, id: Option<String>, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: id.unwrap_or_default(), model, created: None, usage: None });
        }
    }

    fn call(&mut self, number: Option<i64>, message: &MessageView, out: &mut Vec<Event>) {
        for call in elements::<CallView>(message.tool_calls.as_deref()) {
            let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
            self.calls.push(Started { number: number.unwrap_or_else(|| i64::from(index)), argued: false });
            let function = call.function.unwrap_or_default();
            let (id, name) = (call.id.unwrap_or_default(), function.name.unwrap_or_default());
            out.push(Event::ToolStart { choice: 0, index, id, name, extra: None });
            self.fragment(index, function.arguments, out);
        }
    }

    fn arguments(&mut self, number: Option<i64>, message: &MessageView, out: &mut Vec<Event>) {
        let Some(index) = self.place(number) else { return };
        for call in elements::<CallView>(message.tool_calls.as_deref()) {
            self.fragment(index, call.function.unwrap_or_default().arguments, out);
        }
    }

    /// Which call that number of Cohere's means; without a number it is the latest.
    fn place(&self, number: Option<i64>) -> Option<u32> {
        let own = number.and_then(|number| self.calls.iter().rposition(|own| own.number == number));
        let index = own.or_else(|| self.calls.len().checked_sub(1))?;
        Some(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn fragment(&mut self, index: u32, fragment: Option<String>, out: &mut Vec<Event>) {
        if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
            if let Some(call) = self.calls.get_mut(index as usize) {
                call.argued = true;
            }
            out.push(Event::ToolArguments { choice: 0, index, fragment });
        }
    }

    /// A call without arguments gets none as an object.
    fn settle(&mut self, number: Option<i64>, out: &mut Vec<Event>) {
        if let Some(index) = self.place(number)
            && self.calls.get(index as usize).is_some_and(|call| !call.argued)
        {
            self.fragment(index, Some("{}".to_owned()), out);
        }
    }

    fn end(&mut self, delta: DeltaView, out: &mut Vec<Event>) {
        let word = delta.finish_reason;
        if word.as_deref() == Some("ERROR") {
            return self.fail(error::failed(delta.error.as_deref()), out);
        }
        self.start(None, out);
        self.ended = true;
        for number in self.calls.iter().map(|call| call.number).collect::<Vec<_>>() {
            self.settle(Some(number), out);
        }
        let reason = response::finish(word.as_deref(), !self.calls.is_empty());
        out.push(Event::Finish { choice: 0, reason, native: word, stop_sequence: None });
        let usage: Option<Usage> = delta.usage.and_then(|usage| usage.hub());
        out.extend(usage.map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
    }

    fn fail(&mut self, error: Error, out: &mut Vec<Event>) {
        self.ended = true;
        out.push(Event::Failure(error));
    }
}

fn content(message: &MessageView, out: &mut Vec<Event>) {
    for part in parts(message.content.as_deref()) {
        out.extend(part.thinking.filter(|text| !text.is_empty()).map(reasoning));
        let text = part.text.filter(|text| !text.is_empty());
        out.extend(text.map(|text| Event::Text { choice: 0, text }));
    }
}

fn reasoning(text: String) -> Event {
    Event::Reasoning { choice: 0, text }
}
