//! The effective configuration, without secrets (TMO-2).

use lockgate_core::Result;
use lockgate_router::Timeouts;
use serde_json::{Value, json};

use crate::{app::Live, stack::Response};

pub(super) fn show(live: &Live) -> Result<Response> {
    let snapshot = &live.snapshot;
    let (general, settings, policy) = (&snapshot.general, &snapshot.settings, &snapshot.policy);
    super::json(&json!({
        "files": snapshot.files,
        "deployments": snapshot.routes.deployments().count(),
        "default_timeouts_seconds": timeouts(&Timeouts::default()),
        "max_request_bytes": general.max_request_bytes,
        "keepalive_seconds": general.keepalive_interval.as_secs_f64(),
        "drain_delay_seconds": general.drain_delay.as_secs_f64(),
        "drain_limit_seconds": general.drain_limit.as_secs_f64(),
        "allow_client_side_credentials": general.allow_client_credentials,
        "require_auth_for_metrics_endpoint": general.require_auth_for_metrics,
        "drop_params": settings.drop_params,
        "modify_params": settings.modify_params,
        "user_url_validation": settings.user_url_validation,
        "num_retries": policy.num_retries,
        "cooldown_seconds": policy.cooldown_time.as_secs_f64(),
        "not_active_yet": snapshot.inactive,
        "warnings": snapshot.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}

/// The four limits, as `/config` and `/model/info` show them.
pub(super) fn timeouts(timeouts: &Timeouts) -> Value {
    json!({
        "connect": timeouts.connect.as_secs_f64(),
        "first_byte": timeouts.first_byte.as_secs_f64(),
        "idle": timeouts.idle.as_secs_f64(),
        "total": timeouts.total.as_secs_f64(),
    })
}
