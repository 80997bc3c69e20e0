//! The conversation and the tools as `/api/chat` takes them.

use lockgate_core::{
    Error, Extra, Media, Notes, Raw, Result,
    hub::{ChatRequest, Message, Tool, ToolCall, ToolChoice},
};

use crate::{
    media,
    wire::{raw, to_raw},
};

/// The `messages` member.
pub(crate) fn translate(request: &ChatRequest, media: &Media) -> Result<Raw> {
    let messages: Vec<Extra> =
        request.messages.iter().map(|message| self::message(message, media)).collect::<Result<_>>()?;
    Ok(to_raw(&messages))
}

/// The `tools` member. Ollama lets the model decide, so that a choice can only be made by what is offered.
pub(crate) fn tools(request: &ChatRequest, notes: &mut Notes) -> Option<Raw> {
    let mut tools: Vec<&Tool> = request.tools.iter().flatten().collect();
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => {
            notes.rewritten.push("tool_choice".to_owned());
            tools.clear();
        }
        Some(ToolChoice::Function(name)) => {
            notes.rewritten.push("tool_choice".to_owned());
            tools.retain(|tool| tool.function.as_ref().is_some_and(|function| function.name == *name));
        }
        Some(ToolChoice::Required | ToolChoice::Other(_)) => notes.dropped.push("tool_choice".to_owned()),
    }
    if tools.iter().any(|tool| tool.function.is_none()) {
        notes.dropped.push("tools".to_owned());
        tools.retain(|tool| tool.function.is_some());
    }
    (!tools.is_empty()).then(|| to_raw(&tools.into_iter().map(declaration).collect::<Vec<_>>()))
}

/// A call's name and its arguments as an object.
pub(crate) fn function(call: &ToolCall) -> Result<Extra> {
    let mut out = Extra::new();
    let function = call.function.as_ref();
    out.push("name", to_raw(function.and_then(|function| function.name.as_deref()).unwrap_or_default()));
    let text = function.and_then(|function| function.arguments.as_deref()).unwrap_or_default();
    let arguments = match text.trim() {
        "" | "null" => raw("{}"),
        text => serde_json::from_str::<Extra>(text).map(|_| raw(text)).map_err(|_| {
            Error::bad_field("messages", "The arguments of a tool call must be the text of a JSON object.")
        })?,
    };
    out.push("arguments", arguments);
    Ok(out)
}

fn message(message: &Message, media: &Media) -> Result<Extra> {
    let shown = media::shown(message.content.as_ref(), media)?;
    let role = match message.role.as_str() {
        "developer" => "system",
        "function" => "tool",
        role => role,
    };
    let mut out = Extra::new();
    out.push("role", to_raw(role));
    out.push("content", to_raw(&shown.text));
    out.push("images", to_raw(&shown.images));
    if let Some(reasoning) = message.reasoning_content.as_deref().filter(|text| !text.is_empty()) {
        out.push("thinking", to_raw(reasoning));
    }
    if let Some(calls) = message.tool_calls.as_ref().filter(|calls| !calls.is_empty()) {
        let calls: Vec<Extra> = calls.iter().map(tool_call).collect::<Result<_>>()?;
        out.push("tool_calls", to_raw(&calls));
    }
    if let Some(id) = &message.tool_call_id {
        out.push("tool_call_id", to_raw(id));
    }
    if role == "tool"
        && let Some(name) = &message.name
    {
        out.push("tool_name", to_raw(name));
    }
    Ok(out)
}

fn tool_call(call: &ToolCall) -> Result<Extra> {
    let mut out = Extra::new();
    out.push("function", to_raw(&function(call)?));
    Ok(out)
}

fn declaration(tool: &Tool) -> Extra {
    let mut out = Extra::new();
    let mut own = Extra::new();
    if let Some(function) = &tool.function {
        own.push("name", to_raw(&function.name));
        if let Some(description) = &function.description {
            own.push("description", to_raw(description));
        }
        if let Some(parameters) = &function.parameters {
            own.push("parameters", parameters.clone());
        }
    }
    out.push("type", raw("\"function\""));
    out.push("function", to_raw(&own));
    out
}
