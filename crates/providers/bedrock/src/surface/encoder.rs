//! Streams as the Converse API writes them: frames.
//!
//! That stream knows one open block at a time. Hub events may interleave (parallel tool calls), so what comes while the
//! arguments of a call are not complete waits until they are.

use std::time::SystemTime;

use lockgate_aws::write_frame;
use lockgate_core::{Error, Event, FinishReason, Raw, StreamEncoder, Usage, json::to_raw};
use serde::de::IgnoredAny;

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
    /// What comes after the open call.
    waiting: Vec<Event>,
    /// What waited is being written.
    replays: bool,
    /// How many calls have begun.
    begun: u32,
    finish: Option<(FinishReason, Option<String>, bool)>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Text,
    Reasoning,
    Call,
}

struct Open {
    kind: Kind,
    index: u32,
    /// Of a call: its number and its arguments so far.
    call: Option<(u32, String)>,
}

impl Open {
    /// A call whose arguments go on.
    fn is_unfinished(&self) -> bool {
        let whole = |arguments: &str| {
            arguments.ends_with('}') && serde_json::from_str::<IgnoredAny>(arguments).is_ok()
        };
        self.call.as_ref().is_some_and(|(_, arguments)| !whole(arguments))
    }
}

impl Encoder {
    pub(super) fn new(received: SystemTime) -> Self {
        Self {
            received,
            started: false,
            ended: false,
            next: 0,
            open: None,
            waiting: Vec::new(),
            replays: false,
            begun: 0,
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
        match &self.open {
            Some(open) if open.kind == kind => open.index,
            _ => self.begin(kind, out),
        }
    }

    fn begin(&mut self, kind: Kind, out: &mut Vec<u8>) -> u32 {
        self.start(out);
        self.close(out);
        let index = self.next;
        self.next += 1;
        self.open = Some(Open { kind, index, call: None });
        index
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(Open { index, .. }) = self.open.take() {
            write_frame(out, "event", "contentBlockStop", format!(r#"{{"contentBlockIndex":{index}}}"#));
        }
    }

    fn call(&mut self, number: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        let index = self.begin(Kind::Call, out);
        self.begun = number.saturating_add(1);
        if let Some(open) = &mut self.open {
            open.call = Some((number, String::new()));
        }
        let (id, name) = (to_raw(id), to_raw(name));
        let start = format!(
            r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"toolUseId":{},"name":{}}}}}}}"#,
            id.get(),
            name.get()
        );
        write_frame(out, "event", "contentBlockStart", start);
    }

    fn arguments(&mut self, number: u32, fragment: &str, out: &mut Vec<u8>) {
        if let Some(Open { index, call: Some((own, arguments)), .. }) = &mut self.open
            && *own == number
        {
            arguments.push_str(fragment);
            delta(*index, &format!(r#""toolUse":{{"input":{}}}"#, to_raw(fragment).get()), out);
        }
        if !self.replays && !self.waiting.is_empty() && !self.is_unfinished() {
            self.go_on(out);
        }
    }

    fn is_unfinished(&self) -> bool {
        self.open.as_ref().is_some_and(Open::is_unfinished)
    }

    /// Whether the event must wait until the open call is complete.
    fn must_wait(&self, event: &Event) -> bool {
        match event {
            Event::ToolArguments { index, .. } => *index >= self.begun,
            Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Reasoning { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolStart { .. } => self.is_unfinished(),
            _ => false,
        }
    }

    /// Writes what waits, as far as complete calls let it.
    fn go_on(&mut self, out: &mut Vec<u8>) {
        self.replays = true;
        loop {
            let waiting = std::mem::take(&mut self.waiting);
            for event in &waiting {
                self.event(event, out);
            }
            let stands = self.waiting.len() == waiting.len();
            if stands || self.waiting.is_empty() || self.is_unfinished() {
                break;
            }
        }
        self.replays = false;
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        // A call whose arguments never became whole holds up nothing any more.
        loop {
            let before = self.waiting.len();
            self.go_on(out);
            self.close(out);
            if self.waiting.len() == before {
                break;
            }
        }
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
        if self.must_wait(event) {
            self.waiting.push(event.clone());
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
            Event::ToolStart { choice: 0, index, id, name, .. } => self.call(*index, id, name, out),
            Event::ToolArguments { choice: 0, index, fragment } if !fragment.is_empty() => {
                self.arguments(*index, fragment, out);
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
