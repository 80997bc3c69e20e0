//! Stop 10: which deployment, and what next when it fails.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use http::HeaderMap;
use lockgate_core::{
    Attempt, Call, Error, ErrorKind, Media, Operation, Origin, Result, signed, transcode, wire::Edits,
};
use lockgate_router::{Decision, Deployment, Plan, Route};

use crate::{
    ResponseBody,
    app::{Gateway, Live},
    attempt::{self, End, Progress, Success},
    form::Rest,
    headers,
    meter::Meter,
    stack::Response,
    stream_body::StreamBody,
};

/// Answers a call by the first deployment that can.
///
/// # Errors
/// The model is unknown, or the plan gave up; the last error tells why.
pub(crate) async fn run(
    gateway: Gateway,
    live: Arc<Live>,
    (call, rest): (Arc<Call>, Option<Rest>),
    mut meter: Meter,
) -> Result<Response> {
    let progress = Progress { gateway, live, call, rest };
    match walk(&progress, &mut meter).await {
        Ok(answered) => Ok(respond(&progress, answered, meter)),
        Err(error) => {
            meter.fail(&error);
            Err(error)
        }
    }
}

/// A success and how it was reached.
struct Answered {
    success: Success,
    deployment: Arc<Deployment>,
    retries: u32,
    fallbacks: u32,
}

async fn walk(progress: &Progress, meter: &mut Meter) -> Result<Answered> {
    let (live, mut call) = (&progress.live, progress.call.clone());
    let routes = live.snapshot.routes_for(call.operation);
    let route = routes.resolve(&call.model).ok_or_else(|| unknown(live, &call))?;
    let route = pinned(&call, route);
    meter.route(&route);
    let mut plan = plan(live, &progress.call, &route);
    plan.prefer(issuers(&call, &route));
    let mut verdict: Option<Error> = None;
    let mut last: Option<Error> = None;
    loop {
        let decision = plan.next(verdict.take().as_ref(), Instant::now());
        if let Some(error) = &last {
            meter.cooling(error);
        }
        match decision {
            Decision::Try(deployment) => {
                meter.attempt(&deployment, live.health.begin(&deployment));
                let began = Instant::now();
                if let Some(rest) = progress.rest.as_ref().filter(|_| needs_rest(&call, &deployment)) {
                    call = rest.complete(&call).await?;
                    meter.call(&call);
                }
                let call = adapted(&call, &plan)?;
                match attempt::run(progress, &call, &deployment, meter).await {
                    Ok(success) => {
                        let now = Instant::now();
                        live.health.succeeded(&deployment, now - began, None, now);
                        let (retries, fallbacks) = (plan.retries(), plan.fallbacks());
                        if fallbacks > 0 {
                            count_fallback(progress, &route, label(&deployment), last.as_ref(), true);
                        }
                        return Ok(Answered { success, deployment, retries, fallbacks });
                    }
                    Err(error) => {
                        meter.attempt_failed(&error);
                        last = Some(error.clone());
                        verdict = Some(error);
                    }
                }
            }
            Decision::Wait(delay) => tokio::time::sleep(delay).await,
            Decision::GiveUp => break,
        }
    }
    if plan.fallbacks() > 0 {
        count_fallback(progress, &route, "", last.as_ref(), false);
    }
    Err(last.unwrap_or_else(|| plan.refusal()))
}

/// The route without the deployments that cannot answer.
fn pinned(call: &Call, route: Route) -> Route {
    let Some(pin) = &call.pin else { return route };
    let only = route.deployments.iter().filter(|deployment| *deployment.id == **pin).cloned().collect();
    Route { deployments: only, ..route }
}

/// The deployments that can take back what was signed in the call's conversation, if not all can (AGT-2).
fn issuers(call: &Call, route: &Route) -> Vec<Arc<str>> {
    // What one account has encrypted, another of the same provider cannot read.
    let encrypted = signed::names_account(call.body.source());
    let mut names = route.deployments.iter().map(|own| {
        let target = &own.target;
        (&*target.provider.id, &*target.model, encrypted.then_some(&*target.account))
    });
    let first = names.next();
    if names.all(|name| Some(name) == first) || !transcode::may_be_signed(call) {
        return Vec::new();
    }
    let media = Media::default();
    let takes = |own: &&Arc<Deployment>| {
        transcode::takes_signatures(&Attempt { call, target: &own.target, media: &media })
    };
    let taking: Vec<Arc<str>> = route.deployments.iter().filter(takes).map(|own| own.id.clone()).collect();
    if taking.len() == route.deployments.len() { Vec::new() } else { taking }
}

/// Counts a change to another group, and whether it helped.
fn count_fallback(progress: &Progress, from: &Route, to: &str, error: Option<&Error>, helped: bool) {
    let kind = error.map_or(ErrorKind::RateLimit, Error::kind);
    let from = from.deployments.first().map_or("", |deployment| label(deployment));
    progress.gateway.metrics().fallback(from, to, kind, helped);
}

/// A deployment's group as a label: what a wildcard captured came from a request.
fn label(deployment: &Deployment) -> &str {
    if deployment.wildcard { "*" } else { &deployment.group }
}

fn plan<'a>(live: &'a Live, call: &'a Call, route: &Route) -> Plan<'a> {
    let seed =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos().into());
    Plan::new(
        live.snapshot.routes_for(call.operation),
        &live.snapshot.policy,
        &live.health,
        route,
        &call.options,
        Instant::now(),
        seed,
    )
}

fn respond(progress: &Progress, answered: Answered, mut meter: Meter) -> Response {
    let Answered { success, deployment, retries, fallbacks } = answered;
    let Success { mut response, notes, end } = success;
    meter.answered(retries, fallbacks, &notes);
    let headers = response.headers_mut();
    headers::identity(headers, &progress.call.id);
    headers::deployment(headers, &deployment, retries, fallbacks);
    headers::notes(headers, &notes);
    match end {
        End::Whole { usage, reply } => {
            let bill = meter.settle_whole(usage, reply.as_ref());
            headers::cost(headers, bill.cost);
            if bill.estimated {
                headers::estimated(headers);
            }
            timing(headers, &meter);
            response
        }
        End::Stream(opened) => {
            headers::cost(headers, meter.foretold());
            timing(headers, &meter);
            let body = ResponseBody::stream(StreamBody::new(*opened, meter, progress));
            response.map(|_| body)
        }
    }
}

fn timing(headers: &mut HeaderMap, meter: &Meter) {
    headers::timing(headers, meter.elapsed(), meter.upstream_time());
}

fn unknown(live: &Live, call: &Call) -> Error {
    match call.operation {
        Operation::Search => unknown_tool(live, call),
        _ => unknown_model(live, call),
    }
}

fn unknown_tool(live: &Live, call: &Call) -> Error {
    const FIELD: &str = "search_tool_name";
    let name = &call.model;
    if name.is_empty() {
        return Error::bad_field(
            FIELD,
            "No search tool is named: ask `/v1/search/NAME`, or send `search_tool_name`.",
        );
    }
    let message = match live.snapshot.search_tools.why_unusable(name) {
        Some(why) => format!("The search tool `{name}` is configured but cannot be used: {why}"),
        None => {
            format!("There is no search tool `{name}`. Call `/v1/search/tools` to view those you may use.")
        }
    };
    Error::new(ErrorKind::NotFound, Origin::Client, message).with_param(FIELD)
}

fn unknown_model(live: &Live, call: &Call) -> Error {
    let model = &call.model;
    let message = match live.snapshot.routes.why_unusable(model) {
        _ if model.is_empty() => "`model` is missing from the request.".to_owned(),
        Some(why) => format!("The model `{model}` is configured but cannot be used: {why}"),
        None => format!(
            "Invalid model name passed in model={model}. Call `/v1/models` to view the models you may use."
        ),
    };
    Error::bad_field("model", message)
}

/// Whether the deployment cannot be asked before the call's form is here as a whole.
fn needs_rest(call: &Call, deployment: &Deployment) -> bool {
    let target = &deployment.target;
    call.upload.as_ref().is_some_and(|upload| upload.open)
        && !target.provider.dialect_of(call).streams_upload(call, target)
}

/// The call with what a fallback written as an object changes about it.
fn adapted(call: &Arc<Call>, plan: &Plan<'_>) -> Result<Arc<Call>> {
    let Some(params) = plan.params() else { return Ok(call.clone()) };
    let mut edits = Edits::default();
    for (name, value) in params {
        edits.set(name.clone(), value.to_string());
    }
    let body = call.body.splice(&edits).into_bytes();
    Ok(Arc::new(call.with_body(body)?))
}
