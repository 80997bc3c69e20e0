//! A stream into hub events.

use std::{borrow::Cow, collections::BTreeMap};

use lockgate_core::{
    Attempt, Encoded, Error, Event, FinishReason, Raw, Result, StreamDecoder,
    wire::{SseDecoder, SseEvent},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    error, response,
    wire::{BlockView, MessageView, UsageView, raw},
};

/// Events whose data must make sense.
const KNOWN: [&str; 8] = [
    "ping",
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
];

/// Reads the events of one answer.
pub(crate) struct Decoder {
    sse: SseDecoder,
    state: State,
}

/// One event's data: what matters of all types.
#[derive(Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

impl Frame<'_> {
    fn index(&self) -> u32 {
        self.index.and_then(|index| index.get().parse().ok()).unwrap_or(0)
    }
}

/// Any delta: of a block or of the message.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(borrow, default)]
    citation: Option<&'a RawValue>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(borrow, default)]
    container: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop_details: Option<&'a RawValue>,
}

struct State {
    json_tool: Option<String>,
    tool_names: BTreeMap<String, String>,
    counter: Option<fn(&str) -> u64>,
    /// Open blocks by their index.
    open: BTreeMap<u32, Open>,
    /// Tool calls so far.
    calls: u32,
    /// The client's tools were called.
    calls_tools: bool,
    /// The reasoning, kept only if it is to be counted.
    thinking: String,
    usage: UsageView,
    has_usage: bool,
    finish: Option<(String, Option<String>)>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Waiting,
    Running,
    Ended,
}

/// An open block.
enum Open {
    Text,
    Thinking,
    /// A tool call: its number, and whether it has arguments so far.
    Call {
        number: u32,
        has_arguments: bool,
    },
    /// The forced tool whose arguments are the answer.
    Json,
    Other,
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>, encoded: &Encoded) -> Self {
        let state = State {
            json_tool: encoded.memo.json_tool.clone(),
            tool_names: encoded.memo.tool_names.clone(),
            counter: attempt.target.facts.count_tokens,
            open: BTreeMap::new(),
            calls: 0,
            calls_tools: false,
            thinking: String::new(),
            usage: UsageView::default(),
            has_usage: false,
            finish: None,
            phase: Phase::Waiting,
        };
        Self { sse: SseDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.sse.feed(bytes, &mut |event| state.event(event, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.sse.finish(&mut |event| state.event(event, out))?;
        if state.phase == Phase::Ended {
            return Ok(());
        }
        Err(cut_off())
    }
}

/// The error of a stream that ends before its last event.
pub(crate) fn cut_off() -> Error {
    Error::new(
        lockgate_core::ErrorKind::Connection,
        lockgate_core::Origin::Upstream,
        "The provider's stream ended before its `message_stop`.",
    )
}

impl State {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.phase == Phase::Ended {
            return Ok(());
        }
        let frame: Frame<'_> = match serde_json::from_str(event.data) {
            Ok(frame) => frame,
            Err(error) if KNOWN.contains(&event.event) || event.event.is_empty() => {
                return Err(malformed(event.event, &error));
            }
            Err(_) => {
                out.push(Event::Other { name: event.event.to_owned(), data: event.data.to_owned() });
                return Ok(());
            }
        };
        let kind = if frame.kind.is_empty() { event.event } else { &*frame.kind };
        match kind {
            "ping" => {}
            "message_start" => self.message_start(&frame, out)?,
            "content_block_start" => self.block_start(&frame, out)?,
            "content_block_delta" => self.block_delta(&frame, out)?,
            "content_block_stop" => self.block_stop(&frame, out),
            "message_delta" => self.message_delta(&frame, out)?,
            "message_stop" => self.message_stop(out),
            "error" => {
                self.phase = Phase::Ended;
                out.push(Event::Failure(error::in_answer(event.data.as_bytes())));
            }
            other => out.push(Event::Other { name: other.to_owned(), data: event.data.to_owned() }),
        }
        Ok(())
    }

    fn message_start(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.phase != Phase::Waiting {
            return Ok(());
        }
        self.phase = Phase::Running;
        let message: MessageView = match frame.message {
            Some(raw) => {
                serde_json::from_str(raw.get()).map_err(|error| malformed("message_start", &error))?
            }
            None => MessageView::default(),
        };
        let usage = message.usage.as_ref().map(|usage| Box::new(usage.to_hub()));
        if let Some(usage) = message.usage {
            self.has_usage = true;
            self.usage.update(usage);
        }
        out.push(Event::Start {
            id: message.id.unwrap_or_default(),
            model: message.model.unwrap_or_default(),
            created: None,
            usage,
        });
        Ok(())
    }

    fn block_start(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        let Some(block) = frame.content_block else {
            return Err(Error::invalid_response("A `content_block_start` has no block."));
        };
        let view: BlockView =
            serde_json::from_str(block.get()).map_err(|error| malformed("content_block_start", &error))?;
        let open = match view.kind.as_str() {
            "text" => {
                push_text(view.text.unwrap_or_default(), out);
                Open::Text
            }
            "thinking" => {
                self.think(view.thinking.unwrap_or_default(), out);
                push_signature(view.signature.unwrap_or_default(), out);
                Open::Thinking
            }
            "redacted_thinking" => {
                out.push(Event::RedactedThinking { choice: 0, block: block.to_owned() });
                Open::Other
            }
            "tool_use" if self.json_tool.is_some() && self.json_tool == view.name => {
                push_text(whole_input(&view).unwrap_or_default().to_owned(), out);
                Open::Json
            }
            "tool_use" | "server_tool_use" => self.call_start(view, out),
            "web_search_tool_result" | "web_fetch_tool_result" => {
                out.push(fields("web_search_results", block));
                Open::Other
            }
            _ => {
                out.push(fields("tool_results", block));
                Open::Other
            }
        };
        self.open.insert(frame.index(), open);
        Ok(())
    }

    fn call_start(&mut self, view: BlockView, out: &mut Vec<Event>) -> Open {
        self.calls_tools |= view.kind == "tool_use";
        let number = self.calls;
        self.calls += 1;
        let arguments = whole_input(&view).map(str::to_owned);
        let name = view.name.unwrap_or_default();
        let name = self.tool_names.get(&name).cloned().unwrap_or(name);
        let id = view.id.unwrap_or_default();
        out.push(Event::ToolStart { choice: 0, index: number, id, name, extra: None });
        let has_arguments = arguments.is_some();
        if let Some(fragment) = arguments {
            out.push(Event::ToolArguments { choice: 0, index: number, fragment });
        }
        Open::Call { number, has_arguments }
    }

    fn block_delta(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        let Some(delta) = frame.delta else { return Ok(()) };
        let delta: Delta<'_> =
            serde_json::from_str(delta.get()).map_err(|error| malformed("content_block_delta", &error))?;
        match &*delta.kind {
            "text_delta" => push_text(delta.text.unwrap_or_default(), out),
            "thinking_delta" => self.think(delta.thinking.unwrap_or_default(), out),
            "signature_delta" => push_signature(delta.signature.unwrap_or_default(), out),
            "input_json_delta" => {
                let fragment = delta.partial_json.unwrap_or_default();
                self.arguments(frame.index(), fragment, out);
            }
            "citations_delta" => {
                if let Some(citation) = delta.citation {
                    out.push(fields_with("citation", citation.get()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn arguments(&mut self, index: u32, fragment: String, out: &mut Vec<Event>) {
        if fragment.is_empty() {
            return;
        }
        match self.open.get_mut(&index) {
            Some(Open::Json) => push_text(fragment, out),
            Some(Open::Call { number, has_arguments }) => {
                *has_arguments = true;
                out.push(Event::ToolArguments { choice: 0, index: *number, fragment });
            }
            _ => {}
        }
    }

    fn block_stop(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) {
        let open = self.open.remove(&frame.index());
        if let Some(Open::Call { number, has_arguments: false }) = open {
            // A call without parameters: its arguments are an empty object, not an empty text.
            out.push(Event::ToolArguments { choice: 0, index: number, fragment: "{}".to_owned() });
        }
    }

    fn message_delta(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if let Some(usage) = frame.usage {
            let usage: UsageView =
                serde_json::from_str(usage.get()).map_err(|error| malformed("message_delta", &error))?;
            self.has_usage = true;
            self.usage.update(usage);
        }
        let Some(delta) = frame.delta else { return Ok(()) };
        let delta: Delta<'_> =
            serde_json::from_str(delta.get()).map_err(|error| malformed("message_delta", &error))?;
        if let Some(reason) = delta.stop_reason {
            self.finish = Some((reason, delta.stop_sequence));
        }
        for (name, value) in [("container", delta.container), ("stop_details", delta.stop_details)] {
            if let Some(value) = value {
                out.push(fields_with(name, value.get()));
            }
        }
        Ok(())
    }

    fn message_stop(&mut self, out: &mut Vec<Event>) {
        self.phase = Phase::Ended;
        let (reason, native, stop_sequence) = match self.finish.take() {
            Some((reason, stop_sequence)) => {
                let (word, native) = response::finish(&reason, self.calls_tools);
                (word, native, stop_sequence)
            }
            None => (FinishReason::Stop, None, None),
        };
        out.push(Event::Finish { choice: 0, reason, native, stop_sequence });
        if self.has_usage {
            let mut usage = self.usage.to_hub();
            let thinking = Some(self.thinking.as_str()).filter(|text| !text.is_empty());
            response::count_reasoning(&mut usage, thinking, self.counter);
            out.push(Event::Usage(Box::new(usage)));
        }
        out.push(Event::Done);
    }

    fn think(&mut self, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        if self.counter.is_some() {
            self.thinking.push_str(&text);
        }
        out.push(Event::Reasoning { choice: 0, text });
    }
}

fn push_text(text: String, out: &mut Vec<Event>) {
    if !text.is_empty() {
        out.push(Event::Text { choice: 0, text });
    }
}

fn push_signature(signature: String, out: &mut Vec<Event>) {
    if !signature.is_empty() {
        out.push(Event::Signature { choice: 0, signature });
    }
}

/// The arguments of a call that come with its start instead of in fragments.
fn whole_input(view: &BlockView) -> Option<&str> {
    let input = view.input.as_deref()?.get();
    let inside = input.strip_prefix('{')?.strip_suffix('}')?;
    (!inside.trim().is_empty()).then_some(input)
}

/// A block for `provider_specific_fields` of the delta.
fn fields(name: &str, block: &RawValue) -> Event {
    fields_with(name, &format!("[{}]", block.get()))
}

fn fields_with(name: &str, json: &str) -> Event {
    let value: Raw = raw(format!(r#"{{"{name}":{json}}}"#));
    Event::Delta { choice: 0, key: "provider_specific_fields".to_owned(), value }
}

fn malformed(event: &str, error: &serde_json::Error) -> Error {
    Error::invalid_response(format!("An event `{event}` of the provider's stream cannot be read: {error}"))
}
