//! Answers in a model's own format, packed into frames: unpacked into the event stream that its dialect reads.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{
    Error, Event, Probe, Result, StreamDecoder, StreamEnd, Usage,
    wire::{view, write_sse},
};

use crate::{Frame, Frames, error};

/// How a frame's payload becomes text.
pub type Unpack = fn(&[u8]) -> Result<Cow<'_, [u8]>>;

view! {
    #[derive(Clone, Debug, Default)]
    struct Chunk {
        bytes: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Named {
        kind as "type": Option<String>,
    }
}

/// The JSON of the model's own that a `chunk` of Bedrock's holds.
///
/// # Errors
/// It holds something else.
pub fn chunk(payload: &[u8]) -> Result<Vec<u8>> {
    let chunk: Chunk = serde_json::from_slice(payload).unwrap_or_default();
    STANDARD.decode(chunk.bytes.unwrap_or_default()).map_err(|why| {
        Error::invalid_response(format!("A chunk of the provider's stream is no base64: {why}"))
    })
}

/// The same as a server-sent event, named as Anthropic names it: by the type in its data.
///
/// # Errors
/// As for [`chunk`].
pub fn event(payload: &[u8]) -> Result<Cow<'_, [u8]>> {
    let json = chunk(payload)?;
    let mut out = Vec::with_capacity(json.len() + 32);
    let named: Named = serde_json::from_slice(&json).unwrap_or_default();
    write_sse(&mut out, named.kind.as_deref(), String::from_utf8_lossy(&json).trim());
    Ok(out.into())
}

/// The payload of a part of SageMaker's, which is text as it is.
///
/// # Errors
/// None.
pub fn part(payload: &[u8]) -> Result<Cow<'_, [u8]>> {
    Ok(payload.into())
}

/// Unpacks for a decoder of server-sent events.
pub struct Unframed {
    frames: Frames,
    unpack: Unpack,
    inner: Box<dyn StreamDecoder>,
    failed: bool,
}

impl Unframed {
    /// Wraps what reads the unpacked events.
    pub fn new(unpack: Unpack, inner: Box<dyn StreamDecoder>) -> Self {
        Self { frames: Frames::default(), unpack, inner, failed: false }
    }
}

impl StreamDecoder for Unframed {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let (inner, failed, unpack) = (&mut self.inner, &mut self.failed, self.unpack);
        self.frames.feed(bytes, |frame| match frame {
            _ if *failed => Ok(()),
            Frame::Event { payload, .. } => inner.feed(&unpack(&payload)?, out),
            failure => {
                *failed = true;
                out.push(Event::Failure(error::in_stream(&failure)));
                Ok(())
            }
        })
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        self.frames.finish()?;
        self.inner.finish(out)
    }
}

/// Unpacks for a client that is to have the events as they are.
pub struct UnframedProbe {
    frames: Frames,
    unpack: Unpack,
    inner: Box<dyn Probe>,
    passed: bool,
    failure: Option<Error>,
}

impl UnframedProbe {
    /// Wraps what reads the unpacked events.
    pub fn new(unpack: Unpack, inner: Box<dyn Probe>) -> Self {
        Self { frames: Frames::default(), unpack, inner, passed: false, failure: None }
    }
}

impl Probe for UnframedProbe {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        let (mut events, mut failure, unpack) = (Vec::new(), None, self.unpack);
        self.frames.feed(&frame, |frame| {
            match frame {
                Frame::Event { payload, .. } => events.extend_from_slice(&unpack(&payload)?),
                failed => failure = failure.take().or(Some(error::in_stream(&failed))),
            }
            Ok(())
        })?;
        let bytes = if events.is_empty() { Bytes::new() } else { self.inner.pass(events.into())? };
        self.passed |= !bytes.is_empty();
        match failure {
            Some(failure) if !self.passed => return Err(failure),
            failure => self.failure = self.failure.take().or(failure),
        }
        Ok(bytes)
    }

    fn finish(&mut self) -> StreamEnd {
        if let Some(failure) = self.failure.take() {
            return StreamEnd { error: Some(failure), ..StreamEnd::default() };
        }
        match self.frames.finish() {
            Ok(()) => self.inner.finish(),
            Err(error) => StreamEnd { error: Some(error), ..StreamEnd::default() },
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.inner.usage()
    }

    fn chunks(&self) -> u64 {
        self.inner.chunks()
    }
}
