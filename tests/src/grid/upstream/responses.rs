//! OpenAI's Responses API.

use serde_json::{Value, json};

use super::{Called, LAST, NOWHERE, Said, Script, Stop, Upstream, Words, event, pieces};

pub(super) const ALL: &[Upstream] = &[Upstream {
    name: "openai.responses",
    words: Words {
        calls: true,
        interleaves: true,
        ids: true,
        thinks: true,
        signs: Some("gAAA+/="),
        counts: true,
        cached: true,
        written: false,
        reasoning: true,
        places: &[LAST, NOWHERE],
        limit: true,
        filter: true,
        ends: true,
    },
    whole,
    stream,
    failure,
}];

fn thought(said: &Said) -> Option<Value> {
    let text = said.thoughts.as_ref()?;
    let mut item =
        json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]});
    if let Some(signature) = &said.signature {
        item["encrypted_content"] = json!(signature);
    }
    Some(item)
}

fn message(said: &Said) -> Option<Value> {
    let part = json!({"type": "output_text", "text": said.text, "annotations": []});
    let said = !said.text.is_empty();
    said.then(|| json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}))
}

fn call(call: &Called, arguments: &str, status: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id, "name": call.name, "arguments": arguments, "status": status})
}

fn output(said: &Said) -> Vec<Value> {
    let calls = said.calls.iter().map(|one| call(one, &one.arguments, "completed"));
    thought(said).into_iter().chain(message(said)).chain(calls).collect()
}

fn response(said: &Said, output: &[Value], counted: bool) -> Value {
    let (status, why) = match said.stop {
        Stop::Limit => ("incomplete", json!({"reason": "max_output_tokens"})),
        Stop::Filter => ("incomplete", json!({"reason": "content_filter"})),
        Stop::End | Stop::Calls => ("completed", Value::Null),
    };
    let counts = &said.usage;
    let usage = json!({"input_tokens": counts.input, "output_tokens": counts.output, "total_tokens": counts.input + counts.output,
        "input_tokens_details": {"cached_tokens": counts.cached}, "output_tokens_details": {"reasoning_tokens": counts.reasoning}});
    let usage = if counted { usage } else { Value::Null };
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "incomplete_details": why, "error": null,
        "model": "x", "output": output, "usage": usage})
}

fn whole(said: &Said) -> Value {
    response(said, &output(said), true)
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut open = response(said, &[], false);
    open["status"] = json!("in_progress");
    events.push(json!({"type": "response.created", "response": open}));
    events.push(json!({"type": "response.in_progress", "response": open}));
    let mut place = 0;
    if let (Some(item), Some(text)) = (thought(said), &said.thoughts) {
        let at = |kind: &str, more: Value| {
            with(json!({"type": kind, "item_id": "rs_1", "output_index": 0, "summary_index": 0}), &more)
        };
        events.push(json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}));
        events.push(at(
            "response.reasoning_summary_part.added",
            json!({"part": {"type": "summary_text", "text": ""}}),
        ));
        events.extend(
            pieces(text).map(|piece| at("response.reasoning_summary_text.delta", json!({"delta": piece}))),
        );
        events.push(at("response.reasoning_summary_text.done", json!({"text": text})));
        events.push(at(
            "response.reasoning_summary_part.done",
            json!({"part": {"type": "summary_text", "text": text}}),
        ));
        events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        place += 1;
    }
    if let Some(item) = message(said) {
        let at = |kind: &str, more: Value| {
            with(json!({"type": kind, "item_id": "msg_1", "output_index": place, "content_index": 0}), &more)
        };
        events.push(json!({"type": "response.output_item.added", "output_index": place, "item": {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}}));
        events.push(at(
            "response.content_part.added",
            json!({"part": {"type": "output_text", "text": "", "annotations": []}}),
        ));
        events.extend(
            pieces(&said.text).map(|piece| at("response.output_text.delta", json!({"delta": piece}))),
        );
        events.push(at("response.output_text.done", json!({"text": said.text})));
        events.push(at("response.content_part.done", json!({"part": item["content"][0]})));
        events.push(json!({"type": "response.output_item.done", "output_index": place, "item": item}));
        place += 1;
    }
    events.extend(calls(said, script, place));
    let kind = if matches!(said.stop, Stop::Limit | Stop::Filter) {
        "response.incomplete"
    } else {
        "response.completed"
    };
    events.push(json!({"type": kind, "response": response(said, &output(said), script.usage.last)}));
    numbered(events)
}

fn calls(said: &Said, script: &Script, place: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for (at, one) in said.calls.iter().enumerate() {
        events.push(json!({"type": "response.output_item.added", "output_index": place + at, "item": call(one, "", "in_progress")}));
    }
    let id = |at: usize| format!("fc_{}", said.calls[at].id);
    for (at, piece) in &script.order {
        events.push(json!({"type": "response.function_call_arguments.delta", "item_id": id(*at), "output_index": place + at, "delta": piece}));
    }
    for (at, one) in said.calls.iter().enumerate() {
        events.push(json!({"type": "response.function_call_arguments.done", "item_id": id(at), "output_index": place + at, "arguments": one.arguments}));
        events.push(json!({"type": "response.output_item.done", "output_index": place + at, "item": call(one, &one.arguments, "completed")}));
    }
    events
}

fn with(mut event: Value, more: &Value) -> Value {
    if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
        event.extend(more.clone());
    }
    event
}

fn numbered(events: Vec<Value>) -> Vec<Vec<u8>> {
    let numbered = events.into_iter().enumerate().map(|(number, mut one)| {
        one["sequence_number"] = json!(number);
        event(one["type"].as_str().unwrap_or_default(), &one)
    });
    numbered.collect()
}

fn failure() -> Vec<u8> {
    event(
        "error",
        &json!({"type": "error", "sequence_number": 9, "code": "server_error", "message": "It broke.", "param": null}),
    )
}
