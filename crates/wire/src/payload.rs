//! A rope of byte segments: the body of an outgoing request or response.

use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

/// A body made of segments that are sent one after the other.
///
/// Segments share memory with where they came from, so a body with one edited member costs no copy of the rest.
/// No segment is empty.
#[derive(Clone, Default)]
pub struct Payload {
    segments: SmallVec<[Bytes; 4]>,
}

impl Payload {
    /// An empty body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a segment; an empty one is dropped.
    pub fn push(&mut self, segment: impl Into<Bytes>) {
        let segment = segment.into();
        if !segment.is_empty() {
            self.segments.push(segment);
        }
    }

    /// Bytes in all segments together.
    pub fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segments in order.
    pub fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// The segments in order, by value.
    pub fn into_segments(self) -> impl ExactSizeIterator<Item = Bytes> {
        self.segments.into_iter()
    }

    /// The body in one piece; copies only when there are several segments.
    pub fn into_bytes(mut self) -> Bytes {
        match self.segments.len() {
            0 => Bytes::new(),
            1 => self.segments.remove(0),
            _ => self.to_vec().into(),
        }
    }

    /// A copy of the body in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        for segment in &self.segments {
            out.extend_from_slice(segment);
        }
        out
    }
}

/// Prints the length only: bodies are private.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let mut payload = Self::new();
        payload.push(bytes);
        payload
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_segments_in_order_and_skips_empty_ones() {
        let mut payload = Payload::new();
        assert!(payload.is_empty());
        payload.push("ab");
        payload.push(Bytes::new());
        payload.push(vec![b'c']);
        assert_eq!(payload.len(), 3);
        assert_eq!(payload.segments().len(), 2);
        assert_eq!(payload.to_vec(), b"abc");
        assert_eq!(payload.clone().into_segments().collect::<Vec<_>>(), ["ab", "c"]);
        assert_eq!(payload.into_bytes(), "abc");
        assert_eq!(Payload::new().into_bytes(), "");
    }

    #[test]
    fn one_segment_is_not_copied() {
        let source = Bytes::from(vec![1u8; 64]);
        let out = Payload::from(source.clone()).into_bytes();
        assert_eq!(out.as_ptr(), source.as_ptr());
    }

    #[test]
    fn debug_keeps_the_body_private() {
        assert_eq!(format!("{:?}", Payload::from("secret")), "Payload(6 bytes)");
    }
}
