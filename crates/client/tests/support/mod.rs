//! A scripted upstream on 127.0.0.1: one answer for each request, in order; the last one is repeated.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One scripted answer.
#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    kind: &'static str,
    pieces: Vec<(Duration, String)>,
    cut: bool,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self { status, kind: "application/json", pieces: vec![(Duration::ZERO, body.to_owned())], cut: false }
    }

    /// A stream of `data:` lines.
    pub(crate) fn sse(events: &[&str]) -> Self {
        let pieces = events.iter().map(|event| (Duration::ZERO, format!("data: {event}\n\n"))).collect();
        Self { status: 200, kind: "text/event-stream", pieces, cut: false }
    }

    /// The connection breaks after the last piece.
    pub(crate) fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    /// Waits before the last piece.
    pub(crate) fn slow(mut self, delay: Duration) -> Self {
        if let Some((before, _)) = self.pieces.last_mut() {
            *before = delay;
        }
        self
    }
}

/// A request as it came: head and body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Upstream {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    hung_up: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) async fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let hung_up = Arc::new(AtomicUsize::new(0));
        let (seen, gone) = (requests.clone(), hung_up.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), seen.clone(), gone.clone()));
            }
        });
        Self { url, requests, hung_up }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until a client has hung up in the middle of an answer.
    pub(crate) async fn hung_up(&self) {
        for _ in 0..200 {
            if self.hung_up.load(SeqCst) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody hung up");
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Vec<Answer>,
    seen: Arc<Mutex<Vec<Request>>>,
    gone: Arc<AtomicUsize>,
) {
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        let answer = script[number.min(script.len() - 1)].clone();
        let head = format!(
            "HTTP/1.1 {} Scripted\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n",
            answer.status, answer.kind
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for (delay, piece) in &answer.pieces {
            let mut byte = [0];
            tokio::select! {
                // The client has nothing to say here: a read ends when it hangs up.
                _ = stream.read(&mut byte) => {
                    gone.fetch_add(1, SeqCst);
                    return;
                }
                () = tokio::time::sleep(*delay) => {}
            }
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                return;
            }
        }
        if answer.cut {
            return;
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { head: text, body: String::from_utf8_lossy(&bytes[head..]).into_owned() })
}

/// A whole chat answer of OpenAI's.
pub(crate) const HELLO: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// A tool call of OpenAI's.
pub(crate) const TOOL_CALL: &str = r#"{"id":"chatcmpl-2","object":"chat.completion","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

/// The same in pieces.
pub(crate) const HELLO_STREAM: [&str; 6] = [
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"lo!"},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
    "[DONE]",
];

/// An error of OpenAI's.
pub(crate) fn error(message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"server_error","param":null,"code":null}}}}"#)
}
