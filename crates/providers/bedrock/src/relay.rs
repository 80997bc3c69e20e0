//! The client speaks the Converse API and the model is reached through it: the client's bytes with declared edits.

use lockgate_core::{Attempt, Encoded, Memo, Notes, Result, wire::Edits};

use crate::{CONVERSE, model::Model, request};

pub(crate) fn relay(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let mut edits = Edits::new();
    let mut notes = Notes::default();
    for name in &attempt.call.options.consumed {
        edits.remove(*name);
    }
    for name in &attempt.policy().additional_drop_params {
        if attempt.call.body.contains(name) {
            notes.dropped.push(name.clone());
            edits.remove(name.clone());
        }
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        edits.set(name.clone(), value.get().to_owned());
    }
    for name in ["guardrailConfig", "performanceConfig", "requestMetadata"] {
        let default = attempt.target.defaults.iter().find(|(own, _)| own == name);
        if let (Some((_, value)), false) = (default, attempt.call.body.contains(name)) {
            edits.set(name, value.get().to_owned());
        }
    }
    let verb = if attempt.call.stream { "converse-stream" } else { "converse" };
    let request = request::post(attempt, model, verb, attempt.call.body.splice(&edits))?;
    Ok(Encoded {
        request,
        format: CONVERSE,
        relay: true,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}
