//! The events of a response that is worked on in the background: kept while it runs, for those who read along.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use lockgate_core::{
    Raw,
    json::{raw, to_raw},
    wire::{Edits, Object, quote, write_sse},
};

use crate::keepalive::Keepalive;

/// What has happened of a response so far. Each event's sequence number is its place.
pub(crate) struct EventLog {
    id: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: Vec<Raw>,
    /// The finished items of the output, by their places.
    items: BTreeMap<u64, Raw>,
    /// The response object of the event that was the last.
    last: Option<Raw>,
    /// No more events will come.
    over: bool,
    readers: Vec<Waker>,
}

impl EventLog {
    /// The log of the response of that id.
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event that says where the response is now.
    pub(crate) fn state(&self, kind: &str, response: &Raw) {
        self.add(&format!("{{\"type\":{},\"response\":{}}}", quote(kind), response.get()));
    }

    /// Adds an event under its place in this log, and with the response's own id.
    pub(crate) fn add(&self, event: &str) {
        let Ok(outer) = Object::scan(event.to_owned().into()) else { return };
        let kind = outer.str("type").unwrap_or_default();
        let mut state = self.lock();
        let mut edits = Edits::new();
        edits.set("sequence_number", state.events.len().to_string());
        if let Some(response) = outer.raw("response") {
            let response = own(&self.id, response);
            edits.set("response", response.get().to_owned());
            if is_end(&kind) {
                state.last = Some(response);
            }
        }
        if kind == "response.output_item.done"
            && let (Some(place), Some(item)) = (outer.u64("output_index"), outer.raw("item"))
        {
            state.items.insert(place, raw(item));
        }
        if let Ok(text) = String::from_utf8(outer.splice(&edits).to_vec()) {
            state.events.push(raw(text));
        }
        wake(&mut state);
    }

    /// The response object of the last event, if there was one.
    pub(crate) fn last(&self) -> Option<Raw> {
        self.lock().last.clone()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Raw> {
        self.lock().events.clone()
    }

    /// The response with what it says so far.
    pub(crate) fn so_far(&self, response: &Raw) -> Raw {
        let state = self.lock();
        if let Some(last) = &state.last {
            return last.clone();
        }
        let items: Vec<&Raw> = state.items.values().collect();
        let Ok(object) = Object::scan(response.get().to_owned().into()) else { return response.clone() };
        let mut edits = Edits::new();
        edits.set("output", to_raw(&items).get().to_owned());
        String::from_utf8(object.splice(&edits).to_vec()).map_or_else(|_| response.clone(), raw)
    }

    /// No more events will come.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.over = true;
        wake(&mut state);
    }

    /// The event at that place, when it is there; `None`: there will be none.
    fn poll_event(&self, place: usize, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.lock();
        if let Some(event) = state.events.get(place) {
            return Poll::Ready(Some(framed(std::slice::from_ref(event))));
        }
        if state.over {
            return Poll::Ready(None);
        }
        if !state.readers.iter().any(|reader| reader.will_wake(context.waker())) {
            state.readers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

fn wake(state: &mut State) {
    for reader in state.readers.drain(..) {
        reader.wake();
    }
}

/// Whether nothing comes after an event of this type.
pub(crate) fn is_end(kind: &str) -> bool {
    matches!(kind, "response.completed" | "response.incomplete" | "response.failed")
}

/// A response object under the id that the client was given.
fn own(id: &str, response: &str) -> Raw {
    let Ok(object) = Object::scan(response.to_owned().into()) else { return raw(response) };
    let mut edits = Edits::new();
    edits.set("id", quote(id));
    edits.set("background", "true");
    String::from_utf8(object.splice(&edits).to_vec()).map_or_else(|_| raw(response), raw)
}

/// Events as they go to a client.
pub(crate) fn framed(events: &[Raw]) -> Bytes {
    let mut out = Vec::new();
    for event in events {
        let object = Object::scan(event.get().to_owned().into()).ok();
        let kind = object.as_ref().and_then(|object| object.str("type"));
        write_sse(&mut out, kind.as_deref(), event.get());
    }
    out.into()
}

/// The events that lead to a response which is over, for one of which no events are kept.
pub(crate) fn retold(response: &Raw) -> Vec<Raw> {
    let Ok(object) = Object::scan(response.get().to_owned().into()) else { return Vec::new() };
    let log = EventLog { id: String::new(), state: Mutex::default() };
    let mut said = Retelling { log: &log, object: &object };
    said.tell();
    log.events()
}

/// Tells a response from its beginning.
struct Retelling<'a> {
    log: &'a EventLog,
    object: &'a Object,
}

impl Retelling<'_> {
    fn tell(&mut self) {
        let mut edits = Edits::new();
        edits.set("status", "\"in_progress\"");
        edits.set("output", "[]");
        edits.set("usage", "null");
        let begun = self.object.splice(&edits).to_vec();
        let begun = String::from_utf8_lossy(&begun);
        for kind in ["response.created", "response.in_progress"] {
            self.plain(kind, &format!("\"response\":{begun}"));
        }
        let output = self.object.raw("output").unwrap_or("[]");
        let items: Vec<Raw> = serde_json::from_str(output).unwrap_or_default();
        for (place, item) in items.iter().enumerate() {
            self.item(place, item);
        }
        let kind = match self.object.str("status").as_deref() {
            Some("completed") => "response.completed",
            Some("incomplete") => "response.incomplete",
            _ => "response.failed",
        };
        let whole = String::from_utf8_lossy(self.object.source());
        self.plain(kind, &format!("\"response\":{whole}"));
    }

    fn item(&mut self, place: usize, item: &Raw) {
        let Ok(object) = Object::scan(item.get().to_owned().into()) else { return };
        let is_message = object.str("type").is_some_and(|kind| kind == "message");
        let parts: Vec<Raw> = object
            .raw("content")
            .filter(|_| is_message)
            .and_then(|content| serde_json::from_str(content).ok())
            .unwrap_or_default();
        let mut edits = Edits::new();
        if is_message {
            edits.set("status", "\"in_progress\"");
            edits.set("content", "[]");
        }
        let opened = object.splice(&edits).to_vec();
        let opened = String::from_utf8_lossy(&opened);
        self.plain("response.output_item.added", &format!("\"output_index\":{place},\"item\":{opened}"));
        let id = object.raw("id").unwrap_or("\"\"");
        for (index, part) in parts.iter().enumerate() {
            let at = format!("\"item_id\":{id},\"output_index\":{place},\"content_index\":{index}");
            self.part(&at, part);
        }
        self.plain("response.output_item.done", &format!("\"output_index\":{place},\"item\":{}", item.get()));
    }

    fn part(&mut self, at: &str, part: &Raw) {
        let Ok(object) = Object::scan(part.get().to_owned().into()) else { return };
        let (name, event) = match object.str("type").as_deref() {
            Some("output_text") => ("text", "output_text"),
            Some("refusal") => ("refusal", "refusal"),
            _ => return,
        };
        let text = object.raw(name).unwrap_or("\"\"");
        let logprobs = if event == "output_text" { ",\"logprobs\":[]" } else { "" };
        let mut edits = Edits::new();
        edits.set(name, "\"\"");
        let empty = object.splice(&edits).to_vec();
        let empty = String::from_utf8_lossy(&empty);
        self.plain("response.content_part.added", &format!("{at},\"part\":{empty}"));
        self.plain(&format!("response.{event}.delta"), &format!("{at},\"delta\":{text}{logprobs}"));
        self.plain(&format!("response.{event}.done"), &format!("{at},\"{name}\":{text}{logprobs}"));
        self.plain("response.content_part.done", &format!("{at},\"part\":{}", part.get()));
    }

    /// Adds an event of which only the place is still to be said.
    fn plain(&mut self, kind: &str, members: &str) {
        let mut state = self.log.lock();
        let place = state.events.len();
        state.events.push(raw(format!("{{\"type\":{},\"sequence_number\":{place},{members}}}", quote(kind))));
    }
}

/// The events behind that place; of those of a response that is over at least the last one, which says how it ended.
pub(crate) fn behind(events: &[Raw], after: Option<usize>) -> &[Raw] {
    let start = after.map_or(0, |after| after.saturating_add(1)).min(events.len().saturating_sub(1));
    events.get(start..).unwrap_or_default()
}

/// A stream that reads along.
pub(crate) struct LogBody {
    log: Arc<EventLog>,
    place: usize,
    keepalive: Keepalive,
}

impl LogBody {
    /// Reads from behind the event of that place, else from the beginning.
    pub(crate) fn new(log: Arc<EventLog>, after: Option<usize>, keepalive: Keepalive) -> Self {
        Self { log, place: after.map_or(0, |after| after.saturating_add(1)), keepalive }
    }

    /// The next bytes for the client; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.log.poll_event(self.place, context) {
            Poll::Ready(Some(bytes)) => {
                self.place += 1;
                self.keepalive.saw(&bytes);
                Poll::Ready(Some(bytes))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.keepalive.poll(context).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(events: &[Raw]) -> Vec<String> {
        let object = |event: &Raw| Object::scan(event.get().to_owned().into()).unwrap();
        let kind = |(place, event): (usize, &Raw)| {
            assert_eq!(object(event).u64("sequence_number"), Some(place as u64), "{}", event.get());
            object(event).str("type").unwrap().into_owned()
        };
        events.iter().enumerate().map(kind).collect()
    }

    #[test]
    fn events_get_their_place_and_the_id() {
        let log = EventLog::new("resp_lg_1");
        log.state("response.queued", &raw(r#"{"id":"x","status":"queued"}"#));
        log.add(
            r#"{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"id":"a"}}"#,
        );
        let running = raw(r#"{"id":"resp_lg_1","output":[]}"#);
        assert_eq!(log.so_far(&running).get(), r#"{"id":"resp_lg_1","output":[{"id":"a"}]}"#);
        assert!(log.last().is_none());
        log.add(r#"{"type":"response.completed","response":{"id":"y","status":"completed"}}"#);
        let last = r#"{"id":"resp_lg_1","status":"completed","background":true}"#;
        assert_eq!(log.last().unwrap().get(), last);
        let events = log.events();
        assert_eq!(kinds(&events), ["response.queued", "response.output_item.done", "response.completed"]);
        assert_eq!(behind(&events, None).len(), 3);
        assert_eq!(behind(&events, Some(0)).len(), 2);
        assert_eq!(behind(&events, Some(99)).len(), 1);
    }

    #[test]
    fn a_response_can_be_told_again() {
        let response = raw(
            r#"{"id":"resp_lg_1","status":"completed","output":[{"id":"rs_1","type":"reasoning","summary":[]},{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}]}"#,
        );
        let events = retold(&response);
        let kinds = kinds(&events);
        assert_eq!(kinds.first().unwrap(), "response.created");
        assert_eq!(kinds.last().unwrap(), "response.completed");
        assert_eq!(kinds.iter().filter(|kind| kind.starts_with("response.output_item")).count(), 4);
        let text: String = events.iter().map(|event| event.get()).collect();
        assert!(text.contains(r#""delta":"Hi""#) && text.contains(r#""status":"in_progress","content":[]"#));
    }
}
