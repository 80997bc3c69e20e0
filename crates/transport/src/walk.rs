//! Calls of several requests: the exchange says what to send and how long to wait, this does it.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use lockgate_core::{Error, ErrorKind, Exchange, MediaFile, Origin, Payload, Signer, Step};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    Egress, Limits, Transport, UpstreamBody,
    failure::{self, Limit},
};

/// Answers on the way are short; the last one may be the whole answer.
const LONGEST: usize = 256 << 20;

/// What an exchange has come to.
pub enum Walked {
    /// The answer to the call, whole.
    Whole(Response<Bytes>),
    /// An answer to be read on: a stream, or one with an error status.
    Open(Response<UpstreamBody>),
}

impl Transport {
    /// Walks through an exchange from its first answer to its last. All of it together has the time of one call;
    /// dropping the future ends it.
    ///
    /// # Errors
    /// As for [`Transport::send`], or what the exchange says.
    pub async fn walk(
        &self,
        exchange: &mut dyn Exchange,
        signer: &Arc<dyn Signer>,
        first: Response<UpstreamBody>,
        limits: Limits,
        egress: &Egress,
    ) -> Result<Walked, Error> {
        let started = Instant::now();
        let mut answer = first;
        while answer.status().is_success() || exchange.goes_on() {
            let (mut head, body) = answer.into_parts();
            let mut body = body.collect(LONGEST).await?;
            let mut step = exchange.next(&head, &body)?;
            while let Step::File(url) = &step {
                let file = self.result(url, egress, limits.after(started.elapsed())).await?;
                if let Ok(kind) = HeaderValue::from_str(&file.mime) {
                    head.headers.insert(header::CONTENT_TYPE, kind);
                }
                body = file.bytes;
                step = exchange.next(&head, &body)?;
            }
            match step {
                Step::Done | Step::File(_) => return Ok(Walked::Whole(Response::from_parts(head, body))),
                Step::Answer(body) => return Ok(Walked::Whole(Response::from_parts(head, body))),
                Step::Last(request) => {
                    let limits = limits.after(started.elapsed());
                    return self.send_signed(request, signer, limits).await.map(Walked::Open);
                }
                Step::Send { request, after } => {
                    let left = limits.total.saturating_sub(started.elapsed());
                    sleep(after.min(left)).await;
                    if after >= left {
                        return Err(late(&request, limits));
                    }
                    answer = self.send_signed(request, signer, limits.after(started.elapsed())).await?;
                }
            }
        }
        Ok(Walked::Open(answer))
    }

    /// A file in which the provider keeps a result.
    async fn result(&self, url: &str, egress: &Egress, limits: Limits) -> Result<MediaFile, Error> {
        let fetched = timeout(limits.total, self.fetch(url, egress)).await;
        let fetched = fetched.map_err(|_| {
            Error::new(ErrorKind::Timeout, Origin::Upstream, "The provider's result took too long to fetch.")
        })?;
        fetched.map_err(|error| Error::new(ErrorKind::BadGateway, Origin::Upstream, error.message()))
    }

    async fn send_signed(
        &self,
        mut request: Request<Payload>,
        signer: &Arc<dyn Signer>,
        limits: Limits,
    ) -> Result<Response<UpstreamBody>, Error> {
        signer.sign(&mut request, SystemTime::now())?;
        self.authorise(signer, &mut request, limits).await?;
        self.send(request, limits).await
    }
}

/// The call's own time is over before its job is.
fn late(request: &Request<Payload>, limits: Limits) -> Error {
    match request.uri().authority() {
        Some(authority) => failure::timeout(Limit::Total, limits.total, authority),
        None => Error::internal("An exchange's URL is not absolute."),
    }
}
