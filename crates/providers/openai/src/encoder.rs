//! Hub events as OpenAI's stream chunks.

use lockgate_core::{
    Call, Error, Event, FinishReason, Operation, Raw, StreamEncoder,
    wire::{quote, write_sse},
};

use crate::{
    envelope::error_body,
    json::Json,
    legacy,
    surface::{answer_id, answer_time},
    usage,
};

/// Writes `chat.completion.chunk`s, or `text_completion` chunks for the older endpoint.
pub(crate) struct Encoder {
    /// The members that every chunk begins with.
    head: String,
    call_id: String,
    received: i64,
    model: String,
    operation: Operation,
    wants_usage: bool,
    /// The client knows functions, not tools.
    legacy: bool,
    /// Members of the chunk itself, to be told with the next one.
    chunk_members: Vec<(String, Raw)>,
    choices: Vec<ChoiceState>,
    ended: bool,
}

#[derive(Default)]
struct ChoiceState {
    index: u32,
    finished: bool,
    /// Reasoning since the last whole thinking block.
    thinking: String,
}

impl Encoder {
    pub(crate) fn new(call: &Call) -> Self {
        let mut encoder = Self {
            head: String::new(),
            call_id: answer_id(call, ""),
            received: answer_time(call, None),
            model: call.model.clone(),
            operation: call.operation,
            wants_usage: call.wants_stream_usage(),
            legacy: legacy::asked(call),
            chunk_members: Vec::new(),
            choices: Vec::new(),
            ended: false,
        };
        encoder.begin("", None);
        encoder
    }

    fn text_only(&self) -> bool {
        self.operation == Operation::Completion
    }

    fn begin(&mut self, id: &str, created: Option<i64>) {
        let id = if id.is_empty() { self.call_id.as_str() } else { id };
        let object = if self.text_only() { "text_completion" } else { "chat.completion.chunk" };
        self.head = format!(
            "{{\"id\":{},\"object\":\"{object}\",\"created\":{},\"model\":{}",
            quote(id),
            created.unwrap_or(self.received),
            quote(&self.model)
        );
    }

    /// Writes a chunk with these choices (JSON) and further members.
    fn chunk(&mut self, choices: &str, members: &str, out: &mut Vec<u8>) {
        let mut data = String::with_capacity(self.head.len() + choices.len() + members.len() + 16);
        data.push_str(&self.head);
        data.push_str(",\"choices\":[");
        data.push_str(choices);
        data.push(']');
        for (key, value) in self.chunk_members.drain(..) {
            data.push(',');
            data.push_str(&quote(&key));
            data.push(':');
            data.push_str(value.get());
        }
        data.push_str(members);
        data.push('}');
        write_sse(out, None, &data);
    }

    /// Writes a piece of an answer: `delta` is the inside of a JSON object.
    fn delta(&mut self, choice: u32, delta: &str, out: &mut Vec<u8>) {
        if self.text_only() {
            return;
        }
        let (role, comma) = match self.open(choice) {
            true => ("\"role\":\"assistant\"", if delta.is_empty() { "" } else { "," }),
            false => ("", ""),
        };
        let json =
            format!("{{\"index\":{choice},\"delta\":{{{role}{comma}{delta}}},\"finish_reason\":null}}");
        self.chunk(&json, "", out);
    }

    /// Whether this is the first that is heard of the answer.
    fn open(&mut self, choice: u32) -> bool {
        let new = self.choices.iter().all(|own| own.index != choice);
        if new {
            self.choices.push(ChoiceState { index: choice, ..ChoiceState::default() });
        }
        new
    }

    fn state(&mut self, choice: u32) -> Option<&mut ChoiceState> {
        self.choices.iter_mut().find(|own| own.index == choice)
    }

    fn text(&mut self, choice: u32, text: &str, out: &mut Vec<u8>) {
        if self.text_only() {
            self.open(choice);
            let json = format!(
                "{{\"text\":{},\"index\":{choice},\"logprobs\":null,\"finish_reason\":null}}",
                quote(text)
            );
            self.chunk(&json, "", out);
        } else {
            self.delta(choice, &format!("\"content\":{}", quote(text)), out);
        }
    }

    fn reasoning(&mut self, choice: u32, text: &str, out: &mut Vec<u8>) {
        self.delta(choice, &format!("\"reasoning_content\":{}", quote(text)), out);
        if let Some(state) = self.state(choice) {
            state.thinking.push_str(text);
        }
    }

    /// The thinking block that a signature closes, whole, for the client to send back.
    fn signature(&mut self, choice: u32, signature: &str, out: &mut Vec<u8>) {
        let thinking =
            self.state(choice).map(|state| std::mem::take(&mut state.thinking)).unwrap_or_default();
        let block = Json::new()
            .text("type", "thinking")
            .text("thinking", &thinking)
            .text("signature", signature)
            .finish();
        self.thinking_block(choice, &block, out);
    }

    fn thinking_block(&mut self, choice: u32, block: &Raw, out: &mut Vec<u8>) {
        let blocks = format!("\"thinking_blocks\":[{}]", block.get());
        self.delta(choice, &format!("{blocks},\"provider_specific_fields\":{{{blocks}}}"), out);
    }

    fn tool_start(&mut self, event: &Event, out: &mut Vec<u8>) {
        let Event::ToolStart { choice, index, id, name, extra } = event else { return };
        let function = Json::new().text("name", name).text("arguments", "").into_text();
        if self.legacy {
            return self.function(*choice, *index, &function, out);
        }
        let call = Json::new()
            .raw("index", &index.to_string())
            .text("id", id)
            .text("type", "function")
            .raw("function", &function);
        let call = match extra {
            Some(extra) => call.raw("provider_specific_fields", extra.get()),
            None => call,
        };
        self.delta(*choice, &format!("\"tool_calls\":[{}]", call.into_text()), out);
    }

    fn tool_arguments(&mut self, choice: u32, index: u32, fragment: &str, out: &mut Vec<u8>) {
        let function = format!("{{\"arguments\":{}}}", quote(fragment));
        if self.legacy {
            return self.function(choice, index, &function, out);
        }
        self.delta(choice, &format!("\"tool_calls\":[{{\"index\":{index},\"function\":{function}}}]"), out);
    }

    /// A piece of the one call that there can be.
    fn function(&mut self, choice: u32, index: u32, function: &str, out: &mut Vec<u8>) {
        if index == 0 {
            self.delta(choice, &format!("\"function_call\":{function}"), out);
        }
    }

    fn logprobs(&mut self, choice: u32, logprobs: &Raw, out: &mut Vec<u8>) {
        if self.text_only() {
            return;
        }
        let role = if self.open(choice) { "\"role\":\"assistant\"" } else { "" };
        let json = format!(
            "{{\"index\":{choice},\"delta\":{{{role}}},\"logprobs\":{},\"finish_reason\":null}}",
            logprobs.get()
        );
        self.chunk(&json, "", out);
    }

    fn finish(&mut self, choice: u32, reason: &FinishReason, out: &mut Vec<u8>) {
        let first = self.open(choice);
        if let Some(state) = self.state(choice) {
            if state.finished {
                return;
            }
            state.finished = true;
        }
        let reason = if self.legacy { legacy::finish(reason.clone()) } else { reason.clone() };
        let word = quote(reason.as_str());
        let json = if self.text_only() {
            format!("{{\"text\":\"\",\"index\":{choice},\"logprobs\":null,\"finish_reason\":{word}}}")
        } else {
            let role = if first { "\"role\":\"assistant\"" } else { "" };
            format!("{{\"index\":{choice},\"delta\":{{{role}}},\"finish_reason\":{word}}}")
        };
        self.chunk(&json, "", out);
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, created, .. } => self.begin(id, *created),
            Event::Text { choice, text } => self.text(*choice, text, out),
            Event::Reasoning { choice, text } => self.reasoning(*choice, text, out),
            Event::Signature { choice, signature } => self.signature(*choice, signature, out),
            Event::RedactedThinking { choice, block } => self.thinking_block(*choice, block, out),
            Event::ToolStart { .. } => self.tool_start(event, out),
            Event::ToolArguments { choice, index, fragment } => {
                self.tool_arguments(*choice, *index, fragment, out);
            }
            Event::Refusal { choice, text } => {
                self.delta(*choice, &format!("\"refusal\":{}", quote(text)), out);
            }
            Event::Logprobs { choice, logprobs } => self.logprobs(*choice, logprobs, out),
            Event::Annotations { choice, annotations } => {
                self.delta(*choice, &format!("\"annotations\":{}", annotations.get()), out);
            }
            Event::Delta { choice, key, value } => {
                self.delta(*choice, &format!("{}:{}", quote(key), value.get()), out);
            }
            Event::Chunk { key, value } => self.chunk_members.push((key.clone(), value.clone())),
            Event::Block { choice, block } => {
                let fields = format!("\"provider_specific_fields\":{{\"content_blocks\":[{}]}}", block.get());
                self.delta(*choice, &fields, out);
            }
            Event::Finish { choice, reason, .. } => self.finish(*choice, reason, out),
            Event::Usage(usage) if self.wants_usage => {
                let members = format!(",\"usage\":{}", usage::write(usage));
                self.chunk("", &members, out);
            }
            Event::Failure(error) => self.fail(error, out),
            Event::Done => {
                self.ended = true;
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            _ => {}
        }
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.ended, true) {
            write_sse(out, None, &error_body(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use bytes::Bytes;
    use lockgate_core::{Surface, Usage};

    use super::*;
    use crate::OpenAiSurface;

    static SURFACE: LazyLock<OpenAiSurface> = LazyLock::new(|| OpenAiSurface);

    fn write(operation: Operation, body: &str, events: &[Event]) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let mut call = SURFACE.read(operation.into(), http::HeaderMap::new(), body).unwrap();
        call.id = "1".to_owned();
        let mut encoder = Encoder::new(&call);
        let mut out = Vec::new();
        events.iter().for_each(|event| encoder.event(event, &mut out));
        String::from_utf8(out).unwrap()
    }

    fn start() -> Event {
        Event::Start { id: String::new(), model: "upstream".to_owned(), created: Some(5), usage: None }
    }

    fn text(text: &str) -> Event {
        Event::Text { choice: 0, text: text.to_owned() }
    }

    fn stop() -> Event {
        Event::Finish { choice: 0, reason: FinishReason::Stop, native: None, stop_sequence: None }
    }

    const HEAD: &str =
        r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m","#;

    #[test]
    fn a_chat_stream() {
        let usage = Usage { input: 3, output: 2, ..Usage::default() };
        let body = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
        let events = [start(), text("a\n"), text("b"), stop(), Event::Usage(Box::new(usage)), Event::Done];
        let lines = [
            r#""choices":[{"index":0,"delta":{"role":"assistant","content":"a\n"},"finish_reason":null}]}"#,
            r#""choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}]}"#,
            r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#""choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
        ];
        let expected: String = lines.iter().map(|line| format!("{HEAD}{line}\n\n")).collect();
        assert_eq!(write(Operation::Chat, body, &events), format!("{expected}data: [DONE]\n\n"));
    }

    #[test]
    fn a_text_stream() {
        let out =
            write(Operation::Completion, r#"{"model":"m"}"#, &[start(), text("a"), stop(), Event::Done]);
        let head = r#"data: {"id":"cmpl-1","object":"text_completion","created":5,"model":"m","choices":["#;
        assert_eq!(
            out,
            format!(
                "{head}{}]}}\n\n{head}{}]}}\n\ndata: [DONE]\n\n",
                r#"{"text":"a","index":0,"logprobs":null,"finish_reason":null}"#,
                r#"{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}"#
            )
        );
    }

    #[test]
    fn thinking_comes_as_text_and_then_as_a_whole_block_with_its_signature() {
        let reasoning = |text: &str| Event::Reasoning { choice: 0, text: text.to_owned() };
        let signature = Event::Signature { choice: 0, signature: "Eq+/==".to_owned() };
        let out =
            write(Operation::Chat, r#"{"model":"m"}"#, &[start(), reasoning("a"), reasoning("b"), signature]);
        let block = r#"[{"type":"thinking","thinking":"ab","signature":"Eq+/=="}]"#;
        assert!(out.contains(r#""delta":{"role":"assistant","reasoning_content":"a"}"#), "{out}");
        let blocks =
            format!(r#""thinking_blocks":{block},"provider_specific_fields":{{"thinking_blocks":{block}}}"#);
        assert!(out.contains(&blocks), "{out}");
    }

    #[test]
    fn tool_calls_and_members_of_chunks() {
        let events = [
            start(),
            Event::Chunk { key: "service_tier".to_owned(), value: lockgate_core::json::raw("\"flex\"") },
            Event::ToolStart { choice: 0, index: 0, id: "c".to_owned(), name: "f".to_owned(), extra: None },
            Event::ToolArguments { choice: 0, index: 0, fragment: "{\"a\"".to_owned() },
        ];
        let out = write(Operation::Chat, r#"{"model":"m"}"#, &events);
        assert!(out.contains(
            r#""tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]"#
        ));
        assert!(out.contains(r#","service_tier":"flex"}"#));
        assert!(out.contains(r#""tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]"#));
    }

    #[test]
    fn a_failure_ends_the_stream() {
        let failure = Event::Failure(Error::internal("broken"));
        let out = write(Operation::Chat, r#"{"model":"m"}"#, &[start(), failure, text("late"), Event::Done]);
        assert!(out.starts_with("data: {\"error\":{\"message\":\"broken\""));
        assert_eq!(out.matches("data:").count(), 1);
    }
}
