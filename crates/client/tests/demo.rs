//! The built-in model that needs no key and no network.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure of a test")]

use lockgate_client::{Chat, Client, Embed, ErrorKind, Event, message};
use serde_json::json;

fn client() -> Client {
    Client::builder().build().unwrap()
}

#[tokio::test]
async fn completes() {
    let answer = client().complete(Chat::new("demo/echo").user("Hi there")).await.unwrap();
    assert_eq!(answer.text(), "You said: Hi there");
    assert_eq!((answer.usage().input, &*answer.meta.provider, &*answer.meta.model), (2, "demo", "echo"));
}

#[tokio::test]
async fn streams() {
    let client = client();
    let mut stream = client.stream(Chat::new("demo/echo").user("Hi")).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Event::Start { .. }))));
    let mut texts = stream.text();
    let mut whole = String::new();
    while let Some(text) = texts.next().await {
        whole.push_str(&text.unwrap());
    }
    assert_eq!(whole, "You said: Hi");
    assert_eq!(texts.meta().usage.input, 1);
    let answer = client.stream(Chat::new("demo/echo").user("Hi")).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.text(), "You said: Hi");
}

#[tokio::test]
async fn calls_tools() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let chat =
        Chat::new("demo/echo").user("Weather?").tool(message::tool("weather", "Weather of a city", schema));
    let client = client();
    let answer = client.complete(&chat).await.unwrap();
    let call = answer.tool_calls().first().unwrap();
    assert_eq!(call.function.as_ref().unwrap().name.as_deref(), Some("weather"));
    let chat = chat.message(answer.message()).tool_result(call.id.clone().unwrap(), "18 °C");
    assert_eq!(client.complete(&chat).await.unwrap().text(), "You said: 18 °C");
}

#[tokio::test]
async fn embeds_and_counts() {
    let client = client();
    let answer = client.embed(Embed::new("demo/echo").inputs(["one", "two"])).await.unwrap();
    assert_eq!((answer.vectors.len(), answer.vectors[0].len()), (2, 8));
    assert_ne!(answer.vectors[0], answer.vectors[1]);
    let chat = Chat::new("openai/gpt-4o").user("What is the capital of France?");
    let count = client.count_tokens(chat).await.unwrap();
    assert_eq!((count.tokens, count.exact), (14, true));
}

#[tokio::test]
async fn unknown_models_and_bad_requests_are_told_apart() {
    let client = client();
    let error = client.complete(Chat::new("no-such-model").user("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("no-such-model"), "{error}");
    let error = client.complete(Chat::new("").user("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    let error = client.complete(Chat::new("openai/gpt-4o").user("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.message().contains("OPENAI_API_KEY"), "{error}");
}
