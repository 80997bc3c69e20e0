//! Embeddings in parts: more inputs than a provider takes at once are asked for in several requests and answered as
//! one.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use lockgate_testkit::upstream::{Answer, Request, Upstream};
use serde_json::{Value, json};

use crate::{
    client::Whole,
    gateway::{Gateway, config, model},
};

/// What a Cohere takes at once, and a Gemini.
const COHERE: usize = 96;
const GEMINI: usize = 100;

/// Vectors that tell which text they are of: the number in it.
fn vector(text: &str) -> Value {
    let number: f64 = text.trim_start_matches("text ").parse().unwrap();
    json!([number, 0.5])
}

fn cohere(request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let texts: Vec<&str> =
        body["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!(texts.len() <= COHERE, "{} texts at once", texts.len());
    let vectors: Vec<Value> = texts.iter().map(|text| vector(text)).collect();
    let answer = json!({"id": "e", "embeddings": {"float": vectors}, "texts": texts,
        "meta": {"billed_units": {"input_tokens": 2 * texts.len()}}});
    // The first part takes the longest: answers are put in order, not taken as they come.
    let delay = if texts.contains(&"text 0") { 120 } else { 5 };
    Answer::json(200, &answer.to_string()).after(Duration::from_millis(delay))
}

fn gemini(request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let requests = body["requests"].as_array().unwrap();
    assert!(requests.len() <= GEMINI, "{} texts at once", requests.len());
    let one = |one: &Value| json!({"values": vector(one["content"]["parts"][0]["text"].as_str().unwrap())});
    Answer::json(200, &json!({"embeddings": requests.iter().map(one).collect::<Vec<Value>>()}).to_string())
}

async fn started(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> (Upstream, Gateway) {
    let upstream = Upstream::start(handler).await.unwrap();
    let models = model("embed", "cohere/embed-english-v3.0", &upstream.url(), "")
        + &model("gem", "gemini/gemini-embedding-001", &upstream.url(), "");
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    (upstream, gateway)
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("text {at}")).collect()
}

async fn embed(gateway: &Gateway, body: &Value) -> Whole {
    gateway.post("/v1/embeddings", &body.to_string()).await
}

/// Order, indexes, usage and cost are those of one answer.
#[tokio::test]
async fn a_large_batch_is_asked_for_in_parts() {
    let (upstream, gateway) = started(cohere).await;
    let one = embed(&gateway, &json!({"model": "embed", "input": texts(COHERE)})).await;
    assert_eq!((one.status, upstream.requests().len()), (200, 1), "{}", one.text());
    let answer = embed(&gateway, &json!({"model": "embed", "input": texts(1000)})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(upstream.requests().len(), 1 + 1000_usize.div_ceil(COHERE));
    assert!(upstream.connections() <= 5, "{} at once", upstream.connections());
    let body = answer.json();
    let data = body["data"].as_array().unwrap();
    assert_eq!(data.len(), 1000);
    for (at, item) in data.iter().enumerate() {
        assert_eq!(
            (item["index"].as_u64(), item["embedding"][0].as_f64()),
            (Some(at as u64), Some(at as f64))
        );
    }
    assert_eq!(body["usage"], json!({"prompt_tokens": 2000, "total_tokens": 2000}));
    let cost = |answer: &Whole| answer.header("x-litellm-response-cost").parse::<f64>().unwrap();
    let expected = cost(&one) * 2000.0 / (2.0 * COHERE as f64);
    assert!((cost(&answer) - expected).abs() < 1e-12, "{} is not {expected}", cost(&answer));
}

/// Each format in which clients ask, over each limit; base64 is made here.
#[tokio::test]
async fn parts_in_every_format() {
    let handler = |request: &Request| {
        if request.target.contains("models/") { gemini(request) } else { cohere(request) }
    };
    let (_upstream, gateway) = started(handler).await;
    let input = texts(205);
    for model in ["embed", "gem"] {
        let packed = embed(&gateway, &json!({"model": model, "input": input, "encoding_format": "base64"}))
            .await
            .json();
        // 204.0 and 0.5 as little-endian floats.
        assert_eq!(packed["data"][204]["embedding"], "AABMQwAAAD8=", "{model}");
        let own = json!({"model": model, "texts": input, "input_type": "search_document", "embedding_types": ["float"]});
        let own = gateway.post("/v2/embed", &own.to_string()).await;
        assert_eq!(own.status, 200, "{}", own.text());
        assert_eq!(own.json()["embeddings"]["float"][204][0], 204.0, "{model}");
        assert_eq!(own.json()["texts"][204], "text 204");
        let requests: Vec<Value> =
            input.iter().map(|text| json!({"content": {"parts": [{"text": text}]}})).collect();
        let own = gateway
            .post(
                &format!("/v1beta/models/{model}:batchEmbedContents"),
                &json!({"requests": requests}).to_string(),
            )
            .await;
        assert_eq!(own.status, 200, "{}", own.text());
        assert_eq!(own.json()["embeddings"][204]["values"][0], 204.0, "{model}");
    }
}

/// A part that fails fails the call with the provider's words; what the others cost stays on the record.
#[tokio::test]
async fn a_failed_part_fails_the_whole() {
    let seen = AtomicUsize::new(0);
    let handler = move |request: &Request| match seen.fetch_add(1, Ordering::Relaxed) {
        0..4 => cohere(request),
        _ => {
            Answer::json(429, r#"{"message":"too many tokens this month"}"#).after(Duration::from_millis(300))
        }
    };
    let (_upstream, gateway) = started(handler).await;
    let answer = embed(&gateway, &json!({"model": "embed", "input": texts(600)})).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.text().contains("too many tokens this month"));
    let record = gateway.call_with("status", 429).await;
    assert_eq!(record["input_tokens"], 4 * 2 * COHERE as u64, "{record}");
    assert!(record["cost_usd"].as_f64().unwrap() > 0.0, "{record}");
}

/// Token ids become texts for providers that take nothing else; ids that no one knows are refused.
#[tokio::test]
async fn token_ids_become_texts() {
    let handler = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let count = body["texts"].as_array().unwrap().len();
        let answer = json!({"embeddings": {"float": vec![[1.0]; count]}, "meta": {"billed_units": {"input_tokens": 3}}});
        Answer::json(200, &answer.to_string())
    };
    let (upstream, gateway) = started(handler).await;
    for (input, texts) in [
        (json!([15339, 1917]), json!(["hello world"])),
        (json!([[15339], [1917]]), json!(["hello", " world"])),
    ] {
        let answer = embed(&gateway, &json!({"model": "embed", "input": input})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent: Value = serde_json::from_slice(&upstream.requests().pop().unwrap().body).unwrap();
        assert_eq!(sent["texts"], texts);
    }
    let refused = embed(&gateway, &json!({"model": "embed", "input": [4_000_000_000_u32]})).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.json()["error"]["param"], "input");
    assert_eq!(upstream.requests().len(), 2);
}
