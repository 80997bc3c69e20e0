//! Chat and text completion streams, read into hub events.

mod choice;

use std::sync::Arc;

use lockgate_core::{
    Error, ErrorKind, Event, FinishReason, Origin, Provider, Raw, Result, Retry, StreamDecoder, Usage,
    refusal::is_error, wire::SseDecoder,
};

use self::choice::ChoiceState;
use crate::{
    error, usage, whole,
    wire::{WireChoice, WireReply, finish_reason},
};

/// Reads `data:` lines with chunks until `[DONE]`.
pub(crate) struct Decoder {
    sse: SseDecoder,
    state: State,
    /// The upstream answers with a whole body in spite of `stream`; `None` until the first byte tells.
    whole: Option<bool>,
    body: Vec<u8>,
}

/// All but the framing.
struct State {
    /// Whose stream it is, and how it differs.
    provider: Arc<Provider>,
    started: bool,
    done: bool,
    failed: bool,
    choices: Vec<ChoiceState>,
    usage: Option<Usage>,
    service_tier: Option<String>,
    /// Members of the chunks themselves that were told already, to tell them again only when they change.
    told: Vec<(String, String)>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub(crate) fn new(provider: &Arc<Provider>) -> Self {
        Self {
            sse: SseDecoder::new(),
            state: State {
                provider: provider.clone(),
                started: false,
                done: false,
                failed: false,
                choices: Vec::new(),
                usage: None,
                service_tier: None,
                told: Vec::new(),
            },
            whole: None,
            body: Vec::new(),
        }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        if self.whole.is_none() {
            self.whole = whole::is_whole(bytes);
        }
        if self.whole == Some(true) {
            self.body.extend_from_slice(bytes);
            return Ok(());
        }
        let state = &mut self.state;
        self.sse.feed(bytes, &mut |event| state.data(event.event, event.data, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        if self.whole == Some(true) {
            let stream = whole::as_stream(&std::mem::take(&mut self.body).into())?;
            self.sse.feed(&stream, &mut |event| state.data(event.event, event.data, out))?;
        }
        self.sse.finish(&mut |event| state.data(event.event, event.data, out))?;
        state.end(out)
    }
}

impl State {
    fn data(&mut self, name: &str, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.done || self.failed {
            return Ok(());
        }
        let data = data.trim();
        if data == "[DONE]" {
            self.close(out);
            return Ok(());
        }
        let chunk: WireReply = match lockgate_core::json::parse_text(data) {
            Ok(chunk) => chunk,
            Err(_) if data.is_empty() => return Ok(()),
            Err(why) => return Err(error::malformed(data.as_bytes(), why)),
        };
        let said = chunk.error.as_deref().map(|raw| raw.get()).filter(|text| is_error(text));
        if said.is_some() || name == "error" {
            return self.fail(error::in_stream(said.unwrap_or(data)), out);
        }
        self.chunk(chunk, out);
        Ok(())
    }

    fn fail(&mut self, error: Error, out: &mut Vec<Event>) -> Result<()> {
        self.failed = true;
        if self.started {
            out.push(Event::Failure(error));
            return Ok(());
        }
        Err(error)
    }

    fn chunk(&mut self, chunk: WireReply, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start {
                id: chunk.id.unwrap_or_default(),
                model: chunk.model.unwrap_or_default(),
                created: chunk
                    .created
                    .map(|count| count.0)
                    .and_then(|seconds| i64::try_from(seconds).ok())
                    .filter(|s| *s > 0),
                usage: None,
            });
        }
        if let Some(tier) = &chunk.service_tier {
            self.service_tier = serde_json::from_str(tier.get()).ok().or(self.service_tier.take());
        }
        self.tell("system_fingerprint", chunk.system_fingerprint, out);
        self.tell("service_tier", chunk.service_tier, out);
        for (key, value) in chunk.extra.iter() {
            self.tell(key, Some(value.to_owned()), out);
        }
        if let Some(usage) = chunk.usage.as_deref().and_then(|raw| usage::read(raw, &self.provider.quirks)) {
            self.usage = Some(usage);
        }
        for (at, choice) in chunk.choices.into_iter().flatten().enumerate() {
            self.choice(at, choice, out);
        }
    }

    fn tell(&mut self, key: &str, value: Option<Raw>, out: &mut Vec<Event>) {
        let Some(value) = value.filter(|value| value.get() != "null") else { return };
        match self.told.iter_mut().find(|(own, _)| own == key) {
            Some((_, old)) if old == value.get() => return,
            Some((_, old)) => value.get().clone_into(old),
            None => self.told.push((key.to_owned(), value.get().to_owned())),
        }
        out.push(Event::Chunk { key: key.to_owned(), value });
    }

    fn choice(&mut self, at: usize, choice: WireChoice, out: &mut Vec<Event>) {
        let index = choice.index.unwrap_or_else(|| u32::try_from(at).unwrap_or(u32::MAX));
        let place = match self.choices.iter().position(|own| own.index == index) {
            Some(place) => place,
            None => {
                self.choices.push(ChoiceState::new(index));
                self.choices.len() - 1
            }
        };
        let Some(state) = self.choices.get_mut(place) else { return };
        if let Some(text) = choice.text.filter(|text| !text.is_empty()) {
            out.push(Event::Text { choice: index, text });
        }
        // Some servers stream with the member of whole answers.
        if let Some(delta) = choice.delta.or(choice.message) {
            state.delta(delta, &self.provider.quirks, out);
        }
        if let Some(logprobs) = choice.logprobs {
            out.push(Event::Logprobs { choice: index, logprobs });
        }
        if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty() && !state.finished) {
            state.finished = true;
            state.flush(out);
            let (reason, native) = finish_reason(&word, state.calls());
            out.push(Event::Finish { choice: index, reason, native, stop_sequence: choice.stop_reason });
        }
    }

    /// The terminator came.
    fn close(&mut self, out: &mut Vec<Event>) {
        self.done = true;
        if !self.started {
            self.started = true;
            out.push(Event::Start { id: String::new(), model: String::new(), created: None, usage: None });
        }
        for choice in self.choices.iter_mut().filter(|choice| !choice.finished) {
            choice.finished = true;
            choice.flush(out);
            let reason = if choice.calls() { FinishReason::ToolCalls } else { FinishReason::Stop };
            out.push(Event::Finish { choice: choice.index, reason, native: None, stop_sequence: None });
        }
        if let Some(mut usage) = self.usage.take() {
            usage.service_tier = usage.service_tier.or_else(|| self.service_tier.take());
            out.push(Event::Usage(Box::new(usage)));
        }
        out.push(Event::Done);
    }

    /// The connection closed.
    fn end(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.done || self.failed {
            return Ok(());
        }
        // The terminator may be missing if every answer is complete.
        if !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished) {
            self.close(out);
            return Ok(());
        }
        Err(cut_off(self.started))
    }
}

/// The upstream closed before its answer was complete.
pub(crate) fn cut_off(started: bool) -> Error {
    let message = "The provider's stream ended before the answer was complete.";
    if started {
        Error::new(ErrorKind::MidStream, Origin::Upstream, message).with_retry(Retry::Other)
    } else {
        Error::new(ErrorKind::Connection, Origin::Upstream, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str, cut: usize) -> (Vec<Event>, Option<Error>) {
        let mut decoder = Decoder::new(&Arc::new(lockgate_testkit::sample::provider(&crate::OpenAi)));
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(cut.max(1)) {
            if let Err(error) = decoder.feed(piece, &mut out) {
                return (out, Some(error));
            }
        }
        let error = decoder.finish(&mut out).err();
        (out, error)
    }

    fn chunk(choice: &str) -> String {
        format!("data: {{\"id\":\"c1\",\"model\":\"m\",\"created\":5,\"choices\":[{choice}]}}\n\n")
    }

    #[test]
    fn text_and_usage_and_unknown_members_whatever_the_cuts() {
        let text = [
            chunk(r#"{"index":0,"delta":{"role":"assistant","content":""}}"#),
            ": ping\r\n\r\n".to_owned(),
            chunk(r#"{"index":0,"delta":{"content":"Hé","x_new":{"a":1}},"finish_reason":null}"#),
            chunk(r#"{"index":0,"delta":{},"finish_reason":"length"}"#),
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2},\"x\":1}\n\n"
                .to_owned(),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat();
        let whole = format!("{:?}", events(&text, usize::MAX));
        for cut in 1..text.len() {
            assert_eq!(format!("{:?}", events(&text, cut)), whole, "{cut}");
        }
        for word in ["Hé", "x_new", "Length", "input: 3", "\"x\"", "Done"] {
            assert!(whole.contains(word), "{word} in {whole}");
        }
    }

    #[test]
    fn interleaved_tool_calls_stay_apart() {
        let call = |index: &str, id: &str, name: &str, arguments: &str| {
            let id = if id.is_empty() { String::new() } else { format!("\"id\":\"{id}\",") };
            let name = if name.is_empty() { String::new() } else { format!("\"name\":\"{name}\",") };
            chunk(&format!(
                "{{\"index\":0,\"delta\":{{\"tool_calls\":[{{{index}{id}\"function\":{{{name}\"arguments\":\"{arguments}\"}}}}]}}}}"
            ))
        };
        let text = [
            call("\"index\":0,", "a", "f", "1"),
            call("\"index\":5,", "b", "", "2"),
            call("\"index\":0,", "", "", "3"),
            call("\"index\":5,", "", "g", "4"),
            // The same number with another id is another call.
            call("\"index\":0,", "c", "h", "5"),
            call("\"index\":0,", "", "", "6"),
            chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#),
        ]
        .concat();
        let (events, error) = events(&text, 7);
        assert!(error.is_none());
        let mut arguments = [String::new(), String::new(), String::new()];
        let mut names = Vec::new();
        for event in &events {
            match event {
                Event::ToolStart { index, id, name, .. } => names.push(format!("{index}{id}{name}")),
                Event::ToolArguments { index, fragment, .. } => arguments[*index as usize].push_str(fragment),
                Event::Finish { reason, .. } => assert_eq!(*reason, FinishReason::ToolCalls),
                _ => {}
            }
        }
        assert_eq!(names, ["0af", "1bg", "2ch"]);
        assert_eq!(arguments, ["13", "24", "56"]);
    }

    #[test]
    fn what_is_not_complete_is_an_error() {
        let begun = chunk(r#"{"index":0,"delta":{"content":"a"}}"#);
        assert_eq!(events(&begun, 9).1.unwrap().kind(), ErrorKind::MidStream);
        assert_eq!(events("", 1).1.unwrap().kind(), ErrorKind::Connection);
        let cut = &begun[..begun.len() - 10];
        assert!(events(cut, 5).1.is_some());
        let finished = chunk(r#"{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}"#);
        assert!(events(&finished, 5).1.is_none());
    }

    #[test]
    fn errors_before_and_after_the_first_word() {
        let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
        let (out, failure) = events(error, 8);
        assert!(out.is_empty());
        assert_eq!(failure.unwrap().kind(), ErrorKind::ServiceUnavailable);
        let text = chunk(r#"{"index":0,"delta":{"content":"a"}}"#) + error;
        let (out, failure) = events(&text, 8);
        assert!(matches!(out.last(), Some(Event::Failure(error)) if error.message() == "overloaded"));
        assert!(failure.is_none());
    }
}
