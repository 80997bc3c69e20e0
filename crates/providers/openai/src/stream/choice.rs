//! One answer of several, piece by piece: its text, its reasoning, its calls of tools.

use lockgate_core::{Event, Quirks};

use crate::wire::{Pieces, WireFunction, WireMessage, WireToolCall};

/// What is known of one of the answers.
#[derive(Default)]
pub(super) struct ChoiceState {
    pub(super) index: u32,
    calls: Vec<CallState>,
    pub(super) finished: bool,
}

/// A tool call as it comes in.
struct CallState {
    /// The upstream's number for it.
    wire_index: Option<u32>,
    id: String,
    /// Arguments that came before the name.
    waiting: Option<String>,
}

impl ChoiceState {
    pub(super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Whether tools are called.
    pub(super) fn calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Tells what a chunk adds.
    pub(super) fn delta(&mut self, mut delta: WireMessage, quirks: &Quirks, out: &mut Vec<Event>) {
        let choice = self.index;
        let member = quirks.reasoning_at.as_deref();
        if let Some(text) = delta.take_reasoning(member).filter(|text| !text.is_empty()) {
            delta.extra.remove(member.unwrap_or("reasoning"));
            out.push(Event::Reasoning { choice, text });
        }
        if let Some(content) = delta.content {
            let pieces = Pieces::of(content.get());
            if !pieces.reasoning.is_empty() {
                out.push(Event::Reasoning { choice, text: pieces.reasoning });
            }
            let signed = pieces.signatures.into_iter();
            out.extend(signed.map(|signature| Event::Signature { choice, signature }));
            if !pieces.text.is_empty() {
                out.push(Event::Text { choice, text: pieces.text });
            }
        }
        if let Some(text) = delta.refusal.filter(|text| !text.is_empty()) {
            out.push(Event::Refusal { choice, text });
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(call, out);
        }
        if let Some(annotations) = delta.annotations.filter(|raw| raw.get() != "[]") {
            out.push(Event::Annotations { choice, annotations });
        }
        let members = [
            ("function_call", delta.function_call),
            ("audio", delta.audio),
            ("images", delta.images),
            ("provider_specific_fields", delta.provider_specific_fields),
        ];
        for (key, value) in members {
            if let Some(value) = value {
                out.push(Event::Delta { choice, key: key.to_owned(), value });
            }
        }
        for (key, value) in delta.extra.iter().filter(|(_, value)| value.get() != "null") {
            out.push(Event::Delta { choice, key: key.to_owned(), value: value.to_owned() });
        }
    }

    fn call(&mut self, wire: WireToolCall, out: &mut Vec<Event>) {
        let id = wire.id.clone().unwrap_or_default();
        let place = self.place(wire.index, &id);
        let choice = self.index;
        let name = wire.function.as_ref().and_then(|function| function.name.clone()).unwrap_or_default();
        let arguments = wire.function.as_ref().map(WireFunction::arguments).unwrap_or_default();
        let index = u32::try_from(place).unwrap_or(u32::MAX);
        let Some(call) = self.calls.get_mut(place) else { return };
        if call.id.is_empty() {
            call.id = id;
        }
        if let Some(waiting) = &mut call.waiting {
            waiting.push_str(&arguments);
            if name.is_empty() {
                return;
            }
            let arguments = call.waiting.take().unwrap_or_default();
            let extra = wire.provider_specific_fields;
            let id = std::mem::take(&mut call.id);
            call.id.clone_from(&id);
            out.push(Event::ToolStart { choice, index, id, name, extra });
            if !arguments.is_empty() {
                out.push(Event::ToolArguments { choice, index, fragment: arguments });
            }
        } else if !arguments.is_empty() {
            out.push(Event::ToolArguments { choice, index, fragment: arguments });
        }
    }

    /// Which call a piece belongs to: by its number, unless another id says that a new one began.
    fn place(&mut self, wire_index: Option<u32>, id: &str) -> usize {
        let found = match wire_index {
            Some(number) => self
                .calls
                .iter()
                .rposition(|call| call.wire_index == Some(number))
                .filter(|place| {
                    id.is_empty()
                        || self.calls.get(*place).is_some_and(|call| call.id.is_empty() || call.id == id)
                })
                .or_else(|| {
                    (!id.is_empty()).then(|| self.calls.iter().position(|call| call.id == id)).flatten()
                }),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().position(|call| call.id == id),
        };
        found.unwrap_or_else(|| {
            self.calls.push(CallState { wire_index, id: String::new(), waiting: Some(String::new()) });
            self.calls.len() - 1
        })
    }

    /// Calls whose name never came are told without one.
    pub(super) fn flush(&mut self, out: &mut Vec<Event>) {
        let choice = self.index;
        for (place, call) in self.calls.iter_mut().enumerate() {
            let Some(arguments) = call.waiting.take() else { continue };
            let index = u32::try_from(place).unwrap_or(u32::MAX);
            out.push(Event::ToolStart {
                choice,
                index,
                id: call.id.clone(),
                name: String::new(),
                extra: None,
            });
            out.push(Event::ToolArguments { choice, index, fragment: arguments });
        }
    }
}
