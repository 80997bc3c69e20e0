//! Kept responses: they outlive the process, and a call in the background is paid for once.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lockgate_testkit::upstream::{Answer, Request};
use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, config},
    upstreams::{self, good},
};

const NATIVE: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-4o","output":[],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}"#;

const QUEUED: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"queued","background":true,"model":"gpt-4o","output":[],"usage":null}"#;

/// An event of the provider that keeps responses itself.
fn event(kind: &str, number: u32, response: &str) -> String {
    format!(
        "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},\"response\":{response}}}\n\n"
    )
}

fn native(request: &Request) -> Answer {
    let beginning = [event("response.created", 0, QUEUED), event("response.queued", 1, QUEUED)];
    let said = request.text();
    match (said.contains("\"background\":true"), said.contains("\"stream\":true")) {
        (true, true) => Answer::open_stream(beginning, Duration::ZERO).hang(),
        (true, false) => Answer::json(200, QUEUED),
        _ if request.target.contains("stream=true") => {
            Answer::stream([event("response.completed", 2, NATIVE)], Duration::ZERO)
        }
        _ => Answer::json(200, NATIVE),
    }
}

fn answer(request: &Request) -> Answer {
    if request.target.contains("/responses") {
        return native(request);
    }
    if request.text().contains("hang") {
        return Answer::open_stream([": working\n\n"], Duration::ZERO);
    }
    good(request)
}

async fn make(gateway: &Gateway, body: Value) -> Value {
    let made = gateway.post("/v1/responses", &body.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(fs::copy(entry.path(), target))
        }
    }
}

#[tokio::test]
async fn what_is_kept_outlives_the_process() {
    let (upstream, models) = upstreams::start(answer, "").await;
    let config = config(&models, "");
    let first = Gateway::start(&config).await;
    let kept = make(&first, json!({"model": "claude", "input": "My name is Ada."})).await;
    let native = make(&first, json!({"model": "openai", "input": "hi"})).await;
    let working = make(&first, json!({"model": "claude", "input": "hang", "background": true})).await;
    assert_eq!(working["status"], "queued");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = Gateway::start(&config).await;
    let folder = |gateway: &Gateway| gateway.config_file().with_file_name("responses");
    copy(&folder(&first), &folder(&second));
    drop(first);

    let read = second.get(&format!("/v1/responses/{}", kept["id"].as_str().unwrap())).await;
    assert_eq!(read.json(), kept);
    let next = json!({"model": "claude", "input": "And now?", "previous_response_id": kept["id"]});
    make(&second, next).await;
    let sent = upstream.requests().pop().unwrap().text();
    assert!(
        sent.contains("My name is Ada.") && sent.contains("Hello.") && sent.contains("And now?"),
        "{sent}"
    );
    let read = second.get(&format!("/v1/responses/{}", native["id"].as_str().unwrap())).await;
    assert_eq!(read.json()["id"], native["id"]);
    assert_eq!(upstream.requests().pop().unwrap().target, "/v1/responses/resp_1");
    let ended = second.get(&format!("/v1/responses/{}", working["id"].as_str().unwrap())).await.json();
    assert_eq!(ended["status"], "failed");
    assert!(ended["error"]["message"].as_str().unwrap().contains("restarted"), "{ended}");
}

#[tokio::test]
async fn a_call_in_the_background_is_paid_for_once() {
    let (_upstream, models) = upstreams::start(answer, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    let made = make(&gateway, json!({"model": "claude", "input": "hi", "background": true})).await;
    let path = format!("/v1/responses/{}", made["id"].as_str().unwrap());
    let read = loop {
        let read = gateway.get(&path).await.json();
        if read["status"] == "completed" {
            break read;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(read["usage"]["total_tokens"], 22);
    gateway.get(&path).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let log = gateway.log();
    let paid = log.lines().filter(|line| line.contains("lockgate::call")).count();
    assert_eq!(paid, 1, "{log}");
}

/// The costs of all calls so far, in the log.
async fn costs(gateway: &Gateway) -> Vec<f64> {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let log = gateway.log();
    let records = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let calls = records.filter(|record| record["target"] == "lockgate::call");
    let cost = |record: Value| match &record["cost_usd"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    calls.filter_map(cost).filter(|cost| *cost > 0.0).collect()
}

/// Whoever sees the end first pays: a client that asks, one that reads along, one that asks again.
#[tokio::test]
async fn what_a_provider_does_in_the_background_is_paid_for_once() {
    let (_upstream, models) = upstreams::start(answer, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    let made = make(&gateway, json!({"model": "openai", "input": "hi", "background": true})).await;
    assert_eq!(made["status"], "queued");
    let path = format!("/v1/responses/{}", made["id"].as_str().unwrap());
    let (first, second) = tokio::join!(gateway.get(&path), gateway.get(&path));
    for read in [first, second, gateway.get(&path).await] {
        assert_eq!((&read.json()["status"], &read.json()["id"]), (&json!("completed"), &made["id"]));
    }
    let along = gateway.get(&format!("{path}?stream=true")).await.text();
    assert!(along.contains("response.completed") && along.contains(made["id"].as_str().unwrap()), "{along}");
    let costs = costs(&gateway).await;
    assert!(matches!(costs[..], [cost] if (cost - 0.000_072_5).abs() < 1e-9), "{costs:?}");
}

/// Nobody comes back, and it is paid for all the same: the gateway itself asks, until it is over and no longer.
#[tokio::test]
async fn what_nobody_comes_back_for_is_paid_for_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let slow = move |request: &Request| match request.method.as_str() {
        "GET" if count.fetch_add(1, Ordering::SeqCst) == 0 => Answer::json(200, QUEUED),
        _ => native(request),
    };
    let (_upstream, models) = upstreams::start(slow, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    for stream in [false, true] {
        asked.store(0, Ordering::SeqCst);
        let body = json!({"model": "openai", "input": "hi", "background": true, "stream": stream});
        let mut made = gateway.open("/v1/responses", body.to_string()).await;
        made.next().await.unwrap().unwrap();
        drop(made);
        tokio::time::sleep(Duration::from_millis(4500)).await;
        assert_eq!(asked.load(Ordering::SeqCst), 2, "stream {stream}");
        let costs = costs(&gateway).await;
        assert_eq!(costs.len(), 1 + usize::from(stream), "{costs:?}");
        assert!(costs.iter().all(|cost| (cost - 0.000_072_5).abs() < 1e-9), "{costs:?}");
    }
}

/// What the client has deleted or seen the end of is not asked for again.
#[tokio::test]
async fn what_is_deleted_or_cancelled_is_not_followed() {
    let cancelled = QUEUED.replace("queued", "cancelled");
    let answer = move |request: &Request| match request.method.as_str() {
        "DELETE" => Answer::json(200, r#"{"id":"resp_1","object":"response.deleted","deleted":true}"#),
        _ if request.target.ends_with("/cancel") => Answer::json(200, &cancelled),
        _ => Answer::json(200, QUEUED),
    };
    let (upstream, models) = upstreams::start(answer, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for deletes in [true, false] {
        let made = make(&gateway, json!({"model": "openai", "input": "hi", "background": true})).await;
        let path = format!("/v1/responses/{}", made["id"].as_str().unwrap());
        let ended = match deletes {
            true => gateway.delete(&path).await,
            false => gateway.post(&format!("{path}/cancel"), "").await,
        };
        assert_eq!(ended.status, 200, "{}", ended.text());
        let before = upstream.requests().len();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(upstream.requests().len(), before, "deleted: {deletes}");
    }
}

#[tokio::test]
async fn a_native_stream_that_is_left_is_paid_for_once() {
    let (_upstream, models) = upstreams::start(answer, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    let body = json!({"model": "openai", "input": "hi", "background": true, "stream": true});
    let mut stream = gateway.open("/v1/responses", body.to_string()).await;
    let first = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    let id = first.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(id.len() > 20, "{first}");
    drop(stream);
    let path = format!("/v1/responses/{id}");
    let along = gateway.get(&format!("{path}?stream=true&starting_after=1")).await.text();
    assert!(along.contains("response.completed"), "{along}");
    assert_eq!(gateway.get(&path).await.json()["status"], "completed");
    let costs = costs(&gateway).await;
    assert!(matches!(costs[..], [cost] if (cost - 0.000_072_5).abs() < 1e-9), "{costs:?}");
}

/// A client that goes away does not end what it has sent to the background; a cancellation does.
#[tokio::test]
async fn the_background_goes_on_without_its_client() {
    let slow = |request: &Request| match request.text().contains("hang") {
        true => Answer::open_stream([upstreams::chunks(true)[0]], Duration::ZERO).hang(),
        false => Answer::stream(upstreams::chunks(true), Duration::from_millis(100)),
    };
    let (upstream, models) = upstreams::start(slow, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    let begin = async |said: &str| {
        let body = json!({"model": "claude", "input": said, "background": true, "stream": true});
        let mut stream = gateway.open("/v1/responses", body.to_string()).await;
        let first = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
        first.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let path = format!("/v1/responses/{}", begin("hi").await);
    assert_eq!(gateway.get(&path).await.json()["status"], "in_progress");
    let rest = gateway.get(&format!("{path}?stream=true&starting_after=1")).await.text();
    assert!(!rest.contains("response.queued") && rest.contains("event: response.completed"), "{rest}");
    assert_eq!(gateway.get(&path).await.json()["output"][0]["content"][0]["text"], "Hello.");
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(costs(&gateway).await.len(), 1);

    let path = format!("/v1/responses/{}", begin("hang").await);
    assert!(upstream.received(2, Duration::from_secs(5)).await);
    let cancelled = gateway.post(&format!("{path}/cancel"), "").await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert!(upstream.abandoned(Duration::from_secs(2)).await.is_some());
}

/// `use_chat_completions_api`: the provider's own Responses API is left alone, and the gateway keeps what it makes.
#[tokio::test]
async fn a_provider_may_be_asked_for_chats_only() {
    let (upstream, models) = upstreams::start(answer, "use_chat_completions_api: true").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let made = make(&gateway, json!({"model": "openai", "input": "My name is Ada."})).await;
    assert!(made["id"].as_str().unwrap().starts_with("resp_lg_"), "{made}");
    assert_eq!(made["output"][0]["content"][0]["text"], "Hello.");
    let next =
        json!({"model": "openai", "input": "And now?", "previous_response_id": made["id"], "stream": true});
    let next = gateway.post("/v1/responses", &next.to_string()).await.text();
    assert!(next.contains("event: response.completed"), "{next}");
    let requests = upstream.requests();
    assert!(requests.iter().all(|request| request.target == "/v1/chat/completions"));
    assert!(requests[1].text().contains("My name is Ada."));
    let working = make(&gateway, json!({"model": "openai", "input": "hang", "background": true})).await;
    let path = format!("/v1/responses/{}/cancel", working["id"].as_str().unwrap());
    assert_eq!(gateway.post(&path, "").await.json()["status"], "cancelled");
}

/// A response that fails before anything was said is answered by another deployment; without one the client gets the
/// provider's own events, and the books the failure.
#[tokio::test]
async fn a_response_that_failed_is_told_in_the_providers_words() {
    const FAILED: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"failed","model":"gpt-4o","output":[],"error":{"code":"server_error","message":"boom"},"usage":null}"#;
    let failing = |request: &Request| match request.target.contains("/responses") {
        true => Answer::stream(
            [event("response.created", 0, QUEUED), event("response.failed", 1, FAILED)],
            Duration::ZERO,
        ),
        false => good(request),
    };
    let (_upstream, models) = upstreams::start(failing, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = json!({"model": "openai", "input": "hi", "stream": true});
    let answer = gateway.open("/v1/responses", body.to_string()).await.whole().await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/event-stream"), "{:?}", answer.headers);
    let text = answer.text();
    assert!(text.starts_with("event: response.created\n") && text.contains("\"boom\""), "{text}");
    assert_eq!(text.matches("event: ").count(), 2, "{text}");
    let metrics = gateway.get("/metrics").await.text();
    for family in ["litellm_proxy_failed_requests_metric", "litellm_deployment_failure_responses"] {
        let counted = |line: &str| line.starts_with(family) && !line.ends_with(" 0");
        assert!(metrics.lines().any(counted), "{family}: {metrics}");
    }
    let body = json!({"model": "openai", "input": "hi", "stream": true, "fallbacks": ["claude"]});
    let answer = gateway.open("/v1/responses", body.to_string()).await.whole().await;
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "1", "{:?}", answer.headers);
    assert!(answer.text().contains("event: response.completed"), "{}", answer.text());
    let body = json!({"model": "openai", "input": "hi"});
    let whole = gateway.post("/v1/responses", &body.to_string()).await;
    assert!(whole.status >= 500, "{} {}", whole.status, whole.text());
}
