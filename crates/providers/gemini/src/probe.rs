//! Watches a relayed stream: errors, the end, usage.

use bytes::Bytes;
use lockgate_core::{
    Error, Probe, Result, StreamEnd, Usage,
    wire::{SseDecoder, SseEvent},
};

use crate::{error, stream::cut_off, usage, wire::AnswerView};

/// Watches one stream.
#[derive(Default)]
pub(crate) struct Watch {
    sse: SseDecoder,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    passed: bool,
    ended: bool,
    error: Option<Error>,
    usage: Option<Usage>,
    chunks: u64,
}

impl Seen {
    fn event(&mut self, event: SseEvent<'_>) {
        let Ok(view) = serde_json::from_str::<AnswerView>(event.data) else { return };
        if let Err(error) = error::check(view.error.as_ref(), event.data.as_bytes()) {
            self.error.get_or_insert(error);
        }
        self.usage = view.usage.as_deref().and_then(usage::hub).or(self.usage.take());
        self.ended |= view.prompt_feedback.0.is_some_and(|feedback| feedback.block_reason.0.is_some());
        for candidate in view.candidates.0.iter().flatten() {
            self.ended |= candidate.finish_reason.0.is_some();
            self.chunks += u64::from(candidate.content.0.is_some());
        }
    }
}

impl Probe for Watch {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        let seen = &mut self.seen;
        self.sse.feed(&frame, &mut |event| -> Result<()> {
            seen.event(event);
            Ok(())
        })?;
        match &seen.error {
            Some(error) if !seen.passed => Err(error.clone()),
            _ => {
                seen.passed |= !frame.is_empty();
                Ok(frame)
            }
        }
    }

    fn finish(&mut self) -> StreamEnd {
        let seen = &mut self.seen;
        let last = self.sse.finish(&mut |event| -> Result<()> {
            seen.event(event);
            Ok(())
        });
        let (error, told) = match (seen.error.clone(), last) {
            (Some(error), _) => (Some(error), seen.passed),
            (None, Ok(())) if seen.ended => (None, false),
            (None, last) => (Some(last.err().unwrap_or_else(cut_off)), false),
        };
        StreamEnd { error, told, ..StreamEnd::default() }
    }

    fn usage(&self) -> Option<Usage> {
        self.seen.usage.clone()
    }

    fn chunks(&self) -> u64 {
        self.seen.chunks
    }
}
