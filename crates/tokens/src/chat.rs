use lockgate_core::{
    Raw,
    hub::{ChatRequest, Content, FunctionCall, Message, Part, ToolCall, ToolChoice},
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    Count, IMAGE_DEFAULT_TOKENS, Vocabulary, image,
    text::{count_with, is_sampled},
    tools,
};

/// Tokens that mark where a message begins and ends.
const MESSAGE: u64 = 3;

/// A message with a name has one mark more.
const NAME: u64 = 1;

/// Every answer is primed with the start of the assistant's message.
const PRIMING: u64 = 3;

/// A document's pages are unknown until it is rendered: so many bytes of base64 are taken for a page, …
const PAGE_BYTES: u64 = 64 * 1024;
/// … and a page for so many tokens.
const PAGE_TOKENS: u64 = 1500;

/// Speech is ten tokens a second; compressed, a second is about so many characters of base64.
const AUDIO_BYTES_PER_TOKEN: u64 = 2000;

/// How many tokens the conversation is for that model: messages, tools, images. The model named in the request is not
/// looked at, for it may be a public name of the gateway's.
///
/// `use_default_image_token_count` in the request's unknown members counts each image at [`IMAGE_DEFAULT_TOKENS`].
pub fn count_chat(model: &str, request: &ChatRequest) -> Count {
    let (vocabulary, own) = Vocabulary::of_model(model);
    let flat_images =
        request.extra.get("use_default_image_token_count").is_some_and(|raw| raw.get() == "true");
    let mut counter = Counter { vocabulary, tokens: 0, exact: own, flat_images };
    for message in &request.messages {
        counter.message(message);
    }
    counter.tokens += PRIMING;
    counter.tools(request);
    if let Some(system) = request.extra.get("system") {
        counter.system(system);
    }
    Count { tokens: counter.tokens, exact: counter.exact, tokenizer: vocabulary.name() }
}

struct Counter {
    vocabulary: Vocabulary,
    tokens: u64,
    exact: bool,
    flat_images: bool,
}

impl Counter {
    fn message(&mut self, message: &Message) {
        self.tokens += MESSAGE;
        self.text(&message.role);
        if let Some(content) = &message.content {
            self.content(content);
        }
        if let Some(name) = &message.name {
            self.text(name);
            self.tokens += NAME;
        }
        for text in
            [&message.refusal, &message.reasoning_content, &message.tool_call_id].into_iter().flatten()
        {
            self.text(text);
        }
        // Reasoning that is there as plain text already is the same as its blocks.
        if message.reasoning_content.is_none() {
            for block in message.thinking_blocks.iter().flatten() {
                self.block(block, 0);
            }
        }
        for call in message.tool_calls.iter().flatten() {
            self.tool_call(call);
        }
        if let Some(FunctionCall { name, arguments, .. }) = &message.function_call {
            self.optional(name);
            self.optional(arguments);
            self.exact = false;
        }
        for (_, raw) in message.extra.iter() {
            if let Some(text) = string(raw) {
                self.text(&text);
            }
        }
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Text(text) => self.text(text),
            Content::Parts(parts) => parts.iter().for_each(|part| self.part(part, 0)),
        }
    }

    fn part(&mut self, part: &Part, depth: usize) {
        self.optional(&part.text);
        if let Some(image) = &part.image_url {
            self.exact = false;
            let detail = image.object.detail.as_deref();
            self.tokens +=
                if self.flat_images { IMAGE_DEFAULT_TOKENS } else { image::url_tokens(image.url(), detail) };
        }
        if let Some(file) = &part.file {
            self.exact = false;
            self.pages(file.file_data.as_ref().map_or(0, String::len));
        }
        if let Some(audio) = &part.input_audio {
            self.exact = false;
            self.tokens += (audio.get().len() as u64).div_ceil(AUDIO_BYTES_PER_TOKEN);
        }
        match part.kind.as_str() {
            "text" | "image_url" | "file" | "input_audio" => {}
            _ => self.foreign(part, depth),
        }
    }

    /// A block of Anthropic's Messages: its type decides which of its members are text.
    fn foreign(&mut self, part: &Part, depth: usize) {
        // Results may contain blocks, not results of results.
        if depth > 4 {
            return;
        }
        self.exact = false;
        let member = |name: &str| part.extra.get(name);
        match part.kind.as_str() {
            "image" => {
                self.tokens += if self.flat_images { IMAGE_DEFAULT_TOKENS } else { image::IMAGE_BASE_TOKENS }
            }
            "thinking" => self.raw_text(member("thinking")),
            "redacted_thinking" => self.raw_text(member("data")),
            "tool_use" | "server_tool_use" => {
                self.raw_text(member("name"));
                self.raw_text(member("input"));
            }
            "document" => {
                self.raw_text(member("title"));
                self.raw_text(member("context"));
                self.document(member("source"), depth);
            }
            _ => {
                self.raw_text(member("title"));
                self.blocks(member("content"), depth);
            }
        }
    }

    fn document(&mut self, source: Option<&RawValue>, depth: usize) {
        view! {
            #[derive(Default)]
            struct Source {
                kind as "type": Option<String>,
                data: Option<Raw>,
                content: Option<Raw>,
            }
        }
        let source =
            source.and_then(|raw| serde_json::from_str::<Source>(raw.get()).ok()).unwrap_or_default();
        match source.kind.as_deref() {
            Some("text") => self.raw_text(source.data.as_deref()),
            Some("content") => self.blocks(source.content.as_deref(), depth),
            _ => self.pages(source.data.map_or(0, |data| data.get().len())),
        }
    }

    /// Blocks, one block, or a plain string.
    fn blocks(&mut self, raw: Option<&RawValue>, depth: usize) {
        let Some(raw) = raw else { return };
        match serde_json::from_str::<Content>(raw.get()) {
            Ok(Content::Text(text)) => self.text(&text),
            Ok(Content::Parts(parts)) => parts.iter().for_each(|part| self.part(part, depth + 1)),
            Err(_) => self.block(raw, depth + 1),
        }
    }

    fn block(&mut self, raw: &RawValue, depth: usize) {
        if let Ok(part) = serde_json::from_str::<Part>(raw.get()) {
            self.part(&part, depth);
        }
    }

    fn tool_call(&mut self, call: &ToolCall) {
        self.exact = false;
        if let Some(function) = &call.function {
            self.optional(&function.arguments);
        }
    }

    fn tools(&mut self, request: &ChatRequest) {
        let before = self.tokens;
        if let Some(tools) = request.tools.as_deref().filter(|tools| !tools.is_empty()) {
            self.tokens += tools::count(self.vocabulary, tools);
        } else if let Some(functions) = request.functions.as_deref().filter(|functions| !functions.is_empty())
        {
            self.tokens += tools::count_functions(self.vocabulary, functions);
        }
        if self.tokens > before {
            self.exact = false;
            // The definitions join the system message instead of opening one.
            if request.messages.iter().any(|message| message.role == "system") {
                self.tokens -= 4;
            }
        }
        match &request.tool_choice {
            Some(ToolChoice::None) => self.tokens += 1,
            Some(ToolChoice::Function(name)) => {
                self.tokens += 7;
                self.text(name);
            }
            _ => {}
        }
    }

    /// The system prompt of a Messages request.
    fn system(&mut self, system: &RawValue) {
        if system.get() != "null" {
            self.tokens += MESSAGE;
            self.text("system");
            self.blocks(Some(system), 0);
        }
    }

    fn pages(&mut self, bytes: usize) {
        self.tokens += (bytes as u64).div_ceil(PAGE_BYTES).max(1) * PAGE_TOKENS;
    }

    fn optional(&mut self, text: &Option<String>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// A string's text, or any other value as it is written.
    fn raw_text(&mut self, raw: Option<&RawValue>) {
        let Some(raw) = raw else { return };
        match string(raw) {
            Some(text) => self.text(&text),
            None if raw.get() == "null" => {}
            None => self.text(&spaced(raw.get())),
        }
    }

    fn text(&mut self, text: &str) {
        self.exact &= !is_sampled(text);
        self.tokens += count_with(self.vocabulary, text);
    }
}

fn string(raw: &RawValue) -> Option<String> {
    if raw.get().starts_with('"') { serde_json::from_str(raw.get()).ok() } else { None }
}

/// JSON with one space after each comma and colon, however it came: as models are shown it.
fn spaced(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    let (mut quoted, mut escaped) = (false, false);
    for next in json.chars() {
        if quoted {
            out.push(next);
            quoted = escaped || next != '"';
            escaped = next == '\\' && !escaped;
            continue;
        }
        match next {
            ' ' | '\t' | '\r' | '\n' => {}
            ',' | ':' => out.extend([next, ' ']),
            _ => {
                quoted = next == '"';
                out.push(next);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(model: &str, request: &str) -> Count {
        count_chat(model, &serde_json::from_str(request).unwrap())
    }

    #[test]
    fn only_plain_conversations_with_models_of_openai_are_exact() {
        let plain = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
        let image =
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"http://x/y"}]}]}"#;
        assert_eq!(count("gpt-4o", plain), Count { tokens: 8, exact: true, tokenizer: "o200k_base" });
        assert_eq!(
            count("claude-opus-4-6", plain),
            Count { tokens: 8, exact: false, tokenizer: "cl100k_base" }
        );
        assert_eq!(count("gpt-4o", image), Count { tokens: 92, exact: false, tokenizer: "o200k_base" });
    }

    #[test]
    fn every_part_counts_for_something() {
        let empty = count("gpt-4o", r#"{"messages":[{"role":"user","content":[]}]}"#).tokens;
        for part in [
            r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA"}}"#,
            r#"{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}"#,
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"Some text"}}"#,
            r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"Some text"}]}}"#,
            r#"{"type":"document","source":{"type":"base64","data":"AAAA"}}"#,
            r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"18C"}]}"#,
            r#"{"type":"redacted_thinking","data":"opaque"}"#,
            r#"{"type":"search_result","title":"A title","content":[{"type":"text","text":"found"}]}"#,
            r#""a bare string""#,
        ] {
            let request = format!(r#"{{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
            assert!(count("gpt-4o", &request).tokens > empty, "{part}");
        }
    }

    #[test]
    fn a_system_prompt_beside_the_messages_counts() {
        let without = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
        let with =
            r#"{"system":[{"type":"text","text":"Be terse."}],"messages":[{"role":"user","content":"Hi"}]}"#;
        assert_eq!(count("claude-opus-4-6", with).tokens, count("claude-opus-4-6", without).tokens + 7);
    }

    #[test]
    fn json_is_spaced_evenly() {
        assert_eq!(
            spaced(r#"{ "a":[1,2],"b:\",\\":{"c" : "x, y"}}"#),
            r#"{"a": [1, 2], "b:\",\\": {"c": "x, y"}}"#
        );
    }
}
