//! Responses that a provider keeps: what is asked of them goes to the deployment that made them.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, header, response::Parts};
use lockgate_core::{
    Attempt, Call, Encoded, Error, ErrorKind, Media, Memo, Operation, Origin, Payload, Raw, Result, Target,
    Usage, transcode, wire::Object,
};
use lockgate_openai::stored as ids;
use lockgate_router::Deployment;
use lockgate_transport::{Limits, UpstreamBody};
use serde_json::json;

use super::{SURFACE, past, spliced};
use crate::{
    ResponseBody,
    app::{Gateway, Live},
    attempt::{self, End, Progress},
    headers,
    meter::Meter,
    stack::Response,
    stream_body::StreamBody,
    surface,
};

/// Between the parts of what leads back to a deployment: its id and, should that have changed, its group.
const SEPARATOR: char = '\u{1f}';
/// Answers longer than this are refused.
const LONGEST: usize = 256 << 20;
/// Conversations of more turns are not fetched from a provider.
const LONGEST_CONVERSATION: usize = 500;

/// What leads back to a deployment.
pub(crate) fn keeper(deployment: &Deployment) -> Arc<str> {
    format!("{}{SEPARATOR}{}", deployment.id, deployment.group).into()
}

/// The deployment that it leads to: that of the id, else one of the group, which has the same account as a rule.
fn find(live: &Live, keeper: &str) -> Option<Arc<Deployment>> {
    let (id, group) = keeper.split_once(SEPARATOR).unwrap_or((keeper, ""));
    let routes = &live.snapshot.routes;
    let of_group = || {
        let route = routes.resolve(group)?;
        let own = route.deployments.iter().find(|deployment| *deployment.id == *id);
        own.or_else(|| route.deployments.iter().find(|own| is_keeper(&own.target))).cloned()
    };
    routes.deployment(id).cloned().or_else(of_group)
}

/// Whether responses of this deployment are kept by its provider.
pub(crate) fn is_keeper(target: &Target) -> bool {
    target.provider.offers(Operation::StoredResponses)
        && target.param("use_chat_completions_api") != Some("true")
}

/// Whether every deployment that may answer the call keeps responses itself.
pub(crate) fn keeps(live: &Live, call: &Call) -> bool {
    let route = live.snapshot.routes.resolve(&call.model);
    route.is_some_and(|route| {
        !route.deployments.is_empty() && route.deployments.iter().all(|own| is_keeper(&own.target))
    })
}

/// Lets only the deployment answer that keeps what the call goes on from; whether the asked model has it.
pub(crate) fn pin(live: &Live, call: &mut Call, keeper: &str) -> bool {
    // That there is no such model is said later.
    let Some(route) = live.snapshot.routes.resolve(&call.model) else { return true };
    let found = find(live, keeper);
    let Some(pinned) = found.filter(|found| route.deployments.iter().any(|own| own.id == found.id)) else {
        return false;
    };
    call.pin = Some(pinned.id.to_string());
    call.options.disable_fallbacks = true;
    true
}

/// What was said up to a response that a provider keeps, as any other model may be told it.
///
/// # Errors
/// The provider does not tell.
pub(crate) async fn conversation(
    gateway: &Gateway,
    live: &Live,
    (keeper, own): (&str, &str),
) -> Result<Vec<Raw>> {
    let mut turns: Vec<Vec<Raw>> = Vec::new();
    let mut next = Some(own.to_owned());
    // The items that the turn behind was told.
    let mut told: Vec<Raw> = Vec::new();
    while let Some(id) = next.take() {
        if turns.len() >= LONGEST_CONVERSATION {
            return Err(untold("it is too long"));
        }
        let response = fetch(gateway, live, (keeper, &id), "", None).await?;
        if matches!(response.str("status").as_deref(), Some("queued" | "in_progress")) {
            return Err(past::incomplete(&id));
        }
        let output: Vec<Raw> =
            response.raw("output").and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        // Some providers list with a response what was said before it, some only what is new.
        if output
            .iter()
            .filter_map(item_id)
            .any(|id| told.iter().any(|item| item_id(item) == Some(id.clone())))
        {
            break;
        }
        told = input_items(gateway, live, (keeper, &id)).await?;
        turns.push(told.iter().cloned().chain(output).collect());
        next = response.str("previous_response_id").map(|id| id.into_owned()).filter(|id| !id.is_empty());
    }
    Ok(turns.iter().rev().flatten().filter_map(past::anyones).collect())
}

/// All that a provider was told with a response, the oldest first.
async fn input_items(gateway: &Gateway, live: &Live, kept: (&str, &str)) -> Result<Vec<Raw>> {
    let mut items: Vec<Raw> = Vec::new();
    let mut after = String::new();
    loop {
        let query = format!("limit=100&order=asc{after}");
        let page = fetch(gateway, live, kept, "/input_items", Some(&query)).await?;
        let data: Vec<Raw> =
            page.raw("data").and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        let last = page.str("last_id").filter(|_| page.bool("has_more") == Some(true) && !data.is_empty());
        items.extend(data);
        let Some(last) = last else { return Ok(items) };
        if items.len() > LONGEST_CONVERSATION * 10 {
            return Err(untold("it is too long"));
        }
        let last = percent_encoding::utf8_percent_encode(&last, percent_encoding::NON_ALPHANUMERIC);
        after = format!("&after={last}");
    }
}

/// What the provider says of its response.
async fn fetch(
    gateway: &Gateway,
    live: &Live,
    kept: (&str, &str),
    below: &str,
    query: Option<&str>,
) -> Result<Object> {
    let errand = Errand { method: Method::GET, below, query };
    let told = ask(gateway, live, kept, errand).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::BadRequest => untold(error.message()),
        _ => error,
    })?;
    Object::scan(told.body).map_err(|_| untold("what the provider says of it cannot be read"))
}

/// Why the conversation up to a response is not known.
fn untold(why: &str) -> Error {
    let message = format!(
        "`previous_response_id` names a response that another provider keeps, and what was said up to it cannot be told          to this model: {why}. Continue it with the model that made it, or send the conversation as `input`."
    );
    Error::bad_field("previous_response_id", message)
}

fn item_id(item: &Raw) -> Option<String> {
    Object::scan(item.get().to_owned().into()).ok()?.str("id").map(|id| id.into_owned())
}

/// What the gateway asks of a kept response.
pub(crate) struct Errand<'a> {
    pub(crate) method: Method,
    /// Behind the response's id: `/cancel`.
    pub(crate) below: &'a str,
    pub(crate) query: Option<&'a str>,
}

/// Runs an errand at the deployment that keeps the response, and what was consumed, if the answer says.
///
/// # Errors
/// The deployment is gone, or refuses.
pub(crate) async fn run(
    gateway: &Gateway,
    live: &Live,
    (keeper, own): (&str, &str),
    errand: Errand<'_>,
) -> Result<(Response, Answered)> {
    let told = ask(gateway, live, (keeper, own), errand).await?;
    let (shown, answered) = shown(told.body, &told.encoded.memo)?;
    let kind = told.head.headers.get(header::CONTENT_TYPE).cloned();
    let mut response = attempt::json_response(shown, headers::upstream(told.head.headers));
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    headers::deployment(response.headers_mut(), &told.deployment, 0, 0);
    Ok((response, answered))
}

/// A whole answer to an errand.
struct Told {
    deployment: Arc<Deployment>,
    encoded: Encoded,
    head: Parts,
    body: Bytes,
}

async fn ask(
    gateway: &Gateway,
    live: &Live,
    (keeper, own): (&str, &str),
    errand: Errand<'_>,
) -> Result<Told> {
    let deployment = kept_by(live, keeper)?;
    let call = asking(&deployment)?;
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &deployment.target, media: &media };
    let (encoded, head, body) = send(gateway, &attempt, &deployment, own, errand).await?;
    let body = body.collect(LONGEST).await?;
    Ok(Told { deployment, encoded, head, body })
}

/// Reads along with a response that is worked on, or again the events of one that is over.
///
/// # Errors
/// As [`run`].
pub(crate) async fn stream(
    gateway: &Gateway,
    live: &Arc<Live>,
    (keeper, own): (&str, &str),
    query: Option<&str>,
) -> Result<Response> {
    let deployment = kept_by(live, keeper)?;
    let call = Arc::new(asking(&deployment)?);
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &deployment.target, media: &media };
    let errand = Errand { method: Method::GET, below: "", query };
    let (encoded, head, body) = send(gateway, &attempt, &deployment, own, errand).await?;
    let opened = attempt::open(&attempt, encoded, head, body).await?;
    let progress = Progress { gateway: gateway.clone(), live: live.clone(), call: call.clone(), rest: None };
    let mut response = opened.response;
    headers::deployment(response.headers_mut(), &deployment, 0, 0);
    if let End::Stream(opened) = opened.end {
        // What it costs is settled by who sees its end, not by who reads.
        *response.body_mut() = ResponseBody::stream(StreamBody::new(*opened, Meter::closed(), &progress));
    }
    Ok(response)
}

/// A call that asks the deployment for nothing: what errands are made of.
fn asking(deployment: &Deployment) -> Result<Call> {
    let body = json!({"model": &*deployment.group, "input": "", "stream": true}).to_string();
    surface::surface(SURFACE).read(Operation::Chat.into(), HeaderMap::new(), body.into())
}

/// Sends an errand; the head and body of a good answer, and how it is to be read.
async fn send(
    gateway: &Gateway,
    attempt: &Attempt<'_>,
    deployment: &Deployment,
    own: &str,
    errand: Errand<'_>,
) -> Result<(Encoded, Parts, UpstreamBody)> {
    let below = format!("/{own}{}", errand.below);
    let mut encoded = transcode::errand(attempt, errand.method, &below, errand.query, SystemTime::now())?;
    let mut request = std::mem::take(&mut encoded.request);
    let timeouts = &deployment.timeouts;
    let (total, idle) = (timeouts.total, timeouts.idle);
    let limits = Limits { connect: timeouts.connect, first_byte: total, idle, total };
    let transport = gateway.transport();
    transport.authorise(attempt.signer(), &mut request, limits).await?;
    let (head, body) = transport.send(request, limits).await?.into_parts();
    if !head.status.is_success() {
        let body = body.collect(LONGEST).await?;
        let error = attempt.dialect().reject(attempt, &head, &body);
        return Err(crate::mask::error(error, attempt.signer().as_ref()));
    }
    encoded.memo = Memo {
        deployment: Some(keeper(deployment)),
        client_model: (!deployment.wildcard).then(|| deployment.group.to_string()),
        ..Memo::default()
    };
    Ok((encoded, head, body))
}

/// The deployment that keeps a response.
pub(crate) fn kept_by(live: &Live, keeper: &str) -> Result<Arc<Deployment>> {
    find(live, keeper).ok_or_else(|| {
        let message = "The deployment that keeps this response is not configured any more.";
        Error::new(ErrorKind::NotFound, Origin::Client, message)
    })
}

/// What an answer says of the response.
#[derive(Default)]
pub(crate) struct Answered {
    /// Whether it is over.
    pub(crate) over: bool,
    /// What it consumed.
    pub(crate) usage: Option<Usage>,
}

fn shown(body: Bytes, memo: &Memo) -> Result<(Payload, Answered)> {
    let Ok(object) = Object::scan(body.clone()) else { return Ok((body.into(), Answered::default())) };
    if object.str("object").is_some_and(|kind| kind == "list") {
        return Ok((body.into(), Answered::default()));
    }
    let over =
        matches!(object.str("status").as_deref(), Some("completed" | "incomplete" | "failed" | "cancelled"));
    let usage = if over { ids::usage(&object) } else { None };
    let edited = spliced(&object, &ids::edits(&object, memo))?;
    Ok((edited.source().clone().into(), Answered { over, usage }))
}

/// Nothing of a query that is empty.
pub(crate) fn query(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
