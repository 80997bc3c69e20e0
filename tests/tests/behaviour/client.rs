//! A small HTTP client that reads answers as they come and closes when it is dropped.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lockgate_testkit::grammar;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::gateway::{Gateway, KEY};

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer whose body is still on its way.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    connection: JoinHandle<()>,
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the body broke off.
    pub(crate) broken: bool,
}

impl Whole {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// What the stream came to; it must keep to the grammar of the path's protocol (STR-5).
    pub(crate) fn stream(&self, path: &str) -> grammar::Ending {
        let surface = if path == "/v1/messages" { "anthropic" } else { "openai" };
        grammar::check(surface, self.text())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Reply {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("the stream hangs")? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_) => continue,
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    pub(crate) async fn whole(mut self) -> Whole {
        let (mut body, mut broken) = (Vec::new(), false);
        while let Some(piece) = self.next().await {
            match piece {
                Ok(piece) => body.extend_from_slice(&piece),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        Whole { status: self.status, headers: self.headers.clone(), body, broken }
    }
}

/// Sends any request on a connection of its own.
pub(crate) async fn send(url: &str, request: Request<Full<Bytes>>) -> std::io::Result<Reply> {
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    let connection = tokio::spawn(async move { drop(connection.await) });
    let response =
        tokio::time::timeout(PATIENCE, sender.send_request(request)).await.expect("no answer comes");
    let (head, body) = response.map_err(std::io::Error::other)?.into_parts();
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body, connection })
}

pub(crate) async fn try_get(url: &str) -> std::io::Result<Whole> {
    let path = url.splitn(4, '/').nth(3).unwrap_or("");
    let request = Request::get(format!("/{path}"))
        .header("host", "gateway.test")
        .header("authorization", format!("Bearer {KEY}"))
        .body(Full::default());
    Ok(send(url, request.unwrap()).await?.whole().await)
}

impl Gateway {
    pub(crate) async fn get(&self, path: &str) -> Whole {
        try_get(&format!("{}{path}", self.url)).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Whole {
        let request = Request::delete(path)
            .header("host", "gateway.test")
            .header("authorization", format!("Bearer {KEY}"))
            .body(Full::default());
        send(&self.url, request.unwrap()).await.unwrap().whole().await
    }

    /// Sends JSON and gives the answer as it comes.
    pub(crate) async fn open(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.open_with(path, body, &[]).await
    }

    pub(crate) async fn open_with(
        &self,
        path: &str,
        body: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = Request::post(path)
            .header("host", "gateway.test")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {KEY}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&self.url, request.body(Full::new(body.into())).unwrap()).await.unwrap()
    }

    /// Sends JSON and waits for the whole answer.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Whole {
        self.open(path, body.to_owned()).await.whole().await
    }
}

/// The two surfaces: their path and a body that asks `model` to say something.
pub(crate) const SURFACES: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

pub(crate) fn ask(model: &str, stream: bool) -> String {
    format!(
        "{{\"model\":\"{model}\",\"max_tokens\":50,\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}],\"stream\":{stream}}}"
    )
}
