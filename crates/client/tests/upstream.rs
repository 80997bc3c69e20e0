//! The library against a scripted upstream.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure of a test")]

mod support;

use std::time::Duration;

use lockgate_client::{Chat, Client, Deployment, ErrorKind, Event, Pricing, Usage, message};
use lockgate_testkit::upstream::{Answer, Request, Upstream};
use serde_json::{Value, json};
use support::{HELLO, HELLO_STREAM, TOOL_CALL, error, open_sse, sse, upstream};

fn client(upstream: &Upstream) -> Client {
    Client::builder().key("openai", "sk-test").base_url("openai", upstream.url()).retries(0).build().unwrap()
}

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.text()).unwrap()
}

fn hi(model: &str) -> Chat {
    Chat::new(model).user("Hi")
}

#[tokio::test]
async fn completes_with_usage_and_any_extra_field() {
    let upstream = upstream(vec![Answer::json(200, HELLO)]).await;
    let chat =
        hi("openai/gpt-4o").temperature(0.5).extra("frobnicate", json!({"x": [1]})).header("x-team", "blue");
    let answer = client(&upstream).complete(chat).await.unwrap();
    assert_eq!(answer.text(), "Hello!");
    assert_eq!((answer.usage().input, answer.usage().output), (9, 2));
    let request = &upstream.requests()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/chat/completions"));
    assert_eq!(request.header("authorization"), Some("Bearer sk-test"));
    assert_eq!(request.header("x-team"), Some("blue"));
    let body = body(request);
    let expected = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "frobnicate": {"x": [1]}});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn streams_text_and_usage() {
    let upstream = upstream(vec![sse(&HELLO_STREAM)]).await;
    let client = client(&upstream);
    let mut texts = client.stream(hi("openai/gpt-4o")).await.unwrap().text();
    let mut pieces = Vec::new();
    while let Some(text) = texts.next().await {
        pieces.push(text.unwrap());
    }
    pieces.retain(|piece| !piece.is_empty());
    assert_eq!(pieces, ["Hel", "lo!"]);
    assert_eq!((texts.meta().usage.input, texts.meta().usage.output), (9, 2));
    let answer = client.stream(hi("openai/gpt-4o")).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.text(), "Hello!");
    let body = body(&upstream.requests()[0]);
    assert_eq!(body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn two_clients_with_different_keys_live_side_by_side() {
    let upstream = upstream(vec![Answer::json(200, HELLO)]).await;
    let one = Client::builder().key("openai", "sk-one").base_url("openai", upstream.url()).build().unwrap();
    let two = Client::builder().key("openai", "sk-two").base_url("openai", upstream.url()).build().unwrap();
    for round in 0..4 {
        let (first, second) =
            tokio::join!(one.complete(hi("openai/gpt-4o")), two.complete(hi("openai/gpt-4o")));
        assert_eq!(
            (first.unwrap().text(), second.unwrap().text()),
            ("Hello!".to_owned(), "Hello!".to_owned())
        );
        let requests = upstream.requests();
        let keys: Vec<_> =
            requests[round * 2..].iter().map(|request| request.header("authorization")).collect();
        assert!(keys.contains(&Some("Bearer sk-one")) && keys.contains(&Some("Bearer sk-two")), "{keys:?}");
    }
    assert!(!format!("{one:?} {:?}", Client::builder().key("openai", "sk-one")).contains("sk-one"));
}

#[tokio::test]
async fn two_clients_may_pay_different_prices_at_one_time() {
    let upstream = upstream(vec![Answer::json(200, HELLO)]).await;
    let priced = |price: f64| {
        let deployment = Deployment::new("mine", "openai/my-model").with("api_base", upstream.url());
        let deployment = deployment.with("api_key", "k").with("input_cost_per_token", price);
        Client::builder().deployment(deployment.with("output_cost_per_token", price)).build().unwrap()
    };
    let (cheap, dear) = (priced(0.001), priced(0.1));
    let call = |client: Client| tokio::spawn(async move { client.complete(hi("mine")).await });
    let (first, second) = tokio::join!(call(cheap.clone()), call(dear));
    assert_eq!(first.unwrap().unwrap().cost().unwrap().to_string(), "0.011");
    assert_eq!(second.unwrap().unwrap().cost().unwrap().to_string(), "1.1");
    let usage = Usage { input: 1, output: 1, ..Usage::default() };
    assert_eq!(cheap.cost("mine", &usage).unwrap().cost().unwrap().total.to_string(), "0.002");
    assert!(matches!(
        cheap.cost("openai/no-such-model", &usage).unwrap(),
        Pricing::Unpriced { known: false, .. }
    ));
}

#[tokio::test]
async fn falls_back_to_another_model_and_retries_another_deployment() {
    let broken = upstream(vec![Answer::json(500, &error("broken"))]).await;
    let sound = upstream(vec![Answer::json(200, HELLO)]).await;
    let client = Client::builder()
        .deployment(
            Deployment::new("fast", "openai/gpt-4o-mini").with("api_key", "a").with("api_base", broken.url()),
        )
        .deployment(
            Deployment::new("good", "openai/gpt-4o").with("api_key", "b").with("api_base", sound.url()),
        )
        .fallback("fast", ["good"])
        .retries(0)
        .build()
        .unwrap();
    let answer = client.complete(hi("fast")).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.meta.fallbacks, &*answer.meta.model), ("Hello!", 1, "gpt-4o"));
    let error = client.complete(hi("fast").extra("disable_fallbacks", true)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.provider(), error.model()),
        (ErrorKind::Internal, Some("openai"), Some("fast"))
    );
    let twins = Client::builder()
        .deployment(
            Deployment::new("twins", "openai/a")
                .with("api_key", "a")
                .with("api_base", broken.url())
                .with("order", 1),
        )
        .deployment(
            Deployment::new("twins", "openai/b")
                .with("api_key", "b")
                .with("api_base", sound.url())
                .with("order", 2),
        )
        .retries(1)
        .build()
        .unwrap();
    let answer = twins.complete(hi("twins")).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.meta.retries), ("Hello!", 1));
}

#[tokio::test]
async fn a_stream_that_fails_before_its_content_is_answered_by_another_model() {
    let broken = upstream(vec![sse(&[r#"{"error":{"message":"overloaded","type":"server_error"}}"#])]).await;
    let sound = upstream(vec![sse(&HELLO_STREAM)]).await;
    let client = Client::builder()
        .deployment(
            Deployment::new("fast", "openai/gpt-4o").with("api_key", "a").with("api_base", broken.url()),
        )
        .deployment(
            Deployment::new("good", "openai/gpt-4o").with("api_key", "b").with("api_base", sound.url()),
        )
        .retries(0)
        .build()
        .unwrap();
    let stream = client.stream(hi("fast").fallbacks(["good"])).await.unwrap();
    assert_eq!(stream.collect().await.unwrap().text(), "Hello!");
}

#[tokio::test]
async fn a_stream_that_is_cut_off_says_so() {
    let upstream = upstream(vec![open_sse(&HELLO_STREAM[..3]).close()]).await;
    let mut stream = client(&upstream).stream(hi("openai/gpt-4o")).await.unwrap();
    let mut text = String::new();
    let error = loop {
        match stream.next().await {
            Some(Ok(Event::Text { text: piece, .. })) => text.push_str(&piece),
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the stream ended as if it were whole"),
        }
    };
    assert_eq!(text, "Hello!");
    assert!(error.kind().status() >= 500, "{error:?}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn dropping_a_call_or_a_stream_hangs_up() {
    let patience = Duration::from_secs(2);
    let upstream = support::upstream(vec![open_sse(&HELLO_STREAM[..3]).hang()]).await;
    let mut stream = client(&upstream).stream(hi("openai/gpt-4o")).await.unwrap();
    assert!(stream.next().await.is_some());
    drop(stream);
    assert!(upstream.abandoned(patience).await.is_some());

    let upstream = support::upstream(vec![Answer::json(200, HELLO).after(Duration::from_secs(60))]).await;
    let client = client(&upstream);
    let call = client.complete(hi("openai/gpt-4o"));
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    assert!(upstream.abandoned(patience).await.is_some());
}

#[tokio::test]
async fn errors_can_be_matched_on() {
    for (status, kind) in [
        (400, ErrorKind::BadRequest),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::PermissionDenied),
        (404, ErrorKind::NotFound),
        (422, ErrorKind::Unprocessable),
        (429, ErrorKind::RateLimit),
        (500, ErrorKind::Internal),
        (503, ErrorKind::ServiceUnavailable),
    ] {
        let upstream = upstream(vec![Answer::json(status, &error("no"))]).await;
        let failure = client(&upstream).complete(hi("openai/gpt-4o")).await.unwrap_err();
        assert_eq!((failure.kind(), failure.status()), (kind, Some(status)), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("sk-test"));
    }
    let slow = upstream(vec![Answer::json(200, HELLO).after(Duration::from_secs(60))]).await;
    let chat = hi("openai/gpt-4o").timeout(Duration::from_millis(100));
    assert_eq!(client(&slow).complete(chat).await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_tool_loop_keeps_its_history() {
    let upstream = upstream(vec![Answer::json(200, TOOL_CALL), Answer::json(200, HELLO)]).await;
    let client = client(&upstream);
    let tool = message::tool(
        "get_weather",
        "Weather",
        json!({"type": "object", "properties": {"city": {"type": "string"}}}),
    );
    let chat = hi("openai/gpt-4o").tool(tool);
    let answer = client.complete(&chat).await.unwrap();
    let call = answer.tool_calls()[0].clone();
    assert_eq!(call.function.unwrap().arguments.as_deref(), Some(r#"{"city":"Paris"}"#));
    let chat = chat.message(answer.message()).tool_result(call.id.unwrap(), "18 °C");
    assert_eq!(client.complete(&chat).await.unwrap().text(), "Hello!");
    let body = body(&upstream.requests()[1]);
    assert_eq!(body["messages"][1]["tool_calls"][0]["id"], "call_1");
    assert_eq!(body["messages"][2], json!({"role": "tool", "content": "18 °C", "tool_call_id": "call_1"}));
}

#[tokio::test]
async fn usage_that_a_provider_leaves_out_is_counted_and_flagged() {
    let silent = HELLO.split(r#","usage""#).next().unwrap().to_owned() + "}";
    let upstream = upstream(vec![Answer::json(200, &silent)]).await;
    let chat = Chat::new("openai/gpt-4o").user("What is the capital of France?");
    let answer = client(&upstream).complete(chat).await.unwrap();
    let usage = answer.usage();
    assert_eq!((usage.input, usage.output, usage.estimated), (14, 2, true));
}
