//! Streams of the Responses API: put together as a client would, and checked for protocol faults.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::golden::{
    Case,
    object::{append, object},
};

const TERMINAL: [&str; 3] = ["response.completed", "response.incomplete", "response.failed"];
/// Events that repeat what was said, whole.
const REPEATING: [&str; 5] = [
    "response.output_text.done",
    "response.function_call_arguments.done",
    "response.content_part.done",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
];

/// What a client assembles from events: the pieces, the items as added and as done, and the final response.
pub(crate) fn rebuild(events: &[Value]) -> Map<String, Value> {
    let mut made = Map::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or("");
        let place = event["output_index"].as_u64().unwrap_or(0).to_string();
        let delta = event["delta"].as_str();
        match kind {
            "response.output_text.delta" => {
                let part = event["content_index"].as_u64().unwrap_or(0);
                append(object(&mut made, "text"), &format!("{place}.{part}"), delta);
            }
            "response.function_call_arguments.delta" => append(object(&mut made, "arguments"), &place, delta),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                append(object(&mut made, "reasoning"), &place, delta);
            }
            "response.refusal.delta" => append(object(&mut made, "other"), "refusal", delta),
            "response.output_item.added" => {
                let mut item = event["item"].as_object().cloned().unwrap_or_default();
                item.retain(|key, _| matches!(key.as_str(), "id" | "type" | "name" | "call_id" | "role"));
                object(&mut made, "added").insert(place, item.into());
            }
            "response.output_item.done" => {
                object(&mut made, "done").insert(place, event["item"].clone());
            }
            kind if REPEATING.contains(&kind) => {
                let part = event["content_index"].as_u64().or(event["summary_index"].as_u64()).unwrap_or(0);
                let mut said = event.as_object().cloned().unwrap_or_default();
                said.retain(|key, _| matches!(key.as_str(), "text" | "arguments" | "part" | "name"));
                object(object(&mut made, "finished"), kind).insert(format!("{place}.{part}"), said.into());
            }
            kind if TERMINAL.contains(&kind) => {
                made.insert("end".to_owned(), kind.into());
                made.insert("response".to_owned(), event["response"].clone());
            }
            _ => {}
        }
    }
    made
}

/// Takes out the ids that LiteLLM makes up for each run.
pub(crate) fn forget_ids(case: &Case, made: &mut Map<String, Value>) {
    for key in ["id", "call_id"] {
        if !case.volatile.iter().any(|path| path.ends_with(&format!(".item.{key}"))) {
            continue;
        }
        for list in ["added", "done"] {
            for item in object(made, list).values_mut().filter_map(Value::as_object_mut) {
                item.remove(key);
            }
        }
    }
}

/// What breaks the protocol. `recorded` says which kinds of events are wanted, `names` are those of the SSE events.
pub(crate) fn faults(events: &[Value], names: &[Option<String>], recorded: &[Value]) -> Vec<String> {
    let mut bad = Vec::new();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap_or("")).collect();
    if types.first() != Some(&"response.created") {
        bad.push(format!("starts with {:?}, not response.created", types.first()));
    }
    if !types.last().is_some_and(|last| TERMINAL.contains(last)) {
        bad.push(format!("ends with {:?}, not with a terminal event", types.last()));
    }
    if types.iter().filter(|kind| TERMINAL.contains(kind)).count() > 1 {
        bad.push("more than one terminal event".to_owned());
    }
    for (at, kind) in types.iter().enumerate() {
        if let Some(Some(name)) = names.get(at)
            && name != kind
        {
            bad.push(format!("event {at}: named {name:?} but its type is {kind:?}"));
        }
    }
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    if numbers.len() == events.len() && numbers.iter().any(|n| *n > 0) && !numbers.is_sorted_by(|a, b| a < b)
    {
        bad.push("sequence_number does not grow".to_owned());
    }
    let ids: BTreeSet<&str> = events.iter().filter_map(|event| event["response"]["id"].as_str()).collect();
    if ids.len() > 1 {
        bad.push("the response changes its id".to_owned());
    }
    let added = events.iter().filter(|event| event["type"] == "response.output_item.added");
    let known: BTreeSet<&str> = added.filter_map(|event| event["item"]["id"].as_str()).collect();
    if events.iter().filter_map(|event| event["item_id"].as_str()).any(|id| !known.contains(id)) {
        bad.push("an event names an item_id that was not added".to_owned());
    }
    let wanted = recorded.iter().filter_map(|event| event["type"].as_str());
    let wanted: BTreeSet<&str> =
        wanted.filter(|kind| kind.ends_with(".done") || kind.ends_with(".added")).collect();
    for kind in wanted.into_iter().filter(|kind| !types.contains(kind)) {
        bad.push(format!("no {kind} event"));
    }
    bad
}
