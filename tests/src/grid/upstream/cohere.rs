//! Cohere's chat, version 2.

use serde_json::{Value, json};

use super::{LAST, NOWHERE, Said, Script, Stop, Upstream, Words, event, pieces};

pub(super) const ALL: &[Upstream] = &[Upstream {
    name: "cohere.chat",
    words: Words {
        calls: true,
        interleaves: true,
        ids: true,
        thinks: true,
        signs: None,
        counts: true,
        cached: true,
        written: false,
        reasoning: false,
        places: &[LAST, NOWHERE],
        limit: true,
        filter: true,
        ends: true,
    },
    whole,
    stream,
    failure,
}];

fn usage(said: &Said) -> Value {
    let tokens = json!({"input_tokens": said.usage.input, "output_tokens": said.usage.output});
    json!({"billed_units": {"input_tokens": 90, "output_tokens": 20}, "tokens": tokens, "cached_tokens": said.usage.cached})
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "COMPLETE",
        Stop::Limit => "MAX_TOKENS",
        Stop::Calls => "TOOL_CALL",
        Stop::Filter => "ERROR_TOXIC",
    }
}

fn whole(said: &Said) -> Value {
    let mut message = json!({"role": "assistant"});
    let thoughts = said.thoughts.iter().map(|text| json!({"type": "thinking", "thinking": text}));
    let text = Some(json!({"type": "text", "text": said.text})).filter(|_| !said.text.is_empty());
    message["content"] = thoughts.chain(text).collect();
    if !said.calls.is_empty() {
        let call = |call: &super::Called| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}});
        message["tool_calls"] = said.calls.iter().map(call).collect();
    }
    json!({"id": "c1", "finish_reason": finish(said.stop), "message": message, "usage": usage(said)})
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let started =
        json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let mut events = vec![json!({"type": "message-start", "id": "c1", "delta": {"message": started}})];
    let mut index = 0;
    for (kind, text) in [("thinking", said.thoughts.as_deref().unwrap_or_default()), ("text", &said.text)] {
        if text.is_empty() {
            continue;
        }
        let content = |kind: &str, content: Value| json!({"type": kind, "index": index, "delta": {"message": {"content": content}}});
        events.push(content("content-start", json!({"type": kind, kind: ""})));
        events.extend(pieces(text).map(|piece| content("content-delta", json!({kind: piece}))));
        events.push(json!({"type": "content-end", "index": index}));
        index += 1;
    }
    let is_in_turn = script.order.is_sorted_by_key(|(at, _)| *at);
    let start = |at: usize| {
        let call = json!({"id": said.calls[at].id, "type": "function", "function": {"name": said.calls[at].name, "arguments": ""}});
        json!({"type": "tool-call-start", "index": at, "delta": {"message": {"tool_calls": call}}})
    };
    let argue = |at: usize, piece: &str| json!({"type": "tool-call-delta", "index": at, "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}}});
    let end = |at: usize| json!({"type": "tool-call-end", "index": at});
    if is_in_turn {
        for at in 0..said.calls.len() {
            events.push(start(at));
            events
                .extend(script.order.iter().filter(|(own, _)| *own == at).map(|(_, piece)| argue(at, piece)));
            events.push(end(at));
        }
    } else {
        events.extend((0..said.calls.len()).map(start));
        events.extend(script.order.iter().map(|(at, piece)| argue(*at, piece)));
        events.extend((0..said.calls.len()).map(end));
    }
    let mut delta = json!({"finish_reason": finish(said.stop)});
    if script.usage.last {
        delta["usage"] = usage(said);
    }
    events.push(json!({"type": "message-end", "id": "c1", "delta": delta}));
    events.iter().map(|one| event(one["type"].as_str().unwrap_or_default(), one)).collect()
}

fn failure() -> Vec<u8> {
    event(
        "message-end",
        &json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "It broke."}}),
    )
}
