//! The same in streams.

use lockgate_core::{Event, FinishReason, Memo, Result, StreamDecoder, hub::FunctionCall, json::read};

use crate::functions;

/// OpenAI's decoder, its calls of functions turned into calls of tools.
pub(crate) struct Decoder {
    inner: Box<dyn StreamDecoder>,
    /// The client itself speaks of functions.
    legacy: bool,
    /// The function that stands for the form of the answer.
    form: Option<String>,
    /// Whether it has been called.
    formed: bool,
    id: String,
}

impl Decoder {
    pub(crate) fn new(inner: Box<dyn StreamDecoder>, memo: &Memo) -> Self {
        let (legacy, form) = (memo.legacy_functions, memo.json_tool.clone());
        Self { inner, legacy, form, formed: false, id: String::new() }
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
                let call = read::<FunctionCall>(&value);
                self.formed |=
                    call.as_ref().is_some_and(|call| call.name.is_some() && call.name == self.form);
                match call.filter(|_| self.formed || !self.legacy) {
                    Some(call) if self.formed => {
                        out.push(Event::Text { choice, text: call.arguments.unwrap_or_default() });
                    }
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
                if self.formed || !self.legacy =>
            {
                let reason = if self.formed { FinishReason::Stop } else { FinishReason::ToolCalls };
                out.push(Event::Finish { choice, reason, native, stop_sequence });
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
