//! CAN-1: when the client goes, the upstream is let go of at once.

use std::time::{Duration, Instant};

use lockgate_testkit::upstream::Answer;

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config},
    upstreams::{self, MODELS, begun},
};

/// In the middle of a stream.
#[tokio::test]
async fn a_client_that_leaves_a_stream_closes_the_upstream() {
    for model in MODELS {
        for path in SURFACES {
            let (upstream, models) = upstreams::start(|request| begun(request).hang(), "").await;
            let gateway = Gateway::start(&config(&models, "")).await;
            let mut reply = gateway.open(path, ask(model, true)).await;
            reply.next().await.unwrap().unwrap();
            let left = Instant::now();
            drop(reply);
            let gone = upstream.abandoned(Duration::from_secs(5)).await;
            let gone = gone.unwrap_or_else(|| panic!("{model} at {path}: the upstream is still held"));
            let delay = gone.saturating_duration_since(left);
            assert!(delay < Duration::from_millis(100), "{model} at {path}: only after {delay:?}");
        }
    }
}

/// While waiting for an answer, streamed or not.
#[tokio::test]
async fn a_client_that_does_not_wait_closes_the_upstream() {
    for stream in [false, true] {
        let (upstream, models) = upstreams::start(|_| Answer::default().hang(), "").await;
        let gateway = Gateway::start(&config(&models, "")).await;
        for model in MODELS {
            let before = upstream.open_connections();
            let asked = upstream.requests().len();
            let wait = tokio::time::timeout(
                Duration::from_millis(500),
                gateway.open(SURFACES[0], ask(model, stream)),
            );
            let arrived = upstream.received(asked + 1, Duration::from_secs(5));
            let (reply, arrived) = tokio::join!(wait, arrived);
            assert!(arrived, "the request did not come");
            drop(reply);
            let start = Instant::now();
            while upstream.open_connections() > before {
                assert!(
                    start.elapsed() < Duration::from_millis(200),
                    "{model}, stream {stream}: the upstream is still held"
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
