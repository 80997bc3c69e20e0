//! Calls that are asked for in parts, a few at a time.

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{HeaderMap, Response, response::Parts as Head};
use lockgate_core::{
    Attempt, Encoded, Error, Media, Notes, Reply, Target, Usage,
    embedding::{self, Part},
    transcode,
};

use crate::{Egress, Limits, Transport, UpstreamBody, Walked};

/// How many parts of a call are under way at once.
const AT_ONCE: usize = 4;
/// Answers longer than this are refused.
const LONGEST_ANSWER: usize = 256 << 20;
/// Errors are read up to here.
const LONGEST_ERROR: usize = 1 << 20;

/// The answer to a part.
type Answered = (Reply, Notes, HeaderMap);

/// The answers to all parts, put together.
pub struct Joined {
    /// The answer.
    pub reply: Reply,
    /// What was dropped or rewritten in the first part, and so in all.
    pub notes: Notes,
    /// The head of the answer to the first part.
    pub headers: HeaderMap,
}

impl Transport {
    /// Asks the target for all parts. `answered` is told of each part that has been answered, and of what it consumed:
    /// that has been paid for, whatever becomes of the others.
    ///
    /// # Errors
    /// The first error of a part, which ends the others.
    pub async fn join(
        &self,
        target: &Target,
        parts: &[Part],
        (limits, egress): (Limits, &Egress),
        mut answered: impl FnMut(&Part, Option<&Usage>) + Send,
    ) -> Result<Joined, Error> {
        let started = tokio::time::Instant::now();
        let ask = |(at, part)| -> BoxFuture<'_, Result<_, Error>> {
            Box::pin(async move {
                let limits = limits.after(started.elapsed());
                Ok((at, self.part(target, part, limits, egress).await?))
            })
        };
        // Collected, because the compiler cannot tell whether a lazy iterator of futures may change threads.
        let asked: Vec<BoxFuture<'_, Result<(usize, Answered), Error>>> =
            parts.iter().enumerate().map(ask).collect();
        let mut coming = stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut answers: Vec<Option<Reply>> = parts.iter().map(|_| None).collect();
        let (mut notes, mut headers) = (Notes::default(), HeaderMap::new());
        while let Some(answer) = coming.next().await {
            let (at, (reply, own, head)) = answer?;
            if let Some(part) = parts.get(at) {
                answered(part, reply.usage());
            }
            if at == 0 {
                (notes, headers) = (own, head);
            }
            if let Some(place) = answers.get_mut(at) {
                *place = Some(reply);
            }
        }
        let inputs = parts.iter().map(|part| part.inputs);
        let reply = embedding::join(inputs.zip(answers.into_iter().flatten()).collect())?;
        Ok(Joined { reply, notes, headers })
    }

    async fn part(
        &self,
        target: &Target,
        part: &Part,
        limits: Limits,
        egress: &Egress,
    ) -> Result<Answered, Error> {
        let (call, dialect) = (&part.call, target.provider.dialect_of(&part.call));
        let mut media = Media::default();
        for url in dialect.fetches(call, target)? {
            let file = self.fetch(&url, egress).await?;
            media.0.insert(url, std::sync::Arc::new(file));
        }
        let attempt = Attempt { call, target, media: &media };
        let mut encoded = transcode::prepare(&attempt, SystemTime::now())?;
        let request = std::mem::take(&mut encoded.request);
        let (head, body) = self.whole(&attempt, &encoded, request, (limits, egress)).await?;
        let reply = dialect.decode(&attempt, &encoded, &head, body)?;
        Ok((reply, encoded.notes, head.headers))
    }

    /// The whole answer to a signed request, whatever further requests it takes.
    async fn whole(
        &self,
        attempt: &Attempt<'_>,
        encoded: &Encoded,
        mut request: http::Request<lockgate_core::Payload>,
        (limits, egress): (Limits, &Egress),
    ) -> Result<(Head, Bytes), Error> {
        let signer = attempt.signer();
        self.authorise(signer, &mut request, limits).await?;
        let response = self.send(request, limits).await?;
        self.distrust(signer.as_ref(), response.status());
        let walked = match attempt.dialect().exchange(attempt, encoded) {
            None => Walked::Open(response),
            Some(mut exchange) => self.walk(exchange.as_mut(), signer, response, limits, egress).await?,
        };
        match walked {
            Walked::Whole(response) => Ok(response.into_parts()),
            Walked::Open(response) => read(attempt, response).await,
        }
    }
}

async fn read(attempt: &Attempt<'_>, response: Response<UpstreamBody>) -> Result<(Head, Bytes), Error> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        let body = body.collect(LONGEST_ERROR).await.unwrap_or_default();
        return Err(attempt.dialect().reject(attempt, &head, &body));
    }
    Ok((head, body.collect(LONGEST_ANSWER).await?))
}
