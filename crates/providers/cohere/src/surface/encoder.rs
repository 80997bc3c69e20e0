//! Hub events as a stream of Cohere's: blocks and calls that open and close one after another.

use lockgate_core::{
    Call, Error, Event, FinishReason, Raw, StreamEncoder, Usage,
    wire::{quote, write_sse},
};

use super::answer;

/// Writes one answer.
pub(super) struct Encoder {
    id: String,
    started: bool,
    ended: bool,
    /// The open block and the number of the next one.
    open: Option<Block>,
    next: u32,
    calls: Vec<Started>,
    text: String,
    cited: u32,
    logprobs: Option<Raw>,
    finish: Option<(FinishReason, bool)>,
    usage: Option<Box<Usage>>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Block {
    Text,
    Thinking,
}

/// A call; the first is written as it comes, the others when it is closed.
struct Started {
    number: u32,
    id: String,
    name: String,
    waiting: String,
}

impl Encoder {
    pub(super) fn new(call: &Call) -> Self {
        Self {
            id: call.id.clone(),
            started: false,
            ended: false,
            open: None,
            next: 0,
            calls: Vec::new(),
            text: String::new(),
            cited: 0,
            logprobs: None,
            finish: None,
            usage: None,
        }
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, .. } => {
                if !id.is_empty() {
                    self.id.clone_from(id);
                }
                self.start(out);
            }
            Event::Text { choice: 0, text } | Event::Refusal { choice: 0, text } if !text.is_empty() => {
                self.text.push_str(text);
                self.content(Block::Text, text, out);
            }
            Event::Reasoning { choice: 0, text } if !text.is_empty() => {
                self.content(Block::Thinking, text, out);
            }
            Event::Signature { choice: 0, signature } => {
                if self.open != Some(Block::Thinking) {
                    self.content(Block::Thinking, "", out);
                }
                let content = format!(r#"{{"signature":{}}}"#, quote(signature));
                self.delta("content-delta", self.next, "content", &content, out);
                // What else is thought has a signature of its own.
                self.close(out);
            }
            Event::ToolStart { choice: 0, index, id, name, .. } => {
                self.start(out);
                self.close(out);
                let call =
                    Started { number: *index, id: id.clone(), name: name.clone(), waiting: String::new() };
                if self.calls.is_empty() {
                    begin(0, &call, out);
                }
                self.calls.push(call);
            }
            Event::ToolArguments { choice: 0, index, fragment } => self.arguments(*index, fragment, out),
            Event::Annotations { choice: 0, annotations } => self.citations(annotations, out),
            Event::Logprobs { choice: 0, logprobs } => self.logprobs = Some(logprobs.clone()),
            Event::Finish { choice: 0, reason, stop_sequence, .. } => {
                self.finish = Some((reason.clone(), stop_sequence.is_some()));
            }
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Failure(error) => self.fail(error, out),
            Event::Done => self.done(out),
            _ => {}
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        if !self.started {
            // A relayed stream that broke off: an unfinished event must not swallow this one.
            out.extend_from_slice(b"\n\n");
        }
        self.ended = true;
        let delta = format!(r#","delta":{{"finish_reason":"ERROR","error":{}}}"#, quote(error.message()));
        frame(out, "message-end", &delta);
    }
}

impl Encoder {
    fn start(&mut self, out: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        let members = format!(
            r#","id":{},"delta":{{"message":{{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}}"#,
            quote(&self.id)
        );
        frame(out, "message-start", &members);
    }

    fn content(&mut self, block: Block, text: &str, out: &mut Vec<u8>) {
        self.start(out);
        let name = if block == Block::Text { "text" } else { "thinking" };
        if self.open != Some(block) {
            self.close(out);
            self.open = Some(block);
            let content = format!(r#"{{"type":"{name}","{name}":""}}"#);
            self.delta("content-start", self.next, "content", &content, out);
        }
        let content = format!(r#"{{"{name}":{}}}"#, quote(text));
        let content = match self.logprobs.take().as_deref().and_then(answer::logprobs) {
            Some(logprobs) if !logprobs.is_empty() => {
                let one = logprobs.first().map_or("null", |one| one.get()).to_owned();
                let index = self.next;
                let members = format!(
                    r#","index":{index},"delta":{{"message":{{"content":{content}}}}},"logprobs":{one}"#
                );
                return frame(out, "content-delta", &members);
            }
            _ => content,
        };
        self.delta("content-delta", self.next, "content", &content, out);
    }

    fn delta(&self, kind: &str, index: u32, member: &str, json: &str, out: &mut Vec<u8>) {
        frame(out, kind, &format!(r#","index":{index},"delta":{{"message":{{"{member}":{json}}}}}"#));
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            frame(out, "content-end", &format!(r#","index":{}"#, self.next));
            self.next += 1;
        }
    }

    fn arguments(&mut self, number: u32, fragment: &str, out: &mut Vec<u8>) {
        let Some(at) = self.calls.iter().position(|call| call.number == number) else { return };
        if fragment.is_empty() {
            return;
        }
        if at == 0 {
            pass(0, fragment, out);
        } else if let Some(call) = self.calls.get_mut(at) {
            call.waiting.push_str(fragment);
        }
    }

    fn citations(&mut self, annotations: &Raw, out: &mut Vec<u8>) {
        self.start(out);
        for citation in answer::citations(Some(annotations), &self.text) {
            let index = self.cited;
            self.cited += 1;
            self.delta("citation-start", index, "citations", citation.get(), out);
            frame(out, "citation-end", &format!(r#","index":{index}"#));
        }
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        for (call, index) in self.calls.iter().zip(0_u32..) {
            if index > 0 {
                begin(index, call, out);
                pass(index, &call.waiting, out);
            }
            frame(out, "tool-call-end", &format!(r#","index":{index}"#));
        }
        let (reason, met) = self.finish.take().unwrap_or((FinishReason::Stop, false));
        let reason = answer::finish(&reason, !self.calls.is_empty(), met);
        let usage = self.usage.take().map(|usage| format!(r#","usage":{}"#, answer::usage(&usage).get()));
        let members = format!(
            r#","id":{},"delta":{{"finish_reason":"{reason}"{}}}"#,
            quote(&self.id),
            usage.unwrap_or_default()
        );
        frame(out, "message-end", &members);
        self.ended = true;
    }
}

fn begin(index: u32, call: &Started, out: &mut Vec<u8>) {
    let call = answer::call(&call.id, &call.name, "");
    let members = format!(r#","index":{index},"delta":{{"message":{{"tool_calls":{}}}}}"#, call.get());
    frame(out, "tool-call-start", &members);
}

fn pass(index: u32, fragment: &str, out: &mut Vec<u8>) {
    if fragment.is_empty() {
        return;
    }
    let members = format!(
        r#","index":{index},"delta":{{"message":{{"tool_calls":{{"function":{{"arguments":{}}}}}}}}}"#,
        quote(fragment)
    );
    frame(out, "tool-call-delta", &members);
}

fn frame(out: &mut Vec<u8>, kind: &str, members: &str) {
    write_sse(out, Some(kind), &format!(r#"{{"type":"{kind}"{members}}}"#));
}
