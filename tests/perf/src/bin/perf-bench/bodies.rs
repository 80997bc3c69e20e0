//! Requests like those of real clients.

use serde_json::{Value, json};

pub(crate) const QUESTION: &str =
    "What will the weather be in Lisbon tomorrow, and should I take an umbrella? ";
const TEXT: &str = "The harbour was quiet that morning; \"nobody\", she wrote,\n\t had seen the ship \u{2014} and yet \
                    it was there. 12,345 tonnes, 67 % of them coal. ";

/// A chat of about `bytes` bytes with one tool, as an official SDK would write it: a short one is one question, a
/// long one is a conversation of turns of about 4 KB.
pub(crate) fn chat(model: &str, stream: bool, bytes: usize) -> String {
    let mut messages = vec![
        json!({"role": "system", "content": "You are a helpful assistant. Answer briefly."}),
        json!({"role": "user", "content": QUESTION}),
    ];
    let mut room = bytes.saturating_sub(frame(model, stream, &messages).to_string().len());
    while room > 64 {
        let role = if messages.len() % 2 == 0 { "assistant" } else { "user" };
        // Escapes make the written text a little longer.
        let turn: String = TEXT.chars().cycle().take(room.min(4096) * 93 / 100).collect();
        let message = json!({"role": role, "content": turn});
        room = room.saturating_sub(message.to_string().len() + 1);
        messages.push(message);
    }
    frame(model, stream, &messages).to_string()
}

/// The headers of an official SDK.
pub(crate) fn headers(key: &str) -> Vec<String> {
    vec![
        format!("authorization: Bearer {key}"),
        "accept: application/json".to_owned(),
        "user-agent: OpenAI/Python 2.8.1".to_owned(),
        "x-stainless-lang: python".to_owned(),
        "x-stainless-package-version: 2.8.1".to_owned(),
        "x-stainless-os: Linux".to_owned(),
        "x-stainless-arch: x64".to_owned(),
        "x-stainless-runtime: CPython".to_owned(),
        "x-stainless-runtime-version: 3.12.4".to_owned(),
        "x-stainless-retry-count: 0".to_owned(),
    ]
}

fn frame(model: &str, stream: bool, messages: &[Value]) -> Value {
    let mut body = json!({
        "model": model,
        "messages": messages,
        "temperature": 0.7,
        "max_tokens": 256,
        "tools": [{"type": "function", "function": {
            "name": "get_weather",
            "description": "Get the weather forecast of a place.",
            "parameters": tool_schema(),
        }}],
    });
    if stream && let Some(body) = body.as_object_mut() {
        body.insert("stream".to_owned(), json!(true));
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    body
}

/// What the one tool of all bodies takes.
pub(crate) fn tool_schema() -> Value {
    json!({"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_about_the_asked_size() {
        for size in [1024, 100 * 1024, 1024 * 1024] {
            let body = chat("mock-json", false, size);
            assert!(body.len().abs_diff(size) < size / 10, "{size}: {}", body.len());
        }
    }

    #[test]
    fn same_input_same_bytes() {
        assert_eq!(chat("m", true, 5000), chat("m", true, 5000));
    }
}
