//! A relayed stream for clients that want one JSON array, and not events: each event's data becomes an element.

use bytes::Bytes;
use lockgate_core::{
    Probe, Result, StreamEnd, Usage,
    wire::{SseDecoder, SseEvent},
};

/// Watches a stream and frames it anew.
pub(crate) struct AsArray<P> {
    watch: P,
    sse: SseDecoder,
    begun: bool,
}

impl<P> AsArray<P> {
    pub(crate) fn new(watch: P) -> Self {
        Self { watch, sse: SseDecoder::new(), begun: false }
    }
}

impl<P: Probe> Probe for AsArray<P> {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        let frame = self.watch.pass(frame)?;
        let (begun, mut out) = (&mut self.begun, Vec::new());
        self.sse.feed(&frame, &mut |event| -> Result<()> {
            element(event, begun, &mut out);
            Ok(())
        })?;
        Ok(out.into())
    }

    fn finish(&mut self) -> StreamEnd {
        let StreamEnd { rest, mut error, told } = self.watch.finish();
        let (begun, mut out) = (&mut self.begun, Vec::new());
        let mut last = |event: SseEvent<'_>| -> Result<()> {
            element(event, begun, &mut out);
            Ok(())
        };
        let framed = self.sse.feed(&rest, &mut last).and_then(|()| self.sse.finish(&mut last));
        if let Err(broken) = framed {
            error.get_or_insert(broken);
        }
        if error.is_none() || told {
            out.push(b']');
        }
        StreamEnd { rest: out.into(), error, told }
    }

    fn usage(&self) -> Option<Usage> {
        self.watch.usage()
    }

    fn chunks(&self) -> u64 {
        self.watch.chunks()
    }
}

fn element(event: SseEvent<'_>, begun: &mut bool, out: &mut Vec<u8>) {
    out.push(if *begun { b',' } else { b'[' });
    out.extend_from_slice(event.data.as_bytes());
    // Where a sign of life may stand, as after an event.
    out.extend_from_slice(b"\n\n");
    *begun = true;
}
