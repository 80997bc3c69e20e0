//! Oracle's two formats: the generic one and Cohere's.

use serde_json::{Value, json};

use super::{Called, LAST, NOWHERE, Said, Script, Stop, Upstream, Words, data, parsed, pieces};

const WORDS: Words = Words {
    calls: true,
    interleaves: false,
    ids: true,
    thinks: true,
    signs: None,
    counts: true,
    cached: true,
    written: false,
    reasoning: true,
    places: &[LAST, NOWHERE],
    limit: true,
    filter: true,
    ends: true,
};

pub(super) const ALL: &[Upstream] = &[
    Upstream { name: "oci.generic", words: WORDS, whole, stream, failure },
    Upstream {
        name: "oci.cohere",
        words: Words { ids: false, thinks: false, cached: false, reasoning: false, ..WORDS },
        whole: cohere,
        stream: cohere_stream,
        failure,
    },
];

fn usage(said: &Said) -> Value {
    let counts = &said.usage;
    json!({"promptTokens": counts.input, "completionTokens": counts.output, "totalTokens": counts.input + counts.output,
        "promptTokensDetails": {"cachedTokens": counts.cached}, "completionTokensDetails": {"reasoningTokens": counts.reasoning}})
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Limit => "length",
        Stop::Calls => "tool_calls",
        Stop::Filter => "content_filter",
    }
}

fn call(call: &Called) -> Value {
    json!({"type": "FUNCTION", "id": call.id, "name": call.name, "arguments": call.arguments})
}

fn message(text: Option<&str>) -> Value {
    let parts: Vec<Value> = text.into_iter().map(|text| json!({"type": "TEXT", "text": text})).collect();
    json!({"role": "ASSISTANT", "content": parts})
}

fn envelope(chat: &Value) -> Value {
    json!({"modelId": "x", "modelVersion": "1", "chatResponse": chat})
}

fn whole(said: &Said) -> Value {
    let mut message = message(Some(said.text.as_str()).filter(|text| !text.is_empty()));
    if let Some(thoughts) = &said.thoughts {
        message["reasoningContent"] = json!(thoughts);
    }
    if !said.calls.is_empty() {
        message["toolCalls"] = said.calls.iter().map(call).collect();
    }
    let choice = json!({"index": 0, "message": message, "finishReason": finish(said.stop)});
    envelope(
        &json!({"timeCreated": "2026-01-01T00:00:00Z", "apiFormat": "GENERIC", "choices": [choice], "usage": usage(said)}),
    )
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let mut messages: Vec<Value> = Vec::new();
    for piece in said.thoughts.iter().flat_map(|text| pieces(text)) {
        messages.push(json!({"role": "ASSISTANT", "reasoningContent": piece}));
    }
    messages.extend(pieces(&said.text).map(|piece| message(Some(piece))));
    for (at, one) in said.calls.iter().enumerate() {
        let mut named = Some(call(one));
        for (_, piece) in script.order.iter().filter(|(own, _)| *own == at) {
            let mut next = named.take().unwrap_or_else(|| json!({"type": "FUNCTION"}));
            next["arguments"] = json!(piece);
            messages.push(json!({"role": "ASSISTANT", "toolCalls": [next]}));
        }
    }
    let mut out: Vec<Vec<u8>> =
        messages.iter().map(|message| data(&json!({"index": 0, "message": message}))).collect();
    let mut end =
        json!({"message": {"role": "ASSISTANT", "content": null}, "finishReason": finish(said.stop)});
    if script.usage.last {
        end["usage"] = usage(said);
    }
    out.push(data(&end));
    out
}

fn word(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Calls => "COMPLETE",
        Stop::Limit => "MAX_TOKENS",
        Stop::Filter => "ERROR_TOXIC",
    }
}

fn cohere(said: &Said) -> Value {
    let mut chat = json!({"apiFormat": "COHERE", "text": said.text, "chatHistory": [], "finishReason": word(said.stop), "usage": usage(said)});
    if !said.calls.is_empty() {
        let call = |call: &Called| json!({"name": call.name, "parameters": parsed(&call.arguments)});
        chat["toolCalls"] = said.calls.iter().map(call).collect();
    }
    envelope(&chat)
}

fn cohere_stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> =
        pieces(&said.text).map(|text| data(&json!({"apiFormat": "COHERE", "text": text}))).collect();
    let mut end = cohere(said)["chatResponse"].clone();
    if !script.usage.last
        && let Some(end) = end.as_object_mut()
    {
        end.remove("usage");
    }
    out.push(data(&end));
    out
}

fn failure() -> Vec<u8> {
    data(
        &json!({"code": "500", "message": {"content": [{"type": "TEXT", "text": "It broke."}]}, "errorMessage": "It broke."}),
    )
}
