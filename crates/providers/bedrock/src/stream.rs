//! A stream of the Converse API into hub events.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::response::Parts;
use lockgate_aws::{Frame, Frames, error};
use lockgate_core::{
    Attempt, Encoded, Error, Event, Result, StreamDecoder, Usage,
    json::{read, to_raw},
};

use crate::{
    response::{self, count_reasoning, redacted},
    wire::{DeltaView, EventView, ReasoningView, ToolUseView},
};

/// Reads the events of one answer.
pub(crate) struct Decoder {
    frames: Frames,
    state: State,
}

/// What has been said so far, however it is framed.
#[derive(Default)]
pub(crate) struct State {
    model: String,
    id: String,
    json_tool: Option<String>,
    tool_names: BTreeMap<String, String>,
    counter: Option<fn(&str) -> u64>,
    started: bool,
    /// The model has stopped.
    stopped: bool,
    ended: bool,
    /// The calls that are open, by the numbers of their blocks.
    open: BTreeMap<u64, Open>,
    /// The block that was opened last.
    last: u64,
    /// Calls of the client's tools so far.
    calls: u32,
    thinking: Option<String>,
    usage: Option<Usage>,
    additional: Option<lockgate_core::Raw>,
}

#[derive(Clone, Copy)]
enum Open {
    /// The arguments of a call; which one, and whether there are any yet.
    Call { index: u32, argued: bool },
    /// The arguments of a call that are the answer.
    Answer { said: bool },
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>, encoded: &Encoded, head: Option<&Parts>) -> Self {
        Self { frames: Frames::default(), state: State::new(attempt, encoded, head) }
    }

    /// For a stream that is relayed.
    pub(crate) fn watching() -> Self {
        Self { frames: Frames::default(), state: State::default() }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.frames.feed(bytes, |frame| match frame {
            Frame::Event { name, payload } => state.event(&name, &payload, out),
            failure => {
                state.fail(error::in_stream(&failure), out);
                Ok(())
            }
        })
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        // After the reason to stop only counts are missing.
        if !self.state.stopped {
            self.frames.finish()?;
        }
        self.state.finish(out)
    }
}

impl State {
    pub(crate) fn new(attempt: &Attempt<'_>, encoded: &Encoded, head: Option<&Parts>) -> Self {
        Self {
            model: attempt.target.model.to_string(),
            id: head.map(response::id).unwrap_or_default(),
            json_tool: encoded.memo.json_tool.clone(),
            tool_names: encoded.memo.tool_names.clone(),
            counter: attempt.target.facts.count_tokens,
            ..Self::default()
        }
    }

    /// Reads one event.
    pub(crate) fn event(&mut self, name: &str, payload: &Bytes, out: &mut Vec<Event>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let event: EventView = serde_json::from_slice(payload).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        self.read(name, event, out);
        Ok(())
    }

    /// Takes in one event that is parsed already.
    pub(crate) fn read(&mut self, name: &str, event: EventView, out: &mut Vec<Event>) {
        self.start(out);
        match name {
            "contentBlockStart" => {
                if let Some(call) = event.start.and_then(|start| start.tool_use) {
                    self.call(event.index, call, out);
                }
            }
            "contentBlockDelta" => self.delta(event.index, event.delta.unwrap_or_default(), out),
            "contentBlockStop" => self.close(event.index.unwrap_or(self.last), out),
            "messageStop" => self.stop(event, out),
            "metadata" => self.metadata(event, out),
            _ => {}
        }
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
            out.push(Event::Start { id, model, created: None, usage: None });
        }
    }

    fn call(&mut self, block: Option<u64>, call: ToolUseView, out: &mut Vec<Event>) {
        self.last = block.unwrap_or(self.last.wrapping_add(1));
        self.close(self.last, out);
        let name = call.name.unwrap_or_default();
        if self.json_tool.as_deref() == Some(name.as_str()) {
            self.open.insert(self.last, Open::Answer { said: false });
            return;
        }
        let index = self.calls;
        self.open.insert(self.last, Open::Call { index, argued: false });
        self.calls += 1;
        let name = self.tool_names.get(&name).cloned().unwrap_or(name);
        let id = call.id.unwrap_or_default();
        out.push(Event::ToolStart { choice: 0, index, id, name, extra: None });
    }

    fn delta(&mut self, block: Option<u64>, delta: DeltaView, out: &mut Vec<Event>) {
        if let Some(text) = delta.text.filter(|text| !text.is_empty()) {
            out.push(Event::Text { choice: 0, text });
        }
        if let Some(fragment) = delta.tool_use.and_then(|call| call.input).filter(|text| !text.is_empty()) {
            match self.open.get_mut(&block.unwrap_or(self.last)) {
                Some(Open::Answer { said }) => {
                    *said = true;
                    out.push(Event::Text { choice: 0, text: fragment });
                }
                Some(Open::Call { index, argued }) => {
                    *argued = true;
                    out.push(Event::ToolArguments { choice: 0, index: *index, fragment });
                }
                None => {}
            }
        }
        let Some(reasoning) = delta.reasoning.as_deref().and_then(read::<ReasoningView>) else { return };
        if let Some(text) = reasoning.text.filter(|text| !text.is_empty()) {
            self.thinking.get_or_insert_default().push_str(&text);
            out.push(Event::Reasoning { choice: 0, text });
        }
        if let Some(signature) = reasoning.signature.filter(|signature| !signature.is_empty()) {
            out.push(Event::Signature { choice: 0, signature });
        }
        if let Some(data) = reasoning.redacted {
            out.push(Event::RedactedThinking { choice: 0, block: redacted(&data) });
        }
    }

    /// A call without arguments gets none as an object.
    fn close(&mut self, block: u64, out: &mut Vec<Event>) {
        match self.open.remove(&block) {
            Some(Open::Call { index, argued: false }) => {
                out.push(Event::ToolArguments { choice: 0, index, fragment: "{}".to_owned() });
            }
            Some(Open::Answer { said: false }) => {
                out.push(Event::Text { choice: 0, text: "{}".to_owned() });
            }
            _ => {}
        }
    }

    fn stop(&mut self, event: EventView, out: &mut Vec<Event>) {
        while let Some(block) = self.open.keys().next().copied() {
            self.close(block, out);
        }
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.additional = event.additional;
        let word = event.stop_reason.as_deref().unwrap_or("end_turn");
        let (reason, native) = response::finish(word, self.calls > 0);
        out.push(Event::Finish { choice: 0, reason, native, stop_sequence: None });
    }

    fn metadata(&mut self, event: EventView, out: &mut Vec<Event>) {
        if let Some(trace) = event.trace.filter(|trace| trace.get() != "{}") {
            out.push(Event::Chunk { key: "trace".to_owned(), value: to_raw(&trace) });
        }
        if let Some(usage) = event.usage {
            let mut usage = usage.hub();
            count_reasoning(&mut usage, self.additional.as_deref(), self.thinking.as_deref(), self.counter);
            self.usage = Some(usage);
        }
        if self.stopped {
            self.end(out);
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.ended, true) {
            out.extend(self.usage.take().map(|usage| Event::Usage(Box::new(usage))));
            out.push(Event::Done);
        }
    }

    pub(crate) fn fail(&mut self, error: Error, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.ended, true) {
            out.push(Event::Failure(error));
        }
    }

    /// The stream ended.
    pub(crate) fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.stopped {
            self.end(out);
        }
        if self.ended {
            return Ok(());
        }
        Err(Error::invalid_response("The provider's stream ended before the answer was complete."))
    }
}
