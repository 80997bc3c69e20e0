//! What a response is made of.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lockgate_core::Payload;

use crate::{
    keepalive::Opening,
    responses::{KeptBody, LogBody, OwedBody},
    stream_body::StreamBody,
};

/// A response body: whole, or a stream that settles its call when it ends.
pub struct ResponseBody(Kind);

enum Kind {
    Whole { segments: std::collections::VecDeque<Bytes>, left: u64 },
    Stream(Box<StreamBody>),
    Opening(Box<Opening>),
    Kept(Box<KeptBody>),
    Log(Box<LogBody>),
    Owed(Box<OwedBody>),
}

impl ResponseBody {
    pub(crate) fn stream(body: StreamBody) -> Self {
        Self(Kind::Stream(Box::new(body)))
    }

    pub(crate) fn opening(body: Opening) -> Self {
        Self(Kind::Opening(Box::new(body)))
    }

    pub(crate) fn kept(body: KeptBody) -> Self {
        Self(Kind::Kept(Box::new(body)))
    }

    pub(crate) fn owed(body: OwedBody) -> Self {
        Self(Kind::Owed(Box::new(body)))
    }

    pub(crate) fn log(body: LogBody) -> Self {
        Self(Kind::Log(Box::new(body)))
    }

    /// All of it, if it is whole.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        let Kind::Whole { segments, .. } = &self.0 else { return None };
        let mut segments = segments.iter();
        match (segments.next(), segments.len()) {
            (None, _) => Some(Bytes::new()),
            (Some(only), 0) => Some(only.clone()),
            (Some(first), _) => Some(std::iter::once(first).chain(segments).flatten().copied().collect()),
        }
    }

    /// What the stream's call costs is settled elsewhere.
    pub(crate) fn waive(&mut self) {
        if let Kind::Stream(stream) = &mut self.0 {
            stream.waive();
        }
    }

    fn is_broken(&self) -> bool {
        matches!(&self.0, Kind::Stream(stream) if stream.is_broken())
    }

    /// The next bytes; `None` at the end.
    pub(crate) fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.0 {
            Kind::Whole { segments, left } => Poll::Ready(segments.pop_front().inspect(|segment| {
                *left = left.saturating_sub(segment.len() as u64);
            })),
            Kind::Stream(stream) => stream.poll_next(context),
            Kind::Opening(opening) => opening.poll_next(context),
            Kind::Kept(kept) => kept.poll_next(context),
            Kind::Log(log) => log.poll_next(context),
            Kind::Owed(owed) => owed.poll_next(context),
        }
    }
}

/// The body ended before its time; the client learns it by the connection's end.
#[derive(Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the upstream's answer broke off")
    }
}

impl std::error::Error for Broken {}

impl From<Payload> for ResponseBody {
    fn from(payload: Payload) -> Self {
        let left = payload.len() as u64;
        Self(Kind::Whole {
            segments: payload.into_segments().filter(|segment| !segment.is_empty()).collect(),
            left,
        })
    }
}

impl From<String> for ResponseBody {
    fn from(text: String) -> Self {
        Payload::from(text).into()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match ready!(self.poll_bytes(context)) {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.is_broken() => Poll::Ready(Some(Err(Broken))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Whole { segments, .. } if segments.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole { left, .. } => SizeHint::with_exact(*left),
            _ => SizeHint::default(),
        }
    }
}
