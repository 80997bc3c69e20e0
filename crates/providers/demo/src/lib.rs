//! A provider without a provider: echoes the prompt, calls the first tool, counts its words.

mod schema;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, ChatReply, Choice, Dialect, EmbeddingReply, Encoded, Error, FinishReason, Notes,
    Operation, Probe, Raw, Reply, Result, StreamDecoder, StreamEnd, Target, Usage,
    hub::{ChatRequest, Content, FunctionCall, Message, ToolCall, ToolChoice},
    prompt,
};

/// The dialect of a provider that answers by itself.
pub struct Demo;

impl Dialect for Demo {
    fn id(&self) -> &'static str {
        "demo"
    }

    fn local(&self, call: &Call, target: &Target) -> Option<Result<Reply>> {
        Some(match call.operation {
            Operation::Chat => call.chat().map(|request| Reply::Chat(Box::new(answer(request, target)))),
            Operation::Completion => completion(call, target),
            Operation::Embedding => embed(call, target),
            Operation::CountTokens => call.chat().map(|request| Reply::TokenCount { input: words(request) }),
            other => Err(Error::bad_request(format!("The demo provider has no {other}."))),
        })
    }

    fn encode(&self, _: &Attempt<'_>) -> Result<Encoded> {
        Err(no_upstream())
    }

    fn decode(&self, _: &Attempt<'_>, _: &Encoded, _: &Parts, _: Bytes) -> Result<Reply> {
        Err(no_upstream())
    }

    fn stream(&self, _: &Attempt<'_>, _: &Encoded, _: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(Nothing)
    }

    fn reject(&self, _: &Attempt<'_>, _: &Parts, _: &Bytes) -> Error {
        no_upstream()
    }

    fn inspect(&self, _: &Encoded, _: &Parts, _: &Bytes) -> Result<Option<Usage>> {
        Err(no_upstream())
    }

    fn probe(&self, _: &Encoded) -> Box<dyn Probe> {
        Box::new(Nothing)
    }
}

fn completion(call: &Call, target: &Target) -> Result<Reply> {
    let request = prompt::as_chat(call.completion()?, &mut Notes::default())?;
    let reply = answer(&request, target);
    Ok(if call.stream { Reply::Chat(Box::new(reply)) } else { Reply::Completion(Box::new(reply.into())) })
}

fn answer(request: &ChatRequest, target: &Target) -> ChatReply {
    let (message, finish) = match tool_call(request) {
        Some(tool) => (Message { tool_calls: Some(vec![tool]), ..assistant() }, FinishReason::ToolCalls),
        None => (Message { content: Some(Content::Text(echo(request))), ..assistant() }, FinishReason::Stop),
    };
    let output =
        message.content.as_ref().map_or(8, |content| content.text().split_whitespace().count() as u64);
    ChatReply {
        model: target.model.to_string(),
        choices: vec![Choice { message, finish: Some(finish), ..Choice::default() }],
        usage: Some(Usage { input: words(request), output, ..Usage::default() }),
        ..ChatReply::default()
    }
}

fn assistant() -> Message {
    Message { role: "assistant".to_owned(), ..Message::default() }
}

fn echo(request: &ChatRequest) -> String {
    let last = request
        .messages
        .iter()
        .rev()
        .find(|message| matches!(message.role.as_str(), "user" | "tool" | "function"));
    let text = last.and_then(|message| message.content.as_ref()).map(Content::text).unwrap_or_default();
    format!("You said: {text}")
}

/// The call that a real model would make at the start of a tool loop.
fn tool_call(request: &ChatRequest) -> Option<ToolCall> {
    let answered = request.messages.iter().any(|message| matches!(&*message.role, "tool" | "function"));
    let named = match &request.tool_choice {
        Some(ToolChoice::None) => return None,
        Some(ToolChoice::Function(name)) => Some(name.as_str()),
        _ if answered => return None,
        _ => None,
    };
    let tools = request.tools.iter().flatten().filter_map(|tool| tool.function.as_ref());
    let function = tools
        .chain(request.functions.iter().flatten())
        .find(|function| named.is_none_or(|name| function.name == name))?;
    let arguments = function.parameters.as_deref().map_or_else(|| "{}".to_owned(), schema::example);
    Some(ToolCall {
        id: Some(format!("call_demo_{}", request.messages.len())),
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: Some(function.name.clone()),
            arguments: Some(arguments),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    })
}

fn words(request: &ChatRequest) -> u64 {
    let contents = request.messages.iter().filter_map(|message| message.content.as_ref());
    contents.map(|content| content.text().split_whitespace().count() as u64).sum()
}

fn embed(call: &Call, target: &Target) -> Result<Reply> {
    let texts = call.embedding()?.texts()?;
    let input = texts.iter().map(|text| text.split_whitespace().count() as u64).sum();
    let vectors = texts.iter().map(|text| vector(text)).collect::<Result<_>>()?;
    let usage = Some(Usage { input, ..Usage::default() });
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: target.model.to_string(),
        vectors,
        usage,
        ..EmbeddingReply::default()
    })))
}

/// Eight numbers in [-1, 1] from an FNV hash of the text.
fn vector(text: &str) -> Result<Raw> {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let numbers: Vec<f64> = hash.to_be_bytes().iter().map(|byte| f64::from(*byte) / 127.5 - 1.0).collect();
    serde_json::value::to_raw_value(&numbers).map_err(|_| Error::internal("A vector could not be written."))
}

fn no_upstream() -> Error {
    Error::internal("The demo provider has no upstream.")
}

/// The reader of streams that never come.
struct Nothing;

impl StreamDecoder for Nothing {
    fn feed(&mut self, _: &[u8], _: &mut Vec<lockgate_core::Event>) -> Result<()> {
        Err(no_upstream())
    }
    fn finish(&mut self, _: &mut Vec<lockgate_core::Event>) -> Result<()> {
        Err(no_upstream())
    }
}

impl Probe for Nothing {
    fn pass(&mut self, _: Bytes) -> Result<Bytes> {
        Err(no_upstream())
    }
    fn finish(&mut self) -> StreamEnd {
        StreamEnd { error: Some(no_upstream()), ..StreamEnd::default() }
    }
    fn usage(&self) -> Option<Usage> {
        None
    }
    fn chunks(&self) -> u64 {
        0
    }
}
