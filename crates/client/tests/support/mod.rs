//! Answers of the scripted upstream.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use lockgate_testkit::upstream::{Answer, Upstream};

/// A server that gives these answers in turn.
pub(crate) async fn upstream(answers: Vec<Answer>) -> Upstream {
    Upstream::script(answers).await.unwrap()
}

/// A stream of `data:` lines, ended in good order.
pub(crate) fn sse(events: &[&str]) -> Answer {
    Answer::stream(events.iter().map(|event| format!("data: {event}\n\n")), Duration::ZERO)
}

/// A stream of `data:` lines that is not ended.
pub(crate) fn open_sse(events: &[&str]) -> Answer {
    Answer::open_stream(events.iter().map(|event| format!("data: {event}\n\n")), Duration::ZERO)
}

/// A whole chat answer of OpenAI's.
pub(crate) const HELLO: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// A tool call of OpenAI's.
pub(crate) const TOOL_CALL: &str = r#"{"id":"chatcmpl-2","object":"chat.completion","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// The same in pieces.
pub(crate) const HELLO_STREAM: [&str; 6] = [
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"lo!"},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
    "[DONE]",
];

/// An error of OpenAI's.
pub(crate) fn error(message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"server_error","param":null,"code":null}}}}"#)
}
