//! The edits that turn a body of OpenAI's shape into what a target is sent.
//!
//! One pipeline for all bodies: the client's own, which is spliced and otherwise untouched, and one written from the
//! hub. The order is that of the docs of [`Quirks`].

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, Notes, Operation, ParamPolicy, Payload, Quirks, Result, Target,
    wire::{Edits, Object, quote},
};
use serde_json::Value;

use crate::{
    messages,
    params::{Family, Support, unsupported},
    path::{Path, remove_everywhere},
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
    let target = attempt.target;
    let policy = attempt.policy();
    let mut draft = Draft::new(body);
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
    quirks(&mut draft, target, operation);
    for (key, value) in target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        draft.set(key.clone(), value.get().to_owned());
    }
    if operation == Operation::Chat {
        edit_messages(&mut draft, &support, target);
        edit_tools(&mut draft, &target.provider.quirks, &target.model);
    }
    let withhold_usage = stream_usage(&mut draft, attempt, operation);
    model(&mut draft, target);
    Ok(Prepared { body: body.splice(&draft.edits), notes: draft.notes, withhold_usage })
}

/// A body with edits on it that can already be looked at.
struct Draft<'a> {
    body: &'a Object,
    edits: Edits,
    /// What the edits have changed: the last word on a key is the last of its entries.
    changed: Vec<(Cow<'static, str>, Option<Bytes>)>,
    notes: Notes,
}

impl<'a> Draft<'a> {
    fn new(body: &'a Object) -> Self {
        Self { body, edits: Edits::new(), changed: Vec::new(), notes: Notes::default() }
    }

    /// The JSON text of a member as it will be sent.
    fn get(&self, key: &str) -> Option<&str> {
        match self.changed.iter().rev().find(|(own, _)| own == key) {
            Some((_, value)) => value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()),
            None => self.body.raw(key),
        }
    }

    /// As [`Draft::get`], `null` taken as missing.
    fn given(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| *value != "null")
    }

    fn set(&mut self, key: impl Into<Cow<'static, str>>, json: impl Into<Bytes>) {
        let (key, json) = (key.into(), json.into());
        self.edits.set(key.clone(), json.clone());
        self.changed.push((key, Some(json)));
    }

    fn remove(&mut self, key: impl Into<Cow<'static, str>>) {
        let key = key.into();
        if self.get(&key).is_some() {
            self.edits.remove(key.clone());
            self.changed.push((key, None));
        }
    }

    /// Removes a parameter that the caller will miss.
    fn drop(&mut self, key: &str) {
        self.remove(key.to_owned());
        self.notes.dropped.push(key.to_owned());
    }

    fn rename(&mut self, from: &str, to: &str) {
        let Some(value) = self.get(from).map(|value| Bytes::copy_from_slice(value.as_bytes())) else {
            return;
        };
        self.edits.rename(from.to_owned(), to.to_owned());
        self.changed.push((Cow::Owned(from.to_owned()), None));
        self.changed.push((Cow::Owned(to.to_owned()), Some(value)));
        self.notes.rewritten.push(from.to_owned());
    }

    /// The known parameters that will be sent, each once.
    fn known(&self) -> Vec<&'static str> {
        let mut names = Vec::with_capacity(8);
        let own = self.body.members().filter_map(|member| Support::known(&member.key));
        for name in own.chain(self.changed.iter().filter_map(|(key, _)| Support::known(key))) {
            if !names.contains(&name) && self.get(name).is_some() {
                names.push(name);
            }
        }
        names
    }
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
fn drop_listed(draft: &mut Draft<'_>, policy: &ParamPolicy) {
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

/// The name of a member that a quirk means for this operation.
fn scoped(name: &str, operation: Operation) -> Option<&str> {
    match name.split_once('.') {
        Some((scope, rest)) => (scope == operation.name()).then_some(rest),
        None => matches!(operation, Operation::Chat | Operation::Completion).then_some(name),
    }
}

/// What the row says about top-level members.
fn quirks(draft: &mut Draft<'_>, target: &Target, operation: Operation) {
    let quirks = &target.provider.quirks;
    let own = |name: &'_ str| scoped(name, operation).map(str::to_owned);
    for (_, names) in quirks.drop_for.iter().filter(|(part, _)| target.model.contains(part.as_str())) {
        for name in names.iter().filter_map(|name| own(name)) {
            draft.remove(name);
        }
    }
    for name in quirks.drop.iter().filter_map(|name| own(name)) {
        draft.remove(name);
    }
    for (name, values) in &quirks.drop_values {
        let Some(name) = own(name) else { continue };
        if draft.get(&name).is_some_and(|value| values.iter().any(|dropped| same(value, dropped))) {
            draft.drop(&name);
        }
    }
    for (name, words) in &quirks.replace_values {
        let Some(name) = own(name) else { continue };
        let word = draft.get(&name).and_then(|value| serde_json::from_str::<String>(value).ok());
        if let Some(other) = word.and_then(|word| words.get(&word)) {
            draft.set(name.clone(), other.to_string());
            draft.notes.rewritten.push(name);
        }
    }
    if quirks.effort_as_thinking && operation == Operation::Chat {
        effort_as_thinking(draft);
    }
    if let Some(text) = &quirks.required_as_prompt
        && draft.get("tool_choice") == Some("\"required\"")
    {
        required_as_prompt(draft, text);
    }
    for (from, to) in &quirks.rename {
        if let Some(from) = own(from) {
            draft.rename(&from, to);
        }
    }
    for (name, (least, most)) in &quirks.clamp {
        let Some(name) = own(name) else { continue };
        let value = draft.get(&name).and_then(|value| value.parse::<f64>().ok());
        if let Some(kept) =
            value.map(|value| value.clamp(*least, least.max(*most))).filter(|kept| Some(*kept) != value)
        {
            draft.set(name.clone(), kept.to_string());
            draft.notes.rewritten.push(name);
        }
    }
    for (name, value) in &quirks.default {
        let Some(name) = own(name) else { continue };
        if draft.get(&name).is_none() {
            draft.set(name, value.to_string());
        }
    }
    for (name, value) in &quirks.force {
        if let Some(name) = own(name) {
            draft.set(name, value.to_string());
        }
    }
    if quirks.embedding_input_list
        && operation == Operation::Embedding
        && let Some(text) = draft.get("input").filter(|input| input.starts_with('"'))
    {
        draft.set("input", format!("[{text}]"));
    }
}

fn same(json: &str, value: &Value) -> bool {
    serde_json::from_str::<Value>(json).is_ok_and(|own| own == *value)
}

/// `reasoning_effort` becomes a switch; a client's `thinking` loses what the switch does not know.
fn effort_as_thinking(draft: &mut Draft<'_>) {
    #[derive(serde::Deserialize)]
    struct Thinking {
        r#type: String,
    }
    let thinking = draft.given("thinking").and_then(|value| serde_json::from_str::<Thinking>(value).ok());
    let effort = draft.given("reasoning_effort").map(|effort| effort == "\"none\"");
    let on = match (thinking, effort) {
        (Some(thinking), _) => thinking.r#type != "disabled",
        (None, Some(none)) => !none,
        (None, None) => return,
    };
    draft.remove("reasoning_effort");
    draft.set("thinking", if on { r#"{"type":"enabled"}"# } else { r#"{"type":"disabled"}"# });
    draft.notes.rewritten.push("reasoning_effort".to_owned());
}

/// Asks in words for the tool call that the provider cannot be made to give.
fn required_as_prompt(draft: &mut Draft<'_>, text: &str) {
    let Some(list) = draft.get("messages").and_then(|messages| messages.trim_end().strip_suffix(']')) else {
        return;
    };
    let comma = if list.trim_end().ends_with('[') { "" } else { "," };
    let messages = format!("{list}{comma}{{\"role\":\"user\",\"content\":{}}}]", quote(text));
    draft.set("messages", messages);
    draft.remove("tool_choice");
    draft.notes.rewritten.push("tool_choice".to_owned());
}

fn edit_messages(draft: &mut Draft<'_>, support: &Support<'_>, target: &Target) {
    let quirks = support.quirks;
    // OpenAI itself takes `null` where an assistant only calls tools; others may not.
    if (quirks.omit_null_content || support.family == Family::Foreign)
        && let Some(messages) = draft.get("messages").and_then(messages::without_null_content)
    {
        draft.set("messages", messages);
    }
    let rules = messages::Rules {
        developer_as_system: !quirks.keep_developer_role && !support.family.reasons(),
        system_as_user: support.family != Family::Foreign && support.facts.lacks.contains("system_messages"),
        strip_cache_control: !keeps_cache_control(quirks, &target.model),
        flatten_content: quirks.flatten_content,
        drop: &quirks.drop_in_messages,
        tool_call_reasoning: quirks.tool_call_reasoning.as_deref(),
        drop_empty_assistant: quirks.drop_empty_assistant,
        video_files_as_url: quirks.video_files_as_url,
    };
    if let Some(messages) = draft.get("messages").and_then(|messages| rules.apply(messages)) {
        draft.set("messages", messages);
        draft.notes.rewritten.push("messages".to_owned());
    }
}

fn edit_tools(draft: &mut Draft<'_>, quirks: &Quirks, model: &str) {
    let Some(before) = draft.get("tools") else { return };
    let mut tools: Cow<'_, str> = Cow::Borrowed(before);
    if !keeps_cache_control(quirks, model) && tools.contains("\"cache_control\"") {
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
            options.push("include_usage", crate::lax::raw("true"));
            crate::lax::to_raw(&options).get().to_owned()
        }
        _ => r#"{"include_usage":true}"#.to_owned(),
    };
    draft.set("stream_options", options);
    !attempt.call.wants_stream_usage()
}

/// The model's name as the provider knows it.
fn model(draft: &mut Draft<'_>, target: &Target) {
    let name = quote(&model_name(&target.provider.quirks, &target.model));
    if draft.get("model") != Some(name.as_str()) {
        draft.set("model", name);
    }
}

fn model_name<'a>(quirks: &Quirks, model: &'a str) -> Cow<'a, str> {
    let model = model.strip_prefix("responses/").unwrap_or(model);
    if let Some(template) = &quirks.model_template {
        let pieces: Vec<&str> = model.split('.').collect();
        if !template.contains(&format!("{{{}}}", pieces.len()))
            && template.contains(&format!("{{{}}}", pieces.len() - 1))
        {
            let fill = |text: String, (at, piece): (usize, &&str)| text.replace(&format!("{{{at}}}"), piece);
            return Cow::Owned(pieces.iter().enumerate().fold(template.clone(), fill));
        }
    }
    let bare = quirks.bare_model_prefix.as_ref().filter(|_| !model.contains('/'));
    match (bare, &quirks.model_prefix) {
        (Some(prefix), _) | (None, Some(prefix)) => Cow::Owned(format!("{prefix}{model}")),
        (None, None) => Cow::Borrowed(model),
    }
}
