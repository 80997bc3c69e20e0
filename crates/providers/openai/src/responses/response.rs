//! A whole answer of the Responses API.

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    ChatReply, Choice, Error, Extra, FinishReason, Quirks, Raw, Reply, Result, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    json::{self, Count, to_raw},
    refusal::is_error,
    wire::lenient_view,
};

use super::reasoning;
use crate::{error, usage};

lenient_view! {
    /// The response object, also inside events.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct WireResponse {
        pub(crate) id: String,
        pub(crate) created_at: Count,
        pub(crate) model: String,
        pub(crate) status: String,
        pub(crate) output: Vec<Item>,
        pub(crate) usage: Raw,
        pub(crate) error: Raw,
        pub(crate) incomplete_details: Incomplete,
        pub(crate) service_tier: String,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Incomplete {
        pub(crate) reason: String,
    }
}

lenient_view! {
    /// An output item.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Item {
        pub(crate) kind as "type": String,
        pub(crate) id: String,
        pub(crate) call_id: String,
        pub(crate) name: String,
        pub(crate) arguments: String,
        pub(crate) content: Vec<ItemPart>,
        pub(crate) summary: Vec<ItemPart>,
        ..pub(crate) extra
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ItemPart {
        pub(crate) kind as "type": String,
        pub(crate) text: String,
        pub(crate) refusal: String,
        pub(crate) annotations: Vec<Raw>,
        ..pub(crate) extra
    }
}

/// Reads an answer. `blocks`: for a client of a surface of blocks, which gets reasoning as one.
///
/// # Errors
/// It is no response, or a failed one.
pub(crate) fn decode(quirks: &Quirks, blocks: bool, head: &Parts, body: &Bytes) -> Result<Reply> {
    let wire: WireResponse = json::answer(body)?;
    if let Some(text) = wire.error.as_deref().map(|raw| raw.get()).filter(|text| is_error(text)) {
        return Err(error::in_answer(text, &head.headers).with_body(body.clone()));
    }
    let Some(output) = &wire.output else {
        return Err(Error::invalid_response("The provider's answer has no `output`.").with_body(body.clone()));
    };
    let mut message = message(output);
    if blocks {
        let blocks: Vec<Raw> = output.iter().filter_map(reasoning::block).collect();
        message.thinking_blocks = Some(blocks).filter(|blocks| !blocks.is_empty());
    }
    let called = message.tool_calls.is_some();
    Ok(Reply::Chat(Box::new(ChatReply {
        id: wire.id.clone().unwrap_or_default(),
        model: wire.model.clone().unwrap_or_default(),
        created: wire.created_at.map(|count| count.0).and_then(|seconds| i64::try_from(seconds).ok()),
        choices: vec![Choice { finish: Some(wire.finish(called)), message, ..Choice::default() }],
        usage: wire.usage(quirks),
        ..ChatReply::default()
    })))
}

impl WireResponse {
    /// Why it ended.
    pub(crate) fn finish(&self, called_tools: bool) -> FinishReason {
        let reason = self.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
        match (self.status.as_deref(), reason) {
            (Some("incomplete"), Some("content_filter")) => FinishReason::ContentFilter,
            (Some("incomplete"), _) => FinishReason::Length,
            _ if called_tools => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        }
    }

    /// What it consumed.
    pub(crate) fn usage(&self, quirks: &Quirks) -> Option<Usage> {
        let mut usage = usage::read(self.usage.as_deref()?, quirks)?;
        usage.service_tier = usage.service_tier.or_else(|| self.service_tier.clone());
        Some(usage)
    }
}

/// All items as one message.
fn message(output: &[Item]) -> Message {
    let mut texts = Vec::new();
    let mut refusal = String::new();
    let mut thoughts = Vec::new();
    let mut reasoning_items = Vec::new();
    let mut annotations = Vec::new();
    let mut calls = Vec::new();
    for item in output {
        match item.kind.as_deref().unwrap_or_default() {
            "message" => {
                for part in item.content.iter().flatten() {
                    texts.extend(part.text.clone());
                    refusal.push_str(part.refusal.as_deref().unwrap_or_default());
                    annotations.extend(part.annotations.iter().flatten().cloned());
                }
            }
            "reasoning" => {
                thoughts.push(reasoning::text(item));
                reasoning_items.push(reasoning_item(item));
            }
            "function_call" => calls.push(ToolCall {
                index: u32::try_from(calls.len()).ok(),
                id: item.call_id.clone().or_else(|| item.id.clone()),
                kind: Some("function".to_owned()),
                function: Some(FunctionCall {
                    name: item.name.clone(),
                    arguments: item.arguments.clone(),
                    ..FunctionCall::default()
                }),
                ..ToolCall::default()
            }),
            _ => {}
        }
    }
    let mut extra = Extra::new();
    if !reasoning_items.is_empty() {
        extra.push("reasoning_items", to_raw(&reasoning_items));
    }
    Message {
        role: "assistant".to_owned(),
        content: (!texts.is_empty()).then(|| Content::Text(texts.concat())),
        refusal: Some(refusal).filter(|refusal| !refusal.is_empty()),
        reasoning_content: Some(thoughts.join("\n\n")).filter(|text| !text.is_empty()),
        annotations: (!annotations.is_empty()).then(|| to_raw(&annotations)),
        tool_calls: (!calls.is_empty()).then_some(calls),
        extra,
        ..Message::default()
    }
}

/// A reasoning item as it came, for the client to send back.
fn reasoning_item(item: &Item) -> Raw {
    to_raw(&Present(item))
}

/// An item without the members that this crate's view adds.
struct Present<'a>(&'a Item);

impl serde::Serialize for Present<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let item = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "reasoning")?;
        if let Some(id) = &item.id {
            map.serialize_entry("id", id)?;
        }
        for (key, list) in [("summary", &item.summary), ("content", &item.content)] {
            if let Some(list) = list {
                let parts: Vec<Raw> = list.iter().map(part).collect();
                map.serialize_entry(key, &parts)?;
            }
        }
        item.extra.serialize_into(&mut map)?;
        map.end()
    }
}

fn part(part: &ItemPart) -> Raw {
    let json = crate::json::Json::new()
        .maybe("type", part.kind.as_deref())
        .maybe("text", part.text.as_deref())
        .extra(&part.extra);
    json.finish()
}
