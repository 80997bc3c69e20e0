//! Working on a response while no client waits: for models whose provider cannot.
//!
//! The one place where a call outlives its request, and so the one where a task is spawned for a call.

use std::{
    collections::HashMap,
    future::poll_fn,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use http::HeaderMap;
use lockgate_core::{
    Call, Error, Payload, Raw, Result,
    json::raw,
    wire::{Edits, Object, SseDecoder, SseError, SseEvent, quote},
};
use lockgate_openai::stored as ids;
use lockgate_responses::Record;
use tokio::task::AbortHandle;

use super::{
    Keep,
    events::{EventLog, LogBody},
    keep::Reading,
};
use crate::{
    ResponseBody,
    app::{Gateway, Live},
    attempt, headers,
    keepalive::Keepalive,
    meter::Meter,
    route,
    stack::Response,
};

/// The responses that this process works on.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<HashMap<String, Job>>);

struct Job {
    /// How to end the work; nothing when it has come to its end by itself.
    work: Option<AbortHandle>,
    log: Arc<EventLog>,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        // Nothing under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the work; its events so far, if there was any. Dropping it closes the upstream and settles the meter.
    pub(crate) fn cancel(&self, id: &str) -> Option<Arc<EventLog>> {
        let mut jobs = self.lock();
        jobs.get_mut(id)?.work.take()?.abort();
        jobs.remove(id).map(|job| job.log)
    }

    /// What has happened so far of a response that is worked on.
    pub(crate) fn log(&self, id: &str) -> Option<Arc<EventLog>> {
        self.lock().get(id).map(|job| job.log.clone())
    }

    /// The work has come to its end; whether nobody has ended it before.
    fn complete(&self, id: &str) -> bool {
        self.lock().get_mut(id).is_some_and(|job| job.work.take().is_some())
    }

    fn forget(&self, id: &str) {
        if let Some(job) = self.lock().remove(id) {
            job.log.close();
        }
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

/// Puts the call aside and answers that it is queued; a client that wants a stream reads along.
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
    let log = Arc::new(EventLog::new(&keep.id));
    log.state("response.created", &queued);
    log.state("response.queued", &queued);
    let mut response = if keep.background == Some(Reading::Along) {
        let body = LogBody::new(log.clone(), None, Keepalive::new(&call, live.keepalive()));
        let mut response = Response::new(ResponseBody::log(body));
        attempt::event_stream(response.headers_mut(), &call);
        response
    } else {
        attempt::json_response(Payload::from(queued.get().to_owned()), HeaderMap::new())
    };
    headers::identity(response.headers_mut(), &call.id);
    let id = keep.id.clone();
    let jobs = gateway.jobs();
    // Held until the job is noted: it cannot be over before that.
    let mut noted = jobs.lock();
    let job = tokio::spawn(work(gateway.clone(), live, call, (keep, log.clone()), meter));
    noted.insert(id, Job { work: Some(job.abort_handle()), log });
    drop(noted);
    Ok(response)
}

/// Runs the call as a stream, so that what is there already can be read.
async fn work(
    gateway: Gateway,
    live: Arc<Live>,
    call: Arc<Call>,
    (keep, log): (Keep, Arc<EventLog>),
    meter: Meter,
) {
    let queued = ids::queued(&call);
    let run = async {
        let response = route::run(gateway.clone(), live, (call, None), meter).await?;
        read(response.into_body(), &log).await
    };
    let fault = match AssertUnwindSafe(run).catch_unwind().await {
        Ok(Ok(())) => log.last().is_none().then(lost),
        Ok(Err(error)) => Some(error),
        Err(_) => Some(lost()),
    };
    // Who takes the work off the list has the last word: this, or a cancellation.
    if !gateway.jobs().complete(&keep.id) {
        return;
    }
    if let Some(error) = fault {
        log.state("response.failed", &with_status(&log.so_far(&queued), "failed", Some(&error)));
    }
    let mut record = keep.record(log.last().unwrap_or(queued), None);
    if keep.background == Some(Reading::Along) {
        record.events = log.events();
    }
    if let Err(error) = gateway.store().put(Arc::new(record)).await {
        tracing::error!(id = keep.id, error = error.message(), "a response of the background is lost");
    }
    gateway.jobs().forget(&keep.id);
}

/// Reads a stream into the log.
async fn read(mut body: ResponseBody, log: &EventLog) -> Result<()> {
    let mut failure: Option<Error> = None;
    let mut sse = SseDecoder::new();
    let mut note = |event: SseEvent<'_>| -> Result<(), SseError> {
        let Ok(object) = Object::scan(event.data.to_owned().into()) else { return Ok(()) };
        match object.str("type").as_deref() {
            // Said already.
            Some("response.created" | "response.queued") => {}
            Some("error") => {
                let message = object.str("message").map(|text| text.into_owned());
                failure = Some(Error::internal(message.unwrap_or_else(|| "The response failed.".to_owned())));
            }
            _ => log.add(event.data),
        }
        Ok(())
    };
    let too_long = |_| Error::internal("An event of the answer is too long.");
    while let Some(bytes) = poll_fn(|context| body.poll_bytes(context)).await {
        sse.feed(&bytes, &mut note).map_err(too_long)?;
    }
    sse.finish(&mut note).map_err(too_long)?;
    failure.map_or(Ok(()), Err)
}

fn lost() -> Error {
    Error::internal("The gateway failed to complete this response; the log has details.")
}

/// The response object with another status.
pub(crate) fn with_status(response: &Raw, status: &str, error: Option<&Error>) -> Raw {
    let Ok(object) = Object::scan(response.get().to_owned().into()) else { return response.clone() };
    let mut edits = Edits::new();
    edits.set("status", quote(status));
    if let Some(error) = error {
        edits.set("error", ids::error(error));
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
