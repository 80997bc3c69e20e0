//! A JSON object by its top-level members, read and edited without parsing the values.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::edit::{self, Edits};
use crate::payload::Payload;
use crate::scan::{self, ScanError, Seen, Span};
use crate::text::{quote, unescape};
use crate::walk::Walk;

/// A checked JSON object: the source text and where its top-level members are, in order.
///
/// The whole text is valid JSON (RFC 8259) in UTF-8, at most 128 levels deep, with nothing behind the object.
/// Of members with the same key the last one counts.
#[derive(Clone)]
pub struct Object {
    source: Bytes,
    members: Vec<Span>,
    seen: Seen,
}

/// One top-level member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key, unescaped.
    pub key: Cow<'a, str>,
    /// The JSON text of the value.
    pub raw: &'a [u8],
}

/// Iterator over the members of an [`Object`].
#[derive(Clone)]
pub struct Members<'a> {
    object: &'a Object,
    spans: std::slice::Iter<'a, Span>,
}

impl Object {
    /// Checks the text and finds its members.
    pub fn scan(source: Bytes) -> Result<Self, ScanError> {
        let (members, seen) = scan::scan(&source)?;
        Ok(Self { source, members, seen })
    }

    /// The whole text as it was given.
    pub fn source(&self) -> &Bytes {
        &self.source
    }

    /// All members in order, duplicates included.
    pub fn members(&self) -> Members<'_> {
        Members { object: self, spans: self.members.iter() }
    }

    /// The JSON text of a value.
    pub fn raw(&self, key: &str) -> Option<&str> {
        // The scan has checked the source, and a value starts and ends on characters.
        str::from_utf8(self.value(key)?).ok()
    }

    /// The JSON text of a value, sharing the source's memory.
    pub fn raw_bytes(&self, key: &str) -> Option<Bytes> {
        self.find(key).map(|span| self.source.slice(span.value.clone()))
    }

    /// The value, unescaped, if it is a string.
    pub fn str(&self, key: &str) -> Option<Cow<'_, str>> {
        let inner = self.value(key)?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        str::from_utf8(inner).ok().map(unescape)
    }

    /// The value if it is `true` or `false`.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.value(key)? {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The value if it is a whole number that fits, written without fraction or exponent.
    pub fn u64(&self, key: &str) -> Option<u64> {
        str::from_utf8(self.value(key).filter(|raw| raw.len() <= 20)?).ok()?.parse().ok()
    }

    /// Whether the value is there and `null`.
    pub fn is_null(&self, key: &str) -> bool {
        self.value(key) == Some(b"null")
    }

    /// Whether the string occurs anywhere in the text, as a key or a value, written without escapes. Costs nothing for
    /// the few words that a scan looks out for, a search for others.
    pub fn mentions(&self, word: &str) -> bool {
        self.seen.word(word).unwrap_or_else(|| {
            let literal = quote(word);
            memchr::memmem::find(&self.source, literal.as_bytes()).is_some()
        })
    }

    /// Whether the literal `null` occurs anywhere in the text.
    pub fn mentions_null(&self) -> bool {
        self.seen.null
    }

    /// Whether there is such a member, `null` included.
    pub fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The text with some members changed; all bytes outside the edits are the source's own.
    ///
    /// Without an edit that changes anything, the result is the source itself.
    pub fn splice(&self, edits: &Edits) -> Payload {
        edit::splice(&self.source, &self.members, edits)
    }

    fn value(&self, key: &str) -> Option<&[u8]> {
        self.source.get(self.find(key)?.value.clone())
    }

    fn find(&self, key: &str) -> Option<&Span> {
        self.members.iter().rev().find(|span| key_is(&self.source, span, key))
    }
}

/// Prints lengths only: bodies are private.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} members, {} bytes)", self.members.len(), self.source.len())
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let span = self.spans.next()?;
        let source: &'a [u8] = &self.object.source;
        Some(Member { key: key_of(source, span), raw: source.get(span.value.clone()).unwrap_or_default() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Members<'_> {}

/// The members of an object inside a scanned text, such as [`Object::raw`] gives: key and JSON text of the value.
///
/// Made for values: `text` is not checked again. Nothing comes of a text that is no object.
pub fn members(text: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    Walk::of(text).into_iter().flatten().filter_map(move |span| {
        let key = text.get(span.key.start + 1..span.key.end - 1)?;
        let key = if span.escaped { unescape(key) } else { Cow::Borrowed(key) };
        Some((key, text.get(span.value)?))
    })
}

/// Whether the member at `span` has this key.
pub(crate) fn key_is(source: &[u8], span: &Span, key: &str) -> bool {
    if span.escaped { key_of(source, span) == key } else { key_literal(source, span) == key.as_bytes() }
}

fn key_of<'a>(source: &'a [u8], span: &Span) -> Cow<'a, str> {
    unescape(str::from_utf8(key_literal(source, span)).unwrap_or_default())
}

/// The key without its quotes.
fn key_literal<'a>(source: &'a [u8], span: &Span) -> &'a [u8] {
    source.get(span.key.start + 1..span.key.end - 1).unwrap_or_default()
}
