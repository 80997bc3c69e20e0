//! Watches a relayed stream by decoding it, for dialects that are hardly ever relayed.

use bytes::Bytes;

use crate::{Error, Event, Probe, Result, StreamDecoder, StreamEnd, Usage};

/// A probe that knows of the stream what its decoder knows.
pub struct Watch<D> {
    decoder: D,
    passed: bool,
    error: Option<Error>,
    usage: Option<Usage>,
    chunks: u64,
}

impl<D: StreamDecoder> Watch<D> {
    /// A probe at the start of a stream.
    pub fn new(decoder: D) -> Self {
        Self { decoder, passed: false, error: None, usage: None, chunks: 0 }
    }

    fn note(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Usage(usage) => self.usage = Some(*usage),
                Event::Failure(error) => self.error = Some(error),
                Event::Text { .. } | Event::Reasoning { .. } | Event::ToolArguments { .. } => {
                    self.chunks += 1;
                }
                _ => {}
            }
        }
    }
}

impl<D: StreamDecoder> Probe for Watch<D> {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        let mut events = Vec::new();
        let fed = self.decoder.feed(&frame, &mut events);
        self.note(events);
        fed?;
        match &self.error {
            Some(error) if !self.passed => Err(error.clone()),
            _ => {
                self.passed |= !frame.is_empty();
                Ok(frame)
            }
        }
    }

    fn finish(&mut self) -> StreamEnd {
        let mut events = Vec::new();
        let finished = self.decoder.finish(&mut events);
        self.note(events);
        match self.error.take() {
            Some(error) => StreamEnd { error: Some(error), told: self.passed, ..StreamEnd::default() },
            None => StreamEnd { error: finished.err(), ..StreamEnd::default() },
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage.clone()
    }

    fn chunks(&self) -> u64 {
        self.chunks
    }
}
