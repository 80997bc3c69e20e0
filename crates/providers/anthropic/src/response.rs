//! A whole answer into the hub.

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Extra, FinishReason, Format, Operation, Raw, Reply, Result,
    Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    refusal::is_error,
    whole::lacking,
    wire::{quote, view},
};
use memchr::memmem;
use serde_json::value::RawValue;

use crate::{
    COUNT_TOKENS, MESSAGES, error,
    wire::{BlockView, MessageView, UsageView, raw, to_raw},
};

view! {
    #[derive(Clone, Debug, Default)]
    struct CountView {
        input_tokens: Option<u64>,
    }
}

view! {
    /// What a relayed answer is looked at for.
    #[derive(Clone, Debug, Default)]
    struct Glance {
        kind as "type": Option<String>,
        error: Option<Raw>,
        stop_reason: Option<String>,
        usage: Option<UsageView>,
    }
}

pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, body: &Bytes) -> Result<Reply> {
    if encoded.format == COUNT_TOKENS {
        let count: CountView = parse(body)?;
        let input = count
            .input_tokens
            .ok_or_else(|| Error::invalid_response("The provider's token count has no `input_tokens`."))?;
        return Ok(Reply::TokenCount { input });
    }
    let message: MessageView = parse(body)?;
    refuse_failure(message.kind.as_deref(), message.extra.get("error"), body)?;
    if message.content.is_none() && message.stop_reason.is_none() {
        return Err(lacking("`content`", body));
    }
    let reply = reply(message, encoded, attempt.target.facts.count_tokens)?;
    Ok(match attempt.call.operation {
        Operation::Completion => Reply::Completion(Box::new(reply.into())),
        _ => Reply::Chat(Box::new(reply)),
    })
}

/// Checks a whole answer that is relayed, and reads its usage.
pub(crate) fn inspect(format: Format, body: &Bytes) -> Result<Option<Usage>> {
    let glance: Glance = parse(body)?;
    refuse_failure(glance.kind.as_deref(), glance.error.as_deref(), body)?;
    let says = glance.stop_reason.is_some() || glance.usage.is_some();
    if format == MESSAGES && !says && memmem::find(body, b"\"content\"").is_none() {
        return Err(lacking("`content`", body));
    }
    Ok(glance.usage.map(|usage| usage.to_hub()))
}

/// An error that comes with a good status, as Anthropic or a server that imitates it writes one.
fn refuse_failure(kind: Option<&str>, error: Option<&RawValue>, body: &Bytes) -> Result<()> {
    let says_error = error.is_some_and(|error| is_error(error.get()));
    if kind == Some("error") || says_error { Err(error::in_answer(body)) } else { Ok(()) }
}

/// The hub's word for why the model stopped, and Anthropic's own where the hub's says less.
pub(crate) fn finish(reason: &str, calls_tools: bool) -> (FinishReason, Option<String>) {
    let own = || Some(reason.to_owned());
    match reason {
        "end_turn" | "stop_sequence" => (FinishReason::Stop, None),
        "max_tokens" => (FinishReason::Length, None),
        "tool_use" if calls_tools => (FinishReason::ToolCalls, None),
        "tool_use" => (FinishReason::Stop, None),
        "refusal" => (FinishReason::ContentFilter, None),
        "model_context_window_exceeded" | "compaction" => (FinishReason::Length, own()),
        // What is to be continued (`pause_turn`) and what we do not know: OpenAI's clients know no better word.
        _ => (FinishReason::Stop, own()),
    }
}

/// What the parts of an answer add up to.
#[derive(Default)]
struct Gathered {
    text: Option<String>,
    thinking: Option<String>,
    thinking_blocks: Vec<Raw>,
    calls: Vec<ToolCall>,
    /// The client's tools were called.
    calls_tools: bool,
    citations: Vec<Raw>,
    results: Vec<Raw>,
    searches: Vec<Search>,
    other_results: Vec<Raw>,
}

/// A web search that the provider ran.
struct Search {
    id: String,
    query: Option<String>,
    sources: Vec<String>,
}

fn reply(message: MessageView, encoded: &Encoded, counter: Option<fn(&str) -> u64>) -> Result<ChatReply> {
    let mut gathered = Gathered::default();
    for (position, block) in message.content.iter().flatten().enumerate() {
        gathered.block(position as u32, block, encoded)?;
    }
    let reason = message.stop_reason.as_deref();
    let (finish, native_finish) = match reason {
        Some(reason) => finish(reason, gathered.calls_tools),
        None => (FinishReason::Stop, None),
    };
    let mut usage = message.usage.map(|usage| usage.to_hub());
    if let Some(usage) = &mut usage {
        count_reasoning(usage, gathered.thinking.as_deref(), counter);
    }
    let fields = gathered.fields(&message.extra);
    let service_tier = None;
    let choice = Choice {
        index: 0,
        message: Message {
            role: "assistant".to_owned(),
            content: gathered.text.map(Content::Text),
            reasoning_content: gathered.thinking,
            thinking_blocks: Some(gathered.thinking_blocks).filter(|blocks| !blocks.is_empty()),
            tool_calls: Some(gathered.calls).filter(|calls| !calls.is_empty()),
            provider_specific_fields: fields,
            ..Message::default()
        },
        finish: Some(finish),
        native_finish,
        stop_sequence: message.stop_sequence,
        ..Choice::default()
    };
    Ok(ChatReply {
        id: message.id.unwrap_or_default(),
        model: message.model.unwrap_or_default(),
        choices: vec![choice],
        usage,
        service_tier,
        ..ChatReply::default()
    })
}

/// Fills in how much of the completion was reasoning, which Anthropic mostly does not say.
pub(crate) fn count_reasoning(usage: &mut Usage, thinking: Option<&str>, counter: Option<fn(&str) -> u64>) {
    if let (None, Some(text), Some(count)) = (usage.reasoning, thinking, counter) {
        usage.reasoning = Some(count(text).min(usage.output));
    }
}

impl Gathered {
    fn block(&mut self, position: u32, block: &Raw, encoded: &Encoded) -> Result<()> {
        let view: BlockView = serde_json::from_str(block.get())
            .map_err(|error| Error::invalid_response(format!("A content block cannot be read: {error}")))?;
        match view.kind.as_str() {
            "text" => {
                let text = view.text.unwrap_or_default();
                self.citations.extend(view.citations.and_then(|list| supported(&list, &text)));
                self.text.get_or_insert_default().push_str(&text);
            }
            "thinking" => {
                let thinking = view.thinking.unwrap_or_default();
                self.thinking.get_or_insert_default().push_str(&thinking);
                self.thinking_blocks.push(block.clone());
            }
            "redacted_thinking" => self.thinking_blocks.push(block.clone()),
            "tool_use" if is_json_tool(encoded, view.name.as_deref()) => {
                let input = view.input.as_deref().map_or("{}", RawValue::get);
                self.text.get_or_insert_default().push_str(input);
            }
            "tool_use" => {
                self.calls_tools = true;
                self.calls.push(call(position, view, encoded));
            }
            "server_tool_use" => {
                if view.name.as_deref() == Some("web_search") {
                    let query = view.input.as_deref().and_then(query);
                    let id = view.id.clone().unwrap_or_default();
                    self.searches.push(Search { id, query, sources: Vec::new() });
                }
                self.calls.push(call(position, view, encoded));
            }
            "web_search_tool_result" => {
                let id = view.tool_use_id.as_deref();
                if let Some(search) = self.searches.iter_mut().find(|search| Some(search.id.as_str()) == id) {
                    search.sources = view.content.as_deref().map(sources).unwrap_or_default();
                }
                self.results.push(block.clone());
            }
            "web_fetch_tool_result" => self.results.push(block.clone()),
            _ => self.other_results.push(block.clone()),
        }
        Ok(())
    }

    /// `provider_specific_fields` of the message: what OpenAI has no place for.
    fn fields(&self, extra: &Extra) -> Option<Raw> {
        let mut fields = Extra::new();
        let mut list = |name: &str, list: &[Raw]| {
            if !list.is_empty() {
                fields.push(name, to_raw(list));
            }
        };
        list("citations", &self.citations);
        list("thinking_blocks", &self.thinking_blocks);
        list("web_search_results", &self.results);
        let searches: Vec<Raw> = self.searches.iter().map(Search::to_raw).collect();
        list("web_search_calls", &searches);
        list("tool_results", &self.other_results);
        for name in ["container", "context_management", "stop_details"] {
            if let Some(value) = extra.get(name).filter(|value| value.get() != "null") {
                fields.push(name, value.to_owned());
            }
        }
        (!fields.is_empty()).then(|| to_raw(&fields))
    }
}

impl Search {
    fn to_raw(&self) -> Raw {
        let mut action = String::from(r#"{"type":"search""#);
        if let Some(query) = &self.query {
            let query = quote(query);
            action.push_str(&format!(r#","queries":[{query}],"query":{query}"#));
        }
        if !self.sources.is_empty() {
            let sources = self.sources.iter().map(|url| format!(r#"{{"type":"url","url":{}}}"#, quote(url)));
            action.push_str(&format!(r#","sources":[{}]"#, sources.collect::<Vec<_>>().join(",")));
        }
        let id = quote(&format!("ws_{}", self.id));
        raw(format!(r#"{{"id":{id},"action":{action}}},"status":"completed","type":"web_search_call"}}"#))
    }
}

/// Whether this tool was forced by the gateway, its arguments being the answer.
pub(crate) fn is_json_tool(encoded: &Encoded, name: Option<&str>) -> bool {
    encoded.memo.json_tool.is_some() && encoded.memo.json_tool.as_deref() == name
}

/// The client's own name of a tool.
pub(crate) fn client_name(encoded: &Encoded, name: Option<String>) -> String {
    let name = name.unwrap_or_default();
    encoded.memo.tool_names.get(&name).cloned().unwrap_or(name)
}

fn call(position: u32, view: BlockView, encoded: &Encoded) -> ToolCall {
    let arguments = view.input.as_deref().map_or("{}", RawValue::get).to_owned();
    ToolCall {
        index: Some(position),
        id: view.id,
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: Some(client_name(encoded, view.name)),
            arguments: Some(arguments),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    }
}

/// The citations of a text, each with the text that it supports.
fn supported(list: &RawValue, text: &str) -> Option<Raw> {
    let list: Vec<Extra> = serde_json::from_str(list.get()).ok()?;
    let text = raw(quote(text));
    let list: Vec<Extra> = list
        .into_iter()
        .map(|mut citation| {
            citation.push("supported_text", text.clone());
            citation
        })
        .collect();
    (!list.is_empty()).then(|| to_raw(&list))
}

fn query(input: &RawValue) -> Option<String> {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Input {
            query: Option<String>,
        }
    }
    serde_json::from_str::<Input>(input.get()).ok()?.query
}

/// URLs of the pages that a search found; none if it failed.
fn sources(content: &RawValue) -> Vec<String> {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Page {
            url: Option<String>,
        }
    }
    let pages: Vec<Page> = serde_json::from_str(content.get()).unwrap_or_default();
    pages.into_iter().filter_map(|page| page.url).collect()
}

fn parse<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::invalid_response(format!("The provider's answer cannot be read: {error}"))
            .with_body(body.clone())
    })
}
