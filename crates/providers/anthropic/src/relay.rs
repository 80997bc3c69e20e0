//! The client speaks Anthropic's format: its own bytes, with the declared edits.

use std::collections::BTreeMap;

use lockgate_core::{
    Attempt, Encoded, Memo, Notes, Operation, Raw, Result, params::without_inside, wire::Edits,
};

use crate::{
    http::{named_betas, post},
    signed::{self, Reader},
    wire::raw,
};

/// Edits and addresses the client's body.
pub(crate) fn relay(attempt: &Attempt<'_>) -> Result<Encoded> {
    let Attempt { call, target, .. } = *attempt;
    let mut edits = Edits::new();
    if call.body.str("model").as_deref() != Some(&*target.model) {
        edits.set_str("model", &target.model);
    }
    for name in &call.options.consumed {
        edits.remove(*name);
    }
    let mut notes = Notes::default();
    let reader = Reader::of(target);
    if reader.may_refuse(call.body.source())
        && let Some(messages) =
            call.body.raw("messages").and_then(|messages| signed::without(messages, reader))
    {
        edits.set("messages", messages);
        notes.dropped.push("messages.content.thinking".to_owned());
    }
    drop_members(attempt, &mut edits, &mut notes);
    for (name, value) in target.defaults.iter() {
        let name = match name.as_str() {
            "max_completion_tokens" => "max_tokens",
            "temperature" | "top_p" | "top_k" | "max_tokens" | "thinking" | "output_config" => name,
            _ => continue,
        };
        if !call.body.contains(name) && call.operation == Operation::Chat {
            edits.set(name.to_owned(), value.get().to_owned());
        }
    }
    for (name, value) in target.extra_body.iter().chain(&call.options.extra_body) {
        edits.set(name.clone(), value.get().to_owned());
    }
    let mut betas = named_betas(attempt);
    for name in ["context_management", "mcp_servers", "output_format"] {
        if call.body.raw(name).is_some_and(|value| value != "null") {
            betas.for_member(name);
        }
    }
    let body = call.body.splice(&edits);
    let request = post(attempt, body, &betas)?;
    Ok(Encoded {
        request,
        format: call.format,
        relay: true,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}

/// Takes out what operator or client never want sent, inside members as well.
fn drop_members(attempt: &Attempt<'_>, edits: &mut Edits, notes: &mut Notes) {
    let mut cut: BTreeMap<String, Raw> = BTreeMap::new();
    for path in &attempt.policy().additional_drop_params {
        let name = path.split(['.', '[']).next().unwrap_or_default();
        let Some(text) = attempt.call.body.raw(name) else { continue };
        if name == path {
            edits.remove(name.to_owned());
            notes.dropped.push(path.clone());
            continue;
        }
        let before = cut.get(name).cloned().unwrap_or_else(|| raw(text));
        let after = without_inside(&before, path);
        if after.get() != before.get() {
            notes.dropped.push(path.clone());
            cut.insert(name.to_owned(), after);
        }
    }
    for (name, value) in cut {
        edits.set(name, value.get().to_owned());
    }
}
