//! Claude's own format: Messages bodies without the model's name, through Invoke.

use std::{collections::BTreeSet, sync::Arc};

use http::header;
use lockgate_anthropic::{Anthropic, MESSAGES};
use lockgate_aws::Scope;
use lockgate_core::{
    Attempt, Dialect, Encoded, Error, Result, Target,
    json::to_raw,
    wire::{Edits, Object},
};

use crate::{model::Model, request::uri};

/// The version of the Messages API as Bedrock names it.
const VERSION: &str = "bedrock-2023-05-31";

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let target = adapted(attempt.target);
    let mut encoded = Anthropic.encode(&Attempt { target: &target, ..*attempt })?;
    let mut edits = Edits::new();
    edits.remove("model");
    edits.remove("stream");
    edits.set_str("anthropic_version", VERSION);
    let headers = encoded.request.headers_mut();
    headers.remove("anthropic-version");
    if let Some(betas) = headers.remove("anthropic-beta") {
        let named = betas.to_str().unwrap_or_default().split(',').map(str::trim);
        let named: BTreeSet<&str> = named.filter(|name| !name.is_empty()).collect();
        edits.set("anthropic_beta", to_raw(&named).get().to_owned());
    }
    if encoded.format == MESSAGES
        && let Some(system) = attempt.call.body.str("system").filter(|_| encoded.relay)
    {
        // Some of the models behind Invoke take blocks only.
        edits.set("system", format!(r#"[{{"type":"text","text":{}}}]"#, to_raw(&*system).get()));
    }
    let verb = if attempt.call.stream { "invoke-with-response-stream" } else { "invoke" };
    address(&mut encoded, attempt, model, verb)?;
    edit(&mut encoded, &edits)?;
    Ok(encoded)
}

/// Sends what another dialect has written to the model.
pub(crate) fn address(
    encoded: &mut Encoded,
    attempt: &Attempt<'_>,
    model: &Model<'_>,
    verb: &str,
) -> Result<()> {
    *encoded.request.uri_mut() = uri(attempt, model, verb)?;
    encoded.request.headers_mut().remove(header::ACCEPT);
    let region = model.region(attempt.target).to_owned();
    encoded.request.extensions_mut().insert(Scope { service: "bedrock", region });
    Ok(())
}

/// Edits the body that another dialect has written.
pub(crate) fn edit(encoded: &mut Encoded, edits: &Edits) -> Result<()> {
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    *encoded.request.body_mut() = object.splice(edits);
    Ok(())
}

/// What Anthropic's own API can do and Invoke cannot. A limit has to be given there, too, but Bedrock counts it against
/// the account's quota before a word is said: without the client's own a small one is sent.
fn adapted(target: &Target) -> Target {
    let mut facts = (*target.facts).clone();
    facts.supports.remove("native_structured_output");
    facts.lacks.insert("native_structured_output".to_owned());
    facts.max_output = None;
    Target { facts: Arc::new(facts), ..target.clone() }
}
