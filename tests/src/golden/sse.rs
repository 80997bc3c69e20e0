use lockgate_wire::SseDecoder;
use serde_json::Value;

use crate::golden::case::unfill;

/// A stream as a client reads it.
#[derive(Default)]
pub(crate) struct Events {
    /// Each event's name and its data.
    pub(crate) events: Vec<(Option<String>, Value)>,
    /// Data lines that are no JSON.
    pub(crate) broken: Vec<String>,
    /// Whether the last event is `[DONE]`.
    pub(crate) done: bool,
}

/// Reads a whole event stream.
pub(crate) fn read(bytes: &[u8]) -> Events {
    let mut read = Events::default();
    for (name, data) in split(bytes) {
        read.done = data.trim() == "[DONE]";
        if read.done {
            continue;
        }
        match serde_json::from_str::<Value>(&data) {
            Ok(value) => read.events.push((name, unfill(&value))),
            Err(_) => read.broken.push(data),
        }
    }
    read
}

/// Takes an event stream apart: names and data.
pub(crate) fn split(bytes: &[u8]) -> Vec<(Option<String>, String)> {
    let mut events = Vec::new();
    let mut decoder = SseDecoder::new();
    let mut take = |event: lockgate_wire::SseEvent<'_>| {
        let name = (!event.event.is_empty()).then(|| event.event.to_owned());
        events.push((name, event.data.to_owned()));
        Ok::<(), lockgate_wire::SseError>(())
    };
    let _ = decoder.feed(bytes, &mut take).and_then(|()| decoder.finish(&mut take));
    events
}
