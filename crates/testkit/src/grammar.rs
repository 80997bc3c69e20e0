//! STR-5: what the bytes of a client's stream must look like, surface by surface, as a state machine of its own: it
//! shares nothing with the encoders.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a stream came to.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Whether it ended as its protocol demands.
    pub finished: bool,
    /// What the client was told if it did not.
    pub error: Option<Value>,
    /// The usage that it gave.
    pub usage: Option<Value>,
    /// All text of the first answer.
    pub text: String,
    /// Tool calls: id and joined arguments.
    pub tools: Vec<(String, String)>,
}

/// Reads a stream of that surface (`openai`: chat completions, `anthropic`: messages).
///
/// # Errors
/// What breaks the protocol, and where.
pub fn read(surface: &str, text: &str) -> Result<Ending, String> {
    match surface {
        "openai" => openai(text),
        "anthropic" => anthropic(text),
        other => Err(format!("no grammar is known for {other}")),
    }
}

/// As [`read`], and panics if the protocol is broken.
pub fn check(surface: &str, text: &str) -> Ending {
    read(surface, text).unwrap_or_else(|why| panic!("{surface}: {why} in the stream:\n{text}"))
}

fn need(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// Events: name and data. Every line is a field or a comment, every event ends with a blank line.
fn events(text: &str) -> Result<Vec<(String, String)>, String> {
    need(text.is_empty() || text.ends_with("\n\n"), || "the last event is not ended".to_owned())?;
    let mut events = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        let (mut name, mut data) = (String::new(), None::<String>);
        for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
            match line.split_once(':') {
                Some(("event", value)) => value.trim().clone_into(&mut name),
                Some(("data", value)) => {
                    need(data.is_none(), || format!("data in two lines: {block:?}"))?;
                    data = Some(value.trim_start().to_owned());
                }
                _ => return Err(format!("a line that is none of the protocol: {line:?}")),
            }
        }
        match data {
            Some(data) => events.push((name, data)),
            None => need(name.is_empty(), || format!("an event without data: {block:?}"))?,
        }
    }
    Ok(events)
}

fn json(data: &str) -> Result<Value, String> {
    serde_json::from_str(data).map_err(|why| format!("{data:?} is no JSON: {why}"))
}

fn text_of<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// One answer of a chat.
#[derive(Default)]
struct Choice {
    begun: bool,
    finished: bool,
    tools: Vec<(String, String)>,
}

fn openai(text: &str) -> Result<Ending, String> {
    let mut ending = Ending::default();
    let mut choices: BTreeMap<u64, Choice> = BTreeMap::new();
    let mut id = None::<Value>;
    for (name, data) in events(text)? {
        need(!ending.finished && ending.error.is_none(), || format!("{data} comes after the end"))?;
        if data == "[DONE]" {
            ending.finished = true;
            continue;
        }
        let chunk = json(&data)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            need(error["message"].is_string(), || format!("an error without a message: {data}"))?;
            ending.error = Some(error.clone());
            continue;
        }
        need(name.is_empty(), || format!("an event with a name: {name}"))?;
        need(chunk["object"] == "chat.completion.chunk", || format!("no chunk: {data}"))?;
        need(chunk["id"].is_string() && chunk["created"].is_i64(), || format!("no id or date: {data}"))?;
        let first = id.get_or_insert_with(|| chunk["id"].clone());
        need(*first == chunk["id"], || format!("the id changes: {data}"))?;
        let list = chunk["choices"].as_array().ok_or_else(|| format!("no list of choices: {data}"))?;
        if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
            need(ending.usage.is_none(), || "usage comes twice".to_owned())?;
            ending.usage = Some(usage.clone());
        }
        for choice in list {
            let index = choice["index"].as_u64().ok_or_else(|| format!("a choice without index: {data}"))?;
            openai_choice(choices.entry(index).or_default(), choice)
                .map_err(|why| format!("{why}: {data}"))?;
            if index == 0 {
                ending.text += text_of(choice, "/delta/content");
            }
        }
    }
    if ending.finished {
        need(!choices.is_empty(), || "no answer at all".to_owned())?;
        need(choices.values().all(|choice| choice.finished), || "an answer without a finish".to_owned())?;
    } else {
        need(ending.error.is_some(), || "it just ends".to_owned())?;
        need(choices.values().any(|choice| !choice.finished) || choices.is_empty(), || {
            "all is said, and then there is an error".to_owned()
        })?;
    }
    ending.tools = choices.remove(&0).map(|choice| choice.tools).unwrap_or_default();
    if ending.finished {
        arguments_are_json(&ending.tools)?;
    }
    Ok(ending)
}

fn openai_choice(state: &mut Choice, choice: &Value) -> Result<(), String> {
    let delta = &choice["delta"];
    let says = delta.as_object().is_some_and(|delta| delta.values().any(|value| !value.is_null()));
    need(!state.finished || !says && choice["finish_reason"].is_null(), || {
        "it goes on after its finish".into()
    })?;
    if !state.begun && says {
        need(delta["role"] == "assistant", || "the first delta names no role".into())?;
        state.begun = true;
    }
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        let at = call["index"].as_u64().ok_or("a tool call without index")? as usize;
        if at == state.tools.len() {
            need(call["type"] == "function", || "a tool call begins without type".into())?;
            let (id, name) = (text_of(call, "/id"), text_of(call, "/function/name"));
            need(!id.is_empty() && !name.is_empty(), || "a tool call begins without id or name".into())?;
            need(state.tools.iter().all(|(known, _)| known != id), || "two tool calls have one id".into())?;
            state.tools.push((id.to_owned(), String::new()));
        }
        let known = state.tools.get_mut(at).ok_or("tool calls are not numbered one by one")?;
        let id = text_of(call, "/id");
        need(id.is_empty() || id == known.0, || "a tool call changes its id".into())?;
        known.1 += text_of(call, "/function/arguments");
    }
    if let Some(reason) = choice["finish_reason"].as_str() {
        const REASONS: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];
        need(REASONS.contains(&reason), || format!("{reason} is no reason to finish"))?;
        state.finished = true;
    }
    Ok(())
}

/// A message on its way.
#[derive(Default)]
struct Message {
    begun: bool,
    blocks: u64,
    /// The open block: its type, and the JSON of its input.
    open: Option<(String, String)>,
    stopped: bool,
    id: String,
}

fn anthropic(text: &str) -> Result<Ending, String> {
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
            _ => anthropic_event(&mut message, &mut ending, &name, &event)
                .map_err(|why| format!("{why}: {data}"))?,
        }
    }
    if ending.finished {
        return arguments_are_json(&ending.tools).map(|()| ending);
    }
    need(ending.error.is_some(), || "it just ends".to_owned())?;
    need(!message.stopped, || "all is said, and then there is an error".to_owned())?;
    Ok(ending)
}

fn anthropic_event(
    message: &mut Message,
    ending: &mut Ending,
    name: &str,
    event: &Value,
) -> Result<(), String> {
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
            message.open = Some((kind, String::new()));
        }
        "content_block_delta" => anthropic_delta(message, ending, event)?,
        "content_block_stop" => {
            need(event["index"] == message.blocks, || "another block than the open one stops".into())?;
            let (kind, input) = message.open.take().ok_or("a block stops that is not open")?;
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

fn anthropic_delta(message: &mut Message, ending: &mut Ending, event: &Value) -> Result<(), String> {
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
    Ok(())
}

fn arguments_are_json(tools: &[(String, String)]) -> Result<(), String> {
    for (id, arguments) in tools.iter().filter(|(_, arguments)| !arguments.is_empty()) {
        json(arguments).map_err(|why| format!("the arguments of {id}: {why}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(choice: &str) -> String {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{choice}]}}\n\n"
        )
    }

    #[test]
    fn what_breaks_openais_protocol_is_told() {
        let first = chunk(r#"{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}"#);
        let last = chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#);
        let done = "data: [DONE]\n\n";
        let good = format!("{first}: hm\n\n{last}{done}");
        assert_eq!(check("openai", &good).text, "a");
        let error = "data: {\"error\":{\"message\":\"m\"}}\n\n";
        assert!(check("openai", &format!("{first}{error}")).error.is_some());
        for bad in [
            format!("{first}{last}"),
            format!("{first}{done}"),
            format!("{last}{done}{error}"),
            format!("{first}{last}{last}{done}"),
            format!("{first}{last}{first}{done}"),
            format!("{first}{error}{done}"),
            format!("{first}{last}data: [DONE]"),
            format!("{first}nonsense\n\n{last}{done}"),
            format!("{}{last}{done}", first.replace("\"role\":\"assistant\",", "")),
            format!("{first}{}{done}", last.replace("\"id\":\"c\"", "\"id\":\"d\"")),
            done.to_owned(),
        ] {
            assert!(read("openai", &bad).is_err(), "{bad}");
        }
    }

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
        assert!(check("anthropic", &format!("{start}{open}{text}{error}")).error.is_some());
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
