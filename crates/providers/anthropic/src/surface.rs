//! The Messages API as clients speak it.

use ::http::{HeaderMap, Response};
use bytes::Bytes;
use lockgate_core::{
    Call, ChatReply, Error, ErrorKind, FinishReason, Format, Operation, Payload, Reply, Result,
    StreamEncoder, Surface, Usage,
    hub::{FunctionCall, Message, Request},
    surface::{Asked, Endpoint, refused},
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    AnthropicSurface, COUNT_TOKENS, MESSAGES,
    encoder::Encoder,
    parse,
    usage::Written,
    wire::{Body, raw},
};

/// Error types that clients know and that say more than a status. Not `invalid_request_error`: OpenAI calls nearly
/// everything so.
const ERROR_TYPES: [&str; 9] = [
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "timeout_error",
];

static ENDPOINTS: [Endpoint; 2] = [
    Endpoint::post(Operation::Chat, "/v1/messages", &["/anthropic/v1/messages"]),
    Endpoint::post(
        Operation::CountTokens,
        "/v1/messages/count_tokens",
        &["/anthropic/v1/messages/count_tokens"],
    ),
];

impl Surface for AnthropicSurface {
    fn id(&self) -> &'static str {
        "anthropic"
    }

    fn speaks_blocks(&self) -> bool {
        true
    }

    fn shows_asked_model(&self) -> bool {
        true
    }

    fn format(&self, operation: Operation) -> Format {
        match operation {
            Operation::CountTokens => COUNT_TOKENS,
            _ => MESSAGES,
        }
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        let call = Call::from_json(self, asked, headers, body)?;
        if call.model.is_empty() {
            return Err(Error::bad_field("model", "`model` is missing: it must name the model as a string."));
        }
        Ok(call)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        Ok(Request::Chat(Box::new(parse::chat(call)?)))
    }

    fn untranslated(&self, call: &Call) -> Vec<String> {
        parse::untranslated(call)
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        match reply {
            Reply::Chat(reply) => Ok(message(call, reply)?.into()),
            Reply::TokenCount { input } => Ok(format!(r#"{{"input_tokens":{input}}}"#).into()),
            _ => {
                Err(Error::internal(format!("The Messages API has no answer to a {} call.", call.operation)))
            }
        }
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(Encoder::new(call))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        refused(error, error.kind().status(), envelope(error))
    }

    fn keepalive(&self, _call: &Call) -> Bytes {
        Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n")
    }
}

/// An error in the envelope of the Messages API.
pub(crate) fn envelope(error: &Error) -> String {
    #[derive(Serialize)]
    struct Envelope<'a> {
        r#type: &'static str,
        error: Inner<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Inner<'a> {
        r#type: &'a str,
        message: &'a str,
    }
    let own = error.type_().filter(|type_| ERROR_TYPES.contains(type_));
    let inner = Inner { r#type: own.unwrap_or_else(|| error_type(error.kind())), message: error.message() };
    let envelope = Envelope { r#type: "error", error: inner, request_id: error.request_id() };
    serde_json::to_string(&envelope).unwrap_or_default()
}

fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ServiceUnavailable => "overloaded_error",
        ErrorKind::MidStream => "api_error",
        kind => match kind.status() {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            408 | 504 => "timeout_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        },
    }
}

/// Why the model stopped, in Anthropic's words.
pub(crate) fn stop_reason<'a>(
    reason: &'a FinishReason,
    native: Option<&'a str>,
    stop_sequence: Option<&str>,
    calls_tools: bool,
) -> &'a str {
    const NATIVE: [&str; 3] = ["pause_turn", "model_context_window_exceeded", "compaction"];
    if let Some(native) = native.filter(|native| NATIVE.contains(native)) {
        return native;
    }
    match reason {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls | FinishReason::FunctionCall => "tool_use",
        FinishReason::ContentFilter => "refusal",
        // Some providers say "stop" when they have called tools.
        _ if calls_tools => "tool_use",
        _ if stop_sequence.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

/// The arguments of a call as an object.
pub(crate) fn arguments(text: &str) -> Box<RawValue> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(object) if object.get().starts_with('{') => object.to_owned(),
        _ => raw("{}"),
    }
}

fn message(call: &Call, reply: &ChatReply) -> Result<Vec<u8>> {
    let choice = reply.choices.first();
    let mut body = Body::default();
    let id = if reply.id.is_empty() { format!("msg_{}", call.id) } else { reply.id.clone() };
    body.set("id", &id)?;
    body.set("type", "message")?;
    body.set("role", "assistant")?;
    let model = if reply.model.is_empty() { &call.model } else { &reply.model };
    body.set("model", model)?;
    let content = choice.map(|choice| content(&choice.message)).transpose()?.unwrap_or_default();
    body.set("content", &content)?;
    let calls_tools = choice.is_some_and(|choice| {
        choice.message.function_call.is_some()
            || choice.message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())
    });
    let stop_sequence = choice.and_then(|choice| choice.stop_sequence.as_deref());
    let native = choice.and_then(|choice| choice.native_finish.as_deref());
    let reason = choice.and_then(|choice| choice.finish.as_ref()).unwrap_or(&FinishReason::Stop);
    body.set("stop_reason", stop_reason(reason, native, stop_sequence, calls_tools))?;
    body.set("stop_sequence", &stop_sequence)?;
    let unknown = Usage::default();
    body.set("usage", &Written(reply.usage.as_ref().unwrap_or(&unknown)))?;
    Ok(body.into_bytes())
}

/// The blocks of an answer: thinking, text, tool calls.
fn content(message: &Message) -> Result<Vec<Box<RawValue>>> {
    let mut blocks = Vec::new();
    match (&message.thinking_blocks, &message.reasoning_content) {
        (Some(thinking), _) if !thinking.is_empty() => {
            blocks.extend(thinking.iter().map(|block| with_signature(block)))
        }
        (_, Some(thinking)) if !thinking.is_empty() => {
            let mut block = Body::default();
            block.set("type", "thinking")?;
            block.set("thinking", thinking)?;
            block.set("signature", "")?;
            blocks.push(block.into_raw());
        }
        _ => {}
    }
    let text = message.content.as_ref().map(|content| content.text());
    for text in
        [text.as_deref(), message.refusal.as_deref()].into_iter().flatten().filter(|text| !text.is_empty())
    {
        let mut block = Body::default();
        block.set("type", "text")?;
        block.set("text", text)?;
        blocks.push(block.into_raw());
    }
    for (position, call) in message.tool_calls.iter().flatten().enumerate() {
        let id = call.id.clone().unwrap_or_else(|| format!("toolu_{position}"));
        if let Some(function) = &call.function {
            let fields = call.provider_specific_fields.as_deref().and_then(signature);
            blocks.push(tool_use(&id, function, fields)?);
        }
    }
    if let Some(function) = &message.function_call {
        blocks.push(tool_use("toolu_function", function, None)?);
    }
    Ok(blocks)
}

/// A thinking block as clients know it: with a signature, though nobody signed it.
fn with_signature(block: &RawValue) -> Box<RawValue> {
    let text = block.get();
    match text.strip_suffix('}') {
        Some(open) if !text.contains("\"signature\"") && !text.contains("redacted_thinking") => {
            raw(format!("{open},\"signature\":\"\"}}"))
        }
        _ => block.to_owned(),
    }
}

/// What a call needs to be understood when it comes back, under LiteLLM's name on this surface.
pub(crate) fn signature(fields: &RawValue) -> Option<Box<RawValue>> {
    #[derive(serde::Deserialize)]
    struct Fields {
        thought_signature: String,
    }
    let fields: Fields = serde_json::from_str(fields.get()).ok()?;
    Some(raw(format!(r#"{{"signature":{}}}"#, lockgate_core::wire::quote(&fields.thought_signature))))
}

fn tool_use(id: &str, function: &FunctionCall, fields: Option<Box<RawValue>>) -> Result<Box<RawValue>> {
    let mut block = Body::default();
    block.set("type", "tool_use")?;
    block.set("id", id)?;
    block.set("name", function.name.as_deref().unwrap_or_default())?;
    block.set("input", &arguments(function.arguments.as_deref().unwrap_or_default()))?;
    block.set_some("provider_specific_fields", fields.as_ref())?;
    Ok(block.into_raw())
}
