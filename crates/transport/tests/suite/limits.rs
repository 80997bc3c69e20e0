//! The four time limits, each within 50 ms and with a message that names it.

use std::time::{Duration, Instant};

use crate::common::{Upstream, ms, post, transport};
use lockgate_core::{Error, ErrorKind, Origin, Retry};
use lockgate_transport::Limits;
use tokio::time::sleep;

/// Sends and reads; how that ended and how long it took.
async fn run(
    upstream: &Upstream,
    scheme: &str,
    path: &str,
    limits: Limits,
) -> (Result<usize, Error>, Duration) {
    let start = Instant::now();
    let url = format!("{scheme}://{}{path}?key=canary", upstream.address);
    let outcome = async {
        let mut body = transport().send(post(&url, "{}"), limits).await?.into_body();
        let mut seen = 0;
        while let Some(frame) = body.frame().await {
            seen += frame?.len();
        }
        Ok(seen)
    };
    let outcome = outcome.await;
    (outcome, start.elapsed())
}

fn assert_timeout(outcome: (Result<usize, Error>, Duration), name: &str, after: Duration) {
    let (outcome, elapsed) = outcome;
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.kind(), error.origin(), error.retry()),
        (ErrorKind::Timeout, Origin::Upstream, Retry::Same)
    );
    let message = error.message();
    assert!(message.contains(&format!("{name} limit of {} s", after.as_secs_f64())), "{message}");
    assert!(message.contains("127.0.0.1:") && !message.contains("canary"), "{message}");
    assert!(elapsed >= after && elapsed < after + ms(50), "{name}: {elapsed:?}");
}

const WIDE: Limits = Limits { connect: ms(5000), first_byte: ms(5000), idle: ms(5000), total: ms(5000) };

/// Answers in pieces with a pause between them.
async fn paced(pieces: usize, pause: Duration) -> Upstream {
    Upstream::start(move |mut socket| async move {
        socket.request().await;
        socket.head().await;
        for _ in 0..pieces {
            sleep(pause).await;
            socket.chunk("data: x\n\n").await;
        }
        socket.send("0\r\n\r\n").await;
    })
    .await
}

#[tokio::test]
async fn connect_covers_the_handshake() {
    let silent = Upstream::start(|mut socket| async move {
        socket.closed().await;
    })
    .await;
    let limits = Limits { connect: ms(200), ..WIDE };
    // The first https connection also reads the system's certificates, which a debug build takes long for.
    let (outcome, elapsed) = run(&silent, "https", "/", limits).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(elapsed >= ms(200) && elapsed < ms(1000), "{elapsed:?}");
    // An open connection is not under that limit.
    let slow = paced(1, ms(300)).await;
    assert_eq!(run(&slow, "http", "/", limits).await.0.unwrap(), 9);
}

#[tokio::test]
async fn first_byte_covers_head_and_first_piece() {
    let limits = Limits { first_byte: ms(150), ..WIDE };
    let silent = Upstream::start(|mut socket| async move {
        socket.request().await;
        socket.closed().await;
    })
    .await;
    assert_timeout(run(&silent, "http", "/", limits).await, "first-byte", ms(150));
    // A head without content is no answer yet.
    assert_timeout(run(&paced(1, ms(300)).await, "http", "/", limits).await, "first-byte", ms(150));
    // Afterwards the limit is over.
    assert_eq!(run(&paced(5, ms(60)).await, "http", "/", limits).await.0.unwrap(), 45);
}

#[tokio::test]
async fn idle_starts_anew_with_each_piece() {
    let limits = Limits { idle: ms(150), ..WIDE };
    assert_eq!(run(&paced(6, ms(75)).await, "http", "/", limits).await.0.unwrap(), 54);
    let stalls = Upstream::start(|mut socket| async move {
        socket.request().await;
        socket.head().await;
        for _ in 0..4 {
            sleep(ms(50)).await;
            socket.chunk("data: x\n\n").await;
        }
        socket.closed().await;
    })
    .await;
    let (outcome, elapsed) = run(&stalls, "http", "/", limits).await;
    assert_timeout((outcome, elapsed.saturating_sub(ms(200))), "idle", ms(150));
    // Waiting for the first piece is not idling.
    assert_eq!(run(&paced(1, ms(300)).await, "http", "/", limits).await.0.unwrap(), 9);
}

#[tokio::test]
async fn total_ends_a_stream_that_never_ends() {
    let limits = Limits { total: ms(250), ..WIDE };
    assert_timeout(run(&paced(1000, ms(10)).await, "http", "/", limits).await, "total", ms(250));
    // Also when it is the shorter limit on the first byte.
    assert_timeout(run(&paced(1, ms(1000)).await, "http", "/", limits).await, "total", ms(250));
}

#[tokio::test]
async fn limits_beyond_counting_do_not_panic() {
    let forever = Limits {
        connect: Duration::MAX,
        first_byte: Duration::MAX,
        idle: Duration::MAX,
        total: Duration::MAX,
    };
    assert_eq!(run(&paced(2, ms(10)).await, "http", "/", forever).await.0.unwrap(), 18);
}
