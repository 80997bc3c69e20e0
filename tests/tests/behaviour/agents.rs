//! AGT-1, AGT-5, NET-4, CST-1, CST-2, CST-5: tool loops with thinking, counting, small packets, money.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use lockgate_testkit::upstream::Answer;
use serde_json::{Value, json};

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config, model},
    pace::Pace,
    upstreams::{self, ANTHROPIC, MODELS, OPENAI, good},
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
    // The answer names the model, too: some are charged by that name.
    let unknown = |_: &lockgate_testkit::upstream::Request| {
        Answer::json(200, &ANTHROPIC.replace("claude-sonnet-4-5", "claude-of-the-future"))
    };
    let (_upstream, models) = upstreams::start(unknown, "").await;
    let gateway =
        Gateway::start(&config(&models.replace("claude-sonnet-4-5", "claude-of-the-future"), "")).await;
    let answer = gateway.post(SURFACES[0], &ask("claude", false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-litellm-response-cost"), "");
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.lines().any(|line| line.contains("unpriced") && line.ends_with(" 1")), "{metrics}");
    assert!(gateway.log().contains("no price"), "{}", gateway.log());
}

/// CST-1: an answer without anything in it is an error and not a free success, relayed as well as translated.
#[tokio::test]
async fn an_empty_object_is_no_answer() {
    let bodies = ["{}", r#"{"choices":null,"data":{},"promptFeedback":{},"candidates":[]}"#];
    for body in bodies {
        nothing_is_no_answer(body).await;
    }
}

async fn nothing_is_no_answer(nothing: &'static str) {
    let (upstream, mut models) = upstreams::start(move |_| Answer::json(200, nothing), "").await;
    models += &model("gemini", "gemini/gemini-2.5-flash", &upstream.url(), "");
    let gateway = Gateway::start(&config(&models, "")).await;
    let calls = [
        (SURFACES[0], ask("openai", false)),
        (SURFACES[0], ask("claude", false)),
        (SURFACES[1], ask("openai", false)),
        (SURFACES[1], ask("claude", false)),
        ("/v1/embeddings", r#"{"model":"openai","input":"Hi"}"#.to_owned()),
        ("/v1beta/models/gemini:generateContent", r#"{"contents":[{"parts":[{"text":"Hi"}]}]}"#.to_owned()),
    ];
    for (path, body) in calls {
        let answer = gateway.post(path, &body).await;
        assert_eq!(answer.status, 500, "{path} {body}: {}", answer.text());
        assert!(answer.text().contains("The provider's answer has no "), "{path} {body}: {}", answer.text());
    }
}

/// CST-5: the provider's own figure and the price list's are both kept; where they differ, that is told and counted.
#[tokio::test]
async fn a_provider_s_own_cost_is_compared() {
    let own = |cost: f64| {
        let usage = format!("\"total_tokens\":22,\"cost\":{cost}");
        OPENAI.replace("\"total_tokens\":22", &usage)
    };
    // 14 tokens at 2.5 dollars and 8 at 10 dollars a million, a little more than that, and much more.
    let list = 0.000_115;
    let costs = [list, list * 1.005, list * 1.2];
    let next = AtomicUsize::new(0);
    let answer = move |_: &lockgate_testkit::upstream::Request| {
        let at = next.fetch_add(1, Ordering::Relaxed);
        Answer::json(200, &own(costs[at]))
    };
    let (_upstream, models) = upstreams::start(answer, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    for (cost, drifts) in costs.into_iter().zip([false, false, true]) {
        let answer = gateway.post(SURFACES[0], &ask("openai", false)).await;
        let billed: f64 = answer.header("x-litellm-response-cost").parse().unwrap();
        assert!((billed - cost).abs() < 1e-12, "{billed} is not {cost}");
        let record = gateway.call_with("call_id", answer.header("x-litellm-call-id")).await;
        let figure = |name: &str| record[name].as_f64().unwrap_or_else(|| panic!("no {name}: {record}"));
        assert!((figure("provider_cost_usd") - cost).abs() < 1e-12, "{record}");
        assert!((figure("list_cost_usd") - list).abs() < 1e-12, "{record}");
        assert_eq!(record["cost_drift"] == true, drifts, "{record}");
    }
    let metrics = gateway.get("/metrics").await.text();
    let drifts = metrics.lines().filter(|line| line.starts_with("lockgate_cost_drift_total"));
    assert_eq!(drifts.map(|line| line.rsplit(' ').next().unwrap_or_default()).collect::<Vec<_>>(), ["1"]);
    assert_eq!(gateway.log().matches("not that of the price list").count(), 1);
}

/// AGT-5: counting the tokens of a huge conversation does not hold up others.
#[tokio::test]
async fn counting_holds_nobody_up() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let text = "Several words of ordinary prose, repeated until they are a book. ".repeat(120_000);
    let huge = json!({"model": "gpt", "messages": [{"role": "user", "content": text}]}).to_string();
    let count = |body: String| gateway.open("/v1/messages/count_tokens", body);
    let small = json!({"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let counted = count(small.clone()).await.whole().await;
    assert_eq!(counted.status, 200, "{}", counted.text());
    assert!(counted.json()["input_tokens"].as_u64().unwrap() > 0);

    // The same bodies are read for another purpose first: what is left is the counting.
    let read = slowest_beside(&gateway, SURFACES[0], &huge).await;
    let pace = Pace::start();
    let counted = slowest_beside(&gateway, "/v1/messages/count_tokens", &huge).await;
    let bar = read * 2 + Duration::from_millis(50) + pace.stall();
    assert!(counted < bar, "a call took {counted:?} beside counting, {read:?} beside reading");
}

/// How long the slowest of many small calls takes while four huge ones are answered.
async fn slowest_beside(gateway: &Gateway, path: &str, huge: &str) -> Duration {
    let under_way = AtomicBool::new(true);
    let others = async {
        let replies = (0..4).map(|_| gateway.open(path, huge.to_owned()));
        for reply in futures_util::future::join_all(replies).await {
            let whole = reply.whole().await;
            assert_eq!(whole.status, 200, "{}", whole.text());
            let tokens = whole.json()["input_tokens"].as_u64();
            assert!(tokens.is_none_or(|tokens| tokens > 1_000_000), "{tokens:?}");
        }
        under_way.store(false, Ordering::Relaxed);
    };
    let small = async {
        let mut slowest = Duration::ZERO;
        while under_way.load(Ordering::Relaxed) {
            let start = Instant::now();
            assert_eq!(gateway.post(SURFACES[0], &ask("openai", false)).await.status, 200);
            slowest = slowest.max(start.elapsed());
        }
        slowest
    };
    tokio::join!(others, small).1
}
