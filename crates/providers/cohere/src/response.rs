//! Whole answers.

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, FinishReason, Format, Operation, Reply, Result, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    json,
};

use crate::{
    CHAT, EMBED, PARSE, embed, error, remarks, request,
    v1::{self, CHAT_V1},
    wire::{AnswerView, CallView, MessageView, elements, parts, read},
};

/// Reads a successful answer.
pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, body: &Bytes) -> Result<Reply> {
    if encoded.format == EMBED {
        return embed::decode(attempt, body);
    }
    if encoded.format == PARSE {
        return crate::parse::decode(attempt, body);
    }
    if encoded.format == CHAT_V1 {
        return v1::decode(attempt, body);
    }
    let view = parse(body)?;
    let Some(said) = view.message.as_deref().and_then(read::<MessageView>) else {
        return Err(Error::invalid_response("The provider's answer has no message.").with_body(body.clone()));
    };
    let message = message(said);
    let called = message.tool_calls.is_some();
    let asked = attempt.call.operation == Operation::Chat && attempt.call.chat()?.logprobs == Some(true);
    let choice = Choice {
        finish: Some(finish(view.finish_reason.as_deref(), called)),
        native_finish: view.finish_reason,
        logprobs: view.logprobs.filter(|_| asked).as_deref().and_then(remarks::logprobs),
        message,
        ..Choice::default()
    };
    Ok(Reply::Chat(Box::new(ChatReply {
        id: view.id.unwrap_or_default(),
        model: request::model(attempt).to_owned(),
        choices: vec![choice],
        usage: view.usage.and_then(|usage| usage.hub()),
        ..ChatReply::default()
    })))
}

/// Checks an answer that is relayed.
pub(crate) fn inspect(format: Format, body: &Bytes) -> Result<Option<Usage>> {
    if format != CHAT {
        return embed::inspect(body);
    }
    parse(body).map(|view| view.usage.and_then(|usage| usage.hub()))
}

/// Why the model stopped.
pub(crate) fn finish(word: Option<&str>, called: bool) -> FinishReason {
    match word {
        // Time that ran out leaves an answer as incomplete as tokens that did.
        Some("MAX_TOKENS" | "TIMEOUT" | "ERROR_LIMIT") => FinishReason::Length,
        Some("ERROR_TOXIC") => FinishReason::ContentFilter,
        Some("TOOL_CALL") => FinishReason::ToolCalls,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn parse(body: &Bytes) -> Result<AnswerView> {
    let view: AnswerView = json::answer(body)?;
    let message = view.message.as_deref();
    match view.finish_reason.as_deref() {
        Some("ERROR") => Err(error::failed(None)),
        // An error has its words where an answer has its message.
        None if message.is_some_and(|message| read::<String>(message).is_some()) => {
            Err(error::failed(message))
        }
        _ => Ok(view),
    }
}

fn message(said: MessageView) -> Message {
    let (mut text, mut reasoning) = (None::<String>, said.tool_plan.filter(|plan| !plan.is_empty()));
    for part in parts(said.content.as_deref()) {
        if let Some(more) = part.text {
            text.get_or_insert_default().push_str(&more);
        }
        if let Some(more) = part.thinking {
            reasoning.get_or_insert_default().push_str(&more);
        }
    }
    let calls: Vec<ToolCall> =
        elements(said.tool_calls.as_deref()).into_iter().zip(0..).map(tool_call).collect();
    Message {
        role: "assistant".to_owned(),
        content: text.map(Content::Text),
        reasoning_content: reasoning,
        annotations: remarks::annotations(said.citations.as_deref()),
        tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
        ..Message::default()
    }
}

fn tool_call((call, index): (CallView, u32)) -> ToolCall {
    let function = call.function.unwrap_or_default();
    let arguments = function.arguments.filter(|text| !text.is_empty()).unwrap_or_else(|| "{}".to_owned());
    ToolCall {
        index: Some(index),
        id: call.id,
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: function.name,
            arguments: Some(arguments),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    }
}
