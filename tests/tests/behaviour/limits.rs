//! TMO-1, TMO-3, NET-2, BAT-3, MEM-2: limits in time and size.

use std::time::{Duration, Instant};

use lockgate_testkit::{grammar, upstream::Answer};

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config, model},
    pace::Pace,
    unreachable::Unreachable,
    upstreams::{self, MODELS, begun, good},
};

/// The limit of every test, and how late it may be enforced, besides what the machine itself is late.
const LIMIT: Duration = Duration::from_millis(400);
const BAR: Duration = Duration::from_millis(50);

fn in_time(start: Instant, pace: &Pace, place: &str) {
    let took = start.elapsed();
    assert!(took >= LIMIT - Duration::from_millis(20), "{place}: after {took:?}, too early");
    assert!(took < LIMIT + BAR + pace.stall(), "{place}: only after {took:?}");
}

/// TMO-1, TMO-3: the total, before anything has come.
#[tokio::test]
async fn the_total_limit_is_a_timeout_error() {
    let (_upstream, models) = upstreams::start(|_| Answer::default().hang(), "timeout: 0.4").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let pace = Pace::start();
    for model in MODELS {
        for (path, stream) in [(SURFACES[0], false), (SURFACES[0], true), (SURFACES[1], false)] {
            let place = format!("{model} at {path}, stream {stream}");
            let start = Instant::now();
            let answer = gateway.open(path, ask(model, stream)).await.whole().await;
            in_time(start, &pace, &place);
            assert_eq!(answer.status, 408, "{place}: {}", answer.text());
            assert!(answer.json()["error"]["message"].is_string(), "{place}");
        }
    }
}

/// TMO-1: the first byte of a stream has a limit of its own.
#[tokio::test]
async fn the_first_byte_limit() {
    let (_upstream, models) = upstreams::start(
        |_| Answer::open_stream([""; 0], Duration::ZERO).hang(),
        "timeout: 20, stream_timeout: 0.4",
    )
    .await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let pace = Pace::start();
    for model in MODELS {
        let start = Instant::now();
        let answer = gateway.open(SURFACES[0], ask(model, true)).await.whole().await;
        in_time(start, &pace, model);
        assert_eq!(answer.status, 408, "{model}: {}", answer.text());
    }
}

/// TMO-1, TMO-3: silence in the middle of a stream, and its total, end it with an error in the client's protocol.
#[tokio::test]
async fn a_stream_that_falls_silent_ends_in_an_error() {
    for params in ["idle_timeout: 0.4", "timeout: 0.4"] {
        let (upstream, models) = upstreams::start(|request| begun(request).hang(), params).await;
        let gateway = Gateway::start(&config(&models, "")).await;
        // The tokenizer that estimates what was consumed is loaded by the first call that needs it.
        gateway.open(SURFACES[0], ask("gpt", true)).await.whole().await;
        let pace = Pace::start();
        for model in MODELS {
            for path in SURFACES {
                let place = format!("{params}, {model} at {path}");
                let mut start = Instant::now();
                let (mut reply, mut text) = (gateway.open(path, ask(model, true)).await, String::new());
                while let Some(bytes) = reply.next().await {
                    text += &String::from_utf8_lossy(&bytes.unwrap());
                    if params.starts_with("idle")
                        && text.ends_with("Hel\"}}\n\n") | text.ends_with("null}]}\n\n")
                    {
                        start = Instant::now();
                    }
                }
                in_time(start, &pace, &place);
                let ending = grammar::check(if path == SURFACES[1] { "anthropic" } else { "openai" }, &text);
                assert!(ending.text == "Hel" && ending.error.is_some(), "{place}: {text}");
            }
        }
        assert!(upstream.abandoned(Duration::from_secs(2)).await.is_some(), "the upstream is still held");
    }
}

/// TMO-1: no connection comes about: the limit on connecting is the shortest, and counts.
#[tokio::test]
async fn the_connect_limit() {
    let upstream = Unreachable::bind();
    let provider =
        |name: &str, model_: &str| model(name, model_, &upstream.url(), "connect_timeout: 0.4, timeout: 20");
    let models = provider("gpt", "hosted_vllm/gpt-4o") + &provider("claude", "anthropic/claude-sonnet-4-5");
    let gateway = Gateway::start(&config(&models, "")).await;
    let pace = Pace::start();
    for model in MODELS {
        for (path, stream) in [(SURFACES[0], false), (SURFACES[0], true), (SURFACES[1], true)] {
            let place = format!("{model} at {path}, stream {stream}");
            let start = Instant::now();
            let answer = gateway.open(path, ask(model, stream)).await.whole().await;
            in_time(start, &pace, &place);
            assert!(matches!(answer.status, 408 | 504), "{place}: {} {}", answer.status, answer.text());
            assert!(answer.text().to_lowercase().contains("connect"), "{place}: {}", answer.text());
            assert_eq!(upstream.attempts(), 0, "{place}: it goes on connecting");
        }
    }
}

/// NET-2: an upstream that closes idle connections is not seen by clients.
#[tokio::test]
async fn idle_connections_that_close_are_not_seen() {
    let (upstream, models) =
        upstreams::start(|request| good(request).wait(Duration::from_millis(15)).close(), "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for round in 0..60_u64 {
        let answer = gateway.post(SURFACES[0], &ask("gpt", false)).await;
        assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(round % 25)).await;
    }
    assert!(upstream.connections() > 1);
}

/// BAT-3: the limit on bodies is configurable and answers 413 in the client's protocol.
#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let (upstream, models) = upstreams::start(good, "").await;
    let more = format!("general_settings: {{master_key: {}, max_request_size_mb: 1}}\n", crate::gateway::KEY);
    let gateway = Gateway::start(
        &config(&models, "")
            .replace(&format!("general_settings: {{master_key: {}}}\n", crate::gateway::KEY), &more),
    )
    .await;
    let body = |size: usize| ask("gpt", false).replace("hi", &"x".repeat(size));
    for path in SURFACES {
        let small = gateway.open(path, body(900_000)).await.whole().await;
        assert_eq!(small.status, 200, "{path}: {}", small.text());
        let large = gateway.open(path, body(1_200_000)).await.whole().await;
        assert_eq!(large.status, 413, "{path}: {}", large.text());
        assert!(large.json()["error"]["message"].is_string());
        assert_eq!(path == "/v1/messages", large.json()["type"] == "error");
    }
    assert_eq!(upstream.requests().len(), 2);
}

/// BAT-3: without a setting, 30 MB pass.
#[tokio::test]
async fn large_bodies_pass_by_default() {
    let (upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = ask("gpt", false).replace("hi", &"x".repeat(30_000_000));
    let answer = gateway.open(SURFACES[0], body).await.whole().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(upstream.requests()[0].body.len() > 30_000_000);
}

/// So many streams at once to begin with, so many more then, and the KiB that each of those may take.
const FEW: usize = 16;
const MORE: usize = 48;
const EACH: u64 = 256;

/// MEM-2, in small: streams of 1.5 MB whose clients read nothing for a while, so that all that may
/// wait for them does, take 256 KiB each at most, however many there are.
#[tokio::test]
async fn long_streams_take_little_memory() {
    let piece = format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}]}}\n\n",
        "x".repeat(30_000)
    );
    let handler = move |_: &lockgate_testkit::upstream::Request| {
        let pieces = std::iter::repeat_n(piece.as_str(), 50);
        let end = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        Answer::stream(pieces.chain([end]), Duration::ZERO)
    };
    let (_upstream, models) = upstreams::start(handler, "").await;
    for (model, path) in [("openai", SURFACES[0]), ("gpt", SURFACES[0]), ("gpt", SURFACES[1])] {
        let gateway = Gateway::start(&config(&models, "")).await;
        // What the first stream alone needs (tables of tokens) is not counted.
        waiting(&gateway, model, path, 1).await;
        let few = waiting(&gateway, model, path, FEW).await;
        let all = waiting(&gateway, model, path, FEW + MORE).await;
        let each = all.saturating_sub(few) / MORE as u64;
        assert!(each < EACH, "{model} at {path}: a stream takes {each} KiB");
    }
}

/// The memory of the gateway, in KiB, while each of so many clients has read a part of its stream
/// and waits for all others to have done so; then they read to the end.
async fn waiting(gateway: &Gateway, model: &str, path: &str, streams: usize) -> u64 {
    let together = tokio::sync::Barrier::new(streams);
    let read = (0..streams).map(|_| async {
        let mut reply = gateway.open(path, ask(model, true)).await;
        let (mut read, mut memory) = (0, None);
        while let Some(bytes) = reply.next().await {
            read += bytes.unwrap().len();
            if memory.is_none() && read > 500_000 {
                together.wait().await;
                memory = Some(gateway.memory());
            }
        }
        assert!(read > 1_500_000, "{model} at {path}: only {read} bytes");
        memory
    });
    futures_util::future::join_all(read).await.into_iter().flatten().max().unwrap_or(0)
}
