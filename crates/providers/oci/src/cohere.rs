//! The `COHERE` format: one message, what was said before, tools with parameters by name.

use lockgate_cohere::v1::{CAMEL, is_result, text, tool_results};
use lockgate_core::{
    Extra, Notes, Raw,
    hub::{ChatRequest, Message},
    json::{raw, read, to_raw},
};
use serde_json::value::RawValue;

use crate::{
    generic::{self, Wanted},
    request,
};

/// OpenAI's parameters that are taken, without those of streams.
pub(crate) const TAKEN: [&str; 11] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tools",
    "top_k",
    "top_p",
];

pub(crate) fn write(request: &ChatRequest, chat: &mut Extra, notes: &mut Notes) {
    chat.push("apiFormat", raw("\"COHERE\""));
    conversation(&request.messages, chat, notes);
    chat.push("maxTokens", to_raw(&request::limit(request)));
    generic::numbers(request, chat);
    if let Some(stop) = &request.stop {
        chat.push("stopSequences", to_raw(stop.as_slice()));
    }
    if let Some(format) = request.response_format.as_deref().and_then(response_format) {
        chat.push("responseFormat", format);
    }
    let given = request.tools.as_deref().unwrap_or_default();
    let tools: Vec<Extra> = given.iter().filter_map(|own| CAMEL.tool(own)).collect();
    if tools.len() < given.len() {
        notes.dropped.push("tools".to_owned());
    }
    if !tools.is_empty() {
        chat.push("tools", to_raw(&tools));
    }
}

/// What is asked now, what was said before, and what the system says.
fn conversation(messages: &[Message], chat: &mut Extra, notes: &mut Notes) {
    let is_system = |message: &&Message| matches!(message.role.as_str(), "system" | "developer");
    let (system, talk): (Vec<&Message>, Vec<&Message>) = messages.iter().partition(is_system);
    let results = talk.iter().rev().take_while(|message| is_result(message)).count();
    let asked = results == 0 && talk.last().is_some_and(|message| message.role == "user");
    let now = if asked { 1 } else { results };
    let (before, now) = talk.split_at(talk.len().saturating_sub(now));
    let message = now.first().filter(|_| asked).map(|message| text(message, notes)).unwrap_or_default();
    chat.push("message", to_raw(&message));
    chat.push("chatHistory", to_raw(&CAMEL.history(before, notes)));
    if results > 0 {
        chat.push("toolResults", to_raw(&tool_results(now, &talk, notes)));
    }
    let system: Vec<String> = system.into_iter().map(|message| text(message, notes)).collect();
    if !system.is_empty() {
        chat.push("preambleOverride", to_raw(&system.join("\n\n")));
    }
}

fn response_format(format: &RawValue) -> Option<Raw> {
    let wanted: Wanted = read(format)?;
    let mut out = Extra::new();
    match wanted.kind.as_deref()? {
        "json_object" | "json_schema" => {
            out.push("type", raw("\"JSON_OBJECT\""));
            if let Some(schema) = wanted.json_schema.and_then(|given| given.schema) {
                out.push("schema", schema);
            }
        }
        _ => out.push("type", raw("\"TEXT\"")),
    }
    Some(to_raw(&out))
}
