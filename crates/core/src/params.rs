//! What every dialect does with a request's parameters before it translates them: the operator's defaults and drops,
//! and the verdict on parameters that the provider does not take.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    Attempt, Error, ErrorKind, Extra, Notes, Origin, ParamPolicy, Raw, Result,
    hub::{ChatRequest, EmbeddingRequest, Tool},
    json::{read, to_raw},
};

/// Names of parameters, sorted: [`Dialect::supported_params`](crate::Dialect::supported_params).
pub fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The request with the operator's defaults put in and the unwanted members taken out.
///
/// # Errors
/// A default does not fit its parameter.
pub fn effective<'a, T: Clone + Serialize + DeserializeOwned>(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: Cow<'a, T>,
    notes: &mut Notes,
) -> Result<Cow<'a, T>> {
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
        let after = without(&before, &steps(path));
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

/// The request with the functions of OpenAI's first form as tools, beside those that are there, for providers that know
/// tools alone. What the model calls goes back to the client in the form in which it asked.
pub fn functions_as_tools<'a>(request: Cow<'a, ChatRequest>, notes: &mut Notes) -> Cow<'a, ChatRequest> {
    if request.functions.as_ref().is_none_or(Vec::is_empty) {
        return request;
    }
    notes.rewritten.push("functions".to_owned());
    let mut request = request.into_owned();
    let functions = request.functions.take().unwrap_or_default().into_iter();
    let tool = |function| Tool { kind: "function".to_owned(), function: Some(function), ..Tool::default() };
    request.tools.get_or_insert_default().extend(functions.map(tool));
    Cow::Owned(request)
}

/// Deals with the OpenAI parameters of a chat that are not `taken` by the provider: gives those that are forwarded all
/// the same, drops the others if that is wanted, else refuses the call. `user` and `metadata`, which do not change the
/// answer, are always dropped; parameters that ask for what happens anyway do not count.
///
/// # Errors
/// Parameters are given that the provider does not take.
pub fn settle_foreign(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: &ChatRequest,
    taken: &[&str],
    notes: &mut Notes,
) -> Result<Vec<(&'static str, Raw)>> {
    let (mut forwarded, mut refused) = (Vec::new(), Vec::new());
    for (name, value) in given(request) {
        if taken.contains(&name) || is_usual(name, value.get()) {
            continue;
        }
        if policy.allowed_openai_params.iter().any(|allowed| allowed == name) {
            forwarded.push((name, value));
        } else if policy.drop_params || matches!(name, "user" | "metadata") {
            notes.dropped.push(name.to_owned());
        } else {
            refused.push(name);
        }
    }
    if refused.is_empty() { Ok(forwarded) } else { Err(unsupported(attempt, &refused)) }
}

/// Deals with `dimensions` and `user` for providers that have no such thing in requests for embeddings: vectors of
/// another size than the wanted one are no answer, so that `dimensions` is refused unless it may be dropped.
///
/// # Errors
/// `dimensions` is given.
pub fn settle_sizeless(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: &EmbeddingRequest,
    notes: &mut Notes,
) -> Result<()> {
    if request.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    if request.dimensions.is_none() {
        return Ok(());
    }
    if !policy.drop_params {
        return Err(unsupported(attempt, &["dimensions"]));
    }
    notes.dropped.push("dimensions".to_owned());
    Ok(())
}

/// The refusal of parameters that the provider does not take.
pub fn unsupported(attempt: &Attempt<'_>, names: &[&str]) -> Error {
    let (provider, model) = (&attempt.target.provider.id, &attempt.target.model);
    let message = format!(
        "{provider} does not support `{}` for the model {model}. With `drop_params: true` what is not supported is left \
         out; `allowed_openai_params` names what is sent all the same.",
        names.join("`, `")
    );
    let error = Error::new(ErrorKind::UnsupportedParams, Origin::Client, message);
    match names.first() {
        Some(first) => error.with_param(*first),
        None => error,
    }
}

/// The parameters that are given and that a provider may not know.
fn given(request: &ChatRequest) -> impl Iterator<Item = (&'static str, Raw)> {
    macro_rules! members {
        ($($name:ident)*) => {
            [$((stringify!($name), request.$name.as_ref().map(to_raw))),*]
        };
    }
    let members = members!(
        tools tool_choice parallel_tool_calls functions function_call response_format temperature top_p n max_tokens
        max_completion_tokens stop seed frequency_penalty presence_penalty logit_bias logprobs top_logprobs
        reasoning_effort thinking verbosity modalities audio prediction web_search_options service_tier
        safety_identifier prompt_cache_key prompt_cache_retention store metadata context_management user
    );
    members.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// Whether the value asks for what every provider does anyway.
fn is_usual(name: &str, value: &str) -> bool {
    match name {
        "n" => value == "1",
        "store" | "logprobs" => value == "false",
        "parallel_tool_calls" => value == "true",
        "service_tier" => matches!(value, "\"auto\"" | "\"default\""),
        "modalities" => value == "[\"text\"]",
        _ => false,
    }
}

/// The value of a path's first member without what the rest of the path leads to.
pub fn without_inside(value: &RawValue, path: &str) -> Raw {
    without(value, steps(path).get(1..).unwrap_or_default())
}

/// The steps of `tools[*].function.strict`.
fn steps(path: &str) -> Vec<&str> {
    path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect()
}

/// The value without what the path leads to (`tools[*].function.strict`); all else keeps its text and order.
pub fn without(value: &RawValue, path: &[&str]) -> Raw {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_reach_inside_and_keep_all_else() {
        let text = r#"{"tools":[{"f":{"strict":true,"name":"a"}},{"f":{"name":"b"}}],"x":1.0}"#;
        let cut = |path: &str| {
            without(&RawValue::from_string(text.to_owned()).unwrap(), &steps(path)).get().to_owned()
        };
        assert_eq!(cut("x"), r#"{"tools":[{"f":{"strict":true,"name":"a"}},{"f":{"name":"b"}}]}"#);
        assert_eq!(cut("tools[*].f.strict"), r#"{"tools":[{"f":{"name":"a"}},{"f":{"name":"b"}}],"x":1.0}"#);
        assert_eq!(cut("tools[1]"), r#"{"tools":[{"f":{"strict":true,"name":"a"}}],"x":1.0}"#);
        assert_eq!(cut("nothing.here[3]"), text);
    }
}
