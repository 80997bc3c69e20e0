//! A Messages request into the hub.

mod history;
mod options;

use lockgate_core::{
    Call, Error, Result,
    hub::{ChatRequest, Stop},
    wire::{Object, Whole, view},
};
use serde::de::DeserializeOwned;

use crate::wire::raw;

/// Members that only servers of Anthropic's format understand.
const OWN: [&str; 5] = ["context_management", "container", "mcp_servers", "betas", "speed"];

/// Members that are read below.
const READ: [&str; 16] = [
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
    "service_tier",
];

/// Parses the body of `/v1/messages`, or of its token count.
pub(crate) fn chat(call: &Call) -> Result<ChatRequest> {
    let body = &call.body;
    let mut request = ChatRequest {
        model: call.model.clone(),
        max_tokens: field(body, "max_tokens", "a whole number")?.map(|Whole(number)| number),
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
        let lists: [&[&str]; 3] = [&READ, &OWN, &call.options.consumed];
        let known = lists.iter().any(|list| list.contains(&&*member.key));
        let text = std::str::from_utf8(member.raw).unwrap_or("null");
        if !known && text != "null" {
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

/// What has no place in the hub: members and beta features of Anthropic's own.
pub(crate) fn untranslated(call: &Call) -> Vec<String> {
    let members = OWN.iter().filter(|name| call.body.raw(name).is_some_and(|value| value != "null"));
    let mut dropped: Vec<String> = members.map(|name| (*name).to_owned()).collect();
    let headers = call.headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
    let features = headers.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
    dropped.extend(features.map(|feature| format!("anthropic-beta:{feature}")));
    dropped
}

/// A top-level member; none if it is absent or null.
fn field<T: DeserializeOwned>(body: &Object, name: &str, expected: &str) -> Result<Option<T>> {
    let Some(text) = body.raw(name).filter(|text| *text != "null") else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_| wrong(name, expected))
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::bad_field(name, format!("`{name}` must be {expected}."))
}
