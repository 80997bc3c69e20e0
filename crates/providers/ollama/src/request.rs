//! The upstream request.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, Call, Encoded, Error, Extra, Format, Memo, Notes, Operation, Payload, Result,
    hub::{self, ChatRequest, CompletionRequest, Content},
    params,
};

use crate::{CHAT, GENERATE, Ollama, embed, media, messages, options, prompt, wire::to_raw};

/// Ends of a base URL that are an endpoint's already.
const ENDPOINTS: [&str; 4] = ["/api/chat", "/api/generate", "/api/embed", "/api"];

pub(crate) fn fetches(call: &Call) -> Result<Vec<String>> {
    match call.operation {
        Operation::Chat => Ok(media::fetches(call.chat()?)),
        _ => Ok(Vec::new()),
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>, dialect: Ollama) -> Result<Encoded> {
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let request = match attempt.call.operation {
        Operation::Chat => Cow::Borrowed(attempt.call.chat()?),
        Operation::Completion => Cow::Owned(continuation(attempt.call.completion()?, &mut notes)?),
        Operation::Embedding => return embed::encode(attempt),
        other => return Err(Error::bad_request(format!("Ollama has no {other} through this API."))),
    };
    let request = params::effective(attempt, &policy, request, &mut notes)?;
    let request = params::functions_as_tools(request, &mut notes);
    let forwarded = params::settle_foreign(attempt, &policy, &request, &options::TAKEN, &mut notes)?;
    let mut body = Extra::new();
    body.push("model", to_raw(&*attempt.target.model));
    let plain = attempt.call.operation == Operation::Completion;
    let chat = !plain && (dialect == Ollama::Chat || prompt::needs_chat(&request));
    if chat {
        body.push("messages", messages::translate(&request, attempt.media)?);
    } else if plain {
        let text = request.messages.iter().find_map(|message| message.content.as_ref()).map(Content::text);
        body.push("prompt", to_raw(&text.unwrap_or_default()));
    } else {
        let prompt = prompt::translate(&request, attempt.media)?;
        body.push("prompt", to_raw(&prompt.text));
        body.push("images", to_raw(&prompt.images));
    }
    options::write(attempt, &request, &mut body);
    body.push("stream", to_raw(&attempt.call.stream));
    if let Some(tools) = messages::tools(&request, &mut notes).filter(|_| chat) {
        body.push("tools", tools);
    }
    forwarded.into_iter().for_each(|(name, value)| body.push(name, value));
    let (path, format) = if chat { ("/api/chat", CHAT) } else { ("/api/generate", GENERATE) };
    post(attempt, path, body, format, notes)
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
    let base = attempt.base();
    let root = ENDPOINTS.iter().find_map(|end| base.strip_suffix(end)).unwrap_or(&base);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{root}{path}"))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))?;
    Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// A text to continue, as a chat of one message.
fn continuation(request: &CompletionRequest, notes: &mut Notes) -> Result<ChatRequest> {
    let text = match &request.prompt {
        Some(hub::Prompt::Text(text)) => text.clone(),
        Some(hub::Prompt::Texts(texts)) if texts.len() == 1 => texts.concat(),
        Some(hub::Prompt::Texts(_)) => {
            return Err(Error::bad_field("prompt", "Ollama takes one prompt at a time."));
        }
        Some(_) => return Err(Error::bad_field("prompt", "Ollama takes texts, not token ids.")),
        None => return Err(Error::bad_field("prompt", "`prompt` is missing.")),
    };
    let ignored = [
        ("best_of", request.best_of.is_some_and(|count| count > 1)),
        ("echo", request.echo == Some(true)),
        ("logprobs", request.logprobs.is_some()),
    ];
    notes.dropped.extend(ignored.iter().filter(|(_, given)| *given).map(|(name, _)| (*name).to_owned()));
    let mut extra = request.extra.clone();
    if let Some(suffix) = &request.suffix {
        extra.push("suffix", to_raw(suffix));
    }
    Ok(ChatRequest { extra, ..request.asked(text) })
}
