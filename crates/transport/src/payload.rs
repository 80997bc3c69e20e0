//! A [`Payload`] as the body of a request.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lockgate_core::Payload;
use smallvec::SmallVec;

/// Hands out the payload's segments as frames, without copying, and knows its exact length.
#[derive(Clone, Default)]
pub(crate) struct PayloadBody {
    /// In reverse order, so that the next one is popped.
    segments: SmallVec<[Bytes; 4]>,
    remaining: u64,
}

impl From<Payload> for PayloadBody {
    fn from(payload: Payload) -> Self {
        let remaining = payload.len() as u64;
        let mut segments: SmallVec<[Bytes; 4]> = payload.into_segments().collect();
        segments.reverse();
        Self { segments, remaining }
    }
}

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let segment = self.segments.pop();
        self.remaining -= segment.as_ref().map_or(0, |segment| segment.len() as u64);
        Poll::Ready(segment.map(|segment| Ok(Frame::data(segment))))
    }

    fn is_end_stream(&self) -> bool {
        self.segments.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
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
