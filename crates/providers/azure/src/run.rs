//! An agent's run: how it ended, and the events of one that is streamed.

use lockgate_core::{
    Error, ErrorKind, Event, FinishReason, Origin, Raw, Result, StreamDecoder, Usage,
    json::to_raw,
    refusal::Refusal,
    wire::{SseDecoder, view},
};

use crate::agents::{Piece, THREAD};

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Run {
        pub(crate) id: Option<String>,
        pub(crate) thread_id: Option<String>,
        pub(crate) status: Option<String>,
        last_error: Option<Raw>,
        incomplete_details: Option<Incomplete>,
        usage: Option<Counted>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Incomplete {
        reason: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct More {
        delta: Option<Delta>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Delta {
        content: Option<Vec<Piece>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Refused {
        error: Option<Raw>,
    }
}

/// Reads the events of one run.
pub(crate) struct Decoder {
    events: SseDecoder,
    state: State,
}

struct State {
    model: String,
    started: bool,
    /// Something was said, so that what another message says is told apart from it.
    said: bool,
    parted: bool,
    over: bool,
}

impl Decoder {
    pub(crate) fn new(model: &str) -> Self {
        let state =
            State { model: model.to_owned(), started: false, said: false, parted: false, over: false };
        Self { events: SseDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.events.feed(bytes, &mut |event| state.event(event.event, event.data, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.events.finish(&mut |event| state.event(event.event, event.data, out))?;
        if state.over {
            return Ok(());
        }
        Err(Error::invalid_response("The agent's stream ended before its run was over."))
    }
}

impl State {
    fn event(&mut self, name: &str, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.over {
            return Ok(());
        }
        match name {
            "thread.run.created" | "thread.run.queued" | "thread.run.in_progress" => {
                self.start(&read(data)?, out);
            }
            "thread.message.created" => self.parted = self.said,
            "thread.message.delta" => self.more(read(data)?, out),
            "thread.run.completed" | "thread.run.incomplete" => self.end(&read(data)?, out),
            "thread.run.failed"
            | "thread.run.cancelled"
            | "thread.run.expired"
            | "thread.run.requires_action" => self.fail(failed(&read(data)?), out),
            "error" => {
                let error = serde_json::from_str::<Refused>(data).unwrap_or_default().error;
                let said = Refusal::of_member(error.as_ref().map_or(data, |error| error.get()));
                self.fail(said.into_error(500, &http::HeaderMap::new(), &bytes::Bytes::new()), out);
            }
            // Steps of the run, and what is new.
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, run: &Run, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let (id, model) = (run.id.clone().unwrap_or_default(), std::mem::take(&mut self.model));
        out.push(Event::Start { id, model, created: None, usage: None });
        if let Some(thread) = &run.thread_id {
            out.push(Event::Chunk { key: THREAD.to_owned(), value: to_raw(thread) });
        }
    }

    fn more(&mut self, more: More, out: &mut Vec<Event>) {
        self.start(&Run::default(), out);
        let pieces = more.delta.and_then(|delta| delta.content).unwrap_or_default();
        for text in pieces.into_iter().filter_map(Piece::text).filter(|text| !text.is_empty()) {
            let gap = if std::mem::take(&mut self.parted) { "\n\n" } else { "" };
            self.said = true;
            out.push(Event::Text { choice: 0, text: format!("{gap}{text}") });
        }
    }

    fn end(&mut self, run: &Run, out: &mut Vec<Event>) {
        self.start(run, out);
        self.over = true;
        out.push(Event::Finish { choice: 0, reason: finish(run), native: None, stop_sequence: None });
        out.extend(usage(run).map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
    }

    fn fail(&mut self, error: Error, out: &mut Vec<Event>) {
        self.over = true;
        out.push(Event::Failure(error));
    }
}

/// Why the run ended.
pub(crate) fn finish(run: &Run) -> FinishReason {
    let reason = run.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
    match reason {
        Some("content_filter") => FinishReason::ContentFilter,
        Some(_) => FinishReason::Length,
        None if run.status.as_deref() == Some("incomplete") => FinishReason::Length,
        None => FinishReason::Stop,
    }
}

pub(crate) fn usage(run: &Run) -> Option<Usage> {
    let counted = run.usage.as_ref()?;
    let (input, output) = (counted.prompt_tokens?, counted.completion_tokens?);
    Some(Usage { input, output, ..Usage::default() })
}

/// Why a run came to nothing.
pub(crate) fn failed(run: &Run) -> Error {
    if run.status.as_deref() == Some("requires_action") {
        let message = "The agent waits for what functions of its caller give; they cannot be given here.";
        return Error::new(ErrorKind::Unprocessable, Origin::Upstream, message);
    }
    let said = run.last_error.as_ref().map(|error| Refusal::of_member(error.get())).unwrap_or_default();
    let kind = match said.code.as_deref() {
        Some("rate_limit_exceeded") => ErrorKind::RateLimit,
        Some("invalid_prompt") => ErrorKind::BadRequest,
        _ => match said.kind(500) {
            ErrorKind::Internal => ErrorKind::ServiceUnavailable,
            kind => kind,
        },
    };
    let status = run.status.as_deref().unwrap_or("failed");
    let message = match said.message.as_str() {
        "" | "null" => format!("The agent's run was {status}."),
        message => message.to_owned(),
    };
    let error = Error::new(kind, Origin::Upstream, message);
    said.code.map_or(error.clone(), |code| error.with_code(code))
}

fn read<T: serde::de::DeserializeOwned>(data: &str) -> Result<T> {
    serde_json::from_str(data)
        .map_err(|why| Error::invalid_response(format!("An event of the agent cannot be read: {why}")))
}
