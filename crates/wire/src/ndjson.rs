//! Newline-delimited JSON: decoding reads of any size into lines.

use std::fmt;

use memchr::memchr;

/// What a line may take at most unless the decoder is told otherwise.
const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Decodes a stream of lines.
///
/// Bytes go in as they arrive, cut anywhere; lines come out as soon as they are complete, without their LF or CRLF.
/// Blank lines are skipped; invalid UTF-8 is replaced.
#[derive(Clone)]
pub struct NdjsonDecoder {
    limit: usize,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
}

/// Why a stream cannot be decoded further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdjsonError {
    /// A line is longer than the limit.
    TooLong,
}

impl fmt::Display for NdjsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("a line of newline-delimited JSON is longer than the limit"),
        }
    }
}

impl std::error::Error for NdjsonError {}

impl Default for NdjsonDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl NdjsonDecoder {
    /// A decoder at the start of a stream, with a limit of 16 MiB per line.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A decoder that refuses lines longer than the limit.
    pub fn with_limit(max_line_bytes: usize) -> Self {
        Self { limit: max_line_bytes, line: Vec::new() }
    }

    /// Takes the next bytes of the stream and hands out the lines that they complete.
    ///
    /// After an error, from here or from `on`, the rest of the stream has no meaning.
    pub fn feed<E: From<NdjsonError>>(
        &mut self,
        mut bytes: &[u8],
        on: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            self.check(line)?;
            if self.line.is_empty() {
                hand_out(line, on)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                hand_out(&whole, on)?;
            }
        }
        self.check(bytes)?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the stream: hands out a last line that lacks its terminator, and starts anew.
    pub fn finish<E: From<NdjsonError>>(
        &mut self,
        on: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        hand_out(&std::mem::take(&mut self.line), on)
    }

    /// Whether nothing is buffered, so that the stream may end here.
    pub fn is_idle(&self) -> bool {
        self.line.is_empty()
    }

    fn check(&self, more: &[u8]) -> Result<(), NdjsonError> {
        if self.line.len() + more.len() > self.limit { Err(NdjsonError::TooLong) } else { Ok(()) }
    }
}

fn hand_out<E>(line: &[u8], on: &mut dyn FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    on(&String::from_utf8_lossy(line))
}
