//! Errors as clients of OpenAI's API expect them.

use lockgate_core::{Error, ErrorKind, Origin, Raw, wire::quote};

use crate::json::Json;

/// The HTTP status of an error. Odd statuses of providers stay as they are where they say "your mistake".
pub(crate) fn status(error: &Error) -> u16 {
    match (error.kind(), error.status()) {
        (ErrorKind::BadRequest, Some(own)) if (400..500).contains(&own) => own,
        (kind, _) => kind.status(),
    }
}

/// OpenAI's error envelope.
pub(crate) fn error_body(error: &Error) -> String {
    let status = status(error);
    let json = Json::new()
        .text("message", error.message())
        .text("type", error_type(error, status))
        .raw("param", &error.param().map_or_else(|| "null".to_owned(), quote))
        .text("code", &status.to_string());
    let json = match provider_fields(error) {
        Some(fields) => json.raw("provider_specific_fields", fields.get()),
        None => json,
    };
    format!("{{\"error\":{}}}", json.into_text())
}

/// The gateway's own type if it gave one, else the name that LiteLLM has for the status.
fn error_type(error: &Error, status: u16) -> &str {
    if let Some(own) = error.type_().filter(|_| error.origin() != Origin::Upstream) {
        return own;
    }
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 => "timeout_error",
        429 => "throttling_error",
        400..500 => "invalid_request_error",
        _ => "internal_server_error",
    }
}

/// What the provider itself said, beyond its message.
fn provider_fields(error: &Error) -> Option<Raw> {
    if error.origin() != Origin::Upstream {
        return None;
    }
    let json = Json::new()
        .maybe("code", error.code())
        .maybe("type", error.type_())
        .maybe("request_id", error.request_id());
    (!json.is_empty()).then(|| json.finish())
}
