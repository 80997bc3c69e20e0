//! Watches a relayed stream by decoding it, for dialects that are hardly ever relayed.

use bytes::Bytes;

use crate::{Error, Event, Probe, Result, StreamDecoder, StreamEnd, Usage};

/// A probe that knows of the stream what its decoder knows.
pub struct Watch<D> {
    decoder: D,
    /// Empty between two reads: kept, so that not every one makes its own.
    events: Vec<Event>,
    passed: bool,
    error: Option<Error>,
    usage: Option<Usage>,
    chunks: u64,
}

impl<D: StreamDecoder> Watch<D> {
    /// A probe at the start of a stream.
    pub fn new(decoder: D) -> Self {
        Self { decoder, events: Vec::new(), passed: false, error: None, usage: None, chunks: 0 }
    }

    /// Notes what the new events say.
    fn note(&mut self) {
        for event in self.events.drain(..) {
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
        let fed = self.decoder.feed(&frame, &mut self.events);
        self.note();
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
        let finished = self.decoder.finish(&mut self.events);
        self.note();
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
