//! A load generator: keep-alive connections, each with one request at a time.
//!
//! `perf-load --url http://127.0.0.1:PORT/PATH --body FILE [--header 'name: value']… [--concurrency 1]
//! [--requests N | --seconds S]`
//!
//! Prints one line of JSON: requests, errors, seconds, requests per second, latencies in microseconds (to the
//! last byte, and to the first byte of the body), events and bytes of the answers. A request is an error when its
//! status is not 200 or its answer breaks off.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use lockgate_perf::Flags;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::timeout;

/// After this many errors the target is taken for broken.
const MAX_ERRORS: u64 = 100;
/// A request that takes longer is an error: the target hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let flags = Flags::from_env(&["url", "body", "header", "concurrency", "requests", "seconds"])?;
    let load = Rc::new(Load::from_flags(&flags)?);
    let concurrency = flags.value("concurrency")?.unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let started = Instant::now();
    runtime.block_on(LocalSet::new().run_until(async {
        let workers: Vec<_> =
            (0..concurrency).map(|_| tokio::task::spawn_local(work(load.clone()))).collect();
        for worker in workers {
            worker.await?;
        }
        anyhow::Ok(())
    }))?;
    let report = load.tally.borrow_mut().report(started.elapsed());
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

struct Load {
    address: String,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    requests: u64,
    until: Option<Instant>,
    tally: RefCell<Tally>,
}

#[derive(Default)]
struct Tally {
    started: u64,
    errors: u64,
    first_error: Option<String>,
    latencies: Vec<u64>,
    first_bytes: Vec<u64>,
    events: u64,
    bytes: u64,
}

struct Seen {
    latency: Duration,
    first_byte: Duration,
    events: u64,
    bytes: u64,
}

impl Load {
    fn from_flags(flags: &Flags) -> Result<Self> {
        let url: Uri = flags.need("url")?;
        let address = url.authority().context("--url needs a host and a port")?.to_string();
        let path = url.path_and_query().context("--url needs a path")?.as_str();
        let body: String = flags.need("body")?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(&address)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for header in flags.all("header") {
            let (name, value) = header.split_once(':').context("--header is `name: value`")?;
            headers.insert(HeaderName::from_bytes(name.trim().as_bytes())?, value.trim().parse()?);
        }
        let seconds: Option<f64> = flags.value("seconds")?;
        let requests = flags.value("requests")?;
        ensure!(seconds.is_some() || requests.is_some(), "give --requests or --seconds");
        Ok(Self {
            uri: path.parse()?,
            address,
            headers,
            body: std::fs::read(&body).with_context(|| body.clone())?.into(),
            requests: requests.unwrap_or(u64::MAX),
            until: seconds.map(|s| Instant::now() + Duration::from_secs_f64(s)),
            tally: RefCell::default(),
        })
    }

    /// Takes the next request from the budget, or says that the run is over.
    fn take(&self) -> bool {
        let mut tally = self.tally.borrow_mut();
        let more = tally.started < self.requests
            && tally.errors < MAX_ERRORS
            && self.until.is_none_or(|until| Instant::now() < until);
        tally.started += u64::from(more);
        more
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

async fn work(load: Rc<Load>) {
    let mut connection = None;
    while load.take() {
        let seen = timeout(PATIENCE, one(&load, &mut connection)).await;
        let seen = seen.unwrap_or_else(|_| Err(anyhow!("no whole answer in {PATIENCE:?}")));
        let mut tally = load.tally.borrow_mut();
        match seen {
            Ok(seen) => tally.count(&seen),
            Err(error) => {
                tally.errors += 1;
                tally.first_error.get_or_insert_with(|| format!("{error:#}"));
                connection = None;
            }
        }
    }
}

async fn one(load: &Load, connection: &mut Option<SendRequest<Full<Bytes>>>) -> Result<Seen> {
    if connection.as_ref().is_none_or(SendRequest::is_closed) {
        *connection = Some(connect(&load.address).await?);
    }
    let Some(sender) = connection else { bail!("no connection") };
    sender.ready().await?;
    let started = Instant::now();
    let mut answer = sender.send_request(load.request()).await?;
    let mut counter = EventCounter::default();
    let (mut first_byte, mut bytes, mut excerpt) = (None, 0, Vec::new());
    while let Some(frame) = answer.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        first_byte.get_or_insert_with(|| started.elapsed());
        counter.read(&data);
        bytes += data.len() as u64;
        if answer.status() != 200 && excerpt.len() < 500 {
            excerpt.extend_from_slice(&data);
        }
    }
    let latency = started.elapsed();
    ensure!(answer.status() == 200, "status {}: {}", answer.status(), String::from_utf8_lossy(&excerpt));
    Ok(Seen { latency, first_byte: first_byte.unwrap_or(latency), events: counter.events, bytes })
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(address).await.context("cannot connect")?;
    socket.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(socket)).await?;
    drop(tokio::task::spawn_local(connection));
    Ok(sender)
}

/// Counts the empty lines that end server-sent events, over the borders of frames.
#[derive(Default)]
struct EventCounter {
    events: u64,
    after_newline: bool,
}

impl EventCounter {
    fn read(&mut self, data: &[u8]) {
        self.events += u64::from(self.after_newline && data.first() == Some(&b'\n'));
        self.events += memchr::memmem::find_iter(data, b"\n\n").count() as u64;
        self.after_newline = data.last() == Some(&b'\n') && !data.ends_with(b"\n\n");
    }
}

impl Tally {
    fn count(&mut self, seen: &Seen) {
        self.latencies.push(micros(seen.latency));
        self.first_bytes.push(micros(seen.first_byte));
        self.events += seen.events;
        self.bytes += seen.bytes;
    }

    fn report(&mut self, elapsed: Duration) -> serde_json::Value {
        let seconds = elapsed.as_secs_f64();
        self.latencies.sort_unstable();
        self.first_bytes.sort_unstable();
        json!({
            "requests": self.latencies.len(),
            "errors": self.errors,
            "first_error": self.first_error,
            "seconds": seconds,
            "rps": self.latencies.len() as f64 / seconds,
            "p50_us": quantile(&self.latencies, 50) / 10.0,
            "p99_us": quantile(&self.latencies, 99) / 10.0,
            "first_byte_p50_us": quantile(&self.first_bytes, 50) / 10.0,
            "first_byte_p99_us": quantile(&self.first_bytes, 99) / 10.0,
            "events": self.events,
            "bytes": self.bytes,
        })
    }
}

/// Tenths of a microsecond.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / 100).unwrap_or(u64::MAX)
}

fn quantile(sorted: &[u64], percent: usize) -> f64 {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).map_or(0.0, |&v| v as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_over_frame_borders() {
        let mut counter = EventCounter::default();
        for frame in ["data: 1\n\ndata: 2\n", "\nda", "ta: 3\n\n", "data: 4\n\n"] {
            counter.read(frame.as_bytes());
        }
        assert_eq!(counter.events, 4);
    }

    #[test]
    fn quantiles_of_few_and_many() {
        assert_eq!(quantile(&[], 99), 0.0);
        assert_eq!(quantile(&[7], 99), 7.0);
        assert_eq!(quantile(&(0..=100).collect::<Vec<_>>(), 99), 99.0);
    }
}
