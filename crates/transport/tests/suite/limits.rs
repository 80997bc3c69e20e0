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

/// The limit of that name rings at its time; once in three runs is enough on a machine that others use as well.
async fn rings(upstream: &Upstream, limits: Limits, name: &str, value: Duration, after: Duration) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (outcome, elapsed) = run(upstream, "http", "/", limits).await;
        let error = outcome.unwrap_err();
        let verdict = (error.kind(), error.origin(), error.retry());
        assert_eq!(verdict, (ErrorKind::Timeout, Origin::Upstream, Retry::Same));
        let message = error.message();
        assert!(message.contains(&format!("{name} limit of {} s", value.as_secs_f64())), "{message}");
        assert!(message.contains("127.0.0.1:") && !message.contains("canary"), "{message}");
        assert!(elapsed >= after, "{name}: {elapsed:?}");
        if elapsed < after + ms(50) {
            return;
        }
        seen.push(elapsed);
    }
    panic!("{name}: {seen:?}");
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
async fn those_who_wait_for_the_first_handshake_wait_no_longer() {
    let silent = Upstream::start(|mut socket| async move {
        socket.closed().await;
    })
    .await;
    let transport = transport();
    let url = format!("https://{}/", silent.address);
    // Reads the certificates.
    let _ = transport.send(post(&url, "{}"), Limits { connect: ms(1000), ..WIDE }).await;
    let limits = Limits { connect: ms(200), ..WIDE };
    let start = Instant::now();
    let calls = (0..5).map(|_| {
        let (transport, url) = (transport.clone(), url.clone());
        tokio::spawn(async move { transport.send(post(&url, "{}"), limits).await.map(|_| ()) })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    }
    assert!(start.elapsed() < ms(400), "{:?}", start.elapsed());
}

#[tokio::test]
async fn first_byte_covers_head_and_first_piece() {
    let limits = Limits { first_byte: ms(150), ..WIDE };
    let silent = Upstream::start(|mut socket| async move {
        socket.request().await;
        socket.closed().await;
    })
    .await;
    rings(&silent, limits, "first-byte", ms(150), ms(150)).await;
    // A head without content is no answer yet.
    rings(&paced(1, ms(300)).await, limits, "first-byte", ms(150), ms(150)).await;
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
    rings(&stalls, limits, "idle", ms(150), ms(350)).await;
    // Waiting for the first piece is not idling.
    assert_eq!(run(&paced(1, ms(300)).await, "http", "/", limits).await.0.unwrap(), 9);
}

#[tokio::test]
async fn total_ends_a_stream_that_never_ends() {
    let limits = Limits { total: ms(250), ..WIDE };
    rings(&paced(1000, ms(10)).await, limits, "total", ms(250), ms(250)).await;
    // Also when it is the shorter limit on the first byte.
    rings(&paced(1, ms(1000)).await, limits, "total", ms(250), ms(250)).await;
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
