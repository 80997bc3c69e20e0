//! The events of a stream of `/v1/chat`.

use lockgate_core::{Event, Raw, json::read, wire::view};
use serde_json::value::RawValue;

use super::{Answer, calls, is_failure};
use crate::{error, remarks, response, stream::Events};

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct EventView {
        kind as "event_type": Option<String>,
        generation_id: Option<String>,
        text: Option<String>,
        tool_calls: Option<Raw>,
        citations: Option<Raw>,
        documents: Option<Raw>,
        finish_reason: Option<String>,
        response: Option<Answer>,
        /// Of an error that comes instead of an event.
        message: Option<Raw>,
    }
}

/// What has been said so far.
pub(crate) struct State {
    model: String,
    /// The gateway's id of the call, after which tool calls are named.
    call: String,
    started: bool,
    ended: bool,
    /// Text of the plan that came piece by piece, before the calls.
    planned: bool,
    called: bool,
    /// What citations refer to.
    documents: Option<Raw>,
}

impl State {
    pub(crate) fn new(model: &str, call: &str) -> Self {
        Self {
            model: model.to_owned(),
            call: call.to_owned(),
            started: false,
            ended: false,
            planned: false,
            called: false,
            documents: None,
        }
    }

    fn start(&mut self, id: Option<String>, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: id.unwrap_or_default(), model, created: None, usage: None });
        }
    }

    /// All calls of the answer come at once, and whole.
    fn calls(&mut self, given: Option<&RawValue>, out: &mut Vec<Event>) {
        if self.called {
            return;
        }
        for (call, index) in calls(given, &self.call).into_iter().zip(0..) {
            self.called = true;
            let function = call.function.unwrap_or_default();
            let (id, name) = (call.id.unwrap_or_default(), function.name.unwrap_or_default());
            out.push(Event::ToolStart { choice: 0, index, id, name, extra: None });
            let fragment = function.arguments.unwrap_or_default();
            out.push(Event::ToolArguments { choice: 0, index, fragment });
        }
    }

    fn end(&mut self, event: EventView, out: &mut Vec<Event>) {
        let answer = event.response.unwrap_or_default();
        let word = event.finish_reason.or(answer.finish_reason);
        if word.as_deref().is_some_and(is_failure) {
            return self.fail(event.message.as_deref(), out);
        }
        self.start(answer.response_id.or(answer.generation_id), out);
        self.calls(answer.tool_calls.as_deref(), out);
        self.ended = true;
        let reason = response::finish(word.as_deref(), self.called);
        out.push(Event::Finish { choice: 0, reason, native: word, stop_sequence: None });
        let usage = answer.meta.and_then(|meta| meta.hub());
        out.extend(usage.map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
    }

    fn fail(&mut self, said: Option<&RawValue>, out: &mut Vec<Event>) {
        self.ended = true;
        out.push(Event::Failure(error::failed(said)));
    }
}

impl Events for State {
    type View = EventView;

    fn event(&mut self, event: EventView, out: &mut Vec<Event>) {
        match event.kind.as_deref() {
            None if event.message.is_some() => self.fail(event.message.as_deref(), out),
            // The end may be a failure before any beginning.
            Some("stream-end") => self.end(event, out),
            kind => {
                let kind = kind.unwrap_or_default().to_owned();
                self.start(event.generation_id.clone(), out);
                self.more(&kind, event, out);
            }
        }
    }

    fn ended(&self) -> bool {
        self.ended
    }
}

impl State {
    fn more(&mut self, kind: &str, event: EventView, out: &mut Vec<Event>) {
        let text = event.text.filter(|text| !text.is_empty());
        match kind {
            "text-generation" | "tool-calls-chunk" => {
                self.planned |= kind == "tool-calls-chunk" && text.is_some();
                out.extend(text.map(|text| Event::Text { choice: 0, text }));
            }
            "tool-calls-generation" => {
                let text = text.filter(|_| !self.planned);
                out.extend(text.map(|text| Event::Text { choice: 0, text }));
                self.calls(event.tool_calls.as_deref(), out);
            }
            "search-results" => self.documents = event.documents.or(self.documents.take()),
            "citation-generation" => {
                let citations = event.citations.as_deref().filter(|given| read::<Vec<Raw>>(given).is_some());
                let annotations = remarks::of_documents(citations, self.documents.as_deref());
                out.extend(annotations.map(|annotations| Event::Annotations { choice: 0, annotations }));
            }
            _ => {}
        }
    }
}
