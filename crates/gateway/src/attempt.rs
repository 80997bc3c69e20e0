//! Stop 11: one call on one deployment: encode, sign, send, and relay or decode what comes back.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header, response::Parts};
use lockgate_core::{
    Attempt, Call, Encoded, Error, Media, Notes, Operation, Payload, Reply, Result, Target, Usage, embedding,
    transcode::{self, Answer, Stream},
};
use lockgate_router::{Deployment, with_client_credentials};
use lockgate_transport::{Limits, UpstreamBody, Walked};

use crate::{
    app::{Gateway, Live},
    estimate,
    form::Rest,
    headers,
    mask::{self, Mask},
    meter::Meter,
    parts,
    responses::{self, native},
    stack::Response,
    stream_body::Opened,
};

/// Answers longer than this are refused: nobody's whole answer is.
const LONGEST_ANSWER: usize = 256 << 20;
/// Errors are read up to here.
const LONGEST_ERROR: usize = 1 << 20;

/// A call in progress: what every attempt needs.
pub(crate) struct Progress {
    pub(crate) gateway: Gateway,
    pub(crate) live: Arc<Live>,
    pub(crate) call: Arc<Call>,
    /// What has not come yet of the call's form.
    pub(crate) rest: Option<Rest>,
}

/// What a successful attempt gives: a response without its headers about routing, and how the meter goes on.
pub(crate) struct Success {
    pub(crate) response: Response,
    pub(crate) notes: Notes,
    pub(crate) end: End,
}

/// How the call is settled.
#[expect(clippy::large_enum_variant, reason = "moved once, and a box would cost each call an allocation")]
pub(crate) enum End {
    /// Now: the whole answer is here.
    Whole { usage: Option<Usage>, reply: Option<Reply> },
    /// When the stream ends. The body is made once the meter can be moved into it.
    Stream(Box<Opened>),
}

/// Calls one deployment.
///
/// # Errors
/// The call cannot be expressed for it, it refused, or it failed before the first content.
pub(crate) async fn run(
    progress: &Progress,
    call: &Arc<Call>,
    deployment: &Deployment,
    meter: &mut Meter,
) -> Result<Success> {
    let options = &call.options;
    let own = match (&options.api_key, &options.api_base) {
        (None, None) => None,
        (key, base) => Some(with_client_credentials(&deployment.target, key.as_ref(), base.as_deref())?),
    };
    let target = own.as_ref().unwrap_or(&deployment.target);
    let dialect = target.provider.dialect_of(call);
    if let Some(text) = options.mock_response.as_ref().or(deployment.mock_response.as_ref()) {
        return local(call, crate::mock::reply(call, target, text));
    }
    if let Some(reply) = dialect.local(call, target) {
        return local(call, reply?);
    }
    if call.operation == Operation::CountTokens && !counts(call, target) {
        return count_tokens(call, &target.model).await;
    }
    let parts = if embedding::is_long(call, target) {
        let (call, target) = (call.clone(), target.clone());
        let bytes = call.body.source().len();
        Box::pin(estimate::off_the_worker(bytes, move || embedding::parts(&call, &target))).await?
    } else {
        embedding::parts(call, target)?
    };
    if !parts.is_empty() {
        // Boxed, because it is rare.
        return Box::pin(parts::run(progress, call, (deployment, target), parts, meter)).await;
    }
    transcode::offered(call, target)?;
    let media = match dialect.fetches(call, target)? {
        urls if urls.is_empty() => Media::default(),
        // Boxed, because fetching is rare and its state is large: every call's future would carry it.
        urls => Box::pin(fetch(progress, urls)).await?,
    };
    let attempt = Attempt { call, target, media: &media };
    let mut encoded = transcode::prepare(&attempt, SystemTime::now())?;
    if call.surface.id() == responses::SURFACE && native::is_keeper(target) {
        encoded.memo.deployment = Some(native::keeper(deployment));
    }
    if call.surface.id() == responses::SURFACE && progress.live.several_accounts {
        encoded.memo.account = Some(target.account.clone());
    }
    let mut request = std::mem::take(&mut encoded.request);
    let (transport, limits) = (progress.gateway.transport(), limits(call, deployment, meter.elapsed()));
    transport
        .authorise(attempt.signer(), &mut request, limits)
        .await
        .map_err(|error| named(error, deployment))?;
    let sent = Instant::now();
    let rest = progress.rest.as_ref().filter(|_| call.upload.as_ref().is_some_and(|upload| upload.open));
    let response = match rest {
        Some(rest) => transport.send_with(request, rest.body(), limits).await,
        None => transport.send(request, limits).await,
    };
    if let Ok(response) = &response {
        transport.distrust(attempt.signer().as_ref(), response.status());
    }
    let outcome = match response {
        Ok(response) => follow(progress, &attempt, encoded, response, limits).await,
        Err(error) => Err(error),
    };
    meter.upstream(sent.elapsed());
    outcome.map_err(|error| {
        let error = match rest {
            Some(rest) => rest.judge(error),
            None => error,
        };
        mask::error(named(error, deployment), attempt.signer().as_ref())
    })
}

/// Walks to the answer of the call, if its API gives it only after further requests.
async fn follow(
    progress: &Progress,
    attempt: &Attempt<'_>,
    encoded: Encoded,
    response: http::Response<UpstreamBody>,
    limits: Limits,
) -> Result<Success> {
    let Some(mut exchange) = attempt.dialect().exchange(attempt, &encoded) else {
        return receive(attempt, encoded, response).await;
    };
    let (signer, transport) = (attempt.signer(), progress.gateway.transport());
    let walk = transport.walk(exchange.as_mut(), signer, response, limits, &progress.live.egress);
    // Boxed, like everything on the way that most calls have no use for.
    match Box::pin(walk).await? {
        Walked::Open(response) => receive(attempt, encoded, response).await,
        Walked::Whole(response) => {
            let (head, body) = response.into_parts();
            whole(attempt, encoded, head, body)
        }
    }
}

async fn receive(
    attempt: &Attempt<'_>,
    encoded: Encoded,
    response: http::Response<UpstreamBody>,
) -> Result<Success> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        let body = body.collect(LONGEST_ERROR).await.unwrap_or_default();
        return Err(attempt.dialect().reject(attempt, &head, &body));
    }
    if comes_in_pieces(attempt, &encoded, &head.headers) {
        return open(attempt, encoded, head, body).await;
    }
    let body = body.collect(LONGEST_ANSWER).await?;
    whole(attempt, encoded, head, body)
}

fn whole(attempt: &Attempt<'_>, encoded: Encoded, head: Parts, body: Bytes) -> Result<Success> {
    if attempt.call.stream && attempt.call.upload.is_none() {
        return unstreamed(attempt, encoded, head, body);
    }
    let answer = transcode::answer(attempt, &encoded, &head, body)?;
    let response = whole_response(answer.body, answer.content_type, headers::upstream(head.headers));
    Ok(Success {
        response,
        notes: encoded.notes,
        end: End::Whole { usage: answer.usage, reply: answer.reply },
    })
}

/// Reads a stream up to its first content, so that a failure before it can still be answered by another deployment.
///
/// # Errors
/// There is no content, but a failure.
pub(crate) async fn open(
    attempt: &Attempt<'_>,
    encoded: Encoded,
    head: Parts,
    mut upstream: UpstreamBody,
) -> Result<Success> {
    let mut stream = Stream::new(attempt, &encoded, &head);
    let mut done = false;
    let first = loop {
        match upstream.frame().await {
            Some(frame) => {
                let bytes = stream.push(frame?)?;
                if !bytes.is_empty() {
                    break bytes;
                }
            }
            None => {
                done = true;
                break stream.finish()?;
            }
        }
    };
    let mut response = Response::new(Payload::new().into());
    let kind =
        head.headers.get(header::CONTENT_TYPE).cloned().filter(|_| is_sound(attempt.call, &head.headers));
    let sound = kind.is_some();
    *response.headers_mut() = headers::upstream(head.headers);
    match kind {
        Some(kind) => {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        None => event_stream(response.headers_mut(), attempt.call),
    }
    Ok(Success {
        response,
        notes: encoded.notes,
        end: End::Stream(Box::new(Opened {
            upstream,
            stream,
            first,
            done,
            sound,
            mask: Mask::new(attempt.signer()),
        })),
    })
}

/// A whole answer for a client that wanted a stream.
fn unstreamed(attempt: &Attempt<'_>, encoded: Encoded, head: Parts, body: Bytes) -> Result<Success> {
    let reply = attempt.dialect().decode(attempt, &encoded, &head, body)?;
    let mut success = local(attempt.call, reply)?;
    success.response.headers_mut().extend(headers::upstream(head.headers));
    success.notes = encoded.notes;
    Ok(success)
}

fn local(call: &Call, reply: Reply) -> Result<Success> {
    let Answer { body, content_type, usage, reply } = transcode::local(call, reply)?;
    let mut response = whole_response(body, content_type, HeaderMap::new());
    if call.stream {
        event_stream(response.headers_mut(), call);
    }
    Ok(Success { response, notes: transcode::unheard(call), end: End::Whole { usage, reply } })
}

/// Whether the provider counts tokens for this client. OpenAI's own count is asked for in its own words only.
fn counts(call: &Call, target: &Target) -> bool {
    let provider = &target.provider;
    let own = call.surface.id() == responses::SURFACE && provider.offers(Operation::InputTokens);
    own || provider.offers(Operation::CountTokens) && provider.dialect_of(call).counts_tokens(target)
}

/// For providers that do not count: our own count, marked as the estimate that it is (AGT-5).
async fn count_tokens(call: &Arc<Call>, model: &Arc<str>) -> Result<Success> {
    let (counted, model) = (call.clone(), model.clone());
    let count = estimate::off_the_worker(call.body.source().len(), move || {
        counted.chat().map(|request| lockgate_tokens::count_chat(&model, request))
    });
    let count = count.await?;
    let mut success = local(call, Reply::TokenCount { input: count.tokens })?;
    if !count.exact {
        headers::estimated(success.response.headers_mut());
    }
    Ok(success)
}

async fn fetch(progress: &Progress, urls: Vec<String>) -> Result<Media> {
    let mut media = Media::default();
    for url in urls {
        let file = progress.gateway.transport().fetch(&url, &progress.live.egress).await?;
        media.0.insert(url, Arc::new(file));
    }
    Ok(media)
}

/// The deployment's limits, tightened by the client's wishes, less the time that is already gone.
pub(crate) fn limits(call: &Call, deployment: &Deployment, elapsed: Duration) -> Limits {
    let timeouts = &deployment.timeouts;
    let total = call.options.timeout.map_or(timeouts.total, |timeout| timeout.min(timeouts.total));
    let total = total.saturating_sub(elapsed).max(Duration::from_millis(1));
    let first_byte = if call.stream && !is_detached(call) {
        call.options.stream_timeout.map_or(timeouts.first_byte, |timeout| timeout.min(timeouts.first_byte))
    } else {
        // A whole answer's first byte may take as long as the answer.
        total
    };
    Limits { connect: timeouts.connect, first_byte: first_byte.min(total), idle: timeouts.idle, total }
}

/// Whether no client waits for the first byte.
fn is_detached(call: &Call) -> bool {
    call.answer_id.is_some() && call.body.bool("background") == Some(true)
}

pub(crate) fn named(error: Error, deployment: &Deployment) -> Error {
    let error = error.with_model(&*deployment.group);
    if error.provider().is_some() { error } else { error.with_provider(&*deployment.target.provider.id) }
}

/// A whole answer in JSON.
pub(crate) fn json_response(body: Payload, headers: HeaderMap) -> Response {
    whole_response(body, None, headers)
}

pub(crate) fn whole_response(
    body: Payload,
    content_type: Option<HeaderValue>,
    headers: HeaderMap,
) -> Response {
    let mut response = Response::new(body.into());
    *response.headers_mut() = headers;
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

pub(crate) fn event_stream(headers: &mut HeaderMap, call: &Call) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(call.surface.stream_type(call)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

/// Whether the answer is passed on while it comes: events, or sound.
fn comes_in_pieces(attempt: &Attempt<'_>, encoded: &Encoded, headers: &HeaderMap) -> bool {
    let call = attempt.call;
    match call.operation {
        Operation::Speech => encoded.relay,
        // A form may say that it wants a stream after its file.
        _ if call.upload.is_some() => encoded.relay && is_events(headers),
        _ => call.stream && !is_json(headers),
    }
}

/// Whether the answer to a request to speak is sound, and not events about sound.
fn is_sound(call: &Call, headers: &HeaderMap) -> bool {
    call.operation == Operation::Speech && !is_events(headers)
}

fn is_events(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}
