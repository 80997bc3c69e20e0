//! Streams as the Converse API writes them: frames.

use std::time::SystemTime;

use lockgate_aws::write_frame;
use lockgate_core::{Error, Event, FinishReason, Raw, StreamEncoder, Usage, json::to_raw};

use super::{
    answer::{metrics, stop_reason, usage},
    exception, latency,
};

/// Writes the events of one answer.
pub(super) struct Encoder {
    /// When the call came.
    received: SystemTime,
    started: bool,
    ended: bool,
    /// The next block's number.
    next: u32,
    open: Option<Open>,
    /// The blocks of the calls of tools, in the order in which they started.
    calls: Vec<u32>,
    finish: Option<(FinishReason, Option<String>, bool)>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Text,
    Reasoning,
    Call,
}

#[derive(Clone, Copy)]
struct Open {
    kind: Kind,
    index: u32,
}

impl Encoder {
    pub(super) fn new(received: SystemTime) -> Self {
        Self {
            received,
            started: false,
            ended: false,
            next: 0,
            open: None,
            calls: Vec::new(),
            finish: None,
            usage: None,
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            write_frame(out, "event", "messageStart", r#"{"role":"assistant"}"#);
        }
    }

    /// The number of the open block of that kind; one is opened if there is none.
    fn block(&mut self, kind: Kind, out: &mut Vec<u8>) -> u32 {
        match self.open {
            Some(open) if open.kind == kind => open.index,
            _ => self.begin(kind, out),
        }
    }

    fn begin(&mut self, kind: Kind, out: &mut Vec<u8>) -> u32 {
        self.start(out);
        self.close(out);
        let index = self.next;
        self.next += 1;
        self.open = Some(Open { kind, index });
        index
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(Open { index, .. }) = self.open.take() {
            write_frame(out, "event", "contentBlockStop", format!(r#"{{"contentBlockIndex":{index}}}"#));
        }
    }

    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        let index = self.begin(Kind::Call, out);
        self.calls.push(index);
        let (id, name) = (to_raw(id), to_raw(name));
        let start = format!(
            r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"toolUseId":{},"name":{}}}}}}}"#,
            id.get(),
            name.get()
        );
        write_frame(out, "event", "contentBlockStart", start);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        let (finish, native, met) = self.finish.take().unwrap_or((FinishReason::Stop, None, false));
        let word = stop_reason(&finish, native.as_deref(), met);
        write_frame(out, "event", "messageStop", format!(r#"{{"stopReason":"{word}"}}"#));
        let usage = usage(self.usage.as_ref());
        let metrics = metrics(latency(self.received));
        let tail = format!(r#"{{"usage":{},"metrics":{}}}"#, usage.get(), metrics.get());
        write_frame(out, "event", "metadata", tail);
    }
}

fn delta(index: u32, delta: &str, out: &mut Vec<u8>) {
    let payload = format!(r#"{{"contentBlockIndex":{index},"delta":{{{delta}}}}}"#);
    write_frame(out, "event", "contentBlockDelta", payload);
}

fn reasoning(index: u32, member: &str, value: &Raw, out: &mut Vec<u8>) {
    delta(index, &format!(r#""reasoningContent":{{"{member}":{}}}"#, value.get()), out);
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { .. } => self.start(out),
            Event::Text { choice: 0, text } | Event::Refusal { choice: 0, text } => {
                let index = self.block(Kind::Text, out);
                delta(index, &format!(r#""text":{}"#, to_raw(text).get()), out);
            }
            Event::Reasoning { choice: 0, text } => {
                let index = self.block(Kind::Reasoning, out);
                reasoning(index, "text", &to_raw(text), out);
            }
            Event::Signature { choice: 0, signature } => {
                let index = self.block(Kind::Reasoning, out);
                reasoning(index, "signature", &to_raw(signature), out);
                self.close(out);
            }
            Event::RedactedThinking { choice: 0, block } => {
                lockgate_core::wire::view! {
                    #[derive(Clone, Debug, Default)]
                    struct Redacted {
                        data: Option<String>,
                    }
                }
                let data = lockgate_core::json::read::<Redacted>(block).and_then(|block| block.data);
                let index = self.begin(Kind::Reasoning, out);
                reasoning(index, "redactedContent", &to_raw(&data.unwrap_or_default()), out);
                self.close(out);
            }
            Event::ToolStart { choice: 0, id, name, .. } => self.call(id, name, out),
            Event::ToolArguments { choice: 0, index, fragment } => {
                let block = self.calls.get(*index as usize).copied();
                if let Some(block) = block.filter(|_| !fragment.is_empty()) {
                    let fragment = to_raw(fragment);
                    delta(block, &format!(r#""toolUse":{{"input":{}}}"#, fragment.get()), out);
                }
            }
            Event::Finish { choice: 0, reason, native, stop_sequence } => {
                self.finish = Some((reason.clone(), native.clone(), stop_sequence.is_some()));
            }
            Event::Usage(usage) => self.usage = Some((**usage).clone()),
            Event::Failure(error) => self.fail(error, out),
            Event::Done => {
                self.end(out);
                self.ended = true;
            }
            _ => {}
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // In streams AWS's words begin with a small letter.
        let word = exception(error);
        let name = match word.split_at_checked(1) {
            Some((first, rest)) => first.to_ascii_lowercase() + rest,
            None => word.to_owned(),
        };
        let message = to_raw(error.message());
        write_frame(out, "exception", &name, format!(r#"{{"message":{}}}"#, message.get()));
    }
}
