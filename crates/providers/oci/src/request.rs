//! The upstream request.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Format, Memo, Notes, Operation, Payload, Result,
    hub::{ChatRequest, ToolChoice},
    json::{raw, to_raw},
    params,
    prompt::as_chat,
};

use crate::{CHAT, cohere, embed, generic, place};

/// What a completion may be if nobody says: the API's own default cuts answers short.
const USUAL_LIMIT: u64 = 4096;

/// Whether a model is addressed in Cohere's format.
pub(crate) fn is_cohere(model: &str) -> bool {
    model.starts_with("cohere.")
}

/// OpenAI's parameters that a model takes, without those of streams.
pub(crate) fn taken(model: &str) -> &'static [&'static str] {
    if is_cohere(model) { &cohere::TAKEN } else { &generic::TAKEN }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let request = match attempt.call.operation {
        Operation::Chat => Cow::Borrowed(attempt.call.chat()?),
        Operation::Completion => Cow::Owned(as_chat(attempt.call.completion()?, &mut notes)?),
        Operation::Embedding => return embed::encode(attempt),
        other => return Err(Error::bad_request(format!("Oracle Cloud has no {other} through this API."))),
    };
    let mut request = params::effective(attempt, &policy, request, &mut notes)?;
    let model = &*attempt.target.model;
    if is_cohere(model) {
        choose(&mut request);
    }
    let forwarded = params::settle_foreign(attempt, &policy, &request, taken(model), &mut notes)?;
    let mut chat = Extra::new();
    if is_cohere(model) {
        cohere::write(&request, &mut chat, &mut notes);
    } else {
        generic::write(&request, model, &mut chat, &mut notes);
    }
    if attempt.call.stream {
        chat.push("isStream", raw("true"));
        chat.push("streamOptions", raw("{\"isIncludeUsage\":true}"));
    }
    for (name, value) in request.extra.iter() {
        if !attempt.call.options.consumed.contains(&name) && value.get() != "null" {
            chat.push(name, value.to_owned());
        }
    }
    forwarded.into_iter().for_each(|(name, value)| chat.push(name, value));
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        chat.push(name.as_str(), value.clone());
    }
    let mut body = Extra::new();
    body.push("compartmentId", to_raw(place::compartment(attempt)?));
    body.push("servingMode", place::serving_mode(attempt));
    body.push("chatRequest", to_raw(&chat));
    post(attempt, "chat", &body, CHAT, notes)
}

/// The limit on the completion.
pub(crate) fn limit(request: &ChatRequest) -> u64 {
    request.max_output().unwrap_or(USUAL_LIMIT)
}

/// A POST of JSON to an action.
pub(crate) fn post(
    attempt: &Attempt<'_>,
    action: &str,
    body: &Extra,
    format: Format,
    notes: Notes,
) -> Result<Encoded> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(place::action(attempt, action))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Payload::from(to_raw(body).get().to_owned()))
        .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))?;
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// Cohere's format has no `tool_choice`: its models decide, or have no tools.
fn choose(request: &mut Cow<'_, ChatRequest>) {
    match request.tool_choice {
        Some(ToolChoice::Auto) => request.to_mut().tool_choice = None,
        Some(ToolChoice::None) => {
            request.to_mut().tool_choice = None;
            request.to_mut().tools = None;
        }
        _ => {}
    }
}
