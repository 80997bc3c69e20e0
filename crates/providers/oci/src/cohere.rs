//! The `COHERE` format: one message, what was said before, tools with parameters by name.

use lockgate_core::{
    Extra, Notes, Raw,
    hub::{ChatRequest, Content, Message, Tool, ToolCall},
    json::{raw, read, to_raw},
    wire::view,
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
    let tools: Vec<Extra> = given.iter().filter_map(tool).collect();
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
    let results = talk.iter().rev().take_while(|message| is_tool(message)).count();
    let asked = results == 0 && talk.last().is_some_and(|message| message.role == "user");
    let now = if asked { 1 } else { results };
    let (before, now) = talk.split_at(talk.len().saturating_sub(now));
    let message = now.first().filter(|_| asked).map(|message| text(message, notes)).unwrap_or_default();
    chat.push("message", to_raw(&message));
    chat.push("chatHistory", to_raw(&history(before, notes)));
    if results > 0 {
        chat.push("toolResults", to_raw(&tool_results(now, &talk)));
    }
    let system: Vec<String> = system.into_iter().map(|message| text(message, notes)).collect();
    if !system.is_empty() {
        chat.push("preambleOverride", to_raw(&system.join("\n\n")));
    }
}

fn history(messages: &[&Message], notes: &mut Notes) -> Vec<Extra> {
    let mut history: Vec<Extra> = Vec::new();
    let mut rest = messages;
    while let Some((message, later)) = rest.split_first() {
        let mut entry = Extra::new();
        if is_tool(message) {
            let run = rest.iter().take_while(|message| is_tool(message)).count();
            let (results, later) = rest.split_at(run);
            entry.push("role", raw("\"TOOL\""));
            entry.push("toolResults", to_raw(&tool_results(results, messages)));
            rest = later;
        } else {
            let role = if message.role == "assistant" { "CHATBOT" } else { "USER" };
            entry.push("role", to_raw(role));
            entry.push("message", to_raw(&text(message, notes)));
            let calls: Vec<Extra> = message.tool_calls.iter().flatten().map(tool_call).collect();
            if !calls.is_empty() {
                entry.push("toolCalls", to_raw(&calls));
            }
            rest = later;
        }
        history.push(entry);
    }
    history
}

fn is_tool(message: &Message) -> bool {
    matches!(message.role.as_str(), "tool" | "function")
}

/// Parts that are no text have no place here.
fn text(message: &Message, notes: &mut Notes) -> String {
    if let Some(Content::Parts(parts)) = &message.content
        && parts.iter().any(|part| part.text.is_none())
    {
        notes.dropped.push("messages.content".to_owned());
    }
    message.content.as_ref().map(Content::text).unwrap_or_default()
}

/// Results, each with the call that it answers.
fn tool_results(results: &[&Message], talk: &[&Message]) -> Vec<Extra> {
    let calls: Vec<&ToolCall> = talk.iter().flat_map(|message| message.tool_calls.iter().flatten()).collect();
    let result = |message: &&Message| {
        let own = calls.iter().rev().find(|call| call.id.is_some() && call.id == message.tool_call_id);
        let said = message.content.as_ref().map(Content::text).unwrap_or_default();
        // An output is an object; a text becomes one.
        let output = read::<Extra>(&raw(said.clone())).unwrap_or_else(|| {
            let mut output = Extra::new();
            output.push("output", to_raw(&said));
            output
        });
        let mut entry = Extra::new();
        if let Some(call) = own {
            entry.push("call", to_raw(&tool_call(call)));
        }
        entry.push("outputs", to_raw(&[output]));
        entry
    };
    results.iter().map(result).collect()
}

fn tool_call(call: &ToolCall) -> Extra {
    let function = call.function.clone().unwrap_or_default();
    let arguments = raw(function.arguments.unwrap_or_default());
    let mut out = Extra::new();
    out.push("name", to_raw(&function.name.unwrap_or_default()));
    out.push("parameters", to_raw(&read::<Extra>(&arguments).unwrap_or_default()));
    out
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Parameters {
        properties: Option<Extra>,
        required: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Property {
        kind as "type": Option<Raw>,
        description: Option<String>,
    }
}

fn tool(tool: &Tool) -> Option<Extra> {
    let function = tool.function.as_ref()?;
    let mut out = Extra::new();
    out.push("name", to_raw(&function.name));
    out.push("description", to_raw(function.description.as_deref().unwrap_or_default()));
    let given: Parameters = function.parameters.as_deref().and_then(read).unwrap_or_default();
    let required: Vec<String> = given.required.as_deref().and_then(read).unwrap_or_default();
    let mut definitions = Extra::new();
    for (name, property) in given.properties.iter().flat_map(Extra::iter) {
        let property: Property = read(property).unwrap_or_default();
        let mut definition = Extra::new();
        if let Some(description) = &property.description {
            definition.push("description", to_raw(description));
        }
        definition.push("type", to_raw(python_type(property.kind.as_deref())));
        definition.push("isRequired", to_raw(&required.iter().any(|own| own == name)));
        definitions.push(name, to_raw(&definition));
    }
    if !definitions.is_empty() {
        out.push("parameterDefinitions", to_raw(&definitions));
    }
    Some(out)
}

/// Cohere names types as Python does.
fn python_type(kind: Option<&RawValue>) -> &'static str {
    match kind.and_then(read::<String>).as_deref() {
        Some("integer") => "int",
        Some("number") => "float",
        Some("boolean") => "bool",
        Some("array") => "list",
        Some("object") => "dict",
        _ => "str",
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
