//! A stream of the Responses API.

use std::sync::Arc;

use lockgate_core::{
    Error, Event, Provider, Raw, Result, StreamDecoder,
    json::to_raw,
    wire::{SseDecoder, lenient_view},
};

use super::{
    reasoning,
    response::{Item, WireResponse},
};
use crate::{error, stream::cut_off};

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct WireEvent {
        kind as "type": String,
        response: WireResponse,
        item: Item,
        item_id: String,
        output_index: u32,
        delta: String,
        annotation: Raw,
        error: Raw,
    }
}

/// Reads events until the one that ends the response.
pub(crate) struct Decoder {
    sse: SseDecoder,
    state: State,
}

struct State {
    /// Whose stream it is, and how it differs.
    provider: Arc<Provider>,
    /// The model's name as it was asked for.
    model: String,
    /// The client speaks Anthropic's Messages and gets reasoning as thinking blocks.
    blocks: bool,
    started: bool,
    said: bool,
    ended: bool,
    /// Output indexes of function calls, in the order in which they began.
    calls: Vec<Option<u32>>,
}

impl Decoder {
    pub(crate) fn new(provider: &Arc<Provider>, model: &str, blocks: bool) -> Self {
        let model = model.strip_prefix("responses/").unwrap_or(model).to_owned();
        let provider = provider.clone();
        let state =
            State { provider, model, blocks, started: false, said: false, ended: false, calls: Vec::new() };
        Self { sse: SseDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.sse.feed(bytes, &mut |event| state.data(event.data, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.sse.finish(&mut |event| state.data(event.data, out))?;
        if state.ended { Ok(()) } else { Err(cut_off(state.said)) }
    }
}

impl State {
    fn data(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        let data = data.trim();
        if self.ended || data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        let event: WireEvent =
            lockgate_core::json::parse_text(data).map_err(|why| error::malformed(data.as_bytes(), why))?;
        match event.kind.as_deref().unwrap_or_default() {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(event.response, out)
            }
            "response.output_item.added" => self.added(event, out),
            "response.output_item.done" if self.blocks => {
                let signature = event.item.filter(|item| item.kind.as_deref() == Some("reasoning"));
                let signature = signature.as_ref().and_then(reasoning::signature);
                self.say(signature, out, |signature| Event::Signature { choice: 0, signature });
            }
            "response.output_text.delta" => {
                self.say(event.delta, out, |text| Event::Text { choice: 0, text });
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.say(event.delta, out, |text| Event::Reasoning { choice: 0, text });
            }
            "response.refusal.delta" => self.say(event.delta, out, |text| Event::Refusal { choice: 0, text }),
            "response.function_call_arguments.delta" => {
                let place = self.calls.iter().position(|own| *own == event.output_index);
                let last = self.calls.len().saturating_sub(1);
                let index = u32::try_from(place.unwrap_or(last)).unwrap_or(u32::MAX);
                self.say(event.delta, out, |fragment| Event::ToolArguments { choice: 0, index, fragment });
            }
            "response.output_text.annotation.added" => {
                if let Some(annotation) = event.annotation {
                    out.push(Event::Annotations { choice: 0, annotations: to_raw(&[annotation]) });
                }
            }
            "response.completed" | "response.incomplete" => self.end(event.response.unwrap_or_default(), out),
            "response.failed" => {
                let failed = event.response.and_then(|response| response.error);
                return self.fail(failed.as_deref().map_or(data, |raw| raw.get()), out);
            }
            "error" => return self.fail(event.error.as_deref().map_or(data, |raw| raw.get()), out),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, response: Option<WireResponse>, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let response = response.unwrap_or_default();
        out.push(Event::Start {
            id: response.id.unwrap_or_default(),
            model: std::mem::take(&mut self.model),
            created: response.created_at.map(|count| count.0).and_then(|seconds| i64::try_from(seconds).ok()),
            usage: None,
        });
    }

    fn added(&mut self, event: WireEvent, out: &mut Vec<Event>) {
        let Some(item) = event.item.filter(|item| item.kind.as_deref() == Some("function_call")) else {
            return;
        };
        self.start(None, out);
        self.said = true;
        let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push(event.output_index);
        out.push(Event::ToolStart {
            choice: 0,
            index,
            id: item.call_id.or(item.id).unwrap_or_default(),
            name: item.name.unwrap_or_default(),
            extra: None,
        });
        if let Some(fragment) = item.arguments.filter(|arguments| !arguments.is_empty()) {
            out.push(Event::ToolArguments { choice: 0, index, fragment });
        }
    }

    fn say(&mut self, text: Option<String>, out: &mut Vec<Event>, event: impl FnOnce(String) -> Event) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.start(None, out);
            self.said = true;
            out.push(event(text));
        }
    }

    fn end(&mut self, response: WireResponse, out: &mut Vec<Event>) {
        self.ended = true;
        let reason = response.finish(!self.calls.is_empty());
        let usage = response.usage(&self.provider.quirks);
        self.start(Some(response), out);
        out.push(Event::Finish { choice: 0, reason, native: None, stop_sequence: None });
        out.extend(usage.map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
    }

    fn fail(&mut self, error: &str, out: &mut Vec<Event>) -> Result<()> {
        self.ended = true;
        let error: Error = error::in_stream(error);
        if !self.said {
            return Err(error);
        }
        out.push(Event::Failure(error));
        Ok(())
    }
}
