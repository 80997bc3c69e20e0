//! The library against a scripted Anthropic: the same calls, translated.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure of a test")]

mod support;

use lockgate_client::{Chat, Client, Event, message};
use lockgate_testkit::upstream::{Answer, Upstream};
use serde_json::{Value, json};
use support::upstream;

const THOUGHT: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"thinking","thinking":"France, then.","signature":"c2ln"},{"type":"text","text":"Paris."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":20,"cache_read_input_tokens":100,"output_tokens":7}}"#;

const STREAM: [(&str, &str); 11] = [
    (
        "message_start",
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":1}}}"#,
    ),
    (
        "content_block_start",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    ),
    (
        "content_block_delta",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"France, then."}}"#,
    ),
    (
        "content_block_delta",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
    ),
    ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
    (
        "content_block_start",
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
    ),
    ("ping", r#"{"type":"ping"}"#),
    (
        "content_block_delta",
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Paris."}}"#,
    ),
    ("content_block_stop", r#"{"type":"content_block_stop","index":1}"#),
    (
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}}"#,
    ),
    ("message_stop", r#"{"type":"message_stop"}"#),
];

fn client(upstream: &Upstream) -> Client {
    Client::builder()
        .key("anthropic", "sk-ant")
        .base_url("anthropic", upstream.url())
        .retries(0)
        .build()
        .unwrap()
}

fn question() -> Chat {
    Chat::new("anthropic/claude-sonnet-4-5").system("Be terse.").user("Capital of France?")
}

#[tokio::test]
async fn thinking_goes_back_as_it_came() {
    let upstream = upstream(vec![Answer::json(200, THOUGHT)]).await;
    let client = client(&upstream);
    let chat = question().reasoning_effort("low").max_tokens(4000);
    let answer = client.complete(&chat).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.reasoning()), ("Paris.", Some("France, then.")));
    assert_eq!((answer.usage().input, answer.usage().cache_read, answer.usage().output), (120, Some(100), 7));
    client.complete(chat.message(answer.message()).user("And of Italy?")).await.unwrap();
    let requests = upstream.requests();
    assert_eq!(requests[1].target, "/v1/messages");
    assert_eq!(requests[1].header("x-api-key"), Some("sk-ant"));
    let body: Value = serde_json::from_str(&requests[1].text()).unwrap();
    let block = json!({"type": "thinking", "thinking": "France, then.", "signature": "c2ln"});
    assert_eq!(body["messages"][1]["content"][0], block);
}

#[tokio::test]
async fn streams_are_translated_and_put_together() {
    let events = STREAM.map(|(name, data)| format!("event: {name}\ndata: {data}\n\n"));
    let upstream = upstream(vec![Answer::stream(events, std::time::Duration::ZERO)]).await;
    let client = client(&upstream);
    let mut stream = client.stream(question()).await.unwrap();
    let mut reasoning = String::new();
    while let Some(event) = stream.next().await {
        if let Event::Reasoning { text, .. } = event.unwrap() {
            reasoning.push_str(&text);
        }
    }
    assert_eq!(reasoning, "France, then.");
    assert_eq!((stream.meta().usage.input, stream.meta().usage.output), (20, 7));
    let answer = client.stream(question()).await.unwrap().collect().await.unwrap();
    assert_eq!((answer.text().as_str(), answer.reasoning()), ("Paris.", Some("France, then.")));
    let block = answer.message().thinking_blocks.unwrap().remove(0);
    assert_eq!(block.get(), r#"{"type":"thinking","thinking":"France, then.","signature":"c2ln"}"#);
}

#[tokio::test]
async fn the_provider_counts_tokens_and_an_estimate_stands_in() {
    let counting = upstream(vec![Answer::json(200, r#"{"input_tokens":17}"#)]).await;
    let tool = message::tool("f", "Does it", json!({"type": "object", "properties": {}}));
    let count = client(&counting).count_tokens(question().tool(tool)).await.unwrap();
    assert_eq!((count.tokens, count.exact), (17, true));
    assert_eq!(counting.requests()[0].target, "/v1/messages/count_tokens");
    let body: Value = serde_json::from_str(&counting.requests()[0].text()).unwrap();
    assert_eq!(body["tools"][0]["name"], "f");
    assert!(body.get("max_tokens").is_none());
    let down = upstream(vec![Answer::json(500, "{}")]).await;
    let count = client(&down).count_tokens(question()).await.unwrap();
    assert!(count.tokens > 5 && !count.exact);
}
