//! Calls of several requests: the exchange says what to send and how long to wait, this does it.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};
use lockgate_core::{Error, Exchange, Payload, Signer, Step};
use tokio::time::{Instant, sleep};

use crate::{
    Limits, Transport, UpstreamBody,
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
        signer: &dyn Signer,
        first: Response<UpstreamBody>,
        limits: Limits,
    ) -> Result<Walked, Error> {
        let started = Instant::now();
        let mut answer = first;
        while answer.status().is_success() {
            let (head, body) = answer.into_parts();
            let body = body.collect(LONGEST).await?;
            match exchange.next(&head, &body)? {
                Step::Done => return Ok(Walked::Whole(Response::from_parts(head, body))),
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

    async fn send_signed(
        &self,
        mut request: Request<Payload>,
        signer: &dyn Signer,
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
