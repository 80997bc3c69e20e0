//! STR-4, STR-6, STR-7 and ERR-2 of streams.

use std::time::{Duration, Instant};

use lockgate_testkit::upstream::Answer;

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config},
    upstreams::{self, MODELS, begun, chunks, is_anthropic},
};

/// STR-4: however an upstream's stream ends before its time, the client gets an error in its own protocol.
#[tokio::test]
async fn a_broken_stream_ends_in_an_error_of_the_clients_protocol() {
    let endings: [fn(Answer) -> Answer; 4] = [
        |answer| answer.then("0\r\n\r\n"),
        Answer::close,
        |answer| answer.wait(Duration::from_millis(20)).reset(),
        |answer| answer.then("zz\r\n"),
    ];
    for (number, ending) in endings.into_iter().enumerate() {
        let (_upstream, models) = upstreams::start(move |request| ending(begun(request)), "").await;
        let gateway = Gateway::start(&config(&models, "")).await;
        for model in MODELS {
            for path in SURFACES {
                let place = format!("ending {number}, {model} at {path}");
                let answer = gateway.open(path, ask(model, true)).await.whole().await;
                let text = answer.text();
                assert_eq!(answer.status, 200, "{place}: {text}");
                assert!(text.contains("Hel"), "{place}: what came before is lost: {text}");
                let ending = answer.stream(path);
                assert!(ending.error.is_some() && !ending.finished, "{place}: {text}");
                assert!(!answer.broken, "{place}: the HTTP body is broken as well");
            }
        }
    }
}

/// STR-4: an error event of the upstream is told as an error.
#[tokio::test]
async fn an_error_event_is_told() {
    let error = |anthropic: bool| {
        if anthropic {
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Too busy 4711.\"}}\n\n"
        } else {
            "data: {\"error\":{\"message\":\"Too busy 4711.\",\"type\":\"server_error\",\"code\":null}}\n\n"
        }
    };
    let handler = move |request: &lockgate_testkit::upstream::Request| {
        let event = error(is_anthropic(request));
        begun(request).then(format!("{:x}\r\n{event}\r\n0\r\n\r\n", event.len()))
    };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in MODELS {
        for path in SURFACES {
            let answer = gateway.open(path, ask(model, true)).await.whole().await;
            let ending = answer.stream(path);
            let told = ending.error.unwrap_or_else(|| panic!("{model} at {path}: {}", answer.text()));
            assert!(told.to_string().contains("Too busy 4711."), "{model} at {path}: {told}");
        }
    }
}

/// LEK-1: a provider that quotes its key in the middle of a stream does not tell it to the client.
#[tokio::test]
async fn a_key_in_an_error_event_is_masked() {
    let handler = move |request: &lockgate_testkit::upstream::Request| {
        let key = request.header("authorization").or(request.header("x-api-key")).unwrap_or("").to_owned();
        let error = format!("{{\"type\":\"authentication_error\",\"message\":\"Expired 4711: {key}\"}}");
        let event = match is_anthropic(request) {
            true => format!("event: error\ndata: {{\"type\":\"error\",\"error\":{error}}}\n\n"),
            false => format!("data: {{\"error\":{error}}}\n\n"),
        };
        begun(request).then(format!("{:x}\r\n{event}\r\n0\r\n\r\n", event.len()))
    };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in ["gpt", "claude", "openai"] {
        let answer = gateway.open(SURFACES[0], ask(model, true)).await.whole().await;
        let told = answer.stream(SURFACES[0]).error.unwrap().to_string();
        assert!(told.contains("Expired 4711") && told.contains("[credential]"), "{model}: {told}");
        assert!(!answer.text().contains("sk-up-"), "{model}: {}", answer.text());
    }
    let answer = gateway.open(SURFACES[1], ask("claude", true)).await.whole().await;
    assert!(answer.text().contains("Expired 4711") && !answer.text().contains("sk-up-"), "{}", answer.text());
}

/// STR-2: what a provider does not count is counted here, and said to be an estimate, streamed or not.
#[tokio::test]
async fn absent_usage_is_estimated_and_marked() {
    let handler = |request: &lockgate_testkit::upstream::Request| {
        let without = |text: &str| {
            let usage = [
                ",\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":8,\"total_tokens\":22}",
                ",\"usage\":{\"input_tokens\":14,\"output_tokens\":8}",
                ",\"usage\":{\"input_tokens\":14,\"output_tokens\":1}",
                ",\"usage\":{\"output_tokens\":8}",
            ];
            usage.iter().fold(text.to_owned(), |text, usage| text.replace(usage, ""))
        };
        let anthropic = is_anthropic(request);
        if request.text().contains("\"stream\":true") {
            return Answer::stream(chunks(anthropic).into_iter().map(without), Duration::ZERO);
        }
        Answer::json(200, &without(if anthropic { upstreams::ANTHROPIC } else { upstreams::OPENAI }))
    };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    for (model, path, stream) in ["gpt", "claude", "openai"]
        .into_iter()
        .flat_map(|model| SURFACES.map(|path| (model, path)))
        .filter(|place| *place != ("openai", SURFACES[1]))
        .flat_map(|(model, path)| [false, true].map(|stream| (model, path, stream)))
    {
        let place = format!("{model} at {path}, stream {stream}");
        let answer = gateway.open(path, ask(model, stream)).await.whole().await;
        assert_eq!(answer.status, 200, "{place}: {}", answer.text());
        if stream && (model, path) != ("claude", SURFACES[1]) {
            assert!(answer.stream(path).finished, "{place}");
        }
        let record = gateway.call_with("call_id", answer.header("x-litellm-call-id")).await;
        assert_eq!(record["estimated"], true, "{place}: {record}");
        for tokens in ["input_tokens", "output_tokens"] {
            assert!(
                record[tokens].as_u64().is_some_and(|count| (1..30).contains(&count)),
                "{place}: {record}"
            );
        }
        let cost = record["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0);
        assert!(cost != (record["unpriced"] == true), "{place}: {record}");
        assert_eq!(answer.header("x-lockgate-estimated") == "true", !stream, "{place}");
    }
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.lines().any(|line| line.starts_with("lockgate_estimated_usage_total")), "{metrics}");
}

/// STR-5: streams that end well keep to the grammar of the client's protocol.
#[tokio::test]
async fn streams_are_grammatical() {
    let (_upstream, models) = upstreams::start(upstreams::good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in MODELS {
        for path in SURFACES {
            let ending = gateway.open(path, ask(model, true)).await.whole().await.stream(path);
            assert!(ending.finished && ending.error.is_none(), "{model} at {path}");
            assert_eq!(ending.text, "Hello.", "{model} at {path}");
        }
    }
}

/// A stream that fails before its first content is an HTTP error.
#[tokio::test]
async fn a_stream_that_never_began_is_an_http_error() {
    let (_upstream, models) =
        upstreams::start(|_| Answer::open_stream([""; 0], Duration::ZERO).close(), "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in MODELS {
        for path in SURFACES {
            let answer = gateway.open(path, ask(model, true)).await.whole().await;
            assert!(answer.status >= 500, "{model} at {path}: {} {}", answer.status, answer.text());
            assert!(answer.json()["error"]["message"].is_string());
        }
    }
}

/// STR-6: the first content goes to the client while the upstream still says nothing more.
#[tokio::test]
async fn the_first_frame_is_flushed_at_once() {
    let pause = Duration::from_millis(600);
    let handler = move |request: &lockgate_testkit::upstream::Request| {
        let anthropic = is_anthropic(request);
        let all = chunks(anthropic);
        let (first, rest) = all.split_at(if anthropic { 3 } else { 2 });
        let mut answer = Answer::open_stream(first, Duration::ZERO).wait(pause);
        for chunk in rest {
            answer = answer.then(format!("{:x}\r\n{chunk}\r\n", chunk.len()));
        }
        answer.then("0\r\n\r\n")
    };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in MODELS {
        for path in SURFACES {
            let start = Instant::now();
            let mut reply = gateway.open(path, ask(model, true)).await;
            let mut text = String::new();
            while !text.contains("Hel") {
                text += &String::from_utf8_lossy(&reply.next().await.unwrap().unwrap());
            }
            assert!(start.elapsed() < pause / 2, "{model} at {path}: {:?}", start.elapsed());
            assert!(reply.whole().await.text().contains("lo."));
        }
    }
}

/// STR-7: the bytes of a stream in the client's own format are the upstream's, save the declared edit: the model bears
/// the name that the client asked for.
#[tokio::test]
async fn a_stream_of_the_same_format_is_relayed_byte_by_byte() {
    let (_upstream, models) = upstreams::start(upstreams::good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for (model, path, anthropic) in [("openai", SURFACES[0], false), ("claude", SURFACES[1], true)] {
        let answer = gateway.open(path, ask(model, true)).await.whole().await;
        let renamed =
            chunks(anthropic).concat().replace("\"model\":\"gpt-4o\"", &format!("\"model\":\"{model}\""));
        assert_eq!(answer.text(), renamed, "{model}");
    }
}
