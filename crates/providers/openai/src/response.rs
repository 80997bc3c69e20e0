//! Whole answers: read into the hub, or checked and passed on.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{
    Attempt, ChatReply, Choice, CompletionReply, EmbeddingReply, Encoded, Extra, Payload, Quirks, Raw, Reply,
    Result, Usage,
    hub::{Content, FunctionCall, Tool, ToolCall},
    json::{self, to_raw},
    refusal::is_error,
    reply::CompletionChoice,
    whole::lacking,
    wire::{Edits, Object, lenient_view, view},
};

use memchr::memmem::Finder;

use crate::{
    CHAT, COMPLETION, EMBEDDING, MODERATION, RERANK, error,
    path::replaced,
    probe::CITATION,
    rerank, usage,
    wire::{Pieces, WireChoice, WireMessage, WireReply, finish_reason},
};

/// Making a finder costs more than searching an ordinary answer.
static CITED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(CITATION));

/// Reads a successful answer.
///
/// # Errors
/// It is not understandable, or an error in spite of its status.
pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
    let quirks = &attempt.target.provider.quirks;
    match encoded.format {
        EMBEDDING => embedding(&body, head, quirks).map(|reply| Reply::Embedding(Box::new(reply))),
        RERANK => rerank::decode(&body, head, quirks).map(|reply| Reply::Rerank(Box::new(reply))),
        MODERATION => {
            scan(&body, &head.headers)?;
            Ok(Reply::Raw(body))
        }
        COMPLETION => completion(&body, head, quirks).map(|reply| Reply::Completion(Box::new(reply))),
        _ => {
            let mut reply = chat(&body, head, quirks)?;
            rename_values(&mut reply, quirks);
            if quirks.tool_call_in_content {
                reply.choices.iter_mut().for_each(|choice| tool_call_in_content(attempt, &reply.id, choice));
            }
            Ok(Reply::Chat(Box::new(reply)))
        }
    }
}

/// Checks an answer that is relayed: what the client gets, and the usage.
///
/// # Errors
/// As for [`decode`].
pub(crate) fn pass(encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
    let object = scan(&body, &head.headers)?;
    let answer = match encoded.format {
        CHAT | COMPLETION => Some("choices"),
        EMBEDDING => Some("data"),
        _ => None,
    };
    let is_list = |member: &&str| object.raw(member).is_some_and(|value| value.starts_with('['));
    if let Some(missing) = answer.filter(|answer| !is_list(answer)) {
        return Err(lacking(&format!("`{missing}`"), &body));
    }
    let mut usage = object.raw("usage").and_then(usage::count);
    if let Some(usage) = usage.as_mut().filter(|_| CITED.find(&body).is_some()) {
        // OpenAI's search models bill the search, but count it nowhere.
        usage.web_searches.get_or_insert(1);
    }
    let mut edits = edits(&object, encoded);
    let detailed = usage.as_ref().filter(|usage| usage.reasoning.is_some()).and_then(|_| object.raw("usage"));
    if let Some(detailed) = detailed.and_then(usage::detailed) {
        edits.set("usage", detailed);
    }
    Ok((object.splice(&edits), usage))
}

/// The declared edits of a relayed answer.
pub(crate) fn edits(object: &Object, encoded: &Encoded) -> Edits {
    let mut edits = Edits::new();
    if let Some(name) = &encoded.memo.client_model
        && object.contains("model")
        && object.str("model").as_deref() != Some(name)
    {
        edits.set_str("model", name);
    }
    for member in encoded.memo.reply_drop.iter().filter(|member| object.contains(member)) {
        edits.remove(member.clone());
    }
    for (member, value) in &encoded.memo.reply_defaults {
        if object.raw(member).is_none() {
            edits.set(member.clone(), value.clone());
        }
    }
    for (member, from, to) in &encoded.memo.reply_values {
        if object.raw(member) == Some(from.as_str()) {
            edits.set(member.clone(), to.clone());
        }
    }
    edits
}

/// Checks that an answer is a JSON object and no error.
pub(crate) fn scan(body: &Bytes, headers: &HeaderMap) -> Result<Object> {
    let object = Object::scan(body.clone()).map_err(|why| error::malformed(body, why))?;
    match object.raw("error") {
        Some(text) if is_error(text) => Err(error::in_answer(text, headers).with_body(body.clone())),
        _ => Ok(object),
    }
}

/// The members of an answer that is no error, and what was consumed.
fn read(body: &Bytes, head: &Parts, quirks: &Quirks) -> Result<(WireReply, Option<Usage>)> {
    let wire: WireReply = match json::answer(body) {
        Ok(wire) => wire,
        // An error may have members of another type than answers have.
        Err(why) => return Err(scan(body, &head.headers).err().unwrap_or(why)),
    };
    if let Some(text) = wire.error.as_deref().map(|raw| raw.get()).filter(|text| is_error(text)) {
        return Err(error::in_answer(text, &head.headers).with_body(body.clone()));
    }
    let place = quirks.usage_at.as_deref().and_then(|pointer| at_pointer(body, pointer));
    let mut usage = place.as_deref().or(wire.usage.as_deref()).and_then(|raw| usage::read(raw, quirks));
    if let Some(usage) = &mut usage {
        usage.service_tier =
            usage.service_tier.take().or_else(|| wire.service_tier.as_deref().and_then(text));
    }
    Ok((wire, usage))
}

fn chat(body: &Bytes, head: &Parts, quirks: &Quirks) -> Result<ChatReply> {
    let (wire, usage) = read(body, head, quirks)?;
    let Some(choices) = wire.choices else {
        return Err(lacking("`choices`", body));
    };
    Ok(ChatReply {
        id: wire.id.unwrap_or_default(),
        model: wire.model.unwrap_or_default(),
        created: created(wire.created.map(|count| count.0)),
        choices: choices.into_iter().enumerate().map(|(at, choice)| hub_choice(at, choice, quirks)).collect(),
        usage,
        service_tier: wire.service_tier.as_deref().and_then(text),
        system_fingerprint: wire.system_fingerprint.as_deref().and_then(text),
        extra: wire.extra,
    })
}

/// The value at a JSON pointer of plain names.
fn at_pointer(body: &Bytes, pointer: &str) -> Option<Raw> {
    let mut value = json::parse::<Raw>(body).ok()?;
    for name in pointer.trim_start_matches('/').split('/') {
        value = json::read::<Extra>(&value)?.remove(name)?;
    }
    Some(value)
}

fn text(raw: &serde_json::value::RawValue) -> Option<String> {
    json::read(raw)
}

fn created(seconds: Option<u64>) -> Option<i64> {
    seconds.and_then(|seconds| i64::try_from(seconds).ok()).filter(|seconds| *seconds > 0)
}

fn hub_choice(at: usize, choice: WireChoice, quirks: &Quirks) -> Choice {
    let mut wire = choice.message.unwrap_or_default();
    let mut pieces = None;
    if let Some(content) = wire.content.as_deref().filter(|content| content.get().starts_with('[')) {
        pieces = Some(Pieces::of(content.get()));
    }
    if let Some(member) = &quirks.reasoning_at {
        move_reasoning(&mut wire, member);
    }
    let mut message = wire.into_hub();
    if let Some(pieces) = pieces.filter(|pieces| quirks.flatten_reply || !pieces.thinking_blocks.is_empty()) {
        message.content = Some(Content::Text(pieces.text));
        if !pieces.thinking_blocks.is_empty() {
            message.reasoning_content = message.reasoning_content.or(Some(pieces.reasoning));
            message.thinking_blocks = message.thinking_blocks.or(Some(pieces.thinking_blocks));
        }
    }
    let called = message.tool_calls.is_some();
    let (finish, native_finish) = match choice.finish_reason.as_deref() {
        Some(word) => {
            let (finish, native) = finish_reason(word, called);
            (Some(finish), native)
        }
        None => (None, None),
    };
    Choice {
        index: choice.index.unwrap_or_else(|| u32::try_from(at).unwrap_or(u32::MAX)),
        message,
        finish,
        native_finish,
        stop_sequence: choice.stop_reason,
        logprobs: choice.logprobs,
        extra: choice.extra,
    }
}

/// Top-level members in the words that the row has for them.
fn rename_values(reply: &mut ChatReply, quirks: &Quirks) {
    for (member, words) in &quirks.reply_values {
        let own = match member.as_str() {
            "service_tier" => reply.service_tier.clone(),
            member => reply.extra.get(member).and_then(text),
        };
        let Some(other) = own.and_then(|own| words.get(&own)) else { continue };
        if member == "service_tier" {
            reply.service_tier = other.as_str().map(str::to_owned);
        } else {
            reply.extra = replaced(std::mem::take(&mut reply.extra), member, to_raw(other));
        }
    }
}

/// A call of one of the client's tools that came as JSON in the text.
fn tool_call_in_content(attempt: &Attempt<'_>, id: &str, choice: &mut Choice) {
    view! {
        #[derive(Default)]
        struct Called {
            name: String,
            parameters: Option<Raw>,
            arguments: Option<Raw>,
        }
    }
    let message = &mut choice.message;
    let Some(text) = message.content.as_ref().map(Content::text).filter(|_| message.tool_calls.is_none())
    else {
        return;
    };
    let Ok(called) = serde_json::from_str::<Called>(&text) else { return };
    let tools = attempt.call.chat().ok().and_then(|chat| chat.tools.as_ref());
    let own = |tool: &Tool| tool.function.as_ref().is_some_and(|function| function.name == called.name);
    if !tools.is_some_and(|tools| tools.iter().any(own)) {
        return;
    }
    let arguments =
        called.parameters.or(called.arguments).map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned());
    message.content = None;
    message.tool_calls = Some(vec![ToolCall {
        id: Some(format!("call_{id}_{}", choice.index)),
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: Some(called.name),
            arguments: Some(arguments),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    }]);
}

/// Reasoning under another name becomes `reasoning_content`; it and all that the hub has no word for goes, as LiteLLM
/// has it, into `provider_specific_fields`.
fn move_reasoning(message: &mut WireMessage, member: &str) {
    if message.extra.is_empty() {
        return;
    }
    let reasoning = message.take_reasoning(Some(member));
    let mut fields = Extra::new();
    if let Some(own) = &message.provider_specific_fields {
        fields = serde_json::from_str(own.get()).unwrap_or_default();
    }
    for (key, value) in message.extra.iter() {
        fields.push(key, value.to_owned());
    }
    message.extra.clear();
    message.provider_specific_fields = Some(to_raw(&fields));
    message.reasoning_content = reasoning;
}

fn completion(body: &Bytes, head: &Parts, quirks: &Quirks) -> Result<CompletionReply> {
    let (wire, usage) = read(body, head, quirks)?;
    let Some(choices) = wire.choices else {
        return Err(lacking("`choices`", body));
    };
    let choices = choices.into_iter().enumerate().map(|(at, choice)| CompletionChoice {
        index: choice.index.unwrap_or_else(|| u32::try_from(at).unwrap_or(u32::MAX)),
        text: choice.text.or_else(|| choice.message.and_then(said)).unwrap_or_default(),
        finish: choice.finish_reason.as_deref().map(|word| finish_reason(word, false).0),
        logprobs: choice.logprobs,
        extra: choice.extra,
    });
    Ok(CompletionReply {
        id: wire.id.unwrap_or_default(),
        model: wire.model.unwrap_or_default(),
        created: created(wire.created.map(|count| count.0)),
        choices: choices.collect(),
        usage,
        system_fingerprint: wire.system_fingerprint.as_deref().and_then(text),
        extra: wire.extra,
    })
}

/// The text of a message, for completions that come in one.
fn said(message: WireMessage) -> Option<String> {
    message.into_hub().content.map(|content| content.text())
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct WireEmbeddings {
        object: Raw,
        model: String,
        data: Vec<WireEmbedding>,
        usage: Raw,
        ..extra
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct WireEmbedding {
        object: Raw,
        index: usize,
        embedding: Raw,
    }
}

fn embedding(body: &Bytes, head: &Parts, quirks: &Quirks) -> Result<EmbeddingReply> {
    scan(body, &head.headers)?;
    let wire: WireEmbeddings = json::answer(body)?;
    let Some(data) = wire.data else {
        return Err(lacking("`data`", body));
    };
    let mut vectors: Vec<(usize, Raw)> = data
        .into_iter()
        .enumerate()
        .filter_map(|(at, item)| Some((item.index.unwrap_or(at), item.embedding?)))
        .collect();
    vectors.sort_by_key(|(at, _)| *at);
    Ok(EmbeddingReply {
        model: wire.model.unwrap_or_default(),
        vectors: vectors.into_iter().map(|(_, vector)| vector).collect(),
        usage: wire.usage.as_deref().and_then(|raw| usage::read(raw, quirks)),
        extra: wire.extra,
        ..EmbeddingReply::default()
    })
}
