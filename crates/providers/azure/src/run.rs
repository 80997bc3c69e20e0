//! The events of an agent's run.

use lockgate_core::{
    Error, Event, Raw, Result, StreamDecoder, json::to_raw, refusal::Refusal, wire::SseDecoder, wire::view,
};

use crate::agents::{Piece, Run, THREAD, failed, finish, usage};

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

fn read<T: serde::de::DeserializeOwned>(data: &str) -> Result<T> {
    serde_json::from_str(data)
        .map_err(|why| Error::invalid_response(format!("An event of the agent cannot be read: {why}")))
}
