//! Answers that are relayed and are not about texts alone: what was consumed.

use bytes::Bytes;
use http::{header, response::Parts};
use lockgate_core::{
    Encoded, Error, Format, Measures, Payload, Probe, Result, StreamEnd, Usage,
    refusal::is_error,
    wire::{Object, SseDecoder, SseEvent},
};
use memchr::memmem;

use crate::{IMAGE, IMAGE_EDIT, IMAGE_VARIATION, OCR, SPEECH, TRANSCRIPTION, TRANSLATION, response, usage};

/// Whether answers of that format are read here.
pub(crate) fn knows(format: Format) -> bool {
    let formats = [IMAGE, IMAGE_EDIT, IMAGE_VARIATION, TRANSCRIPTION, TRANSLATION, SPEECH, OCR];
    formats.contains(&format)
}

/// Checks a whole answer that is relayed: what the client gets, and the usage.
///
/// # Errors
/// It is an error in spite of its status, or broken JSON.
pub(crate) fn pass(encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
    let json = head.headers.get(header::CONTENT_TYPE).is_none_or(|kind| {
        let kind = kind.as_bytes();
        memmem::find(kind, b"json").is_some()
    });
    if !json && !body.starts_with(b"{") {
        return Ok((body.into(), None));
    }
    let object = response::scan(&body, &head.headers)?;
    let usage = read(&object);
    Ok((object.splice(&response::edits(&object, encoded)), usage))
}

/// What an answer or an event says that was consumed.
fn read(object: &Object) -> Option<Usage> {
    let mut usage = object.raw("usage").and_then(usage::count);
    let measures = measures(object);
    let some = measures.output_images > 0 || measures.input_millis > 0 || measures.pages > 0;
    if some {
        usage.get_or_insert_default().measures = Some(Box::new(measures));
    }
    usage
}

fn measures(object: &Object) -> Measures {
    #[derive(serde::Deserialize, Default)]
    struct Timed {
        seconds: Option<f64>,
    }
    #[derive(serde::Deserialize, Default)]
    struct Paged {
        pages_processed: Option<u64>,
        pages_processed_annotation: Option<u64>,
    }
    let paged: Paged =
        object.raw("usage_info").and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
    let timed: Timed = object.raw("usage").and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
    let duration = object.raw("duration").and_then(|raw| raw.trim_matches('"').parse::<f64>().ok());
    let seconds = duration.or(timed.seconds).unwrap_or(0.0);
    let count = |name: &str| {
        let list = serde_json::from_str::<Vec<serde::de::IgnoredAny>>(object.raw(name)?);
        list.ok().map(|list| list.len() as u64)
    };
    let text = |name: &str| object.str(name).map(|text| text.into_owned());
    Measures {
        output_images: count("data").unwrap_or(0),
        image_size: text("size"),
        image_quality: text("quality"),
        // Saturates, and is nothing for what is no time.
        input_millis: (seconds * 1000.0).round() as u64,
        pages: paged.pages_processed.or_else(|| count("pages")).unwrap_or(0),
        annotated_pages: paged.pages_processed_annotation.unwrap_or(0),
        ..Measures::default()
    }
}

/// Passes on what comes, sound or events, and looks for usage in events.
#[derive(Default)]
pub(crate) struct Watcher {
    /// Whether there are events at all; the first bytes tell.
    events: Option<bool>,
    decoder: SseDecoder,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    usage: Option<Usage>,
    chunks: u64,
    failure: Option<Error>,
}

impl Seen {
    fn note(&mut self, event: &SseEvent<'_>) {
        self.chunks += 1;
        let data = Bytes::copy_from_slice(event.data.as_bytes());
        let Ok(object) = Object::scan(data) else { return };
        if let Some(usage) = read(&object) {
            self.usage = Some(usage);
        }
        let error = object.raw("error").filter(|text| is_error(text));
        if let Some(text) = error {
            self.failure = Some(crate::error::in_answer(text, &http::HeaderMap::new()));
        }
    }
}

impl Probe for Watcher {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        let first = self.events.is_none() && !frame.is_empty();
        if first {
            self.events =
                Some(["event:", "data:", ":"].iter().any(|word| frame.starts_with(word.as_bytes())));
        }
        if self.events == Some(true) {
            let seen = &mut self.seen;
            self.decoder.feed::<Error>(&frame, &mut |event| {
                seen.note(&event);
                Ok(())
            })?;
            if let Some(failure) = seen.failure.clone().filter(|_| first) {
                return Err(failure);
            }
        }
        Ok(frame)
    }

    fn finish(&mut self) -> StreamEnd {
        StreamEnd { rest: Bytes::new(), told: self.seen.failure.is_some(), error: self.seen.failure.take() }
    }

    fn usage(&self) -> Option<Usage> {
        self.seen.usage.clone()
    }

    fn chunks(&self) -> u64 {
        self.seen.chunks
    }
}
