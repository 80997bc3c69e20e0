//! A scripted upstream on a local socket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use lockgate_core::{Error, Payload};
use lockgate_transport::{Limits, Transport, TransportConfig, UpstreamBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Accepts connections and plays the script on each.
pub struct Upstream {
    pub address: String,
    pub connections: Arc<AtomicUsize>,
}

impl Upstream {
    pub async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                count.fetch_add(1, SeqCst);
                tokio::spawn(script(Socket { stream, buffer: Vec::new() }));
            }
        });
        Self { address, connections }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

/// The upstream's end of a connection.
pub struct Socket {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

impl Socket {
    /// The next request, head and body as text; `None` if the client closed.
    pub async fn request(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .map_or(0, |rest| rest.lines().next().unwrap().trim().parse().unwrap());
                let whole = end + 4 + length;
                if self.buffer.len() >= whole {
                    let request = self.buffer.drain(..whole).collect::<Vec<u8>>();
                    return Some(String::from_utf8_lossy(&request).into_owned());
                }
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// A whole answer.
    pub async fn answer(&mut self, body: &str) {
        self.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-end: 1\r\n\r\n{body}", body.len()))
            .await;
    }

    /// The head of a stream.
    pub async fn head(&mut self) {
        self.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
    }

    pub async fn chunk(&mut self, data: &str) {
        self.send(format!("{:x}\r\n{data}\r\n", data.len())).await;
    }

    /// Waits until the client has closed; how long that took.
    pub async fn closed(&mut self) -> Duration {
        let start = std::time::Instant::now();
        let mut rest = [0; 1024];
        while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
        start.elapsed()
    }
}

pub fn transport() -> Transport {
    Transport::new(&TransportConfig::default()).unwrap()
}

pub fn post(url: &str, body: impl Into<Payload>) -> Request<Payload> {
    Request::post(url).header("authorization", "Bearer sk-canary").body(body.into()).unwrap()
}

pub async fn send(transport: &Transport, url: &str) -> Result<Response<UpstreamBody>, Error> {
    transport.send(post(url, "{}"), Limits::default()).await
}

pub async fn text(answer: Result<Response<UpstreamBody>, Error>) -> Result<Bytes, Error> {
    answer?.into_body().collect(1 << 30).await
}

pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
