//! An HTTP/1.1 connection: one request at a time, driven by whoever waits for its answer.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use tokio::time::Instant;

use crate::{connect::Stream, drive::Drive, payload::PayloadBody};

/// Reads never grow beyond this, so that a fast upstream and a slow client cost no more memory.
const MAX_BUFFER: usize = 32 * 1024;

/// The connection itself, without a task of its own: nothing happens on it unless it is polled, and dropping it closes
/// the socket.
pub(crate) struct Exclusive {
    sender: http1::SendRequest<PayloadBody>,
    /// `None` once the connection has closed.
    driver: Option<http1::Connection<Stream, PayloadBody>>,
    drive: Drive,
    /// When it was opened.
    pub(crate) born: Instant,
    /// When it last fell idle.
    pub(crate) since: Instant,
}

impl Exclusive {
    pub(crate) async fn open(stream: Stream) -> Result<Self, hyper::Error> {
        let (sender, driver) = http1::Builder::new().max_buf_size(MAX_BUFFER).handshake(stream).await?;
        let now = Instant::now();
        Ok(Self { sender, driver: Some(driver), drive: Drive::new(), born: now, since: now })
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// As hyper's; the request comes back if nothing of it was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<PayloadBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<PayloadBody>>> {
        let Self { sender, driver, drive, .. } = self;
        let mut answer = pin!(sender.try_send_request(request));
        poll_fn(|cx| {
            drive.poll(cx, |cx| {
                advance(driver, cx);
                answer.as_mut().poll(cx)
            })
        })
        .await
    }

    /// Runs the connection, and polls what it feeds.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut fed: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let Self { driver, drive, .. } = self;
        drive.poll(cx, |cx| {
            advance(driver, cx);
            fed(cx)
        })
    }

    /// Whether another request can be sent at once: the last answer was read to its end, and the upstream has not
    /// closed the connection.
    pub(crate) fn is_idle(&mut self) -> bool {
        advance(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.drive.release();
        self.driver.is_some() && self.sender.is_ready()
    }
}

/// What a closed connection still holds must be dropped: that is how a waiting request comes back.
fn advance(driver: &mut Option<http1::Connection<Stream, PayloadBody>>, cx: &mut Context<'_>) {
    if let Some(connection) = driver
        && Pin::new(connection).poll(cx).is_ready()
    {
        *driver = None;
    }
}
