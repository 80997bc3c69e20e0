//! A whole answer of the Converse API.

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Extra, FinishReason, Operation, Raw, Reply, Result, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    json::{self, raw, read, to_raw},
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    model::Model,
    wire::{AnswerView, BlockView, MessageView, ReasoningView, UsageView},
};

view! {
    /// What Claude adds about its reasoning.
    #[derive(Clone, Debug, Default)]
    struct Additional {
        usage: Option<OwnUsage>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct OwnUsage {
        details as "output_tokens_details": Option<Details>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Details {
        thinking_tokens: Option<u64>,
    }
}

pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Reply> {
    let mut reply = reply(attempt, encoded, &parse(body)?);
    reply.id = id(head);
    Ok(match attempt.call.operation {
        Operation::Completion => Reply::Completion(Box::new(reply.into())),
        _ => Reply::Chat(Box::new(reply)),
    })
}

/// The usage in an answer.
pub(crate) fn inspect(body: &Bytes) -> Result<Option<Usage>> {
    Ok(parse(body)?.usage.map(|usage| usage.hub()))
}

/// AWS's name of the request.
pub(crate) fn id(head: &Parts) -> String {
    let id = head.headers.get("x-amzn-requestid").and_then(|value| value.to_str().ok());
    id.map(|id| format!("chatcmpl-{id}")).unwrap_or_default()
}

/// The hub's word for why the model stopped, and Bedrock's own where the hub's says less.
pub(crate) fn finish(word: &str, calls_tools: bool) -> (FinishReason, Option<String>) {
    let own = || Some(word.to_owned());
    match word {
        "end_turn" | "stop_sequence" => (FinishReason::Stop, None),
        "max_tokens" => (FinishReason::Length, None),
        "tool_use" if calls_tools => (FinishReason::ToolCalls, None),
        "tool_use" => (FinishReason::Stop, None),
        "guardrail_intervened" | "content_filtered" => (FinishReason::ContentFilter, None),
        "model_context_window_exceeded" => (FinishReason::Length, own()),
        _ => (FinishReason::Stop, own()),
    }
}

impl UsageView {
    /// In the hub's words: the prompt's total includes what was read from and written to the cache.
    pub(crate) fn hub(&self) -> Usage {
        let (read, write) = (self.read, self.write);
        let kept = |time: &str| {
            let details = self.details.as_ref()?;
            details.iter().find(|one| one.ttl.as_deref() == Some(time)).and_then(|one| one.tokens)
        };
        let fresh = self.input.unwrap_or(0);
        Usage {
            input: fresh.saturating_add(read.unwrap_or(0)).saturating_add(write.unwrap_or(0)),
            output: self.output.unwrap_or(0),
            cache_read: read,
            cache_write: write,
            cache_write_5m: kept("5m"),
            cache_write_1h: kept("1h"),
            raw: Some(to_raw(self)),
            ..Usage::default()
        }
    }
}

/// Fills in how much of the completion was reasoning: what the model says, else our count.
pub(crate) fn count_reasoning(
    usage: &mut Usage,
    additional: Option<&RawValue>,
    text: Option<&str>,
    counter: Option<fn(&str) -> u64>,
) {
    let said = additional.and_then(read::<Additional>).and_then(|additional| additional.usage);
    usage.reasoning = said.and_then(|usage| usage.details?.thinking_tokens).or_else(|| {
        let (text, count) = (text?, counter?);
        Some(count(text).min(usage.output))
    });
}

/// A block of thinking in Anthropic's form.
pub(crate) fn thinking(text: &str, signature: Option<&str>) -> Raw {
    let signature = signature.map(|own| format!(r#","signature":{}"#, to_raw(own).get())).unwrap_or_default();
    raw(format!(r#"{{"type":"thinking","thinking":{}{signature}}}"#, to_raw(text).get()))
}

/// The same for thinking that must not be read.
pub(crate) fn redacted(data: &str) -> Raw {
    raw(format!(r#"{{"type":"redacted_thinking","data":{}}}"#, to_raw(data).get()))
}

fn parse(body: &Bytes) -> Result<AnswerView> {
    let answer: AnswerView = json::answer(body)?;
    if answer.output.is_none() && answer.stop_reason.is_none() {
        let error = Error::invalid_response("The provider's answer has no `output`.");
        return Err(error.with_body(body.clone()));
    }
    Ok(answer)
}

/// The answer in the hub's words.
pub(crate) fn reply(attempt: &Attempt<'_>, encoded: &Encoded, answer: &AnswerView) -> ChatReply {
    let message = answer.output.as_ref().and_then(|output| output.message.as_ref());
    let mut gathered = Gathered::default();
    gathered.message(message, encoded);
    let word = answer.stop_reason.as_deref().unwrap_or("end_turn");
    let (finish, native_finish) = finish(word, !gathered.calls.is_empty());
    let usage = answer.usage.as_ref().map(|usage| {
        let mut usage = usage.hub();
        let counter = attempt.target.facts.count_tokens;
        count_reasoning(&mut usage, answer.additional.as_deref(), gathered.thinking.as_deref(), counter);
        usage
    });
    let mut extra = Extra::new();
    if let Some(trace) = &answer.trace {
        extra.push("trace", trace.clone());
    }
    let choice =
        Choice { message: gathered.finish(), finish: Some(finish), native_finish, ..Choice::default() };
    ChatReply {
        model: Model::of(attempt.target).name.to_owned(),
        choices: vec![choice],
        usage,
        extra,
        ..ChatReply::default()
    }
}

/// What the parts of an answer add up to.
#[derive(Default)]
struct Gathered {
    text: String,
    thinking: Option<String>,
    thinking_blocks: Vec<Raw>,
    /// The same as they came.
    reasoning: Vec<Raw>,
    calls: Vec<ToolCall>,
    citations: Vec<Raw>,
    images: Vec<Raw>,
}

impl Gathered {
    fn message(&mut self, message: Option<&MessageView>, encoded: &Encoded) {
        let blocks = message.and_then(|message| message.content.as_deref()).unwrap_or_default();
        for (position, block) in (0..).zip(blocks) {
            self.block(position, block, encoded);
        }
    }

    fn block(&mut self, position: u32, block: &BlockView, encoded: &Encoded) {
        self.text.push_str(block.text.as_deref().unwrap_or_default());
        if let Some(cited) = &block.citations {
            let texts = cited.content.iter().flatten().filter_map(|part| part.text.as_deref());
            texts.for_each(|text| self.text.push_str(text));
            self.citations.extend(cited.citations.clone());
        }
        if let Some(image) = &block.image
            && let Some(data) = image.source.as_ref().and_then(|source| source.bytes.as_deref())
        {
            let format = image.format.as_deref().unwrap_or("png");
            let url = to_raw(&format!("data:image/{format};base64,{data}"));
            let image = format!(r#"{{"type":"image_url","image_url":{{"url":{}}}}}"#, url.get());
            self.images.push(raw(image));
        }
        if let Some(reasoning) = &block.reasoning {
            self.reasoning(reasoning);
        }
        let Some(call) = &block.tool_use else { return };
        let arguments = call.input.as_deref().map_or("{}", RawValue::get);
        if is_answer(encoded, call.name.as_deref()) {
            self.text.push_str(arguments);
            return;
        }
        let name = client_name(encoded, call.name.clone().unwrap_or_default());
        let function = FunctionCall {
            name: Some(name),
            arguments: Some(arguments.to_owned()),
            ..FunctionCall::default()
        };
        self.calls.push(ToolCall {
            index: Some(position),
            id: call.id.clone(),
            kind: Some("function".to_owned()),
            function: Some(function),
            ..ToolCall::default()
        });
    }

    fn reasoning(&mut self, block: &Raw) {
        let view: ReasoningView = read(block).unwrap_or_default();
        if let Some(whole) = &view.whole {
            let text = whole.text.as_deref().unwrap_or_default();
            self.thinking.get_or_insert_default().push_str(text);
            self.thinking_blocks.push(thinking(text, whole.signature.as_deref()));
        }
        if let Some(data) = &view.redacted {
            self.thinking_blocks.push(redacted(data));
        }
        self.reasoning.push(block.clone());
    }

    fn finish(self) -> Message {
        let mut fields = Extra::new();
        let mut list = |name: &str, list: &[Raw]| {
            if !list.is_empty() {
                fields.push(name, to_raw(list));
            }
        };
        list("reasoningContentBlocks", &self.reasoning);
        list("citationsContent", &self.citations);
        Message {
            role: "assistant".to_owned(),
            content: Some(Content::Text(self.text)),
            reasoning_content: self.thinking,
            thinking_blocks: Some(self.thinking_blocks).filter(|blocks| !blocks.is_empty()),
            tool_calls: Some(self.calls).filter(|calls| !calls.is_empty()),
            images: (!self.images.is_empty()).then(|| to_raw(&self.images)),
            provider_specific_fields: (!fields.is_empty()).then(|| to_raw(&fields)),
            ..Message::default()
        }
    }
}

/// Whether the arguments of this tool are the answer.
pub(crate) fn is_answer(encoded: &Encoded, name: Option<&str>) -> bool {
    name.is_some() && encoded.memo.json_tool.as_deref() == name
}

/// The client's own name of a tool.
pub(crate) fn client_name(encoded: &Encoded, name: String) -> String {
    encoded.memo.tool_names.get(&name).cloned().unwrap_or(name)
}
