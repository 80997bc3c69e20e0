//! Claude: Messages bodies without the model's name, through `rawPredict`.

use std::sync::Arc;

use http::Uri;
use lockgate_anthropic::Anthropic;
use lockgate_core::{
    Attempt, Dialect, Encoded, Error, Operation, Result, Target,
    wire::{Edits, Object},
};

use crate::place;

/// The version of the Messages API as Vertex names it.
const VERSION: &str = "vertex-2023-10-16";

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let target = adapted(attempt.target);
    let mut encoded = Anthropic.encode(&Attempt { target: &target, ..*attempt })?;
    let home = place::home(attempt.target, "v1", place::location(attempt.target))?;
    let publisher = format!("{home}/publishers/anthropic/models");
    let counts = attempt.call.operation == Operation::CountTokens;
    let url = match (counts, attempt.call.stream) {
        (true, _) => format!("{publisher}/count-tokens:rawPredict"),
        (false, true) => format!("{publisher}/{}:streamRawPredict?alt=sse", attempt.target.model),
        (false, false) => format!("{publisher}/{}:rawPredict", attempt.target.model),
    };
    *encoded.request.uri_mut() = uri(&url)?;
    let mut edits = Edits::new();
    if !counts {
        edits.remove("model");
    }
    edits.set_str("anthropic_version", VERSION);
    edit(&mut encoded, &edits)?;
    Ok(encoded)
}

/// Edits the body that another dialect has written.
pub(crate) fn edit(encoded: &mut Encoded, edits: &Edits) -> Result<()> {
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    *encoded.request.body_mut() = object.splice(edits);
    Ok(())
}

pub(crate) fn uri(url: &str) -> Result<Uri> {
    url.parse().map_err(|_| Error::bad_request(format!("The model's URL `{url}` is not valid.")))
}

/// What Anthropic's own API can do and Vertex cannot (yet).
fn adapted(target: &Target) -> Target {
    let mut facts = (*target.facts).clone();
    facts.supports.remove("native_structured_output");
    facts.lacks.insert("native_structured_output".to_owned());
    if target.model.contains('@') {
        // LiteLLM does not find dated names in its price list and falls back to the small limit; so do its users' bills.
        facts.max_output = None;
    }
    Target { facts: Arc::new(facts), ..target.clone() }
}
