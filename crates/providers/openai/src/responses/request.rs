//! A chat as a Responses request.

use std::borrow::Cow;

use lockgate_core::{
    Error, Extra, Payload, Raw, Result,
    hub::{ChatRequest, Content, Message, Part, Tool, ToolChoice},
    wire::quote,
};

use super::reasoning;
use crate::json::{Json, list, written};

/// Writes the body. `blocks`: for a client of a surface of blocks ([`Surface::speaks_blocks`]), whose tools are not
/// strict and who may send encrypted reasoning back.
///
/// [`Surface::speaks_blocks`]: lockgate_core::Surface::speaks_blocks
pub(crate) fn encode(chat: &ChatRequest, blocks: bool, stream: bool) -> Result<Payload> {
    let (instructions, input) = input(&chat.messages, blocks)?;
    let mut json = Json::new().text("model", &chat.model).raw("input", &list(input));
    if !instructions.is_empty() {
        json = json.text("instructions", &instructions);
    }
    if blocks && !chat.extra.contains("include") {
        json = json.raw("include", "[\"reasoning.encrypted_content\"]");
    }
    if let Some(limit) = chat.max_output() {
        json = json.raw("max_output_tokens", &limit.to_string());
    }
    if stream {
        json = json.raw("stream", "true");
    }
    let json = tools(json, chat, blocks);
    let json = output_form(json, chat);
    let json = plain_members(json, chat);
    Ok(Payload::from(json.into_text()))
}

fn tools(mut json: Json, chat: &ChatRequest, blocks: bool) -> Json {
    let own = chat.tools.iter().flatten().map(|own| tool(own, blocks));
    let search = chat.web_search_options.iter().map(|options| {
        let options: Extra = serde_json::from_str(options.get()).unwrap_or_default();
        Json::new().text("type", "web_search").extra(&options).into_text()
    });
    let mut tools = own.chain(search).peekable();
    if tools.peek().is_some() {
        json = json.raw("tools", &list(tools));
    }
    match &chat.tool_choice {
        Some(ToolChoice::Function(name)) => {
            let choice = Json::new().text("type", "function").text("name", name);
            json = json.raw("tool_choice", &choice.into_text());
        }
        Some(choice) => json = json.raw("tool_choice", &written(choice)),
        None => {}
    }
    match chat.parallel_tool_calls {
        Some(parallel) => json.raw("parallel_tool_calls", if parallel { "true" } else { "false" }),
        None => json,
    }
}

/// A function stands flat in this API; hosted tools stay as they are.
fn tool(tool: &Tool, blocks: bool) -> String {
    let Some(function) = &tool.function else { return written(tool) };
    let mut json = Json::new().text("type", "function").text("name", &function.name);
    json = json.maybe("description", function.description.as_deref());
    if let Some(parameters) = &function.parameters {
        json = json.raw("parameters", parameters.get());
    }
    match function.strict {
        Some(strict) => json = json.raw("strict", if strict { "true" } else { "false" }),
        // This API is strict unless told otherwise.
        None if blocks => json = json.raw("strict", "false"),
        None => {}
    }
    json.extra(&function.extra).into_text()
}

/// `response_format`, `verbosity` and `reasoning_effort` in this API's words.
fn output_form(mut json: Json, chat: &ChatRequest) -> Json {
    let mut text = Json::new();
    let mut any = false;
    if let Some(format) = &chat.response_format {
        text = text.raw("format", &flat_format(format));
        any = true;
    }
    if let Some(verbosity) = &chat.verbosity {
        text = text.text("verbosity", verbosity);
        any = true;
    }
    if any {
        json = json.raw("text", &text.into_text());
    }
    match &chat.reasoning_effort {
        Some(effort) if effort.get().starts_with('{') => json.raw("reasoning", effort.get()),
        Some(effort) => json.raw("reasoning", &format!("{{\"effort\":{}}}", effort.get())),
        None => json,
    }
}

/// `{"type": "json_schema", "json_schema": {…}}` with the inner object's members beside the type.
fn flat_format(format: &Raw) -> Cow<'_, str> {
    let Ok(mut outer) = serde_json::from_str::<Extra>(format.get()) else { return format.get().into() };
    let Some(inner) = outer.remove("json_schema") else { return format.get().into() };
    let inner: Extra = serde_json::from_str(inner.get()).unwrap_or_default();
    Json::new().extra(&outer).extra(&inner).into_text().into()
}

/// Members that have the same name and form in both APIs, and all that neither side knows.
fn plain_members(json: Json, chat: &ChatRequest) -> Json {
    let numbers = [("temperature", &chat.temperature), ("top_p", &chat.top_p)];
    let json = numbers.into_iter().fold(json, |json, (key, value)| match value {
        Some(value) => json.raw(key, &value.to_string()),
        None => json,
    });
    let words = [
        ("user", &chat.user),
        ("service_tier", &chat.service_tier),
        ("safety_identifier", &chat.safety_identifier),
        ("prompt_cache_key", &chat.prompt_cache_key),
    ];
    let json = words.into_iter().fold(json, |json, (key, value)| json.maybe(key, value.as_deref()));
    let raws = [
        ("metadata", chat.metadata.as_ref()),
        ("prompt_cache_retention", chat.prompt_cache_retention.as_ref()),
        ("context_management", chat.context_management.as_ref()),
    ];
    let json = raws.into_iter().fold(json, |json, (key, value)| match value {
        Some(value) => json.raw(key, value.get()),
        None => json,
    });
    let json = match chat.store {
        Some(store) => json.raw("store", if store { "true" } else { "false" }),
        None => json,
    };
    let json = match chat.top_logprobs {
        Some(count) => json.raw("top_logprobs", &count.to_string()),
        None => json,
    };
    json.extra(&chat.extra)
}

/// The conversation as items, and the system's words as instructions.
fn input(messages: &[Message], blocks: bool) -> Result<(String, Vec<String>)> {
    let mut instructions = String::new();
    let mut items = Vec::new();
    for message in messages {
        match message.role.as_str() {
            "system" => {
                let text = match &message.content {
                    Some(Content::Text(text)) => text.clone(),
                    Some(Content::Parts(parts)) => {
                        let texts: Vec<&str> = parts.iter().filter_map(|part| part.text.as_deref()).collect();
                        texts.join("\n")
                    }
                    None => continue,
                };
                if !instructions.is_empty() {
                    instructions.push('\n');
                }
                instructions.push_str(&text);
            }
            "assistant" => assistant(message, blocks, &mut items),
            "tool" | "function" => items.push(tool_output(message, blocks)?),
            role => items.push(spoken(role, message, blocks)),
        }
    }
    Ok((instructions, items))
}

fn assistant(message: &Message, blocks: bool, items: &mut Vec<String>) {
    if let Some(list) = message.extra.get("reasoning_items") {
        let list = serde_json::from_str::<Vec<Raw>>(list.get()).unwrap_or_default();
        items.extend(list.iter().map(|item| item.get().to_owned()));
    }
    items.extend(message.thinking_blocks.iter().flatten().filter_map(reasoning::item));
    let text = message.content.as_ref().map(Content::text).filter(|text| !text.is_empty());
    let said = text.map(|text| {
        let part = Json::new().text("type", "output_text").text("text", &text).into_text();
        Json::new()
            .text("type", "message")
            .text("role", "assistant")
            .raw("content", &format!("[{part}]"))
            .into_text()
    });
    let calls = message.tool_calls.iter().flatten().map(|call| {
        let function = call.function.clone().unwrap_or_default();
        Json::new()
            .text("type", "function_call")
            .text("call_id", call.id.as_deref().unwrap_or_default())
            .text("name", function.name.as_deref().unwrap_or_default())
            .text("arguments", function.arguments.as_deref().unwrap_or("{}"))
            .into_text()
    });
    if blocks {
        items.extend(calls);
        items.extend(said);
    } else {
        items.extend(said);
        items.extend(calls);
    }
}

fn tool_output(message: &Message, blocks: bool) -> Result<String> {
    let id = message.tool_call_id.as_deref().ok_or_else(|| {
        Error::bad_field("messages", "A tool message needs the `tool_call_id` of the call that it answers.")
    })?;
    let texts: Vec<&str> = match &message.content {
        Some(Content::Text(text)) => vec![text],
        Some(Content::Parts(parts)) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        None => Vec::new(),
    };
    let output =
        if blocks { quote(&texts.join("\n")) } else { list(texts.iter().map(|text| input_text(text))) };
    Ok(Json::new()
        .text("type", "function_call_output")
        .text("call_id", id)
        .raw("output", &output)
        .into_text())
}

fn spoken(role: &str, message: &Message, blocks: bool) -> String {
    let parts = match &message.content {
        Some(Content::Text(text)) => list([input_text(text)]),
        Some(Content::Parts(parts)) => list(parts.iter().map(|own| part(own, blocks))),
        None => "[]".to_owned(),
    };
    Json::new().text("type", "message").text("role", role).raw("content", &parts).into_text()
}

fn part(part: &Part, blocks: bool) -> String {
    if let Some(image) = &part.image_url {
        let json = Json::new().text("type", "input_image").text("image_url", image.url());
        let detail = image.object.detail.as_deref().or((!blocks).then_some("auto"));
        return json.maybe("detail", detail).into_text();
    }
    if let Some(file) = &part.file {
        return Json::new()
            .text("type", "input_file")
            .maybe("file_id", file.file_id.as_deref())
            .maybe("file_data", file.file_data.as_deref())
            .maybe("filename", file.filename.as_deref())
            .into_text();
    }
    match &part.text {
        Some(text) => input_text(text),
        None => written(part),
    }
}

fn input_text(text: &str) -> String {
    Json::new().text("type", "input_text").text("text", text).into_text()
}
