//! Ollama's chat: lines of JSON. Calls are whole, and have no ids.

use serde_json::{Value, json};

use super::{LAST, Said, Script, Stop, Upstream, Words, parsed, pieces};

pub(super) const ALL: &[Upstream] = &[Upstream {
    name: "ollama.chat",
    words: Words {
        calls: true,
        interleaves: false,
        ids: false,
        thinks: true,
        signs: None,
        counts: true,
        cached: false,
        written: false,
        reasoning: false,
        places: &[LAST],
        limit: true,
        filter: false,
        ends: true,
    },
    whole,
    stream,
    failure,
}];

fn line(message: &Value, end: Option<&Said>) -> Value {
    let mut line = json!({"model": "x", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": end.is_some()});
    if let Some(said) = end {
        line["done_reason"] = json!(if said.stop == Stop::Limit { "length" } else { "stop" });
        line["prompt_eval_count"] = json!(said.usage.input);
        line["eval_count"] = json!(said.usage.output);
    }
    line
}

fn calls(said: &Said) -> Vec<Value> {
    said.calls
        .iter()
        .map(|call| json!({"function": {"name": call.name, "arguments": parsed(&call.arguments)}}))
        .collect()
}

fn whole(said: &Said) -> Value {
    let mut message = json!({"role": "assistant", "content": said.text});
    if let Some(thoughts) = &said.thoughts {
        message["thinking"] = json!(thoughts);
    }
    if !said.calls.is_empty() {
        message["tool_calls"] = json!(calls(said));
    }
    line(&message, Some(said))
}

fn stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let thoughts = said.thoughts.iter().flat_map(|text| pieces(text));
    messages.extend(thoughts.map(|text| json!({"role": "assistant", "content": "", "thinking": text})));
    messages.extend(pieces(&said.text).map(|text| json!({"role": "assistant", "content": text})));
    messages.extend(
        calls(said).iter().map(|call| json!({"role": "assistant", "content": "", "tool_calls": [call]})),
    );
    let mut lines: Vec<Value> = messages.iter().map(|message| line(message, None)).collect();
    lines.push(line(&json!({"role": "assistant", "content": ""}), Some(said)));
    lines.iter().map(|line| format!("{line}\n").into_bytes()).collect()
}

fn failure() -> Vec<u8> {
    b"{\"error\":\"It broke.\"}\n".to_vec()
}
