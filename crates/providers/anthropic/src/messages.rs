//! The conversation: OpenAI's list of messages into Anthropic's system prompt and alternating turns.

use std::{borrow::Cow, collections::BTreeMap};

use lockgate_core::{
    Error, Extra, Media, Result,
    hub::{ChatRequest, Content, FunctionCall, Message, Part},
    names::ToolNames,
};
use serde_json::value::RawValue;

use crate::{
    media,
    names::tool_id,
    signed::may_be_claudes,
    wire::{Block, BlockView, ResultContent, Turn, raw},
};

/// Stands for a message without content, which Anthropic refuses.
pub const EMPTY: &str = "[System: Empty message content sanitised to satisfy protocol]";

/// A conversation as Anthropic wants it.
#[derive(Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) system: Vec<Block<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    /// Tools were called, so that tools must be declared.
    pub(crate) has_tool_calls: bool,
    /// The last message with tool calls has no thinking block, which Anthropic refuses while thinking is on.
    pub(crate) thoughtless_call: bool,
    /// Files are named by id.
    pub(crate) has_file_ids: bool,
}

/// Translates the messages of a request.
pub(crate) fn translate<'a>(
    request: &'a ChatRequest,
    media: &'a Media,
    names: &mut ToolNames,
) -> Result<Conversation<'a>> {
    let mut writer = Writer { media, names, conversation: Conversation::default(), function_calls: 0 };
    for message in &request.messages {
        writer.message(message)?;
    }
    let mut conversation = writer.conversation;
    trim_last(&mut conversation.turns);
    Ok(conversation)
}

struct Writer<'a, 'n> {
    media: &'a Media,
    names: &'n mut ToolNames,
    conversation: Conversation<'a>,
    /// Calls of the legacy `function_call` form so far, which bear no ids.
    function_calls: u32,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, message: &'a Message) -> Result<()> {
        match message.role.as_str() {
            "system" | "developer" => self.system(message),
            "assistant" => self.assistant(message),
            "tool" => {
                let id = message.tool_call_id.as_deref().unwrap_or_default();
                self.tool_result(tool_id(id), message)
            }
            "function" => {
                let id = Cow::Owned(function_call_id(self.function_calls));
                self.tool_result(id, message)
            }
            "user" => self.user(message),
            other => {
                let message = format!("A message has the role '{other}', which Anthropic does not know.");
                Err(Error::bad_field("messages", message))
            }
        }
    }

    fn system(&mut self, message: &'a Message) -> Result<()> {
        let mut blocks = self.content(message)?;
        mark(&mut blocks, message.cache_control.as_deref());
        self.conversation.system.append(&mut blocks);
        Ok(())
    }

    fn user(&mut self, message: &'a Message) -> Result<()> {
        let mut blocks = self.content(message)?;
        if blocks.is_empty() {
            blocks.push(text(EMPTY, None));
        }
        mark(&mut blocks, message.cache_control.as_deref());
        self.push("user", blocks);
        Ok(())
    }

    fn assistant(&mut self, message: &'a Message) -> Result<()> {
        let mut blocks: Vec<Block<'a>> = Vec::new();
        let thinking = message.thinking_blocks.iter().flatten();
        blocks.extend(
            thinking.filter(|block| is_signed(block)).map(|block| Block::Raw(Cow::Borrowed(&**block))),
        );
        let mut thought = !blocks.is_empty();
        let content = self.content(message)?;
        thought |= content.iter().any(|block| matches!(block, Block::Raw(raw) if is_signed(raw)));
        blocks.extend(content);
        if let Some(refusal) = message.refusal.as_deref().filter(|refusal| !is_blank(refusal)) {
            blocks.push(text(refusal, None));
        }
        let calls = self.tool_calls(message, &mut blocks);
        if calls {
            self.conversation.has_tool_calls = true;
            self.conversation.thoughtless_call = !thought;
        }
        if blocks.is_empty() {
            blocks.push(text(EMPTY, None));
        }
        mark(&mut blocks, message.cache_control.as_deref());
        self.push("assistant", blocks);
        Ok(())
    }

    /// Writes the calls of an assistant's message; tells whether there are any that need a result.
    fn tool_calls(&mut self, message: &'a Message, blocks: &mut Vec<Block<'a>>) -> bool {
        let mut any = false;
        for call in message.tool_calls.iter().flatten() {
            let id = call.id.as_deref().unwrap_or_default();
            let Some(function) = &call.function else { continue };
            if id.starts_with("srvtoolu_") {
                hosted_call(id, function, message, blocks);
                continue;
            }
            any = true;
            let cache_control = call.extra.get("cache_control");
            blocks.push(self.tool_use(tool_id(id), function, cache_control));
        }
        if let Some(function) = &message.function_call {
            any = true;
            self.function_calls += 1;
            let id = Cow::Owned(function_call_id(self.function_calls));
            blocks.push(self.tool_use(id, function, None));
        }
        any
    }

    fn tool_use(
        &mut self,
        id: Cow<'a, str>,
        function: &'a FunctionCall,
        cache_control: Option<&'a RawValue>,
    ) -> Block<'a> {
        let name = self.names.send(function.name.as_deref().unwrap_or_default());
        Block::ToolUse { id, name, input: input(function), cache_control }
    }

    fn tool_result(&mut self, tool_use_id: Cow<'a, str>, message: &'a Message) -> Result<()> {
        let mut cache_control = message.cache_control.as_deref();
        let content = match &message.content {
            None => ResultContent::Text(Cow::Borrowed("")),
            Some(Content::Text(text)) => ResultContent::Text(Cow::Borrowed(text.as_str())),
            Some(Content::Parts(parts)) => {
                let mut blocks = Vec::new();
                for part in parts {
                    blocks.extend(self.part(part)?);
                }
                // A breakpoint inside the result belongs on the result itself.
                for block in &mut blocks {
                    cache_control = cache_control.or(unmark(block));
                }
                ResultContent::Blocks(blocks)
            }
        };
        self.push("user", vec![Block::ToolResult { tool_use_id, content, cache_control }]);
        Ok(())
    }

    fn content(&mut self, message: &'a Message) -> Result<Vec<Block<'a>>> {
        let mut blocks = Vec::new();
        match &message.content {
            None => {}
            Some(Content::Text(content)) if is_blank(content) => {}
            Some(Content::Text(content)) => blocks.push(text(content, None)),
            Some(Content::Parts(parts)) => {
                for part in parts {
                    blocks.extend(self.part(part)?);
                }
            }
        }
        Ok(blocks)
    }

    /// One part of a content; none if it says nothing.
    fn part(&mut self, part: &'a Part) -> Result<Option<Block<'a>>> {
        let cache_control = part.cache_control.as_deref();
        match part.kind.as_str() {
            // Citations and the like make a text Anthropic's own.
            "text" | "" if part.extra.is_empty() && part.text.is_some() => {
                let content = part.text.as_deref().unwrap_or_default();
                Ok((!is_blank(content)).then(|| text(content, cache_control)))
            }
            "refusal" => {
                let refusal = part.extra.get("refusal").and_then(|raw| serde_json::from_str(raw.get()).ok());
                Ok(refusal.map(|text: String| Block::Text { text: Cow::Owned(text), cache_control }))
            }
            "input_audio" => Err(Error::bad_field(
                "messages",
                "Anthropic's models take no audio: a message has a part of the type `input_audio`.",
            )),
            _ => match (&part.image_url, &part.file) {
                (Some(image), _) => media::image(image, part, self.media).map(Some),
                (None, Some(file)) => {
                    self.conversation.has_file_ids |= file.file_data.is_none();
                    media::file(file, part, self.media).map(Some)
                }
                // Thinking that is not signed is refused.
                _ if part.kind == "thinking" && !is_signed(&crate::wire::to_raw(part)) => Ok(None),
                _ => Ok(Some(Block::Raw(Cow::Owned(crate::wire::to_raw(part))))),
            },
        }
    }

    fn push(&mut self, role: &'static str, mut blocks: Vec<Block<'a>>) {
        match self.conversation.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.append(&mut blocks),
            _ => self.conversation.turns.push(Turn { role, content: blocks }),
        }
    }
}

/// The arguments of a call as an object, which is all that Anthropic takes.
fn input(function: &FunctionCall) -> Cow<'_, RawValue> {
    let arguments = function.arguments.as_deref().unwrap_or_default();
    match serde_json::from_str::<&RawValue>(arguments) {
        Ok(object) if object.get().starts_with('{') => Cow::Borrowed(object),
        Ok(other) if other.get() != "null" => Cow::Owned(raw(format!(r#"{{"value":{}}}"#, other.get()))),
        Err(_) if !is_blank(arguments) => {
            let quoted = lockgate_core::wire::quote(arguments);
            Cow::Owned(raw(format!(r#"{{"arguments":{quoted}}}"#)))
        }
        _ => Cow::Owned(raw("{}")),
    }
}

/// A call that the provider made and answered itself, with its result; without the result it cannot be repeated.
fn hosted_call<'a>(
    id: &'a str,
    function: &'a FunctionCall,
    message: &'a Message,
    blocks: &mut Vec<Block<'a>>,
) {
    let fields = message.provider_specific_fields.as_ref();
    let fields: BTreeMap<String, Option<&RawValue>> =
        fields.and_then(|fields| serde_json::from_str(fields.get()).ok()).unwrap_or_default();
    let results = ["web_search_results", "tool_results"].into_iter().filter_map(|key| *fields.get(key)?);
    let result = results
        .filter_map(|list| serde_json::from_str::<Vec<&RawValue>>(list.get()).ok())
        .flatten()
        .find(|block| {
            let view = serde_json::from_str::<BlockView>(block.get()).unwrap_or_default();
            view.tool_use_id.as_deref() == Some(id)
        });
    if let Some(result) = result {
        let mut call = Extra::new();
        call.push("type", raw(r#""server_tool_use""#));
        call.push("id", crate::wire::to_raw(id));
        call.push("name", crate::wire::to_raw(function.name.as_deref().unwrap_or_default()));
        call.push("input", input(function).into_owned());
        blocks.push(Block::Raw(Cow::Owned(crate::wire::to_raw(&call))));
        blocks.push(Block::Raw(Cow::Borrowed(result)));
    }
}

fn function_call_id(number: u32) -> String {
    format!("function_call_{number}")
}

fn text<'a>(text: &'a str, cache_control: Option<&'a RawValue>) -> Block<'a> {
    Block::Text { text: Cow::Borrowed(text), cache_control }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Whether a block is one of thinking that Anthropic will recognise as its own.
fn is_signed(block: &RawValue) -> bool {
    let Ok(view) = serde_json::from_str::<BlockView>(block.get()) else { return false };
    match view.kind.as_str() {
        "thinking" => view.signature.is_some_and(|signature| may_be_claudes(&signature)),
        "redacted_thinking" => true,
        _ => false,
    }
}

/// Puts a message's own cache breakpoint on its last block.
fn mark<'a>(blocks: &mut [Block<'a>], breakpoint: Option<&'a RawValue>) {
    if let (Some(breakpoint), Some(cache_control)) = (breakpoint, blocks.last_mut().and_then(cache_control)) {
        cache_control.get_or_insert(breakpoint);
    }
}

fn unmark<'a>(block: &mut Block<'a>) -> Option<&'a RawValue> {
    cache_control(block)?.take()
}

fn cache_control<'b, 'a>(block: &'b mut Block<'a>) -> Option<&'b mut Option<&'a RawValue>> {
    match block {
        Block::Text { cache_control, .. }
        | Block::Media { cache_control, .. }
        | Block::Upload { cache_control, .. }
        | Block::ToolUse { cache_control, .. }
        | Block::ToolResult { cache_control, .. } => Some(cache_control),
        Block::Raw(_) => None,
    }
}

/// Anthropic refuses white space at the end of an answer that it is to continue.
fn trim_last(turns: &mut [Turn<'_>]) {
    let Some(turn) = turns.last_mut().filter(|turn| turn.role == "assistant") else { return };
    if let Some(Block::Text { text, .. }) = turn.content.last_mut() {
        let kept = text.trim_end().len();
        if kept < text.len() {
            match text {
                Cow::Borrowed(whole) => *whole = whole.get(..kept).unwrap_or_default(),
                Cow::Owned(whole) => whole.truncate(kept),
            }
        }
    }
}
