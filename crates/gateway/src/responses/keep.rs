//! Keeping the answer of a call while it goes to the client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::header;
use lockgate_core::{
    Raw, Result,
    json::raw,
    wire::{Object, SseDecoder, SseError, SseEvent},
};
use lockgate_openai::stored as ids;
use lockgate_responses::{Record, ResponseStore, items};
use memchr::memmem;

use super::owed::{OwedBody, Owing};
use crate::{ResponseBody, stack::Response};

/// What is to be kept of a call, besides its answer.
pub(crate) struct Keep {
    /// The response's id.
    pub(crate) id: String,
    /// The kept response that it continues.
    pub(crate) previous: Option<String>,
    /// Its input, as the client sent it.
    pub(crate) input: Bytes,
    /// Whether it is worked on in the background, and what its client does meanwhile.
    pub(crate) background: Option<Reading>,
    /// Whether its provider works on it in the background.
    pub(crate) elsewhere: bool,
    /// Whether the gateway may keep what was said.
    pub(crate) stored: bool,
}

/// What the client of a response does while it is worked on in the background.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reading {
    /// It comes back later.
    Later,
    /// It reads the events while they come.
    Along,
}

impl Keep {
    /// The record with the response as far as it is.
    pub(crate) fn record(&self, response: Raw, worker: Option<&str>) -> Record {
        let input = std::str::from_utf8(&self.input).unwrap_or_default();
        Record {
            id: self.id.clone(),
            previous: self.previous.clone(),
            input: items::normalised(input, self.id.trim_start_matches("resp_lg_")),
            response,
            worker: worker.map(str::to_owned),
            events: Vec::new(),
        }
    }

    /// Keeps what the response says in the end. The client has its last bytes when they are kept. A response that
    /// its provider keeps is not kept twice; what its provider works on in the background is noted as not paid for.
    pub(crate) async fn watch(self, owing: Owing, response: Response) -> Response {
        let (head, mut body) = response.into_parts();
        let streamed = head
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        match body.whole() {
            Some(whole) => {
                let found = if streamed { last(&whole) } else { object(&whole) };
                if let Some(response) = found {
                    settle(self.keep(&owing, response).await);
                }
                Response::from_parts(head, body)
            }
            None if self.elsewhere => {
                body.waive();
                Response::from_parts(head, ResponseBody::owed(OwedBody::new(body, owing, None)))
            }
            None => {
                let kept = KeptBody { inner: body, keep: Some(self), store: owing.store(), saving: None };
                Response::from_parts(head, ResponseBody::kept(kept))
            }
        }
    }

    async fn keep(self, owing: &Owing, response: Raw) -> Result<()> {
        if self.is_ours(&response) {
            return if self.stored {
                owing.store().put(Arc::new(self.record(response, None))).await
            } else {
                Ok(())
            };
        }
        let object = Object::scan(response.get().to_owned().into()).ok();
        let waits =
            |object: &Object| matches!(object.str("status").as_deref(), Some("queued" | "in_progress"));
        match object.filter(waits).and_then(|object| Some(object.str("id")?.into_owned())) {
            // What it will have consumed is known when the client comes back for it.
            Some(id) => owing.note(&id).await,
            None => Ok(()),
        }
    }

    fn is_ours(&self, response: &Raw) -> bool {
        let object = Object::scan(response.get().to_owned().into());
        object.is_ok_and(|object| object.str("id").is_some_and(|id| ids::is_own(&id)))
    }
}

/// The client has its answer, whatever becomes of the copy; the store has told the log.
fn settle(outcome: Result<()>) {
    if outcome.is_err() {
        tracing::warn!("a response was answered but not kept");
    }
}

fn object(bytes: &Bytes) -> Option<Raw> {
    serde_json::from_slice(bytes).ok()
}

/// The response object of the event that ends a stream.
pub(crate) fn last(events: &[u8]) -> Option<Raw> {
    response_of(events, &["response.completed", "response.incomplete", "response.failed"])
}

/// The response object of the last event of one of these types.
pub(crate) fn response_of(events: &[u8], kinds: &[&str]) -> Option<Raw> {
    if !kinds.iter().any(|kind| memmem::find(events, kind.as_bytes()).is_some()) {
        return None;
    }
    let mut found = None;
    let mut sse = SseDecoder::new();
    let mut look = |event: SseEvent<'_>| -> Result<(), SseError> {
        if let Ok(object) = Object::scan(event.data.to_owned().into())
            && object.str("type").is_some_and(|kind| kinds.contains(&&*kind))
        {
            found = object.raw("response").map(raw);
        }
        Ok(())
    };
    sse.feed(events, &mut look).and_then(|()| sse.finish(&mut look)).ok()?;
    found
}

/// A stream whose last response object is kept before the client gets it.
pub(crate) struct KeptBody {
    inner: ResponseBody,
    keep: Option<Keep>,
    store: Arc<dyn ResponseStore>,
    saving: Option<(Saving, Bytes)>,
}

type Saving = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl KeptBody {
    /// The next bytes for the client; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some((saving, bytes)) = &mut self.saving {
                let Poll::Ready(outcome) = saving.as_mut().poll(context) else { return Poll::Pending };
                settle(outcome);
                let bytes = std::mem::take(bytes);
                self.saving = None;
                return Poll::Ready(Some(bytes));
            }
            let Poll::Ready(next) = self.inner.poll_bytes(context) else { return Poll::Pending };
            let Some(bytes) = next else { return Poll::Ready(None) };
            let Some(keep) = &self.keep else { return Poll::Ready(Some(bytes)) };
            let Some(response) = last(&bytes) else { return Poll::Ready(Some(bytes)) };
            let ours = keep.stored && keep.is_ours(&response);
            let record = Arc::new(keep.record(response, None));
            self.keep = None;
            if !ours {
                return Poll::Ready(Some(bytes));
            }
            let store = self.store.clone();
            self.saving = Some((Box::pin(async move { store.put(record).await }), bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_has_the_response() {
        let events = b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"response.completed\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_lg_1\"}}\n\n";
        assert_eq!(last(events).unwrap().get(), r#"{"id":"resp_lg_1"}"#);
        assert!(last(&events[..110]).is_none());
        assert!(last(b"data: {\"type\":\"response.created\",\"response\":{}}\n\n").is_none());
    }
}
