//! What a row says about the top-level members of a body.

use lockgate_core::{Operation, Quirks, Target, wire::quote};
use serde_json::Value;

use crate::draft::Draft;

/// The name of a member that a quirk means for this operation.
fn scoped(name: &str, operation: Operation) -> Option<&str> {
    match name.split_once('.') {
        Some((scope, rest)) => (scope == operation.name()).then_some(rest),
        None => matches!(operation, Operation::Chat | Operation::Completion).then_some(name),
    }
}

/// Whether the provider is told the model's name elsewhere than in the body.
pub(crate) fn drops_model(quirks: &Quirks, operation: Operation) -> bool {
    quirks.drop.iter().any(|name| scoped(name, operation) == Some("model"))
}

/// What the row says about top-level members.
pub(crate) fn apply(draft: &mut Draft<'_>, target: &Target, operation: Operation) {
    let quirks = &target.provider.quirks;
    drop(draft, target, operation);
    replace_values(draft, quirks, operation);
    if quirks.effort_as_thinking && operation == Operation::Chat {
        effort_as_thinking(draft);
    }
    if let Some(text) = &quirks.required_as_prompt
        && draft.get("tool_choice") == Some("\"required\"")
    {
        required_as_prompt(draft, text);
    }
    for (from, to) in &quirks.rename {
        if let Some(from) = scoped(from, operation) {
            draft.rename(from, to);
        }
    }
    clamp(draft, quirks, operation);
    for (name, value) in &quirks.default {
        let name = scoped(name, operation).filter(|name| draft.get(name).is_none());
        if let Some(name) = name {
            draft.set(name.to_owned(), value.to_string());
        }
    }
    for (name, value) in &quirks.force {
        if let Some(name) = scoped(name, operation) {
            draft.set(name.to_owned(), value.to_string());
        }
    }
    if quirks.embedding_input_list
        && operation == Operation::Embedding
        && let Some(text) = draft.get("input").filter(|input| input.starts_with('"'))
    {
        draft.set("input", format!("[{text}]"));
    }
}

/// `drop`, `drop_for`, `drop_values`.
fn drop(draft: &mut Draft<'_>, target: &Target, operation: Operation) {
    let quirks = &target.provider.quirks;
    let of_model = quirks.drop_for.iter().filter(|(part, _)| target.model.contains(part.as_str()));
    let names = of_model.flat_map(|(_, names)| names).chain(&quirks.drop);
    for name in names.filter_map(|name| scoped(name, operation)) {
        draft.remove(name.to_owned());
    }
    for (name, values) in &quirks.drop_values {
        let Some(name) = scoped(name, operation) else { continue };
        if draft.get(name).is_some_and(|value| values.iter().any(|dropped| same(value, dropped))) {
            draft.drop(name);
        }
    }
}

fn replace_values(draft: &mut Draft<'_>, quirks: &Quirks, operation: Operation) {
    for (name, words) in &quirks.replace_values {
        let Some(name) = scoped(name, operation) else { continue };
        let word = draft.get(name).and_then(|value| serde_json::from_str::<String>(value).ok());
        if let Some(other) = word.and_then(|word| words.get(&word)) {
            draft.set(name.to_owned(), other.to_string());
            draft.notes.rewritten.push(name.to_owned());
        }
    }
}

fn clamp(draft: &mut Draft<'_>, quirks: &Quirks, operation: Operation) {
    for (name, (least, most)) in &quirks.clamp {
        let Some(name) = scoped(name, operation) else { continue };
        let Some(value) = draft.get(name).and_then(|value| value.parse::<f64>().ok()) else { continue };
        let kept = value.clamp(*least, least.max(*most));
        if kept != value {
            draft.set(name.to_owned(), kept.to_string());
            draft.notes.rewritten.push(name.to_owned());
        }
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
