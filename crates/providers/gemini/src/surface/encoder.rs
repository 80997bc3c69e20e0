//! Hub events as a stream of Gemini's: each chunk an answer in its form, as events or as elements of an array.

use std::collections::BTreeMap;

use lockgate_core::{
    Call, Error, Event, FinishReason, Raw, StreamEncoder, Usage,
    hub::FunctionCall,
    wire::{quote, write_sse},
};

use super::{
    answer::{self, Signature},
    envelope, remarks,
};
use crate::{
    GENERATE_ARRAY,
    wire::{Body, array, raw},
};

/// Writes one answer.
pub(super) struct Encoder {
    array: bool,
    model: String,
    id: String,
    /// Whether an element of the array has been written.
    begun: bool,
    ended: bool,
    choices: BTreeMap<u32, Said>,
    usage: Option<Box<Usage>>,
}

/// What is known of one answer and not written yet.
#[derive(Default)]
struct Said {
    /// The thinking block that grows.
    thinking: String,
    signature: Signature,
    /// Calls are written whole, which they are for certain only at the end.
    calls: BTreeMap<u32, Started>,
    annotations: Vec<Raw>,
    logprobs: Vec<Raw>,
    finish: Option<(FinishReason, Option<String>)>,
}

struct Started {
    id: String,
    function: FunctionCall,
    fields: Option<Raw>,
}

impl Encoder {
    pub(super) fn new(call: &Call) -> Self {
        Self {
            array: call.format == GENERATE_ARRAY,
            model: call.model.clone(),
            id: call.id.clone(),
            begun: false,
            ended: false,
            choices: BTreeMap::new(),
            usage: None,
        }
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model, usage, .. } => {
                for (own, given) in [(&mut self.id, id), (&mut self.model, model)] {
                    if !given.is_empty() {
                        own.clone_from(given);
                    }
                }
                self.usage.clone_from(usage);
            }
            Event::Text { choice, text } | Event::Refusal { choice, text } if !text.is_empty() => {
                let signature = self.said(*choice).signature.take();
                self.part(*choice, answer::text_part(text, signature.as_deref()), out);
            }
            Event::Reasoning { choice, text } if !text.is_empty() => {
                self.said(*choice).thinking.push_str(text);
                self.part(*choice, answer::thought_part(text), out);
            }
            Event::Delta { choice, key, value } => {
                let parts = match key.as_str() {
                    "images" => answer::pictures(Some(value)),
                    "audio" => answer::sound(Some(value)).into_iter().collect(),
                    _ => Vec::new(),
                };
                parts.into_iter().for_each(|part| self.part(*choice, part, out));
            }
            Event::Usage(usage) => self.usage = Some(usage.clone()),
            Event::Failure(error) => self.fail(error, out),
            Event::Done => self.done(out),
            event => self.keep(event),
        }
    }

    fn resume(&mut self) {
        self.begun = true;
    }

    fn fail(&mut self, error: &Error, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        if !self.array {
            // A relayed stream that broke off: an unfinished event must not swallow this one.
            out.extend_from_slice(b"\n\n");
        }
        self.chunk(&envelope(error), out);
        self.end(out);
    }
}

impl Encoder {
    fn said(&mut self, choice: u32) -> &mut Said {
        self.choices.entry(choice).or_default()
    }

    /// Remembers what is written later.
    fn keep(&mut self, event: &Event) {
        match event {
            Event::Signature { choice, signature } => {
                let said = self.said(*choice);
                let thinking = std::mem::take(&mut said.thinking);
                let block = format!(
                    r#"{{"type":"thinking","thinking":{},"signature":{}}}"#,
                    quote(&thinking),
                    quote(signature)
                );
                said.signature.add(&raw(block));
            }
            Event::RedactedThinking { choice, block } => self.said(*choice).signature.add(block),
            Event::ToolStart { choice, index, id, name, extra } => {
                let function = FunctionCall { name: Some(name.clone()), ..FunctionCall::default() };
                let call = Started { id: id.clone(), function, fields: extra.clone() };
                self.said(*choice).calls.insert(*index, call);
            }
            Event::ToolArguments { choice, index, fragment } => {
                if let Some(call) = self.said(*choice).calls.get_mut(index) {
                    call.function.arguments.get_or_insert_default().push_str(fragment);
                }
            }
            Event::Annotations { choice, annotations } => {
                self.said(*choice).annotations.push(annotations.clone());
            }
            Event::Logprobs { choice, logprobs } => self.said(*choice).logprobs.push(logprobs.clone()),
            Event::Finish { choice, reason, native, .. } => {
                self.said(*choice).finish = Some((reason.clone(), native.clone()));
            }
            _ => {}
        }
    }

    fn part(&mut self, choice: u32, part: String, out: &mut Vec<u8>) {
        self.said(choice);
        let mut candidate = Body::default();
        candidate.put("content", answer::content(&[part]));
        candidate.set("index", &choice);
        self.answer(array([candidate.into_json()]), None, out);
    }

    fn answer(&mut self, candidates: String, usage: Option<Body>, out: &mut Vec<u8>) {
        let mut body = Body::default();
        body.raw("candidates", candidates);
        if let Some(usage) = usage {
            body.put("usageMetadata", usage);
        }
        body.set("modelVersion", &self.model);
        body.set("responseId", &self.id);
        self.chunk(&body.into_json(), out);
    }

    fn chunk(&mut self, json: &str, out: &mut Vec<u8>) {
        if !self.array {
            write_sse(out, None, json);
            return;
        }
        out.push(if self.begun { b',' } else { b'[' });
        out.extend_from_slice(json.as_bytes());
        // Where a sign of life may stand, as after an event.
        out.extend_from_slice(b"\n\n");
        self.begun = true;
    }

    /// The last chunk: the calls, why the model stopped, what was consumed.
    fn done(&mut self, out: &mut Vec<u8>) {
        self.said(0);
        let choices = std::mem::take(&mut self.choices);
        let candidates = choices.into_iter().map(|(choice, said)| said.last(choice).into_json());
        let candidates = array(candidates);
        let usage = self.usage.take().map(|usage| answer::usage(&usage));
        self.answer(candidates, usage, out);
        self.end(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.array {
            out.extend_from_slice(b"]");
        }
        self.ended = true;
    }
}

impl Said {
    fn last(mut self, choice: u32) -> Body {
        let calls = self.calls.values().map(|call| {
            answer::call_part(&call.id, &call.function, call.fields.as_deref(), &mut self.signature)
        });
        let mut parts: Vec<String> = calls.collect();
        if let Some(signature) = self.signature.take() {
            parts.push(answer::text_part("", Some(&signature)));
        }
        let (reason, native) = self.finish.unwrap_or((FinishReason::Stop, None));
        let mut out = Body::default();
        out.put("content", answer::content(&parts));
        out.set("finishReason", answer::finish(&reason, native.as_deref()));
        out.set("index", &choice);
        let annotations = self.annotations.iter().map(|raw| &**raw);
        out.some("groundingMetadata", remarks::grounding(annotations).as_ref());
        out.some("logprobsResult", remarks::logprobs(self.logprobs.iter().map(|raw| &**raw)).as_ref());
        out
    }
}
