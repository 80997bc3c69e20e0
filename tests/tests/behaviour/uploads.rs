//! Forms with files: large ones pass through, sound comes back as it comes.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use lockgate_testkit::upstream::{Answer, Upstream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    client::{Whole, send},
    gateway::{Gateway, KEY, config, model},
};

const MEGABYTE: usize = 1 << 20;

/// A form with the model before the file, or behind it, and a field of the gateway's own at its end.
fn form(size: usize, model_first: bool) -> Vec<u8> {
    let model = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nears\r\n";
    let mut form = String::new();
    if model_first {
        form.push_str(model);
    }
    form.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n");
    form.push_str("Content-Type: audio/wav\r\n\r\n");
    let mut form = form.into_bytes();
    form.resize(form.len() + size, b'x');
    form.extend_from_slice(b"\r\n");
    if !model_first {
        form.extend_from_slice(model.as_bytes());
    }
    form.extend_from_slice(
        b"--b\r\nContent-Disposition: form-data; name=\"timeout\"\r\n\r\n30\r\n\
          --b\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nen\r\n--b--\r\n",
    );
    form
}

async fn transcribe(gateway: &Gateway, form: Vec<u8>) -> Whole {
    let request = Request::post("/v1/audio/transcriptions")
        .header("host", "gateway")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Full::new(Bytes::from(form)))
        .unwrap();
    send(&gateway.url, request).await.unwrap().whole().await
}

async fn listening(answer: impl Fn() -> Answer + Send + Sync + 'static) -> (Upstream, Gateway) {
    let upstream = Upstream::start(move |_| answer()).await.unwrap();
    let models = model("ears", "openai/whisper-1", &upstream.url(), "");
    let gateway = Gateway::start(&config(&models, "")).await;
    (upstream, gateway)
}

/// A large file is not held: the gateway's memory does not grow by it.
#[tokio::test]
async fn a_large_file_passes_through() {
    let (upstream, gateway) = listening(|| Answer::json(200, r#"{"text":"hi"}"#)).await;
    transcribe(&gateway, form(100, true)).await;
    let before = gateway.memory();
    let answer = transcribe(&gateway, form(30 * MEGABYTE, true)).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"text":"hi"}"#));
    let grown = gateway.memory().saturating_sub(before);
    assert!(grown < 12 * 1024, "{grown} KiB more");
    let sent = upstream.requests().pop().unwrap().text();
    assert!(sent.len() > 30 * MEGABYTE);
    assert!(sent.contains("name=\"model\"\r\n\r\nwhisper-1\r\n"));
    assert!(sent.ends_with("name=\"language\"\r\n\r\nen\r\n--b--\r\n"));
    assert!(!sent.contains("name=\"timeout\""), "the gateway's own field went upstream");
}

/// What the client has sent is at the provider before the client has sent the rest: 64 MB pass through 16 MB at most.
#[tokio::test]
async fn a_huge_file_goes_on_while_it_comes() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Gateway::start(&config(&model("ears", "openai/whisper-1", &url, ""), "")).await;
    let form = form(64 * MEGABYTE, true);
    let head = format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        form.len()
    );
    let before = gateway.memory();
    let address = gateway.url.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    let (early, late) = form.split_at(8 * MEGABYTE);
    // Sent from another task: the gateway takes no more than the provider does.
    let early = early.to_vec();
    let sending = tokio::spawn(async move {
        client.write_all(&early).await.unwrap();
        client
    });
    let (mut provider, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut read = 0;
    while read < 6 * MEGABYTE {
        read += provider.read(&mut buffer).await.unwrap();
    }
    let mut client = sending.await.unwrap();
    let late = late.to_vec();
    let sending = tokio::spawn(async move {
        client.write_all(&late).await.unwrap();
        client
    });
    let (mut most, mut end) = (0, Vec::new());
    while !end.ends_with(b"0\r\n\r\n") {
        let count = provider.read(&mut buffer).await.unwrap();
        assert!(count > 0, "it ends after {read} bytes");
        end.extend_from_slice(&buffer[..count]);
        end.drain(..end.len().saturating_sub(64));
        if (read >> 22) != ((read + count) >> 22) {
            most = most.max(gateway.memory());
        }
        read += count;
    }
    assert!(read > 64 * MEGABYTE);
    let grown = most.saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    let answer =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"text\":\"hi\"}";
    provider.write_all(answer.as_bytes()).await.unwrap();
    let mut client = sending.await.unwrap();
    let count = client.read(&mut buffer).await.unwrap();
    assert!(String::from_utf8_lossy(&buffer[..count]).starts_with("HTTP/1.1 200"));
}

/// A model that is named behind the file is found, too.
#[tokio::test]
async fn a_model_behind_its_file() {
    let (upstream, gateway) = listening(|| Answer::json(200, r#"{"text":"hi"}"#)).await;
    for size in [100, 3 * MEGABYTE] {
        let answer = transcribe(&gateway, form(size, false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = upstream.requests().pop().unwrap().text();
        assert!(sent.contains("name=\"model\"\r\n\r\nwhisper-1\r\n"));
        assert!(!sent.contains("name=\"timeout\""));
    }
}

/// A text format stays one, and a form that breaks off is the client's fault.
#[tokio::test]
async fn texts_and_broken_forms() {
    let text = "HTTP/1.1 200 OK\r\ncontent-type: text/vtt\r\ncontent-length: 6\r\n\r\nWEBVTT";
    let (_upstream, gateway) = listening(move || Answer::raw(text)).await;
    let answer = transcribe(&gateway, form(100, true)).await;
    assert_eq!((answer.header("content-type"), answer.text().as_str()), ("text/vtt", "WEBVTT"));
    let mut broken = form(100, true);
    broken.truncate(200);
    let answer = transcribe(&gateway, broken).await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("breaks off"));
}

/// Sound is passed on while it comes; sound that breaks off is not passed off as whole.
#[tokio::test]
async fn sound_comes_as_it_is_made() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n";
    let whole = move || {
        let first = Answer::raw(head).then("3\r\nabc\r\n").wait(Duration::from_millis(300));
        first.then("3\r\ndef\r\n0\r\n\r\n")
    };
    let (_upstream, gateway) = listening(whole).await;
    let ask = r#"{"model":"ears","input":"Hi there","voice":"alloy"}"#;
    let mut reply = gateway.open("/v1/audio/speech", ask).await;
    assert_eq!(reply.headers["content-type"], "audio/mpeg");
    assert_eq!(reply.next().await.unwrap().unwrap(), "abc");
    assert_eq!(reply.next().await.unwrap().unwrap(), "def");
    assert!(reply.next().await.is_none());

    let cut = move || Answer::raw(head).then("3\r\nabc\r\n").wait(Duration::from_millis(100)).close();
    let (_upstream, gateway) = listening(cut).await;
    let answer = gateway.open("/v1/audio/speech", ask).await.whole().await;
    assert!(answer.broken, "{}", answer.text());
}
