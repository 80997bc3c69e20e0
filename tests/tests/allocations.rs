//! Allocations of the gateway for one relayed request, counted in the whole stack over real sockets. They may only go
//! down: whoever lowers them lowers the pins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use lockgate_config::{Sources, load};
use lockgate_gateway::{Drain, Gateway};
use lockgate_telemetry::Metrics;
use lockgate_transport::{Transport, TransportConfig};

/// Most allocations for a chat call of 1 KB from OpenAI's surface to OpenAI's dialect, whole answer.
const RELAYED: u64 = 47;

const KEY: &str = "sk-allocations-test-key";
const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;

#[test]
fn a_relayed_call_allocates_no_more_than_its_pin() {
    let upstream = upstream();
    let few = count(upstream, 50);
    let many = count(upstream, 250);
    let each = (many - few) / 200;
    println!("{each} allocations for each relayed call");
    assert!(each <= RELAYED, "{each} allocations for each relayed call; the pin is {RELAYED}");
}

/// All allocations of a gateway that serves this many calls on one connection.
fn count(upstream: SocketAddr, calls: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let config = format!(
        "model_list:\n- model_name: gpt\n  litellm_params: {{model: openai/gpt-4o, api_key: sk-up, api_base: \
         'http://{upstream}/v1'}}\ngeneral_settings: {{master_key: {KEY}}}\n"
    );
    std::fs::write(&file, config).unwrap();
    let snapshot = load(&Sources { file: Some(file), ..Sources::default() }).unwrap();
    let transport = Transport::new(&TransportConfig::default()).unwrap();
    let gateway = Gateway::new(snapshot, transport, Metrics::new().unwrap(), "");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (done, stopped) = tokio::sync::oneshot::channel::<()>();
    let client = thread::spawn(move || {
        call(address, calls);
        done.send(()).unwrap();
    });
    let drain = Drain { delay: std::time::Duration::ZERO, limit: std::time::Duration::from_secs(5) };
    let counted = allocation_counter::measure(|| {
        let stop = async move {
            let _ = stopped.await;
        };
        runtime.block_on(gateway.serve(listener, stop, drain)).unwrap();
    });
    client.join().unwrap();
    counted.count_total
}

fn call(address: SocketAddr, calls: usize) {
    let mut socket = TcpStream::connect(address).unwrap();
    let body =
        format!(r#"{{"model":"gpt","messages":[{{"role":"user","content":"{}"}}]}}"#, "word ".repeat(200));
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    for _ in 0..calls {
        socket.write_all(request.as_bytes()).unwrap();
        assert!(message(&mut reader).unwrap().starts_with("HTTP/1.1 200"));
    }
}

/// A provider that gives the same answer to every request.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                while message(&mut reader).is_some() {
                    let length = ANSWER.len();
                    write!(socket, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{ANSWER}")
                        .unwrap();
                }
            });
        }
    });
    address
}

/// Reads one message with a content length; gives its first line.
fn message(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(first)
}
