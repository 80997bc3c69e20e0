//! A client of this API in front of a provider that speaks it: bytes with declared edits.

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Encoded, Memo, Operation, Payload, Result, Target, Usage,
    refusal::is_error,
    signed,
    wire::{Edits, Object, quote},
};

use super::{id, items};
use crate::{
    draft::Draft,
    error, members,
    params::{Support, unsupported},
    prepare::{Prepared, drop_listed, model},
    usage,
};

/// Parameters of a chat that this API has under another name.
const RENAMED: [(&str, &str); 2] =
    [("max_tokens", "max_output_tokens"), ("max_completion_tokens", "max_output_tokens")];

/// Parameters of a chat that this API does not have: an operator's defaults of these are for chats.
const CHAT_ONLY: [&str; 14] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "n",
    "prediction",
    "presence_penalty",
    "response_format",
    "seed",
    "stop",
    "web_search_options",
];

/// The upstream's body.
///
/// # Errors
/// A parameter is given that the model does not take, and nobody allows to drop it.
pub(crate) fn prepare(attempt: &Attempt<'_>) -> Result<Prepared> {
    let (target, body) = (attempt.target, &attempt.call.body);
    let policy = attempt.policy();
    let mut draft = Draft::new(body, &[]);
    for name in &attempt.call.options.consumed {
        draft.remove(*name);
    }
    defaults(&mut draft, target);
    drop_listed(&mut draft, &policy);
    let support = Support::of(target, &policy);
    let reasons =
        draft.given("reasoning").is_some_and(|value| value.contains("\"effort\"") && !value.contains("null"));
    if reasons && !support.takes("reasoning_effort") && target.facts.known {
        if !policy.drop_params {
            return Err(unsupported(target, &["reasoning"]));
        }
        draft.drop("reasoning");
    }
    members::apply(&mut draft, target, Operation::Responses);
    for (key, value) in target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        draft.set(key.clone(), value.get().to_owned());
    }
    if let Some((items, lost)) = draft.get("input").and_then(|input| items::native(input, &target.account)) {
        draft.set("input", items);
        draft.notes.rewritten.push("input".to_owned());
        if lost {
            draft.notes.dropped.push("thinking_blocks".to_owned());
        }
    }
    previous(&mut draft, attempt.call.pin.is_some());
    if !target.provider.offers(Operation::StoredResponses) {
        // Not for a provider that keeps nothing: the gateway itself works in the background.
        draft.remove("background");
    }
    model(&mut draft, target, Operation::Responses);
    Ok(Prepared { body: body.splice(&draft.edits), notes: draft.notes, withhold_usage: false })
}

/// The response that is continued: if the provider keeps it, it knows it by its own id. What was said in another one is
/// in the input already.
fn previous(draft: &mut Draft<'_>, pinned: bool) {
    let Some(text) = draft.given("previous_response_id") else { return };
    let Ok(given) = serde_json::from_str::<String>(text) else { return };
    match id::unwrap(&given) {
        Some((_, theirs)) if pinned => draft.set("previous_response_id", quote(&theirs)),
        None if !id::is_own(&given) => {}
        _ => draft.remove("previous_response_id"),
    }
}

/// The operator's parameters, where the client is silent, in this API's words.
fn defaults(draft: &mut Draft<'_>, target: &Target) {
    for (key, value) in target.defaults.iter().filter(|(key, _)| !CHAT_ONLY.contains(&key.as_str())) {
        let renamed = RENAMED.iter().find(|(from, _)| from == key).map_or(key.as_str(), |(_, to)| *to);
        let (name, value) = match renamed {
            "reasoning_effort" => ("reasoning", format!("{{\"effort\":{}}}", value.get())),
            "verbosity" => ("text", format!("{{\"verbosity\":{}}}", value.get())),
            name => (name, value.get().to_owned()),
        };
        if draft.given(name).is_none() {
            draft.set(name.to_owned(), value);
        }
    }
}

/// Checks a whole answer: what the client gets, and the usage.
///
/// # Errors
/// It is no JSON object, or says that the response failed.
pub(crate) fn pass(encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
    let object = Object::scan(body.clone()).map_err(|why| error::malformed(&body, why))?;
    if let Some(text) = object.raw("error").filter(|text| is_error(text)) {
        return Err(error::in_answer(text, &head.headers).with_body(body));
    }
    let waiting = matches!(object.str("status").as_deref(), Some("queued" | "in_progress"));
    // What is worked on in the background has consumed nothing that can be counted yet.
    let usage = usage(&object).or_else(|| waiting.then(Usage::default));
    let shown = object.splice(&edits(&object, &encoded.memo));
    let shown = match &encoded.memo.account {
        Some(account) => signed::with_account(shown.into_bytes(), account).into(),
        None => shown,
    };
    Ok((shown, usage))
}

/// What a response object says that it consumed.
pub fn usage(object: &Object) -> Option<Usage> {
    let mut usage = object.raw("usage").and_then(usage::count)?;
    usage.service_tier =
        usage.service_tier.or_else(|| object.str("service_tier").map(|tier| tier.into_owned()));
    let searches = object.raw("output").map_or(0, |output| output.matches("\"web_search_call\"").count());
    if searches > 0 {
        usage.web_searches.get_or_insert(searches as u64);
    }
    Some(usage)
}

/// The declared edits of a response object: the client's name of the model, and ids that lead back to the deployment or
/// are the gateway's own.
pub fn edits(object: &Object, memo: &Memo) -> Edits {
    let mut edits = Edits::new();
    if let (Some(name), Some(own)) = (memo.client_model.as_deref().map(quote), object.raw("model"))
        && own != name
    {
        edits.set("model", name);
    }
    let theirs = |key: &str| object.str(key).filter(|own| !own.is_empty() && id::unwrap(own).is_none());
    if let Some(deployment) = &memo.deployment {
        for key in ["id", "previous_response_id"] {
            if let Some(own) = theirs(key) {
                edits.set(key, quote(&id::wrap(deployment, &own)));
            }
        }
    } else if let Some(own) = memo.answer_id.as_deref().filter(|_| object.contains("id")) {
        edits.set("id", quote(own));
    }
    for (member, from, to) in &memo.reply_values {
        if object.raw(member).unwrap_or("null") == from {
            edits.set(member.clone(), to.clone());
        }
    }
    edits
}
