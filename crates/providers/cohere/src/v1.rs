//! `/v1/chat`, for models whose name has `v1/` before it: one message, what was said before, tools with parameters by
//! name. Its connectors, and models that were trained for it, are found nowhere else.

mod conversation;
mod stream;

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Extra, Format, Notes, Operation, Raw, Reply, Result, Target,
    hub::{Content, FunctionCall, Message, ToolCall},
    json, params,
    prompt::as_chat,
    wire::view,
};
use serde_json::value::RawValue;

pub use conversation::{CAMEL, Spelling, is_result, text, tool_results};
pub(crate) use stream::State;

use crate::{
    error, remarks, request, response,
    wire::{UsageView, elements, raw, to_raw},
};

/// Bodies and answers of `/v1/chat`.
pub(crate) const CHAT_V1: Format = Format("cohere.chat_v1");

/// OpenAI's parameters that are taken, without those of streams.
pub(crate) const TAKEN: [&str; 12] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

view! {
    /// A whole answer.
    #[derive(Clone, Debug, Default)]
    struct Answer {
        response_id: Option<String>,
        generation_id: Option<String>,
        text: Option<String>,
        tool_calls: Option<Raw>,
        citations: Option<Raw>,
        documents: Option<Raw>,
        finish_reason: Option<String>,
        meta: Option<UsageView>,
        /// Of an error that comes instead of an answer.
        message: Option<Raw>,
    }
}

view! {
    /// A call of one of the client's functions, whole.
    #[derive(Clone, Debug, Default)]
    struct CallView {
        name: Option<String>,
        parameters: Option<Raw>,
    }
}

/// Whether the model is asked for in the first version of the API.
pub(crate) fn is_asked(target: &Target) -> bool {
    target.model.starts_with("v1/")
}

/// Writes the request.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let given = match attempt.call.operation {
        Operation::Completion => Cow::Owned(as_chat(attempt.call.completion()?, &mut notes)?),
        _ => Cow::Borrowed(attempt.call.chat()?),
    };
    let given = params::effective(attempt, &policy, given, &mut notes)?;
    let forwarded = params::settle_foreign(attempt, &policy, &given, &TAKEN, &mut notes)?;
    let mut body = Extra::new();
    body.push("model", to_raw(request::model(attempt)));
    conversation::write(&given.messages, &mut body, &mut notes);
    if attempt.call.stream {
        body.push("stream", raw("true"));
    }
    request::sampling(&given, &mut body);
    if let Some(format) =
        given.response_format.as_deref().and_then(|wanted| request::format(wanted, "schema"))
    {
        body.push("response_format", format);
    }
    conversation::tools(&given, &mut body, &mut notes);
    // What the client says in Cohere's own words (`chat_history`, `preamble`) counts.
    given.extra.iter().for_each(|(name, _)| drop(body.remove(name)));
    request::own(attempt, &given.extra, &mut body);
    forwarded.into_iter().for_each(|(name, value)| body.push(name, value));
    request::post(attempt, "/v1/chat", body, CHAT_V1, notes)
}

/// Reads a successful answer.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let failed = answer.finish_reason.as_deref().is_some_and(is_failure);
    let nothing = answer.text.is_none() && answer.tool_calls.is_none();
    if failed || (nothing && answer.message.is_some()) {
        return Err(error::failed(answer.message.as_deref()));
    }
    if nothing {
        return Err(Error::invalid_response("The provider's answer has no text.").with_body(body.clone()));
    }
    let calls = calls(answer.tool_calls.as_deref(), &attempt.call.id);
    let choice = Choice {
        finish: Some(response::finish(answer.finish_reason.as_deref(), !calls.is_empty())),
        native_finish: answer.finish_reason,
        message: Message {
            role: "assistant".to_owned(),
            content: answer.text.map(Content::Text),
            annotations: remarks::of_documents(answer.citations.as_deref(), answer.documents.as_deref()),
            tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
            ..Message::default()
        },
        ..Choice::default()
    };
    Ok(Reply::Chat(Box::new(ChatReply {
        id: answer.response_id.or(answer.generation_id).unwrap_or_default(),
        model: request::model(attempt).to_owned(),
        choices: vec![choice],
        usage: answer.meta.and_then(|meta| meta.hub()),
        ..ChatReply::default()
    })))
}

/// Reasons to stop that leave no answer.
fn is_failure(word: &str) -> bool {
    matches!(word, "ERROR" | "USER_CANCEL")
}

/// The calls of an answer. They have no ids of their own; `call` is the gateway's id of the call.
fn calls(given: Option<&RawValue>, call: &str) -> Vec<ToolCall> {
    let own: String = call.chars().filter(char::is_ascii_alphanumeric).collect();
    let calls = elements::<CallView>(given).into_iter().zip(0_u32..);
    let call = |(view, index): (CallView, u32)| ToolCall {
        index: Some(index),
        id: Some(format!("call_{own}{index}")),
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: view.name,
            arguments: Some(view.parameters.map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned())),
            ..FunctionCall::default()
        }),
        ..ToolCall::default()
    };
    calls.map(call).collect()
}
