//! Server-Sent Events: decoding reads of any size by the WHATWG rules, and writing.

use std::fmt;
use std::ops::Range;

use memchr::memchr2;

/// What an event may take at most unless the decoder is told otherwise.
const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Decodes a stream of Server-Sent Events.
///
/// Bytes go in as they arrive, cut anywhere; events come out as soon as they are complete. An event that arrives in
/// one read is handed out from it without a copy. `id`, `retry`, unknown fields and comments are ignored.
#[derive(Clone)]
pub struct SseDecoder {
    limit: usize,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    /// Fields of the current event that came in earlier reads.
    event: Vec<u8>,
    data: Option<Vec<u8>>,
    /// No line has ended yet, so a byte order mark may come.
    at_start: bool,
    /// The last read ended with CR, whose LF may come.
    after_cr: bool,
}

/// A decoded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The event's name, empty if it has none.
    pub event: &'a str,
    /// The data lines, joined by LF.
    pub data: &'a str,
}

/// Why a stream cannot be decoded further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SseError {
    /// An event or a line is longer than the limit.
    TooLong,
}

impl fmt::Display for SseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("a server-sent event is longer than the limit"),
        }
    }
}

impl std::error::Error for SseError {}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl SseDecoder {
    /// A decoder at the start of a stream, with a limit of 16 MiB per event.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A decoder that refuses events whose name and data, and lines whose length, exceed the limit.
    pub fn with_limit(max_event_bytes: usize) -> Self {
        Self {
            limit: max_event_bytes,
            line: Vec::new(),
            event: Vec::new(),
            data: None,
            at_start: true,
            after_cr: false,
        }
    }

    /// Takes the next bytes of the stream and hands out the events that they complete.
    ///
    /// After an error, from here or from `on`, the rest of the stream has no meaning.
    pub fn feed<E: From<SseError>>(
        &mut self,
        bytes: &[u8],
        on: &mut dyn FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut read = Read::default();
        let mut at = 0;
        if !bytes.is_empty() && std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
            at = 1;
        }
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(length) = memchr2(b'\r', b'\n', rest) else {
                self.buffer(rest)?;
                break;
            };
            let line = at..at + length;
            at = line.end + 1;
            if bytes.get(line.end) == Some(&b'\r') {
                match bytes.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            self.line(bytes, line, &mut read, on)?;
        }
        self.spill(bytes, &mut read);
        Ok(())
    }

    /// Ends the stream: hands out a last event that has data but lacks its blank line, and starts anew.
    pub fn finish<E: From<SseError>>(
        &mut self,
        on: &mut dyn FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last = std::mem::replace(self, Self::with_limit(self.limit));
        let mut read = Read::default();
        if !last.line.is_empty() {
            last.line(&[], 0..0, &mut read, on)?;
        }
        last.dispatch(&[], &mut read, on)
    }

    /// Whether nothing is buffered, so that the stream may end here.
    pub fn is_idle(&self) -> bool {
        self.line.is_empty() && self.event.is_empty() && self.data.is_none()
    }
}

/// Writes an event; line breaks in `data` part it into several `data` lines.
///
/// Of an event name that has line breaks only the first line is written.
pub fn write_sse(out: &mut Vec<u8>, event: Option<&str>, data: &str) {
    if let Some(name) = event.and_then(|event| lines(event).next()) {
        write_line(out, "event: ", name);
    }
    for line in lines(data) {
        write_line(out, "data: ", line);
    }
    out.push(b'\n');
}

/// Writes a comment, which clients ignore: it keeps a connection alive.
pub fn write_sse_comment(out: &mut Vec<u8>, text: &str) {
    for line in lines(text) {
        write_line(out, ": ", line);
    }
    out.push(b'\n');
}

/// Fields of the current event that are whole in the bytes being read, by their place in them.
#[derive(Default)]
struct Read {
    event: Option<Range<usize>>,
    data: Option<Range<usize>>,
}

/// What a line says, and where its value starts.
enum Line {
    Blank,
    Data(usize),
    Event(usize),
    Ignored,
}

impl Line {
    fn parse(line: &[u8]) -> Self {
        if line.is_empty() {
            return Self::Blank;
        }
        if let Some(rest) = line.strip_prefix(b"data") {
            return Self::value_start(rest).map_or(Self::Ignored, |skip| Self::Data(4 + skip));
        }
        if let Some(rest) = line.strip_prefix(b"event") {
            return Self::value_start(rest).map_or(Self::Ignored, |skip| Self::Event(5 + skip));
        }
        Self::Ignored
    }

    /// What to skip between a field's name and its value; nothing if the name goes on.
    fn value_start(rest: &[u8]) -> Option<usize> {
        match rest {
            [] => Some(0),
            [b':', b' ', ..] => Some(2),
            [b':', ..] => Some(1),
            _ => None,
        }
    }
}

impl SseDecoder {
    /// Takes a line that ends in this read, at `place` in its bytes.
    fn line<E: From<SseError>>(
        &mut self,
        bytes: &[u8],
        place: Range<usize>,
        read: &mut Read,
        on: &mut dyn FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = slice(bytes, &place);
        if self.line.len() + line.len() > self.limit {
            return Err(SseError::TooLong.into());
        }
        if self.line.is_empty() {
            let mark = self.byte_order_mark(line);
            let start = place.start + mark;
            match Line::parse(slice(line, &(mark..line.len()))) {
                Line::Blank => return self.dispatch(bytes, read, on),
                Line::Data(skip) => self.data_in_place(bytes, start + skip..place.end, read),
                Line::Event(skip) => {
                    self.event.clear();
                    read.event = Some(start + skip..place.end);
                }
                Line::Ignored => {}
            }
        } else {
            // The line began in an earlier read, so nothing of this read is pending.
            let mut whole = std::mem::take(&mut self.line);
            whole.extend_from_slice(line);
            let mark = self.byte_order_mark(&whole);
            whole.drain(..mark);
            match Line::parse(&whole) {
                Line::Blank => return self.dispatch(bytes, read, on),
                Line::Data(skip) => self.append_data(slice(&whole, &(skip..whole.len()))),
                Line::Event(skip) => {
                    whole.drain(..skip);
                    self.event = whole;
                }
                Line::Ignored => {}
            }
        }
        self.check_event(read).map_err(E::from)
    }

    /// Keeps the start of a line.
    fn buffer(&mut self, start: &[u8]) -> Result<(), SseError> {
        if self.line.len() + start.len() > self.limit {
            return Err(SseError::TooLong);
        }
        self.line.extend_from_slice(start);
        Ok(())
    }

    /// Hands out the current event if it has data, and forgets it.
    fn dispatch<E: From<SseError>>(
        &mut self,
        bytes: &[u8],
        read: &mut Read,
        on: &mut dyn FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Read { event, data } = std::mem::take(read);
        let earlier_event = std::mem::take(&mut self.event);
        let earlier_data = self.data.take();
        let event = event.map_or(earlier_event.as_slice(), |place| slice(bytes, &place));
        let data = match (&earlier_data, data) {
            (Some(data), _) => data.as_slice(),
            (None, Some(place)) => slice(bytes, &place),
            (None, None) => return Ok(()),
        };
        on(SseEvent { event: &String::from_utf8_lossy(event), data: &String::from_utf8_lossy(data) })
    }

    fn data_in_place(&mut self, bytes: &[u8], place: Range<usize>, read: &mut Read) {
        if self.data.is_none() && read.data.is_none() {
            read.data = Some(place);
            return;
        }
        if let Some(first) = read.data.take() {
            self.append_data(slice(bytes, &first));
        }
        self.append_data(slice(bytes, &place));
    }

    fn append_data(&mut self, value: &[u8]) {
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
    }

    fn check_event(&self, read: &Read) -> Result<(), SseError> {
        let in_place = |place: &Option<Range<usize>>| place.as_ref().map_or(0, Range::len);
        let earlier = self.event.len() + self.data.as_ref().map_or(0, Vec::len);
        if earlier + in_place(&read.event) + in_place(&read.data) > self.limit {
            return Err(SseError::TooLong);
        }
        Ok(())
    }

    /// Copies what the next read will still need.
    fn spill(&mut self, bytes: &[u8], read: &mut Read) {
        if let Some(place) = read.event.take() {
            self.event = slice(bytes, &place).to_vec();
        }
        if let Some(place) = read.data.take() {
            self.append_data(slice(bytes, &place));
        }
    }

    /// Length of the byte order mark that the first line of a stream may start with.
    fn byte_order_mark(&mut self, line: &[u8]) -> usize {
        let first = std::mem::take(&mut self.at_start);
        if first && line.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 }
    }
}

fn slice<'a>(bytes: &'a [u8], place: &Range<usize>) -> &'a [u8] {
    bytes.get(place.clone()).unwrap_or_default()
}

fn write_line(out: &mut Vec<u8>, prefix: &str, line: &str) {
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

/// The lines of a text, by the terminators that the decoder knows; always at least one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr2(b'\r', b'\n', text.as_bytes()) else {
            return rest.take();
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}
