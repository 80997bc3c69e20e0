//! Kept responses: they outlive the process, and a call in the background is paid for once.

use std::{fs, path::Path, time::Duration};

use lockgate_testkit::upstream::{Answer, Request};
use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, config},
    upstreams::{self, good},
};

const NATIVE: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-4o","output":[],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}"#;

fn answer(request: &Request) -> Answer {
    if request.target.contains("/responses") {
        return Answer::json(200, NATIVE);
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
