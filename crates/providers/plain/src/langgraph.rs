//! LangGraph: stateless runs of an assistant.

use bytes::Bytes;
use lockgate_core::{
    Extra, Raw, Result,
    hub::{Message, ToolCall},
    json::{raw, read, to_raw},
    whole::lacking,
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    answer::{Piece, Said, failed, parse, parse_event, usage},
    api::Api,
    ask::{Ask, Outgoing},
};

pub(crate) struct LangGraph;

view! {
    #[derive(Clone, Debug, Default)]
    struct Values {
        messages: Option<Vec<Turn>>,
        error as "__error__": Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Turn {
        kind as "type": Option<String>,
        role: Option<String>,
        content: Option<Raw>,
        id: Option<String>,
        usage_metadata: Option<Counted>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Part {
        text: Option<String>,
    }
}

impl Api for LangGraph {
    fn id(&self) -> &'static str {
        "langgraph"
    }

    /// The assistant is set up on its server.
    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut input = Extra::new();
        input.push("messages", to_raw(&ask.request.messages.iter().map(turn).collect::<Vec<_>>()));
        let mut body = Extra::new();
        body.push("assistant_id", to_raw(ask.model()));
        body.push("input", to_raw(&input));
        if ask.stream() {
            body.push("stream_mode", raw("\"messages-tuple\""));
        }
        ask.others(&mut body);
        let verb = if ask.stream() { "stream" } else { "wait" };
        Ok(Outgoing::json(format!("{}/runs/{verb}", ask.base()), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let values: Values = parse(body)?;
        if let Some(error) = &values.error {
            return Err(failed(error.get()));
        }
        let last = values.messages.and_then(|turns| turns.into_iter().rev().find(Turn::is_assistant));
        let Some(last) = last else { return Err(lacking("`messages`", body)) };
        let counted = last.usage_metadata.unwrap_or_default();
        Ok(Said {
            id: last.id,
            text: last.content.as_deref().map(text).unwrap_or_default(),
            usage: usage(counted.input_tokens, counted.output_tokens),
            ..Said::default()
        })
    }

    fn piece(&self, event: &str, data: &str) -> Result<Piece> {
        match event {
            "error" => Err(failed(data)),
            "end" => Ok(Piece { done: true, ..Piece::default() }),
            // Graphs inside of graphs say where they are: `messages|NAMESPACE`.
            _ if event.split('|').next() == Some("messages") => {
                let turn: Vec<Raw> = parse_event(data)?;
                let turn: Turn = turn.first().and_then(|turn| read(turn)).unwrap_or_default();
                if !turn.is_assistant() {
                    return Ok(Piece::default());
                }
                let counted = turn.usage_metadata.unwrap_or_default();
                Ok(Piece {
                    text: turn.content.as_deref().map(text).unwrap_or_default(),
                    usage: usage(counted.input_tokens, counted.output_tokens),
                    ..Piece::default()
                })
            }
            _ => Ok(Piece::default()),
        }
    }

    fn ends_unmarked(&self) -> bool {
        true
    }
}

impl Turn {
    fn is_assistant(&self) -> bool {
        let kind = self.kind.as_deref().or(self.role.as_deref());
        matches!(kind, Some("ai" | "AIMessage" | "AIMessageChunk" | "assistant"))
    }
}

/// A message in LangChain's words.
fn turn(message: &Message) -> Extra {
    let mut turn = Extra::new();
    let role = match message.role.as_str() {
        "user" => "human",
        "developer" => "system",
        role => role,
    };
    turn.push("role", to_raw(role));
    turn.push("content", message.content.as_ref().map_or_else(|| raw("\"\""), to_raw));
    if let Some(id) = &message.tool_call_id {
        turn.push("tool_call_id", to_raw(id));
    }
    if let Some(calls) = message.tool_calls.as_ref().filter(|calls| !calls.is_empty()) {
        // What another provider has signed means nothing to an agent.
        let plain = |call: &ToolCall| ToolCall { provider_specific_fields: None, ..call.clone() };
        turn.push("tool_calls", to_raw(&calls.iter().map(plain).collect::<Vec<_>>()));
    }
    turn
}

/// A text, or the texts of parts.
fn text(content: &RawValue) -> String {
    read::<String>(content).unwrap_or_else(|| {
        let parts: Vec<Raw> = read(content).unwrap_or_default();
        parts.iter().filter_map(|part| read::<String>(part).or_else(|| read::<Part>(part)?.text)).collect()
    })
}
