//! OpenAI's Responses API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Ending, arguments_are_json, events, is_told, json, need, text_of};

/// What is known so far.
#[derive(Default)]
struct State {
    begun: bool,
    /// Open and finished items by their place.
    items: Vec<Item>,
}

#[derive(Default)]
struct Item {
    id: Value,
    kind: String,
    /// Open and finished parts by kind and place.
    parts: BTreeMap<(&'static str, u64), Part>,
    arguments: Option<String>,
    closed: BTreeSet<&'static str>,
    whole: Option<Value>,
}

#[derive(Default)]
struct Part {
    text: String,
    said: bool,
    done: bool,
}

pub(super) fn read(text: &str) -> Result<Ending, String> {
    let (mut ending, mut state) = (Ending::default(), State::default());
    for (number, (name, data)) in events(text)?.into_iter().enumerate() {
        let event = json(&data)?;
        let at = |why: String| format!("{why}: {data}");
        need(event["type"] == name.as_str(), || at(format!("the event {name:?} has another type")))?;
        need(event["sequence_number"] == number, || at(format!("this is event {number}")))?;
        need(!ending.finished && ending.error.is_none(), || at("it comes after the end".into()))?;
        state.event(&name, &event, &mut ending).map_err(at)?;
    }
    is_told(&ending)?;
    if ending.finished {
        arguments_are_json(&ending.tools)?;
    }
    Ok(ending)
}

impl State {
    fn event(&mut self, name: &str, event: &Value, ending: &mut Ending) -> Result<(), String> {
        match name {
            "error" => {
                need(event["message"].is_string() && event.get("code").is_some(), || {
                    "an error without message and code".into()
                })?;
                ending.error = Some(event.clone());
                return Ok(());
            }
            "response.created" => {
                need(!std::mem::replace(&mut self.begun, true), || "a second start".into())?;
                return open_response(&event["response"]);
            }
            _ => need(self.begun, || "it does not begin with response.created".into())?,
        }
        match name {
            "response.in_progress" | "response.queued" => open_response(&event["response"]),
            "response.output_item.added" => self.added(event),
            "response.output_item.done" => self.item(event)?.done(event, ending),
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.end(name, &event["response"], ending)
            }
            _ => {
                let item = self.item(event)?;
                need(item.whole.is_none(), || "the item is done already".into())?;
                need(event["item_id"] == item.id, || "the item has another id".into())?;
                item.part_event(name, event)
            }
        }
    }

    fn added(&mut self, event: &Value) -> Result<(), String> {
        need(event["output_index"] == self.items.len(), || "items are not numbered one by one".into())?;
        let item = &event["item"];
        let kind = text_of(item, "/type").to_owned();
        need(!kind.is_empty() && item["id"].is_string(), || "an item without type or id".into())?;
        need(self.items.iter().all(|known| known.id != item["id"]), || "two items have one id".into())?;
        if kind == "function_call" {
            need(!text_of(item, "/call_id").is_empty() && !text_of(item, "/name").is_empty(), || {
                "a call without id or name".into()
            })?;
        }
        self.items.push(Item { id: item["id"].clone(), kind, ..Item::default() });
        Ok(())
    }

    fn item(&mut self, event: &Value) -> Result<&mut Item, String> {
        let at = event["output_index"].as_u64().ok_or("no output_index")? as usize;
        self.items.get_mut(at).ok_or_else(|| format!("item {at} was not added"))
    }

    /// The last response is the sum of what was said.
    fn end(&mut self, name: &str, response: &Value, ending: &mut Ending) -> Result<(), String> {
        let status = name.strip_prefix("response.").unwrap_or_default();
        need(response["status"] == status, || "the response has another status".into())?;
        if status == "failed" {
            need(response["error"]["message"].is_string(), || "a failure without a message".into())?;
            ending.error = Some(response["error"].clone());
            return Ok(());
        }
        need(self.items.iter().all(|item| item.whole.is_some()), || "an item is still open".into())?;
        let output = response["output"].as_array().ok_or("a response without output")?;
        need(output.len() == self.items.len(), || "the output is not what was said".into())?;
        for (own, item) in output.iter().zip(&self.items) {
            let whole = item.whole.as_ref().ok_or("an item is still open")?;
            let empty = Map::new();
            let members = whole.as_object().unwrap_or(&empty);
            let same = members.iter().all(|(key, value)| own.get(key) == Some(value));
            need(same, || format!("the output has {own} where {whole} was said"))?;
        }
        let incomplete = response["incomplete_details"]["reason"].is_string();
        need(incomplete == (status == "incomplete"), || "why is it incomplete?".into())?;
        ending.usage = Some(response["usage"].clone()).filter(Value::is_object);
        ending.answer = response.clone();
        ending.finished = true;
        Ok(())
    }
}

fn open_response(response: &Value) -> Result<(), String> {
    need(response["object"] == "response" && response["id"].is_string(), || "no response".into())?;
    need(matches!(text_of(response, "/status"), "in_progress" | "queued"), || "no open response".into())?;
    need(response["output"] == Value::Array(Vec::new()), || "it starts with output".into())
}

impl Item {
    fn part_event(&mut self, name: &str, event: &Value) -> Result<(), String> {
        let name = name.strip_prefix("response.").unwrap_or(name);
        let (kind, verb) = match name {
            "content_part.added" | "content_part.done" => (event_part(event)?, name),
            "output_text.delta" | "output_text.done" | "output_text.annotation.added" => {
                ("output_text", name)
            }
            "refusal.delta" | "refusal.done" => ("refusal", name),
            "reasoning_text.delta" | "reasoning_text.done" => ("reasoning_text", name),
            "reasoning_summary_part.added" | "reasoning_summary_part.done" => ("summary_text", name),
            "reasoning_summary_text.delta" | "reasoning_summary_text.done" => ("summary_text", name),
            "function_call_arguments.delta" | "function_call_arguments.done" => {
                return self.arguments(name, event, "arguments", "function_call");
            }
            "custom_tool_call_input.delta" | "custom_tool_call_input.done" => {
                return self.arguments(name, event, "input", "custom_tool_call");
            }
            _ => return Err("an event that the protocol does not know".into()),
        };
        let home = if kind.starts_with("output") || kind == "refusal" { "message" } else { "reasoning" };
        need(self.kind == home, || format!("it belongs to a {home}"))?;
        let index = if kind == "summary_text" { "summary_index" } else { "content_index" };
        let index = event[index].as_u64().ok_or("no index of the part")?;
        if verb.ends_with("part.added") {
            let count =
                self.parts.keys().filter(|(own, _)| (*own == "summary_text") == (kind == "summary_text"));
            need(index == count.count() as u64, || "parts are not numbered one by one".into())?;
            self.parts.insert((kind, index), Part::default());
            return Ok(());
        }
        let part = self.parts.get_mut(&(kind, index)).ok_or("the part was not added")?;
        need(!part.done, || "the part is done already".into())?;
        if verb.ends_with(".delta") {
            need(!part.said, || "the text is done already".into())?;
            part.text += text_of(event, "/delta");
        } else if verb.ends_with("part.done") {
            need(part.said, || "the part is done before its text".into())?;
            let text = event.pointer("/part/text").or(event.pointer("/part/refusal"));
            need(text.and_then(Value::as_str) == Some(&part.text), || "the part is not its pieces".into())?;
            part.done = true;
        } else if verb.ends_with(".done") {
            need(!part.said, || "the text is done twice".into())?;
            let text = event.get("text").or(event.get("refusal")).and_then(Value::as_str);
            need(text == Some(&part.text), || "the text is not its pieces".into())?;
            part.said = true;
        }
        Ok(())
    }

    fn arguments(&mut self, name: &str, event: &Value, member: &str, home: &str) -> Result<(), String> {
        need(self.kind == home, || format!("it belongs to a {home}"))?;
        need(!self.closed.contains("arguments"), || "the arguments are done already".into())?;
        let arguments = self.arguments.get_or_insert_default();
        if name.ends_with(".delta") {
            arguments.push_str(text_of(event, "/delta"));
            return Ok(());
        }
        need(event[member] == arguments.as_str(), || "the arguments are not their pieces".into())?;
        self.closed.insert("arguments");
        Ok(())
    }

    fn done(&mut self, event: &Value, ending: &mut Ending) -> Result<(), String> {
        let item = &event["item"];
        need(self.whole.is_none(), || "the item is done twice".into())?;
        need(item["id"] == self.id && item["type"] == self.kind.as_str(), || "another item".into())?;
        need(self.parts.values().all(|part| part.done), || "a part is still open".into())?;
        let said: String = self.parts.values().map(|part| part.text.as_str()).collect();
        match self.kind.as_str() {
            "message" => {
                let parts = item["content"].as_array().into_iter().flatten();
                let whole: String =
                    parts.map(|part| text_of(part, "/text").to_owned() + text_of(part, "/refusal")).collect();
                need(whole == said, || "the message is not its pieces".into())?;
                ending.text += &whole;
            }
            "reasoning" => {
                let parts = ["summary", "content"]
                    .into_iter()
                    .flat_map(|list| item[list].as_array().into_iter().flatten());
                let whole: String = parts.map(|part| text_of(part, "/text")).collect();
                need(whole == said, || "the thoughts are not their pieces".into())?;
            }
            "function_call" | "custom_tool_call" => {
                need(self.closed.contains("arguments"), || "the arguments are still open".into())?;
                let own = item.get("arguments").or(item.get("input")).and_then(Value::as_str);
                let arguments = self.arguments.clone().unwrap_or_default();
                need(own == Some(&arguments), || "the call is not its pieces".into())?;
                if self.kind == "function_call" {
                    ending.tools.push((text_of(item, "/call_id").to_owned(), arguments));
                }
            }
            _ => {}
        }
        self.whole = Some(item.clone());
        Ok(())
    }
}

fn event_part(event: &Value) -> Result<&'static str, String> {
    match text_of(event, "/part/type") {
        "output_text" => Ok("output_text"),
        "refusal" => Ok("refusal"),
        "reasoning_text" => Ok("reasoning_text"),
        other => Err(format!("a part of the type {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{check, read};

    fn stream(events: &[serde_json::Value]) -> String {
        let numbered = events.iter().enumerate().map(|(number, event)| {
            let mut event = event.clone();
            event["sequence_number"] = json!(number);
            format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
        });
        numbered.collect()
    }

    fn good() -> Vec<serde_json::Value> {
        let at = |kind: &str, more: serde_json::Value| {
            let mut event = json!({"type": kind, "item_id": "m", "output_index": 0, "content_index": 0});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let part = json!({"type": "output_text", "text": "ab"});
        let item = json!({"type": "message", "id": "m", "content": [part]});
        vec![
            json!({"type": "response.created", "response": {"object": "response", "id": "r", "status": "in_progress", "output": []}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m", "content": []}}),
            at("response.content_part.added", json!({"part": {"type": "output_text", "text": ""}})),
            at("response.output_text.delta", json!({"delta": "a"})),
            at("response.output_text.delta", json!({"delta": "b"})),
            at("response.output_text.done", json!({"text": "ab"})),
            at("response.content_part.done", json!({"part": part})),
            json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
            json!({"type": "response.completed", "response": {"object": "response", "id": "r", "status": "completed", "output": [item], "usage": {"input_tokens": 1}}}),
        ]
    }

    #[test]
    fn what_breaks_the_protocol_is_told() {
        let whole = check("responses", stream(&good()));
        assert_eq!(whole.text, "ab");
        assert!(whole.finished && whole.usage.is_some());
        for missing in 0..good().len() {
            let mut events = good();
            events.remove(missing);
            assert!(read("responses", stream(&events)).is_err(), "without event {missing}");
            let mut events = good();
            events.insert(missing, good()[missing].clone());
            if !matches!(missing, 3 | 4) {
                assert!(read("responses", stream(&events)).is_err(), "event {missing} twice");
            }
        }
        let text = stream(&good());
        for (old, new) in
            [("\"text\":\"ab\"", "\"text\":\"a\""), ("\"sequence_number\":4", "\"sequence_number\":5")]
        {
            assert!(read("responses", text.replacen(old, new, 1)).is_err(), "{old}");
        }
        let error = json!({"type": "error", "code": "x", "message": "m"});
        let mut broken = good()[..4].to_vec();
        broken.push(error.clone());
        assert!(check("responses", stream(&broken)).error.is_some());
        let mut late = good();
        late.push(error);
        assert!(read("responses", stream(&late)).is_err());
    }
}
