//! Whole answers in Converse's words, and the pieces that streams share with them.

use lockgate_core::{
    ChatReply, Choice, FinishReason, Raw, Usage,
    hub::FunctionCall,
    json::{raw, read, to_raw},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::wire::Thinking;

/// Bedrock's own words for why a model stopped.
const WORDS: [&str; 9] = [
    "content_filtered",
    "end_turn",
    "guardrail_intervened",
    "malformed_model_output",
    "malformed_tool_use",
    "max_tokens",
    "model_context_window_exceeded",
    "stop_sequence",
    "tool_use",
];

/// An answer as the Converse API writes it.
pub(super) struct Answer<'a> {
    pub(super) reply: &'a ChatReply,
    /// How long it took, in milliseconds: clients of AWS's rely on being told.
    pub(super) latency: u64,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reply = self.reply;
        let choice = reply.choices.first();
        let content: Vec<Raw> = choice.map(blocks).unwrap_or_default();
        let message = raw(format!(r#"{{"role":"assistant","content":{}}}"#, to_raw(&content).get()));
        let output = raw(format!(r#"{{"message":{}}}"#, message.get()));
        let finish = choice.and_then(|choice| choice.finish.clone()).unwrap_or(FinishReason::Stop);
        let native = choice.and_then(|choice| choice.native_finish.as_deref());
        let met = choice.is_some_and(|choice| choice.stop_sequence.is_some());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("output", &output)?;
        map.serialize_entry("stopReason", stop_reason(&finish, native, met))?;
        map.serialize_entry("usage", &usage(reply.usage.as_ref()))?;
        map.serialize_entry("metrics", &metrics(self.latency))?;
        if let Some(trace) = reply.extra.get("trace") {
            map.serialize_entry("trace", trace)?;
        }
        map.end()
    }
}

/// Bedrock's word for why the model stopped.
pub(super) fn stop_reason<'a>(finish: &FinishReason, native: Option<&'a str>, met: bool) -> &'a str {
    if let Some(word) = native.filter(|word| WORDS.contains(word)) {
        return word;
    }
    match finish {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls | FinishReason::FunctionCall => "tool_use",
        FinishReason::ContentFilter => "content_filtered",
        _ if met => "stop_sequence",
        _ => "end_turn",
    }
}

/// Consumption: the prompt's tokens are those at the full price.
pub(super) fn usage(usage: Option<&Usage>) -> Raw {
    let none = Usage::default();
    let usage = usage.unwrap_or(&none);
    let mut text = format!(
        r#"{{"inputTokens":{},"outputTokens":{},"totalTokens":{}"#,
        usage.fresh_input(),
        usage.output,
        usage.total()
    );
    for (name, count) in
        [("cacheReadInputTokens", usage.cache_read), ("cacheWriteInputTokens", usage.cache_write)]
    {
        if let Some(count) = count {
            text.push_str(&format!(r#","{name}":{count}"#));
        }
    }
    text.push('}');
    raw(text)
}

/// How long the call took.
pub(super) fn metrics(latency: u64) -> Raw {
    raw(format!(r#"{{"latencyMs":{latency}}}"#))
}

/// A block of thinking in Anthropic's form, in Bedrock's.
pub(super) fn reasoning(block: &Raw) -> Option<Raw> {
    let view: Thinking = read(block)?;
    if let Some(data) = view.data {
        let data = to_raw(&data);
        return Some(raw(format!(r#"{{"reasoningContent":{{"redactedContent":{}}}}}"#, data.get())));
    }
    Some(thought(&view.thinking?, view.signature.as_deref()))
}

fn thought(text: &str, signature: Option<&str>) -> Raw {
    let signature = signature.map(|own| format!(r#","signature":{}"#, to_raw(own).get())).unwrap_or_default();
    let text = to_raw(text);
    raw(format!(r#"{{"reasoningContent":{{"reasoningText":{{"text":{}{signature}}}}}}}"#, text.get()))
}

fn blocks(choice: &Choice) -> Vec<Raw> {
    let message = &choice.message;
    let mut blocks: Vec<Raw> = message.thinking_blocks.iter().flatten().filter_map(reasoning).collect();
    if let (true, Some(text)) = (blocks.is_empty(), &message.reasoning_content) {
        blocks.push(thought(text, None));
    }
    let content = message.content.as_ref().map(|content| content.text());
    for text in [content, message.refusal.clone()].into_iter().flatten().filter(|text| !text.is_empty()) {
        blocks.push(raw(format!(r#"{{"text":{}}}"#, to_raw(&text).get())));
    }
    for call in message.tool_calls.iter().flatten() {
        let (id, function) = (call.id.clone().unwrap_or_default(), call.function.clone().unwrap_or_default());
        blocks.push(raw(format!(
            r#"{{"toolUse":{{"toolUseId":{},"name":{},"input":{}}}}}"#,
            to_raw(&id).get(),
            to_raw(function.name.as_deref().unwrap_or_default()).get(),
            input(&function).get()
        )));
    }
    blocks
}

/// The arguments of a call as JSON.
fn input(function: &FunctionCall) -> Raw {
    let arguments = function.arguments.as_deref().unwrap_or_default();
    serde_json::from_str(arguments).unwrap_or_else(|_| match arguments.trim() {
        "" => raw("{}"),
        other => to_raw(other),
    })
}
