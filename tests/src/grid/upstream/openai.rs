//! OpenAI's chat completions, and those who write them otherwise.

use serde_json::{Value, json};

use super::{
    BOTH, Counts, EVERY, FIRST, LAST, NOWHERE, Said, Script, Stop, Upstream, Words, data, parsed, pieces,
};

const WORDS: Words = Words {
    calls: true,
    interleaves: true,
    ids: true,
    thinks: true,
    signs: None,
    counts: true,
    cached: true,
    written: false,
    reasoning: true,
    places: &[FIRST, LAST, BOTH, EVERY, NOWHERE],
    limit: true,
    filter: true,
    ends: true,
};

pub(super) const ALL: &[Upstream] = &[
    Upstream { name: "openai.chat", words: WORDS, whole, stream, failure },
    Upstream {
        name: "gigachat",
        words: Words {
            calls: true,
            interleaves: false,
            ids: false,
            thinks: false,
            cached: false,
            reasoning: false,
            places: &[LAST],
            ..WORDS
        },
        whole: functions,
        stream: function_stream,
        failure,
    },
    Upstream {
        name: "databricks",
        words: Words { signs: Some("EqAB+/d="), cached: false, reasoning: false, ..WORDS },
        whole: listed,
        stream: listed_stream,
        failure,
    },
];

fn usage(counts: &Counts) -> Value {
    json!({"prompt_tokens": counts.input, "completion_tokens": counts.output, "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached}, "completion_tokens_details": {"reasoning_tokens": counts.reasoning}})
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Limit => "length",
        Stop::Calls => "tool_calls",
        Stop::Filter => "content_filter",
    }
}

fn answer(said: &Said, message: &Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "x",
        "choices": [{"index": 0, "message": message, "finish_reason": finish(said.stop)}], "usage": usage(&said.usage)})
}

fn calls(said: &Said) -> Vec<Value> {
    let call = |call: &super::Called| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}});
    said.calls.iter().map(call).collect()
}

fn whole(said: &Said) -> Value {
    let mut message = json!({"role": "assistant", "content": said.text});
    if let Some(thoughts) = &said.thoughts {
        message["reasoning_content"] = json!(thoughts);
    }
    if !said.calls.is_empty() {
        message["content"] = Value::Null;
        message["tool_calls"] = json!(calls(said));
    }
    answer(said, &message)
}

fn chunk(choices: &Value, usage: Option<Value>) -> Vec<u8> {
    let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": choices});
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    data(&chunk)
}

fn choice(delta: &Value, finish: Option<&str>) -> Value {
    json!([{"index": 0, "delta": delta, "finish_reason": finish}])
}

fn starts(said: &Said) -> impl Iterator<Item = Value> + '_ {
    said.calls.iter().enumerate().map(|(at, call)| {
        json!({"tool_calls": [{"index": at, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}]})
    })
}

fn deltas(said: &Said, script: &Script, think: fn(&str) -> Value) -> Vec<Value> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    deltas.extend(said.thoughts.iter().flat_map(|text| pieces(text)).map(think));
    deltas.extend(pieces(&said.text).map(|text| json!({"content": text})));
    deltas.extend(starts(said));
    deltas.extend(
        script
            .order
            .iter()
            .map(|(at, piece)| json!({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})),
    );
    deltas
}

fn chunks(said: &Said, script: &Script, deltas: &[Value]) -> Vec<Vec<u8>> {
    let places = script.usage;
    let counted = |here: bool| here.then(|| usage(&said.usage));
    let mut out: Vec<Vec<u8>> = deltas
        .iter()
        .enumerate()
        .map(|(at, delta)| chunk(&choice(delta, None), counted(places.every || places.first && at == 0)))
        .collect();
    out.push(chunk(&choice(&json!({}), Some(finish(said.stop))), counted(places.every)));
    if places.last {
        out.push(chunk(&json!([]), counted(true)));
    }
    out.push(b"data: [DONE]\n\n".to_vec());
    out
}

fn stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    chunks(said, script, &deltas(said, script, |text| json!({"reasoning_content": text})))
}

fn failure() -> Vec<u8> {
    data(&json!({"error": {"message": "It broke.", "type": "server_error", "code": null}}))
}

/// GigaChat calls one function, its arguments as an object.
fn functions(said: &Said) -> Value {
    let mut message = json!({"role": "assistant", "content": said.text});
    let mut answer = answer(said, &message);
    if let Some(call) = said.calls.first() {
        message["function_call"] = json!({"name": call.name, "arguments": parsed(&call.arguments)});
        answer["choices"][0]["message"] = message;
        answer["choices"][0]["finish_reason"] = json!("function_call");
    }
    answer
}

fn function_stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let plain = Said { calls: Vec::new(), ..said.clone() };
    let mut out = chunks(
        &plain,
        script,
        &deltas(&plain, &Script { order: Vec::new(), ..script.clone() }, |_| json!({})),
    );
    if let Some(call) = said.calls.first() {
        let delta = json!({"content": "", "function_call": {"name": call.name, "arguments": parsed(&call.arguments)}});
        let last = out.len() - 3;
        out[last] = chunk(&choice(&json!({}), Some("function_call")), None);
        out.insert(last, chunk(&choice(&delta, None), None));
    }
    out
}

fn summary(text: &str, signature: &str) -> Value {
    json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": text, "signature": signature}]})
}

/// Claude on Databricks: what it says is a list of parts.
fn listed(said: &Said) -> Value {
    let mut answer = whole(said);
    let mut parts = Vec::new();
    if let Some(thoughts) = &said.thoughts {
        parts.push(summary(thoughts, said.signature.as_deref().unwrap_or_default()));
    }
    parts.push(json!({"type": "text", "text": said.text}));
    let message = &mut answer["choices"][0]["message"];
    message["content"] = json!(parts);
    if let Some(message) = message.as_object_mut() {
        message.remove("reasoning_content");
    }
    answer
}

fn listed_stream(said: &Said, script: &Script) -> Vec<Vec<u8>> {
    let mut all = deltas(said, script, |text| json!({"content": [summary(text, "")]}));
    let thoughts = said.thoughts.iter().flat_map(|text| pieces(text)).count();
    if let Some(signature) = &said.signature {
        all.insert(1 + thoughts, json!({"content": [summary("", signature)]}));
    }
    chunks(said, script, &all)
}
