//! Anthropic's Messages.

use serde_json::{Value, json};

use super::{BOTH, Counts, FIRST, Said, Script, Stop, Upstream, Words, event, parsed, pieces};

pub(super) const ALL: &[Upstream] = &[Upstream {
    name: "anthropic.messages",
    words: Words {
        calls: true,
        interleaves: true,
        ids: true,
        thinks: true,
        // Taken by Claude and by other makers' models that speak this format.
        signs: Some("sqAB+/x="),
        counts: true,
        cached: true,
        written: true,
        reasoning: false,
        places: &[FIRST, BOTH],
        limit: true,
        filter: true,
        ends: true,
    },
    whole,
    stream,
    failure,
}];

fn usage(counts: &Counts, output: u64) -> Value {
    json!({"input_tokens": counts.input - counts.cached - counts.written, "cache_read_input_tokens": counts.cached,
        "cache_creation_input_tokens": counts.written, "output_tokens": output})
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Limit => "max_tokens",
        Stop::Calls => "tool_use",
        Stop::Filter => "refusal",
    }
}

fn blocks(said: &Said) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(thoughts) = &said.thoughts {
        blocks.push(json!({"type": "thinking", "thinking": thoughts, "signature": said.signature.clone().unwrap_or_default()}));
    }
    if !said.text.is_empty() {
        blocks.push(json!({"type": "text", "text": said.text}));
    }
    blocks.extend(said.calls.iter().map(|call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": parsed(&call.arguments)})));
    blocks
}

fn whole(said: &Said) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": blocks(said),
        "stop_reason": stop(said.stop), "stop_sequence": null, "usage": usage(&said.usage, said.usage.output)})
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage(&said.usage, 1)});
    let mut events = vec![json!({"type": "message_start", "message": message}), json!({"type": "ping"})];
    let mut next = 0;
    let delta =
        |index: usize, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let start = |index: usize, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let end = |index: usize| json!({"type": "content_block_stop", "index": index});
    if let Some(thoughts) = &said.thoughts {
        events.push(start(next, json!({"type": "thinking", "thinking": "", "signature": ""})));
        events.extend(
            pieces(thoughts).map(|piece| delta(next, json!({"type": "thinking_delta", "thinking": piece}))),
        );
        events.extend(
            said.signature
                .iter()
                .map(|own| delta(next, json!({"type": "signature_delta", "signature": own}))),
        );
        events.push(end(next));
        next += 1;
    }
    if !said.text.is_empty() {
        events.push(start(next, json!({"type": "text", "text": ""})));
        events.extend(
            pieces(&said.text).map(|piece| delta(next, json!({"type": "text_delta", "text": piece}))),
        );
        events.push(end(next));
        next += 1;
    }
    let is_in_turn = script.order.is_sorted_by_key(|(at, _)| *at);
    let block = |at: usize| {
        start(
            next + at,
            json!({"type": "tool_use", "id": said.calls[at].id, "name": said.calls[at].name, "input": {}}),
        )
    };
    let argue =
        |at: usize, piece: &str| delta(next + at, json!({"type": "input_json_delta", "partial_json": piece}));
    if is_in_turn {
        for at in 0..said.calls.len() {
            events.push(block(at));
            events
                .extend(script.order.iter().filter(|(own, _)| *own == at).map(|(_, piece)| argue(at, piece)));
            events.push(end(next + at));
        }
    } else {
        events.extend((0..said.calls.len()).map(block));
        events.extend(script.order.iter().map(|(at, piece)| argue(*at, piece)));
        events.extend((0..said.calls.len()).map(|at| end(next + at)));
    }
    let counts = if script.usage.last {
        usage(&said.usage, said.usage.output)
    } else {
        json!({"output_tokens": said.usage.output})
    };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop(said.stop), "stop_sequence": null}, "usage": counts}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(|one| event(one["type"].as_str().unwrap_or_default(), one)).collect()
}

fn failure() -> Vec<u8> {
    event("error", &json!({"type": "error", "error": {"type": "api_error", "message": "It broke."}}))
}
