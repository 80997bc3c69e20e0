//! Bedrock's ConverseStream: binary frames.

use serde_json::{Value, json};

use super::{Ending, arguments_are_json, grow, is_told, need, text_of};
use crate::event_stream;

#[derive(Default)]
struct State {
    begun: bool,
    /// The open block's number.
    open: Option<u64>,
    blocks: u64,
    content: Vec<Value>,
    stopped: Option<Value>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Ending, String> {
    let (mut ending, mut state) = (Ending::default(), State::default());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (headers, payload, after) = event_stream::first(rest)?;
        rest = after;
        let data = String::from_utf8_lossy(payload);
        let event: Value =
            serde_json::from_slice(payload).map_err(|why| format!("{data:?} is no JSON: {why}"))?;
        let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        need(!ending.finished && ending.error.is_none(), || format!("{data} comes after the end"))?;
        match header(":message-type") {
            "exception" => {
                let name = header(":exception-type");
                need(name.ends_with("Exception") && event["message"].is_string(), || {
                    format!("an exception {name:?} with {data}")
                })?;
                need(state.stopped.is_none(), || "all is said, and then there is an error".to_owned())?;
                ending.error = Some(json!({"type": name, "message": event["message"]}));
            }
            "event" => {
                let name = header(":event-type");
                state.event(name, &event, &mut ending).map_err(|why| format!("{why}: {name} {data}"))?;
            }
            other => return Err(format!("a frame of type {other:?}")),
        }
    }
    is_told(&ending)?;
    for block in &mut state.content {
        if let Some(call) = block.get_mut("toolUse") {
            let input = text_of(call, "/input").to_owned();
            ending.tools.push((text_of(call, "/toolUseId").to_owned(), input.clone()));
            call["input"] = serde_json::from_str(&input).unwrap_or_default();
        }
    }
    if ending.finished {
        arguments_are_json(&ending.tools)?;
    }
    ending.answer = json!({"output": {"message": {"role": "assistant", "content": state.content}}, "stopReason": state.stopped, "usage": ending.usage});
    Ok(ending)
}

impl State {
    fn event(&mut self, name: &str, event: &Value, ending: &mut Ending) -> Result<(), String> {
        if name == "messageStart" {
            need(!std::mem::replace(&mut self.begun, true), || "a second start".into())?;
            return need(event["role"] == "assistant", || "the message has no role".into());
        }
        need(self.begun, || "it does not begin with messageStart".into())?;
        need(self.stopped.is_none() || name == "metadata", || "it goes on after its stop reason".into())?;
        match name {
            "contentBlockStart" => {
                self.begin(event)?;
                let call = &event["start"]["toolUse"];
                need(call["toolUseId"].is_string() && call["name"].is_string(), || {
                    "a call without id or name".into()
                })?;
                let id = &call["toolUseId"];
                let known = self.content.iter().all(|block| block["toolUse"]["toolUseId"] != *id);
                need(known, || "two calls have one id".into())?;
                self.content.push(json!({"toolUse": {"toolUseId": id, "name": call["name"], "input": ""}}));
            }
            "contentBlockDelta" => self.delta(event, ending)?,
            "contentBlockStop" => {
                need(self.open.take().is_some_and(|open| event["contentBlockIndex"] == open), || {
                    "another block than the open one stops".into()
                })?;
                self.blocks += 1;
            }
            "messageStop" => {
                const REASONS: [&str; 6] = [
                    "end_turn",
                    "tool_use",
                    "max_tokens",
                    "stop_sequence",
                    "guardrail_intervened",
                    "content_filtered",
                ];
                need(self.open.is_none(), || "the message stops within a block".into())?;
                let reason = text_of(event, "/stopReason");
                need(REASONS.contains(&reason), || format!("{reason:?} is no reason to stop"))?;
                self.stopped = Some(event["stopReason"].clone());
            }
            "metadata" => {
                need(self.stopped.is_some(), || "metadata before the stop reason".into())?;
                let usage = &event["usage"];
                let counted =
                    ["inputTokens", "outputTokens", "totalTokens"].iter().all(|own| usage[*own].is_u64());
                need(counted && event["metrics"]["latencyMs"].is_u64(), || "no usage or metrics".into())?;
                ending.usage = Some(usage.clone());
                ending.finished = true;
            }
            _ => return Err("an event that the protocol does not know".into()),
        }
        Ok(())
    }

    fn begin(&mut self, event: &Value) -> Result<(), String> {
        need(self.open.is_none(), || "a block begins within another".into())?;
        need(event["contentBlockIndex"] == self.blocks, || "blocks are not numbered one by one".into())?;
        self.open = Some(self.blocks);
        Ok(())
    }

    /// Blocks of text and reasoning begin with their first piece.
    fn delta(&mut self, event: &Value, ending: &mut Ending) -> Result<(), String> {
        let delta = &event["delta"];
        let kinds = ["text", "reasoningContent", "toolUse"];
        let mut kinds = kinds.into_iter().filter(|kind| delta.get(*kind).is_some());
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return Err("a piece that is not one thing".into());
        };
        if self.open.is_none() {
            need(kind != "toolUse", || "a call without a start".into())?;
            self.begin(event)?;
            self.content.push(if kind == "text" {
                json!({"text": ""})
            } else {
                json!({"reasoningContent": {}})
            });
        }
        need(self.open.is_some_and(|open| event["contentBlockIndex"] == open), || {
            "a piece of another block than the open one".into()
        })?;
        let block = self.content.last_mut().ok_or("no block")?;
        need(block.get(kind).is_some(), || format!("{kind} in a block of another kind"))?;
        match kind {
            "text" => {
                grow(&mut block["text"], text_of(delta, "/text"));
                ending.text += text_of(delta, "/text");
            }
            "toolUse" => grow(&mut block["toolUse"]["input"], text_of(delta, "/toolUse/input")),
            _ => {
                for member in ["text", "signature"] {
                    if let Some(piece) = delta["reasoningContent"][member].as_str() {
                        grow(&mut block["reasoningContent"]["reasoningText"][member], piece);
                    }
                }
                if let Some(data) = delta["reasoningContent"].get("redactedContent") {
                    block["reasoningContent"]["redactedContent"] = data.clone();
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check, read};
    use crate::event_stream::frame;

    #[test]
    fn what_breaks_the_protocol_is_told() {
        let event = |name: &str, payload: &str| frame("event", name, payload);
        let start = event("messageStart", r#"{"role":"assistant"}"#);
        let text = event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#);
        let close = event("contentBlockStop", r#"{"contentBlockIndex":0}"#);
        let call = event(
            "contentBlockStart",
            r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"1","name":"f"}}}"#,
        );
        let more =
            event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}"#);
        let called = event("contentBlockStop", r#"{"contentBlockIndex":1}"#);
        let stop = event("messageStop", r#"{"stopReason":"tool_use"}"#);
        let end = event(
            "metadata",
            r#"{"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2},"metrics":{"latencyMs":0}}"#,
        );
        let error = frame("exception", "throttlingException", r#"{"message":"m"}"#);
        let good =
            [&start, &text, &text, &close, &call, &more, &called, &stop, &end].map(|one| &one[..]).concat();
        let whole = check("bedrock", &good);
        assert_eq!((whole.text.as_str(), &whole.tools[..]), ("aa", &[("1".to_owned(), "{}".to_owned())][..]));
        assert!(check("bedrock", [&start[..], &text, &error].concat()).error.is_some());
        let bad: [&[&Vec<u8>]; 12] = [
            &[&text, &close, &stop, &end],
            &[&start, &start, &stop, &end],
            &[&start, &text, &stop, &end],
            &[&start, &close, &stop, &end],
            &[&start, &call, &called, &stop, &end],
            &[&start, &text, &call, &stop, &end],
            &[&start, &text, &close, &more, &called, &stop, &end],
            &[&start, &text, &close, &call, &called, &more, &stop, &end],
            &[&start, &text, &close, &end],
            &[&start, &text, &close, &stop],
            &[&start, &stop, &end, &error],
            &[&start, &stop, &text, &end],
        ];
        for (number, frames) in bad.iter().enumerate() {
            let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.iter().copied()).collect();
            assert!(read("bedrock", stream).is_err(), "{number}");
        }
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            assert!(read("bedrock", damaged).is_err(), "byte {at}");
        }
    }
}
