//! Responses that a provider keeps: what is asked of them goes to the deployment that made them.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method};
use lockgate_core::{
    Attempt, Call, Error, ErrorKind, Media, Memo, Operation, Origin, Payload, Result, transcode, wire::Object,
};
use lockgate_openai::stored as ids;
use lockgate_router::Deployment;
use lockgate_transport::Limits;
use serde_json::json;

use super::{SURFACE, spliced};
use crate::{
    app::{Gateway, Live},
    attempt, headers,
    stack::Response,
    surface,
};

/// Between the parts of what leads back to a deployment: its id and, should that have changed, its group.
const SEPARATOR: char = '\u{1f}';
/// Answers longer than this are refused.
const LONGEST: usize = 256 << 20;

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
        own.or_else(|| route.deployments.iter().find(|deployment| is_keeper(deployment))).cloned()
    };
    routes.deployment(id).cloned().or_else(of_group)
}

fn is_keeper(deployment: &Deployment) -> bool {
    deployment.target.provider.offers(Operation::StoredResponses)
}

/// Whether every deployment that may answer the call keeps responses itself.
pub(crate) fn keeps(live: &Live, call: &Call) -> bool {
    let route = live.snapshot.routes.resolve(&call.model);
    route.is_some_and(|route| {
        !route.deployments.is_empty() && route.deployments.iter().all(|own| is_keeper(own))
    })
}

/// Lets only the deployment answer that keeps what the call goes on from.
///
/// # Errors
/// The model that is asked is not served by it.
pub(crate) fn pin(live: &Live, call: &mut Call, keeper: &str) -> Result<()> {
    let found = find(live, keeper);
    let route = live.snapshot.routes.resolve(&call.model);
    let Some(route) = route else { return Ok(()) };
    let pinned = found.filter(|found| route.deployments.iter().any(|own| own.id == found.id));
    let Some(pinned) = pinned else {
        let message = format!(
            "`previous_response_id` names a response that another deployment keeps than those of `{}`. Continue it with \
             the model that made it, or send the conversation as `input`.",
            call.model
        );
        return Err(Error::bad_field("previous_response_id", message));
    };
    call.pin = Some(pinned.id.to_string());
    call.options.disable_fallbacks = true;
    Ok(())
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
    let deployment = find(live, keeper).ok_or_else(|| {
        let message = "The deployment that keeps this response is not configured any more.";
        Error::new(ErrorKind::NotFound, Origin::Client, message)
    })?;
    let body = json!({"model": &*deployment.group, "input": ""}).to_string();
    let call = surface::surface(SURFACE).read(Operation::Chat.into(), HeaderMap::new(), body.into())?;
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &deployment.target, media: &media };
    let below = format!("/{own}{}", errand.below);
    let mut request = transcode::errand(&attempt, errand.method, &below, errand.query, SystemTime::now())?;
    let timeouts = &deployment.timeouts;
    let (total, idle) = (timeouts.total, timeouts.idle);
    let limits = Limits { connect: timeouts.connect, first_byte: total, idle, total };
    let transport = gateway.transport();
    transport.authorise(attempt.signer().as_ref(), &mut request, limits).await?;
    let (head, body) = transport.send(request, limits).await?.into_parts();
    let body = body.collect(LONGEST).await?;
    if !head.status.is_success() {
        let error = attempt.dialect().reject(&attempt, &head, &body);
        return Err(crate::mask::error(error, attempt.signer().as_ref()));
    }
    let memo = Memo {
        deployment: Some(self::keeper(&deployment)),
        client_model: (!deployment.wildcard).then(|| deployment.group.to_string()),
        ..Memo::default()
    };
    let (shown, answered) = shown(body, &memo, deployment.clone())?;
    let kind = head.headers.get(http::header::CONTENT_TYPE).cloned();
    let mut response = attempt::json_response(shown, headers::upstream(head.headers));
    if let Some(kind) = kind {
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    headers::deployment(response.headers_mut(), &deployment, 0, 0);
    Ok((response, answered))
}

/// What an answer says of the response.
pub(crate) struct Answered {
    pub(crate) deployment: Arc<Deployment>,
    /// What it consumed, once it is over.
    pub(crate) usage: Option<lockgate_core::Usage>,
}

fn shown(body: Bytes, memo: &Memo, deployment: Arc<Deployment>) -> Result<(Payload, Answered)> {
    // A stream of events, asked for with `stream=true`: as it is.
    let Ok(object) = Object::scan(body.clone()) else {
        return Ok((body.into(), Answered { deployment, usage: None }));
    };
    let over =
        matches!(object.str("status").as_deref(), Some("completed" | "incomplete" | "failed" | "cancelled"));
    let usage = over.then(|| ids::usage(&object)).flatten();
    let is_list = object.str("object").is_some_and(|kind| kind == "list");
    if is_list {
        return Ok((body.into(), Answered { deployment, usage: None }));
    }
    let edited = spliced(&object, &ids::edits(&object, memo))?;
    Ok((edited.source().clone().into(), Answered { deployment, usage }))
}

/// Nothing of a query that is empty.
pub(crate) fn query(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
