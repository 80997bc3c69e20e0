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
                let last = text.trim_end().rsplit("\n\n").next().unwrap();
                assert!(last.contains("\"error\""), "{place}: {text}");
                assert!(
                    !text.contains("\"type\":\"message_stop\"")
                        && !text.contains("\"finish_reason\":\"stop\""),
                    "{place}: {text}"
                );
                if path == "/v1/messages" {
                    assert!(last.contains("event: error"), "{place}: {text}");
                }
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
            let text = gateway.open(path, ask(model, true)).await.whole().await.text();
            assert!(text.contains("Too busy 4711."), "{model} at {path}: {text}");
            assert!(!text.contains("message_stop"), "{model} at {path}: {text}");
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
