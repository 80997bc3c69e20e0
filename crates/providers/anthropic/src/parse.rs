//! A Messages request into the hub.

use lockgate_core::{
    Call, Error, Extra, Raw, Result,
    hub::{
        ChatRequest, Content, File, FunctionCall, FunctionDef, ImageUrl, Message, Part, Stop, Tool, ToolCall,
        ToolChoice,
    },
    wire::{Object, view},
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    thinking::effort_for,
    wire::{BlockView, raw, to_raw},
};

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
    request.messages = messages(body)?;
    if let Some(metadata) = field::<MetadataView>(body, "metadata", "an object")? {
        request.user = metadata.user_id;
    }
    tools(body, &mut request)?;
    reasoning(body, &mut request)?;
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

view! {
    #[derive(Clone, Debug, Default)]
    struct MessageIn {
        role: String,
        content: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ToolIn {
        kind as "type": Option<String>,
        name: String,
        description: Option<String>,
        input_schema: Option<Raw>,
        strict: Option<bool>,
        cache_control: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ChoiceIn {
        kind as "type": Option<String>,
        name: Option<String>,
        disable_parallel_tool_use: Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ThinkingIn {
        kind as "type": Option<String>,
        budget_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct OutputIn {
        effort: Option<String>,
        format: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct FormatIn {
        kind as "type": Option<String>,
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct SourceIn {
        kind as "type": Option<String>,
        media_type: Option<String>,
        data: Option<String>,
        url: Option<String>,
        file_id: Option<String>,
        content: Option<Raw>,
    }
}

fn messages(body: &Object) -> Result<Vec<Message>> {
    let mut out = Vec::new();
    if let Some(system) = body.raw("system").filter(|system| *system != "null") {
        let blocks = blocks(system).ok_or_else(|| wrong("system", "a string or a list of text blocks"))?;
        if let Some(content) = user_content(blocks)? {
            out.push(Message { role: "system".to_owned(), content: Some(content), ..Message::default() });
        }
    }
    let given: Option<Vec<MessageIn>> = field(body, "messages", "a list of messages")?;
    let given = given.ok_or_else(|| Error::bad_field("messages", "`messages` is missing."))?;
    for (at, message) in given.into_iter().enumerate() {
        let content = message.content.as_ref().map_or("\"\"", |content| content.get());
        let blocks = blocks(content).ok_or_else(|| {
            wrong(&format!("messages.{at}.content"), "a string or a list of content blocks")
        })?;
        if message.role == "assistant" {
            out.push(assistant(blocks));
        } else {
            user(message.role, blocks, &mut out)?;
        }
    }
    Ok(out)
}

/// A content: a text, or blocks.
enum Blocks {
    Text(String),
    List(Vec<(BlockView, Raw)>),
}

fn blocks(json: &str) -> Option<Blocks> {
    if json.starts_with('"') {
        return serde_json::from_str(json).ok().map(Blocks::Text);
    }
    let list: Vec<Raw> = serde_json::from_str(json).ok()?;
    let list = list.into_iter().map(|raw| {
        if raw.get().starts_with('"') {
            let text = serde_json::from_str(raw.get()).ok();
            return Some((BlockView { kind: "text".to_owned(), text, ..BlockView::default() }, raw));
        }
        Some((serde_json::from_str(raw.get()).ok()?, raw))
    });
    list.collect::<Option<Vec<_>>>().map(Blocks::List)
}

/// A user's turn: tool results become messages of their own, before all else.
fn user(role: String, blocks: Blocks, out: &mut Vec<Message>) -> Result<()> {
    let blocks = match blocks {
        Blocks::List(list) => {
            let (results, others): (Vec<_>, Vec<_>) =
                list.into_iter().partition(|(block, _)| block.kind == "tool_result");
            for (result, _) in results {
                out.push(tool_result(result)?);
            }
            Blocks::List(others)
        }
        text => text,
    };
    if let Some(content) = user_content(blocks)? {
        out.push(Message { role, content: Some(content), ..Message::default() });
    }
    Ok(())
}

fn user_content(blocks: Blocks) -> Result<Option<Content>> {
    let list = match blocks {
        Blocks::Text(text) => return Ok(Some(Content::Text(text))),
        Blocks::List(list) => list,
    };
    let mut parts = Vec::new();
    for (block, whole) in list {
        part(block, &whole, &mut parts)?;
    }
    Ok((!parts.is_empty()).then_some(Content::Parts(parts)))
}

fn tool_result(block: BlockView) -> Result<Message> {
    let content = block.content.as_ref().map_or("\"\"", |content| content.get());
    let blocks = blocks(content)
        .ok_or_else(|| wrong("messages.content.content", "a string or a list of content blocks"))?;
    Ok(Message {
        role: "tool".to_owned(),
        tool_call_id: block.tool_use_id,
        content: Some(user_content(blocks)?.unwrap_or_else(|| Content::Text(String::new()))),
        cache_control: block.cache_control,
        ..Message::default()
    })
}

/// An assistant's turn. Signed thinking stays as it is, byte for byte.
fn assistant(blocks: Blocks) -> Message {
    let mut message = Message { role: "assistant".to_owned(), ..Message::default() };
    let list = match blocks {
        Blocks::Text(text) => {
            message.content = Some(Content::Text(text));
            return message;
        }
        Blocks::List(list) => list,
    };
    let mut texts: Vec<Part> = Vec::new();
    for (block, whole) in list {
        match block.kind.as_str() {
            "text" => texts.push(Part {
                cache_control: block.cache_control,
                ..Part::text(block.text.unwrap_or_default())
            }),
            "thinking" => {
                let thinking = block.thinking.unwrap_or_default();
                message.reasoning_content.get_or_insert_default().push_str(&thinking);
                message.thinking_blocks.get_or_insert_default().push(whole);
            }
            "redacted_thinking" => message.thinking_blocks.get_or_insert_default().push(whole),
            "tool_use" => message.tool_calls.get_or_insert_default().push(tool_call(block)),
            // Calls of hosted tools and their results: what they led to is in the text.
            _ => {}
        }
    }
    let marked = texts.iter().any(|part| part.cache_control.is_some());
    message.content = match texts.is_empty() {
        true => None,
        false if marked => Some(Content::Parts(texts)),
        false => Some(Content::Text(texts.into_iter().filter_map(|part| part.text).collect())),
    };
    message
}

fn tool_call(block: BlockView) -> ToolCall {
    let arguments = block.input.as_deref().map_or("{}", RawValue::get).to_owned();
    ToolCall {
        id: block.id,
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: block.name,
            arguments: Some(arguments),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    }
}

/// One block of a user's content as parts.
fn part(block: BlockView, whole: &RawValue, parts: &mut Vec<Part>) -> Result<()> {
    let cache_control = block.cache_control.clone();
    match block.kind.as_str() {
        "text" => parts.push(Part { cache_control, ..Part::text(block.text.unwrap_or_default()) }),
        "image" | "document" => {
            let source = block.source.as_ref().map_or("null", |source| source.get());
            let source: SourceIn = serde_json::from_str::<Option<SourceIn>>(source)
                .ok()
                .flatten()
                .ok_or_else(|| wrong("messages.content.source", "an object"))?;
            media(source, &block, cache_control, parts)?;
        }
        "search_result" => parts.extend(texts_within(block.content.as_ref())),
        "container_upload" => {
            let file_id = block.extra.get("file_id").and_then(|id| serde_json::from_str(id.get()).ok());
            let file = File { file_id, ..File::default() };
            parts.push(Part { kind: "file".to_owned(), file: Some(file), cache_control, ..Part::default() });
        }
        _ => {
            let part = serde_json::from_str(whole.get());
            parts.push(part.map_err(|_| wrong("messages.content", "a list of content blocks"))?);
        }
    }
    Ok(())
}

fn media(
    source: SourceIn,
    block: &BlockView,
    cache_control: Option<Raw>,
    parts: &mut Vec<Part>,
) -> Result<()> {
    let image = |url: String| Part {
        kind: "image_url".to_owned(),
        image_url: Some(ImageUrl::new(url)),
        cache_control: cache_control.clone(),
        ..Part::default()
    };
    match source.kind.as_deref() {
        Some("base64") => {
            let usual = if block.kind == "image" { "image/png" } else { "application/pdf" };
            let media_type = source.media_type.unwrap_or_else(|| usual.to_owned());
            parts.push(image(format!("data:{media_type};base64,{}", source.data.unwrap_or_default())));
        }
        Some("url") => parts.push(image(source.url.unwrap_or_default())),
        Some("text") => {
            parts.push(Part { cache_control, ..Part::text(source.data.unwrap_or_default()) });
        }
        Some("content") => parts.extend(texts_within(source.content.as_ref())),
        Some("file") => {
            let file = File { file_id: source.file_id, ..File::default() };
            parts.push(Part { kind: "file".to_owned(), file: Some(file), cache_control, ..Part::default() });
        }
        _ => return Err(wrong("messages.content.source.type", "base64, url, text, content or file")),
    }
    Ok(())
}

/// The texts of blocks within a block.
fn texts_within(content: Option<&Raw>) -> Vec<Part> {
    match content.and_then(|content| blocks(content.get())) {
        Some(Blocks::Text(text)) => vec![Part::text(text)],
        Some(Blocks::List(list)) => {
            list.into_iter().filter_map(|(block, _)| block.text).map(Part::text).collect()
        }
        None => Vec::new(),
    }
}

fn tools(body: &Object, request: &mut ChatRequest) -> Result<()> {
    let given: Option<Vec<Raw>> = field(body, "tools", "a list of tools")?;
    let mut tools = Vec::new();
    for whole in given.into_iter().flatten() {
        let tool: ToolIn = serde_json::from_str(whole.get())
            .map_err(|_| wrong("tools", "a list of tools, each with a `name`"))?;
        tools.push(match tool.kind.as_deref() {
            None | Some("custom") => Tool {
                kind: "function".to_owned(),
                function: Some(FunctionDef {
                    name: tool.name,
                    description: tool.description,
                    parameters: tool.input_schema,
                    strict: tool.strict,
                    ..FunctionDef::default()
                }),
                cache_control: tool.cache_control,
                ..Tool::default()
            },
            Some(_) => serde_json::from_str(whole.get()).map_err(|_| wrong("tools", "a list of tools"))?,
        });
    }
    request.tools = (!tools.is_empty()).then_some(tools);
    if let Some(choice) = field::<ChoiceIn>(body, "tool_choice", "an object with a `type`")? {
        let single = choice.disable_parallel_tool_use == Some(true);
        let (translated, parallel) = match (choice.kind.as_deref(), choice.name) {
            (Some("auto"), _) => (ToolChoice::Auto, single.then_some(false)),
            (Some("any"), _) => (ToolChoice::Required, single.then_some(false)),
            (Some("none"), _) => (ToolChoice::None, None),
            // A function that is named is called once: no need to forbid more.
            (Some("tool"), Some(name)) => (ToolChoice::Function(name), None),
            _ => return Err(wrong("tool_choice", "an object with the `type` auto, any, tool or none")),
        };
        request.tool_choice = Some(translated);
        request.parallel_tool_calls = parallel;
    }
    Ok(())
}

/// `thinking` and `output_config` in OpenAI's words.
fn reasoning(body: &Object, request: &mut ChatRequest) -> Result<()> {
    let thinking: Option<ThinkingIn> = field(body, "thinking", "an object with a `type`")?;
    let output: Option<OutputIn> = field(body, "output_config", "an object")?;
    let (effort, nested) = output.map(|output| (output.effort, output.format)).unwrap_or_default();
    let kind = thinking.as_ref().and_then(|thinking| thinking.kind.as_deref());
    let effort = match (kind, effort) {
        (Some("disabled"), _) => None,
        (_, Some(effort)) => Some(effort),
        (Some("enabled"), None) => {
            let budget = thinking.as_ref().and_then(|thinking| thinking.budget_tokens);
            budget.map(|budget| effort_for(budget).to_owned())
        }
        _ => None,
    };
    request.reasoning_effort = effort.as_ref().map(to_raw);
    let format = match nested {
        Some(format) => Some(format),
        None => field::<Raw>(body, "output_format", "an object")?,
    };
    if let Some(format) = format {
        let format: FormatIn = serde_json::from_str(format.get())
            .map_err(|_| wrong("output_format", "an object with a `type`"))?;
        if let (Some("json_schema"), Some(schema)) = (format.kind.as_deref(), &format.schema) {
            let mut named = Extra::new();
            named.push("name", raw(r#""response""#));
            named.push("schema", schema.clone());
            named.push("strict", raw("true"));
            let named = to_raw(&named);
            let text = format!(r#"{{"type":"json_schema","json_schema":{}}}"#, named.get());
            request.response_format = Some(raw(text));
        }
    }
    Ok(())
}

/// A top-level member; none if it is absent or null.
fn field<T: DeserializeOwned>(body: &Object, name: &str, expected: &str) -> Result<Option<T>> {
    let Some(text) = body.raw(name).filter(|text| *text != "null") else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_| wrong(name, expected))
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::bad_field(name, format!("`{name}` must be {expected}."))
}
