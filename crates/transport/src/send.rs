//! One attempt on an upstream: the hot path.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use lockgate_core::{Error, Payload};
use tokio::time::Instant;

use crate::{
    Limits, TransportConfig, TransportError, UpstreamBody,
    body::{Carrier, Deadline},
    connect::Connector,
    failure,
    payload::{BoxError, PayloadBody},
    pool::{Host, Lease, Pool},
    token::Tokens,
};

/// Connections idle for less are not suspected of having been closed just now, and their requests are not kept for
/// sending again.
const FRESH: Duration = Duration::from_micros(100);
/// A connection that was closed while the request was on its way shows it within a round trip. Later, the upstream
/// may have begun to work on the request.
const CROSSED: Duration = Duration::from_secs(1);

/// Pooled connections to all upstreams. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Transport {
    pool: Arc<Pool>,
    pub(crate) tokens: Arc<Tokens>,
}

impl Transport {
    /// Makes an empty pool. Nothing is opened, and certificates are read when the first `https` upstream is called.
    ///
    /// # Errors
    /// A proxy's address or the certificate file cannot be used.
    pub fn new(config: &TransportConfig) -> Result<Self, TransportError> {
        Ok(Self { pool: Pool::new(Connector::new(config)?, config), tokens: Arc::default() })
    }

    /// Makes one attempt and gives back the answer's head as soon as it is there, whatever its status. The URL of the
    /// request must be absolute.
    ///
    /// A kept connection that turns out to have been closed while it was idle is replaced without the caller's
    /// noticing. Dropping the future closes the connection to the upstream.
    ///
    /// # Errors
    /// [`Timeout`](lockgate_core::ErrorKind::Timeout) if a limit passed, naming it;
    /// [`Connection`](lockgate_core::ErrorKind::Connection) if no connection could be made or it broke.
    pub async fn send(
        &self,
        request: Request<Payload>,
        limits: Limits,
    ) -> Result<Response<UpstreamBody>, Error> {
        self.attempt(request.map(PayloadBody::from), limits).await
    }

    /// As [`Transport::send`], for a body whose rest comes while it is being sent. It can be sent only once.
    ///
    /// # Errors
    /// As for `send`, or the rest broke off.
    pub async fn send_with<B>(
        &self,
        request: Request<Payload>,
        rest: B,
        limits: Limits,
    ) -> Result<Response<UpstreamBody>, Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.attempt(request.map(|body| PayloadBody::from(body).followed_by(rest)), limits).await
    }

    async fn attempt(
        &self,
        request: Request<PayloadBody>,
        limits: Limits,
    ) -> Result<Response<UpstreamBody>, Error> {
        let Some(host) = self.pool.host(request.uri()) else {
            return Err(Error::internal("An upstream's URL is not an absolute http or https URL."));
        };
        let mut deadline = Deadline::new(limits);
        let outcome = {
            let mut answer = pin!(exchange(&host, request, limits.connect));
            poll_fn(|cx| match answer.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(answer),
                Poll::Pending => deadline
                    .poll(cx)
                    .map(|(limit, value)| Err(failure::timeout(limit, value, &host.authority))),
            })
            .await
        };
        let (answer, carrier) = outcome?;
        Ok(answer.map(|incoming| UpstreamBody::new(incoming, carrier, deadline, host)))
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.pool.connector
    }
}

async fn exchange(
    host: &Host,
    mut request: Request<PayloadBody>,
    connect: Duration,
) -> Result<(Response<Incoming>, Carrier), Error> {
    let mut may_repeat = true;
    loop {
        let lease = host
            .lease(connect)
            .await
            .map_err(|error| failure::no_connection(&error, connect, &host.authority))?;
        let started = Instant::now();
        let (sent, spare, reused) = match lease {
            Lease::Exclusive(mut connection, idle) => {
                host.address_exclusive(&mut request);
                let spare = idle.filter(|idle| may_repeat && *idle >= FRESH).and_then(|_| spare(&request));
                match connection.send(request).await {
                    Ok(answer) => return Ok((answer, Carrier::Exclusive(connection))),
                    Err(error) => (error, spare, idle.is_some()),
                }
            }
            Lease::Shared(mut place) => {
                host.address_shared(&mut request);
                match place.sender.try_send_request(request).await {
                    Ok(answer) => return Ok((answer, Carrier::Shared { _held: place.hold() })),
                    Err(error) => (error, None, place.reused),
                }
            }
        };
        let mut sent = sent;
        request = match (sent.take_message(), spare) {
            // Nothing of it was sent. A new connection that takes nothing is no better the next time.
            (Some(request), _) if reused => request,
            (None, Some(spare)) if failure::is_closed(sent.error()) && started.elapsed() < CROSSED => {
                may_repeat = false;
                spare
            }
            _ => return Err(failure::no_answer(sent.error(), &host.authority)),
        };
    }
}

fn spare(request: &Request<PayloadBody>) -> Option<Request<PayloadBody>> {
    let mut spare = Request::new(request.body().spare()?);
    spare.method_mut().clone_from(request.method());
    spare.uri_mut().clone_from(request.uri());
    *spare.version_mut() = request.version();
    spare.headers_mut().clone_from(request.headers());
    Some(spare)
}
