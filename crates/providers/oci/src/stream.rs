//! A stream of server-sent events into hub events.

use std::collections::BTreeMap;

use lockgate_core::{Error, Event, Result, StreamDecoder, wire::SseDecoder};

use crate::{
    response::{call_id, failure},
    wire::{CallView, Chat, UsageView, finish},
};

/// Reads the events of one answer. The last one says why the model stopped; there is no other mark of the end.
pub(crate) struct Decoder {
    events: SseDecoder,
    state: State,
}

#[derive(Default)]
struct State {
    model: String,
    started: bool,
    failed: bool,
    /// Each choice: what it has said, its calls, and why it stopped.
    choices: BTreeMap<u32, Said>,
    usage: Option<UsageView>,
}

#[derive(Default)]
struct Said {
    text: String,
    calls: Vec<String>,
    finish: Option<String>,
}

impl Decoder {
    pub(crate) fn new(model: &str) -> Self {
        Self { events: SseDecoder::new(), state: State { model: model.to_owned(), ..State::default() } }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.events.feed(bytes, &mut |event| state.event(event.data, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.events.finish(&mut |event| state.event(event.data, out))?;
        state.end(out)
    }
}

impl State {
    fn event(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.failed || !data.starts_with('{') {
            return Ok(());
        }
        let chat: Chat = serde_json::from_str(data).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        if let Err(error) = failure(&chat) {
            self.failed = true;
            out.push(Event::Failure(error));
            return Ok(());
        }
        if !self.started {
            self.started = true;
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: String::new(), model, created: None, usage: None });
        }
        if let Some(usage) = chat.usage {
            self.usage = Some(usage);
        }
        let choice = chat.index.unwrap_or(0);
        let said = self.choices.entry(choice).or_default();
        if let Some(message) = chat.message {
            if let Some(text) = message.reasoning_content.clone().filter(|text| !text.is_empty()) {
                out.push(Event::Reasoning { choice, text });
            }
            said.say(choice, message.text(), out);
            message.tool_calls.into_iter().flatten().for_each(|call| said.call(choice, &call, out));
        }
        if let Some(text) = chat.text {
            // Cohere's last event repeats the whole text.
            let text = match chat.finish_reason.is_some() {
                true => text.strip_prefix(said.text.as_str()).unwrap_or_default().to_owned(),
                false => text,
            };
            said.say(choice, text, out);
        }
        if said.calls.is_empty() || chat.finish_reason.is_none() {
            chat.tool_calls.into_iter().flatten().for_each(|call| said.call(choice, &call, out));
        }
        if chat.finish_reason.is_some() {
            said.finish = chat.finish_reason;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        if self.choices.is_empty() || self.choices.values().any(|said| said.finish.is_none()) {
            return Err(Error::invalid_response(
                "The provider's stream ended before the answer was complete.",
            ));
        }
        for (choice, said) in &self.choices {
            let word = said.finish.clone();
            out.push(Event::Finish {
                choice: *choice,
                reason: finish(word.as_deref().unwrap_or_default(), !said.calls.is_empty()),
                native: word,
                stop_sequence: None,
            });
        }
        if let Some(usage) = &self.usage {
            out.push(Event::Usage(Box::new(usage.hub())));
        }
        out.push(Event::Done);
        Ok(())
    }
}

impl Said {
    fn say(&mut self, choice: u32, text: String, out: &mut Vec<Event>) {
        if !text.is_empty() {
            self.text.push_str(&text);
            out.push(Event::Text { choice, text });
        }
    }

    /// A call begins where an event has a name or another id; what follows without them goes on with the last one.
    fn call(&mut self, choice: u32, call: &CallView, out: &mut Vec<Event>) {
        let named = call.name.as_deref().is_some_and(|name| !name.is_empty());
        let other = call.id.as_ref().is_some_and(|id| !id.is_empty() && self.calls.last() != Some(id));
        if self.calls.is_empty() || named && (other || call.id.is_none()) {
            let id = call_id(call, "", self.calls.len());
            self.calls.push(id.clone());
            let index = self.last();
            let name = call.name.clone().unwrap_or_default();
            out.push(Event::ToolStart { choice, index, id, name, extra: None });
        }
        let fragment = call.arguments();
        if !fragment.is_empty() {
            out.push(Event::ToolArguments { choice, index: self.last(), fragment });
        }
    }

    fn last(&self) -> u32 {
        u32::try_from(self.calls.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }
}
