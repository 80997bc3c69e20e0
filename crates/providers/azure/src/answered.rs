//! The model that an answer names. A deployment's name is free and says nothing of its price.

use bytes::{Buf, Bytes, BytesMut};
use lockgate_core::{Event, Probe, Result, StreamDecoder, StreamEnd, Usage, transcode::model_in};
use memchr::memmem;

use crate::schema::Unwrap;

/// Notes it in a stream that is translated. `shown` is the name that the client sees instead, if any; `json_tool`
/// whether the answer comes as a tool's call.
pub(crate) fn decoder(
    inner: Box<dyn StreamDecoder>,
    shown: Option<String>,
    json_tool: bool,
) -> Box<dyn StreamDecoder> {
    let unwrap = json_tool.then(Unwrap::default);
    Box::new(Decoder { inner, shown, unwrap, model: None, opening: Opening::default() })
}

/// The same for a stream that is relayed.
pub(crate) fn probe(inner: Box<dyn Probe>) -> Box<dyn Probe> {
    Box::new(Watcher { inner, model: None, opening: Opening::default() })
}

struct Decoder {
    inner: Box<dyn StreamDecoder>,
    shown: Option<String>,
    unwrap: Option<Unwrap>,
    model: Option<String>,
    opening: Opening,
}

impl Decoder {
    /// Completes the events from the given one on.
    fn mark(&mut self, events: &mut Vec<Event>, from: usize) {
        if let Some(unwrap) = &mut self.unwrap {
            let new = events.split_off(from.min(events.len()));
            events.extend(new.into_iter().filter_map(|event| unwrap.event(event)));
        }
        for event in events.iter_mut().skip(from) {
            match event {
                Event::Start { model, .. } => {
                    self.model = Some(model.clone()).filter(|model| !model.is_empty());
                    if let Some(shown) = &self.shown {
                        model.clone_from(shown);
                    }
                }
                Event::Usage(usage) => usage.model.clone_from(&self.model),
                _ => {}
            }
        }
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let before = out.len();
        let outcome = self.inner.feed(bytes, out);
        self.mark(out, before);
        outcome
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        if self.opening.is_over() {
            return self.read(bytes, out);
        }
        let rest = self.opening.without(bytes);
        if rest.is_empty() { Ok(()) } else { self.read(&rest, out) }
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let held = self.opening.held();
        if !held.is_empty() {
            self.read(&held, out)?;
        }
        let before = out.len();
        let outcome = self.inner.finish(out);
        self.mark(out, before);
        outcome
    }
}

struct Watcher {
    inner: Box<dyn Probe>,
    model: Option<String>,
    opening: Opening,
}

impl Watcher {
    fn look(&mut self, frame: &[u8]) {
        if self.model.is_none() {
            // Every chunk names the model, so that a name which is cut by the end of a read comes again.
            self.model = model_in(frame).map(str::to_owned);
        }
    }
}

impl Probe for Watcher {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        let frame = if self.opening.is_over() { frame } else { self.opening.without(&frame) };
        if frame.is_empty() {
            return Ok(frame);
        }
        self.look(&frame);
        self.inner.pass(frame)
    }

    fn finish(&mut self) -> StreamEnd {
        let held = self.opening.held();
        if held.is_empty() {
            return self.inner.finish();
        }
        self.look(&held);
        match self.inner.pass(held) {
            Ok(before) => {
                let mut end = self.inner.finish();
                end.rest = [before, end.rest].concat().into();
                end
            }
            Err(error) => StreamEnd { error: Some(error), ..StreamEnd::default() },
        }
    }

    fn usage(&self) -> Option<Usage> {
        let mut usage = self.inner.usage()?;
        usage.model.clone_from(&self.model);
        Some(usage)
    }

    fn chunks(&self) -> u64 {
        self.inner.chunks()
    }
}

/// The first event of a stream. Azure's speaks of the prompt alone: it has no id, no model and no `object`, so that strict
/// clients do not know it for a chunk. It is left out.
enum Opening {
    Reading(BytesMut),
    Over,
}

impl Default for Opening {
    fn default() -> Self {
        Self::Reading(BytesMut::new())
    }
}

impl Opening {
    fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// What can be read on with: nothing as long as the first event is not complete.
    fn without(&mut self, bytes: &[u8]) -> Bytes {
        let Self::Reading(held) = self else { return Bytes::copy_from_slice(bytes) };
        held.extend_from_slice(bytes);
        let blanks = [b"\n\n".as_slice(), b"\r\n\r\n", b"\r\r"];
        let ends = blanks.iter().filter_map(|blank| Some(memmem::find(held, blank)? + blank.len()));
        let Some(end) = ends.min() else { return Bytes::new() };
        let mut rest = self.held();
        let event = rest.slice(..end);
        let says = |words: &[u8]| memmem::find(&event, words).is_some();
        if says(b"\"choices\":[]") && says(b"\"prompt_filter_results\"") {
            rest.advance(end);
        }
        rest
    }

    /// What was held back so far; the opening is over.
    fn held(&mut self) -> Bytes {
        match std::mem::replace(self, Self::Over) {
            Self::Reading(held) => held.freeze(),
            Self::Over => Bytes::new(),
        }
    }
}
