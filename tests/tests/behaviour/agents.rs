//! AGT-1, NET-4, CST-1, CST-2: tool loops with thinking, small packets, money.

use std::time::{Duration, Instant};

use lockgate_testkit::upstream::Answer;
use serde_json::{Value, json};

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config},
    upstreams::{self, MODELS, good},
};

const TURNS: usize = 6;

fn signature(turn: usize) -> String {
    format!("c2lnbmF0dXJl/+{turn}==")
}

/// Thinks, signs and calls a tool.
fn thinking_turn(request: &lockgate_testkit::upstream::Request) -> Answer {
    let turn = request.text().matches("\"tool_result\"").count();
    let body = json!({"id": "msg", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": null,
        "content": [{"type": "thinking", "thinking": format!("thought {turn}"), "signature": signature(turn)},
            {"type": "tool_use", "id": format!("toolu_{turn}"), "name": "f", "input": {"turn": turn}}],
        "usage": {"input_tokens": 1, "output_tokens": 1}});
    Answer::json(200, &body.to_string())
}

/// AGT-1: what the model signed in one turn comes back to it byte by byte in all later ones, on both surfaces.
#[tokio::test]
async fn signatures_survive_a_tool_loop() {
    let (upstream, models) = upstreams::start(thinking_turn, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for path in SURFACES {
        let mut messages = vec![json!({"role": "user", "content": "go"})];
        for turn in 0..TURNS {
            let mut body = json!({"model": "claude", "max_tokens": 4000, "messages": messages,
                "thinking": {"type": "enabled", "budget_tokens": 1024}});
            body["tools"] = match path {
                "/v1/messages" => json!([{"name": "f", "input_schema": {"type": "object"}}]),
                _ => {
                    json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])
                }
            };
            let answer = gateway.post(path, &body.to_string()).await;
            assert_eq!(answer.status, 200, "{path}, turn {turn}: {}", answer.text());
            let sent = upstream.requests().pop().unwrap().text();
            for earlier in 0..turn {
                let block = format!("\"signature\":\"{}\"", signature(earlier));
                assert!(sent.contains(&block), "{path}, turn {turn}: {block} is not in {sent}");
            }
            append_turn(&mut messages, path, &answer.json());
        }
    }
}

fn append_turn(messages: &mut Vec<Value>, path: &str, answer: &Value) {
    if path == "/v1/messages" {
        messages.push(json!({"role": "assistant", "content": answer["content"]}));
        let id = &answer["content"][1]["id"];
        messages.push(
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "ok"}]}),
        );
        return;
    }
    let message = &answer["choices"][0]["message"];
    assert!(message["thinking_blocks"][0]["signature"].is_string(), "{answer}");
    messages.push(message.clone());
    let id = &message["tool_calls"][0]["id"];
    messages.push(json!({"role": "tool", "tool_call_id": id, "content": "ok"}));
}

/// NET-4: small packets are not held back: no answer takes the 40 ms of a delayed acknowledgement.
#[tokio::test]
async fn small_packets_are_not_held_back() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in MODELS {
        let mut times = Vec::new();
        for _ in 0..30 {
            let start = Instant::now();
            assert_eq!(gateway.open(SURFACES[0], ask(model, true)).await.whole().await.status, 200);
            times.push(start.elapsed());
        }
        times.sort();
        assert!(times[15] < Duration::from_millis(30), "{model}: {times:?}");
    }
}

/// CST-1: an answer says what it costs, by the published price, and the metrics add it up.
#[tokio::test]
async fn answers_say_what_they_cost() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for path in SURFACES {
        let answer = gateway.post(path, &ask("claude", false)).await;
        // 14 tokens at 3 dollars and 8 at 15 dollars a million.
        let cost: f64 = answer.header("x-litellm-response-cost").parse().unwrap();
        assert!((cost - 0.000_162).abs() < 1e-9, "{path}: {cost}");
    }
    gateway.open(SURFACES[0], ask("claude", true)).await.whole().await;
    let metrics = gateway.get("/metrics").await.text();
    let spend = metrics.lines().filter(|line| line.contains("spend") && !line.starts_with('#'));
    let sum: f64 = spend.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, f64::max);
    assert!((sum - 3.0 * 0.000_162).abs() < 1e-9, "{sum}\n{metrics}");
}

/// CST-2: what has no price is said to have none; it is not free.
#[tokio::test]
async fn a_missing_price_is_told() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway =
        Gateway::start(&config(&models.replace("claude-sonnet-4-5", "claude-of-the-future"), "")).await;
    let answer = gateway.post(SURFACES[0], &ask("claude", false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-litellm-response-cost"), "");
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.lines().any(|line| line.contains("unpriced") && line.ends_with(" 1")), "{metrics}");
    assert!(gateway.log().contains("no price"), "{}", gateway.log());
}
