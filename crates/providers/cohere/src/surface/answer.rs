//! Answers in Cohere's words.

use lockgate_core::{
    Call, ChatReply, EmbeddingReply, Extra, FinishReason, Raw, Usage,
    hub::{Content, Message, ToolCall},
    json::{raw, read, to_raw},
    wire::{quote, view},
};
use serde_json::value::RawValue;

use crate::{EMBED_V1, wire::elements};

view! {
    #[derive(Clone, Debug, Default)]
    struct Annotation {
        url_citation: Option<UrlCitation>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct UrlCitation {
        url: Option<String>,
        title: Option<String>,
        start_index: Option<usize>,
        end_index: Option<usize>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Logprobs {
        content: Option<Vec<Token>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Token {
        token: Option<String>,
        logprob: Option<Raw>,
    }
}

/// A chat's answer.
pub(super) fn chat(call: &Call, reply: &ChatReply) -> Extra {
    let choice = reply.choices.first();
    let mut out = Extra::new();
    out.push("id", to_raw(if reply.id.is_empty() { &call.id } else { &reply.id }));
    let message = choice.map(|choice| &choice.message);
    let calls =
        message.and_then(|message| message.tool_calls.as_ref()).is_some_and(|calls| !calls.is_empty());
    let reason = choice.and_then(|choice| choice.finish.as_ref()).unwrap_or(&FinishReason::Stop);
    let met = choice.is_some_and(|choice| choice.stop_sequence.is_some());
    out.push("finish_reason", to_raw(finish(reason, calls, met)));
    out.push("message", to_raw(&message.map(said).unwrap_or_default()));
    if let Some(usage) = &reply.usage {
        out.push("usage", self::usage(usage));
    }
    let logprobs = choice.and_then(|choice| choice.logprobs.as_deref()).and_then(self::logprobs);
    if let Some(logprobs) = logprobs {
        out.push("logprobs", to_raw(&logprobs));
    }
    out
}

/// Why the model stopped.
pub(super) fn finish(reason: &FinishReason, calls: bool, met_sequence: bool) -> &'static str {
    match reason {
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter => "ERROR_TOXIC",
        FinishReason::ToolCalls | FinishReason::FunctionCall => "TOOL_CALL",
        _ if calls => "TOOL_CALL",
        _ if met_sequence => "STOP_SEQUENCE",
        _ => "COMPLETE",
    }
}

/// Consumption; all of it is billed, as far as is known.
pub(super) fn usage(usage: &Usage) -> Raw {
    let units = format!(r#"{{"input_tokens":{},"output_tokens":{}}}"#, usage.input, usage.output);
    let cached = usage.cache_read.map(|cached| format!(r#","cached_tokens":{cached}"#)).unwrap_or_default();
    raw(format!(r#"{{"billed_units":{units},"tokens":{units}{cached}}}"#))
}

/// The message: thoughts and text, calls, citations.
fn said(message: &Message) -> Extra {
    let mut out = Extra::new();
    out.push("role", raw("\"assistant\""));
    let mut parts = Vec::new();
    let signed: Vec<Signed> =
        message.thinking_blocks.iter().flatten().filter_map(|block| read(block)).collect();
    if signed.iter().any(|block| block.signature.is_some()) {
        // Not a word of this API's, but its clients give back what they do not know.
        parts.extend(signed.iter().map(|block| thinking(&block.thinking, block.signature.as_deref())));
    } else if let Some(thoughts) = message.reasoning_content.as_deref().filter(|text| !text.is_empty()) {
        parts.push(thinking(thoughts, None));
    }
    let text = message.content.as_ref().map(Content::text).unwrap_or_default();
    for text in [Some(&text), message.refusal.as_ref()].into_iter().flatten().filter(|text| !text.is_empty())
    {
        parts.push(raw(format!(r#"{{"type":"text","text":{}}}"#, quote(text))));
    }
    if !parts.is_empty() {
        out.push("content", to_raw(&parts));
    }
    let calls = message.tool_calls.as_deref().unwrap_or_default();
    if !calls.is_empty() {
        out.push("tool_calls", to_raw(&calls.iter().zip(0..).map(called).collect::<Vec<_>>()));
    }
    let citations = citations(message.annotations.as_deref(), &text);
    if !citations.is_empty() {
        out.push("citations", to_raw(&citations));
    }
    out
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Signed {
        thinking: String,
        signature: Option<String>,
    }
}

fn thinking(text: &str, signature: Option<&str>) -> Raw {
    let signature = signature.map(|signature| format!(r#","signature":{}"#, quote(signature)));
    raw(format!(r#"{{"type":"thinking","thinking":{}{}}}"#, quote(text), signature.unwrap_or_default()))
}

fn called((call, number): (&ToolCall, u32)) -> Raw {
    let function = call.function.clone().unwrap_or_default();
    let id = call.id.clone().unwrap_or_else(|| format!("call_{number}"));
    self::call(
        &id,
        function.name.as_deref().unwrap_or_default(),
        function.arguments.as_deref().unwrap_or("{}"),
    )
}

/// A call of a tool.
pub(super) fn call(id: &str, name: &str, arguments: &str) -> Raw {
    raw(format!(
        r#"{{"id":{},"type":"function","function":{{"name":{},"arguments":{}}}}}"#,
        quote(id),
        quote(name),
        quote(arguments)
    ))
}

/// URL citations as citations of documents.
pub(super) fn citations(annotations: Option<&RawValue>, text: &str) -> Vec<Raw> {
    let annotations = elements::<Annotation>(annotations).into_iter().filter_map(|one| one.url_citation);
    let written = annotations.map(|citation| {
        let (start, end) = (citation.start_index.unwrap_or(0), citation.end_index.unwrap_or(0));
        let cited: String = text.chars().skip(start).take(end.saturating_sub(start)).collect();
        let url = quote(citation.url.as_deref().unwrap_or_default());
        let title = quote(citation.title.as_deref().unwrap_or_default());
        raw(format!(
            concat!(
                r#"{{"start":{},"end":{},"text":{},"type":"TEXT_CONTENT","sources":"#,
                r#"[{{"type":"document","id":{url},"document":{{"id":{url},"title":{title},"url":{url}}}}}]}}"#
            ),
            start,
            end,
            quote(&cited),
            url = url,
            title = title,
        ))
    });
    written.collect()
}

/// Log probabilities token by token.
pub(super) fn logprobs(given: &RawValue) -> Option<Vec<Raw>> {
    let tokens = read::<Logprobs>(given)?.content?;
    let written = tokens.iter().map(|token| {
        let value = token.logprob.as_ref().map_or("0", |value| value.get());
        let text = quote(token.token.as_deref().unwrap_or_default());
        raw(format!(r#"{{"text":{text},"token_ids":[],"logprobs":[{value}]}}"#))
    });
    Some(written.collect())
}

/// Vectors.
pub(super) fn embedding(call: &Call, reply: &EmbeddingReply) -> Extra {
    let mut out = Extra::new();
    out.push("id", to_raw(&call.id));
    let texts = call.body.raw("texts").unwrap_or("[]");
    if call.format == EMBED_V1 && !call.body.contains("embedding_types") {
        out.push("response_type", raw("\"embeddings_floats\""));
        out.push("embeddings", to_raw(&reply.vectors));
    } else {
        let mut by_type = Extra::new();
        by_type.push("float", to_raw(&reply.vectors));
        out.push("response_type", raw("\"embeddings_by_type\""));
        out.push("embeddings", to_raw(&by_type));
    }
    out.push("texts", raw(texts));
    let version = if call.format == EMBED_V1 { "1" } else { "2" };
    let billed =
        reply.usage.as_ref().map(|usage| format!(r#","billed_units":{{"input_tokens":{}}}"#, usage.input));
    let meta = format!(r#"{{"api_version":{{"version":"{version}"}}{}}}"#, billed.unwrap_or_default());
    out.push("meta", raw(meta));
    out
}
