//! One pass over a JSON object: checks the whole text and reports where its top-level members are.

use std::fmt;
use std::ops::Range;

/// Containers may be nested this deep; the top-level object counts as one.
const MAX_DEPTH: u32 = 128;

/// Why a text is not a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanError {
    offset: usize,
    line: usize,
    column: usize,
    expected: &'static str,
    truncated: bool,
}

impl ScanError {
    /// Bytes before the place where the text stops making sense.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Line of that place, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Column of that place in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What should have been there.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// Whether the text simply ends there.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn new(text: &[u8], offset: usize, expected: &'static str) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let is_char_start = |byte: &&u8| **byte & 0xC0 != 0x80;
        Self {
            offset,
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            column: 1 + before.iter().skip(line_start).filter(is_char_start).count(),
            expected,
            truncated: offset >= text.len(),
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, line, column, expected, .. } = self;
        let found = if self.truncated { ", but the text ends there" } else { "" };
        write!(f, "invalid JSON: expected {expected} at line {line} column {column} (byte {offset}){found}")
    }
}

impl std::error::Error for ScanError {}

/// Where a member is in the source.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The key's literal, quotes included.
    pub(crate) key: Range<usize>,
    /// The value, without surrounding white space.
    pub(crate) value: Range<usize>,
    /// The key's literal has escapes.
    pub(crate) escaped: bool,
}

/// Strings that a scan looks out for on its way, keys and values alike, so that nobody has to search a long text for
/// what is rarely there.
const WORDS: [&str; 10] = [
    "assistant",
    "cache_control",
    "developer",
    "file",
    "system",
    "thinking_blocks",
    "thought_signature",
    "thought_signatures",
    "tool_calls",
    "type",
];

/// What a scan came across anywhere in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// One bit for each of [`WORDS`].
    words: u16,
    /// The literal `null`.
    pub(crate) null: bool,
}

impl Seen {
    /// Whether this string, written without escapes, occurs; `None` if the scan does not look out for it.
    pub(crate) fn word(self, word: &str) -> Option<bool> {
        let at = WORDS.iter().position(|own| *own == word)?;
        Some(self.words & 1 << at != 0)
    }

    /// Notes a string by its literal's inside. Most strings are of another length than every word.
    #[inline]
    fn note(&mut self, inner: &[u8]) {
        const LENGTHS: u32 = {
            let (mut lengths, mut at) = (0, 0);
            while at < WORDS.len() {
                lengths |= 1 << WORDS[at].len();
                at += 1;
            }
            lengths
        };
        if inner.len() < 32 && LENGTHS & 1 << inner.len() != 0 {
            let found = WORDS.iter().position(|word| word.as_bytes() == inner);
            self.words |= found.map_or(0, |at| 1 << at);
        }
    }
}

/// Checks that `text` is one JSON object and nothing else, and finds its members.
pub(crate) fn scan(text: &[u8]) -> Result<(Vec<Span>, Seen), ScanError> {
    if let Err(error) = simdutf8::compat::from_utf8(text) {
        return Err(ScanError::new(text, error.valid_up_to(), "valid UTF-8"));
    }
    let mut scanner = Scanner::new(text);
    let mut members = Vec::with_capacity(16);
    match scanner.document(&mut members) {
        Ok(()) => Ok((members, scanner.seen)),
        Err(expected) => Err(ScanError::new(text, scanner.at, expected)),
    }
}

/// `Err` says what was expected at `at`.
type Step<T = ()> = Result<T, &'static str>;

#[derive(Clone)]
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    seen: Seen,
    /// The last string had escapes.
    escaped: bool,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, seen: Seen::default(), escaped: false }
    }

    fn document(&mut self, members: &mut Vec<Span>) -> Step {
        if self.peek_token() != Some(b'{') {
            return Err("a JSON object");
        }
        self.at += 1;
        if self.peek_token() == Some(b'}') {
            self.at += 1;
        } else {
            self.members(members)?;
        }
        match self.peek_token() {
            None => Ok(()),
            Some(_) => Err("nothing after the object"),
        }
    }

    /// The members of the top-level object up to and with its closing brace.
    fn members(&mut self, members: &mut Vec<Span>) -> Step {
        loop {
            let member = self.member()?;
            members.push(member);
            match self.peek_token() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err("`,` or `}`"),
            }
        }
    }

    #[inline]
    fn member(&mut self) -> Step<Span> {
        let key = self.key()?;
        let escaped = self.escaped;
        self.peek_token();
        let start = self.at;
        self.value()?;
        Ok(Span { key, value: start..self.at, escaped })
    }

    /// One value with all that it contains; `at` ends right behind it.
    fn value(&mut self) -> Step {
        // One bit per open container, the innermost lowest: set for an object.
        let mut open: u128 = 0;
        let mut depth = 1;
        loop {
            match self.peek_token() {
                Some(b'"') => self.string()?,
                Some(bracket @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err("at most 128 levels of nesting");
                    }
                    self.at += 1;
                    let object = bracket == b'{';
                    depth += 1;
                    open = open << 1 | u128::from(object);
                    let close = if object { b'}' } else { b']' };
                    if self.peek_token() != Some(close) {
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal(b"true", "`true`")?,
                Some(b'f') => self.literal(b"false", "`false`")?,
                Some(b'n') => {
                    self.literal(b"null", "`null`")?;
                    self.seen.null = true;
                }
                _ => return Err("a value"),
            }
            if self.close(&mut open, &mut depth)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes containers. `true` when the outermost value is complete, `false` when another follows.
    #[inline]
    fn close(&mut self, open: &mut u128, depth: &mut u32) -> Step<bool> {
        while *depth > 1 {
            let object = *open & 1 == 1;
            match (self.peek_token(), object) {
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    *open >>= 1;
                    *depth -= 1;
                }
                (Some(b','), true) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(false);
                }
                (Some(b','), false) => {
                    self.at += 1;
                    return Ok(false);
                }
                (_, true) => return Err("`,` or `}`"),
                (_, false) => return Err("`,` or `]`"),
            }
        }
        Ok(true)
    }

    /// A key with its colon; returns where the key's literal is.
    #[inline]
    fn key(&mut self) -> Step<Range<usize>> {
        if self.peek_token() != Some(b'"') {
            return Err("a key in double quotes");
        }
        let start = self.at;
        self.string()?;
        let end = self.at;
        if self.peek_token() != Some(b':') {
            return Err("`:` after the key");
        }
        self.at += 1;
        Ok(start..end)
    }

    /// A string whose opening quote is at `at`.
    #[inline]
    fn string(&mut self) -> Step {
        self.at += 1;
        let start = self.at;
        self.escaped = false;
        loop {
            self.at += plain_run(self.text, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.seen.note(self.text.get(start..self.at).unwrap_or_default());
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err("an escape instead of a control character"),
                None => return Err("the end of the string"),
            }
        }
    }

    /// An escape whose backslash is at `at`.
    #[inline]
    fn escape(&mut self) -> Step {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                self.hex_digits()
            }
            _ => Err("one of `\"\\/bfnrtu` after a backslash"),
        }
    }

    fn hex_digits(&mut self) -> Step {
        for _ in 0..4 {
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return Err("four hexadecimal digits");
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Step {
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _sign = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Step {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err("a digit") } else { Ok(()) }
    }

    #[inline]
    fn literal(&mut self, word: &[u8], expected: &'static str) -> Step {
        for &letter in word {
            if !self.skip(letter) {
                return Err(expected);
            }
        }
        Ok(())
    }

    #[inline]
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is not white space; `at` moves to it.
    #[inline]
    fn peek_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other,
            }
        }
    }
}

/// How many bytes from `at` on stand in a string's literal as they are.
///
/// Most strings are short and found within a few words; long ones are skimmed in chunks.
#[inline]
pub(crate) fn plain_run(text: &[u8], at: usize) -> usize {
    let mut end = at;
    let mut plain_words = 0;
    loop {
        match special_in_word(text, end) {
            Some(8) => {
                end += 8;
                plain_words += 1;
                if plain_words == 4 {
                    plain_words = 0;
                    end += plain_chunks(text, end);
                }
            }
            Some(plain) => return end + plain - at,
            None => return end + plain_bytes(text, end) - at,
        }
    }
}

/// Length of the run of 32-byte chunks from `at` on that hold no special byte; the loop compiles to SIMD.
fn plain_chunks(text: &[u8], at: usize) -> usize {
    let (chunks, _) = text.get(at..).unwrap_or_default().as_chunks::<32>();
    let is_plain = |chunk: &&[u8; 32]| !chunk.iter().fold(false, |found, &byte| found | is_special(byte));
    32 * chunks.iter().take_while(is_plain).count()
}

/// Index of the first special byte among the eight at `at`, or 8; `None` when there are fewer than eight.
#[inline]
fn special_in_word(text: &[u8], at: usize) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(*text.get(at..)?.first_chunk()?);
    // Subtracting makes a byte's high bit if it was less; borrows only spoil bytes above the first hit.
    let less = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let hits = (less(word, 0x20) | less(quote, 1) | less(backslash, 1)) & HIGH;
    Some(hits.trailing_zeros() as usize / 8)
}

#[cold]
fn plain_bytes(text: &[u8], at: usize) -> usize {
    text.iter().skip(at).take_while(|&&byte| !is_special(byte)).count()
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
