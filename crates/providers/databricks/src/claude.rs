//! Reasoning of Claude, which Databricks takes in Anthropic's words.

use lockgate_core::{
    Call, Encoded, Error, Extra, Operation, Raw, Result, Target,
    hub::{Content, Message},
    json::{raw, read, to_raw},
    wire::{Edits, Object, quote, view},
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

view! {
    #[derive(Clone, Debug, Default)]
    struct Thought {
        thinking: Option<String>,
        signature: Option<String>,
    }
}

/// Gives the model its own signed thoughts back, in the form in which it said them.
///
/// # Errors
/// The conversation cannot be read.
pub(crate) fn remember(encoded: &mut Encoded, call: &Call) -> Result<()> {
    if call.operation != Operation::Chat {
        return Ok(());
    }
    let said: Vec<&Message> =
        call.chat()?.messages.iter().filter(|message| message.role == "assistant").collect();
    let thoughts: Vec<Vec<Raw>> = said.iter().map(|message| thoughts(message)).collect();
    if thoughts.iter().all(Vec::is_empty) {
        return Ok(());
    }
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    let mut messages: Vec<Extra> =
        object.raw("messages").and_then(|list| read(&raw(list))).unwrap_or_default();
    let own = messages
        .iter_mut()
        .filter(|message| message.get("role").is_some_and(|role| role.get() == "\"assistant\""));
    for ((message, mut parts), said) in own.zip(thoughts).zip(said) {
        if parts.is_empty() {
            continue;
        }
        let text = said.content.as_ref().map(Content::text).filter(|text| !text.is_empty());
        parts.extend(text.map(|text| raw(format!("{{\"type\":\"text\",\"text\":{}}}", quote(&text)))));
        message.remove("reasoning_content");
        message.remove("thinking_blocks");
        message.push("content", to_raw(&parts));
    }
    let mut edits = Edits::new();
    edits.set("messages", to_raw(&messages).get().to_owned());
    *encoded.request.body_mut() = object.splice(&edits);
    encoded.notes.dropped.retain(|name| !name.ends_with("thinking_blocks"));
    Ok(())
}

/// The signed thoughts of a message as Databricks' parts.
fn thoughts(message: &Message) -> Vec<Raw> {
    let blocks = message.thinking_blocks.iter().flatten().filter_map(|block| read::<Thought>(block));
    let signed = blocks.filter_map(|block| {
        Some((
            block.thinking?,
            block.signature.filter(|own| lockgate_anthropic::claude::may_have_signed(own))?,
        ))
    });
    let part = |(text, signature): (String, String)| {
        raw(format!(
            "{{\"type\":\"reasoning\",\"summary\":[{{\"type\":\"summary_text\",\"text\":{},\"signature\":{}}}]}}",
            quote(&text),
            quote(&signature)
        ))
    };
    signed.map(part).collect()
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
