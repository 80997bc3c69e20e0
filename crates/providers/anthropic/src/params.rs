//! Which parameters go: what Anthropic has no word for, and what it has other words for.

use lockgate_core::{Attempt, Extra, Notes, ParamPolicy, Raw, Result, hub::ChatRequest, params::unsupported};

use crate::{
    model::Model,
    wire::{Body, raw, to_raw},
};

/// OpenAI's parameters that have a meaning at Anthropic, sorted.
const SUPPORTED: [&str; 18] = [
    "cache_control",
    "context_management",
    "extra_headers",
    "max_completion_tokens",
    "max_tokens",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "speed",
    "stop",
    "stream",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_p",
    "user",
    "web_search_options",
];

/// Those that the model takes.
pub(crate) fn supported(model: &Model<'_>) -> Vec<String> {
    let reasoning = |name: &&&str| model.thinks() || !matches!(**name, "reasoning_effort" | "thinking");
    SUPPORTED.iter().filter(reasoning).map(|name| (*name).to_owned()).collect()
}

/// Parameters of OpenAI's that Anthropic has nothing like, with their values. Those that ask for what happens
/// anyway do not count.
fn foreign(request: &ChatRequest, model: &Model<'_>) -> Vec<(&'static str, String)> {
    macro_rules! given {
        ($($name:ident)*) => {
            [$((stringify!($name), request.$name.as_ref().map(|value| to_raw(value).get().to_owned()))),*]
        };
    }
    let given = given!(
        functions function_call n logit_bias logprobs top_logprobs seed frequency_penalty presence_penalty
        modalities audio prediction service_tier store verbosity safety_identifier prompt_cache_key
        prompt_cache_retention
    );
    let mut foreign: Vec<_> = given
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .filter(|(name, value)| {
            !matches!(
                (*name, value.as_str()),
                ("n", "1")
                    | ("logprobs" | "store", "false")
                    | ("modalities", r#"["text"]"#)
                    | ("service_tier", r#""auto""# | r#""standard_only""#)
            )
        })
        .collect();
    let effort = request.reasoning_effort.as_ref().filter(|effort| effort.get() != r#""none""#);
    if !model.thinks() {
        foreign.extend(effort.map(|effort| ("reasoning_effort", effort.get().to_owned())));
        foreign.extend(request.thinking.as_ref().map(|thinking| ("thinking", thinking.get().to_owned())));
    }
    if model.refuses_sampling() {
        let temperature = request.temperature.as_ref().filter(|value| value.as_f64() != Some(1.0));
        foreign.extend(temperature.map(|value| ("temperature", value.to_string())));
        foreign.extend(request.top_p.as_ref().map(|value| ("top_p", value.to_string())));
        foreign.extend(request.top_k.as_ref().map(|value| ("top_k", value.to_string())));
    }
    foreign
}

/// Deals with parameters that Anthropic does not take: forwards them if that is allowed, drops them if that is
/// wanted, else refuses the call. Returns the names of those that are not sent.
pub(crate) fn settle_foreign(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: &ChatRequest,
    model: &Model<'_>,
    body: &mut Body,
    notes: &mut Notes,
) -> Result<Vec<&'static str>> {
    let (mut unsent, mut refused) = (Vec::new(), Vec::new());
    for (name, value) in foreign(request, model) {
        if policy.allowed_openai_params.iter().any(|allowed| allowed == name) {
            body.set_raw(name, &value);
            continue;
        }
        unsent.push(name);
        if policy.drop_params {
            notes.dropped.push(name.to_owned());
        } else {
            refused.push(name);
        }
    }
    if !refused.is_empty() {
        return Err(unsupported(attempt, &refused));
    }
    Ok(unsent)
}

/// The stop sequences that Anthropic takes: it refuses those of white space alone.
pub(crate) fn stop_sequences<'a>(request: &'a ChatRequest, notes: &mut Notes) -> Vec<&'a str> {
    let given = request.stop.as_ref().map(|stop| stop.as_slice()).unwrap_or_default();
    let kept: Vec<&str> =
        given.iter().map(String::as_str).filter(|sequence| !sequence.trim().is_empty()).collect();
    if kept.len() < given.len() {
        notes.dropped.push("stop".to_owned());
    }
    kept
}

/// The `metadata` member: an opaque id of the user. Anthropic asks for no names, addresses or numbers.
pub(crate) fn metadata(request: &ChatRequest, notes: &mut Notes) -> Option<Raw> {
    let members = request.metadata.as_ref().map(|metadata| metadata.get()).unwrap_or_default();
    let members: Extra = serde_json::from_str(members).unwrap_or_default();
    let mut sent = Extra::new();
    if let Some(user_id) = members.get("user_id") {
        sent.push("user_id", user_id.to_owned());
    } else if let Some(user) = request.user.as_deref().filter(|user| !user.is_empty()) {
        if is_personal(user) {
            notes.dropped.push("user".to_owned());
        } else {
            sent.push("user_id", to_raw(user));
        }
    }
    if members.iter().any(|(name, _)| name != "user_id") {
        notes.dropped.push("metadata".to_owned());
    }
    (!sent.is_empty()).then(|| to_raw(&sent))
}

/// Whether a text looks like an e-mail address or a telephone number.
fn is_personal(user: &str) -> bool {
    let mail = user.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let number = (7..=15).contains(&digits) && user.bytes().all(|byte| b"0123456789+-() .".contains(&byte));
    mail || number
}

/// `context_management`: in Anthropic's form as it is, in OpenAI's (a list) as edits.
pub(crate) fn context_management(given: &Raw) -> Raw {
    lockgate_core::wire::view! {
        #[derive(Clone, Debug, Default)]
        struct Item {
            kind as "type": Option<String>,
            compact_threshold: Option<u64>,
        }
    }
    let Ok(items) = serde_json::from_str::<Vec<Item>>(given.get()) else { return given.clone() };
    let edits = items.iter().filter(|item| item.kind.as_deref() == Some("compaction")).map(|item| {
        let trigger = item.compact_threshold.map_or(String::new(), |threshold| {
            format!(r#","trigger":{{"type":"input_tokens","value":{threshold}}}"#)
        });
        format!(r#"{{"type":"compact_20260112"{trigger}}}"#)
    });
    raw(format!(r#"{{"edits":[{}]}}"#, edits.collect::<Vec<_>>().join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_ids_are_recognised() {
        for (user, personal) in
            [("a@b.org", true), ("+1 555-010-9999", true), ("user-1234", false), ("12", false)]
        {
            assert_eq!(is_personal(user), personal, "{user}");
        }
    }

    #[test]
    fn compaction_of_openai_becomes_an_edit() {
        let given = raw(r#"[{"type":"compaction","compact_threshold":9}]"#);
        let expected =
            r#"{"edits":[{"type":"compact_20260112","trigger":{"type":"input_tokens","value":9}}]}"#;
        assert_eq!(context_management(&given).get(), expected);
    }
}
