use std::collections::BTreeMap;

use lockgate_core::{
    ChatReply, Choice, Event, Raw, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Puts the events of a stream together as a whole answer.
#[derive(Default)]
pub(crate) struct Collector {
    reply: ChatReply,
    choices: BTreeMap<u32, Draft>,
    usage: Option<Usage>,
}

/// A choice in the making.
#[derive(Default)]
struct Draft {
    choice: Choice,
    text: String,
    reasoning: String,
    /// Reasoning since the last signature.
    thinking: String,
    blocks: Vec<Raw>,
    refusal: String,
    calls: BTreeMap<u32, ToolCall>,
    logprobs: Vec<Raw>,
    annotations: Vec<Raw>,
}

#[derive(Serialize)]
struct Thinking<'a> {
    r#type: &'static str,
    thinking: &'a str,
    signature: &'a str,
}

impl Collector {
    pub(crate) fn add(&mut self, event: &Event) {
        match event {
            Event::Start { id, model, created, usage } => {
                self.reply.id.clone_from(id);
                self.reply.model.clone_from(model);
                self.reply.created = *created;
                self.usage = usage.as_deref().cloned().or(self.usage.take());
            }
            Event::Text { choice, text } => self.draft(*choice).text.push_str(text),
            Event::Reasoning { choice, text } => {
                let draft = self.draft(*choice);
                draft.reasoning.push_str(text);
                draft.thinking.push_str(text);
            }
            Event::Signature { choice, signature } => self.draft(*choice).sign(signature),
            Event::RedactedThinking { choice, block } => self.draft(*choice).blocks.push(block.clone()),
            Event::ToolStart { choice, index, id, name, extra } => {
                let call = self.draft(*choice).call(*index);
                call.id = Some(id.clone());
                call.provider_specific_fields.clone_from(extra);
                call.function.get_or_insert_default().name = Some(name.clone());
            }
            Event::ToolArguments { choice, index, fragment } => {
                let function = self.draft(*choice).call(*index).function.get_or_insert_default();
                function.arguments.get_or_insert_default().push_str(fragment);
            }
            Event::Refusal { choice, text } => self.draft(*choice).refusal.push_str(text),
            Event::Logprobs { choice, logprobs } => self.draft(*choice).logprobs.push(logprobs.clone()),
            Event::Annotations { choice, annotations } => self.draft(*choice).annotate(annotations),
            Event::Delta { choice, key, value } => {
                self.draft(*choice).choice.message.extra.push(key.as_str(), value.clone());
            }
            Event::Chunk { key, value } => self.member(key, value),
            Event::Finish { choice, reason, native, stop_sequence } => {
                let draft = &mut self.draft(*choice).choice;
                draft.finish = Some(reason.clone());
                draft.native_finish.clone_from(native);
                draft.stop_sequence.clone_from(stop_sequence);
            }
            Event::Usage(usage) => self.usage = Some((**usage).clone()),
            _ => {}
        }
    }

    /// What was consumed, as far as the stream has said.
    pub(crate) fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// All that the model has said so far, for counting.
    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        for draft in self.choices.values() {
            said.push_str(&draft.reasoning);
            said.push_str(&draft.text);
            let calls = draft.calls.values().filter_map(|call| call.function.as_ref());
            calls.filter_map(|function| function.arguments.as_deref()).for_each(|text| said.push_str(text));
        }
        said
    }

    pub(crate) fn finish(self) -> ChatReply {
        let mut reply = self.reply;
        reply.choices = self.choices.into_iter().map(|(index, draft)| draft.finish(index)).collect();
        reply.usage = self.usage;
        reply
    }

    fn draft(&mut self, choice: u32) -> &mut Draft {
        self.choices.entry(choice).or_default()
    }

    fn member(&mut self, key: &str, value: &RawValue) {
        let text = || serde_json::from_str(value.get()).ok();
        match key {
            "system_fingerprint" => self.reply.system_fingerprint = text(),
            "service_tier" => self.reply.service_tier = text(),
            _ => self.reply.extra.push(key, value.to_owned()),
        }
    }
}

impl Draft {
    fn call(&mut self, index: u32) -> &mut ToolCall {
        self.calls.entry(index).or_insert_with(|| ToolCall {
            kind: Some("function".to_owned()),
            function: Some(FunctionCall::default()),
            ..ToolCall::default()
        })
    }

    fn sign(&mut self, signature: &str) {
        let block = Thinking { r#type: "thinking", thinking: &self.thinking, signature };
        self.blocks.extend(to_raw_value(&block).ok());
        self.thinking.clear();
    }

    fn annotate(&mut self, annotations: &RawValue) {
        self.annotations.extend(serde_json::from_str::<Vec<Raw>>(annotations.get()).unwrap_or_default());
    }

    fn finish(self, index: u32) -> Choice {
        let mut choice = self.choice;
        choice.index = index;
        let calls: Vec<ToolCall> = self.calls.into_values().collect();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let message = &mut choice.message;
        let extra = std::mem::take(&mut message.extra);
        *message = Message {
            role: "assistant".to_owned(),
            content: some(self.text).map(Content::Text),
            reasoning_content: some(self.reasoning),
            thinking_blocks: Some(self.blocks).filter(|blocks| !blocks.is_empty()),
            refusal: some(self.refusal),
            annotations: raw_list(self.annotations),
            tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
            extra,
            ..Message::default()
        };
        choice.logprobs = join_logprobs(&self.logprobs);
        choice
    }
}

fn raw_list(list: Vec<Raw>) -> Option<Raw> {
    if list.is_empty() { None } else { to_raw_value(&list).ok() }
}

/// The lists of all pieces, one behind the other.
fn join_logprobs(pieces: &[Raw]) -> Option<Raw> {
    let mut lists: BTreeMap<String, Vec<Raw>> = BTreeMap::new();
    for piece in pieces {
        let members: BTreeMap<String, Option<Vec<Raw>>> =
            serde_json::from_str(piece.get()).unwrap_or_default();
        for (name, list) in members {
            lists.entry(name).or_default().extend(list.unwrap_or_default());
        }
    }
    if lists.is_empty() { None } else { to_raw_value(&lists).ok() }
}

#[cfg(test)]
mod tests {
    use lockgate_core::FinishReason;

    use super::*;

    #[test]
    fn pieces_become_a_whole() {
        let raw = |text: &str| serde_json::from_str::<Raw>(text).unwrap();
        let text = |text: &str| Event::Text { choice: 0, text: text.to_owned() };
        let mut collector = Collector::default();
        for event in [
            Event::Start { id: "id".to_owned(), model: "m".to_owned(), created: Some(7), usage: None },
            Event::Reasoning { choice: 0, text: "Let me ".to_owned() },
            Event::Reasoning { choice: 0, text: "see.".to_owned() },
            Event::Signature { choice: 0, signature: "sig".to_owned() },
            text("Hel"),
            text("lo"),
            Event::Logprobs { choice: 0, logprobs: raw(r#"{"content":[1],"refusal":null}"#) },
            Event::Logprobs { choice: 0, logprobs: raw(r#"{"content":[2]}"#) },
            Event::ToolStart { choice: 0, index: 0, id: "a".to_owned(), name: "f".to_owned(), extra: None },
            Event::ToolArguments { choice: 0, index: 0, fragment: "{\"x\"".to_owned() },
            Event::ToolArguments { choice: 0, index: 0, fragment: ":1}".to_owned() },
            Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: None, stop_sequence: None },
            Event::Usage(Box::new(Usage { input: 3, output: 4, ..Usage::default() })),
            Event::Done,
        ] {
            collector.add(&event);
        }
        assert_eq!(collector.said(), "Let me see.Hello{\"x\":1}");
        let reply = collector.finish();
        let choice = &reply.choices[0];
        assert_eq!(
            serde_json::to_string(&choice.message).unwrap(),
            r#"{"role":"assistant","content":"Hello","reasoning_content":"Let me see.","thinking_blocks":[{"type":"thinking","thinking":"Let me see.","signature":"sig"}],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#
        );
        assert_eq!(choice.logprobs.as_ref().unwrap().get(), r#"{"content":[1,2],"refusal":[]}"#);
        assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
        assert_eq!(reply.usage.unwrap().output, 4);
    }
}
