//! Working on a response while no client waits: for models whose provider cannot.
//!
//! The one place where a call outlives its request, and so the one where a task is spawned for a call.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use http::HeaderMap;
use lockgate_core::{
    Call, Error, Payload, Raw, Result,
    json::raw,
    wire::{Edits, Object, quote},
};
use lockgate_openai::stored as ids;
use lockgate_responses::Record;
use tokio::task::AbortHandle;

use super::Keep;
use crate::{
    app::{Gateway, Live},
    attempt, headers,
    meter::Meter,
    route,
    stack::Response,
};

/// The responses that this process works on.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<HashMap<String, AbortHandle>>);

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, AbortHandle>> {
        // Nothing under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the work; whether there was any. Dropping it closes the upstream and settles the meter.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.lock().remove(id).inspect(AbortHandle::abort).is_some()
    }

    /// Done when there is no work left, or the limit has passed.
    pub(crate) async fn ended(&self, limit: Duration) {
        let wait = async {
            while !self.lock().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(limit, wait).await.is_err() {
            tracing::warn!(left = self.lock().len(), "responses in the background were not completed");
        }
    }
}

/// Puts the call aside and answers that it is queued.
///
/// # Errors
/// It cannot be kept.
pub(crate) async fn start(
    gateway: Gateway,
    live: Arc<Live>,
    call: Arc<Call>,
    keep: Keep,
    mut meter: Meter,
) -> Result<Response> {
    let queued = ids::queued(&call);
    let running = with_status(&queued, "in_progress", None);
    let record = keep.record(running, Some(gateway.process()));
    let kept = gateway.store().put(Arc::new(record)).await;
    kept.inspect_err(|error| meter.fail(error))?;
    let (id, call_id) = (keep.id.clone(), call.id.clone());
    let jobs = gateway.jobs();
    // Held until the job is noted: it cannot be over before that.
    let mut noted = jobs.lock();
    let job = tokio::spawn(work(gateway.clone(), live, call, keep, meter));
    noted.insert(id, job.abort_handle());
    drop(noted);
    let mut response = attempt::json_response(Payload::from(queued.get().to_owned()), HeaderMap::new());
    headers::identity(response.headers_mut(), &call_id);
    Ok(response)
}

async fn work(gateway: Gateway, live: Arc<Live>, call: Arc<Call>, keep: Keep, meter: Meter) {
    let queued = ids::queued(&call);
    let answer =
        AssertUnwindSafe(route::run(gateway.clone(), live, (call, None), meter)).catch_unwind().await;
    let failed = |error: &Error| with_status(&queued, "failed", Some(error));
    let response = match answer {
        Ok(Ok(response)) => match response.into_body().whole() {
            Some(body) => own(&keep.id, &body).unwrap_or_else(|| failed(&lost())),
            None => failed(&lost()),
        },
        Ok(Err(error)) => failed(&error),
        Err(_) => failed(&lost()),
    };
    // Who takes the job off the list has the last word: this, or a cancellation.
    if gateway.jobs().lock().remove(&keep.id).is_none() {
        return;
    }
    if let Err(error) = gateway.store().put(Arc::new(keep.record(response, None))).await {
        tracing::error!(id = keep.id, error = error.message(), "a response of the background is lost");
    }
}

fn lost() -> Error {
    Error::internal("The gateway failed to complete this response; the log has details.")
}

/// The answer under the id that the client was given.
fn own(id: &str, body: &bytes::Bytes) -> Option<Raw> {
    let object = Object::scan(body.clone()).ok()?;
    let mut edits = Edits::new();
    edits.set("id", quote(id));
    edits.set("background", "true");
    Some(raw(String::from_utf8(object.splice(&edits).to_vec()).ok()?))
}

/// The response object with another status.
pub(crate) fn with_status(response: &Raw, status: &str, error: Option<&Error>) -> Raw {
    let Ok(object) = Object::scan(response.get().to_owned().into()) else { return response.clone() };
    let mut edits = Edits::new();
    edits.set("status", quote(status));
    if let Some(error) = error {
        edits.set("error", ids::error(error).get().to_owned());
    }
    String::from_utf8(object.splice(&edits).to_vec()).map_or_else(|_| response.clone(), raw)
}

/// Whether the response was worked on in the background.
pub(crate) fn is_background(response: &Raw) -> bool {
    Object::scan(response.get().to_owned().into()).is_ok_and(|object| object.bool("background") == Some(true))
}

/// The record as it is now: a worker that is gone will not complete it any more.
pub(crate) async fn current(gateway: &Gateway, record: Arc<Record>) -> Result<Arc<Record>> {
    match &record.worker {
        Some(worker) if worker != gateway.process() => {}
        _ => return Ok(record),
    }
    let error = Error::internal("The gateway was restarted while it worked on this response.");
    let mut ended = (*record).clone();
    ended.response = with_status(&record.response, "failed", Some(&error));
    ended.worker = None;
    let ended = Arc::new(ended);
    gateway.store().put(ended.clone()).await?;
    Ok(ended)
}
