//! A request to the Converse API.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request, Uri, header};
use lockgate_anthropic::claude;
use lockgate_aws::Scope;
use lockgate_core::{
    Attempt, Encoded, Error, ErrorKind, Extra, Memo, Notes, Operation, Origin, ParamPolicy, Payload, Raw,
    Result, Target,
    hub::ChatRequest,
    json::{raw, read, to_raw},
    names::ToolNames,
    params,
    uri::escaped,
};

use crate::{
    CONVERSE,
    format::{self, JSON_TOOL, Wanted},
    messages::{self, Rules},
    model::{Family, Model, address},
    names::LONGEST,
    prompt, reasoning, tools,
    wire::{Block, Body, Choice, Inference, ToolConfig},
};

/// OpenAI's parameters that all models take.
const TAKEN: [&str; 8] = [
    "max_completion_tokens",
    "max_tokens",
    "parallel_tool_calls",
    "response_format",
    "service_tier",
    "stop",
    "temperature",
    "top_p",
];

/// What a model can do, as far as requests depend on it.
pub(crate) struct Abilities {
    pub(crate) calls_tools: bool,
    pub(crate) chooses_tools: bool,
    /// Answers can be held to a schema without the detour of a forced tool.
    pub(crate) writes_schemas: bool,
    /// Schemas of tools may say that there is nothing else.
    pub(crate) closes_schemas: bool,
    pub(crate) caches: bool,
    pub(crate) caches_tools: bool,
}

impl Abilities {
    pub(crate) fn of(target: &Target, model: &Model<'_>) -> Self {
        let facts = &target.facts;
        let claude = model.family == Family::Claude;
        let fact = |name: &str, unknown: bool| {
            facts.supports(name) || (!facts.known && !facts.lacks.contains(name) && unknown)
        };
        let caches = fact("prompt_caching", true);
        Self {
            calls_tools: fact("function_calling", true),
            // Command R is told to call a tool in words only.
            chooses_tools: fact("tool_choice", model.family != Family::Cohere),
            writes_schemas: facts.supports("native_structured_output"),
            closes_schemas: fact("native_structured_output", claude),
            caches,
            caches_tools: caches && model.family != Family::Nova,
        }
    }

    /// With what the operator knows better.
    fn or_allowed(mut self, policy: &ParamPolicy) -> Self {
        let allows = |name: &str| policy.allowed_openai_params.iter().any(|allowed| allowed == name);
        self.calls_tools |= allows("tools");
        self.chooses_tools |= allows("tool_choice");
        self
    }
}

/// OpenAI's parameters that the model takes.
pub(crate) fn taken(target: &Target, model: &Model<'_>) -> Vec<&'static str> {
    let abilities = Abilities::of(target, model);
    let mut taken = TAKEN.to_vec();
    if abilities.calls_tools {
        taken.push("tools");
    }
    if abilities.chooses_tools {
        taken.push("tool_choice");
    }
    match model.family {
        Family::Nova => taken.push("web_search_options"),
        Family::Claude => taken.push("context_management"),
        _ => {}
    }
    taken.extend(reasoning::taken(target, model));
    taken
}

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let request = match attempt.call.operation {
        Operation::Completion => Cow::Owned(prompt::chat(attempt.call.completion()?)?),
        _ => Cow::Borrowed(attempt.call.chat()?),
    };
    let request = params::effective(attempt, &policy, request, &mut notes)?;
    let mut memo = Memo::default();
    let body = body(attempt, model, &policy, &request, &mut memo, &mut notes)?;
    let json = serde_json::to_vec(&body)
        .map_err(|error| Error::internal(format!("The request cannot be written: {error}")))?;
    let verb = if attempt.call.stream { "converse-stream" } else { "converse" };
    let request = post(attempt, model, verb, json.into())?;
    Ok(Encoded { request, format: CONVERSE, relay: false, withhold_usage: false, memo, notes })
}

/// A request to the model, to be signed.
pub(crate) fn post(
    attempt: &Attempt<'_>,
    model: &Model<'_>,
    verb: &str,
    body: Payload,
) -> Result<Request<Payload>> {
    let region = model.region(attempt.target).to_owned();
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri(attempt, model, verb)?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.extensions_mut().insert(Scope { service: "bedrock", region });
    Ok(request)
}

/// Where the model does that.
pub(crate) fn uri(attempt: &Attempt<'_>, model: &Model<'_>, verb: &str) -> Result<Uri> {
    let root = address(attempt, model.region(attempt.target));
    let url = format!("{root}/model/{}/{verb}", escaped(model.id));
    url.parse().map_err(|_| Error::bad_request(format!("The model's URL `{url}` is not valid.")))
}

/// The body of a Converse request.
pub(crate) fn body<'a>(
    attempt: &Attempt<'a>,
    model: &Model<'_>,
    policy: &ParamPolicy,
    request: &'a ChatRequest,
    memo: &mut Memo,
    notes: &mut Notes,
) -> Result<Body<'a>> {
    let forwarded = params::settle_foreign(attempt, policy, request, &taken(attempt.target, model), notes)?;
    let abilities = Abilities::of(attempt.target, model).or_allowed(policy);
    let mut names = ToolNames::new(LONGEST);
    let mut body = Body::default();
    let own_words = |name: &str| !matches!(name, "tools" | "tool_choice");
    for (name, value) in forwarded.into_iter().filter(|(name, _)| own_words(name)) {
        body.additional_model_request_fields.push(name, value);
    }
    sampling(attempt, policy, request, model, &mut body, notes)?;
    let reasons = reasoning::write(attempt, request, model, &mut body, notes)?;
    let declared = tools::declare(request, model.family, &abilities, &mut names)?;
    let tools = !declared.tools.is_empty() || !declared.hosted.is_empty();
    let wanted = format::wanted(request.response_format.as_deref(), &abilities)?;
    let rules = Rules {
        media: attempt.media,
        claude: model.family == Family::Claude,
        tools: tools || matches!(wanted, Some(Wanted::Tool(_))),
        caches: abilities.caches,
        repairs: policy.modify_params,
    };
    let conversation = messages::translate(request, &rules, &mut names)?;
    if declared.unmarked || conversation.unmarked {
        notes.dropped.push("cache_control".to_owned());
    }
    let mut reasons = reasons;
    if reasons && policy.modify_params && conversation.thoughtless_call {
        body.additional_model_request_fields.remove("thinking");
        notes.dropped.push("thinking".to_owned());
        reasons = false;
    }
    body.messages = conversation.turns;
    body.system = conversation.system;
    let mut choice = match abilities.calls_tools && abilities.chooses_tools {
        true => choice(request, policy, &mut names, notes)?,
        false => None,
    };
    if reasons && model.family == Family::Claude {
        reasoning::make_room(&mut choice, &mut body, notes);
    }
    hosted(attempt, &declared.hosted, &declared.betas, model.family, &mut body);
    single(request, model.family, choice.as_ref(), &mut body, notes);
    let mut config = ToolConfig { tools: declared.tools, tool_choice: choice };
    hold_to(wanted, &abilities, reasons, &mut config, &mut body, memo);
    if !config.tools.is_empty() {
        body.tool_config = Some(config);
    }
    own(attempt, request, &mut body);
    memo.tool_names = names.into_map();
    Ok(body)
}

fn choice(
    request: &ChatRequest,
    policy: &ParamPolicy,
    names: &mut ToolNames,
    notes: &mut Notes,
) -> Result<Option<Choice>> {
    match tools::choose(request, names) {
        Err(error) if error.kind() == ErrorKind::UnsupportedParams && policy.drop_params => {
            notes.dropped.push("tool_choice".to_owned());
            Ok(None)
        }
        Ok(_) if request.tools.as_ref().is_none_or(Vec::is_empty) => Ok(None),
        chosen => chosen,
    }
}

/// Limits, sampling and the tier.
fn sampling<'a>(
    attempt: &Attempt<'_>,
    policy: &ParamPolicy,
    request: &'a ChatRequest,
    model: &Model<'_>,
    body: &mut Body<'a>,
    notes: &mut Notes,
) -> Result<()> {
    body.inference_config = Inference {
        max_tokens: request.max_output(),
        temperature: request.temperature.as_ref(),
        top_p: request.top_p.as_ref(),
        stop_sequences: request.stop.as_ref().map(|stop| stop.as_slice()).filter(|stop| !stop.is_empty()),
    };
    let mut top_k = request.top_k.as_ref();
    if model.family == Family::Claude && claude::refuses_sampling(attempt.target) {
        let one = |number: &serde_json::Number| number.as_f64() == Some(1.0);
        let inference = &mut body.inference_config;
        inference.temperature = inference.temperature.filter(|temperature| !one(temperature));
        inference.top_p = inference.top_p.filter(|top_p| !one(top_p));
        let given = [
            ("temperature", inference.temperature.take().is_some()),
            ("top_p", inference.top_p.take().is_some()),
            ("top_k", top_k.take().is_some()),
        ];
        let given: Vec<&str> = given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
        if !policy.drop_params && !given.is_empty() {
            let message = format!(
                "The model {} does not support `{}`. With `drop_params: true` what is not supported is left out.",
                model.id,
                given.join("`, `")
            );
            let error = Error::new(ErrorKind::UnsupportedParams, Origin::Client, message);
            return Err(error.with_param(given[0]));
        }
        notes.dropped.extend(given.into_iter().map(str::to_owned));
    }
    if let Some(top_k) = top_k {
        let fields = &mut body.additional_model_request_fields;
        match model.family {
            Family::Nova => fields.push("inferenceConfig", raw(format!(r#"{{"topK":{top_k}}}"#))),
            _ => fields.push("top_k", to_raw(top_k)),
        }
    }
    if let Some(tier) = request.service_tier.as_deref().filter(|tier| *tier != "auto") {
        body.service_tier = Some(raw(format!(r#"{{"type":{}}}"#, to_raw(tier).get())));
    }
    if let (Some(management), Family::Claude) = (&request.context_management, model.family) {
        body.additional_model_request_fields.push("context_management", management.clone());
    }
    Ok(())
}

/// Anthropic's own tools and features, beside the rest.
fn hosted(attempt: &Attempt<'_>, tools: &[Raw], betas: &[&str], family: Family, body: &mut Body<'_>) {
    let fields = &mut body.additional_model_request_fields;
    if !tools.is_empty() {
        fields.push("tools", to_raw(tools));
    }
    if family != Family::Claude {
        return;
    }
    let headers =
        attempt.call.headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
    let named = headers.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let mut all: Vec<&str> = named.collect();
    for beta in betas {
        if !all.contains(beta) {
            all.push(beta);
        }
    }
    if !all.is_empty() {
        fields.push("anthropic_beta", to_raw(&all));
    }
}

/// One call at a time, which only Claude can be told.
fn single(
    request: &ChatRequest,
    family: Family,
    choice: Option<&Choice>,
    body: &mut Body<'_>,
    notes: &mut Notes,
) {
    if request.parallel_tool_calls != Some(false) || request.tools.as_ref().is_none_or(Vec::is_empty) {
        return;
    }
    if family != Family::Claude {
        notes.dropped.push("parallel_tool_calls".to_owned());
        return;
    }
    let choice = match choice {
        None | Some(Choice::Auto {}) => r#"{"type":"auto","disable_parallel_tool_use":true}"#.to_owned(),
        Some(Choice::Any {}) => r#"{"type":"any","disable_parallel_tool_use":true}"#.to_owned(),
        Some(Choice::Tool { name }) => {
            let name = to_raw(name);
            format!(r#"{{"type":"tool","name":{},"disable_parallel_tool_use":true}}"#, name.get())
        }
    };
    body.additional_model_request_fields.push("tool_choice", raw(choice));
}

/// Holds the answer to the wanted form.
fn hold_to(
    wanted: Option<Wanted>,
    abilities: &Abilities,
    reasons: bool,
    config: &mut ToolConfig,
    body: &mut Body<'_>,
    memo: &mut Memo,
) {
    match wanted {
        None => {}
        Some(Wanted::Asked) => body.system.push(Block::Text(Cow::Borrowed(format::JSON_PLEASE))),
        Some(Wanted::Native(config)) => {
            body.output_config = Some(config);
            memo.json_tool = Some(JSON_TOOL.to_owned());
        }
        Some(Wanted::Tool(schema)) => {
            config.tools.push(tools::answer(JSON_TOOL, &schema, abilities));
            // A model that reasons cannot be forced, and one that has other tools shall be free to use them.
            if config.tools.len() == 1 && abilities.chooses_tools && !reasons {
                config.tool_choice = Some(Choice::Tool { name: JSON_TOOL.to_owned() });
            }
            memo.json_tool = Some(JSON_TOOL.to_owned());
        }
    }
}

/// Members that OpenAI does not know: Converse's own go to the top, the others to the model.
fn own(attempt: &Attempt<'_>, request: &ChatRequest, body: &mut Body<'_>) {
    let consumed = &attempt.call.options.consumed;
    let given =
        request.extra.iter().filter(|(name, value)| !consumed.contains(name) && value.get() != "null");
    let added = attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body);
    let added = added.map(|(name, value)| (name.as_str(), &**value));
    for (name, value) in given.chain(added) {
        put(name, value.to_owned(), body);
    }
}

fn put(name: &str, value: Raw, body: &mut Body<'_>) {
    let at = match name {
        "additionalModelResponseFieldPaths" => &mut body.additional_model_response_field_paths,
        "guardrailConfig" => &mut body.guardrail_config,
        "performanceConfig" => &mut body.performance_config,
        "promptVariables" => &mut body.prompt_variables,
        "requestMetadata" => &mut body.request_metadata,
        "serviceTier" => &mut body.service_tier,
        "outputConfig" => &mut body.output_config,
        "additionalModelRequestFields" => {
            let fields: Extra = read(&value).unwrap_or_default();
            for (name, value) in fields.iter() {
                body.additional_model_request_fields.push(name, value.to_owned());
            }
            return;
        }
        _ => {
            body.additional_model_request_fields.push(name, value);
            return;
        }
    };
    *at = Some(value);
}
