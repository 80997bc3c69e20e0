//! Keeps idle streams alive (K8S-2): a comment or ping after a silence, also before the upstream's first byte.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use lockgate_core::{Call, Result, wire::write_sse_comment};
use tokio::time::{Instant, Sleep, sleep};

use crate::{ResponseBody, attempt::event_stream, headers, stack::Response};

/// The clock of one stream's silence.
pub(crate) struct Keepalive {
    bytes: Bytes,
    interval: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    last: Instant,
    /// Whether the last bytes ended an event: only there may a comment stand.
    between_events: bool,
}

impl Keepalive {
    /// Starts the clock. Without an interval it never rings.
    pub(crate) fn new(call: &Call, interval: Option<Duration>) -> Self {
        Self::of(call.surface.keepalive(call), interval)
    }

    /// For a stream of events that belongs to no call.
    pub(crate) fn comments(interval: Option<Duration>) -> Self {
        let mut comment = Vec::new();
        write_sse_comment(&mut comment, "keepalive");
        Self::of(comment.into(), interval)
    }

    fn of(bytes: Bytes, interval: Option<Duration>) -> Self {
        Self { bytes, interval, sleep: None, last: Instant::now(), between_events: true }
    }

    /// Bytes went to the client.
    pub(crate) fn saw(&mut self, bytes: &[u8]) {
        self.last = Instant::now();
        self.between_events = bytes.ends_with(b"\n\n") || bytes.ends_with(b"\r\n\r\n");
    }

    /// Ready with the keepalive's bytes when the silence has lasted. The timer is armed once for each silence, not
    /// for each chunk: when it rings early it is set anew.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        let Some(interval) = self.interval else { return Poll::Pending };
        let due = self.last + interval;
        let timer = self.sleep.get_or_insert_with(|| Box::pin(sleep(interval)));
        loop {
            ready!(timer.as_mut().poll(context));
            let now = Instant::now();
            if now >= due && self.between_events {
                self.last = now;
                timer.as_mut().reset(now + interval);
                return Poll::Ready(self.bytes.clone());
            }
            timer.as_mut().reset(if now >= due { now + interval } else { due });
        }
    }
}

/// Waits for a streamed answer; if it takes longer than the interval, answers with an open stream that is kept alive
/// until the real one comes. Headers about the deployment are then lost; errors are told in the stream.
pub(crate) async fn open(
    call: Arc<Call>,
    interval: Option<Duration>,
    mut answer: Answer,
) -> Result<Response> {
    let Some(interval) = interval else { return answer.await };
    match tokio::time::timeout(interval, &mut answer).await {
        Ok(answer) => answer,
        Err(_) => {
            let opening = Opening {
                keepalive: Keepalive::new(&call, Some(interval)),
                call,
                state: State::Waiting(answer),
            };
            let call = opening.call.clone();
            let mut response = Response::new(ResponseBody::opening(opening));
            headers::identity(response.headers_mut(), &call.id);
            event_stream(response.headers_mut(), &call);
            Ok(response)
        }
    }
}

/// An answer that is still being made.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// A stream that was opened before its answer came.
pub(crate) struct Opening {
    call: Arc<Call>,
    keepalive: Keepalive,
    state: State,
}

enum State {
    Waiting(Answer),
    Flowing(ResponseBody),
    Over,
}

impl Opening {
    /// The next bytes for the client; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match &mut self.state {
                State::Waiting(answer) => match answer.as_mut().poll(context) {
                    Poll::Ready(Ok(response)) => self.state = State::Flowing(response.into_body()),
                    Poll::Ready(Err(error)) => {
                        self.state = State::Over;
                        let mut out = Vec::new();
                        self.call.surface.encoder(&self.call).fail(&error, &mut out);
                        return Poll::Ready(Some(out.into()));
                    }
                    Poll::Pending => return self.keepalive.poll(context).map(Some),
                },
                State::Flowing(body) => return body.poll_bytes(context),
                State::Over => return Poll::Ready(None),
            }
        }
    }
}
