//! Files that clients name by URL.

use crate::common::{Upstream, ms, transport};
use lockgate_core::{ErrorKind, Origin};
use lockgate_transport::Egress;
use tokio::time::sleep;

async fn files() -> Upstream {
    Upstream::start(|mut socket| async move {
        let Some(request) = socket.request().await else { return };
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let location = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        match path.as_str() {
            "/cat.png" => socket.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n\x89PNG\r\n\x1a\n!").await,
            "/notes" => socket.send("HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n\r\nhi").await,
            "/moved" => socket.send(location("notes")).await,
            "/loop" => socket.send(location("/loop")).await,
            "/inside" => socket.send(location("http://localhost:1/secret")).await,
            "/file" => socket.send(location("file:///etc/passwd")).await,
            "/long" => socket.send(format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(5000))).await,
            "/endless" => {
                socket.head().await;
                for _ in 0..1000 {
                    socket.chunk(&"x".repeat(1000)).await;
                }
            }
            "/slow" => sleep(ms(5000)).await,
            _ => socket.send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
        }
    })
    .await
}

fn allow(upstream: &Upstream) -> Egress {
    Egress {
        allowed_hosts: vec![upstream.address.clone()],
        max_bytes: 1000,
        timeout: ms(300),
        ..Egress::default()
    }
}

#[tokio::test]
async fn files_come_with_their_type() {
    let upstream = files().await;
    for guard in [allow(&upstream), Egress { validate: false, ..Egress::default() }] {
        let file = transport().fetch(&upstream.url("/cat.png"), &guard).await.unwrap();
        assert_eq!((file.mime.as_str(), file.bytes.len()), ("image/png", 9));
        let file = transport().fetch(&upstream.url("/moved"), &guard).await.unwrap();
        assert_eq!((file.mime.as_str(), &file.bytes[..]), ("text/plain", &b"hi"[..]));
    }
}

#[tokio::test]
async fn inside_addresses_are_refused_in_every_notation() {
    let upstream = files().await;
    let port = upstream.address.rsplit(':').next().unwrap();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ];
    for host in hosts {
        let error = transport()
            .fetch(&format!("http://{host}:{port}/cat.png"), &Egress::default())
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.origin()), (ErrorKind::ImageFetch, Origin::Client), "{host}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn redirects_are_checked_anew() {
    let upstream = files().await;
    let guard = allow(&upstream);
    for (path, reason) in
        [("/inside", "not allowed"), ("/file", "invalid address"), ("/loop", "more than 5 times")]
    {
        let error = transport().fetch(&upstream.url(path), &guard).await.unwrap_err();
        assert!(error.message().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn what_is_too_long_too_slow_or_missing_is_refused() {
    let upstream = files().await;
    let guard = allow(&upstream);
    let cases = [
        ("/long", "longer than 1000 bytes"),
        ("/endless", "longer than 1000 bytes"),
        ("/slow", "longer than 0.3 s"),
        ("/missing", "status 404"),
    ];
    for (path, reason) in cases {
        let url = upstream.url(&format!("{path}#sk-canary")).replace("http://", "http://me:canary@");
        let error = transport().fetch(&url, &guard).await.unwrap_err();
        assert_eq!((error.kind(), error.kind().status()), (ErrorKind::ImageFetch, 400));
        assert!(error.message().contains(reason) && !error.message().contains("canary"), "{error}");
    }
    for url in ["", "cat.png", "ftp://files.example/cat.png", "data:image/png;base64,AA=="] {
        assert_eq!(transport().fetch(url, &guard).await.unwrap_err().kind(), ErrorKind::ImageFetch);
    }
}
