//! The conversation and the tools in Cohere's words, which are nearly OpenAI's.

use lockgate_core::{
    Extra, Notes, Raw,
    hub::{ChatRequest, Content, Message, Part, Tool, ToolCall, ToolChoice},
};

use crate::wire::{raw, to_raw};

/// The `messages` member.
pub(crate) fn translate(request: &ChatRequest, model: &str) -> Raw {
    // Only reasoning models take thoughts back; for the others they were a plan of which tools to call.
    let thinks = model.contains("reasoning");
    let messages: Vec<Extra> =
        request.messages.iter().map(|message| self::message(message, thinks)).collect();
    to_raw(&messages)
}

/// The `tools` and `tool_choice` members.
pub(crate) fn tools(request: &ChatRequest, body: &mut Extra, notes: &mut Notes) {
    let given = request.tools.iter().flatten();
    let named = match &request.tool_choice {
        Some(ToolChoice::Function(name)) => Some(name),
        _ => None,
    };
    let (mut tools, mut unknown) = (Vec::new(), false);
    for tool in given {
        match &tool.function {
            None => unknown = true,
            Some(function) if named.is_none_or(|name| function.name == *name) => {
                tools.push(declaration(tool))
            }
            Some(_) => {}
        }
    }
    if unknown {
        notes.dropped.push("tools".to_owned());
    }
    if tools.is_empty() {
        return;
    }
    body.push("tools", to_raw(&tools));
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => body.push("tool_choice", raw("\"NONE\"")),
        Some(ToolChoice::Required) => body.push("tool_choice", raw("\"REQUIRED\"")),
        Some(ToolChoice::Function(_)) => {
            notes.rewritten.push("tool_choice".to_owned());
            body.push("tool_choice", raw("\"REQUIRED\""));
        }
        Some(ToolChoice::Other(_)) => notes.dropped.push("tool_choice".to_owned()),
    }
}

fn message(message: &Message, thinks: bool) -> Extra {
    let mut out = Extra::new();
    let role = match message.role.as_str() {
        "developer" => "system",
        "function" => "tool",
        role => role,
    };
    out.push("role", to_raw(role));
    if let Some(id) = &message.tool_call_id {
        out.push("tool_call_id", to_raw(id));
    }
    let calls = message.tool_calls.as_deref().unwrap_or_default();
    let reasoning =
        message.reasoning_content.as_deref().filter(|text| role == "assistant" && !text.is_empty());
    let parts =
        message.content.as_ref().map(|content| matches!(content, Content::Parts(list) if list.is_empty()));
    match (reasoning, &message.content) {
        // A list of nothing is no content, and a user's message must have one.
        _ if role == "user" && parts.unwrap_or(true) => out.push("content", raw("\"\"")),
        (Some(thoughts), content) if thinks => {
            let mut parts = vec![thinking(thoughts)];
            parts.extend(content.iter().filter(|content| !content.is_empty()).flat_map(parts_of));
            out.push("content", to_raw(&parts));
        }
        // An empty text beside tool calls says nothing, and Cohere does not take it.
        (_, Some(content)) if calls.is_empty() || !content.is_empty() => match content {
            Content::Text(text) => out.push("content", to_raw(text)),
            Content::Parts(_) => out.push("content", to_raw(&parts_of(content))),
        },
        _ => {}
    }
    if !calls.is_empty() {
        if let Some(plan) = reasoning.filter(|_| !thinks) {
            out.push("tool_plan", to_raw(plan));
        }
        out.push("tool_calls", to_raw(&calls.iter().map(tool_call).collect::<Vec<_>>()));
    }
    out
}

fn parts_of(content: &Content) -> Vec<Raw> {
    let part = |part: &Part| to_raw(&Part { cache_control: None, ..part.clone() });
    match content {
        Content::Text(text) => vec![part(&Part::text(text))],
        Content::Parts(parts) => parts.iter().map(part).collect(),
    }
}

fn thinking(text: &str) -> Raw {
    let mut part = Extra::new();
    part.push("type", raw("\"thinking\""));
    part.push("thinking", to_raw(text));
    to_raw(&part)
}

fn tool_call(call: &ToolCall) -> ToolCall {
    ToolCall {
        id: call.id.clone(),
        kind: Some("function".to_owned()),
        function: call.function.clone(),
        ..ToolCall::default()
    }
}

fn declaration(tool: &Tool) -> Tool {
    let mut tool = Tool { kind: "function".to_owned(), cache_control: None, ..tool.clone() };
    if let Some(function) = &mut tool.function {
        function.cache_control = None;
    }
    tool
}
