//! Requests of Cohere's clients in the hub's words, which are nearly theirs.

use lockgate_core::{
    Call, Error, Extra, Raw, Result,
    hub::{ChatRequest, Content, EmbeddingRequest, Message, Part, Prompt, Stop, Tool, ToolCall, ToolChoice},
    json::{raw, read, to_raw},
    wire::{elements, text, view},
};
use serde::de::DeserializeOwned;

/// Members that are read.
const READ: [&str; 17] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "stream",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "response_format",
    "thinking",
    "stream_options",
];

/// Members of a request for vectors that are read.
const READ_EMBED: [&str; 5] = ["model", "texts", "images", "inputs", "output_dimension"];

view! {
    #[derive(Clone, Debug, Default)]
    struct MessageIn {
        role: String,
        content: Option<Raw>,
        tool_plan: Option<String>,
        tool_calls: Option<Vec<ToolCall>>,
        tool_call_id: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct PartIn {
        kind as "type": Option<String>,
        text: Option<String>,
        thinking: Option<String>,
        signature: Option<String>,
        document: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct DocumentIn {
        data: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct FormatIn {
        kind as "type": Option<String>,
        json_schema: Option<Raw>,
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ThinkingIn {
        kind as "type": Option<String>,
        token_budget: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct InputIn {
        content: Option<Vec<Part>>,
    }
}

/// The body of `/v2/chat`.
pub(super) fn chat(call: &Call) -> Result<ChatRequest> {
    let messages: Option<Vec<MessageIn>> = field(call, "messages", "a list of messages")?;
    let messages = messages.ok_or_else(|| Error::bad_field("messages", "`messages` is missing."))?;
    let stop: Option<Vec<String>> = field(call, "stop_sequences", "a list of strings")?;
    let tools: Option<Vec<Tool>> = field(call, "tools", "a list of tools")?;
    let mut request = ChatRequest {
        model: call.model.clone(),
        messages: messages.into_iter().map(message).collect(),
        tools: tools.filter(|tools| !tools.is_empty()),
        max_tokens: field(call, "max_tokens", "a whole number")?,
        temperature: field(call, "temperature", "a number")?,
        top_p: field(call, "p", "a number")?,
        top_k: field(call, "k", "a number")?,
        seed: field(call, "seed", "a whole number")?,
        frequency_penalty: field(call, "frequency_penalty", "a number")?,
        presence_penalty: field(call, "presence_penalty", "a number")?,
        logprobs: field(call, "logprobs", "true or false")?,
        stop: stop.filter(|stop| !stop.is_empty()).map(Stop::Many),
        stream: call.stream.then_some(true),
        ..ChatRequest::default()
    };
    request.tool_choice = match call.body.str("tool_choice").as_deref() {
        Some("REQUIRED") => Some(ToolChoice::Required),
        Some("NONE") => Some(ToolChoice::None),
        _ => None,
    };
    request.response_format = field(call, "response_format", "an object with a `type`")?.and_then(format);
    let thinking: Option<ThinkingIn> = field(call, "thinking", "an object with a `type`")?;
    request.reasoning_effort = thinking.and_then(effort);
    Ok(request)
}

/// What only Cohere understands: documents to cite, safety modes, …
pub(super) fn untranslated(call: &Call) -> Vec<String> {
    let known: &[&str] =
        if call.operation == lockgate_core::Operation::Embedding { &READ_EMBED } else { &READ };
    let mut dropped = Vec::new();
    for member in call.body.members() {
        let key = &*member.key;
        if member.raw != b"null" && !known.contains(&key) && !call.options.consumed.contains(&key) {
            dropped.push(key.to_owned());
        }
    }
    dropped
}

fn message(given: MessageIn) -> Message {
    let mut message = Message {
        role: given.role,
        tool_calls: given.tool_calls.filter(|calls| !calls.is_empty()),
        tool_call_id: given.tool_call_id,
        ..Message::default()
    };
    // A plan of which tools to call is what other models say before they call them.
    let mut said: Vec<Part> =
        given.tool_plan.filter(|plan| !plan.is_empty()).map(Part::text).into_iter().collect();
    let content = given.content.as_deref().map_or("null", |content| content.get());
    said.extend(text(content).map(Part::text));
    for whole in elements(content).unwrap_or_default() {
        let part: PartIn = serde_json::from_str(whole).unwrap_or_default();
        match part.kind.as_deref() {
            Some("thinking") => {
                let thinking = part.thinking.unwrap_or_default();
                message.reasoning_content.get_or_insert_default().push_str(&thinking);
                if part.signature.is_some() {
                    message.thinking_blocks.get_or_insert_default().push(raw(whole));
                }
            }
            Some("document") => said.extend(part.document.as_ref().map(document)),
            Some("text") | None => said.extend(part.text.map(Part::text)),
            Some(_) => said.extend(serde_json::from_str::<Part>(whole)),
        }
    }
    message.content = joined(said);
    message
}

/// Texts alone are one text.
fn joined(parts: Vec<Part>) -> Option<Content> {
    if parts.is_empty() {
        return None;
    }
    if parts.iter().all(|part| part.kind == "text") {
        return Some(Content::Text(parts.into_iter().filter_map(|part| part.text).collect()));
    }
    Some(Content::Parts(parts))
}

/// A document as text: its data.
fn document(document: &Raw) -> Part {
    let data = read::<DocumentIn>(document).and_then(|view| view.data);
    let data = data.as_ref().unwrap_or(document);
    Part::text(read::<String>(data).unwrap_or_else(|| data.get().to_owned()))
}

fn format(given: FormatIn) -> Option<Raw> {
    if given.kind.as_deref()? != "json_object" {
        return None;
    }
    let Some(schema) = given.json_schema.or(given.schema) else {
        return Some(raw(r#"{"type":"json_object"}"#));
    };
    let mut named = Extra::new();
    named.push("name", raw("\"response\""));
    named.push("schema", schema);
    let named = to_raw(&named);
    Some(raw(format!(r#"{{"type":"json_schema","json_schema":{}}}"#, named.get())))
}

/// The effort that comes closest to a budget; without one the model decides.
fn effort(thinking: ThinkingIn) -> Option<Raw> {
    if thinking.kind.as_deref() == Some("disabled") {
        return None;
    }
    let word = match thinking.token_budget? {
        0..1024 => "\"minimal\"",
        1024..2048 => "\"low\"",
        2048..4096 => "\"medium\"",
        _ => "\"high\"",
    };
    Some(raw(word))
}

/// The body of `/v2/embed` and `/v1/embed`.
pub(super) fn embedding(call: &Call) -> Result<EmbeddingRequest> {
    let mut texts: Vec<String> = field(call, "texts", "a list of strings")?.unwrap_or_default();
    texts.extend(field::<Vec<String>>(call, "images", "a list of data URLs")?.unwrap_or_default());
    for input in field::<Vec<InputIn>>(call, "inputs", "a list of inputs")?.unwrap_or_default() {
        let parts = input.content.unwrap_or_default();
        texts.push(parts.iter().filter_map(text_or_url).collect());
    }
    if texts.is_empty() {
        return Err(Error::bad_field("texts", "`texts` is missing."));
    }
    Ok(EmbeddingRequest {
        model: call.model.clone(),
        input: Some(Prompt::Texts(texts)),
        dimensions: field(call, "output_dimension", "a whole number")?,
        ..EmbeddingRequest::default()
    })
}

fn text_or_url(part: &Part) -> Option<&str> {
    part.text.as_deref().or_else(|| part.image_url.as_ref().map(|image| image.url()))
}

/// A top-level member; none if it is absent or null.
fn field<T: DeserializeOwned>(call: &Call, name: &str, expected: &str) -> Result<Option<T>> {
    let Some(text) = call.body.raw(name).filter(|text| *text != "null") else { return Ok(None) };
    let read = serde_json::from_str(text);
    read.map(Some).map_err(|_| Error::bad_field(name, format!("`{name}` must be {expected}.")))
}
