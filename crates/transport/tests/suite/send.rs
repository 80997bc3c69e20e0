//! Requests, answers, kept connections, cancelling.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use crate::common::{Upstream, ms, post, send, text, transport};
use lockgate_core::{ErrorKind, Payload};
use lockgate_transport::Limits;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

#[tokio::test]
async fn a_rope_goes_out_whole_and_the_connection_is_kept() {
    let upstream = Upstream::start(|mut socket| async move {
        while let Some(request) = socket.request().await {
            socket.answer(&request).await;
        }
    })
    .await;
    let transport = transport();
    for _ in 0..5 {
        let mut payload = Payload::from("{\"a\":");
        payload.push("1");
        payload.push("}");
        let url = upstream.url("/v1/chat?x=1").replace("http://", "http://user:password@");
        let answer = transport.send(post(&url, payload), Limits::default()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-end"], "1");
        let seen = answer.into_body().collect(4096).await.unwrap();
        let seen = std::str::from_utf8(&seen).unwrap();
        assert!(seen.starts_with("POST /v1/chat?x=1 HTTP/1.1\r\n"), "{seen}");
        assert!(
            seen.contains(&format!("host: {}\r\n", upstream.address))
                && seen.contains("content-length: 7\r\n"),
            "{seen}"
        );
        assert!(seen.ends_with("\r\n\r\n{\"a\":1}") && !seen.contains("password"), "{seen}");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_reader_that_stops_at_the_last_byte_gives_the_connection_back() {
    let upstream = Upstream::start(|mut socket| async move {
        while socket.request().await.is_some() {
            socket.answer("0123456789").await;
        }
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        let mut body = send(&transport, &upstream.url("/")).await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), Some(10));
        let mut seen = 0;
        while !body.is_end_stream() {
            seen += body.frame().await.unwrap().unwrap().len();
        }
        assert_eq!(seen, 10);
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn empty_answers_and_error_answers_keep_the_connection() {
    let upstream = Upstream::start(|mut socket| async move {
        while let Some(request) = socket.request().await {
            match request.contains("/204") {
                true => socket.send("HTTP/1.1 204 No Content\r\n\r\n").await,
                false => {
                    socket
                        .send("HTTP/1.1 429 Slow Down\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\nno")
                        .await
                }
            }
        }
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        let answer = send(&transport, &upstream.url("/204")).await.unwrap();
        assert!(answer.body().is_end_stream());
        assert_eq!(text(Ok(answer)).await.unwrap(), "");
        let answer = send(&transport, &upstream.url("/429")).await.unwrap();
        assert_eq!(answer.status(), 429);
        assert_eq!(text(Ok(answer)).await.unwrap(), "no");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn each_frame_comes_before_the_next_is_sent() {
    let (next, waits) = mpsc::unbounded_channel::<()>();
    let waits = Arc::new(tokio::sync::Mutex::new(waits));
    let upstream = Upstream::start(move |mut socket| {
        let waits = waits.clone();
        async move {
            socket.request().await;
            socket.head().await;
            for number in 0..50 {
                socket.chunk(&format!("data: {number}\n\n")).await;
                waits.lock().await.recv().await;
            }
            socket.send("0\r\n\r\n").await;
        }
    })
    .await;
    let transport = transport();
    let mut body = send(&transport, &upstream.url("/")).await.unwrap().into_body();
    let start = Instant::now();
    for number in 0..50 {
        assert_eq!(body.frame().await.unwrap().unwrap(), format!("data: {number}\n\n"));
        next.send(()).unwrap();
    }
    assert!(body.frame().await.is_none());
    // 40 ms each would be the sign of delayed acknowledgements.
    assert!(start.elapsed() < ms(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn parallel_requests_get_their_own_connections() {
    let upstream = Upstream::start(|mut socket| async move {
        while socket.request().await.is_some() {
            sleep(ms(100)).await;
            socket.answer("ok").await;
        }
    })
    .await;
    let transport = transport();
    let all = (0..20).map(|_| {
        let (transport, url) = (transport.clone(), upstream.url("/"));
        tokio::spawn(async move { text(send(&transport, &url).await).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap().unwrap(), "ok");
    }
    assert_eq!(upstream.connections(), 20);
    text(send(&transport, &upstream.url("/")).await).await.unwrap();
    assert_eq!(upstream.connections(), 20);
}

#[tokio::test]
async fn connections_closed_while_idle_cost_the_caller_nothing() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    // Keeps each connection for one or two requests, and closes it after a pause that often crosses with the next.
    let upstream = Upstream::start(move |mut socket| {
        let count = count.clone();
        async move {
            let number = count.fetch_add(1, SeqCst) as u64;
            for _ in 0..=number % 2 {
                if socket.request().await.is_none() {
                    return;
                }
                socket.answer("ok").await;
            }
            sleep(ms(1 + number % 8)).await;
        }
    })
    .await;
    let transport = transport();
    for round in 0..300 {
        assert_eq!(text(send(&transport, &upstream.url("/")).await).await.unwrap(), "ok", "round {round}");
        sleep(ms(1 + round % 9)).await;
    }
    assert!(served.load(SeqCst) >= 150);
}

#[tokio::test]
async fn a_request_that_was_read_is_never_sent_twice() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let upstream = Upstream::start(move |mut socket| {
        let count = count.clone();
        async move {
            socket.request().await;
            socket.answer("ok").await;
            socket.request().await;
            count.fetch_add(1, SeqCst);
            sleep(ms(1200)).await;
        }
    })
    .await;
    let transport = transport();
    text(send(&transport, &upstream.url("/")).await).await.unwrap();
    sleep(ms(20)).await;
    let error = text(send(&transport, &upstream.url("/")).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!((seen.load(SeqCst), upstream.connections()), (1, 1));
}

#[tokio::test]
async fn dropping_closes_the_connection_at_once() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut socket| {
        let tell = tell.clone();
        async move {
            let request = socket.request().await.unwrap();
            if request.contains("/stream") {
                socket.head().await;
                socket.chunk("data: 1\n\n").await;
            }
            tell.send(()).unwrap();
            socket.closed().await;
            tell.send(()).unwrap();
        }
    })
    .await;
    let transport = transport();

    let (waiting, url) = (transport.clone(), upstream.url("/silent"));
    let call = tokio::spawn(async move { send(&waiting, &url).await.map(|_| ()) });
    told.recv().await.unwrap();
    call.abort();
    timeout(ms(100), told.recv()).await.expect("closed while waiting for the head");

    let mut body = send(&transport, &upstream.url("/stream")).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap(), "data: 1\n\n");
    told.recv().await.unwrap();
    drop(body);
    timeout(ms(100), told.recv()).await.expect("closed in the middle of a stream");
}

#[tokio::test]
async fn a_slow_reader_holds_the_upstream_back() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let upstream = Upstream::start(move |mut socket| {
        let count = count.clone();
        async move {
            use tokio::io::AsyncWriteExt;
            socket.request().await;
            socket.head().await;
            let chunk = format!("{:x}\r\n{}\r\n", 65536, "x".repeat(65536));
            while socket.stream.write_all(chunk.as_bytes()).await.is_ok() {
                count.fetch_add(65536, SeqCst);
            }
        }
    })
    .await;
    let transport = transport();
    let mut body = send(&transport, &upstream.url("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    sleep(ms(300)).await;
    let before = written.load(SeqCst);
    sleep(ms(300)).await;
    // What has gone into the kernel's buffers stays there; nothing more is taken from them.
    assert_eq!(written.load(SeqCst), before);
    let mut seen = 0;
    while seen < before + (1 << 20) {
        let frame = body.frame().await.unwrap().unwrap();
        assert!(frame.len() <= 256 * 1024, "{}", frame.len());
        seen += frame.len();
    }
}

#[tokio::test]
async fn an_early_answer_to_a_long_request_arrives() {
    let upstream = Upstream::start(|mut socket| async move {
        use tokio::io::AsyncReadExt;
        let mut some = [0; 1024];
        let _ = socket.stream.read(&mut some).await;
        socket.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig").await;
        sleep(ms(500)).await;
    })
    .await;
    let transport = transport();
    let request = post(&upstream.url("/"), vec![b'x'; 8 << 20]);
    let answer = timeout(ms(400), transport.send(request, Limits::default())).await.unwrap().unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.into_body().collect(100).await.unwrap(), "big");
}

#[tokio::test]
async fn broken_answers_are_connection_errors_without_secrets() {
    let upstream = Upstream::start(|mut socket| async move {
        let request = socket.request().await.unwrap();
        if request.contains("/cut") {
            socket.head().await;
            socket.chunk("data: 1\n\n").await;
        } else if request.contains("/short") {
            socket.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc").await;
        } else if request.contains("/garbage") {
            socket.send("%&/()=\r\n\r\n").await;
        }
    })
    .await;
    let transport = transport();
    for path in ["/cut", "/short", "/garbage", "/nothing"] {
        let url = upstream
            .url(&format!("{path}?key=sk-query-canary"))
            .replace("http://", "http://me:canary-password@");
        let error = text(send(&transport, &url).await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{path}");
        let all = format!("{error} {error:?}");
        assert!(all.contains(&upstream.address) && !all.contains("canary"), "{all}");
    }
    let gone = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let error = send(&transport, &format!("http://{gone}/?key=canary")).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("Connection refused") && !error.message().contains("canary"), "{error}");
}

#[tokio::test]
async fn too_long_answers_are_refused() {
    let upstream = Upstream::start(|mut socket| async move {
        while let Some(request) = socket.request().await {
            if request.contains("/chunked") {
                socket.head().await;
                for _ in 0..10 {
                    socket.chunk("0123456789").await;
                }
                socket.send("0\r\n\r\n").await;
            } else {
                socket.answer(&"x".repeat(100)).await;
            }
        }
    })
    .await;
    let transport = transport();
    for path in ["/chunked", "/"] {
        let url = upstream.url(path);
        let answer = send(&transport, &url).await.unwrap();
        assert_eq!(answer.into_body().collect(100).await.unwrap().len(), 100);
        let answer = send(&transport, &url).await.unwrap();
        assert_eq!(answer.into_body().collect(99).await.unwrap_err().kind(), ErrorKind::InvalidResponse);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_read_on_other_threads_arrives_whole_and_in_time() {
    let upstream = Upstream::start(|mut socket| async move {
        while socket.request().await.is_some() {
            socket.head().await;
            for number in 0..200 {
                socket.chunk(&format!("data: {number}\n\n")).await;
                if number % 50 == 0 {
                    sleep(ms(5)).await;
                }
            }
            socket.send("0\r\n\r\n").await;
        }
    })
    .await;
    let transport = transport();
    let start = Instant::now();
    let readers = (0..16).map(|_| {
        let (transport, url) = (transport.clone(), upstream.url("/"));
        tokio::spawn(async move {
            for _ in 0..5 {
                let mut body = send(&transport, &url).await.unwrap().into_body();
                let mut whole = Vec::new();
                loop {
                    // Each frame is awaited by another task.
                    let (rest, frame) = tokio::spawn(async move {
                        let frame = body.frame().await;
                        (body, frame)
                    })
                    .await
                    .unwrap();
                    body = rest;
                    let Some(frame) = frame else { break };
                    whole.extend_from_slice(&frame.unwrap());
                }
                let expected: String = (0..200).map(|number| format!("data: {number}\n\n")).collect();
                assert_eq!(whole, expected.as_bytes());
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    assert!(start.elapsed() < ms(10_000));
    assert!(upstream.connections() <= 16);
}
