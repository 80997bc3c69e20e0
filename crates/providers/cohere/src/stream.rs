//! A stream into hub events: JSON, each event on a line of its own, with or without `data:` before it.

use lockgate_core::{Error, Event, Result, StreamDecoder, Usage, wire::NdjsonDecoder};

use crate::{
    error, remarks, response,
    wire::{CallView, DeltaView, EventView, MessageView, elements, parts, to_raw},
};

/// Reads the events of one answer.
pub(crate) struct Decoder {
    lines: NdjsonDecoder,
    state: State,
}

struct State {
    model: String,
    started: bool,
    ended: bool,
    /// Cohere's numbers of the tool calls, in the order in which they started.
    calls: Vec<i64>,
    /// Whether the latest of them has arguments.
    argued: bool,
}

impl Decoder {
    pub(crate) fn new(model: &str) -> Self {
        let model = model.strip_prefix("v2/").or_else(|| model.strip_prefix("v1/")).unwrap_or(model);
        let state =
            State { model: model.to_owned(), started: false, ended: false, calls: Vec::new(), argued: true };
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
        let data = line.strip_prefix("data:").unwrap_or(line).trim();
        // Other lines of server-sent events say nothing that the data does not say.
        if self.ended || !data.starts_with('{') {
            return Ok(());
        }
        let event: EventView = serde_json::from_str(data).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        let delta = event.delta.unwrap_or_default();
        let message = delta.message.clone().unwrap_or_default();
        match event.kind.as_deref() {
            None if event.message.is_some() => {
                self.fail(error::failed(event.message.map(|words| to_raw(&words)).as_deref()), out);
                return Ok(());
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
            Some("tool-call-end") => self.settle(out),
            Some("citation-start") => {
                let annotations = remarks::annotations(message.citations.as_deref());
                out.extend(annotations.map(|annotations| Event::Annotations { choice: 0, annotations }));
            }
            Some("message-end") => self.end(delta, out),
            _ => {}
        }
        Ok(())
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
            self.settle(out);
            let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
            self.calls.push(number.unwrap_or_else(|| i64::from(index)));
            self.argued = false;
            let function = call.function.unwrap_or_default();
            let (id, name) = (call.id.unwrap_or_default(), function.name.unwrap_or_default());
            out.push(Event::ToolStart { choice: 0, index, id, name, extra: None });
            self.fragment(index, function.arguments, out);
        }
    }

    fn arguments(&mut self, number: Option<i64>, message: &MessageView, out: &mut Vec<Event>) {
        let own = number.and_then(|number| self.calls.iter().rposition(|own| *own == number));
        let Some(index) = own.or_else(|| self.calls.len().checked_sub(1)) else { return };
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        for call in elements::<CallView>(message.tool_calls.as_deref()) {
            self.fragment(index, call.function.unwrap_or_default().arguments, out);
        }
    }

    fn fragment(&mut self, index: u32, fragment: Option<String>, out: &mut Vec<Event>) {
        if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
            self.argued = true;
            out.push(Event::ToolArguments { choice: 0, index, fragment });
        }
    }

    /// A call without arguments gets none as an object.
    fn settle(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.argued, true) {
            let index = u32::try_from(self.calls.len().saturating_sub(1)).unwrap_or(u32::MAX);
            out.push(Event::ToolArguments { choice: 0, index, fragment: "{}".to_owned() });
        }
    }

    fn end(&mut self, delta: DeltaView, out: &mut Vec<Event>) {
        let word = delta.finish_reason;
        if word.as_deref() == Some("ERROR") {
            return self.fail(error::failed(delta.error.as_deref()), out);
        }
        self.start(None, out);
        self.ended = true;
        self.settle(out);
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
