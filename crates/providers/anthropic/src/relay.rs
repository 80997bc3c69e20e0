//! The client speaks Anthropic's format: its own bytes, with the declared edits.

use lockgate_core::{Attempt, Encoded, Memo, Notes, Operation, Result, wire::Edits};

use crate::http::{named_betas, post};

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
    for name in &attempt.policy().additional_drop_params {
        if call.body.contains(name) {
            edits.remove(name.clone());
            notes.dropped.push(name.clone());
        }
    }
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
