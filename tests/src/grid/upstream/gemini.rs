//! Gemini's generateContent. Calls are whole, and have no ids.

use serde_json::{Value, json};

use super::{BOTH, EVERY, LAST, NOWHERE, Said, Script, Stop, Upstream, Words, data, parsed, pieces};

pub(super) const ALL: &[Upstream] = &[Upstream {
    name: "gemini.generate_content",
    words: Words {
        calls: true,
        interleaves: false,
        ids: false,
        thinks: true,
        signs: Some("CqAB+/x="),
        counts: true,
        cached: true,
        written: false,
        reasoning: true,
        places: &[LAST, BOTH, EVERY, NOWHERE],
        limit: true,
        filter: true,
        ends: true,
    },
    whole,
    stream,
    failure,
}];

fn usage(said: &Said) -> Value {
    let counts = &said.usage;
    json!({"promptTokenCount": counts.input, "candidatesTokenCount": counts.output - counts.reasoning, "thoughtsTokenCount": counts.reasoning,
        "totalTokenCount": counts.input + counts.output, "cachedContentTokenCount": counts.cached})
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Calls => "STOP",
        Stop::Limit => "MAX_TOKENS",
        Stop::Filter => "SAFETY",
    }
}

fn answer(parts: &[Value], finish: Option<&str>, usage: Option<Value>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    let mut answer = json!({"candidates": [candidate], "modelVersion": "x", "responseId": "r"});
    if let Some(usage) = usage {
        answer["usageMetadata"] = usage;
    }
    answer
}

fn calls(said: &Said) -> Vec<Value> {
    let call = |(at, call): (usize, &super::Called)| {
        let mut part = json!({"functionCall": {"name": call.name, "args": parsed(&call.arguments)}});
        if let Some(signature) = said.signature.as_ref().filter(|_| at == 0) {
            part["thoughtSignature"] = json!(signature);
        }
        part
    };
    said.calls.iter().enumerate().map(call).collect()
}

fn whole(said: &Said) -> Value {
    let mut parts: Vec<Value> =
        said.thoughts.iter().map(|text| json!({"text": text, "thought": true})).collect();
    if !said.text.is_empty() {
        parts.push(json!({"text": said.text}));
    }
    parts.extend(calls(said));
    answer(&parts, Some(finish(said.stop)), Some(usage(said)))
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let mut parts: Vec<Value> = said
        .thoughts
        .iter()
        .flat_map(|text| pieces(text))
        .map(|text| json!({"text": text, "thought": true}))
        .collect();
    parts.extend(pieces(&said.text).map(|text| json!({"text": text})));
    parts.extend(calls(said));
    let places = script.usage;
    let last = parts.len().saturating_sub(1);
    let chunk = |(at, part): (usize, Value)| {
        let counted = places.every || places.first && at == 0 || places.last && at == last;
        let finish = (at == last).then(|| finish(said.stop));
        data(&answer(&[part], finish, counted.then(|| usage(said))))
    };
    parts.into_iter().enumerate().map(chunk).collect()
}

fn failure() -> Vec<u8> {
    data(&json!({"error": {"code": 500, "message": "It broke.", "status": "INTERNAL"}}))
}
