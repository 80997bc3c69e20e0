//! Streams of chat and text completions: put together as a client would, and checked for protocol faults.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::golden::{
    json::empty,
    object::{append, extend, object},
};

/// The message that a client assembles from chunks.
pub(crate) fn rebuild(chunks: &[Value]) -> Map<String, Value> {
    let mut message = Map::new();
    object(&mut message, "choices");
    for chunk in chunks.iter().filter_map(Value::as_object) {
        for (key, value) in chunk {
            let own = matches!(key.as_str(), "choices" | "id" | "created" | "object" | "system_fingerprint");
            if !own && !empty(value) {
                message.insert(key.clone(), value.clone());
            }
        }
        for part in items(chunk.get("choices")) {
            let index = number(part.get("index")).to_string();
            let choices = object(&mut message, "choices");
            if !choices.contains_key(&index) {
                let fresh = json!({"content": "", "reasoning_content": "", "tool_calls": {}});
                choices.insert(index.clone(), fresh);
            }
            add_choice(object(choices, &index), part);
        }
    }
    for choice in object(&mut message, "choices").values_mut().filter_map(Value::as_object_mut) {
        join_thinking(choice);
        if choice.contains_key("provider_specific_fields") {
            join_thinking(object(choice, "provider_specific_fields"));
        }
    }
    message
}

fn add_choice(choice: &mut Map<String, Value>, part: &Value) {
    for (key, value) in part.as_object().into_iter().flatten() {
        match key.as_str() {
            "index" | "delta" => {}
            "text" => {
                if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                    append(choice, "text", Some(text));
                }
            }
            "logprobs" => {
                for (key, value) in value.as_object().into_iter().flatten().filter(|(_, it)| !empty(it)) {
                    extend(object(choice, "logprobs"), key, value);
                }
            }
            _ if empty(value) || value.as_str() == Some("") => {}
            _ => {
                choice.insert(key.clone(), value.clone());
            }
        }
    }
    for (key, value) in part.get("delta").and_then(Value::as_object).into_iter().flatten() {
        if !empty(value) {
            add_delta(choice, key, value);
        }
    }
}

fn add_delta(choice: &mut Map<String, Value>, key: &str, value: &Value) {
    match key {
        "content" | "reasoning_content" | "refusal" | "reasoning" if value.is_string() => {
            append(choice, key, value.as_str());
        }
        "tool_calls" => {
            for call in items(Some(value)) {
                add_tool_call(object(choice, "tool_calls"), call);
            }
        }
        "function_call" => {
            let slot = object(choice, "function_call");
            append(slot, "name", text(value.get("name")));
            append(slot, "arguments", text(value.get("arguments")));
        }
        "audio" => {
            let slot = object(choice, "audio");
            for (key, value) in value.as_object().into_iter().flatten() {
                match (key.as_str(), value.as_str()) {
                    ("data" | "transcript", Some(piece)) => append(slot, key, Some(piece)),
                    _ => {
                        slot.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        "thinking_blocks" | "annotations" | "images" | "reasoning_items" => extend(choice, key, value),
        "provider_specific_fields" if value.is_object() => {
            let slot = object(choice, key);
            for (key, value) in value.as_object().into_iter().flatten().filter(|(_, it)| !empty(it)) {
                extend(slot, key, value);
            }
        }
        _ => {
            choice.insert(key.to_owned(), value.clone());
        }
    }
}

fn add_tool_call(calls: &mut Map<String, Value>, call: &Value) {
    let index = number(call.get("index")).to_string();
    if !calls.contains_key(&index) {
        calls.insert(index.clone(), json!({"id": "", "type": null, "name": "", "arguments": ""}));
    }
    let slot = object(calls, &index);
    for key in ["id", "type"] {
        // Clients take the first; a later one that differs is a fault.
        let Some(new) = text(call.get(key)).filter(|new| !new.is_empty()) else { continue };
        let joined = match text(slot.get(key)).filter(|old| !old.is_empty()) {
            Some(old) if old != new => format!("{old} then {new}"),
            _ => new.to_owned(),
        };
        slot.insert(key.to_owned(), Value::String(joined));
    }
    let function = call.get("function");
    append(slot, "name", text(function.and_then(|it| it.get("name"))));
    append(slot, "arguments", text(function.and_then(|it| it.get("arguments"))));
    for (key, value) in call.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "index" | "id" | "type" | "function") && !empty(value) {
            slot.insert(key.clone(), value.clone());
        }
    }
}

/// Joins the pieces of thinking blocks: text adds up, a signature closes the block.
fn join_thinking(map: &mut Map<String, Value>) {
    let Some(Value::Array(blocks)) = map.get("thinking_blocks") else { return };
    let mut joined: Vec<Value> = Vec::new();
    let mut open = false;
    for block in blocks.iter().filter(|block| block.is_object()) {
        if block["type"] != "thinking" {
            joined.push(block.clone());
            open = false;
            continue;
        }
        if !open {
            joined.push(json!({"type": "thinking", "thinking": "", "signature": ""}));
            open = true;
        }
        if let Some(last) = joined.last_mut().and_then(Value::as_object_mut) {
            append(last, "thinking", text(block.get("thinking")));
            if let Some(signature) = text(block.get("signature")).filter(|it| !it.is_empty()) {
                append(last, "signature", Some(signature));
                open = false;
            }
        }
    }
    map.insert("thinking_blocks".to_owned(), Value::Array(joined));
}

/// What breaks the protocol of a chat stream, or of a stream of text completions.
pub(crate) fn faults(chunks: &[Value], done: bool, completion: bool) -> Vec<String> {
    if chunks.is_empty() {
        return vec!["the stream has no chunks".to_owned()];
    }
    let mut bad = Vec::new();
    let ids: BTreeSet<String> = chunks.iter().map(|chunk| chunk["id"].to_string()).collect();
    if ids.len() > 1 {
        bad.push(format!("chunks carry {} different ids", ids.len()));
    }
    let models: BTreeSet<&str> = chunks.iter().filter_map(|chunk| text(chunk.get("model"))).collect();
    if models.iter().filter(|model| !model.is_empty()).count() > 1 {
        bad.push("chunks name different models".to_owned());
    }
    let object = if completion { "text_completion" } else { "chat.completion.chunk" };
    if let Some((at, chunk)) = chunks.iter().enumerate().find(|(_, chunk)| chunk["object"] != object) {
        bad.push(format!("chunk {at}: object is {}, not {object}", chunk["object"]));
    }
    let (mut seen, mut finished) = (BTreeMap::new(), BTreeSet::new());
    for (at, chunk) in chunks.iter().enumerate() {
        for choice in items(chunk.get("choices")) {
            let index = number(choice.get("index"));
            let delta = &choice["delta"];
            if !completion && seen.insert(index, ()).is_none() && delta["role"] != "assistant" {
                bad.push(format!("choice {index}: its first chunk has role {}", delta["role"]));
            }
            let speaks = |value: &Value| !empty(value) && value.as_str() != Some("");
            let says = speaks(&delta["content"]) || speaks(&delta["tool_calls"]) || speaks(&choice["text"]);
            if finished.contains(&index) && says {
                bad.push(format!("choice {index}: content after finish_reason (chunk {at})"));
            }
            if text(choice.get("finish_reason")).is_some_and(|reason| !reason.is_empty()) {
                finished.insert(index);
            }
        }
    }
    bad.extend(
        seen.keys()
            .filter(|index| !finished.contains(index))
            .map(|index| format!("choice {index}: no finish_reason")),
    );
    if !done {
        bad.push("the stream does not end with data: [DONE]".to_owned());
    }
    bad
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn number(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_u64).unwrap_or(0)
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}
