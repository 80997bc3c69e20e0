//! A walk through values of a text that has been scanned: what stands there is known to be well formed, so that whole
//! values are skipped without a look at what is in them.

use std::ops::Range;

use crate::scan::{Span, plain_run};

/// Walks the members of an object.
#[derive(Clone)]
pub(crate) struct Walk<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    /// `None` if the text is no object.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let text = text.as_bytes();
        let at = token(text, 0)?;
        (text.get(at) == Some(&b'{')).then_some(Self { text, at })
    }
}

impl Iterator for Walk<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let text = self.text;
        // Before the first member stands a brace, before each other one a comma.
        let mark = token(text, self.at)?;
        if !matches!(text.get(mark)?, b'{' | b',') {
            return None;
        }
        let start = token(text, mark + 1).filter(|at| text.get(*at) == Some(&b'"'))?;
        let key = start..string_end(text, start)?;
        let escaped = text.get(key.clone())?.contains(&b'\\');
        let colon = token(text, key.end).filter(|at| text.get(*at) == Some(&b':'))?;
        let value = token(text, colon + 1)?;
        let value = value..value_end(text, value)?;
        self.at = value.end;
        Some(Span { key, value, escaped })
    }
}

/// Where the elements of a list are; nothing if the text is no list.
pub(crate) fn elements(text: &str) -> Option<impl Iterator<Item = Range<usize>>> {
    let text = text.as_bytes();
    let mut at = token(text, 0).filter(|at| text.get(*at) == Some(&b'['))?;
    Some(std::iter::from_fn(move || {
        // Before the first element stands a bracket, before each other one a comma.
        let mark = token(text, at)?;
        if !matches!(text.get(mark)?, b'[' | b',') {
            return None;
        }
        let start = token(text, mark + 1).filter(|at| text.get(*at) != Some(&b']'))?;
        at = value_end(text, start)?;
        Some(start..at)
    }))
}

/// Where the next byte is that is not white space.
#[inline]
fn token(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))?;
    Some(at + blanks)
}

/// Behind the value that starts at `at`.
#[inline]
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'{' => container_end(text, at, b'{', b'}'),
        b'[' => container_end(text, at, b'[', b']'),
        _ => {
            let rest = text.get(at..)?;
            let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            Some(at + rest.iter().position(is_end).unwrap_or(rest.len()))
        }
    }
}

/// Behind the string whose opening quote is at `at`.
#[inline]
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += plain_run(text, at);
        match text.get(at)? {
            b'"' => return Some(at + 1),
            // An escape is two bytes, or begins with two that end nothing.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Behind the container that starts at `at`. Brackets of the other kind are balanced between its own.
fn container_end(text: &[u8], mut at: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_u32;
    loop {
        let byte = *text.get(at)?;
        if byte == b'"' {
            at = string_end(text, at)?;
            continue;
        }
        at += 1;
        if byte == open {
            depth = depth.saturating_add(1);
        } else if byte == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{Object, object::members};

    #[test]
    fn a_walk_finds_what_a_scan_finds() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1}"#,
            r#" { "a" : -1.5e3 , "b" : "x" } "#,
            r#"{"a\"b":"\\","c":"\\\"}","d":"[{"}"#,
            r#"{"a":{"b":[{"}":"]"}],"c":{}},"d":[[],["]",{"e":"\u007b"}]],"e":null,"f":true}"#,
            "{\"a\"\n:\t[ 1 ,\r\n2 ] ,\"\":\"\"}",
        ] {
            let scanned = Object::scan(Bytes::from(text)).unwrap();
            let scanned: Vec<_> = scanned.members().map(|member| (member.key, member.raw)).collect();
            let walked: Vec<_> = members(text).map(|(key, value)| (key, value.as_bytes())).collect();
            assert_eq!(walked, scanned, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_cut_ends_the_walk() {
        let text = r#"{"a":"\\","b":[{"c":"d"}],"e":1}"#;
        for end in 0..text.len() {
            assert!(members(&text[..end]).count() <= 3);
            let list = text.get(14..end).unwrap_or_default();
            assert!(super::elements(list).is_none_or(|list| list.count() <= 1), "{list}");
        }
    }
}
