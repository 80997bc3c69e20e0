//! Answers by a JSON schema for versions of the API that are older than `response_format: json_schema`: the schema is the
//! one of a tool that must be called, and the call's arguments are the answer.

use std::collections::BTreeSet;

use lockgate_core::{
    ChatReply, Choice, Encoded, Error, Event, FinishReason, Payload, Raw, Result,
    hub::Content,
    wire::{Edits, Object, quote, view},
};

/// The tool's name.
const TOOL: &str = "json_tool_call";
/// The first month whose versions know schemas.
const SINCE: &str = "2024-08";

view! {
    #[derive(Clone, Debug, Default)]
    struct ResponseFormat {
        kind as "type": Option<String>,
        json_schema: Option<JsonSchema>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct JsonSchema {
        schema: Option<Raw>,
    }
}

/// Asks for a tool's call instead, if the version is too old and the client has no tools of its own.
///
/// # Errors
/// Never, unless the body that was written is no JSON object.
pub(crate) fn as_tool(encoded: &mut Encoded, version: &str) -> Result<()> {
    if version >= SINCE || !version.starts_with("20") {
        return Ok(());
    }
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    let schema = object.raw("response_format").filter(|_| !object.contains("tools")).and_then(schema);
    let Some(schema) = schema else {
        *encoded.request.body_mut() = Payload::from(object.source().clone());
        return Ok(());
    };
    let name = quote(TOOL);
    let mut edits = Edits::new();
    edits.remove("response_format");
    edits.set(
        "tools",
        format!(r#"[{{"type":"function","function":{{"name":{name},"parameters":{}}}}}]"#, schema.get()),
    );
    edits.set("tool_choice", format!(r#"{{"type":"function","function":{{"name":{name}}}}}"#));
    *encoded.request.body_mut() = object.splice(&edits);
    encoded.relay = false;
    encoded.memo.json_tool = Some(TOOL.to_owned());
    encoded.notes.rewritten.push("response_format".to_owned());
    Ok(())
}

fn schema(format: &str) -> Option<Raw> {
    let format: ResponseFormat = serde_json::from_str(format).ok()?;
    format.json_schema.filter(|_| format.kind.as_deref() == Some("json_schema"))?.schema
}

/// Makes the tool's call the answer again.
pub(crate) fn as_content(reply: &mut ChatReply) {
    reply.choices.iter_mut().for_each(choice);
}

fn choice(choice: &mut Choice) {
    let Some(calls) = choice.message.tool_calls.take() else { return };
    let mut said = None;
    let others: Vec<_> = calls
        .into_iter()
        .filter_map(|call| match call.function {
            Some(function) if function.name.as_deref() == Some(TOOL) => {
                said = function.arguments;
                None
            }
            function => Some(lockgate_core::hub::ToolCall { function, ..call }),
        })
        .collect();
    let Some(said) = said else {
        choice.message.tool_calls = Some(others);
        return;
    };
    choice.message.content = Some(Content::Text(said));
    if others.is_empty() {
        choice.finish = choice.finish.take().map(stopped);
    } else {
        choice.message.tool_calls = Some(others);
    }
}

fn stopped(finish: FinishReason) -> FinishReason {
    if finish == FinishReason::ToolCalls { FinishReason::Stop } else { finish }
}

/// The same for a stream.
#[derive(Default)]
pub(crate) struct Unwrap {
    calls: BTreeSet<(u32, u32)>,
}

impl Unwrap {
    /// The event as the client gets it; none for the start of the tool's call.
    pub(crate) fn event(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::ToolStart { choice, index, name, .. } if name == TOOL => {
                self.calls.insert((choice, index));
                None
            }
            Event::ToolArguments { choice, index, fragment } if self.calls.contains(&(choice, index)) => {
                Some(Event::Text { choice, text: fragment })
            }
            Event::Finish { choice, reason, native, stop_sequence } if !self.calls.is_empty() => {
                Some(Event::Finish { choice, reason: stopped(reason), native, stop_sequence })
            }
            other => Some(other),
        }
    }
}
