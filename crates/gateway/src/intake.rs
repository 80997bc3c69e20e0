//! Stop 5: reads the body under a cap and makes it a [`Call`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lockgate_core::{
    Call, Error, ErrorKind, Operation, Origin, Result, Surface, surface::Asked, wire::form_boundary,
};

use crate::{
    app::Live,
    auth,
    form::{self, FormReader, Rest},
    signature::Signature,
    surface::Matched,
    trace::Inbound,
};

static TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-timeout");
static STREAM_TIMEOUT: HeaderName = HeaderName::from_static("x-litellm-stream-timeout");
static NUM_RETRIES: HeaderName = HeaderName::from_static("x-litellm-num-retries");
static TAGS: HeaderName = HeaderName::from_static("x-litellm-tags");

/// Reads and scans the request, and checks what its caller claims with a signature.
///
/// # Errors
/// The body is too large, broken off, not what was signed, or not what the surface reads.
pub(crate) async fn read(
    live: &Live,
    matched: Matched,
    inbound: Inbound,
    claim: Option<Signature>,
) -> Result<(Call, Option<Rest>)> {
    let Inbound { parts, body, id, received, .. } = inbound;
    let limit = live.snapshot.general.max_request_bytes;
    let mut headers = parts.headers;
    auth::strip_keys(&mut headers, live.key_header.as_ref());
    let asked = matched.asked(parts.uri.query());
    // Clients that sign send no forms: with them the whole body is read first.
    let form = boundary(asked.operation, &headers).filter(|_| claim.is_none());
    let (mut call, rest) = match form {
        Some(boundary) => {
            let reader = FormReader::new(body, boundary, limit);
            read_form(matched.surface, asked, headers, reader).await?
        }
        None => {
            let body = collect(body, &headers, limit).await?;
            claim.map_or(Ok(()), |claim| claim.verify(&body))?;
            (matched.surface.read(asked, headers, body)?, None)
        }
    };
    call.id = id;
    call.received = received;
    header_options(&mut call)?;
    refuse_client_credentials(live, &call)?;
    Ok((call, rest))
}

/// The boundary of a form, where the operation takes one.
fn boundary(operation: Operation, headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE).filter(|_| form::takes_form(operation))?;
    form_boundary(kind.to_str().ok()?)
}

async fn read_form(
    surface: &'static dyn Surface,
    asked: Asked<'_>,
    headers: HeaderMap,
    mut reader: FormReader,
) -> Result<(Call, Option<Rest>)> {
    declared(&headers, reader.limit())?;
    reader.start(asked.model.is_some()).await?;
    let form = reader.form();
    let open = form.1.open;
    let call = Call::from_form(surface, asked, headers, form)?;
    Ok((call, open.then(|| Rest::new(reader))))
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn collect(mut body: Incoming, headers: &HeaderMap, limit: usize) -> Result<Bytes> {
    let declared = declared(headers, limit)?;
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken())?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > limit {
            return Err(too_large(limit));
        }
        // A body of one frame is not copied.
        if first.is_none() && whole.is_empty() {
            if body.is_end_stream() {
                return Ok(data);
            }
            first = Some(data);
            continue;
        }
        if let Some(first) = first.take() {
            whole.reserve(declared.unwrap_or(first.len() + data.len()));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

/// The length that the client announces.
fn declared(headers: &HeaderMap, limit: usize) -> Result<Option<usize>> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(declared) }
}

/// What clients may also say in headers; the body wins.
fn header_options(call: &mut Call) -> Result<()> {
    let seconds = |name: &HeaderName| -> Result<Option<Duration>> {
        let Some(value) = call.headers.get(name) else { return Ok(None) };
        let name = name.as_str();
        let seconds = value.to_str().ok().and_then(|text| text.parse::<f64>().ok());
        let limit = seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|limit| !limit.is_zero());
        limit.map(Some).ok_or_else(|| {
            Error::bad_field(name, format!("`{name}` must be a number of seconds above zero."))
        })
    };
    let (timeout, stream_timeout) = (seconds(&TIMEOUT)?, seconds(&STREAM_TIMEOUT)?);
    let text = |name: &HeaderName| call.headers.get(name).and_then(|value| value.to_str().ok());
    let num_retries = text(&NUM_RETRIES).map(|text| {
        let message = format!("`{NUM_RETRIES}` must be a whole number.");
        text.parse().map_err(|_| Error::bad_field(NUM_RETRIES.as_str(), message))
    });
    let tags: Vec<String> =
        text(&TAGS).into_iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_owned()).collect();
    let options = &mut call.options;
    options.timeout = options.timeout.or(timeout);
    options.stream_timeout = options.stream_timeout.or(stream_timeout);
    options.num_retries = options.num_retries.or(num_retries.transpose()?);
    options.tags.extend(tags);
    Ok(())
}

/// SEC-6: keys and base URLs of clients are refused unless the operator allows them.
fn refuse_client_credentials(live: &Live, call: &Call) -> Result<()> {
    let given = match (&call.options.api_key, &call.options.api_base) {
        (Some(_), _) => "api_key",
        (None, Some(_)) => "api_base",
        (None, None) => return Ok(()),
    };
    if live.snapshot.general.allow_client_credentials {
        return Ok(());
    }
    Err(Error::bad_field(
        given,
        format!(
            "`{given}` in the request body is not allowed by this gateway. Remove it, or let the operator set \
             `general_settings.allow_client_side_credentials: true`."
        ),
    ))
}

pub(crate) fn too_large(limit: usize) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        Origin::Client,
        format!(
            "The request body is larger than the limit of {limit} bytes (`general_settings.max_request_size_mb`)."
        ),
    )
}

pub(crate) fn broken() -> Error {
    Error::bad_request("The request body broke off before its end.")
}
