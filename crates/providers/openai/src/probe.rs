//! Watching a relayed stream.
//!
//! Bytes go through as they come, in whole events. Only an event that shows one of a few words is looked into: usage,
//! an error, a finish reason. A quote inside a JSON string is escaped, so a quoted word found in the bytes is a key or a
//! whole value, never a part of what the model said.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use lockgate_core::{
    Encoded, Error, Probe, Quirks, Result, StreamEnd, Usage,
    wire::{Edits, Object, SseDecoder, quote},
};
use memchr::memmem::{self, Finder};

use crate::{error, response, stream, usage};

/// Watches one stream of chat or text completion chunks.
pub(crate) struct Watcher {
    /// The start of an event whose end has not come.
    carry: BytesMut,
    withhold_usage: bool,
    name: Rename,
    usage: Option<Usage>,
    chunks: u64,
    /// Something went to the client.
    passed: bool,
    finished: bool,
    done: bool,
    /// A failure that came behind content in the same read.
    failure: Option<Error>,
    finders: Finders,
}

struct Finders {
    usage: Finder<'static>,
    error: Finder<'static>,
    finish: Finder<'static>,
    data: Finder<'static>,
}

/// How the model's name is given to the client.
enum Rename {
    /// As the provider says it.
    Keep,
    /// As the client knows it (a JSON string), once the provider's member is known.
    Wanted(String),
    /// Each occurrence of the first by the second.
    Known(Box<Finder<'static>>, Vec<u8>),
}

impl Watcher {
    pub(crate) fn new(encoded: &Encoded) -> Self {
        let name = match &encoded.memo.client_model {
            Some(name) => Rename::Wanted(quote(name)),
            None => Rename::Keep,
        };
        Self {
            carry: BytesMut::new(),
            withhold_usage: encoded.withhold_usage,
            name,
            usage: None,
            chunks: 0,
            passed: false,
            finished: false,
            done: false,
            failure: None,
            finders: Finders {
                usage: Finder::new(b"\"usage\""),
                error: Finder::new(b"\"error\""),
                finish: Finder::new(b"\"finish_reason\""),
                data: Finder::new(b"data:"),
            },
        }
    }

    /// Looks at whole events and gives what goes to the client.
    fn events(&mut self, block: Bytes) -> Result<Bytes> {
        self.finished = self.finished || self.any_finish(&block);
        self.done |= has_terminator(&block);
        self.chunks += self.count(&block);
        let failed = self.any_error(&block);
        let counted = self.any_usage(&block);
        let block = if failed || counted { self.sift(block)? } else { block };
        let block = self.rename(block);
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

    /// Goes through the events one by one: notes usage, cuts out what the client did not ask for, stops at an error.
    fn sift(&mut self, block: Bytes) -> Result<Bytes> {
        let mut out = BytesMut::with_capacity(block.len());
        for range in split(&block) {
            let event = block.slice(range);
            match self.look(&event) {
                Look::Pass => out.extend_from_slice(&event),
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
        let Ok(object) = Object::scan(data) else { return Look::Pass };
        if let Some(text) = object.raw("error").filter(|text| response::is_error(text)) {
            return Look::Failed(error::in_stream(text));
        }
        let Some(found) = object.raw("usage").and_then(|text| usage::read(text, &Quirks::default())) else {
            return Look::Pass;
        };
        self.usage = Some(found);
        if !self.withhold_usage {
            return Look::Pass;
        }
        if object.raw("choices").is_none_or(|choices| choices.bytes().all(|b| b"[] \t\r\n".contains(&b))) {
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

    /// Gives the model the name by which the client knows it.
    fn rename(&mut self, block: Bytes) -> Bytes {
        if let Rename::Wanted(name) = &self.name {
            let Some(own) = split(&block).find_map(|range| model_member(&block.slice(range))) else {
                return block;
            };
            let value = value_at(&own, 7).unwrap_or_default();
            self.name = if value == name.as_bytes() {
                Rename::Keep
            } else {
                let mut wanted = own.get(..own.len() - value.len()).unwrap_or_default().to_vec();
                wanted.extend_from_slice(name.as_bytes());
                Rename::Known(Box::new(Finder::new(&own).into_owned()), wanted)
            };
        }
        let Rename::Known(own, wanted) = &self.name else { return block };
        let Some(first) = own.find(&block) else { return block };
        let mut out = Vec::with_capacity(block.len() + wanted.len());
        let mut copied = 0;
        let mut next = Some(first);
        while let Some(at) = next {
            out.extend_from_slice(block.get(copied..at).unwrap_or_default());
            out.extend_from_slice(wanted);
            copied = at + own.needle().len();
            next = own.find(block.get(copied..).unwrap_or_default()).map(|further| copied + further);
        }
        out.extend_from_slice(block.get(copied..).unwrap_or_default());
        out.into()
    }
}

enum Look {
    Pass,
    Cut,
    Instead(Vec<u8>),
    Failed(Error),
}

impl Probe for Watcher {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        if let Some(error) = self.failure.take() {
            return Err(error);
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
        let mut rest = Bytes::new();
        if self.failure.is_none() && !self.carry.is_empty() {
            let mut last = self.carry.split();
            let complete = match data_of(&Bytes::copy_from_slice(&last)) {
                Some((data, _)) => data.trim_ascii() == b"[DONE]" || Object::scan(data).is_ok(),
                None => last.trim_ascii().is_empty(),
            };
            if last.trim_ascii().is_empty() {
                // The second half of a blank line that was cut.
                rest = last.freeze();
            } else if complete {
                last.extend_from_slice(b"\n\n");
                match self.events(last.freeze()) {
                    Ok(bytes) => rest = bytes,
                    Err(error) => self.failure = Some(error),
                }
            } else if !complete && !self.done {
                self.failure = Some(broken_end(&last, self.passed));
            }
        }
        let mut error = self.failure.take();
        if error.is_none() && !self.done {
            if self.finished {
                let mut bytes = BytesMut::from(rest);
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
        self.usage.clone()
    }

    fn chunks(&self) -> u64 {
        self.chunks
    }
}

/// What stands at the end of a stream that does not end as one.
fn broken_end(last: &[u8], passed: bool) -> Error {
    // An upstream that ignores `stream` answers with a whole body, maybe with an error in it.
    if let Ok(object) = Object::scan(Bytes::copy_from_slice(last)) {
        return match object.raw("error").filter(|text| response::is_error(text)) {
            Some(text) => error::in_stream(text),
            None => {
                Error::invalid_response("The provider answered without a stream though one was asked for.")
            }
        };
    }
    if passed || last.starts_with(b"data:") {
        stream::cut_off(passed)
    } else {
        error::malformed(last, "no event stream")
    }
}

/// The value behind a key that ends at `at`, if it is a key.
fn value_at(block: &[u8], at: usize) -> Option<&[u8]> {
    let rest = block.get(at..)?.trim_ascii_start();
    Some(rest.strip_prefix(b":")?.trim_ascii_start())
}

/// The bytes of an event's top-level `"model": "…"`.
fn model_member(event: &Bytes) -> Option<Vec<u8>> {
    let (data, _) = data_of(event)?;
    let object = Object::scan(data.clone()).ok()?;
    let value = object.raw("model").filter(|value| value.starts_with('"') && *value != "\"\"")?;
    memmem::find_iter(&data, b"\"model\"").find_map(|at| {
        let rest = value_at(&data, at + 7)?;
        rest.starts_with(value.as_bytes()).then(|| {
            let end = data.len() - rest.len() + value.len();
            data.get(at..end).unwrap_or_default().to_vec()
        })
    })
}

/// Whether a line of the block is `data: [DONE]`.
fn has_terminator(block: &[u8]) -> bool {
    memmem::find_iter(block, b"[DONE]").any(|at| {
        let before = block.get(..at).unwrap_or_default().trim_ascii_end();
        let line = before.strip_suffix(b"data:");
        line.is_some_and(|line| line.last().is_none_or(|byte| matches!(byte, b'\n' | b'\r')))
    })
}

/// The data of a whole event and where it is. Data of several lines comes joined, without a place.
fn data_of(event: &Bytes) -> Option<(Bytes, Range<usize>)> {
    let start = if event.starts_with(b"data:") { 0 } else { memmem::find(event, b"\ndata:")? + 1 };
    let from = start + 5;
    let rest = event.get(from..)?;
    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
    let line = from..from + end;
    let data = event.slice(line.clone());
    if Object::scan(data.clone()).is_ok() || data.trim_ascii() == b"[DONE]" {
        return Some((data, line));
    }
    let mut joined = None;
    let mut sse = SseDecoder::new();
    let take = &mut |event: lockgate_core::wire::SseEvent<'_>| -> Result<()> {
        joined = joined.take().or_else(|| Some(Bytes::copy_from_slice(event.data.as_bytes())));
        Ok(())
    };
    let fed = sse.feed(event, take).and_then(|()| sse.finish(take));
    fed.ok()?;
    joined.map(|data| (data, start..event.len()))
}

/// Where the last whole event of the bytes ends.
fn last_boundary(bytes: &[u8]) -> usize {
    if bytes.ends_with(b"\n\n") {
        return bytes.len();
    }
    let mut end = bytes.len();
    while let Some(at) = memchr::memrchr2(b'\r', b'\n', bytes.get(..end).unwrap_or_default()) {
        let line_end = at + 1;
        if ends_blank(bytes.get(..line_end).unwrap_or_default()) {
            return line_end;
        }
        end = at;
    }
    0
}

/// Whether the bytes end with a blank line. A CR at the very end may be half of a CRLF; its LF then starts the next
/// read as a blank line of its own, which means nothing.
fn ends_blank(bytes: &[u8]) -> bool {
    let Some(line) = bytes
        .strip_suffix(b"\r\n")
        .or_else(|| bytes.strip_suffix(b"\n"))
        .or_else(|| bytes.strip_suffix(b"\r"))
    else {
        return false;
    };
    matches!(line.last(), Some(b'\n' | b'\r'))
}

/// The events of a block, each with its blank line.
fn split(block: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let from = start;
        let mut at = from;
        while let Some(next) = memchr::memchr2(b'\r', b'\n', block.get(at..).unwrap_or_default()) {
            at += next + 1;
            if block.get(at - 1) == Some(&b'\r') && block.get(at) == Some(&b'\n') {
                at += 1;
            }
            if at - from > 1 && ends_blank(block.get(from..at).unwrap_or_default()) {
                start = at;
                return Some(from..at);
            }
        }
        start = block.len();
        (from < start).then_some(from..start)
    })
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
    fn the_model_gets_the_client_s_name() {
        let text = format!("{HI}{STOP}{DONE}");
        let expected = text.replace("m-1", "alias");
        for cut in 1..text.len() {
            assert_eq!(run(watcher(false, Some("alias")), &text, cut).0, expected, "{cut}");
        }
        assert_eq!(run(watcher(false, Some("m-1")), &text, 50).0, text);
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
