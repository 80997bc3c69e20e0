//! Stop 2: turns every error, and a panic, into a response in the client's own format.

use std::{any::Any, panic::AssertUnwindSafe};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, header};
use lockgate_core::{Error, ErrorKind, Origin, Payload, Result, Surface};

use crate::{headers, stack::Response, surface, trace::Inbound};

/// Awaits an answer and rescues what goes wrong.
pub(crate) async fn guard(
    surface: &dyn Surface,
    id: &str,
    answer: impl Future<Output = Result<Response>>,
) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => respond(surface, id, &error),
        Err(panic) => {
            tracing::error!(
                call_id = id,
                panic = panic_text(&*panic),
                "a bug: the call was ended by a panic"
            );
            respond(
                surface,
                id,
                &Error::internal("The gateway failed to handle this request; the log has details."),
            )
        }
    }
}

/// An error in the surface's format, with the headers that every answer has.
pub(crate) fn respond(surface: &dyn Surface, id: &str, error: &Error) -> Response {
    let error = &error.clone().without_peer(None);
    let mut response = match error.stream() {
        // As the provider itself would have answered.
        Some(events) => events_response(events.clone()),
        None => surface.error(error).map(Into::into),
    };
    headers::identity(response.headers_mut(), id);
    if let Some(delay) = error.retry_after()
        && let Ok(value) = HeaderValue::try_from(delay.as_secs_f64().ceil().to_string())
    {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(value);
    }
    headers::failure(response.headers_mut(), error);
    response
}

fn events_response(events: Bytes) -> Response {
    let mut response = Response::new(Payload::from(events).into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The path exists, but not with this method.
pub(crate) fn wrong_method(inbound: &Inbound, allow: &'static str) -> Response {
    let message = format!("{} is not allowed on {}; use {allow}.", inbound.parts.method, inbound.path);
    let error = Error::new(ErrorKind::MethodNotAllowed, Origin::Client, message);
    let mut response = respond(surface::surface_of(&inbound.path), &inbound.id, &error);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// No such path.
pub(crate) fn not_found(inbound: &Inbound) -> Response {
    let message = format!(
        "There is no {} {} here; GET /routes lists what there is.",
        inbound.parts.method, inbound.path
    );
    respond(
        surface::surface_of(&inbound.path),
        &inbound.id,
        &Error::new(ErrorKind::NotFound, Origin::Client, message),
    )
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}
