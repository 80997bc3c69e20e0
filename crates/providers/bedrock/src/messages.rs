//! The conversation: OpenAI's list of messages into Converse's system prompt and alternating turns.

use std::borrow::Cow;

use lockgate_anthropic::claude;
use lockgate_core::{
    Error, Media, Raw, Result,
    hub::{ChatRequest, Content, FunctionCall, Message, Part},
    json::{raw, read},
    names::ToolNames,
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    media,
    names::tool_id,
    wire::{Block, CachePoint, Guarded, GuardedText, Reasoning, Thinking, Turn},
};

/// Put where Bedrock wants a message of the user's and there is none, if the operator allows repairs.
const CONTINUE: &str = "Please continue.";

/// What decides how a conversation is written.
pub(crate) struct Rules<'a> {
    pub(crate) media: &'a Media,
    /// Whether the model is one of Claude's, which alone can read what Claude has signed.
    pub(crate) claude: bool,
    /// Whether the request declares tools; without, Bedrock refuses calls and results.
    pub(crate) tools: bool,
    /// Whether the model takes marks for its cache.
    pub(crate) caches: bool,
    /// Whether histories that Bedrock would refuse are repaired.
    pub(crate) repairs: bool,
}

/// A conversation as Converse wants it.
#[derive(Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) system: Vec<Block<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    /// The last message with tool calls has no reasoning, which Claude refuses while it reasons.
    pub(crate) thoughtless_call: bool,
    /// Marks for the cache were left out.
    pub(crate) unmarked: bool,
}

/// Translates the messages of a request.
pub(crate) fn translate<'a>(
    request: &'a ChatRequest,
    rules: &Rules<'a>,
    names: &mut ToolNames,
) -> Result<Conversation<'a>> {
    let mut writer = Writer { rules, names, conversation: Conversation::default(), function_calls: 0 };
    for message in &request.messages {
        writer.message(message)?;
    }
    let mut conversation = writer.conversation;
    if rules.repairs && conversation.turns.first().is_none_or(|turn| turn.role != "user") {
        let content = vec![Block::Text(Cow::Borrowed(CONTINUE))];
        conversation.turns.insert(0, Turn { role: "user", content });
    }
    trim_last(&mut conversation.turns);
    Ok(conversation)
}

/// The mark for a `cache_control`.
pub(crate) fn cache_point(cache_control: &RawValue) -> CachePoint {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Given {
            ttl: Option<String>,
        }
    }
    CachePoint { r#type: "default", ttl: read::<Given>(cache_control).and_then(|given| given.ttl) }
}

struct Writer<'a, 'n> {
    rules: &'n Rules<'a>,
    names: &'n mut ToolNames,
    conversation: Conversation<'a>,
    /// Calls of the legacy `function_call` form so far, which bear no ids.
    function_calls: u32,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, message: &'a Message) -> Result<()> {
        match message.role.as_str() {
            "system" | "developer" => {
                let mut blocks = self.content(message)?;
                self.mark(&mut blocks, message.cache_control.as_deref());
                self.conversation.system.append(&mut blocks);
            }
            "user" => {
                let mut blocks = self.content(message)?;
                if blocks.is_empty() && self.conversation.turns.last().is_none_or(|turn| turn.role != "user")
                {
                    blocks.push(Block::Text(Cow::Borrowed(claude::EMPTY)));
                }
                self.mark(&mut blocks, message.cache_control.as_deref());
                self.push("user", blocks);
            }
            "assistant" => self.assistant(message)?,
            "tool" => {
                let id = message.tool_call_id.as_deref().unwrap_or_default();
                self.tool_result(tool_id(id), message)?;
            }
            "function" => self.tool_result(Cow::Owned(function_call_id(self.function_calls)), message)?,
            other => {
                let message = format!("A message has the role '{other}', which Bedrock does not know.");
                return Err(Error::bad_field("messages", message));
            }
        }
        Ok(())
    }

    fn assistant(&mut self, message: &'a Message) -> Result<()> {
        let mut blocks: Vec<Block<'a>> =
            message.thinking_blocks.iter().flatten().filter_map(|block| self.reasoning(block)).collect();
        let mut thought = !blocks.is_empty();
        let content = self.content(message)?;
        thought |= content.iter().any(|block| matches!(block, Block::ReasoningContent(_)));
        blocks.extend(content);
        let refusal = message.refusal.as_deref().filter(|refusal| !refusal.trim().is_empty());
        blocks.extend(refusal.map(|refusal| Block::Text(Cow::Borrowed(refusal))));
        let before = blocks.len();
        for call in message.tool_calls.iter().flatten() {
            if let Some(function) = &call.function {
                let id = tool_id(call.id.as_deref().unwrap_or_default());
                blocks.push(self.tool_use(id, function));
                self.mark(&mut blocks, call.extra.get("cache_control"));
            }
        }
        if let Some(function) = &message.function_call {
            self.function_calls += 1;
            blocks.push(self.tool_use(Cow::Owned(function_call_id(self.function_calls)), function));
        }
        if blocks.len() > before {
            self.conversation.thoughtless_call = !thought;
        }
        self.mark(&mut blocks, message.cache_control.as_deref());
        self.push("assistant", blocks);
        Ok(())
    }

    fn tool_use(&mut self, id: Cow<'a, str>, function: &'a FunctionCall) -> Block<'a> {
        let name = function.name.as_deref().unwrap_or_default();
        if self.rules.tools {
            return Block::ToolUse {
                tool_use_id: id,
                name: self.names.send(name),
                input: arguments(function),
            };
        }
        let arguments = function.arguments.as_deref().unwrap_or_default();
        Block::Text(Cow::Owned(format!("[tool call {id}: {name}({arguments})]")))
    }

    fn tool_result(&mut self, tool_use_id: Cow<'a, str>, message: &'a Message) -> Result<()> {
        let mut cache_control = message.cache_control.as_deref();
        let mut content = Vec::new();
        match &message.content {
            Some(Content::Parts(parts)) => {
                for part in parts {
                    content.extend(self.part(part)?);
                    cache_control = cache_control.or(part.cache_control.as_deref());
                }
            }
            Some(Content::Text(text)) => content.push(Block::Text(Cow::Borrowed(text.as_str()))),
            None => {}
        }
        if content.is_empty() {
            content.push(Block::Text(Cow::Borrowed("")));
        }
        let mut blocks = if self.rules.tools {
            let failed = message.extra.get("is_error").is_some_and(|flag| flag.get() == "true");
            vec![Block::ToolResult { content, tool_use_id, status: failed.then_some("error") }]
        } else {
            in_words(&tool_use_id, content)
        };
        self.mark(&mut blocks, cache_control);
        self.push("user", blocks);
        Ok(())
    }

    fn content(&mut self, message: &'a Message) -> Result<Vec<Block<'a>>> {
        let mut blocks = Vec::new();
        match &message.content {
            Some(Content::Text(text)) if !text.trim().is_empty() => {
                blocks.push(Block::Text(Cow::Borrowed(text)));
            }
            Some(Content::Parts(parts)) => {
                for part in parts {
                    blocks.extend(self.part(part)?);
                    self.mark(&mut blocks, part.cache_control.as_deref());
                }
            }
            _ => {}
        }
        Ok(blocks)
    }

    /// A block of reasoning that the model will recognise as its own.
    fn reasoning(&self, block: &RawValue) -> Option<Block<'a>> {
        let view: Thinking = read(block)?;
        if let Some(data) = view.data {
            return self.rules.claude.then_some(Block::ReasoningContent(Reasoning::RedactedContent(data)));
        }
        let own = |signature: &String| {
            claude::may_have_signed(signature) && (self.rules.claude || !claude::has_signed(signature))
        };
        let signature = view.signature.filter(own)?;
        let text = view.thinking.unwrap_or_default();
        Some(Block::ReasoningContent(Reasoning::ReasoningText { text, signature }))
    }

    /// One part of a content; none if it says nothing. Bedrock refuses blank texts.
    fn part(&self, part: &'a Part) -> Result<Option<Block<'a>>> {
        if let Some(block) = media::block(part, self.rules.media) {
            return block.map(Some);
        }
        let text = part.text.as_deref().filter(|text| !text.trim().is_empty());
        match part.kind.as_str() {
            "guarded_text" => {
                Ok(text.map(|text| Block::GuardContent(Guarded { text: GuardedText { text } })))
            }
            "thinking" | "redacted_thinking" => Ok(self.reasoning(&lockgate_core::json::to_raw(part))),
            "input_audio" => Err(Error::bad_field(
                "messages",
                "Bedrock takes no audio: a message has a part of the type `input_audio`.",
            )),
            "video_url" => Err(Error::bad_field(
                "messages",
                "Bedrock takes videos as parts of the type `file`, not `video_url`.",
            )),
            "refusal" => {
                let refusal: Option<String> = part.extra.get("refusal").and_then(read);
                Ok(refusal.map(|text| Block::Text(Cow::Owned(text))))
            }
            _ => Ok(text.map(|text| Block::Text(Cow::Borrowed(text)))),
        }
    }

    /// Marks what has been said so far for the model's cache.
    fn mark(&mut self, blocks: &mut Vec<Block<'a>>, cache_control: Option<&RawValue>) {
        let Some(cache_control) = cache_control else { return };
        if !self.rules.caches {
            self.conversation.unmarked = true;
        } else if !matches!(blocks.last(), None | Some(Block::CachePoint(_))) {
            blocks.push(Block::CachePoint(cache_point(cache_control)));
        }
    }

    fn push(&mut self, role: &'static str, mut blocks: Vec<Block<'a>>) {
        match self.conversation.turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some(turn) if turn.role == role => turn.content.append(&mut blocks),
            _ => self.conversation.turns.push(Turn { role, content: blocks }),
        }
    }
}

/// A result for a model that was not told of tools; files stay files.
fn in_words<'a>(id: &str, content: Vec<Block<'a>>) -> Vec<Block<'a>> {
    let (mut words, mut blocks) = (String::new(), Vec::new());
    for block in content {
        match block {
            Block::Text(text) => words.push_str(&text),
            other => blocks.push(other),
        }
    }
    blocks.insert(0, Block::Text(Cow::Owned(format!("[tool result for {id}: {words}]"))));
    blocks
}

/// The arguments of a call as an object, which is all that Bedrock takes.
fn arguments(function: &FunctionCall) -> Cow<'_, RawValue> {
    let arguments = function.arguments.as_deref().unwrap_or_default();
    let owned = |json: String| -> Cow<'_, RawValue> { Cow::Owned(raw(json)) };
    match serde_json::from_str::<&RawValue>(arguments) {
        Ok(object) if object.get().starts_with('{') => Cow::Borrowed(object),
        Ok(other) if other.get() != "null" => owned(format!(r#"{{"value":{}}}"#, other.get())),
        Err(_) if !arguments.trim().is_empty() => {
            let quoted: Raw = lockgate_core::json::to_raw(arguments);
            owned(format!(r#"{{"arguments":{}}}"#, quoted.get()))
        }
        _ => owned("{}".to_owned()),
    }
}

fn function_call_id(number: u32) -> String {
    format!("function_call_{number}")
}

/// White space at the end of an answer that is to be continued is refused.
fn trim_last(turns: &mut [Turn<'_>]) {
    let Some(turn) = turns.last_mut().filter(|turn| turn.role == "assistant") else { return };
    if let Some(Block::Text(text)) = turn.content.last_mut()
        && text.ends_with(char::is_whitespace)
    {
        *text = Cow::Owned(text.trim_end().to_owned());
    }
}
