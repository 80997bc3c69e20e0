//! The upstream request.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Format, Memo, Notes, Operation, Payload, Raw, Result, hub::ChatRequest,
    params, prompt::as_chat, wire::view,
};
use serde_json::value::RawValue;

use crate::{
    CHAT, embed, messages, parse, relay, v1,
    wire::{raw, read, to_raw},
};

/// OpenAI's parameters that are taken, without those of streams.
pub(crate) const TAKEN: [&str; 15] = [
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Ends of a base URL that are an endpoint's already.
const ENDPOINTS: [&str; 7] = ["/v2/chat", "/v2/embed", "/v2/parse", "/v1/chat", "/v1/embed", "/v2", "/v1"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Wanted {
        kind as "type": Option<String>,
        json_schema: Option<Schema>,
        schema: Option<Raw>,
        effort: Option<String>,
        budget_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Schema {
        schema: Option<Raw>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    if relay::speaks(attempt.call.format) {
        return relay::encode(attempt);
    }
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let request = match attempt.call.operation {
        Operation::Chat | Operation::Completion if v1::is_asked(attempt.target) => {
            return v1::encode(attempt);
        }
        Operation::Chat => Cow::Borrowed(attempt.call.chat()?),
        Operation::Completion => Cow::Owned(as_chat(attempt.call.completion()?, &mut notes)?),
        Operation::Embedding => return embed::encode(attempt),
        Operation::Ocr => return parse::encode(attempt, &url(attempt, "/v2/parse")),
        other => return Err(Error::bad_request(format!("Cohere has no {other} through this API."))),
    };
    let request = params::effective(attempt, &policy, request, &mut notes)?;
    let forwarded = params::settle_foreign(attempt, &policy, &request, &TAKEN, &mut notes)?;
    let model = model(attempt);
    let mut body = Extra::new();
    body.push("model", to_raw(model));
    body.push("messages", messages::translate(&request, model));
    if attempt.call.stream {
        body.push("stream", raw("true"));
    }
    write(&request, &mut body, &mut notes);
    messages::tools(&request, &mut body, &mut notes);
    own(attempt, &request.extra, &mut body);
    forwarded.into_iter().for_each(|(name, value)| body.push(name, value));
    post(attempt, "/v2/chat", body, CHAT, notes)
}

/// The model's name; LiteLLM's users put the version of the API before it.
pub(crate) fn model<'a>(attempt: &Attempt<'a>) -> &'a str {
    let model: &str = &attempt.target.model;
    model.strip_prefix("v2/").or_else(|| model.strip_prefix("v1/")).unwrap_or(model)
}

/// Puts members that OpenAI does not know into the body.
pub(crate) fn own(attempt: &Attempt<'_>, given: &Extra, body: &mut Extra) {
    for (name, value) in given.iter() {
        if !attempt.call.options.consumed.contains(&name) && value.get() != "null" {
            body.push(name, value.to_owned());
        }
    }
}

/// A POST of JSON, the members that the operator and the client add merged in.
pub(crate) fn post(
    attempt: &Attempt<'_>,
    path: &str,
    mut body: Extra,
    format: Format,
    notes: Notes,
) -> Result<Encoded> {
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    let request = send(attempt, path, Payload::from(to_raw(&body).get().to_owned()))?;
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// A POST to one of the endpoints.
pub(crate) fn send(attempt: &Attempt<'_>, path: &str, body: Payload) -> Result<Request<Payload>> {
    Request::builder()
        .method(Method::POST)
        .uri(url(attempt, path))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body)
        .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))
}

fn url(attempt: &Attempt<'_>, path: &str) -> String {
    let base = attempt.base();
    let root = ENDPOINTS.iter().find_map(|end| base.strip_suffix(end)).unwrap_or(&base);
    format!("{root}{path}")
}

/// Parameters by Cohere's names.
fn write(request: &ChatRequest, body: &mut Extra, notes: &mut Notes) {
    sampling(request, body);
    let mut set = |name: &str, value: Option<Raw>| {
        if let Some(value) = value {
            body.push(name, value);
        }
    };
    let format = |wanted| format(wanted, "json_schema");
    set("logprobs", request.logprobs.as_ref().map(to_raw));
    set("response_format", request.response_format.as_deref().and_then(format));
    set("thinking", thinking(request, notes));
}

/// How to choose words, and when to stop.
pub(crate) fn sampling(request: &ChatRequest, body: &mut Extra) {
    let mut set = |name: &str, value: Option<Raw>| {
        if let Some(value) = value {
            body.push(name, value);
        }
    };
    set("max_tokens", request.max_output().as_ref().map(to_raw));
    set("temperature", request.temperature.as_ref().map(to_raw));
    set("p", request.top_p.as_ref().map(to_raw));
    set("k", request.top_k.as_ref().map(to_raw));
    set("seed", request.seed.as_ref().map(to_raw));
    set("frequency_penalty", request.frequency_penalty.as_ref().map(to_raw));
    set("presence_penalty", request.presence_penalty.as_ref().map(to_raw));
    set("stop_sequences", request.stop.as_ref().map(|stop| to_raw(stop.as_slice())));
}

/// `response_format`: JSON, of the client's schema, if there is one, in that member.
pub(crate) fn format(wanted: &RawValue, member: &str) -> Option<Raw> {
    let wanted: Wanted = read(wanted)?;
    if !matches!(wanted.kind.as_deref()?, "json_object" | "json_schema") {
        return None;
    }
    let mut format = Extra::new();
    format.push("type", raw("\"json_object\""));
    if let Some(schema) = wanted.json_schema.and_then(|named| named.schema).or(wanted.schema) {
        format.push(member, schema);
    }
    Some(to_raw(&format))
}

/// `thinking`: on, with a budget if the client gave one, or off. There are no levels.
fn thinking(request: &ChatRequest, notes: &mut Notes) -> Option<Raw> {
    let mut budget = None;
    let on = if let Some(effort) = request.reasoning_effort.as_deref() {
        notes.rewritten.push("reasoning_effort".to_owned());
        let effort = read::<String>(effort).or_else(|| read::<Wanted>(effort)?.effort)?;
        !matches!(effort.as_str(), "none" | "disable")
    } else {
        let wanted: Wanted = read(request.thinking.as_deref()?)?;
        budget = wanted.budget_tokens;
        wanted.kind.as_deref()? != "disabled"
    };
    let mut thinking = Extra::new();
    thinking.push("type", raw(if on { "\"enabled\"" } else { "\"disabled\"" }));
    if let Some(budget) = budget.filter(|_| on) {
        thinking.push("token_budget", to_raw(&budget));
    }
    Some(to_raw(&thinking))
}
