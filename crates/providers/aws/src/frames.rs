//! Event streams: binary frames with a name and a payload each.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Buf, Bytes, BytesMut};
use lockgate_core::{Error, Result};

/// Before a frame's headers: its length, the headers' length, a checksum.
const PRELUDE: usize = 12;
/// A frame without headers and payload.
const LEAST: usize = PRELUDE + 4;
/// AWS's frames are at most 16 MiB of payload and 128 KiB of headers.
const MOST: usize = 17 << 20;

/// One frame.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Something that is said.
    Event {
        /// `contentBlockDelta`, `chunk`, ….
        name: String,
        /// Mostly JSON.
        payload: Bytes,
    },
    /// The stream ends with this: a failure that the service's model knows.
    Exception {
        /// `throttlingException`, ….
        name: String,
        /// JSON with a `message`.
        payload: Bytes,
    },
    /// The stream ends with this: a failure that it does not.
    Error {
        /// What kind of failure.
        code: String,
        /// What happened.
        message: String,
    },
}

/// Writes a frame: `event` or `exception`, its name, its payload as JSON.
pub fn write_frame(out: &mut Vec<u8>, kind: &str, name: &str, payload: impl Into<Bytes>) {
    let header = |name: String, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let message = Message::new(payload)
        .add_header(header(format!(":{kind}-type"), name))
        .add_header(header(":content-type".to_owned(), "application/json"))
        .add_header(header(":message-type".to_owned(), kind));
    let mut frame = Vec::new();
    // Only names and values of headers that are too long cannot be written.
    if write_message_to(&message, &mut frame).is_ok() {
        out.append(&mut frame);
    }
}

/// Takes the bytes of a stream apart, however they are cut. Checksums are verified.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// Takes the next bytes and shows each frame that is complete.
    ///
    /// # Errors
    /// The bytes are no frames, or `each` failed.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Frame) -> Result<()>) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        while let Some(length) = self.length()? {
            let mut whole = self.buffer.split_to(length).freeze();
            let message = read_message_from(&mut whole).map_err(|why| broken(&why.to_string()))?;
            each(frame(&message))?;
        }
        Ok(())
    }

    /// The stream ended.
    ///
    /// # Errors
    /// It ended within a frame.
    pub fn finish(&self) -> Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { Err(broken("it ended within a frame")) }
    }

    /// The length of the first frame, if all of it is here.
    fn length(&self) -> Result<Option<usize>> {
        if self.buffer.len() < 4 {
            return Ok(None);
        }
        let mut start = &self.buffer[..];
        let length = start.get_u32() as usize;
        if !(LEAST..=MOST).contains(&length) {
            return Err(broken(&format!("a frame of {length} bytes")));
        }
        Ok((self.buffer.len() >= length).then_some(length))
    }
}

fn frame(message: &Message) -> Frame {
    let text = |name: &str| text(message.headers(), name);
    let payload = message.payload().clone();
    match text(":message-type").as_deref() {
        Some("exception") => Frame::Exception { name: text(":exception-type").unwrap_or_default(), payload },
        Some("error") => Frame::Error {
            code: text(":error-code").unwrap_or_default(),
            message: text(":error-message").unwrap_or_default(),
        },
        _ => Frame::Event { name: text(":event-type").unwrap_or_default(), payload },
    }
}

fn text(headers: &[Header], name: &str) -> Option<String> {
    let header = headers.iter().find(|header| header.name().as_str() == name)?;
    Some(header.value().as_string().ok()?.as_str().to_owned())
}

fn broken(why: &str) -> Error {
    Error::invalid_response(format!("The provider's event stream cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: &str, name: &str, payload: &'static str) -> Vec<u8> {
        let mut out = Vec::new();
        write_frame(&mut out, kind, name, payload);
        out
    }

    fn read(stream: &[u8], size: usize) -> Result<Vec<String>> {
        let (mut frames, mut seen) = (Frames::default(), Vec::new());
        for piece in stream.chunks(size) {
            frames.feed(piece, |frame| {
                seen.push(format!("{frame:?}"));
                Ok(())
            })?;
        }
        frames.finish().map(|()| seen)
    }

    #[test]
    fn frames_are_read_in_any_chunking() {
        let mut stream = written("event", "chunk", r#"{"a":"é"}"#);
        stream.extend(written("exception", "throttlingException", "{}"));
        stream.extend(written("error", "InternalError", ""));
        let whole = read(&stream, stream.len()).unwrap();
        assert_eq!(whole.len(), 3);
        assert!(whole[1].starts_with("Exception { name: \"throttlingException\""), "{whole:?}");
        for size in 1..stream.len() {
            assert_eq!(read(&stream, size).unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn what_is_damaged_or_cut_off_is_refused() {
        let stream = written("event", "chunk", "{}");
        for cut in 1..stream.len() {
            assert!(read(&stream[..cut], 7).is_err(), "{cut}");
            let mut damaged = stream.clone();
            damaged[cut] ^= 1;
            assert!(read(&damaged, 64).is_err(), "{cut}");
        }
        assert!(read(b"data: {}\n\n", 64).is_err());
    }
}
