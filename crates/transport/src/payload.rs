//! A [`Payload`] as the body of a request.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use lockgate_core::Payload;
use smallvec::SmallVec;

/// Why the rest of a body could not be had.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Rest = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// Hands out the payload's segments as frames, without copying, and knows its exact length unless a rest follows.
#[derive(Default)]
pub(crate) struct PayloadBody {
    /// In reverse order, so that the next one is popped.
    segments: SmallVec<[Bytes; 4]>,
    remaining: u64,
    /// What comes from elsewhere, behind the segments.
    rest: Option<Rest>,
}

impl PayloadBody {
    /// With a rest that comes while the request is being sent.
    pub(crate) fn followed_by<B>(mut self, rest: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.rest = Some(Box::pin(rest.map_err(Into::into)));
        self
    }

    /// A second one to be sent if this one is lost; a rest comes only once.
    pub(crate) fn spare(&self) -> Option<Self> {
        let whole = self.rest.is_none();
        whole.then(|| Self { segments: self.segments.clone(), remaining: self.remaining, rest: None })
    }
}

impl From<Payload> for PayloadBody {
    fn from(payload: Payload) -> Self {
        let remaining = payload.len() as u64;
        let mut segments: SmallVec<[Bytes; 4]> = payload.into_segments().collect();
        segments.reverse();
        Self { segments, remaining, rest: None }
    }
}

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let segment = self.segments.pop();
        self.remaining -= segment.as_ref().map_or(0, |segment| segment.len() as u64);
        match (segment, &mut self.rest) {
            (Some(segment), _) => Poll::Ready(Some(Ok(Frame::data(segment)))),
            (None, Some(rest)) => rest.as_mut().poll_frame(cx),
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.segments.is_empty() && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            None => SizeHint::with_exact(self.remaining),
            Some(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn segments_go_out_in_order_uncopied_and_with_their_exact_length() {
        let long = Bytes::from(vec![7u8; 64]);
        let mut payload = Payload::from(long.clone());
        payload.push("end");
        let mut body = PayloadBody::from(payload);
        assert_eq!(body.size_hint().exact(), Some(67));
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.as_ptr(), long.as_ptr());
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(!body.is_end_stream());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "end");
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }

    #[test]
    fn nothing_is_the_end_at_once() {
        let body = PayloadBody::from(Payload::new());
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
    }
}
