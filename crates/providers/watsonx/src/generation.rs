//! Text generation: the conversation as one prompt.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, Request, header};
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Extra, Format, Memo, Notes, Operation, Payload, Reply,
    Result,
    hub::{ChatRequest, CompletionRequest, Content, Message, Prompt},
    json::{raw, read, to_raw},
    params, prompt,
};

use crate::{GENERATION, place, wire::Generated};

/// The parameters of OpenAI's that have a counterpart.
pub(crate) const TAKEN: [&str; 8] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "seed",
    "stop",
    "stream",
    "temperature",
    "top_p",
];

/// Writes the request.
///
/// # Errors
/// A parameter is not taken, the prompt is not text, or nobody said for which project.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = Notes::default();
    let request = match attempt.call.operation {
        Operation::Chat => Cow::Borrowed(attempt.call.chat()?),
        Operation::Completion => Cow::Owned(continuation(attempt.call.completion()?)?),
        other => return Err(Error::bad_request(format!("watsonx has no {other} through this API."))),
    };
    let policy = attempt.policy();
    let request = params::effective(attempt, &policy, request, &mut notes)?;
    let forwarded = params::settle_foreign(attempt, &policy, &request, &TAKEN, &mut notes)?;
    let mut parameters = parameters(attempt, &request);
    forwarded.into_iter().for_each(|(name, value)| parameters.push(name, value));
    prompt::report_left_out(&request.messages, &mut notes);
    let mut body = Extra::new();
    let input: String = match attempt.call.operation {
        Operation::Completion => request.messages.iter().map(text).collect(),
        _ => prompt::render(&attempt.target.model, &request.messages),
    };
    body.push("input", to_raw(&input));
    body.push("moderations", raw("{}"));
    body.push("parameters", to_raw(&parameters));
    let verb = if attempt.call.stream { "text/generation_stream" } else { "text/generation" };
    post(attempt, verb, body, GENERATION, notes)
}

/// A POST of a body, completed by model and project and by what the operator and the client add.
///
/// # Errors
/// Nobody said for which project, or the address is no URL.
pub(crate) fn post(
    attempt: &Attempt<'_>,
    verb: &str,
    mut body: Extra,
    format: Format,
    notes: Notes,
) -> Result<Encoded> {
    for (name, value) in place::members(attempt.target)?.iter() {
        body.push(name, value.to_owned());
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(place::url(attempt.target, verb)?)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::internal(format!("The upstream's request cannot be made: {error}")))?;
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// Reads a whole answer.
///
/// # Errors
/// There is no text in it.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Generated = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    let Some(piece) = answer.results.and_then(|results| results.into_iter().next()) else {
        return Err(malformed("The provider's answer has no `results`.".to_owned()));
    };
    let (finish, native_finish) = piece.finish().unzip();
    let message = Message {
        role: "assistant".to_owned(),
        content: Some(Content::Text(piece.text())),
        ..Message::default()
    };
    let model = answer.model_id.as_deref().and_then(read);
    Ok(Reply::Chat(Box::new(ChatReply {
        model: model.unwrap_or_else(|| attempt.target.model.to_string()),
        choices: vec![Choice {
            message,
            finish,
            native_finish: native_finish.flatten(),
            ..Choice::default()
        }],
        usage: Some(piece.usage()),
        ..ChatReply::default()
    })))
}

/// A text to continue, as a chat of one message.
fn continuation(request: &CompletionRequest) -> Result<ChatRequest> {
    let text = match &request.prompt {
        Some(Prompt::Text(text)) => text.clone(),
        Some(Prompt::Texts(texts)) if texts.len() == 1 => texts.concat(),
        Some(Prompt::Texts(_)) => {
            return Err(Error::bad_field("prompt", "This model takes one prompt at a time."));
        }
        Some(_) => return Err(Error::bad_field("prompt", "This model takes texts, not token ids.")),
        None => return Err(Error::bad_field("prompt", "`prompt` is missing.")),
    };
    Ok(request.asked(text))
}

fn text(message: &Message) -> String {
    message.content.as_ref().map(Content::text).unwrap_or_default()
}

/// watsonx' parameters: those of OpenAI's under their names there, and all that OpenAI does not know.
fn parameters(attempt: &Attempt<'_>, request: &ChatRequest) -> Extra {
    let mut parameters = Extra::new();
    let numbers = [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("random_seed", &request.seed),
        ("repetition_penalty", &request.frequency_penalty),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            parameters.push(name, to_raw(value));
        }
    }
    if let Some(limit) = request.max_output() {
        parameters.push("max_new_tokens", to_raw(&limit));
    }
    if let Some(stop) = &request.stop {
        parameters.push("stop_sequences", to_raw(stop.as_slice()));
    }
    let top_k = request.top_k.as_ref().map(|value| ("top_k", to_raw(value)));
    let own = request.extra.iter().filter(|(name, _)| !attempt.call.options.consumed.contains(name));
    for (name, value) in top_k.into_iter().chain(own.map(|(name, value)| (name, value.to_owned()))) {
        parameters.push(name, value);
    }
    parameters
}
