//! The client speaks the Converse API and the model is reached through it: the client's bytes with declared edits.

use lockgate_anthropic::claude;
use lockgate_core::{
    Attempt, Encoded, Memo, Notes, Result,
    signed::{ID_MARK, TEXT_MARK},
    wire::{Edits, texts_of},
};
use memchr::memmem;

use crate::{
    CONVERSE,
    model::{Family, Model},
    request,
};

/// Whether the client's bytes may go as they are. A conversation that began at another provider holds what Bedrock
/// refuses: signatures in ids of calls; for Claude, reasoning that nobody or somebody else has signed; for all others,
/// what Claude has signed. Translated, it loses them, and that is reported.
pub(crate) fn fits(attempt: &Attempt<'_>, model: &Model<'_>) -> bool {
    let body = attempt.call.body.source();
    let count = |word: &[u8]| memmem::find_iter(body, word).count();
    let unsigned = || count(b"\"reasoningText\"") > count(b"\"signature\"");
    let signatures = || texts_of(body, "signature");
    let readable = match model.family {
        Family::Claude => !unsigned() && signatures().all(claude::may_have_signed),
        _ => !signatures().any(claude::has_signed) && count(b"\"redactedContent\"") == 0,
    };
    let marked = [ID_MARK, TEXT_MARK].iter().any(|mark| memmem::find(body, mark.as_bytes()).is_some());
    attempt.call.format == CONVERSE && !marked && readable
}

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
