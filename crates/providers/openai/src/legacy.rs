//! Answers for clients that asked with `functions`, the form before tools: one call, and it has no id.

use std::borrow::Cow;

use lockgate_core::{Call, ChatReply, FinishReason, Operation, hub::ToolChoice, json::read, wire::view};
use serde_json::value::RawValue;

/// Whether the client asked in that form, and not with tools as well.
pub(crate) fn asked(call: &Call) -> bool {
    let given = |name: &str| call.body.raw(name).is_some_and(|value| !matches!(value, "null" | "[]"));
    call.operation == Operation::Chat && given("functions") && !given("tools")
}

/// Which function is to be called, in the words for tools.
pub(crate) fn choice(function_call: &RawValue) -> Option<ToolChoice> {
    view! {
        #[derive(Default)]
        struct Named {
            name: String,
        }
    }
    match read::<Named>(function_call) {
        Some(named) => Some(ToolChoice::Function(named.name)),
        None => read(function_call),
    }
}

/// The answer with its first call of a tool as the call of a function.
pub(crate) fn reply<'a>(call: &Call, reply: &'a ChatReply) -> Cow<'a, ChatReply> {
    let calls = |reply: &ChatReply| reply.choices.iter().any(|choice| choice.message.tool_calls.is_some());
    if !asked(call) || !calls(reply) {
        return Cow::Borrowed(reply);
    }
    let mut reply = reply.clone();
    for choice in &mut reply.choices {
        let called = choice.message.tool_calls.take().and_then(|calls| calls.into_iter().next());
        if let Some(called) = called {
            choice.message.function_call = called.function;
            choice.finish = choice.finish.take().map(finish);
        }
    }
    Cow::Owned(reply)
}

/// Why the model stopped, in that form's words.
pub(crate) fn finish(reason: FinishReason) -> FinishReason {
    match reason {
        FinishReason::ToolCalls => FinishReason::FunctionCall,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lockgate_core::{
        Choice, Event, Payload, Reply, Surface,
        hub::{FunctionCall, Message, ToolCall},
    };

    use crate::OpenAiSurface;

    static SURFACE: OpenAiSurface = OpenAiSurface;

    fn call(body: &'static str) -> super::Call {
        let asked = super::Operation::Chat.into();
        SURFACE.read(asked, http::HeaderMap::new(), Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn text(payload: Payload) -> String {
        String::from_utf8(payload.into_bytes().to_vec()).unwrap()
    }

    #[test]
    fn whoever_asks_with_functions_gets_a_call_of_a_function() {
        let function = FunctionCall {
            name: Some("f".to_owned()),
            arguments: Some("{}".to_owned()),
            ..FunctionCall::default()
        };
        let called = ToolCall { id: Some("1".to_owned()), function: Some(function), ..ToolCall::default() };
        let message = Message { tool_calls: Some(vec![called]), ..Message::default() };
        let finish = Some(super::FinishReason::ToolCalls);
        let choice = Choice { message, finish, ..Choice::default() };
        let reply = Reply::Chat(Box::new(super::ChatReply { choices: vec![choice], ..Default::default() }));
        let old = call(r#"{"model":"m","messages":[],"functions":[{"name":"f"}]}"#);
        let out = text(SURFACE.write(&old, &reply).unwrap());
        assert!(out.contains(r#""function_call":{"name":"f","arguments":"{}"}"#), "{out}");
        assert!(out.contains(r#""finish_reason":"function_call""#) && !out.contains("tool_calls"), "{out}");
        let new = call(r#"{"model":"m","messages":[],"tools":[]}"#);
        assert!(text(SURFACE.write(&new, &reply).unwrap()).contains("tool_calls"));
    }

    #[test]
    fn in_a_stream_as_well() {
        let old = call(r#"{"model":"m","messages":[],"stream":true,"functions":[{"name":"f"}]}"#);
        let mut encoder = SURFACE.encoder(&old);
        let mut out = Vec::new();
        let start = |index, name: &str| Event::ToolStart {
            choice: 0,
            index,
            id: "1".to_owned(),
            name: name.to_owned(),
            extra: None,
        };
        let reason = super::FinishReason::ToolCalls;
        for event in [
            start(0, "f"),
            Event::ToolArguments { choice: 0, index: 0, fragment: "{}".to_owned() },
            start(1, "g"),
            Event::Finish { choice: 0, reason, native: None, stop_sequence: None },
        ] {
            encoder.event(&event, &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(r#""function_call":{"name":"f","arguments":""}"#), "{out}");
        assert!(out.contains(r#""delta":{"function_call":{"arguments":"{}"}}"#), "{out}");
        assert!(out.contains(r#""finish_reason":"function_call""#) && !out.contains("\"g\""), "{out}");
    }
}
