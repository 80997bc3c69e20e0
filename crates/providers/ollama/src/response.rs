//! Whole answers.

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, FinishReason, Reply, Result, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    json,
};
use serde_json::value::RawValue;

use crate::{
    EMBED, embed, error, think,
    wire::{AnswerView, CallView, MessageView},
};

/// Reads a successful answer.
pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, body: &Bytes) -> Result<Reply> {
    if encoded.format == EMBED {
        return embed::decode(attempt, body);
    }
    let mut view = parse(body)?;
    let usage = view.usage();
    let Some(said) = view.take_message() else {
        return Err(Error::invalid_response("The provider's answer has no message.").with_body(body.clone()));
    };
    let message = message(said, &Ids::new(&attempt.call.id));
    let called = message.tool_calls.is_some();
    let choice = Choice {
        message,
        finish: Some(finish(view.done_reason.as_deref(), called)),
        native_finish: view.done_reason,
        ..Choice::default()
    };
    Ok(Reply::Chat(Box::new(ChatReply {
        // Ollama says its own bare name; clients know the model by its provider.
        model: format!("{}/{}", attempt.target.provider.id, attempt.target.model),
        choices: vec![choice],
        usage,
        ..ChatReply::default()
    })))
}

/// Checks an answer that is relayed.
pub(crate) fn inspect(body: &Bytes) -> Result<Option<Usage>> {
    parse(body).map(|view| view.usage())
}

/// Why the model stopped.
pub(crate) fn finish(word: Option<&str>, called: bool) -> FinishReason {
    match word {
        Some("length") => FinishReason::Length,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// Makes the ids of tool calls, which Ollama has none for: the same for the same call.
pub(crate) struct Ids(String);

impl Ids {
    /// For the answer to the call of that id: clients join the answers of several turns.
    pub(crate) fn new(call: &str) -> Self {
        Self(call.chars().filter(char::is_ascii_alphanumeric).collect())
    }

    pub(crate) fn id(&self, call: &CallView, number: u32) -> String {
        match call.id.as_deref() {
            Some(own) if !own.is_empty() => own.to_owned(),
            _ => format!("call_{}{number}", self.0),
        }
    }
}

/// A call's function and its arguments as text.
pub(crate) fn function(call: CallView) -> (String, String) {
    let function = call.function.unwrap_or_default();
    let arguments = function.arguments.as_deref().map(RawValue::get).filter(|text| *text != "null");
    (function.name.unwrap_or_default(), arguments.unwrap_or("{}").to_owned())
}

fn parse(body: &Bytes) -> Result<AnswerView> {
    let view: AnswerView = json::answer(body)?;
    error::check(view.error.as_deref())?;
    Ok(view)
}

fn message(said: MessageView, ids: &Ids) -> Message {
    let thinking = said.thinking.filter(|text| !text.is_empty());
    let content = said.content.unwrap_or_default();
    let (reasoning, content) = match thinking {
        Some(thinking) => (Some(thinking), content),
        None => think::split(&content),
    };
    let calls = said.tool_calls.into_iter().flatten().zip(0..).map(|(call, number)| {
        let id = ids.id(&call, number);
        let (name, arguments) = function(call);
        ToolCall {
            id: Some(id),
            kind: Some("function".to_owned()),
            function: Some(FunctionCall {
                name: Some(name),
                arguments: Some(arguments),
                ..FunctionCall::default()
            }),
            ..ToolCall::default()
        }
    });
    Message {
        role: "assistant".to_owned(),
        content: Some(Content::Text(content)),
        reasoning_content: reasoning,
        tool_calls: Some(calls.collect::<Vec<_>>()).filter(|calls| !calls.is_empty()),
        ..Message::default()
    }
}
