//! CAN-1: when the client goes, by FIN or by RST and at any phase, the upstream is let go of within the bar.

use std::{
    fs,
    time::{Duration, Instant},
};

use lockgate_testkit::upstream::{Answer, Upstream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, KEY, config, model},
    pace::Pace,
    unreachable::Unreachable,
    upstreams::{self, MODELS, begun},
};

/// How soon the upstream must be free.
const BAR: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(5);

/// How a client goes.
#[derive(Clone, Copy, Debug)]
enum Exit {
    Fin,
    Rst,
}

const EXITS: [Exit; 2] = [Exit::Fin, Exit::Rst];

/// A client that has sent its request and does as it is told.
struct Caller(TcpStream);

impl Caller {
    async fn ask(gateway: &Gateway, path: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(gateway.url.strip_prefix("http://").unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Reads up to this text, so that nothing unread turns a FIN into a RST.
    async fn reads(&mut self, text: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let count = tokio::time::timeout(PATIENCE, self.0.read_buf(&mut seen)).await.unwrap().unwrap();
            assert!(count > 0, "{text:?} does not come: {}", String::from_utf8_lossy(&seen));
        }
    }

    /// Goes; tells when.
    fn leave(self, exit: Exit) -> Instant {
        if matches!(exit, Exit::Rst) {
            self.0.set_zero_linger().unwrap();
        }
        let left = Instant::now();
        drop(self.0);
        left
    }
}

/// Checks that the upstream saw its `nth` peer go soon after the client went.
async fn let_go(upstream: &Upstream, nth: usize, left: Instant, pace: &Pace, place: &str) {
    let gone = upstream.abandoned_again(nth, PATIENCE).await;
    let gone = gone.unwrap_or_else(|| panic!("{place}: the upstream is still held"));
    let delay = gone.saturating_duration_since(left);
    assert!(delay < BAR + pace.stall(), "{place}: only after {delay:?}");
}

/// While the first byte is waited for, streamed or not, and in the middle of a whole answer's body.
#[tokio::test]
async fn before_the_answer() {
    let half = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"id\":";
    let answers = [
        ("no byte", Answer::default().hang()),
        ("only a head", Answer::open_stream([""; 0], Duration::ZERO).hang()),
        ("half a body", Answer::raw(half).hang()),
    ];
    for (phase, answer) in answers {
        let (upstream, models) = upstreams::start(move |_| answer.clone(), "").await;
        let gateway = Gateway::start(&config(&models, "")).await;
        let pace = Pace::start();
        let mut asked = 0;
        for exit in EXITS {
            for (model, path, stream) in MODELS
                .into_iter()
                .flat_map(|model| SURFACES.map(|path| (model, path)))
                .flat_map(|(model, path)| [false, true].map(|stream| (model, path, stream)))
            {
                asked += 1;
                let place = format!("{phase}, {exit:?}, {model} at {path}, stream {stream}");
                let caller = Caller::ask(&gateway, path, &ask(model, stream)).await;
                assert!(upstream.received(asked, PATIENCE).await, "{place}: the request did not come");
                // The upstream's first bytes are on their way; let the gateway read them.
                tokio::time::sleep(Duration::from_millis(10)).await;
                let_go(&upstream, asked, caller.leave(exit), &pace, &place).await;
            }
        }
    }
}

/// In the middle of a stream.
#[tokio::test]
async fn in_a_stream() {
    let (upstream, models) = upstreams::start(|request| begun(request).hang(), "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let pace = Pace::start();
    let mut asked = 0;
    for exit in EXITS {
        for model in ["gpt", "claude", "openai"] {
            for path in SURFACES {
                if (model, path) == ("openai", SURFACES[1]) {
                    continue;
                }
                asked += 1;
                let mut caller = Caller::ask(&gateway, path, &ask(model, true)).await;
                caller.reads("Hel").await;
                let place = format!("{exit:?}, {model} at {path}");
                let_go(&upstream, asked, caller.leave(exit), &pace, &place).await;
            }
        }
    }
}

/// While the connection to the upstream is being made.
#[tokio::test]
async fn while_connecting() {
    let upstream = Unreachable::bind();
    let models = model("gpt", "hosted_vllm/gpt-4o", &upstream.url(), "connect_timeout: 30");
    let gateway = Gateway::start(&config(&models, "")).await;
    let pace = Pace::start();
    for exit in EXITS {
        for stream in [false, true] {
            let caller = Caller::ask(&gateway, SURFACES[0], &ask("gpt", stream)).await;
            let start = Instant::now();
            while upstream.attempts() == 0 {
                assert!(start.elapsed() < PATIENCE, "nobody connects");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let left = caller.leave(exit);
            while upstream.attempts() > 0 {
                let delay = left.elapsed();
                assert!(
                    delay < BAR + pace.stall(),
                    "{exit:?}, stream {stream}: still connecting after {delay:?}"
                );
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

/// While the call waits for its next try: nothing more is sent for it.
#[tokio::test]
async fn while_waiting_for_the_next_try() {
    let handler = |_: &lockgate_testkit::upstream::Request| {
        Answer::json_with(503, "retry-after: 0.4", "{\"error\":{\"message\":\"later\"}}")
    };
    let (upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start(&config(&models, "").replace("num_retries: 0", "num_retries: 3")).await;
    let mut asked = 0;
    for exit in EXITS {
        for stream in [false, true] {
            asked += 1;
            let caller = Caller::ask(&gateway, SURFACES[0], &ask("gpt", stream)).await;
            assert!(upstream.received(asked, PATIENCE).await, "the request did not come");
            tokio::time::sleep(Duration::from_millis(50)).await;
            caller.leave(exit);
            tokio::time::sleep(Duration::from_millis(600)).await;
            assert_eq!(upstream.requests().len(), asked, "{exit:?}, stream {stream}: it is tried again");
        }
    }
    // With a client that stays, it is.
    gateway.post(SURFACES[0], &ask("gpt", false)).await;
    assert!(upstream.requests().len() > asked + 1);
}

/// CAN-2: a client that goes is counted as such, and what it has had is priced, and said to be an estimate.
#[tokio::test]
async fn what_was_consumed_is_on_record() {
    let (upstream, models) = upstreams::start(|request| begun(request).hang(), "").await;
    let gateway = Gateway::start_with(&config(&models, ""), &["--json-logs"]).await;
    let mut caller = Caller::ask(&gateway, SURFACES[0], &ask("claude", true)).await;
    caller.reads("Hel").await;
    caller.leave(Exit::Fin);
    assert!(upstream.abandoned(PATIENCE).await.is_some());
    let record = gateway.call_with("status", 499).await;
    assert!(record["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{record}");
    assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&14.into(), &1.into()), "{record}");
}

/// NET-5, in small: no descriptor of a cancelled call stays open.
#[tokio::test]
async fn no_descriptor_is_left() {
    let (upstream, models) = upstreams::start(|request| begun(request).hang(), "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let open = || fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap().count();
    let before = open();
    for round in 1..=60 {
        let mut caller = Caller::ask(&gateway, SURFACES[0], &ask("gpt", true)).await;
        caller.reads("Hel").await;
        caller.leave(EXITS[round % 2]);
        assert!(upstream.abandoned_again(round, PATIENCE).await.is_some());
    }
    let start = Instant::now();
    while open() > before + 2 {
        assert!(start.elapsed() < PATIENCE, "{} descriptors instead of {before}", open());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
