//! Bedrock's Converse: answers as JSON, streams as binary frames; and Nova's own format, which is the same in chunks.

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_testkit::event_stream::frame;
use serde_json::{Value, json};

use super::{Counts, LAST, NOWHERE, Said, Script, Stop, Upstream, Words, parsed, pieces};

const WORDS: Words = Words {
    calls: true,
    interleaves: true,
    ids: true,
    thinks: true,
    // Taken by Claude and by others.
    signs: Some("sqAB+/b="),
    counts: true,
    cached: true,
    written: true,
    reasoning: false,
    places: &[LAST, NOWHERE],
    limit: true,
    filter: true,
    ends: true,
};

pub(super) const ALL: &[Upstream] = &[
    Upstream { name: "bedrock.converse", words: WORDS, whole, stream, failure },
    Upstream { name: "bedrock.nova", words: WORDS, whole, stream: chunks, failure },
];

/// A chunk of a model's own format.
pub(super) fn chunk(json: &str) -> Vec<u8> {
    frame("event", "chunk", &json!({"bytes": STANDARD.encode(json)}).to_string())
}

fn usage(counts: &Counts) -> Value {
    json!({"inputTokens": counts.input - counts.cached - counts.written, "outputTokens": counts.output, "totalTokens": counts.input + counts.output,
        "cacheReadInputTokens": counts.cached, "cacheWriteInputTokens": counts.written})
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Limit => "max_tokens",
        Stop::Calls => "tool_use",
        Stop::Filter => "content_filtered",
    }
}

fn whole(said: &Said) -> Value {
    let mut blocks = Vec::new();
    if let Some(thoughts) = &said.thoughts {
        let signature = said.signature.clone().unwrap_or_default();
        blocks
            .push(json!({"reasoningContent": {"reasoningText": {"text": thoughts, "signature": signature}}}));
    }
    if !said.text.is_empty() {
        blocks.push(json!({"text": said.text}));
    }
    blocks.extend(said.calls.iter().map(|call| json!({"toolUse": {"toolUseId": call.id, "name": call.name, "input": parsed(&call.arguments)}})));
    json!({"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": stop(said.stop), "usage": usage(&said.usage),
        "metrics": {"latencyMs": 1}})
}

fn events(said: &Said, script: &Script) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    let mut next = 0;
    let delta = |index: usize, delta: Value| {
        ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}))
    };
    let end = |index: usize| ("contentBlockStop", json!({"contentBlockIndex": index}));
    if let Some(thoughts) = &said.thoughts {
        events
            .extend(pieces(thoughts).map(|piece| delta(next, json!({"reasoningContent": {"text": piece}}))));
        events.extend(
            said.signature.iter().map(|own| delta(next, json!({"reasoningContent": {"signature": own}}))),
        );
        events.push(end(next));
        next += 1;
    }
    if !said.text.is_empty() {
        events.extend(pieces(&said.text).map(|piece| delta(next, json!({"text": piece}))));
        events.push(end(next));
        next += 1;
    }
    let is_in_turn = script.order.is_sorted_by_key(|(at, _)| *at);
    let start = |at: usize| {
        let call = json!({"toolUse": {"toolUseId": said.calls[at].id, "name": said.calls[at].name}});
        ("contentBlockStart", json!({"contentBlockIndex": next + at, "start": call}))
    };
    let argue = |at: usize, piece: &str| delta(next + at, json!({"toolUse": {"input": piece}}));
    if is_in_turn {
        for at in 0..said.calls.len() {
            events.push(start(at));
            events
                .extend(script.order.iter().filter(|(own, _)| *own == at).map(|(_, piece)| argue(at, piece)));
            events.push(end(next + at));
        }
    } else {
        events.extend((0..said.calls.len()).map(start));
        events.extend(script.order.iter().map(|(at, piece)| argue(*at, piece)));
        events.extend((0..said.calls.len()).map(|at| end(next + at)));
    }
    events.push(("messageStop", json!({"stopReason": stop(said.stop)})));
    let mut tail = json!({"metrics": {"latencyMs": 1}});
    if script.usage.last {
        tail["usage"] = usage(&said.usage);
    }
    events.push(("metadata", tail));
    events
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    events(said, script).iter().map(|(name, payload)| frame("event", name, &payload.to_string())).collect()
}

fn chunks(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    events(said, script).iter().map(|(name, payload)| chunk(&json!({*name: payload}).to_string())).collect()
}

fn failure() -> Vec<u8> {
    frame("exception", "internalServerException", "{\"message\":\"It broke.\"}")
}
