//! The body of an upstream's answer, under the attempt's time limits.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, SizeHint};
use hyper::body::Incoming;
use lockgate_core::{Error, ErrorKind, Origin};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    Limits,
    exclusive::Exclusive,
    failure::{self, Limit},
    pool::Host,
    shared::Held,
};

/// The answer's bytes as they come. Dropping it before its end closes the connection to the upstream, or ends its
/// stream on a connection that others use.
pub struct UpstreamBody {
    incoming: Incoming,
    /// `None` after the end or a failure: the connection is given back or closed as soon as that is known.
    carrier: Option<Carrier>,
    deadline: Deadline,
    host: Arc<Host>,
}

/// What the answer comes on.
pub(crate) enum Carrier {
    Exclusive(Box<Exclusive>),
    Shared { _held: Held },
}

impl UpstreamBody {
    pub(crate) fn new(incoming: Incoming, carrier: Carrier, deadline: Deadline, host: Arc<Host>) -> Self {
        let mut body = Self { incoming, carrier: Some(carrier), deadline, host };
        body.release_at_end();
        body
    }

    /// The next bytes, never empty ones; `None` at the end in good order.
    ///
    /// # Errors
    /// [`Timeout`](ErrorKind::Timeout) if a limit passed, [`Connection`](ErrorKind::Connection) if the connection
    /// broke. Nothing follows.
    pub async fn frame(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    /// As [`UpstreamBody::frame`], for use inside another body. Cheap: no timer is armed while bytes are at hand.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            let incoming = &mut self.incoming;
            let polled = match &mut self.carrier {
                None => return Poll::Ready(None),
                Some(Carrier::Exclusive(connection)) => {
                    connection.poll(cx, |cx| Pin::new(&mut *incoming).poll_frame(cx))
                }
                Some(Carrier::Shared { .. }) => Pin::new(incoming).poll_frame(cx),
            };
            let error = match polled {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.deadline.progress();
                        self.release_at_end();
                        return Poll::Ready(Some(Ok(data)));
                    }
                    // Trailers and empty frames mean nothing here.
                    _ => continue,
                },
                Poll::Ready(Some(Err(error))) => failure::broken(&error, &self.host.authority),
                Poll::Ready(None) => {
                    self.release();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let (limit, value) = ready!(self.deadline.poll(cx));
                    failure::timeout(limit, value, &self.host.authority)
                }
            };
            self.carrier = None;
            return Poll::Ready(Some(Err(error)));
        }
    }

    /// Whether nothing more can come; known without waiting.
    pub fn is_end_stream(&self) -> bool {
        self.carrier.is_none() || self.incoming.is_end_stream()
    }

    /// How many bytes will come, as far as the answer's head says.
    pub fn size_hint(&self) -> SizeHint {
        if self.carrier.is_none() { SizeHint::with_exact(0) } else { self.incoming.size_hint() }
    }

    /// The whole body in one piece; not copied if it came in one.
    ///
    /// # Errors
    /// As for [`UpstreamBody::frame`], or the body is longer than `limit` bytes.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let expected = self.size_hint().exact().unwrap_or(0);
        if expected > limit as u64 {
            return Err(too_long(limit));
        }
        let Some(first) = self.frame().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_long(limit));
        }
        let Some(second) = self.frame().await.transpose()? else { return Ok(first) };
        let mut whole = BytesMut::with_capacity((expected as usize).max(first.len() + second.len()));
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(bytes) = next {
            if whole.len() + bytes.len() > limit {
                return Err(too_long(limit));
            }
            whole.extend_from_slice(&bytes);
            next = self.frame().await.transpose()?;
        }
        Ok(whole.freeze())
    }
}

impl UpstreamBody {
    /// Whoever reads a body of known length may stop at its last byte.
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(Carrier::Exclusive(connection)) = self.carrier.take() {
            self.host.give_back(connection);
        }
    }
}

fn too_long(limit: usize) -> Error {
    let message = format!("The upstream's answer is longer than the limit of {limit} bytes.");
    Error::new(ErrorKind::InvalidResponse, Origin::Upstream, message)
}

/// The limits of one attempt on one timer, which is re-armed only when it must ring earlier than it would, or has rung
/// too early.
pub(crate) struct Deadline {
    limits: Limits,
    start: Instant,
    /// What the current wait is bounded by; `None` while bytes flow.
    wait: Option<(Instant, Limit)>,
    answered: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, start: Instant::now(), wait: None, answered: false, timer: None }
    }

    /// Bytes of the body have come.
    pub(crate) fn progress(&mut self) {
        self.answered = true;
        self.wait = None;
    }

    /// Ready when a limit has passed, with its value.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Limit, Duration)> {
        let (until, limit) = match self.wait {
            Some(wait) => wait,
            None => *self.wait.insert(self.next_limit()),
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= until {
                return Poll::Ready((limit, self.value(limit)));
            }
            timer.as_mut().reset(until);
        }
    }

    fn next_limit(&self) -> (Instant, Limit) {
        let (until, limit) = if self.answered {
            (later(Instant::now(), self.limits.idle), Limit::Idle)
        } else {
            (later(self.start, self.limits.first_byte), Limit::FirstByte)
        };
        let end = later(self.start, self.limits.total);
        if end < until { (end, Limit::Total) } else { (until, limit) }
    }

    fn value(&self, limit: Limit) -> Duration {
        match limit {
            Limit::Connect => self.limits.connect,
            Limit::FirstByte => self.limits.first_byte,
            Limit::Idle => self.limits.idle,
            Limit::Total => self.limits.total,
        }
    }
}

/// An instant in the future; a year off if the operator's duration is beyond counting.
fn later(from: Instant, duration: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    from + duration.min(YEAR)
}
