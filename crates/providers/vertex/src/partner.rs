//! Partners' models that speak OpenAI's chat completions.

use std::sync::Arc;

use lockgate_core::{Attempt, Dialect, Encoded, Result, Target, wire::Edits};
use lockgate_openai::OpenAi;

use crate::{
    claude::{edit, uri},
    family::{Partner, is_endpoint},
    place,
};

pub(crate) fn encode(attempt: &Attempt<'_>, partner: Partner) -> Result<Encoded> {
    match partner {
        Partner::OpenApi => openapi(attempt),
        Partner::Mistral => raw(attempt, "mistralai", "v1", true),
        Partner::Ai21 => raw(attempt, "ai21", "v1beta1", false),
    }
}

/// The endpoint that resembles OpenAI's API, or one of the user's own.
fn openapi(attempt: &Attempt<'_>) -> Result<Encoded> {
    let target = attempt.target;
    let home = place::home(target, "v1", place::location(target))?;
    let own = target.model.strip_prefix("openai/").filter(|name| is_endpoint(name));
    let base = format!("{home}/endpoints/{}", own.unwrap_or("openapi"));
    let target = Target { base: Arc::from(base), ..target.clone() };
    OpenAi.encode(&Attempt { target: &target, ..*attempt })
}

/// A model below its publisher.
fn raw(attempt: &Attempt<'_>, publisher: &str, version: &str, undated: bool) -> Result<Encoded> {
    let target = attempt.target;
    let mut encoded = OpenAi.encode(attempt)?;
    let home = place::home(target, version, place::location(target))?;
    let name = target.model.rsplit('/').next().unwrap_or(&target.model);
    let verb = match (attempt.call.stream, undated) {
        (true, true) => "streamRawPredict",
        (true, false) => "streamRawPredict?alt=sse",
        (false, _) => "rawPredict",
    };
    *encoded.request.uri_mut() = uri(&format!("{home}/publishers/{publisher}/models/{name}:{verb}"))?;
    let written = match name.split_once('@') {
        Some((plain, _)) if undated => plain,
        _ => name,
    };
    if written != &*target.model {
        let mut edits = Edits::new();
        edits.set_str("model", written);
        edit(&mut encoded, &edits)?;
    }
    Ok(encoded)
}
