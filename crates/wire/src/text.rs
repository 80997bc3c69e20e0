//! JSON string literals: writing them and reading them.

use std::borrow::Cow;

use crate::scan::plain_run;

/// The JSON string literal for `text`, quotes included, with no more escapes than JSON demands.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote_into(&mut out, text);
    out
}

/// Appends the JSON string literal for `text`.
pub fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    let mut at = 0;
    loop {
        let plain = at..at + plain_run(text.as_bytes(), at);
        at = plain.end;
        out.push_str(text.get(plain).unwrap_or_default());
        let Some(&byte) = text.as_bytes().get(at) else { break };
        push_escape(out, byte);
        at += 1;
    }
    out.push('"');
}

/// Where the strings begin, behind their opening quotes, that are values of members with this key anywhere in a text of
/// JSON, as far as a look at the bytes can tell. A quote inside a string is escaped, so what is found is a key, not
/// something that somebody said. `key` is written without escapes.
pub fn strings_of<'a>(json: &'a [u8], key: &'a str) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(json, key).filter_map(|at| {
        json.get(..at)?.strip_suffix(b"\"")?;
        let rest = json.get(at + key.len()..)?.strip_prefix(b"\"")?.trim_ascii_start();
        let text = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
        Some(json.len() - text.len())
    })
}

/// The insides of those strings' literals, up to the first quote; a string that is cut off is none.
pub fn texts_of<'a>(json: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a str> {
    strings_of(json, key).filter_map(|start| {
        let text = json.get(start..)?;
        std::str::from_utf8(text.get(..memchr::memchr(b'"', text)?)?).ok()
    })
}

/// The text that the inside of a JSON string literal stands for.
///
/// `inner` comes from a text that was checked before. Half of a surrogate pair, which JSON's grammar lets pass but
/// which no text can hold, becomes U+FFFD.
pub(crate) fn unescape(inner: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else {
        return Cow::Borrowed(inner);
    };
    let mut out = String::with_capacity(inner.len());
    let (plain, mut rest) = inner.split_at(first);
    out.push_str(plain);
    while let Some(escape) = rest.strip_prefix('\\') {
        let after = push_unescaped(&mut out, escape);
        let next = memchr::memchr(b'\\', after.as_bytes()).unwrap_or(after.len());
        let (plain, tail) = after.split_at(next);
        out.push_str(plain);
        rest = tail;
    }
    Cow::Owned(out)
}

fn push_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        0x08 => out.push_str("\\b"),
        0x0c => out.push_str("\\f"),
        _ => {
            out.push_str("\\u00");
            for nibble in [byte >> 4, byte & 0xf] {
                out.extend(char::from_digit(u32::from(nibble), 16));
            }
        }
    }
}

/// Appends what the escape at the start of `text` (without its backslash) stands for; returns what follows it.
fn push_unescaped<'a>(out: &mut String, text: &'a str) -> &'a str {
    let mut chars = text.chars();
    let plain = match chars.next() {
        Some('u') => return push_unicode(out, chars.as_str()),
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some(other) => other,
        None => return "",
    };
    out.push(plain);
    chars.as_str()
}

/// `text` starts after `\u`.
fn push_unicode<'a>(out: &mut String, text: &'a str) -> &'a str {
    let Some((unit, rest)) = hex_unit(text) else {
        out.push(char::REPLACEMENT_CHARACTER);
        return text;
    };
    if (0xD800..0xDC00).contains(&unit)
        && let Some((low, after)) = rest.strip_prefix("\\u").and_then(hex_unit)
        && (0xDC00..0xE000).contains(&low)
    {
        let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return after;
    }
    out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn hex_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_behind_a_key() {
        let json = br#"{"a" : "x","b":"\"a\":\"no\"","a":null,"c":[{"a":"[y]"}],"a":"cut"#;
        assert_eq!(texts_of(json, "a").collect::<Vec<_>>(), ["x", "[y]"]);
        let starts: Vec<_> = strings_of(json, "a").map(|at| json.get(at..at + 1).unwrap()).collect();
        assert_eq!(starts, [b"x", b"[", b"c"]);
        assert_eq!(strings_of(b"\"a\"", "a").count() + strings_of(b"", "a").count(), 0);
    }

    #[test]
    fn quote_agrees_with_serde_json() {
        let mut every = String::new();
        every.extend((0u32..0x300).filter_map(char::from_u32));
        for text in ["", "plain", "a\"b\\c\n", "\u{7f}\u{2028}é😀", every.as_str()] {
            assert_eq!(quote(text), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn unescape_undoes_every_escape() {
        for inner in [r#"a\"\\\/\b\f\n\r\tz"#, r"\u00e9\u20AC\uD83D\ude00x", "", r"é\\"] {
            let expected: String = serde_json::from_str(&format!("\"{inner}\"")).unwrap();
            assert_eq!(unescape(inner), expected);
        }
        assert!(matches!(unescape("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        assert_eq!(unescape(r"\ud83dx"), "\u{fffd}x");
        assert_eq!(unescape(r"\ude00"), "\u{fffd}");
        assert_eq!(unescape(r"\ud83d\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(unescape(r"\ud83d\u0041"), "\u{fffd}A");
    }
}
