//! Hub events as a stream of the Messages API.
//!
//! That stream knows one open block at a time. Hub events may interleave (parallel tool calls), so what cannot go
//! into the open block waits in line until that block is complete.

use std::collections::VecDeque;

use lockgate_core::{
    Call, Error, Event, FinishReason, Raw, StreamEncoder, Usage,
    wire::{quote, write_sse},
};

use crate::{
    surface::{envelope, signature, stop_reason},
    usage::Written,
    wire::to_raw,
};

/// Writes one answer.
pub(crate) struct Encoder {
    id: String,
    model: String,
    phase: Phase,
    /// The index of the next block.
    next: u32,
    open: Option<Open>,
    waiting: VecDeque<Waiting>,
    calls_tools: bool,
    finish: Option<(FinishReason, Option<String>, Option<String>)>,
    usage: Option<Box<Usage>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Waiting,
    Running,
    Ended,
}

/// The open block.
enum Open {
    Text,
    Thinking,
    Call { number: u32, arguments: Completeness },
}

/// What comes after the open block.
enum Waiting {
    Text(String),
    Thinking(String),
    Signature(String),
    Call { number: u32, id: String, name: String, fields: Option<Raw>, arguments: String },
    Whole(Raw),
}

impl Encoder {
    pub(crate) fn new(call: &Call) -> Self {
        Self {
            id: format!("msg_{}", call.id),
            model: call.model.clone(),
            phase: Phase::Waiting,
            next: 0,
            open: None,
            waiting: VecDeque::new(),
            calls_tools: false,
            finish: None,
            usage: None,
        }
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.phase == Phase::Ended {
            return;
        }
        match event {
            Event::Start { id, model, usage, .. } => self.start(id, model, usage.as_deref(), out),
            Event::Text { choice: 0, text } | Event::Refusal { choice: 0, text } if !text.is_empty() => {
                self.add(Waiting::Text(text.clone()), out);
            }
            Event::Reasoning { choice: 0, text } if !text.is_empty() => {
                self.add(Waiting::Thinking(text.clone()), out);
            }
            Event::Signature { choice: 0, signature } => self.add(Waiting::Signature(signature.clone()), out),
            Event::RedactedThinking { choice: 0, block } | Event::Block { choice: 0, block } => {
                self.add(Waiting::Whole(block.clone()), out);
            }
            Event::ToolStart { choice: 0, index, id, name, extra } => {
                self.calls_tools = true;
                let call = Waiting::Call {
                    number: *index,
                    id: id.clone(),
                    name: name.clone(),
                    fields: extra.as_ref().and_then(|fields| signature(fields)),
                    arguments: String::new(),
                };
                self.add(call, out);
            }
            Event::ToolArguments { choice: 0, index, fragment } => self.arguments(*index, fragment, out),
            Event::Finish { choice: 0, reason, native, stop_sequence } => {
                self.finish = Some((reason.clone(), native.clone(), stop_sequence.clone()));
                self.flush(out);
            }
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Failure(error) => self.fail(error, out),
            Event::Done => self.done(out),
            _ => {}
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        if self.phase == Phase::Ended {
            return;
        }
        if self.phase == Phase::Waiting {
            // A relayed stream that broke off: an unfinished event must not swallow this one.
            out.extend_from_slice(b"\n\n");
        }
        self.phase = Phase::Ended;
        frame(out, "error", &envelope(error));
    }
}

impl Encoder {
    fn start(&mut self, id: &str, model: &str, usage: Option<&Usage>, out: &mut Vec<u8>) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.phase = Phase::Running;
        let id = if id.is_empty() { &self.id } else { id };
        let model = if model.is_empty() { &self.model } else { model };
        let none = Usage::default();
        let usage = to_raw(&Written(usage.unwrap_or(&none)));
        let data = format!(
            r#"{{"type":"message_start","message":{{"id":{},"type":"message","role":"assistant","model":{},"content":[],"stop_reason":null,"stop_sequence":null,"usage":{}}}}}"#,
            quote(id),
            quote(model),
            usage.get(),
        );
        frame(out, "message_start", &data);
    }

    /// Adds something to the stream now if it fits, else to the end of the line.
    fn add(&mut self, what: Waiting, out: &mut Vec<u8>) {
        self.ensure_started(out);
        if self.waiting.is_empty() && self.is_free() {
            self.write(what, out);
            return;
        }
        match (self.waiting.back_mut(), what) {
            (Some(Waiting::Text(last)), Waiting::Text(more)) => last.push_str(&more),
            (Some(Waiting::Thinking(last)), Waiting::Thinking(more)) => last.push_str(&more),
            (_, what) => self.waiting.push_back(what),
        }
    }

    /// Whether the open block can be closed: all but an unfinished tool call can.
    fn is_free(&self) -> bool {
        match &self.open {
            Some(Open::Call { arguments, .. }) => arguments.is_whole(),
            _ => true,
        }
    }

    fn arguments(&mut self, number: u32, fragment: &str, out: &mut Vec<u8>) {
        if fragment.is_empty() {
            return;
        }
        if let Some(Open::Call { number: own, arguments: whole }) = &mut self.open
            && *own == number
        {
            whole.read(fragment);
            let complete = whole.is_whole();
            self.delta("input_json_delta", "partial_json", fragment, out);
            if complete {
                self.drain(out);
            }
            return;
        }
        let call = self.waiting.iter_mut().find_map(|waiting| match waiting {
            Waiting::Call { number: own, arguments, .. } if *own == number => Some(arguments),
            _ => None,
        });
        // Nothing can be added to a call that is closed; its arguments were complete.
        if let Some(arguments) = call {
            arguments.push_str(fragment);
        }
    }

    /// Writes what waits as far as blocks can be closed.
    fn drain(&mut self, out: &mut Vec<u8>) {
        while self.is_free() {
            let Some(next) = self.waiting.pop_front() else { return };
            self.write(next, out);
        }
    }

    /// Writes all that waits: nothing more will come for any block.
    fn flush(&mut self, out: &mut Vec<u8>) {
        while let Some(next) = self.waiting.pop_front() {
            self.write(next, out);
        }
        self.close(out);
    }

    fn write(&mut self, what: Waiting, out: &mut Vec<u8>) {
        match what {
            Waiting::Text(text) => {
                if !matches!(self.open, Some(Open::Text)) {
                    self.begin(Open::Text, r#"{"type":"text","text":""}"#, out);
                }
                self.delta("text_delta", "text", &text, out);
            }
            Waiting::Thinking(text) => {
                self.begin_thinking(out);
                self.delta("thinking_delta", "thinking", &text, out);
            }
            Waiting::Signature(signature) => {
                self.begin_thinking(out);
                self.delta("signature_delta", "signature", &signature, out);
                self.close(out);
            }
            Waiting::Call { number, id, name, fields, arguments } => {
                let fields = fields.map(|fields| format!(r#","provider_specific_fields":{}"#, fields.get()));
                let block = format!(
                    r#"{{"type":"tool_use","id":{},"name":{},"input":{{}}{}}}"#,
                    quote(&id),
                    quote(&name),
                    fields.unwrap_or_default()
                );
                let mut whole = Completeness::default();
                whole.read(&arguments);
                self.begin(Open::Call { number, arguments: whole }, &block, out);
                if !arguments.is_empty() {
                    self.delta("input_json_delta", "partial_json", &arguments, out);
                }
            }
            Waiting::Whole(block) => {
                self.begin(Open::Text, block.get(), out);
                self.close(out);
            }
        }
    }

    fn begin_thinking(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Thinking)) {
            self.begin(Open::Thinking, r#"{"type":"thinking","thinking":"","signature":""}"#, out);
        }
    }

    fn begin(&mut self, open: Open, block: &str, out: &mut Vec<u8>) {
        self.close(out);
        let index = self.next;
        let data = format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#);
        frame(out, "content_block_start", &data);
        self.open = Some(open);
    }

    fn delta(&self, kind: &str, member: &str, text: &str, out: &mut Vec<u8>) {
        let index = self.next;
        let text = quote(text);
        let data = format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{member}":{text}}}}}"#
        );
        frame(out, "content_block_delta", &data);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let index = self.next;
            self.next += 1;
            frame(out, "content_block_stop", &format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
        }
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.ensure_started(out);
        self.flush(out);
        let (reason, native, stop_sequence) = self.finish.take().unwrap_or((FinishReason::Stop, None, None));
        let reason = stop_reason(&reason, native.as_deref(), stop_sequence.as_deref(), self.calls_tools);
        let stop_sequence = stop_sequence.as_deref().map_or_else(|| "null".to_owned(), quote);
        let none = Usage::default();
        let usage = to_raw(&Written(self.usage.as_deref().unwrap_or(&none)));
        let data = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":{},"stop_sequence":{stop_sequence}}},"usage":{}}}"#,
            quote(reason),
            usage.get(),
        );
        frame(out, "message_delta", &data);
        frame(out, "message_stop", r#"{"type":"message_stop"}"#);
        self.phase = Phase::Ended;
    }

    fn ensure_started(&mut self, out: &mut Vec<u8>) {
        self.start("", "", None, out);
    }
}

fn frame(out: &mut Vec<u8>, event: &str, data: &str) {
    write_sse(out, Some(event), data);
}

/// Tells when fragments add up to a whole JSON object.
#[derive(Default)]
struct Completeness {
    depth: u32,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Completeness {
    fn read(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}
