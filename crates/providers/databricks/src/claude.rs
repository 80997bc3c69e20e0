//! Reasoning of Claude, which Databricks takes in Anthropic's words.

use lockgate_core::{
    Encoded, Error, Result, Target,
    json::raw,
    wire::{Edits, Object, quote},
};

/// Puts the thinking that it stands for in the place of `reasoning_effort`.
///
/// # Errors
/// The effort is none that the model knows.
pub(crate) fn think(encoded: &mut Encoded, target: &Target) -> Result<()> {
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    let mut edits = Edits::new();
    if let Some(effort) = object.raw("reasoning_effort") {
        edits.remove("reasoning_effort");
        if !object.contains("thinking") && effort != "null" {
            translate(&object, effort, target, &mut edits)?;
            encoded.notes.rewritten.push("reasoning_effort".to_owned());
        }
    }
    *encoded.request.body_mut() = object.splice(&edits);
    Ok(())
}

fn translate(object: &Object, effort: &str, target: &Target, edits: &mut Edits) -> Result<()> {
    let limit = object.u64("max_tokens").or_else(|| object.u64("max_completion_tokens"));
    let thinking = lockgate_anthropic::thinking_for(&raw(effort), limit, target)?;
    let Some(member) = thinking.member else { return Ok(()) };
    edits.set("thinking", member.get().to_owned());
    if let Some(effort) = thinking.effort {
        edits.set("output_config", format!("{{\"effort\":{}}}", quote(&effort)));
    }
    if limit.is_none() {
        edits.set("max_tokens", thinking.max_tokens.to_string());
    }
    Ok(())
}
