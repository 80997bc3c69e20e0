//! A Messages request into the hub.

mod history;
mod options;

use lockgate_core::{
    Call, Error, Result,
    hub::{ChatRequest, Stop},
    wire::{Object, view},
};
use serde::de::DeserializeOwned;

use crate::wire::raw;

/// Members that are read below, that mean nothing elsewhere, or that only Anthropic's own servers understand.
const READ: [&str; 21] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "metadata",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "context_management",
    "service_tier",
    "container",
    "mcp_servers",
    "betas",
    "speed",
];

/// Parses the body of `/v1/messages`, or of its token count.
pub(crate) fn chat(call: &Call) -> Result<ChatRequest> {
    let body = &call.body;
    let mut request = ChatRequest {
        model: call.model.clone(),
        max_tokens: field(body, "max_tokens", "a whole number")?,
        temperature: field(body, "temperature", "a number")?,
        top_p: field(body, "top_p", "a number")?,
        top_k: field(body, "top_k", "a number")?,
        stream: call.stream.then_some(true),
        ..ChatRequest::default()
    };
    let stop: Option<Vec<String>> = field(body, "stop_sequences", "a list of strings")?;
    request.stop = stop.filter(|stop| !stop.is_empty()).map(Stop::Many);
    request.messages = history::messages(body)?;
    if let Some(metadata) = field::<MetadataView>(body, "metadata", "an object")? {
        request.user = metadata.user_id;
    }
    options::tools(body, &mut request)?;
    options::reasoning(body, &mut request)?;
    if body.str("service_tier").as_deref() == Some("standard_only") {
        request.service_tier = Some("default".to_owned());
    }
    for member in body.members() {
        let own = READ.contains(&&*member.key) || call.options.consumed.contains(&&*member.key);
        let text = std::str::from_utf8(member.raw).unwrap_or("null");
        if !own && text != "null" {
            request.extra.push(&*member.key, raw(text));
        }
    }
    Ok(request)
}

view! {
    #[derive(Clone, Debug, Default)]
    struct MetadataView {
        user_id: Option<String>,
    }
}

/// A top-level member; none if it is absent or null.
fn field<T: DeserializeOwned>(body: &Object, name: &str, expected: &str) -> Result<Option<T>> {
    let Some(text) = body.raw(name).filter(|text| *text != "null") else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_| wrong(name, expected))
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::bad_field(name, format!("`{name}` must be {expected}."))
}
