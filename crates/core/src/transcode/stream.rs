//! A stream on its way to the client: watched as it is relayed, or decoded and written anew.

use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;

use super::other_model;
use crate::{
    Attempt, Encoded, Error, Event, Probe, Raw, Result, StreamDecoder, StreamEncoder, StreamEnd, Usage,
    signed::block_of,
};

/// A stream on its way to the client.
pub struct Stream {
    mode: Mode,
    encoder: Box<dyn StreamEncoder>,
    report: Report,
}

enum Mode {
    Relay(Box<dyn Probe>),
    Translate(Translation),
}

struct Translation {
    decoder: Box<dyn StreamDecoder>,
    events: Vec<Event>,
    /// The model that was asked for.
    asked: Arc<str>,
    /// The model that the stream says it is from, if it is another.
    named: Option<String>,
    /// For clients that keep blocks: what the texts so far are signed with.
    texts: Option<Texts>,
}

/// Signatures of texts, which go to the client in a block when the texts are there and no calls are.
#[derive(Default)]
struct Texts {
    block: Option<Raw>,
    calls: bool,
}

impl Texts {
    /// Looks at an event; the block that goes before it.
    fn see(&mut self, event: &Event) -> Option<Event> {
        match event {
            Event::ToolStart { choice: 0, .. } => self.calls = true,
            Event::Delta { choice: 0, key, value } if key == "provider_specific_fields" => {
                self.block = self.block.take().or_else(|| block_of(value));
            }
            Event::Finish { choice: 0, .. } => {
                let block = self.block.take().filter(|_| !self.calls)?;
                return Some(Event::RedactedThinking { choice: 0, block });
            }
            _ => {}
        }
        None
    }
}

/// What is known about a stream so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Consumption, if the provider said.
    pub usage: Option<Usage>,
    /// Whether content has gone to the client.
    pub started: bool,
    /// Whether the client has its terminator: a normal end, or an error in its protocol.
    pub ended: bool,
    /// Why the stream is not a whole answer.
    pub error: Option<Error>,
    /// Chunks of content so far: the estimate of output tokens when no usage comes.
    pub chunks: u64,
}

impl Stream {
    /// Starts a stream for the answer with this head.
    pub fn new(attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Self {
        let dialect = attempt.dialect();
        let mode = if encoded.relay {
            Mode::Relay(dialect.probe(encoded))
        } else {
            Mode::Translate(Translation {
                decoder: dialect.stream(attempt, encoded, head),
                events: Vec::new(),
                asked: attempt.target.model.clone(),
                named: None,
                texts: attempt.call.surface.keeps_blocks().then(Texts::default),
            })
        };
        Self { mode, encoder: attempt.call.surface.encoder(attempt.call), report: Report::default() }
    }

    /// Takes the next bytes from upstream and gives the bytes for the client; possibly none.
    ///
    /// # Errors
    /// The upstream failed. If [`Report::started`] is false, nothing was said yet and another target may be tried;
    /// else the client must be told with [`Stream::fail`].
    pub fn push(&mut self, frame: Bytes) -> Result<Bytes> {
        match &mut self.mode {
            Mode::Relay(probe) => {
                let bytes = probe.pass(frame)?;
                self.report.started |= !bytes.is_empty();
                Ok(bytes)
            }
            Mode::Translate(translation) => {
                let fed = translation.decoder.feed(&frame, &mut translation.events);
                let (bytes, failure) = self.write_events();
                match fed.err().or(failure) {
                    // What came before the failure still goes to the client; `finish` or the next push reports it.
                    Some(error) if bytes.is_empty() => Err(error),
                    Some(error) => {
                        self.report.error = Some(error.clone());
                        let mut bytes = Vec::from(bytes);
                        self.encoder.fail(&error, &mut bytes);
                        self.report.ended = true;
                        Ok(bytes.into())
                    }
                    None => Ok(bytes),
                }
            }
        }
    }

    /// The upstream closed in good order: gives the last bytes for the client.
    ///
    /// # Errors
    /// The stream is incomplete; see [`Stream::push`].
    pub fn finish(&mut self) -> Result<Bytes> {
        match &mut self.mode {
            Mode::Relay(probe) => {
                let StreamEnd { rest, error, told } = probe.finish();
                self.report.started |= !rest.is_empty();
                match error {
                    Some(error) if told => {
                        self.report.error = Some(error);
                        self.report.ended = true;
                        Ok(rest)
                    }
                    Some(error) => Err(error),
                    None => {
                        self.report.ended = true;
                        Ok(rest)
                    }
                }
            }
            Mode::Translate(translation) => {
                let finished = translation.decoder.finish(&mut translation.events);
                let (bytes, failure) = self.write_events();
                match finished.err().or(failure) {
                    Some(error) => {
                        if bytes.is_empty() {
                            return Err(error);
                        }
                        let mut bytes = Vec::from(bytes);
                        bytes.extend_from_slice(&self.fail(&error));
                        Ok(bytes.into())
                    }
                    None => {
                        self.report.ended = true;
                        Ok(bytes)
                    }
                }
            }
        }
    }

    /// Ends the client's stream with an error in its own protocol. Writes nothing if it has already ended.
    pub fn fail(&mut self, error: &Error) -> Bytes {
        let mut bytes = Vec::new();
        if !self.report.ended {
            if matches!(self.mode, Mode::Relay(_)) && self.report.started {
                self.encoder.resume();
            }
            self.encoder.fail(error, &mut bytes);
        }
        self.report.ended = true;
        self.report.error = Some(error.clone());
        bytes.into()
    }

    /// What is known so far.
    pub fn report(&self) -> Report {
        let mut report = self.report.clone();
        match &self.mode {
            Mode::Relay(probe) => {
                report.usage = probe.usage();
                report.chunks = probe.chunks();
            }
            Mode::Translate(translation) => {
                if let Some(usage) = report.usage.as_mut().filter(|usage| usage.model.is_none()) {
                    usage.model.clone_from(&translation.named);
                }
            }
        }
        report
    }

    /// Whether content has gone to the client.
    pub fn started(&self) -> bool {
        self.report.started
    }

    /// Whether the client has its terminator.
    pub fn ended(&self) -> bool {
        self.report.ended
    }

    /// Encodes the waiting events; stops at a failure.
    fn write_events(&mut self) -> (Bytes, Option<Error>) {
        let Mode::Translate(translation) = &mut self.mode else { return (Bytes::new(), None) };
        let mut out = Vec::new();
        let mut failure = None;
        for event in translation.events.drain(..) {
            match &event {
                Event::Failure(error) => {
                    failure = Some(error.clone());
                    break;
                }
                Event::Usage(usage) => self.report.usage = Some((**usage).clone()),
                Event::Start { usage, model, .. } => {
                    translation.named = other_model(model, &translation.asked);
                    if let Some(usage) = usage {
                        self.report.usage = Some((**usage).clone());
                    }
                }
                Event::Text { .. } | Event::Reasoning { .. } | Event::ToolArguments { .. } => {
                    self.report.chunks += 1
                }
                Event::Done => self.report.ended = true,
                _ => {}
            }
            if let Some(block) = translation.texts.as_mut().and_then(|texts| texts.see(&event)) {
                self.encoder.event(&block, &mut out);
            }
            self.encoder.event(&event, &mut out);
        }
        self.report.started |= !out.is_empty();
        (out.into(), failure)
    }
}
