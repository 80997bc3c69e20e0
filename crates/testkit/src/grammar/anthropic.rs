//! Anthropic's Messages.

use serde_json::{Value, json};

use super::{Ending, arguments_are_json, events, grow, json, need, text_of};

/// A message on its way.
#[derive(Default)]
struct Message {
    begun: bool,
    blocks: u64,
    /// The open block: its type, and the JSON of its input.
    open: Option<(String, String)>,
    stopped: bool,
    id: String,
    /// The finished blocks, and the open one as far as it is known.
    content: Vec<Value>,
}

pub(super) fn read(text: &str) -> Result<Ending, String> {
    let mut ending = Ending::default();
    let mut message = Message::default();
    for (name, data) in events(text)? {
        let event = json(&data)?;
        need(event["type"] == name.as_str(), || format!("the event {name:?} has another type: {data}"))?;
        need(!ending.finished && ending.error.is_none(), || format!("{data} comes after the end"))?;
        match name.as_str() {
            "ping" => {}
            "error" => {
                need(event["error"]["message"].is_string() && event["error"]["type"].is_string(), || {
                    format!("an error without type and message: {data}")
                })?;
                ending.error = Some(event["error"].clone());
            }
            _ => take(&mut message, &mut ending, &name, &event).map_err(|why| format!("{why}: {data}"))?,
        }
    }
    if ending.finished {
        return arguments_are_json(&ending.tools).map(|()| ending);
    }
    need(ending.error.is_some(), || "it just ends".to_owned())?;
    need(!message.stopped, || "all is said, and then there is an error".to_owned())?;
    Ok(ending)
}

fn take(message: &mut Message, ending: &mut Ending, name: &str, event: &Value) -> Result<(), String> {
    if name == "message_start" {
        need(!message.begun, || "a second start".into())?;
        let start = &event["message"];
        need(start["role"] == "assistant" && start["type"] == "message", || "no message".into())?;
        need(start["id"].is_string() && start["model"].is_string(), || "no id or model".into())?;
        need(start["content"] == Value::Array(Vec::new()), || "it starts with content".into())?;
        need(start["usage"]["input_tokens"].is_u64(), || "it starts without usage".into())?;
        message.begun = true;
        return Ok(());
    }
    need(message.begun, || "it does not begin with message_start".into())?;
    need(!message.stopped || name == "message_stop", || "it goes on after its stop reason".into())?;
    match name {
        "content_block_start" => {
            need(message.open.is_none(), || "a block begins within another".into())?;
            need(event["index"] == message.blocks, || "blocks are not numbered one by one".into())?;
            let kind = text_of(event, "/content_block/type").to_owned();
            need(!kind.is_empty(), || "a block without type".into())?;
            message.id = text_of(event, "/content_block/id").to_owned();
            if kind == "tool_use" {
                let named = !message.id.is_empty() && !text_of(event, "/content_block/name").is_empty();
                need(named && event["content_block"]["input"].is_object(), || {
                    "a tool call begins without id, name or input".into()
                })?;
                need(ending.tools.iter().all(|(id, _)| *id != message.id), || {
                    "two tool calls have one id".into()
                })?;
            }
            message.content.push(event["content_block"].clone());
            message.open = Some((kind, String::new()));
        }
        "content_block_delta" => delta(message, ending, event)?,
        "content_block_stop" => {
            need(event["index"] == message.blocks, || "another block than the open one stops".into())?;
            let (kind, input) = message.open.take().ok_or("a block stops that is not open")?;
            if let (false, Some(block)) = (input.is_empty(), message.content.last_mut()) {
                block["input"] = json(&input)?;
            }
            if kind == "tool_use" {
                ending.tools.push((std::mem::take(&mut message.id), input));
            }
            message.blocks += 1;
        }
        "message_delta" => {
            need(message.open.is_none(), || "the message stops within a block".into())?;
            need(event["delta"]["stop_reason"].is_string(), || "no stop reason".into())?;
            need(event["usage"]["output_tokens"].is_u64(), || "no usage at the end".into())?;
            ending.usage = Some(event["usage"].clone());
            ending.answer = json!({"type": "message", "role": "assistant", "content": message.content,
                "stop_reason": event["delta"]["stop_reason"], "usage": event["usage"]});
            message.stopped = true;
        }
        "message_stop" => {
            need(message.stopped, || "it stops without a reason".into())?;
            ending.finished = true;
        }
        _ => return Err("an event that the protocol does not know".into()),
    }
    Ok(())
}

fn delta(message: &mut Message, ending: &mut Ending, event: &Value) -> Result<(), String> {
    need(event["index"] == message.blocks, || "a delta of another block than the open one".into())?;
    let (kind, input) = message.open.as_mut().ok_or("a delta without a block")?;
    let delta = text_of(event, "/delta/type");
    let fits = match kind.as_str() {
        "text" => matches!(delta, "text_delta" | "citations_delta"),
        "thinking" => matches!(delta, "thinking_delta" | "signature_delta"),
        "tool_use" | "server_tool_use" => delta == "input_json_delta",
        _ => true,
    };
    need(fits, || format!("a {delta} in a block of {kind}"))?;
    *input += text_of(event, "/delta/partial_json");
    ending.text += text_of(event, "/delta/text");
    if let Some(block) = message.content.last_mut() {
        for member in ["text", "thinking", "signature"] {
            if let Some(piece) = event["delta"][member].as_str() {
                grow(&mut block[member], piece);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{check, json, read};

    #[test]
    fn what_breaks_anthropics_protocol_is_told() {
        let event = |data: &str| {
            let kind = json(data).unwrap()["type"].as_str().unwrap().to_owned();
            format!("event: {kind}\ndata: {data}\n\n")
        };
        let start = event(
            r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#,
        );
        let open =
            event(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#);
        let text =
            event(r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#);
        let close = event(r#"{"type":"content_block_stop","index":0}"#);
        let delta = event(
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
        );
        let stop = event(r#"{"type":"message_stop"}"#);
        let error = event(r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#);
        let ping = event(r#"{"type":"ping"}"#);
        let good = format!("{start}{open}{ping}{text}{close}{delta}{stop}");
        assert_eq!(check("anthropic", &good).text, "a");
        assert!(check("anthropic", format!("{start}{open}{text}{error}")).error.is_some());
        for bad in [
            format!("{open}{text}{close}{delta}{stop}"),
            format!("{start}{start}{delta}{stop}"),
            format!("{start}{open}{text}{delta}{stop}"),
            format!("{start}{open}{close}{open}{close}{delta}{stop}"),
            format!("{start}{text}{delta}{stop}"),
            format!("{start}{open}{close}{stop}"),
            format!("{start}{open}{close}{delta}"),
            format!("{start}{delta}{stop}{error}"),
            format!("{start}{delta}{open}{close}{stop}"),
            format!("{start}{open}{}{close}{delta}{stop}", text.replace("text_delta", "input_json_delta")),
            format!("{start}{delta}{}", stop.replace("event: message_stop\n", "")),
        ] {
            assert!(read("anthropic", &bad).is_err(), "{bad}");
        }
    }
}
