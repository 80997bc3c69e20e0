//! Converse's turns into the hub's messages.

use lockgate_core::{
    Error, Extra, Raw, Result,
    hub::{Content, File, FunctionCall, ImageUrl, Message, Part, ToolCall},
    json::{raw, read, to_raw},
    wire::view,
};

use super::options::Given;
use crate::{
    response::{redacted, thinking},
    wire::{ReasoningView, ToolUseView},
};

view! {
    /// A block of any kind: one of the members is there.
    #[derive(Clone, Debug, Default)]
    pub(super) struct BlockView {
        text: Option<String>,
        image: Option<FileView>,
        document: Option<FileView>,
        video: Option<FileView>,
        tool_use as "toolUse": Option<ToolUseView>,
        tool_result as "toolResult": Option<ResultView>,
        reasoning as "reasoningContent": Option<ReasoningView>,
        guarded as "guardContent": Option<GuardedView>,
        json: Option<Raw>,
        mark as "cachePoint": Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct FileView {
        format: String,
        name: Option<String>,
        source: SourceView,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct SourceView {
        bytes: Option<String>,
        text: Option<String>,
        place as "s3Location": Option<PlaceView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct PlaceView {
        uri: String,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ResultView {
        id as "toolUseId": String,
        content: Vec<BlockView>,
        status: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct GuardedView {
        text: Option<GuardedTextView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct GuardedTextView {
        text: Option<String>,
    }
}

/// All messages, the system prompt first.
pub(super) fn messages(given: &Given) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    if let Some(system) = given.system.as_deref().filter(|system| !system.is_empty()) {
        messages.push(said("system", parts(system)?));
    }
    for turn in &given.messages {
        match turn.role.as_str() {
            "assistant" => messages.push(assistant(&turn.content)?),
            "user" => user(&turn.content, &mut messages)?,
            other => {
                let message =
                    format!("A message has the role '{other}', which the Converse API does not know.");
                return Err(Error::bad_field("messages", message));
            }
        }
    }
    Ok(messages)
}

/// The hub's mark for a cache point.
pub(super) fn cache_control(mark: &Raw) -> Raw {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Mark {
            ttl: Option<String>,
        }
    }
    let ttl = read::<Mark>(mark).and_then(|mark| mark.ttl);
    let ttl = ttl.map(|ttl| format!(r#","ttl":{}"#, to_raw(&ttl).get())).unwrap_or_default();
    raw(format!(r#"{{"type":"ephemeral"{ttl}}}"#))
}

fn said(role: &str, parts: Vec<Part>) -> Message {
    let content = match parts.as_slice() {
        [Part { kind, text: Some(text), cache_control: None, .. }] if kind == "text" => {
            Content::Text(text.clone())
        }
        _ => Content::Parts(parts),
    };
    Message { role: role.to_owned(), content: Some(content), ..Message::default() }
}

/// A turn of the user's: results of tools are messages of their own, before the rest.
fn user(blocks: &[BlockView], messages: &mut Vec<Message>) -> Result<()> {
    let mut rest = Vec::new();
    let mut after_result = false;
    for block in blocks {
        match (&block.tool_result, &block.mark) {
            (Some(result), _) => {
                let mut message = said("tool", parts(&result.content)?);
                message.tool_call_id = Some(result.id.clone());
                if result.status.as_deref() == Some("error") {
                    message.extra.push("is_error", raw("true"));
                }
                messages.push(message);
                after_result = true;
            }
            (None, Some(mark)) if after_result => {
                if let Some(message) = messages.last_mut() {
                    message.cache_control = Some(cache_control(mark));
                }
            }
            _ => {
                after_result = false;
                rest.push(block.clone());
            }
        }
    }
    if !rest.is_empty() {
        messages.push(said("user", parts(&rest)?));
    }
    Ok(())
}

fn assistant(blocks: &[BlockView]) -> Result<Message> {
    let (mut spoken, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Vec::new());
    for block in blocks {
        if let Some(call) = &block.tool_use {
            let arguments = call.input.as_deref().map_or("{}", |input| input.get());
            calls.push(ToolCall {
                id: call.id.clone(),
                kind: Some("function".to_owned()),
                function: Some(FunctionCall {
                    name: call.name.clone(),
                    arguments: Some(arguments.to_owned()),
                    ..FunctionCall::default()
                }),
                ..ToolCall::default()
            });
        } else if let Some(reasoning) = &block.reasoning {
            let whole = reasoning.whole.as_ref();
            let text = whole.and_then(|whole| whole.text.as_deref()).unwrap_or_default();
            thoughts.extend(whole.map(|whole| thinking(text, whole.signature.as_deref())));
            thoughts.extend(reasoning.redacted.as_deref().map(redacted));
        } else {
            spoken.push(block.clone());
        }
    }
    let mut message = said("assistant", parts(&spoken)?);
    message.content = message.content.filter(|content| !content.is_empty());
    message.tool_calls = Some(calls).filter(|calls| !calls.is_empty());
    message.thinking_blocks = Some(thoughts).filter(|thoughts| !thoughts.is_empty());
    Ok(message)
}

fn parts(blocks: &[BlockView]) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for block in blocks {
        if let Some(mark) = &block.mark {
            if let Some(last) = parts.last_mut() {
                last.cache_control = Some(cache_control(mark));
            }
            continue;
        }
        parts.push(part(block)?);
    }
    Ok(parts)
}

fn part(block: &BlockView) -> Result<Part> {
    if let Some(text) = &block.text {
        return Ok(Part::text(text.as_str()));
    }
    if let Some(json) = &block.json {
        return Ok(Part::text(json.get()));
    }
    if let Some(text) = block.guarded.as_ref().and_then(|guarded| guarded.text.as_ref()?.text.as_deref()) {
        return Ok(Part { kind: "guarded_text".to_owned(), ..Part::text(text) });
    }
    if let Some(image) = &block.image {
        let image = ImageUrl::new(url(image, "image")?);
        return Ok(Part { kind: "image_url".to_owned(), image_url: Some(image), ..Part::default() });
    }
    let file = match (&block.document, &block.video) {
        (Some(document), _) => {
            if let Some(text) = &document.source.text {
                return Ok(Part::text(text.as_str()));
            }
            (document, "document")
        }
        (None, Some(video)) => (video, "video"),
        (None, None) => return Err(unknown(&block.extra)),
    };
    let data =
        File { file_data: Some(url(file.0, file.1)?), filename: file.0.name.clone(), ..File::default() };
    Ok(Part { kind: "file".to_owned(), file: Some(data), ..Part::default() })
}

/// A file as a URL: inline, or where it lies.
fn url(file: &FileView, kind: &str) -> Result<String> {
    if let Some(place) = &file.source.place {
        return Ok(place.uri.clone());
    }
    let data = file.source.bytes.as_deref();
    let data =
        data.ok_or_else(|| Error::bad_field("messages", format!("A block `{kind}` has no source.")))?;
    let mime = match (kind, file.format.as_str()) {
        ("document", "pdf") => "application/pdf".to_owned(),
        ("document", "txt") => "text/plain".to_owned(),
        ("document", "md") => "text/markdown".to_owned(),
        ("document", "doc") => "application/msword".to_owned(),
        ("document", "docx") => {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document".to_owned()
        }
        ("document", "xls") => "application/vnd.ms-excel".to_owned(),
        ("document", "xlsx") => {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet".to_owned()
        }
        ("document", other) => format!("text/{other}"),
        ("video", "mkv") => "video/x-matroska".to_owned(),
        ("video", "mov") => "video/quicktime".to_owned(),
        ("video", "flv") => "video/x-flv".to_owned(),
        ("video", "wmv") => "video/x-ms-wmv".to_owned(),
        ("video", "three_gp") => "video/3gpp".to_owned(),
        (kind, other) => format!("{kind}/{other}"),
    };
    Ok(format!("data:{mime};base64,{data}"))
}

fn unknown(members: &Extra) -> Error {
    let name = members.iter().next().map(|(name, _)| name.to_owned()).unwrap_or_default();
    Error::bad_field("messages", format!("Blocks `{name}` cannot be told to other models than Bedrock's."))
}
