//! Functions that the model calls, as OpenAI's clients know them.

use bytes::Bytes;
use lockgate_core::{
    ChatReply, Extra, FinishReason, Raw,
    hub::{Content, FunctionCall, ToolCall},
    json::{raw, read, to_raw},
    wire::quote,
};

/// A whole answer whose functions' arguments are text.
pub(crate) fn as_text(body: Bytes) -> Bytes {
    edited(&body).map_or(body, Bytes::from)
}

fn edited(body: &[u8]) -> Option<Vec<u8>> {
    let mut answer: Extra = serde_json::from_slice(body).ok()?;
    let mut choices: Vec<Extra> = read(answer.get("choices")?)?;
    let mut changed = false;
    for choice in &mut choices {
        let Some(mut message) = choice.get("message").and_then(read::<Extra>) else { continue };
        let Some(call) = message.get("function_call").and_then(with_text) else { continue };
        message.push("function_call", call);
        choice.push("message", to_raw(&message));
        changed = true;
    }
    answer.push("choices", to_raw(&choices));
    changed.then(|| serde_json::to_vec(&answer).ok()).flatten()
}

/// The call with its arguments as text; nothing if they are text already.
pub(crate) fn with_text(call: &serde_json::value::RawValue) -> Option<Raw> {
    let mut call: Extra = read(call)?;
    let arguments = call.get("arguments").filter(|arguments| !arguments.get().starts_with('"'))?;
    let text = raw(quote(arguments.get()));
    call.push("arguments", text);
    Some(to_raw(&call))
}

/// The call of the function that stands for the form of the answer, as the answer's text.
pub(crate) fn as_content(reply: &mut ChatReply, form: &str) {
    for choice in &mut reply.choices {
        let call = choice.message.function_call.take_if(|call| call.name.as_deref() == Some(form));
        let Some(call) = call else { continue };
        choice.message.content = Some(Content::Text(call.arguments.unwrap_or_default()));
        if matches!(choice.finish, Some(FinishReason::FunctionCall)) {
            choice.finish = Some(FinishReason::Stop);
        }
    }
}

/// Calls of functions as calls of tools.
pub(crate) fn as_tools(reply: &mut ChatReply) {
    let answer = reply.id.clone();
    for choice in &mut reply.choices {
        let Some(call) = choice.message.function_call.take() else { continue };
        let id = format!("call_{answer}_{}", choice.index);
        choice.message.tool_calls = Some(vec![tool(id, call)]);
        if matches!(choice.finish, Some(FinishReason::FunctionCall)) {
            choice.finish = Some(FinishReason::ToolCalls);
        }
    }
}

fn tool(id: String, function: FunctionCall) -> ToolCall {
    ToolCall {
        id: Some(id),
        kind: Some("function".to_owned()),
        function: Some(function),
        ..ToolCall::default()
    }
}
