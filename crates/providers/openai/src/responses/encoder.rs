//! Hub events as the events of this API.
//!
//! Text and reasoning come one after the other, each an item of its own; calls may run side by side and are told apart
//! by their place in the output. Nothing is written before the first content, so that a failure before it can still be
//! answered by another deployment.

use lockgate_core::{
    Call, Error, Event, FinishReason, Raw, StreamEncoder, Usage,
    json::to_raw,
    wire::{quote, write_sse},
};
use serde_json::value::RawValue;

use super::{
    reasoning,
    write::{self, Envelope, State},
};
use crate::json::Json;

/// Writes one response.
pub(super) struct Encoder {
    envelope: Envelope,
    phase: Phase,
    sequence: u64,
    /// Finished items by their place; the places of open ones are empty.
    output: Vec<Option<String>>,
    thought: Option<Thought>,
    message: Option<Said>,
    calls: Vec<Calling>,
    /// Whether the provider's own fields came with calls.
    signed_calls: bool,
    finish: Option<FinishReason>,
    usage: Option<Box<Usage>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Waiting,
    Running,
    Ended,
}

/// An open reasoning item.
struct Thought {
    place: usize,
    id: String,
    /// The summary's parts; the last one may still grow.
    texts: Vec<String>,
    /// Whether the last part is still open.
    open: bool,
    blocks: Vec<Raw>,
}

/// An open message.
struct Said {
    place: usize,
    id: String,
    text: Option<String>,
    refusal: Option<String>,
    annotations: Vec<Raw>,
    logprobs: Vec<Raw>,
}

/// An open call.
struct Calling {
    place: usize,
    index: u32,
    call_id: String,
    name: String,
    arguments: String,
    /// `provider_specific_fields` of the call.
    fields: Option<Raw>,
}

impl Encoder {
    pub(super) fn new(call: &Call) -> Self {
        Self {
            envelope: Envelope::new(call),
            phase: Phase::Waiting,
            sequence: 0,
            output: Vec::new(),
            thought: None,
            message: None,
            calls: Vec::new(),
            signed_calls: false,
            finish: None,
            usage: None,
        }
    }

    /// Writes an event with these members (JSON, without the braces).
    fn write(&mut self, kind: &str, members: &str, out: &mut Vec<u8>) {
        let data = format!("{{\"type\":\"{kind}\",\"sequence_number\":{},{members}}}", self.sequence);
        self.sequence += 1;
        write_sse(out, Some(kind), &data);
    }

    fn response(&mut self, kind: &str, state: &State<'_>, out: &mut Vec<u8>) {
        let output: Vec<&str> = self.output.iter().flatten().map(String::as_str).collect();
        let response = self.envelope.response(state, &output, self.usage.as_deref());
        self.write(kind, &format!("\"response\":{response}"), out);
    }

    /// Opens the response if it is not open yet.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Running;
            self.response("response.created", &State::InProgress, out);
            self.response("response.in_progress", &State::InProgress, out);
        }
    }

    /// Opens an item and gives its place.
    fn add(&mut self, item: impl FnOnce(usize) -> String, out: &mut Vec<u8>) -> usize {
        self.begin(out);
        let place = self.output.len();
        self.output.push(None);
        let members = format!("\"output_index\":{place},\"item\":{}", item(place));
        self.write("response.output_item.added", &members, out);
        place
    }

    fn done(&mut self, place: usize, item: String, out: &mut Vec<u8>) {
        let members = format!("\"output_index\":{place},\"item\":{item}");
        self.write("response.output_item.done", &members, out);
        if let Some(own) = self.output.get_mut(place) {
            *own = Some(item);
        }
    }

    fn reason(&mut self, text: &str, out: &mut Vec<u8>) {
        self.end_message(out);
        let mut thought = self.take_thought(out);
        if !std::mem::replace(&mut thought.open, true) {
            thought.texts.push(String::new());
            let part = format!("{},\"part\":{}", thought.at(), write::summary_part(""));
            self.write("response.reasoning_summary_part.added", &part, out);
        }
        if let Some(last) = thought.texts.last_mut() {
            last.push_str(text);
        }
        let delta = format!("{},\"delta\":{}", thought.at(), quote(text));
        self.write("response.reasoning_summary_text.delta", &delta, out);
        self.thought = Some(thought);
    }

    /// The open reasoning item, or a new one.
    fn take_thought(&mut self, out: &mut Vec<u8>) -> Thought {
        if let Some(thought) = self.thought.take() {
            return thought;
        }
        let id = self.envelope.item_id("rs", self.output.len());
        let place = self.add(|_| write::reasoning_item(&id, &[], None), out);
        Thought { place, id, texts: Vec::new(), open: false, blocks: Vec::new() }
    }

    fn block(&mut self, signature: Option<&str>, whole: Option<&Raw>, out: &mut Vec<u8>) {
        self.end_message(out);
        let mut thought = self.take_thought(out);
        if let Some(signature) = signature {
            let text = if thought.open { thought.texts.last().map(String::as_str) } else { None };
            let block = Json::new().text("type", "thinking").text("thinking", text.unwrap_or_default());
            let block = block.text("signature", signature).finish();
            thought.blocks.push(block);
            self.end_part(&mut thought, out);
        }
        thought.blocks.extend(whole.cloned());
        self.thought = Some(thought);
    }

    fn end_part(&mut self, thought: &mut Thought, out: &mut Vec<u8>) {
        if std::mem::take(&mut thought.open) {
            let text = thought.texts.last().map(String::as_str).unwrap_or_default();
            let (at, quoted) = (thought.at(), quote(text));
            self.write("response.reasoning_summary_text.done", &format!("{at},\"text\":{quoted}"), out);
            let part = write::summary_part(text);
            let members = format!("{at},\"part\":{part}");
            self.write("response.reasoning_summary_part.done", &members, out);
        }
    }

    fn end_thought(&mut self, out: &mut Vec<u8>) {
        let Some(mut thought) = self.thought.take() else { return };
        self.end_part(&mut thought, out);
        let texts: Vec<&str> = thought.texts.iter().map(String::as_str).collect();
        let sealed = reasoning::seal(&thought.blocks, None);
        self.done(thought.place, write::reasoning_item(&thought.id, &texts, sealed.as_deref()), out);
    }

    /// What the provider has signed besides thoughts and calls is known when all is said.
    fn seal_rest(&mut self, out: &mut Vec<u8>) {
        let Some(sealed) = reasoning::seal(&[], self.envelope.fields.as_ref()) else { return };
        if self.signed_calls {
            return;
        }
        let id = self.envelope.item_id("rs", self.output.len());
        let place = self.add(|_| write::reasoning_item(&id, &[], None), out);
        self.done(place, write::reasoning_item(&id, &[], Some(&sealed)), out);
    }

    /// The open message, or a new one.
    fn take_message(&mut self, out: &mut Vec<u8>) -> Said {
        self.end_thought(out);
        if let Some(message) = self.message.take() {
            return message;
        }
        let id = self.envelope.item_id("msg", self.output.len());
        let place = self.add(|_| write::message_item(&id, "in_progress", &[]), out);
        Said { place, id, text: None, refusal: None, annotations: Vec::new(), logprobs: Vec::new() }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        let mut message = self.take_message(out);
        self.open_text(&mut message, out);
        message.text.get_or_insert_default().push_str(text);
        let members = format!("{},\"delta\":{},\"logprobs\":[]", message.at(0), quote(text));
        self.write("response.output_text.delta", &members, out);
        self.message = Some(message);
    }

    fn open_text(&mut self, message: &mut Said, out: &mut Vec<u8>) {
        if message.text.is_none() {
            message.text = Some(String::new());
            let members = format!("{},\"part\":{}", message.at(0), write::text_part("", &[], &[]));
            self.write("response.content_part.added", &members, out);
        }
    }

    fn refuse(&mut self, text: &str, out: &mut Vec<u8>) {
        let mut message = self.take_message(out);
        let at = message.at(usize::from(message.text.is_some()));
        if message.refusal.is_none() {
            let members = format!("{at},\"part\":{}", write::refusal_part(""));
            self.write("response.content_part.added", &members, out);
        }
        message.refusal.get_or_insert_default().push_str(text);
        self.write("response.refusal.delta", &format!("{at},\"delta\":{}", quote(text)), out);
        self.message = Some(message);
    }

    fn annotate(&mut self, list: &RawValue, out: &mut Vec<u8>) {
        let mut message = self.take_message(out);
        self.open_text(&mut message, out);
        for annotation in write::annotations(list) {
            let members = format!(
                "{},\"annotation_index\":{},\"annotation\":{}",
                message.at(0),
                message.annotations.len(),
                annotation.get()
            );
            self.write("response.output_text.annotation.added", &members, out);
            message.annotations.push(annotation);
        }
        self.message = Some(message);
    }

    fn end_message(&mut self, out: &mut Vec<u8>) {
        let Some(message) = self.message.take() else { return };
        let mut parts = Vec::new();
        if let Some(text) = &message.text {
            let at = message.at(0);
            let members =
                format!("{at},\"text\":{},\"logprobs\":{}", quote(text), to_raw(&message.logprobs).get());
            self.write("response.output_text.done", &members, out);
            let part = write::text_part(text, &message.annotations, &message.logprobs);
            self.write("response.content_part.done", &format!("{at},\"part\":{part}"), out);
            parts.push(part);
        }
        if let Some(text) = &message.refusal {
            let at = message.at(parts.len());
            self.write("response.refusal.done", &format!("{at},\"refusal\":{}", quote(text)), out);
            let part = write::refusal_part(text);
            self.write("response.content_part.done", &format!("{at},\"part\":{part}"), out);
            parts.push(part);
        }
        let whole = matches!(write::ended(self.finish.as_ref()), State::Completed);
        let status = if whole { "completed" } else { "incomplete" };
        self.done(message.place, write::message_item(&message.id, status, &parts), out);
    }

    fn call(&mut self, index: u32, (call_id, name): (&str, &str), fields: Option<&Raw>, out: &mut Vec<u8>) {
        self.end_thought(out);
        self.end_message(out);
        let item = write::Called { call_id, name, arguments: "", status: "in_progress", fields: None };
        let item = item.item(&self.envelope);
        let place = self.add(|_| item, out);
        self.signed_calls |= fields.is_some();
        let (call_id, name, fields) = (call_id.to_owned(), name.to_owned(), fields.cloned());
        self.calls.push(Calling { place, index, call_id, name, arguments: String::new(), fields });
    }

    fn arguments(&mut self, index: u32, fragment: &str, out: &mut Vec<u8>) {
        let Some(call) = self.calls.iter_mut().find(|call| call.index == index) else { return };
        call.arguments.push_str(fragment);
        // The input of a custom tool is inside the arguments: it can be read when they are whole.
        if fragment.is_empty() || self.envelope.is_custom(&call.name) {
            return;
        }
        let id = quote(&write::call_item_id(&call.call_id));
        let members =
            format!("\"item_id\":{id},\"output_index\":{},\"delta\":{}", call.place, quote(fragment));
        self.write("response.function_call_arguments.delta", &members, out);
    }

    fn end_calls(&mut self, out: &mut Vec<u8>) {
        for call in std::mem::take(&mut self.calls) {
            let Calling { place, call_id, name, arguments, fields, .. } = call;
            if self.envelope.is_custom(&name) {
                let at =
                    format!("\"item_id\":{},\"output_index\":{place}", quote(&write::custom_id(&call_id)));
                let input = quote(&write::custom_input(&arguments));
                self.write("response.custom_tool_call_input.delta", &format!("{at},\"delta\":{input}"), out);
                self.write("response.custom_tool_call_input.done", &format!("{at},\"input\":{input}"), out);
            } else {
                let members = format!(
                    "\"item_id\":{},\"output_index\":{place},\"arguments\":{}",
                    quote(&write::call_item_id(&call_id)),
                    quote(&arguments)
                );
                self.write("response.function_call_arguments.done", &members, out);
            }
            let item = write::Called {
                call_id: &call_id,
                name: &name,
                arguments: &arguments,
                status: "completed",
                fields: None,
            };
            self.done(place, item.item(&self.envelope), out);
            // The provider's own fields come with the whole response.
            let whole = write::Called { fields: fields.as_ref(), ..item }.item(&self.envelope);
            if let Some(own) = self.output.get_mut(place) {
                *own = Some(whole);
            }
        }
    }

    fn pictures(&mut self, list: &RawValue, out: &mut Vec<u8>) {
        self.end_thought(out);
        self.end_message(out);
        for picture in write::images(list) {
            let id = self.envelope.item_id("ig", self.output.len());
            let started = Json::new().text("id", &id).text("type", "image_generation_call");
            let started = started.text("status", "in_progress").raw("result", "null").into_text();
            let place = self.add(|_| started, out);
            self.done(place, write::image_item(&id, &picture), out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.end_thought(out);
        if self.output.is_empty() {
            // An answer without a word is an empty message.
            let mut message = self.take_message(out);
            self.open_text(&mut message, out);
            self.message = Some(message);
        }
        self.end_message(out);
        self.end_calls(out);
        self.seal_rest(out);
        let state = write::ended(self.finish.as_ref());
        let kind =
            if matches!(state, State::Completed) { "response.completed" } else { "response.incomplete" };
        self.response(kind, &state, out);
        self.phase = Phase::Ended;
    }
}

impl Thought {
    /// The members that say where the last part of the summary is.
    fn at(&self) -> String {
        let part = self.texts.len().saturating_sub(1);
        format!("\"item_id\":{},\"output_index\":{},\"summary_index\":{part}", quote(&self.id), self.place)
    }
}

impl Said {
    /// The members that say where a part is.
    fn at(&self, part: usize) -> String {
        format!("\"item_id\":{},\"output_index\":{},\"content_index\":{part}", quote(&self.id), self.place)
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.phase == Phase::Ended {
            return;
        }
        match event {
            Event::Start { created, .. } => self.envelope.dated(*created),
            Event::Text { choice: 0, text } if !text.is_empty() => self.text(text, out),
            Event::Refusal { choice: 0, text } if !text.is_empty() => self.refuse(text, out),
            Event::Reasoning { choice: 0, text } if !text.is_empty() => self.reason(text, out),
            Event::Signature { choice: 0, signature } => self.block(Some(signature), None, out),
            Event::RedactedThinking { choice: 0, block } => self.block(None, Some(block), out),
            Event::ToolStart { choice: 0, index, id, name, extra } => {
                self.call(*index, (id, name), extra.as_ref(), out);
            }
            Event::ToolArguments { choice: 0, index, fragment } => self.arguments(*index, fragment, out),
            Event::Annotations { choice: 0, annotations } => self.annotate(annotations, out),
            Event::Logprobs { choice: 0, logprobs } => {
                if let Some(message) = &mut self.message {
                    message.logprobs.extend(write::logprobs(logprobs));
                }
            }
            Event::Delta { choice: 0, key, value } if key == "images" => self.pictures(value, out),
            Event::Delta { choice: 0, key, value } if key == "provider_specific_fields" => {
                self.envelope.fields = Some(value.clone());
            }
            Event::Finish { choice: 0, reason, .. } => self.finish = Some(reason.clone()),
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Failure(error) => self.fail(error, out),
            Event::Done => self.end(out),
            _ => {}
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Ended => {}
            Phase::Running => self.response("response.failed", &State::Failed(error), out),
            Phase::Waiting => {
                let event = failure(error, self.sequence);
                write_sse(out, Some("error"), &event);
            }
        }
    }
}

/// The event that says of a stream that it failed.
pub(super) fn failure(error: &Error, sequence: u64) -> String {
    let param = error.param().map_or_else(|| "null".to_owned(), quote);
    Json::new()
        .text("type", "error")
        .raw("sequence_number", &sequence.to_string())
        .text("code", write::code(error))
        .text("message", error.message())
        .raw("param", &param)
        .into_text()
}
