//! The client speaks Cohere's format: its own bytes, with the declared edits.

use lockgate_core::{
    Attempt, Encoded, Format, Memo, Notes, Result,
    json::{raw, to_raw},
    params::without,
    wire::Edits,
};

use crate::{CHAT, EMBED, EMBED_V1, request};

/// The operator's defaults and Cohere's names for them.
const DEFAULTS: [(&str, &str); 10] = [
    ("temperature", "temperature"),
    ("top_p", "p"),
    ("top_k", "k"),
    ("max_tokens", "max_tokens"),
    ("max_completion_tokens", "max_tokens"),
    ("seed", "seed"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
    ("stop", "stop_sequences"),
    ("input_type", "input_type"),
];

/// Whether bodies of this format go to Cohere as they are.
pub(crate) fn speaks(format: Format) -> bool {
    [CHAT, EMBED, EMBED_V1].contains(&format)
}

/// Edits and addresses the client's body.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let Attempt { call, target, .. } = *attempt;
    let (mut edits, mut notes) = (Edits::new(), Notes::default());
    let model = request::model(attempt);
    if call.body.str("model").as_deref() != Some(model) {
        edits.set_str("model", model);
    }
    for name in &call.options.consumed {
        edits.remove(*name);
    }
    for (name, value) in target.defaults.iter() {
        let own = DEFAULTS.iter().find(|(default, _)| default == name);
        if let Some((_, own)) = own.filter(|(_, own)| !call.body.contains(own)) {
            edits.set(*own, value.get().to_owned());
        }
    }
    for path in &attempt.policy().additional_drop_params {
        let steps: Vec<&str> = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
        let Some((name, rest)) = steps.split_first() else { continue };
        let Some(before) = call.body.raw(name) else { continue };
        let after = to_raw(&without(&raw(before), rest));
        if rest.is_empty() {
            edits.remove((*name).to_owned());
        } else if after.get() != before {
            edits.set((*name).to_owned(), after.get().to_owned());
        } else {
            continue;
        }
        notes.dropped.push(path.clone());
    }
    for (name, value) in target.extra_body.iter().chain(&call.options.extra_body) {
        edits.set(name.clone(), value.get().to_owned());
    }
    let path = match call.format {
        EMBED => "/v2/embed",
        EMBED_V1 => "/v1/embed",
        _ => "/v2/chat",
    };
    Ok(Encoded {
        request: request::send(attempt, path, call.body.splice(&edits))?,
        format: call.format,
        relay: true,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}
