//! Watching a relayed stream.
//!
//! Bytes go through as they come, in whole events. Only an event that shows one of a few words is looked into: usage,
//! an error, a finish reason. A quote inside a JSON string is escaped, so a quoted word found in the bytes is a key or a
//! whole value, never a part of what the model said.

use bytes::{Bytes, BytesMut};
use lockgate_core::{
    Encoded, Error, Probe, Result, StreamEnd, Usage,
    refusal::is_error,
    wire::{Edits, Object, write_sse},
};
use memchr::memmem::Finder;

use crate::{
    error,
    frames::{data_of, has_terminator, last_boundary, split, value_at},
    rename::Rename,
    stream, usage, whole,
};

/// What an annotation that cites a page has in it.
pub(crate) const CITATION: &[u8] = b"\"url_citation\"";

/// Watches one stream of chat or text completion chunks.
pub(crate) struct Watcher {
    /// The start of an event whose end has not come.
    carry: BytesMut,
    withhold_usage: bool,
    /// The event with the last usage so far: it goes to the client once, right before the terminator.
    held: Option<Bytes>,
    name: Rename,
    usage: Option<Usage>,
    chunks: u64,
    /// The answer cites pages, so the provider has searched.
    searched: bool,
    /// Something went to the client.
    passed: bool,
    finished: bool,
    done: bool,
    /// The upstream answers with a whole body in spite of `stream`; `None` until the first byte tells.
    whole: Option<bool>,
    /// A failure that came behind content in the same read.
    failure: Option<Error>,
    finders: Finders,
}

struct Finders {
    usage: Finder<'static>,
    error: Finder<'static>,
    finish: Finder<'static>,
    data: Finder<'static>,
    citation: Finder<'static>,
}

impl Watcher {
    pub(crate) fn new(encoded: &Encoded) -> Self {
        let name = Rename::new(encoded.memo.client_model.as_deref());
        Self {
            carry: BytesMut::new(),
            withhold_usage: encoded.withhold_usage,
            held: None,
            name,
            usage: None,
            chunks: 0,
            searched: false,
            passed: false,
            finished: false,
            done: false,
            whole: None,
            failure: None,
            finders: Finders {
                usage: Finder::new(b"\"usage\""),
                error: Finder::new(b"\"error\""),
                finish: Finder::new(b"\"finish_reason\""),
                data: Finder::new(b"data:"),
                citation: Finder::new(CITATION),
            },
        }
    }

    /// Looks at whole events and gives what goes to the client.
    fn events(&mut self, block: Bytes) -> Result<Bytes> {
        self.finished = self.finished || self.any_finish(&block);
        let ends = has_terminator(&block);
        self.done |= ends;
        self.chunks += self.count(&block);
        self.searched = self.searched || self.finders.citation.find(&block).is_some();
        let failed = self.any_error(&block);
        let counted = self.any_usage(&block);
        let tells = ends && self.held.is_some();
        let block = if failed || counted || tells { self.sift(block)? } else { block };
        let block = self.name.apply(block);
        self.passed |= !block.is_empty();
        Ok(block)
    }

    /// Lines of data.
    fn count(&self, block: &[u8]) -> u64 {
        let starts_line = |at: &usize| *at == 0 || matches!(block.get(at - 1), Some(b'\n' | b'\r'));
        self.finders.data.find_iter(block).filter(starts_line).count() as u64
    }

    fn any_finish(&self, block: &[u8]) -> bool {
        self.finders
            .finish
            .find_iter(block)
            .any(|at| value_at(block, at + 15).is_some_and(|v| v.first() == Some(&b'"')))
    }

    /// Whether some event has a usage that is not `null`.
    fn any_usage(&self, block: &[u8]) -> bool {
        self.finders
            .usage
            .find_iter(block)
            .any(|at| value_at(block, at + 7).is_some_and(|value| value.starts_with(b"{")))
    }

    /// Whether some event has a member `error` that is not `null`.
    fn any_error(&self, block: &[u8]) -> bool {
        self.finders
            .error
            .find_iter(block)
            .any(|at| value_at(block, at + 7).is_some_and(|value| !value.starts_with(b"null")))
    }

    /// Goes through the events one by one: notes usage, keeps it back until the end, stops at an error.
    fn sift(&mut self, block: Bytes) -> Result<Bytes> {
        let mut out = BytesMut::with_capacity(block.len());
        for range in split(&block) {
            let event = block.slice(range);
            match self.look(&event) {
                Look::Pass => out.extend_from_slice(&event),
                Look::End => {
                    out.extend_from_slice(&self.held.take().unwrap_or_default());
                    out.extend_from_slice(&event);
                }
                Look::Cut => {}
                Look::Instead(bytes) => out.extend_from_slice(&bytes),
                Look::Failed(error) if !self.passed && out.is_empty() => return Err(error),
                Look::Failed(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(out.freeze())
    }

    fn look(&mut self, event: &Bytes) -> Look {
        let Some((data, at)) = data_of(event) else { return Look::Pass };
        if data.trim_ascii() == b"[DONE]" {
            return Look::End;
        }
        let Ok(object) = Object::scan(data) else { return Look::Pass };
        if let Some(text) = object.raw("error").filter(|text| is_error(text)) {
            return Look::Failed(error::in_stream(text));
        }
        let Some(found) = object.raw("usage").and_then(usage::count) else {
            return Look::Pass;
        };
        let model = object.str("model").map(|model| model.into_owned());
        self.usage = Some(Usage { model, ..found });
        let alone =
            object.raw("choices").is_none_or(|choices| choices.bytes().all(|b| b"[] \t\r\n".contains(&b)));
        if !self.withhold_usage {
            let detailed = object.raw("usage").and_then(usage::detailed);
            let as_it_came = alone && detailed.is_none();
            self.held = Some(if as_it_came { event.clone() } else { usage_event(&object, detailed) });
        }
        if alone {
            self.chunks = self.chunks.saturating_sub(1);
            return Look::Cut;
        }
        let mut edits = Edits::new();
        edits.remove("usage");
        let mut bytes = event.get(..at.start).unwrap_or_default().to_vec();
        bytes.extend_from_slice(&object.splice(&edits).to_vec());
        bytes.extend_from_slice(event.get(at.end..).unwrap_or_default());
        Look::Instead(bytes)
    }

    /// What is still held back when the upstream closes.
    fn last(&mut self) -> Result<Bytes> {
        let held = self.carry.split().freeze();
        if self.failure.is_some() || held.trim_ascii().is_empty() {
            // White space is the second half of a blank line that was cut.
            return Ok(held);
        }
        if self.whole == Some(true) {
            return self.events(whole::as_stream(&held)?.into());
        }
        let complete = data_of(&held)
            .is_some_and(|(data, _)| data.trim_ascii() == b"[DONE]" || Object::scan(data).is_ok());
        match (complete, self.done) {
            (true, _) => self.events([&held, b"\n\n".as_slice()].concat().into()),
            (false, true) => Ok(Bytes::new()),
            (false, false) if self.passed || held.starts_with(b"data:") => Err(stream::cut_off(self.passed)),
            (false, false) => Err(error::malformed(&held, "no event stream")),
        }
    }
}

/// OpenAI's own form of a chunk that came with choices and usage: the usage alone, in other words if there are any.
fn usage_event(object: &Object, usage: Option<String>) -> Bytes {
    let mut edits = Edits::new();
    edits.set("choices", "[]");
    if let Some(usage) = usage {
        edits.set("usage", usage);
    }
    let mut out = Vec::new();
    write_sse(&mut out, None, String::from_utf8_lossy(&object.splice(&edits).to_vec()).trim());
    out.into()
}

enum Look {
    Pass,
    /// The terminator.
    End,
    Cut,
    Instead(Vec<u8>),
    Failed(Error),
}

impl Probe for Watcher {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.whole.is_none() {
            self.whole = whole::is_whole(&frame);
        }
        if self.whole == Some(true) {
            self.carry.extend_from_slice(&frame);
            return Ok(Bytes::new());
        }
        let frame = if self.carry.is_empty() {
            frame
        } else {
            self.carry.extend_from_slice(&frame);
            self.carry.split().freeze()
        };
        let whole = last_boundary(&frame);
        self.carry.extend_from_slice(frame.get(whole..).unwrap_or_default());
        if whole == 0 {
            return Ok(Bytes::new());
        }
        self.events(frame.slice(..whole))
    }

    fn finish(&mut self) -> StreamEnd {
        let mut rest = match self.last() {
            Ok(bytes) => bytes,
            Err(error) => {
                self.failure = Some(error);
                Bytes::new()
            }
        };
        let mut error = self.failure.take();
        if error.is_none() && !self.done {
            if self.finished {
                let mut bytes = BytesMut::from(rest);
                let held = self.held.take().map(|held| self.name.apply(held));
                bytes.extend_from_slice(&held.unwrap_or_default());
                bytes.extend_from_slice(b"data: [DONE]\n\n");
                rest = bytes.freeze();
                self.done = true;
            } else {
                error = Some(stream::cut_off(self.passed));
            }
        }
        StreamEnd { rest, error, told: false }
    }

    fn usage(&self) -> Option<Usage> {
        let mut usage = self.usage.clone()?;
        if self.searched {
            usage.web_searches.get_or_insert(1);
        }
        Some(usage)
    }

    fn chunks(&self) -> u64 {
        self.chunks
    }
}

#[cfg(test)]
mod tests {
    use lockgate_core::{ErrorKind, Format, Memo, Notes, Payload};

    use super::*;

    fn watcher(withhold_usage: bool, client_model: Option<&str>) -> Watcher {
        Watcher::new(&Encoded {
            request: http::Request::new(Payload::new()),
            format: Format("openai.chat"),
            relay: true,
            withhold_usage,
            memo: Memo { client_model: client_model.map(str::to_owned), ..Memo::default() },
            notes: Notes::default(),
        })
    }

    fn run(mut watcher: Watcher, text: &str, cut: usize) -> (String, Option<Error>, Option<Usage>) {
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(cut.max(1)) {
            match watcher.pass(Bytes::copy_from_slice(piece)) {
                Ok(bytes) => out.extend_from_slice(&bytes),
                Err(error) => return (String::from_utf8(out).unwrap(), Some(error), watcher.usage()),
            }
        }
        let end = watcher.finish();
        out.extend_from_slice(&end.rest);
        (String::from_utf8(out).unwrap(), end.error, watcher.usage())
    }

    const HI: &str = "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\": [DONE]\"},\"finish_reason\":null}],\"usage\":null}\n\n";
    const STOP: &str =
        "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str = "data: {\"model\":\"m-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn bytes_go_through_unchanged_whatever_the_cuts() {
        for ending in ["\n", "\r\n", "\r"] {
            let text = format!(": ping\n\nevent: x\n{HI}{STOP}{USAGE}{DONE}").replace('\n', ending);
            for cut in 1..text.len() {
                let (out, error, usage) = run(watcher(false, None), &text, cut);
                assert_eq!(
                    (out.as_str(), error.map(|e| e.to_string())),
                    (text.as_str(), None),
                    "{cut} {ending:?}"
                );
                assert_eq!(usage.unwrap().input, 3);
            }
        }
    }

    #[test]
    fn the_usage_chunk_is_cut_out_for_clients_that_did_not_ask() {
        let text = format!("{HI}{STOP}{USAGE}{DONE}");
        for cut in 1..text.len() {
            let (out, error, usage) = run(watcher(true, None), &text, cut);
            assert!(error.is_none());
            assert_eq!(out, format!("{HI}{STOP}{DONE}"), "{cut}");
            assert_eq!(usage.unwrap().output, 2);
        }
        let last = "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3}}\n\n";
        let (out, _, usage) = run(watcher(true, None), &format!("{last}{DONE}"), 1000);
        assert_eq!(out, format!("data: {{\"choices\":[{{\"finish_reason\":\"stop\"}}]}}\n\n{DONE}"));
        assert_eq!(usage.unwrap().input, 3);
    }

    #[test]
    fn a_client_that_asked_gets_one_usage_however_often_it_came() {
        let with = |choices: &str, tokens: u32| {
            format!(
                "data: {{\"model\":\"m-1\",\"choices\":[{choices}],\"usage\":{{\"prompt_tokens\":{tokens}}}}}\n\n"
            )
        };
        let without = |choices: &str| format!("data: {{\"model\":\"m-1\",\"choices\":[{choices}]}}\n\n");
        let (word, stop) = (r#"{"delta":{"content":"a"}}"#, r#"{"delta":{},"finish_reason":"stop"}"#);
        for (text, expected) in [
            // In every chunk; in the first and alone at the end; only in the last.
            ([with(word, 1), with(stop, 2)].concat(), [without(word), without(stop), with("", 2)].concat()),
            (
                [with(word, 1), without(stop), with("", 3)].concat(),
                [without(word), without(stop), with("", 3)].concat(),
            ),
            ([without(word), with(stop, 4)].concat(), [without(word), without(stop), with("", 4)].concat()),
        ] {
            for cut in 1..text.len() {
                let (out, _, _) = run(watcher(false, None), &format!("{text}{DONE}"), cut);
                assert_eq!(out, format!("{expected}{DONE}"), "{cut}");
                assert_eq!(run(watcher(false, None), &text, cut).0, out);
            }
        }
    }

    #[test]
    fn the_model_gets_the_client_s_name() {
        let text = format!("{HI}{STOP}{DONE}");
        let expected = text.replace("m-1", "alias");
        for cut in 1..text.len() {
            assert_eq!(run(watcher(false, Some("alias")), &text, cut).0, expected, "{cut}");
        }
        assert_eq!(run(watcher(false, Some("m-1")), &text, 50).0, text);
        // Also the usage that was kept back for a terminator which never comes.
        let unended = format!("{HI}{STOP}{USAGE}");
        let (out, error, _) = run(watcher(false, Some("public")), &unended, 64);
        assert!(error.is_none() && out.ends_with(DONE) && !out.contains("m-1"), "{out}");
    }

    #[test]
    fn a_missing_terminator_is_added_only_to_a_finished_answer() {
        assert_eq!(run(watcher(false, None), &format!("{HI}{STOP}"), 20).0, format!("{HI}{STOP}{DONE}"));
        assert_eq!(run(watcher(false, None), HI, 20).1.unwrap().kind(), ErrorKind::MidStream);
        assert_eq!(run(watcher(false, None), "", 20).1.unwrap().kind(), ErrorKind::Connection);
        assert!(run(watcher(false, None), &HI[..40], 20).1.is_some());
        let unterminated = format!("{HI}{STOP}data: [DONE]");
        assert_eq!(run(watcher(false, None), &unterminated, 20).0, format!("{unterminated}\n\n"));
    }

    #[test]
    fn errors_in_the_stream() {
        let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
        let (out, failure, _) = run(watcher(false, None), error, 1000);
        assert_eq!((out.as_str(), failure.unwrap().message()), ("", "overloaded"));
        for cut in [10, 1000] {
            let (out, failure, _) = run(watcher(false, None), &format!("{HI}{error}"), cut);
            assert_eq!((out.as_str(), failure.unwrap().message()), (HI, "overloaded"));
        }
        let (_, failure, _) = run(watcher(false, None), "{\"error\":{\"message\":\"no\"}}", 5);
        assert_eq!(failure.unwrap().message(), "no");
        let (_, failure, _) = run(watcher(false, None), "<html>", 5);
        assert_eq!(failure.unwrap().kind(), ErrorKind::InvalidResponse);
    }
}
