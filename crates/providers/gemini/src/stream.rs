//! A stream into hub events.

use std::collections::BTreeMap;

use lockgate_core::{
    Attempt, Error, Event, FinishReason, Raw, Result, StreamDecoder, Usage,
    wire::{SseDecoder, SseEvent},
};

use crate::{
    error, remarks,
    response::{self, Ids, Inline},
    usage,
    wire::{AnswerView, Body, CandidateView, PartView, array, raw},
};

/// Reads the frames of one answer. Each is a whole answer in its form, with the next pieces in it.
pub(crate) struct Decoder {
    sse: SseDecoder,
    state: State,
}

struct State {
    model: String,
    ids: Ids,
    /// What a spoken answer has but its data.
    audio: Raw,
    started: bool,
    failed: bool,
    /// The prompt was refused.
    blocked: bool,
    choices: BTreeMap<u32, ChoiceState>,
    usage: Option<Usage>,
    searches: Option<u64>,
}

#[derive(Default)]
struct ChoiceState {
    calls: u32,
    images: usize,
    /// The provider's word for why it stopped.
    finish: Option<String>,
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>) -> Self {
        let state = State {
            model: attempt.target.model.to_string(),
            ids: Ids::new(attempt, ""),
            audio: response::audio("", attempt),
            started: false,
            failed: false,
            blocked: false,
            choices: BTreeMap::new(),
            usage: None,
            searches: None,
        };
        Self { sse: SseDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.sse.feed(bytes, &mut |event| state.frame(event, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.sse.finish(&mut |event| state.frame(event, out))?;
        state.end(out)
    }
}

impl State {
    fn frame(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.failed || event.data.is_empty() || event.data == "[DONE]" {
            return Ok(());
        }
        let view: AnswerView = lockgate_core::json::parse_text(event.data).map_err(|why| {
            Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
        })?;
        if let Err(error) = error::check(view.error.as_ref(), event.data.as_bytes()) {
            self.failed = true;
            out.push(Event::Failure(error));
            return Ok(());
        }
        if !self.started {
            self.started = true;
            out.push(Event::Start {
                id: view.response_id.unwrap_or_default(),
                model: view.model_version.unwrap_or_else(|| std::mem::take(&mut self.model)),
                created: None,
                usage: None,
            });
        }
        if let Some(usage) = view.usage.as_deref().and_then(usage::hub) {
            self.usage = Some(usage);
        }
        self.blocked |= view.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        let candidates = view.candidates.unwrap_or_default();
        self.searches = remarks::searches(&candidates).or(self.searches);
        for (key, value) in remarks::metadata(&candidates) {
            // Ratings come again and again in a stream, and clients join lists.
            if key == "vertex_ai_safety_results" {
                continue;
            }
            out.push(Event::Chunk { key: key.to_owned(), value });
        }
        candidates.into_iter().for_each(|candidate| self.candidate(candidate, out));
        Ok(())
    }

    fn candidate(&mut self, candidate: CandidateView, out: &mut Vec<Event>) {
        let choice = candidate.index.unwrap_or(0);
        let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        parts.into_iter().for_each(|part| self.part(choice, part, out));
        if let Some(annotations) = candidate.grounding_metadata.as_deref().and_then(remarks::annotations) {
            out.push(Event::Annotations { choice, annotations });
        }
        if let Some(logprobs) = candidate.logprobs_result.as_deref().and_then(remarks::logprobs) {
            out.push(Event::Logprobs { choice, logprobs });
        }
        let state = self.choices.entry(choice).or_default();
        if candidate.finish_reason.is_some() {
            state.finish = candidate.finish_reason;
        }
    }

    fn part(&mut self, choice: u32, part: PartView, out: &mut Vec<Event>) {
        let state = self.choices.entry(choice).or_default();
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        match (part.text.filter(|text| !text.is_empty()), part.thought) {
            (Some(text), Some(true)) => out.push(Event::Reasoning { choice, text }),
            (Some(text), _) => out.push(Event::Text { choice, text }),
            (None, _) => {}
        }
        if let Some(call) = part.function_call {
            let index = state.calls;
            state.calls += 1;
            let id = self.ids.id(&call, choice, index, signature.as_deref());
            let extra = signature.as_deref().map(response::signature_fields);
            let fragment = response::arguments(&call);
            let name = call.name.unwrap_or_default();
            out.push(Event::ToolStart { choice, index, id, name, extra });
            out.push(Event::ToolArguments { choice, index, fragment });
        }
        match part.inline_data.map(Inline::of) {
            Some(Inline::Audio(data)) => {
                let value = with_data(&self.audio, &data);
                out.push(Event::Delta { choice, key: "audio".to_owned(), value });
            }
            Some(Inline::Image(url)) => {
                let value = raw(array([response::image(&url, state.images).get()]));
                state.images += 1;
                out.push(Event::Delta { choice, key: "images".to_owned(), value });
            }
            None => {}
        }
        if let Some(signature) = signature {
            let value = Body::default().with("thought_signatures", &[signature]).into_raw();
            out.push(Event::Delta { choice, key: "provider_specific_fields".to_owned(), value });
        }
    }

    /// Google's streams have no terminator: they are whole if every answer has said why it stopped.
    fn end(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        let whole = if self.choices.is_empty() {
            self.blocked
        } else {
            self.blocked || self.choices.values().all(|choice| choice.finish.is_some())
        };
        if !whole {
            return Err(cut_off());
        }
        if self.choices.is_empty() {
            self.choices.entry(0).or_default();
        }
        for (choice, state) in &self.choices {
            let reason = match &state.finish {
                Some(word) => response::finish(word, state.calls > 0),
                None => FinishReason::ContentFilter,
            };
            out.push(Event::Finish {
                choice: *choice,
                reason,
                native: state.finish.clone(),
                stop_sequence: None,
            });
        }
        if let Some(mut usage) = self.usage.take() {
            usage.web_searches = self.searches;
            out.push(Event::Usage(Box::new(usage)));
        }
        out.push(Event::Done);
        Ok(())
    }
}

/// The connection closed before the answer was whole.
pub(crate) fn cut_off() -> Error {
    Error::invalid_response("The provider's stream ended before the answer was complete.")
}

/// The audio object with this data in it.
fn with_data(audio: &Raw, data: &str) -> Raw {
    let mut members: lockgate_core::Extra = crate::wire::read(audio).unwrap_or_default();
    members.push("data", crate::wire::to_raw(data));
    crate::wire::to_raw(&members)
}
