//! The conversation of a Messages request as the hub's messages.

use lockgate_core::{
    Error, Raw, Result,
    hub::{Content, File, FunctionCall, ImageUrl, Message, Part, ToolCall},
    wire::{Object, view},
};
use serde_json::value::RawValue;

use super::{field, wrong};
use crate::wire::BlockView;

view! {
    #[derive(Clone, Debug, Default)]
    struct MessageIn {
        role: String,
        content: Option<Raw>,
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

/// `system` and `messages`.
pub(super) fn messages(body: &Object) -> Result<Vec<Message>> {
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
