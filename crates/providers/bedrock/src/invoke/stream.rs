//! The stream of an answer.

use http::response::Parts;
use lockgate_aws::{Frame, Frames, error, unframe::chunk};
use lockgate_core::{Attempt, Error, Event, Result, StreamDecoder, Usage, json};

use super::answer::{AnswerView, finish};
use crate::{
    model::{Family, Model},
    response,
};

/// Reads a stream of pieces of text.
pub(crate) struct Decoder {
    frames: Frames,
    model: String,
    id: String,
    /// Thoughts are going on; what may be the start of the mark that ends them is held back.
    thoughts: Option<String>,
    started: bool,
    stopped: bool,
    failed: bool,
    usage: Option<Usage>,
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>, head: &Parts) -> Self {
        let reasons = Model::of(attempt.target).family == Family::DeepSeek;
        Self {
            frames: Frames::default(),
            model: Model::of(attempt.target).name.to_owned(),
            id: response::id(head),
            thoughts: reasons.then(String::new),
            started: false,
            stopped: false,
            failed: false,
            usage: None,
        }
    }

    fn piece(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let view: AnswerView = json::answer(json)?;
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
            out.push(Event::Start { id, model, created: None, usage: None });
        }
        self.usage = view.usage().or(self.usage.take());
        for (choice, answer) in (0..).zip(view.answers()) {
            self.text(choice, answer.said(), out);
            if let Some(word) = answer.reason().filter(|_| choice == 0 && !self.stopped) {
                self.flush(out);
                self.stopped = true;
                out.push(Event::Finish { choice, reason: finish(&word), native: None, stop_sequence: None });
            }
        }
        Ok(())
    }

    fn text(&mut self, choice: u32, text: &str, out: &mut Vec<Event>) {
        const END: &str = "</think>";
        if text.is_empty() {
            return;
        }
        let Some(held) = &mut self.thoughts else {
            out.push(Event::Text { choice, text: text.to_owned() });
            return;
        };
        held.push_str(text);
        if let Some((thoughts, rest)) = held.split_once(END) {
            let (thoughts, rest) = (thoughts.to_owned(), rest.to_owned());
            self.thoughts = None;
            reason(choice, thoughts, out);
            if !rest.is_empty() {
                out.push(Event::Text { choice, text: rest });
            }
            return;
        }
        let kept = (1..END.len()).rev().find(|size| held.ends_with(END.get(..*size).unwrap_or(END)));
        let tail = held.split_off(held.len().saturating_sub(kept.unwrap_or(0)));
        let thoughts = std::mem::replace(held, tail);
        reason(choice, thoughts, out);
    }

    fn flush(&mut self, out: &mut Vec<Event>) {
        if let Some(held) = self.thoughts.take() {
            reason(0, held, out);
        }
    }
}

fn reason(choice: u32, text: String, out: &mut Vec<Event>) {
    if !text.is_empty() {
        out.push(Event::Reasoning { choice, text });
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let mut frames = std::mem::take(&mut self.frames);
        let fed = frames.feed(bytes, |frame| match frame {
            _ if self.failed => Ok(()),
            Frame::Event { payload, .. } => self.piece(&chunk(&payload)?, out),
            failure => {
                self.failed = true;
                out.push(Event::Failure(error::in_stream(&failure)));
                Ok(())
            }
        });
        self.frames = frames;
        fed
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        self.frames.finish()?;
        if !self.stopped {
            return Err(Error::invalid_response(
                "The provider's stream ended before the answer was complete.",
            ));
        }
        self.flush(out);
        out.extend(self.usage.take().map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
        Ok(())
    }
}
