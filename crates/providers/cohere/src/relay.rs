//! The client speaks Cohere's format: its own bytes, with the declared edits.

use lockgate_core::{
    Attempt, Encoded, Extra, Format, Memo, Notes, Result,
    json::{raw, read, to_raw},
    params::without,
    signed::ID_MARK,
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
    if let Some(messages) = call.body.raw("messages").and_then(without_signatures) {
        edits.set("messages", messages);
        notes.dropped.push("thinking_blocks".to_owned());
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

/// The messages without other providers' signatures, in thoughts and in the ids of calls; `None` if there is none.
fn without_signatures(messages: &str) -> Option<String> {
    if !messages.contains(ID_MARK) && !messages.contains("\"signature\"") {
        return None;
    }
    let mut changed = false;
    let mut plain = |members: &mut Extra, name: &str| {
        let id = members.get(name).and_then(read::<String>);
        if let Some((id, _)) = id.as_deref().and_then(|id| id.split_once(ID_MARK)) {
            members.remove(name);
            members.push(name, to_raw(id));
            changed = true;
        }
    };
    let mut unsigned = false;
    let mut list: Vec<Extra> = serde_json::from_str(messages).ok()?;
    for message in &mut list {
        plain(message, "tool_call_id");
        if let Some(mut parts) = message.get("content").and_then(read::<Vec<Extra>>)
            && parts.iter_mut().filter_map(|part| part.remove("signature")).count() > 0
        {
            message.remove("content");
            message.push("content", to_raw(&parts));
            unsigned = true;
        }
        if let Some(mut calls) = message.get("tool_calls").and_then(read::<Vec<Extra>>) {
            calls.iter_mut().for_each(|call| plain(call, "id"));
            message.remove("tool_calls");
            message.push("tool_calls", to_raw(&calls));
        }
    }
    (changed || unsigned).then(|| to_raw(&list).get().to_owned())
}
