//! OpenAI's chat completions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Ending, arguments_are_json, events, grow, json, need, text_of};

/// One answer of a chat.
#[derive(Default)]
struct Choice {
    begun: bool,
    finished: bool,
    tools: Vec<(String, String)>,
    message: Value,
    reason: Value,
}

pub(super) fn read(text: &str) -> Result<Ending, String> {
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
            take(choices.entry(index).or_default(), choice).map_err(|why| format!("{why}: {data}"))?;
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
    let mut first = choices.remove(&0).unwrap_or_default();
    for (at, (_, arguments)) in first.tools.iter().enumerate() {
        first.message["tool_calls"][at]["function"]["arguments"] = Value::from(arguments.as_str());
    }
    ending.answer = json!({"choices": [{"index": 0, "message": first.message, "finish_reason": first.reason}], "usage": ending.usage});
    ending.tools = first.tools;
    if ending.finished {
        arguments_are_json(&ending.tools)?;
    }
    Ok(ending)
}

fn take(state: &mut Choice, choice: &Value) -> Result<(), String> {
    let delta = &choice["delta"];
    let says = delta.as_object().is_some_and(|delta| delta.values().any(|value| !value.is_null()));
    need(!state.finished || !says && choice["finish_reason"].is_null(), || {
        "it goes on after its finish".into()
    })?;
    if !state.begun && says {
        need(delta["role"] == "assistant", || "the first delta names no role".into())?;
        state.message["role"] = json!("assistant");
        state.begun = true;
    }
    for member in ["content", "reasoning_content"] {
        if let Some(piece) = delta[member].as_str() {
            grow(&mut state.message[member], piece);
        }
    }
    for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
        think(&mut state.message["thinking_blocks"], block);
    }
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        let at = call["index"].as_u64().ok_or("a tool call without index")? as usize;
        if at == state.tools.len() {
            need(call["type"] == "function", || "a tool call begins without type".into())?;
            let (id, name) = (text_of(call, "/id"), text_of(call, "/function/name"));
            need(!id.is_empty() && !name.is_empty(), || "a tool call begins without id or name".into())?;
            need(state.tools.iter().all(|(known, _)| known != id), || "two tool calls have one id".into())?;
            state.tools.push((id.to_owned(), String::new()));
            state.message["tool_calls"] = joined(state.message["tool_calls"].take(), call.clone());
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
        state.reason = choice["finish_reason"].clone();
    }
    Ok(())
}

/// A list with one more element.
fn joined(list: Value, element: Value) -> Value {
    let mut list = list.as_array().cloned().unwrap_or_default();
    list.push(element);
    Value::Array(list)
}

/// Thinking blocks grow until they are signed.
fn think(blocks: &mut Value, piece: &Value) {
    let open = blocks.as_array_mut().and_then(|blocks| blocks.last_mut()).filter(|last| {
        last["type"] == "thinking" && piece["type"] == "thinking" && text_of(last, "/signature").is_empty()
    });
    match open {
        Some(open) => {
            grow(&mut open["thinking"], text_of(piece, "/thinking"));
            grow(&mut open["signature"], text_of(piece, "/signature"));
        }
        None => *blocks = joined(blocks.take(), piece.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check, read};

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
        assert!(check("openai", format!("{first}{error}")).error.is_some());
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
}
