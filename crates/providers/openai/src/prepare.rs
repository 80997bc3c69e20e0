//! The edits that turn a body of OpenAI's shape into what a target is sent.
//!
//! One pipeline for all bodies: the client's own, which is spliced and otherwise untouched, and one written from the
//! hub. The order is that of the docs of [`Quirks`].

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, Notes, Operation, ParamPolicy, Payload, Quirks, Result, Target,
    wire::{Object, quote},
};

use crate::{
    CHAT,
    draft::Draft,
    members, messages,
    params::{Family, Support, unsupported},
    path::{Path, remove_everywhere},
    request::{pieces, wants_responses},
    signed,
};

/// A body ready to be sent.
pub(crate) struct Prepared {
    pub(crate) body: Payload,
    pub(crate) notes: Notes,
    /// The gateway asked for usage at the end of the stream, the client did not.
    pub(crate) withhold_usage: bool,
}

/// Applies everything that the target, its row and the caller want changed.
///
/// # Errors
/// The body has parameters that the target does not take and nobody allows to drop them.
pub(crate) fn prepare(attempt: &Attempt<'_>, body: &Object, operation: Operation) -> Result<Prepared> {
    let (draft, withhold_usage) = edited(attempt, body, &[], operation)?;
    Ok(Prepared { body: body.splice(&draft.edits), notes: draft.notes, withhold_usage })
}

/// The edits, and whether usage is to be withheld. `aside`: members for which the body has an empty list.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn edited<'a>(
    attempt: &Attempt<'_>,
    body: &'a Object,
    aside: &'a [(&'static str, Bytes)],
    operation: Operation,
) -> Result<(Draft<'a>, bool)> {
    let target = attempt.target;
    let policy = attempt.policy();
    let mut draft = Draft::new(body, aside);
    for name in &attempt.call.options.consumed {
        draft.remove(*name);
    }
    defaults(&mut draft, target);
    drop_listed(&mut draft, &policy);
    let support = Support::of(target, &policy);
    match operation {
        Operation::Chat => check_chat(&mut draft, &support, target)?,
        Operation::Embedding => check_embedding(&mut draft, &support, target)?,
        _ => {}
    }
    members::apply(&mut draft, target, operation);
    for (key, value) in target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        draft.set(key.clone(), value.get().to_owned());
    }
    if operation == Operation::Chat {
        strip_signed(&mut draft, attempt);
        edit_messages(&mut draft, &support, target);
        edit_tools(&mut draft, &target.provider.quirks, &target.model);
    }
    let withhold_usage = stream_usage(&mut draft, attempt, operation);
    model(&mut draft, target, operation);
    Ok((draft, withhold_usage))
}

/// The operator's parameters, where the client is silent.
fn defaults(draft: &mut Draft<'_>, target: &Target) {
    let limited = draft.given("max_tokens").is_some() || draft.given("max_completion_tokens").is_some();
    for (key, value) in target.defaults.iter() {
        let silent = draft.given(key).is_none();
        if silent && !(limited && matches!(key.as_str(), "max_tokens" | "max_completion_tokens")) {
            draft.set(key.clone(), value.get().to_owned());
        }
    }
}

/// `additional_drop_params`, top-level and nested.
pub(crate) fn drop_listed(draft: &mut Draft<'_>, policy: &ParamPolicy) {
    for text in &policy.additional_drop_params {
        let Some((key, below)) = Path::parse(text).as_ref().and_then(Path::split) else { continue };
        let Some(value) = draft.get(key) else { continue };
        if below.is_empty() {
            draft.drop(key);
        } else if let Some(value) = below.remove(value) {
            draft.set(key.to_owned(), value.get().to_owned());
            draft.notes.dropped.push(text.clone());
        }
    }
}

/// Refuses or drops chat parameters that the target does not take, and applies the rules of OpenAI's families.
fn check_chat(draft: &mut Draft<'_>, support: &Support<'_>, target: &Target) -> Result<()> {
    let mut refused = Vec::new();
    for name in draft.known() {
        let value = draft.get(name).unwrap_or("null");
        let taken = match name {
            "stream" => true,
            "metadata" => takes_metadata(draft, support),
            "temperature" => {
                support.takes(name) && support.takes_temperature(value, draft.get("reasoning_effort"))
            }
            _ => support.takes(name),
        };
        if taken {
            continue;
        }
        if support.policy.drop_params || Support::quiet(name, value) {
            draft.drop(name);
        } else {
            refused.push(name);
        }
    }
    if !refused.is_empty() {
        return Err(unsupported(target, &refused));
    }
    if support.family.reasons() {
        // These models know the limit only by its newer name.
        if draft.given("max_completion_tokens").is_some() {
            draft.remove("max_tokens");
        } else {
            draft.rename("max_tokens", "max_completion_tokens");
        }
    }
    Ok(())
}

/// OpenAI takes `metadata` with stored completions only; clients of LiteLLM send it for the gateway's own log.
fn takes_metadata(draft: &Draft<'_>, support: &Support<'_>) -> bool {
    support.takes("metadata") || (support.family != Family::Foreign && draft.get("store") == Some("true"))
}

/// `dimensions` came with OpenAI's third generation of embedding models.
fn check_embedding(draft: &mut Draft<'_>, support: &Support<'_>, target: &Target) -> Result<()> {
    let old = target.model.contains("ada-002");
    if support.family == Family::Foreign || !old || draft.given("dimensions").is_none() {
        return Ok(());
    }
    if support.policy.drop_params {
        draft.drop("dimensions");
        return Ok(());
    }
    if support.policy.allowed_openai_params.iter().any(|name| name == "dimensions") {
        return Ok(());
    }
    Err(unsupported(target, &["dimensions"]))
}

/// Takes out reasoning that other providers have signed, unless what is behind the address may be one of them.
fn strip_signed(draft: &mut Draft<'_>, attempt: &Attempt<'_>) {
    let quirks = &attempt.target.provider.quirks;
    // Where marks for Anthropic's cache go, a Claude may be that signed it.
    let taken = keeps_cache_control(quirks, &attempt.target.model);
    if taken || attempt.call.format != CHAT || wants_responses(attempt) {
        return;
    }
    if signed::MEMBERS.iter().any(|word| draft.may_hold("messages", word))
        && let Some(messages) = draft.bytes("messages").and_then(|messages| signed::without(&messages))
    {
        draft.set("messages", messages);
        draft.notes.dropped.push("messages.thinking_blocks".to_owned());
    }
}

fn edit_messages(draft: &mut Draft<'_>, support: &Support<'_>, target: &Target) {
    let quirks = support.quirks;
    // OpenAI itself takes `null` where an assistant only calls tools; others may not.
    if (quirks.omit_null_content || support.family == Family::Foreign)
        && draft.may_hold_null("messages")
        && let Some(messages) =
            draft.bytes("messages").and_then(|messages| messages::without_null_content(&messages))
    {
        draft.set("messages", messages);
    }
    let rules = rules(support, target);
    if !rules.concern(|word| draft.may_hold("messages", word)) {
        return;
    }
    if let Some(messages) = draft.bytes("messages").and_then(|messages| rules.apply(&messages)) {
        draft.set("messages", messages);
        draft.notes.rewritten.push("messages".to_owned());
    }
}

/// What the row and the model's family want changed in messages.
fn rules<'a>(support: &Support<'a>, target: &Target) -> messages::Rules<'a> {
    let quirks = support.quirks;
    messages::Rules {
        developer_as_system: !quirks.keep_developer_role && !support.family.reasons(),
        system_as_user: support.family != Family::Foreign && support.facts.lacks.contains("system_messages"),
        strip_cache_control: !keeps_cache_control(quirks, &target.model),
        flatten_content: quirks.flatten_content,
        drop: &quirks.drop_in_messages,
        tool_call_reasoning: quirks.tool_call_reasoning.as_deref(),
        drop_empty_assistant: quirks.drop_empty_assistant,
        video_files_as_url: quirks.video_files_as_url,
    }
}

fn edit_tools(draft: &mut Draft<'_>, quirks: &Quirks, model: &str) {
    let unmark = draft.may_hold("tools", "cache_control") && !keeps_cache_control(quirks, model);
    if !unmark && quirks.drop_in_tools.is_empty() {
        return;
    }
    let Some(before) = draft.get("tools") else { return };
    let mut tools: Cow<'_, str> = Cow::Borrowed(before);
    if unmark {
        for path in ["[*].cache_control", "[*].function.cache_control"] {
            if let Some(without) = Path::parse(path).and_then(|path| path.remove(&tools)) {
                tools = Cow::Owned(without.get().to_owned());
            }
        }
    }
    if !quirks.drop_in_tools.is_empty()
        && let Some(without) = remove_everywhere(&tools, &quirks.drop_in_tools)
    {
        tools = Cow::Owned(without.get().to_owned());
    }
    if let Cow::Owned(tools) = tools {
        draft.set("tools", tools);
        draft.notes.rewritten.push("tools".to_owned());
    }
}

fn keeps_cache_control(quirks: &Quirks, model: &str) -> bool {
    quirks.cache_control_models.iter().any(|part| model.contains(part.as_str()))
}

/// Asks for usage at the end of a stream, so that spend is known. Whether the client is not to see it.
fn stream_usage(draft: &mut Draft<'_>, attempt: &Attempt<'_>, operation: Operation) -> bool {
    if !matches!(operation, Operation::Chat | Operation::Completion) {
        return false;
    }
    let streams = draft.get("stream") == Some("true");
    if attempt.target.provider.quirks.stream_usage == Some(false) || !streams {
        if attempt.target.provider.quirks.stream_usage == Some(false) {
            draft.remove("stream_options");
        }
        return !attempt.call.wants_stream_usage();
    }
    if attempt.call.wants_stream_usage() && draft.given("stream_options").is_some() {
        return false;
    }
    let options = match draft.given("stream_options").map(serde_json::from_str::<lockgate_core::Extra>) {
        Some(Ok(mut options)) => {
            options.push("include_usage", lockgate_core::json::raw("true"));
            lockgate_core::json::to_raw(&options).get().to_owned()
        }
        _ => r#"{"include_usage":true}"#.to_owned(),
    };
    draft.set("stream_options", options);
    !attempt.call.wants_stream_usage()
}

/// The model's name as the provider knows it.
pub(crate) fn model(draft: &mut Draft<'_>, target: &Target, operation: Operation) {
    if members::drops_model(&target.provider.quirks, operation) {
        return draft.remove("model");
    }
    let name = quote(&model_name(&target.provider.quirks, &target.model, operation));
    if draft.get("model") != Some(name.as_str()) {
        draft.set("model", name);
    }
}

fn model_name<'a>(quirks: &Quirks, model: &'a str, operation: Operation) -> Cow<'a, str> {
    let route = |route: &&str| *route == "responses/" || quirks.openai_families;
    let routes = ["responses/", "o_series/", "gpt5_series/"];
    let model =
        routes.iter().filter(|own| route(own)).find_map(|own| model.strip_prefix(own)).unwrap_or(model);
    let in_path = quirks.paths.values().map(|path| pieces(path)).max().unwrap_or(0);
    let model = model.splitn(in_path + 1, '/').nth(in_path).unwrap_or(model);
    if let Some(template) = &quirks.model_template {
        let pieces: Vec<&str> = model.split('.').collect();
        if !template.contains(&format!("{{{}}}", pieces.len()))
            && template.contains(&format!("{{{}}}", pieces.len() - 1))
        {
            let fill = |text: String, (at, piece): (usize, &&str)| text.replace(&format!("{{{at}}}"), piece);
            return Cow::Owned(pieces.iter().enumerate().fold(template.clone(), fill));
        }
    }
    let bare = quirks.bare_model_prefix.as_ref();
    // Models that listen have short names everywhere.
    let hears = matches!(operation, Operation::Transcription | Operation::Translation);
    let bare = bare.filter(|_| !model.contains('/') && !hears);
    match (bare, &quirks.model_prefix) {
        (Some(prefix), _) | (None, Some(prefix)) => Cow::Owned(format!("{prefix}{model}")),
        (None, None) => Cow::Borrowed(model),
    }
}
