//! The model that an answer names. A deployment's name is free and says nothing of its price.

use bytes::Bytes;
use lockgate_core::{Error, Event, Probe, Result, StreamDecoder, StreamEnd, Usage};
use memchr::memmem;

/// The value of the first member `model` that is not empty. A quote inside a JSON string is escaped, so what is found is
/// a key, not something that the model said.
pub(crate) fn model_in(body: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"model\"";
    memmem::find_iter(body, KEY).find_map(|at| {
        let rest = body.get(at + KEY.len()..)?.trim_ascii_start().strip_prefix(b":")?;
        let value = rest.trim_ascii_start().strip_prefix(b"\"")?;
        let name = value.get(..memchr::memchr(b'"', value)?)?;
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(str::to_owned)
    })
}

/// Puts the model on the usage.
pub(crate) fn note(usage: Option<&mut Usage>, model: Option<String>) {
    if let Some(usage) = usage {
        usage.model = model;
    }
}

/// The same for a stream that is translated.
pub(crate) fn decoder(inner: Box<dyn StreamDecoder>) -> Box<dyn StreamDecoder> {
    Box::new(Decoder { inner, model: None })
}

/// The same for a stream that is relayed.
pub(crate) fn probe(inner: Box<dyn Probe>) -> Box<dyn Probe> {
    Box::new(Watcher { inner, model: None })
}

struct Decoder {
    inner: Box<dyn StreamDecoder>,
    model: Option<String>,
}

impl Decoder {
    fn mark(&mut self, events: &mut [Event]) {
        for event in events {
            match event {
                Event::Start { model, .. } if !model.is_empty() => self.model = Some(model.clone()),
                Event::Usage(usage) => usage.model.clone_from(&self.model),
                _ => {}
            }
        }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let before = out.len();
        if self.model.is_none() {
            self.model = model_in(bytes);
        }
        let outcome = self.inner.feed(bytes, out);
        self.mark(out.get_mut(before..).unwrap_or_default());
        outcome
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let before = out.len();
        let outcome = self.inner.finish(out);
        self.mark(out.get_mut(before..).unwrap_or_default());
        outcome
    }
}

struct Watcher {
    inner: Box<dyn Probe>,
    model: Option<String>,
}

impl Probe for Watcher {
    fn pass(&mut self, frame: Bytes) -> std::result::Result<Bytes, Error> {
        if self.model.is_none() {
            // Every chunk names the model, so that a name which is cut by the end of a read comes again.
            self.model = model_in(&frame);
        }
        self.inner.pass(frame)
    }

    fn finish(&mut self) -> StreamEnd {
        self.inner.finish()
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

#[cfg(test)]
mod tests {
    use super::model_in;

    #[test]
    fn names_in_bodies() {
        let found = |body: &str| model_in(body.as_bytes());
        assert_eq!(found(r#"{"model" : "gpt-4o","x":1}"#).as_deref(), Some("gpt-4o"));
        assert_eq!(found(r#"{"model":""}{"model":"m"}"#).as_deref(), Some("m"));
        for none in ["", "\"model\"", r#""model":"#, r#""model":"cut"#, r#"{"model":null}"#] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
