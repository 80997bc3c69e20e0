//! Streams of Anthropic's Messages: put together as a client would, and checked for protocol faults.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::golden::object::{append, extend, object};

/// The message that a client assembles from events.
pub(crate) fn rebuild(events: &[Value]) -> Map<String, Value> {
    let mut message = Map::new();
    let mut blocks: BTreeMap<u64, Map<String, Value>> = BTreeMap::new();
    let mut inputs: BTreeMap<u64, String> = BTreeMap::new();
    for event in events {
        let index = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or("") {
            "message_start" => message = event["message"].as_object().cloned().unwrap_or_default(),
            "content_block_start" => {
                blocks.insert(index, event["content_block"].as_object().cloned().unwrap_or_default());
                inputs.insert(index, String::new());
            }
            "content_block_delta" => {
                let block = blocks
                    .entry(index)
                    .or_insert_with(|| Map::from_iter([("type".to_owned(), Value::from("<not started>"))]));
                add_delta(block, inputs.entry(index).or_default(), &event["delta"]);
            }
            "message_delta" => end(&mut message, event),
            "error" => {
                message.insert("error".to_owned(), event["error"].clone());
            }
            _ => {}
        }
    }
    for (index, input) in inputs.into_iter().filter(|(_, input)| !input.is_empty()) {
        let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
        blocks.entry(index).or_default().insert("input".to_owned(), input);
    }
    let content = blocks.into_iter().map(|(index, block)| (index.to_string(), Value::Object(block)));
    message.insert("content".to_owned(), Value::Object(content.collect()));
    message
}

fn add_delta(block: &mut Map<String, Value>, input: &mut String, delta: &Value) {
    match delta["type"].as_str().unwrap_or("") {
        "text_delta" => append(block, "text", delta["text"].as_str()),
        "thinking_delta" => append(block, "thinking", delta["thinking"].as_str()),
        "signature_delta" => append(block, "signature", delta["signature"].as_str()),
        "input_json_delta" => input.push_str(delta["partial_json"].as_str().unwrap_or("")),
        "citations_delta" => extend(block, "citations", &Value::Array(vec![delta["citation"].clone()])),
        _ => extend(block, "deltas", &Value::Array(vec![delta.clone()])),
    }
}

fn end(message: &mut Map<String, Value>, event: &Value) {
    for (key, value) in event["delta"].as_object().into_iter().flatten() {
        message.insert(key.clone(), value.clone());
    }
    let usage = object(message, "usage");
    for (key, value) in event["usage"].as_object().into_iter().flatten().filter(|(_, it)| !it.is_null()) {
        usage.insert(key.clone(), value.clone());
    }
    for (key, value) in event.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "type" | "delta" | "usage") {
            message.insert(key.clone(), value.clone());
        }
    }
}

/// What breaks the protocol. `names` are those of the SSE events, where they are known.
pub(crate) fn faults(events: &[Value], names: &[Option<String>]) -> Vec<String> {
    let mut bad = Vec::new();
    let types: Vec<&str> =
        events.iter().filter_map(|event| event["type"].as_str()).filter(|it| *it != "ping").collect();
    if types.first() != Some(&"message_start") {
        bad.push(format!("starts with {:?}, not message_start", types.first()));
    }
    if types.last() != Some(&"message_stop") {
        bad.push(format!("ends with {:?}, not message_stop", types.last()));
    }
    let count = |wanted: &str| types.iter().filter(|it| **it == wanted).count();
    if count("message_start") != 1 || count("message_stop") != 1 {
        bad.push("not exactly one message_start and one message_stop".to_owned());
    }
    let mut opened: BTreeMap<u64, &str> = BTreeMap::new();
    let mut closed: BTreeSet<u64> = BTreeSet::new();
    for (at, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or("");
        if let Some(Some(name)) = names.get(at)
            && name != kind
        {
            bad.push(format!("event {at}: named {name:?} but its type is {kind:?}"));
        }
        let index = event["index"].as_u64().unwrap_or(0);
        let open = opened.contains_key(&index) && !closed.contains(&index);
        match kind {
            "content_block_start" => {
                if opened.contains_key(&index) || opened.len() != closed.len() {
                    bad.push(format!("block {index} opened twice or inside another block"));
                }
                opened.insert(index, event["content_block"]["type"].as_str().unwrap_or(""));
            }
            "content_block_delta" if !open => bad.push(format!("delta for block {index}, which is not open")),
            "content_block_delta" => {
                let delta = event["delta"]["type"].as_str().unwrap_or("");
                let block = opened.get(&index).copied().unwrap_or("");
                if !fits(delta, block) {
                    bad.push(format!("{delta} in a block of type {block}"));
                }
            }
            "content_block_stop" => {
                if !open {
                    bad.push(format!("block {index} closed without being open"));
                }
                closed.insert(index);
            }
            _ => {}
        }
    }
    if opened.keys().copied().collect::<BTreeSet<_>>() != closed {
        bad.push("blocks left open".to_owned());
    }
    if !opened.keys().copied().eq(0..opened.len() as u64) {
        bad.push(format!("block indexes are {:?}", opened.keys().collect::<Vec<_>>()));
    }
    bad
}

fn fits(delta: &str, block: &str) -> bool {
    match delta {
        "text_delta" => block == "text",
        "thinking_delta" | "signature_delta" => block == "thinking",
        "input_json_delta" => matches!(block, "tool_use" | "server_tool_use" | "mcp_tool_use"),
        _ => true,
    }
}
