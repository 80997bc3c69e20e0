//! One attempt on an upstream: the hot path.

use std::{cell::Cell, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use http::{Request, Response};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use lockgate_core::{Error, Payload};

use crate::{
    Limits, TransportConfig, TransportError, UpstreamBody,
    body::Deadline,
    connect::{Connector, DIALLING, Dialling},
    failure,
    payload::PayloadBody,
};

/// Reads never grow beyond this, so that a fast upstream and a slow client cost no more memory.
const MAX_BUFFER: usize = 128 * 1024;

/// Pooled connections to all upstreams. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Transport(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) connector: Connector,
    client: Client<Connector, PayloadBody>,
}

impl Transport {
    /// Makes an empty pool. Nothing is opened, and certificates are read when the first `https` upstream is called.
    ///
    /// # Errors
    /// A proxy's address or the certificate file cannot be used.
    pub fn new(config: &TransportConfig) -> Result<Self, TransportError> {
        let connector = Connector::new(config)?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.pool_idle)
            .pool_max_idle_per_host(config.max_idle_per_host)
            // A connection that the upstream closed while it was idle costs the caller nothing.
            .retry_canceled_requests(true)
            .http1_max_buf_size(MAX_BUFFER)
            .http2_initial_stream_window_size(256 * 1024)
            .http2_initial_connection_window_size(4 * 1024 * 1024)
            .http2_max_send_buf_size(256 * 1024)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .build(connector.clone());
        Ok(Self(Arc::new(Inner { connector, client })))
    }

    /// Makes one attempt and gives back the answer's head as soon as it is there, whatever its status. The URL of the
    /// request must be absolute.
    ///
    /// Dropping the future closes the connection to the upstream.
    ///
    /// # Errors
    /// [`Timeout`](lockgate_core::ErrorKind::Timeout) if a limit passed, naming it;
    /// [`Connection`](lockgate_core::ErrorKind::Connection) if no connection could be made or it broke.
    pub async fn send(
        &self,
        request: Request<Payload>,
        limits: Limits,
    ) -> Result<Response<UpstreamBody>, Error> {
        let (parts, payload) = request.into_parts();
        let Some(authority) = parts.uri.authority().cloned() else {
            return Err(Error::internal("An upstream request has no host."));
        };
        let request = Request::from_parts(parts, PayloadBody::from(payload));
        let mut deadline = Deadline::new(limits);
        let dialling = Dialling { limit: limits.connect, begun: Cell::new(false) };
        let mut answer = pin!(DIALLING.scope(dialling, self.0.client.request(request)));
        let outcome = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Ok(answer)),
            Poll::Pending => deadline.poll(cx).map(Err),
        });
        match outcome.await {
            Ok(Ok(answer)) => Ok(answer.map(|incoming| UpstreamBody::new(incoming, deadline, authority))),
            Ok(Err(error)) => Err(failure::request(&error, &authority)),
            Err((limit, value)) => Err(failure::timeout(limit, value, &authority)),
        }
    }
}
