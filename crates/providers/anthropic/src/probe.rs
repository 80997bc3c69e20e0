//! Watches a relayed stream: errors, the end, usage.

use bytes::Bytes;
use lockgate_core::{
    Error, Probe, Result, StreamEnd, Usage,
    wire::{SseDecoder, SseEvent},
};
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    error,
    stream::{Frame, cut_off},
    wire::UsageView,
};

/// Watches one stream.
#[derive(Default)]
pub(crate) struct Watch {
    sse: SseDecoder,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    /// Something has gone to the client.
    passed: bool,
    ended: bool,
    error: Option<Error>,
    usage: Option<UsageView>,
    chunks: u64,
}

/// Where an event may have its usage.
#[derive(Deserialize)]
struct WithUsage<'a> {
    #[serde(borrow, default)]
    message: Option<Inner<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
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
        let unfinished = !self.sse.is_idle();
        let last = self.sse.finish(&mut |event| -> Result<()> {
            seen.event(event);
            Ok(())
        });
        match (seen.error.clone(), last) {
            (Some(error), _) => StreamEnd { error: Some(error), told: seen.passed, ..StreamEnd::default() },
            (None, Ok(())) if seen.ended => {
                // Clients wait for the blank line behind the last event.
                let rest = if unfinished { Bytes::from_static(b"\n\n") } else { Bytes::new() };
                StreamEnd { rest, ..StreamEnd::default() }
            }
            (None, last) => {
                let error = last.err().unwrap_or_else(cut_off);
                StreamEnd { error: Some(error), ..StreamEnd::default() }
            }
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.seen.usage.as_ref().map(UsageView::to_hub)
    }

    fn chunks(&self) -> u64 {
        self.seen.chunks
    }
}

impl Seen {
    fn event(&mut self, event: SseEvent<'_>) {
        // Names repeat the type in the data; servers that only resemble Anthropic's leave them out.
        let parsed;
        let kind = if event.event.is_empty() {
            parsed = serde_json::from_str::<Frame<'_>>(event.data).ok();
            parsed.as_ref().map(|frame| &*frame.kind).unwrap_or_default()
        } else {
            event.event
        };
        match kind {
            "content_block_delta" => self.chunks += 1,
            // A name without data is the start of an event that was cut off.
            "message_stop" => self.ended |= memmem::find(event.data.as_bytes(), b"}").is_some(),
            "error" => self.error = Some(error::in_answer(event.data.as_bytes())),
            "message_start" | "message_delta" => self.read_usage(event.data),
            _ => {}
        }
    }

    fn read_usage(&mut self, data: &str) {
        if memmem::find(data.as_bytes(), br#""usage""#).is_none() {
            return;
        }
        let Ok(found) = serde_json::from_str::<WithUsage<'_>>(data) else { return };
        let usage = found.usage.or(found.message.and_then(|message| message.usage));
        if let Some(usage) = usage.and_then(|usage| serde_json::from_str(usage.get()).ok()) {
            self.usage.get_or_insert_default().update(usage);
        }
    }
}
