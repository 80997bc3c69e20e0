//! Event-stream bytes looked at in place: whole events, their data, keys and values.

use std::ops::Range;

use bytes::Bytes;
use lockgate_core::{
    Result,
    wire::{Object, SseDecoder, SseEvent},
};
use memchr::memmem;

/// The value behind a key that ends at `at`, if it is a key.
pub(crate) fn value_at(block: &[u8], at: usize) -> Option<&[u8]> {
    let rest = block.get(at..)?.trim_ascii_start();
    Some(rest.strip_prefix(b":")?.trim_ascii_start())
}

/// Whether a line of the block is `data: [DONE]`.
pub(crate) fn has_terminator(block: &[u8]) -> bool {
    memmem::find_iter(block, b"[DONE]").any(|at| {
        let before = block.get(..at).unwrap_or_default().trim_ascii_end();
        let line = before.strip_suffix(b"data:");
        line.is_some_and(|line| line.last().is_none_or(|byte| matches!(byte, b'\n' | b'\r')))
    })
}

/// The data of a whole event and where it is. Data of several lines comes joined, without a place.
pub(crate) fn data_of(event: &Bytes) -> Option<(Bytes, Range<usize>)> {
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
    let take = &mut |event: SseEvent<'_>| -> Result<()> {
        joined = joined.take().or_else(|| Some(Bytes::copy_from_slice(event.data.as_bytes())));
        Ok(())
    };
    let fed = sse.feed(event, take).and_then(|()| sse.finish(take));
    fed.ok()?;
    joined.map(|data| (data, start..event.len()))
}

/// Where the last whole event of the bytes ends.
pub(crate) fn last_boundary(bytes: &[u8]) -> usize {
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
pub(crate) fn ends_blank(bytes: &[u8]) -> bool {
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
pub(crate) fn split(block: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
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
