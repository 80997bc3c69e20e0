//! A scripted server on 127.0.0.1: answers, waits, resets, cuts off, hangs, and notices when its peer goes away.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// When it was complete.
    pub at: Instant,
}

impl Request {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the server does with a request, step by step.
#[derive(Clone, Debug, Default)]
pub struct Answer(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Bytes(Bytes),
    Wait(Duration),
    Reset,
    Close,
    Hang,
}

impl Answer {
    /// A whole JSON answer.
    pub fn json(status: u16, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self::raw(format!("{head}{body}"))
    }

    /// A whole JSON answer with a header more.
    pub fn json_with(status: u16, header: &str, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\n{header}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self::raw(format!("{head}{body}"))
    }

    /// Any bytes in the place of an answer.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self(vec![Step::Bytes(bytes.into())])
    }

    /// A stream of these chunks, `pause` between them, ended in good order.
    pub fn stream<T: AsRef<str>>(chunks: impl IntoIterator<Item = T>, pause: Duration) -> Self {
        Self::open_stream(chunks, pause).then("0\r\n\r\n")
    }

    /// A stream of these chunks that is not ended: say what comes next.
    pub fn open_stream<T: AsRef<str>>(chunks: impl IntoIterator<Item = T>, pause: Duration) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut answer = Self::raw(head);
        for (position, chunk) in chunks.into_iter().enumerate() {
            if position > 0 && !pause.is_zero() {
                answer.0.push(Step::Wait(pause));
            }
            let chunk = chunk.as_ref();
            answer = answer.then(format!("{:x}\r\n{chunk}\r\n", chunk.len()));
        }
        answer
    }

    /// Sends more bytes.
    #[must_use]
    pub fn then(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.push(Step::Bytes(bytes.into()));
        self
    }

    /// Waits before all else.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.0.insert(0, Step::Wait(delay));
        self
    }

    /// Waits.
    #[must_use]
    pub fn wait(mut self, delay: Duration) -> Self {
        self.0.push(Step::Wait(delay));
        self
    }

    /// Resets the connection.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.0.push(Step::Reset);
        self
    }

    /// Closes the connection, whatever was promised.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.0.push(Step::Close);
        self
    }

    /// Says nothing more until the peer goes away.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.0.push(Step::Hang);
        self
    }
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server. It stops when this is dropped.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    gone: Mutex<Vec<Instant>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    changed: Notify,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Starts a server that answers every request as `handler` says.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let handler: Arc<Handler> = Arc::new(handler);
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                shared.open.fetch_add(1, Ordering::Relaxed);
                let (state, handler) = (shared.clone(), handler.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let _ = Connection { stream, buffer: Vec::new() }.serve(&state, &*handler).await;
                    state.open.fetch_sub(1, Ordering::Relaxed);
                    state.changed.notify_waiters();
                });
            }
        });
        Ok(Self { address, state, task })
    }

    /// Starts a server that gives these answers in turn, and the last one ever after.
    ///
    /// # Errors
    /// No port is free.
    pub async fn script(answers: Vec<Answer>) -> io::Result<Self> {
        let next = AtomicUsize::new(0);
        Self::start(move |_| {
            let at = next.fetch_add(1, Ordering::Relaxed).min(answers.len().saturating_sub(1));
            answers.get(at).cloned().unwrap_or_default()
        })
        .await
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were ever opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Waits until a peer has gone away in the middle of its answer, and tells when; `None` if none does in time.
    pub async fn abandoned(&self, patience: Duration) -> Option<Instant> {
        self.abandoned_again(1, patience).await
    }

    /// Waits until that many peers have gone away in the middle of their answers, and tells when the last of them did.
    pub async fn abandoned_again(&self, times: usize, patience: Duration) -> Option<Instant> {
        let gone = || {
            let gone = self.state.gone.lock().unwrap_or_else(PoisonError::into_inner);
            gone.get(times.checked_sub(1)?).copied()
        };
        self.until(patience, || gone().is_some()).await;
        gone()
    }

    /// Waits until that many requests have come; tells whether they have.
    pub async fn received(&self, count: usize, patience: Duration) -> bool {
        self.until(patience, || self.requests().len() >= count).await
    }

    async fn until(&self, patience: Duration, holds: impl Fn() -> bool) -> bool {
        let wait = async {
            loop {
                let changed = self.state.changed.notified();
                if holds() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok() || holds()
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn serve(mut self, state: &State, handler: &Handler) -> io::Result<()> {
        while let Some(request) = self.request().await? {
            let answer = handler(&request);
            state.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            state.changed.notify_waiters();
            for step in answer.0 {
                let done = match step {
                    Step::Bytes(bytes) => self.stream.write_all(&bytes).await,
                    Step::Wait(delay) => self.stay(Some(delay)).await,
                    Step::Hang => self.stay(None).await,
                    Step::Close => return Ok(()),
                    Step::Reset => {
                        self.stream.set_zero_linger()?;
                        return Ok(());
                    }
                };
                if let Err(error) = done {
                    state.gone.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                    state.changed.notify_waiters();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Stays for a while, or for ever; fails as soon as the peer goes away.
    async fn stay(&mut self, delay: Option<Duration>) -> io::Result<()> {
        let pause = async {
            match delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(pause);
        loop {
            let mut bytes = [0; 1024];
            tokio::select! {
                () = &mut pause => return Ok(()),
                read = self.stream.read(&mut bytes) => match read? {
                    0 => return Err(io::ErrorKind::ConnectionAborted.into()),
                    count => self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default()),
                },
            }
        }
    }

    /// The next request, or none if the peer has closed.
    async fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(end) = self.fill_until(|buffer| find(buffer, b"\r\n\r\n")).await? else { return Ok(None) };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or("").split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let pair = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_lowercase(), value.trim().to_owned()))
        };
        let headers: Vec<(String, String)> = lines.filter_map(pair).collect();
        let value =
            |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let body = if value("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            self.chunked().await?
        } else {
            let length = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            self.take(length).await?
        };
        Ok(Some(Request { method, target, headers, body: body.into(), at: Instant::now() }))
    }

    async fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.fill_until(|buffer| find(buffer, b"\r\n")).await?;
            let line: Vec<u8> = self.buffer.drain(..end.ok_or(io::ErrorKind::UnexpectedEof)? + 2).collect();
            let size = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16);
            let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(chunk.get(..size).unwrap_or_default());
        }
    }

    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let full = self.fill_until(|buffer| (buffer.len() >= length).then_some(length)).await?;
        full.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads until the buffer has what is wanted; `None` if the peer closes before.
    async fn fill_until(&mut self, wanted: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Option<usize>> {
        loop {
            if let Some(found) = wanted(&self.buffer) {
                return Ok(Some(found));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn find(buffer: &[u8], needle: &[u8]) -> Option<usize> {
    buffer.windows(needle.len()).position(|window| window == needle)
}
