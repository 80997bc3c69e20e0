//! Cohere's chat, version 2.

use serde_json::{Value, json};

use super::{Ending, arguments_are_json, events, grow, is_told, json, need, text_of};

#[derive(Default)]
struct State {
    begun: bool,
    /// The open block's type.
    block: Option<String>,
    blocks: u64,
    call: bool,
    calls: u64,
    citation: bool,
    citations: u64,
    message: Value,
}

pub(super) fn read(text: &str) -> Result<Ending, String> {
    let (mut ending, mut state) = (Ending::default(), State::default());
    for (name, data) in events(text)? {
        let event = json(&data)?;
        let at = |why: String| format!("{why}: {data}");
        need(event["type"] == name.as_str(), || at(format!("the event {name:?} has another type")))?;
        need(!ending.finished && ending.error.is_none(), || at("it comes after the end".into()))?;
        state.event(&name, &event, &mut ending).map_err(at)?;
    }
    is_told(&ending)?;
    for call in state.message["tool_calls"].as_array().into_iter().flatten() {
        let arguments = text_of(call, "/function/arguments").to_owned();
        ending.tools.push((text_of(call, "/id").to_owned(), arguments));
    }
    if ending.finished {
        arguments_are_json(&ending.tools)?;
    }
    ending.answer["message"] = state.message;
    Ok(ending)
}

impl State {
    fn event(&mut self, name: &str, event: &Value, ending: &mut Ending) -> Result<(), String> {
        if name == "message-start" {
            need(!std::mem::replace(&mut self.begun, true), || "a second start".into())?;
            need(event["id"].is_string(), || "no id".into())?;
            let message = &event["delta"]["message"];
            need(message["role"] == "assistant", || "the message has no role".into())?;
            self.message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []});
            return Ok(());
        }
        if name == "message-end" && event["delta"]["finish_reason"] == "ERROR" {
            need(event["delta"]["error"].is_string(), || "an error without a message".into())?;
            ending.error = Some(event["delta"]["error"].clone());
            return Ok(());
        }
        need(self.begun, || "it does not begin with message-start".into())?;
        let message = &event["delta"]["message"];
        match name {
            "content-start" | "content-delta" | "content-end" => self.content(name, event, ending),
            "tool-plan-delta" => {
                need(message["tool_plan"].is_string(), || "no plan".into())?;
                grow(&mut self.message["tool_plan"], text_of(message, "/tool_plan"));
                Ok(())
            }
            "tool-call-start" | "tool-call-delta" | "tool-call-end" => self.call(name, event),
            "citation-start" | "citation-end" => {
                need(event["index"] == self.citations, || "citations are not numbered one by one".into())?;
                need(self.citation == (name == "citation-end"), || "citations are not balanced".into())?;
                self.citation = !self.citation;
                self.citations += u64::from(name == "citation-end");
                Ok(())
            }
            "message-end" => self.end(event, ending),
            _ => Err("an event that the protocol does not know".into()),
        }
    }

    fn content(&mut self, name: &str, event: &Value, ending: &mut Ending) -> Result<(), String> {
        let content = &event["delta"]["message"]["content"];
        need(event["index"] == self.blocks, || "blocks are not numbered one by one".into())?;
        match (name, self.block.clone()) {
            ("content-start", None) => {
                need(!self.call, || "a block begins within a call".into())?;
                let kind = text_of(content, "/type").to_owned();
                need(matches!(kind.as_str(), "text" | "thinking"), || format!("a block of type {kind:?}"))?;
                if let Some(blocks) = self.message["content"].as_array_mut() {
                    blocks.push(content.clone());
                }
                self.block = Some(kind);
            }
            // The signature of what was thought comes last, and whole.
            ("content-delta", Some(kind)) if kind == "thinking" && content.get("signature").is_some() => {
                self.message["content"][self.blocks as usize]["signature"] = content["signature"].clone();
            }
            ("content-delta", Some(kind)) => {
                let piece =
                    content[kind.as_str()].as_str().ok_or_else(|| format!("no {kind} in its block"))?;
                grow(&mut self.message["content"][self.blocks as usize][kind.as_str()], piece);
                if kind == "text" {
                    ending.text += piece;
                }
            }
            ("content-end", Some(_)) => {
                self.block = None;
                self.blocks += 1;
            }
            _ => return Err("blocks are not balanced".into()),
        }
        Ok(())
    }

    fn call(&mut self, name: &str, event: &Value) -> Result<(), String> {
        let call = &event["delta"]["message"]["tool_calls"];
        need(event["index"] == self.calls, || "calls are not numbered one by one".into())?;
        need(self.call == (name != "tool-call-start"), || "calls are not balanced".into())?;
        match name {
            "tool-call-start" => {
                need(self.block.is_none(), || "a call begins within a block".into())?;
                let whole = !text_of(call, "/id").is_empty() && !text_of(call, "/function/name").is_empty();
                need(whole && call["type"] == "function", || "a call without id, type or name".into())?;
                let known = self.message["tool_calls"].as_array_mut().ok_or("no calls")?;
                need(known.iter().all(|own| own["id"] != call["id"]), || "two calls have one id".into())?;
                known.push(call.clone());
                self.call = true;
            }
            "tool-call-delta" => {
                let piece = call["function"]["arguments"].as_str().ok_or("no arguments")?;
                let own = &mut self.message["tool_calls"][self.calls as usize]["function"]["arguments"];
                grow(own, piece);
            }
            _ => {
                self.call = false;
                self.calls += 1;
            }
        }
        Ok(())
    }

    fn end(&mut self, event: &Value, ending: &mut Ending) -> Result<(), String> {
        const REASONS: [&str; 6] =
            ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR_TOXIC", "TIMEOUT"];
        need(self.block.is_none() && !self.call && !self.citation, || "something is still open".into())?;
        let delta = &event["delta"];
        let reason = text_of(delta, "/finish_reason");
        need(REASONS.contains(&reason), || format!("{reason:?} is no reason to finish"))?;
        ending.usage = delta.get("usage").cloned();
        ending.answer = json!({"finish_reason": reason, "usage": ending.usage});
        ending.finished = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check, read};

    #[test]
    fn what_breaks_the_protocol_is_told() {
        let event =
            |kind: &str, more: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{more}}}\n\n");
        let start = event("message-start", r#","id":"c","delta":{"message":{"role":"assistant"}}"#);
        let open =
            event("content-start", r#","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}"#);
        let text = event("content-delta", r#","index":0,"delta":{"message":{"content":{"text":"a"}}}"#);
        let close = event("content-end", r#","index":0"#);
        let call = event(
            "tool-call-start",
            r#","index":0,"delta":{"message":{"tool_calls":{"id":"1","type":"function","function":{"name":"f","arguments":""}}}}"#,
        );
        let more = event(
            "tool-call-delta",
            r#","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}"#,
        );
        let called = event("tool-call-end", r#","index":0"#);
        let end = event("message-end", r#","delta":{"finish_reason":"COMPLETE","usage":{}}"#);
        let error = event("message-end", r#","delta":{"finish_reason":"ERROR","error":"m"}"#);
        let good = check("cohere", format!("{start}{open}{text}{text}{close}{call}{more}{called}{end}"));
        assert_eq!((good.text.as_str(), &good.tools[..]), ("aa", &[("1".to_owned(), "{}".to_owned())][..]));
        assert!(check("cohere", format!("{start}{open}{text}{error}")).error.is_some());
        for bad in [
            format!("{open}{text}{close}{end}"),
            format!("{start}{start}{end}"),
            format!("{start}{text}{end}"),
            format!("{start}{open}{text}{end}"),
            format!("{start}{open}{close}{open}{close}{end}"),
            format!("{start}{open}{call}{called}{close}{end}"),
            format!("{start}{call}{more}{end}"),
            format!("{start}{more}{end}"),
            format!("{start}{call}{called}{call}{called}{end}"),
            format!("{start}{open}{text}{close}"),
            format!("{start}{end}{end}"),
            format!("{start}{end}{error}"),
            format!("{start}{}", end.replace("COMPLETE", "stop")),
        ] {
            assert!(read("cohere", &bad).is_err(), "{bad}");
        }
    }
}
