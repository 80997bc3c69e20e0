//! Which parameters go: the operator's defaults and drops, and what Gemini has no word for.

use lockgate_core::{Attempt, Error, ErrorKind, Notes, Origin, ParamPolicy, Raw, Result, hub::ChatRequest};

pub(crate) use lockgate_core::params::{effective, functions_as_tools};

use crate::{Service, generation, wire::to_raw};

/// The parameters of OpenAI's that every model takes.
const SUPPORTED: [&str; 21] = [
    "frequency_penalty",
    "functions",
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
    if generation::speaks(model, service) {
        names.push("audio".to_owned());
    }
    names.sort_unstable();
    names
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
        "audio" => generation::speaks(model, service),
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
