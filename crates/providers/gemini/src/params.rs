//! Which parameters go: the operator's defaults and drops, and what Gemini has no word for.

use std::borrow::Cow;

use lockgate_core::{
    Attempt, Error, ErrorKind, Extra, Notes, Origin, ParamPolicy, Raw, Result, hub::ChatRequest,
};
use serde_json::value::RawValue;

use crate::{
    Service, generation,
    wire::{read, to_raw},
};

/// The parameters of OpenAI's that every model takes.
const SUPPORTED: [&str; 20] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_p",
    "web_search_options",
];

/// The parameters that a model takes, sorted.
pub(crate) fn supported(service: Service, model: &str) -> Vec<String> {
    let mut names: Vec<String> = SUPPORTED.iter().map(|name| (*name).to_owned()).collect();
    names.push("logprobs".to_owned());
    if service == Service::Vertex {
        names.push("top_logprobs".to_owned());
    }
    if generation::speaks(model) {
        names.push("audio".to_owned());
    }
    names.sort_unstable();
    names
}

/// The request with the operator's defaults put in and the unwanted members taken out.
pub(crate) fn effective<'a>(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: Cow<'a, ChatRequest>,
    notes: &mut Notes,
) -> Result<Cow<'a, ChatRequest>> {
    let defaults = &attempt.target.defaults;
    if policy.additional_drop_params.is_empty() && defaults.is_empty() {
        return Ok(request);
    }
    let is_limit = |name: &str| matches!(name, "max_tokens" | "max_completion_tokens");
    let mut members: Extra = read(&to_raw(&*request)).unwrap_or_default();
    let limited = members.contains("max_tokens") || members.contains("max_completion_tokens");
    for (name, value) in defaults.iter() {
        if !(members.contains(name) || is_limit(name) && limited) {
            members.push(name.as_str(), value.clone());
        }
    }
    for path in &policy.additional_drop_params {
        let before = to_raw(&members);
        let steps: Vec<&str> = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
        let after = without(&before, &steps);
        if after.get() != before.get() {
            notes.dropped.push(path.clone());
            members = read(&after).unwrap_or(members);
        }
    }
    let edited = serde_json::from_str(to_raw(&members).get()).map_err(|error| {
        Error::bad_request(format!("A parameter of the deployment does not fit: {error}"))
    })?;
    Ok(Cow::Owned(edited))
}

/// The value without what the path leads to (`tools[*].function.strict`); all else keeps its text and order.
fn without(value: &RawValue, path: &[&str]) -> Raw {
    let Some((first, rest)) = path.split_first() else { return value.to_owned() };
    if let Some(members) = read::<Extra>(value) {
        let mut edited = Extra::new();
        for (key, member) in members.iter() {
            match (key == *first, rest.is_empty()) {
                (true, true) => {}
                (true, false) => edited.push(key, without(member, rest)),
                (false, _) => edited.push(key, member.to_owned()),
            }
        }
        return to_raw(&edited);
    }
    let Some(elements) = read::<Vec<Raw>>(value) else { return value.to_owned() };
    let chosen = |at: usize| first.parse().map_or(true, |wanted: usize| wanted == at);
    let elements = elements.iter().enumerate().filter(|(at, _)| !(rest.is_empty() && chosen(*at)));
    let edited: Vec<Raw> = elements
        .map(|(at, element)| if chosen(at) { without(element, rest) } else { element.clone() })
        .collect();
    to_raw(&edited)
}

/// Parameters of OpenAI's that Gemini has nothing like. Those that ask for what happens anyway do not count.
fn foreign(request: &ChatRequest, service: Service, model: &str) -> Vec<(&'static str, Raw)> {
    macro_rules! given {
        ($($name:ident)*) => {
            [$((stringify!($name), request.$name.as_ref().map(to_raw))),*]
        };
    }
    let given = given!(
        functions function_call logit_bias top_logprobs audio prediction store verbosity safety_identifier
        prompt_cache_key prompt_cache_retention context_management
    );
    let taken = |name: &str| match name {
        "top_logprobs" => service == Service::Vertex,
        "audio" => generation::speaks(model),
        _ => false,
    };
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.filter(|(name, value)| !(taken(name) || *name == "store" && value.get() == "false")).collect()
}

/// Deals with parameters that Gemini does not take: gives those that are forwarded all the same, drops the others if
/// that is wanted, else refuses the call.
pub(crate) fn settle_foreign(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: &ChatRequest,
    service: Service,
    notes: &mut Notes,
) -> Result<Vec<(&'static str, Raw)>> {
    let model = &attempt.target.model;
    let (mut forwarded, mut refused) = (Vec::new(), Vec::new());
    for (name, value) in foreign(request, service, model) {
        if policy.allowed_openai_params.iter().any(|allowed| allowed == name) {
            forwarded.push((name, value));
        } else if policy.drop_params {
            notes.dropped.push(name.to_owned());
        } else {
            refused.push(name);
        }
    }
    if let Some(first) = refused.first() {
        let provider = &attempt.target.provider.id;
        let names = refused.join("`, `");
        let message = format!(
            "{provider} does not support `{names}` for the model {model}. With `drop_params: true` what is not \
             supported is left out; `allowed_openai_params` names what is sent all the same."
        );
        return Err(Error::new(ErrorKind::UnsupportedParams, Origin::Client, message).with_param(*first));
    }
    for (name, given) in [("user", request.user.is_some()), ("metadata", request.metadata.is_some())] {
        if given {
            notes.dropped.push(name.to_owned());
        }
    }
    Ok(forwarded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::raw;

    #[test]
    fn drops_reach_inside_and_keep_all_else() {
        let text = r#"{"tools":[{"f":{"strict":true,"name":"a"}},{"f":{"name":"b"}}],"x":1.0}"#;
        let cut = |path: &str| {
            let steps: Vec<&str> = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
            without(&raw(text), &steps).get().to_owned()
        };
        assert_eq!(cut("x"), r#"{"tools":[{"f":{"strict":true,"name":"a"}},{"f":{"name":"b"}}]}"#);
        assert_eq!(cut("tools[*].f.strict"), r#"{"tools":[{"f":{"name":"a"}},{"f":{"name":"b"}}],"x":1.0}"#);
        assert_eq!(cut("tools[1]"), r#"{"tools":[{"f":{"strict":true,"name":"a"}}],"x":1.0}"#);
        assert_eq!(cut("nothing.here[3]"), text);
    }
}
