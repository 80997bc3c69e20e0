//! SEC-6, LEK-1, ERR-2: what must not leave the gateway.

use lockgate_testkit::upstream::Answer;

use crate::{
    client::{SURFACES, ask, send},
    gateway::{self, Gateway, KEY, config},
    upstreams::{self, MODELS, good},
};

/// SEC-6: a client's own address or key is refused, and no server-held secret goes there.
#[tokio::test]
async fn a_clients_address_and_key_are_refused() {
    let (upstream, models) = upstreams::start(good, "").await;
    let thief = lockgate_testkit::upstream::Upstream::start(good).await.unwrap();
    let gateway = Gateway::start(&config(&models, "")).await;
    for member in [
        format!("\"api_base\":\"{}\"", thief.url()),
        format!("\"base_url\":\"{}\"", thief.url()),
        "\"api_key\":\"sk-client-own\"".to_owned(),
    ] {
        for path in SURFACES {
            let body = ask("gpt", false).replace("\"max_tokens\"", &format!("{member},\"max_tokens\""));
            let answer = gateway.open(path, body).await.whole().await;
            assert!(
                (400..404).contains(&answer.status),
                "{member} at {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    assert_eq!(thief.connections(), 0);
    assert!(upstream.requests().is_empty());
}

/// LEK-1, as far as sinks exist: keys in every place, through success and every kind of failure, at the most talkative
/// log level; none is in a log, a metric, a header or a body.
#[tokio::test]
async fn no_secret_is_seen_anywhere() {
    let handler = |request: &lockgate_testkit::upstream::Request| {
        let echoed = request.header("authorization").or(request.header("x-api-key")).unwrap_or("").to_owned();
        match request.text() {
            text if text.contains("fail") => {
                let body = format!(
                    "{{\"error\":{{\"message\":\"Incorrect API key provided: {echoed}\",\"type\":\"x\"}}}}"
                );
                Answer::json(401, &body)
            }
            text if text.contains("garbage") => Answer::raw(format!("nonsense {echoed}\r\n\r\n")).close(),
            text if text.contains("cut") => upstreams::begun(request).close(),
            _ => good(request),
        }
    };
    let extra = "extra_headers: {x-secret-header: canary-header-0123456789}";
    let (_upstream, models) = upstreams::start(handler, extra).await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--debug", "--json-logs"]).await;
    let mut seen = String::new();
    for model in MODELS {
        for path in SURFACES {
            for what in ["hi", "fail", "garbage", "cut"] {
                let stream = what == "cut";
                let body = ask(model, stream).replace("hi", what);
                let answer =
                    gateway.open_with(path, body, &[("cookie", "session=canary-cookie-0123456789")]).await;
                let answer = answer.whole().await;
                seen += &format!("{:?}\n{}\n", answer.headers, answer.text());
            }
        }
    }
    let wrong = http::Request::post("/v1/chat/completions")
        .header("host", "gateway.test")
        .header("authorization", "Bearer sk-canary-wrong-key-0123456789")
        .body(http_body_util::Full::from(ask("gpt", false)))
        .unwrap();
    seen += &send(&gateway.url, wrong).await.unwrap().whole().await.text();
    for path in ["/metrics", "/model/info", "/v1/models", "/health", "/routes", "/nowhere"] {
        seen += &gateway.get(path).await.text();
    }
    let body = format!("{{\"call_type\":\"completion\",\"request_body\":{}}}", ask("gpt", false));
    seen += &gateway.post("/utils/transform_request", &body).await.text();
    let log = gateway.log();
    for secret in [
        KEY,
        "sk-up-gpt-0123456789",
        "sk-up-claude-0123456789",
        "canary-header-0123456789",
        "canary-cookie-0123456789",
        "sk-canary-wrong-key-0123456789",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{}", line_with(&log, secret));
        assert!(!seen.contains(secret), "{secret} is in an answer:\n{}", line_with(&seen, secret));
    }
}

fn line_with<'a>(text: &'a str, secret: &str) -> &'a str {
    text.lines().find(|line| line.contains(secret)).unwrap_or("")
}

/// ERR-2: errors tell nothing of the gateway's insides, nor which models there are.
#[tokio::test]
async fn errors_tell_nothing_of_the_insides() {
    let answers = |request: &lockgate_testkit::upstream::Request| match request.text() {
        text if text.contains("html") => Answer::raw(
            "HTTP/1.1 502 Bad\r\ncontent-type: text/html\r\ncontent-length: 26\r\n\r\n<html>internal 10.1.2.3</h>",
        ),
        text if text.contains("garbage") => Answer::json(200, "{\"nonsense\":"),
        _ => Answer::default().reset(),
    };
    let (_upstream, models) = upstreams::start(answers, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for path in SURFACES {
        let mut texts = Vec::new();
        for what in ["html", "garbage", "reset"] {
            for model in MODELS {
                texts.push(
                    gateway.open(path, ask(model, false).replace("hi", what)).await.whole().await.text(),
                );
            }
        }
        texts.push(gateway.post(path, &ask("nobody", false)).await.text());
        texts.push(gateway.post(path, "{\"model\":").await.text());
        texts.push(gateway.post(path, "{\"model\":\"claude\",\"messages\":5}").await.text());
        for text in texts {
            for inside in [
                "src/",
                ".rs",
                "lockgate_",
                "panicked",
                "RUST_BACKTRACE",
                "stack backtrace",
                "\"claude\"",
                "gpt,",
            ] {
                assert!(!text.contains(inside), "{path}: {inside:?} in {text}");
            }
            assert!(text.contains("\"error\""), "{path}: {text}");
        }
    }
}

/// ERR-2: where an upstream is, only the operator is told.
#[tokio::test]
async fn no_client_reads_an_upstreams_address() {
    let (upstream, models) = upstreams::start(|request| upstreams::begun(request).close(), "").await;
    let address = upstream.url().trim_start_matches("http://").to_owned();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let nobody = gateway::model("nobody", "openai/gpt-4o", &format!("http://{closed}/v1"), "");
    let gateway = Gateway::start_with(&config(&(models + &nobody), ""), &["--debug"]).await;
    for path in SURFACES {
        for stream in [false, true] {
            let refused = gateway.open(path, ask("nobody", stream)).await.whole().await;
            let text = refused.text();
            assert!(refused.status >= 500 && text.contains("openai"), "{path}: {} {text}", refused.status);
            assert!(!text.contains(&closed) && !text.contains("127.0.0.1"), "{path}: {text}");
        }
        for model in MODELS {
            let cut = gateway.open(path, ask(model, true)).await.whole().await.text();
            assert!(!cut.contains(&address) && !cut.contains("127.0.0.1"), "{path}, {model}: {cut}");
        }
    }
    assert!(gateway.log().contains(&closed), "{}", gateway.log());
}
