//! The same in streams.

use lockgate_core::{Event, FinishReason, Result, StreamDecoder, hub::FunctionCall, json::read};

use crate::functions;

/// OpenAI's decoder, its calls of functions turned into calls of tools.
pub(crate) struct Decoder {
    inner: Box<dyn StreamDecoder>,
    /// The client itself speaks of functions.
    legacy: bool,
    id: String,
}

impl Decoder {
    pub(crate) fn new(inner: Box<dyn StreamDecoder>, legacy: bool) -> Self {
        Self { inner, legacy, id: String::new() }
    }

    /// Rewrites the events from the given one on.
    fn adapt(&mut self, events: &mut Vec<Event>, from: usize) {
        let new = events.split_off(from.min(events.len()));
        for event in new {
            self.event(event, events);
        }
    }

    fn event(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::Start { ref id, .. } => {
                self.id.clone_from(id);
                out.push(event);
            }
            Event::Delta { choice, key, value } if key == "function_call" => {
                let value = functions::with_text(&value).unwrap_or(value);
                match read::<FunctionCall>(&value).filter(|_| !self.legacy) {
                    Some(call) => {
                        let id = format!("call_{}_{choice}", self.id);
                        let name = call.name.unwrap_or_default();
                        let fragment = call.arguments.unwrap_or_default();
                        out.push(Event::ToolStart { choice, index: 0, id, name, extra: None });
                        out.push(Event::ToolArguments { choice, index: 0, fragment });
                    }
                    None => out.push(Event::Delta { choice, key, value }),
                }
            }
            Event::Finish { choice, reason: FinishReason::FunctionCall, native, stop_sequence }
                if !self.legacy =>
            {
                out.push(Event::Finish { choice, reason: FinishReason::ToolCalls, native, stop_sequence });
            }
            other => out.push(other),
        }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let before = out.len();
        let fed = self.inner.feed(bytes, out);
        self.adapt(out, before);
        fed
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let before = out.len();
        let finished = self.inner.finish(out);
        self.adapt(out, before);
        finished
    }
}
