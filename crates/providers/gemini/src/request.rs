//! The upstream request.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, Call, Encoded, Error, Format, Memo, Notes, Operation, Payload, Result,
    hub::{ChatRequest, CompletionRequest, Prompt},
};

use crate::{
    COUNT_TOKENS, GENERATE, Service, contents, embed, generation, media, params, pictures, relay, sound,
    tools, wire::Body,
};

/// Top-level members that clients and operators may name by themselves, and how Gemini spells them.
pub(crate) const TOP_LEVEL: [(&str, &str); 8] = [
    ("safety_settings", "safetySettings"),
    ("safetySettings", "safetySettings"),
    ("cached_content", "cachedContent"),
    ("cachedContent", "cachedContent"),
    ("toolConfig", "toolConfig"),
    ("tool_config", "toolConfig"),
    ("serviceTier", "serviceTier"),
    ("labels", "labels"),
];

/// How Vertex is told the service tier.
const TIER_ON_VERTEX: &str = "x-vertex-ai-llm-shared-request-type";

pub(crate) fn fetches(call: &Call, service: Service) -> Result<Vec<String>> {
    match call.operation {
        Operation::Chat | Operation::CountTokens if !relay::speaks(call.format) => {
            Ok(media::fetches(call.chat()?, service))
        }
        _ => Ok(Vec::new()),
    }
}

pub(crate) fn encode(
    attempt: &Attempt<'_>,
    service: Service,
    locate: &dyn Fn(&str) -> String,
) -> Result<Encoded> {
    if relay::speaks(attempt.call.format) {
        return relay::encode(attempt, service, locate);
    }
    let policy = attempt.policy();
    let mut notes = Notes::default();
    if attempt.call.operation == Operation::Embedding {
        return embed::encode(attempt, locate);
    }
    match attempt.call.operation {
        Operation::ImageGeneration | Operation::ImageEdit => {
            return pictures::encode(attempt, service, locate);
        }
        Operation::Speech => return sound::speak(attempt, locate),
        Operation::Transcription | Operation::Translation => return sound::listen(attempt, locate),
        _ => {}
    }
    let request = match attempt.call.operation {
        Operation::Completion => Cow::Owned(prompt(attempt.call.completion()?)?),
        Operation::Chat | Operation::CountTokens => Cow::Borrowed(attempt.call.chat()?),
        other => return Err(Error::bad_request(format!("Gemini has no {other} through this API."))),
    };
    let request = params::effective(attempt, &policy, request, &mut notes)?;
    let request = params::functions_as_tools(request, &mut notes);
    let forwarded = params::settle_foreign(attempt, &policy, &request, service, &mut notes)?;
    let (mut body, mut config) = write(attempt, service, &request, &mut notes)?;
    extras(attempt, service, &request, &mut body, &mut config, &mut notes);
    for (name, value) in forwarded {
        config.set(name, &value);
    }
    let options = &attempt.call.options;
    for (name, value) in attempt.target.extra_body.iter().chain(&options.extra_body) {
        let into = if generation::owns(name) { &mut config } else { &mut body };
        into.set(name.clone(), value);
    }
    if attempt.call.operation == Operation::CountTokens {
        return count(attempt, service, body, locate, notes);
    }
    if !config.is_empty() {
        body.raw("generationConfig", config.into_json());
    }
    let url = if attempt.call.stream {
        format!("{}?alt=sse", locate("streamGenerateContent"))
    } else {
        locate("generateContent")
    };
    let mut encoded = post(&url, body, GENERATE, notes)?;
    if let Some(tier) = request.service_tier.as_deref().and_then(tier_on_vertex)
        && service == Service::Vertex
    {
        encoded.request.headers_mut().insert(TIER_ON_VERTEX, tier);
    }
    Ok(encoded)
}

fn tier_on_vertex(tier: &str) -> Option<HeaderValue> {
    matches!(tier, "flex" | "priority").then(|| HeaderValue::from_str(tier).ok()).flatten()
}

/// A model's URL at Google AI Studio.
pub(crate) fn studio_url(attempt: &Attempt<'_>, verb: &str) -> String {
    let model = &attempt.target.model;
    let folder =
        if model.starts_with("models/") || model.starts_with("tunedModels/") { "" } else { "models/" };
    format!("{}/{folder}{model}:{verb}", attempt.base())
}

/// A POST of JSON.
pub(crate) fn post(url: &str, body: Body, format: Format, notes: Notes) -> Result<Encoded> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Payload::from(body.into_json()))
        .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))?;
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// Writes what has a name in the hub: the body, and its `generationConfig`.
fn write(
    attempt: &Attempt<'_>,
    service: Service,
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<(Body, Body)> {
    let model = &attempt.target.model;
    let conversation = contents::translate(request, attempt.media, service, model)?;
    let mut body = Body::default();
    body.set("contents", &conversation.contents);
    body.some("system_instruction", conversation.system.as_ref());
    for (key, json) in [("tools", tools::declare(request, notes)), ("toolConfig", tools::choose(request))] {
        if let Some(json) = json {
            body.raw(key, json);
        }
    }
    if request.parallel_tool_calls == Some(false) {
        notes.dropped.push("parallel_tool_calls".to_owned());
    }
    match request.service_tier.as_deref() {
        Some(tier @ ("flex" | "priority")) if service == Service::Studio => body.set("serviceTier", tier),
        Some("flex" | "priority") => {}
        Some("auto" | "default" | "standard") | None => {}
        Some(_) => notes.dropped.push("service_tier".to_owned()),
    }
    let mut config = generation::config(request, model, service, notes)?;
    config.some("mediaResolution", conversation.resolution.as_ref());
    Ok((body, config))
}

/// Members that the hub has no word for: Gemini's own go where they belong. Gemini refuses bodies with members that it
/// does not know, so all others stay out.
fn extras(
    attempt: &Attempt<'_>,
    service: Service,
    request: &ChatRequest,
    body: &mut Body,
    config: &mut Body,
    notes: &mut Notes,
) {
    for (name, value) in request.extra.iter() {
        if attempt.call.options.consumed.contains(&name) || value.get() == "null" {
            continue;
        }
        let top = TOP_LEVEL.iter().find(|(own, _)| *own == name);
        match top {
            Some(("labels", _)) if service == Service::Studio => notes.dropped.push(name.to_owned()),
            Some((_, own)) => body.set(*own, value),
            None if name == "generationConfig" || name == "generation_config" => {
                let members: lockgate_core::Extra = crate::wire::read(value).unwrap_or_default();
                members.iter().for_each(|(key, value)| config.set(key.to_owned(), value));
            }
            None if generation::owns(name) => config.set(name.to_owned(), value),
            None => notes.dropped.push(name.to_owned()),
        }
    }
}

/// A request for the number of tokens of what would be sent.
fn count(
    attempt: &Attempt<'_>,
    service: Service,
    mut body: Body,
    locate: &dyn Fn(&str) -> String,
    notes: Notes,
) -> Result<Encoded> {
    if service == Service::Studio {
        // The plain form counts contents alone; this one counts the system prompt and the tools, too.
        let mut whole = Body::default().with("model", &format!("models/{}", attempt.target.model));
        for (key, value) in body.into_members() {
            whole.raw(key, value);
        }
        body = Body::default();
        body.put("generateContentRequest", whole);
    }
    post(&locate("countTokens"), body, COUNT_TOKENS, notes)
}

/// A text to continue, as a chat of one message.
fn prompt(request: &CompletionRequest) -> Result<ChatRequest> {
    let text = match &request.prompt {
        Some(Prompt::Text(text)) => text.clone(),
        Some(Prompt::Texts(texts)) if texts.len() == 1 => texts.concat(),
        Some(Prompt::Texts(_)) => {
            return Err(Error::bad_field("prompt", "Gemini takes one prompt at a time."));
        }
        Some(Prompt::Tokens(_) | Prompt::TokenLists(_)) => {
            return Err(Error::bad_field("prompt", "Gemini takes texts, not token ids."));
        }
        None => return Err(Error::bad_field("prompt", "`prompt` is missing.")),
    };
    Ok(request.asked(text))
}
