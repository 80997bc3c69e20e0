//! Watches a relayed stream: errors, the end, usage.

use lockgate_core::{
    Event, Result, StreamDecoder, Watch,
    wire::{SseDecoder, SseEvent},
};

use crate::{error, stream::cut_off, usage, wire::AnswerView};

/// Starts watching a stream.
pub(crate) fn watch() -> Watch<impl StreamDecoder> {
    Watch::new(Glance::default())
}

/// Reads no more of a stream than a relay has to know: the texts stay where they are.
#[derive(Default)]
struct Glance {
    sse: SseDecoder,
    ended: bool,
}

impl StreamDecoder for Glance {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let ended = &mut self.ended;
        self.sse.feed(bytes, &mut |event| -> Result<()> {
            *ended |= look(event, out);
            Ok(())
        })
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let ended = &mut self.ended;
        self.sse.finish(&mut |event| -> Result<()> {
            *ended |= look(event, out);
            Ok(())
        })?;
        if self.ended { Ok(()) } else { Err(cut_off()) }
    }
}

/// Notes what a frame says; tells whether it says that the answer is complete.
fn look(event: SseEvent<'_>, out: &mut Vec<Event>) -> bool {
    let Ok(view) = lockgate_core::json::parse_text::<AnswerView>(event.data) else { return false };
    if let Err(error) = error::check(view.error.as_ref(), event.data.as_bytes()) {
        out.push(Event::Failure(error));
    }
    let usage = view.usage.as_deref().and_then(usage::hub);
    out.extend(usage.map(|usage| Event::Usage(Box::new(usage))));
    let mut ended = view.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    for (choice, candidate) in (0..).zip(view.candidates.iter().flatten()) {
        ended |= candidate.finish_reason.is_some();
        if candidate.content.is_some() {
            out.push(Event::Text { choice, text: String::new() });
        }
    }
    ended
}
