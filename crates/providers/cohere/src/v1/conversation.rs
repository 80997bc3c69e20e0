//! The conversation and the tools in the words of `/v1/chat`, which others spell in their own way.

use std::borrow::Borrow;

use lockgate_core::{
    Extra, Notes, Raw,
    hub::{ChatRequest, Content, Message, Tool, ToolCall, ToolChoice},
    wire::view,
};
use serde_json::value::RawValue;

use crate::wire::{raw, read, to_raw};

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

/// How members are spelt whose names have several words.
pub struct Spelling {
    tool_results: &'static str,
    tool_calls: &'static str,
    parameter_definitions: &'static str,
    required: &'static str,
}

/// Cohere's own spelling.
const SNAKE: Spelling = Spelling {
    tool_results: "tool_results",
    tool_calls: "tool_calls",
    parameter_definitions: "parameter_definitions",
    required: "required",
};

/// The spelling of Oracle's cloud.
pub const CAMEL: Spelling = Spelling {
    tool_results: "toolResults",
    tool_calls: "toolCalls",
    parameter_definitions: "parameterDefinitions",
    required: "isRequired",
};

/// What is asked now (`message`, `tool_results`), what was said before (`chat_history`), and what the system says first
/// (`preamble`).
pub(super) fn write(messages: &[Message], body: &mut Extra, notes: &mut Notes) {
    let first = messages.iter().take_while(|message| is_system(message)).count();
    let (system, talk) = messages.split_at(first);
    let results = talk.iter().rev().take_while(|message| is_result(message)).count();
    let asked = results == 0 && talk.last().is_some_and(|message| message.role == "user");
    let now = if asked { 1 } else { results };
    let (before, now) = talk.split_at(talk.len().saturating_sub(now));
    let message = now.first().filter(|_| asked).map(|message| text(message, notes)).unwrap_or_default();
    body.push("message", to_raw(&message));
    if !system.is_empty() {
        let system: Vec<String> = system.iter().map(|message| text(message, notes)).collect();
        body.push("preamble", to_raw(&system.join("\n\n")));
    }
    let history = SNAKE.history(before, notes);
    if !history.is_empty() {
        body.push("chat_history", to_raw(&history));
    }
    if results > 0 {
        body.push("tool_results", to_raw(&tool_results(now, talk, notes)));
    }
}

/// The `tools`. None can be forced: a named one is offered alone.
pub(super) fn tools(request: &ChatRequest, body: &mut Extra, notes: &mut Notes) {
    let named = match &request.tool_choice {
        Some(ToolChoice::None) => return,
        Some(ToolChoice::Function(name)) => {
            notes.rewritten.push("tool_choice".to_owned());
            Some(name)
        }
        Some(ToolChoice::Required | ToolChoice::Other(_)) => {
            notes.dropped.push("tool_choice".to_owned());
            None
        }
        Some(ToolChoice::Auto) | None => None,
    };
    let given = request.tools.as_deref().unwrap_or_default();
    if given.iter().any(|tool| tool.function.is_none()) {
        notes.dropped.push("tools".to_owned());
    }
    let wanted = |tool: &&Tool| {
        named.is_none_or(|name| tool.function.as_ref().is_some_and(|function| function.name == *name))
    };
    let tools: Vec<Extra> = given.iter().filter(wanted).filter_map(|own| SNAKE.tool(own)).collect();
    if !tools.is_empty() {
        body.push("tools", to_raw(&tools));
    }
}

fn is_system(message: &Message) -> bool {
    matches!(message.role.as_str(), "system" | "developer")
}

/// Whether the message is the result of a call.
pub fn is_result(message: &Message) -> bool {
    matches!(message.role.as_str(), "tool" | "function")
}

impl Spelling {
    /// What was said before.
    pub fn history<M: Borrow<Message>>(&self, messages: &[M], notes: &mut Notes) -> Vec<Extra> {
        let mut history: Vec<Extra> = Vec::new();
        let mut rest = messages;
        while let Some((message, later)) = rest.split_first() {
            let message = message.borrow();
            let mut entry = Extra::new();
            if is_result(message) {
                let run = rest.iter().take_while(|message| is_result((*message).borrow())).count();
                let (results, later) = rest.split_at(run);
                entry.push("role", raw("\"TOOL\""));
                entry.push(self.tool_results, to_raw(&tool_results(results, messages, notes)));
                rest = later;
            } else {
                let role = match message.role.as_str() {
                    "assistant" => "CHATBOT",
                    _ if is_system(message) => "SYSTEM",
                    _ => "USER",
                };
                entry.push("role", to_raw(role));
                entry.push("message", to_raw(&text(message, notes)));
                let calls: Vec<Extra> = message.tool_calls.iter().flatten().map(tool_call).collect();
                if !calls.is_empty() {
                    entry.push(self.tool_calls, to_raw(&calls));
                }
                rest = later;
            }
            history.push(entry);
        }
        history
    }

    /// A function with its parameters by name; nothing if the tool is none.
    pub fn tool(&self, tool: &Tool) -> Option<Extra> {
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
            definition.push(self.required, to_raw(&required.iter().any(|own| own == name)));
            definitions.push(name, to_raw(&definition));
        }
        if !definitions.is_empty() {
            out.push(self.parameter_definitions, to_raw(&definitions));
        }
        Some(out)
    }
}

/// What a message says. Parts that are no text have no place here.
pub fn text(message: &Message, notes: &mut Notes) -> String {
    if let Some(Content::Parts(parts)) = &message.content
        && parts.iter().any(|part| part.text.is_none())
    {
        notes.dropped.push("messages.content".to_owned());
    }
    message.content.as_ref().map(Content::text).unwrap_or_default()
}

/// Results, each with the call that it answers.
pub fn tool_results<M: Borrow<Message>>(results: &[M], talk: &[M], notes: &mut Notes) -> Vec<Extra> {
    let calls: Vec<&ToolCall> =
        talk.iter().flat_map(|message| message.borrow().tool_calls.iter().flatten()).collect();
    let mut result = |message: &M| {
        let message = message.borrow();
        let own = calls.iter().rev().find(|call| call.id.is_some() && call.id == message.tool_call_id);
        let said = text(message, notes);
        // An output is an object; a text becomes one.
        let output = serde_json::from_str::<Extra>(&said).unwrap_or_else(|_| {
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
    results.iter().map(&mut result).collect()
}

fn tool_call(call: &ToolCall) -> Extra {
    let function = call.function.clone().unwrap_or_default();
    let arguments = serde_json::from_str::<Extra>(&function.arguments.unwrap_or_default());
    let mut out = Extra::new();
    out.push("name", to_raw(&function.name.unwrap_or_default()));
    out.push("parameters", to_raw(&arguments.unwrap_or_default()));
    out
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
