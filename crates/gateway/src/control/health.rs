//! Liveness depends on nothing, readiness on a loaded configuration and on not draining; health is passive.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::{HeaderMap, StatusCode};
use lockgate_core::{Error, Media, Operation, Result, transcode};
use lockgate_router::Deployment;
use lockgate_transport::Limits;
use serde_json::{Value, json};

use crate::{
    app::{Gateway, Live},
    headers,
    stack::Response,
    surface,
};

/// Probes give up after this.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn ready(gateway: &Gateway) -> Result<Response> {
    let draining = gateway.is_draining();
    let mut response = super::json(&json!({
        "status": if draining { "draining" } else { "healthy" },
        "litellm_version": headers::VERSION,
        "in_flight": gateway.in_flight().load(Ordering::Relaxed),
    }))?;
    if draining {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// What recent traffic says of each deployment; with `probe`, what a tiny call to each says now.
pub(super) async fn health(gateway: &Gateway, live: &Live, probe: bool) -> Result<Response> {
    let now = Instant::now();
    let (mut healthy, mut unhealthy) = (Vec::new(), Vec::new());
    for deployment in live.snapshot.routes.deployments() {
        let (requests, failures) = live.health.recent(deployment, now);
        let mut entry = json!({
            "model": format!("{}/{}", deployment.target.provider.id, deployment.target.model),
            "model_group": &*deployment.group,
            "model_id": &*deployment.id,
            "api_base": &*deployment.target.base,
            "requests_this_minute": requests,
            "failures_this_minute": failures,
            "in_flight": live.health.in_flight(deployment),
        });
        let mut error =
            live.health.cooldown_left(deployment, now).map(|left| format!("cooling down for {left:.1?}"));
        if probe {
            error = self::probe(gateway, deployment).await.err().map(|error| error.message().to_owned());
        }
        match error {
            None => healthy.push(entry),
            Some(error) => {
                entry["error"] = Value::String(error);
                unhealthy.push(entry);
            }
        }
    }
    super::json(&json!({
        "healthy_count": healthy.len(),
        "unhealthy_count": unhealthy.len(),
        "healthy_endpoints": healthy,
        "unhealthy_endpoints": unhealthy,
    }))
}

/// The cheapest real call: one word in, one token out.
async fn probe(gateway: &Gateway, deployment: &Deployment) -> Result<()> {
    let (operation, body) = match deployment.info["mode"].as_str() {
        Some("embedding") => (Operation::Embedding, json!({"model": &*deployment.group, "input": "ping"})),
        Some("chat") | None => (
            Operation::Chat,
            json!({"model": &*deployment.group, "messages": [{"role": "user", "content": "ping"}], "max_tokens": 16}),
        ),
        Some(_) => return Ok(()),
    };
    let surface = surface::surface("openai");
    let call = surface.read(operation.into(), HeaderMap::new(), body.to_string().into())?;
    let (dialect, _) = deployment.target.provider.dialect_for(surface.id());
    if let Some(reply) = dialect.local(&call, &deployment.target) {
        return reply.map(drop);
    }
    let media = Media::default();
    let attempt = lockgate_core::Attempt { call: &call, target: &deployment.target, media: &media };
    let mut encoded = transcode::prepare(&attempt, std::time::SystemTime::now())?;
    let limits = Limits {
        total: PATIENCE,
        first_byte: PATIENCE,
        idle: PATIENCE,
        connect: deployment.timeouts.connect,
    };
    let request = std::mem::take(&mut encoded.request);
    let (head, body) = gateway.transport().send(request, limits).await?.into_parts();
    let body = body.collect(1 << 20).await?;
    if head.status.is_success() { Ok(()) } else { Err::<(), Error>(dialect.reject(&attempt, &head, &body)) }
}
