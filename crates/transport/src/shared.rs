//! An HTTP/2 connection: many requests at a time, up to a number that every known upstream takes.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::{connect::Stream, payload::PayloadBody};

/// Requests at a time on one connection; upstreams commonly take 100 or 128.
pub(crate) const MAX_STREAMS: usize = 64;
/// What an upstream may send of one answer before the client has taken it.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The connection as the pool keeps it.
pub(crate) struct Shared {
    sender: http2::SendRequest<PayloadBody>,
    active: Arc<AtomicUsize>,
    /// Requests at a time that the upstream says it takes.
    limit: Arc<AtomicUsize>,
    born: Instant,
    idle_since: Option<Instant>,
}

/// One of the connection's places; given back by dropping it.
pub(crate) struct Place {
    pub(crate) sender: http2::SendRequest<PayloadBody>,
    /// Whether requests were sent on the connection before.
    pub(crate) reused: bool,
    held: Held,
}

/// Counts as a request on its way until dropped.
pub(crate) struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Shared {
    pub(crate) async fn open(stream: Stream) -> Result<Self, hyper::Error> {
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW * 16)
            .max_send_buf_size(STREAM_WINDOW as usize)
            // Finds out about upstreams that went away without a word.
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .handshake(stream)
            .await?;
        let limit = Arc::new(AtomicUsize::new(MAX_STREAMS));
        tokio::spawn(watch(driver, limit.clone()));
        Ok(Self { sender, active: Arc::default(), limit, born: Instant::now(), idle_since: None })
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// A place, unless all are taken or the connection is older than `max_age`. Called under the pool's lock only.
    pub(crate) fn place(&self, max_age: Duration, reused: bool) -> Option<Place> {
        let limit = self.limit.load(Relaxed).clamp(1, MAX_STREAMS);
        if !self.is_open() || self.active.load(Relaxed) >= limit || self.born.elapsed() > max_age {
            return None;
        }
        self.active.fetch_add(1, Relaxed);
        Some(Place { sender: self.sender.clone(), reused, held: Held(self.active.clone()) })
    }

    /// Whether it has had no request for so long.
    pub(crate) fn is_stale(&mut self, now: Instant, idle: Duration) -> bool {
        if self.active.load(Relaxed) > 0 {
            self.idle_since = None;
            return false;
        }
        now.duration_since(*self.idle_since.get_or_insert(now)) >= idle
    }
}

/// Runs the connection, and keeps up with the number of streams that the upstream allows.
async fn watch(mut driver: http2::Connection<Stream, PayloadBody, TokioExecutor>, limit: Arc<AtomicUsize>) {
    // A connection that failed has told all of its requests.
    let _ = poll_fn(|cx| {
        let polled = Pin::new(&mut driver).poll(cx);
        limit.store(driver.current_max_send_streams(), Relaxed);
        polled
    })
    .await;
}

impl Place {
    pub(crate) fn hold(self) -> Held {
        self.held
    }
}
